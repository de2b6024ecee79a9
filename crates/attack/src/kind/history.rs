//! Joint moves that happened: 24 hours between hourly closes, with the time that they take.

use crate::day::{Day, percent};
use crate::kind::{Days, Setting};

/// Days at most: each needs a programme.
const DAYS: usize = 32;

/// Recorded moves up to the multiple of the scan range in every underlying, far apart from each other. Time passes, and
/// what expires settles at the price after the move.
pub(super) fn days(setting: &Setting) -> Days {
    let Setting { market, sizes, underlying, history, multiple } = *setting;
    let Some(history) = history else { return Err("no recorded prices were given".into()) };
    let names: Vec<&str> = market.underlyings.iter().map(|underlying| underlying.name.as_str()).collect();
    if !history.knows(names[underlying.0]) {
        return Err(format!("{} has no recorded prices", names[underlying.0]));
    }
    let chosen = history.moves(&names, &sizes.ranges, multiple, DAYS);
    Ok(chosen
        .into_iter()
        .map(|found| {
            let name = format!("24 h to {}: {}", found.until, percent(found.moves[underlying.0]));
            Day { moves: found.moves, hours: 24.0, ..Day::still(name, market) }
        })
        .collect())
}
