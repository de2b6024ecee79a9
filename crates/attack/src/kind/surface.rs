//! Turns of the volatility surface: a twist over the term, a skew over the strikes, and both.

use crate::day::{Day, Vol, percent};
use crate::kind::Setting;

/// The largest twist and the largest skew of 24 hours that were recorded: of BTC, on 4 and on 6 February 2026.
const RECORDED: (f64, f64) = (0.195, 0.108);

/// Multiples of the method's own turns, or of those that were recorded where these are larger. No recorded skew moved a
/// volatility by half of the cap, which stays as it is.
const MULTIPLES: [f64; 2] = [1.0, 1.25];

/// Each multiple of a twist, a skew and both together, each way.
pub(super) fn days(setting: &Setting) -> Vec<Day> {
    let sizes = setting.sizes;
    let mut days = Vec::new();
    for multiple in MULTIPLES {
        for (twist, skew) in
            [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
        {
            let vol = Vol {
                level: 0.0,
                twist: twist * multiple * sizes.twist.max(RECORDED.0),
                skew: skew * multiple * sizes.skew.max(RECORDED.1),
                skew_cap: sizes.shape.skew_cap,
            };
            let name = match (vol.twist != 0.0, vol.skew != 0.0) {
                (true, false) => format!("short end {}", percent(vol.twist)),
                (false, _) => format!("skew {}", percent(vol.skew)),
                (true, true) => format!("short end {}, skew {}", percent(vol.twist), percent(vol.skew)),
            };
            days.push(Day { vol, ..Day::still(name, setting.market) });
        }
    }
    days
}
