//! `upm import deribit-chain`: one moment of a recorded option chain.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feed::chain;
use model::UsdPrice;
use shell::failure::Failure;
use shell::input::Reader;
use shell::printer::Answer;
use units::Timestamp;

use super::{answer, price_of};

/// Read a recorded option chain: the snapshot nearest to a time
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm import deribit-chain crates/feed/tests/data/chain.parquet --futures crates/feed/tests/data/futures.csv \\
      --at 2026-04-22T12:05:00Z --currency BTC --price USDC=0.9999")]
pub struct Args {
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

/// Imports the requested snapshot.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let name = |file: &Path| file.display().to_string();
    let bytes = reader.bytes(&args.file)?;
    let futures = args.futures.as_ref().map(|file| Ok((name(file), reader.bytes(file)?))).transpose()?;
    let futures = futures.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let asked = chain::Asked { at: args.at, within: args.within };
    let currencies: Vec<&str> = args.currency.iter().map(String::as_str).collect();
    let (mut document, report) = chain::import(&name(&args.file), bytes, asked, &currencies, futures)
        .map_err(|why| Failure::Wrong(why.to_string()))?;
    let indices = document.underlyings.iter();
    let coins = indices.filter_map(|entry| Some((entry.underlying.as_str(), entry.index?))).collect();
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

/// For clap: reads `90min`, `6h`, `2d`.
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
