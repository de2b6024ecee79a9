//! The report of a replay: the facts, both variants, and the assertion with its figures.

use serde::Serialize;

/// The facts of the real incident, in our own words.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Facts {
    /// The number of the incident, such as S-10.
    pub id: &'static str,
    /// The venue and the incident, in a few words.
    pub title: &'static str,
    /// The day or days of the incident.
    pub date: &'static str,
    /// The course of the incident, in a few sentences.
    pub what: &'static str,
    /// What the incident cost, and who paid it, in a sentence.
    pub loss: &'static str,
    /// The sources of the facts.
    pub sources: &'static [&'static str],
}

/// One figure of a replay.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figure {
    /// The name of the figure.
    pub what: &'static str,
    /// The measured value, in `unit`.
    pub value: f64,
    /// The unit: USD, BTC, a share (1 is 100 %), a count.
    pub unit: &'static str,
}

/// One variant of a replay.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Told {
    /// The course of this variant.
    pub words: String,
    /// The measured figures of this variant.
    pub figures: Vec<Figure>,
}

/// A figure of the model beside its published value.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Near {
    /// The name of the figure.
    pub what: &'static str,
    /// The value that was published, in `unit`.
    pub published: f64,
    /// The value that the model gives, in `unit`.
    pub modelled: f64,
    /// The unit of both values.
    pub unit: &'static str,
    /// An input of the model that is not published and was chosen so that the result comes near; empty when there is
    /// none.
    pub chosen: &'static str,
}

impl Near {
    /// The model's figure as a multiple of the published one.
    pub fn ratio(&self) -> f64 {
        self.modelled / self.published
    }
}

/// A figure and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bound {
    /// The measured figure.
    pub found: f64,
    /// The most that the figure may be.
    pub limit: f64,
}

impl Bound {
    /// Whether the figure is within its limit. NaN is not.
    pub fn holds(self) -> bool {
        self.found <= self.limit
    }
}

/// A condition that is true or not.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// The condition, as a sentence.
    pub says: String,
    /// Whether the condition is true.
    pub holds: bool,
}

/// The result of a replay.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replayed {
    /// The facts of the real incident.
    pub facts: &'static Facts,
    /// The venue as it was: controls off.
    pub without: Told,
    /// The same script with our controls.
    pub with: Told,
    /// A published figure beside the result of the first variant.
    pub near: Near,
    /// The assertion: a figure and its limit, in words.
    pub assertion: &'static str,
    /// The unit of the figure and its limit.
    pub unit: &'static str,
    /// Figure and limit without our controls: there the assertion must not hold.
    pub bound_without: Bound,
    /// Figure and limit with our controls.
    pub bound_with: Bound,
    /// Further conditions that must hold with our controls.
    pub checks: Vec<Check>,
    /// Whether the assertion and all conditions hold.
    pub holds: bool,
}

/// The parts of a replay, before they are judged.
pub(crate) struct Parts {
    pub(crate) facts: &'static Facts,
    pub(crate) without: Told,
    pub(crate) with: Told,
    pub(crate) near: Near,
    pub(crate) assertion: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bound_without: Bound,
    pub(crate) bound_with: Bound,
    pub(crate) checks: Vec<Check>,
}

impl Parts {
    /// Judges whether everything holds that must hold.
    pub(crate) fn judged(self) -> Replayed {
        let Self { facts, without, with, near, assertion, unit, bound_without, bound_with, checks } = self;
        let holds = bound_with.holds() && checks.iter().all(|check| check.holds);
        Replayed { facts, without, with, near, assertion, unit, bound_without, bound_with, checks, holds }
    }
}

/// A condition of a replay.
pub(crate) fn check(says: impl Into<String>, holds: bool) -> Check {
    Check { says: says.into(), holds }
}

/// A figure of a replay.
pub(crate) fn figure(what: &'static str, value: f64, unit: &'static str) -> Figure {
    Figure { what, value, unit }
}

/// An amount in USD for readers, with three or four significant digits.
pub fn dollars(usd: f64) -> String {
    let size = usd.abs();
    let sign = if usd <= -0.005 { "−" } else { "" };
    let scaled = [(1e9, " B"), (1e6, " M"), (1e3, " k")].into_iter().find(|(unit, _)| size >= *unit);
    match scaled {
        Some((unit, name)) => format!("{sign}${:.2}{name}", size / unit),
        None => format!("{sign}${size:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_short() {
        let cases = [
            (0.0, "$0.00"),
            (-0.001, "$0.00"),
            (-12.345, "−$12.35"),
            (1234.0, "$1.23 k"),
            (-4.0e6, "−$4.00 M"),
            (2.5e9, "$2.50 B"),
        ];
        for (usd, expected) in cases {
            assert_eq!(dollars(usd), expected);
        }
    }

    #[test]
    fn what_is_no_number_holds_nothing() {
        assert!(!Bound { found: f64::NAN, limit: 1.0 }.holds());
        assert!(Bound { found: 1.0, limit: 1.0 }.holds());
    }
}
