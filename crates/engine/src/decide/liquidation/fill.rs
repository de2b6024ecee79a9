//! The market took the trade that was offered for an account in liquidation, or a part of it.

use liquidation::pace::Flow;
use model::InstrumentKind;
use units::{Money, Quantity, Round, Timestamp};

use super::{outdated, recorded};
use crate::decide::legs::{Deal, EVENTS, Fill, Leg};
use crate::decide::orders::reduces;
use crate::decide::postings::{moved, venue};
use crate::decide::spot::exchanged;
use crate::depth;
use crate::desk::Spent;
use crate::feeds;
use crate::layers::sight::Seen;
use crate::layers::{l0, l1, l4};
use crate::state::{Contract, Holder, Offer, Pot, State};
use crate::{AccountId, Cause, Context, Event, Reject};

/// Books the trade that was offered for an account below maintenance, or a part of it, on valid prices only (I-35). It
/// never leaves the account worse (I-37), and trades no more of the underlying than its depth bears.
pub fn fill(
    context: Context<'_>,
    fill: Fill,
    account: AccountId,
    counterparty: AccountId,
    fee: Quantity,
) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let contract = l0::contract(state, fill.instrument)?;
    let fund = (Pot::MarketFund(contract.terms.underlying), Cause::LiquidationFee);
    let liquidated = Leg::new(state, &fill, account, fill.lots, fee, fund, None)?;
    let taking = Leg::new(state, &fill, counterparty, fill.lots.saturating_neg(), Quantity::ZERO, fund, None)?;
    let deal = Deal::new(state, contract, fill, fill.lots.saturating_abs())?;
    deal.fees_within(state, &[fee], state.policy.liquidation_fee)?;
    // No owner takes over their own account: a liquidation is no way to trade with oneself (I-39).
    if liquidated.account.owner == taking.account.owner {
        return Err(Reject::SelfTrade { account });
    }
    l1::takes(contract, now, reduces(liquidated.held.lots, fill.lots))?;
    l1::in_band(state, fill.instrument, fill.price)?;
    l4::calm(state, now)?;
    let offer = offered(state, account, &fill)?;
    let spot = contract.terms.kind == InstrumentKind::Spot;
    let open = if spot { 0 } else { deal.open_after([&liquidated, &taking])? };
    l1::open_interest(contract, open)?;
    let mut trades = Vec::with_capacity(EVENTS);
    let taken = if spot {
        repaid(&mut trades, state, &deal, [&liquidated, &taking])?
    } else {
        let [_, taken] = deal.trade(&mut trades, [&liquidated, &taking])?;
        taken
    };
    taking.within_account(state)?;
    deal.checked(context, &[(&taking, &taken)], &trades)?;
    let seen = Seen::new(state, desk, now, account, liquidated.account)?;
    let (held, left) = (seen.judged, seen.after(state, desk, account, &liquidated.after(&trades)?)?);
    let (before, after) = (seen.excess()?, left.equity.minus(left.maintenance_margin)?);
    if after < before {
        return Err(Reject::Worse { account, before, after });
    }
    feeds::priced(state, now, fill.instrument)?;
    if !seen.is_below() {
        return Err(seen.flaw().unwrap_or(Reject::NotInLiquidation { account, status: held.status }));
    }
    // A fee is never paid out of money that is not there (I-40).
    let price = state.market.price(contract.terms.cash()).usd();
    let there = Quantity::from_raw(held.equity.max(Money::ZERO).raw()).over(price, Round::Down)?;
    if fee > there {
        return Err(Reject::Balance { asked: fee, there });
    }
    deal.within_system(state, desk, &[&taking], open)?;
    assert!(fee <= there, "I-40: a fee of {fee} is paid out of {there}");
    let flow = paced(state, now, contract, fill.lots)?;
    // The figures that the liquidation relied on are recorded with it, for a reader who asks for its reason (I-35).
    let mut events = vec![recorded(state, account, &held)];
    events.extend(trades);
    let Fill { instrument, match_id, price, lots } = fill;
    events.push(Event::Matched { instrument, match_id, price, lots: deal.lots, open });
    events.push(Event::Offered { account, offer: offer.without(lots) });
    events.push(Event::Paced { underlying: contract.terms.underlying, flow });
    events.extend(outdated(context, counterparty, &events)?);
    Ok(events)
}

/// Adds the events of a spot trade that repays a debt. No position changes: the taker is judged by the account as it becomes.
fn repaid(events: &mut Vec<Event>, state: &State, deal: &Deal<'_>, legs: [&Leg<'_>; 2]) -> Result<Spent, Reject> {
    let [liquidated, taking] = legs;
    let terms = &deal.contract.terms;
    let (buyer, seller) = if deal.fill.lots > 0 { (liquidated, taking) } else { (taking, liquidated) };
    exchanged(events, state, deal, buyer, seller, Quantity::ZERO)?;
    let (fund, cause) = liquidated.fee_to;
    moved(events, venue(liquidated.id), Holder::Pot(fund), terms.cash(), liquidated.fee, cause)?;
    let (position, asset, nothing) = (taking.held, terms.cash(), Quantity::ZERO);
    Ok(Spent { position, lots: 0, asset, paid: nothing, gained: nothing })
}

/// The offer that a fill is a part of: the same instrument and side, no more lots, and no worse a price (I-38, I-42).
fn offered(state: &State, account: AccountId, fill: &Fill) -> Result<Offer, Reject> {
    let offer = state.liquidations.cases.get(&account).and_then(|case| case.offer);
    let current = offer.filter(|offer| offer.version == state.version && offer.instrument == fill.instrument);
    let fits = current.filter(|offer| {
        let no_worse = if offer.lots > 0 { fill.price <= offer.worst } else { fill.price >= offer.worst };
        no_worse && (offer.lots > 0) == (fill.lots > 0) && fill.lots.unsigned_abs() <= offer.lots.unsigned_abs()
    });
    fits.ok_or_else(|| {
        let said = |offer: Offer| {
            let name = &state.contracts[offer.instrument.0].terms.name;
            format!("{} lots of {name} at {} or better, in version {}", offer.lots, offer.worst, offer.version)
        };
        let offered = offer.map_or_else(|| "nothing is".to_owned(), |offer| format!("offered: {}", said(offer)));
        Reject::NoOffer { account, version: state.version, offered }
    })
}

/// The amount that liquidations have traded of an underlying with this many lots more, if its depth bears them.
fn paced(state: &State, now: Timestamp, contract: &Contract, lots: i64) -> Result<Flow, Reject> {
    let underlying = contract.terms.underlying;
    let asked = state.lots_usd(&contract.terms, lots)?;
    let left = depth::room(state, now, underlying);
    if asked > left {
        return Err(Reject::Paced { asked, left });
    }
    Ok(depth::spend(state, now, underlying, asked))
}
