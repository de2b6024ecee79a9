//! The equity and margins of an account, by any margin method.

use std::rc::Rc;

use margin::{Holdings, Judge, Refusal, valuation};
use model::Account;

/// Gives the equity and margins of an account in one market. The engine's desk and prepared margin methods implement it.
pub trait Gauge {
    /// Equity and margins of `account`; a refusal when the method cannot judge it.
    fn stands(&self, account: &Account) -> Result<Standing, Refusal>;

    /// The gauge around one account, which has no orders and its positions in the order of instruments. None where the
    /// gauge knows no faster way than to judge every account anew.
    fn near<'a>(&'a self, _account: &'a Account) -> Option<Rc<dyn Near + 'a>> {
        None
    }
}

/// Judges what an account holds after trades that change few of its positions.
pub trait Near {
    /// How the account stands with these holdings: the same as [`Gauge::stands`] but for the last bits, up to a part in
    /// 10⁹ of the gross value of the account. None where only [`Gauge::stands`] can tell.
    fn stands(&self, held: &Holdings) -> Option<Standing>;
}

/// A margin method in one market as a gauge: the equity that the method accepts and the margins it requires. Where the
/// method cannot know a requirement, the gauge refuses with the reason.
pub struct ByMethod<'a> {
    /// The method in one market.
    pub judge: &'a dyn Judge,
    /// The name of the request, such as "plan": a refusal begins with it.
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

/// An account's equity and margins, in USD. These are risk numbers: they choose and size steps and move no money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Equity, in USD.
    pub equity: f64,
    /// Initial margin, in USD: the equity that the account needs to take on risk.
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
