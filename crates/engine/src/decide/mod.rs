//! Decides a command: the events that it makes, or the reason why it makes none. Nothing changes here.

mod accounts;
mod cash;
mod expiry;
mod fund;
mod funding;
mod governance;
mod interest;
mod legs;
mod liquidation;
mod listing;
mod market;
mod orders;
mod postings;
mod prices;
mod sound;
mod spot;
mod trade;
mod watch;

pub(crate) use governance::possible;
pub(crate) use postings::cost;

use crate::layers::l0;
use crate::state::Change;
use crate::{Command, Context, Desk, Envelope, Event, Reject, State};

/// The events that `envelope` makes on `state`, or the reason why it makes none. The desk makes this fast and never different.
pub fn decide(state: &State, desk: &Desk, envelope: &Envelope) -> Result<Vec<Event>, Reject> {
    l0::authorised(state, envelope)?;
    l0::in_order(state, desk, envelope)?;
    let now = envelope.time;
    let context = Context { state, desk, now };
    let mut events = match &envelope.command {
        Command::OpenAccount { name, owner } => accounts::open(desk, name, *owner),
        Command::Deposit { account, asset, location, amount, reference } => {
            cash::deposit(context, *account, *location, *asset, *amount, *reference)
        }
        Command::Withdraw { account, asset, location, amount } => {
            cash::withdraw(context, *account, *location, *asset, *amount)
        }
        Command::Transfer { from, to, asset, location, amount } => {
            cash::transfer(context, [*from, *to], *location, *asset, *amount)
        }
        Command::ListLocation { name } => listing::location(state, name),
        Command::ListUnderlying(terms) => listing::underlying(state, terms),
        Command::ListAsset(terms) => listing::asset(state, terms),
        Command::ListInstrument(terms) => listing::instrument(state, now, terms),
        Command::Place { account, order, instrument, side, lots, limit, reduce_only } => {
            let order = crate::state::Order {
                id: *order,
                instrument: *instrument,
                side: *side,
                lots: *lots,
                limit: *limit,
                reduce_only: *reduce_only,
            };
            orders::place(context, *account, order)
        }
        Command::Amend { account, order, lots, limit } => orders::amend(context, *account, *order, *lots, *limit),
        Command::Cancel { account, order } => orders::cancel(state, *account, *order),
        Command::Fill { instrument, match_id, price, lots, buyer, seller } => {
            let fill = legs::Fill { instrument: *instrument, match_id: *match_id, price: *price, lots: *lots };
            trade::fill(context, fill, buyer, seller)
        }
        Command::Report { feed, report } => prices::report(state, now, *feed, report),
        Command::Surface { version, published, vols } => prices::surface(state, now, *version, *published, vols),
        Command::Funding { instrument, rate, period } => funding::pay(state, now, *instrument, *rate, *period),
        Command::Interest => interest::charge(state, now),
        Command::Settle { instrument } => expiry::settle(state, now, *instrument),
        Command::Expire { instrument } => expiry::expire(state, desk.live(), now, *instrument),
        Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee } => {
            let fill = legs::Fill { instrument: *instrument, match_id: *match_id, price: *price, lots: *lots };
            liquidation::fill(context, fill, *account, *counterparty, *fee)
        }
        Command::Liquidate { account } => liquidation::liquidate(context, *account),
        Command::Measure => liquidation::measure(state, desk),
        Command::AuctionBid { account, auctioned, share, price } => {
            liquidation::bid(context, *account, *auctioned, *share, *price)
        }
        Command::SetBackstop { account, on } => liquidation::set_backstop(state, *account, *on),
        Command::FundDeposit { fund, asset, amount, reference } => {
            fund::deposit(state, *fund, *asset, *amount, *reference)
        }
        // A fund shrinks only by losses it covers and by payments that were announced (I-53).
        Command::FundWithdraw { fund, asset, amount } => {
            governance::propose(state, now, &Change::FundOut { fund: *fund, asset: *asset, amount: *amount })
        }
        Command::Propose { change } => governance::propose(state, now, change),
        Command::Activate { proposal } => governance::activate(context, *proposal),
        Command::Revoke { proposal } => governance::revoke(state, *proposal),
        Command::SetMode { instrument, mode } => market::set_mode(state, *instrument, *mode),
        Command::Tick => prices::tick(state, desk.live(), now),
        Command::Watch => watch::watch(context),
        Command::Resume if now == state.clock => {
            Err(Reject::malformed("time", now, format!("a time after {}, which the engine has reached", state.clock)))
        }
        Command::Resume => Ok(Vec::new()),
    }?;
    if now > state.clock {
        events.insert(0, Event::Clock { time: now });
    }
    // A fill has assertions of its own where its sides are worked out: fills are too frequent to be checked twice.
    if cfg!(debug_assertions) || !matches!(envelope.command, Command::Fill { .. }) {
        sound::assert_sound(state, now, &events);
    }
    Ok(events)
}
