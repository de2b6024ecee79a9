//! Variation settlement, and settlement at expiry.

use model::{CounterPrice, InstrumentId, InstrumentKind, Payoff, Right};
use units::{Overflow, Price, Quantity, Round, Timestamp};

use super::postings::{moved, venue};
use crate::feeds;
use crate::layers::l0;
use crate::state::{Contract, Holder, InstrumentTerms, Mode, Position, Pot, State, times};
use crate::{AccountId, Cause, Event, FeedId, Live, Reject};

/// Pays every position of a perpetual or future its profit at the mark. The cost of the position becomes its worth.
pub fn settle(state: &State, now: Timestamp, instrument: InstrumentId) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, instrument)?;
    let terms = &contract.terms;
    if !matches!(terms.kind, InstrumentKind::Perpetual | InstrumentKind::Future { .. }) {
        return Err(Reject::malformed("instrument", &terms.name, "a perpetual or a future"));
    }
    if contract.mode == Mode::Settled {
        return Err(Reject::Mode { mode: contract.mode });
    }
    feeds::valid(state, now, FeedId::Index(terms.underlying))?;
    let own = match terms.expiry() {
        Some(expiry) => FeedId::Forward(terms.underlying, expiry),
        None => FeedId::Premium(instrument),
    };
    if state.feeds.contains_key(&own) {
        feeds::valid(state, now, own)?;
    }
    let mark = state.market.underlying_mark(instrument).expect("it is no option").in_counter();
    let price = CounterPrice::new(Price::from_raw(mark.raw() - mark.raw().rem_euclid(terms.tick.raw())));
    let mut events = Vec::new();
    for (id, position) in held(state, instrument) {
        let cost = worth(terms, position.lots, price)?;
        let profit = cost.minus(position.cost)?;
        let from = Holder::Pot(Pot::Clearing(instrument));
        moved(&mut events, from, venue(id), terms.settle, profit, Cause::Profit)?;
        if cost != position.cost {
            events.push(Event::Positioned { account: id, position: Position { cost, ..position } });
        }
    }
    Ok(events)
}

/// Settles an expired instrument at the average of its window. The price depends on the samples alone: it is the same
/// whenever the settlement is asked for (I-58). Too few samples make no price; then governance names one.
pub fn expire(state: &State, live: &Live, now: Timestamp, instrument: InstrumentId) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, instrument)?;
    due(contract, now)?;
    let Some(price) = average(state, contract) else {
        let why = format!(
            "{} samples in the settlement window, at least {} make a price",
            contract.samples.count, state.policy.settlement_samples
        );
        let feed = FeedId::Index(contract.terms.underlying);
        return Err(Reject::NoPrice { feed, validity: "invalid".to_owned(), why });
    };
    settled_at(state, live, instrument, price)
}

/// Checks that an instrument is one that expires, has expired and is not settled yet.
pub fn due(contract: &Contract, now: Timestamp) -> Result<(), Reject> {
    let Some(expiry) = contract.terms.expiry() else {
        return Err(Reject::malformed("instrument", &contract.terms.name, "a future or an option"));
    };
    if contract.mode == Mode::Settled {
        return Err(Reject::Mode { mode: contract.mode });
    }
    if now < expiry { Err(Reject::Expiry { expiry, clock: now }) } else { Ok(()) }
}

/// The settlement price, when enough samples make one: their mean, rounded down.
pub fn average(state: &State, contract: &Contract) -> Option<CounterPrice> {
    let samples = contract.samples;
    let enough = samples.count > 0 && samples.count >= state.policy.settlement_samples;
    let mean = || samples.sum.in_counter().raw().div_euclid(i128::from(samples.count));
    enough.then(|| CounterPrice::new(Price::from_raw(mean())))
}

/// Pays every position its worth at `price`, leaves nothing of the instrument and retires it.
///
/// The clearing pot pays every holder and charges every writer, whatever they have: no settlement waits for the
/// solvency of another account (I-59), and an amount that an account cannot pay becomes its debt. There is nothing to
/// assign: all lots of an instrument are settled at once (I-60). Each amount is rounded against its account; the
/// remainder goes to the rounding pot, and the clearing pot is empty after it.
pub fn settled_at(
    state: &State,
    live: &Live,
    instrument: InstrumentId,
    price: CounterPrice,
) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, instrument)?;
    let terms = &contract.terms;
    let clearing = Pot::Clearing(instrument);
    let cause = if terms.is_option() { Cause::Exercise } else { Cause::Profit };
    let (mut events, mut paid) = (Vec::new(), Quantity::ZERO);
    for (id, position) in held(state, instrument) {
        let amount = worth(terms, position.lots, price)?.minus(position.cost)?;
        moved(&mut events, Holder::Pot(clearing), venue(id), terms.cash(), amount, cause)?;
        events
            .push(Event::Positioned { account: id, position: Position { instrument, lots: 0, cost: Quantity::ZERO } });
        paid = paid.plus(amount)?;
    }
    let rest = state.pot(clearing, terms.cash()).minus(paid)?;
    let (from, to) = (Holder::Pot(clearing), Holder::Pot(Pot::Rounding));
    moved(&mut events, from, to, terms.cash(), rest, Cause::Rounding)?;
    for (id, account) in numbered(state) {
        let orders = account.orders.iter().filter(|order| order.instrument == instrument);
        events.extend(orders.map(|order| Event::OrderClosed { account: id, order: order.id }));
    }
    events.push(Event::Expired { instrument, price });
    events.push(live.retire(state, instrument));
    Ok(events)
}

/// The worth of lots at a settlement price, in the asset that cash is paid in. It is rounded down: a credit becomes
/// less, a debt more. For an inverse contract it is minus the coins that the lots stand for, as its cost is.
pub fn worth(terms: &InstrumentTerms, lots: i64, price: CounterPrice) -> Result<Quantity, Overflow> {
    let units = times(terms.unit(), lots)?;
    let at =
        |price: CounterPrice| units.at(price.in_counter(), Round::Down).map(|money| Quantity::from_raw(money.raw()));
    match (&terms.kind, terms.payoff) {
        (InstrumentKind::Option { strike, right, .. }, payoff) => {
            let gain = match right {
                Right::Call => price.minus(*strike)?,
                Right::Put => strike.minus(price)?,
            };
            let pay = at(gain.max(CounterPrice::ZERO))?;
            match payoff {
                Payoff::Linear => Ok(pay),
                Payoff::Inverse => pay.over(price.in_counter(), Round::Down),
            }
        }
        (_, Payoff::Linear) => at(price),
        (_, Payoff::Inverse) => units.over(price.in_counter(), Round::Up)?.negated(),
    }
}

fn numbered(state: &State) -> impl Iterator<Item = (AccountId, &crate::state::AccountState)> {
    let number = |place: usize| AccountId(u32::try_from(place).expect("ids are u32"));
    state.accounts.iter().enumerate().map(move |(place, account)| (number(place), account))
}

fn held(state: &State, instrument: InstrumentId) -> impl Iterator<Item = (AccountId, Position)> {
    numbered(state).map(move |(id, account)| (id, account.position(instrument))).filter(|(_, held)| held.lots != 0)
}
