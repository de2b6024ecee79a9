//! The effect of a record on an account in liquidation: trades, payments and offers, with the prices of that moment.

use model::{AssetId, InstrumentId, QuotePrice, UnderlyingId, UsdPrice};
use units::{Money, Overflow, Price, Quantity, Round};

use super::Figures;
use crate::decide::cost;
use crate::state::{Holder, Offer, State, times};
use crate::{AccountId, Cause, Command, Envelope, Event};

/// The kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The engine recorded the status of the account; it may also have opened the case.
    Judged,
    /// The next step was asked for, but nothing could be done.
    Nothing,
    /// A trade was offered to the market.
    Offered,
    /// The account traded with the opposite offer of another case, at the mark.
    Crossed,
    /// The market took the offer, or a part of it.
    Filled,
    /// The portfolio went into auction.
    Auctioned,
    /// A bidder took a share of the portfolio.
    Bid,
    /// A backstop took a share of the portfolio, at its bankruptcy price.
    TakenOver,
    /// Funds paid a loss, and nothing was closed.
    Covered,
    /// The rest was closed against winning accounts, after the funds had paid.
    Deleveraged,
    /// The case ended.
    Closed,
    /// A command outside this liquidation changed the account.
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
    /// The mark at that moment.
    pub mark: QuotePrice,
    /// The index of the underlying at that moment.
    pub index: UsdPrice,
    /// Gain of the account from trading at this price instead of the mark, in USD, rounded down; negative for a loss.
    pub over_mark: Money,
}

/// An amount that the account received, or paid when it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The holder that paid, or that was paid.
    pub with: Holder,
    /// The asset that was paid.
    pub asset: AssetId,
    /// Units of the asset; negative when the account paid.
    pub amount: Quantity,
    /// Value at the price of that moment, in USD, rounded down.
    pub usd: Money,
    /// The reason that the journal gives.
    pub cause: Cause,
}

/// The effect of a record on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The kind of the step.
    pub what: What,
    /// Set when the step opened the case: the number of the case and the underlyings the account had positions in.
    pub opened: Option<(u64, Vec<UnderlyingId>)>,
    /// The figures that the step relied on, as recorded.
    pub judged: Option<Figures>,
    /// Number of orders that were cancelled.
    pub cancelled: usize,
    /// The offer after the step; none when nothing is offered, or when the record does not mention offers.
    pub offer: Option<Offer>,
    /// The offer that was withdrawn.
    pub withdrawn: Option<Offer>,
    /// Trades, in order.
    pub trades: Vec<Trade>,
    /// Payments, in order, with the cash of the trades.
    pub payments: Vec<Payment>,
}

/// The effect of a record on an account; none when the record does not concern it. `state` is the state before the record.
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
    let what = what(id, &envelope.command, events, &trades);
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

fn what(id: AccountId, command: &Command, events: &[Event], trades: &[Trade]) -> What {
    let Some(whose) = command.liquidated() else {
        return if is_judgement(events, id) { What::Judged } else { What::Outside };
    };
    if whose != id {
        // Another case met the offer of this account; or this account took over lots, or was closed against as a winner.
        return if crossed_with(events, whose) == Some(id) { What::Crossed } else { What::Outside };
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
    } else if crossed_with(events, id).is_some() {
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

/// Whether a record only judges an account, and may open its case.
fn is_judgement(events: &[Event], id: AccountId) -> bool {
    let judges = |event: &Event| matches!(event, Event::Judged { .. } | Event::CaseOpened { .. });
    let others = |event: &&Event| event.concerns(id) && !judges(event);
    !events.iter().any(|event| others(&event))
}

/// The account whose offer a step of account `id` met. A crossing ends with what is left of both offers, the met one
/// first. A handover may withdraw offers too, but that of the account itself first, and those of its takers last.
fn crossed_with(events: &[Event], id: AccountId) -> Option<AccountId> {
    let [.., Event::Offered { account: other, .. }, Event::Offered { account, .. }] = events else { return None };
    (*account == id && *other != id).then_some(*other)
}

/// The trade that an event records.
fn trade(state: &State, id: AccountId, command: &Command, event: &Event) -> Result<Option<Trade>, Overflow> {
    // The account that traded the lots as they are signed, and the account on the other side.
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
    let mark = state.market.mark(instrument);
    let units = times(terms.unit(), lots)?;
    let over = cost(units, mark.in_quote(), terms)?.minus(cost(units, price, terms)?)?;
    Ok(Some(Trade {
        with,
        instrument,
        lots,
        price,
        mark,
        index: state.market.index(terms.underlying),
        over_mark: over.at(state.market.price(terms.cash()).usd(), Round::Down)?,
    }))
}

/// The account that trades in a command, the account on the other side, and the lots as the first trades them; none for
/// a command without a trade on the market.
fn traded(command: &Command) -> Option<(AccountId, AccountId, i64)> {
    if let Command::Fill { lots, buyer, seller, .. } = command {
        return Some((buyer.account, seller.account, *lots));
    }
    let Command::LiquidationFill { account, counterparty, lots, .. } = command else { return None };
    Some((*account, *counterparty, *lots))
}

/// The payment that an event records.
fn payment(state: &State, id: AccountId, event: &Event) -> Result<Option<Payment>, Overflow> {
    let Event::Moved { from, to, asset, amount, cause } = *event else { return Ok(None) };
    let own = |holder: Holder| matches!(holder, Holder::Account(account, _) if account == id);
    let (with, amount) = match (own(from), own(to)) {
        (false, true) => (from, amount),
        (true, false) => (to, amount.negated()?),
        _ => return Ok(None),
    };
    let usd = amount.at(state.market.price(asset).usd(), Round::Down)?;
    Ok(Some(Payment { with, asset, amount, usd, cause }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(0);
    const BOB: AccountId = AccountId(1);
    const CAROL: AccountId = AccountId(2);

    fn offered(account: AccountId) -> Event {
        Event::Offered { account, offer: None }
    }

    fn traded(lots: i64, to: AccountId) -> Event {
        let (instrument, price) = (InstrumentId(0), Price::ONE);
        Event::Transferred { instrument, from: ALICE, to, lots, price, open: 1 }
    }

    fn paid() -> Event {
        let [from, to] = [ALICE, BOB].map(|account| Holder::Account(account, None));
        Event::Moved { from, to, asset: model::USD, amount: Quantity::ONE, cause: Cause::Takeover }
    }

    /// The kinds of a step of Alice's liquidation: for her, and for Bob.
    fn kinds(events: &[Event]) -> (What, What) {
        let trade = Trade {
            with: BOB,
            instrument: InstrumentId(0),
            lots: 1,
            price: Price::ONE,
            mark: QuotePrice::new(Price::ONE),
            index: UsdPrice::new(Price::ONE),
            over_mark: Money::ZERO,
        };
        let trades: &[Trade] =
            if events.iter().any(|event| matches!(event, Event::Transferred { .. })) { &[trade] } else { &[] };
        let command = Command::Liquidate { account: ALICE };
        (what(ALICE, &command, events, trades), what(BOB, &command, events, trades))
    }

    /// An account that takes over lots, or is closed against as a winner, may have an offer of its own, which the trade
    /// makes outdated: it was not met.
    #[test]
    fn an_offer_that_is_only_withdrawn_was_not_met() {
        let crossing = [traded(-1, BOB), offered(BOB), offered(ALICE)];
        assert_eq!(kinds(&crossing), (What::Crossed, What::Crossed));
        let taken_over = [traded(-1, BOB), paid(), offered(ALICE), offered(BOB)];
        assert_eq!(kinds(&taken_over), (What::TakenOver, What::Outside));
        assert_eq!(kinds(&[traded(-1, BOB), paid(), offered(BOB)]), (What::TakenOver, What::Outside));
        assert_eq!(kinds(&[traded(-1, BOB), offered(BOB)]), (What::Deleveraged, What::Outside));
        // Two winners had offers; the one that is looked at is the first of them, or has none.
        let winners = [traded(-1, BOB), traded(-1, CAROL), offered(ALICE), offered(BOB), offered(CAROL)];
        assert_eq!(kinds(&winners), (What::Deleveraged, What::Outside));
        // Bob's offer was met by another account than the one that is told about.
        assert_eq!(kinds(&[traded(-1, CAROL), offered(CAROL), offered(ALICE)]).1, What::Outside);
    }
}
