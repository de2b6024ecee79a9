//! The margins of an account with a few positions and balances changed, without adding up the others again.
//!
//! Profits in the scenarios differ by the contracts that were traded times their rows, and by the coins that were paid
//! times the moves of their prices. Of the charges only those on the underlyings that a change touches are computed again.
//! What is added up in another order differs in its last bits: the results choose and size trades, and are no requirement.

use std::cell::RefCell;

use model::{Account, AssetId, Market, UnderlyingId};
use pricing::kernel::{Rows, accumulate, least, offset};

use super::bounded;
use super::exposure::Exposures;
use super::exposure::around::{self, Around, Change};
use super::rules::Rules;
use super::terms::Terms;
use super::{Prepared, Scratch, Universal};
use crate::risk_array::{Line, RiskArray, WideRow};
use crate::{Holdings, Refusal};

/// Beyond this size a sum in USD may not fit an amount of money, so the account is judged whole.
const MOST: f64 = 1e15;

/// An account around which others are judged.
#[derive(Debug)]
pub struct Near<'a> {
    array: &'a RiskArray,
    terms: &'a Terms,
    market: &'a Market,
    rules: &'a Rules,
    account: &'a Account,
    /// Its positions, in the order of instruments.
    lines: Vec<Line>,
    around: Around,
    /// The profit of the account in every scenario, padded like a row.
    pnl: Rows,
    /// The value of its positions, in USD.
    worth: f64,
    /// Each balance: its units, and the location that may fail.
    balances: Vec<(f64, Option<usize>)>,
    /// For each underlying the charges on it, in USD, and whether calls there owe without end.
    charged: Vec<(f64, bool)>,
    /// The charges on all underlyings, and the number of those where calls owe without end.
    all_charged: (f64, usize),
    /// The least profit in each segment of scenarios.
    least: Vec<f64>,
    spare: RefCell<Spare<'a>>,
}

/// Equity and margins, in USD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearly {
    /// Equity in USD, without haircuts.
    pub equity: f64,
    /// Initial margin, in USD.
    pub initial: f64,
    /// Maintenance margin, in USD.
    pub maintenance: f64,
}

/// Memory that is used again for each judgment.
#[derive(Debug)]
struct Spare<'a> {
    changes: Vec<Change<'a>>,
    /// Units of each balance.
    amounts: Vec<f64>,
    /// Units that were added to each asset.
    coins: Vec<(AssetId, f64)>,
    /// The underlyings that the changes touch.
    touched: Vec<usize>,
    /// Units of an underlying that are held as a balance, and its number.
    followed: Vec<(usize, f64)>,
    pnl: Rows,
    /// For each segment whether its profits change, and the least of them.
    moved: Vec<bool>,
    least: Vec<f64>,
    around: around::Spare,
}

impl Prepared {
    /// The margins around an account without orders, whose positions are in the order of instruments; `market` and `rules`
    /// are those from which this was prepared. Refuses an account that cannot be judged.
    pub fn near<'a>(&'a self, market: &'a Market, rules: &'a Rules, account: &'a Account) -> Result<Near<'a>, Refusal> {
        Near::new((&self.array, &self.terms), market, rules, account)
    }
}

impl Universal<'_> {
    /// The margins around an account without orders, whose positions are in the order of instruments.
    pub fn near<'a>(&'a self, account: &'a Account) -> Result<Near<'a>, Refusal> {
        Near::new((&self.array, &self.terms), self.market, self.rules, account)
    }
}

impl<'a> Near<'a> {
    fn new(
        (array, terms): (&'a RiskArray, &'a Terms),
        market: &'a Market,
        rules: &'a Rules,
        account: &'a Account,
    ) -> Result<Self, Refusal> {
        let mut scratch = Scratch::default();
        array.read(account, &mut scratch.array)?;
        let mut pnl = Rows::zeros(1, array.set.scenarios.len());
        pnl.fill_row(0, |scenario| scratch.array.pnl()[scenario]);
        let lines = scratch.array.lines();
        let mut exposures = Exposures::default();
        terms.expose(&Account::default(), lines, (market, rules), &mut exposures)?;
        let mut held = Vec::with_capacity(lines.len());
        for line in lines {
            held.push((line, terms.contract(line.instrument, market, rules)?));
        }
        let around = Around::new(exposures, held.into_iter());
        let balance = |balance: &model::Balance| {
            let location = balance.location.as_ref().and_then(|location| array.failing(location));
            (balance.amount.to_f64(), location)
        };
        let mut near = Self {
            array,
            terms,
            market,
            rules,
            account,
            lines: lines.to_vec(),
            around,
            spare: RefCell::new(Spare::new(array)),
            pnl,
            worth: lines.iter().map(|line| array.worth(line)).sum(),
            balances: account.balances.iter().map(balance).collect(),
            charged: vec![(0.0, false); market.underlyings.len()],
            all_charged: (0.0, 0),
            least: Vec::new(),
        };
        let profits = near.pnl.row(0);
        let least = array.segments().ranges.iter().map(|range| least(array.isa(), &profits[range.clone()]));
        near.least = least.collect();
        let held = Holdings::of(account);
        let mut spare = Spare::new(array);
        near.read(&held, &mut spare);
        let followed = spare.followed.iter().map(|(underlying, _)| *underlying);
        for underlying in near.around.touched().iter().copied().chain(followed).collect::<Vec<_>>() {
            near.charged[underlying] = near.charge(underlying, &mut spare);
        }
        for (charge, is_endless) in &near.charged {
            near.all_charged.0 += charge;
            near.all_charged.1 += usize::from(*is_endless);
        }
        Ok(near)
    }

    /// Equity and margins of the account with these holdings. None where a contract cannot be priced, and where a
    /// number may be out of range.
    pub fn judge(&self, held: &Holdings) -> Option<Nearly> {
        let spare = &mut *self.spare.borrow_mut();
        let (worth, value) = (self.change(held, spare)?, self.read(held, spare));
        let mut charges = self.terms.charges.on_totals(&self.around.totals(&spare.changes));
        for (balance, amount) in held.balances.iter().zip(&spare.amounts) {
            charges += self.terms.charges.on_balance(balance.asset.0, amount * self.array.price(balance.asset));
        }
        let (charged, mut endless) = self.all_charged;
        charges += charged;
        for place in 0..spare.touched.len() {
            let underlying = spare.touched[place];
            if spare.touched[..place].contains(&underlying) {
                continue;
            }
            let (known, new) = (self.charged[underlying], self.charge(underlying, spare));
            charges += new.0 - known.0;
            endless = endless + usize::from(new.1) - usize::from(known.1);
        }
        let is_endless = endless > 0 || self.around.holds_endless(&spare.changes);
        let core = self.core(held, spare);
        let in_range = |usd: f64| usd.abs() < MOST;
        if !in_range(core + charges) {
            return None;
        }
        // Rounding may leave a sum slightly below zero.
        let mut maintenance = (core + charges).max(0.0);
        let mut initial = maintenance + (self.rules.margin.im_factor - 1.0) * core;
        if !is_endless && let Some(most) = bounded::most(&held.account(self.account), self.market, self.rules).ok()? {
            let most = most.to_f64();
            (initial, maintenance) = (initial.min(most), maintenance.min(most));
        }
        let equity = worth + value;
        let fits = in_range(equity) && in_range(initial);
        fits.then_some(Nearly { equity, initial, maintenance })
    }

    /// Reads the changed positions; returns the value of all positions in USD.
    fn change(&self, held: &Holdings, spare: &mut Spare<'a>) -> Option<f64> {
        let (mut worth, Spare { changes, coins, touched, .. }) = (self.worth, spare);
        changes.clear();
        coins.clear();
        touched.clear();
        for position in &held.positions {
            // A contract without a row is refused by the whole assessment.
            self.array.of_contract(position.instrument)?;
            let after = Line::of(position);
            let place = self.lines.binary_search_by_key(&position.instrument, |line| line.instrument);
            let before = place.map_or(Line { quantity: 0.0, ..after }, |place| self.lines[place]);
            let contract = self.terms.contract(position.instrument, self.market, self.rules).ok()?;
            let change = Change { contract, before, after };
            let (asset, earned) = self.array.earned(&after);
            worth += self.array.worth(&after) - self.array.worth(&before);
            coins.push((asset, earned - self.array.earned(&before).1));
            change.underlyings(|underlying| touched.push(underlying));
            changes.push(change);
        }
        Some(worth)
    }

    /// Reads the balances; returns their value in USD.
    fn read(&self, held: &Holdings, spare: &mut Spare<'a>) -> f64 {
        let mut value = 0.0;
        spare.followed.clear();
        spare.amounts.clear();
        for balance in &held.balances {
            let amount = balance.amount.to_f64();
            spare.amounts.push(amount);
            let usd = amount * self.array.price(balance.asset);
            value += usd;
            let more = amount - balance.place.map_or(0.0, |place| self.balances[place].0);
            if more != 0.0 {
                spare.coins.push((balance.asset, more));
            }
            if let Some(UnderlyingId(underlying)) = self.market.assets[balance.asset.0].follows {
                spare.followed.push((underlying, usd / self.around.index(underlying)));
                if more != 0.0 {
                    spare.touched.push(underlying);
                }
            }
        }
        value
    }

    /// The charges on one underlying, and whether calls there owe without end.
    fn charge(&self, underlying: usize, spare: &mut Spare<'a>) -> (f64, bool) {
        let of_underlying = spare.followed.iter().filter(|(followed, _)| *followed == underlying);
        let (coins, held) =
            of_underlying.fold((0.0, 0.0), |(coins, held), (_, units)| (coins + units, held + units.max(0.0)));
        let is_endless = self.around.on(underlying, &spare.changes, (coins, held), &mut spare.around);
        (self.terms.charges.on_underlying(underlying, &spare.around.exposure), is_endless)
    }

    /// The core (REQ-1) after the changes; NaN where a contract has no row.
    fn core(&self, held: &Holdings, spare: &mut Spare<'a>) -> f64 {
        let (array, isa) = (self.array, self.array.isa());
        let Spare { changes, amounts, coins, pnl, moved, least: least_of, .. } = spare;
        moved.fill(false);
        let mut moves = |row: &WideRow| moved.iter_mut().zip(&row.moves).for_each(|(moved, moves)| *moved |= moves);
        let sums = pnl.padded_row_mut(0);
        for (number, change) in changes.iter().enumerate() {
            let Some(row) = array.of_contract(change.after.instrument) else { return f64::NAN };
            moves(row);
            if number == 0 {
                offset(isa, self.pnl.padded_row(0), row.padded(), change.contracts(), sums);
            } else {
                accumulate(isa, row.padded(), change.contracts(), sums);
            }
        }
        if changes.is_empty() {
            sums.copy_from_slice(self.pnl.padded_row(0));
        }
        for (asset, units) in coins {
            if let Some(row) = array.of_asset(*asset) {
                moves(row);
                accumulate(isa, row.padded(), *units, sums);
            }
        }
        for (balance, amount) in held.balances.iter().zip(amounts) {
            let Some((before, Some(location))) = balance.place.map(|place| self.balances[place]) else { continue };
            let more = amount.max(0.0) - before.max(0.0);
            if more != 0.0 {
                moved.fill(true);
                array.fail(location, more * array.price(balance.asset), sums);
            }
        }
        let pnl = pnl.row(0);
        let segments = array.segments();
        for (place, range) in segments.ranges.iter().enumerate() {
            least_of[place] = if moved[place] { least(isa, &pnl[range.clone()]) } else { self.least[place] };
        }
        segments.core(least_of, |family| array.set.families[family].loss_alone(isa, pnl))
    }
}

impl Spare<'_> {
    fn new(array: &RiskArray) -> Self {
        let segments = array.segments().ranges.len();
        Self {
            changes: Vec::new(),
            amounts: Vec::new(),
            coins: Vec::new(),
            touched: Vec::new(),
            followed: Vec::new(),
            pnl: Rows::zeros(1, array.set.scenarios.len()),
            moved: vec![false; segments],
            least: vec![0.0; segments],
            around: around::Spare::default(),
        }
    }
}
