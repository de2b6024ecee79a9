//! What Deribit margins together: the positions and orders of one currency pair in one settlement currency.

use model::Payoff;
use pricing::black76::{Black76, Inputs};
use pricing::math::exp;
use serde::Deserialize;

use crate::Refusal;
use crate::book::{Contract, Leg, OptionTerms, UnderlyingAccount};

/// The venue's name, as notes write it.
pub const VENUE: &str = "Deribit";

/// The positions and orders of one currency pair in one settlement currency.
#[derive(Clone, Debug)]
pub struct PairAccount {
    /// The legs and orders on the underlying. The index and all prices of inverse contracts are in USD, premiums in the
    /// settlement currency; everything of linear contracts is in the settlement currency.
    pub account: UnderlyingAccount,
    /// Inverse contracts count in the coin, linear ones in a stablecoin.
    pub payoff: Payoff,
    /// The currency that the contracts settle in.
    pub currency: Currency,
}

/// A settlement currency.
#[derive(Clone, Debug)]
pub struct Currency {
    /// The currency's name, such as `USDC`.
    pub name: String,
    /// Price of a unit, in USD.
    pub usd: f64,
    /// The value of a dollar of the venue's parameters, in prices of this account. It is 1 in USD and in a stablecoin
    /// that the venue treats as a dollar, at any price of that stablecoin; in another currency it is the price of a
    /// dollar.
    pub dollar: f64,
}

/// The currencies in which contracts settle.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Currencies {
    /// All settlement currencies.
    pub settlement: Vec<String>,
    /// The currencies that the venue treats as the dollar of its parameters.
    pub dollars: Vec<String>,
}

impl PairAccount {
    /// The currency pair and its settlement currency, such as `btc_usdc`.
    pub fn name(&self) -> String {
        format!("{}_{}", self.account.name, self.currency.name).to_lowercase()
    }

    /// The price of a coin in the settlement currency.
    pub fn per_coin(&self) -> f64 {
        match self.payoff {
            Payoff::Inverse => 1.0,
            Payoff::Linear => self.account.index,
        }
    }
}

/// The value of a leg's instrument, in the unit of its mark, after a relative move of prices and at volatility `vol`.
pub fn price_after(leg: &Leg, price_move: f64, vol: f64) -> Result<f64, Refusal> {
    let Contract::Option(terms) = leg.contract else {
        return Ok(leg.mark * (1.0 + price_move));
    };
    let forward = terms.forward * (1.0 + price_move);
    let option = black76(&terms, forward, vol).map_err(|_| Refusal::NotPriceable {
        instrument: leg.name.clone(),
        what: "the shocked volatility or forward",
        value: if vol.is_finite() && vol >= 0.0 { forward } else { vol },
        expected: "finite numbers, the forward above 0",
    })?;
    Ok(if leg.payoff == Payoff::Inverse { option.price() / forward } else { option.price() })
}

/// Delta per coin: 1 for futures, the market's for an option or, where the market gives none, that of Black-76.
pub fn delta(leg: &Leg) -> Result<f64, Refusal> {
    let Contract::Option(terms) = leg.contract else {
        return Ok(1.0);
    };
    if let Some(delta) = leg.delta {
        return Ok(delta);
    }
    let option = black76(&terms, terms.forward, terms.vol).map_err(|_| Refusal::NotPriceable {
        instrument: leg.name.clone(),
        what: "the volatility",
        value: terms.vol,
        expected: "a number above 0",
    })?;
    Ok(option.greeks().delta)
}

fn black76(terms: &OptionTerms, forward: f64, vol: f64) -> Result<Black76, pricing::Refusal> {
    let &OptionTerms { right, strike, years, rate, .. } = terms;
    Black76::new(Inputs { right, forward, strike, vol, years, discount: exp(-rate * years) })
}
