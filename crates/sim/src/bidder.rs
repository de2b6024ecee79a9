//! Accounts that take over portfolios: bidders that are good, greedy, poor, late or gone.

use engine::state::{Case, State};
use engine::{AccountId, Engine, Envelope};
use liquidation::auction::{self, Sale};
use operator::Batch;
use units::{Money, Ratio, Round};

use crate::swarm::{Bidders, Corner};
use crate::world::{ONE, World};

/// Registers the backstops of the venue: the market makers, and sometimes another account, which may be too poor for it.
pub fn registered(world: &mut World, state: &State) -> Vec<Envelope> {
    let mut batch = world.batch(state);
    let auctions = world.swarm.seeks(Corner::Auctions);
    for number in 0..world.swarm.backstops.max(u32::from(auctions)) {
        let account = if world.dice.chance(800) { AccountId(number) } else { anyone(world, state) };
        batch.set_backstop(account, true);
    }
    if auctions && world.dice.chance(500) {
        batch.set_backstop(anyone(world, state), true);
    }
    batch.done()
}

/// Bids for portfolios in auction. A bidder may be deregistered before its bid arrives, and a backstop returns when all
/// have gone.
pub fn bids(world: &mut World, engine: &Engine) -> Vec<Envelope> {
    let state = engine.state();
    let mut batch = world.batch(state);
    for (account, case) in state.liquidations.cases.iter().filter(|(_, case)| case.auction.is_some()) {
        let eager = if world.swarm.bidders == Bidders::Vanishing { 60 } else { 500 };
        if !world.dice.chance(eager) {
            continue;
        }
        let bidder = bidder(world, state);
        if world.faulty && world.dice.chance(if world.swarm.bidders == Bidders::Vanishing { 500 } else { 30 }) {
            batch.set_backstop(bidder, false);
        }
        bid(world, engine, (bidder, *account), case, &mut batch);
    }
    let wanted = world.swarm.backstops > 0 || world.swarm.seeks(Corner::Auctions);
    if state.liquidations.backstops.is_empty() && wanted && world.dice.chance(20) {
        batch.set_backstop(AccountId(0), true);
    }
    batch.done()
}

/// Deregisters all backstops at once.
pub fn vanish(world: &World, state: &State) -> Vec<Envelope> {
    world.written(state, |batch| {
        state.liquidations.backstops.iter().for_each(|account| batch.set_backstop(*account, false));
    })
}

/// Bids that arrive when an auction has just ended, before anyone has requested the next step.
pub fn late(world: &mut World, engine: &Engine) -> Vec<Envelope> {
    let state = engine.state();
    let rules = &state.policy.liquidation;
    let mut batch = world.batch(state);
    for (account, case) in &state.liquidations.cases {
        let over = case.auction.is_some_and(|began| world.now - began.micros() >= rules.fast + rules.slow);
        if over && world.dice.chance(300) {
            let bidder = bidder(world, state);
            bid(world, engine, (bidder, *account), case, &mut batch);
        }
    }
    batch.done()
}

fn anyone(world: &mut World, state: &State) -> AccountId {
    AccountId(u32::try_from(world.dice.place(state.accounts.len())).expect("ids are u32"))
}

/// A registered backstop, and sometimes another account.
fn bidder(world: &mut World, state: &State) -> AccountId {
    let backstops: Vec<AccountId> = state.liquidations.backstops.iter().copied().collect();
    if backstops.is_empty() || world.dice.chance(50) { anyone(world, state) } else { world.dice.pick(&backstops) }
}

/// A bid of an account for a share of a portfolio.
fn bid(
    world: &mut World,
    engine: &Engine,
    (account, auctioned): (AccountId, AccountId),
    case: &Case,
    batch: &mut Batch,
) {
    if let Some(Sale { share, premium }) = wanted(world, engine, auctioned, case) {
        batch.bid(account, auctioned, share, Money::from_raw(-premium.raw()));
    }
}

/// The share of a portfolio that a bidder wants, and the premium that it asks: the share that restores the target, less,
/// or a little more; at the premium that the clock pays, at less, or at more.
fn wanted(world: &mut World, engine: &Engine, auctioned: AccountId, case: &Case) -> Option<Sale> {
    let state = engine.state();
    let rules = &state.policy.liquidation;
    let judged = engine.desk().judge(state, &state.accounts[auctioned.place()]).ok()?;
    let excess = judged.equity.minus(judged.maintenance_margin.scaled(rules.beta, Round::Up).ok()?).ok()?;
    let elapsed = world.now - case.auction?.micros();
    let sale = |share: Ratio| auction::sale(share, excess, judged.equity, Money::ZERO, elapsed, rules);
    // A bidder that comes too late bids all the same.
    let none = Sale { share: Ratio::from_raw(ONE / 2), premium: Money::from_raw(1000 * ONE) };
    let whole = sale(Ratio::ONE).unwrap_or(none).share;
    let share = match world.dice.below(8) {
        0 => Ratio::from_raw(ONE / 100),
        1 => Ratio::from_raw(whole.raw() + 1),
        2 | 3 => Ratio::from_raw(whole.raw() / 2),
        _ => whole,
    };
    let premium = sale(share).unwrap_or(none).premium.raw();
    let greedy = world.swarm.bidders == Bidders::Greedy && world.dice.chance(700);
    let asked = match world.dice.below(8) {
        0..=2 if greedy => premium + 1,
        _ if greedy => premium.saturating_mul(i128::from(world.dice.pick(&[2_i64, 3, 10]))),
        // The bidder pays a dollar for the share.
        0 => -ONE,
        1 | 2 => premium / 2,
        _ => premium,
    };
    Some(Sale { share, premium: Money::from_raw(asked) })
}
