//! Reads documents from files or standard input, and declares the arguments that name them.

use std::path::{Path, PathBuf};

use margin::method::{METHODS, Method, Options, Rulebook};
use margin::scenario::ScenarioSet;
use margin::{Assessment, Judge, ScenarioDocument, assess};
use model::{Account, Invalid, Market, Portfolio};
use shell::failure::Failure;
use shell::input::Reader;

use crate::accounts::Accounts;
use crate::known::Known;

/// The arguments that name a market and a portfolio.
#[derive(clap::Args)]
pub struct BookArgs {
    /// Market document (upm.market/1); - reads standard input
    #[arg(long, value_name = "FILE")]
    pub market: PathBuf,
    /// Portfolio document (upm.portfolio/1); - reads standard input
    #[arg(long, value_name = "FILE")]
    pub portfolio: PathBuf,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// The arguments that name a method and what it needs.
#[derive(clap::Args)]
pub struct MethodArgs {
    /// Method to margin by; `upm methods` lists them
    #[arg(long, value_name = "NAME", default_value = "universal", value_parser = method_named)]
    pub method: &'static Method,
    /// Parameter file, TOML or JSON, in place of the built-in one
    #[arg(long, value_name = "FILE")]
    pub params: Option<PathBuf>,
    /// Refuse what the venue does not list instead of converting it
    #[arg(long)]
    pub strict: bool,
    /// Scenario document (upm.scenarios/1) for the universal method
    #[arg(long, value_name = "FILE")]
    pub scenarios: Option<PathBuf>,
}

/// A market, and the requested accounts in it.
pub struct Book {
    pub market_file: String,
    pub portfolio_file: String,
    pub market: Market,
    pub portfolio: Portfolio,
    /// The accounts of the portfolio, or the one that was requested.
    pub accounts: Vec<Account>,
}

/// A method with its parameters, ready for a market.
pub struct LoadedMethod {
    pub method: &'static Method,
    pub rulebook: Box<dyn Rulebook>,
    pub options: Options,
}

impl BookArgs {
    /// Reads the market, the portfolio in it, and the requested accounts.
    pub fn read(&self, reader: &mut Reader) -> Result<Book, Failure> {
        let (market_file, portfolio_file) = (self.market.display(), self.portfolio.display());
        let market = reader.text(&self.market)?;
        let portfolio = reader.text(&self.portfolio)?;
        let market = Market::parse(&market).map_err(|invalid| Failure::wrong(&market_file, invalid))?;
        let portfolio = Portfolio::parse(&portfolio, &market)
            .map_err(|invalid| Failure::wrong(&portfolio_file, priced(&invalid)))?;
        let book = Book::new((market_file.to_string(), market), (portfolio_file.to_string(), portfolio));
        match &self.account {
            Some(name) => book.only(name),
            None => Ok(book),
        }
    }
}

impl BookArgs {
    /// Reads the market, and opens a portfolio of any length to read its accounts later.
    pub fn open(&self, reader: &mut Reader) -> Result<(Book, Accounts), Failure> {
        let (market_file, portfolio_file) = (self.market.display().to_string(), self.portfolio.display().to_string());
        let market =
            Market::parse(&reader.text(&self.market)?).map_err(|invalid| Failure::wrong(&market_file, invalid))?;
        let (source, bytes) = reader.open(&self.portfolio)?;
        let accounts = Accounts { file: portfolio_file.clone(), source, bytes, only: self.account.clone() };
        let portfolio = Portfolio { accounts: Vec::new(), hash: String::new() };
        Ok((Book::new((market_file, market), (portfolio_file, portfolio)), accounts))
    }
}

/// The problems of a portfolio, and how to add an asset that the market lacks.
pub fn priced(invalid: &Invalid) -> String {
    let said = invalid.to_string();
    let lacking = said.lines().find(|line| line.contains(".asset: found ") && line.contains("an asset of the market"));
    let asset = lacking.and_then(|line| line.split('"').nth(1));
    match asset {
        Some(asset) => {
            format!("{said}\n  upm import adds an asset that was not recorded: --price {asset}=1 for one USD each")
        }
        None => said,
    }
}

impl Book {
    /// All accounts of a portfolio. The texts are the names of the documents in messages.
    pub fn new((market_file, market): (String, Market), (portfolio_file, portfolio): (String, Portfolio)) -> Self {
        let accounts = portfolio.accounts.clone();
        Self { market_file, portfolio_file, market, portfolio, accounts }
    }

    fn only(self, name: &str) -> Result<Self, Failure> {
        let accounts: Vec<Account> = self.accounts.iter().filter(|account| account.name == name).cloned().collect();
        if accounts.is_empty() {
            let mut known = Known::new(name);
            self.accounts.iter().for_each(|account| known.take(&account.name));
            return Err(Failure::wrong(&self.portfolio_file, known.missing()));
        }
        Ok(Self { accounts, ..self })
    }

    /// Assesses every requested account.
    pub fn assess(&self, judge: &(impl Judge + ?Sized)) -> Result<Vec<Assessment>, Failure> {
        self.accounts.iter().map(|account| assess(account, judge).map_err(|why| self.refused(account, &why))).collect()
    }

    /// The failure for an account that cannot be margined, with its file.
    pub fn refused(&self, account: &Account, why: &impl std::fmt::Display) -> Failure {
        Failure::wrong(&self.portfolio_file, format_args!("account \"{}\": {why}", account.name))
    }
}

impl MethodArgs {
    /// Refuses an argument that has no meaning for the method.
    pub fn check(&self) -> Result<(), Failure> {
        let is_ours = self.method.about.name == "universal";
        if self.strict && is_ours {
            let problem = "found with --method universal, expected a venue's method: ours converts nothing";
            return Err(Failure::wrong("--strict", problem));
        }
        if self.scenarios.is_some() && !is_ours {
            let problem = format_args!("found with --method {}, expected --method universal", self.method.about.name);
            return Err(Failure::wrong("--scenarios", problem));
        }
        Ok(())
    }

    /// Reads the method with its parameters and, for the universal one, the given scenarios.
    pub fn read(&self, reader: &mut Reader, book: &Book) -> Result<LoadedMethod, Failure> {
        self.check()?;
        let rulebook = rulebook(self.method, self.params.as_deref(), reader)?;
        let mut options = Options { strict: self.strict, ..Options::default() };
        if let Some(file) = &self.scenarios {
            options.scenarios = scenarios(file, reader, book)?;
        }
        Ok(LoadedMethod { method: self.method, rulebook, options })
    }
}

/// Reads the scenarios of a document, for the market of a book.
pub fn scenarios(file: &Path, reader: &mut Reader, book: &Book) -> Result<ScenarioSet, Failure> {
    let document = ScenarioDocument::parse(&reader.text(file)?);
    document
        .and_then(|document| document.scenarios_for(&book.market))
        .map_err(|invalid| Failure::wrong(file.display(), invalid))
}

impl LoadedMethod {
    /// A method with its built-in parameters.
    pub fn built_in(method: &'static Method, strict: bool) -> Result<Self, Failure> {
        let rulebook = rulebook(method, None, &mut Reader::default())?;
        let options = Options { strict, ..Options::default() };
        Ok(Self { method, rulebook, options })
    }

    /// Parameters and moment, for the head of a table.
    pub fn title(&self, book: &Book) -> String {
        format!("· {} · {}", self.rulebook.name(), book.market.time)
    }

    /// The method in the market of a book.
    pub fn judge<'a>(&'a self, book: &'a Book) -> Result<Box<dyn Judge + 'a>, Failure> {
        self.rulebook.judge(&book.market, &self.options).map_err(|why| Failure::wrong(&book.market_file, why))
    }
}

/// The rules of a method: from a file, or built in.
pub fn rulebook(
    method: &'static Method,
    file: Option<&Path>,
    reader: &mut Reader,
) -> Result<Box<dyn Rulebook>, Failure> {
    match file {
        Some(file) => method.rulebook(&reader.text(file)?).map_err(|invalid| Failure::wrong(file.display(), invalid)),
        None => method
            .rulebook(method.params)
            .map_err(|invalid| Failure::Broken(format!("built-in parameters of {}: {invalid}", method.about.name))),
    }
}

/// For clap: the method with this name.
pub fn method_named(name: &str) -> Result<&'static Method, String> {
    Method::named(name).ok_or_else(|| format!("expected {}", names(METHODS.iter().map(|method| method.about.name))))
}

/// Names in words: "a", or "one of a, b, c"; at most twelve.
pub fn names<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    listed(&names.take(12).collect::<Vec<_>>(), count)
}

/// The first of `count` names in words: "a", or "one of a, b, c, … and 7 more".
fn listed(known: &[&str], count: usize) -> String {
    match (count, count - known.len()) {
        (1, _) => known.join(""),
        (_, 0) => format!("one of {}", known.join(", ")),
        (_, more) => format!("one of {}, … and {more} more", known.join(", ")),
    }
}
