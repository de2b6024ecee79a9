//! The engine: the cost of fills, prices, durability, recovery and memory, each next to the obvious alternative.
//!
//! ```text
//! venue.rs        a venue as commands; accounts by events
//! tick.rs         a price tick over all accounts, with nobody missed
//! memory.rs       memory of an account
//! fills.rs        a fill in memory
//! durability.rs   a fill until it is on disk; recovery; snapshots
//! ```

mod cells;
mod durability;
mod fills;
mod liquidation;
mod memory;
mod tick;
mod venue;

use serde_json::{Value, json};

use crate::measure::quartiles;

/// The amounts of work.
#[derive(Clone, Copy)]
pub struct Size {
    pub rounds: usize,
    /// The fills that one round measures.
    pub fills: usize,
    /// The number of accounts that fit into the cache.
    pub few: usize,
    /// The number of accounts that do not fit into it.
    pub many: usize,
    /// The number of accounts of the tick, and the number of ticks.
    pub all: usize,
    pub ticks: usize,
    /// Accounts and ticks of the run in which every account is assessed at every tick.
    pub checked: (usize, usize),
    /// Accounts of the runs with a journal, and batches a round at each batch size.
    pub traders: u32,
    /// Liquidations on one tick.
    pub burst: usize,
    /// The number of accounts among which winners are searched.
    pub winners: usize,
    pub batches: [(usize, usize); 3],
}

/// The sizes of a full run, whose figures are published.
pub const FULL: Size = Size {
    rounds: 9,
    fills: 4_000,
    few: 2_000,
    many: 100_000,
    all: 1_000_000,
    ticks: 40,
    checked: (4_000, 600),
    traders: 400,
    burst: 112_790,
    winners: 400_000,
    batches: [(1, 200), (64, 24), (1024, 8)],
};

/// Small sizes, to see in seconds that every part runs.
pub const QUICK: Size = Size {
    rounds: 3,
    fills: 1_000,
    few: 1_000,
    many: 10_000,
    all: 20_000,
    ticks: 20,
    checked: (1_000, 100),
    traders: 100,
    burst: 2_000,
    winners: 20_000,
    batches: [(1, 20), (64, 3), (1024, 1)],
};

/// One measured figure with its unit.
pub struct Figure {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// Half the distance between the quartiles, as a share of the value.
    pub spread: Option<f64>,
    /// p50 and p99 in nanoseconds of wall time.
    pub latency: Option<(f64, f64)>,
    /// The factor by which the figure is better than this alternative.
    pub ratio: Option<(f64, &'static str)>,
    /// The goal of the project, and whether it is reached.
    pub wanted: Option<(&'static str, bool)>,
    pub note: String,
}

impl Figure {
    fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let what = what.into();
        Self { what, value, unit, spread: None, latency: None, ratio: None, wanted: None, note: String::new() }
    }

    /// A figure from times in rounds: the lower quartile, since other programs run on the same cores.
    fn rounds(what: impl Into<String>, rounds: &[f64], unit: &'static str) -> Self {
        let (low, _, high) = quartiles(rounds);
        Self { spread: Some((high - low) / 2.0 / low), ..Self::new(what, low, unit) }
    }

    fn print(&self) {
        let spread = self.spread.map_or_else(String::new, |spread| format!("{:.0}%", 100.0 * spread));
        let latency = self
            .latency
            .map_or_else(String::new, |(middle, late)| format!("p50 {} p99 {}", duration(middle), duration(late)));
        println!("{:<62}{:>12} {:<12}{:>5}  {latency}", self.what, significant(self.value), self.unit, spread);
        if let Some((ratio, to)) = self.ratio {
            println!("{:>64} {:.2}× {to}", "", ratio);
        }
        if let Some((wanted, reached)) = self.wanted {
            println!("{:>64} wanted {wanted}: {}", "", if reached { "reached" } else { "NOT reached" });
        }
        if !self.note.is_empty() {
            println!("{:>64} {}", "", self.note);
        }
    }

    fn json(&self) -> Value {
        json!({"what": self.what, "value": self.value, "unit": self.unit, "spread": self.spread,
               "p50_nanoseconds": self.latency.map(|latency| latency.0),
               "p99_nanoseconds": self.latency.map(|latency| latency.1),
               "ratio": self.ratio.map(|ratio| ratio.0), "to": self.ratio.map(|ratio| ratio.1),
               "wanted": self.wanted.map(|wanted| wanted.0), "reached": self.wanted.map(|wanted| wanted.1),
               "note": self.note})
    }
}

/// Measures what has `only` in its title, everything when it is empty, and prints it as it comes. Returns it for programs,
/// and whether no liquidation was missed.
pub fn run(size: Size, only: &str) -> (Value, bool) {
    let mut all = Vec::new();
    let mut section = |title: &str, measure: &mut dyn FnMut() -> Vec<Figure>| {
        if title.contains(only) {
            println!("\n{title}");
            let figures = measure();
            figures.iter().for_each(Figure::print);
            all.push(json!({"section": title, "figures": figures.iter().map(Figure::json).collect::<Vec<_>>()}));
        }
    };
    let (mut memory, mut missed) = (Vec::new(), 0);
    // Fills come first, while memory is as a venue of that size would find it: a million accounts leave it fragmented.
    section("engine: a fill in memory, 20 positions a side", &mut || fills::measure(size));
    section("engine: certified cells", &mut || cells::measure(size));
    section("engine: a tick over all accounts", &mut || {
        let [ticks, of_memory] = tick::measure(size);
        memory = of_memory;
        ticks
    });
    section("engine: memory of an account of 10 positions", &mut || std::mem::take(&mut memory));
    section("engine: ticks with every account checked", &mut || {
        let (checked, faults) = tick::checked(size);
        missed = faults;
        checked
    });
    section("engine: liquidations", &mut || liquidation::measure(size));
    section("engine: a fill until it is durable", &mut || durability::measure(size));
    section("engine: recovery and snapshots", &mut || durability::recovery(size));
    (Value::Array(all), missed == 0)
}

/// The 50th and the 99th percentile of latencies, in the same unit.
fn percentiles(mut latencies: Vec<f64>) -> (f64, f64) {
    latencies.sort_by(f64::total_cmp);
    let at = |part: f64| latencies[(part * (latencies.len() - 1) as f64).round() as usize];
    (at(0.5), at(0.99))
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        short if short < 1e3 => format!("{short:.0} ns"),
        short if short < 1e6 => format!("{:.1} µs", short / 1e3),
        long => format!("{:.2} ms", long / 1e6),
    }
}

fn significant(value: f64) -> String {
    let decimals = [1000.0, 100.0, 10.0].into_iter().filter(|bound| value.abs() < *bound).count();
    format!("{value:.decimals$}")
}

/// Bytes of memory that are resident for this process.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or_default() * rustix::param::page_size() as f64
}
