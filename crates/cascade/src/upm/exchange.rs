//! The exchange that the engine serves in a run. Its prices, deposits and trades go to the engine through an
//! [`operator::Operator`]. It remembers the accounts that the engine has touched until the run has read them.

use std::collections::BTreeSet;
use std::convert::Infallible;

use engine::state::{AccountState, Holder, Pot, State};
use engine::{AccountId, Command, Event, FeedId, Judged, Party, Principal, Reject};
use liquidation::pace;
use model::{AssetId, InstrumentId};
use operator::{Duty, Failed, Memory, Operator, Said, Schedule, Taken, Trade};
use units::{Money, Price, Quantity, Round, Timestamp};

use super::listing::{self, SOURCES};
use crate::calibration::{COINS, Calibration, PerCoin};

/// The engine behind its operator, with the depths of the market and the touched accounts.
#[derive(Debug)]
pub struct Exchange {
    operator: Operator<Memory>,
    /// USD that move the price of each coin by one part in a hundred, as last reported.
    depths: PerCoin,
    /// Accounts whose money or positions have changed since `touched` was last called.
    touched: BTreeSet<AccountId>,
}

impl Exchange {
    /// Creates an engine under the parameters of a margin method, with the venue listed and no accounts.
    pub fn new(calibration: &Calibration, parameters: &str) -> Self {
        let state = State::new(listing::start(), parameters.to_owned(), listing::policy());
        let door = Memory::new(state).expect("parameters that are part of the program");
        let operator = Operator::new(door, Schedule::default());
        let mut exchange = Self { operator, depths: [0.0; COINS], touched: BTreeSet::new() };
        for command in listing::commands(calibration) {
            exchange.must(Principal::Governance, command);
        }
        exchange
    }

    /// The engine, after all commands so far.
    pub fn engine(&self) -> &engine::Engine {
        self.operator.engine()
    }

    /// The standing of an account at the prices that the engine has formed.
    pub fn judge(&self, account: &AccountState) -> Judged {
        self.engine().desk().judge(self.state(), account).expect("every price is known in a run")
    }

    /// The state of the engine.
    pub fn state(&self) -> &State {
        self.operator.state()
    }

    /// The time of the next command.
    pub fn now(&self) -> Timestamp {
        self.operator.now()
    }

    /// Takes the accounts whose money or positions have changed since the last call.
    pub fn touched(&mut self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.touched)
    }

    /// Sends a command to the engine.
    pub fn ask(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Reject> {
        let done = self.operator.must(principal, command);
        self.followed(done)
    }

    /// The result of a command; remembers the accounts that it has touched.
    fn followed(&mut self, done: Result<Vec<Event>, Failed<Infallible>>) -> Result<Vec<Event>, Reject> {
        let events = done.map_err(|failed| match failed {
            Failed::Refused(reject) => reject,
            Failed::Stopped(never) => match never {},
        })?;
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

    /// Sends a command that the engine has no reason to refuse here.
    pub fn must(&mut self, principal: Principal, command: Command) -> Vec<Event> {
        let said = format!("{command:?}");
        self.ask(principal, command).unwrap_or_else(|reject| panic!("{reject}: {said}"))
    }

    /// Opens the next account; its owner has the same number.
    pub fn open(&mut self, name: String) -> AccountId {
        let owner = u32::try_from(self.state().accounts.len()).expect("thousands of accounts");
        self.must(Principal::System, Command::OpenAccount { name, owner });
        AccountId(owner)
    }

    /// Deposits an amount above 0 to an account.
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Quantity) {
        let done = self.operator.deposit(account, asset, None, amount);
        self.followed(done).expect("what a trader brings is above 0 and below every cap");
    }

    /// Deposits USD to a fund.
    pub fn fund(&mut self, fund: Pot, usd: Money) {
        let amount = Quantity::from_raw(usd.raw());
        if amount > Quantity::ZERO {
            let done = self.operator.fund(fund, model::USD, amount);
            self.followed(done).expect("a fund takes what is above 0");
        }
    }

    /// An account trades `lots` with another at a price: it buys, or sells when below 0, and pays the fee.
    pub fn fill(
        &mut self,
        instrument: InstrumentId,
        (account, other): (AccountId, AccountId),
        lots: i64,
        price: Price,
        fee: Quantity,
    ) -> Result<Vec<Event>, Reject> {
        let (one, other) =
            (Party { account, order: None, fee }, Party { account: other, order: None, fee: Quantity::ZERO });
        let (buyer, seller) = if lots > 0 { (one, other) } else { (other, one) };
        let done = self.operator.fill(&Trade { instrument, price, lots: lots.abs(), buyer, seller });
        self.followed(done)
    }

    /// Trades the offer for an account in liquidation, or a part of it, with another account.
    pub fn liquidation_fill(
        &mut self,
        instrument: InstrumentId,
        (account, counterparty): (AccountId, AccountId),
        lots: i64,
        price: Price,
        fee: Quantity,
    ) -> Result<Vec<Event>, Reject> {
        let done = self.operator.liquidation_fill(&Taken { account, counterparty, instrument, price, lots, fee });
        self.followed(done)
    }

    /// Moves time on: every source reports the price and its part of the depth of each coin, prices are formed, and the
    /// accounts that they concern are judged. `prices` are USD a coin, `depths` USD that move them by one part in a
    /// hundred.
    pub fn tick(&mut self, now: Timestamp, prices: PerCoin, depths: PerCoin) {
        self.operator.at(now);
        self.depths = depths;
        for coin in 0..COINS {
            let feed = FeedId::Index(listing::underlying(coin));
            let price = Price::from_f64(prices[coin], Round::Down).expect("finite, and far below the range");
            let sources = f64::from(u32::try_from(SOURCES.len()).expect("a few sources"));
            let depth = crate::books::money(depths[coin] / sources, Round::Down);
            for source in SOURCES {
                let done = self.operator.report(feed, &Said { source, price, confidence: Price::ZERO, depth });
                self.followed(done).expect("every source is listed, and reports in order");
            }
        }
        let done = self.operator.surface(Vec::new());
        self.followed(done).expect("a surface of no options is one");
        self.duty(Duty::Tick).expect("prices can always be formed");
    }

    /// Does a duty of the operator now.
    pub fn duty(&mut self, duty: Duty) -> Result<Vec<Event>, Reject> {
        let done = self.operator.duty(duty);
        self.followed(done)
    }

    /// The part of a slice that is traded as a cascade comes near, as the engine last measured it.
    pub fn slow(&self, coin: usize) -> f64 {
        let cascades = &self.state().liquidations.cascades;
        pace::slow(
            cascades.get(&listing::underlying(coin)).map_or(0.0, |cascade| cascade.down.max(cascade.up).to_f64()),
        )
    }

    /// The depth of which liquidations may take their share, in USD.
    pub fn slowed_depth(&self, coin: usize) -> f64 {
        self.depths[coin] * self.slow(coin)
    }

    /// The USD of a coin that liquidations may still trade now.
    pub fn room(&self, coin: usize) -> f64 {
        let state = self.state();
        let flow = state.liquidations.flows.get(&listing::underlying(coin)).copied();
        let flow = flow.unwrap_or(pace::Flow::new(self.now()));
        pace::room(&flow, self.slowed_depth(coin), self.now(), &state.policy.liquidation).to_f64()
    }
}
