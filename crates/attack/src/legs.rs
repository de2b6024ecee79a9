//! The legs of which a book can be made: contracts of one underlying, its coins, and money that may lose its peg.
//!
//! Sizes are in coins of notional: a leg of one coin has the exposure of one unit of the underlying, whatever the
//! contract, so that one bound fits every leg.

use std::collections::BTreeMap;

use model::{
    Account, AssetId, Balance, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Position, USD, UnderlyingId,
};
use units::{Overflow, Quantity, Round};

use crate::day::Day;
use crate::product::Refusal;
use crate::revalue::{Revaluer, option_terms};

/// Contracts are bought and sold in multiples of this part of a coin.
const LOT: u32 = 4;

/// Something that an account can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holding {
    /// A contract, entered at its mark.
    Contract(InstrumentId),
    /// A balance in an asset, negative when owed.
    Coin(AssetId),
}

/// A holding that can be a part of a book.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// What is held.
    pub holding: Holding,
    /// Its name in the market.
    pub name: String,
    /// Contracts, or units of the asset, in a leg of one coin.
    pub unit: f64,
}

/// Contracts in a coin of notional.
pub fn contracts_in_a_coin(listing: &Instrument, market: &Market) -> f64 {
    let size = listing.contract_size.to_f64();
    match (&listing.kind, listing.payoff) {
        (InstrumentKind::Option { .. }, _) | (_, Payoff::Linear) => 1.0 / size,
        (_, Payoff::Inverse) => market.mark(listing.id).in_quote().to_f64() / size,
    }
}

/// The legs in one underlying: its perpetuals and futures, of each expiry at most `strikes` strikes spread over all of
/// them, the coins that follow it, and every asset that follows nothing. Contracts within their settlement average
/// (`settlement_seconds`) and options without a volatility are left out.
pub fn legs(market: &Market, underlying: UnderlyingId, strikes: usize, settlement_seconds: f64) -> Vec<Leg> {
    let index = market.size(underlying);
    let open = |listing: &&Instrument| {
        listing.underlying == underlying
            && listing.kind != InstrumentKind::Spot
            && listing.expiry().is_none_or(|expiry| expiry.seconds_since(market.time) > settlement_seconds)
            && (!listing.is_option() || market.iv(listing.id).is_some())
    };
    let kept = spread(market.instruments.iter().filter(open), strikes);
    let contract = |listing: &Instrument| Leg {
        holding: Holding::Contract(listing.id),
        name: listing.name.clone(),
        unit: contracts_in_a_coin(listing, market),
    };
    let contracts = market.instruments.iter().filter(open).filter(|listing| kept.contains(&listing.id)).map(contract);
    let held = market.assets.iter().enumerate().skip(USD.0 + 1);
    let held = held.filter(|(_, asset)| asset.follows.is_none_or(|followed| followed == underlying));
    let coin = |(place, asset): (usize, &model::Asset)| Leg {
        holding: Holding::Coin(AssetId(place)),
        name: asset.name.clone(),
        unit: index / market.price(AssetId(place)).usd().to_f64(),
    };
    contracts.chain(held.map(coin)).collect()
}

/// The contracts that are kept: all but options, and of the options of one expiry and settlement asset those at
/// `strikes` strikes, evenly spread from the lowest to the highest.
fn spread<'a>(open: impl Iterator<Item = &'a Instrument>, strikes: usize) -> Vec<InstrumentId> {
    let mut kept = Vec::new();
    let mut chains: BTreeMap<_, BTreeMap<_, Vec<InstrumentId>>> = BTreeMap::new();
    for listing in open {
        match listing.kind {
            InstrumentKind::Option { expiry, strike, .. } => {
                let chain = chains.entry((expiry, listing.settle)).or_default();
                chain.entry(strike).or_default().push(listing.id);
            }
            InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => kept.push(listing.id),
        }
    }
    for chain in chains.into_values() {
        let chain: Vec<Vec<InstrumentId>> = chain.into_values().collect();
        let mut last = None;
        for step in 0..strikes {
            let place = if strikes > 1 { step * (chain.len() - 1) / (strikes - 1) } else { chain.len() / 2 };
            if last != Some(place) {
                kept.extend(&chain[place]);
            }
            last = Some(place);
        }
    }
    kept.sort_unstable();
    kept
}

/// The account that holds these sizes, in coins, of the legs. Sizes are rounded to lots of 10⁻⁴ contracts or units.
pub fn account(market: &Market, legs: &[Leg], sizes: &[f64]) -> Result<Account, Refusal> {
    let mut account = Account { name: "attacker".into(), ..Account::default() };
    let rounded = |units: f64| -> Result<Quantity, Overflow> {
        Quantity::from_f64(units, Round::Down)?.to_decimals(LOT, Round::Down)
    };
    for (leg, size) in legs.iter().zip(sizes) {
        let out_of_range = |overflow| Refusal::OutOfRange { account: "attacker".into(), overflow };
        let quantity = rounded(size * leg.unit).map_err(out_of_range)?;
        if quantity == Quantity::ZERO {
            continue;
        }
        match leg.holding {
            Holding::Contract(instrument) => {
                account.positions.push(Position { instrument, quantity, entry: market.mark(instrument) });
            }
            Holding::Coin(asset) => account.balances.push(Balance { asset, amount: quantity, location: None }),
        }
    }
    Ok(account)
}

/// The profit of a leg of one coin on a day, in USD; none for an option without a volatility.
pub fn profit(leg: &Leg, revaluer: &Revaluer, day: &Day) -> Option<f64> {
    match leg.holding {
        Holding::Contract(id) => revaluer.contract_profit(id, day).map(|profit| leg.unit * profit),
        Holding::Coin(asset) => Some(leg.unit * revaluer.coin_profit(asset, day)),
    }
}

/// The profit of an account on a day, in USD, holding by holding; none where a contract cannot be revalued.
pub fn account_profit(account: &Account, revaluer: &Revaluer, day: &Day) -> Option<f64> {
    let mut profit = 0.0;
    for position in &account.positions {
        profit += position.quantity.to_f64() * revaluer.contract_profit(position.instrument, day)?;
    }
    for balance in &account.balances {
        profit += balance.amount.to_f64() * revaluer.coin_profit(balance.asset, day);
    }
    Some(profit)
}

/// The netting group of an option: its expiry, settlement asset and strike.
pub fn strike_group(listing: &Instrument) -> Option<String> {
    option_terms(listing).map(|terms| format!("{} {} {}", terms.expiry, listing.counter_asset().0, terms.strike))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_are_spread_and_ends_are_kept() {
        let market = Market::parse(&testdata::sample("market.json")).unwrap();
        let underlying = market.underlying("BTC").unwrap();
        let few = legs(&market, underlying, 2, 1800.0);
        let names: Vec<&str> = few.iter().map(|leg| leg.name.as_str()).collect();
        assert!(names.contains(&"BTC-21NOV26-81000-C") && names.contains(&"BTC-21NOV26-91000-P"), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("BTC-21NOV26-8") && !name.contains("81000")), "{names:?}");
        assert!(names.contains(&"USDC") && names.contains(&"BTC") && !names.contains(&"ETH"), "{names:?}");
    }

    #[test]
    fn a_leg_of_a_coin_is_a_coin_whatever_the_contract() {
        let market = Market::parse(&testdata::sample("market.json")).unwrap();
        let of = |name| contracts_in_a_coin(market.listing(market.instrument(name).unwrap()), &market);
        let inverse = market.listing(market.instrument("BTC-PERPETUAL").unwrap());
        let mark = market.mark(inverse.id).in_quote().to_f64();
        assert!((of("BTC-PERPETUAL") * inverse.contract_size.to_f64() - mark).abs() < 1e-6);
        let linear = market.listing(market.instrument("BTC_USDC-PERPETUAL").unwrap());
        assert!((of("BTC_USDC-PERPETUAL") * linear.contract_size.to_f64() - 1.0).abs() < 1e-12);
    }
}
