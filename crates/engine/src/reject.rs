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
        /// Of the command.
        time: Timestamp,
        /// Of the engine.
        clock: Timestamp,
    },
    /// L0: time goes forward by steps.
    #[error(
        "the command is of {time}, more than {most_seconds} s after {clock}, which the engine has reached; after a longer pause \
         governance resumes it"
    )]
    ClockAhead {
        /// Of the command.
        time: Timestamp,
        /// Of the engine.
        clock: Timestamp,
        /// How far this command may move the clock.
        most_seconds: Ratio,
    },
    /// L0: no such thing.
    #[error("no {what} {id}")]
    Unknown {
        /// account, asset, instrument, …
        what: Noun,
        /// As asked for.
        id: u64,
    },
    /// L0: that name is taken.
    #[error("{what} \"{name}\" exists")]
    Exists {
        /// Of what.
        what: Noun,
        /// The name.
        name: String,
    },
    /// L0: this or a later one was applied before.
    #[error("{what} {id} is not after {last}, the last one applied")]
    Repeated {
        /// match, reference, order, period, …
        what: Noun,
        /// As given.
        id: u64,
        /// The last one.
        last: u64,
    },
    /// L0: a number that means nothing.
    #[error("{field} is {found}, expected {expected}")]
    Malformed {
        /// Which field.
        field: String,
        /// What it held.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// L0: both sides of a trade are one account.
    #[error("account {account} cannot trade with itself")]
    SelfTrade {
        /// Whose.
        account: AccountId,
    },
    /// L0: a document inside the command cannot be accepted.
    #[error("{path}: {problem}")]
    Invalid {
        /// Where.
        path: String,
        /// What.
        problem: String,
    },
    /// L0: what a source said was not accepted.
    #[error("feed {feed}: {why}")]
    Report {
        /// Which feed.
        feed: FeedId,
        /// Why.
        why: String,
    },

    /// L1: the market does not take this now.
    #[error("the instrument is {mode}")]
    Mode {
        /// Its mode.
        mode: Mode,
    },
    /// L1: the instrument has expired, or has not.
    #[error("expiry is {expiry}, the engine has reached {clock}")]
    Expiry {
        /// Of the instrument.
        expiry: Timestamp,
        /// Of the engine.
        clock: Timestamp,
    },
    /// L1: too far from the mark.
    #[error("price {price} is outside {low} to {high}")]
    PriceBand {
        /// As asked.
        price: Price,
        /// Lowest.
        low: Price,
        /// Highest.
        high: Price,
    },
    /// L1: more than allowed.
    #[error("{what} would be {found}, at most {limit}")]
    Limit {
        /// What is limited.
        what: Noun,
        /// What it would be.
        found: i64,
        /// The most.
        limit: i64,
    },
    /// L1: the order may only reduce.
    #[error("reduce-only: {lots} lots would not reduce a position of {held}")]
    NotReducing {
        /// As asked.
        lots: i64,
        /// The position.
        held: i64,
    },
    /// L1: more of the asset than may be collateral now.
    #[error("collateral would be {found}, the cap is {cap} now")]
    CollateralCap {
        /// Over all accounts.
        found: Quantity,
        /// Now, on its ramp.
        cap: Quantity,
    },

    /// L2: the account would not hold its initial margin.
    #[error("account {account}: equity {equity} below initial margin {initial_margin}")]
    InitialMargin {
        /// Whose.
        account: AccountId,
        /// After the trade, on the worse side.
        equity: Money,
        /// After the trade, with all open orders.
        initial_margin: Money,
    },
    /// L2: the account may only reduce, and this does not.
    #[error("account {account} is {status}: only what reduces its requirement is accepted")]
    Restricted {
        /// Whose.
        account: AccountId,
        /// Its status.
        status: Status,
    },
    /// L2: the account cannot be assessed.
    #[error("account {account}: {why}")]
    NotAssessable {
        /// Whose.
        account: AccountId,
        /// Why.
        why: String,
    },

    /// L2: a liquidation would leave the account further below maintenance than it is.
    #[error("account {account}: what it has above maintenance margin would fall from {before} to {after}")]
    Worse {
        /// Whose.
        account: AccountId,
        /// Equity less maintenance margin, now.
        before: Money,
        /// After the trade.
        after: Money,
    },

    /// L4: no price that could be used for this.
    #[error("feed {feed} is {validity}: {why}")]
    NoPrice {
        /// Which feed.
        feed: FeedId,
        /// valid, suspect or invalid.
        validity: String,
        /// Why.
        why: String,
    },
    /// L4: the account is not below maintenance.
    #[error("account {account} is {status}")]
    NotInLiquidation {
        /// Whose.
        account: AccountId,
        /// Its status.
        status: Status,
    },
    /// L4: no such trade was offered for the account in this version of the market.
    #[error("no such trade is offered for account {account} in version {version}; {offered}")]
    NoOffer {
        /// Whose.
        account: AccountId,
        /// Of the market.
        version: u64,
        /// What is.
        offered: String,
    },
    /// L4: after an outage accounts can be cured before anyone is liquidated.
    #[error("nobody is liquidated before {until}")]
    Curing {
        /// Until when.
        until: Timestamp,
    },
    /// L4: the next step of a liquidation has to wait.
    #[error("the liquidation of account {account} waits until {until}")]
    Waiting {
        /// Whose.
        account: AccountId,
        /// Until when, if prices stay.
        until: Timestamp,
    },
    /// L4: liquidations have traded as much of the underlying as its depth bears.
    #[error("liquidations may trade {left} USD more of the underlying now, {asked} asked for")]
    Paced {
        /// As asked, USD.
        asked: Money,
        /// What is left, USD.
        left: Money,
    },
    /// L4: nothing is auctioned.
    #[error("no auction of account {account}")]
    NoAuction {
        /// Whose.
        account: AccountId,
    },

    /// L5: less than that is there.
    #[error("{asked} asked for, {there} there")]
    Balance {
        /// As asked.
        asked: Quantity,
        /// There.
        there: Quantity,
    },
    /// L5: profit that no loser has paid yet.
    #[error("{profit} of it is profit, {settled} of the profits of this asset have been paid by their losers")]
    Unsettled {
        /// The part that is profit.
        profit: Quantity,
        /// What has been paid.
        settled: Quantity,
    },
    /// L5: what would stay does not hold initial margin and the cost of closing it.
    #[error(
        "account {account}: {equity} would stay, {needed} is needed ({initial_margin} initial margin and {closing} to close)"
    )]
    Withdrawal {
        /// Whose.
        account: AccountId,
        /// What would stay.
        equity: Money,
        /// The sum.
        needed: Money,
        /// Of what stays.
        initial_margin: Money,
        /// Expected cost to close what stays.
        closing: Money,
    },

    /// L6: the outflow budget of the window is spent.
    #[error("{asked} asked for, {left} left to flow out until {until}")]
    Outflow {
        /// In USD.
        asked: Money,
        /// In USD.
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
        /// The most.
        limit: Ratio,
    },
    /// L6: the funds could not stand behind more open interest.
    #[error("open interest would be {found} USD, {limit} USD is what limits and funds stand behind")]
    Fund {
        /// Over all instruments of the underlying.
        found: Money,
        /// The most.
        limit: Money,
    },
    /// L6: losses are unresolved, and money out would be paid by others.
    #[error("{deficit} USD of losses are not covered yet")]
    Deficit {
        /// Sum of what bankrupt accounts lack.
        deficit: Money,
    },

    /// L7: not yet.
    #[error("not before {from}")]
    TooSoon {
        /// From when.
        from: Timestamp,
    },
    /// L7: one change may not be that large.
    #[error("{field} would change from {from} to {to}, at most by {step}")]
    Step {
        /// Which parameter.
        field: String,
        /// Now.
        from: String,
        /// As asked.
        to: String,
        /// The most.
        step: Ratio,
    },
    /// L7: the outflow limiter cannot change while a listing of collateral is young or pending.
    #[error("the outflow limiter is locked until {until} by a listing of collateral")]
    LimiterLocked {
        /// Until when.
        until: Timestamp,
    },
    /// L7: a change of the same kind is under way.
    #[error("proposal {proposal} is under way")]
    UnderWay {
        /// Its number.
        proposal: u64,
    },

    /// A number left its range.
    #[error("{what} out of range")]
    OutOfRange {
        /// Which quantity.
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
