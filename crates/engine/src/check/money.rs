//! Amounts that move: who has them, and whether the sums stay in range.

use units::{Money, Quantity};

use super::{Checked, expect, names, numbers};
use crate::Event;
use crate::state::{Holder, State};

/// Checks an event that moves an amount of an asset, or adds to what the shared fund has paid.
pub fn check(state: &State, event: &Event) -> Checked {
    match event {
        Event::Moved { from, to, asset, amount, .. } => {
            names::asset(state, *asset)?;
            expect(*amount > Quantity::ZERO, "amount", amount, "above 0")?;
            numbers::quantity("amount", *amount)?;
            // Each of these moves by the amount at most, once for either end.
            let collateral = &state.collateral[asset.0];
            numbers::quantity("held", collateral.held)?;
            numbers::quantity("settled", collateral.settled)?;
            for (path, holder) in [("from", from), ("to", to)] {
                names::holder(state, path, holder)?;
                let held = match holder {
                    Holder::Account(id, location) => state.accounts[id.place()].balance(*asset, *location).amount,
                    Holder::Pot(pot) => state.pot(*pot, *asset),
                };
                numbers::quantity(path, held)?;
            }
            Ok(())
        }
        Event::Shared { account, usd } => {
            names::case(state, *account)?;
            numbers::money("usd", *usd)?;
            numbers::money("shared", state.liquidations.cases.get(account).map_or(Money::ZERO, |case| case.shared))
        }
        Event::Referenced { asset, .. } => names::asset(state, *asset),
        Event::Flowed { spent } => numbers::money("spent", *spent),
        _ => Ok(()),
    }
}
