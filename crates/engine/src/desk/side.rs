//! A side of the desk: a market revalued under every scenario, and the equity of an account in it as a floating-point
//! number.

use margin::method::universal::Prepared;
use model::{Account, Balance, Instrument, Market, Payoff, Position};
use units::{Money, Overflow, Round};

/// The part of all amounts in an account that its equity in floating point is away from its equity in money, at most:
/// thousands of sums and products of doubles stay far below it.
const SLACK: f64 = 1e-12;

/// Added to the units of every holding before their slack is taken: an amount in money is rounded at its 18th decimal,
/// however small it is.
const LEAST: f64 = 1e-3;

/// The most that all holdings of an account may be worth together, in USD, to be valued in floating point.
const MOST: f64 = 1e15;

/// A market revalued under every scenario, by the parameters in force and, during a ramp, by those before them.
#[derive(Debug)]
pub struct Side {
    /// The market that was revalued.
    pub market: Market,
    /// The market revalued by the parameters in force.
    pub prepared: Prepared,
    /// The market revalued by the parameters before them, during a ramp.
    pub previous: Option<Prepared>,
    units: Vec<Unit>,
    /// USD per unit of each asset.
    prices: Vec<f64>,
}

/// The data that a contract of an instrument is valued from.
#[derive(Clone, Copy, Debug)]
struct Unit {
    size: f64,
    mark: f64,
    /// USD per unit of the asset that it is paid in.
    price: f64,
    option: bool,
    inverse: bool,
}

impl Side {
    /// A side of a market that was revalued.
    pub fn new(market: Market, prepared: Prepared, previous: Option<Prepared>) -> Self {
        let prices: Vec<f64> = market.quotes.prices.iter().map(|price| price.usd().to_f64()).collect();
        let unit = |listing: &Instrument| Unit {
            size: listing.contract_size.to_f64(),
            mark: market.mark(listing.id).in_quote().to_f64(),
            price: prices[listing.settle.0],
            option: listing.is_option(),
            inverse: listing.payoff == Payoff::Inverse,
        };
        let units = market.instruments.iter().map(unit).collect();
        Self { market, prepared, previous, units, prices }
    }

    /// Equity in USD (VAL-1) as a floating-point number.
    pub fn equity(&self, account: &Account) -> f64 {
        let balances = account.balances.iter().map(|held| held.amount.to_f64() * self.prices[held.asset.0]);
        let positions = account.positions.iter().map(|held| {
            let unit = self.units[held.instrument.0];
            let (size, entry) = (held.quantity.to_f64() * unit.size, held.entry.in_quote().to_f64());
            match (unit.option, unit.inverse) {
                (true, _) => size * unit.mark * unit.price,
                (false, false) => size * (unit.mark - entry) * unit.price,
                (false, true) => size * (unit.mark - entry) / (entry * unit.mark) * unit.price,
            }
        });
        balances.chain(positions).sum()
    }

    /// The least and the most that the equity of an account can be, in money: [`Self::equity`] less and plus its error.
    pub fn equity_within(&self, account: &Account) -> Result<[Money; 2], Overflow> {
        let balance = |held: &Balance| (held.amount.to_f64().abs() + LEAST) * self.prices[held.asset.0];
        let position = |held: &Position| {
            let unit = self.units[held.instrument.0];
            let (mark, entry) = (unit.mark.abs(), held.entry.in_quote().to_f64().abs());
            let worth = if unit.inverse && !unit.option { 1.0 / entry + 1.0 / mark } else { mark + entry };
            ((held.quantity.to_f64() * unit.size).abs() + LEAST) * (worth + 1.0) * unit.price
        };
        let gross = account.balances.iter().map(balance).chain(account.positions.iter().map(position)).sum::<f64>();
        // So much is in range of money, whatever is summed up in between. A sum that is no number is not.
        if gross.is_nan() || gross >= MOST {
            return Err(Overflow { quantity: "equity" });
        }
        let (equity, slack) = (self.equity(account), SLACK * gross);
        Ok([Money::from_f64(equity - slack, Round::Down)?, Money::from_f64(equity + slack, Round::Up)?])
    }
}
