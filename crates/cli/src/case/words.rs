//! Describes steps and waits of a liquidation in sentences, with names, contracts and currencies.

use engine::explain::{Figures, Payment, Step, Trade, Wait, What};
use engine::state::{Offer, State, contracts_in};
use engine::{Cause, Command, Reject, Status};
use model::{InstrumentId, InstrumentKind, UnderlyingId};
use units::{Money, Price, Quantity, Round};

use super::timeline::{Taken, Waited};
use crate::amount::{Unit, exact};
use crate::naming;

/// A smaller amount is nothing that anybody has to pay.
const CENT: Money = Money::from_raw(Money::ONE.raw() / 100);

/// An amount in USD, rounded down.
pub fn usd(amount: Money) -> String {
    let unit = Unit::fitting(amount);
    format!("{} {}", unit.owned(amount), unit.name)
}

/// The contracts in `lots` lots, without a sign.
pub fn contracts(state: &State, instrument: InstrumentId, lots: i64) -> Quantity {
    // The lots of a listing were checked to fit when they were traded.
    contracts_in(lots.saturating_abs(), &state.contracts[instrument.0].terms).unwrap_or_default()
}

/// A price for people, rounded down to six significant digits or more. Documents have all decimals.
fn price(price: Price) -> String {
    let size = price.raw().unsigned_abs() / Price::ONE.raw().unsigned_abs();
    let decimals = match size {
        1000.. => 2,
        1..1000 => 5,
        0 => 18,
    };
    exact(price.to_decimals(decimals, Round::Down).unwrap_or(price))
}

/// The effect of a step and the reason for it, in sentences.
pub fn step(state: &State, taken: &Taken) -> Vec<String> {
    let step = &taken.step;
    let mut sentences = Vec::new();
    if let (Some((number, markets)), Some(figures)) = (&step.opened, &step.judged) {
        let markets = markets.iter().map(|underlying| underlying_named(state, *underlying)).collect::<Vec<_>>();
        let in_markets = if markets.is_empty() { String::new() } else { format!(" in {}", markets.join(", ")) };
        sentences.push(format!("Case {number} begins{in_markets}: {}.", standing(figures)));
    }
    match step.cancelled {
        0 => {}
        1 => sentences.push("1 order is cancelled: without it the account needs less.".to_owned()),
        more => sentences.push(format!("{more} orders are cancelled: without them the account needs less.")),
    }
    if let Some(gone) = step.withdrawn.filter(|_| step.what != What::Filled) {
        sentences.push(format!("The offer to {} is withdrawn.", offered(state, gone)));
    }
    sentences.extend(done(state, taken));
    sentences.extend(step.trades.iter().map(|trade| traded(state, step.what, trade)));
    sentences.extend(step.payments.iter().filter(|payment| !is_of_trade(payment.cause)).map(|one| paid(state, one)));
    if step.what == What::Filled {
        sentences.push(match step.offer {
            None => "The offer is used up.".to_owned(),
            Some(left) => format!("Still offered: to {}.", offered(state, left)),
        });
    }
    sentences
}

/// The kind of a step and the reason for it.
fn done(state: &State, taken: &Taken) -> Option<String> {
    let step = &taken.step;
    let says = |figures: &Option<Figures>| figures.as_ref().map(standing).unwrap_or_default();
    Some(match step.what {
        What::Judged if step.opened.is_some() => "The engine looked at the account and found it below its maintenance \
                                                  margin: the case was opened."
            .to_owned(),
        What::Judged => format!("{}.", capital(&says(&step.judged))),
        What::Nothing => return None,
        What::Offered => {
            let offer = step.offer?;
            format!("It offers to {}. {}", offered(state, offer), purpose(state, offer, taken.held))
        }
        What::Crossed => "Two cases want opposite trades: they trade with each other at the mark before either \
                          touches the market."
            .to_owned(),
        What::Filled => "The market takes the offer.".to_owned(),
        What::Auctioned => "No trade that is worth making would make it healthier, so its portfolio goes into \
                            auction: bidders take shares at the mark for a premium that rises with time."
            .to_owned(),
        What::Bid => {
            let Command::AuctionBid { account, share, price, .. } = taken.envelope.command else { return None };
            let name = naming::account(state, account);
            let asked = price.negated().unwrap_or(price);
            let asks =
                if price > Money::ZERO { format!("pays {}", usd(price)) } else { format!("asks {}", usd(asked)) };
            format!("{} takes a share of {} and {asks}.", capital(name), exact(share))
        }
        What::TakenOver => "No trade helps and nobody has bid in time: a backstop takes over at the bankruptcy price, \
                            that is, at the marks and with the equity that goes with them."
            .to_owned(),
        What::Covered => format!("Funds pay what it lacks: {}.", says(&step.judged)),
        What::Deleveraged => format!(
            "No trade helps and no backstop takes it: what is left is closed against those who hold the opposite and \
             have won; {}.",
            says(&step.judged)
        ),
        What::Closed => closing(step),
        What::Outside => return Some(outside(taken)),
    })
}

fn closing(step: &Step) -> String {
    match &step.judged {
        Some(figures) if figures.status >= Status::Restricted => {
            format!("The case ends: it is clear of the warning, {}.", amounts(figures))
        }
        Some(figures) => format!("The case ends: no position is left and nothing is owed, {}.", amounts(figures)),
        None => "The case ends.".to_owned(),
    }
}

/// Describes a command of another party that changed the account.
fn outside(taken: &Taken) -> String {
    let who = naming::principal(taken.envelope.principal);
    let what = match &taken.envelope.command {
        Command::Deposit { .. } => "a deposit: the account needs less help than before",
        Command::Withdraw { .. } => "a withdrawal",
        Command::Transfer { .. } => "a transfer between accounts",
        Command::Place { .. } | Command::Amend { .. } => "an order of its owner",
        Command::Cancel { .. } => "an order of its owner was cancelled",
        Command::Fill { .. } => "a trade of its owner",
        Command::Funding { .. } => "funding is paid",
        Command::Interest => "interest is charged on what it owes",
        Command::Settle { .. } => "unsettled profit becomes balance",
        Command::Expire { .. } => "an instrument expires and is settled",
        Command::SetMode { .. } => "a market stops taking new risk, and its orders that could add some are cancelled",
        Command::Liquidate { .. } | Command::LiquidationFill { .. } | Command::AuctionBid { .. } => {
            "the liquidation of another account"
        }
        _ => "something else changed the account",
    };
    format!("From outside ({who}): {what}.")
}

/// An offer in words: "sell 12 BTC-PERP at 56,000 or better".
fn offered(state: &State, offer: Offer) -> String {
    let (verb, name) = (if offer.lots > 0 { "buy" } else { "sell" }, name(state, offer.instrument));
    let much = exact(contracts(state, offer.instrument, offer.lots));
    format!("{verb} {much} {name} at {} or better", price(offer.worst))
}

fn purpose(state: &State, offer: Offer, held: i64) -> String {
    let terms = &state.contracts[offer.instrument.0].terms;
    let aim = exact(state.policy.liquidation.beta);
    let what = if terms.kind == InstrumentKind::Spot {
        "repays a debt"
    } else if held != 0 && (held > 0) != (offer.lots > 0) {
        "reduces a position"
    } else {
        "offsets the risk of other positions"
    };
    format!("That {what}, and of all trades it gives the most toward {aim} times maintenance for what it costs.")
}

fn traded(state: &State, what: What, trade: &Trade) -> String {
    let verb = match (trade.lots > 0, what) {
        (true, What::Filled | What::Crossed | What::Outside) => "It buys",
        (false, What::Filled | What::Crossed | What::Outside) => "It sells",
        // A position that is handed over is closed, in either direction.
        _ => "It gives",
    };
    let side = if verb == "It gives" && trade.lots > 0 { "short " } else { "" };
    let side = if verb == "It gives" && trade.lots < 0 { "long " } else { side };
    let name = name(state, trade.instrument);
    let much = exact(contracts(state, trade.instrument, trade.lots));
    let with = naming::account(state, trade.with);
    let preposition = if verb == "It gives" { "to" } else { "with" };
    let against = match trade.over_mark {
        Money::ZERO => format!("the mark, index {}", price(trade.index.usd())),
        over => {
            let worse = if over.is_negative() { "worse" } else { "better" };
            let size = if over.is_negative() { over.negated().unwrap_or(over) } else { over };
            let (mark, index) = (price(trade.mark.in_quote()), price(trade.index.usd()));
            format!("{} {worse} than at the mark {mark}, index {index}", usd(size))
        }
    };
    format!("{verb} {side}{much} {name} {preposition} {with} at {}: {against}.", price(trade.price))
}

fn paid(state: &State, payment: &Payment) -> String {
    let asset = &state.market.assets[payment.asset.0].name;
    let who = naming::holder(state, payment.with);
    let size = |amount: Quantity| exact(if amount.is_negative() { amount.negated().unwrap_or(amount) } else { amount });
    let worth = if payment.usd.is_negative() { payment.usd.negated().unwrap_or(payment.usd) } else { payment.usd };
    let (much, why) = (size(payment.amount), naming::cause(payment.cause));
    let worth = if asset == "USD" { String::new() } else { format!(" ({})", usd(worth)) };
    if payment.amount.is_negative() {
        format!("It pays {who} {much} {asset}{worth}, {why}.")
    } else {
        format!("{} pays it {much} {asset}{worth}, {why}.", capital(&who))
    }
}

/// Whether a movement is the cash of a trade, which the sentence about the trade has reported already.
pub fn is_of_trade(cause: Cause) -> bool {
    matches!(cause, Cause::Profit | Cause::Premium | Cause::Exchange)
}

/// The figures in words: "liquidation: equity 1,234.50 USD is below maintenance 2,000.00 USD".
pub fn standing(figures: &Figures) -> String {
    let Figures { equity, maintenance_margin, .. } = *figures;
    let (held, needed) = (usd(equity), usd(maintenance_margin));
    let status = shell::printer::plain(&crate::sheet::status(figures.status));
    if equity < maintenance_margin {
        format!("{status}: equity {held} is below maintenance {needed}")
    } else {
        format!("{status}: equity {held}, maintenance {needed}")
    }
}

/// The amounts in words: "equity 1,234.50 USD, maintenance 2,000.00 USD".
pub fn amounts(figures: &Figures) -> String {
    format!("equity {}, maintenance {}", usd(figures.equity), usd(figures.maintenance_margin))
}

/// The reason for a wait, in a sentence.
pub fn wait(state: &State, waited: &Waited) -> String {
    let reason = match &waited.wait {
        Wait::Due if waited.asked > 0 => {
            "this program would take the next step, and the engine that wrote the journal did not".to_owned()
        }
        Wait::Due => "nothing is in the way, and nobody has asked for the next step".to_owned(),
        Wait::Taker { offer, room } => {
            let terms = &state.contracts[offer.instrument.0].terms;
            let short = state.lots_usd(terms, offer.lots).is_ok_and(|asked| asked > *room);
            let name = underlying_named(state, terms.underlying);
            let paced = format!("; paced: liquidations may trade {} more of {name} now", usd(*room));
            let out = format!("the offer to {} is out, and nobody has taken it", offered(state, *offer));
            if short { out + &paced } else { out }
        }
        Wait::Plan { offer } => format!(
            "the market has moved since the offer to {}: it is planned anew when the next step is asked for",
            offered(state, *offer)
        ),
        Wait::Room { rooms } => {
            let room = |(underlying, left): &(UnderlyingId, Money)| {
                format!("{} more of {}", usd(*left), underlying_named(state, *underlying))
            };
            let rooms: Vec<String> = rooms.iter().map(room).collect();
            let room = if rooms.is_empty() { "nothing more".to_owned() } else { rooms.join(", ") };
            format!("paced: liquidations have traded what the depth of its markets bears; now {room}")
        }
        Wait::Recovery => {
            "it stands above its maintenance margin and below the warning: the case stays open, and nothing \
                           is done for it"
                .to_owned()
        }
        Wait::Bids { until } => format!("in auction until {until}, and nobody bids"),
        Wait::Cure { until } => format!("time for deposits after an outage, until {until}"),
        Wait::Refused(reject) => refused(state, reject),
        Wait::Silence => "no command reached the engine: nothing could be asked for".to_owned(),
    };
    let every = matches!(waited.wait, Wait::Refused(Reject::Mode { .. }));
    let halted = if every { &[] } else { waited.halted.as_slice() };
    let halted: Vec<&str> = halted.iter().map(|instrument| name(state, *instrument)).collect();
    let left_out =
        if halted.is_empty() { String::new() } else { format!("; halted and left out: {}", halted.join(", ")) };
    let asked = match waited.asked {
        0 => String::new(),
        1 => "; its next step was asked for once".to_owned(),
        more => format!("; its next step was asked for {more} times"),
    };
    capital(&format!("{reason}{left_out}{asked}."))
}

/// The name of the reason for a wait in documents.
pub fn awaited(wait: &Wait) -> &'static str {
    match wait {
        Wait::Due => "due",
        Wait::Taker { .. } => "taker",
        Wait::Plan { .. } => "plan",
        Wait::Room { .. } => "room",
        Wait::Recovery => "recovery",
        Wait::Bids { .. } => "bids",
        Wait::Cure { .. } => "cure",
        Wait::Refused(Reject::NoPrice { .. }) => "price",
        Wait::Refused(Reject::Deficit { .. }) => "payer",
        Wait::Refused(Reject::Mode { .. }) => "market",
        Wait::Refused(_) => "refused",
        Wait::Silence => "silence",
    }
}

fn refused(state: &State, reject: &Reject) -> String {
    match reject {
        Reject::NoPrice { feed, validity, why } => {
            let feed = naming::feed(&state.market, *feed);
            format!("{feed} is {validity} ({why}), and nobody is liquidated on a price that is not valid")
        }
        Reject::Deficit { deficit } if *deficit < CENT => {
            "nothing is left that could be closed now: its markets are halted, or nobody holds the opposite and has won"
                .to_owned()
        }
        Reject::Deficit { deficit } => format!("nobody is left who could pay the {} that it owes", usd(*deficit)),
        Reject::Mode { mode } => format!("every market it could trade in is {mode}"),
        other => other.to_string(),
    }
}

fn name(state: &State, instrument: InstrumentId) -> &str {
    &state.market.listing(instrument).name
}

fn underlying_named(state: &State, underlying: UnderlyingId) -> String {
    state.market.underlyings[underlying.0].name.clone()
}

/// The text with its first letter in upper case.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
