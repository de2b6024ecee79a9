//! The readable form of a golden journal: one line of JSON for every record, and the state at its end.

use std::fmt::Write;

use engine::{Command, Event, Principal, State};
use journal::{Journal, Record};
use serde::Serialize;
use units::Timestamp;

/// A record as one line of JSON.
#[derive(Serialize)]
struct Line {
    sequence: u64,
    time: Timestamp,
    principal: Principal,
    command: Command,
    events: Vec<Event>,
    /// The hash of the state after the events.
    state: Option<String>,
    /// The hash of the record, which stands for all bytes up to here.
    hash: String,
}

/// Every record of a journal, one a line.
pub fn records(journal: &impl Journal) -> String {
    let mut text = String::new();
    for record in journal.read(0) {
        let record: Record = record.unwrap();
        let (envelope, events) = sequencer::decode(journal.name(), &record).unwrap();
        let line = Line {
            sequence: record.sequence,
            time: record.time,
            principal: envelope.principal,
            command: envelope.command,
            events,
            state: record.state.map(|hash| hash.to_string()),
            hash: record.hash().to_string(),
        };
        writeln!(text, "{}", serde_json::to_string(&line).unwrap()).unwrap();
    }
    text
}

/// Every part of a state, by name.
pub fn state(state: &State) -> String {
    let parts: [(&str, &dyn std::fmt::Debug); 23] = [
        ("clock", &state.clock),
        ("market", &state.market),
        ("version", &state.version),
        ("watched", &state.watched),
        ("touched", &state.touched),
        ("surface", &state.surface),
        ("locations", &state.locations),
        ("open_interest_usd", &state.open_interest_usd),
        ("collateral", &state.collateral),
        ("contracts", &state.contracts),
        ("feeds", &state.feeds),
        ("accounts", &state.accounts),
        ("pots", &state.pots),
        ("liquidations", &state.liquidations),
        ("fund_reference", &state.fund_reference),
        ("method", &state.method),
        ("policy", &state.policy),
        ("proposals", &state.proposals),
        ("next_proposal", &state.next_proposal),
        ("outflow", &state.outflow),
        ("accrued", &state.accrued),
        ("collateral_changed", &state.collateral_changed),
        ("hash", &state.clone().hash()),
    ];
    parts.iter().fold(String::new(), |mut text, (name, part)| {
        writeln!(text, "{name}: {part:#?}").unwrap();
        text
    })
}
