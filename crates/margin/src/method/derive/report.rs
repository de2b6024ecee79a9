//! Turns the answers of the portfolio managers into workings: a requirement is mark-to-market less the net margin, line
//! by line, in cash.

use model::Account;

use super::adapt::{Origin, Subaccount};
use super::scan::PortfolioMargin;
use crate::{ChargeLine, FamilyLine, RequirementState, ScenarioPnl, Workings, aggregate};

const BASIS: &str = "basis contingency";
const SCAN: &str = "scan";
const EACH: &str = "worst of each underlying";

/// A subaccount and the answer of a portfolio manager for it.
pub struct Judged<'a> {
    /// The subaccount that was judged.
    pub subaccount: &'a Subaccount,
    /// The answer of the portfolio manager.
    pub outcome: PortfolioMargin,
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
pub fn of_portfolios(
    account: &Account,
    judged: &[Judged],
    (state, notes): (RequirementState, Vec<String>),
) -> Workings {
    let mut workings = Workings::empty(account, state, notes);
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

/// A scenario in words, such as `-13.5% vol up`.
pub fn scenario_words(spot_shock: f64, vol: &str, dampening: f64) -> String {
    let percent = format!("{:+.2}", (spot_shock - 1.0) * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    let percent = if percent == "+0" || percent == "-0" { "0" } else { percent };
    let vol = if vol.is_empty() { String::new() } else { format!(" {vol}") };
    let dampening = if dampening == 1.0 { String::new() } else { format!(" times {dampening}") };
    format!("{percent}%{vol}{dampening}")
}

/// Splits the perpetual's loss of an underlying over its origins, by size; an origin that hedges has a negative part.
pub fn attribute_perp(workings: &mut Workings, subaccount: &Subaccount, loss: f64) {
    let net = subaccount.held.perp.amount;
    for (place, size) in subaccount.perps.iter().filter(|_| net != 0.0) {
        let part = loss * (size / net);
        match place {
            Origin::Position(place) => workings.position_contributions[*place] += part,
            Origin::Balance(place) => workings.balance_contributions[*place] += part,
        }
    }
}

/// Adds to a line of the charges. Every underlying has the same lines.
pub fn charge(workings: &mut Workings, line: usize, more: &ChargeLine) {
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
