//! One trade that reaches the target by itself.
//!
//! A hedge may give most for its burden at first and lead to where no trade helps any more, where closing the position
//! that it hedges would have been enough.

use margin::Refusal;

use super::grow::{Candidate, with};
use super::search::Search;
use super::settle::Found;

/// A trade that promises all that is missing but for this part is tried: promises are rounded.
const ROUNDING: f64 = 1e-9;

impl Search<'_> {
    /// Keeps the one of the candidates that reaches the target by itself, where it is better than what was found.
    pub fn alone(&self, found: &mut Found, candidates: &[Candidate<'_>]) -> Result<(), Refusal> {
        let start = self.start();
        let enough = self.missing(&start.standing) * (1.0 - ROUNDING);
        let mut candidates: Vec<&Candidate<'_>> =
            candidates.iter().filter(|candidate| candidate.promise.gives >= enough).collect();
        candidates.sort_by(|one, other| {
            let place = |candidate: &Candidate<'_>| candidate.line.trade.instrument;
            one.promise.burden.total_cmp(&other.promise.burden).then(place(one).cmp(&place(other)))
        });
        for Candidate { line, from, probe, promise } in candidates {
            // A lot gives less the more lots there are before it. So no trade costs less than it promises, and those that
            // are left promise to cost more than this one.
            if !self.may_be_better(found, 1, promise.burden) {
                break;
            }
            let sized = line.size(from, probe)?;
            if let Some(state) = with(&start, line, sized).filter(|state| self.reached(&state.standing)) {
                self.consider(found, state)?;
            }
        }
        Ok(())
    }
}
