//! What can be asked of the engine.

use marks::Report;
use model::{AssetId, InstrumentId, Side};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::state::{AssetTerms, Change, InstrumentTerms, Mode, Pot, UnderlyingTerms};
use crate::{AccountId, FeedId, LocationId, OrderId, Principal};

/// A command with who asks and when. The engine has no clock of its own: this is its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// When it was taken in; never before the one before it.
    pub time: Timestamp,
    /// The identity that asks, whose rights are checked.
    pub principal: Principal,
    /// The command itself.
    pub command: Command,
}

/// One side of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The account on this side.
    pub account: AccountId,
    /// The resting or taking order that it fills, if it was placed here.
    pub order: Option<OrderId>,
    /// Fee charged, in the asset the instrument settles in (options: its quote; spot: its quote); not negative.
    pub fee: Quantity,
}

/// Everything that an engine can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Opens an account for an owner. Accounts of one owner are linked: limits on concentration see them together.
    OpenAccount {
        /// The account's name; no other account may have it.
        name: String,
        /// The person behind it.
        owner: u32,
    },
    /// An asset arrived in custody for an account.
    Deposit {
        /// The account that is credited.
        account: AccountId,
        /// The asset that arrived.
        asset: AssetId,
        /// The chain or custodian that holds it; none is the venue itself.
        location: Option<LocationId>,
        /// Units of the asset, above 0.
        amount: Quantity,
        /// The custodian's reference, above every earlier one: the same deposit is credited once (I-09).
        reference: u64,
    },
    /// The owner wants an asset out.
    Withdraw {
        /// The account that is debited.
        account: AccountId,
        /// The asset that leaves.
        asset: AssetId,
        /// The chain or custodian that it leaves from; none is the venue itself.
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
        /// Where it is and stays.
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
        /// The worst price it fills at.
        limit: Price,
        /// It may only reduce the position.
        reduce_only: bool,
    },
    /// Changes lots and limit of an open order.
    Amend {
        /// The account whose order it is.
        account: AccountId,
        /// The owner's number of the order.
        order: OrderId,
        /// Lots left, above 0.
        lots: i64,
        /// The new worst price it fills at.
        limit: Price,
    },
    /// Withdraws an open order.
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
    /// A source says a price.
    Report {
        /// The feed that the report belongs to.
        feed: FeedId,
        /// The source's price with its time and confidence.
        report: Report,
    },
    /// A new volatility surface: the market version of what has no feed of its own.
    Surface {
        /// Above every earlier one.
        version: u64,
        /// The time the surface was fitted at.
        published: Timestamp,
        /// Annualised volatility of each option named.
        vols: Vec<(InstrumentId, Ratio)>,
    },
    /// Longs pay shorts (when positive) for one period of a perpetual.
    Funding {
        /// The perpetual whose funding is paid.
        instrument: InstrumentId,
        /// Share of the notional at the mark.
        rate: Ratio,
        /// The number of the period, above every earlier one.
        period: u64,
    },
    /// Charges interest on what accounts owe, from the last charge until now, at most the longest accrual.
    Interest,
    /// Variation settlement of futures and perpetuals: unsettled profit becomes balance at the mark.
    Settle {
        /// The future or perpetual that is settled.
        instrument: InstrumentId,
    },
    /// An expired instrument is settled at the average of its window.
    Expire {
        /// The instrument that has expired.
        instrument: InstrumentId,
    },
    /// The trade that was offered for an account in liquidation, or a part of it.
    LiquidationFill {
        /// The account that is liquidated.
        account: AccountId,
        /// Who takes the other side.
        counterparty: AccountId,
        /// The instrument that was traded.
        instrument: InstrumentId,
        /// The engine's number of the match.
        match_id: u64,
        /// The price of the trade, in the instrument's quote.
        price: Price,
        /// Lots of the account's position, signed as the account trades them.
        lots: i64,
        /// What the account pays into the fund of the market; never more than its equity.
        fee: Quantity,
    },
    /// The next step of the liquidation of an account: it is begun, planned anew on the prices of now, taken on, or ended.
    Liquidate {
        /// The account in liquidation, or to be liquidated.
        account: AccountId,
    },
    /// Measures how near a cascade each underlying is: from then on that slows liquidations and makes new risk dearer.
    Measure,
    /// Says whether an account takes over portfolios of others: it may bid in auctions and is the backstop after them.
    SetBackstop {
        /// The account that stands ready.
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
        /// What the bidder pays (negative: asks), in USD, for taking the share over at the mark.
        price: Money,
    },
    /// Money for a fund.
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
    /// Money out of a fund: proposed now, paid after the delay if the fund is adequate without it.
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
        /// The mode it shall have.
        mode: Mode,
    },
    /// Time passes: prices are formed, what is due falls due.
    Tick,
    /// Accounts that prices or fills have moved are judged.
    Watch,
    /// The engine goes on after a pause that is longer than its clock may step: it moves the clock and does nothing else.
    Resume,
}

impl Command {
    /// The account whose liquidation a command goes on with; none where it is for something else.
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
