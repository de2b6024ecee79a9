//! Computes exactly what an account would hold after a trade that has not happened.
//!
//! | instrument | a trade of `q` contracts of size `c` at price `p` |
//! |---|---|
//! | spot | the coin gains `q·c`, the quote pays `q·c·p` |
//! | option | the quote pays the premium `q·c·p` |
//! | linear future, perpetual | the part that closes a position pays `q·c·(p − e)` into the settle balance |
//! | inverse future, perpetual | the part that closes a position pays `q·c·(1/e − 1/p)` into the settle balance |
//!
//! Contracts that add to a position move its entry to the average price paid (for inverse contracts: the average that
//! leaves the profit in coins unchanged). A trade through zero closes the position at `p` and opens the rest at `p`. So
//! a trade at the mark leaves the equity unchanged. All numbers are fixed point and round against the account; fees are
//! not charged.

mod fill;
mod text;

use units::{Overflow, Quantity, Round};

use crate::{Account, AssetId, Balance, Instrument, InstrumentId, InstrumentKind, Market, QuotePrice, nearest};
use fill::{fill, profit, units_of};

/// A price further than this from the mark, as a share of the mark, is most likely a mistake.
const FAR: f64 = 0.05;
/// The mark of an option may be near zero, so its price is far only when it is this share of the mark away, and this
/// share of the index.
/// of the index.
const FAR_OPTION: f64 = 0.5;
const FAR_INDEX: f64 = 0.001;

/// Contracts of one instrument bought (or, below zero, sold) at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    instrument: InstrumentId,
    quantity: Quantity,
    price: QuotePrice,
}

/// The reason why a text or values are not a trade: the value found and the value expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotTrade(String);

impl Trade {
    /// A trade of `quantity` contracts, negative when sold, at `price` in the quote.
    pub fn new(
        instrument: InstrumentId,
        quantity: Quantity,
        price: QuotePrice,
        market: &Market,
    ) -> Result<Self, NotTrade> {
        let listing = market.listing(instrument);
        let refused = |problem: String| Err(NotTrade(problem));
        some(quantity)?;
        let is_signed = market.underlyings[listing.underlying.0].scale.is_some();
        let is_low = price < QuotePrice::ZERO || (price == QuotePrice::ZERO && !listing.is_option());
        if is_low && !is_signed {
            return refused(format!("found price {price}, expected a price above 0"));
        }
        if listing.kind == InstrumentKind::Spot && coin_of(listing, market).is_none() {
            let coin = &market.underlyings[listing.underlying.0].name;
            return refused(format!("found spot in {coin}, which is no asset of the market, expected one that is"));
        }
        Ok(Self { instrument, quantity, price })
    }

    /// A trade at the mark, by the name of the instrument.
    pub fn at_mark(instrument: &str, quantity: Quantity, market: &Market) -> Result<Self, NotTrade> {
        let instrument = named(instrument, market)?;
        Self::new(instrument, quantity, market.mark(instrument), market)
    }

    /// The instrument that is traded.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Contracts, negative when sold.
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// The price of the trade, in the quote of the instrument.
    pub fn price(&self) -> QuotePrice {
        self.price
    }

    /// Whether the price is so far from the mark that it is most likely a mistake: more than 5 % of the mark; for an
    /// option, more than half of its mark and more than a thousandth of the index.
    pub fn is_far_from_mark(&self, market: &Market) -> bool {
        let listing = market.listing(self.instrument);
        let [price, mark] = [self.price, market.mark(listing.id)].map(|price| price.in_quote().to_f64());
        let apart = (price - mark).abs();
        match listing.kind {
            InstrumentKind::Option { .. } => {
                // The index in units of the quote: 1 where the premium is paid in the coin.
                let index = market.index(listing.underlying).in_units_of(market.usd_per_quote(listing));
                apart > FAR_OPTION * mark.abs() && apart > FAR_INDEX * index
            }
            InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => {
                apart > FAR * market.moving_price(listing)
            }
        }
    }
}

impl Account {
    /// The account after `trade`. The trade changes only balances that have no location.
    pub fn after(&self, trade: &Trade, market: &Market) -> Result<Self, Overflow> {
        let listing = market.listing(trade.instrument);
        let mut after = self.clone();
        let units = trade.quantity.times(listing.contract_size, Round::Up)?;
        let cost = units_of(units.at(trade.price.in_quote(), Round::Up)?);
        match listing.kind {
            InstrumentKind::Spot => {
                let coin = coin_of(listing, market).expect("checked when the trade was made");
                credit(&mut after, coin, trade.quantity.times(listing.contract_size, Round::Down)?)?;
                credit(&mut after, listing.quote, cost.negated()?)?;
            }
            InstrumentKind::Option { .. } => {
                fill(&mut after, trade, listing.payoff)?;
                credit(&mut after, listing.cash(), cost.negated()?)?;
            }
            InstrumentKind::Perpetual | InstrumentKind::Future { .. } => {
                // The average entry of an inverse contract is the harmonic one.
                let closed = fill(&mut after, trade, listing.payoff)?;
                credit(&mut after, listing.settle, profit(&closed, trade.price, listing)?)?;
            }
        }
        Ok(after)
    }
}

/// The contracts; refused when the number is 0.
fn some(contracts: Quantity) -> Result<Quantity, NotTrade> {
    if contracts == Quantity::ZERO {
        Err(NotTrade("found 0 contracts, expected some".to_owned()))
    } else {
        Ok(contracts)
    }
}

/// The id of the instrument with this name; an unknown name is refused with similar names.
fn named(name: &str, market: &Market) -> Result<InstrumentId, NotTrade> {
    market.instrument(name).ok_or_else(|| {
        let near = nearest(name, market.instruments.iter().map(|listing| listing.name.as_str())).join(", ");
        NotTrade(format!("found instrument \"{name}\", expected an instrument of the market such as {near}"))
    })
}

/// Adds to the balance that has no location.
fn credit(account: &mut Account, asset: AssetId, amount: Quantity) -> Result<(), Overflow> {
    let balances = &mut account.balances;
    match balances.iter_mut().find(|balance| balance.asset == asset && balance.location.is_none()) {
        Some(balance) => balance.amount = balance.amount.plus(amount)?,
        None if amount == Quantity::ZERO => {}
        None => balances.push(Balance { asset, amount, location: None }),
    }
    Ok(())
}

/// The asset that a spot pair exchanges for its quote.
fn coin_of(listing: &Instrument, market: &Market) -> Option<AssetId> {
    market.asset(&market.underlyings[listing.underlying.0].name)
}
