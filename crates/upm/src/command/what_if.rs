//! `upm what-if`: an account before and after trades, and the difference.

use margin::{Assessment, assess};
use serde::Serialize;
use units::Overflow;

use crate::beside::{self, Words};
use crate::failure::Failure;
use crate::input::{Book, BookArgs, MethodArgs, Output, Reader, Rules};
use crate::printer::Answer;
use crate::table::paragraph;
use crate::{sheet, trade};

/// Margin an account before and after trades
///
/// A trade without a price is made at the mark. Profits and premiums move into the balances; fees are not taken.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm what-if --market samples/market.json --portfolio samples/portfolio.json --account \"short strangle\" \\
      --trade \"BTC_USDC-PERPETUAL -1\"")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    method: MethodArgs,
    /// Instrument, signed contracts or size, price: "BTC-8MAY26-78000-C +10 @2400" or "BTC-PERPETUAL -1000 USD"; repeat for more
    #[arg(long = "trade", value_name = "TRADE", required = true)]
    trades: Vec<String>,
    /// table for people, or json (upm.what-if/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// `upm.what-if/1`.
#[derive(Serialize)]
struct WhatIfDocument<'a> {
    format: &'static str,
    method: &'static str,
    params: String,
    time: String,
    trades: &'a [String],
    before: &'a Assessment,
    after: &'a Assessment,
}

/// Assesses the one account asked for twice.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let book = args.book.read(&mut reader)?;
    let rules = args.method.read(&mut reader, &book)?;
    let [account] = book.accounts.as_slice() else {
        let known = book.accounts.iter().map(|account| account.name.as_str());
        return Err(Failure::wrong("--account", format_args!("missing, expected {}", crate::input::names(known))));
    };
    let judge = rules.judge(&book)?;
    let mut traded = account.clone();
    let mut words = Vec::with_capacity(args.trades.len());
    for text in &args.trades {
        let trade = trade::read(text, &book.market).map_err(|problem| Failure::wrong("--trade", problem))?;
        let out_of_range = |overflow| Failure::wrong("--trade", format_args!("\"{text}\": {overflow}"));
        traded = trade::after(&traded, &trade, &book.market).map_err(out_of_range)?;
        words.push(trade.words(&book.market).map_err(out_of_range)?);
    }
    let assessed = |account| assess(account, &*judge).map_err(|why| book.refused(account, &why));
    let (before, after) = (assessed(account)?, assessed(&traded)?);
    if args.output == Output::Json {
        return Ok(Answer::json(&WhatIfDocument {
            format: "upm.what-if/1",
            method: rules.method.about.name,
            params: rules.rulebook.name(),
            time: book.market.time.to_string(),
            trades: &args.trades,
            before: &before,
            after: &after,
        }));
    }
    let table = table(&book, &rules, &words, [&before, &after]).map_err(|overflow| book.refused(account, &overflow))?;
    Ok(Answer::out(table))
}

fn table(book: &Book, rules: &Rules, trades: &[String], both: [&Assessment; 2]) -> Result<String, Overflow> {
    let [before, after] = both;
    let words = Words { columns: ["before", "after", "difference"], second_core: "after the trade in:" };
    let mut sections = vec![
        sheet::head(before, &rules.title(book)),
        trades.iter().map(|trade| paragraph("  trade", 9, trade)).collect(),
        beside::margins(both, &words)?,
        beside::sensitivities(both, &words),
    ];
    let mut notes = before.notes.clone();
    notes.extend(after.notes.iter().filter(|note| !before.notes.contains(note)).cloned());
    sections.push(sheet::notes(&notes));
    sections.retain(|section| !section.is_empty());
    Ok(sections.join("\n"))
}
