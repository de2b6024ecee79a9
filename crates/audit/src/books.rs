//! Slow books: all balances and positions, kept from commands and from whether the engine accepted them.
//!
//! Of the events only the choices of a liquidation plan are read: the lots that were given, the accounts that got them,
//! and the payments for that. The cost of a trade, the payments of a funding period and the settlement of an expiry are
//! computed again here, in whole units of 10⁻¹⁸, and compared with the state to the last unit.

mod forced;

use std::collections::{BTreeMap, BTreeSet};

use engine::state::{Change, InstrumentTerms, Mode, Order, Pot, State};
use engine::{Command, Envelope, Event, Party};
use model::{InstrumentId, InstrumentKind, Payoff, Right, Side};
use units::Timestamp;

use crate::arithmetic::{ONE, over, proportion, times};
use crate::{Finding, ensure};

const YEAR: i128 = 31_536_000_000_000;

/// An amount at a place, and the part of it that is profit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Negative when owed.
    pub amount: i128,
    /// The part of it that is profit not yet withdrawn, in the same unit.
    pub profit: i128,
}

/// Open lots of one instrument and their cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lots {
    /// Negative when short.
    pub lots: i64,
    /// The cost of the lots, by average-cost accounting.
    pub cost: i128,
}

/// The balances, positions and orders of one account.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The number of the person that owns the account.
    pub owner: u32,
    /// Balances, by asset and location.
    pub balances: BTreeMap<(usize, Option<u16>), Held>,
    /// Open lots, by the number of their instrument.
    pub lots: BTreeMap<usize, Lots>,
    /// Open orders, by the number that the owner gave them.
    pub orders: BTreeMap<u64, Order>,
    /// Profit realised, by instrument.
    pub realised: BTreeMap<usize, i128>,
    last_order: u64,
}

#[derive(Clone, Debug)]
struct Listed {
    terms: InstrumentTerms,
    mode: Mode,
    last_match: u64,
    last_period: u64,
    funded: Timestamp,
    samples: (i128, u32),
}

#[derive(Clone, Debug, Default)]
struct Coin {
    /// The amount that losers paid out of their own money, less the profit that winners took out.
    settled: i128,
    reference: u64,
    base: i128,
    cap: i128,
    since: i64,
}

/// The reason of a movement, which decides whether profit moves with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The owner of the account asked for the movement.
    Wish,
    /// Profit or loss of a position.
    Profit,
    /// Fees, interest, deposits.
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Account(usize, Option<u16>),
    Pot(Pot),
}

/// The second books: the holdings of every account and every pot.
#[derive(Clone, Debug)]
pub struct Books {
    /// The ledgers of all accounts; the place in the vector is the account's number.
    pub accounts: Vec<Ledger>,
    pots: BTreeMap<(Pot, usize), i128>,
    contracts: Vec<Listed>,
    coins: Vec<Coin>,
    proposals: BTreeMap<u64, (Change, i64)>,
    next_proposal: u64,
    fund_reference: u64,
    accrued: i64,
    clock: i64,
}

impl Books {
    /// Creates the books of an engine in which nothing has happened.
    pub fn new(genesis: &State) -> Self {
        let largest = engine::state::LARGEST_AMOUNT.raw();
        Self {
            accounts: Vec::new(),
            pots: BTreeMap::new(),
            contracts: Vec::new(),
            coins: vec![Coin { base: largest, cap: largest, ..Coin::default() }],
            proposals: BTreeMap::new(),
            next_proposal: 1,
            fund_reference: 0,
            accrued: genesis.clock.micros(),
            clock: genesis.clock.micros(),
        }
    }

    /// Books a command that the engine accepted, with its events. `state` is the state before the command. Fails when the
    /// command should have been refused.
    pub fn follow(&mut self, state: &State, envelope: &Envelope, events: &[Event]) -> Result<(), Finding> {
        let now = envelope.time;
        ensure(now.micros() >= self.clock, "I-16", || format!("accepted at {now}, before its clock"))?;
        self.clock = now.micros();
        match &envelope.command {
            Command::OpenAccount { owner, .. } => {
                self.accounts.push(Ledger { owner: *owner, ..Ledger::default() });
            }
            Command::Deposit { account, asset, location, amount, reference } => {
                let last = self.coins[asset.0].reference;
                ensure(*reference > last, "I-09", || format!("deposit {reference} again, after {last}"))?;
                self.coins[asset.0].reference = *reference;
                let place = location.map(|location| location.0);
                let to = Who::Account(account.place(), place);
                self.post(Who::Pot(Pot::Custody(*location)), to, asset.0, amount.raw(), Why::Other);
                let held = self.held(asset.0);
                let cap = self.cap(asset.0, now.micros(), state.policy.collateral_ramp);
                let more = self.balance(account.place(), asset.0, place).amount > 0;
                ensure(!more || held <= cap, "I-30", || format!("asset {}: {held} held, the cap is {cap}", asset.0))?;
            }
            Command::Withdraw { account, asset, location, amount } => {
                self.leaves(account.place(), asset.0, location.map(|location| location.0), amount.raw())?;
                let from = Who::Account(account.place(), location.map(|location| location.0));
                self.post(from, Who::Pot(Pot::Custody(*location)), asset.0, amount.raw(), Why::Wish);
            }
            Command::Transfer { from, to, asset, location, amount } => {
                let place = location.map(|location| location.0);
                self.leaves(from.place(), asset.0, place, amount.raw())?;
                ensure(from != to, "I-25", || "transfer to itself".to_owned())?;
                let [from, to] = [from, to].map(|account| Who::Account(account.place(), place));
                self.post(from, to, asset.0, amount.raw(), Why::Wish);
            }
            Command::ListAsset(terms) => {
                let coin = Coin { cap: terms.cap.raw(), since: now.micros(), ..Coin::default() };
                self.coins.push(coin);
            }
            Command::ListInstrument(terms) => self.contracts.push(Listed {
                terms: (**terms).clone(),
                mode: Mode::Open,
                last_match: 0,
                last_period: 0,
                funded: now,
                samples: (0, 0),
            }),
            Command::Place { account, order, instrument, side, lots, limit, reduce_only } => {
                let whose = &mut self.accounts[account.place()];
                let last = whose.last_order;
                ensure(order.0 > last, "I-09", || format!("order {} again, after {last}", order.0))?;
                whose.last_order = order.0;
                let (instrument, side, lots, limit) = (*instrument, *side, *lots, *limit);
                let placed = Order { id: *order, instrument, side, lots, limit, reduce_only: *reduce_only };
                whose.orders.insert(order.0, placed);
            }
            Command::Amend { account, order, lots, limit } => {
                let known = self.accounts[account.place()].orders.get_mut(&order.0);
                let known =
                    known.ok_or_else(|| Finding::new("I-64", format!("amended order {} is unknown", order.0)))?;
                (known.lots, known.limit) = (*lots, *limit);
            }
            Command::Cancel { account, order } => {
                let gone = self.accounts[account.place()].orders.remove(&order.0);
                ensure(gone.is_some(), "I-64", || format!("cancelled order {} is unknown", order.0))?;
            }
            Command::Fill { instrument, match_id, price, lots, buyer, seller } => {
                self.matched(instrument.0, *match_id)?;
                ensure(buyer.account != seller.account, "I-28", || "an account trades with itself".to_owned())?;
                self.fill(state, instrument.0, price.raw(), *lots, [buyer, seller])?;
            }
            Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee } => {
                self.matched(instrument.0, *match_id)?;
                let (one, other) = (account.place(), counterparty.place());
                let linked = self.accounts[one].owner == self.accounts[other].owner;
                ensure(!linked, "I-39", || "an owner takes over what they own".to_owned())?;
                if self.contracts[instrument.0].terms.kind == InstrumentKind::Spot {
                    let (buyer, seller) = if *lots > 0 { (one, other) } else { (other, one) };
                    self.exchange(state, instrument.0, price.raw(), lots.abs(), [buyer, seller])?;
                } else {
                    self.trade(one, instrument.0, price.raw(), *lots);
                    self.trade(other, instrument.0, price.raw(), -lots);
                }
                let terms = &self.contracts[instrument.0].terms;
                let (asset, fund) = (terms.cash().0, Pot::MarketFund(terms.underlying));
                self.post(Who::Account(one, None), Who::Pot(fund), asset, fee.raw(), Why::Other);
            }
            Command::Liquidate { account } => {
                // Orders hold margin and may add risk: they go first.
                self.accounts[account.place()].orders.clear();
                self.forced(account.place(), events)?;
            }
            Command::AuctionBid { auctioned, .. } => self.forced(auctioned.place(), events)?,
            Command::SetBackstop { .. }
            | Command::ListLocation { .. }
            | Command::ListUnderlying(_)
            | Command::Surface { .. }
            | Command::Report { .. }
            | Command::Tick
            | Command::Measure
            | Command::Watch
            | Command::Resume => {}
            Command::Funding { instrument, rate, period } => {
                self.funding(state, now, instrument.0, rate.raw(), *period)?;
            }
            Command::Interest => self.interest(state, now),
            Command::Settle { instrument } => self.settle(state, instrument.0),
            Command::Expire { instrument } => {
                let contract = &self.contracts[instrument.0];
                let (sum, count) = contract.samples;
                let due = contract.terms.expiry().is_some_and(|expiry| now >= expiry);
                ensure(due, "I-58", || format!("{} settled before its expiry", contract.terms.name))?;
                ensure(count > 0 && count >= state.policy.settlement_samples, "I-58", || {
                    format!("{} settled on {count} samples", contract.terms.name)
                })?;
                self.expire(instrument.0, sum.div_euclid(i128::from(count)));
            }
            Command::FundDeposit { fund, asset, amount, reference } => {
                let last = self.fund_reference;
                ensure(*reference > last, "I-09", || format!("fund deposit {reference} again, after {last}"))?;
                self.fund_reference = *reference;
                self.post(Who::Pot(Pot::Custody(None)), Who::Pot(*fund), asset.0, amount.raw(), Why::Other);
            }
            Command::FundWithdraw { fund, asset, amount } => {
                let change = Change::FundOut { fund: *fund, asset: *asset, amount: *amount };
                self.propose(change, now, state.policy.delay);
            }
            Command::Propose { change } => self.propose(change.clone(), now, state.policy.delay),
            Command::Activate { proposal } => self.activate(state, now, *proposal)?,
            Command::Revoke { proposal } => {
                let gone = self.proposals.remove(proposal);
                ensure(gone.is_some(), "I-67", || format!("revoked proposal {proposal} is unknown"))?;
            }
            Command::SetMode { instrument, mode } => {
                self.contracts[instrument.0].mode = *mode;
                if *mode != Mode::Open {
                    for account in &mut self.accounts {
                        account.orders.retain(|_, order| order.instrument != *instrument || order.reduce_only);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes the samples of an accepted command: a tick adds one to each open window whose index, and the asset that it
    /// is written in, are trusted.
    pub fn sample(&mut self, state: &State, envelope: &Envelope, trusted: impl Fn(&InstrumentTerms) -> bool) {
        if envelope.command != Command::Tick {
            return;
        }
        let now = envelope.time.micros();
        for contract in &mut self.contracts {
            let Some(expiry) = contract.terms.expiry() else { continue };
            let within = now <= expiry.micros() && now >= expiry.micros() - state.policy.settlement_window;
            if contract.mode != Mode::Settled && within && trusted(&contract.terms) {
                let index = state.market.index(contract.terms.underlying).usd().raw();
                let unit = state.market.price(contract.terms.counter_asset()).usd().raw();
                contract.samples.0 += over(index, unit, false);
                contract.samples.1 += 1;
            }
        }
    }

    /// Compares the books with the state; returns the first difference.
    pub fn compare(&self, state: &State) -> Result<(), Finding> {
        ensure(state.clock.micros() == self.clock, "I-16", || format!("the clock stands at {}", state.clock))?;
        ensure(state.accounts.len() == self.accounts.len(), "I-64", || format!("{} accounts", state.accounts.len()))?;
        for (place, (account, ours)) in state.accounts.iter().zip(&self.accounts).enumerate() {
            compare_account(place, account, ours)?;
        }
        let theirs: BTreeMap<(Pot, usize), i128> =
            state.pots.iter().map(|((pot, asset), amount)| ((*pot, asset.0), amount.raw())).collect();
        if let Some(((pot, asset), amount)) = difference(&theirs, &self.pots) {
            let ours = self.pots.get(&(pot, asset)).copied().unwrap_or(0);
            return Err(Finding::new("I-45", format!("{pot:?} has {amount} of asset {asset}, the books {ours}")));
        }
        self.compare_listings(state)?;
        self.conserved(state)
    }

    fn compare_listings(&self, state: &State) -> Result<(), Finding> {
        ensure(state.contracts.len() == self.contracts.len(), "I-64", || "instruments".to_owned())?;
        for (place, (contract, ours)) in state.contracts.iter().zip(&self.contracts).enumerate() {
            let name = &contract.terms.name;
            let side = |long: bool| -> i128 {
                let lots = self.accounts.iter().filter_map(|account| account.lots.get(&place));
                lots.map(|held| i128::from(held.lots)).filter(|lots| (*lots > 0) == long).sum()
            };
            let (long, short) = (side(true), side(false));
            ensure(long == -short, "I-07", || format!("{name}: {long} lots long, {short} short"))?;
            let open = i128::from(contract.open);
            ensure(open == long, "I-07", || format!("{name}: {open} lots open, the positions add up to {long}"))?;
            ensure(contract.mode == ours.mode, "I-68", || format!("{name} is {}, not {}", contract.mode, ours.mode))?;
            ensure(contract.last_match == ours.last_match, "I-09", || {
                format!("{name}: match {}", contract.last_match)
            })?;
            ensure(contract.last_period == ours.last_period, "I-09", || format!("{name}: periods"))?;
            let samples = (contract.samples.sum.in_counter().raw(), contract.samples.count);
            ensure(samples == ours.samples || ours.mode == Mode::Settled, "I-58", || {
                format!("{name}: samples {samples:?}, the books {:?}", ours.samples)
            })?;
        }
        for (place, (collateral, ours)) in state.collateral.iter().zip(&self.coins).enumerate() {
            let held = self.held(place);
            let found = collateral.held.raw();
            ensure(found == held, "I-07", || format!("asset {place}: {found} held, the balances add up to {held}"))?;
            let settled = collateral.settled.raw();
            ensure(settled == ours.settled, "I-28", || {
                format!("asset {place}: losers have paid {settled}, the books say {}", ours.settled)
            })?;
            ensure(collateral.reference == ours.reference, "I-09", || format!("asset {place}: references"))?;
            ensure(collateral.cap.raw() == ours.cap, "I-67", || format!("asset {place}: cap {}", collateral.cap))?;
        }
        let theirs: BTreeSet<u64> = state.proposals.keys().copied().collect();
        ensure(theirs.iter().eq(self.proposals.keys()), "I-67", || format!("proposals {theirs:?}"))
    }

    /// Sums that must hold in the state itself, independent of the books.
    fn conserved(&self, state: &State) -> Result<(), Finding> {
        let mut sums = vec![0_i128; state.collateral.len()];
        for balance in state.accounts.iter().flat_map(|account| &account.balances) {
            sums[balance.asset.0] += balance.amount.raw();
            let profit = balance.profit.raw();
            let sound = profit >= 0 && profit <= balance.amount.raw().max(0);
            ensure(sound, "I-28", || format!("{profit} of {} is profit", balance.amount))?;
        }
        for ((pot, asset), amount) in &state.pots {
            sums[asset.0] += amount.raw();
            let custody = matches!(pot, Pot::Custody(_));
            ensure(!custody || !amount.raw().is_positive(), "I-08", || {
                format!("custody {pot:?} holds {} of asset {}", -amount.raw(), asset.0)
            })?;
            let fund = matches!(pot, Pot::MarketFund(_) | Pot::SharedFund | Pot::Fees);
            ensure(!fund || !amount.is_negative(), "I-53", || format!("{pot:?} holds {amount} of asset {}", asset.0))?;
        }
        if let Some(asset) = sums.iter().position(|sum| *sum != 0) {
            return Err(Finding::new("I-08", format!("asset {asset}: all holders have {} together", sums[asset])));
        }
        for (place, contract) in self.contracts.iter().enumerate() {
            let cost = |account: &engine::state::AccountState| account.position(InstrumentId(place)).cost.raw();
            let costs: i128 = state.accounts.iter().map(cost).sum();
            let pot = state.pot(Pot::Clearing(InstrumentId(place)), contract.terms.cash()).raw();
            ensure(pot + costs == 0, "I-01", || {
                format!("{}: clearing {pot}, costs {costs}: not 0 together", contract.terms.name)
            })?;
        }
        for order in state.accounts.iter().flat_map(|account| &account.orders) {
            let contract = &self.contracts[order.instrument.0];
            let restricted = contract.mode == Mode::Halted && !order.reduce_only;
            ensure(order.lots > 0, "I-27", || format!("order of {} lots", order.lots))?;
            ensure(!restricted && contract.mode != Mode::Settled, "I-68", || {
                format!("order {} rests in {}, which is {}", order.id.0, contract.terms.name, contract.mode)
            })?;
        }
        Ok(())
    }

    /// The amount of an asset that is in custody.
    pub fn custody(&self, asset: usize) -> i128 {
        let custody = self.pots.iter().filter(|((pot, of), _)| matches!(pot, Pot::Custody(_)) && *of == asset);
        -custody.map(|(_, amount)| *amount).sum::<i128>()
    }

    /// The time when the cap of an asset began to grow, and the cap at that time.
    pub fn ramp(&self, asset: usize) -> (i64, i128) {
        (self.coins[asset].since, self.coins[asset].base)
    }

    /// A balance; 0 when the account has none.
    pub fn balance(&self, account: usize, asset: usize, location: Option<u16>) -> Held {
        self.accounts[account].balances.get(&(asset, location)).copied().unwrap_or_default()
    }

    fn held(&self, asset: usize) -> i128 {
        let balances = self.accounts.iter().flat_map(|account| &account.balances);
        balances.filter(|((of, _), _)| *of == asset).map(|(_, held)| held.amount.max(0)).sum()
    }

    fn cap(&self, asset: usize, now: i64, ramp: i64) -> i128 {
        let coin = &self.coins[asset];
        if coin.cap <= coin.base {
            return coin.cap;
        }
        let passed = i128::from(now.saturating_sub(coin.since).clamp(0, ramp.max(1)));
        let share = ONE * passed / i128::from(ramp.max(1));
        coin.base + times(coin.cap - coin.base, share, false)
    }

    /// Checks that the owner may withdraw or send `amount`, as far as the books know.
    fn leaves(&self, account: usize, asset: usize, location: Option<u16>, amount: i128) -> Result<(), Finding> {
        let held = self.balance(account, asset, location);
        ensure(held.amount >= amount, "I-29", || {
            format!("{amount} left account {account}, which had {}", held.amount)
        })?;
        let profit = (amount - (held.amount - held.profit)).max(0);
        let paid = self.coins[asset].settled.max(0);
        ensure(profit <= paid, "I-28", || {
            format!("account {account} took a profit of {profit} away, losers of asset {asset} have paid {paid}")
        })
    }

    /// Moves an amount, in the other direction when it is negative, and keeps track of the part that is profit.
    fn post(&mut self, from: Who, to: Who, asset: usize, amount: i128, why: Why) {
        let (from, to, amount) = if amount < 0 { (to, from, -amount) } else { (from, to, amount) };
        if amount == 0 {
            return;
        }
        match from {
            Who::Pot(pot) => self.pour(pot, asset, -amount),
            Who::Account(account, location) => {
                let held = self.accounts[account].balances.entry((asset, location)).or_default();
                // For an owner's wish, own money leaves before profit; otherwise profit leaves first.
                let own = (held.amount - held.profit).max(0);
                let won = if why == Why::Wish { (amount - own).max(0) } else { amount }.min(held.profit);
                let there = held.amount.max(0);
                held.amount -= amount;
                held.profit -= won;
                let paid = there - held.amount.max(0) - won;
                self.coins[asset].settled += match why {
                    Why::Wish => -won,
                    Why::Profit => paid,
                    Why::Other => paid - amount,
                };
            }
        }
        match to {
            Who::Pot(pot) => self.pour(pot, asset, amount),
            Who::Account(account, location) => {
                let held = self.accounts[account].balances.entry((asset, location)).or_default();
                let debt = (-held.amount).max(0).min(amount);
                held.amount += amount;
                if why == Why::Profit {
                    held.profit += amount - debt;
                } else {
                    self.coins[asset].settled += debt;
                }
            }
        }
        for who in [from, to] {
            if let Who::Account(account, location) = who {
                let balances = &mut self.accounts[account].balances;
                if balances.get(&(asset, location)).is_some_and(|held| held.amount == 0) {
                    balances.remove(&(asset, location));
                }
            }
        }
    }

    fn pour(&mut self, pot: Pot, asset: usize, amount: i128) {
        let there = self.pots.entry((pot, asset)).or_default();
        *there += amount;
        if *there == 0 {
            self.pots.remove(&(pot, asset));
        }
    }

    fn matched(&mut self, instrument: usize, number: u64) -> Result<(), Finding> {
        let contract = &mut self.contracts[instrument];
        let last = contract.last_match;
        ensure(number > last, "I-09", || format!("{}: match {number} again, after {last}", contract.terms.name))?;
        contract.last_match = number;
        Ok(())
    }

    fn fill(
        &mut self,
        state: &State,
        instrument: usize,
        price: i128,
        lots: i64,
        parties: [&Party; 2],
    ) -> Result<(), Finding> {
        let terms = self.contracts[instrument].terms.clone();
        let cash = terms.cash().0;
        let [buyer, seller] = parties;
        if terms.kind == InstrumentKind::Spot {
            self.exchange(state, instrument, price, lots, [buyer.account.place(), seller.account.place()])?;
        } else {
            self.trade(buyer.account.place(), instrument, price, lots);
        }
        for (party, lots) in [(buyer, lots), (seller, -lots)] {
            let account = party.account.place();
            if terms.kind != InstrumentKind::Spot && lots < 0 {
                self.trade(account, instrument, price, lots);
            }
            let fees = Who::Pot(Pot::Fees);
            self.post(Who::Account(account, None), fees, cash, party.fee.raw(), Why::Other);
            if let Some(number) = party.order {
                self.consume(account, number.0, instrument, price, lots)?;
            }
        }
        Ok(())
    }

    /// Books a spot trade: the asset bought against the asset paid.
    fn exchange(
        &mut self,
        state: &State,
        instrument: usize,
        price: i128,
        lots: i64,
        [buyer, seller]: [usize; 2],
    ) -> Result<(), Finding> {
        let terms = self.contracts[instrument].terms.clone();
        let name = &state.market.underlyings[terms.underlying.0].name;
        let base = state.market.asset(name).ok_or_else(|| Finding::new("I-64", "spot without its asset"))?.0;
        let (paid, units) = (cost(&terms, lots, price), terms.unit().raw() * i128::from(lots));
        let (buys, sells) = (Who::Account(buyer, None), Who::Account(seller, None));
        self.post(buys, sells, terms.cash().0, paid, Why::Wish);
        self.post(sells, buys, base, units, Why::Wish);
        Ok(())
    }

    fn consume(
        &mut self,
        account: usize,
        number: u64,
        instrument: usize,
        price: i128,
        lots: i64,
    ) -> Result<(), Finding> {
        let orders = &mut self.accounts[account].orders;
        let unknown = || Finding::new("I-27", format!("order {number} of account {account} was filled and is unknown"));
        let order = orders.get_mut(&number).ok_or_else(unknown)?;
        let side = if lots > 0 { Side::Buy } else { Side::Sell };
        let better = if lots > 0 { price <= order.limit.raw() } else { price >= order.limit.raw() };
        let fits = order.instrument.0 == instrument && order.side == side && better && lots.abs() <= order.lots;
        ensure(fits, "I-42", || format!("order {number} of account {account} was filled beyond what it says"))?;
        order.lots -= lots.abs();
        if order.lots == 0 {
            orders.remove(&number);
        }
        Ok(())
    }

    /// Books one side of a trade: options pay the premium at once; other contracts carry their cost and pay when closed.
    fn trade(&mut self, account: usize, instrument: usize, price: i128, lots: i64) {
        let terms = self.contracts[instrument].terms.clone();
        self.booked(account, instrument, lots, cost(&terms, lots, price));
    }

    /// Books a trade with the cost `paid`.
    fn booked(&mut self, account: usize, instrument: usize, lots: i64, paid: i128) {
        let terms = self.contracts[instrument].terms.clone();
        let clearing = Who::Pot(Pot::Clearing(InstrumentId(instrument)));
        let whose = Who::Account(account, None);
        let before = self.accounts[account].lots.get(&instrument).copied().unwrap_or_default();
        if terms.is_option() {
            self.post(whose, clearing, terms.cash().0, paid, Why::Profit);
            self.set_lots(account, instrument, Lots { lots: before.lots + lots, cost: 0 });
            return;
        }
        let closes = before.lots.signum() * lots.signum() < 0;
        let closed = if closes { i128::from(lots.abs().min(before.lots.abs())) } else { 0 };
        let mut after = Lots { lots: before.lots + lots, cost: before.cost + paid };
        if closed > 0 {
            // The cost of the closed part and the proceeds of closing it: each share is rounded up, against the account.
            let opened = proportion(before.cost, closed, i128::from(before.lots.abs()), true);
            let closing = proportion(paid, closed, i128::from(lots.abs()), true);
            let profit = -(opened + closing);
            after.cost += profit;
            *self.accounts[account].realised.entry(instrument).or_default() += profit;
            self.post(clearing, whose, terms.settle.0, profit, Why::Profit);
        }
        self.set_lots(account, instrument, after);
    }

    fn set_lots(&mut self, account: usize, instrument: usize, lots: Lots) {
        if lots.lots == 0 {
            self.accounts[account].lots.remove(&instrument);
        } else {
            self.accounts[account].lots.insert(instrument, lots);
        }
    }

    fn holders(&self, instrument: usize) -> Vec<(usize, Lots)> {
        let accounts = self.accounts.iter().enumerate();
        accounts.filter_map(|(place, account)| Some((place, *account.lots.get(&instrument)?))).collect()
    }

    fn funding(
        &mut self,
        state: &State,
        now: Timestamp,
        instrument: usize,
        rate: i128,
        period: u64,
    ) -> Result<(), Finding> {
        let contract = &mut self.contracts[instrument];
        let terms = contract.terms.clone();
        ensure(period > contract.last_period, "I-09", || format!("{}: funding {period} again", terms.name))?;
        let elapsed =
            now.micros().saturating_sub(contract.funded.micros()).clamp(0, state.policy.longest_accrual.max(0));
        let most = times(state.policy.funding_cap.raw(), ONE * i128::from(elapsed) / 28_800_000_000, false);
        ensure(rate.abs() <= most, "I-54", || format!("{}: funding of {rate}, at most {most}", terms.name))?;
        contract.last_period = period;
        contract.funded = now;
        let mark = funding_price(state, instrument);
        let clearing = Who::Pot(Pot::Clearing(InstrumentId(instrument)));
        let mut sum = 0;
        for (account, held) in self.holders(instrument) {
            let units = terms.unit().raw() * i128::from(held.lots);
            let up = rate >= 0;
            let value = if terms.payoff == Payoff::Linear { times(units, mark, up) } else { over(units, mark, up) };
            let owed = times(value, rate, true);
            self.post(Who::Account(account, None), clearing, terms.settle.0, owed, Why::Profit);
            sum += owed;
        }
        self.post(clearing, Who::Pot(Pot::Rounding), terms.settle.0, sum, Why::Other);
        Ok(())
    }

    fn interest(&mut self, state: &State, now: Timestamp) {
        let elapsed =
            i128::from(now.micros().saturating_sub(self.accrued).clamp(0, state.policy.longest_accrual.max(0)));
        let year = (elapsed * ONE + YEAR - 1) / YEAR;
        let share = times(state.policy.interest.raw(), year, true);
        let owed: Vec<(usize, (usize, Option<u16>), i128)> = self
            .accounts
            .iter()
            .enumerate()
            .flat_map(|(place, account)| account.balances.iter().map(move |(key, held)| (place, *key, held.amount)))
            .filter(|(.., amount)| *amount < 0)
            .collect();
        for (account, (asset, location), amount) in owed {
            let from = Who::Account(account, location);
            self.post(from, Who::Pot(Pot::SharedFund), asset, times(-amount, share, true), Why::Other);
        }
        self.accrued = now.micros();
    }

    fn settle(&mut self, state: &State, instrument: usize) {
        let terms = self.contracts[instrument].terms.clone();
        let mark = state.market.mark(InstrumentId(instrument)).in_quote().raw();
        let price = mark - mark.rem_euclid(terms.tick.raw());
        let clearing = Who::Pot(Pot::Clearing(InstrumentId(instrument)));
        for (account, held) in self.holders(instrument) {
            let cost = worth(&terms, held.lots, price);
            let profit = cost - held.cost;
            *self.accounts[account].realised.entry(instrument).or_default() += profit;
            self.post(clearing, Who::Account(account, None), terms.settle.0, profit, Why::Profit);
            self.set_lots(account, instrument, Lots { cost, ..held });
        }
    }

    fn expire(&mut self, instrument: usize, price: i128) {
        let terms = self.contracts[instrument].terms.clone();
        let (pot, cash) = (Pot::Clearing(InstrumentId(instrument)), terms.cash().0);
        for (account, held) in self.holders(instrument) {
            let amount = worth(&terms, held.lots, price) - held.cost;
            *self.accounts[account].realised.entry(instrument).or_default() += amount;
            self.post(Who::Pot(pot), Who::Account(account, None), cash, amount, Why::Profit);
            self.set_lots(account, instrument, Lots::default());
        }
        let rest = self.pots.get(&(pot, cash)).copied().unwrap_or(0);
        self.post(Who::Pot(pot), Who::Pot(Pot::Rounding), cash, rest, Why::Other);
        for account in &mut self.accounts {
            account.orders.retain(|_, order| order.instrument.0 != instrument);
        }
        self.contracts[instrument].mode = Mode::Settled;
    }

    fn propose(&mut self, change: Change, now: Timestamp, delay: i64) {
        self.proposals.insert(self.next_proposal, (change, now.micros().saturating_add(delay)));
        self.next_proposal += 1;
    }

    fn activate(&mut self, state: &State, now: Timestamp, number: u64) -> Result<(), Finding> {
        let unknown = || Finding::new("I-67", format!("activated proposal {number} is unknown"));
        let (change, from) = self.proposals.remove(&number).ok_or_else(unknown)?;
        ensure(now.micros() >= from, "I-67", || format!("proposal {number} in force before its delay is over"))?;
        match change {
            Change::Cap { asset, cap } => {
                let base = self.cap(asset.0, now.micros(), state.policy.collateral_ramp);
                let coin = &mut self.coins[asset.0];
                (coin.base, coin.since, coin.cap) = (base, now.micros(), cap.raw());
            }
            Change::FundOut { fund, asset, amount } => {
                let there = self.pots.get(&(fund, asset.0)).copied().unwrap_or(0);
                ensure(there >= amount.raw(), "I-53", || format!("{fund:?} pays {amount} and has {there}"))?;
                self.post(Who::Pot(fund), Who::Pot(Pot::Custody(None)), asset.0, amount.raw(), Why::Other);
            }
            Change::SettlementPrice { instrument, price } => {
                let contract = &self.contracts[instrument.0];
                let enough = contract.samples.1 > 0 && contract.samples.1 >= state.policy.settlement_samples;
                ensure(!enough, "I-58", || format!("{} settled at a price that was named", contract.terms.name))?;
                self.expire(instrument.0, price.in_counter().raw());
            }
            Change::Limits { instrument, max_order, max_open, band } => {
                let terms = &mut self.contracts[instrument.0].terms;
                (terms.max_order, terms.max_open, terms.band) = (max_order, max_open, band);
            }
            Change::Method { .. } | Change::Feed { .. } | Change::OpenInterest { .. } | Change::Outflow { .. } => {}
        }
        Ok(())
    }
}

fn compare_account(place: usize, account: &engine::state::AccountState, ours: &Ledger) -> Result<(), Finding> {
    let balances: BTreeMap<(usize, Option<u16>), (i128, i128)> = account
        .balances
        .iter()
        .map(|held| ((held.asset.0, held.location.map(|at| at.0)), (held.amount.raw(), held.profit.raw())))
        .collect();
    let expected: BTreeMap<(usize, Option<u16>), (i128, i128)> =
        ours.balances.iter().map(|(key, held)| (*key, (held.amount, held.profit))).collect();
    if let Some((key, found)) = difference(&balances, &expected) {
        let ours = expected.get(&key).copied().unwrap_or_default();
        let invariant = if found.0 == ours.0 { "I-28" } else { "I-08" };
        return Err(Finding::new(
            invariant,
            format!("account {place}, asset and location {key:?}: amount and profit {found:?}, the books {ours:?}"),
        ));
    }
    let lots: BTreeMap<usize, (i64, i128)> =
        account.positions.iter().map(|held| (held.instrument.0, (held.lots, held.cost.raw()))).collect();
    let expected: BTreeMap<usize, (i64, i128)> =
        ours.lots.iter().map(|(instrument, held)| (*instrument, (held.lots, held.cost))).collect();
    if let Some((instrument, found)) = difference(&lots, &expected) {
        let ours = expected.get(&instrument).copied().unwrap_or_default();
        return Err(Finding::new(
            "I-07",
            format!("account {place}, instrument {instrument}: lots and cost {found:?}, the books {ours:?}"),
        ));
    }
    let orders: BTreeMap<u64, Order> = account.orders.iter().map(|order| (order.id.0, *order)).collect();
    ensure(orders == ours.orders, "I-27", || {
        format!("account {place}: orders {:?}, the books {:?}", orders.keys(), ours.orders.keys())
    })?;
    ensure(account.last_order.0 == ours.last_order, "I-09", || format!("account {place}: last order"))?;
    ensure(account.owner == ours.owner, "I-64", || format!("account {place}: owner {}", account.owner))
}

/// The first key with different values, and its value in the first map (a missing key counts as the default).
fn difference<K: Ord + Copy, V: PartialEq + Copy + Default>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) -> Option<(K, V)> {
    let keys: BTreeSet<K> = one.keys().chain(other.keys()).copied().collect();
    let of = |map: &BTreeMap<K, V>, key: &K| map.get(key).copied().unwrap_or_default();
    keys.into_iter().find(|key| of(one, key) != of(other, key)).map(|key| (key, of(one, &key)))
}

/// The cost of `lots`: positive when bought. For an inverse contract, minus the coins of its notional.
fn cost(terms: &InstrumentTerms, lots: i64, price: i128) -> i128 {
    let units = terms.unit().raw() * i128::from(lots);
    if terms.payoff == Payoff::Inverse && !terms.is_option() {
        let coins = over(units.abs(), price, true);
        return if lots > 0 { -coins } else { coins };
    }
    times(units, price, false)
}

/// The price that a funding rate applies to: longs pay a positive rate, also when the mark is negative.
fn funding_price(state: &State, instrument: usize) -> i128 {
    let listing = &state.market.instruments[instrument];
    let scale = state.market.underlyings[listing.underlying.0].scale;
    let unit = state.market.price(listing.quote).usd().raw();
    let mark = state.market.mark(listing.id).in_quote().raw();
    scale.map_or(mark, |scale| mark.abs().max(over(scale.usd().raw(), unit, true)))
}

/// The settlement value of `lots`, rounded against the account that holds them.
pub(crate) fn worth(terms: &InstrumentTerms, lots: i64, price: i128) -> i128 {
    let units = terms.unit().raw() * i128::from(lots);
    match (&terms.kind, terms.payoff) {
        (InstrumentKind::Option { strike, right, .. }, payoff) => {
            let strike = strike.in_counter().raw();
            let gain = if *right == Right::Call { price - strike } else { strike - price };
            let pay = times(units, gain.max(0), false);
            if payoff == Payoff::Linear || pay == 0 { pay } else { over(pay, price, false) }
        }
        (_, Payoff::Linear) => times(units, price, false),
        (_, Payoff::Inverse) => -over(units, price, true),
    }
}
