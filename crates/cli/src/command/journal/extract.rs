//! `upm journal extract`: one moment of a journal as the documents that `upm margin` reads.

use std::path::PathBuf;

use engine::explain::{Documents, documents};
use engine::{AccountId, Engine, State};
use journal::{Hash, Journal};
use margin::assess;
use margin::method::{Method, Options};
use model::{Invalid, Market, Portfolio};
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::json::pretty;
use shell::printer::{Answer, Tone, clean, toned};
use shell::table::paragraph;
use units::{Ratio, Timestamp};

use super::JournalArgs;
use super::directory::{Files, Texts, vacant, written};
use crate::amount::exact;
use crate::history::{self, broken};

/// The method of the engine.
const METHOD: &str = "universal";

/// Write one moment of a journal as documents (market, portfolio, parameters) for `upm margin` and other commands
///
/// The journal is replayed until just after a record, and the written documents are read again.
///
/// Every account is assessed from the documents and by the engine; exit status 1 where a digit differs.
///
/// Orders that may only reduce are left out, because no margin is held for them.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm journal extract target/run.journal --at 100 --to target/moment
  upm margin --market target/moment/market.json --portfolio target/moment/portfolio.json \\
    --params target/moment/parameters.toml")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// The moment just after this record; the end of the journal when not given
    #[arg(long, value_name = "SEQUENCE")]
    at: Option<u64>,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Directory for the documents; it is created if missing, and refused when it is not empty
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
    /// table for people, or json (upm.extract/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The files and the hash of a moment, as a document `upm.extract/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ExtractDocument {
    format: &'static str,
    journal: String,
    /// The moment is just after this record.
    sequence: Option<u64>,
    /// The time of the engine.
    time: Timestamp,
    /// The time of the market: when it was last marked.
    market_time: Timestamp,
    /// The hash of the state.
    state: String,
    files: Files,
    /// The share of the new parameters in force, while they replace others.
    progress: Ratio,
    accounts: usize,
    /// Orders that may only reduce, which no document contains.
    orders_left_out: usize,
    /// Instruments that are held, have expired and are not settled: in the market they expire at its time.
    expired: Vec<ExpiredLine>,
    /// Accounts that cannot be assessed, by the engine or from the documents.
    refused: Vec<RefusedLine>,
    /// Accounts whose assessment from the documents differs from the engine's: none where all is well.
    different: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ExpiredLine {
    instrument: String,
    /// The time of its expiry.
    expiry: Timestamp,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RefusedLine {
    account: String,
    why: String,
}

/// Replays the journal, writes the documents, reads them again and compares.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    vacant(&args.to)?;
    let store = history::open(args.journal.path())?;
    let until = history::until(&store, "--at", args.at)?;
    let replayed = history::replay(&store, until, |_, _| {})?;
    let moment = format!("{}: {}", store.name(), history::place(until));
    let mut engine = Engine::new(replayed.engine.into_state()).map_err(broken)?;
    let hash = Hash(engine.hash().0);
    let accounts = accounts(args, &moment, engine.state())?;
    let documents = documents(engine.state(), &accounts).map_err(|why| Failure::wrong(&moment, why))?;
    let texts = texts(engine.state(), &documents);
    let compared = compared(&engine, &accounts, &texts).map_err(|invalid| {
        Failure::Broken(format!("{moment}: {invalid}: what the engine holds cannot be written as a document"))
    })?;
    let state = engine.state();
    let reducing = |id: &AccountId| state.accounts[id.place()].orders.iter().filter(|order| order.reduce_only).count();
    let document = ExtractDocument {
        format: "upm.extract/1",
        journal: store.name().to_owned(),
        sequence: until.checked_sub(1),
        time: state.clock,
        market_time: state.market.time,
        state: hash.to_string(),
        files: written(&args.to, &texts)?,
        progress: state.method.progress(state.clock),
        accounts: accounts.len(),
        orders_left_out: accounts.iter().map(reducing).sum(),
        expired: documents.expired.into_iter().map(|(instrument, expiry)| ExpiredLine { instrument, expiry }).collect(),
        refused: compared.refused,
        different: compared.different,
    };
    let answer = match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(text(&document)),
    };
    Ok(Answer { failed: !document.different.is_empty(), ..answer })
}

/// The requested account, or all of them.
fn accounts(args: &Args, moment: &str, state: &State) -> Result<Vec<AccountId>, Failure> {
    if let Some(name) = &args.account {
        return Ok(vec![history::account(state, name, moment)?]);
    }
    let all: Vec<AccountId> = (0..).map(AccountId).take(state.accounts.len()).collect();
    if all.is_empty() {
        return Err(Failure::wrong(moment, "accounts: found none yet, expected a later record"));
    }
    Ok(all)
}

fn texts(state: &State, documents: &Documents) -> Texts {
    let ramp = state.method.previous.as_ref().filter(|_| state.method.progress(state.clock) < Ratio::ONE);
    Texts {
        market: json(&documents.market),
        portfolio: json(&documents.portfolio),
        parameters: state.method.text.clone(),
        parameters_before: ramp.map(|(text, ..)| text.clone()),
    }
}

fn json(document: &impl Serialize) -> String {
    pretty(document, 0) + "\n"
}

/// The assessments of the accounts from the documents, compared with the engine's.
#[derive(Default)]
struct Compared {
    /// Accounts with an assessment that differs from the engine's in some digit.
    different: Vec<String>,
    /// Accounts that neither can assess, with the reason.
    refused: Vec<RefusedLine>,
}

/// Reads the texts to be written and assesses every account from them.
fn compared(engine: &Engine, accounts: &[AccountId], texts: &Texts) -> Result<Compared, Invalid> {
    let market = Market::parse(&texts.market)?;
    let portfolio = Portfolio::parse(&texts.portfolio, &market)?;
    let rules = Method::named(METHOD).expect("the method of the engine is listed").rulebook(&texts.parameters)?;
    let judge = rules.judge(&market, &Options::default());
    let (state, desk) = (engine.state(), engine.desk());
    let mut compared = Compared::default();
    for (id, account) in accounts.iter().zip(&portfolio.accounts) {
        let here = desk.assess(state, &state.accounts[id.place()]);
        let there = judge.as_ref().map_err(Clone::clone).and_then(|judge| assess(account, judge.as_ref()));
        let name = account.name.clone();
        match &here {
            _ if here != there => compared.different.push(name),
            Err(refusal) => compared.refused.push(RefusedLine { account: name, why: refusal.to_string() }),
            Ok(_) => {}
        }
    }
    Ok(compared)
}

fn text(document: &ExtractDocument) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 18, words);
    let place = document.sequence.map_or_else(|| "before the first record".to_owned(), after);
    let mut text = format!("{} {}\n\n", toned(Tone::Bold, &document.journal), toned(Tone::Dim, &format!("· {place}")));
    text += &line("time", &format!("{}, market of {}", document.time, document.market_time));
    text += &line("state", &document.state);
    text += &line("accounts", &exact(document.accounts));
    if document.orders_left_out > 0 {
        let words = format!("{} left out that may only reduce: no margin is held for them", document.orders_left_out);
        text += &line("orders", &words);
    }
    for ExpiredLine { instrument, expiry } in &document.expired {
        let words =
            format!("{instrument}, at {expiry}, and is not settled: in the document it expires at the market's time");
        text += &line("expired", &words);
    }
    let Files { market, portfolio, parameters, parameters_before } = &document.files;
    if let Some(before) = parameters_before {
        let progress = format!("{} of the way to {parameters}, which replaces {before}", document.progress);
        text += &line("ramp", &format!("{progress}; the documents give the requirement of the new file alone"));
    }
    for RefusedLine { account, why } in &document.refused {
        text += &line("unjudged", &format!("{account}: {why}"));
    }
    let verdict = match document.different.as_slice() {
        [] => toned(Tone::Green, "the engine's own assessments, to the last digit"),
        names => toned(Tone::Red, &format!("other assessments than the engine's of {}", names.join(", "))),
    };
    text += &["  gives           ", &verdict, "\n"].concat();
    let quoted = |file: &str| if file.contains(' ') { format!("\"{}\"", clean(file)) } else { clean(file) };
    let [market, portfolio, parameters] = [market, portfolio, parameters].map(|file| quoted(file));
    text + &format!("\n  upm margin --market {market} --portfolio {portfolio} --params {parameters}\n")
}

fn after(sequence: u64) -> String {
    format!("just after record {}", exact(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<ExtractDocument>("upm.extract/1", testdata::schema::Side::Written);
    }
}
