//! The market data and parameters that charges use: computed once, and looked up by index instead of name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use model::{Asset, AssetId, Instrument, InstrumentId, InstrumentKind, Liquidity, Market, Payoff, Right, UnderlyingId};
use pricing::{math, payoff};
use units::Timestamp;

use super::charges::{Exit, Leave};
use super::rules::Rules;
use crate::Refusal;
use crate::greeks::{Greeks, of_contract, quoted_coins};

/// All data that charges look up in one market.
#[derive(Debug)]
pub struct Terms {
    /// The terms of each underlying, in the order of the market.
    pub underlyings: Box<[UnderlyingTerms]>,
    /// The terms of each asset, in the order of the market.
    pub assets: Box<[AssetTerms]>,
    /// The terms of each contract, in the order of the market, each computed when the first account needs it.
    contracts: Box<[OnceLock<ContractTerms>]>,
    /// For every option, the number of its strike in the order of underlyings, expiries, written assets, and strikes.
    strikes: Box<[u32]>,
}

/// The data of one underlying that charges need.
#[derive(Debug)]
pub struct UnderlyingTerms {
    /// The underlying's index, in USD.
    pub index: f64,
    /// CHG-1 on its delta.
    pub delta_exit: Leave,
    /// CHG-1 on the vega of each expiry.
    pub vega_exit: Leave,
    /// The groups that are charged together: perpetuals first, then every expiry, the nearest first.
    pub buckets: Box<[BucketTerms]>,
    expiries: Box<[Timestamp]>,
}

/// The terms of the perpetuals, or of one expiry.
#[derive(Clone, Copy, Debug)]
pub struct BucketTerms {
    /// CHG-2 on a dollar of delta.
    pub basis: f64,
    /// Whether CHG-4 applies.
    pub pinned: bool,
}

/// The data of one asset that charges need.
#[derive(Clone, Debug)]
pub struct AssetTerms {
    /// Price of a unit, in USD.
    pub price: f64,
    /// The underlying it follows.
    pub follows: Option<UnderlyingId>,
    /// CHG-5: the rate on a dollar owed, before the size term.
    pub borrow_rate: f64,
    /// CHG-5: dollars that trade in a day.
    pub daily_volume: f64,
    /// CHG-6: the volatility haircut, at most the cap; none for USD.
    pub volatility: Option<f64>,
    /// CHG-6: the book as pairs of dollars up to a level and its distance from the mid, nearest first.
    pub book: Box<[(f64, f64)]>,
}

/// The data of one contract that charges need.
#[derive(Clone, Copy, Debug)]
pub struct ContractTerms {
    /// The number of the underlying it depends on.
    pub underlying: usize,
    /// The index of the bucket in which it is charged.
    pub bucket: usize,
    /// Sensitivities of one contract.
    pub greeks: Greeks,
    /// For an option: the number of its strike, and whether it is a call.
    pub strike: Option<(u32, bool)>,
    /// Units of the underlying, or of the quote.
    pub size: f64,
    /// Notional of a future, premium of an option, USD.
    pub value: f64,
    /// CHG-7 to close it, USD.
    pub fee: f64,
    /// CHG-7: funding of eight hours, as a part of its value.
    pub funding_rate: f64,
    /// For a contract whose unsettled profit is paid in a coin: the data to count it.
    pub unsettled: Option<Unsettled>,
    /// For a contract written in a coin: the underlying that the coin follows, and the units of it that a contract owes.
    pub quoted: Option<(usize, f64)>,
}

/// The data to convert unsettled profit that will be paid in a coin into units of the coin's underlying.
#[derive(Clone, Copy, Debug)]
pub struct Unsettled {
    /// The number of the underlying that the coin follows.
    pub underlying: usize,
    payoff: Payoff,
    mark: f64,
    price: f64,
    index: f64,
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

impl Terms {
    /// The terms of the instruments of `market` for which `is_live` is true, under `rules`.
    pub fn new(market: &Market, rules: &Rules, is_live: &dyn Fn(InstrumentId) -> bool) -> Self {
        let mut expiries = vec![BTreeSet::new(); market.underlyings.len()];
        let mut options = BTreeMap::new();
        for (place, listing) in market.instruments.iter().enumerate() {
            let Some(expiry) = listing.expiry().filter(|_| is_live(InstrumentId(place))) else { continue };
            expiries[listing.underlying.0].insert(expiry);
            if let InstrumentKind::Option { strike, .. } = &listing.kind {
                let same: &mut Vec<usize> =
                    options.entry((listing.underlying, expiry, listing.counter_asset(), *strike)).or_default();
                same.push(place);
            }
        }
        let mut strikes = vec![0; market.instruments.len()].into_boxed_slice();
        for (number, places) in (0_u32..).zip(options.values()) {
            for place in places {
                strikes[*place] = number;
            }
        }
        let underlyings = (0..market.underlyings.len()).map(UnderlyingId).zip(expiries);
        Self {
            underlyings: underlyings.map(|(id, expiries)| UnderlyingTerms::new(market, id, expiries, rules)).collect(),
            assets: (0..market.assets.len()).map(|asset| AssetTerms::new(market, AssetId(asset), rules)).collect(),
            contracts: market.instruments.iter().map(|_| OnceLock::new()).collect(),
            strikes,
        }
    }

    /// The terms of one contract. `market` and `rules` must be those from which these terms were made.
    pub fn contract(&self, id: InstrumentId, market: &Market, rules: &Rules) -> Result<&ContractTerms, Refusal> {
        let known = &self.contracts[id.0];
        if let Some(terms) = known.get() {
            return Ok(terms);
        }
        let terms = self.work_out(id, market, rules)?;
        Ok(known.get_or_init(|| terms))
    }

    fn work_out(&self, id: InstrumentId, market: &Market, rules: &Rules) -> Result<ContractTerms, Refusal> {
        let listing = market.listing(id);
        let UnderlyingId(underlying) = listing.underlying;
        let bucket = listing
            .expiry()
            .map_or(0, |expiry| 1 + self.underlyings[underlying].expiries.partition_point(|known| *known < expiry));
        let settle = &self.assets[listing.settle.0];
        let unsettled = settle.follows.filter(|_| !listing.is_option()).map(|UnderlyingId(followed)| Unsettled {
            underlying: followed,
            payoff: listing.payoff,
            mark: market.mark(listing.id).in_quote().to_f64(),
            price: settle.price,
            index: self.underlyings[followed].index,
        });
        let strike = match &listing.kind {
            InstrumentKind::Option { right, .. } => Some((self.strikes[id.0], *right == Right::Call)),
            InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => None,
        };
        let value = self.value(listing, market);
        let greeks = of_contract(id, market, rules.settlement.window_seconds)?;
        let quoted = quoted_coins(listing, greeks.delta, market).map(|(UnderlyingId(coin), units)| (coin, units));
        Ok(ContractTerms {
            underlying,
            bucket,
            greeks,
            strike,
            size: listing.contract_size.to_f64(),
            value,
            fee: self.fee(listing, value, rules),
            funding_rate: market.quote(listing.id).funding_rate_8h.unwrap_or_default().to_f64(),
            unsettled,
            quoted,
        })
    }

    /// The value of one contract in USD: notional of a future, premium of an option.
    fn value(&self, listing: &Instrument, market: &Market) -> f64 {
        let (mark, size) = (market.mark(listing.id).in_quote().to_f64(), listing.contract_size.to_f64());
        let paid = self.assets[listing.settle.0].price;
        match (&listing.kind, listing.payoff) {
            (InstrumentKind::Option { .. }, _) => size * mark * paid,
            (_, Payoff::Linear) => size * market.moving_price(listing) * paid,
            (_, Payoff::Inverse) => size / mark * paid,
        }
    }

    /// CHG-7: the cost of closing one contract of that value.
    fn fee(&self, listing: &Instrument, value: f64, rules: &Rules) -> f64 {
        let given = listing.fee_rate.map(units::Ratio::to_f64);
        let fee = if listing.is_option() {
            let index = self.underlyings[listing.underlying.0].index;
            let flat = given.unwrap_or(rules.fees.option) * index * listing.contract_size.to_f64();
            flat.min(rules.fees.option_cap * value)
        } else {
            given.unwrap_or(rules.fees.future) * value
        };
        fee.max(0.0)
    }
}

impl UnderlyingTerms {
    fn new(market: &Market, id: UnderlyingId, expiries: BTreeSet<Timestamp>, rules: &Rules) -> Self {
        let (listed, now) = (&market.underlyings[id.0], market.time);
        let bucket = |years: f64, pinned: bool| BucketTerms {
            basis: rules.basis.floor.max(math::exp(rules.basis.rate * years) - 1.0),
            pinned,
        };
        let dated =
            |expiry: &Timestamp| bucket(expiry.years_since(now), expiry.days_since(now) <= rules.options.pin_days);
        Self {
            index: market.size(id),
            delta_exit: Leave::new(Exit::of_delta(listed, market.underlying_liquidity(id).adv_usd, rules), rules),
            vega_exit: Leave::new(Exit::of_vega(listed, rules), rules),
            buckets: std::iter::once(bucket(0.0, false)).chain(expiries.iter().map(dated)).collect(),
            expiries: expiries.into_iter().collect(),
        }
    }
}

impl AssetTerms {
    /// The terms of one asset of `market`.
    pub fn new(market: &Market, id: AssetId, rules: &Rules) -> Self {
        let Asset { name, follows } = &market.assets[id.0];
        let Liquidity { depth, adv_usd } = market.asset_liquidity(id);
        let volatility = if follows.is_none() { rules.haircut.volatility.get(name) } else { 0.0 };
        let book = if depth.is_empty() {
            [(rules.haircut.depth_usd.get(name), 0.01)].into()
        } else {
            depth.iter().map(|level| (level.usd.to_f64(), level.bps.to_f64() / 10_000.0)).collect()
        };
        Self {
            price: market.price(id).usd().to_f64(),
            follows: *follows,
            borrow_rate: rules.borrow.rate.get(name),
            daily_volume: adv_usd.map_or_else(|| rules.liquidity.adv_usd.get(name), units::Money::to_f64),
            volatility: (id != model::USD).then_some(volatility.min(rules.haircut.cap)),
            book,
        }
    }
}
