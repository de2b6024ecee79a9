//! `upm`, the command line of the universal portfolio margin engine.
//!
//! ```text
//! arguments ──▶ command/* ──▶ Answer ──▶ printer ──▶ standard output, standard error
//!                  └──▶ Failure ──────────────────▶ standard error, exit status 1 or 2
//! ```
//!
//! A command computes its whole answer before anything is printed, so that a failure leaves nothing partial behind. Only what
//! may be larger than memory is printed as it comes: an export, and the answers to many [`accounts`].
//! Arguments are data, one file a command; only [`input`] and [`accounts`] read files, only [`printer`] and [`sink`] write.

mod accounts;
mod amount;
mod beside;
mod canvas;
mod case;
mod command;
mod document;
mod failure;
mod heatmap;
mod history;
mod holdings;
mod input;
mod matrix;
mod naming;
mod parallel;
mod printer;
mod progress;
mod record;
mod sheet;
mod sink;
mod table;
mod trade;

use std::process::ExitCode;

use clap::Parser;
use command::Command;

/// Margin portfolios of crypto derivatives, by our own method and by those of the venues.
#[derive(Parser)]
#[command(name = "upm", version, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => printer::finish(arguments.command.run()),
        Err(error) => printer::usage(&error),
    }
}
