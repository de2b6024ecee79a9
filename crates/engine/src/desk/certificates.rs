//! Who need not be looked at: accounts that hold a certificate for a cell in which the market still is.
//!
//! A cell bounds what an account is worth above its margins everywhere in a box of markets (`docs/cells.md`). Cells come in
//! rungs of different width, the widest first; an account is certified on the widest rung where it stands no worse than it
//! does throughout, and not at all when there is none, or while parameters are being replaced. A certificate says whom to look at. It never
//! decides: who is looked at is assessed exactly.
//!
//! A rung's cell is replaced before the market leaves it, and its accounts move to the new one a few thousand at a time, so
//! that no tick has to look at everyone.

use std::sync::{Mutex, PoisonError};

use margin::cell::{Cell, Reserve, Surplus, Width};
use margin::method::universal::{Prepared, rules::Rules};
use model::{Account, Market};
use pricing::kernel::Isa;
use units::{Quantity, Ratio, Timestamp};

use crate::desk::hot::{Bill, Bills, Hot, Spent};
use crate::state::{AccountState, State};
use crate::{AccountId, Judged, Status};

/// How wide the cells of each rung are. Wider cells are left more rarely and certify fewer accounts.
/// The engine marks options at their model, so their marks have almost no room.
const RUNGS: [Width; 4] = [
    Width { index: 0.04, basis: 0.002, vol: 0.02, mark: 1e-6, peg: 0.002, seconds: 3600 },
    Width { index: 0.01, basis: 0.0005, vol: 0.0105, mark: 1e-6, peg: 0.0005, seconds: 3600 },
    Width { index: 0.0025, basis: 0.0002, vol: 0.0055, mark: 1e-6, peg: 0.0002, seconds: 1800 },
    Width { index: 0.0005, basis: 0.00002, vol: 0.0025, mark: 1e-6, peg: 0.00002, seconds: 300 },
];

/// The rungs from here on are kept even when nobody is certified in them: fills are asked about in them.
const ASKED: usize = 1;

/// Rows are whole multiples of this many USD a lot: accounts up to 4.5 billion USD gross can be certified.
const TICK: f64 = 1e-6;

/// A cell is replaced when the market has used up this part of it.
const WORN: f64 = 0.5;

/// Accounts that move to a new cell in one watch.
const MOVES: usize = 5_000;

/// What certificates have saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Accounts that hold a certificate in force.
    pub certified: usize,
    /// Certificates that were worked out.
    pub issued: u64,
    /// Cells that were built.
    pub cells: u64,
    /// Times everyone was judged.
    pub watches: u64,
    /// Sides of trades that were taken off a reserve, without adding an account up.
    pub spent: u64,
    /// Instruments in the market that was revalued last as it is marked.
    pub revalued: usize,
    /// Instruments in the newest cell of the widest rung that has one.
    pub bounded: usize,
    /// Groups of positions that are charged together in that cell.
    pub buckets: usize,
}

/// The certificates of all accounts.
#[derive(Debug, Default)]
pub struct Certificates {
    /// By rung: the cells in use, the oldest first.
    rungs: [Vec<Live>; RUNGS.len()],
    /// The certificate of each account, by the account's number.
    of: Vec<Certificate>,
    /// The number of the last cell.
    last: u32,
    generation: u64,
    /// Where the move from an old cell to a new one has come to.
    cursor: usize,
    hot: Mutex<Hot>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Live {
    number: u32,
    cell: Cell,
}

/// What is certified of an account.
#[derive(Clone, Copy, Debug)]
struct Certificate {
    /// The number of its cell; 0 is none.
    cell: u32,
    /// It has traded out of its reserve since it was last added up.
    spent: bool,
    /// What it has left above its margins.
    reserve: Reserve,
}

impl Certificate {
    const NONE: Self = Self { cell: 0, spent: false, reserve: Reserve::NONE };

    fn new(cell: u32, surplus: &Surplus) -> Self {
        Self { cell, spent: false, reserve: Reserve::new(surplus) }
    }
}

impl Certificates {
    /// Changes whenever a cell is built or dropped.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What they have saved so far.
    pub fn metrics(&self) -> Metrics {
        let cell = self.rungs.iter().find_map(|rung| rung.last()).map(|live| &live.cell);
        Metrics { bounded: cell.map_or(0, Cell::rows), buckets: cell.map_or(0, Cell::buckets), ..self.metrics }
    }

    /// Everyone was judged.
    pub fn watched(&mut self) {
        self.metrics.watches += 1;
    }

    /// Every certificate is void: parameters or listings have changed.
    pub fn void(&mut self) {
        self.hot().clear();
        self.rungs = Default::default();
        self.generation += 1;
        self.of.fill(Certificate::NONE);
        self.metrics.certified = 0;
    }

    /// The certificate of one account is void: what it holds has changed.
    pub fn revoke(&mut self, id: AccountId) {
        if let Some(known) = self.of.get_mut(id.place()).filter(|known| known.cell != 0) {
            *known = Certificate::NONE;
            self.metrics.certified -= 1;
        }
    }

    /// The market has moved: cells it has left are dropped, with their certificates.
    /// Gives the accounts that lost theirs.
    pub fn moved(&mut self, market: &Market) -> Vec<AccountId> {
        self.drop_cells(|cell| cell.contains(market))
    }

    /// Certifies an account on the widest rung where it stands no worse than it does; whether there is one.
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

    /// Certifies an account by what was proven when its fill was decided; whether that was enough. What was proven of others
    /// is forgotten with [`Self::forget_proofs`].
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

    /// Whether a healthy account that is certified in one of the cells of these numbers would still hold its initial margin
    /// everywhere in there after a trade, with `less` USD taken off its equity, as far as its reserve says (CELL-11).
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

    /// Whether what is certified of an account is no more than it has in the market of now: a bound is never above what it bounds.
    pub fn bounds(&self, id: AccountId, judged: &Judged, warn: Ratio) -> bool {
        let Some(known) = self.of.get(id.place()).filter(|known| known.cell != 0) else { return true };
        let certain = known.reserve.surplus();
        let (equity, maintenance) = (judged.equity.to_f64(), judged.maintenance_margin.to_f64());
        let exact = (equity - judged.initial_margin.to_f64()).min(equity - warn.to_f64() * maintenance);
        // Sums of doubles on either side.
        certain <= exact + 1e-9 * (1.0 + equity.abs() + maintenance)
    }

    /// What the last trade that was asked about would take out of reserves.
    pub fn bills(&mut self) -> Bills {
        self.hot().bills()
    }

    /// Takes a trade off the reserve of an account, if the account has become what was asked about; whether it has.
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

    /// What was asked about and not done is forgotten.
    pub fn forget_proofs(&mut self) {
        self.hot().forget_proofs();
    }

    fn hot(&mut self) -> &mut Hot {
        self.hot.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the newest cell of a rung lies; built around the market as it is when there is none, or when it is worn.
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

    /// Accounts whose cell has a newer one beside it, the next few thousand: they are to be certified again. When a whole
    /// round finds none, the old cells have done their work.
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

    /// Begins new cells beside those that are worn, so that their accounts can move before the market leaves; and those
    /// that fills are asked about in.
    pub fn renew(&mut self, state: &State, ground: &Ground<'_>) {
        for rung in 0..RUNGS.len() {
            if !self.rungs[rung].is_empty() || rung >= ASKED {
                self.newest(state, ground, rung);
            }
        }
    }

    /// Who is certified in a cell that reaches so far beyond `market` in every index, both ways.
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

    /// The cells that hold a market, by number.
    pub fn holding(&self, market: &Market) -> Vec<u32> {
        let live = self.rungs.iter().flatten();
        live.filter(|live| live.cell.contains(market)).map(|live| live.number).collect()
    }

    /// Whether an account would hold its initial margin as `after`, with `less` USD taken off its equity, everywhere in one
    /// of the cells of these numbers. The narrowest is tried: it is the tightest.
    pub fn certifies(&self, state: &State, id: AccountId, after: &AccountState, cells: &[u32], less: f64) -> bool {
        let mut live = self.rungs.iter().rev().flatten().filter(|live| cells.contains(&live.number));
        live.next().is_some_and(|live| {
            let mut hot = self.hot.lock().unwrap_or_else(PoisonError::into_inner);
            let stale = self.of.get(id.place()).is_some_and(|known| known.spent);
            hot.ask(state, (live.number, &live.cell), (id, stale), after).is_some_and(|surplus| surplus.initial >= less)
        })
    }

    /// Time has passed: cells that are over are dropped, with their certificates. Gives the accounts that lost theirs.
    pub fn passed(&mut self, now: Timestamp) -> Vec<AccountId> {
        self.drop_cells(|cell| now <= cell.end())
    }

    /// Drops the cells that `keeps` does not keep, with their certificates.
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

/// Whether an account that stands so would still stand so, or better.
fn stands(status: Status, surplus: Surplus) -> bool {
    let least = match status {
        Status::Healthy => surplus.initial.min(surplus.warning),
        Status::Restricted => surplus.warning,
        Status::Warning => surplus.maintenance,
        Status::Liquidation | Status::Bankrupt => f64::NEG_INFINITY,
    };
    least >= 0.0
}

/// What cells are built on.
pub struct Ground<'a> {
    /// The market revalued, with its scenarios.
    pub prepared: &'a Prepared,
    /// The parameters in force.
    pub rules: &'a Rules,
    /// Contracts a lot, by instrument.
    pub lots: &'a [Quantity],
    /// What prices are computed with.
    pub isa: Isa,
}

/// How much of a cell is used up: of its width by any index, or of its time.
fn wear(cell: &Cell, width: Width, market: &Market) -> f64 {
    let anchor = cell.market();
    let pairs = anchor.underlyings.iter().zip(&market.underlyings).filter(|(then, _)| then.scale.is_none());
    let moved =
        pairs.map(|(then, now)| (now.index.usd().to_f64() / then.index.usd().to_f64() - 1.0).abs() / width.index);
    let passed = market.time.seconds_since(anchor.time) / f64::from(width.seconds);
    moved.fold(passed, f64::max)
}
