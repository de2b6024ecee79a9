//! The answer of a margin method: requirement and equity of an account, with an explanation.

use model::QuotePrice;
use serde::{Deserialize, Serialize};
use units::{Decimal as _, Money, Overflow, Quantity, Ratio, Round};

use crate::{RequirementState, Standing, Words};

/// Decimals of a requirement in USD. A requirement is rounded up to this many decimals, once.
const REQUIREMENT_DECIMALS: u32 = 12;

/// The requirement of one account under one method, with its workings.
///
/// Two identities hold exactly, in the printed decimals, for every method:
/// `initial_margin = core.loss + Σ charges.initial` and `maintenance_margin = core.loss + Σ charges.maintenance`;
/// and the contributions of positions and balances sum to `core.loss`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Assessment {
    /// The account's name.
    pub account: String,
    /// Whether the method knows the requirement.
    pub requirement: RequirementState,
    /// Equity of the account at current index and mark, in USD (VAL-1).
    pub equity: Money,
    /// `equity` less the value that the method does not accept.
    pub counted_equity: Money,
    /// Required to take new risk, in USD. When the requirement is only partly known, the known part.
    pub initial_margin: Money,
    /// Required to keep the positions, in USD. When the requirement is only partly known, the known part.
    pub maintenance_margin: Money,
    /// `counted_equity − maintenance_margin`; none when the requirement is not known.
    pub excess: Option<Money>,
    /// `counted_equity / maintenance_margin`; none when nothing is required or the requirement is not known (REQ-5).
    pub health: Option<Ratio>,
    /// The first band of REQ-5 that holds for the counted equity.
    pub status: Standing,
    /// The scan loss to which the charges are added.
    pub core: Core,
    /// The loss of every family of scenarios; the core is the largest loss.
    pub families: Vec<Family>,
    /// The charges added to the core, line by line. A venue's factor or relief is a line too, and may be negative.
    pub charges: Vec<Charge>,
    /// The sum of the maintenance margins of every position and balance held alone.
    pub standalone_margin: Money,
    /// The margin saved by portfolio treatment: `standalone_margin − maintenance_margin`.
    pub offset: Money,
    /// Sensitivities by underlying.
    pub greeks: Vec<UnderlyingGreeks>,
    /// Each position's size, value and share of the core.
    pub positions: Vec<PositionPart>,
    /// Each balance's value, share of the core and haircut.
    pub balances: Vec<BalancePart>,
    /// Profit and loss of every scenario, when requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioPnl>,
    /// The conversions made, and the uncertain points of the method.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The status of an account (REQ-5), worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Equity below zero.
    Bankrupt,
    /// Equity below the maintenance margin.
    Liquidation,
    /// Equity below `warn` times the maintenance margin, and below the initial margin.
    Warning,
    /// Equity below the initial margin: the account may only reduce risk.
    Restricted,
    /// Equity at or above every threshold.
    Healthy,
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Bankrupt => "bankrupt",
            Self::Liquidation => "below maintenance margin",
            Self::Warning => "near maintenance margin",
            Self::Restricted => "below initial margin",
            Self::Healthy => "healthy",
        })
    }
}

/// The binding scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Core {
    /// The family it belongs to.
    pub family: Words,
    /// The scenario in words.
    pub scenario: Words,
    /// The account's loss in the scenario, in USD, at least 0.
    pub loss: Money,
}

/// The result of one family of scenarios.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Family {
    /// The family's name, such as `scan alone`.
    pub family: Words,
    /// Its aggregated loss, in USD.
    pub loss: Money,
    /// The scenario that determines the loss, in words.
    pub scenario: Words,
}

/// One line added to the core.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Charge {
    /// The name of the line, such as `liquidity`.
    pub charge: Words,
    /// Added to the initial margin, in USD.
    pub initial: Money,
    /// Added to the maintenance margin, in USD.
    pub maintenance: Money,
}

/// Sensitivities of an account to one underlying, in USD.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnderlyingGreeks {
    /// The underlying's name.
    pub underlying: String,
    /// Delta: units of the underlying with the same price sensitivity.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub delta: f64,
    /// `delta` valued at the index.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub delta_usd: f64,
    /// Change of `delta_usd` for a move of one per cent.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub gamma_1pct_usd: f64,
    /// Change of the value for one volatility point.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub vega_usd: f64,
    /// Change of the value in one day, all else unchanged.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub theta_usd_day: f64,
    /// Change of the value for one percentage point of the rate.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub rho_usd: f64,
    /// Change of `delta_usd` for one volatility point.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub vanna_usd: f64,
    /// Change of `vega_usd` for one volatility point.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub volga_usd: f64,
}

/// One position in the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PositionPart {
    /// The name of the instrument.
    pub instrument: String,
    /// The size of the position and its prices.
    #[serde(flatten)]
    pub exposure: Exposure,
    /// Its value in USD (VAL-2).
    pub value: Money,
    /// Its share of the core; negative when it hedges.
    pub contribution: Money,
    /// The maintenance margin it would need alone.
    pub standalone: Money,
}

/// The size of a position.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exposure {
    /// Contracts, negative when short.
    pub quantity: Quantity,
    /// The size of these contracts, in `unit`, negative when short.
    pub amount: Quantity,
    /// The unit of the size: the underlying, or the quote of an inverse perpetual or future.
    pub unit: String,
    /// The entry price, in the quote.
    pub entry: QuotePrice,
    /// The mark, in the quote.
    pub mark: QuotePrice,
    /// The asset in which mark and entry are written.
    pub quote: String,
    /// The notional of the contracts in USD, without sign: see [`crate::exposure::notional`].
    pub notional: Money,
    /// Delta: units of the underlying with the same price sensitivity as the contracts.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub delta: f64,
}

/// One balance in the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BalancePart {
    /// The asset's name.
    pub asset: String,
    /// The chain, bridge or custodian that holds it; none is the venue itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its value in USD.
    pub value: Money,
    /// Its share of the core.
    pub contribution: Money,
    /// The haircut of the method on this balance, in USD.
    pub haircut: Money,
}

/// The profit of the account in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScenarioPnl {
    /// The name of the scenario's family.
    pub family: Words,
    /// The scenario in words.
    pub scenario: Words,
    /// Profit, in USD; a loss is negative.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Ratio>"))]
    pub pnl: f64,
}

/// Checks that [`requirement`] gives a result for `usd`.
pub(crate) fn is_requirement(usd: f64) -> Result<(), Overflow> {
    // Below this size the number always fits fixed point, so the conversion is skipped.
    if usd.abs() < 1e18 { Ok(()) } else { requirement(usd).map(|_| ()) }
}

/// A risk number as a required amount of money: rounded up, once, when it leaves the risk calculation.
pub fn requirement(usd: f64) -> Result<Money, Overflow> {
    // A shortcut: most charges of most accounts are 0.
    if usd == 0.0 {
        return Ok(Money::ZERO);
    }
    Money::from_f64(usd, Round::Up)?.to_decimals(REQUIREMENT_DECIMALS, Round::Up)
}

/// The first status of REQ-5 that applies.
pub fn status(equity: Money, initial: Money, maintenance: Money, warn: Ratio) -> Result<Status, Overflow> {
    assert!(initial >= maintenance, "REQ-3: initial margin {initial} is below maintenance margin {maintenance}");
    Ok(if equity.is_negative() {
        Status::Bankrupt
    } else if equity < maintenance {
        Status::Liquidation
    } else if equity >= initial {
        Status::Healthy
    } else if equity < maintenance.scaled(warn, Round::Up)? {
        Status::Warning
    } else {
        Status::Restricted
    })
}

/// The given parts as money that sums to `whole` exactly: each part is rounded to the decimals of a requirement, and
/// the difference to `whole` is added to the largest part.
pub fn shares(parts: &[f64], whole: Money) -> Result<Vec<Money>, Overflow> {
    let mut shares = Vec::with_capacity(parts.len());
    let mut left = whole;
    let mut largest = 0;
    for (index, part) in parts.iter().enumerate() {
        let share = requirement(*part)?;
        left = left.minus(share)?;
        shares.push(share);
        if part.abs() > parts[largest].abs() {
            largest = index;
        }
    }
    if let Some(share) = shares.get_mut(largest) {
        *share = share.plus(left)?;
    }
    let sum = || shares.iter().fold(0_i128, |sum, share| sum.wrapping_add(share.raw()));
    debug_assert!(shares.is_empty() || sum() == whole.raw(), "REQ-6: the shares sum to {whole}");
    Ok(shares)
}

/// The number as decimal text, the form that documents use; null when it is not finite or does not fit.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn as_text<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Ratio::shortest(*number).ok().serialize(serializer)
}
