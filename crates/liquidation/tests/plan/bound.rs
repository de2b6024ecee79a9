//! A plan assesses its account a bounded number of times, however hard the account is.

use std::cell::Cell;

use liquidation::{Gauge, Standing, Stop};
use margin::Refusal;
use model::{Account, InstrumentId};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::few;
use crate::universal::{ByUniversal, MARKET, below, gauge, world};
use crate::world::{planned, shown, trades};

/// Assessments: with orders and without them, 8,000 for trades one by one, 8,000 for all at once, 2,000 for the nearest
/// plan, and twice 500 for the reason why trades end.
const MOST: usize = 2 + 8_000 + 8_000 + 2_000 + 2 * 500;

/// A gauge that counts how often it is asked.
struct Counted<'a>(ByUniversal<'a>, Cell<usize>);

impl Counted<'_> {
    fn new() -> Self {
        Self(gauge(), Cell::new(0))
    }
}

impl Gauge for Counted<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        self.1.set(self.1.get() + 1);
        self.0.stands(account)
    }
}

/// Of accounts that hold many positions, in every kind of book, none is assessed more often than that, and each gets a
/// step or a reason for none.
#[test]
fn no_account_is_assessed_without_end() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..30 {
        let (account, books) = (few::accounts(40).new_tree(&mut runner).unwrap().current(), few::books());
        let world = world().new_tree(&mut runner).unwrap().current();
        for (account, books) in [(&account, &books), (&world.account, &world.books)] {
            let counted = Counted::new();
            let plan = planned(account, &MARKET, &counted, books);
            assert!(counted.1.get() <= MOST, "{} looks: {}", counted.1.get(), shown(&plan));
            assert!(!trades(&plan).is_empty() || plan.stopped.is_some(), "{}", shown(&plan));
        }
    }
}

/// An account that holds every instrument, with a third of the equity it needs, uses up its assessments and gets the
/// best plan that was found: one that makes it healthier. The plan does not claim that no trades reach the target.
#[test]
fn a_plan_that_is_cut_off_still_helps() {
    let every = |seed: usize| -> Vec<(InstrumentId, f64)> {
        let millions = |place: usize| f64::from(u32::try_from((place * 37 + seed * 11) % 41).unwrap()) / 10.0 - 2.0;
        (0..MARKET.instruments.len()).map(|place| (InstrumentId(place), millions(place))).collect()
    };
    let mut cut_off = 0;
    // After 41 the accounts repeat. Few of them are hard enough to be cut off, and which depends on the method.
    for seed in 0..41 {
        let counted = Counted::new();
        let plan = planned(&below(&every(seed), 0.35), &MARKET, &counted, &few::books());
        cut_off += usize::from(plan.stopped == Some(Stop::CutOff));
        let health = |standing: &Standing| standing.equity / standing.maintenance;
        assert!(counted.1.get() <= MOST, "{} looks: {}", counted.1.get(), shown(&plan));
        assert!(health(&plan.after) > health(&plan.before), "{}", shown(&plan));
    }
    assert!(cut_off > 0, "no plan was cut off, and the test says nothing");
}
