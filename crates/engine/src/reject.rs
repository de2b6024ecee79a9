//! Why a command was refused: a closed, numbered list in order of precedence.
//!
//! Hundreds are layers: 0 the form and the right, 1 static limits, 2 initial margin, 4 prices and status, 5 withdrawals,
//! 6 the system, 7 governance. When several would apply, the smallest number is given.

use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::state::Mode;
use crate::{AccountId, FeedId, Status};

/// Longer values are not repeated in full.
const FOUND_MAX: usize = 120;

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reject {
    /// L0: the principal may not ask for this.
    #[error("not authorised: the command needs {needed}")]
    NotAuthorised {
        /// The capability that is missing.
        needed: String,
    },
    /// L0: time does not go back.
    #[error("the command is of {time}, the engine has reached {clock}")]
    ClockBackwards {
        /// The time of the command.
        time: Timestamp,
        /// The time that the engine has reached.
        clock: Timestamp,
    },
    /// L0: time goes forward by steps.
    #[error(
        "the command is of {time}, more than {most_seconds} s after {clock}, which the engine has reached; after a longer pause \
         governance resumes it"
    )]
    ClockAhead {
        /// The time of the command.
        time: Timestamp,
        /// The time that the engine has reached.
        clock: Timestamp,
        /// How far this command may move the clock.
        most_seconds: Ratio,
    },
    /// L0: no such thing.
    #[error("no {what} {id}")]
    Unknown {
        /// account, asset, instrument, …
        what: Noun,
        /// The number that was asked for.
        id: u64,
    },
    /// L0: that name is taken.
    #[error("{what} \"{name}\" exists")]
    Exists {
        /// The kind of thing that has the name.
        what: Noun,
        /// The name that was asked for.
        name: String,
    },
    /// L0: this or a later one was applied before.
    #[error("{what} {id} is not after {last}, the last one applied")]
    Repeated {
        /// match, reference, order, period, …
        what: Noun,
        /// The number that was given.
        id: u64,
        /// The last number that was applied.
        last: u64,
    },
    /// L0: a number that means nothing.
    #[error("{field} is {found}, expected {expected}")]
    Malformed {
        /// The path of the field.
        field: String,
        /// The value it held, shortened.
        found: String,
        /// What it may hold, in words.
        expected: String,
    },
    /// L0: both sides of a trade are one account.
    #[error("account {account} cannot trade with itself")]
    SelfTrade {
        /// The account on both sides.
        account: AccountId,
    },
    /// L0: a document inside the command cannot be accepted.
    #[error("{path}: {problem}")]
    Invalid {
        /// The path inside the document.
        path: String,
        /// What is wrong at that path, as a sentence.
        problem: String,
    },
    /// L0: what a source said was not accepted.
    #[error("feed {feed}: {why}")]
    Report {
        /// The feed of the report.
        feed: FeedId,
        /// Why the feed does not accept it, as a sentence.
        why: String,
    },

    /// L1: the market does not take this now.
    #[error("the instrument is {mode}")]
    Mode {
        /// The mode of the instrument now.
        mode: Mode,
    },
    /// L1: the instrument has expired, or has not.
    #[error("expiry is {expiry}, the engine has reached {clock}")]
    Expiry {
        /// The instrument's expiry.
        expiry: Timestamp,
        /// The time that the engine has reached.
        clock: Timestamp,
    },
    /// L1: too far from the mark.
    #[error("price {price} is outside {low} to {high}")]
    PriceBand {
        /// The price that was asked for, in the quote.
        price: Price,
        /// The lowest price of the band.
        low: Price,
        /// The highest price of the band.
        high: Price,
    },
    /// L1: more than allowed.
    #[error("{what} would be {found}, at most {limit}")]
    Limit {
        /// The quantity that is limited.
        what: Noun,
        /// The value it would have.
        found: i64,
        /// The most that is allowed.
        limit: i64,
    },
    /// L1: the order may only reduce.
    #[error("reduce-only: {lots} lots would not reduce a position of {held}")]
    NotReducing {
        /// Signed lots that were asked for.
        lots: i64,
        /// Signed lots of the position.
        held: i64,
    },
    /// L1: more of the asset than may be collateral now.
    #[error("collateral would be {found}, the cap is {cap} now")]
    CollateralCap {
        /// Units that all accounts would hold together.
        found: Quantity,
        /// The cap of this moment, in units of the asset.
        cap: Quantity,
    },

    /// L2: the account would not hold its initial margin.
    #[error("account {account}: equity {equity} below initial margin {initial_margin}")]
    InitialMargin {
        /// The account that would trade.
        account: AccountId,
        /// After the trade, on the worse side.
        equity: Money,
        /// After the trade, with all open orders.
        initial_margin: Money,
    },
    /// L2: the account may only reduce, and this does not.
    #[error("account {account} is {status}: only what reduces its requirement is accepted")]
    Restricted {
        /// The account that may only reduce.
        account: AccountId,
        /// The status that restricts it.
        status: Status,
    },
    /// L2: the account cannot be assessed.
    #[error("account {account}: {why}")]
    NotAssessable {
        /// The account that cannot be judged.
        account: AccountId,
        /// Why no margin can be given, as a sentence.
        why: String,
    },

    /// L2: a liquidation would leave the account further below maintenance than it is.
    #[error("account {account}: what it has above maintenance margin would fall from {before} to {after}")]
    Worse {
        /// The account in liquidation.
        account: AccountId,
        /// Equity less maintenance margin, now.
        before: Money,
        /// The same after the trade.
        after: Money,
    },

    /// L4: no price that could be used for this.
    #[error("feed {feed} is {validity}: {why}")]
    NoPrice {
        /// The feed without a usable price.
        feed: FeedId,
        /// valid, suspect or invalid.
        validity: String,
        /// What the price lacks, as a sentence.
        why: String,
    },
    /// L4: the account is not below maintenance.
    #[error("account {account} is {status}")]
    NotInLiquidation {
        /// The account that was named.
        account: AccountId,
        /// Its status, at or above maintenance.
        status: Status,
    },
    /// L4: no such trade was offered for the account in this version of the market.
    #[error("no such trade is offered for account {account} in version {version}; {offered}")]
    NoOffer {
        /// The account in liquidation.
        account: AccountId,
        /// The version of the market now.
        version: u64,
        /// The trade that is offered instead, or that none is, in words.
        offered: String,
    },
    /// L4: after an outage accounts can be cured before anyone is liquidated.
    #[error("nobody is liquidated before {until}")]
    Curing {
        /// The moment from which liquidations go on.
        until: Timestamp,
    },
    /// L4: the next step of a liquidation has to wait.
    #[error("the liquidation of account {account} waits until {until}")]
    Waiting {
        /// The account in liquidation.
        account: AccountId,
        /// Until when, if prices stay.
        until: Timestamp,
    },
    /// L4: liquidations have traded as much of the underlying as its depth bears.
    #[error("liquidations may trade {left} USD more of the underlying now, {asked} asked for")]
    Paced {
        /// Value of the trade that was asked for, in USD.
        asked: Money,
        /// Value that may still be traded now, in USD.
        left: Money,
    },
    /// L4: nothing is auctioned.
    #[error("no auction of account {account}")]
    NoAuction {
        /// The account whose portfolio was bid for.
        account: AccountId,
    },

    /// L5: less than that is there.
    #[error("{asked} asked for, {there} there")]
    Balance {
        /// Units of the asset that were asked for.
        asked: Quantity,
        /// Units of the asset that the account has there.
        there: Quantity,
    },
    /// L5: profit that no loser has paid yet.
    #[error("{profit} of it is profit, {settled} of the profits of this asset have been paid by their losers")]
    Unsettled {
        /// The part that is profit.
        profit: Quantity,
        /// Units of profit of this asset that losers have paid.
        settled: Quantity,
    },
    /// L5: what would stay does not hold initial margin and the cost of closing it.
    #[error(
        "account {account}: {equity} would stay, {needed} is needed ({initial_margin} initial margin and {closing} to close)"
    )]
    Withdrawal {
        /// The account that money would leave.
        account: AccountId,
        /// Equity that would stay, in USD.
        equity: Money,
        /// Initial margin and closing cost together, in USD.
        needed: Money,
        /// Initial margin of what stays, in USD.
        initial_margin: Money,
        /// Expected cost to close what stays.
        closing: Money,
    },

    /// L6: the outflow budget of the window is spent.
    #[error("{asked} asked for, {left} left to flow out until {until}")]
    Outflow {
        /// Value that would flow out, in USD.
        asked: Money,
        /// Value that may still flow out, in USD.
        left: Money,
        /// When the window ends.
        until: Timestamp,
    },
    /// L6: one account, or linked accounts, would hold too much of the market.
    #[error("{whose} would hold {share} of the open interest, at most {limit}")]
    Concentration {
        /// account or owner.
        whose: Noun,
        /// Share of the open interest.
        share: Ratio,
        /// The largest share that is allowed.
        limit: Ratio,
    },
    /// L6: the funds could not stand behind more open interest.
    #[error("open interest would be {found} USD, {limit} USD is what limits and funds stand behind")]
    Fund {
        /// Over all instruments of the underlying.
        found: Money,
        /// The most that limits and funds stand behind, in USD.
        limit: Money,
    },
    /// L6: losses are unresolved, and money out would be paid by others.
    #[error("{deficit} USD of losses are not covered yet")]
    Deficit {
        /// Sum of what bankrupt accounts lack.
        deficit: Money,
    },

    /// L7: the delay of the proposal has not passed.
    #[error("not before {from}")]
    TooSoon {
        /// The moment from which it may come into force.
        from: Timestamp,
    },
    /// L7: one change may not be that large.
    #[error("{field} would change from {from} to {to}, at most by {step}")]
    Step {
        /// The name of the parameter.
        field: String,
        /// The value in force.
        from: String,
        /// The value that was asked for.
        to: String,
        /// The largest step of one change.
        step: Ratio,
    },
    /// L7: the outflow limiter cannot change while a listing of collateral is young or pending.
    #[error("the outflow limiter is locked until {until} by a listing of collateral")]
    LimiterLocked {
        /// The moment at which the lock ends.
        until: Timestamp,
    },
    /// L7: a change of the same kind is under way.
    #[error("proposal {proposal} is under way")]
    UnderWay {
        /// The number of the proposal that is under way.
        proposal: u64,
    },

    /// A number left its range.
    #[error("{what} out of range")]
    OutOfRange {
        /// The name of the quantity.
        what: String,
    },
}

/// What a reject speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the noun it prints as")]
pub enum Noun {
    Account,
    Owner,
    Asset,
    Location,
    Underlying,
    Instrument,
    Feed,
    Order,
    Match,
    Reference,
    Period,
    Surface,
    Proposal,
    OrderSize,
    OpenOrders,
    OpenInterest,
    Positions,
}

impl std::fmt::Display for Noun {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Account => "account",
            Self::Owner => "owner",
            Self::Asset => "asset",
            Self::Location => "location",
            Self::Underlying => "underlying",
            Self::Instrument => "instrument",
            Self::Feed => "feed",
            Self::Order => "order",
            Self::Match => "match",
            Self::Reference => "reference",
            Self::Period => "period",
            Self::Surface => "surface",
            Self::Proposal => "proposal",
            Self::OrderSize => "order size",
            Self::OpenOrders => "open orders",
            Self::OpenInterest => "open interest",
            Self::Positions => "positions",
        })
    }
}

impl Reject {
    /// Its number: stable, and its order is its precedence.
    pub fn code(&self) -> u16 {
        match self {
            Self::NotAuthorised { .. } => 1,
            Self::ClockBackwards { .. } => 2,
            Self::Unknown { .. } => 3,
            Self::Exists { .. } => 4,
            Self::Repeated { .. } => 5,
            Self::Malformed { .. } => 6,
            Self::SelfTrade { .. } => 7,
            Self::Invalid { .. } => 8,
            Self::Report { .. } => 9,
            Self::ClockAhead { .. } => 10,
            Self::Mode { .. } => 100,
            Self::Expiry { .. } => 101,
            Self::PriceBand { .. } => 102,
            Self::Limit { .. } => 103,
            Self::NotReducing { .. } => 104,
            Self::CollateralCap { .. } => 105,
            Self::InitialMargin { .. } => 200,
            Self::Restricted { .. } => 201,
            Self::NotAssessable { .. } => 202,
            Self::Worse { .. } => 203,
            Self::NoPrice { .. } => 400,
            Self::NotInLiquidation { .. } => 401,
            Self::NoAuction { .. } => 402,
            Self::NoOffer { .. } => 403,
            Self::Curing { .. } => 404,
            Self::Waiting { .. } => 405,
            Self::Paced { .. } => 406,
            Self::Balance { .. } => 500,
            Self::Unsettled { .. } => 501,
            Self::Withdrawal { .. } => 502,
            Self::Outflow { .. } => 600,
            Self::Concentration { .. } => 601,
            Self::Fund { .. } => 602,
            Self::Deficit { .. } => 603,
            Self::TooSoon { .. } => 700,
            Self::Step { .. } => 701,
            Self::LimiterLocked { .. } => 702,
            Self::UnderWay { .. } => 703,
            Self::OutOfRange { .. } => 900,
        }
    }

    /// `field` held `found` where `expected` should stand.
    pub fn malformed(field: &str, found: impl std::fmt::Display, expected: impl Into<String>) -> Self {
        let found = model::shortened(&found.to_string(), FOUND_MAX);
        Self::Malformed { field: field.to_owned(), found, expected: expected.into() }
    }
}

impl From<units::Overflow> for Reject {
    fn from(overflow: units::Overflow) -> Self {
        Self::OutOfRange { what: overflow.quantity.to_owned() }
    }
}

impl From<model::Invalid> for Reject {
    fn from(invalid: model::Invalid) -> Self {
        Self::Invalid { path: invalid.path, problem: invalid.problem }
    }
}
