//! `upm margin`: what accounts must hold, what they hold, and why.

use margin::Assessment;

use crate::document::AssessmentDocument;
use crate::failure::Failure;
use crate::input::{Book, BookArgs, MethodArgs, Output, Reader, Rules};
use crate::printer::Answer;
use crate::sheet::sheet;

/// Margin accounts: equity, requirement, the scenario that decides, every charge
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm margin --market samples/market.json --portfolio samples/portfolio.json")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    method: MethodArgs,
    /// table for people, or json (upm.assessment/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
    /// Add the profit and loss of every scenario
    #[arg(long)]
    all_scenarios: bool,
}

/// Assesses every account asked for.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let book = args.book.read(&mut reader)?;
    let mut rules = args.method.read(&mut reader, &book)?;
    rules.options.list_scenarios = args.all_scenarios;
    let judge = rules.judge(&book)?;
    let assessments = book.assess(&*judge)?;
    if args.output == Output::Json {
        return Ok(Answer::json(&AssessmentDocument::new(&book, &rules, &*judge, &assessments)));
    }
    Ok(Answer::out(sheets(&book, &rules, &assessments)?))
}

/// One sheet an account.
fn sheets(book: &Book, rules: &Rules, assessments: &[Assessment]) -> Result<String, Failure> {
    let title = rules.title(book);
    let sheets = book.accounts.iter().zip(assessments).map(|(account, assessment)| {
        sheet(account, &book.market, assessment, &title).map_err(|overflow| book.refused(account, &overflow))
    });
    Ok(sheets.collect::<Result<Vec<_>, _>>()?.join("\n\n"))
}
