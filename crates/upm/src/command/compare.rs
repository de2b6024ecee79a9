//! `upm compare`: what every method asks for, side by side.

use margin::method::METHODS;
use margin::{Assessment, assess};
use model::Account;
use serde::Serialize;
use units::{Money, Overflow, Round};

use crate::amount::{Unit, number};
use crate::failure::Failure;
use crate::input::{Book, BookArgs, Output, Reader, Rules};
use crate::printer::{Answer, Tone, toned};
use crate::sheet::{self, Amounts};
use crate::table::{Side, Table, cut, paragraph};

/// Where notes begin, to the right of the names of methods.
const LEAD: usize = 20;

/// Margin the same accounts by every method: what would this book cost there?
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm compare --market samples/market.json --portfolio samples/portfolio.json")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    /// Refuse what a venue does not list instead of converting it
    #[arg(long)]
    strict: bool,
    /// Print what was converted, and what is uncertain about each method
    #[arg(long)]
    notes: bool,
    /// table for people, or json (upm.comparison/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// `upm.comparison/1`.
#[derive(Serialize)]
struct ComparisonDocument<'a> {
    format: &'static str,
    time: String,
    market: &'a str,
    portfolio: &'a str,
    accounts: Vec<Comparison>,
}

/// One account under every method.
#[derive(Serialize)]
struct Comparison {
    account: String,
    methods: Vec<Line>,
}

/// One account under one method.
#[derive(Serialize)]
struct Line {
    method: &'static str,
    params: String,
    #[serde(flatten)]
    answer: Verdict,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Assessment(Box<Assessment>),
    Refused(String),
}

/// Assesses every account asked for by every method.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    if args.notes && args.output == Output::Json {
        return Err(Failure::wrong("--notes", "found with --output json, which has every note, expected a table"));
    }
    let book = args.book.read(&mut Reader::default())?;
    let comparisons = compare(&book, args.strict)?;
    if let Some((account, why)) = refused_by_all(&book, &comparisons) {
        return Err(book.refused(account, why));
    }
    if args.output == Output::Json {
        return Ok(Answer::json(&ComparisonDocument {
            format: "upm.comparison/1",
            time: book.market.time.to_string(),
            market: &book.market.hash,
            portfolio: &book.portfolio.hash,
            accounts: comparisons,
        }));
    }
    let doubts = if args.notes { doubts() } else { String::new() };
    Ok(Answer::out(tables(&book, &comparisons, args.notes)? + &doubts))
}

/// Every method on every account, with the built-in parameters, as tables.
pub fn side_by_side(book: &Book) -> Result<String, Failure> {
    tables(book, &compare(book, false)?, false)
}

fn compare(book: &Book, strict: bool) -> Result<Vec<Comparison>, Failure> {
    let mut comparisons: Vec<Comparison> =
        book.accounts.iter().map(|account| Comparison { account: account.name.clone(), methods: Vec::new() }).collect();
    for method in METHODS {
        let rules = Rules::built_in(method, strict)?;
        let judge = rules.judge(book);
        let verdict = |account: &Account| match &judge {
            Ok(judge) => match assess(account, &**judge) {
                Ok(assessment) => Verdict::Assessment(Box::new(Assessment { scenarios: Vec::new(), ..assessment })),
                Err(why) => Verdict::Refused(why.to_string()),
            },
            Err(why) => Verdict::Refused(why.to_string()),
        };
        for (account, comparison) in book.accounts.iter().zip(&mut comparisons) {
            let params = rules.rulebook.name();
            comparison.methods.push(Line { method: method.about.name, params, answer: verdict(account) });
        }
    }
    Ok(comparisons)
}

/// An account that no method can margin, and why the first cannot.
fn refused_by_all<'a>(book: &'a Book, comparisons: &'a [Comparison]) -> Option<(&'a Account, &'a String)> {
    book.accounts.iter().zip(comparisons).find_map(|(account, comparison)| {
        let mut reasons = comparison.methods.iter().map(|line| match &line.answer {
            Verdict::Refused(why) => Some(why),
            Verdict::Assessment(_) => None,
        });
        let first = reasons.next()??;
        reasons.all(|reason| reason.is_some()).then_some((account, first))
    })
}

fn tables(book: &Book, comparisons: &[Comparison], all_notes: bool) -> Result<String, Failure> {
    let tables = book.accounts.iter().zip(comparisons).map(|(account, comparison)| {
        table(book, comparison, all_notes).map_err(|overflow| book.refused(account, &overflow))
    });
    Ok(tables.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

fn table(book: &Book, comparison: &Comparison, all_notes: bool) -> Result<String, Overflow> {
    let assessed = || {
        comparison.methods.iter().filter_map(|line| match &line.answer {
            Verdict::Assessment(assessment) => Some((line.method, &**assessment)),
            Verdict::Refused(_) => None,
        })
    };
    let unit = Unit::rough(assessed().map(|(_, one)| sheet::largest(one)).max().unwrap_or_default());
    let cheapest = assessed().map(|(_, one)| one.initial_margin).filter(|margin| *margin > Money::ZERO).min();
    let mut table = Table::new(&[
        (unit.name, Side::Left),
        ("initial", Side::Right),
        ("maintenance", Side::Right),
        ("excess", Side::Right),
        ("health", Side::Right),
        ("status", Side::Left),
        ("saved", Side::Right),
        ("× cheapest", Side::Right),
    ]);
    for (method, assessment) in assessed() {
        let amounts = Amounts::in_unit(unit, assessment)?;
        let saved = assessment.offset.per(assessment.standalone_margin, Round::Down);
        let times = cheapest.and_then(|least| assessment.initial_margin.per(least, Round::Up));
        table.row([
            method.to_owned(),
            amounts.initial.to_string(),
            amounts.maintenance.to_string(),
            amounts.excess.to_string(),
            multiple(sheet::health(assessment)),
            sheet::status(assessment.status),
            saved.map_or_else(String::new, |part| format!("{} %", number(100.0 * part.to_f64(), 0))),
            times.map_or_else(String::new, |times| multiple(number(times.to_f64(), 2))),
        ]);
    }
    let equity = assessed().next().map(|(_, one)| unit.shown(one.equity, Round::Down).to_string());
    let equity = equity.map_or_else(String::new, |equity| format!("· equity {equity} · {}", book.market.time));
    let name = toned(Tone::Bold, &cut(&comparison.account, 40));
    Ok(format!("{name} {}\n\n{}{}", toned(Tone::Dim, &equity), table.text(), remarks(comparison, all_notes)))
}

/// How many times, as printed; whole numbers where decimals say nothing, a bound where digits do not.
fn multiple(times: String) -> String {
    match times.split_once('.') {
        Some((whole, _)) if whole.len() > "999,999".len() => ">999,999".to_owned(),
        Some((whole, _)) if whole.len() > "9,999".len() => whole.to_owned(),
        _ => times,
    }
}

/// Why methods refused, and what the others noted of this account.
fn remarks(comparison: &Comparison, all: bool) -> String {
    let mut text = String::new();
    let mut counts = Vec::new();
    for Line { method, answer, .. } in &comparison.methods {
        let lead = format!("  {method}");
        match answer {
            Verdict::Refused(why) => text += &paragraph(&lead, LEAD, &format!("refuses: {why}")),
            Verdict::Assessment(assessment) => {
                let of_account = assessment.notes.iter().filter(|note| !note.starts_with(sheet::UNCERTAIN));
                let noted = sheet::grouped(&of_account.collect::<Vec<_>>());
                if all {
                    text.extend(noted.iter().map(|note| paragraph(&lead, LEAD, note)));
                } else if !noted.is_empty() {
                    counts.push(format!("{method} {}", noted.len()));
                }
            }
        }
    }
    if !counts.is_empty() {
        text += &paragraph("  notes", 9, &format!("{}; --notes prints them", counts.join(", ")));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// What is uncertain about every method: the same for all accounts.
fn doubts() -> String {
    let doubts = METHODS.iter().flat_map(|method| {
        let lead = format!("  {}", method.about.name);
        method.about.uncertain.iter().map(move |doubt| paragraph(&lead, LEAD, doubt))
    });
    format!("\n{}\n\n{}", toned(Tone::Bold, "uncertain"), doubts.collect::<String>())
}
