//! `upm schema`: the JSON Schema of a document.

use shell::printer::{Answer, Tone, toned};
use shell::table::paragraph;

/// Print the JSON Schema (draft 2020-12) of a document, or list the documents
///
/// The schemas are made from the types that read and write the documents: what a schema refuses, `upm` would refuse too.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm schema
  upm schema upm.market/1")]
pub struct Args {
    /// Name of a document, such as upm.market/1; a list of all when not given
    #[arg(value_name = "NAME", value_parser = named)]
    schema: Option<&'static Schema>,
}

/// The schema of a document.
#[derive(Debug)]
pub struct Schema {
    /// The document's format, such as `upm.market/1`, or its name where it has no format.
    name: &'static str,
    /// The content of the document in a few words.
    about: &'static str,
    /// The schema as JSON.
    text: &'static str,
}

/// An entry of [`SCHEMAS`] with the file of that name.
macro_rules! schema {
    ($name:literal, $file:literal, $about:literal) => {
        Schema { name: $name, about: $about, text: include_str!(concat!("../../schemas/", $file, ".json")) }
    };
}

/// Every schema: of what people write, of what `upm` answers, of what `upm-lab` answers.
const SCHEMAS: &[Schema] = &[
    schema!("upm.market/1", "upm.market-1", "the world at one moment"),
    schema!("upm.portfolio/1", "upm.portfolio-1", "accounts"),
    schema!("upm.scenarios/1", "upm.scenarios-1", "families of scenarios from outside"),
    schema!("upm.genesis/1", "upm.genesis-1", "what a journal begins with"),
    schema!("run-command", "run-command", "a line that upm run reads"),
    schema!("params-universal", "params-universal", "the parameter file of a method, as JSON"),
    schema!("params-deribit", "params-deribit", "the same for this method"),
    schema!("params-deribit-standard", "params-deribit-standard", "the same for this method"),
    schema!("params-paradex", "params-paradex", "the same for this method"),
    schema!("params-paradex-cross", "params-paradex-cross", "the same for this method"),
    schema!("params-derive", "params-derive", "the same for this method"),
    schema!("params-derive-pmrm", "params-derive-pmrm", "the same for this method"),
    schema!("params-derive-standard", "params-derive-standard", "the same for this method"),
    schema!("upm.assessment/1", "upm.assessment-1", "margins of accounts: upm margin"),
    schema!("upm.summary/1", "upm.summary-1", "margins of accounts without the reasons: upm margin --summary"),
    schema!("upm.comparison/1", "upm.comparison-1", "margins by every method: upm compare"),
    schema!("upm.what-if/1", "upm.what-if-1", "margins before and after trades: upm what-if"),
    schema!("upm.stress/1", "upm.stress-1", "profit and loss over a grid: upm stress"),
    schema!("upm.stress-scenario/1", "upm.stress-scenario-1", "profit and loss in one scenario: upm stress --scenario"),
    schema!("upm.plan/1", "upm.plan-1", "what a liquidation would do: upm plan"),
    schema!("methods", "methods", "the methods: upm methods"),
    schema!("run-answer", "run-answer", "a line that upm run prints"),
    schema!("record", "record", "a line that upm journal export prints"),
    schema!("record-named", "record-named", "the same with --names"),
    schema!("upm.explanation/1", "upm.explanation-1", "why an account stood as it did: upm explain"),
    schema!("upm.cases/1", "upm.cases-1", "the liquidations in a journal: upm journal cases"),
    schema!("upm.case/1", "upm.case-1", "one liquidation: upm explain --case"),
    schema!("upm.extract/1", "upm.extract-1", "documents of one moment: upm journal extract"),
    schema!("upm.journal-report/1", "upm.journal-report-1", "a journal that was checked: upm journal verify"),
    schema!("upm.state/1", "upm.state-1", "the state of an engine: upm journal replay"),
    schema!("upm.journal-diff/1", "upm.journal-diff-1", "where two journals differ: upm journal diff"),
    schema!("upm.journal-salvage/1", "upm.journal-salvage-1", "what was saved of a journal: upm journal salvage"),
    schema!("upm.sim/1", "upm.sim-1", "simulated runs: upm-lab run"),
    schema!("upm.incidents/1", "upm.incidents-1", "replayed incidents: upm-lab incident"),
    schema!("upm.cascade/1", "upm.cascade-1", "markets that react: upm-lab cascade"),
    schema!("upm.coverage/1", "upm.coverage-1", "losses of reference books against margins: upm-lab coverage"),
    schema!("upm.moves/1", "upm.moves-1", "how far surfaces and forwards moved: upm-lab moves"),
    schema!("upm.attack/1", "upm.attack-1", "books that lose more than their margin: upm-lab attack"),
    schema!("canaries", "canaries", "rules broken on purpose: upm-lab canaries"),
    schema!("crash", "crash", "a process that was killed: upm-lab crash"),
];

/// The schema with that name.
fn named(name: &str) -> Result<&'static Schema, String> {
    let found = SCHEMAS.iter().find(|schema| schema.name == name);
    let near = || model::nearest(name, SCHEMAS.iter().map(|schema| schema.name)).join(", ");
    found.ok_or_else(|| format!("expected a document such as {}; upm schema lists all", near()))
}

/// Prints a schema, or a line for every schema.
pub fn run(args: &Args) -> Answer {
    if let Some(schema) = args.schema {
        return Answer::out(schema.text.to_owned());
    }
    let line = |schema: &Schema| paragraph(&format!("  {}", toned(Tone::Bold, schema.name)), 27, schema.about);
    Answer::out(SCHEMAS.iter().map(line).collect())
}

#[cfg(test)]
mod tests;
