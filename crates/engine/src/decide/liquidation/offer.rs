//! Withdraws the offer of an account in liquidation when the offer is outdated.
//!
//! An offer falls when it is no longer right, and not because its account has changed: otherwise a sender of small
//! amounts could keep an account from being liquidated. The fill of an offer is judged again in any case.

use model::{InstrumentKind, Payoff};
use units::{Quantity, Round};

use crate::decide::legs::follow;
use crate::decide::postings::{after_trade, cost};
use crate::decide::spot::base_of;
use crate::layers::sight::Seen;
use crate::state::{AccountState, Balance, Offer, State, times};
use crate::{AccountId, Context, Event, Reject};

/// Withdraws the offer of an account where `events` leave the account at or above its maintenance margin, or where half
/// of the offer would then be enough for the target (I-38).
pub fn outdated(context: Context<'_>, account: AccountId, events: &[Event]) -> Result<Option<Event>, Reject> {
    let Context { state, desk, now } = context;
    if state.liquidations.cases.is_empty() {
        return Ok(None);
    }
    let offer = state.liquidations.cases.get(&account).and_then(|case| case.offer);
    let Some(offer) = offer.filter(|offer| offer.version == state.version) else { return Ok(None) };
    let mut after = state.accounts[account.place()].clone();
    follow(&mut after, account, events)?;
    after.orders.clear();
    // An account that cannot be judged keeps its offer: the fill finds out.
    let Ok(seen) = Seen::new(state, desk, now, account, &after) else { return Ok(None) };
    let falls = !seen.is_below() || {
        let half = traded(state, &after, &Offer { lots: offer.lots / 2, ..offer })?;
        let judged = seen.after(state, desk, account, &half)?;
        judged.equity >= judged.maintenance_margin.scaled(state.policy.liquidation.beta, Round::Up)?
    };
    Ok(falls.then_some(Event::Offered { account, offer: None }))
}

/// The account after a trade at the mark.
fn traded(state: &State, account: &AccountState, offer: &Offer) -> Result<AccountState, Reject> {
    let mut after = account.clone();
    let contract = &state.contracts[offer.instrument.0];
    let (terms, mark) = (&contract.terms, state.market.mark(offer.instrument).in_quote());
    let units = times(terms.unit(), offer.lots)?;
    if offer.lots == 0 || (mark.raw() <= 0 && terms.payoff == Payoff::Inverse) {
        return Ok(after);
    }
    let paid = cost(units, mark, terms)?;
    let mut gains = Vec::new();
    if terms.kind == InstrumentKind::Spot {
        gains.extend([(terms.quote, paid.negated()?), (base_of(state, contract)?, units)]);
    } else {
        let held = account.position(offer.instrument);
        let (position, gain) = if terms.is_option() {
            let lots = held.lots.saturating_add(offer.lots);
            (crate::state::Position { lots, ..held }, paid.negated()?)
        } else {
            after_trade(&held, offer.lots, paid)?
        };
        after.set_position(position);
        gains.push((terms.cash(), gain));
    }
    for (asset, gain) in gains {
        let more = |held: &mut Balance| held.amount.plus(gain).map(|sum: Quantity| held.amount = sum);
        after.change_balance(asset, None, more)?;
    }
    Ok(after)
}
