//! Spot pairs of money and of wrapped coins become assets and do not change the other instruments.

use std::collections::BTreeMap;

use feed::Reason;
use feed::deribit::{ImportReport, Options, Source, import};
use model::{KindDocument, Market, MarketDocument};

const STABLE_SPOT: &str = include_str!("data/stable-spot.jsonl");

fn read(text: &str, prices: &[(&str, &str)]) -> (MarketDocument, ImportReport) {
    let prices = prices.iter().map(|(asset, price)| ((*asset).to_owned(), price.parse().expect("a price"))).collect();
    let options = Options { prices, ..Options::default() };
    let (document, report) =
        import(&[Source { name: "answers", text }], &options).unwrap_or_else(|refused| panic!("{refused}"));
    Market::new(&document).expect("a consistent market");
    (document, report)
}

/// Listing and ticker of a contract in `quote`.
fn listed(name: &str, kind: &str, quote: &str, mark: &str, index: &str, more: &str) -> String {
    let base = name.split(['_', '-']).next().expect("a base");
    format!(
        r#"{{"instrument_name": "{name}", "kind": "{kind}", "base_currency": "{base}", "quote_currency": "{quote}", "settlement_currency": "{quote}", "contract_size": 0.01, "is_active": true, "instrument_type": "linear"}}
{{"instrument_name": "{name}", "timestamp": 1761552000000, "mark_price": {mark}, "index_price": {index}, "open_interest": 0{more}}}
"#
    )
}

fn spot(name: &str, mark: &str) -> String {
    listed(name, "spot", name.split_once('_').expect("a pair").1, mark, mark, "")
}

fn asset<'a>(document: &'a MarketDocument, name: &str) -> Option<(String, Option<&'a str>)> {
    let asset = document.assets.iter().find(|entry| entry.asset == name)?;
    Some((asset.price.to_string(), asset.follows.as_deref()))
}

fn underlyings(document: &MarketDocument) -> Vec<&str> {
    document.underlyings.iter().map(|entry| entry.underlying.as_str()).collect()
}

#[test]
fn the_pair_of_two_stablecoins() {
    for prices in [&[("USDT", "1")][..], &[]] {
        let (document, report) = read(STABLE_SPOT, prices);
        assert_eq!((document.instruments.len(), report.options, report.spot), (1, 1, 0));
        assert_eq!(underlyings(&document), ["BTC"]);
        assert_eq!(asset(&document, "USDC"), Some(("1".into(), None)));
        let reason = if prices.is_empty() { Reason::NoPrice } else { Reason::AssetPair };
        assert_eq!(report.left_out.by_reason[&reason].first, "USDC_USDT");
    }
}

#[test]
fn money_and_wrapped_coins_are_assets_and_coins_are_coins() {
    let eth = listed("ETH_USDC-PERPETUAL", "future", "USDC", "4101", "4100", "");
    let cases = [
        ("USDC_USDT", "0.9999", Some(None)),
        ("USDE_USDC", "0.999", Some(None)),
        ("USDE_USDT", "0.999", Some(None)),
        ("EURR_USDC", "1.16", Some(None)),
        ("EURR_USDT", "1.16", Some(None)),
        ("USYC_USDC", "1.11", Some(None)),
        ("USYC_USDT", "1.11", Some(None)),
        ("BUIDL_USDC", "1", Some(None)),
        ("PYUSD_USDC", "1", Some(None)),
        ("STETH_USDC", "4095", Some(Some("ETH"))),
        ("STETH_USDT", "4095", Some(Some("ETH"))),
        ("STETH_ETH", "0.999", Some(Some("ETH"))),
        ("WSTETH_USDC", "4980", Some(Some("ETH"))),
        ("ETH_USDC", "4100.5", None),
        ("PAXG_USDC", "4000", None),
        ("SOL_USDC", "200", None),
    ];
    for (pair, mark, held) in cases {
        let (base, quote) = pair.split_once('_').unwrap();
        let (document, report) = read(&format!("{STABLE_SPOT}{eth}{}", spot(pair, mark)), &[("USDT", "1")]);
        let spots = document.instruments.iter().filter(|entry| entry.kind == KindDocument::Spot).count();
        let pairs = report.left_out.count(Reason::AssetPair);
        assert_eq!(asset(&document, "USDC").unwrap().1, None, "{pair}");
        if let Some(follows) = held {
            assert_eq!(asset(&document, base).unwrap().1, follows, "{pair}");
            assert_eq!((spots, pairs), (0, 1 + usize::from(pair != "USDC_USDT")), "{pair}");
            assert_eq!(underlyings(&document), ["BTC", "ETH"], "{pair}");
        } else {
            assert_eq!((spots, pairs), (1, 1), "{pair}");
            assert!(underlyings(&document).contains(&base), "{pair}");
            let note = format!("{base} has only spot: a coin with risk of its own");
            assert_eq!(report.notes.contains(&note), base != "ETH", "{pair}: {:?}", report.notes);
        }
        assert!(asset(&document, quote).is_some(), "{pair}");
    }
}

#[test]
fn the_price_of_an_asset_is_that_of_its_pair() {
    let (document, _) = read(&format!("{STABLE_SPOT}{}", spot("EURR_USDC", "1.16")), &[("USDT", "1")]);
    assert_eq!(asset(&document, "EURR"), Some(("1.16".into(), None)));
    // USDC has no index of its own here: its pair prices it.
    let without: Vec<&str> = STABLE_SPOT.lines().skip(1).collect();
    let (document, _) = read(&without.join("\n"), &[("USDT", "1")]);
    assert_eq!(asset(&document, "USDC"), Some(("0.9999".into(), None)));
}

#[test]
fn what_the_caller_prices_follows_what_it_wraps() {
    let eth = listed("ETH_USDC-PERPETUAL", "future", "USDC", "4101", "4100", "");
    let (document, report) = read(&format!("{STABLE_SPOT}{eth}"), &[("USDT", "1"), ("STETH", "4090")]);
    assert_eq!(asset(&document, "STETH"), Some(("4090".into(), Some("ETH"))));
    assert!(report.notes.contains(&"STETH is taken for wrapped ETH: it follows it".to_owned()), "{:?}", report.notes);
}

#[test]
fn a_contract_on_what_others_are_paid_in_does_not_make_it_a_coin() {
    let contract = listed("USDC_USDT-PERPETUAL", "future", "USDT", "0.9998", "0.9999", "");
    let (document, report) = read(&format!("{STABLE_SPOT}{contract}"), &[("USDT", "1")]);
    assert_eq!(underlyings(&document), ["BTC"]);
    assert_eq!(report.left_out.by_reason[&Reason::OnCurrency].first, "USDC_USDT-PERPETUAL");
    assert_eq!(asset(&document, "USDC"), Some(("1".into(), None)));
}

#[test]
fn a_linear_option_paid_in_a_coin_is_left_out_alone() {
    let eth = listed("ETH_USDC-PERPETUAL", "future", "USDC", "4101", "4100", "");
    let more = r#", "mark_iv": 50, "underlying_price": 0.036"#;
    let option = listed("SOL_ETH-28NOV25-0d05-C", "option", "ETH", "0.01", "0.05", more);
    let (document, report) = read(&format!("{STABLE_SPOT}{eth}{option}"), &[("USDT", "1")]);
    assert_eq!(document.instruments.len(), 2);
    assert_eq!(report.left_out.count(Reason::PaidInCoin), 1);
}

#[test]
fn a_spot_pair_alone_makes_a_market_of_its_coin() {
    let prices = BTreeMap::from([("USDC".to_owned(), "0.9999".parse().unwrap())]);
    let text = spot("BTC_USDC", "115000");
    let (document, _) =
        import(&[Source { name: "a", text: &text }], &Options { prices, ..Options::default() }).unwrap();
    assert_eq!((underlyings(&document), asset(&document, "BTC").unwrap().1), (vec!["BTC"], None));
    assert_eq!(document.underlyings[0].index, Some("114988.5".parse().unwrap()));
}
