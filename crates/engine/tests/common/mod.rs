//! A small exchange for tests: two underlyings, a stablecoin, a staked token, one instrument of every kind, and people.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]
#![expect(dead_code, reason = "every test file uses a part of it")]

pub mod checked;

use std::collections::BTreeMap;
use std::convert::Infallible;

use engine::state::{AssetTerms, Holder, InstrumentTerms, Policy, Pot, UnderlyingTerms};
use engine::{
    AccountId, Cause, Command, Engine, Envelope, Event, FeedId, LocationId, OrderId, Party, Principal, Reject, State,
};
use marks::{FeedRules, Source};
use model::{AssetId, InstrumentId, InstrumentKind, Payoff, Right, Side, UnderlyingId};
use operator::{Duty, Failed, Operator, Said, Schedule, Trade};
use sequencer::Answer;
use units::{Decimal, Price, Quantity, Ratio, Round, Timestamp};

use checked::Checked;

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

pub const BTC: UnderlyingId = UnderlyingId(0);
pub const ETH: UnderlyingId = UnderlyingId(1);

pub const USD: AssetId = AssetId(0);
pub const USDC: AssetId = AssetId(1);
pub const BTC_COIN: AssetId = AssetId(2);
pub const ETH_COIN: AssetId = AssetId(3);
pub const STETH: AssetId = AssetId(4);

/// 0.001 BTC a lot, in USDC, with a premium of its own.
pub const PERPETUAL: InstrumentId = InstrumentId(0);
/// 10 USD a lot, in BTC.
pub const INVERSE: InstrumentId = InstrumentId(1);
/// 0.001 BTC a lot, in USDC, with a forward of its own.
pub const FUTURE: InstrumentId = InstrumentId(2);
/// 0.1 BTC a lot, in USDC, struck at 100,000.
pub const CALL: InstrumentId = InstrumentId(3);
/// The put of the same strike.
pub const PUT: InstrumentId = InstrumentId(4);
/// 0.1 BTC a lot, in BTC, struck at 100,000.
pub const COIN_CALL: InstrumentId = InstrumentId(5);
/// The put of the same strike.
pub const COIN_PUT: InstrumentId = InstrumentId(6);
/// The options of the small exchange, whose volatilities a surface gives.
pub const OPTIONS: [InstrumentId; 4] = [CALL, PUT, COIN_CALL, COIN_PUT];
/// 0.001 BTC a lot, for USDC.
pub const SPOT: InstrumentId = InstrumentId(7);
/// 0.01 ETH a lot, in USDC.
pub const ETH_PERPETUAL: InstrumentId = InstrumentId(8);
/// 10 USD a lot, in BTC, dated.
pub const INVERSE_FUTURE: InstrumentId = InstrumentId(9);

/// The location of staked tokens.
pub const BRIDGE: LocationId = LocationId(0);

/// The expiry of the futures and options of the small exchange.
pub fn expiry() -> Timestamp {
    "2026-12-25T08:00:00Z".parse().unwrap()
}

/// A price in whatever currency is asked for.
pub fn price<T: Decimal>(text: &str) -> T {
    T::cut(text, 0).unwrap()
}

pub fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

/// Three sources, two of which make a price; wide collars, so that a test can move a price at once.
pub fn rules() -> FeedRules {
    let source = |source| Source { source, max_age_micros: 60 * SECOND, bounds: None };
    FeedRules {
        sources: (1..=3).map(source).collect(),
        quorum: 3,
        band: ratio("0.05"),
        dispersion: ratio("0.02"),
        scale: price("0.01"),
        max_confidence: ratio("0.02"),
        max_future_micros: SECOND,
        collar: ratio("10"),
        handover: ratio("0.01"),
        fast_micros: 10 * SECOND,
        slow_micros: 60 * SECOND,
        signed: false,
    }
}

pub fn underlying(name: &str, reference: &str) -> UnderlyingTerms {
    UnderlyingTerms {
        name: name.to_owned(),
        reference: price(reference),
        feed: rules(),
        adv_usd: Some("20000000000".parse().unwrap()),
        depth: Vec::new(),
        open_interest_usd: "1000000000".parse().unwrap(),
    }
}

pub fn asset(name: &str, reference: &str, follows: Option<UnderlyingId>, feed: bool) -> AssetTerms {
    AssetTerms {
        name: name.to_owned(),
        reference: price(reference),
        follows,
        feed: feed.then(rules),
        adv_usd: Some("10000000000".parse().unwrap()),
        depth: Vec::new(),
        cap: quantity("1000000000"),
    }
}

pub fn instrument(
    name: &str,
    kind: InstrumentKind,
    payoff: Payoff,
    quote: AssetId,
    settle: AssetId,
) -> InstrumentTerms {
    InstrumentTerms {
        name: name.to_owned(),
        kind,
        underlying: BTC,
        payoff,
        quote,
        settle,
        contract_size: quantity("1"),
        lot: quantity("0.001"),
        tick: price("0.1"),
        max_order: 1_000_000,
        max_open: 100_000_000,
        band: ratio("0.2"),
        fee_rate: Some(ratio("0.0005")),
        feed: None,
    }
}

fn option(right: Right) -> InstrumentKind {
    InstrumentKind::Option { expiry: expiry(), strike: price("100000"), right }
}

/// The result of a command that was sent through an operator; an engine in memory never stops.
fn told<T>(done: Result<T, Failed<Infallible>>) -> Result<T, Reject> {
    done.map_err(|failed| match failed {
        Failed::Refused(reject) => reject,
        Failed::Stopped(never) => match never {},
    })
}

/// A small exchange, its prices and its clock. Every command goes through an operator to an engine that is checked.
pub struct World {
    pub operator: Operator<Checked>,
    pub prices: BTreeMap<FeedId, Price>,
    /// The volatility of each of [`OPTIONS`].
    pub vols: [Ratio; 4],
    /// Half the width of the range of a source, as a part of its price.
    pub confidence: Ratio,
    /// Feeds whose sources are silent.
    pub silent: Vec<FeedId>,
}

impl World {
    /// Eight days after its listings, when every collateral ramp is over; BTC at 100,000 and ETH at 4,000.
    pub fn new() -> Self {
        Self::with(Policy::default())
    }

    pub fn with(policy: Policy) -> Self {
        Self::under(policy, margin::method::universal::PARAMS)
    }

    /// [`Self::with`] other parameters of the method.
    pub fn under(policy: Policy, params: &str) -> Self {
        let mut world = Self::young_under(policy, params);
        world.pass(8 * DAY);
        // The time to cure after eight days of silence is over too.
        for _ in 0..3 {
            world.pass(25 * SECOND);
        }
        world
    }

    /// Just listed: no asset but USD may be collateral yet.
    pub fn young(policy: Policy) -> Self {
        Self::young_under(policy, margin::method::universal::PARAMS)
    }

    fn young_under(policy: Policy, params: &str) -> Self {
        let start = "2026-11-01T00:00:00Z".parse().unwrap();
        let state = State::new(start, params.to_owned(), policy);
        let prices = [
            (FeedId::Index(BTC), "100000"),
            (FeedId::Index(ETH), "4000"),
            (FeedId::Asset(USDC), "1"),
            (FeedId::Asset(STETH), "1"),
            (FeedId::Premium(PERPETUAL), "1"),
            (FeedId::Forward(BTC, expiry()), "1"),
        ];
        let prices = prices.into_iter().map(|(feed, text)| (feed, price(text))).collect();
        let mut world = Self { prices, ..Self::over(state) };
        for command in Self::listings() {
            world.govern(command).unwrap();
        }
        world.pass(SECOND);
        world
    }

    /// An exchange in a state that the caller has made.
    pub fn over(state: State) -> Self {
        Self {
            operator: Operator::new(Checked::new(state), Schedule::default()),
            prices: BTreeMap::new(),
            vols: [ratio("0.6"); 4],
            confidence: ratio("0.0001"),
            silent: Vec::new(),
        }
    }

    fn listings() -> Vec<Command> {
        let (linear, inverse) = (Payoff::Linear, Payoff::Inverse);
        let future = || InstrumentKind::Future { expiry: expiry() };
        let lots = |lot: &str, tick: &str, terms: InstrumentTerms| InstrumentTerms {
            lot: quantity(lot),
            tick: price(tick),
            ..terms
        };
        let dollars = |terms: InstrumentTerms| InstrumentTerms {
            contract_size: quantity("10"),
            lot: quantity("1"),
            tick: price("0.5"),
            ..terms
        };
        let priced = |terms: InstrumentTerms| InstrumentTerms { feed: Some(rules()), ..terms };
        let instruments = [
            priced(instrument("BTC-PERP", InstrumentKind::Perpetual, linear, USDC, USDC)),
            dollars(instrument("BTC-INVERSE", InstrumentKind::Perpetual, inverse, USD, BTC_COIN)),
            priced(instrument("BTC-25DEC26", future(), linear, USDC, USDC)),
            lots("0.1", "1", instrument("BTC-C", option(Right::Call), linear, USDC, USDC)),
            lots("0.1", "1", instrument("BTC-P", option(Right::Put), linear, USDC, USDC)),
            lots("0.1", "0.0001", instrument("COIN-C", option(Right::Call), inverse, BTC_COIN, BTC_COIN)),
            lots("0.1", "0.0001", instrument("COIN-P", option(Right::Put), inverse, BTC_COIN, BTC_COIN)),
            instrument("BTC_USDC", InstrumentKind::Spot, linear, USDC, USDC),
            InstrumentTerms {
                underlying: ETH,
                ..lots("0.01", "0.1", instrument("ETH-PERP", InstrumentKind::Perpetual, linear, USDC, USDC))
            },
            dollars(instrument("INVERSE-25DEC26", future(), inverse, USD, BTC_COIN)),
        ];
        let mut commands = vec![
            Command::ListLocation { name: "bridge".to_owned() },
            Command::ListUnderlying(Box::new(underlying("BTC", "100000"))),
            Command::ListUnderlying(Box::new(underlying("ETH", "4000"))),
            Command::ListAsset(Box::new(asset("USDC", "1", None, true))),
            Command::ListAsset(Box::new(asset("BTC", "100000", Some(BTC), false))),
            Command::ListAsset(Box::new(asset("ETH", "4000", Some(ETH), false))),
            Command::ListAsset(Box::new(asset("STETH", "4000", Some(ETH), true))),
        ];
        commands.extend(instruments.map(|terms| Command::ListInstrument(Box::new(terms))));
        commands
    }

    pub fn state(&self) -> &State {
        self.operator.state()
    }

    pub fn engine(&self) -> &Engine {
        self.operator.engine()
    }

    /// The engine itself, for events that no command makes.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.operator.door_mut().engine
    }

    /// Runs `command` at the time that the engine has reached.
    pub fn run(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        self.operator.at(self.state().clock);
        told(self.operator.must(principal, command))
    }

    /// Runs `command` at a time, which may be before the clock of the engine. Where it is more than a day ahead,
    /// governance resumes the engine first.
    pub fn at(&mut self, time: Timestamp, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        if time.micros() - self.state().clock.micros() > DAY {
            self.resume(time);
        }
        let Ok(answers) = self.operator.submit(&[Envelope { time, principal, command }]);
        match answers.into_iter().next().unwrap() {
            Answer::Accepted { events, .. } => Ok(events),
            Answer::Refused(reject) => Err(reject),
        }
    }

    fn resume(&mut self, time: Timestamp) {
        self.operator.at(time);
        let Ok(done) = self.operator.perform(&[Duty::Resume]);
        assert!(matches!(done[0].answer, Answer::Accepted { .. }), "{done:?}");
    }

    /// Runs a command at the time of the engine, without the checks of the whole state.
    pub fn quickly(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        self.operator.door_mut().checks = false;
        let done = self.run(principal, command);
        self.operator.door_mut().checks = true;
        done
    }

    /// Lists a perpetual on oil at 20 USD, an underlying that may cost less than nothing, written in USDC.
    pub fn list_oil(&mut self) -> (FeedId, InstrumentId) {
        let mut terms = underlying("OIL", "20");
        (terms.feed.signed, terms.feed.scale) = (true, price("20"));
        self.govern(Command::ListUnderlying(Box::new(terms))).unwrap();
        let oil = UnderlyingId(self.state().market.underlyings.len() - 1);
        let listed = InstrumentTerms {
            underlying: oil,
            lot: quantity("1"),
            tick: price("0.01"),
            ..instrument("OIL-PERP", InstrumentKind::Perpetual, Payoff::Linear, USDC, USDC)
        };
        self.govern(Command::ListInstrument(Box::new(listed))).unwrap();
        (FeedId::Index(oil), InstrumentId(self.state().contracts.len() - 1))
    }

    pub fn govern(&mut self, command: Command) -> Result<Vec<Event>, Reject> {
        self.run(Principal::Governance, command)
    }

    pub fn system(&mut self, command: Command) -> Result<Vec<Event>, Reject> {
        self.run(Principal::System, command)
    }

    /// Lets time pass; then every source that is not silent reports, prices are formed and accounts judged.
    pub fn pass(&mut self, micros: i64) {
        self.form(micros);
        self.system(Command::Watch).unwrap();
    }

    /// Lets time pass; then every source that is not silent reports, and prices are formed.
    pub fn form(&mut self, micros: i64) {
        let time = Timestamp::from_micros(self.state().clock.micros() + micros);
        if micros > DAY {
            self.resume(time);
        }
        self.operator.at(time);
        let feeds = &self.state().feeds;
        let speaks = |feed: &FeedId| feeds.contains_key(feed) && !self.silent.contains(feed);
        let spoken: Vec<(FeedId, Price)> =
            self.prices.iter().filter(|(feed, _)| speaks(feed)).map(|(feed, of)| (*feed, *of)).collect();
        for (feed, price) in spoken {
            let confidence = Price::from_raw(price.raw().abs()).scaled(self.confidence, Round::Up).unwrap();
            for source in 1..=3 {
                let said = Said { source, price, confidence, depth: "1000000".parse().unwrap() };
                told(self.operator.report(feed, &said)).unwrap();
            }
        }
        let live = |id: &InstrumentId| self.state().contracts[id.0].mode != engine::state::Mode::Settled;
        let vols = OPTIONS.into_iter().zip(self.vols).filter(|(id, _)| live(id)).collect();
        told(self.operator.surface(vols)).unwrap();
        let Ok(done) = self.operator.perform(&[Duty::Tick]);
        assert!(matches!(done[0].answer, Answer::Accepted { .. }), "{done:?}");
    }

    /// Moves a price now and holds it until the averages have followed.
    pub fn move_to(&mut self, feed: FeedId, to: &str) {
        self.jump(feed, to);
        for _ in 0..30 {
            self.pass(60 * SECOND);
        }
    }

    /// Moves a price within a second.
    pub fn jump(&mut self, feed: FeedId, to: &str) {
        self.prices.insert(feed, price(to));
        self.pass(SECOND);
    }

    /// Opens an account.
    pub fn open(&mut self, name: &str, owner: u32) -> AccountId {
        told(self.operator.open_account(name, owner)).unwrap()
    }

    /// Opens an account with this much USDC in it.
    pub fn rich(&mut self, name: &str, owner: u32, usdc: &str) -> AccountId {
        let account = self.open(name, owner);
        self.deposit(account, USDC, usdc).unwrap();
        account
    }

    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: &str) -> Result<Vec<Event>, Reject> {
        told(self.operator.deposit(account, asset, None, quantity(amount)))
    }

    pub fn withdraw(&mut self, account: AccountId, asset: AssetId, amount: &str) -> Result<Vec<Event>, Reject> {
        told(self.operator.withdraw(account, asset, None, quantity(amount)))
    }

    pub fn transfer(
        &mut self,
        from: AccountId,
        to: AccountId,
        asset: AssetId,
        amount: &str,
    ) -> Result<Vec<Event>, Reject> {
        told(self.operator.transfer((from, to), asset, None, quantity(amount)))
    }

    /// A match between two accounts, without orders and fees.
    pub fn fill(
        &mut self,
        instrument: InstrumentId,
        at: &str,
        lots: i64,
        buyer: AccountId,
        seller: AccountId,
    ) -> Result<Vec<Event>, Reject> {
        let party = |account| Party { account, order: None, fee: Quantity::ZERO };
        let (price, buyer, seller) = (price(at), party(buyer), party(seller));
        told(self.operator.fill(&Trade { instrument, price, lots, buyer, seller }))
    }

    pub fn place(
        &mut self,
        account: AccountId,
        number: u64,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
        limit: &str,
    ) -> Result<Vec<Event>, Reject> {
        let owner = Principal::Owner(self.state().accounts[account.place()].owner);
        let (order, limit) = (OrderId(number), price(limit));
        self.run(owner, Command::Place { account, order, instrument, side, lots, limit, reduce_only: false })
    }

    /// The amount of an asset that an account has at the venue.
    pub fn has(&self, account: AccountId, asset: AssetId) -> Quantity {
        self.state().accounts[account.place()].balance(asset, None).amount
    }

    pub fn pot(&self, pot: Pot, asset: AssetId) -> Quantity {
        self.state().pot(pot, asset)
    }

    /// A mark, rounded down to a tick, as text.
    pub fn mark(&self, instrument: InstrumentId) -> String {
        let (mark, tick) =
            (self.state().market.mark(instrument).in_quote(), self.state().contracts[instrument.0].terms.tick);
        Price::from_raw(mark.raw() - mark.raw().rem_euclid(tick.raw())).to_string()
    }
}

/// The net amount that one account received for one cause.
pub fn received(events: &[Event], account: AccountId, why: Cause) -> Quantity {
    events.iter().fold(Quantity::ZERO, |sum, event| match event {
        Event::Moved { from, to, amount, cause, .. } if *cause == why => {
            let of = |holder: &Holder| matches!(holder, Holder::Account(id, _) if *id == account);
            let sum = if of(to) { sum.plus(*amount).unwrap() } else { sum };
            if of(from) { sum.minus(*amount).unwrap() } else { sum }
        }
        _ => sum,
    })
}
