//! The library as its users have it: threads, errors, and questions whose answers are known.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use upm::{
    Account, Asset, Error, Grid, Instrument, Judge, Market, Money, Planning, Quantity, Ratio, Rulebook, Underlying,
    Verdict, compare, margin_by, read_market, read_portfolio, read_scenarios,
};

const EXPIRY: &str = "2026-05-29T08:00:00Z";

fn market(index: u32) -> Market {
    Market::builder("2026-05-01T00:00:00Z")
        .asset(Asset::builder("USDC", 1))
        .asset(Asset::builder("BTC", index))
        .underlying(Underlying::builder("BTC", index).depth(100, 50_000_000).expiry(EXPIRY, index))
        .underlying(Underlying::builder("ETH", 3_000).depth(100, 50_000_000))
        .instrument(Instrument::perpetual("LINEAR", "BTC").linear("USDC").mark(index))
        .instrument(Instrument::perpetual("INVERSE", "BTC").inverse("BTC").contract_size(10).mark(index))
        .instrument(Instrument::perpetual("ETHER", "ETH").linear("USDC").mark(3_000))
        .instrument(Instrument::call("CALL", "BTC", EXPIRY, 85_000).linear("USDC").mark(2_600).iv("0.48"))
        .build()
        .unwrap()
}

fn account(market: &Market, usd: i32, contracts: i32) -> Account {
    Account::builder("a").balance("USDC", usd).position("LINEAR", contracts).build(market).unwrap()
}

#[test]
fn a_rulebook_and_a_judge_go_to_any_thread() {
    fn is_shared<T: Send + Sync + ?Sized>() {}
    is_shared::<Rulebook>();
    is_shared::<Judge<'_>>();
    is_shared::<dyn margin::Judge>();
    is_shared::<dyn margin::method::Rulebook>();
    is_shared::<Error>();
    let market = market(80_000);
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    let here = judge.margin(&account(&market, 50_000, 3)).unwrap();
    std::thread::scope(|threads| {
        let asked: Vec<_> =
            (0..4).map(|_| threads.spawn(|| judge.margin(&account(&market, 50_000, 3)).unwrap())).collect();
        for there in asked {
            assert_eq!(there.join().unwrap(), here);
        }
    });
}

/// The account is below its maintenance margin a dollar further, and not a dollar before.
#[test]
fn a_liquidation_price_is_where_the_margin_is_no_longer_held() {
    for (method, instrument, contracts) in [
        ("universal", "LINEAR", 2),
        ("universal", "INVERSE", -16_000),
        ("paradex-cross", "LINEAR", -2),
        ("universal", "CALL", -4),
    ] {
        let rulebook = Rulebook::named(method).unwrap();
        let build = |market: &Market| {
            let account = Account::builder("a").balance("USDC", 80_000);
            account
                .position_at(instrument, contracts, if instrument == "CALL" { 2_600 } else { 80_000 })
                .build(market)
                .unwrap()
        };
        let here = market(80_000);
        let prices = rulebook.judge(&here).unwrap().liquidation_prices(&build(&here), "BTC").unwrap();
        assert!(!prices.is_below_now, "{method}, {instrument}");
        let price = prices.falling.or(prices.rising).expect("a directional account is liquidated somewhere").usd();
        if instrument == "CALL" {
            assert!(prices.rising.is_some() && prices.falling.is_none(), "{prices:?}");
            continue;
        }
        for (dollars, is_below) in [(-2.0, contracts > 0), (2.0, contracts < 0)] {
            let index = format!("{:.0}", price.to_f64() + dollars).parse().unwrap();
            let there = market(index);
            let margin = rulebook.judge(&there).unwrap().margin(&build(&there)).unwrap();
            assert_eq!(
                margin.equity < margin.maintenance_margin,
                is_below,
                "{method}, {instrument} at {index}: {prices:?}"
            );
        }
    }
}

#[test]
fn an_account_that_nothing_can_liquidate_has_no_liquidation_price() {
    let market = market(80_000);
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    let prices = judge.liquidation_prices(&account(&market, 50_000, 1), "ETH").unwrap();
    assert_eq!((prices.falling, prices.rising, prices.is_below_now), (None, None, false));
    // One that is below already is told where it would hold its margin again.
    let prices = judge.liquidation_prices(&account(&market, 1_000, 1), "BTC").unwrap();
    assert!(prices.is_below_now && prices.falling.is_none() && prices.rising.is_some(), "{prices:?}");
}

#[test]
fn stress_is_nothing_where_nothing_moves_and_the_frontier_crosses_the_grid() {
    let market = market(80_000);
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    let account = account(&market, 50_000, 3);
    let matrix = judge.stress(&account, Grid::default()).unwrap();
    let (row, column) = matrix.middle();
    assert_eq!(matrix.pnl[row][column], 0.0);
    let frontier = judge.frontier(&account, &matrix).unwrap();
    assert!(!frontier.pieces.is_empty() && !frontier.is_below_now);
    let venue = Rulebook::named("derive").unwrap();
    let refused = venue.judge(&market).unwrap().stress(&account, Grid::SCAN).unwrap_err();
    assert_eq!(refused.to_string(), "method: found derive, expected universal: its scan ranges are the grid");
}

#[test]
fn a_trade_is_taken_when_the_margin_is_held_after_it() {
    let market = market(80_000);
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    let account = account(&market, 50_000, 1);
    let tried = |text: &str| judge.what_if(&account, &[judge.trade(text).unwrap()]).unwrap();
    assert_eq!(tried("LINEAR -1").verdict, Verdict::Holds);
    assert_eq!(tried("LINEAR -1").account.positions, []);
    assert!(
        matches!(tried("LINEAR +20").verdict, Verdict::Short { initial_margin, .. } if initial_margin > Money::ZERO)
    );
    let none = judge.what_if(&account, &[]).unwrap();
    assert_eq!(none.before, none.after);
}

#[test]
fn a_plan_does_nothing_for_who_holds_enough_and_restores_who_does_not() {
    let market = market(80_000);
    let rulebook = Rulebook::named("universal").unwrap();
    let judge = rulebook.judge(&market).unwrap();
    assert_eq!(judge.plan(&account(&market, 50_000, 1), &Planning::default()).unwrap().steps, []);
    let plan = judge.plan(&account(&market, 8_000, 1), &Planning::default()).unwrap();
    assert!(plan.reached && !plan.steps.is_empty(), "{plan:?}");
    assert!(plan.after.equity >= plan.after.maintenance);
    let account = account(&market, 8_000, 1);
    let refused = |planning: Planning| judge.plan(&account, &planning).unwrap_err().to_string();
    assert_eq!(
        refused(Planning { lot: Quantity::ZERO, ..Planning::default() }),
        "lot: found 0, expected contracts above 0"
    );
    assert_eq!(
        refused(Planning { beta: Ratio::ONE, ..Planning::default() }),
        "beta: found 1, expected a ratio above 1"
    );
}

#[test]
fn every_method_is_asked_and_is_what_it_is_alone() {
    let market = market(80_000);
    let account = account(&market, 50_000, 1);
    let all = compare(&account, &market);
    assert_eq!(all.len(), Rulebook::names().len());
    for (name, margin) in all {
        assert_eq!(margin.ok(), margin_by(name, &account, &market).ok(), "{name}");
    }
}

/// Every message says what was found and what was expected, and speaks of no option of a command line.
#[test]
fn errors_name_what_was_found_and_what_was_expected() {
    let market = market(80_000);
    let universal = || Rulebook::named("universal").unwrap();
    let no_scenarios = read_scenarios("{}".as_bytes(), &market).unwrap_err();
    let thin = Market::builder("2026-05-01T00:00:00Z")
        .underlying(Underlying::builder("BTC", 1))
        .instrument(Instrument::perpetual("P", "BTC").mark(1))
        .build()
        .unwrap();
    let (rulebook, holder) = (universal(), Account::builder("a").position("P", 1).build(&thin).unwrap());
    let no_depth = rulebook.judge(&thin).unwrap().plan(&holder, &Planning::default()).unwrap_err();
    let strange = Account::builder("a").position("ETHER", 1).position("CALL", 1).build(&market).unwrap();
    let listed = Rulebook::named("derive-standard").unwrap().strict().unwrap();
    let errors = [
        (Rulebook::named("universe").unwrap_err(), "method: found \"universe\", expected one of universal, deribit"),
        (Rulebook::with_params("derive", "{").unwrap_err(), ""),
        (universal().strict().unwrap_err(), "strict: found with method universal, expected a venue's method"),
        (rulebook.judge(&thin).unwrap().trade("P 0").unwrap_err(), "trade: \"P 0\": found 0 contracts, expected some"),
        (
            rulebook.judge(&market).unwrap().liquidation_prices(&strange, "SOL").unwrap_err(),
            "underlying: found \"SOL\", expected one of BTC, ETH",
        ),
        (no_scenarios, "format: missing, expected"),
        (no_depth, "underlyings: BTC has no depth, expected one"),
        (
            read_market([0xff_u8].as_slice()).unwrap_err(),
            "market: stream did not contain valid UTF-8, expected UTF-8 text",
        ),
        (read_portfolio("[]".as_bytes(), &market).unwrap_err(), ""),
        (Error::from("8x5".parse::<Grid>().unwrap_err()), "grid: expected two odd numbers"),
        (Error::from("x".parse::<Money>().unwrap_err()), "number: expected a decimal number"),
    ];
    let strict = listed.judge(&market).unwrap().margin(&strange).err();
    for (error, expected) in &errors {
        assert!(error.to_string().starts_with(expected), "{error}, not {expected}");
    }
    for error in errors.iter().map(|(error, _)| error).chain(&strict) {
        assert!(!error.to_string().contains("--"), "{error}");
    }
}
