//! Many accounts for people: a row each, and their sums.
//!
//! Rows are written while accounts are read, so the widths of the columns are fixed beforehand. A number that does not
//! fit is written in full and moves the rest of its row.

use std::collections::BTreeMap;
use std::sync::Mutex;

use margin::{Standing, Summary};
use shell::printer::{Tone, columns, toned};
use shell::table::{cut, paragraph};
use units::grouped::thousands;

use crate::amount::{Shown, Unit};
use crate::sheet::{UNKNOWN, ratio, standing};

/// The width of a column of amounts: 99,999,999,999 with a sign and a space before it.
const AMOUNT: usize = 15;
/// The widths of health and status.
const HEALTH: usize = 10;
const STATUS: usize = 11;
/// The width of the names on the narrowest terminal, and on any other at most.
const NAMES: (usize, usize) = (10, 40);

/// The sums of the rows as they are printed, so that the columns add up. The rows may be added in any order and by many
/// threads.
#[derive(Default)]
pub struct Sums(Mutex<Sum>);

#[derive(Default)]
struct Sum {
    /// Of each column of amounts; none before the first amount.
    amounts: [Option<Shown>; 3],
    /// The number of accounts of each status, the worst first, then the accounts whose requirement is not known.
    accounts: BTreeMap<Standing, usize>,
}

/// The title and the heads of the columns. `title` names the method and the time.
pub fn head(title: &str) -> String {
    let amounts = ["counted equity", "initial", "maintenance"].map(|name| right(name, AMOUNT)).concat();
    let line = format!("  {:names$}{amounts}{}  status", "account", right("health", HEALTH), names = names());
    format!("{}\n\n{}\n", toned(Tone::Bold, &cut(title.trim_start_matches("· "), columns())), toned(Tone::Dim, &line))
}

/// Counted equity, initial and maintenance margin in whole dollars, rounded against the account; none where the
/// requirement is not known.
fn amounts(summary: &Summary) -> [Option<Shown>; 3] {
    let margin = |margin| summary.requirement.is_known().then(|| Unit::DOLLARS.needed(margin));
    let equity = Unit::DOLLARS.owned(summary.counted_equity);
    [Some(equity), margin(summary.initial_margin), margin(summary.maintenance_margin)]
}

/// The cells of amounts.
fn cells(amounts: [Option<Shown>; 3]) -> String {
    let cell = |amount: Option<Shown>| amount.map_or_else(|| UNKNOWN.to_owned(), |amount| amount.to_string());
    amounts.map(|amount| right(&cell(amount), AMOUNT)).concat()
}

/// The row of one account.
pub fn row(summary: &Summary) -> String {
    let name = cut(&summary.account, names());
    let health = right(&ratio(summary.health), HEALTH);
    format!("  {name:names$}{}{health}  {}\n", cells(amounts(summary)), standing(summary.status), names = names())
}

impl Sums {
    /// Adds the row of an account.
    pub fn add(&self, summary: &Summary) {
        let mut sum = self.0.lock().expect("no thread panics while it adds");
        *sum.accounts.entry(summary.status).or_default() += 1;
        for (sum, amount) in sum.amounts.iter_mut().zip(amounts(summary)) {
            *sum = match (*sum, amount) {
                (Some(sum), Some(amount)) => Some(sum.plus(amount)),
                (sum, amount) => sum.or(amount),
            };
        }
    }

    /// The line under the rows, with the sums of all known margins, and how many accounts have which status.
    pub fn told(&self) -> String {
        let sum = self.0.lock().expect("no thread panics while it adds");
        let counted = |count: &usize| thousands(&count.to_string());
        let each = sum.accounts.iter().map(|(status, count)| format!("{} {}", counted(count), standing(*status)));
        let each = each.collect::<Vec<_>>().join(", ");
        let count: usize = sum.accounts.values().sum();
        let accounts = format!("{} account{}", counted(&count), if count == 1 { "" } else { "s" });
        let rule = "─".repeat(names() + 3 * AMOUNT + HEALTH + 2 + STATUS);
        let line = format!("  {:names$}{}", cut(&accounts, names()), cells(sum.amounts), names = names());
        let note = if sum.accounts.contains_key(&Standing::Unknown) {
            paragraph("  note", 8, "the sums of the margins leave out the accounts whose requirement is not known")
        } else {
            String::new()
        };
        format!("  {}\n{}\n\n  {each}; all amounts in USD\n{note}", toned(Tone::Dim, &rule), toned(Tone::Bold, &line))
    }
}

/// The width of the names.
fn names() -> usize {
    let others = 2 + 3 * AMOUNT + HEALTH + 2 + STATUS;
    columns().saturating_sub(others).clamp(NAMES.0, NAMES.1)
}

fn right(text: &str, width: usize) -> String {
    // At least one space parts two numbers, also where one of them is too wide.
    format!(" {text:>width$}", width = width - 1)
}
