//! `upm-lab`, the laboratory: the engine under simulation, with rules broken on purpose, killed processes, crashing markets
//! and incidents of the past.
//!
//! It is a program of its own, so that none of it is in `upm`, the program that people use on their books. The crate
//! [`shell`] holds the code of both for reading, printing, writing files and failing.

mod command;
mod recorded;
mod seeds;

use std::process::ExitCode;

use clap::Parser;
use command::Command;
use shell::draft::Destination;
use shell::program::Program;

/// Try the margin engine in simulation: faults, broken rules, killed processes, crashing markets, incidents of the past.
#[derive(Parser)]
#[command(
    name = "upm-lab",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Example:
  upm-lab run --seeds 1..4 --ticks 20
  upm-lab incident all
  upm-lab run --help"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    to: Destination,
}

/// The program, under the name with which users start it.
const LAB: Program = Program::named("upm-lab");

/// The allocator: runs allocate many small texts and lists, on many threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(Arguments { command, to }) => {
            let answer = to.check(&command.pictures()).and_then(|()| command.run(&to));
            LAB.finish(answer, &to)
        }
        Err(error) => LAB.usage(&error),
    }
}
