//! Methods that send one command of a customer, a custodian, a price source or governance at the present time.
//!
//! [`Batch`] writes each of them. A command without a method here is sent by [`Operator::send`], and one with numbers of
//! the caller's own by [`Operator::submit`].

use engine::state::{AssetTerms, Change, InstrumentTerms, Mode, Pot, UnderlyingTerms};
use engine::{AccountId, Command, Event, FeedId, LocationId, OrderId, Principal, Reject};
use model::{AssetId, InstrumentId, UnderlyingId};
use sequencer::Answer;
use units::{Money, Quantity, Ratio};

use crate::{Batch, Door, Duty, Operator, Ordered, Said, Taken, Trade};

/// The reason why a command had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed<S> {
    /// The engine refused the command.
    #[error(transparent)]
    Refused(#[from] Reject),
    /// The door to the engine takes no commands.
    #[error("{0}")]
    Stopped(S),
}

/// A command that the engine has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent<T> {
    /// What [`Batch`] told when it wrote the command: the number of an order, for example.
    pub told: T,
    /// The events of the command.
    pub events: Vec<Event>,
}

impl<D: Door> Operator<D> {
    /// Sends one command at the present time. Returns its events, or the reason why there are none.
    pub fn must(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.ask(principal, command)).map(|sent| sent.events)
    }

    /// Sends the one command that `write` writes.
    pub fn send<T>(&mut self, write: impl FnOnce(&mut Batch) -> T) -> Result<Sent<T>, Failed<D::Stopped>> {
        let mut batch = self.batch();
        let told = write(&mut batch);
        let batch = batch.done();
        let answers = self.door_mut().submit(&batch).map_err(Failed::Stopped)?;
        let answer = answers.into_iter().next().expect("a batch of one command has one answer");
        Ok(Sent { told, events: events(answer)? })
    }

    /// Does one duty now, whether it is due or not. Returns its events, or the reason why there are none.
    pub fn duty(&mut self, duty: Duty) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let done = self.perform(&[duty]).map_err(Failed::Stopped)?;
        Ok(events(done.into_iter().next().expect("one duty has one answer").answer)?)
    }

    /// Opens an account for an owner.
    pub fn open_account(&mut self, name: &str, owner: u32) -> Result<AccountId, Failed<D::Stopped>> {
        self.send(|batch| batch.open_account(name, owner)).map(|sent| sent.told)
    }

    /// Lists an underlying with its index feed.
    pub fn list_underlying(&mut self, terms: UnderlyingTerms) -> Result<UnderlyingId, Failed<D::Stopped>> {
        self.send(|batch| batch.list_underlying(terms)).map(|sent| sent.told)
    }

    /// Lists an asset.
    pub fn list_asset(&mut self, terms: AssetTerms) -> Result<AssetId, Failed<D::Stopped>> {
        self.send(|batch| batch.list_asset(terms)).map(|sent| sent.told)
    }

    /// Lists an instrument.
    pub fn list_instrument(&mut self, terms: InstrumentTerms) -> Result<InstrumentId, Failed<D::Stopped>> {
        self.send(|batch| batch.list_instrument(terms)).map(|sent| sent.told)
    }

    /// Names a chain, bridge or custodian that can hold assets.
    pub fn list_location(&mut self, name: &str) -> Result<LocationId, Failed<D::Stopped>> {
        self.send(|batch| batch.list_location(name)).map(|sent| sent.told)
    }

    /// Credits an asset that arrived for an account, at the venue itself or at a location.
    pub fn deposit(
        &mut self,
        account: AccountId,
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.deposit(account, asset, location, amount)).map(|sent| sent.events)
    }

    /// The owner of an account withdraws an asset.
    pub fn withdraw(
        &mut self,
        account: AccountId,
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.withdraw(account, asset, location, amount)).map(|sent| sent.events)
    }

    /// The owner of an account moves an asset to another account.
    pub fn transfer(
        &mut self,
        parties: (AccountId, AccountId),
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.transfer(parties, asset, location, amount)).map(|sent| sent.events)
    }

    /// Credits money that arrived for a fund.
    pub fn fund(&mut self, fund: Pot, asset: AssetId, amount: Quantity) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.fund(fund, asset, amount)).map(|sent| sent.events)
    }

    /// Books a trade between two accounts.
    pub fn fill(&mut self, trade: &Trade) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.fill(trade)).map(|sent| sent.events)
    }

    /// Books a trade that was offered for an account in liquidation, or a part of it.
    pub fn liquidation_fill(&mut self, taken: &Taken) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.liquidation_fill(taken)).map(|sent| sent.events)
    }

    /// The owner of an account places a limit order. Returns its number.
    pub fn place(&mut self, account: AccountId, ordered: &Ordered) -> Result<OrderId, Failed<D::Stopped>> {
        self.send(|batch| batch.place(account, ordered)).map(|sent| sent.told)
    }

    /// The owner of an account cancels an order.
    pub fn cancel(&mut self, account: AccountId, order: OrderId) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.cancel(account, order)).map(|sent| sent.events)
    }

    /// The owner of an account bids for a share of a portfolio in auction, at a price in USD.
    pub fn bid(
        &mut self,
        account: AccountId,
        auctioned: AccountId,
        share: Ratio,
        price: Money,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.bid(account, auctioned, share, price)).map(|sent| sent.events)
    }

    /// A source reports the price that it sees now.
    pub fn report(&mut self, feed: FeedId, said: &Said) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.report(feed, said)).map(|sent| sent.events)
    }

    /// Sends a volatility surface that was fitted now: annualised volatility of each option that it names.
    pub fn surface(&mut self, vols: Vec<(InstrumentId, Ratio)>) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.surface(vols)).map(|sent| sent.events)
    }

    /// Governance proposes a change of parameters. Returns the number of the proposal, which comes into force in the
    /// first beat after its delay.
    pub fn propose(&mut self, change: Change) -> Result<u64, Failed<D::Stopped>> {
        self.send(|batch| batch.propose(change)).map(|sent| sent.told)
    }

    /// The guardian opens, restricts or halts a market.
    pub fn set_mode(&mut self, instrument: InstrumentId, mode: Mode) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.set_mode(instrument, mode)).map(|sent| sent.events)
    }

    /// Governance makes an account a backstop, which takes over portfolios, or ends that.
    pub fn set_backstop(&mut self, account: AccountId, on: bool) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.set_backstop(account, on)).map(|sent| sent.events)
    }
}

/// The events of a command that was accepted, or its reject.
fn events(answer: Answer) -> Result<Vec<Event>, Reject> {
    match answer {
        Answer::Accepted { events, .. } => Ok(events),
        Answer::Refused(reject) => Err(reject),
    }
}
