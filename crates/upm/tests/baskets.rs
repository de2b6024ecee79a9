//! The sample of an index: every question that the library answers, asked about accounts that hold it.

use upm::{Account, Judge, Market, Portfolio, RequirementState, Rulebook, compare};

fn sample() -> Option<(Market, Portfolio)> {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    // A package of this crate alone has no samples.
    let [market, portfolio] =
        ["index.json", "index-portfolio.json"].map(|name| std::fs::read_to_string(samples.join(name)));
    let market = Market::parse(&market.ok()?).expect("a valid market");
    let portfolio = Portfolio::parse(&portfolio.ok()?, &market).expect("a valid portfolio");
    Some((market, portfolio))
}

/// P-12: a hedge with the parts takes nearly all of the core away, and costs charges in three markets.
#[test]
fn an_index_against_its_parts_has_no_core() {
    let Some((market, portfolio)) = sample() else { return };
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    let [alone, hedged, calls] = [0, 1, 2].map(|place| judge.margin(&portfolio.accounts[place]).unwrap());
    assert!(alone.core.loss.to_f64() > 100_000.0 && hedged.core.loss.to_f64() < 1e-3, "{:?}", hedged.core);
    assert!(hedged.maintenance_margin > upm::Money::ZERO && calls.core.loss > hedged.core.loss);
    assert!(
        hedged.notes.iter().any(|note| note.starts_with("TOP2: a basket that moves with BTC, ETH;")),
        "{:?}",
        hedged.notes
    );
}

/// The liquidation price on a part moves the index by its share; on the index it moves every part.
#[test]
fn liquidation_prices_move_the_parts() {
    let Some((market, portfolio)) = sample() else { return };
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    let falling = |account: &Account, underlying: &str| {
        let prices = judge.liquidation_prices(account, underlying).unwrap();
        prices.falling.map(|price| price.usd().to_f64() / prices.index.usd().to_f64() - 1.0)
    };
    let alone = &portfolio.accounts[0];
    let [index, btc] = ["TOP2", "BTC"].map(|underlying| falling(alone, underlying).unwrap());
    assert!(btc < index && index < 0.0, "more than the index must fall where one of its parts does: {btc} {index}");
    assert_eq!(falling(&portfolio.accounts[1], "TOP2"), None, "a hedged index stays above its margin");
    // Stress and its frontier are drawn over the moves of the parts.
    let grid = upm::Grid::SCAN;
    let matrix = judge.stress(alone, grid).unwrap();
    let [index, btc, eth] = ["TOP2", "BTC", "ETH"].map(|name| scan_range(&judge, &market, name));
    let share = 0.02 * 84_320.0 / 2_086.4;
    assert!((index - (share * btc + (1.0 - share) * eth)).abs() < 1e-12, "{index} {btc} {eth}");
    assert!((matrix.pnl[matrix.middle().0][0] + 1_043_200.0 * index).abs() < 1e-3, "{:?}", matrix.pnl);
    judge.frontier(alone, &matrix).unwrap();
}

/// The range of one underlying, from the grid of an account that holds only its perpetual.
fn scan_range(judge: &Judge, market: &Market, name: &str) -> f64 {
    let account =
        Account::builder("one").position(format!("{name}-PERPETUAL"), 1).build(market).expect("a valid account");
    let matrix = judge.stress(&account, upm::Grid::SCAN).expect("a grid");
    assert_eq!(matrix.ranges.len(), 1);
    matrix.ranges[0].1
}

/// No venue lists the index: a margin of its perpetual is known to none, as of any underlying without parameters.
#[test]
fn no_venue_knows_the_index() {
    let Some((market, portfolio)) = sample() else { return };
    for account in &portfolio.accounts[..2] {
        for (method, answer) in compare(account, &market) {
            let known = answer.as_ref().is_ok_and(|answer| answer.requirement == RequirementState::Known);
            assert_eq!(known, method == "universal", "{} by {method}: {answer:?}", account.name);
        }
    }
}
