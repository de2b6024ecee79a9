//! Rules of liquidations that are broken on purpose.

use engine::state::{Holder, Pot, State};
use engine::{Cause, Command, Engine, Envelope, Event, Reject};
use model::QuotePrice;
use units::{Price, Quantity, Ratio, Timestamp};

use super::{Canary, doctored};
use crate::kinds;

/// Whether a canary breaks a rule of liquidations.
pub fn breaks(canary: Canary) -> bool {
    use Canary as C;
    matches!(
        canary,
        C::WrongWaterfall
            | C::WholeShared
            | C::TruncatedLoss
            | C::OverLiquidated
            | C::SelfLiquidation
            | C::Bystander
            | C::StuckFlag
            | C::NoCure
            | C::RepeatedEpoch
            | C::BadPrice
            | C::StaleOffer
            | C::FundBelowZero
            | C::NoPace
            | C::OneLegGone
            | C::FeeElsewhere
            | C::GreedyBid
            | C::SkewedCross
    )
}

/// The answer of a canary.
pub fn decide(
    canary: Canary,
    engine: &Engine,
    envelope: &Envelope,
    answer: Result<Vec<Event>, Reject>,
) -> Result<Vec<Event>, Reject> {
    match answer {
        Ok(mut events) if forces(&envelope.command) => {
            if let Some(other) = redecided(canary, engine, envelope, &events) {
                return other;
            }
            alter(canary, engine, &mut events);
            Ok(events)
        }
        Err(reject) => let_through(canary, engine, envelope, reject),
        answer => answer,
    }
}

fn forces(command: &Command) -> bool {
    matches!(command, Command::Liquidate { .. } | Command::LiquidationFill { .. } | Command::AuctionBid { .. })
}

/// Accepts a command that the engine refuses.
fn let_through(canary: Canary, engine: &Engine, envelope: &Envelope, reject: Reject) -> Result<Vec<Event>, Reject> {
    let command = &envelope.command;
    match (canary, &reject, command) {
        (Canary::SelfLiquidation, Reject::SelfTrade { .. }, Command::LiquidationFill { account, counterparty, .. })
            if account != counterparty =>
        {
            doctored(engine, envelope, |state| state.accounts[counterparty.place()].owner = u32::MAX)
        }
        (Canary::NoCure, Reject::Curing { .. }, _) => {
            doctored(engine, envelope, |state| state.liquidations.calm = Timestamp::from_micros(0))
        }
        (Canary::BadPrice, Reject::NoOffer { .. }, Command::LiquidationFill { account, lots, .. }) => {
            doctored(engine, envelope, |state| {
                let case = state.liquidations.cases.get_mut(account);
                if let Some(offer) = case.and_then(|case| case.offer.as_mut()) {
                    let (low, high) =
                        (Price::from_raw(-Price::ONE.raw() << 40), Price::from_raw(Price::ONE.raw() << 40));
                    offer.worst = if *lots > 0 { high } else { low };
                }
            })
        }
        (Canary::StaleOffer, Reject::NoOffer { version, .. }, Command::LiquidationFill { account, .. }) => {
            doctored(engine, envelope, |state| {
                let case = state.liquidations.cases.get_mut(account);
                if let Some(offer) = case.and_then(|case| case.offer.as_mut()) {
                    offer.version = *version;
                }
            })
        }
        (Canary::NoPace, Reject::Paced { .. }, _) => doctored(engine, envelope, unpaced),
        _ => Err(reject),
    }
}

/// Lets liquidations trade the whole depth of the markets, regardless of what they have traded before.
fn unpaced(state: &mut State) {
    state.liquidations.flows.clear();
    state.policy.liquidation.participation = Ratio::ONE;
}

/// Decides a command anew in a state that is not the true one; none where that makes no difference.
fn redecided(
    canary: Canary,
    engine: &Engine,
    envelope: &Envelope,
    events: &[Event],
) -> Option<Result<Vec<Event>, Reject>> {
    let covers = |pot: Pot| {
        let from = Holder::Pot(pot);
        events
            .iter()
            .any(|event| matches!(event, Event::Moved { from: paid, cause: Cause::Cover, .. } if *paid == from))
    };
    let rescues = matches!(envelope.command, Command::Liquidate { .. })
        && !events
            .iter()
            .any(|event| matches!(event, Event::Offered { .. } | Event::Moved { cause: Cause::Takeover, .. }));
    match canary {
        Canary::WholeShared if covers(Pot::SharedFund) => {
            Some(doctored(engine, envelope, |state| state.policy.liquidation.shared_share = Ratio::ONE))
        }
        // Every account on either side counts as a winner.
        Canary::Bystander if rescues && events.iter().any(|event| matches!(event, Event::Transferred { .. })) => {
            let Command::Liquidate { account } = envelope.command else { return None };
            let answer = doctored(engine, envelope, |state| {
                let others = state.accounts.iter_mut().enumerate().filter(|(place, _)| *place != account.place());
                for position in others.flat_map(|(_, whose)| &mut whose.positions) {
                    position.cost = Quantity::from_raw(position.cost.raw() - (Quantity::ONE.raw() << 24));
                }
            });
            answer.is_ok().then_some(answer)
        }
        // Offers are also as large as the markets bear.
        Canary::NoPace if matches!(envelope.command, Command::Liquidate { .. }) => {
            let answer = doctored(engine, envelope, unpaced);
            answer.is_ok().then_some(answer)
        }
        // Three times the payment that was asked.
        Canary::GreedyBid if matches!(envelope.command, Command::AuctionBid { .. }) => {
            let mut events = events.to_vec();
            for event in &mut events {
                if let Event::Moved { cause: Cause::Takeover, amount, .. } = event {
                    *amount = Quantity::from_raw(amount.raw() * 3);
                }
            }
            Some(Ok(events))
        }
        // Crossed at one per cent above the mark, where the offers would meet there as well.
        Canary::SkewedCross if kinds::liquidation(&envelope.command, events).contains(&"crossing") => {
            let met = events.iter().find_map(|event| match event {
                Event::Transferred { instrument, .. } => Some(*instrument),
                _ => None,
            });
            let answer = doctored(engine, envelope, |state| {
                if let Some(quote) = met.and_then(|met| state.market.quotes.instruments.get_mut(met.0)) {
                    quote.mark = QuotePrice::new(Price::from_raw(quote.mark.in_quote().raw() / 100 * 101));
                }
            });
            answer.is_ok().then_some(answer)
        }
        _ => None,
    }
}

/// Changes the events of a decision.
fn alter(canary: Canary, engine: &Engine, events: &mut Vec<Event>) {
    let cover = |event: &Event| matches!(event, Event::Moved { cause: Cause::Cover, .. });
    match canary {
        Canary::WrongWaterfall => {
            for event in events {
                if let Event::Moved { from: Holder::Pot(pot @ Pot::MarketFund(_)), cause: Cause::Cover, .. } = event {
                    *pot = Pot::SharedFund;
                }
            }
        }
        Canary::TruncatedLoss => {
            let loss = |event: &&mut Event| {
                let Event::Moved { from: Holder::Account(..), cause: Cause::Profit, amount, .. } = event else {
                    return false;
                };
                amount.raw() > 1
            };
            if let Some(Event::Moved { amount, .. }) = events.iter_mut().find(loss) {
                *amount = Quantity::from_raw(amount.raw() - 1);
            }
        }
        Canary::OverLiquidated => {
            let crosses = events.iter().any(|event| matches!(event, Event::Transferred { .. } | Event::Matched { .. }));
            for event in events {
                if let Event::Offered { offer: Some(offer), .. } = event
                    && !crosses
                {
                    offer.lots = offer.lots.saturating_mul(2);
                }
            }
        }
        Canary::StuckFlag => events.retain(|event| !matches!(event, Event::CaseClosed { .. })),
        Canary::RepeatedEpoch => {
            let last = engine.state().liquidations.last_epoch;
            for event in events {
                if let Event::CaseOpened { epoch, .. } = event
                    && last > 0
                {
                    *epoch = last;
                }
            }
        }
        Canary::FundBelowZero => {
            if let Some(Event::Moved { from: Holder::Pot(pot), asset, amount, .. }) =
                events.iter_mut().find(|event| cover(event))
            {
                *amount = Quantity::from_raw(engine.state().pot(*pot, *asset).raw() + 1);
            }
        }
        Canary::OneLegGone => {
            let taker = events.iter().find_map(|event| match event {
                Event::Transferred { to, .. } => Some(*to),
                _ => None,
            });
            events.retain(|event| !matches!(event, Event::Positioned { account, .. } if Some(*account) == taker));
        }
        Canary::FeeElsewhere => {
            for event in events {
                if let Event::Moved { to, cause: Cause::LiquidationFee, .. } = event {
                    *to = Holder::Pot(Pot::Fees);
                }
            }
        }
        _ => {}
    }
}
