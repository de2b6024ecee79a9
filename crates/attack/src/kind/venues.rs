//! Contracts of one underlying that different venues list move apart.

use std::collections::BTreeSet;

use model::InstrumentKind;

use crate::day::{Basis, Day, Whose, percent};
use crate::kind::{Days, OTHER, Setting, measured};

/// How far the perpetuals of two venues came apart within 24 hours at most, as a part of their price: hourly closes of seven
/// venues, March 2025 to March 2026. The last is of every other coin.
const MEASURED: [(&str, f64); 5] =
    [("BTC", 0.0179), ("ETH", 0.0299), ("SOL", 0.0258), ("DOGE", 0.0309), (OTHER, 0.0423)];

/// Moves of the contracts of one venue against all others, as parts of that.
const PARTS: [f64; 4] = [-1.0, -0.5, 0.5, 1.0];

/// Moves of the price at the same time, as parts of the range.
const MOVES: [f64; 3] = [-0.5, 0.0, 0.5];

/// Each move of the contracts of one venue, with each move of the price.
pub(super) fn days(setting: &Setting) -> Days {
    let Setting { market, sizes, underlying, .. } = *setting;
    let listed = market.instruments.iter().filter(|listing| listing.underlying == underlying);
    let contracts = listed.filter(|listing| listing.kind != InstrumentKind::Spot);
    let venues: BTreeSet<&Option<String>> = contracts.map(|listing| &listing.venue).collect();
    if venues.len() < 2 {
        return Err("all contracts of the underlying are of one venue".into());
    }
    let mut days = Vec::new();
    for venue in venues {
        for part in PARTS.map(|part| part * measured(&MEASURED, market, underlying)) {
            for way in MOVES {
                let whose = venue.as_deref().unwrap_or("the venue itself");
                let price = percent(way * sizes.ranges[underlying.0]);
                let name = format!("contracts of {whose} {}, price {price}", percent(part));
                let basis = vec![Basis { whose: Whose::At(venue.clone()), part }];
                days.push(Day { basis, ..Day::still(name, market).moved(way, &sizes.ranges) });
            }
        }
    }
    Ok(days)
}
