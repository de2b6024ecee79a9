//! Checks the numbers of invariants and incidents: every cited number is explained in its document, every explained
//! number is cited, and the files named in an explanation cite it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The documents that explain numbers, and the prefixes of the numbers in each.
const DOCUMENTS: &[(&str, &[&str])] = &[("docs/invariants.md", &["I", "R"]), ("docs/incidents.md", &["S"])];

/// Numbers that stand for no incident, and the tests that use them.
const UNKNOWN: &[(&str, &str)] = &[
    ("crates/incidents/tests/incidents.rs", "S-99"),
    ("crates/lab/src/command/incident.rs", "S-77"),
    ("crates/lab/tests/incident.rs", "S-00"),
];

/// This file, in which the numbers are examples.
const OWN: &str = "xtask/src/tidy/citations.rs";

/// The explanation of a number in its document.
#[derive(Debug, Default)]
struct Explained {
    document: &'static str,
    /// The files that the explanation names, as paths from the root.
    places: Vec<String>,
}

/// Compares the citations in the project's files with the explanations in the documents.
pub fn check(root: &Path, files: &[String]) -> Vec<String> {
    let cites = |file: &&String| super::has_extension(file, &["rs", "md", "case"]) && *file != OWN;
    let read = |file: &String| (file.clone(), std::fs::read_to_string(root.join(file)).unwrap_or_default());
    problems(&files.iter().filter(cites).map(read).collect(), UNKNOWN)
}

/// The problems of these files; `unknown` are numbers that a file may cite although they stand for nothing.
fn problems(texts: &BTreeMap<String, String>, unknown: &[(&str, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    let explained = explanations(texts, &mut problems);
    let cited: BTreeMap<&str, BTreeSet<String>> =
        texts.iter().map(|(file, text)| (file.as_str(), numbers(file, text))).collect();
    let cites = |file: &str, number: &str| cited.get(file).is_some_and(|numbers| numbers.contains(number));
    for (file, numbers) in &cited {
        let strange = numbers.iter().filter(|number| !explained.contains_key(*number));
        for number in strange.filter(|number| !unknown.contains(&(*file, number.as_str()))) {
            problems.push(format!("{file}: cites {number}, which {} does not explain", document_of(number)));
        }
    }
    for (number, Explained { document, places }) in &explained {
        let elsewhere = cited.keys().filter(|file| DOCUMENTS.iter().all(|(document, _)| document != *file));
        if !elsewhere.into_iter().any(|file| cites(file, number)) {
            problems.push(format!("{document}: {number} is cited nowhere"));
        }
        if places.is_empty() {
            problems.push(format!("{document}: {number} names no file that keeps it or checks it"));
        }
        for place in places.iter().filter(|place| !cites(place, number)) {
            let found =
                if cited.contains_key(place.as_str()) { "which does not cite it" } else { "which is not there" };
            problems.push(format!("{document}: {number} names {place}, {found}"));
        }
    }
    for (file, number) in unknown {
        if explained.contains_key(*number) || !cites(file, number) {
            problems.push(format!("{OWN}: {number} of {file} is explained or not cited: take it off the list"));
        }
    }
    problems
}

/// The explanations in the documents: in a row of a table whose first cell is a number, or under a heading that begins
/// with one.
fn explanations(texts: &BTreeMap<String, String>, problems: &mut Vec<String>) -> BTreeMap<String, Explained> {
    let mut explained: BTreeMap<String, Explained> = BTreeMap::new();
    for (document, _) in DOCUMENTS {
        let mut subject: Option<&str> = None;
        for line in texts.get(*document).map(String::as_str).unwrap_or_default().lines() {
            let found = explains(line).filter(|number| document_of(number) == *document);
            if let Some(number) = found {
                let first = Explained { document, places: Vec::new() };
                if explained.insert(number.to_owned(), first).is_some() {
                    problems.push(format!("{document}: {number} is explained twice"));
                }
                subject = found;
            } else if line.starts_with('#') {
                subject = None;
            }
            if let Some(of) = subject.and_then(|number| explained.get_mut(number)) {
                of.places.extend(places(line));
            }
        }
    }
    explained
}

/// The number whose explanation begins on a line.
fn explains(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("| ").or_else(|| line.strip_prefix("### "))?;
    rest.split(' ').next().filter(|word| is_number(word))
}

/// The files in backquotes of a line; the documents leave out the folder of the crates.
fn places(line: &str) -> impl Iterator<Item = String> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains('/')).map(|path| format!("crates/{path}"))
}

/// The document that explains a number.
fn document_of(number: &str) -> &'static str {
    let prefix = number.split('-').next().unwrap_or_default();
    let found = DOCUMENTS.iter().find(|(_, prefixes)| prefixes.contains(&prefix));
    found.map_or("no document", |(document, _)| document)
}

/// Every number in a text, and in the names of tests in a source file.
fn numbers(file: &str, text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !(character.is_alphanumeric() || character == '-'));
    let mut found: BTreeSet<String> = words.filter(|word| is_number(word)).map(str::to_owned).collect();
    if super::has_extension(file, &["rs"]) {
        found.extend(tests(text).flat_map(in_name));
    }
    found
}

/// Whether a word is a number such as `I-08`, `S-10` or `R-N1`.
fn is_number(word: &str) -> bool {
    let Some((prefix, rest)) = word.split_once('-') else { return false };
    let digits = rest.strip_prefix('N').filter(|_| prefix == "R").unwrap_or(rest);
    ["I", "R", "S"].contains(&prefix) && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names of the tests of a source file.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    let pairs = lines.clone().zip(lines.skip(1));
    pairs.filter(|(above, _)| *above == "#[test]").filter_map(|(_, line)| line.strip_prefix("fn ")?.split('(').next())
}

/// The numbers at the end of a test's name: `it_is_paid_once_i09_s31` cites I-09 and S-31.
fn in_name(name: &str) -> impl Iterator<Item = String> {
    name.rsplit('_').map_while(|part| {
        let (letter, digits) = part.split_at_checked(1).filter(|(letter, _)| matches!(*letter, "i" | "s"))?;
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        two.then(|| format!("{}-{digits}", letter.to_ascii_uppercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVARIANTS: &str = "\
# Invariants
I-08 in the words before `no/row.rs` explains nothing.
| number | what must hold |
|---|---|
| I-08 | All adds up. | `engine/tests/sums.rs` |
| R-N1 | A record comes back. | `journal/src/lib.rs` |
## After it
`not/of/R-N1.rs`
";
    const INCIDENTS: &str = "### S-10 Mango\nI-08 stops it.\n* Replay: `incidents/src/mango_pumped_index.rs`\n";
    const SUMS: &str = "    #[test]\n    fn it_adds_up_i08() {}\n";

    fn tree(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let sound = [
            ("docs/invariants.md", INVARIANTS),
            ("docs/incidents.md", INCIDENTS),
            ("crates/engine/tests/sums.rs", SUMS),
            ("crates/journal/src/lib.rs", "//! R-N1."),
            ("crates/incidents/src/mango_pumped_index.rs", "id: \"S-10\","),
        ];
        sound.iter().chain(changes).map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_explained_and_cited_is_tidy() {
        assert_eq!(problems(&tree(&[]), &[]), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_problem_is_found() {
        let cases = [
            (("a.rs", "// I-09"), "a.rs: cites I-09, which docs/invariants.md does not explain"),
            (("a.md", "as in S-11."), "a.md: cites S-11, which docs/incidents.md does not explain"),
            (("a.case", "R-2"), "a.case: cites R-2, which docs/invariants.md does not explain"),
            (
                ("docs/incidents.md", "### S-10 Mango\nI-77 `incidents/src/mango_pumped_index.rs`\n"),
                "docs/incidents.md: cites I-77, which docs/invariants.md does not explain",
            ),
            (("crates/journal/src/lib.rs", ""), "docs/invariants.md: R-N1 is cited nowhere"),
            (
                ("crates/engine/tests/sums.rs", "fn it_adds_up_i08() {}"),
                "docs/invariants.md: I-08 names crates/engine/tests/sums.rs, which does not cite it",
            ),
            (
                ("docs/incidents.md", "### S-10 Mango\n`incidents/src/mango_pumped_index.rs` and `gone/s10.rs`\n"),
                "docs/incidents.md: S-10 names crates/gone/s10.rs, which is not there",
            ),
            (
                ("docs/incidents.md", "### S-10 Mango\n\n### S-10 Again\n`incidents/src/mango_pumped_index.rs`\n"),
                "docs/incidents.md: S-10 is explained twice",
            ),
            (
                ("docs/incidents.md", "### S-10 Mango\n## Next\n`incidents/src/mango_pumped_index.rs`\n"),
                "docs/incidents.md: S-10 names no file that keeps it or checks it",
            ),
        ];
        for (change, expected) in cases {
            let found = problems(&tree(&[change]), &[]);
            assert!(found.iter().any(|problem| problem == expected), "{expected}: {found:?}");
        }
    }

    #[test]
    fn a_number_of_nothing_is_let_through_where_it_is_listed_and_only_there() {
        let unknown = [("a.rs", "S-99")];
        assert_eq!(problems(&tree(&[("a.rs", "S-99")]), &unknown), Vec::<String>::new());
        assert_eq!(problems(&tree(&[("a.rs", "S-99"), ("b.rs", "S-99")]), &unknown).len(), 1);
        let stale = problems(&tree(&[]), &unknown);
        assert!(stale.len() == 1 && stale[0].ends_with("take it off the list"), "{stale:?}");
    }

    #[test]
    fn numbers_are_whole_words_and_the_ends_of_names_of_tests() {
        let text = "I-35 to I-53, (S-12)…R-N6; \"S-1\" I-371 BTC-S-10 UTF-8 A-I-1 I-N1 I- SI-3 I-4a R-N";
        let found: Vec<String> = numbers("a.md", text).into_iter().collect();
        assert_eq!(found, ["I-35", "I-371", "I-53", "R-N6", "S-1", "S-12"]);
        let text = "fn write_i32() {}\n#[test]\nfn twice_s10_is_i09_s31() {}\n#[test]\nfn of_i128_or_i6() {}\n";
        assert_eq!(numbers("a.rs", text).into_iter().collect::<Vec<_>>(), ["I-09", "S-31"]);
        assert!(numbers("a.md", text).is_empty());
    }
}
