//! Brings the traders of a seed into the engine, with the cash, coins and positions that they have under the other
//! engines.
//!
//! Positions begin at today's price, as after a settlement of variation margin: earlier profits are cash.

use engine::AccountId;
use engine::state::Position;
use model::USD;
use units::{Money, Quantity, Round};

use super::exchange::Exchange;
use super::listing::{self, MAKER, asset, perpetual, trader};
use super::lots_of;
use crate::books::{World, less, money, plus};
use crate::calibration::COINS;

/// One trade opens this fraction (one in four) of the rest of a pair, so that neither leg is ever far ahead of the other.
const PART: i32 = 4;
/// The factor on initial margin where the deposit is sized by it, so that rounding does not decide.
const ABOVE: f64 = 1.001;

/// Opens the account of a trader, deposits its coins and cash, and trades its positions with the maker. Where `above` is
/// given, the trader brings in addition what it needs to be that many USD above maintenance and to hold initial margin.
pub fn enter(exchange: &mut Exchange, world: &World, place: usize, above: Option<Money>) {
    let account = exchange.open(format!("trader {place}"));
    debug_assert_eq!(account, trader(place), "in the order of the population");
    let whose = &world.traders[place];
    for coin in 0..COINS {
        if whose.spot[coin] > 0 {
            exchange.deposit(
                account,
                asset(coin),
                lots_of(listing::lot(&world.calibration.coins[coin]), whose.spot[coin]),
            );
        }
    }
    let costs: [Money; COINS] = std::array::from_fn(|coin| cost(world, coin, whose.perp[coin]));
    let cash = costs.iter().fold(whose.cash(), |sum, cost| plus(sum, *cost));
    bring(exchange, account, cash);
    if let Some(above) = above {
        let missing = missing(exchange, world, (place, costs), above);
        bring(exchange, account, missing);
    }
    let mut left = whose.perp;
    while left != [0; COINS] {
        let part = if left.contains(&0) { 1 } else { PART };
        for (coin, left) in left.iter_mut().enumerate() {
            let lots = *left / part + if *left % part == 0 { 0 } else { left.signum() };
            if lots != 0 {
                open(exchange, world, account, coin, lots);
                *left -= lots;
            }
        }
    }
}

/// Deposits dollars to an account, when the amount is above 0.
fn bring(exchange: &mut Exchange, account: AccountId, usd: Money) {
    if usd > Money::ZERO {
        exchange.deposit(account, USD, Quantity::from_raw(usd.raw()));
    }
}

/// Trades lots of a perpetual with the maker, at today's price and without a fee.
fn open(exchange: &mut Exchange, world: &World, account: AccountId, coin: usize, lots: i32) {
    let price = listing::price(world.calibration.coins[coin].price);
    let parties = (account, MAKER);
    let filled = exchange.fill(perpetual(coin), parties, i64::from(lots), price, Quantity::ZERO);
    filled.unwrap_or_else(|reject| panic!("{lots} lots of coin {coin} by {account:?}: {reject}"));
}

/// The cost of lots at today's price, in USD.
fn cost(world: &World, coin: usize, lots: i32) -> Money {
    let facts = &world.calibration.coins[coin];
    let value = lots_of(listing::lot(facts), lots).at(listing::price(facts.price), Round::Up);
    value.expect("a position is far below the range")
}

/// The amount that an account must add to be `above` above maintenance with its positions, and to hold initial margin.
fn missing(exchange: &Exchange, world: &World, (place, costs): (usize, [Money; COINS]), above: Money) -> Money {
    let whose = &world.traders[place];
    let state = exchange.state();
    let mut after = state.accounts[trader(place).place()].clone();
    for (coin, cost) in costs.into_iter().enumerate().filter(|(coin, _)| whose.perp[*coin] != 0) {
        let (instrument, lots) = (perpetual(coin), i64::from(whose.perp[coin]));
        after.positions.push(Position { instrument, lots, cost: Quantity::from_raw(cost.raw()) });
    }
    let judged = exchange.judge(&after);
    let as_far = less(above, less(judged.equity, judged.maintenance_margin)).to_f64();
    let to_open = judged.initial_margin.to_f64() * ABOVE - judged.equity.to_f64();
    money(as_far.max(to_open).max(0.0), Round::Up)
}

#[cfg(test)]
mod tests {
    use super::super::{Rates, Upm, Venue};
    use super::*;
    use crate::{Calibration, population};

    /// The maintenance margin of a long when all longs are equal, as a part of its notional, by coin.
    fn rates(rates: Rates) -> [f64; COINS] {
        let calibration = Calibration { size_spread: 0.0, ..Calibration::default() };
        let mut world = World::new(&calibration, population(&calibration, 1));
        let mut venue = Upm::new(rates);
        venue.begin(&mut world);
        let exchange = venue.exchange.expect("it has begun");
        std::array::from_fn(|coin| {
            let naked = |trader: &crate::Account| trader.perp[coin] > 0 && trader.perp[1 - coin] == 0;
            let place = world.traders.iter().position(naked).expect("there are longs");
            let state = exchange.state();
            let judged = exchange.judge(&state.accounts[trader(place).place()]);
            judged.maintenance_margin.to_f64() / world.traders[place].notional(coin, world.market.price(coin))
        })
    }

    #[test]
    fn the_engine_asks_of_a_long_what_the_venue_asks() {
        let found = rates(Rates::Venue);
        for (coin, facts) in Calibration::default().coins.iter().enumerate() {
            let part = found[coin] / facts.maintenance;
            assert!((0.98..1.02).contains(&part), "{found:?}");
        }
        assert!(rates(Rates::Published).iter().all(|rate| (0.12..0.20).contains(rate)));
    }
}
