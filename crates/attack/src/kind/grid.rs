//! Moves off the steps of the scan.

use crate::day::{Day, Vol, percent};
use crate::kind::Setting;

/// Between two steps of the scan, a move at each of these parts of the way.
const BETWEEN: [f64; 3] = [0.25, 0.5, 0.75];

/// The part of the scan's own move of volatility that is taken.
const VOL: f64 = 0.9;

/// Every move between two steps, with volatility up, the same and down by less than the scan's.
pub(super) fn days(setting: &Setting) -> Vec<Day> {
    let Setting { market, sizes, underlying, .. } = *setting;
    let levels = [VOL * sizes.vol_up, 0.0, -VOL * sizes.vol_down];
    let mut days = Vec::new();
    for pair in sizes.steps.windows(2) {
        for way in BETWEEN {
            let part = pair[0] + way * (pair[1] - pair[0]);
            for level in levels {
                let name = format!(
                    "price {}, volatility {}",
                    percent(part * sizes.ranges[underlying.0]),
                    if level == 0.0 { "the same".to_owned() } else { percent(level) }
                );
                let vol = Vol { level, ..Vol::default() };
                days.push(Day { vol, ..Day::still(name, market).moved(part, &sizes.ranges) });
            }
        }
    }
    days
}
