//! Fills: two accounts traded on the market.

use model::InstrumentKind;
use units::{Money, Ratio};

use super::legs::{Deal, EVENTS, Fill, Leg};
use super::liquidation::outdated;
use super::orders::reduces;
use super::postings::{moved, venue};
use super::spot::exchanged;
use crate::feeds;
use crate::layers::{l0, l1, l2};
use crate::state::{Holder, Pot};
use crate::{AccountId, Cause, Context, Event, Party, Reject};

/// Books a match between two accounts, if both may make it.
pub fn fill(context: Context<'_>, fill: Fill, buyer: &Party, seller: &Party) -> Result<Vec<Event>, Reject> {
    let Context { state, now, .. } = context;
    let contract = l0::contract(state, fill.instrument)?;
    let leg = |party: &Party, lots: i64| {
        Leg::new(state, &fill, party.account, lots, party.fee, (Pot::Fees, Cause::Fee), party.order)
    };
    let buying = leg(buyer, fill.lots)?;
    let selling = leg(seller, fill.lots.saturating_neg())?;
    let both = [&buying, &selling];
    let deal = Deal::new(state, contract, fill, fill.lots)?;
    both.iter().try_for_each(|leg| leg.fits(&fill))?;
    deal.fees_within(state, &[buyer.fee, seller.fee], state.policy.fee_cap)?;
    if buyer.account == seller.account {
        return Err(Reject::SelfTrade { account: buyer.account });
    }
    let reducing = both.iter().all(|leg| reduces(leg.held.lots, leg.lots));
    l1::takes(contract, now, reducing)?;
    l1::in_band(state, fill.instrument, fill.price)?;
    let (events, open) = if contract.terms.kind == InstrumentKind::Spot {
        (spot(context, &deal, &buying, &selling)?, 0)
    } else {
        derivative(context, &deal, both)?
    };
    matched(context, events, &fill, open, both.map(|leg| leg.id))
}

/// The events of a match, and the withdrawal of offers that it makes outdated.
fn matched(
    context: Context<'_>,
    mut events: Vec<Event>,
    fill: &Fill,
    open: i64,
    accounts: [AccountId; 2],
) -> Result<Vec<Event>, Reject> {
    let Fill { instrument, match_id, price, lots } = *fill;
    events.push(Event::Matched { instrument, match_id, price, lots, open });
    for account in accounts {
        events.extend(outdated(context, account, &events)?);
    }
    Ok(events)
}

/// The events of a trade in a derivative, and the lots open after it.
fn derivative(context: Context<'_>, deal: &Deal<'_>, both: [&Leg<'_>; 2]) -> Result<(Vec<Event>, i64), Reject> {
    let Context { state, desk, .. } = context;
    let open = deal.open_after(both)?;
    l1::open_interest(deal.contract, open)?;
    let mut events = Vec::with_capacity(EVENTS);
    let [bought, sold] = deal.trade(&mut events, both)?;
    both.iter().try_for_each(|leg| leg.within_account(state))?;
    deal.checked(context, &[(both[0], &bought), (both[1], &sold)], &events)?;
    deal.within_system(state, desk, &both, open)?;
    Ok((events, open))
}

/// The events of a spot trade: an asset against its price. No account borrows on spot, and profit pays only once it is
/// settled (I-28).
fn spot(context: Context<'_>, deal: &Deal<'_>, buying: &Leg<'_>, selling: &Leg<'_>) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let quote = deal.contract.terms.quote;
    feeds::priced(state, now, deal.fill.instrument)?;
    let mut events = Vec::new();
    exchanged(&mut events, state, deal, buying, selling, buying.fee)?;
    for leg in [buying, selling] {
        moved(&mut events, venue(leg.id), Holder::Pot(Pot::Fees), quote, leg.fee, Cause::Fee)?;
    }
    events.extend([buying, selling].into_iter().filter_map(Leg::consumed));
    for leg in [buying, selling] {
        let after = leg.after(&events)?;
        let (id, before, flattered, surcharge) = (leg.id, leg.account, Money::ZERO, Ratio::ONE);
        let outcome = l2::Outcome { now, id, before, after: &after, flattered, shrinks: false, surcharge };
        l2::holds(state, desk, &outcome)?;
    }
    Ok(events)
}
