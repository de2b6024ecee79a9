//! Paradex: options and perpetuals on dollars, settled in USDC, under portfolio margin or cross margin.
//!
//! | method | mode | in a sentence |
//! |---|---|---|
//! | `paradex` | portfolio margin | the worst of 24 moves of spot and volatility, never less than a share of delta |
//! | `paradex-cross` | cross margin | every market by itself, each by its larger side |
//!
//! Both follow the venue's own engine (`paradex_py/margin`) operation by operation and use its names. The engine's
//! prices are in USD, and its contracts pay one USDC for each dollar. A contract here is converted into the number of
//! the venue's contracts with the same price sensitivity; their requirement is in USDC, and the workings convert it at
//! the price of USDC. On top of the core, each mode provides for fees. The engine charges the whole value of every
//! balance that is not USDC: here an asset counts as not accepted, and a debt as a charge.
//!
//! ```text
//! Account ──adapt──▶ Portfolio, haircuts ──requirement──▶ Requirement ──workings──▶ Workings
//!                    the engine's inputs                  the engine's answer
//! ```
//!
//! [`portfolio`] and [`cross`] each hold one mode; [`black_scholes`] prices as the engine does; this file holds the
//! inputs that both modes share.

pub mod black_scholes;
pub mod cross;
pub mod portfolio;

use std::collections::BTreeMap;

use model::{Account, InstrumentId, Market, USD};

use super::own_or_fallback;
use crate::book::{Book, FuturePosition, Holding, Listed, OptionPosition, OrderFill, Settlement, UnderlyingBook};
use crate::{NotAccepted, Refusal, RequirementState, Workings};
use black_scholes::Terms;

/// The contracts that Paradex lists: perpetuals and options on dollars. No dated futures, nothing inverse.
pub const LISTED: Listed = Listed {
    venue: "Paradex",
    spot: false,
    inverse_futures: false,
    dated_futures: false,
    inverse_options: false,
    linear_options: true,
};

/// All positions and orders of an account on one underlying.
#[derive(Clone, Debug)]
pub struct Portfolio {
    /// The name of the underlying.
    pub name: String,
    /// Its index, in USD: the engine's `underlying_price`.
    pub spot: f64,
    /// The positions on the underlying.
    pub positions: Vec<Leg>,
    /// The open orders on the underlying.
    pub orders: Vec<Order>,
}

/// A position, or the position that an order would create.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The index of the position (or order) in the account.
    pub place: usize,
    /// The name of the market.
    pub name: String,
    /// The contract that is traded in the market.
    pub contract: Contract,
    /// The venue's mark, in USD per coin.
    pub mark: f64,
    /// The venue's delta, per coin.
    pub delta: f64,
    /// The taker fee, as a share.
    pub fee_rate: f64,
    /// Size in contracts of one coin, each paying one USDC for a dollar: positive when long.
    pub size: f64,
}

/// An open order and the position it would create.
#[derive(Clone, Debug)]
pub struct Order {
    /// The position once the order fills: positive when bought.
    pub fill: Leg,
    /// The worst price at which it fills, in USD per coin.
    pub limit: f64,
}

/// The contract that is traded in a market.
#[derive(Clone, Copy, Debug)]
pub enum Contract {
    /// A future without expiry.
    Perpetual {
        /// Funding per eight hours, paid by longs when positive; none where the market gives none.
        funding_rate_8h: Option<f64>,
    },
    /// A dated option.
    Option {
        /// Right, strike and time to expiry of the option.
        terms: Terms,
        /// Volatility of its mark, annualised.
        vol: f64,
        /// Seconds to expiry.
        seconds: f64,
    },
}

impl Portfolio {
    /// Whether there is neither a position nor an order.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.orders.is_empty()
    }
}

impl Leg {
    /// The fee of trading the leg: a share of the mark for a perpetual; a share of the spot for an option, at most
    /// `option_cap` of its mark.
    pub fn fee(&self, spot: f64, option_cap: f64) -> f64 {
        match self.contract {
            Contract::Perpetual { .. } => self.fee_rate * self.size.abs() * self.mark,
            Contract::Option { .. } => (self.fee_rate * spot).min(option_cap * self.mark) * self.size.abs(),
        }
    }
}

/// An account as the engine sees it.
struct Adapted {
    portfolios: Vec<Portfolio>,
    /// USD per unit of the token in which everything is paid.
    usd: f64,
    state: RequirementState,
    /// The charge on each balance, in USD, in the order of the account.
    haircuts: Vec<f64>,
    /// The part of the charges that is for debts, in USD.
    owed: f64,
    notes: Vec<String>,
}

impl Adapted {
    /// Workings without any sums yet; amounts added to them are in the venue's token, not USD.
    fn workings(&mut self, account: &Account) -> Workings {
        Workings {
            state: std::mem::take(&mut self.state),
            position_contributions: vec![0.0; account.positions.len()],
            balance_contributions: vec![0.0; account.balances.len()],
            notes: std::mem::take(&mut self.notes),
            ..Workings::default()
        }
    }

    /// Converts workings from the venue's token to USD, and adds the charges on balances.
    fn finish(self, workings: Workings) -> Workings {
        let mut workings = workings.scaled(self.usd);
        workings.charges.push(("spot balances owed".to_owned(), self.owed, self.owed));
        workings.haircuts = self.haircuts;
        workings
    }
}

fn adapt(account: &Account, market: &Market, collateral: &str, strict: bool) -> Result<Adapted, Refusal> {
    let book = Book::of(account, market, &LISTED, Settlement::Only(collateral), strict)?;
    let mut state = RequirementState::default();
    let (mut haircuts, mut owed) = (vec![0.0; account.balances.len()], 0.0);
    let mut adapter = Adapter { market, usd: 1.0, notes: book.notes };
    let coins = book.underlyings.iter().flat_map(|underlying| &underlying.coins);
    for Holding { place, asset, name, amount, price } in book.cash.iter().chain(coins) {
        // USD, the valuation currency, is counted as the collateral: every market lists it, but no venue holds it.
        if *asset == USD {
            let how = format!("it is counted as {collateral} of the same value");
            adapter.converted(name, &how, strict)?;
        }
        if *asset == USD || name == collateral {
            if *amount < 0.0 {
                let why = "it is owed, and the documents held say nothing of debts";
                state.unknown_at(LISTED.venue, name, why, strict)?;
            }
            continue;
        }
        haircuts[*place] = (amount * price).abs();
        if *amount < 0.0 {
            owed += haircuts[*place];
        } else if *amount > 0.0 {
            state.not_accept(NotAccepted::balance(account, *place, market)?);
        }
    }
    match market.asset(collateral) {
        Some(asset) => adapter.usd = market.price(asset).usd().to_f64(),
        None if strict => {
            let why = "the market has no price of it".to_owned();
            return Err(Refusal::NotKnown { what: collateral.to_owned(), venue: LISTED.venue, why });
        }
        None => adapter.notes.push(format!("{collateral}: counted at 1 USD, for the market has no price of it")),
    }
    let portfolios = book.underlyings.iter().map(|underlying| adapter.portfolio(underlying)).collect();
    Ok(Adapted { portfolios, usd: adapter.usd, state, haircuts, owed, notes: adapter.notes })
}

struct Adapter<'a> {
    market: &'a Market,
    /// USD per unit of the token in which everything is paid.
    usd: f64,
    notes: Vec<String>,
}

impl Adapter<'_> {
    fn portfolio(&mut self, underlying: &UnderlyingBook) -> Portfolio {
        let spot = underlying.index;
        let mut positions = Vec::with_capacity(underlying.futures.len() + underlying.options.len());
        positions.extend(underlying.futures.iter().map(|future| self.perpetual(future)));
        positions.extend(underlying.options.iter().map(|option| self.option(option, spot)));
        let orders = underlying.orders.iter().map(|order| {
            let fill = match &order.filled {
                OrderFill::Future(future) => self.perpetual(future),
                OrderFill::Option(option) => self.option(option, spot),
            };
            Order { fill, limit: order.limit }
        });
        Portfolio { name: underlying.name.clone(), spot, orders: orders.collect(), positions }
    }

    fn perpetual(&mut self, future: &FuturePosition) -> Leg {
        Leg {
            place: future.place,
            name: self.name(future.instrument),
            contract: Contract::Perpetual { funding_rate_8h: future.funding_rate_8h },
            mark: future.mark,
            delta: self.market.quote(future.instrument).delta.map_or(1.0, units::Ratio::to_f64),
            fee_rate: self.fee_rate(future.instrument, future.fee_rate),
            size: future.size / self.usd,
        }
    }

    /// An option, with the market's delta or, where the market gives none, the delta of the engine's own formula.
    fn option(&mut self, option: &OptionPosition, spot: f64) -> Leg {
        let contract = &option.contract;
        let years = contract.seconds / 86_400.0 / 365.0;
        let terms = Terms { right: contract.right, strike: contract.strike, years, rate: contract.rate };
        Leg {
            place: option.place,
            name: self.name(option.instrument),
            contract: Contract::Option { terms, vol: contract.iv, seconds: contract.seconds },
            mark: contract.mark,
            delta: contract.delta.unwrap_or_else(|| terms.delta(spot, contract.iv)),
            fee_rate: self.fee_rate(option.instrument, contract.fee_rate),
            size: option.size / self.usd,
        }
    }

    fn name(&self, instrument: InstrumentId) -> String {
        self.market.listing(instrument).name.clone()
    }

    fn converted(&mut self, name: &str, how: &str, strict: bool) -> Result<(), Refusal> {
        if strict {
            return Err(Refusal::NotListed { instrument: name.to_owned(), venue: LISTED.venue, why: how.to_owned() });
        }
        let note = format!("{name}: not listed at {}, {how}", LISTED.venue);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        Ok(())
    }

    /// The fee rate for closing. A rebate counts as 0: it is not earned before it is paid, so it backs nothing.
    fn fee_rate(&mut self, instrument: InstrumentId, given: Option<f64>) -> f64 {
        let rate = given.unwrap_or_else(|| {
            let note = format!("{}: the market gives no fee_rate, no fee is provided for", self.name(instrument));
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
            0.0
        });
        rate.max(0.0)
    }
}

/// The class that has an underlying among its members, or the fallback class.
fn class_of<'a, C: AsRef<[String]>>(
    underlying: &str,
    classes: &'a BTreeMap<String, C>,
    fallback: &str,
    strict: bool,
    workings: &mut Workings,
) -> Result<&'a C, Refusal> {
    let own = classes.values().find(|class| class.as_ref().iter().any(|member| member == underlying));
    let named = format!("the class `{fallback}`");
    own_or_fallback(underlying, own, (&named, classes.get(fallback)), (LISTED.venue, strict), workings)
}
