//! `upm.scenarios/1`: families computed elsewhere from history or a model (FAM-4, FAM-5), as a document.
//!
//! ```json
//! {
//!   "format": "upm.scenarios/1",
//!   "name": "sample/2026-11-22",
//!   "about": "how it was computed",
//!   "underlyings": ["BTC", "ETH"],
//!   "assets": ["USDC"],
//!   "families": [{
//!     "family": "simulated, measured", "aggregation": "expected_shortfall", "level": "0.99", "weight": "1",
//!     "scenarios": [{"name": "m-001", "price": ["-0.031", "-0.042"], "vol": ["0.12", "0.1"], "residual": ["0"]}]
//!   }],
//!   "hash": "BLAKE3 of the compact JSON of this document without its hash"
//! }
//! ```
//!
//! `price` and `vol` are in the order of `underlyings`; `residual` (optional) is in the order of `assets`. A market
//! with an underlying that the document does not move is refused, because that underlying would seem free of risk. A
//! basket moves with its parts (SCN-7), so a document that also names the basket is refused.

use model::{Invalid, Market, UnderlyingId, read_json};
use serde::{Deserialize, Serialize};
use units::Ratio;

use crate::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove};

/// The `format` of a scenario document.
pub const SCENARIOS_FORMAT: &str = "upm.scenarios/1";

/// A set of scenarios, as a document `upm.scenarios/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScenarioDocument {
    /// The name of the format: [`SCENARIOS_FORMAT`].
    pub format: String,
    /// Name and date of the set.
    pub name: String,
    /// How the set was computed, in a few sentences.
    pub about: String,
    /// The underlyings that the set moves, in the order of every `price` and `vol`.
    pub underlyings: Vec<String>,
    /// The assets that the set moves on top, in the order of every `residual`.
    #[serde(default)]
    pub assets: Vec<String>,
    /// The families of scenarios.
    pub families: Vec<FamilyDocument>,
    /// BLAKE3 of the compact JSON of the document without this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// A family of a scenario document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FamilyDocument {
    /// The family's name, unique in the document.
    pub family: String,
    /// The way in which its scenarios become one loss.
    pub aggregation: AggregationDocument,
    /// The level of an expected shortfall, such as 0.975.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Ratio>,
    /// The factor on every profit and loss; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Ratio>,
    /// The scenarios of the family.
    pub scenarios: Vec<MoveDocument>,
}

/// How a family of a document is aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AggregationDocument {
    /// The largest loss.
    Worst,
    /// The mean of the outcomes beyond `level`.
    ExpectedShortfall,
}

/// One scenario of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MoveDocument {
    /// The scenario in words.
    pub name: String,
    /// Relative move of every underlying.
    pub price: Vec<Ratio>,
    /// Relative move of every underlying's volatility at 30 days.
    pub vol: Vec<Ratio>,
    /// Relative move of every asset on top of the underlying it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<Vec<Ratio>>,
}

impl ScenarioDocument {
    /// Reads a document and checks its hash.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let document: Self = read_json(text)?;
        if document.format != SCENARIOS_FORMAT {
            return Err(Invalid::new("format", &document.format, SCENARIOS_FORMAT));
        }
        let computed = document.computed_hash();
        match &document.hash {
            Some(hash) if *hash == computed => Ok(document),
            Some(hash) => {
                Err(Invalid::new("hash", hash, format_args!("{computed}, the hash of what the document says")))
            }
            None => Err(Invalid::missing("hash", format_args!("{computed}, the hash of what the document says"))),
        }
    }

    /// BLAKE3 of the compact JSON of this document without its hash.
    pub fn computed_hash(&self) -> String {
        let unsealed = Self { hash: None, ..self.clone() };
        let text = serde_json::to_string(&unsealed).expect("a document of text and lists is JSON");
        blake3::hash(text.as_bytes()).to_string()
    }

    /// The families as scenarios for `market`.
    pub fn scenarios_for(&self, market: &Market) -> Result<ScenarioSet, Invalid> {
        if self.assets.iter().any(|name| name == "USD") {
            return Err(Invalid::new("assets", "\"USD\"", "any other asset: USD is what the others are measured in"));
        }
        for (path, names) in [("underlyings", &self.underlyings), ("assets", &self.assets)] {
            if let Some(twice) =
                names.iter().enumerate().find_map(|(place, name)| names[..place].contains(name).then_some(name))
            {
                return Err(Invalid::new(path, format_args!("\"{twice}\" again"), "each name once"));
            }
        }
        let place = |id: UnderlyingId| {
            let name = &market.underlyings[id.0].name;
            let place = self.underlyings.iter().position(|underlying| underlying == name);
            match (place, market.is_basket(id)) {
                (place, false) => place.map(Some).ok_or_else(|| {
                    Invalid::missing("underlyings", format_args!("\"{name}\", an underlying of the market"))
                }),
                (None, true) => Ok(None),
                (Some(place), true) => {
                    let found = format_args!("\"{name}\", a basket in the market");
                    let expected = "its parts alone, for a basket moves with them (SCN-7)";
                    Err(Invalid::new(format!("underlyings[{place}]"), found, expected))
                }
            }
        };
        let underlyings: Vec<Option<usize>> =
            (0..market.underlyings.len()).map(|id| place(UnderlyingId(id))).collect::<Result<_, _>>()?;
        let assets: Vec<Option<usize>> =
            market.assets.iter().map(|asset| self.assets.iter().position(|name| *name == asset.name)).collect();
        let mut set = ScenarioSet::default();
        for (index, family) in self.families.iter().enumerate() {
            let path = format!("families[{index}]");
            let aggregation = family.aggregation(&path)?;
            let weight = between(family.weight.unwrap_or(Ratio::ONE), 0.0, 1.0, &format!("{path}.weight"))?;
            if weight == 0.0 || family.scenarios.is_empty() {
                return Err(Invalid::missing(format!("{path}.scenarios"), "at least one scenario that counts"));
            }
            let mut scenarios = Vec::with_capacity(family.scenarios.len());
            for (number, entry) in family.scenarios.iter().enumerate() {
                let path = format!("{path}.scenarios[{number}]");
                let mut scenario = self.read_moves(entry, market, (&underlyings, &assets), &path)?;
                scenario.weight = weight;
                scenarios.push(scenario);
            }
            set.add(&family.family, aggregation, scenarios);
        }
        Ok(set)
    }

    fn read_moves(
        &self,
        entry: &MoveDocument,
        market: &Market,
        (underlyings, assets): (&[Option<usize>], &[Option<usize>]),
        path: &str,
    ) -> Result<Scenario, Invalid> {
        let none = Vec::new();
        let residual = entry.residual.as_ref().unwrap_or(&none);
        for (field, list, wanted) in [
            ("price", &entry.price, self.underlyings.len()),
            ("vol", &entry.vol, self.underlyings.len()),
            ("residual", residual, if entry.residual.is_some() { self.assets.len() } else { 0 }),
        ] {
            if list.len() != wanted {
                let found = format_args!("{} numbers", list.len());
                return Err(Invalid::new(
                    format!("{path}.{field}"),
                    found,
                    format_args!("{wanted}, one for each name"),
                ));
            }
        }
        let mut scenario = Scenario::still(entry.name.clone(), market);
        let moves = scenario.moves.iter_mut().zip(underlyings);
        for (shift, place) in moves.filter_map(|(shift, place)| Some((shift, place.as_ref()?))) {
            let price = between(entry.price[*place], -0.999, 1000.0, &format!("{path}.price[{place}]"))?;
            let vol = between(entry.vol[*place], -1.0, 1000.0, &format!("{path}.vol[{place}]"))?;
            *shift = Move { price, vol: VolMove::Level(vol), ..Move::NONE };
        }
        for (shift, place) in scenario.residuals.iter_mut().zip(assets) {
            if let Some(move_of) = place.and_then(|place| residual.get(place)) {
                *shift = between(*move_of, -1.0, 1000.0, &format!("{path}.residual"))?;
            }
        }
        Ok(scenario)
    }
}

impl FamilyDocument {
    fn aggregation(&self, path: &str) -> Result<Aggregation, Invalid> {
        let path = format!("{path}.level");
        match (self.aggregation, self.level) {
            (AggregationDocument::Worst, None) => Ok(Aggregation::Worst),
            (AggregationDocument::Worst, Some(level)) => Err(Invalid::new(path, level, "none: the worst has no level")),
            (AggregationDocument::ExpectedShortfall, Some(level)) => {
                Ok(Aggregation::ExpectedShortfall(between(level, 0.5, 0.9999, &path)?))
            }
            (AggregationDocument::ExpectedShortfall, None) => Err(Invalid::missing(path, "a level such as \"0.975\"")),
        }
    }
}

fn between(value: Ratio, low: f64, high: f64, path: &str) -> Result<f64, Invalid> {
    let number = value.to_f64();
    if (low..=high).contains(&number) {
        return Ok(number);
    }
    Err(Invalid::new(path, value, format_args!("a number from {low} to {high}")))
}
