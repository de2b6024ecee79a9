//! Portfolio margin, segregated by settlement currency (S:PM).
//!
//! ```text
//! risk matrix margin = worst case + roll shock + delta shock
//! IM                 = risk matrix margin + spot margin + MMP margin + open orders margin
//! MM                 = mm_factor · risk matrix margin
//! ```
//!
//! The worst case is read off a matrix: nine moves of the price by three states of volatility (the standard table), and
//! eight far moves that count only in part (the extended table). Names are those of `private/pme/simulate`, whose
//! recorded answers [`requirement()`] reproduces digit for digit; parameters are those of `public/pme/get_params`.

mod cell;
mod parameters;
mod requirement;

pub use cell::{MatrixCell, VolState, cells};
pub use parameters::{PmGeneral, PmParameters, UnderlyingParameters};
pub use requirement::{Additions, PairRequirement, RiskVectors, initial_margin, requirement};

use std::collections::BTreeMap;

use model::{Account, Market};

use super::adapt::{Adapted, adapt};
use super::pair::{PairAccount, VENUE};
use super::segregated::{InUsd, note, segregate};
use crate::scenario::NOTHING_LOSES;
use crate::{About, ChargeLine, FamilyLine, Refusal, ScenarioPnl, Words, Workings};

/// The description of the method, and how far it is proven.
pub const ABOUT: About = About {
    name: "deribit",
    title: "Deribit segregated portfolio margin: risk matrix, extended table, roll and delta shock",
    documents: "support.deribit.com 25944756247837 Portfolio Margin; docs.deribit.com private/pme/simulate",
    as_of: "2026-02-16",
    proof: "two recorded answers of private/pme/simulate (BTC 2024, ETH 2026) to every printed digit; a recorded cross account within what its rounding tells",
    uncertain: &[
        "options: Black-76 on the forward of the expiry, the whole forward moved, against the venue's mark; the venue shows no vector with an option",
        "volatility states are listed up, same, down as in the venue's text; their order in its vectors cannot be seen from futures",
        "the vol shock is not published by the venue; form and powers are those of a third party, the day count below one day is assumed",
        "the dampener pulls gains of the extended table to 0 as it does losses; recorded gains are 0 there, which other rules would explain too",
        "several pairs in one currency are added up, each at its own worst, as `correlation_set = false` and a recorded cross account suggest; max_offsetable_pnl and correlation_contingency are then without effect",
        "linear pairs take the column of their underlying: a recorded cross account excludes the `usd` column for the roll shock, for the rest it is inferred",
        "delta shock after a third party's transcription; every recorded one is 0",
        "the open orders margin is not published: here every order fills where that costs, within the worst case only",
        "MMP and spot margin are 0: portfolios carry no market maker protection, and an order on spot counts as one on the perpetual",
        "amounts in USD among the parameters (dampener, delta threshold) count one for one in USDC and USDT, whatever those are worth",
        "BTC parameters are those of June 2024",
    ],
};

/// The parameters that come with the program.
pub const PARAMS: &str = include_str!("../../../params/deribit/2026-02-16.toml");

/// Computes the requirement of the account, line by line.
pub fn workings(
    account: &Account,
    market: &Market,
    parameters: &PmParameters,
    strict: bool,
) -> Result<Workings, Refusal> {
    let general = &parameters.general;
    let Adapted { pairs, state, notes } = adapt(account, market, (&parameters.listed, &general.currencies), strict)?;
    let families = vec![FamilyLine::new("worst case", 0.0, NOTHING_LOSES)];
    let mut workings = Workings { families, ..Workings::empty(account, state, notes) };
    let mut decided = Vec::new();
    let mut currencies: BTreeMap<String, CurrencyMargin> = BTreeMap::new();
    for pair in &pairs {
        let sum = currencies.entry(pair.currency.name.clone()).or_insert_with(|| CurrencyMargin::of(pair));
        let Some(column) = parameters.underlying.get(&pair.account.name) else {
            let why = "its column of the venue's parameters is not held";
            workings.state.unknown_at(VENUE, &pair.account.name, why, strict)?;
            continue;
        };
        let requirement = requirement(pair, general, column)?;
        sum.add(&requirement, general);
        decided.extend(report(pair, (general, &cells(general, column)), &requirement, &mut workings));
    }
    if !decided.is_empty() {
        workings.families[0].scenario = decided.join(" | ").into();
    }
    let factor = general.maintenance_factor;
    workings.families[0].loss = currencies.values().map(|sum| sum.worst_case * sum.usd).sum();
    workings.charges = charges(&currencies, general);
    let mut required = BTreeMap::new();
    for (name, sum) in &currencies {
        let (initial, maintenance) = (sum.initial_margin(general), factor * sum.risk_matrix_margin());
        required.insert(name.clone(), InUsd { initial: initial * sum.usd, maintenance: maintenance * sum.usd });
        note(&mut workings, name, (initial, maintenance));
    }
    segregate(&mut workings, (account, market), &pairs, &required, strict)?;
    Ok(workings)
}

/// The requirement of one settlement currency, in that currency.
#[derive(Clone, Copy, Debug)]
struct CurrencyMargin {
    usd: f64,
    worst_case: f64,
    roll_shock: f64,
    delta_shock: f64,
    open_orders_margin: f64,
}

impl CurrencyMargin {
    fn of(pair: &PairAccount) -> Self {
        Self { usd: pair.currency.usd, worst_case: 0.0, roll_shock: 0.0, delta_shock: 0.0, open_orders_margin: 0.0 }
    }

    fn add(&mut self, requirement: &PairRequirement, general: &PmGeneral) {
        self.worst_case += general.rounded(requirement.worst_case);
        self.roll_shock += requirement.roll_shock;
        self.delta_shock += requirement.delta_shock;
        self.open_orders_margin += requirement.open_orders_margin;
    }

    fn risk_matrix_margin(&self) -> f64 {
        self.worst_case + self.roll_shock + self.delta_shock
    }

    fn initial_margin(&self, general: &PmGeneral) -> f64 {
        let open_orders_margin = self.open_orders_margin;
        initial_margin(self.risk_matrix_margin(), Additions { open_orders_margin, ..Additions::default() }, general)
    }
}

/// The charges of all currencies, in USD.
fn charges(currencies: &BTreeMap<String, CurrencyMargin>, general: &PmGeneral) -> Vec<ChargeLine> {
    let sum = |line: &dyn Fn(&CurrencyMargin) -> f64| -> f64 {
        currencies.values().map(|currency| line(currency) * currency.usd).sum()
    };
    let (roll, delta) = (sum(&|currency| currency.roll_shock), sum(&|currency| currency.delta_shock));
    let rounding = |currency: &CurrencyMargin| {
        currency.initial_margin(general) - currency.risk_matrix_margin() - currency.open_orders_margin
    };
    vec![
        ChargeLine::new("roll shock", roll, roll),
        ChargeLine::new("delta shock", delta, delta),
        ChargeLine::new("open orders margin", sum(&|currency| currency.open_orders_margin), 0.0),
        ChargeLine::new("the venue's rounding", sum(&rounding), 0.0),
        ChargeLine::new(
            "maintenance factor",
            0.0,
            (general.maintenance_factor - 1.0) * sum(&CurrencyMargin::risk_matrix_margin),
        ),
    ]
}

/// Writes the requirement of one pair into the workings. Returns the scenario that determines it, in words, when any loses.
fn report(
    pair: &PairAccount,
    (general, cells): (&PmGeneral, &[MatrixCell]),
    requirement: &PairRequirement,
    workings: &mut Workings,
) -> Option<String> {
    let (family, usd) = (Words::from(format!("{} risk matrix", pair.name())), pair.currency.usd);
    let words = |place: usize| cells.get(place).map_or_else(String::new, |cell| cell.words(&pair.account.name));
    let aggregated = &requirement.aggregated_risk_vectors;
    for place in 0..cells.len() {
        let (family, scenario) = (family.clone(), words(place).into());
        workings.scenarios.push(ScenarioPnl { family, scenario, pnl: aggregated.at(place) * usd });
    }
    let (place, worst_case) = (requirement.worst_case_place, general.rounded(requirement.worst_case));
    if worst_case == 0.0 {
        workings.families.push(FamilyLine::new(family, 0.0, NOTHING_LOSES));
        return None;
    }
    workings.families.push(FamilyLine::new(family, worst_case * usd, words(place)));
    // The dampener (and the rounding) reduces every position's part in proportion.
    let kept = worst_case / -requirement.pre_aggregated_risk_vectors.at(place);
    for (leg, vectors) in pair.account.legs.iter().zip(&requirement.initial_risk_vectors) {
        workings.position_contributions[leg.place] = -vectors.at(place) * kept * usd;
    }
    Some(words(place))
}
