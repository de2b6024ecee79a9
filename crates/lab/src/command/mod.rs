//! The experiments, one file each: arguments as data, and a function from them to an [`Answer`].

mod canaries;
mod crash;
mod run;

mod cascade;
mod picture;

mod attack;
mod coverage;
mod moves;

mod incident;

mod completions;
mod man;

use std::path::Path;

use clap::Subcommand;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::printer::Answer;

/// The commands of the laboratory.
#[derive(Subcommand)]
pub enum Command {
    Run(run::Args),
    Canaries(canaries::Args),
    Crash(crash::Args),
    Cascade(cascade::Args),
    Coverage(coverage::Args),
    Moves(moves::Args),
    Attack(attack::Args),
    Incident(incident::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// The files that pictures are drawn into besides the answer.
    pub fn pictures(&self) -> Vec<&Path> {
        match self {
            Self::Cascade(args) => args.picture().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The whole answer for that destination, or the reason for which there is none.
    pub fn run(&self, to: &Destination) -> Result<Answer, Failure> {
        match self {
            Self::Run(args) => run::run(args, to),
            Self::Canaries(args) => Ok(canaries::run(args)),
            Self::Crash(args) => crash::run(args),
            Self::Cascade(args) => cascade::run(args, to),
            Self::Coverage(args) => coverage::run(args),
            Self::Moves(args) => moves::run(args),
            Self::Attack(args) => attack::run(args),
            Self::Incident(args) => incident::run(args),
            Self::Completions(args) => Ok(completions::run(args)),
            Self::Man(args) => man::run(args),
        }
    }
}
