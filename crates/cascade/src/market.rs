//! A market that reacts: sales move the price, makers withdraw when it moves fast, and patient traders bring it back.
//!
//! ```text
//! price  = first · exp(path + permanent + temporary)
//! a trade of dq USD:  d temporary = 0.01·dq/D,   d permanent = φ·0.01·dq/D₀
//! D      = D₀ · ( makers + |temporary|/patience )
//! makers = 1 while a minute moves the price by less than `calm` standard deviations; above, that multiple to the power
//!          −w, not below depth_min; forgotten with a half-life of `memory`
//! temporary halves every `resilience` seconds
//! ```
//!
//! A small trade meets makers and moves the price in proportion to its size; a large one meets patient traders and moves
//! it by the square root of its size.

use pricing::math;

use crate::calibration::{COINS, Calibration, PerCoin};

/// Seconds of a year of 365 days.
const YEAR: f64 = 31_536_000.0;
/// Seconds over which a move is measured.
const MINUTE: u32 = 60;
/// The largest temporary impact, as a logarithm of the price over the path's price, in either direction.
const FURTHEST: f64 = 2.3;

/// The market of one coin.
#[derive(Clone, Debug)]
struct Side {
    /// The price in USD a lot at the beginning.
    first: f64,
    /// Logarithm of the price without reaction, over the first.
    path: f64,
    permanent: f64,
    temporary: f64,
    /// The present price in USD a lot.
    price: f64,
    /// USD that move the price by one per cent in a quiet market.
    depth: f64,
    half_spread: f64,
    /// Standard deviation of the price's logarithm over a minute, on an ordinary day.
    minute: f64,
    /// Logarithms of the price in the last minute, in a ring buffer.
    recent: Vec<f64>,
    /// Logarithm of the largest recent move over the move that makers tolerate.
    stress: f64,
}

/// The markets of all coins.
#[derive(Clone, Debug)]
pub struct Market {
    sides: Vec<Side>,
    place: usize,
    /// The part of the temporary impact that is left after a step.
    kept: f64,
    /// The part of the stress that is left after a step.
    remembered: f64,
    permanent: f64,
    patience: f64,
    calm: f64,
    withdrawal: f64,
    depth_min: f64,
}

impl Market {
    /// The market before anything has happened.
    pub fn new(calibration: &Calibration) -> Self {
        let halves = |seconds: f64| math::exp(-math::ln(2.0) * f64::from(calibration.step) / seconds);
        let ring = usize::try_from(MINUTE / calibration.step).expect("a minute of steps");
        let side = |coin: &crate::calibration::Coin| Side {
            first: coin.price * coin.lot,
            path: 0.0,
            permanent: 0.0,
            temporary: 0.0,
            price: coin.price * coin.lot,
            depth: coin.depth,
            half_spread: coin.half_spread,
            minute: coin.volatility * (f64::from(MINUTE) / YEAR).sqrt(),
            recent: vec![0.0; ring],
            stress: 0.0,
        };
        Self {
            sides: calibration.coins.iter().map(side).collect(),
            place: 0,
            kept: halves(calibration.resilience),
            remembered: halves(calibration.memory),
            permanent: calibration.permanent,
            patience: calibration.patience,
            calm: calibration.calm,
            withdrawal: calibration.withdrawal,
            depth_min: calibration.depth_min,
        }
    }

    /// Advances one step: the path moves, impact decays, makers look at the last minute.
    pub fn step(&mut self, path: PerCoin) {
        for (side, path) in self.sides.iter_mut().zip(path) {
            side.path = path;
            side.temporary *= self.kept;
            side.reprice();
            let now = side.path + side.permanent + side.temporary;
            let move_of_minute = (now - side.recent[self.place]).abs() / side.minute;
            side.recent[self.place] = now;
            let stress = if move_of_minute > self.calm { math::ln(move_of_minute / self.calm) } else { 0.0 };
            side.stress = stress.max(side.stress * self.remembered);
        }
        self.place = (self.place + 1) % self.sides[0].recent.len();
    }

    /// The price of one lot of a coin now, in USD.
    pub fn price(&self, coin: usize) -> f64 {
        self.sides[coin].price
    }

    /// The prices of one lot of all coins, in USD.
    pub fn prices(&self) -> PerCoin {
        std::array::from_fn(|coin| self.sides[coin].price)
    }

    /// Logarithm of the price over the first, with and without reaction.
    pub fn logarithms(&self, coin: usize) -> (f64, f64) {
        let side = &self.sides[coin];
        (side.path + side.permanent + side.temporary, side.path)
    }

    /// The USD that move the price by one part in a hundred, now.
    pub fn depth(&self, coin: usize) -> f64 {
        let side = &self.sides[coin];
        side.depth * (side.makers(self) + side.temporary.abs() / self.patience)
    }

    /// Distance from the mark to the best price, as a part of the mark: it widens as depth leaves.
    pub fn half_spread(&self, coin: usize) -> f64 {
        let side = &self.sides[coin];
        side.half_spread * (side.depth / self.depth(coin)).max(1.0)
    }

    /// The part by which the average price of trading `notional` USD at once is worse than the mark.
    pub fn slippage(&self, coin: usize, notional: f64) -> f64 {
        let moved = (self.pushed(coin, notional) - self.sides[coin].temporary).abs();
        self.half_spread(coin) + 1.0 - math::exp(-0.5 * moved)
    }

    /// The most USD that trade at once at prices no further from the mark than `distance`, a part of the mark; `sign` is
    /// 1 to buy and -1 to sell.
    pub fn within(&self, coin: usize, sign: f64, distance: f64) -> f64 {
        let side = &self.sides[coin];
        let room = (distance - self.half_spread(coin)).max(0.0);
        let (from, to) = (side.temporary, side.temporary + sign * room);
        (self.pressure(coin, to) - self.pressure(coin, from)).abs()
    }

    /// Trades `notional` USD, above 0 to buy. Returns the average price in USD a lot. A later buyer pays more.
    pub fn trade(&mut self, coin: usize, notional: f64) -> f64 {
        let pushed = self.pushed(coin, notional).clamp(-FURTHEST, FURTHEST);
        let half_spread = self.half_spread(coin).min(0.5);
        let permanent = self.permanent;
        let side = &mut self.sides[coin];
        let average = math::exp(0.5 * (pushed - side.temporary));
        let price = side.price * average * (1.0 + half_spread * notional.signum());
        side.temporary = pushed;
        side.permanent += permanent * 0.01 * notional / side.depth;
        side.reprice();
        price
    }

    /// The temporary impact after a trade of `notional` USD.
    fn pushed(&self, coin: usize, notional: f64) -> f64 {
        let side = &self.sides[coin];
        let pressure = self.pressure(coin, side.temporary) + notional;
        let makers = side.makers(self);
        let part = pressure.abs() * 0.01 / side.depth;
        let reached = self.patience * ((makers * makers + 2.0 * part / self.patience).sqrt() - makers);
        reached * pressure.signum()
    }

    /// USD that bring a quiet price to the temporary impact `reached`: the integral of the depth on the way.
    fn pressure(&self, coin: usize, reached: f64) -> f64 {
        let side = &self.sides[coin];
        let size = reached.abs();
        let part = size * (side.makers(self) + 0.5 * size / self.patience);
        part * side.depth / 0.01 * reached.signum()
    }
}

impl Side {
    /// The part of the quiet depth that makers still offer.
    fn makers(&self, market: &Market) -> f64 {
        math::exp(-market.withdrawal * self.stress).max(market.depth_min)
    }

    fn reprice(&mut self) {
        self.price = self.first * math::exp(self.path + self.permanent + self.temporary);
    }
}

/// The number of coins is fixed in several places.
const _: () = assert!(COINS == 2, "accounts, shocks and charges are written for two coins");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selling_lowers_the_price_and_time_brings_it_back() {
        let calibration = Calibration::default();
        let mut market = Market::new(&calibration);
        market.step([0.0; COINS]);
        let first = market.price(0);
        // A tenth of the USD that move the quiet book by one part in a hundred: patient traders add a little to the depth
        // on the way.
        let average = market.trade(0, -0.1 * calibration.coins[0].depth);
        assert!((average / first - 0.999_5).abs() < 2e-5, "{average}");
        assert!((market.price(0) / first - 0.999).abs() < 5e-5);
        assert_eq!(market.price(1), calibration.coins[1].price * calibration.coins[1].lot);
        for _ in 0..1000 {
            market.step([0.0; COINS]);
        }
        // The permanent part of the impact stays.
        assert!((market.price(0) / first - (1.0 - 0.001 * calibration.permanent)).abs() < 1e-6);
    }

    #[test]
    fn makers_withdraw_to_the_published_depth_at_the_published_pace() {
        let calibration = Calibration::default();
        let mut market = Market::new(&calibration);
        for step in 0..360 {
            market.step([-0.131 / 360.0 * f64::from(step), 0.0]);
        }
        let left = market.depth(0) / calibration.coins[0].depth;
        assert!((0.015..0.03).contains(&left), "{left}");
        assert_eq!(market.depth(1), calibration.coins[1].depth);
        // After 2.65 hours 28 % of the depth is back.
        for _ in 0..4770 {
            market.step([-0.131, 0.0]);
        }
        let back = market.depth(0) / calibration.coins[0].depth;
        assert!((0.20..0.36).contains(&back), "{back}");
    }
}
