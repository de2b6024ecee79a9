//! A price tick over all accounts: finds the accounts to liquidate, and counts the accounts that were assessed for it.
//!
//! Prices move with a volatility of 60 % a year at ten ticks a second. The volatility of each option wanders by itself
//! inside ±0.5 % of its start. The sources of every feed report, the surface is fitted, prices are formed, and all
//! accounts are judged.

use dice::Dice;
use engine::{AccountId, Engine, Status};
use margin::method::universal::Prepared;
use margin::scenario::ScenarioSet;
use operator::Duty;
use pricing::kernel::Isa;

use super::venue::{self, Venue};
use super::{Figure, Size, memory, percentiles, resident};
use crate::measure::{cpu_nanoseconds, process_nanoseconds, quartiles, wall_nanoseconds};

const POSITIONS: usize = 10;
/// Time from one tick to the next, in microseconds.
const TICK: i64 = 100_000;
/// The number of watches until every account that can be certified has been.
const WARM: usize = 3;

/// The measurements of one tick.
struct Took {
    /// Nanoseconds of wall time, and of CPU time of all threads, from the tick until the last liquidation is known.
    wall: f64,
    cpu: f64,
    /// Nanoseconds of CPU time to apply the judgements: certificates for the ticks to come.
    after: f64,
    /// Accounts that were assessed.
    assessed: usize,
    liquidated: usize,
}

/// In addition, every account is assessed at every tick, to check that no liquidation is missed. Returns the figures and
/// the number of differences that are faults: liquidations missed, and accounts worse than their status.
pub fn checked(size: Size) -> (Vec<Figure>, usize) {
    let (accounts, ticks) = size.checked;
    let mut venue = warm(accounts);
    let mut dice = Dice::new(17);
    let (mut assessed, mut liquidated, mut missed, mut worse, mut better) = (0, 0, 0, 0, 0);
    for _ in 0..ticks {
        let took = tick(&mut venue, &mut dice);
        (assessed, liquidated) = (assessed + took.assessed, liquidated + took.liquidated);
        let state = venue.state();
        for account in &state.accounts {
            let exact = venue.engine().desk().judge(state, account).expect("the market is priceable").status;
            missed += usize::from((exact <= Status::Liquidation) != (account.status <= Status::Liquidation));
            worse += usize::from(exact < account.status);
            better += usize::from(exact > account.status);
        }
    }
    let all = accounts * ticks;
    let what = format!("{accounts} accounts × {ticks} ticks: assessed");
    let mut figure = Figure::new(what, assessed as f64 / ticks as f64, "a tick");
    figure.ratio = Some((all as f64 / assessed as f64, "fewer than one of every account"));
    figure.wanted = Some(("≥ 50×", all >= 50 * assessed));
    figure.note = format!("{liquidated} fell below maintenance");
    let mut found = Figure::new("liquidations missed", missed as f64, "account-ticks");
    found.wanted = Some(("0", missed == 0));
    found.note = format!("of {all}; {worse} stood worse than was known, {better} better (they are told in their turn)");
    (vec![figure, found], missed + worse)
}

/// Times the ticks of all accounts, and measures their memory.
pub fn measure(size: Size) -> [Vec<Figure>; 2] {
    let before = resident();
    let start = wall_nanoseconds();
    let (mut venue, short) = venue::populated(size.all, POSITIONS, venue::mixed);
    let built = (wall_nanoseconds() - start) / 1e9;
    let watch = venue.watch();
    let start = cpu_nanoseconds();
    venue::take(venue.engine_mut(), &watch);
    let first = cpu_nanoseconds() - start;
    let mut dice = Dice::new(19);
    for _ in 0..WARM {
        tick(&mut venue, &mut dice);
    }
    let ticks: Vec<Took> = (0..size.ticks).map(|_| tick(&mut venue, &mut dice)).collect();
    let (full, prepared) = full(venue.engine(), size);

    let column = |which: fn(&Took) -> f64| ticks.iter().map(which).collect::<Vec<f64>>();
    let (wall, cpu) = (column(|took| took.wall), column(|took| took.cpu));
    let assessed: usize = ticks.iter().map(|took| took.assessed).sum();
    let fewer = (size.all * ticks.len()) as f64 / assessed as f64;
    let whole = full * size.all as f64 + prepared;

    let mut time = Figure::rounds(
        format!("{} accounts × {POSITIONS} positions: from tick to all known", size.all),
        &wall,
        "ns wall",
    );
    time.value /= 1e6;
    time.unit = "ms wall";
    time.latency = Some(percentiles(wall.clone()));
    time.ratio = Some((whole / quartiles(&cpu).0, "CPU time of a full re-assessment"));
    time.wanted = Some(("< 50 ms", quartiles(&wall).0 < 50e6));
    time.note = format!(
        "{:.2} ms CPU; {} fell below maintenance in {} ticks",
        quartiles(&cpu).0 / 1e6,
        ticks.iter().map(|took| took.liquidated).sum::<usize>(),
        ticks.len()
    );
    let mut saved = Figure::new("assessed", assessed as f64 / ticks.len() as f64, "a tick");
    saved.ratio = Some((fewer, "fewer than one of every account"));
    saved.wanted = Some(("≥ 50×", fewer >= 50.0));
    let after = column(|took| took.after / 1e6);
    let mut after_figure = Figure::rounds("after it: certificates for the ticks to come", &after, "ms CPU");
    after_figure.latency = Some(percentiles(column(|took| took.after)));
    let mut everyone = Figure::new("full re-assessment of everyone", whole / 1e6, "ms CPU");
    everyone.note = format!(
        "{full:.0} ns an account, {:.2} ms to revalue the market; without prices formed and events made",
        prepared / 1e6
    );
    let mut once = Figure::new("the first watch: everyone judged and certified", first / 1e6, "ms CPU");
    once.note = format!("built in {built:.1} s; {:.1} % of accounts are used less than drawn", 100.0 * short);
    [vec![time, saved, after_figure, everyone, once], memory::figures(venue.into_engine(), before)]
}

/// Accounts that have been judged, and certified where possible.
fn warm(accounts: usize) -> Venue {
    let (mut venue, _) = venue::populated(accounts, POSITIONS, venue::mixed);
    let watch = venue.watch();
    venue::take(venue.engine_mut(), &watch);
    let mut dice = Dice::new(23);
    for _ in 0..WARM {
        tick(&mut venue, &mut dice);
    }
    venue
}

/// Runs one tick. Reports and the surface are applied before the clock starts: in reality they arrive one by one between
/// ticks.
fn tick(venue: &mut Venue, dice: &mut Dice) -> Took {
    venue.wander(dice, TICK);
    venue.reported();
    let (form, watch) = (venue.command(|batch| batch.duty(Duty::Tick)), venue.watch());
    let engine = venue.engine_mut();
    let below = |engine: &Engine, id: AccountId| engine.state().accounts[id.place()].status <= Status::Liquidation;

    let (wall, start) = (wall_nanoseconds(), process_nanoseconds());
    venue::take(engine, &form);
    let events = engine.decide(&watch).expect("the engine may always watch");
    let (known, wall) = (process_nanoseconds(), wall_nanoseconds() - wall);
    let assessed = engine.desk().concerned(engine.state()).len();
    let fell = events.iter().filter(|event| match event {
        engine::Event::Judged { account, status, .. } => *status <= Status::Liquidation && !below(engine, *account),
        _ => false,
    });
    let liquidated = fell.count();
    let end = cpu_nanoseconds();
    engine.commit(&events);
    Took { wall, cpu: known - start, after: cpu_nanoseconds() - end, assessed, liquidated }
}

/// The cost of the obvious alternative: nanoseconds to judge an account, averaged over enough of them, and to revalue the
/// market.
fn full(engine: &Engine, size: Size) -> (f64, f64) {
    let (state, desk) = (engine.state(), engine.desk());
    let step = (size.all / 20_000).max(1);
    let (mut rounds, mut prepared) = (Vec::new(), Vec::new());
    for round in 0..size.rounds {
        let start = cpu_nanoseconds();
        let some = state.accounts.iter().skip(round % step).step_by(step);
        let count = some.filter(|account| desk.judge(state, account).is_ok()).count();
        rounds.push((cpu_nanoseconds() - start) / count as f64);
        let start = cpu_nanoseconds();
        Prepared::new(&state.market, desk.rules(), &ScenarioSet::default(), Isa::detect()).expect("priceable");
        prepared.push(cpu_nanoseconds() - start);
    }
    (quartiles(&rounds).0, quartiles(&prepared).0)
}
