//! Grows a plan: adds one trade, or more of one, until the target is reached or nothing improves health.

use std::rc::Rc;

use margin::Refusal;
use units::count;

use super::candidates::{floor, repayments};
use super::line::{Line, Place, healthier};
use super::order::Ordered;
use super::search::{DUST, Leg, Search, State, WORTH};
use super::trade::Trade;

/// The number of candidates that are sized before one is chosen.
const FINALISTS: usize = 4;
/// The most times that a trade or more of one is added.
const ROUNDS: usize = 64;
/// The multiples of a trade's size that are tried, each with another trade that offsets the harm of the larger size.
const LARGER: [f64; 5] = [1.25, 1.5, 2.0, 4.0, 8.0];

/// How a plan is grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Chooses by the USD toward the target per burden. A trade that is in the plan may grow again, also beyond the
    /// size that helps alone, where another trade offsets the harm.
    Cheapest,
    /// As `Cheapest`, but a new step counts as dearer by the amount that it has to save.
    Fewest,
    /// As `Fewest`, with only trades that bring a position or a debt nearer to zero: hedges can lead to a state in
    /// which nothing helps.
    Reducing,
    /// As `Fewest`, where every trade improves health after those before it and then keeps its size.
    Forward,
    /// Chooses by the USD toward the target per burden, where every addition improves health after the additions before
    /// it: trades may take turns.
    InTurns,
}

/// A trade that improves health, and its estimated effect.
#[derive(Clone)]
pub(super) struct Candidate<'a> {
    pub line: Line<'a>,
    pub from: Place,
    pub probe: Place,
    pub promise: Promise,
}

/// The estimated effect and burden of more of a trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    /// USD toward the target, at most the missing amount.
    pub gives: f64,
    /// The burden of the trade (`Search::burden`), in USD.
    pub burden: f64,
    /// Whether the trade is a new step of the plan.
    new: bool,
}

impl Promise {
    /// USD toward the target for every USD of burden; a new step adds `charge` to the burden.
    fn rate(&self, charge: f64) -> f64 {
        self.gives / (self.burden + if self.new { charge } else { 0.0 })
    }
}

impl Search<'_> {
    /// Adds trades to an empty plan until the target is reached, or nothing improves health; returns the additions in
    /// order. `first` are the candidates for the first addition.
    pub fn grow(&self, growth: Growth, first: &[Candidate<'_>]) -> Result<Ordered, Refusal> {
        let charges = matches!(growth, Growth::Fewest | Growth::Reducing | Growth::Forward);
        let (mut path, mut charge) = (Ordered::new(), if charges { None } else { Some(0.0) });
        for _ in 0..ROUNDS {
            let state = self.end(&path);
            if self.reached(&state.standing) {
                break;
            }
            let trades = match growth {
                Growth::Forward => self.untraded(&state),
                Growth::Reducing => self.reducing(&state),
                Growth::Cheapest | Growth::Fewest | Growth::InTurns => self.all(&state),
            };
            let known = path.is_empty() && growth != Growth::Reducing;
            let candidates = if known { first.to_vec() } else { self.improving(&state, &trades)? };
            // The charge of a step is derived from the burden of the whole way to the target at the best rate.
            let cheapest = candidates.iter().map(|candidate| candidate.promise.rate(0.0)).fold(0.0, f64::max);
            let charge = *charge.get_or_insert_with(|| self.worth(self.missing(&state.standing) / cheapest));
            let next = match self.best(&state, candidates, (charge, WORTH))? {
                None if matches!(growth, Growth::Cheapest | Growth::Fewest) => self.together(&state)?,
                next => next,
            };
            let Some(next) = next else { break };
            let next = if growth == Growth::InTurns { self.half_way(&state, next)? } else { next };
            let Some(last) = next.legs.last() else { break };
            path.push((last.trade, next));
        }
        Ok(path)
    }

    /// Half of the last addition, where it does not reach the target: once one trade has given all that it can, another
    /// trade may not help by itself; half-way, both may.
    fn half_way(&self, state: &State, next: State) -> Result<State, Refusal> {
        let Some(last) = next.legs.last().filter(|_| !self.reached(&next.standing)) else { return Ok(next) };
        let added = last.lots - state.lots(&last.trade);
        let half = self.after(&next.with(&Leg { lots: last.lots - added / 2, ..*last }))?;
        Ok(half.filter(|half| healthier(&half.standing, &state.standing)).unwrap_or(next))
    }

    /// Adds one trade, or more of one: the candidate that gives most for its burden and charge.
    pub fn next(&self, state: &State, charge: f64) -> Result<Option<State>, Refusal> {
        let candidates = self.improving(state, &self.all(state))?;
        self.best(state, candidates, (charge, WORTH))
    }

    /// Adds a trade that is not in the plan yet: the candidate that gives most for its burden.
    pub fn another(&self, state: &State) -> Result<Option<State>, Refusal> {
        let candidates = self.improving(state, &self.untraded(state))?;
        self.best(state, candidates, (0.0, WORTH))
    }

    /// Adds steps with other trades as long as they are worth making.
    pub fn extended(&self, mut steps: Ordered) -> Result<Ordered, Refusal> {
        loop {
            let state = self.end(&steps);
            if self.reached(&state.standing) {
                return self.trimmed(steps);
            }
            let candidates = self.improving(&state, &self.untraded(&state))?;
            let next = self.best(&state, candidates, (0.0, DUST))?;
            let Some((last, next)) = next.and_then(|next| Some((next.legs.last()?.trade, next))) else {
                return Ok(steps);
            };
            steps.push((last, next));
        }
    }

    /// Adds more of the trades that are in the plan until the target is reached; none when they do not reach it.
    pub fn fill(&self, mut state: State) -> Result<Option<State>, Refusal> {
        let trades: Vec<Trade> = state.legs.iter().map(|leg| leg.trade).collect();
        for _ in 0..=trades.len() {
            if self.reached(&state.standing) {
                return Ok(Some(state));
            }
            let candidates = self.improving(&state, &trades)?;
            let Some(next) = self.best(&state, candidates, (0.0, WORTH))? else { return Ok(None) };
            state = next;
        }
        Ok(Some(state).filter(|state| self.reached(&state.standing)))
    }

    /// Every trade that may help the account. Repayments are found anew, because earlier trades may have created a debt.
    pub fn all(&self, state: &State) -> Vec<Trade> {
        let mut trades = self.trades.clone();
        trades.extend(repayments(&state.held, &self.spots, self.market, self.books));
        trades.retain(|trade| !state.takes_back(trade));
        trades
    }

    /// The trades of `Search::all` that are not in the plan yet.
    fn untraded(&self, state: &State) -> Vec<Trade> {
        self.all(state).into_iter().filter(|trade| state.lots(trade) == 0).collect()
    }

    /// The trades of `Search::all`, limited to the lots that reduce a position or a debt.
    pub fn reducing(&self, state: &State) -> Vec<Trade> {
        let reducing = |trade: Trade| Trade { most: trade.most.min(trade.held), ..trade };
        self.all(state).into_iter().map(reducing).filter(|trade| trade.most > 0).collect()
    }

    /// Whether a step is worth making for which this search has room and `narrow` has not.
    pub fn has_use_for_room(&self, state: &State, narrow: &Self) -> Result<bool, Refusal> {
        let known = narrow.all(state);
        let most = |trade: &Trade| known.iter().find(|known| known.is(trade)).map_or(0, |known| known.most);
        let trades: Vec<Trade> = self.all(state).into_iter().filter(|trade| most(trade) < trade.most).collect();
        let widened =
            |leg: &Leg| Leg { trade: *trades.iter().find(|trade| trade.is(&leg.trade)).unwrap_or(&leg.trade), ..*leg };
        let state = State { legs: state.legs.iter().map(widened).collect(), ..state.clone() };
        let candidates = self.improving(&state, &trades)?;
        Ok(self.best(&state, candidates, (0.0, DUST))?.is_some())
    }

    /// Whether any trade improves health, however little.
    pub fn has_use_for_trades(&self, state: &State) -> Result<bool, Refusal> {
        Ok(!self.improving(state, &self.all(state))?.is_empty())
    }

    /// The trades that improve health, as candidates.
    pub fn improving(&self, state: &State, trades: &[Trade]) -> Result<Vec<Candidate<'_>>, Refusal> {
        let mut candidates = Vec::new();
        for trade in trades {
            let trade = state.legs.iter().find(|leg| leg.trade.is(trade)).map_or(*trade, |leg| leg.trade);
            let from = Place { lots: state.lots(&trade), standing: state.standing };
            let Some(line) = self.line_in(state, trade) else { continue };
            if let Some(probe) = line.probe(&from)? {
                let promise = self.promise(&trade, &from, &probe);
                candidates.push(Candidate { line, from, probe, promise });
            }
        }
        Ok(candidates)
    }

    /// The plan with the best candidate, sized as far as it helps: the one that gives most for its burden and charge,
    /// and among equals the first instrument (I-41). A candidate that gives less than the part `dust` of the missing
    /// USD is not worth a step.
    fn best(
        &self,
        state: &State,
        mut candidates: Vec<Candidate<'_>>,
        (charge, dust): (f64, f64),
    ) -> Result<Option<State>, Refusal> {
        candidates.sort_by(|one, other| {
            let place = |candidate: &Candidate<'_>| candidate.line.trade.instrument;
            let rates = other.promise.rate(charge).total_cmp(&one.promise.rate(charge));
            rates.then(place(one).cmp(&place(other)))
        });
        let (mut best, mut sizes): (Option<(f64, State)>, usize) = (None, 0);
        for Candidate { line, from, probe, promise } in &candidates {
            // A lot gives less the more lots come before it, so the remaining candidates give less than they promise.
            let enough = |(rate, _): &(f64, State)| sizes >= FINALISTS || *rate >= promise.rate(charge);
            if best.as_ref().is_some_and(enough) {
                break;
            }
            let missing = self.missing(&from.standing);
            let worth = |lots: i64, gives: f64| gives >= self.least(&line.trade, lots - from.lots, dust).min(missing);
            if !worth(line.trade.most, promise.gives) {
                continue;
            }
            sizes += 1;
            let sized = line.size(from, probe)?;
            let gives = missing - self.missing(&sized.standing).max(0.0);
            let rate = self.given(&line.trade, from.lots, sized.lots, gives).rate(charge);
            if worth(sized.lots, gives) && best.as_ref().is_none_or(|(most, _)| rate > *most) {
                best = with(state, line, sized).map(|state| (rate, state)).or(best);
            }
        }
        Ok(best.map(|(_, state)| state))
    }

    fn given(&self, trade: &Trade, from: i64, to: i64, gives: f64) -> Promise {
        Promise { gives, burden: self.burden(trade, to) - self.burden(trade, from), new: from == 0 }
    }

    /// The estimated effect of a trade, if every lot gave as much as those up to its probe.
    pub fn promise(&self, trade: &Trade, from: &Place, probe: &Place) -> Promise {
        let missing = self.missing(&from.standing);
        let gives = (missing - self.missing(&probe.standing)).max(f64::MIN_POSITIVE);
        let (probed, most) = (count(probe.lots - from.lots), count(trade.most - from.lots));
        let needed = missing / gives * probed;
        let lots = needed.min(most).max(1.0);
        // What reaches the target gives the missing USD to the last bit: a rounded product could be too little to be worth
        // a step.
        let gives = if needed <= most { missing } else { (gives / probed * lots).min(missing) };
        self.given(trade, from.lots, from.lots.saturating_add(floor(lots)), gives)
    }

    /// For a state in which no trade improves health alone: adds more of a trade in the plan, beyond the size that
    /// helps by itself, and another trade that offsets the harm. When two scenarios bind at once, only two trades
    /// together lower both.
    fn together(&self, state: &State) -> Result<Option<State>, Refusal> {
        let mut best: Option<State> = None;
        for leg in &state.legs {
            for larger in LARGER {
                let lots = floor(count(leg.lots) * larger).min(leg.trade.most);
                if lots <= leg.lots || best.as_ref().is_some_and(|best| self.reached(&best.standing)) {
                    break;
                }
                let wider = self.after(&state.with(&Leg { lots, ..*leg }))?.filter(|wider| wider.standing.equity > 0.0);
                let Some(wider) = wider else { break };
                let Some(next) = self.next(&wider, 0.0)? else { break };
                let before = self.missing(&best.as_ref().unwrap_or(state).standing);
                if before - self.missing(&next.standing).max(0.0) < (WORTH * self.missing(&self.standing)).min(before) {
                    break;
                }
                best = Some(next);
            }
        }
        Ok(best)
    }
}

/// The state with a trade at a size.
pub(super) fn with(state: &State, line: &Line<'_>, sized: Place) -> Option<State> {
    let held = Rc::new(line.held(sized.lots)?);
    let legs = state.with(&Leg { trade: line.trade, lots: sized.lots });
    Some(State { held, standing: sized.standing, legs })
}
