//! `upm margin`: the margin of accounts, their equity, and the reasons.

use margin::{Judge, assess, summarise};
use model::Account;
use shell::draft::Destination;
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::{Answer, coloured, rendered};

use crate::accounts::{Frame, WorkArgs};
use crate::input::{BookArgs, MethodArgs};
use crate::sheet::sheet;
use crate::{document, rows};

/// Margin accounts: equity, requirement, the scenario that decides, every charge
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm margin --market samples/market.json --portfolio samples/portfolio.json
  upm margin --market samples/market.json --portfolio samples/portfolio.json --summary
  upm margin --market samples/market.json --portfolio samples/portfolio.json --output json --output-file target/margins.json")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    method: MethodArgs,
    /// table for people, or json (upm.assessment/1, with --summary upm.summary/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
    /// One row for each account, without the reasons, and the sums: for lists of many accounts
    #[arg(long)]
    summary: bool,
    /// Add the profit and loss of every scenario
    #[arg(long, conflicts_with = "summary")]
    all_scenarios: bool,
    #[command(flatten)]
    work: WorkArgs,
}

/// Margins every requested account while accounts are read.
pub fn run(args: &Args, to: &Destination) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let (book, accounts) = args.book.open(&mut reader)?;
    let mut rules = args.method.read(&mut reader, &book)?;
    rules.options.list_scenarios = args.all_scenarios;
    let judge = rules.judge(&book)?;
    let judge: &dyn Judge = &*judge;
    let assessed = |account: &Account| assess(account, judge).map_err(|why| book.refused(account, &why));
    let summarised = |account: &Account| summarise(account, judge).map_err(|why| book.refused(account, &why));
    if args.output == Output::Json {
        let closing = |portfolio: &str| document::closing(&book, &rules, judge, portfolio);
        let format = if args.summary { "upm.summary/1" } else { "upm.assessment/1" };
        let frame = document::frame(to, document::opening(format, &book, &rules), &closing);
        return accounts.answer(&book, &args.work, &frame, |account| {
            Ok(if args.summary {
                document::account(&summarised(account)?)
            } else {
                document::account(&assessed(account)?)
            })
        });
    }
    let title = rules.title(&book);
    let in_colour = coloured(to.is_watched());
    if args.summary {
        let sums = rows::Sums::default();
        let opening = rendered(&rows::head(&title), in_colour);
        let closing = |_: &str| rendered(&sums.told(), in_colour);
        let frame = Frame { to, opening, between: "", closing: &closing };
        return accounts.answer(&book, &args.work, &frame, |account| {
            let summary = summarised(account)?;
            sums.add(&summary);
            Ok(rendered(&rows::row(&summary), in_colour))
        });
    }
    let frame = Frame { to, opening: String::new(), between: "\n\n", closing: &|_| String::new() };
    accounts.answer(&book, &args.work, &frame, |account| {
        let assessment = assessed(account)?;
        let sheet = sheet(account, &book.market, &assessment, &title);
        let sheet = sheet.map_err(|overflow| book.refused(account, &overflow))?;
        Ok(rendered(&sheet, in_colour))
    })
}
