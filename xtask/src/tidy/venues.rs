//! Checks of the venues' methods: no number of a venue in code, and modules that use each other in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::circles::{Uses, circle};

/// The folder of the methods. Every folder in it but that of the universal method is a venue's.
const METHODS: &str = "crates/margin/src/method/";

/// The numbers that a venue's code may contain, because they are mathematics or units: signs, percent, seconds, days.
const MATHEMATICS: &[&str] = &["0", "1", "2", "3", "4", "5", "0.0", "1.0", "2.0", "100.0", "365.0", "86_400.0"];

/// The file of constants that approximate a function.
const FORMULA: &str = "paradex/black_scholes.rs";

/// The problems of the venues' methods.
pub fn check(root: &Path, files: &[String]) -> Vec<String> {
    let of_venue = |file: &&String| {
        file.strip_prefix(METHODS).is_some_and(|rest| rest.contains('/') && !rest.starts_with("universal/"))
    };
    let read = |file: &String| code_of(&std::fs::read_to_string(root.join(file)).unwrap_or_default());
    let sources: BTreeMap<String, String> =
        files.iter().filter(of_venue).map(|file| (file.clone(), read(file))).collect();
    if sources.is_empty() {
        return vec![format!("{METHODS}: no venue's method was found, so none was checked")];
    }
    let mut problems = Vec::new();
    for (file, code) in sources.iter().filter(|(file, _)| !file.ends_with(FORMULA)) {
        for number in numbers(code).into_iter().filter(|number| !MATHEMATICS.contains(&number.as_str())) {
            problems.push(format!(
                "{file}: the number {number}: what a venue might change belongs into its parameter file"
            ));
        }
    }
    problems.extend(circles(&sources));
    problems
}

/// The code of a file without its tests, comments and texts.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut code = String::with_capacity(text.len());
    let (mut in_text, mut in_comment, mut previous) = (false, false, ' ');
    for character in text.chars() {
        match character {
            '\n' => in_comment = false,
            '"' if !in_comment && previous != '\\' => in_text = !in_text,
            '/' if !in_text && previous == '/' => in_comment = true,
            _ => {}
        }
        if !in_text && !in_comment {
            code.push(character);
        }
        // A backslash that another one takes literally hides nothing.
        previous = if previous == '\\' && character == '\\' { ' ' } else { character };
    }
    code
}

/// The number literals of some code.
fn numbers(code: &str) -> BTreeSet<String> {
    let part_of_word = |character: char| character.is_ascii_alphanumeric() || "_.".contains(character);
    code.split(|character| !part_of_word(character))
        .flat_map(|word| word.split(".."))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

/// The first circle of modules of the venues that use each other.
fn circles(sources: &BTreeMap<String, String>) -> Option<String> {
    let modules: BTreeMap<String, &String> = sources.iter().map(|(file, code)| (module_of(file), code)).collect();
    let used: Uses = modules.iter().map(|(module, code)| (module.clone(), uses(module, code, &modules))).collect();
    let circle = circle(&used)?.join(" → ");
    Some(format!("{METHODS}: modules use each other in a circle: {circle}"))
}

/// The path of a file's module below the methods, such as `derive/standard/report`.
fn module_of(file: &str) -> String {
    let path = file.trim_start_matches(METHODS).trim_end_matches(".rs");
    path.trim_end_matches("/mod").to_owned()
}

/// The modules that a module names in its code, besides those that it declares and does not use.
fn uses(module: &str, code: &str, modules: &BTreeMap<String, &String>) -> BTreeSet<String> {
    paths(code).iter().filter_map(|path| resolve(module, path, modules)).filter(|used| used != module).collect()
}

/// The module that a path such as `super::adapt::Adapted` means; none for paths that leave the venues.
fn resolve(module: &str, path: &str, modules: &BTreeMap<String, &String>) -> Option<String> {
    let mut at: Vec<&str> = module.split('/').collect();
    let mut segments = path.split("::").peekable();
    match segments.peek() {
        Some(&"crate") => {
            if segments.nth(1) != Some("method") {
                return None;
            }
            at.clear();
        }
        Some(&"super") => {
            while segments.next_if_eq(&"super").is_some() {
                at.pop();
            }
        }
        Some(&"self") => {
            segments.next();
        }
        _ => {}
    }
    let mut found = at.join("/");
    for segment in segments {
        let deeper = if found.is_empty() { segment.to_owned() } else { format!("{found}/{segment}") };
        if !modules.contains_key(&deeper) {
            break;
        }
        found = deeper;
    }
    modules.contains_key(&found).then_some(found)
}

/// Every path in some code, those of a `use` with braces one by one.
fn paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut word = String::new();
    for character in code.chars().chain([' ']) {
        if character.is_alphanumeric() || character == '_' || character == ':' {
            word.push(character);
            continue;
        }
        let prefix = prefixes.last().cloned().unwrap_or_default();
        match character {
            // A path that ends with colons is the prefix of the paths in its braces.
            '{' => prefixes.push(if word.ends_with("::") { format!("{prefix}{word}") } else { String::new() }),
            '}' => {
                paths.push(format!("{prefix}{word}"));
                prefixes.pop();
            }
            _ => paths.push(format!("{prefix}{word}")),
        }
        word.clear();
    }
    paths.retain(|path| path.contains("::"));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(file, text)| (format!("{METHODS}{file}"), code_of(text))).collect()
    }

    #[test]
    fn a_circle_is_found_and_a_line_is_not() {
        let one_way = [
            ("derive/mod.rs", "mod adapt;\npub mod pmrm;\nmod report;"),
            ("derive/adapt.rs", "use crate::book::Leg; // super::report is only named here"),
            ("derive/report.rs", "use super::adapt::{Origin, Subaccount};"),
            ("derive/pmrm.rs", "use super::{adapt::Adapted, report};\nfn it() { report::of(\"super::pmrm\") }"),
        ];
        assert_eq!(circles(&tree(&one_way)), None);
        for (file, text) in [
            ("derive/adapt.rs", "use super::pmrm::Haircut;"),
            ("derive/adapt.rs", "use crate::{Refusal, method::derive::report::Judged};"),
            ("derive/adapt.rs", "fn it() { super::report::words() }"),
            ("derive/mod.rs", "mod adapt;\npub use adapt::LISTED;\nfn it() {}"),
        ] {
            let mut files = tree(&one_way);
            files.insert(format!("{METHODS}{file}"), text.to_owned());
            if file == "derive/mod.rs" {
                files.insert(format!("{METHODS}derive/adapt.rs"), "use super::Listed;".to_owned());
            }
            let found = circles(&files).unwrap_or_default();
            assert!(found.contains("derive/adapt → ") && found.contains(" → derive"), "{text}: {found}");
        }
    }

    #[test]
    fn numbers_are_found_in_code_alone() {
        let code =
            code_of("/// 30 days\nlet window = 1800.0; // 7\nlet text = \"5 % of 9\\\" \"; a[0] + 1e9 + f64 + x1;");
        assert_eq!(numbers(&code).into_iter().collect::<Vec<_>>(), ["0", "1800.0", "1e9"]);
    }
}
