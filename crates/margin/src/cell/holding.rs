//! An account in the form a cell needs: sums of integer rows, and the inputs of its charges.
//!
//! Every number depends only on what the account holds, never on the path to it. Rows are whole ticks, so sums are
//! exact in any order. Numbers that are not integers are computed anew from the positions and balances on which they
//! depend. So a holding updated through fills equals one built afresh, bit for bit.

use model::{Account, AssetId, InstrumentId, Payoff, Position};
use pricing::kernel::{Rows, accumulate};
use units::Quantity;

use super::{Cell, Contract, Scratch, Surplus, tail};
use crate::method::universal::charge::rule;
use crate::method::universal::cover::Chain;

/// Sums of whole ticks are exact below twice this limit of 2^52.
pub(super) const MOST: f64 = 4_503_599_627_370_496.0;

/// An account in the rows of one cell. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    /// The positions, in the order of their contracts.
    pub(super) positions: Vec<Held>,
    pub(super) balances: Vec<Kept>,
    pub(super) parts: Vec<Part>,
    /// Parts no longer in use, whose memory is reused.
    spare: Vec<Part>,
    /// Names of locations no longer in use, whose memory is reused.
    names: Vec<String>,
    /// The steps that undo the last [`Cell::surplus_after`], in the order in which they were made.
    steps: Vec<Step>,
    /// Whether the account holds something that the cell cannot represent: then nothing is certified.
    pub(super) lost: bool,
    /// Whether the account has open orders: then the initial margin is not certified.
    pub(super) orders: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    sheet: usize,
    rank: u32,
    bucket: usize,
    pub(super) instrument: InstrumentId,
    lots: f64,
    /// The profit from the entry to the anchor's mark, in the asset in which it is paid.
    pub(super) coins: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) asset: AssetId,
    location: Option<String>,
    /// The index of the failure list that applies to the location.
    pub(super) fails: Option<usize>,
    amount: Quantity,
    pub(super) units: f64,
    /// The largest charges of this balance.
    pub(super) charge: f64,
}

/// The state before a step, to undo it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Position(InstrumentId, Option<Held>),
    Balance(AssetId, Option<Quantity>),
}

/// The positions in one underlying.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) sheet: usize,
    pub(super) sums: Rows,
    pub(super) buckets: Vec<Bucket>,
}

/// The positions of one expiry, or the perpetuals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    place: usize,
    /// Forward delta, vega and gamma in ticks; for each the least, then the most.
    sums: [f64; 6],
    /// The largest sum of the charges of one expiry.
    pub(super) charge: f64,
}

impl Bucket {
    /// The largest absolute vega, USD.
    pub(super) fn vega(&self, tick: f64) -> f64 {
        (self.sums[2] * tick).abs().max((self.sums[3] * tick).abs())
    }
}

impl PartialEq for Holding {
    fn eq(&self, other: &Self) -> bool {
        let bits = |part: &Part| part.sums.row(0).iter().map(|sum| sum.to_bits()).collect::<Vec<_>>();
        let same = |(one, other): (&Part, &Part)| {
            one.sheet == other.sheet && one.buckets == other.buckets && bits(one) == bits(other)
        };
        self.positions == other.positions
            && self.balances == other.balances
            && self.lost == other.lost
            && self.orders == other.orders
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(same)
    }
}

impl Holding {
    /// Whether it holds something for which the cell has no rows: then every surplus is −∞ until it is built afresh.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Records whether the account has open orders; while it has, no initial margin is certified.
    pub fn set_orders(&mut self, open: bool) {
        self.orders = open;
    }

    fn clear(&mut self) {
        self.positions.clear();
        self.names.extend(self.balances.drain(..).filter_map(|kept| kept.location));
        self.steps.clear();
        self.spare.append(&mut self.parts);
        (self.lost, self.orders) = (false, false);
    }

    /// The index at which a contract is held, or would be inserted.
    fn position(&self, contract: &Contract) -> Result<usize, usize> {
        let key = (contract.sheet, contract.rank);
        self.positions.binary_search_by_key(&key, |held| (held.sheet, held.rank))
    }

    /// The index at which a balance is kept, or would be inserted.
    fn balance(&self, asset: AssetId, location: Option<&str>) -> Result<usize, usize> {
        let key = (asset, location);
        self.balances.binary_search_by(|kept| (kept.asset, kept.location.as_deref()).cmp(&key))
    }

    /// The index of the part of a sheet, which is created when there is none.
    fn part(&mut self, sheet: usize, width: usize) -> usize {
        match self.parts.binary_search_by_key(&sheet, |part| part.sheet) {
            Ok(place) => place,
            Err(place) => {
                let spare = self.spare.iter().position(|part| part.sums.width() == width);
                let mut part = spare.map_or_else(
                    || Part { sheet, sums: Rows::zeros(1, width), buckets: Vec::new() },
                    |place| self.spare.swap_remove(place),
                );
                part.sheet = sheet;
                part.sums.padded_row_mut(0).fill(0.0);
                part.buckets.clear();
                self.parts.insert(place, part);
                place
            }
        }
    }
}

impl Cell {
    /// The account in the rows of this cell. None when the cell cannot represent it: it holds an instrument without a
    /// row (no volatility, about to settle, paid in another coin, on a basket), an asset that follows a basket, a quantity that is not a whole number of lots, or
    /// too many lots.
    pub fn holding(&self, account: &Account) -> Option<Holding> {
        let mut holding = Holding::default();
        self.rebuild(account, &mut holding).then_some(holding)
    }

    /// As [`Self::holding`], into the memory of another holding; returns whether the account can be represented.
    pub fn rebuild(&self, account: &Account, holding: &mut Holding) -> bool {
        holding.clear();
        holding.orders = !account.orders.is_empty();
        for balance in &account.balances {
            if !self.covers(balance.asset) {
                holding.lost = true;
                return false;
            }
            let mut kept = self.keep(balance.asset, balance.location.as_deref(), &mut holding.names);
            self.set(&mut kept, balance.amount);
            holding.balances.push(kept);
        }
        holding.balances.sort_by(|one, other| (one.asset, &one.location).cmp(&(other.asset, &other.location)));
        for position in &account.positions {
            if !self.place(holding, position) {
                return false;
            }
        }
        holding.positions.sort_unstable_by_key(|held| (held.sheet, held.rank));
        for place in 0..holding.parts.len() {
            for bucket in 0..holding.parts[place].buckets.len() {
                self.charge_bucket(holding, place, bucket);
            }
        }
        true
    }

    /// Updates the holding after a fill: `position` is the account's position in the instrument after it, with quantity
    /// 0 when it is closed. Payments, profits and fees of the fill change balances: [`Self::credit`]. Returns whether
    /// the account can be represented; if not, the holding is lost.
    pub fn trade(&self, holding: &mut Holding, position: &Position) -> bool {
        holding.steps.clear();
        let Some((contract, lots)) = self.contract(position) else {
            holding.lost |= position.quantity != Quantity::ZERO;
            return !holding.lost;
        };
        self.put(holding, contract, (lots != 0.0).then(|| held(position, contract, lots)));
        !holding.lost
    }

    /// Applies a fill and returns the [`Self::surplus`] after it. `position` is the account's position in the
    /// instrument after the fill, and `credits` are the changes of balances without a location (premium, fee, realised
    /// profit). Returns −∞, and changes nothing, when the account could not be represented after the fill.
    ///
    /// [`Self::undo`] reverts it, so that the effect of a fill can be tested without a copy.
    pub fn surplus_after(
        &self,
        holding: &mut Holding,
        position: &Position,
        credits: &[(AssetId, Quantity)],
        scratch: &mut Scratch,
    ) -> Surplus {
        holding.steps.clear();
        let found = self.contract(position);
        let fits =
            found.map_or(position.quantity == Quantity::ZERO, |(contract, lots)| self.fits(holding, contract, lots));
        if holding.lost || !fits {
            return Surplus::NONE;
        }
        for (asset, amount) in credits {
            if !self.step_credit(holding, *asset, *amount) {
                self.undo(holding);
                return Surplus::NONE;
            }
        }
        if let Some((contract, lots)) = found {
            let before = self.put(holding, contract, (lots != 0.0).then(|| held(position, contract, lots)));
            holding.steps.push(Step::Position(position.instrument, before));
        }
        self.surplus(holding, scratch)
    }

    /// Reverts the last [`Self::surplus_after`], if the holding was not changed since. The holding is then the same as
    /// before, bit for bit, because rows are whole ticks and all else depends only on what is held.
    pub fn undo(&self, holding: &mut Holding) {
        while let Some(step) = holding.steps.pop() {
            match step {
                Step::Position(instrument, before) => {
                    if let Some(contract) = &self.contracts[instrument.0] {
                        self.put(holding, contract, before);
                    }
                }
                Step::Balance(asset, before) => {
                    let Ok(place) = holding.balance(asset, None) else { continue };
                    if let Some(amount) = before {
                        self.set(&mut holding.balances[place], amount);
                    } else {
                        holding.balances.remove(place);
                    }
                }
            }
        }
    }

    /// The contract of a position that can be represented, and its number of lots.
    fn contract(&self, position: &Position) -> Option<(&Contract, f64)> {
        let contract = self.contracts.get(position.instrument.0)?.as_ref()?;
        Some((contract, lots(position, contract)?))
    }

    /// Replaces the position in a contract; returns the previous one.
    fn put(&self, holding: &mut Holding, contract: &Contract, after: Option<Held>) -> Option<Held> {
        let place = holding.position(contract);
        let before = place.ok().map(|place| holding.positions[place]);
        match (place, after) {
            (Ok(place), Some(after)) => holding.positions[place] = after,
            (Ok(place), None) => {
                holding.positions.remove(place);
            }
            (Err(place), Some(after)) => holding.positions.insert(place, after),
            (Err(_), None) => return None,
        }
        let lots = |held: Option<Held>| held.map_or(0.0, |held| held.lots);
        let part = self.add(holding, contract, lots(before), lots(after));
        let in_sheet = |held: &&Held| held.sheet == contract.sheet;
        let bucket = holding.parts[part].buckets.binary_search_by_key(&contract.bucket, |bucket| bucket.place);
        let Ok(bucket) = bucket else { unreachable!("a position was just added to its bucket") };
        if !holding.positions.iter().any(|held| in_sheet(&held)) {
            let part = holding.parts.remove(part);
            holding.spare.push(part);
        } else if !holding.positions.iter().filter(in_sheet).any(|held| held.bucket == contract.bucket) {
            holding.parts[part].buckets.remove(bucket);
        } else {
            self.charge_bucket(holding, part, bucket);
        }
        before
    }

    /// Whether sums stay exact when `lots` of a contract replace the current position in it.
    fn fits(&self, holding: &Holding, contract: &Contract, lots: f64) -> bool {
        let sheet = &self.sheets[contract.sheet];
        let each = sheet.rows.row(contract.row)[2 * sheet.stride + tail::GROSS];
        let before = holding.position(contract).map_or(0.0, |place| holding.positions[place].lots);
        self.gross(holding) + (lots.abs() - before.abs()) * each < MOST
    }

    /// The sum over positions of lots times the largest number in the row, in ticks.
    fn gross(&self, holding: &Holding) -> f64 {
        let gross = |part: &Part| part.sums.row(0)[2 * self.sheets[part.sheet].stride + tail::GROSS];
        holding.parts.iter().fold(0.0, |sum, part| sum + gross(part))
    }

    /// Makes a credit that can be undone; returns whether it was possible.
    fn step_credit(&self, holding: &mut Holding, asset: AssetId, amount: Quantity) -> bool {
        if !self.covers(asset) {
            return false;
        }
        let place = holding.balance(asset, None);
        let before = place.ok().map(|place| holding.balances[place].amount);
        let Ok(after) = before.unwrap_or(Quantity::ZERO).plus(amount) else { return false };
        let place = place.unwrap_or_else(|place| self.insert(holding, place, asset, None));
        self.set(&mut holding.balances[place], after);
        holding.steps.push(Step::Balance(asset, before));
        true
    }

    /// Adds `amount` of an asset at a location: a deposit, withdrawal, fee, premium or realised profit.
    pub fn credit(&self, holding: &mut Holding, asset: AssetId, location: Option<&str>, amount: Quantity) -> bool {
        if !self.covers(asset) {
            holding.lost = true;
            return false;
        }
        holding.steps.clear();
        let place = holding.balance(asset, location);
        let place = place.unwrap_or_else(|place| self.insert(holding, place, asset, location));
        let kept = &mut holding.balances[place];
        match kept.amount.plus(amount) {
            Ok(sum) => self.set(kept, sum),
            Err(_) => holding.lost = true,
        }
        !holding.lost
    }

    /// Inserts an empty balance at its place.
    fn insert(&self, holding: &mut Holding, place: usize, asset: AssetId, location: Option<&str>) -> usize {
        let kept = self.keep(asset, location, &mut holding.names);
        holding.balances.insert(place, kept);
        place
    }

    fn set(&self, kept: &mut Kept, amount: Quantity) {
        (kept.amount, kept.units) = (amount, amount.to_f64());
        self.charge_balance(kept);
    }

    fn keep(&self, asset: AssetId, location: Option<&str>, names: &mut Vec<String>) -> Kept {
        let name = location.map(|location| {
            let mut name = names.pop().unwrap_or_default();
            name.clear();
            name.push_str(location);
            name
        });
        let fails = self.location(location);
        Kept { asset, location: name, fails, amount: Quantity::ZERO, units: 0.0, charge: 0.0 }
    }

    /// Adds one more position to an account that is being built; its bucket is charged when all positions are in.
    fn place(&self, holding: &mut Holding, position: &Position) -> bool {
        let Some((contract, lots)) = self.contract(position) else {
            holding.lost |= position.quantity != Quantity::ZERO;
            return !holding.lost;
        };
        if lots != 0.0 {
            holding.positions.push(held(position, contract, lots));
            self.add(holding, contract, 0.0, lots);
        }
        !holding.lost
    }

    /// Changes the position in a contract from `before` to `after` lots. A long lot uses the row under the value, a
    /// short lot the row over it. Returns the index of the part.
    fn add(&self, holding: &mut Holding, contract: &Contract, before: f64, after: f64) -> usize {
        let sheet = &self.sheets[contract.sheet];
        let place = holding.part(contract.sheet, sheet.rows.width());
        let part = &mut holding.parts[place];
        let steps = if before * after > 0.0 {
            [(after, after - before), (0.0, 0.0)]
        } else {
            [(before, -before), (after, after)]
        };
        let bucket = match part.buckets.binary_search_by_key(&contract.bucket, |bucket| bucket.place) {
            Ok(bucket) => bucket,
            Err(bucket) => {
                part.buckets.insert(bucket, Bucket { place: contract.bucket, sums: [0.0; 6], charge: 0.0 });
                bucket
            }
        };
        for (side, lots) in steps {
            if lots == 0.0 {
                continue;
            }
            let row = contract.row + usize::from(side < 0.0);
            accumulate(self.isa, sheet.rows.padded_row(row), lots, part.sums.padded_row_mut(0));
            for (pair, values) in
                part.buckets[bucket].sums.chunks_exact_mut(2).zip(contract.sensitivities.chunks_exact(2))
            {
                let (low, high) = if side > 0.0 { (values[0], values[1]) } else { (values[1], values[0]) };
                pair[0] += lots * low;
                pair[1] += lots * high;
            }
        }
        // Only sums below this limit are exact, so a holding with a larger sum is lost.
        let gross = self.gross(holding);
        holding.lost |= gross.is_nan() || gross >= MOST;
        place
    }

    /// Updates the largest possible charges of one expiry.
    fn charge_bucket(&self, holding: &mut Holding, part: usize, bucket: usize) {
        let part = &mut holding.parts[part];
        let (underlying, place) = (part.sheet, part.buckets[bucket].place);
        let [delta_low, delta_high, _, _, gamma, _] = part.buckets[bucket].sums.map(|ticks| ticks * self.tick);
        let key = (underlying, place);
        let from = holding.positions.partition_point(|held| (held.sheet, held.bucket) < key);
        let to = holding.positions.partition_point(|held| (held.sheet, held.bucket) <= key);
        let (naked, at_a_strike) = self.by_strike(&holding.positions[from..to]);
        part.buckets[bucket].charge = self.charges.most(&rule::Part::Bucket(rule::Bucket {
            underlying,
            place,
            forward_delta: delta_low.abs().max(delta_high.abs()),
            vega: part.buckets[bucket].vega(self.tick),
            gamma,
            naked,
            at_a_strike,
        }));
    }

    /// Short options of one bucket that no long option covers, and the most that are long at one strike, in coins.
    /// `positions` are all in that bucket, in the order of the asset of the strike, then of the strike.
    fn by_strike(&self, positions: &[Held]) -> (f64, f64) {
        let mut options = positions
            .iter()
            .filter_map(|held| {
                let contract = self.contracts[held.instrument.0].as_ref()?;
                let (strike, call) = contract.strike?;
                Some((strike, call, held.lots * contract.lot.to_f64() * contract.size))
            })
            .peekable();
        let (mut naked, mut at_a_strike) = (0.0, 0.0);
        let (mut chain, mut most) = (Chain::default(), 0.0_f64);
        while let Some(((asset, strike), ..)) = options.peek().copied() {
            let (mut calls, mut puts) = (0.0, 0.0);
            while let Some((.., call, coins)) = options.next_if(|(at, ..)| *at == (asset, strike)) {
                if call { calls += coins } else { puts += coins }
            }
            chain.strike(calls, puts);
            most = most.max(calls + puts);
            if options.peek().is_none_or(|((next, _), ..)| *next != asset) {
                naked += std::mem::take(&mut chain).naked();
                at_a_strike += std::mem::take(&mut most);
            }
        }
        (naked, at_a_strike)
    }

    /// Updates the charges of a balance or debt at the end of the cell at which it is worth most.
    fn charge_balance(&self, kept: &mut Kept) {
        let AssetId(asset) = kept.asset;
        let value = kept.units * self.assets[asset].price.high[1];
        kept.charge = self.charges.most(&rule::Part::Balance { asset, value });
    }
}

fn held(position: &Position, contract: &Contract, lots: f64) -> Held {
    let quantity = position.quantity.to_f64() * contract.size;
    let (mark, entry) = (contract.mark, position.entry.in_quote().to_f64());
    let coins = match (contract.strike, contract.payoff) {
        (Some(_), _) => 0.0,
        (None, Payoff::Linear) => quantity * (mark - entry),
        (None, Payoff::Inverse) => quantity * ((mark - entry) / (entry * mark)),
    };
    Held {
        sheet: contract.sheet,
        rank: contract.rank,
        bucket: contract.bucket,
        instrument: position.instrument,
        lots,
        coins,
    }
}

/// The number of lots of a position; none when it is not a whole number or too large.
fn lots(position: &Position, contract: &Contract) -> Option<f64> {
    let (quantity, lot) = (position.quantity.raw(), contract.lot.raw());
    let lots = i64::try_from(quantity / lot).ok().filter(|lots| lots.unsigned_abs() < 1 << 52)?;
    if i128::from(lots) * lot != quantity {
        return None;
    }
    let (high, low) = (i32::try_from(lots >> 32).ok()?, u32::try_from(lots & 0xffff_ffff).ok()?);
    Some(f64::from(high) * 4_294_967_296.0 + f64::from(low))
}
