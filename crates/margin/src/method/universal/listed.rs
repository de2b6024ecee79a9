//! What a market lists, as the charges need it: looked up by number instead of name.

use std::collections::BTreeSet;

use model::{Instrument, InstrumentId, Market, Payoff, UnderlyingId};
use pricing::payoff;
use units::Timestamp;

use crate::greeks::Greeks;

/// The data of one underlying.
#[derive(Debug)]
pub(crate) struct UnderlyingTerms {
    /// The underlying's index, in USD.
    pub index: f64,
    /// The number of its buckets.
    pub buckets: usize,
}

/// The contracts of one underlying that are charged together: what one venue lists and what expires together, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The expiry; none for perpetuals.
    pub expiry: Option<Timestamp>,
    /// Whether the market names the venue.
    pub named: bool,
}

/// All buckets of a market.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// The buckets of each underlying, by expiry, perpetuals first, and then by venue.
    pub of_underlyings: Box<[Box<[Bucket]>]>,
    /// For each instrument of the market the number of its bucket; none where it is in no bucket.
    of: Box<[Option<usize>]>,
}

impl Buckets {
    /// The buckets of the instruments of `market` for which `counts` is true.
    pub fn new(market: &Market, counts: impl Fn(InstrumentId) -> bool) -> Self {
        fn key(listing: &Instrument) -> (Option<Timestamp>, Option<&str>) {
            (listing.expiry(), listing.venue.as_deref())
        }
        let listed = || market.instruments.iter().filter(|listing| counts(listing.id));
        let mut keys = vec![BTreeSet::new(); market.underlyings.len()];
        for listing in listed() {
            keys[listing.underlying.0].insert(key(listing));
        }
        let keys: Vec<Vec<_>> = keys.into_iter().map(|keys| keys.into_iter().collect()).collect();
        let mut of = vec![None; market.instruments.len()];
        for listing in listed() {
            of[listing.id.0] = keys[listing.underlying.0].binary_search(&key(listing)).ok();
        }
        let bucket = |(expiry, venue): &(_, Option<&str>)| Bucket { expiry: *expiry, named: venue.is_some() };
        let of_underlyings = keys.iter().map(|keys| keys.iter().map(bucket).collect());
        Self { of_underlyings: of_underlyings.collect(), of: of.into() }
    }

    /// The number of the bucket of an instrument among those of its underlying; none where it is in no bucket.
    pub fn of(&self, id: InstrumentId) -> Option<usize> {
        self.of[id.0]
    }
}

/// The data of one asset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AssetTerms {
    /// Price of a unit, in USD.
    pub price: f64,
    /// The underlying it follows.
    pub follows: Option<UnderlyingId>,
}

/// The data of one contract.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContractTerms {
    /// The number of the underlying it depends on.
    pub underlying: usize,
    /// The index of the bucket in which it is charged.
    pub bucket: usize,
    /// Sensitivities of one contract.
    pub greeks: Greeks,
    /// Units of the underlying with the same sensitivity to a move of the forward or mark alone.
    pub forward_delta: f64,
    /// Whether an account that holds it may have a largest possible loss (REQ-7).
    pub ends: bool,
    /// For an option: its place among the options that may cover each other.
    pub strike: Option<Strike>,
    /// Units of the underlying, or of the quote.
    pub size: f64,
    /// Notional of a future, premium of an option, USD.
    pub value: f64,
    /// The fee to close it, USD.
    pub fee: f64,
    /// Half the spread that is paid to close it, USD.
    pub spread: f64,
    /// Funding of eight hours, as a part of its value.
    pub funding_rate: f64,
    /// For a contract whose unsettled profit is paid in a coin: the data to count it.
    pub unsettled: Option<Unsettled>,
    /// For a contract written in a coin: the underlying that the coin follows, and the units of it that a contract owes.
    pub quoted: Option<(usize, f64)>,
}

/// The place of an option among those of its underlying, expiry and written asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Strike {
    /// The number of the chain, in the order of underlyings, expiries and written assets.
    pub chain: u32,
    /// The number of the strike in the chain, in rising order.
    pub rank: u32,
    /// Whether it is a call.
    pub call: bool,
}

/// The data to convert unsettled profit that will be paid in a coin into units of the coin's underlying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    /// The number of the underlying that the coin follows.
    pub underlying: usize,
    /// The payoff of the contract.
    pub payoff: Payoff,
    /// The mark of the contract, in its quote.
    pub mark: f64,
    /// The price of the coin, in USD.
    pub price: f64,
    /// The index of the underlying that the coin follows, in USD.
    pub index: f64,
}

impl Unsettled {
    /// Units of the underlying that `quantity` contracts of `size`, entered at `entry`, have earned.
    pub fn coins(&self, quantity: f64, size: f64, entry: f64) -> f64 {
        let value = match self.payoff {
            Payoff::Linear => payoff::linear_value,
            Payoff::Inverse => payoff::inverse_value,
        };
        value(quantity, size, entry, self.mark, self.price) / self.index
    }
}
