//! An account as a venue sees it: per underlying, in units of the coin, with a note for every conversion.
//!
//! Venues list different contracts. A contract that a venue does not list is margined there as its nearest equivalent,
//! so that the question "what would this book cost there" has an answer: an inverse future as a linear one of the same
//! delta, a dated future as the perpetual, a coin-margined option as the dollar-margined one, all converted at the
//! index. Every conversion is noted; a strict book refuses it instead.
//!
//! Every price here is in USD, converted at the price of the asset in which it is written: a strike of 23,000 USDC is
//! 20,240 USD while USDC is worth 0.88. A size is the number of coins with the same price sensitivity as the contract:
//! a contract on a USD index that pays in such USDC has a size of 0.88 coins. A method divides by the price of the
//! currency in which it calculates, and multiplies the resulting requirement by the same price.

mod builder;

use model::{AssetId, InstrumentId, Payoff, Right, UnderlyingId};
use units::Timestamp;

/// The kinds of contract that a venue lists; other kinds are converted.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "five independent answers of a venue, each to its own question")]
pub struct Listed {
    /// The venue's name, as notes write it.
    pub venue: &'static str,
    /// Spot. Only orders are on spot, because a bought asset is a balance.
    pub spot: bool,
    /// Perpetuals and futures settled in the coin.
    pub inverse_futures: bool,
    /// Futures with an expiry.
    pub dated_futures: bool,
    /// Options settled in the coin.
    pub inverse_options: bool,
    /// Options settled in dollars.
    pub linear_options: bool,
}

/// The currencies in which a venue settles. A contract that settles in another asset is converted.
#[derive(Clone, Copy, Debug)]
pub enum Settlement<'a> {
    /// The venue settles in any of these currencies, each margined by itself.
    Each(&'a [String]),
    /// The venue settles in this currency only; every contract counts as settled in it.
    Only(&'a str),
}

/// An account, grouped by underlying, with sizes in coins.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// One entry for each underlying that the account depends on, in the order of the market.
    pub underlyings: Vec<UnderlyingBook>,
    /// Balances that follow no underlying: dollars and stablecoins.
    pub cash: Vec<Holding>,
    /// Every conversion made.
    pub notes: Vec<String>,
}

/// All positions, balances and orders of an account in one underlying.
#[derive(Clone, Debug)]
pub struct UnderlyingBook {
    /// The underlying's number in the market.
    pub id: UnderlyingId,
    /// The underlying's name.
    pub name: String,
    /// Its index, in USD.
    pub index: f64,
    /// Confidence in the index, 0 to 1.
    pub confidence: f64,
    /// Perpetuals and futures.
    pub futures: Vec<FuturePosition>,
    /// Positions in its options.
    pub options: Vec<OptionPosition>,
    /// Balances of the coin and of assets that follow it.
    pub coins: Vec<Holding>,
    /// Open orders on its instruments.
    pub orders: Vec<BookOrder>,
}

/// A balance of one asset.
#[derive(Clone, Debug)]
pub struct Holding {
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

/// A perpetual or a future.
#[derive(Clone, Debug)]
pub struct FuturePosition {
    /// The index of the position in the account.
    pub place: usize,
    /// The instrument's number in the market.
    pub instrument: InstrumentId,
    /// None for perpetuals, and for dated futures at a venue that lists none.
    pub expiry: Option<Timestamp>,
    /// Whether profit is counted in the coin at this venue.
    pub payoff: Payoff,
    /// Signed size in coins: the number of coins with the same price sensitivity, at the current mark and at the
    /// current prices of quote and settlement.
    pub size: f64,
    /// The asset in which profit is paid.
    pub settle: AssetId,
    /// Mark, in USD per coin.
    pub mark: f64,
    /// Unsettled profit, in USD.
    pub profit: f64,
    /// Funding per eight hours; none for dated futures and where the market gives none.
    pub funding_rate_8h: Option<f64>,
    /// The venue's fee rate, when the market carries one.
    pub fee_rate: Option<f64>,
}

/// A position in one option.
#[derive(Clone, Debug)]
pub struct OptionPosition {
    /// The index of the position in the account.
    pub place: usize,
    /// The instrument's number in the market.
    pub instrument: InstrumentId,
    /// The asset in which profit and premium are paid.
    pub settle: AssetId,
    /// The contract and the state of its market.
    pub contract: OptionContract,
    /// Signed size in coins, defined as for a future.
    pub size: f64,
}

/// An option contract and everything its price depends on.
#[derive(Clone, Debug)]
pub struct OptionContract {
    /// The moment of settlement.
    pub expiry: Timestamp,
    /// Strike in USD, at the current price of the asset in which it is written.
    pub strike: f64,
    /// Whether it is a call or a put.
    pub right: Right,
    /// Whether the premium is in the coin at this venue.
    pub payoff: Payoff,
    /// The venue's mark, in USD per coin of size.
    pub mark: f64,
    /// Annualised volatility, 1 = 100 %.
    pub iv: f64,
    /// Years of 365 days to expiry.
    pub years: f64,
    /// Seconds to expiry.
    pub seconds: f64,
    /// Forward of the expiry, in USD, settled part included.
    pub forward: f64,
    /// The part of the forward already fixed by the settlement average.
    pub forward_settled: f64,
    /// Continuously compounded rate, per year.
    pub rate: f64,
    /// Confidence in the forward, 0 to 1.
    pub forward_confidence: f64,
    /// Confidence in the rate, 0 to 1.
    pub rate_confidence: f64,
    /// Confidence in the volatility, 0 to 1.
    pub vol_confidence: f64,
    /// The venue's own delta, when the market carries one.
    pub delta: Option<f64>,
    /// The venue's fee rate, when the market carries one.
    pub fee_rate: Option<f64>,
}

/// An open order on a perpetual, a future or an option.
#[derive(Clone, Debug)]
pub struct BookOrder {
    /// The index of the order in the account.
    pub place: usize,
    /// The position if the order filled: size in coins with its sign, at the instrument's mark.
    pub filled: OrderFill,
    /// Limit, in USD per coin.
    pub limit: f64,
}

/// The position that an order would add.
#[derive(Clone, Debug)]
pub enum OrderFill {
    /// A perpetual or a future; its `place` is that of the order.
    Future(FuturePosition),
    /// An option; its `place` is that of the order.
    Option(OptionPosition),
}
