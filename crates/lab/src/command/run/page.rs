//! The results of simulated runs, as text for readers.

use shell::printer::{Tone, toned};
use shell::table::paragraph;
use sim::Unreached;
use units::grouped::exact;

use super::SimDocument;

/// The page with all runs of a document.
pub fn text(document: &SimDocument) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 16, words);
    let verdict = if document.passed { toned(Tone::Green, "passed") } else { toned(Tone::Red, "failed") };
    let title = match (document.runs, &document.script) {
        (_, Some(script)) => format!("script {script}"),
        ([one], None) => format!("seed {} · {} ticks", one.seed, exact(one.ticks)),
        (runs, None) => format!("{} seeds", exact(runs.len())),
    };
    let mut text = format!("{} · {verdict}\n\n", toned(Tone::Bold, &title));
    let failing = document.runs.iter().filter_map(|outcome| Some((outcome, outcome.failure.as_ref()?)));
    for ((outcome, failure), script) in failing.zip(&document.scripts) {
        text += &line(
            &format!("seed {}", outcome.seed),
            &format!("tick {}, {}: {}", failure.tick, failure.invariant, failure.what),
        );
        text += &line("command", &failure.command);
        let reproduce = document.script.as_ref().map(|script| format!("upm-lab run --script {script}"));
        text += &line("reproduce", reproduce.as_ref().unwrap_or(&failure.reproduce));
        if let Some(script) = script {
            let length = exact(failure.script.len());
            text += &line("shortest", &format!("upm-lab run --script {script}, {length} commands"));
        }
        text.push('\n');
    }
    let accepted: u64 = document.coverage.commands.values().map(|(accepted, _)| accepted).sum();
    let (sent, refused) = (exact(document.commands), exact(document.commands - accepted));
    text += &line("commands", &format!("{sent} sent, {} accepted, {refused} refused", exact(accepted)));
    text += &line("time", &format!("{} simulated seconds", exact(document.simulated_seconds)));
    let fallen: u64 = document.runs.iter().map(|outcome| outcome.liquidatable).sum();
    text += &line("liquidatable", &format!("{} accounts at some time", exact(fallen)));
    text += &line("events", &counted(document.coverage.events.iter()));
    let refusals: Vec<(String, u64)> =
        document.coverage.rejects.iter().map(|(code, count)| (sim::kinds::reject(*code), *count)).collect();
    text += &line("refusals", &counted(refusals.iter().map(|(what, count)| (what, count))));
    text += &line("liquidations", &counted(document.coverage.liquidations.iter()));
    text += &line("faults", &counted(document.coverage.faults.iter()));
    text += &line("checks", &counted(document.coverage.checks.iter()));
    let Unreached { commands, events, rejects, statuses, faults, liquidations } = &document.unreached;
    let missing = [commands, events, statuses, faults, liquidations];
    let missing: Vec<&str> = missing.into_iter().flatten().copied().collect();
    let missing = missing.into_iter().chain(rejects.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
    text += &line("never", if missing.is_empty() { "everything was reached" } else { &missing });
    if let [one] = document.runs {
        text += &line("state", &one.hash);
    }
    text
}

fn counted<'a, K: std::fmt::Display + 'a>(counts: impl Iterator<Item = (&'a K, &'a u64)>) -> String {
    let counts: Vec<String> = counts.map(|(what, count)| format!("{what} {}", exact(count))).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

#[cfg(test)]
mod tests {
    use shell::printer::plain;
    use sim::canary::Canary;
    use sim::run::run_with;
    use sim::{Coverage, Options};

    use super::*;

    #[test]
    fn a_failing_seed_says_how_to_see_it_again() {
        let failing = |seed| {
            let outcome = run_with(&Options { shrinks: true, ..Options::new(seed, 30) }, &mut Canary::FeeTwice);
            outcome.failure.clone().map(|failure| (outcome, failure))
        };
        let (outcome, failure) = (1..20).find_map(failing).expect("fees are taken twice");
        let coverage = Coverage::default();
        let document = SimDocument {
            format: "upm.sim/1",
            script: None,
            passed: false,
            commands: outcome.commands,
            simulated_seconds: outcome.simulated_seconds,
            runs: std::slice::from_ref(&outcome),
            coverage: &outcome.coverage,
            unreached: coverage.unreached(),
            scripts: vec![Some("target/upm-sim-1.jsonl".to_owned())],
        };
        let text = plain(&text(&document));
        let reproduce = format!("  reproduce     {}\n", failure.reproduce);
        let shortest = format!("upm-lab run --script target/upm-sim-1.jsonl, {} commands", exact(failure.script.len()));
        let seed = format!("seed {} · ", outcome.seed);
        for words in [seed.as_str(), "failed", &failure.invariant, &reproduce, &shortest] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!failure.script.is_empty() && failure.script.len() < 200, "{} commands", failure.script.len());
    }
}
