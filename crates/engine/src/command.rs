//! The commands that the engine takes.

use marks::Report;
use model::{AssetId, InstrumentId, Side};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::state::{AssetTerms, Change, InstrumentTerms, Mode, Pot, UnderlyingTerms};
use crate::{AccountId, FeedId, LocationId, OrderId, Principal};

/// A command with its sender and its time. The engine has no clock of its own: it goes by this time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Envelope {
    /// The time at which the command was taken in; never before that of the command before it.
    pub time: Timestamp,
    /// The identity that sends the command and whose rights are checked.
    pub principal: Principal,
    /// The command itself.
    pub command: Command,
}

/// One side of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// The account on this side.
    pub account: AccountId,
    /// The resting or taking order that this fill executes, if it was placed with this engine.
    pub order: Option<OrderId>,
    /// Fee charged, in the asset that the instrument settles in (spot: in its quote); not negative.
    pub fee: Quantity,
}

/// Every command that the engine takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub enum Command {
    /// Opens an account for an owner. Accounts of one owner are linked: limits on concentration see them together.
    OpenAccount {
        /// The account's name; no other account may have it.
        name: String,
        /// The number of the owner.
        owner: u32,
    },
    /// An asset arrived in custody for an account.
    Deposit {
        /// The account that is credited.
        account: AccountId,
        /// The asset that arrived.
        asset: AssetId,
        /// The chain or custodian that holds it; none means the venue itself.
        location: Option<LocationId>,
        /// Units of the asset, above 0.
        amount: Quantity,
        /// The custodian's reference, above every earlier one: the same deposit is credited once (I-09).
        reference: u64,
    },
    /// The owner withdraws an asset.
    Withdraw {
        /// The account that is debited.
        account: AccountId,
        /// The asset that leaves.
        asset: AssetId,
        /// The chain or custodian that it leaves from; none means the venue itself.
        location: Option<LocationId>,
        /// Units of the asset, above 0.
        amount: Quantity,
    },
    /// The owner moves an asset between accounts.
    Transfer {
        /// The account that gives.
        from: AccountId,
        /// The account that receives.
        to: AccountId,
        /// The asset that moves.
        asset: AssetId,
        /// The location of the asset, which does not change.
        location: Option<LocationId>,
        /// Units of the asset, above 0.
        amount: Quantity,
    },
    /// Names a chain, bridge or custodian that can hold assets.
    ListLocation {
        /// The location's name; no other location may have it.
        name: String,
    },
    /// Lists an underlying with its price feed.
    ListUnderlying(Box<UnderlyingTerms>),
    /// Lists an asset. Its collateral cap starts at 0 and grows (I-67).
    ListAsset(Box<AssetTerms>),
    /// Lists an instrument.
    ListInstrument(Box<InstrumentTerms>),
    /// Places a limit order.
    Place {
        /// The account that would trade.
        account: AccountId,
        /// The owner's number for it, above every earlier one of the account.
        order: OrderId,
        /// The instrument to trade.
        instrument: InstrumentId,
        /// Whether the order buys or sells.
        side: Side,
        /// Size of the order in lots, above 0.
        lots: i64,
        /// The worst price at which it may fill.
        limit: Price,
        /// Whether the order may only reduce the position.
        reduce_only: bool,
    },
    /// Changes lots and limit of an open order.
    Amend {
        /// The account whose order it is.
        account: AccountId,
        /// The owner's number of the order.
        order: OrderId,
        /// Lots left to fill, above 0.
        lots: i64,
        /// The new worst price at which the order may fill.
        limit: Price,
    },
    /// Cancels an open order.
    Cancel {
        /// The account whose order it is.
        account: AccountId,
        /// The owner's number of the order.
        order: OrderId,
    },
    /// Two accounts traded.
    Fill {
        /// The instrument that was traded.
        instrument: InstrumentId,
        /// The venue's number of the match, above every earlier one of the instrument: it is applied once (I-09).
        match_id: u64,
        /// The price of the trade, in the instrument's quote.
        price: Price,
        /// Size of the trade in lots, above 0.
        lots: i64,
        /// The side that bought.
        buyer: Party,
        /// The side that sold.
        seller: Party,
    },
    /// A price source reports a price.
    Report {
        /// The feed that the report belongs to.
        feed: FeedId,
        /// The source's price with its time and confidence.
        report: Report,
    },
    /// A new volatility surface. It prices options, which have no price feed of their own.
    Surface {
        /// The version of the surface, above every earlier one.
        version: u64,
        /// The time the surface was fitted at.
        published: Timestamp,
        /// Annualised implied volatility of each option that the surface names.
        vols: Vec<(InstrumentId, Ratio)>,
    },
    /// Pays funding for one period of a perpetual: longs pay shorts when the rate is positive.
    Funding {
        /// The perpetual whose funding is paid.
        instrument: InstrumentId,
        /// Share of the notional at the mark.
        rate: Ratio,
        /// The number of the period, above every earlier one.
        period: u64,
    },
    /// Charges interest on negative balances for the time since the last charge, but for no longer than the longest accrual.
    Interest,
    /// Variation settlement of futures and perpetuals: unsettled profit becomes balance at the mark.
    Settle {
        /// The future or perpetual that is settled.
        instrument: InstrumentId,
    },
    /// Settles an expired instrument at the average of its settlement window.
    Expire {
        /// The instrument that has expired.
        instrument: InstrumentId,
    },
    /// The market took the trade that was offered for an account in liquidation, or a part of it.
    LiquidationFill {
        /// The account that is liquidated.
        account: AccountId,
        /// The account that takes the other side.
        counterparty: AccountId,
        /// The instrument that was traded.
        instrument: InstrumentId,
        /// The engine's number of the match.
        match_id: u64,
        /// The price of the trade, in the instrument's quote.
        price: Price,
        /// Lots that the account in liquidation trades; negative when it sells.
        lots: i64,
        /// The fee that the account in liquidation pays into the fund of the market; never more than its equity.
        fee: Quantity,
    },
    /// Takes the next step in the liquidation of an account: begins it, plans it anew on current prices, continues it
    /// or ends it.
    Liquidate {
        /// The account in liquidation, or to be liquidated.
        account: AccountId,
    },
    /// Measures how near each underlying is to a liquidation cascade. The result slows liquidations and makes new risk dearer.
    Measure,
    /// Makes an account a backstop, or ends that. A backstop may bid in auctions, and takes over portfolios after them.
    SetBackstop {
        /// The account that becomes a backstop, or is one no longer.
        account: AccountId,
        /// Whether the account takes over portfolios from now on.
        on: bool,
    },
    /// A bid for a portfolio in auction.
    AuctionBid {
        /// The account that bids.
        account: AccountId,
        /// The account whose portfolio is auctioned.
        auctioned: AccountId,
        /// Share of the portfolio, above 0 and at most 1.
        share: Ratio,
        /// The amount in USD that the bidder pays for taking the share over at the mark; negative when the bidder asks
        /// to be paid.
        price: Money,
    },
    /// Pays money into a fund.
    FundDeposit {
        /// The fund that receives the money.
        fund: Pot,
        /// The asset that is paid in.
        asset: AssetId,
        /// Units of the asset, above 0.
        amount: Quantity,
        /// The custodian's reference.
        reference: u64,
    },
    /// Takes money out of a fund: proposed now, paid after the delay if the fund is adequate without it.
    FundWithdraw {
        /// The fund that pays.
        fund: Pot,
        /// The asset that is paid out.
        asset: AssetId,
        /// Units of the asset, above 0.
        amount: Quantity,
    },
    /// Proposes a change of parameters.
    Propose {
        /// The change that is proposed.
        change: Change,
    },
    /// Brings a proposal into force after its delay.
    Activate {
        /// The number of the proposal.
        proposal: u64,
    },
    /// Withdraws a proposal.
    Revoke {
        /// The number of the proposal.
        proposal: u64,
    },
    /// Opens, restricts or halts one instrument.
    SetMode {
        /// The instrument whose market changes.
        instrument: InstrumentId,
        /// The new mode of the market.
        mode: Mode,
    },
    /// Lets time pass: quotes every feed, forms every price and samples settlement windows.
    Tick,
    /// Judges the accounts that prices or commands may have changed.
    Watch,
    /// Resumes the engine after a pause longer than one step of its clock: moves the clock and does nothing else.
    Resume,
}

impl Command {
    /// The account whose liquidation this command carries on; none for a command with another purpose.
    pub fn liquidated(&self) -> Option<AccountId> {
        match self {
            Self::Liquidate { account } | Self::LiquidationFill { account, .. } => Some(*account),
            Self::AuctionBid { auctioned, .. } => Some(*auctioned),
            Self::OpenAccount { .. }
            | Self::Deposit { .. }
            | Self::Withdraw { .. }
            | Self::Transfer { .. }
            | Self::ListLocation { .. }
            | Self::ListUnderlying(_)
            | Self::ListAsset(_)
            | Self::ListInstrument(_)
            | Self::Place { .. }
            | Self::Amend { .. }
            | Self::Cancel { .. }
            | Self::Fill { .. }
            | Self::Report { .. }
            | Self::Surface { .. }
            | Self::Funding { .. }
            | Self::Interest
            | Self::Settle { .. }
            | Self::Expire { .. }
            | Self::Measure
            | Self::SetBackstop { .. }
            | Self::FundDeposit { .. }
            | Self::FundWithdraw { .. }
            | Self::Propose { .. }
            | Self::Activate { .. }
            | Self::Revoke { .. }
            | Self::SetMode { .. }
            | Self::Tick
            | Self::Watch
            | Self::Resume => None,
        }
    }
}
