//! Certificates of accounts that need not be judged while the market stays in a cell.
//!
//! A cell bounds the equity of an account above its margins everywhere in a box of markets (`docs/cells.md`). Cells
//! come in rungs of different width, the widest first. An account is certified on the widest rung on which its status
//! is no worse anywhere in the cell; it is not certified when there is no such rung, or while parameters are being
//! replaced. A certificate tells which accounts to judge. It never decides: an account that is judged is assessed
//! exactly.
//!
//! A rung's cell is replaced before the market leaves it, and its accounts move to the new cell a few thousand at a
//! time, so that no tick has to judge every account.

use std::sync::{Mutex, PoisonError};

use margin::cell::{Cell, Reserve, Surplus, Width};
use margin::method::universal::{Prepared, rules::Rules};
use model::{Account, Market};
use pricing::kernel::Isa;
use units::{Quantity, Ratio, Timestamp};

use crate::desk::hot::{Bill, Bills, Hot, Spent};
use crate::state::{AccountState, State};
use crate::{AccountId, Judged, Status};

/// The width of the cells of each rung. The market leaves wider cells more rarely, and they certify fewer accounts. The
/// engine marks options at their model, so their marks have almost no room.
const RUNGS: [Width; 4] = [
    Width { index: 0.04, basis: 0.002, vol: 0.02, mark: 1e-6, peg: 0.002, seconds: 3600 },
    Width { index: 0.01, basis: 0.0005, vol: 0.0105, mark: 1e-6, peg: 0.0005, seconds: 3600 },
    Width { index: 0.0025, basis: 0.0002, vol: 0.0055, mark: 1e-6, peg: 0.0002, seconds: 1800 },
    Width { index: 0.0005, basis: 0.00002, vol: 0.0025, mark: 1e-6, peg: 0.00002, seconds: 300 },
];

/// The rungs from here on are kept even when no account is certified in them: fills are checked in them.
const ASKED: usize = 1;

/// Rows are whole multiples of this many USD per lot: accounts up to 4.5 billion USD gross can be certified.
const TICK: f64 = 1e-6;

/// A cell is replaced when the market has used up this part of it.
const WORN: f64 = 0.5;

/// The most accounts that move to a new cell in one watch.
const MOVES: usize = 5_000;

/// Counters of the work that certificates have done and saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Accounts that hold a certificate in force.
    pub certified: usize,
    /// Certificates that were computed.
    pub issued: u64,
    /// Cells that were built.
    pub cells: u64,
    /// Times that every account was judged.
    pub watches: u64,
    /// Sides of trades that were taken off a reserve, without adding the account up.
    pub spent: u64,
    /// Instruments in the market that was last revalued as it is marked.
    pub revalued: usize,
    /// Instruments in the newest cell of the widest rung that has one.
    pub bounded: usize,
    /// Groups of positions that are charged together in that cell.
    pub buckets: usize,
}

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

#[derive(Debug)]
struct Live {
    number: u32,
    cell: Cell,
}

/// The certificate of an account.
#[derive(Clone, Copy, Debug)]
struct Certificate {
    /// The number of its cell; 0 means none.
    cell: u32,
    /// Whether the account has traded out of its reserve since it was last added up.
    spent: bool,
    /// The equity above its margins that the account has left.
    reserve: Reserve,
}

impl Certificate {
    const NONE: Self = Self { cell: 0, spent: false, reserve: Reserve::NONE };

    fn new(cell: u32, surplus: &Surplus) -> Self {
        Self { cell, spent: false, reserve: Reserve::new(surplus) }
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
        self.of.fill(Certificate::NONE);
        self.metrics.certified = 0;
    }

    /// Voids the certificate of one account: its holdings have changed.
    pub fn revoke(&mut self, id: AccountId) {
        if let Some(known) = self.of.get_mut(id.place()).filter(|known| known.cell != 0) {
            *known = Certificate::NONE;
            self.metrics.certified -= 1;
        }
    }

    /// Drops the cells that the market has left, with their certificates. Returns the accounts that lost theirs.
    pub fn moved(&mut self, market: &Market) -> Vec<AccountId> {
        self.drop_cells(|cell| cell.contains(market))
    }

    /// Certifies an account on the widest rung on which its status is no worse than now. Returns whether there is one.
    pub fn certify(&mut self, state: &State, ground: &Ground<'_>, id: AccountId, account: &Account) -> bool {
        self.revoke(id);
        for rung in 0..RUNGS.len() {
            let Some(live) = self.newest(state, ground, rung) else { continue };
            let hot = self.hot.get_mut().unwrap_or_else(PoisonError::into_inner);
            let live = &self.rungs[rung][live];
            let surplus = live.cell.surplus_of(account, hot.scratch());
            self.metrics.issued += 1;
            if stands(state.accounts[id.place()].status, surplus) {
                let number = live.number;
                self.issue(state, id, Certificate::new(number, &surplus));
                return true;
            }
        }
        false
    }

    /// Certifies an account from the proof that was made when its fill was decided. Returns whether the proof was
    /// enough. Proofs for other accounts are dropped by [`Self::forget_proofs`].
    pub fn proven(&mut self, state: &State, id: AccountId) -> bool {
        let account = &state.accounts[id.place()];
        let Some(proof) = self.hot().proven(account, id) else { return false };
        let live = self.rungs.iter().flatten().find(|live| live.number == proof.cell);
        let Some(live) = live else { return false };
        self.hot.get_mut().unwrap_or_else(PoisonError::into_inner).make(&live.cell, &proof);
        if !stands(account.status, proof.surplus) {
            return false;
        }
        self.issue(state, id, Certificate::new(proof.cell, &proof.surplus));
        true
    }

    fn issue(&mut self, state: &State, id: AccountId, certificate: Certificate) {
        if self.of.len() <= id.place() {
            self.of.resize(state.accounts.len(), Certificate::NONE);
        }
        self.revoke(id);
        debug_assert!(self.live(certificate.cell).is_some(), "a certificate is of a cell that is in use");
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
        let worn = self.rungs[rung].last().is_none_or(|live| wear(&live.cell, RUNGS[rung], &state.market) > WORN);
        if worn && self.rungs[rung].len() < 2 {
            let set = &ground.prepared.array.set;
            let cell = Cell::new(&state.market, ground.rules, set, ground.lots, TICK, RUNGS[rung], ground.isa).ok()?;
            self.last += 1;
            self.metrics.cells += 1;
            self.generation += 1;
            self.rungs[rung].push(Live { number: self.last, cell });
        }
        self.rungs[rung].len().checked_sub(1)
    }

    /// The next few thousand accounts whose cell has a newer one beside it: they must be certified again. When a whole
    /// round finds none, the old cells are dropped.
    pub fn movers(&mut self) -> Vec<AccountId> {
        let old: Vec<u32> = self.rungs.iter().filter(|rung| rung.len() > 1).map(|rung| rung[0].number).collect();
        let mut movers = Vec::new();
        if old.is_empty() {
            return movers;
        }
        while self.cursor < self.of.len() && movers.len() < MOVES {
            if old.contains(&self.of[self.cursor].cell) {
                movers.push(AccountId(u32::try_from(self.cursor).expect("ids are u32")));
            }
            self.cursor += 1;
        }
        if self.cursor == self.of.len() {
            self.cursor = 0;
            if movers.is_empty() && !self.of.iter().any(|known| old.contains(&known.cell)) {
                self.rungs.iter_mut().for_each(|rung| rung.retain(|live| !old.contains(&live.number)));
                self.generation += 1;
            }
        }
        movers
    }

    /// Builds new cells beside those that are worn, so that their accounts can move before the market leaves; and the
    /// cells in which fills are checked.
    pub fn renew(&mut self, state: &State, ground: &Ground<'_>) {
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
            let pairs = live.cell.market().underlyings.iter().zip(&market.underlyings);
            pairs.filter(|(then, _)| then.scale.is_none()).all(|(then, now)| {
                let moved = now.index.usd().to_f64() / then.index.usd().to_f64();
                moved * (1.0 + reach) <= 1.0 + width && moved * (1.0 - reach) >= 1.0 - width
            })
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
            *known = Certificate::NONE;
            lost.push(AccountId(u32::try_from(place).expect("ids are u32")));
        }
        assert!(lost.len() <= self.metrics.certified, "no more certificates are lost than there are");
        self.metrics.certified -= lost.len();
        lost
    }
}

/// Whether an account with this status would keep it or get a better one.
fn stands(status: Status, surplus: Surplus) -> bool {
    let least = match status {
        Status::Healthy => surplus.initial.min(surplus.warning),
        Status::Restricted => surplus.warning,
        Status::Warning => surplus.maintenance,
        Status::Liquidation | Status::Bankrupt => f64::NEG_INFINITY,
    };
    least >= 0.0
}

/// The data that cells are built from.
pub struct Ground<'a> {
    /// The market revalued, with its scenarios.
    pub prepared: &'a Prepared,
    /// The parameters in force.
    pub rules: &'a Rules,
    /// Contracts per lot, by instrument.
    pub lots: &'a [Quantity],
    /// The instructions of the processor that prices are computed with.
    pub isa: Isa,
}

/// The part of a cell that is used up: of its width in any index, or of its time.
fn wear(cell: &Cell, width: Width, market: &Market) -> f64 {
    let anchor = cell.market();
    let pairs = anchor.underlyings.iter().zip(&market.underlyings).filter(|(then, _)| then.scale.is_none());
    let moved =
        pairs.map(|(then, now)| (now.index.usd().to_f64() / then.index.usd().to_f64() - 1.0).abs() / width.index);
    let passed = market.time.seconds_since(anchor.time) / f64::from(width.seconds);
    moved.fold(passed, f64::max)
}
