//! Cross margin: every market separately, each by its larger side.
//!
//! ```text
//! IM = Σ markets max(buy side, sell side) + fees on the larger side + open loss     + spot balances owed
//! MM = Σ markets the position alone       + fees on the position                    + spot balances owed
//! ```
//!
//! The buy side of a market is the position once every purchase fills and no sale does; the sell side is the position
//! once every sale fills and no purchase does. The core shows the margin of the positions alone, at the maintenance fractions.

use std::collections::BTreeMap;

use model::{Account, Market, Right};
use serde::Deserialize;

use super::adapt::{adapt, class_of, fee};
use crate::book::{Contract, Leg, Listed, Order, VenueParameters};
use crate::{About, ChargeLine, FamilyLine, Refusal, Workings, params::decimal};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "paradex-cross",
    title: "Paradex cross margin: each market by its larger side, options by moneyness",
    documents: "docs.paradex.trade, risk/cross-margin-requirement and dated options; paradex_py/margin/cross_margin.py",
    as_of: "2026-06",
    proof: "the official engine 0.8.2 on accounts with orders, fees and coins, to 1e-12; PDX-XM-1, PDX-XM-2",
    uncertain: &[
        "initial margin fractions of perpetuals other than BTC are assumed (2 % ETH, 5 % SOL, 10 % others)",
        "the account's own leverage setting, which may raise the fraction of a market, is not an input",
        "a balance that is not USDC is left out (charged, where it is owed) at its own price; the engine takes the mark of its perpetual",
    ],
};

/// The parameters that come with the program.
pub const PARAMS: &str = include_str!("../../../params/paradex-cross/2026-06.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CrossParameters {
    /// What the venue lists.
    pub listed: Listed,
    /// Parameters of every underlying.
    pub general: CrossGeneral,
    /// Classes of underlyings that share parameters, by the name of the class.
    pub class: BTreeMap<String, CrossClass>,
}

/// Parameters of every underlying.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CrossGeneral {
    /// The maintenance margin of a perpetual, as a share of its initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance_factor: f64,
    /// The collateral token, whose balances are not charged.
    pub collateral: String,
    /// The maximum fee of an option, as a share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub option_fee_cap: f64,
    /// The class of underlyings that belong to no class.
    pub fallback: String,
}

/// A class of underlyings that share parameters.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CrossClass {
    /// The names of the underlyings.
    pub members: Vec<String>,
    /// Initial margin fraction of the perpetual.
    #[serde(deserialize_with = "decimal::read")]
    pub perpetual: f64,
    /// Fractions of an option, for the initial margin.
    pub initial: OptionFractions,
    /// Fractions of an option, for the maintenance margin.
    pub maintenance: OptionFractions,
}

impl VenueParameters for CrossParameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

impl AsRef<[String]> for CrossClass {
    fn as_ref(&self) -> &[String] {
        &self.members
    }
}

/// The margin of one option, in shares of mark and spot.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionFractions {
    /// For a long option: share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub premium_multiplier: f64,
    /// For a long option: maximum, as a share of the spot.
    #[serde(deserialize_with = "decimal::read")]
    pub long_itm: f64,
    /// For a short option: share of the spot, from which the amount out of the money is subtracted.
    #[serde(deserialize_with = "decimal::read")]
    pub short_itm: f64,
    /// For a short option: minimum, as a share of the spot.
    #[serde(deserialize_with = "decimal::read")]
    pub short_otm: f64,
    /// For a short put: maximum, as a share of the spot.
    #[serde(deserialize_with = "decimal::read")]
    pub short_put_cap: f64,
}

impl OptionFractions {
    /// The margin of one long option.
    pub fn long(&self, mark: f64, spot: f64) -> f64 {
        (mark * self.premium_multiplier).min(self.long_itm * spot)
    }

    /// The margin of one short option.
    pub fn short(&self, right: Right, strike: f64, spot: f64) -> f64 {
        let out_of_the_money = match right {
            Right::Call => (strike - spot).max(0.0),
            Right::Put => (spot - strike).max(0.0),
        };
        let margin = (self.short_itm * spot - out_of_the_money).max(self.short_otm * spot);
        match right {
            Right::Call => margin,
            Right::Put => margin.min(self.short_put_cap * spot),
        }
    }
}

/// The requirement of one market.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MarketRequirement {
    /// Coins held once every purchase fills and no sale does, at least 0.
    pub buy_open_size: f64,
    /// Coins sold once every sale fills and no purchase does, at least 0.
    pub sell_open_size: f64,
    /// Initial margin of the larger side.
    pub net_initial: f64,
    /// Maintenance margin of the position.
    pub net_maintenance: f64,
    /// Fee of the larger side.
    pub fee_initial: f64,
    /// Fee of the position.
    pub fee_maintenance: f64,
    /// The loss that orders priced beyond the mark make at once when they fill.
    pub open_loss: f64,
}

impl MarketRequirement {
    /// Required to take new risk. The charge for spot balances comes on top, once per account.
    pub fn initial_margin(&self) -> f64 {
        self.net_initial + self.fee_initial + self.open_loss
    }

    /// Required to keep the positions.
    pub fn maintenance_margin(&self) -> f64 {
        self.net_maintenance + self.fee_maintenance
    }
}

/// Computes the requirement of one market. `market` is any leg of the market; its size is ignored.
pub fn requirement(
    market: &Leg,
    held: f64,
    orders: &[&Order],
    spot: f64,
    general: &CrossGeneral,
    class: &CrossClass,
) -> MarketRequirement {
    let ordered = |side: f64| -> f64 { orders.iter().map(|order| (side * order.leg.size).max(0.0)).sum() };
    let buy_open_size = (ordered(1.0) + held).max(0.0);
    let sell_open_size = (ordered(-1.0) - held).max(0.0);
    let open_size = buy_open_size.max(sell_open_size);
    let (net_initial, net_maintenance) = match market.contract {
        Contract::Future { .. } => {
            let initial = open_size * market.mark * class.perpetual;
            (initial, held.abs() * market.mark * class.perpetual * general.maintenance_factor)
        }
        Contract::Option(terms) => {
            let long = |fractions: OptionFractions| fractions.long(market.mark, spot);
            let short = |fractions: OptionFractions| fractions.short(terms.right, terms.strike, spot);
            let initial = (long(class.initial) * buy_open_size).max(short(class.initial) * sell_open_size);
            let of_position = if held > 0.0 { long(class.maintenance) } else { short(class.maintenance) };
            (initial, of_position * held.abs())
        }
    };
    let fee_of = |size: f64| fee(&Leg { size, ..market.clone() }, spot, general.option_fee_cap);
    let loss = |order: &&Order| ((order.limit - market.mark) * order.leg.size).max(0.0);
    MarketRequirement {
        buy_open_size,
        sell_open_size,
        net_initial,
        net_maintenance,
        fee_initial: fee_of(open_size),
        fee_maintenance: fee_of(held),
        open_loss: orders.iter().map(loss).sum(),
    }
}

/// Computes the requirement of the account, line by line.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &CrossParameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let general = &parameters.general;
    let mut adapted = adapt(account, market, (&parameters.listed, &general.collateral), strict)?;
    let mut workings = adapted.workings(account);
    let mut sum = MarketRequirement::default();
    for underlying in adapted.underlyings.iter().filter(|underlying| !underlying.is_flat()) {
        let class = class_of(&underlying.name, &parameters.class, &general.fallback, strict, &mut workings)?;
        for (leg, held, orders) in underlying.contracts() {
            let requirement = requirement(leg, held, &orders, underlying.index, general, class);
            if held != 0.0 {
                workings.position_contributions[leg.place] = requirement.net_maintenance;
            }
            sum.net_initial += requirement.net_initial;
            sum.net_maintenance += requirement.net_maintenance;
            sum.fee_initial += requirement.fee_initial;
            sum.fee_maintenance += requirement.fee_maintenance;
            sum.open_loss += requirement.open_loss;
        }
    }
    workings.families = vec![FamilyLine::new("net margin of positions", sum.net_maintenance, "every market by itself")];
    workings.charges = vec![
        ChargeLine::new("initial over maintenance, orders included", sum.net_initial - sum.net_maintenance, 0.0),
        ChargeLine::new("fee provision", sum.fee_initial, sum.fee_maintenance),
        ChargeLine::new("open loss", sum.open_loss, 0.0),
    ];
    Ok(adapted.finish(workings))
}
