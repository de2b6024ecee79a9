//! Finds docs that explain nothing: "Whose." or "The record." above a field helps nobody.

/// The fewest words of a doc comment.
const WORDS_MIN: usize = 3;

/// The doc comments of a source file with fewer than three words. Tests cite rules in theirs and are left out.
pub fn check(file: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let docs: Vec<Option<&str>> = code.lines().map(doc).collect();
    let mut problems = Vec::new();
    let mut number = 1;
    for comment in docs.chunk_by(|one, next| one.is_some() && next.is_some()) {
        let words: Vec<&str> = comment.iter().flatten().flat_map(|line| line.split_whitespace()).collect();
        if !words.is_empty() && words.len() < WORDS_MIN {
            let said = words.join(" ");
            problems.push(format!(
                "{file}:{number}: the doc \"{said}\" says too little: say what it is, with its unit, or leave it out"
            ));
        }
        number += comment.len();
    }
    problems
}

/// The text of a line of a doc comment; none for other lines.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_doc_of_two_words_is_found_and_longer_ones_are_not() {
        let text = "\
//! What a file is for.

/// Whose.
pub account: String,
    /// The
    /// record.
    pub at: u64,
/// Units of it.
pub amount: u64,

/// A head
///
/// and more of it.
fn it() {} // a note

#[cfg(test)]
/// P-2.
fn cited() {}
";
        let problems = check("it.rs", text);
        let expected = ["it.rs:3: the doc \"Whose.\" says", "it.rs:5: the doc \"The record.\" says"];
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (found, expected) in problems.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
