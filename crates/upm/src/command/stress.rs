//! `upm stress`: what an account gains and loses over moves of price and volatility, as table, JSON or picture.

use std::path::{Path, PathBuf};

use margin::method::universal::{self, Universal, rules::Rules};
use margin::params::Params;
use margin::scenario::{Move, Scenario, ScenarioSet, VolMove};
use margin::{Assessment, Refusal};
use model::{Account, Market};
use pricing::kernel::Isa;
use serde::Serialize;
use units::{Decimal as _, Money, Overflow, Quantity, Ratio, Round};

use crate::accounts::{Frame, WorkArgs};
use crate::amount::{Unit, down, exact, number};
use crate::document::{self, Hashes};
use crate::draft::Destination;
use crate::failure::Failure;
use crate::frontier::{Frontier, Question};
use crate::heatmap::{self, Picture};
use crate::input::{Book, BookArgs, MethodArgs, Output, Reader, scenarios};
use crate::matrix::{Estimate, Grid, Matrix, Scale, estimates, parts, price_move};
use crate::printer::{self, Answer, Tone, coloured, rendered, toned};
use crate::sheet::heading;
use crate::table::{Side, Table, cut, paragraph};

/// From beyond the scan range on one side to beyond it on the other.
const GRID: &str = "11x7";
/// Characters before the first column of a grid, and of a column.
const LEAD: usize = 22;
const CELL: usize = 7;

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
    /// One scenario of the method in place of the grid, position by position; any other name lists them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["grid", "svg"])]
    scenario: Option<String>,
    /// Tables for people, JSON (upm.stress/1) for programs
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

/// Stresses every account asked for, as they are read.
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
        let frame = document::frame(to, opening(&book, &params), &closing);
        return accounts.answer(&book, &args.work, &frame, |account| match &told {
            Some(told) => told.document(&book, account, universal),
            None => Ok(document::account(&stressed(&book, account, universal, args.grid)?.document())),
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

/// Stresses the one account asked for and draws it into a file.
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
            opening(&book, &params) + &document::account(&one.document()) + &closing
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

/// One account, stressed.
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

    /// The answer as a page for people.
    fn sheet(&self, title: &str) -> String {
        heading(&self.assessment.account, title) + "\n" + &self.grid() + &self.worst() + "\n" + &self.scan()
    }

    /// The matrix, seven characters a cell, the last one for marks; wide ones in several parts.
    fn grid(&self) -> String {
        let unit = Scale::fitting(self.matrix.largest());
        let mut text = format!("  {}\n", toned(Tone::Dim, &format!("profit and loss, {}", unit.name)));
        let columns: Vec<usize> = (0..self.matrix.prices.len()).collect();
        let room = (printer::columns() - LEAD) / CELL;
        for columns in columns.chunks(room) {
            text += &self.grid_part(columns, unit);
            text.push('\n');
        }
        for (count, what) in self.matrix.left_out.iter().zip(["price", "volatility"]) {
            if *count > 0 {
                let words = format!("{count} moves of {what} are left out: a {what} would fall to nothing.");
                text += &paragraph("", 2, &words);
            }
        }
        text
    }

    fn grid_part(&self, columns: &[usize], unit: Scale) -> String {
        let matrix = &self.matrix;
        let mut text = String::new();
        for (name, range) in &matrix.ranges {
            let moves = columns.iter().map(|column| percent(price_move(matrix.prices[*column], *range)));
            let moves: Vec<String> = moves.map(|percent| format!("{percent:>6}")).collect();
            text = text + &format!("  {:<20}{}", cut(name, 19), moves.join(" ")) + "\n";
        }
        let (middle, _) = matrix.middle();
        let inside: Vec<usize> = columns.iter().copied().filter(|column| matrix.in_scan(middle, *column)).collect();
        if let Some(first) = inside.first() {
            let width = 7 * inside.len() - 2;
            let rule = if width > 14 { format!("{:─^width$}", " scan range ") } else { "─".repeat(width) };
            let indent = " ".repeat(22 + 7 * (first - columns[0]));
            text = text + &indent + &toned(Tone::Dim, &format!("├{rule}┤")) + "\n";
        }
        let (worst, in_scan) = (matrix.worst(), matrix.worst_in_scan());
        for (row, vol) in matrix.vols.iter().enumerate() {
            let points = vol.points.map_or_else(String::new, |points| format!("{} pt", plus(&number(points, 1))));
            let side = if vol.part.abs() <= 1.0 { "│" } else { " " };
            let mut line = format!("  vol {:>6}{points:>9}{}", percent(vol.relative), toned(Tone::Dim, side));
            for column in columns {
                let value = unit.show(matrix.pnl[row][*column]);
                let mark = match (row, *column) {
                    _ if matrix.largest() == 0.0 => ' ',
                    cell if cell == in_scan => '*',
                    cell if cell == worst => '†',
                    _ => ' ',
                };
                let cell = format!("{value:>6}{mark}");
                line += &if mark == ' ' { cell } else { toned(Tone::Red, &cell) };
            }
            text = text + line.trim_end() + "\n";
        }
        text
    }

    /// The worst cells, and what they leave of the equity.
    fn worst(&self) -> String {
        let matrix = &self.matrix;
        if matrix.largest() == 0.0 {
            return "  nothing that moves changes what this account is worth\n".to_owned();
        }
        let columns = [("", Side::Left), ("USD", Side::Right), ("equity then", Side::Right), ("at", Side::Left)];
        let mut table = Table::new(&columns);
        let decimals = decimals(matrix.largest());
        let equity = down(self.assessment.equity.to_f64(), decimals);
        let (worst, in_scan) = (matrix.worst(), matrix.worst_in_scan());
        let mut row = |words: &str, (row, column): (usize, usize)| {
            let pnl = down(matrix.pnl[row][column], decimals);
            let dollars = |value: f64| number(value, decimals);
            table.row([words.to_owned(), dollars(pnl), dollars(equity + pnl), cell_words(matrix, row, column)]);
        };
        row("* worst inside the scan range", in_scan);
        if worst != in_scan {
            row("† worst of the grid", worst);
        }
        table.text()
    }

    /// The scan of all prices together, in full and as a trader's Greeks have it.
    fn scan(&self) -> String {
        let columns = [
            ("scan together", Side::Left),
            ("full USD", Side::Right),
            ("greeks USD", Side::Right),
            ("gap USD", Side::Right),
        ];
        let mut table = Table::new(&columns);
        let decimals = decimals(self.matrix.largest());
        let dollars = |value: f64| number(value, decimals);
        for Estimate { scenario, pnl, second_order, .. } in
            self.estimates.iter().filter(|one| one.family == "scan together")
        {
            let [full, estimate] = [*pnl, *second_order].map(|value| down(value, decimals));
            table.row([scenario.clone()].into_iter().chain([full, estimate, full - estimate].map(dollars)));
        }
        let words = "greeks: delta, gamma, vega and theta now, to the second order; the gap is what they do not see.";
        table.text() + &paragraph("", 2, words)
    }

    /// The answer as a document for programs.
    fn document(&self) -> AccountDocument<'_> {
        let Matrix { prices, vols, ranges, pnl, .. } = &self.matrix;
        let cell = |(row, column): (usize, usize)| CellDocument {
            price: text(prices[column]),
            vol: text(vols[row].part),
            pnl: text(pnl[row][column]),
        };
        AccountDocument {
            account: &self.assessment.account,
            equity: self.assessment.equity.to_string(),
            initial_margin: self.assessment.initial_margin.to_string(),
            maintenance_margin: self.assessment.maintenance_margin.to_string(),
            prices: ranges
                .iter()
                .map(|(underlying, range)| PricesDocument {
                    underlying,
                    scan_range: text(*range),
                    moves: prices.iter().map(|part| text(price_move(*part, *range))).collect(),
                })
                .collect(),
            price: prices.iter().copied().map(text).collect(),
            vol: vols.iter().map(|vol| text(vol.part)).collect(),
            vol_moves: vols.iter().map(|vol| text(vol.relative)).collect(),
            pnl: pnl.iter().map(|row| row.iter().copied().map(text).collect()).collect(),
            worst: cell(self.matrix.worst()),
            worst_in_scan: cell(self.matrix.worst_in_scan()),
            scan: self
                .estimates
                .iter()
                .map(|one| EstimateDocument {
                    family: &one.family,
                    scenario: &one.scenario,
                    pnl: text(one.pnl),
                    estimate: text(one.second_order),
                    gap: text(one.pnl - one.second_order),
                })
                .collect(),
        }
    }
}

/// One scenario of the method, to be told position by position.
struct Told<'a> {
    place: usize,
    family: &'a str,
    scenario: &'a Scenario,
}

impl<'a> Told<'a> {
    fn of(name: &str, universal: &'a Universal) -> Result<Self, Failure> {
        let set = &universal.array.set;
        let asked = typed(name);
        let Some(place) = set.scenarios.iter().position(|scenario| typed(&scenario.name) == asked) else {
            let known: Vec<&str> = set.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
            let near = model::nearest(name, known.iter().copied()).join("; ");
            let all = known.join("\n  ");
            let problem = format_args!("found \"{name}\", expected a scenario such as {near}; all are\n  {all}");
            return Err(Failure::wrong("--scenario", problem));
        };
        let family = set.families.iter().find(|family| family.range().contains(&place));
        Ok(Self { place, family: family.map_or("", |family| &family.name), scenario: &set.scenarios[place] })
    }

    fn parts(&self, book: &Book, account: &Account, universal: &Universal) -> Result<Vec<f64>, Failure> {
        parts(account, &universal.array, self.place).map_err(|why| book.refused(account, &why))
    }

    fn document(&self, book: &Book, account: &Account, universal: &Universal) -> Result<String, Failure> {
        let parts = self.parts(book, account, universal)?;
        let document = scenario_document(account, &parts, &book.market, self.family, self.scenario);
        Ok(document::account(&document.map_err(|overflow| book.refused(account, &overflow))?))
    }

    fn sheet(&self, book: &Book, account: &Account, universal: &Universal, title: &str) -> Result<String, Failure> {
        let parts = self.parts(book, account, universal)?;
        let heading = heading(&account.name, title) + "\n";
        let words = format!("{}: {}", self.scenario.name, scenario_words(self.scenario, &book.market));
        let table = parts_table(account, &parts, &book.market, self.scenario.weight)
            .map_err(|overflow| book.refused(account, &overflow))?;
        Ok(heading + &paragraph("", 2, &words) + "\n" + &table)
    }
}

/// The name of a scenario as it is typed: a keyboard has one minus, one times and one space.
fn typed(name: &str) -> String {
    let words = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = words.to_lowercase().replace(['−', '–', '‐', '‑'], "-").replace('×', "x");
    plain.replace(" %", "%")
}

/// Positions and balances by what they lose, the largest loss first; they add up to the account as printed.
fn parts_table(account: &Account, parts: &[f64], market: &Market, weight: f64) -> Result<String, Overflow> {
    let total = parts.iter().sum();
    let largest = parts.iter().copied().chain([total]).fold(0.0, |largest: f64, part| largest.max(part.abs()));
    let unit = Unit::fitting(Money::from_f64(largest, Round::Up)?);
    let held = holdings(account, market).zip(parts).map(|(held, part)| Ok((held?, *part)));
    let mut rows: Vec<(Held, f64)> = held.collect::<Result<_, Overflow>>()?;
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    let amounts = rows.iter().map(|(_, pnl)| Money::from_f64(*pnl, Round::Down)).collect::<Result<Vec<_>, _>>()?;
    let total = Money::from_f64(total, Round::Down)?;
    let whole = unit.owned(total);

    let profit = format!("profit {}", unit.name);
    let mut table = Table::new(&[
        ("position or balance", Side::Left),
        ("contracts", Side::Right),
        ("size", Side::Right),
        (&profit, Side::Right),
    ]);
    for ((held, _), pnl) in rows.into_iter().zip(unit.parts(&amounts, whole)) {
        let contracts = if held.is_position { exact(held.quantity) } else { String::new() };
        table.row([held.name, contracts, held.size, pnl.to_string()]);
    }
    table.total(["account".to_owned(), String::new(), String::new(), whole.to_string()]);
    if weight < 1.0 {
        let words = format!("of which margin counts {} %", number(100.0 * weight, 0));
        let counted = Money::from_f64(weight * total.to_f64(), Round::Down)?;
        table.row([words, String::new(), String::new(), unit.owned(counted).to_string()]);
    }
    Ok(table.text())
}

/// A position or a balance, as it is listed.
struct Held {
    name: String,
    /// Contracts of a position, units of a balance.
    quantity: Quantity,
    is_position: bool,
    /// Amount and unit, such as `-40000 USD`.
    size: String,
}

/// Every position, then every balance.
fn holdings<'a>(account: &'a Account, market: &'a Market) -> impl Iterator<Item = Result<Held, Overflow>> + 'a {
    let positions = account.positions.iter().map(|held| {
        let listing = market.listing(held.instrument);
        let size = format!("{} {}", exact(listing.amount_of(held.quantity)?), market.size_unit(held.instrument));
        Ok(Held { name: listing.name.clone(), quantity: held.quantity, is_position: true, size })
    });
    let balances = account.balances.iter().map(|held| {
        let asset = &market.assets[held.asset.0].name;
        let name = held.location.as_ref().map_or_else(|| asset.clone(), |location| format!("{asset} at {location}"));
        let size = format!("{} {asset}", exact(held.amount));
        Ok(Held { name, quantity: held.amount, is_position: false, size })
    });
    positions.chain(balances)
}

/// What happens in a scenario.
fn scenario_words(scenario: &Scenario, market: &Market) -> String {
    let mut words = Vec::new();
    for (shift, underlying) in scenario.moves.iter().zip(&market.underlyings).filter(|(shift, _)| **shift != Move::NONE)
    {
        let Move { price, basis, vol } = *shift;
        let mut moves = vec![format!("{} {}", underlying.name, percent(price))];
        if basis != 0.0 {
            moves.push(format!("basis {}", percent(basis)));
        }
        moves.push(match vol {
            VolMove::Level(level) => format!("vol {}", percent(level)),
            VolMove::Twist(twist) => format!("short vol {}, long vol {}", percent(twist), percent(-twist)),
            VolMove::Skew(skew) => format!("vol {} per unit of log-moneyness", percent(skew)),
        });
        words.push(moves.join(", "));
    }
    let residuals = scenario.residuals.iter().zip(&market.assets).filter(|(residual, _)| **residual != 0.0);
    words.extend(residuals.map(|(residual, asset)| format!("{} {} on its own", asset.name, percent(*residual))));
    if let Some((location, lost)) = &scenario.failure {
        words.push(format!("{location} fails and loses {} of what it holds", percent(*lost).trim_start_matches('+')));
    }
    if scenario.years > 0.0 {
        words.push(format!("{} days pass", number(365.0 * scenario.years, 1)));
    }
    if words.is_empty() { "nothing moves".to_owned() } else { words.join(" · ") }
}

/// The moves of a cell.
fn cell_words(matrix: &Matrix, row: usize, column: usize) -> String {
    let moves = matrix
        .ranges
        .iter()
        .map(|(name, range)| format!("{name} {}", percent(price_move(matrix.prices[column], *range))));
    let prices = moves.collect::<Vec<_>>().join(" ");
    format!("{prices}, vol {}", percent(matrix.vols[row].relative))
}

/// Cents of small amounts only.
fn decimals(largest: f64) -> usize {
    if largest < 1000.0 { 2 } else { 0 }
}

/// `0.125` as `+12.5%`, at most one decimal.
fn percent(fraction: f64) -> String {
    let text = number(100.0 * fraction, 1);
    format!("{}%", plus(text.strip_suffix(".0").unwrap_or(&text)))
}

/// With a plus sign when above zero.
fn plus(text: &str) -> String {
    let nothing = text.bytes().all(|digit| matches!(digit, b'0' | b'.'));
    if nothing || text.starts_with('-') { text.to_owned() } else { format!("+{text}") }
}

/// A number as documents write it; none when it is not finite or does not fit.
fn text(value: f64) -> Option<Ratio> {
    Ratio::shortest(value).ok()
}

/// What `upm.stress/1` begins with: numbers as decimal text, losses negative, moves as fractions. Accounts and hashes follow.
#[derive(Serialize)]
struct Head {
    format: &'static str,
    method: &'static str,
    params: String,
    time: String,
}

#[derive(Serialize)]
struct Tail<'a> {
    hashes: Hashes<'a>,
}

fn opening(book: &Book, params: &Params<Rules>) -> String {
    let (method, time) = (universal::ABOUT.name, book.market.time.to_string());
    document::before_accounts(&Head { format: "upm.stress/1", method, params: params.name(), time })
}

fn closing(book: &Book, params: &Params<Rules>, universal: &Universal, portfolio: &str) -> String {
    let (market, scenarios) = (book.market.hash.as_str(), universal.array.set.hash());
    document::after_accounts(&Tail { hashes: Hashes { market, portfolio, params: &params.hash, scenarios } })
}

/// One account over the grid.
#[derive(Serialize)]
struct AccountDocument<'a> {
    account: &'a str,
    equity: String,
    initial_margin: String,
    maintenance_margin: String,
    /// Relative moves of every underlying, in the order of `price`.
    prices: Vec<PricesDocument<'a>>,
    /// Parts of the scan range.
    price: Vec<Option<Ratio>>,
    /// Parts of the scan's move of volatility.
    vol: Vec<Option<Ratio>>,
    /// Relative moves of volatility at 30 days, in the order of `vol`.
    vol_moves: Vec<Option<Ratio>>,
    /// In USD: one list for every `vol`, in the order of `price`.
    pnl: Vec<Vec<Option<Ratio>>>,
    worst: CellDocument,
    worst_in_scan: CellDocument,
    /// Every scan scenario in full, and as delta, gamma, vega and theta have it.
    scan: Vec<EstimateDocument<'a>>,
}

#[derive(Serialize)]
struct PricesDocument<'a> {
    underlying: &'a str,
    scan_range: Option<Ratio>,
    moves: Vec<Option<Ratio>>,
}

#[derive(Serialize)]
struct CellDocument {
    price: Option<Ratio>,
    vol: Option<Ratio>,
    pnl: Option<Ratio>,
}

#[derive(Serialize)]
struct EstimateDocument<'a> {
    family: &'a str,
    scenario: &'a str,
    pnl: Option<Ratio>,
    estimate: Option<Ratio>,
    gap: Option<Ratio>,
}

/// One account in one scenario.
#[derive(Serialize)]
struct ScenarioAccount<'a> {
    account: &'a str,
    family: &'a str,
    scenario: &'a str,
    weight: Option<Ratio>,
    /// Before the weight of the scenario.
    pnl: Option<Ratio>,
    parts: Vec<PartDocument>,
}

#[derive(Serialize)]
struct PartDocument {
    holding: String,
    /// Contracts of a position, units of a balance.
    quantity: Quantity,
    /// Amount and unit, such as `-40000 USD`.
    size: String,
    pnl: Option<Ratio>,
}

fn scenario_document<'a>(
    account: &'a Account,
    parts: &[f64],
    market: &Market,
    family: &'a str,
    scenario: &'a Scenario,
) -> Result<ScenarioAccount<'a>, Overflow> {
    let holdings = holdings(account, market).zip(parts);
    Ok(ScenarioAccount {
        account: &account.name,
        family,
        scenario: &scenario.name,
        weight: text(scenario.weight),
        pnl: text(parts.iter().sum()),
        parts: holdings
            .map(|(held, pnl)| {
                let Held { name, quantity, size, .. } = held?;
                Ok(PartDocument { holding: name, quantity, size: size.replace(',', ""), pnl: text(*pnl) })
            })
            .collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::{PAPER, plain};
    use clap::Parser;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Parser)]
    struct Wrapped {
        #[command(flatten)]
        args: Args,
        #[command(flatten)]
        to: Destination,
    }

    /// Runs the command with its answer in a file, and gives that answer.
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
        assert_eq!(account["scan"].as_array().unwrap().len(), 27 + 3 * 27 + 6);
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

    /// The amounts of a line, without the words around them.
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
        assert_eq!(gaps, [true; 9 * 27]);
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
