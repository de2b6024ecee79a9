//! Each position has its own margin and is closed alone, as most venues do it.
//!
//! A position below its maintenance is sold by an order that takes all lots the book has at no worse than the bankruptcy
//! price, and again in the next step. A position with negative equity is taken over by the fund and sold, while the fund
//! can pay for that. When it cannot, winners take the position over at its bankruptcy price, by rank, until all its lots
//! are gone.

use liquidation::deleverage::{give_back, queue};
use units::{Money, Round, count};

use crate::books::{World, less, money, plus, whole};
use crate::calibration::COINS;
use crate::venue::Venue;
use crate::winners::{Loser, candidates, settle};

/// The engine with isolated margin.
#[derive(Clone, Copy, Debug)]
pub struct Isolated;

impl Venue for Isolated {
    fn step(&mut self, world: &mut World) {
        for coin in 0..COINS {
            let price = world.market.price(coin);
            let rate = world.calibration.coins[coin].maintenance;
            let below = |trader: &crate::books::Account| {
                trader.perp[coin] != 0 && trader.leg_equity(coin, price) < rate * trader.notional(coin, price)
            };
            let fallen: Vec<usize> = world
                .traders
                .iter()
                .enumerate()
                .filter(|(_, trader)| below(trader))
                .map(|(number, _)| number)
                .collect();
            let mut lost = Vec::new();
            for number in fallen {
                world.traders[number].liquidated = true;
                close(world, number, coin);
                let trader = &world.traders[number];
                if trader.perp[coin] != 0 && trader.leg_equity(coin, world.market.price(coin)) < 0.0 {
                    lost.push(number);
                }
                if trader.perp[coin] == 0 {
                    release(world, number, coin);
                }
            }
            take_over(world, coin, &lost);
        }
    }
}

/// Sells the lots that the book takes at no worse than the bankruptcy price.
fn close(world: &mut World, number: usize, coin: usize) {
    let price = world.market.price(coin);
    let trader = &world.traders[number];
    let (lots, notional) = (trader.perp[coin], trader.notional(coin, price));
    let distance = trader.leg_equity(coin, price) / notional - world.calibration.fee;
    if distance <= 0.0 {
        return;
    }
    let sign = -f64::from(lots.signum());
    let most = whole(world.market.within(coin, sign, distance) / price);
    world.trade(number, coin, -lots.signum() * most.min(lots.abs()));
}

/// Frees the margin of a closed position. A negative rest is bad debt, which the fund pays.
fn release(world: &mut World, number: usize, coin: usize) {
    let mut left = world.traders[number].leg[coin];
    if left.is_negative() {
        let missing = less(Money::ZERO, left);
        world.tally.bad_debt += missing.to_f64();
        let paid = missing.min(world.fund.max(Money::ZERO));
        world.fund = less(world.fund, paid);
        left = plus(left, paid);
    }
    let trader = &mut world.traders[number];
    if left.is_negative() {
        // A debt, which stays in the leg.
        trader.leg[coin] = left;
    } else {
        trader.free = plus(trader.free, left);
        trader.leg[coin] = Money::ZERO;
    }
    trader.refresh();
}

/// Closes positions with negative equity: by the fund while it can pay, then by winners.
fn take_over(world: &mut World, coin: usize, lost: &[usize]) {
    let mut losers: [Vec<Loser>; 2] = [Vec::new(), Vec::new()];
    for &number in lost {
        let price = world.market.price(coin);
        let trader = &world.traders[number];
        let (lots, notional) = (trader.perp[coin], trader.notional(coin, price));
        let deficit = -trader.leg_equity(coin, price);
        if deficit < 0.0 {
            continue;
        }
        let signed = f64::from(-lots.signum()) * notional;
        let cost = deficit + notional * (world.market.slippage(coin, signed) + world.calibration.fee);
        if cost <= world.fund.to_f64() {
            world.trade(number, coin, -lots);
            release(world, number, coin);
        } else {
            let deficit = money(deficit, Round::Up);
            losers[usize::from(lots < 0)].push(Loser { trader: number, lots: lots.abs(), deficit });
        }
    }
    for (losers, side) in losers.iter().zip([1, -1]) {
        deleverage(world, coin, side, losers);
    }
}

fn deleverage(world: &mut World, coin: usize, side: i32, losers: &[Loser]) {
    let lots: i64 = losers.iter().map(|loser| i64::from(loser.lots)).sum();
    if lots == 0 {
        return;
    }
    let deficit = losers.iter().fold(Money::ZERO, |sum, loser| plus(sum, loser.deficit));
    let each = give_back(deficit, lots);
    let mut outcome = queue(lots, each, &candidates(world, coin, side));
    // Lots are matched exactly: the last winner in the queue closes only the rest.
    if let Some(last) = outcome.closed.last_mut().filter(|_| outcome.left < 0) {
        last.lots += outcome.left;
        last.give_back = Money::from_raw(each.raw() * i128::from(last.lots));
    }
    let part = 1.0 - count(outcome.left.max(0)) / count(lots);
    world.tally.bad_debt += deficit.to_f64() * part;
    // The remaining money of the fund would have been enough for a part of it.
    world.tally.needed += (deficit.to_f64() * part - world.fund.to_f64().max(0.0)).max(0.0);
    settle(world, coin, side, losers, &outcome);
    for loser in losers {
        let number = loser.trader;
        if world.traders[number].perp[coin] == 0 {
            let dust = world.traders[number].leg[coin];
            if dust.is_negative() {
                let paid = less(Money::ZERO, dust).min(world.fund.max(Money::ZERO));
                world.fund = less(world.fund, paid);
                world.traders[number].leg[coin] = plus(dust, paid);
            }
            let trader = &mut world.traders[number];
            if !trader.leg[coin].is_negative() {
                trader.free = plus(trader.free, trader.leg[coin]);
                trader.leg[coin] = Money::ZERO;
            }
            trader.refresh();
        }
    }
}
