//! Naive liquidation: below maintenance the whole account is sold on the market at once, at any price.
//!
//! Cross margin: one pot of cash and coins, and a requirement that is the sum over single positions. The fund pays the
//! deficit after the sale. When the fund is empty, winners give up their whole profit by rank until the deficit is
//! filled; the surplus of the last one goes to the fund.

use units::{Money, Round};

use crate::books::{World, less, money, plus};
use crate::calibration::COINS;
use crate::venue::Venue;

/// The naive engine.
#[derive(Clone, Copy, Debug)]
pub struct Naive;

impl Venue for Naive {
    fn step(&mut self, world: &mut World) {
        let prices = world.market.prices();
        let haircut = world.calibration.haircut;
        let rates = [world.calibration.coins[0].maintenance, world.calibration.coins[1].maintenance];
        let below = |trader: &crate::books::Account| {
            let held: f64 = (0..COINS).map(|coin| rates[coin] * trader.notional(coin, prices[coin])).sum();
            held > 0.0 && trader.equity(prices, haircut) < held
        };
        let fallen: Vec<usize> =
            world.traders.iter().enumerate().filter(|(_, trader)| below(trader)).map(|(number, _)| number).collect();
        for number in fallen {
            liquidate(world, number);
        }
    }
}

fn liquidate(world: &mut World, number: usize) {
    world.traders[number].liquidated = true;
    for coin in 0..COINS {
        let (perp, spot) = (world.traders[number].perp[coin], world.traders[number].spot[coin]);
        world.trade(number, coin, -perp);
        world.sell_coins(number, coin, spot);
    }
    let left = world.traders[number].cash();
    if !left.is_negative() {
        return;
    }
    let missing = less(Money::ZERO, left);
    world.tally.bad_debt += missing.to_f64();
    let paid = missing.min(world.fund.max(Money::ZERO));
    world.fund = less(world.fund, paid);
    let taken = clawback(world, less(missing, paid));
    world.traders[number].free = plus(world.traders[number].free, plus(paid, taken));
    world.traders[number].refresh();
}

/// Winners give up their whole profit, ranked by profit over equity, until `needed` is reached. Returns the sum, at most
/// `needed`.
fn clawback(world: &mut World, needed: Money) -> Money {
    if needed == Money::ZERO {
        return Money::ZERO;
    }
    world.tally.needed += needed.to_f64();
    let prices = world.market.prices();
    let mut ranks = Vec::new();
    for (number, trader) in world.traders.iter().enumerate() {
        for coin in 0..COINS {
            // A winner can give only its profit, and at most its equity.
            let equity = trader.equity(prices, 0.0);
            let profit = trader.profit(coin, prices[coin]).min(equity);
            if profit > 0.0 {
                ranks.push((profit / equity, number, coin, profit));
            }
        }
    }
    ranks.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)).then(one.2.cmp(&other.2)));
    let mut pot = Money::ZERO;
    for (_, number, coin, profit) in ranks {
        if pot >= needed {
            break;
        }
        let given = money(profit, Round::Down);
        let trader = &mut world.traders[number];
        trader.leg[coin] = less(trader.leg[coin], given);
        // The profit is settled: the next profit counts from this price.
        trader.entry[coin] = prices[coin];
        world.tally.deleveraged += trader.notional(coin, prices[coin]);
        trader.refresh();
        pot = plus(pot, given);
    }
    world.tally.taken += pot.to_f64();
    let used = pot.min(needed);
    world.fund = plus(world.fund, less(pot, used));
    used
}
