//! Several instruments of one underlying, closed together.
//!
//! The bankrupt account holds legs a₁ … aₘ, in lots. A *bundle* is a slice of all of them in their proportion: with K
//! the largest leg, k slices are k·aⱼ/K lots of leg j. Accounts that hold the opposite side of every leg close bundles,
//! so that their positions still hedge each other afterwards. Whole lots come from rounding the running total: after S
//! slices ⌊S·aⱼ/K⌋ lots of leg j are closed. So each winner is within one lot of the proportion in every leg, and the
//! lots of each leg add up.
//!
//! The lots that bundles leave are closed leg by leg, as if each leg stood alone: first the unhedged lots of accounts
//! that hold only one leg, then lots that are hedged or that belong to an account with several legs.

use super::{affordable, in_turn};
use crate::deleverage::apportion::{apportion, weights};
use serde::{Deserialize, Serialize};
use units::Money;

/// One instrument of the bankrupt account that must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankruptLeg {
    /// Lots to be closed; zero or less means none.
    pub lots: i64,
    /// The amount that each lot gives back, in USD; below zero counts as zero.
    pub give_back: Money,
}

/// The position of one account in one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WinnerHolding {
    /// Lots on the side opposite to the bankrupt account; 0 when the account holds none, or is on the same side.
    pub lots: i64,
    /// How many of those lots hedge a position outside the legs.
    pub hedged: i64,
    /// The unsettled profit of the position, in USD, signed.
    pub profit: Money,
}

/// An account that holds the opposite side of some of the legs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// A hash of the account, different for each account: it identifies the account and breaks ties.
    pub key: u64,
    /// Equity of the account, in USD.
    pub equity: Money,
    /// Notional of all positions of the account at the marks, in USD, without sign.
    pub notional: Money,
    /// The position of the account in each leg, in the order of the legs; a missing entry counts as no position.
    pub holdings: Vec<WinnerHolding>,
}

/// The lots that one winner closes of each leg, and the amount it gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The key of the holder.
    pub key: u64,
    /// Lots of each leg closed in bundles.
    pub bundled: Vec<i64>,
    /// Lots of each leg closed, the bundles included.
    pub lots: Vec<i64>,
    /// The amount that the winner gives back by closing, in USD; never more than its profit in all legs.
    pub give_back: Money,
}

/// The result of deleveraging several legs: the lots that each winner closes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JointDeleveraging {
    /// Sorted by key, ascending. Accounts that close nothing are left out.
    pub taken: Vec<Taken>,
    /// Lots of each leg that no account can close.
    pub left: Vec<i64>,
}

/// A holder while legs are closed. Most holders close nothing and keep empty lists.
struct Winner<'a> {
    key: u64,
    equity: Money,
    notional: Money,
    /// The holder's initial position in each leg, with lots and hedged lots within their bounds.
    held: &'a [WinnerHolding],
    /// The unsettled profit of all legs, less the amount already given back.
    profit: i128,
    bundled: Vec<i64>,
    lots: Vec<i64>,
    given: i128,
}

impl<'a> Winner<'a> {
    fn new(holder: &Holder, held: &'a [WinnerHolding]) -> Self {
        let profit = held.iter().map(|holding| holding.profit.raw()).fold(0, i128::saturating_add);
        let Holder { key, equity, notional, .. } = *holder;
        Self { key, equity, notional, held, profit, bundled: Vec::new(), lots: Vec::new(), given: 0 }
    }

    /// Lots of a leg closed so far.
    fn closed(&self, leg: usize) -> i64 {
        self.lots.get(leg).copied().unwrap_or(0)
    }

    fn take(&mut self, leg: usize, lots: i64, give_back: i128) {
        if lots == 0 {
            return;
        }
        self.lots.resize(self.lots.len().max(leg + 1), 0);
        self.lots[leg] += lots;
        assert!(lots > 0, "I-49: a winner closes {lots} lots");
        assert!(self.lots[leg] <= self.held[leg].lots, "I-49: a winner closes no more lots than it holds");
        let given = give_back * i128::from(lots);
        self.profit -= given;
        self.given += given;
        assert!(self.profit >= 0, "I-48: only profit is given back: {} is missing", -self.profit);
    }

    fn claim(&self, profit: i128) -> (Money, Money, Money) {
        (Money::from_raw(profit), self.equity, self.notional)
    }
}

/// Chooses the holders that close the legs, and the lots of each: bundles first, then leg by leg in the order given.
/// The result does not depend on the order of the holders.
pub fn portfolio(legs: &[BankruptLeg], holders: &[Holder]) -> JointDeleveraging {
    let legs: Vec<(i64, i128)> = legs.iter().map(|leg| (leg.lots.max(0), leg.give_back.raw().max(0))).collect();
    let mut order: Vec<(u64, &Holder)> = holders.iter().map(|holder| (holder.key, holder)).collect();
    order.sort_by_key(|(key, _)| *key);
    // The holdings are stored next to each other in this order, because they are read many times.
    let held: Vec<WinnerHolding> =
        order.iter().flat_map(|(_, holder)| (0..legs.len()).map(|leg| held(holder, leg))).collect();
    let held = held.chunks(legs.len().max(1)).chain(std::iter::repeat(&[][..]));
    let mut winners: Vec<Winner> =
        order.iter().zip(held).map(|((_, holder), held)| Winner::new(holder, held)).collect();
    let mut left: Vec<i64> = legs.iter().map(|(lots, _)| *lots).collect();
    if legs.iter().filter(|(lots, _)| *lots > 0).count() > 1 {
        bundles(&legs, &mut left, &mut winners);
    }
    for (leg, (_, give_back)) in legs.iter().enumerate() {
        single(leg, *give_back, &mut left[leg], &mut winners);
    }
    let whole = |mut lots: Vec<i64>| {
        lots.resize(legs.len(), 0);
        lots
    };
    let taken = winners.into_iter().filter(|winner| !winner.lots.is_empty()).map(|winner| Taken {
        key: winner.key,
        bundled: whole(winner.bundled),
        lots: whole(winner.lots),
        give_back: Money::from_raw(winner.given),
    });
    JointDeleveraging { taken: taken.collect(), left }
}

/// The position of a holder in one leg, with lots and hedged lots within their bounds.
fn held(holder: &Holder, leg: usize) -> WinnerHolding {
    let holding = holder.holdings.get(leg).copied().unwrap_or_default();
    let lots = holding.lots.max(0);
    WinnerHolding { lots, hedged: holding.hedged.clamp(0, lots), profit: holding.profit }
}

/// Closes as many bundles of all legs as the winners can close.
fn bundles(legs: &[(i64, i128)], left: &mut [i64], winners: &mut [Winner]) {
    let slices = legs.iter().map(|(lots, _)| *lots).max().unwrap_or(0);
    let limits: Vec<i64> = winners.iter().map(|winner| limit(legs, slices, winner)).collect();
    let chosen: Vec<usize> = (0..winners.len()).filter(|place| limits[*place] > 0).collect();
    let claims: Vec<_> = chosen.iter().map(|place| winners[*place].claim(winners[*place].profit)).collect();
    let limits: Vec<i64> = chosen.iter().map(|place| limits[*place]).collect();
    let (parts, _) = apportion(slices, &weights(&claims), &limits);
    let mut running = 0;
    for (place, part) in chosen.into_iter().zip(parts) {
        let winner = &mut winners[place];
        for (leg, (lots, give_back)) in legs.iter().enumerate() {
            let closed = floor(*lots, running + part, slices) - floor(*lots, running, slices);
            winner.take(leg, closed, *give_back);
            left[leg] -= closed;
            assert!(left[leg] >= 0, "I-50: bundles close {} lots too many", -left[leg]);
        }
        winner.bundled.clone_from(&winner.lots);
        running += part;
    }
}

/// The most slices that a winner has the lots and the profit for, however the running total rounds.
fn limit(legs: &[(i64, i128)], slices: i64, winner: &Winner) -> i64 {
    let mut most = slices;
    for (leg, (lots, _)) in legs.iter().enumerate().filter(|(_, (lots, _))| *lots > 0) {
        let held = winner.held[leg];
        // ⌈a·k/K⌉ is at most c when k is at most c·K/a.
        let free = (held.lots - held.hedged).min(*lots);
        most = most.min(floor(slices, free, *lots));
    }
    // A cost that overflows is more than any profit.
    let pays = |count: i64| {
        let cost = legs.iter().try_fold(0_i128, |sum, (lots, give_back)| {
            sum.checked_add(give_back.checked_mul(ceiling(*lots, count, slices).into())?)
        });
        cost.is_some_and(|cost| cost <= winner.profit)
    };
    if winner.profit <= 0 || most == 0 {
        return 0;
    }
    if pays(most) {
        return most;
    }
    // Finds the largest affordable count by halving, between one that is affordable and one that is not.
    let (mut enough, mut beyond) = (0, most);
    while beyond - enough > 1 {
        let middle = enough + (beyond - enough) / 2;
        *(if pays(middle) { &mut enough } else { &mut beyond }) = middle;
    }
    enough
}

/// ⌊lots · count / slices⌋, for counts up to `slices`.
fn floor(lots: i64, count: i64, slices: i64) -> i64 {
    let exact = i128::from(lots) * i128::from(count) / i128::from(slices);
    i64::try_from(exact).expect("at most the lots")
}

/// ⌈lots · count / slices⌉, for counts up to `slices`.
fn ceiling(lots: i64, count: i64, slices: i64) -> i64 {
    let exact = (i128::from(lots) * i128::from(count) + i128::from(slices) - 1) / i128::from(slices);
    i64::try_from(exact).expect("at most the lots")
}

/// Closes the rest of one leg.
fn single(leg: usize, give_back: i128, left: &mut i64, winners: &mut [Winner]) {
    // The profit of this leg less the part that bundles have taken, and no more than the remaining profit of all legs.
    let profit = |winner: &Winner| {
        let given = give_back * i128::from(winner.closed(leg));
        winner.profit.min(winner.held[leg].profit.raw().saturating_sub(given))
    };
    let rest = |winner: &Winner| winner.held[leg].lots - winner.closed(leg);
    let mut chosen: Vec<&mut Winner> =
        winners.iter_mut().filter(|winner| rest(winner) > 0 && profit(winner) > 0).collect();
    let claims: Vec<_> = chosen.iter().map(|winner| winner.claim(profit(winner))).collect();
    let limits: Vec<i64> = chosen.iter().map(|winner| affordable(rest(winner), profit(winner), give_back)).collect();
    let free = |winner: &Winner| {
        let several = winner.held.iter().filter(|holding| holding.lots > 0).count() > 1;
        if several { 0 } else { (rest(winner) - winner.held[leg].hedged).max(0) }
    };
    let free: Vec<i64> = chosen.iter().zip(&limits).map(|(winner, limit)| free(winner).min(*limit)).collect();
    let (parts, rest) = in_turn(*left, &weights(&claims), &free, &limits);
    for (winner, part) in chosen.iter_mut().zip(parts) {
        winner.take(leg, part, give_back);
    }
    assert!((0..=*left).contains(&rest), "I-50: {rest} of {left} lots are left");
    *left = rest;
}
