//! A method's result for one account before rounding, and its rounding into money, line by line.

use model::Account;
use units::{Money, Overflow};

use crate::assessment::{Charge, ScenarioPnl, requirement};
use crate::{RequirementState, Words};

/// The name of the line that lifts an initial margin to the maintenance margin.
const AT_LEAST_MAINTENANCE: &str = "initial margin is at least the maintenance margin";

/// The name of the line that lowers the margins to the largest possible loss.
pub const BOUNDED: &str = "no more than can be lost";

/// The name of the line that lifts a slightly negative sum, caused by floating-point error, to zero.
const ROUNDING: &str = "rounding";

/// The part of the total size of a floating-point sum that may be its error.
const NOISE: f64 = 1e-12;

/// The loss of one family of scenarios, before rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyLine {
    /// The family's name, such as `scan alone`. All accounts of a market share its text.
    pub family: Words,
    /// Its aggregated loss, in USD; negative when even the worst scenario is a profit.
    pub loss: f64,
    /// The scenario that determines the loss, in words.
    pub scenario: Words,
}

/// One line added to the core, before rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct ChargeLine {
    /// The name of the line, such as `liquidity`.
    pub charge: Words,
    /// Added to the initial margin, in USD. A venue's relief is negative.
    pub initial: f64,
    /// Added to the maintenance margin, in USD. A venue's relief is negative.
    pub maintenance: f64,
}

/// The largest possible loss of an account, which its margins do not exceed (REQ-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The largest initial margin, in USD; none while the account has open orders.
    pub initial: Option<Money>,
    /// The largest maintenance margin, in USD.
    pub maintenance: Money,
}

impl FamilyLine {
    /// The line of a family with its loss and the scenario that determines it.
    pub fn new(family: impl Into<Words>, loss: f64, scenario: impl Into<Words>) -> Self {
        Self { family: family.into(), loss, scenario: scenario.into() }
    }
}

impl ChargeLine {
    /// The line with its parts in the initial and in the maintenance margin.
    pub fn new(charge: impl Into<Words>, initial: f64, maintenance: f64) -> Self {
        Self { charge: charge.into(), initial, maintenance }
    }
}

/// The results of a method for one account, before rounding: every number in USD, losses positive.
#[derive(Clone, Debug, Default)]
pub struct Workings {
    /// Whether the workings are the whole requirement.
    pub state: RequirementState,
    /// The families of scenarios. The core is the largest loss, the first on a tie.
    pub families: Vec<FamilyLine>,
    /// The lines added to the core.
    pub charges: Vec<ChargeLine>,
    /// The amounts that the margins do not exceed, whatever the lines add up to.
    pub ceiling: Option<Ceiling>,
    /// Each position's part of the core, in the order of the account.
    pub position_contributions: Vec<f64>,
    /// Each balance's part of the core, in the order of the account.
    pub balance_contributions: Vec<f64>,
    /// The haircut of each balance, in the order of the account.
    pub haircuts: Vec<f64>,
    /// Every scenario, where a method lists them.
    pub scenarios: Vec<ScenarioPnl>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

impl Workings {
    /// Workings of `account` without a family or a charge: no position or balance contributes anything yet.
    pub fn empty(account: &Account, state: RequirementState, notes: Vec<String>) -> Self {
        Self {
            state,
            position_contributions: vec![0.0; account.positions.len()],
            balance_contributions: vec![0.0; account.balances.len()],
            haircuts: vec![0.0; account.balances.len()],
            notes,
            ..Self::default()
        }
    }

    /// The index of the family with the largest loss, and that loss with a floor of 0.
    pub fn core(&self) -> (usize, f64) {
        let mut worst = 0;
        for (index, family) in self.families.iter().enumerate() {
            if family.loss > self.families[worst].loss {
                worst = index;
            }
        }
        (worst, self.families.get(worst).map_or(0.0, |family| family.loss.max(0.0)))
    }

    /// Every amount times `factor`: converts a requirement from one currency to another.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for family in &mut self.families {
            family.loss *= factor;
        }
        for line in &mut self.charges {
            line.initial *= factor;
            line.maintenance *= factor;
        }
        for scenario in &mut self.scenarios {
            scenario.pnl *= factor;
        }
        let parts = self.position_contributions.iter_mut().chain(&mut self.balance_contributions);
        parts.chain(&mut self.haircuts).for_each(|part| *part *= factor);
        self
    }

    /// Core and charges as money, each rounded up once: `(core, charges, initial margin, maintenance margin)`.
    ///
    /// The margins are the sums of the rounded lines, so that the printed numbers add up. A family loss that is NaN or
    /// infinite is out of range, because no other family may stand in for it. If the initial margin is not below 0 but
    /// below the maintenance margin, a line for the difference is added: keeping a position may not require more than
    /// taking it. If floating-point errors make a margin slightly negative, a separate line lifts it to zero.
    pub fn requirement(&self) -> Result<(Money, Vec<Charge>, Money, Money), Overflow> {
        self.families.iter().try_for_each(|family| requirement(family.loss).map(|_| ()))?;
        let core = requirement(self.core().1)?;
        let (mut initial, mut maintenance) = (core, core);
        let mut sizes = core.to_f64().abs();
        let mut charges = Vec::with_capacity(self.charges.len());
        for line in &self.charges {
            let charge = Charge {
                charge: line.charge.clone(),
                initial: requirement(line.initial)?,
                maintenance: requirement(line.maintenance)?,
            };
            initial = initial.plus(charge.initial)?;
            maintenance = maintenance.plus(charge.maintenance)?;
            sizes += line.initial.abs() + line.maintenance.abs();
            charges.push(charge);
        }
        let missing = |margin: Money| {
            let is_noise = margin.is_negative() && -margin.to_f64() <= NOISE * sizes;
            if is_noise { Money::ZERO.minus(margin) } else { Ok(Money::ZERO) }
        };
        let rounding =
            Charge { charge: ROUNDING.into(), initial: missing(initial)?, maintenance: missing(maintenance)? };
        if rounding.initial != Money::ZERO || rounding.maintenance != Money::ZERO {
            initial = initial.plus(rounding.initial)?;
            maintenance = maintenance.plus(rounding.maintenance)?;
            charges.push(rounding);
        }
        if !initial.is_negative() && initial < maintenance {
            let initial_only = maintenance.minus(initial)?;
            charges.push(Charge {
                charge: AT_LEAST_MAINTENANCE.into(),
                initial: initial_only,
                maintenance: Money::ZERO,
            });
            initial = maintenance;
        }
        if let Some(ceiling) = self.ceiling {
            let above = |margin: Money, most: Option<Money>| most.map_or(Ok(Money::ZERO), |most| most.minus(margin));
            let line = Charge {
                charge: BOUNDED.into(),
                initial: above(initial, ceiling.initial)?.min(Money::ZERO),
                maintenance: above(maintenance, Some(ceiling.maintenance))?.min(Money::ZERO),
            };
            if line.initial.is_negative() || line.maintenance.is_negative() {
                (initial, maintenance) = (initial.plus(line.initial)?, maintenance.plus(line.maintenance)?);
                charges.push(line);
            }
        }
        debug_assert!(!core.is_negative(), "a core has a floor of 0: {core}");
        debug_assert!(initial.is_negative() || initial >= maintenance, "{initial} to take, {maintenance} to keep");
        Ok((core, charges, initial, maintenance))
    }
}
