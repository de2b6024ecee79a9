//! `upm-lab incident`: incidents of other venues, replayed as they happened and with our controls.

use incidents::{Bound, INCIDENTS, Incident, Near, Replayed, dollars};
use serde::Serialize;
use shell::failure::Failure;
use shell::input::Output;
use shell::printer::{Answer, Tone, toned};
use shell::progress::{Progress, pace};
use shell::table::paragraph;
use units::grouped::number;

/// Replay incidents of other venues, without and with our controls, and check what must hold
///
/// For each, what happened in the market, what happens here without and with our controls, and the assertion's figure.
///
/// Exit status 1 when one fails.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm-lab incident S-10
  upm-lab incident all
  upm-lab incident S-39 --output json")]
pub struct Args {
    /// Its number, such as S-10; or all
    #[arg(value_name = "ID|all")]
    id: String,
    /// table for people, or json (upm.incidents/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The results of the replays, as a document `upm.incidents/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<'a> {
    format: &'static str,
    passed: bool,
    incidents: &'a [Replayed],
}

/// Replays one incident, or all of them.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let chosen = chosen(&args.id)?;
    let mut progress = Progress::new("incidents", u64::try_from(chosen.len()).unwrap_or(u64::MAX));
    let mut found = Vec::with_capacity(chosen.len());
    for (done, incident) in (1..).zip(&chosen) {
        let replayed = (incident.replay)();
        found.push(replayed.map_err(|why| Failure::Broken(format!("{}: {why}", incident.facts.id)))?);
        progress.at(done);
    }
    let report = pace(u64::try_from(found.len()).unwrap_or(u64::MAX), "incidents", progress.over()) + "\n";
    let passed = found.iter().all(|replayed| replayed.holds);
    let answer = match args.output {
        Output::Json => Answer::json(&Document { format: "upm.incidents/1", passed, incidents: &found }),
        Output::Table => Answer::out(text(&found)),
    };
    Ok(Answer { report, failed: !passed, ..answer })
}

fn chosen(id: &str) -> Result<Vec<&'static Incident>, Failure> {
    if id.eq_ignore_ascii_case("all") {
        return Ok(INCIDENTS.iter().collect());
    }
    let known = || INCIDENTS.iter().map(|incident| incident.facts.id).collect::<Vec<_>>().join(", ");
    let one = incidents::incident(id);
    one.map(|one| vec![one])
        .ok_or_else(|| Failure::wrong(id, format_args!("no such incident, expected all or one of {}", known())))
}

fn text(found: &[Replayed]) -> String {
    let blocks: Vec<String> = found.iter().map(block).collect();
    let held = found.iter().filter(|replayed| replayed.holds).count();
    let sum = format!("{held} of {} hold", found.len());
    if found.len() > 1 { blocks.join("\n") + "\n" + &sum + "\n" } else { blocks.concat() }
}

/// Four paragraphs: the incident, the run without our controls, the run with them, and the assertion.
fn block(replayed: &Replayed) -> String {
    let line = |lead: &str, words: &str| paragraph(&format!("  {lead}"), 12, words);
    let facts = replayed.facts;
    let verdict = if replayed.holds { toned(Tone::Green, "holds") } else { toned(Tone::Red, "fails") };
    let head = toned(Tone::Bold, &format!("{} {}", facts.id, facts.title));
    let mut text = format!("{head}, {} · {verdict}\n", facts.date);
    text += &line("happened", &format!("{}. Loss: {}.", facts.what, facts.loss));
    text += &line("without", &format!("{}. {}", capital(&replayed.without.words), near(&replayed.near)));
    text += &line("with ours", &format!("{}.", capital(&replayed.with.words)));
    let bound = |bound: Bound| {
        format!("{} of at most {}", amount(bound.found, replayed.unit), amount(bound.limit, replayed.unit))
    };
    let figures = format!("{}; without: {}", bound(replayed.bound_with), bound(replayed.bound_without));
    text += &line("assertion", &format!("{}: {figures}.", capital(replayed.assertion)));
    for failed in replayed.checks.iter().filter(|check| !check.holds) {
        text += &line("fails", &failed.says);
    }
    text
}

/// The figure of the model next to the published one.
fn near(near: &Near) -> String {
    let (modelled, published) = (amount(near.modelled, near.unit), amount(near.published, near.unit));
    let chosen = if near.chosen.is_empty() { String::new() } else { format!("; chosen for it: {}", near.chosen) };
    format!("Model: {} {modelled}, published {published} ({} times{chosen}).", near.what, number(near.ratio(), 2))
}

/// A figure with its unit.
fn amount(value: f64, unit: &str) -> String {
    match unit {
        "USD" => dollars(value),
        "share" => format!("{} %", number(100.0 * value, 2)),
        "count" | "accounts" => number(value, 0),
        _ => format!("{} {unit}", number(value, 0)),
    }
}

/// The words with a capital first letter, to begin a sentence.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use incidents::{Check, Figure, Told};
    use shell::printer::plain;

    use super::*;

    fn replayed() -> Replayed {
        let told = |words: &str| Told { words: words.to_owned(), figures: Vec::<Figure>::new() };
        let near = Near { what: "loss", published: 100.0, modelled: 150.0, unit: "USD", chosen: "the weather" };
        Replayed {
            facts: INCIDENTS[0].facts,
            without: told("all is lost"),
            with: told("nothing is"),
            near,
            assertion: "nothing is lost",
            unit: "share",
            bound_without: Bound { found: 1.0, limit: 0.0 },
            bound_with: Bound { found: 0.5, limit: 0.0 },
            checks: vec![Check { says: "the sky is up".to_owned(), holds: false }],
            holds: false,
        }
    }

    #[test]
    fn a_failing_incident_says_by_how_much_and_what_else() {
        let text = plain(&block(&replayed()));
        for words in [
            "· fails\n",
            "  without   All is lost. Model: loss $150.00, published $100.00 (1.50 times; chosen for it:",
            "  assertion Nothing is lost: 50.00 % of at most 0.00 %; without: 100.00 % of at most 0.00 %.\n",
            "  fails     the sky is up\n",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn all_and_one_are_found_and_others_named() {
        assert_eq!(chosen("all").unwrap().len(), INCIDENTS.len());
        assert_eq!(chosen("s-10").unwrap()[0].facts.id, "S-10");
        let Err(Failure::Wrong(why)) = chosen("S-77") else { panic!("there is none") };
        assert!(why.starts_with("S-77: no such incident, expected all or one of S-01, S-02"), "{why}");
    }

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Document<'static>>("upm.incidents/1", testdata::schema::Side::Written);
    }
}
