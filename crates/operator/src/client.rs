//! A method for every command of a customer, a custodian, a price source or governance.
//!
//! Each sends one command at the present time, written as [`Batch`] writes it. A caller with numbers of its own sends
//! envelopes through [`Operator::submit`].

use engine::state::{AssetTerms, Change, InstrumentTerms, Mode, Pot, UnderlyingTerms};
use engine::{AccountId, Command, Event, FeedId, LocationId, OrderId, Principal, Reject};
use model::{AssetId, InstrumentId, UnderlyingId};
use sequencer::Answer;
use units::{Money, Quantity, Ratio};

use crate::batch::owner;
use crate::{Batch, Door, Operator, Ordered, Said, Taken, Trade};

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

impl<D: Door> Operator<D> {
    /// Sends one command at the present time. Returns its events, or the reason why there are none.
    pub fn must(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.ask(principal, command)).map(|((), events)| events)
    }

    /// Sends the one command that `write` writes. Returns what `write` returns and the events of the command.
    fn send<T>(&mut self, write: impl FnOnce(&mut Batch) -> T) -> Result<(T, Vec<Event>), Failed<D::Stopped>> {
        let mut batch = self.batch();
        let told = write(&mut batch);
        let batch = batch.done();
        let answers = self.door_mut().submit(&batch).map_err(Failed::Stopped)?;
        match answers.into_iter().next().expect("a batch of one command has one answer") {
            Answer::Accepted { events, .. } => Ok((told, events)),
            Answer::Refused(reject) => Err(Failed::Refused(reject)),
        }
    }

    /// Opens an account for an owner.
    pub fn open_account(&mut self, name: &str, owner: u32) -> Result<AccountId, Failed<D::Stopped>> {
        self.send(|batch| batch.open_account(name, owner)).map(|(account, _)| account)
    }

    /// Lists an underlying with its index feed.
    pub fn list_underlying(&mut self, terms: UnderlyingTerms) -> Result<UnderlyingId, Failed<D::Stopped>> {
        let next = UnderlyingId(self.state().market.underlyings.len());
        self.must(Principal::Governance, Command::ListUnderlying(Box::new(terms)))?;
        Ok(next)
    }

    /// Lists an asset.
    pub fn list_asset(&mut self, terms: AssetTerms) -> Result<AssetId, Failed<D::Stopped>> {
        let next = AssetId(self.state().market.assets.len());
        self.must(Principal::Governance, Command::ListAsset(Box::new(terms)))?;
        Ok(next)
    }

    /// Lists an instrument.
    pub fn list_instrument(&mut self, terms: InstrumentTerms) -> Result<InstrumentId, Failed<D::Stopped>> {
        let next = InstrumentId(self.state().contracts.len());
        self.must(Principal::Governance, Command::ListInstrument(Box::new(terms)))?;
        Ok(next)
    }

    /// Names a chain, bridge or custodian that can hold assets.
    pub fn list_location(&mut self, name: &str) -> Result<LocationId, Failed<D::Stopped>> {
        let next = self.state().locations.len();
        self.must(Principal::Governance, Command::ListLocation { name: name.to_owned() })?;
        Ok(LocationId(u16::try_from(next).expect("the engine numbers locations in 16 bits")))
    }

    /// Credits an asset that arrived for an account, at the venue itself or at a location.
    pub fn deposit(
        &mut self,
        account: AccountId,
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.deposit(account, asset, location, amount)).map(|((), events)| events)
    }

    /// The owner of an account withdraws an asset.
    pub fn withdraw(
        &mut self,
        account: AccountId,
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let owner = owner(self.state(), account);
        self.must(owner, Command::Withdraw { account, asset, location, amount })
    }

    /// The owner of an account moves an asset to another account.
    pub fn transfer(
        &mut self,
        (from, to): (AccountId, AccountId),
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let owner = owner(self.state(), from);
        self.must(owner, Command::Transfer { from, to, asset, location, amount })
    }

    /// Credits money that arrived for a fund.
    pub fn fund(&mut self, fund: Pot, asset: AssetId, amount: Quantity) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.fund(fund, asset, amount)).map(|((), events)| events)
    }

    /// Books a trade between two accounts.
    pub fn fill(&mut self, trade: &Trade) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.fill(trade)).map(|((), events)| events)
    }

    /// Books a trade that was offered for an account in liquidation, or a part of it.
    pub fn liquidation_fill(&mut self, taken: &Taken) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.liquidation_fill(taken)).map(|((), events)| events)
    }

    /// The owner of an account places a limit order. Returns its number.
    pub fn place(&mut self, account: AccountId, ordered: &Ordered) -> Result<OrderId, Failed<D::Stopped>> {
        self.send(|batch| batch.place(account, ordered)).map(|(order, _)| order)
    }

    /// The owner of an account cancels an order.
    pub fn cancel(&mut self, account: AccountId, order: OrderId) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let owner = owner(self.state(), account);
        self.must(owner, Command::Cancel { account, order })
    }

    /// Bids for a share of a portfolio in auction, at a price in USD.
    pub fn bid(
        &mut self,
        account: AccountId,
        auctioned: AccountId,
        share: Ratio,
        price: Money,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let owner = owner(self.state(), account);
        self.must(owner, Command::AuctionBid { account, auctioned, share, price })
    }

    /// A source reports the price that it sees now.
    pub fn report(&mut self, feed: FeedId, said: &Said) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.report(feed, said)).map(|((), events)| events)
    }

    /// Sends a volatility surface that was fitted now: annualised volatility of each option that it names.
    pub fn surface(&mut self, vols: Vec<(InstrumentId, Ratio)>) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.send(|batch| batch.surface(vols)).map(|((), events)| events)
    }

    /// Governance proposes a change of parameters. Returns the number of the proposal, which comes into force in the
    /// first beat after its delay.
    pub fn propose(&mut self, change: Change) -> Result<u64, Failed<D::Stopped>> {
        let next = self.state().next_proposal;
        self.must(Principal::Governance, Command::Propose { change })?;
        Ok(next)
    }

    /// The guardian opens, restricts or halts a market.
    pub fn set_mode(&mut self, instrument: InstrumentId, mode: Mode) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.must(Principal::Guardian, Command::SetMode { instrument, mode })
    }

    /// Governance makes an account a backstop, which takes over portfolios, or ends that.
    pub fn set_backstop(&mut self, account: AccountId, on: bool) -> Result<Vec<Event>, Failed<D::Stopped>> {
        self.must(Principal::Governance, Command::SetBackstop { account, on })
    }
}
