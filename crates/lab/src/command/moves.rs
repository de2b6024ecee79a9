//! `upm-lab moves`: how far volatility surfaces turned and forwards left the index in a recorded market.

use std::num::NonZeroUsize;

use attack::moves::{Row, measure};
use pool::processors;
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::Answer;
use shell::table::{Side, Table};
use shell::threads;
use units::grouped::{exact, number};

use crate::recorded;

/// Measure how far volatility surfaces turned and forwards left the index over a recorded market
///
/// The moves of volatilities from one snapshot to the next are fitted with a level, a twist and a skew (SCN-2).
///
/// All are in per cent of a volatility: the level at 30 days, the skew at 2.72 times the forward.
///
/// The rest is the root mean square, weighted by vega, of what these three leave.
///
/// Forwards and perpetuals are compared with the index: the farthest of each interval counts.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab moves --help")]
pub struct Args {
    #[command(flatten)]
    recorded: recorded::Files,
    /// Intervals at the same time; as many as there are processors when not given
    #[arg(long, value_name = "K", value_parser = threads::number)]
    threads: Option<NonZeroUsize>,
    /// table for people, or json (upm.moves/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The sizes of moves, as a document `upm.moves/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    format: &'static str,
    moves: &'a [Row],
}

/// Measures the recorded market.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let threads = args.threads.unwrap_or_else(processors).get();
    let (rows, report) = args.recorded.walk(|recording, span, done| measure(recording, span, threads, done))?;
    let answer = match args.output {
        Output::Json => Answer::json(&Document { format: "upm.moves/1", moves: &rows }),
        Output::Table => Answer::out(text(&rows)),
    };
    Ok(Answer { report, ..answer })
}

fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no two snapshots with the same options in the span: nothing to measure\n".to_owned();
    }
    let columns = [
        ("underlying", Side::Left),
        ("move, %", Side::Left),
        ("intervals", Side::Right),
        ("median", Side::Right),
        ("1 in 20", Side::Right),
        ("1 in 100", Side::Right),
        ("largest", Side::Right),
        ("starting", Side::Left),
    ];
    let mut table = Table::new(&columns);
    for row in rows {
        let intervals = exact(u64::try_from(row.intervals).unwrap_or(u64::MAX));
        let [median, twentieth, hundredth, largest] =
            [row.median, row.twentieth, row.hundredth, row.largest].map(|size| number(100.0 * size, 2));
        let (underlying, of) = (row.underlying.clone(), row.of.to_owned());
        table.row([underlying, of, intervals, median, twentieth, hundredth, largest, row.when.to_string()]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Document<'static>>("upm.moves/1", testdata::schema::Side::Written);
    }
}
