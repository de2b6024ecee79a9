//! The description of a margin method: its documents, its date, and how far it has been proven.

/// The description of a method, for readers.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name by which a method is selected, such as `derive-pmrm`.
    pub name: &'static str,
    /// The name of the method in a few words.
    pub title: &'static str,
    /// The venue's documents or code from which the method was written.
    pub documents: &'static str,
    /// The day on which the documents said so.
    pub as_of: &'static str,
    /// The data or computations it has been checked against.
    pub proof: &'static str,
    /// Points that are uncertain; every answer under the method repeats them as notes.
    pub uncertain: &'static [&'static str],
}
