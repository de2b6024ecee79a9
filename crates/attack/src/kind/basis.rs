//! Forwards and marks that leave the index, both ways, with the price still and moved.

use crate::day::{Basis, Day, Whose, percent};
use crate::kind::{OTHER, Setting, measured};

/// How far perpetuals leave their spot price within 24 hours on one day in 200, as a part of it: hourly closes of Binance
/// since 2019. The last is of every other coin.
const MEASURED: [(&str, f64); 5] =
    [("BTC", 0.0138), ("ETH", 0.0123), ("XRP", 0.0200), ("DOGE", 0.0177), (OTHER, 0.0207)];

/// Moves on top of the index, as parts of that.
const PARTS: [f64; 4] = [-1.0, -0.5, 0.5, 1.0];

/// Moves of the price at the same time, as parts of the range.
const MOVES: [f64; 3] = [-0.5, 0.0, 0.5];

/// Each move of all contracts, of dated ones alone and of perpetuals alone, with each move of the price.
pub(super) fn days(setting: &Setting) -> Vec<Day> {
    let Setting { market, sizes, underlying, .. } = *setting;
    let mut days = Vec::new();
    for (whose, words) in [(Whose::All, "all marks"), (Whose::Dated, "dated"), (Whose::Perpetuals, "perpetuals")] {
        for part in PARTS.map(|part| part * measured(&MEASURED, market, underlying)) {
            for way in MOVES {
                let price = percent(way * sizes.ranges[underlying.0]);
                let day = Day::still(format!("{words} {}, price {price}", percent(part)), market);
                days.push(Day { basis: vec![Basis { whose: whose.clone(), part }], ..day.moved(way, &sizes.ranges) });
            }
        }
    }
    days
}
