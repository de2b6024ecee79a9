//! Certificates of accounts that need not be judged while the market stays in a cell.
//!
//! A cell bounds the equity of an account above its margins everywhere in a box of markets (`docs/cells.md`). Cells
//! come in rungs of different width, the widest first. An account is certified on the widest rung on which its status
//! is no worse anywhere in the cell; it is not certified when there is no such rung, or while parameters are being
//! replaced. A certificate tells which accounts to judge. It never decides: an account that is judged is assessed
//! exactly.
//!
//! A rung's cell is replaced before the market leaves it, and its accounts move to the new cell over several watches, so
//! that no tick has to judge every account.

use std::sync::{Mutex, PoisonError};

use margin::cell::{Cell, Reserve, Surplus};
use margin::method::universal::rules::Rules;
use margin::scenario::ScenarioSet;
use model::{Account, Market};
use pricing::kernel::Isa;
use units::{Quantity, Ratio, Timestamp};

use crate::desk::hot::{Bill, Bills, Hot, Spent};
use crate::desk::metrics::Metrics;
use crate::desk::rungs::{BESIDE, Live, RUNGS, moves};
use crate::state::{AccountState, State};
use crate::{AccountId, Judged, Status};

/// The rungs from here on are kept even when no account is certified in them: fills are checked in them.
const ASKED: usize = 1;

/// Rows are whole multiples of this many USD per lot: accounts up to 4.5 billion USD gross can be certified.
const TICK: f64 = 1e-6;

/// The certificates of all accounts.
#[derive(Debug, Default)]
pub struct Certificates {
    /// The cells in use, by rung, the oldest first.
    rungs: [Vec<Live>; RUNGS.len()],
    /// The certificate of each account, by the account's number.
    of: Vec<Certificate>,
    /// The number of the last cell.
    last: u32,
    generation: u64,
    /// The next account to look at in the move from an old cell to a new one.
    cursor: usize,
    hot: Mutex<Hot>,
    metrics: Metrics,
}

/// The certificate of an account.
#[derive(Clone, Copy, Debug)]
struct Certificate {
    /// The number of its cell; 0 means none.
    cell: u32,
    /// The rung of its cell, or of the last one that it had: there the search for the next begins.
    rung: u8,
    /// Whether the account has traded out of its reserve since it was last added up.
    spent: bool,
    /// The equity above its margins that the account has left.
    reserve: Reserve,
}

impl Certificate {
    const NONE: Self = Self { cell: 0, rung: 0, spent: false, reserve: Reserve::NONE };

    fn new((rung, cell): (usize, u32), surplus: &Surplus) -> Self {
        Self { cell, rung: numbered(rung), spent: false, reserve: Reserve::new(surplus) }
    }

    /// What is left of a certificate that is no longer in force: the rung on which to look for the next one.
    fn void(&mut self) {
        *self = Self { rung: self.rung, ..Self::NONE };
    }
}

impl Certificates {
    /// A number that changes whenever a cell is built or dropped.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The counters so far.
    pub fn metrics(&self) -> Metrics {
        let cell = self.rungs.iter().find_map(|rung| rung.last()).map(|live| &live.cell);
        Metrics { bounded: cell.map_or(0, Cell::rows), buckets: cell.map_or(0, Cell::buckets), ..self.metrics }
    }

    /// Counts that every account was judged.
    pub fn watched(&mut self) {
        self.metrics.watches += 1;
    }

    /// Voids every certificate: parameters or listings have changed.
    pub fn void(&mut self) {
        self.hot().clear();
        self.rungs = Default::default();
        self.generation += 1;
        self.of.iter_mut().for_each(Certificate::void);
        self.metrics.certified = 0;
    }

    /// Voids the certificate of one account: its holdings have changed.
    pub fn revoke(&mut self, id: AccountId) {
        let Some(known) = self.of.get_mut(id.place()).filter(|known| known.cell != 0) else { return };
        let live = self.rungs.iter_mut().flatten().find(|live| live.number == known.cell);
        live.expect("a certificate is of a cell that is in use").held -= 1;
        known.void();
        self.metrics.certified -= 1;
    }

    /// Drops the cells that the market has left, with their certificates. Returns the accounts that lost theirs.
    pub fn moved(&mut self, market: &Market) -> Vec<AccountId> {
        let lost = self.drop_cells(|cell| cell.contains(market));
        self.rungs.iter_mut().flatten().for_each(|live| live.follow(market));
        lost
    }

    /// Certifies an account on a rung on which its status is no worse than now. Returns whether there is one.
    ///
    /// The search begins on the rung of its last certificate, on the widest without one, and on the narrowest after a
    /// search that found none. It goes to wider rungs while they
    /// prove enough, else to narrower ones until one does.
    pub fn certify(&mut self, state: &State, ground: &Ground<'_>, id: AccountId, account: &Account) -> bool {
        self.revoke(id);
        if self.of.len() <= id.place() {
            self.of.resize(state.accounts.len(), Certificate::NONE);
        }
        let start = usize::from(self.of[id.place()].rung);
        let mut best = self.proof_on(start, (state, ground), id, account);
        if best.is_some() {
            for rung in (0..start).rev() {
                let Some(wider) = self.proof_on(rung, (state, ground), id, account) else { break };
                best = Some(wider);
            }
        } else {
            best = (start + 1..RUNGS.len()).find_map(|rung| self.proof_on(rung, (state, ground), id, account));
        }
        let Some(certificate) = best else {
            self.of[id.place()].rung = numbered(RUNGS.len() - 1);
            return false;
        };
        self.issue(state, id, certificate);
        true
    }

    /// The certificate of an account on a rung; none where it does not prove enough.
    fn proof_on(
        &mut self,
        rung: usize,
        (state, ground): (&State, &Ground<'_>),
        id: AccountId,
        account: &Account,
    ) -> Option<Certificate> {
        let place = self.newest(state, ground, rung)?;
        let live = &self.rungs[rung][place];
        let hot = self.hot.get_mut().unwrap_or_else(PoisonError::into_inner);
        let surplus = live.cell.surplus_of(account, hot.scratch());
        self.metrics.issued += 1;
        let status = state.accounts[id.place()].status;
        // A certificate by the largest possible loss has nothing in reserve for trades.
        let proven = stands(status, surplus) || stands(status, live.cell.bounded(surplus, account));
        proven.then(|| Certificate::new((rung, live.number), &surplus))
    }

    /// Certifies an account from the proof that was made when its fill was decided. Returns whether the proof was
    /// enough. Proofs for other accounts are dropped by [`Self::forget_proofs`].
    pub fn proven(&mut self, state: &State, id: AccountId) -> bool {
        let account = &state.accounts[id.place()];
        let Some(proof) = self.hot().proven(account, id) else { return false };
        let rungs = self.rungs.iter().enumerate();
        let mut lives = rungs.flat_map(|(rung, lives)| lives.iter().map(move |live| (rung, live)));
        let Some((rung, live)) = lives.find(|(_, live)| live.number == proof.cell) else { return false };
        self.hot.get_mut().unwrap_or_else(PoisonError::into_inner).make(&live.cell, &proof);
        if !stands(account.status, proof.surplus) {
            return false;
        }
        self.issue(state, id, Certificate::new((rung, proof.cell), &proof.surplus));
        true
    }

    fn issue(&mut self, state: &State, id: AccountId, certificate: Certificate) {
        if self.of.len() <= id.place() {
            self.of.resize(state.accounts.len(), Certificate::NONE);
        }
        self.revoke(id);
        let live = self.rungs.iter_mut().flatten().find(|live| live.number == certificate.cell);
        live.expect("a certificate is of a cell that is in use").held += 1;
        self.of[id.place()] = certificate;
        self.metrics.certified += 1;
    }

    /// Whether an account would still hold its initial margin everywhere in its cell after a trade, with `less` USD
    /// taken off its equity, as far as its reserve tells (CELL-11). The account must be healthy and certified in one of
    /// these cells.
    pub fn spends(&self, state: &State, id: AccountId, spent: &Spent, cells: &[u32], less: f64) -> bool {
        let Some(known) = self.of.get(id.place()).filter(|known| cells.contains(&known.cell)) else { return false };
        let Some(live) = self.live(known.cell) else { return false };
        let account = &state.accounts[id.place()];
        let Ok(balance) = account.balance(spent.asset, None).amount.plus(spent.gained) else { return false };
        if account.status != Status::Healthy || !account.orders.is_empty() {
            return false;
        }
        let Some(reserve) = live.cell.spend(&known.reserve, &spent.trade(balance)) else { return false };
        if reserve.surplus() < less {
            return false;
        }
        assert!(reserve.surplus() >= 0.0, "CELL-11: account {id} trades out of a reserve of {}", reserve.surplus());
        let bill = Bill { id, position: spent.position, asset: spent.asset, balance, cell: known.cell, reserve };
        self.hot.lock().unwrap_or_else(PoisonError::into_inner).owe(bill);
        true
    }

    /// Whether the certificate of an account promises no more than the account has in the present market: a bound is
    /// never above the exact figure.
    pub fn bounds(&self, id: AccountId, judged: &Judged, warn: Ratio) -> bool {
        let Some(known) = self.of.get(id.place()).filter(|known| known.cell != 0) else { return true };
        let certain = known.reserve.surplus();
        let (equity, maintenance) = (judged.equity.to_f64(), judged.maintenance_margin.to_f64());
        let exact = (equity - judged.initial_margin.to_f64()).min(equity - warn.to_f64() * maintenance);
        // A tolerance, because both sides are sums of doubles.
        certain <= exact + 1e-9 * (1.0 + equity.abs() + maintenance)
    }

    /// The amounts that the last trade that was checked would take out of reserves.
    pub fn bills(&mut self) -> Bills {
        self.hot().bills()
    }

    /// Takes a trade off the reserve of an account, if the account has become as the check assumed. Returns whether it has.
    pub fn pay(&mut self, state: &State, bill: &Bill) -> bool {
        let account = &state.accounts[bill.id.place()];
        let known = self.of.get_mut(bill.id.place()).filter(|known| known.cell == bill.cell);
        let Some(known) = known else { return false };
        let paid = account.position(bill.position.instrument) == bill.position
            && account.balance(bill.asset, None).amount == bill.balance;
        if paid {
            (known.reserve, known.spent) = (bill.reserve, true);
            self.metrics.spent += 1;
        }
        paid
    }

    fn live(&self, number: u32) -> Option<&Live> {
        self.rungs.iter().flatten().find(|live| live.number == number)
    }

    /// Forgets the trades that were checked and not made.
    pub fn forget_proofs(&mut self) {
        self.hot().forget_proofs();
    }

    fn hot(&mut self) -> &mut Hot {
        self.hot.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the newest cell of a rung. A cell is built around the present market when there is none, or when it
    /// is worn.
    fn newest(&mut self, state: &State, ground: &Ground<'_>, rung: usize) -> Option<usize> {
        let worn = self.rungs[rung].last().is_none_or(Live::is_worn);
        if worn && self.rungs[rung].len() < BESIDE {
            let none = ScenarioSet::default();
            let cell =
                Cell::new(&state.market, ground.rules, &none, ground.lots, TICK, RUNGS[rung], ground.isa).ok()?;
            self.last += 1;
            self.metrics.cells += 1;
            self.generation += 1;
            self.rungs[rung].push(Live::new(self.last, cell));
        }
        self.rungs[rung].len().checked_sub(1)
    }

    /// The next accounts whose cell has a newer one beside it: they must be certified again. Each old cell has a share of
    /// its own, so that a crowded one does not hold up one that will be left soon.
    pub fn movers(&mut self) -> Vec<AccountId> {
        let old = self.rungs.iter().filter_map(|rung| rung.split_last()).flat_map(|(_, old)| old);
        let mut shares: Vec<(u32, usize)> = old.map(|live| (live.number, live.leaving().min(live.held))).collect();
        let mut missing: usize = shares.iter().map(|(_, share)| share).sum();
        let mut movers = Vec::with_capacity(missing);
        for _ in 0..self.of.len() {
            if missing == 0 {
                break;
            }
            let cell = self.of[self.cursor].cell;
            if let Some((_, share)) = shares.iter_mut().find(|(number, share)| *number == cell && *share > 0) {
                movers.push(AccountId(u32::try_from(self.cursor).expect("ids are u32")));
                (*share, missing) = (*share - 1, missing - 1);
            }
            self.cursor = (self.cursor + 1) % self.of.len();
        }
        movers
    }

    /// Drops the old cells in which nobody is left.
    fn retire(&mut self) {
        for rung in &mut self.rungs {
            let newest = rung.last().map(|live| live.number);
            let before = rung.len();
            rung.retain(|live| live.held > 0 || Some(live.number) == newest);
            self.generation += u64::from(rung.len() < before);
        }
    }

    /// Builds new cells beside those that are worn, so that their accounts can move before the market leaves; and the
    /// cells in which fills are checked.
    pub fn renew(&mut self, state: &State, ground: &Ground<'_>) {
        self.retire();
        for rung in 0..RUNGS.len() {
            if !self.rungs[rung].is_empty() || rung >= ASKED {
                self.newest(state, ground, rung);
            }
        }
    }

    /// Whether an account is certified in a cell that reaches this far beyond `market` in every index, both ways.
    pub fn far(&self, market: &Market, reach: f64) -> impl Fn(AccountId) -> bool {
        let reaches = |live: &&Live| {
            let width = live.cell.width().index;
            moves(live.cell.market(), market)
                .flatten()
                .all(|moved| moved * (1.0 + reach) <= 1.0 + width && moved * (1.0 - reach) >= 1.0 - width)
        };
        let cells: Vec<u32> = self.rungs.iter().flatten().filter(reaches).map(|live| live.number).collect();
        move |id| self.of.get(id.place()).is_some_and(|known| cells.contains(&known.cell))
    }

    /// The numbers of the cells that contain a market.
    pub fn holding(&self, market: &Market) -> Vec<u32> {
        let live = self.rungs.iter().flatten();
        live.filter(|live| live.cell.contains(market)).map(|live| live.number).collect()
    }

    /// Whether an account would hold its initial margin as `after`, with `less` USD taken off its equity, everywhere in
    /// one of the cells of these numbers. The narrowest cell is tried, because its bound is the tightest.
    pub fn certifies(&self, state: &State, id: AccountId, after: &AccountState, cells: &[u32], less: f64) -> bool {
        let mut live = self.rungs.iter().rev().flatten().filter(|live| cells.contains(&live.number));
        live.next().is_some_and(|live| {
            let mut hot = self.hot.lock().unwrap_or_else(PoisonError::into_inner);
            let stale = self.of.get(id.place()).is_some_and(|known| known.spent);
            hot.ask(state, live.number, &live.cell, id, stale, after).is_some_and(|surplus| surplus.initial >= less)
        })
    }

    /// Drops the cells whose time is over, with their certificates. Returns the accounts that lost theirs.
    pub fn passed(&mut self, now: Timestamp) -> Vec<AccountId> {
        self.drop_cells(|cell| now <= cell.end())
    }

    /// Drops the cells for which `keeps` is false, with their certificates.
    fn drop_cells(&mut self, keeps: impl Fn(&Cell) -> bool) -> Vec<AccountId> {
        if self.rungs.iter().flatten().all(|live| keeps(&live.cell)) {
            return Vec::new();
        }
        let mut left = Vec::new();
        for rung in &mut self.rungs {
            rung.retain(|live| {
                let kept = keeps(&live.cell);
                if !kept {
                    left.push(live.number);
                }
                kept
            });
        }
        let mut lost = Vec::new();
        self.generation += 1;
        self.hot().clear();
        for (place, known) in self.of.iter_mut().enumerate().filter(|(_, known)| left.contains(&known.cell)) {
            known.void();
            lost.push(AccountId(u32::try_from(place).expect("ids are u32")));
        }
        assert!(lost.len() <= self.metrics.certified, "no more certificates are lost than there are");
        self.metrics.certified -= lost.len();
        lost
    }
}

/// The number of a rung, in as little memory as the certificates of a million accounts ask for.
fn numbered(rung: usize) -> u8 {
    u8::try_from(rung).expect("there are four rungs")
}

/// Whether an account with this status would keep it or get a better one.
fn stands(status: Status, surplus: Surplus) -> bool {
    let least = match status {
        Status::Healthy => surplus.initial,
        // Whoever holds the initial margin is healthy, warned or not.
        Status::Restricted => surplus.warning.max(surplus.initial),
        Status::Warning => surplus.maintenance,
        Status::Liquidation | Status::Bankrupt => f64::NEG_INFINITY,
    };
    least >= 0.0
}

/// The data that cells are built from.
pub struct Ground<'a> {
    /// The parameters in force.
    pub rules: &'a Rules,
    /// Contracts per lot, by instrument.
    pub lots: &'a [Quantity],
    /// The instructions of the processor that prices are computed with.
    pub isa: Isa,
}
