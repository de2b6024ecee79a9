//! `upm what-if`: an account before and after trades, and the difference.

use margin::{Assessment, UnderlyingGreeks, assess};
use serde::Serialize;
use units::Overflow;

use crate::amount::{Shown, Unit, number};
use crate::failure::Failure;
use crate::input::{Book, BookArgs, MethodArgs, Output, Reader, Rules};
use crate::printer::{Answer, Tone, toned};
use crate::sheet::{self, Amounts};
use crate::table::{Side, Table, cut, paragraph};
use crate::trade;

/// Margin an account before and after trades
///
/// A trade without a price is made at the mark. Profits and premiums move into the balances; fees are not taken.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm what-if --market samples/market.json --portfolio samples/portfolio.json --account \"short strangle\" \\
      --trade \"BTC_USDC-PERPETUAL -1\"")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    method: MethodArgs,
    /// Instrument, signed contracts, price: "BTC-8MAY26-78000-C +10 @2400"; repeat for more
    #[arg(long = "trade", value_name = "TRADE", required = true)]
    trades: Vec<String>,
    /// table for people, or json (upm.what-if/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// `upm.what-if/1`.
#[derive(Serialize)]
struct WhatIfDocument<'a> {
    format: &'static str,
    method: &'static str,
    params: String,
    time: String,
    trades: &'a [String],
    before: &'a Assessment,
    after: &'a Assessment,
}

/// Assesses the one account asked for twice.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let book = args.book.read(&mut reader)?;
    let rules = args.method.read(&mut reader, &book)?;
    let [account] = book.accounts.as_slice() else {
        let known = book.accounts.iter().map(|account| account.name.as_str());
        return Err(Failure::wrong("--account", format_args!("missing, expected {}", crate::input::names(known))));
    };
    let judge = rules.judge(&book)?;
    let mut traded = account.clone();
    for text in &args.trades {
        let trade = trade::read(text, &book.market).map_err(|problem| Failure::wrong("--trade", problem))?;
        traded = trade::after(&traded, &trade, &book.market)
            .map_err(|overflow| Failure::wrong("--trade", format_args!("\"{text}\": {overflow}")))?;
    }
    let assessed = |account| assess(account, &*judge).map_err(|why| book.refused(account, &why));
    let (before, after) = (assessed(account)?, assessed(&traded)?);
    if args.output == Output::Json {
        return Ok(Answer::json(&WhatIfDocument {
            format: "upm.what-if/1",
            method: rules.method.about.name,
            params: rules.rulebook.name(),
            time: book.market.time.to_string(),
            trades: &args.trades,
            before: &before,
            after: &after,
        }));
    }
    let table =
        table(&book, &rules, &args.trades, [&before, &after]).map_err(|overflow| book.refused(account, &overflow))?;
    Ok(Answer::out(table))
}

fn table(book: &Book, rules: &Rules, trades: &[String], both: [&Assessment; 2]) -> Result<String, Overflow> {
    let unit = Unit::fitting(both.map(sheet::largest).into_iter().max().unwrap_or_default());
    let amounts = [Amounts::in_unit(unit, both[0])?, Amounts::in_unit(unit, both[1])?];
    let columns =
        [(unit.name, Side::Left), ("before", Side::Right), ("after", Side::Right), ("difference", Side::Right)];
    let mut table = Table::new(&columns);
    let mut row = |name: &str, of: fn(&Amounts) -> Shown| {
        let [before, after] = [of(&amounts[0]), of(&amounts[1])];
        table.row([name.to_owned(), before.to_string(), after.to_string(), after.minus(before).signed()]);
    };
    row("equity", |amounts| amounts.equity);
    row("initial margin", |amounts| amounts.initial);
    row("maintenance margin", |amounts| amounts.maintenance);
    row("excess", |amounts| amounts.excess);
    let [before, after] = both;
    table.row(["health", &sheet::health(before), &sheet::health(after)]);
    table.row(["status", &sheet::status(before.status), &sheet::status(after.status)]);

    let title = toned(Tone::Dim, &cut(&rules.title(book), 58));
    let mut sections = vec![
        format!("{} {title}\n", toned(Tone::Bold, &cut(&before.account, 40))),
        trades.iter().map(|trade| paragraph("  trade", 9, trade)).collect(),
        table.text(),
        workings(both, &amounts),
        sensitivities(both),
    ];
    let mut notes = before.notes.clone();
    notes.extend(after.notes.iter().filter(|note| !before.notes.contains(note)).cloned());
    sections.push(sheet::notes(&notes));
    sections.retain(|section| !section.is_empty());
    Ok(sections.join("\n"))
}

/// The core and every charge of the maintenance margin, and the scenarios that decide.
fn workings(both: [&Assessment; 2], amounts: &[Amounts; 2]) -> String {
    let columns = [
        ("maintenance margin", Side::Left),
        ("before", Side::Right),
        ("after", Side::Right),
        ("difference", Side::Right),
    ];
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
    let words = both.map(|assessment| format!("{}, {}", assessment.core.family, assessment.core.scenario));
    let mut text = table.text() + &paragraph("  the core is lost in:", 23, &words[0]);
    if words[0] != words[1] {
        text += &paragraph("  after the trade in:", 23, &words[1]);
    }
    text
}

/// Delta, gamma, vega and theta of every underlying that either account depends on.
fn sensitivities(both: [&Assessment; 2]) -> String {
    let columns =
        [("greeks", Side::Left), ("before", Side::Right), ("after", Side::Right), ("difference", Side::Right)];
    let mut table = Table::new(&columns);
    let mut names: Vec<&str> =
        both.iter().flat_map(|one| &one.greeks).map(|greeks| greeks.underlying.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let mut row = |what: &str, (decimals, scale): (usize, f64), of: fn(&UnderlyingGreeks) -> f64| {
            let of = |one: &Assessment| one.greeks.iter().find(|greeks| greeks.underlying == *name).map_or(0.0, of);
            // Rounded before they are subtracted, so that the row adds up.
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
