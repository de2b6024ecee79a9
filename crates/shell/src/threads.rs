//! The option by which a user says how many threads may work at the same time.

use std::num::NonZeroUsize;

/// The largest number of threads that a user may ask for.
const THREADS_MAX: usize = 256;

/// The value parser of clap for a number of threads, 1 to 256.
pub fn number(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= THREADS_MAX);
    count.ok_or_else(|| format!("expected 1 to {THREADS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_threads_is_1_to_256() {
        assert_eq!(number("256").map(NonZeroUsize::get), Ok(256));
        for wrong in ["0", "257", "-1", "two", ""] {
            assert_eq!(number(wrong), Err("expected 1 to 256".to_owned()), "{wrong}");
        }
    }
}
