//! Auto-deleveraging: winners give back profit when nothing else pays a loss. Whole lots, by largest remainder.
//!
//! The bankrupt account's position must be closed. Accounts with a profit on the other side close against it, at a
//! price that leaves the bankrupt account with nothing ([`price`]): the mark moved by the deficit per unit. That
//! distance, times the size that a winner closes, is the amount that the winner gives back.
//!
//! *Candidates.* A candidate is on the opposite side and has an unsettled profit (I-48, I-49). It closes no more lots
//! than it has, and no more than its profit pays for: principal is never cut.
//!
//! *Size.* In proportion to profit · (1 + leverage), where leverage is notional over equity, at most [`HIGHEST`]. The
//! weight is linear in profit, so an account gains nothing by splitting in two; more leverage closes more, because it
//! is more risk. An account that reaches its limit stays there, and the others share the remaining lots in the same
//! proportion. Lots that do not divide evenly go to the largest remainders, and among equal remainders to the smallest
//! key (a hash of the account). So exactly the lots asked for are closed, the overshoot in lots is 0 (I-50 allows one),
//! and the amount given back is never above the deficit.
//!
//! *Hedges.* Lots that hedge another position of their account ([`Candidate::hedged`]) are taken only when no account
//! has unhedged lots left: closing them would leave the winner with the risk that they hedged. Where several
//! instruments of one underlying must be closed together, [`portfolio`] first closes bundles, which take a slice of all
//! of them at once; [`spread`] says what part of the deficit each instrument makes good.
//!
//! *Speed.* Linear in the number of candidates except for the sorting by key, with one wide division per candidate.

mod apportion;
mod bundle;

use apportion::{apportion, largest, weight};
use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Price, Quantity, Ratio, Round};

pub use apportion::HIGHEST;
pub use bundle::{BankruptLeg, Holder, JointDeleveraging, Taken, WinnerHolding, portfolio};

/// An account that holds the opposite side of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// A hash of the account, different for each account: it identifies the account and breaks ties.
    pub key: u64,
    /// Lots held on the opposite side, as a positive number; an account without any is no candidate.
    pub lots: i64,
    /// How many of those lots hedge another position of the account; clamped to 0 … `lots`.
    pub hedged: i64,
    /// The unsettled profit of the position, in USD; an account without any is no candidate.
    pub profit: Money,
    /// Equity of the account, in USD. Zero or less counts as the highest leverage.
    pub equity: Money,
    /// Notional of all positions of the account at the marks, in USD, without sign.
    pub notional: Money,
}

/// The lots that one winner closes, and the amount it gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The key of the candidate.
    pub key: u64,
    /// Lots closed, above 0.
    pub lots: i64,
    /// The amount that the winner gives back by closing, in USD: its proceeds at the mark less its actual proceeds.
    pub give_back: Money,
}

/// The result of deleveraging one instrument: the lots that each winner closes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleveraging {
    /// Sorted by key, ascending; by rank for [`queue`]. Accounts that close nothing are left out.
    pub closed: Vec<Closed>,
    /// Lots asked for that no candidate can close; negative when more lots are closed than asked for, which only
    /// [`queue`] does.
    pub left: i64,
}

impl Deleveraging {
    /// The sum that all winners give back, in USD.
    pub fn give_back(&self) -> Result<Money, Overflow> {
        self.closed.iter().try_fold(Money::ZERO, |sum, closed| sum.plus(closed.give_back))
    }
}

/// The price at which closing `quantity` (the signed position of the bankrupt account) brings its loss to zero: the
/// mark, at which closing would change nothing, moved by the deficit per unit. Rounded against the bankrupt account: a
/// long sells at the lower price, a short buys at the higher. So winners never give back more than `deficit` (USD, not
/// below zero), and the rounding difference, less than 10⁻¹⁸ USD a unit, stays with the funds. For linear contracts;
/// fails when `quantity` is zero.
pub fn price(mark: Price, deficit: Money, quantity: Quantity) -> Result<Price, Overflow> {
    let round = if quantity.is_negative() { Round::Up } else { Round::Down };
    let shift =
        deficit.max(Money::ZERO).per(Money::from_raw(quantity.raw()), round).ok_or(Overflow { quantity: "price" })?;
    debug_assert!(
        shift == Ratio::ZERO || (shift < Ratio::ZERO) == quantity.is_negative(),
        "away from winners: {shift}"
    );
    mark.plus(Price::from_raw(shift.raw()))
}

/// The amount that each of `lots` lots gives back so that together they make good `deficit`, in USD a lot, rounded
/// down: the sum is never more than the deficit, and short of it by less than 10⁻¹⁸ USD a lot. 0 when there are no lots.
pub fn give_back(deficit: Money, lots: i64) -> Money {
    if lots <= 0 { Money::ZERO } else { Money::from_raw(deficit.raw().max(0) / i128::from(lots)) }
}

/// The part of a deficit that each of several legs makes good, in USD: in proportion to their `notionals` (USD at the
/// marks; below zero counts as zero), adding up to the deficit to the last unit. The first leg takes all of it when no
/// leg is worth anything.
pub fn spread(deficit: Money, notionals: &[Money]) -> Vec<Money> {
    let worth = |notional: &Money| notional.raw().max(0);
    let deficit = deficit.max(Money::ZERO);
    let total = notionals.iter().map(worth).fold(0, i128::saturating_add);
    let (mut running, mut given) = (0_i128, 0);
    let parts = notionals.iter().map(|notional| {
        running = running.saturating_add(worth(notional));
        let share = Money::from_raw(running).per(Money::from_raw(total), Round::Down);
        // The legs up to the last one with a notional above 0 make good the whole deficit.
        let up_to = match share {
            Some(share) if running < total => deficit.scaled(share, Round::Down).unwrap_or(deficit).raw(),
            _ => deficit.raw(),
        };
        let part = up_to - given;
        assert!(part >= 0, "I-48: a leg makes good no less than nothing: {part}");
        given = up_to;
        Money::from_raw(part)
    });
    let parts: Vec<Money> = parts.collect();
    assert!(parts.is_empty() || given == deficit.raw(), "I-50: {given} of {deficit} is made good");
    parts
}

/// The number of lots, up to `lots`, that a profit pays for at `give_back` USD each (not below 0).
fn affordable(lots: i64, profit: i128, give_back: i128) -> i64 {
    let profit = profit.max(0);
    let paid_for = match give_back.checked_mul(lots.into()) {
        Some(all) if all <= profit => lots,
        // Below `lots`, because all of them cost more.
        _ => i64::try_from(profit / give_back).unwrap_or(lots),
    };
    assert!((0..=lots).contains(&paid_for), "I-48: a profit pays for {paid_for} of {lots} lots");
    paid_for
}

/// Chooses the candidates that close `lots` lots at `give_back` USD a lot (below zero counts as zero), by the rule of
/// this module. The result does not depend on the order of the candidates.
pub fn deleverage(lots: i64, give_back: Money, candidates: &[Candidate]) -> Deleveraging {
    let each = give_back.raw().max(0);
    let chosen = || candidates.iter().filter(|one| is_candidate(one));
    let largest = largest(chosen().map(|one| one.profit));
    // Claims are smaller than candidates, so claims are sorted instead.
    let mut claims: Vec<Claim> = chosen().map(|one| claim(one, each, largest)).collect();
    claims.sort_by_key(|claim| claim.key);
    let weights: Vec<u64> = claims.iter().map(|claim| claim.weight).collect();
    let free: Vec<i64> = claims.iter().map(|claim| claim.free).collect();
    let limits: Vec<i64> = claims.iter().map(|claim| claim.limit).collect();
    let (taken, left) = in_turn(lots, &weights, &free, &limits);
    let within = || taken.iter().zip(&limits).all(|(taken, limit)| (0..=*limit).contains(taken));
    debug_assert!(within(), "I-49: {taken:?} lots are closed within {limits:?}");
    let sum: i128 = taken.iter().copied().map(i128::from).sum();
    assert_eq!(sum + i128::from(left), i128::from(lots.max(0)), "I-50: the lots asked for are closed or left");
    let closed = claims.iter().zip(taken).filter(|(_, lots)| *lots > 0).map(|(claim, lots)| Closed {
        key: claim.key,
        lots,
        give_back: Money::from_raw(each * i128::from(lots)),
    });
    Deleveraging { closed: closed.collect(), left }
}

/// The parts of a candidate that decide how lots are shared out.
struct Claim {
    key: u64,
    weight: u64,
    free: i64,
    limit: i64,
}

fn claim(one: &Candidate, each: i128, largest: Money) -> Claim {
    let limit = affordable(one.lots, one.profit.raw(), each);
    let free = one.lots - one.hedged.clamp(0, one.lots);
    Claim { key: one.key, weight: weight(one.profit, one.equity, one.notional, largest), free: free.min(limit), limit }
}

fn is_candidate(one: &Candidate) -> bool {
    one.lots > 0 && one.profit > Money::ZERO
}

/// Takes lots from the `free` lots of all candidates and, only when those are not enough, from the rest of their
/// `limits`. Returns the lots taken from each candidate, and the lots that are left.
fn in_turn(lots: i64, weights: &[u64], free: &[i64], limits: &[i64]) -> (Vec<i64>, i64) {
    assert!(weights.len() == free.len() && free.len() == limits.len(), "each claim has a weight, a part and a limit");
    debug_assert!(free.iter().zip(limits).all(|(free, limit)| free <= limit), "what is free is within the limit");
    let (mut taken, left) = apportion(lots, weights, free);
    if left <= 0 {
        return (taken, left);
    }
    let rest: Vec<i64> = limits.iter().zip(&taken).map(|(limit, taken)| limit - taken).collect();
    let (more, left) = apportion(left, weights, &rest);
    for (taken, more) in taken.iter_mut().zip(more) {
        *taken += more;
    }
    (taken, left)
}

/// The rule of other venues, for comparison in simulations: a queue sorted by profit per notional times leverage, which
/// is profit over equity. From the top, each account closes its whole position until the lots are covered. The queue
/// overshoots by the rest of the last position, puts the whole loss on the top of the queue, and checks neither hedges
/// nor whether a profit pays for the amount given back.
pub fn queue(lots: i64, give_back: Money, candidates: &[Candidate]) -> Deleveraging {
    let each = give_back.raw().max(0);
    let rank = |one: &Candidate| {
        if one.equity > Money::ZERO { one.profit.to_f64() / one.equity.to_f64() } else { f64::INFINITY }
    };
    let mut order: Vec<(f64, &Candidate)> =
        candidates.iter().filter(|one| is_candidate(one)).map(|one| (rank(one), one)).collect();
    order.sort_by(|(left, one), (right, other)| right.total_cmp(left).then(one.key.cmp(&other.key)));
    let mut outcome = Deleveraging { closed: Vec::new(), left: lots.max(0) };
    for (_, one) in order {
        if outcome.left <= 0 {
            break;
        }
        outcome.left -= one.lots;
        let give_back = Money::from_raw(each.saturating_mul(one.lots.into()));
        outcome.closed.push(Closed { key: one.key, lots: one.lots, give_back });
    }
    outcome
}
