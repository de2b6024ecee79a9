//! `upm what-if`: an account before and after trades, and the difference.

use margin::{Assessment, assess};
use model::Trade;
use serde::Serialize;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, Tone, toned};
use shell::table::paragraph;
use units::Overflow;

use crate::beside::{self, Words};
use crate::input::{BookArgs, MethodArgs};
use crate::sheet;
use crate::verdict::{self, VerdictDocument};

/// Margin an account before and after trades
///
/// A trade without a price is made at the mark. Profits and premiums move into the balances; fees are not charged.
///
/// The answer says whether an engine would accept the trades, and warns of prices far from the mark.
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

/// An account before and after trades, as a document `upm.what-if/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct WhatIfDocument<'a> {
    format: &'static str,
    method: &'static str,
    params: String,
    time: String,
    trades: &'a [String],
    /// Prices far from the mark.
    warnings: &'a [String],
    verdict: &'a VerdictDocument,
    before: &'a Assessment,
    after: &'a Assessment,
}

/// Assesses the one requested account before and after the trades.
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
    let (mut words, mut warnings) = (Vec::with_capacity(args.trades.len()), Vec::new());
    for text in &args.trades {
        let trade = Trade::parse(text, &book.market).map_err(|problem| Failure::wrong("--trade", problem))?;
        let out_of_range = |overflow| Failure::wrong("--trade", format_args!("\"{text}\": {overflow}"));
        warnings.extend(verdict::far(&trade, &book.market));
        traded = traded.after(&trade, &book.market).map_err(out_of_range)?;
        words.push(verdict::words(&trade, &book.market).map_err(out_of_range)?);
    }
    let assessed = |account| assess(account, &*judge).map_err(|why| book.refused(account, &why));
    let (before, after) = (assessed(account)?, assessed(&traded)?);
    let verdict = verdict::verdict([&before, &after]);
    if args.output == Output::Json {
        return Ok(Answer::json(&WhatIfDocument {
            format: "upm.what-if/1",
            method: rules.method.about.name,
            params: rules.rulebook.name(),
            time: book.market.time.to_string(),
            trades: &args.trades,
            warnings: &warnings,
            verdict: &verdict,
            before: &before,
            after: &after,
        }));
    }
    let both = [&before, &after];
    let tables = tables(both).map_err(|overflow| book.refused(account, &overflow))?;
    let mut sections = vec![sheet::head(&before, &rules.title(&book)), told(&words, &warnings, &verdict)];
    sections.extend(tables);
    sections.retain(|section| !section.is_empty());
    Ok(Answer::out(sections.join("\n")))
}

/// The trades, warnings about them, and the engine's verdict.
fn told(trades: &[String], warnings: &[String], verdict: &VerdictDocument) -> String {
    let mut text: String = trades.iter().map(|trade| paragraph("  trade", 12, trade)).collect();
    for warning in warnings {
        text += &paragraph(&format!("  {}", toned(Tone::Yellow, "warning")), 12, warning);
    }
    let (tone, word) = if verdict.accepted { (Tone::Green, "accepted") } else { (Tone::Red, "refused") };
    text + &paragraph(&format!("  {}", toned(tone, word)), 12, &verdict.why)
}

/// Margins and sensitivities before and after, and the notes of both.
fn tables(both: [&Assessment; 2]) -> Result<[String; 3], Overflow> {
    let [before, after] = both;
    let words = Words { columns: ["before", "after", "difference"], second_core: "after the trade in:" };
    let mut notes = before.notes.clone();
    notes.extend(after.notes.iter().filter(|note| !before.notes.contains(note)).cloned());
    Ok([beside::margins(both, &words)?, beside::sensitivities(both, &words), sheet::notes(&notes)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<WhatIfDocument<'static>>("upm.what-if/1", testdata::schema::Side::Written);
    }
}
