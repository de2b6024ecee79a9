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
    /// Who asks.
    pub principal: Principal,
    /// What is asked.
    pub command: Command,
}

/// One side of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Whose.
    pub account: AccountId,
    /// The resting or taking order that it fills, if it was placed here.
    pub order: Option<OrderId>,
    /// Fee charged, in the asset the instrument settles in (options: its quote; spot: its quote); not negative.
    pub fee: Quantity,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Opens an account for an owner. Accounts of one owner are linked: limits on concentration see them together.
    OpenAccount {
        /// Its name, unique.
        name: String,
        /// The person behind it.
        owner: u32,
    },
    /// An asset arrived in custody for an account.
    Deposit {
        /// For whom.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// The chain or custodian that holds it; none is the venue itself.
        location: Option<LocationId>,
        /// How much, above 0.
        amount: Quantity,
        /// The custodian's reference, above every earlier one: the same deposit is credited once (I-09).
        reference: u64,
    },
    /// The owner wants an asset out.
    Withdraw {
        /// From whom.
        account: AccountId,
        /// What.
        asset: AssetId,
        /// From where.
        location: Option<LocationId>,
        /// How much, above 0.
        amount: Quantity,
    },
    /// The owner moves an asset between accounts.
    Transfer {
        /// From.
        from: AccountId,
        /// To.
        to: AccountId,
        /// What.
        asset: AssetId,
        /// Where it is and stays.
        location: Option<LocationId>,
        /// How much, above 0.
        amount: Quantity,
    },
    /// Names a chain, bridge or custodian that can hold assets.
    ListLocation {
        /// Its name, unique.
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
        /// Whose.
        account: AccountId,
        /// The owner's number for it, above every earlier one of the account.
        order: OrderId,
        /// What.
        instrument: InstrumentId,
        /// Buy or sell.
        side: Side,
        /// Lots, above 0.
        lots: i64,
        /// The worst price it fills at.
        limit: Price,
        /// It may only reduce the position.
        reduce_only: bool,
    },
    /// Changes lots and limit of an open order.
    Amend {
        /// Whose.
        account: AccountId,
        /// Which.
        order: OrderId,
        /// Lots left, above 0.
        lots: i64,
        /// The new limit.
        limit: Price,
    },
    /// Withdraws an open order.
    Cancel {
        /// Whose.
        account: AccountId,
        /// Which.
        order: OrderId,
    },
    /// Two accounts traded.
    Fill {
        /// What.
        instrument: InstrumentId,
        /// The venue's number of the match, above every earlier one of the instrument: it is applied once (I-09).
        match_id: u64,
        /// At what price.
        price: Price,
        /// Lots, above 0.
        lots: i64,
        /// Who bought.
        buyer: Party,
        /// Who sold.
        seller: Party,
    },
    /// A source says a price.
    Report {
        /// Of what.
        feed: FeedId,
        /// What it says.
        report: Report,
    },
    /// A new volatility surface: the market version of what has no feed of its own.
    Surface {
        /// Above every earlier one.
        version: u64,
        /// When it was fitted.
        published: Timestamp,
        /// Annualised volatility of each option named.
        vols: Vec<(InstrumentId, Ratio)>,
    },
    /// Longs pay shorts (when positive) for one period of a perpetual.
    Funding {
        /// Which perpetual.
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
        /// What.
        instrument: InstrumentId,
    },
    /// An expired instrument is settled at the average of its window.
    Expire {
        /// What.
        instrument: InstrumentId,
    },
    /// The trade that was offered for an account in liquidation, or a part of it.
    LiquidationFill {
        /// The account that is liquidated.
        account: AccountId,
        /// Who takes the other side.
        counterparty: AccountId,
        /// What.
        instrument: InstrumentId,
        /// The engine's number of the match.
        match_id: u64,
        /// At what price.
        price: Price,
        /// Lots of the account's position, signed as the account trades them.
        lots: i64,
        /// What the account pays into the fund of the market; never more than its equity.
        fee: Quantity,
    },
    /// The next step of the liquidation of an account: it is begun, planned anew on the prices of now, taken on, or ended.
    Liquidate {
        /// Whose.
        account: AccountId,
    },
    /// Measures how near a cascade each underlying is: from then on that slows liquidations and makes new risk dearer.
    Measure,
    /// Says whether an account takes over portfolios of others: it may bid in auctions and is the backstop after them.
    SetBackstop {
        /// Whose.
        account: AccountId,
        /// Whether it does.
        on: bool,
    },
    /// A bid for a portfolio in auction.
    AuctionBid {
        /// The bidder.
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
        /// Which.
        fund: Pot,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Quantity,
        /// The custodian's reference.
        reference: u64,
    },
    /// Money out of a fund: proposed now, paid after the delay if the fund is adequate without it.
    FundWithdraw {
        /// Which.
        fund: Pot,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Quantity,
    },
    /// Proposes a change of parameters.
    Propose {
        /// What would change.
        change: Change,
    },
    /// Brings a proposal into force after its delay.
    Activate {
        /// Its number.
        proposal: u64,
    },
    /// Withdraws a proposal.
    Revoke {
        /// Its number.
        proposal: u64,
    },
    /// Opens, restricts or halts one instrument.
    SetMode {
        /// Which.
        instrument: InstrumentId,
        /// To what.
        mode: Mode,
    },
    /// Time passes: prices are formed, what is due falls due.
    Tick,
    /// Accounts that prices or fills have moved are judged.
    Watch,
    /// The engine goes on after a pause that is longer than its clock may step: it moves the clock and does nothing else.
    Resume,
}
