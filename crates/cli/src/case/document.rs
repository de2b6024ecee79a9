//! `upm.case/1`: the time line of a liquidation as a document, in names.

use engine::explain::{Figures, Payment, Trade, What};
use engine::state::{Offer, State};
use journal::Hash;
use model::{QuotePrice, UsdPrice};
use serde::Serialize;
use units::{Money, Overflow, Price, Quantity, Timestamp};

use super::bill::BillLine;
use super::chronicle::Case;
use super::timeline::{Entry, Taken, Timeline, Waited};
use super::{Moment, page, words};
use crate::naming;

/// A liquidation step by step, as a document `upm.case/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CaseDocument {
    format: &'static str,
    journal: String,
    #[serde(flatten)]
    summary: Summary,
    /// The hash of the state just after its last record.
    state: String,
    /// Whether every step is decided again exactly as journaled.
    same: bool,
    timeline: Vec<EntryDocument>,
}

/// A case in short: a line of `upm.cases/1`, and the head of `upm.case/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// The number of the case.
    pub case: u64,
    /// The name of the account that was liquidated.
    pub account: String,
    /// The number of the account's owner.
    pub owner: u32,
    /// The moment when it was first judged to be below its maintenance margin.
    pub below_since: Moment,
    /// The moment when the case began.
    pub opened: Moment,
    /// The moment when the case ended; null when it is open.
    pub closed: Option<Moment>,
    /// The names of the underlyings in which it had positions.
    pub markets: Vec<String>,
    /// Its figures when it began; null when the record is not kept.
    pub began_on: Option<Figures>,
    /// The reason why it began, in a sentence.
    pub why: Option<String>,
    /// `clear_of_warning`, `nothing_left` or `open`.
    pub ended: &'static str,
    /// Its figures when it ended; null when it is open.
    pub ended_on: Option<Figures>,
    /// The number of times that each step was taken.
    pub steps: Vec<StepCount>,
    /// The sum of the account's payments, in USD.
    pub cost: Money,
    /// The sum of payments for the account, in USD.
    pub covered: Money,
    /// Every payment, by purpose and payee.
    pub bill: Vec<BillLine>,
}

/// The number of times that a step was taken.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepCount {
    /// The name of the step, such as `auction`.
    pub what: &'static str,
    /// The number of times that it was taken.
    pub count: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "entry", rename_all = "snake_case")]
enum EntryDocument {
    Step(Box<StepDocument>),
    Wait(WaitDocument),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepDocument {
    sequence: Option<u64>,
    time: Timestamp,
    what: &'static str,
    /// The principal of the command.
    by: String,
    /// The event and its reason, sentence by sentence.
    words: Vec<String>,
    /// The figures on which it was decided, as journaled.
    recorded: Option<Figures>,
    /// The same figures, decided again; null when no account is judged there.
    recomputed: Option<Figures>,
    /// Whether all events are decided again, to the last digit.
    same: bool,
    /// The figures of the account afterwards, recomputed.
    after: Option<Figures>,
    orders_cancelled: usize,
    offer: Option<OfferDocument>,
    withdrawn: Option<OfferDocument>,
    trades: Vec<TradeDocument>,
    payments: Vec<PaymentDocument>,
    indices: Vec<IndexDocument>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct WaitDocument {
    from: Moment,
    until: Moment,
    seconds: i64,
    what: &'static str,
    words: String,
    /// The number of times that the next step was requested meanwhile.
    asked: u64,
    halted: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OfferDocument {
    instrument: String,
    side: &'static str,
    contracts: Quantity,
    worst: Price,
    market_version: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TradeDocument {
    with: String,
    instrument: String,
    side: &'static str,
    contracts: Quantity,
    price: Price,
    mark: QuotePrice,
    index: UsdPrice,
    /// The account's gain from the price compared with the mark, in USD.
    over_mark: Money,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PaymentDocument {
    with: String,
    asset: String,
    /// The amount, negative when the account paid.
    amount: Quantity,
    usd: Money,
    why: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct IndexDocument {
    underlying: String,
    index: UsdPrice,
}

/// The document of a case.
pub fn document(journal: &str, case: &Case, timeline: &Timeline, state_hash: Hash) -> Result<CaseDocument, Overflow> {
    let state = timeline.engine.state();
    let entries = timeline.entries.iter().map(|entry| match entry {
        Entry::Step(taken) => EntryDocument::Step(Box::new(step(state, taken))),
        Entry::Wait(waited) => EntryDocument::Wait(wait(state, waited)),
    });
    Ok(CaseDocument {
        format: "upm.case/1",
        journal: journal.to_owned(),
        summary: summary(state, case)?,
        state: state_hash.to_string(),
        same: timeline.is_same(),
        timeline: entries.collect(),
    })
}

/// A case in short.
pub fn summary(state: &State, case: &Case) -> Result<Summary, Overflow> {
    let account = &state.accounts[case.account.place()];
    let ended_on = case.closed.as_ref().and_then(|(_, figures)| *figures);
    let clear = ended_on.is_some_and(|figures| figures.status >= engine::Status::Restricted);
    Ok(Summary {
        case: case.number,
        account: account.name.clone(),
        owner: account.owner,
        below_since: case.below,
        opened: case.opened,
        closed: case.closed.as_ref().map(|(at, _)| *at),
        markets: case.markets.iter().map(|id| state.market.underlyings[id.0].name.clone()).collect(),
        began_on: case.began,
        why: page::why(state, case),
        ended: match case.closed {
            None => "open",
            Some(_) if clear => "clear_of_warning",
            Some(_) => "nothing_left",
        },
        ended_on,
        steps: case.steps.iter().map(|(what, count)| StepCount { what: kind(*what), count: *count }).collect(),
        cost: case.bill.total(true)?,
        covered: case.bill.total(false)?,
        bill: case.bill.lines(state),
    })
}

fn step(state: &State, taken: &Taken) -> StepDocument {
    let step = &taken.step;
    let index = |(underlying, index): &(model::UnderlyingId, UsdPrice)| IndexDocument {
        underlying: state.market.underlyings[underlying.0].name.clone(),
        index: *index,
    };
    StepDocument {
        sequence: taken.at.sequence,
        time: taken.at.time,
        what: kind(step.what),
        by: naming::principal(taken.envelope.principal),
        words: words::step(state, taken),
        recorded: step.judged,
        recomputed: taken.recomputed,
        same: taken.same,
        after: taken.after,
        orders_cancelled: step.cancelled,
        offer: step.offer.map(|one| offer(state, one)),
        withdrawn: step.withdrawn.map(|one| offer(state, one)),
        trades: step.trades.iter().map(|one| trade(state, one)).collect(),
        payments: step.payments.iter().map(|one| payment(state, one)).collect(),
        indices: taken.indices.iter().map(index).collect(),
    }
}

fn wait(state: &State, waited: &Waited) -> WaitDocument {
    let micros = waited.until.time.micros().saturating_sub(waited.from.time.micros());
    WaitDocument {
        from: waited.from,
        until: waited.until,
        seconds: micros / 1_000_000,
        what: words::awaited(&waited.wait),
        words: words::wait(state, waited),
        asked: waited.asked,
        halted: waited.halted.iter().map(|id| state.market.listing(*id).name.clone()).collect(),
    }
}

fn offer(state: &State, offer: Offer) -> OfferDocument {
    OfferDocument {
        instrument: state.market.listing(offer.instrument).name.clone(),
        side: side(offer.lots),
        contracts: words::contracts(state, offer.instrument, offer.lots),
        worst: offer.worst,
        market_version: offer.version,
    }
}

fn trade(state: &State, trade: &Trade) -> TradeDocument {
    TradeDocument {
        with: naming::account(state, trade.with).to_owned(),
        instrument: state.market.listing(trade.instrument).name.clone(),
        side: side(trade.lots),
        contracts: words::contracts(state, trade.instrument, trade.lots),
        price: trade.price,
        mark: trade.mark,
        index: trade.index,
        over_mark: trade.over_mark,
    }
}

fn payment(state: &State, payment: &Payment) -> PaymentDocument {
    PaymentDocument {
        with: naming::holder(state, payment.with),
        asset: state.market.assets[payment.asset.0].name.clone(),
        amount: payment.amount,
        usd: payment.usd,
        why: naming::cause(payment.cause),
    }
}

fn side(lots: i64) -> &'static str {
    if lots > 0 { "buy" } else { "sell" }
}

/// The name of a step in documents.
pub fn kind(what: What) -> &'static str {
    match what {
        What::Judged => "judged",
        What::Nothing => "nothing",
        What::Offered => "offered",
        What::Crossed => "crossed",
        What::Filled => "filled",
        What::Auctioned => "auctioned",
        What::Bid => "bid",
        What::TakenOver => "taken_over",
        What::Covered => "covered",
        What::Deleveraged => "deleveraged",
        What::Closed => "closed",
        What::Outside => "outside",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<CaseDocument>("upm.case/1", testdata::schema::Side::Written);
    }
}
