//! Builds a [`Book`] from an account and a market: every position and order in USD and coins, with a note for every
//! conversion.

use model::{
    Account, AssetId, Instrument, InstrumentId, InstrumentKind, Market, Payoff, QuotePrice, Side, UnderlyingId,
};
use units::Price;

use super::{
    Book, BookOrder, FuturePosition, Holding, Listed, OptionContract, OptionPosition, OrderFill, Settlement,
    UnderlyingBook,
};
use crate::Refusal;

impl Book {
    /// The account as the venue described by `listed` and `settlement` would hold it. With `strict`, a conversion is
    /// refused. A price of zero or less is always refused, because no venue has a rule for it.
    pub fn of(
        account: &Account,
        market: &Market,
        listed: &Listed,
        settlement: Settlement,
        strict: bool,
    ) -> Result<Self, Refusal> {
        let mut builder = Builder { market, listed, settlement, strict, book: Self::default() };
        for (place, balance) in account.balances.iter().enumerate() {
            let asset = &market.assets[balance.asset.0];
            let holding = Holding {
                place,
                asset: balance.asset,
                name: asset.name.clone(),
                amount: balance.amount.to_f64(),
                price: market.price(balance.asset).usd().to_f64(),
            };
            match asset.follows {
                Some(underlying) => builder.underlying(underlying).coins.push(holding),
                None => builder.book.cash.push(holding),
            }
        }
        for (place, position) in account.positions.iter().enumerate() {
            let quantity = position.quantity.to_f64();
            match builder.fill(position.instrument, quantity, position.entry, place)? {
                OrderFill::Future(future) => builder.book_of(position.instrument).futures.push(future),
                OrderFill::Option(option) => builder.book_of(position.instrument).options.push(option),
            }
        }
        for (place, order) in account.orders.iter().enumerate() {
            let listing = market.listing(order.instrument);
            let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
            let filled = builder.fill(order.instrument, sign * order.quantity.to_f64(), order.limit, place)?;
            above_zero(&listing.name, "the limit of an order", order.limit.in_quote())?;
            let limit = order.limit.to_usd(market.usd_per_quote(listing));
            builder.book_of(order.instrument).orders.push(BookOrder { place, filled, limit });
        }
        builder.book.underlyings.sort_by_key(|underlying| underlying.id);
        Ok(builder.book)
    }
}

struct Builder<'a> {
    market: &'a Market,
    listed: &'a Listed,
    settlement: Settlement<'a>,
    strict: bool,
    book: Book,
}

impl Builder<'_> {
    fn underlying(&mut self, id: UnderlyingId) -> &mut UnderlyingBook {
        let place = self.book.underlyings.iter().position(|held| held.id == id).unwrap_or_else(|| {
            let underlying = &self.market.underlyings[id.0];
            self.book.underlyings.push(UnderlyingBook {
                id,
                name: underlying.name.clone(),
                index: self.market.index(id).usd().to_f64(),
                confidence: self.market.confidence(id).to_f64(),
                futures: Vec::new(),
                options: Vec::new(),
                coins: Vec::new(),
                orders: Vec::new(),
            });
            self.book.underlyings.len() - 1
        });
        &mut self.book.underlyings[place]
    }

    fn book_of(&mut self, instrument: InstrumentId) -> &mut UnderlyingBook {
        self.underlying(self.market.listing(instrument).underlying)
    }

    /// A position of `quantity` contracts entered at `entry`, as this venue would hold it.
    fn fill(&mut self, id: InstrumentId, quantity: f64, entry: QuotePrice, place: usize) -> Result<OrderFill, Refusal> {
        let market = self.market;
        let listing = market.listing(id);
        let underlying = &market.underlyings[listing.underlying.0];
        above_zero(&underlying.name, "the index", market.index(listing.underlying).usd())?;
        let size = quantity * listing.contract_size.to_f64();
        let InstrumentKind::Option { expiry, strike, right } = &listing.kind else {
            above_zero(&listing.name, "the mark", market.mark(listing.id).in_quote())?;
            return self.future(id, listing, (size, entry), place).map(OrderFill::Future);
        };
        let inverse = listing.payoff == Payoff::Inverse;
        let convert = if inverse { !self.listed.inverse_options } else { !self.listed.linear_options };
        if convert {
            self.converted(&listing.name, "as the option of the same strike and expiry on the other side of the coin/dollar divide, its mark converted at the index")?;
        } else {
            self.settles(listing)?;
        }
        let terms = market.expiry(listing.underlying, *expiry).expect("the market checked that it is listed");
        let iv = market.iv(id).ok_or_else(|| Refusal::NoVolatility { instrument: listing.name.clone() })?;
        let quote = market.usd_per_quote(listing);
        let size = if inverse { size } else { size * market.usd_per_settle(listing).in_units_of(quote) };
        let contract = OptionContract {
            expiry: *expiry,
            strike: strike.to_usd(market.usd_per_counter(listing)),
            right: *right,
            payoff: if convert { other(listing.payoff) } else { listing.payoff },
            mark: market.mark(listing.id).to_usd(quote),
            iv: iv.to_f64(),
            years: expiry.years_since(market.time),
            seconds: expiry.seconds_since(market.time),
            forward: terms.forward.usd().to_f64(),
            forward_settled: terms.forward_settled.usd().to_f64(),
            rate: terms.rate.to_f64(),
            forward_confidence: terms.forward_confidence.to_f64(),
            rate_confidence: terms.rate_confidence.to_f64(),
            vol_confidence: terms.vol_confidence.to_f64(),
            delta: market.quote(listing.id).delta.map(units::Ratio::to_f64),
            fee_rate: listing.fee_rate.map(units::Ratio::to_f64),
        };
        Ok(OrderFill::Option(OptionPosition { place, instrument: id, settle: listing.settle, contract, size }))
    }

    fn future(
        &mut self,
        id: InstrumentId,
        listing: &Instrument,
        (size, entry): (f64, QuotePrice),
        place: usize,
    ) -> Result<FuturePosition, Refusal> {
        let inverse = listing.payoff == Payoff::Inverse;
        let keeps = inverse && self.listed.inverse_futures;
        if inverse && !keeps {
            self.converted(&listing.name, "as a linear contract of the same delta")?;
        }
        if listing.expiry().is_some() && !self.listed.dated_futures {
            self.converted(&listing.name, "as the perpetual, for no dated futures are listed")?;
        }
        if listing.kind == InstrumentKind::Spot && !self.listed.spot {
            self.converted(&listing.name, "as an order on the perpetual")?;
        }
        let in_coins = |asset: AssetId| self.market.assets[asset.0].follows.is_some();
        if !inverse && (in_coins(listing.quote) || in_coins(listing.settle)) {
            self.converted(&listing.name, "as a contract on dollars of the same delta, converted at the index")?;
        } else if !inverse || keeps {
            self.settles(listing)?;
        }
        let [quote, settle] = [self.market.usd_per_quote(listing), self.market.usd_per_settle(listing)];
        let [mark, entry] = [self.market.mark(listing.id), entry].map(|price| price.in_quote().to_f64());
        let paid = settle.usd().to_f64();
        let (coins, profit) = if inverse {
            (size / mark, size * (1.0 / entry - 1.0 / mark) * paid)
        } else {
            (size * settle.in_units_of(quote), size * (mark - entry) * paid)
        };
        Ok(FuturePosition {
            place,
            instrument: id,
            expiry: listing.expiry().filter(|_| self.listed.dated_futures),
            payoff: if keeps { Payoff::Inverse } else { Payoff::Linear },
            size: coins,
            settle: listing.settle,
            mark: self.market.mark(listing.id).to_usd(quote),
            profit,
            funding_rate_8h: self.market.quote(listing.id).funding_rate_8h.map(units::Ratio::to_f64),
            fee_rate: listing.fee_rate.map(units::Ratio::to_f64),
        })
    }

    /// Notes a contract whose settlement asset the venue does not settle in.
    fn settles(&mut self, listing: &Instrument) -> Result<(), Refusal> {
        let settle = &self.market.assets[listing.settle.0].name;
        match self.settlement {
            Settlement::Each(known) if !known.contains(settle) => {
                self.converted(&listing.name, &format!("as if contracts settled in {settle} there"))
            }
            Settlement::Only(cash) if settle != cash => {
                self.converted(&listing.name, &format!("as a contract of the same delta that settles in {cash}"))
            }
            Settlement::Each(_) | Settlement::Only(_) => Ok(()),
        }
    }

    fn converted(&mut self, name: &str, how: &str) -> Result<(), Refusal> {
        if self.strict {
            return Err(Refusal::NotListed {
                instrument: name.to_owned(),
                venue: self.listed.venue,
                why: format!("it would be margined {how}"),
            });
        }
        let note = format!("{name}: not listed at {}, margined {how}", self.listed.venue);
        if !self.book.notes.contains(&note) {
            self.book.notes.push(note);
        }
        Ok(())
    }
}

fn other(payoff: Payoff) -> Payoff {
    match payoff {
        Payoff::Linear => Payoff::Inverse,
        Payoff::Inverse => Payoff::Linear,
    }
}

/// Refuses a price of zero or less: venue rules take percentages of prices, and none says what to do with such a price.
fn above_zero(name: &str, what: &'static str, price: Price) -> Result<(), Refusal> {
    if price > Price::ZERO {
        return Ok(());
    }
    let expected = "a price above 0, for the venue has no rule for zero or less";
    Err(Refusal::NotPriceable { instrument: name.to_owned(), what, value: price.to_f64(), expected })
}
