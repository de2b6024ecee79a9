//! What the managers look at: the inputs of the contracts, in dollars, units of the underlying and seconds.
//!
//! Confidences are exact, for the contracts charge below a threshold and not at it; everything else is continuous.

use pricing::Right;
use units::Ratio;

/// One underlying of a subaccount: what its feeds say and what is held on it.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Index of the underlying.
    pub spot: f64,
    /// How far the index can be trusted, 0 to 1.
    pub spot_confidence: Ratio,
    /// The position in the underlying's perpetual; of size 0 when there is none.
    pub perp: Perp,
    /// Units of the underlying itself (PMRM and the standard manager), never below 0.
    pub base: f64,
    /// Everything that is held besides cash and derivatives (`PMRM_2`, where the underlying is one of them).
    pub collaterals: Vec<Collateral>,
    /// Options by expiry. An expiry without options contributes nothing.
    pub expiries: Vec<Expiry>,
}

/// Cash, and what the coin it consists of is worth. A subaccount may owe cash.
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
    /// Its own mark, which is what a scenario moves.
    pub price: f64,
    /// How far the mark can be trusted.
    pub confidence: Ratio,
    /// Unrealised profit and unsettled funding.
    pub value: f64,
}

/// A coin that backs the account under `PMRM_2`.
#[derive(Clone, Debug)]
pub struct Collateral {
    /// Units, never below 0.
    pub amount: f64,
    /// Price of a unit, in USD.
    pub price: f64,
    /// How far the price can be trusted.
    pub confidence: Ratio,
    /// Whether it moves one for one with the underlying; otherwise it never moves.
    pub risk_cancelling: bool,
    /// Share held back from both margins.
    pub mm_haircut: f64,
    /// Share held back from the initial margin as well.
    pub im_haircut: f64,
}

/// The options of one expiry and the feeds they are priced from.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// Until settlement, 0 at it.
    pub seconds: f64,
    /// The part of the forward that moves with spot.
    pub forward_variable: f64,
    /// The part that the settlement average has already fixed.
    pub forward_fixed: f64,
    /// Continuously compounded, per year. The managers read a negative rate as 0.
    pub rate: f64,
    /// How far the forward can be trusted.
    pub forward_confidence: Ratio,
    /// How far the rate can be trusted.
    pub rate_confidence: Ratio,
    /// How far the volatilities can be trusted.
    pub vol_confidence: Ratio,
    /// The options that are held of this expiry.
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
    /// The confidence of everything that depends on spot, and on the perpetual while one is held.
    pub fn confidence(&self) -> Ratio {
        if self.perp.amount == 0.0 { self.spot_confidence } else { self.spot_confidence.min(self.perp.confidence) }
    }
}

impl Collateral {
    /// What it is worth in cash.
    pub fn value(&self, cash: Cash) -> f64 {
        self.amount * self.price / cash.price
    }
}
