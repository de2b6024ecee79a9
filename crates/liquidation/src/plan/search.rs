//! Searches the few trades that bring an account to its target, and their sizes.
//!
//! ```text
//! candidates   every position toward zero · the cheapest hedges of every underlying · every debt by spot   candidates.rs
//! line         one of them at any size on top of the others                                               line.rs
//! alone        one trade that reaches the target by itself                                                alone.rs
//! grow         adds the trade that gives most for its burden, or more of one that is there already        grow.rs
//! joint        every trade at once, where adding does not reach the target or takes many steps             joint.rs
//! settle       drops, exchanges and sizes the added trades, all at once                                   settle.rs
//! order        the order in which every step improves health, and the last step to the lot                order.rs
//! ```
//!
//! **Few.** A longer plan is taken only where each further step saves at least [`TOLERANCE`] of the cost and [`FLOOR`]
//! of the maintenance margin.
//!
//! **Once.** An instrument is traded at most once, at a size that is right for the plan as a whole.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use margin::{Holdings, Refusal};
use model::{Account, AssetId, InstrumentId, Market, Side};
use units::count;

use super::candidates::{candidates, spots};
use super::grow::Growth;
use super::line::{Line, healthier};
use super::order::Ordered;
use super::settle::Found;
use super::trade::Trade;
use crate::{Gauge, Near, OrderBook, Standing, Stop};

/// A further step has to save this part of the plan's cost, ...
const TOLERANCE: f64 = 0.1;
/// ... and this part of the maintenance margin.
const FLOOR: f64 = 1e-4;

/// A step gives at least this part of the USD that were missing at first, ...
pub(super) const WORTH: f64 = 1e-3;
/// ... and, when the target is out of reach, this part. A smaller step is dust, unless it takes half of the lots that
/// its market bears in an interval.
pub(super) const DUST: f64 = 0.01;

/// When a plan has more steps than this, all trades are also sized at once.
const LONG: usize = 6;

/// The most assessments of the account in one search that adds trades one by one. After them the best plan so far is
/// taken, so that no account holds up the others.
pub(super) const EVALUATIONS: usize = 8_000;
/// The most assessments while all trades are sized at once.
const OF_ALL_AT_ONCE: usize = 8_000;
/// The most assessments for ordering the plan that comes nearest to a target out of reach, ...
const OF_THE_NEAREST: usize = 2_000;
/// ... and for each of the two questions why trades end before the target.
pub(super) const OF_A_REASON: usize = 500;

/// The most that a standing may be away from that of a whole assessment, as a part of equity and margin.
const LAST_BITS: f64 = 1e-8;

/// The inputs of a search, and its remaining assessments.
pub(super) struct Search<'a> {
    pub market: &'a Market,
    pub gauge: &'a dyn Gauge,
    /// The gauge around the account, where it has one.
    pub near: Option<Rc<dyn Near + 'a>>,
    pub books: &'a [OrderBook],
    /// The multiple of maintenance margin to reach.
    pub beta: f64,
    /// The account before anything is traded.
    pub account: &'a Account,
    /// The holdings of the account before anything is traded.
    held: Rc<Holdings>,
    /// How the account stands before anything is traded.
    pub standing: Standing,
    /// The trades of derivatives that may help the account.
    pub trades: Vec<Trade>,
    /// The spot instruments on which debts are repaid, each with its base asset.
    pub spots: Vec<(InstrumentId, AssetId)>,
    /// The value of a lot of each instrument in USD, where it was asked for.
    lot_usd: Vec<Cell<Option<f64>>>,
    /// Memory for the holdings that are judged next.
    pub spare: RefCell<Holdings>,
    /// The remaining number of assessments.
    left: Cell<usize>,
    /// Whether accounts are judged whole, to the last bit.
    whole: Cell<bool>,
}

/// One trade of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leg {
    pub trade: Trade,
    pub lots: i64,
}

/// The result of a search.
pub(super) struct Outcome {
    pub steps: Ordered,
    /// Why the search itself ended before the target, if it did: [`Stop::Unordered`] or [`Stop::CutOff`].
    pub ends: Option<Stop>,
}

/// The account after some trades.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub held: Rc<Holdings>,
    pub standing: Standing,
    pub legs: Vec<Leg>,
}

impl<'a> Search<'a> {
    /// A search for the trades of an account with the given standing; it assesses the account at most `evaluations` times.
    pub fn new(
        (account, standing): (&'a Account, Standing),
        market: &'a Market,
        (gauge, near): (&'a dyn Gauge, Option<Rc<dyn Near + 'a>>),
        books: &'a [OrderBook],
        beta: f64,
        evaluations: usize,
    ) -> Self {
        let missing = -standing.excess(beta);
        Self {
            market,
            gauge,
            near,
            books,
            beta,
            account,
            held: Rc::new(Holdings::of(account)),
            standing,
            trades: candidates(account, market, books, missing),
            spots: spots(market, books),
            lot_usd: vec![Cell::new(None); books.len()],
            spare: RefCell::default(),
            left: Cell::new(evaluations),
            whole: Cell::new(false),
        }
    }

    /// The steps of the plan: those that reach the target or, if none do, those that come nearest.
    pub fn steps(&self) -> Result<Outcome, Refusal> {
        let (mut found, mut grown) = (self.nothing(), Vec::new());
        self.one_by_one(&mut found, &mut grown)?;
        if found.steps.is_none()
            && let Some(closed) = self.closed()?.filter(|closed| self.reached(&closed.standing))
        {
            self.settle(&mut found, closed)?;
        }
        let mut cut_off = false;
        if found.steps.as_ref().is_none_or(|steps| steps.len() > LONG) {
            self.left.set(OF_ALL_AT_ONCE);
            self.all_at_once(&mut found, &mut grown)?;
            cut_off = self.left.get() == 0;
        }
        if let Some(steps) = found.steps {
            return Ok(Outcome { steps, ends: None });
        }
        let reaches = grown.iter().any(|state| self.reached(&state.standing));
        let ends = if cut_off { Some(Stop::CutOff) } else { reaches.then_some(Stop::Unordered) };
        Ok(Outcome { steps: self.nearest(&grown)?, ends })
    }

    /// Searches for trades added one after the other. Tries the ways to grow a plan in turn until a short plan is found.
    fn one_by_one(&self, found: &mut Found, grown: &mut Vec<State>) -> Result<(), Refusal> {
        let start = self.start();
        let first = self.improving(&start, &self.all(&start))?;
        let mut rest = self.left.get();
        for growth in [Growth::Cheapest, Growth::Fewest, Growth::Reducing, Growth::Forward, Growth::InTurns] {
            let steps = found.steps.as_ref().map_or(usize::MAX, Vec::len);
            let alternates = matches!(growth, Growth::Reducing | Growth::Forward | Growth::InTurns);
            if steps <= 2 || (steps < usize::MAX && alternates) {
                break;
            }
            // Each way to grow gets half of the remaining assessments, so that a slow one leaves some for the others.
            let part = rest / 2;
            self.left.set(part);
            let path = self.grow(growth, &first)?;
            let end = self.end(&path);
            let reaches = self.reached(&end.standing);
            if reaches {
                self.settle(found, end.clone())?;
            }
            if growth == Growth::Cheapest {
                self.alone(found, &first)?;
            }
            if found.steps.is_none() && reaches && growth == Growth::InTurns {
                found.steps = Some(self.trimmed(path)?);
            }
            grown.push(end);
            rest = rest - part + self.left.get();
        }
        self.left.set(rest);
        Ok(())
    }

    /// Searches with all trades at once: first the fewest that reach the target, then more, until a short plan is found.
    fn all_at_once(&self, found: &mut Found, grown: &mut Vec<State>) -> Result<(), Refusal> {
        // A climb amplifies the last bits: its slopes are small differences.
        self.whole.set(true);
        let joint = self.joint()?;
        self.whole.set(false);
        for joint in joint {
            if found.steps.as_ref().is_some_and(|steps| steps.len() <= LONG) {
                break;
            }
            if self.reached(&joint.standing) {
                self.settle(found, joint.clone())?;
            }
            grown.push(joint);
        }
        Ok(())
    }

    /// The account after every position and debt is brought as near to zero as the books have room for.
    fn closed(&self) -> Result<Option<State>, Refusal> {
        let whole = self.reducing(&self.start()).into_iter().map(|trade| Leg { trade, lots: trade.most });
        let legs: Vec<Leg> = whole.filter(|leg| self.cost(&leg.trade, leg.lots).is_finite()).collect();
        self.after(&legs)
    }

    /// The steps that come nearest to the target, from the plans in `grown`.
    fn nearest(&self, grown: &[State]) -> Result<Ordered, Refusal> {
        self.left.set(OF_THE_NEAREST);
        let mut nearest = Ordered::new();
        for state in grown {
            let steps = self.worth_their_while(self.improving_steps(state)?)?;
            nearest = if self.nearer(&steps, &nearest) { steps } else { nearest };
        }
        self.extended(nearest)
    }

    /// Whether the account is healthier after the steps `one` than after the steps `other`.
    fn nearer(&self, one: &Ordered, other: &Ordered) -> bool {
        healthier(&self.end(one).standing, &self.end(other).standing)
    }

    /// The steps without dust, for a target out of reach.
    fn worth_their_while(&self, mut steps: Ordered) -> Result<Ordered, Refusal> {
        loop {
            let mut before = self.start();
            let mut legs = Vec::new();
            for (trade, state) in &steps {
                let (gives, lots) = (
                    self.missing(&before.standing) - self.missing(&state.standing),
                    state.lots(trade) - before.lots(trade),
                );
                if gives >= self.least(trade, lots, DUST) {
                    legs.push(Leg { trade: *trade, lots: state.lots(trade) });
                }
                before = state.clone();
            }
            if legs.len() == steps.len() {
                return Ok(steps);
            }
            let Some(state) = self.after(&legs)? else { return Ok(Ordered::new()) };
            steps = self.improving_steps(&state)?;
        }
    }

    /// USD toward the target that a step of `lots` lots has to give, where `dust` is the part of the missing USD that
    /// is too little. A step that takes half of its market's lots in an interval may give less: the next interval goes on.
    pub fn least(&self, trade: &Trade, lots: i64, dust: f64) -> f64 {
        debug_assert!(dust >= WORTH, "what is dust is no less than what is worth a step: {dust}");
        let half = lots.saturating_mul(2) >= self.books[trade.instrument.0].whole_room;
        (if half { WORTH } else { dust }) * self.missing(&self.standing)
    }

    /// The account before anything is traded.
    pub fn start(&self) -> State {
        State { held: Rc::clone(&self.held), standing: self.standing, legs: Vec::new() }
    }

    /// USD of excess that the account lacks to the target; negative above it.
    pub fn missing(&self, standing: &Standing) -> f64 {
        -standing.excess(self.beta)
    }

    /// Whether the account has reached the target.
    pub fn reached(&self, standing: &Standing) -> bool {
        standing.excess(self.beta) >= 0.0
    }

    /// USD traded with this many lots.
    pub fn value(&self, trade: &Trade, lots: i64) -> f64 {
        let known = &self.lot_usd[trade.instrument.0];
        if known.get().is_none() {
            let book = &self.books[trade.instrument.0];
            known.set(Some(book.lot_usd(self.market.listing(trade.instrument), self.market)));
        }
        count(lots) * known.get().unwrap_or_default()
    }

    /// Expected cost of this many lots, in USD.
    pub fn cost(&self, trade: &Trade, lots: i64) -> f64 {
        self.books[trade.instrument.0].cost(self.value(trade, lots))
    }

    /// The cost by which trades are compared. The part of a trade that goes through zero or hedges has to be closed
    /// again later, with the position it hedges, so its cost counts twice.
    pub fn burden(&self, trade: &Trade, lots: i64) -> f64 {
        let cost = self.cost(trade, lots);
        if lots > trade.held { 2.0 * cost - self.cost(trade, trade.held) } else { cost }
    }

    /// The burden of several trades.
    pub fn burdens(&self, legs: &[Leg]) -> f64 {
        legs.iter().fold(0.0, |sum, leg| sum + self.burden(&leg.trade, leg.lots))
    }

    /// The USD that a further step has to save in a plan of this burden.
    pub fn worth(&self, burden: f64) -> f64 {
        (TOLERANCE * burden).max(FLOOR * self.standing.maintenance)
    }

    /// A trade on top of the account after some other trades; none when that account cannot be computed.
    pub fn line(&self, others: &[Leg], trade: Trade) -> Option<Line<'_>> {
        let mut base = Rc::clone(&self.held);
        for leg in others {
            base = Rc::new(Line { search: self, base, trade: leg.trade }.held(leg.lots)?);
        }
        Some(Line { search: self, base, trade })
    }

    /// A trade in the place of the same trade of a state, or on top of a state without it; none when the account without
    /// it cannot be computed.
    pub fn line_in(&self, state: &State, trade: Trade) -> Option<Line<'_>> {
        if state.lots(&trade) == 0 {
            return Some(Line { search: self, base: Rc::clone(&state.held), trade });
        }
        self.line(&state.others(&trade), trade)
    }

    /// How an account with these holdings stands; none when no assessments are left.
    pub fn stands(&self, held: &Holdings) -> Result<Option<Standing>, Refusal> {
        let Some(left) = self.left.get().checked_sub(1) else { return Ok(None) };
        self.left.set(left);
        let near = self.near.as_ref().filter(|_| !self.whole.get());
        if let Some(standing) = near.and_then(|near| near.stands(held)) {
            debug_assert!(self.agrees(held, &standing), "{standing:?} of {held:?}");
            return Ok(Some(standing));
        }
        self.gauge.stands(&held.account(self.account)).map(Some)
    }

    /// Whether the whole assessment of these holdings agrees with a standing but for the last bits.
    fn agrees(&self, held: &Holdings, near: &Standing) -> bool {
        let Ok(whole) = self.gauge.stands(&held.account(self.account)) else { return false };
        let size = 1.0 + near.equity.abs() + near.initial;
        let pairs = [(near.equity, whole.equity), (near.initial, whole.initial), (near.maintenance, whole.maintenance)];
        pairs.into_iter().all(|(one, other)| (one - other).abs() <= LAST_BITS * size)
    }

    /// The steps with the standings of whole assessments; none where those do not agree that every step improves health,
    /// or about the target.
    pub fn verified(&self, mut steps: Ordered) -> Result<Option<Ordered>, Refusal> {
        let mut before = self.standing;
        for (_, state) in &mut steps {
            let standing = self.gauge.stands(&state.held.account(self.account))?;
            let agrees = self.reached(&standing) == self.reached(&state.standing) && healthier(&standing, &before);
            if !agrees {
                return Ok(None);
            }
            (state.standing, before) = (standing, standing);
        }
        Ok(Some(steps))
    }

    /// The account after some trades; none when it cannot be computed, or no assessments are left.
    pub fn after(&self, legs: &[Leg]) -> Result<Option<State>, Refusal> {
        let Some((last, others)) = legs.split_last() else { return Ok(Some(self.start())) };
        let Some(held) = self.line(others, last.trade).and_then(|line| line.held(last.lots)) else { return Ok(None) };
        debug_assert!(legs.iter().all(|leg| (1..=leg.trade.most).contains(&leg.lots)), "a leg has lots: {legs:?}");
        let standing = self.stands(&held)?;
        Ok(standing.map(|standing| State { held: Rc::new(held), standing, legs: legs.to_vec() }))
    }
}

impl State {
    /// The lots of a trade that this state contains.
    pub fn lots(&self, trade: &Trade) -> i64 {
        self.legs.iter().find(|leg| leg.trade.is(trade)).map_or(0, |leg| leg.lots)
    }

    /// The trades of the state, with one of them at another size.
    pub fn with(&self, leg: &Leg) -> Vec<Leg> {
        let mut legs = self.others(&leg.trade);
        legs.extend((leg.lots > 0).then_some(*leg));
        legs
    }

    /// The trades of the state without one of them.
    pub fn others(&self, trade: &Trade) -> Vec<Leg> {
        self.legs.iter().filter(|leg| !leg.trade.is(trade)).copied().collect()
    }

    /// Whether a trade would undo a trade of the state.
    pub fn takes_back(&self, trade: &Trade) -> bool {
        let opposite = |leg: &Leg| leg.trade.instrument == trade.instrument && leg.trade.side != trade.side;
        self.legs.iter().any(opposite)
    }
}

impl Trade {
    /// Whether two trades are of the same instrument and side; sizes may differ.
    pub fn is(&self, other: &Self) -> bool {
        (self.instrument, self.side == Side::Buy) == (other.instrument, other.side == Side::Buy)
    }
}
