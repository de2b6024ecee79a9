//! `upm-lab crash`: killed processes lose nothing that they acknowledged, and a run that would check nothing is refused.

mod common;

use common::LAB;

#[test]
fn what_a_killed_process_has_acknowledged_is_there() {
    let report = LAB.document(&["crash", "--kills", "2", "--output", "json"]);
    assert_eq!((&report["kills"], &report["lost"]), (&2.into(), &0.into()), "{report}");
}

#[test]
fn nobody_to_kill_and_a_folder_with_files_are_refused() {
    let folder = LAB.path("lab-full-folder");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(std::path::Path::new(&folder).join("a file"), "a").unwrap();
    for (arguments, message) in [
        (&["crash", "--kills", "0"][..], "--kills"),
        (&["crash", "--kills", "1", "--dir", &folder], "found files in it, expected an empty folder"),
    ] {
        let run = LAB.run(arguments);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.starts_with("upm-lab: ") && run.err.contains(message), "{arguments:?}: {}", run.err);
    }
}
