//! `upm what-if` is `upm margin` of the portfolio that the trades lead to.

mod common;

use common::{MARKET, document, written};
use serde_json::Value;

fn portfolio(balances: &str, positions: &str) -> String {
    format!(
        r#"{{"format": "upm.portfolio/1", "accounts": [
            {{"account": "alice", "balances": [{balances}], "positions": [{positions}]}}]}}"#
    )
}

fn check(test: &str, before: (&str, &str), trades: &[&str], after: (&str, &str)) {
    let market = written(&format!("{test}-market.json"), MARKET);
    let file = written(&format!("{test}-before.json"), &portfolio(before.0, before.1));
    let edited = written(&format!("{test}-after.json"), &portfolio(after.0, after.1));
    let margin = |file: &str| {
        let document: Value = document(&["margin", "--market", &market, "--portfolio", file, "--output", "json"]);
        document["accounts"][0].clone()
    };
    let mut arguments = vec!["what-if", "--market", &market, "--portfolio", &file, "--output", "json"];
    arguments.extend(trades.iter().flat_map(|trade| ["--trade", *trade]));
    let what_if = document(&arguments);
    assert_eq!(what_if["format"], "upm.what-if/1");
    assert_eq!(what_if["before"], margin(&file), "{test}, before");
    assert_eq!(what_if["after"], margin(&edited), "{test}, after");
}

const CASH: &str = r#"{"asset": "USDC", "amount": "25000"}"#;
const SHORT: &str = r#"{"instrument": "BTC-PERP", "quantity": "-1", "entry": "80000"}"#;

#[test]
fn an_option_is_paid_for() {
    check(
        "premium",
        (CASH, SHORT),
        &["BTC-CALL +2 @3000"],
        (
            r#"{"asset": "USDC", "amount": "19000"}"#,
            r#"{"instrument": "BTC-PERP", "quantity": "-1", "entry": "80000"},
               {"instrument": "BTC-CALL", "quantity": "2", "entry": "3000"}"#,
        ),
    );
}

#[test]
fn a_position_turned_round_pays_its_profit() {
    check(
        "crossing",
        (CASH, SHORT),
        &["BTC-PERP +1.5 @79000"],
        (
            r#"{"asset": "USDC", "amount": "26000"}"#,
            r#"{"instrument": "BTC-PERP", "quantity": "0.5", "entry": "79000"}"#,
        ),
    );
}

#[test]
fn trades_are_made_in_order_and_at_the_mark_without_a_price() {
    check(
        "order",
        (CASH, SHORT),
        &["BTC-PERP -1", "BTC-PERP +2 @80000"],
        (r#"{"asset": "USDC", "amount": "25050"}"#, ""),
    );
}

#[test]
fn the_table_has_three_columns_that_fit() {
    let market = written("what-if-table-market.json", MARKET);
    let file = written("what-if-table-portfolio.json", &portfolio(CASH, SHORT));
    let text = common::answer(&["what-if", "--market", &market, "--portfolio", &file, "--trade", "BTC-CALL +10 @2400"]);
    for words in
        ["before", "after", "difference", "equity", "initial margin", "excess", "core", "BTC delta", "BTC vega"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
