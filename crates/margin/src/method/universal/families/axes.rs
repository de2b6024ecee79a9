//! The underlyings that move on their own: all but baskets, which follow their parts (SCN-7).

use model::{Market, UnderlyingId};

use crate::scenario::{Move, Scenario};

/// The underlyings that move on their own.
pub(super) fn axes(market: &Market) -> impl Iterator<Item = UnderlyingId> {
    (0..market.underlyings.len()).map(UnderlyingId).filter(|id| !market.is_basket(*id))
}

/// Sets the move of every underlying that moves on its own, by its name.
pub(super) fn move_each(scenario: &mut Scenario, market: &Market, of: impl Fn(&str) -> Move) {
    for id in axes(market) {
        scenario.moves[id.0] = of(&market.underlyings[id.0].name);
    }
}
