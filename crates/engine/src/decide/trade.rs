//! Fills: two accounts traded, at the market or because one of them is liquidated.

use liquidation::pace::Flow;
use model::{AssetId, InstrumentId, InstrumentKind, Side};
use units::{Money, Overflow, Price, Quantity, Ratio, Round, Timestamp};

use super::orders::reduces;
use super::postings::{cost, exchange, moved, venue};
use crate::desk::Spent;
use crate::layers::{l0, l1, l2, l4, l5, l6};
use crate::state::{AccountState, Contract, Holder, Offer, Order, Position, Pot, State, times};
use crate::{AccountId, Cause, Desk, Event, Noun, Party, Reject, Status};

/// What was traded. Lots are positive in a fill; in a liquidation they are signed as the liquidated account trades them.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// What.
    pub instrument: InstrumentId,
    /// The number of the match.
    pub match_id: u64,
    /// At what price.
    pub price: Price,
    /// How much.
    pub lots: i64,
}

/// Room for the events of a fill: seldom are there more.
const EVENTS: usize = 10;

/// One side of a trade.
struct Leg<'a> {
    id: AccountId,
    account: &'a AccountState,
    /// What the account has of the instrument before it.
    held: Position,
    lots: i64,
    fee: Quantity,
    order: Option<Order>,
    fee_to: (Pot, Cause),
}

/// What becomes of the account of a leg: its events, and what they come to.
struct Traded {
    events: std::ops::Range<usize>,
    spent: Spent,
}

/// Books a match between two accounts, if both may.
pub fn fill(
    state: &State,
    desk: &Desk,
    now: Timestamp,
    fill: Fill,
    buyer: &Party,
    seller: &Party,
) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, fill.instrument)?;
    let buying = leg(state, &fill, buyer, fill.lots)?;
    let selling = leg(state, &fill, seller, fill.lots.saturating_neg())?;
    let both = [&buying, &selling];
    sound(state, contract, &fill, fill.lots)?;
    both.iter().try_for_each(|leg| fits(&fill, leg))?;
    fees_within(state, contract, &fill, &[buyer.fee, seller.fee], state.policy.fee_cap)?;
    if buyer.account == seller.account {
        return Err(Reject::SelfTrade { account: buyer.account });
    }
    let reducing = both.iter().all(|leg| reduces(leg.held.lots, leg.lots));
    l1::takes(contract, now, reducing)?;
    l1::in_band(state, fill.instrument, fill.price)?;
    if contract.terms.kind == InstrumentKind::Spot {
        return spot((state, desk, now), contract, &fill, &buying, &selling);
    }
    let open = open_after(contract, &both)?;
    l1::open_interest(contract, open)?;
    let mut events = Vec::with_capacity(EVENTS);
    let bought = trade(&mut events, contract, &fill, &buying)?;
    let sold = trade(&mut events, contract, &fill, &selling)?;
    both.iter().try_for_each(|leg| within_account(state, leg))?;
    for (leg, traded) in both.into_iter().zip([&bought, &sold]) {
        checked((state, desk, now), contract, &fill, leg, (traded, &events))?;
    }
    within_system((state, desk), contract, &fill, &both, open)?;
    let Fill { instrument, match_id, price, lots } = fill;
    events.push(Event::Matched { instrument, match_id, price, lots, open });
    events.extend(both.into_iter().filter_map(|leg| l4::outdated(state, leg.id)));
    Ok(events)
}

/// Books the trade that was offered for an account below maintenance, or a part of it, on valid prices only (I-35); never leaves
/// it worse (I-37), and trades no more of the underlying than its depth bears.
pub fn liquidation(
    state: &State,
    desk: &Desk,
    now: Timestamp,
    fill: Fill,
    (account, counterparty): (AccountId, AccountId),
    fee: Quantity,
) -> Result<Vec<Event>, Reject> {
    let contract = l0::contract(state, fill.instrument)?;
    let whose = l0::account(state, account)?;
    let other = l0::account(state, counterparty)?;
    sound(state, contract, &fill, fill.lots.saturating_abs())?;
    fees_within(state, contract, &fill, &[fee], state.policy.liquidation_fee)?;
    // Nobody takes over what they own already: a liquidation is no way to trade with oneself (I-39).
    if whose.owner == other.owner {
        return Err(Reject::SelfTrade { account });
    }
    let held = whose.position(fill.instrument);
    l1::takes(contract, now, reduces(held.lots, fill.lots))?;
    l1::in_band(state, fill.instrument, fill.price)?;
    l4::calm(state, now)?;
    let offer = offered(state, account, &fill)?;
    let fund = (Pot::MarketFund(contract.terms.underlying), Cause::LiquidationFee);
    let liquidated = Leg { id: account, account: whose, held, lots: fill.lots, fee, order: None, fee_to: fund };
    let taking = Leg {
        id: counterparty,
        account: other,
        held: other.position(fill.instrument),
        lots: fill.lots.saturating_neg(),
        fee: Quantity::ZERO,
        order: None,
        fee_to: fund,
    };
    let spot = contract.terms.kind == InstrumentKind::Spot;
    let open = if spot { 0 } else { open_after(contract, &[&liquidated, &taking])? };
    l1::open_interest(contract, open)?;
    let mut trades = Vec::with_capacity(EVENTS);
    let sides = if spot { exchanged } else { traded };
    let [traded, taken] = sides(&mut trades, state, contract, &fill, [&liquidated, &taking])?;
    within_account(state, &taking)?;
    let assess = |whose: &AccountState| {
        desk.judge(state, whose).map_err(|why| Reject::NotAssessable { account, why: why.to_string() })
    };
    checked((state, desk, now), contract, &fill, &taking, (&taken, &trades))?;
    let (held, left) = (assess(whose)?, assess(&after(&liquidated, &trades[traded.events])?)?);
    let excess = |judged: &crate::Judged| judged.equity.minus(judged.maintenance_margin);
    let (before, after) = (excess(&held)?, excess(&left)?);
    if after < before {
        return Err(Reject::Worse { account, before, after });
    }
    l4::trusted(state, desk, now, whose)?;
    if held.status > Status::Liquidation {
        return Err(Reject::NotInLiquidation { account, status: held.status });
    }
    // A fee is never paid out of what is not there (I-40).
    let price = state.market.assets[contract.terms.cash().0].price;
    let there = Quantity::from_raw(held.equity.max(Money::ZERO).raw()).over(price, Round::Down)?;
    if fee > there {
        return Err(Reject::Balance { asked: fee, there });
    }
    within_system((state, desk), contract, &fill, &[&taking], open)?;
    let flow = paced(state, now, contract, fill.lots)?;
    // What it was liquidated on is recorded with it: whoever asks why finds the figures beside the trade (I-35).
    let crate::Judged { equity, initial_margin, maintenance_margin, status, .. } = held;
    let version = state.version;
    let mut events = vec![Event::Judged { account, status, equity, initial_margin, maintenance_margin, version }];
    events.extend(trades);
    let Fill { instrument, match_id, price, lots } = fill;
    events.push(Event::Matched { instrument, match_id, price, lots: lots.saturating_abs(), open });
    let left = Some(Offer { lots: offer.lots - lots, ..offer }).filter(|left| left.lots != 0);
    events.push(Event::Offered { account, offer: left });
    events.push(Event::Paced { underlying: contract.terms.underlying, flow });
    events.extend(l4::outdated(state, counterparty));
    Ok(events)
}

/// The events of both sides of a derivative.
fn traded(
    events: &mut Vec<Event>,
    _: &State,
    contract: &Contract,
    fill: &Fill,
    legs: [&Leg<'_>; 2],
) -> Result<[Traded; 2], Reject> {
    let [one, other] = legs;
    Ok([trade(events, contract, fill, one)?, trade(events, contract, fill, other)?])
}

/// The same of spot, by which a debt is repaid: what is sold against what is paid, both out of what is there.
fn exchanged(
    events: &mut Vec<Event>,
    state: &State,
    contract: &Contract,
    fill: &Fill,
    [liquidated, taking]: [&Leg<'_>; 2],
) -> Result<[Traded; 2], Reject> {
    let (terms, base) = (&contract.terms, base_of(state, contract)?);
    let lots = fill.lots.saturating_abs();
    let (paid, units) = (cost(lots, fill.price, terms)?, times(terms.unit(), lots)?);
    let (buyer, seller) = if fill.lots > 0 { (liquidated, taking) } else { (taking, liquidated) };
    for (leg, asset, amount) in [(buyer, terms.quote, paid), (seller, base, units)] {
        l5::may_leave(state, &leg.account.balance(asset, None), amount)?;
    }
    moved(events, (venue(buyer.id), venue(seller.id)), terms.quote, paid, Cause::Exchange)?;
    moved(events, (venue(seller.id), venue(buyer.id)), base, units, Cause::Exchange)?;
    let fund = (venue(liquidated.id), Holder::Pot(liquidated.fee_to.0));
    moved(events, fund, terms.cash(), liquidated.fee, liquidated.fee_to.1)?;
    // No position changes; both sides are asked about as they become.
    let spent = |leg: &Leg<'_>| Spent {
        position: leg.held,
        lots: 0,
        asset: terms.quote,
        paid: Quantity::ZERO,
        gained: Quantity::ZERO,
    };
    Ok([liquidated, taking].map(|leg| Traded { events: 0..events.len(), spent: spent(leg) }))
}

/// The offer that a fill is a part of: of its instrument, its side, no more, and no worse (I-38, I-42).
fn offered(state: &State, account: AccountId, fill: &Fill) -> Result<Offer, Reject> {
    let offer = state.liquidations.cases.get(&account).and_then(|case| case.offer);
    let current = offer.filter(|offer| offer.version == state.version && offer.instrument == fill.instrument);
    let fits = current.filter(|offer| {
        let no_worse = if offer.lots > 0 { fill.price <= offer.worst } else { fill.price >= offer.worst };
        no_worse && (offer.lots > 0) == (fill.lots > 0) && fill.lots.unsigned_abs() <= offer.lots.unsigned_abs()
    });
    fits.ok_or_else(|| {
        let said = |offer: Offer| {
            let name = &state.contracts[offer.instrument.0].terms.name;
            format!("{} lots of {name} at {} or better, in version {}", offer.lots, offer.worst, offer.version)
        };
        let offered = offer.map_or_else(|| "nothing is".to_owned(), |offer| format!("offered: {}", said(offer)));
        Reject::NoOffer { account, version: state.version, offered }
    })
}

/// What liquidations have traded of an underlying with so many lots more, if its depth bears them.
fn paced(state: &State, now: Timestamp, contract: &Contract, lots: i64) -> Result<Flow, Reject> {
    let underlying = contract.terms.underlying;
    let asked = state.lots_usd(&contract.terms, lots)?;
    let left = l6::room(state, now, underlying);
    if asked > left {
        return Err(Reject::Paced { asked, left });
    }
    Ok(l6::spend(state, now, underlying, asked))
}

/// Form of the fill itself: known once, whole lots, on a tick, not too large.
fn sound(state: &State, contract: &Contract, fill: &Fill, lots: i64) -> Result<(), Reject> {
    l0::rising(Noun::Match, fill.match_id, contract.last_match)?;
    l0::lots(lots)?;
    l1::on_tick(state, contract, fill.price)?;
    // At a price of 0 nothing is paid.
    let paid = cost_value(contract, fill, lots)?;
    if paid == Quantity::ZERO { Ok(()) } else { l0::amount("cost", paid) }
}

/// The cash of a trade, whoever pays it.
fn cost_value(contract: &Contract, fill: &Fill, lots: i64) -> Result<Quantity, Overflow> {
    let cost = cost(lots, fill.price, &contract.terms)?;
    if cost.is_negative() { cost.negated() } else { Ok(cost) }
}

fn leg<'a>(state: &'a State, fill: &Fill, party: &Party, lots: i64) -> Result<Leg<'a>, Reject> {
    let account = l0::account(state, party.account)?;
    let order = match party.order {
        None => None,
        Some(number) => {
            let unknown = Reject::Unknown { what: Noun::Order, id: number.0 };
            Some(*account.order(number).filter(|order| order.instrument == fill.instrument).ok_or(unknown)?)
        }
    };
    let held = account.position(fill.instrument);
    Ok(Leg { id: party.account, account, held, lots, fee: party.fee, order, fee_to: (Pot::Fees, Cause::Fee) })
}

/// Whether a fill is one that the order of its leg allows: its side, no worse a price, no more than is left of it.
fn fits(fill: &Fill, leg: &Leg<'_>) -> Result<(), Reject> {
    let Some(order) = leg.order else { return Ok(()) };
    let side = if leg.lots > 0 { Side::Buy } else { Side::Sell };
    let no_worse = if leg.lots > 0 { fill.price <= order.limit } else { fill.price >= order.limit };
    if order.side == side && no_worse && leg.lots.saturating_abs() <= order.lots {
        return Ok(());
    }
    let expected = format!("a fill of at most {} lots, {:?} at {} or better", order.lots, order.side, order.limit);
    Err(Reject::malformed("order", order.id.0, expected))
}

/// Fees are not negative and at most a share of the notional at the trade price (I-06).
fn fees_within(state: &State, contract: &Contract, fill: &Fill, fees: &[Quantity], share: Ratio) -> Result<(), Reject> {
    let terms = &contract.terms;
    let lots = fill.lots.saturating_abs();
    // Of an option the notional is that of what it is on.
    let notional = if terms.is_option() {
        let units = times(terms.unit(), lots)?;
        match terms.payoff {
            model::Payoff::Linear => {
                Quantity::from_raw(units.at(state.market.underlyings[terms.underlying.0].index, Round::Up)?.raw())
            }
            model::Payoff::Inverse => units,
        }
    } else {
        cost_value(contract, fill, lots)?
    };
    let most = notional.scaled(share, Round::Up)?;
    match fees.iter().find(|fee| fee.is_negative() || **fee > most) {
        Some(fee) => Err(Reject::malformed("fee", fee, format!("0 to {most}"))),
        None => Ok(()),
    }
}

/// Adds the events of one side.
fn trade(events: &mut Vec<Event>, contract: &Contract, fill: &Fill, leg: &Leg<'_>) -> Result<Traded, Overflow> {
    let from = events.len();
    let cost = cost(leg.lots, fill.price, &contract.terms)?;
    let (position, gained) = exchange(events, (leg.id, leg.held), contract, leg.lots, cost)?;
    let ((pot, cause), asset) = (leg.fee_to, contract.terms.cash());
    moved(events, (venue(leg.id), Holder::Pot(pot)), asset, leg.fee, cause)?;
    events.extend(consumed(leg));
    let (paid, gained) = (cost.plus(leg.fee)?, gained.minus(leg.fee)?);
    Ok(Traded { events: from..events.len(), spent: Spent { position, lots: leg.lots, asset, paid, gained } })
}

/// What is left of the order that a leg fills.
fn consumed(leg: &Leg<'_>) -> Option<Event> {
    let order = leg.order?;
    let left = order.lots - leg.lots.saturating_abs();
    Some(if left == 0 {
        Event::OrderClosed { account: leg.id, order: order.id }
    } else {
        Event::Ordered { account: leg.id, order: Order { lots: left, ..order } }
    })
}

/// The account of a leg as the events leave it.
fn after(leg: &Leg<'_>, events: &[Event]) -> Result<AccountState, Overflow> {
    let mut account = leg.account.clone();
    follow(&mut account, leg.id, events)?;
    Ok(account)
}

/// Makes of an account what events leave of it. What of a balance is profit does not matter to its worth.
pub fn follow(whose: &mut AccountState, id: AccountId, events: &[Event]) -> Result<(), Overflow> {
    for event in events {
        match event {
            Event::Moved { from, to, asset, amount, .. } => {
                for (holder, amount) in [(*from, amount.negated()?), (*to, *amount)] {
                    if holder == venue(id) {
                        let mut balance = whose.balance(*asset, None);
                        balance.amount = balance.amount.plus(amount)?;
                        whose.set_balance(balance);
                    }
                }
            }
            Event::Positioned { account, position } if *account == id => whose.set_position(*position),
            Event::Ordered { account, order } if *account == id => {
                if let Ok(place) = whose.orders.binary_search_by_key(&order.id, |known| known.id) {
                    whose.orders[place] = *order;
                }
            }
            Event::OrderClosed { account, order } if *account == id => whose.orders.retain(|known| known.id != *order),
            _ => {}
        }
    }
    Ok(())
}

/// Layer 1 of one side: how many positions it may have, and whether its order may only reduce.
fn within_account(state: &State, leg: &Leg<'_>) -> Result<(), Reject> {
    let held = leg.held.lots;
    if held == 0 {
        l1::one_more_position(state, leg.account)?;
    }
    match leg.order {
        Some(order) if order.reduce_only && !reduces(held, leg.lots) => {
            Err(Reject::NotReducing { lots: leg.lots, held })
        }
        _ => Ok(()),
    }
}

/// Layer 2 of one side.
fn checked(
    (state, desk, now): (&State, &Desk, Timestamp),
    contract: &Contract,
    fill: &Fill,
    leg: &Leg<'_>,
    (traded, events): (&Traded, &[Event]),
) -> Result<(), Reject> {
    let flattered = flattered(state, contract, fill, leg.lots)?;
    let surcharge = l6::surcharge(state, contract.terms.underlying);
    if surcharge == Ratio::ONE && l2::spends(state, desk, now, leg.id, &traded.spent, flattered) {
        return Ok(());
    }
    let after = after(leg, &events[traded.events.clone()])?;
    let shrinks = reduces(leg.held.lots, leg.lots);
    let (id, before) = (leg.id, leg.account);
    let outcome = l2::Outcome { now, id, before, after: &after, flattered, shrinks, surcharge };
    l2::holds(state, desk, &outcome)
}

/// What a leg gains against the mark, in USD, rounded up: the part of equity that layer 2 does not count.
fn flattered(state: &State, contract: &Contract, fill: &Fill, lots: i64) -> Result<Money, Overflow> {
    let terms = &contract.terms;
    let mark = state.market.listing(fill.instrument).mark;
    if mark <= Price::ZERO && terms.payoff == model::Payoff::Inverse {
        return Ok(Money::ZERO);
    }
    let gain = cost(lots, mark, terms)?.minus(cost(lots, fill.price, terms)?)?;
    if gain <= Quantity::ZERO {
        return Ok(Money::ZERO);
    }
    times_price(gain, state.market.assets[terms.cash().0].price)
}

fn times_price(amount: Quantity, price: Price) -> Result<Money, Overflow> {
    amount.at(price, Round::Up)
}

/// Lots open after the trade: the sum of long positions.
fn open_after(contract: &Contract, legs: &[&Leg<'_>]) -> Result<i64, Overflow> {
    let overflow = Overflow { quantity: "open interest" };
    legs.iter().try_fold(contract.open, |open, leg| {
        let held = leg.held.lots;
        let after = held.checked_add(leg.lots).ok_or(overflow)?;
        open.checked_add(after.max(0) - held.max(0)).ok_or(overflow)
    })
}

/// Layer 6 of those who add to their positions.
fn within_system(
    (state, desk): (&State, &Desk),
    contract: &Contract,
    fill: &Fill,
    legs: &[&Leg<'_>],
    open: i64,
) -> Result<(), Reject> {
    for leg in legs {
        let held = leg.held.lots;
        if !reduces(held, leg.lots) {
            l6::concentration((state, desk), leg.id, fill.instrument, (held, held + leg.lots), open)?;
        }
    }
    if open > contract.open {
        l6::fund(state, desk, fill.instrument, open)?;
    }
    Ok(())
}

/// Spot: what is bought against what is paid. Nobody borrows on spot, and profit pays only once it is settled (I-28).
fn spot(
    (state, desk, now): (&State, &Desk, Timestamp),
    contract: &Contract,
    fill: &Fill,
    buying: &Leg<'_>,
    selling: &Leg<'_>,
) -> Result<Vec<Event>, Reject> {
    let terms = &contract.terms;
    let base = base_of(state, contract)?;
    let (paid, units) = (cost(fill.lots, fill.price, terms)?, times(terms.unit(), fill.lots)?);
    let mut events = Vec::new();
    let owed = paid.plus(buying.fee)?;
    for (leg, asset, amount) in [(buying, terms.quote, owed), (selling, base, units)] {
        l5::may_leave(state, &leg.account.balance(asset, None), amount)?;
    }
    moved(&mut events, (venue(buying.id), venue(selling.id)), terms.quote, paid, Cause::Exchange)?;
    moved(&mut events, (venue(selling.id), venue(buying.id)), base, units, Cause::Exchange)?;
    for leg in [buying, selling] {
        moved(&mut events, (venue(leg.id), Holder::Pot(Pot::Fees)), terms.quote, leg.fee, Cause::Fee)?;
    }
    events.extend(consumed(buying));
    events.extend(consumed(selling));
    for leg in [buying, selling] {
        let after = after(leg, &events)?;
        let (id, before, flattered, surcharge) = (leg.id, leg.account, Money::ZERO, Ratio::ONE);
        let outcome = l2::Outcome { now, id, before, after: &after, flattered, shrinks: false, surcharge };
        l2::holds(state, desk, &outcome)?;
    }
    let Fill { instrument, match_id, price, lots } = *fill;
    events.push(Event::Matched { instrument, match_id, price, lots, open: 0 });
    events.extend([buying, selling].into_iter().filter_map(|leg| l4::outdated(state, leg.id)));
    Ok(events)
}

/// The asset that spot delivers: the one that bears the name of the underlying.
fn base_of(state: &State, contract: &Contract) -> Result<AssetId, Reject> {
    let name = &state.market.underlyings[contract.terms.underlying.0].name;
    state.market.asset(name).ok_or_else(|| Reject::malformed("instrument", name, "an asset of that name"))
}
