//! `cargo xtask vectors SUITE [FILE]`: recomputes every reference vector of a file, or of the committed one.
//!
//! A suite reads the file, computes each vector with our code and hands both answers to a [`Tally`]. A vector passes
//! when every quantity the file gives for it agrees.

mod black76;
mod derive;
mod document;
pub mod keep;

use std::collections::BTreeSet;
use std::fmt;
use std::process::ExitCode;

/// The number of failed vectors that are named.
const NAMED: usize = 10;

/// The results for a file of vectors.
#[derive(Debug, Default)]
pub struct Tally {
    /// Vectors with all quantities in agreement.
    pub passed: usize,
    /// Vectors with a quantity that differs, or that could not be computed.
    pub failed: usize,
    /// The worst quantity of each failed vector.
    failures: Vec<Failure>,
    /// The largest difference between amounts of money, in USD.
    worst_usd: f64,
    /// The largest difference as a share of the gross notional.
    worst_of_gross: f64,
    /// Quantities of the file without a counterpart in our results.
    not_compared: BTreeSet<String>,
}

#[derive(Debug)]
struct Failure {
    vector: String,
    what: String,
}

/// The comparison of one vector.
#[derive(Debug)]
pub struct Comparison {
    gross: f64,
    /// The number of quantities compared.
    compared: usize,
    worst_usd: f64,
    failure: Option<(f64, String)>,
    not_compared: BTreeSet<String>,
}

impl Comparison {
    /// Begins the comparison of a portfolio with this gross notional.
    pub fn new(gross: f64) -> Self {
        Self { gross, compared: 0, worst_usd: 0.0, failure: None, not_compared: BTreeSet::new() }
    }

    /// The tolerance for money: 1e-6 dollars and 1e-12 of the gross notional.
    pub fn money_tolerance(&self) -> f64 {
        1e-6 + 1e-12 * self.gross
    }

    /// Compares amounts of money, which must agree within the tolerance for money.
    pub fn money(&mut self, quantity: &str, ours: f64, theirs: f64) {
        self.money_within(quantity, ours, theirs, self.money_tolerance());
    }

    /// Compares amounts of money, which must agree within `tolerance`.
    pub fn money_within(&mut self, quantity: &str, ours: f64, theirs: f64, tolerance: f64) {
        self.worst_usd = self.worst_usd.max((ours - theirs).abs());
        self.within(quantity, ours, theirs, tolerance);
    }

    /// Compares numbers, which must agree within `tolerance`. NaN never agrees.
    pub fn within(&mut self, quantity: &str, ours: f64, theirs: f64, tolerance: f64) {
        self.compared += 1;
        let excess = (ours - theirs).abs() / tolerance;
        if excess <= 1.0 {
            return;
        }
        if self.failure.as_ref().is_none_or(|(held, _)| excess.total_cmp(held).is_gt()) {
            let text = format!("{quantity}: ours {ours}, theirs {theirs}, tolerance {tolerance:.1e}");
            self.failure = Some((excess, text));
        }
    }

    /// Notes a quantity without a counterpart in our results.
    pub fn skip(&mut self, quantity: &str) {
        self.not_compared.insert(quantity.to_owned());
    }
}

impl Tally {
    /// Counts a vector that was compared, or that could not be compared.
    pub fn count(&mut self, vector: &str, comparison: Result<Comparison, String>) {
        let what = match comparison {
            Ok(comparison) => {
                self.worst_usd = self.worst_usd.max(comparison.worst_usd);
                if comparison.gross > 0.0 {
                    self.worst_of_gross = self.worst_of_gross.max(comparison.worst_usd / comparison.gross);
                }
                self.not_compared.extend(comparison.not_compared);
                let nothing = || (comparison.compared == 0).then(|| "nothing of it was compared".to_owned());
                comparison.failure.map(|(_, what)| what).or_else(nothing)
            }
            Err(problem) => Some(problem),
        };
        match what {
            None => self.passed += 1,
            Some(what) => {
                self.failed += 1;
                self.failures.push(Failure { vector: vector.to_owned(), what });
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Failure { vector, what } in self.failures.iter().take(NAMED) {
            writeln!(formatter, "{vector}: {what}")?;
        }
        if self.failures.len() > NAMED {
            writeln!(formatter, "and {} more", self.failures.len() - NAMED)?;
        }
        for quantity in &self.not_compared {
            writeln!(formatter, "not compared, for we have no such quantity: {quantity}")?;
        }
        let Self { passed, failed, worst_usd, worst_of_gross, .. } = self;
        write!(
            formatter,
            "worst error {worst_usd:.1e} dollars, {worst_of_gross:.1e} of gross notional\n{passed} passed, {failed} failed"
        )
    }
}

/// Recomputes the vectors of a document.
pub fn run(suite: &str, text: &str) -> Result<Tally, String> {
    let tally = match suite {
        "derive" => derive::run(text)?,
        "black76" => black76::run(text)?,
        other => return Err(format!("suite: found \"{other}\", expected derive or black76")),
    };
    if tally.passed + tally.failed == 0 {
        return Err(format!("found no vectors of suite {suite}, expected at least one"));
    }
    Ok(tally)
}

/// The file of the folder `vectors` that has the suites.
const KEPT: &str = "derive.json";

/// Runs the command: status 0 when all passed, 1 when any failed, 2 when the file could not be read.
pub fn command(suite: &str, file: Option<&str>) -> ExitCode {
    let kept = testdata::vectors::folder().join(format!("{KEPT}.gz"));
    let read = file.map_or_else(|| testdata::vectors::unpacked(&kept), std::fs::read_to_string);
    let file = file.map_or_else(|| kept.display().to_string(), str::to_owned);
    let text = match read {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{file}: {error}");
            return ExitCode::from(2);
        }
    };
    match run(suite, &text) {
        Ok(tally) => {
            println!("{tally}");
            ExitCode::from(u8::from(tally.failed > 0))
        }
        Err(problem) => {
            eprintln!("{file}: {problem}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_pass(suite: &str) {
        let tally = run(suite, &testdata::vectors::text(KEPT)).unwrap();
        assert!(tally.passed > 0 && tally.failed == 0 && tally.not_compared.is_empty(), "{tally}");
    }

    #[test]
    fn derive_agrees_with_the_contracts() {
        all_pass("derive");
    }

    #[test]
    fn black76_agrees_with_exact_arithmetic() {
        all_pass("black76");
    }

    #[test]
    fn a_vector_of_which_nothing_is_compared_fails() {
        let mut tally = Tally::default();
        tally.count("empty", Ok(Comparison::new(1.0)));
        assert_eq!((tally.passed, tally.failed), (0, 1));
    }

    /// A test that cannot fail proves nothing: a change of one digit in one answer must be found, and only there.
    #[test]
    fn a_wrong_answer_fails() {
        let mut document: serde_json::Value = serde_json::from_str(&testdata::vectors::text(KEPT)).unwrap();
        document["vectors"][0]["outputs"]["initial_margin"] = "1.5".into();
        document["vectors"][1]["outputs"]["scenario_pnl"][3] = "1000000.001".into();
        document["vectors"][2]["engine"] = "SPAN".into();
        document["vectors"][3]["params"] = "nowhere".into();
        let tally = run("derive", &document.to_string()).unwrap();
        assert_eq!(tally.failed, 4, "{tally}");
        let text = tally.to_string();
        for said in ["initial_margin: ours", "scenario_pnl[3]: ours", "\"SPAN\"", "\"nowhere\""] {
            assert!(text.contains(said), "{said} in {text}");
        }
    }

    #[test]
    fn a_number_that_is_none_fails() {
        let mut comparison = Comparison::new(1.0);
        comparison.money("margin", f64::NAN, 0.0);
        assert!(comparison.failure.is_some());
    }

    #[test]
    fn an_unknown_suite_is_named() {
        assert!(run("span", "{}").unwrap_err().contains("found \"span\""));
    }

    #[test]
    fn nothing_to_compare_is_no_pass() {
        assert!(run("derive", "{}").unwrap_err().contains("found no vectors"));
        assert!(run("black76", "{}").unwrap_err().contains("found no vectors"));
    }
}
