//! Parameters, and how they change: proposed, delayed, bounded in step, ramped.

use marks::FeedRules;
use model::{AssetId, CounterPrice, InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::{Money, Quantity, Ratio, Timestamp};

use super::{Pot, State};
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

/// A change of parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
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
        rules: FeedRules,
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

impl State {
    /// The number of the proposal to change the outflow limiter, while there is one.
    pub fn outflow_change(&self) -> Option<u64> {
        let found = self.proposals.iter().find(|(_, waiting)| matches!(waiting.change, Change::Outflow { .. }));
        found.map(|(number, _)| *number)
    }
}
