//! An account from its balances, positions and orders.

use std::fmt::Display;

use units::{Price, Quantity};

use super::Wrong;
use crate::problems::Problems;
use crate::{
    Account, AccountDocument, BalanceDocument, Invalid, Market, OrderDocument, PositionDocument, QuotePrice, Side,
    portfolio,
};

/// An account under construction.
#[derive(Clone, Debug)]
#[must_use = "a builder is no account until it is built"]
pub struct AccountBuilder {
    document: AccountDocument,
    wrong: Wrong,
}

impl Account {
    /// Begins an account that holds nothing yet.
    ///
    /// ```
    /// # use model::{Instrument, Market, Underlying};
    /// use model::{Account, Side};
    ///
    /// # let market = Market::builder("2026-05-01T00:00:00Z")
    /// #     .underlying(Underlying::builder("BTC", 80_000))
    /// #     .instrument(Instrument::perpetual("BTC-PERPETUAL", "BTC").mark(80_010))
    /// #     .build()?;
    /// let account = Account::builder("desk")
    ///     .balance("USD", 100_000)
    ///     .position("BTC-PERPETUAL", "-2.5")
    ///     .order("BTC-PERPETUAL", Side::Buy, 1, 79_000)
    ///     .build(&market)?;
    /// assert_eq!(account.positions.len(), 1);
    /// # Ok::<(), model::Invalid>(())
    /// ```
    pub fn builder(name: impl Into<String>) -> AccountBuilder {
        let (account, balances, positions, orders) = (name.into(), Vec::new(), Vec::new(), Vec::new());
        let document = AccountDocument { account, balances, positions, orders };
        AccountBuilder { document, wrong: Wrong::default() }
    }
}

impl AccountBuilder {
    /// Adds a balance: units of an asset, negative when owed.
    pub fn balance(self, asset: impl Into<String>, amount: impl Display) -> Self {
        self.held(asset.into(), amount, None)
    }

    /// Adds a balance on a chain, at a bridge or at a custodian: units of an asset, negative when owed.
    pub fn balance_at(self, asset: impl Into<String>, amount: impl Display, location: impl Into<String>) -> Self {
        self.held(asset.into(), amount, Some(location.into()))
    }

    /// Adds a position: open contracts, negative when short, entered at the mark.
    pub fn position(mut self, instrument: impl Into<String>, contracts: impl Display) -> Self {
        let quantity = self.count("positions", self.document.positions.len(), "quantity", contracts);
        self.open(instrument.into(), Some(quantity), None);
        self
    }

    /// Adds a position: open contracts, negative when short, entered at a price in the quote.
    pub fn position_at(mut self, instrument: impl Into<String>, contracts: impl Display, entry: impl Display) -> Self {
        let place = self.document.positions.len();
        let quantity = self.count("positions", place, "quantity", contracts);
        self.open(instrument.into(), Some(quantity), None);
        self.document.positions[place].entry = self.wrong.read(format!("positions[{place}].entry"), entry);
        self
    }

    /// Adds a position by the size that venues show, negative when short, entered at the mark. The size is in units of
    /// the underlying, or of the quote for an inverse perpetual or future.
    pub fn position_sized(mut self, instrument: impl Into<String>, amount: impl Display) -> Self {
        let amount = self.count("positions", self.document.positions.len(), "amount", amount);
        self.open(instrument.into(), None, Some(amount));
        self
    }

    /// Adds an open order: a side, a number of contracts and a limit price in the quote.
    pub fn order(
        mut self,
        instrument: impl Into<String>,
        side: Side,
        contracts: impl Display,
        limit: impl Display,
    ) -> Self {
        let place = self.document.orders.len();
        let quantity = self.count("orders", place, "quantity", contracts);
        let limit = self.wrong.read(format!("orders[{place}].limit"), limit).unwrap_or(QuotePrice::new(Price::ONE));
        let instrument = instrument.into();
        self.document.orders.push(OrderDocument { instrument, side, quantity: Some(quantity), amount: None, limit });
        self
    }

    /// Validates the account against `market`, which must list every name in it. The error reports all problems, each
    /// with its path, such as `account.positions[0].instrument`.
    pub fn build(self, market: &Market) -> Result<Account, Invalid> {
        let mut problems = Problems::default();
        self.wrong.tell("account", &mut problems);
        let account = portfolio::account(&self.document, market, "account", &mut problems);
        problems.done().map(|()| account)
    }

    fn held(mut self, asset: String, amount: impl Display, location: Option<String>) -> Self {
        let amount = self.count("balances", self.document.balances.len(), "amount", amount);
        self.document.balances.push(BalanceDocument { asset, amount, location });
        self
    }

    fn open(&mut self, instrument: String, quantity: Option<Quantity>, amount: Option<Quantity>) {
        self.document.positions.push(PositionDocument { instrument, quantity, amount, entry: None });
    }

    /// Reads a number of contracts or units for one entry of a list; returns a stand-in when it cannot be read.
    fn count(&mut self, list: &str, place: usize, field: &str, said: impl Display) -> Quantity {
        self.wrong.read(format!("{list}[{place}].{field}"), said).unwrap_or(Quantity::ONE)
    }
}
