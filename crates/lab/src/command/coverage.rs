//! `upm-lab coverage`: how often reference books lost more than their margin in a recorded market.

use std::num::NonZeroUsize;

use attack::books::BOOKS;
use attack::coverage::{Report, Tally, cover};
use attack::snapshots::Recording;
use pool::processors;
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::table::{Side, Table, paragraph};
use shell::threads;
use units::grouped::{exact, number};

use crate::recorded;

/// Measure how often reference books lost more than their margin over a recorded market, under every method
///
/// At each snapshot the books are built anew from what is listed, of one coin a leg.
///
/// The loss until the next snapshot is compared with the maintenance margin at the start.
///
/// Settlements are taken from hourly closes (--closes).
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab coverage --list
  upm-lab coverage --help")]
pub struct Args {
    #[command(flatten)]
    recorded: recorded::Files,
    /// Print a row for each book under the universal method too
    #[arg(long)]
    books: bool,
    /// Print the reference books and their legs, and walk over nothing
    #[arg(long)]
    list: bool,
    /// Intervals at the same time; as many as there are processors when not given
    #[arg(long, value_name = "K", value_parser = threads::number)]
    threads: Option<NonZeroUsize>,
    /// table for people, or json (upm.coverage/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The coverage of reference books, as a document `upm.coverage/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    format: &'static str,
    coverage: &'a Report,
}

/// Walks over the recorded market.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    if args.list {
        return Ok(Answer::out(list()));
    }
    let history = args.recorded.history()?.unwrap_or_default();
    let threads = args.threads.unwrap_or_else(processors).get();
    let walk = |recording: &Recording, span, done: &mut dyn FnMut()| cover(recording, &history, span, threads, done);
    let (report, said) = args.recorded.walk(walk)?;
    let answer = match args.output {
        Output::Json => Answer::json(&Document { format: "upm.coverage/1", coverage: &report }),
        Output::Table => Answer::out(text(&report, args.books)),
    };
    Ok(Answer { report: said, ..answer })
}

fn list() -> String {
    let mut table = Table::new(&[("book", Side::Left), ("legs, coins of notional", Side::Left)]);
    for rule in &BOOKS {
        table.row([rule.name.to_owned(), rule.words()]);
    }
    table.text()
}

fn text(report: &Report, books: bool) -> String {
    let (Some(from), Some(to)) = (report.from, report.to) else {
        return "no two snapshots in the span: nothing to walk over\n".to_owned();
    };
    let title = toned(Tone::Bold, &format!("{from} to {to}"));
    let mut text = format!("{title} · {} intervals\n\n", exact(report.intervals));
    let columns = [
        ("method", Side::Left),
        ("book-intervals", Side::Right),
        ("above margin", Side::Right),
        ("worst loss/margin", Side::Right),
        ("margin/notional, %", Side::Right),
        ("buyers below healthy", Side::Right),
        ("unknown", Side::Right),
    ];
    let mut table = Table::new(&columns);
    for row in &report.methods {
        let [judged, above, worst, part] = cells(&row.tally);
        let buyers = format!("{} of {}", exact(row.buyers_below), exact(row.buyers));
        table.row([row.method.clone(), judged, above, worst, part, buyers, exact(row.unknown)]);
    }
    text += &table.text();
    text.push('\n');
    for row in &report.methods {
        if let Some(worst) = &row.tally.worst {
            text += &paragraph(&format!("  {}", row.method), 20, &format!("worst: {worst}"));
        }
    }
    text += &paragraph("  not built", 20, &format!("{} books, a contract was not listed", exact(report.not_listed)));
    text += &paragraph("  no value", 20, &format!("{} books, at the end of their interval", exact(report.no_value)));
    if books {
        text += "\n";
        text += &of_books(report);
    }
    text
}

fn of_books(report: &Report) -> String {
    let columns = [
        ("book", Side::Left),
        ("coin", Side::Left),
        ("intervals", Side::Right),
        ("above margin", Side::Right),
        ("worst loss/margin", Side::Right),
        ("margin/notional, %", Side::Right),
    ];
    let mut table = Table::new(&columns);
    for row in &report.books {
        let [judged, above, worst, part] = cells(&row.tally);
        table.row([row.book.clone(), row.coin.clone(), judged, above, worst, part]);
    }
    table.text()
}

fn cells(tally: &Tally) -> [String; 4] {
    let worst = tally.worst_ratio.map_or_else(|| "-".to_owned(), |ratio| number(ratio, 2));
    [exact(tally.judged), exact(tally.above), worst, number(100.0 * tally.margin_part, 2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Document<'static>>("upm.coverage/1", testdata::schema::Side::Written);
    }
}
