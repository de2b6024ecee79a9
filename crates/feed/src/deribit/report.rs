//! The report of an import of answers.

use std::fmt;

use units::Timestamp;

use crate::LeftOut;

/// The answers read, and the instruments made from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The market's time.
    pub time: Timestamp,
    /// Number of texts that were read.
    pub texts: usize,
    /// Number of listings in the texts.
    pub definitions: usize,
    /// Number of marks in the texts.
    pub quotes: usize,
    /// Number of index frames in the texts.
    pub indices: usize,
    /// Number of answers and frames without market data of one moment: trades, books, charts, …
    pub other: usize,
    /// The place of the first of those.
    pub first_other: Option<String>,
    /// Options in the document.
    pub options: usize,
    /// Futures in the document.
    pub futures: usize,
    /// Perpetuals in the document.
    pub perpetuals: usize,
    /// Spot pairs in the document.
    pub spot: usize,
    /// Instruments that the texts mention and the document does not list.
    pub left_out: LeftOut,
    /// Notes for the reader of the report.
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
