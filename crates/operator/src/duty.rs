//! The duties of a venue: the commands that its engine needs and that no customer sends.

use engine::{AccountId, Command, Principal};
use model::InstrumentId;
use units::Ratio;

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

    /// The command of this duty. `funding` is the rate of a funding payment and the number of its period.
    pub(crate) fn command(self, funding: (Ratio, u64)) -> Command {
        match self {
            Self::Resume => Command::Resume,
            Self::Activate(proposal) => Command::Activate { proposal },
            Self::Tick => Command::Tick,
            Self::Expire(instrument) => Command::Expire { instrument },
            Self::Fund(instrument) => {
                let (rate, period) = funding;
                Command::Funding { instrument, rate, period }
            }
            Self::Interest => Command::Interest,
            Self::Settle(instrument) => Command::Settle { instrument },
            Self::Measure => Command::Measure,
            Self::Liquidate(account) => Command::Liquidate { account },
        }
    }
}
