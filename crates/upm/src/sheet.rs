//! One assessment for people: what the account has, what it needs, why, and what it consists of.
//!
//! Every column of amounts adds up as printed: positions and balances to the equity and to the core, core and charges to
//! the margins, the margins to what is left.

use margin::{Assessment, Family, ScenarioPnl, Status, UnderlyingGreeks};
use marks::Validity;
use model::{Account, Market};
use units::{Money, Overflow, Ratio, Round};

use crate::amount::{Shown, Unit, exact, number};
use crate::printer::{Tone, columns, toned};
use crate::table::{Side, Table, cut, paragraph};

/// A longer list of holdings is shortened to those that take most margin and those that save most.
const TAKERS: usize = 20;
const SAVERS: usize = 10;
/// Digits of a quantity or a price beyond these are for --output json.
const EXACT_MAX: usize = 14;
/// How a note begins that is about the method, not about the account.
pub const UNCERTAIN: &str = "uncertain";
/// Nothing to print, where a zero would say something else.
const NONE: &str = "–";

/// The amounts of an assessment as printed.
pub struct Amounts {
    pub unit: Unit,
    pub equity: Shown,
    pub initial: Shown,
    pub maintenance: Shown,
    pub excess: Shown,
    pub core: Shown,
    pub standalone: Shown,
    pub standalone_positions: Shown,
    /// Of all balances.
    haircut: Shown,
    /// In the order of the charges.
    pub charges_initial: Vec<Shown>,
    /// In the order of the charges.
    pub charges_maintenance: Vec<Shown>,
}

impl Amounts {
    /// What `assessment` says, in a unit that fits it.
    pub fn of(assessment: &Assessment) -> Result<Self, Overflow> {
        Self::in_unit(Unit::fitting(largest(assessment)), assessment)
    }

    /// What `assessment` says, in `unit`.
    pub fn in_unit(unit: Unit, assessment: &Assessment) -> Result<Self, Overflow> {
        let core = unit.shown(assessment.core.loss, Round::Up);
        let initial = unit.shown(assessment.initial_margin, Round::Up);
        let maintenance = unit.shown(assessment.maintenance_margin, Round::Up);
        let equity = unit.shown(assessment.equity, Round::Down);
        let of_initial: Vec<Money> = assessment.charges.iter().map(|charge| charge.initial).collect();
        let of_maintenance: Vec<Money> = assessment.charges.iter().map(|charge| charge.maintenance).collect();
        let charges_maintenance = unit.parts(&of_maintenance, maintenance.minus(core));

        let standalone = unit.shown(assessment.standalone_margin, Round::Up);
        let of_positions = sum(assessment.positions.iter().map(|part| part.standalone))?;
        let alone = unit.parts(&[of_positions, assessment.standalone_margin.minus(of_positions)?], standalone);

        // Where the haircuts of the balances are a charge, they sum to what is printed there.
        let haircut = sum(assessment.balances.iter().map(|part| part.haircut))?;
        let charged = assessment.charges.iter().position(|charge| charge.charge == "haircut");
        Ok(Self {
            unit,
            equity,
            initial,
            maintenance,
            excess: equity.minus(maintenance),
            core,
            standalone,
            standalone_positions: alone[0],
            haircut: charged.map_or_else(|| unit.shown(haircut, Round::Up), |place| charges_maintenance[place]),
            charges_initial: unit.parts(&of_initial, initial.minus(core)),
            charges_maintenance,
        })
    }
}

fn sum(mut amounts: impl Iterator<Item = Money>) -> Result<Money, Overflow> {
    amounts.try_fold(Money::ZERO, Money::plus)
}

/// The size of the largest amount of an assessment.
pub fn largest(assessment: &Assessment) -> Money {
    let Assessment { equity, initial_margin, maintenance_margin, standalone_margin, .. } = assessment;
    let amounts = [equity, initial_margin, maintenance_margin, standalone_margin].into_iter();
    let positions = assessment.positions.iter().flat_map(|part| [&part.value, &part.contribution]);
    let balances = assessment.balances.iter().flat_map(|part| [&part.value, &part.contribution]);
    let sizes = amounts.chain(positions).chain(balances).map(|amount| amount.raw().saturating_abs());
    Money::from_raw(sizes.max().unwrap_or_default())
}

/// The sheet of one account. `title` says by which method and when.
pub fn sheet(account: &Account, market: &Market, assessment: &Assessment, title: &str) -> Result<String, Overflow> {
    Ok(head(assessment, title) + "\n" + &body(account, market, assessment)?)
}

/// The sheet without its first line.
pub fn body(account: &Account, market: &Market, assessment: &Assessment) -> Result<String, Overflow> {
    let amounts = Amounts::of(assessment)?;
    let mut sections = reasons(assessment, &amounts);
    if assessment.families.len() > 1 {
        sections.push(families(&assessment.families, amounts.unit));
    }
    if !assessment.greeks.is_empty() {
        sections.push(greeks(&assessment.greeks));
    }
    sections.extend(holdings(account, market, assessment, &amounts));
    if !assessment.scenarios.is_empty() {
        sections.push(scenarios(&assessment.scenarios));
    }
    if !assessment.notes.is_empty() {
        sections.push(notes(&assessment.notes));
    }
    Ok(sections.join("\n"))
}

/// The sheet without what the account consists of.
pub fn brief(assessment: &Assessment, title: &str) -> Result<String, Overflow> {
    let mut sections = reasons(assessment, &Amounts::of(assessment)?);
    if !assessment.greeks.is_empty() {
        sections.push(greeks(&assessment.greeks));
    }
    Ok(head(assessment, title) + "\n" + &sections.join("\n"))
}

/// Whose sheet it is. `title` says by which method and when.
pub fn head(assessment: &Assessment, title: &str) -> String {
    heading(&assessment.account, title)
}

/// An account and a title, each cut where both have no room on a line.
pub fn heading(account: &str, title: &str) -> String {
    let title = cut(title, 58);
    let room = columns().saturating_sub(title.chars().count() + 1);
    format!("{} {}\n", toned(Tone::Bold, &cut(account, room)), toned(Tone::Dim, &title))
}

/// What the account has and needs, why, and what offsets save.
fn reasons(assessment: &Assessment, amounts: &Amounts) -> Vec<String> {
    vec![summary(assessment, amounts), workings(assessment, amounts), offsets(assessment, amounts)]
}

/// A status in its colour.
pub fn status(status: Status) -> String {
    let (tone, word) = match status {
        Status::Bankrupt => (Tone::Red, "bankrupt"),
        Status::Liquidation => (Tone::Red, "liquidation"),
        Status::Warning => (Tone::Yellow, "warning"),
        Status::Restricted => (Tone::Yellow, "restricted"),
        Status::Healthy => (Tone::Green, "healthy"),
    };
    toned(tone, word)
}

/// How far a price can be trusted, in its colour.
pub fn validity(validity: Validity) -> String {
    match validity {
        Validity::Valid => toned(Tone::Green, "valid"),
        Validity::Suspect => toned(Tone::Yellow, "suspect"),
        Validity::Invalid => toned(Tone::Red, "invalid"),
    }
}

/// A time that has passed.
pub fn age(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    match seconds {
        ..1 => format!("{} ms", exact(micros.div_euclid(1000))),
        1..600 => format!("{seconds} s"),
        600..36_000 => format!("{} min", seconds / 60),
        _ => format!("{} h", exact(seconds / 3600)),
    }
}

/// Equity over maintenance margin with four decimals, rounded down; a dash when nothing is required.
pub fn health(assessment: &Assessment) -> String {
    ratio(assessment.health)
}

/// A health with four decimals.
pub fn ratio(health: Option<Ratio>) -> String {
    match health.map(|health| health.to_decimals(4, Round::Down)) {
        Some(Ok(health)) => number(health.to_f64(), 4),
        Some(Err(_)) | None => NONE.to_owned(),
    }
}

/// Notes as paragraphs.
pub fn notes(notes: &[String]) -> String {
    grouped(notes).iter().map(|note| paragraph("  note", 8, note)).collect()
}

/// Each note once: those that differ only in the instrument they begin with become one.
pub fn grouped<S: AsRef<str>>(notes: &[S]) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for note in notes.iter().map(AsRef::as_ref) {
        let (whose, what) = match note.split_once(": ") {
            Some((whose, what)) if !whose.contains(' ') && whose != UNCERTAIN => (Some(whose), what),
            _ => (None, note),
        };
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, all)) => all.extend(whose),
            None => groups.push((what, whose.into_iter().collect())),
        }
    }
    let said = groups.into_iter().map(|(what, whose)| match whose.as_slice() {
        [] => what.to_owned(),
        [one] => format!("{one}: {what}"),
        [one, two] => format!("{one}, {two}: {what}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more: {what}", rest.len()),
    });
    said.collect()
}

fn summary(assessment: &Assessment, amounts: &Amounts) -> String {
    let unit = amounts.unit.name;
    let mut table = Table::new(&[("", Side::Left), (unit, Side::Right), ("", Side::Left), ("", Side::Right)]);
    table.row(["equity", &amounts.equity.to_string(), "   health", &health(assessment)]);
    table.row(["initial margin", &amounts.initial.to_string(), "   status", &status(assessment.status)]);
    table.row(["maintenance margin", &amounts.maintenance.to_string(), "", ""]);
    table.row(["excess", &toned(Tone::Bold, &amounts.excess.to_string()), "", ""]);
    table.text()
}

/// Core and charges, and where the core is lost.
fn workings(assessment: &Assessment, amounts: &Amounts) -> String {
    let columns = [("why", Side::Left), ("initial", Side::Right), ("maintenance", Side::Right)];
    let mut table = Table::new(&columns);
    let core = &assessment.core;
    let family = if core.family.is_empty() { "core".to_owned() } else { format!("core: {}", core.family) };
    table.row([family, amounts.core.to_string(), amounts.core.to_string()]);
    let columns = amounts.charges_initial.iter().zip(&amounts.charges_maintenance);
    for (charge, (initial, maintenance)) in assessment.charges.iter().zip(columns) {
        if !(initial.is_zero() && maintenance.is_zero()) {
            table.row([charge.charge.clone(), initial.to_string(), maintenance.to_string()]);
        }
    }
    table.total(["margin".to_owned(), amounts.initial.to_string(), amounts.maintenance.to_string()]);

    table.text() + &paragraph("  the core is lost in:", 23, &core.scenario)
}

/// What margining position by position would have asked for.
fn offsets(assessment: &Assessment, amounts: &Amounts) -> String {
    let columns = [("what offsets save", Side::Left), ("maintenance", Side::Right), ("", Side::Left)];
    let mut table = Table::new(&columns);
    let (alone, positions) = (amounts.standalone, amounts.standalone_positions);
    table.row(["every position alone", &positions.to_string()]);
    table.row(["every balance alone", &alone.minus(positions).to_string()]);
    table.row(["margin as a portfolio", &amounts.maintenance.negated().to_string()]);
    table.total(["saved", &alone.minus(amounts.maintenance).to_string(), &share(assessment)]);
    table.text()
}

/// How much of the standalone margin offsets saved, in words.
fn share(assessment: &Assessment) -> String {
    match assessment.offset.per(assessment.standalone_margin, Round::Down) {
        Some(part) => format!("{} %", number(100.0 * part.to_f64(), 1)),
        None => String::new(),
    }
}

fn families(families: &[Family], unit: Unit) -> String {
    let mut table = Table::new(&[("family of scenarios", Side::Left), ("loss", Side::Right), ("in", Side::Left)]);
    let mut sorted: Vec<&Family> = families.iter().collect();
    sorted.sort_by_key(|family| std::cmp::Reverse(family.loss));
    for family in sorted {
        table.row([&family.family, &unit.shown(family.loss, Round::Up).to_string(), &family.scenario]);
    }
    table.text()
}

fn greeks(greeks: &[UnderlyingGreeks]) -> String {
    let columns = [
        ("greeks", Side::Left),
        ("delta", Side::Right),
        ("delta USD", Side::Right),
        ("gamma USD/1%", Side::Right),
        ("vega USD/pt", Side::Right),
        ("theta USD/day", Side::Right),
        ("rho USD/pt", Side::Right),
    ];
    let mut table = Table::new(&columns);
    for of in greeks {
        let dollars = [of.delta_usd, of.gamma_1pct_usd, of.vega_usd, of.theta_usd_day, of.rho_usd];
        let dollars = dollars.map(|value| number(value, 0));
        table.row([of.underlying.clone(), number(of.delta, 4)].into_iter().chain(dollars));
    }
    table.text()
}

/// Positions and balances; their values sum to the equity, their contributions to the core.
fn holdings(account: &Account, market: &Market, assessment: &Assessment, amounts: &Amounts) -> Vec<String> {
    let unit = amounts.unit;
    let (positions, balances) = (&assessment.positions, &assessment.balances);
    let standalones: Vec<Money> = positions.iter().map(|part| part.standalone).collect();
    let standalones = unit.parts(&standalones, amounts.standalone_positions);
    let haircuts: Vec<Money> = balances.iter().map(|part| part.haircut).collect();
    let haircuts = unit.parts(&haircuts, amounts.haircut);
    let values = positions.iter().map(|part| part.value).chain(balances.iter().map(|part| part.value));
    let contributions =
        positions.iter().map(|part| part.contribution).chain(balances.iter().map(|part| part.contribution));
    let values = unit.parts(&values.collect::<Vec<_>>(), amounts.equity);
    let contributions = unit.parts(&contributions.collect::<Vec<_>>(), amounts.core);

    let mut sections = Vec::new();
    if !positions.is_empty() {
        let columns = [
            ("position", Side::Left),
            ("contracts", Side::Right),
            ("mark", Side::Right),
            ("value", Side::Right),
            ("of the core", Side::Right),
            ("alone", Side::Right),
        ];
        let rows = account.positions.iter().zip(positions).enumerate().map(|(place, (held, part))| Holding {
            cells: vec![part.instrument.clone(), cut(&exact(held.quantity), EXACT_MAX), mark(market, held)],
            value: values[place],
            contribution: contributions[place],
            last: standalones[place],
        });
        sections.push(listing(&columns, rows.collect(), "positions"));
    }
    if !balances.is_empty() {
        let columns = [
            ("balance", Side::Left),
            ("at", Side::Left),
            ("amount", Side::Right),
            ("value", Side::Right),
            ("of the core", Side::Right),
            ("haircut", Side::Right),
        ];
        let rows = account.balances.iter().zip(balances).enumerate().map(|(place, (held, part))| Holding {
            cells: vec![
                part.asset.clone(),
                part.location.clone().unwrap_or_default(),
                cut(&exact(held.amount), 2 * EXACT_MAX),
            ],
            value: values[positions.len() + place],
            contribution: contributions[positions.len() + place],
            last: haircuts[place],
        });
        sections.push(listing(&columns, rows.collect(), "balances"));
    }
    if !positions.is_empty() && !balances.is_empty() {
        let together = format!("equity {}, core {}", amounts.equity, amounts.core);
        sections.push(paragraph("  together", 12, &together));
    }
    sections
}

/// One line of a list of holdings.
struct Holding {
    cells: Vec<String>,
    value: Shown,
    contribution: Shown,
    last: Shown,
}

/// Holdings by their part in the core, the largest first, and their sums.
fn listing(columns: &[(&str, Side)], mut holdings: Vec<Holding>, what: &str) -> String {
    holdings.sort_by_key(|holding| std::cmp::Reverse(holding.contribution));
    let mut table = Table::new(columns);
    let sum = |holdings: &[Holding], of: fn(&Holding) -> Shown| {
        holdings.iter().map(of).reduce(Shown::plus).map_or_else(String::new, |sum| sum.to_string())
    };
    let sums = |holdings: &[Holding], words: String| {
        let [value, contribution, last] =
            [sum(holdings, |one| one.value), sum(holdings, |one| one.contribution), sum(holdings, |one| one.last)];
        [words, String::new(), String::new(), value, contribution, last]
    };
    let row = |holding: &Holding| {
        let amounts = [holding.value, holding.contribution, holding.last].map(|amount| amount.to_string());
        holding.cells.iter().cloned().chain(amounts).collect::<Vec<_>>()
    };
    let between = if holdings.len() > TAKERS + SAVERS + 1 { TAKERS..holdings.len() - SAVERS } else { 0..0 };
    for (place, holding) in holdings.iter().enumerate() {
        if place == between.start && !between.is_empty() {
            table.row(sums(&holdings[between.clone()], format!("… and {} more", between.len())));
        }
        if !between.contains(&place) {
            table.row(row(holding));
        }
    }
    table.total(sums(&holdings, "sum".to_owned()));
    let mut text = table.text();
    if !between.is_empty() {
        text += &paragraph("", 2, &format!("--output json shows all {} {what}", holdings.len()));
    }
    text
}

fn mark(market: &Market, position: &model::Position) -> String {
    let listing = market.listing(position.instrument);
    format!("{} {}", cut(&exact(listing.mark), EXACT_MAX), cut(&market.assets[listing.quote.0].name, 4))
}

fn scenarios(scenarios: &[ScenarioPnl]) -> String {
    let columns = [("scenario", Side::Left), ("family", Side::Left), ("profit USD", Side::Right)];
    let mut table = Table::new(&columns);
    for scenario in scenarios {
        table.row([&scenario.scenario, &scenario.family, &number(scenario.pnl, 2)]);
    }
    table.text()
}
