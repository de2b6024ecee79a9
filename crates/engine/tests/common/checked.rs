//! An engine whose books are checked after every event and every command.

use std::convert::Infallible;

use engine::state::Pot;
use engine::{Engine, Envelope, Event, Reject, State};
use model::{AssetId, InstrumentId};
use operator::Door;
use sequencer::Answer;
use units::Quantity;

/// A door to an engine. It judges accounts only when it is asked to, so that a test sees the moment between a price and
/// its judgement.
pub struct Checked {
    pub engine: Engine,
    /// Whether the books are checked; where a state is large, a test may do without.
    pub checks: bool,
    taken: u64,
}

impl Checked {
    pub fn new(state: State) -> Self {
        Self { engine: Engine::new(state).unwrap(), checks: true, taken: 0 }
    }

    /// After every event every asset adds up to 0, and after the command the books agree with each other (I-07, I-08).
    fn take(&mut self, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
        if !self.checks {
            return self.engine.handle(envelope);
        }
        let events = self.engine.decide(envelope)?;
        let mut state = self.engine.state().clone();
        for event in &events {
            engine::apply(&mut state, event);
            conserved(&state);
        }
        self.engine.commit(&events);
        assert_eq!(*self.engine.state(), state, "committing is applying");
        consistent(&state);
        Ok(events)
    }
}

impl Door for Checked {
    type Stopped = Infallible;

    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn submit(&mut self, batch: &[Envelope]) -> Result<Vec<Answer>, Infallible> {
        let answer = |envelope: &Envelope| match self.take(envelope) {
            Ok(events) => {
                self.taken += 1;
                Answer::Accepted { sequence: self.taken - 1, events }
            }
            Err(reject) => Answer::Refused(reject),
        };
        Ok(batch.iter().map(answer).collect())
    }
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
