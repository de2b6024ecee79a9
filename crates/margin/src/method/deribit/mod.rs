//! Deribit: inverse contracts settled in the coin and linear contracts settled in USDC, each currency by itself.
//!
//! | method | model | in a sentence |
//! |---|---|---|
//! | `deribit` | S:PM | the worst of a matrix of price and volatility moves, plus shocks for rolling and unwinding delta |
//! | `deribit-standard` | S:SM | every position by itself: futures by size, options by moneyness |
//!
//! ```text
//! Account ──adapt──▶ PairBook ──requirement──▶ Requirement ──workings──▶ Workings
//!                    one pair, one currency    in that currency          in USD
//! ```
//!
//! A [`PairBook`] holds what one currency pair has in one settlement currency: `btc_btc` counts in BTC, `btc_usdc` in
//! dollars. Both models answer in the settlement currency; the workings convert at the index, and the notes keep the
//! venue's own figures.

pub mod portfolio;
pub mod standard;

use std::collections::BTreeMap;

use model::{Account, InstrumentId, Market, Payoff, Right};
use pricing::black76::{Black76, Inputs};
use pricing::math::exp;

use super::own_or_fallback;
use crate::Refusal;
use crate::book::{Book, FuturePosition, Listed, OptionPosition, OrderFill, UnderlyingBook};

/// What Deribit lists: everything that the model knows.
pub const LISTED: Listed = Listed {
    venue: "Deribit",
    spot: true,
    inverse_futures: true,
    dated_futures: true,
    inverse_options: true,
    linear_options: true,
};

/// What one currency pair has in one settlement currency.
#[derive(Clone, Debug)]
pub struct PairBook {
    /// The underlying.
    pub underlying: String,
    /// Inverse counts in the coin, linear in dollars.
    pub payoff: Payoff,
    /// In USD.
    pub index: f64,
    /// What is held.
    pub positions: Vec<Leg>,
    /// What may come to be held.
    pub orders: Vec<Order>,
}

/// A position, or what an order would make one.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Where it stands among the positions (or orders) of the account.
    pub place: usize,
    /// The instrument.
    pub name: String,
    /// What it pays.
    pub contract: Contract,
    /// To expiry, of 365 days; 0 for a perpetual.
    pub years: f64,
    /// The venue's mark: USD for futures and linear options, the coin for inverse options.
    pub mark: f64,
    /// Delta per coin.
    pub delta: f64,
    /// Coins at the current mark: long when positive.
    pub size: f64,
}

/// What an instrument pays.
#[derive(Clone, Copy, Debug)]
pub enum Contract {
    /// A perpetual or a future.
    Future,
    /// A European option.
    Option {
        /// Call or put.
        right: Right,
        /// In USD.
        strike: f64,
        /// The price of the future of its expiry, in USD: the venue's `underlying_price`.
        forward: f64,
        /// Volatility of its mark, annualised.
        vol: f64,
        /// Continuously compounded, per year.
        rate: f64,
    },
}

/// An open order.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is held once it fills: bought when positive.
    pub fill: Leg,
    /// In the unit of the mark.
    pub limit: f64,
}

impl PairBook {
    /// Such as `btc_usdc`: the currency pair and what it settles in.
    pub fn name(&self) -> String {
        format!("{}_{}", self.underlying, self.currency()).to_lowercase()
    }

    /// What it settles in.
    pub fn currency(&self) -> &str {
        match self.payoff {
            Payoff::Inverse => &self.underlying,
            Payoff::Linear => "USDC",
        }
    }

    /// USD per unit of the settlement currency.
    pub fn usd(&self) -> f64 {
        match self.payoff {
            Payoff::Inverse => self.index,
            Payoff::Linear => 1.0,
        }
    }
}

impl Leg {
    /// What the instrument is worth, in the unit of its mark, after a relative move of prices and at volatility `vol`.
    pub fn price(&self, payoff: Payoff, price_move: f64, vol: f64) -> Result<f64, Refusal> {
        let Contract::Option { right, strike, forward, rate, .. } = self.contract else {
            return Ok(self.mark * (1.0 + price_move));
        };
        let forward = forward * (1.0 + price_move);
        let inputs = Inputs { right, forward, strike, vol, years: self.years, discount: exp(-rate * self.years) };
        let option = Black76::new(inputs).map_err(|_| Refusal::NotPriceable {
            instrument: self.name.clone(),
            what: "the shocked volatility or forward",
            value: if vol.is_finite() && vol >= 0.0 { forward } else { vol },
            expected: "finite numbers, the forward above 0",
        })?;
        Ok(if payoff == Payoff::Inverse { option.price() / forward } else { option.price() })
    }
}

/// The account as the venue sees it: a book for each pair and settlement currency, and the notes of the conversion.
fn adapt(account: &Account, market: &Market, strict: bool) -> Result<(Vec<PairBook>, Vec<String>), Refusal> {
    let mut book = Book::of(account, market, &LISTED, strict)?;
    let adapter = Adapter { account, market };
    let mut pairs = Vec::new();
    for underlying in &book.underlyings {
        for payoff in [Payoff::Inverse, Payoff::Linear] {
            let pair = adapter.pair(underlying, payoff)?;
            if !pair.positions.is_empty() || !pair.orders.is_empty() {
                pairs.push(pair);
            }
        }
    }
    for balance in account.balances.iter().filter(|balance| balance.amount.is_negative()) {
        let asset = &market.assets[balance.asset.0].name;
        if strict {
            let why = "a debt would be margined with nothing".to_owned();
            return Err(Refusal::NotListed { instrument: asset.clone(), venue: LISTED.venue, why });
        }
        let note = format!("{asset}: owed, and what a debt requires at {} is not known: nothing here", LISTED.venue);
        if !book.notes.contains(&note) {
            book.notes.push(note);
        }
    }
    if segregated(account, market, &pairs) {
        book.notes.push(SEGREGATED.to_owned());
    }
    Ok((pairs, book.notes))
}

/// Said when what an account owns does not all lie in the one currency that it must hold.
const SEGREGATED: &str =
    "each settlement currency is margined by itself at the venue: the sums in USD do not show which one is short";

/// Whether the account has anything in another currency than the one its contracts settle in.
fn segregated(account: &Account, market: &Market, pairs: &[PairBook]) -> bool {
    let Some(first) = pairs.first().map(PairBook::currency) else { return false };
    let elsewhere = |asset: &str| asset != first;
    pairs.iter().any(|pair| elsewhere(pair.currency()))
        || account.balances.iter().any(|balance| elsewhere(&market.assets[balance.asset.0].name))
}

struct Adapter<'a> {
    account: &'a Account,
    market: &'a Market,
}

impl Adapter<'_> {
    fn pair(&self, underlying: &UnderlyingBook, payoff: Payoff) -> Result<PairBook, Refusal> {
        let mut positions = Vec::new();
        for future in underlying.futures.iter().filter(|future| future.payoff == payoff) {
            positions.push(self.future(future));
        }
        for option in underlying.options.iter().filter(|option| option.contract.payoff == payoff) {
            positions.push(self.option(option)?);
        }
        let mut orders = Vec::new();
        for order in &underlying.orders {
            let (fill, limit) = match &order.filled {
                OrderFill::Future(future) if future.payoff == payoff => (self.future(future), order.limit),
                // The limit is quoted as the mark is.
                OrderFill::Option(option) if option.contract.payoff == payoff => {
                    (self.option(option)?, self.account.orders[order.place].limit.to_f64())
                }
                OrderFill::Future(_) | OrderFill::Option(_) => continue,
            };
            orders.push(Order { fill, limit });
        }
        Ok(PairBook { underlying: underlying.name.clone(), payoff, index: underlying.index, positions, orders })
    }

    fn future(&self, future: &FuturePosition) -> Leg {
        Leg {
            place: future.place,
            name: self.name(future.instrument),
            contract: Contract::Future,
            years: future.expiry.map_or(0.0, |expiry| expiry.years_since(self.market.time)),
            mark: future.mark,
            delta: 1.0,
            size: future.size,
        }
    }

    /// An option, with the delta of the market or, where it gives none, that of Black-76.
    fn option(&self, option: &OptionPosition) -> Result<Leg, Refusal> {
        let &OptionPosition { place, instrument, ref contract, size } = option;
        let (name, years, rate) = (self.name(instrument), contract.years, contract.rate);
        let (right, strike, forward, vol) = (contract.right, contract.strike, contract.forward, contract.iv);
        let model = Black76::new(Inputs { right, forward, strike, vol, years, discount: exp(-rate * years) });
        let model = model.map_err(|_| Refusal::NotPriceable {
            instrument: name.clone(),
            what: "the volatility",
            value: vol,
            expected: "a number above 0",
        })?;
        Ok(Leg {
            place,
            name,
            contract: Contract::Option { right, strike, forward, vol, rate },
            years,
            mark: self.market.listing(instrument).mark.to_f64(),
            delta: contract.delta.unwrap_or_else(|| model.greeks().delta),
            size,
        })
    }

    fn name(&self, instrument: InstrumentId) -> String {
        self.market.listing(instrument).name.clone()
    }
}

/// The parameters of an underlying, or those of the fallback.
fn column<'a, C>(
    underlying: &str,
    columns: &'a BTreeMap<String, C>,
    fallback: &str,
    strict: bool,
    notes: &mut Vec<String>,
) -> Result<&'a C, Refusal> {
    let fallback = (fallback, columns.get(fallback));
    own_or_fallback(underlying, columns.get(underlying), fallback, (LISTED.venue, strict), notes)
}
