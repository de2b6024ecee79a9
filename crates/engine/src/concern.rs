//! Tells what an event changes, and for which accounts. The events are listed here once, without a wildcard: a new
//! event must state here whether it changes an account.

use model::AssetId;
use units::Quantity;

use crate::state::{Holder, Order, Position};
use crate::{AccountId, Event, OrderId};

/// The kind of change that an event makes.
#[derive(Clone, Copy, Debug)]
pub enum Concern<'a> {
    /// A change of what accounts hold.
    Holding(Holding<'a>),
    /// A change of an account's status, or of the course of its liquidation.
    Standing(AccountId),
    /// No change by itself: the event reports lots that went from one account to another. Events of positions beside it
    /// record the result.
    Lots(AccountId, AccountId),
    /// No change of an account that is open.
    Elsewhere,
}

/// A change of what accounts hold.
#[derive(Clone, Copy, Debug)]
pub enum Holding<'a> {
    /// An amount went from one holder to another.
    Moved {
        /// The holder that gives.
        from: Holder,
        /// The holder that receives.
        to: Holder,
        /// The asset that moves.
        asset: AssetId,
        /// Units of the asset.
        amount: Quantity,
    },
    /// A position changed.
    Positioned(AccountId, &'a Position),
    /// An order was placed or changed.
    Ordered(AccountId, &'a Order),
    /// An order was closed.
    OrderClosed(AccountId, OrderId),
}

impl Holding<'_> {
    /// Whether the change is one of account `id`.
    fn is_of(&self, id: AccountId) -> bool {
        match self {
            Self::Moved { from, to, .. } => from.is_of(id) || to.is_of(id),
            Self::Positioned(account, _) | Self::Ordered(account, _) | Self::OrderClosed(account, _) => *account == id,
        }
    }
}

impl Event {
    /// The kind of change that this event makes.
    pub(crate) fn concern(&self) -> Concern<'_> {
        match self {
            Self::Moved { from, to, asset, amount, .. } => {
                Concern::Holding(Holding::Moved { from: *from, to: *to, asset: *asset, amount: *amount })
            }
            Self::Positioned { account, position } => Concern::Holding(Holding::Positioned(*account, position)),
            Self::Ordered { account, order } => Concern::Holding(Holding::Ordered(*account, order)),
            Self::OrderClosed { account, order } => Concern::Holding(Holding::OrderClosed(*account, *order)),
            Self::Transferred { from, to, .. } => Concern::Lots(*from, *to),
            Self::Judged { account, .. }
            | Self::CaseOpened { account, .. }
            | Self::Shared { account, .. }
            | Self::Offered { account, .. }
            | Self::Auctioned { account }
            | Self::CaseClosed { account } => Concern::Standing(*account),
            Self::Clock { .. }
            | Self::Opened { .. }
            | Self::LocationListed { .. }
            | Self::UnderlyingListed(_)
            | Self::AssetListed(_)
            | Self::InstrumentListed(_)
            | Self::Referenced { .. }
            | Self::FundReferenced { .. }
            | Self::Matched { .. }
            | Self::Reported { .. }
            | Self::Quoted { .. }
            | Self::Marked(_)
            | Self::Surfaced { .. }
            | Self::Sampled { .. }
            | Self::Funded { .. }
            | Self::Accrued
            | Self::ModeSet { .. }
            | Self::Expired { .. }
            | Self::Watched { .. }
            | Self::Flowed { .. }
            | Self::Proposed { .. }
            | Self::Activated { .. }
            | Self::Paced { .. }
            | Self::Measured { .. }
            | Self::Calmed { .. }
            | Self::BackstopSet { .. }
            | Self::Revoked { .. }
            | Self::Retired { .. } => Concern::Elsewhere,
        }
    }

    /// Whether the event changes account `id`, or reports lots that the account received or gave.
    pub(crate) fn concerns(&self, id: AccountId) -> bool {
        match self.concern() {
            Concern::Holding(holding) => holding.is_of(id),
            Concern::Standing(account) => account == id,
            Concern::Lots(from, to) => from == id || to == id,
            Concern::Elsewhere => false,
        }
    }
}
