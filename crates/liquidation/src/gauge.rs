//! How an account stands, by whatever method.

use margin::Refusal;
use model::Account;

/// Whoever can say how an account stands in one market: an engine's desk, a prepared method.
pub trait Gauge {
    /// How `account` stands.
    fn stands(&self, account: &Account) -> Result<Standing, Refusal>;
}

/// What an account is worth and what it must hold, in USD. Risk numbers: they choose and size steps and move no money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Equity, in USD.
    pub equity: f64,
    /// What it must hold to take risk.
    pub initial: f64,
    /// Maintenance margin, in USD.
    pub maintenance: f64,
}

impl Standing {
    /// Equity less `beta` times the maintenance margin.
    pub fn excess(&self, beta: f64) -> f64 {
        self.equity - beta * self.maintenance
    }
}
