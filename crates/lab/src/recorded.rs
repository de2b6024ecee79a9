//! The options that name recorded markets, and the files behind them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use attack::history::History;
use attack::snapshots::{Recording, Span};
use feed::chain::{ChainFile, FuturesFile};
use feed::closes;
use shell::failure::Failure;
use shell::input::Reader;
use shell::progress::{Progress, pace};
use units::Timestamp;

/// The underlyings whose closes are read, each with the symbol of its perpetual.
const SYMBOLS: [(&str, &str); 3] = [("BTC", "BTCUSDT"), ("ETH", "ETHUSDT"), ("SOL", "SOLUSDT")];

/// The recorded files of a command.
#[derive(clap::Args)]
pub struct Files {
    /// Recorded option chains, parquet, a row for each option and snapshot
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// Prices of futures and perpetuals at the snapshots, CSV
    #[arg(long, value_name = "FILE", requires = "chain")]
    futures: Option<PathBuf>,
    /// Hourly closes of perpetuals, parquet, a column for each symbol
    #[arg(long, value_name = "FILE")]
    closes: Option<PathBuf>,
    /// The first snapshot of a walk, such as 2026-02-01T00:00:00Z
    #[arg(long, value_name = "TIME", requires = "chain")]
    from: Option<Timestamp>,
    /// The last snapshot of a walk
    #[arg(long, value_name = "TIME", requires = "chain")]
    to: Option<Timestamp>,
    /// Hours from the start of an interval to its end; to the next snapshot when not given
    #[arg(long, value_name = "HOURS", value_parser = above_zero, requires = "chain")]
    hours: Option<f64>,
}

impl Files {
    /// The recorded chain.
    pub fn chain(&self) -> Result<ChainFile, Failure> {
        let Some(file) = &self.chain else {
            return Err(Failure::wrong("--chain", "missing, expected a file of recorded option chains"));
        };
        ChainFile::read(&file.display().to_string(), bytes(file)?).map_err(|why| Failure::Wrong(why.to_string()))
    }

    /// Whether a recorded chain was given.
    pub fn has_chain(&self) -> bool {
        self.chain.is_some()
    }

    /// The recorded prices of futures; none where no file was given.
    pub fn futures(&self) -> Result<Option<FuturesFile>, Failure> {
        let read = |file: &PathBuf| {
            let text = bytes(file)?;
            FuturesFile::read(&file.display().to_string(), &text).map_err(|why| Failure::Wrong(why.to_string()))
        };
        self.futures.as_ref().map(read).transpose()
    }

    /// The recorded closes; none where no file was given.
    pub fn history(&self) -> Result<Option<History>, Failure> {
        let Some(file) = &self.closes else { return Ok(None) };
        let (name, bytes) = (file.display().to_string(), bytes(file)?);
        let mut all = BTreeMap::new();
        for (underlying, symbol) in SYMBOLS {
            let read = closes::read(&name, bytes.clone(), symbol).map_err(|why| Failure::Wrong(why.to_string()))?;
            all.insert(underlying.to_owned(), read);
        }
        Ok(Some(History::new(all)))
    }

    /// Walks over the recording and shows how far it is. `walk` is given what to call after each interval. Returns its answer,
    /// and a line that says how fast it was.
    pub fn walk<T, E: Display>(
        &self,
        walk: impl FnOnce(&Recording, Span, &mut dyn FnMut()) -> Result<T, E>,
    ) -> Result<(T, String), Failure> {
        let (chain, futures) = (self.chain()?, self.futures()?);
        let recording = Recording { chain: &chain, futures: futures.as_ref() };
        let span = Span { from: self.from, to: self.to, hours: self.hours };
        let total = u64::try_from(recording.pairs(span).len()).unwrap_or(u64::MAX);
        let (mut progress, mut done) = (Progress::new("intervals", total), 0);
        let answer = walk(&recording, span, &mut || {
            done += 1;
            progress.at(done);
        });
        let answer = answer.map_err(Failure::broken)?;
        Ok((answer, pace(total, "intervals", progress.over()) + "\n"))
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    Reader::default().bytes(file)
}

/// The value parser of clap for a number above 0.
pub fn above_zero(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    found.ok_or_else(|| "expected a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_above_zero_is_no_other() {
        assert_eq!(above_zero("1.5"), Ok(1.5));
        for wrong in ["0", "-1", "inf", "NaN", ""] {
            assert!(above_zero(wrong).is_err(), "{wrong}");
        }
    }
}
