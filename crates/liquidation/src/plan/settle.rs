//! Improves a plan as a whole: fewer trades, cheaper trades, and none larger than needed beside the others.
//!
//! Every change starts from a plan that reaches the target and ends at one that does. Of all plans found, the one is
//! kept with the least burden, where each step adds the amount that it has to save.

use margin::Refusal;
use units::count;

use super::grow::with;
use super::line::Place;
use super::order::Ordered;
use super::search::{Leg, Search, State};

/// The most times that a part of one trade is exchanged for more of another.
const EXCHANGES: usize = 8;
/// Parts of a trade that are exchanged, as divisors: a half, ... The whole is not among them, because [`Search::drop`]
/// tries it: as an exchange it would hide cheaper plans between the two.
const PARTS: [i64; 3] = [2, 4, 8];
/// An exchange has to save this part of the burden.
const SAVES: f64 = 0.01;
/// The most times that half of the dearest trade is moved to another book.
const ADDED: usize = 4;
/// Only plans of up to this many trades are tried with one trade in the place of two.
const REPLACED: usize = 6;

/// The best plan found so far, and the least burden of any plan that can be done step by step.
#[derive(Clone, Debug)]
pub(super) struct Found {
    least: f64,
    burden: f64,
    state: State,
    /// None until a plan is found that can be done step by step.
    pub steps: Option<Ordered>,
}

impl Search<'_> {
    /// The state of the search before any plan is found.
    pub fn nothing(&self) -> Found {
        Found { least: f64::INFINITY, burden: f64::INFINITY, state: self.start(), steps: None }
    }

    /// Reduces a plan that reaches the target to few steps, and keeps the result where it is better than the best plan so far.
    pub fn settle(&self, found: &mut Found, grown: State) -> Result<(), Refusal> {
        let mut changed = self.consider(found, grown.clone())?;
        let balanced = self.balance(grown)?;
        changed |= self.consider(found, balanced.clone())?;
        if found.steps.is_none() {
            // The parts of the plan may be done in an order even if the whole plan cannot.
            (found.state, changed) = (balanced, true);
        }
        if changed {
            for _ in 0..ADDED {
                if !self.relieve(found)? {
                    break;
                }
            }
            while self.drop(found)? {}
            while (2..=REPLACED).contains(&found.state.legs.len()) && self.replace(found)? {}
        }
        Ok(())
    }

    /// Keeps a plan if it has fewer steps or costs less than the best so far; returns whether it did.
    pub fn consider(&self, found: &mut Found, state: State) -> Result<bool, Refusal> {
        let burden = self.burdens(&state.legs);
        if burden >= found.least && !self.may_be_better(found, state.legs.len(), burden) {
            return Ok(false);
        }
        let Some(steps) = self.ordered(&state)? else { return Ok(false) };
        let state = steps.last().map_or(state, |(_, end)| end.clone());
        let burden = self.burdens(&state.legs);
        let keep = self.may_be_better(found, steps.len(), burden);
        found.least = found.least.min(burden);
        if keep {
            *found = Found { least: found.least, burden, state, steps: Some(steps) };
        }
        Ok(keep)
    }

    /// Whether `steps` steps of this burden would be better than the best plan so far, if they can be done one after
    /// the other. Every step adds to the burden the amount that a further step has to save.
    pub fn may_be_better(&self, found: &Found, steps: usize, burden: f64) -> bool {
        let Some(known) = &found.steps else { return true };
        let charge = self.worth(found.least.min(burden));
        let charged = |steps: usize, burden: f64| (burden + charge * number(steps), steps, burden);
        charged(steps, burden) < charged(known.len(), found.burden)
    }

    /// Exchanges parts of a trade for more of another as long as that is cheaper.
    fn balance(&self, mut state: State) -> Result<State, Refusal> {
        for _ in 0..EXCHANGES {
            let Some(next) = self.exchange(&state)? else { break };
            state = next;
        }
        Ok(state)
    }

    /// Replaces a part of the trade that gives least for its burden by more of the trade that gives most.
    fn exchange(&self, state: &State) -> Result<Option<State>, Refusal> {
        if state.legs.len() < 2 {
            return Ok(None);
        }
        let mut rates = Vec::with_capacity(state.legs.len());
        for leg in &state.legs {
            rates.push((self.last_rate(state, leg)?, *leg));
        }
        let Some((low, worst)) = rates.iter().copied().min_by(|one, other| one.0.total_cmp(&other.0)) else {
            return Ok(None);
        };
        let open = rates.iter().copied().filter(|(_, leg)| !leg.trade.is(&worst.trade) && leg.lots < leg.trade.most);
        let Some((high, best)) = open.max_by(|one, other| one.0.total_cmp(&other.0)) else { return Ok(None) };
        if high <= low * (1.0 + SAVES) {
            return Ok(None);
        }
        let mut cheapest: Option<(f64, State)> = None;
        for part in PARTS {
            let lots = worst.lots - (worst.lots / part).max(1);
            let Some(less) = self.after(&state.with(&Leg { lots, ..worst }))? else { continue };
            let exchanged = if self.reached(&less.standing) { Some(less) } else { self.more(&less, &best)? };
            let Some(exchanged) = exchanged.filter(|state| self.reached(&state.standing)) else { continue };
            let exchanged = self.tightened(exchanged)?;
            let burden = self.burdens(&exchanged.legs);
            if cheapest.as_ref().is_none_or(|(least, _)| burden < *least) {
                cheapest = Some((burden, exchanged));
            }
        }
        let saves = |burden: f64| burden <= self.burdens(&state.legs) * (1.0 - SAVES);
        Ok(cheapest.filter(|(burden, _)| saves(*burden)).map(|(_, state)| state))
    }

    /// The plan less one lot of each trade, where the target is still reached without it.
    fn tightened(&self, mut state: State) -> Result<State, Refusal> {
        for leg in state.legs.clone() {
            let less = self.after(&state.with(&Leg { lots: leg.lots - 1, ..leg }))?;
            state = less.filter(|less| self.reached(&less.standing)).unwrap_or(state);
        }
        Ok(state)
    }

    /// USD toward the target per USD of burden, measured on the last eighth of a trade.
    fn last_rate(&self, state: &State, leg: &Leg) -> Result<f64, Refusal> {
        let lots = leg.lots - (leg.lots / 8).max(1);
        let Some(less) = self.after(&state.with(&Leg { lots, ..*leg }))? else { return Ok(f64::INFINITY) };
        let gives = self.missing(&less.standing) - self.missing(&state.standing);
        let burden = self.burden(&leg.trade, leg.lots) - self.burden(&leg.trade, lots);
        Ok(gives / burden.max(f64::MIN_POSITIVE))
    }

    /// More of one trade, as far as it helps.
    fn more(&self, state: &State, leg: &Leg) -> Result<Option<State>, Refusal> {
        let from = Place { lots: leg.lots, standing: state.standing };
        let Some(line) = self.line_in(state, leg.trade) else { return Ok(None) };
        let Some(probe) = line.probe(&from)? else { return Ok(None) };
        let sized = line.size(&from, &probe)?;
        Ok(with(state, &line, sized))
    }

    /// Replaces half of the trade with the largest burden by another trade: impact grows with size, so two books can be
    /// cheaper than one. Returns whether the result is kept.
    fn relieve(&self, found: &mut Found) -> Result<bool, Refusal> {
        let burden = |leg: &Leg| self.burden(&leg.trade, leg.lots);
        let dearest = found.state.legs.iter().copied().max_by(|one, other| burden(one).total_cmp(&burden(other)));
        let Some(dearest) = dearest.filter(|leg| leg.lots > 1 && burden(leg) > self.worth(found.burden)) else {
            return Ok(false);
        };
        let half = self.after(&found.state.with(&Leg { lots: dearest.lots / 2, ..dearest }))?;
        let Some(half) = half.filter(|half| !self.reached(&half.standing)) else { return Ok(false) };
        let Some(next) = self.another(&half)? else { return Ok(false) };
        let Some(next) = self.fill(next)? else { return Ok(false) };
        let balanced = self.balance(next)?;
        self.consider(found, balanced)
    }

    /// Tries the plan without each of its trades, the least useful first, while the other trades make up for it.
    /// Returns whether a result was kept.
    fn drop(&self, found: &mut Found) -> Result<bool, Refusal> {
        if found.state.legs.len() < 2 {
            return Ok(false);
        }
        let mut kept = false;
        let mut without = Vec::new();
        for leg in &found.state.legs {
            if let Some(rest) = self.after(&found.state.others(&leg.trade))? {
                without.push((self.missing(&rest.standing), *leg));
            }
        }
        without.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, leg) in without {
            if found.state.legs.len() < 2 || found.state.lots(&leg.trade) == 0 {
                continue;
            }
            let Some(rest) = self.after(&found.state.others(&leg.trade))? else { continue };
            if let Some(filled) = self.fill(rest)? {
                let balanced = self.balance(filled)?;
                kept |= self.consider(found, balanced)?;
            }
        }
        Ok(kept)
    }

    /// Tries one trade in the place of two; returns whether a plan was kept.
    fn replace(&self, found: &mut Found) -> Result<bool, Refusal> {
        let legs = found.state.legs.clone();
        for (place, one) in legs.iter().enumerate() {
            for other in &legs[place + 1..] {
                let rest: Vec<Leg> = legs.iter().filter(|leg| *leg != one && *leg != other).copied().collect();
                let Some(rest) = self.after(&rest)? else { continue };
                // With a high charge for a step, the trade that gives most comes first.
                let Some(next) = self.next(&rest, found.burden)? else { continue };
                let Some(next) = self.fill(next)? else { continue };
                let balanced = self.balance(next)?;
                if self.consider(found, balanced)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn number(steps: usize) -> f64 {
    count(i64::try_from(steps).unwrap_or(i64::MAX))
}
