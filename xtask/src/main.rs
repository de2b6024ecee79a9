//! The commands for developers: `cargo xtask COMMAND`.

mod bench;
mod ci;
mod golden;
mod sample;
mod schemas;
mod tidy;
mod vectors;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  bench [--quick] [--engine [--only WORDS]]
                        install the peers and measure speed next to them; with --engine only the engine, and with
                        --only the parts of it with WORDS in their title
  ci [--install]        run everything that guards the code; with --install, or under CI=true, tools that are missing
                        are installed first
  tidy                  check layers, citations, docs and words alone
  golden                write the golden journals of the engine's encodings (docs/engine.md)
  sample                write samples/: market, portfolio and scenarios
  crowd N M DIRECTORY   write a market of 5,000 instruments and N accounts of M positions, to measure on
  schemas               write the JSON Schemas of all documents from their types
  vectors               write vectors/ again from ../shared
  vectors SUITE [FILE]  recompute the reference vectors, of a file or of vectors/; suites: derive, black76
  help                  this page";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bench", arguments @ ..] => bench::command(arguments),
        ["ci"] => ci::command(false),
        ["ci", "--install"] => ci::command(true),
        ["tidy"] => tidy::command(),
        ["golden"] => golden::command(),
        ["sample"] => sample::command(),
        ["crowd", accounts, positions, directory] => sample::crowd::command(accounts, positions, directory),
        ["schemas"] => schemas::command(),
        ["vectors"] => vectors::keep::command(),
        ["vectors", suite] => vectors::command(suite, None),
        ["vectors", suite, file] => vectors::command(suite, Some(file)),
        ["help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
