//! The examples run and say what a reader expects of them.

#[path = "../examples/compare.rs"]
mod compare;
#[path = "../examples/margin.rs"]
mod margin;
#[path = "../examples/stress.rs"]
mod stress;
#[path = "../examples/what_if.rs"]
mod what_if;

#[test]
fn margin_runs() {
    margin::main().unwrap();
    let text = margin::report().unwrap();
    assert!(text.starts_with("hedged desk by universal/") && text.contains("maintenance margin"), "{text}");
}

#[test]
fn what_if_runs_and_refuses_what_is_too_much() {
    what_if::main().unwrap();
    let text = what_if::report().unwrap();
    let ends: Vec<bool> = text.lines().map(|line| line.contains(": accepted")).collect();
    assert_eq!(ends, [true, true, false], "{text}");
}

#[test]
fn stress_runs_and_is_liquidated_on_both_sides() {
    stress::main().unwrap();
    let text = stress::report().unwrap();
    assert!(!text.contains("nowhere") && text.contains("a liquidation has"), "{text}");
    assert!(!text.contains("has 0 steps"), "{text}");
}

#[test]
fn compare_runs_every_method() {
    compare::main().unwrap();
    let text = compare::report().unwrap();
    for name in upm::Rulebook::names() {
        assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}: {text}");
    }
}
