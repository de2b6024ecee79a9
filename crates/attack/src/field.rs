//! The programme of one market and one underlying: legs with their profits in scenarios and their charges, as the product
//! gives them for each leg alone.

use std::collections::BTreeMap;

use model::{Instrument, UnderlyingId};

use crate::legs::{Holding, Leg, account, legs, strike_group};
use crate::product::{Defence, Netting, Refusal, netting};
use crate::programme::{Alone, Group, Programme};

/// The part of the value of the bound that the budget is: so much that a future of the bound uses it up about, and little
/// enough that charges which grow with size do not rule.
const BUDGET: f64 = 0.1;

/// How large a book may be and of how many strikes it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Strikes of each expiry.
    pub strikes: usize,
    /// The largest size of a leg, in coins.
    pub coins: f64,
}

impl Default for Extent {
    /// Six strikes of each expiry, and ten coins a leg.
    fn default() -> Self {
        Self { strikes: 6, coins: 10.0 }
    }
}

/// What can be held in one underlying, and the programme that looks for its worst book. Amounts of the programme are in
/// parts of the index.
#[derive(Clone, Debug)]
pub struct Field {
    /// The legs of which a book can be made.
    pub legs: Vec<Leg>,
    /// The programme over them.
    pub programme: Programme,
    /// The index of the underlying, in USD.
    pub index: f64,
}

/// The charges of one leg of one coin, by name, in parts of the index.
struct Charged {
    long: BTreeMap<String, f64>,
    short: BTreeMap<String, f64>,
}

impl Field {
    /// The legs and the programme of an underlying.
    pub fn new(defence: &Defence, underlying: UnderlyingId, extent: Extent) -> Result<Self, Refusal> {
        let market = defence.market();
        let index = market.size(underlying);
        let legs = legs(market, underlying, extent.strikes, defence.sizes().settlement_seconds);
        let mut by_leg = Vec::with_capacity(legs.len());
        let mut builder = Builder::default();
        for (place, leg) in legs.iter().enumerate() {
            let alone = |size: f64| account(market, std::slice::from_ref(leg), &[size]);
            let parts = |size: f64| -> Result<BTreeMap<String, f64>, Refusal> {
                let charges = defence.charges(&alone(size)?)?;
                Ok(charges.into_iter().map(|(name, usd)| (name, usd / index)).collect())
            };
            by_leg.push(defence.core_profits(&alone(1.0)?)?);
            let charged = Charged { long: parts(1.0)?, short: parts(-1.0)? };
            let (delta, listing) = match leg.holding {
                Holding::Contract(id) => (defence.delta(id)?, Some(market.listing(id))),
                Holding::Coin(_) => (1.0, None),
            };
            builder.add(place, &charged, delta, listing);
        }
        let mut scenarios = transposed(&by_leg, index);
        // Scenarios of other underlyings look the same to these legs.
        scenarios.sort_by(|one, other| {
            let apart = one.iter().zip(other).map(|(one, other)| one.total_cmp(other));
            apart.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        scenarios.dedup();
        scenarios.retain(|scenario| scenario.iter().any(|profit| *profit < 0.0) || scenario.iter().any(|p| *p > 0.0));
        let group = |Sets { both_ways, sets }: Sets| Group { both_ways, sets: sets.into_values().collect() };
        let groups = builder.groups.into_values().map(group).collect();
        let budget = BUDGET * extent.coins;
        let programme = Programme { scenarios, alone: builder.alone, groups, bound: extent.coins, budget };
        Ok(Self { legs, programme, index })
    }
}

/// For each scenario the profit of each leg, in parts of the index.
fn transposed(by_leg: &[Vec<f64>], index: f64) -> Vec<Vec<f64>> {
    let count = by_leg.first().map_or(0, Vec::len);
    (0..count).map(|scenario| by_leg.iter().map(|leg| leg[scenario] / index).collect()).collect()
}

/// Charges of legs as they come, sorted into those that are netted and those that are not.
#[derive(Default)]
struct Builder {
    alone: Vec<Alone>,
    groups: BTreeMap<(Netting, String), Sets>,
}

/// The legs of a group, by set.
#[derive(Default)]
struct Sets {
    both_ways: bool,
    sets: BTreeMap<String, Vec<(usize, f64)>>,
}

impl Builder {
    fn add(&mut self, place: usize, charged: &Charged, delta: f64, listing: Option<&Instrument>) {
        let mut alone = Alone::default();
        let names = charged.long.keys().chain(charged.short.keys().filter(|name| !charged.long.contains_key(*name)));
        for name in names {
            let of = |side: &BTreeMap<String, f64>| side.get(name).copied().unwrap_or(0.0);
            let (long, short) = (of(&charged.long), of(&charged.short));
            let expiry = || listing.and_then(Instrument::expiry).map_or_else(String::new, |expiry| expiry.to_string());
            match netting(name) {
                Netting::DeltaOfExpiry => {
                    self.put((Netting::DeltaOfExpiry, expiry()), true, (place, long * delta.signum()));
                }
                Netting::NearExpiry => {
                    self.put((Netting::NearExpiry, expiry()), false, (place, -short));
                    let strike = listing.and_then(strike_group).unwrap_or_default();
                    let chain = listing.map_or(0, |listing| listing.counter_asset().0);
                    self.put_in((Netting::NearExpiry, format!("{} {chain}", expiry())), strike, (place, long));
                }
                Netting::ShortOfStrike => {
                    let strike = listing.and_then(strike_group).unwrap_or_default();
                    self.put((Netting::ShortOfStrike, strike), false, (place, long - short));
                }
                Netting::PaidByBook => {
                    // The side that receives pays what both sides pay: the fees.
                    let both = long.min(short);
                    alone = Alone { long: alone.long + both, short: alone.short + both };
                    self.put((Netting::PaidByBook, String::new()), false, (place, long - short));
                }
                Netting::None => alone = Alone { long: alone.long + long, short: alone.short + short },
            }
        }
        self.alone.push(alone);
    }

    fn put(&mut self, key: (Netting, String), both_ways: bool, term: (usize, f64)) {
        if term.1 != 0.0 {
            let group = self.groups.entry(key).or_default();
            group.both_ways = both_ways;
            group.sets.entry(String::new()).or_default().push(term);
        }
    }

    /// Adds a term to a set of a group of which only one set pays.
    fn put_in(&mut self, key: (Netting, String), set: String, term: (usize, f64)) {
        if term.1 != 0.0 {
            self.groups.entry(key).or_default().sets.entry(set).or_default().push(term);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Product;
    use model::Market;

    /// The programme expects of every leg alone the margin that the product has for it.
    #[test]
    fn the_margin_of_one_leg_is_that_of_the_product() {
        let market = Market::parse(testdata::MARKET).unwrap();
        let product = Product::published();
        let defence = product.defend(&market).unwrap();
        let field = Field::new(&defence, UnderlyingId(0), Extent::default()).unwrap();
        for (place, leg) in field.legs.iter().enumerate() {
            for size in [1.0, -1.0] {
                let mut sizes = vec![0.0; field.legs.len()];
                sizes[place] = size;
                let programme = &field.programme;
                let sum = |terms: &[f64]| terms.iter().zip(&sizes).map(|(part, size)| part * size).sum::<f64>();
                let core = programme.scenarios.iter().map(|scenario| -sum(scenario)).fold(0.0, f64::max);
                let alone = if size > 0.0 { programme.alone[place].long } else { programme.alone[place].short };
                let grouped = |group: &Group| {
                    let of = |set: &Vec<(usize, f64)>| set.iter().map(|(leg, part)| part * sizes[*leg]).sum::<f64>();
                    let paid = |sum: f64| if group.both_ways { sum.abs() } else { sum };
                    group.sets.iter().map(of).map(paid).fold(0.0, f64::max)
                };
                let expected = core + alone + programme.groups.iter().map(grouped).sum::<f64>();
                let held = account(&market, &field.legs, &sizes).unwrap();
                let found = defence.maintenance(&held).unwrap() / field.index;
                let near = (expected - found).abs() < 1e-4 * found.max(1e-3);
                // The product asks no more for a bought option than it can lose (REQ-7).
                let option = market.instrument(&leg.name).is_some_and(|id| market.listing(id).is_option());
                let bounded = option && size > 0.0 && found < expected;
                assert!(near || bounded, "{} {size}: {expected} {found}", leg.name);
            }
        }
    }
}
