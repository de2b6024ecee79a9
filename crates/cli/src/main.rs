//! `upm`, the command line of the universal portfolio margin engine.
//!
//! ```text
//! arguments ──▶ command/* ──▶ Answer ──▶ printer ──▶ standard output, standard error
//!                  └──▶ Failure ──────────────────▶ standard error, exit status 1 or 2
//! ```
//!
//! A command computes its whole answer before anything is printed, so that a failure leaves nothing partial behind. Only what
//! may be larger than memory goes out as it comes: an export, and the answers to many [`accounts`] through a [`sink`].
//! Arguments are data, one file a command; only [`input`] and [`accounts`] read files, only [`draft`] writes them, and only
//! [`printer`] and [`sink`] print.

mod accounts;
mod ahead;
mod amount;
mod beside;
mod canvas;
mod case;
mod command;
mod document;
mod draft;
mod failure;
mod heatmap;
mod history;
mod holdings;
mod input;
mod json;
mod kind;
mod known;
mod naming;
mod parallel;
mod printer;
mod progress;
mod record;
mod scale;
mod sheet;
mod sink;
mod table;
mod verdict;

use std::process::ExitCode;

use clap::Parser;
use command::Command;
use draft::Destination;

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

/// Answers are mostly many short texts, which threads allocate and free at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(Arguments { command, to }) => {
            let answer = to.check(&command.pictures()).and_then(|()| command.run(&to));
            printer::finish(answer, &to)
        }
        Err(error) => printer::usage(&error),
    }
}
