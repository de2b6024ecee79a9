//! Many accounts for people: a row each, and their sums.
//!
//! Rows are written while accounts are read, so the widths of the columns are fixed beforehand. A number that does not
//! fit is written in full and moves the rest of its row.

use std::collections::BTreeMap;
use std::sync::Mutex;

use margin::{Standing, Status, Summary};
use shell::printer::{Tone, columns, toned};
use shell::table::{cut, paragraph};
use units::grouped::thousands;
use units::{Money, Overflow, Round};

use crate::amount::Unit;
use crate::sheet::{UNKNOWN, ratio, standing};

/// The width of a column of amounts: 99,999,999,999 with a sign and a space before it.
const AMOUNT: usize = 15;
/// The widths of health and status.
const HEALTH: usize = 10;
const STATUS: usize = 11;
/// The width of the names on the narrowest terminal, and on any other at most.
const NAMES: (usize, usize) = (10, 40);

/// The sums of the rows written so far. The rows may be added in any order and by many threads.
#[derive(Default)]
pub struct Sums(Mutex<Sum>);

#[derive(Default)]
struct Sum {
    equity: Money,
    initial: Money,
    maintenance: Money,
    /// The number of accounts of each status, the worst first.
    accounts: BTreeMap<Order, usize>,
    /// Whether a sum does not fit.
    overflows: bool,
}

/// The order in which statuses are told: the worst first, what is not known last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Known(Status),
    Unknown,
}

/// The title and the heads of the columns. `title` names the method and the time.
pub fn head(title: &str) -> String {
    let amounts = ["counted equity", "initial", "maintenance"].map(|name| right(name, AMOUNT)).concat();
    let line = format!("  {:names$}{amounts}{}  status", "account", right("health", HEALTH), names = names());
    format!("{}\n\n{}\n", toned(Tone::Bold, &cut(title.trim_start_matches("· "), columns())), toned(Tone::Dim, &line))
}

/// The row of one account: amounts in whole dollars, rounded against the account.
pub fn row(summary: &Summary) -> String {
    let known = summary.requirement.is_known();
    let margin = |margin| if known { dollars(margin, Round::Up) } else { UNKNOWN.to_owned() };
    let amounts = [
        dollars(summary.counted_equity, Round::Down),
        margin(summary.initial_margin),
        margin(summary.maintenance_margin),
    ];
    let amounts = amounts.map(|amount| right(&amount, AMOUNT)).concat();
    let health = right(&ratio(summary.health), HEALTH);
    let name = cut(&summary.account, names());
    let space = " ".repeat(names().saturating_sub(name.chars().count()));
    format!("  {name}{space}{amounts}{health}  {}\n", standing(summary.status))
}

impl Sums {
    /// Adds an account.
    pub fn add(&self, summary: &Summary) {
        let mut sum = self.0.lock().expect("no thread panics while it adds");
        let order = match summary.status {
            Standing::Known(status) => Order::Known(status),
            Standing::Unknown => Order::Unknown,
        };
        *sum.accounts.entry(order).or_default() += 1;
        let added = sum.with(summary);
        match added {
            Ok((equity, initial, maintenance)) => {
                (sum.equity, sum.initial, sum.maintenance) = (equity, initial, maintenance);
            }
            Err(_) => sum.overflows = true,
        }
    }

    /// The line under the rows, with the sums of all known margins, and how many accounts have which status.
    pub fn told(&self) -> String {
        let sum = self.0.lock().expect("no thread panics while it adds");
        let count: usize = sum.accounts.values().sum();
        let each = sum
            .accounts
            .iter()
            .map(|(order, count)| format!("{} {}", thousands(&count.to_string()), standing(order.standing())));
        let each = each.collect::<Vec<_>>().join(", ");
        let accounts = format!("{} account{}", thousands(&count.to_string()), if count == 1 { "" } else { "s" });
        let amounts = [(sum.equity, Round::Down), (sum.initial, Round::Up), (sum.maintenance, Round::Up)];
        let amounts = amounts.map(|(amount, round)| {
            right(&if sum.overflows { UNKNOWN.to_owned() } else { dollars(amount, round) }, AMOUNT)
        });
        let names = names();
        let rule = "─".repeat(names + 3 * AMOUNT + HEALTH + 2 + STATUS);
        let line = format!("  {:names$}{}", cut(&accounts, names), amounts.concat());
        let unknown = sum.accounts.get(&Order::Unknown);
        let note = unknown.map_or_else(String::new, |_| {
            paragraph("  note", 8, "the sums of the margins leave out the accounts whose requirement is not known")
        });
        format!("  {}\n{}\n\n  {each}; all amounts in USD\n{note}", toned(Tone::Dim, &rule), toned(Tone::Bold, &line))
    }
}

impl Sum {
    fn with(&self, summary: &Summary) -> Result<(Money, Money, Money), Overflow> {
        let equity = self.equity.plus(summary.counted_equity)?;
        if !summary.requirement.is_known() {
            return Ok((equity, self.initial, self.maintenance));
        }
        let initial = self.initial.plus(summary.initial_margin)?;
        Ok((equity, initial, self.maintenance.plus(summary.maintenance_margin)?))
    }
}

impl Order {
    fn standing(self) -> Standing {
        match self {
            Self::Known(status) => Standing::Known(status),
            Self::Unknown => Standing::Unknown,
        }
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

/// An amount in whole dollars.
fn dollars(amount: Money, round: Round) -> String {
    match round {
        Round::Up => Unit::DOLLARS.needed(amount).to_string(),
        Round::Down => Unit::DOLLARS.owned(amount).to_string(),
    }
}
