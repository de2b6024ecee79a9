//! Puts commands in one order: one thread queues, decides, journals and acknowledges them.
//!
//! ```text
//! envelopes ──▶ decide, commit in memory ──▶ one durable batch ──▶ answers
//!                        ▲                         │ fails
//!                        └──── rebuilt from disk ◀─┘
//! ```
//!
//! When an assertion of the engine fails while a batch is worked out, the engine is quarantined: nothing of the batch
//! is written, and no further batch is taken ([`Stopped::Quarantined`]).
//!
//! A [`Sequencer`] owns an engine and its journal. An answer is given after the batch is durable and never before; a
//! batch that is not durable has not happened, not even in memory. When prices or commands have moved accounts, the
//! engine must judge them: the sequencer adds that as a command of its own to the same batch.

mod codec;
mod genesis;
mod replay;
mod sequencer;

pub use codec::{VERSIONS, Versions, decode, decode_state, draft, encode_state};
pub use genesis::{GENESIS_FORMAT, Genesis};
pub use replay::{ReplayError, Replayed, replay};
pub use sequencer::{Answer, Recovery, Sequencer, Stopped};
