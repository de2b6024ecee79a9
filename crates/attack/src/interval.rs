//! What a position earns from one recorded snapshot of a chain to the next.
//!
//! A contract is worth its mark. What expired in between has settled at the hourly close at its expiry and paid in its
//! settlement asset, which is kept until the end. An option that is no longer quoted is valued by the model at the
//! volatility of its neighbours in strike.

use audit::margin::black76;
use model::{Account, Instrument, InstrumentId, InstrumentKind, Market, Payoff};
use units::Timestamp;

use crate::history::History;
use crate::revalue::{OptionTerms, option_terms};

/// Two snapshots of a market, and the prices between them.
#[derive(Clone, Copy, Debug)]
pub struct Interval<'a> {
    /// The market at the start.
    pub start: &'a Market,
    /// The market at the end.
    pub end: &'a Market,
    /// Hourly closes, at which contracts settle.
    pub history: &'a History,
}

/// The reason why a position has no value at the end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// The contract expired at an hour whose close was not recorded.
    #[error("{contract}: no close was recorded at its expiry")]
    NoClose {
        /// The name of the contract.
        contract: String,
    },
    /// The contract is not in the second snapshot, and no neighbour has a volatility.
    #[error("{contract}: not quoted at the end, and without neighbours")]
    NoQuote {
        /// The name of the contract.
        contract: String,
    },
    /// The asset in which the contract pays has no price at the end.
    #[error("{contract}: the asset that it pays has no price at the end")]
    NoPrice {
        /// The name of the contract.
        contract: String,
    },
}

impl Interval<'_> {
    /// The profit of an account from the start to the end, in USD. Balances earn what the price of their asset moves.
    pub fn profit(&self, account: &Account) -> Result<f64, NoValue> {
        let mut profit = 0.0;
        for position in &account.positions {
            profit += position.quantity.to_f64() * self.contract_profit(position.instrument)?;
        }
        for balance in &account.balances {
            let asset = &self.start.assets[balance.asset.0].name;
            let after = self.end.asset(asset).map(|id| self.end.price(id).usd().to_f64());
            let after = after.ok_or_else(|| NoValue::NoPrice { contract: asset.clone() })?;
            profit += balance.amount.to_f64() * (after - self.start.price(balance.asset).usd().to_f64());
        }
        Ok(profit)
    }

    /// The profit of one contract that was entered at its mark, in USD.
    pub fn contract_profit(&self, id: InstrumentId) -> Result<f64, NoValue> {
        let listing = self.start.listing(id);
        let contract = || listing.name.clone();
        let settle = &self.start.assets[listing.settle.0].name;
        let paid = self.end.asset(settle).ok_or_else(|| NoValue::NoPrice { contract: contract() })?;
        let (paid_before, paid) =
            (self.start.price(listing.settle).usd().to_f64(), self.end.price(paid).usd().to_f64());
        let size = listing.contract_size.to_f64();
        let mark = self.start.mark(id).in_quote().to_f64();
        let expired = listing.expiry().filter(|expiry| *expiry <= self.end.time);
        let after = match (option_terms(listing), expired) {
            (Some(terms), Some(expiry)) => settled_option(listing, terms, self.close(listing, expiry)?),
            (Some(terms), None) => self.option_after(listing, terms)?,
            (None, Some(expiry)) => self.close(listing, expiry)?,
            (None, None) => self.future_after(listing)?,
        };
        Ok(size
            * match (&listing.kind, listing.payoff) {
                (InstrumentKind::Option { .. }, _) => after * paid - mark * paid_before,
                (_, Payoff::Linear) => (after - mark) * paid,
                (_, Payoff::Inverse) => (1.0 / mark - 1.0 / after) * paid,
            })
    }

    /// The recorded close at an expiry, in USD.
    fn close(&self, listing: &Instrument, expiry: Timestamp) -> Result<f64, NoValue> {
        let name = &self.start.underlyings[listing.underlying.0].name;
        let close = self.history.closes(name).and_then(|closes| closes.at(expiry));
        close.ok_or_else(|| NoValue::NoClose { contract: listing.name.clone() })
    }

    /// The mark of a future or a perpetual at the end; of a future that is not listed any more, the forward.
    fn future_after(&self, listing: &Instrument) -> Result<f64, NoValue> {
        if let Some(id) = self.end.instrument(&listing.name) {
            return Ok(self.end.mark(id).in_quote().to_f64());
        }
        let forward = listing.expiry().and_then(|expiry| self.forward(listing, expiry));
        forward.ok_or_else(|| NoValue::NoQuote { contract: listing.name.clone() })
    }

    /// The forward of an expiry at the end, in the counter currency of the contract.
    fn forward(&self, listing: &Instrument, expiry: Timestamp) -> Option<f64> {
        let underlying = self.end.underlying(&self.start.underlyings[listing.underlying.0].name)?;
        let counter = self.end.asset(&self.start.assets[listing.counter_asset().0].name)?;
        Some(self.end.expiry(underlying, expiry)?.forward.usd().to_f64() / self.end.price(counter).usd().to_f64())
    }

    /// The mark of an option at the end, or its model price at the volatility of its neighbours, in its settlement asset.
    fn option_after(&self, listing: &Instrument, terms: OptionTerms) -> Result<f64, NoValue> {
        if let Some(id) = self.end.instrument(&listing.name) {
            return Ok(self.end.mark(id).in_quote().to_f64());
        }
        let valued = || {
            let forward = self.forward(listing, terms.expiry)?;
            let vol = self.neighbours(listing, terms)?;
            let years = terms.expiry.years_since(self.end.time);
            let price = black76(terms.right, forward, terms.strike, vol, years, 1.0);
            Some(if listing.payoff == Payoff::Linear { price } else { price / forward })
        };
        valued().ok_or_else(|| NoValue::NoQuote { contract: listing.name.clone() })
    }

    /// The volatility at a strike between those of the nearest strikes of the same expiry; that of the nearest where all
    /// lie on one side.
    fn neighbours(&self, listing: &Instrument, terms: OptionTerms) -> Option<f64> {
        let underlying = self.end.underlying(&self.start.underlyings[listing.underlying.0].name)?;
        let mut below: Option<Point> = None;
        let mut above: Option<Point> = None;
        for other in self.end.instruments.iter().filter(|other| other.underlying == underlying) {
            let Some(near) = option_terms(other).filter(|near| near.expiry == terms.expiry) else { continue };
            let Some(vol) = self.end.iv(other.id) else { continue };
            let point = Point { strike: near.strike, vol: vol.to_f64() };
            if point.strike <= terms.strike && below.is_none_or(|best| point.strike > best.strike) {
                below = Some(point);
            }
            if point.strike >= terms.strike && above.is_none_or(|best| point.strike < best.strike) {
                above = Some(point);
            }
        }
        match (below, above) {
            (Some(low), Some(high)) if high.strike > low.strike => {
                let way = (terms.strike - low.strike) / (high.strike - low.strike);
                Some(low.vol + (high.vol - low.vol) * way)
            }
            (one, other) => one.or(other).map(|point| point.vol),
        }
    }
}

/// The volatility at one strike.
#[derive(Clone, Copy)]
struct Point {
    strike: f64,
    vol: f64,
}

/// What an option pays at a settlement price, in its settlement asset, for a size of one.
fn settled_option(listing: &Instrument, terms: OptionTerms, price: f64) -> f64 {
    let worth = (terms.right.sign() * (price - terms.strike)).max(0.0);
    if listing.payoff == Payoff::Linear { worth } else { worth / price }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use feed::closes::Closes;
    use model::{Asset, Underlying};

    use super::*;

    const EXPIRY: &str = "2026-05-02T08:00:00Z";
    const LATER: &str = "2026-05-30T08:00:00Z";

    fn market(time: &str, index: u32, marks: &[(&str, &str)]) -> Market {
        let mut underlying = Underlying::builder("BTC", index).expiry(LATER, index);
        if time < EXPIRY {
            underlying = underlying.expiry(EXPIRY, index);
        }
        let mut builder = Market::builder(time).asset(Asset::builder("BTC", index)).underlying(underlying);
        for (name, mark) in marks {
            let contract = match *name {
                "PERP" => Instrument::perpetual("PERP", "BTC").inverse("BTC").contract_size(10),
                "SOON" => Instrument::put("SOON", "BTC", EXPIRY, 100_000).inverse("BTC").iv("0.5"),
                "LOW" => Instrument::call("LOW", "BTC", LATER, 90_000).inverse("BTC").iv("0.6"),
                "HIGH" => Instrument::call("HIGH", "BTC", LATER, 110_000).inverse("BTC").iv("0.4"),
                _ => Instrument::call("MID", "BTC", LATER, 100_000).inverse("BTC").iv("0.9"),
            };
            builder = builder.instrument(contract.mark(*mark));
        }
        builder.build().unwrap()
    }

    fn history() -> History {
        let closes = Closes::of([(EXPIRY.parse().unwrap(), 80_000.0)]);
        History::new(BTreeMap::from([("BTC".to_owned(), closes)]))
    }

    #[test]
    fn what_is_quoted_earns_the_difference_of_its_marks_in_dollars() {
        let start = market("2026-05-01T16:00:00Z", 100_000, &[("PERP", "100000"), ("MID", "0.05")]);
        let end = market("2026-05-02T16:00:00Z", 80_000, &[("PERP", "80000"), ("MID", "0.02")]);
        let history = history();
        let interval = Interval { start: &start, end: &end, history: &history };
        let of = |name| interval.contract_profit(start.instrument(name).unwrap()).unwrap();
        // A contract of 10 USD loses a fifth of 10 USD.
        assert!((of("PERP") + 2.0).abs() < 1e-9, "{}", of("PERP"));
        assert!((of("MID") - (0.02 * 80_000.0 - 0.05 * 100_000.0)).abs() < 1e-6);
    }

    #[test]
    fn what_expired_has_paid_at_the_close_and_its_coins_are_kept() {
        let start = market("2026-05-01T16:00:00Z", 100_000, &[("SOON", "0.01")]);
        let end = market("2026-05-02T16:00:00Z", 90_000, &[]);
        let history = history();
        let interval = Interval { start: &start, end: &end, history: &history };
        let put = start.instrument("SOON").unwrap();
        // At 80,000 the put pays 20,000/80,000 of a coin, which is worth 90,000 at the end.
        let expected = 0.25 * 90_000.0 - 1000.0;
        assert!((interval.contract_profit(put).unwrap() - expected).abs() < 1e-6);
        let without = Interval { history: &History::default(), ..interval };
        assert!(matches!(without.contract_profit(put), Err(NoValue::NoClose { .. })));
    }

    #[test]
    fn an_option_without_a_quote_has_the_volatility_of_its_neighbours() {
        let start = market("2026-05-01T16:00:00Z", 100_000, &[("MID", "0.05")]);
        let end = market("2026-05-02T16:00:00Z", 100_000, &[("LOW", "0.12"), ("HIGH", "0.02")]);
        let history = history();
        let interval = Interval { start: &start, end: &end, history: &history };
        let years = LATER.parse::<Timestamp>().unwrap().years_since(end.time);
        let expected = black76(model::Right::Call, 100_000.0, 100_000.0, 0.5, years, 1.0) - 5000.0;
        let found = interval.contract_profit(start.instrument("MID").unwrap()).unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        let alone = market("2026-05-02T16:00:00Z", 100_000, &[]);
        let interval = Interval { end: &alone, ..interval };
        assert!(matches!(interval.contract_profit(start.instrument("MID").unwrap()), Err(NoValue::NoQuote { .. })));
    }
}
