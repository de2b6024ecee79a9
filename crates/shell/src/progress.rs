//! How far long work has come: one line on a terminal, at most ten times a second, gone when the work is done.

use std::time::{Duration, Instant};

use units::grouped::{exact, number};

use crate::printer::overwrite;

/// Between two lines.
const EVERY: Duration = Duration::from_millis(100);

/// Work that is under way.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    /// How much there is to do, where that is known.
    total: Option<u64>,
    begun: Instant,
    shown: Duration,
}

impl Progress {
    /// Work on `total` of something, such as "records", begins now.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self::reading(what, Some(total))
    }

    /// Work on accounts or the like that are counted while a document of `bytes` is read begins now.
    #[expect(clippy::disallowed_methods, reason = "how long a command takes is told to a person and decides nothing")]
    pub fn reading(what: &'static str, bytes: Option<u64>) -> Self {
        Self { what, total: bytes, begun: Instant::now(), shown: Duration::ZERO }
    }

    /// Shows that so many are done.
    pub fn at(&mut self, done: u64) {
        let total = self.total.map_or_else(String::new, |total| format!(" of {}", exact(total)));
        self.show(|what| format!("{}{total} {what}", exact(done)));
    }

    /// Shows that so many are done, and so many bytes of the document that they stand in are read.
    pub fn reached(&mut self, done: u64, read: u64) {
        let total = self.total.filter(|total| *total > 0);
        let part = total.map_or_else(String::new, |total| {
            let percent = u128::from(read.min(total)) * 100 / u128::from(total);
            format!(", {percent} % of the document")
        });
        self.show(|what| format!("{} {what}{part}", exact(done)));
    }

    fn show(&mut self, words: impl Fn(&str) -> String) {
        let passed = self.begun.elapsed();
        if passed.saturating_sub(self.shown) >= EVERY {
            self.shown = passed;
            overwrite(&format!("{}, {} s", words(self.what), number(passed.as_secs_f64(), 0)));
        }
    }

    /// Wipes the line, since all is done. Says how long it took.
    pub fn over(&self) -> Duration {
        overwrite("");
        self.begun.elapsed()
    }
}

/// How fast work was: "12,345 records in 0.3 s, 41,150 a second".
pub fn pace(done: u64, what: &str, took: Duration) -> String {
    let each_second = u128::from(done) * 1_000_000 / took.as_micros().max(1);
    format!("{} {what} in {} s, {} a second", exact(done), number(took.as_secs_f64(), 1), exact(each_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_counted_in_whole_seconds() {
        assert_eq!(pace(3000, "records", Duration::from_millis(1500)), "3,000 records in 1.5 s, 2,000 a second");
        assert_eq!(pace(0, "records", Duration::ZERO), "0 records in 0.0 s, 0 a second");
    }
}
