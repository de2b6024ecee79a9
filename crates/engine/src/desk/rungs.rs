//! The cells that are in use, by rung, and how much of each is used up.

use margin::cell::{Cell, Width};
use model::Market;

/// The width of the cells of each rung. The market leaves wider cells more rarely, and they certify fewer accounts. The
/// engine marks options at their model, so their marks have almost no room.
pub const RUNGS: [Width; 4] = [
    Width { index: 0.04, basis: 0.002, vol: 0.02, mark: 1e-6, peg: 0.002, seconds: 3600 },
    Width { index: 0.01, basis: 0.0005, vol: 0.0105, mark: 1e-6, peg: 0.0005, seconds: 3600 },
    Width { index: 0.0025, basis: 0.0002, vol: 0.0055, mark: 1e-6, peg: 0.0002, seconds: 1800 },
    Width { index: 0.0005, basis: 0.00002, vol: 0.0025, mark: 1e-6, peg: 0.00002, seconds: 300 },
];

/// A cell is replaced when the market has used up this part of it.
const WORN: f64 = 0.5;

/// The least and the most accounts that leave a worn cell in one watch: the most, so that no watch takes long.
const MOVES: [usize; 2] = [5_000, 20_000];

/// The most cells of one rung. The newest can be worn before all accounts have left those before it: then there is a third.
pub const BESIDE: usize = 3;

/// A cell in use.
#[derive(Debug)]
pub struct Live {
    /// The number of the cell.
    pub number: u32,
    /// The cell itself.
    pub cell: Cell,
    /// The number of accounts with a certificate in it.
    pub held: usize,
    /// The versions of the market that it has seen.
    age: usize,
    /// Its age when it was found to be worn.
    worn: Option<usize>,
    /// The accounts that are to leave it in each watch, once it is worn.
    leaving: usize,
}

impl Live {
    /// A cell that was built around the present market.
    pub fn new(number: u32, cell: Cell) -> Self {
        Self { number, cell, held: 0, age: 0, worn: None, leaving: 0 }
    }

    /// Follows the market to a new version in the cell. A cell that wears out within few versions has not many more to
    /// live. Half of its width is left then, and a price that wanders needs longer for the second half than for the
    /// first, but it may be quicker by chance. So the accounts leave within half of the versions that it took.
    pub fn follow(&mut self, market: &Market) {
        self.age += 1;
        if self.worn.is_none() && wear(&self.cell, market) > WORN {
            self.worn = Some(self.age);
        }
        if let Some(age) = self.worn {
            self.leaving = self.leaving.max(self.held.div_ceil(age.div_ceil(2))).clamp(MOVES[0], MOVES[1]);
        }
    }

    /// Whether the cell is to be replaced.
    pub fn is_worn(&self) -> bool {
        self.worn.is_some()
    }

    /// The accounts that are to leave it in one watch.
    pub fn leaving(&self) -> usize {
        self.leaving
    }
}

/// The part of a cell that is used up: of its time, or of its width in any price.
fn wear(cell: &Cell, market: &Market) -> f64 {
    let (anchor, width) = (cell.market(), cell.width());
    let part = |moved: f64, width: f64| (moved - 1.0).abs() / width;
    let passed = market.time.seconds_since(anchor.time) / f64::from(width.seconds);
    let indices: Vec<f64> = moves(anchor, market).map(|moved| moved.unwrap_or(1.0)).collect();
    let along = |moved: f64, underlying: usize| part(moved / indices[underlying], width.basis);
    let mut worn = indices.iter().fold(passed, |worn, moved| worn.max(part(*moved, width.index)));
    for (then, now) in anchor.quotes.expiries.iter().zip(&market.quotes.expiries) {
        let signed = anchor.underlyings[then.underlying.0].scale.is_some();
        if !signed && then.time > anchor.time {
            worn = worn.max(along(now.forward.usd().to_f64() / then.forward.usd().to_f64(), then.underlying.0));
        }
    }
    let prices = anchor.quotes.prices.iter().zip(&market.quotes.prices);
    for (asset, (then, now)) in anchor.assets.iter().zip(prices) {
        let moved = now.usd().to_f64() / then.usd().to_f64();
        worn = worn.max(asset.follows.map_or(part(moved, width.peg), |underlying| along(moved, underlying.0)));
    }
    for listing in anchor.instruments.iter().filter(|listing| cell.certified(listing.id)) {
        let [then, now] = [anchor, market].map(|market| (market.quote(listing.id), market.usd_per_quote(listing)));
        let used = match (then.0.iv, now.0.iv) {
            (Some(then), Some(now)) => part(now.to_f64() / then.to_f64(), width.vol),
            _ => along(now.0.mark.to_usd(now.1) / then.0.mark.to_usd(then.1), listing.underlying.0),
        };
        worn = worn.max(used);
    }
    worn
}

/// The ratio of each index to what it was; none for one that may be zero or negative, which no cell bounds.
pub fn moves(then: &Market, now: &Market) -> impl Iterator<Item = Option<f64>> {
    let pairs = then.underlyings.iter().zip(then.quotes.indices.iter().zip(&now.quotes.indices));
    pairs.map(|(underlying, (then, now))| underlying.scale.is_none().then(|| now.usd().to_f64() / then.usd().to_f64()))
}
