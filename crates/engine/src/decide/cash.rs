//! Deposits, withdrawals, and transfers between accounts.

use model::AssetId;
use units::Quantity;

use super::liquidation::outdated;
use crate::layers::{l0, l5, l6};
use crate::state::{Holder, Pot};
use crate::{AccountId, Cause, Context, Event, LocationId, Noun, Reject};

/// Credits an amount that arrived in custody: once (I-09), and within the present cap on collateral (I-30, I-67). It
/// needs no price, so nothing keeps an account from being cured (I-32, I-44).
pub fn deposit(
    context: Context<'_>,
    id: AccountId,
    location: Option<LocationId>,
    asset: AssetId,
    amount: Quantity,
    reference: u64,
) -> Result<Vec<Event>, Reject> {
    let Context { state, now, .. } = context;
    let account = l0::account(state, id)?;
    l0::asset(state, asset)?;
    l0::location(state, location)?;
    l0::rising(Noun::Reference, reference, state.collateral[asset.0].reference)?;
    l0::amount("amount", amount)?;
    let before = account.balance(asset, location).amount;
    let after = before.plus(amount)?;
    // An amount that pays a debt is no collateral.
    let more = after.max(Quantity::ZERO).minus(before.max(Quantity::ZERO))?;
    l5::collateral_cap(state, asset, more, now)?;
    let (from, to) = (Holder::Pot(Pot::Custody(location)), Holder::Account(id, location));
    let mut events = vec![Event::Moved { from, to, asset, amount, cause: Cause::Deposit }];
    events.push(Event::Referenced { asset, reference });
    events.extend(outdated(context, id, &events)?);
    Ok(events)
}

/// Lets an asset leave custody: layer 5 checks the account, layer 6 the system.
pub fn withdraw(
    context: Context<'_>,
    id: AccountId,
    location: Option<LocationId>,
    asset: AssetId,
    amount: Quantity,
) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    l0::account(state, id)?;
    l0::asset(state, asset)?;
    l0::location(state, location)?;
    l0::amount("amount", amount)?;
    l5::withdrawal(context, id, asset, location, amount)?;
    let spent = l6::outflow(state, now, asset, amount)?;
    l5::covered(state, desk, now)?;
    let (from, to) = (Holder::Account(id, location), Holder::Pot(Pot::Custody(location)));
    Ok(vec![Event::Moved { from, to, asset, amount, cause: Cause::Withdrawal }, Event::Flowed { spent }])
}

/// Moves an asset between accounts. The giver is checked as for a withdrawal, so that a second account allows nothing
/// that one account alone does not (I-28, I-30). Nothing leaves custody, so the outflow limiter is not touched. A
/// transfer to another owner must not be dust.
pub fn transfer(
    context: Context<'_>,
    [from, to]: [AccountId; 2],
    location: Option<LocationId>,
    asset: AssetId,
    amount: Quantity,
) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let giver = l0::account(state, from)?;
    let taker = l0::account(state, to)?;
    l0::asset(state, asset)?;
    l0::location(state, location)?;
    l0::amount("amount", amount)?;
    if from == to {
        return Err(Reject::malformed("to", to, "another account"));
    }
    l5::withdrawal(context, from, asset, location, amount)?;
    l5::credit(state, desk, [giver, taker], asset, amount)?;
    l5::covered(state, desk, now)?;
    let receiver = to;
    let (from, to) = (Holder::Account(from, location), Holder::Account(to, location));
    let mut events = vec![Event::Moved { from, to, asset, amount, cause: Cause::Transfer }];
    events.extend(outdated(context, receiver, &events)?);
    Ok(events)
}
