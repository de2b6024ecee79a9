//! Beats: everything that is due at a moment, in one order.

use engine::state::{Contract, Mode};
use model::{InstrumentId, InstrumentKind};
use sequencer::Answer;
use units::Timestamp;

use crate::schedule::is_due;
use crate::{Door, Duty, Operator};

/// The duties that were done at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Each duty that was due, in the order in which the engine was asked for it.
    pub done: Vec<Done>,
}

/// A duty, and the answer of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The duty that was due.
    pub duty: Duty,
    /// The answer of the engine. A duty that is refused is tried again after [`crate::Schedule::retry`]; the step of a
    /// liquidation in the next beat.
    pub answer: Answer,
}

impl<D: Door> Operator<D> {
    /// Does everything that is due at `now`, in the order of [`Duty`]: prices come before duties that depend on them.
    /// Each kind of duty is one batch, decided on the state that the kinds before it have left.
    pub fn beat(&mut self, now: Timestamp) -> Result<Beat, D::Stopped> {
        self.beat_without(now, |_| false)
    }

    /// Like [`Self::beat`], but leaves out each duty that `held` holds back. It stays due.
    pub fn beat_without(&mut self, now: Timestamp, mut held: impl FnMut(Duty) -> bool) -> Result<Beat, D::Stopped> {
        self.at(now);
        let mut beat = Beat::default();
        for due in
            [Self::pause, Self::proposals, Self::tick, Self::expiries, Self::accruals, Self::measure, Self::steps]
        {
            let mut duties = due(self);
            duties.retain(|duty| !held(*duty));
            beat.done.extend(self.perform(&duties)?);
        }
        Ok(beat)
    }

    /// Does duties now, whether they are due or not, as one batch in the given order.
    pub fn perform(&mut self, duties: &[Duty]) -> Result<Vec<Done>, D::Stopped> {
        if duties.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = self.batch();
        for duty in duties {
            batch.duty(*duty);
        }
        let batch = batch.done();
        let answers = self.door.submit(&batch)?;
        let done = duties.iter().zip(answers).map(|(duty, answer)| {
            self.remember(*duty, &answer);
            Done { duty: *duty, answer }
        });
        Ok(done.collect())
    }

    fn remember(&mut self, duty: Duty, answer: &Answer) {
        match (duty, answer) {
            // The queue of the engine gives the order of liquidations.
            (Duty::Liquidate(_), _) => {}
            (_, Answer::Refused(_)) => {
                self.refused.insert(duty, self.now);
            }
            (_, Answer::Accepted { .. }) => {
                self.refused.remove(&duty);
                match duty {
                    Duty::Tick => self.premiums.sample(self.door.engine().state()),
                    Duty::Fund(instrument) => self.premiums.clear(instrument),
                    Duty::Settle(_) | Duty::Measure => {
                        self.done.insert(duty, self.now);
                    }
                    Duty::Resume | Duty::Activate(_) | Duty::Expire(_) | Duty::Interest | Duty::Liquidate(_) => {}
                }
            }
        }
    }

    /// Whether a duty was refused too short a time ago to be tried again.
    fn waits(&self, duty: Duty) -> bool {
        let until = |refused: &Timestamp| refused.micros().saturating_add(self.schedule.retry);
        self.refused.get(&duty).is_some_and(|refused| self.now.micros() < until(refused))
    }

    /// The time at which a duty was last done, as far as the operator remembers; otherwise the time at which the
    /// operator began.
    fn last(&self, duty: Duty) -> Timestamp {
        self.done.get(&duty).copied().unwrap_or(self.began)
    }

    fn pause(&self) -> Vec<Duty> {
        let step = self.engine().desk().rules().engine.clock_step_seconds;
        let slept = self.now.seconds_since(self.state().clock) > step;
        slept.then_some(Duty::Resume).into_iter().collect()
    }

    fn proposals(&self) -> Vec<Duty> {
        let over = self.state().proposals.iter().filter(|(_, proposal)| proposal.from <= self.now);
        over.map(|(number, _)| Duty::Activate(*number)).filter(|duty| !self.waits(*duty)).collect()
    }

    fn tick(&self) -> Vec<Duty> {
        let due = is_due(self.schedule.tick, self.state().market.time, self.now);
        due.then_some(Duty::Tick).into_iter().collect()
    }

    fn expiries(&self) -> Vec<Duty> {
        let expired = |contract: &Contract| contract.terms.expiry().is_some_and(|expiry| expiry <= self.now);
        let due = self.listed().filter(|(_, contract)| expired(contract)).map(|(id, _)| Duty::Expire(id));
        due.filter(|duty| !self.waits(*duty)).collect()
    }

    /// The duties of funding, interest and variation settlement that are due.
    fn accruals(&self) -> Vec<Duty> {
        let mut due = Vec::new();
        for (id, contract) in self.listed().filter(|(_, contract)| contract.terms.kind == InstrumentKind::Perpetual) {
            if is_due(self.schedule.funding, contract.funded, self.now) {
                due.push(Duty::Fund(id));
            }
        }
        if is_due(self.schedule.interest, self.state().accrued, self.now) {
            due.push(Duty::Interest);
        }
        for (id, _) in self.listed().filter(|(_, contract)| settles_variation(contract)) {
            let duty = Duty::Settle(id);
            if self.schedule.settlement.is_some_and(|period| is_due(period, self.last(duty), self.now)) {
                due.push(duty);
            }
        }
        due.retain(|duty| !self.waits(*duty));
        due
    }

    fn measure(&self) -> Vec<Duty> {
        let due = is_due(self.state().policy.liquidation.interval, self.last(Duty::Measure), self.now);
        Some(Duty::Measure).filter(|duty| due && !self.waits(*duty)).into_iter().collect()
    }

    /// The next step of every liquidation, the largest deficit first.
    fn steps(&self) -> Vec<Duty> {
        self.engine().desk().queue(self.state()).into_iter().map(Duty::Liquidate).collect()
    }

    /// The instruments that are not settled for good.
    fn listed(&self) -> impl Iterator<Item = (InstrumentId, &Contract)> {
        let all = self.state().contracts.iter().enumerate();
        all.map(|(place, contract)| (InstrumentId(place), contract))
            .filter(|(_, contract)| contract.mode != Mode::Settled)
    }
}

fn settles_variation(contract: &Contract) -> bool {
    matches!(contract.terms.kind, InstrumentKind::Perpetual | InstrumentKind::Future { .. })
}
