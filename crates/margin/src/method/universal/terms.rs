//! All that is looked up in one market when an account is charged: computed once, by number instead of name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use model::{Account, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Right, UnderlyingId};

use super::bounded;
use super::charge::{Charges, funding_rate, rule::Scope};
use super::exposure::Exposures;
use super::listed::{AssetTerms, Buckets, ContractTerms, Strike, UnderlyingTerms, Unsettled};
use super::rules::Rules;
use crate::Refusal;
use crate::greeks::{Sensitivities, quoted_coins, with_forward_delta};
use crate::risk_array::Line;

/// All that is looked up in one market.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The charges in the market.
    pub charges: Charges,
    /// The terms of each underlying, in the order of the market.
    underlyings: Box<[UnderlyingTerms]>,
    /// The terms of each asset, in the order of the market.
    assets: Box<[AssetTerms]>,
    /// The terms of each contract, in the order of the market, each computed when the first account needs it.
    contracts: Box<[OnceLock<ContractTerms>]>,
    /// The contracts that are charged together.
    buckets: Buckets,
    /// For every option that is live, its place in its chain.
    strikes: Box<[Option<Strike>]>,
}

impl Terms {
    /// The terms of the instruments of `market` for which `is_live` is true, under `rules`.
    pub fn new(market: &Market, rules: &Rules, is_live: &dyn Fn(InstrumentId) -> bool) -> Self {
        let buckets = Buckets::new(market, is_live);
        let mut chains = BTreeMap::new();
        for (place, listing) in market.instruments.iter().enumerate() {
            let bucket = buckets.of(InstrumentId(place));
            if let (InstrumentKind::Option { strike, right, .. }, Some(bucket)) = (&listing.kind, bucket) {
                let chain: &mut BTreeMap<_, Vec<_>> =
                    chains.entry((listing.underlying, bucket, listing.counter_asset())).or_default();
                chain.entry(*strike).or_default().push((place, *right == Right::Call));
            }
        }
        let mut strikes = vec![None; market.instruments.len()].into_boxed_slice();
        for (chain, of_chain) in (0_u32..).zip(chains.values()) {
            for (rank, options) in (0_u32..).zip(of_chain.values()) {
                for (place, call) in options {
                    strikes[*place] = Some(Strike { chain, rank, call: *call });
                }
            }
        }
        let charges = Charges::new(
            &Scope {
                market,
                buckets: &buckets,
                until: market.time,
                rise: 1.0,
                scan: &rules.scan,
                daily_volume: &rules.liquidity.adv_usd,
            },
            &rules.charges(),
        );
        let underlyings = (0..market.underlyings.len()).map(UnderlyingId).zip(&buckets.of_underlyings);
        let underlyings =
            underlyings.map(|(id, buckets)| UnderlyingTerms { index: market.size(id), buckets: buckets.len() });
        let assets = market.assets.iter().zip(&market.quotes.prices);
        let assets = assets.map(|(asset, price)| AssetTerms { price: price.usd().to_f64(), follows: asset.follows });
        Self {
            charges,
            underlyings: underlyings.collect(),
            assets: assets.collect(),
            contracts: market.instruments.iter().map(|_| OnceLock::new()).collect(),
            buckets,
            strikes,
        }
    }

    /// Computes the exposures of an account into `exposures`. `lines` are its positions; `market` and `rules` must be
    /// those from which these terms were made.
    pub fn expose(
        &self,
        account: &Account,
        lines: &[Line],
        (market, rules): (&Market, &Rules),
        exposures: &mut Exposures,
    ) -> Result<(), Refusal> {
        exposures.clear(&self.underlyings);
        for balance in &account.balances {
            exposures.add_balance(balance.asset.0, balance.amount.to_f64(), &self.assets[balance.asset.0]);
        }
        for (place, line) in lines.iter().enumerate() {
            exposures.add_position(place, line, self.contract(line.instrument, market, rules)?);
        }
        exposures.complete();
        Ok(())
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
        let bucket = self.buckets.of(id).expect("a contract that is exposed is live");
        let settle = &self.assets[listing.settle.0];
        let unsettled = settle.follows.filter(|_| !listing.is_option()).map(|UnderlyingId(followed)| Unsettled {
            underlying: followed,
            payoff: listing.payoff,
            mark: market.mark(listing.id).in_quote().to_f64(),
            price: settle.price,
            index: self.underlyings[followed].index,
        });
        let value = self.value(listing, market);
        let Sensitivities { greeks, forward_delta } = with_forward_delta(id, market, rules.settlement.window_seconds)?;
        let quoted = quoted_coins(listing, greeks.delta, market).map(|(UnderlyingId(coin), units)| (coin, units));
        Ok(ContractTerms {
            underlying,
            bucket,
            greeks,
            forward_delta,
            ends: bounded::ends(listing, market),
            strike: self.strikes[id.0],
            size: listing.contract_size.to_f64(),
            value,
            fee: rules.fees.to_close(listing, value, self.underlyings[underlying].index),
            spread: rules.liquidity.to_cross(listing, market, value, greeks.vega),
            funding_rate: funding_rate(market.quote(id)),
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
}
