//! The inputs of the charges: net sensitivities by underlying and bucket.

pub(crate) mod around;

use model::{InstrumentId, UnderlyingId};

use super::cover::Chain;
use super::listed::{AssetTerms, ContractTerms, Strike, UnderlyingTerms};
use crate::risk_array::Line;

/// An account's exposures, as its charges need them. The memory is reused for the next account.
#[derive(Clone, Debug, Default)]
pub struct Exposures {
    /// The exposure to each underlying of the market.
    underlyings: Vec<Exposure>,
    /// The numbers of the underlyings to which the account has any exposure, in the order of the market.
    touched: Vec<usize>,
    /// The number of the asset and the value in USD of each balance, negative for a debt.
    pub balances: Vec<(usize, f64)>,
    /// The sums over all positions.
    pub totals: Totals,
    strikes: Vec<Leg>,
    endless: bool,
}

/// Sums over all positions of an account, in USD.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Funding of one period; positive when the account pays.
    pub funding: f64,
    /// Fees to close every position.
    pub fees: f64,
    /// Half the spreads of every position, each closed by itself.
    pub spread: f64,
}

/// The error of a sum of options, as a part of the sum of their sizes, at most.
const SLACK: f64 = 1e-9;

/// An account's net exposure to one underlying.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    /// Whether the account has any exposure to it.
    touched: bool,
    /// The underlying's index, in USD.
    pub index: f64,
    /// Units of the coin held or owed as balances or as unsettled profit.
    pub coins: f64,
    /// The exposure to each bucket of the underlying.
    pub buckets: Vec<Bucket>,
    /// Short options that no long option covers, in coins.
    pub naked: f64,
    /// The units of the coin, at most, that coins held and futures bought add to what a written call owes at high prices.
    rising: f64,
}

/// An account's net exposure to one bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// Delta, in units of the underlying.
    pub delta: f64,
    /// Forward delta, in units of the underlying: what moves with the forward alone.
    pub forward_delta: f64,
    /// Change of delta per dollar of the index.
    pub gamma: f64,
    /// USD per 1.00 of volatility.
    pub vega: f64,
    /// The most options that the account is long at one strike, calls and puts together, in coins; summed over the assets
    /// in which strikes are written.
    pub at_a_strike: f64,
}

/// The options of one chain, summed up.
#[derive(Clone, Copy, Debug, Default)]
struct ChainSums {
    /// Short options that no long option covers, in coins.
    naked: f64,
    /// The most options that the account is long at one strike, in coins.
    most: f64,
    /// Net calls, in coins.
    calls: f64,
    /// Calls without sign, in coins.
    gross: f64,
}

impl ChainSums {
    /// The sums of the legs of one chain, which are in the order of strikes.
    fn of(legs: &[Leg]) -> Self {
        let (mut chain, mut sums) = (Chain::default(), Self::default());
        let mut rest = legs.iter().peekable();
        while let Some(first) = rest.peek().map(|leg| leg.strike.rank) {
            let (mut calls, mut puts, mut gross) = (0.0, 0.0, 0.0);
            while let Some(leg) = rest.next_if(|leg| leg.strike.rank == first) {
                if leg.strike.call {
                    calls += leg.coins;
                    gross += leg.coins.abs();
                } else {
                    puts += leg.coins;
                }
            }
            chain.strike(calls, puts);
            sums.most = sums.most.max(calls + puts);
            sums.calls += calls;
            sums.gross += gross;
        }
        Self { naked: chain.naked(), ..sums }
    }
}

/// A position in options of one strike, in coins.
#[derive(Clone, Copy, Debug)]
struct Leg {
    strike: Strike,
    /// The index of the position in the account.
    place: usize,
    instrument: InstrumentId,
    underlying: usize,
    bucket: usize,
    coins: f64,
}

impl Bucket {
    fn add(&mut self, contracts: f64, contract: &ContractTerms) {
        self.delta += contracts * contract.greeks.delta;
        self.forward_delta += contracts * contract.forward_delta;
        self.gamma += contracts * contract.greeks.gamma;
        self.vega += contracts * contract.greeks.vega;
    }
}

impl Exposure {
    /// Net delta in coins, balances included.
    pub fn delta(&self) -> f64 {
        self.buckets.iter().fold(self.coins, |sum, bucket| sum + bucket.delta)
    }

    /// Adds the options of a chain, when everything else was added. Returns whether its calls owe more at high prices than
    /// all that rises with them.
    fn add_chain(&mut self, bucket: usize, chain: &ChainSums) -> bool {
        self.naked += chain.naked;
        self.buckets[bucket].at_a_strike += chain.most;
        chain.calls + self.rising * (1.0 + SLACK) < -SLACK * chain.gross
    }

    fn clear(&mut self) {
        if self.touched {
            (self.touched, self.coins, self.naked, self.rising) = (false, 0.0, 0.0, 0.0);
            self.buckets.fill(Bucket::default());
        }
    }
}

impl Exposures {
    /// Every underlying to which the account has any exposure, with its number, in the order of the market.
    pub fn touched(&self) -> impl Iterator<Item = (usize, &Exposure)> {
        self.touched.iter().map(|underlying| (*underlying, &self.underlyings[*underlying]))
    }

    /// Adds a balance of `amount` units; the asset has this number in the market.
    pub fn add_balance(&mut self, number: usize, amount: f64, asset: &AssetTerms) {
        let value = amount * asset.price;
        self.balances.push((number, value));
        if let Some(UnderlyingId(underlying)) = asset.follows {
            let exposure = self.touch(underlying);
            exposure.coins += value / exposure.index;
            exposure.rising += (value / exposure.index).max(0.0);
        }
    }

    /// Adds the position at `place` in the account.
    pub fn add_position(&mut self, place: usize, line: &Line, contract: &ContractTerms) {
        let (quantity, underlying) = (line.quantity, contract.underlying);
        if let Some(unsettled) = &contract.unsettled {
            self.touch(unsettled.underlying).coins += unsettled.coins(quantity, contract.size, line.entry);
        }
        if let Some((coin, units)) = contract.quoted {
            self.touch(coin).coins += quantity * units;
        }
        self.endless |= !contract.ends;
        if contract.strike.is_none() && quantity > 0.0 {
            self.touch(underlying).rising = f64::INFINITY;
        }
        self.touch(underlying).buckets[contract.bucket].add(quantity, contract);
        if let Some(strike) = contract.strike {
            let (bucket, coins) = (contract.bucket, quantity * contract.size);
            self.strikes.push(Leg { strike, place, instrument: line.instrument, underlying, bucket, coins });
        }
        self.totals.funding += quantity * contract.funding_rate * contract.value;
        self.totals.fees += quantity.abs() * contract.fee;
        self.totals.spread += quantity.abs() * contract.spread;
    }

    /// Whether the account surely has no largest possible loss (REQ-7): it holds a contract without an end, or the calls
    /// of a chain owe more at high prices than all that rises with them. False means that it may have one.
    pub fn is_endless(&self) -> bool {
        self.endless
    }

    /// Completes the exposures when everything was added: counts the naked options of each chain, and those at one strike.
    pub fn complete(&mut self) {
        self.touched.sort_unstable();
        self.strikes.sort_unstable_by_key(|leg| (leg.strike, leg.place));
        for legs in self.strikes.chunk_by(|one, other| one.strike.chain == other.strike.chain) {
            let exposure = &mut self.underlyings[legs[0].underlying];
            self.endless |= exposure.add_chain(legs[0].bucket, &ChainSums::of(legs));
        }
    }

    fn touch(&mut self, underlying: usize) -> &mut Exposure {
        let exposure = &mut self.underlyings[underlying];
        if !exposure.touched {
            exposure.touched = true;
            self.touched.push(underlying);
        }
        exposure
    }

    /// Removes everything, for an account in a market of these underlyings.
    pub fn clear(&mut self, underlyings: &[UnderlyingTerms]) {
        self.underlyings.resize_with(underlyings.len(), Exposure::default);
        for (exposure, terms) in self.underlyings.iter_mut().zip(underlyings) {
            exposure.clear();
            exposure.index = terms.index;
            exposure.buckets.resize(terms.buckets, Bucket::default());
        }
        self.touched.clear();
        self.balances.clear();
        self.strikes.clear();
        (self.totals, self.endless) = (Totals::default(), false);
    }
}
