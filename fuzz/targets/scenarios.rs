//! Any text is a scenario document or a refusal; what is accepted moves the sample market or is refused.
#![no_main]

use std::sync::LazyLock;

use model::Market;

const SMALL: &str = include_str!("../seeds/market/small.json");

static MARKET: LazyLock<Market> = LazyLock::new(|| Market::parse(SMALL).expect("the seed is a market"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(mut document) = model::read_json::<margin::ScenarioDocument>(text) else { return };
    document.hash = Some(document.computed_hash());
    let _ = document.scenarios_for(&MARKET);
});
