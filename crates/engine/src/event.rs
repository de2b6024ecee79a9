//! What happened: the decisions, each complete in itself.

use liquidation::pace::Flow;
use marks::{Quote, Report};
use model::{AssetId, InstrumentId, UnderlyingId};
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
    /// A trading fee.
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
    /// What rounding left over.
    Rounding,
}

impl Cause {
    /// Whether what is received is profit, which can be withdrawn only once its loser has paid (I-28). So is what is paid for a
    /// take-over: it may be paid out of such profit, which must not become the taker's own money.
    pub fn is_profit(self) -> bool {
        matches!(self, Self::Profit | Self::Premium | Self::Exercise | Self::Funding | Self::Takeover)
    }
}

/// What a new version of the market changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Above every earlier one.
    pub version: u64,
    /// Price of each underlying that changed.
    pub indices: Vec<(UnderlyingId, Price)>,
    /// Price of each asset that changed.
    pub assets: Vec<(AssetId, Price)>,
    /// Forward of each expiry that changed.
    pub forwards: Vec<(UnderlyingId, Timestamp, Price)>,
    /// Volatility of each option that the last surface gave.
    pub vols: Vec<(InstrumentId, Ratio)>,
    /// Mark of each instrument that changed.
    pub marks: Vec<(InstrumentId, Price)>,
}

/// What happened. What is large lies in a box: a fill makes eight events, and each takes as much room as the largest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The clock moved to the time of the command.
    Clock {
        /// To when.
        time: Timestamp,
    },
    /// An account was opened, with the next number.
    Opened {
        /// Its name.
        name: String,
        /// The person behind it.
        owner: u32,
    },
    /// A location was named, with the next number.
    LocationListed {
        /// Its name.
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
        /// From whom.
        from: Holder,
        /// To whom.
        to: Holder,
        /// What.
        asset: AssetId,
        /// How much, above 0.
        amount: Quantity,
        /// Why.
        cause: Cause,
    },
    /// A deposit reference was used.
    Referenced {
        /// Of which asset.
        asset: AssetId,
        /// The reference.
        reference: u64,
    },
    /// A reference of a deposit into a fund was used.
    FundReferenced {
        /// The reference.
        reference: u64,
    },
    /// An order was placed or changed: this is what it is now.
    Ordered {
        /// Whose.
        account: AccountId,
        /// What it is now.
        order: Order,
    },
    /// An order is gone: cancelled, filled, or not to be filled any more.
    OrderClosed {
        /// Whose.
        account: AccountId,
        /// Which.
        order: OrderId,
    },
    /// A match was applied.
    Matched {
        /// Of what.
        instrument: InstrumentId,
        /// Its number.
        match_id: u64,
        /// At what price.
        price: Price,
        /// Lots that changed hands.
        lots: i64,
        /// Lots open now.
        open: i64,
    },
    /// A position is now this.
    Positioned {
        /// Whose.
        account: AccountId,
        /// What it is now.
        position: Position,
    },
    /// A report was accepted.
    Reported {
        /// Of what.
        feed: FeedId,
        /// What was said.
        report: Report,
    },
    /// A feed has this quote now.
    Quoted {
        /// Of what.
        feed: FeedId,
        /// The quote.
        quote: Box<Quote>,
    },
    /// The market is this now: one version, one vector of prices (I-12).
    Marked(Box<Marked>),
    /// A volatility surface was taken; the next tick brings it into the market.
    Surfaced {
        /// Its version.
        version: u64,
        /// When it was fitted.
        published: Timestamp,
        /// Each volatility it gives.
        vols: Vec<(InstrumentId, Ratio)>,
    },
    /// A settlement window has this much now.
    Sampled {
        /// Of what.
        instrument: InstrumentId,
        /// The samples so far.
        samples: Samples,
    },
    /// A funding period was paid.
    Funded {
        /// Of what.
        instrument: InstrumentId,
        /// The period.
        period: u64,
        /// The rate that was paid.
        rate: Ratio,
    },
    /// Interest was charged up to now.
    Accrued,
    /// An instrument has this mode now.
    ModeSet {
        /// Which.
        instrument: InstrumentId,
        /// Its mode.
        mode: Mode,
    },
    /// An instrument expired at this price; nothing of it is left.
    Expired {
        /// Which.
        instrument: InstrumentId,
        /// Settlement price, in the currency of the index.
        price: Price,
    },
    /// An account was judged and stands differently now.
    Judged {
        /// Whose.
        account: AccountId,
        /// How it stands.
        status: Status,
        /// Its equity.
        equity: Money,
        /// Its initial margin.
        initial_margin: Money,
        /// Its maintenance margin.
        maintenance_margin: Money,
        /// In which market.
        version: u64,
    },
    /// Every account was judged in this market.
    Watched {
        /// Its version.
        version: u64,
    },
    /// This much left custody: the outflow limiter remembers.
    Flowed {
        /// What the limiter holds now, in USD.
        spent: Money,
    },
    /// A change was proposed, with the next number.
    Proposed {
        /// What would change.
        change: Box<Change>,
        /// Not in force before.
        from: Timestamp,
    },
    /// A proposal came into force.
    Activated {
        /// Its number.
        proposal: u64,
    },
    /// The liquidation of an account began.
    CaseOpened {
        /// Whose.
        account: AccountId,
        /// Its number.
        epoch: u64,
        /// The underlyings it has positions in.
        markets: Vec<UnderlyingId>,
    },
    /// The shared fund paid for the liquidation of an account.
    Shared {
        /// Whose.
        account: AccountId,
        /// How much, in USD.
        usd: Money,
    },
    /// A trade may be made for an account in liquidation; none: no longer.
    Offered {
        /// Whose.
        account: AccountId,
        /// Which.
        offer: Option<Offer>,
    },
    /// The portfolio of an account went into auction.
    Auctioned {
        /// Whose.
        account: AccountId,
    },
    /// The liquidation of an account is over.
    CaseClosed {
        /// Whose.
        account: AccountId,
    },
    /// Lots went from one account to another without the market: liquidations that crossed, an auction, a backstop, winners.
    Transferred {
        /// What.
        instrument: InstrumentId,
        /// Who was liquidated.
        from: AccountId,
        /// Who took the other side.
        to: AccountId,
        /// Lots, signed as the liquidated account traded them.
        lots: i64,
        /// At what price.
        price: Price,
        /// Lots open after it.
        open: i64,
    },
    /// Liquidations have traded this much of an underlying lately.
    Paced {
        /// Which.
        underlying: UnderlyingId,
        /// What the limiter holds.
        flow: Flow,
    },
    /// How near a cascade an underlying is.
    Measured {
        /// Which.
        underlying: UnderlyingId,
        /// R, both ways.
        cascade: Cascade,
    },
    /// After an outage: nobody is liquidated before.
    Calmed {
        /// Until when.
        until: Timestamp,
    },
    /// An account takes over portfolios from now on, or no longer.
    BackstopSet {
        /// Whose.
        account: AccountId,
        /// Whether it does.
        on: bool,
    },
    /// A proposal was withdrawn.
    Revoked {
        /// Its number.
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
