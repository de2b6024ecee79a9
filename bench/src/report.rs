//! The results: a table for readers, JSON for programs, and whether the goals of the project are reached.

use serde_json::{Value, json};

use crate::measure::{Line, median_and_spread, ratio};

/// A goal of the project, as a ratio within the run.
pub struct Goal {
    pub workload: &'static str,
    /// The beginnings of the names of the peers that it is compared with; the fastest of them counts.
    pub against: &'static [&'static str],
    /// The name of our line, by whose time the peer's time is divided.
    pub ours: &'static str,
    pub at_least: f64,
}

pub const REPRICE: &str = "600 options × 99 scenarios";
pub const ACCOUNTS: &str = "account of 20 positions × 99 scenarios";
pub const FILLS: &str = "fill on a cached vector";
pub const WHOLE: &str = "whole path, universal method";
/// The end of the name of our line when columns and contracts were prepared before.
pub const PREPARED: &str = ", prepared";
pub const WARM_FILL: &str = "warm: 64 accounts";

const CRATES: &[&str] = &["crate "];

const GOALS: &[Goal] = &[
    Goal { workload: REPRICE, against: &["QuantLib"], ours: "avx512", at_least: 35.0 },
    Goal { workload: REPRICE, against: &["QuantLib"], ours: "avx2", at_least: 16.0 },
    Goal { workload: REPRICE, against: &["C -Ofast, plain"], ours: "avx512", at_least: 4.5 },
    Goal { workload: REPRICE, against: CRATES, ours: "avx512", at_least: 30.0 },
    Goal { workload: REPRICE, against: CRATES, ours: "avx2", at_least: 14.0 },
    Goal { workload: REPRICE, against: &["NumPy"], ours: "avx512", at_least: 20.0 },
    Goal { workload: REPRICE, against: &["NumPy"], ours: "avx2", at_least: 9.0 },
    Goal { workload: ACCOUNTS, against: &["scipy.sparse, one"], ours: "avx512", at_least: 6.0 },
    Goal { workload: ACCOUNTS, against: &["Numba, plain"], ours: "avx512", at_least: 3.7 },
];

/// The longest that a fill on a warm vector may take, in nanoseconds.
const FILL_AT_MOST: f64 = 15.0;

/// The name of our line on an instruction set.
pub fn ours(isa: &str) -> String {
    format!("upm, {isa}")
}

pub struct Machine {
    pub cpu: String,
    pub isa: String,
    pub load: String,
    pub rounds: usize,
    pub milliseconds: f64,
    pub versions: Vec<String>,
}

impl Machine {
    pub fn print(&self) {
        println!("{}; widest instruction set {}; load average {}", self.cpu, self.isa, self.load);
        self.versions.iter().for_each(|version| println!("{version}"));
        println!(
            "{} interleaved rounds of {} ms thread CPU time; medians, ± half the distance of the quartiles",
            self.rounds, self.milliseconds
        );
    }

    fn json(&self) -> Value {
        json!({"cpu": self.cpu, "isa": self.isa, "load_average": self.load, "rounds": self.rounds,
               "milliseconds": self.milliseconds, "versions": self.versions})
    }
}

/// Prints one workload: a line for each peer, slowest last.
pub fn table(lines: &[Line]) {
    let Some(first) = lines.first() else { return };
    let base =
        |isa: &str| lines.iter().find(|line| line.peer.starts_with(&ours(isa)) && !line.peer.ends_with(PREPARED));
    let (wide, narrow) = (base("avx512"), base("avx2"));
    println!("\n{}", first.workload);
    println!(
        "{:<36}{:>12}{:>6}{:>10}{:>9}{:>9}{:>12}",
        "",
        format!("ns/{}", first.unit),
        "±",
        "M/s",
        "/avx512",
        "/avx2",
        "difference"
    );
    let mut sorted: Vec<&Line> = lines.iter().collect();
    let time = |line: &Line| line.rounds.as_ref().map_or(f64::INFINITY, |rounds| median_and_spread(rounds).0);
    sorted.sort_by(|a, b| time(a).total_cmp(&time(b)));
    for line in sorted {
        let rounds = match &line.rounds {
            Ok(rounds) => rounds,
            Err(reason) => {
                println!("{:<36}not measured: {reason}", line.peer);
                continue;
            }
        };
        let (median, spread) = median_and_spread(rounds);
        let against = |base: Option<&Line>| {
            base.and_then(|base| ratio(line, base)).map_or_else(String::new, |ratio| format!("{ratio:.2}×"))
        };
        let difference = match line.difference {
            None => String::new(),
            Some(0.0) => "same bits".to_owned(),
            Some(difference) => format!("{difference:.1e}"),
        };
        println!(
            "{:<36}{:>12}{:>5.0}%{:>10}{:>9}{:>9}{:>12}",
            line.peer,
            significant(median),
            100.0 * spread / median,
            significant(1e3 / median),
            against(wide),
            against(narrow),
            difference
        );
    }
}

/// A number with four digits; with more when it has more before the point.
fn significant(value: f64) -> String {
    let decimals = [1000.0, 100.0, 10.0].into_iter().filter(|bound| value < *bound).count();
    format!("{value:.decimals$}")
}

/// Prints the goals in words, and returns them for programs.
pub fn goals(lines: &[Line]) -> Vec<Value> {
    println!("\ngoals");
    let mut found = Vec::new();
    let mut say = |what: String, wanted: String, got: Option<(f64, bool)>, prepared: Option<f64>| {
        let verdict = match got {
            None => "not measured".to_owned(),
            Some((value, true)) => format!("{value:.2}, reached"),
            Some((value, false)) => format!("{value:.2}, NOT reached"),
        };
        let aside = prepared.map_or_else(String::new, |ratio| format!(" (prepared: {ratio:.2})"));
        println!("  {what:<48}{wanted:>8}: {verdict}{aside}");
        let (value, reached) = got.unzip();
        found.push(json!({"goal": what, "wanted": wanted, "value": value, "reached": reached, "prepared": prepared}));
    };
    for goal in GOALS {
        let of_workload = || lines.iter().filter(|line| line.workload == goal.workload);
        let base = of_workload().find(|line| line.peer == ours(goal.ours));
        let against = of_workload().filter(|line| goal.against.iter().any(|start| line.peer.starts_with(start)));
        let least = base.and_then(|base| {
            against.filter_map(|line| ratio(line, base).map(|ratio| (line, ratio))).min_by(|a, b| a.1.total_cmp(&b.1))
        });
        let peer = least.map_or(goal.against[0], |(line, _)| &line.peer);
        let prepared = of_workload().find(|line| line.peer == format!("{}{PREPARED}", ours(goal.ours)));
        let prepared = least.zip(prepared).and_then(|((line, _), base)| ratio(line, base));
        let what = format!("{peer} / {}", ours(goal.ours));
        let reached = least.map(|(_, ratio)| (ratio, ratio >= goal.at_least));
        say(what, format!("≥ {}×", goal.at_least), reached, prepared);
    }
    let fill = lines.iter().find(|line| {
        line.workload == FILLS && line.peer.starts_with(&ours("avx512")) && line.peer.ends_with(WARM_FILL)
    });
    let nanoseconds = fill.and_then(|line| line.rounds.as_ref().ok()).map(|rounds| median_and_spread(rounds).0);
    let what = format!("{FILLS}, {WARM_FILL}");
    say(what, format!("≤ {FILL_AT_MOST} ns"), nanoseconds.map(|taken| (taken, taken <= FILL_AT_MOST)), None);
    found
}

/// All results, for programs.
pub fn json(machine: &Machine, lines: &[Line], goals: Vec<Value>, engine: Value) -> Value {
    let line = |line: &Line| {
        let rounds = line.rounds.as_ref().ok();
        let (median, spread) = rounds.map(|rounds| median_and_spread(rounds)).unzip();
        json!({"workload": line.workload, "peer": line.peer, "unit": line.unit, "nanoseconds": median, "spread": spread,
               "rounds": rounds, "not_measured": line.rounds.as_ref().err(), "difference": line.difference})
    };
    let lines: Vec<Value> = lines.iter().map(line).collect();
    json!({"machine": machine.json(), "lines": lines, "goals": goals, "engine": engine})
}
