//! The answer for one account without its explanation: a row in a list of many accounts.

use model::Account;
use serde::Serialize;
use units::{Money, Overflow, Ratio, Round};

use crate::assess::out_of_range;
use crate::assessment::status;
use crate::{Judge, Refusal, RequirementState, Standing, valuation};

/// What a method requires of an account, in USD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Whether the method knows the requirement.
    pub state: RequirementState,
    /// The initial margin; when the requirement is only partly known, the known part.
    pub initial: Money,
    /// The maintenance margin; when the requirement is only partly known, the known part.
    pub maintenance: Money,
}

/// Equity, margins and status of one account. Every field has the value of the same field of an
/// [`Assessment`](crate::Assessment).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// The account's name.
    pub account: String,
    /// Whether the method knows the requirement.
    pub requirement: RequirementState,
    /// Equity of the account at current index and mark, in USD (VAL-1).
    pub equity: Money,
    /// `equity` less the value that the method does not accept.
    pub counted_equity: Money,
    /// Required to take new risk, in USD. When the requirement is only partly known, the known part.
    pub initial_margin: Money,
    /// Required to keep the positions, in USD. When the requirement is only partly known, the known part.
    pub maintenance_margin: Money,
    /// `counted_equity − maintenance_margin`; none when the requirement is not known.
    pub excess: Option<Money>,
    /// `counted_equity / maintenance_margin`; none when nothing is required or the requirement is not known (REQ-5).
    pub health: Option<Ratio>,
    /// The first band of REQ-5 that holds for the counted equity.
    pub status: Standing,
}

/// Equity, margins and status of `account`. It costs a fraction of [`assess`](crate::assess()): no holding is
/// valued alone and nothing is explained.
pub fn summarise(account: &Account, judge: &(impl Judge + ?Sized)) -> Result<Summary, Refusal> {
    let requirement = judge.requirement(account)?;
    Summary::of(account, judge, requirement).map_err(|overflow| out_of_range(account, overflow))
}

impl Summary {
    /// The summary of an account of which `requirement` is required.
    pub(crate) fn of(
        account: &Account,
        judge: &(impl Judge + ?Sized),
        requirement: Requirement,
    ) -> Result<Self, Overflow> {
        let Requirement { state, initial, maintenance } = requirement;
        let equity = valuation::equity(account, judge.market())?;
        let counted = equity.minus(state.value_not_accepted()?)?;
        let known = state.is_known();
        let (excess, standing) = if known {
            let status = status(counted, initial, maintenance, judge.warn())?;
            (Some(counted.minus(maintenance)?), Standing::Known(status))
        } else {
            (None, Standing::Unknown)
        };
        Ok(Self {
            account: account.name.clone(),
            requirement: state,
            equity,
            counted_equity: counted,
            initial_margin: initial,
            maintenance_margin: maintenance,
            excess,
            health: counted.per(maintenance, Round::Down).filter(|_| known && maintenance > Money::ZERO),
            status: standing,
        })
    }
}
