//! The legend of a picture: the colour scale, and the meaning of the marks.

use std::fmt::Write;

use margin::stress::{Frontier, Matrix, price_move};
use shell::canvas::{Canvas, INK, Style};
use shell::table::cut;

use super::colour::colour;
use super::label::{percent, signed_text, usd};
use super::layout::{LABELLED, Layout, PANEL_LEFT, PLOT_TOP};
use super::{BRIGHT, Picture};

/// Draws the colour scale and the meaning of the marks.
pub fn legend(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let matrix = picture.matrix;
    let largest = matrix.largest();
    canvas.text(PANEL_LEFT, PLOT_TOP - 14.0, &Style::new(13.0).grey(), layout.scale.name);
    let bar = 150.0;
    let _ = write!(canvas.text, "<linearGradient id=\"scale\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"1\">");
    for place in 0..=8 {
        let offset = f64::from(place) / 8.0;
        let _ = write!(canvas.text, "<stop offset=\"{offset}\" stop-color=\"{}\"/>", colour(1.0 - 2.0 * offset));
    }
    let _ = writeln!(canvas.text, "</linearGradient>");
    canvas.rect((PANEL_LEFT, PLOT_TOP), (20.0, bar), "fill=\"url(#scale)\"");
    for (part, y) in
        [(1.0, 5.0), (0.5, 0.25 * bar + 5.0), (0.0, 0.5 * bar + 5.0), (-0.5, 0.75 * bar + 5.0), (-1.0, bar + 1.0)]
    {
        if part == 0.0 || largest > 0.0 {
            canvas.text(
                PANEL_LEFT + 30.0,
                PLOT_TOP + y,
                &Style::new(12.0),
                &signed_text(&layout.scale.show(part * largest)),
            );
        }
    }
    let mut y = PLOT_TOP + bar + 38.0;
    let mut key = |canvas: &mut Canvas, mark: &str, title: &str, lines: &[String]| {
        let _ = writeln!(canvas.text, "<g transform=\"translate({PANEL_LEFT} {})\">{mark}</g>", y - 11.0);
        canvas.text(PANEL_LEFT + 30.0, y, &Style::new(13.0).bold(), title);
        for line in lines {
            y += 17.0;
            canvas.text(PANEL_LEFT + 30.0, y, &Style::new(12.0), line);
        }
        y += 28.0;
    };
    let box_of = |weight: &str, dash: &str| {
        format!(
            "<rect x=\"1\" y=\"1\" width=\"18\" height=\"12\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"{weight}\"{dash}/>"
        )
    };
    if largest > 0.0 {
        let scan = matrix.worst_in_scan();
        key(canvas, &box_of("3", ""), "Worst in the scan", &cell_words(matrix, scan));
        let worst = matrix.worst();
        if worst != scan {
            key(canvas, &box_of("1.4", ""), "Worst of the picture", &cell_words(matrix, worst)[..1]);
        }
    }
    key(canvas, &box_of("1.4", " stroke-dasharray=\"4 3\""), "Scan range", &[]);
    let Frontier { pieces, is_below_now } = picture.frontier;
    let line = format!(
        "<path d=\"M1 7h18\" stroke=\"{INK}\" stroke-width=\"5.4\"/><path d=\"M1 7h18\" stroke=\"{BRIGHT}\" stroke-width=\"2.6\"/>"
    );
    match (pieces.is_empty(), is_below_now) {
        (false, _) => {
            let words = ["equity is the maintenance", "margin, by the method"].map(str::to_owned);
            key(canvas, &line, "Liquidation", &words);
        }
        (true, false) => key(canvas, "", "Nowhere liquidated", &[]),
        (true, true) => key(canvas, "", "Liquidated everywhere", &[]),
    }
    let equity = picture.assessment.equity.to_f64();
    if matrix.pnl.iter().flatten().any(|pnl| equity + pnl < 0.0) {
        let corner = format!("<path d=\"M4 1h12l-12 12z\" fill=\"{INK}\"/>");
        key(canvas, &corner, "Loss above equity", &[]);
    }
}

/// The profit of a cell and its moves.
fn cell_words(matrix: &Matrix, (row, column): (usize, usize)) -> Vec<String> {
    let part = matrix.prices[column];
    let mut lines = vec![format!("{} USD", usd(matrix.pnl[row][column]))];
    let moves = matrix
        .ranges
        .iter()
        .take(LABELLED)
        .map(|(name, range)| format!("{} {}", cut(name, 12), percent(price_move(part, *range))));
    lines.extend(moves);
    lines.push(format!("volatility {}", percent(matrix.vols[row].relative)));
    lines
}
