//! Shows the progress of long work: one line on a terminal, at most ten times a second, erased when the work is done.

use std::time::{Duration, Instant};

use units::grouped::{exact, number};

use crate::printer::overwrite;

/// The time between two lines.
const EVERY: Duration = Duration::from_millis(100);

/// Work that is under way.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    /// The amount of work, where it is known.
    total: Option<u64>,
    begun: Instant,
    shown: Duration,
}

impl Progress {
    /// Begins work on `total` items, such as "records".
    pub fn new(what: &'static str, total: u64) -> Self {
        Self::reading(what, Some(total))
    }

    /// Begins work on items, such as accounts, that are counted while a document of `bytes` is read.
    #[expect(clippy::disallowed_methods, reason = "how long a command takes is told to a person and decides nothing")]
    pub fn reading(what: &'static str, bytes: Option<u64>) -> Self {
        Self { what, total: bytes, begun: Instant::now(), shown: Duration::ZERO }
    }

    /// Shows that `done` items are done.
    pub fn at(&mut self, done: u64) {
        let total = self.total.map_or_else(String::new, |total| format!(" of {}", exact(total)));
        self.show(|what| format!("{}{total} {what}", exact(done)));
    }

    /// Shows that `done` items are done, and that `read` bytes of their document are read.
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

    /// Erases the line when all is done. Returns the time taken.
    pub fn over(&self) -> Duration {
        overwrite("");
        self.begun.elapsed()
    }
}

/// The speed of the work: "12,345 records in 0.3 s, 41,150 a second".
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
