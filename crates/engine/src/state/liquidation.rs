//! Accounts in liquidation, the trades offered for them, and the limits of liquidations.

use std::collections::{BTreeMap, BTreeSet};

use liquidation::pace::Flow;
use model::{InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Ratio, Timestamp};

use crate::AccountId;

/// The liquidation of one account, from its first step until the account holds enough again or has nothing left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The number of the case, above that of every earlier one (I-46).
    pub epoch: u64,
    /// The time at which the liquidation began.
    pub opened: Timestamp,
    /// The trade that is offered for the account now.
    pub offer: Option<Offer>,
    /// The time at which its portfolio went into auction.
    pub auction: Option<Timestamp>,
    /// The underlyings the account had positions in when the case began: their funds stand behind the case, like those
    /// of its present positions.
    pub markets: Vec<UnderlyingId>,
    /// The amount that the shared fund has paid for the account, in USD.
    pub shared: Money,
}

/// A trade that is offered for an account in liquidation, in the version of the market it was planned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offer {
    /// The instrument that may be traded.
    pub instrument: InstrumentId,
    /// Lots left to trade, signed as the account trades them.
    pub lots: i64,
    /// The worst price at which it may trade (I-42).
    pub worst: Price,
    /// The version of the market it was planned in; in the next one it is planned anew.
    pub version: u64,
}

impl Offer {
    /// The rest of the offer after this many lots; none when nothing is left.
    pub fn without(self, lots: i64) -> Option<Self> {
        let left = self.lots - lots;
        assert!(
            left == 0 || (left > 0) == (self.lots > 0),
            "I-38: {lots} lots are more than the offered {}",
            self.lots
        );
        Some(Self { lots: left, ..self }).filter(|left| left.lots != 0)
    }
}

/// R of an underlying as last measured: the value that is liquidated per unit of a price move, times the price move
/// that trading this value causes. From 1 on a move feeds itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cascade {
    /// R when the price falls.
    pub down: Ratio,
    /// R when the price rises.
    pub up: Ratio,
}

impl Cascade {
    /// The larger R of the two directions.
    pub fn worst(&self) -> f64 {
        self.down.max(self.up).to_f64()
    }
}

/// All liquidations, and their limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liquidations {
    /// Open liquidations, by account.
    pub cases: BTreeMap<AccountId, Case>,
    /// The epoch of the last case.
    pub last_epoch: u64,
    /// The amount that liquidations have traded lately, by underlying.
    pub flows: BTreeMap<UnderlyingId, Flow>,
    /// The nearness of each underlying to a cascade, as last measured.
    pub cascades: BTreeMap<UnderlyingId, Cascade>,
    /// No account is liquidated before this time.
    pub calm: Timestamp,
    /// The backstops: accounts that take over portfolios.
    pub backstops: BTreeSet<AccountId>,
}

impl Liquidations {
    /// No liquidations, and none before `clock`.
    pub fn none(clock: Timestamp) -> Self {
        Self {
            cases: BTreeMap::new(),
            last_epoch: 0,
            flows: BTreeMap::new(),
            cascades: BTreeMap::new(),
            calm: clock,
            backstops: BTreeSet::new(),
        }
    }
}
