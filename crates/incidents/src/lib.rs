//! Incidents of other venues, replayed: as they happened, and with our controls.
//!
//! ```text
//! Incident { facts, replay } ──▶ Replayed { without, with, assertion, figures, holds }
//!
//! without    a small model of the venue as it was, in the file of the incident; it must come near what was published
//! with       the same attack on the real engine (venue.rs), or on the rules of the liquidation crate
//! ```
//!
//! Each file tells one incident: the facts with their sources, both variants, and the condition that must hold. The
//! condition is a figure and its limit. Without our controls it must be broken, or the replay would show nothing.

mod report;
mod stream;
mod venue;

mod s01;
mod s02;
mod s03;
mod s04;
mod s05;
mod s10;
mod s12;
mod s16;
mod s20;
mod s30;
mod s31;
mod s32;
mod s39;
mod s42;
mod s50;

pub use report::{Bound, Check, Facts, Figure, Near, Replayed, Told, dollars};

/// A replay that could not be run: a command of its script was refused, although it should never be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// An incident and its replay.
#[derive(Clone, Copy, Debug)]
pub struct Incident {
    /// The known facts of the incident, with their sources.
    pub facts: &'static Facts,
    /// Runs both variants.
    pub replay: fn() -> Result<Replayed, Broken>,
}

/// Every incident, ordered by number.
pub const INCIDENTS: &[Incident] = &[
    Incident { facts: &s01::FACTS, replay: s01::replay },
    Incident { facts: &s02::FACTS, replay: s02::replay },
    Incident { facts: &s03::FACTS, replay: s03::replay },
    Incident { facts: &s04::FACTS, replay: s04::replay },
    Incident { facts: &s05::FACTS, replay: s05::replay },
    Incident { facts: &s10::FACTS, replay: s10::replay },
    Incident { facts: &s12::FACTS, replay: s12::replay },
    Incident { facts: &s16::FACTS, replay: s16::replay },
    Incident { facts: &s20::FACTS, replay: s20::replay },
    Incident { facts: &s30::FACTS, replay: s30::replay },
    Incident { facts: &s31::FACTS, replay: s31::replay },
    Incident { facts: &s32::FACTS, replay: s32::replay },
    Incident { facts: &s39::FACTS, replay: s39::replay },
    Incident { facts: &s42::FACTS, replay: s42::replay },
    Incident { facts: &s50::FACTS, replay: s50::replay },
];

/// The incident with a number such as S-10, in upper or lower case.
pub fn incident(id: &str) -> Option<&'static Incident> {
    INCIDENTS.iter().find(|incident| incident.facts.id.eq_ignore_ascii_case(id))
}

/// The attacks of a search, each with the amount that it took and its limit.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<Row>);

/// A measured figure and its limit.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) found: f64,
    pub(crate) limit: f64,
}

impl Rows {
    pub(crate) fn add(&mut self, name: &str, found: f64, limit: f64) {
        self.0.push(Row { name: name.to_owned(), found, limit });
    }

    /// The row that comes nearest to its limit, or exceeds it most.
    pub(crate) fn worst(&self) -> Result<&Row, Broken> {
        let order = |one: &&Row, other: &&Row| (one.found - one.limit).total_cmp(&(other.found - other.limit));
        self.0.iter().max_by(order).ok_or_else(|| Broken("nothing was tried".to_owned()))
    }

    pub(crate) fn all_hold(&self) -> bool {
        self.0.iter().all(|row| row.found <= row.limit)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// The number of cases of a property test: 8, or the number in `UPM_CASES`.
#[cfg(test)]
pub(crate) fn cases() -> u32 {
    std::env::var("UPM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}
