//! Contracts that settle within 24 hours: at the price before the move, then the move comes; or after it.

use crate::day::{Day, Settles, percent};
use crate::kind::{Days, Setting};

/// The length of the day, in hours.
const HOURS: f64 = 24.0;

/// Moves as parts of the range.
const MOVES: [f64; 8] = [-1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0];

/// Each move, with settlement before and after it.
pub(super) fn days(setting: &Setting) -> Days {
    let Setting { market, sizes, underlying, .. } = *setting;
    let near = |expiry: &model::Expiry| expiry.time.seconds_since(market.time) <= HOURS * 3600.0;
    if !market.expiries(underlying).iter().any(near) {
        return Err("nothing expires within 24 hours".into());
    }
    let mut days = Vec::new();
    for (settles, words) in [(Settles::BeforeTheMove, "settles, then"), (Settles::AfterTheMove, "settles after")] {
        for part in MOVES {
            let name = format!("{words} {}", percent(part * sizes.ranges[underlying.0]));
            let day = Day::still(name, market).moved(part, &sizes.ranges);
            days.push(Day { settles, hours: HOURS, ..day });
        }
    }
    Ok(days)
}
