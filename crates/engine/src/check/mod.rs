//! Checks events and states that were read from a file: whether [`crate::apply`] can take them.
//!
//! A journal may have been written by an older program, by a broken one, or by somebody who wants a reader to stop. Its
//! hashes do not show that, for they have no key. The checks cover everything that `apply` and later readers of the
//! state rely on: that named things exist, that numbers and times are in the range in which sums do not overflow, that
//! a listing can be listed, and that nothing is opened or closed twice. Whether a trade should have been allowed is not
//! asked again: that was decided by the rules of its day.
//!
//! Events that were decided a moment ago are not checked: [`crate::decide`] has checked the same things.

mod money;
mod names;
mod numbers;
mod prices;
mod whole;

use model::{InstrumentId, Invalid};

use crate::Event;
use crate::apply::{apply, list_asset, list_instrument, list_underlying};
use crate::state::{Change, Contract, Mode, State};

pub use whole::whole;

type Checked = Result<(), Invalid>;

/// Changes the state by one event that was read from a file, or names the fault of the event. After an error the state
/// is of no use.
pub fn apply_read(state: &mut State, event: &Event) -> Checked {
    check(state, event)?;
    // Listing checks the rest while it builds.
    if let Event::UnderlyingListed(terms) = event {
        list_underlying(state, terms)
    } else if let Event::AssetListed(terms) = event {
        list_asset(state, terms)
    } else if let Event::InstrumentListed(terms) = event {
        list_instrument(state, terms)
    } else {
        apply(state, event);
        Ok(())
    }
}

/// Checks whether an event can be applied, except for the faults that listing finds itself.
fn check(state: &State, event: &Event) -> Checked {
    match event {
        Event::UnderlyingListed(terms) => {
            names::rules("feed", &terms.feed)?;
            numbers::price("reference", terms.reference)
        }
        Event::AssetListed(terms) => names::asset_terms(state, terms),
        Event::InstrumentListed(terms) => names::instrument_terms(terms),
        Event::Accrued | Event::FundReferenced { .. } => Ok(()),
        Event::Watched { version } => {
            let expected = format_args!("at most {}, that of the market", state.version);
            expect(*version <= state.version, "version", version, expected)
        }
        Event::Clock { time } => {
            numbers::time("time", *time)?;
            expect(*time >= state.clock, "time", time, format_args!("no time before {}", state.clock))
        }
        Event::Opened { .. } => names::room("accounts", state.accounts.len(), u32::MAX.into()),
        Event::LocationListed { .. } => names::room("locations", state.locations.len(), u16::MAX.into()),
        Event::Moved { from, to, asset, amount, .. } => money::moved(state, [from, to], *asset, *amount),
        Event::Shared { account, usd } => money::shared(state, *account, *usd),
        Event::Referenced { asset, .. } => names::asset(state, *asset),
        Event::Flowed { spent } => numbers::money("spent", *spent),
        Event::Ordered { account, order } => {
            names::account(state, *account)?;
            names::order(state, order)
        }
        Event::OrderClosed { account, .. } | Event::Judged { account, .. } | Event::BackstopSet { account, .. } => {
            names::account(state, *account)
        }
        Event::Positioned { account, position } => {
            names::account(state, *account)?;
            names::position(state, position)
        }
        Event::Matched { instrument, open, .. } => {
            names::instrument(state, *instrument)?;
            expect(*open >= 0, "open", open, "0 lots or more")
        }
        Event::Transferred { instrument, from, to, open, .. } => {
            names::instrument(state, *instrument)?;
            names::account(state, *from)?;
            names::account(state, *to)?;
            expect(*open >= 0, "open", open, "0 lots or more")
        }
        Event::Sampled { instrument, samples } => {
            names::instrument(state, *instrument)?;
            names::samples(samples)
        }
        Event::Funded { instrument, rate, .. } => {
            names::instrument(state, *instrument)?;
            numbers::ratio("rate", *rate)
        }
        Event::ModeSet { instrument, .. } => {
            names::instrument(state, *instrument)?;
            let mode = state.contracts[instrument.0].mode;
            expect(mode != Mode::Settled, "instrument", mode, "one that is not settled")
        }
        Event::Expired { instrument, .. } => names::instrument(state, *instrument),
        Event::Retired { instrument, last } => retired(state, *instrument, *last),
        Event::Reported { feed, report } => prices::reported(state, *feed, report),
        Event::Quoted { feed, quote } => {
            names::listed_feed(state, *feed)?;
            names::quote(quote)
        }
        Event::Marked(moved) => prices::marked(state, moved),
        Event::Surfaced { published, vols, .. } => prices::surfaced(&state.market, *published, vols),
        Event::Proposed { change, from } => {
            numbers::counter("proposal", state.next_proposal)?;
            changes(state, change)?;
            numbers::time("from", *from)
        }
        Event::Activated { proposal } => activated(state, *proposal),
        Event::Revoked { proposal } => proposed(state, *proposal).map(drop),
        Event::CaseOpened { account, epoch, markets } => {
            names::account(state, *account)?;
            let known = state.liquidations.cases.contains_key(account);
            expect(!known, "account", account, "an account that is not in liquidation")?;
            numbers::counter("epoch", *epoch)?;
            markets.iter().try_for_each(|underlying| names::underlying(state, *underlying))
        }
        Event::Offered { account, offer } => {
            names::case(state, *account)?;
            offer.iter().try_for_each(|offer| names::offer(state, offer))
        }
        Event::Auctioned { account } | Event::CaseClosed { account } => names::case(state, *account),
        Event::Paced { underlying, flow } => {
            names::underlying(state, *underlying)?;
            numbers::money("flow.spent", flow.spent)?;
            numbers::time("flow.since", flow.since)
        }
        Event::Measured { underlying, .. } => names::underlying(state, *underlying),
        Event::Calmed { until } => numbers::time("until", *until),
    }
}

/// Checks that no unsettled instrument needs the data that retiring takes out.
fn retired(state: &State, instrument: InstrumentId, last: bool) -> Checked {
    names::instrument(state, instrument)?;
    let Contract { terms, mode, .. } = &state.contracts[instrument.0];
    expect(*mode == Mode::Settled, "instrument", mode, "a settled one")?;
    let like = |known: &&Contract| known.terms.underlying == terms.underlying && known.terms.expiry() == terms.expiry();
    let left = state.contracts.iter().filter(like).find(|known| known.mode != Mode::Settled);
    match left.filter(|_| last) {
        Some(left) => Err(Invalid::new("last", last, format_args!("false: {:?} is not settled", left.terms.name))),
        None => Ok(()),
    }
}

/// The proposal with this number, while it waits.
fn proposed(state: &State, number: u64) -> Result<&Change, Invalid> {
    let known = state.proposals.get(&number).map(|known| &known.change);
    known.ok_or_else(|| Invalid::new("proposal", number, "a proposal that waits"))
}

/// Whether a proposal can come into force.
fn activated(state: &State, number: u64) -> Checked {
    let change = proposed(state, number)?;
    let Change::Method { text } = change else {
        // Things that it names may have been removed since it was proposed.
        return changes(state, change);
    };
    margin::method::universal::parse(text)
        .map(drop)
        .map_err(|invalid| Invalid { path: format!("change.text.{}", invalid.path), problem: invalid.problem })
}

/// Checks that everything a change names exists, and the feed that it changes too.
fn changes(state: &State, change: &Change) -> Checked {
    names::change(state, change)?;
    if let Change::Feed { feed, .. } = change { names::listed_feed(state, *feed) } else { Ok(()) }
}

/// Refuses `found` at `path` unless it `holds`; `expected` tells what is required there.
fn expect(holds: bool, path: &str, found: impl std::fmt::Display, expected: impl std::fmt::Display) -> Checked {
    if holds { Ok(()) } else { Err(Invalid::new(path, found, expected)) }
}
