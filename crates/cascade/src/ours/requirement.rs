//! The requirement of a portfolio: a stand-in for portfolio margin that agrees with the venue's rates on a single
//! position.

use crate::books::Account;
use crate::calibration::{COINS, Calibration, PerCoin};

/// The correlation that opposite positions in two coins are credited with: below the measured one.
const OFFSET: f64 = 0.5;
/// The part of the rate that hedged lots of the same coin must hold, for the basis.
const BASIS: f64 = 0.25;

/// Maintenance margin in USD.
///
/// Per coin `a = rate · net`, where coins that the account owns are netted. Positions of one sign add up; opposite ones
/// give `√(a² + b² − 2·OFFSET·|a·b|)`. The netted part holds a quarter of the rate.
pub fn requirement(calibration: &Calibration, account: &Account, prices: PerCoin) -> f64 {
    held(calibration, account.perp, account.spot, prices)
}

/// The requirement of the given lots.
pub fn held(calibration: &Calibration, perp: [i32; COINS], spot: [i32; COINS], prices: PerCoin) -> f64 {
    let mut basis = 0.0;
    let alone: PerCoin = std::array::from_fn(|coin| {
        let rate = calibration.coins[coin].maintenance;
        let (perp, spot) = (f64::from(perp[coin]), f64::from(spot[coin]));
        if perp * spot < 0.0 {
            basis += BASIS * rate * perp.abs().min(spot.abs()) * prices[coin];
        }
        // Coins without a perpetual are paid for and need no margin.
        let net = if perp == 0.0 { 0.0 } else { perp + if perp * spot < 0.0 { spot.min(perp.abs()) } else { 0.0 } };
        rate * net * prices[coin]
    });
    let [one, other] = alone;
    let together = if one * other >= 0.0 {
        one.abs() + other.abs()
    } else {
        (one * one + other * other + 2.0 * OFFSET * one * other).sqrt()
    };
    together + basis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_position_holds_the_rate_and_offsets_stay_between_the_legs() {
        let calibration = Calibration::default();
        let prices = [100.0, 100.0];
        let of = |perp, spot| held(&calibration, perp, spot, prices);
        assert_eq!(of([8, 0], [0, 0]), 10.0);
        assert_eq!(of([-8, 0], [0, 0]), 10.0);
        assert_eq!(of([8, 5], [0, 0]), 20.0);
        // Two opposite legs of equal risk need as much as one leg.
        assert!((of([8, -5], [0, 0]) - 10.0).abs() < 1e-12);
        // A short whose owner holds the coin needs a quarter.
        assert_eq!(of([-8, 0], [8, 0]), 2.5);
        assert_eq!(of([-8, 0], [20, 0]), 2.5);
        assert_eq!(of([0, 0], [8, 0]), 0.0);
    }
}
