//! Values in documents are kept exactly; a problem is reported with its path, the value found and the value expected.

use model::{Market, Portfolio};
use serde_json::{Value, json};
use testdata::edited;

fn market() -> Value {
    json!({
        "format": "upm.market/1",
        "time": "2026-04-22T00:00:00Z",
        "assets": [
            {"asset": "USDC", "price": "0.9999"},
            {"asset": "BTC", "price": "77939.768", "depth": [{"bps": "100", "usd": "2500000"}]},
            {"asset": "stETH", "price": "3120.5", "follows": "ETH"}
        ],
        "underlyings": [
            {"underlying": "BTC", "index": "77939.768", "confidence": "1", "expiries": [
                {"expiry": "2026-05-08T08:00:00Z", "forward": "78010.2", "rate": "0", "forward_settled": "10", "confidence": {"vol": "0.9"}}
            ]},
            {"underlying": "ETH", "index": "3125"}
        ],
        "instruments": [
            {"instrument": "BTC-PERPETUAL", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD",
             "settle": "BTC", "contract_size": "10", "mark": "77888.84", "funding_rate_8h": "-0.00017403"},
            {"instrument": "BTC-8MAY26-78000-C", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
             "settle": "USDC", "contract_size": "1", "expiry": "2026-05-08T08:00:00Z", "strike": "78000", "right": "call",
             "mark": "2455.661", "iv": "0.42746687"},
            {"instrument": "BTC_USDC", "kind": "spot", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
             "settle": "USDC", "contract_size": "1", "mark": "77950"}
        ]
    })
}

fn portfolio() -> Value {
    json!({
        "format": "upm.portfolio/1",
        "accounts": [{
            "account": "alice",
            "balances": [{"asset": "USDC", "amount": "25000"}, {"asset": "BTC", "amount": "-0.5", "location": "ethereum"}],
            "positions": [{"instrument": "BTC-8MAY26-78000-C", "quantity": "10", "entry": "2400"}, {"instrument": "BTC-PERPETUAL", "quantity": "-7"}],
            "orders": [{"instrument": "BTC_USDC", "side": "sell", "quantity": "3", "limit": "79000"}]
        }]
    })
}

#[test]
fn a_market_keeps_what_it_was_told() {
    let market = Market::parse(&market().to_string()).unwrap();
    assert_eq!(market.assets.len(), 4, "USD is always listed");
    assert_eq!(market.price(model::AssetId(0)).to_string(), "1");
    let btc = market.underlying("BTC").unwrap();
    assert_eq!(
        market.assets[market.asset("BTC").unwrap().0].follows,
        Some(btc),
        "an asset follows the underlying of its name"
    );
    assert_eq!(market.assets[market.asset("USDC").unwrap().0].follows, None);
    assert_eq!(market.assets[market.asset("stETH").unwrap().0].follows, market.underlying("ETH"));
    let option = market.listing(market.instrument("BTC-8MAY26-78000-C").unwrap());
    let expiry = market.expiry(btc, option.expiry().unwrap()).unwrap();
    assert_eq!((expiry.forward.to_string().as_str(), expiry.vol_confidence.to_string().as_str()), ("78010.2", "0.9"));
    assert_eq!(expiry.forward_confidence, units::Ratio::ONE, "a confidence that is not given is 1");
}

#[test]
fn a_position_without_entry_is_taken_at_its_mark() {
    let market = Market::parse(&market().to_string()).unwrap();
    let portfolio = Portfolio::parse(&portfolio().to_string(), &market).unwrap();
    let account = &portfolio.accounts[0];
    assert_eq!(account.positions[0].entry.to_string(), "2400");
    assert_eq!(account.positions[1].entry.to_string(), "77888.84");
    assert_eq!(account.balances[1].amount.to_string(), "-0.5");
}

#[test]
fn the_hash_is_that_of_the_text() {
    let text = market().to_string();
    assert_eq!(*Market::parse(&text).unwrap().hash, *blake3::hash(text.as_bytes()).to_string());
    assert_ne!(Market::parse(&(text.clone() + "\n")).unwrap().hash, Market::parse(&text).unwrap().hash);
}

#[test]
fn a_wrong_market_is_refused_with_path_value_and_expectation() {
    let cases = [
        ("/format", json!("upm.market/2"), "format: found upm.market/2, expected upm.market/1"),
        (
            "/time",
            json!("yesterday"),
            "time: invalid value: \"yesterday\", expected an RFC 3339 time such as \"2026-05-08T08:00:00Z\"",
        ),
        ("/colour", json!("red"), "colour: unknown field `colour`, expected one of `format`, `time`, `assets`"),
        ("/", json!("?"), ".: unknown field ``, expected one of `format`, `time`, `assets`"),
        (
            "/underlyings",
            Value::Null,
            "underlyings: missing, expected a list of underlyings, each with underlying and index",
        ),
        (
            "/instruments/0/mark",
            Value::Null,
            "instruments[0].mark: missing, expected a decimal number as text, such as \"12.5\"",
        ),
        ("/instruments/0/payoff", Value::Null, "instruments[0].payoff: missing, expected \"linear\" or \"inverse\""),
        (
            "/assets/0/price",
            json!(0.9999),
            "assets[0].price: invalid type: floating point `0.9999`, expected a decimal number as text",
        ),
        (
            "/assets/0/price",
            json!("NaN"),
            "assets[0].price: invalid value: \"NaN\", expected a decimal number such as \"-12.5\"",
        ),
        ("/assets/0/price", json!("-1"), "assets[0].price: found -1, expected a price above 0"),
        (
            "/assets/0/price",
            json!("0.1234567890123456789"),
            "assets[0].price: invalid value: \"0.1234567890123456789\", expected a decimal number with at most 18 decimals",
        ),
        ("/assets/2/follows", json!("XRP"), "assets[2].follows: found \"XRP\", expected an underlying of this market"),
        (
            "/assets/-",
            json!({"asset": "USDC", "price": "1"}),
            "assets[3].asset: found \"USDC\" again, expected each asset once",
        ),
        (
            "/assets/-",
            json!({"asset": "USD", "price": "1.1"}),
            "assets[3].price: found 1.1, expected 1, the valuation currency in itself",
        ),
        (
            "/assets/1/depth",
            json!([{"bps": "0", "usd": "1"}]),
            "assets[1].depth[0].bps: found 0, expected a distance above 0",
        ),
        (
            "/assets/1/depth",
            json!(["0"]),
            "assets[1].depth[0]: invalid type: string \"0\", expected a level, an object with bps and usd",
        ),
        (
            "/instruments/-",
            json!(7),
            "instruments[3]: invalid type: integer `7`, expected an instrument, an object with",
        ),
        ("/underlyings/0/index", json!("0"), "underlyings[0].index: found 0, expected a price above 0"),
        (
            "/underlyings/0/confidence",
            json!("1.01"),
            "underlyings[0].confidence: found 1.01, expected a confidence from 0 to 1",
        ),
        (
            "/underlyings/-",
            json!({"underlying": "BTC", "index": "1"}),
            "underlyings[2].underlying: found \"BTC\" again, expected each underlying once",
        ),
        (
            "/underlyings/0/expiries/0/forward",
            json!("-78010"),
            "underlyings[0].expiries[0].forward: found -78010, expected a price above 0",
        ),
        (
            "/underlyings/0/expiries/0/rate",
            json!("11"),
            "underlyings[0].expiries[0].rate: found 11, expected a yearly rate from -10 to 10 (1 = 100 %)",
        ),
        (
            "/underlyings/0/expiries/-",
            json!({"expiry": "2126-05-08T08:00:00Z", "forward": "78000", "rate": "-1.5"}),
            "underlyings[0].expiries[1].rate: found -1.5, expected a rate that grows money by at most e^100 until 2126-05-08T08:00:00Z",
        ),
        (
            "/underlyings/0/expiries/0/forward_settled",
            json!("78011"),
            "underlyings[0].expiries[0].forward_settled: found 78011, expected 0 to the forward 78010.2",
        ),
        (
            "/underlyings/0/expiries/0/confidence",
            json!({"vol": "2"}),
            "underlyings[0].expiries[0].confidence.vol: found 2, expected a confidence from 0 to 1",
        ),
        (
            "/underlyings/0/expiries/-",
            json!({"expiry": "2026-05-08T08:00:00Z", "forward": "1"}),
            "underlyings[0].expiries: found 2026-05-08T08:00:00Z twice, expected each expiry once",
        ),
        (
            "/instruments/1/expiry",
            json!("2026-04-21T08:00:00Z"),
            "instruments[1].expiry: found 2026-04-21T08:00:00Z, expected a time not before the market's, 2026-04-22T00:00:00Z",
        ),
        (
            "/instruments/1/expiry",
            json!("2026-06-26T08:00:00Z"),
            "instruments[1].expiry: found 2026-06-26T08:00:00Z, expected an expiry of BTC with its forward under `underlyings`",
        ),
        ("/instruments/1/expiry", Value::Null, "instruments[1].expiry: missing, expected the time of settlement"),
        ("/instruments/1/strike", Value::Null, "instruments[1].strike: missing, expected a price above 0"),
        (
            "/instruments/1/right",
            json!("straddle"),
            "instruments[1].right: unknown variant `straddle`, expected `call` or `put`",
        ),
        (
            "/instruments/1/iv",
            json!("0"),
            "instruments[1].iv: found 0, expected a volatility above 0 and at most 20 (1 = 100 %)",
        ),
        (
            "/instruments/1/iv",
            json!("500"),
            "instruments[1].iv: found 500, expected a volatility above 0 and at most 20 (1 = 100 %)",
        ),
        ("/instruments/1/mark", json!("-0.01"), "instruments[1].mark: found -0.01, expected a number not below 0"),
        (
            "/instruments/1/funding_rate_8h",
            json!("0"),
            "instruments[1].funding_rate_8h: found a value, expected none: only perpetuals have one",
        ),
        ("/instruments/0/mark", json!("0"), "instruments[0].mark: found 0, expected a price above 0"),
        ("/instruments/0/iv", json!("0.5"), "instruments[0].iv: found a value, expected none: only options have one"),
        (
            "/instruments/0/settle",
            json!("USDC"),
            "instruments[0].settle: found \"USDC\", expected an asset that follows BTC, for an inverse contract pays in the coin",
        ),
        (
            "/instruments/0/quote",
            json!("BTC"),
            "instruments[0].quote: found \"BTC\", expected an asset that does not follow BTC: only coin-margined options are written in it",
        ),
        (
            "/instruments/1/quote",
            json!("BTC"),
            "instruments[1].quote: found \"BTC\", expected an asset that does not follow BTC",
        ),
        (
            "/instruments/1/quote",
            json!("stETH"),
            "instruments[1].quote: found \"stETH\", expected an asset that follows no underlying, for a linear option is worth dollars",
        ),
        ("/instruments/0/quote", json!("EUR"), "instruments[0].quote: found \"EUR\", expected an asset of this market"),
        ("/instruments/0/contract_size", json!("0"), "instruments[0].contract_size: found 0, expected a size above 0"),
        ("/instruments/0/kind", json!("swap"), "instruments[0].kind: unknown variant `swap`"),
        (
            "/instruments/0/instrument",
            json!("BTC_USDC"),
            "instruments[2].instrument: found \"BTC_USDC\" again, expected each instrument once",
        ),
        (
            "/instruments/0/underlying",
            json!("XRP"),
            "instruments[0].underlying: found \"XRP\", expected an underlying of this market",
        ),
    ];
    for (pointer, value, expected) in cases {
        let message = Market::parse(&edited(market(), pointer, value).to_string()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{pointer}\n  said     {message}\n  expected {expected}");
    }
}

#[test]
fn a_wrong_portfolio_is_refused_with_path_value_and_expectation() {
    let world = Market::parse(&market().to_string()).unwrap();
    let cases = [
        ("/format", json!("upm.market/1"), "format: found upm.market/1, expected upm.portfolio/1"),
        ("/accounts", json!([]), "accounts: found an empty list, expected at least one account"),
        (
            "/accounts/-",
            json!({"account": "alice"}),
            "accounts[1].account: found \"alice\" again, expected each account once",
        ),
        (
            "/accounts/0/balances/0/asset",
            json!("EUR"),
            "accounts[0].balances[0].asset: found \"EUR\", expected an asset of the market",
        ),
        (
            "/accounts/0/balances/-",
            json!({"asset": "USDC", "amount": "1"}),
            "accounts[0].balances[2].asset: found \"USDC\" again, expected each asset once per location",
        ),
        (
            "/accounts/0/positions/0/instrument",
            json!("BTC-1"),
            "accounts[0].positions[0].instrument: found \"BTC-1\", expected an instrument of the market",
        ),
        (
            "/accounts/0/positions/0/instrument",
            json!("BTC_USDC"),
            "accounts[0].positions[0].instrument: found spot \"BTC_USDC\", expected a derivative",
        ),
        (
            "/accounts/0/positions/-",
            json!({"instrument": "BTC-PERPETUAL", "quantity": "1"}),
            "accounts[0].positions[2].instrument: found \"BTC-PERPETUAL\" again",
        ),
        (
            "/accounts/0/positions/1/entry",
            json!("0"),
            "accounts[0].positions[1].entry: found 0, expected a price above 0",
        ),
        (
            "/accounts/0/positions/0/quantity",
            json!(10),
            "accounts[0].positions[0].quantity: invalid type: integer `10`, expected a decimal number as text",
        ),
        ("/accounts/0/positions/0/leverage", json!("2"), "accounts[0].positions[0].leverage: unknown field `leverage`"),
        (
            "/accounts/0/orders/0/quantity",
            json!("-3"),
            "accounts[0].orders[0].quantity: found -3, expected a quantity above 0",
        ),
        ("/accounts/0/orders/0/limit", json!("0"), "accounts[0].orders[0].limit: found 0, expected a price above 0"),
    ];
    for (pointer, value, expected) in cases {
        let message =
            Portfolio::parse(&edited(portfolio(), pointer, value).to_string(), &world).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{pointer}\n  said     {message}\n  expected {expected}");
    }
}

#[test]
fn what_is_no_document_is_refused_without_harm() {
    let deep = "[".repeat(10_000_000);
    let whole = market().to_string();
    let truncated = &whole[..whole.len() / 2];
    for text in ["", "null", "[]", "{}", &deep, truncated, &(whole.clone() + "}")] {
        let message = Market::parse(text).unwrap_err().to_string();
        assert!(message.len() < 400, "{message}");
    }
    let twice = whole.replacen("\"time\"", "\"format\":\"upm.market/1\",\"time\"", 1);
    assert!(Market::parse(&twice).unwrap_err().to_string().contains("duplicate field `format`"));
}
