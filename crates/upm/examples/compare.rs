//! One account by every method: what each venue would ask for the same positions.

use std::fmt::Write;

use upm::{Account, Asset, Error, Instrument, Market, Underlying, compare};

/// Prints what [`report`] says.
pub fn main() -> Result<(), Error> {
    print!("{}", report()?);
    Ok(())
}

/// A hedged book by the universal method and by those of the venues; what a method does not know is said.
pub fn report() -> Result<String, Error> {
    let expiry = "2026-05-29T08:00:00Z";
    let market = Market::builder("2026-05-01T00:00:00Z")
        .asset(Asset::builder("USDC", "0.9999"))
        .underlying(Underlying::builder("BTC", 80_000).depth(100, 50_000_000).expiry(expiry, 80_400))
        .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").linear("USDC").mark("80012.5"))
        .instrument(Instrument::put("BTC-29MAY26-75000-P", "BTC", expiry, 75_000).linear("USDC").mark(2_100).iv("0.48"))
        .build()?;
    let account = Account::builder("hedged desk")
        .balance("USDC", 150_000)
        .position("BTC-PERPETUAL", 5)
        .position("BTC-29MAY26-75000-P", 5)
        .build(&market)?;

    let mut text = format!("{:<18}{:>14}{:>14}\n", "USD", "initial", "maintenance");
    for (method, margin) in compare(&account, &market) {
        let _ = match margin {
            Ok(margin) if margin.requirement.is_known() => {
                let [initial, maintenance] = [margin.initial_margin, margin.maintenance_margin].map(upm::Money::to_f64);
                writeln!(text, "{method:<18}{initial:>14.2}{maintenance:>14.2}")
            }
            Ok(margin) => writeln!(text, "{method:<18}  unknown: {}", margin.requirement.reasons().join("; ")),
            Err(why) => writeln!(text, "{method:<18}  {why}"),
        };
    }
    Ok(text)
}
