//! One trade more, or more of one, until the target is reached or nothing improves health.

use margin::Refusal;
use units::count;

use super::candidates::{floor, repayments};
use super::line::{Line, Place, healthier};
use super::order::Ordered;
use super::search::{DUST, Leg, Search, State, WORTH};
use super::trade::Trade;

/// Trades that are sized before one is chosen.
const FINALISTS: usize = 4;
/// Times that something is added.
const ROUNDS: usize = 64;
/// Multiples of its size that a trade is tried at, with another that offsets what it harms.
const LARGER: [f64; 5] = [1.25, 1.5, 2.0, 4.0, 8.0];

/// How a plan is grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// By what a trade gives for its burden. What is there already may grow again, also beyond what helps alone where
    /// another trade takes back what that harms.
    Cheapest,
    /// The same, and a further step counts as dearer by what it has to save.
    Fewest,
    /// As fewest, of trades that bring nearer to zero what is held or owed: hedges can lead to where nothing helps.
    Reducing,
    /// As fewest, where every trade improves health after those before it and stays as it is then.
    Forward,
    /// By what a trade gives for its burden, where everything that is added improves health after what was added
    /// before: trades may take turns.
    InTurns,
}

/// A trade that improves health, and what it seems to give.
#[derive(Clone)]
pub(super) struct Candidate<'a> {
    pub line: Line<'a>,
    pub from: Place,
    pub probe: Place,
    pub promise: Promise,
}

/// What more of a trade gives and what it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    /// USD toward the target, no more than are missing.
    pub gives: f64,
    /// What the trade would burden the market with, in USD.
    pub burden: f64,
    /// Whether it is a step more.
    new: bool,
}

impl Promise {
    /// USD toward the target for every USD of burden, to which a further step adds `charge`.
    fn rate(&self, charge: f64) -> f64 {
        self.gives / (self.burden + if self.new { charge } else { 0.0 })
    }
}

impl Search<'_> {
    /// Adds trades to nothing until the target is reached, or nothing improves health: what was added, one after the
    /// other. `first` are the candidates for the first of all.
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
            // What the best rate would cost in all says what a step has to save.
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

    /// Half of what was added last, where it does not reach the target: once one trade has given all that it can, another
    /// may not help by itself; half-way both may.
    fn half_way(&self, state: &State, next: State) -> Result<State, Refusal> {
        let Some(last) = next.legs.last().filter(|_| !self.reached(&next.standing)) else { return Ok(next) };
        let added = last.lots - state.lots(&last.trade);
        let half = self.after(&next.with(&Leg { lots: last.lots - added / 2, ..*last }))?;
        Ok(half.filter(|half| healthier(&half.standing, &state.standing)).unwrap_or(next))
    }

    /// With one trade more, or more of one: that which gives most for its burden and charge.
    pub fn next(&self, state: &State, charge: f64) -> Result<Option<State>, Refusal> {
        let candidates = self.improving(state, &self.all(state))?;
        self.best(state, candidates, (charge, WORTH))
    }

    /// With a trade that is not there yet: that which gives most for its burden.
    pub fn another(&self, state: &State) -> Result<Option<State>, Refusal> {
        let candidates = self.improving(state, &self.untraded(state))?;
        self.best(state, candidates, (0.0, WORTH))
    }

    /// The steps, and further ones with other trades as long as they are worth making.
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

    /// With more of the trades that are there, until the target is reached; none when they do not reach it.
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

    /// Every trade that the account may have use for; what it owes may have come with the trades before.
    pub fn all(&self, state: &State) -> Vec<Trade> {
        let mut trades: Vec<Trade> = self.trades.iter().filter(|trade| trade.repays.is_none()).copied().collect();
        trades.extend(repayments(&state.account, (self.market, self.books)));
        trades.retain(|trade| !state.takes_back(trade));
        trades
    }

    /// Those of them that are not there yet.
    fn untraded(&self, state: &State) -> Vec<Trade> {
        self.all(state).into_iter().filter(|trade| state.lots(trade) == 0).collect()
    }

    /// Those of them that only reduce what is held or owed.
    pub fn reducing(&self, state: &State) -> Vec<Trade> {
        let reducing = |trade: Trade| Trade { most: trade.most.min(trade.held), ..trade };
        self.all(state).into_iter().map(reducing).filter(|trade| trade.most > 0).collect()
    }

    /// Whether a step is worth making that `narrow` has no room for, while this search has more.
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

    /// Those that improve health.
    pub fn improving(&self, state: &State, trades: &[Trade]) -> Result<Vec<Candidate<'_>>, Refusal> {
        let mut candidates = Vec::new();
        for trade in trades {
            let trade = state.legs.iter().find(|leg| leg.trade.is(trade)).map_or(*trade, |leg| leg.trade);
            let from = Place { lots: state.lots(&trade), standing: state.standing };
            let Some(line) = self.line(&state.others(&trade), trade) else { continue };
            if let Some(probe) = line.probe(&from)? {
                let promise = self.promise(&trade, (&from, &probe));
                candidates.push(Candidate { line, from, probe, promise });
            }
        }
        Ok(candidates)
    }

    /// Of the candidates that are worth a step, given the part of what is missing that is `dust`, the one that gives most
    /// for its burden and charge, as far as it helps; of equals the first instrument (I-41).
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
            // A lot gives less the more lots there are before it: those that are left give less than they promise.
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
            let rate = self.given(&line.trade, (from.lots, sized.lots), gives).rate(charge);
            if worth(sized.lots, gives) && best.as_ref().is_none_or(|(most, _)| rate > *most) {
                best = with(state, line, sized).map(|state| (rate, state)).or(best);
            }
        }
        Ok(best.map(|(_, state)| state))
    }

    fn given(&self, trade: &Trade, (from, to): (i64, i64), gives: f64) -> Promise {
        Promise { gives, burden: self.burden(trade, to) - self.burden(trade, from), new: from == 0 }
    }

    /// What a trade would give if it gave as much at every size as at its probe.
    pub fn promise(&self, trade: &Trade, (from, probe): (&Place, &Place)) -> Promise {
        let missing = self.missing(&from.standing);
        let gives = (missing - self.missing(&probe.standing)).max(f64::MIN_POSITIVE);
        let probed = count(probe.lots - from.lots);
        let lots = (missing / gives * probed).min(count(trade.most - from.lots)).max(1.0);
        self.given(trade, (from.lots, from.lots.saturating_add(floor(lots))), (gives / probed * lots).min(missing))
    }

    /// Where nothing improves health alone: more of a trade that is there, beyond what helps by itself, and another
    /// that takes back what it harms. Two scenarios that bind at once are lowered by two trades at once.
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

/// A state with a trade at a size.
pub(super) fn with(state: &State, line: &Line<'_>, sized: Place) -> Option<State> {
    let account = line.account(sized.lots)?;
    let legs = state.with(&Leg { trade: line.trade, lots: sized.lots });
    Some(State { account, standing: sized.standing, legs })
}
