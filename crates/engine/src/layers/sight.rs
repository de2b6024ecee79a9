//! Layer 4: the judgment of an account while some of its assets or positions have no valid price.
//!
//! An asset or position without a valid price counts for nothing and stops nothing. If its value could matter, it
//! restricts only itself. So an account is judged in several views, and no account is liquidated that holds its
//! maintenance margin in one of them:
//!
//! | view | an asset it owns, without a valid price | a position, or a debt, without a valid price |
//! |---|---|---|
//! | last | counts at its last price, while that is recent | counts at its last price |
//! | priced | left out | left out |
//! | firm | left out | counts at its last price |
//!
//! An account is liquidated when it is below maintenance margin in *last* and in *priced*, and then in the view in
//! which it has more above that margin. Its status improves when it does in *firm* and no position or debt is without a
//! price. Orders in a market without a valid price cannot fill and are left out of all three views.

use std::collections::{BTreeMap, BTreeSet};

use model::{AssetId, InstrumentId};
use units::{Money, Timestamp};

use crate::feeds;
use crate::state::{AccountState, Balance, State};
use crate::{AccountId, Desk, FeedId, Judged, Reject, Status};

/// The parts of an account that have no valid price.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Assets without a valid price.
    assets: BTreeSet<AssetId>,
    /// The assets among them whose last price is not recent any more.
    lapsed: BTreeSet<AssetId>,
    /// Instruments without a valid price.
    instruments: BTreeSet<InstrumentId>,
    /// The reason why the first of the assets that the account owns has no valid price.
    void: Option<Reject>,
    /// The reason why the first of its positions or debts has no valid price.
    blind: Option<Reject>,
    /// The reason why the first of the markets it has orders in has no valid price.
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
    /// Finds the parts of `account` that have no valid price at `now`.
    pub fn of(state: &State, desk: &Desk, now: Timestamp, account: &AccountState) -> Self {
        let mut sight = Self::default();
        if desk.trusts_all(state, now) {
            return sight;
        }
        let longest = desk.rules().engine.last_price_seconds;
        let mut known = BTreeMap::new();
        let mut flaw = |feeds: &[FeedId]| -> Option<Reject> {
            feeds
                .iter()
                .find_map(|feed| known.entry(*feed).or_insert_with(|| desk.valid(state, now, *feed).err()).clone())
        };
        for balance in &account.balances {
            let mut depends = Vec::new();
            feeds::of_asset(state, balance.asset, &mut depends);
            let is_lapsed = depends.iter().any(|feed| feeds::lapsed(state, longest, *feed));
            let Some(why) = flaw(&depends) else { continue };
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
            let mut depends = Vec::new();
            feeds::of_instrument(state, instrument, &mut depends);
            let Some(why) = flaw(&depends) else { continue };
            sight.instruments.insert(instrument);
            let reason = if is_held { &mut sight.blind } else { &mut sight.idle };
            reason.get_or_insert(why);
        }
        sight
    }

    /// The reason why a position, a debt or an order of the account has no valid price.
    pub fn risk(&self) -> Result<(), Reject> {
        self.blind.as_ref().or(self.idle.as_ref()).map_or(Ok(()), |why| Err(why.clone()))
    }

    /// The reason why an asset, a position or a debt of the account has no valid price.
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

/// An account in the view in which it may be liquidated.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The account in the view in which it has more above its maintenance margin: plans and trades are made for this account.
    pub account: AccountState,
    /// Equity, margins and status in that view.
    pub judged: Judged,
    /// The loss that others would have to pay, in USD: 0 while the account could have enough at last prices.
    pub lacking: Money,
    /// The part of `judged.equity` that carries a valid price or is owed.
    pub firm: Money,
    sight: Sight,
    view: View,
    last: Status,
    surely: Option<Status>,
}

impl Seen {
    /// Judges an account in every view that differs. Refuses an account that cannot be judged in any of them.
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
        // The better view decides, so that no account is liquidated that holds its margin in one of the views (I-35).
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

    /// Whether the account is below maintenance margin in every view.
    pub fn is_below(&self) -> bool {
        self.judged.status <= Status::Liquidation
    }

    /// The status without the assets that have no valid price; none where a position or a debt has no valid price.
    pub fn surely(&self) -> Option<Status> {
        self.surely
    }

    /// The reason why an asset, a position or a debt of the account has no valid price.
    pub fn flaw(&self) -> Option<Reject> {
        self.sight.flaw().cloned()
    }

    /// The reason why a position or a debt of the account has no valid price.
    pub fn blind(&self) -> Option<Reject> {
        self.sight.blind.clone()
    }

    /// The status to record when the last one was `before`: worse where every view says so; better where everything
    /// that could say otherwise has a price; restricted at worst where only last prices say that it is worse.
    pub fn standing(&self, before: Status) -> Status {
        match self.surely {
            _ if self.judged.status < before => self.judged.status,
            Some(surely) if surely > before => surely,
            _ if self.last < before => before.min(Status::Restricted),
            _ => before,
        }
    }

    /// Equity less maintenance margin, in USD.
    pub fn excess(&self) -> Result<Money, Reject> {
        Ok(excess(&self.judged)?)
    }

    /// The judgment of `after` in the same view.
    pub fn after(&self, state: &State, desk: &Desk, id: AccountId, after: &AccountState) -> Result<Judged, Reject> {
        let judged = desk.judge(state, &self.sight.view(self.view, after));
        judged.map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })
    }

    /// Whether `after` has no less above its maintenance margin than the account has (I-37).
    pub fn no_worse(&self, state: &State, desk: &Desk, id: AccountId, after: &AccountState) -> Result<bool, Reject> {
        Ok(excess(&self.after(state, desk, id, after)?)? >= self.excess()?)
    }
}

fn excess(judged: &Judged) -> Result<Money, units::Overflow> {
    judged.equity.minus(judged.maintenance_margin)
}
