//! Events: the recorded decisions of the engine, each complete in itself.

use liquidation::pace::Flow;
use marks::{Quote, Report};
use model::{AssetId, CounterPrice, InstrumentId, QuotePrice, UnderlyingId, UsdPrice};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::state::{
    AssetTerms, Cascade, Change, Holder, InstrumentTerms, Mode, Offer, Order, Position, Samples, UnderlyingTerms,
};
use crate::{AccountId, Cause, FeedId, OrderId, Status};

/// The prices that a new version of the market changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The version of the market, above every earlier one.
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

/// A decision of the engine. Large contents lie in a box: a fill makes eight events, and each takes as much room as the
/// largest variant.
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
        /// The number of the owner.
        owner: u32,
    },
    /// A location was listed, with the next number.
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
    /// An order was placed or changed.
    Ordered {
        /// The account whose order it is.
        account: AccountId,
        /// The order as it is now.
        order: Order,
    },
    /// An order was closed: cancelled, filled, or no longer to be filled.
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
        /// Lots open after the match: the sum of long positions.
        open: i64,
    },
    /// A position changed.
    Positioned {
        /// The account that holds it.
        account: AccountId,
        /// The position as it is now; 0 lots when it was closed.
        position: Position,
    },
    /// A report was accepted.
    Reported {
        /// The feed that the report belongs to.
        feed: FeedId,
        /// The report as it was accepted.
        report: Report,
    },
    /// A feed formed a quote.
    Quoted {
        /// The feed that has the quote.
        feed: FeedId,
        /// The quote with its validity.
        quote: Box<Quote>,
    },
    /// A new version of the market: one version, one vector of prices (I-12).
    Marked(Box<Marked>),
    /// A volatility surface was accepted; the next tick brings it into the market.
    Surfaced {
        /// The version of the surface.
        version: u64,
        /// The time the surface was fitted at.
        published: Timestamp,
        /// The volatility of each option that the surface names.
        vols: Vec<(InstrumentId, Ratio)>,
    },
    /// The samples of a settlement window changed.
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
    /// Interest was charged up to the time of the clock.
    Accrued,
    /// The mode of an instrument changed.
    ModeSet {
        /// The instrument whose market changed.
        instrument: InstrumentId,
        /// The mode it has now.
        mode: Mode,
    },
    /// An instrument was settled at expiry at this price; all its positions are gone.
    Expired {
        /// The instrument that expired.
        instrument: InstrumentId,
        /// The price of the underlying that it settled at.
        price: CounterPrice,
    },
    /// An account was judged: its status changed, or a step of its liquidation relies on these figures.
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
    /// Every account that prices or commands could have changed was judged in this market.
    Watched {
        /// The version of the market.
        version: u64,
    },
    /// Money left custody, and the outflow limiter counts it.
    Flowed {
        /// The amount that the outflow limiter holds now, in USD.
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
        /// The underlyings that the account has positions in.
        markets: Vec<UnderlyingId>,
    },
    /// The shared fund paid for the loss of an account in liquidation.
    Shared {
        /// The account whose loss was paid.
        account: AccountId,
        /// The amount, in USD.
        usd: Money,
    },
    /// A trade is offered for an account in liquidation; none withdraws the offer.
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
    /// Lots went from one account to another outside the market: in crossed liquidations, to a bidder or a backstop, or
    /// to winners.
    Transferred {
        /// The instrument of the lots.
        instrument: InstrumentId,
        /// The account in liquidation.
        from: AccountId,
        /// The account that took the other side.
        to: AccountId,
        /// Lots, signed as the liquidated account traded them.
        lots: i64,
        /// The price of the transfer, in the instrument's quote.
        price: Price,
        /// Lots open after the transfer.
        open: i64,
    },
    /// The amount of an underlying that liquidations have traded lately changed.
    Paced {
        /// The underlying that was traded.
        underlying: UnderlyingId,
        /// USD traded lately, and the time since which it drains.
        flow: Flow,
    },
    /// The nearness of an underlying to a cascade was measured.
    Measured {
        /// The underlying that was measured.
        underlying: UnderlyingId,
        /// R for a fall and for a rise of the price.
        cascade: Cascade,
    },
    /// After an outage: no account is liquidated before this time.
    Calmed {
        /// The time from which liquidations go on.
        until: Timestamp,
    },
    /// An account becomes a backstop, which takes over portfolios, or is one no longer.
    BackstopSet {
        /// The account that becomes a backstop, or is one no longer.
        account: AccountId,
        /// Whether the account takes over portfolios.
        on: bool,
    },
    /// A proposal was withdrawn.
    Revoked {
        /// The number of the proposal.
        proposal: u64,
    },
    /// The data that only an unsettled instrument needs was taken out of the state: its feed, its volatility and the
    /// rules of its feed. The number and the terms of the instrument stay.
    Retired {
        /// The settled instrument.
        instrument: InstrumentId,
        /// Whether nothing else of its expiry is left to settle; then the expiry and its forward are taken out as well.
        last: bool,
    },
}
