//! How an account stands, by whatever method.

use margin::{Judge, Refusal, valuation};
use model::Account;

/// Says how an account stands in one market: implemented by the engine's desk and by a prepared method.
pub trait Gauge {
    /// How `account` stands.
    fn stands(&self, account: &Account) -> Result<Standing, Refusal>;
}

/// A method in one market as a gauge: equity that the method accepts, and the margins it asks for. Where it does not know
/// what it asks for, it refuses with the reason.
pub struct ByMethod<'a> {
    /// The method in one market.
    pub judge: &'a dyn Judge,
    /// What is asked for, such as "plan": a refusal begins with it.
    pub asked: &'static str,
}

impl Gauge for ByMethod<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        let out_of_range = |overflow| Refusal::OutOfRange { account: account.name.clone(), overflow };
        let workings = self.judge.workings(account)?;
        if let [reason, ..] = workings.state.reasons() {
            return Err(Refusal::NotSupported { method: self.asked, why: reason.clone() });
        }
        let (_, _, initial, maintenance) = workings.requirement().map_err(out_of_range)?;
        let equity = valuation::equity(account, self.judge.market()).map_err(out_of_range)?;
        let not_accepted = workings.state.value_not_accepted().map_err(out_of_range)?;
        let equity = equity.minus(not_accepted).map_err(out_of_range)?;
        Ok(Standing { equity: equity.to_f64(), initial: initial.to_f64(), maintenance: maintenance.to_f64() })
    }
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
