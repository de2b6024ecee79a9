//! The time of a fill until it is on disk: the sequencer over our journal and over other ways to write, all in the same
//! rounds with the same commands. Also recovery of the written journal, and snapshots.
//!
//! Every contestant decides, applies, encodes and hashes in the same way; only the last step differs. Times are wall
//! time, because the program waits for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use dice::Dice;
use engine::{AccountId, Engine, Envelope};
use journal::{AppendError, CompactError, Damage, Draft, Head, Identity, Journal, Record, Records};
use journal::{Snapshot, SnapshotError, Store};
use rusqlite::{Connection, params};
use sequencer::{Answer, Genesis, Sequencer, decode, replay};

use super::venue::{self, Venue};
use super::{Figure, Size, percentiles};
use crate::measure::{cpu_nanoseconds, quartiles, wall_nanoseconds};

const POSITIONS: usize = 20;
const OURS: &str = "upm, a log before redb";
const EACH: &str = "append, fdatasync per command";
const BATCH: &str = "append, fdatasync per batch";
const SQLITE: &str = "SQLite, WAL, FULL, a transaction per batch";
const NOWHERE: &str = "no disk: decide, apply, encode, hash";

/// Fills a second at each batch size, with each kind of disk.
pub fn measure(size: Size) -> Vec<Figure> {
    let folder = folder();
    println!("\nfile system of {}: {}", folder.display(), file_system(&folder));
    let mut contestants = vec![
        Contestant::new(OURS, ours(&folder.join("fills.redb"))),
        Contestant::new(EACH, over(append(&folder.join("each.log"), true))),
        Contestant::new(BATCH, over(append(&folder.join("batch.log"), false))),
        Contestant::new(SQLITE, over(sqlite(&folder.join("fills.sqlite")))),
        Contestant::new(NOWHERE, over(Box::new(|_| Ok(())))),
    ];
    // All contestants get the same commands, which a venue in memory has taken before.
    let (mut venue, commands) = setup(size);
    let holders = venue::holders(venue.state());
    for contestant in &mut contestants {
        commands.chunks(1024).for_each(|batch| assert_eq!((contestant.submit)(batch), batch.len()));
    }
    let mut dice = Dice::new(13);
    let mut figures = Vec::new();
    for (batch, batches) in size.batches {
        let mut rounds = vec![Vec::new(); contestants.len()];
        let mut latencies = vec![Vec::new(); contestants.len()];
        let (mut accepted, mut asked) = (0, 0);
        for _ in 0..size.rounds {
            let fills = venue::next_fills(&mut venue, &holders, &mut dice, batch * batches);
            venue.offered(&fills);
            for (place, contestant) in contestants.iter_mut().enumerate() {
                // One sync for each command is as slow in a large batch as in a small one, so a part of the batch is
                // enough.
                let most = if contestant.name == EACH { 64 } else { usize::MAX };
                let (mut took, mut done) = (0.0, 0);
                for fills in fills.chunks(batch) {
                    let fills = &fills[..fills.len().min(most)];
                    let start = wall_nanoseconds();
                    let taken = (contestant.submit)(fills);
                    let waited = wall_nanoseconds() - start;
                    latencies[place].push(waited * batch as f64 / fills.len() as f64);
                    (took, done) = (took + waited, done + taken);
                    (accepted, asked) = (accepted + taken, asked + fills.len());
                }
                rounds[place].push(took / done as f64);
            }
        }
        // The factor by which the others took longer, in each round; then the median.
        let against = |name: &str| {
            let place = contestants.iter().position(|contestant| contestant.name == name).expect("it takes part");
            let ratios: Vec<f64> = rounds[place].iter().zip(&rounds[0]).map(|(other, ours)| other / ours).collect();
            quartiles(&ratios).1
        };
        // The same for all rounds together, with the times at which a disk puts its log in order.
        let sums: Vec<f64> = rounds.iter().map(|rounds| rounds.iter().sum()).collect();
        let sqlite = contestants.iter().position(|contestant| contestant.name == SQLITE).expect("it takes part");
        let together = sums[sqlite] / sums[0];
        for (place, contestant) in contestants.iter().enumerate() {
            let (fast, _, slow) = quartiles(&rounds[place]);
            let mut figure = Figure::new(format!("batch {batch}: {}", contestant.name), 1e9 / fast, "fills/s");
            figure.spread = Some((slow - fast) / 2.0 / fast);
            figure.latency = Some(percentiles(std::mem::take(&mut latencies[place])));
            if contestant.name == OURS {
                figure.ratio = Some((against(EACH), "one fdatasync per command"));
                figure.note = format!(
                    "{:.2}× {BATCH}, {:.2}× SQLite ({together:.2}× all rounds together); {:.1} % accepted",
                    against(BATCH),
                    against(SQLITE),
                    100.0 * accepted as f64 / asked as f64
                );
            }
            figures.push(figure);
        }
    }
    figures
}

/// Reads the written journal again: by replay, and by deciding every command anew.
pub fn recovery(size: Size) -> Vec<Figure> {
    let folder = folder();
    let mut figures = Vec::new();
    let path = folder.join("fills.redb");
    let bytes = fs::metadata(&path).map_or(0, |data| data.len());
    let start = wall_nanoseconds();
    let store = Store::open(&path, &identity()).expect("it was closed well");
    let opened = (wall_nanoseconds() - start) / 1e9;
    let (mut records, mut events, mut rounds) = (Vec::new(), 0, Vec::new());
    for record in store.read(0) {
        let (envelope, made) = decode("bench", &record.expect("it is whole")).expect("we wrote it");
        events += made.len();
        records.push(envelope);
    }
    for _ in 0..3 {
        let start = cpu_nanoseconds();
        let replayed = replay(&store, None, |_, _| {}).expect("it is whole");
        assert_eq!(replayed.records, records.len() as u64);
        rounds.push((cpu_nanoseconds() - start) / 1e9 * 1e6 / events as f64);
    }
    let mut alone = Vec::new();
    for _ in 0..3 {
        let mut state = genesis().state();
        let start = cpu_nanoseconds();
        for record in store.read(0) {
            let (_, made) = decode("bench", &record.expect("it is whole")).expect("we wrote it");
            made.iter().for_each(|event| engine::apply(&mut state, event));
        }
        alone.push((cpu_nanoseconds() - start) / 1e9 * 1e6 / events as f64);
    }
    let mut again = Vec::new();
    for _ in 0..3 {
        let mut engine = Engine::new(genesis().state()).expect("parameters");
        let start = cpu_nanoseconds();
        records.iter().for_each(|envelope| venue::take(&mut engine, envelope));
        again.push((cpu_nanoseconds() - start) / 1e9 * 1e6 / events as f64);
    }
    let mut figure = Figure::rounds("replay, every hash compared", &rounds, "s/M events");
    figure.ratio = Some((quartiles(&again).0 / quartiles(&rounds).0, "deciding every command again"));
    figure.note = format!(
        "{} records, {events} events, {bytes} bytes on disk; opening with every page checked took {opened:.2} s",
        records.len()
    );
    figures.push(figure);
    figures.push(Figure::rounds("of it: read, decode and apply, no desk and no hashes", &alone, "s/M events"));
    figures.extend(snapshots(size, &folder));
    figures
}

/// Writes a state as a snapshot and reads it again.
fn snapshots(size: Size, folder: &Path) -> Vec<Figure> {
    let (venue, _) = venue::populated(size.many, 10, venue::mixed);
    let mut state = venue.into_engine().into_state();
    let accounts = state.accounts.clone();
    let path = folder.join("snapshot.redb");
    let mut store = Store::create(&path, &identity()).expect("a fresh file");
    let hash = journal::Hash(state.hash().0);
    let bytes = sequencer::encode_state(&state);
    store.snapshot(store.head(), hash, &bytes).expect("there is room");
    drop((state, bytes));
    let start = wall_nanoseconds();
    let (mut sequencer, recovered) = Sequencer::open(store).expect("we wrote it");
    let load = (wall_nanoseconds() - start) / 1e9;
    assert_eq!(recovered.snapshot, Some(0));
    let (mut rounds, mut length) = (Vec::new(), 0);
    for _ in 0..3 {
        let start = wall_nanoseconds();
        length = sequencer.snapshot().expect("there is room");
        rounds.push((wall_nanoseconds() - start) / 1e6);
    }
    let path = folder.join("snapshot.sqlite");
    let mut connection = database(&path);
    let mut rows = Vec::new();
    for _ in 0..3 {
        let start = wall_nanoseconds();
        let transaction = connection.transaction().expect("a transaction");
        {
            transaction.execute("DELETE FROM records", []).expect("a table");
            let mut insert = transaction.prepare("INSERT INTO records VALUES (?1, ?2)").expect("a statement");
            for (place, account) in accounts.iter().enumerate() {
                let bytes = postcard::to_stdvec(account).expect("plain data");
                insert.execute(params![place as i64, bytes]).expect("there is room");
            }
        }
        transaction.commit().expect("there is room");
        rows.push((wall_nanoseconds() - start) / 1e6);
    }
    let mut written = Figure::rounds(format!("snapshot of {} accounts × 10 positions", size.many), &rounds, "ms");
    written.ratio = Some((quartiles(&rows).0 / quartiles(&rounds).0, "SQLite, a row an account"));
    written.note = format!(
        "{length} bytes, {:.0} an account; hash kept up, encoding, two syncs",
        length as f64 / size.many as f64
    );
    let mut read = Figure::new("start from it: read, hash and index everything", load * 1e3, "ms");
    read.note = "once, wall time".to_owned();
    vec![written, read]
}

/// The commands of a listed venue with accounts that hold 20 positions.
fn setup(size: Size) -> (Venue, Vec<Envelope>) {
    let mut venue = Venue::new();
    let mut commands = venue.list();
    commands.extend(venue.two_days());
    commands.extend(venue.accounts(size.traders, 50_000_000));
    let state = venue.state();
    let mut dice = Dice::new(5);
    let mut trades = Vec::new();
    for pair in 0..size.traders / 2 {
        let accounts = (AccountId(2 * pair), AccountId(2 * pair + 1));
        for (instrument, lots) in venue::portfolio(&mut dice, state.contracts.len(), POSITIONS) {
            trades.push(venue::trade(state, accounts, instrument, lots));
        }
    }
    commands.extend(venue.sent(|batch| trades.iter().for_each(|trade| batch.fill(trade))));
    (venue, commands)
}

fn genesis() -> Genesis {
    Genesis { policy: venue::policy(), ..Genesis::new(venue::start()) }
}

fn identity() -> Identity {
    Identity { shard: 1, genesis: genesis().text() }
}

/// The folder for files: on the disk of the build, never in memory.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/engine");
    fs::create_dir_all(&folder).expect("bench/target can be written");
    folder
}

/// The type and device of the file system that holds `folder`: of all mounts above it, the one with the longest path.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let under = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (device, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
        folder.starts_with(place).then(|| (place.len(), format!("{kind} on {device}")))
    });
    under.max().map_or_else(|| "unknown".to_owned(), |(_, words)| words)
}

/// Submits a batch of commands and returns how many were accepted.
type Submit = Box<dyn FnMut(&[Envelope]) -> usize>;

struct Contestant {
    name: &'static str,
    submit: Submit,
}

impl Contestant {
    fn new(name: &'static str, submit: Submit) -> Self {
        Self { name, submit }
    }
}

fn submitting<J: Journal + 'static>(journal: J) -> Submit {
    let (mut sequencer, _) = Sequencer::open(journal).expect("an empty journal");
    Box::new(move |batch| {
        let answers = sequencer.submit(batch).expect("there is room");
        answers.iter().filter(|answer| matches!(answer, Answer::Accepted { .. })).count()
    })
}

fn ours(path: &Path) -> Submit {
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(path.with_file_name("snapshot.redb"));
    submitting(Store::create(path, &identity()).expect("a fresh file"))
}

/// Makes sealed records durable.
type Disk = Box<dyn FnMut(&[Vec<u8>]) -> std::io::Result<()>>;

fn over(disk: Disk) -> Submit {
    let identity = identity();
    submitting(Other { head: identity.genesis_head(), identity, disk })
}

/// A log that only grows. It is synced after each record, or after all records of a batch.
fn append(path: &Path, each: bool) -> Disk {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path).expect("a fresh file");
    Box::new(move |records| {
        for record in records {
            file.write_all(record)?;
            if each {
                File::sync_data(&file)?;
            }
        }
        if each { Ok(()) } else { file.sync_data() }
    })
}

fn database(path: &Path) -> Connection {
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
    let connection = Connection::open(path).expect("a fresh file");
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
    let tables = "PRAGMA synchronous=FULL; CREATE TABLE records (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL)";
    connection.execute_batch(tables).expect("a table");
    connection
}

fn sqlite(path: &Path) -> Disk {
    let mut connection = database(path);
    let mut sequence = 0_i64;
    Box::new(move |records| {
        let failed = std::io::Error::other::<rusqlite::Error>;
        let transaction = connection.transaction().map_err(failed)?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO records VALUES (?1, ?2)").map_err(failed)?;
            for record in records {
                insert.execute(params![sequence, record]).map_err(failed)?;
                sequence += 1;
            }
        }
        transaction.commit().map_err(failed)
    })
}

/// A journal that seals records as ours does and passes the bytes to another disk. It is only written, never read.
struct Other {
    identity: Identity,
    head: Head,
    disk: Disk,
}

impl Journal for Other {
    fn name(&self) -> &'static str {
        "other"
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn base(&self) -> Head {
        self.identity.genesis_head()
    }

    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, batch: &[Draft]) -> Result<Head, AppendError> {
        let mut sealed = Vec::with_capacity(batch.len());
        for draft in batch {
            let Draft { time, command, events, state } = draft.clone();
            let Head { shard, sequence, hash: previous } = self.head;
            let bytes = Record { shard, sequence, previous, time, command, events, state }.encode();
            let hash = bytes.last_chunk().copied().expect("a record ends with its hash");
            self.head = Head { shard, sequence: sequence + 1, hash: journal::Hash(hash) };
            sealed.push(bytes);
        }
        (self.disk)(&sealed).expect("there is room");
        Ok(self.head)
    }

    fn read(&self, _: u64) -> Records<'_> {
        Box::new(std::iter::empty())
    }

    fn at(&self, _: u64) -> Result<Head, Damage> {
        Ok(self.head)
    }

    fn snapshot(&mut self, _: Head, _: journal::Hash, _: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn latest_snapshot(&self) -> Result<Option<Snapshot>, Damage> {
        Ok(None)
    }

    fn compact(&mut self, _: u64) -> Result<Head, CompactError> {
        Ok(self.head)
    }
}
