//! `upm-lab incident`: an incident by its number, and a number that does not exist.

mod common;

use common::LAB;

#[test]
fn one_incident_is_replayed_and_holds() {
    let document = LAB.document(&["incident", "S-10", "--output", "json"]);
    assert_eq!((&document["format"], &document["passed"]), (&"upm.incidents/1".into(), &true.into()));
    assert_eq!(document["incidents"].as_array().unwrap().len(), 1);
}

#[test]
fn a_number_of_no_incident_is_refused_with_those_that_are_known() {
    let run = LAB.run(&["incident", "S-00"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.starts_with("upm-lab: S-00: no such incident, expected all or one of S-01, "), "{}", run.err);
}
