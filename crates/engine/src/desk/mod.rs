//! What can be recomputed from the state: revalued markets and who is watched. Fast, and never different.
//!
//! A desk has two sides. The *fast* side is the market as it is marked; maintenance is judged there. On the *slow* side
//! every price is its feed's slow average; new risk must hold initial margin on both, so that a price pushed for a minute
//! buys nothing (I-18, I-20, S-10).

mod certificates;
mod gauge;
mod hot;
mod index;
mod open;

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use margin::method::universal::{self, Margins, Prepared, Scratch, rules::Rules};
use margin::params::Params;
use margin::scenario::ScenarioSet;
use margin::{Assessment, Refusal, valuation};
use marks::Validity;
use model::{InstrumentId, Invalid, Market, UnderlyingId};
use pricing::kernel::Isa;
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

pub use certificates::Metrics;
use hot::Bills;
pub use hot::Spent;

use crate::decide::prices;
use crate::layers::l4;
use crate::state::{AccountState, Holder, State};
use crate::{AccountId, Event, FeedId, Status};
use certificates::{Certificates, Ground};
use index::{Index, Mask};
use open::OpenInterest;

/// What stands for an amount that does not fit: more than any limit.
const LARGEST_MONEY: Money = Money::from_raw(i128::MAX);

/// How an account stands in one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it is worth.
    pub equity: Money,
    /// What it must hold to take risk.
    pub initial_margin: Money,
    /// What it must hold.
    pub maintenance_margin: Money,
    /// Expected cost to close everything: liquidity, funding and fees, which are part of both margins.
    pub closing: Money,
    /// How it stands (REQ-5).
    pub status: Status,
}

/// What can be recomputed from the state.
#[derive(Debug)]
pub struct Desk {
    isa: Isa,
    rules: Params<Rules>,
    previous: Option<Params<Rules>>,
    lots: Vec<Quantity>,
    fast: OnceLock<Result<Side, Refusal>>,
    slow: OnceLock<Result<Side, Refusal>>,
    /// Cells in which both sides lie.
    both: OnceLock<Vec<u32>>,
    /// Until when every feed can be trusted.
    trusted: OnceLock<Option<Timestamp>>,
    index: Index,
    certificates: Certificates,
    /// Accounts that can lose and hold no certificate.
    bare: BTreeSet<AccountId>,
    /// What is open in USD at the indices.
    open: OnceLock<OpenInterest>,
    /// Feeds that could not be trusted when they were last quoted.
    doubted: BTreeSet<FeedId>,
    /// What has moved since then.
    moved: Mask,
    /// Parameters have changed: everyone must be looked at.
    everyone: bool,
    scratch: Mutex<Scratch>,
}

/// A market revalued under every scenario, by the parameters in force and, during a ramp, by those before.
#[derive(Debug)]
struct Side {
    market: Market,
    prepared: Prepared,
    previous: Option<Prepared>,
}

impl Desk {
    /// The desk of a state. Refuses parameters that cannot be read.
    pub fn new(state: &State) -> Result<Self, Invalid> {
        let all = (0..state.accounts.len()).map(|place| AccountId(u32::try_from(place).expect("ids are u32")));
        Ok(Self {
            isa: Isa::detect(),
            rules: universal::parse(&state.method.text)?,
            previous: Self::replaced(state)?,
            lots: state.contracts.iter().map(|contract| contract.terms.lot).collect(),
            fast: OnceLock::new(),
            slow: OnceLock::new(),
            both: OnceLock::new(),
            trusted: OnceLock::new(),
            index: Index::new(state),
            certificates: Certificates::default(),
            bare: all.collect(),
            open: OnceLock::new(),
            doubted: state.feeds.keys().copied().collect(),
            moved: Mask::default(),
            everyone: true,
            scratch: Mutex::default(),
        })
    }

    /// The parameters that are being replaced, while the ramp lasts.
    fn replaced(state: &State) -> Result<Option<Params<Rules>>, Invalid> {
        let previous = state.method.previous.as_ref().filter(|_| state.method.progress(state.clock) < Ratio::ONE);
        previous.map(|(text, ..)| universal::parse(text)).transpose()
    }

    /// The accounts of the owner of an account, itself included.
    pub fn linked(&self, id: AccountId) -> &[AccountId] {
        self.index.linked(id)
    }

    /// Accounts in liquidation that may trade an instrument that way now, the oldest case first.
    pub fn offers(&self, instrument: InstrumentId, buys: bool) -> impl Iterator<Item = AccountId> {
        self.index.offers(instrument, buys)
    }

    /// Whether an account has that name.
    pub fn is_named(&self, name: &str) -> bool {
        self.index.is_named(name)
    }

    /// Accounts that stand otherwise than healthy.
    pub fn unwell(&self) -> &BTreeSet<AccountId> {
        self.index.unwell()
    }

    /// What certificates have saved so far.
    pub fn metrics(&self) -> Metrics {
        self.certificates.metrics()
    }

    /// BLAKE3 of the parameter file in force.
    pub fn parameters(&self) -> &str {
        &self.rules.hash
    }

    /// The parameters in force.
    pub fn rules(&self) -> &Rules {
        &self.rules.rules
    }

    /// Follows what was applied to the state.
    pub fn follow(&mut self, state: &State, events: &[Event]) -> Result<(), Invalid> {
        let cells = self.certificates.generation();
        let mut bills = if self.previous.is_none() { self.certificates.bills() } else { Bills::default() };
        let mut touched = Vec::new();
        for event in events {
            match event {
                Event::Clock { .. } => {
                    self.bare.extend(self.certificates.passed(state.clock));
                    if self.previous.is_some() && Self::replaced(state)?.is_none() {
                        self.previous = None;
                        self.forget();
                    }
                }
                Event::Marked(marked) => {
                    for (underlying, _) in &marked.indices {
                        self.moved.add(*underlying);
                    }
                    for (underlying, ..) in &marked.forwards {
                        self.moved.add(*underlying);
                    }
                    for (asset, _) in &marked.assets {
                        self.moved.add_asset(state, *asset);
                    }
                    for (id, _) in &marked.vols {
                        self.moved.add(state.market.listing(*id).underlying);
                    }
                    for (id, _) in &marked.marks {
                        self.moved.add(state.market.listing(*id).underlying);
                    }
                    self.forget();
                    self.index.forget_offers();
                    self.bare.extend(self.certificates.moved(&state.market));
                }
                Event::Funded { instrument, .. } => {
                    self.moved.add(state.market.listing(*instrument).underlying);
                    self.forget();
                    self.bare.extend(self.certificates.moved(&state.market));
                }
                Event::Reported { .. } | Event::Surfaced { .. } => self.trusted = OnceLock::new(),
                Event::UnderlyingListed(_)
                | Event::AssetListed(_)
                | Event::InstrumentListed(_)
                | Event::Expired { .. } => self.relist(state),
                Event::Activated { .. } => {
                    (self.rules, self.previous) = (universal::parse(&state.method.text)?, Self::replaced(state)?);
                    self.everyone = true;
                    self.relist(state);
                }
                Event::Opened { .. } => {
                    let last = state.accounts.len() - 1;
                    self.index.opened(state, AccountId(u32::try_from(last).expect("ids are u32")));
                }
                Event::Moved { from, to, asset, .. } => {
                    for holder in [from, to] {
                        if let Holder::Account(id, location) = holder
                            && !bills.expect_balance(*id, *location, *asset)
                        {
                            touched.push(*id);
                            self.index.follow_asset(state, *id, *asset);
                        }
                    }
                }
                Event::Positioned { account, position } => {
                    let expected = bills.expect_position(*account, position.instrument);
                    if !expected {
                        touched.push(*account);
                        self.index.follow_instrument(state, *account, position.instrument);
                    }
                }
                Event::Ordered { account, order } => {
                    touched.push(*account);
                    self.index.follow_instrument(state, *account, order.instrument);
                }
                Event::OrderClosed { account, .. } => {
                    touched.push(*account);
                }
                Event::Judged { account, .. } => {
                    touched.push(*account);
                    self.index.judged(state, *account);
                }
                Event::Offered { account, .. } | Event::Auctioned { account } => self.index.offered(state, *account),
                Event::Quoted { feed, quote } => {
                    // What becomes trusted, or stops being so, concerns everyone it can matter to, though no price moves.
                    let doubtful = quote.validity() != Validity::Valid;
                    let was = if doubtful { !self.doubted.insert(*feed) } else { self.doubted.remove(feed) };
                    if was != doubtful {
                        self.moved.add_feed(state, *feed);
                    }
                }
                Event::Watched { .. } => self.watched(state),
                Event::Matched { instrument, open, .. } | Event::Transferred { instrument, open, .. } => {
                    if let Some(interest) = self.open.get_mut() {
                        interest.set(*instrument, *open);
                    }
                }
                _ => {}
            }
        }
        // Who has traded out of a reserve, and nothing else, needs no other look.
        for bill in bills.seen() {
            self.index.follow_asset(state, bill.id, bill.asset);
            self.index.follow_instrument(state, bill.id, bill.position.instrument);
            if touched.contains(&bill.id) || !self.certificates.pay(state, bill) {
                touched.push(bill.id);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        self.certify(state, &touched);
        self.certificates.forget_proofs();
        if self.certificates.generation() != cells {
            self.both = OnceLock::new();
        }
        Ok(())
    }

    /// Listings or parameters have changed: nothing that was prepared holds.
    fn relist(&mut self, state: &State) {
        self.lots = state.contracts.iter().map(|contract| contract.terms.lot).collect();
        self.forget();
        self.certificates.void();
        self.bare.extend((0..state.accounts.len()).map(|place| AccountId(u32::try_from(place).expect("ids are u32"))));
    }

    fn forget(&mut self) {
        self.fast = OnceLock::new();
        self.slow = OnceLock::new();
        self.both = OnceLock::new();
        self.trusted = OnceLock::new();
        self.open = OnceLock::new();
    }

    /// Everyone has been judged.
    fn watched(&mut self, state: &State) {
        self.certificates.watched();
        self.moved = Mask::default();
        self.everyone = self.previous.is_some();
        if self.everyone {
            return;
        }
        let mut due: Vec<AccountId> = std::mem::take(&mut self.bare).into_iter().collect();
        if let Ok(side) = self.fast(state) {
            let prepared = side.prepared.clone();
            let ground = Ground { prepared: &prepared, rules: &self.rules.rules, lots: &self.lots, isa: self.isa };
            self.certificates.renew(state, &ground);
        }
        due.extend(self.certificates.movers());
        due.sort_unstable();
        due.dedup();
        self.certify(state, &due);
    }

    /// Works out the certificates of accounts anew. Who can lose and gets none is bare.
    fn certify(&mut self, state: &State, accounts: &[AccountId]) {
        if accounts.is_empty() {
            return;
        }
        let prepared = if self.previous.is_some() { None } else { self.fast(state).as_ref().ok() };
        let prepared = prepared.map(|side| side.prepared.clone());
        for id in accounts.iter().copied() {
            let account = &state.accounts[id.place()];
            // Who has nothing to lose is healthy whatever happens.
            let safe = !account.is_exposed() && account.status == Status::Healthy;
            if prepared.is_some() && self.certificates.proven(state, id) {
                self.bare.remove(&id);
                continue;
            }
            self.certificates.revoke(id);
            let certified = !safe
                && prepared.as_ref().is_some_and(|prepared| {
                    let ground = Ground { prepared, rules: &self.rules.rules, lots: &self.lots, isa: self.isa };
                    let view = account.view(&state.contracts, &state.locations);
                    view.is_ok_and(|view| self.certificates.certify(state, &ground, id, &view))
                });
            if safe || certified {
                self.bare.remove(&id);
            } else {
                self.bare.insert(id);
            }
        }
    }

    /// Accounts whose standing may have changed since all were last judged, in order of their numbers: those that commands
    /// have touched or that something has moved for, without a certificate that they stand as they did; and those whose turn
    /// it is to be told that they stand better.
    pub fn concerned(&self, state: &State) -> Vec<AccountId> {
        if self.everyone {
            let all = 0..state.accounts.len();
            return all.map(|place| AccountId(u32::try_from(place).expect("ids are u32"))).collect();
        }
        let bare = self.bare.iter().filter(|id| state.touched.contains(**id) || self.index.concerns(&self.moved, **id));
        let turn = self.index.unwell().iter().filter(|id| l4::may_recover(state, **id));
        let accounts: BTreeSet<AccountId> = bare.chain(turn).copied().collect();
        accounts.into_iter().collect()
    }

    /// What is open over all instruments of an underlying, in USD, rounded up lot by lot; with another number of lots in one of
    /// them.
    pub fn open_usd(
        &self,
        state: &State,
        underlying: UnderlyingId,
        other: Option<(InstrumentId, i64)>,
    ) -> Result<Money, Overflow> {
        self.open.get_or_init(|| OpenInterest::new(state)).usd(underlying, other)
    }

    /// Whether every feed there is can be trusted now: then nobody has to ask for their own.
    pub fn trusts_all(&self, state: &State, now: Timestamp) -> bool {
        self.trusted.get_or_init(|| l4::all_valid_until(state)).is_some_and(|until| now <= until)
    }

    /// Whether an account would hold its initial margin on both sides, with `less` USD taken off its equity: a proof by
    /// certificate, or no answer.
    pub fn certifies(&self, state: &State, id: AccountId, after: &AccountState, less: Money) -> bool {
        let both = self.both(state);
        !both.is_empty() && self.certificates.certifies(state, id, after, both, less.to_f64())
    }

    /// The same after a trade, by what the account has in reserve: asked first, for it costs next to nothing.
    pub fn spends(&self, state: &State, id: AccountId, spent: &Spent, less: Money) -> bool {
        self.certificates.spends(state, id, spent, self.both(state), less.to_f64())
    }

    /// The cells in which both sides lie; none while parameters are being replaced.
    fn both(&self, state: &State) -> &[u32] {
        if self.previous.is_some() {
            return &[];
        }
        let holding = || prices::slow(state).map(|slow| self.certificates.holding(&slow)).unwrap_or_default();
        self.both.get_or_init(holding)
    }

    /// Whose liquidation is due: who is below maintenance or has a case, the largest deficit first, then the oldest case, then the
    /// smallest number. Who cannot be judged now comes last.
    pub fn queue(&self, state: &State) -> Vec<AccountId> {
        let cases = &state.liquidations.cases;
        let below = self.unwell().iter().filter(|id| state.accounts[id.place()].status <= Status::Liquidation);
        let due: BTreeSet<AccountId> = below.chain(cases.keys()).copied().collect();
        let mut queue: Vec<_> = due
            .into_iter()
            .map(|id| {
                let judged = self.judge(state, &state.accounts[id.place()]);
                let excess = judged.ok().and_then(|judged| judged.equity.minus(judged.maintenance_margin).ok());
                (excess.unwrap_or(LARGEST_MONEY), cases.get(&id).map_or(u64::MAX, |case| case.epoch), id)
            })
            .collect();
        queue.sort_unstable();
        queue.into_iter().map(|(.., id)| id).collect()
    }

    /// Who is healthy wherever every index goes by up to `reach` of itself, as far as certificates tell.
    pub fn far(&self, state: &State, reach: f64) -> impl Fn(AccountId) -> bool {
        self.certificates.far(&state.market, reach)
    }

    /// Length of the settlement average, in seconds.
    pub fn settlement_window(&self) -> f64 {
        self.rules.rules.settlement.window_seconds
    }

    /// Whether prices or commands have moved someone whose standing has not been judged since.
    pub fn is_owed(&self, state: &State) -> bool {
        state.watched != state.version || !state.touched.is_empty()
    }

    /// How `account` stands in the market as it is marked.
    pub fn judge(&self, state: &State, account: &AccountState) -> Result<Judged, Refusal> {
        self.on(self.fast(state), state, account)
    }

    /// How `account` stands where every price is its slow average.
    pub fn judge_slow(&self, state: &State, account: &AccountState) -> Result<Judged, Refusal> {
        self.on(self.slow(state), state, account)
    }

    /// The whole assessment of `account` in the market as it is marked, by the parameters in force.
    pub fn assess(&self, state: &State, account: &AccountState) -> Result<Assessment, Refusal> {
        self.assessed(self.fast(state), state, account)
    }

    /// The whole assessment of `account` where every price is its slow average.
    pub fn assess_slow(&self, state: &State, account: &AccountState) -> Result<Assessment, Refusal> {
        self.assessed(self.slow(state), state, account)
    }

    fn assessed(
        &self,
        side: &Result<Side, Refusal>,
        state: &State,
        account: &AccountState,
    ) -> Result<Assessment, Refusal> {
        let side = side.as_ref().map_err(Clone::clone)?;
        let view = account.view(&state.contracts, &state.locations);
        let view = view.map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?;
        margin::assess(&view, &side.prepared.judge(&side.market, &self.rules.rules))
    }

    fn fast(&self, state: &State) -> &Result<Side, Refusal> {
        self.fast.get_or_init(|| side(state.market.clone(), &self.rules, self.previous.as_ref(), self.isa))
    }

    fn slow(&self, state: &State) -> &Result<Side, Refusal> {
        self.slow.get_or_init(|| side(prices::slow(state)?, &self.rules, self.previous.as_ref(), self.isa))
    }

    fn on(&self, side: &Result<Side, Refusal>, state: &State, account: &AccountState) -> Result<Judged, Refusal> {
        let side = side.as_ref().map_err(Clone::clone)?;
        let out_of_range = |overflow| Refusal::OutOfRange { account: account.name.clone(), overflow };
        let view = account.view(&state.contracts, &state.locations).map_err(out_of_range)?;
        let equity = valuation::equity(&view, &side.market).map_err(out_of_range)?;
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut margins = side.prepared.margins(&side.market, &self.rules.rules, &view, &mut scratch)?;
        if let (Some(prepared), Some(rules)) = (&side.previous, &self.previous) {
            let before = prepared.margins(&side.market, &rules.rules, &view, &mut scratch)?;
            let progress = state.method.progress(state.clock);
            let blend = |from: Money, to: Money| from.plus(to.minus(from)?.scaled(progress, Round::Up)?);
            let blended = || {
                Ok(Margins {
                    initial: blend(before.initial, margins.initial)?,
                    maintenance: blend(before.maintenance, margins.maintenance)?,
                    closing: blend(before.closing, margins.closing)?,
                })
            };
            margins = blended().map_err(out_of_range)?;
        }
        let Margins { initial: initial_margin, maintenance: maintenance_margin, closing } = margins;
        let status = margin::status(equity, initial_margin, maintenance_margin, self.warn()).map_err(out_of_range)?;
        Ok(Judged { equity, initial_margin, maintenance_margin, closing, status })
    }

    fn warn(&self) -> Ratio {
        self.rules.rules.margin.warn
    }
}

/// Revalues a market by the parameters in force and by those before them.
fn side(market: Market, rules: &Params<Rules>, previous: Option<&Params<Rules>>, isa: Isa) -> Result<Side, Refusal> {
    let prepare = |params: &Params<Rules>| Prepared::new(&market, &params.rules, &ScenarioSet::default(), isa);
    let (prepared, previous) = (prepare(rules)?, previous.map(prepare).transpose()?);
    Ok(Side { market, prepared, previous })
}
