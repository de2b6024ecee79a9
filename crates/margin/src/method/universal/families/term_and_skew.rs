//! FAM-8, term and skew: the volatility surface turns, or only time passes.

use model::Market;

use super::axes::move_each;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove};

/// A twist and a skew both ways, and the margin period of risk in which nothing moves.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let turned = [
        ("short vol up, long vol down", VolMove::Twist(rules.vol.twist)),
        ("short vol down, long vol up", VolMove::Twist(-rules.vol.twist)),
        ("high strikes up, low strikes down", VolMove::Skew(rules.vol.skew)),
        ("high strikes down, low strikes up", VolMove::Skew(-rules.vol.skew)),
    ];
    let mut scenarios: Vec<Scenario> = turned
        .into_iter()
        .map(|(words, vol)| {
            let mut scenario = Scenario::still(words, market);
            move_each(&mut scenario, market, |_| Move { vol, ..Move::NONE });
            scenario
        })
        .collect();
    let words =
        if rules.scan.days == 1.0 { "1 day passes".to_owned() } else { format!("{} days pass", rules.scan.days) };
    let mut theta = Scenario::still(words, market);
    theta.years = rules.scan.days / 365.0;
    scenarios.push(theta);
    scenarios
}
