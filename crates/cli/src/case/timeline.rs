//! Follows one liquidation record by record: each step is decided again, each wait has its reason.

use engine::explain::{Figures, Step, Wait, What, halted, step, wait};
use engine::{AccountId, Engine, Envelope, Event};
use journal::{Journal, Record, Store};
use model::{InstrumentId, UnderlyingId, UsdPrice};
use shell::failure::Failure;
use shell::progress::Progress;

use super::Moment;
use super::chronicle::Case;
use crate::history::{self, broken};

/// A part of a time line.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A record that acted on the account.
    Step(Box<Taken>),
    /// A time in which nothing was done.
    Wait(Waited),
}

/// A step, with the engine's second decision to compare.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The record that journals the step.
    pub at: Moment,
    /// The command with its principal and time.
    pub envelope: Envelope,
    /// The step as journaled.
    pub step: Step,
    /// The figures on which the engine now bases the step; none when it would judge nothing there.
    pub recomputed: Option<Figures>,
    /// Whether the engine decides the same events again, to the last digit.
    pub same: bool,
    /// The figures of the account after the step, recomputed; none when it cannot be assessed.
    pub after: Option<Figures>,
    /// Contracts, in lots, that the account held before the step in the instrument that it offers.
    pub held: i64,
    /// The index of the underlyings of the case.
    pub indices: Vec<(UnderlyingId, UsdPrice)>,
}

/// A time in which nothing was done.
#[derive(Clone, Debug)]
pub struct Waited {
    /// The wait begins just after this record.
    pub from: Moment,
    /// The wait ends with this record, or with the journal.
    pub until: Moment,
    /// The reason for the wait, as it was at the end.
    pub wait: Wait,
    /// The number of times that the next step was requested meanwhile and nothing could be done.
    pub asked: u64,
    /// Instruments of the account whose market was halted.
    pub halted: Vec<InstrumentId>,
}

/// The course of a case, and the engine at its end.
pub struct Timeline {
    /// Steps and waits, in the order of time.
    pub entries: Vec<Entry>,
    /// The engine just after the last record of the case.
    pub engine: Engine,
}

impl Timeline {
    /// Whether every step is decided again exactly as journaled.
    pub fn is_same(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| matches!(entry, Entry::Wait(_)) || matches!(entry, Entry::Step(taken) if taken.same))
    }
}

/// Follows a case from the moment when the account fell below its maintenance margin to its end.
pub fn follow(store: &Store, case: &Case) -> Result<Timeline, Failure> {
    let start = case.below.sequence.or(case.opened.sequence).unwrap_or(first(store)?);
    let last = case.closed.as_ref().and_then(|(at, _)| at.sequence);
    let engine = history::replay(store, start, |_, _| {})?.engine;
    let mut follower =
        Follower { account: case.account, markets: &case.markets, engine, entries: Vec::new(), open: None, last: None };
    let mut progress = Progress::new("records", last.unwrap_or(store.head().sequence));
    for record in store.read(start) {
        let record = record.map_err(broken)?;
        if last.is_some_and(|last| record.sequence > last) {
            break;
        }
        progress.at(record.sequence);
        follower.see(store.name(), &record)?;
    }
    progress.over();
    follower.end();
    Ok(Timeline { entries: follower.entries, engine: follower.engine })
}

/// The first record that can be replayed.
fn first(store: &Store) -> Result<u64, Failure> {
    let base = store.base().sequence;
    if base == 0 {
        return Ok(0);
    }
    let snapshot = store.latest_snapshot().map_err(broken)?;
    Ok(snapshot.map_or(base, |snapshot| snapshot.at.sequence))
}

struct Follower<'a> {
    account: AccountId,
    markets: &'a [UnderlyingId],
    engine: Engine,
    entries: Vec<Entry>,
    /// The present wait.
    open: Option<Waited>,
    /// The previous record.
    last: Option<Moment>,
}

impl Follower<'_> {
    fn see(&mut self, file: &str, record: &Record) -> Result<(), Failure> {
        let at = Moment { sequence: Some(record.sequence), time: record.time };
        let (envelope, events) = sequencer::decode(file, record).map_err(broken)?;
        self.silence(at);
        let step = step(self.engine.state(), self.account, &envelope, &events).map_err(broken)?;
        let taken = step.filter(|step| !matters_not(step)).map(|step| self.taken(at, envelope, step, &events));
        self.engine.commit(&events);
        let moves = taken.is_some() || events.iter().any(moves);
        let again =
            events.iter().any(|event| matches!(event, Event::Offered { account, .. } if *account == self.account));
        let in_vain = again && taken.is_none();
        if let Some(taken) = taken {
            self.pause(at);
            let after = self.figures();
            self.entries.push(Entry::Step(Box::new(Taken { after, ..taken })));
        }
        if moves || again {
            self.look(at);
        }
        if let Some(open) = &mut self.open {
            // The reason since this record is the reason why nothing was done in it.
            open.asked += u64::from(in_vain);
            open.until = at;
        }
        Ok(())
    }

    /// Notes a time without any command that is longer than an outage: no step could be requested.
    fn silence(&mut self, at: Moment) {
        let Some(from) = self.last.replace(at) else { return };
        let silent = at.time.micros().saturating_sub(from.time.micros());
        if silent <= self.engine.state().policy.liquidation.outage {
            return;
        }
        self.pause(from);
        self.open = Some(Waited { from, until: at, wait: Wait::Silence, asked: 0, halted: Vec::new() });
        self.pause(at);
        self.look(at);
    }

    /// The step at a record, decided again on the state before it.
    fn taken(&self, at: Moment, envelope: Envelope, step: Step, events: &[Event]) -> Taken {
        let state = self.engine.state();
        let again = self.engine.decide(&envelope).unwrap_or_default();
        let held = step.offer.map_or(0, |offer| state.accounts[self.account.place()].position(offer.instrument).lots);
        let index = |underlying: &UnderlyingId| (*underlying, state.market.index(*underlying));
        Taken {
            at,
            recomputed: Figures::recorded(&again, self.account),
            same: is_same(&again, events),
            after: None,
            held,
            indices: self.markets.iter().map(index).collect(),
            envelope,
            step,
        }
    }

    fn figures(&self) -> Option<Figures> {
        let state = self.engine.state();
        let judged = self.engine.desk().judge(state, &state.accounts[self.account.place()]).ok()?;
        Some(Figures::of(&judged, state.version))
    }

    /// Finds the reason for which the account waits now.
    fn look(&mut self, at: Moment) {
        let (state, desk) = (self.engine.state(), self.engine.desk());
        let now = wait(state, desk, self.account);
        let halted = halted(state, self.account);
        match (&mut self.open, now) {
            (Some(open), Some(now)) if open.wait.is_like(&now) && open.halted == halted => open.wait = now,
            (_, now) => {
                self.pause(at);
                self.open = now.map(|wait| Waited { from: at, until: at, wait, asked: 0, halted });
            }
        }
    }

    /// Ends the present wait, unless it took no time and no step was requested.
    fn pause(&mut self, at: Moment) {
        let Some(open) = self.open.take() else { return };
        if at.time > open.from.time || open.asked > 0 {
            self.entries.push(Entry::Wait(Waited { until: at, ..open }));
        }
    }

    /// Ends the wait that is open at the end of the journal.
    fn end(&mut self) {
        if let Some(open) = self.open.take() {
            self.entries.push(Entry::Wait(open));
        }
    }
}

/// Whether two decisions have the same effect. The entries that a settlement removes from the state after paying are
/// not compared: removing them changes no account, and journals written before this event existed lack it.
fn is_same(again: &[Event], events: &[Event]) -> bool {
    let pays = |event: &&Event| !matches!(event, Event::Retired { .. });
    again.iter().filter(pays).eq(events.iter().filter(pays))
}

/// Whether a step only repeated that there is nothing to do.
fn matters_not(step: &Step) -> bool {
    step.what == What::Nothing && step.opened.is_none() && step.cancelled == 0 && step.withdrawn.is_none()
}

/// Whether an event may change the reason for which an account waits.
fn moves(event: &Event) -> bool {
    matches!(
        event,
        Event::Marked(_)
            | Event::ModeSet { .. }
            | Event::Calmed { .. }
            | Event::Activated { .. }
            | Event::Paced { .. }
            | Event::Measured { .. }
            | Event::Quoted { .. }
    )
}
