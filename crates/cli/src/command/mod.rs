//! The commands: one file each, arguments as data and a function from them to an [`Answer`].

mod margin;

mod compare;
mod plan;
mod stress;
mod what_if;

#[cfg(feature = "venue")]
mod explain;
#[cfg(feature = "venue")]
mod journal;
#[cfg(feature = "venue")]
mod run;

mod demo;
mod import;
mod methods;
mod params;
mod schema;

mod completions;
mod man;

use std::path::Path;

use clap::Subcommand;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::printer::Answer;

/// What can be asked.
#[derive(Subcommand)]
pub enum Command {
    Margin(margin::Args),
    Compare(compare::Args),
    WhatIf(what_if::Args),
    Stress(stress::Args),
    Plan(plan::Args),
    #[cfg(feature = "venue")]
    Journal(journal::Args),
    #[cfg(feature = "venue")]
    Explain(explain::Args),
    #[cfg(feature = "venue")]
    Run(run::Args),
    Import(import::Args),
    Methods(methods::Args),
    Params(params::Args),
    Schema(schema::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// The files that pictures are drawn into besides the answer.
    pub fn pictures(&self) -> Vec<&Path> {
        match self {
            Self::Stress(args) => args.pictures().collect(),
            _ => Vec::new(),
        }
    }

    /// The whole answer for that destination, or the reason why there is none.
    pub fn run(&self, to: &Destination) -> Result<Answer, Failure> {
        match self {
            Self::Margin(args) => margin::run(args, to),
            Self::Compare(args) => compare::run(args, to),
            Self::WhatIf(args) => what_if::run(args),
            Self::Stress(args) => stress::run(args, to),
            Self::Plan(args) => plan::run(args),
            #[cfg(feature = "venue")]
            Self::Journal(args) => journal::run(args, to),
            #[cfg(feature = "venue")]
            Self::Explain(args) => explain::run(args),
            #[cfg(feature = "venue")]
            Self::Run(args) => run::run(args, to),
            Self::Import(args) => import::run(args),
            Self::Methods(args) => methods::run(args),
            Self::Params(args) => params::run(args),
            Self::Schema(args) => Ok(schema::run(args)),
            Self::Demo(args) => demo::run(args, to),
            Self::Completions(args) => Ok(completions::run(args)),
            Self::Man(args) => man::run(args),
        }
    }
}
