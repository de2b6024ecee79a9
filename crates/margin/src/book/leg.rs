//! A position and an order at a venue, and the contracts that they are in.

use model::{AssetId, Payoff, Right};
use units::Timestamp;

/// A position, or the position that an order would create.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The index of the position (or order) in the account.
    pub place: usize,
    /// The name of the instrument.
    pub name: String,
    /// The contract and the state of its market.
    pub contract: Contract,
    /// Whether profit and premium are counted in the coin at this venue.
    pub payoff: Payoff,
    /// The asset in which profit and premium are paid.
    pub settle: AssetId,
    /// The venue's mark per coin, in USD or in the currency of [`Leg::priced_in`].
    pub mark: f64,
    /// The venue's own delta per coin, where the market carries one.
    pub delta: Option<f64>,
    /// The venue's fee rate, where the market carries one.
    pub fee_rate: Option<f64>,
    /// Unsettled profit of a perpetual or a future, in USD or in the currency of [`Leg::paid_in`]; 0 for an option,
    /// whose value is its mark.
    pub profit: f64,
    /// Signed size in coins: the number of coins with the same price sensitivity, at the current mark and at the
    /// current prices of quote and settlement.
    pub size: f64,
}

/// A contract, and everything that its price depends on besides its mark.
#[derive(Clone, Copy, Debug)]
pub enum Contract {
    /// A perpetual or a future.
    Future {
        /// Years of 365 days to expiry; 0 for a perpetual, and for a dated future at a venue that lists none.
        years: f64,
        /// Funding per eight hours, paid by longs when positive; none for dated futures and where the market gives none.
        funding_rate_8h: Option<f64>,
    },
    /// A European option.
    Option(OptionTerms),
}

/// The terms of an option, and the state of its market.
#[derive(Clone, Copy, Debug)]
pub struct OptionTerms {
    /// Whether it is a call or a put.
    pub right: Right,
    /// The strike, in the unit of the index.
    pub strike: f64,
    /// The moment of settlement.
    pub expiry: Timestamp,
    /// Years of 365 days to expiry.
    pub years: f64,
    /// Seconds to expiry.
    pub seconds: f64,
    /// Forward of the expiry, in the unit of the index, settled part included.
    pub forward: f64,
    /// The part of the forward already fixed by the settlement average.
    pub forward_settled: f64,
    /// Continuously compounded rate, per year.
    pub rate: f64,
    /// Volatility of the mark, annualised: 1 = 100 %.
    pub vol: f64,
}

/// An open order as the position that it would become.
#[derive(Clone, Debug)]
pub struct Order {
    /// The position once the order fills, at the instrument's mark: its size is positive when bought, and its `place`
    /// is that of the order.
    pub leg: Leg,
    /// The worst price at which it fills, in the unit of the mark.
    pub limit: f64,
}

impl Contract {
    /// Whether it is an option.
    pub fn is_option(&self) -> bool {
        matches!(self, Self::Option(_))
    }

    /// Years of 365 days to expiry; 0 for a perpetual.
    pub fn years(&self) -> f64 {
        match self {
            Self::Future { years, .. } => *years,
            Self::Option(terms) => terms.years,
        }
    }

    /// A price of the contract in USD, in units of a currency that is worth `usd` dollars.
    fn premium_in(&self, price: f64, payoff: Payoff, usd: f64) -> f64 {
        match self {
            Self::Future { .. } => index_price_in(price, payoff, usd),
            // The premium is in the settlement currency for both payoffs.
            Self::Option(_) => price / usd,
        }
    }
}

impl Leg {
    /// The leg with its prices in units of a currency that is worth `usd` dollars. Strikes, forwards and marks of
    /// inverse futures stay in USD, because the index of an inverse contract is; the premium of an inverse option is in
    /// the coin that it settles in.
    #[must_use]
    pub fn priced_in(mut self, usd: f64) -> Self {
        let payoff = self.payoff;
        self.mark = self.contract.premium_in(self.mark, payoff, usd);
        if let Contract::Option(terms) = &mut self.contract {
            for price in [&mut terms.strike, &mut terms.forward, &mut terms.forward_settled] {
                *price = index_price_in(*price, payoff, usd);
            }
        }
        self
    }

    /// The leg with its size in contracts that pay a unit of a currency worth `usd` dollars for each dollar, and its
    /// unsettled profit in that currency. Prices stay in USD.
    #[must_use]
    pub fn paid_in(self, usd: f64) -> Self {
        Self { size: self.size / usd, profit: self.profit / usd, ..self }
    }
}

impl Order {
    /// The order with its prices in units of a currency that is worth `usd` dollars, converted as [`Leg::priced_in`] does.
    #[must_use]
    pub fn priced_in(self, usd: f64) -> Self {
        let limit = self.leg.contract.premium_in(self.limit, self.leg.payoff, usd);
        Self { leg: self.leg.priced_in(usd), limit }
    }

    /// The order with its size converted as [`Leg::paid_in`] does.
    #[must_use]
    pub fn paid_in(self, usd: f64) -> Self {
        Self { leg: self.leg.paid_in(usd), ..self }
    }
}

/// A price of the underlying in USD, in the unit of the index of a contract with this payoff: USD for inverse
/// contracts, the currency that is worth `usd` dollars for linear ones.
pub(super) fn index_price_in(price: f64, payoff: Payoff, usd: f64) -> f64 {
    match payoff {
        Payoff::Inverse => price,
        Payoff::Linear => price / usd,
    }
}
