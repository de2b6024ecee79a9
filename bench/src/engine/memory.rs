//! Memory of an account, part by part, next to the same accounts as rows of SQLite and with a risk array for each.
//!
//! Our figure is the memory that is freed when a part is dropped, to the byte. It contains neither temporary memory nor
//! the pages that remain. SQLite's figure is its own count of its memory. The overhead of malloc for a block is in
//! neither.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use engine::state::{AccountState, Balance, Order, Position, State};
use engine::{AccountId, Desk, Engine};
use margin::method::universal::Prepared;
use margin::scenario::{Move, ScenarioSet};
use model::UnderlyingId;
use pricing::kernel::Isa;
use rusqlite::{Connection, params};
use units::Quantity;

use super::{Figure, resident};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Whether allocations are counted. Counting takes time, which must not be part of other figures.
static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);
static BLOCKS: AtomicI64 = AtomicI64::new(0);

/// The allocator of the system, with a count of the memory that it has given out.
struct Counting;

impl Counting {
    fn count(bytes: i64, blocks: i64) {
        if COUNTS.load(Ordering::Relaxed) {
            BYTES.fetch_add(bytes, Ordering::Relaxed);
            BLOCKS.fetch_add(blocks, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is passed unchanged to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as i64, 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as i64, 1);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::count(-(layout.size() as i64), -1);
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size as i64 - layout.size() as i64, 0);
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Memory that was allocated and not freed, or the other way round.
#[derive(Clone, Copy)]
struct Kept {
    bytes: f64,
    blocks: f64,
}

impl Kept {
    fn minus(self, other: Self) -> Self {
        Self { bytes: self.bytes - other.bytes, blocks: self.blocks - other.blocks }
    }
}

/// The result of the work, and the memory that it keeps.
fn kept<T>(work: impl FnOnce() -> T) -> (T, Kept) {
    let now = || (BYTES.load(Ordering::Relaxed), BLOCKS.load(Ordering::Relaxed));
    let (bytes, blocks) = now();
    COUNTS.store(true, Ordering::Relaxed);
    let result = work();
    COUNTS.store(false, Ordering::Relaxed);
    let after = now();
    (result, Kept { bytes: (after.0 - bytes) as f64, blocks: (after.1 - blocks) as f64 })
}

/// The result of the work, and the memory that it frees.
fn dropped<T>(work: impl FnOnce() -> T) -> (T, Kept) {
    let (result, Kept { bytes, blocks }) = kept(work);
    (result, Kept { bytes: -bytes, blocks: -blocks })
}

/// The figures of an engine that has run. `before` is the resident memory of the process before there were accounts.
pub fn figures(mut engine: Engine, before: f64) -> Vec<Figure> {
    let (_, hashes) = kept(|| engine.hash());
    let resident = resident() - before;
    let count = engine.state().accounts.len();
    let all = count as f64;
    let sqlite = sqlite(engine.state()).expect("there is room");
    let array = array(&engine);
    let accounts = || engine.state().accounts.iter();
    let encoded: usize = accounts().map(|account| postcard::to_stdvec(account).expect("plain data").len()).sum();
    let filled: usize = accounts().map(filled).sum();

    let (state, desk) = dropped(|| engine.into_state());
    // A new desk consists of the index and a list of all accounts: no account has a certificate yet.
    let (new, index) = kept(|| Desk::new(&state).expect("parameters"));
    let (_, everyone) = kept(|| (0..count).map(|place| AccountId(place as u32)).collect::<BTreeSet<_>>());
    drop(new);
    let index = index.minus(everyone);
    let certificates = desk.minus(index);
    let (_, own) = dropped(|| drop(state));
    let own = own.minus(hashes);
    let both = own.bytes + index.bytes;
    let whole = both + certificates.bytes + hashes.bytes;
    let blocks = own.blocks + desk.blocks + hashes.blocks;
    let figure = |what: &str, bytes: f64| Figure::new(what, bytes / all, "bytes");

    let mut ours = figure("all of it", whole);
    ours.ratio = Some((sqlite.used / whole, "rows of SQLite in memory, which judge nobody"));
    ours.note = format!(
        "{:.2}× ours with a risk array for the certificate; {:.1} blocks; {:.0} by resident pages; encoded {:.0}",
        (whole - certificates.bytes + array.bytes) / whole,
        blocks / all,
        resident / all,
        encoded as f64 / all
    );
    let mut alone = figure("  the account itself; listings", own.bytes);
    alone.note = format!("{:.0} filled, the rest is room to grow; {:.1} blocks", filled as f64 / all, own.blocks / all);
    let mut found = figure("  index: by name, by owner, what matters to it", index.bytes);
    found.ratio = Some((sqlite.used / both, "rows of SQLite, for the account itself and the index"));
    found.note = format!("{:.1} blocks", index.blocks / all);
    let mut certificate = figure("  certificate; cells", certificates.bytes);
    certificate.ratio = Some((array.bytes / certificates.bytes, "a risk array of its own"));
    certificate.note = format!("{:.2}× one with a column a distinct move", array.distinct / certificates.bytes);
    let hash = figure("  hash", hashes.bytes);

    let mut rows = figure("rows of SQLite in memory", sqlite.used);
    rows.note = format!("{:.1} rows; {:.0} in pages", sqlite.rows / all, sqlite.pages / all);
    let mut own_array = figure("risk array of its own: scan scenarios × underlyings held", array.bytes);
    own_array.note = format!(
        "{} × {:.2}; {:.0} with one column a distinct move; {:.0} for all {} scenarios",
        array.scan,
        array.bytes / all / (size_of::<f64>() * array.scan) as f64,
        array.distinct / all,
        array.bytes / all * array.scenarios as f64 / array.scan as f64,
        array.scenarios
    );
    vec![ours, alone, found, certificate, hash, rows, own_array]
}

/// The bytes of an account's memory that hold data.
fn filled(account: &AccountState) -> usize {
    size_of::<AccountState>()
        + account.name.len()
        + account.balances.len() * size_of::<Balance>()
        + account.positions.len() * size_of::<Position>()
        + account.orders.len() * size_of::<Order>()
}

/// The accounts in a database: memory used and size of its pages in bytes, and the number of rows.
struct Rows {
    used: f64,
    pages: f64,
    rows: f64,
}

const TABLES: &str = "
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL,
        last_order INTEGER NOT NULL, status INTEGER NOT NULL);
    CREATE INDEX owners ON accounts (owner);
    CREATE TABLE positions (account INTEGER NOT NULL, instrument INTEGER NOT NULL, lots INTEGER NOT NULL,
        cost BLOB NOT NULL, PRIMARY KEY (account, instrument)) WITHOUT ROWID;
    CREATE TABLE balances (account INTEGER NOT NULL, asset INTEGER NOT NULL, location INTEGER NOT NULL,
        amount BLOB NOT NULL, profit BLOB NOT NULL, PRIMARY KEY (account, asset, location)) WITHOUT ROWID;";

/// The same accounts as rows, inserted in order, so that pages are full, with an index by name and by owner like ours.
/// Amounts have 128 bits and are blobs, in as few bytes as possible.
fn sqlite(state: &State) -> rusqlite::Result<Rows> {
    let before = sqlite_used();
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch(TABLES)?;
    let amount = |amount: Quantity| postcard::to_stdvec(&amount.raw()).expect("a number");
    let transaction = connection.transaction()?;
    let mut rows = 0;
    {
        let mut account = transaction.prepare("INSERT INTO accounts VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut position = transaction.prepare("INSERT INTO positions VALUES (?1, ?2, ?3, ?4)")?;
        let mut balance = transaction.prepare("INSERT INTO balances VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (place, held) in state.accounts.iter().enumerate() {
            let id = place as i64;
            rows +=
                account.execute(params![id, held.name, held.owner, held.last_order.0 as i64, held.status as i64])?;
            for held in &held.positions {
                let cost = amount(held.cost);
                rows += position.execute(params![id, held.instrument.0 as i64, held.lots, cost])?;
            }
            for held in &held.balances {
                let location = held.location.map_or(-1, |location| i64::from(location.0));
                let (sum, profit) = (amount(held.amount), amount(held.profit));
                rows += balance.execute(params![id, held.asset.0 as i64, location, sum, profit])?;
            }
        }
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA shrink_memory")?;
    let number = |of: &str| connection.query_row(&format!("PRAGMA {of}"), [], |row| row.get::<_, i64>(0));
    let pages = number("page_count")? * number("page_size")?;
    Ok(Rows { used: (sqlite_used() - before) as f64, pages: pages as f64, rows: rows as f64 })
}

/// Bytes that SQLite has allocated and not freed.
fn sqlite_used() -> i64 {
    // SAFETY: the function reads a counter, under a lock of its own.
    unsafe { rusqlite::ffi::sqlite3_memory_used() }
}

/// Bytes of a risk array for each account, for the scenarios of the scan alone.
struct Array {
    /// With one number for each scenario and each underlying that the account holds.
    bytes: f64,
    /// With one number for all scenarios that move the underlying in the same way.
    distinct: f64,
    scan: usize,
    /// The number of scenarios of the whole set.
    scenarios: usize,
}

fn array(engine: &Engine) -> Array {
    let (state, rules) = (engine.state(), engine.desk().rules());
    let prepared = Prepared::new(&state.market, rules, &ScenarioSet::default(), Isa::detect()).expect("priceable");
    let set = &prepared.array.set;
    let families = set.families.iter().filter(|family| family.name.starts_with("scan"));
    let scan: Vec<_> = families.flat_map(|family| &set.scenarios[family.range()]).collect();
    let distinct = |underlying: usize| {
        let mut moves: Vec<Move> = Vec::new();
        for scenario in &scan {
            let its = scenario.moves[underlying];
            if !moves.contains(&its) {
                moves.push(its);
            }
        }
        moves.len()
    };
    let distinct: Vec<usize> = (0..state.market.underlyings.len()).map(distinct).collect();
    let (mut blocks, mut columns) = (0, 0);
    for account in &state.accounts {
        let of = |held: &Position| state.contracts[held.instrument.0].terms.underlying;
        let held: BTreeSet<UnderlyingId> = account.positions.iter().map(of).collect();
        blocks += held.len();
        columns += held.iter().map(|underlying| distinct[underlying.0]).sum::<usize>();
    }
    let bytes = |numbers: usize| (numbers * size_of::<f64>()) as f64;
    Array {
        bytes: bytes(blocks * scan.len()),
        distinct: bytes(columns),
        scan: scan.len(),
        scenarios: set.scenarios.len(),
    }
}
