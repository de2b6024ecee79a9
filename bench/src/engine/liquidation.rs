//! Liquidations: one plan, a burst ten times the largest on record, winners of a whole market.
//!
//! On 10 October 2025 one venue began 11,279 liquidations at one timestamp. Ten times as many are planned here on one
//! tick, while deposits and reduce-only orders go on: the program that runs the engine takes these before the next
//! liquidation.

use std::hint::black_box;

use dice::Dice;
use engine::{AccountId, Event, FeedId};
use model::{InstrumentId, Side, USD, UnderlyingId};
use operator::{Batch, Duty, Ordered};
use units::Quantity;

use super::venue::{self, Venue};
use super::{Figure, Size, percentiles};
use crate::measure::wall_nanoseconds;

const POSITIONS: usize = 10;
const MANY_POSITIONS: usize = 50;
/// The number of liquidations between two commands of users.
const EVERY: usize = 100;

/// Measures single plans, a burst of liquidations on one tick, and deleveraging among many winners.
pub fn measure(size: Size) -> Vec<Figure> {
    let mut figures = plans(size);
    figures.extend(burst(size.burst));
    figures.extend(winners(size.winners));
    figures
}

/// Lets the time to cure that follows a listing pass, in ticks, after which all accounts are judged.
fn calm(venue: &mut Venue) {
    for _ in 0..5 {
        venue.pass(20_000_000);
        venue.priced();
    }
}

/// A utilisation at which maintenance margin is two to twenty per cent above equity.
fn below(dice: &mut Dice) -> f64 {
    1.02 + 0.18 * dice.uniform()
}

fn plans(size: Size) -> Vec<Figure> {
    let (mut venue, _) = venue::populated(100, MANY_POSITIONS, below);
    calm(&mut venue);
    let (state, desk) = (venue.state(), venue.engine().desk());
    let mut times = Vec::new();
    let (mut steps, mut reached) = (0, 0);
    for _ in 0..size.rounds {
        for account in &state.accounts {
            let start = wall_nanoseconds();
            let plan = black_box(desk.plan(state, state.clock, account)).expect("the market is priceable");
            times.push(wall_nanoseconds() - start);
            steps += plan.steps.len();
            reached += usize::from(plan.reached);
        }
    }
    let count = times.len() as f64;
    let latency = percentiles(times);
    let mut figure = Figure::new(format!("one plan, {MANY_POSITIONS} positions"), latency.0 / 1e6, "ms");
    figure.latency = Some(latency);
    figure.note =
        format!("{:.1} steps, {:.0} % reach the target", steps as f64 / count, 100.0 * reached as f64 / count);
    vec![figure]
}

fn burst(accounts: usize) -> Vec<Figure> {
    // Prices move while the time to cure passes, so some accounts are above maintenance again.
    let (mut venue, _) = venue::populated(accounts + accounts / 2, POSITIONS, below);
    calm(&mut venue);
    let start = wall_nanoseconds();
    let mut queue = venue.engine().desk().queue(venue.state());
    let queued = wall_nanoseconds() - start;
    assert!(queue.len() >= accounts, "{} of {accounts} accounts are below maintenance", queue.len());
    queue.truncate(accounts);
    let (mut first, mut others, mut begun) = (0.0, Vec::new(), 0);
    for (place, account) in queue.iter().enumerate() {
        if place % EVERY == 0 {
            let healthier = queue[queue.len() - 1 - place / 2];
            for other in [venue.command(deposit), venue.command(|batch| reduce(&venue, healthier, batch))] {
                let start = wall_nanoseconds();
                venue::take(venue.engine_mut(), &other);
                others.push(wall_nanoseconds() - start);
            }
        }
        let step = venue.command(|batch| batch.duty(Duty::Liquidate(*account)));
        begun += usize::from(venue.engine_mut().handle(&step).is_ok());
        if place == 0 {
            first = wall_nanoseconds() - start;
        }
    }
    let last = wall_nanoseconds() - start;
    let mut figure =
        Figure::new(format!("{} liquidations on one tick: to the last plan", queue.len()), last / 1e9, "s");
    figure.note = format!(
        "to the first {:.1} ms, of which {:.1} ms to order the queue; {begun} begun, {:.0} µs each",
        first / 1e6,
        queued / 1e6,
        (last - queued) / queue.len() as f64 / 1e3
    );
    let most = others.iter().copied().fold(0.0, f64::max);
    let latency = percentiles(others);
    let mut waited = Figure::new("meanwhile: a deposit or an order that reduces", latency.0 / 1e3, "µs");
    waited.latency = Some(latency);
    waited.note = format!("longest {:.2} ms; each is taken before the next liquidation", most / 1e6);
    vec![figure, waited]
}

fn deposit(batch: &mut Batch) {
    batch.deposit(AccountId(0), USD, None, Quantity::ONE);
}

/// A reduce-only order of an account whose liquidation has not begun, for one lot of one of its positions.
fn reduce(venue: &Venue, account: AccountId, batch: &mut Batch) {
    let held = venue.state().accounts[account.place()].positions[0];
    let side = if held.lots > 0 { Side::Sell } else { Side::Buy };
    let limit = venue::at_mark(venue.state(), held.instrument);
    batch.place(account, &Ordered { instrument: held.instrument, side, lots: 1, limit, reduce_only: true });
}

/// One account holds the long side of all others' shorts; the price falls, and only the others can pay.
fn winners(accounts: usize) -> Vec<Figure> {
    let mut venue = venue::one_against_all(accounts);
    let bankrupt = AccountId(0);
    calm(&mut venue);
    venue.fall(FeedId::Index(UnderlyingId(0)), 0.8);
    venue.priced();
    let envelope = venue.command(|batch| batch.duty(Duty::Liquidate(bankrupt)));
    let engine = venue.engine_mut();
    let start = wall_nanoseconds();
    let events = engine.decide(&envelope).unwrap_or_else(|reject| panic!("{reject}"));
    let decided = wall_nanoseconds() - start;
    engine.commit(&events);
    let applied = wall_nanoseconds() - start - decided;
    let closed = events.iter().filter(|event| matches!(event, Event::Transferred { .. })).count();
    let left = engine.state().accounts[0].position(InstrumentId(0)).lots;
    let mut figure = Figure::new(format!("deleveraging over {accounts} accounts"), decided / 1e9, "s");
    figure.note = format!("{closed} closed, {left} lots left; applied in {:.2} s", applied / 1e9);
    vec![figure]
}
