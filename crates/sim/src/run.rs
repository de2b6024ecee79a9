//! Runs one seed: a safety phase with faults, then a liveness phase without.

use std::panic::{AssertUnwindSafe, catch_unwind};

use audit::{Auditor, Finding};
use dice::Dice;
use engine::state::{Mode, StateHash};
use engine::{AccountId, Command, Desk, Engine, Envelope, Event, OrderId, Principal, Reject, Status};
use marks::Validity;
use model::{AssetId, Side};
use serde::Serialize;
use units::{Price, Quantity};

use crate::canary::{Decider, Sound};
use crate::durable::Durable;
use crate::faults::{Struck, count, reports};
use crate::report::Coverage;
use crate::swarm::Swarm;
use crate::world::{ONE, SECOND, START, World, genesis};
use crate::{kinds, liquidator, shrink, workload};

/// One command in this many is decided again by a newly built desk, to compare the answers.
const COLD_EVERY: u64 = 150;

/// The most ticks of the liveness phase until every price is valid again. A price held by a narrow collar is slow: with a
/// collar of a twentieth around an average of ten minutes it needs hours to follow a fall by half.
const RECOVERY: u64 = 1500;

/// The run to make, and the depth of its checks.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The seed from which everything is drawn.
    pub seed: u64,
    /// Ticks of the safety phase.
    pub ticks: u64,
    /// Commands to replay instead of those that the seed would make.
    pub script: Option<Vec<Envelope>>,
    /// Whether a failing run is reduced to a short script.
    pub shrinks: bool,
    /// Whether the plain margin checks every command and every account, not only some.
    pub thorough: bool,
}

impl Options {
    /// Options for a seed and a number of ticks.
    pub fn new(seed: u64, ticks: u64) -> Self {
        Self { seed, ticks, ..Self::default() }
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The seed that was run.
    pub seed: u64,
    /// Ticks that were run.
    pub ticks: u64,
    /// The options that the seed has drawn.
    pub swarm: Swarm,
    /// Commands that were sent.
    pub commands: u64,
    /// The time that passed in the simulation, in seconds.
    pub simulated_seconds: i64,
    /// Accounts that were below maintenance at some time.
    pub liquidatable: u64,
    /// The hash of the last state.
    pub hash: String,
    /// Commands, events, rejects and faults that were reached.
    pub coverage: Coverage,
    /// The first failure; none when the run is sound.
    pub failure: Option<Failure>,
}

/// An invariant that a run broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The number of the invariant, such as `I-08`.
    pub invariant: String,
    /// The finding, as a sentence.
    pub what: String,
    /// The tick in which the invariant was broken.
    pub tick: u64,
    /// The command that showed the failure, in words.
    pub command: String,
    /// The way to reproduce the failure.
    pub reproduce: String,
    /// The shortest script that still fails, when one was looked for.
    pub script: Vec<Envelope>,
}

/// Runs a seed or a script with the unbroken rules.
pub fn run(options: &Options) -> Outcome {
    run_with(options, &mut Sound)
}

/// Runs a seed or a script with the given rules.
pub fn run_with(options: &Options, rules: &mut dyn Decider) -> Outcome {
    let mut run = Run::new(options, rules);
    let failed = match &options.script {
        Some(script) => run.replay(script),
        None => run.seed(options),
    };
    let failure = failed.err().map(|finding| {
        let script = if options.shrinks && run.scripted {
            shrink::shrunken(&run.script, finding.invariant, run.rules)
        } else {
            Vec::new()
        };
        Failure {
            invariant: finding.invariant.to_owned(),
            what: finding.what,
            tick: run.tick,
            command: run.script.last().map(|envelope| format!("{:.400}", format!("{envelope:?}"))).unwrap_or_default(),
            reproduce: format!("upm-lab run --seed {} --ticks {}", options.seed, options.ticks),
            script,
        }
    });
    run.finish(options, failure)
}

struct Run<'r> {
    rules: &'r mut dyn Decider,
    engine: Engine,
    auditor: Auditor,
    world: World,
    durable: Option<Durable>,
    /// The dice of the checks, separate from those of the world: a check changes nothing.
    chance: Dice,
    batch: Vec<(Envelope, Vec<Event>)>,
    script: Vec<Envelope>,
    /// Whether the script alone shows the failure.
    scripted: bool,
    coverage: Coverage,
    struck: Struck,
    fallen: std::collections::BTreeSet<AccountId>,
    tick: u64,
    cold: bool,
}

impl<'r> Run<'r> {
    fn new(options: &Options, rules: &'r mut dyn Decider) -> Self {
        let state = genesis().state();
        let auditor = Auditor::new(&state);
        let whole = options.thorough || options.script.is_some();
        let auditor = if whole { auditor } else { auditor.sampling(2, 2) };
        Self {
            rules,
            engine: Engine::new(state).expect("the bundled parameters are read"),
            auditor,
            world: World::new(options.seed),
            durable: None,
            chance: Dice::new(!options.seed),
            batch: Vec::new(),
            script: Vec::new(),
            scripted: true,
            coverage: Coverage::default(),
            struck: Struck::new(),
            fallen: std::collections::BTreeSet::new(),
            tick: 0,
            cold: options.script.is_none(),
        }
    }

    fn finish(mut self, options: &Options, failure: Option<Failure>) -> Outcome {
        self.coverage.faults.clone_from(&self.struck);
        self.coverage.checks.clone_from(self.auditor.checks());
        let hash: StateHash = self.engine.hash();
        Outcome {
            seed: options.seed,
            ticks: self.tick,
            swarm: self.world.swarm,
            commands: self.coverage.sent(),
            simulated_seconds: (self.engine.state().clock.micros() - START) / SECOND,
            liquidatable: u64::try_from(self.fallen.len()).expect("accounts are few"),
            hash: hash.to_string(),
            coverage: self.coverage,
            failure,
        }
    }

    fn replay(&mut self, script: &[Envelope]) -> Result<(), Finding> {
        script.iter().try_for_each(|envelope| self.step(envelope.clone()).map(drop))
    }

    fn seed(&mut self, options: &Options) -> Result<(), Finding> {
        let hash = self.engine.hash();
        self.durable = Some(Durable::create(hash, self.rules.forgets())?);
        for envelope in self.world.founding() {
            self.step(envelope)?;
        }
        self.written(false)?;
        for tick in 0..options.ticks {
            self.tick = tick;
            let before = self.world.now;
            self.world.advance(self.engine.state());
            if self.world.now - before > 300 * SECOND {
                count(&mut self.struck, "clock jump");
            }
            if tick == options.ticks / 2 && self.world.now > self.engine.state().clock.micros() {
                let resume = self.world.envelope(Principal::Governance, Command::Resume);
                self.step(resume)?;
            }
            let commands = workload::tick(&mut self.world, self.engine.state(), tick, &mut self.struck);
            for envelope in commands {
                self.step(envelope)?;
            }
            for round in 0..liquidator::ROUNDS {
                for envelope in liquidator::round(&mut self.world, &self.engine, (tick, round)) {
                    self.step(envelope)?;
                }
            }
            let crash = self.world.dice.chance(self.world.swarm.faults.crash);
            self.written(crash)?;
        }
        self.scripted = false;
        self.lives()?;
        self.written(true)?;
        self.closes()
    }

    /// Processes one command: decided, booked, committed, compared. Returns the reason when the command was refused.
    fn step(&mut self, envelope: Envelope) -> Result<Option<Reject>, Finding> {
        self.script.push(envelope);
        let envelope = self.script.last().expect("just pushed");
        let (rules, engine) = (&mut self.rules, &self.engine);
        let answer = catch_unwind(AssertUnwindSafe(|| rules.decide(engine, envelope)))
            .map_err(|_| Finding::new("I-04", "the engine panicked"))?;
        if self.cold && self.chance.below(COLD_EVERY) == 0 {
            let cold = Desk::new(engine.state()).map_err(|invalid| Finding::new("I-70", invalid.to_string()))?;
            let again = engine::decide(engine.state(), &cold, envelope);
            let warm = engine.decide(envelope);
            if again != warm {
                let show = |answer: &Result<Vec<Event>, Reject>| format!("{:.600}", format!("{answer:?}"));
                let what = format!("a desk made anew decides {}, the warm one {}", show(&again), show(&warm));
                return Err(Finding::new("I-70", what));
            }
        }
        let kind = kinds::command(&envelope.command);
        let counts = self.coverage.commands.entry(kind).or_default();
        let events = match answer {
            Ok(events) => events,
            Err(reject) => {
                counts.1 += 1;
                *self.coverage.rejects.entry(reject.code()).or_default() += 1;
                self.auditor.refused(self.engine.state(), envelope, &reject)?;
                return Ok(Some(reject));
            }
        };
        counts.0 += 1;
        for event in &events {
            *self.coverage.events.entry(kinds::event(event)).or_default() += 1;
        }
        for what in kinds::liquidation(&envelope.command, &events) {
            *self.coverage.liquidations.entry(what).or_default() += 1;
        }
        self.auditor.accepted(self.engine.state(), envelope, &events)?;
        let engine = &mut self.engine;
        catch_unwind(AssertUnwindSafe(|| engine.commit(&events)))
            .map_err(|_| Finding::new("I-04", "the engine panicked while it applied events"))?;
        self.auditor.committed(self.engine.state(), envelope)?;
        if envelope.command == Command::Watch {
            for (place, account) in self.engine.state().accounts.iter().enumerate() {
                *self.coverage.statuses.entry(account.status.to_string()).or_default() += 1;
                if account.status <= Status::Liquidation {
                    self.fallen.insert(AccountId(u32::try_from(place).expect("ids are u32")));
                }
            }
        }
        if self.durable.is_some() {
            self.batch.push((envelope.clone(), events));
        }
        Ok(None)
    }

    fn written(&mut self, crash: bool) -> Result<(), Finding> {
        let Some(durable) = &mut self.durable else { return Ok(()) };
        let how = (crash, self.rules.forgets());
        let written = durable.write(&self.batch, &mut self.engine, how, &mut self.chance, &mut self.struck);
        self.batch.clear();
        self.scripted &= written.is_ok();
        written
    }

    /// Faults stop and prices come back: every account can be judged, deposit and reduce, and has its correct status.
    fn lives(&mut self) -> Result<(), Finding> {
        self.world.faulty = false;
        (self.world.crash, self.world.pinned, self.world.scene) = ((0, 0), None, None);
        self.world.swarm.swing = 2;
        for price in &mut self.world.prices {
            *price = (*price).max(10 * ONE);
        }
        for tick in 0.. {
            self.tick += 1;
            self.world.advance(self.engine.state());
            self.world.now += 40 * SECOND;
            let mut batch = reports(&mut self.world, self.engine.state(), &mut self.struck);
            batch.push(workload::surface(&mut self.world, self.engine.state()));
            batch.push(self.world.envelope(Principal::System, Command::Tick));
            for envelope in batch {
                self.step(envelope)?;
            }
            let state = self.engine.state();
            let stuck = state.feeds.keys().find(|feed| state.validity(**feed) != Validity::Valid);
            match stuck {
                None => break,
                Some(feed) if tick >= RECOVERY => {
                    let quote = state.quote(*feed).map(|quote| (quote.cause, quote.price, quote.index, quote.slow));
                    let truth = self.world.truth(*feed);
                    return Err(Finding::new("I-17", format!("{feed}: never valid again: {quote:?}, truly {truth}")));
                }
                Some(_) => {}
            }
        }
        self.expire()?;
        self.tell(Principal::System, Command::Watch)?;
        let places: Vec<AccountId> = (0..self.engine.state().accounts.len())
            .map(|place| AccountId(u32::try_from(place).expect("ids are u32")))
            .collect();
        for id in places {
            self.judgeable(id)?;
            let reference = self.engine.state().collateral[0].reference + 1;
            let amount = Quantity::from_raw(ONE);
            let deposit = Command::Deposit { account: id, asset: AssetId(0), location: None, amount, reference };
            if let Some(reject) = self.tell(Principal::Custody, deposit)? {
                return Err(Finding::new("I-44", format!("account {id} may not deposit: {reject}")));
            }
            self.reduces(id)?;
        }
        self.tell(Principal::System, Command::Watch)?;
        Ok(())
    }

    fn tell(&mut self, principal: Principal, command: Command) -> Result<Option<Reject>, Finding> {
        let envelope = self.world.envelope(principal, command);
        self.step(envelope)
    }

    /// Opens every market and settles what is due.
    fn expire(&mut self) -> Result<(), Finding> {
        for place in 0..self.engine.state().contracts.len() {
            let instrument = model::InstrumentId(place);
            let contract = &self.engine.state().contracts[place];
            let due = contract.terms.expiry().is_some_and(|expiry| expiry.micros() <= self.world.now);
            if contract.mode == Mode::Settled {
                continue;
            }
            if contract.mode != Mode::Open {
                self.tell(Principal::Guardian, Command::SetMode { instrument, mode: Mode::Open })?;
            }
            if due {
                self.tell(Principal::System, Command::Expire { instrument })?;
            }
        }
        Ok(())
    }

    fn judgeable(&mut self, id: AccountId) -> Result<(), Finding> {
        let state = self.engine.state();
        let judged = self.engine.desk().judge(state, &state.accounts[id.place()]);
        judged.map(|_| ()).map_err(|refusal| Finding::new("I-32", format!("account {id} cannot be judged: {refusal}")))
    }

    /// An account with one position can place an order that closes it.
    fn reduces(&mut self, id: AccountId) -> Result<(), Finding> {
        let account = &self.engine.state().accounts[id.place()];
        let owner = Principal::Owner(account.owner);
        let orders: Vec<OrderId> = account.orders.iter().map(|order| order.id).collect();
        for order in orders {
            if let Some(reject) = self.tell(owner, Command::Cancel { account: id, order })? {
                return Err(Finding::new("I-36", format!("account {id} may not cancel: {reject}")));
            }
        }
        let state = self.engine.state();
        let account = &state.accounts[id.place()];
        let [position] = account.positions[..] else { return Ok(()) };
        let contract = &state.contracts[position.instrument.0];
        let mark = state.market.mark(position.instrument).in_quote().raw();
        let tick = contract.terms.tick.raw();
        let due = contract.terms.expiry().is_some_and(|expiry| expiry.micros() <= self.world.now);
        // The limit is no worse than the mark: up to the next tick when selling, down when buying.
        let limit =
            if position.lots > 0 { (mark + tick - 1).div_euclid(tick) * tick } else { mark.div_euclid(tick) * tick };
        let allowed = mark / 10_000 * (contract.terms.band.raw() / (ONE / 10_000));
        if due || limit <= 0 || (limit - mark).abs() > allowed {
            return Ok(());
        }
        let command = Command::Place {
            account: id,
            order: OrderId(account.last_order.0 + 1),
            instrument: position.instrument,
            side: if position.lots > 0 { Side::Sell } else { Side::Buy },
            lots: position.lots.abs().min(contract.terms.max_order),
            limit: Price::from_raw(limit),
            reduce_only: true,
        };
        if let Some(reject) = self.tell(owner, command)? {
            let what = format!(
                "account {id} may not reduce {position:?} of {}: {reject}",
                contract_name(&self.engine, position.instrument)
            );
            return Err(Finding::new("I-33", what));
        }
        Ok(())
    }

    /// The journal and the state agree, and the cached hash of the state is the hash of the state.
    fn closes(&mut self) -> Result<(), Finding> {
        let hash = self.engine.hash();
        if let Some(durable) = &self.durable {
            durable.verify(hash)?;
        }
        let bytes =
            postcard::to_stdvec(self.engine.state()).map_err(|error| Finding::new("I-69", error.to_string()))?;
        let mut again: engine::State =
            postcard::from_bytes(&bytes).map_err(|error| Finding::new("I-69", error.to_string()))?;
        if again.hash() != hash {
            return Err(Finding::new("I-70", "the hash that is kept is not the hash of the state"));
        }
        Ok(())
    }
}

fn contract_name(engine: &Engine, instrument: model::InstrumentId) -> String {
    engine.state().contracts[instrument.0].terms.name.clone()
}
