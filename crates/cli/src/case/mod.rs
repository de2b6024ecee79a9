//! Explains the liquidations in a journal.
//!
//! | module | content |
//! |---|---|
//! | [`chronicle`] | every case of a journal: when and why it began, how it ended |
//! | [`bill`] | the cost of a case, and who paid it |
//! | [`timeline`] | one case record by record: each step decided again, each wait with its reason |
//! | [`words`] | steps and waits as sentences |
//! | [`document`] | the time line as `upm.case/1` |
//! | [`page`] | the time line for people |

pub mod bill;
pub mod chronicle;
pub mod document;
pub mod page;
pub mod timeline;
pub mod words;

use serde::Serialize;
use units::Timestamp;

/// A place in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Moment {
    /// The record; none when it is not kept any more.
    pub sequence: Option<u64>,
    /// The time of the record.
    pub time: Timestamp,
}
