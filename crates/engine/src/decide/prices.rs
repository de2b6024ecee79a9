//! Forms one market from many sources: reports, surfaces, and the tick that forms every price of a version at once.

use std::collections::BTreeMap;

use margin::Refusal;
use margin::greeks::option_inputs;
use marks::{Quote, Report, composed};
use model::{AssetId, InstrumentId, InstrumentKind, Market, Payoff, QuotePrice, UnderlyingId, UsdPrice};
use pricing::black76::Black76;
use units::{Price, Ratio, Round, Timestamp};

use crate::apply::mark;
use crate::layers::{l0, l4};
use crate::state::{Mode, State};
use crate::{Event, FeedId, Live, Marked, Noun, Reject};

/// A volatility above this is a mistake in units: 20 is 2,000 %.
const LARGEST_VOL: Ratio = Ratio::from_raw(20 * Ratio::ONE.raw());

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
            return Err(Reject::malformed("vols", vol, "a volatility above 0 and at most 20 (1 = 100 %)"));
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
    form((state, live), &mut market, &quotes, |quote| quote.price, &mut marked)?;
    events.push(Event::Marked(Box::new(marked)));
    events.extend(samples((state, live), &market, now, &quotes)?);
    events.extend_from_slice(live.overdue());
    Ok(events)
}

/// The market in which every price is its feed's slow average.
pub(crate) fn slow(state: &State, live: &Live) -> Result<Market, Refusal> {
    let heard = state.feeds.iter().filter(|(id, _)| live.hears(**id));
    let quotes: BTreeMap<FeedId, Quote> =
        heard.filter_map(|(id, feed)| Some((*id, feed.feed.last()?.clone()))).collect();
    let mut market = state.market.clone();
    form((state, live), &mut market, &quotes, |quote| quote.slow, &mut Marked::default())
        .map_err(|reject| Refusal::NotSupported { method: "slow averages", why: reject.to_string() })?;
    Ok(market)
}

/// Forms every price of `market` that something unsettled depends on: from the price that `which` takes of each of the
/// `quotes`, with the volatilities of `moves`. Adds the changes to `moves`.
fn form(
    (state, live): (&State, &Live),
    market: &mut Market,
    quotes: &BTreeMap<FeedId, Quote>,
    which: impl Fn(&Quote) -> Price,
    moves: &mut Marked,
) -> Result<(), Reject> {
    // Every feed is in USD except the ratios, which are composed with an index in USD.
    let usd = |quote: &Quote| UsdPrice::new(which(quote));
    // The price of a ratio feed on top of an index, both of this tick.
    let on_index = |underlying: UnderlyingId, ratio: FeedId| -> Result<Option<UsdPrice>, Reject> {
        let Some(index) = quotes.get(&FeedId::Index(underlying)) else { return Ok(None) };
        if !state.feeds.contains_key(&ratio) {
            return Ok(Some(usd(index)));
        }
        let Some(ratio) = quotes.get(&ratio) else { return Ok(None) };
        let legs = composed(index, ratio).map_err(|why| Reject::malformed("feed", why, "legs of one tick"))?;
        Ok(Some(usd(&legs)))
    };
    for place in 0..market.underlyings.len() {
        let id = UnderlyingId(place);
        if let Some(quote) = quotes.get(&FeedId::Index(id)) {
            moves.indices.push((id, usd(quote)));
        }
    }
    moves.indices.retain(|(id, price)| market.index(*id) != *price);
    mark(market, moves);

    for place in 1..market.assets.len() {
        let id = AssetId(place);
        let before = market.price(id);
        let price = match market.assets[place].follows {
            None => quotes.get(&FeedId::Asset(id)).map_or(before, &usd),
            Some(underlying) => on_index(underlying, FeedId::Asset(id))?.unwrap_or(before),
        };
        if price != before {
            moves.assets.push((id, price));
        }
    }
    for (underlying, expiry) in live.expiries() {
        let Some(before) = market.expiry(underlying, expiry).map(|terms| terms.forward) else { continue };
        let forward = on_index(underlying, FeedId::Forward(underlying, expiry))?.unwrap_or(before);
        if forward != before {
            moves.forwards.push((underlying, expiry, forward));
        }
    }
    mark(market, moves);

    for id in live.instruments().iter().copied() {
        let (terms, before) = (&state.contracts[id.0].terms, market.mark(id));
        let traded = match &terms.kind {
            InstrumentKind::Spot => Some(market.index(terms.underlying)),
            InstrumentKind::Perpetual => on_index(terms.underlying, FeedId::Premium(id))?,
            InstrumentKind::Future { expiry } => market.expiry(terms.underlying, *expiry).map(|terms| terms.forward),
            InstrumentKind::Option { .. } => None,
        };
        // Rounded down for both sides alike.
        let price = match traded {
            Some(price) => price.to_quote(market.price(terms.quote), Round::Down)?,
            None => model_price(market, id).unwrap_or(before),
        };
        if price != before {
            moves.marks.push((id, price));
        }
    }
    mark(market, moves);
    Ok(())
}

/// The mark of an option: its Black-76 price, in its quote; none while it has no volatility. It is rounded down, for buyer
/// and seller alike: a mark has two sides.
fn model_price(market: &Market, id: InstrumentId) -> Option<QuotePrice> {
    let listing = market.listing(id);
    let inputs = option_inputs(listing, market).ok()?;
    let price = Black76::new(inputs).ok()?.price();
    let quoted = match listing.payoff {
        Payoff::Linear => price,
        Payoff::Inverse => price / inputs.forward,
    };
    QuotePrice::from_f64(quoted, Round::Down).ok()
}

/// Adds a sample for each instrument that is in its settlement window: the index in the counter currency of the
/// contract, when the index and that currency are valid.
fn samples(
    (state, live): (&State, &Live),
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
        l4::of_asset(state, contract.terms.counter_asset(), &mut feeds);
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
