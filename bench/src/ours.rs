//! Our side: the same inputs for the kernel, the scalar reference and the risk array.
//!
//! The timed part is everything from raw inputs to prices in memory: logarithms of forwards and strikes, the columns of
//! every expiry, the contracts. Only the memory of the results is allocated beforehand, as for every peer.

use dice::Dice;
use pricing::Right;
use pricing::black76::{Black76, Inputs};
use pricing::kernel::{self, Column, Columns, Contract, Isa, Position, Rows, Worst};

use crate::workload::{Chain, Holdings, OPTIONS, SCENARIOS, STRIKES};

fn right(sign: f64) -> Right {
    if sign > 0.0 { Right::Call } else { Right::Put }
}

/// Prices every option in every scenario with the kernel.
pub fn reprice(chain: &Chain, isa: Isa, prices: &mut Rows) {
    let mut contracts = Vec::with_capacity(STRIKES);
    for expiry in 0..chain.forward.len() {
        contracts.clear();
        contracts.extend(contracts_of(chain, expiry));
        let columns = Columns::collect(columns_of(chain, expiry)).expect("the workload is priceable");
        columns.price(isa, &contracts, prices, expiry * STRIKES);
    }
}

/// Prepares the columns and contracts of every expiry.
pub fn prepare(chain: &Chain) -> Vec<(Columns, Vec<Contract>)> {
    let columns = |expiry| Columns::collect(columns_of(chain, expiry)).expect("priceable");
    (0..chain.forward.len()).map(|expiry| (columns(expiry), contracts_of(chain, expiry).collect())).collect()
}

/// Like [`reprice`], with columns and contracts prepared, as after a pass over the same market: the cost of the kernel
/// alone.
pub fn reprice_prepared(prepared: &[(Columns, Vec<Contract>)], isa: Isa, prices: &mut Rows) {
    for (expiry, (columns, contracts)) in prepared.iter().enumerate() {
        columns.price(isa, contracts, prices, expiry * STRIKES);
    }
}

fn columns_of(chain: &Chain, expiry: usize) -> impl ExactSizeIterator<Item = Column> {
    let (forward, years, discount) = (chain.forward[expiry], chain.years[expiry], chain.discount[expiry]);
    chain.price_factor.iter().zip(&chain.vol_factor).map(move |(price_factor, vol_factor)| Column {
        forward: forward * price_factor,
        vol_multiplier: *vol_factor,
        vol_floor: 0.0,
        years,
        discount,
    })
}

fn contracts_of(chain: &Chain, expiry: usize) -> impl Iterator<Item = Contract> {
    (expiry * STRIKES..(expiry + 1) * STRIKES).map(|option| {
        Contract::new(right(chain.sign[option]), chain.strike[option], chain.vol[option]).expect("priceable")
    })
}

/// Prices every option in every scenario, one price at a time.
pub fn reprice_scalar(chain: &Chain, prices: &mut [f64]) {
    for (option, row) in prices.chunks_exact_mut(SCENARIOS).enumerate() {
        let expiry = option / STRIKES;
        for (scenario, price) in row.iter_mut().enumerate() {
            let inputs = Inputs {
                right: right(chain.sign[option]),
                forward: chain.forward[expiry] * chain.price_factor[scenario],
                strike: chain.strike[option],
                vol: chain.vol[option] * chain.vol_factor[scenario],
                years: chain.years[expiry],
                discount: chain.discount[expiry],
            };
            *price = Black76::new(inputs).expect("priceable").price();
        }
    }
}

/// All rows end to end, without their padding.
pub fn flat(rows: &Rows) -> Vec<f64> {
    (0..rows.len()).flat_map(|row| rows.row(row)).copied().collect()
}

pub fn prices(chain: &Chain, isa: Isa) -> Vec<f64> {
    let mut rows = Rows::zeros(OPTIONS, SCENARIOS);
    reprice(chain, isa, &mut rows);
    flat(&rows)
}

/// Rows from values end to end.
pub fn rows(values: &[f64]) -> Rows {
    let mut rows = Rows::zeros(values.len() / SCENARIOS, SCENARIOS);
    for (index, values) in values.chunks_exact(SCENARIOS).enumerate() {
        rows.fill_row(index, |column| values[column]);
    }
    rows
}

/// Accounts in the form that the kernel takes.
pub struct Book {
    starts: Vec<usize>,
    positions: Vec<Position>,
}

impl Book {
    pub fn new(accounts: &Holdings) -> Self {
        let positions = accounts.columns.iter().zip(&accounts.quantity);
        Self {
            starts: accounts.starts.iter().map(|start| *start as usize).collect(),
            positions: positions
                .map(|(column, quantity)| Position { row: *column as usize, quantity: *quantity })
                .collect(),
        }
    }

    /// Computes the worst scenario of every account.
    pub fn worst(&self, rows: &Rows, isa: Isa, worst: &mut [Worst]) {
        kernel::Accounts { starts: &self.starts, positions: &self.positions }.worst(isa, rows, worst);
    }
}

/// Random fills on cached vectors.
pub struct Fills {
    vectors: Rows,
    /// Account, row, quantity.
    fills: Vec<(usize, usize, f64)>,
}

impl Fills {
    pub fn new(accounts: usize, rows: usize, count: usize) -> Self {
        let mut dice = Dice::new(2);
        let fill = |_| (dice.place(accounts), dice.place(rows), dice.pick(&[1.0, -1.0]));
        Self { vectors: Rows::zeros(accounts, SCENARIOS), fills: (0..count).map(fill).collect() }
    }

    /// Applies every fill and computes the account's worst value after it.
    pub fn run(&mut self, rows: &Rows, isa: Isa) -> f64 {
        let mut least: f64 = 0.0;
        for (account, row, quantity) in &self.fills {
            let vector = self.vectors.padded_row_mut(*account);
            least = least.min(kernel::accumulate_min(isa, rows.padded_row(*row), *quantity, vector));
        }
        least
    }
}
