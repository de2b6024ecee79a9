//! What an account must hold, and why: a market and an account put together from values, without any file.

use std::fmt::Write;

use upm::{Account, Asset, Error, Instrument, Market, Rulebook, Underlying};

/// Prints what [`report`] says.
pub fn main() -> Result<(), Error> {
    print!("{}", report()?);
    Ok(())
}

/// A hedged book of perpetuals and options by the universal method, line by line.
pub fn report() -> Result<String, Error> {
    let expiry = "2026-05-29T08:00:00Z";
    let market = Market::builder("2026-05-01T00:00:00Z")
        .asset(Asset::builder("USDC", "0.9999"))
        .asset(Asset::builder("BTC", 80_000))
        .underlying(Underlying::builder("BTC", 80_000).depth(100, 50_000_000).expiry(expiry, 80_400))
        .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").inverse("BTC").contract_size(10).mark("80012.5"))
        .instrument(Instrument::put("BTC-29MAY26-75000-P", "BTC", expiry, 75_000).linear("USDC").mark(1_350).iv("0.48"))
        .build()?;
    let account = Account::builder("hedged desk")
        .balance("USDC", 120_000)
        .balance("BTC", "0.75")
        .position_sized("BTC-PERPETUAL", 400_000)
        .position("BTC-29MAY26-75000-P", 5)
        .build(&market)?;

    let rulebook = Rulebook::named("universal")?;
    let margin = rulebook.judge(&market)?.margin(&account)?;

    let mut text = format!("{} by {}\n", margin.account, rulebook.params());
    let lines = [
        ("equity", margin.equity),
        ("initial margin", margin.initial_margin),
        ("maintenance margin", margin.maintenance_margin),
        ("saved by offsets", margin.offset),
    ];
    for (name, amount) in lines {
        let _ = writeln!(text, "{name:<20} {:>12.2} USD", amount.to_f64());
    }
    let _ = writeln!(text, "worst scenario       {}: {}", margin.core.family, margin.core.scenario);
    for charge in margin.charges.iter().filter(|charge| charge.maintenance.to_f64() > 0.0) {
        let _ = writeln!(text, "  {:<18} {:>12.2} USD", charge.charge, charge.maintenance.to_f64());
    }
    Ok(text)
}
