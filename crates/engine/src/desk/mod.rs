//! The desk: data recomputed from the state, such as revalued markets and certificates. Fast, and never different.
//!
//! A desk has two sides. On the *fast* side the market is as it is marked; maintenance margin is judged there. On the
//! *slow* side every price is its feed's slow average. New risk must hold initial margin on both sides, so that a price
//! pushed for a minute buys nothing (I-18, I-20, S-10).

mod certificates;
mod follow;
mod gauge;
mod hot;
mod index;
mod metrics;
mod open;
mod rungs;
mod side;
mod trust;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use margin::method::universal::{self, Margins, Prepared, Scratch, rules::Rules};
use margin::params::Params;
use margin::scenario::ScenarioSet;
use margin::{Assessment, Refusal, valuation};
use model::{Account, InstrumentId, Invalid, Market, UnderlyingId};
use pool::Spare;
use pricing::kernel::Isa;
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

pub use hot::Spent;
pub use metrics::Metrics;

use crate::feeds;
use crate::form;
use crate::state::{AccountState, State};
use crate::turns;
use crate::{AccountId, FeedId, Live, Reject, Status};
use certificates::Certificates;
use index::{Index, Mask};
use open::OpenInterest;
use side::Side;
use trust::Trust;

/// So many accounts are judged on every processor: fewer are done before the threads have started.
const MANY: usize = 2_000;
/// The number of accounts that a thread judges at once.
const PIECE: usize = 128;

/// Stands for an amount that does not fit: more than any limit.
const LARGEST_MONEY: Money = Money::from_raw(i128::MAX);

/// The judgment of an account in one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Equity, in USD.
    pub equity: Money,
    /// Initial margin, in USD, which is needed to take risk.
    pub initial_margin: Money,
    /// Maintenance margin, in USD.
    pub maintenance_margin: Money,
    /// Expected cost to close everything: liquidity, funding and fees, which are part of both margins.
    pub closing: Money,
    /// Status by equity and margins (REQ-5).
    pub status: Status,
}

/// Everything that can be recomputed from the state.
#[derive(Debug)]
pub struct Desk {
    isa: Isa,
    rules: Params<Rules>,
    previous: Option<Params<Rules>>,
    lots: Vec<Quantity>,
    live: Live,
    fast: OnceLock<Result<Side, Refusal>>,
    slow: OnceLock<Result<Side, Refusal>>,
    /// Numbers of the cells that contain both sides.
    both: OnceLock<Vec<u32>>,
    /// The time until which each feed can be trusted.
    trust: Trust,
    index: Index,
    certificates: Certificates,
    /// Accounts that can lose and hold no certificate.
    bare: BTreeSet<AccountId>,
    /// Open interest in USD at the indices.
    open: OnceLock<OpenInterest>,
    /// Feeds that could not be trusted when they were last quoted.
    doubted: BTreeSet<FeedId>,
    /// Feeds whose last price counts for nothing any more.
    lapsed: BTreeSet<FeedId>,
    /// The prices that have moved since all accounts were last judged.
    moved: Mask,
    /// Whether parameters have changed, so that every account must be judged.
    everyone: bool,
    /// Memory that is used again for each account that is judged: of its margins, and of its view.
    scratch: Spare<(Scratch, Account)>,
    /// The number of threads that judge many accounts.
    threads: NonZeroUsize,
}

impl Desk {
    /// The desk of a state. Refuses parameters that cannot be read.
    pub fn new(state: &State) -> Result<Self, Invalid> {
        let all = (0..state.accounts.len()).map(|place| AccountId(u32::try_from(place).expect("ids are u32")));
        let mut desk = Self {
            isa: Isa::detect(),
            rules: universal::parse(&state.method.text)?,
            previous: Self::replaced(state)?,
            lots: state.contracts.iter().map(|contract| contract.terms.lot).collect(),
            fast: OnceLock::new(),
            slow: OnceLock::new(),
            both: OnceLock::new(),
            trust: Trust::new(state),
            index: Index::new(state),
            certificates: Certificates::default(),
            bare: all.collect(),
            open: OnceLock::new(),
            doubted: state.feeds.keys().copied().collect(),
            live: Live::new(state),
            lapsed: BTreeSet::new(),
            moved: Mask::default(),
            everyone: true,
            scratch: Spare::default(),
            threads: pool::processors(),
        };
        desk.lapsed = desk.lapses(state);
        Ok(desk)
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

    /// The case after `last` that has an offer to buy (or sell) an instrument now, the oldest first. With `open`, offers
    /// that [`Self::rest`] are passed over.
    pub fn offer_after(
        &self,
        side: (InstrumentId, bool),
        last: Option<(u64, AccountId)>,
        open: bool,
    ) -> Option<(u64, AccountId)> {
        self.index.offer_after(side, last, open)
    }

    /// Remembers that the account of a case holds its maintenance margin while every price is valid, until the account or
    /// a price changes.
    pub fn rest(&self, case: (u64, AccountId)) {
        self.index.rest(case);
    }

    /// Whether an account has this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.index.is_named(name)
    }

    /// The listed instruments that are not settled.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Accounts that are not healthy.
    pub fn unwell(&self) -> &BTreeSet<AccountId> {
        self.index.unwell()
    }

    /// Accounts below maintenance margin.
    pub fn below(&self) -> &BTreeSet<AccountId> {
        self.index.below()
    }

    /// The counters of certificates so far.
    pub fn metrics(&self) -> Metrics {
        let side = self.fast.get().and_then(|side| side.as_ref().ok());
        Metrics { revalued: side.map_or(0, |side| side.prepared.array.rows()), ..self.certificates.metrics() }
    }

    /// BLAKE3 of the parameter file in force.
    pub fn parameters(&self) -> &str {
        &self.rules.hash
    }

    /// The parameters in force.
    pub fn rules(&self) -> &Rules {
        &self.rules.rules
    }

    /// Accounts whose status may have changed since all were last judged, in order of their numbers: accounts that
    /// commands have touched or that a price has moved for, and that hold no certificate; and accounts whose turn it is
    /// to recover.
    pub fn concerned(&self, state: &State) -> Vec<AccountId> {
        if self.everyone {
            let all = 0..state.accounts.len();
            return all.map(|place| AccountId(u32::try_from(place).expect("ids are u32"))).collect();
        }
        let bare = self.bare.iter().filter(|id| state.touched.contains(**id) || self.index.concerns(&self.moved, **id));
        // Those that may recover at once, and those whose turn it is.
        let unwell = self.index.unwell();
        let touched = state.touched.iter().filter(|id| unwell.contains(id));
        let turn = unwell.iter().filter(|id| turns::has_turn(state, **id));
        let mut accounts: Vec<AccountId> = bare.chain(turn).chain(touched).chain(self.below()).copied().collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    /// Open interest over all instruments of an underlying, in USD, rounded up lot by lot; `other` replaces the number
    /// of lots in one of them.
    pub fn open_usd(
        &self,
        state: &State,
        underlying: UnderlyingId,
        other: Option<(InstrumentId, i64)>,
    ) -> Result<Money, Overflow> {
        self.open.get_or_init(|| OpenInterest::new(state)).usd(underlying, other)
    }

    /// Whether every feed can be trusted now: then the feeds of an account need not be checked.
    pub fn trusts_all(&self, state: &State, now: Timestamp) -> bool {
        self.trust.doubt(state).is_none(now)
    }

    /// Whether every price can be trusted now that an account, or an instrument that it trades, depends on. A price
    /// that is not valid and concerns neither does not matter. The answer may be no where `feeds::valid` says yes,
    /// never the other way.
    pub fn trusts(&self, state: &State, now: Timestamp, id: AccountId, traded: Option<InstrumentId>) -> bool {
        let doubt = self.trust.doubt(state);
        if doubt.is_none(now) {
            return true;
        }
        let of_traded = |dead: &Mask| {
            traded.is_some_and(|instrument| {
                let mut depends = Mask::default();
                depends.add_instrument(state, instrument);
                depends.meets(dead)
            })
        };
        if doubt.spares(now, |dead| self.index.concerns(dead, id) || of_traded(dead)) {
            return true;
        }
        let mut feeds = feeds::feeds_of(state, &state.accounts[id.place()]);
        if let Some(instrument) = traded {
            feeds::of_instrument(state, instrument, &mut feeds);
        }
        feeds.into_iter().all(|feed| self.trust.of(feed, now))
    }

    /// `feeds::valid`, asked again only when that is needed.
    pub fn valid(&self, state: &State, now: Timestamp, feed: FeedId) -> Result<(), Reject> {
        if self.trust.of(feed, now) { Ok(()) } else { feeds::valid(state, now, feed) }
    }

    /// Whether a certificate proves that an account would hold its initial margin on both sides, with `less` USD taken
    /// off its equity. False means that there is no proof.
    pub fn certifies(&self, state: &State, id: AccountId, after: &AccountState, less: Money) -> bool {
        let both = self.both(state);
        !both.is_empty() && self.certificates.certifies(state, id, after, both, less.to_f64())
    }

    /// Whether the account's reserve proves the same after a trade: asked first, for it costs next to nothing.
    pub fn spends(&self, state: &State, id: AccountId, spent: &Spent, less: Money) -> bool {
        self.certificates.spends(state, id, spent, self.both(state), less.to_f64())
    }

    /// Numbers of the cells that contain both sides; none while parameters are being replaced.
    fn both(&self, state: &State) -> &[u32] {
        if self.previous.is_some() {
            return &[];
        }
        let holding = || form::slow(state, &self.live).map(|slow| self.certificates.holding(&slow)).unwrap_or_default();
        self.both.get_or_init(holding)
    }

    /// Accounts whose liquidation is due, because they are below maintenance margin or have a case: the largest deficit
    /// first, then the oldest case, then the smallest number. Accounts that cannot be judged now come last.
    pub fn queue(&self, state: &State) -> Vec<AccountId> {
        let cases = &state.liquidations.cases;
        let due: BTreeSet<AccountId> = self.below().iter().chain(cases.keys()).copied().collect();
        let mut queue: Vec<_> = due
            .into_iter()
            .map(|id| {
                let judged = self.judge_held(state, id);
                let excess = judged.ok().and_then(|judged| judged.equity.minus(judged.maintenance_margin).ok());
                (excess.unwrap_or(LARGEST_MONEY), cases.get(&id).map_or(u64::MAX, |case| case.epoch), id)
            })
            .collect();
        queue.sort_unstable();
        queue.into_iter().map(|(.., id)| id).collect()
    }

    /// Whether certificates prove that an account gets no worse a status while every index moves by up to `reach` of itself.
    pub fn far(&self, state: &State, reach: f64) -> impl Fn(AccountId) -> bool {
        self.certificates.far(&state.market, reach)
    }

    /// Length of the settlement average, in seconds.
    pub fn settlement_window(&self) -> f64 {
        self.rules.rules.settlement.window_seconds
    }

    /// Whether prices or commands have changed since all accounts were last judged.
    pub fn is_owed(&self, state: &State) -> bool {
        state.watched != state.version || !state.touched.is_empty()
    }

    /// Judges `account` in the market as it is marked.
    pub fn judge(&self, state: &State, account: &AccountState) -> Result<Judged, Refusal> {
        self.on(self.fast(state), state, account)
    }

    /// Whether an account surely keeps its status in the market as it is marked: its margins are exact, and its equity
    /// lies so far from every limit that an estimate of it is enough. Cheaper than a judgment. False means that the
    /// account must be judged.
    pub fn keeps_status(&self, state: &State, id: AccountId) -> bool {
        let Ok(side) = self.fast(state) else { return false };
        if self.previous.is_some() {
            return false;
        }
        let account = &state.accounts[id.place()];
        self.scratch.with(|(scratch, view)| {
            if account.view_into(&state.contracts, &state.locations, view).is_err() {
                return false;
            }
            let margins = side.prepared.margins(&side.market, &self.rules.rules, view, scratch);
            let (Ok(Margins { initial, maintenance, .. }), Ok(within)) = (margins, side.equity_within(view)) else {
                return false;
            };
            let keeps = |equity| margin::status(equity, initial, maintenance, self.warn()) == Ok(account.status);
            within.into_iter().all(keeps)
        })
    }

    /// The results of `judge` for each of `accounts`, in their order, without those that are none. Many accounts are
    /// judged on every processor; the results do not depend on how many there are.
    pub(crate) fn for_each<Done: Send>(
        &self,
        accounts: &[AccountId],
        judge: impl Fn(AccountId) -> Option<Done> + Sync,
    ) -> Vec<Done> {
        if self.threads == NonZeroUsize::MIN || accounts.len() < MANY {
            return accounts.iter().copied().filter_map(judge).collect();
        }
        let judged = |piece: &[AccountId]| piece.iter().copied().filter_map(&judge).collect::<Vec<Done>>();
        pool::map(self.threads.get(), accounts.chunks(PIECE), judged, |_| {}).into_iter().flatten().collect()
    }

    /// Judges an account of the state in the market as it is marked. Its certificate, if it has one, must not promise more.
    pub fn judge_held(&self, state: &State, id: AccountId) -> Result<Judged, Refusal> {
        let judged = self.judge(state, &state.accounts[id.place()])?;
        let certain = || !self.lapsed.is_empty() || self.certificates.bounds(id, &judged, self.warn());
        debug_assert!(certain(), "docs/cells.md: account {id} has less than its certificate says: {judged:?}");
        Ok(judged)
    }

    /// Judges `account` where every price is its slow average.
    pub fn judge_slow(&self, state: &State, account: &AccountState) -> Result<Judged, Refusal> {
        self.on(self.slow(state), state, account)
    }

    /// The full assessment of `account` in the market as it is marked, by the parameters in force.
    pub fn assess(&self, state: &State, account: &AccountState) -> Result<Assessment, Refusal> {
        self.assessed(self.fast(state), state, account)
    }

    /// The full assessment of `account` where every price is its slow average.
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
        self.fast.get_or_init(|| self.side(state.market.clone()))
    }

    fn slow(&self, state: &State) -> &Result<Side, Refusal> {
        self.slow.get_or_init(|| self.side(form::slow(state, &self.live)?))
    }

    /// Revalues the unsettled instruments of a market by the parameters in force and by those before them.
    fn side(&self, market: Market) -> Result<Side, Refusal> {
        let is_live = |id: InstrumentId| self.live.has(id);
        let none = ScenarioSet::default();
        let prepare = |params: &Params<Rules>| Prepared::of_live(&market, &params.rules, &none, self.isa, &is_live);
        let (prepared, previous) = (prepare(&self.rules)?, self.previous.as_ref().map(prepare).transpose()?);
        Ok(Side::new(market, prepared, previous))
    }

    fn on(&self, side: &Result<Side, Refusal>, state: &State, account: &AccountState) -> Result<Judged, Refusal> {
        let side = side.as_ref().map_err(Clone::clone)?;
        let out_of_range = |overflow| Refusal::OutOfRange { account: account.name.clone(), overflow };
        let (equity, margins) = self.scratch.with(|(scratch, view)| {
            account.view_into(&state.contracts, &state.locations, view).map_err(out_of_range)?;
            let equity = valuation::equity(view, &side.market).map_err(out_of_range)?;
            let margins = side.prepared.margins(&side.market, &self.rules.rules, view, scratch)?;
            let (Some(prepared), Some(rules)) = (&side.previous, &self.previous) else { return Ok((equity, margins)) };
            let before = prepared.margins(&side.market, &rules.rules, view, scratch)?;
            let progress = state.method.progress(state.clock);
            let blend = |from: Money, to: Money| from.plus(to.minus(from)?.scaled(progress, Round::Up)?);
            let blended = || {
                Ok(Margins {
                    initial: blend(before.initial, margins.initial)?,
                    maintenance: blend(before.maintenance, margins.maintenance)?,
                    closing: blend(before.closing, margins.closing)?,
                })
            };
            Ok((equity, blended().map_err(out_of_range)?))
        })?;
        let Margins { initial: initial_margin, maintenance: maintenance_margin, closing } = margins;
        assert!(!maintenance_margin.is_negative(), "REQ-3: a maintenance margin of {maintenance_margin}");
        let status = margin::status(equity, initial_margin, maintenance_margin, self.warn()).map_err(out_of_range)?;
        Ok(Judged { equity, initial_margin, maintenance_margin, closing, status })
    }

    fn warn(&self) -> Ratio {
        self.rules.rules.margin.warn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Policy;

    /// Many accounts are judged in pieces; the results are those of one thread, in the same order.
    #[test]
    fn the_number_of_threads_changes_no_result() {
        let state = State::new(Timestamp::from_micros(0), universal::PARAMS.to_owned(), Policy::default());
        let mut desk = Desk::new(&state).unwrap();
        for count in [0, 1, 1_999, 2_000, 2_001, 5_003] {
            let accounts: Vec<AccountId> = (0..count).map(AccountId).collect();
            let third = |id: AccountId| id.0.is_multiple_of(3).then_some(id.0);
            let expected: Vec<u32> = (0..count).step_by(3).collect();
            for threads in [1, 2, 7] {
                desk.threads = NonZeroUsize::new(threads).unwrap();
                assert_eq!(desk.for_each(&accounts, third), expected, "{count} accounts on {threads} threads");
            }
        }
    }
}
