//! The facts that the generator knows and the engine does not: true prices, silent sources, commands that were sent.

use std::collections::BTreeMap;

use dice::Dice;
use engine::state::{AssetTerms, InstrumentTerms, Policy, State, UnderlyingTerms};
use engine::{Envelope, FeedId};
use journal::Identity;
use marks::{Bounds, FeedRules, Source};
use model::{AssetId, CounterPrice, DepthLevel, InstrumentId, InstrumentKind, Payoff, Right, UnderlyingId};
use operator::Batch;
use sequencer::Genesis;
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::scene::Scene;
use crate::swarm::{Corner, Swarm};

/// One unit of 18 decimals.
pub const ONE: i128 = 1_000_000_000_000_000_000;

/// A second, in microseconds.
pub const SECOND: i64 = 1_000_000;

/// When every run begins: 2026-11-22T00:00:00Z.
pub const START: i64 = 1_795_305_600 * SECOND;

/// The underlyings of the venue.
pub const BTC: UnderlyingId = UnderlyingId(0);
/// The underlying of ether's instruments.
pub const ETH: UnderlyingId = UnderlyingId(1);
/// The underlying of oil; its price may fall below zero.
pub const OIL: UnderlyingId = UnderlyingId(2);
/// The stablecoin that most contracts settle in.
pub const USDC: AssetId = AssetId(1);
/// The staked coin, which follows ether by a feed of its own.
pub const STETH: AssetId = AssetId(4);

/// Instruments of the first series, in the order in which they are listed.
pub const BTC_PERPETUAL: InstrumentId = InstrumentId(1);
/// The perpetual on bitcoin that pays in bitcoin.
pub const BTC_INVERSE: InstrumentId = InstrumentId(2);
/// The perpetual on ether.
pub const ETH_PERPETUAL: InstrumentId = InstrumentId(3);
/// The future on ether with the first expiry; it has no feed of its own.
pub const ETH_FUTURE: InstrumentId = InstrumentId(4);
/// The perpetual on oil, settled in dollars.
pub const OIL_PERPETUAL: InstrumentId = InstrumentId(10);

/// The index of each underlying at the start, in USD.
pub const FIRST_PRICES: [i128; 3] = [80_000, 2_500, 25];

/// A number of hundredths as a fixed-point number with 18 decimals.
fn cents(hundredths: i128) -> i128 {
    hundredths * (ONE / 100)
}

fn ratio(hundredths: i128) -> Ratio {
    Ratio::from_raw(cents(hundredths))
}

fn price(hundredths: i128) -> Price {
    Price::from_raw(cents(hundredths))
}

fn money(dollars: i128) -> Money {
    Money::from_raw(dollars * ONE)
}

/// The identity of the journal of every run.
pub fn identity() -> Identity {
    Identity { shard: 0, genesis: genesis().text() }
}

/// The genesis of every run: the rules of the house with delays and ramps that are short enough for a run to pass them.
pub fn genesis() -> Genesis {
    let minutes = |minutes: i64| minutes * 60 * SECOND;
    // Longer than most steps between ticks and shorter than the longest, so that both sides of the gate are reached.
    // Auctions last some ticks. A loss that no backstop takes on is left for the winners.
    let mut liquidation = Policy::default().liquidation;
    (liquidation.outage, liquidation.cure, liquidation.slow) = (70 * SECOND, minutes(1), minutes(5));
    liquidation.backstop_budget = money(50_000);
    let policy = Policy {
        delay: minutes(15),
        ramp: minutes(20),
        collateral_ramp: minutes(30),
        outflow_window: minutes(30),
        outflow_floor: money(20_000),
        share_floor: money(12_000_000),
        fund_floor: money(9_000_000),
        fund_multiple: ratio(4_000),
        max_orders: 6,
        max_positions: 8,
        settlement_window: minutes(20),
        settlement_samples: 5,
        liquidation,
        ..Policy::default()
    };
    Genesis { policy, ..Genesis::new(Timestamp::from_micros(START)) }
}

/// The world of a run.
#[derive(Clone, Debug)]
pub struct World {
    /// The options that the seed has drawn.
    pub swarm: Swarm,
    /// The stream of random numbers.
    pub dice: Dice,
    /// The time of the next command, in microseconds.
    pub now: i64,
    /// The true index of each underlying, in units of 10⁻¹⁸ USD.
    pub prices: Vec<i128>,
    /// The true ratio of every other feed; 1 at first.
    pub ratios: BTreeMap<FeedId, i128>,
    /// The time of the last price that each source has reported.
    pub spoken: BTreeMap<(FeedId, u32), i64>,
    /// The number of further ticks for which each source is silent.
    pub silent: BTreeMap<(FeedId, u32), u32>,
    /// The remaining ticks of the crash, and its move in hundredths of a per cent a tick.
    pub crash: (u32, i64),
    /// Whether faults strike: only in the safety phase.
    pub faulty: bool,
    /// Commands that may be delivered a second time.
    pub sent: Vec<Envelope>,
    /// The times of the next expiries, in microseconds.
    pub expiries: [i64; 2],
    /// The number of series that were listed after the first.
    pub series: u32,
    /// The scene that is being played out.
    pub scene: Option<Scene>,
    /// A feed whose true value a scene has fixed, and the value.
    pub pinned: Option<(FeedId, i128)>,
}

impl World {
    /// Creates the world of a seed, before anything has happened.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let swarm = Swarm::draw(seed, &mut dice);
        let first = if swarm.seeks(Corner::CrashAtExpiry) { 90 } else { 150 };
        Self {
            swarm,
            dice,
            now: START,
            prices: FIRST_PRICES.map(|usd| usd * ONE).to_vec(),
            ratios: BTreeMap::new(),
            spoken: BTreeMap::new(),
            silent: BTreeMap::new(),
            crash: (0, 0),
            faulty: true,
            sent: Vec::new(),
            expiries: [START + first * 60 * SECOND, START + 26 * 3600 * SECOND],
            series: 0,
            scene: None,
            pinned: None,
        }
    }

    /// The time of the next command.
    pub fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// Begins a batch of commands at the current time, for an engine in this state.
    pub fn batch<'s>(&self, state: &'s State) -> Batch<'s> {
        Batch::new(state, self.time())
    }

    /// The commands that `write` writes at the current time, for an engine in this state.
    pub fn written<'s>(&self, state: &'s State, write: impl FnOnce(&mut Batch<'s>)) -> Vec<Envelope> {
        let mut batch = self.batch(state);
        write(&mut batch);
        batch.done()
    }

    /// The true value of a feed, without faults.
    pub fn truth(&self, feed: FeedId) -> i128 {
        match feed {
            FeedId::Index(underlying) => self.prices.get(underlying.0).copied().unwrap_or(10 * ONE),
            _ => self.ratios.get(&feed).copied().unwrap_or(ONE),
        }
    }

    /// The commands that set up the venue.
    pub fn founding(&self, state: &State) -> Vec<Envelope> {
        let mut batch = self.batch(state);
        for name in ["ethereum", "solana"] {
            batch.list_location(name);
        }
        let listed = [("BTC", 80_000, 3, false), ("ETH", 2_500, 3, false), ("OIL", 25, 3, true)];
        for (name, usd, sources, signed) in listed {
            batch.list_underlying(UnderlyingTerms {
                name: name.to_owned(),
                reference: price(usd * 100),
                feed: self.rules(sources, signed, name == "BTC"),
                adv_usd: None,
                depth: Vec::new(),
                open_interest_usd: money(200_000_000),
            });
        }
        let (steth_rules, usdc_rules) = (self.rules(3, false, false), self.rules(3, false, false));
        let coins = [
            ("USDC", 100, None, Some(usdc_rules), 500_000_000),
            ("BTC", 8_000_000, Some(BTC), None, 2_000),
            ("ETH", 250_000, Some(ETH), None, 20_000),
            ("stETH", 250_000, Some(ETH), Some(steth_rules), 5_000),
        ];
        for (name, reference, follows, feed, cap) in coins {
            let depth = vec![
                DepthLevel { bps: Ratio::from_raw(10 * ONE), usd: money(2_000_000) },
                DepthLevel { bps: Ratio::from_raw(100 * ONE), usd: money(20_000_000) },
            ];
            batch.list_asset(AssetTerms {
                name: name.to_owned(),
                reference: price(reference),
                follows,
                feed,
                adv_usd: None,
                depth: if name == "stETH" { depth } else { Vec::new() },
                cap: Quantity::from_raw(cap * ONE),
            });
        }
        for terms in self.first_series() {
            batch.list_instrument(terms);
        }
        for account in 0..self.swarm.accounts {
            let owner = if account < 2 { account } else { 2 + (account - 2) / self.swarm.linked };
            batch.open_account(&format!("account {account}"), owner);
        }
        batch.done()
    }

    /// The rules by which a feed is read.
    pub fn rules(&self, sources: u32, signed: bool, bounded: bool) -> FeedRules {
        let thin = self.swarm.seeks(Corner::Thin);
        let source = |number: u32| Source {
            source: number,
            max_age_micros: if thin { 60 * SECOND } else { 150 * SECOND },
            bounds: (bounded && number == 3).then(|| Bounds { low: price(100_000), high: price(100_000_000) }),
        };
        FeedRules {
            sources: (1..=sources).map(source).collect(),
            quorum: if sources == 1 { 1 } else { 2 },
            band: ratio(5),
            dispersion: ratio(2),
            scale: price(100),
            max_confidence: ratio(2),
            max_future_micros: 2 * SECOND,
            collar: ratio(self.swarm.collar),
            handover: ratio(5),
            fast_micros: 60 * SECOND,
            slow_micros: 600 * SECOND,
            signed,
        }
    }

    fn first_series(&self) -> Vec<InstrumentTerms> {
        let single = || Some(self.rules(1, false, false));
        let [first, second] = self.expiries.map(Timestamp::from_micros);
        let usd = AssetId(0);
        let btc = AssetId(2);
        let spot = Terms::new("BTC-SPOT", InstrumentKind::Spot, BTC, USDC).sized(100_000, 1, 10);
        let perpetual = |name: &str, underlying| Terms::new(name, InstrumentKind::Perpetual, underlying, USDC);
        let future = InstrumentKind::Future { expiry: first };
        let option = |expiry, strike: i128, right| InstrumentKind::Option {
            expiry,
            strike: CounterPrice::new(price(strike * 100)),
            right,
        };
        vec![
            Terms { feed: None, ..spot }.build(),
            Terms { feed: single(), ..perpetual("BTC-PERP", BTC).sized(100_000, 1, 50) }.build(),
            Terms { feed: single(), ..perpetual("BTC-INV", BTC).sized(100_000_000, 1000, 50).inverse(usd, btc) }
                .build(),
            Terms { feed: single(), ..perpetual("ETH-PERP", ETH).sized(100_000, 10, 5) }.build(),
            Terms {
                feed: None,
                ..Terms::new("ETH-FUT", InstrumentKind::Future { expiry: first }, ETH, USDC).sized(100_000, 10, 5)
            }
            .build(),
            Terms {
                feed: single(),
                ..Terms::new("BTC-FUT-INV", future, BTC, usd).sized(100_000_000, 1000, 50).inverse(usd, btc)
            }
            .build(),
            Terms {
                feed: None,
                ..Terms::new("BTC-C", option(first, 80_000, Right::Call), BTC, USDC).sized(100_000, 10, 100)
            }
            .build(),
            Terms {
                feed: None,
                ..Terms::new("BTC-P", option(first, 78_000, Right::Put), BTC, USDC).sized(100_000, 10, 100)
            }
            .build(),
            InstrumentTerms {
                tick: Price::from_raw(ONE / 10_000),
                ..Terms {
                    feed: None,
                    ..Terms::new("BTC-IC", option(second, 85_000, Right::Call), BTC, usd)
                        .sized(100_000, 100, 1)
                        .inverse(btc, btc)
                }
                .build()
            },
            Terms {
                feed: None,
                ..Terms::new("ETH-P", option(second, 2_400, Right::Put), ETH, USDC).sized(100_000, 100, 5)
            }
            .build(),
            Terms { feed: None, ..perpetual("OIL-PERP", OIL).sized(100_000, 1000, 1).inverse_not(usd) }.build(),
        ]
    }

    /// The next series of options and futures, listed while the engine runs.
    pub fn next_series(&mut self) -> Vec<InstrumentTerms> {
        self.series += 1;
        let number = self.series;
        let expiry = self.now + self.dice.pick(&[1_i64, 2, 5, 30]) * 3600 * SECOND + i64::from(number) * SECOND;
        let strike = self.prices[0] / ONE / 1000 * 1000 + i128::from(self.dice.between(-4, 4)) * 1000;
        let right = self.dice.pick(&[Right::Call, Right::Put]);
        let expires = Timestamp::from_micros(expiry);
        let strike = CounterPrice::new(price(strike.max(1000) * 100));
        let kind = InstrumentKind::Option { expiry: expires, strike, right };
        let option = Terms::new(&format!("BTC-O-{number}"), kind, BTC, USDC).sized(100_000, 10, 100).build();
        let future = InstrumentKind::Future { expiry: expires };
        vec![option, Terms::new(&format!("BTC-F-{number}"), future, BTC, USDC).sized(100_000, 1, 50).build()]
    }

    /// Moves the market by one tick; faults of feeds begin and end.
    pub fn advance(&mut self, state: &State) {
        let step = self.dice.between(1, self.swarm.step) * SECOND;
        self.now += step;
        if self.faulty && self.dice.chance(self.swarm.faults.clock) {
            self.now += self.dice.pick(&[600, 3600, 9000]) * SECOND;
        }
        let before_expiry = self.expiries[0] - self.now;
        let crashing = self.swarm.seeks(Corner::CrashAtExpiry) && (0..20 * 60 * SECOND).contains(&before_expiry);
        if self.crash.0 == 0
            && self.faulty
            && (crashing || self.dice.chance(if self.swarm.seeks(Corner::Brink) { 60 } else { 10 }))
        {
            let (lasts, deep) = (self.dice.between(1, 6), self.dice.between(-700, 600));
            self.crash = (u32::try_from(lasts).expect("small"), deep);
        }
        for place in 0..self.prices.len() {
            let swing = self.swarm.swing;
            let mut move_by = self.dice.between(-swing, swing);
            if self.crash.0 > 0 {
                move_by += self.crash.1;
            }
            let price = self.prices[place];
            let cent = ONE / 100;
            let signed = place == OIL.0 && self.swarm.seeks(Corner::NegativeOil) && self.faulty;
            let moved = if signed {
                price - i128::from(self.dice.between(-30, 60)) * cent
            } else {
                price + price * i128::from(move_by) / 10_000
            };
            let moved = moved / cent * cent;
            self.prices[place] =
                if signed { moved.clamp(-40 * ONE, 400 * ONE) } else { moved.max(50 * cent).min(1_000_000 * ONE) };
        }
        self.crash.0 = self.crash.0.saturating_sub(1);
        for feed in state.feeds.keys().filter(|feed| !matches!(feed, FeedId::Index(_))) {
            let drift = i128::from(self.dice.between(-6, 6)) * (ONE / 100_000);
            let pegged = self.ratios.get(feed).copied().unwrap_or(ONE);
            let depeg = self.swarm.seeks(Corner::Depeg) && self.faulty && matches!(feed, FeedId::Asset(_));
            let drift = if depeg {
                drift - ONE / if self.crash.0 > 0 { 100 } else { 4000 }
            } else {
                drift - (pegged - ONE) / 20
            };
            self.ratios.insert(*feed, (pegged + drift).max(ONE / 2));
        }
        match self.pinned {
            Some((FeedId::Index(underlying), price)) => self.prices[underlying.0] = price / (ONE / 100) * (ONE / 100),
            Some((feed, ratio)) => drop(self.ratios.insert(feed, ratio)),
            None => {}
        }
        self.silent.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        if !self.faulty {
            self.silent.clear();
        }
    }

    /// A price near the mark, on a tick; `spread` in hundredths of a per cent either way.
    pub fn near_mark(&mut self, state: &State, instrument: InstrumentId, spread: i64) -> Price {
        let tick = state.contracts[instrument.0].terms.tick.raw();
        let mark = state.market.mark(instrument).in_quote().raw();
        let moved = mark + mark / 10_000 * i128::from(self.dice.between(-spread, spread));
        let signed = state.feeds.get(&FeedId::Index(state.contracts[instrument.0].terms.underlying));
        let lowest = if signed.is_some_and(|feed| feed.rules.signed) { i128::MIN } else { tick };
        Price::from_raw((moved.div_euclid(tick) * tick).max(lowest))
    }
}

/// The terms of an instrument that are not yet complete.
struct Terms {
    name: String,
    kind: InstrumentKind,
    underlying: UnderlyingId,
    payoff: Payoff,
    quote: AssetId,
    settle: AssetId,
    /// Sizes: of a contract in hundred-thousandths, of a lot in thousandths of a contract.
    size: i128,
    lot: i128,
    tick: i128,
    feed: Option<FeedRules>,
}

impl Terms {
    fn new(name: &str, kind: InstrumentKind, underlying: UnderlyingId, asset: AssetId) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            underlying,
            payoff: Payoff::Linear,
            quote: asset,
            settle: asset,
            size: 100_000,
            lot: 1,
            tick: 1,
            feed: None,
        }
    }

    /// A contract in hundred-thousandths, a lot in thousandths of a contract, a tick in hundredths.
    fn sized(self, size: i128, lot: i128, tick: i128) -> Self {
        Self { size, lot, tick, ..self }
    }

    fn inverse(self, quote: AssetId, settle: AssetId) -> Self {
        Self { payoff: Payoff::Inverse, quote, settle, ..self }
    }

    fn inverse_not(self, asset: AssetId) -> Self {
        Self { quote: asset, settle: asset, ..self }
    }

    fn build(self) -> InstrumentTerms {
        InstrumentTerms {
            name: self.name,
            kind: self.kind,
            underlying: self.underlying,
            payoff: self.payoff,
            quote: self.quote,
            settle: self.settle,
            contract_size: Quantity::from_raw(self.size * (ONE / 100_000)),
            lot: Quantity::from_raw(self.lot * (ONE / 1000)),
            tick: price(self.tick),
            max_order: 200_000,
            max_open: 1_000_000,
            band: ratio(10),
            fee_rate: None,
            feed: self.feed,
        }
    }
}
