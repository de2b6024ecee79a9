//! The cost of a liquidation, and who paid it, in USD at the prices of each moment.

use std::collections::BTreeMap;

use engine::explain::{Step, What};
use engine::state::{Holder, State};
use engine::{AccountId, Cause};
use serde::Serialize;
use units::{Money, Overflow};

use crate::naming;

/// The purpose of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// By the account, to the market: the amount by which the prices of its trades were worse than the mark.
    Market,
    /// By the account: the fees of its trades.
    Fee,
    /// By the account, to a bidder: the premium for taking a share of its portfolio.
    Premium,
    /// By the account, to a backstop: the equity that passed with its portfolio.
    Equity,
    /// By a fund, for the account: a part of its loss.
    Fund,
    /// By a backstop, for the account: the negative equity of the portfolio that it took over.
    Backstop,
    /// By a bidder, to the account: its offer for a share of the portfolio.
    Bidder,
    /// By a winner, for the account: the amount lost by closing at a worse price than the mark.
    Winner,
}

impl Item {
    /// Whether the account paid it; else another party paid it for the account.
    pub fn is_cost(self) -> bool {
        matches!(self, Self::Market | Self::Fee | Self::Premium | Self::Equity)
    }
}

/// All payments in a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    amounts: BTreeMap<(Item, Option<Holder>), Money>,
}

/// One amount of a bill, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BillLine {
    /// The purpose of the payment.
    pub what: Item,
    /// The party that received the account's payment, or that paid for the account; none for the market.
    pub who: Option<String>,
    /// The amount in USD, not negative.
    pub usd: Money,
}

impl Bill {
    /// Adds the payments of a step.
    pub fn add(&mut self, step: &Step) -> Result<(), Overflow> {
        for trade in &step.trades {
            match step.what {
                What::Deleveraged => self.put(Item::Winner, Some(venue(trade.with)), trade.over_mark)?,
                What::Filled => self.put(Item::Market, None, trade.over_mark.negated()?)?,
                _ => {}
            }
        }
        for payment in &step.payments {
            let (with, paid) = (Some(payment.with), payment.usd.negated()?);
            match payment.cause {
                Cause::LiquidationFee => self.put(Item::Fee, with, paid)?,
                Cause::Cover => self.put(Item::Fund, with, payment.usd)?,
                Cause::Takeover if paid.is_negative() && step.what == What::Bid => {
                    self.put(Item::Bidder, with, payment.usd)?;
                }
                Cause::Takeover if paid.is_negative() => self.put(Item::Backstop, with, payment.usd)?,
                Cause::Takeover if step.what == What::Bid => self.put(Item::Premium, with, paid)?,
                Cause::Takeover => self.put(Item::Equity, with, paid)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn put(&mut self, item: Item, who: Option<Holder>, usd: Money) -> Result<(), Overflow> {
        let amount = self.amounts.entry((item, who)).or_default();
        *amount = amount.plus(usd)?;
        Ok(())
    }

    /// The sum of the account's payments (`is_cost`), or of the payments for the account.
    pub fn total(&self, is_cost: bool) -> Result<Money, Overflow> {
        let of = self.amounts.iter().filter(|((item, _), _)| item.is_cost() == is_cost);
        of.map(|(_, usd)| *usd).try_fold(Money::ZERO, Money::plus)
    }

    /// All amounts except zeros: first the account's payments, then the payments for it.
    pub fn lines(&self, state: &State) -> Vec<BillLine> {
        let not_zero = self.amounts.iter().filter(|(_, usd)| **usd != Money::ZERO);
        let line = |((what, who), usd): (&(Item, Option<Holder>), &Money)| BillLine {
            what: *what,
            who: who.map(|holder| naming::holder(state, holder)),
            usd: *usd,
        };
        not_zero.map(line).collect()
    }
}

fn venue(account: AccountId) -> Holder {
    Holder::Account(account, None)
}
