//! Markets and accounts that are built from values.

use std::sync::Arc;

use model::{
    Account, Asset, AssetId, Instrument, InstrumentBuilder, InstrumentKind, Liquidity, Market, MarketBuilder,
    Portfolio, Side, Underlying, UnderlyingId,
};

const EXPIRY: &str = "2026-05-08T08:00:00Z";

fn call() -> InstrumentBuilder {
    Instrument::call("COIN CALL", "BTC", EXPIRY, 80_000).inverse("BTC").mark("0.05").iv(0.5)
}

fn builder() -> MarketBuilder {
    Market::builder("2026-04-22T00:00:00Z")
        .asset(Asset::builder("USDC", "0.9999").depth(100, 1_000_000).adv_usd("5e9"))
        .asset(Asset::builder("BTC", 80_000))
        .asset(Asset::builder("wBTC", 79_900).follows("BTC"))
        .underlying(Underlying::builder("BTC", 80_000).confidence("0.9").expiry_at_rate(EXPIRY, 80_100, "0.04"))
        .instrument(Instrument::spot("BTC_USDC", "BTC").linear("USDC").contract_size("0.5").mark(80_008))
        .instrument(
            Instrument::perpetual("INVERSE", "BTC").inverse("BTC").contract_size(10).mark(80_040).fee_rate(0.0005),
        )
        .instrument(Instrument::future("FUTURE", "BTC", EXPIRY).settled_in("USDC").mark(80_090).bid(80_080).ask(80_100))
        .instrument(call())
}

/// The same market as a document.
const DOCUMENT: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
  "assets": [{"asset": "USDC", "price": "0.9999", "depth": [{"bps": "100", "usd": "1000000"}], "adv_usd": "5000000000"},
    {"asset": "BTC", "price": "80000"}, {"asset": "wBTC", "price": "79900", "follows": "BTC"}],
  "underlyings": [{"underlying": "BTC", "index": "80000", "confidence": "0.9",
    "expiries": [{"expiry": "2026-05-08T08:00:00Z", "forward": "80100", "rate": "0.04"}]}],
  "instruments": [
    {"instrument": "BTC_USDC", "kind": "spot", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
     "settle": "USDC", "contract_size": "0.5", "mark": "80008"},
    {"instrument": "INVERSE", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD",
     "settle": "BTC", "contract_size": "10", "mark": "80040", "fee_rate": "0.0005"},
    {"instrument": "FUTURE", "kind": "future", "underlying": "BTC", "payoff": "linear", "quote": "USD",
     "settle": "USDC", "contract_size": "1", "expiry": "2026-05-08T08:00:00Z", "mark": "80090", "bid": "80080",
     "ask": "80100"},
    {"instrument": "COIN CALL", "kind": "option", "underlying": "BTC", "payoff": "inverse", "quote": "BTC",
     "settle": "BTC", "contract_size": "1", "expiry": "2026-05-08T08:00:00Z", "strike": "80000", "right": "call",
     "mark": "0.05", "iv": "0.5"}
  ]}"#;

#[test]
fn a_market_that_is_built_is_that_of_its_document() {
    let (built, mut read) = (builder().build().unwrap(), Market::parse(DOCUMENT).unwrap());
    assert_ne!(&*built.hash, "");
    // One hash is of the text above, the other of its compact JSON.
    read.hash.clone_from(&built.hash);
    assert_eq!(built, read);
}

#[test]
fn an_account_that_is_built_is_that_of_its_document() {
    let market = builder().build().unwrap();
    let built = Account::builder("desk")
        .balance("USDC", -1000)
        .balance_at("USDC", "12.5", "Ethereum")
        .position("INVERSE", -100)
        .position_at("FUTURE", 2, 79_000)
        .position_sized("COIN CALL", 3)
        .order("INVERSE", Side::Buy, 10, 79_900)
        .build(&market)
        .unwrap();
    let text = r#"{"format": "upm.portfolio/1", "accounts": [{"account": "desk",
        "balances": [{"asset": "USDC", "amount": "-1000"}, {"asset": "USDC", "amount": "12.5", "location": "Ethereum"}],
        "positions": [{"instrument": "INVERSE", "quantity": "-100"},
            {"instrument": "FUTURE", "quantity": "2", "entry": "79000"}, {"instrument": "COIN CALL", "amount": "3"}],
        "orders": [{"instrument": "INVERSE", "side": "buy", "quantity": "10", "limit": "79900"}]}]}"#;
    assert_eq!(built, Portfolio::parse(text, &market).unwrap().accounts[0]);
}

#[test]
fn everything_that_is_wrong_with_a_market_is_told_at_once() {
    let refused = Market::builder("tomorrow")
        .asset(Asset::builder("USDC", "a dollar"))
        .underlying(Underlying::builder("BTC", f64::NAN).expiry("soon", -1).depth("wide", 1))
        .instrument(Instrument::perpetual("NO MARK", "BTC"))
        .instrument(Instrument::perpetual("STRANGE", "XBT").mark("1e-19").funding_rate_8h("much"))
        .build()
        .unwrap_err()
        .to_string();
    let said: Vec<&str> = refused.lines().collect();
    let expected = [
        "time: found \"tomorrow\", expected an RFC 3339 time",
        "assets[0].price: found \"a dollar\", expected a decimal number",
        "underlyings[0].index: found \"NaN\", expected a decimal number",
        "underlyings[0].expiries[0].expiry: found \"soon\", expected an RFC 3339 time",
        "underlyings[0].depth[0].bps: found \"wide\", expected a decimal number",
        "instruments[0].mark: missing, expected the price of the instrument",
        "instruments[1].mark: found \"1e-19\", expected a decimal number with at most 18 decimals",
        "instruments[1].funding_rate_8h: found \"much\", expected a decimal number",
        "underlyings[0].expiries[0].forward: found -1, expected a price above 0",
        "instruments[1].underlying: found \"XBT\", expected an underlying of this market such as BTC",
    ];
    assert_eq!(said.len(), expected.len(), "{refused}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}, not {expected}");
    }
}

#[test]
fn everything_that_is_wrong_with_an_account_is_told_at_once() {
    let market = builder().build().unwrap();
    let refused = Account::builder("")
        .balance("EUR", 1)
        .position("INVERSE", "ten")
        .position_at("FUTURE", 1, 0)
        .order("INVERS", Side::Sell, 1, "low")
        .build(&market)
        .unwrap_err()
        .to_string();
    for expected in [
        "account.positions[0].quantity: found \"ten\", expected a decimal number",
        "account.orders[0].limit: found \"low\", expected a decimal number",
        "account.account: found \"\", expected a name",
        "account.balances[0].asset: found \"EUR\", expected an asset of the market",
        "account.positions[1].entry: found 0, expected a price above 0",
        "account.orders[0].instrument: found \"INVERS\", expected an instrument of the market such as INVERSE",
    ] {
        assert!(refused.lines().any(|line| line.starts_with(expected)), "{expected} is not in\n{refused}");
    }
    assert_eq!(refused.lines().count(), 6, "{refused}");
}

/// A tick copies a market. The copy must share all names, order books and volumes, so that it takes no memory for them.
#[test]
fn a_copy_of_a_market_shares_everything_but_its_quotes() {
    let market = builder().build().unwrap();
    let mut copy = market.clone();
    copy.quotes.indices[0] = "81000".parse().unwrap();
    assert!(Arc::ptr_eq(&market.listings, &copy.listings), "names and contracts");
    assert!(Arc::ptr_eq(&market.turnover, &copy.turnover), "order books and volumes");
    assert!(Arc::ptr_eq(&market.hash, &copy.hash), "the hash of the document");
    assert_ne!(market.index(UnderlyingId(0)), copy.index(UnderlyingId(0)));
}

/// A new listing changes the market that lists it and no copy that was made before.
#[test]
fn a_listing_is_seen_by_no_earlier_copy() {
    let mut market = builder().build().unwrap();
    let before = market.clone();
    let dollar = Asset { name: "USDT".to_owned(), follows: None };
    let id = market.list_asset(dollar.clone(), "0.999".parse().unwrap(), &Liquidity::default()).unwrap();
    assert_eq!((market.asset("USDT"), market.price(id).to_string()), (Some(id), "0.999".to_owned()));
    assert_eq!((before.asset("USDT"), before.quotes.prices.len()), (None, id.0));
    let again = market.list_asset(dollar, "0.999".parse().unwrap(), &Liquidity::default()).unwrap_err();
    assert_eq!(again.to_string(), "asset.asset: found \"USDT\" again, expected each asset once");
}

/// A contract that is listed by numbers is refused for the same reasons, in the same words, as one in a document.
#[test]
fn a_contract_is_checked_like_one_in_a_document() {
    let mut market = builder().build().unwrap();
    let future = InstrumentKind::Future { expiry: "2020-01-01T00:00:00Z".parse().unwrap() };
    let listed = Instrument { name: "NEW".to_owned(), ..market.instruments[0].clone() };
    let refused = |market: &mut Market, contract: Instrument, mark: &str| {
        market.list_instrument(contract, mark.parse().unwrap()).unwrap_err().to_string()
    };
    let past = refused(&mut market, Instrument { kind: future, ..listed.clone() }, "1");
    assert!(past.starts_with("instrument.expiry: found 2020-01-01T00:00:00Z, expected a time not before"), "{past}");
    let unknown = refused(&mut market, Instrument { quote: AssetId(99), ..listed.clone() }, "1");
    assert_eq!(unknown, "instrument.quote: found 99, expected the number of an asset of this market");
    let free = refused(&mut market, listed.clone(), "-1");
    assert_eq!(free, "instrument.mark: found -1, expected a price above 0");
    let twice = refused(&mut market, Instrument { name: "INVERSE".to_owned(), ..listed.clone() }, "1");
    assert!(twice.contains("again, expected each instrument once"), "{twice}");
    let id = market.list_instrument(listed, "80000".parse().unwrap()).unwrap();
    assert_eq!((market.instrument("NEW"), market.listing(id).id, market.iv(id)), (Some(id), id, None));
}
