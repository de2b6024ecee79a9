//! The right that each command needs.

use crate::{Capability, Command};

/// The right that `command` needs. Every command is listed, so that none can be forgotten (I-64).
pub fn needed(command: &Command) -> Capability {
    match command {
        Command::Withdraw { account, .. }
        | Command::Place { account, .. }
        | Command::Amend { account, .. }
        | Command::Cancel { account, .. }
        | Command::AuctionBid { account, .. } => Capability::Own(*account),
        Command::Transfer { from, .. } => Capability::Own(*from),
        Command::Report { report, .. } => Capability::Speak(report.source),
        Command::Surface { .. } => Capability::Speak(crate::SURFACE_SOURCE),
        Command::Fill { .. } => Capability::Match,
        Command::Deposit { .. } | Command::FundDeposit { .. } => Capability::Receive,
        Command::ListLocation { .. }
        | Command::ListUnderlying(_)
        | Command::ListAsset(_)
        | Command::ListInstrument(_)
        | Command::SetBackstop { .. }
        | Command::FundWithdraw { .. }
        | Command::Propose { .. }
        | Command::Revoke { .. }
        | Command::Resume => Capability::Govern,
        Command::SetMode { .. } => Capability::Guard,
        Command::OpenAccount { .. }
        | Command::Measure
        | Command::Funding { .. }
        | Command::Interest
        | Command::Settle { .. }
        | Command::Expire { .. }
        | Command::Liquidate { .. }
        | Command::LiquidationFill { .. }
        | Command::Activate { .. }
        | Command::Tick
        | Command::Watch => Capability::Operate,
    }
}
