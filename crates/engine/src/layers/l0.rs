//! Layer 0: well formed, in order, authorised.

use model::{AssetId, InstrumentId};
use units::{Quantity, Ratio, Round};

use crate::state::{AccountState, Contract, LARGEST_AMOUNT, State};
use crate::{AccountId, Capability, Command, Desk, Envelope, LocationId, Noun, Reject, needed};

/// Whether the principal may ask for this (I-64).
pub fn authorised(state: &State, envelope: &Envelope) -> Result<(), Reject> {
    let capability = needed(&envelope.command);
    if let Capability::Own(id) = capability {
        account(state, id)?;
    }
    let owner = |id: AccountId| state.account(id).map(|account| account.owner);
    if envelope.principal.has(capability, owner) {
        return Ok(());
    }
    Err(Reject::NotAuthorised { needed: format!("{capability:?}") })
}

/// Time does not go back (I-16), and goes forward by no more than a step: a command with a wrong date would otherwise stop the engine
/// until that date. After a longer pause governance resumes, by no more than a pause can last.
pub fn in_order(state: &State, desk: &Desk, envelope: &Envelope) -> Result<(), Reject> {
    let (time, clock) = (envelope.time, state.clock);
    if time < clock {
        return Err(Reject::ClockBackwards { time, clock });
    }
    let rules = &desk.rules().engine;
    let most = if envelope.command == Command::Resume { rules.longest_pause_seconds } else { rules.clock_step_seconds };
    if time.seconds_since(clock) > most {
        return Err(Reject::ClockAhead { time, clock, most_seconds: Ratio::from_f64(most, Round::Down)? });
    }
    Ok(())
}

/// The account, or that there is none.
pub fn account(state: &State, id: AccountId) -> Result<&AccountState, Reject> {
    state.account(id).ok_or(Reject::Unknown { what: Noun::Account, id: u64::from(id.0) })
}

/// The instrument, or that there is none.
pub fn contract(state: &State, id: InstrumentId) -> Result<&Contract, Reject> {
    state.contract(id).ok_or_else(|| unknown(Noun::Instrument, id.0))
}

/// Whether the asset is listed.
pub fn asset(state: &State, id: AssetId) -> Result<(), Reject> {
    if id.0 < state.collateral.len() { Ok(()) } else { Err(unknown(Noun::Asset, id.0)) }
}

/// Whether the location is named.
pub fn location(state: &State, id: Option<LocationId>) -> Result<(), Reject> {
    match id {
        Some(id) if usize::from(id.0) >= state.locations.len() => Err(unknown(Noun::Location, usize::from(id.0))),
        _ => Ok(()),
    }
}

/// Nothing of that number.
pub fn unknown(what: Noun, id: usize) -> Reject {
    Reject::Unknown { what, id: u64::try_from(id).unwrap_or(u64::MAX) }
}

/// An amount above 0 that sums cannot overflow with.
pub fn amount(field: &str, amount: Quantity) -> Result<(), Reject> {
    if amount <= Quantity::ZERO || amount > LARGEST_AMOUNT {
        return Err(Reject::malformed(field, amount, format!("an amount above 0 and at most {LARGEST_AMOUNT}")));
    }
    Ok(())
}

/// A number of lots above 0.
pub fn lots(lots: i64) -> Result<(), Reject> {
    if lots <= 0 { Err(Reject::malformed("lots", lots, "a whole number above 0")) } else { Ok(()) }
}

/// A name of 1 to 100 visible characters: none that turns the text beside it around or is not seen.
pub fn name(field: &str, name: &str) -> Result<(), Reject> {
    if !model::is_name(name) {
        let found = format!("{:?}", name.chars().take(40).collect::<String>());
        return Err(Reject::malformed(field, found, "1 to 100 visible characters"));
    }
    Ok(())
}

/// A number above the last one, so that nothing is applied twice (I-09).
pub fn rising(what: Noun, id: u64, last: u64) -> Result<(), Reject> {
    if id <= last { Err(Reject::Repeated { what, id, last }) } else { Ok(()) }
}
