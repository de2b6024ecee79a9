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
    /// What it replaces, when it began to, and when it will have: the requirement moves from one to the other in
    /// a straight line.
    pub previous: Option<(String, Timestamp, Timestamp)>,
}

impl Method {
    /// How much of the requirement is that of the new file at `time`, 0 to 1.
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
pub struct Policy {
    /// From a proposal to the earliest moment it can come into force.
    pub delay: i64,
    /// A parameter may change by at most this share of itself at once.
    pub step: Ratio,
    /// How long a new requirement takes to replace the old one.
    pub ramp: i64,
    /// How long the collateral cap of a new asset takes to grow from 0.
    pub collateral_ramp: i64,
    /// The outflow limiter drains in this time.
    pub outflow_window: i64,
    /// Of what is in custody, at most this share may leave in a window.
    pub outflow_share: Ratio,
    /// What may leave in a window in any case, in USD.
    pub outflow_floor: Money,
    /// One account may hold at most this share of the open interest of an instrument.
    pub account_share: Ratio,
    /// The accounts of one owner may hold at most this share together.
    pub owner_share: Ratio,
    /// Shares are not limited while the open interest of an instrument is below this, in USD.
    pub share_floor: Money,
    /// Open interest of an underlying may be at most this multiple of the funds that stand behind it, in USD; and
    /// never above the limit of its listing.
    pub fund_multiple: Ratio,
    /// What may be open without a fund, in USD.
    pub fund_floor: Money,
    /// Open orders of one account.
    pub max_orders: u32,
    /// Positions of one account.
    pub max_positions: u32,
    /// Interest per year on what is owed.
    pub interest: Ratio,
    /// Interest and funding are charged for at most this long at once (I-55).
    pub longest_accrual: i64,
    /// Funding per eight hours is at most this, either way.
    pub funding_cap: Ratio,
    /// A surface older than this makes options unpriceable.
    pub surface_age: i64,
    /// A volatility may change by at most this share of itself from surface to surface.
    pub surface_step: Ratio,
    /// Length of the settlement average before expiry.
    pub settlement_window: i64,
    /// Fewest samples that make a settlement price.
    pub settlement_samples: u32,
    /// A trading fee is at most this share of the notional traded (I-06).
    pub fee_cap: Ratio,
    /// A liquidation fee is at most this share of the notional traded.
    pub liquidation_fee: Ratio,
    /// What liquidations aim at and keep to.
    pub liquidation: liquidation::Rules,
}

impl Default for Policy {
    /// A day's delay, steps of a fifth, ramps of an hour for requirements and a week for collateral, a tenth out an hour.
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
pub enum Change {
    /// The margin method's parameter file.
    Method {
        /// The new file, as text.
        text: String,
    },
    /// The most that may be held of an asset. More of it makes collateral ramp from what may be held now.
    Cap {
        /// The asset whose cap changes.
        asset: AssetId,
        /// The new cap, in units of the asset.
        cap: Quantity,
    },
    /// How a feed is read.
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
        /// Most lots that may be open.
        max_open: i64,
        /// Price band around the mark.
        band: Ratio,
    },
    /// Most that may be open over an underlying, in USD.
    OpenInterest {
        /// The underlying whose limit changes.
        underlying: UnderlyingId,
        /// The new limit, in USD.
        usd: Money,
    },
    /// The outflow limiter.
    Outflow {
        /// Drains in this time, in microseconds.
        window: i64,
        /// Share of custody per window.
        share: Ratio,
        /// In any case, in USD.
        floor: Money,
    },
    /// Money out of a fund.
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

/// What a change is of.
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
    /// What may be open over an underlying.
    OpenInterest(UnderlyingId),
    /// The outflow limiter.
    Outflow,
    /// What a fund has of an asset.
    Fund(Pot, AssetId),
    /// The settlement price of an instrument.
    SettlementPrice(InstrumentId),
}

impl Change {
    /// What it is of: two changes of one subject are not under way at once.
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

/// A change that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The change that is proposed.
    pub change: Change,
    /// When it was proposed.
    pub proposed: Timestamp,
    /// The earliest time at which it may come into force.
    pub from: Timestamp,
}
