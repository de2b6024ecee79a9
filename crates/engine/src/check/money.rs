//! Checks amounts that move: their holders exist, and the sums stay in range.

use model::AssetId;
use units::{Money, Quantity};

use super::{Checked, expect, names, numbers};
use crate::AccountId;
use crate::state::{Holder, State};

/// Checks a movement of an amount of an asset from one holder to another.
pub fn moved(state: &State, [from, to]: [&Holder; 2], asset: AssetId, amount: Quantity) -> Checked {
    names::asset(state, asset)?;
    expect(amount > Quantity::ZERO, "amount", amount, "above 0")?;
    numbers::quantity("amount", amount)?;
    // Each of these sums changes by the amount at most, once for either end.
    let collateral = &state.collateral[asset.0];
    numbers::quantity("held", collateral.held)?;
    numbers::quantity("settled", collateral.settled)?;
    for (path, holder) in [("from", from), ("to", to)] {
        names::holder(state, path, holder)?;
        let held = match holder {
            Holder::Account(id, location) => state.accounts[id.place()].balance(asset, *location).amount,
            Holder::Pot(pot) => state.pot(*pot, asset),
        };
        numbers::quantity(path, held)?;
    }
    Ok(())
}

/// Checks the amount that the shared fund has paid for an account in liquidation, in USD.
pub fn shared(state: &State, account: AccountId, usd: Money) -> Checked {
    names::case(state, account)?;
    numbers::money("usd", usd)?;
    numbers::money("shared", state.liquidations.cases.get(&account).map_or(Money::ZERO, |case| case.shared))
}
