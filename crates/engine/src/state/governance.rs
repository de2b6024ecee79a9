//! Parameters, and how they change: proposed, delayed, bounded in step, ramped.

use marks::Rules;
use model::{AssetId, CounterPrice, InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::{Money, Quantity, Ratio, Timestamp};

use super::Pot;
use crate::FeedId;

/// The parameters of the margin method: the file in force and, during a ramp, the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// The parameter file of the universal method, as text.
    pub text: String,
    /// The file that is being replaced, with the start and the end of the ramp: the requirement moves from one file to
    /// the other in a straight line.
    pub previous: Option<(String, Timestamp, Timestamp)>,
}

impl Method {
    /// The share of the requirement that comes from the new file at `time`, 0 to 1.
    pub fn progress(&self, time: Timestamp) -> Ratio {
        let Some((_, from, until)) = &self.previous else { return Ratio::ONE };
        let (passed, whole) = (time.micros() - from.micros(), until.micros() - from.micros());
        if passed >= whole {
            return Ratio::ONE;
        }
        let progress = Ratio::from_raw(Ratio::ONE.raw() * i128::from(passed.max(0)) / i128::from(whole));
        debug_assert!((Ratio::ZERO..Ratio::ONE).contains(&progress), "I-31: {progress} of a ramp has passed");
        progress
    }
}

/// The engine's own parameters. Durations are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// Time from a proposal to the earliest moment at which it can come into force.
    pub delay: i64,
    /// The largest change of a parameter at once, as a share of its value.
    pub step: Ratio,
    /// Time in which a new requirement replaces the old one.
    pub ramp: i64,
    /// Time in which the collateral cap of a new asset grows from 0.
    pub collateral_ramp: i64,
    /// Time in which the outflow limiter drains.
    pub outflow_window: i64,
    /// The largest share of the value in custody that may leave in a window.
    pub outflow_share: Ratio,
    /// The amount that may leave in a window in any case, in USD.
    pub outflow_floor: Money,
    /// The largest share of the open interest of an instrument that one account may hold.
    pub account_share: Ratio,
    /// The largest share that the accounts of one owner may hold together.
    pub owner_share: Ratio,
    /// Shares are not limited while the open interest of an instrument is below this, in USD.
    pub share_floor: Money,
    /// The largest open interest of an underlying, as a multiple of the funds that stand behind it, in USD; it is never
    /// above the limit of the listing.
    pub fund_multiple: Ratio,
    /// The open interest that is allowed without a fund, in USD.
    pub fund_floor: Money,
    /// The most open orders of one account.
    pub max_orders: u32,
    /// The most positions of one account.
    pub max_positions: u32,
    /// Interest per year on negative balances.
    pub interest: Ratio,
    /// The longest time for which interest and funding are charged at once (I-55).
    pub longest_accrual: i64,
    /// The largest funding rate per eight hours, in either direction.
    pub funding_cap: Ratio,
    /// The oldest age at which a surface can still price options.
    pub surface_age: i64,
    /// The largest change of a volatility from surface to surface, as a share of its value.
    pub surface_step: Ratio,
    /// Length of the settlement average before expiry.
    pub settlement_window: i64,
    /// The fewest samples that make a settlement price.
    pub settlement_samples: u32,
    /// The largest trading fee, as a share of the notional traded (I-06).
    pub fee_cap: Ratio,
    /// The largest liquidation fee, as a share of the notional traded.
    pub liquidation_fee: Ratio,
    /// The targets and limits of liquidations.
    pub liquidation: liquidation::Rules,
}

impl Default for Policy {
    /// A delay of a day, steps of a fifth, ramps of an hour for requirements and a week for collateral, a tenth of
    /// custody out per hour.
    fn default() -> Self {
        const HOUR: i64 = 3_600_000_000;
        let percent = |whole: i128| Ratio::from_raw(whole * (Ratio::ONE.raw() / 100));
        let dollars = |whole: i128| Money::from_raw(whole * Money::ONE.raw());
        Self {
            delay: 24 * HOUR,
            step: percent(20),
            ramp: HOUR,
            collateral_ramp: 7 * 24 * HOUR,
            outflow_window: HOUR,
            outflow_share: percent(10),
            outflow_floor: dollars(100_000),
            account_share: percent(20),
            owner_share: percent(30),
            share_floor: dollars(10_000_000),
            fund_multiple: percent(10_000),
            fund_floor: dollars(10_000_000),
            max_orders: 200,
            max_positions: 500,
            interest: percent(10),
            longest_accrual: 24 * HOUR,
            funding_cap: percent(1),
            surface_age: HOUR / 12,
            surface_step: percent(50),
            settlement_window: HOUR / 2,
            settlement_samples: 10,
            fee_cap: percent(1),
            liquidation_fee: percent(1),
            liquidation: liquidation::Rules::default(),
        }
    }
}

/// A change of parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Change {
    /// The margin method's parameter file.
    Method {
        /// The new file, as text.
        text: String,
    },
    /// The cap on an asset. A higher cap is reached by a ramp from the amount that may be held now.
    Cap {
        /// The asset whose cap changes.
        asset: AssetId,
        /// The new cap, in units of the asset.
        cap: Quantity,
    },
    /// The rules by which a feed is read.
    Feed {
        /// The feed whose rules change.
        feed: FeedId,
        /// The rules it is read with from then on.
        rules: Rules,
    },
    /// The static limits of an instrument.
    Limits {
        /// The instrument whose limits change.
        instrument: InstrumentId,
        /// Largest order, in lots.
        max_order: i64,
        /// The most lots that may be open.
        max_open: i64,
        /// Price band around the mark, as a share of it.
        band: Ratio,
    },
    /// The largest open interest over an underlying, in USD.
    OpenInterest {
        /// The underlying whose limit changes.
        underlying: UnderlyingId,
        /// The new limit, in USD.
        usd: Money,
    },
    /// The outflow limiter.
    Outflow {
        /// Time in which the limiter drains, in microseconds.
        window: i64,
        /// The share of custody that may leave in a window.
        share: Ratio,
        /// The amount that may leave in a window in any case, in USD.
        floor: Money,
    },
    /// A payment out of a fund.
    FundOut {
        /// The fund that pays.
        fund: Pot,
        /// The asset that is paid out.
        asset: AssetId,
        /// Units of the asset, above 0.
        amount: Quantity,
    },
    /// The settlement price of an instrument whose window had too few samples.
    SettlementPrice {
        /// The instrument that waits for its settlement price.
        instrument: InstrumentId,
        /// The price of the underlying that it settles at.
        price: CounterPrice,
    },
}

/// The subject of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The margin method's parameters.
    Method,
    /// The cap of an asset.
    Cap(AssetId),
    /// The rules of a feed.
    Feed(FeedId),
    /// The limits of an instrument.
    Limits(InstrumentId),
    /// The limit of open interest over an underlying.
    OpenInterest(UnderlyingId),
    /// The outflow limiter.
    Outflow,
    /// The amount of an asset in a fund.
    Fund(Pot, AssetId),
    /// The settlement price of an instrument.
    SettlementPrice(InstrumentId),
}

impl Change {
    /// The subject of the change: two changes of one subject are never under way at once.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Method { .. } => Subject::Method,
            Self::Cap { asset, .. } => Subject::Cap(*asset),
            Self::Feed { feed, .. } => Subject::Feed(*feed),
            Self::Limits { instrument, .. } => Subject::Limits(*instrument),
            Self::OpenInterest { underlying, .. } => Subject::OpenInterest(*underlying),
            Self::Outflow { .. } => Subject::Outflow,
            Self::FundOut { fund, asset, .. } => Subject::Fund(*fund, *asset),
            Self::SettlementPrice { instrument, .. } => Subject::SettlementPrice(*instrument),
        }
    }
}

/// A change that waits to come into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The change that is proposed.
    pub change: Change,
    /// The time at which it was proposed.
    pub proposed: Timestamp,
    /// The earliest time at which it may come into force.
    pub from: Timestamp,
}
