//! Turns the managers' answers into workings: a requirement is mark-to-market less the net margin, line by line, in cash.

use model::Account;

use super::adapt::{Place, Subaccount};
use super::scan::Outcome;
use super::standard::{self, Binding, Component};
use crate::{ChargeLine, FamilyLine, RequirementState, ScenarioPnl, Workings, aggregate};

const BASIS: &str = "basis contingency";
const SCAN: &str = "scan";
const EACH: &str = "worst of each underlying";
const STANDARD: &str = "standard";

/// A subaccount and the answer of a portfolio manager for it.
pub struct Judged<'a> {
    /// The subaccount that was judged.
    pub subaccount: &'a Subaccount,
    /// The answer of the portfolio manager.
    pub outcome: Outcome,
    /// Its scenarios in words.
    pub scenarios: Vec<String>,
}

impl Judged<'_> {
    fn words(&self, scenario: usize) -> String {
        let what = self.scenarios.get(scenario).map_or("forwards away from spot", String::as_str);
        format!("{} {what}", self.subaccount.underlying)
    }

    /// The worst scenario, even when the basis contingency is worse.
    fn scan(&self) -> (f64, String) {
        let profits = &self.outcome.scan.profits;
        aggregate::worst(profits).map_or_else(Default::default, |index| (0.0 - profits[index], self.words(index)))
    }
}

/// The workings under a portfolio manager. The core is the worst loss; for several underlyings it is the sum of their
/// worst losses, because each underlying is judged by a manager of its own.
pub fn of_portfolios(account: &Account, judged: &[Judged], said: (RequirementState, Vec<String>)) -> Workings {
    let mut workings = empty(account, said);
    for Judged { subaccount, outcome, .. } in judged {
        let worst = &outcome.scan.worst;
        attribute_perp(&mut workings, subaccount, -worst.perp);
        for (place, collateral, share) in subaccount.backing.iter().copied() {
            let profit = worst.collaterals.get(collateral).copied().unwrap_or_default();
            workings.balance_contributions[place] -= profit * share;
            workings.haircuts[place] += outcome.maintenance_contingency.collaterals[collateral] * share;
        }
        for (places, profits) in subaccount.options.iter().zip(&worst.options) {
            for (place, profit) in places.iter().zip(profits) {
                workings.position_contributions[*place] -= profit;
            }
        }
        for (line, of_outcome) in outcome.charges.iter().enumerate() {
            charge(&mut workings, line, of_outcome);
        }
    }
    // Collateral that belongs to no underlying loses nothing in any scenario.
    let at_risk = || judged.iter().filter(|judged| !judged.subaccount.underlying.is_empty());
    for judged in at_risk() {
        let scenarios = judged.outcome.scan.profits.iter().enumerate();
        workings.scenarios.extend(scenarios.map(|(index, pnl)| ScenarioPnl {
            family: SCAN.into(),
            scenario: judged.words(index).into(),
            pnl: *pnl,
        }));
        let scenario = judged.words(usize::MAX).into();
        let pnl = judged.outcome.scan.basis_contingency;
        workings.scenarios.push(ScenarioPnl { family: BASIS.into(), scenario, pnl });
    }
    // The basis contingency comes first and wins a tie, as in the contracts.
    if at_risk().count() > 1 {
        workings
            .families
            .push(sum(EACH, at_risk().map(|of| (of.outcome.scan.loss(), of.words(of.outcome.scan.worst_index)))));
    }
    workings
        .families
        .push(sum(BASIS, at_risk().map(|of| (0.0 - of.outcome.scan.basis_contingency, of.words(usize::MAX)))));
    workings.families.push(sum(SCAN, at_risk().map(Judged::scan)));
    workings
}

/// The workings under the standard manager. The core is the sum of the maintenance requirements of all parts; the
/// charges are the additional requirements of the initial margin.
pub fn of_standard(
    account: &Account,
    subaccounts: &[Subaccount],
    outcome: &standard::Outcome,
    said: (RequirementState, Vec<String>),
) -> Workings {
    let mut workings = empty(account, said);
    let mut words = Vec::new();
    let mut core = 0.0;
    for (subaccount, market) in subaccounts.iter().zip(&outcome.markets) {
        let required = |component: &Component| component.mark_to_market - component.maintenance;
        core += market.components().map(required).sum::<f64>();
        attribute_perp(&mut workings, subaccount, required(&market.perp));
        for (place, _, share) in subaccount.backing.iter().copied() {
            workings.balance_contributions[place] += required(&market.base) * share;
            workings.haircuts[place] += required(&market.base) * share;
        }
        let expiries = subaccount.options.iter().zip(&subaccount.days).zip(&market.expiries);
        for ((places, day), expiry) in expiries {
            for (place, part) in places.iter().zip(&expiry.requirement_parts) {
                workings.position_contributions[*place] += part;
            }
            words.push(format!("{} {day} {}", subaccount.underlying, binding_words(expiry.binding)));
        }
        let besides = |component: &Component| component.maintenance - component.initial;
        let options = || market.expiries.iter().map(|expiry| &expiry.component);
        for (line, (name, initial)) in [
            ("initial margin of perpetuals", besides(&market.perp)),
            ("initial margin of options", options().map(besides).sum()),
            ("initial margin of the underlying", besides(&market.base)),
            ("confidence contingency", market.components().map(|part| part.confidence).sum()),
            ("stablecoin below its peg", market.components().map(|part| part.depeg).sum()),
        ]
        .into_iter()
        .enumerate()
        {
            charge(&mut workings, line, &ChargeLine::new(name, initial, 0.0));
        }
    }
    if core < 0.0 {
        // The marks contradict each other: the options together are worth less than their worst payoff. This reduces
        // the additional initial margin, and neither margin falls below 0.
        let besides: f64 = workings.charges.iter().map(|line| line.initial).sum();
        workings.charges.push(ChargeLine::new("marked below the worst payoff", core.max(-besides.max(0.0)), 0.0));
    }
    let words = if words.is_empty() { "no options".to_owned() } else { words.join("; ") };
    workings.families.push(FamilyLine::new(STANDARD, core, words));
    workings
}

/// A scenario in words, such as `-13.5% vol up`.
pub fn scenario_words(spot_shock: f64, vol: &str, dampening: f64) -> String {
    let percent = format!("{:+.2}", (spot_shock - 1.0) * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    let percent = if percent == "+0" || percent == "-0" { "0" } else { percent };
    let vol = if vol.is_empty() { String::new() } else { format!(" {vol}") };
    let dampening = if dampening == 1.0 { String::new() } else { format!(" times {dampening}") };
    format!("{percent}%{vol}{dampening}")
}

fn binding_words(binding: Binding) -> String {
    match binding {
        Binding::Isolated => "every short by itself".into(),
        Binding::MaxLoss { settlement: None } => "largest loss".into(),
        Binding::MaxLoss { settlement: Some(settlement) } => format!("largest loss at {settlement}"),
    }
}

fn empty(account: &Account, (state, notes): (RequirementState, Vec<String>)) -> Workings {
    Workings {
        state,
        position_contributions: vec![0.0; account.positions.len()],
        balance_contributions: vec![0.0; account.balances.len()],
        haircuts: vec![0.0; account.balances.len()],
        notes,
        ..Workings::default()
    }
}

/// Splits the perpetual's loss of an underlying over its origins, by size; an origin that hedges has a negative part.
fn attribute_perp(workings: &mut Workings, subaccount: &Subaccount, loss: f64) {
    let net = subaccount.held.perp.amount;
    for (place, size) in subaccount.perps.iter().filter(|_| net != 0.0) {
        let part = loss * (size / net);
        match place {
            Place::Position(place) => workings.position_contributions[*place] += part,
            Place::Balance(place) => workings.balance_contributions[*place] += part,
        }
    }
}

/// Adds to a line of the charges. Every underlying has the same lines.
fn charge(workings: &mut Workings, line: usize, more: &ChargeLine) {
    if line == workings.charges.len() {
        workings.charges.push(ChargeLine::new(more.charge.clone(), 0.0, 0.0));
    }
    let held = &mut workings.charges[line];
    assert_eq!(held.charge, more.charge, "a manager charges every underlying the same lines");
    held.initial += more.initial;
    held.maintenance += more.maintenance;
}

/// Sums one loss for each underlying into one family.
fn sum(family: &'static str, losses: impl Iterator<Item = (f64, String)>) -> FamilyLine {
    let (losses, words): (Vec<f64>, Vec<String>) = losses.unzip();
    FamilyLine::new(family, losses.iter().fold(0.0, |sum, loss| sum + loss), words.join("; "))
}
