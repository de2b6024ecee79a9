//! Which trade helps most, and how much of it is enough.
//!
//! ```text
//! candidates   every position toward zero · the cheapest hedges of every underlying, both ways · every debt by spot
//! probe        each at as many USD as are missing: what it gives toward the target per USD of expected cost ranks them
//! size         the best few: the fewest lots that reach the target, else as many as make health greatest
//! choose       the cheapest that reaches the target, or a part of one before the rest by another where that is clearly
//!              cheaper; where nothing reaches it, the best of them as long as it is the best
//! ```
//!
//! Scenario margins are convex along a trade and costs are too, so health along a trade rises to one peak and falls:
//! doubling, golden section and bisection find both ends. Where a method is not convex a step is still only taken when
//! it improves health.

use std::collections::{BTreeMap, BTreeSet};

use margin::Refusal;
use model::{Account, AssetId, InstrumentId, InstrumentKind, Market, Side, UnderlyingId};
use units::{Quantity, Ratio, count};

use super::trade::{self, Aim, Trade};
use crate::{Book, Gauge, Standing};

/// Instruments tried as a hedge of one underlying: the cheapest.
const HEDGES: usize = 3;
/// Best candidates that are sized before one is chosen.
const FINALISTS: usize = 3;
/// A step that does not reach the target gives at least this part of what is missing.
const WORTH: f64 = 1e-3;
/// A step that comes before others that could reach the target alone gives at least this part.
const WORTH_FIRST: f64 = 1e-2;
/// Two trades instead of one cost at most this part of it.
const SAVES: f64 = 0.9;
/// Of a finalist, the parts that are tried before the rest by another.
const PARTS: i64 = 6;
/// More lots than any book has.
const LOTS: i64 = 1 << 40;

/// What a search looks at.
pub(super) struct Search<'a> {
    pub market: &'a Market,
    pub gauge: &'a dyn Gauge,
    pub books: &'a [Book],
    /// The multiple of maintenance margin to reach.
    pub beta: f64,
}

/// An account, how it stands, and what was traded to bring it there.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub account: Account,
    pub standing: Standing,
    /// USD traded by instrument, negative when sold: what moved its price and took of its room before.
    pub used: BTreeMap<InstrumentId, f64>,
}

impl State {
    /// USD of an instrument traded so far.
    pub fn used(&self, instrument: InstrumentId) -> f64 {
        self.used.get(&instrument).map_or(0.0, |used| used.abs())
    }

    /// What the account is after a trade.
    pub fn then(&self, trial: &Trial) -> Self {
        let signed = if trial.trade.side == Side::Buy { trial.value } else { -trial.value };
        let mut used = self.used.clone();
        *used.entry(trial.trade.instrument).or_default() += signed;
        Self { account: trial.account.clone(), standing: trial.standing, used }
    }

    /// Whether a trade would take back what the plan traded before.
    fn takes_back(&self, trade: &Trade) -> bool {
        self.used.get(&trade.instrument).is_some_and(|used| (*used < 0.0) == (trade.side == Side::Buy))
    }
}

/// A trade of so many lots and what becomes of the account.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub trade: Trade,
    pub lots: i64,
    /// USD traded.
    pub value: f64,
    /// Expected cost, in USD.
    pub cost: f64,
    pub account: Account,
    pub standing: Standing,
}

impl Trial {
    /// Expected cost as trades are compared by, in USD: what hedges has to be closed again with what it hedges, so its cost counts
    /// twice.
    fn burden(&self) -> f64 {
        if self.trade.aim == Aim::Hedge { 2.0 * self.cost } else { self.cost }
    }
}

/// Whether one account stands healthier than another: equity per maintenance margin, compared without dividing.
pub(super) fn healthier(one: &Standing, other: &Standing) -> bool {
    one.equity * other.maintenance > other.equity * one.maintenance
}

impl Search<'_> {
    /// The next trade, sized; none when none improves health.
    ///
    /// Of those that reach the target alone it is the cheapest, or what comes before a cheaper one
    /// ([`Self::first_of_two`]).
    pub fn next(&self, from: &State) -> Result<Option<Trial>, Refusal> {
        let missing = self.missing(from);
        let mut probes = Vec::new();
        for trade in self.candidates(from, missing) {
            let most = self.most(from, &trade);
            if let Some(probe) = self.probe(from, &trade, missing, most)? {
                probes.push((self.per_cost(from, &probe), most, probe));
            }
        }
        // Sorted by instrument before, and this sort keeps the order of equals (I-41).
        probes.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut finalists: Vec<(usize, Trial)> = Vec::new();
        for (place, (_, most, probe)) in probes.iter().enumerate() {
            let sized = self.size(from, probe, *most)?;
            if self.reached(&sized) || self.relief(from, &sized) >= WORTH * missing {
                finalists.push((place, sized));
            }
            if finalists.len() == FINALISTS {
                break;
            }
        }
        let reaching = finalists.iter().map(|(_, sized)| sized).filter(|sized| self.reached(sized));
        let cheapest = reaching.min_by(|one, other| one.burden().total_cmp(&other.burden()));
        let bound = cheapest.map_or(f64::INFINITY, |cheapest| SAVES * cheapest.cost);
        let sized: Vec<&Trial> = finalists.iter().map(|(_, sized)| sized).collect();
        if let Some(first) = self.first_of_two(from, &sized, bound)?.or_else(|| cheapest.cloned()) {
            return Ok(Some(first));
        }
        let Some((place, first)) = finalists.into_iter().next() else { return Ok(None) };
        let next = probes.get(place + 1).map_or(0.0, |probe| probe.0);
        self.while_best(from, &probes[place].2, first, next).map(Some)
    }

    /// A part of one finalist that, with the rest by another, reaches the target at a cost below `bound`: impact grows
    /// with size, so two books are cheaper than one.
    fn first_of_two(&self, from: &State, finalists: &[&Trial], bound: f64) -> Result<Option<Trial>, Refusal> {
        let mut best: (f64, Option<Trial>) = (bound, None);
        for (place, first) in finalists.iter().enumerate() {
            for part in 1..=PARTS {
                let lots = (first.lots.saturating_mul(part) / PARTS).max(1);
                let Some(part) = self.trial(from, &first.trade, lots)? else { continue };
                if self.reached(&part)
                    || !healthier(&part.standing, &from.standing)
                    || part.cost >= best.0
                    || self.relief(from, &part) < WORTH_FIRST * self.missing(from)
                {
                    continue;
                }
                let then = from.then(&part);
                for (_, second) in finalists.iter().enumerate().filter(|(other, _)| *other != place) {
                    if then.takes_back(&second.trade) {
                        continue;
                    }
                    let most = self.most(&then, &second.trade);
                    let Some(probe) = self.probe(&then, &second.trade, self.missing(&then), most)? else { continue };
                    let rest = self.size(&then, &probe, most)?;
                    if self.reached(&rest) && part.cost + rest.cost < best.0 {
                        best = (part.cost + rest.cost, Some(part.clone()));
                    }
                }
            }
        }
        Ok(best.1)
    }

    /// Whether anything may be traded that the account could use.
    pub fn any_market(&self, from: &State) -> bool {
        let candidates = self.candidates(from, 0.0);
        candidates.iter().any(|trade| self.books[trade.instrument.0].cost(1.0).is_finite())
    }

    /// USD of excess that are missing to the target.
    fn missing(&self, from: &State) -> f64 {
        -from.standing.excess(self.beta)
    }

    fn reached(&self, trial: &Trial) -> bool {
        trial.standing.excess(self.beta) >= 0.0
    }

    /// What a trade gives toward the target, its cost taken off, in USD.
    fn relief(&self, from: &State, trial: &Trial) -> f64 {
        trial.standing.excess(self.beta) - from.standing.excess(self.beta)
    }

    fn per_cost(&self, from: &State, trial: &Trial) -> f64 {
        self.relief(from, trial) / trial.burden()
    }

    /// Every trade that may help, in the order of instruments and sides.
    fn candidates(&self, from: &State, missing: f64) -> Vec<Trade> {
        let account = &from.account;
        let mut trades = Vec::new();
        for position in &account.positions {
            let Some(book) = self.books.get(position.instrument.0) else { continue };
            let side = if position.quantity.is_negative() { Side::Buy } else { Side::Sell };
            let most = whole_lots(position.quantity, book.lot);
            trades.push(Trade { instrument: position.instrument, side, aim: Aim::Reduce, most });
        }
        self.hedges(account, missing, &mut trades);
        self.repayments(account, &mut trades);
        trades.retain(|trade| trade.most > 0 && self.books[trade.instrument.0].lot > Quantity::ZERO);
        trades.retain(|trade| !from.takes_back(trade));
        trades.sort_by_key(|trade| (trade.instrument, trade.side == Side::Sell));
        trades
    }

    /// The cheapest perpetuals and futures of every underlying the account depends on, both ways but toward zero.
    fn hedges(&self, account: &Account, missing: f64, trades: &mut Vec<Trade>) {
        let of_positions = account.positions.iter().map(|position| self.market.listing(position.instrument).underlying);
        let of_balances = account.balances.iter().filter_map(|balance| self.market.assets[balance.asset.0].follows);
        let touched: BTreeSet<UnderlyingId> = of_positions.chain(of_balances).collect();
        let mut liquid: BTreeMap<UnderlyingId, Vec<(f64, InstrumentId)>> = BTreeMap::new();
        for (place, (listing, book)) in self.market.instruments.iter().zip(self.books).enumerate() {
            let delta = matches!(listing.kind, InstrumentKind::Perpetual | InstrumentKind::Future { .. });
            if delta && book.open && touched.contains(&listing.underlying) {
                let cost = book.cost(missing.max(trade::lot_value(listing, book, self.market)));
                liquid.entry(listing.underlying).or_default().push((cost, InstrumentId(place)));
            }
        }
        for instruments in liquid.values_mut() {
            instruments.sort_by(|one, other| one.0.total_cmp(&other.0));
            for (_, instrument) in instruments.iter().take(HEDGES) {
                let held = account.positions.iter().find(|position| position.instrument == *instrument);
                let held = held.map_or(0, |position| position.quantity.raw().signum());
                for (side, toward_zero) in [(Side::Buy, held < 0), (Side::Sell, held > 0)] {
                    if !toward_zero {
                        trades.push(Trade { instrument: *instrument, side, aim: Aim::Hedge, most: LOTS });
                    }
                }
            }
        }
    }

    /// Every exchange on spot of something owned for something owed.
    fn repayments(&self, account: &Account, trades: &mut Vec<Trade>) {
        let owned = |asset: AssetId| {
            let amounts = account.balances.iter().filter(|balance| balance.asset == asset);
            amounts.map(|balance| balance.amount).max().filter(|amount| *amount > Quantity::ZERO)
        };
        let owed = |asset: AssetId| {
            let amounts = account.balances.iter().filter(|balance| balance.asset == asset);
            amounts.map(|balance| balance.amount).min().filter(|amount| amount.is_negative())
        };
        for (place, (listing, book)) in self.market.instruments.iter().zip(self.books).enumerate() {
            let spot = (listing.kind == InstrumentKind::Spot).then(|| trade::base(listing, self.market));
            let Some(base) = spot.flatten() else { continue };
            let in_base = book.lot.to_f64() * listing.contract_size.to_f64();
            let in_quote = in_base * listing.mark.to_f64();
            let sides = [(Side::Buy, listing.quote, base), (Side::Sell, base, listing.quote)];
            for (side, sell, buy) in sides {
                let (Some(owned), Some(owed)) = (owned(sell), owed(buy)) else { continue };
                let (of_sell, of_buy) = if side == Side::Sell { (in_base, in_quote) } else { (in_quote, in_base) };
                let most = floor(owned.to_f64() / of_sell).min(floor(-owed.to_f64() / of_buy));
                let instrument = InstrumentId(place);
                trades.push(Trade { instrument, side, aim: Aim::Repay { sell, buy }, most });
            }
        }
    }

    /// Lots that a trade may have: its own limit and the room of its book.
    fn most(&self, from: &State, trade: &Trade) -> i64 {
        let book = &self.books[trade.instrument.0];
        let value = trade::lot_value(self.market.listing(trade.instrument), book, self.market);
        let lots = if value > 0.0 { floor((book.room_usd - from.used(trade.instrument)) / value) } else { LOTS };
        lots.min(trade.most)
    }

    /// The trade at as many USD as are missing or, where that is too much, at one lot; none when neither improves
    /// health.
    fn probe(&self, from: &State, trade: &Trade, missing: f64, most: i64) -> Result<Option<Trial>, Refusal> {
        let book = &self.books[trade.instrument.0];
        let value = trade::lot_value(self.market.listing(trade.instrument), book, self.market);
        let lots = if value > 0.0 { floor(missing / value).max(1).min(most) } else { most.min(1) };
        for lots in [lots, 1.min(lots.saturating_sub(1))] {
            if lots > 0 {
                let trial = self.trial(from, trade, lots)?;
                if let Some(trial) = trial.filter(|trial| healthier(&trial.standing, &from.standing)) {
                    return Ok(Some(trial));
                }
            }
        }
        Ok(None)
    }

    /// The account after so many lots at their expected cost; none where nothing trades or no number holds it.
    fn trial(&self, from: &State, trade: &Trade, lots: i64) -> Result<Option<Trial>, Refusal> {
        let book = &self.books[trade.instrument.0];
        let value = count(lots) * trade::lot_value(self.market.listing(trade.instrument), book, self.market);
        // What was traded before has moved the price already.
        let used = from.used(trade.instrument);
        let cost = book.cost(used + value) - book.cost(used);
        if !cost.is_finite() {
            return Ok(None);
        }
        let Ok(account) = trade::after(&from.account, self.market, book, (trade, lots), cost) else { return Ok(None) };
        let standing = self.gauge.stands(&account)?;
        Ok(Some(Trial { trade: *trade, lots, value, cost, account, standing }))
    }

    /// The smallest number of lots that reaches the target, else the number at which health is greatest.
    fn size(&self, from: &State, probe: &Trial, most: i64) -> Result<Trial, Refusal> {
        let mut below = 0;
        let mut best = probe.clone();
        while !self.reached(&best) && best.lots < most {
            let lots = best.lots.saturating_mul(2).min(most);
            let wider = self.trial(from, &best.trade, lots)?;
            let wider = wider.filter(|wider| healthier(&wider.standing, &best.standing));
            let Some(wider) = wider else {
                best = self.peak(from, best, (below, lots))?;
                break;
            };
            (below, best) = (best.lots, wider);
        }
        if self.reached(&best) { self.least(from, best, below) } else { Ok(best) }
    }

    /// The number of lots between two at which health is greatest, or one that reaches the target.
    fn peak(&self, from: &State, mut best: Trial, (mut low, mut high): (i64, i64)) -> Result<Trial, Refusal> {
        while high - low > 1 && !self.reached(&best) {
            // Between the best and the farther end, at the golden part of it: the nearer end moves up to the loser.
            let (upper, lower) = (high - best.lots, best.lots - low);
            let lots = if upper >= lower { best.lots + golden(upper) } else { best.lots - golden(lower) };
            if lots <= low || lots >= high || lots == best.lots {
                break;
            }
            let tried = self.trial(from, &best.trade, lots)?;
            match tried.filter(|tried| healthier(&tried.standing, &best.standing)) {
                Some(tried) if lots > best.lots => (low, best) = (best.lots, tried),
                Some(tried) => (high, best) = (best.lots, tried),
                None if lots > best.lots => high = lots,
                None => low = lots,
            }
        }
        Ok(best)
    }

    /// The smallest number of lots above `below` that reaches the target, as `enough` does (I-38).
    fn least(&self, from: &State, mut enough: Trial, mut below: i64) -> Result<Trial, Refusal> {
        while enough.lots - below > 1 {
            let lots = below + (enough.lots - below) / 2;
            match self.trial(from, &enough.trade, lots)?.filter(|trial| self.reached(trial)) {
                Some(trial) => enough = trial,
                None => below = lots,
            }
        }
        Ok(enough)
    }

    /// The most of a trade that gives as much per cost as the next best candidate does at its probe.
    fn while_best(&self, from: &State, probe: &Trial, sized: Trial, next: f64) -> Result<Trial, Refusal> {
        if self.per_cost(from, &sized) >= next || probe.lots >= sized.lots {
            return Ok(sized);
        }
        let (mut good, mut worse) = (probe.clone(), sized.lots);
        while worse - good.lots > 1 {
            let lots = good.lots + (worse - good.lots) / 2;
            let tried = self.trial(from, &probe.trade, lots)?;
            let better =
                |tried: &Trial| self.per_cost(from, tried) >= next && healthier(&tried.standing, &from.standing);
            match tried.filter(better) {
                Some(tried) => good = tried,
                None => worse = lots,
            }
        }
        let worth = self.relief(from, &good) >= WORTH * self.missing(from);
        Ok(if worth { good } else { sized })
    }
}

/// 0.382 of a span, at least 1: the golden section.
fn golden(span: i64) -> i64 {
    (span * 382 / 1000).max(1)
}

/// Whole lots in a quantity of contracts, whatever its sign.
fn whole_lots(contracts: Quantity, lot: Quantity) -> i64 {
    if lot <= Quantity::ZERO {
        return 0;
    }
    i64::try_from(contracts.raw().unsigned_abs() / lot.raw().unsigned_abs()).unwrap_or(LOTS).min(LOTS)
}

/// The whole part of a number, within what a book may have.
fn floor(number: f64) -> i64 {
    const WIDEST: f64 = 1e12;
    let whole = Ratio::from_f64(number.clamp(0.0, WIDEST), units::Round::Down).unwrap_or_default();
    i64::try_from(whole.raw() / Ratio::ONE.raw()).unwrap_or(LOTS).min(LOTS)
}
