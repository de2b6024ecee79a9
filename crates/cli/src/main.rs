//! `upm`, the command line of the universal portfolio margin engine.
//!
//! ```text
//! arguments ──▶ command/* ──▶ Answer ──▶ Program ──▶ standard output, standard error
//!                  └──▶ Failure ──────────────────▶ standard error, exit status 1 or 2
//! ```
//!
//! A command computes its whole answer before anything is printed, so that a failure leaves no partial output. Only
//! output that may be larger than memory is printed as it comes: an export, and the answers to many [`accounts`].
//! Arguments are data, with one file per command; documents are read by [`input`] and [`accounts`]. The crate [`shell`]
//! reads texts, prints them and writes them into files.

mod accounts;
mod amount;
mod beside;
#[cfg(feature = "venue")]
mod case;
mod command;
mod document;
mod heatmap;
#[cfg(feature = "venue")]
mod history;
mod holdings;
mod input;
mod known;
#[cfg(feature = "venue")]
mod naming;
#[cfg(feature = "venue")]
mod record;
mod rows;
mod scale;
mod sheet;
mod verdict;

use std::process::ExitCode;

use clap::Parser;
use command::Command;
use shell::draft::Destination;
use shell::program::Program;

/// Margin portfolios of crypto derivatives, by our own method and by those of the venues.
#[derive(Parser)]
#[command(
    name = "upm",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Example:
  upm demo
  upm margin --market samples/market.json --portfolio samples/portfolio.json
  upm margin --help"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    to: Destination,
}

/// The program, with the name by which users start it.
const UPM: Program = Program::named("upm");

/// Answers consist mostly of many short texts, which threads allocate and free at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(Arguments { command, to }) => {
            let answer = to.check(&command.pictures()).and_then(|()| command.run(&to));
            UPM.finish(answer, &to)
        }
        Err(error) => UPM.usage(&error),
    }
}
