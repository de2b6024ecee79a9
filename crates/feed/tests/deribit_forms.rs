//! The same answers in every form in which venues, recorders and other programs write them.

use feed::deribit::{ImportError, Options, Source, import};
use model::MarketDocument;
use serde_json::value::{RawValue, to_raw_value};

const QUOTED: &str = include_str!("data/quoted-numbers.jsonl");

const LISTING: &str = r#"{"instrument_name": "BTC-28NOV25-115000-C", "kind": "option", "base_currency": "BTC", "quote_currency": "BTC", "settlement_currency": "BTC", "contract_size": 1.0, "is_active": true, "strike": 115000.0, "option_type": "call", "expiration_timestamp": 1764316800000, "taker_commission": 3e-04}"#;
const TICKER: &str = r#"{"instrument_name": "BTC-28NOV25-115000-C", "timestamp": 1761552000000, "mark_price": 0.05, "mark_iv": 45.5, "underlying_price": 115300.0, "index_price": 115010.0, "best_bid_price": 0.0, "best_ask_price": null, "open_interest": 10.0, "interest_rate": 0.0, "greeks": {"delta": 0.5}, "stats": {"volume": 3.5}}"#;
const PERPETUAL: &str = r#"{"instrument_name": "BTC-PERPETUAL", "timestamp": 1761552000000, "mark_price": 115000.0, "index_price": 115010.0, "open_interest": 100, "funding_8h": 6.8e-07}"#;
const INDEX: &str = r#"{"index_name": "usdc_usd", "price": 0.9999, "timestamp": 1761552000000}"#;

fn read(text: &str) -> Result<MarketDocument, ImportError> {
    import(&[Source { name: "answers.json", text }], &Options::default()).map(|(document, _)| document)
}

/// A text with every number in quotes, as dumps of ccxt have them.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    let mut in_text = false;
    while let Some(character) = characters.next() {
        in_text ^= character == '"';
        out.push(character);
        let begins = !in_text && matches!(character, ' ' | '[' | ':');
        if begins && characters.peek().is_some_and(|next| next.is_ascii_digit() || *next == '-') {
            out.push('"');
            while let Some(digit) = characters.next_if(|next| !matches!(next, ',' | '}' | ']' | ' ')) {
                out.push(digit);
            }
            out.push('"');
        }
    }
    out
}

#[test]
fn every_form_gives_the_same_market() {
    let all = [LISTING, TICKER, PERPETUAL, INDEX];
    let expected = read(&all.join("\n")).unwrap();
    assert_eq!(expected.instruments.len(), 2);
    assert_eq!(expected.instruments[1].funding_rate_8h, Some("0.00000068".parse().unwrap()));

    let enveloped =
        |answer: &&str| format!(r#"{{"jsonrpc": "2.0", "id": 7, "result": {answer}, "usIn": 1, "usOut": 2}}"#);
    let framed = |answer: &&str| {
        format!(r#"{{"jsonrpc": "2.0", "method": "subscription", "params": {{"channel": "x", "data": {answer}}}}}"#)
    };
    let dumped = |answer: &&str| format!(r#"{{"symbol": "BTC/USD:BTC", "last": null, "info": {answer}}}"#);
    let join = |each: &dyn Fn(&&str) -> String, by: &str| all.iter().map(each).collect::<Vec<_>>().join(by);
    let pretty = |text: &str| text.replace(", ", ",\n  ").replace(": ", " :\n ");
    let forms = [
        join(&enveloped, "\n"),
        join(&framed, "\n"),
        format!("[{}]", all.join(", ")),
        format!("[{}]", join(&enveloped, ", ")),
        format!("[[{}], [{}]]", join(&framed, ", "), enveloped(&LISTING)),
        enveloped(&format!("[{}]", all.join(", ")).as_str()),
        format!("[{}]", join(&dumped, ",")),
        format!(
            r#"{{"a": {}, "b": {}, "c": {}, "d": {}}}"#,
            dumped(&LISTING),
            dumped(&TICKER),
            dumped(&PERPETUAL),
            dumped(&INDEX)
        ),
        format!("\u{feff}{}", all.join("\r\n")),
        all.map(pretty).join("\n"),
        format!("{LISTING}\n1761552000.5: {TICKER}\nhttps://venue -> 1761552000.5: {PERPETUAL}\n{INDEX}"),
        format!("1761552000.5: {LISTING}\n{TICKER}\n{PERPETUAL}\n{INDEX}"),
    ];
    for form in &forms {
        assert_eq!(read(form).unwrap_or_else(|refused| panic!("{refused}\n{form}")), expected, "{form}");
        if !form.contains("-> ") && !form.contains("5: ") {
            let form = quoted(form);
            assert_eq!(read(&form).unwrap_or_else(|refused| panic!("{refused}\n{form}")), expected, "{form}");
        }
    }
    let compact: Box<RawValue> = to_raw_value(&serde_json::from_str::<serde_json::Value>(&forms[3]).unwrap()).unwrap();
    assert_eq!(read(compact.get()).unwrap(), expected);
}

#[test]
fn numbers_in_quotes_are_exact() {
    let document = read(QUOTED).unwrap();
    assert_eq!(document.instruments[0].mark, "115000".parse().unwrap());
    let with = |field: &str, value: &str| PERPETUAL.replacen('{', &format!("{{\"{field}\": {value}, "), 1);
    let mark = |value: &str| {
        let text = PERPETUAL.replace("\"mark_price\": 115000.0", &format!("\"mark_price\": {value}"));
        read(&text).map(|document| document.instruments[0].mark.to_string()).map_err(|refused| refused.to_string())
    };
    for value in ["115000.000000000000000001", "\"115000.000000000000000001\"", "\"115000000000000000000001e-18\""] {
        assert_eq!(mark(value).unwrap(), "115000.000000000000000001");
    }
    assert_eq!(mark("\"6.8e-07\"").unwrap(), "0.00000068");
    assert_eq!(mark("1E+3").unwrap(), "1000");
    let refusals = [
        ("\"\"", "found \"\", expected a decimal number such as"),
        ("\"NaN\"", "found \"NaN\", expected a decimal number such as"),
        ("\"1,000\"", "found \"1,000\", expected a decimal number such as"),
        ("\"-1\"", "found \"-1\", expected a number not below 0"),
        ("\"1e-19\"", "found \"1e-19\", expected a decimal number with at most 18 decimals"),
        ("1e-400", "found 1e-400, expected a decimal number with at most 18 decimals"),
        ("\"1e21\"", "found \"1e21\", expected a decimal number smaller than"),
    ];
    for (value, expected) in refusals {
        let refused = mark(value).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
    for timestamp in ["\"1761552000000\"", "1761552000000.0", "1.761552e12", "\"1761552000000.000\""] {
        let text = PERPETUAL.replace("1761552000000", timestamp);
        assert_eq!(read(&text).unwrap().time.to_string(), "2025-10-27T08:00:00Z", "{timestamp}");
    }
    for flag in ["false", "\"false\"", "\"False\""] {
        let refused = read(&with("is_active", flag).replacen('{', "{\"kind\": \"future\", ", 1)).unwrap_err();
        assert!(refused.to_string().contains("closed                      1  BTC-PERPETUAL"), "{flag}: {refused}");
    }
}

#[test]
fn an_answer_among_others_that_says_nothing_is_counted() {
    let text =
        format!("[{TICKER}, {LISTING}, {{\"jsonrpc\": \"2.0\", \"result\": [1, 2]}}, {{\"chart\": []}}, \"text\"]");
    let (_, report) = import(&[Source { name: "a.json", text: &text }], &Options::default()).unwrap();
    assert_eq!((report.other, report.first_other.as_deref()), (3, Some("a.json, line 1, [2]")));
}
