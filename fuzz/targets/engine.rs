//! Any bytes are commands for a running venue. The engine takes or refuses each of them; second books and a second margin
//! agree, and the hash that follows the state is that of the whole state.
#![no_main]

use engine::Engine;
use fuzz::commands::{VENUE, next, take};
use fuzz::input::Input;

/// The most batches of one input.
const BATCHES: usize = 48;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (state, auditor) = &*VENUE;
    let (mut engine, mut auditor) = (Engine::new(state.clone()).expect("a state"), auditor.clone());
    let mut input = Input(bytes);
    for _ in 0..BATCHES {
        let Some(batch) = next(&mut input, engine.state()) else { break };
        take(&mut engine, &mut auditor, &batch);
    }
    let followed = engine.hash();
    let state = engine.into_state();
    let written = sequencer::encode_state(&state);
    engine::whole(&state).expect("a state that the engine has made");
    let mut read = sequencer::decode_state("fuzz", 0, &written).expect("a state that was just written");
    assert_eq!(read.hash(), followed, "the hash of the whole state");
});
