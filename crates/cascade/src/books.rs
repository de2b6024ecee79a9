//! The books of a venue: exact money, whole lots, and two sides of every amount.
//!
//! A leg is the cash of one position: the cost of its lots and, under isolated margin, its margin. Equity is therefore
//! cash plus lots at the price; no cash entry is marked to market, and the sum of all cash and of all lots never changes.

use units::{Money, Round};

use crate::calibration::{COINS, Calibration, PerCoin};
use crate::market::Market;

/// An account: a trader, the backstop, or the world outside.
#[derive(Clone, Debug)]
pub struct Account {
    /// Cash that does not belong to a position.
    pub free: Money,
    /// The cash of each position.
    pub leg: [Money; COINS],
    /// Lots of each perpetual, below 0 when short.
    pub perp: [i32; COINS],
    /// Lots of each coin that the account owns.
    pub spot: [i32; COINS],
    /// USD a lot at which each position was opened, on average.
    pub entry: PerCoin,
    /// Whether any position was ever closed by force because the account held too little.
    pub liquidated: bool,
    /// All cash as a floating-point number, for risk figures.
    cash: f64,
    /// The legs as floating-point numbers, for risk figures.
    legs: PerCoin,
}

impl Account {
    /// An account with only cash.
    pub fn of(free: Money) -> Self {
        let mut account = Self {
            free,
            leg: [Money::ZERO; COINS],
            perp: [0; COINS],
            spot: [0; COINS],
            entry: [0.0; COINS],
            liquidated: false,
            cash: 0.0,
            legs: [0.0; COINS],
        };
        account.refresh();
        account
    }

    /// Computes the floating-point cash and legs again after money has moved.
    pub fn refresh(&mut self) {
        self.legs = self.leg.map(Money::to_f64);
        self.cash = self.free.to_f64() + self.legs[0] + self.legs[1];
    }

    /// Cash in every pot of the account, in USD.
    pub fn cash(&self) -> Money {
        self.leg.iter().fold(self.free, |sum, leg| plus(sum, *leg))
    }

    /// Equity in USD with everything in one pot; coins count less `haircut`.
    pub fn equity(&self, prices: PerCoin, haircut: f64) -> f64 {
        let worth =
            |coin: usize| (f64::from(self.perp[coin]) + (1.0 - haircut) * f64::from(self.spot[coin])) * prices[coin];
        self.cash + worth(0) + worth(1)
    }

    /// Equity in USD of one position alone.
    pub fn leg_equity(&self, coin: usize, price: f64) -> f64 {
        self.legs[coin] + f64::from(self.perp[coin]) * price
    }

    /// The notional of one position in USD, without sign.
    pub fn notional(&self, coin: usize, price: f64) -> f64 {
        f64::from(self.perp[coin]).abs() * price
    }

    /// Profit of one position since it was opened, in USD.
    pub fn profit(&self, coin: usize, price: f64) -> f64 {
        f64::from(self.perp[coin]) * (price - self.entry[coin])
    }

    /// Adds lots at a price, or removes lots; the entry is the average price of the lots that were opened.
    fn add(&mut self, coin: usize, lots: i32, price: f64) {
        let held = self.perp[coin];
        let after = held + lots;
        if held == 0 || (held > 0) == (lots > 0) {
            let (old, new) = (f64::from(held), f64::from(lots));
            self.entry[coin] = (self.entry[coin] * old + price * new) / (old + new);
        } else if (after > 0) != (held > 0) {
            self.entry[coin] = price;
        }
        self.perp[coin] = after;
    }
}

/// Sums over the run so far, in USD.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Forced trades on the market.
    pub traded: f64,
    /// Negative equity that was found when accounts were closed, before any fund or winner paid for it.
    pub bad_debt: f64,
    /// Positions of winners that were deleveraged.
    pub deleveraged: f64,
    /// Profit that winners gave back, in USD.
    pub taken: f64,
    /// The profit that they had to give back: bad debt that no fund paid.
    pub needed: f64,
    /// Positions that were handed to the backstop.
    pub backstopped: f64,
    /// Positions that were crossed between liquidated accounts.
    pub crossed: f64,
    /// The seconds of the first and of the last forced step.
    pub forced: Option<(u32, u32)>,
}

/// The venue and the market, in the form in which an engine reads and changes them.
#[derive(Clone, Debug)]
pub struct World {
    /// The calibration of the run.
    pub calibration: Calibration,
    /// The market on which every account trades.
    pub market: Market,
    /// The traders, by number.
    pub traders: Vec<Account>,
    /// The account that takes over positions; empty where an engine has none.
    pub backstop: Account,
    /// The other side of all trades on the market.
    pub outside: Account,
    /// The fund of each market; zero where there is one fund only.
    pub market_funds: [Money; COINS],
    /// The shared fund.
    pub fund: Money,
    /// Trading fees taken so far, in USD.
    pub fees: Money,
    /// Sums over the run so far.
    pub tally: Tally,
    /// Seconds since the beginning of the run.
    pub second: u32,
}

impl World {
    /// Creates a venue before anything has happened, with all its support in one fund.
    pub fn new(calibration: &Calibration, traders: Vec<Account>) -> Self {
        let interest: f64 = calibration.coins.iter().map(|coin| coin.open_interest).sum();
        let market = Market::new(calibration);
        let mut outside = Account::of(Money::ZERO);
        for coin in 0..COINS {
            let held: i32 = traders.iter().map(|trader| trader.perp[coin]).sum();
            outside.perp[coin] = -held;
            outside.entry[coin] = market.price(coin);
        }
        Self {
            calibration: calibration.clone(),
            market,
            traders,
            backstop: Account::of(Money::ZERO),
            outside,
            market_funds: [Money::ZERO; COINS],
            fund: money(interest * calibration.support, Round::Down),
            fees: Money::ZERO,
            tally: Tally::default(),
            second: 0,
        }
    }

    /// Records that a forced step happens now.
    pub fn force(&mut self) {
        let first = self.tally.forced.map_or(self.second, |(first, _)| first);
        self.tally.forced = Some((first, self.second));
    }

    /// Buys `lots` of a perpetual on the market, or sells them when below 0, at any price.
    pub fn trade(&mut self, trader: usize, coin: usize, lots: i32) {
        self.exchange(trader, coin, lots, false);
    }

    /// Sells coins on the market.
    pub fn sell_coins(&mut self, trader: usize, coin: usize, lots: i32) {
        self.exchange(trader, coin, -lots, true);
    }

    fn exchange(&mut self, trader: usize, coin: usize, lots: i32, spot: bool) {
        if lots == 0 {
            return;
        }
        self.force();
        let mark = self.market.price(coin);
        let price = self.market.trade(coin, f64::from(lots) * mark);
        // Rounds against the account: it buys dearer and sells cheaper.
        let round = if lots > 0 { Round::Up } else { Round::Down };
        let value = times(money(price, round), lots);
        let fee = money(value.to_f64().abs() * self.calibration.fee, Round::Up);
        self.fees = plus(self.fees, fee);
        let account = &mut self.traders[trader];
        if spot {
            account.spot[coin] += lots;
            account.free = less(less(account.free, value), fee);
        } else {
            account.add(coin, lots, price);
            account.leg[coin] = less(less(account.leg[coin], value), fee);
        }
        account.refresh();
        if spot {
            self.outside.spot[coin] -= lots;
        } else {
            self.outside.perp[coin] -= lots;
        }
        self.outside.free = plus(self.outside.free, value);
        self.tally.traded += value.to_f64().abs();
    }

    /// Moves `lots` from one trader to another at a price in USD a lot; a short position moves when below 0.
    pub fn hand_over(&mut self, from: usize, to: usize, coin: usize, lots: i32, price: Money) {
        self.force();
        let value = times(price, lots);
        let at = price.to_f64();
        let giver = &mut self.traders[from];
        giver.add(coin, -lots, at);
        giver.leg[coin] = plus(giver.leg[coin], value);
        giver.refresh();
        let taker = &mut self.traders[to];
        taker.add(coin, lots, at);
        taker.leg[coin] = less(taker.leg[coin], value);
        taker.refresh();
    }

    /// The mark as money, USD a lot.
    pub fn mark(&self, coin: usize) -> Money {
        money(self.market.price(coin), Round::Down)
    }

    /// The sums of all cash, of all perpetual lots and of all coin lots. They never change.
    pub fn totals(&self) -> (Money, [i64; COINS], [i64; COINS]) {
        let everyone = || self.traders.iter().chain([&self.backstop, &self.outside]);
        let cash = everyone().fold(plus(self.fund, self.fees), |sum, account| plus(sum, account.cash()));
        let cash = self.market_funds.iter().fold(cash, |sum, fund| plus(sum, *fund));
        let perps = std::array::from_fn(|coin| everyone().map(|account| i64::from(account.perp[coin])).sum());
        let spots = std::array::from_fn(|coin| everyone().map(|account| i64::from(account.spot[coin])).sum());
        (cash, perps, spots)
    }

    /// The support of the venue in USD: its funds, and the backstop's equity at the marks.
    pub fn support(&self) -> f64 {
        let funds = self.market_funds.iter().fold(self.fund, |sum, fund| plus(sum, *fund));
        funds.to_f64() + self.backstop.equity(self.market.prices(), 0.0)
    }
}

/// The sum of two amounts. Amounts of a venue are far below the range of money.
pub fn plus(one: Money, other: Money) -> Money {
    one.plus(other).expect("a venue's sums are far below the range")
}

/// `one` less `other`, in USD; a venue's sums never leave the range.
pub fn less(one: Money, other: Money) -> Money {
    one.minus(other).expect("a venue's differences are far below the range")
}

/// The value of `lots` at a price a lot.
pub fn times(price: Money, lots: i32) -> Money {
    Money::from_raw(price.raw() * i128::from(lots))
}

/// Converts a risk figure to money.
pub fn money(value: f64, round: Round) -> Money {
    Money::from_f64(value, round).expect("finite, and far below the range")
}

/// Whole lots of a floating-point number, rounded towards zero.
pub fn whole(lots: f64) -> i32 {
    let size = Money::from_f64(lots.abs().min(2.0e9), Round::Down).map_or(0, |size| size.raw() / Money::ONE.raw());
    let size = i32::try_from(size).expect("below 2·10⁹");
    if lots < 0.0 { -size } else { size }
}
