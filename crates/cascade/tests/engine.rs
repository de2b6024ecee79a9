//! Laws that hold in every run of the engine itself: the traders are those of the seed, money and lots are conserved,
//! nothing happens without a shock, the same seed is the same run, and winners never give more than is missing.

use cascade::{COINS, Calibration, Engine, Shock, World, population, run, run_all, run_with, synthetic};

const ITSELF: [Engine; 2] = [Engine::Itself, Engine::Published];

/// Few traders with the open interest of many, so that a run takes less than a second.
fn few() -> Calibration {
    Calibration { longs: 60, shorts: 30, carriers: 10, pairs: 10, ..Calibration::default() }
}

fn named(name: &str) -> Shock {
    synthetic().into_iter().find(|shock| shock.name == name).expect("a synthetic shock")
}

/// A jump deep enough to empty funds and backstop at the venue's rates.
fn crash() -> Shock {
    let fall = [-0.30, -0.35];
    Shock::through("crash", "", &[(0, [0.0; COINS]), (60, [0.0; COINS]), (62, fall), (900, fall.map(|x| 0.5 * x))])
}

/// The world after an engine has begun, before the first step.
fn begun(calibration: &Calibration, engine: Engine, seed: u64) -> World {
    let mut world = World::new(calibration, population(calibration, seed));
    engine.venue(world.traders.len()).begin(&mut world);
    world
}

#[test]
fn the_traders_are_those_of_the_seed() {
    let calibration = few();
    let traders = population(&calibration, 2);
    for engine in ITSELF {
        let world = begun(&calibration, engine, 2);
        for (there, here) in traders.iter().zip(&world.traders) {
            assert_eq!((there.perp, there.spot), (here.perp, here.spot));
            let as_much = there.cash() == here.cash();
            assert!(if engine == Engine::Itself { as_much } else { here.cash() >= there.cash() });
        }
        let support = begun(&calibration, Engine::Ours, 2).support();
        assert!((world.support() - support).abs() < 1e-6, "{} for {support}", world.support());
    }
    let more = begun(&calibration, Engine::Published, 2);
    assert!(more.traders.iter().zip(&traders).any(|(here, there)| here.cash() > there.cash()));
}

#[test]
fn money_and_lots_are_conserved() {
    for (engine, shock) in [(Engine::Itself, crash()), (Engine::Itself, named("plunge")), (Engine::Published, crash())]
    {
        let mut first = None;
        let outcome = run_with(&few(), &shock, engine, 3, &mut |world| {
            let totals = world.totals();
            assert_eq!(*first.get_or_insert(totals), totals, "second {}", world.second);
        });
        assert!(outcome.liquidated > 10 && outcome.traded > 0.0, "{outcome:?}");
    }
}

#[test]
fn without_a_shock_nobody_is_liquidated() {
    for engine in ITSELF {
        let outcome = run(&few(), &named("quiet"), engine, 4);
        assert_eq!((outcome.liquidated, outcome.calm), (0, 0));
        assert_eq!((outcome.traded, outcome.bad_debt, outcome.fund_used), (0.0, 0.0, 0.0));
        assert_eq!((outcome.given_away, outcome.overreaction), (0.0, [0.0; COINS]));
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let shocks = [named("squeeze")];
    let one = run_all(&few(), (&shocks, &ITSELF), 5..=6, 1, |_| {});
    assert_eq!(one, run_all(&few(), (&shocks, &ITSELF), 5..=6, 3, |_| {}));
    assert!(one[0].iter().all(|outcome| outcome.liquidated > 0));
    assert_ne!(one[0][0], one[0][1]);
}

/// I-50: the money that winners give beyond the deficit is less than one lot is worth; and some winner gave money.
#[test]
fn winners_give_at_most_a_lot_more_than_is_missing() {
    let calibration = few();
    let outcome = run(&Calibration { support: 0.0, ..calibration.clone() }, &crash(), Engine::Itself, 7);
    let lot = calibration.coins.iter().map(|coin| coin.price * coin.lot).fold(0.0, f64::max);
    assert!(outcome.taken > 1e6 && outcome.bad_debt > 1e6, "{outcome:?}");
    assert!((0.0..=lot).contains(&outcome.overshoot), "{}", outcome.overshoot);
}
