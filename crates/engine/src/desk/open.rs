//! Open interest in USD by underlying: updated with each trade, and added up anew when prices have moved. Exact,
//! because a sum of fixed-point numbers does not depend on their order.

use model::{InstrumentId, UnderlyingId};
use units::{Money, Overflow};

use crate::state::State;

const TOO_MUCH: Overflow = Overflow { quantity: "open interest" };

/// Lots open, and their value at the index.
#[derive(Debug)]
pub struct OpenInterest {
    /// By instrument: its underlying, the value of one lot in USD, rounded up, and the number of lots open.
    instruments: Vec<(UnderlyingId, Option<Money>, i64)>,
    /// By underlying, in USD; none where the sum does not fit.
    usd: Vec<Option<Money>>,
}

impl OpenInterest {
    /// Open interest as it is now.
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

    /// Sets the number of open lots of an instrument.
    pub fn set(&mut self, instrument: InstrumentId, lots: i64) {
        debug_assert!(lots >= 0, "I-07: {lots} lots are open");
        let (underlying, lot, before) = self.instruments[instrument.0];
        let more = lots.checked_sub(before).and_then(|more| value(lot, more));
        let sum = &mut self.usd[underlying.0];
        *sum = sum.zip(more).and_then(|(sum, more)| sum.plus(more).ok());
        self.instruments[instrument.0].2 = lots;
    }

    /// Open interest over all instruments of an underlying, in USD, with another number of lots in one of them.
    pub fn usd(&self, underlying: UnderlyingId, other: Option<(InstrumentId, i64)>) -> Result<Money, Overflow> {
        let sum = self.usd[underlying.0].ok_or(TOO_MUCH)?;
        let Some((instrument, lots)) = other else { return Ok(sum) };
        let (_, lot, before) = self.instruments[instrument.0];
        let more = lots.checked_sub(before).and_then(|more| value(lot, more)).ok_or(TOO_MUCH)?;
        sum.plus(more)
    }
}

/// The value of lots, in USD; none when it does not fit.
fn value(lot: Option<Money>, lots: i64) -> Option<Money> {
    if lots == 0 {
        return Some(Money::ZERO);
    }
    lot?.raw().checked_mul(i128::from(lots)).map(Money::from_raw)
}
