//! `upm journal replay`: the state to which a journal leads.

use engine::state::{AccountState, Mode};
use engine::{Engine, Status};
use journal::{Hash, Journal, Store};
use marks::{Cause, Validity};
use model::QuotePrice;
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::progress::{Progress, pace};
use shell::table::{Side, Table, cut, paragraph};
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use super::JournalArgs;
use crate::amount::{Unit, exact};
use crate::{history, naming, sheet};

/// The most digits of a price or an amount in a table; --output json has all.
const EXACT_MAX: usize = 20;
/// The most rows of a list in a table; --output json has all.
const ROWS_MAX: usize = 50;

/// Replay a journal and print the state: accounts, prices, instruments, pots
///
/// Margins are recomputed by the parameters in force; the status is the recorded one.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal replay target/run.journal
  upm journal replay target/run.journal --until 100")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// The last record to replay; the end of the journal when not given
    #[arg(long, value_name = "SEQUENCE")]
    until: Option<u64>,
    /// table for people, or json (upm.state/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The state to which a journal leads, as a document `upm.state/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StateDocument {
    format: &'static str,
    journal: String,
    /// The last record that was replayed.
    sequence: Option<u64>,
    time: Timestamp,
    market_version: u64,
    state: String,
    /// The number of state hashes on the way that matched.
    states_met: u64,
    accounts: Vec<AccountLine>,
    prices: Vec<PriceLine>,
    surface: SurfaceLine,
    instruments: Vec<InstrumentLine>,
    pots: Vec<PotLine>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AccountLine {
    account: String,
    owner: u32,
    status: Status,
    #[serde(flatten)]
    margin: Margin,
    positions: usize,
    orders: usize,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Margin {
    Judged {
        equity: Money,
        initial_margin: Money,
        maintenance_margin: Money,
        /// Equity over maintenance margin; none when nothing is required.
        health: Option<Ratio>,
    },
    Refused {
        refused: String,
    },
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PriceLine {
    feed: String,
    validity: Validity,
    /// The reason for the validity; none when no source has ever reported.
    cause: Option<Cause>,
    price: Option<Price>,
    slow_average: Option<Price>,
    /// The age of the oldest report used, in microseconds.
    age_micros: Option<i64>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SurfaceLine {
    version: u64,
    age_micros: i64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct InstrumentLine {
    instrument: String,
    mode: String,
    mark: QuotePrice,
    /// Open interest in lots, over all accounts.
    open: i64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PotLine {
    pot: String,
    asset: String,
    amount: Quantity,
}

/// Replays the journal, then describes the state.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let store = history::open(args.journal.path())?;
    let until = history::until(&store, "--until", args.until)?;
    let progress = Progress::new("records", until);
    let replayed = history::replay(&store, until, |_, _| {})?;
    let took = progress.over();
    let document = document(&store, until, replayed.met, replayed.engine);
    let mut answer = match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(text(&document)),
    };
    answer.report = pace(replayed.records, "records replayed", took) + "\n";
    Ok(answer)
}

fn document(store: &Store, until: u64, met: u64, mut engine: Engine) -> StateDocument {
    let hash = Hash(engine.hash().0);
    let state = engine.state();
    let age = |time: Timestamp| state.clock.micros().saturating_sub(time.micros());
    let price = |(id, feed): (&engine::FeedId, &engine::state::FeedState)| {
        let quote = feed.feed.last();
        PriceLine {
            feed: naming::feed(&state.market, *id),
            validity: state.validity(*id),
            cause: quote.map(|quote| quote.cause),
            price: quote.map(|quote| quote.price),
            slow_average: quote.map(|quote| quote.slow),
            age_micros: quote.map(|quote| age(quote.published)),
        }
    };
    let instruments = state.contracts.iter().zip(&state.market.instruments);
    StateDocument {
        format: "upm.state/1",
        journal: store.name().to_owned(),
        sequence: until.checked_sub(1),
        time: state.clock,
        market_version: state.version,
        state: hash.to_string(),
        states_met: met,
        accounts: state.accounts.iter().map(|account| line(&engine, account)).collect(),
        prices: state.feeds.iter().map(price).collect(),
        surface: SurfaceLine { version: state.surface.version, age_micros: age(state.surface.published) },
        instruments: instruments
            .map(|(contract, listing)| InstrumentLine {
                instrument: listing.name.clone(),
                mode: contract.mode.to_string(),
                mark: state.market.mark(listing.id),
                open: contract.open,
            })
            .collect(),
        pots: state
            .pots
            .iter()
            .map(|((pot, asset), amount)| PotLine {
                pot: naming::pot(state, *pot),
                asset: state.market.assets[asset.0].name.clone(),
                amount: *amount,
            })
            .collect(),
    }
}

fn line(engine: &Engine, account: &AccountState) -> AccountLine {
    let margin = match engine.desk().judge(engine.state(), account) {
        Ok(judged) => Margin::Judged {
            equity: judged.equity,
            initial_margin: judged.initial_margin,
            maintenance_margin: judged.maintenance_margin,
            health: judged.equity.per(judged.maintenance_margin, Round::Down),
        },
        Err(refusal) => Margin::Refused { refused: refusal.to_string() },
    };
    AccountLine {
        account: account.name.clone(),
        owner: account.owner,
        status: account.status,
        margin,
        positions: account.positions.len(),
        orders: account.orders.len(),
    }
}

fn text(document: &StateDocument) -> String {
    let place = document.sequence.map_or_else(|| "no records".to_owned(), |last| format!("record {}", exact(last)));
    let words = format!("· after {place} · market version {}", exact(document.market_version));
    let head = format!("{} {}\n", toned(Tone::Bold, &cut(&document.journal, 40)), toned(Tone::Dim, &words));
    let mut sections =
        vec![head, accounts(&document.accounts), prices(document), instruments(document), pots(&document.pots)];
    let time = paragraph("  time", 9, &document.time.to_string());
    sections.push(time + &paragraph("  state", 9, &document.state));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

fn accounts(accounts: &[AccountLine]) -> String {
    let largest = accounts.iter().filter_map(|account| match &account.margin {
        Margin::Judged { equity, initial_margin, .. } => {
            Some(equity.raw().saturating_abs().max(initial_margin.raw().saturating_abs()))
        }
        Margin::Refused { .. } => None,
    });
    let unit = Unit::rough(Money::from_raw(largest.max().unwrap_or_default()));
    let initial = format!("initial {}", unit.name);
    let mut table = Table::new(&[
        ("account", Side::Left),
        ("recorded as", Side::Left),
        ("equity", Side::Right),
        (&initial, Side::Right),
        ("maintenance", Side::Right),
        ("health", Side::Right),
        ("positions", Side::Right),
        ("orders", Side::Right),
    ]);
    let mut refused = String::new();
    for account in accounts.iter().take(ROWS_MAX) {
        let count = |count: usize| if count == 0 { String::new() } else { exact(count) };
        let mut cells = vec![account.account.clone(), sheet::status(account.status)];
        match &account.margin {
            Margin::Judged { equity, initial_margin, maintenance_margin, health } => cells.extend([
                unit.owned(*equity).to_string(),
                unit.needed(*initial_margin).to_string(),
                unit.needed(*maintenance_margin).to_string(),
                sheet::ratio(*health),
            ]),
            Margin::Refused { refused: why } => {
                cells.extend(std::iter::repeat_n("?".to_owned(), 4));
                refused += &paragraph("  unjudged", 12, &format!("{}: {why}", account.account));
            }
        }
        cells.extend([count(account.positions), count(account.orders)]);
        table.row(cells);
    }
    if accounts.is_empty() { String::new() } else { table.text() + &rest(accounts.len(), "accounts") + &refused }
}

fn prices(document: &StateDocument) -> String {
    let mut table = Table::new(&[
        ("price", Side::Left),
        ("is", Side::Left),
        ("because", Side::Left),
        ("now", Side::Right),
        ("slow average", Side::Right),
        ("age", Side::Right),
    ]);
    let number = |price: Option<Price>| price.map_or_else(String::new, |price| cut(&exact(price), EXACT_MAX));
    for line in document.prices.iter().take(ROWS_MAX) {
        table.row([
            line.feed.clone(),
            naming::validity(line.validity),
            line.cause.map_or_else(|| "never spoken".to_owned(), |cause| format!("{cause:?}").to_lowercase()),
            number(line.price),
            number(line.slow_average),
            line.age_micros.map_or_else(String::new, naming::age),
        ]);
    }
    if document.surface.version > 0 {
        let version = format!("version {}", exact(document.surface.version));
        table.row([naming::SURFACE, "", &version, "", "", &naming::age(document.surface.age_micros)]);
    }
    let count = document.prices.len();
    if count == 0 { String::new() } else { table.text() + &rest(count, "prices") }
}

fn instruments(document: &StateDocument) -> String {
    let columns =
        [("instrument", Side::Left), ("market", Side::Left), ("mark", Side::Right), ("lots open", Side::Right)];
    let mut table = Table::new(&columns);
    for line in document.instruments.iter().take(ROWS_MAX) {
        let tone = if line.mode == Mode::Open.to_string() { Tone::Green } else { Tone::Yellow };
        let cells = [line.instrument.clone(), toned(tone, &line.mode), cut(&exact(line.mark), EXACT_MAX)];
        table.row(cells.into_iter().chain([exact(line.open)]));
    }
    let count = document.instruments.len();
    if count == 0 { String::new() } else { table.text() + &rest(count, "instruments") }
}

fn pots(pots: &[PotLine]) -> String {
    let mut table = Table::new(&[("pot", Side::Left), ("asset", Side::Left), ("amount", Side::Right)]);
    for line in pots.iter().take(ROWS_MAX) {
        table.row([line.pot.clone(), line.asset.clone(), exact(line.amount)]);
    }
    if pots.is_empty() { String::new() } else { table.text() + &rest(pots.len(), "pots") }
}

/// A note that a list goes on.
fn rest(count: usize, what: &str) -> String {
    if count <= ROWS_MAX {
        return String::new();
    }
    paragraph("", 2, &format!("--output json shows all {} {what}", exact(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<StateDocument>("upm.state/1", testdata::schema::Side::Written);
    }
}
