//! The order in which the trades of a plan are done; trims the last step to the lot.

use std::collections::BTreeSet;

use margin::Refusal;
use model::InstrumentId;

use super::candidates::repaid;
use super::grow::with;
use super::line::{Place, healthier};
use super::search::{Leg, Search, State};
use super::trade::Trade;

/// The trades of a plan in order, each with the account after it.
pub(super) type Ordered = Vec<(Trade, State)>;

/// The most sets of trades after which a next step is searched: as many as there are subsets of six trades.
const LOOKS: usize = 64;
/// The most extra steps, beyond one per trade, when some trades are done in slices.
const SLICES: usize = 8;
/// A slice gives at least this part of the USD that were missing at first.
const SLICE: f64 = 0.01;

/// A partial order of the trades of a plan.
struct Way {
    steps: Ordered,
    left: Vec<Leg>,
    /// Sets of trades after which no order of the remaining trades reaches the target.
    closed: BTreeSet<Vec<InstrumentId>>,
    looks: usize,
}

impl Way {
    fn new(plan: &State) -> Self {
        Self { steps: Vec::new(), left: plan.legs.clone(), closed: BTreeSet::new(), looks: LOOKS }
    }

    fn take(&mut self, leg: &Leg, next: State) {
        self.left.retain(|left| left != leg);
        self.steps.push((leg.trade, next));
    }
}

impl Search<'_> {
    /// The trades of a plan in an order in which each improves health (I-37) and the last is no larger than needed
    /// (I-38); none when there is no such order. Trades that help only in turns are done in slices.
    pub fn ordered(&self, plan: &State) -> Result<Option<Ordered>, Refusal> {
        let mut way = Way::new(plan);
        let steps = if self.leads(&mut way)? { Some(way.steps) } else { self.sliced(plan)? };
        steps.map(|steps| self.trimmed(steps)).transpose()
    }

    /// As many trades of a plan as improve health one after the other, starting with the one that gives most for its burden.
    pub fn improving_steps(&self, plan: &State) -> Result<Ordered, Refusal> {
        let mut way = Way::new(plan);
        while let Some((leg, next)) = self.onward(&way)?.into_iter().next() {
            way.take(&leg, next);
        }
        Ok(way.steps)
    }

    /// Whether the steps so far can be continued to the target; first tries the trades that give most for their burden.
    fn leads(&self, way: &mut Way) -> Result<bool, Refusal> {
        if self.reached(&self.end(&way.steps).standing) {
            return Ok(true);
        }
        let mut done: Vec<InstrumentId> = way.steps.iter().map(|(trade, _)| trade.instrument).collect();
        done.sort();
        if way.looks == 0 || way.closed.contains(&done) {
            return Ok(false);
        }
        for (leg, next) in self.onward(way)? {
            way.looks = way.looks.saturating_sub(1);
            way.take(&leg, next);
            if self.leads(way)? {
                return Ok(true);
            }
            way.steps.pop();
            way.left.push(leg);
        }
        way.closed.insert(done);
        Ok(false)
    }

    /// The trades that may come next, sorted so that the one that gives most for its burden comes first.
    fn onward(&self, way: &Way) -> Result<Vec<(Leg, State)>, Refusal> {
        let state = self.end(&way.steps);
        let mut onward = Vec::new();
        for leg in &way.left {
            let Some(next) = self.step(&state, leg)? else { continue };
            let gives = self.missing(&state.standing) - self.missing(&next.standing);
            let burden = self.burden(&leg.trade, leg.lots) - self.burden(&leg.trade, state.lots(&leg.trade));
            onward.push((gives / burden.max(f64::MIN_POSITIVE), *leg, next));
        }
        onward.sort_by(|one, other| other.0.total_cmp(&one.0));
        Ok(onward.into_iter().map(|(_, leg, next)| (leg, next)).collect())
    }

    /// The state after one more trade, if it improves health and repays no more than is owed at that point.
    fn step(&self, state: &State, leg: &Leg) -> Result<Option<State>, Refusal> {
        let repays = repaid(&state.held, &leg.trade, self.market, self.books);
        if leg.trade.repays.is_some() && leg.lots - state.lots(&leg.trade) > repays {
            return Ok(None);
        }
        let next = self.after(&state.with(leg))?;
        Ok(next.filter(|next| healthier(&next.standing, &state.standing)))
    }

    /// The trades of a plan in slices, each as large as helps by itself; none when that takes too many slices, or
    /// slices that give next to nothing.
    fn sliced(&self, plan: &State) -> Result<Option<Ordered>, Refusal> {
        let mut way = Way::new(plan);
        for _ in 0..plan.legs.len() + SLICES {
            let state = self.end(&way.steps);
            if self.reached(&state.standing) {
                return Ok(Some(way.steps));
            }
            if let Some((leg, next)) = self.onward(&way)?.into_iter().next() {
                way.take(&leg, next);
                continue;
            }
            let Some(slice) = self.slice(&state, &way.left)? else { return Ok(None) };
            way.steps.push(slice);
        }
        Ok(None)
    }

    /// Of the remaining trades, the part of one that gives most by itself.
    fn slice(&self, state: &State, left: &[Leg]) -> Result<Option<(Trade, State)>, Refusal> {
        let mut best: Option<(Trade, State)> = None;
        for leg in left {
            let from = Place { lots: state.lots(&leg.trade), standing: state.standing };
            let whole = Trade { most: leg.lots, ..leg.trade };
            let Some(line) = self.line_in(state, whole) else { continue };
            let Some(probe) = line.probe(&from)? else { continue };
            let sized = line.size(&from, &probe)?;
            let least = SLICE * self.missing(&self.standing);
            let before = self.missing(&best.as_ref().map_or(state.standing, |(_, best)| best.standing));
            let gives = self.missing(&state.standing) - self.missing(&sized.standing);
            if gives < least || self.missing(&sized.standing) >= before {
                continue;
            }
            let part = Leg { lots: sized.lots, ..*leg };
            best = self.step(state, &part)?.map(|next| (leg.trade, next)).or(best);
        }
        Ok(best)
    }

    /// The account after the steps so far.
    pub fn end(&self, steps: &Ordered) -> State {
        steps.last().map_or_else(|| self.start(), |(_, state)| state.clone())
    }

    /// The steps, with the last one cut to the fewest lots that reach the target.
    pub fn trimmed(&self, mut steps: Ordered) -> Result<Ordered, Refusal> {
        let Some((trade, end)) = steps.pop() else { return Ok(steps) };
        let before = self.end(&steps);
        let Some(line) = self.line_in(&before, trade) else { return Ok(steps) };
        let enough = Place { lots: end.lots(&trade), standing: end.standing };
        let from = Place { lots: before.lots(&trade), standing: before.standing };
        let least = line.least(&from, enough)?;
        if let Some(state) = with(&before, &line, least) {
            steps.push((trade, state));
        }
        Ok(steps)
    }
}
