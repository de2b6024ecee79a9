//! Contracts of one underlying that pay in different assets, as different venues list them, move apart.

use std::collections::BTreeSet;

use model::{AssetId, InstrumentKind};

use crate::day::{Basis, Day, Whose, percent};
use crate::kind::{Days, Setting};

/// Relative moves of one group of contracts against the others.
const PARTS: [f64; 4] = [-0.02, -0.01, 0.01, 0.02];

/// Moves of the price at the same time, as parts of the range.
const MOVES: [f64; 3] = [-0.5, 0.0, 0.5];

/// Each move of the contracts that pay in one asset, with each move of the price.
pub(super) fn days(setting: &Setting) -> Days {
    let Setting { market, sizes, underlying, .. } = *setting;
    let listed = market.instruments.iter().filter(|listing| listing.underlying == underlying);
    let contracts = listed.filter(|listing| listing.kind != InstrumentKind::Spot);
    let paid: BTreeSet<AssetId> = contracts.map(|listing| listing.settle).collect();
    if paid.len() < 2 {
        return Err("all contracts of the underlying pay in one asset".into());
    }
    let mut days = Vec::new();
    for asset in paid {
        for part in PARTS {
            for way in MOVES {
                let name = format!(
                    "contracts in {} {}, price {}",
                    market.assets[asset.0].name,
                    percent(part),
                    percent(way * sizes.ranges[underlying.0])
                );
                let basis = vec![Basis { whose: Whose::PaidIn(asset), part }];
                days.push(Day { basis, ..Day::still(name, market).moved(way, &sizes.ranges) });
            }
        }
    }
    Ok(days)
}
