//! `upm-lab cascade`: one market that reacts, under two ways in which venues liquidate and under upm, over many seeds.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use cascade::{
    Calibration, Comparison, Engine, Evidence, Kind, Measure, Outcome, PerCoin, Row, Shock, Spread, run_all, synthetic,
};
use feed::bars::{self, Bar, Wanted};
use pool::processors;
use serde::Serialize;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, Tone, toned};
use shell::progress::{Progress, pace};
use shell::table::{Side, Table, paragraph};
use shell::threads;
use units::grouped::{exact, number};

use super::picture;
use crate::seeds;

/// The recorded shocks.
const RECORDED: [(&str, &str); 2] = [
    (
        "october",
        "closes of a quarter of an hour, 10 October 2025, 20:45 to 23:00 UTC: the wicks are left to the engines",
    ),
    ("october-lows", "the same with the low of every bar on the way: what others' engines did is part of the path"),
];
/// The engine of this project under both sets of margin rates.
const BOTH_RATES: [Engine; 2] = [Engine::Upm, Engine::Published];
/// The fewest traders: one of each kind for each coin.
const FEWEST: u32 = 8;
/// The most traders that a run is made for.
const MOST: u32 = 100_000;
/// The length of a recorded bar, in seconds.
const BAR: u32 = 900;
/// The first close and the last, in microseconds since 1970: the bars of 20:30 and 22:45 on 10 October 2025.
const BARS: RangeInclusive<i64> = 1_760_128_200_000_000..=1_760_136_300_000_000;

/// Liquidate the same traders in the same market in three ways, and compare the results
///
/// The market reacts: forced trades move the price and makers withdraw.
///
/// Every engine has the same path, traders, capital and fees.
///
/// "upm" is the engine of this project, run by commands, with margin rates as low as the other venues'.
///
/// With --published it runs with the universal method as published too: there traders bring the margin that it requires.
///
/// The sources of the numbers are in docs/cascade.md, and in the output of --json.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab cascade --seeds 1..1 --traders 200
  upm-lab cascade --seeds 1..4 --shock outage --support 0 --traders 200
  upm-lab cascade --seeds 1..1 --shock squeeze --published --traders 200
  upm-lab cascade --seeds 1..2 --shock gap --traders 400")]
pub struct Args {
    /// Seeds to run, both ends included
    #[arg(long, value_name = "A..B", value_parser = seeds::range, default_value = "1..4")]
    seeds: RangeInclusive<u64>,
    /// One shock, or all: quiet, plunge, grind, gap, outage, squeeze, split, october, october-lows
    #[arg(long, value_name = "NAME", default_value = "all")]
    shock: String,
    /// Recorded prices of 10 October 2025, parquet, for october and october-lows; without them the synthetic shocks run
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Support of the venue: funds and backstop together, in per cent of open interest
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    support: Option<f64>,
    /// Part of the short open interest that is held by owners of the coin, in per cent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    carried: Option<f64>,
    /// Run upm with the universal method as published too
    #[arg(long)]
    published: bool,
    /// Traders, about this many; fewer hold more each and run faster: 4000 take upm seconds to a minute a run
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(i64::from(FEWEST)..=i64::from(MOST)))]
    traders: Option<u32>,
    /// Draw the paths and the measures of the shock (of october, when all run) here
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Runs at the same time; as many as there are processors when not given
    #[arg(long, value_name = "K", value_parser = threads::number)]
    threads: Option<NonZeroUsize>,
    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// table for people, or json (upm.cascade/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The comparison of the engines, as a document `upm.cascade/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    format: &'static str,
    first_seed: u64,
    last_seed: u64,
    calibration: &'a Calibration,
    evidence: Vec<Evidence>,
    /// The shocks that could not be run, with the reasons.
    missing: &'a [String],
    comparisons: &'a [Comparison],
    /// Every run, by shock, engine and seed.
    runs: &'a [Vec<Outcome>],
}

impl Args {
    /// The file into which a picture is drawn.
    pub fn picture(&self) -> Option<&Path> {
        self.plot.as_deref()
    }
}

/// Runs the requested shocks and engines.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let (shocks, missing) = shocks(args)?;
    let calibration = calibration(args)?;
    let engines: &[Engine] = if args.published { &Engine::EVERY } else { &Engine::ALL };
    let runs =
        seeds::count(&args.seeds).saturating_mul(u64::try_from(shocks.len() * engines.len()).unwrap_or(u64::MAX));
    let threads = args.threads.unwrap_or_else(processors).get();
    let mut progress = Progress::new("runs", runs);
    let outcomes = run_all(&calibration, (&shocks, engines), args.seeds.clone(), threads, |done| progress.at(done));
    let mut report = pace(runs, "runs", progress.over()) + "\n";
    for missing in &missing {
        report = report + missing + "\n";
    }
    let comparisons: Vec<Comparison> =
        shocks.iter().zip(&outcomes).map(|(shock, outcomes)| Comparison::of(shock, outcomes)).collect();
    if let Some(file) = &args.plot {
        let drawn = shocks.iter().position(|shock| shock.name == RECORDED[0].0).unwrap_or(shocks.len().min(2) - 1);
        to.write(file, &picture::svg(&shocks[drawn], &comparisons[drawn], &outcomes[drawn]))?;
        report = report + &shocks[drawn].name + " in " + &file.display().to_string() + "\n";
    }
    let document = Document {
        format: "upm.cascade/1",
        first_seed: *args.seeds.start(),
        last_seed: *args.seeds.end(),
        calibration: &calibration,
        evidence: calibration.evidence(),
        missing: &missing,
        comparisons: &comparisons,
        runs: &outcomes,
    };
    let json = args.json || args.output == Output::Json;
    let answer = if json { Answer::json(&document) } else { Answer::out(text(&comparisons)) };
    Ok(Answer { report, ..answer })
}

fn calibration(args: &Args) -> Result<Calibration, Failure> {
    let published = Calibration::default();
    let support = args.support.map_or(published.support, |percent| percent / 100.0);
    let carried = args.carried.map_or(published.carried, |percent| percent / 100.0);
    if carried + published.paired > 0.95 {
        let found = format!("found {}, expected at most 85, because pairs hold a tenth", carried * 100.0);
        return Err(Failure::wrong("--carried", found));
    }
    let calibration = Calibration { support, carried, ..published };
    Ok(match args.traders {
        Some(traders) => calibration.with_traders(traders),
        None => calibration,
    })
}

/// The requested shocks, and messages about recorded shocks that are left out.
fn shocks(args: &Args) -> Result<(Vec<Shock>, Vec<String>), Failure> {
    let mut shocks = synthetic();
    let mut missing = Vec::new();
    let all = args.shock == "all";
    let is_recorded = RECORDED.iter().any(|(name, _)| *name == args.shock);
    if !all && !is_recorded && !shocks.iter().any(|shock| shock.name == args.shock) {
        let names: Vec<String> = shocks.into_iter().map(|shock| shock.name).collect();
        let found = format!("found {}, expected all, {}, october or october-lows", args.shock, names.join(", "));
        return Err(Failure::wrong("--shock", found));
    }
    match &args.prices {
        Some(_) if !all && !is_recorded => {
            let found = format_args!("found with --shock {}, expected october, october-lows or all", args.shock);
            return Err(Failure::wrong("--prices", found));
        }
        Some(file) => shocks.extend(recorded(file)?),
        None if is_recorded => {
            let expected = format_args!("missing, expected the recorded prices that --shock {} follows", args.shock);
            return Err(Failure::wrong("--prices", expected));
        }
        None if all => {
            missing.push("october and october-lows are left out: --prices gives no recorded prices".to_owned());
        }
        None => {}
    }
    if !all {
        shocks.retain(|shock| shock.name == args.shock);
    }
    Ok((shocks, missing))
}

/// The recorded shocks of 10 October 2025.
fn recorded(file: &Path) -> Result<Vec<Shock>, Failure> {
    let bytes = Reader::default().bytes(file)?;
    let name = file.display().to_string();
    let of = |symbol| -> Result<Vec<Bar>, Failure> {
        let wanted = Wanted { window: "2025-10-10", symbol, interval: "15min" };
        let bars = bars::read(&name, bytes.clone(), &wanted).map_err(|why| Failure::Wrong(why.to_string()))?;
        let bars: Vec<Bar> = bars.into_iter().filter(|bar| BARS.contains(&bar.time.micros())).collect();
        if bars.len() != 10 {
            let found = format!("found {} bars of {symbol}, expected 10 from 20:30 to 22:45", bars.len());
            return Err(Failure::wrong(&name, found));
        }
        Ok(bars)
    };
    let (bitcoin, ether) = (of("BTCUSDT")?, of("ETHUSDT")?);
    let mut closes: Vec<PerCoin> = Vec::new();
    let mut lows: Vec<PerCoin> = Vec::new();
    for (one, other) in bitcoin.iter().zip(&ether) {
        closes.push([one.close, other.close]);
        if !lows.is_empty() {
            lows.push([one.low, other.low]);
        }
        lows.push([one.close, other.close]);
    }
    let shocks = [
        Shock::recorded(RECORDED[0].0, RECORDED[0].1, BAR, &closes),
        Shock::recorded(RECORDED[1].0, RECORDED[1].1, BAR / 2, &lows),
    ];
    Ok(shocks.into_iter().flatten().collect())
}

fn text(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        text += &heading(comparison);
        text += &table(comparison, &Engine::ALL).text();
        text.push('\n');
        if comparison.engines.contains(&Engine::Published) {
            text += &table(comparison, &BOTH_RATES).text();
            text.push('\n');
        }
        text += &paragraph("  not better", 14, &behind(comparison, &comparison.behind, |spread| spread.median));
        text += &paragraph("  at worst", 14, &behind(comparison, &comparison.behind_worst, |spread| spread.worst));
        text.push('\n');
    }
    text + &deleveraging(comparisons)
}

fn heading(comparison: &Comparison) -> String {
    let title = toned(Tone::Bold, &comparison.shock);
    format!("{title} · {} · {} seeds\n\n", comparison.about, exact(comparison.seeds))
}

fn table(comparison: &Comparison, engines: &[Engine]) -> Table {
    let mut table = columns("median and worst", engines);
    for row in &comparison.rows {
        table.row(cells(named(&row.measure), row, (comparison, engines)));
    }
    table
}

/// A table with two columns for each engine: median and worst.
fn columns(first: &str, engines: &[Engine]) -> Table {
    let pairs = engines.iter().flat_map(|engine| [(engine.name(), Side::Right), ("", Side::Right)]);
    let columns: Vec<(&str, Side)> = std::iter::once((first, Side::Left)).chain(pairs).collect();
    Table::new(&columns)
}

/// A row of such a table.
fn cells(first: String, row: &Row, (comparison, engines): (&Comparison, &[Engine])) -> Vec<String> {
    let place = |engine: &Engine| comparison.engines.iter().position(|known| known == engine);
    let spreads = engines.iter().filter_map(place).map(|place| row.spreads[place]);
    let values = spreads.flat_map(|spread| [spread.median, spread.worst]);
    std::iter::once(first).chain(values.map(|value| shown(value, row.measure.kind))).collect()
}

/// The measures in which upm is not the best, with the values of all.
fn behind(comparison: &Comparison, keys: &[&str], of: fn(&Spread) -> f64) -> String {
    let worse = |row: &Row| {
        let [naive, isolated, upm] = [0, 1, 2].map(|place| shown(of(&row.spreads[place]), row.measure.kind));
        format!("{} ({upm} against {naive} and {isolated})", row.measure.name)
    };
    let rows: Vec<String> = keys.iter().filter_map(|key| comparison.row(key)).map(worse).collect();
    if rows.is_empty() { "nowhere".to_owned() } else { rows.join(", ") }
}

/// The profit that winners gave beyond the need, next to the published figures of 10 October 2025.
fn deleveraging(comparisons: &[Comparison]) -> String {
    let engines = &Engine::ALL;
    let mut table = columns("profit taken beyond what was needed, million USD", engines);
    for comparison in comparisons {
        let Some(row) = comparison.row("overshoot") else { continue };
        table.row(cells(comparison.shock.clone(), row, (comparison, engines)));
    }
    let published = "10 October 2025 on Hyperliquid: 45.0 to 51.7 million USD by a queue, about 3 by whole lots pro rata, \
        on 23.2 million USD that were missing (S-03)";
    table.text() + "\n" + &paragraph("  published", 14, published)
}

/// The name of a measure with its unit.
pub fn named(measure: &Measure) -> String {
    let unit = match measure.kind {
        Kind::Part => ", %",
        Kind::Count => "",
        Kind::Usd => ", million USD",
        Kind::Seconds => ", s",
    };
    format!("{}{unit}", measure.name)
}

/// A value of a measure in the unit that tables show.
pub fn shown(value: f64, kind: Kind) -> String {
    match kind {
        Kind::Part => number(value * 100.0, 1),
        Kind::Count | Kind::Seconds => number(value, 0),
        Kind::Usd => number(value / 1e6, 1),
    }
}

/// The value parser of clap for a number of per cent.
fn percent(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=100.0).contains(value)).ok_or_else(|| "expected 0 to 100".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Document<'static>>("upm.cascade/1", testdata::schema::Side::Written);
    }
}
