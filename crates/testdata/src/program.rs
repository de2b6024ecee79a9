//! Runs a program of the project as a user does: with arguments and standard input, at the root of the repository.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A program that tests run, and the folder for the files of its tests.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its file: `env!("CARGO_BIN_EXE_…")` of the test.
    pub file: &'static str,
    /// An existing folder for files: `env!("CARGO_TARGET_TMPDIR")` of the test. All crates share it.
    pub folder: &'static str,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// The exit status.
    pub status: i32,
    /// What was written to standard output.
    pub out: String,
    /// What was written to standard error.
    pub err: String,
}

/// The root of the repository, where examples are run.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The path of a bundled sample.
pub fn sample(name: &str) -> String {
    root().join("samples").join(name).display().to_string()
}

impl Program {
    /// Runs it with nothing on standard input.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Run {
        self.run_reading(arguments, "")
    }

    /// Runs it with a text on standard input.
    pub fn run_reading<S: AsRef<OsStr>>(&self, arguments: &[S], input: &str) -> Run {
        let mut child = self.start(arguments);
        // A program that fails early closes its input: that is its right.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the program ends");
        Run {
            status: output.status.code().expect("the program was not killed"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Starts it with pipes in place of a terminal.
    pub fn start<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Child {
        let mut command = Command::new(self.file);
        command.args(arguments).current_dir(root());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Runs it and insists on success.
    pub fn answer<S: AsRef<OsStr> + Debug>(&self, arguments: &[S]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.status, 0, "{arguments:?}: {}", run.err);
        run.out
    }

    /// Runs it, insists on success, and reads the JSON that it answers with, which must be as its schema says.
    pub fn document<S: AsRef<OsStr> + Debug>(&self, arguments: &[S]) -> Value {
        let document = serde_json::from_str(&self.answer(arguments)).expect("the answer is JSON");
        #[cfg(feature = "schema")]
        crate::schema::valid_by_format(&document);
        document
    }

    /// The path of a file for one test; the name is unique to it among all crates.
    pub fn path(&self, name: &str) -> String {
        Path::new(self.folder).join(name).display().to_string()
    }

    /// The path of a file that is not there: an earlier run of the test may have left one, which is removed.
    pub fn fresh(&self, name: &str) -> String {
        let file = self.path(name);
        let _ = std::fs::remove_file(&file);
        file
    }

    /// Writes a file for one test; the name is unique to it among all crates.
    pub fn written(&self, name: &str, text: &str) -> String {
        let file = self.path(name);
        std::fs::write(&file, text).expect("the folder for tests is writable");
        file
    }
}
