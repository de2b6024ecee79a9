//! From a method's workings to the answer: equity, requirement, status, standalone margins, shares.

use model::{Account, InstrumentId, Market};
use units::{Money, Overflow, Ratio};

use crate::assessment::{
    Assessment, BalancePart, Charge, Core, Exposure, Family, PositionPart, UnderlyingGreeks, requirement, shares,
};
use crate::greeks::{self, Greeks};
use crate::summary::{Requirement, Summary};
use crate::workings::{FamilyLine, Workings};
use crate::{Refusal, Words, exposure, valuation};

/// A method prepared to judge accounts in one market. It can be sent to another thread and shared by many.
pub trait Judge: Send + Sync {
    /// The requirement of the account, worked out line by line.
    fn workings(&self, account: &Account) -> Result<Workings, Refusal>;

    /// The margins alone: the sums of [`Self::workings`], without the explanations.
    fn requirement(&self, account: &Account) -> Result<Requirement, Refusal> {
        let workings = self.workings(account)?;
        let Required { initial, maintenance, .. } = required(account, &workings)?;
        Ok(Requirement { state: workings.state, initial, maintenance })
    }

    /// The maintenance margin alone.
    fn maintenance(&self, account: &Account) -> Result<Money, Refusal> {
        self.requirement(account).map(|requirement| requirement.maintenance)
    }

    /// The maintenance margin of every position, then of every balance, each held alone (REQ-6).
    fn standalone(&self, account: &Account) -> Result<Vec<Money>, Refusal> {
        each_alone(account, |alone| self.maintenance(alone))
    }

    /// The sensitivities of one contract, with settlement averages over [`Self::settlement_window`].
    fn sensitivities(&self, id: InstrumentId) -> Result<Greeks, Refusal> {
        greeks::of_contract(id, self.market(), self.settlement_window())
    }

    /// The market in which accounts are judged.
    fn market(&self) -> &Market;

    /// The health below which an account is warned (REQ-5).
    fn warn(&self) -> Ratio;

    /// Length of the settlement average in seconds (VAL-4).
    fn settlement_window(&self) -> f64;

    /// The hash of the scenarios used (SCN-6).
    fn scenarios(&self) -> String;
}

/// The requirement and equity of `account`, with their explanation.
pub fn assess(account: &Account, judge: &(impl Judge + ?Sized)) -> Result<Assessment, Refusal> {
    let workings = judge.workings(account)?;
    let contracts = account.positions.iter().map(|position| judge.sensitivities(position.instrument));
    let contracts = contracts.collect::<Result<Vec<_>, _>>()?;
    let greeks = greeks::summed(account, judge.market(), &contracts);
    let exposures = exposure::of_account(account, judge.market(), &contracts)
        .map_err(|overflow| out_of_range(account, overflow))?;
    let alone = judge.standalone(account)?;
    let required = required(account, &workings)?;
    close(account, judge, workings, required, (greeks, exposures), &alone)
        .map_err(|overflow| out_of_range(account, overflow))
}

/// The margin of every position, then of every balance, each held alone. One account is reused for all of them.
pub(crate) fn each_alone(
    account: &Account,
    mut margin: impl FnMut(&Account) -> Result<Money, Refusal>,
) -> Result<Vec<Money>, Refusal> {
    let mut alone = Account { name: account.name.clone(), ..Account::default() };
    let mut margins = Vec::with_capacity(account.positions.len() + account.balances.len());
    for position in &account.positions {
        alone.positions.clear();
        alone.positions.push(*position);
        margins.push(margin(&alone)?);
    }
    alone.positions.clear();
    for balance in &account.balances {
        alone.balances.clear();
        alone.balances.push(balance.clone());
        margins.push(margin(&alone)?);
    }
    Ok(margins)
}

/// The sums of the workings.
struct Required {
    core: Money,
    charges: Vec<Charge>,
    initial: Money,
    maintenance: Money,
}

/// The sums of an account's workings. Fails when a method requires less than zero, or a maintenance margin above the
/// initial margin.
fn required(account: &Account, workings: &Workings) -> Result<Required, Refusal> {
    let (core, charges, initial, maintenance) =
        workings.requirement().map_err(|overflow| out_of_range(account, overflow))?;
    if maintenance.is_negative() || initial < maintenance {
        return Err(Refusal::OutOfOrder { account: account.name.clone(), initial, maintenance });
    }
    Ok(Required { core, charges, initial, maintenance })
}

pub(crate) fn out_of_range(account: &Account, overflow: Overflow) -> Refusal {
    Refusal::OutOfRange { account: account.name.clone(), overflow }
}

fn close(
    account: &Account,
    judge: &(impl Judge + ?Sized),
    workings: Workings,
    required: Required,
    (greeks, exposures): (Vec<UnderlyingGreeks>, Vec<Exposure>),
    alone: &[Money],
) -> Result<Assessment, Overflow> {
    let market = judge.market();
    let Required { core, charges, initial, maintenance } = required;
    let (binding, _) = workings.core();
    let summary = Summary::of(account, judge, Requirement { state: workings.state, initial, maintenance })?;
    let standalone_margin = alone.iter().try_fold(Money::ZERO, |sum, margin| sum.plus(*margin))?;

    let parts: Vec<f64> =
        workings.position_contributions.iter().chain(&workings.balance_contributions).copied().collect();
    let contributions = shares(&parts, core)?;
    let held = account.positions.len() + account.balances.len();
    assert_eq!(contributions.len(), held, "REQ-6: each position and balance has a part in the core");
    assert_eq!(alone.len(), held, "REQ-6: each position and balance has a margin of its own");
    let (of_positions, of_balances) = contributions.split_at(account.positions.len());
    let (alone_positions, _) = alone.split_at(account.positions.len());

    let mut positions = Vec::with_capacity(account.positions.len());
    let held = account.positions.iter().zip(exposures);
    for (((position, exposure), contribution), standalone) in held.zip(of_positions).zip(alone_positions) {
        positions.push(PositionPart {
            instrument: market.listing(position.instrument).name.clone(),
            exposure,
            value: valuation::position_value(position, market)?,
            contribution: *contribution,
            standalone: *standalone,
        });
    }
    let mut balances = Vec::with_capacity(account.balances.len());
    for (place, (balance, contribution)) in account.balances.iter().zip(of_balances).enumerate() {
        balances.push(BalancePart {
            asset: market.assets[balance.asset.0].name.clone(),
            location: balance.location.clone(),
            value: valuation::balance_value(balance, market)?,
            contribution: *contribution,
            haircut: requirement(workings.haircuts.get(place).copied().unwrap_or_default())?,
        });
    }
    let mut families = Vec::with_capacity(workings.families.len());
    for FamilyLine { family, loss, scenario } in &workings.families {
        families.push(Family { family: family.clone(), loss: requirement(*loss)?, scenario: scenario.clone() });
    }
    let Summary { account, requirement: state, equity, counted_equity, excess, health, status, .. } = summary;
    // A method without families has a core without words.
    let words = |of: fn(&FamilyLine) -> &Words| workings.families.get(binding).map(of).cloned().unwrap_or_default();
    Ok(Assessment {
        account,
        requirement: state,
        equity,
        counted_equity,
        initial_margin: initial,
        maintenance_margin: maintenance,
        excess,
        health,
        status,
        core: Core { family: words(|family| &family.family), scenario: words(|family| &family.scenario), loss: core },
        families,
        charges,
        standalone_margin,
        offset: standalone_margin.minus(maintenance)?,
        greeks,
        positions,
        balances,
        scenarios: workings.scenarios,
        notes: workings.notes,
    })
}
