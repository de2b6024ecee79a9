//! `upm methods`: the supported methods, with source document, date, and evidence.

use margin::method::{METHODS, Method};
use serde::Serialize;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, Tone, toned};
use shell::table::paragraph;

use crate::input::rulebook;

/// List the methods with source document, date, evidence and uncertainties
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm methods")]
pub struct Args {
    /// table for people, or json for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// One method, as JSON lists it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MethodDocument {
    method: &'static str,
    title: &'static str,
    documents: &'static str,
    as_of: &'static str,
    proof: &'static str,
    params: String,
    params_hash: String,
    uncertain: &'static [&'static str],
}

/// Describes every method.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let methods = METHODS.iter().map(describe).collect::<Result<Vec<_>, _>>()?;
    if args.output == Output::Json {
        return Ok(Answer::json(&methods));
    }
    let texts: Vec<String> = methods.iter().map(text).collect();
    Ok(Answer::out(texts.join("\n")))
}

fn describe(method: &'static Method) -> Result<MethodDocument, Failure> {
    let rulebook = rulebook(method, None, &mut Reader::default())?;
    let about = method.about;
    Ok(MethodDocument {
        method: about.name,
        title: about.title,
        documents: about.documents,
        as_of: about.as_of,
        proof: about.proof,
        params: rulebook.name(),
        params_hash: rulebook.hash().to_owned(),
        uncertain: about.uncertain,
    })
}

fn text(method: &MethodDocument) -> String {
    let mut text = format!("{}\n", toned(Tone::Bold, method.method));
    let lines = [
        ("", method.title),
        ("from", method.documents),
        ("as of", method.as_of),
        ("proven", method.proof),
        ("params", &method.params),
    ];
    let doubts = method.uncertain.iter().map(|doubt| ("unsure", *doubt));
    for (lead, words) in lines.into_iter().chain(doubts) {
        text += &paragraph(&format!("  {lead}"), 11, words);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<Vec<MethodDocument>>("methods", testdata::schema::Side::Written);
    }
}
