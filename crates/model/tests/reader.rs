//! A portfolio read account by account equals one read at once: accounts, hash and problems.

use model::{Account, AccountText, Market, Names, Portfolio, PortfolioReader, Problems};

const MARKET: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
  "assets": [{"asset": "USDC", "price": "1"}], "underlyings": [{"underlying": "BTC", "index": "80000"}],
  "instruments": [{"instrument": "PERP", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
    "settle": "USDC", "contract_size": "1", "mark": "80000"}]}"#;

const PORTFOLIO: &str = r#"{
  "format": "upm.portfolio/1",
  "accounts": [
    {"account": "a, \"[{\\", "balances": [{"asset": "USDC", "amount": "1"}]},
    {"account": "b]}", "positions": [{"instrument": "PERP", "quantity": "-2"}]} ,
    {"account": "ü",
     "orders": []}
  ]
}
"#;

/// Reads a document in pieces of `step` bytes.
fn read(text: &[u8], step: usize) -> Result<(Vec<Account>, String), String> {
    let market = Market::parse(MARKET).expect("a market");
    let mut reader = PortfolioReader::default();
    let mut found: Vec<AccountText> = Vec::new();
    for piece in text.chunks(step) {
        reader.push(piece, &mut found);
    }
    let mut names = Names::default();
    let mut accounts = Vec::new();
    let told = |problems: Problems| problems.told().expect("something is wrong").to_string();
    for text in &found {
        let account = text.account(&market).map_err(told)?;
        names.take(text.index, &account.name).map_err(|wrong| wrong.to_string())?;
        accounts.push(account);
    }
    Ok((accounts, reader.finish().map_err(told)?))
}

fn at_once(text: &str) -> Result<(Vec<Account>, String), String> {
    let market = Market::parse(MARKET).expect("a market");
    let portfolio = Portfolio::parse(text, &market).map_err(|wrong| wrong.to_string())?;
    Ok((portfolio.accounts, portfolio.hash))
}

#[test]
fn accounts_and_hash_are_those_of_the_whole_document() {
    let format_last = r#"{"accounts":[{"account":"a"},{"account":"b"}],"format":"upm.portfolio/1"}"#;
    let escaped = r#"{"format":"upm.portfolio/1","\u0061ccounts":[{"account":"a"}]}"#;
    for text in [PORTFOLIO, format_last, escaped] {
        for step in [1, 2, 7, 64, 10_000] {
            assert_eq!(read(text.as_bytes(), step), at_once(text), "in pieces of {step}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_in_the_same_words() {
    let edits = [
        (r#""-2""#, "-2"),
        (r#""-2""#, r#""x""#),
        (r#""quantity": "-2""#, r#""quantity": "-2", "colour": "red""#),
        (r#""quantity": "-2""#, r#""quantity": "-2""quantity": "3""#),
        (r#""instrument": "PERP", "#, ""),
        ("PERP", "PUT"),
        (r#""account": "ü","#, ""),
        ("ü", "b]}"),
        ("\"format\": \"upm.portfolio/1\",", ""),
        ("portfolio/1", "portfolio/2"),
        ("\"format\"", "\"form\""),
        ("\"accounts\"", "\"account\""),
        ("\n}\n", "\n}\n}"),
        ("\n}\n", ""),
        ("  ]\n}\n", ""),
        ("\n}\n", ",\n \"more\": 1}\n"),
        ("\n}\n", ",\n \"accounts\": []}\n"),
        (r#""orders": []}"#, r#""orders": []"#),
        (r#""orders": []}"#, r#""orders": [}"#),
        (r#""orders": []}"#, r#""orders": []]"#),
        ("[\n    {\"account\": \"a,", "[\n    7, {\"account\": \"a,"),
        ("}]} ,", "}]}"),
        ("}]} ,", "}]} ,,"),
        ("[]}\n", "[]},\n"),
        ("[\n    {", "[,{"),
    ];
    for (from, to) in edits {
        assert!(PORTFOLIO.contains(from), "{from}");
        let text = PORTFOLIO.replacen(from, to, 1);
        let whole = at_once(&text).unwrap_err();
        for step in [1, 10_000] {
            assert_eq!(read(text.as_bytes(), step).unwrap_err(), whole, "{to} for {from}");
        }
    }
}

#[test]
fn other_documents_are_refused() {
    for text in ["", "[]", "7", "{", "{}", MARKET, r#"{"format":"upm.portfolio/1","accounts":[]}"#] {
        assert_eq!(read(text.as_bytes(), 5), at_once(text), "{text}");
    }
    let list = r#"["upm.portfolio/1", [{"account": "a"}]]"#;
    assert!(read(list.as_bytes(), 5).unwrap_err().starts_with(".: found a list, expected a portfolio document"));
}

#[test]
fn a_stray_byte_is_found_where_it_stands() {
    let place = PORTFOLIO.find('ü').unwrap();
    let mut bytes = PORTFOLIO.as_bytes().to_vec();
    bytes[place] = 0xff;
    let message = format!("accounts[2]: found a stray byte at offset {place}, expected UTF-8 text");
    assert_eq!(read(&bytes, 9).unwrap_err(), message);
    bytes = PORTFOLIO.as_bytes().to_vec();
    let end = bytes.len() - 1;
    bytes[end] = 0xff;
    assert_eq!(read(&bytes, 9).unwrap_err(), format!(".: found a stray byte at offset {end}, expected UTF-8 text"));
}
