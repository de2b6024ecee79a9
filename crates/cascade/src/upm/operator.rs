//! Whoever runs the engine: brings it prices, deposits and trades as commands, and sees what it answers.

use std::collections::BTreeSet;

use engine::state::{Holder, Pot, State};
use engine::{AccountId, Command, Envelope, Event, FeedId, Party, Principal, Reject, SURFACE_SOURCE};
use liquidation::pace;
use marks::Report;
use model::{AssetId, InstrumentId};
use units::{Money, Price, Quantity, Round, Timestamp};

use super::listing::{self, SOURCES};
use crate::calibration::{COINS, Calibration, PerCoin};

/// The engine and what its operator must remember: the clock, the last numbers it has given, and who was touched.
#[derive(Debug)]
pub struct Operator {
    engine: engine::Engine,
    now: Timestamp,
    /// Number of the last report of every source, and of the last surface.
    sequence: u64,
    /// Number of the last deposit.
    reference: u64,
    /// Number of the last match.
    matches: u64,
    /// USD that move the price of each coin by one part in a hundred, as last reported.
    depths: PerCoin,
    /// Accounts whose money or positions have changed since they were last asked for.
    touched: BTreeSet<AccountId>,
}

impl Operator {
    /// An engine under the parameters of a margin method, with the venue listed and nobody there.
    pub fn new(calibration: &Calibration, parameters: &str) -> Self {
        let state = State::new(listing::start(), parameters.to_owned(), listing::policy());
        let engine = engine::Engine::new(state).expect("parameters that are part of the program");
        let (now, touched) = (listing::start(), BTreeSet::new());
        let mut operator = Self { engine, now, sequence: 0, reference: 0, matches: 0, depths: [0.0; COINS], touched };
        for command in listing::commands(calibration) {
            operator.must(Principal::Governance, command);
        }
        operator
    }

    /// The engine as the commands so far leave it.
    pub fn engine(&self) -> &engine::Engine {
        &self.engine
    }

    /// The engine's truth.
    pub fn state(&self) -> &State {
        self.engine.state()
    }

    /// The time of the next command.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Accounts whose money or positions have changed since this was last asked.
    pub fn touched(&mut self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.touched)
    }

    /// Asks the engine for something.
    pub fn ask(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        let events = self.engine.handle(&Envelope { time: self.now, principal, command })?;
        for event in &events {
            match event {
                Event::Moved { from, to, .. } => {
                    let accounts = [from, to].into_iter().filter_map(|holder| match holder {
                        Holder::Account(id, _) => Some(*id),
                        Holder::Pot(_) => None,
                    });
                    self.touched.extend(accounts);
                }
                Event::Positioned { account, .. } => {
                    self.touched.insert(*account);
                }
                _ => {}
            }
        }
        Ok(events)
    }

    /// Asks for something that the engine has no reason to refuse here.
    pub fn must(&mut self, principal: Principal, command: Command) -> Vec<Event> {
        let said = format!("{command:?}");
        self.ask(principal, command).unwrap_or_else(|reject| panic!("{reject}: {said}"))
    }

    /// Opens the next account, with its number as its owner.
    pub fn open(&mut self, name: String) -> AccountId {
        let owner = u32::try_from(self.state().accounts.len()).expect("thousands of accounts");
        self.must(Principal::System, Command::OpenAccount { name, owner });
        AccountId(owner)
    }

    /// An amount above 0 arrives for an account.
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Quantity) {
        self.reference += 1;
        let reference = self.reference;
        self.must(Principal::Custody, Command::Deposit { account, asset, location: None, amount, reference });
    }

    /// USD arrive for a fund.
    pub fn fund(&mut self, fund: Pot, usd: Money) {
        self.reference += 1;
        let (amount, reference) = (Quantity::from_raw(usd.raw()), self.reference);
        if amount > Quantity::ZERO {
            self.must(Principal::Custody, Command::FundDeposit { fund, asset: model::USD, amount, reference });
        }
    }

    /// An account trades `lots` with another at a price: it buys, or it sells when below 0, and pays the fee.
    pub fn fill(
        &mut self,
        instrument: InstrumentId,
        (account, other): (AccountId, AccountId),
        lots: i64,
        price: Price,
        fee: Quantity,
    ) -> Result<Vec<Event>, Reject> {
        self.matches += 1;
        let (one, other) =
            (Party { account, order: None, fee }, Party { account: other, order: None, fee: Quantity::ZERO });
        let (buyer, seller) = if lots > 0 { (one, other) } else { (other, one) };
        let (match_id, lots) = (self.matches, lots.abs());
        self.ask(Principal::Matching, Command::Fill { instrument, match_id, price, lots, buyer, seller })
    }

    /// What was offered for an account in liquidation, or a part of it, is traded with another.
    pub fn liquidation_fill(
        &mut self,
        instrument: InstrumentId,
        (account, counterparty): (AccountId, AccountId),
        lots: i64,
        price: Price,
        fee: Quantity,
    ) -> Result<Vec<Event>, Reject> {
        self.matches += 1;
        let match_id = self.matches;
        let command = Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee };
        self.ask(Principal::System, command)
    }

    /// Time passes: every source says the price and its part of the depth of each coin, prices are formed, and whoever
    /// they concern is judged. `prices` are USD a coin, `depths` USD that move them by one part in a hundred.
    pub fn tick(&mut self, now: Timestamp, prices: PerCoin, depths: PerCoin) {
        self.now = now;
        self.sequence += 1;
        self.depths = depths;
        let (sequence, published) = (self.sequence, now);
        for coin in 0..COINS {
            let feed = FeedId::Index(listing::underlying(coin));
            let price = Price::from_f64(prices[coin], Round::Down).expect("finite, and far below the range");
            let sources = f64::from(u32::try_from(SOURCES.len()).expect("a few sources"));
            let depth = crate::books::money(depths[coin] / sources, Round::Down);
            for source in SOURCES {
                let report = Report { source, sequence, published, price, confidence: Price::ZERO, depth };
                self.must(Principal::Source(source), Command::Report { feed, report });
            }
        }
        let surface = Command::Surface { version: sequence, published, vols: Vec::new() };
        self.must(Principal::Source(SURFACE_SOURCE), surface);
        self.must(Principal::System, Command::Tick);
        self.must(Principal::System, Command::Watch);
    }

    /// How much of a slice is traded as a cascade comes near, as the engine last measured it.
    pub fn slow(&self, coin: usize) -> f64 {
        let cascades = &self.state().liquidations.cascades;
        pace::slow(
            cascades.get(&listing::underlying(coin)).map_or(0.0, |cascade| cascade.down.max(cascade.up).to_f64()),
        )
    }

    /// The depth that the engine lets liquidations take their share of, in USD.
    pub fn slowed_depth(&self, coin: usize) -> f64 {
        self.depths[coin] * self.slow(coin)
    }

    /// USD of a coin that liquidations may still trade now.
    pub fn room(&self, coin: usize) -> f64 {
        let state = self.state();
        let flow = state.liquidations.flows.get(&listing::underlying(coin)).copied();
        let flow = flow.unwrap_or(pace::Flow::new(self.now));
        pace::room(&flow, self.slowed_depth(coin), self.now, &state.policy.liquidation).to_f64()
    }
}
