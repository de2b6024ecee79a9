//! The effect of segregated settlement currencies: a balance in one currency backs nothing in another, and debts have
//! no rule in the documents that we hold.

use std::collections::BTreeMap;

use model::{Account, Market, Payoff, USD};
use units::{Money, Overflow};

use super::pair::{PairAccount, VENUE};
use crate::assessment::requirement;
use crate::book::Conversions;
use crate::{NotAccepted, Refusal, RequirementState, Workings, valuation};

/// The note when contracts settle in several currencies.
const SEGREGATED: &str =
    "each settlement currency is margined by itself at the venue: what one has too much is no margin for another";

/// The requirement of one settlement currency, in USD.
#[derive(Clone, Copy, Debug, Default)]
pub struct InUsd {
    /// Required to take new risk.
    pub initial: f64,
    /// Required to keep the positions.
    pub maintenance: f64,
}

/// Whether any balance is negative: the documents that we hold give no rule for debts. With `strict`, a debt is refused.
pub fn debts(account: &Account, market: &Market, strict: bool) -> Result<RequirementState, Refusal> {
    let mut state = RequirementState::default();
    for balance in account.balances.iter().filter(|balance| balance.amount.is_negative()) {
        let asset = &market.assets[balance.asset.0].name;
        state.unknown_at(VENUE, asset, "it is owed, and the documents held say nothing of debts", strict)?;
    }
    Ok(state)
}

/// Notes the requirement of a currency in that currency, as the venue would write it.
pub fn note(workings: &mut Workings, name: &str, (initial, maintenance): (f64, f64)) {
    let of_what = if workings.state.is_known() { "" } else { ", of what is known" };
    let figures = format!("initial margin {initial} {name}, maintenance margin {maintenance} {name}");
    workings.notes.push(format!("{name}: {figures}{of_what}"));
}

/// Records in the workings the balances and surpluses that back none of the requirements in `required`, which is by currency.
pub fn segregate(
    workings: &mut Workings,
    (account, market): (&Account, &Market),
    pairs: &[PairAccount],
    required: &BTreeMap<String, InUsd>,
    strict: bool,
) -> Result<(), Refusal> {
    if pairs.is_empty() {
        return Ok(());
    }
    let dollars = pairs.iter().find(|pair| pair.payoff == Payoff::Linear && pair.currency.dollar == 1.0);
    if required.len() > 1 {
        workings.notes.push(SEGREGATED.to_owned());
    }
    let out_of_range = |overflow| Refusal::OutOfRange { account: account.name.clone(), overflow };
    let mut owned: BTreeMap<&str, Money> = required.keys().map(|currency| (currency.as_str(), Money::ZERO)).collect();
    let mut conversions = Conversions::new(VENUE, strict);
    for (place, balance) in account.balances.iter().enumerate() {
        let mut asset = market.assets[balance.asset.0].name.as_str();
        // USD, the valuation currency, is counted as a currency of the venue: every market lists it, but no venue holds it.
        if let Some(dollars) = dollars.filter(|_| balance.asset == USD && !required.contains_key(asset)) {
            conversions.counted_as(asset, &dollars.currency.name)?;
            asset = &dollars.currency.name;
        }
        match owned.get_mut(asset) {
            Some(sum) => add(sum, valuation::balance_value(balance, market)).map_err(out_of_range)?,
            None if balance.amount.is_negative() => {}
            None => workings.state.not_accept(NotAccepted::balance(account, place, market)?),
        }
    }
    workings.notes.extend(conversions.into_notes());
    for position in &account.positions {
        let settle = &market.assets[market.listing(position.instrument).settle.0].name;
        if let Some(sum) = owned.get_mut(settle.as_str()) {
            add(sum, valuation::position_value(position, market)).map_err(out_of_range)?;
        }
    }
    for part in idle(&owned, required).map_err(out_of_range)? {
        workings.state.not_accept(part);
    }
    Ok(())
}

fn add(sum: &mut Money, value: Result<Money, Overflow>) -> Result<(), Overflow> {
    *sum = sum.plus(value?)?;
    Ok(())
}

/// The surplus of every other currency over its maintenance margin, while some currency has less than its initial margin.
fn idle(owned: &BTreeMap<&str, Money>, required: &BTreeMap<String, InUsd>) -> Result<Vec<NotAccepted>, Overflow> {
    let (mut short, mut beyond) = (Vec::new(), Vec::new());
    for (currency, InUsd { initial, maintenance }) in required {
        let owned = owned.get(currency.as_str()).copied().unwrap_or(Money::ZERO);
        if owned < requirement(*initial)? {
            short.push(currency.as_str());
            continue;
        }
        let value = owned.minus(requirement(*maintenance)?)?;
        if value > Money::ZERO {
            beyond.push((currency, value));
        }
    }
    if short.is_empty() {
        return Ok(Vec::new());
    }
    let what = |currency| format!("{currency} beyond its own margin, for {} is short", short.join(", "));
    let idle = beyond.into_iter().map(|(currency, value)| NotAccepted { what: what(currency), location: None, value });
    Ok(idle.collect())
}
