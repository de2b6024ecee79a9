//! `samples/scenarios.json`: FAM-5, joint daily moves from a stated covariance in three regimes of correlation.
//!
//! ```text
//! y = L·z/√(χ²/ν)·√((ν−2)/ν)     Student's t, ν = 4, unit variance, L·Lᵀ the correlation of the regime
//! price = exp(σ·y) − 1           vol = exp(σ_v·(ρ_v·y + √(1−ρ_v²)·z_v/√(χ²/ν)·√((ν−2)/ν))) − 1
//! ```
//!
//! All regimes use the same draws, so that they differ only in their correlation; every draw is followed by its mirror
//! image.

use margin::{AggregationDocument, FamilyDocument, MoveDocument, SCENARIOS_FORMAT, ScenarioDocument};
use pricing::math;

use super::random::Pcg;
use super::{decimal, exact};

const UNDERLYINGS: [&str; 3] = ["BTC", "ETH", "SOL"];
/// Daily volatility of each coin.
const SIGMA: [f64; 3] = [0.0280, 0.0371, 0.0492];
/// Daily correlation: BTC/ETH, BTC/SOL, ETH/SOL.
const MEASURED: [[f64; 3]; 3] = [[1.0, 0.854, 0.829], [0.854, 1.0, 0.875], [0.829, 0.875, 1.0]];
/// The share by which a regime moves away from the measured correlation.
const THETA: f64 = 0.5;
/// Daily volatility of volatility at 30 days, and its correlation with the price.
const VOL_SIGMA: f64 = 0.06;
const VOL_PRICE: f64 = -0.5;
const ASSETS: [&str; 3] = ["USDC", "USDT", "stETH"];
/// Daily volatility of each asset's own move in addition to the move of the underlying that it follows.
const RESIDUAL_SIGMA: [f64; 3] = [0.0003, 0.0005, 0.0010];
const FREEDOM: f64 = 4.0;
const PAIRS: usize = 64;
const SEED: u64 = 20_261_120;

const ABOUT: &str = "Simulated one-day moves (FAM-5). Student-t copula with 4 degrees of freedom, marginals Student t of unit \
variance times the daily volatility: BTC 0.0280, ETH 0.0371, SOL 0.0492. Correlation C: BTC/ETH 0.854, BTC/SOL 0.829, ETH/SOL \
0.875 (crates/margin/params/universal/2026-11-30.toml). Regimes: measured C, converging 0.5 C + 0.5 (all ones), breaking \
0.5 C + 0.5 (identity). Volatility of volatility 0.06 a day at 30 days, correlated -0.5 with the own price. Residuals: USDC 0.0003, USDT \
0.0005, stETH 0.0010 a day, independent. 64 draws and their mirror images, the same in every regime; PCG32, seed 20261120. \
Price and volatility moves are exp(x) - 1. Written by `cargo xtask sample`.";

/// One draw of all random numbers.
struct Draw {
    prices: [f64; 3],
    vols: [f64; 3],
    residuals: [f64; 3],
}

/// The document, sealed with its hash.
pub fn document() -> ScenarioDocument {
    let draws = draws();
    let regimes =
        [("measured", 1.0, 0.0, 0.0), ("converging", 1.0 - THETA, THETA, 0.0), ("breaking", 1.0 - THETA, 0.0, THETA)];
    let families = regimes.map(|(name, measured, ones, identity)| {
        let factor = cholesky(|row, column| {
            let own = if row == column { identity } else { 0.0 };
            measured * MEASURED[row][column] + ones + own
        });
        FamilyDocument {
            family: format!("simulated, {name}"),
            aggregation: AggregationDocument::ExpectedShortfall,
            level: Some(exact("0.99")),
            weight: None,
            scenarios: draws.iter().enumerate().map(|(place, draw)| moves(name, place, draw, &factor)).collect(),
        }
    });
    let mut document = ScenarioDocument {
        format: SCENARIOS_FORMAT.into(),
        name: "sample/2026-11-20".into(),
        about: ABOUT.into(),
        underlyings: UNDERLYINGS.map(String::from).into(),
        assets: ASSETS.map(String::from).into(),
        families: families.into(),
        hash: None,
    };
    document.hash = Some(document.computed_hash());
    document
}

/// Normal draws divided by the square root of one chi-square draw: Student's t, scaled to unit variance; then their
/// mirror images.
fn draws() -> Vec<Draw> {
    let mut random = Pcg::new(SEED);
    let mut draws = Vec::with_capacity(2 * PAIRS);
    for _ in 0..PAIRS {
        let scale = ((FREEDOM - 2.0) / random.chi_square_4()).sqrt();
        let mut three = || [(); 3].map(|()| random.normal() * scale);
        let draw = Draw { prices: three(), vols: three(), residuals: three() };
        let mirror = |values: [f64; 3]| values.map(|value| -value);
        let mirrored = Draw { prices: mirror(draw.prices), vols: mirror(draw.vols), residuals: mirror(draw.residuals) };
        draws.extend([draw, mirrored]);
    }
    draws
}

fn moves(regime: &str, place: usize, draw: &Draw, factor: &[[f64; 3]; 3]) -> MoveDocument {
    let joint = [0, 1, 2].map(|row| (0..=row).fold(0.0, |sum, column| sum + factor[row][column] * draw.prices[column]));
    let own = (1.0 - VOL_PRICE * VOL_PRICE).sqrt();
    let relative = |log: f64| decimal(math::exp(log) - 1.0, 4);
    MoveDocument {
        name: format!("{regime} {:03}", place + 1),
        price: [0, 1, 2].map(|one| relative(SIGMA[one] * joint[one])).into(),
        vol: [0, 1, 2].map(|one| relative(VOL_SIGMA * (VOL_PRICE * joint[one] + own * draw.vols[one]))).into(),
        residual: Some([0, 1, 2].map(|one| decimal(RESIDUAL_SIGMA[one] * draw.residuals[one], 5)).into()),
    }
}

/// The lower triangle `L` of `L·Lᵀ = matrix`.
fn cholesky(matrix: impl Fn(usize, usize) -> f64) -> [[f64; 3]; 3] {
    let mut factor = [[0.0; 3]; 3];
    for row in 0..3 {
        for column in 0..=row {
            let known = (0..column).fold(0.0, |sum, before| sum + factor[row][before] * factor[column][before]);
            let left: f64 = matrix(row, column) - known;
            factor[row][column] = if row == column { left.sqrt() } else { left / factor[column][column] };
        }
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_gives_the_correlation_back() {
        let factor = cholesky(|row, column| MEASURED[row][column]);
        for row in 0..3 {
            for column in 0..3 {
                let product = (0..3).fold(0.0, |sum, inner| sum + factor[row][inner] * factor[column][inner]);
                assert!((product - MEASURED[row][column]).abs() < 1e-15);
            }
        }
    }

    /// SCN-6
    #[test]
    fn the_document_reads_and_its_hash_holds() {
        let text = crate::sample::layout::write(&document(), 4);
        let document = ScenarioDocument::parse(&text).unwrap();
        assert_eq!(document.families.len(), 3);
        assert!(document.families.iter().all(|family| family.scenarios.len() == 2 * PAIRS));
    }

    /// FAM-5
    #[test]
    fn regimes_are_ordered_by_their_correlation() {
        let mean_product = |family: &FamilyDocument| {
            let moves = family.scenarios.iter().map(|scenario| scenario.price[0].to_f64() * scenario.price[1].to_f64());
            moves.fold(0.0, |sum, product| sum + product)
        };
        let document = document();
        let [measured, converging, breaking] = [0, 1, 2].map(|place| mean_product(&document.families[place]));
        assert!(converging > measured);
        assert!(measured > breaking);
    }
}
