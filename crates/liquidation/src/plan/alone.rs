//! One trade that reaches the target by itself.
//!
//! A hedge may give most for its burden at first and lead to where no trade helps any more, where closing the position
//! that it hedges would have been enough.

use margin::Refusal;

use super::grow::{Candidate, with};
use super::line::healthier;
use super::search::Search;
use super::settle::Found;

/// A trade that promises all that is missing but for this part is tried: promises are rounded.
const ROUNDING: f64 = 1e-9;

/// The part of a candidate's probe at which its slope is taken.
const NEAR: i64 = 1024;

impl Search<'_> {
    /// Keeps the one of the candidates that reaches the target by itself, where it is better than what was found.
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

    /// A burden below which a candidate does not reach the target: no lot gives more than the first ones.
    fn least_burden(&self, candidate: &Candidate<'_>) -> Result<f64, Refusal> {
        let Candidate { line, from, probe, promise } = candidate;
        let near = line.at((probe.lots / NEAR).max(1))?;
        let Some(near) = near.filter(|near| healthier(&near.standing, &from.standing)) else {
            return Ok(promise.burden);
        };
        Ok(self.promise(&line.trade, (from, &near)).burden.min(promise.burden))
    }
}
