//! `upm journal verify`: whether a journal is as it was written, and leads to the states that it records.

use journal::{Damage, Hash, Journal, Report, Store};
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, clean, overwrite, toned};
use shell::progress::{Progress, pace};
use shell::table::paragraph;
use units::Timestamp;

use super::JournalArgs;
use crate::amount::exact;
use crate::history::{self, broken};

const FORMAT: &str = "upm.journal-report/1";

/// Check a journal: the chain of its hashes, and the states that its events lead to
///
/// Every record is hashed again and must follow the one before; then every event is applied, from the first record on.
///
/// Every state hash on the way and the newest snapshot must match. Exit status 1 when a check fails.
///
/// Hashes find accidents. Somebody who can write the file can also compute new hashes: keep the printed head in another place.
///
/// With that head as --head, the check also finds that the last records are missing.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal verify target/run.journal")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// A head that was printed earlier and kept elsewhere: the journal must still contain it
    #[arg(long, value_name = "HASH")]
    head: Option<Hash>,
    /// table for people, or json (upm.journal-report/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The facts about a sound journal.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct VerifiedDocument {
    format: &'static str,
    journal: String,
    shard: u32,
    sound: bool,
    /// The first and the last record kept.
    records: Option<[u64; 2]>,
    count: u64,
    bytes: u64,
    /// The times of the first and the last record.
    times: Option<[Timestamp; 2]>,
    /// The number of state hashes in the records; all matched.
    states_met: u64,
    snapshot: Option<u64>,
    damaged_snapshots: Vec<String>,
    /// The hash of the last record, which stands for all records; that of the genesis when there is none.
    head: String,
    /// The sequence of the last record ever written.
    head_sequence: Option<u64>,
    /// The place of the requested head on this chain.
    kept_head: Option<KeptHead>,
    state: String,
}

/// A head that was kept elsewhere, found on the chain.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeptHead {
    hash: String,
    /// The sequence of the record with this hash; none when it is the hash of the genesis.
    sequence: Option<u64>,
    /// The number of records after it.
    records_since: u64,
}

/// The damage of a journal that is not sound.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct BrokenDocument<'a> {
    format: &'static str,
    journal: String,
    sound: bool,
    damage: &'a str,
}

/// The report on a journal, sound or not, for its schema.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ReportDocument {
    Sound(Box<VerifiedDocument>),
    Damaged(BrokenDocument<'static>),
}

/// Walks the chain, then replays the records.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    match verified(args) {
        Err(Failure::Broken(damage)) if args.output == Output::Json => {
            let journal = args.journal.path().display().to_string();
            let document = BrokenDocument { format: FORMAT, journal, sound: false, damage: &damage };
            Ok(Answer { report: format!("upm: {}\n", clean(&damage)), failed: true, ..Answer::json(&document) })
        }
        verified => verified,
    }
}

fn verified(args: &Args) -> Result<Answer, Failure> {
    let store = history::open(args.journal.path())?;
    let progress = Progress::new("records", store.head().sequence);
    overwrite(&format!("checking the chain of {} records", exact(store.head().sequence)));
    let report = journal::verify(&store).map_err(broken)?;
    if report.records == 0 && report.head.sequence == 0 {
        return Err(broken(format_args!(
            "{}: found no record, so nothing was checked, expected at least one",
            store.name()
        )));
    }
    let kept = args.head.map(|hash| kept_head(&store, hash)).transpose()?;
    let (mut document, records) = replayed(&store, &report)?;
    document.kept_head = kept;
    let took = progress.over();
    let mut answer = match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(text(&document)),
    };
    answer.report = pace(records, "records checked", took) + "\n";
    answer.report.extend(document.damaged_snapshots.iter().map(|damage| format!("upm: {damage}\n")));
    answer.failed = !document.sound;
    Ok(answer)
}

/// Finds a head that was kept elsewhere on the chain.
fn kept_head(store: &Store, hash: Hash) -> Result<KeptHead, Failure> {
    let head = store.head().sequence;
    if let Some(at) = journal::find(store, hash).map_err(broken)? {
        let (hash, sequence) = (hash.to_string(), at.sequence.checked_sub(1));
        return Ok(KeptHead { hash, sequence, records_since: head - at.sequence });
    }
    let base = store.base().sequence;
    let compacted = if base > 0 { format!(" (those before {base} were compacted)") } else { String::new() };
    Err(broken(format_args!(
        "{}: head: found no record with the hash {hash} among {head} records{compacted}, expected the head that was kept: \
         records after it are gone, or the journal is another",
        store.name()
    )))
}

/// Applies every event and checks every state hash, and that of the newest snapshot too.
fn replayed(store: &Store, report: &Report) -> Result<(VerifiedDocument, u64), Failure> {
    let (mut times, mut at_snapshot) = (None, None);
    let mut replayed = history::replay(store, report.head.sequence, |state, record| {
        if report.snapshot == Some(record.sequence) {
            at_snapshot = Some(history::hash(state));
        }
        times = Some(times.map_or([record.time; 2], |[first, _]: [Timestamp; 2]| [first, record.time]));
    })?;
    let state = Hash(replayed.engine.hash().0);
    if report.snapshot == Some(report.head.sequence) {
        at_snapshot = Some(state);
    }
    if let (Some(found), Some(snapshot)) = (at_snapshot, store.latest_snapshot().map_err(broken)?)
        && found != snapshot.state
    {
        let place = snapshot.at.sequence;
        return Err(broken(format_args!(
            "{}: snapshot before record {place}: its state hashes to {}, expected {found}, which the records lead to",
            store.name(),
            snapshot.state
        )));
    }
    let first = report.base.sequence;
    let document = VerifiedDocument {
        format: FORMAT,
        journal: store.name().to_owned(),
        shard: report.identity.shard,
        sound: report.passed_over.is_empty(),
        records: report.head.sequence.checked_sub(1).filter(|last| *last >= first).map(|last| [first, last]),
        count: report.records,
        bytes: report.bytes,
        times,
        states_met: replayed.met,
        snapshot: report.snapshot,
        damaged_snapshots: report.passed_over.iter().map(Damage::to_string).collect(),
        head: report.head.hash.to_string(),
        head_sequence: report.head.sequence.checked_sub(1),
        kept_head: None,
        state: state.to_string(),
    };
    Ok((document, replayed.records))
}

fn text(document: &VerifiedDocument) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 18, words);
    let span = |[first, last]: [String; 2]| format!("{first} to {last}");
    let records = document.records.map_or_else(String::new, |both| format!(", {}", span(both.map(exact))));
    let verdict = if document.sound { toned(Tone::Green, "sound") } else { toned(Tone::Red, "damaged snapshots") };
    let mut text = format!("{} · {verdict}\n\n", toned(Tone::Bold, &document.journal));
    text += &line("records", &format!("{}{records}", exact(document.count)));
    if let Some(times) = document.times {
        text += &line("time", &span(times.map(|time| time.to_string())));
    }
    text += &line("payload", &format!("{} bytes", exact(document.bytes)));
    text += &match document.states_met {
        0 => line("state hashes", "none written yet"),
        met => line("state hashes", &format!("{}, all met", exact(met))),
    };
    text += &match document.snapshot {
        Some(place) => line("snapshot", &format!("before record {}, met", exact(place))),
        None => line("snapshot", "none"),
    };
    for damage in &document.damaged_snapshots {
        text += &line("passed over", damage);
    }
    if let Some(kept) = &document.kept_head {
        let place = kept.sequence.map_or_else(|| "the genesis".to_owned(), |last| format!("record {}", exact(last)));
        text += &line("kept head", &format!("met after {place}, {} records since", exact(kept.records_since)));
    }
    let last = document.head_sequence.map_or_else(|| "genesis".to_owned(), |last| format!("record {}", exact(last)));
    text + &line("head", &format!("{last}, {}", document.head)) + &line("state", &document.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<ReportDocument>("upm.journal-report/1", testdata::schema::Side::Written);
    }
}
