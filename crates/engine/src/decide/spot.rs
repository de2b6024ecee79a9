//! Spot trades: an asset is exchanged for another.

use model::AssetId;
use units::Quantity;

use super::legs::{Deal, Leg};
use super::postings::{moved, venue};
use crate::layers::l5;
use crate::state::{Contract, State};
use crate::{Cause, Event, Reject};

/// Adds the exchange of the sold asset for its price, both out of present balances; the buyer must have the `fee`
/// besides.
pub fn exchanged(
    events: &mut Vec<Event>,
    state: &State,
    deal: &Deal<'_>,
    buying: &Leg<'_>,
    selling: &Leg<'_>,
    fee: Quantity,
) -> Result<(), Reject> {
    let (terms, base) = (&deal.contract.terms, base_of(state, deal.contract)?);
    let (buyer, seller) = (venue(buying.id), venue(selling.id));
    let (paid, units) = (deal.cost(deal.lots)?, deal.units);
    for (leg, asset, amount) in [(buying, terms.quote, paid.plus(fee)?), (selling, base, units)] {
        l5::may_leave(state, &leg.account.balance(asset, None), amount)?;
    }
    moved(events, buyer, seller, terms.quote, paid, Cause::Exchange)?;
    moved(events, seller, buyer, base, units, Cause::Exchange)?;
    Ok(())
}

/// The asset that spot delivers: the one with the name of the underlying.
pub fn base_of(state: &State, contract: &Contract) -> Result<AssetId, Reject> {
    let name = &state.market.underlyings[contract.terms.underlying.0].name;
    state.market.asset(name).ok_or_else(|| Reject::malformed("instrument", name, "an asset of that name"))
}
