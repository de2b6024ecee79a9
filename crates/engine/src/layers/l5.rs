//! Layer 5: assets that come in as collateral, and assets that leave an account.

use model::AssetId;
use units::{Money, Quantity, Round, Timestamp};

use super::sight::Seen;
use crate::feeds;
use crate::state::{AccountState, Balance};
use crate::{AccountId, Context, Desk, LocationId, Reject, State, Status};

/// Whether `more` of an asset may be collateral now: the cap holds over all accounts (I-30) and grows from 0 (I-67).
pub fn collateral_cap(state: &State, asset: AssetId, more: Quantity, now: Timestamp) -> Result<(), Reject> {
    let collateral = &state.collateral[asset.0];
    let cap = collateral.cap_at(now, state.policy.collateral_ramp);
    let found = collateral.held.plus(more)?;
    if more > Quantity::ZERO && found > cap { Err(Reject::CollateralCap { found, cap }) } else { Ok(()) }
}

/// Whether an account may give `amount` away: the balance is there, no loser has still to pay a part of it (I-28, I-29,
/// S-10), and the rest of the account holds initial margin and the cost of closing, at the mark and at the slow average
/// (I-18, I-29).
///
/// A price that is not valid refuses this, unless it is that of another asset the account owns: such an asset counts
/// for nothing (I-32).
pub fn withdrawal(
    context: Context<'_>,
    id: AccountId,
    asset: AssetId,
    location: Option<LocationId>,
    amount: Quantity,
) -> Result<(), Reject> {
    let Context { state, desk, now } = context;
    let account = &state.accounts[id.place()];
    if account.status < Status::Restricted {
        return Err(Reject::Restricted { account: id, status: account.status });
    }
    let priced = without_unpriced(state, now, account, asset)?;
    let balance = account.balance(asset, location);
    may_leave(state, &balance, amount)?;
    let mut after = priced;
    let left = balance.amount.minus(amount)?;
    after.change_balance(asset, location, |held| (held.amount, held.profit) = (left, balance.profit.min(left)));
    for side in [Desk::judge, Desk::judge_slow] {
        let judged =
            side(desk, state, &after).map_err(|why| Reject::NotAssessable { account: id, why: why.to_string() })?;
        let (equity, initial_margin, closing) = (judged.equity, judged.initial_margin, judged.closing);
        let needed = initial_margin.plus(closing)?;
        if equity < needed {
            return Err(Reject::Withdrawal { account: id, equity, needed, initial_margin, closing });
        }
    }
    Ok(())
}

/// Whether this amount may leave a balance: it is there, and losers have paid the part of it that is profit (I-28).
pub fn may_leave(state: &State, balance: &Balance, amount: Quantity) -> Result<(), Reject> {
    if balance.amount < amount {
        return Err(Reject::Balance { asked: amount, there: balance.amount.max(Quantity::ZERO) });
    }
    let profit = amount.minus(balance.amount.minus(balance.profit)?)?.max(Quantity::ZERO);
    debug_assert!(profit <= amount.max(Quantity::ZERO), "I-28: {profit} of {amount} is profit");
    let settled = state.collateral[balance.asset.0].settled;
    if profit > settled.max(Quantity::ZERO) {
        return Err(Reject::Unsettled { profit, settled });
    }
    Ok(())
}

/// The account without its assets that have no valid price. Refused when an asset or instrument that it owes, trades or
/// asks for has none.
fn without_unpriced(
    state: &State,
    now: Timestamp,
    account: &AccountState,
    asked: AssetId,
) -> Result<AccountState, Reject> {
    let mut priced = account.clone();
    let mut feeds = Vec::new();
    feeds::of_asset(state, asked, &mut feeds);
    let held = account.positions.iter().map(|held| held.instrument);
    for instrument in held.chain(account.orders.iter().map(|order| order.instrument)) {
        feeds::of_instrument(state, instrument, &mut feeds);
    }
    for balance in account.balances.iter().filter(|balance| balance.amount.is_negative()) {
        feeds::of_asset(state, balance.asset, &mut feeds);
    }
    feeds.into_iter().try_for_each(|feed| feeds::valid(state, now, feed))?;
    priced.balances.retain(|balance| feeds::is_priced(state, now, balance.asset));
    Ok(priced)
}

/// Whether a transfer to an account of another owner is worth at least the smallest credit of the rules: dust costs the
/// receiver attention and the sender nothing.
pub fn credit(
    state: &State,
    desk: &Desk,
    [giver, receiver]: [&AccountState; 2],
    asset: AssetId,
    amount: Quantity,
) -> Result<(), Reject> {
    let least = desk.rules().engine.least_credit;
    let worth = amount.at(state.market.price(asset).usd(), Round::Down)?;
    if giver.owner == receiver.owner || worth >= least {
        return Ok(());
    }
    let expected = format!("an amount worth at least {least} USD, for an account of another owner");
    Err(Reject::malformed("amount", format!("{amount}, worth {worth} USD"), expected))
}

/// Whether no loss is unresolved: while one is, the accounts that stay would pay for an account that withdraws (I-51).
/// Losses that are trifling together block nobody.
///
/// The deficit is the sum of negative equities, judged now at last prices. Equity decides and not the status, because a
/// price that is not valid keeps the status better than the account is. An account that cannot be judged whole is
/// judged by its parts with a valid price; a bankrupt account that cannot be judged at all refuses too.
pub fn covered(state: &State, desk: &Desk, now: Timestamp) -> Result<(), Reject> {
    let mut deficit = Money::ZERO;
    for id in desk.unwell().iter().copied() {
        let account = &state.accounts[id.place()];
        let whole = desk.judge_held(state, id).map(|judged| judged.equity);
        match whole.or_else(|_| Seen::new(state, desk, now, id, account).map(|seen| seen.judged.equity)) {
            Ok(equity) => deficit = deficit.minus(equity.min(Money::ZERO))?,
            Err(why) if account.status == Status::Bankrupt => return Err(why),
            Err(_) => {}
        }
    }
    if deficit > desk.rules().engine.trifling_loss { Err(Reject::Deficit { deficit }) } else { Ok(()) }
}
