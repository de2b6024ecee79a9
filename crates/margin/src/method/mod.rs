//! The margin methods: each a short file that reads like the venue's own document, and the table of all methods.

pub mod deribit;
pub mod derive;
pub mod paradex;
#[cfg(feature = "schema")]
pub mod schema;
pub mod universal;

use model::{Account, InstrumentId, Invalid, Market};
use pricing::kernel::Isa;
use serde::de::DeserializeOwned;
use units::Ratio;

use crate::assess::Judge;
use crate::book::VenueParameters;
use crate::greeks::{Greeks, Known};
use crate::params::{self, Evidence, Params};
use crate::scenario::ScenarioSet;
use crate::{About, Refusal, Workings};

/// A method that can be selected by name.
pub struct Method {
    /// Its description, and how far it is proven.
    pub about: &'static About,
    /// The parameter file that comes with the program.
    pub params: &'static str,
    parse: fn(&str) -> Result<Box<dyn Rulebook>, Invalid>,
}

/// Every method, in the order in which they are compared.
pub const METHODS: &[Method] = &[
    Method { about: &universal::ABOUT, params: universal::PARAMS, parse: |text| Ok(Box::new(universal::parse(text)?)) },
    Method {
        about: &deribit::portfolio::ABOUT,
        params: deribit::portfolio::PARAMS,
        parse: |text| venue(&deribit::portfolio::ABOUT, text, deribit::portfolio::workings),
    },
    Method {
        about: &deribit::standard::ABOUT,
        params: deribit::standard::PARAMS,
        parse: |text| venue(&deribit::standard::ABOUT, text, deribit::standard::workings),
    },
    Method {
        about: &paradex::portfolio::ABOUT,
        params: paradex::portfolio::PARAMS,
        parse: |text| venue(&paradex::portfolio::ABOUT, text, paradex::portfolio::workings),
    },
    Method {
        about: &paradex::cross::ABOUT,
        params: paradex::cross::PARAMS,
        parse: |text| venue(&paradex::cross::ABOUT, text, paradex::cross::workings),
    },
    Method {
        about: &derive::pmrm2::ABOUT,
        params: derive::pmrm2::PARAMS,
        parse: |text| venue(&derive::pmrm2::ABOUT, text, derive::pmrm2::workings),
    },
    Method {
        about: &derive::pmrm::ABOUT,
        params: derive::pmrm::PARAMS,
        parse: |text| venue(&derive::pmrm::ABOUT, text, derive::pmrm::workings),
    },
    Method {
        about: &derive::standard::ABOUT,
        params: derive::standard::PARAMS,
        parse: |text| venue(&derive::standard::ABOUT, text, derive::standard::workings),
    },
];

/// A venue's parameter file, combined with the function that applies it.
fn venue<P: VenueParameters + DeserializeOwned + Send + Sync + 'static>(
    about: &'static About,
    text: &str,
    workings: VenueWorkings<P>,
) -> Result<Box<dyn Rulebook>, Invalid> {
    Ok(Box::new(VenueRulebook { about, params: Params::parse(text)?, workings }))
}

impl Method {
    /// The method with that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.about.name == name)
    }

    /// The rules of the method, read from a parameter file.
    pub fn rulebook(&self, params: &str) -> Result<Box<dyn Rulebook>, Invalid> {
        params::written_for(params, self.about.name)?;
        (self.parse)(params)
    }
}

/// Options for applying a method.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether contracts that a venue does not list are refused instead of converted.
    pub strict: bool,
    /// Families from a scenario document (FAM-4, FAM-5), for the universal method.
    pub scenarios: ScenarioSet,
    /// The instruction set for pricing. Every one gives the same bits.
    pub isa: Isa,
    /// Whether answers list every scenario with its profit.
    pub list_scenarios: bool,
}

impl Default for Options {
    /// Conversions allowed, no scenario document, the widest instruction set, no list.
    fn default() -> Self {
        Self { strict: false, scenarios: ScenarioSet::default(), isa: Isa::detect(), list_scenarios: false }
    }
}

/// The parameters of one method, ready for any market, on any number of threads.
pub trait Rulebook: Send + Sync {
    /// Name and date of the parameters, such as `universal/2026-11-30`.
    fn name(&self) -> String;

    /// BLAKE3 of the parameter file.
    fn hash(&self) -> &str;

    /// Every value with its evidence.
    fn evidence(&self) -> &[Evidence];

    /// The rules of the universal method, over whose scan range stress grids are laid; none for a venue's method.
    fn universal(&self) -> Option<&universal::rules::Rules> {
        None
    }

    /// The method in one market.
    fn judge<'a>(&'a self, market: &'a Market, options: &Options) -> Result<Box<dyn Judge + 'a>, Refusal>;
}

impl Rulebook for Params<universal::rules::Rules> {
    fn name(&self) -> String {
        Self::name(self)
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    fn universal(&self) -> Option<&universal::rules::Rules> {
        Some(&self.rules)
    }

    fn judge<'a>(&'a self, market: &'a Market, options: &Options) -> Result<Box<dyn Judge + 'a>, Refusal> {
        let universal = universal::prepare(market, &self.rules, &options.scenarios, options.isa)?;
        Ok(Box::new(universal.listing_scenarios(options.list_scenarios)))
    }
}

/// The workings of a venue's method: a function of account, market, parameters, and `strict`.
type VenueWorkings<P> = fn(&Account, &Market, &P, bool) -> Result<Workings, Refusal>;

/// A venue's parameters with the function that applies them.
struct VenueRulebook<P> {
    about: &'static About,
    params: Params<P>,
    workings: VenueWorkings<P>,
}

impl<P: VenueParameters + Send + Sync> Rulebook for VenueRulebook<P> {
    fn name(&self) -> String {
        self.params.name()
    }

    fn hash(&self) -> &str {
        &self.params.hash
    }

    fn evidence(&self) -> &[Evidence] {
        &self.params.evidence
    }

    fn judge<'a>(&'a self, market: &'a Market, options: &Options) -> Result<Box<dyn Judge + 'a>, Refusal> {
        let Options { strict, list_scenarios, .. } = *options;
        Ok(Box::new(VenueJudge { rulebook: self, market, known: Known::new(market), strict, list_scenarios }))
    }
}

/// A venue's method in one market.
struct VenueJudge<'a, P> {
    rulebook: &'a VenueRulebook<P>,
    market: &'a Market,
    known: Known,
    strict: bool,
    list_scenarios: bool,
}

impl<P: VenueParameters + Send + Sync> Judge for VenueJudge<'_, P> {
    fn workings(&self, account: &Account) -> Result<Workings, Refusal> {
        let VenueRulebook { about, params, workings } = self.rulebook;
        let mut workings = workings(account, self.market, &params.rules, self.strict)?;
        if !self.list_scenarios {
            workings.scenarios.clear();
        }
        workings.notes.extend(about.uncertain.iter().map(|doubt| format!("uncertain: {doubt}")));
        Ok(workings)
    }

    fn sensitivities(&self, id: InstrumentId) -> Result<Greeks, Refusal> {
        self.known.of_contract(id, self.market, self.settlement_window())
    }

    fn market(&self) -> &Market {
        self.market
    }

    /// Venues publish no warning band between healthy and liquidation, so the warning level is the maintenance margin itself.
    fn warn(&self) -> Ratio {
        Ratio::ONE
    }

    fn settlement_window(&self) -> f64 {
        self.rulebook.params.rules.listed().settlement_seconds
    }

    /// A venue's scenarios are part of its parameters.
    fn scenarios(&self) -> String {
        self.rulebook.params.hash.clone()
    }
}
