//! Checks that no crate embeds a file from outside of its folder: its package would not have that file.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The macros that embed a file, in two parts so that this file does not seem to.
const MACROS: [[&str; 2]; 3] = [["include_str", "!("], ["include_bytes", "!("], ["include", "!("]];

/// The problems of the tracked source files.
pub fn check(root: &Path, files: &[String]) -> Vec<String> {
    let manifests = files.iter().filter_map(|file| file.strip_suffix("Cargo.toml"));
    let crates: BTreeSet<&str> = manifests.filter(|folder| !folder.is_empty()).collect();
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| Path::new(file).extension().is_some_and(|extension| extension == "rs")) {
        let Some(folder) = crates.iter().filter(|folder| file.starts_with(**folder)).max_by_key(|folder| folder.len())
        else {
            continue;
        };
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        for (line, embedded) in embedded(&text) {
            let place = resolved(file, embedded);
            if !place.starts_with(folder) {
                let place = place.display();
                problems.push(format!("{file}:{line}: embeds {place}, which is outside of the package in {folder}"));
            }
        }
    }
    problems
}

/// The files that a source embeds, with the number of the line: the first text after each macro.
fn embedded(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for [name, mark] in MACROS {
        let call = format!("{name}{mark}");
        for (at, _) in text.match_indices(&call) {
            let is_word = text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
            let line = text[..at].rsplit('\n').next().unwrap_or_default();
            let argument = text[at + call.len()..].trim_start().trim_start_matches("concat!(").trim_start();
            let Some(path) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
            if !is_word && !line.trim_start().starts_with("//") {
                found.push((text[..at].matches('\n').count() + 1, path));
            }
        }
    }
    found
}

/// The place of a file that `file` embeds, from the root of the project.
fn resolved(file: &str, embedded: &str) -> PathBuf {
    let mut place = PathBuf::new();
    for part in Path::new(file).parent().unwrap_or(Path::new("")).join(embedded).components() {
        match part {
            Component::ParentDir if place.pop() => {}
            part => place.push(part),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_embedding_is_seen() {
        let [text, bytes, code] = MACROS.map(|parts| parts.concat());
        let source = format!(
            "const A: &str = {text}\"a.json\");\n// {text}\"b.json\")\nconst C: &[u8] = {bytes}\n    \"../c\");\n\
             {code}concat!(\"../../d/\", \"e\"));\nmy_{code}\"f\")\n"
        );
        assert_eq!(embedded(&source), [(1, "a.json"), (3, "../c"), (5, "../../d/")]);
    }

    #[test]
    fn a_file_outside_of_the_package_is_found() {
        let root = std::env::temp_dir().join(format!("upm-embedded-{}", std::process::id()));
        std::fs::create_dir_all(root.join("crates/a/src")).unwrap();
        let call = MACROS[0].concat();
        std::fs::write(root.join("crates/a/src/lib.rs"), format!("{call}\"../a.json\"); {call}\"../../a-b/x\");"))
            .unwrap();
        let files = ["Cargo.toml", "crates/a/Cargo.toml", "crates/a/src/lib.rs"].map(str::to_owned);
        let problems = check(&root, &files);
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with("crates/a/src/lib.rs:1: embeds crates/a-b/x, which is outside"),
            "{problems:?}"
        );
    }
}
