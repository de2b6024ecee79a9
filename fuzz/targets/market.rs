//! Any text is a market or a refusal that names a path.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(invalid) = model::Market::parse(text) {
        assert!(!invalid.path.is_empty() && !invalid.problem.is_empty());
    }
});
