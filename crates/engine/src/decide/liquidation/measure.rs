//! The nearness to a cascade (R of 5.3): the value that a price move forces to be traded, times the move that trading
//! it causes.

use std::collections::BTreeMap;

use liquidation::pace::{Exposure, cascade};
use margin::greeks;
use model::UnderlyingId;
use units::{Overflow, Ratio, Round};

use crate::depth;
use crate::state::{Cascade, State};
use crate::{AccountId, Desk, Event, FeedId, Reject};

/// The largest move that is looked at, as a part of the index.
pub const REACH: f64 = 0.02;

/// Measures every underlying. An account counts with its whole net delta from the move on that uses up its equity above
/// maintenance margin, on a straight line from the present prices.
pub fn measure(state: &State, desk: &Desk) -> Result<Vec<Event>, Reject> {
    let mut exposures: BTreeMap<UnderlyingId, Vec<Exposure>> = BTreeMap::new();
    let far = desk.far(state, REACH);
    for (place, account) in state.accounts.iter().enumerate() {
        let id = AccountId(u32::try_from(place).expect("ids are u32"));
        if account.positions.is_empty() || far(id) {
            continue;
        }
        // An account that cannot be assessed cannot be liquidated either.
        let Ok(judged) = desk.judge_held(state, id) else { continue };
        let view = account.view(&state.contracts, &state.locations)?;
        let Ok(sensitivities) = greeks::of_account(&view, &state.market, desk.settlement_window()) else { continue };
        let above = judged.equity.minus(judged.maintenance_margin)?.to_f64().max(0.0);
        for of in sensitivities.iter().filter(|of| of.delta_usd != 0.0) {
            let found = state.market.underlyings.iter().position(|listed| listed.name == of.underlying);
            let (Some(place), notional) = (found, of.delta_usd.abs()) else { continue };
            let exposure = Exposure { distance: above / notional, notional, long: of.delta_usd > 0.0 };
            exposures.entry(UnderlyingId(place)).or_default().push(exposure);
        }
    }
    let mut events = Vec::new();
    for place in 0..state.market.underlyings.len() {
        let underlying = UnderlyingId(place);
        let depth = depth::observed(state, FeedId::Index(underlying)).to_f64();
        let impact = if depth > 0.0 { 0.01 / depth } else { 0.0 };
        let exposures = exposures.get(&underlying).map(Vec::as_slice).unwrap_or_default();
        let found = cascade(exposures, impact, REACH);
        let cascade = Cascade { down: ratio(found.down)?, up: ratio(found.up)? };
        if state.liquidations.cascades.get(&underlying).copied().unwrap_or_default() != cascade {
            events.push(Event::Measured { underlying, cascade });
        }
    }
    Ok(events)
}

/// R, rounded up, against accounts that take new risk. A value above a thousand is cut to a thousand.
fn ratio(r: f64) -> Result<Ratio, Overflow> {
    Ratio::from_f64(if r < 1000.0 { r } else { 1000.0 }, Round::Up)
}
