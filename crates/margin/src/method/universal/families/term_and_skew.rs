//! FAM-8, term and skew: the volatility surface turns.

use model::Market;

use super::axes::move_each;
use crate::method::universal::rules::Rules;
use crate::scenario::{Move, Scenario, VolMove};

/// A twist and a skew both ways.
pub(super) fn scenarios(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let turned = [
        ("short vol up, long vol down", VolMove::Twist(rules.vol.twist)),
        ("short vol down, long vol up", VolMove::Twist(-rules.vol.twist)),
        ("high strikes up, low strikes down", VolMove::Skew(rules.vol.skew)),
        ("high strikes down, low strikes up", VolMove::Skew(-rules.vol.skew)),
    ];
    turned
        .into_iter()
        .map(|(words, vol)| {
            let mut scenario = Scenario::still(words, market);
            move_each(&mut scenario, market, |_| Move { vol, ..Move::NONE });
            scenario
        })
        .collect()
}
