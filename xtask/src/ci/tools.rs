//! The programs that the run needs besides cargo.
//!
//! A missing tool is installed if that was requested, and each command is printed before it runs. Otherwise the run
//! ends and prints the commands.

use std::path::Path;
use std::process::Command;

use super::run;

/// A program that the run needs, and the commands that install it.
struct Tool {
    /// The name of the tool, in words.
    what: &'static str,
    /// The program that answers `--version` when it is there.
    program: &'static str,
    /// Programs with their arguments, to be run one after the other.
    installed_by: &'static [(&'static str, &'static [&'static str])],
}

const TOOLS: [Tool; 3] = [
    // For the C of a compression library and for the fuzzer.
    Tool {
        what: "a C++ compiler",
        program: "c++",
        installed_by: &[("apt-get", &["update", "--quiet"]), ("apt-get", &["install", "--yes", "--quiet", "g++"])],
    },
    Tool { what: "rustfmt", program: "rustfmt", installed_by: &[("rustup", &["component", "add", "rustfmt"])] },
    Tool { what: "clippy", program: "cargo-clippy", installed_by: &[("rustup", &["component", "add", "clippy"])] },
];

/// Installs missing tools, and prints each command first.
pub fn install(root: &Path) -> Result<(), String> {
    for tool in TOOLS.iter().filter(|tool| !tool.is_there()) {
        println!("  {} ({}) is missing and is installed now", tool.what, tool.program);
        for (program, arguments) in tool.installed_by {
            println!("  $ {program} {}", arguments.join(" "));
            run(Command::new(program).args(*arguments), root)?;
        }
    }
    Ok(())
}

/// Changes nothing; the error names all missing tools, with the commands that install them.
pub fn require(_: &Path) -> Result<(), String> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !tool.is_there()).collect();
    if missing.is_empty() { Ok(()) } else { Err(refusal(&missing)) }
}

fn refusal(missing: &[&Tool]) -> String {
    let lines: String = missing.iter().map(|tool| tool.line()).collect();
    lines + "\n  run these commands (apt-get as root), or let `cargo xtask ci --install` run them"
}

impl Tool {
    fn is_there(&self) -> bool {
        Command::new(self.program).arg("--version").output().is_ok_and(|output| output.status.success())
    }

    /// The message that the tool is missing, with the commands that install it.
    fn line(&self) -> String {
        let commands =
            self.installed_by.iter().map(|(program, arguments)| format!("{program} {}", arguments.join(" ")));
        let commands: Vec<String> = commands.collect();
        format!("\n  {} ({}) is missing: {}", self.what, self.program, commands.join(" && "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_commands_that_install_it() {
        let text = refusal(&TOOLS.iter().collect::<Vec<_>>());
        for words in [
            "\n  a C++ compiler (c++) is missing: apt-get update --quiet && apt-get install --yes --quiet g++\n",
            "\n  rustfmt (rustfmt) is missing: rustup component add rustfmt\n",
            "\n  clippy (cargo-clippy) is missing: rustup component add clippy\n",
            "`cargo xtask ci --install`",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn a_program_that_cannot_be_started_is_missing() {
        let tool = |program| Tool { what: "a tool", program, installed_by: &[] };
        assert!(!tool("no-program-has-this-name").is_there());
        assert!(tool("rustc").is_there());
    }
}
