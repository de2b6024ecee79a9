//! Sums priced rows over accounts: `vector = Σ quantity · row`, and the worst column of each vector.
//!
//! Every sum runs over the positions in their order, with one fused multiply-add each, starting at zero: the bits
//! depend on neither the instruction set nor the batch. The sums of an account stay in registers while its rows stream past.

#![expect(clippy::inline_always, reason = "a task must be compiled inside the function that has the instruction set")]

use super::{
    isa::{Isa, Task, prefetch},
    rows::{LANES, Rows},
};
use crate::math::min;

/// A position: units of the instrument in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// The row of the instrument.
    pub row: usize,
    /// Units held, negative when short.
    pub quantity: f64,
}

/// The least value of a vector and the first column that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// The least value; NaN if any value is NaN, so that a broken input can never look safe.
    pub value: f64,
    /// The first column with the value, or the first NaN.
    pub column: usize,
}

/// The positions of many accounts, end to end: account `i` holds `positions[starts[i]..starts[i + 1]]`.
#[derive(Clone, Copy, Debug)]
pub struct Accounts<'a> {
    /// The index at which each account starts, followed by the end of the last one: one more entry than there are accounts.
    pub starts: &'a [usize],
    /// The positions of all accounts.
    pub positions: &'a [Position],
}

impl<'a> Accounts<'a> {
    /// The number of accounts.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there are no accounts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn each(self) -> impl Iterator<Item = &'a [Position]> {
        self.starts.windows(2).map(move |bounds| &self.positions[bounds[0]..bounds[1]])
    }

    /// The vector of every account: account `i` fills row `i` of `vectors`.
    ///
    /// # Panics
    ///
    /// If the vectors are not as wide as the rows, there are too few vectors, or a position has no row.
    pub fn sum(self, isa: Isa, rows: &Rows, vectors: &mut Rows) {
        assert_eq!(rows.width(), vectors.width(), "rows and vectors are different scenarios");
        let vectors = vectors.rows_mut(0, self.len());
        isa.run(Sums { rows: Matrix::of(rows), accounts: self, vectors, block: block(isa) });
    }

    /// The worst column of every account, without keeping the vectors. Nothing is written when there are no columns.
    ///
    /// # Panics
    ///
    /// If the number of answers differs from the number of accounts, or a position has no row.
    pub fn worst(self, isa: Isa, rows: &Rows, worst: &mut [Worst]) {
        assert_eq!(self.len(), worst.len(), "one answer per account");
        let mut scratch = Rows::zeros(1, rows.width());
        let scratch = scratch.rows_mut(0, 1);
        isa.run(WorstOfSums { rows: Matrix::of(rows), accounts: self, scratch, worst, block: block(isa) });
    }
}

/// `vector = Σ quantity · row` of one account, into row `vector_row` of `vectors`.
///
/// # Panics
///
/// If the vectors are not as wide as the rows, there is no row `vector_row`, or a position has no row.
pub fn sum_rows(isa: Isa, rows: &Rows, positions: &[Position], vectors: &mut Rows, vector_row: usize) {
    assert_eq!(rows.width(), vectors.width(), "rows and vectors are different scenarios");
    let accounts = Accounts { starts: &[0, positions.len()], positions };
    let vectors = vectors.rows_mut(vector_row, 1);
    isa.run(Sums { rows: Matrix::of(rows), accounts, vectors, block: block(isa) });
}

/// `vector += quantity · row`, element by element: applies a fill to a cached vector.
///
/// # Panics
///
/// If the row and the vector are not equally long.
pub fn accumulate(isa: Isa, row: &[f64], quantity: f64, vector: &mut [f64]) {
    assert_eq!(row.len(), vector.len(), "row and vector are different scenarios");
    isa.run(Fill { row, quantity, vector });
}

/// `vector = base + quantity · row`, element by element: a cached vector with a fill, which leaves the cache as it is.
///
/// # Panics
///
/// If base, row and vector are not equally long.
pub fn offset(isa: Isa, base: &[f64], row: &[f64], quantity: f64, vector: &mut [f64]) {
    assert_eq!(base.len(), vector.len(), "base and vector are different scenarios");
    assert_eq!(row.len(), vector.len(), "row and vector are different scenarios");
    isa.run(Offset { base, row, quantity, vector });
}

/// [`accumulate`], then the least value: the value of a cached account in its worst scenario. NaN if any value is;
/// infinite when the vector is empty.
///
/// # Panics
///
/// If the row and the vector are not equally long.
pub fn accumulate_min(isa: Isa, row: &[f64], quantity: f64, vector: &mut [f64]) -> f64 {
    assert_eq!(row.len(), vector.len(), "row and vector are different scenarios");
    let mut least = f64::INFINITY;
    isa.run(FillMin { row, quantity, vector, least: &mut least });
    least
}

/// The worst column of a vector; `None` when it is empty.
pub fn min_index(isa: Isa, vector: &[f64]) -> Option<Worst> {
    let mut worst = None;
    isa.run(WorstOf { vector, worst: &mut worst });
    worst
}

/// The least value of a vector: NaN if any value is, infinite when it is empty.
pub fn least(isa: Isa, vector: &[f64]) -> f64 {
    let mut least = f64::INFINITY;
    isa.run(LeastOf { vector, least: &mut least });
    least
}

/// The number of cache lines of sums that fit the registers: 13 of 32 wide registers hold 104 columns; 7 lines take 14
/// of 16 narrower registers.
fn block(isa: Isa) -> usize {
    if isa.is_wide() { 13 } else { 7 }
}

/// [`Rows`] in the form that the loops use.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f64],
    stride: usize,
}

impl<'a> Matrix<'a> {
    fn of(rows: &'a Rows) -> Self {
        Self { values: rows.as_slice(), stride: rows.stride() }
    }
}

struct Sums<'a> {
    rows: Matrix<'a>,
    accounts: Accounts<'a>,
    vectors: &'a mut [f64],
    block: usize,
}

impl Task for Sums<'_> {
    #[inline(always)]
    fn run(self) {
        if self.rows.stride > 0 {
            let vectors = self.vectors.chunks_exact_mut(self.rows.stride);
            for (positions, vector) in self.accounts.each().zip(vectors) {
                sum_positions(self.rows, positions, vector, self.block);
            }
        }
    }
}

struct WorstOfSums<'a> {
    rows: Matrix<'a>,
    accounts: Accounts<'a>,
    scratch: &'a mut [f64],
    worst: &'a mut [Worst],
    block: usize,
}

impl Task for WorstOfSums<'_> {
    #[inline(always)]
    fn run(self) {
        for (positions, worst) in self.accounts.each().zip(self.worst) {
            sum_positions(self.rows, positions, self.scratch, self.block);
            if let Some(found) = worst_of(self.scratch) {
                *worst = found;
            }
        }
    }
}

struct Fill<'a> {
    row: &'a [f64],
    quantity: f64,
    vector: &'a mut [f64],
}

impl Task for Fill<'_> {
    #[inline(always)]
    fn run(self) {
        add(self.row, self.quantity, self.vector);
    }
}

struct Offset<'a> {
    base: &'a [f64],
    row: &'a [f64],
    quantity: f64,
    vector: &'a mut [f64],
}

impl Task for Offset<'_> {
    #[inline(always)]
    fn run(self) {
        for ((sum, base), value) in self.vector.iter_mut().zip(self.base).zip(self.row) {
            *sum = self.quantity.mul_add(*value, *base);
        }
    }
}

struct FillMin<'a> {
    row: &'a [f64],
    quantity: f64,
    vector: &'a mut [f64],
    least: &'a mut f64,
}

impl Task for FillMin<'_> {
    #[inline(always)]
    fn run(self) {
        let (sums, sums_rest) = self.vector.as_chunks_mut::<LANES>();
        let (values, values_rest) = self.row.as_chunks::<LANES>();
        let mut least = Least::new();
        for (sums, values) in sums.iter_mut().zip(values) {
            let mut line = *sums;
            add(values, self.quantity, &mut line);
            *sums = line;
            least.add(&line);
        }
        add(values_rest, self.quantity, sums_rest);
        *self.least = least.of_all(sums_rest);
    }
}

struct LeastOf<'a> {
    vector: &'a [f64],
    least: &'a mut f64,
}

impl Task for LeastOf<'_> {
    #[inline(always)]
    fn run(self) {
        *self.least = least_of(self.vector);
    }
}

struct WorstOf<'a> {
    vector: &'a [f64],
    worst: &'a mut Option<Worst>,
}

impl Task for WorstOf<'_> {
    #[inline(always)]
    fn run(self) {
        *self.worst = worst_of(self.vector);
    }
}

/// The sums of one account, at most `block` cache lines of columns at a time.
#[inline(always)]
fn sum_positions(rows: Matrix<'_>, positions: &[Position], vector: &mut [f64], block: usize) {
    let mut first = 0;
    for out in vector.chunks_mut(block * LANES) {
        // One instance per number of lines, so that the compiler can give every sum a register.
        match out.len() / LANES {
            1 => sum_block::<1>(rows, positions, first, out),
            2 => sum_block::<2>(rows, positions, first, out),
            3 => sum_block::<3>(rows, positions, first, out),
            4 => sum_block::<4>(rows, positions, first, out),
            5 => sum_block::<5>(rows, positions, first, out),
            6 => sum_block::<6>(rows, positions, first, out),
            7 => sum_block::<7>(rows, positions, first, out),
            8 => sum_block::<8>(rows, positions, first, out),
            9 => sum_block::<9>(rows, positions, first, out),
            10 => sum_block::<10>(rows, positions, first, out),
            11 => sum_block::<11>(rows, positions, first, out),
            12 => sum_block::<12>(rows, positions, first, out),
            13 => sum_block::<13>(rows, positions, first, out),
            lines => unreachable!("{lines} lines in a block of {block}"),
        }
        first += out.len();
    }
}

/// Positions are prefetched this many ahead, a kilobyte. The random row accesses between them hide their order from the
/// processor, and without prefetching a book larger than its caches took 1.5 times as long.
const AHEAD: usize = 64;

/// The sums of `LINES` cache lines of columns, from column `first`.
#[inline(always)]
fn sum_block<const LINES: usize>(rows: Matrix<'_>, positions: &[Position], first: usize, out: &mut [f64]) {
    let mut sums = [[0.0; LANES]; LINES];
    for position in positions {
        prefetch(position, AHEAD);
        let (values, _) = rows.values[position.row * rows.stride + first..][..LINES * LANES].as_chunks::<LANES>();
        for (sum, values) in sums.iter_mut().zip(values) {
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum = position.quantity.mul_add(*value, *sum);
            }
        }
    }
    out.copy_from_slice(sums.as_flattened());
}

/// `vector += quantity · row`.
#[inline(always)]
fn add(row: &[f64], quantity: f64, vector: &mut [f64]) {
    for (sum, value) in vector.iter_mut().zip(row) {
        *sum = quantity.mul_add(*value, *sum);
    }
}

/// The least value so far, lane by lane, and whether there was a NaN.
struct Least {
    values: [f64; LANES],
    broken: [bool; LANES],
}

impl Least {
    #[inline(always)]
    fn new() -> Self {
        Self { values: [f64::INFINITY; LANES], broken: [false; LANES] }
    }

    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "written with iterators this does not vectorise, and takes twice as long"
    )]
    fn add(&mut self, values: &[f64; LANES]) {
        for lane in 0..LANES {
            self.values[lane] = min(self.values[lane], values[lane]);
            self.broken[lane] |= values[lane].is_nan();
        }
    }

    /// The least over all lanes and the numbers of an incomplete line; NaN if any was. It is a chain, because with the
    /// shorter tree the compiler splits the loop before it into registers of two numbers.
    #[inline(always)]
    fn of_all(self, rest: &[f64]) -> f64 {
        let least = self.values.into_iter().fold(f64::INFINITY, min);
        let least = rest.iter().copied().fold(least, min);
        if self.broken.contains(&true) || rest.iter().any(|value| value.is_nan()) { f64::NAN } else { least }
    }
}

/// The least value of a vector, NaN if any is; infinite when it is empty.
#[inline(always)]
fn least_of(vector: &[f64]) -> f64 {
    let (lines, rest) = vector.as_chunks::<LANES>();
    let mut least = Least::new();
    for values in lines {
        least.add(values);
    }
    least.of_all(rest)
}

/// The least value and the first column with it.
#[inline(always)]
fn worst_of(vector: &[f64]) -> Option<Worst> {
    let value = least_of(vector);
    if value.is_nan() {
        return vector.iter().position(|other| other.is_nan()).map(|column| Worst { value, column });
    }
    // Runs from the back, so that the first column is written last. (By index: written with iterators this does not
    // vectorise, and the whole takes five times as long.)
    let (lines, rest) = vector.as_chunks::<LANES>();
    let mut at = [usize::MAX; LANES];
    for (line, values) in lines.iter().enumerate().rev() {
        for lane in 0..LANES {
            at[lane] = if values[lane] == value { line * LANES + lane } else { at[lane] };
        }
    }
    let in_rest = || rest.iter().position(|other| *other == value).map(|lane| lines.len() * LANES + lane);
    let in_lines = at.into_iter().fold(usize::MAX, usize::min);
    let column = if in_lines < usize::MAX { Some(in_lines) } else { in_rest() };
    column.map(|column| Worst { value, column })
}
