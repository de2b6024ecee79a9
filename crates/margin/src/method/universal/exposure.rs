//! What the charges look at: net sensitivities by underlying and expiry.

use std::collections::BTreeMap;

use model::{Account, InstrumentId, InstrumentKind, Market, Right, UnderlyingId};
use units::Timestamp;

use crate::Refusal;
use crate::greeks::{Greeks, unsettled_coins};

/// An account's net exposure to one underlying.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    /// Units of the coin held or owed as balances or as profit that is not settled yet.
    pub coins: f64,
    /// Delta of perpetuals, in coins: the bucket at `T = 0`.
    pub perpetual: f64,
    /// Futures and options, by expiry.
    pub expiries: BTreeMap<Timestamp, ExpiryExposure>,
}

/// An account's net exposure to one expiry.
#[derive(Clone, Debug, Default)]
pub struct ExpiryExposure {
    /// Sensitivities of the futures and options that expire then.
    pub greeks: Greeks,
    /// Net contracts of calls and puts in coins, by strike (in units of 10⁻¹⁸, so that it sorts).
    pub strikes: BTreeMap<i128, (f64, f64)>,
}

impl Exposure {
    /// Net delta in coins, balances included.
    pub fn delta(&self) -> f64 {
        self.expiries.values().fold(self.coins + self.perpetual, |sum, expiry| sum + expiry.greeks.delta)
    }
}

/// The exposure of an account to every underlying of the market, from the sensitivities of one contract of each
/// instrument.
pub fn of(
    account: &Account,
    market: &Market,
    contract: impl Fn(InstrumentId) -> Result<Greeks, Refusal>,
) -> Result<Vec<Exposure>, Refusal> {
    let mut exposures = vec![Exposure::default(); market.underlyings.len()];
    for balance in &account.balances {
        let asset = &market.assets[balance.asset.0];
        if let Some(UnderlyingId(underlying)) = asset.follows {
            let index = market.underlyings[underlying].index.to_f64();
            exposures[underlying].coins += balance.amount.to_f64() * asset.price.to_f64() / index;
        }
    }
    for position in &account.positions {
        if let Some((UnderlyingId(underlying), coins)) = unsettled_coins(position, market) {
            exposures[underlying].coins += coins;
        }
        let listing = market.listing(position.instrument);
        let greeks = contract(position.instrument)?;
        let quantity = position.quantity.to_f64();
        let exposure = &mut exposures[listing.underlying.0];
        let Some(expiry) = listing.expiry() else {
            exposure.perpetual += quantity * greeks.delta;
            continue;
        };
        let bucket = exposure.expiries.entry(expiry).or_default();
        bucket.greeks.plus(quantity, &greeks);
        if let InstrumentKind::Option { strike, right, .. } = &listing.kind {
            let (calls, puts) = bucket.strikes.entry(strike.raw()).or_default();
            let net = if *right == Right::Call { calls } else { puts };
            *net += quantity * listing.contract_size.to_f64();
        }
    }
    Ok(exposures)
}
