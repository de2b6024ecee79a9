//! `upm.assessment/1`: the answer as a document.

use margin::{Assessment, Judge};
use serde::Serialize;

use crate::input::{Book, Rules};

/// `upm.assessment/1`, field by field as `formats.md` has it.
#[derive(Serialize)]
pub struct AssessmentDocument<'a> {
    format: &'static str,
    method: &'static str,
    params: String,
    time: String,
    hashes: Hashes<'a>,
    accounts: &'a [Assessment],
}

/// BLAKE3 of everything the answer depends on.
#[derive(Serialize)]
struct Hashes<'a> {
    market: &'a str,
    portfolio: &'a str,
    params: &'a str,
    scenarios: String,
}

impl<'a> AssessmentDocument<'a> {
    /// The document of `accounts`, as `rules` assessed them in the market of `book`.
    pub fn new(book: &'a Book, rules: &'a Rules, judge: &(impl Judge + ?Sized), accounts: &'a [Assessment]) -> Self {
        Self {
            format: "upm.assessment/1",
            method: rules.method.about.name,
            params: rules.rulebook.name(),
            time: book.market.time.to_string(),
            hashes: Hashes {
                market: &book.market.hash,
                portfolio: &book.portfolio.hash,
                params: rules.rulebook.hash(),
                scenarios: judge.scenarios(),
            },
            accounts,
        }
    }
}
