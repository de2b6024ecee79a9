//! Payments into the funds that stand behind losses. A payment out of one is a proposal: `governance.rs`.

use model::AssetId;
use units::Quantity;

use crate::layers::l0;
use crate::state::{Holder, Pot};
use crate::{Cause, Event, Noun, Reject, State};

/// Credits a fund with an amount that arrived in custody, once (I-09). The published size of a fund is that in the
/// ledger (S-38).
pub fn deposit(
    state: &State,
    fund: Pot,
    asset: AssetId,
    amount: Quantity,
    reference: u64,
) -> Result<Vec<Event>, Reject> {
    is_fund(state, fund)?;
    l0::asset(state, asset)?;
    l0::rising(Noun::Reference, reference, state.fund_reference)?;
    l0::amount("amount", amount)?;
    // The amount in the fund and this one together stay small enough that sums cannot overflow.
    l0::amount("amount", state.pot(fund, asset).max(Quantity::ZERO).plus(amount)?)?;
    let (from, to) = (Holder::Pot(Pot::Custody(None)), Holder::Pot(fund));
    Ok(vec![Event::Moved { from, to, asset, amount, cause: Cause::Fund }, Event::FundReferenced { reference }])
}

/// Checks that a pot is a fund.
pub fn is_fund(state: &State, pot: Pot) -> Result<(), Reject> {
    match pot {
        Pot::SharedFund => Ok(()),
        Pot::MarketFund(underlying) if underlying.0 < state.market.underlyings.len() => Ok(()),
        Pot::MarketFund(underlying) => Err(l0::unknown(Noun::Underlying, underlying.0)),
        Pot::Custody(_) | Pot::Clearing(_) | Pot::Fees | Pot::Rounding => {
            Err(Reject::malformed("fund", format!("{pot:?}"), "the fund of a market or the shared fund"))
        }
    }
}
