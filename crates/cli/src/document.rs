//! Writes documents about many accounts piece by piece: the text before the accounts, each account, the text after
//! them.
//!
//! The hash of a portfolio is known only when all of it has been read, so `hashes` follow `accounts`.

use margin::Judge;
use serde::Serialize;
use shell::draft::Destination;
use shell::json::{in_lines, pretty};

use crate::accounts::Frame;
use crate::input::{Book, LoadedMethod};

/// The BLAKE3 hashes of everything on which an answer depends.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hashes<'a> {
    pub market: &'a str,
    pub portfolio: &'a str,
    pub params: &'a str,
    pub scenarios: String,
}

/// The beginning of a document of accounts under one method, with the fields described in `formats.md`; accounts and hashes
/// follow.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Head {
    pub format: &'static str,
    pub method: &'static str,
    pub params: String,
    pub time: String,
}

/// The end of the document.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tail<'a> {
    pub hashes: Hashes<'a>,
}

/// The whole document: what the pieces add up to, for its schema.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: the document is written in pieces")]
pub struct Framed<Head, Account, Tail> {
    #[schemars(flatten)]
    head: Head,
    /// The accounts, in the order of the portfolio.
    accounts: Vec<Account>,
    #[schemars(flatten)]
    tail: Tail,
}

/// The beginning of a document of this format, for accounts that `rules` assess in the market of `book`.
pub fn opening(format: &'static str, book: &Book, rules: &LoadedMethod) -> String {
    let (method, params, time) = (rules.method.about.name, rules.rulebook.name(), book.market.time.to_string());
    before_accounts(&Head { format, method, params, time })
}

/// The end of the document.
pub fn closing(book: &Book, rules: &LoadedMethod, judge: &(impl Judge + ?Sized), portfolio: &str) -> String {
    let (market, params) = (&*book.market.hash, rules.rulebook.hash());
    after_accounts(&Tail { hashes: Hashes { market, portfolio, params, scenarios: judge.scenarios() } })
}

/// A frame around accounts as written by [`account`].
pub fn frame<'a>(to: &'a Destination, opening: String, closing: &'a dyn Fn(&str) -> String) -> Frame<'a> {
    Frame { to, opening, between: ",\n    ", closing }
}

/// The fields of `head` and the beginning of the list of accounts.
pub fn before_accounts(head: &impl Serialize) -> String {
    let fields = pretty(head, 0);
    format!("{},\n  \"accounts\": [\n    ", fields.trim_end_matches(['\n', '}']))
}

/// The end of the list of accounts and the fields of `tail`.
pub fn after_accounts(tail: &impl Serialize) -> String {
    format!("\n  ],{}\n", pretty(tail, 0).trim_start_matches('{'))
}

/// One account of a document, indented for its place: a line for every field, and for every entry of a list.
pub fn account(account: &impl Serialize) -> String {
    in_lines(account, 2, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_document_in_pieces_says_what_one_that_was_written_at_once_says() {
        let accounts = [json!({"account": "a", "list": [1, {"b": []}]}), json!({"account": "c\n"})];
        let pieces = accounts.iter().map(account).collect::<Vec<_>>().join(",\n    ");
        let text = before_accounts(&json!({"a format": "x", "a time": "{}"}))
            + &pieces
            + &after_accounts(&json!({"hashes": {"h": "1"}}));
        let whole: Value = json!({"a format": "x", "a time": "{}", "accounts": accounts, "hashes": {"h": "1"}});
        let lines = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(lines(&text), lines(&serde_json::to_string_pretty(&whole).unwrap()));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), whole);
        assert!(text.contains("\n        {\"b\": []}\n"), "{text}");
    }

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Framed<Head, margin::Assessment, Tail<'static>>>(
            "upm.assessment/1",
            testdata::schema::Side::Written,
        );
        testdata::schema::is_current::<Framed<Head, margin::Summary, Tail<'static>>>(
            "upm.summary/1",
            testdata::schema::Side::Written,
        );
    }
}
