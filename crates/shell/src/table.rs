//! Tables and paragraphs for people: aligned, and as wide as the terminal or the paper.

use crate::printer::{Tone, clean, columns, plain, toned, width};

/// The gap between two columns.
const GAP: &str = "  ";
/// The width below which no column of words is cut.
const WORDS_MIN: usize = 6;

/// The side on which the cells of a column line up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the left, as words are.
    Left,
    /// To the right, as numbers are.
    Right,
}

/// Rows of cells under a head. An empty column is left out. When a row is too wide, the widest column of words is cut
/// with an ellipsis; when numbers alone are too wide, the last columns follow below, beside the first column again.
pub struct Table {
    head: Vec<String>,
    sides: Vec<Side>,
    rows: Vec<Row>,
}

enum Row {
    Cells(Vec<String>),
    Rule,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&str, Side)]) -> Self {
        let head = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { head, sides: columns.iter().map(|(_, side)| *side).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert!(cells.len() <= self.sides.len(), "a row has no more cells than the table has columns");
        cells.resize(self.sides.len(), String::new());
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a row of sums under a line.
    pub fn total<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(Row::Rule);
        self.row(cells.into_iter().map(|cell| toned(Tone::Bold, &cell.into())));
    }

    /// The lines, each ended by a line break.
    pub fn text(&self) -> String {
        self.within(columns())
    }

    /// The lines, none wider than `room` columns as long as words can be cut and numbers can follow below.
    fn within(&self, room: usize) -> String {
        let natural = self.natural();
        let parts = self.parts(&natural, room);
        let texts = parts.iter().map(|part| {
            let shown = (0..natural.len()).map(|column| if part.contains(&column) { natural[column] } else { 0 });
            self.part(&self.cut(shown.collect(), room))
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Splits the columns into tables below each other: all columns together, or the first with as many others as fit.
    fn parts(&self, natural: &[usize], room: usize) -> Vec<Vec<usize>> {
        let least = |column: usize| match self.sides[column] {
            Side::Left => natural[column].min(WORDS_MIN),
            Side::Right => natural[column],
        };
        let used: Vec<usize> = (0..natural.len()).filter(|column| natural[*column] > 0).collect();
        let Some((first, others)) = used.split_first() else { return vec![Vec::new()] };
        let mut parts = vec![vec![*first]];
        let begin = GAP.len() + least(*first);
        let mut taken = begin;
        for column in others {
            let more = GAP.len() + least(*column);
            let part = parts.last_mut().expect("there is a first");
            if taken + more > room && part.len() > 1 {
                parts.push(vec![*first, *column]);
                taken = begin + more;
            } else {
                part.push(*column);
                taken += more;
            }
        }
        parts
    }

    fn part(&self, widths: &[usize]) -> String {
        let head: Vec<String> = self.head.iter().map(|name| toned(Tone::Dim, name)).collect();
        let mut text = String::new();
        self.line(&mut text, &head, widths);
        for row in &self.rows {
            match row {
                Row::Cells(cells) => self.line(&mut text, cells, widths),
                Row::Rule => {
                    let wide: usize = widths.iter().filter(|width| **width > 0).map(|width| width + GAP.len()).sum();
                    let rule = "─".repeat(wide.saturating_sub(GAP.len()));
                    text += &(GAP.to_owned() + &toned(Tone::Dim, &rule) + "\n");
                }
            }
        }
        text
    }

    /// The width that each column needs; 0 for an empty column.
    fn natural(&self) -> Vec<usize> {
        let mut widths = vec![0; self.sides.len()];
        for row in &self.rows {
            if let Row::Cells(cells) = row {
                for (widest, cell) in widths.iter_mut().zip(cells) {
                    *widest = (*widest).max(width(cell));
                }
            }
        }
        let used = widths.iter_mut().zip(&self.head).filter(|(widest, _)| **widest > 0);
        used.for_each(|(widest, name)| *widest = (*widest).max(width(name)));
        widths
    }

    /// The widths, with columns of words cut until they fit.
    fn cut(&self, mut widths: Vec<usize>, room: usize) -> Vec<usize> {
        let gaps = GAP.len() * widths.iter().filter(|width| **width > 0).count();
        while widths.iter().sum::<usize>() + gaps > room {
            let words = widths.iter_mut().zip(&self.sides).filter(|(_, side)| **side == Side::Left);
            match words.map(|(width, _)| width).max() {
                Some(widest) if *widest > WORDS_MIN => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    /// Adds the line of a row.
    fn line(&self, text: &mut String, cells: &[String], widths: &[usize]) {
        let begin = text.len();
        for ((cell, side), wide) in cells.iter().zip(&self.sides).zip(widths).filter(|(_, wide)| **wide > 0) {
            let short = (width(cell) > *wide).then(|| cut(&plain(cell), *wide));
            let cell = short.as_ref().unwrap_or(cell);
            let space = std::iter::repeat_n(' ', wide - width(cell));
            *text += GAP;
            match side {
                Side::Left => {
                    *text += cell;
                    text.extend(space);
                }
                Side::Right => {
                    text.extend(space);
                    *text += cell;
                }
            }
        }
        text.truncate(begin + text[begin..].trim_end().len());
        text.push('\n');
    }
}

/// Breaks `text` between words into lines that begin with `indent` spaces; the first begins with `lead` instead.
pub fn paragraph(lead: &str, indent: usize, text: &str) -> String {
    wrapped(lead, indent, text, columns())
}

fn wrapped(lead: &str, indent: usize, text: &str, room: usize) -> String {
    let mut lines = String::new();
    let mut line = format!("{lead}{}", " ".repeat(indent.saturating_sub(width(lead))));
    let mut empty = true;
    for word in clean(text).trim_end().split(' ') {
        if !empty && width(&line) + 1 + width(word) > room {
            lines += line.trim_end();
            lines.push('\n');
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    lines + line.trim_end() + "\n"
}

/// At most `width` characters of `text`, the last an ellipsis when there were more.
pub fn cut(text: &str, width: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_line_up_left_and_numbers_right() {
        let mut table = Table::new(&[("what", Side::Left), ("usd", Side::Right)]);
        table.row(["core", "1.00"]);
        table.row(["charges", "12.50"]);
        table.total(["sum", "13.50"]);
        let expected = "  what       usd\n  core      1.00\n  charges  12.50\n  ──────────────\n  sum      13.50\n";
        assert_eq!(plain(&table.text()), expected);
    }

    #[test]
    fn what_is_too_wide_is_cut_in_its_words() {
        let mut table = Table::new(&[("what", Side::Left), ("usd", Side::Right)]);
        table.row(["x".repeat(200), "1,234.00".to_owned()]);
        for room in [80, 100, 200] {
            let text = table.within(room);
            let line = text.lines().last().expect("a row");
            assert_eq!(line.chars().count(), room);
            assert!(line.ends_with("x…  1,234.00"), "{line}");
        }
    }

    #[test]
    fn numbers_that_have_no_room_follow_below_beside_the_first_column() {
        let names: Vec<String> = (0..9).map(|number| format!("column {number}")).collect();
        let mut columns = vec![("what", Side::Left)];
        columns.extend(names.iter().map(|name| (name.as_str(), Side::Right)));
        let mut table = Table::new(&columns);
        table.row(std::iter::once("core".to_owned()).chain((0..9).map(|number| format!("{number},000,000.00"))));
        let (narrow, wide) = (plain(&table.within(80)), plain(&table.within(200)));
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
        assert_eq!((narrow.matches("core").count(), wide.matches("core").count()), (2, 1), "{narrow}");
        assert!((0..9).all(|number| narrow.contains(&format!("{number},000,000.00"))), "{narrow}");
    }

    #[test]
    fn paragraphs_break_between_words() {
        let text = wrapped("note:", 6, &"word ".repeat(30), 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.starts_with("note: word word") && text.lines().skip(1).all(|line| line.starts_with("      word")));
    }
}
