//! Facts that a caller reports, and from which a command is written: trades, orders, prices.

use engine::{AccountId, Party};
use model::{InstrumentId, Side};
use units::{Money, Price, Quantity};

/// A trade between two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Price of the trade, in the quote of the instrument.
    pub price: Price,
    /// The size that is traded, in lots above 0.
    pub lots: i64,
    /// The side that bought.
    pub buyer: Party,
    /// The side that sold.
    pub seller: Party,
}

/// A trade that was offered for an account in liquidation, and that the market took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The account that is liquidated.
    pub account: AccountId,
    /// The account that takes the other side.
    pub counterparty: AccountId,
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Price of the trade, in the quote of the instrument.
    pub price: Price,
    /// Lots, signed as the account trades them.
    pub lots: i64,
    /// The fee that the account pays into the fund of the market, in the asset that the instrument settles in (spot:
    /// in its quote).
    pub fee: Quantity,
}

/// An order of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The instrument to trade.
    pub instrument: InstrumentId,
    /// Whether the order buys or sells.
    pub side: Side,
    /// The size of the order, in lots above 0.
    pub lots: i64,
    /// The worst price at which it may fill, in the quote of the instrument.
    pub limit: Price,
    /// Whether the order may only reduce the position.
    pub reduce_only: bool,
}

/// The report of a price source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number of the source.
    pub source: u32,
    /// The price that it sees, in the unit of the feed.
    pub price: Price,
    /// Confidence of the source: half the width of its range.
    pub confidence: Price,
    /// USD in its order book within one per cent.
    pub depth: Money,
}
