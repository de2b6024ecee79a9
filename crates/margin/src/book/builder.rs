//! Builds a [`VenueAccount`] from an account and a market: every position and order in USD and coins, with a note for
//! every conversion.

use model::{
    Account, AssetId, CounterPrice, Instrument, InstrumentId, InstrumentKind, Market, Payoff, QuotePrice, Right, Side,
    UnderlyingId,
};
use units::{Price, Ratio, Timestamp};

use super::{
    Contract, Conversions, Leg, OptionTerms, Order, PricedBalance, Settlement, UnderlyingAccount, Venue, VenueAccount,
};
use crate::Refusal;

impl VenueAccount {
    /// The account as `venue` would hold it. A price of zero or less is always refused, because no venue has a rule for
    /// it.
    pub fn of(account: &Account, market: &Market, venue: &Venue) -> Result<Self, Refusal> {
        let conversions = Conversions::new(venue.name, venue.strict);
        let account_there = Self { underlyings: Vec::new(), cash: Vec::new(), conversions };
        let mut builder = Builder { market, venue, account: account_there };
        for (place, balance) in account.balances.iter().enumerate() {
            let asset = &market.assets[balance.asset.0];
            let holding = PricedBalance {
                place,
                asset: balance.asset,
                name: asset.name.clone(),
                amount: balance.amount.to_f64(),
                price: market.price(balance.asset).usd().to_f64(),
            };
            match asset.follows {
                Some(underlying) => builder.underlying(underlying).coins.push(holding),
                None => builder.account.cash.push(holding),
            }
        }
        for (place, position) in account.positions.iter().enumerate() {
            let leg = builder.leg(position.instrument, position.quantity.to_f64(), position.entry, place)?;
            builder.account_of(position.instrument).legs.push(leg);
        }
        for (place, order) in account.orders.iter().enumerate() {
            let listing = market.listing(order.instrument);
            let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
            let leg = builder.leg(order.instrument, sign * order.quantity.to_f64(), order.limit, place)?;
            above_zero(&listing.name, "the limit of an order", order.limit.in_quote())?;
            let limit = order.limit.to_usd(market.usd_per_quote(listing));
            builder.account_of(order.instrument).orders.push(Order { leg, limit });
        }
        builder.account.underlyings.sort_by_key(|underlying| underlying.id);
        for underlying in &mut builder.account.underlyings {
            underlying.legs.sort_by_key(|leg| leg.contract.is_option());
        }
        Ok(builder.account)
    }
}

struct Builder<'a> {
    market: &'a Market,
    venue: &'a Venue<'a>,
    account: VenueAccount,
}

/// The parts of a leg that depend on what the venue lists.
struct Parts {
    contract: Contract,
    payoff: Payoff,
    /// Unsettled profit, in USD.
    profit: f64,
    /// Signed size in coins.
    size: f64,
}

impl Builder<'_> {
    fn underlying(&mut self, id: UnderlyingId) -> &mut UnderlyingAccount {
        let underlyings = &mut self.account.underlyings;
        let place = underlyings.iter().position(|held| held.id == id).unwrap_or_else(|| {
            let name = self.market.underlyings[id.0].name.clone();
            underlyings.push(UnderlyingAccount::empty(id, name, self.market.index(id).usd().to_f64()));
            underlyings.len() - 1
        });
        &mut underlyings[place]
    }

    fn account_of(&mut self, instrument: InstrumentId) -> &mut UnderlyingAccount {
        self.underlying(self.market.listing(instrument).underlying)
    }

    /// A position of `quantity` contracts entered at `entry`, as this venue would hold it.
    fn leg(&mut self, id: InstrumentId, quantity: f64, entry: QuotePrice, place: usize) -> Result<Leg, Refusal> {
        let market = self.market;
        let listing = market.listing(id);
        let underlying = &market.underlyings[listing.underlying.0];
        above_zero(&underlying.name, "the index", market.index(listing.underlying).usd())?;
        let size = quantity * listing.contract_size.to_f64();
        let parts = if let InstrumentKind::Option { expiry, strike, right } = &listing.kind {
            self.option(listing, size, (*expiry, *strike, *right))?
        } else {
            above_zero(&listing.name, "the mark", market.mark(id).in_quote())?;
            self.future(listing, size, entry)?
        };
        let Parts { contract, payoff, profit, size } = parts;
        Ok(Leg {
            place,
            name: listing.name.clone(),
            contract,
            payoff,
            settle: listing.settle,
            mark: market.mark(id).to_usd(market.usd_per_quote(listing)),
            delta: market.quote(id).delta.map(Ratio::to_f64),
            fee_rate: listing.fee_rate.map(Ratio::to_f64),
            profit,
            size,
        })
    }

    /// A position of `size` units of an option.
    fn option(
        &mut self,
        listing: &Instrument,
        size: f64,
        (expiry, strike, right): (Timestamp, CounterPrice, Right),
    ) -> Result<Parts, Refusal> {
        let market = self.market;
        let inverse = listing.payoff == Payoff::Inverse;
        let convert = if inverse { !self.venue.listed.inverse_options } else { !self.venue.listed.linear_options };
        if convert {
            self.converted(&listing.name, "as the option of the same strike and expiry on the other side of the coin/dollar divide, its mark converted at the index")?;
        } else {
            self.settles(listing)?;
        }
        let terms = market.expiry(listing.underlying, expiry).expect("the market checked that it is listed");
        let iv = market.iv(listing.id).ok_or_else(|| Refusal::NoVolatility { instrument: listing.name.clone() })?;
        let quote = market.usd_per_quote(listing);
        let size = if inverse { size } else { size * market.usd_per_settle(listing).in_units_of(quote) };
        let contract = Contract::Option(OptionTerms {
            right,
            strike: strike.to_usd(market.usd_per_counter(listing)),
            expiry,
            years: expiry.years_since(market.time),
            seconds: expiry.seconds_since(market.time),
            forward: terms.forward.usd().to_f64(),
            forward_settled: terms.forward_settled.usd().to_f64(),
            rate: terms.rate.to_f64(),
            vol: iv.to_f64(),
        });
        let payoff = if convert { other(listing.payoff) } else { listing.payoff };
        Ok(Parts { contract, payoff, profit: 0.0, size })
    }

    /// A position of `size` units of a perpetual, a future or spot, entered at `entry`.
    fn future(&mut self, listing: &Instrument, size: f64, entry: QuotePrice) -> Result<Parts, Refusal> {
        let inverse = listing.payoff == Payoff::Inverse;
        let keeps = inverse && self.venue.listed.inverse_futures;
        if inverse && !keeps {
            self.converted(&listing.name, "as a linear contract of the same delta")?;
        }
        if listing.expiry().is_some() && !self.venue.listed.dated_futures {
            self.converted(&listing.name, "as the perpetual, for no dated futures are listed")?;
        }
        if listing.kind == InstrumentKind::Spot && !self.venue.listed.spot {
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
        let expiry = listing.expiry().filter(|_| self.venue.listed.dated_futures);
        Ok(Parts {
            contract: Contract::Future {
                years: expiry.map_or(0.0, |expiry| expiry.years_since(self.market.time)),
                funding_rate_8h: self.market.quote(listing.id).funding_rate_8h.map(Ratio::to_f64),
            },
            payoff: if keeps { Payoff::Inverse } else { Payoff::Linear },
            profit,
            size: coins,
        })
    }

    /// Notes a contract whose settlement asset the venue does not settle in.
    fn settles(&mut self, listing: &Instrument) -> Result<(), Refusal> {
        let settle = &self.market.assets[listing.settle.0].name;
        match self.venue.settlement {
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
        self.account.conversions.margined(name, how)
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
