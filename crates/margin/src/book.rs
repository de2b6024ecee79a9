//! An account as a venue holds it: its legs, orders and coins, per underlying, with a note for every conversion.
//!
//! Venues list different contracts. A contract that a venue does not list is margined there as its nearest equivalent,
//! so that the question "what would this book cost there" has an answer: an inverse future as a linear one of the same
//! delta, a dated future as the perpetual, a coin-margined option as the dollar-margined one, all converted at the
//! index. Every conversion is noted; a strict reading refuses it instead.
//!
//! ```text
//! model::Account ──VenueAccount::of──▶ VenueAccount ──▶ UnderlyingAccount ──▶ Leg, Order, PricedBalance
//!                  Venue: what it lists                 one underlying        Leg: a Contract and a size
//! ```
//!
//! Every price here is in USD, converted at the price of the asset in which it is written: a strike of 23,000 USDC is
//! 20,240 USD while USDC is worth 0.88. A size is the number of coins with the same price sensitivity as the contract:
//! a contract on a USD index that pays in such USDC has a size of 0.88 coins. A venue that calculates in a currency
//! other than USD converts either the prices ([`Leg::priced_in`]) or the sizes ([`Leg::paid_in`]), and multiplies the
//! resulting requirement by the price of that currency.

mod builder;
mod conversions;
mod leg;
mod listed;

pub use conversions::Conversions;
pub use leg::{Contract, Leg, OptionTerms, Order};
pub use listed::{Listed, Settlement, Venue, VenueParameters};

use model::{AssetId, Payoff, UnderlyingId};

/// An account as a venue holds it.
#[derive(Clone, Debug)]
pub struct VenueAccount {
    /// One entry for each underlying that the account depends on, in the order of the market.
    pub underlyings: Vec<UnderlyingAccount>,
    /// Balances that follow no underlying: dollars and stablecoins.
    pub cash: Vec<PricedBalance>,
    /// Every conversion made.
    pub conversions: Conversions,
}

/// The part of an account that depends on one underlying: its positions, orders and coins.
#[derive(Clone, Debug)]
pub struct UnderlyingAccount {
    /// The underlying's number in the market.
    pub id: UnderlyingId,
    /// The underlying's name.
    pub name: String,
    /// Its index, in the unit of strikes and forwards: USD, unless the account was converted.
    pub index: f64,
    /// The positions: perpetuals and futures first, then options.
    pub legs: Vec<Leg>,
    /// Open orders on its instruments.
    pub orders: Vec<Order>,
    /// Balances of the coin and of assets that follow it.
    pub coins: Vec<PricedBalance>,
}

/// A balance of one asset.
#[derive(Clone, Debug)]
pub struct PricedBalance {
    /// The index of the balance in the account.
    pub place: usize,
    /// The asset's number in the market.
    pub asset: AssetId,
    /// The asset's name.
    pub name: String,
    /// Units of the asset, negative when owed.
    pub amount: f64,
    /// Price of a unit, in USD.
    pub price: f64,
}

impl UnderlyingAccount {
    /// An account in an underlying with that index, with nothing in it.
    pub fn empty(id: UnderlyingId, name: String, index: f64) -> Self {
        Self { id, name, index, legs: Vec::new(), orders: Vec::new(), coins: Vec::new() }
    }

    /// Whether there is neither a position nor an order.
    pub fn is_flat(&self) -> bool {
        self.legs.is_empty() && self.orders.is_empty()
    }

    /// The legs of all positions, then those of all orders.
    pub fn all_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().chain(self.order_legs())
    }

    /// The positions that the orders would create.
    pub fn order_legs(&self) -> impl Iterator<Item = &Leg> {
        self.orders.iter().map(|order| &order.leg)
    }

    /// Every contract of the account once: a leg of it, the size held in it, and the orders on it. An account has one
    /// position per instrument.
    pub fn contracts(&self) -> Vec<(&Leg, f64, Vec<&Order>)> {
        let mut contracts: Vec<(&Leg, f64)> = self.legs.iter().map(|leg| (leg, leg.size)).collect();
        for ordered in self.order_legs() {
            if contracts.iter().all(|(leg, _)| leg.name != ordered.name) {
                contracts.push((ordered, 0.0));
            }
        }
        let on = |leg: &Leg| self.orders.iter().filter(|order| order.leg.name == leg.name).collect();
        contracts.into_iter().map(|(leg, held)| (leg, held, on(leg))).collect()
    }

    /// The positions and orders with this payoff that settle in this asset, with prices in units of a currency that is
    /// worth `usd` dollars ([`Leg::priced_in`]). Coins are left out.
    #[must_use]
    pub fn priced_in(&self, (payoff, settle): (Payoff, AssetId), usd: f64) -> Self {
        let of_kind = |leg: &Leg| leg.payoff == payoff && leg.settle == settle;
        Self {
            index: leg::index_price_in(self.index, payoff, usd),
            legs: self.legs.iter().filter(|leg| of_kind(leg)).map(|leg| leg.clone().priced_in(usd)).collect(),
            orders: self
                .orders
                .iter()
                .filter(|order| of_kind(&order.leg))
                .map(|order| order.clone().priced_in(usd))
                .collect(),
            ..Self::empty(self.id, self.name.clone(), self.index)
        }
    }

    /// The account with its sizes in contracts that pay a unit of a currency worth `usd` dollars for each dollar
    /// ([`Leg::paid_in`]).
    #[must_use]
    pub fn paid_in(self, usd: f64) -> Self {
        Self {
            legs: self.legs.into_iter().map(|leg| leg.paid_in(usd)).collect(),
            orders: self.orders.into_iter().map(|order| order.paid_in(usd)).collect(),
            ..self
        }
    }
}
