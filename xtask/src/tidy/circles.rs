//! Finds modules of a crate that use each other in a circle: what they share belongs below all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::has_extension;

/// The crates whose modules are in an order.
const ORDERED: [&str; 1] = ["engine"];

/// What each module uses, by name.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// The circles of modules among the files of the tree, one for each crate at most.
pub fn check(root: &Path, files: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for name in ORDERED {
        let folder = format!("crates/{name}/src/");
        let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_default();
        let library = read(&format!("{folder}lib.rs"));
        let sources = files.iter().filter_map(|file| Some((file.strip_prefix(&folder)?, file)));
        let sources: Vec<(String, String)> = sources
            .filter(|(inner, _)| has_extension(inner, &["rs"]) && *inner != "lib.rs")
            .map(|(inner, file)| (module_of(inner).to_owned(), read(file)))
            .collect();
        if sources.is_empty() {
            problems.push(format!("{folder} has no module, so no circle was looked for"));
        }
        problems.extend(
            circle(&uses(&library, &sources))
                .map(|circle| format!("{name}: modules use each other in a circle: {}", circle.join(" → "))),
        );
    }
    problems
}

/// The module at the root of a crate that a file belongs to.
fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

/// What each module uses of the others. `library` is the text of `lib.rs`, which gives some items a shorter name.
fn uses(library: &str, sources: &[(String, String)]) -> Uses {
    let modules: BTreeSet<&str> = sources.iter().map(|(module, _)| module.as_str()).collect();
    let mut owners: BTreeMap<&str, &str> = modules.iter().map(|module| (*module, *module)).collect();
    for line in library.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let Some((_, path)) = line.split_once("use ") else { continue };
        let Some((module, items)) = path.split_once("::") else { continue };
        if modules.contains(module) {
            owners.extend(words(items).map(|item| (item, module)));
        }
    }
    let mut uses = Uses::new();
    for (module, text) in sources {
        let text = without_tests(text);
        for named in text.split("crate::").skip(1) {
            let named = named.strip_prefix('{').map_or_else(
                || words(named).take(1).collect::<Vec<_>>(),
                |list| words(list.split(';').next().unwrap_or(list)).collect(),
            );
            let used = named.into_iter().filter_map(|name| owners.get(name)).filter(|owner| *owner != module);
            uses.entry(module.clone()).or_default().extend(used.map(|owner| (*owner).to_owned()));
        }
    }
    uses
}

/// The text without comments and without the tests at its end.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    code.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The identifiers in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// A circle, which ends with the module that it begins with; none where there is none.
pub fn circle(uses: &Uses) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    uses.keys().find_map(|module| follow(uses, module, &mut Vec::new(), &mut done))
}

fn follow(uses: &Uses, module: &str, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if let Some(place) = path.iter().position(|known| known == module) {
        return Some(path[place..].iter().map(String::as_str).chain([module]).map(str::to_owned).collect());
    }
    if !done.insert(module.to_owned()) {
        return None;
    }
    path.push(module.to_owned());
    let found = uses.get(module).into_iter().flatten().find_map(|used| follow(uses, used, path, done));
    path.pop();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(library: &str, sources: &[(&str, &str)]) -> Option<String> {
        let sources: Vec<(String, String)> =
            sources.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect();
        circle(&uses(library, &sources)).map(|circle| circle.join(" → "))
    }

    #[test]
    fn a_circle_is_found_through_names_of_the_crate_and_over_several_modules() {
        let library = "//! use layers::{Event};\nmod desk;\npub use desk::{Desk, Metrics};\npub use event::Event;\n";
        let desk = ("desk", "use crate::layers::l4;\nuse crate::Event;");
        let layers = ("layers", "use crate::{Desk, Event};");
        let expected = Some("desk → layers → desk".to_owned());
        assert_eq!(found(library, &[desk, layers, ("event", "")]), expected);
        let event = ("event", "use crate::state::Mode;");
        assert_eq!(found(library, &[("desk", "use crate::Event;"), layers, event, ("state", "")]), None);
        let state = ("state", "fn f() { crate::layers::l4::valid() }");
        let expected = Some("desk → event → state → layers → desk".to_owned());
        assert_eq!(found(library, &[("desk", "use crate::Event;"), layers, event, state]), expected);
    }

    #[test]
    fn comments_and_tests_are_no_uses() {
        let desk = ("desk", "//! [`crate::layers`]\n#[cfg(test)]\nmod tests { use crate::layers::l4; }");
        assert_eq!(found("pub use desk::Desk;", &[desk, ("layers", "use crate::Desk;")]), None);
    }

    #[test]
    fn files_belong_to_the_modules_at_the_root() {
        assert_eq!(["desk/mod.rs", "feeds.rs", "state/account.rs"].map(module_of), ["desk", "feeds", "state"]);
    }
}
