//! What a record did for an account in liquidation: trades, payments, offers, each with the prices of its moment.

use model::{AssetId, InstrumentId, QuotePrice, UnderlyingId, UsdPrice};
use units::{Money, Overflow, Price, Quantity, Round};

use super::Figures;
use crate::decide::cost;
use crate::state::{Holder, Offer, State, times};
use crate::{AccountId, Cause, Command, Envelope, Event};

/// What kind of step a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The engine said how the account stands; it may have begun its case on that.
    Judged,
    /// The next step was asked for, and nothing could be done.
    Nothing,
    /// A trade was offered to the market.
    Offered,
    /// It traded with the opposite offer of another case, at the mark.
    Crossed,
    /// The market took the offer, or a part of it.
    Filled,
    /// The portfolio went into auction.
    Auctioned,
    /// A bidder took a share.
    Bid,
    /// A backstop took a share, at its bankruptcy price.
    TakenOver,
    /// Funds paid a loss, and nothing was closed.
    Covered,
    /// What was left was closed against winners, after the funds had paid.
    Deleveraged,
    /// The case ended.
    Closed,
    /// A command of somebody else changed the account.
    Outside,
}

/// A trade of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The account on the other side.
    pub with: AccountId,
    /// The instrument that was traded.
    pub instrument: InstrumentId,
    /// Lots, signed as the account traded them.
    pub lots: i64,
    /// The price of the trade, in the instrument's quote.
    pub price: Price,
    /// The mark of that moment.
    pub mark: QuotePrice,
    /// The index of its underlying.
    pub index: UsdPrice,
    /// What the price gave the account over the mark, USD, rounded down; negative when it cost something.
    pub over_mark: Money,
}

/// An amount that the account received, or paid when it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// From whom, or to whom.
    pub with: Holder,
    /// The asset that was paid.
    pub asset: AssetId,
    /// Units of the asset; negative when the account paid.
    pub amount: Quantity,
    /// What that was worth at the price of the moment, USD, rounded down.
    pub usd: Money,
    /// The reason that the journal gives.
    pub cause: Cause,
}

/// What a record did for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What kind of step it was.
    pub what: What,
    /// Whether it began the case: the number of the case and the underlyings the account had positions in.
    pub opened: Option<(u64, Vec<UnderlyingId>)>,
    /// What it was done on, as recorded.
    pub judged: Option<Figures>,
    /// Orders that were cancelled.
    pub cancelled: usize,
    /// What is offered after it; none when nothing is, or when the record says nothing of it.
    pub offer: Option<Offer>,
    /// An offer that was withdrawn.
    pub withdrawn: Option<Offer>,
    /// Trades, in order.
    pub trades: Vec<Trade>,
    /// Payments, in order: the cash of the trades too.
    pub payments: Vec<Payment>,
}

/// What a record did for an account; none when it did nothing for it. `state` is that before the record.
pub fn step(state: &State, id: AccountId, envelope: &Envelope, events: &[Event]) -> Result<Option<Step>, Overflow> {
    let concerned = events.iter().any(|event| event.concerns(id));
    if !concerned {
        return Ok(None);
    }
    let opened = events.iter().find_map(|event| {
        let Event::CaseOpened { account, epoch, markets } = event else { return None };
        (*account == id).then(|| (*epoch, markets.clone()))
    });
    let closed = |event: &&Event| matches!(event, Event::OrderClosed { account, .. } if *account == id);
    let now = events.iter().rev().find_map(|event| {
        let Event::Offered { account, offer } = event else { return None };
        (*account == id).then_some(*offer)
    });
    let before = state.liquidations.cases.get(&id).and_then(|case| case.offer);
    let mut trades = Vec::new();
    let mut payments = Vec::new();
    for event in events {
        trades.extend(trade(state, id, &envelope.command, event)?);
        payments.extend(payment(state, id, event)?);
    }
    let what = what((state, id), &envelope.command, events, &trades);
    Ok(Some(Step {
        what,
        opened,
        judged: Figures::recorded(events, id),
        cancelled: if what == What::Outside { 0 } else { events.iter().filter(closed).count() },
        offer: now.flatten(),
        withdrawn: before.filter(|_| now == Some(None) && trades.is_empty()),
        trades,
        payments,
    }))
}

fn what((state, id): (&State, AccountId), command: &Command, events: &[Event], trades: &[Trade]) -> What {
    let Some(whose) = command.liquidated() else {
        return if is_judgement(events, id) { What::Judged } else { What::Outside };
    };
    if whose != id {
        // Another case met the offer of this one; or this account took something over, or had won.
        let offered = state.liquidations.cases.get(&id).is_some_and(|case| case.offer.is_some());
        let crossed = offered && !trades.is_empty() && is_crossing(events, whose);
        return if crossed { What::Crossed } else { What::Outside };
    }
    let any = |found: fn(&Event) -> bool| events.iter().any(found);
    if matches!(command, Command::LiquidationFill { .. }) {
        What::Filled
    } else if matches!(command, Command::AuctionBid { .. }) {
        What::Bid
    } else if any(|event| matches!(event, Event::CaseClosed { .. })) {
        What::Closed
    } else if any(|event| matches!(event, Event::Auctioned { .. })) {
        What::Auctioned
    } else if !trades.is_empty() && is_crossing(events, id) {
        What::Crossed
    } else if any(|event| matches!(event, Event::Moved { cause: Cause::Takeover, .. })) {
        What::TakenOver
    } else if !trades.is_empty() {
        What::Deleveraged
    } else if any(|event| matches!(event, Event::Moved { cause: Cause::Cover, .. })) {
        What::Covered
    } else if any(|event| matches!(event, Event::Offered { offer: Some(_), .. })) {
        What::Offered
    } else {
        What::Nothing
    }
}

/// Whether a record says nothing else of an account than how it stands, and that its case begins.
fn is_judgement(events: &[Event], id: AccountId) -> bool {
    let judges = |event: &Event| matches!(event, Event::Judged { .. } | Event::CaseOpened { .. });
    let others = |event: &&Event| event.concerns(id) && !judges(event);
    !events.iter().any(|event| others(&event))
}

/// Whether a step of one account met the offer of another: only then does it leave an offer of the other behind.
fn is_crossing(events: &[Event], id: AccountId) -> bool {
    events.iter().any(|event| matches!(event, Event::Offered { account, .. } if *account != id))
}

/// The trade that an event tells of.
fn trade(state: &State, id: AccountId, command: &Command, event: &Event) -> Result<Option<Trade>, Overflow> {
    // Who traded the lots as they are signed, and who took the other side.
    let (instrument, one, other, lots, price) =
        if let Event::Transferred { instrument, from, to, lots, price, .. } = event {
            (*instrument, *from, *to, *lots, *price)
        } else if let Event::Matched { instrument, price, .. } = event
            && let Some((one, other, lots)) = traded(command)
        {
            (*instrument, one, other, lots, *price)
        } else {
            return Ok(None);
        };
    let (with, lots) = if one == id {
        (other, lots)
    } else if other == id {
        (one, lots.saturating_neg())
    } else {
        return Ok(None);
    };
    let terms = &state.contracts[instrument.0].terms;
    let mark = state.market.listing(instrument).mark;
    let units = times(terms.unit(), lots)?;
    let over = cost(units, mark.in_quote(), terms)?.minus(cost(units, price, terms)?)?;
    Ok(Some(Trade {
        with,
        instrument,
        lots,
        price,
        mark,
        index: state.market.underlyings[terms.underlying.0].index,
        over_mark: over.at(state.market.assets[terms.cash().0].price.usd(), Round::Down)?,
    }))
}

/// Who trades in a command, who takes the other side, and the lots as the first trades them; none where nobody trades on the market.
fn traded(command: &Command) -> Option<(AccountId, AccountId, i64)> {
    if let Command::Fill { lots, buyer, seller, .. } = command {
        return Some((buyer.account, seller.account, *lots));
    }
    let Command::LiquidationFill { account, counterparty, lots, .. } = command else { return None };
    Some((*account, *counterparty, *lots))
}

/// The payment that an event tells of.
fn payment(state: &State, id: AccountId, event: &Event) -> Result<Option<Payment>, Overflow> {
    let Event::Moved { from, to, asset, amount, cause } = *event else { return Ok(None) };
    let own = |holder: Holder| matches!(holder, Holder::Account(account, _) if account == id);
    let (with, amount) = match (own(from), own(to)) {
        (false, true) => (from, amount),
        (true, false) => (to, amount.negated()?),
        _ => return Ok(None),
    };
    let usd = amount.at(state.market.assets[asset.0].price.usd(), Round::Down)?;
    Ok(Some(Payment { with, asset, amount, usd, cause }))
}
