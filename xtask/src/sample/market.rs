//! `samples/market.json`: three coins on the morning of 20 November 2026, at levels of our own choosing.
//!
//! The smile is the surface SSVI of Gatheral and Jacquier ("Arbitrage-free SVI volatility surfaces", 2014) in its
//! square-root form: three numbers per coin besides the volatility at the money. With `k = ln(K/F)` and `θ = σ₀²T`
//!
//! ```text
//! w(k) = θ/2 · (1 + ρφk + √((φk + ρ)² + 1 − ρ²)),   φ = η/√θ,   σ = √(w/T)
//! ```
//!
//! it is free of static arbitrage while `η²(1 + |ρ|) ≤ 4` and θ rises with T. Marks are Black-76 at the volatility that
//! the file gives, rounded to the venue's decimals.

use model::{
    AssetDocument, DepthLevel, ExpiryDocument, InstrumentDocument, KindDocument, MARKET_FORMAT, MarketDocument, Payoff,
    Right, UnderlyingDocument,
};
use pricing::black76::{Black76, Inputs};
use pricing::math;
use units::{Ratio, Timestamp};

use super::{decimal, exact};

/// The moment of the sample.
const TIME: &str = "2026-11-20T12:00:00Z";
/// The expiries: twenty hours, a week, a month, four months and seven months later.
const EXPIRIES: [&str; 5] = [
    "2026-11-21T08:00:00Z",
    "2026-11-27T08:00:00Z",
    "2026-12-25T08:00:00Z",
    "2027-03-26T08:00:00Z",
    "2027-06-25T08:00:00Z",
];

/// The price of a unit, in USD.
const USDC: f64 = 0.9998;
const USDT: f64 = 1.0003;
/// The price of a unit, in ETH.
const STETH: f64 = 0.9991;

/// A coin and everything listed on it.
struct Coin {
    name: &'static str,
    index: f64,
    /// Premium of forwards over the index, continuously compounded, per year.
    carry: f64,
    funding_rate_8h: f64,
    smile: Smile,
    /// The distance of strikes and their number on each side of the forward, by expiry; no options where the number
    /// is zero.
    strikes: [(f64, i32); 5],
    /// The size of an inverse contract in dollars; none where the coin has no inverse contracts.
    inverse_size: Option<&'static str>,
    /// The tick of dollar prices.
    tick: f64,
    /// Open interest at the money, in contracts.
    open_interest: f64,
    adv_usd: &'static str,
    /// USD in the book within 10, 50, 100 and 200 basis points.
    depth: [&'static str; 4],
}

/// The volatility at the money from its short and long ends, and the two numbers of the smile.
struct Smile {
    short: f64,
    long: f64,
    days: f64,
    rho: f64,
    eta: f64,
}

const COINS: [Coin; 3] = [
    Coin {
        name: "BTC",
        index: 86_248.37,
        carry: 0.055,
        funding_rate_8h: 0.000_082,
        smile: Smile { short: 0.385, long: 0.478, days: 70.0, rho: -0.18, eta: 1.0 },
        strikes: [(1000.0, 5), (2000.0, 6), (5000.0, 6), (10_000.0, 5), (10_000.0, 6)],
        inverse_size: Some("10"),
        tick: 5.0,
        open_interest: 3400.0,
        adv_usd: "16500000000",
        depth: ["9000000", "42000000", "96000000", "170000000"],
    },
    Coin {
        name: "ETH",
        index: 2914.62,
        carry: 0.048,
        funding_rate_8h: 0.000_061,
        smile: Smile { short: 0.582, long: 0.655, days: 70.0, rho: -0.22, eta: 1.05 },
        strikes: [(50.0, 5), (100.0, 6), (200.0, 6), (400.0, 5), (400.0, 6)],
        inverse_size: Some("1"),
        tick: 0.2,
        open_interest: 21_000.0,
        adv_usd: "11200000000",
        depth: ["5500000", "24000000", "55000000", "98000000"],
    },
    Coin {
        name: "SOL",
        index: 131.84,
        carry: 0.031,
        funding_rate_8h: -0.000_025,
        smile: Smile { short: 0.74, long: 0.79, days: 70.0, rho: -0.15, eta: 1.1 },
        strikes: [(0.0, 0), (5.0, 5), (10.0, 5), (20.0, 5), (0.0, 0)],
        inverse_size: None,
        tick: 0.02,
        open_interest: 52_000.0,
        adv_usd: "3400000000",
        depth: ["1800000", "7500000", "16000000", "29000000"],
    },
];

impl Smile {
    /// The volatility at log-moneyness `k` and `years`, rounded to four decimals as in the file.
    fn vol(&self, k: f64, years: f64) -> f64 {
        let at_the_money = self.long + (self.short - self.long) * math::exp(-years * 365.0 / self.days);
        let theta = at_the_money * at_the_money * years;
        let tilted = self.eta / theta.sqrt() * k;
        let root = ((tilted + self.rho) * (tilted + self.rho) + 1.0 - self.rho * self.rho).sqrt();
        let variance = 0.5 * theta * (1.0 + self.rho * tilted + root);
        decimal::<Ratio>((variance / years).sqrt(), 4).to_f64()
    }
}

/// The market document of the sample.
pub fn document() -> MarketDocument {
    document_with(1)
}

/// The document with strikes `finer` times closer, over the same range.
pub fn document_with(finer: i32) -> MarketDocument {
    MarketDocument {
        format: MARKET_FORMAT.into(),
        time: exact(TIME),
        assets: assets(),
        underlyings: COINS.iter().map(Coin::underlying).collect(),
        instruments: COINS.iter().flat_map(|coin| coin.instruments(finer)).collect(),
    }
}

fn assets() -> Vec<AssetDocument> {
    let asset = |name: &str, price: f64, depth: Option<[&str; 4]>, adv_usd: Option<&str>| AssetDocument {
        asset: name.into(),
        price: decimal(price, 4),
        follows: None,
        depth: depth.map(book),
        adv_usd: adv_usd.map(exact),
    };
    let mut assets = vec![
        asset("USD", 1.0, None, None),
        asset("USDC", USDC, Some(["90000000", "240000000", "400000000", "600000000"]), Some("6200000000")),
        asset("USDT", USDT, Some(["150000000", "420000000", "700000000", "1100000000"]), Some("24000000000")),
    ];
    assets.extend(COINS.iter().map(|coin| asset(coin.name, coin.index, Some(coin.depth), Some(coin.adv_usd))));
    let ether = COINS[1].index;
    let staked = asset("stETH", STETH * ether, Some(["700000", "3200000", "7500000", "14000000"]), Some("45000000"));
    assets.push(AssetDocument { follows: Some("ETH".into()), ..staked });
    assets
}

fn book(usd: [&str; 4]) -> Vec<DepthLevel> {
    ["10", "50", "100", "200"]
        .iter()
        .zip(usd)
        .map(|(bps, usd)| DepthLevel { bps: exact(bps), usd: exact(usd) })
        .collect()
}

impl Coin {
    fn underlying(&self) -> UnderlyingDocument {
        UnderlyingDocument {
            underlying: self.name.into(),
            index: Some(decimal(self.index, 4)),
            basket: None,
            scale: None,
            confidence: None,
            expiries: EXPIRIES
                .iter()
                .map(|expiry| ExpiryDocument {
                    expiry: exact(expiry),
                    forward: decimal(self.forward(years(expiry)), 2),
                    rate: None,
                    forward_settled: None,
                    confidence: None,
                })
                .collect(),
            depth: Some(book(self.depth)),
            adv_usd: Some(exact(self.adv_usd)),
        }
    }

    /// The forward, rounded to two decimals as in the file.
    fn forward(&self, years: f64) -> f64 {
        decimal::<Ratio>(self.index * math::exp(self.carry * years), 2).to_f64()
    }

    fn instruments(&self, finer: i32) -> Vec<InstrumentDocument> {
        let name = self.name;
        let mut list = vec![
            self.future(format!("{name}_USDC"), KindDocument::Spot, None),
            self.future(format!("{name}_USDC-PERPETUAL"), KindDocument::Perpetual, None),
            self.future(format!("{name}_USDT-PERPETUAL"), KindDocument::Perpetual, None),
        ];
        if self.inverse_size.is_some() {
            list.push(self.future(format!("{name}-PERPETUAL"), KindDocument::Perpetual, None));
        }
        for expiry in &EXPIRIES[1..] {
            list.push(self.future(format!("{name}_USDC-{}", day(expiry)), KindDocument::Future, Some(expiry)));
            if self.inverse_size.is_some() {
                list.push(self.future(format!("{name}-{}", day(expiry)), KindDocument::Future, Some(expiry)));
            }
        }
        for (expiry, (step, count)) in EXPIRIES.iter().zip(self.strikes).filter(|(_, (step, _))| *step > 0.0) {
            let (step, count) = (step / f64::from(finer), count * finer);
            let middle = (self.forward(years(expiry)) / step).round();
            let payoffs = [Payoff::Inverse, Payoff::Linear];
            for payoff in payoffs.into_iter().filter(|payoff| *payoff == Payoff::Linear || self.inverse_size.is_some())
            {
                for strike in (-count..=count).map(|place| step * (middle + f64::from(place))) {
                    list.extend([Right::Call, Right::Put].map(|right| self.option(payoff, expiry, strike, right)));
                }
            }
        }
        list
    }

    /// Spot, a perpetual or a dated future; the name contains the quote.
    fn future(&self, instrument: String, kind: KindDocument, expiry: Option<&str>) -> InstrumentDocument {
        let quote = ["USDC", "USDT"].into_iter().find(|stable| instrument.contains(stable));
        let (payoff, dollars) = match quote {
            Some("USDT") => (Payoff::Linear, USDT),
            Some(_) => (Payoff::Linear, USDC),
            None => (Payoff::Inverse, 1.0),
        };
        let fair = expiry.map_or(self.index, |expiry| self.forward(years(expiry))) / dollars;
        let perpetual = kind == KindDocument::Perpetual;
        // A perpetual differs from the index by the funding of eight hours.
        let premium = if perpetual { 1.0 + self.funding_rate_8h } else { 1.0 };
        let mark = fair * premium;
        InstrumentDocument {
            instrument,
            kind,
            underlying: self.name.into(),
            payoff,
            quote: quote.unwrap_or("USD").into(),
            settle: quote.unwrap_or(self.name).into(),
            contract_size: exact(if payoff == Payoff::Inverse {
                self.inverse_size.expect("an inverse future")
            } else {
                "1"
            }),
            expiry: expiry.map(exact),
            strike: None,
            right: None,
            mark: decimal(mark, 2),
            iv: None,
            funding_rate_8h: perpetual.then(|| decimal(self.funding_rate_8h, 6)),
            bid: Some(decimal((mark / self.tick).floor() * self.tick, 2)),
            ask: Some(decimal((mark / self.tick).ceil() * self.tick, 2)),
            open_interest: None,
            volume_24h: None,
            fee_rate: Some(exact(if kind == KindDocument::Spot { "0" } else { "0.0005" })),
            delta: None,
            venue: None,
        }
    }

    fn option(&self, payoff: Payoff, expiry: &str, strike: f64, right: Right) -> InstrumentDocument {
        let years = years(expiry);
        // The forward in the currency of the strike.
        let forward = self.forward(years) / if payoff == Payoff::Linear { USDC } else { 1.0 };
        let vol = self.smile.vol(math::ln(strike / forward), years);
        let letter = if right == Right::Call { "C" } else { "P" };
        let black = |vol: f64| {
            let inputs = Inputs { right, forward, strike, vol, years, discount: 1.0 };
            Black76::new(inputs).expect("a forward, a strike and a volatility above 0")
        };
        // The premium is in the coin, with four decimals in quotes and six in marks, or in dollars.
        let (quote, prefix, unit) = match payoff {
            Payoff::Inverse => (self.name, self.name.to_owned(), 1.0 / forward),
            Payoff::Linear => ("USDC", format!("{}_USDC", self.name), 1.0),
        };
        let tick = if payoff == Payoff::Inverse { 0.0001 } else { self.tick };
        // Bid and ask are a volatility point apart around the mark.
        let bid = (black(vol - 0.005).price() * unit / tick).floor() * tick;
        let ask = (black(vol + 0.005).price() * unit / tick).ceil() * tick;
        // Open interest is highest at the money, lower further away, lowest in the money.
        let distance = math::ln(strike / forward) / black(vol).stdev();
        let in_the_money = if right.sign() * distance < 0.0 { 0.3 } else { 1.0 };
        InstrumentDocument {
            instrument: format!("{prefix}-{}-{strike}-{letter}", day(expiry)),
            kind: KindDocument::Option,
            underlying: self.name.into(),
            payoff,
            quote: quote.into(),
            settle: quote.into(),
            contract_size: exact("1"),
            expiry: Some(exact(expiry)),
            strike: Some(decimal(strike, 2)),
            right: Some(right),
            mark: decimal(black(vol).price() * unit, if payoff == Payoff::Inverse { 6 } else { 4 }),
            iv: Some(decimal(vol, 4)),
            funding_rate_8h: None,
            bid: (bid > 0.0).then(|| decimal(bid, 4)),
            ask: Some(decimal(ask, 4)),
            open_interest: Some(decimal(self.open_interest * in_the_money * math::exp(-0.5 * distance * distance), 1)),
            volume_24h: None,
            fee_rate: Some(exact("0.0003")),
            delta: Some(decimal(black(vol).greeks().delta, 5)),
            venue: None,
        }
    }
}

fn years(expiry: &str) -> f64 {
    exact::<Timestamp>(expiry).years_since(exact(TIME))
}

/// `2026-11-27T08:00:00Z` as venues write it in names: `27NOV26`.
fn day(expiry: &str) -> String {
    let date = exact::<Timestamp>(expiry).calendar();
    let month = date.month().to_string().to_uppercase();
    format!("{}{}{:02}", date.day(), &month[..3], date.year() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{InstrumentKind, Market};

    #[test]
    fn the_smile_is_free_of_static_arbitrage() {
        for coin in COINS {
            let Smile { rho, eta, .. } = coin.smile;
            assert!(eta * eta * (1.0 + rho.abs()) <= 4.0);
            let variances = EXPIRIES.map(|expiry| {
                let vol = coin.smile.vol(0.0, years(expiry));
                vol * vol * years(expiry)
            });
            assert!(variances.is_sorted_by(|near, far| near < far), "{}", coin.name);
        }
    }

    #[test]
    fn marks_are_the_model_at_the_volatility_given() {
        let market = Market::new(&document()).unwrap();
        for listing in market.instruments.iter().filter(|listing| listing.is_option()) {
            let inputs = margin::greeks::option_inputs(listing, &market).unwrap();
            let price = Black76::new(inputs).unwrap().price();
            let (model, decimals) = match listing.payoff {
                Payoff::Inverse => (price / inputs.forward, 1e-6),
                Payoff::Linear => (price, 1e-4),
            };
            assert!(
                (market.mark(listing.id).in_quote().to_f64() - model).abs() <= 0.500_001 * decimals,
                "{}",
                listing.name
            );
            assert!(market.quote(listing.id).bid.is_none_or(|bid| bid <= market.mark(listing.id)), "{}", listing.name);
            assert!(market.quote(listing.id).ask.is_some_and(|ask| ask >= market.mark(listing.id)), "{}", listing.name);
        }
    }

    #[test]
    fn bitcoin_and_ether_have_options_over_five_expiries_in_coin_and_in_dollars() {
        let market = Market::new(&document()).unwrap();
        for name in ["BTC", "ETH"] {
            for payoff in [Payoff::Inverse, Payoff::Linear] {
                let underlying = market.underlying(name).unwrap();
                let listed = market
                    .instruments
                    .iter()
                    .filter(|listing| listing.underlying == underlying && listing.payoff == payoff);
                let mut expiries: Vec<Timestamp> = listed
                    .filter(|listing| matches!(listing.kind, InstrumentKind::Option { .. }))
                    .filter_map(model::Instrument::expiry)
                    .collect();
                expiries.dedup();
                assert_eq!(expiries.len(), 5, "{name} {payoff:?}");
            }
        }
    }
}
