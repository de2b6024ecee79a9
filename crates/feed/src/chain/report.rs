//! The report of a chain import.

use std::collections::BTreeMap;
use std::fmt;

use units::Timestamp;

use crate::LeftOut;
use crate::moment::apart;

/// The rows read, the instruments made from them, and the difference between model and marks.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainReport {
    /// The requested moment.
    pub at: Timestamp,
    /// The moment of the snapshot.
    pub snapshot: Timestamp,
    /// Rows of the snapshot in the requested currencies, and of futures.
    pub rows: usize,
    /// Options in the document.
    pub options: usize,
    /// Futures and perpetuals in the document.
    pub futures: usize,
    /// Instruments of the snapshot that are not in the document.
    pub left_out: LeftOut,
    /// Model minus mark, by currency.
    pub by_currency: BTreeMap<String, Distribution>,
    /// Model minus mark of all options; none when no option has both a mark and a volatility of the venue.
    pub all: Option<Distribution>,
    /// Notes for the reader of the report.
    pub notes: Vec<String>,
}

/// The distribution of model minus mark, in coin. Quantiles are by nearest rank: the smallest error that at least that
/// share of the options does not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Number of options that were compared.
    pub count: usize,
    /// Median of |model − mark|.
    pub median: f64,
    /// The 95 % quantile of |model − mark|.
    pub quantile_95: f64,
    /// The largest model − mark in absolute value, with its sign.
    pub worst: f64,
    /// The instrument with that error.
    pub worst_instrument: String,
}

impl Distribution {
    pub(super) fn of<'a>(errors: impl Iterator<Item = &'a (String, f64)>) -> Option<Self> {
        let mut sorted: Vec<_> = errors.collect();
        sorted.sort_by(|one, other| one.1.abs().total_cmp(&other.1.abs()));
        let (worst_instrument, worst) = (*sorted.last()?).clone();
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1].1.abs();
        Some(Self { count: sorted.len(), median: rank(50), quantile_95: rank(95), worst, worst_instrument })
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "snapshot          {}", self.snapshot)?;
        if self.snapshot != self.at {
            let side = if self.snapshot < self.at { "before" } else { "after" };
            write!(formatter, ", {} {side} {}", apart(self.snapshot, self.at), self.at)?;
        }
        writeln!(formatter, "\nread              {} rows", self.rows)?;
        writeln!(formatter, "instruments       {}", self.options + self.futures)?;
        for (kind, count) in [("options", self.options), ("futures and perpetuals", self.futures)] {
            writeln!(formatter, "  {kind:<22}{count:>7}")?;
        }
        writeln!(formatter, "{}", self.left_out)?;
        write!(formatter, "model minus mark   options      median        95 %        worst  (coin)")?;
        let all = self.all.iter().map(|all| ("all", all));
        for (currency, errors) in
            self.by_currency.iter().map(|(currency, errors)| (currency.as_str(), errors)).chain(all)
        {
            let Distribution { count, median, quantile_95, worst, worst_instrument } = errors;
            write!(
                formatter,
                "\n  {currency:<15} {count:>8}  {median:>10.8}  {quantile_95:>10.8}  {worst:>+11.8}  {worst_instrument}"
            )?;
        }
        if self.all.is_none() {
            formatter.write_str("\n  no option has both a mark and a volatility of the venue")?;
        }
        for note in &self.notes {
            write!(formatter, "\nnote              {note}")?;
        }
        Ok(())
    }
}
