//! One thread, one order: queue, decide, journal, acknowledge.
//!
//! ```text
//! envelopes ──▶ decide, commit in memory ──▶ one durable batch ──▶ answers
//!                        ▲                         │ fails
//!                        └──── rebuilt from disk ◀─┘
//! ```
//!
//! An assertion of the engine that fails while a batch is worked out quarantines the engine: nothing of the batch is written, and no
//! further batch is taken ([`Stopped::Quarantined`]).
//!
//! A [`Sequencer`] owns an engine and its journal. An answer is given after the batch is durable and never before; a batch
//! that is not durable has not happened, in memory neither. What the engine owes itself (judging whom prices or fills have
//! moved) is a command of its own in the same batch.

mod genesis;
mod replay;
mod sequencer;

pub use genesis::{GENESIS_FORMAT, Genesis};
pub use replay::{ReplayError, Replayed, decode, replay};
pub use sequencer::{Answer, Recovery, Sequencer, Stopped};
