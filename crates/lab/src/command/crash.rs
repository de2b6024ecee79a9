//! `upm-lab crash`: processes that write a journal, killed at random moments.

use std::path::{Path, PathBuf};

use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::progress::Progress;
use shell::table::paragraph;
use sim::{CrashReport, crash};
use units::grouped::exact;

/// The number of processes that are killed when none is given.
const KILLS: u64 = 50;

/// Kill a process that writes a journal, at random moments, and check that nothing it acknowledged is lost
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab crash --kills 3")]
pub struct Args {
    /// Processes to kill
    #[arg(long, value_name = "K", default_value_t = KILLS, value_parser = clap::value_parser!(u64).range(1..))]
    kills: u64,
    /// Seed of the work and of the moments
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// An empty folder for the journals; a temporary one, removed afterwards, when not given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Run as the process that is killed
    #[arg(long, value_name = "DIR", hide = true, conflicts_with_all = ["kills", "dir"])]
    child: Option<PathBuf>,
    /// table for people, or json for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// Kills processes, or runs as the process that is killed.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    match &args.child {
        Some(dir) => Err(Failure::Broken(crash::child(dir, args.seed))),
        None => kill(args),
    }
}

/// Kills processes and compares their output with the journals that they left.
fn kill(args: &Args) -> Result<Answer, Failure> {
    let temporary = temporary();
    let dir = args.dir.as_deref().unwrap_or(&temporary);
    empty(dir)?;
    let cannot = |error: std::io::Error| Failure::broken(format_args!("{}: {error}", dir.display()));
    let mut progress = Progress::new("kills", args.kills);
    let exe = std::env::current_exe().map_err(cannot)?;
    let report = crash::parent(&exe, dir, args.kills, args.seed, |report| progress.at(report.kills)).map_err(cannot)?;
    progress.over();
    let passes = report.passes();
    if passes && args.dir.is_none() {
        // If the folder cannot be removed, its rest stays in the folder for temporary files.
        let _ = std::fs::remove_dir_all(dir);
    }
    let answer = match args.output {
        Output::Json => Answer::json(&report),
        Output::Table => Answer::out(survived(&report)),
    };
    let left = if passes { String::new() } else { format!("the journals are in {}\n", dir.display()) };
    Ok(Answer { failed: !passes, report: left, ..answer })
}

/// A new temporary folder of this process.
fn temporary() -> PathBuf {
    let name = |number: u32| std::env::temp_dir().join(format!("upm-crash-{}-{number}", std::process::id()));
    (0..u32::MAX).map(name).find(|folder| !folder.exists()).unwrap_or_else(|| name(u32::MAX))
}

/// Refuses a folder with files: they would be mistaken for files of the killed processes.
fn empty(folder: &Path) -> Result<(), Failure> {
    let found = match std::fs::read_dir(folder).map(|mut entries| entries.next()) {
        Ok(None) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Ok(_) => "found files in it, expected an empty folder or none".to_owned(),
        Err(error) => format!("{error}, expected an empty folder or none"),
    };
    Err(Failure::wrong(format_args!("--dir {}", folder.display()), found))
}

fn survived(report: &CrashReport) -> String {
    let verdict = if report.passes() { toned(Tone::Green, "passed") } else { toned(Tone::Red, "failed") };
    let text = format!("{report}, {} records · {verdict}\n", exact(report.records));
    text + &report.problem.as_ref().map_or_else(String::new, |problem| paragraph("  problem", 10, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<CrashReport>("crash", testdata::schema::Side::Written);
    }
}
