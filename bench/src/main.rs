//! `cargo xtask bench`: the speed of the kernel, account margins, fills, the whole path and the engine, next to the best
//! other programs.
//!
//! ```text
//! workload.rs   what is computed: the same inputs for everyone, from a fixed seed, written to raw files
//! ours.rs       our side; market.rs: the same chain as a market, for the whole path
//! peers.rs      other programs: installed, compiled, started; ../peers/ holds their sources
//! measure.rs    rounds in which everyone takes turns, by CPU time of the thread
//! report.rs     the table, the goals, target/bench.json
//! engine/       the engine: fills, ticks, durability, recovery, memory
//! ```
//!
//! A small driver of our own instead of a benchmark harness: peers in four languages have to appear in one table,
//! measured in the same rounds by the same clock, with their results compared. README.md explains why each comparison is
//! fair.

mod engine;
mod market;
mod measure;
mod ours;
mod peers;
mod report;
mod workload;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use margin::method::universal;
use margin::scenario::ScenarioSet;
use pricing::kernel::{Isa, Rows, Worst};
use serde_json::Value;

use measure::{Effort, Entry, Line, Runner, here};
use peers::{Peers, Process};
use report::{ACCOUNTS, FILLS, Machine, PREPARED, REPRICE, WARM_FILL, WHOLE};
use workload::{Chain, FUTURES, Holdings, INDEX, OPTIONS, POSITIONS, SCENARIOS};

/// Accounts that do not fit into any cache: 32 MB of positions, 83 MB of vectors.
const MANY: usize = 100_000;

/// Accounts whose vectors fit into the second-level cache.
const FEW: usize = 64;

fn main() -> ExitCode {
    let (mut quick, mut only_engine, mut part) = (false, false, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), only_engine) {
            ("--quick", _) => quick = true,
            ("--engine", _) => only_engine = true,
            ("--only", true) => part = arguments.next().unwrap_or_default(),
            _ => {
                eprintln!("usage: bench [--quick] [--engine [--only WORDS]]");
                return ExitCode::from(2);
            }
        }
    }
    let effort =
        if quick { Effort { rounds: 3, milliseconds: 20.0 } } else { Effort { rounds: 15, milliseconds: 60.0 } };
    let peers = if only_engine { None } else { Some(Peers::install()) };
    let machine = Machine {
        cpu: cpu(),
        isa: Isa::detect().to_string(),
        load: fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(3).collect::<Vec<_>>().join(" "),
        rounds: effort.rounds,
        milliseconds: effort.milliseconds,
        versions: peers.as_ref().map(Peers::versions).unwrap_or_default(),
    };
    machine.print();
    let (lines, goals) = peers.map(|peers| kernel(effort, &peers)).unwrap_or_default();
    let (figures, nobody_missed) =
        self::engine::run(if quick { self::engine::QUICK } else { self::engine::FULL }, &part);
    if figures.as_array().is_none_or(Vec::is_empty) {
        eprintln!("--only: found \"{part}\", expected words in the title of a part, such as \"tick\"");
        return ExitCode::from(2);
    }

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench.json");
    let text = serde_json::to_string_pretty(&report::json(&machine, &lines, goals, figures));
    let text = text.expect("numbers and text are JSON");
    fs::create_dir_all(file.parent().expect("a file in target"))
        .and_then(|()| fs::write(&file, text))
        .expect("target/ can be written");
    println!("\nall rounds: target/bench.json");
    if nobody_missed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prices, margins and fills on rows, next to the best other programs.
fn kernel(effort: Effort, peers: &Peers) -> (Vec<Line>, Vec<Value>) {
    let chain = Chain::new();
    let prices = ours::prices(&chain, Isa::detect());
    let rows = chain.profits(&prices);
    chain.write(&peers.folder).expect("bench/target can be written");
    let mut lines = reprice(effort, peers, &chain, &prices);
    lines.extend(accounts(effort, peers, &rows));
    lines.extend(fills(effort, &ours::rows(&rows)));
    lines.extend(whole(effort, &chain));
    let goals = report::goals(&lines);
    (lines, goals)
}

/// Every price of the chain, from raw inputs. Differences are relative to `max(F, K)`.
fn reprice(effort: Effort, peers: &Peers, chain: &Chain, prices: &[f64]) -> Vec<Line> {
    let scale = chain.scale();
    let prepared = &ours::prepare(chain);
    let mut entries = Vec::new();
    for isa in Isa::available() {
        let mut memory = Rows::zeros(OPTIONS, SCENARIOS);
        let difference = worst_difference(prices, &ours::prices(chain, isa), &scale);
        let runner = here(move || ours::reprice(chain, isa, &mut memory));
        entries.push(Entry { peer: report::ours(&isa.to_string()), runner, difference: Some(difference) });
    }
    for isa in Isa::available().into_iter().filter(|isa| *isa != Isa::BASELINE) {
        let mut memory = Rows::zeros(OPTIONS, SCENARIOS);
        let runner = here(move || ours::reprice_prepared(prepared, isa, &mut memory));
        let peer = format!("{}{PREPARED}", report::ours(&isa.to_string()));
        entries.push(Entry { peer, runner, difference: None });
    }
    let mut memory = vec![0.0; prices.len()];
    ours::reprice_scalar(chain, &mut memory);
    let difference = worst_difference(prices, &memory, &scale);
    let runner = here(move || ours::reprice_scalar(chain, &mut memory));
    entries.push(Entry { peer: "upm, scalar reference".to_owned(), runner, difference: Some(difference) });

    let mut add = |peer: &str, name: &str, started: Result<Process, String>| {
        entries.push(other(peers, peer, name, started, prices, &scale));
    };
    add(
        "QuantLib blackFormula",
        "quantlib",
        peers.compiled("quantlib", "c++", &["-O3", "quantlib.cpp"], &["-lQuantLib"]),
    );
    for (peer, name, define) in
        [("C -Ofast, plain", "libmvec", "-DPLAIN"), ("C -Ofast, hoisted", "libmvec-hoisted", "-DHOISTED")]
    {
        let flags = [define, "-Ofast", "-march=native", "-mprefer-vector-width=512", "libmvec.c"];
        let started = peers.compiled(name, "cc", &flags, &["-lm"]);
        let library = if peers.is_vectorised(name) { "libmvec" } else { "NOT vectorised" };
        add(&format!("{peer}, {library}"), name, started);
    }
    for name in ["black-76", "blackscholes", "implied-vol"] {
        add(&format!("crate {name} {}", version(name)), name, peers.crate_of(name));
    }
    add("NumPy/SciPy, hoisted", "reprice-scipy", peers.python("reprice-scipy"));
    add("Numba, hoisted", "reprice-numba", peers.python("reprice-numba"));
    let lines = effort.measure(REPRICE, "price", prices.len(), entries);
    report::table(&lines);
    lines
}

/// Computes the worst scenario of every account. Differences are relative to the account's gross notional.
fn accounts(effort: Effort, peers: &Peers, rows: &[f64]) -> Vec<Line> {
    let holdings = Holdings::new(MANY);
    holdings.write(&peers.folder, rows).expect("bench/target can be written");
    let rows = &ours::rows(rows);
    let book = &ours::Book::new(&holdings);
    let gross = |held: &[f64]| held.iter().map(|quantity| quantity.abs() * INDEX).sum();
    let scale: Vec<f64> = holdings.quantity.chunks_exact(POSITIONS).map(gross).collect();
    let mut worst = vec![Worst { value: 0.0, column: 0 }; MANY];
    let mut values = |isa: Isa| -> Vec<f64> {
        book.worst(rows, isa, &mut worst);
        worst.iter().map(|worst| worst.value).collect()
    };
    let expected = values(Isa::detect());
    let mut entries = Vec::new();
    for isa in Isa::available() {
        let difference = worst_difference(&expected, &values(isa), &scale);
        let mut worst = vec![Worst { value: 0.0, column: 0 }; MANY];
        let runner = here(move || book.worst(rows, isa, &mut worst));
        entries.push(Entry { peer: report::ours(&isa.to_string()), runner, difference: Some(difference) });
    }
    for (peer, name) in [
        ("scipy.sparse, one product", "accounts-scipy"),
        ("scipy.sparse, blocks in cache", "accounts-scipy-blocks"),
        ("Numba, plain loops", "accounts-numba"),
        ("Numba, loop length known", "accounts-numba-constant"),
    ] {
        entries.push(other(peers, peer, name, peers.python(name), &expected, &scale));
    }
    let lines = effort.measure(ACCOUNTS, "account", MANY, entries);
    report::table(&lines);
    lines
}

/// Measures a fill and the account's worst value after it.
fn fills(effort: Effort, rows: &Rows) -> Vec<Line> {
    const FILLS_A_RUN: usize = 20_000;
    let mut entries = Vec::new();
    for isa in Isa::available() {
        for (accounts, words) in [(FEW, WARM_FILL), (MANY, "100,000 accounts")] {
            let mut fills = ours::Fills::new(accounts, OPTIONS + FUTURES, FILLS_A_RUN);
            let peer = format!("{}, {words}", report::ours(&isa.to_string()));
            entries.push(Entry { peer, runner: here(move || fills.run(rows, isa)), difference: None });
        }
    }
    let lines = effort.measure(FILLS, "fill", FILLS_A_RUN, entries);
    report::table(&lines);
    lines
}

/// The calls of users: a market revalued under every universal scenario, an account assessed with all explanations.
fn whole(effort: Effort, chain: &Chain) -> Vec<Line> {
    let market = &market::market(chain);
    let params = &market::rules();
    let prepare = |isa: Isa| {
        universal::prepare(market, &params.rules, &ScenarioSet::default(), isa).expect("the market is priceable")
    };
    let judge = &prepare(Isa::detect());
    let scenarios = judge.array.set.scenarios.len();
    let mut entries = Vec::new();
    for isa in Isa::available() {
        let peer = format!("{}, prepare 605 rows × {scenarios}", report::ours(&isa.to_string()));
        entries.push(Entry { peer, runner: here(move || prepare(isa)), difference: None });
    }
    for positions in [20, 500] {
        let account = market::account(market, positions);
        let runner = here(move || margin::assess(&account, judge).expect("the account is priceable"));
        entries.push(Entry { peer: format!("upm, assess {positions} positions"), runner, difference: None });
    }
    let lines = effort.measure(WHOLE, "call", 1, entries);
    report::table(&lines);
    lines
}

/// A peer in another process; its results are compared with ours.
fn other<'a>(
    peers: &Peers,
    peer: &str,
    name: &str,
    started: Result<Process, String>,
    expected: &[f64],
    scale: &[f64],
) -> Entry<'a> {
    let answered = || workload::read_f64(&peers.answer(name)).ok().filter(|answer| answer.len() == expected.len());
    let (runner, difference) = match started {
        Ok(process) => (Runner::There(process), answered().map(|answer| worst_difference(expected, &answer, scale))),
        Err(reason) => (Runner::Missing(reason), None),
    };
    Entry { peer: peer.to_owned(), runner, difference }
}

/// The largest difference, each in its own unit; infinite when a value is not a number.
fn worst_difference(expected: &[f64], answer: &[f64], scale: &[f64]) -> f64 {
    let differences =
        expected.iter().zip(answer).zip(scale).map(|((expected, answer), scale)| (expected - answer).abs() / scale);
    differences.fold(0.0, |worst, difference| if difference.is_nan() { f64::INFINITY } else { worst.max(difference) })
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let family =
        field("cpu family").zip(field("model\t")).map(|(family, model)| format!(" (family {family}, model {model})"));
    field("model name").unwrap_or_else(|| "unknown processor".to_owned()) + &family.unwrap_or_default()
}

/// The version of a crate that was measured.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default()
}
