//! An account before and after trades that have not happened.

use margin::{Assessment, Verdict};
use model::Account;

/// What trades would do to an account. They are made at their prices; fees are not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// The account after the trades.
    pub account: Account,
    /// The account's margin before the trades.
    pub before: Assessment,
    /// The account's margin after the trades.
    pub after: Assessment,
    /// Whether the rules of new risk take them, and what decided.
    pub verdict: Verdict,
}
