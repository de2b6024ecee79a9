//! Black-76: a European option on a forward, with its Greeks.
//!
//! With forward `F`, strike `K`, volatility `σ`, time `T`, discount factor `D`, and `s = σ√T`:
//!
//! ```text
//! d1 = ln(F/K)/s + s/2      call = D (F N(d1) − K N(d2))
//! d2 = ln(F/K)/s − s/2      put  = D (K N(−d2) − F N(−d1))
//! ```
//!
//! Where `s` is 0 (at expiry, or without volatility) an option is worth its intrinsic value.
//!
//! The price runs the operations of the vectorised kernel (`kernel/lane.rs`) on one lane: its error is at most 2e-14 of
//! `max(F, K)`, and its bits are those of [`crate::kernel::Columns`]. The Greeks are coded like the formulas above.

use crate::{
    Refusal, Right,
    kernel::lane::{self, LEAST_STDEV, Level, Stdev},
    math::{cdf, ln, pdf},
    refusal::{non_negative, positive},
};

/// The inputs of a price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// Whether it is a call or a put.
    pub right: Right,
    /// The forward price for delivery at expiry: positive.
    pub forward: f64,
    /// The strike: positive.
    pub strike: f64,
    /// Volatility a year, 1.0 = 100 %: at least 0.
    pub vol: f64,
    /// Time to expiry in years of 365 days: at least 0.
    pub years: f64,
    /// The present value of 1 paid at expiry: positive; 1 for an undiscounted price.
    pub discount: f64,
}

/// An option in one state of the market, with checked inputs: nothing after [`Black76::new`] can fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Black76 {
    right: Right,
    forward: Level,
    strike: Level,
    vol: f64,
    years: f64,
    discount: f64,
}

/// A price and its derivatives, all discounted, for one unit of the underlying.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greeks {
    /// The discounted price.
    pub price: f64,
    /// ∂price/∂F: change per 1 of the forward.
    pub delta: f64,
    /// ∂²price/∂F²: change of delta per 1 of the forward.
    pub gamma: f64,
    /// ∂price/∂σ per 1.00 of volatility (divide by 100 for a vol point).
    pub vega: f64,
    /// Change per **year** that passes, with the forward, the volatility and the rate behind `discount` held fixed
    /// (divide by 365 for a day): negative for most long options.
    pub theta: f64,
    /// ∂price/∂r per 1.00 of the continuously compounded rate, with the **forward held** fixed: `−T · price`.
    pub rho: f64,
    /// ∂²price/∂F∂σ: change of delta per 1.00 of volatility.
    pub vanna: f64,
    /// ∂²price/∂σ²: change of vega per 1.00 of volatility.
    pub volga: f64,
}

impl Black76 {
    /// Checks the inputs.
    pub fn new(inputs: Inputs) -> Result<Self, Refusal> {
        let forward = positive(inputs.forward, Refusal::Forward)?;
        let strike = positive(inputs.strike, Refusal::Strike)?;
        Ok(Self {
            right: inputs.right,
            forward: Level { value: forward, ln: ln(forward) },
            strike: Level { value: strike, ln: ln(strike) },
            vol: non_negative(inputs.vol, Refusal::Vol)?,
            years: non_negative(inputs.years, Refusal::Years)?,
            discount: positive(inputs.discount, Refusal::Discount)?,
        })
    }

    /// The standard deviation of the log of the forward at expiry, `σ√T`.
    pub fn stdev(&self) -> f64 {
        self.vol * self.years.sqrt()
    }

    /// The price, discounted.
    pub fn price(&self) -> f64 {
        self.undiscounted() * self.discount
    }

    /// The price as it would be paid at expiry.
    pub fn undiscounted(&self) -> f64 {
        let unit = Stdev::unfloored(self.years.sqrt());
        let stdev = unit.at_vol(self.vol, 1.0 / self.vol).at_least(Stdev::new(0.0));
        match self.right {
            Right::Call => lane::price::<false>(self.forward, self.strike, stdev),
            Right::Put => lane::price::<true>(self.forward, self.strike, stdev),
        }
    }

    /// The value of exercising now, undiscounted.
    pub fn intrinsic(&self) -> f64 {
        (self.right.sign() * (self.forward.value - self.strike.value)).max(0.0)
    }

    /// The price with its derivatives.
    ///
    /// At `s = 0` the price has a kink at the strike: delta is that of the side on which the forward lies, and half of
    /// it at the strike; gamma, vega, vanna and volga are 0.
    pub fn greeks(&self) -> Greeks {
        let (forward, vol, discount, sign) = (self.forward.value, self.vol, self.discount, self.right.sign());
        let price = self.price();
        let rate = if self.years > 0.0 { -ln(discount) / self.years } else { 0.0 };
        let rho = -self.years * price;
        let s = self.stdev();
        if s < LEAST_STDEV {
            let moneyness = sign * (forward - self.strike.value);
            let exercised = if moneyness == 0.0 { 0.5 } else { f64::from(u8::from(moneyness > 0.0)) };
            return Greeks { price, delta: discount * sign * exercised, theta: rate * price, rho, ..Greeks::default() };
        }
        let d1 = (self.forward.ln - self.strike.ln) / s + 0.5 * s;
        let d2 = d1 - s;
        let density = discount * pdf(d1);
        let vega = forward * density * self.years.sqrt();
        Greeks {
            price,
            delta: discount * sign * cdf(sign * d1),
            gamma: density / (forward * s),
            vega,
            theta: rate * price - 0.5 * vega * vol / self.years,
            rho,
            vanna: -density * d2 / vol,
            volga: vega * d1 * d2 / vol,
        }
    }
}
