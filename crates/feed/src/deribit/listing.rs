//! Selects the instruments of the market, their terms, and the mark of each that is used.

use std::cmp::Reverse;
use std::time::Duration;

use model::{CounterPrice, InstrumentDocument, KindDocument, Payoff, QuotePrice, Right};
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

use super::definition::Definition;
use super::quote::Quote;
use super::records::Instrument;
use super::{ImportError, USD};
use crate::moment::distance;
use crate::{Contract, Name, Reason};

/// The market's time, and the largest distance of a price from it.
#[derive(Clone, Copy)]
pub struct Moment {
    pub time: Timestamp,
    pub window: Duration,
}

impl Moment {
    pub fn distance(self, time: Timestamp) -> Duration {
        distance(self.time, time)
    }

    /// The quote nearest to this moment; of equally near ones a ticker, then the earlier, then the larger mark.
    pub fn best(self, quotes: &[Quote]) -> Option<&Quote> {
        quotes.iter().max_by_key(|quote| (self.rank(quote), *quote))
    }

    /// Whether another quote of the same kind is as near as the best one and has another mark.
    pub fn is_disputed(self, quotes: &[Quote]) -> bool {
        self.best(quotes).is_some_and(|best| {
            quotes.iter().any(|quote| self.rank(quote) == self.rank(best) && quote.mark != best.mark)
        })
    }

    fn rank(self, quote: &Quote) -> impl Ord + use<> {
        (Reverse(self.distance(quote.time)), quote.ticker, Reverse(quote.time))
    }

    /// Whether a price of time `time` is within the window of this moment.
    pub fn covers(self, time: Timestamp) -> bool {
        self.distance(time) <= self.window
    }
}

/// An instrument of the document: its terms, and the mark that is used.
pub struct Listing<'a> {
    pub name: &'a str,
    pub base: &'a str,
    pub kind: Kind,
    pub payoff: Payoff,
    pub quote: &'a str,
    pub settle: &'a str,
    /// The currency in which the venue's index of it is written.
    pub index_quote: &'a str,
    pub contract_size: Quantity,
    pub fee_rate: Option<Ratio>,
    pub mark: QuotePrice,
    pub prices: &'a Quote,
}

#[derive(Clone, Copy)]
pub enum Kind {
    Spot,
    Perpetual,
    Future { expiry: Timestamp },
    Option { expiry: Timestamp, strike: CounterPrice, right: Right },
}

impl<'a> Listing<'a> {
    /// The listing of an instrument at a moment, or the reason why it is left out.
    pub fn of(text: &'a str, instrument: &'a Instrument<'_>, moment: Moment) -> Result<Self, Reason> {
        if instrument.combination {
            return Err(Reason::Combination);
        }
        let name = instrument.name.as_ref().map_err(|_| Reason::UnknownName)?;
        let definition = instrument.definition.as_ref();
        let kind = Kind::of(name, definition);
        if kind.expiry().is_some_and(|expiry| expiry <= moment.time) {
            return Err(Reason::Expired);
        }
        let prices = moment.best(&instrument.quotes);
        let closed = definition.and_then(|definition| definition.closed).unwrap_or(false);
        if closed || prices.is_some_and(|quote| quote.closed) {
            return Err(Reason::Closed);
        }
        let prices = prices.ok_or(if instrument.orphans > 0 { Reason::NoSnapshot } else { Reason::NoMark })?;
        let may_be_zero = matches!(kind, Kind::Option { .. });
        let mark = prices.mark.filter(|mark| may_be_zero || *mark > QuotePrice::ZERO).ok_or(Reason::NoMark)?;
        if !moment.covers(prices.time) {
            return Err(Reason::Stale);
        }
        let contract_size = definition.and_then(|definition| definition.contract_size).or_else(|| name.contract_size());
        let inverse = definition.and_then(|definition| definition.inverse).unwrap_or(name.quote.is_none());
        let inverse = inverse && !matches!(kind, Kind::Spot);
        let stated =
            |field: fn(&Definition) -> &Option<String>| definition.and_then(|definition| field(definition).as_deref());
        let base = name.base.as_str();
        let linear_quote = name.quote.as_deref().or_else(|| stated(|definition| &definition.quote)).unwrap_or(USD);
        let (quote, settle) = match (inverse, kind) {
            (true, Kind::Option { .. }) => (base, base),
            (true, _) => (name.quote.as_deref().unwrap_or(USD), base),
            (false, Kind::Spot) => (linear_quote, linear_quote),
            (false, _) => (linear_quote, stated(|definition| &definition.settle).unwrap_or(linear_quote)),
        };
        let index_quote = if inverse { name.quote.as_deref().unwrap_or(USD) } else { linear_quote };
        Ok(Self {
            name: text,
            base,
            kind,
            payoff: if inverse { Payoff::Inverse } else { Payoff::Linear },
            quote,
            settle,
            index_quote: stated(|definition| &definition.index_quote).unwrap_or(index_quote),
            contract_size: contract_size.ok_or(Reason::NoContractSize)?,
            fee_rate: definition.and_then(|definition| definition.fee_rate),
            mark,
            prices,
        })
    }

    /// The currency of its forward: the quote, but USD when the mark is in the coin.
    pub fn forward_quote(&self) -> &'a str {
        if self.quote == self.base { USD } else { self.quote }
    }

    /// The key of its forward in `Forwards`: underlying and expiry.
    pub fn expiry_key(&self) -> (&'a str, Option<Timestamp>) {
        (self.base, self.kind.expiry())
    }

    pub fn overflow(&self, overflow: Overflow) -> ImportError {
        ImportError::Overflow { instrument: self.name.into(), overflow }
    }

    /// Converts an amount of the venue to contracts: inverse futures and perpetuals count USD, all other instruments
    /// coins.
    fn contracts(&self, amount: Quantity) -> Result<Quantity, ImportError> {
        let [amount, size] = [amount, self.contract_size].map(|quantity| Money::from_raw(quantity.raw()));
        let ratio = amount.per(size, Round::Down).ok_or(self.overflow(Overflow { quantity: "quantity" }))?;
        Ok(Quantity::from_raw(ratio.raw()))
    }

    /// The instrument in the form of a document.
    pub fn document(&self) -> Result<InstrumentDocument, ImportError> {
        let prices = self.prices;
        let counts_usd = self.payoff == Payoff::Inverse && !matches!(self.kind, Kind::Option { .. });
        let volume = if counts_usd { prices.volume_usd } else { prices.volume };
        let (kind, strike, right) = match self.kind {
            Kind::Spot => (KindDocument::Spot, None, None),
            Kind::Perpetual => (KindDocument::Perpetual, None, None),
            Kind::Future { .. } => (KindDocument::Future, None, None),
            Kind::Option { strike, right, .. } => (KindDocument::Option, Some(strike), Some(right)),
        };
        Ok(InstrumentDocument {
            instrument: self.name.into(),
            kind,
            underlying: self.base.into(),
            payoff: self.payoff,
            quote: self.quote.into(),
            settle: self.settle.into(),
            contract_size: self.contract_size,
            expiry: self.kind.expiry(),
            strike,
            right,
            mark: self.mark,
            iv: prices.iv.filter(|_| kind == KindDocument::Option),
            funding_rate_8h: prices.funding_rate_8h.filter(|_| kind == KindDocument::Perpetual),
            bid: prices.bid,
            ask: prices.ask,
            open_interest: prices.open_interest.map(|amount| self.contracts(amount)).transpose()?,
            volume_24h: volume.map(|amount| self.contracts(amount)).transpose()?,
            fee_rate: self.fee_rate,
            delta: prices.delta,
            venue: None,
        })
    }
}

impl Kind {
    fn of(name: &Name, definition: Option<&Definition>) -> Self {
        let expiry = definition.and_then(|definition| definition.expiry).or_else(|| name.expiry());
        match (name.contract, expiry) {
            (Contract::Spot, _) => Self::Spot,
            (Contract::Future { .. }, Some(expiry)) => Self::Future { expiry },
            (Contract::Option { strike, right, .. }, Some(expiry)) => Self::Option {
                expiry,
                strike: definition.and_then(|definition| definition.strike).unwrap_or(strike),
                right: definition.and_then(|definition| definition.right).unwrap_or(right),
            },
            (Contract::Perpetual | Contract::Future { .. } | Contract::Option { .. }, _) => Self::Perpetual,
        }
    }

    pub fn expiry(self) -> Option<Timestamp> {
        match self {
            Self::Future { expiry } | Self::Option { expiry, .. } => Some(expiry),
            Self::Spot | Self::Perpetual => None,
        }
    }
}
