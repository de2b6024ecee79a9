//! The auditor: compares the commands that the engine accepted with the books and with the plain margin.

mod liquidation;
mod rescue;
mod sight;
mod size;
mod step;

use std::collections::BTreeMap;

use ::margin::method::universal::{self, rules::Rules};
use ::margin::params::Params;
use engine::state::{Change, Mode, State};
use engine::{Capability, Command, Envelope, Event, FeedId, Principal, SURFACE_SOURCE, Status};
use marks::{Cause, Report};
use model::{
    Account, AssetId, Balance, InstrumentId, InstrumentKind, Market, Order, Payoff, Position, QuotePrice, Side,
};
use units::{Price, Quantity, Round, Timestamp};

use sight::{Left, instrument_priced};

use crate::books::Books;
use crate::cases::Cases;
use crate::{Finding, ensure, margin};

/// The standing of an account by the plain margin, in USD.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Equity at current prices, in USD.
    pub equity: f64,
    /// Initial margin: the equity that the account needs to take new risk, in USD.
    pub initial: f64,
    /// Maintenance margin, in USD.
    pub maintenance: f64,
    /// The cost of closing all positions, in USD.
    pub closing: f64,
    /// The difference that rounding may cause between two programs that compute the same figures, in USD.
    pub tolerance: f64,
}

/// The number of times that each kind of check was made.
pub type Checks = BTreeMap<&'static str, u64>;

/// The auditor: it follows commands and reports invariants that do not hold.
#[derive(Clone, Debug)]
pub struct Auditor {
    books: Books,
    cases: Cases,
    methods: Vec<(String, Params<Rules>)>,
    reports: BTreeMap<FeedId, BTreeMap<u32, Report>>,
    /// The USD that the outflow limiter should hold, and the time of that amount in microseconds.
    spent: (f64, i64),
    market: Option<(MarketKey, Market)>,
    /// One margin question in this many is asked.
    every: u64,
    asked: u64,
    /// The number of accounts that are judged after a watch.
    judged: usize,
    turn: usize,
    /// The status of every account at the last watch.
    stood: Vec<Status>,
    /// Accounts whose status has improved without an event that says so, with the state version in which that was first
    /// seen.
    healed: BTreeMap<usize, u64>,
    /// The time of the last tick.
    ticked: Option<Timestamp>,
    /// The number of offers for which the auditor could have checked whether fewer lots are enough.
    asked_least: u64,
    /// The parts that are left out of the account whose liquidation is being followed.
    left: Left,
    checks: Checks,
}

/// An account whose status has improved is told within this many state versions: several rounds of turns.
const TOLD_WITHIN: u64 = 400;

/// The parts of a state that its market depends on.
type MarketKey = ((u64, u64, u64), usize, usize, usize, i64);

impl Auditor {
    /// Creates an auditor of an engine in which nothing has happened. It asks every question.
    pub fn new(genesis: &State) -> Self {
        Self {
            books: Books::new(genesis),
            cases: Cases::new(genesis.clock.micros()),
            methods: Vec::new(),
            reports: BTreeMap::new(),
            spent: (0.0, genesis.clock.micros()),
            market: None,
            every: 1,
            asked: 0,
            judged: usize::MAX,
            turn: 0,
            stood: Vec::new(),
            healed: BTreeMap::new(),
            ticked: None,
            asked_least: 0,
            left: Left::default(),
            checks: Checks::new(),
        }
    }

    /// Asks one margin question in `every` and judges `judged` accounts after a watch, in turn. Meant for long runs.
    #[must_use]
    pub fn sampling(mut self, every: u64, judged: usize) -> Self {
        (self.every, self.judged) = (every.max(1), judged.max(1));
        self
    }

    /// The second books, after all commands so far.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The number of times that each kind of check was made.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// Books a command that the engine accepted, with its events. `state` is the state before the command. Fails when the
    /// command should have been refused.
    pub fn accepted(&mut self, state: &State, envelope: &Envelope, events: &[Event]) -> Result<(), Finding> {
        self.authorised(envelope)?;
        let step = self.steps(state, envelope, events)?;
        let asks = self.questions(envelope);
        let ask = !asks.is_empty() && {
            self.asked += 1;
            self.asked.is_multiple_of(self.every)
        };
        let before: Vec<Option<Standing>> =
            if ask { asks.iter().map(|ask| self.asked_about(state, ask, envelope.time)).collect() } else { Vec::new() };
        if let Command::LiquidationFill { account, instrument, lots, .. } = &envelope.command {
            self.calm(envelope, *account)?;
            self.liquidated(state, envelope.time, (account.place(), instrument.0))?;
            self.paced(state, envelope.time, (instrument.0, *lots))?;
        }
        if let Command::Withdraw { asset, amount, .. } = &envelope.command {
            self.covered(state)?;
            self.flows(state, envelope.time.micros(), asset.0, amount.raw())?;
        }
        if let Command::Activate { proposal } = &envelope.command
            && let Some(Change::FundOut { asset, amount, .. }) =
                state.proposals.get(proposal).map(|found| &found.change)
        {
            self.flows(state, envelope.time.micros(), asset.0, amount.raw())?;
        }
        self.clock_moves(state, envelope)?;
        self.no_dust(state, &envelope.command)?;
        self.count("books");
        let offered: Vec<_> = self.cases.open.iter().filter_map(|(place, case)| Some((*place, case.offer?))).collect();
        self.cases.follow(state, envelope, events)?;
        self.books.follow(state, envelope, events)?;
        self.falls(state, envelope, events, &offered)?;
        if let Some(step) = step {
            self.stepped(state, &step)?;
        }
        if ask {
            for (question, before) in asks.iter().zip(before) {
                self.holds(state, question, envelope.time, before)?;
            }
        }
        Ok(())
    }

    /// No command moves the clock by more than one step. Only a resumption may move it further, by the longest pause at
    /// most (I-16).
    fn clock_moves(&mut self, state: &State, envelope: &Envelope) -> Result<(), Finding> {
        let ahead = envelope.time.seconds_since(state.clock);
        if ahead <= 3_600.0 {
            return Ok(());
        }
        let Some(place) = self.method(&state.method.text) else { return Ok(()) };
        let rules = &self.methods[place].1.rules.engine;
        let resumes = envelope.command == Command::Resume;
        let most = if resumes { rules.longest_pause_seconds } else { rules.clock_step_seconds };
        ensure(ahead <= most, "I-16", || format!("a command {ahead} s ahead was accepted, at most {most} may be"))
    }

    /// Checks the `state` after a command was applied.
    pub fn committed(&mut self, state: &State, envelope: &Envelope) -> Result<(), Finding> {
        if let Command::Report { feed, report } = &envelope.command {
            let known = self.reports.entry(*feed).or_default();
            if let Some(last) = known.get(&report.source) {
                let later = report.sequence > last.sequence && report.published > last.published;
                ensure(later, "I-16", || format!("{feed}: a report that is not after the last was accepted"))?;
            }
            known.insert(report.source, *report);
        } else if envelope.command == Command::Tick {
            self.quoted(state)?;
        } else if envelope.command == Command::Watch {
            self.watched(state)?;
        }
        self.books.sample(state, envelope, |terms| {
            let mut written = asset_feeds(state, terms.counter_asset().0);
            trusted_feed(state, FeedId::Index(terms.underlying)) && written.all(|feed| trusted_feed(state, feed))
        });
        self.books.compare(state)?;
        self.cases.compare(state)
    }

    /// The permissions of principals (I-64), written down a second time.
    fn authorised(&self, envelope: &Envelope) -> Result<(), Finding> {
        use Command as C;
        let owner = |account: engine::AccountId| {
            let owner = self.books.accounts.get(account.place()).map(|ledger| ledger.owner);
            owner.is_some_and(|owner| envelope.principal == Principal::Owner(owner))
        };
        let may = match &envelope.command {
            C::Withdraw { account, .. }
            | C::Place { account, .. }
            | C::Amend { account, .. }
            | C::Cancel { account, .. }
            | C::AuctionBid { account, .. }
            | C::Transfer { from: account, .. } => owner(*account),
            C::Report { report, .. } => envelope.principal == Principal::Source(report.source),
            C::Surface { .. } => envelope.principal == Principal::Source(SURFACE_SOURCE),
            C::Fill { .. } => envelope.principal == Principal::Matching,
            C::Deposit { .. } | C::FundDeposit { .. } => envelope.principal == Principal::Custody,
            C::SetMode { .. } => envelope.principal == Principal::Guardian,
            C::ListLocation { .. }
            | C::ListUnderlying(_)
            | C::ListAsset(_)
            | C::ListInstrument(_)
            | C::FundWithdraw { .. }
            | C::SetBackstop { .. }
            | C::Propose { .. }
            | C::Revoke { .. }
            | C::Resume => envelope.principal == Principal::Governance,
            C::OpenAccount { .. }
            | C::Funding { .. }
            | C::Interest
            | C::Settle { .. }
            | C::Expire { .. }
            | C::LiquidationFill { .. }
            | C::Liquidate { .. }
            | C::Measure
            | C::Activate { .. }
            | C::Tick
            | C::Watch => envelope.principal == Principal::System,
        };
        let needed: Capability = engine::needed(&envelope.command);
        ensure(may, "I-64", || format!("{:?} did what needs {needed:?}", envelope.principal))
    }

    fn count(&mut self, what: &'static str) {
        *self.checks.entry(what).or_default() += 1;
    }

    /// The rules of a parameter file, read once.
    fn method(&mut self, text: &str) -> Option<usize> {
        if let Some(place) = self.methods.iter().position(|(known, _)| known == text) {
            return Some(place);
        }
        let params = universal::parse(text).ok()?;
        self.methods.push((text.to_owned(), params));
        Some(self.methods.len() - 1)
    }

    /// The standing of an account in the market of `state`; none when the account cannot be priced.
    pub fn standing(&mut self, state: &State, place: usize) -> Option<Standing> {
        let view = view(state, &self.books, place, false)?;
        self.assess(state, &view)
    }

    fn assess(&mut self, state: &State, view: &Account) -> Option<Standing> {
        let settled = state.contracts.iter().filter(|contract| contract.mode == Mode::Settled).count();
        let counts = (state.market.assets.len(), state.market.instruments.len());
        // The next period is computed with the rate that was paid last, also when the version is the same.
        let periods = state.contracts.iter().fold(0_u64, |sum, contract| sum.wrapping_add(contract.last_period));
        let versions = (state.version, state.surface.version, periods);
        let key = (versions, counts.0, counts.1, settled, state.market.time.micros());
        if self.market.as_ref().is_none_or(|(known, _)| *known != key) {
            self.market = Some((key, state.market.clone()));
        }
        let now = self.method(&state.method.text)?;
        let before = match &state.method.previous {
            Some((text, ..)) => Some(self.method(text)?),
            None => None,
        };
        self.count("margin");
        let market = &self.market.as_ref()?.1;
        let of = |place: usize| {
            let required = margin::requirement(view, market, &self.methods[place].1.rules);
            let closing = required.charges.iter().filter(|(name, _)| matches!(*name, "liquidity" | "funding and fees"));
            let closing: f64 = closing.map(|(_, charge)| charge).sum();
            (required.initial, required.maintenance, closing, required.gross)
        };
        let (mut initial, mut maintenance, mut closing, gross) = of(now);
        if let (Some(before), Some((_, from, until))) = (before, &state.method.previous) {
            let (was, whole) = (of(before), until.seconds_since(*from));
            let part = if whole > 0.0 { (state.clock.seconds_since(*from) / whole).clamp(0.0, 1.0) } else { 1.0 };
            initial = was.0 + (initial - was.0) * part;
            maintenance = was.1 + (maintenance - was.1) * part;
            closing = was.2 + (closing - was.2) * part;
        }
        let equity = margin::equity(view, market);
        let tolerance = 1e-9 * (equity.abs() + initial.abs()) + 1e-12 * gross + 1e-9;
        Some(Standing { equity, initial, maintenance, closing, tolerance })
    }

    /// The accounts that a command can make worse off.
    fn questions(&self, envelope: &Envelope) -> Vec<Question> {
        let lots_of = |account: usize, instrument: usize| {
            self.books.accounts[account].lots.get(&instrument).map_or(0, |held| held.lots)
        };
        let question = |account: usize, instrument: usize, lots: i64, price: Option<i128>| {
            let held = lots_of(account, instrument);
            let reduces = held.signum() * lots.signum() < 0 && lots.unsigned_abs() <= held.unsigned_abs();
            Question { account, kind: Kind::Risk { instrument, lots, price, reduces } }
        };
        let signed = |side: Side, lots: i64| if side == Side::Buy { lots } else { -lots };
        match &envelope.command {
            Command::Place { account, instrument, side, lots, .. } => {
                vec![question(account.place(), instrument.0, signed(*side, *lots), None)]
            }
            Command::Amend { account, order, lots, .. } => {
                let known = self.books.accounts[account.place()].orders.get(&order.0);
                known
                    .map(|known| question(account.place(), known.instrument.0, signed(known.side, *lots), None))
                    .into_iter()
                    .collect()
            }
            Command::Fill { instrument, price, lots, buyer, seller, .. } => vec![
                question(buyer.account.place(), instrument.0, *lots, Some(price.raw())),
                question(seller.account.place(), instrument.0, -lots, Some(price.raw())),
            ],
            Command::LiquidationFill { account, counterparty, instrument, price, lots, .. } => vec![
                Question { account: account.place(), kind: Kind::Liquidated },
                question(counterparty.place(), instrument.0, -lots, Some(price.raw())),
            ],
            Command::Withdraw { account, asset, .. } => {
                vec![Question { account: account.place(), kind: Kind::Leaves { asset: asset.0 } }]
            }
            Command::Transfer { from, asset, .. } => {
                vec![Question { account: from.place(), kind: Kind::Leaves { asset: asset.0 } }]
            }
            Command::OpenAccount { .. }
            | Command::Deposit { .. }
            | Command::ListLocation { .. }
            | Command::ListUnderlying(_)
            | Command::ListAsset(_)
            | Command::ListInstrument(_)
            | Command::Cancel { .. }
            | Command::Report { .. }
            | Command::Surface { .. }
            | Command::Funding { .. }
            | Command::Interest
            | Command::Settle { .. }
            | Command::Expire { .. }
            | Command::Liquidate { .. }
            | Command::Measure
            | Command::SetBackstop { .. }
            | Command::AuctionBid { .. }
            | Command::FundDeposit { .. }
            | Command::FundWithdraw { .. }
            | Command::Propose { .. }
            | Command::Activate { .. }
            | Command::Revoke { .. }
            | Command::SetMode { .. }
            | Command::Tick
            | Command::Watch
            | Command::Resume => Vec::new(),
        }
    }

    /// The standing, before the command, of the account that a question is about.
    fn asked_about(&mut self, state: &State, question: &Question, now: Timestamp) -> Option<Standing> {
        match question.kind {
            Kind::Liquidated => self.seen(state, question.account, now).map(|seen| {
                self.left = seen.left;
                seen.better
            }),
            Kind::Risk { .. } | Kind::Leaves { .. } => self.standing(state, question.account),
        }
    }

    /// Whether an account may have the standing to which a command has brought it (I-23, I-25, I-29, I-37).
    fn holds(
        &mut self,
        state: &State,
        question: &Question,
        now: Timestamp,
        before: Option<Standing>,
    ) -> Result<(), Finding> {
        let account = question.account;
        match question.kind {
            Kind::Leaves { asset } => {
                let asked = asset_feeds(state, asset).all(|feed| trusted_feed(state, feed));
                ensure(asked, "I-11", || format!("asset {asset} left account {account} without a price"))?;
                let Some(view) = view(state, &self.books, account, true) else { return Ok(()) };
                let Some(after) = self.assess(state, &view) else { return Ok(()) };
                let needed = after.initial + after.closing;
                ensure(after.equity >= needed - after.tolerance, "I-29", || {
                    format!("account {account} kept {} and needs {needed}", after.equity)
                })
            }
            Kind::Liquidated => {
                let after = self.viewed(state, account, self.left, now);
                let (Some(before), Some(after)) = (before, after) else { return Ok(()) };
                let (was, is) = (before.equity - before.maintenance, after.equity - after.maintenance);
                ensure(is >= was - before.tolerance - after.tolerance, "I-37", || {
                    format!("account {account}: excess {was} before the liquidation, {is} after")
                })
            }
            Kind::Risk { instrument, lots, price, reduces } => {
                // An asset without a price counts for nothing; everything that the account risks must have a price.
                let priced = self.risk_trusted(state, account);
                ensure(priced || reduces, "I-11", || format!("account {account} took risk without a price"))?;
                let unflattered = self.standing(state, account);
                let after = if priced { self.viewed(state, account, Left::Void, now) } else { unflattered };
                let Some(after) = after else { return Ok(()) };
                let flattered = price.map_or(0.0, |price| flattered(state, instrument, lots, price));
                let equity = after.equity - flattered;
                if priced && equity >= after.initial - after.tolerance {
                    return Ok(());
                }
                let shown = || {
                    format!(
                        "account {account}: equity {equity} (after {flattered} that the price flatters it by), initial \
                         margin {}",
                        after.initial
                    )
                };
                ensure(reduces, "I-23", shown)?;
                let (Some(before), Some(after)) = (before, unflattered) else { return Ok(()) };
                let equity = after.equity - flattered;
                let slack = before.tolerance + after.tolerance;
                let no_worse = after.maintenance <= before.maintenance + slack
                    && after.initial <= before.initial + slack
                    && equity - after.maintenance >= before.equity - before.maintenance - slack
                    && equity - after.initial >= before.equity - before.initial - slack;
                ensure(no_worse, "I-25", || {
                    format!("account {account} stood at {before:?} and was let to {after:?}, flattered by {flattered}")
                })
            }
        }
    }

    /// Only an account that is below maintenance, both at last prices and by the parts that have a price, is liquidated;
    /// nothing is traded without a valid price (I-11, I-35).
    fn liquidated(
        &mut self,
        state: &State,
        now: Timestamp,
        (account, instrument): (usize, usize),
    ) -> Result<(), Finding> {
        let priced = instrument_priced(state, instrument, now);
        ensure(priced, "I-11", || format!("account {account} was liquidated on a price that is not valid"))?;
        let Some(seen) = self.seen(state, account, now) else { return Ok(()) };
        ensure(seen.may_be_below(), "I-35", || format!("account {account} was liquidated and stands at {seen:?}"))
    }

    /// No amount leaves custody while a loss that is more than a trifle is not covered (I-51).
    fn covered(&mut self, state: &State) -> Result<(), Finding> {
        let rules = self.method(&state.method.text);
        let trifling = rules.map_or(0.0, |place| self.methods[place].1.rules.engine.trifling_loss.to_f64());
        let mut deficit = 0.0;
        for (place, account) in state.accounts.iter().enumerate() {
            if account.status != Status::Bankrupt {
                continue;
            }
            if let Some(standing) = self.standing(state, place) {
                deficit += (-standing.equity - standing.tolerance).max(0.0);
            }
        }
        ensure(deficit <= trifling, "I-51", || format!("a withdrawal while accounts lack {deficit}"))
    }

    /// Every amount that leaves custody fits the limiter (I-67): a bucket that drains once a window.
    fn flows(&mut self, state: &State, now: i64, asset: usize, amount: i128) -> Result<(), Finding> {
        let price = |asset: usize| state.market.price(AssetId(asset)).usd().to_f64();
        let usd = |asset: usize, amount: i128| Quantity::from_raw(amount).to_f64() * price(asset);
        let custody: f64 = (0..state.market.assets.len())
            .map(|asset| {
                let (since, base) = self.books.ramp(asset);
                let held = self.books.custody(asset);
                let young = now.saturating_sub(since) < state.policy.collateral_ramp && asset != 0;
                usd(asset, if young { held.min(base) } else { held }.max(0))
            })
            .sum();
        let (spent, since) = self.spent;
        let share = state.policy.outflow_share.to_f64();
        let capacity = state.policy.outflow_floor.to_f64().max((custody + spent) * share);
        let seconds = |micros: i64| Timestamp::from_micros(micros).seconds_since(Timestamp::from_micros(0));
        let window = state.policy.outflow_window.max(1);
        let part = seconds(now.saturating_sub(since).clamp(0, window)) / seconds(window);
        let after = (spent - capacity * part).max(0.0) + usd(asset, amount);
        self.spent = (after, now);
        self.count("outflow");
        ensure(after <= capacity * (1.0 + 1e-9) + 1e-6, "I-67", || {
            format!("{after} USD in the outflow limiter, which takes {capacity}")
        })
    }

    /// A quote that is marked valid has a quorum of fresh reports behind it and lies among them (I-11, I-13, I-15).
    fn quoted(&mut self, state: &State) -> Result<(), Finding> {
        for (id, feed) in &state.feeds {
            ensure(prices_something(state, *id), "I-12", || format!("{id}: a feed of what is settled"))?;
            let Some(quote) = feed.feed.last() else { continue };
            if quote.at != state.clock {
                return Err(Finding::new(
                    "I-12",
                    format!("{id}: a quote of {} after the tick of {}", quote.at, state.clock),
                ));
            }
            // A second tick at the same time keeps the quote of the first, also when reports have arrived since.
            if quote.cause != Cause::Agreed || self.ticked == Some(state.clock) {
                continue;
            }
            self.count("quotes");
            let Some(known) = self.reports.get(id) else {
                return Err(Finding::new("I-21", format!("{id}: a valid quote, and nobody has reported")));
            };
            let fresh: Vec<&Report> = feed
                .rules
                .sources
                .iter()
                .filter_map(|source| {
                    let report = known.get(&source.source)?;
                    let age = state.clock.micros().saturating_sub(report.published.micros());
                    let clamped =
                        source.bounds.is_some_and(|bounds| report.price <= bounds.low || report.price >= bounds.high);
                    (age <= source.max_age_micros && !clamped).then_some(report)
                })
                .collect();
            let enough = u32::try_from(fresh.len()).is_ok_and(|fresh| fresh >= feed.rules.quorum);
            ensure(enough, "I-11", || {
                format!("{id}: valid on {} fresh sources, {} are needed", fresh.len(), feed.rules.quorum)
            })?;
            let (low, high) =
                (fresh.iter().map(|report| report.price).min(), fresh.iter().map(|report| report.price).max());
            let among = low.is_some_and(|low| quote.price >= low) && high.is_some_and(|high| quote.price <= high);
            ensure(among, "I-15", || format!("{id}: {} is outside what sources say", quote.price))?;
            if let FeedId::Index(underlying) = id {
                let index = state.market.index(*underlying);
                ensure(index.usd() == quote.price, "I-12", || format!("{id}: market {index}, quote {}", quote.price))?;
            }
        }
        self.ticked = Some(state.clock);
        Ok(())
    }

    /// After a watch every account has the status that the plain margin gives (I-36, I-43), and every account below
    /// maintenance on valid prices is flagged.
    fn watched(&mut self, state: &State) -> Result<(), Finding> {
        ensure(state.watched == state.version, "I-36", || format!("watched {}", state.watched))?;
        let all = state.accounts.len();
        for _ in 0..self.judged.min(all) {
            self.turn = (self.turn + 1) % all;
            self.stands(state, self.turn)?;
        }
        self.stood = state.accounts.iter().map(|account| account.status).collect();
        self.has_cases(state)
    }

    fn stands(&mut self, state: &State, place: usize) -> Result<(), Finding> {
        let ledger = &self.books.accounts[place];
        let status = state.accounts[place].status;
        let owes = ledger.balances.values().any(|held| held.amount < 0);
        if ledger.lots.is_empty() && ledger.orders.is_empty() && !owes {
            return self.told(state, place, Status::Healthy, || "it holds nothing that it can lose".to_owned());
        }
        let Some(seen) = self.seen(state, place, state.clock) else { return Ok(()) };
        let standing = seen.better;
        // A price that was valid at its tick may have grown old since; then no event is required.
        let old = state.feeds.values().any(|feed| feed.feed.last().is_some_and(|quote| quote.at < state.clock));
        if seen.flawed {
            let stood = self.stood.get(place).copied().unwrap_or(Status::Healthy);
            ensure(
                status >= stood.min(Status::Restricted) || seen.may_be_below() || status > Status::Liquidation,
                "I-35",
                || format!("account {place} became {status} on prices that are not valid: {seen:?}"),
            )?;
            let told = status <= Status::Liquidation || !seen.is_below() || old;
            return ensure(told, "I-36", || format!("account {place} is told to be {status}: {seen:?}"));
        }
        if old {
            return Ok(());
        }
        self.count("statuses");
        let rules = self.method(&state.method.text);
        let warn = rules.map_or(1.0, |place| self.methods[place].1.rules.margin.warn.to_f64());
        let Standing { equity, initial, maintenance, tolerance, .. } = standing;
        // Whoever holds the initial margin is not warned.
        let limits = [
            (0.0, Status::Bankrupt),
            (maintenance, Status::Liquidation),
            ((maintenance * warn).min(initial), Status::Warning),
            (initial, Status::Restricted),
        ];
        if limits.iter().any(|(limit, _)| (equity - limit).abs() <= tolerance) {
            return Ok(());
        }
        let expected = limits.iter().find(|(limit, _)| equity < *limit).map_or(Status::Healthy, |(_, status)| *status);
        self.told(state, place, expected, || format!("{standing:?}"))
    }

    /// Whether an account was told its status: at once when the status is worse or was below maintenance, within some
    /// turns when prices have improved it (I-36, I-43).
    fn told(&mut self, state: &State, place: usize, expected: Status, why: impl Fn() -> String) -> Result<(), Finding> {
        let status = state.accounts[place].status;
        if status == expected {
            self.healed.remove(&place);
            return Ok(());
        }
        let shown = || format!("account {place} is {status}, it should be {expected}: {}", why());
        ensure(status < expected, "I-36", shown)?;
        ensure(status > Status::Liquidation, "I-43", shown)?;
        let since = *self.healed.entry(place).or_insert(state.version);
        ensure(state.version - since <= TOLD_WITHIN, "I-43", shown)
    }

    /// Whether every price is valid that the risk of an account depends on: its positions, orders and debts.
    fn risk_trusted(&self, state: &State, place: usize) -> bool {
        let ledger = &self.books.accounts[place];
        let mut owed = ledger.balances.iter().filter(|(_, held)| held.amount < 0).map(|((asset, _), _)| *asset);
        let orders = ledger.orders.values().map(|order| order.instrument.0);
        let mut instruments = ledger.lots.keys().copied().chain(orders);
        owed.all(|asset| asset_feeds(state, asset).all(|feed| trusted_feed(state, feed)))
            && instruments.all(|instrument| instrument_trusted(state, instrument))
    }
}

/// The account as the books have it. With `without_unpriced`, the parts without a known price are left out.
fn view(state: &State, books: &Books, place: usize, without_unpriced: bool) -> Option<Account> {
    let ledger = &books.accounts[place];
    let mut view = Account { name: place.to_string(), ..Account::default() };
    for ((asset, location), held) in &ledger.balances {
        if without_unpriced && held.amount > 0 && !asset_feeds(state, *asset).all(|feed| trusted_feed(state, feed)) {
            continue;
        }
        let location = location.map(|at| state.locations[usize::from(at)].clone());
        view.balances.push(Balance { asset: AssetId(*asset), amount: Quantity::from_raw(held.amount), location });
    }
    for (instrument, held) in &ledger.lots {
        let terms = &state.contracts[*instrument].terms;
        let quantity = Quantity::from_raw(terms.lot.raw() * i128::from(held.lots));
        let units = Quantity::from_raw(terms.unit().raw() * i128::from(held.lots)).to_f64();
        let cost = Quantity::from_raw(held.cost).to_f64();
        let entry = match (terms.is_option(), terms.payoff) {
            (true, _) => 0.0,
            (false, Payoff::Linear) => cost / units,
            (false, Payoff::Inverse) => -units / cost,
        };
        let entry = QuotePrice::from_f64(entry, Round::Down).ok()?;
        view.positions.push(Position { instrument: InstrumentId(*instrument), quantity, entry });
    }
    // A reduce-only order is judged when it fills, not while it rests.
    for order in ledger.orders.values().filter(|order| !order.reduce_only) {
        let lot = state.contracts[order.instrument.0].terms.lot;
        let quantity = Quantity::from_raw(lot.raw() * i128::from(order.lots));
        let limit = QuotePrice::new(order.limit);
        view.orders.push(Order { instrument: order.instrument, side: order.side, quantity, limit });
    }
    let priced = |id: InstrumentId| {
        let listing = state.market.listing(id);
        let option = listing.is_option() && state.market.iv(id).is_none();
        let underlying = &state.market.underlyings[listing.underlying.0];
        !option && (underlying.scale.is_some() || state.market.index(listing.underlying).usd().raw() > 0)
    };
    let held = view.positions.iter().map(|held| held.instrument);
    held.chain(view.orders.iter().map(|order| order.instrument)).all(priced).then_some(view)
}

#[derive(Clone, Copy, Debug)]
struct Question {
    account: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Risk { instrument: usize, lots: i64, price: Option<i128>, reduces: bool },
    Leaves { asset: usize },
    Liquidated,
}

fn trusted_feed(state: &State, feed: FeedId) -> bool {
    if feed == FeedId::Surface {
        let age = state.clock.micros().saturating_sub(state.surface.published.micros());
        return state.surface.version > 0 && age <= state.policy.surface_age;
    }
    state.quote(feed).is_some_and(|quote| quote.cause == Cause::Agreed)
}

/// The feeds that the price of an asset is computed from.
fn asset_feeds(state: &State, asset: usize) -> impl Iterator<Item = FeedId> {
    let own = FeedId::Asset(AssetId(asset));
    let index = state.market.assets[asset].follows.map(FeedId::Index);
    let has_own = asset != 0 && (index.is_none() || state.feeds.contains_key(&own));
    index.into_iter().chain(has_own.then_some(own))
}

/// Whether any asset or contract that is not settled depends on a feed.
fn prices_something(state: &State, feed: FeedId) -> bool {
    let FeedId::Forward(underlying, expiry) = feed else { return true };
    state.contracts.iter().any(|contract| {
        let terms = &contract.terms;
        contract.mode != Mode::Settled && terms.underlying == underlying && terms.expiry() == Some(expiry)
    })
}

fn instrument_trusted(state: &State, instrument: usize) -> bool {
    instrument_feeds(state, instrument).into_iter().all(|feed| trusted_feed(state, feed))
}

/// The feeds that the mark of an instrument is computed from.
fn instrument_feeds(state: &State, instrument: usize) -> Vec<FeedId> {
    let terms = &state.contracts[instrument].terms;
    let own = match terms.expiry() {
        Some(expiry) => FeedId::Forward(terms.underlying, expiry),
        None => FeedId::Premium(InstrumentId(instrument)),
    };
    let mut feeds = vec![FeedId::Index(terms.underlying)];
    feeds.extend(state.feeds.contains_key(&own).then_some(own));
    feeds.extend(terms.is_option().then_some(FeedId::Surface));
    feeds.extend(asset_feeds(state, terms.quote.0).chain(asset_feeds(state, terms.settle.0)));
    feeds
}

/// The gain of a trade at `price` against the mark, in USD.
fn flattered(state: &State, instrument: usize, lots: i64, price: i128) -> f64 {
    let terms = &state.contracts[instrument].terms;
    if terms.kind == InstrumentKind::Spot {
        return 0.0;
    }
    let listing = &state.market.instruments[instrument];
    let (mark, price) = (state.market.mark(listing.id).in_quote().to_f64(), Price::from_raw(price).to_f64());
    if mark <= 0.0 {
        return 0.0;
    }
    let units = Quantity::from_raw(terms.unit().raw() * i128::from(lots)).to_f64();
    let inverse = terms.payoff == Payoff::Inverse && !terms.is_option();
    let gain = if inverse { units * (1.0 / price - 1.0 / mark) } else { units * (mark - price) };
    gain.max(0.0) * state.market.price(terms.cash()).usd().to_f64()
}
