//! An account as a venue sees it: per underlying, in units of the coin, with a note for every conversion.
//!
//! Venues list different contracts. What one does not list is margined there as its nearest equivalent, so that the
//! question "what would this book cost there" has an answer: an inverse future as a linear one of the same delta, a dated
//! future as the perpetual, a coin-margined option as the dollar-margined one, all converted at the index. Every
//! conversion is noted; a strict book refuses instead.
//!
//! Prices are in *venue dollars*: a stablecoin counts as one, as in the venues' own books. Holdings keep their USD price,
//! for a method that looks at the peg.

use model::{Account, AssetId, InstrumentId, InstrumentKind, Market, Payoff, Right, Side, UnderlyingId};
use units::Timestamp;

use crate::Refusal;

/// Which kinds of contract a venue lists; what it does not list is converted.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "five independent answers of a venue, each to its own question")]
pub struct Listed {
    /// Its name, as notes write it.
    pub venue: &'static str,
    /// Spot, where only orders are: what was bought is a balance.
    pub spot: bool,
    /// Perpetuals and futures settled in the coin.
    pub inverse_futures: bool,
    /// Futures with an expiry.
    pub dated_futures: bool,
    /// Options settled in the coin.
    pub inverse_options: bool,
    /// Options settled in dollars.
    pub linear_options: bool,
}

/// An account, per underlying and in coins.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// One entry for each underlying that the account touches, in the order of the market.
    pub underlyings: Vec<UnderlyingBook>,
    /// Balances that follow no underlying: dollars and stablecoins.
    pub cash: Vec<Holding>,
    /// Every conversion made.
    pub notes: Vec<String>,
}

/// Everything an account has in one underlying.
#[derive(Clone, Debug)]
pub struct UnderlyingBook {
    /// Which.
    pub id: UnderlyingId,
    /// Its name.
    pub name: String,
    /// Its index, in USD.
    pub index: f64,
    /// How far the index can be trusted, 0 to 1.
    pub confidence: f64,
    /// Perpetuals and futures.
    pub futures: Vec<FuturePosition>,
    /// Options.
    pub options: Vec<OptionPosition>,
    /// Balances of the coin and of what follows it.
    pub coins: Vec<Holding>,
    /// Open orders.
    pub orders: Vec<BookOrder>,
}

/// A balance.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Where it stands among the balances of the account.
    pub place: usize,
    /// Which asset.
    pub asset: AssetId,
    /// Its name.
    pub name: String,
    /// Units, signed.
    pub amount: f64,
    /// USD per unit.
    pub price: f64,
}

/// A perpetual or a future.
#[derive(Clone, Debug)]
pub struct FuturePosition {
    /// Where it stands among the positions of the account.
    pub place: usize,
    /// Which instrument of the market.
    pub instrument: InstrumentId,
    /// None for perpetuals, and for dated futures at a venue that lists none.
    pub expiry: Option<Timestamp>,
    /// Whether profit is counted in the coin at this venue.
    pub payoff: Payoff,
    /// Signed size in coins at the current mark: what it moves like.
    pub size: f64,
    /// Mark, in venue dollars per coin.
    pub mark: f64,
    /// Unsettled profit, in venue dollars.
    pub profit: f64,
    /// Funding per eight hours; none for dated futures and where the market gives none.
    pub funding_rate_8h: Option<f64>,
    /// The venue's fee rate, when the market carries one.
    pub fee_rate: Option<f64>,
}

/// An option.
#[derive(Clone, Debug)]
pub struct OptionPosition {
    /// Where it stands among the positions of the account.
    pub place: usize,
    /// Which instrument of the market.
    pub instrument: InstrumentId,
    /// The contract and the state of its market.
    pub contract: OptionContract,
    /// Signed size in coins.
    pub size: f64,
}

/// An option contract and everything its price depends on.
#[derive(Clone, Debug)]
pub struct OptionContract {
    /// When it settles.
    pub expiry: Timestamp,
    /// In USD.
    pub strike: f64,
    /// Call or put.
    pub right: Right,
    /// Whether the premium is in the coin at this venue.
    pub payoff: Payoff,
    /// The venue's mark, in venue dollars per coin of size.
    pub mark: f64,
    /// Annualised volatility.
    pub iv: f64,
    /// Years of 365 days to expiry.
    pub years: f64,
    /// Seconds to expiry.
    pub seconds: f64,
    /// Forward of the expiry, in USD, settled part included.
    pub forward: f64,
    /// The part of the forward already fixed by the settlement average.
    pub forward_settled: f64,
    /// Continuously compounded rate, per year.
    pub rate: f64,
    /// How far the forward can be trusted.
    pub forward_confidence: f64,
    /// How far the rate can be trusted.
    pub rate_confidence: f64,
    /// How far the volatility can be trusted.
    pub vol_confidence: f64,
    /// The venue's own delta, when the market carries one.
    pub delta: Option<f64>,
    /// The venue's fee rate, when the market carries one.
    pub fee_rate: Option<f64>,
}

/// An open order on a perpetual, a future or an option.
#[derive(Clone, Debug)]
pub struct BookOrder {
    /// Where it stands among the orders of the account.
    pub place: usize,
    /// What would be held if it filled: size in coins with its sign, at its instrument's mark.
    pub filled: OrderFill,
    /// Limit, in venue dollars per coin.
    pub limit: f64,
}

/// What an order would add.
#[derive(Clone, Debug)]
pub enum OrderFill {
    /// A perpetual or a future; `place` within is that of the order.
    Future(FuturePosition),
    /// An option; `place` within is that of the order.
    Option(OptionPosition),
}

impl Book {
    /// The account as the venue of `listed` would hold it. With `strict` a conversion is refused.
    pub fn of(account: &Account, market: &Market, listed: &Listed, strict: bool) -> Result<Self, Refusal> {
        let mut builder = Builder { market, listed, strict, book: Self::default() };
        for (place, balance) in account.balances.iter().enumerate() {
            let asset = &market.assets[balance.asset.0];
            let holding = Holding {
                place,
                asset: balance.asset,
                name: asset.name.clone(),
                amount: balance.amount.to_f64(),
                price: asset.price.to_f64(),
            };
            match asset.follows {
                Some(underlying) => builder.underlying(underlying).coins.push(holding),
                None => builder.book.cash.push(holding),
            }
        }
        for (place, position) in account.positions.iter().enumerate() {
            let entry = position.entry.to_f64();
            let quantity = position.quantity.to_f64();
            match builder.fill(position.instrument, quantity, entry, place)? {
                OrderFill::Future(future) => builder.book_of(position.instrument).futures.push(future),
                OrderFill::Option(option) => builder.book_of(position.instrument).options.push(option),
            }
        }
        for (place, order) in account.orders.iter().enumerate() {
            let limit = order.limit.to_f64();
            let sign = if order.side == Side::Buy { 1.0 } else { -1.0 };
            let filled = builder.fill(order.instrument, sign * order.quantity.to_f64(), limit, place)?;
            let limit = limit * builder.venue_dollars(market.listing(order.instrument).quote);
            builder.book_of(order.instrument).orders.push(BookOrder { place, filled, limit });
        }
        builder.book.underlyings.sort_by_key(|underlying| underlying.id);
        Ok(builder.book)
    }
}

struct Builder<'a> {
    market: &'a Market,
    listed: &'a Listed,
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
                index: underlying.index.to_f64(),
                confidence: underlying.confidence.to_f64(),
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

    /// What one unit of an asset counts for in venue dollars: a coin its index, a stablecoin one dollar, for venues keep
    /// their books in it and call it that.
    fn venue_dollars(&self, asset: AssetId) -> f64 {
        let follows = self.market.assets[asset.0].follows;
        follows.map_or(1.0, |underlying| self.market.underlyings[underlying.0].index.to_f64())
    }

    /// `quantity` contracts entered at `entry`, as this venue would hold them.
    fn fill(&mut self, id: InstrumentId, quantity: f64, entry: f64, place: usize) -> Result<OrderFill, Refusal> {
        let listing = self.market.listing(id);
        let size = listing.contract_size.to_f64();
        let mark = listing.mark.to_f64();
        let dollars_per_quote = self.venue_dollars(listing.quote);
        if let InstrumentKind::Option { expiry, strike, right, iv } = &listing.kind {
            let convert = match listing.payoff {
                Payoff::Inverse => !self.listed.inverse_options,
                Payoff::Linear => !self.listed.linear_options,
            };
            if convert {
                self.converted(&listing.name, "as the option of the same strike and expiry on the other side of the coin/dollar divide, its mark converted at the index")?;
            }
            let terms = self.market.expiry(listing.underlying, *expiry).expect("the market checked that it is listed");
            let iv = iv.ok_or_else(|| Refusal::NoVolatility { instrument: listing.name.clone() })?;
            let payoff = if convert { other(listing.payoff) } else { listing.payoff };
            return Ok(OrderFill::Option(OptionPosition {
                place,
                instrument: id,
                size: quantity * size,
                contract: OptionContract {
                    expiry: *expiry,
                    strike: strike.to_f64(),
                    right: *right,
                    payoff,
                    mark: mark * dollars_per_quote,
                    iv: iv.to_f64(),
                    years: expiry.years_since(self.market.time),
                    seconds: expiry.seconds_since(self.market.time),
                    forward: terms.forward.to_f64(),
                    forward_settled: terms.forward_settled.to_f64(),
                    rate: terms.rate.to_f64(),
                    forward_confidence: terms.forward_confidence.to_f64(),
                    rate_confidence: terms.rate_confidence.to_f64(),
                    vol_confidence: terms.vol_confidence.to_f64(),
                    delta: listing.delta.map(units::Ratio::to_f64),
                    fee_rate: listing.fee_rate.map(units::Ratio::to_f64),
                },
            }));
        }
        let inverse = listing.payoff == Payoff::Inverse;
        if inverse && !self.listed.inverse_futures {
            self.converted(&listing.name, "as a linear contract of the same delta")?;
        }
        if listing.expiry().is_some() && !self.listed.dated_futures {
            self.converted(&listing.name, "as the perpetual, for no dated futures are listed")?;
        }
        if listing.kind == InstrumentKind::Spot && !self.listed.spot {
            self.converted(&listing.name, "as an order on the perpetual")?;
        }
        let dollars_per_settle = self.venue_dollars(listing.settle);
        let in_coins = |asset: AssetId| self.market.assets[asset.0].follows.is_some();
        if !inverse && (in_coins(listing.quote) || in_coins(listing.settle)) {
            self.converted(&listing.name, "as a contract on dollars of the same delta, converted at the index")?;
        }
        let (coins, profit) = if inverse {
            (quantity * size / mark, quantity * size * (1.0 / entry - 1.0 / mark) * dollars_per_settle)
        } else {
            let coins = quantity * size * (dollars_per_settle / dollars_per_quote);
            (coins, quantity * size * (mark - entry) * dollars_per_settle)
        };
        let keeps = inverse && self.listed.inverse_futures;
        Ok(OrderFill::Future(FuturePosition {
            place,
            instrument: id,
            expiry: listing.expiry().filter(|_| self.listed.dated_futures),
            payoff: if keeps { Payoff::Inverse } else { Payoff::Linear },
            size: coins,
            mark: mark * dollars_per_quote,
            profit,
            funding_rate_8h: listing.funding_rate_8h.map(units::Ratio::to_f64),
            fee_rate: listing.fee_rate.map(units::Ratio::to_f64),
        }))
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
