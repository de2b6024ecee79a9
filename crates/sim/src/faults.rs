//! Faults on the way in: feeds that lie, stall and shift; commands that arrive twice, late and in the wrong order.

use std::collections::BTreeMap;

use engine::state::State;
use engine::{Envelope, FeedId};
use operator::{Batch, Said};
use units::{Money, Price, Timestamp};

use crate::world::{ONE, SECOND, World};

/// The number of times that each fault struck.
pub type Struck = BTreeMap<&'static str, u64>;

/// A year of 365 days, in microseconds.
const YEAR: i64 = 365 * 86_400 * SECOND;

/// Every fault that can occur in a run.
pub const FAULTS: &[&str] = &[
    "silent source",
    "outlier",
    "decimal shift",
    "clamped source",
    "stale report",
    "report from the future",
    "duplicate command",
    "reordered commands",
    "earlier clock",
    "clock jump",
    "date far ahead",
    "power loss",
    "torn or lost write",
    "kept unacknowledged batch",
];

/// Writes the reports of a tick, with their faults.
pub fn reports(world: &mut World, state: &State, struck: &mut Struck, batch: &mut Batch) {
    for (feed, rules) in state.feeds.iter().map(|(feed, known)| (*feed, &known.rules)) {
        for source in &rules.sources {
            let key = (feed, source.source);
            let rates = world.swarm.faults;
            if world.silent.contains_key(&key) {
                continue;
            }
            if world.faulty && world.dice.chance(rates.silent) {
                let ticks = u32::try_from(world.dice.between(1, 15)).expect("small");
                world.silent.insert(key, ticks);
                count(struck, "silent source");
                continue;
            }
            let truth = world.truth(feed);
            let noise = truth / 20_000 * i128::from(world.dice.between(-2, 2));
            let step = if matches!(feed, FeedId::Index(_)) { ONE / 100 } else { 1 };
            let mut price = (truth + noise) / step * step;
            let mut published = world.now - world.dice.between(0, SECOND);
            if world.faulty {
                if world.dice.chance(rates.outlier) {
                    price *= i128::from(world.dice.pick(&[1000_i64, 3, -1, 0]));
                    count(struck, "outlier");
                } else if world.dice.chance(rates.shifted) {
                    price = if world.dice.chance(500) { price * 100 } else { price / 1000 };
                    count(struck, "decimal shift");
                } else if world.dice.chance(rates.clamped)
                    && let Some(bounds) = source.bounds
                {
                    price = bounds.low.raw();
                    count(struck, "clamped source");
                }
                if world.dice.chance(rates.mistimed) {
                    let late = world.dice.chance(700);
                    published += if late { -world.dice.between(60, 400) } else { world.dice.between(1, 60) } * SECOND;
                    count(struck, if late { "stale report" } else { "report from the future" });
                }
            }
            let last = world.spoken.get(&key).copied().unwrap_or(i64::MIN);
            let published = if world.faulty { published } else { published.max(last.saturating_add(1)) };
            world.spoken.insert(key, last.max(published));
            let said = Said {
                source: source.source,
                price: Price::from_raw(price),
                confidence: Price::from_raw(truth.abs() / 10_000),
                depth: Money::from_raw(1_000_000 * ONE),
            };
            batch.report_seen(feed, &said, Timestamp::from_micros(published));
        }
    }
}

/// Sends a batch through a transport with faults: some commands arrive twice, some are swapped, some carry an earlier
/// time.
pub fn transported(world: &mut World, mut batch: Vec<Envelope>, struck: &mut Struck) -> Vec<Envelope> {
    if !world.faulty {
        return batch;
    }
    let rates = world.swarm.faults;
    let mut arrived = Vec::with_capacity(batch.len());
    for place in 0..batch.len() {
        if world.dice.chance(rates.reorder) && place + 1 < batch.len() {
            batch.swap(place, place + 1);
            count(struck, "reordered commands");
        }
        let mut envelope = batch[place].clone();
        if world.dice.chance(rates.reorder / 4) {
            envelope.time = Timestamp::from_micros(envelope.time.micros() - world.dice.between(1, 100) * SECOND);
            count(struck, "earlier clock");
            // A wrong clock may also be years ahead: if the engine accepted that time, it would stop until then.
            let mut ahead = batch[place].clone();
            ahead.time = Timestamp::from_micros(ahead.time.micros() + 10 * YEAR);
            arrived.push(ahead);
            count(struck, "date far ahead");
        }
        arrived.push(envelope);
        if world.dice.chance(rates.duplicate) {
            arrived.push(batch[place].clone());
            count(struck, "duplicate command");
        }
    }
    if !world.sent.is_empty() && world.dice.chance(rates.duplicate * 4) {
        let mut again = world.sent[world.dice.place(world.sent.len())].clone();
        again.time = world.time();
        arrived.push(again);
        count(struck, "duplicate command");
    }
    arrived
}

/// Counts a fault.
pub fn count(struck: &mut Struck, what: &'static str) {
    *struck.entry(what).or_default() += 1;
}
