//! The certified surplus left after trades, without summing the account again.
//!
//! The requirement of an account is no more than the sum of the requirements of its parts, except for the charges whose
//! rates rise with the size: each says what a fill adds beyond its own (`Rule::beyond`). So a trade costs at most the
//! requirement it would have alone, plus that. See `docs/cells.md`, CELL-11.

use model::{Account, AssetId, Balance, InstrumentId, Payoff, Position};
use units::Quantity;

use super::surplus::{LINES, ROUNDING};
use super::{Cell, Contract, Scratch, Surplus};
use crate::method::universal::charge::rule::Fill;

/// A lower bound of an account's equity above both its initial margin and `warn` times its maintenance margin,
/// everywhere in a cell. It is kept up to date through trades: each trade subtracts its largest possible cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reserve {
    surplus: f64,
    delta: f64,
    vega: f64,
}

/// The changes that a trade makes to an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Lots, negative when sold.
    pub lots: f64,
    /// Lots of the position after the trade.
    pub held: f64,
    /// The acquisition cost of that position, in the asset in which its profit is paid.
    pub cost: Quantity,
    /// The asset in which profit is paid.
    pub asset: AssetId,
    /// Units of that asset paid, fees included: a premium, or the sum of the rise in the position's cost and the fall
    /// of the balance. Negative when received.
    pub paid: f64,
    /// The increase of the balance.
    pub gained: f64,
    /// The debt in that asset after the trade; 0 when there is none.
    pub owed: f64,
}

/// The contribution of one unit of a contract or asset to any account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Toll {
    /// Contribution to the surplus over the margins; rarely above 0.
    surplus: f64,
    /// Largest contribution to a dollar delta and to a vega.
    delta: f64,
    vega: f64,
}

impl Reserve {
    /// Nothing is certified.
    pub const NONE: Self = Self { surplus: f64::NEG_INFINITY, delta: f64::INFINITY, vega: f64::INFINITY };

    /// The reserve of a certified surplus; −∞ when nothing was certified.
    pub fn new(surplus: &Surplus) -> Self {
        Self { surplus: surplus.initial.min(surplus.warning), delta: surplus.delta, vega: surplus.vega }
    }

    /// The surplus that is left, in USD.
    pub fn surplus(&self) -> f64 {
        self.surplus
    }
}

impl Contract {
    /// The cost of a lot at the anchor's mark, in the asset in which it is paid; 0 for an option, whose row is its
    /// whole value.
    fn cost(&self) -> f64 {
        match (self.strike, self.payoff) {
            (Some(_), _) => 0.0,
            (None, Payoff::Linear) => self.unit * self.mark,
            (None, Payoff::Inverse) => -self.unit / self.mark,
        }
    }

    /// The largest loss from rounding a position's entry price at its last decimal, in the asset in which it is paid.
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
    /// The reserve after a trade; none when this cell has no rows for the traded instrument.
    pub fn spend(&self, reserve: &Reserve, trade: &Trade) -> Option<Reserve> {
        let contract = self.contracts.get(trade.instrument.0)?.as_ref()?;
        let asset = self.assets.get(trade.asset.0)?;
        // `gone` is the payment less the value of the lots at the anchor's mark: this rest is balance and unsettled profit.
        let (cost, gone) = (trade.lots * contract.cost(), trade.paid - trade.lots * contract.cost());
        let (lots, coins) = (trade.lots.abs(), gone.abs());
        let traded = self.tolls[trade.instrument.0][usize::from(trade.lots < 0.0)];
        let paid = self.coin_tolls[trade.asset.0][usize::from(gone > 0.0)];
        let (of_lots, of_coins) = (lots * traded.delta, coins * paid.delta);
        let delta = reserve.delta + of_lots + of_coins;
        let vega = reserve.vega + lots * traded.vega;
        let price = asset.price.high[1];
        let beyond = self.charges.beyond(&Fill {
            underlying: contract.sheet,
            traded_delta: of_lots,
            traded_vega: lots * traded.vega,
            paid_underlying: asset.sheet,
            paid_delta: of_coins,
            delta,
            vega,
            asset: trade.asset.0,
            price,
            gained: trade.gained,
            owed: trade.owed * price,
        });
        let rounded = contract.rounded(trade) * price;
        let moved = [lots * traded.surplus, coins * paid.surplus, -self.warn.max(1.0) * beyond, -rounded];
        let taken = (cost.abs() + trade.paid.abs()) * price;
        let slack = LINES + ROUNDING * moved.iter().fold(taken, |sum, part| sum + part.abs());
        let surplus = moved.iter().fold(reserve.surplus - slack, |left, part| left + part);
        Some(Reserve { surplus, delta, vega }).filter(|_| surplus.is_finite())
    }

    /// Whether this cell has rows for an instrument.
    pub fn certified(&self, instrument: InstrumentId) -> bool {
        self.contracts.get(instrument.0).is_some_and(Option::is_some)
    }

    /// Computes the tolls of one lot of each contract and one unit of each asset, bought and sold.
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
            let position = Position { instrument: InstrumentId(place), quantity, entry: self.market.mark(listing.id) };
            Account { positions: vec![position], ..Account::default() }
        };
        let coin = |place: usize, sign: i128| {
            let amount = Quantity::from_raw(sign * Quantity::ONE.raw());
            let balance = Balance { asset: AssetId(place), amount, location: None };
            Account { balances: vec![balance], ..Account::default() }
        };
        // An instrument without a row is never traded in the cell.
        let of = |place: usize| match self.contracts[place] {
            Some(_) => [1, -1].map(|sign| toll(&lot(place, sign))),
            None => [Toll { surplus: f64::NEG_INFINITY, delta: f64::INFINITY, vega: f64::INFINITY }; 2],
        };
        let tolls = (0..self.contracts.len()).map(of).collect();
        let coin_tolls = (0..self.assets.len()).map(|place| [1, -1].map(|sign| toll(&coin(place, sign)))).collect();
        (self.tolls, self.coin_tolls) = (tolls, coin_tolls);
    }
}
