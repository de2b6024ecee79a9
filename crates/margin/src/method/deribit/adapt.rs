//! Builds the books of the venue from an account and a market: one for each pair and settlement currency.

use model::{Account, AssetId, InstrumentId, Market, Payoff};
use pricing::black76::{Black76, Inputs};
use pricing::math::exp;

use super::segregated::debts;
use super::{Contract, Currencies, Currency, LISTED, Leg, Order, PairBook};
use crate::book::{Book, BookOrder, FuturePosition, OptionPosition, OrderFill, Settlement, UnderlyingBook};
use crate::{Refusal, RequirementState};

/// An account as the venue sees it.
pub struct Adapted {
    /// A book for each pair and settlement currency.
    pub pairs: Vec<PairBook>,
    /// The state of the requirement before any rule is applied.
    pub state: RequirementState,
    /// Every conversion made.
    pub notes: Vec<String>,
}

/// The account as the venue sees it. With `strict`, conversions and debts are refused.
pub fn adapt(account: &Account, market: &Market, currencies: &Currencies, strict: bool) -> Result<Adapted, Refusal> {
    let book = Book::of(account, market, &LISTED, Settlement::Each(&currencies.settlement), strict)?;
    let adapter = Adapter { market, currencies };
    let mut pairs = Vec::new();
    for underlying in &book.underlyings {
        for (payoff, settle) in kinds(underlying) {
            pairs.push(adapter.pair(underlying, payoff, settle)?);
        }
    }
    let state = debts(account, market, strict)?;
    Ok(Adapted { pairs, state, notes: book.notes })
}

/// All payoffs and settlement currencies of contracts on an underlying: inverse first, then by currency.
fn kinds(underlying: &UnderlyingBook) -> Vec<(Payoff, AssetId)> {
    let futures = underlying.futures.iter().map(of_future);
    let options = underlying.options.iter().map(of_option);
    let mut kinds: Vec<_> = futures.chain(options).chain(underlying.orders.iter().map(of_order)).collect();
    kinds.sort_by_key(|(payoff, settle)| (*payoff == Payoff::Linear, *settle));
    kinds.dedup();
    kinds
}

fn of_future(future: &FuturePosition) -> (Payoff, AssetId) {
    (future.payoff, future.settle)
}

fn of_option(option: &OptionPosition) -> (Payoff, AssetId) {
    (option.contract.payoff, option.settle)
}

fn of_order(order: &BookOrder) -> (Payoff, AssetId) {
    match &order.filled {
        OrderFill::Future(future) => of_future(future),
        OrderFill::Option(option) => of_option(option),
    }
}

struct Adapter<'a> {
    market: &'a Market,
    currencies: &'a Currencies,
}

impl Adapter<'_> {
    /// The book of all positions and orders on one underlying with the same payoff and settlement currency.
    fn pair(&self, underlying: &UnderlyingBook, payoff: Payoff, settle: AssetId) -> Result<PairBook, Refusal> {
        let (currency, kind) = (self.currency(payoff, settle), (payoff, settle));
        let usd = currency.usd;
        let mut positions = Vec::new();
        for future in underlying.futures.iter().filter(|future| of_future(future) == kind) {
            positions.push(self.future(future, usd));
        }
        for option in underlying.options.iter().filter(|option| of_option(option) == kind) {
            positions.push(self.option(option, usd)?);
        }
        let mut orders = Vec::new();
        for order in underlying.orders.iter().filter(|order| of_order(order) == kind) {
            let (fill, limit) = match &order.filled {
                OrderFill::Future(future) => (self.future(future, usd), written(order.limit, payoff, usd)),
                // The premium is in the settlement currency for both payoffs.
                OrderFill::Option(option) => (self.option(option, usd)?, order.limit / usd),
            };
            orders.push(Order { fill, limit });
        }
        let index = written(underlying.index, payoff, usd);
        Ok(PairBook { underlying: underlying.name.clone(), payoff, currency, index, positions, orders })
    }

    fn currency(&self, payoff: Payoff, settle: AssetId) -> Currency {
        let asset = &self.market.assets[settle.0];
        let usd = self.market.price(settle).usd().to_f64();
        let counts_as_usd = payoff == Payoff::Inverse || self.currencies.dollars.contains(&asset.name);
        Currency { name: asset.name.clone(), usd, dollar: if counts_as_usd { 1.0 } else { 1.0 / usd } }
    }

    fn future(&self, future: &FuturePosition, usd: f64) -> Leg {
        Leg {
            place: future.place,
            name: self.name(future.instrument),
            contract: Contract::Future,
            years: future.expiry.map_or(0.0, |expiry| expiry.years_since(self.market.time)),
            mark: written(future.mark, future.payoff, usd),
            delta: 1.0,
            size: future.size,
        }
    }

    /// An option, with the market's delta or, where the market gives none, that of Black-76.
    fn option(&self, option: &OptionPosition, usd: f64) -> Result<Leg, Refusal> {
        let &OptionPosition { place, instrument, ref contract, size, .. } = option;
        let (name, years, rate) = (self.name(instrument), contract.years, contract.rate);
        let (right, vol) = (contract.right, contract.iv);
        let [strike, forward] = [contract.strike, contract.forward].map(|price| written(price, contract.payoff, usd));
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
            mark: contract.mark / usd,
            delta: contract.delta.unwrap_or_else(|| model.greeks().delta),
            size,
        })
    }

    fn name(&self, instrument: InstrumentId) -> String {
        self.market.listing(instrument).name.clone()
    }
}

/// A price in USD, converted to the unit of a book whose currency is worth `usd`; inverse contracts keep USD.
fn written(price: f64, payoff: Payoff, usd: f64) -> f64 {
    match payoff {
        Payoff::Inverse => price,
        Payoff::Linear => price / usd,
    }
}
