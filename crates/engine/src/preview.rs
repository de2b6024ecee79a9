//! Previews a change before it is proposed: judges every account under it.

use margin::method::universal;
use serde::{Deserialize, Serialize};
use units::{Money, Overflow};

use crate::decide::possible;
use crate::layers::l6;
use crate::state::{Change, Method};
use crate::{AccountId, Desk, Judged, Reject, State, Status};

/// The most accounts that a preview lists.
const NAMED: usize = 20;

/// The effect of a change if it were in force now, in full and without its ramp.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The reason why the change could not be proposed now, if there is one.
    pub refused: Option<String>,
    /// Accounts that were judged, now and under the change.
    pub judged: u64,
    /// Accounts that cannot be judged, now or under the change.
    pub not_assessable: u64,
    /// Accounts that are healthy now and would be restricted.
    pub restricted: u64,
    /// Accounts that would be in warning and have a better status now.
    pub warned: u64,
    /// Accounts that would be in liquidation and are not now.
    pub liquidated: u64,
    /// Accounts that would be bankrupt and are not now.
    pub bankrupt: u64,
    /// Maintenance margin over all accounts.
    pub maintenance_margin: Sums,
    /// Initial margin over all accounts.
    pub initial_margin: Sums,
    /// The accounts that are hit hardest: the worst status under the change first, then the largest rise of maintenance margin.
    pub worst: Vec<Hit>,
    /// Effects other than margins, as sentences.
    pub notes: Vec<String>,
}

/// A requirement over all accounts, in USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The sum as it is now.
    pub now: Money,
    /// The sum under the change.
    pub then: Money,
    /// The largest rise for one account; 0 when it rises for none.
    pub largest_rise: Money,
}

/// One account under the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The account's number.
    pub account: AccountId,
    /// Its status as it is.
    pub now: Status,
    /// Its status under the change.
    pub then: Status,
    /// Its equity, which the change does not affect.
    pub equity: Money,
    /// Rise of its maintenance margin, in USD.
    pub maintenance_margin: Money,
    /// Rise of its initial margin, in USD.
    pub initial_margin: Money,
}

/// Works out the effect of `change` on every account if it were in force now.
///
/// Only a parameter file changes margins. For other changes the notes give the values in force beside the new ones. A
/// change that could not be proposed is previewed as far as it can be read, and [`Preview::refused`] says why.
pub fn preview(state: &State, desk: &Desk, change: &Change) -> Result<Preview, Reject> {
    let refused = possible(state, state.clock, change).err().map(|reject| reject.to_string());
    let mut preview = Preview { refused, notes: notes(state, desk, change)?, ..Preview::default() };
    let Change::Method { text } = change else { return Ok(preview) };
    universal::parse(text)?;
    let mut changed = state.clone();
    changed.method = Method { text: text.clone(), previous: None };
    let fresh = Desk::new(&changed)?;
    for (place, account) in state.accounts.iter().enumerate() {
        let (Ok(now), Ok(then)) = (desk.judge(state, account), fresh.judge(&changed, account)) else {
            preview.not_assessable += 1;
            continue;
        };
        preview.add(AccountId(u32::try_from(place).expect("ids are u32")), &now, &then)?;
    }
    // The worst status first, then the largest rise; equal accounts in order of their numbers.
    preview.worst.sort_by_key(|hit| (hit.then, std::cmp::Reverse(hit.maintenance_margin), hit.account));
    preview.worst.truncate(NAMED);
    Ok(preview)
}

impl Preview {
    fn add(&mut self, account: AccountId, now: &Judged, then: &Judged) -> Result<(), Overflow> {
        self.judged += 1;
        let maintenance = self.maintenance_margin.add(now.maintenance_margin, then.maintenance_margin)?;
        let initial = self.initial_margin.add(now.initial_margin, then.initial_margin)?;
        if then.status < now.status {
            match then.status {
                Status::Bankrupt => self.bankrupt += 1,
                Status::Liquidation => self.liquidated += 1,
                Status::Warning => self.warned += 1,
                Status::Restricted => self.restricted += 1,
                Status::Healthy => {}
            }
        }
        if then.status < now.status || maintenance > Money::ZERO || initial > Money::ZERO {
            self.worst.push(Hit {
                account,
                now: now.status,
                then: then.status,
                equity: then.equity,
                maintenance_margin: maintenance,
                initial_margin: initial,
            });
        }
        Ok(())
    }
}

impl Sums {
    /// Adds one account. Returns the rise of its requirement.
    fn add(&mut self, now: Money, then: Money) -> Result<Money, Overflow> {
        self.now = self.now.plus(now)?;
        self.then = self.then.plus(then)?;
        let rise = then.minus(now)?;
        self.largest_rise = self.largest_rise.max(rise);
        Ok(rise)
    }
}

/// The effects of a change other than margins, as sentences.
fn notes(state: &State, desk: &Desk, change: &Change) -> Result<Vec<String>, Reject> {
    let note = match change {
        Change::Method { .. } => return Ok(Vec::new()),
        Change::Cap { asset, cap } => state.collateral.get(asset.0).map(|known| {
            let now = known.cap_at(state.clock, state.policy.collateral_ramp);
            format!("{} held, {now} may be held now, {} was to be the cap and {cap} would be", known.held, known.cap)
        }),
        Change::Feed { feed, rules } => state.feeds.get(feed).map(|known| match known.feed.quote(rules, state.clock) {
            Ok(quote) => format!("the last quote is {} and {:?}", quote.price, quote.validity()).to_lowercase(),
            Err(none) => none.to_string(),
        }),
        Change::Limits { instrument, max_open, .. } => {
            state.contract(*instrument).map(|known| format!("{} lots open, {max_open} would be the most", known.open))
        }
        Change::OpenInterest { underlying, usd } if underlying.0 < state.market.underlyings.len() => {
            let open = desk.open_usd(state, *underlying, None)?;
            Some(format!("{open} USD open, {usd} USD would be the most"))
        }
        Change::Outflow { .. } => {
            let capacity = l6::capacity(state, state.clock)?;
            Some(format!("{} USD is what the limiter holds of {capacity} USD now", state.outflow.0))
        }
        Change::FundOut { fund, asset, amount } => {
            Some(format!("{} in the fund, {amount} would leave", state.pot(*fund, *asset)))
        }
        Change::SettlementPrice { instrument, price } => state.contract(*instrument).map(|known| {
            format!("{} lots open would settle at {price}, {} samples were taken", known.open, known.samples.count)
        }),
        Change::OpenInterest { .. } => None,
    };
    Ok(note.into_iter().collect())
}
