//! What is said about prices: reports, surfaces, and the tick that forms every price of a version at once.

use std::collections::BTreeMap;

use marks::{Quote, Report};
use model::{InstrumentId, LARGEST_VOL, Market};
use units::{Ratio, Round, Timestamp};

use crate::feeds;
use crate::form::form;
use crate::layers::l0;
use crate::state::{Mode, State};
use crate::{Event, FeedId, Live, Marked, Noun, Reject};

/// Accepts a report of a source (I-11, I-16).
pub fn report(state: &State, now: Timestamp, id: FeedId, report: &Report) -> Result<Vec<Event>, Reject> {
    let feed = l0::feed(state, id)?;
    let accepted = feed.feed.accept(&feed.rules, report, now);
    accepted.map_err(|refusal| Reject::Report { feed: id, why: refusal.to_string() })?;
    Ok(vec![Event::Reported { feed: id, report: *report }])
}

/// Accepts a volatility surface: newer than the last, not from the future, and no volatility more than one step away
/// from its last value.
pub fn surface(
    state: &State,
    now: Timestamp,
    version: u64,
    published: Timestamp,
    vols: &[(InstrumentId, Ratio)],
) -> Result<Vec<Event>, Reject> {
    l0::rising(Noun::Surface, version, state.surface.version)?;
    if published > now || (state.surface.version > 0 && published < state.surface.published) {
        let expected = format!("a time from {} to {now}", state.surface.published);
        return Err(Reject::malformed("published", published, expected));
    }
    for (instrument, vol) in vols {
        let contract = l0::contract(state, *instrument)?;
        if !contract.terms.is_option() {
            return Err(Reject::malformed("vols", &contract.terms.name, "options only"));
        }
        if contract.mode == Mode::Settled {
            return Err(Reject::Mode { mode: contract.mode });
        }
        if *vol <= Ratio::ZERO || *vol > LARGEST_VOL {
            let expected = format!("a volatility above 0 and at most {LARGEST_VOL} (1 = 100 %)");
            return Err(Reject::malformed("vols", vol, expected));
        }
        if let Some(iv) = state.surface.staged.get(instrument).copied().or(state.market.iv(*instrument)) {
            let most = iv.scaled(state.policy.surface_step, Round::Up)?;
            if vol.minus(iv)? > most || iv.minus(*vol)? > most {
                let field = format!("volatility of {}", contract.terms.name);
                let step = state.policy.surface_step;
                return Err(Reject::Step { field, from: iv.to_string(), to: vol.to_string(), step });
            }
        }
    }
    Ok(vec![Event::Surfaced { version, published, vols: vols.to_vec() }])
}

/// Lets time pass: quotes every feed that prices something unsettled, forms every such price from quotes of this tick
/// alone (I-12, I-22), and samples settlement windows.
pub fn tick(state: &State, live: &Live, now: Timestamp) -> Result<Vec<Event>, Reject> {
    let mut events = Vec::new();
    // No account could be cured while no price was formed (I-44).
    let rules = &state.policy.liquidation;
    if state.version > 0 && now.micros().saturating_sub(state.market.time.micros()) > rules.outage {
        events.push(Event::Calmed { until: Timestamp::from_micros(now.micros().saturating_add(rules.cure)) });
    }
    let mut quotes = BTreeMap::new();
    for (id, feed) in state.feeds.iter().filter(|(id, _)| live.hears(**id)) {
        match feed.feed.quote(&feed.rules, now) {
            Ok(quote) => {
                events.push(Event::Quoted { feed: *id, quote: Box::new(quote.clone()) });
                quotes.insert(*id, quote);
            }
            // The feed has never spoken: the reference price of the listing stands, and is not valid.
            Err(marks::NoQuote::NoPrice { .. }) => {}
            Err(marks::NoQuote::Overflow(overflow)) => return Err(overflow.into()),
        }
    }
    let mut market = state.market.clone();
    market.time = now;
    let staged = state.surface.staged.iter().filter(|(id, _)| live.has(**id));
    let vols: Vec<(InstrumentId, Ratio)> = staged.map(|(id, vol)| (*id, *vol)).collect();
    // Every tick makes a version of the market: if nothing else changes, time does.
    let mut marked = Marked { version: state.version + 1, vols, ..Marked::default() };
    form(state, live, &mut market, &quotes, |quote| quote.price, &mut marked)?;
    events.push(Event::Marked(Box::new(marked)));
    events.extend(samples(state, live, &market, now, &quotes)?);
    events.extend_from_slice(live.overdue());
    Ok(events)
}

/// Adds a sample for each instrument that is in its settlement window: the index in the counter currency of the
/// contract, when the index and that currency are valid.
fn samples(
    state: &State,
    live: &Live,
    market: &Market,
    now: Timestamp,
    quotes: &BTreeMap<FeedId, Quote>,
) -> Result<Vec<Event>, Reject> {
    let mut events = Vec::new();
    for id in live.instruments().iter().copied() {
        let contract = &state.contracts[id.0];
        let Some(expiry) = contract.terms.expiry() else { continue };
        let opens = expiry.micros().saturating_sub(state.policy.settlement_window);
        if now > expiry || now.micros() < opens {
            continue;
        }
        let mut feeds = vec![FeedId::Index(contract.terms.underlying)];
        feeds::of_asset(state, contract.terms.counter_asset(), &mut feeds);
        let valid = |feed: &FeedId| quotes.get(feed).is_some_and(|quote| quote.validity().may_liquidate());
        if feeds.iter().all(valid) {
            let index = market.index(contract.terms.underlying);
            let counter = market.price(contract.terms.counter_asset());
            let mut samples = contract.samples;
            samples.sum = samples.sum.plus(index.to_counter(counter, Round::Down)?)?;
            samples.count += 1;
            events.push(Event::Sampled { instrument: id, samples });
        }
    }
    Ok(events)
}
