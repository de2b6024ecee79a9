//! The holdings of an account after a trade, for every kind of contract, computed by hand.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use model::{Account, AccountDocument, Balance, Market, PORTFOLIO_FORMAT, Portfolio, PortfolioDocument, Trade};

const MARKET: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
  "assets": [{"asset": "USDC", "price": "0.9999"}, {"asset": "BTC", "price": "80000"}],
  "underlyings": [{"underlying": "BTC", "index": "80000",
    "expiries": [{"expiry": "2026-05-08T08:00:00Z", "forward": "80100"}]}],
  "instruments": [
    {"instrument": "BTC_USDC", "kind": "spot", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
     "settle": "USDC", "contract_size": "0.5", "mark": "80008"},
    {"instrument": "LINEAR", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
     "settle": "USDC", "contract_size": "0.001", "mark": "80050"},
    {"instrument": "INVERSE", "kind": "perpetual", "underlying": "BTC", "payoff": "inverse", "quote": "USD",
     "settle": "BTC", "contract_size": "10", "mark": "80040"},
    {"instrument": "COIN CALL", "kind": "option", "underlying": "BTC", "payoff": "inverse", "quote": "BTC",
     "settle": "BTC", "contract_size": "1", "expiry": "2026-05-08T08:00:00Z", "strike": "80000", "right": "call",
     "mark": "0.05", "iv": "0.5"}
  ]}"#;

fn market() -> Market {
    Market::parse(MARKET).unwrap()
}

fn account(market: &Market, positions: &str) -> Account {
    let account: AccountDocument = serde_json::from_str(&format!(
        r#"{{"account": "a", "balances": [{{"asset": "USDC", "amount": "1000"}}], "positions": [{positions}]}}"#
    ))
    .unwrap();
    let document = PortfolioDocument { format: PORTFOLIO_FORMAT.into(), accounts: vec![account] };
    Portfolio::new(&document, market).unwrap().accounts.remove(0)
}

fn check(held: &str, trades: &[&str], positions: &[(&str, &str)], balances: &[(&str, &str)]) {
    let market = market();
    let mut account = account(&market, held);
    for trade in trades {
        account = account.after(&Trade::parse(trade, &market).unwrap(), &market).unwrap();
    }
    let found: Vec<_> = account.positions.iter().map(|one| (one.quantity.to_string(), one.entry.to_string())).collect();
    let expected: Vec<_> = positions.iter().map(|(q, e)| ((*q).to_owned(), (*e).to_owned())).collect();
    assert_eq!(found, expected, "positions after {trades:?}");
    let name = |one: &Balance| market.assets[one.asset.0].name.clone();
    let found: Vec<_> = account.balances.iter().map(|one| (name(one), one.amount.to_string())).collect();
    let expected: Vec<_> = balances.iter().map(|(a, x)| ((*a).to_owned(), (*x).to_owned())).collect();
    assert_eq!(found, expected, "balances after {trades:?}");
}

#[test]
fn a_size_is_so_many_contracts() {
    let market = market();
    let contracts = |text: &str| Trade::parse(text, &market).unwrap().quantity().to_string();
    assert_eq!([contracts("INVERSE 1000 USD"), contracts("INVERSE +100")], ["100", "100"]);
    assert_eq!([contracts("INVERSE -1000 usd @79000"), contracts("INVERSE -100 contracts")], ["-100", "-100"]);
    assert_eq!([contracts("LINEAR 0.5 BTC"), contracts("COIN CALL -3 BTC @0.06")], ["500", "-3"]);
    assert_eq!(contracts("BTC_USDC 1 BTC"), "2");
}

const LONG: &str = r#"{"instrument": "LINEAR", "quantity": "300", "entry": "70000"}"#;
const SHORT: &str = r#"{"instrument": "INVERSE", "quantity": "-800", "entry": "64000"}"#;

#[test]
fn adding_moves_the_entry_to_the_average() {
    check(LONG, &["LINEAR +100 @90000"], &[("400", "75000")], &[("USDC", "1000")]);
    check("", &["LINEAR -1 @79000", "LINEAR -2 @79000.1"], &[("-3", "79000.066666666666666666")], &[("USDC", "1000")]);
    // 800 at 64000 and 800 at 80000 owe 0.0125 + 0.01 coins per ten dollars: as much as 1600 at 71111.11….
    check(SHORT, &["INVERSE -800 @80000"], &[("-1600", "71111.111111111111111111")], &[("USDC", "1000")]);
}

#[test]
fn reducing_pays_the_profit_and_keeps_the_entry() {
    check(LONG, &["LINEAR -100 @80000"], &[("200", "70000")], &[("USDC", "2000")]);
    check(LONG, &["LINEAR -300 @69000"], &[], &[("USDC", "700")]);
    // 4000 USD sold at 64000 and bought at 80000: 0.05 − 0.0625 coins.
    check(SHORT, &["INVERSE +400 @80000"], &[("-400", "64000")], &[("USDC", "1000"), ("BTC", "-0.0125")]);
}

#[test]
fn through_zero_everything_is_closed_and_the_rest_is_new() {
    check(LONG, &["LINEAR -500 @80000"], &[("-200", "80000")], &[("USDC", "4000")]);
    check(SHORT, &["INVERSE +1000 @80000"], &[("200", "80000")], &[("USDC", "1000"), ("BTC", "-0.025")]);
}

#[test]
fn premiums_and_coins_are_paid_for_in_the_quote() {
    check("", &["COIN CALL +10 @0.04"], &[("10", "0.04")], &[("USDC", "1000"), ("BTC", "-0.4")]);
    check("", &["COIN CALL -10"], &[("-10", "0.05")], &[("USDC", "1000"), ("BTC", "0.5")]);
    check("", &["BTC_USDC +2 @80000"], &[], &[("USDC", "-79000"), ("BTC", "1")]);
}

#[test]
fn what_is_no_trade_is_refused() {
    let market = market();
    for (text, problem) in [
        ("", "expected INSTRUMENT"),
        ("LINEAR", "expected INSTRUMENT"),
        ("LINEAR @5", "expected INSTRUMENT"),
        ("NOTHING +1", "found instrument \"NOTHING\""),
        ("LINEAR +1x3", "found contracts \"+1x3\""),
        ("LINEAR 0", "found 0 contracts"),
        ("INVERSE 100 BTC", "found 100 BTC, expected contracts or an amount in USD"),
        ("LINEAR +1 USDC @80000", "found 1 USDC, expected contracts or an amount in BTC"),
        ("INVERSE USD", "expected"),
        ("LINEAR 1 @x", "found price \"@x\""),
        ("LINEAR 1 @0", "found price 0"),
        ("COIN CALL 1 @-1", "found price -1"),
    ] {
        let refused = Trade::parse(text, &market).unwrap_err().to_string();
        assert!(refused.contains(problem), "{text}: {refused}");
    }
}
