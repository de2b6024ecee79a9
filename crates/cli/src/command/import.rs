//! `upm import`: answers of venues and recordings, as a `upm.market/1` document.

#[cfg(feature = "recordings")]
mod chain;

use std::path::PathBuf;

use feed::deribit;
use model::{MarketDocument, UsdPrice, is_name};
use shell::failure::Failure;
use shell::input::Reader;
use shell::printer::Answer;
use units::Timestamp;

/// Make a market document from the answers of a venue or from a recording
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
    #[cfg(feature = "recordings")]
    DeribitChain(chain::Args),
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
    /// USD per unit of a currency for which the answers have no index, or that accounts hold besides
    #[arg(long = "price", value_name = "ASSET=USD", value_parser = price_of)]
    prices: Vec<(String, UsdPrice)>,
}

/// Imports the market; the document is the output, the report goes to standard error.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    match &args.command {
        Command::Deribit(args) => deribit(args),
        #[cfg(feature = "recordings")]
        Command::DeribitChain(args) => chain::run(args),
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

/// The error when answers make no market, with the argument that would help.
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

/// For clap: reads `USDC=0.9999`.
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
