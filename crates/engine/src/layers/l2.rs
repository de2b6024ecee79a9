//! Layer 2, before the trade: the account would hold initial margin, with all its open orders, on both sides of the desk;
//! or the trade leaves it better off than it is.

use margin::Refusal;
use units::{Money, Ratio, Round, Timestamp};

use crate::desk::Spent;
use crate::layers::sight::Sight;
use crate::state::{AccountState, State};
use crate::{AccountId, Desk, Judged, Reject, Status};

/// What would become of an account.
pub struct Outcome<'a> {
    /// The time of the command.
    pub now: Timestamp,
    /// The account's number.
    pub id: AccountId,
    /// The account before the command.
    pub before: &'a AccountState,
    /// The account as it would be after the command.
    pub after: &'a AccountState,
    /// Profit of the trade against the mark, in USD: not counted, so that the worse of mark and trade price decides.
    pub flattered: Money,
    /// Whether positions only shrink.
    pub shrinks: bool,
    /// What new risk must hold, as a multiple of initial margin.
    pub surcharge: Ratio,
}

/// Whether one side of a trade is accepted by what the account has in reserve, without adding it up.
pub fn spends(state: &State, desk: &Desk, now: Timestamp, id: AccountId, spent: &Spent, flattered: Money) -> bool {
    desk.trusts(state, now, id, Some(spent.position.instrument)) && desk.spends(state, id, spent, flattered)
}

/// Accepts what leaves initial margin held at the mark and at the slow average (I-18, I-23). An account that does not hold
/// it, or whose prices cannot be trusted, may still do what shrinks its positions and lowers neither excess (I-25, I-32).
pub fn holds(state: &State, desk: &Desk, outcome: &Outcome<'_>) -> Result<(), Reject> {
    // What it owns and has no price counts for nothing here, and what it risks must have one.
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

/// Whether the account would stand worse than it does: a higher requirement, or less above it.
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
