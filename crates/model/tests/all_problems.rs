//! All problems of a document are reported at once, and nothing else is.

use model::{Market, Portfolio};
use testdata::MARKET;

const PORTFOLIO: &str = r#"{
  "format": "upm.portfolio/1",
  "accounts": [{"account": "alice", "balances": [{"asset": "USDC", "amount": "25000"}],
    "positions": [{"instrument": "BTC-CALL", "quantity": "2", "entry": "3000"},
                  {"instrument": "BTC-PERP", "quantity": "-1", "entry": "80000"}]},
   {"account": "bob", "balances": [{"asset": "BTC", "amount": "1"}]}]}"#;

fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

/// The problems, each given by the beginning of its line.
fn check(said: &str, expected: &[&str]) {
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{said}");
    for problem in expected {
        assert!(lines.iter().any(|line| line.starts_with(problem)), "{problem}\n  in: {said}");
    }
}

fn of_market(edits: &[(&str, &str)], expected: &[&str]) {
    let invalid = Market::parse(&edited(MARKET, edits)).expect_err("the document is wrong");
    check(&invalid.to_string(), expected);
}

fn of_portfolio(edits: &[(&str, &str)], expected: &[&str]) {
    let market = Market::parse(MARKET).expect("the market is right");
    let invalid = Portfolio::parse(&edited(PORTFOLIO, edits), &market).expect_err("the document is wrong");
    check(&invalid.to_string(), expected);
}

#[test]
fn fields_of_the_wrong_type_and_of_the_wrong_value_are_all_named() {
    of_market(
        &[
            (r#""price": "0.9999""#, r#""price": 0.9999"#),
            (r#""index": "80000""#, r#""index": "-80000""#),
            (r#""mark": "80050""#, r#""mark": "80050", "marc": "1""#),
            (r#""contract_size": "1", "mark""#, r#""contract_size": "0", "mark""#),
            (r#""iv": "0.5""#, r#""iv": "500""#),
            (r#""strike": "80000", "#, ""),
        ],
        &[
            "assets[0].price: invalid type: floating point `0.9999`, expected a decimal number as text",
            "underlyings[0].index: found -80000, expected a price above 0",
            "instruments[0].marc: unknown field `marc`",
            "instruments[0].contract_size: found 0, expected a size above 0",
            "instruments[1].iv: found 500, expected a volatility",
            "instruments[1].strike: missing, expected a price above 0",
        ],
    );
}

#[test]
fn several_fields_of_one_entry_are_named() {
    of_market(
        &[
            (r#""mark": "3400""#, r#""mark": 3400"#),
            (r#""right": "call""#, r#""right": "straddle""#),
            (r#""expiry": "2026-05-08T08:00:00Z", "strike""#, r#""expiry": "soon", "strike""#),
        ],
        &["instruments[1].mark: ", "instruments[1].right: unknown variant", "instruments[1].expiry: invalid value"],
    );
    of_portfolio(
        &[(r#""quantity": "2""#, r#""quantity": "NaN""#), (r#""entry": "3000""#, r#""entry": "-3000""#)],
        &["accounts[0].positions[0].quantity: ", "accounts[0].positions[0].entry: found -3000"],
    );
}

#[test]
fn what_depends_on_a_wrong_entry_is_not_called_unknown() {
    of_market(&[(r#""index": "80000""#, r#""index": "0""#)], &["underlyings[0].index: "]);
    of_market(&[(r#", "index": "80000""#, "")], &["underlyings[0].index: missing, expected a decimal number"]);
    of_market(&[(r#""asset": "USDC", "price": "0.9999""#, r#""asset": "USDC", "price": "0""#)], &["assets[0].price: "]);
    of_market(&[(r#", "kind": "option""#, "")], &["instruments[1].kind: missing"]);
    of_market(&[(r#"{"asset": "BTC", "price": "80000"}"#, "7")], &["assets[1]: invalid type: integer `7`"]);
}

#[test]
fn unknown_names_come_with_the_nearest() {
    of_portfolio(
        &[
            ("\"BTC-CALL\"", "\"BTC-CAL\""),
            ("\"BTC-PERP\"", "\"BTC-PREP\""),
            ("\"asset\": \"BTC\"", "\"asset\": \"BTX\""),
        ],
        &[
            "accounts[0].positions[0].instrument: found \"BTC-CAL\", expected an instrument of the market such as BTC-CALL",
            "accounts[0].positions[1].instrument: found \"BTC-PREP\", expected an instrument of the market such as BTC-PERP",
            "accounts[1].balances[0].asset: found \"BTX\", expected an asset of the market such as BTC",
        ],
    );
    of_market(
        &[
            (r#""settle": "USDC""#, r#""settle": "USCD""#),
            (r#""underlying": "BTC", "payoff""#, r#""underlying": "BTK", "payoff""#),
        ],
        &[
            "instruments[0].settle: found \"USCD\", expected an asset of this market such as USD, USDC",
            "instruments[0].underlying: found \"BTK\", expected an underlying of this market such as BTC",
        ],
    );
}

#[test]
fn another_document_is_named_and_nothing_else_of_it() {
    check(
        &Market::parse(PORTFOLIO).unwrap_err().to_string(),
        &["format: found upm.portfolio/1, expected upm.market/1"],
    );
    let market = Market::parse(MARKET).unwrap();
    let said = Portfolio::parse(MARKET, &market).unwrap_err().to_string();
    check(&said, &["format: found upm.market/1, expected upm.portfolio/1"]);
}

#[test]
fn a_field_that_stands_twice_is_named_beside_the_others() {
    of_market(
        &[(r#""format""#, r#""time": "2026-04-22T00:00:00Z", "format""#), (r#""index": "80000""#, r#""index": "0""#)],
        &[".: duplicate field `time`", "underlyings[0].index: found 0"],
    );
}

#[test]
fn long_values_are_cut_and_many_problems_are_counted() {
    let long = "x".repeat(1_000_000);
    let said = {
        let market = Market::parse(MARKET).unwrap();
        let text = edited(PORTFOLIO, &[("\"BTC-CALL\"", &format!("\"{long}\""))]);
        Portfolio::parse(&text, &market).unwrap_err().to_string()
    };
    assert!(said.len() < 500 && said.contains("xx … xx"), "{said}");
    let positions: Vec<String> =
        (0..1000).map(|number| format!(r#"{{"instrument": "X-{number}", "quantity": "1"}}"#)).collect();
    let text = edited(PORTFOLIO, &[(r#""positions": ["#, &format!("\"positions\": [{},", positions.join(",")))]);
    let said = Portfolio::parse(&text, &Market::parse(MARKET).unwrap()).unwrap_err().to_string();
    assert_eq!(said.lines().count(), 101, "{said}");
    assert!(said.ends_with(".: found 900 more problems, expected none"), "{said}");
}
