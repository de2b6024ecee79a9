//! Bad input, each kind with its own test: exit status 2, one message that names file, field, value and what was
//! expected, and nothing on standard output.

mod common;

use common::journal::Day;
use common::{PORTFOLIO, Run, path, upm, upm_reading, written};
use testdata::MARKET;

/// Margins a market and a portfolio of which one is invalid.
fn check(test: &str, market: &str, portfolio: &str, message: &str) {
    let market = written(&format!("{test}-market.json"), market);
    let portfolio = written(&format!("{test}-portfolio.json"), portfolio);
    refused(&upm(&["margin", "--market", &market, "--portfolio", &portfolio]), message);
}

/// Checks that there is one problem, on its own line. A `…` in `message` matches any text.
fn refused(run: &Run, message: &str) {
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    refused_among_others(run, message);
}

/// Checks the first of the problems of a document.
fn refused_among_others(run: &Run, message: &str) {
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.lines().all(|line| line.starts_with("upm: ") && line.len() < 1000), "{}", run.err);
    let mut rest = run.err.as_str();
    for part in message.split('…') {
        let place = rest.find(part).unwrap_or_else(|| panic!("expected {part:?} in: {}", run.err));
        rest = &rest[place + part.len()..];
    }
}

fn market_with(old: &str, new: &str) -> String {
    assert!(MARKET.contains(old), "{old}");
    MARKET.replacen(old, new, 1)
}

fn portfolio_with(old: &str, new: &str) -> String {
    assert!(PORTFOLIO.contains(old), "{old}");
    PORTFOLIO.replacen(old, new, 1)
}

#[test]
fn an_unknown_field() {
    let market = market_with(r#""mark": "80050""#, r#""mark": "80050", "marc": "1""#);
    let message = "unknown-field-market.json: instruments[0].marc: unknown field `marc`, expected one of …`mark`";
    check("unknown-field", &market, PORTFOLIO, message);
}

#[test]
fn a_missing_field() {
    let market = market_with(r#", "mark": "80050""#, "");
    check(
        "missing-field",
        &market,
        PORTFOLIO,
        "missing-field-market.json: instruments[0].mark: missing, expected a decimal number as text",
    );
}

#[test]
fn a_missing_strike() {
    let market = market_with(r#""strike": "80000", "#, "");
    let message = "missing-strike-market.json: instruments[1].strike: missing, expected a price above 0";
    check("missing-strike", &market, PORTFOLIO, message);
}

#[test]
fn a_number_as_float() {
    let market = market_with(r#""mark": "80050""#, r#""mark": 80050.5"#);
    let message = "float-market.json: instruments[0].mark: …80050.5…, expected a decimal number as text";
    check("float", &market, PORTFOLIO, message);
}

#[test]
fn a_negative_price() {
    let market = market_with(r#""index": "80000""#, r#""index": "-80000""#);
    let message = "negative-market.json: underlyings[0].index: found -80000, expected a price above 0";
    check("negative", &market, PORTFOLIO, message);
}

#[test]
fn an_iv_of_0() {
    let market = market_with(r#""iv": "0.5""#, r#""iv": "0""#);
    let message = "iv-0-market.json: instruments[1].iv: found 0, expected a volatility above 0";
    check("iv-0", &market, PORTFOLIO, message);
}

#[test]
fn an_iv_of_500() {
    let market = market_with(r#""iv": "0.5""#, r#""iv": "500""#);
    let message = "iv-500-market.json: instruments[1].iv: found 500, expected a volatility above 0 and at most 20";
    check("iv-500", &market, PORTFOLIO, message);
}

#[test]
fn an_option_without_iv() {
    let market = market_with(r#", "iv": "0.5""#, "");
    let message = "no-iv-portfolio.json: account \"alice\": BTC-CALL: the market gives no iv, expected one";
    check("no-iv", &market, PORTFOLIO, message);
}

#[test]
fn an_account_that_no_method_can_margin() {
    let market = written("all-market.json", &market_with(r#", "iv": "0.5""#, ""));
    let portfolio = written("all-portfolio.json", PORTFOLIO);
    let run = upm(&["compare", "--market", &market, "--portfolio", &portfolio]);
    refused(&run, "all-portfolio.json: account \"alice\": BTC-CALL: the market gives no iv, expected one");
}

#[test]
fn an_expiry_in_the_past() {
    let market = MARKET.replace("2026-05-08", "2026-04-08");
    let market = written("past-market.json", &market);
    let portfolio = written("past-portfolio.json", PORTFOLIO);
    let run = upm(&["margin", "--market", &market, "--portfolio", &portfolio]);
    refused_among_others(
        &run,
        "past-market.json: underlyings[0].expiries[0].expiry: found 2026-04-08T08:00:00Z, expected a time not before \
         …past-market.json: instruments[1].expiry: found 2026-04-08T08:00:00Z, expected a time not before",
    );
}

#[test]
fn a_position_in_an_unknown_instrument() {
    let portfolio = portfolio_with("BTC-CALL", "BTC-PUT");
    let message = "unknown-portfolio.json: accounts[0].positions[0].instrument: found \"BTC-PUT\", expected an instrument of the market";
    check("unknown", MARKET, &portfolio, message);
}

#[test]
fn a_duplicate_instrument() {
    let market = market_with("BTC-CALL", "BTC-PERP");
    let message =
        "twice-market.json: instruments[1].instrument: found \"BTC-PERP\" again, expected each instrument once";
    check("twice", &market, PORTFOLIO, message);
}

#[test]
fn nan_as_text() {
    let portfolio = portfolio_with(r#""quantity": "2""#, r#""quantity": "NaN""#);
    let message = "nan-portfolio.json: accounts[0].positions[0].quantity: …\"NaN\", expected a decimal number";
    check("nan", MARKET, &portfolio, message);
}

#[test]
fn ten_megabytes_of_nesting() {
    let market = market_with(r#""assets": ["#, &format!(r#""assets": [{}"#, "[".repeat(10_000_000)));
    check("nesting", &market, PORTFOLIO, "nesting-market.json: assets[0]…: ");
    check("nested", &"[".repeat(10_000_000), PORTFOLIO, "nested-market.json: …: ");
    let deep = market_with(r#""mark": "80050""#, &format!(r#""mark": {}"#, r#"{"a":"#.repeat(2_000_000)));
    check("deep", &deep, PORTFOLIO, "deep-market.json: instruments[0].mark…: ");
}

#[test]
fn a_truncated_file() {
    let market = &MARKET[..MARKET.len() - 100];
    check("truncated", market, PORTFOLIO, "truncated-market.json: instruments[1]…: EOF while parsing …at line");
}

#[test]
fn something_after_the_end() {
    check("trailing", &format!("{MARKET}}}"), PORTFOLIO, "trailing-market.json: .: trailing characters at line");
}

#[test]
fn bytes_that_are_no_text() {
    let market = written("bytes-market.json", "");
    std::fs::write(&market, b"{\"format\": \"\xff\"}").unwrap();
    let portfolio = written("bytes-portfolio.json", PORTFOLIO);
    let run = upm(&["margin", "--market", &market, "--portfolio", &portfolio]);
    refused(&run, "bytes-market.json: found a stray byte at offset 12, expected UTF-8 text");
}

#[test]
fn text_that_is_not_utf_8_and_no_text_at_all_are_named() {
    let sound_market = written("encoding-sound-market.json", MARKET);
    let portfolio = written("encoding-portfolio.json", PORTFOLIO);
    let utf_16 = |order: fn(u16) -> [u8; 2]| MARKET.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", Vec::new(), "found an empty file, expected UTF-8 text"),
        ("blank", b" \n\t ".to_vec(), "found nothing but white space, expected UTF-8 text"),
        (
            "mark",
            [b"\xef\xbb\xbf", MARKET.as_bytes()].concat(),
            "found text with a UTF-8 byte-order mark, expected UTF-8",
        ),
        ("little", [&b"\xff\xfe"[..], &utf_16(u16::to_le_bytes)].concat(), "found UTF-16 text, expected UTF-8 text"),
        ("big", [&b"\xfe\xff"[..], &utf_16(u16::to_be_bytes)].concat(), "found UTF-16 text, expected UTF-8 text"),
        ("unmarked", utf_16(u16::to_le_bytes), "found UTF-16 text, expected UTF-8 text"),
        ("gzip", b"\x1f\x8b\x08\0".to_vec(), "found a gzip file, expected UTF-8 text"),
        ("journal", b"redb\x1a\x0a\xa9\x0d\x0a".to_vec(), "found a journal, expected UTF-8 text"),
    ];
    for (name, bytes, message) in cases {
        let file = written(&format!("encoding-{name}.json"), "");
        std::fs::write(&file, bytes).unwrap();
        // A market is read at once; a portfolio is read piece by piece or, where a trade is tried, at once.
        for (command, market, portfolio, more) in [
            ("margin", &file, &portfolio, &[][..]),
            ("margin", &sound_market, &file, &[]),
            ("what-if", &sound_market, &file, &["--trade", "BTC-PERP +1"]),
        ] {
            let run = upm(&[&[command, "--market", market, "--portfolio", portfolio], more].concat());
            refused(&run, &format!("{name}.json: {message}"));
        }
    }
}

#[test]
fn every_problem_of_a_document_is_a_line() {
    let market = market_with(r#""mark": "80050""#, r#""mark": "0""#).replacen(r#""iv": "0.5""#, r#""iv": 0.5"#, 1);
    let market = written("many-market.json", &market);
    let portfolio = written("many-portfolio.json", PORTFOLIO);
    let run = upm(&["margin", "--market", &market, "--portfolio", &portfolio]);
    refused_among_others(
        &run,
        "many-market.json: instruments[1].iv: invalid type: …many-market.json: instruments[0].mark: ",
    );
    assert_eq!(run.err.lines().count(), 2, "{}", run.err);
}

#[test]
fn an_asset_that_the_market_lacks() {
    let market = written("lacks-market.json", MARKET);
    let portfolio = written("lacks-portfolio.json", &portfolio_with("USDC", "USDT"));
    let run = upm(&["margin", "--market", &market, "--portfolio", &portfolio]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    for words in ["found \"USDT\", expected an asset of the market such as USD, USDC", "--price USDT=1"] {
        assert!(run.err.contains(words), "{}", run.err);
    }
}

#[test]
fn names_cannot_move_a_terminal() {
    let market = written("foreign-market.json", MARKET);
    let foreign = r"\u001b[31m\u202e\u009b2J\u2028\u0007";
    let portfolio = written("foreign-portfolio.json", &portfolio_with("\"alice\"", &format!("\"{foreign}\"")));
    let book = ["--market", &market, "--portfolio", &portfolio];
    for (command, more) in [
        ("margin", &[][..]),
        ("margin", &["--output", "json"]),
        ("margin", &["--account", "\u{1b}[2J"]),
        ("compare", &[]),
        ("stress", &[]),
        ("plan", &["--depth", "1000000"]),
        ("what-if", &["--trade", "BTC-PERP +1"]),
        ("what-if", &["--trade", "\u{1b}]0;x\u{7}\u{202e} +1"]),
    ] {
        let run = upm(&[&[command][..], &book, more].concat());
        for text in [&run.out, &run.err] {
            let moves = |character: char| {
                (character.is_control() && character != '\n') || ('\u{2028}'..='\u{202e}').contains(&character)
            };
            assert!(!text.contains(moves), "{command} {more:?}: {text:?}");
        }
    }
}

#[test]
fn an_empty_portfolio() {
    let portfolio = r#"{"format": "upm.portfolio/1", "accounts": []}"#;
    let message = "empty-portfolio.json: accounts: found an empty list, expected at least one account";
    check("empty", MARKET, portfolio, message);
}

#[test]
fn documents_in_each_others_place() {
    check("swapped", PORTFOLIO, MARKET, "swapped-market.json: format: found upm.portfolio/1, expected upm.market/1");
}

#[test]
fn two_documents_on_standard_input() {
    let run = upm_reading(&["margin", "--market", "-", "--portfolio", "-"], MARKET);
    refused(&run, "upm: -: found twice, expected at most one document on standard input");
}

#[test]
fn an_unknown_account() {
    let (market, portfolio) = (written("who-market.json", MARKET), written("who-portfolio.json", PORTFOLIO));
    let run = upm(&["margin", "--market", &market, "--portfolio", &portfolio, "--account", "bob"]);
    refused(&run, "who-portfolio.json: accounts: found no \"bob\", expected alice");
}

#[test]
fn a_missing_file() {
    let run = upm(&["margin", "--market", "nowhere.json", "--portfolio", "nowhere.json"]);
    refused(&run, "upm: nowhere.json: …, expected a file that can be read");
}

#[test]
fn an_unknown_method() {
    let run = upm(&["margin", "--market", "-", "--portfolio", "-", "--method", "cme"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("upm: ") && run.err.contains("universal"), "{}", run.err);
    assert!(run.err.contains("'cme' for '--method <NAME>'") && run.err.contains(": expected "), "{}", run.err);
}

#[test]
fn threads_out_of_range() {
    let book = |command| vec![command, "--market", "-", "--portfolio", "-"];
    for command in ["margin", "compare", "stress"].map(book) {
        for count in ["0", "257", "99999", "18446744073709551616", "two"] {
            let run = upm(&[&command[..], &["--threads", count]].concat());
            assert_eq!((run.status, run.out.as_str()), (2, ""), "{command:?} {count}: {}", run.err);
            let starts = run.err.starts_with(&format!("upm: invalid value '{count}' for '--threads <"));
            assert!(starts && run.err.contains(">': expected 1 to 256"), "{command:?}: {}", run.err);
        }
    }
}

#[test]
fn an_unknown_argument() {
    let run = upm(&["margin", "--markt", "-"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(run.err.contains("unexpected argument '--markt'") && run.err.contains("'--market'"), "{}", run.err);
}

#[test]
fn a_parameter_out_of_its_range() {
    let built_in =
        std::fs::read_to_string(common::root().join("crates/margin/params/universal/2026-11-30.toml")).unwrap();
    let params = written(
        "range-params.toml",
        &built_in.replacen("im_factor = { value = \"1.3\"", "im_factor = { value = \"0.3\"", 1),
    );
    let run = upm(&["params", "check", "universal", &params]);
    refused(&run, "range-params.toml: margin.im_factor: found 0.3, expected ");
}

#[test]
fn scenarios_whose_hash_is_not_theirs() {
    let text = std::fs::read_to_string(common::sample("scenarios.json")).unwrap();
    let scenarios = written("hash-scenarios.json", &text.replacen("\"name\": \"", "\"name\": \"x", 1));
    let [market, portfolio] = ["market.json", "portfolio.json"].map(common::sample);
    let run = upm(&["margin", "--market", &market, "--portfolio", &portfolio, "--scenarios", &scenarios]);
    refused(&run, "hash-scenarios.json: hash: found …, expected …, the hash of what the document says");
}

#[test]
fn scenarios_for_a_venue() {
    let [market, portfolio, scenarios] = ["market.json", "portfolio.json", "scenarios.json"].map(common::sample);
    let other = margin::method::METHODS.iter().map(|method| method.about.name).find(|name| *name != "universal");
    let method = other.expect("a method besides the universal one");
    let arguments =
        ["margin", "--market", &market, "--portfolio", &portfolio, "--scenarios", &scenarios, "--method", method];
    refused(&upm(&arguments), "upm: --scenarios: found with --method …, expected --method universal");
}

#[test]
fn a_trade_in_an_unknown_instrument() {
    let (market, portfolio) = (written("trade-market.json", MARKET), written("trade-portfolio.json", PORTFOLIO));
    let run = upm(&["what-if", "--market", &market, "--portfolio", &portfolio, "--trade", "BTC-PUT +1"]);
    refused(&run, "upm: --trade: \"BTC-PUT +1\": found instrument \"BTC-PUT\", expected an instrument of the market");
}

#[test]
fn a_what_if_of_many_accounts() {
    let [market, portfolio] = ["market.json", "portfolio.json"].map(common::sample);
    let run = upm(&["what-if", "--market", &market, "--portfolio", &portfolio, "--trade", "BTC-PERPETUAL +1"]);
    refused(&run, "upm: --account: missing, expected one of delta-hedged book, ");
}

#[test]
fn a_chain_that_is_no_parquet() {
    let chain = written("no.parquet", MARKET);
    let run = upm(&["import", "deribit-chain", &chain, "--at", "2026-02-05T15:51:32Z"]);
    refused(&run, "no.parquet: ");
}

#[test]
fn answers_that_are_no_json() {
    let answers = written("answers.json", "{\"result\": [");
    let run = upm(&["import", "deribit", &answers]);
    refused(&run, "answers.json, line 1: found …, expected ");
}

#[test]
fn a_price_of_the_dollar() {
    let run = upm(&["import", "deribit", "crates/cli/tests/data/deribit.jsonl", "--price", "USD=0.9"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""));
    assert!(
        run.err.contains("'USD=0.9' for '--price <ASSET=USD>': expected another asset: USD is worth 1"),
        "{}",
        run.err
    );
}

/// A name that no reader of a market accepts is not written into one.
#[test]
fn a_price_of_what_has_no_name() {
    let data = "crates/feed/tests/data";
    let (chain, futures) = (format!("{data}/chain.parquet"), format!("{data}/futures.csv"));
    let deribit = vec!["import", "deribit", "crates/cli/tests/data/deribit.jsonl"];
    let mut recorded = vec!["import", "deribit-chain", &chain, "--futures", &futures];
    recorded.extend(["--at", "2026-04-22T12:05:00Z", "--currency", "BTC"]);
    let long = "U".repeat(200);
    for command in [deribit, recorded] {
        for name in ["", "U\u{202e}x", "U\u{200b}", "U\nx", &long] {
            let run = upm(&[&command[..], &["--price", &format!("{name}=1")]].concat());
            assert_eq!((run.status, run.out.as_str()), (2, ""), "{name:?}: {}", run.err);
            assert!(!run.err.contains('\u{202e}'), "{:?}", run.err);
            let message = "for '--price <ASSET=USD>': expected an asset before the = whose name has 1 to 100 visible";
            assert!(run.err.contains(message), "{name:?}: {}", run.err);
        }
        let run = upm(&[&command[..], &["--price", "U=0"]].concat());
        assert!(run.status == 2 && run.err.contains("expected a price above 0 after the ="), "{}", run.err);
    }
}

/// Checks a failure with exit status 1, for input that is damaged but not wrong. A `…` in `message` matches any text.
fn broken(run: &Run, message: &str) {
    assert_eq!(run.status, 1, "{}", run.err);
    refused(&Run { status: 2, out: String::new(), err: run.err.clone() }, message);
}

/// The journal of a day, and its bytes.
fn journal(name: &str) -> (String, Vec<u8>) {
    drop(Day::whole(name));
    let file = path(name);
    let bytes = std::fs::read(&file).expect("it was just written");
    (file, bytes)
}

#[test]
fn a_journal_that_is_none() {
    let file = written("none.journal", MARKET);
    for arguments in [
        &["journal", "verify", &file][..],
        &["journal", "replay", &file],
        &["journal", "export", &file],
        &["journal", "diff", &file, &file],
        &["explain", "alice", "--journal", &file],
    ] {
        refused(&upm(arguments), "none.journal: found …, expected a journal");
    }
    let empty = written("empty.journal", "");
    refused(&upm(&["journal", "verify", &empty]), "empty.journal: found an empty file, expected a journal");
    refused(&upm(&["journal", "verify", "nowhere.journal"]), "nowhere.journal: …, expected a journal that can be read");
}

#[test]
fn a_truncated_journal() {
    let (file, bytes) = journal("truncated.journal");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let message = "truncated.journal: record …: file length: found … bytes in which records 0 to … are whole and \
                   chained, expected … bytes…; go on with a backup, or see upm journal salvage --help";
    broken(&upm(&["journal", "verify", &file]), message);
}

#[test]
fn a_journal_with_a_bit_flipped() {
    let (file, mut bytes) = journal("flipped.journal");
    // In a journal that was closed, what is still in the log is void.
    let log = 8_192 + (8 << 20);
    let place =
        bytes[log..].windows(5).position(|bytes| bytes == b"carol").expect("an account of that name was opened");
    bytes[log + place] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let message = "flipped.journal: record 5: checksum: found …, expected …";
    broken(&upm(&["journal", "verify", &file]), message);
    broken(&upm(&["journal", "replay", &file]), message);
    broken(&upm(&["explain", "alice", "--journal", &file]), message);
    let run = upm(&["journal", "export", &file]);
    assert_eq!((run.status, run.out.lines().count()), (1, 5), "{}", run.err);
    let run = upm(&["journal", "verify", &file, "--output", "json"]);
    let document: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.status, &document["sound"]), (1, &false.into()));
    assert!(document["damage"].as_str().unwrap().contains("record 5: checksum"), "{document}");
}

#[test]
fn a_journal_that_is_open_elsewhere() {
    let day = Day::begin("busy.journal");
    let file = path("busy.journal");
    broken(&upm(&["journal", "verify", &file]), "busy.journal: found it open elsewhere, expected to be the only one");
    drop(day);
    assert_eq!(upm(&["journal", "verify", &file]).status, 0);
}

#[test]
fn an_account_that_is_not_in_the_journal() {
    let (file, _) = journal("stranger.journal");
    let run = upm(&["explain", "alcie", "--journal", &file]);
    refused(&run, "stranger.journal: record …: accounts: found no \"alcie\", expected an account such as alice, ");
    let run = upm(&["explain", "alice", "--journal", &file, "--at", "1"]);
    refused(&run, "record 1: accounts: found no \"alice\", expected an account, and there is none yet");
}

#[test]
fn a_sequence_beyond_the_end() {
    let (file, _) = journal("beyond.journal");
    for arguments in [
        &["explain", "alice", "--journal", &file, "--at", "99999"][..],
        &["journal", "replay", &file, "--until", "99999"],
        &["journal", "export", &file, "--to", "99999"],
        &["journal", "export", &file, "--from", "99999"],
    ] {
        refused(&upm(arguments), "--…: found 99999, expected a record of …beyond.journal: 0 to ");
    }
    let run = upm(&["journal", "export", &file, "--from", "7", "--to", "5"]);
    refused(&run, "--from: found 7, expected at most --to, 5");
}
