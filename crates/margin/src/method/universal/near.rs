//! The margins of an account with a few positions and balances changed, without adding up the others again.
//!
//! Profits in the scenarios differ by the contracts that were traded times their rows, and by the coins that were paid
//! times the moves of their prices. Of the charges only those on the underlyings that a change touches are computed again.
//! What is added up in another order differs in its last bits: the results choose and size trades, and are no requirement.

use std::cell::RefCell;

use model::Account;
use pricing::kernel::{Rows, accumulate};

use super::exposure::Exposures;
use super::exposure::around::{self, Around, Change};
use super::rules::Rules;
use super::terms::Terms;
use super::{Prepared, Scratch, Universal};
use crate::aggregate::largest;
use crate::risk_array::{Line, RiskArray};
use crate::{Holdings, Refusal, holdings};
use model::{AssetId, Market, UnderlyingId};

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
    around: Around,
    /// The profit of the account in every scenario, padded like a row.
    pnl: Rows,
    /// The value of its positions, in USD.
    worth: f64,
    /// Each balance: its units, and the location that may fail.
    balances: Vec<(f64, Option<usize>)>,
    /// For each underlying the charges on it, in USD, and whether calls there owe without end.
    charged: Vec<(f64, bool)>,
    spare: RefCell<Spare<'a>>,
}

/// Equity and margins, in USD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearly {
    /// Equity, no haircut.
    pub equity: f64,
    /// Initial margin.
    pub initial: f64,
    /// Maintenance margin.
    pub maintenance: f64,
}

/// Reusable memory.
#[derive(Debug)]
struct Spare<'a> {
    changes: Vec<Change<'a>>,
    /// Units that were added to each asset.
    coins: Vec<(AssetId, f64)>,
    /// The underlyings that the changes touch.
    touched: Vec<usize>,
    /// Units of an underlying that are held as a balance, and its number.
    followed: Vec<(usize, f64)>,
    pnl: Rows,
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
            around,
            spare: RefCell::new(Spare::new(&pnl)),
            pnl,
            worth: lines.iter().map(|line| array.worth(line)).sum(),
            balances: account.balances.iter().map(balance).collect(),
            charged: vec![(0.0, false); market.underlyings.len()],
        };
        let held = Holdings::of(account);
        let mut spare = Spare::new(&near.pnl);
        near.read(&held, &mut spare);
        let followed = spare.followed.iter().map(|(underlying, _)| *underlying);
        for underlying in near.around.touched().iter().copied().chain(followed).collect::<Vec<_>>() {
            near.charged[underlying] = near.charge(underlying, &mut spare);
        }
        Ok(near)
    }

    /// Equity and margins of the account with these holdings. None where it must be judged whole: its margins are bounded by
    /// its largest possible loss (REQ-7), a contract cannot be priced, or a number is out of range.
    pub fn judge(&self, held: &Holdings) -> Option<Nearly> {
        let spare = &mut *self.spare.borrow_mut();
        let (worth, value) = (self.change(held, spare)?, self.read(held, spare));
        let mut charges = self.terms.charges.on_totals(&self.around.totals(&spare.changes));
        let mut is_endless = self.around.holds_endless(&spare.changes);
        for balance in &held.balances {
            let AssetId(asset) = balance.asset;
            charges += self.terms.charges.on_balance(asset, balance.amount.to_f64() * self.array.price(balance.asset));
        }
        for (underlying, known) in self.charged.iter().enumerate() {
            let (charge, endless) =
                if spare.touched.contains(&underlying) { self.charge(underlying, spare) } else { *known };
            charges += charge;
            is_endless |= endless;
        }
        let core = self.core(held, spare);
        let maintenance = (core + charges).max(0.0);
        let initial = maintenance + (self.rules.margin.im_factor - 1.0) * core;
        let equity = worth + value;
        let in_range = |usd: f64| usd.abs() < MOST;
        (is_endless && in_range(equity) && in_range(initial) && in_range(maintenance)).then_some(Nearly {
            equity,
            initial,
            maintenance,
        })
    }

    /// Reads the changed positions; returns the value of all positions in USD.
    fn change(&self, held: &Holdings, spare: &mut Spare<'a>) -> Option<f64> {
        let (mut worth, Spare { changes, coins, touched, .. }) = (self.worth, spare);
        (changes.clear(), coins.clear(), touched.clear());
        for position in &held.positions {
            let after = Line::of(position);
            let before = holdings::position(self.account, position.instrument).map(Line::of);
            let before = before.unwrap_or(Line { quantity: 0.0, ..after });
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
        for balance in &held.balances {
            let amount = balance.amount.to_f64();
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
        let pnl = spare.pnl.padded_row_mut(0);
        pnl.copy_from_slice(self.pnl.padded_row(0));
        for change in &spare.changes {
            let Some(row) = array.of_contract(change.after.instrument) else { return f64::NAN };
            accumulate(isa, row, change.contracts(), pnl);
        }
        for (asset, units) in &spare.coins {
            if let Some(row) = array.of_asset(*asset) {
                accumulate(isa, row, *units, pnl);
            }
        }
        for balance in &held.balances {
            let Some((before, Some(location))) = balance.place.map(|place| self.balances[place]) else { continue };
            let more = balance.amount.to_f64().max(0.0) - before.max(0.0);
            array.fail(location, more * array.price(balance.asset), pnl);
        }
        let pnl = spare.pnl.row(0);
        array.set.families.iter().map(|family| family.loss_alone(isa, pnl)).fold(0.0, largest)
    }
}

impl Spare<'_> {
    fn new(pnl: &Rows) -> Self {
        Self {
            changes: Vec::new(),
            coins: Vec::new(),
            touched: Vec::new(),
            followed: Vec::new(),
            pnl: Rows::zeros(1, pnl.width()),
            around: around::Spare::default(),
        }
    }
}
