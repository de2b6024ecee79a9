//! Changes of parameters: proposed, delayed, bounded in step, checked again when they come into force.
//!
//! A holder of the keys of governance can move a parameter by one step per delay and no faster. Everything that leaves
//! custody passes the outflow limiter, also for governance (I-67, S-39). No rule here depends on the account: there is
//! no exemption to give (S-38).

use std::collections::BTreeMap;
use std::fmt::Display;

use margin::method::universal;
use margin::params::Params;
use margin::scenario::ScenarioSet;
use marks::FeedRules;
use model::{AssetId, CounterPrice, UnderlyingId};
use pricing::kernel::Isa;
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use super::{expiry, fund, listing};
use crate::feeds;
use crate::layers::{l0, l5, l6};
use crate::state::{Change, Holder, Mode, Pot, State, check_outflow};
use crate::{Cause, Context, Event, FeedId, Live, Noun, Reject};

/// Announces a change. It is checked now, so that a proposal that waits is possible, and again when it comes into force.
pub fn propose(state: &State, now: Timestamp, change: &Change) -> Result<Vec<Event>, Reject> {
    possible(state, now, change)?;
    // At most one change of each subject is under way.
    if let Some((number, _)) = state.proposals.iter().find(|(_, waiting)| waiting.change.subject() == change.subject())
    {
        return Err(Reject::UnderWay { proposal: *number });
    }
    limiter_apart(state, now, change)?;
    let from = later(now, state.policy.delay);
    Ok(vec![Event::Proposed { change: Box::new(change.clone()), from }])
}

/// Brings a proposal into force once its delay is over, if it is still possible against the values in force now, not
/// those at the time of the proposal.
pub fn activate(context: Context<'_>, number: u64) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let proposal = known(state, number)?;
    if now < proposal.from {
        return Err(Reject::TooSoon { from: proposal.from });
    }
    let change = &proposal.change;
    possible(state, now, change)?;
    let mut events = match change {
        // A ramp that began between two files would need a third file.
        Change::Method { .. } if ramping(state, now) => return Err(Reject::UnderWay { proposal: number }),
        Change::FundOut { fund, asset, amount } => fund_out(context, *fund, *asset, *amount)?,
        Change::SettlementPrice { instrument, price } => expiry::settled_at(state, desk.live(), *instrument, *price)?,
        Change::Method { .. }
        | Change::Cap { .. }
        | Change::Feed { .. }
        | Change::Limits { .. }
        | Change::OpenInterest { .. }
        | Change::Outflow { .. } => Vec::new(),
    };
    limiter_apart(state, now, change)?;
    events.push(Event::Activated { proposal: number });
    Ok(events)
}

/// Withdraws a proposal.
pub fn revoke(state: &State, number: u64) -> Result<Vec<Event>, Reject> {
    known(state, number)?;
    Ok(vec![Event::Revoked { proposal: number }])
}

/// Checks that a change is within its bounds and one step of the value in force.
pub fn possible(state: &State, now: Timestamp, change: &Change) -> Result<(), Reject> {
    let step = Step(state.policy.step);
    match change {
        Change::Method { text } => method(state, text),
        Change::Cap { asset, cap } => {
            l0::asset(state, *asset)?;
            if *asset == model::USD {
                return Err(Reject::malformed("asset", "USD", "an asset with a cap"));
            }
            listing::capped(*cap)?;
            step.number("cap", state.collateral[asset.0].cap.raw(), cap.raw())
        }
        Change::Feed { feed, rules } => {
            let known = l0::feed(state, *feed)?;
            listing::readable("rules", rules)?;
            step.rules(&known.rules, rules)
        }
        Change::Limits { instrument, max_order, max_open, band } => {
            let contract = l0::contract(state, *instrument)?;
            if contract.mode == Mode::Settled {
                return Err(Reject::Mode { mode: contract.mode });
            }
            let terms = &contract.terms;
            listing::limited(state, terms, *max_order, *max_open, *band)?;
            step.count("max_order", terms.max_order, *max_order)?;
            step.count("max_open", terms.max_open, *max_open)?;
            step.number("band", terms.band.raw(), band.raw())
        }
        Change::OpenInterest { underlying, usd } => {
            let Some(known) = state.open_interest_usd.get(underlying.0) else {
                return Err(l0::unknown(Noun::Underlying, underlying.0));
            };
            listing::open_interest(*usd)?;
            step.number("open_interest_usd", known.raw(), usd.raw())
        }
        Change::Outflow { window, share, floor } => {
            check_outflow((*window, *share, *floor))?;
            step.count("window", state.policy.outflow_window, *window)?;
            step.number("share", state.policy.outflow_share.raw(), share.raw())?;
            step.number("floor", state.policy.outflow_floor.raw(), floor.raw())
        }
        Change::FundOut { fund, asset, amount } => {
            fund::is_fund(state, *fund)?;
            l0::asset(state, *asset)?;
            l0::amount("amount", *amount)?;
            let there = state.pot(*fund, *asset);
            if there < *amount {
                return Err(Reject::Balance { asked: *amount, there });
            }
            // A fee that was taken out of profit is in custody only once the loser of that profit has paid (I-28).
            let settled = state.collateral[asset.0].settled;
            if there.plus(settled.min(Quantity::ZERO))? < *amount {
                return Err(Reject::Unsettled { profit: *amount, settled });
            }
            Ok(())
        }
        Change::SettlementPrice { instrument, price } => {
            let contract = l0::contract(state, *instrument)?;
            expiry::due(contract, now)?;
            if let Some(average) = expiry::average(state, contract) {
                return Err(Reject::malformed("price", price, format!("none: the window made {average}")));
            }
            let underlying = contract.terms.underlying;
            let counter = state.market.price(contract.terms.counter_asset());
            let index = state.market.index(underlying).to_counter(counter, Round::Down)?;
            let signed = state.feeds.get(&FeedId::Index(underlying)).is_some_and(|feed| feed.rules.signed);
            if *price <= CounterPrice::ZERO && !signed {
                return Err(Reject::malformed("price", price, "above 0"));
            }
            step.number("price", index.in_counter().raw(), price.in_counter().raw())
        }
    }
}

/// Pays money out of a fund: no loss may wait for it, every market must be adequate without it (I-53), and the outflow
/// limiter must bear it, as for everything else that leaves (I-67).
fn fund_out(context: Context<'_>, fund: Pot, asset: AssetId, amount: Quantity) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let mut feeds = Vec::new();
    feeds::of_asset(state, asset, &mut feeds);
    feeds.into_iter().try_for_each(|feed| feeds::valid(state, now, feed))?;
    let spent = l6::outflow(state, now, asset, amount)?;
    for underlying in (0..state.market.underlyings.len()).map(UnderlyingId) {
        l6::fund_without(state, desk, underlying, (fund, asset, amount))?;
    }
    l5::covered(state, desk, now)?;
    let (from, to) = (Holder::Pot(fund), Holder::Pot(Pot::Custody(None)));
    Ok(vec![Event::Moved { from, to, asset, amount, cause: Cause::Fund }, Event::Flowed { spent }])
}

/// Checks that the outflow limiter and collateral do not change together: a hostile administrator needs both, an
/// unknown token and a wider limiter (S-39, I-67).
fn limiter_apart(state: &State, now: Timestamp, change: &Change) -> Result<(), Reject> {
    match change {
        Change::Outflow { .. } => {
            let quiet = state.policy.delay.saturating_add(state.policy.outflow_window);
            let pending = state.proposals.values().filter(|waiting| matches!(waiting.change, Change::Cap { .. }));
            let until = pending.map(|waiting| waiting.from.max(now)).chain(state.collateral_changed).max();
            match until.map(|changed| later(changed, quiet)) {
                Some(until) if now < until => Err(Reject::LimiterLocked { until }),
                _ => Ok(()),
            }
        }
        Change::Cap { .. } => state.outflow_change().map_or(Ok(()), |proposal| Err(Reject::UnderWay { proposal })),
        Change::Method { .. }
        | Change::Feed { .. }
        | Change::Limits { .. }
        | Change::OpenInterest { .. }
        | Change::FundOut { .. }
        | Change::SettlementPrice { .. } => Ok(()),
    }
}

fn known(state: &State, number: u64) -> Result<&crate::state::Proposal, Reject> {
    state.proposals.get(&number).ok_or(Reject::Unknown { what: Noun::Proposal, id: number })
}

fn ramping(state: &State, now: Timestamp) -> bool {
    state.method.progress(now) < Ratio::ONE
}

fn later(time: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_add(by))
}

/// Checks that a parameter file can replace the one in force: it can be read, it can price the present market, and
/// every number in it is within one step of the number it replaces.
fn method(state: &State, text: &str) -> Result<(), Reject> {
    let fresh = universal::parse(text)?;
    let current = universal::parse(&state.method.text)?;
    leaves_apart(&current, &fresh, state.policy.step)?;
    let (none, live) = (ScenarioSet::default(), Live::new(state));
    universal::Prepared::of_live(&state.market, &fresh.rules, &none, Isa::detect(), &|id| live.has(id))
        .map_err(|refusal| Reject::Invalid { path: "method".to_owned(), problem: refusal.to_string() })?;
    Ok(())
}

/// Compares every number of two files. A number that is in only one of them is a change without bound, and is refused.
fn leaves_apart<T>(current: &Params<T>, fresh: &Params<T>, step: Ratio) -> Result<(), Reject> {
    let leaves = |params: &Params<T>| -> BTreeMap<String, String> {
        params.evidence.iter().map(|leaf| (leaf.path.clone(), leaf.value.clone())).collect()
    };
    let (current, fresh) = (leaves(current), leaves(fresh));
    for field in current.keys().chain(fresh.keys()) {
        let refused = |from: &str, to: &str| Reject::Step {
            field: field.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
            step,
        };
        let (Some(from), Some(to)) = (current.get(field), fresh.get(field)) else {
            let said = |leaf: Option<&String>| leaf.map_or("nothing", String::as_str).to_owned();
            return Err(refused(&said(current.get(field)), &said(fresh.get(field))));
        };
        match (numbers(from), numbers(to)) {
            (Some(before), Some(after)) if before.len() == after.len() => {
                if before.iter().zip(&after).any(|(before, after)| !within(before.raw(), after.raw(), step)) {
                    return Err(refused(from, to));
                }
            }
            // A name is not a number, and may change.
            (None, None) => {}
            _ => return Err(refused(from, to)),
        }
    }
    Ok(())
}

/// The number in a leaf, or the numbers of a list; none for a name.
fn numbers(leaf: &str) -> Option<Vec<Ratio>> {
    let inner = leaf.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(leaf);
    inner.split(',').map(|part| part.trim().trim_matches('"').parse().ok()).collect()
}

/// Whether `to` is at most one step away from `from`. A step is a share of `from`, so that 0 stays 0.
fn within(from: i128, to: i128, step: Ratio) -> bool {
    let most = Money::from_raw(from).scaled(step, Round::Down).map(|most| most.raw().unsigned_abs());
    most.is_ok_and(|most| to.abs_diff(from) <= most)
}

/// The largest move of a number at once, as a share of it.
struct Step(Ratio);

impl Step {
    /// Checks a number with decimals.
    fn number(&self, field: &str, from: i128, to: i128) -> Result<(), Reject> {
        if within(from, to, self.0) {
            return Ok(());
        }
        Err(self.refused(field, Price::from_raw(from), Price::from_raw(to)))
    }

    /// Checks a whole number, which may always move by one.
    fn count(&self, field: &str, from: i64, to: i64) -> Result<(), Reject> {
        if from.abs_diff(to) <= 1 || within(i128::from(from), i128::from(to), self.0) {
            return Ok(());
        }
        Err(self.refused(field, from, to))
    }

    fn refused(&self, field: &str, from: impl Display, to: impl Display) -> Reject {
        Reject::Step { field: field.to_owned(), from: from.to_string(), to: to.to_string(), step: self.0 }
    }

    /// Checks the rules of a feed: every number moves by a step at most, and at most one source is added and one
    /// removed, so that a change cannot replace a quorum at once (I-15, I-17).
    fn rules(&self, from: &FeedRules, to: &FeedRules) -> Result<(), Reject> {
        self.count("quorum", i64::from(from.quorum), i64::from(to.quorum))?;
        self.number("band", from.band.raw(), to.band.raw())?;
        self.number("dispersion", from.dispersion.raw(), to.dispersion.raw())?;
        self.number("scale", from.scale.raw(), to.scale.raw())?;
        self.number("max_confidence", from.max_confidence.raw(), to.max_confidence.raw())?;
        self.count("max_future_micros", from.max_future_micros, to.max_future_micros)?;
        self.number("collar", from.collar.raw(), to.collar.raw())?;
        self.number("handover", from.handover.raw(), to.handover.raw())?;
        self.count("fast_micros", from.fast_micros, to.fast_micros)?;
        self.count("slow_micros", from.slow_micros, to.slow_micros)?;
        if from.signed != to.signed {
            return Err(self.refused("signed", from.signed, to.signed));
        }
        let missing = |these: &FeedRules, those: &FeedRules| {
            these.sources.iter().filter(|source| those.source(source.source).is_none()).count()
        };
        if missing(from, to) > 1 || missing(to, from) > 1 {
            let names =
                |rules: &FeedRules| format!("{:?}", rules.sources.iter().map(|s| s.source).collect::<Vec<u32>>());
            return Err(self.refused("sources", names(from), names(to)));
        }
        for after in &to.sources {
            let Some(before) = from.source(after.source) else { continue };
            let field = |name: &str| format!("sources.{}.{name}", after.source);
            self.count(&field("max_age_micros"), before.max_age_micros, after.max_age_micros)?;
            match (before.bounds, after.bounds) {
                (Some(before), Some(after)) => {
                    self.number(&field("bounds.low"), before.low.raw(), after.low.raw())?;
                    self.number(&field("bounds.high"), before.high.raw(), after.high.raw())?;
                }
                (Some(_), None) => return Err(self.refused(&field("bounds"), "bounds", "none")),
                (None, _) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    /// I-67: a step is a share of the value in force; 0 stays 0.
    #[test]
    fn a_step_is_a_share_of_what_is_there() {
        let fifth = ratio("0.2");
        assert!(within(100, 120, fifth) && within(100, 80, fifth) && within(-100, -120, fifth));
        assert!(!within(100, 121, fifth) && !within(100, 79, fifth) && !within(0, 1, fifth));
        assert!(within(0, 0, fifth) && !within(100, -100, fifth));
    }

    #[test]
    fn a_leaf_is_a_number_a_list_of_numbers_or_a_name() {
        assert_eq!(numbers("0.5"), Some(vec![ratio("0.5")]));
        assert_eq!(numbers(r#"["-0.66", "4"]"#), Some(vec![ratio("-0.66"), ratio("4")]));
        assert_eq!(numbers("March 2020"), None);
    }
}
