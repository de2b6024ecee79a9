//! The trades that may help an account: every position toward zero, the cheapest hedges of every underlying, every debt
//! on spot.

use std::collections::{BTreeMap, BTreeSet};

use margin::Holdings;
use model::{Account, AssetId, InstrumentId, InstrumentKind, Market, Side, UnderlyingId};
use units::{Quantity, Ratio};

use super::trade::{self, Trade};
use crate::OrderBook;

/// The number of cheapest instruments tried as a hedge of one underlying. The cheapest in every currency that the
/// account depends on is tried as well.
const HEDGES: usize = 3;
/// More lots than any book has.
const LOTS: i64 = 1 << 40;

/// Every trade of a derivative that may help an account that lacks `missing` USD: one per instrument and side, in the
/// order of instruments.
pub(super) fn candidates(account: &Account, market: &Market, books: &[OrderBook], missing: f64) -> Vec<Trade> {
    let mut trades = Vec::new();
    for position in &account.positions {
        let Some(book) = books.get(position.instrument.0) else { continue };
        let side = if position.quantity.is_negative() { Side::Buy } else { Side::Sell };
        let held = whole_lots(position.quantity, book.lot);
        trades.push(Trade { instrument: position.instrument, side, held, most: held, repays: None });
    }
    hedges(account, market, books, missing, &mut trades);
    within_room(&mut trades, books);
    trades.sort_by_key(|trade| (trade.instrument, trade.side == Side::Sell));
    debug_assert!(trades.iter().all(|trade| trade.held >= 0 && trade.most > 0), "a trade has a size: {trades:?}");
    trades
}

/// Limits every trade to the room of its book, and drops trades of less than a lot.
fn within_room(trades: &mut Vec<Trade>, books: &[OrderBook]) {
    for trade in &mut *trades {
        trade.most = trade.most.min(books[trade.instrument.0].room);
    }
    trades.retain(|trade| trade.most > 0 && books[trade.instrument.0].lot > Quantity::ZERO);
}

/// The cheapest perpetuals and futures of every underlying that the account depends on, on both sides. An instrument
/// that is held may be traded through zero.
///
/// A position written in a stablecoin loses when that stablecoin rises; only a contract written in the same stablecoin
/// gains as much.
fn hedges(account: &Account, market: &Market, books: &[OrderBook], missing: f64, trades: &mut Vec<Trade>) {
    let of_positions = account.positions.iter().map(|position| market.listing(position.instrument).underlying);
    let of_balances = account.balances.iter().filter_map(|balance| market.assets[balance.asset.0].follows);
    let touched: BTreeSet<UnderlyingId> = of_positions.chain(of_balances).collect();
    let mut liquid: BTreeMap<UnderlyingId, Vec<(f64, InstrumentId)>> = BTreeMap::new();
    for (place, (listing, book)) in market.instruments.iter().zip(books).enumerate() {
        let delta = matches!(listing.kind, InstrumentKind::Perpetual | InstrumentKind::Future { .. });
        if delta && book.open && !book.reduces_only && touched.contains(&listing.underlying) {
            let cost = book.cost(missing.max(book.lot_usd(listing, market)));
            liquid.entry(listing.underlying).or_default().push((cost, InstrumentId(place)));
        }
    }
    let currencies = currencies(account, market);
    for instruments in liquid.values_mut() {
        instruments.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut written = BTreeSet::new();
        for (rank, (_, instrument)) in instruments.iter().enumerate() {
            let currency = market.listing(*instrument).counter_asset();
            let is_first = written.insert(currency);
            if rank >= HEDGES && !(is_first && currencies.contains(&currency)) {
                continue;
            }
            for side in [Side::Buy, Side::Sell] {
                match trades.iter_mut().find(|trade| (trade.instrument, trade.side) == (*instrument, side)) {
                    Some(reduces) => reduces.most = LOTS,
                    None => {
                        trades.push(Trade { instrument: *instrument, side, held: 0, most: LOTS, repays: None });
                    }
                }
            }
        }
    }
}

/// The assets that an account has or owes, and those in which the prices of its positions are written.
fn currencies(account: &Account, market: &Market) -> BTreeSet<AssetId> {
    let written = account.positions.iter().map(|position| market.listing(position.instrument).counter_asset());
    written.chain(account.balances.iter().map(|balance| balance.asset)).collect()
}

/// The spot instruments that have a book, each with its base asset.
pub(super) fn spots(market: &Market, books: &[OrderBook]) -> Vec<(InstrumentId, AssetId)> {
    let listed = market.instruments.iter().enumerate().take(books.len());
    let spot = listed.filter(|(_, listing)| listing.kind == InstrumentKind::Spot);
    spot.filter_map(|(place, listing)| Some((InstrumentId(place), trade::base(listing, market)?))).collect()
}

/// Every spot exchange of an asset that is owned for one that is owed.
pub(super) fn repayments(
    held: &Holdings,
    spots: &[(InstrumentId, AssetId)],
    market: &Market,
    books: &[OrderBook],
) -> Vec<Trade> {
    let mut trades = Vec::new();
    if held.balances.iter().all(|balance| !balance.amount.is_negative()) {
        return trades;
    }
    for (instrument, base) in spots.iter().copied() {
        let quote = market.listing(instrument).quote;
        for (side, sell, buy) in [(Side::Buy, quote, base), (Side::Sell, base, quote)] {
            let trade = Trade { instrument, side, held: 0, most: 0, repays: Some((sell, buy)) };
            let most = repaid(held, &trade, market, books);
            trades.push(Trade { held: most, most, ..trade });
        }
    }
    within_room(&mut trades, books);
    trades
}

/// The most lots of a repayment that take no more than is owned and give no more than is owed.
pub(super) fn repaid(held: &Holdings, trade: &Trade, market: &Market, books: &[OrderBook]) -> i64 {
    let Some((sell, buy)) = trade.repays else { return 0 };
    let amounts = |asset: AssetId| held.balances.iter().filter(move |held| held.asset == asset).map(|held| held.amount);
    let owned = amounts(sell).max().filter(|amount| *amount > Quantity::ZERO);
    let owed = amounts(buy).min().filter(|amount| amount.is_negative());
    let (Some(owned), Some(owed)) = (owned, owed) else { return 0 };
    let listing = market.listing(trade.instrument);
    let in_base = books[trade.instrument.0].lot.to_f64() * listing.contract_size.to_f64();
    let in_quote = in_base * market.mark(listing.id).in_quote().to_f64();
    let (of_sell, of_buy) = if trade.side == Side::Sell { (in_base, in_quote) } else { (in_quote, in_base) };
    floor(owned.to_f64() / of_sell).min(floor(-owed.to_f64() / of_buy))
}

/// Whole lots in a number of contracts, regardless of sign.
fn whole_lots(contracts: Quantity, lot: Quantity) -> i64 {
    if lot <= Quantity::ZERO {
        return 0;
    }
    i64::try_from(contracts.raw().unsigned_abs() / lot.raw().unsigned_abs()).unwrap_or(LOTS).min(LOTS)
}

/// The whole part of a number, limited to the lots that a book may have.
pub(super) fn floor(number: f64) -> i64 {
    const WIDEST: f64 = 1e12;
    let whole = Ratio::from_f64(number.clamp(0.0, WIDEST), units::Round::Down).unwrap_or_default();
    i64::try_from(whole.raw() / Ratio::ONE.raw()).unwrap_or(LOTS).min(LOTS)
}
