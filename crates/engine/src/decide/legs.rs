//! The two sides of a trade: its effect on each account, and whether the accounts and the system allow it.

use model::{InstrumentId, Payoff, Side};
use units::{Money, Overflow, Price, Quantity, Ratio, Round};

use super::orders::reduces;
use super::postings::{cost, exchange, moved, venue};
use crate::concern::{Concern, Holding};
use crate::desk::Spent;
use crate::layers::{l0, l1, l2, l6};
use crate::state::{AccountState, Balance, Contract, Holder, Order, Position, Pot, State, times};
use crate::{AccountId, Cause, Context, Desk, Event, Noun, OrderId, Reject};

/// A trade. Lots are positive in a fill; in a liquidation they are signed as the liquidated account trades them.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// The number of the match.
    pub match_id: u64,
    /// The price of the trade, in the instrument's quote.
    pub price: Price,
    /// Size of the trade in lots; see above for their sign.
    pub lots: i64,
}

/// Room for the events of a fill, which are seldom more.
pub const EVENTS: usize = 9;

/// A trade with its amounts, worked out once for both sides, because one side receives what the other pays.
pub struct Deal<'a> {
    /// The contract that is traded.
    pub contract: &'a Contract,
    /// The trade that was asked for.
    pub fill: Fill,
    /// Lots that change hands, above 0.
    pub lots: i64,
    /// Units that the lots stand for.
    pub units: Quantity,
    /// The amount that the buyer pays, in the asset that cash of the instrument is paid in; below 0 for inverse contracts.
    paid: Quantity,
}

/// One side of a trade.
pub struct Leg<'a> {
    /// The account on this side.
    pub id: AccountId,
    /// The account before the trade.
    pub account: &'a AccountState,
    /// The account's position in the instrument before the trade.
    pub held: Position,
    /// Lots traded; negative when sold.
    pub lots: i64,
    /// The fee that the account pays.
    pub fee: Quantity,
    /// The order that the trade fills, if any.
    pub order: Option<Order>,
    /// The pot that receives the fee, and the cause that the journal gives for it.
    pub fee_to: (Pot, Cause),
}

impl<'a> Deal<'a> {
    /// Checks the form of a trade: a new match number, whole lots, a price on a tick, an amount that is not too large.
    pub fn new(state: &State, contract: &'a Contract, fill: Fill, lots: i64) -> Result<Self, Reject> {
        l0::rising(Noun::Match, fill.match_id, contract.last_match)?;
        l0::lots(lots)?;
        l1::on_tick(state, contract, fill.price)?;
        let units = times(contract.terms.unit(), lots)?;
        let paid = cost(units, fill.price, &contract.terms)?;
        // At a price of 0 nothing is paid.
        if paid != Quantity::ZERO {
            l0::amount("cost", size(paid)?)?;
        }
        Ok(Self { contract, fill, lots, units, paid })
    }

    /// The amount that an account pays for trading this many lots; negative when it receives money.
    pub fn cost(&self, lots: i64) -> Result<Quantity, Overflow> {
        debug_assert_eq!(lots.saturating_abs(), self.lots, "each side trades the lots of the deal");
        if lots > 0 { Ok(self.paid) } else { self.paid.negated() }
    }

    /// Checks that fees are not negative and at most a share of the notional at the trade price (I-06).
    pub fn fees_within(&self, state: &State, fees: &[Quantity], share: Ratio) -> Result<(), Reject> {
        let terms = &self.contract.terms;
        // The notional of an option is that of its underlying.
        let notional = if terms.is_option() {
            match terms.payoff {
                Payoff::Linear => {
                    let index = state.market.index(terms.underlying);
                    let index = index.to_quote(state.market.price(terms.quote), Round::Up)?;
                    Quantity::from_raw(self.units.at(index.in_quote(), Round::Up)?.raw())
                }
                Payoff::Inverse => self.units,
            }
        } else {
            size(self.paid)?
        };
        let most = notional.scaled(share, Round::Up)?;
        match fees.iter().find(|fee| fee.is_negative() || **fee > most) {
            Some(fee) => Err(Reject::malformed("fee", fee, format!("0 to {most}"))),
            None => Ok(()),
        }
    }

    /// The buyer's gain against the mark, which is the seller's loss, in the asset that cash of the instrument is paid
    /// in. It is 0 for an inverse contract whose mark is not above 0.
    fn gain(&self, state: &State) -> Result<Quantity, Overflow> {
        let terms = &self.contract.terms;
        let mark = state.market.mark(self.fill.instrument).in_quote();
        if mark <= Price::ZERO && terms.payoff == Payoff::Inverse {
            return Ok(Quantity::ZERO);
        }
        cost(self.units, mark, terms)?.minus(self.paid)
    }

    /// Lots open after the trade: the sum of long positions.
    pub fn open_after(&self, legs: [&Leg<'_>; 2]) -> Result<i64, Overflow> {
        let overflow = Overflow { quantity: "open interest" };
        legs.iter()
            .try_fold(self.contract.open, |open, leg| {
                let held = leg.held.lots;
                let after = held.checked_add(leg.lots).ok_or(overflow)?;
                open.checked_add(after.max(0) - held.max(0)).ok_or(overflow)
            })
            // A wrong journal may have recorded fewer open lots than accounts hold.
            .and_then(|open| if open >= 0 { Ok(open) } else { Err(overflow) })
    }

    /// Adds the events of both sides, the first side as the trade is signed. Returns the effect on each side.
    pub fn trade(&self, events: &mut Vec<Event>, legs: [&Leg<'_>; 2]) -> Result<[Spent; 2], Overflow> {
        let (terms, asset) = (&self.contract.terms, self.contract.terms.cash());
        let sides = legs.map(|leg| (leg.id, leg.held, leg.lots));
        let [first, second] = exchange(events, sides, terms, self.cost(legs[0].lots)?)?;
        let mut spent = |leg: &Leg<'_>, (position, gained): (Position, Quantity)| {
            let (pot, cause) = leg.fee_to;
            moved(events, venue(leg.id), Holder::Pot(pot), asset, leg.fee, cause)?;
            events.extend(leg.consumed());
            let (paid, gained) = (self.cost(leg.lots)?.plus(leg.fee)?, gained.minus(leg.fee)?);
            Ok(Spent { position, lots: leg.lots, asset, paid, gained })
        };
        Ok([spent(legs[0], first)?, spent(legs[1], second)?])
    }

    /// Layer 2 for each side, on its account after the events: new risk is judged at the worse of mark and trade price.
    pub fn checked(&self, context: Context<'_>, legs: &[(&Leg<'_>, &Spent)], events: &[Event]) -> Result<(), Reject> {
        let Context { state, desk, now } = context;
        let gain = self.gain(state)?;
        let surcharge = l6::surcharge(state, self.contract.terms.underlying);
        for (leg, spent) in legs {
            let gain = if leg.lots > 0 { gain } else { gain.negated()? };
            // The part of equity that layer 2 does not count, in USD, rounded up.
            let flattered = if gain > Quantity::ZERO {
                gain.at(state.market.price(self.contract.terms.cash()).usd(), Round::Up)?
            } else {
                Money::ZERO
            };
            if surcharge == Ratio::ONE && l2::spends(state, desk, now, leg.id, spent, flattered) {
                continue;
            }
            let after = leg.after(events)?;
            let shrinks = reduces(leg.held.lots, leg.lots);
            let (id, before) = (leg.id, leg.account);
            let outcome = l2::Outcome { now, id, before, after: &after, flattered, shrinks, surcharge };
            l2::holds(state, desk, &outcome)?;
        }
        Ok(())
    }

    /// Layer 6 for accounts that add to their positions.
    pub fn within_system(&self, state: &State, desk: &Desk, legs: &[&Leg<'_>], open: i64) -> Result<(), Reject> {
        let instrument = self.fill.instrument;
        let adds = |leg: &&&Leg<'_>| !reduces(leg.held.lots, leg.lots);
        if legs.iter().any(|leg| adds(&leg)) && !l6::is_small(state, instrument, open)? {
            for leg in legs.iter().filter(adds) {
                let held = leg.held.lots;
                l6::concentration(state, desk, leg.id, instrument, [held, held + leg.lots], open)?;
            }
        }
        if open > self.contract.open {
            l6::fund(state, desk, instrument, open)?;
        }
        Ok(())
    }
}

impl<'a> Leg<'a> {
    /// One side of a trade: an account that pays a fee and may fill an order.
    pub fn new(
        state: &'a State,
        fill: &Fill,
        id: AccountId,
        lots: i64,
        fee: Quantity,
        fee_to: (Pot, Cause),
        order: Option<OrderId>,
    ) -> Result<Self, Reject> {
        let account = l0::account(state, id)?;
        let order = match order {
            None => None,
            Some(number) => {
                let unknown = Reject::Unknown { what: Noun::Order, id: number.0 };
                Some(*account.order(number).filter(|order| order.instrument == fill.instrument).ok_or(unknown)?)
            }
        };
        Ok(Leg { id, account, held: account.position(fill.instrument), lots, fee, order, fee_to })
    }

    /// Checks that the order of this side allows the fill: the same side, no worse a price, no more lots than are left.
    pub fn fits(&self, fill: &Fill) -> Result<(), Reject> {
        let Some(order) = self.order else { return Ok(()) };
        let side = if self.lots > 0 { Side::Buy } else { Side::Sell };
        let no_worse = if self.lots > 0 { fill.price <= order.limit } else { fill.price >= order.limit };
        if order.side == side && no_worse && self.lots.saturating_abs() <= order.lots {
            return Ok(());
        }
        let expected = format!("a fill of at most {} lots, {:?} at {} or better", order.lots, order.side, order.limit);
        Err(Reject::malformed("order", order.id.0, expected))
    }

    /// Layer 1 for one side: the number of its positions, and whether its order may only reduce.
    pub fn within_account(&self, state: &State) -> Result<(), Reject> {
        let held = self.held.lots;
        if held == 0 {
            l1::one_more_position(state, self.account)?;
        }
        match self.order {
            Some(order) if order.reduce_only && !reduces(held, self.lots) => {
                Err(Reject::NotReducing { lots: self.lots, held })
            }
            _ => Ok(()),
        }
    }

    /// The event that records the rest of the order that the trade fills.
    pub fn consumed(&self) -> Option<Event> {
        let order = self.order?;
        let left = order.lots - self.lots.saturating_abs();
        assert!(left >= 0, "I-42: {} lots fill an order of {}", self.lots, order.lots);
        Some(if left == 0 {
            Event::OrderClosed { account: self.id, order: order.id }
        } else {
            Event::Ordered { account: self.id, order: Order { lots: left, ..order } }
        })
    }

    /// The account after the events.
    pub fn after(&self, events: &[Event]) -> Result<AccountState, Overflow> {
        let mut account = self.account.clone();
        follow(&mut account, self.id, events)?;
        Ok(account)
    }
}

/// Updates an account by events. The part of a balance that is profit is not updated: it does not matter to the
/// account's value.
pub fn follow(whose: &mut AccountState, id: AccountId, events: &[Event]) -> Result<(), Overflow> {
    for event in events {
        let Concern::Holding(holding) = event.concern() else { continue };
        match holding {
            Holding::Moved { from, to, asset, amount } => {
                for (holder, amount) in [(from, amount.negated()?), (to, amount)] {
                    if let Holder::Account(of, location) = holder
                        && of == id
                    {
                        let more = |balance: &mut Balance| balance.amount.plus(amount).map(|sum| balance.amount = sum);
                        whose.change_balance(asset, location, more)?;
                    }
                }
            }
            Holding::Positioned(account, position) => {
                if account == id {
                    whose.set_position(*position);
                }
            }
            Holding::Ordered(account, order) => {
                if account == id
                    && let Ok(place) = whose.orders.binary_search_by_key(&order.id, |known| known.id)
                {
                    whose.orders[place] = *order;
                }
            }
            Holding::OrderClosed(account, order) => {
                if account == id {
                    whose.orders.retain(|known| known.id != order);
                }
            }
        }
    }
    Ok(())
}

/// An amount without its sign.
fn size(amount: Quantity) -> Result<Quantity, Overflow> {
    if amount.is_negative() { amount.negated() } else { Ok(amount) }
}
