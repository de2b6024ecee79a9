//! One trade, its value, and the account after it.

use margin::valuation::position_value;
use margin::{Held, Holdings};
use model::{Account, AssetId, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Position, QuotePrice, Side};
use units::{Money, Overflow, Price, Quantity, Round};

use crate::OrderBook;

/// A trade that may help, before its size is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trade {
    pub instrument: InstrumentId,
    pub side: Side,
    /// Lots up to which the trade only reduces a position or a debt; beyond them it opens the opposite position.
    pub held: i64,
    /// The most lots that the trade may have.
    pub most: i64,
    /// For spot: the asset given, and the asset repaid with it.
    pub repays: Option<(AssetId, AssetId)>,
}

/// The account with positions and balances sorted, so that their original order has no effect, and without its orders.
pub(super) fn in_order(account: &Account) -> Account {
    let mut ordered = Account { orders: Vec::new(), ..account.clone() };
    ordered.positions.sort_by_key(|position| position.instrument);
    ordered.balances.sort_by(|one, other| (one.asset, &one.location).cmp(&(other.asset, &other.location)));
    ordered
}

/// The worst price at which `value` USD may be traded, in the quote; rounded toward the mark, in favour of the account (I-42).
pub(super) fn worst(
    listing: &Instrument,
    market: &Market,
    book: &OrderBook,
    side: Side,
    value: f64,
) -> Result<Price, Overflow> {
    let mark = market.mark(listing.id).in_quote();
    let size = if listing.is_option() { mark.to_f64() } else { market.moving_price(listing) };
    let away = leading(Price::from_f64(size * book.worst(value), Round::Down)?);
    match side {
        Side::Buy => mark.plus(away),
        Side::Sell if market.underlyings[listing.underlying.0].scale.is_some() => mark.minus(away),
        Side::Sell => Ok(mark.minus(away)?.max(Price::ZERO)),
    }
}

/// A price distance, rounded down to nine significant digits: the depth behind it is known to far fewer.
fn leading(away: Price) -> Price {
    let digits = away.raw().checked_ilog10().map_or(0, |last| last + 1);
    let unit = 10_i128.pow(digits.saturating_sub(9));
    Price::from_raw(away.raw() / unit * unit)
}

/// Contracts in this many lots.
fn size(book: &OrderBook, lots: i64) -> Result<Quantity, Overflow> {
    let too_many = Overflow { quantity: "quantity" };
    book.lot.raw().checked_mul(i128::from(lots)).map(Quantity::from_raw).ok_or(too_many)
}

/// Units that a spot trade gives at the mark: of the base when it sells, of the quote when it buys.
pub(super) fn given(
    listing: &Instrument,
    market: &Market,
    book: &OrderBook,
    side: Side,
    lots: i64,
) -> Result<Quantity, Overflow> {
    let units = size(book, lots)?.times(listing.contract_size, Round::Up)?;
    match side {
        Side::Sell => Ok(units),
        Side::Buy => Ok(Quantity::from_raw(units.at(market.mark(listing.id).in_quote(), Round::Up)?.raw())),
    }
}

/// Changes what an account holds by `lots` lots traded at the mark and their expected `cost` in USD, rounded against the
/// account.
///
/// As in the engine, only the closed part realises its profit. A position that grows keeps its unrealised profit or
/// loss in its average entry price, so adding a lot does not produce cash that could pay a debt.
pub(super) fn after(
    (account, held): (&Account, &mut Holdings),
    market: &Market,
    book: &OrderBook,
    trade: &Trade,
    lots: i64,
    cost: f64,
) -> Result<(), Overflow> {
    let size = size(book, lots)?;
    let contracts = if trade.side == Side::Buy { size } else { size.negated()? };
    let listing = market.listing(trade.instrument);
    let cash = listing.cash();
    let cost = Money::from_f64(cost, Round::Up)?;
    let received = if listing.kind == InstrumentKind::Spot {
        let units = contracts.times(listing.contract_size, Round::Down)?;
        if let Some(base) = base(listing, market) {
            credit(held, base, units)?;
        }
        let paid =
            units.at(market.mark(listing.id).in_quote(), Round::Up)?.converted(market.price(cash).usd(), Round::Up)?;
        paid.negated()?
    } else {
        moved(account, held, market, trade.instrument, contracts)?
    };
    let received = Quantity::from_raw(received.minus(cost)?.raw());
    credit(held, cash, received.over(market.price(cash).usd(), Round::Down)?)
}

/// The base asset of a spot instrument: the asset with the name of its underlying.
pub(super) fn base(listing: &Instrument, market: &Market) -> Option<AssetId> {
    market.asset(&market.underlyings[listing.underlying.0].name)
}

/// Changes a position; returns the value that leaves it, in USD.
fn moved(
    account: &Account,
    held: &mut Holdings,
    market: &Market,
    instrument: InstrumentId,
    contracts: Quantity,
) -> Result<Money, Overflow> {
    let none = || Position { instrument, quantity: Quantity::ZERO, entry: market.mark(instrument) };
    let before = held.position(account, instrument).unwrap_or_else(none);
    let quantity = before.quantity.plus(contracts)?;
    let position = Position { quantity, entry: entry(&before, contracts, market)?, ..before };
    held.set(position);
    position_value(&before, market)?.minus(position_value(&position, market)?)
}

/// The entry price of a position after `contracts` more at the mark. A reduced position keeps its entry price, a new or
/// reversed one takes the mark, and a growing one takes the average, rounded against the account.
fn entry(held: &Position, contracts: Quantity, market: &Market) -> Result<QuotePrice, Overflow> {
    let (listing, mark) = (market.listing(held.instrument), market.mark(held.instrument));
    let quantity = held.quantity.plus(contracts)?;
    let same_side = held.quantity != Quantity::ZERO && quantity.is_negative() == held.quantity.is_negative();
    if !same_side {
        return Ok(mark);
    }
    if listing.is_option() || quantity.raw().abs() <= held.quantity.raw().abs() {
        return Ok(held.entry);
    }
    let (before, mark) = (held.entry.in_quote(), mark.in_quote());
    let against = if quantity.is_negative() { Round::Down } else { Round::Up };
    let average = match listing.payoff {
        Payoff::Linear => {
            let cost = held.quantity.at(before, Round::Up)?.plus(contracts.at(mark, Round::Up)?)?;
            Quantity::from_raw(cost.raw()).over(Price::from_raw(quantity.raw()), against)?
        }
        Payoff::Inverse => {
            let coins = held.quantity.over(before, Round::Down)?.plus(contracts.over(mark, Round::Down)?)?;
            quantity.over(Price::from_raw(coins.raw()), against)?
        }
    };
    Ok(QuotePrice::new(Price::from_raw(average.raw())))
}

/// Credits an amount to the balance that owes most, else to the one without a location, else to the largest. Debits the
/// largest balance.
fn credit(held: &mut Holdings, asset: AssetId, amount: Quantity) -> Result<(), Overflow> {
    let of_asset = held.balances.iter_mut().filter(|balance| balance.asset == asset);
    let key = |balance: &Held| {
        let owed = balance.amount.min(Quantity::ZERO).raw();
        let rank = if amount.is_negative() { (0, false) } else { (-owed, !balance.is_elsewhere) };
        (rank, balance.amount)
    };
    // Among equals the first is chosen, so that the order of the account decides.
    if let Some(chosen) = of_asset.rev().max_by_key(|balance| key(balance)) {
        chosen.amount = chosen.amount.plus(amount)?;
    } else if amount != Quantity::ZERO {
        let place = held.balances.partition_point(|balance| balance.asset < asset);
        held.balances.insert(place, Held { asset, amount, place: None, is_elsewhere: false });
    }
    Ok(())
}
