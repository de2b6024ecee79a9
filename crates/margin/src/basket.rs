//! SCN-7: a basket moves with its parts in every scenario, and takes from them the parameters that it has not itself.

use model::{Basket, Market, UnderlyingId};

use crate::Refusal;
use crate::method::universal::by_name::ByName;
use crate::scenario::{Move, Scenario, ScenarioSet, VolMove};

/// The parts of a basket with their shares in its value.
type Shares = Vec<(UnderlyingId, f64)>;

/// Replaces the moves of every basket, in every scenario of the set, by those that follow from its parts. Refuses a
/// scenario that moves the volatilities of two parts in different ways, one by its level and one by a turn.
pub(crate) fn move_with_parts(set: &mut ScenarioSet, market: &Market) -> Result<(), Refusal> {
    let baskets: Vec<(UnderlyingId, Shares)> =
        market.baskets().map(|(id, basket)| (id, market.shares(basket))).collect();
    for (id, shares) in &baskets {
        for scenario in &mut set.scenarios {
            scenario.moves[id.0] = of_parts(shares, scenario).ok_or_else(|| Refusal::NotSupported {
                method: "universal",
                why: format!(
                    "{}: \"{}\" moves the volatilities of its parts in different ways, expected a level of all or turns of all",
                    market.underlyings[id.0].name, scenario.name
                ),
            })?;
        }
    }
    Ok(())
}

/// The move of a basket. Price and volatility are means by the shares now; the basis is a mean by the shares after the
/// price moves, so that the parts' forwards and that of the basket gain the same. Time passes for it as for the part for
/// which the most passes.
fn of_parts(shares: &[(UnderlyingId, f64)], scenario: &Scenario) -> Option<Move> {
    let moves = || shares.iter().map(|(part, share)| (share, &scenario.moves[part.0]));
    let price = moves().fold(0.0, |sum, (share, shift)| sum + share * shift.price);
    let after = moves().fold(0.0, |sum, (share, shift)| sum + share * (1.0 + shift.price));
    let basis = moves().fold(0.0, |sum, (share, shift)| sum + share * (1.0 + shift.price) / after * shift.basis);
    let mut vol = VolMove::Level(0.0);
    for (share, shift) in moves() {
        vol = plus(vol, *share, shift.vol)?;
    }
    let most = |of: fn(&Move) -> f64| moves().map(|(_, shift)| of(shift)).fold(0.0, f64::max);
    Some(Move { price, basis, vol, years: most(|shift| shift.years), settled: most(|shift| shift.settled) })
}

/// `sum + share · shift`; none where both move, one by its level and one by a turn.
fn plus(sum: VolMove, share: f64, shift: VolMove) -> Option<VolMove> {
    use VolMove::{Level, Turn};
    let still = |vol: VolMove| vol.parts() == [0.0; 3];
    match (sum, shift) {
        (Level(sum), Level(shift)) => Some(Level(sum + share * shift)),
        (Turn { twist, skew }, Turn { twist: by, skew: tilt }) => {
            Some(Turn { twist: twist + share * by, skew: skew + share * tilt })
        }
        _ if still(shift) => Some(sum),
        (_, Level(shift)) if still(sum) => Some(Level(share * shift)),
        (_, Turn { twist, skew }) if still(sum) => Some(Turn { twist: share * twist, skew: share * skew }),
        _ => None,
    }
}

/// The mean of a number over the parts of a basket, by their shares.
pub(crate) fn mean(market: &Market, basket: &Basket, of: impl Fn(&str) -> f64) -> f64 {
    let parts = market.shares(basket).into_iter();
    parts.fold(0.0, |sum, (part, share)| sum + share * of(&market.underlyings[part.0].name))
}

/// A rate of an underlying: a volatility or a spread. A basket that the parameters do not name has the mean of its parts.
pub(crate) fn rate(numbers: &ByName, market: &Market, id: UnderlyingId) -> f64 {
    let name = &market.underlyings[id.0].name;
    match market.basket(id).filter(|_| !numbers.names(name)) {
        Some(basket) => mean(market, basket, |part| numbers.get(part)),
        None => numbers.get(name),
    }
}

/// The daily volume of an underlying: the market's own (`given`), or that of the parameters. A basket that has neither
/// trades as much as its parts bear: the least of `volume of the part / share of the part`.
pub(crate) fn volume(
    numbers: &ByName,
    market: &Market,
    id: UnderlyingId,
    given: impl Fn(UnderlyingId) -> Option<f64>,
) -> f64 {
    let own = |id: UnderlyingId| given(id).unwrap_or_else(|| numbers.get(&market.underlyings[id.0].name));
    let named = || numbers.names(&market.underlyings[id.0].name);
    match market.basket(id).filter(|_| given(id).is_none() && !named()) {
        Some(basket) => {
            market.shares(basket).into_iter().fold(f64::INFINITY, |least, (part, share)| least.min(own(part) / share))
        }
        None => own(id),
    }
}
