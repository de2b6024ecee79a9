//! Underlyings that are baskets of others: what a document may say, and what follows from the parts.

use std::sync::Arc;

use model::{Asset, Basket, Instrument, Liquidity, Market, Underlying, UnderlyingId};
use serde_json::{Value, json};

fn market() -> Value {
    json!({
        "format": "upm.market/1",
        "time": "2026-04-22T00:00:00Z",
        "assets": [{"asset": "USDC", "price": "1"}],
        "underlyings": [
            {"underlying": "TOP2", "index": "1000", "basket": {
                "parts": [{"underlying": "BTC", "units": "0.02"}, {"underlying": "ETH", "units": "0.1"}],
                "divisor": "2", "rebalanced": "2026-04-01T00:00:00Z"
            }},
            {"underlying": "BTC", "index": "80000", "expiries": [
                {"expiry": "2026-05-08T08:00:00Z", "forward": "81000", "rate": "0.04", "forward_settled": "100", "confidence": {"forward": "0.8"}},
                {"expiry": "2026-06-26T08:00:00Z", "forward": "82000", "rate": "0.05"},
                {"expiry": "2026-12-25T08:00:00Z", "forward": "83000"}
            ]},
            {"underlying": "ETH", "index": "4000", "expiries": [
                {"expiry": "2026-05-08T08:00:00Z", "forward": "4050", "rate": "0.04", "confidence": {"vol": "0.5"}},
                {"expiry": "2026-06-26T08:00:00Z", "forward": "4100", "rate": "0.01"}
            ]},
            {"underlying": "OIL", "index": "-2", "scale": "20"}
        ],
        "instruments": []
    })
}

/// The market with one change; see [`testdata::edited`].
fn edited(pointer: &str, value: Value) -> Value {
    testdata::edited(market(), pointer, value)
}

fn read(document: &Value) -> Market {
    Market::parse(&document.to_string()).expect("a valid document")
}

#[test]
fn a_basket_is_the_value_of_its_parts() {
    let market = read(&market());
    let id = market.underlying("TOP2").unwrap();
    let basket = market.basket(id).unwrap();
    assert!(market.is_basket(id) && !market.is_basket(UnderlyingId(1)));
    assert_eq!(market.value_of_parts(basket).unwrap().to_string(), "1000");
    assert_eq!(market.shares(basket), [(UnderlyingId(1), 0.8), (UnderlyingId(2), 0.2)]);
    let mut moves = [9.0, -0.5, 0.1, 0.3];
    market.move_with_parts(&mut moves);
    assert_eq!(moves, [0.8 * -0.5 + 0.2 * 0.1, -0.5, 0.1, 0.3]);
    // Without an index it is the same market.
    let without = read(&edited("/underlyings/0/index", Value::Null));
    assert_eq!((&without.listings, &without.quotes), (&market.listings, &market.quotes));
    // An index within a basis point of the parts is kept.
    let near = read(&edited("/underlyings/0/index", json!("1000.1")));
    assert_eq!(near.index(UnderlyingId(0)).to_string(), "1000.1");
}

/// The units of a weight are those that it bought at the rebalancing, for a basket of 1 USD.
#[test]
fn weights_are_those_at_the_rebalancing() {
    let parts = json!([
        {"underlying": "BTC", "weight": "0.5", "price": "50000"},
        {"underlying": "ETH", "weight": "0.5", "price": "5000"}
    ]);
    let mut document = edited("/underlyings/0/basket/parts", parts);
    document["underlyings"][0]["basket"]["divisor"] = json!("0.001");
    document["underlyings"][0].as_object_mut().unwrap().remove("index");
    let market = read(&document);
    // 0.5 / 50,000 · 80,000 + 0.5 / 5,000 · 4,000 = 0.8 + 0.4, over the divisor.
    assert_eq!(market.index(UnderlyingId(0)).to_string(), "1200");
    let basket = market.basket(UnderlyingId(0)).unwrap();
    assert_eq!(basket.parts.iter().map(|part| part.units.to_string()).collect::<Vec<_>>(), ["0.00001", "0.0001"]);
    let share = market.shares(basket)[0].1;
    assert!((share - 2.0 / 3.0).abs() < 1e-15, "{share}");
}

/// An expiry that all parts have is one of the basket; one that the document gives is the basket's own.
#[test]
fn forwards_follow_from_the_parts() {
    let market = read(&market());
    let expiries = market.expiries(UnderlyingId(0));
    assert_eq!(expiries.len(), 2, "not every part has the third expiry");
    let first = &expiries[0];
    // (0.02 · 81,000 + 0.1 · 4,050) / 2, and (0.02 · 100) / 2 of it is settled.
    assert_eq!((first.forward.to_string(), first.forward_settled.to_string()), ("1012.5".into(), "1".into()));
    assert_eq!((first.rate.to_string(), first.rate_confidence.to_string()), ("0.04".into(), "1".into()));
    assert_eq!((first.forward_confidence.to_string(), first.vol_confidence.to_string()), ("0.8".into(), "0.5".into()));
    // The rate is the mean by the shares of the forward: 1,640 and 410 of 2,050.
    assert_eq!((expiries[1].forward.to_string(), expiries[1].rate.to_string()), ("1025".into(), "0.042".into()));
    let own = json!([{"expiry": "2026-05-08T08:00:00Z", "forward": "1020"}, {"expiry": "2026-12-25T08:00:00Z", "forward": "1040"}]);
    let own = read(&edited("/underlyings/0/expiries", own));
    let forwards: Vec<String> = own.expiries(UnderlyingId(0)).iter().map(|expiry| expiry.forward.to_string()).collect();
    assert_eq!(forwards, ["1020", "1025", "1040"]);
    assert!(own.expiries(UnderlyingId(0))[0].rate == units::Ratio::ZERO);
}

/// Every bad basket is refused with the path, the value found and the value expected.
#[test]
fn a_bad_basket_is_refused() {
    let parts = "/underlyings/0/basket/parts";
    let weights = |one: &str, other: &str| json!([{"underlying": "BTC", "weight": one, "price": "80000"}, {"underlying": "ETH", "weight": other, "price": "4000"}]);
    let unknown = json!([{"underlying": "BTX", "units": "1"}]);
    let cases = [
        (
            "/underlyings/0/index",
            json!("1000.11"),
            "underlyings[0].index: found 1000.11, expected 1000 within 0.0001 of it: Σ units · index / divisor of the parts, or no index",
        ),
        ("/underlyings/0/index", json!("-1"), "underlyings[0].index: found -1, expected a price above 0"),
        (
            "/underlyings/1/index",
            Value::Null,
            "underlyings[1].index: missing, expected a decimal number as text, such as \"12.5\"",
        ),
        (
            "/underlyings/0/scale",
            json!("5"),
            "underlyings[0].scale: found 5, expected none: the index of a basket is above 0, like those of its parts",
        ),
        (
            "/underlyings/0/basket/divisor",
            json!("0"),
            "underlyings[0].basket.divisor: found 0, expected a number above 0",
        ),
        (
            "/underlyings/0/basket/divisor",
            json!("-2"),
            "underlyings[0].basket.divisor: found -2, expected a number above 0",
        ),
        (
            "/underlyings/0/basket/rebalanced",
            json!("2026-04-22T00:00:01Z"),
            "underlyings[0].basket.rebalanced: found 2026-04-22T00:00:01Z, expected a time not after the market's, 2026-04-22T00:00:00Z",
        ),
        (
            "/underlyings/0/basket/rebalanced",
            Value::Null,
            "underlyings[0].basket.rebalanced: missing, expected an RFC 3339 time",
        ),
        ("/underlyings/0/basket/parts", Value::Null, "underlyings[0].basket.parts: missing, expected a list of parts"),
        ("/underlyings/0/basket/kind", json!("price"), "underlyings[0].basket.kind: unknown field `kind`"),
        ("/underlyings/0/basket", json!("BTC"), "underlyings[0].basket: "),
        (parts, json!([]), "underlyings[0].basket.parts: found no part, expected at least one part"),
        (
            parts,
            unknown,
            "underlyings[0].basket.parts[0].underlying: found \"BTX\", expected an underlying of this market such as BTC",
        ),
        (
            parts,
            json!([{"underlying": "TOP2", "units": "1"}]),
            "underlyings[0].basket.parts[0].underlying: found \"TOP2\", a basket, expected an underlying that is no basket itself",
        ),
        (
            parts,
            json!([{"underlying": "OIL", "units": "1"}]),
            "underlyings[0].basket.parts[0].underlying: found \"OIL\", whose index may be zero or negative, expected an underlying whose index is above 0",
        ),
        (
            "/underlyings/0/basket/parts/-",
            json!({"underlying": "BTC", "units": "1"}),
            "underlyings[0].basket.parts[2].underlying: found \"BTC\" again, expected each part once",
        ),
        (
            "/underlyings/0/basket/parts/0/units",
            json!("0"),
            "underlyings[0].basket.parts[0].units: found 0, expected units above 0",
        ),
        (
            "/underlyings/0/basket/parts/1/units",
            json!("-0.1"),
            "underlyings[0].basket.parts[1].units: found -0.1, expected units above 0",
        ),
        ("/underlyings/0/basket/parts/1/units", json!("a lot"), "underlyings[0].basket.parts[1].units: "),
        (
            "/underlyings/0/basket/parts/1/units",
            Value::Null,
            "underlyings[0].basket.parts[1]: missing, expected exactly one of units and weight",
        ),
        (
            "/underlyings/0/basket/parts/1/weight",
            json!("0.2"),
            "underlyings[0].basket.parts[1]: found both units and weight, expected exactly one of them",
        ),
        (
            "/underlyings/0/basket/parts/1/price",
            json!("4000"),
            "underlyings[0].basket.parts[1].price: found 4000, expected none: only a part with a weight has one",
        ),
        (
            parts,
            json!([{"underlying": "BTC", "units": "0.01"}, {"underlying": "ETH", "weight": "1", "price": "1"}]),
            "underlyings[0].basket.parts[1].weight: found 1, expected the same measure for every part: units of all, or a weight and a price of all",
        ),
        (
            parts,
            json!([{"underlying": "ETH", "weight": "1", "price": "1"}, {"underlying": "BTC", "units": "0.01"}]),
            "underlyings[0].basket.parts[1].units: found 0.01, expected the same measure for every part: units of all, or a weight and a price of all",
        ),
        (
            parts,
            weights("0.5", "0.499999999999999999"),
            "underlyings[0].basket.parts: found weights that sum to 0.999999999999999999, expected a sum of 1",
        ),
        (
            parts,
            weights("1", "0"),
            "underlyings[0].basket.parts[1].weight: found 0, expected a weight above 0 and at most 1",
        ),
        (
            parts,
            weights("1.5", "-0.5"),
            "underlyings[0].basket.parts[0].weight: found 1.5, expected a weight above 0 and at most 1",
        ),
        (
            parts,
            json!([{"underlying": "BTC", "weight": "1"}]),
            "underlyings[0].basket.parts[0].price: missing, expected the index of the part at the rebalancing, in USD",
        ),
        (
            parts,
            json!([{"underlying": "BTC", "weight": "1", "price": "0"}]),
            "underlyings[0].basket.parts[0].price: found 0, expected a price above 0",
        ),
        (
            parts,
            json!([{"underlying": "BTC", "weight": "1", "price": "10000000000000"}]),
            "underlyings[0].basket.parts[0].weight: found 1 at 10000000000000, expected a weight over a price of at least 0.000000000001 units",
        ),
        (
            parts,
            json!([{"underlying": "BTC", "units": "100000000000000000000"}]),
            "underlyings[0].basket: found money out of range",
        ),
    ];
    for (pointer, value, expected) in cases {
        let said = Market::parse(&edited(pointer, value.clone()).to_string()).unwrap_err().to_string();
        assert!(said.lines().any(|line| line.starts_with(expected)), "{pointer} {value}: {said}");
    }
    // A basket of a basket is refused whichever stands first; so is a circle.
    let nested = json!({"underlying": "ALL", "basket": {"parts": [{"underlying": "TOP2", "units": "1"}], "rebalanced": "2026-04-01T00:00:00Z"}});
    let said = Market::parse(&edited("/underlyings/-", nested).to_string()).unwrap_err().to_string();
    assert_eq!(
        said,
        "underlyings[4].basket.parts[0].underlying: found \"TOP2\", a basket, expected an underlying that is no basket itself"
    );
}

/// All problems of a document are told at once, and none that only follows from another.
#[test]
fn the_problems_of_a_basket_are_told_together() {
    let mut document = edited("/underlyings/0/basket/rebalanced", json!("2027-01-01T00:00:00Z"));
    document["underlyings"][0]["basket"]["parts"][1]["units"] = json!("0");
    document["underlyings"][0]["index"] = json!("7");
    let said = Market::parse(&document.to_string()).unwrap_err().to_string();
    assert_eq!(said.lines().count(), 2, "{said}");
    // The index of a part is wrong, so that of the basket is not compared with it.
    let said = Market::parse(&edited("/underlyings/1/index", json!("-80000")).to_string()).unwrap_err().to_string();
    assert_eq!(said, "underlyings[1].index: found -80000, expected a price above 0");
}

#[test]
fn a_basket_can_be_built() {
    let builder = || {
        Market::builder("2026-04-22T00:00:00Z")
            .asset(Asset::builder("USDC", 1))
            .underlying(Underlying::builder("BTC", 80_000).expiry("2026-05-08T08:00:00Z", 81_000))
            .underlying(Underlying::builder("ETH", 4_000).expiry("2026-05-08T08:00:00Z", 4_050))
    };
    let parts = || Basket::builder("2026-04-01T00:00:00Z").part("BTC", "0.02").part("ETH", "0.1").divisor(2);
    let market = builder()
        .underlying(Underlying::of_parts("TOP2", parts()).adv_usd(1_000_000))
        .underlying(Underlying::builder("GIVEN", "1000.05").basket(parts()))
        .underlying(Underlying::of_parts(
            "HALF",
            Basket::builder("2026-04-01T00:00:00Z")
                .weighted_part("BTC", "0.5", 80_000)
                .weighted_part("ETH", "0.5", 4_000),
        ))
        .instrument(Instrument::call("C", "TOP2", "2026-05-08T08:00:00Z", 1_000).linear("USDC").mark(30).iv("0.5"))
        .build()
        .unwrap();
    let indices: Vec<String> = market.quotes.indices.iter().map(ToString::to_string).collect();
    assert_eq!(indices, ["80000", "4000", "1000", "1000.05", "1"]);
    let wrong = Basket::builder("yesterday").part("BTC", "some").divisor("x");
    let said = builder().underlying(Underlying::of_parts("TOP2", wrong)).build().unwrap_err().to_string();
    let paths: Vec<&str> = said.lines().filter_map(|line| line.split_once(": ")).map(|(path, _)| path).collect();
    let expected = ["rebalanced", "parts[0].units", "divisor"].map(|field| format!("underlyings[2].basket.{field}"));
    assert_eq!(paths, expected);
}

/// The definition of a basket is listed, and its index and forwards are quotes: a tick copies no parts.
#[test]
fn a_copy_of_a_market_shares_the_parts_of_its_baskets() {
    let market = read(&market());
    let mut copy = market.clone();
    copy.quotes.indices[0] = "1001".parse().unwrap();
    let [held, copied] = [&market, &copy].map(|market| market.basket(UnderlyingId(0)).unwrap());
    assert!(std::ptr::eq(held, copied));
    assert_ne!(market.index(UnderlyingId(0)), copy.index(UnderlyingId(0)));
}

/// Only a document says of what the index and the forwards of a basket are made.
#[test]
fn a_basket_is_not_listed_by_numbers() {
    let mut market = read(&market());
    let again = Underlying { name: "AGAIN".to_owned(), ..market.underlyings[0].clone() };
    let said = market.list_underlying(again, "1000".parse().unwrap(), &Liquidity::default()).unwrap_err().to_string();
    assert_eq!(said, "underlying.basket: found a basket, expected none: a basket is listed by a document alone");
}

/// A market is serialized only in the state of an engine, which lists no basket.
#[test]
fn a_market_with_a_basket_is_not_serialized() {
    let market = read(&market());
    assert!(serde_json::to_string(&market).unwrap_err().to_string().contains("document"));
    let mut plain = market.clone();
    Arc::make_mut(&mut plain.listings).underlyings[0].basket = None;
    let text = serde_json::to_string(&plain).unwrap();
    assert!(!text.contains("basket"));
    assert_eq!(serde_json::from_str::<Market>(&text).unwrap(), plain);
}
