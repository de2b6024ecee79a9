//! A portfolio may give contracts or sizes: both lead to the same position.

use model::{Account, Market, Portfolio};
use serde_json::{Value, json};

fn market() -> Market {
    let perpetual = |name: &str, payoff: &str, settle: &str, size: &str| {
        json!({"instrument": name, "kind": "perpetual", "underlying": "BTC", "payoff": payoff, "quote": "USD",
               "settle": settle, "contract_size": size, "mark": "80000"})
    };
    let option = |name: &str, payoff: &str, coin: &str, size: &str| {
        json!({"instrument": name, "kind": "option", "underlying": "BTC", "payoff": payoff, "quote": coin, "settle": coin,
               "contract_size": size, "expiry": "2026-05-08T08:00:00Z", "strike": "80000", "right": "call",
               "mark": "0.05", "iv": "0.5"})
    };
    let document = json!({
        "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
        "assets": [{"asset": "BTC", "price": "80000"}, {"asset": "USDC", "price": "1"}],
        "underlyings": [{"underlying": "BTC", "index": "80000",
            "expiries": [{"expiry": "2026-05-08T08:00:00Z", "forward": "80100"}]}],
        "instruments": [
            perpetual("INVERSE", "inverse", "BTC", "10"), perpetual("LINEAR", "linear", "USDC", "0.001"),
            perpetual("THIRDS", "linear", "USDC", "3"),
            option("COIN CALL", "inverse", "BTC", "0.1"), option("CALL", "linear", "USDC", "0.01"),
        ]
    });
    Market::parse(&document.to_string()).expect("a market")
}

fn account(held: &Value) -> Result<Account, String> {
    let document = json!({"format": "upm.portfolio/1", "accounts": [
        {"account": "a", "positions": [held]}
    ]});
    Portfolio::parse(&document.to_string(), &market())
        .map(|mut one| one.accounts.remove(0))
        .map_err(|why| why.to_string())
}

fn order(order: &Value) -> Result<Account, String> {
    let document = json!({"format": "upm.portfolio/1", "accounts": [{"account": "a", "orders": [order]}]});
    Portfolio::parse(&document.to_string(), &market())
        .map(|mut one| one.accounts.remove(0))
        .map_err(|why| why.to_string())
}

#[test]
fn an_amount_is_so_many_contracts() {
    for (instrument, amount, contracts) in [
        ("INVERSE", "1000", "100"),
        ("INVERSE", "-15", "-1.5"),
        ("LINEAR", "0.5", "500"),
        ("LINEAR", "-0.0005", "-0.5"),
        ("COIN CALL", "-1", "-10"),
        ("CALL", "2.5", "250"),
        ("THIRDS", "-6", "-2"),
        ("LINEAR", "0", "0"),
    ] {
        let by_amount = account(&json!({"instrument": instrument, "amount": amount})).unwrap();
        let by_quantity = account(&json!({"instrument": instrument, "quantity": contracts})).unwrap();
        assert_eq!(by_amount, by_quantity, "{instrument} {amount}");
    }
    let by_amount = order(&json!({"instrument": "INVERSE", "side": "sell", "amount": "1000", "limit": "81000"}));
    assert_eq!(by_amount.unwrap().orders[0].quantity.to_string(), "100");
}

#[test]
fn a_size_that_says_nothing_or_too_much_is_refused() {
    let at = "accounts[0].positions[0]";
    for (held, message) in [
        (
            json!({"instrument": "INVERSE"}),
            format!(
                "{at}.quantity: missing, expected quantity in contracts, or amount in USD, as text such as \"12.5\""
            ),
        ),
        (
            json!({"instrument": "CALL"}),
            format!(
                "{at}.quantity: missing, expected quantity in contracts, or amount in BTC, as text such as \"12.5\""
            ),
        ),
        (
            json!({"instrument": "INVERSE", "quantity": "1", "amount": "10"}),
            format!(
                "{at}.amount: found 10 beside the quantity 1, expected one of the two: quantity in contracts, or amount in USD"
            ),
        ),
        (
            json!({"instrument": "THIRDS", "amount": "1"}),
            format!(
                "{at}.amount: found 1, expected an amount in BTC that is a number of contracts of 3 BTC with at most 18 decimals"
            ),
        ),
        (
            json!({"instrument": "LINEAR", "amount": "170000000000000000000"}),
            format!(
                "{at}.amount: found 170000000000000000000, expected an amount in BTC that is a number of contracts of 0.001 BTC with at most 18 decimals"
            ),
        ),
    ] {
        assert_eq!(account(&held).unwrap_err(), message, "{held}");
    }
    for (amount, field) in [("-10", "amount"), ("0", "amount"), ("-1", "quantity")] {
        let refused =
            order(&json!({"instrument": "INVERSE", "side": "buy", field: amount, "limit": "80000"})).unwrap_err();
        let article = if field == "amount" { "an" } else { "a" };
        let expected = format!("accounts[0].orders[0].{field}: found {amount}, expected {article} {field} above 0");
        assert!(refused.starts_with(&expected), "{refused}");
    }
}

#[test]
fn every_instrument_says_what_its_size_counts() {
    let market = market();
    let unit = |name: &str| market.size_unit(market.instrument(name).unwrap());
    assert_eq!(["INVERSE", "LINEAR", "COIN CALL", "CALL"].map(unit), ["USD", "BTC", "BTC", "BTC"]);
}
