//! What an account gains and loses over price and volatility, where it would be liquidated, and what would be done then.

use std::fmt::Write;

use upm::{Account, Error, Grid, Instrument, Market, Planning, Rulebook, Underlying};

/// Prints what [`report`] says.
pub fn main() -> Result<(), Error> {
    print!("{}", report()?);
    Ok(())
}

/// A short strangle: its grid, its liquidation prices, and its plan after the index has fallen.
pub fn report() -> Result<String, Error> {
    let expiry = "2026-05-29T08:00:00Z";
    let at = |index: u32, put: u32, call: u32| {
        Market::builder("2026-05-01T00:00:00Z")
            .underlying(Underlying::builder("BTC", index).depth(100, 50_000_000).expiry(expiry, index + 400))
            .instrument(Instrument::put("PUT", "BTC", expiry, 75_000).mark(put).iv("0.48"))
            .instrument(Instrument::call("CALL", "BTC", expiry, 85_000).mark(call).iv("0.48"))
            .build()
    };
    let market = at(80_000, 2_100, 2_600)?;
    let strangle = Account::builder("strangle").balance("USD", 140_000).position("PUT", -5).position("CALL", -5);
    let account = strangle.clone().build(&market)?;
    let rulebook = Rulebook::named("universal")?;
    let judge = rulebook.judge(&market)?;

    let matrix = judge.stress(&account, Grid::SCAN)?;
    let mut text = "profit in USD: price across, volatility down\n".to_owned();
    for (vol, row) in matrix.vols.iter().zip(&matrix.pnl) {
        let cells: Vec<String> = row.iter().map(|pnl| format!("{pnl:>8.0}")).collect();
        let _ = writeln!(text, "{:>+6.0} % {}", 100.0 * vol.relative, cells.join(" "));
    }
    let prices = judge.liquidation_prices(&account, "BTC")?;
    for (side, price) in [("below", prices.falling), ("above", prices.rising)] {
        let price = price.map_or_else(|| "nowhere".to_owned(), |price| format!("at {:.0} USD", price.usd().to_f64()));
        let _ = writeln!(text, "liquidated {side} the index: {price}");
    }

    let fallen = at(54_000, 20_800, 20)?;
    let account = strangle.build(&fallen)?;
    let plan = rulebook.judge(&fallen)?.plan(&account, &Planning::default())?;
    let _ =
        writeln!(text, "at 54000 USD a liquidation has {} steps and costs {:.2} USD", plan.steps.len(), plan.cost());
    for planned in &plan.steps {
        let _ = writeln!(text, "  {:?}", planned.step);
    }
    Ok(text)
}
