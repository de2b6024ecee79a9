//! What a method is, where it is written down, and how far it has been proven.

/// The description of a method, as people are shown it.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name it is asked for by, such as `derive-pmrm`.
    pub name: &'static str,
    /// The name of the method in a few words.
    pub title: &'static str,
    /// The venue's documents or code it was written from.
    pub documents: &'static str,
    /// The day the documents said so.
    pub as_of: &'static str,
    /// What it has been checked against.
    pub proof: &'static str,
    /// What is not known for certain; every answer under the method repeats these as notes.
    pub uncertain: &'static [&'static str],
}
