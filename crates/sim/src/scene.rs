//! Scenes: situations that take many steps to reach, played out on purpose. Liquidations that cross, and portfolios that
//! no trade makes healthier.
//!
//! ```text
//! casting ──▶ loading ──▶ falling ──▶ over
//!   accounts    to the      one price moves until all of them are below maintenance and stay solvent, and is held
//!   and money   brink       there until their cases are closed
//! ```
//!
//! The position that an account can bear is found by asking the engine, so a scene needs no margin rule of its own. The
//! rest of the run goes on meanwhile: a scene that it spoils ends after a while, and another begins.

use engine::state::{Mode, State};
use engine::{AccountId, Engine, Envelope, FeedId, Party, Status};
use model::{AssetId, InstrumentId};
use operator::Trade;
use units::{Money, Price, Quantity};

use crate::bidder;
use crate::swarm::Corner;
use crate::world::{BTC_INVERSE, BTC_PERPETUAL, ETH_FUTURE, ETH_PERPETUAL, FIRST_PRICES, OIL_PERPETUAL};
use crate::world::{OIL, ONE, SECOND, World};

/// The number of the first owner whose accounts are on stage. No other account has these owners.
const STAGE: u32 = 1000;

/// At this number of accounts no new ones are opened for a scene.
const CROWD: usize = 40;

/// The most ticks that a scene lasts.
const LONGEST: u32 = 30;

/// A scene that has not reached the brink is given up after this many ticks.
const PATIENCE: u32 = 5;

/// A scene that ruins pauses for this many ticks below maintenance before it goes on.
const RESPITE: u32 = 3;

/// The plot that a scene follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plot {
    /// Two accounts hold opposite positions in one instrument, and both lose on another.
    Crossing,
    /// One account holds two legs that hedge each other, and the difference between their prices moves.
    Auction,
}

/// One step that brings the accounts closer to the brink.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// The first account opens the position on which it will lose.
    Lever,
    /// The second account opens the same position.
    SameLever,
    /// The two accounts trade the other instrument with each other.
    Opposite,
    /// The account opens the hedge of the whole lever.
    Hedge,
    /// The account with this number in the cast gives away the money that it does not need for margin.
    Release(usize),
}

/// The progress of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Casting,
    /// Bringing the accounts to the brink, with the number of the next step.
    Loading(usize),
    /// Moving the price, with the ticks since all accounts were below maintenance at once; 0 before.
    Falling(u32),
}

/// A scene that is being played.
#[derive(Clone, Debug)]
pub struct Scene {
    plot: Plot,
    act: Act,
    cast: Vec<AccountId>,
    /// The instrument on which all accounts lose.
    lever: InstrumentId,
    /// The instrument that is crossed, or the hedge.
    other: InstrumentId,
    /// The sign of the positions in the lever.
    way: i64,
    /// Whether the scene goes on until an account is bankrupt, with no backstop left to take over.
    ruins: bool,
    /// Ticks since the scene began.
    age: u32,
}

/// The commands of scenes in a round after a tick; a round may begin a scene or end it.
pub fn round(world: &mut World, engine: &Engine, round: u64) -> Vec<Envelope> {
    let state = engine.state();
    let Some(mut scene) = world.scene.take() else {
        if round == 0 {
            world.scene = begun(world, state);
        }
        return Vec::new();
    };
    scene.age += u32::from(round == 0);
    let gone = scene.cast.iter().any(|id| state.account(*id).is_none());
    let stuck = scene.age > PATIENCE && !matches!(scene.act, Act::Falling(_));
    if gone || stuck || scene.age > LONGEST || scene.is_over(state) {
        return scene.ended(world, state);
    }
    let made = match scene.act {
        Act::Casting => scene.casts(world, state),
        Act::Loading(step) => scene.loads(world, engine, step),
        Act::Falling(since) if round == 0 => {
            scene.falls(world, engine, since);
            if scene.ruins && since == RESPITE { bidder::vanish(world, state) } else { Vec::new() }
        }
        Act::Falling(_) => Vec::new(),
    };
    world.scene = Some(scene);
    made
}

/// Whether the liquidation of an account should wait until the other side of its crossing is below maintenance too.
pub fn waits(world: &World, id: AccountId) -> bool {
    let scene = world.scene.as_ref().filter(|scene| scene.plot == Plot::Crossing && scene.act == Act::Falling(0));
    scene.is_some_and(|scene| scene.cast.contains(&id))
}

/// Whether an account is on stage now; other actions leave it alone.
pub fn plays(world: &World, id: AccountId) -> bool {
    world.scene.as_ref().is_some_and(|scene| scene.cast.contains(&id))
}

fn begun(world: &mut World, state: &State) -> Option<Scene> {
    let sought = [(Corner::Crossing, Plot::Crossing), (Corner::Auctions, Plot::Auction)];
    let plots: Vec<Plot> =
        sought.into_iter().filter(|(corner, _)| world.swarm.seeks(*corner)).map(|(_, plot)| plot).collect();
    if plots.is_empty() || !world.faulty || !world.dice.chance(250) {
        return None;
    }
    let plot = world.dice.pick(&plots);
    let (lever, other) = match plot {
        Plot::Crossing => world.dice.pick(&[
            (ETH_PERPETUAL, BTC_PERPETUAL),
            (ETH_PERPETUAL, BTC_INVERSE),
            (BTC_PERPETUAL, ETH_PERPETUAL),
            (OIL_PERPETUAL, BTC_PERPETUAL),
            (OIL_PERPETUAL, ETH_PERPETUAL),
        ]),
        Plot::Auction => world.dice.pick(&[(BTC_PERPETUAL, BTC_INVERSE), (ETH_PERPETUAL, ETH_FUTURE)]),
    };
    let trades = |id: InstrumentId| {
        let contract = &state.contracts[id.0];
        let lasts = contract.terms.expiry().is_none_or(|expiry| expiry.micros() > world.now + 1800 * SECOND);
        contract.mode == Mode::Open && lasts
    };
    let feed = feed(state, plot, lever);
    let (truth, first) = (world.truth(feed), first(feed));
    // The price moves back towards its start, so that many scenes do not carry it away. A price that is nearly zero is
    // not used.
    (trades(lever) && trades(other) && truth > first / 4).then(|| {
        let (way, ruins) = (if truth < first { -1 } else { 1 }, world.dice.chance(550));
        Scene { plot, act: Act::Casting, cast: Vec::new(), lever, other, way, ruins, age: 0 }
    })
}

/// The feed that the scene moves: the index of the lever, or its premium.
fn feed(state: &State, plot: Plot, lever: InstrumentId) -> FeedId {
    match plot {
        Plot::Crossing => FeedId::Index(state.contracts[lever.0].terms.underlying),
        Plot::Auction => FeedId::Premium(lever),
    }
}

/// The price of a feed when a run begins.
fn first(feed: FeedId) -> i128 {
    match feed {
        FeedId::Index(underlying) => FIRST_PRICES[underlying.0] * ONE,
        _ => ONE,
    }
}

impl Scene {
    /// Takes accounts on stage that hold nothing, or opens new ones, and gives them money.
    fn casts(&mut self, world: &mut World, state: &State) -> Vec<Envelope> {
        let wanted = if self.plot == Plot::Crossing { 2 } else { 1 };
        let known = state.accounts.iter().enumerate();
        let idle: Vec<AccountId> = known
            .map(|(place, account)| (AccountId(u32::try_from(place).expect("ids are u32")), account))
            .filter(|(_, account)| account.owner >= STAGE && !account.is_exposed())
            .filter(|(id, _)| !state.liquidations.cases.contains_key(id))
            .map(|(id, _)| id)
            .take(wanted)
            .collect();
        if idle.len() < wanted {
            if state.accounts.len() + wanted > CROWD {
                return Vec::new();
            }
            return world.written(state, |batch| {
                for number in state.accounts.len()..state.accounts.len() + wanted - idle.len() {
                    let number = u32::try_from(number).expect("ids are u32");
                    batch.open_account(&format!("staged {number}"), STAGE + number);
                }
            });
        }
        let dollars = match self.plot {
            Plot::Crossing => world.dice.pick(&[10_000_i64, 40_000, 120_000]),
            Plot::Auction => world.dice.pick(&[2_000_i64, 8_000, 25_000]),
        };
        let amount = Quantity::from_raw(i128::from(dollars) * ONE);
        let made = world.written(state, |batch| {
            for account in &idle {
                batch.deposit(*account, AssetId(0), None, amount);
            }
        });
        (self.cast, self.act) = (idle, Act::Loading(0));
        made
    }

    /// The next step to the brink: all accounts take on the lever, then the instrument that is crossed or that hedges,
    /// and give away the money that they do not need for margin. A trade that the engine refuses now is tried again.
    fn loads(&mut self, world: &mut World, engine: &Engine, step: usize) -> Vec<Envelope> {
        let maker = AccountId(u32::from(world.dice.chance(500)));
        let (lever, other, way) = (self.lever, self.other, self.way);
        let (one, two) = (self.cast[0], *self.cast.last().unwrap_or(&self.cast[0]));
        let lots_of = |id: AccountId| engine.state().accounts[id.place()].position(lever).lots.abs();
        let steps: &[Load] = match self.plot {
            Plot::Crossing => &[Load::Lever, Load::SameLever, Load::Opposite, Load::Release(0), Load::Release(1)],
            Plot::Auction => &[Load::Lever, Load::Hedge, Load::Lever, Load::Hedge, Load::Release(0)],
        };
        let trade = match steps[step] {
            Load::Lever => {
                let part = if self.plot == Plot::Crossing { world.dice.between(60, 85) } else { 100 };
                most(world, engine, ((one, maker), way), lever).map(|most| (one, maker, lever, way * most * part / 100))
            }
            Load::SameLever => {
                let most = most(world, engine, ((two, maker), way), lever);
                most.map(|most| (two, maker, lever, way * lots_of(one).min(most)))
            }
            Load::Opposite => {
                let way = world.dice.pick(&[1, -1]);
                most(world, engine, ((one, two), way), other).map(|most| (one, two, other, way * most))
            }
            Load::Hedge => hedge(engine.state(), one, lever, other).map(|lots| (one, maker, other, lots)),
            Load::Release(number) => {
                self.act = if step + 1 < steps.len() { Act::Loading(step + 1) } else { Act::Falling(0) };
                let mut made = release(world, engine, self.cast[number], maker);
                if self.plot == Plot::Crossing && self.act == Act::Falling(0) {
                    made.extend(self.modes(world, engine.state(), (Mode::Open, Mode::Halted)));
                }
                return made;
            }
        };
        let Some((one, two, instrument, lots)) = trade.filter(|(.., lots)| *lots != 0) else { return Vec::new() };
        self.act = Act::Loading(step + 1);
        let state = engine.state();
        world.written(state, |batch| batch.fill(&at_mark(state, (one, two), instrument, lots)))
    }

    /// Moves the price until all accounts are below maintenance, and holds it there. Moves it back when one is nearly
    /// ruined, unless the scene is meant to ruin.
    fn falls(&mut self, world: &mut World, engine: &Engine, since: u32) {
        let state = engine.state();
        let judged = self.cast.iter().filter_map(|id| engine.desk().judge(state, &state.accounts[id.place()]).ok());
        let health: Vec<f64> = judged
            .filter(|judged| judged.maintenance_margin > Money::ZERO)
            .map(|judged| judged.equity.to_f64() / judged.maintenance_margin.to_f64())
            .collect();
        let (least, best) = (health.iter().copied().fold(9.0, f64::min), health.iter().copied().fold(-9.0, f64::max));
        self.act = Act::Falling(since + u32::from(since > 0 || best < 1.0));
        let feed = feed(state, self.plot, self.lever);
        let Some(quote) = state.quote(feed) else { return };
        let (truth, slow) = (world.truth(feed), quote.slow.raw());
        // The step is in hundredths of a per cent.
        let step = match feed {
            FeedId::Index(OIL) => 500,
            FeedId::Index(_) => 200,
            _ => 20,
        };
        let by = match self.ruins && since > RESPITE {
            _ if best >= 0.98 => -self.way,
            true if least > -0.3 => -2 * self.way,
            false if least < 0.25 => self.way,
            _ => 0,
        };
        // Within four fifths of the collar, so that the price stays valid, and never down to zero.
        let collar = slow.abs() / 1000 * 8 * world.swarm.collar.min(90);
        let pinned = truth + truth.abs() / 10_000 * i128::from(by * step);
        world.pinned = Some((feed, pinned.clamp(slow - collar, slow + collar)));
    }

    /// Whether the scene has reached its purpose or its time is up.
    fn is_over(&self, state: &State) -> bool {
        let ill = |id: &AccountId| {
            state.liquidations.cases.contains_key(id) || state.accounts[id.place()].status <= Status::Liquidation
        };
        let Act::Falling(since @ 1..) = self.act else { return false };
        let healed = !self.cast.iter().any(ill);
        healed || since > if self.plot == Plot::Crossing { 12 } else { LONGEST }
    }

    /// Releases the price and opens the halted markets.
    fn ended(self, world: &mut World, state: &State) -> Vec<Envelope> {
        world.pinned = None;
        match self.plot {
            Plot::Crossing => self.modes(world, state, (Mode::Halted, Mode::Open)),
            Plot::Auction => Vec::new(),
        }
    }

    /// Halts or opens every market of the lever's underlying, so that the accounts do not trade the instrument on which
    /// they lose.
    fn modes(&self, world: &World, state: &State, (from, to): (Mode, Mode)) -> Vec<Envelope> {
        let underlying = state.contracts[self.lever.0].terms.underlying;
        let contracts = state.contracts.iter().enumerate();
        let these = contracts.filter(|(_, contract)| contract.terms.underlying == underlying && contract.mode == from);
        world.written(state, |batch| these.for_each(|(place, _)| batch.set_mode(InstrumentId(place), to)))
    }
}

/// A trade of two accounts at the mark. `lots` is signed as the first account trades them.
fn at_mark(state: &State, (one, two): (AccountId, AccountId), instrument: InstrumentId, lots: i64) -> Trade {
    let tick = state.contracts[instrument.0].terms.tick.raw();
    let price = Price::from_raw(state.market.mark(instrument).in_quote().raw().div_euclid(tick) * tick);
    let party = |account| Party { account, order: None, fee: Quantity::ZERO };
    let (buyer, seller) = if lots > 0 { (party(one), party(two)) } else { (party(two), party(one)) };
    Trade { instrument, price, lots: lots.abs(), buyer, seller }
}

/// The most lots that the engine accepts, signed by `way` as the first account trades them.
fn most(
    world: &World,
    engine: &Engine,
    (accounts, way): ((AccountId, AccountId), i64),
    instrument: InstrumentId,
) -> Option<i64> {
    let state = engine.state();
    let fill = |lots: i64| world.written(state, |batch| batch.fill(&at_mark(state, accounts, instrument, way * lots)));
    largest(state.contracts[instrument.0].terms.max_order, |lots| takes(engine, &fill(lots)))
}

/// Whether the engine would accept each of these commands now.
fn takes(engine: &Engine, commands: &[Envelope]) -> bool {
    commands.iter().all(|envelope| engine.decide(envelope).is_ok())
}

/// An account gives away all the dollars that it does not need for margin.
fn release(world: &World, engine: &Engine, from: AccountId, to: AccountId) -> Vec<Envelope> {
    let state = engine.state();
    let transfer = |dollars: i64| {
        let amount = Quantity::from_raw(i128::from(dollars) * ONE);
        world.written(state, |batch| batch.transfer((from, to), AssetId(0), None, amount))
    };
    let held = state.accounts[from.place()].balance(AssetId(0), None).amount.raw() / ONE;
    let most = largest(i64::try_from(held).unwrap_or(0), |dollars| takes(engine, &transfer(dollars)));
    most.map(transfer).unwrap_or_default()
}

/// The largest number up to `limit` that `takes` accepts, to one in a hundred, if it accepts every smaller number too;
/// none when it refuses 1.
fn largest(limit: i64, takes: impl Fn(i64) -> bool) -> Option<i64> {
    let (mut taken, mut refused) = (0, limit.max(0).saturating_add(1));
    while refused - taken > 1 + taken / 100 {
        // The search first goes down by quarters, because the largest number is far below the limit.
        let middle = if taken == 0 { (refused + 3) / 4 } else { taken + (refused - taken) / 2 };
        if takes(middle) {
            taken = middle;
        } else {
            refused = middle;
        }
    }
    (taken > 0).then_some(taken)
}

/// The lots of `with` that hedge the position of an account in another instrument of the same underlying.
fn hedge(state: &State, id: AccountId, held: InstrumentId, with: InstrumentId) -> Option<i64> {
    let account = &state.accounts[id.place()];
    let lots = account.position(held).lots;
    let usd = |instrument: InstrumentId, lots: i64| state.lots_usd(&state.contracts[instrument.0].terms, lots).ok();
    let (worth, one) = (usd(held, lots)?.raw(), usd(with, 1)?.raw());
    let wanted = i64::try_from(worth / one.max(1)).ok()? * -lots.signum();
    Some(wanted - account.position(with).lots)
}
