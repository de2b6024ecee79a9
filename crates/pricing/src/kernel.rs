//! The vectorised kernel: prices every option of an expiry under every scenario.
//!
//! ```text
//!                  column 0        column 1        ...     one scenario each
//! Columns          F, ln F, √T.. | F, ln F, √T.. | ...     one expiry, built once per market state
//! Contract ──────▶ price         | price         | ...     a row: one contract in every scenario
//! Rows                                                     all rows; account = Σ quantity · row
//! ```
//!
//! The lanes of a register run over the columns: a row comes out contiguous, and a 512-bit register holds eight
//! scenarios of one contract. Values that do not depend on both the contract and the scenario are computed once,
//! outside the loop. The operations themselves are in `kernel/lane.rs`, and [`crate::black76::Black76`] runs the same
//! ones: a price has the same bits in both, on every [`Isa`].

#![expect(clippy::inline_always, reason = "a task must be compiled inside the function that has the instruction set")]

mod ends;
mod isa;
pub(crate) mod lane;
mod rows;
mod sum;

use crate::{
    Refusal, Right,
    math::{ln_of_positive, min},
    refusal::{is_non_negative, is_positive, non_negative, positive},
};
pub use ends::Ends;
pub use isa::Isa;
use isa::Task;
use lane::{Level, Stdev};
use rows::{Aligned, padded};
pub use rows::{LANES, Rows};
pub use sum::{Accounts, Position, Worst, accumulate, accumulate_min, least, min_index, offset, sum_rows};

/// The inputs of one scenario for one expiry: the market after the shock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// The forward, shocked.
    pub forward: f64,
    /// The factor on the volatility of every contract.
    pub vol_multiplier: f64,
    /// The minimum volatility of a contract after the multiplier; 0 for none.
    pub vol_floor: f64,
    /// Time left, in years.
    pub years: f64,
    /// The present value of 1 paid at expiry.
    pub discount: f64,
}

impl Column {
    fn check(&self) -> Result<(), Refusal> {
        positive(self.forward, Refusal::Forward)?;
        positive(self.discount, Refusal::Discount)?;
        non_negative(self.vol_multiplier, Refusal::VolMultiplier)?;
        non_negative(self.vol_floor, Refusal::VolFloor)?;
        non_negative(self.years, Refusal::Years)?;
        Ok(())
    }
}

/// A contract of the expiry that a [`Columns`] describes, with checked inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract {
    right: Right,
    strike: f64,
    vol: f64,
}

impl Contract {
    /// A call or put at `strike` whose volatility before any shock is `vol` (1.0 = 100 % a year).
    pub fn new(right: Right, strike: f64, vol: f64) -> Result<Self, Refusal> {
        Ok(Self { right, strike: positive(strike, Refusal::Strike)?, vol: non_negative(vol, Refusal::Vol)? })
    }
}

/// Values shared by all prices of a contract, for up to [`Batch::MOST`] contracts: computing eight logarithms and
/// inverses takes hardly longer than one.
struct Batch {
    ln_strike: [f64; Self::MOST],
    inverse_vol: [f64; Self::MOST],
}

impl Batch {
    const MOST: usize = 32;

    #[inline(always)]
    fn new(contracts: &[Contract]) -> Self {
        // The arrays first hold strikes and volatilities, followed by ones as padding.
        let (mut ln_strike, mut inverse_vol) = ([1.0; Self::MOST], [1.0; Self::MOST]);
        for (i, contract) in contracts.iter().enumerate() {
            (ln_strike[i], inverse_vol[i]) = (contract.strike, contract.vol);
        }
        // The loop runs over whole registers: with a length known in advance it would be unrolled, and not vectorised.
        let n = padded(contracts.len()).min(Self::MOST);
        for i in 0..n {
            ln_strike[i] = ln_of_positive(ln_strike[i]);
            inverse_vol[i] = 1.0 / inverse_vol[i];
        }
        Self { ln_strike, inverse_vol }
    }

    #[inline(always)]
    fn terms(&self, i: usize, contract: &Contract) -> Terms {
        let strike = Level { value: contract.strike, ln: self.ln_strike[i] };
        Terms { strike, vol: contract.vol, inverse_vol: self.inverse_vol[i] }
    }
}

/// A [`Contract`] with the values that all its prices share, in the form that the loops use.
#[derive(Clone, Copy)]
struct Terms {
    strike: Level,
    vol: f64,
    inverse_vol: f64,
}

/// All scenarios of one expiry, one array per quantity, cache-line aligned and padded with copies of the last column.
#[derive(Clone, Debug)]
pub struct Columns {
    width: usize,
    /// The arrays of [`Quantities`], end to end in one allocation, because seven allocations take longer than filling
    /// the arrays.
    values: Aligned,
}

/// The arrays of [`Columns`]. The operations of the loops over them are in [`lane`].
struct Quantities<T> {
    forward: T,
    ln_forward: T,
    discount: T,
    /// The scaled deviation of volatility 1, `vol_multiplier · √years`, and its inverse.
    half_unit: T,
    inverse_unit: T,
    /// The scaled deviation of the floor, and its inverse.
    half_floor: T,
    inverse_floor: T,
}

impl<T> Quantities<T> {
    const COUNT: usize = 7;

    fn from(mut arrays: impl Iterator<Item = T>) -> Self {
        let mut next = || arrays.next().expect("there are as many arrays as quantities");
        Self {
            forward: next(),
            ln_forward: next(),
            discount: next(),
            half_unit: next(),
            inverse_unit: next(),
            half_floor: next(),
            inverse_floor: next(),
        }
    }
}

/// Before [`Prepare`] runs, the arrays hold the columns as given; those of the deviations hold multipliers, floors and years.
impl Quantities<&mut [f64]> {
    /// Writes the columns as given, and copies of the last one into the padding.
    #[inline]
    fn fill(&mut self, columns: impl Iterator<Item = Column>, width: usize) {
        let values = self.forward.iter_mut().zip(&mut *self.discount);
        let deviations = self.half_unit.iter_mut().zip(&mut *self.half_floor).zip(&mut *self.inverse_unit);
        for (column, ((forward, discount), ((vol_multiplier, vol_floor), years))) in
            columns.zip(values.zip(deviations)).take(width)
        {
            (*forward, *discount) = (column.forward, column.discount);
            (*vol_multiplier, *vol_floor, *years) = (column.vol_multiplier, column.vol_floor, column.years);
        }
        for array in
            [&mut self.forward, &mut self.discount, &mut self.half_unit, &mut self.half_floor, &mut self.inverse_unit]
        {
            let last = array[width - 1];
            array[width..].fill(last);
        }
    }

    /// One column as given.
    fn given(&self, j: usize) -> Column {
        Column {
            forward: self.forward[j],
            vol_multiplier: self.half_unit[j],
            vol_floor: self.half_floor[j],
            years: self.inverse_unit[j],
            discount: self.discount[j],
        }
    }
}

impl Columns {
    /// Checks every column and prepares the values that all contracts share.
    pub fn new(columns: &[Column]) -> Result<Self, Refusal> {
        Self::collect(columns.iter().copied())
    }

    /// [`Columns::new`] for columns from an iterator: each is copied into the arrays as it comes, and none is kept.
    pub fn collect(columns: impl ExactSizeIterator<Item = Column>) -> Result<Self, Refusal> {
        let width = columns.len();
        let stride = padded(width);
        let mut values = Aligned::zeros(Quantities::<&mut [f64]>::COUNT * stride);
        if width > 0 {
            let mut arrays = Quantities::from(values.chunks_exact_mut(stride));
            arrays.fill(columns, width);
            let mut sound = true;
            // On any instruction set: the bits are the same.
            Isa::detect().run(Prepare { arrays: &mut arrays, sound: &mut sound });
            if !sound {
                (0..width).try_for_each(|j| arrays.given(j).check())?;
            }
        }
        Ok(Self { width, values })
    }

    /// The arrays. Only valid when there are columns.
    fn arrays(&self) -> Quantities<&[f64]> {
        Quantities::from(self.values.chunks_exact(padded(self.width)))
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.width
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.width == 0
    }

    /// Prices contracts in every column: contract `i` fills row `first_row + i`, per unit of underlying, discounted.
    ///
    /// A row does not depend on the other contracts of the batch.
    ///
    /// # Panics
    ///
    /// If the rows are not as wide as the columns, or there are too few rows.
    pub fn price(&self, isa: Isa, contracts: &[Contract], rows: &mut Rows, first_row: usize) {
        assert_eq!(self.width, rows.width(), "rows and columns are different scenarios");
        let out = rows.rows_mut(first_row, contracts.len());
        if self.width > 0 {
            isa.run(Chain { arrays: self.arrays(), contracts, out });
        }
    }

    /// [`Columns::price`] with a separate standard deviation (`vol √T`) for every contract and column, row `i` of
    /// `stdevs` for contract `i`: for a volatility that moves with moneyness, such as a skew. The columns' times,
    /// multipliers and floors are ignored. It costs one more division per price, and agrees with [`Columns::price`] to
    /// the error bound, not to the bit. A NaN deviation gives a NaN price.
    ///
    /// # Panics
    ///
    /// If rows, deviations and columns are not equally wide, or there are too few rows or deviations.
    pub fn price_with_stdevs(
        &self,
        isa: Isa,
        contracts: &[Contract],
        stdevs: &Rows,
        rows: &mut Rows,
        first_row: usize,
    ) {
        assert_eq!(self.width, rows.width(), "rows and columns are different scenarios");
        assert_eq!(self.width, stdevs.width(), "deviations and columns are different scenarios");
        assert!(contracts.len() <= stdevs.len(), "one row of deviations per contract");
        let out = rows.rows_mut(first_row, contracts.len());
        if self.width > 0 {
            isa.run(Tilted { arrays: self.arrays(), contracts, stdevs: stdevs.as_slice(), out });
        }
    }
}

/// Turns the columns as given into the arrays of [`Columns`], if all of them pass [the check](Column::check).
struct Prepare<'a, 'b> {
    arrays: &'a mut Quantities<&'b mut [f64]>,
    sound: &'a mut bool,
}

impl Task for Prepare<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let Quantities { forward, ln_forward, discount, half_unit, inverse_unit, half_floor, inverse_floor } =
            self.arrays;
        let n = forward.len();
        let (ln_forward, discount) = (&mut ln_forward[..n], &mut discount[..n]);
        let (half_unit, inverse_unit) = (&mut half_unit[..n], &mut inverse_unit[..n]);
        let (half_floor, inverse_floor) = (&mut half_floor[..n], &mut inverse_floor[..n]);
        let mut sound = true;
        for j in 0..n {
            sound &= is_positive(forward[j]) && is_positive(discount[j]);
            sound &=
                is_non_negative(half_unit[j]) && is_non_negative(half_floor[j]) && is_non_negative(inverse_unit[j]);
        }
        *self.sound = sound;
        if !sound {
            return;
        }
        for j in 0..n {
            ln_forward[j] = ln_of_positive(forward[j]);
        }
        for j in 0..n {
            let root = inverse_unit[j].sqrt();
            // The value is finite, so that a volatility of 0 gives a deviation of 0, and the sign of that 0 is positive.
            let unit = Stdev::unfloored(min((half_unit[j] * root).abs(), f64::MAX));
            let floor = Stdev::new(half_floor[j] * root);
            (half_unit[j], inverse_unit[j]) = (unit.half, unit.inverse);
            (half_floor[j], inverse_floor[j]) = (floor.half, floor.inverse);
        }
    }
}

/// A batch of contracts, each a row of `out`.
struct Chain<'a> {
    arrays: Quantities<&'a [f64]>,
    contracts: &'a [Contract],
    out: &'a mut [f64],
}

impl Task for Chain<'_> {
    #[inline(always)]
    fn run(self) {
        let mut rows = self.out.chunks_exact_mut(self.arrays.forward.len());
        for contracts in self.contracts.chunks(Batch::MOST) {
            let batch = Batch::new(contracts);
            for ((i, contract), row) in contracts.iter().enumerate().zip(&mut rows) {
                let terms = &batch.terms(i, contract);
                match contract.right {
                    Right::Call => price_row::<false>(&self.arrays, terms, row),
                    Right::Put => price_row::<true>(&self.arrays, terms, row),
                }
            }
        }
    }
}

/// The hot loop. All slices have one length, so that it has no bounds checks and vectorises.
#[inline(always)]
fn price_row<const PUT: bool>(arrays: &Quantities<&[f64]>, contract: &Terms, row: &mut [f64]) {
    let n = row.len();
    let (forward, ln_forward, discount) = (&arrays.forward[..n], &arrays.ln_forward[..n], &arrays.discount[..n]);
    let (half_unit, inverse_unit) = (&arrays.half_unit[..n], &arrays.inverse_unit[..n]);
    let (half_floor, inverse_floor) = (&arrays.half_floor[..n], &arrays.inverse_floor[..n]);
    for j in 0..n {
        let unit = Stdev { half: half_unit[j], inverse: inverse_unit[j] };
        let floor = Stdev { half: half_floor[j], inverse: inverse_floor[j] };
        let stdev = unit.at_vol(contract.vol, contract.inverse_vol).at_least(floor);
        let forward = Level { value: forward[j], ln: ln_forward[j] };
        row[j] = lane::price::<PUT>(forward, contract.strike, stdev) * discount[j];
    }
}

/// As [`Chain`], with a separate deviation for every price.
struct Tilted<'a> {
    arrays: Quantities<&'a [f64]>,
    contracts: &'a [Contract],
    stdevs: &'a [f64],
    out: &'a mut [f64],
}

impl Task for Tilted<'_> {
    #[inline(always)]
    fn run(self) {
        let stride = self.arrays.forward.len();
        let mut rows = self.out.chunks_exact_mut(stride).zip(self.stdevs.chunks_exact(stride));
        for contracts in self.contracts.chunks(Batch::MOST) {
            let batch = Batch::new(contracts);
            for ((i, contract), (row, stdevs)) in contracts.iter().enumerate().zip(&mut rows) {
                let terms = &batch.terms(i, contract);
                match contract.right {
                    Right::Call => price_row_with::<false>(&self.arrays, terms, stdevs, row),
                    Right::Put => price_row_with::<true>(&self.arrays, terms, stdevs, row),
                }
            }
        }
    }
}

/// As [`price_row`], with a separate deviation for every price.
#[inline(always)]
fn price_row_with<const PUT: bool>(arrays: &Quantities<&[f64]>, contract: &Terms, stdevs: &[f64], row: &mut [f64]) {
    let n = row.len();
    let (forward, ln_forward, discount) = (&arrays.forward[..n], &arrays.ln_forward[..n], &arrays.discount[..n]);
    let stdevs = &stdevs[..n];
    for j in 0..n {
        let forward = Level { value: forward[j], ln: ln_forward[j] };
        row[j] = lane::price::<PUT>(forward, contract.strike, Stdev::new(stdevs[j])) * discount[j];
    }
}
