//! The standard manager (SRM): every position separately, with options limited by the worst payoff of their expiry.
//!
//! ```text
//! margin = cash + Σ over markets of [perpetual + base + Σ over expiries of options]
//! ```

use std::collections::BTreeMap;

use model::{Account, Market};
use pricing::Right;
use serde::Deserialize;
use units::Ratio;

use super::adapt::{Adapted, Venue};
use super::portfolio::{Cash, Expiry, Holdings, OptionHolding};
use super::report;
use super::scan::{doubt, peg_loss};
use crate::{About, Refusal, Workings, params::decimal};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "derive-standard",
    title: "Derive standard margin (SRM): isolated shorts, or the largest loss of their expiry",
    documents: "derivexyz/v2-core 7736900: src/risk-managers StandardManager, scripts/config-mainnet.sol",
    as_of: "2026-01-21",
    proof: "every margin and component of the contract run in an EVM, to 1e-6 dollars + 1e-12 of gross notional: \
            cargo xtask vectors derive",
    uncertain: &["parameters are those of the mainnet deployment script; governance may have changed them since"],
};

/// The parameter file that comes with the program.
pub const PARAMS: &str = include_str!("../../../params/derive-standard/2026-01-21.toml");

/// The parameters of the method.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The underlyings and the cash of the manager.
    pub venue: Venue,
    /// The parameters of the contract.
    pub parameters: Parameters,
}

/// The parameters of the contract, under their names there.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The charge for a stablecoin below its peg.
    pub depeg: DepegRules,
    /// The parameters of each market, by underlying.
    pub markets: BTreeMap<String, MarketRules>,
}

/// The charge for a stablecoin below its peg, on the notional of perpetuals and short options.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepegRules {
    /// The price below which the charge applies.
    #[serde(deserialize_with = "decimal::read")]
    pub threshold: f64,
    /// The share of the notional, per dollar below that price.
    #[serde(deserialize_with = "decimal::read")]
    pub factor: f64,
}

/// The rules of one underlying.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MarketRules {
    /// The parameters of the perpetual.
    pub perp: PerpRules,
    /// The parameters of the options.
    pub option: OptionRules,
    /// The charges for feeds with low confidence.
    pub oracle: OracleRules,
    /// The underlying itself as collateral.
    pub base: BaseRules,
}

/// Shares of the notional of a perpetual.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PerpRules {
    /// Share for the maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub mm: f64,
    /// Share for the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im: f64,
}

/// The margin of a short option: shares of spot, and scales.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionRules {
    /// Initial margin, at the money.
    #[serde(deserialize_with = "decimal::read")]
    pub max_spot_req: f64,
    /// Initial margin, far out of the money.
    #[serde(deserialize_with = "decimal::read")]
    pub min_spot_req: f64,
    /// Maintenance margin of a call.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_call_spot_req: f64,
    /// Maintenance margin of a put.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_put_spot_req: f64,
    /// Maintenance margin of a put, as a share of its mark.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_put_mtm_req: f64,
    /// Initial margin on top of the largest loss: share of the forward for each call that no call covers.
    #[serde(deserialize_with = "decimal::read")]
    pub unpaired_im_scale: f64,
    /// Maintenance margin on top of the largest loss, for the same calls.
    #[serde(deserialize_with = "decimal::read")]
    pub unpaired_mm_scale: f64,
    /// Minimum initial margin of a put, as a multiple of its maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub mm_offset_scale: f64,
}

/// The confidence thresholds below which a notional is charged; a threshold of 0 charges nothing.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OracleRules {
    /// Threshold for perpetuals: the confidence in spot and the perpetual.
    pub perp_threshold: Ratio,
    /// Threshold for options: the confidence in spot, the forward and the volatilities.
    pub option_threshold: Ratio,
    /// Threshold for holdings of the underlying: the confidence in spot.
    pub base_threshold: Ratio,
    /// The charge at a confidence of 0, as a share of the notional.
    #[serde(deserialize_with = "decimal::read")]
    pub factor: f64,
}

/// The value of the underlying as collateral.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BaseRules {
    /// Share of its value in the maintenance margin.
    #[serde(deserialize_with = "decimal::read")]
    pub margin_factor: f64,
    /// Share of that in the initial margin.
    #[serde(deserialize_with = "decimal::read")]
    pub im_scale: f64,
}

/// The answer of the manager. Margins are net, as the contract gives them: healthy at 0 and above.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The net initial margin: for taking new risk.
    pub initial_margin: f64,
    /// The net maintenance margin: for keeping the positions.
    pub maintenance_margin: f64,
    /// Value of all positions and assets, cash included.
    pub mark_to_market: f64,
    /// The result of each market, in the order given.
    pub markets: Vec<MarketOutcome>,
}

/// The contribution of one market to the margins.
#[derive(Clone, Debug)]
pub struct MarketOutcome {
    /// The perpetual, its unrealised cash included.
    pub perp: Component,
    /// The underlying itself.
    pub base: Component,
    /// Options, by expiry.
    pub expiries: Vec<ExpiryOutcome>,
}

/// The contribution of one part of an account to the margins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Component {
    /// Value at current marks, in USD.
    pub mark_to_market: f64,
    /// Contribution to the maintenance margin.
    pub maintenance: f64,
    /// Contribution to the initial margin, before the deductions below.
    pub initial: f64,
    /// Deduction from the initial margin for feeds with low confidence.
    pub confidence: f64,
    /// Deduction from the initial margin for a stablecoin below its peg.
    pub depeg: f64,
}

impl Component {
    /// Contribution to the initial margin, after all deductions.
    pub fn initial_margin(&self) -> f64 {
        self.initial - self.confidence - self.depeg
    }
}

/// The options of one expiry.
#[derive(Clone, Debug)]
pub struct ExpiryOutcome {
    /// All options of the expiry together.
    pub component: Component,
    /// Each option separately: mark, maintenance, initial.
    pub isolated: Vec<Component>,
    /// The rule that determines the maintenance margin.
    pub binding: Binding,
    /// Each option's part of the maintenance requirement, which is its mark less its margin.
    pub requirement_parts: Vec<f64>,
}

/// The rule that determines the margin of an expiry: the better of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binding {
    /// The sum of every short option separately.
    Isolated,
    /// The worst payoff of the expiry.
    MaxLoss {
        /// The settlement price of the worst payoff; none when the payoff is never negative.
        settlement: Option<f64>,
    },
}

/// Computes the requirement of an account under this manager.
pub fn workings(account: &Account, market: &Market, rules: &Rules, strict: bool) -> Result<Workings, Refusal> {
    let mut adapted = Adapted::of(account, market, &rules.venue, strict)?;
    adapted.dollars_as_cash(account, market)?;
    adapted.coins_as_base(account, market)?;
    adapted.note_base_in_cash();
    let mut markets = Vec::with_capacity(adapted.subaccounts.len());
    for subaccount in &adapted.subaccounts {
        let rules = rules.parameters.markets.get(&subaccount.rules).ok_or_else(|| Refusal::NotSupported {
            method: ABOUT.name,
            why: format!("the parameters have no market {}", subaccount.rules),
        })?;
        markets.push((&subaccount.held, rules));
    }
    let outcome = assess(&markets, adapted.cash, &rules.parameters.depeg)?;
    let said = (adapted.state, adapted.notes);
    Ok(report::of_standard(account, &adapted.subaccounts, &outcome, said).scaled(adapted.cash.price))
}

/// The manager's margins for an account over several markets, each with its rules.
pub fn assess(markets: &[(&Holdings, &MarketRules)], cash: Cash, depeg: &DepegRules) -> Result<Outcome, Refusal> {
    let depeg = peg_loss(cash, depeg.threshold, depeg.factor);
    let mut outcome = Outcome {
        initial_margin: cash.amount,
        maintenance_margin: cash.amount,
        mark_to_market: cash.amount,
        markets: Vec::with_capacity(markets.len()),
    };
    for (held, rules) in markets {
        let expiries = held.expiries.iter().map(|expiry| assess_expiry(held, expiry, rules, depeg));
        let market = MarketOutcome {
            perp: assess_perp(held, rules, depeg),
            base: assess_base(held, rules, cash),
            expiries: expiries.collect::<Result<_, _>>()?,
        };
        for component in market.components() {
            outcome.initial_margin += component.initial_margin();
            outcome.maintenance_margin += component.maintenance;
            outcome.mark_to_market += component.mark_to_market;
        }
        outcome.markets.push(market);
    }
    Ok(outcome)
}

impl MarketOutcome {
    /// The components: perpetual, base, then each expiry.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        [&self.perp, &self.base].into_iter().chain(self.expiries.iter().map(|expiry| &expiry.component))
    }
}

fn assess_perp(held: &Holdings, rules: &MarketRules, depeg: f64) -> Component {
    let size = held.perp.amount.abs();
    let confidence = held.spot_confidence.min(held.perp.confidence);
    let require = |share: f64| held.perp.value - size * held.perp.price * share;
    Component {
        mark_to_market: held.perp.value,
        maintenance: require(rules.perp.mm),
        initial: require(rules.perp.im),
        confidence: doubt(confidence, rules.oracle.perp_threshold, rules.oracle.factor) * held.spot * size,
        depeg: held.spot * size * depeg,
    }
}

/// Only the mark is converted to the stablecoin; the margin stays in dollars.
fn assess_base(held: &Holdings, rules: &MarketRules, cash: Cash) -> Component {
    let notional = held.base * held.spot;
    let maintenance = notional * rules.base.margin_factor;
    let initial = maintenance * rules.base.im_scale;
    let confidence = doubt(held.spot_confidence, rules.oracle.base_threshold, rules.oracle.factor) * notional;
    Component {
        mark_to_market: notional / cash.price,
        maintenance,
        initial,
        confidence: if initial == 0.0 { 0.0 } else { confidence },
        depeg: 0.0,
    }
}

/// The better of two: the sum of every short option separately, and the worst payoff of the expiry.
fn assess_expiry(held: &Holdings, expiry: &Expiry, rules: &MarketRules, depeg: f64) -> Result<ExpiryOutcome, Refusal> {
    let marks = expiry.values(1.0, 1.0, |option| option.vol)?;
    let isolate = |(option, mark): (&OptionHolding, &f64)| isolated(option, *mark, held.spot, &rules.option);
    let isolated: Vec<Component> = expiry.options.iter().zip(&marks).map(isolate).collect();
    let isolated_sum = |of: fn(&Component) -> f64| isolated.iter().map(of).sum::<f64>();
    let (settlement, worst_payoff) = worst_payoff(expiry);
    let uncovered_calls =
        expiry.options.iter().filter(|option| option.right == Right::Call).map(|o| o.amount).sum::<f64>();
    let max_loss = |scale: f64| worst_payoff + scale * expiry.forward(1.0) * uncovered_calls.min(0.0);

    let (by_isolated, by_max_loss) = (isolated_sum(|c| c.maintenance), max_loss(rules.option.unpaired_mm_scale));
    let (binding, requirement_parts) = if by_isolated >= by_max_loss {
        (Binding::Isolated, isolated.iter().map(|alone| alone.mark_to_market - alone.maintenance).collect())
    } else {
        let unpaired = if uncovered_calls < 0.0 { rules.option.unpaired_mm_scale * expiry.forward(1.0) } else { 0.0 };
        let part = |(option, mark): (&OptionHolding, &f64)| {
            let uncovered = if option.right == Right::Call { unpaired * option.amount } else { 0.0 };
            mark - settlement.map_or(0.0, |price| payoff(option, price)) - uncovered
        };
        (Binding::MaxLoss { settlement }, expiry.options.iter().zip(&marks).map(part).collect())
    };
    let confidence = held.spot_confidence.min(expiry.forward_confidence).min(expiry.vol_confidence);
    let short_notional = held.spot * expiry.shorts();
    let component = Component {
        mark_to_market: marks.iter().sum(),
        maintenance: by_isolated.max(by_max_loss),
        initial: isolated_sum(|c| c.initial).max(max_loss(rules.option.unpaired_im_scale)),
        confidence: doubt(confidence, rules.oracle.option_threshold, rules.oracle.factor) * short_notional,
        depeg: short_notional * depeg,
    };
    Ok(ExpiryOutcome { component, isolated, binding, requirement_parts })
}

/// A short option separately: its mark and a share of spot. A long option needs no margin and contributes nothing.
fn isolated(option: &OptionHolding, mark: f64, spot: f64, rules: &OptionRules) -> Component {
    let alone = Component { mark_to_market: mark, ..Component::default() };
    if option.amount >= 0.0 {
        return alone;
    }
    let notional = spot * option.amount;
    let out_of_the_money = (option.right.sign() * (option.strike - spot) / spot).max(0.0);
    let initial = mark + (rules.max_spot_req - out_of_the_money).max(rules.min_spot_req) * notional;
    match option.right {
        Right::Call => Component { maintenance: mark + rules.mm_call_spot_req * notional, initial, ..alone },
        Right::Put => {
            let maintenance = mark + (rules.mm_put_spot_req * notional).min(rules.mm_put_mtm_req * mark);
            Component { maintenance, initial: initial.min(maintenance * rules.mm_offset_scale), ..alone }
        }
    }
}

/// The settlement price and amount of the worst joint payoff of an expiry's options, over settlement at 0 and at every
/// strike; not above 0.
fn worst_payoff(expiry: &Expiry) -> (Option<f64>, f64) {
    let mut worst = (None, 0.0);
    for settlement in std::iter::once(0.0).chain(expiry.options.iter().map(|option| option.strike)) {
        let paid = expiry.options.iter().map(|option| payoff(option, settlement)).sum();
        if paid < worst.1 {
            worst = (Some(settlement), paid);
        }
    }
    worst
}

/// The payoff of an option when its expiry settles at this price.
fn payoff(option: &OptionHolding, settlement: f64) -> f64 {
    option.amount * (option.right.sign() * (settlement - option.strike)).max(0.0)
}
