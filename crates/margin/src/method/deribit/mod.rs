//! Deribit: inverse contracts settle in the coin, linear contracts in a stablecoin, and each currency is margined separately.
//!
//! | method | model | in a sentence |
//! |---|---|---|
//! | `deribit` | S:PM | the worst of a matrix of price and volatility moves, plus shocks for rolling and unwinding delta |
//! | `deribit-standard` | S:SM | every position separately: futures by size, options by moneyness |
//!
//! ```text
//! Account ──adapt──▶ PairBook ──requirement──▶ Requirement ──workings──▶ Workings
//!                    one pair, one currency    in that currency          in USD
//! ```
//!
//! A [`PairBook`] holds the positions and orders of one currency pair in one settlement currency: `btc_btc` is in BTC,
//! `btc_usdc` in USDC. Both models answer in the settlement currency; the workings convert at its price, and the notes
//! keep the venue's own figures. `segregated.rs` applies the rule that currencies do not back each other.

mod adapt;
pub mod portfolio;
mod segregated;
pub mod standard;

use model::{Payoff, Right};
use pricing::black76::{Black76, Inputs};
use pricing::math::exp;
use serde::Deserialize;

use crate::Refusal;
use crate::book::Listed;
use adapt::adapt;

/// The contracts that Deribit lists: every kind that the model knows.
pub const LISTED: Listed = Listed {
    venue: "Deribit",
    spot: true,
    inverse_futures: true,
    dated_futures: true,
    inverse_options: true,
    linear_options: true,
};

/// The positions and orders of one currency pair in one settlement currency.
#[derive(Clone, Debug)]
pub struct PairBook {
    /// The name of the underlying.
    pub underlying: String,
    /// Inverse contracts count in the coin, linear ones in a stablecoin.
    pub payoff: Payoff,
    /// The currency that the contracts settle in.
    pub currency: Currency,
    /// The index per coin: in USD for inverse contracts, in the settlement currency for linear ones.
    pub index: f64,
    /// The positions of the book.
    pub positions: Vec<Leg>,
    /// The open orders of the book.
    pub orders: Vec<Order>,
}

/// A settlement currency.
#[derive(Clone, Debug)]
pub struct Currency {
    /// The currency's name, such as `USDC`.
    pub name: String,
    /// Price of a unit, in USD.
    pub usd: f64,
    /// The value of a dollar of the venue's parameters, in prices of this book. It is 1 in USD and in a stablecoin that
    /// the venue treats as a dollar, at any price of that stablecoin; in another currency it is the price of a dollar.
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

/// A position, or the position that an order would create.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The index of the position (or order) in the account.
    pub place: usize,
    /// The name of the instrument.
    pub name: String,
    /// The kind of contract and its terms.
    pub contract: Contract,
    /// Years of 365 days to expiry; 0 for a perpetual.
    pub years: f64,
    /// The venue's mark per coin: USD for inverse futures, the settlement currency for everything else.
    pub mark: f64,
    /// Delta per coin.
    pub delta: f64,
    /// Size in coins at the current mark: positive when long.
    pub size: f64,
}

/// The kind of contract and its terms.
#[derive(Clone, Copy, Debug)]
pub enum Contract {
    /// A perpetual or a future.
    Future,
    /// A European option.
    Option {
        /// Whether it is a call or a put.
        right: Right,
        /// The strike, in the unit of the index.
        strike: f64,
        /// The price of the future with the same expiry, in the unit of the index: the venue's `underlying_price`.
        forward: f64,
        /// Volatility of its mark, annualised.
        vol: f64,
        /// Continuously compounded rate, per year.
        rate: f64,
    },
}

/// An open order and the position it would create.
#[derive(Clone, Debug)]
pub struct Order {
    /// The position once the order fills: positive when bought.
    pub fill: Leg,
    /// The limit, in the unit of the mark.
    pub limit: f64,
}

impl PairBook {
    /// The currency pair and its settlement currency, such as `btc_usdc`.
    pub fn name(&self) -> String {
        format!("{}_{}", self.underlying, self.currency.name).to_lowercase()
    }

    /// The price of a coin in the settlement currency.
    fn per_coin(&self) -> f64 {
        match self.payoff {
            Payoff::Inverse => 1.0,
            Payoff::Linear => self.index,
        }
    }
}

impl Leg {
    /// The value of the instrument, in the unit of its mark, after a relative move of prices and at volatility `vol`.
    pub fn price(&self, payoff: Payoff, price_move: f64, vol: f64) -> Result<f64, Refusal> {
        let Contract::Option { right, strike, forward, rate, .. } = self.contract else {
            return Ok(self.mark * (1.0 + price_move));
        };
        let forward = forward * (1.0 + price_move);
        let inputs = Inputs { right, forward, strike, vol, years: self.years, discount: exp(-rate * self.years) };
        let option = Black76::new(inputs).map_err(|_| Refusal::NotPriceable {
            instrument: self.name.clone(),
            what: "the shocked volatility or forward",
            value: if vol.is_finite() && vol >= 0.0 { forward } else { vol },
            expected: "finite numbers, the forward above 0",
        })?;
        Ok(if payoff == Payoff::Inverse { option.price() / forward } else { option.price() })
    }
}
