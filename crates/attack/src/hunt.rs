//! The hunt: for each kind of days, the book with the largest loss for its margin in one market.

use dice::Dice;
use model::{Market, UnderlyingId};
use serde::Serialize;

use crate::climb::{climb, ratio};
use crate::day::Day;
use crate::field::{Extent, Field};
use crate::history::History;
use crate::kind::{Kind, Setting};
use crate::legs::{account, account_profit, profit};
use crate::product::{Defence, Product, Refusal, Sizes};
use crate::revalue::Revaluer;

/// From so many days of a kind, those with the highest ratios, books are improved by climbing.
const CLIMBS: usize = 3;

/// What a hunt looks for.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The kinds of days.
    pub kinds: Vec<Kind>,
    /// Recorded moves for the kind that needs them.
    pub history: Option<&'a History>,
    /// Recorded moves up to this multiple of the scan range are taken.
    pub multiple: f64,
    /// How large a book may be.
    pub extent: Extent,
    /// The seed of the climbs.
    pub seed: u64,
    /// Threads that work at the same time.
    pub threads: usize,
}

/// The worst book of one kind in one underlying.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Found {
    /// The kind of days.
    pub kind: Kind,
    /// The underlying that was attacked.
    pub underlying: String,
    /// Number of days that were tried.
    pub days: usize,
    /// Number of days whose programme the solver gave up.
    pub unsolved: usize,
    /// The book; none where no book loses or there are no days.
    pub worst: Option<Worst>,
    /// The reason why there are no days.
    pub skipped: Option<String>,
}

/// A book and its day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Worst {
    /// Loss over maintenance margin.
    pub ratio: f64,
    /// The same of the programme's own book, before it was improved.
    pub programme_ratio: f64,
    /// The day in words.
    pub day: String,
    /// The loss on the day, in USD.
    pub loss: f64,
    /// The maintenance margin by the product, in USD.
    pub maintenance: f64,
    /// The legs, the largest first.
    pub legs: Vec<Held>,
}

/// A leg of a book.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Held {
    /// The contract or the asset.
    pub name: String,
    /// Contracts or units, negative when short.
    pub quantity: f64,
    /// The same in coins of notional.
    pub coins: f64,
}

/// A book that the programme found.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The place of the day among all.
    pub place: usize,
    /// The size of each leg, in coins.
    pub sizes: Vec<f64>,
    /// Loss on the day over the maintenance margin of the product.
    pub ratio: f64,
}

/// What a programme gave for one day.
#[derive(Clone, Debug)]
pub enum Solved {
    /// A book that loses.
    Book(Candidate),
    /// No book within the budget loses.
    NothingLoses,
    /// The solver gave up.
    NotSolved,
}

/// One underlying of one market, ready to be attacked.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The product in the market.
    pub defence: Defence<'a>,
    /// The legs and the programme.
    pub field: Field,
    /// The sizes of the method's own moves.
    pub sizes: Sizes,
    /// The underlying that is attacked.
    pub underlying: UnderlyingId,
}

impl<'a> Ground<'a> {
    /// Prepares an underlying of a market.
    pub fn new(
        product: &'a Product,
        market: &'a Market,
        underlying: UnderlyingId,
        extent: Extent,
    ) -> Result<Self, Refusal> {
        let defence = product.defend(market)?;
        let field = Field::new(&defence, underlying, extent)?;
        let sizes = defence.sizes();
        Ok(Self { defence, field, sizes, underlying })
    }

    /// The market that is attacked.
    pub fn market(&self) -> &Market {
        self.defence.market()
    }

    /// The revaluer of days in the market.
    pub fn revaluer(&self) -> Revaluer<'_> {
        Revaluer { market: self.market(), shape: self.sizes.shape }
    }

    /// The profit of each leg of one coin on a day, in USD.
    pub fn profits(&self, day: &Day) -> Vec<f64> {
        let revaluer = self.revaluer();
        self.field.legs.iter().map(|leg| profit(leg, &revaluer, day).unwrap_or(0.0)).collect()
    }

    /// The programme's book for a day.
    pub fn programme_book(&self, place: usize, day: &Day) -> Result<Solved, Refusal> {
        let profits = self.profits(day);
        let scaled: Vec<f64> = profits.iter().map(|profit| profit / self.field.index).collect();
        let Ok(book) = self.field.programme.worst_book(&scaled) else { return Ok(Solved::NotSolved) };
        let Some(sizes) = book else { return Ok(Solved::NothingLoses) };
        let ratio = ratio(&self.defence, &self.field, &profits, &sizes)?;
        Ok(ratio.map_or(Solved::NothingLoses, |ratio| Solved::Book(Candidate { place, sizes, ratio })))
    }

    /// The candidate improved by climbing, as the product judges it.
    fn improved(&self, candidate: &Candidate, day: &Day, seed: u64) -> Result<Option<Worst>, Refusal> {
        let profits = self.profits(day);
        let salt = u64::try_from(candidate.place).unwrap_or(u64::MAX);
        let mut dice = Dice::stream(seed, salt);
        let climbed = climb(&self.defence, &self.field, &profits, candidate.sizes.clone(), &mut dice)?;
        let Some(climbed) = climbed else { return Ok(None) };
        let held = account(self.market(), &self.field.legs, &climbed.sizes)?;
        let maintenance = self.defence.maintenance(&held)?;
        let Some(earned) = account_profit(&held, &self.revaluer(), day) else { return Ok(None) };
        let mut legs: Vec<Held> = self
            .field
            .legs
            .iter()
            .zip(&climbed.sizes)
            .map(|(leg, coins)| Held { name: leg.name.clone(), quantity: coins * leg.unit, coins: *coins })
            .filter(|held| held.coins.abs() > 1e-6)
            .collect();
        legs.sort_by(|one, other| other.coins.abs().total_cmp(&one.coins.abs()).then(one.name.cmp(&other.name)));
        Ok(Some(Worst {
            ratio: -earned / maintenance,
            programme_ratio: candidate.ratio,
            day: day.name.clone(),
            loss: -earned,
            maintenance,
            legs,
        }))
    }
}

/// The worst books of each kind in one underlying. `progress` is called after each programme.
pub fn hunt(
    product: &Product,
    market: &Market,
    underlying: UnderlyingId,
    options: &Options,
    mut progress: impl FnMut(),
) -> Result<Vec<Found>, Refusal> {
    let ground = Ground::new(product, market, underlying, options.extent)?;
    let setting =
        Setting { market, underlying, sizes: &ground.sizes, history: options.history, multiple: options.multiple };
    let mut found = Vec::new();
    for kind in &options.kinds {
        let (days, skipped) = match kind.days(&setting) {
            Ok(days) => (days, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let Searched { worst, unsolved } = search(&ground, &days, options, &mut progress)?;
        let underlying = market.underlyings[underlying.0].name.clone();
        found.push(Found { kind: *kind, underlying, days: days.len(), unsolved, worst, skipped });
    }
    Ok(found)
}

/// All days of a kind, searched.
struct Searched {
    worst: Option<Worst>,
    unsolved: usize,
}

/// The worst book of all days of a kind.
fn search(ground: &Ground, days: &[Day], options: &Options, progress: &mut impl FnMut()) -> Result<Searched, Refusal> {
    let solve = |place: usize| ground.programme_book(place, &days[place]);
    let (mut candidates, mut unsolved) = (Vec::new(), 0);
    for solved in pool::map(options.threads, 0..days.len(), solve, |_| progress()) {
        match solved? {
            Solved::Book(candidate) => candidates.push(candidate),
            Solved::NothingLoses => {}
            Solved::NotSolved => unsolved += 1,
        }
    }
    candidates.sort_by(|one, other| other.ratio.total_cmp(&one.ratio).then(one.place.cmp(&other.place)));
    candidates.truncate(CLIMBS);
    let improve = |candidate: Candidate| ground.improved(&candidate, &days[candidate.place], options.seed);
    let mut worst: Option<Worst> = None;
    for improved in pool::map(options.threads, candidates, improve, |_| ()) {
        let Some(next) = improved? else { continue };
        if worst.as_ref().is_none_or(|worst| next.ratio > worst.ratio) {
            worst = Some(next);
        }
    }
    Ok(Searched { worst, unsolved })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Asset, Instrument, Underlying};

    /// A market with a perpetual and puts that expire within the hour.
    fn hour() -> Market {
        let expiry = "2026-05-01T08:00:00Z";
        Market::builder("2026-05-01T07:00:00Z")
            .asset(Asset::builder("USDC", 1))
            .underlying(Underlying::builder("BTC", 80_000).expiry(expiry, 80_000))
            .instrument(Instrument::perpetual("PERP", "BTC").linear("USDC").mark(80_000))
            .instrument(Instrument::put("PUT", "BTC", expiry, 80_000).linear("USDC").mark(170).iv("0.5"))
            .build()
            .unwrap()
    }

    fn options(kinds: &[Kind]) -> Options<'static> {
        Options { kinds: kinds.to_vec(), history: None, multiple: 1.0, extent: Extent::default(), seed: 1, threads: 1 }
    }

    /// A put that is gone in an hour protects a perpetual in every scenario and not against the move after it.
    #[test]
    fn a_put_of_an_hour_hides_no_move_of_the_day() {
        let market = hour();
        let product = Product::published();
        let found = hunt(&product, &market, UnderlyingId(0), &options(&[Kind::Expiry]), || ()).unwrap();
        let worst = found[0].worst.as_ref().unwrap();
        assert!(worst.ratio > 0.5 && worst.ratio <= 1.0, "{worst:?}");
    }

    /// Without options and without time, no move within the range costs more than the margin.
    #[test]
    fn a_perpetual_alone_has_no_hole_in_the_grid() {
        let market = Market::builder("2026-05-01T07:00:00Z")
            .asset(Asset::builder("USDC", 1))
            .underlying(Underlying::builder("BTC", 80_000))
            .instrument(Instrument::perpetual("PERP", "BTC").linear("USDC").mark(80_000))
            .build()
            .unwrap();
        let product = Product::published();
        let found = hunt(&product, &market, UnderlyingId(0), &options(&[Kind::Grid]), || ()).unwrap();
        let worst = found[0].worst.as_ref().unwrap();
        assert!(worst.ratio < 1.0 && worst.ratio > 0.5, "{worst:?}");
    }

    #[test]
    fn the_same_seed_finds_the_same_on_any_number_of_threads() {
        let market = hour();
        let product = Product::published();
        let of = |threads| {
            let options = Options { threads, ..options(&[Kind::Expiry, Kind::Basis]) };
            hunt(&product, &market, UnderlyingId(0), &options, || ()).unwrap()
        };
        assert_eq!(of(1), of(2));
    }
}
