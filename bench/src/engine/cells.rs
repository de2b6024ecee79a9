//! Certified cells: what it costs to build one, and to prove an account in it instead of assessing the account.
//!
//! The market is that of the kernel's workload: 605 instruments on one coin. The account holds 20 of them.

use std::hint::black_box;

use margin::cell::{Cell, Scratch, Width};
use margin::method::universal;
use margin::scenario::ScenarioSet;
use model::{Account, Market, Position};
use pricing::kernel::Isa;
use units::Quantity;

use super::{Figure, Size};
use crate::measure::{cpu_nanoseconds, quartiles};
use crate::workload::Chain;

const POSITIONS: usize = 20;

/// USD to whose multiples the rows of a cell are rounded, as in the engine.
const TICK: f64 = 1e-6;

/// The widths of a cell that holds for a few ticks.
const WIDTH: Width = Width { index: 0.005, basis: 0.0005, vol: 0.005, mark: 0.0005, peg: 0.0005, seconds: 60 };

/// Building a cell, and an account in it, against building the risk array and assessing the account exactly.
pub fn measure(size: Size) -> Vec<Figure> {
    let market = &crate::market::market(&Chain::new());
    let rules = &crate::market::rules().rules;
    let account = &crate::market::account(market, POSITIONS);
    let none = ScenarioSet::default();
    let lots = vec![Quantity::from_raw(Quantity::ONE.raw() / 10); market.instruments.len()];
    let isa = Isa::detect();
    let prepare = || universal::prepare(market, rules, &none, isa).expect("priceable");
    let build = || Cell::new(market, rules, &none, &lots, TICK, WIDTH, isa).expect("in range");

    let prepared = prepare();
    let cell = build();
    let scenarios = prepared.array.set.scenarios.len();
    let mut holding = cell.holding(account).expect("whole lots");
    let mut scratch = Scratch::default();
    let exact = rounds(size, size.fills, || drop(black_box(prepared.margins(black_box(account)))));
    let arrays = rounds(size, 5, || drop(black_box(prepare())));
    let cells = rounds(size, 5, || drop(black_box(build())));
    let contains = rounds(size, 100, || {
        black_box(cell.contains(black_box(market)));
    });
    let surplus = rounds(size, size.fills, || {
        black_box(cell.surplus(black_box(&holding), &mut scratch));
    });
    let rebuilt = rounds(size, size.fills, || {
        black_box(cell.rebuild(black_box(account), &mut holding));
    });
    let fills = positions_after(account, market);
    let mut next = fills.iter().cycle();
    let traded = rounds(size, size.fills, || {
        let position = next.next().expect("an endless list");
        black_box(cell.surplus_after(&mut holding, position, &[], &mut scratch));
        cell.undo(&mut holding);
    });

    let of = |what: String, rounds: &[f64]| Figure::rounds(what, rounds, "ns");
    let less = |figure: Figure, rounds: &[f64], than: &[f64], words| Figure {
        ratio: Some((quartiles(than).0 / quartiles(rounds).0, words)),
        ..figure
    };
    vec![
        of(format!("risk array of {} instruments, {scenarios} scenarios", market.instruments.len()), &arrays),
        of(format!("exact margins of {POSITIONS} positions"), &exact),
        less(of("a cell".to_owned(), &cells), &cells, &arrays, "the risk array"),
        of("whether a market lies in it".to_owned(), &contains),
        less(of("certificate of the account".to_owned(), &surplus), &surplus, &exact, "exact margins"),
        less(of("the same, from the account".to_owned(), &rebuilt), &rebuilt, &exact, "exact margins"),
        less(of("certificate after a fill, undone".to_owned(), &traded), &traded, &exact, "exact margins"),
    ]
}

/// Every position of an account with a lot more.
fn positions_after(account: &Account, market: &Market) -> Vec<Position> {
    let lot = Quantity::from_raw(Quantity::ONE.raw() / 10);
    let more = |held: &Position| Position {
        quantity: held.quantity.plus(lot).expect("in range"),
        entry: market.mark(held.instrument),
        ..*held
    };
    account.positions.iter().map(more).collect()
}

/// CPU time of `work` in nanoseconds, in each round the mean of so many times.
fn rounds(size: Size, times: usize, mut work: impl FnMut()) -> Vec<f64> {
    let mut rounds = Vec::new();
    for _ in 0..size.rounds {
        let start = cpu_nanoseconds();
        for _ in 0..times {
            work();
        }
        rounds.push((cpu_nanoseconds() - start) / times as f64);
    }
    rounds
}
