//! The stress grid, markets after a move, and the liquidation frontier, on the accounts of the sample.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use margin::greeks::option_inputs;
use margin::method::universal::{self, Universal, rules::Rules};
use margin::scenario::ScenarioSet;
use margin::stress::{Frontier, Matrix, Question, estimates, moved, price_move, vol_change};
use margin::valuation::equity;
use model::{Account, AssetId, InstrumentKind, Market, Payoff, Portfolio};
use pricing::black76::{Black76, Inputs};
use pricing::kernel::Isa;
use pricing::math;

/// The family of the methodology in which all prices move together.
const TOGETHER: &str = "scan together";

fn market() -> Market {
    Market::parse(&testdata::sample("market.json")).unwrap()
}

fn portfolio(market: &Market) -> Portfolio {
    Portfolio::parse(&testdata::sample("portfolio.json"), market).unwrap()
}

fn rules() -> Rules {
    universal::parse(universal::PARAMS).unwrap().rules
}

fn universal<'a>(market: &'a Market, rules: &'a Rules) -> Universal<'a> {
    universal::prepare(market, rules, &ScenarioSet::default(), Isa::detect()).unwrap()
}

fn matrix(account: &Account, market: &Market, grid: &str) -> Matrix {
    Matrix::of(account, market, &rules(), grid.parse().unwrap(), Isa::detect()).unwrap()
}

/// The value of an account when every price has moved by a part of its scan range and volatility by `vol` at 30 days:
/// the formulas of VAL-2 and VAL-3 written out, option by option.
fn worth(account: &Account, market: &Market, rules: &Rules, part: f64, vol: f64) -> f64 {
    let price = |id: AssetId| {
        let asset = &market.assets[id.0];
        let moved = asset.follows.map_or(0.0, |follows| part * rules.scan.range(&market.underlyings[follows.0].name));
        market.price(id).usd().to_f64() * (1.0 + moved)
    };
    let mut worth = 0.0;
    for balance in &account.balances {
        worth += balance.amount.to_f64() * price(balance.asset);
    }
    for position in &account.positions {
        let listing = market.listing(position.instrument);
        let moved = 1.0 + part * rules.scan.range(&market.underlyings[listing.underlying.0].name);
        let (size, mark, entry) = (
            listing.contract_size.to_f64(),
            market.mark(listing.id).in_quote().to_f64() * moved,
            position.entry.in_quote().to_f64(),
        );
        let each = match (&listing.kind, listing.payoff) {
            (InstrumentKind::Option { expiry, strike, right }, payoff) => {
                let days = expiry.days_since(market.time);
                let power = if days < 30.0 { 0.30 } else { 0.13 };
                let scaled = market.iv(listing.id).unwrap().to_f64()
                    * (1.0 + vol * math::pow(30.0 / days.max(1.0), power)).max(0.0);
                let forward = market.expiry(listing.underlying, *expiry).unwrap().forward.usd().to_f64() * moved;
                let forward = forward / market.usd_per_counter(listing).usd().to_f64();
                let inputs = Inputs {
                    right: *right,
                    forward,
                    strike: strike.in_counter().to_f64(),
                    vol: if vol > 0.0 { scaled.max(rules.vol.floor_up) } else { scaled },
                    years: expiry.years_since(market.time),
                    discount: 1.0,
                };
                let premium = Black76::new(inputs).unwrap().price();
                premium * price(listing.settle) / if payoff == Payoff::Inverse { forward } else { 1.0 }
            }
            (_, Payoff::Linear) => (mark - entry) * price(listing.settle),
            (_, Payoff::Inverse) => (1.0 / entry - 1.0 / mark) * price(listing.settle),
        };
        worth += position.quantity.to_f64() * size * each;
    }
    worth
}

/// VAL-2, VAL-3, SCN-1, SCN-2, SCN-3
#[test]
fn every_cell_is_what_a_revaluation_by_hand_gives() {
    let (market, rules) = (market(), rules());
    for account in &portfolio(&market).accounts {
        let matrix = matrix(account, &market, "17x9");
        let now = worth(account, &market, &rules, 0.0, 0.0);
        for (vol, row) in matrix.vols.iter().zip(&matrix.pnl) {
            for (price, pnl) in matrix.prices.iter().zip(row) {
                let expected = worth(account, &market, &rules, *price, vol.relative) - now;
                assert!((pnl - expected).abs() < 1e-6, "{}: {price} {vol:?} gives {pnl}, not {expected}", account.name);
            }
        }
    }
}

#[test]
fn no_row_and_no_column_takes_a_volatility_or_a_price_to_nothing() {
    let (market, rules) = (market(), rules());
    for account in &portfolio(&market).accounts {
        let matrix = matrix(account, &market, "41x41");
        let options = || account.positions.iter().map(|held| market.listing(held.instrument));
        for vol in &matrix.vols {
            assert!(vol.relative > -1.0, "{}: {vol:?}", account.name);
            for listing in options().filter(|listing| listing.is_option()) {
                let vol = option_inputs(listing, &market).unwrap().vol
                    + vol_change(listing, &market, &rules.vol_rules(), vol.relative).unwrap();
                assert!(vol > 0.0, "{}: {}", account.name, listing.name);
            }
        }
        assert_eq!(matrix.vols.len() + matrix.left_out[1], 41);
        assert_eq!(matrix.prices.len() + matrix.left_out[0], 41);
        assert!(matrix.left_out[1] > 0, "twenty steps down are more than all of it");
        for (name, range) in &matrix.ranges {
            let moves: Vec<f64> = matrix.prices.iter().map(|part| price_move(*part, *range)).collect();
            assert!(moves.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {moves:?}");
        }
    }
}

#[test]
fn where_nothing_moves_nothing_is_gained_or_lost() {
    let market = market();
    for account in &portfolio(&market).accounts {
        for grid in ["11x7", "3x3", "41x41"] {
            let matrix = matrix(account, &market, grid);
            let (row, column) = matrix.middle();
            assert_eq!(matrix.pnl[row][column], 0.0, "{}", account.name);
        }
    }
}

/// FAM-1
#[test]
fn the_scan_lies_on_the_grid_bit_for_bit() {
    let (market, rules) = (market(), rules());
    let universal = universal(&market, &rules);
    for account in &portfolio(&market).accounts {
        let matrix = matrix(account, &market, "9x5");
        let scan: Vec<f64> = estimates(account, &universal)
            .unwrap()
            .into_iter()
            .filter(|one| one.family == TOGETHER)
            .map(|one| one.pnl)
            .collect();
        // The order of the scan: unchanged first, then falling to rising; volatility up, same, down.
        let columns = [4, 0, 1, 2, 3, 5, 6, 7, 8];
        let cells: Vec<f64> = columns.iter().flat_map(|column| [0, 2, 4].map(|row| matrix.pnl[row][*column])).collect();
        // After them, the same as the period passes (SCN-8).
        assert!(scan.len() >= 54, "{}", scan.len());
        assert!(scan.iter().zip(&cells).all(|(scan, cell)| scan.to_bits() == cell.to_bits()), "{}", account.name);
        assert_eq!(matrix.worst(), matrix.worst_in_scan());
    }
}

#[test]
fn the_estimate_is_exact_for_futures_and_close_for_small_moves_of_options() {
    let (market, rules) = (market(), rules());
    let universal = universal(&market, &rules);
    let portfolio = portfolio(&market);
    let gaps = |name: &str| {
        let account = portfolio.accounts.iter().find(|account| account.name == name).unwrap();
        let estimates = estimates(account, &universal).unwrap();
        estimates
            .into_iter()
            .filter(|one| one.family == TOGETHER)
            .map(|one| (one.pnl - one.second_order).abs())
            .collect::<Vec<_>>()
    };
    for name in ["pair trade", "basis trade"] {
        assert!(gaps(name).iter().all(|gap| *gap < 1e-6), "{name}: {:?}", gaps(name));
    }
    for name in ["delta-hedged book", "short strangle"] {
        // Prices alone: a quarter of the range (places 13 and 16) against all of it (4 and 25).
        let gaps = gaps(name);
        assert!(gaps[13] < gaps[4] / 8.0 && gaps[16] < gaps[25] / 8.0, "{name}: {gaps:?}");
    }
}

#[test]
fn an_account_is_worth_there_what_the_grid_says() {
    let (market, rules) = (market(), rules());
    for account in &portfolio(&market).accounts {
        let matrix = Matrix::of(account, &market, &rules, "9x5".parse().unwrap(), Isa::detect()).unwrap();
        let now = equity(account, &market).unwrap().to_f64();
        for (vol, row) in matrix.vols.iter().zip(&matrix.pnl) {
            for (part, pnl) in matrix.prices.iter().zip(row) {
                let there = moved(&market, &rules, *part, vol.relative).unwrap();
                let found = equity(account, &there).unwrap().to_f64();
                // An option whose mark is below its model price cannot fall by as much, because no mark is below 0.
                let apart = (found - now - pnl).abs();
                assert!(apart < 1e-5 * now.abs().max(1e5), "{} at {part}, {vol:?}: {apart}", account.name);
            }
        }
    }
}

#[test]
fn on_the_line_equity_is_the_maintenance_margin() {
    let (market, rules) = (market(), rules());
    let portfolio = portfolio(&market);
    let extra = ScenarioSet::default();
    let mut lines = 0;
    for account in portfolio.accounts.iter().filter(|account| account.name != "delta-hedged book") {
        let matrix = Matrix::of(account, &market, &rules, "7x3".parse().unwrap(), Isa::detect()).unwrap();
        let question = Question { account, market: &market, rules: &rules, extra: &extra };
        let frontier = Frontier::of(&question, &matrix).unwrap();
        let assessed = margin::assess(account, &universal(&market, &rules)).unwrap();
        let slack = assessed.excess.expect("the universal method knows what it asks for").to_f64();
        assert!((question.slack((0.0, 0.0)).unwrap() - slack).abs() < 1e-6, "{}", account.name);
        assert_eq!(frontier.is_below_now, slack < 0.0);
        for place in frontier.pieces.iter().flatten() {
            // A thousandth of a cell to either side, the sign differs.
            let apart = 1.0 / 1024.0;
            let sides = [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)];
            let around = sides.map(|(x, y)| question.slack((place.0 + apart * x, place.1 + apart * y)).unwrap() < 0.0);
            assert!(around.contains(&true) && around.contains(&false), "{} at {place:?}", account.name);
            lines += 1;
        }
    }
    assert!(lines > 0, "some account of the sample is liquidated somewhere");
}
