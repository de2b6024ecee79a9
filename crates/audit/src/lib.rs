//! A second opinion on the engine: slow books and a plain margin that share no computation with the engine.
//!
//! | module | what it keeps | source |
//! |---|---|---|
//! | [`margin`] | the margin that an account must hold | an account, a market, the numbers of a parameter file |
//! | [`books`] | the holdings of every account and every pot | commands, and whether the engine accepted them |
//! | [`cases`] | open liquidations and their offers | commands, and the plans of the engine |
//! | [`auditor`] | whether the engine may do what it did | both, and the prices that the state says are in force |
//!
//! The auditor reads prices, listings and the policy from the state. It reads nothing that was derived from them: no
//! desk, no assessment, and of the events only those that tell what a liquidation planned. Every fault is returned as a
//! [`Finding`] with the number of the invariant that does not hold (`docs/invariants.md`).

#![deny(clippy::wildcard_enum_match_arm)]

mod arithmetic;
pub mod auditor;
pub mod books;
pub mod cases;
pub mod margin;

pub use auditor::Auditor;
pub use books::Books;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Finding {
    /// The number of the invariant, such as `I-08`.
    pub invariant: &'static str,
    /// The value found and the value expected, as a sentence.
    pub what: String,
}

impl Finding {
    /// A finding that `invariant` does not hold, explained by `what`.
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

/// Returns a finding unless `holds` is true.
pub(crate) fn ensure(holds: bool, invariant: &'static str, what: impl FnOnce() -> String) -> Result<(), Finding> {
    if holds { Ok(()) } else { Err(Finding::new(invariant, what())) }
}
