//! `upm-lab attack`: books that lose more than their margin, by a linear programme against the universal method.

mod page;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attack::field::Extent;
use attack::history::History;
use attack::hunt::{Found, Options, hunt};
use attack::kind::Kind;
use attack::product::Product;
use attack::snapshots::Recording;
use attack::walk::{self, Walked, walk};
use model::{Market, UnderlyingId};
use pool::processors;
use serde::Serialize;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::Answer;
use shell::progress::{Progress, pace};
use shell::threads;
use units::Timestamp;

use crate::recorded;

/// Days of a kind for which a walk builds books, at each snapshot and coin.
const WALK_DAYS: usize = 6;

/// The kinds whose books a walk builds when none are named.
const WALK_KINDS: [Kind; 3] = [Kind::Grid, Kind::Surface, Kind::Expiry];

/// Look for books that lose more than their margin, by a linear programme against the universal method
///
/// For each kind of adverse days: the book with the largest loss for its maintenance margin.
///
/// Kinds: grid, history (needs --closes), surface, basis, expiry, depeg, venues. docs/attack.md says what they are.
///
/// With --walk the books are built at each snapshot of a recorded chain, and judged by what they lost until the next.
///
/// Exit status 1 when a ratio is above its --limit.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab attack --market samples/market.json --underlying SOL --kinds grid,basis --strikes 3
  upm-lab attack --market samples/market.json --underlying SOL --kinds depeg --strikes 2 --limit depeg=5")]
pub struct Args {
    /// The market to attack, a document upm.market/1
    #[arg(long, value_name = "FILE", conflicts_with = "chain")]
    market: Option<PathBuf>,
    /// The snapshot of --chain to attack; the last when not given
    #[arg(long, value_name = "TIME", requires = "chain", conflicts_with = "walk")]
    at: Option<Timestamp>,
    /// Build the books at each snapshot of --chain, and value them at the next
    #[arg(long, requires = "chain")]
    walk: bool,
    #[command(flatten)]
    recorded: recorded::Files,
    /// Attack one underlying; all in turn when not given
    #[arg(long, value_name = "NAME", conflicts_with = "walk")]
    underlying: Option<String>,
    /// Kinds of adverse days; all when not given, or grid, surface and expiry with --walk
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Fail when the worst ratio of a kind is above this
    #[arg(long, value_name = "KIND=RATIO", value_parser = limit, conflicts_with = "walk")]
    limit: Vec<Limit>,
    /// Recorded moves up to this multiple of the scan range
    #[arg(long, value_name = "TIMES", value_parser = recorded::above_zero, default_value = "1")]
    multiple: f64,
    /// Strikes of each expiry that a book is made of, spread over all of them
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=100), default_value = "6")]
    strikes: u8,
    /// The largest size of a leg, in coins
    #[arg(long, value_name = "COINS", value_parser = recorded::above_zero, default_value = "10")]
    coins: f64,
    /// A parameter file of the universal method in place of the published one
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// The seed of the climbs that improve the programme's books
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Programmes at the same time; as many as there are processors when not given
    #[arg(long, value_name = "K", value_parser = threads::number)]
    threads: Option<NonZeroUsize>,
    /// table for people, or json (upm.attack/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The largest ratio that a kind may have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Limit {
    kind: Kind,
    ratio: f64,
}

/// The books that were found, as a document `upm.attack/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    format: &'static str,
    /// Name and date of the parameters.
    method: &'a str,
    /// Whether no ratio is above its limit.
    passed: bool,
    /// The moment of the market; none for a walk.
    time: Option<Timestamp>,
    seed: u64,
    limits: &'a [Limit],
    /// The worst book of each underlying and kind; empty for a walk.
    found: &'a [Found],
    /// The books of each kind over all intervals of a walk; empty otherwise.
    walked: &'a [Walked],
}

/// Attacks a market, or every snapshot of a recorded chain.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let product = product(args)?;
    let history = args.recorded.history()?;
    if args.walk {
        walked(args, &product, &history.unwrap_or_default())
    } else {
        found(args, &product, history.as_ref())
    }
}

fn product(args: &Args) -> Result<Product, Failure> {
    let Some(file) = &args.params else { return Ok(Product::published()) };
    let text = Reader::default().text(file)?;
    Product::of(&text).map_err(|why| Failure::wrong(file.display(), why))
}

fn extent(args: &Args) -> Extent {
    Extent { strikes: usize::from(args.strikes), coins: args.coins }
}

fn found(args: &Args, product: &Product, history: Option<&History>) -> Result<Answer, Failure> {
    let market = market(args)?;
    let options = Options {
        kinds: if args.kinds.is_empty() { Kind::ALL.to_vec() } else { args.kinds.clone() },
        history,
        multiple: args.multiple,
        extent: extent(args),
        seed: args.seed,
        threads: args.threads.unwrap_or_else(processors).get(),
    };
    let mut progress = Progress::reading("programmes", None);
    let (mut done, mut found) = (0, Vec::new());
    for underlying in underlyings(args, &market)? {
        let hunted = hunt(product, &market, underlying, &options, || {
            done += 1;
            progress.at(done);
        });
        found.extend(hunted.map_err(Failure::broken)?);
    }
    let report = pace(done, "programmes", progress.over()) + "\n";
    // A limit of a kind that has no day in this market would pass without a check.
    if let Some(idle) = args.limit.iter().find(|limit| !found.iter().any(|of| of.kind == limit.kind && of.days > 0)) {
        let why = format!(
            "{}: no day of this kind was tried, expected a kind that has days in this market",
            idle.kind.name()
        );
        return Err(Failure::wrong("--limit", why));
    }
    let over = |limit: &Limit| found.iter().any(|found| found.kind == limit.kind && ratio(found) > limit.ratio);
    let passed = !args.limit.iter().any(over);
    let name = product.name();
    let document = Document {
        format: "upm.attack/1",
        method: &name,
        passed,
        time: Some(market.time),
        seed: args.seed,
        limits: &args.limit,
        found: &found,
        walked: &[],
    };
    Ok(Answer { report, failed: !passed, ..answer(args, &document) })
}

/// The ratio of the worst book; 0 where none loses.
fn ratio(found: &Found) -> f64 {
    found.worst.as_ref().map_or(0.0, |worst| worst.ratio)
}

fn walked(args: &Args, product: &Product, history: &History) -> Result<Answer, Failure> {
    let options = walk::Options {
        kinds: if args.kinds.is_empty() { WALK_KINDS.to_vec() } else { args.kinds.clone() },
        days: WALK_DAYS,
        extent: extent(args),
        threads: args.threads.unwrap_or_else(processors).get(),
    };
    let all =
        |recording: &Recording, span, done: &mut dyn FnMut()| walk(product, recording, history, span, &options, done);
    let (rows, report) = args.recorded.walk(all)?;
    let name = product.name();
    let document = Document {
        format: "upm.attack/1",
        method: &name,
        passed: true,
        time: None,
        seed: args.seed,
        limits: &[],
        found: &[],
        walked: &rows,
    };
    Ok(Answer { report, ..answer(args, &document) })
}

fn answer(args: &Args, document: &Document) -> Answer {
    match args.output {
        Output::Json => Answer::json(document),
        Output::Table => Answer::out(page::text(document)),
    }
}

fn market(args: &Args) -> Result<Market, Failure> {
    if args.recorded.has_chain() {
        let (chain, futures) = (args.recorded.chain()?, args.recorded.futures()?);
        let Some(at) = args.at.or_else(|| chain.snapshots().last()) else {
            return Err(Failure::wrong("--chain", "found no snapshot, expected at least one"));
        };
        let snapshot = Recording { chain: &chain, futures: futures.as_ref() }.market(at);
        return snapshot.map_err(|why| Failure::Wrong(why.to_string()));
    }
    let Some(file) = &args.market else {
        return Err(Failure::wrong(
            "--market",
            "missing, expected a market document, or a recorded chain with --chain",
        ));
    };
    let text = Reader::default().text(file)?;
    Market::parse(&text).map_err(|why| Failure::wrong(file.display(), why))
}

/// The underlyings that are attacked: the one asked for, or every one that is no basket.
fn underlyings(args: &Args, market: &Market) -> Result<Vec<UnderlyingId>, Failure> {
    let all = (0..market.underlyings.len()).map(UnderlyingId).filter(|id| !market.is_basket(*id));
    let Some(name) = &args.underlying else { return Ok(all.collect()) };
    let names = || all.clone().map(|id| market.underlyings[id.0].name.as_str()).collect::<Vec<_>>().join(", ");
    let found = market.underlying(name).filter(|id| !market.is_basket(*id));
    found
        .map(|id| vec![id])
        .ok_or_else(|| Failure::wrong("--underlying", format_args!("found {name}, expected one of {}", names())))
}

/// The value parser of clap for a kind.
fn kind(text: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::named(text).ok_or_else(|| format!("expected one of {}", names()))
}

/// The value parser of clap for a limit, such as `expiry=1.2`.
fn limit(text: &str) -> Result<Limit, String> {
    let (name, ratio) = text.split_once('=').ok_or("expected a kind and a ratio, such as expiry=1.2")?;
    Ok(Limit { kind: kind(name)?, ratio: recorded::above_zero(ratio)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Document<'static>>("upm.attack/1", testdata::schema::Side::Written);
    }

    #[test]
    fn a_limit_is_a_kind_and_a_ratio() {
        assert_eq!(limit("expiry=1.5"), Ok(Limit { kind: Kind::Expiry, ratio: 1.5 }));
        for wrong in ["expiry", "expiry=0", "storm=1", "expiry=high"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
