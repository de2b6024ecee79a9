//! Finds every liquidation of a journal while it is replayed.

use std::collections::BTreeMap;

use engine::explain::{Figures, What, step};
use engine::{AccountId, Envelope, Event, State, Status};
use journal::{Journal, Record, Store};
use model::{UnderlyingId, UsdPrice};
use shell::failure::Failure;
use units::Overflow;

use super::Moment;
use super::bill::Bill;
use crate::history::{self, broken};

/// One liquidation from its first step to its last.
#[derive(Clone, Debug)]
pub struct Case {
    /// The engine's number of the case: above that of every earlier one.
    pub number: u64,
    /// The account that was liquidated.
    pub account: AccountId,
    /// The last judgement before it fell below its maintenance margin; none when there was none.
    pub better: Option<Better>,
    /// The moment when it was first judged to be below its maintenance margin.
    pub below: Moment,
    /// The moment when the case began.
    pub opened: Moment,
    /// Its figures when the case began; none when the record is not kept.
    pub began: Option<Figures>,
    /// The index of every underlying when the case began.
    pub indices: Vec<UsdPrice>,
    /// The underlyings in which it had positions.
    pub markets: Vec<UnderlyingId>,
    /// The moment when the case ended, and the figures then.
    pub closed: Option<(Moment, Option<Figures>)>,
    /// The number of times that each step was taken.
    pub steps: BTreeMap<What, u64>,
    /// The cost of the case, and who paid it.
    pub bill: Bill,
}

/// A judgement of an account, with the index of every underlying at that moment.
#[derive(Clone, Debug)]
pub struct Better {
    /// The record of the judgement.
    pub at: Moment,
    /// Its equity, margins and status at that moment.
    pub figures: Figures,
    /// The index of every underlying at that moment, by its number, in USD.
    pub indices: Vec<UsdPrice>,
}

/// Every case of a journal, and the engine at its end.
pub struct Chronicle {
    /// The cases in the order of their numbers.
    pub cases: Vec<Case>,
    /// The engine as the journal leaves it.
    pub engine: engine::Engine,
}

/// Replays a journal and finds every case in it.
pub fn chronicle(store: &Store) -> Result<Chronicle, Failure> {
    let until = history::until(store, "", None)?;
    let mut scribe = Scribe::default();
    let mut failed = None;
    let replayed = history::replay(store, until, |state, record| {
        if failed.is_none() {
            failed = scribe.see(store, state, record).err();
        }
    })?;
    if let Some(overflow) = failed {
        return Err(broken(overflow));
    }
    Ok(Chronicle { cases: scribe.cases.into_values().collect(), engine: replayed.engine })
}

/// Collects cases while records are replayed.
#[derive(Default)]
struct Scribe {
    cases: BTreeMap<u64, Case>,
    /// The open case of each account.
    open: BTreeMap<AccountId, u64>,
    /// The moments since when accounts are below their maintenance margin.
    below: BTreeMap<AccountId, Moment>,
    /// The last judgements of accounts when they were not below it.
    better: BTreeMap<AccountId, Better>,
    begun: bool,
}

impl Scribe {
    /// Looks at a record before it is applied.
    fn see(&mut self, store: &Store, state: &State, record: &Record) -> Result<(), Overflow> {
        if !std::mem::replace(&mut self.begun, true) {
            self.carried_over(state);
        }
        // A record that cannot be read ends the replay with its own error.
        let Ok((envelope, events)) = sequencer::decode(store.name(), record) else { return Ok(()) };
        let at = Moment { sequence: Some(record.sequence), time: record.time };
        for event in &events {
            self.judged(state, at, event);
        }
        for event in &events {
            self.opened(state, at, event);
        }
        self.stepped(state, &envelope, &events)?;
        self.closed(at, &events);
        Ok(())
    }

    /// Adds cases that were open where the kept records begin.
    fn carried_over(&mut self, state: &State) {
        for (account, case) in &state.liquidations.cases {
            let opened = Moment { sequence: None, time: case.opened };
            self.open.insert(*account, case.epoch);
            self.cases.insert(case.epoch, begun(state, *account, (case.epoch, &case.markets), opened));
        }
    }

    fn judged(&mut self, state: &State, at: Moment, event: &Event) {
        let Event::Judged { account, status, .. } = event else { return };
        let figures = Figures::recorded(std::slice::from_ref(event), *account);
        if *status <= Status::Liquidation {
            self.below.entry(*account).or_insert(at);
        } else if let Some(figures) = figures {
            self.below.remove(account);
            self.better.insert(*account, Better { at, figures, indices: indices(state) });
        }
    }

    fn opened(&mut self, state: &State, at: Moment, event: &Event) {
        let Event::CaseOpened { account, epoch, markets } = event else { return };
        let mut case = begun(state, *account, (*epoch, markets), at);
        case.below = self.below.get(account).copied().unwrap_or(at);
        case.better = self.better.get(account).cloned();
        self.open.insert(*account, *epoch);
        self.cases.insert(*epoch, case);
    }

    fn stepped(&mut self, state: &State, envelope: &Envelope, events: &[Event]) -> Result<(), Overflow> {
        for (account, number) in &self.open {
            let Some(step) = step(state, *account, envelope, events)? else { continue };
            let Some(case) = self.cases.get_mut(number) else { continue };
            if step.opened.is_some() {
                case.began = began(events, *account);
            }
            *case.steps.entry(step.what).or_default() += 1;
            case.bill.add(&step)?;
        }
        Ok(())
    }

    fn closed(&mut self, at: Moment, events: &[Event]) {
        for event in events {
            let Event::CaseClosed { account } = event else { continue };
            self.below.remove(account);
            let number = self.open.remove(account);
            if let Some(case) = number.and_then(|number| self.cases.get_mut(&number)) {
                case.closed = Some((at, Figures::recorded(events, *account)));
            }
        }
    }
}

/// The figures just before the case was opened: those on which it began.
fn began(events: &[Event], account: AccountId) -> Option<Figures> {
    let place = events
        .iter()
        .position(|event| matches!(event, Event::CaseOpened { account: whose, .. } if *whose == account))?;
    Figures::recorded(&events[..place], account)
}

fn begun(state: &State, account: AccountId, (number, markets): (u64, &[UnderlyingId]), opened: Moment) -> Case {
    Case {
        number,
        account,
        better: None,
        below: opened,
        opened,
        began: None,
        indices: indices(state),
        markets: markets.to_vec(),
        closed: None,
        steps: BTreeMap::new(),
        bill: Bill::default(),
    }
}

fn indices(state: &State) -> Vec<UsdPrice> {
    state.market.quotes.indices.clone()
}
