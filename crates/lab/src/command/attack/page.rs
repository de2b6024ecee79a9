//! The books that were found, as text for readers.

use attack::hunt::{Found, Worst};
use attack::walk::Walked;
use shell::printer::{Tone, toned};
use shell::table::{Side, Table, paragraph};
use units::grouped::{exact, number};

use super::Document;

/// Legs of a book that are printed; the others are counted.
const LEGS: usize = 8;

/// The page of a document.
pub fn text(document: &Document) -> String {
    if document.time.is_none() {
        return walked(document);
    }
    let verdict = match (document.limits.is_empty(), document.passed) {
        (true, _) => String::new(),
        (false, true) => format!(" · {}", toned(Tone::Green, "within the limits")),
        (false, false) => format!(" · {}", toned(Tone::Red, "above a limit")),
    };
    let mut text = format!("{}{verdict}\n\n", toned(Tone::Bold, document.method));
    let columns = [
        ("underlying", Side::Left),
        ("kind", Side::Left),
        ("days", Side::Right),
        ("worst loss/margin", Side::Right),
        ("programme", Side::Right),
        ("loss, USD", Side::Right),
        ("day", Side::Left),
    ];
    let mut table = Table::new(&columns);
    for found in document.found {
        table.row(row(found));
    }
    text += &table.text();
    text.push('\n');
    let unsolved: usize = document.found.iter().map(|found| found.unsolved).sum();
    if unsolved > 0 {
        text += &paragraph("  unsolved", 16, &format!("{} programmes, which the solver gave up", exact(unsolved)));
    }
    for found in document.found {
        if let Some(worst) = &found.worst {
            text += &paragraph(&format!("  {} {}", found.underlying, found.kind.name()), 16, &legs(worst));
        }
    }
    text
}

fn row(found: &Found) -> [String; 7] {
    let (ratio, programme, loss, day) = match (&found.worst, &found.skipped) {
        (Some(worst), _) => {
            let ratio = number(worst.ratio, 2);
            (ratio, number(worst.programme_ratio, 2), number(worst.loss, 0), worst.day.clone())
        }
        (None, Some(why)) => (dash(), dash(), dash(), why.clone()),
        (None, None) => (dash(), dash(), dash(), "no book loses".to_owned()),
    };
    let kind = found.kind.name().to_owned();
    [found.underlying.clone(), kind, exact(found.days), ratio, programme, loss, day]
}

fn dash() -> String {
    "-".to_owned()
}

fn legs(worst: &Worst) -> String {
    let leg = |held: &attack::hunt::Held| format!("{} of {}", number(held.coins, 2), held.name);
    let mut words: Vec<String> = worst.legs.iter().take(LEGS).map(leg).collect();
    if worst.legs.len() > LEGS {
        words.push(format!("and {} more", worst.legs.len() - LEGS));
    }
    words.join(", ")
}

fn walked(document: &Document) -> String {
    let mut text = format!("{}\n\n", toned(Tone::Bold, document.method));
    let columns = [
        ("books built for", Side::Left),
        ("book-intervals", Side::Right),
        ("above margin", Side::Right),
        ("share, %", Side::Right),
        ("worst loss/margin", Side::Right),
        ("no value", Side::Right),
        ("unsolved", Side::Right),
    ];
    let mut table = Table::new(&columns);
    for row in document.walked {
        let worst = row.worst_ratio.map_or_else(dash, |ratio| number(ratio, 2));
        let [books, above] = [row.books, row.above].map(exact);
        let [no_value, unsolved] = [row.no_value, row.unsolved].map(exact);
        table.row([row.kind.clone(), books, above, share(row), worst, no_value, unsolved]);
    }
    text += &table.text();
    text.push('\n');
    for row in document.walked {
        if let Some(worst) = &row.worst {
            text += &paragraph(&format!("  {}", row.kind), 30, &format!("worst: {worst}"));
        }
    }
    text
}

/// The share of books above their margin, in per cent with two decimals.
fn share(row: &Walked) -> String {
    let hundredths = (u128::from(row.above) * 10_000 + u128::from(row.books) / 2).checked_div(u128::from(row.books));
    hundredths.map_or_else(dash, |found| format!("{}.{:02}", found / 100, found % 100))
}
