//! The reasons for which a command is refused: a closed, numbered list in order of precedence.
//!
//! The hundreds are layers: 0 form and right, 1 static limits, 2 initial margin, 4 prices and status, 5 withdrawals, 6
//! the system, 7 governance. When several reasons apply, the one with the smallest number is given.

use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::state::Mode;
use crate::{AccountId, FeedId, Status};

/// The most characters of a refused value that a reject repeats.
const FOUND_MAX: usize = 120;

/// The reason why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Reject {
    /// L0: the principal has no right to this command.
    #[error("not authorised: the command needs {needed}")]
    NotAuthorised {
        /// The capability that is missing.
        needed: String,
    },
    /// L0: the time of the command is before the clock of the engine.
    #[error("the command is of {time}, the engine has reached {clock}")]
    ClockBackwards {
        /// The time of the command.
        time: Timestamp,
        /// The time that the engine has reached.
        clock: Timestamp,
    },
    /// L0: the time of the command is more than one step ahead of the clock.
    #[error(
        "the command is of {time}, more than {most_seconds} s after {clock}, which the engine has reached; after a longer pause \
         governance resumes it"
    )]
    ClockAhead {
        /// The time of the command.
        time: Timestamp,
        /// The time that the engine has reached.
        clock: Timestamp,
        /// The most by which this command may move the clock, in seconds.
        most_seconds: Ratio,
    },
    /// L0: nothing of this kind has this number.
    #[error("no {what} {id}")]
    Unknown {
        /// The kind of thing: account, asset, instrument, …
        what: Noun,
        /// The number that was asked for.
        id: u64,
    },
    /// L0: the name is taken.
    #[error("{what} \"{name}\" exists")]
    Exists {
        /// The kind of thing that has the name.
        what: Noun,
        /// The name that was asked for.
        name: String,
    },
    /// L0: this number or a later one was applied before.
    #[error("{what} {id} is not after {last}, the last one applied")]
    Repeated {
        /// The kind of number: match, reference, order, period, …
        what: Noun,
        /// The number that was given.
        id: u64,
        /// The last number that was applied.
        last: u64,
    },
    /// L0: a field holds a value that is not allowed.
    #[error("{field} is {found}, expected {expected}")]
    Malformed {
        /// The path of the field.
        field: String,
        /// The value it held, shortened.
        found: String,
        /// The values it may hold, in words.
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
        /// The problem at that path, as a sentence.
        problem: String,
    },
    /// L0: the report of a source was not accepted.
    #[error("feed {feed}: {why}")]
    Report {
        /// The feed of the report.
        feed: FeedId,
        /// Why the feed does not accept it, as a sentence.
        why: String,
    },

    /// L1: the mode of the market does not allow this now.
    #[error("the instrument is {mode}")]
    Mode {
        /// The mode of the instrument now.
        mode: Mode,
    },
    /// L1: the instrument has expired already, or has not expired yet.
    #[error("expiry is {expiry}, the engine has reached {clock}")]
    Expiry {
        /// The instrument's expiry.
        expiry: Timestamp,
        /// The time that the engine has reached.
        clock: Timestamp,
    },
    /// L1: the price is too far from the mark.
    #[error("price {price} is outside {low} to {high}")]
    PriceBand {
        /// The price that was asked for, in the quote.
        price: Price,
        /// The lowest price of the band.
        low: Price,
        /// The highest price of the band.
        high: Price,
    },
    /// L1: a number is above its limit.
    #[error("{what} would be {found}, at most {limit}")]
    Limit {
        /// The quantity that is limited.
        what: Noun,
        /// The value it would have.
        found: i64,
        /// The most that is allowed.
        limit: i64,
    },
    /// L1: the order may only reduce the position and would not.
    #[error("reduce-only: {lots} lots would not reduce a position of {held}")]
    NotReducing {
        /// Signed lots that were asked for.
        lots: i64,
        /// Signed lots of the position.
        held: i64,
    },
    /// L1: more of the asset than may be held as collateral now.
    #[error("collateral would be {found}, the cap is {cap} now")]
    CollateralCap {
        /// Units that all accounts together would hold.
        found: Quantity,
        /// The cap at this moment, in units of the asset.
        cap: Quantity,
    },

    /// L2: the account would hold less than its initial margin.
    #[error("account {account}: equity {equity} below initial margin {initial_margin}")]
    InitialMargin {
        /// The account that would trade.
        account: AccountId,
        /// Equity after the trade, in USD, on the side of the desk that refuses it.
        equity: Money,
        /// Initial margin after the trade, in USD, with all open orders.
        initial_margin: Money,
    },
    /// L2: the account may only reduce its requirement, and this does not.
    #[error("account {account} is {status}: only what reduces its requirement is accepted")]
    Restricted {
        /// The account that may only reduce.
        account: AccountId,
        /// The status that restricts it.
        status: Status,
    },
    /// L2: the margin of the account cannot be computed.
    #[error("account {account}: {why}")]
    NotAssessable {
        /// The account that cannot be judged.
        account: AccountId,
        /// Why no margin can be given, as a sentence.
        why: String,
    },

    /// L2: the trade of a liquidation would leave the account further below maintenance margin than it is.
    #[error("account {account}: what it has above maintenance margin would fall from {before} to {after}")]
    Worse {
        /// The account in liquidation.
        account: AccountId,
        /// Equity less maintenance margin, now, in USD.
        before: Money,
        /// Equity less maintenance margin after the trade, in USD.
        after: Money,
    },

    /// L4: a price that is needed is not valid.
    #[error("feed {feed} is {validity}: {why}")]
    NoPrice {
        /// The feed without a usable price.
        feed: FeedId,
        /// The validity in words: valid, suspect or invalid.
        validity: String,
        /// The reason why the price is not valid, as a sentence.
        why: String,
    },
    /// L4: the account is not below maintenance margin.
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
        /// The trade that is offered instead, or that nothing is offered, in words.
        offered: String,
    },
    /// L4: after an outage accounts get time to be cured before any liquidation.
    #[error("nobody is liquidated before {until}")]
    Curing {
        /// The time from which liquidations go on.
        until: Timestamp,
    },
    /// L4: the next step of a liquidation has to wait.
    #[error("the liquidation of account {account} waits until {until}")]
    Waiting {
        /// The account in liquidation.
        account: AccountId,
        /// The time until which it waits, if prices stay as they are.
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
    /// L4: the portfolio of the account is not in auction.
    #[error("no auction of account {account}")]
    NoAuction {
        /// The account whose portfolio was bid for.
        account: AccountId,
    },

    /// L5: the balance is smaller than the amount.
    #[error("{asked} asked for, {there} there")]
    Balance {
        /// Units of the asset that were asked for.
        asked: Quantity,
        /// Units of the asset that the account has at that location.
        there: Quantity,
    },
    /// L5: a part of the amount is profit that no loser has paid yet.
    #[error("{profit} of it is profit, {settled} of the profits of this asset have been paid by their losers")]
    Unsettled {
        /// The part of the amount that is profit, in units of the asset.
        profit: Quantity,
        /// Units of profit of this asset that losers have paid.
        settled: Quantity,
    },
    /// L5: the rest of the account would not cover initial margin and the cost of closing.
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
        /// Initial margin of the rest, in USD.
        initial_margin: Money,
        /// Expected cost of closing the rest, in USD.
        closing: Money,
    },

    /// L6: the outflow budget of the window is spent.
    #[error("{asked} asked for, {left} left to flow out until {until}")]
    Outflow {
        /// Value that would flow out, in USD.
        asked: Money,
        /// Value that may still flow out, in USD.
        left: Money,
        /// The end of the window.
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
    /// L6: open interest would exceed what limits and funds stand behind.
    #[error("open interest would be {found} USD, {limit} USD is what limits and funds stand behind")]
    Fund {
        /// Open interest after the command, in USD, over all instruments of the underlying.
        found: Money,
        /// The most that limits and funds stand behind, in USD.
        limit: Money,
    },
    /// L6: losses are not covered yet, so the accounts that stay would pay for money that leaves.
    #[error("{deficit} USD of losses are not covered yet")]
    Deficit {
        /// Sum of the losses that are not covered, in USD.
        deficit: Money,
    },

    /// L7: the delay of the proposal has not passed.
    #[error("not before {from}")]
    TooSoon {
        /// The earliest time at which it may come into force.
        from: Timestamp,
    },
    /// L7: a parameter would change by more than one step.
    #[error("{field} would change from {from} to {to}, at most by {step}")]
    Step {
        /// The name of the parameter.
        field: String,
        /// The value in force.
        from: String,
        /// The value that was asked for.
        to: String,
        /// The largest step of one change, as a share of the value in force.
        step: Ratio,
    },
    /// L7: the outflow limiter cannot change while a listing of collateral is young or pending.
    #[error("the outflow limiter is locked until {until} by a listing of collateral")]
    LimiterLocked {
        /// The moment at which the lock ends.
        until: Timestamp,
    },
    /// L7: another change of the same subject is under way.
    #[error("proposal {proposal} is under way")]
    UnderWay {
        /// The number of the proposal that is under way.
        proposal: u64,
    },

    /// A number is out of range.
    #[error("{what} out of range")]
    OutOfRange {
        /// The name of the quantity.
        what: String,
    },
}

/// The noun that the message of a reject uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The number of the reject. It never changes, and a smaller number takes precedence.
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

    /// A reject: `field` holds `found` where `expected` is required.
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
