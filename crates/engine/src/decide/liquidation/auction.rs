//! The Dutch auction of a portfolio: a registered backstop takes a share of it at the mark, for a premium that rises with time.

use liquidation::{LiquidationRules, auction};
use units::{Money, Ratio, Round, Timestamp};

use super::Handover;
use crate::layers::sight::Seen;
use crate::layers::{l0, l2, l4};
use crate::{AccountId, Cause, Context, Event, Reject};

/// A bid: the bidder takes `share` of every position at the mark and is paid the amount it asks for, if the clock of
/// the auction allows that much. The bidder must hold initial margin with the share, and the account must be left no
/// worse.
pub fn bid(
    context: Context<'_>,
    bidder: AccountId,
    auctioned: AccountId,
    share: Ratio,
    price: Money,
) -> Result<Vec<Event>, Reject> {
    let Context { state, desk, now } = context;
    let (taker, whose) = (l0::account(state, bidder)?, l0::account(state, auctioned)?);
    let case = state.liquidations.cases.get(&auctioned);
    let began = case.and_then(|case| case.auction).ok_or(Reject::NoAuction { account: auctioned })?;
    if !state.liquidations.backstops.contains(&bidder) {
        return Err(Reject::malformed("account", bidder, "an account that is registered to take over portfolios"));
    }
    if taker.owner == whose.owner {
        return Err(Reject::SelfTrade { account: auctioned });
    }
    l4::calm(state, now)?;
    let seen = Seen::new(state, desk, now, auctioned, whose)?;
    let judged = &seen.judged;
    if !seen.is_below() {
        let status = judged.status;
        return Err(seen.flaw().unwrap_or(Reject::NotInLiquidation { account: auctioned, status }));
    }
    let rules = &state.policy.liquidation;
    let target = judged.maintenance_margin.scaled(rules.beta, Round::Up)?;
    let elapsed = now.micros().saturating_sub(began.micros());
    let sale = auction::sale(share, judged.equity.minus(target)?, judged.equity, Money::ZERO, elapsed, rules);
    let sale = sale.ok_or(Reject::NoAuction { account: auctioned })?;
    if share <= Ratio::ZERO || share > sale.share {
        return Err(Reject::malformed("share", share, format!("above 0 and at most {}", sale.share)));
    }
    let clock = sale.premium;
    assert!(clock <= judged.equity, "I-40: {clock} is paid for what is worth {}", judged.equity);
    let asked = price.negated()?;
    if asked > clock {
        return Err(Reject::malformed("price", price, format!("{} or more: the clock pays {clock}", clock.negated()?)));
    }
    let mut handover = Handover::new(state, now, auctioned);
    handover.give_share(share, bidder)?;
    let lacking = if asked.is_negative() {
        handover.receive(bidder, asked.negated()?, Cause::Takeover)?
    } else {
        handover.pay(bidder, asked, Cause::Takeover)?
    };
    if lacking > Money::ZERO {
        return Err(Reject::malformed("price", price, format!("{lacking} less: it cannot be paid")));
    }
    if !seen.no_worse(state, desk, auctioned, &handover.leaves(auctioned)?)? {
        return Err(Reject::malformed("share", share, "a share that leaves the account no worse"));
    }
    holds(context, bidder, &handover)?;
    let mut events = vec![super::recorded(state, auctioned, judged)];
    events.extend(handover.into_events(desk)?);
    Ok(events)
}

/// The end of the auction.
pub fn end(began: Timestamp, rules: &LiquidationRules) -> Timestamp {
    Timestamp::from_micros(began.micros().saturating_add(rules.fast).saturating_add(rules.slow))
}

/// Whether the bidder holds its initial margin together with what it takes over.
pub fn holds(context: Context<'_>, taker: AccountId, handover: &Handover<'_>) -> Result<(), Reject> {
    let Context { state, desk, now } = context;
    let (before, after) = (&state.accounts[taker.place()], handover.leaves(taker)?);
    let (flattered, surcharge) = (Money::ZERO, Ratio::ONE);
    l2::holds(state, desk, &l2::Outcome { now, id: taker, before, after: &after, flattered, shrinks: false, surcharge })
}
