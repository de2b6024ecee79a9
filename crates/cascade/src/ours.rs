//! The liquidation of this project: one requirement for the portfolio, the least reduction, at the pace of the market,
//! and an order in which losses are paid.
//!
//! ```text
//! equity ≥ maintenance          nothing
//! opposite liquidations         cross at the mark, before the market is touched
//! cost per notional < equity per notional, and room left in this interval
//!                               the least size that restores β times maintenance, on the market
//! below half of maintenance     auction, then the backstop at the last discount of the fast phase, within its budget
//! below a third of maintenance  deleveraging at the mark: nobody pays, winners close
//! below zero                    market fund → part of the shared fund → winners, pro rata, by lots
//! ```
//!
//! Rules, pace, auction, waterfall and deleveraging are those of the crate `liquidation`.

mod requirement;
mod want;

use liquidation::auction::{discount, premium, sale};
use liquidation::deleverage::{deleverage, give_back};
use liquidation::pace::{self, Exposure, Flow};
use liquidation::waterfall::{Layers, waterfall};
use liquidation::{LiquidationRules, OrderBook};
use units::{Money, Quantity, Ratio, Round, Timestamp};

use crate::books::{Account, Who, World, less, money, plus, times, whole};
use crate::calibration::COINS;
use crate::isolated::lots_part;
use crate::venue::Venue;
use crate::winners::{Loser, candidates, settle};
pub use requirement::requirement;
use want::{Want, least};

/// The fund of each market, as a part of the support.
pub const MARKET_FUND: f64 = 0.125;
/// The capital of the backstop, as a part of the support; the rest is the shared fund.
pub const BACKSTOP: f64 = 0.5;
/// The backstop holds at most this many times its equity.
const BACKSTOP_LEVERAGE: f64 = 5.0;
/// Below this part of maintenance a portfolio is auctioned.
const AUCTION: f64 = 0.5;
/// Below this part of maintenance it is deleveraged.
const LAST: f64 = 1.0 / 3.0;
/// The price move within which the next liquidations are counted to measure how near a cascade is.
const REACH: f64 = 0.01;

/// Lots to hand to winners, for longs and shorts of every coin.
type Losers = [[Vec<Loser>; 2]; COINS];

/// The engine of this project.
#[derive(Clone, Debug)]
pub struct Ours {
    rules: LiquidationRules,
    beta: f64,
    /// The time when the auction of each account began, in microseconds; none without an auction.
    auctions: Vec<Option<i64>>,
    flows: [Flow; COINS],
    /// The USD that may still be traded in this step, by coin.
    rooms: [f64; COINS],
    /// The part of the depth that counts, by coin: less as a cascade comes nearer.
    slow: [f64; COINS],
    /// The amount that the shared fund may still pay in this event.
    shared: Money,
}

impl Ours {
    /// Creates an engine for a number of traders, before anything has happened.
    pub fn new(traders: usize) -> Self {
        let rules = LiquidationRules::default();
        let start = Flow::new(Timestamp::from_micros(0));
        let beta = rules.beta.to_f64();
        let slow = [1.0; COINS];
        let rooms = [0.0; COINS];
        Self { rules, beta, auctions: vec![None; traders], flows: [start; COINS], rooms, slow, shared: Money::ZERO }
    }
}

impl Venue for Ours {
    fn begin(&mut self, world: &mut World) {
        let part = |share: f64| money(world.fund.to_f64() * share, Round::Down);
        let (market, backstop) = (part(MARKET_FUND), part(BACKSTOP));
        world.market_funds = [market; COINS];
        world.backstop = Account::of(backstop);
        let given = world.market_funds.iter().fold(backstop, |sum, fund| plus(sum, *fund));
        world.fund = less(world.fund, given);
        self.shared = world.fund.scaled(self.rules.shared_share, Round::Down).unwrap_or(Money::ZERO);
    }

    fn step(&mut self, world: &mut World) {
        let now = Timestamp::from_micros(i64::from(world.second) * 1_000_000);
        if i64::from(world.second) * 1_000_000 % self.rules.interval == 0 {
            self.look_ahead(world);
        }
        for coin in 0..COINS {
            self.rooms[coin] = self.room(world, coin, now);
        }
        let mut wants = self.wants(world);
        cross(world, &mut wants);
        // Accounts with negative equity come first, at the price at which it was found.
        let mut bankrupt = Losers::default();
        for want in wants.iter().filter(|want| want.equity <= 0.0) {
            self.fail(world, *want, &mut bankrupt);
        }
        hand_to_winners(world, &bankrupt);
        let mut at_mark = Losers::default();
        for want in wants.iter().filter(|want| want.equity > 0.0) {
            self.treat(world, *want, now, &mut at_mark);
        }
        hand_to_winners(world, &at_mark);
        for number in wants.iter().map(|want| want.number) {
            self.sweep(world, number);
        }
        self.unwind(world, now);
    }
}

impl Ours {
    /// Measures how near a cascade is, for the slices of the next interval.
    fn look_ahead(&mut self, world: &World) {
        let prices = world.market.prices();
        for coin in 0..COINS {
            let mut exposures = Vec::new();
            for trader in world.traders.iter().filter(|trader| trader.perp[coin] != 0) {
                let notional = trader.notional(coin, prices[coin]);
                let excess =
                    trader.equity(prices, world.calibration.haircut) - requirement(&world.calibration, trader, prices);
                let distance = (excess / notional).max(0.0);
                exposures.push(Exposure { distance, notional, long: trader.perp[coin] > 0 });
            }
            let near = pace::cascade(&exposures, 0.01 / world.market.depth(coin), REACH);
            self.slow[coin] = pace::slow(near.down.max(near.up));
        }
    }

    /// Accounts below maintenance with the least reduction that restores each, the worst first.
    fn wants(&mut self, world: &mut World) -> Vec<Want> {
        let prices = world.market.prices();
        let haircut = world.calibration.haircut;
        let books: [OrderBook; COINS] = std::array::from_fn(|coin| book(world, coin));
        let cost = |coin: usize, notional: f64| books[coin].cost(notional);
        let mut wants = Vec::new();
        for (number, trader) in world.traders.iter().enumerate() {
            if trader.perp == [0; COINS] {
                continue;
            }
            let maintenance = requirement(&world.calibration, trader, prices);
            let equity = trader.equity(prices, haircut);
            if equity >= maintenance {
                self.auctions[number] = None;
                continue;
            }
            let (coin, lots) = least(&world.calibration, trader, prices, self.beta, &cost);
            wants.push(Want { number, coin, lots, equity, maintenance });
        }
        wants.sort_by(|one, other| one.health().total_cmp(&other.health()).then(one.number.cmp(&other.number)));
        for want in &wants {
            world.traders[want.number].liquidated = true;
        }
        wants
    }

    /// Closes an account with negative equity: the funds pay, and all its positions go to winners.
    fn fail(&mut self, world: &mut World, want: Want, bankrupt: &mut Losers) {
        let Want { number, coin, .. } = want;
        let lots = world.traders[number].perp;
        let deficit = self.pay(world, number, coin);
        for (leg, lots) in lots.into_iter().enumerate().filter(|(_, lots)| *lots != 0) {
            let deficit = if leg == coin { deficit } else { Money::ZERO };
            let loser = Loser { who: Who::Trader(number), lots: lots.abs(), deficit };
            bankrupt[leg][usize::from(lots < 0)].push(loser);
        }
    }

    /// Treats one account: market, auction, backstop, or a place among the accounts that are deleveraged.
    fn treat(&mut self, world: &mut World, want: Want, now: Timestamp, at_mark: &mut Losers) {
        let Want { number, coin, equity, maintenance, .. } = want;
        let price = world.market.price(coin);
        let notional = f64::from(want.lots.abs()) * price;
        let prices = world.market.prices();
        let gross: f64 = (0..COINS).map(|coin| world.traders[number].notional(coin, prices[coin])).sum();
        let room = self.rooms[coin];
        let frontier = equity / gross;
        if equity >= AUCTION * maintenance && book(world, coin).cost(notional) < frontier * notional {
            let lots = whole(f64::from(want.lots.abs()).min(room / price)) * want.lots.signum();
            self.trade(world, Who::Trader(number), coin, lots, now);
            return;
        }
        let since = *self.auctions[number].get_or_insert(now.micros());
        if self.auction(world, want, now.micros() - since) || equity >= LAST * maintenance {
            return;
        }
        let held = world.traders[number].perp[coin];
        let loser = Loser { who: Who::Trader(number), lots: want.lots.abs(), deficit: Money::ZERO };
        at_mark[coin][usize::from(held < 0)].push(loser);
    }

    /// The depth that liquidations may use, in USD.
    fn depth(&self, world: &World, coin: usize) -> f64 {
        world.market.depth(coin) * self.slow[coin]
    }

    /// The USD that may be traded now.
    fn room(&self, world: &World, coin: usize, now: Timestamp) -> f64 {
        pace::room(&self.flows[coin], self.depth(world, coin), now, &self.rules).to_f64()
    }

    /// Trades a slice on the market; it counts against the depth that was there before it.
    fn trade(&mut self, world: &mut World, who: Who, coin: usize, lots: i32, now: Timestamp) {
        if lots == 0 {
            return;
        }
        let depth = self.depth(world, coin);
        let sold = money(f64::from(lots.abs()) * world.market.price(coin), Round::Up);
        world.trade(who, coin, lots);
        self.flows[coin] = pace::spend(&self.flows[coin], sold, depth, now, &self.rules);
        self.rooms[coin] = self.room(world, coin, now);
    }

    /// Offers a share of the portfolio to the backstop at the present discount, or, where taking it is its duty, at least
    /// at the last discount of the fast phase. Returns whether the backstop took it.
    fn auction(&mut self, world: &mut World, want: Want, elapsed: i64) -> bool {
        let prices = world.market.prices();
        let Want { number, equity, maintenance, .. } = want;
        let value = money(equity, Round::Down);
        let excess = money(equity - self.beta * maintenance, Round::Down);
        let duty = equity < AUCTION * maintenance;
        let elapsed = if duty { elapsed.max(self.rules.fast) } else { elapsed };
        let Some(sale) = sale(Ratio::ONE, excess, value, Money::ZERO, elapsed, &self.rules) else { return false };
        let share = sale.share.to_f64();
        let trader = &world.traders[number];
        let lots = trader.perp.map(|lots| whole((f64::from(lots) * share).abs().ceil()) * lots.signum());
        let gain = sale.premium.to_f64();
        let held =
            |lots: [i32; COINS]| -> f64 { (0..COINS).map(|coin| f64::from(lots[coin]).abs() * prices[coin]).sum() };
        let after = std::array::from_fn(|coin| world.backstop.perp[coin] + lots[coin]);
        let can_hold = held(after) <= BACKSTOP_LEVERAGE * world.backstop.equity(prices, 0.0)
            || held(after) < held(world.backstop.perp);
        let cost: f64 = (0..COINS).map(|coin| book(world, coin).cost(f64::from(lots[coin]) * prices[coin])).sum();
        let markets = std::array::from_fn::<_, COINS, _>(|coin| {
            (money(trader.notional(coin, prices[coin]), Round::Down), money(world.market.depth(coin), Round::Down))
        });
        let budget = self.rules.budget(&markets).unwrap_or(Money::ZERO).to_f64();
        let within = if duty { cost - gain <= budget } else { gain >= cost };
        if !can_hold || !within {
            return false;
        }
        for (coin, lots) in lots.into_iter().enumerate() {
            let mark = world.mark(coin);
            world.hand_over(Who::Trader(number), Who::Backstop, coin, lots, mark);
            world.tally.backstopped += times(mark, lots).to_f64().abs();
        }
        let paid = premium(value, discount(elapsed, &self.rules).unwrap_or(Ratio::ZERO)).min(sale.premium);
        world.traders[number].free = less(world.traders[number].free, paid);
        world.traders[number].refresh();
        world.backstop.free = plus(world.backstop.free, paid);
        world.backstop.refresh();
        true
    }

    /// Lets the funds pay for an account with negative equity. Returns the amount that they do not pay.
    fn pay(&mut self, world: &mut World, number: usize, coin: usize) -> Money {
        let prices = world.market.prices();
        // As collateral, coins count at their price less a haircut; here they are sold.
        for coin in 0..COINS {
            let spot = world.traders[number].spot[coin];
            world.sell_coins(Who::Trader(number), coin, spot);
        }
        let loss = money(-world.traders[number].equity(prices, 0.0), Round::Up);
        let layers = Layers {
            account: Money::ZERO,
            market_fund: world.market_funds[coin],
            shared_fund: self.shared,
            shared_share: Ratio::ONE,
        };
        let split = waterfall(loss, &layers);
        world.market_funds[coin] = less(world.market_funds[coin], split.market_fund);
        world.fund = less(world.fund, split.shared_fund);
        self.shared = less(self.shared, split.shared_fund);
        let paid = plus(split.market_fund, split.shared_fund);
        world.tally.bad_debt += paid.to_f64();
        world.traders[number].leg[coin] = plus(world.traders[number].leg[coin], paid);
        world.traders[number].refresh();
        split.winners
    }

    /// Pays the small negative cash of an account without positions, as far as the fund may pay.
    fn sweep(&mut self, world: &mut World, number: usize) {
        let trader = &world.traders[number];
        if trader.perp != [0; COINS] || !trader.cash().is_negative() {
            return;
        }
        let paid = less(Money::ZERO, trader.cash()).min(self.shared.max(Money::ZERO));
        world.fund = less(world.fund, paid);
        self.shared = less(self.shared, paid);
        world.tally.bad_debt += paid.to_f64();
        world.traders[number].free = plus(world.traders[number].free, paid);
        world.traders[number].refresh();
    }

    /// The backstop sells its positions within the room that is left.
    fn unwind(&mut self, world: &mut World, now: Timestamp) {
        for coin in 0..COINS {
            let held = world.backstop.perp[coin];
            if held == 0 {
                continue;
            }
            let price = world.market.price(coin);
            let lots = whole(f64::from(held.abs()).min(self.rooms[coin] / price)) * -held.signum();
            self.trade(world, Who::Backstop, coin, lots, now);
        }
    }
}

/// Crosses opposite liquidations at the mark.
fn cross(world: &mut World, wants: &mut [Want]) {
    for coin in 0..COINS {
        let of = |sign: i32| -> Vec<usize> {
            (0..wants.len())
                .filter(|place| {
                    wants[*place].coin == coin && wants[*place].lots * sign > 0 && wants[*place].equity > 0.0
                })
                .collect()
        };
        let (buyers, sellers) = (of(1), of(-1));
        let (mut buyer, mut seller) = (buyers.iter().copied(), sellers.iter().copied());
        let (mut one, mut other) = (buyer.next(), seller.next());
        let mark = world.mark(coin);
        while let (Some(buys), Some(sells)) = (one, other) {
            let lots = wants[buys].lots.min(-wants[sells].lots);
            let (from, to) = (Who::Trader(wants[sells].number), Who::Trader(wants[buys].number));
            world.hand_over(from, to, coin, lots, mark);
            world.tally.crossed += times(mark, lots).to_f64();
            wants[buys].lots -= lots;
            wants[sells].lots += lots;
            if wants[buys].lots == 0 {
                one = buyer.next();
            }
            if wants[sells].lots == 0 {
                other = seller.next();
            }
        }
    }
}

/// Hands the lots of losers to winners pro rata, for each coin and each side.
fn hand_to_winners(world: &mut World, losers: &Losers) {
    for (coin, sides) in losers.iter().enumerate() {
        for (losers, side) in sides.iter().zip([1, -1]) {
            let lots: i64 = losers.iter().map(|loser| i64::from(loser.lots)).sum();
            if lots == 0 {
                continue;
            }
            let deficit = losers.iter().fold(Money::ZERO, |sum, loser| plus(sum, loser.deficit));
            let outcome = deleverage(lots, give_back(deficit, lots), &candidates(world, coin, side));
            let needed = deficit.to_f64() * (1.0 - lots_part(outcome.left.max(0), lots));
            world.tally.needed += needed;
            world.tally.bad_debt += needed;
            settle(world, coin, side, losers, &outcome);
        }
    }
}

/// The order book of a coin in the form that a plan uses.
fn book(world: &World, coin: usize) -> OrderBook {
    OrderBook {
        lot: Quantity::ONE,
        open: true,
        reduces_only: false,
        half_spread: world.market.half_spread(coin),
        depth_usd: world.market.depth(coin),
        fee: world.calibration.fee,
        room: OrderBook::UNLIMITED,
        whole_room: OrderBook::UNLIMITED,
    }
}
