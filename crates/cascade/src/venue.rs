//! An engine: a rule for the accounts of a world, applied once a step.

use serde::Serialize;

use crate::books::World;
use crate::isolated::Isolated;
use crate::naive::Naive;
use crate::upm::{Rates, Upm};

/// The rule by which an engine closes positions by force.
pub trait Venue {
    /// Called before anything has happened: divides the support and sets up everything the engine needs.
    fn begin(&mut self, _world: &mut World) {}

    /// Applies one step, at the prices of the market.
    fn step(&mut self, world: &mut World);
}

/// The engines that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Below maintenance the whole account is sold on the market at once.
    Naive,
    /// Each position has its own margin and is closed alone, at no worse than its bankruptcy price.
    Isolated,
    /// The engine of this project, with rates as low as the venue's, for the same traders.
    Upm,
    /// The engine of this project with the universal method as published, for traders who bring the margin that it
    /// requires.
    #[serde(rename = "upm-published")]
    Published,
}

impl Engine {
    /// The engines that every comparison runs, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Naive, Self::Isolated, Self::Upm];

    /// These engines, and upm as published.
    pub const EVERY: [Self; 4] = [Self::Naive, Self::Isolated, Self::Upm, Self::Published];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Isolated => "isolated",
            Self::Upm => "upm",
            Self::Published => "published",
        }
    }

    /// Creates its rule.
    pub fn venue(self) -> Box<dyn Venue> {
        match self {
            Self::Naive => Box::new(Naive),
            Self::Isolated => Box::new(Isolated),
            Self::Upm => Box::new(Upm::new(Rates::Venue)),
            Self::Published => Box::new(Upm::new(Rates::Published)),
        }
    }
}
