//! A small exchange for tests: two underlyings, a stablecoin, a staked token, one instrument of every kind, and people.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]
#![expect(dead_code, reason = "every test file uses a part of it")]

use std::collections::BTreeMap;

use engine::state::{AssetTerms, Holder, InstrumentTerms, Policy, Pot, UnderlyingTerms};
use engine::{
    AccountId, Cause, Command, Engine, Envelope, Event, FeedId, LocationId, OrderId, Party, Principal, Reject, State,
};
use marks::{Report, Rules, Source};
use model::{AssetId, InstrumentId, InstrumentKind, Payoff, Right, Side, UnderlyingId};
use units::{Decimal, Price, Quantity, Ratio, Round, Timestamp};

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
pub fn rules() -> Rules {
    let source = |source| Source { source, max_age_micros: 60 * SECOND, bounds: None };
    Rules {
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

/// Runs `command` at the time that the engine has reached.
pub fn run(engine: &mut Engine, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
    let time = engine.state().clock;
    at(engine, time, principal, command)
}

/// Runs `command` at `time`. After every event every asset adds up to 0, and after the command the books agree with
/// each other (I-07, I-08).
///
/// Where the time is more than a day ahead governance resumes the engine first.
pub fn at(engine: &mut Engine, time: Timestamp, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
    if time.micros() - engine.state().clock.micros() > DAY {
        engine.handle(&Envelope { time, principal: Principal::Governance, command: Command::Resume })?;
    }
    let envelope = Envelope { time, principal, command };
    let events = engine.decide(&envelope)?;
    let mut state = engine.state().clone();
    for event in &events {
        engine::apply(&mut state, event);
        conserved(&state);
    }
    engine.commit(&events);
    assert_eq!(*engine.state(), state, "committing is applying");
    consistent(&state);
    Ok(events)
}

/// I-08: every asset adds up to 0 over all holders.
pub fn conserved(state: &State) {
    for asset in 0..state.collateral.len() {
        assert_eq!(state.sum(AssetId(asset)), Quantity::ZERO, "asset {asset}");
    }
}

/// I-07: every stored sum equals the sum of its parts.
pub fn consistent(state: &State) {
    let total = |amounts: &mut dyn Iterator<Item = Quantity>| {
        amounts.fold(Quantity::ZERO, |sum, amount| sum.plus(amount).unwrap())
    };
    for (place, contract) in state.contracts.iter().enumerate() {
        let id = InstrumentId(place);
        let positions = || state.accounts.iter().map(|account| account.position(id));
        let costs = total(&mut positions().map(|position| position.cost));
        for asset in (0..state.collateral.len()).map(AssetId) {
            let clearing = state.pot(Pot::Clearing(id), asset);
            let against = if asset == contract.terms.cash() { costs } else { Quantity::ZERO };
            assert_eq!(clearing.plus(against).unwrap(), Quantity::ZERO, "clearing of {}", contract.terms.name);
        }
        assert_eq!(positions().map(|held| held.lots).sum::<i64>(), 0, "lots of {}", contract.terms.name);
        let open: i64 = positions().map(|held| held.lots.max(0)).sum();
        assert_eq!(contract.open, open, "open interest of {}", contract.terms.name);
    }
    for (place, collateral) in state.collateral.iter().enumerate() {
        let balances = state.accounts.iter().flat_map(|account| &account.balances);
        let of_asset = balances.filter(|balance| balance.asset == AssetId(place));
        let held = total(&mut of_asset.map(|balance| balance.amount.max(Quantity::ZERO)));
        assert_eq!(collateral.held, held, "held of asset {place}");
    }
    for balance in state.accounts.iter().flat_map(|account| &account.balances) {
        assert!(
            balance.profit >= Quantity::ZERO && balance.profit <= balance.amount.max(Quantity::ZERO),
            "{balance:?}"
        );
    }
}

/// A small exchange, its prices and its clock.
pub struct World {
    pub engine: Engine,
    pub prices: BTreeMap<FeedId, Price>,
    /// Feeds whose sources are silent.
    pub silent: Vec<FeedId>,
    sequence: u64,
    reference: u64,
    matches: u64,
    surface: u64,
}

impl World {
    /// Eight days after its listings, when every collateral ramp is over; BTC at 100,000 and ETH at 4,000.
    pub fn new() -> Self {
        Self::with(Policy::default())
    }

    pub fn with(policy: Policy) -> Self {
        let mut world = Self::young(policy);
        world.pass(8 * DAY);
        // The time to cure after eight days of silence is over too.
        for _ in 0..3 {
            world.pass(25 * SECOND);
        }
        world
    }

    /// Just listed: no asset but USD may be collateral yet.
    pub fn young(policy: Policy) -> Self {
        let start = "2026-11-01T00:00:00Z".parse().unwrap();
        let state = State::new(start, margin::method::universal::PARAMS.to_owned(), policy);
        let prices = [
            (FeedId::Index(BTC), "100000"),
            (FeedId::Index(ETH), "4000"),
            (FeedId::Asset(USDC), "1"),
            (FeedId::Asset(STETH), "1"),
            (FeedId::Premium(PERPETUAL), "1"),
            (FeedId::Forward(BTC, expiry()), "1"),
        ];
        let mut world = Self {
            engine: Engine::new(state).unwrap(),
            prices: prices.into_iter().map(|(feed, text)| (feed, price(text))).collect(),
            silent: Vec::new(),
            sequence: 0,
            reference: 0,
            matches: 0,
            surface: 0,
        };
        for command in Self::listings() {
            world.govern(command).unwrap();
        }
        world.pass(SECOND);
        world
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
        self.engine.state()
    }

    pub fn run(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        run(&mut self.engine, principal, command)
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
        let time = Timestamp::from_micros(self.state().clock.micros() + micros);
        self.sequence += 1;
        let feeds = &self.state().feeds;
        let speaks = |feed: &FeedId| feeds.contains_key(feed) && !self.silent.contains(feed);
        let spoken: Vec<(FeedId, Price)> =
            self.prices.iter().filter(|(feed, _)| speaks(feed)).map(|(feed, of)| (*feed, *of)).collect();
        for (feed, price) in spoken {
            for source in 1..=3 {
                let report = Report {
                    source,
                    sequence: self.sequence,
                    published: time,
                    price,
                    confidence: Price::from_raw(price.raw().abs()).scaled(ratio("0.0001"), Round::Up).unwrap(),
                    depth: "1000000".parse().unwrap(),
                };
                at(&mut self.engine, time, Principal::Source(source), Command::Report { feed, report }).unwrap();
            }
        }
        self.surface(time);
        at(&mut self.engine, time, Principal::System, Command::Tick).unwrap();
        at(&mut self.engine, time, Principal::System, Command::Watch).unwrap();
    }

    fn surface(&mut self, time: Timestamp) {
        self.surface += 1;
        let live = |id: &InstrumentId| self.state().contracts[id.0].mode != engine::state::Mode::Settled;
        let options = [CALL, PUT, COIN_CALL, COIN_PUT].into_iter().filter(live);
        let vols = options.map(|id| (id, ratio("0.6"))).collect();
        let command = Command::Surface { version: self.surface, published: time, vols };
        at(&mut self.engine, time, Principal::Source(engine::SURFACE_SOURCE), command).unwrap();
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
        self.system(Command::OpenAccount { name: name.to_owned(), owner }).unwrap();
        self.state().account_named(name).unwrap()
    }

    /// Opens an account with this much USDC in it.
    pub fn rich(&mut self, name: &str, owner: u32, usdc: &str) -> AccountId {
        let account = self.open(name, owner);
        self.deposit(account, USDC, usdc).unwrap();
        account
    }

    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: &str) -> Result<Vec<Event>, Reject> {
        self.reference += 1;
        let (amount, reference) = (quantity(amount), self.reference);
        self.run(Principal::Custody, Command::Deposit { account, asset, location: None, amount, reference })
    }

    pub fn withdraw(&mut self, account: AccountId, asset: AssetId, amount: &str) -> Result<Vec<Event>, Reject> {
        let owner = Principal::Owner(self.state().accounts[account.place()].owner);
        self.run(owner, Command::Withdraw { account, asset, location: None, amount: quantity(amount) })
    }

    pub fn transfer(
        &mut self,
        from: AccountId,
        to: AccountId,
        asset: AssetId,
        amount: &str,
    ) -> Result<Vec<Event>, Reject> {
        let owner = Principal::Owner(self.state().accounts[from.place()].owner);
        self.run(owner, Command::Transfer { from, to, asset, location: None, amount: quantity(amount) })
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
        let last = self.state().contract(instrument).map_or(0, |contract| contract.last_match);
        self.matches = self.matches.max(last) + 1;
        let party = |account| Party { account, order: None, fee: Quantity::ZERO };
        let (match_id, price) = (self.matches, price(at));
        let (buyer, seller) = (party(buyer), party(seller));
        self.run(Principal::Matching, Command::Fill { instrument, match_id, price, lots, buyer, seller })
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
