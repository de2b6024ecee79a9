//! A run that is kept as a journal: the accepted commands, written in the way a sequencer writes them.

use std::path::Path;

use engine::{Command, Engine, Envelope, Event, Reject};
use journal::{OpenError, Store};
use sequencer::{ReplayError, Sequencer, Stopped};

use crate::canary::Decider;
use crate::world::identity;

/// The unbroken rules. Remembers the commands that they accepted, and reports the number of ticks.
#[derive(Debug)]
pub struct Witness<F> {
    accepted: Vec<Envelope>,
    ticks: u64,
    ticked: F,
}

/// The reason why a run could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The file could not be opened as a new journal.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new journal could not be read again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A batch was not written.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl<F: FnMut(u64)> Witness<F> {
    /// Creates a witness of a run that has not begun. `ticked` is called at every tick with the number of ticks so far.
    pub fn new(ticked: F) -> Self {
        Self { accepted: Vec::new(), ticks: 0, ticked }
    }

    /// The commands that were accepted, in their order.
    pub fn into_accepted(self) -> Vec<Envelope> {
        self.accepted
    }
}

impl<F: FnMut(u64)> Decider for Witness<F> {
    fn decide(&mut self, engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        let answer = engine.decide(envelope);
        if answer.is_ok() {
            self.accepted.push(envelope.clone());
        }
        if envelope.command == Command::Tick {
            self.ticks += 1;
            (self.ticked)(self.ticks);
        }
        answer
    }
}

/// Writes the accepted commands of a run into a new journal and returns its number of records. `written` is called after
/// every batch with the number so far. A batch ends where the run itself asks for a watch, so that the sequencer adds
/// none.
pub fn keep(file: &Path, accepted: &[Envelope], mut written: impl FnMut(u64)) -> Result<u64, NotKept> {
    let (mut sequencer, _) = Sequencer::open(Store::create(file, &identity())?)?;
    for batch in accepted.split_inclusive(|envelope| envelope.command == Command::Watch) {
        sequencer.submit(batch)?;
        written(sequencer.head().sequence);
    }
    Ok(sequencer.head().sequence)
}
