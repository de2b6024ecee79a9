//! Trades tried before they are made: the margin before and after, and whether the rules of new risk take them.

use std::fmt::Write;

use upm::{Account, Error, Instrument, Market, Rulebook, Underlying};

/// Prints what [`report`] says.
pub fn main() -> Result<(), Error> {
    print!("{}", report()?);
    Ok(())
}

/// A short call before and after its hedge, and what happens when the hedge is forgotten.
pub fn report() -> Result<String, Error> {
    let expiry = "2026-05-29T08:00:00Z";
    let market = Market::builder("2026-05-01T00:00:00Z")
        .underlying(Underlying::builder("BTC", 80_000).depth(100, 50_000_000).expiry(expiry, 80_400))
        .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").mark("80012.5"))
        .instrument(Instrument::call("BTC-29MAY26-85000-C", "BTC", expiry, 85_000).mark(2_600).iv("0.48"))
        .build()?;
    let account = Account::builder("writer").balance("USD", 60_000).build(&market)?;
    let rulebook = Rulebook::named("universal")?;
    let judge = rulebook.judge(&market)?;

    let mut text = String::new();
    for (name, trades) in [
        ("four calls sold", vec!["BTC-29MAY26-85000-C -4"]),
        ("and hedged", vec!["BTC-29MAY26-85000-C -4", "BTC-PERPETUAL +1.5 @80010"]),
        ("twelve calls sold", vec!["BTC-29MAY26-85000-C -12"]),
    ] {
        let trades = trades.into_iter().map(|trade| judge.trade(trade)).collect::<Result<Vec<_>, _>>()?;
        let tried = judge.what_if(&account, &trades)?;
        let [before, after] = [&tried.before, &tried.after].map(|margin| margin.initial_margin.to_f64());
        let word = if tried.verdict.accepts() { "accepted" } else { "refused" };
        let said = &tried.verdict;
        let _ = writeln!(text, "{name:<18} initial margin {before:.2} → {after:.2} USD: {word}, {said}");
    }
    Ok(text)
}
