//! Deribit: inverse contracts settled in the coin and linear contracts settled in a stablecoin, each currency by itself.
//!
//! | method | model | in a sentence |
//! |---|---|---|
//! | `deribit` | S:PM | the worst of a matrix of price and volatility moves, plus shocks for rolling and unwinding delta |
//! | `deribit-standard` | S:SM | every position by itself: futures by size, options by moneyness |
//!
//! ```text
//! Account ──adapt──▶ PairBook ──requirement──▶ Requirement ──workings──▶ Workings
//!                    one pair, one currency    in that currency          in USD
//! ```
//!
//! A [`PairBook`] holds what one currency pair has in one settlement currency: `btc_btc` counts in BTC, `btc_usdc` in
//! USDC. Both models answer in the settlement currency; the workings convert at its price, and the notes keep the venue's
//! own figures. `segregated.rs` says what the currencies cannot do for one another.

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

/// What Deribit lists: everything that the model knows.
pub const LISTED: Listed = Listed {
    venue: "Deribit",
    spot: true,
    inverse_futures: true,
    dated_futures: true,
    inverse_options: true,
    linear_options: true,
};

/// What one currency pair has in one settlement currency.
#[derive(Clone, Debug)]
pub struct PairBook {
    /// The name of the underlying.
    pub underlying: String,
    /// Inverse counts in the coin, linear in a stablecoin.
    pub payoff: Payoff,
    /// The currency that the contracts settle in.
    pub currency: Currency,
    /// Per coin: in USD for inverse contracts, in the settlement currency for linear ones.
    pub index: f64,
    /// The positions of the book.
    pub positions: Vec<Leg>,
    /// What may come to be held.
    pub orders: Vec<Order>,
}

/// What contracts settle in.
#[derive(Clone, Debug)]
pub struct Currency {
    /// The currency's name, such as `USDC`.
    pub name: String,
    /// Price of a unit, in USD.
    pub usd: f64,
    /// What a dollar of the venue's parameters counts for in prices of this book: one in USD and in a stablecoin that the
    /// venue takes for the dollar, whatever that is worth; in another currency what it costs.
    pub dollar: f64,
}

/// In which currencies contracts settle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Currencies {
    /// Every one of them.
    pub settlement: Vec<String>,
    /// Those that the venue takes for the dollar of its parameters.
    pub dollars: Vec<String>,
}

/// A position, or what an order would make one.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Where it stands among the positions (or orders) of the account.
    pub place: usize,
    /// The name of the instrument.
    pub name: String,
    /// The kind of contract and its terms.
    pub contract: Contract,
    /// To expiry, of 365 days; 0 for a perpetual.
    pub years: f64,
    /// The venue's mark per coin: USD for inverse futures, the settlement currency for everything else.
    pub mark: f64,
    /// Delta per coin.
    pub delta: f64,
    /// Coins at the current mark: long when positive.
    pub size: f64,
}

/// What an instrument pays.
#[derive(Clone, Copy, Debug)]
pub enum Contract {
    /// A perpetual or a future.
    Future,
    /// A European option.
    Option {
        /// Whether it is a call or a put.
        right: Right,
        /// As the index is written.
        strike: f64,
        /// The price of the future of its expiry, as the index is written: the venue's `underlying_price`.
        forward: f64,
        /// Volatility of its mark, annualised.
        vol: f64,
        /// Continuously compounded, per year.
        rate: f64,
    },
}

/// An open order and what it would become.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is held once it fills: bought when positive.
    pub fill: Leg,
    /// In the unit of the mark.
    pub limit: f64,
}

impl PairBook {
    /// Such as `btc_usdc`: the currency pair and what it settles in.
    pub fn name(&self) -> String {
        format!("{}_{}", self.underlying, self.currency.name).to_lowercase()
    }

    /// The settlement currency per coin.
    fn per_coin(&self) -> f64 {
        match self.payoff {
            Payoff::Inverse => 1.0,
            Payoff::Linear => self.index,
        }
    }
}

impl Leg {
    /// What the instrument is worth, in the unit of its mark, after a relative move of prices and at volatility `vol`.
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
