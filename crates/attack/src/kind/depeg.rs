//! Money that loses its peg on a day on which the coins fall.

use model::{Asset, USD, UnderlyingId};

use crate::day::{Day, percent};
use crate::kind::{Days, Setting};

/// Relative moves of a stablecoin: USDC closed an hour 9 % below a dollar in March 2023.
const STABLECOIN: [f64; 2] = [-0.05, -0.10];

/// Relative moves of all staked tokens together: stETH was worth 6.6 % less than its coin in June 2022.
const STAKED: [f64; 2] = [-0.033, -0.066];

/// Moves of the coins, as parts of the range: bitcoin fell by 9.7 % while USDC fell, four fifths of its range.
const MOVES: [f64; 3] = [0.0, -0.4, -0.8];

/// Each stablecoin alone and the staked tokens together, with each fall of the coins.
pub(super) fn days(setting: &Setting) -> Days {
    let Setting { market, sizes, underlying, .. } = *setting;
    let assets = || market.assets.iter().enumerate().skip(USD.0 + 1);
    let is_staked = |asset: &Asset| {
        asset.follows.is_some_and(|UnderlyingId(followed)| market.underlyings[followed].name != asset.name)
    };
    let mut losing: Vec<(String, Vec<usize>, [f64; 2])> = assets()
        .filter(|(_, asset)| asset.follows.is_none())
        .map(|(place, asset)| (asset.name.clone(), vec![place], STABLECOIN))
        .collect();
    let staked: Vec<usize> = assets().filter(|(_, asset)| is_staked(asset)).map(|(place, _)| place).collect();
    if !staked.is_empty() {
        losing.push(("staked tokens".into(), staked, STAKED));
    }
    if losing.is_empty() {
        return Err("the market has no stablecoin and no staked token".into());
    }
    let mut days = Vec::new();
    for (words, places, parts) in losing {
        for part in parts {
            for way in MOVES {
                let price = percent(way * sizes.ranges[underlying.0]);
                let mut day = Day::still(format!("{words} {}, price {price}", percent(part)), market);
                for place in &places {
                    day.pegs[*place] = part;
                }
                days.push(day.moved(way, &sizes.ranges));
            }
        }
    }
    Ok(days)
}
