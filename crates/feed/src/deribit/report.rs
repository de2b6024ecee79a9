//! What an import of answers says of itself.

use std::fmt;

use units::Timestamp;

use crate::LeftOut;

/// What was read and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The market's time.
    pub time: Timestamp,
    /// Number of texts that were read.
    pub texts: usize,
    /// Number of listings in them.
    pub definitions: usize,
    /// Number of marks in them.
    pub quotes: usize,
    /// Number of index frames in them.
    pub indices: usize,
    /// How many answers and frames that carry nothing of the market at one moment: trades, books, charts, …
    pub other: usize,
    /// Where the first of those stands.
    pub first_other: Option<String>,
    /// Options in the document.
    pub options: usize,
    /// Futures in the document.
    pub futures: usize,
    /// Perpetuals in the document.
    pub perpetuals: usize,
    /// Spot pairs in the document.
    pub spot: usize,
    /// Instruments that are mentioned and not in the document.
    pub left_out: LeftOut,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "market time       {}", self.time)?;
        let counts = (self.texts, self.definitions, self.quotes, self.indices, self.other);
        let (texts, definitions, quotes, indices, other) = counts;
        writeln!(
            formatter,
            "read              {texts} texts: {definitions} listings, {quotes} marks, {indices} indices, {other} other answers"
        )?;
        if let Some(first) = &self.first_other {
            let more = if self.other > 1 { ", …" } else { "" };
            writeln!(formatter, "other answers     {first}{more}")?;
        }
        let (options, futures, perpetuals, spot) = (self.options, self.futures, self.perpetuals, self.spot);
        writeln!(formatter, "instruments       {}", options + futures + perpetuals + spot)?;
        for (kind, count) in [("options", options), ("futures", futures), ("perpetuals", perpetuals), ("spot", spot)] {
            writeln!(formatter, "  {kind:<22}{count:>7}")?;
        }
        write!(formatter, "{}", self.left_out)?;
        for note in &self.notes {
            write!(formatter, "\nnote              {note}")?;
        }
        Ok(())
    }
}
