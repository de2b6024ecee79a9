//! The other programs. They are installed, compiled and started by this command, never by the build or the tests.
//!
//! A peer that is not available is reported as not measured, with the reason; it never ends the run.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A peer that has done its work once and waits for rounds.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> Result<Self, String> {
        let single = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"].map(|name| (name, "1"));
        let mut child = command
            .envs(single)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| error.to_string())?;
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut process = Self { child, input, output };
        let said = process.line()?;
        if said == "ready" { Ok(process) } else { Err(format!("said \"{said}\" instead of ready")) }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(line.trim().to_owned())
    }

    /// Works for that much CPU time; returns the nanoseconds of one run.
    pub fn round(&mut self, milliseconds: f64) -> Result<f64, String> {
        writeln!(self.input, "{milliseconds}").map_err(|error| error.to_string())?;
        self.line()?.parse().map_err(|_| "ended early".to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended by itself, and nothing depends on it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The peers that are available on this machine.
pub struct Peers {
    /// The folder `bench/` of the project.
    root: PathBuf,
    /// The folder of inputs and answers.
    pub folder: PathBuf,
    packages: Result<(), String>,
    python: Result<PathBuf, String>,
}

impl Peers {
    /// Installs Debian's and Python's packages where they are missing.
    pub fn install() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("target/peers");
        std::fs::create_dir_all(&folder).expect("bench/target can be written");
        let packages = debian();
        let python = venv(&root.join("target/venv"));
        Self { root, folder, packages, python }
    }

    /// The versions of the peers that were found, for the report.
    pub fn versions(&self) -> Vec<String> {
        let first_line = |command: &mut Command| {
            let output = command.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
            String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
        };
        let mut found = Vec::new();
        found.extend(first_line(Command::new("cc").arg("--version")));
        found.extend(first_line(Command::new("ldd").arg("--version")));
        found.extend(first_line(Command::new("dpkg-query").args([
            "-W",
            "-f",
            "${Package} ${Version}\n",
            "libquantlib0-dev",
        ])));
        if let Ok(python) = &self.python {
            let code = "import sys, numpy, scipy, numba; print('Python', sys.version.split()[0], '| numpy', numpy.__version__, '| scipy', scipy.__version__, '| numba', numba.__version__)";
            found.extend(first_line(Command::new(python).args(["-c", code])));
        }
        found
    }

    /// Compiles a C or C++ peer and starts it.
    pub fn compiled(
        &self,
        name: &str,
        compiler: &str,
        arguments: &[&str],
        libraries: &[&str],
    ) -> Result<Process, String> {
        self.packages.clone()?;
        let program = self.folder.join(name);
        let mut compile = Command::new(compiler);
        compile.args(arguments).arg("-o").arg(&program).args(libraries).current_dir(self.root.join("peers"));
        run(&mut compile)?;
        self.start(&mut Command::new(program), name)
    }

    /// Compiles and starts one of the option crates, for exactly this machine.
    pub fn crate_of(&self, name: &str) -> Result<Process, String> {
        self.packages.clone()?;
        let target = self.root.join("target/native");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--release", "--quiet", "--package", "crates", "--target-dir"]).arg(&target);
        run(build.env("RUSTFLAGS", "-Ctarget-cpu=native").current_dir(&self.root))?;
        self.start(Command::new(target.join("release/crates")).arg(name), name)
    }

    /// Starts one of the Python peers.
    pub fn python(&self, name: &str) -> Result<Process, String> {
        let python = self.python.clone()?;
        self.start(Command::new(python).arg(self.root.join("peers/peers.py")).arg(name), name)
    }

    /// The file into which a peer writes its results.
    pub fn answer(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("answer")
    }

    fn start(&self, command: &mut Command, name: &str) -> Result<Process, String> {
        Process::start(command.arg(&self.folder).arg(self.answer(name)))
    }

    /// Whether a compiled peer calls the vector maths library, as a vectorised peer must.
    pub fn is_vectorised(&self, name: &str) -> bool {
        let symbols = Command::new("nm").arg("-D").arg(self.folder.join(name)).output();
        symbols.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("v_erfc"))
    }
}

fn debian() -> Result<(), String> {
    let there = |package: &str| {
        let query = Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).output();
        query.is_ok_and(|output| output.stdout.ends_with(b"installed") && !output.stdout.ends_with(b"not-installed"))
    };
    let packages = ["libquantlib0-dev", "g++", "python3-venv"];
    if packages.into_iter().all(there) {
        return Ok(());
    }
    eprintln!("installing {}", packages.join(", "));
    run(Command::new("apt-get").args(["update", "--quiet"]).stdout(Stdio::null()))?;
    run(Command::new("apt-get").args(["install", "--yes", "--quiet"]).args(packages).stdout(Stdio::null()))
}

fn venv(folder: &Path) -> Result<PathBuf, String> {
    let python = folder.join("bin/python");
    let imports =
        |python: &Path| run(Command::new(python).args(["-c", "import numpy, scipy, numba"]).stderr(Stdio::null()));
    if imports(&python).is_ok() {
        return Ok(python);
    }
    eprintln!("installing numpy, scipy, numba");
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "numpy", "scipy", "numba"]))?;
    imports(&python)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("{program}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}")) }
}
