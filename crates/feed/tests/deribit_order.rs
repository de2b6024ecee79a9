//! The order of texts and of answers changes nothing, and every instrument that is left out is named.

use std::collections::BTreeMap;

use feed::Reason;
use feed::deribit::{ImportError, ImportReport, Options, Source, import};
use model::{InstrumentDocument, MarketDocument};
use proptest::prelude::*;

const POSITIONS: &str = include_str!("data/positions-after-listing.jsonl");
const INCREMENTAL: &str = include_str!("data/incremental-ticker.jsonl");
const STABLE_SPOT: &str = include_str!("data/stable-spot.jsonl");

/// Milliseconds since 1970 of the first mark.
const START: u64 = 1_761_552_000_000;
const OPTION: &str = "BTC-28NOV25-115000-C";

type Answer = Result<(MarketDocument, ImportReport), ImportError>;

fn read(texts: &[&str]) -> Answer {
    let sources: Vec<_> = texts.iter().map(|text| Source { name: "answers.jsonl", text }).collect();
    import(
        &sources,
        &Options { prices: BTreeMap::from([("USDT".into(), "1".parse().expect("a price"))]), ..Options::default() },
    )
}

/// All orders of `lines`.
fn orders<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    if lines.len() < 2 {
        return vec![lines.to_vec()];
    }
    let mut all = Vec::new();
    for first in 0..lines.len() {
        let mut rest = lines.to_vec();
        let line = rest.remove(first);
        all.extend(orders(&rest).into_iter().map(|order| [vec![line], order].concat()));
    }
    all
}

/// The result of `text`, which must be the same in every order of its lines, as one text and as one text per line.
fn in_any_order(text: &str) -> (MarketDocument, ImportReport) {
    let lines: Vec<&str> = text.lines().collect();
    let (document, report) = read(&[text]).expect("a market");
    for order in orders(&lines) {
        for texts in [vec![order.join("\n")], order.iter().map(|line| (*line).to_owned()).collect()] {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let (other, counted) = read(&texts).expect("a market");
            assert_eq!(other, document, "{texts:#?}");
            assert_eq!((&counted.left_out, counted.other), (&report.left_out, report.other), "{texts:#?}");
        }
    }
    (document, report)
}

fn instrument<'a>(document: &'a MarketDocument, name: &str) -> &'a InstrumentDocument {
    document.instruments.iter().find(|entry| entry.instrument == name).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn positions_are_no_listings() {
    let (document, report) = in_any_order(POSITIONS);
    let perpetual = instrument(&document, "XRP_USDC-PERPETUAL");
    assert_eq!((perpetual.contract_size, perpetual.fee_rate), ("1".parse().unwrap(), Some("0.0005".parse().unwrap())));
    assert_eq!((report.definitions, report.quotes, report.other), (1, 1, 1));
    assert!(report.to_string().contains("other answers     answers.jsonl, line 4"), "{report}");
}

#[test]
fn what_other_answers_name_is_accounted_for() {
    let held = r#"{"result": [{"instrument_name": "ETH-PERPETUAL", "kind": "future", "size": 5, "direction": "buy", "mark_price": 4100, "average_price": 4000}]}"#;
    let (_, report) = in_any_order(&format!("{POSITIONS}{held}"));
    assert_eq!((report.other, report.left_out.count(Reason::NoMark)), (2, 1));
    assert_eq!(report.left_out.by_reason[&Reason::NoMark].first, "ETH-PERPETUAL");
}

#[test]
fn changes_are_merged_into_their_snapshot() {
    let (document, report) = in_any_order(INCREMENTAL);
    let option = instrument(&document, OPTION);
    assert_eq!(option.mark, "0.0501".parse().unwrap());
    assert_eq!((option.iv, option.open_interest), (Some("0.45".parse().unwrap()), Some("11".parse().unwrap())));
    assert_eq!(document.underlyings[0].expiries[0].forward, "115300".parse().unwrap());
    assert_eq!(document.time.to_string(), "2025-10-27T08:00:01Z");
    assert_eq!((report.quotes, report.left_out.total()), (3, 0));
}

/// A frame of the option's `incremental_ticker` channel, `seconds` after the start.
fn frame(kind: &str, seconds: u64, fields: &str) -> String {
    let time = START + 1000 * seconds;
    format!(
        r#"{{"params": {{"channel": "incremental_ticker.{OPTION}", "data": {{"type": "{kind}", "instrument_name": "{OPTION}", "timestamp": {time}{fields}}}}}}}"#
    )
}

fn incremental(frames: &[String]) -> String {
    let head: Vec<&str> = INCREMENTAL.lines().take(2).collect();
    [head.join("\n"), frames.join("\n")].join("\n")
}

const FULL: &str = r#", "mark_price": 0.05, "mark_iv": 45.0, "underlying_price": 115300.0, "index_price": 115010.0, "best_bid_price": 0.049, "best_ask_price": 0.051, "greeks": {"delta": 0.5, "vega": 1}, "stats": {"volume": 3, "low": 0.01}, "open_interest": 10.0"#;

#[test]
fn several_changes_add_up_and_a_snapshot_starts_again() {
    let frames = [
        frame("change", 3, r#", "greeks": {"delta": 0.52}, "best_bid_price": 0"#),
        frame("snapshot", 1, FULL),
        frame("change", 2, r#", "stats": {"volume": 4}, "mark_iv": 46.0"#),
    ];
    let (document, _) = in_any_order(&incremental(&frames));
    let option = instrument(&document, OPTION);
    assert_eq!((option.iv, option.delta), (Some("0.46".parse().unwrap()), Some("0.52".parse().unwrap())));
    assert_eq!((option.bid, option.ask), (None, Some("0.051".parse().unwrap())), "a bid of 0 takes the bid away");
    assert_eq!(option.volume_24h, Some("4".parse().unwrap()));

    let again = frame("snapshot", 4, &FULL.replace("45.0", "50"));
    let (document, _) = in_any_order(&incremental(&[frames.as_slice(), &[again]].concat()));
    let option = instrument(&document, OPTION);
    assert_eq!((option.iv, option.delta), (Some("0.5".parse().unwrap()), Some("0.5".parse().unwrap())));
}

#[test]
fn the_state_of_another_moment_is_that_of_its_changes() {
    let frames = [
        frame("snapshot", 0, FULL),
        frame("change", 20, r#", "mark_iv": 60"#),
        frame("change", 40, r#", "mark_iv": 70"#),
    ];
    let text = incremental(&frames);
    let at = |time: &str| {
        let options = Options { at: Some(time.parse().unwrap()), ..Options::default() };
        let (document, _) = import(&[Source { name: "frames", text: &text }], &options).unwrap();
        instrument(&document, OPTION).iv.unwrap().to_string()
    };
    assert_eq!(at("2025-10-27T08:00:00Z"), "0.45");
    assert_eq!(at("2025-10-27T08:00:21Z"), "0.6");
    assert_eq!(at("2025-10-27T08:00:10Z"), "0.45", "the earlier of two as near");
    assert_eq!(at("2025-10-27T08:01:00Z"), "0.7");
}

#[test]
fn a_change_without_its_snapshot_is_named() {
    let alone = frame("change", 1, r#", "mark_price": 0.05"#);
    let (document, report) = in_any_order(&incremental(&[alone]));
    assert_eq!(document.instruments.len(), 1, "the perpetual");
    assert_eq!(report.left_out.by_reason[&Reason::NoSnapshot].first, OPTION);
    assert_eq!(document.time.to_string(), "2025-10-27T08:00:00Z", "it dates nothing");

    let before = [frame("change", 1, r#", "mark_iv": 99"#), frame("snapshot", 2, FULL)];
    let (document, report) = in_any_order(&incremental(&before));
    assert_eq!(instrument(&document, OPTION).iv, Some("0.45".parse().unwrap()));
    let note = format!("{OPTION}: changes without a snapshot before them, not used");
    assert!(report.notes.contains(&note), "{:?}", report.notes);
}

#[test]
fn frames_of_books_are_no_tickers() {
    let book = frame("snapshot", 5, r#", "change_id": 7, "bids": [["new", 0.049, 1]], "asks": []"#);
    let (document, report) = in_any_order(&incremental(&[frame("snapshot", 0, FULL), book]));
    assert_eq!(instrument(&document, OPTION).mark, "0.05".parse().unwrap());
    assert_eq!(report.other, 1);
}

#[test]
fn what_disagrees_is_decided_by_what_it_says_and_named() {
    let mark = |price: &str, fee: &str| {
        format!(
            r#"{{"result": {{"instrument_name": "BTC-PERPETUAL", "kind": "future", "taker_commission": {fee}, "contract_size": 10, "timestamp": {START}, "mark_price": {price}, "index_price": {price}, "open_interest": 0}}}}"#
        )
    };
    let (document, report) =
        in_any_order(&[mark("115000", "0.0005"), mark("115001", "0.0004"), mark("114999", "0.0005")].join("\n"));
    let perpetual = instrument(&document, "BTC-PERPETUAL");
    assert_eq!((perpetual.mark, perpetual.fee_rate), ("115001".parse().unwrap(), Some("0.0005".parse().unwrap())));
    assert_eq!(document.underlyings[0].index, Some("115001".parse().unwrap()));
    let notes = [
        "price of USDT: as given by the caller",
        "BTC-PERPETUAL: two different marks of one moment, the larger holds",
        "BTC-PERPETUAL: two listings that differ, a closed one and larger numbers hold",
    ];
    assert_eq!(report.notes, notes);

    let (_, report) = in_any_order(&[mark("115000", "0.0005"), mark("115000", "0.0005")].join("\n"));
    assert_eq!(report.notes, notes[..1], "the same again is no dispute");
}

#[test]
fn the_newest_listing_holds_field_by_field() {
    let listing = |seen: u64, fields: &str| {
        format!(
            r#"{{"result": [{{"instrument_name": "BTC-PERPETUAL", "kind": "future", {fields}}}], "usIn": 1, "usOut": {seen}}}"#
        )
    };
    let ticker = INCREMENTAL.lines().nth(1).unwrap().to_owned();
    let old = listing(1_000_000, r#""contract_size": 10, "taker_commission": 0.0005, "is_active": false"#);
    let new = listing(2_000_000, r#""taker_commission": 0.0003, "is_active": true"#);
    let (document, report) = in_any_order(&[ticker, old, new].join("\n"));
    let perpetual = instrument(&document, "BTC-PERPETUAL");
    assert_eq!((perpetual.contract_size, perpetual.fee_rate), ("10".parse().unwrap(), Some("0.0003".parse().unwrap())));
    assert_eq!(report.notes, ["price of USDT: as given by the caller"]);
}

proptest! {
    /// All cases together, some of them twice.
    #[test]
    fn any_order_gives_one_answer(
        lines in Just([POSITIONS, INCREMENTAL, STABLE_SPOT, INCREMENTAL].map(|text| text.lines().collect::<Vec<_>>()).concat()).prop_shuffle(),
        cut in 0..17_usize,
    ) {
        let (document, report) = read(&[POSITIONS, INCREMENTAL, STABLE_SPOT]).unwrap();
        let texts = lines.split_at(cut.min(lines.len()));
        let (other, shuffled) = read(&[&format!("\n{}", texts.0.join("\n")), &texts.1.join("\n\n")]).unwrap();
        prop_assert_eq!(other, document);
        prop_assert_eq!(shuffled.left_out, report.left_out);
    }
}
