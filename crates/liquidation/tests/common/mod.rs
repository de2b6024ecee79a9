//! Settings that every test of liquidations shares.

use proptest::prelude::ProptestConfig;

/// Cases of a property: as many as `UPM_CASES` says, else `least`, and no files next to the sources.
pub fn cases(least: u32) -> ProptestConfig {
    let cases = std::env::var("UPM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(least);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}
