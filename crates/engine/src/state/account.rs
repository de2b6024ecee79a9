//! One account: its balances, positions and orders, and its status.

use model::{AssetId, InstrumentId, Payoff, QuotePrice, Side};
use serde::{Deserialize, Serialize};
use units::{Overflow, Price, Quantity, Round};

use super::listing::{Contract, InstrumentTerms};
use crate::{LocationId, OrderId, Status};

/// An account: its owner, its balances, positions and orders, and its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The account's unique name.
    pub name: String,
    /// The number of the owner.
    pub owner: u32,
    /// Balances, in order of asset, then location.
    pub balances: Vec<Balance>,
    /// Positions, in order of instrument; none with 0 lots.
    pub positions: Vec<Position>,
    /// Open orders, in order of their numbers.
    pub orders: Vec<Order>,
    /// The last order number that was accepted.
    pub last_order: OrderId,
    /// The status, as last judged.
    pub status: Status,
}

/// An amount of an asset at a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The asset that is held or owed.
    pub asset: AssetId,
    /// The location; none means the venue itself, where profit, loss and fees are paid.
    pub location: Option<LocationId>,
    /// Units of the asset; negative when owed.
    pub amount: Quantity,
    /// The part of the amount that is profit not yet withdrawn: at most the amount, at least 0.
    pub profit: Quantity,
}

/// Open lots of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Position {
    /// The instrument that is held.
    pub instrument: InstrumentId,
    /// Open lots; negative when short.
    pub lots: i64,
    /// The cost of the position, in units of the settlement asset: `Σ lots·unit·price` for linear contracts,
    /// `−Σ lots·unit/price` for inverse ones; 0 for options, whose premium is paid at once. Unsettled profit is the worth
    /// of the position minus its cost. Over all accounts the costs of an instrument and its clearing pot add up to 0.
    pub cost: Quantity,
}

/// An open limit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    /// The owner's number of the order.
    pub id: OrderId,
    /// The instrument to trade.
    pub instrument: InstrumentId,
    /// Whether it buys or sells.
    pub side: Side,
    /// Lots left to fill, above 0.
    pub lots: i64,
    /// The worst price at which it may fill.
    pub limit: Price,
    /// Whether the order may only reduce the position.
    pub reduce_only: bool,
}

impl AccountState {
    /// A new account, with nothing in it.
    pub fn new(name: String, owner: u32) -> Self {
        Self {
            name,
            owner,
            balances: Vec::new(),
            positions: Vec::new(),
            orders: Vec::new(),
            last_order: OrderId(0),
            status: Status::Healthy,
        }
    }

    /// The balance of `asset` at `location`, 0 when there is none.
    pub fn balance(&self, asset: AssetId, location: Option<LocationId>) -> Balance {
        self.find_balance(asset, location).1
    }

    fn find_balance(&self, asset: AssetId, location: Option<LocationId>) -> (Result<usize, usize>, Balance) {
        let found = self.balances.iter().position(|held| held.asset == asset && held.location == location);
        if let Some(place) = found {
            return (Ok(place), self.balances[place]);
        }
        let place = self.balances.partition_point(|held| (held.asset, held.location) < (asset, location));
        (Err(place), Balance { asset, location, amount: Quantity::ZERO, profit: Quantity::ZERO })
    }

    /// Changes a balance in place. Adds the balance when there was none, and removes it when nothing is left.
    pub(crate) fn change_balance<T>(
        &mut self,
        asset: AssetId,
        location: Option<LocationId>,
        change: impl FnOnce(&mut Balance) -> T,
    ) -> T {
        let (found, mut balance) = self.find_balance(asset, location);
        let changed = change(&mut balance);
        let empty = balance.amount == Quantity::ZERO;
        match found {
            Ok(place) if empty => {
                self.balances.remove(place);
            }
            Ok(place) => self.balances[place] = balance,
            Err(_) if empty => {}
            Err(place) => {
                // Reserves exactly the memory that is needed: there are millions of accounts, and few trade something new.
                self.balances.reserve_exact(1);
                self.balances.insert(place, balance);
                let ordered = |held: &[Balance]| (held[0].asset, held[0].location) < (held[1].asset, held[1].location);
                debug_assert!(self.balances.windows(2).all(ordered), "balances lie in order of asset and location");
            }
        }
        changed
    }

    /// The position in `instrument`, empty when there is none. All positions are scanned: they are few and lie together
    /// in memory, so a processor reads them ahead, where a binary search would wait for each.
    pub fn position(&self, instrument: InstrumentId) -> Position {
        let place = self.positions.iter().filter(|held| held.instrument < instrument).count();
        let found = self.positions.get(place).filter(|held| held.instrument == instrument);
        found.copied().unwrap_or(Position { instrument, lots: 0, cost: Quantity::ZERO })
    }

    /// Puts a position in its place, or removes it when nothing is left.
    pub(crate) fn set_position(&mut self, position: Position) {
        let empty = position.lots == 0;
        match self.positions.binary_search_by_key(&position.instrument, |held| held.instrument) {
            Ok(place) if empty => {
                self.positions.remove(place);
            }
            Ok(place) => self.positions[place] = position,
            Err(_) if empty => {}
            Err(place) => {
                self.positions.reserve_exact(1);
                self.positions.insert(place, position);
                let ordered = |held: &[Position]| held[0].instrument < held[1].instrument;
                debug_assert!(self.positions.windows(2).all(ordered), "positions lie in order of instrument");
            }
        }
    }

    /// The open order with this number.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.binary_search_by_key(&id, |order| order.id).ok().map(|place| &self.orders[place])
    }

    /// Whether the account can lose money: it has a position, an order or a debt.
    pub fn is_exposed(&self) -> bool {
        !self.positions.is_empty()
            || !self.orders.is_empty()
            || self.balances.iter().any(|balance| balance.amount.is_negative())
    }

    /// Whether the account has neither money nor positions nor orders.
    pub fn is_empty(&self) -> bool {
        self.balances.is_empty() && self.positions.is_empty() && self.orders.is_empty()
    }

    /// The account as the margin methods see it.
    ///
    /// Reduce-only orders are left out: they are judged when they fill, and fill only where that leaves the account no
    /// worse. The entry price is the cost spread over the position, rounded against the account.
    pub fn view(&self, contracts: &[Contract], locations: &[String]) -> Result<model::Account, Overflow> {
        let mut view = model::Account::default();
        self.view_into(contracts, locations, &mut view)?;
        Ok(view)
    }

    /// [`Self::view`] in the memory of an earlier view.
    pub fn view_into(
        &self,
        contracts: &[Contract],
        locations: &[String],
        view: &mut model::Account,
    ) -> Result<(), Overflow> {
        view.name.clone_from(&self.name);
        view.balances.clear();
        view.positions.clear();
        view.orders.clear();
        view.balances.reserve(self.balances.len());
        for held in &self.balances {
            let location = held.location.map(|location| locations[usize::from(location.0)].clone());
            view.balances.push(model::Balance { asset: held.asset, amount: held.amount, location });
        }
        view.positions.reserve(self.positions.len());
        for held in &self.positions {
            view.positions.push(held.view(&contracts[held.instrument.0].terms)?);
        }
        view.orders.reserve(self.orders.len());
        for order in self.orders.iter().filter(|order| !order.reduce_only) {
            let quantity = contracts_in(order.lots, &contracts[order.instrument.0].terms)?;
            view.orders.push(model::Order {
                instrument: order.instrument,
                side: order.side,
                quantity,
                limit: QuotePrice::new(order.limit),
            });
        }
        Ok(())
    }
}

impl Position {
    /// The position as the margin methods see it.
    pub fn view(&self, terms: &InstrumentTerms) -> Result<model::Position, Overflow> {
        let (instrument, quantity) = (self.instrument, contracts_in(self.lots, terms)?);
        Ok(model::Position { instrument, quantity, entry: entry(self, terms)? })
    }
}

/// The contracts in this many lots.
pub fn contracts_in(lots: i64, terms: &InstrumentTerms) -> Result<Quantity, Overflow> {
    times(terms.lot, lots)
}

/// `lots` times an amount, exactly.
pub fn times(amount: Quantity, lots: i64) -> Result<Quantity, Overflow> {
    let raw = amount.raw().checked_mul(i128::from(lots));
    raw.map(Quantity::from_raw).ok_or(Overflow { quantity: "quantity" })
}

/// The price a position was entered at, rounded against the account: up when long, down when short.
fn entry(held: &Position, terms: &InstrumentTerms) -> Result<QuotePrice, Overflow> {
    if terms.is_option() || held.lots == 0 {
        return Ok(QuotePrice::ZERO);
    }
    let units = times(terms.unit(), held.lots)?;
    debug_assert!(units.is_negative() == (held.lots < 0), "units of {} lots: {units}", held.lots);
    let against = if held.lots > 0 { Round::Up } else { Round::Down };
    let (over, under) = match terms.payoff {
        Payoff::Linear => (held.cost, units),
        Payoff::Inverse => (units.negated()?, held.cost),
    };
    let quotient = over.over(Price::from_raw(under.raw()), against)?;
    Ok(QuotePrice::new(Price::from_raw(quotient.raw())))
}
