//! A venue as commands: its listings, the reports of its sources, and the trades of its accounts. Every number comes from
//! a fixed seed.
//!
//! BTC and ETH with perpetuals, futures and options at three expiries, all paid in USDC, which has a price of its own.
//! The limits are so wide that none binds, but each of them is checked.

use std::ops::Range;

use dice::Dice;
use engine::state::{
    AccountState, AssetTerms, Holder, InstrumentTerms, Policy, Position, Pot, State, UnderlyingTerms, times,
};
use engine::{AccountId, Cause, Engine, Envelope, Event, FeedId, Party};
use margin::method::universal;
use marks::{FeedRules, Source};
use model::{AssetId, CounterPrice, InstrumentId, InstrumentKind, Right, USD, UnderlyingId};
use operator::{Batch, Duty, Memory, Operator, Said, Schedule, Trade};
use pricing::math::exp;
use sequencer::Answer;
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

/// The days to the expiries of each underlying.
const EXPIRIES: [i64; 3] = [5, 26, 96];
const STRIKES: i64 = 7;
const DAY: i64 = 86_400_000_000;
const SOURCES: Range<u32> = 1..4;
/// The accounts that one thread judges at a time.
const PART: usize = 1024;
pub const USDC: AssetId = AssetId(1);

/// A venue behind its operator, and the prices that its sources report.
pub struct Venue {
    operator: Operator<Memory>,
    /// The price that every source reports for each feed.
    feeds: Vec<(FeedId, f64)>,
    /// The volatility of every option: at the start, and now.
    vols: Vec<(InstrumentId, f64, f64)>,
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

/// An operator of an engine in this state.
fn over(state: State) -> Operator<Memory> {
    Operator::new(Memory::new(state).expect("the program's own parameters"), Schedule::default())
}

impl Venue {
    /// A venue with no listings and no accounts.
    pub fn new() -> Self {
        let operator = over(State::new(start(), universal::PARAMS.to_owned(), policy()));
        Self { operator, feeds: Vec::new(), vols: Vec::new() }
    }

    /// A venue that has been open for two days: its listings have prices.
    fn open() -> Self {
        let mut venue = Self::new();
        venue.list();
        // Collateral counts from the next microsecond on.
        venue.two_days();
        venue
    }

    /// The same venue with an engine in the state that `change` makes of its own.
    fn changed(self, change: impl FnOnce(&mut State)) -> Self {
        let Self { operator, feeds, vols } = self;
        let mut state = operator.into_door().into_engine().into_state();
        change(&mut state);
        Self { operator: over(state), feeds, vols }
    }

    /// The engine, for reading.
    pub fn engine(&self) -> &Engine {
        self.operator.engine()
    }

    /// The engine, to measure its parts.
    pub fn engine_mut(&mut self) -> &mut Engine {
        self.operator.door_mut().engine_mut()
    }

    /// Returns the engine.
    pub fn into_engine(self) -> Engine {
        self.operator.into_door().into_engine()
    }

    /// The state of the engine.
    pub fn state(&self) -> &State {
        self.operator.state()
    }

    /// The commands that `write` writes, not sent yet.
    pub fn written(&self, write: impl FnOnce(&mut Batch)) -> Vec<Envelope> {
        let mut batch = self.operator.batch();
        write(&mut batch);
        batch.done()
    }

    /// The one command that `write` writes, not sent yet.
    pub fn command(&self, write: impl FnOnce(&mut Batch)) -> Envelope {
        self.written(write).pop().expect("one was written")
    }

    /// Sends the commands that `write` writes, which must be accepted. Returns them.
    pub fn sent(&mut self, write: impl FnOnce(&mut Batch)) -> Vec<Envelope> {
        let batch = self.written(write);
        for (answer, envelope) in self.offered(&batch).iter().zip(&batch) {
            if let Answer::Refused(reject) = answer {
                panic!("{:?}: {reject}", envelope.command);
            }
        }
        batch
    }

    /// Sends commands that may be refused. Returns the answers.
    pub fn offered(&mut self, batch: &[Envelope]) -> Vec<Answer> {
        let Ok(answers) = self.operator.submit(batch);
        answers
    }

    /// The command by which the engine judges the accounts that prices or trades have moved.
    pub fn watch(&self) -> Envelope {
        self.command(|batch| batch.watch())
    }

    /// Lists everything. Returns the commands.
    pub fn list(&mut self) -> Vec<Envelope> {
        let (mut feeds, mut vols) = (Vec::new(), Vec::new());
        let sent = self.sent(|batch| listed(batch, &mut feeds, &mut vols));
        (self.feeds, self.vols) = (feeds, vols);
        sent
    }

    /// Lets time pass.
    pub fn pass(&mut self, micros: i64) {
        self.operator.at(Timestamp::from_micros(self.operator.now().micros() + micros));
    }

    /// Every source reports every feed, and the surface is fitted. Returns the commands.
    pub fn reported(&mut self) -> Vec<Envelope> {
        let (feeds, vols) = (self.feeds.clone(), self.vols.clone());
        self.sent(|batch| {
            for (feed, value) in feeds {
                for source in SOURCES {
                    let depth = Money::from_raw(1_000_000 * Money::ONE.raw());
                    batch.report(feed, &Said { source, price: price(value), confidence: Price::ZERO, depth });
                }
            }
            batch.surface(vols.iter().map(|(id, _, vol)| (*id, ratio(*vol))).collect());
        })
    }

    /// Sources report, and prices are formed. Returns the commands.
    pub fn priced(&mut self) -> Vec<Envelope> {
        let mut commands = self.reported();
        commands.extend(self.sent(|batch| batch.duty(Duty::Tick)));
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
    pub fn wander(&mut self, dice: &mut Dice, micros: i64) {
        self.pass(micros);
        let deviation = 0.6 * (micros as f64 / (365.0 * DAY as f64)).sqrt();
        let common = dice.normal();
        for (feed, value) in &mut self.feeds {
            if matches!(feed, FeedId::Index(_)) {
                *value *= exp(deviation * (0.85_f64.sqrt() * common + 0.15_f64.sqrt() * dice.normal()));
            }
        }
        for (_, began, vol) in &mut self.vols {
            let next = *vol / *began - 1.0 + 0.001 * (dice.uniform() - 0.5);
            *vol = *began * (1.0 + next.clamp(-0.005, 0.005));
        }
    }

    /// Lets two days pass, in half hours. A feed begins at the reference of its listing; by then its slow average has
    /// reached the reported prices, as in a venue that has been open for a while. Returns the commands.
    pub fn two_days(&mut self) -> Vec<Envelope> {
        let mut commands = Vec::new();
        for _ in 0..96 {
            self.pass(DAY / 48);
            commands.extend(self.priced());
        }
        commands
    }

    /// Opens accounts and gives `dollars` to each. Returns the commands.
    pub fn accounts(&mut self, count: u32, dollars: i128) -> Vec<Envelope> {
        self.sent(|batch| {
            for number in 0..count {
                let account = batch.open_account(&format!("account-{number}"), number);
                batch.deposit(account, USD, None, Quantity::from_raw(dollars * Quantity::ONE.raw()));
            }
        })
    }
}

/// Lists BTC, ETH, USDC and their contracts. Notes each feed with its price, and each option with its volatility at the
/// start and now.
fn listed(batch: &mut Batch, feeds: &mut Vec<(FeedId, f64)>, vols: &mut Vec<(InstrumentId, f64, f64)>) {
    let coins = [("BTC", 100_000.0, 0.5, 0.1, 0.5), ("ETH", 4_000.0, 0.6, 1.0, 0.05)];
    for (name, index, ..) in coins {
        let underlying = batch.list_underlying(UnderlyingTerms {
            name: name.to_owned(),
            reference: price(index),
            feed: rules(),
            adv_usd: None,
            depth: Vec::new(),
            open_interest_usd: Money::from_raw(1_000_000_000_000_000 * Money::ONE.raw()),
        });
        feeds.push((FeedId::Index(underlying), index));
    }
    let usdc = batch.list_asset(AssetTerms {
        name: "USDC".to_owned(),
        reference: Price::ONE,
        follows: None,
        feed: Some(rules()),
        adv_usd: None,
        depth: Vec::new(),
        cap: engine::state::LARGEST_AMOUNT,
    });
    feeds.push((FeedId::Asset(usdc), 0.9998));
    for (place, (name, index, vol, lot, tick)) in coins.into_iter().enumerate() {
        let underlying = UnderlyingId(place);
        let mut instrument = |name: String, kind: InstrumentKind, tick: f64, feed: Option<FeedRules>| {
            batch.list_instrument(InstrumentTerms {
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
            })
        };
        let perpetual = instrument(format!("{name}-PERP"), InstrumentKind::Perpetual, tick, Some(rules()));
        feeds.push((FeedId::Premium(perpetual), 1.0002));
        for days in EXPIRIES {
            let expiry = Timestamp::from_micros(start().micros() + days * DAY);
            let years = days as f64 / 365.0;
            let basis = exp(0.05 * years);
            instrument(format!("{name}-{days}D"), InstrumentKind::Future { expiry }, tick, Some(rules()));
            feeds.push((FeedId::Forward(underlying, expiry), basis));
            for step in 0..STRIKES {
                let deviations = (step - STRIKES / 2) as f64 / 2.0;
                let strike = (index * basis * exp(deviations * vol * years.sqrt()) / 10.0).round() * 10.0;
                for right in [Right::Call, Right::Put] {
                    let written = CounterPrice::new(price(strike));
                    let kind = InstrumentKind::Option { expiry, strike: written, right };
                    let id = instrument(format!("{name}-{days}D-{strike}-{right:?}"), kind, tick / 5.0, None);
                    let smile = vol + 0.02 * deviations * deviations - 0.01 * deviations;
                    vols.push((id, smile, smile));
                }
            }
        }
    }
}

/// A trade of two accounts at the mark; the first buys when lots are positive.
pub fn trade(state: &State, (first, second): (AccountId, AccountId), instrument: InstrumentId, lots: i64) -> Trade {
    let party = |account| Party { account, order: None, fee: quantity(0.05) };
    let (buyer, seller) = if lots > 0 { (first, second) } else { (second, first) };
    let (buyer, seller, price) = (party(buyer), party(seller), at_mark(state, instrument));
    Trade { instrument, price, lots: lots.abs(), buyer, seller }
}

/// The mark, rounded to a tick.
pub fn at_mark(state: &State, id: InstrumentId) -> Price {
    let tick = state.contracts[id.0].terms.tick;
    let mark = state.market.mark(id).in_quote();
    Price::from_raw(mark.raw() - mark.raw() % tick.raw()).max(tick)
}

/// The random positions of a pair of accounts: instruments, and the lots of the first account. The second has the
/// opposite.
pub fn portfolio(dice: &mut Dice, instruments: usize, positions: usize) -> Vec<(InstrumentId, i64)> {
    let mut held: Vec<(InstrumentId, i64)> = Vec::new();
    while held.len() < positions {
        let id = InstrumentId(dice.place(instruments));
        if held.iter().all(|(other, _)| *other != id) {
            held.push((id, dice.between(20, 59) * dice.pick(&[1, -1])));
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

/// A random trade: two accounts that hold an instrument, and one lot of it.
fn next_trade(state: &State, holders: &[Vec<AccountId>], dice: &mut Dice) -> Trade {
    loop {
        let id = InstrumentId(dice.place(holders.len()));
        let who = &holders[id.0];
        if who.len() < 2 {
            continue;
        }
        let (first, second) = (dice.pick(who), dice.pick(who));
        if first != second {
            return trade(state, (first, second), id, 1);
        }
    }
}

/// Random fills, a microsecond apart.
pub fn next_fills(venue: &mut Venue, holders: &[Vec<AccountId>], dice: &mut Dice, count: usize) -> Vec<Envelope> {
    let mut now = venue.operator.now().micros();
    let fills = venue.written(|batch| {
        for _ in 0..count {
            now += 1;
            batch.at(Timestamp::from_micros(now));
            batch.fill(&next_trade(venue.state(), holders, dice));
        }
    });
    venue.operator.at(Timestamp::from_micros(now));
    fills
}

/// Decides and applies a command that must be accepted, without the watch that ends a batch.
pub fn take(engine: &mut Engine, command: &Envelope) {
    if let Err(reject) = engine.handle(command) {
        panic!("{:?}: {reject}", command.command);
    }
}

/// The utilisation of an account: maintenance margin over equity.
pub type Utilisation = fn(&mut Dice) -> f64;

/// Uniform from 5 to 95 % for 19 of 20 accounts, from 95 to 100 % for the rest.
pub fn mixed(dice: &mut Dice) -> f64 {
    if dice.chance(50) { 0.95 + 0.05 * dice.uniform() } else { 0.05 + 0.9 * dice.uniform() }
}

/// Uniform from 5 to 60 %: every account may trade.
pub fn healthy(dice: &mut Dice) -> f64 {
    0.05 + 0.55 * dice.uniform()
}

/// Creates accounts by the events that commands would have made, without deciding each command. Pairs hold opposite
/// positions, and deposits in USD bring each account to the utilisation that `utilisation` draws. Returns the share of
/// accounts with a lower utilisation: their equity is too high for it even without a deposit.
pub fn populated(accounts: usize, positions: usize, utilisation: Utilisation) -> (Venue, f64) {
    let mut dice = Dice::new(7);
    let venue = Venue::open().changed(|state| {
        let instruments = state.contracts.len();
        for pair in 0..accounts / 2 {
            let (first, second) = (AccountId(2 * pair as u32), AccountId(2 * pair as u32 + 1));
            for id in [first, second] {
                engine::apply(state, &Event::Opened { name: format!("account-{}", id.0), owner: id.0 });
            }
            for (instrument, lots) in portfolio(&mut dice, instruments, positions) {
                settle(state, (first, second), instrument, lots);
            }
        }
    });
    let needed = needs(venue.engine());
    let mut short = 0;
    let venue = venue.changed(|state| {
        for (place, (premium, equity, margin)) in needed.into_iter().enumerate() {
            let account = AccountId(place as u32);
            // The account had paid the premium of its options out of its own money.
            if premium > Quantity::ZERO {
                deposit(state, account, USDC, premium);
            }
            let missing = margin / utilisation(&mut dice) - equity;
            if missing > 0.0 {
                deposit(state, account, USD, quantity(missing));
            } else {
                short += 1;
            }
        }
    });
    (venue, f64::from(short) / accounts as f64)
}

/// One account with little money is long the first perpetual; all others are short some lots each, and have enough money.
pub fn one_against_all(accounts: usize) -> Venue {
    let mut dice = Dice::new(23);
    Venue::open().changed(|state| {
        for number in 0..=accounts {
            engine::apply(state, &Event::Opened { name: format!("account-{number}"), owner: number as u32 });
        }
        let (mut lots, mut cost) = (0, Quantity::ZERO);
        for number in 1..=accounts {
            let other = AccountId(number as u32);
            settle(state, (AccountId(0), other), InstrumentId(0), dice.between(1, 60));
            let position = state.accounts[0].position(InstrumentId(0));
            (lots, cost) = (lots + position.lots, cost.plus(position.cost).expect("small numbers"));
            deposit(state, other, USD, quantity(10_000.0));
        }
        let position = Position { instrument: InstrumentId(0), lots, cost };
        engine::apply(state, &Event::Positioned { account: AccountId(0), position });
    })
}

/// Applies the event of a deposit.
fn deposit(state: &mut State, account: AccountId, asset: AssetId, amount: Quantity) {
    let (from, to) = (Holder::Pot(Pot::Custody(None)), Holder::Account(account, None));
    engine::apply(state, &Event::Moved { from, to, asset, amount, cause: Cause::Deposit });
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
    let judge = |part: &[AccountState]| part.iter().map(of).collect::<Vec<_>>();
    pool::map(pool::processors().get(), state.accounts.chunks(PART), judge, |_| {}).concat()
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
