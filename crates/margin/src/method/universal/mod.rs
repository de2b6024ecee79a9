//! The universal method: one requirement for the net risk of a whole account.
//!
//! ```text
//! core                = the worst of the families of scenarios                      REQ-1
//! maintenance margin  = core + charges                                              REQ-3
//! initial margin      = im_factor · core + charges + orders
//! both                ≤ the largest possible loss                                   REQ-7
//! ```
//!
//! `families.rs` defines the scenarios, `risk_array.rs` revalues every instrument under them, and `charge/` covers
//! the risks that scenarios cannot see. Rule IDs are those of `docs/methodology.md`.
//!
//! Every file uses only those to its left:
//!
//! ```text
//! by_name ─ scan, peg, cover ─ exit ─ listed ─ exposure ─ charge/rule ─ charge/* ─ charge/mod ─ rules ─ bounded ─ terms, families/*, notes ─ mod, near
//! ```
//!
//! A charge does not know the other parameters of the method, and a family knows no charge.

pub(crate) mod bounded;
pub(crate) mod by_name;
pub(crate) mod charge;
pub(crate) mod cover;
mod exit;
mod exposure;
pub mod families;
pub(crate) mod listed;
mod near;
mod notes;
mod peg;
pub mod rules;
mod scan;
mod terms;

use std::sync::{Arc, OnceLock};

use model::{Account, InstrumentId, Invalid, Market, Side};
use pool::Spare;
use pricing::kernel::Isa;
use units::{Money, Overflow, Ratio};

use crate::aggregate::largest;
use crate::assess::{Judge, each_alone, out_of_range};
use crate::assessment::is_requirement;
use crate::greeks::Greeks;
use crate::params::Params;
use crate::risk_array::{self, RiskArray, alone::Extremes};
use crate::scenario::{FamilyLoss, ScenarioFamily, ScenarioSet};
use crate::{
    About, Ceiling, ChargeLine, FamilyLine, Refusal, Requirement, RequirementState, ScenarioPnl, Words, Workings,
    requirement,
};
use exposure::Exposures;
pub use near::{Near, Nearly};
use rules::Rules;
use terms::Terms;

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "universal",
    title: "net risk over every venue: full revaluation under ten families of scenarios, and charges",
    documents: "docs/methodology.md",
    as_of: "2026-11-22",
    proof: "properties P-1 to P-12 over generated accounts; hand-computed cases; an independent assessor to 1e-9; the same bits on every instruction set",
    uncertain: &[],
};

/// The parameters that come with the program.
pub const PARAMS: &str = include_str!("../../../params/universal/2026-11-30.toml");

/// Reads and checks a parameter file of this method.
pub fn parse(text: &str) -> Result<Params<Rules>, Invalid> {
    let params: Params<Rules> = Params::parse(text)?;
    params.rules.check()?;
    Ok(params)
}

/// The words for a family name at most this many scenarios; of more they give the number.
const NAMED: usize = 3;

/// The note in every answer that was given without a scenario document.
pub const WITHOUT_DOCUMENT: &str =
    "history and simulation (FAM-4, FAM-5) did not join the core: no scenario document was given";

/// A market revalued under every scenario: the results that are computed once and kept, without the market itself.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The profit of every instrument under every scenario.
    pub array: Arc<RiskArray>,
    /// The data that the charges look up.
    terms: Arc<Terms>,
    /// Notes for every answer.
    notes: Arc<[String]>,
}

/// The universal method prepared in one market, ready to assess accounts.
#[derive(Clone, Debug)]
pub struct Universal<'a> {
    /// The market from which it was prepared.
    pub market: &'a Market,
    /// The numbers of the method.
    pub rules: &'a Rules,
    /// The profit of every instrument under every scenario.
    pub array: Arc<RiskArray>,
    terms: Arc<Terms>,
    notes: Arc<[String]>,
    /// What positions lose that are held alone.
    extremes: Arc<OnceLock<Extremes>>,
    /// Memory that is used again for each account.
    scratch: Arc<Spare<Scratch>>,
    list_scenarios: bool,
}

/// Revalues the market under the built-in families and those of `extra` (FAM-4, FAM-5), ready to judge accounts.
pub fn prepare<'a>(
    market: &'a Market,
    rules: &'a Rules,
    extra: &ScenarioSet,
    isa: Isa,
) -> Result<Universal<'a>, Refusal> {
    let prepared = Prepared::new(market, rules, extra, isa)?;
    Ok(prepared.judge(market, rules).listing_scenarios(true))
}

impl Prepared {
    /// Revalues the market under the built-in families and those of `extra` (FAM-4, FAM-5).
    pub fn new(market: &Market, rules: &Rules, extra: &ScenarioSet, isa: Isa) -> Result<Self, Refusal> {
        Self::of_live(market, rules, extra, isa, &|_| true)
    }

    /// [`Self::new`], limited to instruments for which `is_live` is true: settled instruments cost nothing, and an
    /// account that holds one is refused.
    pub fn of_live(
        market: &Market,
        rules: &Rules,
        extra: &ScenarioSet,
        isa: Isa,
        is_live: &dyn Fn(InstrumentId) -> bool,
    ) -> Result<Self, Refusal> {
        let set = families::build(market, rules, extra, market.time);
        let (vol, window) = (rules.vol_rules(), rules.settlement.window_seconds);
        let array = risk_array::prepare_live(market, set, &vol, window, isa, is_live)?;
        let terms = Terms::new(market, rules, is_live);
        let notes: Vec<String> = if extra.families.is_empty() { vec![WITHOUT_DOCUMENT.to_owned()] } else { Vec::new() };
        Ok(Self { array: Arc::new(array), terms: Arc::new(terms), notes: notes.into() })
    }

    /// The method, for the market and the rules from which this was prepared.
    pub fn judge<'a>(&self, market: &'a Market, rules: &'a Rules) -> Universal<'a> {
        let Self { array, terms, notes } = self.clone();
        let (extremes, scratch) = Default::default();
        Universal { market, rules, array, terms, notes, extremes, scratch, list_scenarios: false }
    }

    /// The margins of an account, for the market and the rules from which this was prepared: the same as
    /// [`Universal::margins`], with reused memory.
    pub fn margins(
        &self,
        market: &Market,
        rules: &Rules,
        account: &Account,
        scratch: &mut Scratch,
    ) -> Result<Margins, Refusal> {
        let core = core(&self.array, account, scratch)?;
        margins(&self.array, &self.terms, (market, rules), account, core, scratch)
    }
}

impl Judge for Universal<'_> {
    fn workings(&self, account: &Account) -> Result<Workings, Refusal> {
        self.scratch.with(|scratch| self.workings_in(account, scratch))
    }

    fn requirement(&self, account: &Account) -> Result<Requirement, Refusal> {
        let Margins { initial, maintenance, .. } = self.margins(account)?;
        Ok(Requirement { state: RequirementState::Known, initial, maintenance })
    }

    fn maintenance(&self, account: &Account) -> Result<Money, Refusal> {
        Ok(self.margins(&Account { orders: Vec::new(), ..account.clone() })?.maintenance)
    }

    fn standalone(&self, account: &Account) -> Result<Vec<Money>, Refusal> {
        let extremes = self.extremes.get_or_init(|| Extremes::new(&self.array));
        self.scratch.with(|scratch| {
            each_alone(account, |alone| {
                let core = match alone.positions.as_slice() {
                    [position] if extremes.losses(&self.array, position, &mut scratch.losses) => {
                        scratch.array.read_lines(alone);
                        worst(scratch.losses.iter().copied())
                    }
                    _ => core(&self.array, alone, scratch)?,
                };
                margins(&self.array, &self.terms, (self.market, self.rules), alone, core, scratch)
                    .map(|margins| margins.maintenance)
            })
        })
    }

    fn sensitivities(&self, id: InstrumentId) -> Result<Greeks, Refusal> {
        self.terms.contract(id, self.market, self.rules).map(|terms| terms.greeks)
    }

    fn market(&self) -> &Market {
        self.market
    }

    fn warn(&self) -> Ratio {
        self.rules.margin.warn
    }

    fn settlement_window(&self) -> f64 {
        self.rules.settlement.window_seconds
    }

    fn scenarios(&self) -> String {
        self.array.set.hash()
    }
}

/// The margins of an account without explanations: the sums of the lines of its workings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins {
    /// Initial margin, in USD.
    pub initial: Money,
    /// Maintenance margin, in USD.
    pub maintenance: Money,
    /// The part of both that is the cost of closing: liquidity, funding and fees.
    pub closing: Money,
}

/// Reusable memory for [`Prepared::margins`]. It stores nothing about an account.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    array: risk_array::Scratch,
    exposures: Exposures,
    /// The loss in each family of a position that is held alone.
    losses: Vec<f64>,
}

/// The core of an account (REQ-1): its largest loss in any family, and whether every family's loss is an amount of money.
type Core = (f64, Result<(), Overflow>);

/// The core of an account that loses this in each family.
fn worst(losses: impl Iterator<Item = f64>) -> Core {
    losses.fold((0.0, Ok(())), |(core, in_range), loss| {
        (largest(core, loss), in_range.and_then(|()| is_requirement(loss)))
    })
}

/// The core of an account, whose profits are read into `scratch`.
fn core(array: &RiskArray, account: &Account, scratch: &mut Scratch) -> Result<Core, Refusal> {
    array.read(account, &mut scratch.array)?;
    let pnl = scratch.array.pnl();
    Ok(worst(array.set.families.iter().map(|family| family.loss_alone(array.isa(), pnl))))
}

/// The sums of [`Universal::workings`] of an account with this core. `scratch` has read its positions, and where it has
/// orders also its profits.
fn margins(
    array: &RiskArray,
    terms: &Terms,
    (market, rules): (&Market, &Rules),
    account: &Account,
    (core, in_range): Core,
    scratch: &mut Scratch,
) -> Result<Margins, Refusal> {
    let pnl = scratch.array.pnl();
    let orders = if account.orders.is_empty() { None } else { Some(with_orders(array, account, pnl.to_vec())) };
    terms.expose(account, scratch.array.lines(), (market, rules), &mut scratch.exposures)?;
    let charges = terms.charges.exact(&scratch.exposures);
    let rounded = || {
        in_range?;
        let (mut maintenance, mut closing) = (requirement(core)?, Money::ZERO);
        for (charge, usd) in charges {
            let usd = requirement(usd)?;
            maintenance = maintenance.plus(usd)?;
            if charge.closes() {
                closing = closing.plus(usd)?;
            }
        }
        let initial = maintenance.plus(requirement((rules.margin.im_factor - 1.0) * core)?)?;
        assert!(initial >= maintenance, "REQ-3: initial margin {initial} is below maintenance margin {maintenance}");
        Ok(Margins { initial, maintenance, closing })
    };
    let out_of_range = |overflow| out_of_range(account, overflow);
    let mut margins = rounded().map_err(out_of_range)?;
    if let Some(orders) = orders {
        let with_orders = requirement(largest(0.0, orders? - core)).and_then(|orders| margins.initial.plus(orders));
        margins.initial = with_orders.map_err(out_of_range)?;
    }
    let exposures = &scratch.exposures;
    if let Some(most) = bounded::largest_loss(account, exposures, market, rules).map_err(out_of_range)? {
        if account.orders.is_empty() {
            margins.initial = margins.initial.min(most);
        }
        margins.maintenance = margins.maintenance.min(most);
        margins.closing = margins.closing.min(margins.maintenance);
    }
    Ok(margins)
}

/// REQ-4: the core of the account with every losing order filled.
fn with_orders(array: &RiskArray, account: &Account, mut pnl: Vec<f64>) -> Result<f64, Refusal> {
    for order in &account.orders {
        let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
        let losses =
            array.order_losses(order.instrument, sign * order.quantity.to_f64(), order.limit.in_quote().to_f64())?;
        for (total, loss) in pnl.iter_mut().zip(losses) {
            *total += loss;
        }
    }
    let losses = array.set.families.iter().map(|family| family.loss_alone(array.isa(), &pnl));
    Ok(losses.fold(0.0, largest))
}

impl Universal<'_> {
    /// The margins of an account: equal to the sums of its workings, to the digit.
    pub fn margins(&self, account: &Account) -> Result<Margins, Refusal> {
        self.scratch.with(|scratch| {
            let core = core(&self.array, account, scratch)?;
            margins(&self.array, &self.terms, (self.market, self.rules), account, core, scratch)
        })
    }

    /// [`Judge::workings`] with reused memory.
    fn workings_in(&self, account: &Account, scratch: &mut Scratch) -> Result<Workings, Refusal> {
        self.array.read(account, &mut scratch.array)?;
        let pnl = scratch.array.pnl();
        let families = &self.array.set.families;
        let losses = self.losses(pnl);
        let mut workings = Workings {
            families: families
                .iter()
                .zip(&losses)
                .map(|(family, loss)| FamilyLine::new(family.name.clone(), loss.loss, self.words(loss)))
                .collect(),
            scenarios: if self.list_scenarios { self.named(pnl) } else { Vec::new() },
            notes: self.notes.iter().cloned().chain(notes::of(account, self.market, self.rules)).collect(),
            ..Workings::default()
        };
        let (worst, core) = workings.core();
        // Never below 0: reordering a tail with orders may make the sum smaller by a rounding error.
        let orders = if account.orders.is_empty() {
            0.0
        } else {
            largest(0.0, with_orders(&self.array, account, pnl.to_vec())? - core)
        };
        let factor = (self.rules.margin.im_factor - 1.0) * core;
        workings.charges.push(ChargeLine::new("initial factor", factor, 0.0));
        let exposures = &mut scratch.exposures;
        self.terms.expose(account, scratch.array.lines(), (self.market, self.rules), exposures)?;
        let charges = self.terms.charges.exact(exposures);
        workings.charges.extend(charges.map(|(charge, usd)| ChargeLine::new(charge.name(), usd, usd)));
        workings.charges.push(ChargeLine::new("orders", orders, 0.0));
        workings.haircuts = self.terms.charges.haircuts(exposures).collect();
        workings.ceiling = bounded::largest_loss(account, exposures, self.market, self.rules)
            .map_err(|overflow| out_of_range(account, overflow))?
            .map(|most| Ceiling { initial: account.orders.is_empty().then_some(most), maintenance: most });
        self.contribute(account, &losses[worst], core, &mut workings)?;
        Ok(workings)
    }

    /// The same method, with or without every scenario in its workings.
    #[must_use]
    pub fn listing_scenarios(self, list_scenarios: bool) -> Self {
        Self { list_scenarios, ..self }
    }

    /// The loss of every family, from the profit in every scenario.
    fn losses(&self, pnl: &[f64]) -> Vec<FamilyLoss> {
        self.array.set.families.iter().map(|family| family.loss(pnl)).collect()
    }

    /// Every scenario with its family, its name and the profit in it.
    fn named(&self, pnl: &[f64]) -> Vec<ScenarioPnl> {
        let named = |family: &ScenarioFamily, index: usize| ScenarioPnl {
            family: family.name.clone(),
            scenario: self.array.set.scenarios[index].name.clone(),
            pnl: pnl[index],
        };
        let families = self.array.set.families.iter();
        families.flat_map(|family| family.range().map(move |index| named(family, index))).collect()
    }

    /// REQ-6: the part of every position and balance in the core.
    fn contribute(
        &self,
        account: &Account,
        binding: &FamilyLoss,
        core: f64,
        workings: &mut Workings,
    ) -> Result<(), Refusal> {
        let parts: &[(usize, f64)] = if core > 0.0 { &binding.parts } else { &[] };
        for position in &account.positions {
            let mut part = 0.0;
            for (scenario, coefficient) in parts {
                part -= coefficient * self.array.position_pnl(position, *scenario)?;
            }
            workings.position_contributions.push(part);
        }
        for balance in &account.balances {
            let parts =
                parts.iter().map(|(scenario, coefficient)| coefficient * self.array.balance_pnl(balance, *scenario));
            workings.balance_contributions.push(parts.fold(0.0, |sum, part| sum - part));
        }
        Ok(())
    }

    /// The scenarios that determine the loss of a family, the most important first.
    fn words(&self, loss: &FamilyLoss) -> Words {
        let name = |place: &(usize, f64)| &self.array.set.scenarios[place.0].name;
        match loss.parts.as_slice() {
            [] => "nothing loses".into(),
            [only] => name(only).clone(),
            parts if parts.len() <= NAMED => {
                parts.iter().map(|place| name(place).as_str()).collect::<Vec<_>>().join(" | ").into()
            }
            [first, rest @ ..] => format!("{} and {} more", name(first), rest.len()).into(),
        }
    }
}
