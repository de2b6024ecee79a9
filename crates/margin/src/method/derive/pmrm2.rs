//! `PMRM_2`, the second portfolio manager: many collaterals, dampened tails, skew scenarios.
//!
//! It differs from PMRM as follows:
//!
//! - any asset on the list may be collateral: it counts in full, and haircuts are contingencies;
//! - option prices are discounted, volatility has a floor when it rises, and debts have their own static discount;
//! - a scenario may be dampened: only a part of the loss from an extreme move counts;
//! - two scenarios tilt volatilities by strike; expiries never offset in them, and a gain counts as a loss;
//! - contingencies are fixed amounts of money: no factor scales them.

use model::{Account, Market};
use pricing::math::{exp, ln};
use serde::Deserialize;
use units::Ratio;

use super::adapt::Adapted;
use super::expiry::{StaticDiscount, VolRange};
use super::manager::{CollateralRules, Manager};
use super::portfolio::{Cash, CollateralHolding, ExpiryHolding, Holdings, OptionHolding};
use super::report::{self, Judged, scenario_words};
use super::scan::{self, BasisRules, Contingency, PortfolioMargin, ProfitParts, Revaluation, Scan, ValuationTerms};
use crate::book::{Listed, VenueParameters};
use crate::{About, ChargeLine, Refusal, Workings, params::decimal};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "derive",
    title: "Derive portfolio margin, second manager (PMRM_2): 33 scenarios with dampened tails and skews, haircuts",
    documents: "derivexyz/v2-core 7736900: src/risk-managers PMRM_2, scripts/config-mainnet.sol",
    as_of: "2026-01-21",
    proof: "every margin and scenario of the contracts run in an EVM, to 1e-6 dollars + 1e-12 of gross notional: \
            cargo xtask vectors derive",
    uncertain: &[
        "parameters are those of the mainnet deployment script; governance may have changed them since",
        "the script's static discounts (long 1.05, short 0.95) are taken literally and look swapped: they mark what is \
         worth something up by 5 % and debts down by 5 %, against their names and the repository's own test cases; the \
         other reading (long 0.95, short 1.05) asks for more and is crates/margin/params/derive/2026-01-21-unswapped.toml",
        "haircuts are those of the repository's test cases; live ones are set coin by coin",
        "which coins cancel the risk of the underlying that they follow is our reading of the test cases; live, that is set coin by coin",
    ],
};

/// The parameter file that comes with the program.
pub const PARAMS: &str = include_str!("../../../params/derive/2026-01-21.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pmrm2Parameters {
    /// What the venue lists.
    pub listed: Listed,
    /// The underlyings and the cash of the manager.
    pub manager: Manager,
    /// The accepted collateral and its haircuts.
    pub collateral: CollateralRules,
    /// The parameters of the contract.
    pub parameters: Pmrm2ContractParameters,
}

/// The multiplier of spot for options in a skew scenario, regardless of the scenario's own spot move.
const UNSHOCKED: f64 = 1.0;

impl VenueParameters for Pmrm2Parameters {
    fn listed(&self) -> &Listed {
        &self.listed
    }
}

/// The parameters of the contract, under their names there.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pmrm2ContractParameters {
    /// Moves of the forwards alone.
    pub basis_contingency: BasisRules,
    /// Contingencies that need no scenario.
    pub other_contingency: Pmrm2Contingencies,
    /// Factors of the margins, and the static discounts.
    pub margin: Pmrm2Factors,
    /// Moves of volatility.
    pub vol_shock: VolRange,
    /// Tilts of volatility by strike.
    pub skew_shock: SkewRules,
    /// The moves of spot, volatility and skew that are scanned.
    pub scenarios: Vec<Pmrm2Scenario>,
}

/// Contingencies that need no scenario. Values named `im` are added to those named `mm` in the initial margin.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pmrm2Contingencies {
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
    /// The charge on the perpetual position, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_perp_percent: f64,
    /// The additional charge on it in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_perp_percent: f64,
    /// The charge on the notional of naked short options, as a share of it.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_option_percent: f64,
    /// The additional charge on it in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_option_percent: f64,
}

/// Factors of the margins, and the static discounts `base · e^(−τ(rate·mult + add))` of positive values (long) and its
/// inverse for negative values (short).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pmrm2Factors {
    /// The factor on the loss in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_factor: f64,
    /// The factor on the loss in the maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_factor: f64,
    /// Weight of the rate for negative values.
    #[serde(deserialize_with = "decimal::read")]
    pub short_rate_mult_scale: f64,
    /// Weight of the rate for positive values.
    #[serde(deserialize_with = "decimal::read")]
    pub long_rate_mult_scale: f64,
    /// The amount added to the rate for negative values.
    #[serde(deserialize_with = "decimal::read")]
    pub short_rate_add_scale: f64,
    /// The amount added to the rate for positive values.
    #[serde(deserialize_with = "decimal::read")]
    pub long_rate_add_scale: f64,
    /// Discount at expiry of negative values.
    #[serde(deserialize_with = "decimal::read")]
    pub short_base_static_discount: f64,
    /// Discount at expiry of positive values.
    #[serde(deserialize_with = "decimal::read")]
    pub long_base_static_discount: f64,
}

/// The tilt of volatilities: by `min(|k|·cap/k*, cap)` with `k = ln(K/F)`, up in one wing and down in the other (linear),
/// or up in both (abs). `cap = base_cap + c_base·√τ` and `k* = max(min_k_star, √τ·width_scale·(static + scale·√τ))`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SkewRules {
    /// The linear tilt's largest relative move at expiry: one wing up, the other down.
    #[serde(deserialize_with = "decimal::read")]
    pub linear_base_cap: f64,
    /// The abs tilt's largest relative move at expiry: both wings up.
    #[serde(deserialize_with = "decimal::read")]
    pub abs_base_cap: f64,
    /// The increase of the linear cap with `√τ`.
    #[serde(deserialize_with = "decimal::read")]
    pub linear_c_base: f64,
    /// The increase of the abs cap with `√τ`.
    #[serde(deserialize_with = "decimal::read")]
    pub abs_c_base: f64,
    /// The least width of the tilt, in log-moneyness.
    #[serde(deserialize_with = "decimal::read")]
    pub min_k_star: f64,
    /// Width in standard deviations.
    #[serde(deserialize_with = "decimal::read")]
    pub width_scale: f64,
    /// The volatility by which the width is measured.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_param_static: f64,
    /// The increase of that volatility with `√τ`.
    #[serde(deserialize_with = "decimal::read")]
    pub vol_param_scale: f64,
}

/// A move of spot and volatility, and a factor on its profit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pmrm2Scenario {
    /// Multiplier of spot.
    #[serde(deserialize_with = "decimal::read")]
    pub spot_shock: f64,
    /// The move of volatility.
    pub vol_shock: Pmrm2VolShock,
    /// The factor on the profit.
    #[serde(deserialize_with = "decimal::read")]
    pub dampening: f64,
}

/// The kind of a volatility move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Pmrm2VolShock {
    /// Volatility stays where it is.
    None,
    /// Rises by the range, at least to the floor.
    Up,
    /// Falls by the range.
    Down,
    /// Tilts: one wing rises, the other falls.
    Linear,
    /// Bends: both wings rise.
    Abs,
}

/// Computes the requirement of an account under this manager.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &Pmrm2Parameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let mut adapted = Adapted::of(account, market, (&parameters.listed, &parameters.manager), strict)?;
    adapted.as_collateral(&parameters.collateral, account, market)?;
    let mut judged = Vec::with_capacity(adapted.subaccounts.len());
    for subaccount in &adapted.subaccounts {
        let outcome = assess(&subaccount.held, adapted.cash, &parameters.parameters)?;
        let scenarios = parameters.parameters.scenarios.iter().map(Pmrm2Scenario::words).collect();
        judged.push(Judged { subaccount, outcome, scenarios });
    }
    Ok(report::of_portfolios(account, &judged, (adapted.state, adapted.conversions.into_notes()))
        .scaled(adapted.cash.price))
}

/// The manager's margins for one underlying.
pub fn assess(held: &Holdings, cash: Cash, rules: &Pmrm2ContractParameters) -> Result<PortfolioMargin, Refusal> {
    let values: Vec<f64> = held.collaterals.iter().map(|collateral| collateral.value(cash)).collect();
    let expiries = revaluations(held, rules)?;
    let option_value: f64 = expiries.iter().map(Revaluation::mark_to_market).sum();
    let mark_to_market = values.iter().sum::<f64>() + held.perp.value + option_value + cash.amount;

    let basis = scan::basis_contingency(&held.expiries, &expiries, &rules.basis_contingency);
    let scan = Scan::of(basis, scenarios(held, &values, &expiries, rules)?);
    let other = &rules.other_contingency;
    let mm = contingency(held, &values, (other.mm_perp_percent, other.mm_option_percent), |of| of.mm_haircut);
    let im = contingency(held, &values, (other.im_perp_percent, other.im_option_percent), |of| of.im_haircut);
    let confidence_contingency = confidence_contingency(held, &values, &expiries, other);
    let peg_loss = scan::peg_loss(cash, other.peg_loss_threshold, other.peg_loss_factor);
    let Pmrm2Factors { im_factor, mm_factor, .. } = rules.margin;

    // Factors scale the loss, but no contingency.
    let loss = scan.loss();
    let maintenance = loss * mm_factor + mm.total();
    let initial = loss * (im_factor + peg_loss) + mm.total() + im.total() + confidence_contingency;
    Ok(PortfolioMargin {
        initial_margin: mark_to_market - initial,
        maintenance_margin: mark_to_market - maintenance,
        charges: vec![
            ChargeLine::new(format!("maintenance factor {mm_factor}"), 0.0, loss * (mm_factor - 1.0)),
            ChargeLine::new(format!("initial factor {im_factor}"), loss * (im_factor - 1.0), 0.0),
            ChargeLine::new("stablecoin below its peg", loss * peg_loss, 0.0),
            ChargeLine::new("perpetual contingency", mm.perp + im.perp, mm.perp),
            ChargeLine::new("short option contingency", mm.options + im.options, mm.options),
            ChargeLine::new("collateral haircut", mm.collateral() + im.collateral(), mm.collateral()),
            ChargeLine::new("confidence contingency", confidence_contingency, 0.0),
        ],
        mark_to_market,
        collateral_values: values,
        scan,
        maintenance_contingency: mm,
        initial_contingency: im,
        confidence_contingency,
        initial_factor: im_factor + peg_loss,
        expiries,
    })
}

/// The profit in every scenario, dampened.
fn scenarios(
    held: &Holdings,
    values: &[f64],
    expiries: &[Revaluation],
    rules: &Pmrm2ContractParameters,
) -> Result<Vec<ProfitParts>, Refusal> {
    let mut scenarios = Vec::with_capacity(rules.scenarios.len());
    for scenario in &rules.scenarios {
        let moves = held.collaterals.iter().map(|collateral| collateral.risk_cancelling);
        let mut parts = ProfitParts::linear(held, values.iter().copied().zip(moves), scenario.spot_shock);
        for (expiry, at_mark) in held.expiries.iter().zip(expiries) {
            parts.options.push(option_profits(expiry, at_mark, scenario, rules)?);
        }
        scenarios.push(parts.scaled(scenario.dampening));
    }
    Ok(scenarios)
}

impl Pmrm2Scenario {
    fn words(&self) -> String {
        let vol = match self.vol_shock {
            Pmrm2VolShock::None => "",
            Pmrm2VolShock::Up => "vol up",
            Pmrm2VolShock::Down => "vol down",
            Pmrm2VolShock::Linear => "vol skewed",
            Pmrm2VolShock::Abs => "vol smiling",
        };
        scenario_words(self.spot_shock, vol, self.dampening)
    }
}

/// Option prices are discounted. After a shock, a positive value is discounted again, and a negative one grows, at most
/// to its undiscounted price.
fn revaluations(held: &Holdings, rules: &Pmrm2ContractParameters) -> Result<Vec<Revaluation>, Refusal> {
    let margin = &rules.margin;
    let value = |expiry: &ExpiryHolding| {
        let (years, rate) = (expiry.years(), expiry.floored_rate());
        let discount = exp(-years * rate);
        let long = exp(-years * (rate * margin.long_rate_mult_scale + margin.long_rate_add_scale));
        let short = exp(-years * (rate * margin.short_rate_mult_scale + margin.short_rate_add_scale));
        let static_discount = StaticDiscount {
            asset: margin.long_base_static_discount * long,
            liability: (margin.short_base_static_discount / short).min(1.0 / discount),
        };
        let terms = ValuationTerms { discount, static_discount, vol: rules.vol_shock.multipliers(expiry) };
        Revaluation::of(expiry, held, terms, &rules.basis_contingency)
    };
    held.expiries.iter().map(value).collect()
}

/// The profit of each option of an expiry in a scenario, before dampening.
fn option_profits(
    expiry: &ExpiryHolding,
    at_mark: &Revaluation,
    scenario: &Pmrm2Scenario,
    rules: &Pmrm2ContractParameters,
) -> Result<Vec<f64>, Refusal> {
    let (up, down, floor) = (at_mark.vol.up, at_mark.vol.down, rules.vol_shock.min_vol_up_shock);
    let spot_shock = scenario.spot_shock;
    match scenario.vol_shock {
        Pmrm2VolShock::None => at_mark.profits(expiry, spot_shock, |option| option.vol),
        Pmrm2VolShock::Up => at_mark.profits(expiry, spot_shock, |option| (option.vol * up).max(floor)),
        Pmrm2VolShock::Down => at_mark.profits(expiry, spot_shock, |option| option.vol * down),
        Pmrm2VolShock::Linear | Pmrm2VolShock::Abs => {
            let tilt = |option: &OptionHolding| rules.skew_shock.multiplier(expiry, option, scenario.vol_shock);
            let profits = at_mark.profits(expiry, UNSHOCKED, |option| option.vol * tilt(option))?;
            // The tilt may also go the other way, so the gain of an expiry counts as a loss.
            let sign = if profits.iter().sum::<f64>() > 0.0 { -1.0 } else { 1.0 };
            Ok(profits.into_iter().map(|profit| sign * profit).collect())
        }
    }
}

impl SkewRules {
    /// The multiplier of an option's volatility, never below 0: the volatility moves in proportion to the strike's
    /// distance from the forward, up to the cap.
    fn multiplier(&self, expiry: &ExpiryHolding, option: &OptionHolding, shock: Pmrm2VolShock) -> f64 {
        let root = expiry.years().sqrt();
        let width = root * self.width_scale * (self.vol_param_static + self.vol_param_scale * root);
        let k_star = width.max(self.min_k_star);
        let k = ln(option.strike / expiry.forward(UNSHOCKED));
        let (cap, sign) = match shock {
            Pmrm2VolShock::Linear => {
                (self.linear_base_cap + self.linear_c_base * root, if k < 0.0 { -1.0 } else { 1.0 })
            }
            Pmrm2VolShock::Abs | Pmrm2VolShock::None | Pmrm2VolShock::Up | Pmrm2VolShock::Down => {
                (self.abs_base_cap + self.abs_c_base * root, 1.0)
            }
        };
        (1.0 + sign * (k.abs() * cap / k_star).min(cap)).max(0.0)
    }
}

/// Shares of the notional of the perpetual and of naked short options, and a haircut on each collateral.
fn contingency(
    held: &Holdings,
    values: &[f64],
    (perp, option): (f64, f64),
    haircut: impl Fn(&CollateralHolding) -> f64,
) -> Contingency {
    let naked: f64 = held.expiries.iter().map(ExpiryHolding::naked_shorts).sum();
    Contingency {
        perp: held.perp.amount.abs() * held.spot * perp,
        options: naked * held.spot * option,
        collaterals: held
            .collaterals
            .iter()
            .zip(values)
            .map(|(collateral, value)| haircut(collateral) * value)
            .collect(),
    }
}

/// One term for the perpetual, one for each expiry, one for each collateral. The confidence of a collateral is the
/// lower of its own and that of spot; the perpetual's is not used.
fn confidence_contingency(
    held: &Holdings,
    values: &[f64],
    expiries: &[Revaluation],
    rules: &Pmrm2Contingencies,
) -> f64 {
    let doubt = |confidence| scan::doubt(confidence, rules.confidence_threshold, rules.confidence_margin);
    let perp = doubt(held.confidence()) * held.perp.amount.abs() * held.spot;
    let options: f64 = expiries.iter().map(|expiry| doubt(expiry.confidence) * expiry.gross * held.spot).sum();
    let trusted = held.collaterals.iter().map(|collateral| collateral.confidence.min(held.spot_confidence));
    perp + options + trusted.zip(values).map(|(confidence, value)| doubt(confidence) * value).sum::<f64>()
}
