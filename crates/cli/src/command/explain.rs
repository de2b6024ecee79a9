//! `upm explain`: why an account had its status, recomputed from the journal.

use std::path::PathBuf;

use engine::explain::{Explanation, Figures, PriceUsed, explain};
use engine::{AccountId, Command, Desk, Engine, Envelope, Event, FeedId, Principal, State, Status, decide};
use journal::{Hash, Journal, Record, Store};
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::table::{Side, Table, cut, paragraph};
use units::Timestamp;

use crate::amount::exact;
use crate::beside::{self, Words};
use crate::case::chronicle::chronicle;
use crate::case::document::document;
use crate::case::page::page as case_page;
use crate::case::timeline::follow;
use crate::history::{self, broken};
use crate::{naming, sheet};

/// Explain an account or a liquidation from a journal, and check the explanation against the recorded decisions
///
/// An account: the journal is replayed until just after a record, and an engine built at that moment assesses it.
///
/// A case: every step from the fall below maintenance to the end, every wait with its reason, and who paid.
///
/// Every judgement and every step is decided again, to the last digit. Exit status 1 when a decision differs.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 20 --keep target/run.journal
  upm explain \"account 0\" --journal target/run.journal
  upm explain \"account 0\" --journal target/run.journal --at 100 --output json

A liquidation, by its number in upm journal cases:
  upm-lab run --seed 1 --ticks 60 --keep target/cases.journal
  upm explain --case 2 --journal target/cases.journal")]
pub struct Args {
    /// Name of the account
    #[arg(value_name = "ACCOUNT", required_unless_present = "case", conflicts_with = "case")]
    account: Option<String>,
    /// Number of a liquidation, in place of an account
    #[arg(long, value_name = "NUMBER", conflicts_with = "at")]
    case: Option<u64>,
    /// Journal, as the engine or `upm-lab run --keep` writes it
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// Explain the moment just after this record; the end of the journal when not given
    #[arg(long, value_name = "SEQUENCE")]
    at: Option<u64>,
    /// table for people, or json (upm.explanation/1, of a case upm.case/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The status of an account at a moment, as a document `upm.explanation/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ExplanationDocument {
    format: &'static str,
    journal: String,
    /// The moment is just after this record.
    sequence: Option<u64>,
    /// The hash of the state at that moment.
    state: String,
    owner: u32,
    standing: Standing,
    /// The last judgement of the engine that differed from the one before.
    judged: Option<Judgement>,
    explanation: Explanation,
}

/// The status of the account: as recorded, and as an engine built at this moment finds it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Standing {
    recorded: Status,
    recomputed: Status,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// Recorded and recomputed status are equal.
    Same,
    /// Prices or positions have moved since the accounts were last judged.
    NotJudgedYet,
    /// The statuses differ.
    Different,
}

/// The figures that the engine recorded when it judged the account, and the same figures recomputed.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Judgement {
    sequence: u64,
    time: Timestamp,
    recorded: Figures,
    /// None when the engine would not judge it again.
    recomputed: Option<Figures>,
    same: bool,
}

/// Finds the judgements of one account while a journal is replayed.
struct Witness<'a> {
    name: &'a str,
    id: Option<AccountId>,
    last: Option<Judgement>,
}

/// Replays the journal, recomputes the figures and compares.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let store = history::open(&args.journal)?;
    match (&args.account, args.case) {
        (_, Some(number)) => liquidation(&store, number, args.output),
        (Some(name), None) => account(&store, name, args),
        (None, None) => Err(Failure::wrong("upm explain", "found neither, expected an account or --case")),
    }
}

/// Explains a case step by step.
fn liquidation(store: &Store, number: u64, output: Output) -> Result<Answer, Failure> {
    let chronicle = chronicle(store)?;
    let Some(case) = chronicle.cases.iter().find(|case| case.number == number) else {
        let expected = match (chronicle.cases.first(), chronicle.cases.last()) {
            (Some(first), Some(last)) => format!("a case of {}: {} to {}", store.name(), first.number, last.number),
            _ => format!("an account instead: {} has no cases", store.name()),
        };
        return Err(Failure::wrong("--case", format_args!("found {number}, expected {expected}")));
    };
    let mut timeline = follow(store, case)?;
    let hash = Hash(timeline.engine.hash().0);
    let answer = match output {
        Output::Json => Answer::json(&document(store.name(), case, &timeline, hash).map_err(broken)?),
        Output::Table => Answer::out(case_page(store.name(), case, &timeline, hash).map_err(broken)?),
    };
    Ok(Answer { failed: !timeline.is_same(), ..answer })
}

/// Explains an account at a moment.
fn account(store: &Store, name: &str, args: &Args) -> Result<Answer, Failure> {
    let until = history::until(store, "--at", args.at)?;
    let mut witness = Witness { name, id: None, last: None };
    let replayed = history::replay(store, until, |state, record| witness.see(store.name(), state, record))?;
    let judged = witness.last;
    let moment = format!("{}: {}", store.name(), history::place(until));

    let is_owed = replayed.engine.desk().is_owed(replayed.engine.state());
    let mut engine = Engine::new(replayed.engine.into_state()).map_err(broken)?;
    let hash = Hash(engine.hash().0);
    let id = history::account(engine.state(), name, &moment)?;
    let explanation = explain(engine.state(), engine.desk(), id)
        .map_err(|refusal| broken(format_args!("{moment}: account \"{name}\": {refusal}")))?
        .expect("the account was found");
    let account = &engine.state().accounts[id.place()];
    let recomputed = standing(&engine, id);
    let verdict = match recomputed == account.status {
        true => Verdict::Same,
        false if is_owed => Verdict::NotJudgedYet,
        false => Verdict::Different,
    };
    let document = ExplanationDocument {
        format: "upm.explanation/1",
        journal: store.name().to_owned(),
        sequence: until.checked_sub(1),
        state: hash.to_string(),
        owner: account.owner,
        standing: Standing { recorded: account.status, recomputed, verdict },
        judged,
        explanation,
    };
    let differs = verdict == Verdict::Different || document.judged.as_ref().is_some_and(|judged| !judged.same);
    let answer = match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(
            page(&document, engine.state(), id)
                .map_err(|overflow| broken(format_args!("{moment}: account \"{name}\": {overflow}")))?,
        ),
    };
    Ok(Answer { failed: differs, ..answer })
}

/// The status that the engine would now give to the account.
fn standing(engine: &Engine, id: AccountId) -> Status {
    let events = engine.decide(&watch(engine.state())).expect("the engine may always watch");
    Figures::recorded(&events, id).map_or(engine.state().accounts[id.place()].status, |figures| figures.status)
}

fn watch(state: &State) -> Envelope {
    Envelope { time: state.clock, principal: Principal::System, command: Command::Watch }
}

impl Witness<'_> {
    /// Looks at a record before it is applied: where the record judges the account, the engine decides again.
    fn see(&mut self, file: &str, state: &State, record: &Record) {
        // A record that cannot be read ends the replay with its own error.
        let Ok((envelope, events)) = sequencer::decode(file, record) else { return };
        if !events.iter().any(|event| matches!(event, Event::Judged { .. })) {
            return;
        }
        self.id = self.id.or_else(|| state.account_named(self.name));
        let Some(id) = self.id else { return };
        let Some(recorded) = Figures::recorded(&events, id) else { return };
        // Decided again by a new desk, with no knowledge of the run.
        let again = Desk::new(state).ok().and_then(|desk| decide(state, &desk, &envelope).ok()).unwrap_or_default();
        let recomputed = Figures::recorded(&again, id);
        self.last = Some(Judgement {
            sequence: record.sequence,
            time: record.time,
            recorded,
            recomputed,
            same: recomputed == Some(recorded),
        });
    }
}

/// The page of one account.
fn page(document: &ExplanationDocument, state: &State, id: AccountId) -> Result<String, units::Overflow> {
    let explanation = &document.explanation;
    let view = state.accounts[id.place()].view(&state.contracts, &state.locations)?;
    let moment = document
        .sequence
        .map_or_else(|| "before the first record".to_owned(), |last| format!("just after record {}", exact(last)));
    let words = Words { columns: ["at mark", "at slow average", "difference"], second_core: "at slow average in:" };
    let title = |words: &str| format!("{}\n", toned(Tone::Bold, words));
    let sections = [
        sheet::head(&explanation.at_mark, &format!("· {moment} · {}", explanation.time)),
        facts(document),
        title("At the marks, where maintenance is judged"),
        sheet::body(&view, &state.market, &explanation.at_mark)?,
        title("At slow averages, where new risk is judged as well"),
        beside::margins([&explanation.at_mark, &explanation.at_slow_average], &words)?,
        title("Prices it depends on"),
        prices(explanation, state),
    ];
    Ok(sections.join("\n"))
}

/// The recorded facts, and whether they hold.
fn facts(document: &ExplanationDocument) -> String {
    let explanation = &document.explanation;
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 18, words);
    let toned_line = |lead: &str, words: &str| format!("{:<18}{words}\n", format!("  {lead}"));
    let Standing { recorded, recomputed, verdict } = &document.standing;
    let agrees = match verdict {
        Verdict::Same => toned(Tone::Green, "the same"),
        Verdict::NotJudgedYet => toned(Tone::Yellow, "not judged yet: the next watch will say so"),
        Verdict::Different => toned(Tone::Red, "different"),
    };
    let mut text = line("journal", &document.journal) + &line("owner", &document.owner.to_string());
    text += &line("market version", &exact(explanation.version));
    text += &toned_line(
        "status",
        &format!("recorded {}, recomputed {}: {agrees}", sheet::status(*recorded), sheet::status(*recomputed)),
    );
    text += &match &document.judged {
        None => line("last judged", "never otherwise than it began: healthy"),
        Some(judged) => {
            let whole = format!(
                "record {}, {}, market version {}",
                exact(judged.sequence),
                judged.time,
                exact(judged.recorded.market_version)
            );
            line("last judged", &whole) + &comparison(judged)
        }
    };
    text += &match &explanation.untrusted {
        None => line("trust", "every price it depends on is valid"),
        Some(why) => line("trust", &format!("not enough to liquidate or to take risk: {why}")),
    };
    text += &line("parameters", &explanation.parameters);
    if explanation.progress < units::Ratio::ONE {
        let progress = format!("{} of the way from the file before to this one", explanation.progress);
        text += &line("", &progress);
    }
    text + &line("state", &document.state)
}

/// The figures of a judgement, recorded and recomputed, to the last digit.
fn comparison(judged: &Judgement) -> String {
    let mut table = Table::new(&[
        ("", Side::Left),
        ("recorded there", Side::Right),
        ("recomputed there", Side::Right),
        ("", Side::Left),
    ]);
    let again = judged.recomputed.as_ref();
    let mut row = |name: &str, of: &dyn Fn(&Figures) -> String| {
        let (recorded, recomputed) = (of(&judged.recorded), again.map(of));
        let verdict = if recomputed.as_ref() == Some(&recorded) {
            toned(Tone::Green, "the same")
        } else {
            toned(Tone::Red, "different")
        };
        table.row([name.to_owned(), recorded, recomputed.unwrap_or_else(|| "not judged".to_owned()), verdict]);
    };
    row("status", &|figures| sheet::status(figures.status));
    row("equity", &|figures| exact(figures.equity));
    row("initial margin", &|figures| exact(figures.initial_margin));
    row("maintenance", &|figures| exact(figures.maintenance_margin));
    row("market version", &|figures| exact(figures.market_version));
    indented(&table.text())
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["                ", line, "\n"]).collect()
}

/// Every price with its sources.
fn prices(explanation: &Explanation, state: &State) -> String {
    let mut table = Table::new(&[
        ("price", Side::Left),
        ("source", Side::Right),
        ("now", Side::Right),
        ("slow average", Side::Right),
        ("age", Side::Right),
        ("validity", Side::Left),
    ]);
    let age = |time: Timestamp| naming::age(explanation.time.micros().saturating_sub(time.micros()));
    let number = |price| cut(&exact(price), 16);
    for used in &explanation.prices {
        let mut cells = vec![named(used, state), String::new()];
        match &used.quote {
            Some(quote) => cells.extend([number(quote.price), number(quote.slow), age(quote.published)]),
            // Volatilities are not a quote, but they have an age.
            None if used.feed == FeedId::Surface.to_string() => {
                cells.extend([String::new(), String::new(), age(state.surface.published)]);
            }
            None => cells.extend(std::iter::repeat_n(String::new(), 3)),
        }
        cells.push(trust(&used.validity));
        table.row(cells);
        for (source, price, published) in &used.sources {
            let of_quote = used.quote.as_ref().is_some_and(|quote| quote.live.contains(source));
            let tone = if of_quote { String::new() } else { toned(Tone::Dim, "not used") };
            table.row([String::new(), source.to_string(), number(*price), String::new(), age(*published), tone]);
        }
    }
    if explanation.prices.is_empty() { "  none\n".to_owned() } else { table.text() }
}

/// The name of the thing that is priced.
fn named(used: &PriceUsed, state: &State) -> String {
    let known = state.feeds.keys().find(|id| id.to_string() == used.feed);
    known.map_or_else(|| used.feed.clone(), |id| naming::feed(&state.market, *id))
}

/// A validity and its cause, in colour.
fn trust(validity: &str) -> String {
    let tone = match validity.split(':').next().unwrap_or_default() {
        "valid" => Tone::Green,
        "suspect" => Tone::Yellow,
        _ => Tone::Red,
    };
    toned(tone, validity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<ExplanationDocument>("upm.explanation/1", testdata::schema::Side::Written);
    }
}
