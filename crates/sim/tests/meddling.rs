//! Runs in which other accounts try to prevent a liquidation. An engine that lets them do so is caught.

mod common;

use common::{assert_caught, reached};
use sim::canary::Canary;

/// Seeds in which other accounts meddle with accounts that are liquidated.
const SEEDS: [u64; 5] = [1, 6, 10, 13, 14];

const TICKS: u64 = 60;

/// I-73, I-74, I-75: the sound engine passes, and each broken rule is noticed by its invariant.
#[test]
fn an_engine_that_others_can_hold_up_is_caught() {
    let reached = reached(&SEEDS, TICKS);
    for what in ["begun", "offer", "fill", "ended"] {
        assert!(reached.liquidations.get(what).is_some_and(|count| *count >= 3), "{what}: {:?}", reached.liquidations);
    }
    let canaries = [
        (Canary::DustBlinds, "I-73"),
        (Canary::NoCase, "I-73"),
        (Canary::OfferFalls, "I-74"),
        (Canary::DustSent, "I-75"),
    ];
    assert_caught(&canaries, &SEEDS, TICKS);
}
