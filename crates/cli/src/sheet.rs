//! One assessment for people: the account's equity, its margins with their reasons, and its holdings.
//!
//! Every column of amounts adds up as printed: positions and balances to the equity and to the core; core and charges
//! to the margins; equity less margin to the excess.

use margin::method::universal::WITHOUT_DOCUMENT;
use margin::{Assessment, Family, NotAccepted, ScenarioPnl, Standing, Status, UnderlyingGreeks};
use model::{Account, Market};
use shell::printer::{Tone, columns, toned};
use shell::table::{Side, Table, cut, paragraph};
use units::{Money, Overflow, Ratio, Round};

use crate::amount::{Shown, Unit, number, profit};
use crate::holdings;

/// The first word of a note that is about the method, not about the account.
pub const UNCERTAIN: &str = "uncertain";
/// The text for a figure that is unknown.
pub const UNKNOWN: &str = "unknown";
/// The text where a zero would be misleading.
const NONE: &str = "–";

/// The amounts of an assessment as printed.
pub struct Amounts {
    pub unit: Unit,
    pub equity: Shown,
    /// The part of the equity that counts by the method.
    pub counted: Shown,
    pub initial: Shown,
    pub maintenance: Shown,
    /// Counted equity less maintenance margin; of the known part only, where not all is known.
    pub excess: Shown,
    pub core: Shown,
    pub standalone: Shown,
    pub standalone_positions: Shown,
    /// The haircut of all balances together.
    pub haircut: Shown,
    /// The initial margin of each charge, in the order of the charges.
    pub charges_initial: Vec<Shown>,
    /// The maintenance margin of each charge, in the order of the charges.
    pub charges_maintenance: Vec<Shown>,
}

impl Amounts {
    /// The amounts of `assessment`, in a unit that fits them.
    pub fn of(assessment: &Assessment) -> Result<Self, Overflow> {
        Self::in_unit(Unit::fitting(largest(assessment)), assessment)
    }

    /// The amounts of `assessment`, in `unit`.
    pub fn in_unit(unit: Unit, assessment: &Assessment) -> Result<Self, Overflow> {
        let core = unit.needed(assessment.core.loss);
        let initial = unit.needed(assessment.initial_margin);
        let maintenance = unit.needed(assessment.maintenance_margin);
        let equity = unit.owned(assessment.equity);
        let counted = unit.owned(assessment.counted_equity);
        let of_initial: Vec<Money> = assessment.charges.iter().map(|charge| charge.initial).collect();
        let of_maintenance: Vec<Money> = assessment.charges.iter().map(|charge| charge.maintenance).collect();
        let charges_maintenance = unit.parts(&of_maintenance, maintenance.minus(core));

        let standalone = unit.needed(assessment.standalone_margin);
        let of_positions = sum(assessment.positions.iter().map(|part| part.standalone))?;
        let alone = unit.parts(&[of_positions, assessment.standalone_margin.minus(of_positions)?], standalone);

        // Where the haircuts of the balances are a charge, they sum to the printed charge.
        let haircut = sum(assessment.balances.iter().map(|part| part.haircut))?;
        let charged = assessment.charges.iter().position(|charge| charge.charge == "haircut");
        Ok(Self {
            unit,
            equity,
            counted,
            initial,
            maintenance,
            excess: counted.minus(maintenance),
            core,
            standalone,
            standalone_positions: alone[0],
            haircut: charged.map_or_else(|| unit.needed(haircut), |place| charges_maintenance[place]),
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
    let left_out = assessment.requirement.not_accepted().iter().map(|part| &part.value);
    let sizes = amounts.chain(positions).chain(balances).chain(left_out).map(|amount| amount.raw().saturating_abs());
    Money::from_raw(sizes.max().unwrap_or_default())
}

/// The sheet of one account. `title` names the method and the time.
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
    sections.extend(holdings::tables(account, market, assessment, &amounts));
    if !assessment.scenarios.is_empty() {
        sections.push(scenarios(&assessment.scenarios));
    }
    if !assessment.notes.is_empty() {
        sections.push(notes(&assessment.notes));
    }
    Ok(sections.join("\n"))
}

/// The sheet without the holdings.
pub fn brief(assessment: &Assessment, title: &str) -> Result<String, Overflow> {
    let mut sections = reasons(assessment, &Amounts::of(assessment)?);
    if !assessment.greeks.is_empty() {
        sections.push(greeks(&assessment.greeks));
    }
    Ok(head(assessment, title) + "\n" + &sections.join("\n"))
}

/// The first line of a sheet: the account and a title. `title` names the method and the time.
pub fn head(assessment: &Assessment, title: &str) -> String {
    heading(&assessment.account, title)
}

/// An account and a title, both shortened where they do not fit on a line.
pub fn heading(account: &str, title: &str) -> String {
    let title = cut(title, 58);
    let room = columns().saturating_sub(title.chars().count() + 1);
    format!("{} {}\n", toned(Tone::Bold, &cut(account, room)), toned(Tone::Dim, &title))
}

/// Equity and margins of the account, the reasons, and the savings by offsets.
fn reasons(assessment: &Assessment, amounts: &Amounts) -> Vec<String> {
    let mut sections = vec![summary(assessment, amounts)];
    let doubts = limits(assessment, amounts.unit);
    if !doubts.is_empty() {
        sections.push(doubts.iter().map(|doubt| paragraph("  limit", 9, doubt)).collect());
    }
    sections.extend([workings(assessment, amounts), offsets(assessment, amounts)]);
    sections
}

/// The risks without a rule in the method, and the collateral that it does not accept, in words.
pub fn limits(assessment: &Assessment, unit: Unit) -> Vec<String> {
    let requirement = &assessment.requirement;
    let reasons = requirement.reasons().iter().map(|reason| format!("not known: {reason}"));
    let part = |NotAccepted { what, location, value }: &NotAccepted| {
        let at = location.as_ref().map_or_else(String::new, |location| format!(" at {location}"));
        format!("{what}{at}, {} {}", unit.owned(*value), unit.name)
    };
    let parts: Vec<String> = requirement.not_accepted().iter().map(part).collect();
    let left_out = (!parts.is_empty()).then(|| format!("not accepted, counts for nothing: {}", parts.join("; ")));
    reasons.chain(left_out).collect()
}

/// The standing of an account, in its colour.
pub fn standing(standing: Standing) -> String {
    match standing {
        Standing::Known(known) => status(known),
        Standing::Unknown => toned(Tone::Yellow, UNKNOWN),
    }
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

/// Each note once: notes that differ only in their first word, an instrument, become one.
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
        [] => hinted(what),
        [one] => format!("{one}: {what}"),
        [one, two] => format!("{one}, {two}: {what}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more: {what}", rest.len()),
    });
    said.collect()
}

/// A note, with the option that resolves it.
fn hinted(note: &str) -> String {
    if note == WITHOUT_DOCUMENT { format!("{note} (--scenarios FILE)") } else { note.to_owned() }
}

fn summary(assessment: &Assessment, amounts: &Amounts) -> String {
    let unit = amounts.unit.name;
    let mut table = Table::new(&[("", Side::Left), (unit, Side::Right), ("", Side::Left), ("", Side::Right)]);
    table.row(["equity", &amounts.equity.to_string(), "   health", &health(assessment)]);
    let known = assessment.requirement.is_known();
    let of_what = if known { "" } else { ", of what is known" };
    let excess = if known { amounts.excess.to_string() } else { UNKNOWN.to_owned() };
    let mut rows = vec![
        (format!("initial margin{of_what}"), amounts.initial.to_string()),
        (format!("maintenance margin{of_what}"), amounts.maintenance.to_string()),
        ("excess".to_owned(), toned(Tone::Bold, &excess)),
    ];
    if !assessment.requirement.not_accepted().is_empty() {
        rows.insert(0, ("not accepted".to_owned(), amounts.equity.minus(amounts.counted).to_string()));
    }
    for (place, (name, amount)) in rows.into_iter().enumerate() {
        let mut row = vec![name, amount];
        if place == 0 {
            row.extend(["   status".to_owned(), standing(assessment.status)]);
        }
        table.row(row);
    }
    table.text()
}

/// The core and the charges, and the scenario that causes the core loss.
fn workings(assessment: &Assessment, amounts: &Amounts) -> String {
    let columns = [("why", Side::Left), ("initial", Side::Right), ("maintenance", Side::Right)];
    let mut table = Table::new(&columns);
    let core = &assessment.core;
    let family = if core.family.is_empty() { "core".to_owned() } else { format!("core: {}", core.family) };
    table.row([family, amounts.core.to_string(), amounts.core.to_string()]);
    let columns = amounts.charges_initial.iter().zip(&amounts.charges_maintenance);
    for (charge, (initial, maintenance)) in assessment.charges.iter().zip(columns) {
        if !(initial.is_zero() && maintenance.is_zero()) {
            table.row([charge.charge.to_string(), initial.to_string(), maintenance.to_string()]);
        }
    }
    table.total(["margin".to_owned(), amounts.initial.to_string(), amounts.maintenance.to_string()]);

    table.text() + &paragraph("  the core is lost in:", 23, &core.scenario)
}

/// The margin position by position, and the savings by offsets.
fn offsets(assessment: &Assessment, amounts: &Amounts) -> String {
    let columns = [("what offsets save", Side::Left), ("maintenance", Side::Right), ("", Side::Left)];
    let mut table = Table::new(&columns);
    let (alone, positions) = (amounts.standalone, amounts.standalone_positions);
    table.row(["every position alone", &positions.to_string()]);
    table.row(["every balance alone", &alone.minus(positions).to_string()]);
    table.row(["margin as a portfolio", &amounts.maintenance.negated().to_string()]);
    table.total(["saved", &alone.minus(amounts.maintenance).to_string(), &share(assessment, 1)]);
    table.text()
}

/// The share of the standalone margin that offsets save, in words.
pub fn share(assessment: &Assessment, decimals: usize) -> String {
    match assessment.offset.per(assessment.standalone_margin, Round::Down) {
        Some(part) => format!("{} %", profit(100.0 * part.to_f64(), decimals)),
        None => String::new(),
    }
}

fn families(families: &[Family], unit: Unit) -> String {
    let mut table = Table::new(&[("family of scenarios", Side::Left), ("loss", Side::Right), ("in", Side::Left)]);
    let mut sorted: Vec<&Family> = families.iter().collect();
    sorted.sort_by_key(|family| std::cmp::Reverse(family.loss));
    for family in sorted {
        table.row([family.family.as_str(), &unit.needed(family.loss).to_string(), &family.scenario]);
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

fn scenarios(scenarios: &[ScenarioPnl]) -> String {
    let columns = [("scenario", Side::Left), ("family", Side::Left), ("profit USD", Side::Right)];
    let mut table = Table::new(&columns);
    for scenario in scenarios {
        table.row([scenario.scenario.as_str(), &scenario.family, &profit(scenario.pnl, 2)]);
    }
    table.text()
}
