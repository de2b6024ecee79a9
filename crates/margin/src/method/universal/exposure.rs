//! The inputs of the charges: net sensitivities by underlying and expiry.

use model::{Account, Market, UnderlyingId};

use super::rules::Rules;
use super::terms::{ContractTerms, Terms};
use crate::Refusal;
use crate::aggregate::naked_shorts;
use crate::risk_array::Line;

/// An account's exposures, as its charges need them. The memory is reused for the next account.
#[derive(Clone, Debug, Default)]
pub struct Exposures {
    /// The exposure to each underlying of the market.
    pub underlyings: Vec<Exposure>,
    /// The asset and the units of each balance.
    pub amounts: Vec<(usize, f64)>,
    /// Funding of one period, in USD; positive when the account pays.
    pub funding: f64,
    /// Fees to close every position, in USD.
    pub fees: f64,
    strikes: Vec<Leg>,
}

/// An account's net exposure to one underlying.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    /// Whether the account has any exposure to it.
    pub touched: bool,
    /// Units of the coin held or owed as balances or as unsettled profit.
    pub coins: f64,
    /// The bucket of the perpetuals at `T = 0`, then one for every expiry of the market.
    pub buckets: Vec<Bucket>,
    /// Short options that no long option at their strike covers, in coins.
    pub naked: f64,
}

/// An account's net exposure to one expiry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// Delta, in units of the underlying.
    pub delta: f64,
    /// Change of delta per dollar of the index.
    pub gamma: f64,
    /// USD per 1.00 of volatility.
    pub vega: f64,
}

/// A position in options of one strike, in coins.
#[derive(Clone, Copy, Debug)]
struct Leg {
    strike: u32,
    /// The index of the position in the account.
    place: usize,
    underlying: usize,
    call: bool,
    coins: f64,
}

impl Exposure {
    /// The buckets of all expiries, without perpetuals.
    pub fn expiries(&self) -> &[Bucket] {
        self.buckets.get(1..).unwrap_or_default()
    }

    /// Net delta in coins, balances included.
    pub fn delta(&self) -> f64 {
        self.buckets.iter().fold(self.coins, |sum, bucket| sum + bucket.delta)
    }

    fn clear(&mut self) {
        if self.touched {
            (self.touched, self.coins, self.naked) = (false, 0.0, 0.0);
            self.buckets.fill(Bucket::default());
        }
    }
}

impl Exposures {
    /// Computes the exposure of an account to every underlying of the market.
    pub fn take(
        &mut self,
        account: &Account,
        lines: &[Line],
        terms: &Terms,
        (market, rules): (&Market, &Rules),
    ) -> Result<(), Refusal> {
        self.clear(terms);
        for balance in &account.balances {
            let (asset, amount) = (balance.asset.0, balance.amount.to_f64());
            self.amounts.push((asset, amount));
            let terms_of = &terms.assets[asset];
            if let Some(UnderlyingId(underlying)) = terms_of.follows {
                self.touch(underlying).coins += amount * terms_of.price / terms.underlyings[underlying].index;
            }
        }
        for (place, line) in lines.iter().enumerate() {
            self.add(place, line, terms.contract(line.instrument, market, rules)?);
        }
        self.net_strikes();
        Ok(())
    }

    fn add(&mut self, place: usize, line: &Line, contract: &ContractTerms) {
        let (quantity, underlying) = (line.quantity, contract.underlying);
        if let Some(unsettled) = &contract.unsettled {
            self.touch(unsettled.underlying).coins += unsettled.coins(quantity, contract.size, line.entry);
        }
        if let Some((coin, units)) = contract.quoted {
            self.touch(coin).coins += quantity * units;
        }
        let bucket = &mut self.touch(underlying).buckets[contract.bucket];
        bucket.delta += quantity * contract.greeks.delta;
        bucket.gamma += quantity * contract.greeks.gamma;
        bucket.vega += quantity * contract.greeks.vega;
        if let Some((strike, call)) = contract.strike {
            self.strikes.push(Leg { strike, place, underlying, call, coins: quantity * contract.size });
        }
        self.funding += quantity * contract.funding_rate * contract.value;
        self.fees += quantity.abs() * contract.fee;
    }

    /// Nets calls and puts of each strike, in the order of the market.
    fn net_strikes(&mut self) {
        self.strikes.sort_unstable_by_key(|leg| (leg.strike, leg.place));
        for legs in self.strikes.chunk_by(|one, other| one.strike == other.strike) {
            let net = |call: bool| legs.iter().filter(|leg| leg.call == call).fold(0.0, |sum, leg| sum + leg.coins);
            self.underlyings[legs[0].underlying].naked += naked_shorts(net(true), net(false));
        }
    }

    fn touch(&mut self, underlying: usize) -> &mut Exposure {
        let exposure = &mut self.underlyings[underlying];
        exposure.touched = true;
        exposure
    }

    fn clear(&mut self, terms: &Terms) {
        self.underlyings.resize_with(terms.underlyings.len(), Exposure::default);
        for (exposure, terms) in self.underlyings.iter_mut().zip(&terms.underlyings) {
            exposure.clear();
            exposure.buckets.resize(terms.buckets.len(), Bucket::default());
        }
        self.amounts.clear();
        self.strikes.clear();
        (self.funding, self.fees) = (0.0, 0.0);
    }
}
