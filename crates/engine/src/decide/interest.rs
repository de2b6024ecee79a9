//! Interest on negative balances.

use units::{Ratio, Round, Timestamp};

use crate::state::{Holder, Pot, State};
use crate::{AccountId, Cause, Event, Reject};

/// The year of 365 days, in microseconds.
const YEAR: i128 = 31_536_000_000_000;

/// Charges every negative balance for the time since the last charge, at most the longest accrual (I-55), in the asset
/// that is owed, rounded up, into the shared fund. The rate is the one in force now (I-57).
pub fn charge(state: &State, now: Timestamp) -> Result<Vec<Event>, Reject> {
    let elapsed = now.micros().saturating_sub(state.accrued.micros()).clamp(0, state.policy.longest_accrual.max(0));
    let share = state.policy.interest.scaled(year(elapsed), Round::Up)?;
    let mut events = Vec::new();
    for (place, account) in state.accounts.iter().enumerate() {
        let id = AccountId(u32::try_from(place).expect("ids are u32"));
        for balance in account.balances.iter().filter(|balance| balance.amount.is_negative()) {
            let amount = balance.amount.negated()?.scaled(share, Round::Up)?;
            let (from, to) = (Holder::Account(id, balance.location), Holder::Pot(Pot::SharedFund));
            super::postings::moved(&mut events, from, to, balance.asset, amount, Cause::Interest)?;
        }
    }
    events.push(Event::Accrued);
    Ok(events)
}

/// This many microseconds as a share of a year, rounded up.
fn year(micros: i64) -> Ratio {
    Ratio::from_raw((i128::from(micros) * Ratio::ONE.raw() + YEAR - 1) / YEAR)
}
