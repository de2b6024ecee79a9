//! Rules that are broken on purpose. A simulator that does not notice them would not notice such a fault in the engine
//! either.
//!
//! The engine itself is not changed: a canary asks it and alters the answer, or asks it about a state that is not the
//! true one.

mod forced;
mod meddling;

use std::collections::{BTreeMap, BTreeSet};

use engine::state::{LARGEST_AMOUNT, Samples, State};
use engine::{AccountId, Cause, Command, Engine, Envelope, Event, Noun, Reject, Status};
use model::{CounterPrice, USD};
use serde::Serialize;
use units::{Price, Quantity, Timestamp};

use crate::run::{Options, run_with};

/// The rules that decide commands: those of the engine, or broken ones that should be caught.
pub trait Decider {
    /// The events of a command, or the reason why it is refused.
    fn decide(&mut self, engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        engine.decide(envelope)
    }

    /// Whether a crash takes the last acknowledged batch with it.
    fn forgets(&self) -> bool {
        false
    }
}

/// The unbroken rules of the engine.
#[derive(Debug)]
pub struct Sound;

impl Decider for Sound {}

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Canary {
    /// A fee is taken twice.
    FeeTwice,
    /// The rest that rounding a cost leaves is lost.
    ResidueLost,
    /// Profit may be withdrawn before its loser has paid.
    UnpaidProfit,
    /// One account needs no initial margin.
    NoMargin,
    /// A valid price is formed from stale reports.
    StalePrice,
    /// A match that was applied is applied again.
    MatchTwice,
    /// A position is turned around without settling its profit or loss.
    FreeFlip,
    /// The settlement price is the last sample, not the average.
    LastSample,
    /// A healthy account is liquidated.
    HealthyLiquidated,
    /// A withdrawal is not held back by the outflow limiter.
    NoLimiter,
    /// No event says that an account is below maintenance.
    SilentStatus,
    /// A crash loses the last acknowledged batch.
    LostBatch,
    /// A filled order stays open.
    OrderStays,
    /// A change of parameters takes effect at once.
    NoDelay,
    /// The collateral cap does not hold.
    NoCap,
    /// Funding is collected and not paid out.
    FundingKept,
    /// A withdrawal may leave less than initial margin.
    ThinWithdrawal,
    /// The shared fund pays before the fund of the market.
    WrongWaterfall,
    /// All of the shared fund pays for one loss.
    WholeShared,
    /// A loss is rounded in favour of the account that is liquidated.
    TruncatedLoss,
    /// An offer is for twice the lots that are needed.
    OverLiquidated,
    /// An owner takes over from another account of the same owner.
    SelfLiquidation,
    /// An account that has won nothing is deleveraged.
    Bystander,
    /// A case is never closed.
    StuckFlag,
    /// Accounts are liquidated in the time to cure.
    NoCure,
    /// A case has the number of the one before it.
    RepeatedEpoch,
    /// A forced trade is accepted at a price beyond the worst of its offer.
    BadPrice,
    /// An offer that was made in an earlier version of the market is filled.
    StaleOffer,
    /// A fund pays more than it has.
    FundBelowZero,
    /// Liquidations trade without a pace.
    NoPace,
    /// One side of a take-over keeps its lots.
    OneLegGone,
    /// The fee of a liquidation goes to the venue.
    FeeElsewhere,
    /// A bidder gets more than the clock of the auction pays.
    GreedyBid,
    /// Two liquidations cross away from the mark.
    SkewedCross,
    /// An account that owns any asset without a valid price is not liquidated.
    DustBlinds,
    /// Every deposit, transfer or fill of an account withdraws its offer.
    OfferFalls,
    /// An account below maintenance has no case until a step is requested.
    NoCase,
    /// Dust may be sent to anybody.
    DustSent,
}

/// Every canary, in the order in which they are run.
pub const CANARIES: &[Canary] = &[
    Canary::FeeTwice,
    Canary::ResidueLost,
    Canary::UnpaidProfit,
    Canary::NoMargin,
    Canary::StalePrice,
    Canary::MatchTwice,
    Canary::FreeFlip,
    Canary::LastSample,
    Canary::HealthyLiquidated,
    Canary::NoLimiter,
    Canary::SilentStatus,
    Canary::LostBatch,
    Canary::OrderStays,
    Canary::NoDelay,
    Canary::NoCap,
    Canary::FundingKept,
    Canary::ThinWithdrawal,
    Canary::WrongWaterfall,
    Canary::WholeShared,
    Canary::TruncatedLoss,
    Canary::OverLiquidated,
    Canary::SelfLiquidation,
    Canary::Bystander,
    Canary::StuckFlag,
    Canary::NoCure,
    Canary::RepeatedEpoch,
    Canary::BadPrice,
    Canary::StaleOffer,
    Canary::FundBelowZero,
    Canary::NoPace,
    Canary::OneLegGone,
    Canary::FeeElsewhere,
    Canary::GreedyBid,
    Canary::SkewedCross,
    Canary::DustBlinds,
    Canary::OfferFalls,
    Canary::NoCase,
    Canary::DustSent,
];

/// The account that needs no margin.
const PRIVILEGED: AccountId = AccountId(3);

/// The most seeds that are tried to catch one canary.
const SEEDS: u64 = 40;

/// The number of ticks of each seed.
const TICKS: u64 = 300;

/// The result of letting one canary loose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Caught {
    /// The rule that was broken on purpose.
    pub canary: Canary,
    /// The seed, the tick and the invariant that caught it; none when nothing did.
    pub by: Option<CaughtBy>,
    /// Whether the unbroken engine passes that seed.
    pub sound_passes: bool,
}

/// The run in which a canary was caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaughtBy {
    /// The seed whose run failed.
    pub seed: u64,
    /// The tick in which it failed.
    pub tick: u64,
    /// The number of the invariant that failed, such as `I-08`.
    pub invariant: String,
    /// The finding, as a sentence.
    pub what: String,
}

impl Caught {
    /// Whether the simulator caught the broken rule and passes the unbroken one.
    pub fn passes(&self) -> bool {
        self.by.is_some() && self.sound_passes
    }
}

/// Lets every canary loose, on `threads` threads, and returns the run that caught each. `progress` is called with each
/// canary that is caught.
///
/// Until a canary gives its first wrong answer, its run is that of the unbroken rules. So each seed is run once with the
/// unbroken rules, which finds the canaries that would answer differently, and only those are run.
pub fn canaries(threads: usize, mut progress: impl FnMut(&Caught)) -> Vec<Caught> {
    let mut found: BTreeMap<usize, Caught> = BTreeMap::new();
    let seeds: Vec<u64> = (1..=SEEDS).collect();
    for seeds in seeds.chunks(threads.max(1)) {
        let waiting: Vec<usize> = (0..CANARIES.len()).filter(|place| !found.contains_key(place)).collect();
        if waiting.is_empty() {
            break;
        }
        let watched = pool::map(threads, seeds.iter().copied(), |seed| Watch::over(seed, &waiting), |_| ());
        let caught = |place: usize| {
            let mut differs = watched.iter().filter(|watch| watch.differs.contains(&place));
            differs.find_map(|watch| {
                let by = Some(caught_by(CANARIES[place], watch.seed)?);
                Some(Caught { canary: CANARIES[place], by, sound_passes: watch.sound_passes })
            })
        };
        let caught = pool::map(threads, waiting.iter().copied(), caught, |_| ());
        for (place, caught) in waiting.iter().zip(caught) {
            if let Some(caught) = caught {
                progress(&caught);
                found.insert(*place, caught);
            }
        }
    }
    let missed = |canary: &Canary| Caught { canary: *canary, by: None, sound_passes: false };
    CANARIES.iter().enumerate().map(|(place, canary)| found.remove(&place).unwrap_or_else(|| missed(canary))).collect()
}

/// The failure of the run of a seed with a canary.
fn caught_by(mut canary: Canary, seed: u64) -> Option<CaughtBy> {
    let failure = run_with(&Options::new(seed, TICKS), &mut canary).failure?;
    Some(CaughtBy { seed, tick: failure.tick, invariant: failure.invariant, what: failure.what })
}

/// What the run of a seed with the unbroken rules shows of the broken ones.
struct Watch {
    seed: u64,
    /// Whether the unbroken engine passes.
    sound_passes: bool,
    /// The places of the canaries in [`CANARIES`] whose run may differ.
    differs: BTreeSet<usize>,
}

impl Watch {
    fn over(seed: u64, places: &[usize]) -> Self {
        let mut watcher = Watcher { places: places.to_vec(), differs: BTreeSet::new() };
        watcher.places.retain(|place| !CANARIES[*place].forgets());
        let sound_passes = run_with(&Options::new(seed, TICKS), &mut watcher).failure.is_none();
        let unseen = places.iter().filter(|place| !sound_passes || CANARIES[**place].forgets());
        watcher.differs.extend(unseen);
        Self { seed, sound_passes, differs: watcher.differs }
    }
}

/// The unbroken rules, which note every canary that would have answered differently.
struct Watcher {
    /// The places of the canaries that have answered alike so far.
    places: Vec<usize>,
    differs: BTreeSet<usize>,
}

impl Decider for Watcher {
    fn decide(&mut self, engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        let sound = engine.decide(envelope);
        let (alike, differs): (Vec<usize>, Vec<usize>) = std::mem::take(&mut self.places)
            .into_iter()
            .partition(|place| CANARIES[*place].answer(engine, envelope, sound.clone()) == sound);
        self.places = alike;
        self.differs.extend(differs);
        sound
    }
}

impl Decider for Canary {
    fn decide(&mut self, engine: &Engine, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        self.answer(engine, envelope, engine.decide(envelope))
    }

    fn forgets(&self) -> bool {
        *self == Self::LostBatch
    }
}

impl Canary {
    /// The answer to a command, for which the unbroken rules give `answer`.
    fn answer(
        self,
        engine: &Engine,
        envelope: &Envelope,
        answer: Result<Vec<Event>, Reject>,
    ) -> Result<Vec<Event>, Reject> {
        if meddling::breaks(self) {
            return meddling::decide(self, engine, envelope, answer);
        }
        if forced::breaks(self) {
            return forced::decide(self, engine, envelope, answer);
        }
        match (self, answer) {
            (Self::FeeTwice, Ok(events)) => {
                let twice = |event: Event| {
                    let fee = matches!(event, Event::Moved { cause: Cause::Fee, .. });
                    std::iter::repeat_n(event, if fee { 2 } else { 1 })
                };
                Ok(events.into_iter().flat_map(twice).collect())
            }
            (Self::ResidueLost, Ok(mut events)) if matches!(envelope.command, Command::Fill { .. }) => {
                let realised = events.iter().any(|event| matches!(event, Event::Moved { cause: Cause::Profit, .. }));
                for event in &mut events {
                    if let Event::Positioned { position, .. } = event
                        && realised
                        && position.lots != 0
                    {
                        position.cost = Quantity::from_raw(position.cost.raw() - 1);
                    }
                }
                Ok(events)
            }
            (Self::UnpaidProfit, Err(Reject::Unsettled { .. })) => doctored(engine, envelope, |state| {
                state.collateral.iter_mut().for_each(|collateral| collateral.settled = LARGEST_AMOUNT);
            }),
            (Self::NoMargin, Err(Reject::InitialMargin { account, .. } | Reject::Restricted { account, .. }))
                if account == PRIVILEGED =>
            {
                doctored(engine, envelope, |state| endow(state, account, 1_000_000_000))
            }
            (Self::StalePrice, Ok(_)) if envelope.command == Command::Tick => doctored(engine, envelope, |state| {
                let rules = state.feeds.values_mut().map(|feed| &mut feed.rules);
                rules.flat_map(|rules| &mut rules.sources).for_each(|source| source.max_age_micros = i64::MAX);
            }),
            (Self::MatchTwice, Err(Reject::Repeated { what: Noun::Match, last, .. })) => {
                let mut again = envelope.clone();
                if let Command::Fill { match_id, .. } = &mut again.command {
                    *match_id = last.saturating_add(1);
                }
                engine.decide(&again)
            }
            (Self::FreeFlip, Ok(mut events)) if matches!(envelope.command, Command::Fill { .. }) => {
                let flips = events.iter().any(|event| match event {
                    Event::Positioned { account, position } => {
                        let before = engine.state().accounts[account.place()].position(position.instrument);
                        before.lots.signum() * position.lots.signum() < 0
                    }
                    _ => false,
                });
                if flips {
                    events.retain(|event| !matches!(event, Event::Moved { cause: Cause::Profit, .. }));
                }
                Ok(events)
            }
            (Self::LastSample, Ok(events)) => {
                let Command::Expire { instrument } = envelope.command else { return Ok(events) };
                doctored(engine, envelope, |state| {
                    let contract = &mut state.contracts[instrument.0];
                    let count = contract.samples.count;
                    let index = state.market.index(contract.terms.underlying).usd().raw();
                    let sum = CounterPrice::new(Price::from_raw(index * i128::from(count)));
                    contract.samples = Samples { sum, count };
                })
            }
            (Self::HealthyLiquidated, Err(Reject::NotInLiquidation { account, .. })) => {
                doctored(engine, envelope, |state| endow(state, account, -1_000_000_000))
            }
            (Self::NoLimiter, Err(Reject::Outflow { .. })) => doctored(engine, envelope, |state| {
                state.policy.outflow_floor = units::Money::from_raw(LARGEST_AMOUNT.raw());
            }),
            (Self::SilentStatus, Ok(mut events)) => {
                events.retain(|event| {
                    !matches!(event, Event::Judged { status: Status::Bankrupt | Status::Liquidation, .. })
                });
                Ok(events)
            }
            (Self::OrderStays, Ok(mut events)) if matches!(envelope.command, Command::Fill { .. }) => {
                events.retain(|event| !matches!(event, Event::Ordered { .. } | Event::OrderClosed { .. }));
                Ok(events)
            }
            (Self::NoDelay, Err(Reject::TooSoon { .. })) => doctored(engine, envelope, |state| {
                let clock = state.clock;
                state.proposals.values_mut().for_each(|proposal| proposal.from = clock);
            }),
            (Self::NoCap, Err(Reject::CollateralCap { .. })) => doctored(engine, envelope, |state| {
                for collateral in &mut state.collateral {
                    (collateral.cap, collateral.base) = (LARGEST_AMOUNT, LARGEST_AMOUNT);
                    collateral.since = Timestamp::from_micros(0);
                }
            }),
            (Self::FundingKept, Ok(mut events)) if matches!(envelope.command, Command::Funding { .. }) => {
                let pays = |event: &Event| {
                    matches!(event, Event::Moved { to: engine::state::Holder::Account(..), cause: Cause::Funding, .. })
                };
                events.retain(|event| !pays(event));
                Ok(events)
            }
            (Self::ThinWithdrawal, Err(Reject::Withdrawal { account, .. })) => {
                doctored(engine, envelope, |state| endow(state, account, 1_000_000_000))
            }
            (_, answer) => answer,
        }
    }
}

/// The decision of the engine in a changed copy of its state.
fn doctored(engine: &Engine, envelope: &Envelope, change: impl FnOnce(&mut State)) -> Result<Vec<Event>, Reject> {
    let mut state = engine.state().clone();
    change(&mut state);
    Engine::new(state)?.decide(envelope)
}

/// Gives an account dollars that it does not have, and a status that it has not earned.
fn endow(state: &mut State, account: AccountId, dollars: i128) {
    let account = &mut state.accounts[account.place()];
    let amount = dollars * Quantity::ONE.raw();
    account.status = Status::Healthy;
    match account.balances.iter_mut().find(|held| held.asset == USD && held.location.is_none()) {
        Some(held) => held.amount = Quantity::from_raw(held.amount.raw() + amount),
        None => account.balances.insert(
            0,
            engine::state::Balance {
                asset: USD,
                location: None,
                amount: Quantity::from_raw(amount),
                profit: Quantity::ZERO,
            },
        ),
    }
}
