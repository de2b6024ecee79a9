//! Moves in the names of scenarios.

/// Writes a fraction in per cent: `-0.12` as `−12 %`, with one decimal where needed.
pub fn percent(fraction: f64) -> String {
    let points = (fraction * 1000.0).round() / 10.0;
    let sign = if points < 0.0 { "−" } else { "+" };
    format!("{sign}{} %", points.abs())
}
