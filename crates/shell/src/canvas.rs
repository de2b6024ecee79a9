//! Writes SVG by hand, with attributes only, so that browsers, slides and papers show the same.

use std::fmt::{Display, Write};

/// The colour of text and frames.
pub const INK: &str = "#1b1f24";
/// The colour of secondary text.
pub const GREY: &str = "#6b7280";
/// The colour of lines that should not draw attention.
pub const FAINT: &str = "#d5d9de";
/// The fonts, the best first.
pub const FONT: &str = "Inter, Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif";

/// Size, weight, colour and anchor of a text.
#[derive(Clone, Copy)]
pub struct Style {
    size: f64,
    weight: &'static str,
    fill: &'static str,
    anchor: &'static str,
}

impl Style {
    /// Ink of normal weight, `size` pixels high, with the text beginning at its place.
    pub fn new(size: f64) -> Self {
        Self { size, weight: "400", fill: INK, anchor: "start" }
    }

    /// The same style in semi-bold.
    #[must_use]
    pub fn bold(self) -> Self {
        Self { weight: "600", ..self }
    }

    /// The same style in grey, for secondary text.
    #[must_use]
    pub fn grey(self) -> Self {
        self.inked(GREY)
    }

    /// The same style in another colour.
    #[must_use]
    pub fn inked(self, fill: &'static str) -> Self {
        Self { fill, ..self }
    }

    /// The same style, with the middle of the text at its place.
    #[must_use]
    pub fn middle(self) -> Self {
        Self { anchor: "middle", ..self }
    }

    /// The same style, with the end of the text at its place.
    #[must_use]
    pub fn end(self) -> Self {
        Self { anchor: "end", ..self }
    }
}

/// An SVG under construction: elements are added one after the other, with places and sizes in pixels.
#[derive(Default)]
pub struct Canvas {
    /// The elements so far.
    pub text: String,
}

impl Canvas {
    /// Adds text at a place.
    pub fn text(&mut self, x: f64, y: f64, style: &Style, words: &str) {
        self.text_with(x, y, style, "", words);
    }

    /// Adds text at a place, with more attributes.
    pub fn text_with(&mut self, x: f64, y: f64, style: &Style, attributes: &str, words: &str) {
        let Style { size, weight, fill, anchor } = style;
        let (x, y, size) = (short(x), short(y), short(*size));
        let _ = writeln!(
            self.text,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{fill}\" text-anchor=\"{anchor}\" \
             {attributes}>{}</text>",
            escaped(words)
        );
    }

    /// Adds a rectangle by its upper left corner, its width and its height.
    pub fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), attributes: &str) {
        let (x, y, width, height) = (short(x), short(y), short(width), short(height));
        let _ = writeln!(self.text, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {attributes}/>");
    }

    /// Adds a line from one place to another.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str) {
        let _ = writeln!(self.text, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{stroke}\"/>");
    }
}

/// A number of pixels, rounded to hundredths.
pub fn short(number: f64) -> impl Display {
    (number * 100.0).round() / 100.0
}

/// The text in XML: markup is escaped, control characters are replaced.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                safe.push('\u{fffd}');
            }
            character => safe.push(character),
        }
    }
    safe
}
