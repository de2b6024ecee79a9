//! The grid of an account for people: cells, worst cells, and the scan beside the estimate from Greeks.

use margin::stress::{Estimate, price_move};
use shell::printer::{self, Tone, toned};
use shell::table::{Side, Table, cut, paragraph};

use super::Stressed;
use super::words::{cell_words, percent, plus};

use crate::amount::{down, number};
use crate::scale::Scale;
use crate::sheet::heading;

/// The characters before the first column of a grid, and of each column.
const LEAD: usize = 22;
const CELL: usize = 7;
/// The width below which the rule over the scan range has no room for its name.
const NAMED_MIN: usize = 15;

impl Stressed {
    /// The answer as a page for people.
    pub fn sheet(&self, title: &str) -> String {
        heading(&self.assessment.account, title) + "\n" + &self.grid() + &self.worst() + "\n" + &self.scan()
    }

    /// The matrix, seven characters per cell, of which the last is for marks; a wide matrix is split into several
    /// parts.
    fn grid(&self) -> String {
        let unit = Scale::fitting(self.matrix.largest());
        let mut text = format!("  {}\n", toned(Tone::Dim, &format!("profit and loss, {}", unit.name)));
        let columns: Vec<usize> = (0..self.matrix.prices.len()).collect();
        let room = (printer::columns() - LEAD) / CELL;
        for columns in columns.chunks(room) {
            text += &self.grid_part(columns, unit);
            text.push('\n');
        }
        for (count, what) in self.matrix.left_out.iter().zip(["price", "volatility"]) {
            let moves = match count {
                0 => continue,
                1 => format!("1 move of {what} is"),
                more => format!("{more} moves of {what} are"),
            };
            text += &paragraph("", 2, &format!("{moves} left out: a {what} would fall to nothing."));
        }
        text
    }

    fn grid_part(&self, columns: &[usize], unit: Scale) -> String {
        let matrix = &self.matrix;
        let mut text = String::new();
        for (name, range) in &matrix.ranges {
            let moves = columns.iter().map(|column| percent(price_move(matrix.prices[*column], *range)));
            let moves: Vec<String> = moves.map(|percent| format!("{percent:>6}")).collect();
            text = text + &format!("  {:<20}{}", cut(name, 19), moves.join(" ")) + "\n";
        }
        let (middle, _) = matrix.middle();
        let inside: Vec<usize> = columns.iter().copied().filter(|column| matrix.in_scan(middle, *column)).collect();
        if let Some(first) = inside.first() {
            let width = CELL * inside.len() - 2;
            let rule = if width >= NAMED_MIN { format!("{:─^width$}", " scan range ") } else { "─".repeat(width) };
            let indent = " ".repeat(LEAD + CELL * (first - columns[0]));
            text = text + &indent + &toned(Tone::Dim, &format!("├{rule}┤")) + "\n";
        }
        let (worst, in_scan) = (matrix.worst(), matrix.worst_in_scan());
        for (row, vol) in matrix.vols.iter().enumerate() {
            let points = vol.points.map_or_else(String::new, |points| format!("{} pt", plus(&number(points, 1))));
            let side = if vol.part.abs() <= 1.0 { "│" } else { " " };
            let mut line = format!("  vol {:>6}{points:>9}{}", percent(vol.relative), toned(Tone::Dim, side));
            for column in columns {
                let value = unit.show(matrix.pnl[row][*column]);
                let mark = match (row, *column) {
                    _ if matrix.largest() == 0.0 => ' ',
                    cell if cell == in_scan => '*',
                    cell if cell == worst => '†',
                    _ => ' ',
                };
                let cell = format!("{value:>6}{mark}");
                line += &if mark == ' ' { cell } else { toned(Tone::Red, &cell) };
            }
            text = text + line.trim_end() + "\n";
        }
        text
    }

    /// The worst cells, and the equity that remains in them.
    fn worst(&self) -> String {
        let matrix = &self.matrix;
        if matrix.largest() == 0.0 {
            return "  nothing that moves changes what this account is worth\n".to_owned();
        }
        let columns = [("", Side::Left), ("USD", Side::Right), ("equity then", Side::Right), ("at", Side::Left)];
        let mut table = Table::new(&columns);
        let decimals = decimals(matrix.largest());
        let equity = down(self.assessment.equity.to_f64(), decimals);
        let (worst, in_scan) = (matrix.worst(), matrix.worst_in_scan());
        let mut row = |words: &str, (row, column): (usize, usize)| {
            let pnl = down(matrix.pnl[row][column], decimals);
            let dollars = |value: f64| number(value, decimals);
            table.row([words.to_owned(), dollars(pnl), dollars(equity + pnl), cell_words(matrix, row, column)]);
        };
        row("* worst inside the scan range", in_scan);
        if worst != in_scan {
            row("† worst of the grid", worst);
        }
        table.text()
    }

    /// The scan of all prices together at once, and the worst of it as the margin period passes, revalued in full and
    /// estimated from Greeks.
    fn scan(&self) -> String {
        let columns = [
            ("scan together", Side::Left),
            ("full USD", Side::Right),
            ("greeks USD", Side::Right),
            ("gap USD", Side::Right),
        ];
        let mut table = Table::new(&columns);
        let decimals = decimals(self.matrix.largest());
        let dollars = |value: f64| number(value, decimals);
        let together = || self.estimates.iter().filter(|one| one.family == "scan together");
        let passing = together().filter(|one| !one.at_once).min_by(|one, other| one.pnl.total_cmp(&other.pnl));
        for Estimate { scenario, pnl, second_order, .. } in together().filter(|one| one.at_once).chain(passing) {
            let [full, estimate] = [*pnl, *second_order].map(|value| down(value, decimals));
            table.row([scenario.to_string()].into_iter().chain([full, estimate, full - estimate].map(dollars)));
        }
        let words = "greeks: delta, gamma, vega and theta now, to the second order; the gap is what they do not see. The \
                     last line is the worst of the scan as the day passes; JSON has all of them.";
        table.text() + &paragraph("", 2, words)
    }
}

/// The decimals of an amount: cents for small amounts only.
fn decimals(largest: f64) -> usize {
    if largest < 1000.0 { 2 } else { 0 }
}
