//! Two assessments of one account side by side: before and after a trade, at the mark and at slow averages.

use margin::{Assessment, UnderlyingGreeks};
use shell::table::{Side, Table, paragraph};
use units::Overflow;

use crate::amount::{Shown, Unit, number};
use crate::sheet::{self, Amounts};

/// The labels of the two assessments.
pub struct Words {
    /// The labels of the first, of the second, and of their difference.
    pub columns: [&'static str; 3],
    /// The label of the second assessment's scenario, where it differs from the first.
    pub second_core: &'static str,
}

impl Words {
    fn under<'a>(&self, corner: &'a str) -> [(&'a str, Side); 4] {
        let [first, second, difference] = self.columns;
        [(corner, Side::Left), (first, Side::Right), (second, Side::Right), (difference, Side::Right)]
    }
}

/// Equity and margins of the account, and every line of the margin.
pub fn margins(both: [&Assessment; 2], words: &Words) -> Result<String, Overflow> {
    let unit = Unit::fitting(both.map(sheet::largest).into_iter().max().unwrap_or_default());
    let amounts = [Amounts::in_unit(unit, both[0])?, Amounts::in_unit(unit, both[1])?];
    let mut table = Table::new(&words.under(unit.name));
    let mut row = |name: &str, of: fn(&Amounts) -> Shown| {
        let [first, second] = [of(&amounts[0]), of(&amounts[1])];
        table.row([name.to_owned(), first.to_string(), second.to_string(), second.minus(first).signed()]);
    };
    row("equity", |amounts| amounts.equity);
    row("initial margin", |amounts| amounts.initial);
    row("maintenance margin", |amounts| amounts.maintenance);
    if both.iter().any(|one| !one.requirement.not_accepted().is_empty()) {
        row("not accepted", |amounts| amounts.equity.minus(amounts.counted));
    }
    if both.iter().all(|one| one.requirement.is_known()) {
        row("excess", |amounts| amounts.excess);
    } else {
        table.row(["excess", sheet::UNKNOWN, sheet::UNKNOWN]);
    }
    let [first, second] = both;
    table.row(["health", &sheet::health(first), &sheet::health(second)]);
    table.row(["status", &sheet::standing(first.status), &sheet::standing(second.status)]);
    let mut limits: Vec<String> = both.iter().flat_map(|one| sheet::limits(one, unit)).collect();
    limits.dedup();
    let limits: String = limits.iter().map(|limit| paragraph("  limit", 9, limit)).collect();
    Ok(table.text() + &limits + "\n" + &workings(both, &amounts, words))
}

/// The core and every charge of the maintenance margin, and the scenarios that decide.
fn workings(both: [&Assessment; 2], amounts: &[Amounts; 2], words: &Words) -> String {
    let columns = words.under("maintenance margin");
    let mut table = Table::new(&columns);
    let mut row = |name: &str, [before, after]: [Shown; 2]| {
        if !(before.is_zero() && after.is_zero()) {
            table.row([name.to_owned(), before.to_string(), after.to_string(), after.minus(before).signed()]);
        }
    };
    row("core", [amounts[0].core, amounts[1].core]);
    let mut names: Vec<&str> = Vec::new();
    for charge in both.iter().flat_map(|assessment| &assessment.charges) {
        if !names.contains(&charge.charge.as_str()) {
            names.push(&charge.charge);
        }
    }
    for name in names {
        let of = |side: usize| {
            let charges = both[side].charges.iter().zip(&amounts[side].charges_maintenance);
            let nothing = amounts[side].core.minus(amounts[side].core);
            charges.filter(|(charge, _)| charge.charge == name).fold(nothing, |sum, (_, shown)| sum.plus(*shown))
        };
        row(name, [of(0), of(1)]);
    }
    let decided = both.map(|assessment| format!("{}, {}", assessment.core.family, assessment.core.scenario));
    let mut text = table.text() + &paragraph("  the core is lost in:", 23, &decided[0]);
    if decided[0] != decided[1] {
        text += &paragraph(&format!("  {}", words.second_core), 23, &decided[1]);
    }
    text
}

/// Delta, gamma, vega and theta of every underlying on which either account depends.
pub fn sensitivities(both: [&Assessment; 2], words: &Words) -> String {
    let columns = words.under("greeks");
    let mut table = Table::new(&columns);
    let mut names: Vec<&str> =
        both.iter().flat_map(|one| &one.greeks).map(|greeks| greeks.underlying.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let mut row = |what: &str, (decimals, scale): (usize, f64), of: fn(&UnderlyingGreeks) -> f64| {
            let of = |one: &Assessment| one.greeks.iter().find(|greeks| greeks.underlying == *name).map_or(0.0, of);
            // The numbers are rounded before they are subtracted, so that the row adds up.
            let [before, after] = both.map(|one| (of(one) * scale).round() / scale);
            let sign = if after > before { "+" } else { "" };
            let difference = format!("{sign}{}", number(after - before, decimals));
            table.row([format!("{name} {what}"), number(before, decimals), number(after, decimals), difference]);
        };
        row("delta", (4, 1e4), |greeks| greeks.delta);
        row("gamma USD/1%", (0, 1.0), |greeks| greeks.gamma_1pct_usd);
        row("vega USD/pt", (0, 1.0), |greeks| greeks.vega_usd);
        row("theta USD/day", (0, 1.0), |greeks| greeks.theta_usd_day);
    }
    if names.is_empty() { String::new() } else { table.text() }
}
