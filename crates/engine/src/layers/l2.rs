//! Layer 2, before the trade: the account would hold initial margin, with all its open orders, on both sides of the
//! desk; or the trade shrinks its positions and leaves it no worse off.

use margin::Refusal;
use units::{Money, Ratio, Round, Timestamp};

use crate::desk::Spent;
use crate::layers::sight::Sight;
use crate::state::{AccountState, State};
use crate::{AccountId, Desk, Judged, Reject, Status};

/// An account before and after a command.
pub struct Outcome<'a> {
    /// The time of the command.
    pub now: Timestamp,
    /// The account's number.
    pub id: AccountId,
    /// The account before the command.
    pub before: &'a AccountState,
    /// The account as it would be after the command.
    pub after: &'a AccountState,
    /// Gain of the trade against the mark, in USD. It is not counted, so that the worse of mark and trade price decides.
    pub flattered: Money,
    /// Whether the command only shrinks positions.
    pub shrinks: bool,
    /// The multiple of initial margin that new risk must hold.
    pub surcharge: Ratio,
}

/// Whether the account's reserve bears one side of a trade; the account is not added up for this.
pub fn spends(state: &State, desk: &Desk, now: Timestamp, id: AccountId, spent: &Spent, flattered: Money) -> bool {
    desk.trusts(state, now, id, Some(spent.position.instrument)) && desk.spends(state, id, spent, flattered)
}

/// Accepts a command after which the account holds initial margin at the mark and at the slow average (I-18, I-23). An
/// account that does not hold it, or whose prices are not valid, may still shrink its positions when that lowers
/// neither excess (I-25, I-32).
pub fn holds(state: &State, desk: &Desk, outcome: &Outcome<'_>) -> Result<(), Reject> {
    // Assets without a valid price count for nothing here; positions, debts and orders must have a valid price.
    let sight = Sight::of(state, desk, outcome.now, outcome.after);
    let unheld = match sight.risk() {
        Ok(()) => match held(state, desk, outcome, &sight.firm(outcome.after)) {
            Ok(()) => return Ok(()),
            Err(reject) => reject,
        },
        Err(reject) => reject,
    };
    if outcome.shrinks && !worse(state, desk, outcome)? {
        return Ok(());
    }
    if outcome.before.status < Status::Healthy && matches!(unheld, Reject::InitialMargin { .. }) {
        return Err(Reject::Restricted { account: outcome.id, status: outcome.before.status });
    }
    Err(unheld)
}

fn held(state: &State, desk: &Desk, outcome: &Outcome<'_>, after: &AccountState) -> Result<(), Reject> {
    let refused = |refusal: Refusal| Reject::NotAssessable { account: outcome.id, why: refusal.to_string() };
    if outcome.surcharge == Ratio::ONE && desk.certifies(state, outcome.id, after, outcome.flattered) {
        return Ok(());
    }
    let sides = [Desk::judge, Desk::judge_slow];
    for side in sides {
        let judged: Judged = side(desk, state, after).map_err(refused)?;
        let equity = judged.equity.minus(outcome.flattered)?;
        let initial_margin = judged.initial_margin.scaled(outcome.surcharge, Round::Up)?;
        if equity < initial_margin {
            return Err(Reject::InitialMargin { account: outcome.id, equity, initial_margin });
        }
    }
    Ok(())
}

/// Whether the account would be worse off: a higher requirement, or less equity above it.
fn worse(state: &State, desk: &Desk, outcome: &Outcome<'_>) -> Result<bool, Reject> {
    let refused = |refusal: Refusal| Reject::NotAssessable { account: outcome.id, why: refusal.to_string() };
    let before = desk.judge(state, outcome.before).map_err(refused)?;
    let after = desk.judge(state, outcome.after).map_err(refused)?;
    let equity = after.equity.minus(outcome.flattered)?;
    let excess = |equity: Money, margin: Money| equity.minus(margin);
    Ok(after.maintenance_margin > before.maintenance_margin
        || after.initial_margin > before.initial_margin
        || excess(equity, after.maintenance_margin)? < excess(before.equity, before.maintenance_margin)?
        || excess(equity, after.initial_margin)? < excess(before.equity, before.initial_margin)?)
}
