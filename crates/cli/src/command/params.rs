//! `upm params`: the numbers behind a method, each with its reason.

use std::path::PathBuf;

use margin::method::{Method, Rulebook};
use margin::params::Evidence;
use shell::failure::Failure;
use shell::input::Reader;
use shell::printer::{Answer, Tone, toned};
use shell::table::paragraph;

use crate::input::{method_named, rulebook};

/// Show the parameters of a method with their reasons, or check a parameter file
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm params show deribit
  upm params check universal crates/margin/params/universal/2026-11-30.toml")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Show(ShowArgs),
    Check(CheckArgs),
}

/// Print every value with its reason, its date and its source
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm params show universal")]
struct ShowArgs {
    /// Method; `upm methods` lists them
    #[arg(value_name = "METHOD", value_parser = method_named)]
    method: &'static Method,
    /// Parameter file, TOML or JSON, in place of the built-in one
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
}

/// Check a parameter file, and print its differences from the built-in one
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm params check universal crates/margin/params/universal/2026-11-30.toml")]
struct CheckArgs {
    /// Method; `upm methods` lists them
    #[arg(value_name = "METHOD", value_parser = method_named)]
    method: &'static Method,
    /// Parameter file, TOML or JSON; - reads standard input
    file: PathBuf,
}

/// Shows the parameters, or checks a file.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    match &args.command {
        Command::Show(args) => show(args),
        Command::Check(args) => check(args),
    }
}

fn show(args: &ShowArgs) -> Result<Answer, Failure> {
    let rulebook = rulebook(args.method, args.params.as_deref(), &mut Reader::default())?;
    let mut text = heading(&*rulebook);
    for Evidence { path, value, reason, as_of, source } in rulebook.evidence() {
        text.push('\n');
        text += &paragraph(&format!("  {} ", toned(Tone::Bold, path)), 5, &format!("= {value}"));
        if !reason.is_empty() {
            text += &paragraph("     ", 5, reason);
        }
        text += &paragraph("     ", 5, &format!("{as_of}, {source}"));
    }
    Ok(Answer::out(text))
}

fn check(args: &CheckArgs) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let built_in = rulebook(args.method, None, &mut reader)?;
    let given = rulebook(args.method, Some(&args.file), &mut reader)?;
    if given.evidence().is_empty() {
        let problem = "found no value, so nothing was checked, expected the parameters of the method";
        return Err(Failure::wrong(args.file.display(), problem));
    }
    let mut text = heading(&*given);
    let value_in = |rulebook: &dyn Rulebook, path: &str| {
        rulebook.evidence().iter().find(|one| one.path == path).map(|one| one.value.clone())
    };
    for one in given.evidence() {
        match value_in(&*built_in, &one.path) {
            None => text += &paragraph("  added", 11, &format!("{} = {}", one.path, one.value)),
            Some(was) if was != one.value => {
                text += &paragraph("  changed", 11, &format!("{} = {}, was {was}", one.path, one.value));
            }
            Some(_) => {}
        }
    }
    for one in built_in.evidence() {
        if value_in(&*given, &one.path).is_none() {
            text += &paragraph("  gone", 11, &format!("{} = {}", one.path, one.value));
        }
    }
    Ok(Answer::out(text))
}

fn heading(rulebook: &dyn Rulebook) -> String {
    let count = rulebook.evidence().len();
    let reasoned = rulebook.evidence().iter().filter(|one| !one.reason.is_empty()).count();
    let title = toned(Tone::Bold, &rulebook.name());
    format!("{title} · {count} values, {reasoned} with a reason of their own\n  BLAKE3 {}\n", rulebook.hash())
}
