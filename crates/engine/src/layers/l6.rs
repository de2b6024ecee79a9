//! Layer 6: the limits of the system as a whole: outflow, concentration, and open interest against the funds behind it.

use liquidation::pace;
use model::{AssetId, InstrumentId, UnderlyingId};
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

use crate::state::Pot;
use crate::{AccountId, Desk, Noun, Reject, State};

/// The amount that the outflow limiter holds after `amount` more has left custody, in USD (I-67, S-39).
///
/// A leaky bucket: it drains by one capacity per window, and holds no more than one capacity. So within any time `T` at
/// most `capacity · (1 + T / window)` leaves, for all principals together. The capacity is a share of the value in
/// custody before the outflow, or the floor. An asset whose cap is still on its ramp counts only up to the cap it
/// started from, so that listing a token and pricing it high widens nothing.
pub fn outflow(state: &State, now: Timestamp, asset: AssetId, amount: Quantity) -> Result<Money, Reject> {
    let (spent, since) = state.outflow;
    let capacity = capacity(state, now)?;
    let window = state.policy.outflow_window.max(1);
    let elapsed = now.micros().saturating_sub(since.micros()).clamp(0, window);
    let drained = capacity.scaled(share(elapsed, window), Round::Down)?;
    let spent = spent.minus(drained)?.max(Money::ZERO);
    debug_assert!(!spent.is_negative(), "I-67: {spent} has left custody");
    let asked = amount.at(state.market.price(asset).usd(), Round::Up)?;
    let after = spent.plus(asked)?;
    if after > capacity {
        let left = capacity.minus(spent)?.max(Money::ZERO);
        let until = Timestamp::from_micros(now.micros().saturating_add(window));
        return Err(Reject::Outflow { asked, left, until });
    }
    Ok(after)
}

/// The capacity of the outflow limiter, in USD.
pub fn capacity(state: &State, now: Timestamp) -> Result<Money, Overflow> {
    let whole = custody_usd(state, now)?.plus(state.outflow.0)?;
    Ok(state.policy.outflow_floor.max(whole.scaled(state.policy.outflow_share, Round::Down)?))
}

fn share(part: i64, whole: i64) -> Ratio {
    Ratio::from_raw(Ratio::ONE.raw() * i128::from(part) / i128::from(whole))
}

/// The value in custody at all locations, in USD, rounded down. An asset on its ramp counts at most with its base.
fn custody_usd(state: &State, now: Timestamp) -> Result<Money, Overflow> {
    let mut held = vec![Quantity::ZERO; state.collateral.len()];
    for ((pot, asset), amount) in &state.pots {
        if matches!(pot, Pot::Custody(_)) {
            held[asset.0] = held[asset.0].minus(*amount)?;
        }
    }
    held.into_iter().enumerate().try_fold(Money::ZERO, |sum, (place, held)| {
        let collateral = &state.collateral[place];
        let young = now.micros().saturating_sub(collateral.since.micros()) < state.policy.collateral_ramp;
        let counted = if young { held.min(collateral.base) } else { held };
        sum.plus(counted.max(Quantity::ZERO).at(state.market.price(AssetId(place)).usd(), Round::Down)?)
    })
}

/// Whether an account, and all accounts of its owner together, may have their share of one side of an instrument (S-10,
/// S-42; I-30: a cap that holds across sub-accounts). An account that does not add is not refused, and a
/// [small](is_small) market is not limited.
pub fn concentration(
    state: &State,
    desk: &Desk,
    account: AccountId,
    instrument: InstrumentId,
    [lots_before, lots_after]: [i64; 2],
    open_after: i64,
) -> Result<(), Reject> {
    let same_side = |lots: i64| if (lots > 0) == (lots_after > 0) { lots.unsigned_abs() } else { 0 };
    let own = same_side(lots_after);
    if own <= same_side(lots_before) || open_after <= 0 {
        return Ok(());
    }
    let linked = desk.linked(account).iter().filter(|other| **other != account);
    let others = linked.map(|other| same_side(state.accounts[other.place()].position(instrument).lots));
    let all = others.fold(u128::from(own), |sum, lots| sum + u128::from(lots));
    for (noun, lots, limit) in
        [(Noun::Account, u128::from(own), state.policy.account_share), (Noun::Owner, all, state.policy.owner_share)]
    {
        if !within(lots, limit, open_after)? {
            return Err(Reject::Concentration { whose: noun, share: part_of(lots, open_after)?, limit });
        }
    }
    Ok(())
}

/// Whether the open interest of an instrument is so small that shares of it do not matter.
pub fn is_small(state: &State, instrument: InstrumentId, open: i64) -> Result<bool, Overflow> {
    Ok(state.lots_usd(&state.contracts[instrument.0].terms, open)? < state.policy.share_floor)
}

/// Whether `lots` are at most a share `limit` of open interest: exactly, by products.
fn within(lots: u128, limit: Ratio, open: i64) -> Result<bool, Overflow> {
    let overflow = Overflow { quantity: "open interest" };
    let lots = i128::try_from(lots).ok().and_then(|lots| lots.checked_mul(Ratio::ONE.raw())).ok_or(overflow)?;
    Ok(lots <= limit.raw().checked_mul(i128::from(open)).ok_or(overflow)?)
}

/// `lots` as a share of open interest, rounded up.
fn part_of(lots: u128, open: i64) -> Result<Ratio, Overflow> {
    let overflow = Overflow { quantity: "open interest" };
    let lots = Money::from_raw(i128::try_from(lots).map_err(|_| overflow)?);
    lots.per(Money::from_raw(i128::from(open)), Round::Up).ok_or(overflow)
}

/// Whether limits and funds stand behind `open_after` lots of an instrument together with all other open interest of
/// its underlying (S-10: open interest against what can be paid; S-38: the fund is what the ledger says it is).
pub fn fund(state: &State, desk: &Desk, instrument: InstrumentId, open_after: i64) -> Result<(), Reject> {
    let underlying = state.contracts[instrument.0].terms.underlying;
    adequate(state, desk, underlying, Some((instrument, open_after)), None)
}

/// Whether limits and funds stand behind the present open interest after this much leaves a fund (I-53).
pub fn fund_without(
    state: &State,
    desk: &Desk,
    underlying: UnderlyingId,
    less: (Pot, AssetId, Quantity),
) -> Result<(), Reject> {
    adequate(state, desk, underlying, None, Some(less))
}

fn adequate(
    state: &State,
    desk: &Desk,
    underlying: UnderlyingId,
    open_after: Option<(InstrumentId, i64)>,
    less: Option<(Pot, AssetId, Quantity)>,
) -> Result<(), Reject> {
    let found = desk.open_usd(state, underlying, open_after)?;
    let policy = &state.policy;
    let behind = [Pot::MarketFund(underlying), Pot::SharedFund].into_iter().try_fold(Money::ZERO, |sum, fund| {
        let less = less.filter(|(from, ..)| *from == fund).map(|(_, asset, amount)| (asset, amount));
        sum.plus(fund_usd(state, fund, less)?)
    })?;
    let behind = behind.scaled(policy.fund_multiple, Round::Down)?;
    let limit = state.open_interest_usd[underlying.0].min(policy.fund_floor.max(behind));
    if found > limit { Err(Reject::Fund { found, limit }) } else { Ok(()) }
}

/// The multiple of initial margin that new risk in an underlying must hold; it rises as a cascade nears.
pub fn surcharge(state: &State, underlying: UnderlyingId) -> Ratio {
    let Some(cascade) = state.liquidations.cascades.get(&underlying) else { return Ratio::ONE };
    Ratio::from_f64(pace::surcharge(cascade.worst()), Round::Up).unwrap_or(Ratio::ONE)
}

/// The value of a fund, in USD, rounded down, with this much less of an asset. An amount below 0 counts as 0.
pub fn fund_usd(state: &State, fund: Pot, less: Option<(AssetId, Quantity)>) -> Result<Money, Overflow> {
    let held = state.pots.range((fund, AssetId(0))..=(fund, AssetId(usize::MAX)));
    held.into_iter().try_fold(Money::ZERO, |sum, ((_, asset), amount)| {
        let left = match less {
            Some((what, less)) if what == *asset => amount.minus(less)?,
            _ => *amount,
        };
        let worth = left.max(Quantity::ZERO).at(state.market.price(*asset).usd(), Round::Down)?;
        sum.plus(worth.max(Money::ZERO))
    })
}
