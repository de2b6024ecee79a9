//! Markets and accounts from values, without a document in JSON: [`Market::builder`](crate::Market::builder),
//! [`Account::builder`](crate::Account::builder).
//!
//! Numbers and moments are anything that prints as one: `"0.05"`, `80_000`, `0.05`, a price, a moment. They are read like
//! the text of a document, so that nothing is rounded, and everything that is wrong is told at once when it is built.

mod account;
mod instrument;
mod listed;
mod market;

use std::fmt::Display;
use std::str::FromStr;

use crate::Invalid;
use crate::problems::Problems;

pub use account::AccountBuilder;
pub use instrument::InstrumentBuilder;
pub use listed::{AssetBuilder, UnderlyingBuilder};
pub use market::MarketBuilder;

/// What is wrong with fields of one entry, by their paths inside it.
#[derive(Clone, Debug, Default)]
struct Wrong(Vec<Invalid>);

impl Wrong {
    /// The value that `said` prints as; none, and one more that is wrong, where it prints as none.
    fn read<T: FromStr<Err: Display>>(&mut self, field: impl Into<String>, said: impl Display) -> Option<T> {
        let text = said.to_string();
        text.parse().map_err(|why| self.0.push(Invalid::new(field, format_args!("{text:?}"), why))).ok()
    }

    /// Tells all of it with the path of the entry, and that stand-ins lie in these fields.
    fn tell(self, entry: &str, problems: &mut Problems) {
        for Invalid { path, problem } in self.0 {
            let path = if entry.is_empty() { path } else { format!("{entry}.{path}") };
            problems.pass_over(path.clone());
            problems.note(Invalid { path, problem });
        }
    }
}
