//! The shared data beside the project.

use std::path::PathBuf;

/// The bytes of a file under `shared/data`; none, with a message, when the data is not there (never in CI).
pub fn shared(path: &str) -> Option<Vec<u8>> {
    let full = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    match std::fs::read(&full) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{}: {error}", full.display());
            eprintln!("not tested: {}: {error}", full.display());
            None
        }
    }
}
