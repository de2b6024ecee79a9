//! Any text is a venue's answer or a refusal; what is accepted is a valid market.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = feed::deribit::Source { name: "fuzz", text };
    if let Ok((document, _)) = feed::deribit::import(&[source], &feed::deribit::Options::default()) {
        model::Market::new(&document).expect("what is imported is a market");
    }
});
