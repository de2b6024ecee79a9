//! `cargo xtask sample`: writes `samples/`, the market, the portfolio and the scenarios that come with the program.
//!
//! All data in them is our own: levels chosen by hand, a smile of three numbers, our own Black-76, a stated covariance
//! and a fixed seed. Every run writes the same bytes, and a test compares them with the committed files.

pub mod crowd;
mod layout;
mod market;
mod portfolio;
mod random;
mod scenarios;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

/// Writes the files.
pub fn command() -> ExitCode {
    let directory = directory();
    if let Err(error) = std::fs::create_dir_all(&directory) {
        eprintln!("{}: {error}", directory.display());
        return ExitCode::FAILURE;
    }
    for (name, text) in files() {
        let path = directory.join(name);
        if let Err(error) = std::fs::write(&path, &text) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("{:>8} bytes  samples/{name}", text.len());
    }
    ExitCode::SUCCESS
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/cli/samples"))
}

/// Every file with its text.
fn files() -> [(&'static str, String); 3] {
    let market = market::document();
    let portfolio = portfolio::document(&market);
    [
        ("market.json", layout::write(&market, 2)),
        ("portfolio.json", layout::write(&portfolio, 4)),
        ("scenarios.json", layout::write(&scenarios::document(), 4)),
    ]
}

/// A number as a document writes it: rounded to `decimals`, no trailing zeros.
fn decimal<T: FromStr<Err: Display>>(value: f64, decimals: usize) -> T {
    exact(&format!("{value:.decimals$}"))
}

/// A quantity or a time from its text.
fn exact<T: FromStr<Err: Display>>(text: &str) -> T {
    text.parse().unwrap_or_else(|expected| panic!("{text}: expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use margin::method::{METHODS, Options};
    use margin::scenario::ScenarioSet;
    use margin::{ScenarioDocument, Standing, Status};
    use model::{Market, Portfolio};

    #[test]
    fn the_committed_files_are_what_the_command_writes() {
        for (name, text) in files() {
            let committed = std::fs::read_to_string(directory().join(name)).unwrap();
            assert!(committed == text, "samples/{name} is not what `cargo xtask sample` writes");
        }
    }

    #[test]
    fn the_files_stay_small() {
        for (name, limit) in [("market.json", 600_000), ("portfolio.json", 60_000), ("scenarios.json", 150_000)] {
            let size = std::fs::metadata(directory().join(name)).unwrap().len();
            assert!(size < limit, "samples/{name} has {size} bytes");
        }
    }

    #[test]
    fn every_account_is_margined_by_every_method() {
        let [(_, market), (_, portfolio), (_, scenarios)] = files();
        let market = Market::parse(&market).unwrap();
        let portfolio = Portfolio::parse(&portfolio, &market).unwrap();
        let scenarios = ScenarioDocument::parse(&scenarios).unwrap().scenarios_for(&market).unwrap();
        for method in METHODS {
            let rulebook = method.rulebook(method.params).unwrap();
            for scenarios in [ScenarioSet::default(), scenarios.clone()] {
                let options = Options { scenarios, ..Options::default() };
                let judge = rulebook.judge(&market, &options).unwrap();
                let mut statuses = Vec::new();
                for account in &portfolio.accounts {
                    let assessment = margin::assess(account, &*judge)
                        .unwrap_or_else(|refusal| panic!("{}, {}: {refusal}", method.about.name, account.name));
                    assert!(assessment.initial_margin >= assessment.maintenance_margin, "{}", account.name);
                    statuses.push(assessment.status);
                }
                if method.about.name == "universal" {
                    let healthy = Standing::Known(Status::Healthy);
                    assert!(statuses.contains(&healthy), "a demonstration needs accounts that stand well");
                    assert!(statuses.iter().any(|status| *status != healthy), "and one that does not");
                }
            }
        }
    }

    #[test]
    fn the_book_has_many_positions_and_no_delta() {
        let market = market::document();
        let bound = Market::new(&market).unwrap();
        let portfolio = Portfolio::new(&portfolio::document(&market), &bound).unwrap();
        let book = portfolio.accounts.iter().find(|account| account.name == "delta-hedged book").unwrap();
        assert!(book.positions.len() >= 25, "{} positions", book.positions.len());
        for greeks in margin::greeks::of_account(book, &bound, 1800.0).unwrap() {
            assert!(greeks.delta_usd.abs() < 100.0, "{}: {} USD of delta", greeks.underlying, greeks.delta_usd);
        }
    }
}
