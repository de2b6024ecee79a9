//! The matrix of an account as a picture: price across, volatility up, red for losses and blue for gains.
//!
//! Plain SVG with attributes only, so that browsers, slides and papers show the same.
//!
//! ```text
//! layout.rs   where everything stands
//! colour.rs   what colour a cell has, and which ink is read on it
//! axes.rs     what every column and row means
//! legend.rs   the scale of the colours, and what the marks mean
//! label.rs    numbers as a picture shows them
//! ```

mod axes;
mod colour;
mod label;
mod layout;
mod legend;

use std::fmt::Write;

use margin::stress::{Frontier, Matrix, Place};
use margin::{Assessment, Standing, Status};
use model::Market;
use shell::canvas::{Canvas, FAINT, FONT, INK, Style, escaped, short};
use shell::table::cut;
use units::Round;

use crate::amount::{Unit, exact};
use crate::sheet;
use axes::axes;
use colour::{colour, ink_on, shade};
use label::minus;
use layout::{LEFT, Layout, PANEL_LEFT, RIGHT, WIDTH, count};
use legend::legend;

/// The content of a picture.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// The profit and loss of every cell.
    pub matrix: &'a Matrix,
    /// The account at the same moment.
    pub assessment: &'a Assessment,
    /// The market of both.
    pub market: &'a Market,
    /// Name and date of the parameters.
    pub params: &'a str,
    /// The moves at which the account would be liquidated.
    pub frontier: &'a Frontier,
}

/// The colour of the liquidation line: bright on a dark edge, so that it is visible on red, white and blue.
const BRIGHT: &str = "#ffd400";

/// The picture as an SVG document.
pub fn svg(picture: &Picture) -> String {
    let layout = Layout::of(picture.matrix);
    let mut canvas = Canvas::default();
    heading(&mut canvas, picture, &layout);
    cells(&mut canvas, picture, &layout);
    axes(&mut canvas, picture, &layout);
    marks(&mut canvas, picture, &layout);
    frontier(&mut canvas, picture, &layout);
    values(&mut canvas, picture, &layout);
    legend(&mut canvas, picture, &layout);
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
            if equity + pnl < 0.0 {
                let side = short((0.22 * width.min(height)).min(11.0));
                let _ = writeln!(
                    canvas.text,
                    "<path d=\"M{} {}h{side}l-{side} {side}z\" fill=\"{INK}\"/>",
                    short(x),
                    short(y)
                );
            }
        }
    }
}

/// The profit of every cell, drawn above all lines: each number hides the part of the lines behind it.
fn values(canvas: &mut Canvas, picture: &Picture, layout: &Layout) {
    let Some(font) = layout.font else { return };
    let largest = picture.matrix.largest();
    for (row, line) in picture.matrix.pnl.iter().enumerate() {
        for (column, pnl) in line.iter().enumerate() {
            let part = if largest > 0.0 { pnl / largest } else { 0.0 };
            let style = Style::new(font).middle().inked(ink_on(shade(part)));
            let edge = format!(
                "stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
                colour(part),
                short(0.3 * font)
            );
            let (x, y) = (layout.x(column) + 0.5 * layout.cell_width, layout.y(row) + 0.5 * layout.cell_height);
            canvas.text_with(x, y + 0.36 * font, &style, &edge, &minus(&layout.scale.show(*pnl)));
        }
    }
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

/// The line on which equity equals the maintenance margin.
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

#[cfg(test)]
mod tests {
    use super::label::{price, usd};
    use super::*;
    use margin::method::universal::{self, Universal, rules::Rules};
    use margin::scenario::ScenarioSet;
    use model::{Account, Portfolio};
    use pricing::kernel::Isa;

    fn market() -> Market {
        Market::parse(include_str!("../samples/market.json")).unwrap()
    }

    fn portfolio(market: &Market) -> Portfolio {
        Portfolio::parse(include_str!("../samples/portfolio.json"), market).unwrap()
    }

    fn rules() -> Rules {
        universal::parse(universal::PARAMS).unwrap().rules
    }

    fn universal<'a>(market: &'a Market, rules: &'a Rules) -> Universal<'a> {
        universal::prepare(market, rules, &ScenarioSet::default(), Isa::detect()).unwrap()
    }

    fn picture_of(account: &Account, market: &Market, grid: &str) -> (Matrix, String) {
        let rules = rules();
        let assessment = margin::assess(account, &universal(market, &rules)).unwrap();
        let matrix = Matrix::of(account, market, &rules, grid.parse().unwrap(), Isa::detect()).unwrap();
        // Two pieces at any place: the line itself has its own tests.
        let pieces = vec![[(-0.25, -0.5), (0.0, 0.25)], [(0.0, 0.25), (0.25, 0.5)]];
        let frontier = Frontier { pieces, is_below_now: false };
        let picture =
            Picture { matrix: &matrix, assessment: &assessment, market, params: "universal/test", frontier: &frontier };
        let svg = svg(&picture);
        (matrix, svg)
    }

    /// Unusual accounts for pictures: odd names, extreme sizes, no holdings.
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

    /// Every tag is closed in order, attributes are quoted, and no character is one that XML forbids.
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

    /// The places of the row labels: the texts right-aligned at the left of the cells.
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
        let index = market.index(market.underlying("BTC").unwrap()).usd().to_f64();
        assert!(svg.contains(&format!(">{}</text>", price(index))), "{svg}");
        assert!(svg.contains("id=\"liquidation\"") && svg.contains(">Liquidation</text>"));
    }
}
