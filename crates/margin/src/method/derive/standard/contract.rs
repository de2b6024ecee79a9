//! The contract of the standard manager: its margins, part by part.

use pricing::Right;

use super::parameters::{DepegRules, MarketRules, OptionRules};
use crate::Refusal;
use crate::method::derive::portfolio::{Cash, ExpiryHolding, Holdings, OptionHolding};
use crate::method::derive::scan::{doubt, peg_loss};

/// The answer of the manager. Margins are net, as the contract gives them: healthy at 0 and above.
#[derive(Clone, Debug)]
pub struct StandardMargin {
    /// The net initial margin: for taking new risk.
    pub initial_margin: f64,
    /// The net maintenance margin: for keeping the positions.
    pub maintenance_margin: f64,
    /// Value of all positions and assets, cash included.
    pub mark_to_market: f64,
    /// The result of each market, in the order given.
    pub markets: Vec<MarketMargin>,
}

/// The contribution of one market to the margins.
#[derive(Clone, Debug)]
pub struct MarketMargin {
    /// The perpetual, its unrealised cash included.
    pub perp: Component,
    /// The underlying itself.
    pub base: Component,
    /// Options, by expiry.
    pub expiries: Vec<ExpiryMargin>,
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
pub struct ExpiryMargin {
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

/// The manager's margins for an account over several markets, each with its rules.
pub fn assess(
    markets: &[(&Holdings, &MarketRules)],
    cash: Cash,
    depeg: &DepegRules,
) -> Result<StandardMargin, Refusal> {
    let depeg = peg_loss(cash, depeg.threshold, depeg.factor);
    let mut outcome = StandardMargin {
        initial_margin: cash.amount,
        maintenance_margin: cash.amount,
        mark_to_market: cash.amount,
        markets: Vec::with_capacity(markets.len()),
    };
    for (held, rules) in markets {
        let expiries = held.expiries.iter().map(|expiry| assess_expiry(held, expiry, rules, depeg));
        let market = MarketMargin {
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

impl MarketMargin {
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
fn assess_expiry(
    held: &Holdings,
    expiry: &ExpiryHolding,
    rules: &MarketRules,
    depeg: f64,
) -> Result<ExpiryMargin, Refusal> {
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
    Ok(ExpiryMargin { component, isolated, binding, requirement_parts })
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
fn worst_payoff(expiry: &ExpiryHolding) -> (Option<f64>, f64) {
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
