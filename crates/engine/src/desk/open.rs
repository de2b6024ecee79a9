//! What is open in USD by underlying, kept as trades come and added up anew when prices have moved. Exact: fixed point has no order.

use model::{InstrumentId, UnderlyingId};
use units::{Money, Overflow};

use crate::state::State;

const TOO_MUCH: Overflow = Overflow { quantity: "open interest" };

/// Lots open, and what they stand for at the index.
#[derive(Debug)]
pub struct OpenInterest {
    /// By instrument: its underlying, what one lot stands for, rounded up, and how many are open.
    instruments: Vec<(UnderlyingId, Option<Money>, i64)>,
    /// By underlying; none where it does not fit.
    usd: Vec<Option<Money>>,
}

impl OpenInterest {
    /// What is open now.
    pub fn new(state: &State) -> Self {
        let listed = state.contracts.iter();
        let instruments = listed
            .map(|contract| (contract.terms.underlying, state.lots_usd(&contract.terms, 1).ok(), contract.open))
            .collect();
        let mut open = Self { instruments, usd: vec![Some(Money::ZERO); state.market.underlyings.len()] };
        for (underlying, lot, lots) in &open.instruments {
            let sum = open.usd[underlying.0].zip(value(*lot, *lots));
            open.usd[underlying.0] = sum.and_then(|(sum, more)| sum.plus(more).ok());
        }
        open
    }

    /// So many lots of an instrument are open now.
    pub fn set(&mut self, instrument: InstrumentId, lots: i64) {
        debug_assert!(lots >= 0, "I-07: {lots} lots are open");
        let (underlying, lot, before) = self.instruments[instrument.0];
        let more = lots.checked_sub(before).and_then(|more| value(lot, more));
        let sum = &mut self.usd[underlying.0];
        *sum = sum.zip(more).and_then(|(sum, more)| sum.plus(more).ok());
        self.instruments[instrument.0].2 = lots;
    }

    /// What is open over all instruments of an underlying, with another number of lots in one of them.
    pub fn usd(&self, underlying: UnderlyingId, other: Option<(InstrumentId, i64)>) -> Result<Money, Overflow> {
        let sum = self.usd[underlying.0].ok_or(TOO_MUCH)?;
        let Some((instrument, lots)) = other else { return Ok(sum) };
        let (_, lot, before) = self.instruments[instrument.0];
        let more = lots.checked_sub(before).and_then(|more| value(lot, more)).ok_or(TOO_MUCH)?;
        sum.plus(more)
    }
}

/// What lots stand for; none when it does not fit.
fn value(lot: Option<Money>, lots: i64) -> Option<Money> {
    if lots == 0 {
        return Some(Money::ZERO);
    }
    lot?.raw().checked_mul(i128::from(lots)).map(Money::from_raw)
}
