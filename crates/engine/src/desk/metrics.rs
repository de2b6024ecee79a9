//! Counters of what certificates do.

/// Counters of the work that certificates have done and saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Accounts that hold a certificate in force.
    pub certified: usize,
    /// Certificates that were computed.
    pub issued: u64,
    /// Cells that were built.
    pub cells: u64,
    /// Times that every account was judged.
    pub watches: u64,
    /// Sides of trades that were taken off a reserve, without adding the account up.
    pub spent: u64,
    /// Instruments in the market that was last revalued as it is marked.
    pub revalued: usize,
    /// Instruments in the newest cell of the widest rung that has one.
    pub bounded: usize,
    /// Groups of positions that are charged together in that cell.
    pub buckets: usize,
}
