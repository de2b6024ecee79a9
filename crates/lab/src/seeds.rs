//! Ranges of seeds, as they are written in arguments.

use std::ops::RangeInclusive;

/// The value parser of clap for a range: `1..100`, both included.
pub fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text.split_once("..").map(|(first, last)| (first.parse(), last.parse()));
    match ends {
        Some((Ok(first), Ok(last))) if first <= last => Ok(first..=last),
        _ => Err("expected a first and a last seed, such as 1..100".to_owned()),
    }
}

/// The number of seeds in a range.
pub fn count(seeds: &RangeInclusive<u64>) -> u64 {
    (seeds.end() - seeds.start()).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_seeds_have_two_ends() {
        assert_eq!(range("1..3"), Ok(1..=3));
        for wrong in ["", "3", "3..1", "a..b", "1..2..3"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
