//! What an engine is: a rule for what happens to accounts in one step of one world.

use serde::Serialize;

use crate::books::World;
use crate::isolated::Isolated;
use crate::naive::Naive;
use crate::ours::Ours;

/// A rule for what is done by force.
pub trait Venue {
    /// Before anything has happened: how the support is divided.
    fn begin(&mut self, _world: &mut World) {}

    /// One step, at the prices of the market.
    fn step(&mut self, world: &mut World);
}

/// The engines that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Below maintenance the whole account is sold on the market at once.
    Naive,
    /// Each position has its own margin and is closed alone, at no worse than its bankruptcy price.
    Isolated,
    /// One requirement for the portfolio, the least reduction, at the pace of the market, and an order of who pays.
    Ours,
}

impl Engine {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Naive, Self::Isolated, Self::Ours];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Isolated => "isolated",
            Self::Ours => "ours",
        }
    }

    /// Its rule, for a number of traders.
    pub fn venue(self, traders: usize) -> Box<dyn Venue> {
        match self {
            Self::Naive => Box::new(Naive),
            Self::Isolated => Box::new(Isolated),
            Self::Ours => Box::new(Ours::new(traders)),
        }
    }
}
