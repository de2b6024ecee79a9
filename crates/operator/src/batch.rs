//! Several commands that become durable together.

use std::collections::BTreeMap;

use engine::state::{Pot, State};
use engine::{AccountId, Command, Envelope, FeedId, LocationId, OrderId, Principal, SURFACE_SOURCE};
use marks::Report;
use model::{AssetId, InstrumentId};
use units::{Quantity, Ratio, Timestamp};

use crate::{Ordered, Said, Taken, Trade};

/// Commands in the order in which the engine is to take them, written for the state that it has now.
///
/// Numbers that must rise from one command to the next continue from the last one that the engine has taken, or that was
/// written into this batch. [`crate::Operator::batch`] begins a batch, and [`crate::Operator::submit`] sends it.
#[derive(Clone, Debug)]
pub struct Batch<'s> {
    state: &'s State,
    /// The time of the next command.
    now: Timestamp,
    written: Vec<Envelope>,
    /// The last number of each kind that was written here.
    last: BTreeMap<Numbered, u64>,
}

/// A sequence of numbers that must rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Numbered {
    Accounts,
    Deposits(AssetId),
    FundDeposits,
    Matches(InstrumentId),
    Orders(AccountId),
    Reports(FeedId, u32),
    Surfaces,
}

impl<'s> Batch<'s> {
    /// Begins a batch for the engine in this state, at a time.
    pub(crate) fn new(state: &'s State, now: Timestamp) -> Self {
        Self { state, now, written: Vec::new(), last: BTreeMap::new() }
    }

    /// The commands, in order.
    pub fn done(self) -> Vec<Envelope> {
        self.written
    }

    /// Sets the time of the commands that follow; it never goes back.
    pub fn at(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// A command without a number, or with a number that the caller has chosen.
    pub fn ask(&mut self, principal: Principal, command: Command) {
        self.written.push(Envelope { time: self.now, principal, command });
    }

    /// Opens an account for an owner. Returns the number that the account gets if every command before it is taken.
    pub fn open_account(&mut self, name: &str, owner: u32) -> AccountId {
        let known = u64::try_from(self.state.accounts.len()).expect("the engine numbers accounts in 32 bits");
        let count = self.next(Numbered::Accounts, known);
        self.ask(Principal::System, Command::OpenAccount { name: name.to_owned(), owner });
        AccountId(u32::try_from(count - 1).expect("the engine numbers accounts in 32 bits"))
    }

    /// Credits an asset that arrived for an account, at the venue itself or at a location.
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, location: Option<LocationId>, amount: Quantity) {
        let known = self.state.collateral.get(asset.0).map_or(0, |known| known.reference);
        let reference = self.next(Numbered::Deposits(asset), known);
        self.ask(Principal::Custody, Command::Deposit { account, asset, location, amount, reference });
    }

    /// Credits money that arrived for a fund.
    pub fn fund(&mut self, fund: Pot, asset: AssetId, amount: Quantity) {
        let reference = self.next(Numbered::FundDeposits, self.state.fund_reference);
        self.ask(Principal::Custody, Command::FundDeposit { fund, asset, amount, reference });
    }

    /// Books a trade between two accounts.
    pub fn fill(&mut self, trade: &Trade) {
        let Trade { instrument, price, lots, buyer, seller } = *trade;
        let match_id = self.next_match(instrument);
        self.ask(Principal::Matching, Command::Fill { instrument, match_id, price, lots, buyer, seller });
    }

    /// Books a trade that was offered for an account in liquidation, or a part of it.
    pub fn liquidation_fill(&mut self, taken: &Taken) {
        let Taken { account, counterparty, instrument, price, lots, fee } = *taken;
        let match_id = self.next_match(instrument);
        let command = Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee };
        self.ask(Principal::System, command);
    }

    /// The owner of an account places a limit order. Returns its number.
    pub fn place(&mut self, account: AccountId, ordered: &Ordered) -> OrderId {
        let Ordered { instrument, side, lots, limit, reduce_only } = *ordered;
        let known = self.state.account(account).map_or(0, |known| known.last_order.0);
        let order = OrderId(self.next(Numbered::Orders(account), known));
        let owner = owner(self.state, account);
        self.ask(owner, Command::Place { account, order, instrument, side, lots, limit, reduce_only });
        order
    }

    /// A source reports the price that it sees now.
    pub fn report(&mut self, feed: FeedId, said: &Said) {
        let Said { source, price, confidence, depth } = *said;
        let reports = self.state.feeds.get(&feed).map_or(&[][..], |known| known.feed.reports());
        let known = reports.iter().filter(|report| report.source == source).map(|report| report.sequence).max();
        let sequence = self.next(Numbered::Reports(feed, source), known.unwrap_or(0));
        let report = Report { source, sequence, published: self.now, price, confidence, depth };
        self.ask(Principal::Source(source), Command::Report { feed, report });
    }

    /// A volatility surface that was fitted now: annualised volatility of each option that it names.
    pub fn surface(&mut self, vols: Vec<(InstrumentId, Ratio)>) {
        let version = self.next(Numbered::Surfaces, self.state.surface.version);
        self.ask(Principal::Source(SURFACE_SOURCE), Command::Surface { version, published: self.now, vols });
    }

    fn next_match(&mut self, instrument: InstrumentId) -> u64 {
        let known = self.state.contract(instrument).map_or(0, |contract| contract.last_match);
        self.next(Numbered::Matches(instrument), known)
    }

    /// The next number of a sequence whose last number the engine knows. After the largest number there is none, and the
    /// engine refuses it as repeated.
    fn next(&mut self, numbered: Numbered, known: u64) -> u64 {
        let last = self.last.entry(numbered).or_insert(known);
        *last = last.saturating_add(1);
        *last
    }
}

/// The principal that speaks for an account: its owner. An account that does not exist has none, and the engine refuses
/// the command.
pub(crate) fn owner(state: &State, account: AccountId) -> Principal {
    state.account(account).map_or(Principal::System, |known| Principal::Owner(known.owner))
}
