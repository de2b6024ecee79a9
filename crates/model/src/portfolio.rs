//! Accounts with their balances, positions and orders, bound to a market.

use std::fmt;

use units::Quantity;

use crate::document::{AccountDocument, PortfolioDocument};
use crate::problems::Problems;
use crate::read::read_document;
use crate::{AssetId, Instrument, InstrumentId, InstrumentKind, Invalid, Market, PORTFOLIO_FORMAT, QuotePrice, Side};

/// Accounts that hold only assets and instruments of one market.
#[derive(Clone, Debug)]
pub struct Portfolio {
    /// The accounts, in the order of the document.
    pub accounts: Vec<Account>,
    /// BLAKE3 of the document this was read from, in hexadecimal.
    pub hash: String,
}

/// One account: its balances, positions and orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The account's unique name.
    pub name: String,
    /// The balances of the account, negative where it owes.
    pub balances: Vec<Balance>,
    /// Open positions, one entry per instrument.
    pub positions: Vec<Position>,
    /// Open orders, one entry per order.
    pub orders: Vec<Order>,
}

/// An amount of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The asset's number in the market.
    pub asset: AssetId,
    /// Units, negative when owed.
    pub amount: Quantity,
    /// The chain, bridge or custodian that holds it.
    pub location: Option<String>,
}

/// Open contracts of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The instrument's number in the market.
    pub instrument: InstrumentId,
    /// Contracts, negative when short.
    pub quantity: Quantity,
    /// The price that profit is counted from, in the quote.
    pub entry: QuotePrice,
}

/// An open limit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The instrument's number in the market.
    pub instrument: InstrumentId,
    /// Whether the order buys or sells.
    pub side: Side,
    /// Contracts, above 0.
    pub quantity: Quantity,
    /// The worst price that the order fills at, in the quote.
    pub limit: QuotePrice,
}

impl Portfolio {
    /// Reads and validates a `upm.portfolio/1` document; `market` must list every name in it.
    pub fn parse(text: &str, market: &Market) -> Result<Self, Invalid> {
        let (document, problems) = read_document(text, PORTFOLIO_FORMAT)?;
        Self::build(&document, market, blake3::hash(text.as_bytes()).to_string(), problems)
    }

    /// Validates a document that was built in memory; the hash is that of its compact JSON.
    pub fn new(document: &PortfolioDocument, market: &Market) -> Result<Self, Invalid> {
        let text = serde_json::to_string(document).expect("a document of text and lists is JSON");
        Self::build(document, market, blake3::hash(text.as_bytes()).to_string(), Problems::default())
    }

    /// The portfolio of a document; an error when the document has these or other problems.
    fn build(
        document: &PortfolioDocument,
        market: &Market,
        hash: String,
        mut problems: Problems,
    ) -> Result<Self, Invalid> {
        if document.format != PORTFOLIO_FORMAT && problems.is_empty() {
            return Err(Invalid::new("format", &document.format, PORTFOLIO_FORMAT));
        }
        if document.accounts.is_empty() && problems.is_empty() {
            return Err(Invalid::new("accounts", "an empty list", "at least one account"));
        }
        let mut accounts: Vec<Account> = Vec::with_capacity(document.accounts.len());
        let mut names = std::collections::BTreeSet::new();
        for (index, entry) in document.accounts.iter().enumerate() {
            let path = format!("accounts[{index}]");
            if !names.insert(&entry.account) {
                let found = format_args!("\"{}\" again", entry.account);
                problems.add(Invalid::new(format!("{path}.account"), found, "each account once"));
            }
            accounts.push(account(entry, market, &path, &mut problems));
        }
        problems.done().map(|()| Self { accounts, hash })
    }
}

/// The path of an entry of an account; it is made into text only when the entry has a problem.
struct At<'a> {
    path: &'a str,
    list: &'static str,
    index: usize,
}

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}[{}]", self.path, self.list, self.index)
    }
}

/// Validates one account of a document and adds its problems to `problems`; `path` is the path of the account.
pub(crate) fn account(entry: &AccountDocument, market: &Market, path: &str, problems: &mut Problems) -> Account {
    if entry.account.is_empty() {
        problems.add(Invalid::new(format!("{path}.account"), "\"\"", "a name"));
    }
    let mut account = Account { name: entry.account.clone(), ..Account::default() };
    for (index, balance) in entry.balances.iter().enumerate() {
        let at = At { path, list: "balances", index };
        let Some(asset) = market.asset(&balance.asset) else {
            let names = market.assets.iter().map(|asset| asset.name.as_str());
            problems.unknown(format!("{at}.asset"), &balance.asset, "an asset of the market", names);
            continue;
        };
        if account.balances.iter().any(|held| held.asset == asset && held.location == balance.location) {
            let found = format_args!("\"{}\" again", balance.asset);
            problems.add(Invalid::new(format!("{at}.asset"), found, "each asset once per location"));
        }
        account.balances.push(Balance { asset, amount: balance.amount, location: balance.location.clone() });
    }
    let mut held = std::collections::BTreeSet::new();
    for (index, position) in entry.positions.iter().enumerate() {
        let at = At { path, list: "positions", index };
        let Some(id) = instrument(market, &position.instrument, &at, problems) else { continue };
        let listing = market.listing(id);
        if listing.kind == InstrumentKind::Spot {
            let found = format_args!("spot \"{}\"", position.instrument);
            let expected = "a derivative: what was bought on spot is a balance";
            problems.add(Invalid::new(format!("{at}.instrument"), found, expected));
        }
        if !held.insert(id) {
            let found = format_args!("\"{}\" again", position.instrument);
            problems.add(Invalid::new(format!("{at}.instrument"), found, "each instrument once per account"));
        }
        let entry = position.entry.unwrap_or(market.mark(listing.id));
        let is_low = entry < QuotePrice::ZERO || (entry == QuotePrice::ZERO && !listing.is_option());
        if !is_signed(listing, market) && is_low {
            problems.add(Invalid::new(format!("{at}.entry"), entry, "a price above 0"));
        }
        let said = contracts(market, id, (position.quantity, position.amount), &at);
        let Some((quantity, _)) = problems.check(said) else { continue };
        account.positions.push(Position { instrument: id, quantity, entry });
    }
    for (index, order) in entry.orders.iter().enumerate() {
        let at = At { path, list: "orders", index };
        let Some(id) = instrument(market, &order.instrument, &at, problems) else { continue };
        let said = contracts(market, id, (order.quantity, order.amount), &at);
        let Some((quantity, field)) = problems.check(said) else { continue };
        if quantity <= Quantity::ZERO {
            let found = order.amount.unwrap_or(quantity);
            let what = if field == "amount" { "an amount" } else { "a quantity" };
            let expected = format_args!("{what} above 0 (the side says the direction)");
            problems.add(Invalid::new(format!("{at}.{field}"), found, expected));
        }
        if !is_signed(market.listing(id), market) && order.limit <= QuotePrice::ZERO {
            problems.add(Invalid::new(format!("{at}.limit"), order.limit, "a price above 0"));
        }
        account.orders.push(Order { instrument: id, side: order.side, quantity, limit: order.limit });
    }
    account
}

/// The number of contracts in a position or an order, given in contracts or as a size, and the name of the field that
/// gives it.
fn contracts(
    market: &Market,
    id: InstrumentId,
    said: (Option<Quantity>, Option<Quantity>),
    path: &At,
) -> Result<(Quantity, &'static str), Invalid> {
    match said {
        (Some(quantity), None) => Ok((quantity, "quantity")),
        (None, Some(amount)) => match market.listing(id).contracts_of(amount) {
            Some(quantity) => Ok((quantity, "amount")),
            None => Err(Invalid::new(format!("{path}.amount"), amount, market.size_words(id))),
        },
        (Some(quantity), Some(amount)) => {
            let unit = market.size_unit(id);
            let found = format_args!("{amount} beside the quantity {quantity}");
            let expected = format_args!("one of the two: quantity in contracts, or amount in {unit}");
            Err(Invalid::new(format!("{path}.amount"), found, expected))
        }
        (None, None) => {
            let unit = market.size_unit(id);
            let expected = format_args!("quantity in contracts, or amount in {unit}, as text such as \"12.5\"");
            Err(Invalid::missing(format!("{path}.quantity"), expected))
        }
    }
}

/// Whether prices of an instrument may be zero or negative.
fn is_signed(listing: &Instrument, market: &Market) -> bool {
    market.underlyings[listing.underlying.0].scale.is_some()
}

fn instrument(market: &Market, name: &str, path: &At, problems: &mut Problems) -> Option<InstrumentId> {
    let known = market.instrument(name);
    if known.is_none() {
        let names = market.instruments.iter().map(|listing| listing.name.as_str());
        problems.unknown(format!("{path}.instrument"), name, "an instrument of the market", names);
    }
    known
}
