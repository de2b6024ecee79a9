//! A method for every command of a customer, a custodian, a price source or governance.
//!
//! Numbers that must rise from one command to the next (deposit references, order and match numbers, sequences of
//! reports) continue from the last one that the engine has taken. A caller with numbers of its own sends envelopes
//! through [`Operator::submit`].

use engine::state::{AssetTerms, Change, InstrumentTerms, Mode, Pot, UnderlyingTerms};
use engine::{AccountId, Command, Event, FeedId, LocationId, OrderId, Party, Principal, Reject, SURFACE_SOURCE};
use marks::Report;
use model::{AssetId, InstrumentId, Side, UnderlyingId};
use sequencer::Answer;
use units::{Money, Price, Quantity, Ratio};

use crate::{Door, Operator};

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

/// A trade between two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Price of the trade, in the quote of the instrument.
    pub price: Price,
    /// Lots, above 0.
    pub lots: i64,
    /// The side that bought.
    pub buyer: Party,
    /// The side that sold.
    pub seller: Party,
}

/// A trade that was offered for an account in liquidation, and that the market took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The account that is liquidated.
    pub account: AccountId,
    /// The account that takes the other side.
    pub counterparty: AccountId,
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Price of the trade, in the quote of the instrument.
    pub price: Price,
    /// Lots, signed as the account trades them.
    pub lots: i64,
    /// The fee that the account pays into the fund of the market, in the asset that the instrument settles in (spot:
    /// in its quote).
    pub fee: Quantity,
}

/// An order of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The instrument to trade.
    pub instrument: InstrumentId,
    /// Whether the order buys or sells.
    pub side: Side,
    /// Lots, above 0.
    pub lots: i64,
    /// The worst price at which it may fill, in the quote of the instrument.
    pub limit: Price,
    /// Whether the order may only reduce the position.
    pub reduce_only: bool,
}

/// The report of a price source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number of the source.
    pub source: u32,
    /// The price that it sees, in the unit of the feed.
    pub price: Price,
    /// Confidence of the source: half the width of its range.
    pub confidence: Price,
    /// USD in its order book within one per cent.
    pub depth: Money,
}

impl<D: Door> Operator<D> {
    /// Sends one command at the present time. Returns its events, or the reason why there are none.
    pub fn must(&mut self, principal: Principal, command: Command) -> Result<Vec<Event>, Failed<D::Stopped>> {
        match self.ask(principal, command).map_err(Failed::Stopped)? {
            Answer::Accepted { events, .. } => Ok(events),
            Answer::Refused(reject) => Err(Failed::Refused(reject)),
        }
    }

    /// Opens an account for an owner.
    pub fn open_account(&mut self, name: &str, owner: u32) -> Result<AccountId, Failed<D::Stopped>> {
        let next = self.state().accounts.len();
        self.must(Principal::System, Command::OpenAccount { name: name.to_owned(), owner })?;
        Ok(AccountId(u32::try_from(next).expect("the engine numbers accounts in 32 bits")))
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
        let reference = self.state().collateral.get(asset.0).map_or(1, |known| known.reference + 1);
        self.must(Principal::Custody, Command::Deposit { account, asset, location, amount, reference })
    }

    /// The owner of an account withdraws an asset.
    pub fn withdraw(
        &mut self,
        account: AccountId,
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let owner = self.owner(account);
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
        let owner = self.owner(from);
        self.must(owner, Command::Transfer { from, to, asset, location, amount })
    }

    /// Credits money that arrived for a fund.
    pub fn fund(&mut self, fund: Pot, asset: AssetId, amount: Quantity) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let reference = self.state().fund_reference + 1;
        self.must(Principal::Custody, Command::FundDeposit { fund, asset, amount, reference })
    }

    /// Books a trade between two accounts.
    pub fn fill(&mut self, trade: &Trade) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let Trade { instrument, price, lots, buyer, seller } = *trade;
        let match_id = self.next_match(instrument);
        self.must(Principal::Matching, Command::Fill { instrument, match_id, price, lots, buyer, seller })
    }

    /// Books a trade that was offered for an account in liquidation, or a part of it.
    pub fn liquidation_fill(&mut self, taken: &Taken) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let Taken { account, counterparty, instrument, price, lots, fee } = *taken;
        let match_id = self.next_match(instrument);
        let command = Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee };
        self.must(Principal::System, command)
    }

    /// The owner of an account places a limit order. Returns its number.
    pub fn place(&mut self, account: AccountId, ordered: &Ordered) -> Result<OrderId, Failed<D::Stopped>> {
        let Ordered { instrument, side, lots, limit, reduce_only } = *ordered;
        let order = OrderId(self.state().account(account).map_or(1, |known| known.last_order.0 + 1));
        let owner = self.owner(account);
        self.must(owner, Command::Place { account, order, instrument, side, lots, limit, reduce_only })?;
        Ok(order)
    }

    /// The owner of an account cancels an order.
    pub fn cancel(&mut self, account: AccountId, order: OrderId) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let owner = self.owner(account);
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
        let owner = self.owner(account);
        self.must(owner, Command::AuctionBid { account, auctioned, share, price })
    }

    /// A source reports the price that it sees now.
    pub fn report(&mut self, feed: FeedId, said: &Said) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let Said { source, price, confidence, depth } = *said;
        let reports = self.state().feeds.get(&feed).map_or(&[][..], |known| known.feed.reports());
        let last = reports.iter().filter(|report| report.source == source).map(|report| report.sequence).max();
        let (sequence, published) = (last.map_or(1, |last| last + 1), self.now());
        let report = Report { source, sequence, published, price, confidence, depth };
        self.must(Principal::Source(source), Command::Report { feed, report })
    }

    /// Sends a volatility surface that was fitted now: annualised volatility of each option that it names.
    pub fn surface(&mut self, vols: Vec<(InstrumentId, Ratio)>) -> Result<Vec<Event>, Failed<D::Stopped>> {
        let (version, published) = (self.state().surface.version + 1, self.now());
        self.must(Principal::Source(SURFACE_SOURCE), Command::Surface { version, published, vols })
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

    /// The principal that speaks for an account: its owner. An account that does not exist has none, and the engine
    /// refuses the command.
    fn owner(&self, account: AccountId) -> Principal {
        self.state().account(account).map_or(Principal::System, |known| Principal::Owner(known.owner))
    }
}
