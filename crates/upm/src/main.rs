//! `upm`, the command line of the universal portfolio margin engine.
//!
//! ```text
//! arguments ──▶ command/* ──▶ Answer ──▶ printer ──▶ standard output, standard error
//!                  └──▶ Failure ──────────────────▶ standard error, exit status 1 or 2
//! ```
//!
//! A command computes its whole answer before anything is printed, so that a failure leaves nothing partial behind.
//! Only an export, which may be larger than memory, is printed as it comes.
//! Arguments are data, one file a command; only [`input`] reads files, only [`draft`] writes them, and only [`printer`]
//! prints.

mod amount;
mod beside;
mod canvas;
mod command;
mod document;
mod draft;
mod failure;
mod frontier;
mod heatmap;
mod history;
mod input;
mod kind;
mod matrix;
mod moved;
mod naming;
mod printer;
mod progress;
mod record;
mod sheet;
mod table;
mod trade;
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

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(Arguments { command, to }) => {
            let answer = to.check(&command.pictures()).and_then(|()| command.run(&to));
            printer::finish(answer, &to)
        }
        Err(error) => printer::usage(&error),
    }
}
