//! The auditor's slow assessor, which shares no code with the vectorised path, compared with ours: where the two
//! differ, one is wrong.

use std::collections::BTreeMap;

use margin::method::universal;
use margin::scenario::ScenarioSet;
use margin::{Assessment, Refusal};
use model::{Account, InstrumentId, Market, Payoff, Position};
use pricing::kernel::Isa;
use proptest::prelude::*;

use crate::generate::{self, PARAMS, World, config};

/// Equal to one part in 10⁹, or to the rounding of cancelling terms; each of ten lines is rounded up to 10⁻¹² USD.
fn agrees(what: &str, ours: f64, slow: f64, gross: f64) -> Result<(), TestCaseError> {
    let allowed = 1e-9 * slow.abs() + 2e-13 * gross + 1.2e-11;
    prop_assert!((ours - slow).abs() <= allowed, "{what}: {ours} against the slow {slow}, gross {gross}");
    Ok(())
}

pub fn compare(world: &World, answer: &Assessment) -> Result<(), TestCaseError> {
    let slow = audit::margin::requirement(&world.account, &world.market, &PARAMS.rules);
    let gross = slow.gross;
    for ((family, loss), ours) in slow.families.iter().zip(&answer.families) {
        prop_assert_eq!(*family, &ours.family);
        agrees(family, ours.loss.to_f64(), *loss, gross)?;
    }
    prop_assert_eq!(slow.families.len(), answer.families.len());
    agrees("core", answer.core.loss.to_f64(), slow.core, gross)?;
    let lines = answer.charges.iter().filter(|line| line.charge != margin::BOUNDED);
    let ours: BTreeMap<&str, (f64, f64)> =
        lines.map(|charge| (charge.charge.as_str(), (charge.initial.to_f64(), charge.maintenance.to_f64()))).collect();
    prop_assert_eq!(ours.len(), slow.charges.len() + 2);
    for (name, charge) in &slow.charges {
        agrees(name, ours[name].0, *charge, gross)?;
        agrees(name, ours[name].1, *charge, gross)?;
    }
    agrees("orders", ours["orders"].0, slow.orders, gross)?;
    prop_assert_eq!(ours["orders"].1, 0.0);
    agrees("initial margin", answer.initial_margin.to_f64(), slow.initial, gross)?;
    agrees("maintenance margin", answer.maintenance_margin.to_f64(), slow.maintenance, gross)
}

proptest! {
    #![proptest_config(config(400))]

    /// SCN-1 to SCN-4, FAM-1 to FAM-10, CHG-1 to CHG-7, REQ-1 to REQ-4, REQ-7, SCN-8: two programs, one answer.
    #[test]
    fn the_slow_assessor_agrees(world in generate::world()) {
        compare(&world, &generate::assessed(&world.account, &world.market))?;
    }
}

proptest! {
    #![proptest_config(config(2))]

    #[test]
    fn the_slow_assessor_agrees_on_five_hundred_positions(world in generate::crowded()) {
        compare(&world, &generate::assessed(&world.account, &world.market))?;
    }
}

/// A quantity whose value leaves the range gives an error, never a panic.
#[test]
fn a_quantity_that_is_too_large_is_refused() {
    let mut document = generate::empty_market();
    document.assets.push(generate::asset("USDC", 1.0, None));
    document.underlyings.push(generate::underlying("BTC", 80_000.0));
    document.instruments.push(generate::perpetual("P", "BTC", Payoff::Linear, 80_000.0));
    let market = Market::new(&document).expect("valid");
    let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market");
    let quantity = "170000000000000000000".parse().expect("in range");
    let position = Position { instrument: InstrumentId(0), quantity, entry: market.mark(InstrumentId(0)) };
    let account = Account { name: "whale".to_owned(), positions: vec![position], ..Account::default() };
    let refusal = margin::assess(&account, &judge).expect_err("1.7e20 contracts of 80,000 USD are no number of ours");
    assert!(matches!(refusal, Refusal::OutOfRange { .. }), "{refusal}");
    assert_eq!(refusal.to_string(), "account whale: money out of range (about ±1.7e20)");
}
