//! The notes of what was converted for a venue, or the refusal where conversions are forbidden.

use crate::Refusal;

/// Every conversion that was made for a venue.
#[derive(Clone, Debug)]
pub struct Conversions {
    venue: &'static str,
    strict: bool,
    notes: Vec<String>,
}

impl Conversions {
    /// None yet, for the venue of that name. With `strict`, every conversion is refused.
    pub fn new(venue: &'static str, strict: bool) -> Self {
        Self { venue, strict, notes: Vec::new() }
    }

    /// Notes a contract or asset that the venue does not list, and how it is margined instead.
    pub fn margined(&mut self, name: &str, how: &str) -> Result<(), Refusal> {
        self.converted(name, format!("it would be margined {how}"), &format!("margined {how}"))
    }

    /// Notes an asset that the venue does not list, and as which asset of the same value it counts.
    pub fn counted_as(&mut self, name: &str, other: &str) -> Result<(), Refusal> {
        let how = format!("it is counted as {other} of the same value");
        self.converted(name, how.clone(), &how)
    }

    /// Notes something else about the account, once.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// All notes, in the order in which they were made.
    pub fn into_notes(self) -> Vec<String> {
        self.notes
    }

    fn converted(&mut self, name: &str, why: String, how: &str) -> Result<(), Refusal> {
        if self.strict {
            return Err(Refusal::NotListed { instrument: name.to_owned(), venue: self.venue, why });
        }
        self.note(format!("{name}: not listed at {}, {how}", self.venue));
        Ok(())
    }
}
