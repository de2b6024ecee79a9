//! Tables of an account's holdings: positions with their sizes, and the effect of each position and balance on the
//! margin.

use std::ops::Range;

use margin::{Assessment, PositionPart};
use model::{Account, Market, Position};
use shell::table::{Side, Table, cut, paragraph};
use units::Money;

use crate::amount::{Shown, Unit, exact, number};
use crate::sheet::Amounts;

/// The lengths of a shortened list: the holdings that add most margin, and those that save most.
const TAKERS: usize = 20;
const SAVERS: usize = 10;
/// The most digits of a quantity or a price in a table; --output json has all.
const EXACT_MAX: usize = 14;

/// One line of a list of holdings.
struct Holding {
    /// The name of the instrument or asset.
    name: String,
    /// The cells before the amounts.
    cells: Vec<String>,
    value: Shown,
    contribution: Shown,
    last: Shown,
}

/// Positions and balances; their values sum to the equity, their contributions to the core.
pub fn tables(account: &Account, market: &Market, assessment: &Assessment, amounts: &Amounts) -> Vec<String> {
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
        let columns =
            [("position", Side::Left), ("value", Side::Right), ("of the core", Side::Right), ("alone", Side::Right)];
        let rows = positions.iter().enumerate().map(|(place, part)| Holding {
            name: part.instrument.clone(),
            cells: Vec::new(),
            value: values[place],
            contribution: contributions[place],
            last: standalones[place],
        });
        let rows: Vec<Holding> = rows.collect();
        sections.push(sizes(account, market, positions, &Order::of(&rows)));
        sections.push(margins(&columns, &rows, "positions"));
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
            name: part.asset.clone(),
            cells: vec![part.location.clone().unwrap_or_default(), cut(&exact(held.amount), 2 * EXACT_MAX)],
            value: values[positions.len() + place],
            contribution: contributions[positions.len() + place],
            last: haircuts[place],
        });
        sections.push(margins(&columns, &rows.collect::<Vec<_>>(), "balances"));
    }
    if !positions.is_empty() && !balances.is_empty() {
        let together = format!("equity {}, core {}", amounts.equity, amounts.core);
        sections.push(paragraph("  together", 12, &together));
    }
    sections
}

/// The order of holdings in a list: by their part in the core, the largest first; the middle of a long list is left
/// out.
struct Order {
    places: Vec<usize>,
    left_out: Range<usize>,
}

impl Order {
    fn of(holdings: &[Holding]) -> Self {
        let mut places: Vec<usize> = (0..holdings.len()).collect();
        places.sort_by_key(|place| std::cmp::Reverse(holdings[*place].contribution));
        let many = places.len() > TAKERS + SAVERS + 1;
        let left_out = if many { TAKERS..places.len() - SAVERS } else { 0..0 };
        Self { places, left_out }
    }

    /// The places of the listed holdings, with one none where the others are left out.
    fn rows(&self) -> impl Iterator<Item = Option<usize>> {
        let listed = |rank: usize| (!self.left_out.contains(&rank)).then_some(self.places[rank]);
        (0..self.places.len()).filter(|rank| *rank <= self.left_out.start || *rank >= self.left_out.end).map(listed)
    }

    fn more(&self) -> String {
        format!("… and {} more", self.left_out.len())
    }
}

/// A table of the size of each position.
fn sizes(account: &Account, market: &Market, positions: &[PositionPart], order: &Order) -> String {
    let notionals = positions.iter().map(|part| part.exposure.notional);
    let unit = Unit::rough(notionals.max().unwrap_or_default());
    let notional = format!("notional {}", unit.name);
    let mut table = Table::new(&[
        ("held", Side::Left),
        ("contracts", Side::Right),
        ("size", Side::Right),
        ("mark", Side::Right),
        (&notional, Side::Right),
        ("delta", Side::Right),
    ]);
    for row in order.rows() {
        let Some(place) = row else {
            table.row([order.more()]);
            continue;
        };
        let PositionPart { instrument, exposure, .. } = &positions[place];
        table.row([
            instrument.clone(),
            cut(&exact(exposure.quantity), EXACT_MAX),
            format!("{} {}", cut(&exact(exposure.amount), EXACT_MAX), cut(&exposure.unit, 4)),
            mark(market, &account.positions[place]),
            unit.needed(exposure.notional).to_string(),
            number(exposure.delta, if exposure.delta.abs() < 1e6 { 4 } else { 0 }),
        ]);
    }
    table.text()
}

fn mark(market: &Market, position: &Position) -> String {
    let listing = market.listing(position.instrument);
    format!("{} {}", cut(&exact(market.mark(listing.id)), EXACT_MAX), cut(&market.assets[listing.quote.0].name, 4))
}

/// A table of the value of each holding and its effect on the margin, with sums.
fn margins(columns: &[(&str, Side)], holdings: &[Holding], what: &str) -> String {
    let order = Order::of(holdings);
    let mut table = Table::new(columns);
    let sums = |words: String, of: &mut dyn Iterator<Item = &Holding>| {
        let sum = of.fold(None, |sum: Option<[Shown; 3]>, one| {
            let amounts = [one.value, one.contribution, one.last];
            let plus = |sum: [Shown; 3]| std::array::from_fn(|column| sum[column].plus(amounts[column]));
            Some(sum.map_or(amounts, plus))
        });
        let amounts = sum.into_iter().flatten().map(|amount| amount.to_string());
        let empty = std::iter::repeat_n(String::new(), columns.len() - 4);
        std::iter::once(words).chain(empty).chain(amounts).collect::<Vec<_>>()
    };
    for row in order.rows() {
        let Some(place) = row else {
            let left_out = &order.places[order.left_out.clone()];
            table.row(sums(order.more(), &mut left_out.iter().map(|place| &holdings[*place])));
            continue;
        };
        let holding = &holdings[place];
        let amounts = [holding.value, holding.contribution, holding.last].map(|amount| amount.to_string());
        table.row(std::iter::once(holding.name.clone()).chain(holding.cells.iter().cloned()).chain(amounts));
    }
    table.total(sums("sum".to_owned(), &mut holdings.iter()));
    let mut text = table.text();
    if !order.left_out.is_empty() {
        text += &paragraph("", 2, &format!("--output json shows all {} {what}", holdings.len()));
    }
    text
}
