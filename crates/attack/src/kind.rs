//! The kinds of adverse days: the days of each in one market.

mod basis;
mod depeg;
mod expiry;
mod grid;
mod history;
mod surface;
mod venues;

use model::{Market, UnderlyingId};
use serde::Serialize;

use crate::day::Day;
use crate::history::History;
use crate::product::Sizes;

/// A kind of adverse days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Moves within the scan range that are no step of the scan, with smaller moves of volatility than the scan's.
    Grid,
    /// Moves of 24 hours that happened, with the time that they take.
    History,
    /// Turns of the volatility surface over term and strike, up to twice the method's own.
    Surface,
    /// Forwards and marks that leave the index.
    Basis,
    /// Contracts that settle within the day, before the move or after it.
    Expiry,
    /// A stablecoin or the staked tokens lose their peg while the coins fall.
    Depeg,
    /// Contracts of one underlying that pay in different assets move apart.
    Venues,
}

/// What the days of a kind depend on.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The market before the day.
    pub market: &'a Market,
    /// The underlying whose contracts are attacked.
    pub underlying: UnderlyingId,
    /// The sizes of the method's own moves.
    pub sizes: &'a Sizes,
    /// Recorded moves; none where no prices were given.
    pub history: Option<&'a History>,
    /// Recorded moves up to this multiple of the scan range are taken.
    pub multiple: f64,
}

/// The name under which [`measured`] finds what is not listed.
const OTHER: &str = "other";

/// What was measured of an underlying, or of [`OTHER`], which comes last.
fn measured(all: &[(&str, f64)], market: &Market, underlying: UnderlyingId) -> f64 {
    let name = &market.underlyings[underlying.0].name;
    all.iter().find(|(of, _)| of == name || *of == OTHER).map_or(0.0, |(_, size)| *size)
}

/// The days of a kind, or the reason why there are none.
pub type Days = Result<Vec<Day>, String>;

impl Kind {
    /// Every kind, in the order of the tables.
    pub const ALL: [Self; 7] =
        [Self::Grid, Self::History, Self::Surface, Self::Basis, Self::Expiry, Self::Depeg, Self::Venues];

    /// Its name in arguments and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::History => "history",
            Self::Surface => "surface",
            Self::Basis => "basis",
            Self::Expiry => "expiry",
            Self::Depeg => "depeg",
            Self::Venues => "venues",
        }
    }

    /// The kind with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its days in a market.
    pub fn days(self, setting: &Setting) -> Days {
        match self {
            Self::Grid => Ok(grid::days(setting)),
            Self::History => history::days(setting),
            Self::Surface => Ok(surface::days(setting)),
            Self::Basis => Ok(basis::days(setting)),
            Self::Expiry => expiry::days(setting),
            Self::Depeg => depeg::days(setting),
            Self::Venues => venues::days(setting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Product;
    use model::{Instrument, Underlying};

    #[test]
    fn every_kind_has_days_of_its_own_name_in_the_sample() {
        let market = Market::parse(&testdata::sample("market.json")).unwrap();
        let product = Product::published();
        let sizes = product.defend(&market).unwrap().sizes();
        let underlying = market.underlying("BTC").unwrap();
        let setting = Setting { market: &market, underlying, sizes: &sizes, history: None, multiple: 1.0 };
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
            match kind.days(&setting) {
                Ok(days) => {
                    let mut names: Vec<&str> = days.iter().map(|day| day.name.as_str()).collect();
                    names.sort_unstable();
                    names.dedup();
                    assert!(names.len() == days.len() && days.len() > 3, "{kind:?}: {names:?}");
                }
                Err(why) => {
                    let expected = [(Kind::History, "no recorded prices"), (Kind::Venues, "of one venue")];
                    assert!(expected.iter().any(|(of, words)| kind == *of && why.contains(words)), "{kind:?}: {why}");
                }
            }
        }
    }

    #[test]
    fn each_venue_moves_against_the_others() {
        let listed = |name: &str| Instrument::perpetual(name, "BTC").linear("USD").mark(80_000);
        let market = Market::builder("2026-05-01T07:00:00Z")
            .underlying(Underlying::builder("BTC", 80_000))
            .instrument(listed("HERE"))
            .instrument(listed("THERE").venue("elsewhere"))
            .build()
            .unwrap();
        let product = Product::published();
        let sizes = product.defend(&market).unwrap().sizes();
        let setting =
            Setting { market: &market, underlying: UnderlyingId(0), sizes: &sizes, history: None, multiple: 1.0 };
        let days = Kind::Venues.days(&setting).unwrap();
        assert!(days.iter().any(|day| day.name == "contracts of elsewhere −1.8 %, price +0 %"), "{days:?}");
        assert_eq!(days.len(), 24);
    }

    #[test]
    fn days_of_the_grid_are_within_the_range_and_off_the_steps() {
        let market = Market::parse(testdata::MARKET).unwrap();
        let product = Product::published();
        let sizes = product.defend(&market).unwrap().sizes();
        let setting =
            Setting { market: &market, underlying: UnderlyingId(0), sizes: &sizes, history: None, multiple: 1.0 };
        for day in Kind::Grid.days(&setting).unwrap() {
            let part = day.moves[0] / sizes.ranges[0];
            assert!(part.abs() < 1.0 && sizes.steps.iter().all(|step| (step - part).abs() > 0.01), "{}", day.name);
            assert!(day.vol.level < sizes.vol_up && day.vol.level > -sizes.vol_down, "{}", day.name);
        }
    }
}
