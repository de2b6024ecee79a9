//! The effect of a trade on the value of an account.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use margin::valuation::equity;
use model::{Account, Asset, Instrument, Market, Trade, Underlying};
use units::Money;

fn market() -> Market {
    let expiry = "2026-05-08T08:00:00Z";
    Market::builder("2026-04-22T00:00:00Z")
        .asset(Asset::builder("USDC", "0.9999"))
        .asset(Asset::builder("BTC", 80_000))
        .underlying(Underlying::builder("BTC", 80_000).expiry(expiry, 80_100))
        .underlying(Underlying::builder("POWER", "-3").scale(20))
        .instrument(Instrument::perpetual("LINEAR", "BTC").linear("USDC").contract_size("0.001").mark(80_050))
        .instrument(Instrument::perpetual("INVERSE", "BTC").inverse("BTC").contract_size(10).mark(80_040))
        .instrument(Instrument::call("COIN CALL", "BTC", expiry, 80_000).inverse("BTC").mark("0.05").iv("0.5"))
        .instrument(Instrument::perpetual("SIGNED", "POWER").mark("-2.5"))
        .build()
        .unwrap()
}

#[test]
fn at_the_mark_a_trade_leaves_the_equity_and_never_raises_it() {
    let market = market();
    let account = |name: &str, contracts: i32, entry: &str| {
        Account::builder("a").balance("USDC", 1000).position_at(name, contracts, entry).build(&market).unwrap()
    };
    let (long, short) = (account("LINEAR", 300, "70000"), account("INVERSE", -800, "64000"));
    let signed = account("SIGNED", -7, "-4");
    for (before, traded) in [
        (&long, "LINEAR +100"),
        (&long, "LINEAR -100.000000000000000007"),
        (&long, "LINEAR -777"),
        (&short, "INVERSE +333.3"),
        (&short, "INVERSE -1"),
        (&short, "INVERSE +801"),
        (&short, "COIN CALL -3.7"),
        (&signed, "SIGNED -3"),
        (&signed, "SIGNED +9 @-2.5"),
    ] {
        let after = before.after(&Trade::parse(traded, &market).unwrap(), &market).unwrap();
        let change = equity(&after, &market).unwrap().minus(equity(before, &market).unwrap()).unwrap();
        assert!(change <= Money::ZERO && change.to_f64() > -1e-9, "{traded}: {change}");
    }
}
