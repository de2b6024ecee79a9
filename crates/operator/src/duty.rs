//! The duties of a venue: the commands that its engine needs and that no customer sends.

use engine::{AccountId, Principal};
use model::InstrumentId;

/// A duty of the operator of a venue. Duties are done in the order of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// Resumes the engine after a pause longer than one step of its clock.
    Resume,
    /// Brings a proposal into force after its delay.
    Activate(u64),
    /// Forms prices, on which accounts are then judged.
    Tick,
    /// Settles an instrument that has expired.
    Expire(InstrumentId),
    /// Pays funding between longs and shorts of a perpetual.
    Fund(InstrumentId),
    /// Charges interest on negative balances.
    Interest,
    /// Settles variation: unsettled profit becomes balance.
    Settle(InstrumentId),
    /// Measures how near each underlying is to a cascade.
    Measure,
    /// Takes the next step of the liquidation of an account.
    Liquidate(AccountId),
}

impl Duty {
    /// The principal that sends the command of this duty.
    pub fn principal(self) -> Principal {
        match self {
            Self::Resume => Principal::Governance,
            Self::Activate(_)
            | Self::Tick
            | Self::Expire(_)
            | Self::Fund(_)
            | Self::Interest
            | Self::Settle(_)
            | Self::Measure
            | Self::Liquidate(_) => Principal::System,
        }
    }
}
