//! The engine of this project, run by commands, with its requirement, plans, auctions, funds and deleveraging.
//!
//! ```text
//! begin   list → funds → maker, backstop → every trader: account, dollars, coins, a fill with the maker
//! step    reports, surface, tick, watch → measure → liquidate each account that is due
//!         → offers are traded on the market → the backstop bids and unwinds → the world is read from the state
//! ```
//!
//! The market is the same for all engines. One account of the engine, the maker, stands for it: offers of the engine are
//! sold to the maker at the price that the market gives, and the effect on the price returns as reports in the next step.
//! This module decides only as an operator and a backstop would: when to ask, and whether to bid.

mod backstop;
mod entry;
mod exchange;
mod listing;
mod mirror;

mod record;

use engine::AccountId;
use engine::state::Pot;
use model::{USD, UnderlyingId};
use operator::Duty;
use units::{Money, Price, Quantity, Round, Timestamp, count};

use crate::books::{World, less, money, plus, whole};
use crate::calibration::COINS;
use crate::venue::Venue;
use backstop::Backstop;
use entry::enter;
use exchange::Exchange;
use listing::{MAKER, SECOND, asset, coin_of, trader, underlying};
use mirror::Brought;

/// The fund of each market, as a part of the support.
const MARKET_FUND: f64 = 0.125;
/// The capital of the backstop, as a part of the support; the rest is the shared fund.
const CAPITAL: f64 = 0.5;
/// The USD that the maker brings: more than it can ever need.
const DEEP: i128 = 100_000_000_000;
/// The lots of each coin that the maker brings.
const DEEP_LOTS: i32 = 1_000_000;
/// The part of the available room that is used: an amount that is rounded twice must still fit.
const NEARLY: f64 = 0.999_999;
const BEGUN: &str = "a run begins before its first step";

/// The margin rates that the engine uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// The moves of the universal method are scaled down to the venue's maintenance rates. The traders are those of the
    /// seed.
    Venue,
    /// The universal method as published. Its maintenance is ten times the venue's. Every trader brings the difference,
    /// so that each is as far above maintenance in USD as under the venue's rates and holds at least initial margin.
    Published,
}

/// The engine, its operator and its backstop.
#[derive(Debug)]
pub struct Upm {
    rates: Rates,
    exchange: Option<Exchange>,
    brought: Brought,
    backstop: Backstop,
}

impl Rates {
    /// The parameter file of the universal method that the engine runs with.
    fn parameters(self) -> &'static str {
        match self {
            Self::Venue => include_str!("../params/venue-rates.toml"),
            Self::Published => margin::method::universal::PARAMS,
        }
    }
}

impl Upm {
    /// Creates an engine that has not begun.
    pub fn new(rates: Rates) -> Self {
        Self { rates, exchange: None, brought: Brought::default(), backstop: Backstop::default() }
    }

    /// Trades the offer for an account on the market: as many lots as there is room for, at no worse than the offer's
    /// price.
    fn trade(&mut self, world: &mut World, account: AccountId) {
        let exchange = self.exchange.as_mut().expect(BEGUN);
        let state = exchange.state();
        let offer = state.liquidations.cases.get(&account).and_then(|case| case.offer);
        let Some(offer) = offer.filter(|offer| offer.version == state.version) else { return };
        let coin = coin_of(offer.instrument);
        let lot_usd = state.market.index(UnderlyingId(coin)).usd().to_f64() * world.calibration.coins[coin].lot;
        let most = count(offer.lots).abs().min(exchange.room(coin) * NEARLY / lot_usd);
        let mut lots = i64::from(whole(most)) * offer.lots.signum();
        while let Some(sold) = sale(world, offer.instrument, lots) {
            let worse = if lots > 0 { sold.price > offer.worst } else { sold.price < offer.worst };
            if !worse {
                let parties = (account, MAKER);
                let filled = exchange.liquidation_fill(offer.instrument, parties, lots, sold.price, sold.fee);
                if filled.is_ok() {
                    self.brought.fees[coin] = plus(self.brought.fees[coin], Money::from_raw(sold.fee.raw()));
                    self.backstop.spend(exchange, coin, sold.usd);
                    sold.happens(world);
                    return;
                }
            }
            // Fewer lots move the market less.
            lots /= 2;
        }
    }
}

impl Venue for Upm {
    fn begin(&mut self, world: &mut World) {
        let above = match self.rates {
            Rates::Venue => None,
            Rates::Published => Some(above_maintenance(world)),
        };
        let (mut exchange, brought) = peopled(world, self.rates, above.as_deref());
        self.brought = brought;
        let everyone = exchange.touched();
        mirror::read(exchange.state(), &everyone, &self.brought, world);
        // The outside begins with no cash, only with the positions opposite to the traders'.
        self.brought.maker = plus(self.brought.maker, world.outside.cash());
        mirror::read(exchange.state(), &everyone, &self.brought, world);
        self.exchange = Some(exchange);
    }

    fn step(&mut self, world: &mut World) {
        let now = i64::from(world.second + world.calibration.step) * SECOND;
        let now = Timestamp::from_micros(listing::start().micros() + now);
        let exchange = self.exchange.as_mut().expect(BEGUN);
        tick(exchange, world, now);
        if i64::from(world.second) * SECOND % exchange.state().policy.liquidation.interval == 0 {
            exchange.duty(Duty::Measure).expect("a cascade can always be measured");
        }
        let queue = exchange.engine().desk().queue(exchange.state());
        for account in &queue {
            liquidate(exchange, world, *account);
        }
        for account in &queue {
            self.trade(world, *account);
        }
        let exchange = self.exchange.as_mut().expect(BEGUN);
        backstop::bid(exchange, world, &queue);
        self.backstop.unwind(exchange, world);
        let touched = exchange.touched();
        mirror::read(exchange.state(), &touched, &self.brought, world);
    }
}

/// An exchange with funds, maker, backstop and all traders. `above`, where it is given, is how far above maintenance each
/// trader must be.
fn peopled(world: &World, rates: Rates, above: Option<&[Money]>) -> (Exchange, Brought) {
    let mut exchange = Exchange::new(&world.calibration, rates.parameters());
    // Deposits count only after the moment at which their asset was listed.
    tick(&mut exchange, world, Timestamp::from_micros(listing::start().micros() + SECOND));
    let part = |share: f64| money(world.fund.to_f64() * share, Round::Down);
    let (market, capital) = (part(MARKET_FUND), part(CAPITAL));
    for coin in 0..COINS {
        exchange.fund(Pot::MarketFund(underlying(coin)), market);
    }
    let given = (0..COINS).fold(capital, |sum, _| plus(sum, market));
    exchange.fund(Pot::SharedFund, less(world.fund, given));
    let brought = deep(&mut exchange, world);
    backstop::open(&mut exchange, capital);
    for place in 0..world.traders.len() {
        enter(&mut exchange, world, place, above.map(|above| above[place]));
    }
    (exchange, brought)
}

/// How far each trader is above maintenance at the venue's rates, in USD, as the engine judges it.
fn above_maintenance(world: &World) -> Vec<Money> {
    let (exchange, _) = peopled(world, Rates::Venue, None);
    let above = |place: usize| {
        let judged = exchange.judge(&exchange.state().accounts[trader(place).place()]);
        less(judged.equity, judged.maintenance_margin)
    };
    (0..world.traders.len()).map(above).collect()
}

/// All sources report the prices of the market.
fn tick(exchange: &mut Exchange, world: &World, now: Timestamp) {
    let coins = &world.calibration.coins;
    let prices = std::array::from_fn(|coin| world.market.price(coin) / coins[coin].lot);
    let depths = std::array::from_fn(|coin| world.market.depth(coin));
    exchange.tick(now, prices, depths);
}

/// Opens the maker's account and makes its deposits.
fn deep(exchange: &mut Exchange, world: &World) -> Brought {
    let maker = exchange.open("maker".to_owned());
    debug_assert_eq!(maker, MAKER, "the first account");
    exchange.deposit(maker, USD, Quantity::from_raw(DEEP * Quantity::ONE.raw()));
    for (place, coin) in world.calibration.coins.iter().enumerate() {
        exchange.deposit(maker, asset(place), lots_of(listing::lot(coin), DEEP_LOTS));
    }
    let maker = Money::from_raw(DEEP * Money::ONE.raw());
    Brought { maker, maker_coins: [DEEP_LOTS; COINS], fees: [Money::ZERO; COINS] }
}

/// The quantity of `lots` lots.
fn lots_of(lot: Quantity, lots: i32) -> Quantity {
    Quantity::from_raw(lot.raw() * i128::from(lots))
}

/// Requests one step of the liquidation of an account. A refused step is requested again in the next step of the run.
fn liquidate(exchange: &mut Exchange, world: &mut World, account: AccountId) {
    if let Ok(events) = exchange.duty(Duty::Liquidate(account)) {
        record::step(exchange.state(), world, account, &events);
    }
}

/// The result of a trade on the market, before it is made.
struct Sale {
    /// USD a coin, rounded to a tick against the account that trades.
    price: Price,
    /// Taker fee, USD.
    fee: Quantity,
    /// USD traded, without sign.
    usd: f64,
    /// The market after the trade.
    market: crate::Market,
}

impl Sale {
    /// Makes the trade: the market moves.
    fn happens(self, world: &mut World) {
        world.force();
        world.market = self.market;
        world.tally.traded += self.usd;
    }
}

/// The trade of `lots` of an instrument on the market, bought when above 0; none for 0 lots.
fn sale(world: &World, instrument: model::InstrumentId, lots: i64) -> Option<Sale> {
    if lots == 0 {
        return None;
    }
    let coin = coin_of(instrument);
    let unit = world.calibration.coins[coin].lot;
    let mut market = world.market.clone();
    let average = market.trade(coin, count(lots) * world.market.price(coin));
    // Rounds against the account: it buys dearer and sells cheaper.
    let price = listing::on_tick(average / unit, if lots > 0 { Round::Up } else { Round::Down });
    let usd = price.to_f64() * unit * count(lots).abs();
    let fee = Quantity::from_raw(money(usd * world.calibration.fee, Round::Up).raw());
    Some(Sale { price, fee, usd, market })
}

#[cfg(test)]
mod tests {
    use engine::Judged;
    use engine::state::AccountState;

    use super::*;
    use crate::{Calibration, Shock, population};

    /// A crash with few accounts. After every step `seen` is called with the accounts before the step, and with the exchange
    /// and the world after it.
    fn crashed(mut seen: impl FnMut(&[AccountState], &Exchange, &World)) -> World {
        let calibration = Calibration { longs: 60, shorts: 30, carriers: 10, pairs: 10, ..Calibration::default() };
        let shock = Shock::through("crash", "", &[(0, [0.0; COINS]), (60, [0.0; COINS]), (300, [-0.3, -0.35])]);
        let mut world = World::new(&calibration, population(&calibration, 1));
        let mut venue = Upm::new(Rates::Venue);
        venue.begin(&mut world);
        for point in shock.walk(&calibration, 1) {
            world.market.step(point);
            let before = venue.exchange.as_ref().expect(BEGUN).state().accounts.clone();
            venue.step(&mut world);
            world.second += calibration.step;
            seen(&before, venue.exchange.as_ref().expect(BEGUN), &world);
        }
        world
    }

    /// I-37: at the prices of a step, no account that was below maintenance is further below it after the step.
    #[test]
    fn a_step_leaves_nobody_worse() {
        let mut treated = 0;
        crashed(|before, exchange, world| {
            for (old, new) in before.iter().zip(&exchange.state().accounts) {
                if old.positions == new.positions || world.second <= world.calibration.step {
                    continue;
                }
                let [old_judged, new_judged] = [old, new].map(|account| exchange.judge(account));
                let excess = |judged: &Judged| less(judged.equity, judged.maintenance_margin);
                if excess(&old_judged).is_negative() && old_judged.equity > Money::ZERO {
                    treated += 1;
                    assert!(excess(&new_judged) >= excess(&old_judged), "{}: second {}", old.name, world.second);
                }
            }
        });
        assert!(treated > 30, "{treated} treated: nothing was tested");
    }

    /// I-01, I-08: over all holders every asset adds up to zero, and so do the lots of every instrument, also during
    /// liquidations.
    #[test]
    fn the_ledger_adds_up_in_every_step() {
        let world = crashed(|_, exchange, world| {
            let state = exchange.state();
            for asset in 0..=COINS {
                assert_eq!(state.sum(model::AssetId(asset)), Quantity::ZERO, "second {}", world.second);
            }
            for coin in 0..COINS {
                let instrument = listing::perpetual(coin);
                let lots: i64 = state.accounts.iter().map(|account| account.position(instrument).lots).sum();
                assert_eq!(lots, 0, "second {}", world.second);
            }
        });
        let tally = &world.tally;
        assert!(tally.traded > 0.0 && tally.backstopped > 0.0 && tally.deleveraged > 0.0, "{tally:?}");
    }
}
