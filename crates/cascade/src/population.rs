//! The traders of a seed, which are the same for every engine.

use dice::Dice;
use pricing::math;
use units::{Money, Round};

use crate::books::{Account, less, money, times, whole};
use crate::calibration::{COINS, Calibration};

/// The salt of the stream of random numbers for traders.
const TRADERS: u64 = 2;
/// No trader holds more than this part of the total of its kind.
const LARGEST: f64 = 0.05;
/// Days of a year.
const YEAR_DAYS: f64 = 365.0;

/// Creates traders. Their longs, and likewise their shorts, add up to the open interest of each coin, to less than a lot
/// for each trader.
pub fn population(calibration: &Calibration, seed: u64) -> Vec<Account> {
    let mut dice = Dice::stream(seed, TRADERS);
    let mut traders = Vec::new();
    let shares = |dice: &mut Dice, count: u32| {
        let sizes: Vec<f64> = (0..count).map(|_| dice.lognormal(1.0, calibration.size_spread)).collect();
        let cap = LARGEST * sizes.iter().sum::<f64>();
        let sizes: Vec<f64> = sizes.into_iter().map(|size| size.min(cap)).collect();
        let sum: f64 = sizes.iter().sum();
        sizes.into_iter().map(|size| size / sum).collect::<Vec<_>>()
    };
    let Calibration { carried, paired, .. } = *calibration;
    for coin in 0..COINS {
        let interest = calibration.coins[coin].open_interest;
        for share in shares(&mut dice, calibration.longs) {
            traders.push(naked(calibration, &mut dice, coin, share * interest * (1.0 - paired), 1.0));
        }
        for share in shares(&mut dice, calibration.shorts) {
            traders.push(naked(calibration, &mut dice, coin, share * interest * (1.0 - paired - carried), -1.0));
        }
        for share in shares(&mut dice, calibration.carriers) {
            let mut carrier = naked(calibration, &mut dice, coin, share * interest * carried, -1.0);
            carrier.spot[coin] = -carrier.perp[coin];
            traders.push(carrier);
        }
    }
    // The smaller market bounds the positions held against the other coin; the rest of the larger market is naked.
    let interest = calibration.coins.iter().map(|coin| coin.open_interest).fold(f64::INFINITY, f64::min);
    for long in 0..COINS {
        for share in shares(&mut dice, calibration.pairs) {
            traders.push(pair(calibration, &mut dice, long, share * interest * paired));
        }
    }
    traders
}

/// One position of about `notional` USD, with a random leverage.
fn naked(calibration: &Calibration, dice: &mut Dice, coin: usize, notional: f64, side: f64) -> Account {
    let mut account = Account::of(Money::ZERO);
    let median =
        if side > 0.0 { calibration.coins[coin].long_leverage } else { calibration.coins[coin].short_leverage };
    let leverage = leverage(calibration, dice, coin, median);
    open(calibration, dice, &mut account, coin, notional * side, notional / leverage);
    account
}

/// A long position in one coin and an equal short position in the other.
fn pair(calibration: &Calibration, dice: &mut Dice, long: usize, notional: f64) -> Account {
    let mut account = Account::of(Money::ZERO);
    let short = 1 - long;
    // The leverage of both legs together; each leg has its part of the cash.
    let leverage = (0..COINS).map(|coin| leverage(calibration, dice, coin, calibration.coins[coin].long_leverage));
    let leverage = leverage.fold(f64::INFINITY, f64::min);
    open(calibration, dice, &mut account, long, notional, notional / leverage);
    open(calibration, dice, &mut account, short, -notional, notional / leverage);
    account
}

/// A random leverage that the venue allows.
fn leverage(calibration: &Calibration, dice: &mut Dice, coin: usize, median: f64) -> f64 {
    let coin = &calibration.coins[coin];
    dice.lognormal(median, coin.leverage_spread).min(0.9 * coin.leverage_max)
}

/// Adds a position at today's price with `margin` USD behind it; it was opened some days ago at another price.
fn open(calibration: &Calibration, dice: &mut Dice, account: &mut Account, coin: usize, notional: f64, margin: f64) {
    let facts = &calibration.coins[coin];
    let price = facts.price * facts.lot;
    let lots = whole(notional / price);
    let age = calibration.age * dice.uniform();
    let entry = price * math::exp(facts.volatility * (age / YEAR_DAYS).sqrt() * dice.normal());
    account.perp[coin] = lots;
    account.entry[coin] = entry;
    account.leg[coin] = less(money(margin, Round::Down), times(money(price, Round::Up), lots));
    account.refresh();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_and_shorts_are_the_open_interest() {
        let calibration = Calibration::default();
        let traders = population(&calibration, 1);
        assert_eq!(traders.len(), 4000);
        for (coin, facts) in calibration.coins.iter().enumerate() {
            let price = facts.price * facts.lot;
            for side in [1, -1] {
                let lots: i32 = traders.iter().map(|trader| (side * trader.perp[coin]).max(0)).sum();
                let part = f64::from(lots) * price / facts.open_interest;
                // The pairs hold a tenth of the smaller market in both coins.
                assert!((0.97..1.0).contains(&part), "{part}");
            }
        }
    }

    #[test]
    fn nobody_begins_below_maintenance() {
        let calibration = Calibration::default();
        for trader in population(&calibration, 3) {
            for (coin, facts) in calibration.coins.iter().enumerate() {
                let price = facts.price * facts.lot;
                assert!(trader.leg_equity(coin, price) >= facts.maintenance * trader.notional(coin, price));
            }
        }
    }
}
