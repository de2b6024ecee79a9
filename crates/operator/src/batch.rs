//! Several commands that become durable together.

use std::collections::BTreeMap;

use engine::state::{AssetTerms, Change, InstrumentTerms, Mode, Pot, State, UnderlyingTerms};
use engine::{AccountId, Command, Envelope, FeedId, LocationId, OrderId, Principal, SURFACE_SOURCE};
use marks::Report;
use model::{AssetId, InstrumentId, UnderlyingId};
use units::{Money, Price, Quantity, Ratio, Timestamp};

use crate::premium::Premiums;
use crate::{Duty, Ordered, Said, Taken, Trade};

/// Commands in the order in which the engine is to take them, written for the state that it has now.
///
/// Numbers that must rise from one command to the next continue from the last one that the engine has taken, or that was
/// written into this batch. [`crate::Operator::batch`] begins a batch, and [`crate::Operator::submit`] sends it.
#[derive(Clone, Debug)]
pub struct Batch<'s> {
    state: &'s State,
    /// The premiums from which rates of funding are made; none pays nothing.
    premiums: Option<&'s Premiums>,
    /// The time of the next command.
    now: Timestamp,
    written: Vec<Envelope>,
    /// The last number of each kind that was written here.
    last: BTreeMap<Numbered, u64>,
}

/// A sequence of numbers that must rise, or that the engine counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Numbered {
    Accounts,
    Assets,
    Deposits(AssetId),
    FundDeposits,
    Instruments,
    Locations,
    Matches(InstrumentId),
    Orders(AccountId),
    Periods(InstrumentId),
    Proposals,
    Reports(FeedId, u32),
    Surfaces,
    Underlyings,
}

impl<'s> Batch<'s> {
    /// Begins a batch for an engine in this state, at a time. It knows no premiums: funding that falls due pays nothing.
    pub fn new(state: &'s State, now: Timestamp) -> Self {
        Self { state, premiums: None, now, written: Vec::new(), last: BTreeMap::new() }
    }

    /// The same batch with the premiums that ticks have shown.
    pub(crate) fn with(self, premiums: &'s Premiums) -> Self {
        Self { premiums: Some(premiums), ..self }
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

    /// The command of a duty, whether it is due or not. Funding pays the mean premium since it was last paid.
    pub fn duty(&mut self, duty: Duty) {
        let command = match duty {
            Duty::Resume => Command::Resume,
            Duty::Activate(proposal) => Command::Activate { proposal },
            Duty::Tick => Command::Tick,
            Duty::Expire(instrument) => Command::Expire { instrument },
            Duty::Fund(instrument) => {
                let rate = |premiums: &Premiums| premiums.rate(self.state, instrument, self.now);
                return self.funding(instrument, self.premiums.map_or(Ratio::ZERO, rate));
            }
            Duty::Interest => Command::Interest,
            Duty::Settle(instrument) => Command::Settle { instrument },
            Duty::Measure => Command::Measure,
            Duty::Liquidate(account) => Command::Liquidate { account },
        };
        self.ask(duty.principal(), command);
    }

    /// Accounts that prices or commands have moved are judged. A door does that by itself at the end of a batch.
    pub fn watch(&mut self) {
        self.ask(Principal::System, Command::Watch);
    }

    /// Longs of a perpetual pay this rate to shorts, for its next period.
    pub fn funding(&mut self, instrument: InstrumentId, rate: Ratio) {
        let known = self.state.contract(instrument).map_or(0, |contract| contract.last_period);
        let period = self.next(Numbered::Periods(instrument), known);
        self.ask(Duty::Fund(instrument).principal(), Command::Funding { instrument, rate, period });
    }

    /// Lists an underlying with its index feed. Returns the number that it gets if every command before it is taken; so
    /// do the other methods that return a number which the engine counts.
    pub fn list_underlying(&mut self, terms: UnderlyingTerms) -> UnderlyingId {
        let place = self.next_place(Numbered::Underlyings, self.state.market.underlyings.len());
        self.ask(Principal::Governance, Command::ListUnderlying(Box::new(terms)));
        UnderlyingId(place)
    }

    /// Lists an asset. Returns its number.
    pub fn list_asset(&mut self, terms: AssetTerms) -> AssetId {
        let place = self.next_place(Numbered::Assets, self.state.market.assets.len());
        self.ask(Principal::Governance, Command::ListAsset(Box::new(terms)));
        AssetId(place)
    }

    /// Lists an instrument. Returns its number.
    pub fn list_instrument(&mut self, terms: InstrumentTerms) -> InstrumentId {
        let place = self.next_place(Numbered::Instruments, self.state.contracts.len());
        self.ask(Principal::Governance, Command::ListInstrument(Box::new(terms)));
        InstrumentId(place)
    }

    /// Names a chain, bridge or custodian that can hold assets. Returns its number.
    pub fn list_location(&mut self, name: &str) -> LocationId {
        let place = self.next_place(Numbered::Locations, self.state.locations.len());
        self.ask(Principal::Governance, Command::ListLocation { name: name.to_owned() });
        LocationId(u16::try_from(place).expect("the engine numbers locations in 16 bits"))
    }

    /// Opens an account for an owner. Returns its number.
    pub fn open_account(&mut self, name: &str, owner: u32) -> AccountId {
        let place = self.next_place(Numbered::Accounts, self.state.accounts.len());
        self.ask(Principal::System, Command::OpenAccount { name: name.to_owned(), owner });
        AccountId(u32::try_from(place).expect("the engine numbers accounts in 32 bits"))
    }

    /// Credits an asset that arrived for an account, at the venue itself or at a location.
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, location: Option<LocationId>, amount: Quantity) {
        let known = self.state.collateral.get(asset.0).map_or(0, |known| known.reference);
        let reference = self.next(Numbered::Deposits(asset), known);
        self.ask(Principal::Custody, Command::Deposit { account, asset, location, amount, reference });
    }

    /// The owner of an account withdraws an asset.
    pub fn withdraw(&mut self, account: AccountId, asset: AssetId, location: Option<LocationId>, amount: Quantity) {
        self.ask(self.owner(account), Command::Withdraw { account, asset, location, amount });
    }

    /// The owner of an account moves an asset to another account.
    pub fn transfer(
        &mut self,
        (from, to): (AccountId, AccountId),
        asset: AssetId,
        location: Option<LocationId>,
        amount: Quantity,
    ) {
        self.ask(self.owner(from), Command::Transfer { from, to, asset, location, amount });
    }

    /// Credits money that arrived for a fund.
    pub fn fund(&mut self, fund: Pot, asset: AssetId, amount: Quantity) {
        let reference = self.next(Numbered::FundDeposits, self.state.fund_reference);
        self.ask(Principal::Custody, Command::FundDeposit { fund, asset, amount, reference });
    }

    /// Governance takes money out of a fund.
    pub fn fund_withdraw(&mut self, fund: Pot, asset: AssetId, amount: Quantity) {
        self.ask(Principal::Governance, Command::FundWithdraw { fund, asset, amount });
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
        self.ask(self.owner(account), Command::Place { account, order, instrument, side, lots, limit, reduce_only });
        order
    }

    /// The owner of an account changes the lots and the limit of an order.
    pub fn amend(&mut self, account: AccountId, order: OrderId, lots: i64, limit: Price) {
        self.ask(self.owner(account), Command::Amend { account, order, lots, limit });
    }

    /// The owner of an account cancels an order.
    pub fn cancel(&mut self, account: AccountId, order: OrderId) {
        self.ask(self.owner(account), Command::Cancel { account, order });
    }

    /// The owner of an account bids for a share of a portfolio in auction, at a price in USD.
    pub fn bid(&mut self, account: AccountId, auctioned: AccountId, share: Ratio, price: Money) {
        self.ask(self.owner(account), Command::AuctionBid { account, auctioned, share, price });
    }

    /// A source reports the price that it sees now.
    pub fn report(&mut self, feed: FeedId, said: &Said) {
        self.report_seen(feed, said, self.now);
    }

    /// A source reports now the price that it saw at another time.
    pub fn report_seen(&mut self, feed: FeedId, said: &Said, published: Timestamp) {
        let Said { source, price, confidence, depth } = *said;
        let reports = self.state.feeds.get(&feed).map_or(&[][..], |known| known.feed.reports());
        let known = reports.iter().filter(|report| report.source == source).map(|report| report.sequence).max();
        let sequence = self.next(Numbered::Reports(feed, source), known.unwrap_or(0));
        let report = Report { source, sequence, published, price, confidence, depth };
        self.ask(Principal::Source(source), Command::Report { feed, report });
    }

    /// A volatility surface that was fitted now: annualised volatility of each option that it names.
    pub fn surface(&mut self, vols: Vec<(InstrumentId, Ratio)>) {
        let version = self.next(Numbered::Surfaces, self.state.surface.version);
        self.ask(Principal::Source(SURFACE_SOURCE), Command::Surface { version, published: self.now, vols });
    }

    /// Governance proposes a change of parameters. Returns the number of the proposal.
    pub fn propose(&mut self, change: Change) -> u64 {
        let proposal = self.next(Numbered::Proposals, self.state.next_proposal.saturating_sub(1));
        self.ask(Principal::Governance, Command::Propose { change });
        proposal
    }

    /// Governance takes a proposal back.
    pub fn revoke(&mut self, proposal: u64) {
        self.ask(Principal::Governance, Command::Revoke { proposal });
    }

    /// The guardian opens, restricts or halts a market.
    pub fn set_mode(&mut self, instrument: InstrumentId, mode: Mode) {
        self.ask(Principal::Guardian, Command::SetMode { instrument, mode });
    }

    /// Governance makes an account a backstop, which takes over portfolios, or ends that.
    pub fn set_backstop(&mut self, account: AccountId, on: bool) {
        self.ask(Principal::Governance, Command::SetBackstop { account, on });
    }

    /// The principal that speaks for an account: its owner. An account that does not exist has none, and the engine
    /// refuses the command.
    fn owner(&self, account: AccountId) -> Principal {
        self.state.account(account).map_or(Principal::System, |known| Principal::Owner(known.owner))
    }

    fn next_match(&mut self, instrument: InstrumentId) -> u64 {
        let known = self.state.contract(instrument).map_or(0, |contract| contract.last_match);
        self.next(Numbered::Matches(instrument), known)
    }

    /// The place of the next item in a list of the engine that has `known` items.
    fn next_place(&mut self, numbered: Numbered, known: usize) -> usize {
        let known = u64::try_from(known).expect("a length fits");
        usize::try_from(self.next(numbered, known) - 1).expect("a length fits")
    }

    /// The next number of a sequence whose last number the engine knows. After the largest number there is none, and the
    /// engine refuses it as repeated.
    fn next(&mut self, numbered: Numbered, known: u64) -> u64 {
        let last = self.last.entry(numbered).or_insert(known);
        *last = last.saturating_add(1);
        *last
    }
}
