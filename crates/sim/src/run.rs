//! Runs one seed: a safety phase with faults, then a liveness phase without.

use audit::Finding;
use engine::state::Mode;
use engine::{AccountId, Envelope, OrderId};
use marks::Validity;
use model::{AssetId, InstrumentId, Side};
use operator::{Batch, Door, Duty, Failed, Operator, Ordered, Schedule};
use serde::Serialize;
use units::{Price, Quantity};

use crate::canary::{Decider, Sound};
use crate::checked::Checked;
use crate::faults::{Struck, count, reports};
use crate::report::Coverage;
use crate::swarm::Swarm;
use crate::world::{ONE, SECOND, START, World};
use crate::{liquidator, shrink, workload};

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
        let door = run.operator.door_mut();
        let script = if options.shrinks && run.scripted {
            shrink::shrunken(&door.script, finding.invariant, door.rules)
        } else {
            Vec::new()
        };
        Failure {
            invariant: finding.invariant.to_owned(),
            what: finding.what,
            tick: run.tick,
            command: door.script.last().map(|envelope| format!("{:.400}", format!("{envelope:?}"))).unwrap_or_default(),
            reproduce: format!("upm-lab run --seed {} --ticks {}", options.seed, options.ticks),
            script,
        }
    });
    run.finish(options, failure)
}

struct Run<'r> {
    operator: Operator<Checked<'r>>,
    world: World,
    /// Whether the script alone shows the failure.
    scripted: bool,
    struck: Struck,
    tick: u64,
}

impl<'r> Run<'r> {
    fn new(options: &Options, rules: &'r mut dyn Decider) -> Self {
        Self {
            operator: Operator::new(Checked::new(options, rules), Schedule::default()),
            world: World::new(options.seed),
            scripted: true,
            struck: Struck::new(),
            tick: 0,
        }
    }

    fn finish(self, options: &Options, failure: Option<Failure>) -> Outcome {
        let mut door = self.operator.into_door();
        let coverage = Coverage { faults: self.struck, ..door.coverage() };
        Outcome {
            seed: options.seed,
            ticks: self.tick,
            swarm: self.world.swarm,
            commands: coverage.sent(),
            simulated_seconds: (door.engine().state().clock.micros() - START) / SECOND,
            liquidatable: u64::try_from(door.fallen.len()).expect("accounts are few"),
            hash: door.hash().to_string(),
            coverage,
            failure,
        }
    }

    fn replay(&mut self, script: &[Envelope]) -> Result<(), Finding> {
        self.operator.submit(script).map(drop)
    }

    fn seed(&mut self, options: &Options) -> Result<(), Finding> {
        self.operator.door_mut().keep()?;
        let founding = self.world.founding(self.operator.state());
        self.operator.submit(&founding)?;
        self.written(false)?;
        for tick in 0..options.ticks {
            self.tick = tick;
            let before = self.world.now;
            self.world.advance(self.operator.state());
            if self.world.now - before > 300 * SECOND {
                count(&mut self.struck, "clock jump");
            }
            self.operator.at(self.world.time());
            if tick == options.ticks / 2 && self.world.now > self.operator.state().clock.micros() {
                self.operator.perform(&[Duty::Resume])?;
            }
            let commands = workload::tick(&mut self.world, self.operator.state(), tick, &mut self.struck);
            self.operator.submit(&commands)?;
            for round in 0..liquidator::ROUNDS {
                let commands = liquidator::round(&mut self.world, self.operator.engine(), (tick, round));
                self.operator.submit(&commands)?;
            }
            let crash = self.world.dice.chance(self.world.swarm.faults.crash);
            self.written(crash)?;
        }
        self.scripted = false;
        self.lives()?;
        self.written(true)?;
        self.operator.door_mut().close()
    }

    fn written(&mut self, crash: bool) -> Result<(), Finding> {
        let written = self.operator.door_mut().write(crash, &mut self.struck);
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
            self.world.advance(self.operator.state());
            self.world.now += 40 * SECOND;
            let state = self.operator.state();
            let mut batch = self.world.batch(state);
            reports(&mut self.world, state, &mut self.struck, &mut batch);
            workload::surface(&mut self.world, state, &mut batch);
            batch.duty(Duty::Tick);
            let batch = batch.done();
            self.operator.submit(&batch)?;
            let state = self.operator.state();
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
        self.operator.at(self.world.time());
        self.expire()?;
        self.watch()?;
        let places: Vec<AccountId> = (0..self.operator.state().accounts.len())
            .map(|place| AccountId(u32::try_from(place).expect("ids are u32")))
            .collect();
        for id in places {
            self.judgeable(id)?;
            let done = self.operator.deposit(id, AssetId(0), None, Quantity::from_raw(ONE));
            may(done, "I-44", || format!("account {id} may not deposit"))?;
            self.reduces(id)?;
        }
        self.watch()
    }

    fn watch(&mut self) -> Result<(), Finding> {
        let watch = self.world.written(self.operator.state(), Batch::watch);
        self.operator.submit(&watch).map(drop)
    }

    /// Opens every market and settles what is due.
    fn expire(&mut self) -> Result<(), Finding> {
        for place in 0..self.operator.state().contracts.len() {
            let instrument = InstrumentId(place);
            let contract = &self.operator.state().contracts[place];
            let due = contract.terms.expiry().is_some_and(|expiry| expiry.micros() <= self.world.now);
            if contract.mode == Mode::Settled {
                continue;
            }
            if contract.mode != Mode::Open {
                let open = self.world.written(self.operator.state(), |batch| batch.set_mode(instrument, Mode::Open));
                self.operator.submit(&open)?;
            }
            if due {
                self.operator.perform(&[Duty::Expire(instrument)])?;
            }
        }
        Ok(())
    }

    fn judgeable(&mut self, id: AccountId) -> Result<(), Finding> {
        let state = self.operator.state();
        let judged = self.operator.engine().desk().judge(state, &state.accounts[id.place()]);
        judged.map(|_| ()).map_err(|refusal| Finding::new("I-32", format!("account {id} cannot be judged: {refusal}")))
    }

    /// An account with one position can place an order that closes it.
    fn reduces(&mut self, id: AccountId) -> Result<(), Finding> {
        let account = &self.operator.state().accounts[id.place()];
        let orders: Vec<OrderId> = account.orders.iter().map(|order| order.id).collect();
        for order in orders {
            let done = self.operator.cancel(id, order);
            may(done, "I-36", || format!("account {id} may not cancel"))?;
        }
        let state = self.operator.state();
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
        let name = contract.terms.name.clone();
        let ordered = Ordered {
            instrument: position.instrument,
            side: if position.lots > 0 { Side::Sell } else { Side::Buy },
            lots: position.lots.abs().min(contract.terms.max_order),
            limit: Price::from_raw(limit),
            reduce_only: true,
        };
        let done = self.operator.place(id, &ordered);
        may(done, "I-33", || format!("account {id} may not reduce {position:?} of {name}"))
    }
}

/// Fails with the invariant that a refused command breaks. `what` says who may not do what.
fn may<T>(
    done: Result<T, Failed<Finding>>,
    invariant: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Finding> {
    match done {
        Ok(_) => Ok(()),
        Err(Failed::Refused(reject)) => Err(Finding::new(invariant, format!("{}: {reject}", what()))),
        Err(Failed::Stopped(finding)) => Err(finding),
    }
}
