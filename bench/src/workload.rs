//! The workload, the same for every peer: an option chain under scenarios, and accounts over its rows.
//!
//! All inputs are made from a fixed seed and written to raw files, which the other programs read. Prices are large, times
//! run from a day to two years, and the most extreme scenarios leave options without time value on both sides, so that no
//! peer profits from an easy case.

use std::path::Path;
use std::{fs, io};

use dice::Dice;
use pricing::math::{exp, pow};

pub const EXPIRIES: usize = 30;
pub const STRIKES: usize = 20;
pub const OPTIONS: usize = EXPIRIES * STRIKES;
pub const PRICE_MOVES: usize = 11;
pub const VOL_MOVES: usize = 9;
pub const SCENARIOS: usize = PRICE_MOVES * VOL_MOVES;
/// One perpetual and four futures: rows without a price to compute.
pub const FUTURES: usize = 5;
pub const POSITIONS: usize = 20;

/// The index behind all forwards.
pub const INDEX: f64 = 100_000.0;

/// The options of one underlying, expiry by expiry, and the moves under which they are priced.
pub struct Chain {
    pub forward: Vec<f64>,
    pub years: Vec<f64>,
    pub discount: Vec<f64>,
    /// +1 for a call, −1 for a put.
    pub sign: Vec<f64>,
    pub strike: Vec<f64>,
    pub vol: Vec<f64>,
    pub price_factor: Vec<f64>,
    pub vol_factor: Vec<f64>,
}

/// Accounts of exactly [`POSITIONS`] holdings each: account `i` holds places `starts[i]..starts[i + 1]`.
pub struct Holdings {
    pub starts: Vec<i32>,
    pub columns: Vec<i32>,
    pub quantity: Vec<f64>,
}

impl Chain {
    pub fn new() -> Self {
        let mut chain = Self {
            forward: Vec::new(),
            years: Vec::new(),
            discount: Vec::new(),
            sign: Vec::new(),
            strike: Vec::new(),
            vol: Vec::new(),
            price_factor: Vec::new(),
            vol_factor: Vec::new(),
        };
        let mut days: f64 = 0.0;
        for expiry in 0..EXPIRIES {
            // Days 1 to 730, denser at the near end, none twice; forwards a little above the index.
            let part = expiry as f64 / (EXPIRIES - 1) as f64;
            days = pow(730.0, part).round().max(days + 1.0);
            let years = days / 365.0;
            chain.forward.push((INDEX * exp(0.05 * years)).round());
            chain.years.push(years);
            chain.discount.push(exp(-0.04 * years));
            for place in 0..STRIKES {
                let deviations = (place as f64 - 9.5) / 3.0;
                let strike = INDEX * exp(deviations * 0.6 * years.sqrt().max(0.1));
                chain.sign.push(if (place + expiry) % 2 == 0 { 1.0 } else { -1.0 });
                chain.strike.push((strike / 10.0).round() * 10.0);
                chain.vol.push(((0.55 + 0.02 * deviations * deviations - 0.03 * deviations) * 1e4).round() / 1e4);
            }
        }
        for price in 0..PRICE_MOVES {
            for vol in 0..VOL_MOVES {
                chain.price_factor.push(1.0 + 0.04 * (price as f64 - 5.0));
                chain.vol_factor.push(1.0 + 0.1 * (vol as f64 - 4.0));
            }
        }
        chain
    }

    /// Writes the inputs for the other programs.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let arrays = [
            ("forward", &self.forward),
            ("years", &self.years),
            ("discount", &self.discount),
            ("sign", &self.sign),
            ("strike", &self.strike),
            ("vol", &self.vol),
            ("price_factor", &self.price_factor),
            ("vol_factor", &self.vol_factor),
        ];
        arrays.into_iter().try_for_each(|(name, values)| write_f64(folder, name, values))
    }

    /// `max(F, K)` of every price: differences are measured relative to it.
    pub fn scale(&self) -> Vec<f64> {
        let shocked = |option: usize, scenario: usize| self.forward[option / STRIKES] * self.price_factor[scenario];
        let of_option =
            |option: usize| (0..SCENARIOS).map(move |scenario| shocked(option, scenario).max(self.strike[option]));
        (0..OPTIONS).flat_map(of_option).collect()
    }

    /// Profit of every option and future in every scenario, row by row, computed from the chain's `prices`.
    pub fn profits(&self, prices: &[f64]) -> Vec<f64> {
        // The scenario in which neither price nor volatility moves.
        let still = SCENARIOS / 2;
        let options = prices.chunks_exact(SCENARIOS).flat_map(|row| row.iter().map(move |price| price - row[still]));
        let futures = (0..FUTURES).flat_map(|_| self.price_factor.iter().map(|factor| INDEX * (factor - 1.0)));
        options.chain(futures).collect()
    }
}

impl Holdings {
    pub fn new(count: usize) -> Self {
        let mut dice = Dice::new(1);
        let places = count * POSITIONS;
        Self {
            starts: (0..=count).map(|account| (account * POSITIONS) as i32).collect(),
            columns: (0..places).map(|_| dice.place(OPTIONS + FUTURES) as i32).collect(),
            quantity: (0..places).map(|_| dice.between(1, 50) as f64 * dice.pick(&[1.0, -1.0])).collect(),
        }
    }

    pub fn write(&self, folder: &Path, rows: &[f64]) -> io::Result<()> {
        write_i32(folder, "starts", &self.starts)?;
        write_i32(folder, "columns", &self.columns)?;
        write_f64(folder, "quantity", &self.quantity)?;
        write_f64(folder, "rows", rows)
    }
}

fn write_f64(folder: &Path, name: &str, values: &[f64]) -> io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(folder.join(name).with_extension("f64"), bytes)
}

fn write_i32(folder: &Path, name: &str, values: &[i32]) -> io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(folder.join(name).with_extension("i32"), bytes)
}

/// Reads the answer of a peer.
pub fn read_f64(file: &Path) -> io::Result<Vec<f64>> {
    let bytes = fs::read(file)?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|value| f64::from_le_bytes(*value)).collect())
}
