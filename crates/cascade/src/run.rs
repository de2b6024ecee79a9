//! Runs one engine through one shock with one seed, and measures the run.

use serde::Serialize;

use crate::books::World;
use crate::calibration::{COINS, Calibration, PerCoin};
use crate::population::population;
use crate::shock::Shock;
use crate::venue::Engine;

/// Steps between two points of the recorded path.
const EVERY: usize = 15;

/// The measurements of a run, in USD unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The seed that was run.
    pub seed: u64,
    /// The engine that was run.
    pub engine: Engine,
    /// The lowest price of each coin over the first, less 1.
    pub trough: PerCoin,
    /// The highest price of each coin over the first, less 1.
    pub peak: PerCoin,
    /// The largest distance between the price and the price without reaction, as a part of the latter.
    pub overreaction: PerCoin,
    /// The number of accounts with a forced step because they held too little.
    pub liquidated: u32,
    /// Open interest at the end over that at the beginning, less 1, without the backstop's positions.
    pub interest: f64,
    /// Forced trades on the market.
    pub traded: f64,
    /// The profit that the outside market has made on forced trades, at the last prices; below 0 when it lost.
    pub given_away: f64,
    /// Negative equity of accounts that were closed, before any fund or winner paid for it.
    pub bad_debt: f64,
    /// The loss of funds and backstop, at the marks of the end; below 0 when they gained.
    pub fund_used: f64,
    /// Positions of winners that were closed, or whose profit was taken.
    pub deleveraged: f64,
    /// Profit taken from winners.
    pub taken: f64,
    /// The part of that profit that was not needed.
    pub overshoot: f64,
    /// Positions handed to the backstop.
    pub backstopped: f64,
    /// Positions crossed between liquidated accounts.
    pub crossed: f64,
    /// Debts at the end that nobody has paid.
    pub unpaid: f64,
    /// Seconds from the first to the last forced step.
    pub calm: u32,
    /// Logarithms of the prices over the first price, with reaction and without, every 15 steps.
    #[serde(skip)]
    pub path: Vec<(PerCoin, PerCoin)>,
}

/// Runs one engine through one shock. The path and the traders depend on the seed alone, except for the money that
/// traders must bring to [`Engine::Published`].
pub fn run(calibration: &Calibration, shock: &Shock, engine: Engine, seed: u64) -> Outcome {
    run_with(calibration, shock, engine, seed, &mut |_| {})
}

/// Like [`run`]; `seen` is called with the world after every step.
pub fn run_with(
    calibration: &Calibration,
    shock: &Shock,
    engine: Engine,
    seed: u64,
    seen: &mut dyn FnMut(&World),
) -> Outcome {
    let traders = population(calibration, seed);
    let interest = open_interest(calibration, &traders);
    let mut world = World::new(calibration, traders);
    let mut venue = engine.venue();
    venue.begin(&mut world);
    let first = world.support();
    let outside = world.outside.perp;
    let (mut low, mut high, mut far) = ([0.0_f64; COINS], [0.0_f64; COINS], [0.0_f64; COINS]);
    let mut path = Vec::new();
    for (step, point) in shock.walk(calibration, seed).into_iter().enumerate() {
        world.market.step(point);
        venue.step(&mut world);
        let logarithms: [(f64, f64); COINS] = std::array::from_fn(|coin| world.market.logarithms(coin));
        for coin in 0..COINS {
            let (with, without) = logarithms[coin];
            low[coin] = low[coin].min(with);
            high[coin] = high[coin].max(with);
            far[coin] = far[coin].max((with - without).abs());
        }
        if step % EVERY == 0 {
            path.push((logarithms.map(|pair| pair.0), logarithms.map(|pair| pair.1)));
        }
        seen(&world);
        world.second += calibration.step;
    }
    let part = |logarithm: f64| pricing::math::exp(logarithm) - 1.0;
    let prices = world.market.prices();
    let tally = &world.tally;
    let given_away = (0..COINS).fold(world.outside.cash().to_f64(), |sum, coin| {
        let lots = f64::from(world.outside.perp[coin] - outside[coin] + world.outside.spot[coin]);
        sum + lots * prices[coin]
    });
    let unpaid = world.traders.iter().map(|trader| (-trader.equity(prices, 0.0)).max(0.0)).sum();
    let liquidated = world.traders.iter().filter(|trader| trader.liquidated).count();
    Outcome {
        seed,
        engine,
        trough: low.map(part),
        peak: high.map(part),
        overreaction: far.map(part),
        liquidated: u32::try_from(liquidated).expect("thousands of traders"),
        interest: open_interest(calibration, &world.traders) / interest - 1.0,
        traded: tally.traded,
        given_away,
        bad_debt: tally.bad_debt,
        fund_used: first - world.support(),
        deleveraged: tally.deleveraged,
        taken: tally.taken,
        overshoot: tally.taken - tally.needed,
        backstopped: tally.backstopped,
        crossed: tally.crossed,
        unpaid,
        calm: tally.forced.map_or(0, |(from, to)| to - from),
        path,
    }
}

/// The sum of all long positions, in USD at the first prices.
fn open_interest(calibration: &Calibration, traders: &[crate::books::Account]) -> f64 {
    (0..COINS)
        .map(|coin| {
            let price = calibration.coins[coin].price * calibration.coins[coin].lot;
            traders.iter().map(|trader| f64::from(trader.perp[coin].max(0)) * price).sum::<f64>()
        })
        .sum()
}
