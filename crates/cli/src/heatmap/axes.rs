//! Labels every column and row of a picture: moves, prices, and parts of the scan range.

use margin::stress::price_move;
use shell::canvas::{Canvas, Style};
use shell::table::cut;

use super::Picture;
use super::label::{percent, price, quarters, signed_text};
use super::layout::{LABELLED, LEFT, Layout, PLOT_LEFT, PLOT_RIGHT, PLOT_TOP};

use crate::amount::number;

/// Draws the labels of every column and row.
pub fn axes(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let matrix = picture.matrix;
    let (middle_row, middle) = matrix.middle();
    let labelled = |column: usize| column.abs_diff(middle).is_multiple_of(layout.stride());
    let columns = || matrix.prices.iter().enumerate().filter(|(column, _)| labelled(*column));
    let tick = |part: f64, size: f64| if part.abs() == 1.0 { Style::new(size).bold() } else { Style::new(size) };
    let mut y = layout.bottom + 22.0;
    for (name, range) in matrix.ranges.iter().take(LABELLED) {
        canvas.text(PLOT_LEFT - 14.0, y, &Style::new(13.0).end().bold(), &cut(name, 12));
        for (column, part) in columns() {
            let x = layout.x(column) + layout.cell_width / 2.0;
            canvas.text(x, y, &tick(*part, 13.0).middle(), &percent(price_move(*part, *range)));
        }
        y += 17.0;
        let index = picture.market.underlying(name).map(|id| picture.market.index(id).usd().to_f64());
        canvas.text(PLOT_LEFT - 14.0, y, &Style::new(12.0).end().grey(), "USD");
        for (column, part) in columns() {
            let x = layout.x(column) + layout.cell_width / 2.0;
            let there = index.map_or_else(String::new, |index| price(index * (1.0 + price_move(*part, *range))));
            canvas.text(x, y, &Style::new(11.0).middle().grey(), &there);
        }
        y += 21.0;
    }
    if matrix.ranges.len() > LABELLED {
        let more = format!(
            "and {} more underlyings, each by the same part of its own scan range",
            matrix.ranges.len() - LABELLED
        );
        canvas.text(PLOT_LEFT, y, &Style::new(12.0).grey(), &more);
        y += 19.0;
    }
    canvas.text(PLOT_LEFT - 14.0, y, &Style::new(12.0).end().grey(), "of scan range");
    for (column, part) in columns() {
        let x = layout.x(column) + layout.cell_width / 2.0;
        canvas.text(x, y, &tick(*part, 12.0).middle().grey(), &quarters(*part));
    }
    let centre = f64::midpoint(PLOT_LEFT, PLOT_RIGHT);
    canvas.text(centre, y + 27.0, &Style::new(13.0).middle().grey(), "price");
    let labelled = |row: usize| row.abs_diff(middle_row).is_multiple_of(layout.row_stride());
    for (row, vol) in matrix.vols.iter().enumerate().filter(|(row, _)| labelled(*row)) {
        let y = layout.y(row) + layout.cell_height / 2.0;
        let points = vol.points.filter(|_| layout.cell_height >= 34.0);
        let up = if points.is_some() { -3.0 } else { 5.0 };
        canvas.text(PLOT_LEFT - 14.0, y + up, &tick(vol.part, 13.0).end(), &percent(vol.relative));
        if let Some(points) = points {
            canvas.text(
                PLOT_LEFT - 14.0,
                y + 13.0,
                &Style::new(11.0).end().grey(),
                &format!("{} points", signed_text(&number(points, 1))),
            );
        }
    }
    let x = LEFT + 12.0;
    let y = f64::midpoint(PLOT_TOP, layout.bottom);
    let turn = format!("transform=\"rotate(-90 {x} {y})\"");
    canvas.text_with(x, y, &Style::new(13.0).middle().grey(), &turn, "volatility at 30 days");
}
