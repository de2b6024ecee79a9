//! The accounts that a price tick judges: no other account would have got another status.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod common;

use std::collections::BTreeMap;

use common::{
    BTC, CALL, COIN_CALL, COIN_PUT, ETH, ETH_PERPETUAL, FUTURE, INVERSE, PERPETUAL, PUT, SECOND, USDC, World, quantity,
};
use engine::{AccountId, Command, Desk, Envelope, FeedId, Party, Principal, State, Status};
use model::UnderlyingId;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use units::{Price, Quantity, Ratio, Round};

/// A walk of prices over the small exchange, with a stream of numbers of its own.
struct Walk {
    world: World,
    rng: TestRng,
    vols: [f64; 4],
    /// Accounts that were assessed exactly, and accounts that might have been.
    looked_at: (usize, usize),
    /// Certificates that were lost because prices left their cells.
    lost: usize,
    /// Accounts whose status is better than recorded, and the version since when.
    waiting: BTreeMap<usize, u64>,
}

impl Walk {
    fn new(seed: u8) -> Self {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let mut world = World::new();
        world.confidence = Ratio::ZERO;
        Self { world, rng, vols: [0.6; 4], looked_at: (0, 0), lost: 0, waiting: BTreeMap::new() }
    }

    /// A number from −1 to 1.
    fn draw(&mut self) -> f64 {
        f64::from(self.rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0
    }

    fn below(&mut self, count: u32) -> usize {
        usize::try_from(self.rng.next_u32() % count).unwrap()
    }

    fn scale(&mut self, feed: FeedId, factor: f64) {
        let now = self.world.prices[&feed];
        let moved = Price::from_f64(now.to_f64() * factor, Round::Down).unwrap();
        self.world.prices.insert(feed, moved);
    }

    /// One tick: moved prices are reported, prices are formed, accounts are judged; then every account is judged by a
    /// desk that was built a moment ago.
    fn tick(&mut self, micros: i64) {
        self.world.vols = self.vols.map(|vol| Ratio::from_f64(vol, Round::Down).unwrap());
        let held = self.world.engine().desk().metrics().certified;
        self.world.form(micros);
        self.lost += held - self.world.engine().desk().metrics().certified;
        let concerned = self.world.engine().desk().concerned(self.world.state());
        self.looked_at.0 += concerned.len();
        self.looked_at.1 += self.world.state().accounts.len();
        self.world.system(Command::Watch).unwrap();
        if self.world.silent.is_empty() {
            self.everyone_stands_as_they_should();
        }
    }

    fn everyone_stands_as_they_should(&mut self) {
        let state = self.world.engine().state();
        let cold = Desk::new(state).unwrap();
        for (place, account) in state.accounts.iter().enumerate() {
            let exact = cold.judge(state, account).unwrap();
            let expected = if account.is_exposed() { exact.status } else { Status::Healthy };
            // A worse status is recorded at once; a better one, where the account is not below maintenance, in turn.
            let since = *self.waiting.entry(place).or_insert(state.version);
            let waits = account.status > Status::Liquidation && state.version - since < 256;
            let told = account.status == expected || (waits && account.status < expected);
            assert!(told, "account {place} is {:?} at version {}: {exact:?}", account.status, state.version);
            if account.status == expected {
                self.waiting.remove(&place);
            }
        }
    }

    /// Accounts that hold something of everything, most of them near the most they may hold.
    fn populate(&mut self, count: u32) -> Vec<AccountId> {
        let house = self.world.rich("house", 999, "400000000");
        let accounts: Vec<AccountId> = (0..count)
            .map(|number| {
                let dollars = 2_000.0 * (1.0 + 20.0 * self.draw().abs());
                let account = self.world.rich(&format!("account {number}"), number, &format!("{dollars:.2}"));
                if number % 3 == 0 {
                    self.world.deposit(account, common::BTC_COIN, "0.2").unwrap();
                }
                account
            })
            .collect();
        for account in &accounts {
            for _ in 0..4 {
                self.trade(*account, house);
            }
        }
        accounts
    }

    /// A fill of a size that is halved until it is accepted.
    fn trade(&mut self, account: AccountId, house: AccountId) {
        let choices = [PERPETUAL, FUTURE, CALL, PUT, COIN_CALL, COIN_PUT, INVERSE, ETH_PERPETUAL];
        let instrument = choices[self.below(8)];
        let buys = self.draw() > 0.0;
        let state = self.world.state();
        let (mark, tick) = (state.market.mark(instrument).in_quote(), state.contracts[instrument.0].terms.tick);
        let paid = Price::from_raw((mark.raw() / tick.raw() + 1) * tick.raw());
        let mut lots = 1_024;
        while lots > 0 {
            let (buyer, seller) = if buys { (account, house) } else { (house, account) };
            if self.world.fill(instrument, &paid.to_string(), lots, buyer, seller).is_ok() {
                return;
            }
            lots /= 2;
        }
    }
}

/// I-36, and the argument of `docs/cells.md` as the engine uses it: over small steps, jumps, moves of the basis and of
/// volatility, and time, every account has at every tick the status that an exact assessment gives; and few are judged.
#[test]
fn no_breach_is_missed_and_few_are_looked_at() {
    let mut whole = (0, 0);
    for seed in 0..3 {
        let mut walk = Walk::new(seed);
        walk.populate(60);
        let mut below = 0;
        for step in 0..120 {
            // Sixty per cent a year in steps of a tenth of a second is 0.3 basis points; here ten times as much.
            let calm = walk.draw() * 0.000_5;
            walk.scale(FeedId::Index(BTC), 1.0 + calm);
            let other = walk.draw() * 0.000_5;
            walk.scale(FeedId::Index(ETH), 1.0 + calm + other);
            match step % 40 {
                13 => {
                    let jump = walk.draw() * 0.02;
                    walk.scale(FeedId::Index(BTC), 1.0 + jump);
                }
                23 => {
                    let jump = walk.draw() * 0.002;
                    walk.scale(FeedId::Premium(PERPETUAL), 1.0 + jump);
                }
                31 => {
                    let jump = walk.draw() * 0.004;
                    walk.scale(FeedId::Asset(USDC), 1.0 + jump);
                }
                _ => {}
            }
            for option in 0..4 {
                let moved = walk.draw() * if step % 40 == 37 { 0.1 } else { 0.001 };
                walk.vols[option] *= 1.0 + moved;
            }
            walk.tick(if step == 60 { 3_000 * SECOND } else { SECOND });
            below += walk.world.state().accounts.iter().filter(|account| account.status < Status::Healthy).count();
        }
        assert!(below > 0, "seed {seed}: nobody ever stood badly, so nothing was tested");
        whole = (whole.0 + walk.looked_at.0, whole.1 + walk.looked_at.1);
    }
    println!("{} of {} account-ticks were looked at", whole.0, whole.1);
    assert!(whole.0 * 2 < whole.1, "certificates save nothing: {whole:?}");
}

/// A crash: every step is a jump, and still no breach is missed.
#[test]
fn no_breach_is_missed_in_a_crash() {
    let mut walk = Walk::new(7);
    walk.populate(40);
    for _ in 0..30 {
        let fall = 0.015 * (0.5 + walk.draw().abs());
        walk.scale(FeedId::Index(BTC), 1.0 - fall);
        walk.scale(FeedId::Index(ETH), 1.0 - 1.2 * fall);
        for option in 0..4 {
            walk.vols[option] *= 1.03;
        }
        walk.tick(SECOND);
    }
    let below = walk.world.state().accounts.iter().filter(|account| account.status <= Status::Liquidation).count();
    assert!(below > 3, "a third of the value is gone and {below} accounts are below maintenance");
}

/// Open interest is updated by fills, and equals the sum that is added up anew.
/// Volatilities that wander leave a narrow cell within a few ticks, long before its index or its time does. Its accounts
/// must have moved to a newer cell by then: otherwise one tick would have to judge all of them.
#[test]
fn accounts_leave_a_cell_before_wandering_volatilities_do() {
    let mut walk = Walk::new(9);
    walk.populate(40);
    let mut steps = vec![walk.world.engine().desk().metrics().cells];
    for number in 0..80 {
        for place in 0..walk.vols.len() {
            let step = if number < 40 { 0.0005 } else { 0.0005 * walk.draw() };
            walk.vols[place] *= 1.0 + step;
        }
        walk.tick(100_000);
        steps.push(walk.world.engine().desk().metrics().cells);
    }
    assert!(steps[80] > steps[0] + 10, "cells are replaced: {steps:?}");
    assert_eq!(walk.lost, 0, "certificates were lost");
}

#[test]
fn a_warm_desk_counts_open_interest_like_a_cold_one() {
    let mut walk = Walk::new(12);
    let accounts = walk.populate(20);
    let open = |desk: &Desk, state: &State| {
        let underlyings = (0..state.market.underlyings.len()).map(UnderlyingId);
        underlyings.map(|id| desk.open_usd(state, id, None).unwrap()).collect::<Vec<_>>()
    };
    // Computed once, it is updated from here on.
    let begun = open(walk.world.engine().desk(), walk.world.state());
    let mut seen = vec![begun];
    for round in 0..60 {
        walk.trade(accounts[1 + round % 19], accounts[0]);
        let state = walk.world.state();
        let warm = open(walk.world.engine().desk(), state);
        assert_eq!(warm, open(&Desk::new(state).unwrap(), state), "after {round} rounds");
        seen.push(warm);
    }
    seen.dedup();
    assert!(seen.len() > 20, "open interest changed {} times: nothing was tested", seen.len());
}

/// The desk is fast and never different: after a long run it answers every command as a desk that was built a moment ago.
#[test]
fn a_warm_desk_decides_like_a_cold_one() {
    decides_like_a_cold_one(&[], 20);
}

/// It is no different while some feeds have no valid price, whether accounts depend on them or not.
#[test]
fn a_warm_desk_decides_like_a_cold_one_while_feeds_are_dead() {
    decides_like_a_cold_one(&[FeedId::Index(ETH), FeedId::Asset(common::STETH)], 80);
}

fn decides_like_a_cold_one(silent: &[FeedId], ticks: usize) {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 300, failure_persistence: None, ..Config::default() },
        TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]),
    );
    let mut walk = Walk::new(11);
    let accounts = walk.populate(30);
    walk.world.silent = silent.to_vec();
    for _ in 0..ticks {
        let step = walk.draw() * 0.001;
        walk.scale(FeedId::Index(BTC), 1.0 + step);
        walk.tick(SECOND);
    }
    let state = walk.world.state();
    let cold = Desk::new(state).unwrap();
    let strategy = (0..accounts.len(), 0..accounts.len(), 0..8_usize, 1..400_i64, 1..20_000_u32, any::<bool>());
    let answers = std::cell::Cell::new((0, 0));
    runner
        .run(&strategy, |(one, other, instrument, lots, dollars, withdraws)| {
            let time = state.clock;
            let envelope = if withdraws {
                let (account, owner) = (accounts[one], state.accounts[accounts[one].place()].owner);
                let amount = quantity(&dollars.to_string());
                let command = Command::Withdraw { account, asset: USDC, location: None, amount };
                Envelope { time, principal: Principal::Owner(owner), command }
            } else {
                let instrument =
                    [PERPETUAL, FUTURE, CALL, PUT, COIN_CALL, COIN_PUT, INVERSE, ETH_PERPETUAL][instrument];
                let (mark, tick) = (state.market.mark(instrument).in_quote(), state.contracts[instrument.0].terms.tick);
                let paid = Price::from_raw((mark.raw() / tick.raw()).max(1) * tick.raw());
                let party = |place: usize| Party { account: accounts[place], order: None, fee: Quantity::ZERO };
                let (buyer, seller) = (party(one), party(other));
                let command = Command::Fill { instrument, match_id: u64::MAX, price: paid, lots, buyer, seller };
                Envelope { time, principal: Principal::Matching, command }
            };
            let warm = walk.world.engine().decide(&envelope);
            let (accepted, refused) = answers.get();
            answers.set(if warm.is_ok() { (accepted + 1, refused) } else { (accepted, refused + 1) });
            prop_assert_eq!(warm, engine::decide(state, &cold, &envelope));
            Ok(())
        })
        .unwrap();
    let (accepted, refused) = answers.get();
    assert!(accepted > 20 && refused > 20, "{accepted} accepted, {refused} refused: one of them was not tested");
}
