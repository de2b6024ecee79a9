//! What tests of several crates need: a small market, files of `../shared`, the folder of recorded data beside the project,
//! and programs run as users run them ([`program`]), with their [`help`] and their pages ([`manual`]).
//!
//! The project is complete without that folder. A test that needs a file of it may therefore be skipped, but not unseen:
//! its name ends with `_from_shared`, it says which file is absent, `cargo xtask ci` counts it, and under `CI=true` it
//! fails. Crates take this one as a dev-dependency; only `xtask`, which counts, depends on it otherwise.

pub mod help;
pub mod manual;
pub mod program;
#[cfg(feature = "schema")]
pub mod schema;
pub mod vectors;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A small market, as a document `upm.market/1`: a perpetual and an option on BTC, both in USDC.
pub const MARKET: &str = r#"{
  "format": "upm.market/1", "time": "2026-04-22T00:00:00Z",
  "assets": [{"asset": "USDC", "price": "0.9999"}, {"asset": "BTC", "price": "80000"}],
  "underlyings": [{"underlying": "BTC", "index": "80000",
    "expiries": [{"expiry": "2026-05-08T08:00:00Z", "forward": "80100"}]}],
  "instruments": [
    {"instrument": "BTC-PERP", "kind": "perpetual", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
     "settle": "USDC", "contract_size": "1", "mark": "80050"},
    {"instrument": "BTC-CALL", "kind": "option", "underlying": "BTC", "payoff": "linear", "quote": "USDC",
     "settle": "USDC", "contract_size": "1", "expiry": "2026-05-08T08:00:00Z", "strike": "80000", "right": "call",
     "mark": "3400", "iv": "0.5"}
  ]}"#;

/// The environment variable with the path of the file to which every skipped test adds a line: the name of its program,
/// a space, its own name. Nothing is written when the variable is not set.
pub const SKIPPED: &str = "UPM_SKIPPED_TESTS";

/// The environment variable that makes the tests of JSON Schemas write the files in place of comparing with them.
pub const WRITE_SCHEMAS: &str = "UPM_WRITE_SCHEMAS";

/// What the name of a test that reads `../shared` ends with.
const SUFFIX: &str = "_from_shared";

/// The name of the thread on which the test harness runs tests when it may use one thread only.
const ONLY_THREAD: &str = "main";

/// The text of a bundled sample, such as `market.json`.
pub fn sample(name: &str) -> String {
    let file = program::sample(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A document with one change: at a JSON pointer a value is set, or removed where it is null. A pointer that ends with
/// `/-` adds the value to a list.
pub fn edited(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_else(|| panic!("{pointer} has no /"));
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} has no parent"));
    match parent {
        Value::Object(fields) if value.is_null() => drop(fields.remove(key)),
        Value::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let place = key.parse::<usize>().unwrap_or_else(|_| panic!("{pointer} has no place in its list"));
            items[place] = value;
        }
        _ => panic!("{pointer}: its parent has no places"),
    }
    document
}

/// The path of a file below `../shared`; none when it is absent, and then the test that asks is to return.
///
/// Panics when the name of the test does not end with `_from_shared`, and under `CI=true` when the file is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let thread = std::thread::current();
    let program = std::env::current_exe().unwrap_or_default();
    let test = Test {
        program: program.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        name: thread.name().unwrap_or_default().to_owned(),
        is_ci: std::env::var("CI").is_ok_and(|value| value == "true"),
        skipped: std::env::var_os(SKIPPED).map(PathBuf::from),
    };
    test.find(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), path)
}

/// The bytes of a file below `../shared`; see [`shared`].
pub fn shared_bytes(path: &str) -> Option<Vec<u8>> {
    let file = shared(path)?;
    Some(std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

/// The text of a file below `../shared`; see [`shared`].
pub fn shared_text(path: &str) -> Option<String> {
    let file = shared(path)?;
    Some(std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

/// The test that asks, and where it runs.
struct Test {
    /// The file name of the test program, such as `chain-0f3a`.
    program: String,
    /// The path of the test in its program: the name of its thread.
    name: String,
    /// Whether an absent file fails the test.
    is_ci: bool,
    /// The file in which skipped tests are counted.
    skipped: Option<PathBuf>,
}

impl Test {
    fn find(&self, folder: &Path, path: &str) -> Option<PathBuf> {
        let Self { program, name, is_ci, skipped } = self;
        assert!(
            name.ends_with(SUFFIX) || name == ONLY_THREAD,
            "{program}, test {name}: it reads ../shared, expected a name that ends with {SUFFIX}"
        );
        let file = folder.join(path);
        if file.exists() {
            return Some(file);
        }
        assert!(!is_ci, "{program}, test {name}: ../shared/{path} is absent, expected under CI=true");
        eprintln!("skipped: ../shared/{path} is absent");
        if let Some(skipped) = skipped {
            let line = format!("{program} {name}\n");
            let written = OpenOptions::new().create(true).append(true).open(skipped);
            let written = written.and_then(|mut file| file.write_all(line.as_bytes()));
            written.unwrap_or_else(|error| panic!("{}: {error}", skipped.display()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, is_ci: bool, skipped: Option<PathBuf>) -> Test {
        Test { program: "chain-0f3a".to_owned(), name: name.to_owned(), is_ci, skipped }
    }

    #[test]
    fn a_file_that_is_there_is_found() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = test("read_from_shared", true, None).find(folder, "Cargo.toml");
        assert_eq!(found, Some(folder.join("Cargo.toml")));
    }

    #[test]
    fn a_skipped_test_is_written_down() {
        let skipped = std::env::temp_dir().join(format!("upm-skipped-{}", std::process::id()));
        for name in ["one_from_shared", "tests::two_from_shared", "main"] {
            assert_eq!(test(name, false, Some(skipped.clone())).find(Path::new("nowhere"), "chain.parquet"), None);
        }
        let written = std::fs::read_to_string(&skipped).unwrap();
        std::fs::remove_file(&skipped).unwrap();
        assert_eq!(written, "chain-0f3a one_from_shared\nchain-0f3a tests::two_from_shared\nchain-0f3a main\n");
    }

    #[test]
    #[should_panic(expected = "../shared/chain.parquet is absent, expected under CI=true")]
    fn absence_fails_where_ci_promises_the_data() {
        test("read_from_shared", true, None).find(Path::new("nowhere"), "chain.parquet");
    }

    #[test]
    #[should_panic(expected = "test reads: it reads ../shared, expected a name that ends with _from_shared")]
    fn a_test_that_does_not_say_it_in_its_name_fails() {
        test("reads", false, None).find(Path::new("nowhere"), "chain.parquet");
    }
}
