//! All that is taken from the margin crate: the universal method as the defender, and every method as a judge.
//!
//! When a name of the margin crate changes, this is the file to mend. The rest of the crate knows margins, profits in
//! scenarios and lines of charges as numbers.

use std::collections::BTreeMap;

use margin::method::universal::{self, Universal, rules::Rules};
use margin::method::{METHODS, Options, Rulebook};
use margin::params::Params;
use margin::scenario::{Aggregation, ScenarioSet};
use margin::{Judge, RequirementState, Standing, Status, summarise};
use model::{Account, InstrumentId, Invalid, Market, UnderlyingId};
use pricing::kernel::Isa;
use pricing::math;

/// The reason why a method does not judge an account or a market.
pub use margin::Refusal;

/// The universal method with its parameters: what is attacked.
#[derive(Debug)]
pub struct Product {
    params: Params<Rules>,
}

/// The universal method in one market.
#[derive(Debug)]
pub struct Defence<'a> {
    universal: Universal<'a>,
}

/// The sizes of the moves that the method considers, by which an attack measures its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// The scan range of each underlying, as a part of its price, in the order of the market.
    pub ranges: Vec<f64>,
    /// The steps of the scan as parts of the range, in rising order.
    pub steps: Vec<f64>,
    /// Relative move of volatility up, at 30 days.
    pub vol_up: f64,
    /// Relative move of volatility down, at 30 days.
    pub vol_down: f64,
    /// Relative move of the short end in a twist.
    pub twist: f64,
    /// Relative move of volatility for each unit of log-moneyness in a skew.
    pub skew: f64,
    /// The shape of a move of the volatility surface.
    pub shape: Shape,
    /// Length of the settlement average, in seconds.
    pub settlement_seconds: f64,
}

/// How a move of volatility depends on the time to expiry and on the strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Power of 30 days over the days to expiry, below 30 days.
    pub short_power: f64,
    /// The same power from 30 days on.
    pub long_power: f64,
    /// The least days to expiry that count.
    pub floor_days: f64,
    /// The expiry around which a twist turns, in days.
    pub pivot_days: f64,
    /// A twist is full at the pivot divided by this and at the pivot times this.
    pub pivot_span: f64,
    /// The largest relative move of one volatility in a skew of the method's size.
    pub skew_cap: f64,
}

impl Shape {
    /// What a move of the level of size 1 does to the volatility of an expiry so many days away.
    pub fn level(&self, days: f64) -> f64 {
        let days = days.max(self.floor_days);
        math::pow(30.0 / days, if days < 30.0 { self.short_power } else { self.long_power })
    }

    /// What a twist of size 1 does to it.
    pub fn twist(&self, days: f64) -> f64 {
        let spans = math::ln(self.pivot_days / days.max(self.floor_days)) / math::ln(self.pivot_span);
        spans.clamp(-1.0, 1.0)
    }
}

/// How the parts of a charge add up over the legs of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Netting {
    /// Every leg pays on its own.
    None,
    /// Legs of one underlying and expiry (perpetuals together) are netted by their delta.
    DeltaOfExpiry,
    /// Legs of one underlying and expiry are netted. A short sum pays, and so does the strike at which the book is long most.
    NearExpiry,
    /// Options of one strike are netted, and only a short sum pays.
    ShortOfStrike,
    /// The whole book is netted, and only a positive sum pays.
    PaidByBook,
}

/// How a charge of the universal method is netted, by the name of its line. An unknown line counts for each leg alone:
/// then the programme expects too high a margin, and the product's own answer corrects it.
pub fn netting(charge: &str) -> Netting {
    match charge {
        "basis" => Netting::DeltaOfExpiry,
        "expiry" => Netting::NearExpiry,
        "short options" => Netting::ShortOfStrike,
        "funding and fees" => Netting::PaidByBook,
        _ => Netting::None,
    }
}

impl Product {
    /// The method with the parameters that come with the program.
    pub fn published() -> Self {
        Self::of(universal::PARAMS).expect("the parameters of the program are valid")
    }

    /// The method with the parameters of a file.
    pub fn of(text: &str) -> Result<Self, Invalid> {
        Ok(Self { params: universal::parse(text)? })
    }

    /// Name and date of the parameters, such as `universal/2026-11-30`.
    pub fn name(&self) -> String {
        self.params.name()
    }

    /// The shape of the method's moves of the volatility surface.
    pub fn shape(&self) -> Shape {
        shape(&self.params.rules)
    }

    /// The method in a market.
    pub fn defend<'a>(&'a self, market: &'a Market) -> Result<Defence<'a>, Refusal> {
        let universal = universal::prepare(market, &self.params.rules, &ScenarioSet::default(), Isa::detect())?;
        Ok(Defence { universal: universal.listing_scenarios(false) })
    }
}

impl Defence<'_> {
    /// The market in which the method judges.
    pub fn market(&self) -> &Market {
        self.universal.market
    }

    /// The maintenance margin of an account by the product itself, in USD.
    pub fn maintenance(&self, account: &Account) -> Result<f64, Refusal> {
        Ok(self.universal.margins(account)?.maintenance.to_f64())
    }

    /// The weighted profit of an account in every scenario whose loss alone may be the core, in USD: of the families that
    /// take the worst, and of each group of those that add up groups.
    pub fn core_profits(&self, account: &Account) -> Result<Vec<f64>, Refusal> {
        let array = &self.universal.array;
        let profits = array.pnl(&array.vector(account)?);
        let binding = array.set.families.iter().filter(|family| match family.aggregation {
            Aggregation::Worst | Aggregation::RootSumSquare => true,
            Aggregation::ExpectedShortfall(_) => false,
        });
        Ok(binding.flat_map(|family| profits[family.range()].iter().copied()).collect())
    }

    /// The charges in the maintenance margin of an account, by the name of their line, in USD.
    pub fn charges(&self, account: &Account) -> Result<BTreeMap<String, f64>, Refusal> {
        let workings = self.universal.workings(account)?;
        Ok(workings.charges.into_iter().map(|line| (line.charge.to_string(), line.maintenance)).collect())
    }

    /// The delta of one contract, in units of the underlying.
    pub fn delta(&self, id: InstrumentId) -> Result<f64, Refusal> {
        Ok(self.universal.sensitivities(id)?.delta)
    }

    /// The sizes of the method's own moves.
    pub fn sizes(&self) -> Sizes {
        let (rules, market) = (self.universal.rules, self.universal.market);
        let mut steps = rules.scan.steps.clone();
        steps.sort_by(f64::total_cmp);
        let range = |place| rules.scan.range_of(market, UnderlyingId(place));
        Sizes {
            ranges: (0..market.underlyings.len()).map(range).collect(),
            steps,
            vol_up: rules.scan.vol_up,
            vol_down: rules.scan.vol_down,
            twist: rules.vol.twist,
            skew: rules.vol.skew,
            shape: shape(rules),
            settlement_seconds: rules.settlement.window_seconds,
        }
    }
}

fn shape(rules: &Rules) -> Shape {
    Shape {
        short_power: rules.vol.short_power,
        long_power: rules.vol.long_power,
        floor_days: rules.vol.floor_days,
        pivot_days: rules.vol.twist_pivot_days,
        pivot_span: rules.vol.twist_span,
        skew_cap: rules.vol.skew_cap,
    }
}

/// Every method with the parameters that come with it.
pub struct Methods {
    rulebooks: Vec<(&'static str, Box<dyn Rulebook>)>,
}

/// Every method in one market; none where it refuses the market.
pub struct Judges<'a> {
    judges: Vec<Option<Box<dyn Judge + 'a>>>,
}

/// What a method says of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The maintenance margin, in USD.
    pub maintenance: f64,
    /// Whether the account is above every threshold.
    pub healthy: bool,
}

impl Methods {
    /// All methods, in the order in which they are compared.
    pub fn all() -> Self {
        let read = |method: &'static margin::method::Method| {
            let rulebook = method.rulebook(method.params).expect("the parameters of the program are valid");
            (method.about.name, rulebook)
        };
        Self { rulebooks: METHODS.iter().map(read).collect() }
    }

    /// The names of the methods, in their order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rulebooks.iter().map(|(name, _)| *name)
    }

    /// All methods in one market.
    pub fn judge<'a>(&'a self, market: &'a Market) -> Judges<'a> {
        let options = Options::default();
        Judges { judges: self.rulebooks.iter().map(|(_, rulebook)| rulebook.judge(market, &options).ok()).collect() }
    }
}

impl Judges<'_> {
    /// The verdict of each method in their order; none where a method does not know the requirement of the account.
    pub fn verdicts(&self, account: &Account) -> Vec<Option<Verdict>> {
        let of = |judge: &Option<Box<dyn Judge + '_>>| {
            let summary = summarise(account, &**judge.as_ref()?).ok()?;
            let known = match summary.requirement {
                RequirementState::Known | RequirementState::NotAccepted { .. } => true,
                RequirementState::Unknown { .. } => false,
            };
            known.then(|| Verdict {
                maintenance: summary.maintenance_margin.to_f64(),
                healthy: summary.status == Standing::Known(Status::Healthy),
            })
        };
        self.judges.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_netted_charge_is_a_line_of_the_method() {
        let market = Market::parse(testdata::MARKET).unwrap();
        let account = Account::builder("short").position("BTC-CALL", -1).build(&market).unwrap();
        let product = Product::published();
        let lines = product.defend(&market).unwrap().charges(&account).unwrap();
        for charge in ["basis", "expiry", "short options", "funding and fees"] {
            assert!(lines.contains_key(charge), "{charge}: {lines:?}");
            assert!(netting(charge) != Netting::None, "{charge}");
        }
    }

    #[test]
    fn the_core_is_the_worst_of_the_profits_where_one_underlying_is_listed() {
        let market = Market::parse(testdata::MARKET).unwrap();
        let account = Account::builder("long").position("BTC-PERP", 2).build(&market).unwrap();
        let product = Product::published();
        let defence = product.defend(&market).unwrap();
        let worst = defence.core_profits(&account).unwrap().into_iter().fold(0.0, f64::min);
        let charges: f64 = defence.charges(&account).unwrap().values().sum();
        let margin = defence.maintenance(&account).unwrap();
        assert!((margin - (charges - worst)).abs() < 0.01, "{margin} {charges} {worst}");
    }
}
