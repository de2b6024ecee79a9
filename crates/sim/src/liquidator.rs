//! Drives liquidations and trades against them: the engine's own driver, a market that fills offers, and owners who
//! deposit at the last moment.
//!
//! The possible commands are known only after the tick, so each round is made from the current state and sent before the
//! next round is made.

use engine::state::{Mode, Offer, State};
use engine::{AccountId, Engine, Envelope, Status};
use model::{AssetId, InstrumentId, Payoff, UnderlyingId};
use operator::{Duty, Taken};
use units::{Price, Quantity};

use crate::swarm::Corner;
use crate::world::{ONE, SECOND, USDC, World};
use crate::{bidder, meddler, scene};

/// The number of rounds after a tick: steps are requested in even rounds and answered in odd ones.
pub const ROUNDS: u64 = 6;

/// The commands of a round after a tick.
pub fn round(world: &mut World, engine: &Engine, (tick, round): (u64, u64)) -> Vec<Envelope> {
    let state = engine.state();
    let mut made = if tick == 1 && round == 0 { bidder::registered(world, state) } else { Vec::new() };
    if tick < 2 || state.accounts.len() < 2 {
        return made;
    }
    if tick == 2 && round == 0 && world.swarm.seeks(Corner::Depeg) {
        made.extend(stable_collateral(world, state));
    }
    let busy = !state.liquidations.cases.is_empty();
    if busy && world.faulty {
        made.extend(interference(world, state));
    }
    if round == 0 && world.faulty && world.swarm.seeks(Corner::Halts) {
        made.extend(halted(world, state));
    }
    // Every other tick the engine measures how near a cascade is.
    if round == 0 && tick.is_multiple_of(2) {
        made.extend(world.written(state, |batch| batch.duty(Duty::Measure)));
    }
    if world.faulty && world.swarm.seeks(Corner::Meddlers) {
        made.extend(meddler::round(world, state, (tick, round)));
    }
    made.extend(scene::round(world, engine, round));
    if round.is_multiple_of(2) {
        made.extend(bidder::late(world, engine));
        made.extend(asked(world, state));
    } else if busy {
        made.extend(answered(world, state));
        made.extend(bidder::bids(world, engine));
    }
    made
}

/// Deposits much of the stablecoin to every account, so that long and short accounts lose with it and are liquidated at
/// the same time.
fn stable_collateral(world: &World, state: &State) -> Vec<Envelope> {
    let accounts = 2..u32::try_from(state.accounts.len()).expect("ids are u32");
    let amount = Quantity::from_raw(2_000_000 * ONE);
    world.written(state, |batch| accounts.for_each(|account| batch.deposit(AccountId(account), USDC, None, amount)))
}

/// Requests the next step for accounts in liquidation, in random order. Sometimes a step is left out, and sometimes one
/// is requested for a healthy account.
fn asked(world: &mut World, state: &State) -> Vec<Envelope> {
    let mut places: Vec<usize> = (0..state.accounts.len())
        .filter(|place| {
            let account = AccountId(u32::try_from(*place).expect("ids are u32"));
            let ill =
                state.accounts[*place].status <= Status::Liquidation || state.liquidations.cases.contains_key(&account);
            let likely = if scene::waits(world, account) { 50 } else { 850 };
            ill && world.dice.chance(likely)
        })
        .collect();
    if world.faulty && world.dice.chance(20) {
        places.push(world.dice.place(state.accounts.len()));
    }
    for place in (1..places.len()).rev() {
        let other = world.dice.place(place + 1);
        places.swap(place, other);
    }
    let steps = places.into_iter().map(|place| AccountId(u32::try_from(place).expect("ids are u32")));
    world.written(state, |batch| steps.for_each(|account| batch.duty(Duty::Liquidate(account))))
}

/// Halts every market in which an account below maintenance could trade, and opens it again.
fn halted(world: &mut World, state: &State) -> Vec<Envelope> {
    let ill =
        state.accounts.iter().find(|account| account.status <= Status::Liquidation && !account.positions.is_empty());
    let of = |account: &engine::state::AccountState| -> Vec<UnderlyingId> {
        account.positions.iter().map(|held| state.contracts[held.instrument.0].terms.underlying).collect()
    };
    let underlyings = ill.map(of).unwrap_or_default();
    let halts = !underlyings.is_empty() && world.dice.chance(500);
    if !halts && !world.dice.chance(100) {
        return Vec::new();
    }
    let contracts = state.contracts.iter().enumerate().filter(|(_, contract)| {
        let other = if halts { Mode::Open } else { Mode::Halted };
        contract.mode == other && (!halts || underlyings.contains(&contract.terms.underlying))
    });
    let mode = if halts { Mode::Halted } else { Mode::Open };
    world.written(state, |batch| contracts.for_each(|(place, _)| batch.set_mode(InstrumentId(place), mode)))
}

/// Events between a plan and its trade: owners deposit, instruments expire, backstops come and go, and time passes.
fn interference(world: &mut World, state: &State) -> Vec<Envelope> {
    let mut batch = world.batch(state);
    let cases: Vec<AccountId> = state.liquidations.cases.keys().copied().collect();
    let account = cases[world.dice.place(cases.len())];
    if world.dice.chance(25) {
        let amount = Quantity::from_raw(i128::from(world.dice.pick(&[1_i64, 500, 20_000])) * ONE);
        batch.deposit(account, AssetId(0), None, amount);
    }
    if world.dice.chance(15) {
        // The expired positions of the account are settled first, its hedge among them.
        for position in &state.accounts[account.place()].positions {
            let instrument = position.instrument;
            if state.contracts[instrument.0].terms.expiry().is_some_and(|expiry| expiry.micros() <= world.now) {
                batch.duty(Duty::Expire(instrument));
            }
        }
    }
    if world.dice.chance(20) {
        let on = world.dice.chance(600);
        let account = AccountId(u32::try_from(world.dice.place(state.accounts.len())).expect("ids are u32"));
        batch.set_backstop(account, on);
    }
    world.now += world.dice.pick(&[0, 0, 1, 3]) * SECOND;
    if world.dice.chance(6) {
        // No report arrives for so long that prices are too old.
        world.now += 155 * SECOND;
    }
    batch.done()
}

/// Fills the offers of liquidations.
fn answered(world: &mut World, state: &State) -> Vec<Envelope> {
    let mut batch = world.batch(state);
    for (account, case) in &state.liquidations.cases {
        if let Some(offer) = case.offer {
            let stale = offer.version != state.version;
            if world.dice.chance(if stale { 150 } else { 900 }) {
                batch.liquidation_fill(&taken(world, state, *account, offer));
            }
        }
    }
    batch.done()
}

/// A trade of an offer, whole or in part. Sometimes it is too large, at too bad a price, or with an account of the same
/// owner.
fn taken(world: &mut World, state: &State, account: AccountId, offer: Offer) -> Taken {
    let terms = &state.contracts[offer.instrument.0].terms;
    let sign = offer.lots.signum();
    let all = offer.lots.saturating_abs();
    let lots = match world.dice.below(12) {
        7 => (all / 2).max(1),
        8 | 9 => world.dice.between(1, all),
        10 if world.faulty => all + 1,
        11 if world.faulty => all.saturating_mul(3),
        _ => all,
    };
    let tick = terms.tick.raw();
    let mark = state.market.mark(offer.instrument).in_quote().raw();
    let at_mark = if sign > 0 { (mark + tick - 1).div_euclid(tick) } else { mark.div_euclid(tick) } * tick;
    let price = match world.dice.below(10) {
        0..=4 => offer.worst.raw(),
        5..=7 => at_mark,
        8 if world.faulty => offer.worst.raw() + i128::from(sign) * tick * i128::from(world.dice.pick(&[1_i64, 10])),
        _ => i128::midpoint(at_mark, offer.worst.raw()) / tick * tick,
    };
    let owner = state.accounts[account.place()].owner;
    let linked = |place: &usize| state.accounts[*place].owner == owner && *place != account.place();
    let maker = AccountId(u32::from(account.0 == 0 || (account.0 != 1 && world.dice.chance(400))));
    let any = AccountId(u32::try_from(world.dice.place(state.accounts.len())).expect("ids are u32"));
    let own = (0..state.accounts.len()).find(linked).map(|place| AccountId(u32::try_from(place).expect("ids are u32")));
    let counterparty = match world.dice.below(12) {
        0 if world.faulty => own.unwrap_or(account),
        1 if world.faulty => any,
        _ => maker,
    };
    let value = terms.unit().raw() / 1_000_000 * (price / 1_000_000) / 1_000_000 * i128::from(lots);
    let share = world.dice.pick(&[0_i128, 0, 1, 5]);
    let fee = if terms.payoff == Payoff::Inverse { 0 } else { value.abs() / 1000 * share };
    let (instrument, price, fee) = (offer.instrument, Price::from_raw(price), Quantity::from_raw(fee));
    Taken { account, counterparty, instrument, price, lots: sign * lots, fee }
}
