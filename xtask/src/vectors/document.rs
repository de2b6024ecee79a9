//! The shape of `vectors/derive.json`. Fields that only some files have are optional; fields that are not read are
//! ignored.

use std::collections::BTreeMap;

use margin::method::derive::portfolio::{Cash, CollateralHolding, ExpiryHolding, Holdings, OptionHolding, Perp};
use pricing::Right;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use units::Ratio;

/// The file of vectors that the venue's contracts computed.
#[derive(Deserialize)]
pub struct Document {
    #[serde(default)]
    pub parameter_sets: BTreeMap<String, Value>,
    #[serde(default)]
    pub vectors: Vec<Value>,
    #[serde(default)]
    pub black76: Vec<Black76Vector>,
}

/// Reads the file.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    from_json(&mut serde_json::Deserializer::from_str(text))
}

/// Reads a part of the file; the error names the wrong field.
pub fn from_json<'de, T: Deserialize<'de>, D: Deserializer<'de>>(json: D) -> Result<T, String> {
    serde_path_to_error::deserialize(json).map_err(|error| format!("{}: {}", error.path(), error.inner()))
}

/// The description of a vector.
#[derive(Deserialize)]
pub struct Heading {
    pub engine: String,
    pub params: String,
    pub outputs: Value,
    #[serde(default)]
    pub repo_expected: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub repo_tolerance: Option<String>,
    /// The reason why an expected value need not be met.
    #[serde(default)]
    pub repo_note: Option<String>,
}

/// The inputs of a portfolio manager.
#[derive(Deserialize)]
pub struct PortfolioInputs {
    market: MarketInputs,
    positions: PositionInputs,
}

/// The inputs of the standard manager.
#[derive(Deserialize)]
pub struct StandardInputs {
    #[serde(deserialize_with = "number")]
    stable_price: f64,
    #[serde(deserialize_with = "number")]
    cash: f64,
    markets: Vec<StandardMarket>,
}

#[derive(Deserialize)]
struct StandardMarket {
    #[serde(flatten)]
    market: MarketInputs,
    positions: PositionInputs,
}

#[derive(Deserialize)]
struct MarketInputs {
    #[serde(default)]
    underlying: String,
    #[serde(deserialize_with = "number")]
    spot: f64,
    spot_confidence: Ratio,
    #[serde(default = "one", deserialize_with = "number")]
    stable_price: f64,
    #[serde(default, deserialize_with = "number")]
    perp_price: f64,
    #[serde(default = "certain")]
    perp_confidence: Ratio,
    #[serde(default)]
    expiries: Vec<ExpiryInputs>,
}

#[derive(Deserialize)]
struct ExpiryInputs {
    #[serde(deserialize_with = "number")]
    seconds_to_expiry: f64,
    /// The forward, given in two parts or whole.
    #[serde(default, deserialize_with = "number")]
    forward_fixed: f64,
    #[serde(alias = "forward", deserialize_with = "number")]
    forward_variable: f64,
    #[serde(default = "certain")]
    forward_confidence: Ratio,
    #[serde(default, deserialize_with = "number")]
    rate: f64,
    #[serde(default = "certain")]
    rate_confidence: Ratio,
    #[serde(default = "certain")]
    vol_confidence: Ratio,
}

#[derive(Deserialize)]
struct PositionInputs {
    #[serde(default, deserialize_with = "number")]
    cash: f64,
    #[serde(default, deserialize_with = "number")]
    base: f64,
    #[serde(default)]
    perp: PerpInputs,
    #[serde(default)]
    options: Vec<OptionInputs>,
    #[serde(default)]
    collaterals: Vec<CollateralInputs>,
}

#[derive(Default, Deserialize)]
struct PerpInputs {
    #[serde(deserialize_with = "number")]
    amount: f64,
    #[serde(default, deserialize_with = "number")]
    unrealized_pnl: f64,
    #[serde(default, deserialize_with = "number")]
    unsettled_funding: f64,
}

#[derive(Deserialize)]
struct OptionInputs {
    expiry_index: usize,
    #[serde(deserialize_with = "number")]
    strike: f64,
    is_call: bool,
    #[serde(deserialize_with = "number")]
    amount: f64,
    #[serde(deserialize_with = "number")]
    vol: f64,
}

#[derive(Deserialize)]
struct CollateralInputs {
    #[serde(deserialize_with = "number")]
    amount: f64,
    #[serde(deserialize_with = "number")]
    price: f64,
    confidence: Ratio,
    risk_cancelling: bool,
    #[serde(deserialize_with = "number")]
    mm_haircut: f64,
    #[serde(deserialize_with = "number")]
    im_haircut: f64,
}

/// An option priced by the contract and by 60-digit arithmetic.
#[derive(Deserialize)]
pub struct Black76Vector {
    #[serde(deserialize_with = "number")]
    pub seconds_to_expiry: f64,
    #[serde(deserialize_with = "number")]
    pub discount: f64,
    #[serde(deserialize_with = "number")]
    pub vol: f64,
    #[serde(deserialize_with = "number")]
    pub forward: f64,
    #[serde(deserialize_with = "number")]
    pub strike: f64,
    #[serde(deserialize_with = "number")]
    pub exact_call: f64,
    #[serde(deserialize_with = "number")]
    pub exact_put: f64,
}

impl PortfolioInputs {
    /// The holdings as the manager sees them.
    pub fn holdings(self) -> Result<(Holdings, Cash), String> {
        let cash = Cash { amount: self.positions.cash, price: self.market.stable_price };
        Ok((holdings(&self.market, self.positions)?, cash))
    }
}

impl StandardInputs {
    /// The holdings as the manager sees them, by name of the underlying.
    pub fn holdings(self) -> Result<(Vec<(String, Holdings)>, Cash), String> {
        let cash = Cash { amount: self.cash, price: self.stable_price };
        let mut markets = Vec::with_capacity(self.markets.len());
        for StandardMarket { market, positions } in self.markets {
            let held = holdings(&market, positions)?;
            markets.push((market.underlying, held));
        }
        Ok((markets, cash))
    }
}

fn holdings(market: &MarketInputs, positions: PositionInputs) -> Result<Holdings, String> {
    let PerpInputs { amount, unrealized_pnl, unsettled_funding } = positions.perp;
    let mut held = Holdings {
        spot: market.spot,
        spot_confidence: market.spot_confidence,
        perp: Perp {
            amount,
            price: market.perp_price,
            confidence: market.perp_confidence,
            value: unrealized_pnl + unsettled_funding,
        },
        base: positions.base,
        collaterals: positions.collaterals.iter().map(collateral).collect(),
        expiries: market.expiries.iter().map(expiry).collect(),
    };
    for (index, option) in positions.options.into_iter().enumerate() {
        let OptionInputs { expiry_index, strike, is_call, amount, vol } = option;
        let right = if is_call { Right::Call } else { Right::Put };
        let known = held.expiries.len();
        let expiry = held.expiries.get_mut(expiry_index).ok_or_else(|| {
            format!("positions.options[{index}].expiry_index: found {expiry_index}, expected less than {known}")
        })?;
        expiry.options.push(OptionHolding { strike, right, amount, vol });
    }
    Ok(held)
}

fn collateral(inputs: &CollateralInputs) -> CollateralHolding {
    let CollateralInputs { amount, price, confidence, risk_cancelling, mm_haircut, im_haircut } = *inputs;
    CollateralHolding { amount, price, confidence, risk_cancelling, mm_haircut, im_haircut }
}

fn expiry(inputs: &ExpiryInputs) -> ExpiryHolding {
    ExpiryHolding {
        seconds: inputs.seconds_to_expiry,
        forward_variable: inputs.forward_variable,
        forward_fixed: inputs.forward_fixed,
        rate: inputs.rate,
        forward_confidence: inputs.forward_confidence,
        rate_confidence: inputs.rate_confidence,
        vol_confidence: inputs.vol_confidence,
        options: Vec::new(),
    }
}

fn one() -> f64 {
    1.0
}

fn certain() -> Ratio {
    Ratio::ONE
}

/// A number as decimal text, or as JSON writes integers: the nearest `f64`.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    number_of(&value)
        .ok_or_else(|| serde::de::Error::custom(format!("found {value}, expected a decimal number as text")))
}

/// The number in a JSON value, when it is one.
pub fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
}
