//! What the page about the library shows is what its examples run.

use std::path::Path;

#[test]
fn every_line_of_code_on_the_page_stands_in_an_example() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A package of this crate alone has no documents.
    let Ok(page) = std::fs::read_to_string(here.join("../../docs/library.md")) else { return };
    let names = ["compare", "margin", "stress", "what_if"];
    let examples = names.map(|name| std::fs::read_to_string(here.join(format!("examples/{name}.rs"))).unwrap());
    let lines: Vec<&str> = examples.iter().flat_map(|text| text.lines()).collect();
    let mut shown = 0;
    for block in page.split("```rust\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            assert!(lines.contains(&line), "docs/library.md shows a line that no example has: {line}");
            shown += 1;
        }
    }
    assert!(shown > 0, "the page shows no code");
}
