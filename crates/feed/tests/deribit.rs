//! Deribit's answers, live or recorded, become markets.

use std::collections::BTreeMap;
use std::time::Duration;

use feed::deribit::{ImportError, ImportReport, Options, Source, import};
use feed::{Reason, read_text};
use model::{AssetId, Instrument, InstrumentKind, Market, MarketDocument, Payoff};
use proptest::prelude::*;
use testdata::shared_bytes;

/// Listings and marks of every kind of contract, written by hand.
const LISTINGS: &str = r#"{"jsonrpc": "2.0", "id": 1, "result": [
  {"instrument_name": "BTC-PERPETUAL", "kind": "future", "instrument_type": "reversed", "base_currency": "BTC",
   "quote_currency": "USD", "settlement_currency": "BTC", "contract_size": 10.0, "taker_commission": 0.0005,
   "expiration_timestamp": 32503708800000, "price_index": "btc_usd", "is_active": true},
  {"instrument_name": "BTC-8MAY26-78000-C", "kind": "option", "instrument_type": "reversed", "base_currency": "BTC",
   "quote_currency": "BTC", "settlement_currency": "BTC", "contract_size": 1.0, "taker_commission": 0.0003,
   "expiration_timestamp": 1778227200000, "strike": 78000.0, "option_type": "call", "price_index": "btc_usd"},
  {"instrument_name": "BTC-26JUN26", "kind": "future", "instrument_type": "reversed", "base_currency": "BTC",
   "quote_currency": "USD", "settlement_currency": "BTC", "contract_size": 10.0, "taker_commission": 0.0005,
   "expiration_timestamp": 1782460800000, "price_index": "btc_usd"},
  {"instrument_name": "XRP_USDC-8MAY26-0d45-P", "kind": "option", "instrument_type": "linear", "base_currency": "XRP",
   "quote_currency": "USDC", "settlement_currency": "USDC", "contract_size": 1000, "taker_commission": 0.0003,
   "expiration_timestamp": 1778227200000, "strike": 0.45, "option_type": "put", "price_index": "xrp_usdc"},
  {"instrument_name": "XRP_USDC-PERPETUAL", "kind": "future", "instrument_type": "linear", "base_currency": "XRP",
   "quote_currency": "USDC", "settlement_currency": "USDC", "contract_size": 10, "taker_commission": 0.0005,
   "expiration_timestamp": 32503708800000, "price_index": "xrp_usdc"},
  {"instrument_name": "BTC_USDC", "kind": "spot", "instrument_type": "linear", "base_currency": "BTC",
   "quote_currency": "USDC", "contract_size": 0.0001, "taker_commission": 0.0, "price_index": "btc_usdc"},
  {"instrument_name": "BTC-FS-26JUN26_PERP", "kind": "future_combo", "instrument_type": "reversed"},
  {"instrument_name": "BTC-8MAY26-90000-C", "kind": "option", "base_currency": "BTC", "quote_currency": "BTC",
   "contract_size": 1.0, "expiration_timestamp": 1778227200000, "strike": 90000.0, "option_type": "call"},
  {"instrument_name": "BTC-1APR26-70000-C", "kind": "option", "base_currency": "BTC", "quote_currency": "BTC",
   "contract_size": 1.0, "expiration_timestamp": 1775030400000, "strike": 70000.0, "option_type": "call"},
  {"instrument_name": "BTC-29MAY26", "kind": "future", "base_currency": "BTC", "is_active": false,
   "contract_size": 10.0, "expiration_timestamp": 1780041600000}
]}"#;

/// Marks at 2026-04-22T00:00:00Z.
const MARKS: &str = r#"
{"instrument_name": "BTC-PERPETUAL", "timestamp": 1776816000000, "state": "open", "mark_price": 77888.84, "index_price": 77939.768, "open_interest": 1132329370, "best_bid_price": 77888.5, "best_ask_price": 77889.0, "funding_8h": -1.7403e-04, "stats": {"volume": 11897.27640428, "volume_usd": 1092371540.0}}
{"jsonrpc": "2.0", "result": {"instrument_name": "BTC-8MAY26-78000-C", "timestamp": 1776816000000, "state": "open", "mark_price": 0.03150878, "mark_iv": 42.746687, "index_price": 77939.768, "underlying_price": 78010.2, "interest_rate": 0.0, "open_interest": 42.5, "best_bid_price": 0.0, "best_ask_price": 0.032, "greeks": {"delta": 0.51234}, "stats": {"volume": null}}}
{"method": "subscription", "params": {"channel": "ticker.BTC-26JUN26.raw", "data": {"instrument_name": "BTC-26JUN26", "timestamp": 1776816000000, "state": "open", "mark_price": 78500.5, "index_price": 77939.768, "open_interest": 1000, "best_bid_price": 78500, "best_ask_price": 78501}}}
{"result": [{"instrument_name": "XRP_USDC-8MAY26-0d45-P", "creation_timestamp": 1776815990000, "mark_price": 0.0123, "mark_iv": 80, "underlying_price": 0.5, "estimated_delivery_price": 0.49, "open_interest": 2000, "volume": 5000, "bid_price": 0.012, "ask_price": null}]}
{"result": [{"instrument_name": "XRP_USDC-PERPETUAL", "creation_timestamp": 1776815990000, "mark_price": 0.4901, "estimated_delivery_price": 0.49, "open_interest": 25}]}
{"result": {"instrument_name": "BTC_USDC", "timestamp": 1776816000000, "mark_price": 77950.1, "index_price": 77947.5, "open_interest": null}}
{"result": {"instrument_name": "BTC-1APR26-70000-C", "timestamp": 1776816000000, "mark_price": 0.1, "open_interest": 0}}
{"result": {"instrument_name": "BTC-29MAY26", "timestamp": 1776816000000, "mark_price": 78000, "open_interest": 0}}
{"result": {"instrument_name": "ETH-PERPETUAL", "timestamp": 1776800000000, "mark_price": 2300, "index_price": 2300, "open_interest": 0}}
{"result": {"instrument_name": "DOGE-PERPETUAL", "timestamp": 1776816000000, "mark_price": 0.1, "index_price": 0.1, "open_interest": 0}}
{"method": "subscription", "params": {"channel": "trades.BTC-PERPETUAL.raw", "data": [{"trade_id": "1", "timestamp": 1776816000001, "mark_price": 1.0, "index_price": 1.0, "instrument_name": "BTC-PERPETUAL"}]}}
{"jsonrpc": "2.0", "id": 1, "error": {"code": 10028, "message": "too_many_requests", "data": null}}
"#;

const USDC_INDEX: &str = r#"{"method": "subscription", "params": {"channel": "deribit_price_index.usdc_usd", "data": {"timestamp": 1776816000000, "price": 0.9999, "index_name": "usdc_usd"}}}"#;

fn texts(texts: &[&str], options: &Options) -> Result<(MarketDocument, ImportReport), ImportError> {
    let sources: Vec<_> = texts.iter().map(|text| Source { name: "answers.json", text }).collect();
    import(&sources, options)
}

fn listed(market: &Market, name: &str) -> Instrument {
    market.listing(market.instrument(name).unwrap_or_else(|| panic!("{name}"))).clone()
}

fn asset(market: &Market, id: AssetId) -> String {
    market.assets[id.0].name.clone()
}

#[test]
fn every_kind_of_contract_becomes_an_instrument() {
    let (document, report) = texts(&[MARKS, LISTINGS, USDC_INDEX], &Options::default()).unwrap();
    let market = Market::new(&document).unwrap();
    assert_eq!(document.time.to_string(), "2026-04-22T00:00:00Z");
    let cases = [
        // name, payoff, quote, settle, size, mark, open interest and volume in contracts, index
        ("BTC-PERPETUAL", Payoff::Inverse, "USD", "BTC", "10", "77888.84", Some("113232937"), Some("109237154")),
        ("BTC-8MAY26-78000-C", Payoff::Inverse, "BTC", "BTC", "1", "0.03150878", Some("42.5"), None),
        ("BTC-26JUN26", Payoff::Inverse, "USD", "BTC", "10", "78500.5", Some("100"), None),
        ("XRP_USDC-8MAY26-0d45-P", Payoff::Linear, "USDC", "USDC", "1000", "0.0123", Some("2"), Some("5")),
        ("XRP_USDC-PERPETUAL", Payoff::Linear, "USDC", "USDC", "10", "0.4901", Some("2.5"), None),
        ("BTC_USDC", Payoff::Linear, "USDC", "USDC", "0.0001", "77950.1", None, None),
    ];
    assert_eq!(document.instruments.len(), cases.len());
    for (name, payoff, quote, settle, size, mark, open_interest, volume) in cases {
        let found = listed(&market, name);
        assert_eq!(found.payoff, payoff, "{name}");
        assert_eq!(
            (asset(&market, found.quote), asset(&market, found.settle)),
            (quote.into(), settle.into()),
            "{name}"
        );
        assert_eq!(
            (found.contract_size.to_string(), market.mark(found.id).to_string()),
            (size.into(), mark.into()),
            "{name}"
        );
        assert_eq!(
            market.activity(found.id).open_interest.map(|count| count.to_string()).as_deref(),
            open_interest,
            "{name}"
        );
        assert_eq!(market.activity(found.id).volume_24h.map(|count| count.to_string()).as_deref(), volume, "{name}");
    }

    let perpetual = listed(&market, "BTC-PERPETUAL");
    assert_eq!(perpetual.kind, InstrumentKind::Perpetual);
    assert_eq!(market.quote(perpetual.id).funding_rate_8h, Some("-0.00017403".parse().unwrap()));
    assert_eq!(perpetual.fee_rate, Some("0.0005".parse().unwrap()));
    let option = listed(&market, "BTC-8MAY26-78000-C");
    assert!(option.is_option(), "{option:?}");
    assert_eq!(market.iv(option.id), Some("0.42746687".parse().unwrap()), "per cent, exactly");
    assert_eq!(market.quote(option.id).delta, Some("0.51234".parse().unwrap()));
    assert_eq!((market.quote(option.id).bid, market.quote(option.id).ask), (None, Some("0.032".parse().unwrap())));

    let underlying = |name| market.underlying(name).unwrap();
    assert_eq!(market.index(underlying("BTC")), "77939.768".parse().unwrap(), "in USD, not the one in USDC");
    assert_eq!(market.expiries(underlying("BTC"))[0].forward, "78010.2".parse().unwrap());
    assert_eq!(market.expiries(underlying("BTC"))[1].forward, "78500.5".parse().unwrap(), "of the dated future");
    assert_eq!(market.index(underlying("XRP")), "0.489951".parse().unwrap(), "0.49 USDC at 0.9999");
    assert_eq!(market.expiries(underlying("XRP"))[0].forward, "0.49995".parse().unwrap());

    let expected = "\
market time       2026-04-22T00:00:00Z
read              3 texts: 10 listings, 10 marks, 1 indices, 1 other answers
other answers     answers.json, line 12
instruments       6
  options                     2
  futures                     1
  perpetuals                  2
  spot                        1
left out          6
  combination                 1  BTC-FS-26JUN26_PERP
  expired                     1  BTC-1APR26-70000-C
  closed                      1  BTC-29MAY26
  no mark price               1  BTC-8MAY26-90000-C
  mark of another time        1  ETH-PERPETUAL
  contract size unknown       1  DOGE-PERPETUAL
note              answers.json, line 13: the venue answered error 10028, too_many_requests
note              index XRP/USDC 0.49: from estimated_delivery_price, no index_price was given";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn the_order_of_texts_does_not_matter() {
    let one = texts(&[MARKS, LISTINGS, USDC_INDEX], &Options::default()).unwrap().0;
    let other = texts(&[USDC_INDEX, LISTINGS, MARKS], &Options::default()).unwrap().0;
    assert_eq!(one, other);
}

#[test]
fn usdc_is_not_taken_to_be_one() {
    let refused = texts(&[MARKS, LISTINGS], &Options::default()).unwrap_err();
    assert!(matches!(&refused, ImportError::NoPrice { asset, .. } if asset == "USDC"), "{refused}");
    assert!(refused.to_string().contains("no price of USDC in USD"), "{refused}");

    let prices = BTreeMap::from([("USDC".to_owned(), "0.88".parse().unwrap())]);
    let given = Options { prices, ..Options::default() };
    let (document, report) = texts(&[MARKS, LISTINGS, USDC_INDEX], &given).unwrap();
    let price = document.assets.iter().find(|entry| entry.asset == "USDC").unwrap().price;
    assert_eq!(price, "0.88".parse().unwrap(), "what the caller gives goes before the index");
    assert!(report.notes.contains(&"price of USDC: as given by the caller".to_owned()));
}

#[test]
fn what_the_caller_prices_can_be_held() {
    let prices = BTreeMap::from([("USDE".to_owned(), "0.99".parse().unwrap())]);
    let (document, report) = texts(&[MARKS, LISTINGS, USDC_INDEX], &Options { prices, ..Options::default() }).unwrap();
    let price = document.assets.iter().find(|entry| entry.asset == "USDE").unwrap().price;
    assert_eq!(price, "0.99".parse().unwrap());
    assert!(report.notes.contains(&"price of USDE: as given by the caller".to_owned()));
}

fn ticker(time: u64, mark: &str) -> String {
    format!(
        r#"{{"instrument_name":"BTC-PERPETUAL","timestamp":{time},"mark_price":{mark},"index_price":{mark},"open_interest":0}}"#
    )
}

fn summary(time: u64, mark: &str) -> String {
    format!(
        r#"[{{"instrument_name":"BTC-PERPETUAL","creation_timestamp":{time},"mark_price":{mark},"estimated_delivery_price":{mark},"open_interest":0}}]"#
    )
}

#[test]
fn the_mark_nearest_to_the_markets_time_is_taken() {
    let start = 1_776_816_000_000;
    let second = |count: u64| start + 1000 * count;
    let at = |text: &str| Options { at: Some(text.parse().unwrap()), ..Options::default() };
    let newest = Options::default();
    let cases = [
        ("the newest", vec![ticker(second(5), "2"), ticker(second(9), "3"), ticker(second(1), "1")], &newest, "3"),
        ("the larger, at a tie", vec![ticker(start, "1"), ticker(start, "2")], &newest, "2"),
        ("a ticker before a summary, at a tie", vec![ticker(start, "1"), summary(start, "2")], &newest, "1"),
        ("a newer summary", vec![ticker(start, "1"), summary(second(1), "2")], &newest, "2"),
        (
            "the nearest to a given time",
            vec![ticker(start, "1"), ticker(second(9), "2")],
            &at("2026-04-22T00:00:04Z"),
            "1",
        ),
    ];
    for (case, answers, options, expected) in cases {
        let answers: Vec<_> = answers.iter().map(String::as_str).collect();
        let (document, _) = texts(&answers, options).unwrap();
        assert_eq!(document.instruments[0].mark.to_string(), expected, "{case}");
    }
    let refused = texts(&[&ticker(start, "1")], &at("2026-04-22T01:00:01Z")).unwrap_err();
    assert!(refused.to_string().contains("mark of another time"), "{refused}");
    let wide = Options { window: Duration::from_hours(2), ..at("2026-04-22T01:00:01Z") };
    assert_eq!(texts(&[&ticker(start, "1")], &wide).unwrap().0.time.to_string(), "2026-04-22T01:00:01Z");
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let mark = |field: &str| {
        format!(
            r#"{{"result":[{{}},{{"instrument_name":"BTC-PERPETUAL","timestamp":1776816000000,"open_interest":0,{field}}}]}}"#
        )
    };
    let cases = [
        (
            "BTC is at 60000".to_owned(),
            "answers.json, line 1: found \"BTC is at 60000\", expected JSON, or a recorded line",
        ),
        ("{\"result\": [1, 2".into(), "answers.json, line 1: found EOF while parsing a list"),
        ("\n\n{\"result\": NaN}".into(), "answers.json, line 3: found expected value"),
        ("1626993723.8: {\"a\": }".into(), "answers.json, line 1: found expected value"),
        (
            mark(r#""mark_price":"NaN""#),
            "answers.json, line 1, result[1].mark_price: found \"NaN\", expected a decimal number",
        ),
        (
            mark(r#""mark_price":-5"#),
            "answers.json, line 1, result[1].mark_price: found -5, expected a number not below 0",
        ),
        (
            mark(r#""mark_price":1e400"#),
            "answers.json, line 1, result[1].mark_price: found 1e400, expected a decimal number smaller",
        ),
        (mark(r#""mark_price":1,"state":5"#), "answers.json, line 1, result[1].state: found 5, expected a text"),
        (mark(r#""mark_price":1,"greeks":[]"#), "answers.json, line 1, result[1].greeks: found [], expected an object"),
        (
            mark(r#""mark_price":1"#).replace("1776816000000", "99999999999999999"),
            "answers.json, line 1, result[1].timestamp: found 99999999999999999, expected milliseconds since 1970",
        ),
        (mark(r#""mark_price":1"#), "no index of BTC within 3600 s of 2026-04-22T00:00:00Z, expected an index_price"),
        (LISTINGS.into(), "no mark price and no index in 1 texts, expected tickers or book summaries"),
        (String::new(), "no mark price and no index in 1 texts"),
        (
            USDC_INDEX.into(),
            "no instrument to import at 2026-04-22T00:00:00Z: other answers or another time are needed\nleft out          0",
        ),
    ];
    for (text, expected) in cases {
        let refused = texts(&[&text], &Options::default()).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}\n{expected}");
    }
}

#[test]
fn deep_nesting_and_long_numbers_do_no_harm() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let deep_field = ticker(1_776_816_000_000, "1").replacen('{', &format!("{{\"x\":{deep},"), 1);
    let _ = texts(&[&deep, &deep_field, &"{\"result\":".repeat(100_000)], &Options::default());
    let _ = texts(&[&ticker(1_776_816_000_000, &"9".repeat(1_000_000))], &Options::default());
}

proptest! {
    /// For any content of a mark, the importer refuses it or makes a market of it.
    #[test]
    fn never_panics_on_any_field(
        key in "(mark_price|mark_iv|index_price|underlying_price|open_interest|timestamp|instrument_name|greeks|state)",
        value in "(-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?|\"[A-Z0-9_-]{0,12}\"|null|\\{\\}|\\[\\]|true)",
    ) {
        let text = ticker(1_776_816_000_000, "1").replacen('{', &format!("{{\"mark_iv\":50,\"{key}\":{value},"), 1);
        let without = format!("{{\"{key}\":{value},\"instrument_name\":\"BTC-8MAY26-78000-C\",\"mark_price\":0.1,\
            \"timestamp\":1776816000000,\"open_interest\":1,\"index_price\":2,\"underlying_price\":2}}");
        if let Ok((document, _)) = texts(&[&text, &without], &Options::default()) {
            prop_assert!(Market::new(&document).is_ok());
        }
    }

    #[test]
    fn never_panics_on_any_text(text in "\\PC{0,80}", cut in 0..MARKS.len()) {
        let _ = texts(&[&text], &Options::default());
        let _ = texts(&[&MARKS[..cut], &MARKS[cut..]], &Options::default());
    }
}

/// The text of a file below `../shared/data`, which may be compressed.
fn text_of(path: &str) -> Option<String> {
    Some(read_text(path, &shared_bytes(&format!("data/{path}"))?).unwrap_or_else(|refused| panic!("{refused}")))
}

fn recorded(paths: &[&str], options: &Options) -> Option<(MarketDocument, ImportReport)> {
    let texts: Vec<_> = paths.iter().map(|path| text_of(path)).collect::<Option<_>>()?;
    let sources: Vec<_> = paths.iter().zip(&texts).map(|(name, text)| Source { name, text }).collect();
    let (document, report) = import(&sources, options).unwrap_or_else(|refused| panic!("{refused}"));
    println!("{report}\n");
    let text = serde_json::to_string(&document).expect("a document is JSON");
    Market::parse(&text).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(document.instruments.len(), report.options + report.futures + report.perpetuals + report.spot);
    Some((document, report))
}

#[test]
fn recorded_listings_and_tickers_of_2021_from_shared() {
    let paths = ["frames/cryptofeed/DERIBIT.0.txt.gz", "frames/cryptofeed/DERIBIT.ws.1.0.txt.gz"];
    let Some((document, report)) = recorded(&paths, &Options::default()) else { return };
    assert_eq!(report.options, 10);
    assert!(document.instruments.iter().all(|entry| entry.payoff == Payoff::Inverse && entry.iv.is_some()));
    assert!(report.left_out.count(Reason::NoMark) > 100);
    assert_eq!(report.quotes, 89, "every ticker frame");
}

#[test]
fn recorded_frames_of_2022_from_shared() {
    let Some((document, report)) = recorded(&["frames/crypto_msg_parser/deribit.jsonl"], &Options::default()) else {
        return;
    };
    assert_eq!(document.time.to_string(), "2022-06-04T11:24:26.165Z");
    assert_eq!((report.options, report.futures, report.perpetuals), (3, 1, 1));
}

#[test]
fn recorded_frames_of_several_years_need_a_time_from_shared() {
    // The newest frame is of 2024: a linear option without listing, whose contract size no answer gives.
    let Some(text) = text_of("frames/tardis_native/deribit.jsonl") else { return };
    let sources = [Source { name: "deribit.jsonl", text: &text }];
    let refused = import(&sources, &Options::default()).unwrap_err().to_string();
    assert!(refused.contains("contract size unknown       1  MATIC_USDC-9MAR24-1d02-C"), "{refused}");
    let moments = [("2019-10-01T00:00:00Z", "BTC-PERPETUAL"), ("2020-05-31T23:59:59Z", "BTC-5JUN20-9250-C")];
    for (at, instrument) in moments {
        let options = Options { at: Some(at.parse().unwrap()), ..Options::default() };
        let Some((document, _)) = recorded(&["frames/tardis_native/deribit.jsonl"], &options) else { return };
        assert!(document.instruments.iter().any(|entry| entry.instrument == instrument));
    }
}

#[test]
fn every_answer_of_the_venue_can_be_given_at_once_from_shared() {
    let Some(index) = text_of("frames/INDEX.csv") else { return };
    let ours = |line: &&str| line.starts_with("nautilus/deribit/") && line.contains(".json,");
    let paths: Vec<_> =
        index.lines().filter(ours).map(|line| format!("frames/{}", line.split(',').next().unwrap())).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    assert!(paths.len() >= 30);
    let Some((document, report)) = recorded(&paths, &Options::default()) else { return };
    assert_eq!(document.instruments.len(), 1);
    assert_eq!(document.instruments[0].instrument, "BTC-PERPETUAL");
    assert!(report.left_out.count(Reason::Combination) > 5);
}
