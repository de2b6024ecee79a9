//! A venue as commands: its listings, the reports of its sources, and the trades of its accounts. Every number comes from
//! a fixed seed.
//!
//! BTC and ETH with perpetuals, futures and options at three expiries, all paid in USDC, which has a price of its own.
//! The limits are so wide that none binds, but each of them is checked.

use std::ops::Range;

use engine::state::{
    AccountState, AssetTerms, Holder, InstrumentTerms, Policy, Position, Pot, State, UnderlyingTerms, times,
};
use engine::{AccountId, Cause, Command, Engine, Envelope, Event, FeedId, Party, Principal, SURFACE_SOURCE};
use margin::method::universal;
use marks::{FeedRules, Report, Source};
use model::{AssetId, CounterPrice, InstrumentId, InstrumentKind, Right, USD, UnderlyingId};
use pricing::math::exp;
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use crate::workload::Random;

/// The days to the expiries of each underlying.
const EXPIRIES: [i64; 3] = [5, 26, 96];
const STRIKES: i64 = 7;
const DAY: i64 = 86_400_000_000;
const SOURCES: Range<u32> = 1..4;
pub const USDC: AssetId = AssetId(1);

/// The progress of a run: its clock, the counters of its sources, and the prices that they report.
#[derive(Clone)]
pub struct Venue {
    pub now: i64,
    sequence: u64,
    surface: u64,
    matches: u64,
    /// The price that every source reports for each feed.
    pub feeds: Vec<(FeedId, f64)>,
    /// The volatility of every option: at the start, and now.
    pub vols: Vec<(InstrumentId, f64, f64)>,
    pub instruments: usize,
}

/// The policy: collateral counts at once, and the funds behind open interest are not the limit.
pub fn policy() -> Policy {
    let dollars = |whole: i128| Money::from_raw(whole * Money::ONE.raw());
    Policy { collateral_ramp: 1, fund_floor: dollars(1_000_000_000_000_000), ..Policy::default() }
}

/// The time when every run begins.
pub fn start() -> Timestamp {
    "2026-11-20T08:00:00Z".parse().expect("a moment")
}

/// A state with no listings and no accounts.
fn empty() -> State {
    State::new(start(), universal::PARAMS.to_owned(), policy())
}

impl Venue {
    /// Creates the venue and the commands that list it.
    pub fn list() -> (Self, Vec<Envelope>) {
        let mut venue = Self {
            now: start().micros(),
            sequence: 0,
            surface: 0,
            matches: 0,
            feeds: Vec::new(),
            vols: Vec::new(),
            instruments: 0,
        };
        let mut commands = Vec::new();
        let coins = [("BTC", 100_000.0, 0.5), ("ETH", 4_000.0, 0.6)];
        for (place, (name, index, _)) in coins.into_iter().enumerate() {
            commands.push(Command::ListUnderlying(Box::new(UnderlyingTerms {
                name: name.to_owned(),
                reference: price(index),
                feed: rules(),
                adv_usd: None,
                depth: Vec::new(),
                open_interest_usd: Money::from_raw(1_000_000_000_000_000 * Money::ONE.raw()),
            })));
            venue.feeds.push((FeedId::Index(UnderlyingId(place)), index));
        }
        commands.push(Command::ListAsset(Box::new(AssetTerms {
            name: "USDC".to_owned(),
            reference: Price::ONE,
            follows: None,
            feed: Some(rules()),
            adv_usd: None,
            depth: Vec::new(),
            cap: engine::state::LARGEST_AMOUNT,
        })));
        venue.feeds.push((FeedId::Asset(USDC), 0.9998));
        for (place, (name, index, vol)) in coins.into_iter().enumerate() {
            let underlying = UnderlyingId(place);
            let lot = if place == 0 { 0.1 } else { 1.0 };
            let mut listed =
                |venue: &mut Self, name: String, kind: InstrumentKind, tick: f64, feed: Option<FeedRules>| {
                    let id = InstrumentId(venue.instruments);
                    venue.instruments += 1;
                    commands.push(Command::ListInstrument(Box::new(InstrumentTerms {
                        name,
                        kind,
                        underlying,
                        payoff: model::Payoff::Linear,
                        quote: USDC,
                        settle: USDC,
                        contract_size: Quantity::ONE,
                        lot: quantity(lot),
                        tick: price(tick),
                        max_order: 1_000_000,
                        max_open: 1_000_000_000,
                        band: ratio(0.05),
                        fee_rate: None,
                        feed,
                    })));
                    id
                };
            let tick = if place == 0 { 0.5 } else { 0.05 };
            let perpetual = listed(&mut venue, format!("{name}-PERP"), InstrumentKind::Perpetual, tick, Some(rules()));
            venue.feeds.push((FeedId::Premium(perpetual), 1.0002));
            for days in EXPIRIES {
                let expiry = Timestamp::from_micros(start().micros() + days * DAY);
                let years = days as f64 / 365.0;
                let basis = exp(0.05 * years);
                let future = InstrumentKind::Future { expiry };
                listed(&mut venue, format!("{name}-{days}D"), future, tick, Some(rules()));
                venue.feeds.push((FeedId::Forward(underlying, expiry), basis));
                for step in 0..STRIKES {
                    let deviations = (step - STRIKES / 2) as f64 / 2.0;
                    let strike = (index * basis * exp(deviations * vol * years.sqrt()) / 10.0).round() * 10.0;
                    for right in [Right::Call, Right::Put] {
                        let written = CounterPrice::new(price(strike));
                        let kind = InstrumentKind::Option { expiry, strike: written, right };
                        let id =
                            listed(&mut venue, format!("{name}-{days}D-{strike}-{right:?}"), kind, tick / 5.0, None);
                        let smile = vol + 0.02 * deviations * deviations - 0.01 * deviations;
                        venue.vols.push((id, smile, smile));
                    }
                }
            }
        }
        let time = start();
        let envelope = |command| Envelope { time, principal: Principal::Governance, command };
        (venue, commands.into_iter().map(envelope).collect())
    }

    /// Lets time pass.
    pub fn pass(&mut self, micros: i64) {
        self.now += micros;
    }

    /// The time of the next command.
    pub fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// The commands of a tick: every source reports every feed, the surface is fitted, prices are formed. The last
    /// command is the tick.
    pub fn prices(&mut self) -> Vec<Envelope> {
        let time = self.time();
        self.sequence += 1;
        let mut commands = Vec::new();
        for (feed, value) in &self.feeds {
            for source in SOURCES {
                let report = Report {
                    source,
                    sequence: self.sequence,
                    published: time,
                    price: price(*value),
                    confidence: Price::ZERO,
                    depth: Money::from_raw(1_000_000 * Money::ONE.raw()),
                };
                let command = Command::Report { feed: *feed, report };
                commands.push(Envelope { time, principal: Principal::Source(source), command });
            }
        }
        self.surface += 1;
        let vols = self.vols.iter().map(|(id, _, vol)| (*id, ratio(*vol))).collect();
        let command = Command::Surface { version: self.surface, published: time, vols };
        commands.push(Envelope { time, principal: Principal::Source(SURFACE_SOURCE), command });
        commands.push(Envelope { time, principal: Principal::System, command: Command::Tick });
        commands
    }

    /// Lets a feed fall to a part of its price, a second later.
    pub fn fall(&mut self, feed: FeedId, part: f64) {
        self.pass(1_000_000);
        for (_, value) in self.feeds.iter_mut().filter(|(known, _)| *known == feed) {
            *value *= part;
        }
    }

    /// One step of a random path: indices move with a volatility of 60 % a year and a correlation of 0.85; the volatility
    /// of each option moves by itself inside ±0.5 % of its start.
    pub fn wander(&mut self, random: &mut Random, micros: i64) {
        self.pass(micros);
        let deviation = 0.6 * (micros as f64 / (365.0 * DAY as f64)).sqrt();
        let common = normal(random);
        for (feed, value) in &mut self.feeds {
            if matches!(feed, FeedId::Index(_)) {
                let own = normal(random);
                *value *= exp(deviation * (0.85_f64.sqrt() * common + 0.15_f64.sqrt() * own));
            }
        }
        for (_, began, vol) in &mut self.vols {
            let next = *vol / *began - 1.0 + 0.001 * (uniform(random) - 0.5);
            *vol = *began * (1.0 + next.clamp(-0.005, 0.005));
        }
    }

    /// The price commands of two days. A feed begins at the reference of its listing; by then its slow average has
    /// reached the reported prices, as in a venue that has been open for a while.
    pub fn two_days(&mut self) -> Vec<Envelope> {
        let mut commands = Vec::new();
        for _ in 0..96 {
            self.pass(DAY / 48);
            commands.extend(self.prices());
        }
        commands
    }

    /// The commands that open accounts and give `dollars` to each.
    pub fn accounts(&self, accounts: Range<u32>, dollars: i128) -> Vec<Envelope> {
        let time = self.time();
        let mut commands = Vec::new();
        for number in accounts {
            let command = Command::OpenAccount { name: format!("account-{number}"), owner: number };
            commands.push(Envelope { time, principal: Principal::System, command });
            let amount = Quantity::from_raw(dollars * Quantity::ONE.raw());
            let reference = u64::from(number) + 1;
            let command =
                Command::Deposit { account: AccountId(number), asset: USD, location: None, amount, reference };
            commands.push(Envelope { time, principal: Principal::Custody, command });
        }
        commands
    }

    /// A trade of two accounts at the mark; the first buys when lots are positive.
    pub fn trade(
        &mut self,
        state: &State,
        (first, second): (AccountId, AccountId),
        id: InstrumentId,
        lots: i64,
    ) -> Envelope {
        self.matches += 1;
        let party = |account| Party { account, order: None, fee: quantity(0.05) };
        let (buyer, seller) = if lots > 0 { (first, second) } else { (second, first) };
        let command = Command::Fill {
            instrument: id,
            match_id: self.matches,
            price: at_mark(state, id),
            lots: lots.abs(),
            buyer: party(buyer),
            seller: party(seller),
        };
        Envelope { time: self.time(), principal: Principal::Matching, command }
    }
}

/// The command by which the engine judges the accounts that prices or trades have moved.
pub fn watch(venue: &Venue) -> Envelope {
    Envelope { time: venue.time(), principal: Principal::System, command: Command::Watch }
}

/// The mark, rounded to a tick.
pub fn at_mark(state: &State, id: InstrumentId) -> Price {
    let tick = state.contracts[id.0].terms.tick;
    let mark = state.market.mark(id).in_quote();
    Price::from_raw(mark.raw() - mark.raw() % tick.raw()).max(tick)
}

/// The random positions of a pair of accounts: instruments, and the lots of the first account. The second has the
/// opposite.
pub fn portfolio(random: &mut Random, instruments: usize, positions: usize) -> Vec<(InstrumentId, i64)> {
    let mut held: Vec<(InstrumentId, i64)> = Vec::new();
    while held.len() < positions {
        let id = InstrumentId(random.below(instruments));
        if held.iter().all(|(other, _)| *other != id) {
            held.push((id, (20 + random.below(40) as i64) * if random.sign() > 0.0 { 1 } else { -1 }));
        }
    }
    held
}

/// The accounts with a position in each instrument.
pub fn holders(state: &State) -> Vec<Vec<AccountId>> {
    let mut holders = vec![Vec::new(); state.contracts.len()];
    for (place, account) in state.accounts.iter().enumerate() {
        for position in &account.positions {
            holders[position.instrument.0].push(AccountId(place as u32));
        }
    }
    holders
}

/// A random fill: two accounts that hold an instrument, and one lot of it.
pub fn next_fill(venue: &mut Venue, state: &State, holders: &[Vec<AccountId>], random: &mut Random) -> Envelope {
    loop {
        let id = InstrumentId(random.below(holders.len()));
        let who = &holders[id.0];
        if who.len() < 2 {
            continue;
        }
        let (first, second) = (who[random.below(who.len())], who[random.below(who.len())]);
        if first != second {
            return venue.trade(state, (first, second), id, 1);
        }
    }
}

/// A listed venue with prices, in memory.
pub fn listed() -> (Venue, Engine) {
    let (mut venue, commands) = Venue::list();
    let mut engine = Engine::new(empty()).expect("the program's own parameters");
    commands.iter().for_each(|command| take(&mut engine, command));
    // Collateral counts from the next microsecond on.
    venue.two_days().iter().for_each(|command| take(&mut engine, command));
    (venue, engine)
}

/// Decides and applies a command that must be accepted.
pub fn take(engine: &mut Engine, command: &Envelope) {
    if let Err(reject) = engine.handle(command) {
        panic!("{:?}: {reject}", command.command);
    }
}

/// The utilisation of an account: maintenance margin over equity.
pub type Utilisation = fn(&mut Random) -> f64;

/// Uniform from 5 to 95 % for 19 of 20 accounts, from 95 to 100 % for the rest.
pub fn mixed(random: &mut Random) -> f64 {
    if random.below(20) == 0 { 0.95 + 0.05 * uniform(random) } else { 0.05 + 0.9 * uniform(random) }
}

/// Uniform from 5 to 60 %: every account may trade.
pub fn healthy(random: &mut Random) -> f64 {
    0.05 + 0.55 * uniform(random)
}

/// Creates accounts by the events that commands would have made, without deciding each command. Pairs hold opposite
/// positions, and deposits in USD bring each account to the utilisation that `utilisation` draws. Returns the share of
/// accounts with a lower utilisation: their equity is too high for it even without a deposit.
pub fn populated(accounts: usize, positions: usize, utilisation: Utilisation) -> (Venue, State, f64) {
    let (venue, engine) = listed();
    let mut state = engine.into_state();
    let mut random = Random(7);
    for pair in 0..accounts / 2 {
        let (first, second) = (AccountId(2 * pair as u32), AccountId(2 * pair as u32 + 1));
        for id in [first, second] {
            engine::apply(&mut state, &Event::Opened { name: format!("account-{}", id.0), owner: id.0 });
        }
        for (instrument, lots) in portfolio(&mut random, venue.instruments, positions) {
            settle(&mut state, (first, second), instrument, lots);
        }
    }
    let engine = Engine::new(state).expect("the program's own parameters");
    let needed = needs(&engine);
    let mut state = engine.into_state();
    let mut short = 0;
    for (place, (premium, equity, margin)) in needed.into_iter().enumerate() {
        let holder = Holder::Account(AccountId(place as u32), None);
        let mut deposit = |asset: AssetId, amount: Quantity| {
            let from = Holder::Pot(Pot::Custody(None));
            engine::apply(&mut state, &Event::Moved { from, to: holder, asset, amount, cause: Cause::Deposit });
        };
        // The account had paid the premium of its options out of its own money.
        if premium > Quantity::ZERO {
            deposit(USDC, premium);
        }
        let used = utilisation(&mut random);
        let missing = margin / used - equity;
        if missing > 0.0 {
            deposit(USD, quantity(missing));
        } else {
            short += 1;
        }
    }
    (venue, state, f64::from(short) / accounts as f64)
}

/// One account with little money is long the first perpetual; all others are short some lots each, and have enough money.
pub fn one_against_all(accounts: usize) -> (Venue, State) {
    let (venue, engine) = listed();
    let mut state = engine.into_state();
    let mut random = Random(23);
    for number in 0..=accounts {
        engine::apply(&mut state, &Event::Opened { name: format!("account-{number}"), owner: number as u32 });
    }
    let (mut lots, mut cost) = (0, Quantity::ZERO);
    for number in 1..=accounts {
        settle(&mut state, (AccountId(0), AccountId(number as u32)), InstrumentId(0), 1 + random.below(60) as i64);
        let position = state.accounts[0].position(InstrumentId(0));
        (lots, cost) = (lots + position.lots, cost.plus(position.cost).expect("small numbers"));
        let to = Holder::Account(AccountId(number as u32), None);
        let (from, amount) = (Holder::Pot(Pot::Custody(None)), quantity(10_000.0));
        engine::apply(&mut state, &Event::Moved { from, to, asset: USD, amount, cause: Cause::Deposit });
    }
    let position = Position { instrument: InstrumentId(0), lots, cost };
    engine::apply(&mut state, &Event::Positioned { account: AccountId(0), position });
    (venue, state)
}

/// Applies the events of a trade at the mark, without fees.
fn settle(state: &mut State, (first, second): (AccountId, AccountId), instrument: InstrumentId, lots: i64) {
    let terms = &state.contracts[instrument.0].terms;
    let cost = times(terms.unit(), lots).and_then(|units| units.at(at_mark(state, instrument), Round::Down));
    let cost = Quantity::from_raw(cost.expect("small numbers").raw());
    let option = terms.is_option();
    let opposite = Quantity::from_raw(-cost.raw());
    for (account, lots, cost) in [(first, lots, cost), (second, -lots, opposite)] {
        let kept = if option { Quantity::ZERO } else { cost };
        let position = Position { instrument, lots, cost: kept };
        engine::apply(state, &Event::Positioned { account, position });
        if option {
            let (own, pot) = (Holder::Account(account, None), Holder::Pot(Pot::Clearing(instrument)));
            let (from, to) = if cost > Quantity::ZERO { (own, pot) } else { (pot, own) };
            let amount = cost.max(Quantity::from_raw(-cost.raw()));
            engine::apply(state, &Event::Moved { from, to, asset: USDC, amount, cause: Cause::Premium });
        }
    }
    let open = state.contracts[instrument.0].open + lots.abs();
    let matched = Event::Matched { instrument, match_id: 0, price: at_mark(state, instrument), lots: lots.abs(), open };
    engine::apply(state, &matched);
}

/// For every account: its debt in USDC, and its equity and maintenance margin once that is paid.
fn needs(engine: &Engine) -> Vec<(Quantity, f64, f64)> {
    let (state, desk) = (engine.state(), engine.desk());
    let of = |account: &AccountState| {
        let owed = Quantity::from_raw(-account.balance(USDC, None).amount.raw()).max(Quantity::ZERO);
        let mut paid = account.clone();
        if owed > Quantity::ZERO {
            paid.balances.clear();
        }
        let judged = desk.judge(state, &paid).expect("the market is priceable");
        (owed, judged.equity.to_f64(), judged.maintenance_margin.to_f64())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let chunk = state.accounts.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts = state.accounts.chunks(chunk);
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || part.iter().map(of).collect::<Vec<_>>())).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no account panics")).collect()
    })
}

fn rules() -> FeedRules {
    let source = |source| Source { source, max_age_micros: DAY, bounds: None };
    FeedRules {
        sources: SOURCES.map(source).collect(),
        quorum: 3,
        band: ratio(0.05),
        dispersion: ratio(0.02),
        scale: Price::ONE,
        max_confidence: ratio(0.02),
        max_future_micros: 1_000_000,
        collar: ratio(0.5),
        handover: ratio(0.1),
        fast_micros: 60_000_000,
        slow_micros: 600_000_000,
        signed: false,
    }
}

fn price(value: f64) -> Price {
    Price::from_raw(millionths(value))
}

fn quantity(value: f64) -> Quantity {
    Quantity::from_raw(millionths(value))
}

fn ratio(value: f64) -> Ratio {
    Ratio::from_raw(millionths(value))
}

/// A value rounded to whole millionths, so that 0.1 is exactly 0.1 and not the nearest binary number.
fn millionths(value: f64) -> i128 {
    (value * 1e6).round() as i128 * 1_000_000_000_000
}

pub fn uniform(random: &mut Random) -> f64 {
    random.below(1 << 53) as f64 / (1_u64 << 53) as f64
}

/// The sum of twelve uniform numbers, less its mean: its tails end at six deviations, which 600 ticks do not reach.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}
