//! What a venue owes its engine: the commands that no customer sends.

use engine::{AccountId, Command, Principal};
use model::InstrumentId;
use units::Ratio;

/// A duty of who runs a venue, in the order in which duties are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// The engine goes on after a pause that is longer than its clock may step.
    Resume,
    /// A proposal whose delay is over comes into force.
    Activate(u64),
    /// Prices are formed, and accounts judged on them.
    Tick,
    /// What has expired is settled.
    Expire(InstrumentId),
    /// Longs and shorts of a perpetual pay each other.
    Fund(InstrumentId),
    /// Who owes pays interest.
    Interest,
    /// Unsettled profit becomes balance.
    Settle(InstrumentId),
    /// How near a cascade each underlying is.
    Measure,
    /// The next step of the liquidation of an account.
    Liquidate(AccountId),
}

impl Duty {
    /// Who asks for it.
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

    /// The command for it. `funding` is the rate of a funding payment and the number of its period.
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
