//! One scenario of the method, position by position: as a table, and as a document `upm.stress-scenario/1`.

use margin::method::universal::Universal;
use margin::scenario::Scenario;
use margin::stress::parts;
use model::{Account, Market};
use serde::Serialize;
use shell::failure::Failure;
use shell::table::{Side, Table, paragraph};
use units::{Money, Overflow, Quantity, Ratio, Round};

use super::document::text;
use super::words::scenario_words;
use crate::amount::{Unit, exact, number};
use crate::document;
use crate::input::Book;
use crate::sheet::heading;

/// The name of the document.
pub const FORMAT: &str = "upm.stress-scenario/1";

/// One scenario of the method, to be shown position by position.
pub struct Told<'a> {
    place: usize,
    family: &'a str,
    scenario: &'a Scenario,
}

impl<'a> Told<'a> {
    /// Finds the scenario with this name; an unknown name is refused with similar names and all names.
    pub fn of(name: &str, universal: &'a Universal) -> Result<Self, Failure> {
        let set = &universal.array.set;
        let asked = typed(name);
        let Some(place) = set.scenarios.iter().position(|scenario| typed(&scenario.name) == asked) else {
            let known: Vec<&str> = set.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
            let near = model::nearest(name, known.iter().copied()).join("; ");
            let all = known.join("\n  ");
            let problem = format_args!("found \"{name}\", expected a scenario such as {near}; all are\n  {all}");
            return Err(Failure::wrong("--scenario", problem));
        };
        let family = set.families.iter().find(|family| family.range().contains(&place));
        Ok(Self { place, family: family.map_or("", |family| &family.name), scenario: &set.scenarios[place] })
    }

    fn parts(&self, book: &Book, account: &Account, universal: &Universal) -> Result<Vec<f64>, Failure> {
        parts(account, &universal.array, self.place).map_err(|why| book.refused(account, &why))
    }

    /// The document of an account in this scenario, for programs.
    pub fn document(&self, book: &Book, account: &Account, universal: &Universal) -> Result<String, Failure> {
        let parts = self.parts(book, account, universal)?;
        let document = scenario_document(account, &parts, &book.market, self.family, self.scenario);
        Ok(document::account(&document.map_err(|overflow| book.refused(account, &overflow))?))
    }

    /// The table of an account in this scenario, for people.
    pub fn sheet(&self, book: &Book, account: &Account, universal: &Universal, title: &str) -> Result<String, Failure> {
        let parts = self.parts(book, account, universal)?;
        let heading = heading(&account.name, title) + "\n";
        let words = format!("{}: {}", self.scenario.name, scenario_words(self.scenario, &book.market));
        let table = parts_table(account, &parts, &book.market, self.scenario.weight)
            .map_err(|overflow| book.refused(account, &overflow))?;
        Ok(heading + &paragraph("", 2, &words) + "\n" + &table)
    }
}

/// The name of a scenario as it can be typed: a keyboard has one minus, one times sign and one space.
fn typed(name: &str) -> String {
    let words = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = words.to_lowercase().replace(['−', '–', '‐', '‑'], "-").replace('×', "x");
    plain.replace(" %", "%")
}

/// Positions and balances, the largest loss first; they add up to the account as printed.
fn parts_table(account: &Account, parts: &[f64], market: &Market, weight: f64) -> Result<String, Overflow> {
    let total = parts.iter().sum();
    let largest = parts.iter().copied().chain([total]).fold(0.0, |largest: f64, part| largest.max(part.abs()));
    let unit = Unit::fitting(Money::from_f64(largest, Round::Up)?);
    let held = holdings(account, market).zip(parts).map(|(held, part)| Ok((held?, *part)));
    let mut rows: Vec<(Held, f64)> = held.collect::<Result<_, Overflow>>()?;
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    let amounts = rows.iter().map(|(_, pnl)| Money::from_f64(*pnl, Round::Down)).collect::<Result<Vec<_>, _>>()?;
    let total = Money::from_f64(total, Round::Down)?;
    let whole = unit.owned(total);

    let profit = format!("profit {}", unit.name);
    let mut table = Table::new(&[
        ("position or balance", Side::Left),
        ("contracts", Side::Right),
        ("size", Side::Right),
        (&profit, Side::Right),
    ]);
    for ((held, _), pnl) in rows.into_iter().zip(unit.parts(&amounts, whole)) {
        let contracts = if held.is_position { exact(held.quantity) } else { String::new() };
        table.row([held.name, contracts, held.size, pnl.to_string()]);
    }
    table.total(["account".to_owned(), String::new(), String::new(), whole.to_string()]);
    if weight < 1.0 {
        let words = format!("of which margin counts {} %", number(100.0 * weight, 0));
        let counted = Money::from_f64(weight * total.to_f64(), Round::Down)?;
        table.row([words, String::new(), String::new(), unit.owned(counted).to_string()]);
    }
    Ok(table.text())
}

/// A position or a balance in the list.
struct Held {
    name: String,
    /// Contracts of a position, units of a balance.
    quantity: Quantity,
    is_position: bool,
    /// Amount and unit, such as `-40000 USD`.
    size: String,
}

/// Every position, then every balance.
fn holdings<'a>(account: &'a Account, market: &'a Market) -> impl Iterator<Item = Result<Held, Overflow>> + 'a {
    let positions = account.positions.iter().map(|held| {
        let listing = market.listing(held.instrument);
        let size = format!("{} {}", exact(listing.amount_of(held.quantity)?), market.size_unit(held.instrument));
        Ok(Held { name: listing.name.clone(), quantity: held.quantity, is_position: true, size })
    });
    let balances = account.balances.iter().map(|held| {
        let asset = &market.assets[held.asset.0].name;
        let name = held.location.as_ref().map_or_else(|| asset.clone(), |location| format!("{asset} at {location}"));
        let size = format!("{} {asset}", exact(held.amount));
        Ok(Held { name, quantity: held.amount, is_position: false, size })
    });
    positions.chain(balances)
}

/// One account in one scenario, holding by holding.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ScenarioAccount<'a> {
    account: &'a str,
    family: &'a str,
    scenario: &'a str,
    /// The part of the profit and loss that margin counts.
    weight: Option<Ratio>,
    /// Profit and loss before the weight of the scenario is applied.
    pnl: Option<Ratio>,
    parts: Vec<PartDocument>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PartDocument {
    /// Name of the instrument, or of the asset and where it is held.
    holding: String,
    /// Contracts of a position, units of a balance.
    quantity: Quantity,
    /// Amount and unit, such as `-40000 USD`.
    size: String,
    pnl: Option<Ratio>,
}

fn scenario_document<'a>(
    account: &'a Account,
    parts: &[f64],
    market: &Market,
    family: &'a str,
    scenario: &'a Scenario,
) -> Result<ScenarioAccount<'a>, Overflow> {
    let holdings = holdings(account, market).zip(parts);
    Ok(ScenarioAccount {
        account: &account.name,
        family,
        scenario: &scenario.name,
        weight: text(scenario.weight),
        pnl: text(parts.iter().sum()),
        parts: holdings
            .map(|(held, pnl)| {
                let Held { name, quantity, size, .. } = held?;
                Ok(PartDocument { holding: name, quantity, size: size.replace(',', ""), pnl: text(*pnl) })
            })
            .collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Framed, Head, Tail};

    #[test]
    fn the_schema_is_current() {
        let side = testdata::schema::Side::Written;
        testdata::schema::is_current::<Framed<Head, ScenarioAccount<'static>, Tail<'static>>>(FORMAT, side);
    }
}
