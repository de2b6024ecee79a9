//! Markets and accounts that reach corner states on purpose.
//!
//! Expiries now, within minutes, inside the settlement window with and without a settled part; strikes from a twentieth to
//! twenty times the forward; volatilities that scenarios push to zero; dust of 10⁻¹⁸; everything short; collateral in
//! coins, in staked tokens, at places that fail; debts; orders; nothing at all.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use audit::margin::black76;
use margin::Assessment;
use margin::method::universal::{self, rules::Rules};
use margin::params::Params;
use margin::scenario::ScenarioSet;
use model::{
    Account, AssetDocument, AssetId, Balance, BasketDocument, DepthLevel, ExpiryDocument, InstrumentDocument,
    InstrumentId, InstrumentKind, KindDocument, MARKET_FORMAT, Market, MarketDocument, Order, PartDocument, Payoff,
    Position, Right, Side, UnderlyingDocument,
};
use pricing::kernel::Isa;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use units::{Decimal, Money, Price, Quantity, Ratio, Round, Timestamp};

/// The parameters that come with the program.
pub static PARAMS: LazyLock<Params<Rules>> =
    LazyLock::new(|| universal::parse(universal::PARAMS).expect("the bundled parameters are valid"));

/// A market and an account in it.
#[derive(Clone)]
pub struct World {
    pub market: Market,
    pub account: Account,
}

/// Shows what the account depends on, one item a line.
impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { market, account } = self;
        for underlying in &market.underlyings {
            writeln!(formatter, "\n{underlying:?}")?;
        }
        for balance in &account.balances {
            writeln!(formatter, "{balance:?} of {:?}", market.assets[balance.asset.0])?;
        }
        for position in &account.positions {
            writeln!(formatter, "{position:?} of {:?}", market.listing(position.instrument))?;
        }
        for order in &account.orders {
            writeln!(formatter, "{order:?} on {:?}", market.listing(order.instrument))?;
        }
        Ok(())
    }
}

/// The assessment of an account under the universal method with the bundled parameters.
pub fn assessed(account: &Account, market: &Market) -> Assessment {
    let judge =
        universal::prepare(market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market to prepare");
    margin::assess(account, &judge).expect("an account to assess")
}

/// Settings that do not write files next to the sources.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::with_cases(cases) }
}

/// The moment of every generated market.
pub fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().expect("a time")
}

/// `seconds` after [`now`].
pub fn after(seconds: i64) -> Timestamp {
    Timestamp::from_micros(now().micros() + seconds * 1_000_000)
}

/// A price of the type that the caller asks for.
pub fn price<T: Decimal>(number: f64) -> T {
    let price = Price::from_f64(number, Round::Down).expect("in range");
    let rounded = price.to_decimals(10, Round::Up).expect("in range");
    T::cut(&rounded.to_string(), 0).expect("a decimal")
}

pub fn ratio(number: f64) -> Ratio {
    Ratio::from_f64(number, Round::Down).expect("in range").to_decimals(10, Round::Up).expect("in range")
}

pub fn quantity(number: f64) -> Quantity {
    Quantity::from_f64(number, Round::Down).expect("in range")
}

pub fn money(usd: f64) -> Money {
    Money::from_f64(usd, Round::Down).expect("in range")
}

/// `10^exponent`, uniform in the exponent.
fn log_uniform(exponents: std::ops::Range<f64>) -> impl Strategy<Value = f64> + Clone {
    exponents.prop_map(|exponent| libm::pow(10.0, exponent))
}

#[derive(Clone, Debug)]
struct OptionPlan {
    moneyness: f64,
    right: Right,
    inverse: bool,
    iv: f64,
    gap: f64,
}

#[derive(Clone, Debug)]
struct ExpiryPlan {
    seconds: i64,
    basis: f64,
    rate: f64,
    settled: Option<f64>,
    future: Option<Payoff>,
    options: Vec<OptionPlan>,
}

#[derive(Clone, Debug)]
struct UnderlyingPlan {
    index: f64,
    adv: Option<f64>,
    funding: f64,
    coin_premium: f64,
    expiries: Vec<ExpiryPlan>,
}

fn option_plan() -> impl Strategy<Value = OptionPlan> {
    let moneyness = prop_oneof![5 => 0.7..1.4, 1 => Just(1.0), 2 => log_uniform(-1.3..1.3)];
    let iv = prop_oneof![6 => 0.3..1.5, 1 => 0.001..0.05, 1 => 5.0..20.0, 1 => Just(1e-6)];
    let right = prop_oneof![Just(Right::Call), Just(Right::Put)];
    (moneyness, right, any::<bool>(), iv, prop_oneof![Just(0.0), -0.2..0.2])
        .prop_map(|(moneyness, right, inverse, iv, gap)| OptionPlan { moneyness, right, inverse, iv, gap })
}

fn expiry_plan() -> impl Strategy<Value = ExpiryPlan> {
    let seconds = prop_oneof![
        1 => Just(0), 1 => 1..120_i64, 2 => 120..1800_i64, 1 => Just(1800), 2 => 1801..86_400_i64, 1 => Just(86_400),
        1 => Just(30 * 86_400), 4 => 86_400..90 * 86_400_i64, 2 => 90 * 86_400..800 * 86_400_i64,
    ];
    let settled = prop_oneof![3 => Just(None), 1 => (0.0..1.0).prop_map(Some)];
    let future = prop_oneof![Just(None), Just(Some(Payoff::Linear)), Just(Some(Payoff::Inverse))];
    let rate = prop_oneof![2 => Just(0.0), 1 => -0.05..0.15];
    (seconds, 0.9..1.1, rate, settled, future, vec(option_plan(), 0..5)).prop_map(
        |(seconds, basis, rate, settled, future, options)| ExpiryPlan {
            seconds,
            basis,
            rate,
            settled,
            future,
            options,
        },
    )
}

fn underlying_plan() -> impl Strategy<Value = UnderlyingPlan> {
    let adv = prop_oneof![3 => Just(None), 1 => log_uniform(5.0..10.0).prop_map(Some)];
    (log_uniform(-1.5..5.0), adv, -0.001..0.001, -0.002..0.002, vec(expiry_plan(), 0..4)).prop_map(
        |(index, adv, funding, coin_premium, expiries)| UnderlyingPlan { index, adv, funding, coin_premium, expiries },
    )
}

/// A market of one to four underlyings, some of them unknown to the parameters, listed in any order; in a third of the
/// markets also `INDEX`, a basket of them, and in a third every second or third contract is of another venue.
pub fn market() -> impl Strategy<Value = Market> {
    let names = subsequence(vec!["BTC", "ETH", "SOL", "DOGE", "XRP"], 1..=4).prop_shuffle();
    let tokens = (0.97..1.03, 0.8..1.1, log_uniform(4.0..8.0), any::<bool>());
    let parts = prop_oneof![2 => Just(Vec::new()), 1 => vec(0.05..1.0_f64, 4)];
    let elsewhere = prop_oneof![2 => Just(None), 1 => (2..4_usize).prop_map(Some)];
    (names, vec(underlying_plan(), 5), tokens, parts, elsewhere).prop_map(
        |(names, plans, (dollar, staked, depth, deep), parts, elsewhere)| {
            let mut document = empty_market();
            document.assets.push(asset("USDC", dollar, None));
            document.assets.push(asset("USDT", 2.0 - dollar, None));
            let meme = AssetDocument {
                depth: deep.then(|| levels(depth)),
                adv_usd: Some(money(depth * 10.0)),
                ..asset("MEME", 0.02, None)
            };
            document.assets.push(meme);
            for (name, plan) in names.iter().zip(&plans) {
                list(&mut document, name, plan);
            }
            if !parts.is_empty() {
                let weighed =
                    names.iter().zip(&plans).zip(&parts).map(|((name, plan), part)| (*name, plan.index, *part));
                let index = &plans[4];
                list(&mut document, "INDEX", index);
                let entry = document.underlyings.last_mut().expect("it was listed");
                entry.basket = Some(basket(index.index, &weighed.collect::<Vec<_>>()));
            }
            let (first, index) = (names[0], plans[0].index);
            let staked = AssetDocument {
                depth: Some(levels(depth)),
                ..asset(&format!("st{first}"), index * staked, Some(first))
            };
            document.assets.push(staked);
            document.assets.push(asset(&format!("w{first}"), index, Some(first)));
            for (place, listed) in document.instruments.iter_mut().enumerate() {
                write_in(listed, place, dollar, (first, index));
                let named = elsewhere.is_some_and(|each| place.is_multiple_of(each));
                listed.venue = named.then(|| "elsewhere".to_owned());
            }
            Market::new(&document).expect("a generated market is valid")
        },
    )
}

/// Converts a contract, whose prices are in USD so far, to a currency that venues use. Linear contracts are written and
/// paid in USDC, written in USD and paid in USDC, or (no options) written in the coin of the first underlying and paid
/// in that or in USDC. Inverse perpetuals and futures are written in USD or USDC.
fn write_in(listed: &mut InstrumentDocument, place: usize, dollar: f64, (coin, coin_price): (&str, f64)) {
    let is_option = listed.kind == KindDocument::Option;
    // Rounded in another unit, a strike at the money is no longer exactly there, and without volatility nothing else matters.
    let is_still = listed.iv.is_some_and(|iv| iv.to_f64() < 0.01);
    if listed.payoff == Payoff::Linear && is_option && (is_still || place.is_multiple_of(4)) {
        "USD".clone_into(&mut listed.quote);
        return;
    }
    let (quote, unit) = match (listed.payoff, place % 4) {
        (Payoff::Inverse, _) if is_option => return,
        (Payoff::Inverse, 0 | 1) | (Payoff::Linear, 0) => ("USD", 1.0),
        (Payoff::Linear, 1) if !is_option && listed.underlying != coin => (coin, coin_price),
        _ => ("USDC", dollar),
    };
    quote.clone_into(&mut listed.quote);
    if listed.payoff == Payoff::Linear && place % 8 == 1 {
        quote.clone_into(&mut listed.settle);
    }
    listed.mark = price(listed.mark.in_quote().to_f64() / unit);
    listed.strike = listed.strike.map(|strike| price(strike.in_counter().to_f64() / unit));
    if listed.payoff == Payoff::Inverse {
        listed.contract_size = quantity(10.0 / unit);
    }
}

/// A market document with nothing in it.
pub fn empty_market() -> MarketDocument {
    MarketDocument {
        format: MARKET_FORMAT.to_owned(),
        time: now(),
        assets: Vec::new(),
        underlyings: Vec::new(),
        instruments: Vec::new(),
    }
}

pub fn asset(name: &str, usd: f64, follows: Option<&str>) -> AssetDocument {
    AssetDocument {
        asset: name.to_owned(),
        price: price(usd),
        follows: follows.map(str::to_owned),
        depth: None,
        adv_usd: None,
    }
}

pub fn underlying(name: &str, index: f64) -> UnderlyingDocument {
    UnderlyingDocument {
        underlying: name.to_owned(),
        index: Some(price(index)),
        basket: None,
        scale: None,
        confidence: None,
        expiries: Vec::new(),
        depth: None,
        adv_usd: None,
    }
}

/// A basket that is worth `index`: each part with its name, its index, and its share before they are made to sum to 1.
pub fn basket(index: f64, parts: &[(&str, f64, f64)]) -> BasketDocument {
    let total: f64 = parts.iter().map(|(_, _, share)| share).sum();
    let part = |(name, price, share): &(&str, f64, f64)| PartDocument {
        underlying: (*name).to_owned(),
        units: Some(quantity(share / total * index / price)),
        weight: None,
        price: None,
    };
    BasketDocument { parts: parts.iter().map(part).collect(), divisor: None, rebalanced: now() }
}

/// A perpetual; other kinds are made from it by struct update.
pub fn perpetual(name: &str, underlying: &str, payoff: Payoff, mark: f64) -> InstrumentDocument {
    let (quote, settle) = if payoff == Payoff::Linear { ("USDC", "USDC") } else { ("USD", underlying) };
    InstrumentDocument {
        instrument: name.to_owned(),
        kind: KindDocument::Perpetual,
        underlying: underlying.to_owned(),
        payoff,
        quote: quote.to_owned(),
        settle: settle.to_owned(),
        contract_size: quantity(if payoff == Payoff::Linear { 1.0 } else { 10.0 }),
        expiry: None,
        strike: None,
        right: None,
        mark: price(mark),
        iv: None,
        funding_rate_8h: None,
        bid: None,
        ask: None,
        open_interest: None,
        volume_24h: None,
        fee_rate: None,
        delta: None,
        venue: None,
    }
}

/// A listed option, its mark the model's price times `1 + gap`. `strike` and `forward` in USD.
pub fn option(
    name: &str,
    underlying: &str,
    terms: &ExpiryDocument,
    contract: (f64, Right, Payoff),
    (iv, gap): (f64, f64),
) -> InstrumentDocument {
    let (strike, right, payoff) = contract;
    let (forward, years) = (terms.forward.usd().to_f64(), terms.expiry.years_since(now()));
    let discount = libm::exp(-terms.rate.unwrap_or_default().to_f64() * years);
    let model = black76(right, forward, strike, iv, years, discount) * (1.0 + gap);
    let asset = if payoff == Payoff::Linear { "USDC" } else { underlying };
    InstrumentDocument {
        kind: KindDocument::Option,
        quote: asset.to_owned(),
        settle: asset.to_owned(),
        contract_size: quantity(1.0),
        expiry: Some(terms.expiry),
        strike: Some(price(strike)),
        right: Some(right),
        iv: Some(ratio(iv)),
        mark: price(if payoff == Payoff::Linear { model } else { model / forward }),
        ..perpetual(name, underlying, payoff, 1.0)
    }
}

pub fn expiry(seconds: i64, forward: f64, rate: f64, settled: Option<f64>) -> ExpiryDocument {
    ExpiryDocument {
        expiry: after(seconds),
        forward: price(forward),
        rate: Some(ratio(rate)),
        forward_settled: settled.map(price),
        confidence: None,
    }
}

fn levels(usd: f64) -> Vec<DepthLevel> {
    [(10.0, 0.1), (50.0, 0.5), (100.0, 0.9), (200.0, 1.0)]
        .map(|(bps, part)| DepthLevel { bps: ratio(bps), usd: money(usd * part) })
        .to_vec()
}

/// Lists an underlying with its coin, spot, perpetuals, futures and options.
fn list(document: &mut MarketDocument, name: &str, plan: &UnderlyingPlan) {
    let index = plan.index;
    let mut entry = UnderlyingDocument { adv_usd: plan.adv.map(money), ..underlying(name, index) };
    document.assets.push(asset(name, index * (1.0 + plan.coin_premium), None));
    for payoff in [Payoff::Linear, Payoff::Inverse] {
        let listed = perpetual(&format!("{name}-PERPETUAL-{payoff:?}"), name, payoff, index * (1.0 + plan.funding));
        document.instruments.push(InstrumentDocument { funding_rate_8h: Some(ratio(plan.funding)), ..listed });
    }
    let spot = InstrumentDocument {
        kind: KindDocument::Spot,
        ..perpetual(&format!("{name}-SPOT"), name, Payoff::Linear, index)
    };
    document.instruments.push(spot);
    let by_time: BTreeMap<i64, &ExpiryPlan> = plan.expiries.iter().map(|plan| (plan.seconds, plan)).collect();
    for plan in by_time.into_values() {
        let forward = index * plan.basis;
        let terms = expiry(plan.seconds, forward, plan.rate, plan.settled.map(|part| forward * part));
        if let Some(payoff) = plan.future {
            let listed = perpetual(&format!("{name}-{}-{payoff:?}", plan.seconds), name, payoff, forward);
            document.instruments.push(InstrumentDocument {
                kind: KindDocument::Future,
                expiry: Some(terms.expiry),
                ..listed
            });
        }
        for (place, option_plan) in plan.options.iter().enumerate() {
            let payoff = if option_plan.inverse { Payoff::Inverse } else { Payoff::Linear };
            let listed = format!("{name}-{}-{place}", plan.seconds);
            let contract = ((forward * option_plan.moneyness).max(1e-6), option_plan.right, payoff);
            document.instruments.push(option(&listed, name, &terms, contract, (option_plan.iv, option_plan.gap)));
        }
        entry.expiries.push(terms);
    }
    document.underlyings.push(entry);
}

/// The character of a generated account.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Mixed,
    AllShort,
    Dust,
}

#[derive(Clone, Debug)]
struct Line {
    what: Index,
    usd: f64,
    short: bool,
    ratio: f64,
    location: Option<&'static str>,
}

fn line(usd: std::ops::Range<f64>) -> impl Strategy<Value = Line> {
    let location = prop_oneof![3 => Just(None), 1 => Just(Some("ethereum")), 1 => Just(Some("solana")), 1 => Just(Some("atlantis"))];
    (any::<Index>(), log_uniform(usd), any::<bool>(), prop_oneof![2 => Just(1.0), 1 => 0.5..2.0], location)
        .prop_map(|(what, usd, short, ratio, location)| Line { what, usd, short, ratio, location })
}

/// An account in `market`: up to `positions` positions, five balances and six orders.
pub fn account(market: &Market, positions: usize) -> impl Strategy<Value = Account> + use<> {
    let tradable: Vec<InstrumentId> = (0..market.instruments.len()).map(InstrumentId).collect();
    let derivatives: Vec<InstrumentId> =
        tradable.iter().copied().filter(|id| market.listing(*id).kind != InstrumentKind::Spot).collect();
    let market = market.clone();
    let mood = prop_oneof![6 => Just(Mood::Mixed), 2 => Just(Mood::AllShort), 1 => Just(Mood::Dust)];
    let lines = (vec(line(0.0..7.0), 0..=positions), vec(line(1.0..7.5), 0..=5), vec(line(0.0..6.0), 0..=6));
    (mood, lines).prop_map(move |(mood, (positions, balances, orders))| {
        let mut account = Account { name: "generated".to_owned(), ..Account::default() };
        let held: BTreeMap<InstrumentId, &Line> =
            positions.iter().map(|line| (*line.what.get(&derivatives), line)).collect();
        for (instrument, line) in held {
            let listing = market.listing(instrument);
            let size = contracts(&market, instrument, line.usd, mood);
            let quantity = if line.short || mood == Mood::AllShort { size.negated().expect("in range") } else { size };
            let entry = if listing.is_option() {
                market.mark(listing.id)
            } else {
                price(market.mark(listing.id).in_quote().to_f64() * line.ratio)
            };
            account.positions.push(Position { instrument, quantity, entry });
        }
        let places: BTreeMap<(usize, Option<&str>), &Line> =
            balances.iter().map(|line| ((line.what.index(market.assets.len()), line.location), line)).collect();
        for ((asset, location), line) in places {
            let sign = if line.short && line.ratio != 1.0 { -1.0 } else { 1.0 };
            let amount = if mood == Mood::Dust {
                Quantity::from_raw(7)
            } else {
                quantity(sign * line.usd / market.price(AssetId(asset)).usd().to_f64())
            };
            account.balances.push(Balance { asset: AssetId(asset), amount, location: location.map(str::to_owned) });
        }
        for line in &orders {
            let instrument = *line.what.get(&tradable);
            let mark = market.mark(instrument).in_quote().to_f64();
            let side = if line.short { Side::Sell } else { Side::Buy };
            let limit = price((mark * line.ratio).max(1e-8));
            account.orders.push(Order {
                instrument,
                side,
                quantity: contracts(&market, instrument, line.usd, mood),
                limit,
            });
        }
        account
    })
}

/// Contracts worth about `usd` of the underlying, above 0.
fn contracts(market: &Market, instrument: InstrumentId, usd: f64, mood: Mood) -> Quantity {
    let listing = market.listing(instrument);
    if mood == Mood::Dust {
        return Quantity::from_raw(1);
    }
    let coins = listing.payoff == Payoff::Linear || listing.is_option();
    let per_contract = if coins { market.index(listing.underlying).usd().to_f64() } else { 1.0 };
    let contracts = quantity(usd / per_contract / listing.contract_size.to_f64());
    if contracts == Quantity::ZERO { Quantity::from_raw(1) } else { contracts }
}

/// A market and an account of a few positions in it.
pub fn world() -> impl Strategy<Value = World> {
    market()
        .prop_flat_map(|market| account(&market, 8).prop_map(move |account| World { market: market.clone(), account }))
}

/// A market of 600 instruments and an account of 500 positions.
pub fn crowded() -> impl Strategy<Value = World> {
    let market = crowded_market();
    vec(-30.0..30.0, 500).prop_map(move |sizes| {
        let positions = sizes.iter().enumerate().map(|(place, size)| {
            let instrument = InstrumentId(place);
            Position { instrument, quantity: quantity(*size), entry: market.mark(instrument) }
        });
        let account = Account { name: "crowded".to_owned(), positions: positions.collect(), ..Account::default() };
        World { market: market.clone(), account }
    })
}

fn crowded_market() -> Market {
    let mut document = empty_market();
    document.assets.extend([asset("USDC", 0.9999, None), asset("BTC", 80_000.0, None)]);
    let mut entry = underlying("BTC", 80_000.0);
    for month in 0..12_i64 {
        let terms = expiry(month * 20 * 86_400 + 7200, 80_000.0, 0.0, None);
        for strike in 0..50_u32 {
            let right = if strike % 2 == 0 { Right::Call } else { Right::Put };
            let payoff = if strike % 3 == 0 { Payoff::Inverse } else { Payoff::Linear };
            let contract = (40_000.0 + 2000.0 * f64::from(strike), right, payoff);
            document.instruments.push(option(&format!("BTC-{month}-{strike}"), "BTC", &terms, contract, (0.6, 0.0)));
        }
        entry.expiries.push(terms);
    }
    document.underlyings.push(entry);
    Market::new(&document).expect("valid")
}
