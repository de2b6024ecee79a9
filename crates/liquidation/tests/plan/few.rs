//! A plan is a few trades, sized together: not a sequence of fractions.

use std::collections::{BTreeMap, BTreeSet};

use liquidation::{Gauge, OrderBook, Plan, Purpose, Step};
use model::{Account, InstrumentId, InstrumentKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::common::cases;
use crate::universal::{MARKET, below, gauge, replayed};
use crate::world::{book, planned, shown, trades};

const BETA: f64 = 1.1;
/// A further step has to save a tenth of the cost and a hundredth of a per cent of the maintenance margin.
const TOLERANCE: (f64, f64) = (0.1, 1e-4);
/// The most extra steps, beyond one per trade, when trades only help in turns.
const SLICES: usize = 8;

/// Everything trades, options at a hundred times the spread and a fiftieth of the depth of the rest.
pub fn books() -> Vec<OrderBook> {
    let book_of = |listing: &model::Instrument| {
        let (half_spread, depth_usd) = if listing.is_option() { (0.05, 4e5) } else { (0.0005, 2e7) };
        OrderBook { half_spread, depth_usd, fee: 0.0003, ..book(0.01, 0.0, f64::INFINITY) }
    };
    MARKET.instruments.iter().map(book_of).collect()
}

/// Accounts of up to `most` positions, below their maintenance margin.
pub fn accounts(most: usize) -> impl Strategy<Value = Account> {
    let positions = vec((0..MARKET.instruments.len(), -1.0..1.0_f64), 1..most);
    (positions, 0.5..0.99_f64).prop_map(|(positions, health)| {
        let once: BTreeMap<usize, f64> = positions.into_iter().collect();
        let positions: Vec<(InstrumentId, f64)> =
            once.into_iter().map(|(place, millions)| (InstrumentId(place), millions)).collect();
        below(&positions, health)
    })
}

/// The cost of a trade as plans compare it: the part that goes through zero or hedges counts twice.
fn burden(account: &Account, book: &OrderBook, (instrument, lots): (InstrumentId, f64)) -> f64 {
    let lot = book.lot.to_f64() * MARKET.mark(instrument).in_quote().to_f64();
    let held = account.positions.iter().find(|position| position.instrument == instrument);
    let held = held.map_or(0.0, |position| position.quantity.to_f64() / book.lot.to_f64());
    let reduces = if held.is_sign_negative() == lots.is_sign_negative() { 0.0 } else { held.abs() };
    let cost = book.cost(lots * lot);
    if lots.abs() > reduces { 2.0 * cost - book.cost(reduces * lot) } else { cost }
}

fn count(lots: i64) -> f64 {
    f64::from(i32::try_from(lots).unwrap())
}

/// The cost of a plan as plans compare it.
fn burden_of(account: &Account, plan: &Plan, books: &[OrderBook]) -> f64 {
    trades(plan)
        .iter()
        .map(|(instrument, lots)| burden(account, &books[instrument.0], (*instrument, count(*lots))))
        .sum()
}

/// The single trade that reaches the target at the least burden, of every instrument that is held or hedges and of
/// sizes a twentieth apart.
fn cheapest_single(account: &Account, books: &[OrderBook]) -> Option<(InstrumentId, i64, f64)> {
    let gauge = gauge();
    let mut best: Option<(InstrumentId, i64, f64)> = None;
    for (place, listing) in MARKET.instruments.iter().enumerate() {
        let instrument = InstrumentId(place);
        let held = account.positions.iter().find(|position| position.instrument == instrument);
        let held = held.map_or(0, |position| i64::try_from(position.quantity.raw() / books[place].lot.raw()).unwrap());
        let hedges = !matches!(listing.kind, InstrumentKind::Option { .. });
        for side in [1, -1] {
            let most = if hedges { 1_000_000 } else { (-held * side).max(0) };
            let mut lots = 1;
            while lots <= most {
                let cost = burden(account, &books[place], (instrument, count(side * lots)));
                if best.is_none_or(|(.., least)| cost < least) {
                    let after = replayed((account, books), &[(instrument, side * lots)]);
                    if gauge.stands(&after).unwrap().excess(BETA) >= 0.0 {
                        best = Some((instrument, side * lots, cost));
                        break;
                    }
                } else {
                    break;
                }
                lots += (lots / 20).max(1);
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(cases(24))]

    /// No instrument is traded twice except where trades take turns; every step gives a thousandth of the amount
    /// missing at first, or all of the rest; equity falls by the cost of the plan; and the same account gives the same plan.
    #[test]
    fn every_step_is_worth_its_while(account in accounts(30)) {
        let (books, gauge) = (books(), gauge());
        let plan = planned(&account, &MARKET, &gauge, &books);
        let once: BTreeSet<InstrumentId> = trades(&plan).iter().map(|(instrument, _)| *instrument).collect();
        prop_assert!(once.len() + SLICES >= trades(&plan).len(), "{}", shown(&plan));
        let missing = BETA * plan.before.maintenance - plan.before.equity;
        let mut before = plan.before;
        for step in plan.steps.iter().filter(|planned| !planned.step.escalates()) {
            let gives = step.after.excess(BETA) - before.excess(BETA);
            let least = (1e-3 * missing).min(-before.excess(BETA));
            prop_assert!(gives >= least, "{gives} of {missing}: {}", shown(&plan));
            prop_assert!((before.equity - step.after.equity - step.cost).abs() < 1e-6, "{}", shown(&plan));
            before = step.after;
        }
        prop_assert_eq!(planned(&account, &MARKET, &gauge, &books), plan);
    }

    /// Where a plan has several steps no single trade would have done at that cost; where it has one no other is
    /// cheaper by more than the tolerance.
    #[test]
    fn no_single_trade_would_have_done(account in accounts(8)) {
        let (books, gauge) = (books(), gauge());
        let plan = planned(&account, &MARKET, &gauge, &books);
        if let Some((instrument, lots, cost)) = cheapest_single(&account, &books) {
            prop_assert!(plan.reached, "{lots} lots of {instrument:?} reach the target: {}", shown(&plan));
            let burden = burden_of(&account, &plan, &books);
            let tolerance = (TOLERANCE.0 * burden).max(TOLERANCE.1 * plan.before.maintenance);
            if trades(&plan).len() > 1 {
                prop_assert!(cost > burden, "{lots} lots of {instrument:?} for {cost}, not {burden}: {}", shown(&plan));
            } else {
                prop_assert!(cost >= burden - tolerance, "{lots} of {instrument:?} for {cost}: {}", shown(&plan));
            }
        }
    }
}

/// Of many random accounts nearly all reach the target, in two steps or three.
#[test]
fn random_accounts_reach_the_target_in_a_few_steps() {
    let (books, gauge) = (books(), gauge());
    let mut runner = TestRunner::deterministic();
    let (mut steps, mut reached, rounds) = (Vec::new(), 0, 40);
    for _ in 0..rounds {
        let account = accounts(40).new_tree(&mut runner).unwrap().current();
        let plan = planned(&account, &MARKET, &gauge, &books);
        steps.push(trades(&plan).len());
        reached += usize::from(plan.reached);
    }
    assert!(reached >= rounds - 2, "{reached} of {rounds}");
    assert!(steps.iter().sum::<usize>() <= 3 * rounds && steps.iter().all(|steps| *steps <= 12), "{steps:?}");
}

/// A position in a perpetual that is closed and turned round is one trade, and one that may only be reduced is not
/// turned round.
#[test]
fn a_position_is_turned_round_in_one_trade() {
    let find = |name: &str| MARKET.instrument(name).unwrap();
    let (perpetual, puts) = (find("BTC-PERPETUAL"), find("BTC-60-80000-Put"));
    let account = below(&[(perpetual, 0.1), (puts, -2.0)], 0.9);
    let mut books = books();
    for (place, book) in books.iter_mut().enumerate() {
        book.open = place == perpetual.0;
    }
    let plan = planned(&account, &MARKET, &gauge(), &books);
    let held = account.positions.iter().find(|position| position.instrument == perpetual).unwrap();
    let held = i64::try_from(held.quantity.raw() / books[perpetual.0].lot.raw()).unwrap();
    let [step] = &plan.steps[..] else { panic!("{}", shown(&plan)) };
    let Step::Trade { lots, purpose: Purpose::Hedge, .. } = step.step else { panic!("{}", shown(&plan)) };
    assert!(plan.reached && -lots > held, "{}", shown(&plan));
    books[perpetual.0].reduces_only = true;
    let plan = planned(&account, &MARKET, &gauge(), &books);
    assert_eq!(trades(&plan), [(perpetual, -held)]);
}
