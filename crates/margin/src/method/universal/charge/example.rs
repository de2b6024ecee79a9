//! Accounts for the tests of charges: one underlying at 100 USD with perpetuals and two expiries, and two assets.

use model::InstrumentId;

use crate::greeks::Greeks;
use crate::method::universal::exposure::Exposures;
use crate::method::universal::listed::{ContractTerms, UnderlyingTerms};
use crate::risk_array::Line;

use super::rule::Bucket;

/// The index of the underlying, in USD.
pub const INDEX: f64 = 100.0;

/// Half the spread of every contract, in USD.
pub const SPREAD: f64 = 0.5;

/// A contract of one unit in a bucket, with these sensitivities.
pub fn contract(bucket: usize, delta: f64, gamma: f64, vega: f64) -> ContractTerms {
    ContractTerms {
        underlying: 0,
        bucket,
        greeks: Greeks { delta, gamma, vega, ..Greeks::default() },
        forward_delta: delta,
        ends: false,
        strike: None,
        size: 1.0,
        value: INDEX,
        fee: 0.25,
        spread: SPREAD,
        funding_rate: 0.0,
        unsettled: None,
        quoted: None,
    }
}

/// The exposures of an account that holds so many of each contract.
pub fn exposures(held: &[(f64, ContractTerms)]) -> Exposures {
    let mut exposures = Exposures::default();
    exposures.clear(&[UnderlyingTerms { index: INDEX, buckets: 3 }]);
    for (place, (quantity, contract)) in held.iter().enumerate() {
        let line = Line { instrument: InstrumentId(place), quantity: *quantity, entry: INDEX };
        exposures.add_position(place, &line, contract);
    }
    exposures.complete();
    exposures
}

/// A bucket of the underlying over a cell, with nothing in it.
pub fn bucket(place: usize) -> Bucket {
    Bucket { underlying: 0, place, forward_delta: 0.0, vega: 0.0, gamma: 0.0, naked: 0.0, at_a_strike: 0.0 }
}
