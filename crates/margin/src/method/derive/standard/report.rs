//! Turns the answer of the standard manager into workings: a requirement is mark-to-market less the net margin, part by
//! part, in cash.

use model::Account;

use super::contract::{Binding, Component, StandardMargin};
use crate::method::derive::adapt::Subaccount;
use crate::method::derive::report::{attribute_perp, charge};
use crate::{ChargeLine, FamilyLine, RequirementState, Workings};

/// The workings under the standard manager. The core is the sum of the maintenance requirements of all parts; the
/// charges are the additional requirements of the initial margin.
pub fn workings_of(
    account: &Account,
    subaccounts: &[Subaccount],
    margin: &StandardMargin,
    (state, notes): (RequirementState, Vec<String>),
) -> Workings {
    let mut workings = Workings::empty(account, state, notes);
    let mut words = Vec::new();
    let mut core = 0.0;
    for (subaccount, market) in subaccounts.iter().zip(&margin.markets) {
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
    workings.families.push(FamilyLine::new("standard", core, words));
    workings
}

fn binding_words(binding: Binding) -> String {
    match binding {
        Binding::Isolated => "every short by itself".into(),
        Binding::MaxLoss { settlement: None } => "largest loss".into(),
        Binding::MaxLoss { settlement: Some(settlement) } => format!("largest loss at {settlement}"),
    }
}
