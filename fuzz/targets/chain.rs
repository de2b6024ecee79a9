//! Any bytes are a file of option chains or a refusal; what is imported is a valid market.
#![no_main]

use feed::chain::ChainFile;
use fuzz::{keep_going, survive};

fn test(bytes: &[u8]) {
    let Ok(file) = ChainFile::read("fuzz", bytes.to_vec()) else { return };
    let snapshots: Vec<units::Timestamp> = file.snapshots().take(4).collect();
    for snapshot in snapshots {
        for currencies in [&[][..], &["BTC"]] {
            if let Ok((document, report)) = file.market(snapshot, currencies, None) {
                model::Market::new(&document).expect("what is imported is a market");
                assert!(!report.to_string().is_empty());
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(init: keep_going(), |bytes: &[u8]| survive(|| test(bytes)));
