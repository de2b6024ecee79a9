//! The distance between two moments.

use std::time::Duration;

use units::Timestamp;

/// The time between two moments, whichever is first.
pub fn distance(one: Timestamp, other: Timestamp) -> Duration {
    Duration::from_micros(one.micros().abs_diff(other.micros()))
}

/// [`distance`] in words: `1 h 5 min 3 s`.
#[cfg(feature = "recordings")]
pub fn apart(one: Timestamp, other: Timestamp) -> String {
    span(distance(one, other))
}

/// A time between two moments in words: `1 h 5 min 3 s`.
#[cfg(feature = "recordings")]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")];
    let shown: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if shown.is_empty() { "less than a second".into() } else { shown.join(" ") }
}

#[cfg(all(test, feature = "recordings"))]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_read_like_speech() {
        let start = Timestamp::from_micros(0);
        let cases = [(0, "less than a second"), (61, "1 min 1 s"), (86_400 + 7200, "1 d 2 h")];
        for (seconds, expected) in cases {
            assert_eq!(apart(Timestamp::from_micros(seconds * 1_000_000), start), expected);
        }
    }
}
