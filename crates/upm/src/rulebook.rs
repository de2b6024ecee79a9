//! A method by its name, with its parameters.

use margin::About;
use margin::method::{self, METHODS, Method, Options};
use margin::params::Evidence;
use margin::scenario::ScenarioSet;
use model::Market;

use crate::{Error, Judge};

/// The method that is upm's own.
pub(crate) const UNIVERSAL: &str = "universal";

/// A method with its parameters, ready for any market and any number of threads.
pub struct Rulebook {
    pub(crate) method: &'static Method,
    pub(crate) rules: Box<dyn method::Rulebook>,
    pub(crate) options: Options,
}

impl Rulebook {
    /// The names of all methods, in the order in which they are compared: `universal`, then those of the venues.
    pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
        METHODS.iter().map(|method| method.about.name)
    }

    /// The method of that name with the parameters that come with this crate.
    ///
    /// ```
    /// let paradex = upm::Rulebook::named("paradex")?;
    /// assert!(paradex.params().starts_with("paradex/"));
    /// assert!(upm::Rulebook::named("paradise").is_err());
    /// # Ok::<(), upm::Error>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, Error> {
        let method = method_named(name)?;
        Self::read(method, method.params)
    }

    /// The method of that name with other parameters: the text of a parameter file, TOML or JSON.
    pub fn with_params(name: &str, params: &str) -> Result<Self, Error> {
        Self::read(method_named(name)?, params)
    }

    fn read(method: &'static Method, params: &str) -> Result<Self, Error> {
        Ok(Self { method, rules: method.rulebook(params)?, options: Options::default() })
    }

    /// The same rules of a venue, which refuse what the venue does not list in place of converting it.
    pub fn strict(mut self) -> Result<Self, Error> {
        if self.about().name == UNIVERSAL {
            let expected = "a venue's method: the universal one converts nothing";
            return Err(Error::Option { option: "strict", found: UNIVERSAL, expected });
        }
        self.options.strict = true;
        Ok(self)
    }

    /// The same rules of the universal method, with more families of scenarios (FAM-4, FAM-5). They are those of a
    /// document that was read for the market that is judged.
    pub fn with_scenarios(mut self, scenarios: ScenarioSet) -> Result<Self, Error> {
        let found = self.about().name;
        if found != UNIVERSAL {
            return Err(Error::Option { option: "scenarios", found, expected: "method universal" });
        }
        self.options.scenarios = scenarios;
        Ok(self)
    }

    /// The same rules, whose answers list every scenario with its profit.
    #[must_use]
    pub fn listing_scenarios(mut self) -> Self {
        self.options.list_scenarios = true;
        self
    }

    /// What the method is, where it is written down, and how far it is proven.
    pub fn about(&self) -> &'static About {
        self.method.about
    }

    /// Name and date of the parameters, such as `universal/2026-11-30`.
    pub fn params(&self) -> String {
        self.rules.name()
    }

    /// Every parameter with its reason, its date and its source.
    pub fn evidence(&self) -> &[Evidence] {
        self.rules.evidence()
    }

    /// The method in one market: the market is revalued once, and any number of accounts can then be asked about.
    pub fn judge<'a>(&'a self, market: &'a Market) -> Result<Judge<'a>, Error> {
        Judge::new(self, market)
    }
}

impl std::fmt::Debug for Rulebook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rulebook").field("params", &self.params()).finish_non_exhaustive()
    }
}

fn method_named(name: &str) -> Result<&'static Method, Error> {
    Method::named(name).ok_or_else(|| {
        let known = Rulebook::names().collect::<Vec<_>>().join(", ");
        Error::UnknownMethod { found: name.to_owned(), known }
    })
}
