//! The matrix of an account as a picture: price across, volatility up, red where it loses and blue where it gains.
//!
//! Plain SVG with attributes only, so that browsers, slides and papers show the same. The colours are the diverging
//! scheme red-blue of Cynthia Brewer, which the colour-blind can read: linear in the profit, white where nothing is lost.

use std::fmt::Write;

use margin::{Assessment, Standing, Status};
use model::Market;
use units::Round;

use crate::amount::{Unit, exact, number, profit};
use crate::canvas::{Canvas, FAINT, FONT, INK, Style, escaped, short};
use crate::frontier::{Frontier, Place};
use crate::matrix::{Matrix, Scale, price_move};
use crate::sheet;
use crate::table::cut;

/// What a picture shows.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// The cells.
    pub matrix: &'a Matrix,
    /// The account at the same moment.
    pub assessment: &'a Assessment,
    /// The market of both.
    pub market: &'a Market,
    /// Name and date of the parameters.
    pub params: &'a str,
    /// Where the account would be liquidated.
    pub frontier: &'a Frontier,
}

/// Of more underlyings than this only the first have their own line of moves.
const LABELLED: usize = 4;

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = WIDTH - LEFT;
const PLOT_LEFT: f64 = 164.0;
const PLOT_RIGHT: f64 = 944.0;
const PLOT_TOP: f64 = 206.0;
/// Height of the cells together, and of one at most.
const PLOT_HEIGHT: f64 = 420.0;
const CELL_HEIGHT_MAX: f64 = 60.0;
const PANEL_LEFT: f64 = 978.0;
/// Height of the label of a row.
const ROW_LABEL: f64 = 17.0;
/// The line of liquidation: bright on a dark edge, so that it is seen on red, white and blue.
const BRIGHT: &str = "#ffd400";

/// From the largest loss to the largest profit.
const COLOURS: [[f64; 3]; 9] = [
    [178.0, 24.0, 43.0],
    [214.0, 96.0, 77.0],
    [244.0, 165.0, 130.0],
    [253.0, 219.0, 199.0],
    [247.0, 247.0, 247.0],
    [209.0, 229.0, 240.0],
    [146.0, 197.0, 222.0],
    [67.0, 147.0, 195.0],
    [33.0, 102.0, 172.0],
];

/// The picture as an SVG document.
pub fn svg(picture: &Picture) -> String {
    let layout = Layout::of(picture.matrix);
    let mut canvas = Canvas::default();
    heading(&mut canvas, picture, &layout);
    cells(&mut canvas, picture, &layout);
    axes(&mut canvas, picture, &layout);
    marks(&mut canvas, picture, &layout);
    frontier(&mut canvas, picture, &layout);
    panel(&mut canvas, picture, &layout);
    footnote(&mut canvas, picture, &layout);
    let title = escaped(&format!("Profit and loss of {} over price and volatility", picture.assessment.account));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"{FONT}\" role=\"img\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
        canvas.text,
        height = layout.height,
    )
}

/// Where the cells are, and what they are counted in.
struct Layout {
    cell_width: f64,
    cell_height: f64,
    bottom: f64,
    height: f64,
    scale: Scale,
    /// Font of the values; none when cells are too small for any.
    font: Option<f64>,
}

impl Layout {
    fn of(matrix: &Matrix) -> Self {
        let cell_width = (PLOT_RIGHT - PLOT_LEFT) / count(matrix.prices.len());
        let cell_height = (PLOT_HEIGHT / count(matrix.vols.len())).min(CELL_HEIGHT_MAX);
        let bottom = PLOT_TOP + cell_height * count(matrix.vols.len());
        let scale = Scale::fitting(matrix.largest());
        let longest = matrix.pnl.iter().flatten().map(|pnl| scale.show(*pnl).len()).max().unwrap_or(1);
        // A digit is about six tenths as wide as it is high.
        let font = ((cell_width - 6.0) / (0.6 * count(longest))).min(cell_height * 0.6).min(16.0);
        // A line of moves and a line of prices each.
        let lines = 2 * matrix.ranges.len().min(LABELLED) + usize::from(matrix.ranges.len() > LABELLED);
        Self {
            cell_width,
            cell_height,
            bottom,
            height: (bottom + 140.0 + 19.0 * count(lines)).max(PLOT_TOP + 530.0),
            scale,
            font: (font >= 6.5).then_some(font),
        }
    }

    fn x(&self, column: usize) -> f64 {
        PLOT_LEFT + self.cell_width * count(column)
    }

    fn y(&self, row: usize) -> f64 {
        PLOT_TOP + self.cell_height * count(row)
    }

    /// Every how many columns a label fits.
    fn stride(&self) -> usize {
        (1..=41).find(|stride| self.cell_width * count(*stride) >= 60.0).unwrap_or(41)
    }

    /// Every how many rows a label fits.
    fn row_stride(&self) -> usize {
        (1..=41).find(|stride| self.cell_height * count(*stride) >= ROW_LABEL).unwrap_or(41)
    }
}

fn heading(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let Assessment { account, equity, initial_margin, maintenance_margin, health, status, .. } = picture.assessment;
    canvas.text(LEFT, 58.0, &Style::new(28.0).bold(), &cut(account, 52));
    let subtitle = format!(
        "Profit and loss, {}, when all prices and volatilities move together: full revaluation",
        layout.scale.name
    );
    canvas.text(LEFT, 84.0, &Style::new(15.0).grey(), &subtitle);
    let health = match health.map(|health| health.to_decimals(2, Round::Down)) {
        Some(Ok(health)) if health.to_f64() < 1e6 => exact(health),
        Some(Ok(_) | Err(_)) => "above a million".to_owned(),
        None => "–".to_owned(),
    };
    let (colour, word) = match status {
        Standing::Known(Status::Bankrupt) => ("#b2182b", "bankrupt"),
        Standing::Known(Status::Liquidation) => ("#b2182b", "liquidation"),
        Standing::Known(Status::Warning) => ("#e08214", "warning"),
        Standing::Known(Status::Restricted) => ("#e08214", "restricted"),
        Standing::Known(Status::Healthy) => ("#1b7837", "healthy"),
        Standing::Unknown => ("#e08214", "unknown"),
    };
    let unit = Unit::rough(sheet::largest(picture.assessment));
    let facts = [
        (format!("Equity, {}", unit.name), unit.owned(*equity).to_string()),
        (format!("Maintenance margin, {}", unit.name), unit.needed(*maintenance_margin).to_string()),
        (format!("Initial margin, {}", unit.name), unit.needed(*initial_margin).to_string()),
        ("Health".to_owned(), health),
        ("Status".to_owned(), word.to_owned()),
    ];
    for ((name, value), x) in facts.into_iter().zip([LEFT, 284.0, 524.0, 764.0, PANEL_LEFT]) {
        canvas.text(x, 122.0, &Style::new(12.0).grey(), &name);
        if name == "Status" {
            let _ = writeln!(canvas.text, "<circle cx=\"{}\" cy=\"141\" r=\"6\" fill=\"{colour}\"/>", x + 6.0);
        }
        canvas.text(if name == "Status" { x + 20.0 } else { x }, 148.0, &Style::new(21.0).bold(), &value);
    }
    canvas.line((LEFT, 168.0), (RIGHT, 168.0), FAINT);
}

fn cells(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let matrix = picture.matrix;
    let (largest, equity) = (matrix.largest(), picture.assessment.equity.to_f64());
    let (width, height) = (layout.cell_width, layout.cell_height);
    for (row, line) in matrix.pnl.iter().enumerate() {
        for (column, pnl) in line.iter().enumerate() {
            let (x, y) = (layout.x(column), layout.y(row));
            let part = if largest > 0.0 { pnl / largest } else { 0.0 };
            canvas.rect((x, y), (width, height), &format!("fill=\"{}\" stroke=\"#ffffff\"", colour(part)));
            let ink = ink_on(shade(part));
            if equity + pnl < 0.0 {
                let side = short((0.22 * width.min(height)).min(11.0));
                let _ = writeln!(
                    canvas.text,
                    "<path d=\"M{} {}h{side}l-{side} {side}z\" fill=\"{INK}\"/>",
                    short(x),
                    short(y)
                );
            }
            if let Some(font) = layout.font {
                let style = Style::new(font).middle().inked(ink);
                canvas.text(x + width / 2.0, y + height / 2.0 + 0.36 * font, &style, &minus(&layout.scale.show(*pnl)));
            }
        }
    }
}

/// What every column and row means.
fn axes(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
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
        let index = picture.market.underlying(name).map(|id| picture.market.underlyings[id.0].index.usd().to_f64());
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

/// The scan range and the worst cells.
fn marks(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let matrix = picture.matrix;
    let inside = |row: usize, column: usize| matrix.in_scan(row, column);
    let (row, column) = matrix.middle();
    let columns: Vec<usize> = (0..matrix.prices.len()).filter(|column| inside(row, *column)).collect();
    let rows: Vec<usize> = (0..matrix.vols.len()).filter(|row| inside(*row, column)).collect();
    let corner = (layout.x(columns[0]), layout.y(rows[0]));
    let size = (layout.cell_width * count(columns.len()), layout.cell_height * count(rows.len()));
    canvas.rect(corner, size, &format!("fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.4\" stroke-dasharray=\"5 4\""));
    if matrix.largest() > 0.0 {
        let (row, column) = matrix.worst();
        if !inside(row, column) {
            outline(canvas, layout, (row, column), "1.6", "worst");
        }
        let (row, column) = matrix.worst_in_scan();
        outline(canvas, layout, (row, column), "3.4", "worst-in-scan");
        if layout.cell_height >= 52.0 && layout.cell_width >= 44.0 {
            let style =
                Style::new(10.5).middle().bold().inked(ink_on(shade(matrix.pnl[row][column] / matrix.largest())));
            let (x, y) = (layout.x(column) + layout.cell_width / 2.0, layout.y(row) + layout.cell_height - 9.0);
            canvas.text(x, y, &style, "worst");
        }
    }
}

/// The line on which equity is the maintenance margin.
fn frontier(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let matrix = picture.matrix;
    let column = |part: f64| (part - matrix.prices[0]) / (matrix.prices[1] - matrix.prices[0]);
    let row = |part: f64| (matrix.vols[0].part - part) / (matrix.vols[0].part - matrix.vols[1].part);
    let place = |(price, vol): Place| {
        let x = layout.x(0) + layout.cell_width * (column(price) + 0.5);
        let y = layout.y(0) + layout.cell_height * (row(vol) + 0.5);
        format!("{} {}", short(x), short(y))
    };
    let pieces: String = picture
        .frontier
        .pieces
        .iter()
        .flat_map(|[from, to]| ["M".to_owned(), place(*from), "L".to_owned(), place(*to)])
        .collect();
    if !pieces.is_empty() {
        for (colour, width) in [(INK, "5.4"), (BRIGHT, "2.6")] {
            let id = if colour == BRIGHT { " id=\"liquidation\"" } else { "" };
            let _ = writeln!(
                canvas.text,
                "<path{id} d=\"{pieces}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\"/>"
            );
        }
    }
}

fn outline(canvas: &mut Canvas, layout: &Layout, (row, column): (usize, usize), weight: &str, id: &str) {
    let corner = (layout.x(column) + 1.0, layout.y(row) + 1.0);
    let size = (layout.cell_width - 2.0, layout.cell_height - 2.0);
    canvas.rect(
        corner,
        size,
        &format!("id=\"{id}\" fill=\"none\" stroke=\"#000000\" stroke-width=\"{weight}\" rx=\"2\""),
    );
}

/// The scale of the colours and what the marks mean.
fn panel(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
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

/// The profit of a cell and the moves that make it.
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

fn footnote(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let Picture { market, params, .. } = picture;
    let short = |hash: &str| hash.chars().take(16).collect::<String>();
    let words = format!(
        "{} · market {} · parameters {params} · upm {}",
        market.time,
        short(&market.hash),
        env!("CARGO_PKG_VERSION")
    );
    let y = layout.height - 58.0;
    canvas.line((LEFT, y), (RIGHT, y), FAINT);
    let points = if picture.matrix.vols[0].points.is_some() {
        "; points are the mean of the options held, weighted by vega"
    } else {
        ""
    };
    let how = format!("Volatility moves as the scan moves it: more for near expiries, less for far ones{points}.");
    canvas.text(LEFT, y + 22.0, &Style::new(12.0).grey(), &how);
    canvas.text(LEFT, y + 40.0, &Style::new(12.0).grey(), &words);
}

/// The shade of a part of the scale, −1 to 1: red, green and blue from 0 to 255.
fn shade(part: f64) -> [f64; 3] {
    let place = (part.clamp(-1.0, 1.0) + 1.0) * 4.0;
    let mut step = 0.0;
    for pair in COLOURS.windows(2) {
        let between = place - step;
        if between < 1.0 {
            return [0, 1, 2].map(|channel| ((1.0 - between) * pair[0][channel] + between * pair[1][channel]).round());
        }
        step += 1.0;
    }
    COLOURS[COLOURS.len() - 1]
}

fn colour(part: f64) -> String {
    let [red, green, blue] = shade(part);
    format!("rgb({red},{green},{blue})")
}

/// Black or white, whichever has the better contrast: relative luminance as WCAG has it, the power 2.4 taken as 2.
fn ink_on([red, green, blue]: [f64; 3]) -> &'static str {
    let light = |channel: f64| (channel / 255.0) * (channel / 255.0);
    let luminance = 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
    if luminance < 0.24 { "#ffffff" } else { INK }
}

/// A profit in whole dollars, small amounts to the cent, large ones in short.
fn usd(value: f64) -> String {
    let text = if value.abs() < 100.0 && value != 0.0 {
        profit(value, 2)
    } else if value.abs() < 1e10 {
        profit(value, 0)
    } else if value.abs() < 1e13 {
        format!("{} million", profit(value / 1e6, 0))
    } else {
        format!("{} billion", profit(value / 1e9, 0))
    };
    minus(&text)
}

/// A price in USD: as many decimals as tell one from the next.
fn price(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 10.0 => 2,
        size if size >= 0.1 => 4,
        _ => 8,
    };
    minus(&number(value, decimals))
}

/// `-0.12` as `−12 %`, at most one decimal.
fn percent(fraction: f64) -> String {
    format!("{} %", signed(100.0 * fraction, 1))
}

/// With a sign unless it is nothing, and without a last decimal of 0.
fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    signed_text(text.strip_suffix(".0").unwrap_or(&text))
}

fn signed_text(text: &str) -> String {
    let nothing = text.chars().all(|digit| matches!(digit, '0' | '.' | ','));
    if nothing || text.starts_with('-') { minus(text) } else { format!("+{text}") }
}

/// With the minus sign that is as wide as a plus.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}

/// A part in quarters, such as `−1¼`.
fn quarters(part: f64) -> String {
    let whole = part.abs().trunc();
    let fraction = match (part.abs() - whole) * 4.0 {
        1.0 => "¼",
        2.0 => "½",
        3.0 => "¾",
        _ => "",
    };
    let sign = if part > 0.0 {
        "+"
    } else if part < 0.0 {
        "−"
    } else {
        ""
    };
    if whole == 0.0 && !fraction.is_empty() { format!("{sign}{fraction}") } else { format!("{sign}{whole}{fraction}") }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::tests::{market, portfolio, rules, universal};
    use model::{Account, Portfolio};
    use pricing::kernel::Isa;

    fn picture_of(account: &Account, market: &Market, grid: &str) -> (Matrix, String) {
        let rules = rules();
        let assessment = margin::assess(account, &universal(market, &rules)).unwrap();
        let matrix = Matrix::of(account, market, &rules, grid.parse().unwrap(), Isa::detect()).unwrap();
        // Two pieces anywhere: the line itself has its own tests.
        let pieces = vec![[(-0.25, -0.5), (0.0, 0.25)], [(0.0, 0.25), (0.25, 0.5)]];
        let frontier = Frontier { pieces, is_below_now: false };
        let picture =
            Picture { matrix: &matrix, assessment: &assessment, market, params: "universal/test", frontier: &frontier };
        let svg = svg(&picture);
        (matrix, svg)
    }

    /// Accounts that pictures could stumble over: names, sizes, nothing at all.
    fn odd(market: &Market) -> Portfolio {
        let text = r#"{"format": "upm.portfolio/1", "accounts": [
            {"account": "nothing <&> \"at\" all"},
            {"account": "cash", "balances": [{"asset": "USD", "amount": "10"}]},
            {"account": "dust", "positions": [{"instrument": "SOL_USDC-PERPETUAL", "quantity": "0.000001"}]},
            {"account": "a name that no picture in the world has the room to show from its beginning to its end", "positions": [
                {"instrument": "BTC_USDC-25DEC26-75000-P", "quantity": "-123456789"},
                {"instrument": "ETH_USDC-25DEC26-3600-C", "quantity": "-2234567890"},
                {"instrument": "SOL_USDC-PERPETUAL", "quantity": "19999999999"}]}
        ]}"#;
        Portfolio::parse(text, market).unwrap()
    }

    /// Every tag is closed in its turn, attributes are quoted, and no character stands where XML forbids it.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for part in svg.split('<').skip(1) {
            let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("no end of <{part}"));
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            for entity in text.split('&').skip(1) {
                assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)), "{text}");
            }
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
            match (tag.starts_with('/'), tag.ends_with('/')) {
                (true, _) => assert_eq!(open.pop(), Some(name), "{tag}"),
                (false, false) => open.push(name),
                (false, true) => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(svg.chars().all(|character| character == '\n' || !character.is_control()));
    }

    #[test]
    fn every_picture_is_well_formed_and_without_numbers_that_are_none() {
        let market = market();
        for portfolio in [portfolio(&market), odd(&market)] {
            for account in &portfolio.accounts {
                for grid in ["11x7", "3x3", "41x41", "9x15"] {
                    let (_, svg) = picture_of(account, &market, grid);
                    assert_well_formed(&svg);
                    assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{}", account.name);
                }
            }
        }
    }

    #[test]
    fn the_worst_cell_of_the_scan_is_marked_once_and_in_its_place() {
        let market = market();
        for account in &portfolio(&market).accounts {
            let (matrix, svg) = picture_of(account, &market, "11x7");
            let (row, column) = matrix.worst_in_scan();
            let layout = Layout::of(&matrix);
            let (x, y) = (short(layout.x(column) + 1.0), short(layout.y(row) + 1.0));
            let marks: Vec<&str> = svg.lines().filter(|line| line.contains("id=\"worst-in-scan\"")).collect();
            assert_eq!(marks.len(), 1, "{}", account.name);
            assert!(marks[0].starts_with(&format!("<rect x=\"{x}\" y=\"{y}\" ")), "{}", marks[0]);
            assert!(svg.contains(&format!(">{} USD</text>", usd(matrix.pnl[row][column]))), "{}", account.name);
        }
    }

    #[test]
    fn an_account_that_nothing_moves_has_no_worst_cell() {
        let market = market();
        for account in &odd(&market).accounts[..2] {
            let (_, svg) = picture_of(account, &market, "11x7");
            assert!(!svg.contains("worst"), "{}", account.name);
        }
    }

    #[test]
    fn values_are_no_wider_than_their_cells_and_nothing_leaves_the_page() {
        let market = market();
        for portfolio in [portfolio(&market), odd(&market)] {
            for account in &portfolio.accounts {
                let (matrix, svg) = picture_of(account, &market, "11x7");
                let layout = Layout::of(&matrix);
                let font = layout.font.expect("eleven columns leave room for values");
                for pnl in matrix.pnl.iter().flatten() {
                    assert!(0.6 * font * count(layout.scale.show(*pnl).len()) <= layout.cell_width);
                }
                for line in svg.lines().filter(|line| line.starts_with("<text")) {
                    let y: f64 =
                        line.split("y=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap();
                    assert!(y > 0.0 && y < layout.height, "{line}");
                }
            }
        }
    }

    /// Where every text stands that is right-aligned at the left of the cells: the labels of rows.
    fn row_labels(svg: &str) -> Vec<f64> {
        let labels =
            svg.lines().filter(|line| line.starts_with("<text x=\"150\"") && line.contains("text-anchor=\"end\""));
        let places = labels.map(|line| line.split("y=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap());
        places.map(|y| y.parse().unwrap()).collect()
    }

    #[test]
    fn labels_of_rows_do_not_overlap_however_many_there_are() {
        let market = market();
        for grid in ["11x7", "11x21", "11x27", "41x41"] {
            let (_, svg) = picture_of(&portfolio(&market).accounts[0], &market, grid);
            let mut places = row_labels(&svg);
            places.sort_by(f64::total_cmp);
            assert!(places.len() > 3, "{grid}");
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 13.0), "{grid}: {places:?}");
        }
    }

    #[test]
    fn columns_say_the_price_in_usd_and_the_line_has_a_legend() {
        let market = market();
        let account = portfolio(&market).accounts.into_iter().find(|account| account.name == "short strangle").unwrap();
        let (_, svg) = picture_of(&account, &market, "11x7");
        let index = market.underlyings[market.underlying("BTC").unwrap().0].index.usd().to_f64();
        assert!(svg.contains(&format!(">{}</text>", price(index))), "{svg}");
        assert!(svg.contains("id=\"liquidation\"") && svg.contains(">Liquidation</text>"));
    }

    #[test]
    fn colours_run_from_red_over_white_to_blue() {
        assert_eq!(colour(-1.0), "rgb(178,24,43)");
        assert_eq!(colour(0.0), "rgb(247,247,247)");
        assert_eq!(colour(1.0), "rgb(33,102,172)");
        assert_eq!((ink_on(shade(-1.0)), ink_on(shade(0.0))), ("#ffffff", INK));
    }

    #[test]
    fn labels_are_written_as_people_write_them() {
        assert_eq!([-1.25, -1.0, -0.5, 0.0, 0.75, 1.0, 2.5].map(quarters), ["−1¼", "−1", "−½", "0", "+¾", "+1", "+2½"]);
        assert_eq!([-0.125, 0.0, 0.12].map(percent), ["−12.5 %", "0 %", "+12 %"]);
        assert_eq!([-1_234_567.0, 0.0, 0.5, -2.5e10].map(usd), ["−1,234,567", "0", "0.50", "−25,000 million"]);
    }
}
