//! Builds markets and accounts from values, without a JSON document: [`Market::builder`](crate::Market::builder),
//! [`Account::builder`](crate::Account::builder).
//!
//! A number or a moment may be given as anything that prints as one: `"0.05"`, `80_000`, `0.05`, a price, a moment. It
//! is read like the text of a document, so that nothing is rounded. `build` reports all problems at once.

mod account;
mod basket;
mod instrument;
mod listed;
mod market;

use std::fmt::Display;
use std::str::FromStr;

use crate::Invalid;
use crate::problems::Problems;

pub use account::AccountBuilder;
pub use basket::BasketBuilder;
pub use instrument::InstrumentBuilder;
pub use listed::{AssetBuilder, UnderlyingBuilder};
pub use market::MarketBuilder;

/// The problems of one entry; each path is relative to the entry.
#[derive(Clone, Debug, Default)]
struct Wrong(Vec<Invalid>);

impl Wrong {
    /// Reads the text that `said` prints as a value; on failure notes the problem and returns none.
    fn read<T: FromStr<Err: Display>>(&mut self, field: impl Into<String>, said: impl Display) -> Option<T> {
        let text = said.to_string();
        text.parse().map_err(|why| self.0.push(Invalid::new(field, format_args!("{text:?}"), why))).ok()
    }

    /// Takes the problems of a part of the entry that lies at `path`.
    fn take(&mut self, path: &str, part: Self) {
        self.0
            .extend(part.0.into_iter().map(|invalid| Invalid { path: format!("{path}.{}", invalid.path), ..invalid }));
    }

    /// Reports all noted problems under the path of the entry, and marks their fields as stand-ins.
    fn tell(self, entry: &str, problems: &mut Problems) {
        for Invalid { path, problem } in self.0 {
            let path = if entry.is_empty() { path } else { format!("{entry}.{path}") };
            problems.pass_over(path.clone());
            problems.note(Invalid { path, problem });
        }
    }
}
