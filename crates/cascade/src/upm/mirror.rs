//! Copies the engine's state into the world. Nothing is kept twice: everything is read again after it has changed.

use std::collections::BTreeSet;

use engine::AccountId;
use engine::state::{AccountState, Pot, State};
use model::{AssetId, USD};
use units::{Money, Quantity};

use super::listing::{BACKSTOP, MAKER, asset, perpetual, place_of, underlying};
use crate::books::{Account, World, less, plus};
use crate::calibration::COINS;

/// Money and coins of the maker and the funds that are not a result of the run.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// USD that the maker brought.
    pub maker: Money,
    /// Lots of each coin that the maker brought.
    pub maker_coins: [i32; COINS],
    /// Liquidation fees in the fund of each market; the other engines book them as fees of the venue.
    pub fees: [Money; COINS],
}

/// Reads the accounts that were touched, and the funds and fees of the venue.
pub fn read(state: &State, touched: &BTreeSet<AccountId>, brought: &Brought, world: &mut World) {
    for id in touched {
        let read = &state.accounts[id.place()];
        match place_of(*id) {
            Some(place) => copy(state, read, &mut world.traders[place]),
            None if *id == BACKSTOP => copy(state, read, &mut world.backstop),
            None => {
                debug_assert_eq!(*id, MAKER, "the first account");
                copy(state, read, &mut world.outside);
                world.outside.free = less(world.outside.free, brought.maker);
                for (coin, lots) in brought.maker_coins.into_iter().enumerate() {
                    world.outside.spot[coin] -= lots;
                }
                world.outside.refresh();
            }
        }
    }
    let pot = |pot: Pot| usd(state.pot(pot, USD));
    world.fund = pot(Pot::SharedFund);
    world.fees = plus(pot(Pot::Fees), pot(Pot::Rounding));
    for (coin, fees) in brought.fees.into_iter().enumerate() {
        world.market_funds[coin] = less(pot(Pot::MarketFund(underlying(coin))), fees);
        world.fees = plus(world.fees, fees);
    }
}

/// Copies one account: its dollars, the cost of its positions, and its lots.
fn copy(state: &State, read: &AccountState, account: &mut Account) {
    account.free = usd(amount(read, USD));
    for coin in 0..COINS {
        let held = read.position(perpetual(coin));
        account.leg[coin] = less(Money::ZERO, usd(held.cost));
        account.perp[coin] = i32::try_from(held.lots).expect("open interest fits");
        let unit = state.contracts[perpetual(coin).0].terms.unit();
        account.spot[coin] = whole_lots(amount(read, asset(coin)), unit);
        let lots = f64::from(account.perp[coin]);
        account.entry[coin] = if lots == 0.0 { 0.0 } else { held.cost.to_f64() / lots };
    }
    account.refresh();
}

/// Whole lots in an amount of coins; parts of a lot are left out.
fn whole_lots(coins: Quantity, unit: Quantity) -> i32 {
    i32::try_from(coins.raw() / unit.raw()).expect("coins fit")
}

fn amount(read: &AccountState, asset: AssetId) -> Quantity {
    read.balance(asset, None).amount
}

/// Dollars as money.
fn usd(amount: Quantity) -> Money {
    Money::from_raw(amount.raw())
}
