//! What is left of a certified surplus after trades, without adding the account up again.
//!
//! A requirement is no more than the sum of those of the parts of an account, but for the exits of CHG-1, which have a
//! slope. So a trade costs no more than what it would have to hold alone, and a dollar of delta or vega at the slope.
//! `docs/cells.md`, CELL-11.

use model::{Account, AssetId, Balance, InstrumentId, Payoff, Position};
use units::Quantity;

use super::surplus::{LINES, ROUNDING};
use super::{Cell, Contract, Scratch, Surplus};
use crate::method::universal::charges::Leave;

/// A lower bound of what an account has above both its initial margin and `warn` times its maintenance margin everywhere in a
/// cell, kept through trades: each takes off what it costs at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reserve {
    surplus: f64,
    delta: f64,
    vega: f64,
}

/// What a trade changes of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Lots, negative when sold.
    pub lots: f64,
    /// Lots of the position that came of it.
    pub held: f64,
    /// What that position was acquired at, in the asset its profit is paid in.
    pub cost: Quantity,
    /// The asset it is paid in.
    pub asset: AssetId,
    /// What was paid of it, fees included: a premium, or what the cost of the position rose by and the balance fell by together.
    /// Negative when it was received.
    pub paid: f64,
    /// What the balance gained.
    pub gained: f64,
    /// What is owed of it then; 0 when nothing is.
    pub owed: f64,
}

/// What one unit of something adds to any account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Toll {
    /// To what is above the margins; seldom above 0.
    surplus: f64,
    /// To a dollar delta and a vega, at most.
    delta: f64,
    vega: f64,
}

impl Reserve {
    /// Nothing is certified.
    pub const NONE: Self = Self { surplus: f64::NEG_INFINITY, delta: f64::INFINITY, vega: f64::INFINITY };

    /// Of what was certified. −∞ where nothing was.
    pub fn new(surplus: &Surplus) -> Self {
        Self { surplus: surplus.initial.min(surplus.warning), delta: surplus.delta, vega: surplus.vega }
    }

    /// What is left of the surplus, in USD.
    pub fn surplus(&self) -> f64 {
        self.surplus
    }
}

impl Contract {
    /// What a lot costs at the anchor's mark, in the asset it is paid in; an option's row is all it is worth.
    fn cost(&self) -> f64 {
        match (self.strike, self.payoff) {
            (Some(_), _) => 0.0,
            (None, Payoff::Linear) => self.unit * self.mark,
            (None, Payoff::Inverse) => -self.unit / self.mark,
        }
    }

    /// What rounding the entry price of a position at its last decimal takes at most, in the asset it is paid in.
    fn rounded(&self, trade: &Trade) -> f64 {
        let units = trade.held.abs() * self.unit;
        match (self.strike, self.payoff) {
            _ if trade.held == 0.0 => 0.0,
            (Some(_), _) => 0.0,
            (None, Payoff::Linear) => 2e-18 * units,
            (None, Payoff::Inverse) => {
                let cost = trade.cost.to_f64();
                2e-18 * cost * cost / units
            }
        }
    }
}

impl Cell {
    /// What is left after a trade; none when this cell has no rows for what was traded.
    pub fn spend(&self, reserve: &Reserve, trade: &Trade) -> Option<Reserve> {
        let contract = self.contracts.get(trade.instrument.0)?.as_ref()?;
        let asset = self.assets.get(trade.asset.0)?;
        // Less what the lots are worth at the anchor's mark: the rest is balance and unsettled profit.
        let (cost, gone) = (trade.lots * contract.cost(), trade.paid - trade.lots * contract.cost());
        let (lots, coins) = (trade.lots.abs(), gone.abs());
        let traded = self.tolls[trade.instrument.0][usize::from(trade.lots < 0.0)];
        let paid = self.coin_tolls[trade.asset.0][usize::from(gone > 0.0)];
        let (of_lots, of_coins) = (lots * traded.delta, coins * paid.delta);
        let delta = reserve.delta + of_lots + of_coins;
        let vega = reserve.vega + lots * traded.vega;
        let sheet = &self.sheets[contract.sheet];
        let mut exits = of_lots * self.slope(&sheet.delta_exit, delta)
            + lots * traded.vega / 100.0 * self.slope(&sheet.vega_exit, vega / 100.0);
        if let Some(follows) = asset.sheet {
            exits += of_coins * self.slope(&self.sheets[follows].delta_exit, delta);
        }
        let price = asset.price.high[1];
        let balance = asset.terms.steepest(trade.owed * price, &self.rules);
        let balance = price * (balance[0] * trade.gained.max(0.0) + balance[1] * (-trade.gained).max(0.0));
        let rounded = contract.rounded(trade) * price;
        let moved = [lots * traded.surplus, coins * paid.surplus, -self.warn.max(1.0) * (exits + balance), -rounded];
        let taken = (cost.abs() + trade.paid.abs()) * price;
        let slack = LINES + ROUNDING * moved.iter().fold(taken, |sum, part| sum + part.abs());
        let surplus = moved.iter().fold(reserve.surplus - slack, |left, part| left + part);
        Some(Reserve { surplus, delta, vega }).filter(|_| surplus.is_finite())
    }

    /// Whether this cell has rows for an instrument.
    pub fn certified(&self, instrument: InstrumentId) -> bool {
        self.contracts.get(instrument.0).is_some_and(Option::is_some)
    }

    /// What another unit of an exit costs at most while there are no more than `value` of them.
    fn slope(&self, leave: &Leave, value: f64) -> f64 {
        if value > 0.0 { leave.slope(value, &self.rules) } else { 0.0 }
    }

    /// What one lot of each contract and one unit of each asset add to any account, bought and sold.
    pub(super) fn set_tolls(&mut self) {
        let mut scratch = Scratch::default();
        let mut toll = |account: &Account| {
            let surplus = self.surplus_of(account, &mut scratch);
            let Reserve { surplus, delta, vega } = Reserve::new(&surplus);
            Toll { surplus, delta, vega }
        };
        let lot = |place: usize, sign: i128| {
            let listing = &self.market.instruments[place];
            let quantity = self.contracts[place].as_ref().map_or(Quantity::ZERO, |contract| contract.lot);
            let quantity = Quantity::from_raw(sign * quantity.raw());
            let position = Position { instrument: InstrumentId(place), quantity, entry: listing.mark };
            Account { positions: vec![position], ..Account::default() }
        };
        let coin = |place: usize, sign: i128| {
            let amount = Quantity::from_raw(sign * Quantity::ONE.raw());
            let balance = Balance { asset: AssetId(place), amount, location: None };
            Account { balances: vec![balance], ..Account::default() }
        };
        // What has no row is never traded in the cell.
        let of = |place: usize| match self.contracts[place] {
            Some(_) => [1, -1].map(|sign| toll(&lot(place, sign))),
            None => [Toll { surplus: f64::NEG_INFINITY, delta: f64::INFINITY, vega: f64::INFINITY }; 2],
        };
        let tolls = (0..self.contracts.len()).map(of).collect();
        let coin_tolls = (0..self.assets.len()).map(|place| [1, -1].map(|sign| toll(&coin(place, sign)))).collect();
        (self.tolls, self.coin_tolls) = (tolls, coin_tolls);
    }
}
