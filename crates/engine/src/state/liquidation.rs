//! Accounts that are being liquidated, and what was agreed for them.

use std::collections::{BTreeMap, BTreeSet};

use liquidation::pace::Flow;
use model::{InstrumentId, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Ratio, Timestamp};

use crate::AccountId;

/// The liquidation of one account, from the first step until it holds enough again or has nothing left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Above that of every earlier case (I-46).
    pub epoch: u64,
    /// When the liquidation began.
    pub opened: Timestamp,
    /// The trade that may be made for it now.
    pub offer: Option<Offer>,
    /// Since when its portfolio is in auction.
    pub auction: Option<Timestamp>,
    /// The underlyings it had positions in when it began: their funds stand behind it, like those of what it holds now.
    pub markets: Vec<UnderlyingId>,
    /// What the shared fund has paid for it, in USD.
    pub shared: Money,
}

/// A trade that may be made for an account in liquidation, in the version of the market it was planned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The instrument that may be traded.
    pub instrument: InstrumentId,
    /// How much is left of it, signed as the account trades.
    pub lots: i64,
    /// The worst price it may be made at (I-42).
    pub worst: Price,
    /// In which version of the market: in the next it is planned anew.
    pub version: u64,
}

impl Offer {
    /// What is left of it after so many lots; nothing when that is all.
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

/// R of an underlying as last measured: what liquidates per unit of a move, times what that moves the price. From 1 on a move
/// feeds itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cascade {
    /// R when the price falls.
    pub down: Ratio,
    /// R when the price rises.
    pub up: Ratio,
}

impl Cascade {
    /// The worse of the two.
    pub fn worst(&self) -> f64 {
        self.down.max(self.up).to_f64()
    }
}

/// All of them, and what limits them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liquidations {
    /// Open liquidations, by account.
    pub cases: BTreeMap<AccountId, Case>,
    /// The epoch of the last case.
    pub last_epoch: u64,
    /// What liquidations have traded of each underlying lately.
    pub flows: BTreeMap<UnderlyingId, Flow>,
    /// How near a cascade each underlying was when it was last measured.
    pub cascades: BTreeMap<UnderlyingId, Cascade>,
    /// Nobody is liquidated before.
    pub calm: Timestamp,
    /// Accounts that have agreed to take over portfolios.
    pub backstops: BTreeSet<AccountId>,
}

impl Liquidations {
    /// A state without liquidations, calm until `clock`.
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
