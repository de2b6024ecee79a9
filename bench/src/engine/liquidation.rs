//! Liquidations: one plan, a burst ten times the largest on record, winners of a whole market.
//!
//! On 10 October 2025 one venue began 11,279 liquidations at one timestamp. Ten times as many are planned here on one
//! tick, while deposits and reduce-only orders go on: the program that runs the engine takes these before the next
//! liquidation.

use std::hint::black_box;

use engine::state::AccountState;
use engine::{AccountId, Command, Engine, Envelope, Event, FeedId, OrderId, Principal, State};
use model::{InstrumentId, Side, USD, UnderlyingId};
use units::Quantity;

use super::venue::{self, Venue};
use super::{Figure, Size, percentiles};
use crate::measure::wall_nanoseconds;
use crate::workload::Random;

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

/// An engine that has ticked and judged all accounts, after the time to cure that follows its listing.
fn calm(venue: &mut Venue, state: State) -> Engine {
    let mut engine = Engine::new(state).expect("parameters");
    for _ in 0..5 {
        venue.pass(20_000_000);
        venue.prices().iter().for_each(|command| venue::take(&mut engine, command));
    }
    venue::take(&mut engine, &venue::watch(venue));
    engine
}

/// A utilisation at which maintenance margin is two to twenty per cent above equity.
fn below(random: &mut Random) -> f64 {
    1.02 + 0.18 * venue::uniform(random)
}

fn plans(size: Size) -> Vec<Figure> {
    let (mut venue, state, _) = venue::populated(100, MANY_POSITIONS, below);
    let engine = calm(&mut venue, state);
    let (state, desk) = (engine.state(), engine.desk());
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
    let (mut venue, state, _) = venue::populated(accounts + accounts / 2, POSITIONS, below);
    let mut engine = calm(&mut venue, state);
    let start = wall_nanoseconds();
    let mut queue = engine.desk().queue(engine.state());
    let queued = wall_nanoseconds() - start;
    assert!(queue.len() >= accounts, "{} of {accounts} accounts are below maintenance", queue.len());
    queue.truncate(accounts);
    let time = venue.time();
    let (mut first, mut others, mut begun) = (0.0, Vec::new(), 0);
    for (place, account) in queue.iter().enumerate() {
        if place % EVERY == 0 {
            for other in [deposit(&venue, place), reduce(&venue, &engine, queue[queue.len() - 1 - place / 2], place)] {
                let start = wall_nanoseconds();
                venue::take(&mut engine, &other);
                others.push(wall_nanoseconds() - start);
            }
        }
        let command = Command::Liquidate { account: *account };
        begun += usize::from(engine.handle(&Envelope { time, principal: Principal::System, command }).is_ok());
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

fn deposit(venue: &Venue, place: usize) -> Envelope {
    let (amount, reference) = (Quantity::ONE, u64::try_from(place).expect("small") + (1 << 40));
    let account = AccountId(0);
    let command = Command::Deposit { account, asset: USD, location: None, amount, reference };
    Envelope { time: venue.time(), principal: Principal::Custody, command }
}

/// A reduce-only order of an account whose liquidation has not begun, for one lot of one of its positions.
fn reduce(venue: &Venue, engine: &Engine, account: AccountId, place: usize) -> Envelope {
    let whose: &AccountState = &engine.state().accounts[account.place()];
    let held = whose.positions[0];
    let side = if held.lots > 0 { Side::Sell } else { Side::Buy };
    let limit = venue::at_mark(engine.state(), held.instrument);
    let order = OrderId(u64::try_from(place).expect("small") + 1);
    let command =
        Command::Place { account, order, instrument: held.instrument, side, lots: 1, limit, reduce_only: true };
    Envelope { time: venue.time(), principal: Principal::Owner(whose.owner), command }
}

/// One account holds the long side of all others' shorts; the price falls, and only the others can pay.
fn winners(accounts: usize) -> Vec<Figure> {
    let (mut venue, state) = venue::one_against_all(accounts);
    let bankrupt = AccountId(0);
    let mut engine = calm(&mut venue, state);
    venue.fall(FeedId::Index(UnderlyingId(0)), 0.8);
    venue.prices().iter().for_each(|command| venue::take(&mut engine, command));
    let command = Command::Liquidate { account: bankrupt };
    let envelope = Envelope { time: venue.time(), principal: Principal::System, command };
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
