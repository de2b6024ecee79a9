//! `upm demo`: the bundled sample, margined in every way, and a picture of it.

use std::path::{Path, PathBuf};

use margin::method::Method;
use model::{Market, Portfolio};
use shell::draft::Destination;
use shell::failure::Failure;
use shell::printer::{Answer, Tone, toned};

use crate::command::{compare, stress};
use crate::input::{Book, LoadedMethod};
use crate::sheet::brief;

/// The sample market.
const MARKET: &str = include_str!("../../samples/market.json");
/// The sample accounts.
const PORTFOLIO: &str = include_str!("../../samples/portfolio.json");

/// Margin the bundled sample: every account, all methods side by side, a picture
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm demo")]
pub struct Args {}

/// Margins every sample account.
pub fn run(_: &Args, to: &Destination) -> Result<Answer, Failure> {
    let broken = |file: &str, invalid: model::Invalid| Failure::Broken(format!("bundled {file}: {invalid}"));
    let market = Market::parse(MARKET).map_err(|invalid| broken("samples/market.json", invalid))?;
    let portfolio =
        Portfolio::parse(PORTFOLIO, &market).map_err(|invalid| broken("samples/portfolio.json", invalid))?;
    let book = Book::new(("samples/market.json".into(), market), ("samples/portfolio.json".into(), portfolio));

    let rules = LoadedMethod::built_in(Method::named("universal").expect("our own method is listed"), false)?;
    let judge = rules.judge(&book)?;
    let title = rules.title(&book);
    let assessments = book.assess(&*judge)?;
    let briefs =
        book.accounts.iter().zip(&assessments).map(|(account, assessment)| {
            brief(assessment, &title).map_err(|overflow| book.refused(account, &overflow))
        });
    let sheets = briefs.collect::<Result<Vec<_>, _>>()?.join("\n\n");
    let heading = toned(Tone::Bold, "What would it cost elsewhere?");
    let comparison = compare::side_by_side(&book)?;
    let picture = write_picture(&book, to)?;
    Ok(Answer::out(format!("{sheets}\n\n{heading}\n\n{comparison}\npicture: {}\n", picture.display())))
}

/// Draws the risk matrix of the first account, in the folder `target` if there is one.
fn write_picture(book: &Book, to: &Destination) -> Result<PathBuf, Failure> {
    let folder = if Path::new("target").is_dir() { "target" } else { "." };
    let file = Path::new(folder).join("upm-demo.svg");
    let picture = stress::picture(book, &book.accounts[0])?;
    to.write(&file, &picture)?;
    Ok(file)
}
