//! Looks a second time at an account with parts that have no valid price: at last prices, by the parts with a price only,
//! and without the assets that have none.
//!
//! An asset without a valid price counts for nothing and stops nothing (I-73): an account that is below maintenance at
//! last prices and by the parts with a price is to be liquidated, whatever else it holds.

use engine::state::{Mode, Offer, State};
use engine::{AccountId, Command, Envelope, Event, FeedId, Reject, Status};
use marks::Validity;
use model::{Account, AssetId, InstrumentKind};
use units::{Quantity, Timestamp};

use super::size::listing_mark;
use super::{Auditor, Standing, asset_feeds, instrument_feeds, trusted_feed, view};
use crate::{Finding, ensure};

/// The parts that are left out of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Left {
    /// Assets whose last price is not recent, and orders in markets without a valid price.
    #[default]
    Lapsed,
    /// Everything without a valid price.
    Unpriced,
    /// Assets without a valid price, and orders in markets without one.
    Void,
}

/// The standings of an account in these ways, where they can be computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Whether a balance, debt or position of the account has no valid price.
    pub flawed: bool,
    /// Whether a position or a debt has no valid price.
    pub blind: bool,
    /// The way in which the account stands better, among those that count for a liquidation.
    pub left: Left,
    /// Its standing with the better of the possible prices.
    pub better: Standing,
    /// Its standing without the assets that have no valid price.
    pub firm: Standing,
    /// The loss that others would have to pay, in USD.
    pub lacking: f64,
}

impl Seen {
    /// Whether the account is surely below its maintenance margin.
    pub fn is_below(&self) -> bool {
        self.better.equity < self.better.maintenance - self.better.tolerance
    }

    /// Whether the account is below its maintenance margin, or too near to tell.
    pub fn may_be_below(&self) -> bool {
        self.better.equity < self.better.maintenance + self.better.tolerance
    }
}

impl Auditor {
    /// Computes the standings of an account in every way; none when the account cannot be priced.
    pub(super) fn seen(&mut self, state: &State, place: usize, now: Timestamp) -> Option<Seen> {
        let ledger = &self.books.accounts[place];
        let unpriced = |asset: usize| !asset_feeds(state, asset).all(|feed| priced_feed(state, feed, now));
        let no_market = |instrument: &usize| !instrument_priced(state, *instrument, now);
        let owns = ledger.balances.iter().any(|((asset, _), held)| held.amount > 0 && unpriced(*asset));
        let owes = ledger.balances.iter().any(|((asset, _), held)| held.amount < 0 && unpriced(*asset));
        let blind = owes || ledger.lots.keys().any(no_market);
        let flawed = owns || blind;
        let last = self.viewed(state, place, Left::Lapsed, now)?;
        if !flawed {
            let (left, better, firm, lacking) = (Left::Lapsed, last, last, (-last.equity).max(0.0));
            return Some(Seen { flawed, blind, left, better, firm, lacking });
        }
        let priced = self.viewed(state, place, Left::Unpriced, now)?;
        let firm = self.viewed(state, place, Left::Void, now)?;
        let whole = self.standing(state, place).map_or(last.equity, |whole| whole.equity);
        let above = |standing: &Standing| standing.equity - standing.maintenance;
        let (left, better) =
            if above(&last) >= above(&priced) { (Left::Lapsed, last) } else { (Left::Unpriced, priced) };
        let lacking = (-priced.equity.max(whole).max(better.equity)).max(0.0);
        let firm_here = if left == Left::Unpriced { priced } else { firm };
        Some(Seen { flawed, blind, left, better, firm: if blind { firm_here } else { firm }, lacking })
    }

    /// The standing of an account without the parts that `left` names.
    pub(super) fn viewed(&mut self, state: &State, place: usize, left: Left, now: Timestamp) -> Option<Standing> {
        let mut view = view(state, &self.books, place, false)?;
        self.leave_out(state, &mut view, left, now);
        self.assess(state, &view)
    }

    fn leave_out(&mut self, state: &State, view: &mut Account, left: Left, now: Timestamp) {
        let longest =
            self.method(&state.method.text).map_or(0.0, |place| self.methods[place].1.rules.engine.last_price_seconds);
        let priced = |asset: AssetId| asset_feeds(state, asset.0).all(|feed| priced_feed(state, feed, now));
        let lapsed = |asset: AssetId| asset_feeds(state, asset.0).any(|feed| lapsed(state, feed, longest));
        view.balances.retain(|held| match (left, held.amount < Quantity::ZERO) {
            (Left::Lapsed, false) => !lapsed(held.asset),
            (Left::Void, false) | (Left::Unpriced, _) => priced(held.asset),
            (_, true) => true,
        });
        view.orders.retain(|order| instrument_priced(state, order.instrument.0, now));
        if left == Left::Unpriced {
            view.positions.retain(|held| instrument_priced(state, held.instrument.0, now));
        }
    }

    /// An account that an event reports below maintenance has a case from the same watch on, except in the time to cure
    /// (I-73).
    pub(super) fn has_cases(&mut self, state: &State) -> Result<(), Finding> {
        if !self.cases.is_calm(state, state.clock.micros()) {
            return Ok(());
        }
        let told = |(place, account): (usize, &engine::state::AccountState)| {
            (account.status <= Status::Liquidation && account.is_exposed()).then_some(place)
        };
        let told: Vec<usize> = state.accounts.iter().enumerate().filter_map(told).collect();
        for place in told.into_iter().filter(|place| !self.cases.open.contains_key(place)).collect::<Vec<_>>() {
            let Some(seen) = self.seen(state, place, state.clock) else { continue };
            ensure(!seen.is_below(), "I-73", || {
                format!("account {place} was told to be below maintenance and has no case: {:?}", seen.better)
            })?;
        }
        Ok(())
    }

    /// Checks a command that was refused in `state`: an asset without a valid price must not stop a liquidation (I-73).
    pub fn refused(&mut self, state: &State, envelope: &Envelope, reject: &Reject) -> Result<(), Finding> {
        let Command::Liquidate { account } = &envelope.command else { return Ok(()) };
        let Some(ledger) = self.books.accounts.get(account.place()) else { return Ok(()) };
        let unseen =
            matches!(reject, Reject::NoPrice { .. } | Reject::NotAssessable { .. } | Reject::NotInLiquidation { .. });
        if !unseen || ledger.lots.is_empty() || envelope.time < state.clock {
            return Ok(());
        }
        let now = envelope.time;
        let trades = |instrument: &usize| {
            let open = matches!(state.contracts[*instrument].mode, Mode::Open | Mode::ReduceOnly);
            open && instrument_priced(state, *instrument, now)
        };
        let (tradable, begun) = (ledger.lots.keys().any(trades), self.cases.open.contains_key(&account.place()));
        let Some(seen) = self.seen(state, account.place(), now) else { return Ok(()) };
        self.count("refused liquidations");
        // Where a position has no price, the rest may find no taker; an asset without a price is no such reason.
        let stopped = tradable && seen.is_below() && !(begun && seen.blind);
        ensure(!stopped, "I-73", || {
            format!("account {account} stands at {:?} and is not liquidated: {reject}", seen.better)
        })
    }

    /// Checks an offer that was withdrawn by a command that does not trade it: the account has recovered, or half of the
    /// offer would do (I-74).
    pub(super) fn falls(
        &mut self,
        state: &State,
        envelope: &Envelope,
        events: &[Event],
        before: &[(usize, Offer)],
    ) -> Result<(), Finding> {
        let own = envelope.command.liquidated();
        for event in events {
            let Event::Offered { account, offer: None } = event else { continue };
            let offer = before.iter().find(|(place, _)| *place == account.place());
            let Some((place, offer)) = offer.filter(|_| Some(*account) != own) else { continue };
            if offer.version != state.version || trades(events, *account) {
                continue;
            }
            self.count("withdrawn offers");
            self.rightly(state, envelope.time, *place, offer)?;
        }
        Ok(())
    }

    fn rightly(&mut self, state: &State, now: Timestamp, place: usize, offer: &Offer) -> Result<(), Finding> {
        let orders = std::mem::take(&mut self.books.accounts[place].orders);
        let seen = self.seen(state, place, now);
        let spot = state.contracts[offer.instrument.0].terms.kind == InstrumentKind::Spot;
        let half = if spot || offer.lots / 2 == 0 {
            None
        } else {
            let (instrument, mark) = (offer.instrument.0, listing_mark(state, offer.instrument.0));
            let supposed = self.books.supposing(place, instrument, (mark, offer.lots / 2), 0);
            let real = std::mem::replace(&mut self.books, supposed);
            let after = seen.and_then(|seen| self.viewed(state, place, seen.left, now));
            self.books = real;
            after
        };
        self.books.accounts[place].orders = orders;
        let beta = state.policy.liquidation.beta.to_f64();
        let enough = half.is_some_and(|half| half.equity - beta * half.maintenance > -2.0 * half.tolerance - 1e-6);
        let right = seen.is_some_and(|seen| seen.is_below()) && !enough && !spot;
        ensure(!right, "I-74", || format!("account {place}: {offer:?} was withdrawn, and is still right: {seen:?}"))
    }

    /// No account sends dust to an account of another owner (I-75).
    pub(super) fn no_dust(&mut self, state: &State, command: &Command) -> Result<(), Finding> {
        let Command::Transfer { from, to, asset, amount, .. } = command else { return Ok(()) };
        let owner = |account: &AccountId| self.books.accounts[account.place()].owner;
        if owner(from) == owner(to) {
            return Ok(());
        }
        let rules = self.method(&state.method.text);
        let least = rules.map_or(0.0, |place| self.methods[place].1.rules.engine.least_credit.to_f64());
        let worth = amount.to_f64() * state.market.price(*asset).usd().to_f64();
        ensure(worth >= least * (1.0 - 1e-9), "I-75", || {
            format!("account {from} sent account {to} {amount} of asset {asset:?}, worth {worth} USD")
        })
    }
}

/// Whether a feed has a price that was formed at the last tick and has not grown too old since.
pub(super) fn priced_feed(state: &State, feed: FeedId, now: Timestamp) -> bool {
    if feed == FeedId::Surface {
        let age = now.micros().saturating_sub(state.surface.published.micros());
        return state.surface.version > 0 && age <= state.policy.surface_age;
    }
    let fresh = |known: &engine::state::FeedState| {
        known.feed.last().is_some_and(|last| last.at >= now)
            || known.feed.quote(&known.rules, now).is_ok_and(|quote| quote.validity() != Validity::Invalid)
    };
    trusted_feed(state, feed) && state.feeds.get(&feed).is_some_and(fresh)
}

/// Whether all feeds of the mark of an instrument have a valid price.
pub(super) fn instrument_priced(state: &State, instrument: usize, now: Timestamp) -> bool {
    instrument_feeds(state, instrument).into_iter().all(|feed| priced_feed(state, feed, now))
}

/// Whether the last price of a feed was formed more than `longest` seconds before the last tick.
fn lapsed(state: &State, feed: FeedId, longest: f64) -> bool {
    let quote = state.quote(feed).filter(|quote| quote.validity() == Validity::Invalid);
    quote.is_some_and(|quote| state.market.time.seconds_since(quote.published) > longest)
}

/// Whether lots went to an account without the market, because its offer met the offer of another account.
fn trades(events: &[Event], account: AccountId) -> bool {
    events.iter().any(|event| matches!(event, Event::Transferred { to, .. } if *to == account))
}
