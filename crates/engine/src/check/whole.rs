//! Checks a whole state that was read from a snapshot.

use std::fmt::Display;

use model::{AssetId, CounterPrice, Expiry, Instrument, InstrumentId, InstrumentKind, Invalid, UnderlyingId};
use units::{Quantity, Timestamp};

use super::{Checked, expect, names, numbers};
use crate::FeedId;
use crate::state::{AccountState, Case, Contract, FeedState, Mode, State, is_own};

/// Checks that everything the state names exists, that lists are in order, that numbers are in the range in which sums
/// do not overflow, and that assets add up over all holders (I-07, I-08).
pub fn whole(state: &State) -> Checked {
    lengths(state)?;
    times(state)?;
    counters(state)?;
    at("policy", state.policy.check())?;
    market(state)?;
    each("contracts", &state.contracts, |place, contract| listed(state, place, contract))?;
    each("open_interest_usd", &state.open_interest_usd, |_, usd| numbers::money("usd", *usd))?;
    each("collateral", &state.collateral, |_, asset| {
        let amounts = [("base", asset.base), ("cap", asset.cap), ("held", asset.held), ("settled", asset.settled)];
        numbers::time("since", asset.since)?;
        amounts.into_iter().try_for_each(|(path, amount)| numbers::quantity(path, amount))
    })?;
    state.feeds.iter().try_for_each(|(id, known)| at(format_args!("feeds[{id}]"), fed(state, *id, known)))?;
    each("accounts", &state.accounts, |_, account| held(state, account))?;
    for ((pot, asset), amount) in &state.pots {
        at("pots", names::pot(state, *pot))?;
        at("pots", names::asset(state, *asset))?;
        at("pots", numbers::quantity("amount", *amount))?;
    }
    for (instrument, vol) in &state.surface.staged {
        at("surface", names::instrument(state, *instrument))?;
        at("surface", numbers::volatility("vol", *vol))?;
    }
    for (number, proposal) in &state.proposals {
        at(format_args!("proposals[{number}]"), names::change(state, &proposal.change))?;
        at(format_args!("proposals[{number}]"), numbers::time("from", proposal.from))?;
    }
    liquidated(state)?;
    state.adds_up().map_err(|broken| Invalid { path: "collateral".to_owned(), problem: broken })
}

/// Puts `path` before the path of a fault.
fn at(path: impl Display, checked: Checked) -> Checked {
    checked.map_err(|invalid| Invalid { path: format!("{path}.{}", invalid.path), ..invalid })
}

/// Checks every item of a list. The number of the item is a part of the path.
fn each<T>(path: &str, items: &[T], check: impl Fn(usize, &T) -> Checked) -> Checked {
    items.iter().enumerate().try_for_each(|(place, item)| at(format_args!("{path}[{place}]"), check(place, item)))
}

/// Checks that the engine's lists are as long as those of the market.
fn lengths(state: &State) -> Checked {
    let market = &state.market;
    let pairs = [
        ("collateral", state.collateral.len(), market.assets.len()),
        ("open_interest_usd", state.open_interest_usd.len(), market.underlyings.len()),
        ("contracts", state.contracts.len(), market.instruments.len()),
        ("market.quotes.prices", market.quotes.prices.len(), market.assets.len()),
        ("market.quotes.indices", market.quotes.indices.len(), market.underlyings.len()),
        ("market.quotes.confidences", market.quotes.confidences.len(), market.underlyings.len()),
        ("market.quotes.instruments", market.quotes.instruments.len(), market.instruments.len()),
        ("market.turnover.assets", market.turnover.assets.len(), market.assets.len()),
        ("market.turnover.underlyings", market.turnover.underlyings.len(), market.underlyings.len()),
        ("market.turnover.instruments", market.turnover.instruments.len(), market.instruments.len()),
    ];
    pairs.into_iter().try_for_each(|(path, found, listed)| {
        expect(found == listed, path, format_args!("{found} items"), format_args!("{listed}, as the market lists"))
    })
}

/// Checks that counters leave room for later numbers.
fn counters(state: &State) -> Checked {
    numbers::counter("version", state.version)?;
    let expected = format_args!("at most {}, that of the market", state.version);
    expect(state.watched <= state.version, "watched", state.watched, expected)?;
    numbers::counter("liquidations.last_epoch", state.liquidations.last_epoch)?;
    numbers::counter("next_proposal", state.next_proposal)?;
    let last = state.proposals.keys().next_back().copied().unwrap_or(0);
    expect(last < state.next_proposal, "next_proposal", state.next_proposal, format_args!("above {last}, the last"))
}

fn times(state: &State) -> Checked {
    let changed = state.collateral_changed.unwrap_or(state.clock);
    let times = [
        ("clock", state.clock),
        ("market.time", state.market.time),
        ("surface.published", state.surface.published),
        ("outflow", state.outflow.1),
        ("accrued", state.accrued),
        ("collateral_changed", changed),
        ("liquidations.calm", state.liquidations.calm),
    ];
    times.into_iter().try_for_each(|(path, time)| numbers::time(path, time))?;
    numbers::money("outflow", state.outflow.0)?;
    let Some((_, from, until)) = &state.method.previous else { return Ok(()) };
    numbers::time("method.previous", *from)?;
    numbers::time("method.previous", *until)
}

/// Checks that listings name things that exist, and are found by their own names.
fn market(state: &State) -> Checked {
    let market = &state.market;
    let named = |found: bool, name: &str| expect(found, "name", format_args!("{name:?}"), "the name it is found by");
    each("market.assets", &market.assets, |place, asset| {
        named(market.asset(&asset.name) == Some(AssetId(place)), &asset.name)?;
        asset.follows.map_or(Ok(()), |id| names::underlying(state, id))?;
        numbers::price("price", market.price(AssetId(place)).usd())
    })?;
    each("market.underlyings", &market.underlyings, |place, underlying| {
        named(market.underlying(&underlying.name) == Some(UnderlyingId(place)), &underlying.name)?;
        numbers::index("index", market.index(UnderlyingId(place)), underlying.scale.is_some())?;
        Ok(())
    })?;
    let key = |expiry: &Expiry| (expiry.underlying, expiry.time);
    let ordered = market.quotes.expiries.is_sorted_by(|one, next| key(one) < key(next));
    expect(ordered, "market.expiries", "another order", "that of underlyings and times, each once")?;
    each("market.expiries", &market.quotes.expiries, |_, expiry| {
        names::underlying(state, expiry.underlying)?;
        numbers::time("time", expiry.time)?;
        numbers::price("forward", expiry.forward.usd())
    })?;
    each("market.instruments", &market.instruments, |place, listing| {
        let id = InstrumentId(place);
        named(market.instrument(&listing.name) == Some(id), &listing.name)?;
        expect(listing.id == id, "id", listing.id.0, place)?;
        names::underlying(state, listing.underlying)?;
        names::asset(state, listing.quote)?;
        names::asset(state, listing.settle)?;
        names::fee_rate(listing.fee_rate)?;
        numbers::price("mark", market.mark(id).in_quote())?;
        market.iv(id).map_or(Ok(()), |iv| numbers::volatility("iv", iv))?;
        expiring(state, listing, state.contracts[place].mode)
    })
}

/// Checks that an instrument that expires has its expiry listed, unless it is settled and has no volatility; and that
/// an option has a strike above 0.
fn expiring(state: &State, listing: &Instrument, mode: Mode) -> Checked {
    let settled = mode == Mode::Settled && state.market.iv(listing.id).is_none();
    let listed = |expiry: Timestamp| {
        numbers::time("expiry", expiry)?;
        let known = settled || state.market.expiry(listing.underlying, expiry).is_some();
        expect(known, "expiry", expiry, "an expiry of its underlying")
    };
    match &listing.kind {
        InstrumentKind::Spot | InstrumentKind::Perpetual => Ok(()),
        InstrumentKind::Future { expiry } => listed(*expiry),
        InstrumentKind::Option { expiry, strike, .. } => {
            listed(*expiry)?;
            expect(*strike > CounterPrice::ZERO, "strike", strike, "above 0")
        }
    }
}

/// Checks that the terms of a contract are those that the market lists.
fn listed(state: &State, place: usize, contract: &Contract) -> Checked {
    let (terms, listing) = (&contract.terms, &state.market.instruments[place]);
    let same = (&terms.name, &terms.kind, terms.underlying, terms.quote, terms.settle, terms.contract_size)
        == (&listing.name, &listing.kind, listing.underlying, listing.quote, listing.settle, listing.contract_size);
    expect(same, "terms", format_args!("those of {:?}", terms.name), format_args!("those of {:?}", listing.name))?;
    names::instrument_terms(terms)?;
    expect(contract.open >= 0, "open", contract.open, "0 lots or more")?;
    numbers::time("funded", contract.funded)?;
    names::samples(&contract.samples)
}

fn fed(state: &State, id: FeedId, known: &FeedState) -> Checked {
    names::feed(state, id)?;
    names::rules("rules", &known.rules)?;
    known.feed.last().map_or(Ok(()), names::quote)
}

fn held(state: &State, account: &AccountState) -> Checked {
    each("balances", &account.balances, |_, balance| {
        names::asset(state, balance.asset)?;
        names::location(state, balance.location)?;
        numbers::quantity("amount", balance.amount)?;
        numbers::quantity("profit", balance.profit)?;
        expect(balance.amount != Quantity::ZERO, "amount", balance.amount, "an amount: what is nothing is left out")?;
        let expected = format_args!("0 or more, and no more than there is of {}", balance.amount);
        expect(is_own(balance), "profit", balance.profit, expected)
    })?;
    each("positions", &account.positions, |_, position| {
        names::position(state, position)?;
        expect(position.lots != 0, "lots", position.lots, "lots: what is nothing is left out")
    })?;
    each("orders", &account.orders, |_, order| names::order(state, order))?;
    // A list that is searched by bisection must be in order.
    expect(
        once(&account.balances, |held| (held.asset, held.location)),
        "balances",
        "another order",
        "that of assets and locations, each once",
    )?;
    expect(
        once(&account.positions, |held| held.instrument),
        "positions",
        "another order",
        "that of instruments, each once",
    )?;
    expect(once(&account.orders, |order| order.id), "orders", "another order", "that of their numbers, each once")
}

/// Whether items lie in the order of a key, with each key once.
fn once<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> bool {
    items.is_sorted_by(|one, next| key(one) < key(next))
}

fn liquidated(state: &State) -> Checked {
    let all = &state.liquidations;
    let case = |id, case: &Case| {
        names::account(state, id)?;
        numbers::time("opened", case.opened)?;
        numbers::money("shared", case.shared)?;
        case.markets.iter().try_for_each(|underlying| names::underlying(state, *underlying))?;
        case.offer.iter().try_for_each(|offer| names::offer(state, offer))
    };
    all.cases.iter().try_for_each(|(id, open)| at(format_args!("liquidations.cases[{id}]"), case(*id, open)))?;
    for (underlying, flow) in &all.flows {
        at("liquidations.flows", names::underlying(state, *underlying))?;
        at("liquidations.flows", numbers::money("spent", flow.spent))?;
        at("liquidations.flows", numbers::time("since", flow.since))?;
    }
    all.cascades.keys().try_for_each(|id| at("liquidations.cascades", names::underlying(state, *id)))?;
    all.backstops.iter().try_for_each(|id| at("liquidations.backstops", names::account(state, *id)))
}
