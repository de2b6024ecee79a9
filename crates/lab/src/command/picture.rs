//! A picture of a cascade: the price with and without reaction, and bars of the measures.

use std::fmt::Write;

use cascade::{Comparison, Engine, Outcome, Shock};
use shell::canvas::{Canvas, FAINT, FONT, GREY, Style, escaped, short};
use units::grouped::number;

use super::cascade::{named, shown};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 860.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = WIDTH - LEFT;
/// The rectangle in which the price is drawn: left, top, right and bottom, in pixels.
const PLOT: [f64; 4] = [96.0, 152.0, RIGHT, 500.0];
/// The vertical positions of the legend and of the caption below it.
const LEGEND: f64 = 105.0;
const CAPTION: f64 = 130.0;
/// The top of the bars, in pixels.
const BARS_TOP: f64 = 560.0;
const BAR_HEIGHT: f64 = 14.0;
/// The measures shown as bars, by key; there is no room for another one.
const SHOWN: [&str; 9] =
    ["fall_btc", "liquidated", "traded", "bad_debt", "fund_used", "deleveraged", "taken", "overshoot", "calm"];
/// The colour of each engine, in the order of tables.
const COLOURS: [&str; 3] = ["#b2182b", "#e08214", "#2166ac"];

/// Points of a path in a minute: there are fifteen steps of two seconds between two points.
const A_MINUTE: usize = 2;

/// At one moment: the price of one seed, the lowest and the highest of all seeds, as parts of the first price, less 1.
type Band = (f64, f64, f64);

/// The picture as an SVG document.
pub fn svg(shock: &Shock, comparison: &Comparison, outcomes: &[Outcome]) -> String {
    let seed = typical(outcomes);
    let engines: Vec<Vec<Band>> = Engine::ALL.iter().map(|engine| bands(outcomes, Some(*engine), seed)).collect();
    let without = bands(outcomes, None, seed);
    let mut canvas = Canvas::default();
    let title = format!("{}: three ways to liquidate the same traders", shock.name);
    canvas.text(LEFT, 50.0, &Style::new(26.0).bold(), &title);
    let subtitle = format!("{} · {} seeds", comparison.about, comparison.seeds);
    canvas.text(LEFT, 78.0, &Style::new(14.0).grey(), &subtitle);
    legend(&mut canvas, seed);
    curves(&mut canvas, &engines, &without);
    for (place, key) in SHOWN.iter().enumerate() {
        bars(&mut canvas, comparison, place, key);
    }
    let note = "Bars are medians over seeds, ticks the worst seed. USD in millions. Less is better everywhere.";
    canvas.text(LEFT, HEIGHT - 22.0, &Style::new(12.0).grey(), note);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" font-family=\"{FONT}\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n{}</svg>\n",
        escaped(&title),
        canvas.text,
    )
}

/// The seed with the median fall under isolated margin.
fn typical(outcomes: &[Outcome]) -> u64 {
    let isolated = outcomes.iter().filter(|outcome| outcome.engine == Engine::Isolated);
    let mut falls: Vec<(f64, u64)> = isolated.map(|outcome| (outcome.trough[0], outcome.seed)).collect();
    falls.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    falls.get(falls.len() / 2).map_or(0, |(_, seed)| *seed)
}

/// Bitcoin's price over the seeds of one engine; without an engine, the price without reaction.
fn bands(outcomes: &[Outcome], engine: Option<Engine>, seed: u64) -> Vec<Band> {
    let one = engine.unwrap_or(Engine::ALL[0]);
    let runs: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.engine == one).collect();
    let points = runs.first().map_or(0, |run| run.path.len());
    let at = |point: usize| {
        let value = |run: &Outcome| {
            let (with, without) = run.path[point];
            pricing::math::exp(if engine.is_some() { with[0] } else { without[0] }) - 1.0
        };
        runs.iter().fold((0.0, f64::INFINITY, f64::NEG_INFINITY), |(shown, low, high), run| {
            let value = value(run);
            (if run.seed == seed { value } else { shown }, low.min(value), high.max(value))
        })
    };
    (0..points).map(at).collect()
}

fn legend(canvas: &mut Canvas, seed: u64) {
    let mut x = LEFT;
    let names = Engine::ALL.map(Engine::name);
    for (name, colour) in names.into_iter().zip(COLOURS).chain([("without reaction", GREY)]) {
        canvas.rect((x, LEGEND - 7.0), (22.0, 5.0), &format!("fill=\"{colour}\""));
        canvas.text(x + 30.0, LEGEND, &Style::new(14.0).bold(), name);
        x += 130.0;
    }
    let words =
        format!("BTC; lines are seed {seed}, of median fall under isolated margin; shaded from lowest to highest");
    canvas.text(LEFT, CAPTION, &Style::new(13.0).grey(), &words);
}

fn curves(canvas: &mut Canvas, engines: &[Vec<Band>], without: &[Band]) {
    let [left, top, right, bottom] = PLOT;
    let every = || engines.iter().flatten().chain(without);
    let low = (every().map(|band| band.1).fold(0.0, f64::min) * 50.0).floor() / 50.0;
    let high = (every().map(|band| band.2).fold(0.0, f64::max) * 50.0).ceil() / 50.0;
    let span = (high - low).max(0.02);
    let x = |point: usize| left + (right - left) * count(point) / count(without.len().max(2) - 1);
    let y = |value: f64| bottom - (bottom - top) * (value - low) / span;
    let step = if span > 0.16 { 0.04 } else { 0.02 };
    let mut level = (low / step).ceil() * step;
    while level <= high + 1e-9 {
        canvas.line((left, y(level)), (right, y(level)), FAINT);
        let label = format!("{} %", number(level * 100.0, 0)).replace('-', "−");
        canvas.text(left - 10.0, y(level) + 4.0, &Style::new(12.0).end().grey(), &label);
        level += step;
    }
    for minute in (0..without.len().div_ceil(A_MINUTE)).step_by(15) {
        canvas.text(x(minute * A_MINUTE), bottom + 20.0, &Style::new(12.0).middle().grey(), &format!("{minute} min"));
    }
    for (bands, colour) in engines.iter().zip(COLOURS) {
        let there = bands.iter().enumerate().map(|(point, band)| (x(point), y(band.1)));
        let back = bands.iter().enumerate().rev().map(|(point, band)| (x(point), y(band.2)));
        let points = points(there.chain(back));
        let _ = writeln!(canvas.text, "<polygon points=\"{points}\" fill=\"{colour}\" fill-opacity=\"0.10\"/>");
    }
    // Lines that are drawn first are wider, so that they are visible where lines coincide.
    let lines = engines.iter().map(Vec::as_slice).chain([without]);
    let strokes = [
        "stroke-width=\"5\"",
        "stroke-width=\"2.4\"",
        "stroke-width=\"2.4\"",
        "stroke-width=\"2\" stroke-dasharray=\"5 4\"",
    ];
    for ((bands, colour), stroke) in lines.zip(COLOURS.into_iter().chain([GREY])).zip(strokes) {
        let points = points(bands.iter().enumerate().map(|(point, band)| (x(point), y(band.0))));
        let _ = writeln!(canvas.text, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" {stroke}/>");
    }
}

fn points(places: impl Iterator<Item = (f64, f64)>) -> String {
    places.map(|(x, y)| format!("{},{}", short(x), short(y))).collect::<Vec<_>>().join(" ")
}

/// One measure: a bar for each engine as long as its median, with a tick at the worst value.
fn bars(canvas: &mut Canvas, comparison: &Comparison, place: usize, key: &str) {
    let Some(row) = comparison.row(key) else { return };
    let column = (RIGHT - LEFT) / 3.0;
    let left = LEFT + column * count(place % 3);
    let top = BARS_TOP + 90.0 * count(place / 3);
    canvas.text(left, top, &Style::new(13.0).bold(), &named(&row.measure));
    let drawn = || row.spreads.iter().take(COLOURS.len());
    let most = drawn().map(|spread| spread.worst).fold(0.0, f64::max);
    let room = column - 130.0;
    let length = |value: f64| if most > 0.0 { room * (value / most).clamp(0.0, 1.0) } else { 0.0 };
    for ((spread, colour), line) in drawn().zip(COLOURS).zip(0_u32..) {
        let y = top + 9.0 + (BAR_HEIGHT + 4.0) * f64::from(line);
        canvas.rect((left, y), (length(spread.median).max(1.0), BAR_HEIGHT), &format!("fill=\"{colour}\""));
        let tick = left + length(spread.worst);
        canvas.rect((tick, y), (2.0, BAR_HEIGHT), &format!("fill=\"{colour}\""));
        let (median, worst) = (shown(spread.median, row.measure.kind), shown(spread.worst, row.measure.kind));
        let words = format!("{median} / {worst}").replace('-', "−");
        canvas.text(tick + 8.0, y + BAR_HEIGHT - 2.0, &Style::new(12.0), &words);
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use cascade::{Calibration, run_all, synthetic};

    use super::*;

    #[test]
    fn a_picture_has_every_engine_and_no_number_that_is_none() {
        let shocks: Vec<Shock> = synthetic().into_iter().filter(|shock| shock.name != "grind").collect();
        let outcomes = run_all(&Calibration::default(), (&shocks[..2], &Engine::ALL), 1..=2, 2, |_| {});
        for (shock, outcomes) in shocks.iter().zip(&outcomes) {
            let svg = svg(shock, &Comparison::of(shock, outcomes), outcomes);
            assert_eq!(svg.matches("<polyline").count(), 4);
            assert_eq!(svg.matches("<polygon").count(), 3);
            let height = |words: &str| {
                let line = svg.lines().find(|line| line.contains(words)).expect("it is written");
                line.split("y=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse::<f64>().unwrap()
            };
            assert!(height("BTC; lines are seed") - height(">without reaction<") >= 18.0, "one above the other");
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
