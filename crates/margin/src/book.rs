//! An account as a venue sees it: per underlying, in units of the coin, with a note for every conversion.
//!
//! Venues list different contracts. What one does not list is margined there as its nearest equivalent, so that the
//! question "what would this book cost there" has an answer: an inverse future as a linear one of the same delta, a dated
//! future as the perpetual, a coin-margined option as the dollar-margined one, all converted at the index. Every
//! conversion is noted; a strict book refuses instead.
//!
//! Every price here is in USD, at the price of what it is written in: a strike of 23,000 USDC is 20,240 USD while USDC is
//! worth 0.88. A size is how many coins the contract moves like, so that a contract on a USD index that pays in such USDC
//! is 0.88 of a coin. A method divides by the price of the currency in which it counts, and multiplies what it requires
//! there by the same price.

mod builder;

use model::{AssetId, InstrumentId, Payoff, Right, UnderlyingId};
use units::Timestamp;

/// Which kinds of contract a venue lists; what it does not list is converted.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "five independent answers of a venue, each to its own question")]
pub struct Listed {
    /// Its name, as notes write it.
    pub venue: &'static str,
    /// Spot, where only orders are: what was bought is a balance.
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

/// In what a venue settles. What settles in anything else is converted.
#[derive(Clone, Copy, Debug)]
pub enum Settlement<'a> {
    /// In any of these currencies, each margined by itself.
    Each(&'a [String]),
    /// In this one, whatever the contract says.
    Only(&'a str),
}

/// An account, per underlying and in coins.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// One entry for each underlying that the account touches, in the order of the market.
    pub underlyings: Vec<UnderlyingBook>,
    /// Balances that follow no underlying: dollars and stablecoins.
    pub cash: Vec<Holding>,
    /// Every conversion made.
    pub notes: Vec<String>,
}

/// Everything an account has in one underlying.
#[derive(Clone, Debug)]
pub struct UnderlyingBook {
    /// The underlying's number in the market.
    pub id: UnderlyingId,
    /// The underlying's name.
    pub name: String,
    /// Its index, in USD.
    pub index: f64,
    /// How far the index can be trusted, 0 to 1.
    pub confidence: f64,
    /// Perpetuals and futures.
    pub futures: Vec<FuturePosition>,
    /// Positions in its options.
    pub options: Vec<OptionPosition>,
    /// Balances of the coin and of what follows it.
    pub coins: Vec<Holding>,
    /// Open orders on its instruments.
    pub orders: Vec<BookOrder>,
}

/// A balance of one asset.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Where it stands among the balances of the account.
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
    /// Where it stands among the positions of the account.
    pub place: usize,
    /// Which instrument of the market.
    pub instrument: InstrumentId,
    /// None for perpetuals, and for dated futures at a venue that lists none.
    pub expiry: Option<Timestamp>,
    /// Whether profit is counted in the coin at this venue.
    pub payoff: Payoff,
    /// Signed size in coins: what it moves like at the current mark and at the current prices of quote and settlement.
    pub size: f64,
    /// What profit is paid in.
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
    /// Where it stands among the positions of the account.
    pub place: usize,
    /// Which instrument of the market.
    pub instrument: InstrumentId,
    /// The asset that profit and premium are paid in.
    pub settle: AssetId,
    /// The contract and the state of its market.
    pub contract: OptionContract,
    /// Signed size in coins, as of a future.
    pub size: f64,
}

/// An option contract and everything its price depends on.
#[derive(Clone, Debug)]
pub struct OptionContract {
    /// The moment of settlement.
    pub expiry: Timestamp,
    /// In USD at the current price of what it is written in.
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
    /// How far the forward can be trusted.
    pub forward_confidence: f64,
    /// How far the rate can be trusted.
    pub rate_confidence: f64,
    /// How far the volatility can be trusted.
    pub vol_confidence: f64,
    /// The venue's own delta, when the market carries one.
    pub delta: Option<f64>,
    /// The venue's fee rate, when the market carries one.
    pub fee_rate: Option<f64>,
}

/// An open order on a perpetual, a future or an option.
#[derive(Clone, Debug)]
pub struct BookOrder {
    /// Where it stands among the orders of the account.
    pub place: usize,
    /// What would be held if it filled: size in coins with its sign, at its instrument's mark.
    pub filled: OrderFill,
    /// Limit, in USD per coin.
    pub limit: f64,
}

/// What an order would add.
#[derive(Clone, Debug)]
pub enum OrderFill {
    /// A perpetual or a future; `place` within is that of the order.
    Future(FuturePosition),
    /// An option; `place` within is that of the order.
    Option(OptionPosition),
}
