//! `upm what-if` gives the same result as `upm margin` of the portfolio after the trades.

mod common;

use common::{document, written};
use serde_json::Value;
use testdata::MARKET;

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

/// The answer to one trade on the small market.
fn what_if(test: &str, balances: &str, trade: &str) -> Value {
    let market = written(&format!("{test}-market.json"), MARKET);
    let file = written(&format!("{test}-portfolio.json"), &portfolio(balances, SHORT));
    let book = ["what-if", "--market", &market, "--portfolio", &file, "--output", "json", "--trade", trade];
    document(&book)
}

#[test]
fn a_price_far_from_the_mark_is_warned_of() {
    for (trade, far) in [
        ("BTC-PERP +1 @80050", false),
        ("BTC-PERP +1 @83000", false),
        ("BTC-PERP +1 @800500", true),
        ("BTC-PERP -1 @8005", true),
        ("BTC-CALL +1 @3400", false),
        ("BTC-CALL +1 @34000", true),
        ("BTC-CALL -1 @1", true),
    ] {
        let answer = what_if("far", CASH, trade);
        let warnings = answer["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), usize::from(far), "{trade}: {answer}");
        assert!(warnings.iter().all(|words| words.as_str().unwrap().contains("the mark")), "{trade}");
    }
}

#[test]
fn a_trade_that_the_account_cannot_carry_is_said_to_be_refused() {
    let thin = r#"{"asset": "USDC", "amount": "16000"}"#;
    assert_eq!(what_if("carried", CASH, "BTC-PERP +0.5")["verdict"]["accepted"], true);
    let refused = what_if("refused", thin, "BTC-PERP -20");
    assert_eq!(refused["verdict"]["accepted"], false);
    assert!(refused["verdict"]["why"].as_str().unwrap().contains("is below the initial margin"), "{refused}");
    // After buying at ten times the mark the account has no equity left.
    assert_eq!(what_if("bought", thin, "BTC-PERP +2 @800500")["verdict"]["accepted"], false);
    // A trade that reduces an account with too little margin is accepted.
    let broke = r#"{"asset": "USDC", "amount": "500"}"#;
    assert_eq!(what_if("reduced", broke, "BTC-PERP +0.5")["verdict"]["accepted"], true);
}
