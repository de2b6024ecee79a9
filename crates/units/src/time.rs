//! Moments in UTC, and the length of the year in which option time is counted.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The seconds in the year of 365 days that option pricing uses (ACT/365).
pub const YEAR_SECONDS: f64 = 31_536_000.0;

/// A moment in UTC, in whole microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The error for a text that is not a moment in RFC 3339 within the years 1678 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an RFC 3339 time such as \"2026-05-08T08:00:00Z\"")]
pub struct NotTime;

impl Timestamp {
    /// From microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to this moment, negative when this moment is the earlier one. Exact below 285 years.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "below 2^53 microseconds the conversion is exact"
        )]
        let micros = self.0.saturating_sub(earlier.0) as f64;
        micros / 1e6
    }

    /// Years of 365 days from `earlier` to this moment, never negative.
    pub fn years_since(self, earlier: Self) -> f64 {
        (self.seconds_since(earlier) / YEAR_SECONDS).max(0.0)
    }

    /// Days from `earlier` to this moment, never negative.
    pub fn days_since(self, earlier: Self) -> f64 {
        (self.seconds_since(earlier) / 86_400.0).max(0.0)
    }

    /// The date and time in UTC, for names such as `8MAY26`.
    pub fn calendar(self) -> OffsetDateTime {
        let nanos = i128::from(self.0) * 1000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .expect("every value was built from a calendar date or a checked count")
    }
}

impl std::str::FromStr for Timestamp {
    type Err = NotTime;

    fn from_str(text: &str) -> Result<Self, NotTime> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotTime)?;
        let nanos = moment.unix_timestamp_nanos();
        if nanos % 1000 != 0 {
            return Err(NotTime);
        }
        i64::try_from(nanos / 1000).map(Self).map_err(|_| NotTime)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.calendar().format(&Rfc3339).map_err(|_| std::fmt::Error)?;
        formatter.write_str(&text)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer
                .deserialize_str(crate::text::Reader::new("an RFC 3339 time as text, such as \"2026-05-08T08:00:00Z\""))
        } else {
            serde::Deserialize::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints_rfc_3339() {
        for text in ["2026-05-08T08:00:00Z", "1970-01-01T00:00:00Z", "2026-02-05T04:29:52.123456Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!("2026-05-08T10:00:00+02:00".parse::<Timestamp>().unwrap().to_string(), "2026-05-08T08:00:00Z");
        for text in
            ["", "2026-05-08", "2026-02-30T00:00:00Z", "2026-05-08T08:00:00", "soon", "2026-05-08T08:00:00.0000001Z"]
        {
            assert_eq!(text.parse::<Timestamp>(), Err(NotTime), "{text}");
        }
    }

    #[test]
    fn a_year_has_365_days() {
        let start: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
        let end: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(end.years_since(start), 1.0);
        assert_eq!(end.days_since(start), 365.0);
        assert_eq!(start.years_since(end), 0.0);
    }
}
