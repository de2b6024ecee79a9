//! Applies events to the state. Nothing here prices, assesses or refuses.

mod retire;

use marks::{Feed, Quote};
use model::{
    Asset, AssetId, Instrument, InstrumentId, Invalid, Liquidity, Market, QuotePrice, Underlying, UnderlyingId,
    UsdPrice,
};
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use crate::state::{
    AccountState, AssetTerms, Case, Change, Collateral, Contract, FeedState, Holder, InstrumentTerms, Mode, Part,
    Samples, State, UnderlyingTerms,
};
use crate::{AccountId, Event, FeedId, Marked};

const DECIDED: &str = "decide accepted it";

/// Changes the state by one event that [`crate::decide`] made for it.
pub fn apply(state: &mut State, event: &Event) {
    let mut touch = |part: Part| state.hashes.touch(part);
    match event {
        Event::Clock { time } => {
            touch(Part::Head);
            state.clock = *time;
        }
        Event::Opened { name, owner } => {
            let id = AccountId(u32::try_from(state.accounts.len()).expect(DECIDED));
            touch(Part::Account(id));
            state.accounts.push(AccountState::new(name.clone(), *owner));
        }
        Event::LocationListed { name } => {
            touch(Part::Head);
            state.locations.push(name.clone());
        }
        Event::UnderlyingListed(terms) => list_underlying(state, terms).expect(DECIDED),
        Event::AssetListed(terms) => list_asset(state, terms).expect(DECIDED),
        Event::InstrumentListed(terms) => list_instrument(state, terms).expect(DECIDED),
        Event::Moved { from, to, asset, amount, cause } => {
            state.shift(*from, *to, *asset, *amount, *cause);
            for holder in [from, to] {
                if let Holder::Account(id, _) = holder {
                    touched(state, *id);
                }
            }
        }
        Event::Referenced { asset, reference } => {
            touch(Part::Collateral(*asset));
            state.collateral[asset.0].reference = *reference;
        }
        Event::FundReferenced { reference } => {
            touch(Part::Head);
            state.fund_reference = *reference;
        }
        Event::Ordered { account, order } => {
            touch(Part::Account(*account));
            let whose = &mut state.accounts[account.place()];
            match whose.orders.binary_search_by_key(&order.id, |known| known.id) {
                Ok(place) => whose.orders[place] = *order,
                Err(place) => whose.orders.insert(place, *order),
            }
            whose.last_order = whose.last_order.max(order.id);
            touched(state, *account);
        }
        Event::OrderClosed { account, order } => {
            touch(Part::Account(*account));
            state.accounts[account.place()].orders.retain(|known| known.id != *order);
            touched(state, *account);
        }
        Event::Matched { instrument, match_id, open, .. } => {
            touch(Part::Contract(instrument.0));
            let contract = &mut state.contracts[instrument.0];
            contract.last_match = *match_id;
            contract.open = *open;
        }
        Event::Positioned { account, position } => {
            touch(Part::Account(*account));
            state.accounts[account.place()].set_position(*position);
            touched(state, *account);
        }
        Event::Reported { feed, report } => {
            touch(Part::Feed(*feed));
            state.feeds.get_mut(feed).expect(DECIDED).feed.record(*report);
        }
        Event::Quoted { feed, quote } => {
            touch(Part::Feed(*feed));
            state.feeds.get_mut(feed).expect(DECIDED).feed.publish(Quote::clone(quote));
        }
        Event::Marked(marked) => {
            touch(Part::Head);
            touch(Part::Market);
            state.version = marked.version;
            state.market.time = state.clock;
            state.surface.staged.clear();
            mark(&mut state.market, marked);
        }
        Event::Surfaced { version, published, vols } => {
            touch(Part::Head);
            state.surface.version = *version;
            state.surface.published = *published;
            state.surface.staged.extend(vols.iter().copied());
        }
        Event::Sampled { instrument, samples } => {
            touch(Part::Contract(instrument.0));
            state.contracts[instrument.0].samples = *samples;
        }
        Event::Funded { instrument, period, rate } => {
            touch(Part::Contract(instrument.0));
            touch(Part::Market);
            // The margin reckons the next period with the rate that was paid last (CHG-7).
            state.market.quotes.instruments[instrument.0].funding_rate_8h = Some(*rate);
            let contract = &mut state.contracts[instrument.0];
            contract.last_period = *period;
            contract.funded = state.clock;
        }
        Event::Accrued => {
            touch(Part::Head);
            state.accrued = state.clock;
        }
        Event::ModeSet { instrument, mode } => {
            touch(Part::Contract(instrument.0));
            state.contracts[instrument.0].mode = *mode;
        }
        Event::Expired { instrument, .. } => {
            touch(Part::Contract(instrument.0));
            let contract = &mut state.contracts[instrument.0];
            contract.mode = Mode::Settled;
            contract.open = 0;
            // Without a volatility the option has no place in the risk array any more.
            state.market.quotes.instruments[instrument.0].iv = None;
            state.hashes.touch(Part::Market);
        }
        Event::Retired { instrument, last } => retire::retire(state, *instrument, *last),
        Event::Judged { account, status, .. } => {
            touch(Part::Account(*account));
            state.accounts[account.place()].status = *status;
        }
        Event::Watched { version } => {
            touch(Part::Head);
            state.watched = *version;
            state.touched.clear();
        }
        Event::Flowed { spent } => {
            touch(Part::Head);
            state.outflow = (*spent, state.clock);
        }
        Event::Proposed { change, from } => {
            touch(Part::Head);
            touch(Part::Governance);
            let proposal = crate::state::Proposal { change: Change::clone(change), proposed: state.clock, from: *from };
            state.proposals.insert(state.next_proposal, proposal);
            state.next_proposal += 1;
        }
        Event::Activated { proposal } => {
            touch(Part::Governance);
            let change = state.proposals.remove(proposal).expect(DECIDED).change;
            change_parameters(state, change);
        }
        Event::CaseOpened { account, epoch, markets } => {
            touch(Part::Liquidations);
            touch(Part::Case(*account));
            let (offer, auction, markets, shared) = (None, None, markets.clone(), Money::ZERO);
            let case = Case { epoch: *epoch, opened: state.clock, offer, auction, markets, shared };
            state.liquidations.cases.insert(*account, case);
            state.liquidations.last_epoch = *epoch;
        }
        Event::Shared { account, usd } => {
            touch(Part::Case(*account));
            let case = state.liquidations.cases.get_mut(account).expect(DECIDED);
            case.shared = case.shared.plus(*usd).expect(DECIDED);
        }
        Event::Offered { account, offer } => {
            touch(Part::Case(*account));
            state.liquidations.cases.get_mut(account).expect(DECIDED).offer = *offer;
        }
        Event::Auctioned { account } => {
            touch(Part::Case(*account));
            let case = state.liquidations.cases.get_mut(account).expect(DECIDED);
            (case.auction, case.offer) = (Some(state.clock), None);
        }
        Event::CaseClosed { account } => {
            touch(Part::Case(*account));
            state.liquidations.cases.remove(account);
        }
        Event::Transferred { instrument, open, .. } => {
            touch(Part::Contract(instrument.0));
            state.contracts[instrument.0].open = *open;
        }
        Event::Paced { underlying, flow } => {
            touch(Part::Liquidations);
            state.liquidations.flows.insert(*underlying, *flow);
        }
        Event::Measured { underlying, cascade } => {
            touch(Part::Liquidations);
            state.liquidations.cascades.insert(*underlying, *cascade);
        }
        Event::Calmed { until } => {
            touch(Part::Liquidations);
            state.liquidations.calm = *until;
        }
        Event::BackstopSet { account, on } => {
            touch(Part::Liquidations);
            if *on {
                state.liquidations.backstops.insert(*account);
            } else {
                state.liquidations.backstops.remove(account);
            }
        }
        Event::Revoked { proposal } => {
            touch(Part::Governance);
            state.proposals.remove(proposal);
        }
    }
}

/// Remembers that a command has changed an account, so that it is judged.
fn touched(state: &mut State, id: AccountId) {
    if state.touched.insert(id) {
        state.hashes.touch(Part::Head);
    }
}

/// Puts the changed prices into a market.
pub(crate) fn mark(market: &mut Market, marked: &Marked) {
    for (instrument, vol) in &marked.vols {
        if market.listing(*instrument).is_option() {
            market.quotes.instruments[instrument.0].iv = Some(*vol);
        }
    }
    for (underlying, price) in &marked.indices {
        market.quotes.indices[underlying.0] = *price;
    }
    for (asset, price) in &marked.assets {
        market.quotes.prices[asset.0] = *price;
    }
    for (underlying, expiry, price) in &marked.forwards {
        if let Ok(place) = market.quotes.place_of(*underlying, *expiry) {
            market.quotes.expiries[place].forward = *price;
        }
    }
    for (instrument, price) in &marked.marks {
        market.quotes.instruments[instrument.0].mark = *price;
    }
}

/// Adds a feed. It begins at the reference price of its listing, which is not valid.
fn add_feed(state: &mut State, id: FeedId, rules: &marks::FeedRules, reference: Price) {
    state.hashes.touch(Part::Feed(id));
    let clock = state.clock;
    state.feeds.entry(id).or_insert_with(|| {
        let mut feed = Feed::default();
        feed.publish(Quote::reference(reference, clock));
        FeedState { rules: rules.clone(), feed }
    });
}

/// Lists an underlying, unless the market cannot have it.
pub(crate) fn list_underlying(state: &mut State, terms: &UnderlyingTerms) -> Result<(), Invalid> {
    let id = grow_underlying(&mut state.market, terms)?;
    state.open_interest_usd.push(terms.open_interest_usd);
    add_feed(state, FeedId::Index(id), &terms.feed, terms.reference);
    state.hashes.touch(Part::Head);
    state.hashes.touch(Part::Market);
    Ok(())
}

/// Lists an asset, unless the market cannot have it.
pub(crate) fn list_asset(state: &mut State, terms: &AssetTerms) -> Result<(), Invalid> {
    let id = grow_asset(&mut state.market, terms)?;
    state.collateral.push(Collateral {
        since: state.clock,
        base: Quantity::ZERO,
        cap: terms.cap,
        held: Quantity::ZERO,
        settled: Quantity::ZERO,
        reference: 0,
    });
    state.collateral_changed = Some(state.clock);
    if let Some(rules) = &terms.feed {
        // For an asset that follows an underlying, the feed gives units of the underlying per unit of the asset.
        let reference = match terms.follows {
            None => terms.reference,
            Some(underlying) => {
                let index = Money::from_raw(state.market.index(underlying).usd().raw());
                let ratio = Money::from_raw(terms.reference.raw()).per(index, Round::Down).unwrap_or(Ratio::ONE);
                Price::from_raw(ratio.raw())
            }
        };
        add_feed(state, FeedId::Asset(id), rules, reference);
    }
    state.hashes.touch(Part::Head);
    state.hashes.touch(Part::Market);
    state.hashes.touch(Part::Collateral(id));
    Ok(())
}

/// Lists an instrument, unless the market cannot have it.
pub(crate) fn list_instrument(state: &mut State, terms: &InstrumentTerms) -> Result<(), Invalid> {
    let id = grow(&mut state.market, terms)?;
    state.contracts.push(Contract {
        terms: terms.clone(),
        mode: Mode::Open,
        open: 0,
        last_match: 0,
        last_period: 0,
        funded: state.clock,
        samples: Samples::default(),
    });
    if let Some(rules) = &terms.feed {
        let feed = match terms.expiry() {
            Some(expiry) => FeedId::Forward(terms.underlying, expiry),
            None => FeedId::Premium(id),
        };
        add_feed(state, feed, rules, Price::ONE);
    }
    state.hashes.touch(Part::Market);
    state.hashes.touch(Part::Contract(id.0));
    Ok(())
}

/// Lists an underlying in a market, at the reference price.
pub(crate) fn grow_underlying(market: &mut Market, terms: &UnderlyingTerms) -> Result<UnderlyingId, Invalid> {
    let scale = terms.feed.signed.then_some(UsdPrice::new(terms.feed.scale));
    let liquidity = Liquidity { depth: terms.depth.clone(), adv_usd: terms.adv_usd };
    market.list_underlying(
        Underlying { name: terms.name.clone(), scale, basket: None },
        UsdPrice::new(terms.reference),
        &liquidity,
    )
}

/// Lists an asset in a market, at the reference price. It follows the underlying of its name where its terms name none.
pub(crate) fn grow_asset(market: &mut Market, terms: &AssetTerms) -> Result<AssetId, Invalid> {
    let follows = terms.follows.or_else(|| market.underlying(&terms.name));
    let liquidity = Liquidity { depth: terms.depth.clone(), adv_usd: terms.adv_usd };
    market.list_asset(Asset { name: terms.name.clone(), follows }, UsdPrice::new(terms.reference), &liquidity)
}

/// Lists an instrument in a market, with the expiry it needs. Its mark is the index, in its quote, until a tick has
/// marked it.
pub(crate) fn grow(market: &mut Market, terms: &InstrumentTerms) -> Result<InstrumentId, Invalid> {
    let known = |what: &str, id: usize, names: usize| {
        if id < names { Ok(()) } else { Err(Invalid::new(what, id, format_args!("a number below {names}"))) }
    };
    known("underlying", terms.underlying.0, market.underlyings.len())?;
    known("quote", terms.quote.0, market.assets.len())?;
    known("settle", terms.settle.0, market.assets.len())?;
    let index = market.index(terms.underlying);
    let mark = if terms.is_option() {
        QuotePrice::ZERO
    } else {
        let mark = index.to_quote(market.price(terms.quote), Round::Down);
        mark.map_err(|overflow| Invalid::new("mark", index, overflow))?
    };
    let missing = terms.expiry().filter(|expiry| market.expiry(terms.underlying, *expiry).is_none());
    if let Some(expiry) = missing {
        market.list_expiry(terms.underlying, expiry, index)?;
    }
    let contract = Instrument {
        id: InstrumentId(market.instruments.len()),
        name: terms.name.clone(),
        kind: terms.kind.clone(),
        underlying: terms.underlying,
        payoff: terms.payoff,
        quote: terms.quote,
        settle: terms.settle,
        contract_size: terms.contract_size,
        fee_rate: terms.fee_rate,
        venue: None,
    };
    market.list_instrument(contract, mark)
}

fn change_parameters(state: &mut State, change: Change) {
    match change {
        Change::Method { text } => {
            let until = Timestamp::from_micros(state.clock.micros().saturating_add(state.policy.ramp));
            let before = std::mem::replace(&mut state.method.text, text);
            state.method.previous = Some((before, state.clock, until));
        }
        Change::Cap { asset, cap } => {
            let collateral = &mut state.collateral[asset.0];
            collateral.base = collateral.cap_at(state.clock, state.policy.collateral_ramp);
            collateral.since = state.clock;
            if cap > collateral.base {
                state.collateral_changed = Some(state.clock);
            }
            collateral.cap = cap;
            state.hashes.touch(Part::Head);
            state.hashes.touch(Part::Collateral(asset));
        }
        Change::Feed { feed, rules } => {
            state.hashes.touch(Part::Feed(feed));
            state.feeds.get_mut(&feed).expect(DECIDED).rules = rules;
        }
        Change::Limits { instrument, max_order, max_open, band } => {
            state.hashes.touch(Part::Contract(instrument.0));
            let terms = &mut state.contracts[instrument.0].terms;
            (terms.max_order, terms.max_open, terms.band) = (max_order, max_open, band);
        }
        Change::OpenInterest { underlying, usd } => {
            state.hashes.touch(Part::Head);
            state.open_interest_usd[underlying.0] = usd;
        }
        Change::Outflow { window, share, floor } => {
            state.policy.outflow_window = window;
            state.policy.outflow_share = share;
            state.policy.outflow_floor = floor;
        }
        // The effect of these is in the events beside the activation.
        Change::FundOut { .. } | Change::SettlementPrice { .. } => {}
    }
}
