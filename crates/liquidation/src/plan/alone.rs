//! One trade that reaches the target by itself.
//!
//! A hedge may give most for its burden at first, but lead to a state in which no trade helps any more, where closing
//! the hedged position would have been enough.

use margin::Refusal;

use super::grow::{Candidate, with};
use super::line::healthier;
use super::search::Search;
use super::settle::Found;

/// A trade is tried when it promises all the missing USD but for this part, because promises are rounded.
const ROUNDING: f64 = 1e-9;

/// A candidate's slope is measured at its probe's lots divided by this.
const NEAR: i64 = 1024;

impl Search<'_> {
    /// Keeps the candidate that reaches the target by itself, where it is better than the plan found so far.
    pub fn alone(&self, found: &mut Found, candidates: &[Candidate<'_>]) -> Result<(), Refusal> {
        let start = self.start();
        let enough = self.missing(&start.standing) * (1.0 - ROUNDING);
        let mut bounded = Vec::new();
        for candidate in candidates.iter().filter(|candidate| candidate.promise.gives >= enough) {
            bounded.push((self.least_burden(candidate)?, candidate));
        }
        bounded.sort_by(|one, other| {
            let place = |candidate: &Candidate<'_>| candidate.line.trade.instrument;
            one.0.total_cmp(&other.0).then(place(one.1).cmp(&place(other.1)))
        });
        for (least, Candidate { line, from, probe, .. }) in bounded {
            if !self.may_be_better(found, 1, least) {
                break;
            }
            let sized = line.size(from, probe)?;
            if let Some(state) = with(&start, line, sized).filter(|state| self.reached(&state.standing)) {
                self.consider(found, state)?;
            }
        }
        Ok(())
    }

    /// A lower bound on the burden with which a candidate reaches the target: no lot gives more than the first ones.
    fn least_burden(&self, candidate: &Candidate<'_>) -> Result<f64, Refusal> {
        let Candidate { line, from, probe, promise } = candidate;
        let near = line.at((probe.lots / NEAR).max(1))?;
        let Some(near) = near.filter(|near| healthier(&near.standing, &from.standing)) else {
            return Ok(promise.burden);
        };
        Ok(self.promise(&line.trade, from, &near).burden.min(promise.burden))
    }
}
