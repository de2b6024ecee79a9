//! Decimal text: the program's own reader can read every number that the program writes, and exponents are exact.

mod common;

use common::{PORTFOLIO, answer, document, sample, upm, written};
use serde_json::Value;
use testdata::MARKET;
use units::Ratio;

/// Every text in a document that is a number, and every number that is not one of JSON's integers.
fn numbers(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let words = ["NaN", "inf", "-inf"].contains(&text.as_str());
            let digits = text.bytes().any(|byte| byte.is_ascii_digit());
            let is_number = digits && text.bytes().all(|byte| b"+-.eE0123456789".contains(&byte));
            if words || is_number {
                found.push(text.clone());
            }
        }
        Value::Number(number) => assert!(!number.is_f64(), "{number} is no decimal text"),
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| numbers(value, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A market with options so far from the money that their sensitivities have a hundred zeros after the point.
fn far_from_the_money(test: &str) -> [String; 2] {
    let market = MARKET.replace(r#""strike": "80000""#, r#""strike": "400000""#).replace("0.5", "0.15");
    let market = market.replace(r#""mark": "3400""#, r#""mark": "0""#);
    [written(&format!("{test}-market.json"), &market), written(&format!("{test}-portfolio.json"), PORTFOLIO)]
}

#[test]
fn every_number_that_is_written_can_be_read_back() {
    let [market, portfolio] = far_from_the_money("read-back");
    let books = [[market, portfolio], [sample("market.json"), sample("portfolio.json")]];
    let commands: [&[&str]; 4] = [
        &["margin", "--all-scenarios"],
        &["stress"],
        &["stress", "--scenario", "prices unchanged, vol up"],
        &["compare"],
    ];
    for [market, portfolio] in &books {
        for command in commands {
            let arguments = [command, &["--output", "json", "--market", market, "--portfolio", portfolio]].concat();
            let mut found = Vec::new();
            numbers(&document(&arguments), &mut found);
            assert!(found.len() > 2, "{command:?}");
            for text in found {
                assert!(text.parse::<Ratio>().is_ok(), "{command:?}: {text}");
            }
        }
    }
}

#[test]
fn sensitivities_keep_at_most_18_decimals() {
    let [market, portfolio] = far_from_the_money("decimals");
    let arguments = ["margin", "--output", "json", "--market", &market, "--portfolio", &portfolio];
    let answer = document(&arguments);
    let greeks = answer["accounts"][0]["greeks"][0].as_object().expect("of one underlying");
    for (name, value) in greeks.iter().filter(|(name, _)| *name != "underlying") {
        let text = value.as_str().expect("decimal text");
        assert!(text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 18), "{name}: {text}");
    }
}

/// A quarter of a range of 0.14 is 0.035, and five of them are no 0.17500000000000002.
#[test]
fn moves_of_a_grid_have_no_more_decimals_than_their_steps() {
    let [market, portfolio] = [sample("market.json"), sample("portfolio.json")];
    let arguments = ["stress", "--market", &market, "--portfolio", &portfolio, "--grid", "41x21", "--output", "json"];
    let answer = document(&arguments);
    let account = &answer["accounts"][0];
    let prices = account["prices"].as_array().expect("underlyings");
    for moves in prices.iter().map(|one| &one["moves"]).chain([&account["vol_moves"]]) {
        let moves = moves.as_array().expect("moves");
        assert!(moves.len() > 10, "{moves:?}");
        for text in moves.iter().map(|text| text.as_str().expect("decimal text")) {
            assert!(text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 4), "{text}");
        }
    }
}

#[test]
fn one_move_that_is_left_out_is_no_plural() {
    let [market, portfolio] = [sample("market.json"), sample("portfolio.json")];
    let page = |grid| answer(&["stress", "--market", &market, "--portfolio", &portfolio, "--grid", grid]);
    assert!(page("11x7").contains("1 move of volatility is left out: a volatility would fall to nothing."));
    assert!(page("11x11").contains("3 moves of volatility are left out: a volatility would fall to nothing."));
}

#[test]
fn exponents_are_exact_in_markets_and_portfolios() {
    let plain = [written("plain-market.json", MARKET), written("plain-portfolio.json", PORTFOLIO)];
    let market = MARKET.replace(r#""0.9999""#, r#""9999e-04""#).replace(r#""80000""#, r#""8E+4""#);
    let market = written("exponent-market.json", &market);
    let portfolio = written("exponent-portfolio.json", &PORTFOLIO.replace(r#""25000""#, r#""2.5e4""#));
    let accounts = |[market, portfolio]: [&str; 2]| {
        document(&["margin", "--output", "json", "--market", market, "--portfolio", portfolio])["accounts"].clone()
    };
    assert_eq!(accounts([&market, &portfolio]), accounts([&plain[0], &plain[1]]));

    let tiny = written("tiny-portfolio.json", &PORTFOLIO.replace(r#""25000""#, r#""6.8e-20""#));
    let run = upm(&["margin", "--market", &plain[0], "--portfolio", &tiny]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    let expected = "accounts[0].balances[0].amount: invalid value: \"6.8e-20\", expected a decimal number with at most 18 decimals";
    assert!(run.err.contains(expected), "{}", run.err);
}
