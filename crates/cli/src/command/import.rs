//! `upm import`: what venues and recordings say, as a `upm.market/1` document.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feed::{chain, deribit};
use model::{MarketDocument, UsdPrice, is_name};
use shell::failure::Failure;
use shell::input::Reader;
use shell::printer::Answer;
use units::Timestamp;

/// Make a market document from what a venue or a recording says
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm import deribit crates/cli/tests/data/deribit.jsonl --output-file target/market.json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Deribit(DeribitArgs),
    DeribitChain(ChainArgs),
}

/// Read Deribit's own answers: instruments, book summaries, tickers, recorded frames
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm import deribit crates/cli/tests/data/deribit.jsonl")]
struct DeribitArgs {
    /// Answers as sent or as recorded line by line, plain or gzip; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The market's time, RFC 3339; the newest timestamp of the answers when not given
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// USD per unit of a currency that the answers give no index of, or that is held besides
    #[arg(long = "price", value_name = "ASSET=USD", value_parser = price_of)]
    prices: Vec<(String, UsdPrice)>,
}

/// Read a recorded option chain: the snapshot nearest to a time
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm import deribit-chain crates/feed/tests/data/chain.parquet --futures crates/feed/tests/data/futures.csv \\
      --at 2026-04-22T12:05:00Z --currency BTC --price USDC=0.9999")]
struct ChainArgs {
    /// Recorded chain, parquet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The snapshot nearest to this time is taken, RFC 3339
    #[arg(long, value_name = "TIME")]
    at: Timestamp,
    /// How far from that time the snapshot may be, such as 90min, 6h or 2d
    #[arg(long, value_name = "SPAN", default_value = "6h", value_parser = span_of)]
    within: Duration,
    /// Only these currencies, such as BTC,ETH
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    currency: Vec<String>,
    /// USD per unit of an asset to add, such as a stablecoin that backs accounts; repeat for more
    #[arg(long = "price", value_name = "ASSET=USD", value_parser = price_of)]
    prices: Vec<(String, UsdPrice)>,
    /// Recorded prices of futures and perpetuals, CSV, plain or gzip
    #[arg(long, value_name = "FILE")]
    futures: Option<PathBuf>,
}

/// Imports; the document is the output, the report goes to standard error.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    match &args.command {
        Command::Deribit(args) => deribit(args),
        Command::DeribitChain(args) => chain(args),
    }
}

fn deribit(args: &DeribitArgs) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let mut texts = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let name = file.display().to_string();
        let text = feed::read_text(&name, &reader.bytes(file)?).map_err(|why| Failure::Wrong(why.to_string()))?;
        texts.push((name, text));
    }
    let sources: Vec<_> = texts.iter().map(|(name, text)| deribit::Source { name, text }).collect();
    let mut options = deribit::Options { at: args.at, ..deribit::Options::default() };
    options.prices.extend(args.prices.iter().cloned());
    let (document, report) = deribit::import(&sources, &options).map_err(|why| refused(&why))?;
    Ok(answer(&document, &report))
}

fn chain(args: &ChainArgs) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let name = |file: &Path| file.display().to_string();
    let bytes = reader.bytes(&args.file)?;
    let futures = args.futures.as_ref().map(|file| Ok((name(file), reader.bytes(file)?))).transpose()?;
    let futures = futures.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let asked = chain::Asked { at: args.at, within: args.within };
    let currencies: Vec<&str> = args.currency.iter().map(String::as_str).collect();
    let (mut document, report) = chain::import(&name(&args.file), bytes, asked, &currencies, futures)
        .map_err(|why| Failure::Wrong(why.to_string()))?;
    let coins = document.underlyings.iter().map(|entry| (entry.underlying.as_str(), entry.index)).collect();
    for (asset, price) in &args.prices {
        if document.assets.iter().any(|known| known.asset == *asset) {
            return Err(Failure::wrong(
                "--price",
                format_args!("found {asset}, expected an asset that the chain does not price"),
            ));
        }
        document.assets.push(feed::asset(asset, *price, &coins));
    }
    Ok(answer(&document, &report))
}

/// Why answers make no market, and the argument that would help.
fn refused(why: &deribit::ImportError) -> Failure {
    Failure::Wrong(match why {
        deribit::ImportError::NoPrice { asset, .. } => {
            format!("{why}; --price {asset}=1 says that it is worth one USD")
        }
        _ => why.to_string(),
    })
}

fn answer(document: &MarketDocument, report: &impl std::fmt::Display) -> Answer {
    Answer { report: format!("{report}\n"), ..Answer::json(document) }
}

/// For clap: `USDC=0.9999`.
fn price_of(text: &str) -> Result<(String, UsdPrice), String> {
    let (asset, price) = text.split_once('=').ok_or("expected an asset and its price, such as USDC=0.9999")?;
    let price: UsdPrice = price.parse().map_err(|why| format!("expected {why} after the ="))?;
    if !is_name(asset) {
        return Err("expected an asset before the = whose name has 1 to 100 visible characters".to_owned());
    }
    if price <= UsdPrice::ZERO {
        return Err("expected a price above 0 after the =".to_owned());
    }
    if asset == "USD" {
        return Err("expected another asset: USD is worth 1".to_owned());
    }
    Ok((asset.to_owned(), price))
}

/// For clap: `90min`, `6h`, `2d`.
fn span_of(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_lowercase());
    let minutes = match &text[digits.len()..] {
        "min" => Some(1),
        "h" => Some(60),
        "d" => Some(24 * 60),
        _ => None,
    };
    let count = digits.parse::<u32>().ok().map(u64::from);
    let span = count.zip(minutes).map(|(count, minutes)| Duration::from_mins(count * minutes));
    span.ok_or_else(|| "expected a whole number of minutes, hours or days, such as 90min, 6h or 2d".to_owned())
}
