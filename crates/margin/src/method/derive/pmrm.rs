//! PMRM, the first portfolio manager: options, a perpetual and the base asset of one underlying.

use model::{Account, Market};
use pricing::math::exp;
use serde::Deserialize;
use units::Ratio;

use super::adapt::Adapted;
use super::expiry::{StaticDiscount, VolRange};
use super::manager::Manager;
use super::portfolio::{Cash, ExpiryHolding, Holdings};
use super::report::{self, Judged, scenario_words};
use super::scan::{self, BasisRules, Contingency, PortfolioMargin, ProfitParts, Revaluation, Scan, ValuationTerms};
use crate::book::{Listed, VenueParameters};
use crate::{About, ChargeLine, Refusal, Workings, params::decimal};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "derive-pmrm",
    title: "Derive portfolio margin, first manager (PMRM): 23 scenarios, basis contingency",
    documents: "derivexyz/v2-core 7736900: src/risk-managers PMRM, scripts/config-mainnet.sol",
    as_of: "2026-01-21",
    proof: "every margin and scenario of the contracts run in an EVM, to 1e-6 dollars + 1e-12 of gross notional: \
            cargo xtask vectors derive",
    uncertain: &["parameters are those of the mainnet deployment script; governance may have changed them since"],
};

/// The parameter file that comes with the program.
pub const PARAMS: &str = include_str!("../../../params/derive-pmrm/2026-01-21.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmrmParameters {
    /// What the venue lists.
    pub listed: Listed,
    /// The underlyings and the cash of the manager.
    pub manager: Manager,
    /// The parameters of the contract.
    pub parameters: PmrmContractParameters,
}

impl VenueParameters for PmrmParameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

/// The parameters of the contract, under their names there.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmrmContractParameters {
    /// Moves of the forwards alone.
    pub basis_contingency: BasisRules,
    /// Contingencies that need no scenario.
    pub other_contingency: PmrmContingencies,
    /// Factor of the initial margin, and the static discount.
    pub margin: PmrmFactors,
    /// Moves of volatility.
    pub vol_shock: VolRange,
    /// The moves of spot and volatility that are scanned.
    pub scenarios: Vec<PmrmScenario>,
}

/// Contingencies that need no scenario.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmrmContingencies {
    /// The price of the stablecoin below which losses are scaled up.
    #[serde(deserialize_with = "decimal::read")]
    pub peg_loss_threshold: f64,
    /// The increase of the loss factor per dollar below that price.
    #[serde(deserialize_with = "decimal::read")]
    pub peg_loss_factor: f64,
    /// The confidence below which a notional is charged.
    pub confidence_threshold: Ratio,
    /// The charge at a confidence of 0, as a share of the notional.
    #[serde(deserialize_with = "decimal::read")]
    pub confidence_margin: f64,
    /// The charge on the base position, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub base_percent: f64,
    /// The charge on the perpetual position, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub perp_percent: f64,
    /// The charge on the notional of naked short options, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub option_percent: f64,
}

/// Factor of the initial margin, and the static discount `base · e^(−τ(rate·mult + add))`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmrmFactors {
    /// The factor on the loss in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_factor: f64,
    /// Discount at expiry.
    #[serde(deserialize_with = "decimal::read")]
    pub base_static_discount: f64,
    /// Weight of the rate.
    #[serde(deserialize_with = "decimal::read")]
    pub rate_mult_scale: f64,
    /// The amount added to the rate.
    #[serde(deserialize_with = "decimal::read")]
    pub rate_add_scale: f64,
}

/// A move of spot and volatility.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PmrmScenario {
    /// Multiplier of spot.
    #[serde(deserialize_with = "decimal::read")]
    pub spot_shock: f64,
    /// Direction of volatility.
    pub vol_shock: PmrmVolShock,
}

/// The direction of a volatility move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PmrmVolShock {
    /// Volatility stays where it is.
    None,
    /// Up by the range.
    Up,
    /// Down by the range.
    Down,
}

/// Computes the requirement of an account under this manager.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &PmrmParameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let mut adapted = Adapted::of(account, market, (&parameters.listed, &parameters.manager), strict)?;
    adapted.dollars_as_cash(account, market)?;
    adapted.coins_as_base(account, market)?;
    adapted.note_base_in_cash();
    let mut judged = Vec::with_capacity(adapted.subaccounts.len());
    for subaccount in &adapted.subaccounts {
        let outcome = assess(&subaccount.held, adapted.cash, &parameters.parameters)?;
        let scenarios = parameters.parameters.scenarios.iter().map(PmrmScenario::words).collect();
        judged.push(Judged { subaccount, outcome, scenarios });
    }
    Ok(report::of_portfolios(account, &judged, (adapted.state, adapted.conversions.into_notes()))
        .scaled(adapted.cash.price))
}

/// The manager's margins for one underlying.
pub fn assess(held: &Holdings, cash: Cash, rules: &PmrmContractParameters) -> Result<PortfolioMargin, Refusal> {
    let base_value = held.base * held.spot / cash.price;
    let expiries = revaluations(held, rules)?;
    let option_value: f64 = expiries.iter().map(Revaluation::mark_to_market).sum();
    let mark_to_market = base_value + held.perp.value + option_value + cash.amount;

    let basis = scan::basis_contingency(&held.expiries, &expiries, &rules.basis_contingency);
    let scan = Scan::of(basis, scenarios(held, base_value, &expiries, rules)?);
    let other = &rules.other_contingency;
    let fixed = static_contingency(held, other);
    let confidence_contingency = confidence_contingency(held, &expiries, other);
    let peg_loss = scan::peg_loss(cash, other.peg_loss_threshold, other.peg_loss_factor);
    let im_factor = rules.margin.im_factor;

    // Factors scale the static contingency, but not the confidence contingency.
    let loss = scan.loss() + fixed.total();
    Ok(PortfolioMargin {
        initial_margin: mark_to_market - loss * (im_factor + peg_loss) - confidence_contingency,
        maintenance_margin: mark_to_market - loss,
        charges: vec![
            ChargeLine::new("perpetual contingency", fixed.perp, fixed.perp),
            ChargeLine::new("short option contingency", fixed.options, fixed.options),
            ChargeLine::new("base contingency", fixed.collateral(), fixed.collateral()),
            ChargeLine::new(format!("initial factor {im_factor}"), loss * (im_factor - 1.0), 0.0),
            ChargeLine::new("stablecoin below its peg", loss * peg_loss, 0.0),
            ChargeLine::new("confidence contingency", confidence_contingency, 0.0),
        ],
        mark_to_market,
        collateral_values: vec![base_value],
        scan,
        maintenance_contingency: fixed,
        initial_contingency: Contingency::default(),
        confidence_contingency,
        initial_factor: im_factor + peg_loss,
        expiries,
    })
}

/// The profit in every scenario.
fn scenarios(
    held: &Holdings,
    base_value: f64,
    expiries: &[Revaluation],
    rules: &PmrmContractParameters,
) -> Result<Vec<ProfitParts>, Refusal> {
    let mut scenarios = Vec::with_capacity(rules.scenarios.len());
    for PmrmScenario { spot_shock, vol_shock } in rules.scenarios.iter().copied() {
        let mut parts = ProfitParts::linear(held, [(base_value, true)], spot_shock);
        for (expiry, at_mark) in held.expiries.iter().zip(expiries) {
            let multiplier = match vol_shock {
                PmrmVolShock::None => 1.0,
                PmrmVolShock::Up => at_mark.vol.up,
                PmrmVolShock::Down => at_mark.vol.down,
            };
            parts.options.push(at_mark.profits(expiry, spot_shock, |option| option.vol * multiplier)?);
        }
        scenarios.push(parts);
    }
    Ok(scenarios)
}

impl PmrmScenario {
    fn words(&self) -> String {
        let vol = match self.vol_shock {
            PmrmVolShock::None => "",
            PmrmVolShock::Up => "vol up",
            PmrmVolShock::Down => "vol down",
        };
        scenario_words(self.spot_shock, vol, 1.0)
    }
}

/// Option prices are undiscounted; after a shock, only a positive value is discounted.
fn revaluations(held: &Holdings, rules: &PmrmContractParameters) -> Result<Vec<Revaluation>, Refusal> {
    let value = |expiry: &ExpiryHolding| {
        let growth = expiry.floored_rate() * rules.margin.rate_mult_scale + rules.margin.rate_add_scale;
        let asset = rules.margin.base_static_discount * exp(-expiry.years() * growth);
        let static_discount = StaticDiscount { asset, liability: 1.0 };
        let terms = ValuationTerms { discount: 1.0, static_discount, vol: rules.vol_shock.multipliers(expiry) };
        Revaluation::of(expiry, held, terms, &rules.basis_contingency)
    };
    held.expiries.iter().map(value).collect()
}

/// Shares of the notional of the perpetual, of the base and of naked short options.
fn static_contingency(held: &Holdings, rules: &PmrmContingencies) -> Contingency {
    let naked: f64 = held.expiries.iter().map(ExpiryHolding::naked_shorts).sum();
    Contingency {
        perp: held.spot * held.perp.amount.abs() * rules.perp_percent,
        options: held.spot * naked * rules.option_percent,
        collaterals: vec![held.spot * held.base * rules.base_percent],
    }
}

/// One term for the perpetual and the base together, and one for each expiry.
fn confidence_contingency(held: &Holdings, expiries: &[Revaluation], rules: &PmrmContingencies) -> f64 {
    let doubt = |confidence| scan::doubt(confidence, rules.confidence_threshold, rules.confidence_margin) * held.spot;
    let linear = doubt(held.confidence()) * (held.perp.amount.abs() + held.base);
    linear + expiries.iter().map(|expiry| doubt(expiry.confidence) * expiry.gross).sum::<f64>()
}
