//! Any text is a portfolio of the sample market or a refusal; what is accepted is margined or refused, never a panic.
#![no_main]

use std::sync::LazyLock;

use margin::method::{METHODS, Options, Rulebook};
use model::{Market, Portfolio};

const SMALL: &str = include_str!("../seeds/market/small.json");

static MARKET: LazyLock<Market> = LazyLock::new(|| Market::parse(SMALL).expect("the seed is a market"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(portfolio) = Portfolio::parse(text, &MARKET) else { return };
    let options = Options::default();
    for method in METHODS {
        let rulebook: Box<dyn Rulebook> = method.rulebook(method.params).expect("bundled parameters are valid");
        let Ok(judge) = rulebook.judge(&MARKET, &options) else { continue };
        for account in &portfolio.accounts {
            let _ = margin::assess(account, &*judge);
        }
    }
});
