//! Layer 4: how an account is judged while some of what it has carries no valid price.
//!
//! What has no valid price counts for nothing and stops nothing. What could matter restricts nothing but itself. So an account
//! is looked at in several ways, and nobody is liquidated who stands in one of them:
//!
//! | view | an asset it owns, without a valid price | a position, or a debt, without a valid price |
//! |---|---|---|
//! | last | counts at its last price, while that is recent | counts at its last price |
//! | priced | left out | left out |
//! | firm | left out | counts at its last price |
//!
//! An account is liquidated when it is below maintenance in *last* and in *priced*, and then in the one in which it stands
//! better. It stands better again when it does in *firm* and has no position or debt without a price. Orders in a market
//! without a valid price cannot fill and are left out of all three.

use std::collections::{BTreeMap, BTreeSet};

use marks::Validity;
use model::{AssetId, InstrumentId};
use units::{Money, Timestamp};

use super::l4;
use crate::state::{AccountState, Balance, State};
use crate::{AccountId, Desk, FeedId, Judged, Reject, Status};

/// What of an account has no valid price.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Assets without one.
    assets: BTreeSet<AssetId>,
    /// Those of them whose last price is not recent any more.
    lapsed: BTreeSet<AssetId>,
    /// Instruments without one.
    instruments: BTreeSet<InstrumentId>,
    /// Why the first asset that it owns has none.
    void: Option<Reject>,
    /// Why the first position or debt has none.
    blind: Option<Reject>,
    /// Why the first market that it has an order in has none.
    idle: Option<Reject>,
}

/// A way to look at an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Last,
    Priced,
    Firm,
}

impl Sight {
    /// What of `account` has no valid price at `now`.
    pub fn of(state: &State, desk: &Desk, now: Timestamp, account: &AccountState) -> Self {
        let mut sight = Self::default();
        if desk.trusts_all(state, now) {
            return sight;
        }
        let mut known = BTreeMap::new();
        let mut flaw = |feeds: &[FeedId]| -> Option<Reject> {
            feeds
                .iter()
                .find_map(|feed| known.entry(*feed).or_insert_with(|| desk.valid(state, now, *feed).err()).clone())
        };
        for balance in &account.balances {
            let mut feeds = Vec::new();
            l4::of_asset(state, balance.asset, &mut feeds);
            let is_lapsed = feeds.iter().any(|feed| lapsed(state, desk, *feed));
            let Some(why) = flaw(&feeds) else { continue };
            sight.assets.insert(balance.asset);
            if is_lapsed {
                sight.lapsed.insert(balance.asset);
            }
            let reason = if balance.amount.is_negative() { &mut sight.blind } else { &mut sight.void };
            reason.get_or_insert(why);
        }
        let held = account.positions.iter().map(|held| (held.instrument, true));
        let ordered = account.orders.iter().map(|order| (order.instrument, false));
        for (instrument, is_held) in held.chain(ordered) {
            let mut feeds = Vec::new();
            l4::of_instrument(state, instrument, &mut feeds);
            let Some(why) = flaw(&feeds) else { continue };
            sight.instruments.insert(instrument);
            let reason = if is_held { &mut sight.blind } else { &mut sight.idle };
            reason.get_or_insert(why);
        }
        sight
    }

    /// Why something that the account risks has no valid price: a position, a debt or an order.
    pub fn risk(&self) -> Result<(), Reject> {
        self.blind.as_ref().or(self.idle.as_ref()).map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Why something that the account has or owes has no valid price.
    pub fn flaw(&self) -> Option<&Reject> {
        self.blind.as_ref().or(self.void.as_ref())
    }

    /// The account without the assets that have no valid price.
    pub fn firm(&self, account: &AccountState) -> AccountState {
        self.view(View::Firm, account)
    }

    fn view(&self, view: View, account: &AccountState) -> AccountState {
        let mut seen = account.clone();
        let gone = if view == View::Last { &self.lapsed } else { &self.assets };
        let owed = |held: &Balance| held.amount.is_negative() && view != View::Priced;
        seen.balances.retain(|held| owed(held) || !gone.contains(&held.asset));
        seen.orders.retain(|order| !self.instruments.contains(&order.instrument));
        if view == View::Priced {
            seen.positions.retain(|held| !self.instruments.contains(&held.instrument));
        }
        seen
    }
}

/// An account as it may be liquidated.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The account in the view in which it stands better: what is planned and traded is planned and traded for this.
    pub account: AccountState,
    /// Equity, margins and status with these prices.
    pub judged: Judged,
    /// What others would have to pay, in USD: nothing while it could have enough at last prices.
    pub lacking: Money,
    /// What of `judged.equity` carries a valid price or is owed.
    pub firm: Money,
    sight: Sight,
    view: View,
    last: Status,
    surely: Option<Status>,
}

impl Seen {
    /// Judges an account in every view that differs. Refuses one that cannot be judged in any of them.
    pub fn new(
        state: &State,
        desk: &Desk,
        now: Timestamp,
        id: AccountId,
        account: &AccountState,
    ) -> Result<Self, Reject> {
        let sight = Sight::of(state, desk, now, account);
        let judge = |view: View| {
            let seen = sight.view(view, account);
            let judged = desk.judge(state, &seen);
            judged.map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })
        };
        let loss = |equity: Money| equity.min(Money::ZERO).negated();
        let last = judge(View::Last);
        if sight.flaw().is_none() {
            let judged = last?;
            let (lacking, firm) = (loss(judged.equity)?, judged.equity);
            let seen = sight.view(View::Last, account);
            let (view, surely, last) = (View::Last, Some(judged.status), judged.status);
            return Ok(Self { account: seen, judged, lacking, firm, sight, view, last, surely });
        }
        let priced = judge(View::Priced);
        // What stands better decides, so that nobody is liquidated who stands in one of the views (I-35).
        let (view, judged) = match (&last, &priced) {
            (Ok(last), Ok(priced)) if excess(last)? >= excess(priced)? => (View::Last, *last),
            (_, Ok(priced)) => (View::Priced, *priced),
            (Ok(last), Err(_)) => (View::Last, *last),
            (Err(_), Err(why)) => return Err(why.clone()),
        };
        let whole = desk.judge(state, account).map_or(judged.equity, |whole| whole.equity);
        let most = priced.map_or(whole, |priced| priced.equity.max(whole)).max(judged.equity);
        let firm = judge(View::Firm);
        let surely = firm.as_ref().ok().filter(|_| sight.blind.is_none()).map(|firm| firm.status);
        let worth = if view == View::Priced { judged.equity } else { firm.map_or(Money::ZERO, |firm| firm.equity) };
        let seen = sight.view(view, account);
        let last = last.map_or(judged.status, |last| last.status);
        assert!(most >= judged.equity, "I-35: others pay for {most}, and the account has {}", judged.equity);
        Ok(Self { account: seen, judged, lacking: loss(most)?, firm: worth, sight, view, last, surely })
    }

    /// Whether it is below maintenance in every view.
    pub fn is_below(&self) -> bool {
        self.judged.status <= Status::Liquidation
    }

    /// How it stands without the assets that have no valid price; none where a position or a debt has none.
    pub fn surely(&self) -> Option<Status> {
        self.surely
    }

    /// Why something that it has or owes has no valid price.
    pub fn flaw(&self) -> Option<Reject> {
        self.sight.flaw().cloned()
    }

    /// Why a position or a debt of it has no valid price.
    pub fn blind(&self) -> Option<Reject> {
        self.sight.blind.clone()
    }

    /// How it is told to stand, when it was told `before`: worse where every view says so, better where all that could say
    /// otherwise has a price, and restricted at worst where only last prices say that it stands worse.
    pub fn standing(&self, before: Status) -> Status {
        match self.surely {
            _ if self.judged.status < before => self.judged.status,
            Some(surely) if surely > before => surely,
            _ if self.last < before => before.min(Status::Restricted),
            _ => before,
        }
    }

    /// What the account has above its maintenance margin.
    pub fn excess(&self) -> Result<Money, Reject> {
        Ok(excess(&self.judged)?)
    }

    /// How it would stand in the same view as `after`.
    pub fn after(&self, (state, desk): (&State, &Desk), id: AccountId, after: &AccountState) -> Result<Judged, Reject> {
        let judged = desk.judge(state, &self.sight.view(self.view, after));
        judged.map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })
    }

    /// Whether `after` leaves it with no less above its maintenance margin than it has (I-37).
    pub fn no_worse(&self, desk: (&State, &Desk), id: AccountId, after: &AccountState) -> Result<bool, Reject> {
        Ok(excess(&self.after(desk, id, after)?)? >= self.excess()?)
    }
}

fn excess(judged: &Judged) -> Result<Money, units::Overflow> {
    judged.equity.minus(judged.maintenance_margin)
}

/// Whether the last price of a feed was formed so long before the last tick that it counts for nothing.
pub fn lapsed(state: &State, desk: &Desk, feed: FeedId) -> bool {
    let quote = state.quote(feed).filter(|quote| quote.validity() == Validity::Invalid);
    let longest = desk.rules().engine.last_price_seconds;
    quote.is_some_and(|quote| state.market.time.seconds_since(quote.published) > longest)
}
