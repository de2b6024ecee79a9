//! How much may be sold in an interval, and how near a cascade of liquidations is.
//!
//! *Flow.* The liquidations of one underlying share a leaky bucket. The bucket holds a share of the observed depth, and
//! the same amount leaks out in one interval. So that amount may be sold at once, and in the long run that amount in
//! every interval.
//!
//! *Cascade.* Selling moves the price by λ per USD, and a move liquidates ρ USD per unit of −Δln p. With R = λ·ρ a
//! shock becomes shock·(1 + R + R² + …) = shock / (1 − R), and from R = 1 on it feeds itself. As R rises, slices get
//! smaller and new risk costs more. R is a risk number: it sizes and prices, and moves no money.

use crate::LiquidationRules;
use serde::{Deserialize, Serialize};
use units::{Money, Ratio, Round, Timestamp};

/// The recent liquidation volume of one underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Flow {
    /// USD in the bucket at `since`.
    pub spent: Money,
    /// The time at which `spent` was last brought up to date.
    pub since: Timestamp,
}

impl Flow {
    /// A flow in which nothing has been sold, at `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self { spent: Money::ZERO, since: now }
    }
}

/// The size of the bucket, in USD, rounded down: the share of the depth that liquidations may take. 0 where no depth is known.
fn capacity(depth_usd: f64, rules: &LiquidationRules) -> Money {
    let depth = if depth_usd > 0.0 { depth_usd } else { 0.0 };
    let share = rules.participation.max(Ratio::ZERO);
    Money::from_f64(depth, Round::Down).and_then(|depth| depth.scaled(share, Round::Down)).unwrap_or(Money::ZERO)
}

/// The level of the bucket at `now`, in USD; the leaked amount rounds down.
fn level(flow: &Flow, capacity: Money, now: Timestamp, rules: &LiquidationRules) -> Money {
    let elapsed = now.micros().saturating_sub(flow.since.micros()).max(0);
    let spent = flow.spent.max(Money::ZERO);
    let Some(part) = Money::from_raw(elapsed.into()).per(Money::from_raw(rules.interval.into()), Round::Down) else {
        return spent;
    };
    // An amount that overflows is more than was ever spent.
    let leaked = capacity.scaled(part, Round::Down).unwrap_or(spent);
    let level = Money::from_raw(spent.raw().saturating_sub(leaked.raw().max(0)).max(0));
    assert!(level <= spent, "a bucket only leaks: {level} of {spent}");
    level
}

/// USD that may be sold at `now`, given the observed depth `depth_usd` of the underlying. 0 where the depth is not known.
pub fn room(flow: &Flow, depth_usd: f64, now: Timestamp, rules: &LiquidationRules) -> Money {
    let capacity = capacity(depth_usd, rules);
    assert!(!capacity.is_negative(), "a share of a depth is not below 0: {capacity}");
    let room = Money::from_raw(capacity.raw().saturating_sub(level(flow, capacity, now, rules).raw()).max(0));
    assert!(room <= capacity, "I-39: there is room for {room} in {capacity}");
    room
}

/// The flow after `sold` USD were sold at `now`. It records every sale, even one that [`room`] would not have allowed.
/// A time before the last one counts as the last one.
#[must_use]
pub fn spend(flow: &Flow, sold: Money, depth_usd: f64, now: Timestamp, rules: &LiquidationRules) -> Flow {
    let left = level(flow, capacity(depth_usd, rules), now, rules);
    let spent = Money::from_raw(left.raw().saturating_add(sold.raw().max(0)));
    assert!(spent >= left, "what was sold is remembered: {spent} after {left}");
    Flow { spent, since: flow.since.max(now) }
}

/// A position that will be liquidated when the price moves far enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposure {
    /// |Δln p| at which the position is liquidated, above 0. A value that is not above 0, or is not a number, counts as
    /// liquidated by any move.
    pub distance: f64,
    /// The notional traded by the liquidation, in USD, not below 0.
    pub notional: f64,
    /// Whether a falling price liquidates it.
    pub long: bool,
}

/// How strongly a price move feeds itself: R = λ·ρ, for each direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cascade {
    /// R for a falling price, from the positions that longs must sell.
    pub down: f64,
    /// R for a rising price, from the positions that shorts must buy.
    pub up: f64,
}

impl Cascade {
    /// The larger R of the two directions.
    pub fn worst(&self) -> f64 {
        if self.down.is_nan() || self.down > self.up { self.down } else { self.up }
    }
}

/// R for each direction. ρ is the notional liquidated within a move of `reach` (|Δln p|, above 0) per unit of that
/// move; `impact_per_usd` (λ) is |Δln p| for every USD traded. Sums run in the order given.
pub fn cascade(exposures: &[Exposure], impact_per_usd: f64, reach: f64) -> Cascade {
    assert!(reach > 0.0, "a move has a size: {reach}");
    let (mut down, mut up) = (0.0, 0.0);
    for exposure in exposures {
        debug_assert!(exposure.notional.is_nan() || exposure.notional >= 0.0, "a notional has no sign: {exposure:?}");
        if exposure.distance > reach {
            continue;
        }
        *(if exposure.long { &mut down } else { &mut up }) += exposure.notional;
    }
    Cascade { down: impact_per_usd * (down / reach), up: impact_per_usd * (up / reach) }
}

/// The factor by which a shock grows: 1 / (1 − R), infinite from R = 1 on.
pub fn amplification(r: f64) -> f64 {
    if r < 1.0 { 1.0 / (1.0 - r.max(0.0)) } else { f64::INFINITY }
}

/// The smallest part of a slice that is still traded, so that a liquidation goes on, however slowly (I-36).
pub const SLOWEST: f64 = 0.1;
/// Up to this R, new risk carries no surcharge.
pub const CALM: f64 = 0.5;
/// From R = 1 on, the requirement of new risk is multiplied by this.
pub const DEAREST: f64 = 2.0;

/// The part of a slice to trade: 1 − R, at least [`SLOWEST`]. With it, the slice and the liquidations that it sets off
/// add up to the full slice. An R that is not a number gives [`SLOWEST`].
pub fn slow(r: f64) -> f64 {
    let part = if r.is_nan() { SLOWEST } else { (1.0 - r).clamp(SLOWEST, 1.0) };
    debug_assert!((SLOWEST..=1.0).contains(&part), "I-36: {part} of a slice");
    part
}

/// The factor on the initial requirement of new risk: 1 up to [`CALM`], [`DEAREST`] from R = 1 on, and a straight line
/// between. An R that is not a number gives the largest factor.
pub fn surcharge(r: f64) -> f64 {
    if r.is_nan() {
        return DEAREST;
    }
    let factor = 1.0 + (DEAREST - 1.0) * ((r - CALM) / (1.0 - CALM)).clamp(0.0, 1.0);
    debug_assert!((1.0..=DEAREST).contains(&factor), "new risk costs {factor} times its requirement");
    factor
}
