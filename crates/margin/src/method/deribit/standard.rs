//! Standard margin (S:SM): every position separately.
//!
//! ```text
//! future        IM = size · (initial + slope · size)            MM = size · (maintenance + slope · size)
//! short call    IM = max(15 % − OTM, 10 %) + mark               MM = 7.5 % + mark
//! short put     IM = max(max(15 % − OTM, 10 %) + mark, MM)      MM = max(7.5 %, 7.5 % · mark) + mark
//! long option   IM = MM = 0: the premium is paid
//! ```
//!
//! For inverse contracts these formulas are in coins. For linear contracts the percentages are shares of the underlying
//! price, in the settlement currency; a linear future converts its coins at the index.

use std::collections::BTreeMap;

use model::{Account, Market, Payoff, Right};
use serde::Deserialize;

use super::adapt::{Adapted, adapt};
use super::pair::{Currencies, PairAccount, VENUE};
use super::segregated::{InUsd, note, segregate};
use crate::book::{Contract, Leg, Listed, OptionTerms, Order, VenueParameters};
use crate::{About, ChargeLine, FamilyLine, Refusal, Workings, params::decimal};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "deribit-standard",
    title: "Deribit segregated standard margin: futures by size, options by moneyness",
    documents: "support.deribit.com 25944738177565 Linear Perpetual; doc.tslab.pro Deribit Margin Requirements Calculation",
    as_of: "2026-02-16",
    proof: "DERIBIT-SM-LINEAR, DERIBIT-SM-ETHPERP (a recorded position), BITCOM-PUT (a venue with the same formulas)",
    uncertain: &[
        "option margins are a third party's transcription; moneyness is measured on the forward of the expiry, the venue's underlying price",
        "margin of open orders is not in the documents held: futures take their larger side, options sold their short margin, options bought their premium",
        "equity here counts the value of options; whether the venue's margin balance does is not in the documents held",
        "slopes of ETH are inferred from the portfolio margin; rows beyond BTC, ETH and SOL are not held",
    ],
};

/// The parameters that come with the program.
pub const PARAMS: &str = include_str!("../../../params/deribit-standard/2026-02-16.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SmParameters {
    /// What the venue lists.
    pub listed: Listed,
    /// Parameters of every underlying.
    pub general: SmGeneral,
    /// The row of each underlying.
    pub future: BTreeMap<String, FutureRow>,
    /// The shares of every option.
    pub option: OptionShares,
}

/// Parameters of every underlying.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SmGeneral {
    /// The currencies in which contracts settle.
    pub currencies: Currencies,
}

/// The margin of a future, as a share of its size in coins.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FutureRow {
    /// Initial margin of the smallest position.
    #[serde(deserialize_with = "decimal::read")]
    pub initial: f64,
    /// Maintenance margin of the smallest position.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance: f64,
    /// The increase of either share for each coin of size.
    #[serde(deserialize_with = "decimal::read")]
    pub slope: f64,
}

/// The margin of a short option on top of its mark, as shares of the underlying.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionShares {
    /// Initial margin, from which the amount out of the money is subtracted.
    #[serde(deserialize_with = "decimal::read")]
    pub initial_itm: f64,
    /// Minimum initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub initial_otm: f64,
    /// Maintenance margin, as a share of the underlying.
    #[serde(deserialize_with = "decimal::read")]
    pub maintenance: f64,
}

impl VenueParameters for SmParameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

/// Initial and maintenance margin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Margin {
    /// Required to take the position.
    pub initial: f64,
    /// Required to keep the position, in the unit of `initial`.
    pub maintenance: f64,
}

impl Margin {
    fn times(self, factor: f64) -> Self {
        Self { initial: self.initial * factor, maintenance: self.maintenance * factor }
    }
}

impl FutureRow {
    /// The margin of a position of this many coins, in coins.
    pub fn margin(&self, size: f64) -> Margin {
        let size = size.abs();
        Margin {
            initial: size * (self.initial + self.slope * size),
            maintenance: size * (self.maintenance + self.slope * size),
        }
    }
}

impl OptionShares {
    /// The margin of one short option. `unit` is the amount that shares refer to: one coin for an inverse option, the
    /// underlying price for a linear one; `mark` is in the same currency.
    pub fn short(&self, right: Right, strike: f64, underlying_price: f64, unit: f64, mark: f64) -> Margin {
        let out_of_the_money = match right {
            Right::Call => (strike - underlying_price).max(0.0),
            Right::Put => (underlying_price - strike).max(0.0),
        };
        let out_of_the_money = out_of_the_money / underlying_price * unit;
        let initial = (self.initial_itm * unit - out_of_the_money).max(self.initial_otm * unit) + mark;
        match right {
            Right::Call => Margin { initial, maintenance: self.maintenance * unit + mark },
            Right::Put => {
                let maintenance = (self.maintenance * unit).max(self.maintenance * mark) + mark;
                Margin { initial: initial.max(maintenance), maintenance }
            }
        }
    }
}

/// The margin of `size` coins of an instrument, in the settlement currency of the pair. None for a future for which we
/// hold no row, because a row is a rule per coin and does not apply to another coin.
pub fn margin(
    leg: &Leg,
    size: f64,
    pair: &PairAccount,
    row: Option<&FutureRow>,
    shares: &OptionShares,
) -> Option<Margin> {
    Some(match leg.contract {
        Contract::Future { .. } => row?.margin(size).times(pair.per_coin()),
        Contract::Option(_) if size >= 0.0 => Margin::default(),
        Contract::Option(OptionTerms { right, strike, forward, .. }) => {
            let unit = match pair.payoff {
                Payoff::Inverse => 1.0,
                Payoff::Linear => forward,
            };
            shares.short(right, strike, forward, unit, leg.mark).times(-size)
        }
    })
}

/// The amount that the orders of one instrument add to the initial margin of the position `held` in it, where that is known.
pub fn open_orders(
    leg: &Leg,
    held: f64,
    orders: &[&Order],
    pair: &PairAccount,
    row: Option<&FutureRow>,
    shares: &OptionShares,
) -> Option<f64> {
    let initial = |size: f64| margin(leg, size, pair, row, shares).map(|margin| margin.initial);
    let ordered = |side: f64| -> f64 { orders.iter().map(|order| (side * order.leg.size).max(0.0)).sum() };
    let (bought, sold) = (held + ordered(1.0), held - ordered(-1.0));
    let premium: f64 = match leg.contract {
        Contract::Future { .. } => 0.0,
        Contract::Option(_) => orders.iter().map(|order| order.limit * order.leg.size.max(0.0)).sum(),
    };
    Some(initial(bought)?.max(initial(sold)?).max(initial(held)?) - initial(held)? + premium)
}

/// Computes the requirement of the account, line by line.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &SmParameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let Adapted { pairs, state, notes } =
        adapt(account, market, (&parameters.listed, &parameters.general.currencies), strict)?;
    let mut workings = Workings::empty(account, state, notes);
    let (mut usd, mut orders_usd) = (Margin::default(), 0.0);
    let mut currencies: BTreeMap<String, (f64, Margin)> = BTreeMap::new();
    for pair in &pairs {
        let row = parameters.future.get(&pair.account.name);
        let per_unit = pair.currency.usd;
        let mut sum = Margin::default();
        for (leg, held, orders) in pair.account.contracts() {
            let required = margin(leg, held, pair, row, &parameters.option);
            let ordered = open_orders(leg, held, &orders, pair, row, &parameters.option);
            let (Some(required), Some(ordered)) = (required, ordered) else {
                let why = "its row of the venue's table of futures is not held";
                workings.state.unknown_at(VENUE, &pair.account.name, why, strict)?;
                continue;
            };
            if held != 0.0 {
                workings.position_contributions[leg.place] = required.maintenance * per_unit;
            }
            orders_usd += ordered * per_unit;
            usd.initial += required.initial * per_unit;
            usd.maintenance += required.maintenance * per_unit;
            sum.initial += required.initial + ordered;
            sum.maintenance += required.maintenance;
        }
        let (_, currency) = currencies.entry(pair.currency.name.clone()).or_insert((per_unit, Margin::default()));
        currency.initial += sum.initial;
        currency.maintenance += sum.maintenance;
    }
    workings.families = vec![FamilyLine::new("maintenance of positions", usd.maintenance, "every position by itself")];
    workings.charges = vec![
        ChargeLine::new("initial over maintenance", usd.initial - usd.maintenance, 0.0),
        ChargeLine::new("open orders", orders_usd, 0.0),
    ];
    let mut required = BTreeMap::new();
    for (name, (per_unit, Margin { initial, maintenance })) in currencies {
        note(&mut workings, &name, (initial, maintenance));
        required.insert(name, InUsd { initial: initial * per_unit, maintenance: maintenance * per_unit });
    }
    segregate(&mut workings, (account, market), &pairs, &required, strict)?;
    Ok(workings)
}
