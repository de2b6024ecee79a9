//! What happened: the decisions, each complete in itself.

use liquidation::pace::Flow;
use marks::{Quote, Report};
use model::{AssetId, CounterPrice, InstrumentId, QuotePrice, UnderlyingId, UsdPrice};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::state::{
    AssetTerms, Cascade, Change, Holder, InstrumentTerms, Mode, Offer, Order, Position, Samples, UnderlyingTerms,
};
use crate::{AccountId, FeedId, OrderId, Status};

/// Why an amount moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// It arrived in custody.
    Deposit,
    /// It left custody.
    Withdrawal,
    /// Its owner moved it to another account.
    Transfer,
    /// Spot: one asset was exchanged for another.
    Exchange,
    /// Profit or loss of a position that was closed or settled.
    Profit,
    /// The premium of an option.
    Premium,
    /// The cash value of an option at expiry.
    Exercise,
    /// Funding of a perpetual.
    Funding,
    /// The fee of a trade, into the pot of fees.
    Fee,
    /// Interest on what is owed.
    Interest,
    /// The fee of a liquidation, into a fund.
    LiquidationFee,
    /// What a bidder or a backstop receives for taking over a portfolio, or pays for it.
    Takeover,
    /// A loss that a fund covers.
    Cover,
    /// Into or out of a fund.
    Fund,
    /// What rounding left over, into the pot of rounding.
    Rounding,
}

impl Cause {
    /// Whether what is received is profit, which can be withdrawn only once its loser has paid (I-28). So is what is paid for a
    /// take-over: it may be paid out of such profit, which must not become the taker's own money.
    pub fn is_profit(self) -> bool {
        match self {
            Self::Profit | Self::Premium | Self::Exercise | Self::Funding | Self::Takeover => true,
            Self::Deposit
            | Self::Withdrawal
            | Self::Transfer
            | Self::Exchange
            | Self::Fee
            | Self::Interest
            | Self::LiquidationFee
            | Self::Cover
            | Self::Fund
            | Self::Rounding => false,
        }
    }

    /// Whether the amount leaves by its owner's wish. Then money that is not profit goes first; what is lost or charged takes
    /// profit first (I-28).
    pub fn is_by_wish(self) -> bool {
        match self {
            Self::Withdrawal | Self::Transfer | Self::Exchange => true,
            Self::Deposit
            | Self::Profit
            | Self::Premium
            | Self::Exercise
            | Self::Funding
            | Self::Fee
            | Self::Interest
            | Self::LiquidationFee
            | Self::Takeover
            | Self::Cover
            | Self::Fund
            | Self::Rounding => false,
        }
    }
}

/// What a new version of the market changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Above every earlier one.
    pub version: u64,
    /// Price of each underlying that changed.
    pub indices: Vec<(UnderlyingId, UsdPrice)>,
    /// Price of each asset that changed.
    pub assets: Vec<(AssetId, UsdPrice)>,
    /// Forward of each expiry that changed.
    pub forwards: Vec<(UnderlyingId, Timestamp, UsdPrice)>,
    /// Volatility of each option that the last surface gave.
    pub vols: Vec<(InstrumentId, Ratio)>,
    /// Mark of each instrument that changed.
    pub marks: Vec<(InstrumentId, QuotePrice)>,
}

/// What happened. What is large lies in a box: a fill makes eight events, and each takes as much room as the largest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The clock moved to the time of the command.
    Clock {
        /// The time that the clock shows now.
        time: Timestamp,
    },
    /// An account was opened, with the next number.
    Opened {
        /// The account's name.
        name: String,
        /// The person behind it.
        owner: u32,
    },
    /// A location was named, with the next number.
    LocationListed {
        /// The location's name.
        name: String,
    },
    /// An underlying was listed, with the next number.
    UnderlyingListed(Box<UnderlyingTerms>),
    /// An asset was listed, with the next number.
    AssetListed(Box<AssetTerms>),
    /// An instrument was listed, with the next number.
    InstrumentListed(Box<InstrumentTerms>),
    /// An amount moved from one holder to another.
    Moved {
        /// The holder that gives.
        from: Holder,
        /// The holder that receives.
        to: Holder,
        /// The asset that moves.
        asset: AssetId,
        /// Units of the asset, above 0.
        amount: Quantity,
        /// The reason for the movement.
        cause: Cause,
    },
    /// A deposit reference was used.
    Referenced {
        /// The asset that was deposited.
        asset: AssetId,
        /// The custodian's reference of the deposit.
        reference: u64,
    },
    /// A reference of a deposit into a fund was used.
    FundReferenced {
        /// The custodian's reference of the deposit.
        reference: u64,
    },
    /// An order was placed or changed: this is what it is now.
    Ordered {
        /// The account whose order it is.
        account: AccountId,
        /// The order as it is now.
        order: Order,
    },
    /// An order is gone: cancelled, filled, or not to be filled any more.
    OrderClosed {
        /// The account whose order it was.
        account: AccountId,
        /// The owner's number of the order.
        order: OrderId,
    },
    /// A match was applied.
    Matched {
        /// The instrument that was traded.
        instrument: InstrumentId,
        /// The venue's number of the match.
        match_id: u64,
        /// The price of the trade, in the instrument's quote.
        price: Price,
        /// Lots that changed hands.
        lots: i64,
        /// Lots open after it: the sum of long positions.
        open: i64,
    },
    /// A position is now this.
    Positioned {
        /// The account that holds it.
        account: AccountId,
        /// The position as it is now; 0 lots when it is gone.
        position: Position,
    },
    /// A report was accepted.
    Reported {
        /// The feed that the report belongs to.
        feed: FeedId,
        /// The report as it was accepted.
        report: Report,
    },
    /// A feed has this quote now.
    Quoted {
        /// The feed that has the quote.
        feed: FeedId,
        /// The quote with its validity.
        quote: Box<Quote>,
    },
    /// The market is this now: one version, one vector of prices (I-12).
    Marked(Box<Marked>),
    /// A volatility surface was taken; the next tick brings it into the market.
    Surfaced {
        /// The version of the surface.
        version: u64,
        /// The time the surface was fitted at.
        published: Timestamp,
        /// Each volatility it gives.
        vols: Vec<(InstrumentId, Ratio)>,
    },
    /// A settlement window has this much now.
    Sampled {
        /// The instrument whose window it is.
        instrument: InstrumentId,
        /// The samples so far.
        samples: Samples,
    },
    /// A funding period was paid.
    Funded {
        /// The perpetual whose funding was paid.
        instrument: InstrumentId,
        /// The number of the period.
        period: u64,
        /// The rate that was paid.
        rate: Ratio,
    },
    /// Interest was charged up to now.
    Accrued,
    /// An instrument has this mode now.
    ModeSet {
        /// The instrument whose market changed.
        instrument: InstrumentId,
        /// The mode it has now.
        mode: Mode,
    },
    /// An instrument expired at this price; nothing of it is left.
    Expired {
        /// The instrument that expired.
        instrument: InstrumentId,
        /// The price of the underlying that it settled at.
        price: CounterPrice,
    },
    /// An account was judged and stands differently now.
    Judged {
        /// The account that was judged.
        account: AccountId,
        /// Its status after the judgment.
        status: Status,
        /// Its equity, in USD.
        equity: Money,
        /// Its initial margin, in USD.
        initial_margin: Money,
        /// Its maintenance margin, in USD.
        maintenance_margin: Money,
        /// The version of the market it was judged in.
        version: u64,
    },
    /// Every account was judged in this market.
    Watched {
        /// The version of the market.
        version: u64,
    },
    /// This much left custody: the outflow limiter remembers.
    Flowed {
        /// What the limiter holds now, in USD.
        spent: Money,
    },
    /// A change was proposed, with the next number.
    Proposed {
        /// The change that is proposed.
        change: Box<Change>,
        /// The earliest time at which it may come into force.
        from: Timestamp,
    },
    /// A proposal came into force.
    Activated {
        /// The number of the proposal.
        proposal: u64,
    },
    /// The liquidation of an account began.
    CaseOpened {
        /// The account in liquidation.
        account: AccountId,
        /// The number of the case, above that of every earlier one.
        epoch: u64,
        /// The underlyings it has positions in.
        markets: Vec<UnderlyingId>,
    },
    /// The shared fund paid for the liquidation of an account.
    Shared {
        /// The account that was paid for.
        account: AccountId,
        /// The amount, in USD.
        usd: Money,
    },
    /// A trade may be made for an account in liquidation; none: no longer.
    Offered {
        /// The account in liquidation.
        account: AccountId,
        /// The trade with its size and worst price.
        offer: Option<Offer>,
    },
    /// The portfolio of an account went into auction.
    Auctioned {
        /// The account whose portfolio is sold.
        account: AccountId,
    },
    /// The liquidation of an account is over.
    CaseClosed {
        /// The account that was liquidated.
        account: AccountId,
    },
    /// Lots went from one account to another without the market: liquidations that crossed, an auction, a backstop, winners.
    Transferred {
        /// The instrument of the lots.
        instrument: InstrumentId,
        /// The account in liquidation.
        from: AccountId,
        /// Who took the other side.
        to: AccountId,
        /// Lots, signed as the liquidated account traded them.
        lots: i64,
        /// The price of the transfer, in the instrument's quote.
        price: Price,
        /// Lots open after it.
        open: i64,
    },
    /// Liquidations have traded this much of an underlying lately.
    Paced {
        /// The underlying that was traded.
        underlying: UnderlyingId,
        /// USD traded lately, and since when it has drained.
        flow: Flow,
    },
    /// How near a cascade an underlying is.
    Measured {
        /// The underlying that was measured.
        underlying: UnderlyingId,
        /// R for a fall and for a rise of the price.
        cascade: Cascade,
    },
    /// After an outage: nobody is liquidated before.
    Calmed {
        /// The moment from which liquidations go on.
        until: Timestamp,
    },
    /// An account takes over portfolios from now on, or no longer.
    BackstopSet {
        /// The account that stands ready, or no longer.
        account: AccountId,
        /// Whether the account takes over portfolios.
        on: bool,
    },
    /// A proposal was withdrawn.
    Revoked {
        /// The number of the proposal.
        proposal: u64,
    },
    /// What only an unsettled instrument needs was taken out of the state: its feed, its volatility and the rules of its feed. Its
    /// number and its terms stay.
    Retired {
        /// Which: a settled one.
        instrument: InstrumentId,
        /// Whether nothing else of its expiry is left to settle: then the expiry and its forward are taken out as well.
        last: bool,
    },
}
