//! The answer: what an account must hold, what it holds, and why.

use model::QuotePrice;
use serde::{Deserialize, Serialize};
use units::{Decimal as _, Money, Overflow, Quantity, Ratio, Round};

use crate::{RequirementState, Standing};

/// Decimals of a requirement in USD. Requirements round up to here, once.
const REQUIREMENT_DECIMALS: u32 = 12;

/// The line that lifts an initial margin to the maintenance margin.
const AT_LEAST_MAINTENANCE: &str = "initial margin is at least the maintenance margin";

/// The line that takes back what the errors of doubles leave below nothing.
const ROUNDING: &str = "rounding";

/// The part of the sizes in a sum of doubles that may be its error.
const NOISE: f64 = 1e-12;

/// What one account must hold under one method, with its workings.
///
/// Two identities hold exactly, in the printed decimals, for every method:
/// `initial_margin = core.loss + Σ charges.initial` and `maintenance_margin = core.loss + Σ charges.maintenance`;
/// and the contributions of positions and balances sum to `core.loss`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The account's name.
    pub account: String,
    /// Whether what the method asks for is known.
    pub requirement: RequirementState,
    /// What the account is worth at current index and mark, in USD (VAL-1).
    pub equity: Money,
    /// `equity` less what the method does not accept.
    pub counted_equity: Money,
    /// Required to take new risk, in USD; of what is known, where not all is.
    pub initial_margin: Money,
    /// Required to keep what it has, in USD; of what is known, where not all is.
    pub maintenance_margin: Money,
    /// `counted_equity − maintenance_margin`; none when the requirement is not known.
    pub excess: Option<Money>,
    /// `counted_equity / maintenance_margin`; none when nothing is required or the requirement is not known (REQ-5).
    pub health: Option<Ratio>,
    /// The first band of REQ-5 that holds for the counted equity.
    pub status: Standing,
    /// The scan loss that everything else is added to.
    pub core: Core,
    /// The loss of every family of scenarios; the core is the largest.
    pub families: Vec<Family>,
    /// What is added to the core, line by line. A venue's factor or relief is a line too, and may be negative.
    pub charges: Vec<Charge>,
    /// The sum of the maintenance margins of every position and balance held alone.
    pub standalone_margin: Money,
    /// What portfolio treatment saved: `standalone_margin − maintenance_margin`.
    pub offset: Money,
    /// Sensitivities by underlying.
    pub greeks: Vec<UnderlyingGreeks>,
    /// Each position's part.
    pub positions: Vec<PositionPart>,
    /// Each balance's part.
    pub balances: Vec<BalancePart>,
    /// Profit and loss of every scenario, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioPnl>,
    /// Conversions made and what is uncertain about the method.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How an account stands (REQ-5), worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Equity below zero.
    Bankrupt,
    /// Equity below the maintenance margin.
    Liquidation,
    /// Equity below `warn` times the maintenance margin.
    Warning,
    /// Equity below the initial margin: may only reduce risk.
    Restricted,
    /// None of the others.
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
pub struct Core {
    /// The family it belongs to.
    pub family: String,
    /// The scenario in words.
    pub scenario: String,
    /// What the account loses in it, in USD, at least 0.
    pub loss: Money,
}

/// What one family of scenarios says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    /// The family's name, such as `scan-alone`.
    pub family: String,
    /// Its aggregated loss, in USD.
    pub loss: Money,
    /// The scenario that decided, in words.
    pub scenario: String,
}

/// One line added to the core.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Charge {
    /// The name of the line, such as `liquidity`.
    pub charge: String,
    /// Added to the initial margin, in USD.
    pub initial: Money,
    /// Added to the maintenance margin, in USD.
    pub maintenance: Money,
}

/// Sensitivities of an account to one underlying, in USD.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnderlyingGreeks {
    /// The underlying's name.
    pub underlying: String,
    /// Units of the underlying that move as much.
    #[serde(serialize_with = "as_text")]
    pub delta: f64,
    /// `delta` at the index.
    #[serde(serialize_with = "as_text")]
    pub delta_usd: f64,
    /// Change of `delta_usd` for a move of one per cent.
    #[serde(serialize_with = "as_text")]
    pub gamma_1pct_usd: f64,
    /// Change of the value for one volatility point.
    #[serde(serialize_with = "as_text")]
    pub vega_usd: f64,
    /// Change of the value in one day, all else unchanged.
    #[serde(serialize_with = "as_text")]
    pub theta_usd_day: f64,
    /// For one percentage point of the rate.
    #[serde(serialize_with = "as_text")]
    pub rho_usd: f64,
    /// Change of `delta_usd` for one volatility point.
    #[serde(serialize_with = "as_text")]
    pub vanna_usd: f64,
    /// Change of `vega_usd` for one volatility point.
    #[serde(serialize_with = "as_text")]
    pub volga_usd: f64,
}

/// One position in the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PositionPart {
    /// The name of the instrument.
    pub instrument: String,
    /// How much of it, and at which prices.
    #[serde(flatten)]
    pub exposure: Exposure,
    /// Its value in USD (VAL-2).
    pub value: Money,
    /// Its share of the core; negative when it hedges.
    pub contribution: Money,
    /// The maintenance margin it would need alone.
    pub standalone: Money,
}

/// How large a position is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exposure {
    /// Contracts, negative when short.
    pub quantity: Quantity,
    /// The size of these contracts, in `unit`, negative when short.
    pub amount: Quantity,
    /// What the size is counted in: the underlying, or the quote of an inverse perpetual or future.
    pub unit: String,
    /// The price it was entered at, in the quote.
    pub entry: QuotePrice,
    /// The mark, in the quote.
    pub mark: QuotePrice,
    /// The asset that mark and entry are written in.
    pub quote: String,
    /// What the contracts are on, in USD, whatever the side: see [`crate::exposure::notional`].
    pub notional: Money,
    /// Units of the underlying that move as much as the contracts do.
    #[serde(serialize_with = "as_text")]
    pub delta: f64,
}

/// One balance in the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// What the method holds back from it, in USD.
    pub haircut: Money,
}

/// The account in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScenarioPnl {
    /// The name of the scenario's family.
    pub family: String,
    /// The scenario in words.
    pub scenario: String,
    /// Profit, in USD; a loss is negative.
    #[serde(serialize_with = "as_text")]
    pub pnl: f64,
}

/// What a method works out for one account, before rounding: every number in USD, losses positive.
#[derive(Clone, Debug, Default)]
pub struct Workings {
    /// Whether they are all that is required.
    pub state: RequirementState,
    /// The families, each with its loss and the scenario that decided. The core is the largest, the first on a tie.
    pub families: Vec<(String, f64, String)>,
    /// Lines added to the core: name, initial, maintenance.
    pub charges: Vec<(String, f64, f64)>,
    /// Each position's part of the core, in the order of the account.
    pub position_contributions: Vec<f64>,
    /// Each balance's part of the core, in the order of the account.
    pub balance_contributions: Vec<f64>,
    /// What is held back from each balance, in the order of the account.
    pub haircuts: Vec<f64>,
    /// Every scenario: family, words, profit.
    pub scenarios: Vec<(String, String, f64)>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Workings {
    /// The largest family, and its loss with a floor of 0.
    pub fn core(&self) -> (usize, f64) {
        let mut worst = 0;
        for (index, family) in self.families.iter().enumerate() {
            if family.1 > self.families[worst].1 {
                worst = index;
            }
        }
        (worst, self.families.get(worst).map_or(0.0, |family| family.1.max(0.0)))
    }

    /// Every amount times `factor`: what is required in one currency, in another.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for (_, loss, _) in &mut self.families {
            *loss *= factor;
        }
        for (_, initial, maintenance) in &mut self.charges {
            *initial *= factor;
            *maintenance *= factor;
        }
        for (_, _, pnl) in &mut self.scenarios {
            *pnl *= factor;
        }
        let parts = self.position_contributions.iter_mut().chain(&mut self.balance_contributions);
        parts.chain(&mut self.haircuts).for_each(|part| *part *= factor);
        self
    }

    /// Core and charges as money, each rounded up once: `(core, charges, initial margin, maintenance margin)`.
    ///
    /// The margins are the sums of the rounded lines, so that what is printed adds up. A family that is no number is out
    /// of range, for no other family may stand in for it. A method whose initial margin is not below 0 but below its
    /// maintenance margin gets a line for the difference: who may keep a position may not be asked more than who takes it.
    /// What the errors of doubles leave below nothing is taken back in a line of its own.
    pub fn requirement(&self) -> Result<(Money, Vec<Charge>, Money, Money), Overflow> {
        self.families.iter().try_for_each(|(_, loss, _)| requirement(*loss).map(|_| ()))?;
        let core = requirement(self.core().1)?;
        let (mut initial, mut maintenance) = (core, core);
        let mut sizes = core.to_f64().abs();
        let mut charges = Vec::with_capacity(self.charges.len());
        for (name, of_initial, of_maintenance) in &self.charges {
            let charge = Charge {
                charge: name.clone(),
                initial: requirement(*of_initial)?,
                maintenance: requirement(*of_maintenance)?,
            };
            initial = initial.plus(charge.initial)?;
            maintenance = maintenance.plus(charge.maintenance)?;
            sizes += of_initial.abs() + of_maintenance.abs();
            charges.push(charge);
        }
        let missing = |margin: Money| {
            let is_noise = margin.is_negative() && -margin.to_f64() <= NOISE * sizes;
            if is_noise { Money::ZERO.minus(margin) } else { Ok(Money::ZERO) }
        };
        let rounding =
            Charge { charge: ROUNDING.to_owned(), initial: missing(initial)?, maintenance: missing(maintenance)? };
        if rounding.initial != Money::ZERO || rounding.maintenance != Money::ZERO {
            initial = initial.plus(rounding.initial)?;
            maintenance = maintenance.plus(rounding.maintenance)?;
            charges.push(rounding);
        }
        if !initial.is_negative() && initial < maintenance {
            let charge = AT_LEAST_MAINTENANCE.to_owned();
            charges.push(Charge { charge, initial: maintenance.minus(initial)?, maintenance: Money::ZERO });
            initial = maintenance;
        }
        debug_assert!(!core.is_negative(), "a core has a floor of 0: {core}");
        debug_assert!(initial.is_negative() || initial >= maintenance, "{initial} to take, {maintenance} to keep");
        Ok((core, charges, initial, maintenance))
    }
}

/// Whether [`requirement`] has an answer.
pub(crate) fn is_requirement(usd: f64) -> Result<(), Overflow> {
    // Far below what fixed point can hold nobody needs the digits.
    if usd.abs() < 1e18 { Ok(()) } else { requirement(usd).map(|_| ()) }
}

/// A risk number as money that is owed: rounded up, once, at the edge.
pub fn requirement(usd: f64) -> Result<Money, Overflow> {
    // Most charges of most accounts are nothing.
    if usd == 0.0 {
        return Ok(Money::ZERO);
    }
    Money::from_f64(usd, Round::Up)?.to_decimals(REQUIREMENT_DECIMALS, Round::Up)
}

/// The first band of REQ-5 that holds.
pub fn status(equity: Money, initial: Money, maintenance: Money, warn: Ratio) -> Result<Status, Overflow> {
    assert!(initial >= maintenance, "REQ-3: initial margin {initial} is below maintenance margin {maintenance}");
    Ok(if equity.is_negative() {
        Status::Bankrupt
    } else if equity < maintenance {
        Status::Liquidation
    } else if equity < maintenance.scaled(warn, Round::Up)? {
        Status::Warning
    } else if equity < initial {
        Status::Restricted
    } else {
        Status::Healthy
    })
}

/// Splits `whole` in proportion to nothing but the parts given: each part rounded to the decimals of a requirement and
/// what is left by the rounding put on the largest part, so that the parts sum to `whole` exactly.
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

/// Decimal text that documents are read with; null when the number is not finite or does not fit.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn as_text<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Ratio::shortest(*number).ok().serialize(serializer)
}
