//! I-71: a real process that writes durably is killed at random moments. It loses no records and invents none.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [crash, child, dir, _, seed] = &arguments[..]
        && (crash.as_str(), child.as_str()) == ("crash", "--child")
    {
        let problem = sim::crash::child(Path::new(dir), seed.parse().expect("a seed"));
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    let exe = std::env::current_exe().expect("a test is a file");
    let dir = std::env::temp_dir().join(format!("upm-sim-crash-{}", std::process::id()));
    let report = sim::crash::parent(&exe, &dir, 8, 1, |_| {});
    std::fs::remove_dir_all(&dir).ok();
    let report = report.expect("processes start");
    println!("{report}");
    if report.passes() && report.kills == 8 && report.acknowledged > 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{report:?}");
    ExitCode::FAILURE
}
