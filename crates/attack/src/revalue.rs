//! The profit of one contract or coin on a day, by slow revaluation that shares no code with the risk array.
//!
//! An option is valued by the auditor's Black-76 before and after the day; what expires within the day pays what it is
//! worth at the settlement price, and the coins that it pays are kept until the end of the day.

use audit::margin::black76;
use model::{AssetId, Instrument, InstrumentId, InstrumentKind, Market, Payoff, Right, UnderlyingId};
use pricing::math;
use units::Timestamp;

use crate::day::{Basis, Day, Settles, Whose};
use crate::product::Shape;

/// Hours in a year of 365 days.
const YEAR_HOURS: f64 = 8760.0;

/// A market in which days are played, with the shape of moves of volatility.
#[derive(Clone, Copy, Debug)]
pub struct Revaluer<'a> {
    /// The market before the day.
    pub market: &'a Market,
    /// How volatility moves depend on expiry and strike.
    pub shape: Shape,
}

/// An option as its formula needs it.
#[derive(Clone, Copy, Debug)]
pub struct OptionTerms {
    /// Call or put.
    pub right: Right,
    /// The strike, in the counter currency.
    pub strike: f64,
    /// The moment of settlement.
    pub expiry: Timestamp,
}

/// The terms of an option; none for every other contract.
pub fn option_terms(listing: &Instrument) -> Option<OptionTerms> {
    match listing.kind {
        InstrumentKind::Option { expiry, strike, right } => {
            Some(OptionTerms { right, strike: strike.in_counter().to_f64(), expiry })
        }
        InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => None,
    }
}

impl Revaluer<'_> {
    /// The price of an asset after a day, in USD.
    pub fn asset_after(&self, asset: AssetId, day: &Day) -> f64 {
        let follows = self.market.assets[asset.0].follows.map_or(0.0, |UnderlyingId(place)| day.moves[place]);
        self.market.price(asset).usd().to_f64() * (1.0 + follows) * (1.0 + day.pegs[asset.0])
    }

    /// The profit of one unit of an asset on a day, in USD.
    pub fn coin_profit(&self, asset: AssetId, day: &Day) -> f64 {
        self.asset_after(asset, day) - self.market.price(asset).usd().to_f64()
    }

    /// The profit of one contract, entered at its mark, on a day, in USD; none for an option without a volatility.
    pub fn contract_profit(&self, id: InstrumentId, day: &Day) -> Option<f64> {
        let listing = self.market.listing(id);
        let size = listing.contract_size.to_f64();
        let units = match option_terms(listing) {
            Some(terms) => return self.option_profit(listing, terms, day).map(|profit| size * profit),
            None => self.future_units(listing, day),
        };
        Some(size * units * self.asset_after(listing.settle, day))
    }

    /// The units of its settlement asset that a contract without option earns, for a size of one.
    fn future_units(&self, listing: &Instrument, day: &Day) -> f64 {
        let mark = self.market.mark(listing.id).in_quote().to_f64();
        let unit = self.market.price(listing.counter_asset()).usd().to_f64();
        let after = if self.expires(listing, day) {
            self.settlement(listing, day)
        } else {
            mark * unit * forward_factor(listing, day) / self.asset_after(listing.counter_asset(), day)
        };
        match listing.payoff {
            Payoff::Linear => after - mark,
            Payoff::Inverse => 1.0 / mark - 1.0 / after,
        }
    }

    /// The profit of an option for a size of one, in USD: model against model.
    fn option_profit(&self, listing: &Instrument, terms: OptionTerms, day: &Day) -> Option<f64> {
        let OptionTerms { right, strike, expiry } = terms;
        let vol = self.market.iv(listing.id)?.to_f64();
        let known = self.market.expiry(listing.underlying, expiry)?;
        let unit = self.market.price(listing.counter_asset()).usd().to_f64();
        let (forward, rate) = (known.forward.usd().to_f64() / unit, known.rate.to_f64());
        let years = expiry.years_since(self.market.time);
        let value = |forward: f64, vol: f64, years: f64| {
            let price = black76(right, forward, strike, vol, years, math::exp(-rate * years));
            if listing.payoff == Payoff::Linear { price } else { price / forward }
        };
        let before = value(forward, vol, years) * self.market.price(listing.settle).usd().to_f64();
        let paid = self.asset_after(listing.settle, day);
        if self.expires(listing, day) {
            return Some(value(self.settlement(listing, day), vol, 0.0) * paid - before);
        }
        let moved = forward * unit * forward_factor(listing, day) / self.asset_after(listing.counter_asset(), day);
        let days = expiry.days_since(self.market.time);
        let vol = vol * self.vol_factor(day, days, math::ln(strike / forward));
        Some(value(moved, vol, (years - day.hours / YEAR_HOURS).max(0.0)) * paid - before)
    }

    /// Whether a contract settles within the day.
    fn expires(&self, listing: &Instrument, day: &Day) -> bool {
        listing.expiry().is_some_and(|expiry| expiry.seconds_since(self.market.time) <= day.hours * 3600.0)
    }

    /// The price at which a contract settles, in its counter currency.
    fn settlement(&self, listing: &Instrument, day: &Day) -> f64 {
        let index = self.market.index(listing.underlying).usd().to_f64();
        let moved = match day.settles {
            Settles::BeforeTheMove => index,
            Settles::AfterTheMove => index * (1.0 + day.moves[listing.underlying.0]),
        };
        moved / self.market.price(listing.counter_asset()).usd().to_f64()
    }

    /// The factor on the volatility of an option that expires in `days` and has this log-moneyness.
    fn vol_factor(&self, day: &Day, days: f64, moneyness: f64) -> f64 {
        let level = day.vol.level * self.shape.level(days);
        let twist = day.vol.twist * self.shape.twist(days);
        let skew = (day.vol.skew * moneyness).clamp(-day.vol.skew_cap, day.vol.skew_cap);
        ((1.0 + level) * (1.0 + twist) * (1.0 + skew)).max(0.0)
    }
}

/// The factor on the forward or the mark of a contract, in USD.
fn forward_factor(listing: &Instrument, day: &Day) -> f64 {
    let concerns = |basis: &&Basis| match &basis.whose {
        Whose::All => true,
        Whose::Dated => listing.expiry().is_some(),
        Whose::Perpetuals => listing.expiry().is_none(),
        Whose::At(venue) => listing.venue == *venue,
    };
    let basis = day.basis.iter().filter(concerns).fold(1.0, |factor, basis| factor * (1.0 + basis.part));
    (1.0 + day.moves[listing.underlying.0]) * basis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Product;
    use model::{Account, Position, Underlying};
    use model::{Asset, QuotePrice};
    use units::Quantity;

    fn market() -> Market {
        Market::builder("2026-05-01T00:00:00Z")
            .asset(Asset::builder("USDC", 1))
            .asset(Asset::builder("BTC", 80_000))
            .underlying(
                Underlying::builder("BTC", 80_000)
                    .expiry("2026-05-01T08:00:00Z", 80_000)
                    .expiry("2026-05-31T00:00:00Z", 80_400),
            )
            .instrument(Instrument::perpetual("PERP", "BTC").linear("USDC").mark(80_000).venue("elsewhere"))
            .instrument(Instrument::perpetual("COIN", "BTC").inverse("BTC").contract_size(10).mark(80_000))
            .instrument(
                Instrument::put("TODAY", "BTC", "2026-05-01T08:00:00Z", 80_000).linear("USDC").mark(500).iv("0.5"),
            )
            .instrument(
                Instrument::call("MONTH", "BTC", "2026-05-31T00:00:00Z", 90_000).linear("USDC").mark(1500).iv("0.5"),
            )
            .build()
            .unwrap()
    }

    /// On a day of the scan's own grid the slow values are those of the risk array.
    #[test]
    fn on_the_grid_it_agrees_with_the_product() {
        let market = market();
        let product = Product::published();
        let defence = product.defend(&market).unwrap();
        let sizes = defence.sizes();
        let revaluer = Revaluer { market: &market, shape: sizes.shape };
        let day = Day::still("down", &market).moved(-1.0, &sizes.ranges);
        for name in ["PERP", "COIN", "TODAY", "MONTH"] {
            let id = market.instrument(name).unwrap();
            let position = Position { instrument: id, quantity: Quantity::ONE, entry: market.mark(id) };
            let account = Account { positions: vec![position], ..Account::default() };
            let slow = revaluer.contract_profit(id, &day).unwrap();
            let profits = defence.core_profits(&account).unwrap();
            let nearest = profits.iter().map(|profit| (profit - slow).abs()).fold(f64::INFINITY, f64::min);
            assert!(nearest < 1e-6 * (1.0 + slow.abs()), "{name}: {slow} {profits:?}");
        }
    }

    #[test]
    fn what_expires_settles_before_or_after_the_move() {
        let market = market();
        let shape = Product::published().defend(&market).unwrap().sizes().shape;
        let revaluer = Revaluer { market: &market, shape };
        let put = market.instrument("TODAY").unwrap();
        let mut day = Day { hours: 24.0, ..Day::still("fall", &market).moved(-1.0, &[0.1]) };
        let after = revaluer.contract_profit(put, &day).unwrap();
        day.settles = Settles::BeforeTheMove;
        let before = revaluer.contract_profit(put, &day).unwrap();
        assert!((after - before - 8000.0).abs() < 1e-6, "{after} {before}");
        assert!(before < 0.0, "a put that settles at its strike is worth nothing: {before}");
    }

    #[test]
    fn a_mark_that_moves_against_the_index_moves_that_contract_alone() {
        let market = market();
        let shape = Product::published().defend(&market).unwrap().sizes().shape;
        let revaluer = Revaluer { market: &market, shape };
        let basis = vec![Basis { whose: Whose::At(Some("elsewhere".into())), part: 0.02 }];
        let day = Day { basis, ..Day::still("apart", &market) };
        let of = |name| revaluer.contract_profit(market.instrument(name).unwrap(), &day).unwrap();
        assert!((of("PERP") - 1600.0).abs() < 1e-9);
        assert_eq!(of("COIN"), 0.0);
        assert_eq!(market.mark(market.instrument("PERP").unwrap()), QuotePrice::new("80000".parse().unwrap()));
    }
}
