//! `upm compare`: the margins by every method, side by side.

use margin::method::METHODS;
use margin::{Assessment, Judge, assess};
use model::Account;
use serde::Serialize;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, Tone, coloured, rendered, toned};
use shell::table::{Side, Table, paragraph};
use units::{Money, Overflow, Round};

use crate::accounts::{Frame, WorkArgs};
use crate::amount::{Shown, Unit, number};
use crate::document;
use crate::input::{Book, BookArgs, LoadedMethod};
use crate::sheet::{self, Amounts, UNKNOWN};

/// The column at which notes begin, to the right of the names of methods.
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
    /// Print the notes of each method: its conversions and uncertainties
    #[arg(long)]
    notes: bool,
    /// table for people, or json (upm.comparison/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
    #[command(flatten)]
    work: WorkArgs,
}

/// The beginning of `upm.comparison/1`; accounts and hashes follow.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Head {
    format: &'static str,
    time: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Tail<'a> {
    market: &'a str,
    portfolio: &'a str,
}

/// One account under every method.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Comparison {
    account: String,
    methods: Vec<Line>,
}

/// One account under one method.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Line {
    method: &'static str,
    params: String,
    #[serde(flatten)]
    answer: Verdict,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Assessment(Box<Assessment>),
    Refused(String),
}

/// Assesses every requested account by every method while accounts are read.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    if args.notes && args.output == Output::Json {
        return Err(Failure::wrong("--notes", "found with --output json, which has every note, expected a table"));
    }
    let (book, accounts) = args.book.open(&mut Reader::default())?;
    let rules = every_method(args.strict)?;
    let judges = Judges::of(&rules, &book);
    if args.output == Output::Json {
        let head = Head { format: "upm.comparison/1", time: book.market.time.to_string() };
        let closing = |portfolio: &str| document::after_accounts(&Tail { market: &book.market.hash, portfolio });
        let frame = document::frame(to, document::before_accounts(&head), &closing);
        let answer = |account: &Account| Ok(document::account(&judges.compare(&book, account)?));
        return accounts.answer(&book, &args.work, &frame, answer);
    }
    let doubts = |_: &str| if args.notes { doubts() } else { String::new() };
    let in_colour = coloured(to.is_watched());
    let closing = |hash: &str| rendered(&doubts(hash), in_colour);
    let frame = Frame { to, opening: String::new(), between: "\n", closing: &closing };
    let answer = |account: &Account| Ok(rendered(&judges.table(&book, account, args.notes)?, in_colour));
    accounts.answer(&book, &args.work, &frame, answer)
}

/// Every method on every account, with the built-in parameters, as tables.
pub fn side_by_side(book: &Book) -> Result<String, Failure> {
    let rules = every_method(false)?;
    let judges = Judges::of(&rules, book);
    let tables = book.accounts.iter().map(|account| judges.table(book, account, false));
    Ok(tables.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

fn every_method(strict: bool) -> Result<Vec<LoadedMethod>, Failure> {
    METHODS.iter().map(|method| LoadedMethod::built_in(method, strict)).collect()
}

/// Every method in one market.
struct Judges<'a>(Vec<ByMethod<'a>>);

/// A method in one market, or the reason why it cannot judge there.
struct ByMethod<'a> {
    method: &'static str,
    params: String,
    judge: Result<Box<dyn Judge + 'a>, Failure>,
}

impl<'a> Judges<'a> {
    fn of(rules: &'a [LoadedMethod], book: &'a Book) -> Self {
        let by = |rules: &'a LoadedMethod| ByMethod {
            method: rules.method.about.name,
            params: rules.rulebook.name(),
            judge: rules.judge(book),
        };
        Self(rules.iter().map(by).collect())
    }

    /// The account by every method; when no method can margin an account, it is refused with the first method's reason.
    fn compare(&self, book: &Book, account: &Account) -> Result<Comparison, Failure> {
        let verdict = |judge: &Result<Box<dyn Judge + 'a>, Failure>| match judge {
            Ok(judge) => match assess(account, &**judge) {
                Ok(assessment) => Verdict::Assessment(Box::new(Assessment { scenarios: Vec::new(), ..assessment })),
                Err(why) => Verdict::Refused(why.to_string()),
            },
            Err(why) => Verdict::Refused(why.to_string()),
        };
        let line =
            |by: &ByMethod<'a>| Line { method: by.method, params: by.params.clone(), answer: verdict(&by.judge) };
        let comparison = Comparison { account: account.name.clone(), methods: self.0.iter().map(line).collect() };
        match refused_by_all(&comparison) {
            Some(why) => Err(book.refused(account, why)),
            None => Ok(comparison),
        }
    }

    fn table(&self, book: &Book, account: &Account, all_notes: bool) -> Result<String, Failure> {
        let comparison = self.compare(book, account)?;
        table(book, &comparison, all_notes).map_err(|overflow| book.refused(account, &overflow))
    }
}

/// The reason of the first method, where all methods refuse.
fn refused_by_all(comparison: &Comparison) -> Option<&String> {
    let mut reasons = comparison.methods.iter().map(|line| match &line.answer {
        Verdict::Refused(why) => Some(why),
        Verdict::Assessment(_) => None,
    });
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

fn table(book: &Book, comparison: &Comparison, all_notes: bool) -> Result<String, Overflow> {
    let assessed = || {
        comparison.methods.iter().filter_map(|line| match &line.answer {
            Verdict::Assessment(assessment) => Some((line.method, &**assessment)),
            Verdict::Refused(_) => None,
        })
    };
    let largest = assessed().map(|(_, one)| sheet::largest(one)).max().unwrap_or_default();
    let of_account: Vec<(&str, &Assessment)> = assessed().collect();
    let (mut unit, mut text) = (Unit::rough(largest), String::new());
    // Larger units make narrower columns, and large amounts drop the ratios; a table that is still too wide has cut its
    // words.
    for (times, ratios) in [(1, true), (1000, true), (1_000_000, true), (1_000_000, false)] {
        unit = Unit::rough(Money::from_raw(largest.raw().saturating_mul(times)));
        text = rows(&of_account, unit, ratios)?.text();
        if !text.contains('…') {
            break;
        }
    }
    let equity = assessed().next().map(|(_, one)| unit.owned(one.equity).to_string());
    let scale = if unit.name == "USD" { String::new() } else { format!(" {}", unit.name) };
    let equity = equity.map_or_else(String::new, |equity| format!("· equity {equity}{scale} · {}", book.market.time));
    let heading = sheet::heading(&comparison.account, &equity);
    Ok(format!("{heading}\n{text}{}", remarks(comparison, unit, all_notes)))
}

/// A row for each method. The margins are those of the risk alone; collateral that a method does not accept is in a
/// column of its own. The column with the multiple of the cheapest method may be left out.
fn rows(assessed: &[(&str, &Assessment)], unit: Unit, ratios: bool) -> Result<Table, Overflow> {
    let cheapest = cheapest(assessed.iter().map(|(_, assessment)| *assessment));
    let mut table = Table::new(&[
        (unit.name, Side::Left),
        ("initial", Side::Right),
        ("maintenance", Side::Right),
        ("not accepted", Side::Right),
        ("excess", Side::Right),
        ("health", Side::Right),
        ("status", Side::Left),
        ("saved", Side::Right),
        ("× cheapest", Side::Right),
    ]);
    let left_out = assessed.iter().any(|(_, assessment)| !assessment.requirement.not_accepted().is_empty());
    for (method, assessment) in assessed {
        let amounts = Amounts::in_unit(unit, assessment)?;
        let known = assessment.requirement.is_known();
        let figure = |amount: Shown| if known { amount.to_string() } else { UNKNOWN.to_owned() };
        let not_accepted = amounts.equity.minus(amounts.counted);
        let times = cheapest.and_then(|least| assessment.initial_margin.per(least, Round::Up));
        table.row([
            (*method).to_owned(),
            figure(amounts.initial),
            figure(amounts.maintenance),
            if not_accepted.is_zero() { String::new() } else { not_accepted.to_string() },
            figure(amounts.excess),
            multiple(sheet::health(assessment)),
            sheet::standing(assessment.status),
            // There is no room for both this column and the column of collateral that is not accepted.
            if known && !left_out { sheet::share(assessment, 0) } else { String::new() },
            times.filter(|_| known && ratios).map_or_else(String::new, |times| multiple(number(times.to_f64(), 2))),
        ]);
    }
    Ok(table)
}

/// The least initial margin that is known and above zero.
fn cheapest<'a>(assessed: impl Iterator<Item = &'a Assessment>) -> Option<Money> {
    let known = assessed.filter(|assessment| assessment.requirement.is_known());
    known.map(|assessment| assessment.initial_margin).filter(|margin| *margin > Money::ZERO).min()
}

/// A multiple in print: large ones as whole numbers, larger ones as a bound.
fn multiple(times: String) -> String {
    match times.split_once('.') {
        Some((whole, _)) if whole.len() > "999,999".len() => ">999,999".to_owned(),
        Some((whole, _)) if whole.len() > "9,999".len() => whole.to_owned(),
        _ => times,
    }
}

/// The reasons of methods that refuse; gaps and limits of the others, and their notes on this account.
fn remarks(comparison: &Comparison, unit: Unit, all: bool) -> String {
    let mut text = String::new();
    let mut counts = Vec::new();
    for Line { method, answer, .. } in &comparison.methods {
        let lead = format!("  {method}");
        match answer {
            Verdict::Refused(why) => text += &paragraph(&lead, LEAD, &format!("refuses: {why}")),
            Verdict::Assessment(assessment) => {
                for limit in sheet::limits(assessment, unit) {
                    text += &paragraph(&lead, LEAD, &limit);
                }
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

/// The uncertainties of every method, which are the same for all accounts.
fn doubts() -> String {
    let doubts = METHODS.iter().flat_map(|method| {
        let lead = format!("  {}", method.about.name);
        method.about.uncertain.iter().map(move |doubt| paragraph(&lead, LEAD, doubt))
    });
    format!("\n{}\n\n{}", toned(Tone::Bold, "uncertain"), doubts.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<document::Framed<Head, Comparison, Tail<'static>>>(
            "upm.comparison/1",
            testdata::schema::Side::Written,
        );
    }
}
