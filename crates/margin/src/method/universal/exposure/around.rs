//! The exposures of an account with a few positions changed, without adding up the others again.

use super::super::listed::ContractTerms;
use super::{ChainSums, Exposure, Exposures, Leg, Totals};
use crate::risk_array::Line;

/// A position before and after a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// The terms of the contract that is held.
    pub contract: &'a ContractTerms,
    /// The position before, of no contracts where there was none.
    pub before: Line,
    /// The position after.
    pub after: Line,
}

/// The exposures of all positions of an account, from which those with a few changes follow.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    positions: Exposures,
    /// The options of each chain: where they are in `positions.strikes`, and their sums.
    chains: Vec<(std::ops::Range<usize>, ChainSums)>,
    /// The number of contracts without an end that are held.
    endless: usize,
    /// For each underlying the number of its futures and perpetuals that are held long.
    long: Vec<usize>,
}

/// Reusable memory for [`Around::on`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Spare {
    /// The exposure to one underlying.
    pub exposure: Exposure,
    legs: Vec<Leg>,
}

impl Change<'_> {
    /// The contracts that were added.
    pub fn contracts(&self) -> f64 {
        self.after.quantity - self.before.quantity
    }

    /// Calls `each` with every underlying whose exposure changes.
    pub fn underlyings(&self, mut each: impl FnMut(usize)) {
        each(self.contract.underlying);
        if let Some(unsettled) = &self.contract.unsettled {
            each(unsettled.underlying);
        }
        if let Some((coin, _)) = self.contract.quoted {
            each(coin);
        }
    }

    /// What holds for the position after, less what held for the one before.
    fn count(&self, holds: impl Fn(&Line) -> bool) -> (usize, usize) {
        (usize::from(holds(&self.after)), usize::from(holds(&self.before)))
    }
}

impl Around {
    /// The exposures of an account's positions, without its balances. `held` are its positions with their contracts.
    pub fn new<'a>(positions: Exposures, held: impl Iterator<Item = (&'a Line, &'a ContractTerms)>) -> Self {
        let mut long = vec![0; positions.underlyings.len()];
        let mut endless = 0;
        for (line, contract) in held {
            long[contract.underlying] += usize::from(is_long(line, contract));
            endless += usize::from(line.quantity != 0.0 && !contract.ends);
        }
        let mut chains = Vec::new();
        let mut from = 0;
        for legs in positions.strikes.chunk_by(|one, other| one.strike.chain == other.strike.chain) {
            chains.push((from..from + legs.len(), ChainSums::of(legs)));
            from += legs.len();
        }
        Self { positions, chains, endless, long }
    }

    /// The numbers of the underlyings that the positions depend on.
    pub fn touched(&self) -> &[usize] {
        &self.positions.touched
    }

    /// The index of an underlying, in USD.
    pub fn index(&self, underlying: usize) -> f64 {
        self.positions.underlyings[underlying].index
    }

    /// The sums over all positions.
    pub fn totals(&self, changes: &[Change<'_>]) -> Totals {
        let mut totals = self.positions.totals;
        for change in changes {
            let ContractTerms { funding_rate, value, fee, spread, .. } = change.contract;
            let more = change.after.quantity.abs() - change.before.quantity.abs();
            totals.funding += change.contracts() * funding_rate * value;
            totals.fees += more * fee;
            totals.spread += more * spread;
        }
        totals
    }

    /// Whether a contract without an end is held.
    pub fn holds_endless(&self, changes: &[Change<'_>]) -> bool {
        let (more, less) =
            counted(changes, |change| change.count(|line| line.quantity != 0.0 && !change.contract.ends));
        self.endless + more > less
    }

    /// The exposure to one underlying, into `spare.exposure`. `coins` are the units of it that are held or owed as
    /// balances, `held` those that are held. Returns whether the calls of a chain owe more at high prices than all that
    /// rises with them.
    pub fn on(&self, underlying: usize, changes: &[Change<'_>], (coins, held): (f64, f64), spare: &mut Spare) -> bool {
        let Spare { exposure, legs } = spare;
        let base = &self.positions.underlyings[underlying];
        exposure.buckets.clone_from(&base.buckets);
        (exposure.index, exposure.coins, exposure.naked) = (base.index, base.coins + coins, 0.0);
        exposure.buckets.iter_mut().for_each(|bucket| bucket.at_a_strike = 0.0);
        for change in changes {
            let (contract, contracts) = (change.contract, change.contracts());
            if let Some(unsettled) = contract.unsettled.filter(|unsettled| unsettled.underlying == underlying) {
                let coins = |line: &Line| unsettled.coins(line.quantity, contract.size, line.entry);
                exposure.coins +=
                    coins(&change.after) - if change.before.quantity == 0.0 { 0.0 } else { coins(&change.before) };
            }
            if let Some((_, units)) = contract.quoted.filter(|(coin, _)| *coin == underlying) {
                exposure.coins += contracts * units;
            }
            if contract.underlying == underlying {
                exposure.buckets[contract.bucket].add(contracts, contract);
            }
        }
        let of_underlying = changes.iter().filter(|change| change.contract.underlying == underlying);
        let (more, less) = counted(of_underlying.clone(), |change| change.count(|line| is_long(line, change.contract)));
        exposure.rising = if self.long[underlying] + more > less { f64::INFINITY } else { held };
        let mut is_endless = false;
        for (place, sums) in &self.chains {
            let of_chain = &self.positions.strikes[place.clone()];
            let first = &of_chain[0];
            if first.underlying != underlying {
                continue;
            }
            let chain = first.strike.chain;
            let is_of = |change: &&Change<'_>| change.contract.strike.is_some_and(|strike| strike.chain == chain);
            let sums = if of_underlying.clone().any(|change| is_of(&change)) {
                legs.clear();
                legs.extend_from_slice(of_chain);
                of_underlying.clone().filter(is_of).for_each(|change| change.replace(legs));
                ChainSums::of(legs)
            } else {
                *sums
            };
            is_endless |= exposure.add_chain(first.bucket, &sums);
        }
        // Chains in which the account held nothing before.
        let is_known =
            |chain: u32| self.chains.iter().any(|(place, _)| self.positions.strikes[place.start].strike.chain == chain);
        for (number, change) in changes.iter().enumerate() {
            let Some(strike) = change.contract.strike.filter(|_| change.contract.underlying == underlying) else {
                continue;
            };
            let is_of = |change: &Change<'_>| change.contract.strike.is_some_and(|other| other.chain == strike.chain);
            if is_known(strike.chain) || changes[..number].iter().any(is_of) {
                continue;
            }
            legs.clear();
            changes.iter().filter(|change| is_of(change)).for_each(|change| change.replace(legs));
            is_endless |= exposure.add_chain(change.contract.bucket, &ChainSums::of(legs));
        }
        is_endless
    }
}

impl Change<'_> {
    /// Changes the leg of an option in its chain.
    fn replace(&self, legs: &mut Vec<Leg>) {
        let ContractTerms { strike: Some(strike), underlying, bucket, size, .. } = *self.contract else { return };
        let (instrument, coins) = (self.after.instrument, self.after.quantity * size);
        if let Some(leg) = legs.iter_mut().find(|leg| leg.instrument == instrument) {
            leg.coins = coins;
        } else {
            let place = legs.partition_point(|leg| leg.strike < strike);
            legs.insert(place, Leg { strike, place, instrument, underlying, bucket, coins });
        }
    }
}

/// Whether a position is one that rises without end with its underlying: a future or perpetual held long.
fn is_long(line: &Line, contract: &ContractTerms) -> bool {
    contract.strike.is_none() && line.quantity > 0.0
}

/// The sums of two counts over all changes.
fn counted<'a, 'b: 'a>(
    changes: impl IntoIterator<Item = &'a Change<'b>>,
    of: impl Fn(&Change<'_>) -> (usize, usize),
) -> (usize, usize) {
    changes.into_iter().map(of).fold((0, 0), |(more, less), (one, other)| (more + one, less + other))
}
