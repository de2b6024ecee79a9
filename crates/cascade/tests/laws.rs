//! Laws that hold in every run: money and lots are conserved, engines see the same market, nothing happens without a
//! shock, the same seed is the same run, no account is made worse off by a step of ours, and winners never give more than
//! is missing.

use cascade::{
    COINS, Calibration, Engine, Market, Shock, World, population, requirement, run, run_all, run_with, synthetic,
};
use proptest::prelude::*;

/// The number of cases of each property.
fn cases() -> u32 {
    std::env::var("UPM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

fn named(name: &str) -> Shock {
    synthetic().into_iter().find(|shock| shock.name == name).expect("a synthetic shock")
}

/// A jump deep enough to empty every fund.
fn crash() -> Shock {
    let fall = [-0.30, -0.35];
    Shock::through("crash", "", &[(0, [0.0; COINS]), (300, [0.0; COINS]), (302, fall), (3600, fall.map(|x| 0.5 * x))])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// The sum of cash, fees, funds and the outside market's money is unchanged to the last digit, and so is every lot.
    #[test]
    fn money_and_lots_are_conserved(seed in 1_u64..10_000, engine in 0_usize..3, shock in 0_usize..7, deep: bool) {
        let calibration = Calibration::default();
        let shock = if deep { crash() } else { synthetic().swap_remove(shock) };
        let mut first = None;
        run_with(&calibration, &shock, Engine::ALL[engine], seed, &mut |world| {
            let totals = world.totals();
            assert_eq!(*first.get_or_insert(totals), totals, "second {}", world.second);
        });
    }

    /// Only accounts below maintenance are touched: without a shock there are none.
    #[test]
    fn without_a_shock_nobody_is_liquidated(seed in 1_u64..10_000) {
        for engine in Engine::ALL {
            let outcome = run(&Calibration::default(), &named("quiet"), engine, seed);
            prop_assert_eq!((outcome.liquidated, outcome.calm), (0, 0));
            prop_assert_eq!((outcome.traded, outcome.bad_debt, outcome.fund_used), (0.0, 0.0, 0.0));
            prop_assert_eq!(outcome.overreaction, [0.0; COINS]);
        }
    }

    /// The path without reaction and the traders are those of the seed, for every engine.
    #[test]
    fn every_engine_sees_the_same_market(seed in 1_u64..10_000) {
        let calibration = Calibration::default();
        let runs = Engine::ALL.map(|engine| {
            let mut begin = None;
            let outcome = run_with(&calibration, &named("plunge"), engine, seed, &mut |world: &World| {
                begin.get_or_insert_with(|| {
                    let held: Vec<_> = world.traders.iter().map(|one| (one.cash(), one.perp, one.spot)).collect();
                    (held, world.support())
                });
            });
            let path: Vec<_> = outcome.path.iter().map(|(_, without)| *without).collect();
            (begin, path)
        });
        prop_assert_eq!(&runs[0], &runs[1]);
        prop_assert_eq!(&runs[1], &runs[2]);
    }

    /// No sum of losses is negative, and the crash leaves bad debt under every engine.
    #[test]
    fn losses_have_a_sign(seed in 1_u64..10_000, engine in 0_usize..3) {
        let outcome = run(&Calibration::default(), &crash(), Engine::ALL[engine], seed);
        let sums = [outcome.bad_debt, outcome.taken, outcome.deleveraged, outcome.traded, outcome.unpaid];
        prop_assert!(sums.iter().all(|sum| *sum >= 0.0), "{sums:?}");
        prop_assert!(outcome.bad_debt > 1e6, "{}", outcome.bad_debt);
    }

    /// I-50: the money that winners give beyond the deficit is less than one lot is worth. The naive engine takes more:
    /// the test can fail.
    #[test]
    fn ours_takes_at_most_a_lot_more_than_is_needed(seed in 1_u64..10_000) {
        let calibration = Calibration::default();
        let outcome = run(&calibration, &crash(), Engine::Ours, seed);
        let lot = calibration.coins.iter().map(|coin| coin.price * coin.lot).fold(0.0, f64::max);
        prop_assert!(outcome.taken > 1e6 && outcome.overshoot <= lot, "{} of {}", outcome.overshoot, outcome.taken);
        let naive = run(&calibration, &crash(), Engine::Naive, seed);
        prop_assert!(naive.overshoot > lot, "{}", naive.overshoot);
    }

    /// I-37: after a step of ours, an account that was below maintenance has no worse health than if nothing had been
    /// done to it, at the prices after the step.
    #[test]
    fn a_step_of_ours_leaves_nobody_worse(seed in 1_u64..10_000, deep: bool) {
        let calibration = Calibration::default();
        let shock = if deep { crash() } else { named("plunge") };
        let mut world = World::new(&calibration, population(&calibration, seed));
        let mut venue = Engine::Ours.venue(world.traders.len());
        venue.begin(&mut world);
        let mut treated = 0_u32;
        for point in shock.walk(&calibration, seed) {
            world.market.step(point);
            let before = world.traders.clone();
            let marks = world.market.prices();
            venue.step(&mut world);
            let prices = world.market.prices();
            for (old, new) in before.iter().zip(&world.traders) {
                let low = old.equity(marks, calibration.haircut) < requirement(&calibration, old, marks);
                if !low || old.perp == new.perp || old.equity(prices, calibration.haircut) <= 0.0 {
                    continue;
                }
                treated += 1;
                let health = |one: &cascade::Account| {
                    let held = requirement(&calibration, one, prices);
                    let equity = one.equity(prices, calibration.haircut);
                    if held > 0.0 { equity / held } else if equity >= -1e-6 { f64::INFINITY } else { f64::NEG_INFINITY }
                };
                prop_assert!(health(new) >= health(old) - 1e-9, "{} after {}", health(new), health(old));
            }
            world.second += calibration.step;
        }
        prop_assert!(treated > 30, "{treated} treated: nothing was tested");
    }
}

/// The same bits, on any number of threads.
#[test]
fn the_same_seed_is_the_same_run() {
    let calibration = Calibration::default();
    let shocks = [named("gap"), named("squeeze")];
    let one = run_all(&calibration, (&shocks, &Engine::ALL), 5..=7, 1, |_| {});
    let many = run_all(&calibration, (&shocks, &Engine::ALL), 5..=7, 3, |_| {});
    assert_eq!(one, many);
    assert_eq!(one[1][4], run(&calibration, &shocks[1], Engine::Isolated, 6));
    assert_ne!(one[0][0], one[0][1]);
}

/// A market sold by the published amount moves by its square root, as studies of large orders find.
#[test]
fn large_orders_move_the_price_by_the_square_root() {
    let calibration = Calibration { permanent: 0.0, ..Calibration::default() };
    let moved = |notional: f64| {
        let mut market = Market::new(&calibration);
        market.trade(0, -notional);
        -market.logarithms(0).0
    };
    let depth = calibration.coins[0].depth;
    let ratio = moved(400.0 * depth) / moved(100.0 * depth);
    assert!((1.8..2.3).contains(&ratio), "{ratio}");
    let ratio = moved(0.04 * depth) / moved(0.01 * depth);
    assert!((3.8..4.01).contains(&ratio), "{ratio}");
}
