//! A second opinion on the engine: slow books and a plain margin, which share no computation with what they check.
//!
//! | module | what it keeps | from what |
//! |---|---|---|
//! | [`margin`] | what an account must hold | an account, a market, the numbers of a parameter file |
//! | [`books`] | who has what | commands, and whether the engine accepted them |
//! | [`cases`] | who is liquidated, and what is offered | commands, and what the engine planned |
//! | [`auditor`] | whether the engine may do what it did | both, and the prices that the state says are in force |
//!
//! The auditor reads prices, listings and the policy from the state, and nothing that was derived from them: no desk,
//! no assessment, and of events only what a liquidation planned. What it finds is a [`Finding`] with the number of the
//! invariant that does not hold (`docs/invariants.md`).

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
    /// What was found and what was expected.
    pub what: String,
}

impl Finding {
    /// `invariant` does not hold: `what`.
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

/// Refuses unless it holds.
pub(crate) fn ensure(holds: bool, invariant: &'static str, what: impl FnOnce() -> String) -> Result<(), Finding> {
    if holds { Ok(()) } else { Err(Finding::new(invariant, what())) }
}
