//! Lists locations, underlyings, assets and instruments. Everything that `apply` will build is built here first, on a copy.

use marks::FeedRules;
use model::{InstrumentKind, Payoff};
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use crate::apply::{grow, grow_asset, grow_underlying};
use crate::layers::l0;
use crate::state::{AssetTerms, InstrumentTerms, LARGEST_AMOUNT, UnderlyingTerms, times};
use crate::{Event, FeedId, Noun, Reject, State};

/// The largest worth of a cap on collateral at its listing, in USD: sums over all accounts stay in range (I-04).
const LARGEST_CAP_USD: Money = Money::from_raw(1_000_000_000_000_000_000 * Money::ONE.raw());

/// The largest limit of open interest, in USD at the index (I-04).
const LARGEST_OPEN_USD: Money = Money::from_raw(1_000_000_000_000_000 * Money::ONE.raw());

/// The largest trading fee: a tenth of the notional (I-06).
const LARGEST_FEE: Ratio = Ratio::from_raw(Ratio::ONE.raw() / 10);

/// Lists a chain, bridge or custodian.
pub fn location(state: &State, name: &str) -> Result<Vec<Event>, Reject> {
    l0::name("name", name)?;
    if state.locations.iter().any(|known| known == name) {
        return Err(Reject::Exists { what: Noun::Location, name: name.to_owned() });
    }
    if u16::try_from(state.locations.len()).is_err() {
        return Err(Reject::OutOfRange { what: "number of locations".to_owned() });
    }
    Ok(vec![Event::LocationListed { name: name.to_owned() }])
}

/// Lists an underlying. It always has a feed: a price that no source reports is no price (I-21).
pub fn underlying(state: &State, terms: &UnderlyingTerms) -> Result<Vec<Event>, Reject> {
    l0::name("name", &terms.name)?;
    if state.market.underlying(&terms.name).is_some() {
        return Err(Reject::Exists { what: Noun::Underlying, name: terms.name.clone() });
    }
    reference(terms.reference)?;
    readable("feed", &terms.feed)?;
    open_interest(terms.open_interest_usd)?;
    grow_underlying(&mut state.market.clone(), terms)?;
    Ok(vec![Event::UnderlyingListed(Box::new(terms.clone()))])
}

/// Lists an asset. An asset that follows no underlying has a feed of its own, a stablecoin above all: no price is
/// constant (I-21). The cap grows from 0 (I-67), and no asset is listed while a change of the outflow limiter is
/// proposed (S-39).
pub fn asset(state: &State, terms: &AssetTerms) -> Result<Vec<Event>, Reject> {
    l0::name("name", &terms.name)?;
    if state.market.asset(&terms.name).is_some() {
        return Err(Reject::Exists { what: Noun::Asset, name: terms.name.clone() });
    }
    reference(terms.reference)?;
    match terms.follows {
        Some(id) if id.0 >= state.market.underlyings.len() => return Err(l0::unknown(Noun::Underlying, id.0)),
        Some(id) if is_signed(state, FeedId::Index(id)) => {
            return Err(Reject::malformed("follows", id.0, "an underlying whose price cannot fall below 0"));
        }
        None if state.market.underlying(&terms.name).is_some() => {
            return Err(Reject::malformed("follows", "nothing", "the underlying of the same name"));
        }
        None if terms.feed.is_none() => {
            return Err(Reject::malformed(
                "feed",
                "nothing",
                "a feed: it follows no underlying, and no price is constant",
            ));
        }
        Some(_) | None => {}
    }
    if let Some(rules) = &terms.feed {
        readable("feed", rules)?;
        never_negative("feed.signed", rules)?;
    }
    capped(terms.cap)?;
    if terms.cap.at(terms.reference, Round::Up)? > LARGEST_CAP_USD {
        return Err(Reject::malformed("cap", terms.cap, format!("what is worth at most {LARGEST_CAP_USD} USD")));
    }
    if let Some(proposal) = state.outflow_change() {
        return Err(Reject::UnderWay { proposal });
    }
    grow_asset(&mut state.market.clone(), terms)?;
    Ok(vec![Event::AssetListed(Box::new(terms.clone()))])
}

/// Lists an instrument. Lots and ticks multiply exactly, so that a trade costs both sides the same to the last digit (I-01).
pub fn instrument(state: &State, now: Timestamp, terms: &InstrumentTerms) -> Result<Vec<Event>, Reject> {
    l0::name("name", &terms.name)?;
    if state.market.instrument(&terms.name).is_some() {
        return Err(Reject::Exists { what: Noun::Instrument, name: terms.name.clone() });
    }
    if terms.underlying.0 >= state.market.underlyings.len() {
        return Err(l0::unknown(Noun::Underlying, terms.underlying.0));
    }
    l0::asset(state, terms.quote)?;
    l0::asset(state, terms.settle)?;
    sized(terms)?;
    limited(state, terms, terms.max_order, terms.max_open, terms.band)?;
    if let Some(rate) = terms.fee_rate.filter(|rate| rate.is_negative() || *rate > LARGEST_FEE) {
        return Err(Reject::malformed("fee_rate", rate, format!("0 to {LARGEST_FEE}")));
    }
    if let Some(expiry) = terms.expiry().filter(|expiry| *expiry <= now) {
        return Err(Reject::Expiry { expiry, clock: now });
    }
    kind(state, terms)?;
    feed(state, terms)?;
    grow(&mut state.market.clone(), terms)?;
    Ok(vec![Event::InstrumentListed(Box::new(terms.clone()))])
}

/// Checks that a limit of open interest is above 0 and leaves sums in range.
pub fn open_interest(usd: Money) -> Result<(), Reject> {
    if usd <= Money::ZERO || usd > LARGEST_OPEN_USD {
        return Err(Reject::malformed("open_interest_usd", usd, format!("above 0 and at most {LARGEST_OPEN_USD}")));
    }
    Ok(())
}

/// Checks that a cap is above 0, and small enough that sums cannot overflow.
pub fn capped(cap: Quantity) -> Result<(), Reject> {
    if cap <= Quantity::ZERO || cap > LARGEST_AMOUNT {
        return Err(Reject::malformed("cap", cap, format!("above 0 and at most {LARGEST_AMOUNT}")));
    }
    Ok(())
}

/// Checks that static limits make sense for an instrument.
pub fn limited(
    state: &State,
    terms: &InstrumentTerms,
    max_order: i64,
    max_open: i64,
    band: Ratio,
) -> Result<(), Reject> {
    if max_order <= 0 {
        return Err(Reject::malformed("max_order", max_order, "above 0"));
    }
    if max_open <= 0 {
        return Err(Reject::malformed("max_open", max_open, "above 0"));
    }
    if band <= Ratio::ZERO || band > Ratio::ONE {
        return Err(Reject::malformed("band", band, "above 0 and at most 1"));
    }
    let index = state.market.index(terms.underlying).usd();
    let dollars = terms.payoff == Payoff::Inverse && !terms.is_option();
    let each = if dollars { Price::ONE } else { index.max(Price::ONE) };
    let worth = times(terms.unit(), max_open).and_then(|units| units.at(each, Round::Up));
    if !worth.is_ok_and(|worth| worth <= LARGEST_OPEN_USD) {
        return Err(Reject::malformed("max_open", max_open, format!("what is worth at most {LARGEST_OPEN_USD} USD")));
    }
    Ok(())
}

/// Checks that the rules of a feed make sense.
pub fn readable(field: &str, rules: &FeedRules) -> Result<(), Reject> {
    rules.check().map_err(|bad| Reject::malformed(&format!("{field}.{}", bad.field), bad.found, bad.expected))
}

/// Checks that lot, contract size and tick are above 0, and that their products are exact.
fn sized(terms: &InstrumentTerms) -> Result<(), Reject> {
    for (field, size) in [("contract_size", terms.contract_size), ("lot", terms.lot)] {
        l0::amount(field, size)?;
    }
    let unit = terms.lot.times(terms.contract_size, Round::Down)?;
    if unit <= Quantity::ZERO || unit != terms.lot.times(terms.contract_size, Round::Up)? {
        let expected = format!("a lot that times {} has at most 18 decimals", terms.contract_size);
        return Err(Reject::malformed("lot", terms.lot, expected));
    }
    if terms.tick <= Price::ZERO {
        return Err(Reject::malformed("tick", terms.tick, "above 0"));
    }
    let step = unit.at(terms.tick, Round::Down)?;
    if step <= Money::ZERO || step != unit.at(terms.tick, Round::Up)? {
        let expected = format!("a tick that times the unit of a lot, {unit}, has at most 18 decimals");
        return Err(Reject::malformed("tick", terms.tick, expected));
    }
    Ok(())
}

/// Checks the conditions that only one kind of instrument has.
fn kind(state: &State, terms: &InstrumentTerms) -> Result<(), Reject> {
    let name = &state.market.underlyings[terms.underlying.0].name;
    if terms.kind == InstrumentKind::Spot {
        if terms.payoff == Payoff::Inverse {
            return Err(Reject::malformed("payoff", "inverse", "linear: spot exchanges one asset for another"));
        }
        match state.market.asset(name) {
            None => return Err(Reject::malformed("underlying", name, "an underlying that is listed as an asset too")),
            Some(base) if base == terms.quote => {
                return Err(Reject::malformed("quote", name, "another asset than the one that is bought"));
            }
            Some(_) => {}
        }
    }
    if (terms.payoff == Payoff::Inverse || terms.is_option()) && is_signed(state, FeedId::Index(terms.underlying)) {
        return Err(Reject::malformed("underlying", name, "one whose price cannot fall below 0"));
    }
    if terms.payoff == Payoff::Inverse && state.feeds.contains_key(&FeedId::Asset(terms.cash())) {
        // An inverse contract divides by the index, and only the coin itself is worth the index.
        let coin = &state.market.assets[terms.cash().0].name;
        return Err(Reject::malformed("settle", coin, format!("{name} itself, without a price of its own")));
    }
    Ok(())
}

/// Checks that the feed fits: a ratio, none for spot, and the same for all instruments of an expiry (I-12).
fn feed(state: &State, terms: &InstrumentTerms) -> Result<(), Reject> {
    let Some(rules) = &terms.feed else { return Ok(()) };
    readable("feed", rules)?;
    never_negative("feed.signed", rules)?;
    if terms.kind == InstrumentKind::Spot {
        return Err(Reject::malformed("feed", "rules", "none: spot is worth the index"));
    }
    let Some(expiry) = terms.expiry().filter(|expiry| state.market.expiry(terms.underlying, *expiry).is_some()) else {
        return Ok(());
    };
    match state.feeds.get(&FeedId::Forward(terms.underlying, expiry)) {
        Some(known) if known.rules == *rules => Ok(()),
        Some(_) => Err(Reject::malformed("feed", "other rules", "none, or those of the expiry as it is listed")),
        // Positions that are held already would change their price from the index to something else.
        None => Err(Reject::malformed("feed", "rules", "none: the expiry is listed without a price of its own")),
    }
}

fn is_signed(state: &State, feed: FeedId) -> bool {
    state.feeds.get(&feed).is_some_and(|known| known.rules.signed)
}

fn never_negative(field: &str, rules: &FeedRules) -> Result<(), Reject> {
    if rules.signed { Err(Reject::malformed(field, true, "false")) } else { Ok(()) }
}

fn reference(price: Price) -> Result<(), Reject> {
    if price <= Price::ZERO || price > marks::LARGEST {
        return Err(Reject::malformed("reference", price, format!("above 0 and at most {}", marks::LARGEST)));
    }
    Ok(())
}
