//! The identities that send commands, and the rights that they have.

use serde::{Deserialize, Serialize};

use crate::AccountId;

/// The identity behind a command. Its signature was checked when the command was taken in; the engine checks its right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Principal {
    /// The owner of accounts: the natural or legal person that every account of theirs is linked to.
    Owner(u32),
    /// The matching engine of a venue.
    Matching,
    /// A price source.
    Source(u32),
    /// The custodian that sees deposits arrive.
    Custody,
    /// The identity that lists, proposes changes and withdraws proposals.
    Governance,
    /// The identity that may halt and resume a market.
    Guardian,
    /// The engine's own clock and duties.
    System,
}

/// The right that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// The principal owns this account.
    Own(AccountId),
    /// The principal is this price source.
    Speak(u32),
    /// The principal matches trades.
    Match,
    /// The principal sees deposits arrive.
    Receive,
    /// The principal changes rules.
    Govern,
    /// The principal halts markets.
    Guard,
    /// The principal is the engine itself.
    Operate,
}

impl Principal {
    /// Whether this principal has `capability`; `owner` gives the owner of an account.
    pub fn has(self, capability: Capability, owner: impl Fn(AccountId) -> Option<u32>) -> bool {
        match capability {
            Capability::Own(account) => owner(account).is_some_and(|person| self == Self::Owner(person)),
            Capability::Speak(source) => self == Self::Source(source),
            Capability::Match => self == Self::Matching,
            Capability::Receive => self == Self::Custody,
            Capability::Govern => self == Self::Governance,
            Capability::Guard => self == Self::Guardian,
            Capability::Operate => self == Self::System,
        }
    }
}
