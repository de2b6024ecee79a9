//! Shortens a failing script: halves, quarters and eighths are left out as long as the script fails in the same way.

use engine::Envelope;

use crate::canary::Decider;
use crate::run::{Options, run_with};

/// The most shorter scripts that are tried.
const TRIES: usize = 600;

/// The shortest script found that fails the same invariant; the whole script when no shorter one does.
pub fn shrunken(script: &[Envelope], invariant: &str, rules: &mut dyn Decider) -> Vec<Envelope> {
    let mut kept = script.to_vec();
    let mut tries = 0;
    let mut fails = |candidate: &[Envelope], tries: &mut usize| {
        *tries += 1;
        let options = Options { script: Some(candidate.to_vec()), ..Options::default() };
        run_with(&options, rules).failure.is_some_and(|failure| failure.invariant == invariant)
    };
    if !fails(&kept, &mut tries) {
        return kept;
    }
    let mut chunk = kept.len().div_ceil(2);
    while chunk > 0 && tries < TRIES {
        let mut start = 0;
        while start < kept.len() && tries < TRIES {
            let end = (start + chunk).min(kept.len());
            let candidate: Vec<Envelope> = kept[..start].iter().chain(&kept[end..]).cloned().collect();
            if fails(&candidate, &mut tries) {
                kept = candidate;
            } else {
                start = end;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    kept
}

/// A script as JSON lines.
pub fn to_lines(script: &[Envelope]) -> String {
    let line = |envelope: &Envelope| serde_json::to_string(envelope).expect("a command is plain data") + "\n";
    script.iter().map(line).collect()
}

/// Reads the output of [`to_lines`]; an error names the line that cannot be read.
pub fn from_lines(text: &str) -> Result<Vec<Envelope>, BadLine> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| BadLine { line: number + 1, why: error.to_string() })
        })
        .collect()
}

/// A line of a script that is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// The error of the parser.
    pub why: String,
}
