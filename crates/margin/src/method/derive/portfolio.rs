//! The inputs of the managers: those of the contracts, in dollars, units of the underlying and seconds.
//!
//! Confidences are exact numbers, because the contracts charge below a threshold but not at it; everything else is a float.

use pricing::Right;
use units::Ratio;

/// One underlying of a subaccount: its feeds and the positions on it.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Index of the underlying.
    pub spot: f64,
    /// Confidence in the index, 0 to 1.
    pub spot_confidence: Ratio,
    /// The position in the underlying's perpetual; of size 0 when there is none.
    pub perp: Perp,
    /// Units of the underlying itself (PMRM and the standard manager), never below 0.
    pub base: f64,
    /// All assets besides cash and derivatives (`PMRM_2`, where the underlying is one of them).
    pub collaterals: Vec<CollateralHolding>,
    /// Options by expiry. An expiry without options contributes nothing.
    pub expiries: Vec<ExpiryHolding>,
}

/// Cash, and the price of the coin it consists of. A subaccount may owe cash.
#[derive(Clone, Copy, Debug)]
pub struct Cash {
    /// Units of the stablecoin.
    pub amount: f64,
    /// Price of a unit, in USD.
    pub price: f64,
}

/// The perpetual of an underlying.
#[derive(Clone, Copy, Debug, Default)]
pub struct Perp {
    /// Size in units of the underlying, negative when short.
    pub amount: f64,
    /// Its own mark, which scenarios move.
    pub price: f64,
    /// Confidence in the mark, 0 to 1.
    pub confidence: Ratio,
    /// Unrealised profit and unsettled funding.
    pub value: f64,
}

/// A coin that backs the account under `PMRM_2`.
#[derive(Clone, Debug)]
pub struct CollateralHolding {
    /// Units, never below 0.
    pub amount: f64,
    /// Price of a unit, in USD.
    pub price: f64,
    /// Confidence in the price, 0 to 1.
    pub confidence: Ratio,
    /// Whether it moves one for one with the underlying; otherwise it never moves.
    pub risk_cancelling: bool,
    /// Share held back from both margins.
    pub mm_haircut: f64,
    /// Additional share held back from the initial margin.
    pub im_haircut: f64,
}

/// The options of one expiry, and the feeds from which they are priced.
#[derive(Clone, Debug)]
pub struct ExpiryHolding {
    /// Seconds to settlement; 0 at settlement.
    pub seconds: f64,
    /// The part of the forward that moves with spot.
    pub forward_variable: f64,
    /// The part that the settlement average has already fixed.
    pub forward_fixed: f64,
    /// Continuously compounded rate, per year. The managers read a negative rate as 0.
    pub rate: f64,
    /// Confidence in the forward, 0 to 1.
    pub forward_confidence: Ratio,
    /// Confidence in the rate, 0 to 1.
    pub rate_confidence: Ratio,
    /// Confidence in the volatilities, 0 to 1.
    pub vol_confidence: Ratio,
    /// The option positions of this expiry.
    pub options: Vec<OptionHolding>,
}

/// An option position.
#[derive(Clone, Copy, Debug)]
pub struct OptionHolding {
    /// The strike, in USD.
    pub strike: f64,
    /// Whether it is a call or a put.
    pub right: Right,
    /// Size in units of the underlying, negative when short.
    pub amount: f64,
    /// Annualised volatility of its mark.
    pub vol: f64,
}

impl Holdings {
    /// The confidence in spot and, while there is a perpetual position, in the perpetual: the lower of the two.
    pub fn confidence(&self) -> Ratio {
        if self.perp.amount == 0.0 { self.spot_confidence } else { self.spot_confidence.min(self.perp.confidence) }
    }
}

impl CollateralHolding {
    /// Its value in units of cash.
    pub fn value(&self, cash: Cash) -> f64 {
        self.amount * self.price / cash.price
    }
}
