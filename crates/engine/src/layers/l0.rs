//! Layer 0: the command is well formed, in order and authorised.

use model::{AssetId, InstrumentId};
use units::{Quantity, Ratio, Round};

use crate::state::{AccountState, Contract, FeedState, LARGEST_AMOUNT, Mode, State};
use crate::{AccountId, Capability, Command, Desk, Envelope, FeedId, LocationId, Noun, Reject, needed};

/// Whether the principal has the right to this command (I-64).
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

/// Time does not go back (I-16), and goes forward by one step at most: a command with a wrong date would otherwise stop
/// the engine until that date. After a longer pause governance resumes the engine, by no more than the longest pause.
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

/// The account, or a reject when there is none.
pub fn account(state: &State, id: AccountId) -> Result<&AccountState, Reject> {
    state.account(id).ok_or(Reject::Unknown { what: Noun::Account, id: u64::from(id.0) })
}

/// The instrument, or a reject when there is none.
pub fn contract(state: &State, id: InstrumentId) -> Result<&Contract, Reject> {
    state.contract(id).ok_or_else(|| unknown(Noun::Instrument, id.0))
}

/// The feed, or the reason why there is none: it was never listed, or it was removed with the last instrument that it priced.
pub fn feed(state: &State, id: FeedId) -> Result<&FeedState, Reject> {
    state.feeds.get(&id).ok_or_else(|| {
        let FeedId::Forward(underlying, expiry) = id else { return Reject::Unknown { what: Noun::Feed, id: 0 } };
        let is_priced =
            |known: &&Contract| known.terms.underlying == underlying && known.terms.expiry() == Some(expiry);
        let mut priced = state.contracts.iter().filter(is_priced).peekable();
        if priced.peek().is_none() || priced.any(|known| known.mode != Mode::Settled) {
            return Reject::Unknown { what: Noun::Feed, id: 0 };
        }
        let why = "every instrument that it prices is settled, and no source is heard of it any more".to_owned();
        Reject::Report { feed: id, why }
    })
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

/// A reject: nothing has this number.
pub fn unknown(what: Noun, id: usize) -> Reject {
    Reject::Unknown { what, id: u64::try_from(id).unwrap_or(u64::MAX) }
}

/// Checks that an amount is above 0, and small enough that sums cannot overflow.
pub fn amount(field: &str, amount: Quantity) -> Result<(), Reject> {
    if amount <= Quantity::ZERO || amount > LARGEST_AMOUNT {
        return Err(Reject::malformed(field, amount, format!("an amount above 0 and at most {LARGEST_AMOUNT}")));
    }
    Ok(())
}

/// Checks that a number of lots is above 0.
pub fn lots(lots: i64) -> Result<(), Reject> {
    if lots <= 0 { Err(Reject::malformed("lots", lots, "a whole number above 0")) } else { Ok(()) }
}

/// Checks that a name has 1 to 100 visible characters: none that reverses the text beside it, and none that is invisible.
pub fn name(field: &str, name: &str) -> Result<(), Reject> {
    if !model::is_name(name) {
        let found = format!("{:?}", name.chars().take(40).collect::<String>());
        return Err(Reject::malformed(field, found, "1 to 100 visible characters"));
    }
    Ok(())
}

/// Checks that a number is above the last one, so that nothing is applied twice (I-09).
pub fn rising(what: Noun, id: u64, last: u64) -> Result<(), Reject> {
    if id <= last { Err(Reject::Repeated { what, id, last }) } else { Ok(()) }
}
