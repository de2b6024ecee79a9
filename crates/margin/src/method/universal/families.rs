//! FAM-1 to FAM-10: the scenarios of the universal method for one market, one file a family.
//!
//! `families!` lists the families once, in the order of the methodology, which decides ties. FAM-4 and FAM-5 are not among
//! them: a scenario document brings them, under names of its own.
//!
//! The set depends on the market and the parameters, never on the positions of an account: that keeps every family
//! coherent (splitting an account never lowers the sum).

mod alone;
mod apart;
mod axes;
mod depeg;
mod off_index;
mod passage;
mod steps;
mod stress;
mod tails;
mod term_and_skew;
mod together;

use model::Market;
use units::Timestamp;

use super::rules::Rules;
use crate::scenario::{Aggregation, Scenario, ScenarioSet};
use passage::Passage;

/// Makes everything that exists once for each family from one list of
/// `Name = rule, name, aggregation, groups of scenarios`.
macro_rules! families {
    ($($(#[$doc:meta])* $family:ident = $id:literal, $name:literal, $aggregation:ident, $groups:expr;)+) => {
        /// A family of scenarios that is built from the market and the parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Family {
            $($(#[$doc])* $family,)+
        }

        impl Family {
            /// Every family, in the order of the methodology.
            pub const ORDER: &[Self] = &[$(Self::$family),+];

            /// The rule of the methodology, such as `FAM-1`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$family => $id,)+ }
            }

            /// Its name in an answer, such as `scan together`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$family => $name,)+ }
            }

            /// The way in which its scenarios become one loss.
            pub const fn aggregation(self) -> Aggregation {
                match self { $(Self::$family => Aggregation::$aggregation,)+ }
            }

            /// Its scenarios in `market`, in the groups that [`Self::aggregation`] adds up.
            fn groups(self, market: &Market, rules: &Rules, passages: &[Passage]) -> Vec<Vec<Scenario>> {
                match self { $(Self::$family => $groups(market, rules, passages),)+ }
            }
        }
    };
}

families! {
    /// Every underlying moves by the same part of its range.
    ScanTogether = "FAM-1", "scan together", Worst, over_the_period(together::scenarios);
    /// One underlying moves, the others stay.
    ScanAlone = "FAM-2", "scan alone", RootSumSquare, alone::groups;
    /// Two underlyings that usually move together move apart.
    ScanApart = "FAM-3", "scan apart", Worst, over_the_period(apart::scenarios);
    /// Days that happened.
    NamedStress = "FAM-6", "named stress", Worst, one(stress::scenarios);
    /// Far moves of everything.
    Tails = "FAM-7", "tails", Worst, over_the_period(tails::scenarios);
    /// The volatility surface turns.
    TermAndSkew = "FAM-8", "term and skew", Worst, one(term_and_skew::scenarios);
    /// A token loses its peg, or a location fails.
    DepegAndLocation = "FAM-9", "depeg and location", Worst, one(depeg::scenarios);
    /// The marks of one underlying leave its index.
    OffIndex = "FAM-10", "off the index", RootSumSquare, at_once(off_index::groups);
}

/// A family of one group whose moves come at once.
fn one(scenarios: fn(&Market, &Rules) -> Vec<Scenario>) -> impl Fn(&Market, &Rules, &[Passage]) -> Vec<Vec<Scenario>> {
    move |market, rules, _| vec![scenarios(market, rules)]
}

/// A family of a group for each underlying, whose moves come at once.
fn at_once(
    groups: fn(&Market, &Rules) -> Vec<Vec<Scenario>>,
) -> impl Fn(&Market, &Rules, &[Passage]) -> Vec<Vec<Scenario>> {
    move |market, rules, _| groups(market, rules)
}

/// A family of one group in which the margin period passes in several ways.
fn over_the_period(
    scenarios: fn(&Market, &Rules, &[Passage]) -> Vec<Scenario>,
) -> impl Fn(&Market, &Rules, &[Passage]) -> Vec<Vec<Scenario>> {
    move |market, rules, passages| vec![scenarios(market, rules, passages)]
}

/// All built-in families, in the order of the methodology, then those of `extra` (FAM-4, FAM-5), for every market of the
/// same listings from that of `market` up to the moment `until`. Baskets stay still in the built-in families: they
/// follow their parts where the market is revalued (SCN-7).
pub fn build(market: &Market, rules: &Rules, extra: &ScenarioSet, until: Timestamp) -> ScenarioSet {
    let mut set = ScenarioSet::default();
    let passages = passage::passages(market, rules, until);
    for family in Family::ORDER {
        set.add_groups(family.name(), family.aggregation(), family.groups(market, rules, &passages));
    }
    for family in &extra.families {
        let groups = family.groups.iter().map(|group| extra.scenarios[group.clone()].to_vec());
        set.add_groups(&family.name, family.aggregation, groups);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAM-1 to FAM-10: each family has a rule and a name of its own, in the order of the methodology.
    #[test]
    fn families_are_in_the_order_of_the_methodology() {
        let number = |family: &Family| family.id().strip_prefix("FAM-").and_then(|number| number.parse().ok());
        let ids: Vec<u32> = Family::ORDER.iter().filter_map(number).collect();
        assert_eq!(ids.len(), Family::ORDER.len());
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        for family in Family::ORDER {
            assert_eq!(Family::ORDER.iter().filter(|other| other.name() == family.name()).count(), 1);
        }
    }
}
