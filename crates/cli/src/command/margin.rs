//! `upm margin`: the margin of accounts, their equity, and the reasons.

use margin::{Judge, assess};
use model::Account;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, coloured, rendered};

use crate::accounts::{Frame, WorkArgs};
use crate::document;
use crate::input::{BookArgs, MethodArgs};
use crate::sheet::sheet;

/// Margin accounts: equity, requirement, the scenario that decides, every charge
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm margin --market samples/market.json --portfolio samples/portfolio.json
  upm margin --market samples/market.json --portfolio samples/portfolio.json --output json --output-file target/margins.json")]
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
    #[command(flatten)]
    work: WorkArgs,
}

/// Assesses every requested account while accounts are read.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let (book, accounts) = args.book.open(&mut reader)?;
    let mut rules = args.method.read(&mut reader, &book)?;
    rules.options.list_scenarios = args.all_scenarios;
    let judge = rules.judge(&book)?;
    let judge: &dyn Judge = &*judge;
    let assessed = |account: &Account| assess(account, judge).map_err(|why| book.refused(account, &why));
    if args.output == Output::Json {
        let closing = |portfolio: &str| document::closing(&book, &rules, judge, portfolio);
        let frame = document::frame(to, document::opening(&book, &rules), &closing);
        return accounts.answer(&book, &args.work, &frame, |account| Ok(document::account(&assessed(account)?)));
    }
    let title = rules.title(&book);
    let frame = Frame { to, opening: String::new(), between: "\n\n", closing: &|_| String::new() };
    let in_colour = coloured(to.is_watched());
    accounts.answer(&book, &args.work, &frame, |account| {
        let assessment = assessed(account)?;
        let sheet = sheet(account, &book.market, &assessment, &title);
        let sheet = sheet.map_err(|overflow| book.refused(account, &overflow))?;
        Ok(rendered(&sheet, in_colour))
    })
}
