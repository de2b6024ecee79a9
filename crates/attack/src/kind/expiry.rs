//! Contracts that settle within 24 hours: at the price before the move, then as much of the move comes as the hours that
//! are left allow, by the square root of time; or after the move.

use crate::day::{Day, Settles, percent};
use crate::kind::{Days, Setting};

/// The length of the day, in hours.
const HOURS: f64 = 24.0;

/// Moves as parts of the range.
const MOVES: [f64; 8] = [-1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0];

/// Each move, with settlement before and after it.
pub(super) fn days(setting: &Setting) -> Days {
    let Setting { market, sizes, underlying, .. } = *setting;
    let passed = |expiry: &model::Expiry| expiry.time.seconds_since(market.time) / (HOURS * 3600.0);
    let settling = market.expiries(underlying).iter().map(passed).filter(|passed| (0.0..=1.0).contains(passed));
    let Some(last) = settling.reduce(f64::max) else { return Err("nothing expires within 24 hours".into()) };
    let after = (1.0 - last).sqrt();
    let mut days = Vec::new();
    for (settles, words, scale) in
        [(Settles::BeforeTheMove, "settles, then", after), (Settles::AfterTheMove, "settles after", 1.0)]
    {
        for part in MOVES.map(|part| scale * part) {
            let name = format!("{words} {}", percent(part * sizes.ranges[underlying.0]));
            let day = Day::still(name, market).moved(part, &sizes.ranges);
            days.push(Day { settles, hours: HOURS, ..day });
        }
    }
    Ok(days)
}
