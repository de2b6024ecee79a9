//! `upm stress`: an account's gains and losses over moves of price and volatility, as table, JSON or picture.

mod document;
mod page;
mod told;
mod words;

use std::path::{Path, PathBuf};

use margin::method::universal::{self, Universal, rules::Rules};
use margin::params::Params;
use margin::scenario::ScenarioSet;
use margin::stress::{Estimate, Frontier, Grid, Matrix, Question, estimates};
use margin::{Assessment, Refusal};
use model::{Account, Market};
use pricing::kernel::Isa;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, coloured, rendered};

use crate::accounts::{Frame, WorkArgs};
use crate::document::{account as listed, frame};
use crate::heatmap::{self, Picture};
use crate::input::{Book, BookArgs, MethodArgs, scenarios};
use document::{closing, opening};
use told::Told;

/// The default grid, which reaches beyond the scan range on both sides.
const GRID: &str = "11x7";

/// Profit and loss of accounts over moves of price and volatility, everything revalued
///
/// Prices move by quarters of their scan range, volatilities by halves of the scan's moves: 9x5 is the scan range itself.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm stress --market samples/market.json --portfolio samples/portfolio.json --account \"short strangle\"
  upm stress --market samples/market.json --portfolio samples/portfolio.json --account \"short strangle\" --svg target/strangle.svg
  upm stress --market samples/market.json --portfolio samples/portfolio.json --scenario \"5 Aug 2024\"")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    method: MethodArgs,
    /// Moves of price × moves of volatility, both odd
    #[arg(long, value_name = "PRICE×VOL", default_value = GRID)]
    grid: Grid,
    /// One scenario of the method instead of the grid, position by position; an unknown name lists all of them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["grid", "svg"])]
    scenario: Option<String>,
    /// Tables for people, JSON (upm.stress/1, of one scenario upm.stress-scenario/1) for programs
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
    /// Draw one account as a picture into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    work: WorkArgs,
}

impl Args {
    /// The file that a picture is drawn into.
    pub fn pictures(&self) -> impl Iterator<Item = &Path> {
        self.svg.as_deref().into_iter()
    }
}

/// Stresses every requested account while accounts are read.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    if let Some(file) = &args.svg {
        return with_picture(args, file, &mut reader, to);
    }
    let (book, accounts) = args.book.open(&mut reader)?;
    let (params, scenarios) = read_method(&args.method, &mut reader, &book)?;
    let universal = prepared(&book, &params, &scenarios)?;
    let universal = &universal;
    let title = format!("· {} · {}", params.name(), book.market.time);
    let told = args.scenario.as_ref().map(|name| Told::of(name, universal)).transpose()?;
    if args.output == Output::Json {
        let closing = |portfolio: &str| closing(&book, &params, universal, portfolio);
        let format = if told.is_some() { told::FORMAT } else { document::FORMAT };
        let json = frame(to, opening(format, &book, &params), &closing);
        return accounts.answer(&book, &args.work, &json, |account| match &told {
            Some(told) => told.document(&book, account, universal),
            None => Ok(listed(&stressed(&book, account, universal, args.grid)?.document())),
        });
    }
    let in_colour = coloured(to.is_watched());
    let frame = Frame { to, opening: String::new(), between: "\n\n", closing: &|_| String::new() };
    accounts.answer(&book, &args.work, &frame, |account| {
        let sheet = match &told {
            Some(told) => told.sheet(&book, account, universal, &title)?,
            None => stressed(&book, account, universal, args.grid)?.sheet(&title),
        };
        Ok(rendered(&sheet, in_colour))
    })
}

/// Stresses the one requested account and draws it into a file.
fn with_picture(args: &Args, file: &Path, reader: &mut Reader, to: &Destination) -> Result<Answer, Failure> {
    let book = args.book.read(reader)?;
    let (params, scenarios) = read_method(&args.method, reader, &book)?;
    let universal = prepared(&book, &params, &scenarios)?;
    let [account] = book.accounts.as_slice() else {
        let found = format_args!("found {} accounts, expected one, named with --account", book.accounts.len());
        return Err(Failure::wrong("--svg", found));
    };
    let one = stressed(&book, account, &universal, args.grid)?;
    let text = match args.output {
        Output::Json => {
            let closing = closing(&book, &params, &universal, &book.portfolio.hash);
            opening(document::FORMAT, &book, &params) + &listed(&one.document()) + &closing
        }
        Output::Table => one.sheet(&format!("· {} · {}", params.name(), book.market.time)),
    };
    let picture = one.picture(account, &book.market, &params, &scenarios);
    to.write(file, &picture.map_err(|why| book.refused(account, &why))?)?;
    Ok(Answer { report: format!("\npicture: {}\n", file.display()), ..Answer::out(text) })
}

/// The picture of one account of a book, with the built-in parameters and the usual grid.
pub fn picture(book: &Book, account: &Account) -> Result<String, Failure> {
    let params = built_in()?;
    let universal = prepared(book, &params, &ScenarioSet::default())?;
    let grid = GRID.parse().expect("a grid of two odd numbers");
    let picture =
        stressed(book, account, &universal, grid)?.picture(account, &book.market, &params, &ScenarioSet::default());
    picture.map_err(|why| book.refused(account, &why))
}

/// The universal method in the market of a book.
fn prepared<'a>(book: &'a Book, params: &'a Params<Rules>, extra: &ScenarioSet) -> Result<Universal<'a>, Failure> {
    universal::prepare(&book.market, &params.rules, extra, Isa::detect())
        .map_err(|why| Failure::wrong(&book.market_file, why))
}

fn built_in() -> Result<Params<Rules>, Failure> {
    universal::parse(universal::PARAMS)
        .map_err(|invalid| Failure::Broken(format!("built-in parameters of universal: {invalid}")))
}

fn read_method(args: &MethodArgs, reader: &mut Reader, book: &Book) -> Result<(Params<Rules>, ScenarioSet), Failure> {
    if args.method.about.name != universal::ABOUT.name {
        let found = format_args!("found {}, expected universal: its scan ranges are the grid", args.method.about.name);
        return Err(Failure::wrong("--method", found));
    }
    args.check()?;
    let params = match &args.params {
        Some(file) => {
            universal::parse(&reader.text(file)?).map_err(|invalid| Failure::wrong(file.display(), invalid))?
        }
        None => built_in()?,
    };
    let scenarios = match &args.scenarios {
        Some(file) => scenarios(file, reader, book)?,
        None => ScenarioSet::default(),
    };
    Ok((params, scenarios))
}

/// One account and its stress results.
struct Stressed {
    assessment: Assessment,
    matrix: Matrix,
    estimates: Vec<Estimate>,
}

fn stressed(book: &Book, account: &Account, universal: &Universal, grid: Grid) -> Result<Stressed, Failure> {
    Stressed::of(account, universal, grid).map_err(|why| book.refused(account, &why))
}

impl Stressed {
    fn of(account: &Account, universal: &Universal, grid: Grid) -> Result<Self, Refusal> {
        Ok(Self {
            assessment: margin::assess(account, universal)?,
            matrix: Matrix::of(account, universal.market, universal.rules, grid, Isa::detect())?,
            estimates: estimates(account, universal)?,
        })
    }

    fn picture(
        &self,
        account: &Account,
        market: &Market,
        params: &Params<Rules>,
        extra: &ScenarioSet,
    ) -> Result<String, Refusal> {
        let question = Question { account, market, rules: &params.rules, extra };
        let frontier = Frontier::of(&question, &self.matrix)?;
        let Self { matrix, assessment, .. } = self;
        Ok(heatmap::svg(&Picture { matrix, assessment, market, params: &params.name(), frontier: &frontier }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use shell::printer::{PAPER, plain};
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Parser)]
    struct Wrapped {
        #[command(flatten)]
        args: Args,
        #[command(flatten)]
        to: Destination,
    }

    /// Runs the command with its answer in a file, and returns that answer.
    fn stress(arguments: &[&str]) -> Result<Answer, Failure> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples");
        let (market, portfolio) = (format!("{samples}/market.json"), format!("{samples}/portfolio.json"));
        let name = format!("upm-stress-{}-{}.out", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let file = std::env::temp_dir().join(name);
        let out = file.display().to_string();
        let all = ["stress", "--market", &market, "--portfolio", &portfolio, "--out", &out];
        let Wrapped { args, to } = Wrapped::try_parse_from(all.into_iter().chain(arguments.iter().copied())).unwrap();
        let answer = run(&args, &to)?;
        if !answer.streamed {
            return Ok(answer);
        }
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        Ok(Answer { out: text, ..answer })
    }

    fn wrong(arguments: &[&str]) -> String {
        match stress(arguments) {
            Err(Failure::Wrong(why)) => why,
            other => panic!("{arguments:?}: {other:?}"),
        }
    }

    #[test]
    fn tables_fit_a_hundred_columns() {
        for arguments in
            [vec![], vec!["--grid", "23x11"], vec!["--scenario", "5 Aug 2024"], vec!["--scenario", "FTX, Nov 2022"]]
        {
            let text = plain(&stress(&arguments).unwrap().out);
            for line in text.lines() {
                assert!(line.chars().count() <= PAPER, "{} columns: {line}", line.chars().count());
            }
            assert!(text.starts_with("delta-hedged book · universal/"), "{text}");
        }
    }

    #[test]
    fn the_worst_cell_is_marked() {
        let text = plain(&stress(&["--account", "short strangle"]).unwrap().out);
        assert_eq!(text.matches('*').count(), 2, "once in the grid, once in the legend:\n{text}");
        assert_eq!(text.matches('†').count(), 2, "{text}");
        let text = plain(&stress(&["--account", "short strangle", "--grid", "9x5"]).unwrap().out);
        assert_eq!(text.matches('†').count(), 0, "the scan range itself has one worst cell:\n{text}");
    }

    #[test]
    fn the_document_says_what_the_table_says() {
        let text = stress(&["--account", "calendar", "--output", "json"]).unwrap().out;
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["format"], "upm.stress/1");
        let account = &document["accounts"][0];
        assert_eq!(account["pnl"].as_array().unwrap().len(), 7);
        assert_eq!(account["pnl"][3][5], "0");
        // At once, after a day, and after what expires within its last quarter; FAM-3; and the moves between the steps:
        // a quarter of BTC is cut into three, of ETH into four, of SOL into six.
        let between = 8 * ((3 + 2) + (4 + 3) + (6 + 5));
        assert_eq!(account["scan"].as_array().unwrap().len(), 4 * (27 + 27 + 24) + 3 * 6 + between);
        assert!(!text.contains("NaN") && !text.contains("\"-0\""));
    }

    #[test]
    fn a_scenario_is_told_position_by_position() {
        let text =
            stress(&["--account", "short strangle", "--scenario", "12 Mar 2020 (SOL by class)", "--output", "json"])
                .unwrap()
                .out;
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let account = &document["accounts"][0];
        let number = |value: &serde_json::Value| value.as_str().unwrap().parse::<f64>().unwrap();
        let parts = account["parts"].as_array().unwrap();
        let sum: f64 = parts.iter().map(|part| number(&part["pnl"])).sum();
        assert_eq!(parts.len(), 5);
        assert!((sum - number(&account["pnl"])).abs() < 1e-6);
        assert_eq!(account["weight"], "0.3");
    }

    /// The amounts in a line, without the words around them.
    fn amounts(line: &str) -> Vec<i64> {
        let digits = |word: &str| word.replace([',', '.'], "").parse().ok();
        line.split("  ").map(str::trim).filter_map(digits).collect()
    }

    #[test]
    fn what_is_printed_adds_up() {
        let text = plain(&stress(&["--scenario", "10 Oct 2025"]).unwrap().out);
        let profits = |lines: &str| -> i64 { lines.lines().filter_map(|line| amounts(line).last().copied()).sum() };
        for account in text.split("  position or balance").skip(1) {
            let (_, rows) = account.split_once('\n').unwrap();
            let (parts, total) = rows.split_once("  ──").unwrap();
            assert_eq!(profits(parts), profits(total.lines().nth(1).unwrap()), "{account}");
        }
        let text = plain(&stress(&[]).unwrap().out);
        let scans = text.lines().filter(|line| line.contains(", vol ")).map(amounts).filter(|line| line.len() == 3);
        let gaps: Vec<bool> = scans.map(|line| line[0] - line[1] == line[2]).collect();
        assert_eq!(gaps, [true; 9 * 28]);
    }

    #[test]
    fn what_margin_counts_is_what_margin_says() {
        let text = plain(&stress(&["--account", "delta-hedged book", "--scenario", "19 May 2021"]).unwrap().out);
        assert!(text.contains("of which margin counts 50 %") && text.contains("-129,724.85\n"), "{text}");
    }

    #[test]
    fn a_picture_that_cannot_be_written_is_no_fault_of_the_input() {
        match stress(&["--account", "calendar", "--svg", "no/such/folder/picture.svg"]) {
            Err(Failure::Broken(why)) => {
                assert!(why.starts_with("no/such/folder/picture.svg: "), "{why}");
                assert!(why.ends_with(", expected a file that can be written"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        let why = wrong(&["--scenario", "the end"]);
        assert!(
            why.starts_with("--scenario: found \"the end\", expected a scenario such as ")
                && why.contains("\n  5 Aug 2024"),
            "{why}"
        );
        assert_eq!(wrong(&["--svg", "never.svg"]), "--svg: found 9 accounts, expected one, named with --account");
        let why = wrong(&["--method", "paradex"]);
        assert_eq!(why, "--method: found paradex, expected universal: its scan ranges are the grid");
        assert!(wrong(&["--account", "nobody"]).contains("found no \"nobody\""));
    }
}
