//! CHG-7, funding and fees: what it costs to hold all positions for a period, and to close them.
//!
//! One period of funding is charged where the account as a whole pays it; funding that is received is not credited. Every
//! position pays the fee to close it: a part of the value of a future, and of the index for an option, but no more than a
//! part of its value.
//!
//! Over a cell, every value is taken at the end that costs more, contract by contract. Fees add up, and of two accounts the
//! funding paid together is no more than what both pay, so a fill adds nothing beyond its own.

use model::{Instrument, InstrumentQuote, Invalid};
use serde::Deserialize;

use super::rule::{Fill, Part, Rule, Scope};
use crate::method::universal::by_name::within;
use crate::method::universal::exposure::{Exposures, Totals};
use crate::params::decimal;

/// Fees to close positions (CHG-7).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeeRules {
    /// Fee to close a future, as a part of its value, where the market gives no rate.
    #[serde(deserialize_with = "decimal::read")]
    pub future: f64,
    /// Fee to close an option, as a part of the index, where the market gives no rate.
    #[serde(deserialize_with = "decimal::read")]
    pub option: f64,
    /// An option's fee is at most this part of its value.
    #[serde(deserialize_with = "decimal::read")]
    pub option_cap: f64,
}

impl FeeRules {
    /// The fee to close one contract of `value` USD, where the index of its underlying is `index` USD.
    pub(crate) fn to_close(&self, listing: &Instrument, value: f64, index: f64) -> f64 {
        let given = listing.fee_rate.map(units::Ratio::to_f64);
        let fee = if listing.is_option() {
            let flat = given.unwrap_or(self.option) * index * listing.contract_size.to_f64();
            flat.min(self.option_cap * value)
        } else {
            given.unwrap_or(self.future) * value
        };
        fee.max(0.0)
    }
}

/// The funding that a long contract pays in eight hours, as a part of its value; 0 where the market gives none.
pub(crate) fn funding_rate(quote: &InstrumentQuote) -> f64 {
    quote.funding_rate_8h.unwrap_or_default().to_f64()
}

/// CHG-7, which looks up nothing: rates and fees are in the exposures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FundingAndFees;

impl Rule for FundingAndFees {
    type Rules = FeeRules;

    const ID: &'static str = "CHG-7";
    const NAME: &'static str = "funding and fees";
    const CLOSES: bool = true;

    fn check(rules: &FeeRules) -> Result<(), Invalid> {
        within(rules.future, "fees.future", 0.0, 0.1)?;
        within(rules.option, "fees.option", 0.0, 0.1)?;
        within(rules.option_cap, "fees.option_cap", 0.0, 1.0)
    }

    fn new(_: &Scope<'_>, _: &FeeRules) -> Self {
        Self
    }

    #[inline]
    fn exact(&self, exposures: &Exposures) -> f64 {
        self.on_totals(&exposures.totals)
    }

    #[inline]
    fn on_totals(&self, totals: &Totals) -> f64 {
        totals.funding.max(0.0) + totals.fees
    }

    #[inline]
    fn most(&self, part: &Part) -> Option<f64> {
        match part {
            Part::Funding(paid) => Some(paid.max(0.0)),
            Part::Fees(fees) => Some(*fees),
            Part::Bucket(_) | Part::Underlying { .. } | Part::Balance { .. } | Part::Spread(_) => None,
        }
    }

    #[inline]
    fn beyond(&self, _: &Fill) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::universal::charge::example::{contract, exposures};
    use crate::method::universal::listed::ContractTerms;

    /// CHG-7: funding is netted over the account and charged only where it is paid; fees add up, whatever the side.
    #[test]
    fn funding_is_netted_and_fees_add_up() {
        let paying = ContractTerms { funding_rate: 0.001, ..contract(0, 1.0, 0.0, 0.0) };
        let receiving = ContractTerms { funding_rate: -0.0005, ..paying };
        let charge = |held: &[(f64, ContractTerms)]| FundingAndFees.exact(&exposures(held));
        assert!((charge(&[(3.0, paying)]) - (0.3 + 0.75)).abs() < 1e-12);
        assert_eq!(charge(&[(-3.0, paying)]), 0.75);
        assert!((charge(&[(3.0, paying), (3.0, receiving)]) - (0.3 - 0.15 + 1.5)).abs() < 1e-12);
        assert_eq!([-2.0, 2.0].map(|paid| FundingAndFees.most(&Part::Funding(paid))), [Some(0.0), Some(2.0)]);
        assert_eq!(FundingAndFees.most(&Part::Fees(1.5)), Some(1.5));
    }
}
