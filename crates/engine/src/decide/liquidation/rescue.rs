//! The steps after the market and the auction have not helped: the backstop, the funds, and at last the winning accounts.

use std::collections::{BTreeMap, BTreeSet};

use liquidation::deleverage;
use liquidation::waterfall::{Layers, waterfall};
use model::{InstrumentId, Payoff, UnderlyingId};
use units::{Money, Price, Quantity, Ratio, Round};

use super::auction::holds;
use super::handover::{Handover, is_open};
use super::{markets, winners};
use crate::depth;
use crate::layers::l6;
use crate::layers::sight::Seen;
use crate::state::{Mode, Position, Pot, State, times};
use crate::{AccountId, Cause, Context, Event, Reject};

/// A backstop takes as much as it can, within its budget and its own margin. A portfolio of which no backstop can take
/// a part goes to the accounts that hold the opposite.
pub fn take_over(context: Context<'_>, id: AccountId, seen: &Seen) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let whose = &state.accounts[id.place()];
    let lacking = seen.lacking;
    // The amount that goes with the whole portfolio: the loss that the account lacks, or the part of its worth that can
    // be paid.
    let whole =
        if lacking > Money::ZERO { lacking.negated()? } else { seen.firm.min(seen.judged.equity).max(Money::ZERO) };
    let owner = |account: &AccountId| state.accounts[account.place()].owner;
    let willing = state.liquidations.backstops.iter().filter(|backstop| owner(backstop) != whose.owner);
    if lacking <= depth::backstop_budget(state, whose)? {
        for backstop in willing {
            for parts in [1, 2, 4, 8, 16] {
                let share = Ratio::from_raw(Ratio::ONE.raw() / parts);
                let mut handover = Handover::new(state, now, id);
                handover.give_share(share, *backstop)?;
                if handover.events.is_empty() {
                    continue;
                }
                // The backstop receives all that the share is worth, or pays all that it lacks: this is the bankruptcy price.
                let worth = whole.scaled(share, Round::Down)?;
                let left = if worth.is_negative() {
                    handover.receive(*backstop, worth.negated()?, Cause::Takeover)?
                } else {
                    handover.pay(*backstop, worth, Cause::Takeover)?
                };
                if worth == Money::ZERO {
                    continue;
                }
                let fair = left == Money::ZERO && seen.no_worse(state, desk, id, &handover.leaves(id)?)?;
                if fair && holds(context, *backstop, &handover).is_ok() {
                    return handover.into_events(desk);
                }
            }
        }
    }
    deleverage(context, id, seen)
}

/// Covers the loss of an account without positions from the funds (I-47). A loss that they cannot pay stays the
/// account's debt, and while it does no account withdraws at the expense of others (I-51).
pub fn cover(context: Context<'_>, id: AccountId, seen: &Seen) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let mut handover = Handover::new(state, now, id);
    let left = from_funds(&mut handover, state, id, seen.lacking)?;
    if handover.events.is_empty() {
        let unseen = seen.flaw().filter(|_| left == Money::ZERO);
        return Err(unseen.unwrap_or(Reject::Deficit { deficit: left }));
    }
    handover.into_events(desk)
}

/// Closes the rest against winning accounts that hold the opposite: at the mark while funds cover the loss, else at the
/// price at which the rest of the loss is gone. Options close at their mark: their premium is no longer in the books,
/// so that the profit on them is not known.
fn deleverage(context: Context<'_>, id: AccountId, seen: &Seen) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let whose = &state.accounts[id.place()];
    let mut handover = Handover::new(state, now, id);
    let terms = |held: &Position| &state.contracts[held.instrument.0].terms;
    let left = from_funds(&mut handover, state, id, seen.lacking)?;
    let open: Vec<Position> =
        whose.positions.iter().filter(|held| is_open(state, now, held.instrument)).copied().collect();
    let losses = losses(state, &open, left)?;
    for underlying in markets(state, whose) {
        let legs: Vec<Position> = open.iter().filter(|held| terms(held).underlying == underlying).copied().collect();
        for (held, to, lots) in winners::closing(state, id, &legs, &losses)? {
            let mark = state.market.mark(held.instrument).in_quote();
            let price = match losses.get(&held.instrument) {
                Some(loss) => {
                    // The loss per unit, in the asset that the contract is paid in; one last decimal more, so that no
                    // dust of a debt is left.
                    let coin = state.market.price(terms(&held).settle).usd();
                    let loss = Money::from_raw(Quantity::from_raw(loss.raw()).over(coin, Round::Up)?.raw());
                    let price = deleverage::price(mark, loss, times(terms(&held).unit(), held.lots)?)?;
                    Price::from_raw(price.raw() + i128::from(loss > Money::ZERO) * i128::from(held.lots.signum()))
                }
                None => mark,
            };
            handover.give(held.instrument, price, -held.lots.signum() * lots, to)?;
        }
    }
    if handover.events.is_empty() {
        // No loss is left; an open market is missing, or winners to close against.
        let closed = || seen.blind().unwrap_or(Reject::Mode { mode: Mode::Halted });
        return Err(if left > Money::ZERO { Reject::Deficit { deficit: left } } else { closed() });
    }
    handover.into_events(desk)
}

/// The part of a loss that each linear contract makes good, in USD: in proportion to its notional, and no more than
/// moves its price by the size of the mark ([`model::Market::mark_size`]) less a tick. So no trade is made at zero or
/// below where prices are never negative.
fn losses(state: &State, positions: &[Position], loss: Money) -> Result<BTreeMap<InstrumentId, Money>, Reject> {
    let terms = |held: &Position| &state.contracts[held.instrument.0].terms;
    let linear: Vec<&Position> =
        positions.iter().filter(|held| !terms(held).is_option() && terms(held).payoff == Payoff::Linear).collect();
    let notionals: Vec<Money> =
        linear.iter().map(|held| state.lots_usd(terms(held), held.lots)).collect::<Result<_, _>>()?;
    let mut losses = BTreeMap::new();
    for (held, loss) in linear.into_iter().zip(deleverage::spread(loss, &notionals)) {
        // Where prices may be negative, a mark far below zero can move as far as a mark equally far above it.
        let size = state.market.mark_size(state.market.listing(held.instrument))?.in_quote();
        let size = size.minus(terms(held).tick)?.max(Price::ZERO);
        let most = times(terms(held).unit(), held.lots.saturating_abs())?.at(size, Round::Down)?;
        let coin = state.market.price(terms(held).settle).usd();
        let most = Quantity::from_raw(most.raw()).at(coin, Round::Down)?;
        losses.insert(held.instrument, loss.min(most));
    }
    Ok(losses)
}

/// Pays a loss from the funds of the markets it was made in, then from the shared fund up to its share for one
/// liquidation. Returns the rest of the loss. These are the markets that the account had positions in when its case
/// began and those of its positions now: a hedge may have taken it into another.
fn from_funds(handover: &mut Handover<'_>, state: &State, id: AccountId, lacking: Money) -> Result<Money, Reject> {
    let case = state.liquidations.cases.get(&id);
    let known = case.map(|case| case.markets.as_slice()).unwrap_or_default();
    let here = markets(state, &state.accounts[id.place()]);
    let markets: BTreeSet<UnderlyingId> = known.iter().copied().chain(here).collect();
    debug_assert!(!lacking.is_negative(), "I-47: a loss of {lacking}");
    let mut left = lacking;
    for underlying in markets {
        let fund = Pot::MarketFund(underlying);
        let split = waterfall(left, &layers(state, l6::fund_usd(state, fund, None)?, Money::ZERO));
        let unpaid = handover.draw(fund, split.market_fund)?;
        left = left.minus(split.market_fund)?.plus(unpaid)?;
    }
    // Earlier payments of the shared fund for this case count: its share is that of the fund as it was before them.
    let paid = case.map_or(Money::ZERO, |case| case.shared);
    let there = l6::fund_usd(state, Pot::SharedFund, None)?;
    let whole = waterfall(LARGEST, &layers(state, Money::ZERO, there.plus(paid)?)).shared_fund;
    let most = whole.minus(paid)?.max(Money::ZERO).min(there).min(left);
    let unpaid = handover.draw(Pot::SharedFund, most)?;
    let usd = most.minus(unpaid)?;
    assert!(usd <= there.max(Money::ZERO), "I-47: the shared fund has {there} and pays {usd}");
    if usd > Money::ZERO {
        handover.events.push(Event::Shared { account: id, usd });
    }
    Ok(left.minus(usd)?)
}

/// More than any loss.
const LARGEST: Money = Money::from_raw(i128::MAX);

fn layers(state: &State, market_fund: Money, shared_fund: Money) -> Layers {
    let shared_share = state.policy.liquidation.shared_share;
    Layers { account: Money::ZERO, market_fund, shared_fund, shared_share }
}
