//! Any text is a parameter file of every method or a refusal that names a path.
#![no_main]

use margin::method::METHODS;

libfuzzer_sys::fuzz_target!(|text: &str| {
    for method in METHODS {
        if let Err(invalid) = method.rulebook(text) {
            assert!(!invalid.path.is_empty() && !invalid.problem.is_empty());
        }
    }
});
