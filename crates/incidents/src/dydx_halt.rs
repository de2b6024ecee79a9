//! S-04, the halt of 10 October 2025: a transfer was computed before the fund had paid, and old prices were used after
//! the restart.

use dice::Dice;
use engine::state::{Mode, Policy, Pot};
use engine::{AccountId, Event, FeedId, Reject, Status};
use liquidation::deleverage::{Candidate, deleverage, give_back};
use liquidation::waterfall::{Layers, waterfall};
use model::{InstrumentId, InstrumentKind, USD};
use operator::Duty;
use units::{Money, count};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{HOUR, Listing, MINUTE, SECOND, Venue, money, ratio, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-04",
    title: "dYdX Chain, halt",
    date: "10 October 2025, 21:35 UTC",
    what: "One liquidation closed the whole open interest of an isolated market; the transfer from its pool was \
           computed before the insurance fund, which had enough, had paid, came out negative and halted the chain; \
           after the restart some accounts were liquidated on prices from before",
    loss: "a halt of 6.5 hours (the team) to 8 hours (the press); $462,097.79 to 27 claimants",
    sources: &["dYdX, October 2025 chain incident review", "kwf1.net"],
};

/// The number of closings that are tried.
const SEQUENCES: u32 = 2_000;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let (first, ours) = (tried(Order::TransferFirst)?, tried(Order::Together)?);
    let [rich, poor] = [closed(FUNDS[0])?, closed(FUNDS[1])?];
    let [slow, fast] = [restarted(false)?, restarted(true)?];
    let early = slow.early + fast.early;
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "{SEQUENCES} random closings of a whole market, the transfer before the fund: {} pools are negative \
                 on the way, the worst by {}, though the fund had enough in {}; the first one halts every market",
                first.negative,
                dollars(-first.lowest),
                first.covered
            ),
            figures: vec![figure("closings with a pool below zero on the way", f64::from(first.negative), "count")],
        },
        with: Told {
            words: format!(
                "the same closings as one transition: no layer is below zero before, on or after the way, and the \
                 parts add up to the loss to the last digit. On the engine the whole market closes in {} steps and \
                 {} lots stay open, the other market trades on; of {} lacking its fund pays {}; where it has less, \
                 of {} it pays {}, the shared fund {} and the winner {}, and no fund is below zero after any event. \
                 After an hour's halt {early} of {} steps and fills go through before three sources have spoken and \
                 accounts could be cured",
                rich.steps,
                rich.open,
                dollars(rich.lacking),
                dollars(rich.market),
                dollars(poor.lacking),
                dollars(poor.market),
                dollars(poor.shared),
                dollars(poor.given),
                slow.tried + fast.tried
            ),
            figures: vec![
                figure("closings with a pool below zero on the way", f64::from(ours.negative), "count"),
                figure("liquidations before fresh prices and the time to cure", f64::from(early), "count"),
            ],
        },
        near: Near {
            what: "markets halted, as a share of all",
            published: 1.0,
            modelled: f64::from(u32::from(first.negative > 0)),
            unit: "share",
            chosen: "everything: what is compared is that it halts",
        },
        assertion: "no closing of a whole market takes a pool below zero, and none is liquidated before fresh prices",
        unit: "count",
        bound_without: Bound { found: f64::from(first.negative), limit: 0.0 },
        bound_with: Bound { found: f64::from(ours.negative + early), limit: 0.0 },
        checks: vec![
            check("every part adds up to its loss", ours.exact),
            check("every lot of every closing is closed or its loss has been paid", ours.closed),
            check("the order matters: funds that had enough were not asked", first.covered > 0),
            check(
                "on the engine all of the market was closed in several steps and nothing of it is open",
                [&rich, &poor].iter().all(|run| run.open == 0 && run.steps > 1),
            ),
            check("on the engine no fund was below zero after any event", rich.funds && poor.funds),
            check(
                "a fund that has enough pays all that lacks, and the winner closes at the mark",
                rich.lacking > 0.0 && rich.market >= rich.lacking - 1e-6 && rich.shared == 0.0 && rich.given <= 1e-6,
            ),
            check(
                "a fund that has too little pays all it has, the shared fund its share, and the winner the rest",
                poor.market == FUNDS[1]
                    && poor.shared == 0.25 * SHARED
                    && poor.given > 0.0
                    && (poor.market + poor.shared + poor.given - poor.lacking).abs() <= 1e-6,
            ),
            check("the case is over, nothing is owed and others withdraw", rich.over && poor.over),
            check("the other market took trades all the while", rich.other_trades && poor.other_trades),
            check(
                "both gates were met: no fresh price (400), and time to cure (404)",
                slow.no_price > 0 && fast.curing > 0,
            ),
            check(
                "the same liquidation goes through once sources have spoken and the time is over",
                slow.later && fast.later,
            ),
        ],
    }
    .judged())
}

/// The order in which a loss is paid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The pool pays all of it; the fund tops it up afterwards.
    TransferFirst,
    /// All parts are computed before any of them moves.
    Together,
}

struct Tried {
    negative: u32,
    covered: u32,
    lowest: f64,
    exact: bool,
    closed: bool,
}

/// Random pools, funds and losses; all of a market's open interest is closed at a loss.
fn tried(order: Order) -> Result<Tried, Broken> {
    let mut dice = Dice::new(213_500);
    let mut found = Tried { negative: 0, covered: 0, lowest: 0.0, exact: true, closed: true };
    for _ in 0..SEQUENCES {
        let pool = money(1e5 * dice.exponential());
        let layers = Layers {
            account: pool,
            market_fund: money(2e5 * dice.exponential()),
            shared_fund: money(1e6 * dice.exponential()),
            shared_share: ratio(0.25),
        };
        let loss = money(3e5 * dice.exponential());
        let lots = dice.between(1, 5000);
        let lowest = match order {
            Order::TransferFirst => pool.minus(loss).map_err(|why| Broken(why.to_string()))?,
            Order::Together => {
                let split = waterfall(loss, &layers);
                let parts = [split.account, split.market_fund, split.shared_fund, split.winners];
                let sum = parts.iter().try_fold(Money::ZERO, |sum, part| sum.plus(*part));
                found.exact &= sum == Ok(loss.max(Money::ZERO));
                let after = layers.after(&split);
                found.closed &= winners(&mut dice, lots, split.winners)?;
                [after.account, after.market_fund, after.shared_fund]
                    .into_iter()
                    .chain(parts)
                    .min()
                    .unwrap_or(Money::ZERO)
            }
        };
        if lowest < Money::ZERO {
            found.negative += 1;
            found.lowest = found.lowest.min(lowest.to_f64());
            if layers.market_fund.to_f64() + pool.to_f64() >= loss.to_f64() {
                found.covered += 1;
            }
        }
    }
    Ok(found)
}

/// Whether winners with enough profit close every lot and give back no more than their part of the loss.
fn winners(dice: &mut Dice, lots: i64, part: Money) -> Result<bool, Broken> {
    let many: Vec<Candidate> = (0..5)
        .map(|key| {
            let profit = money(part.to_f64() * (0.5 + dice.uniform()) + 1.0);
            Candidate { key, lots, hedged: 0, profit, equity: money(1e6), notional: money(1e6) }
        })
        .collect();
    let outcome = deleverage(lots, give_back(part, lots), &many);
    let given = outcome.give_back().map_err(|why| Broken(why.to_string()))?;
    Ok(outcome.left == 0 && given <= part)
}

struct Listed {
    venue: Venue,
    thin: InstrumentId,
    index: FeedId,
    other: InstrumentId,
    long: AccountId,
    short: AccountId,
    others: [AccountId; 2],
}

/// An isolated market with two accounts, and another market. With `punctual` a missing tick is an outage; otherwise the
/// script ticks as seldom as it likes.
fn listed(fund: f64, punctual: bool) -> Result<Listed, Broken> {
    let venue = if punctual { Venue::punctual } else { Venue::new };
    let mut venue = venue(Policy::default(), "2025-10-10T20:00:00Z")?;
    let thin = venue.underlying("THIN", 10.0, rules(3, 3), 1e7)?;
    let btc = venue.underlying("BTC", 117_000.0, rules(3, 3), 1e9)?;
    let kind = InstrumentKind::Perpetual;
    let first = Listing { name: "THIN-PERP", underlying: thin, kind: kind.clone(), lot: 1.0, tick: 0.001, band: 0.2 };
    let second = Listing { name: "BTC-PERP", underlying: btc, kind, lot: 0.001, tick: 0.5, band: 0.1 };
    let (first, second) = (venue.instrument(&first)?, venue.instrument(&second)?);
    // Liquidations may trade a tenth of the depth that three sources report, in ten seconds: a part of the position.
    venue.deep(FeedId::Index(thin), 100_000.0);
    venue.pass_steps(10 * SECOND, 3)?;
    venue.fund(Pot::MarketFund(thin), fund)?;
    venue.fund(Pot::SharedFund, SHARED)?;
    let (long, short) = (venue.account("long", 1, 50_000.0)?, venue.account("short", 2, 1e6)?);
    let others = [venue.account("other long", 3, 1e6)?, venue.account("other short", 4, 1e6)?];
    if venue.fill_most(first, 10.0, 20_000, (long, short)) == 0 {
        return Err(Broken("nothing was opened".to_owned()));
    }
    Ok(Listed { venue, thin: first, index: FeedId::Index(thin), other: second, long, short, others })
}

/// USD in the shared fund.
const SHARED: f64 = 1_000.0;
/// USD in the fund of the market: enough, and far too little.
const FUNDS: [f64; 2] = [1e6, 200.0];

/// The part of the price that is left when nobody buys any more; it does not lead to a whole multiple of a tick.
const GAP: f64 = 0.600_21;

struct Closed {
    /// Steps of the engine that closed lots.
    steps: u32,
    open: i64,
    /// The deficit, the payments of the market's fund and of the shared fund, and the money that the winner gave back, in
    /// USD.
    lacking: f64,
    market: f64,
    shared: f64,
    given: f64,
    funds: bool,
    other_trades: bool,
    over: bool,
}

/// The price falls. Three steps of the liquidation find a buyer; then the price gaps below the account's bankruptcy
/// price, and the rest of the position closes against the winner.
fn closed(fund: f64) -> Result<Closed, Broken> {
    let Listed { mut venue, thin, index, other, long, short, others } = listed(fund, false)?;
    let underlying = venue.state().contracts[thin.0].terms.underlying;
    let mut found = Closed {
        steps: 0,
        open: -1,
        lacking: 0.0,
        market: 0.0,
        shared: 0.0,
        given: 0.0,
        funds: true,
        other_trades: true,
        over: false,
    };
    let mut usd = 10.0;
    for step in 1..=120 {
        usd -= if found.steps < 3 { 0.05 } else { 0.0 };
        venue.say(index, usd);
        venue.pass(2 * MINUTE)?;
        if venue.status(long) <= Status::Liquidation {
            let (mark, equity) = (venue.mark(thin), venue.judge(long)?.equity.to_f64());
            let events = match venue.step(long) {
                // The next tick tries again.
                Err(Reject::NoPrice { .. }) => Vec::new(),
                answer => answer.map_err(|reject| Broken(reject.to_string()))?,
            };
            for event in &events {
                if let Event::Transferred { lots, price, .. } = event {
                    found.steps += 1;
                    found.lacking = (-equity).max(0.0);
                    found.given += (price.to_f64() - mark) * count(-lots);
                }
            }
            if let Some(offer) = venue.offer(long).filter(|_| found.steps < 3) {
                let taken = venue.take(thin, mark, offer.lots, (long, short));
                taken.map_err(|reject| Broken(reject.to_string()))?;
                found.steps += 1;
                usd *= if found.steps == 3 { GAP } else { 1.0 };
            }
        }
        // The other market trades all the while.
        let parties = if step % 2 == 0 { (others[0], others[1]) } else { (others[1], others[0]) };
        found.other_trades &= venue.fill(other, 117_000.0, 10, parties).is_ok();
        if venue.lots(long, thin) == 0 {
            break;
        }
    }
    // The funds pay the rest that rounding left, and the case is over.
    for _ in 0..3 {
        let _ = venue.step(long);
    }
    found.over = !venue.state().liquidations.cases.contains_key(&long)
        && venue.withdraw(others[0], USD, 1.0).is_ok()
        && venue.has(long, USD) >= 0.0;
    let contract = &venue.state().contracts[thin.0];
    found.open = if contract.mode == Mode::Open { contract.open } else { -1 };
    found.funds = venue.funds_held();
    found.market = fund - venue.fund_has(Pot::MarketFund(underlying));
    found.shared = SHARED - venue.fund_has(Pot::SharedFund);
    Ok(found)
}

struct Restarted {
    tried: u32,
    early: u32,
    /// Refusals because there is no price (400), and because accounts may be cured first (404).
    no_price: u32,
    curing: u32,
    later: bool,
}

/// The chain stands still for an hour while the account is below maintenance and a part of its position is offered. Then
/// sources return one by one, or all at once.
fn restarted(at_once: bool) -> Result<Restarted, Broken> {
    let Listed { mut venue, thin, index, long, short, .. } = listed(FUNDS[0], true)?;
    for step in 1..=60 {
        venue.say(index, 10.0 * (1.0 - 0.01 * f64::from(step)));
        venue.pass_steps(20 * SECOND, 6)?;
        if venue.status(long) <= Status::Liquidation {
            break;
        }
    }
    venue.step(long).map_err(|reject| Broken(reject.to_string()))?;
    let offer = venue.offer(long).ok_or_else(|| Broken("nothing was offered".to_owned()))?;
    let usd = venue.mark(thin);
    let mut found = Restarted { tried: 0, early: 0, no_price: 0, curing: 0, later: false };
    for source in 1..=3 {
        venue.silence(index, source);
    }
    // The first command after the halt is not a tick.
    let first = venue.duty_later(HOUR, Duty::Liquidate(long));
    found.count(&first);
    found.count(&venue.take_later(HOUR, thin, usd, offer.lots, (long, short)));
    for back in 0..3 {
        for source in 1..=3 {
            if at_once || source <= back {
                venue.one_says(index, source, usd);
            }
        }
        venue.pass(if back == 0 { HOUR } else { 20 * SECOND })?;
        for tick in 0..if at_once { 1 } else { 5 } {
            if tick > 0 {
                venue.pass(15 * SECOND)?;
            }
            let answer = venue.step(long);
            found.count(&answer);
            // Neither the present offer, if there is one, nor the offer before the halt may be filled.
            let lots = venue.offer(long).map_or(offer.lots, |offer| offer.lots);
            found.count(&venue.take(thin, usd, lots, (long, short)));
        }
    }
    venue.one_says(index, 3, usd);
    // The price is handed over to the new set of sources and then becomes valid.
    for _ in 0..40 {
        venue.pass(20 * SECOND)?;
        found.later |= venue.liquidate(thin, usd, offer.lots, (long, short)).is_ok();
    }
    Ok(found)
}

impl Restarted {
    /// Counts an answer that must be a refusal.
    fn count(&mut self, answer: &Result<Vec<Event>, Reject>) {
        self.tried += 1;
        match answer {
            Err(Reject::NoPrice { .. }) => self.no_price += 1,
            Err(Reject::Curing { .. }) => self.curing += 1,
            Err(Reject::NoOffer { .. }) => {}
            _ => self.early += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The negative balances of the replay come from the order of payment and from nothing else.
    #[test]
    fn the_order_is_what_goes_wrong() {
        assert!(tried(Order::TransferFirst).unwrap().negative > 100);
        assert_eq!(tried(Order::Together).unwrap().negative, 0);
    }
}
