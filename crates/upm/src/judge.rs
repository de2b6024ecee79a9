//! A method in one market: every question that can be asked about an account.

use liquidation::{LiquidationPrices, LiquidationRules, Plan, Planner, liquidation_prices};
use margin::method::universal::rules::Rules;
use margin::stress::{Frontier, Grid, Matrix, Question};
use margin::{Assessment, Refusal, Verdict, assess};
use model::{Account, Market, Trade, UnderlyingId};

use crate::{Error, Planning, Rulebook, WhatIf};

/// A method in one market. It can be shared by any number of threads, and it gives the same answer on each.
pub struct Judge<'a> {
    rulebook: &'a Rulebook,
    market: &'a Market,
    method: Box<dyn margin::Judge + 'a>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(rulebook: &'a Rulebook, market: &'a Market) -> Result<Self, Error> {
        let method = rulebook.rules.judge(market, &rulebook.options).map_err(Error::Market)?;
        Ok(Self { rulebook, market, method })
    }

    /// The method with its parameters.
    pub fn rulebook(&self) -> &'a Rulebook {
        self.rulebook
    }

    /// The market that accounts are judged in.
    pub fn market(&self) -> &'a Market {
        self.market
    }

    /// What the account must hold, what it holds, and why, line by line.
    pub fn margin(&self, account: &Account) -> Result<Assessment, Error> {
        assess(account, &*self.method).map_err(Error::of(&account.name))
    }

    /// A trade in this market, as a person writes it: `BTC-PERPETUAL -10 @78000`, or `BTC-PERPETUAL -1000 USD` at the mark.
    pub fn trade(&self, text: &str) -> Result<Trade, Error> {
        Ok(Trade::parse(text, self.market)?)
    }

    /// The account before and after trades, made one after the other, and whether the rules of new risk take them.
    pub fn what_if(&self, account: &Account, trades: &[Trade]) -> Result<WhatIf, Error> {
        let out_of_range = |overflow| Refusal::OutOfRange { account: account.name.clone(), overflow };
        let traded = trades.iter().try_fold(account.clone(), |account, trade| account.after(trade, self.market));
        let traded = traded.map_err(out_of_range).map_err(Error::of(&account.name))?;
        let (before, after) = (self.margin(account)?, self.margin(&traded)?);
        let verdict = Verdict::of(&before, &after);
        Ok(WhatIf { account: traded, before, after, verdict })
    }

    /// What the account gains and loses over common moves of price and volatility. Only the universal method has the scan
    /// ranges that a grid walks in.
    pub fn stress(&self, account: &Account, grid: Grid) -> Result<Matrix, Error> {
        let isa = self.rulebook.options.isa;
        Matrix::of(account, self.market, self.universal()?, grid, isa).map_err(Error::of(&account.name))
    }

    /// The line over price and volatility on which the account's equity is its maintenance margin, inside a grid that
    /// [`Self::stress`] gave. Only the universal method has the scan ranges that a grid walks in.
    pub fn frontier(&self, account: &Account, matrix: &Matrix) -> Result<Frontier, Error> {
        let (rules, extra) = (self.universal()?, &self.rulebook.options.scenarios);
        let question = Question { account, market: self.market, rules, extra };
        Frontier::of(&question, matrix).map_err(Error::of(&account.name))
    }

    /// The nearest prices below and above the index at which the account would be liquidated while only `underlying` moves.
    pub fn liquidation_prices(&self, account: &Account, underlying: &str) -> Result<LiquidationPrices, Error> {
        let underlying = self.underlying(underlying)?;
        let Rulebook { rules, options, .. } = self.rulebook;
        liquidation_prices(account, self.market, (&**rules, options), underlying).map_err(Error::of(&account.name))
    }

    /// What a liquidation would do: nothing for an account that holds its maintenance margin, else the least harm that
    /// restores it, step by step, if prices stood still.
    pub fn plan(&self, account: &Account, planning: &Planning) -> Result<Plan, Error> {
        let aims = LiquidationRules { beta: planning.beta, ..LiquidationRules::default() };
        let planner = Planner::new(&*self.method, aims, planning.lot, planning.depth)?;
        planner.plan(account).map_err(Error::of(&account.name))
    }

    fn universal(&self) -> Result<&Rules, Error> {
        let found = self.rulebook.about().name;
        self.rulebook.rules.universal().ok_or(Error::NotUniversal { found })
    }

    fn underlying(&self, name: &str) -> Result<UnderlyingId, Error> {
        self.market.underlying(name).ok_or_else(|| {
            let known: Vec<&str> = self.market.underlyings.iter().map(|one| one.name.as_str()).collect();
            Error::UnknownUnderlying { found: name.to_owned(), known: known.join(", ") }
        })
    }
}

impl std::fmt::Debug for Judge<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Judge").field("rulebook", self.rulebook).finish_non_exhaustive()
    }
}

/// One account in one market by every method, in the order of [`Rulebook::names`]. A method that cannot answer says why.
pub fn compare(account: &Account, market: &Market) -> Vec<(&'static str, Result<Assessment, Error>)> {
    let by = |name: &'static str| (name, margin_by(name, account, market));
    Rulebook::names().map(by).collect()
}

/// The margin of an account by the method of that name with the parameters that come with this crate. Who asks about many
/// accounts makes one [`Judge`] and asks it.
pub fn margin_by(method: &str, account: &Account, market: &Market) -> Result<Assessment, Error> {
    Rulebook::named(method)?.judge(market)?.margin(account)
}
