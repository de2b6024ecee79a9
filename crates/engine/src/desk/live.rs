//! What is left of what was listed. What is settled is never quoted, marked, sampled or revalued again, and no source is heard
//! of a price that only settled instruments had.

use std::collections::BTreeSet;

use model::{InstrumentId, UnderlyingId};
use units::Timestamp;

use crate::FeedId;
use crate::state::{Mode, State};

/// The instruments that are not settled, and their expiries.
#[derive(Debug)]
pub struct Live {
    instruments: Vec<InstrumentId>,
    expiries: BTreeSet<(UnderlyingId, Timestamp)>,
}

impl Live {
    /// What is left in a state.
    pub fn new(state: &State) -> Self {
        let (mut instruments, mut expiries) = (Vec::new(), BTreeSet::new());
        for (place, contract) in state.contracts.iter().enumerate() {
            if contract.mode != Mode::Settled {
                instruments.push(InstrumentId(place));
                expiries.extend(contract.terms.expiry().map(|expiry| (contract.terms.underlying, expiry)));
            }
        }
        Self { instruments, expiries }
    }

    /// The instruments that are not settled, in order of their numbers.
    pub fn instruments(&self) -> &[InstrumentId] {
        &self.instruments
    }

    /// The expiries of which something is not settled, by underlying, the nearest first.
    pub fn expiries(&self) -> impl Iterator<Item = (UnderlyingId, Timestamp)> {
        self.expiries.iter().copied()
    }

    /// Whether an instrument is not settled.
    pub fn has(&self, instrument: InstrumentId) -> bool {
        self.instruments.binary_search(&instrument).is_ok()
    }

    /// Whether a feed prices something that is not settled. An index, an asset and the surface always do.
    pub fn hears(&self, feed: FeedId) -> bool {
        match feed {
            FeedId::Forward(underlying, expiry) => self.expiries.contains(&(underlying, expiry)),
            FeedId::Premium(instrument) => self.has(instrument),
            FeedId::Index(_) | FeedId::Asset(_) | FeedId::Surface => true,
        }
    }
}
