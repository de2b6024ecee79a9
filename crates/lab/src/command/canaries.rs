//! `upm-lab canaries`: breaks rules on purpose, each of which the simulator must notice.

use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::progress::Progress;
use shell::table::{Side, Table};
use sim::Caught;
use sim::canary::CANARIES;
use units::grouped::exact;

/// Break rules on purpose, one at a time, and check that each is noticed
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab canaries")]
pub struct Args {
    /// table for people, or json for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// Breaks every rule once and reports the run that noticed it.
pub fn run(args: &Args) -> Answer {
    let mut progress = Progress::new("canaries", u64::try_from(CANARIES.len()).unwrap_or(u64::MAX));
    let mut done = 0;
    let report = sim::canaries(pool::processors().get(), |_| {
        done += 1;
        progress.at(done);
    });
    progress.over();
    let failed = report.is_empty() || !report.iter().all(Caught::passes);
    let answer = match args.output {
        Output::Json => Answer::json(&report),
        Output::Table => Answer::out(caught(&report)),
    };
    Answer { failed, ..answer }
}

fn caught(report: &[Caught]) -> String {
    let mut table = Table::new(&[
        ("canary", Side::Left),
        ("caught", Side::Left),
        ("by", Side::Left),
        ("seed", Side::Right),
        ("tick", Side::Right),
        ("what was found", Side::Left),
    ]);
    for caught in report {
        let verdict = match (&caught.by, caught.sound_passes) {
            (None, _) => toned(Tone::Red, "no"),
            (Some(_), false) => toned(Tone::Red, "always"),
            (Some(_), true) => toned(Tone::Green, "yes"),
        };
        let mut cells = vec![format!("{:?}", caught.canary), verdict];
        if let Some(by) = &caught.by {
            cells.extend([by.invariant.clone(), exact(by.seed), exact(by.tick), by.what.clone()]);
        }
        table.row(cells);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Vec<Caught>>("canaries", testdata::schema::Side::Written);
    }
}
