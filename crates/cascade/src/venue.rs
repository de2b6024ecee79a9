//! An engine: a rule for the accounts of a world, applied once a step.

use serde::Serialize;

use crate::books::World;
use crate::isolated::Isolated;
use crate::naive::Naive;
use crate::ours::Ours;
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
    /// One requirement for the portfolio, the least reduction, at the pace of the market, and an order in which losses
    /// are paid.
    Ours,
    /// The engine itself instead of a stand-in, with rates as low as the venue's, for the same traders.
    #[serde(rename = "engine")]
    Itself,
    /// The engine itself with the universal method as published, for traders who bring the margin that it requires.
    #[serde(rename = "engine-published")]
    Published,
}

impl Engine {
    /// The engines that every comparison runs, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Naive, Self::Isolated, Self::Ours];

    /// These engines and the engine itself, which is ten to a hundred times slower.
    pub const EVERY: [Self; 5] = [Self::Naive, Self::Isolated, Self::Ours, Self::Itself, Self::Published];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Isolated => "isolated",
            Self::Ours => "ours",
            Self::Itself => "engine",
            Self::Published => "published",
        }
    }

    /// Creates its rule, for a number of traders.
    pub fn venue(self, traders: usize) -> Box<dyn Venue> {
        match self {
            Self::Naive => Box::new(Naive),
            Self::Isolated => Box::new(Isolated),
            Self::Ours => Box::new(Ours::new(traders)),
            Self::Itself => Box::new(Upm::new(Rates::Venue)),
            Self::Published => Box::new(Upm::new(Rates::Published)),
        }
    }
}
