//! `upm journal cases`: every liquidation of a journal.

use journal::Journal;
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, clean, toned};
use shell::table::{Side, Table, paragraph};
use units::{Money, Timestamp};

use super::JournalArgs;
use crate::amount::{Unit, exact};
use crate::case::chronicle::chronicle;
use crate::case::document::{Summary, summary};
use crate::case::page::item;
use crate::history::{self, broken};
use crate::naming;

/// List every liquidation of a journal: account, beginning and end, reasons, cost, and who paid
///
/// `upm explain --case NUMBER` explains one of them step by step.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab run --seed 1 --ticks 60 --keep target/cases.journal
  upm journal cases target/cases.journal")]
pub struct Args {
    #[command(flatten)]
    journal: JournalArgs,
    /// table for people, or json (upm.cases/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The liquidations of a journal, as a document `upm.cases/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CasesDocument {
    format: &'static str,
    journal: String,
    cases: Vec<Summary>,
}

/// Replays the journal and lists the cases.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let store = history::open(args.journal.path())?;
    let chronicle = chronicle(&store)?;
    let state = chronicle.engine.state();
    let cases = chronicle.cases.iter().map(|case| summary(state, case).map_err(broken));
    let cases = cases.collect::<Result<Vec<_>, _>>()?;
    let document = CasesDocument { format: "upm.cases/1", journal: store.name().to_owned(), cases };
    Ok(match args.output {
        Output::Json => Answer::json(&document),
        Output::Table => Answer::out(text(&document)),
    })
}

fn text(document: &CasesDocument) -> String {
    let head = toned(Tone::Bold, &document.journal);
    if document.cases.is_empty() {
        return format!("{head} · no liquidation\n");
    }
    let amounts = document.cases.iter().flat_map(|case| [case.cost, case.covered]);
    let largest = amounts.map(|usd| usd.raw().saturating_abs()).max().unwrap_or_default();
    let unit = Unit::fitting(Money::from_raw(largest));
    let mut table = Table::new(&[
        ("case", Side::Right),
        ("account", Side::Left),
        ("from record", Side::Right),
        ("to", Side::Right),
        ("took", Side::Right),
        ("how", Side::Left),
        ("steps", Side::Right),
        ("cost", Side::Right),
        ("paid by others", Side::Right),
    ]);
    let record = |sequence: Option<u64>| sequence.map(exact).unwrap_or_default();
    for case in &document.cases {
        let closed = case.closed.as_ref();
        let steps: u64 = case.steps.iter().filter(|step| is_taken(step.what)).map(|step| step.count).sum();
        table.row([
            exact(case.case),
            clean(&case.account),
            record(case.opened.sequence),
            closed.map_or_else(String::new, |at| record(at.sequence)),
            closed.map_or_else(String::new, |at| took(case.opened.time, at.time)),
            case.ended.replace('_', " "),
            exact(steps),
            unit.needed(case.cost).to_string(),
            unit.owned(case.covered).to_string(),
        ]);
    }
    let mut text = format!("{head} · amounts in {}\n\n{}\n", unit.name, table.text());
    for case in &document.cases {
        let lead = format!("  case {}", exact(case.case));
        text += &paragraph(&lead, 11, case.why.as_deref().unwrap_or("began in a record that is not kept"));
        let until = case.closed.map_or_else(|| "open at the end of the journal".to_owned(), |at| at.time.to_string());
        text += &paragraph("", 11, &format!("from {} to {until}", case.opened.time).replace("to open", "and open"));
        let of = |is_cost: bool| {
            let lines = case.bill.iter().filter(move |line| line.what.is_cost() == is_cost);
            let line = |line: &crate::case::bill::BillLine| {
                let usd = if is_cost { unit.needed(line.usd) } else { unit.owned(line.usd) };
                let who = line.who.as_deref().map_or_else(String::new, |who| format!(", {who}"));
                format!("{usd} ({}{who})", item(line.what))
            };
            lines.map(line).collect::<Vec<_>>().join(", ")
        };
        for (lead, lines) in [("it paid", of(true)), ("it was paid", of(false))] {
            if !lines.is_empty() {
                text += &paragraph("", 11, &format!("{lead} {lines}"));
            }
        }
    }
    text + &paragraph("\n  upm explain --case NUMBER --journal FILE tells one of them step by step", 2, "")
}

/// Whether a step was one of the liquidation itself and had an effect.
fn is_taken(what: &str) -> bool {
    !matches!(what, "judged" | "nothing" | "outside")
}

fn took(from: Timestamp, until: Timestamp) -> String {
    naming::age(until.micros().saturating_sub(from.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<CasesDocument>("upm.cases/1", testdata::schema::Side::Written);
    }
}
