//! S-05, the backstop of 10 October 2025: a pool made markets and, with the same money and without a limit, took over the
//! positions that nobody else bought.

use std::collections::BTreeSet;

use engine::state::{Holder, Policy, Pot};
use engine::{AccountId, Cause, Event, FeedId, Reject, Status};
use liquidation::auction;
use model::{InstrumentId, InstrumentKind, USD};
use units::{Money, Overflow, Quantity, Ratio, Round, count};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, SECOND, Venue, money, ratio, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-05",
    title: "Lighter, the liquidity pool",
    date: "10 October 2025",
    what: "The pool of the venue made markets and was the backstop of its liquidations with the same money; what it \
           took over fell on",
    loss: "5.35 % of the pool, its largest loss",
    sources: &["world-today-news.com"],
};

/// The size of the pool in USD. It is not published and does not matter, because all results are shares of it.
const POOL: f64 = 100e6;
/// The fall of BTC within the twelve minutes in which the pool took over.
const FALL: f64 = 0.131;
/// The notional that the pool took over, as a share of the pool. It is not published; this value gives the published
/// loss.
const INHERITED: f64 = 0.408;
/// The capital of our backstop as a share of the pool: the most that it can lose.
const TRANCHE: f64 = 0.02;

/// The further fall of BTC in a second run, which takes accounts below zero.
const FURTHER: f64 = 0.09;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let lost = INHERITED * FALL;
    let (ours, worse) = (taken_over(0.0)?, taken_over(FURTHER)?);
    let both = [&ours, &worse];
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "the pool takes over {:.1} % of itself on the way down, without a limit: {:.2} % of it are lost",
                INHERITED * 100.0,
                lost * 100.0
            ),
            figures: vec![figure("loss of the pool", lost, "share")],
        },
        with: Told {
            words: format!(
                "the backstop is an account of its own with {:.0} % of the pool, judged like any other: of {} in \
                 liquidation it takes {} over by bids, more its margin does not bear; {} closes against winners, at \
                 the mark; it was {} in the end, {} lots left, and {:.2} % of the pool are lost. Had BTC fallen by \
                 {:.0} points more: {:.2} %, {} of the fund, and winners give back {} of {} lacking",
                TRANCHE * 100.0,
                dollars(ours.fallen),
                dollars(ours.inherited),
                dollars(ours.to_winners),
                ours.status,
                ours.left,
                ours.lost / POOL * 100.0,
                FURTHER * 100.0,
                worse.lost / POOL * 100.0,
                dollars(worse.funds),
                dollars(worse.given),
                dollars(worse.lacking),
            ),
            figures: vec![
                figure("loss of the pool", ours.lost / POOL, "share"),
                figure("taken over", ours.inherited, "USD"),
                figure("closed against winners", ours.to_winners, "USD"),
                figure("given back by winners", ours.given, "USD"),
                figure("loss of the pool, further down", worse.lost / POOL, "share"),
                figure("paid by the fund, further down", worse.funds, "USD"),
                figure("given back by winners, further down", worse.given, "USD"),
                figure("most paid by the backstop for one account, further down", worse.paid, "USD"),
            ],
        },
        near: Near {
            what: "loss of the pool",
            published: 0.0535,
            modelled: lost,
            unit: "share",
            chosen: "the share of itself that the pool took over",
        },
        assertion: "the backstop loses at most its budget, then winners close",
        unit: "share",
        bound_without: Bound { found: lost, limit: TRANCHE },
        bound_with: Bound { found: ours.lost.max(worse.lost) / POOL, limit: TRANCHE },
        checks: vec![
            check(
                "it was tried: a part was taken over and a part was not",
                both.iter().all(|run| run.inherited > 0.0 && run.to_winners > 0.0),
            ),
            check("what stopped it was its initial margin (200, 201)", both.iter().all(|run| run.refused)),
            check("for one account it paid at most its budget", both.iter().all(|run| run.paid <= BUDGET)),
            check("below zero the fund pays first, and then winners", worse.funds >= FUND && worse.given > 0.0),
            check("no fund was below zero after any event", both.iter().all(|run| run.held)),
            check("winners give back at most what was lacking", both.iter().all(|run| run.given <= run.lacking + 1e-6)),
            check("nobody below maintenance is left with a position", both.iter().all(|run| run.done)),
        ],
    }
    .judged())
}

struct Taken {
    lost: f64,
    /// Notional of accounts that went into liquidation, in USD.
    fallen: f64,
    inherited: f64,
    /// The most that the backstop has paid for one account with negative equity, in USD.
    paid: f64,
    to_winners: f64,
    funds: f64,
    given: f64,
    lacking: f64,
    refused: bool,
    done: bool,
    held: bool,
    left: i64,
    status: String,
}

const FIRST: f64 = 112_000.0;
/// The fall of BTC since the longs were opened: they hold little above maintenance when the crash begins.
const BEFORE: f64 = 0.045;
/// The size of one lot, in BTC.
const LOT: f64 = 0.001;
const LONGS: u32 = 20;
const SHORTS: u32 = 10;
/// The fund of the market, in USD.
const FUND: f64 = 2_000.0;
/// The most that the backstop may lose by taking over one account with negative equity, in USD.
const BUDGET: f64 = TRANCHE * POOL / 20.0;

/// Longs hold little more than maintenance margin. BTC falls as it did, the books are empty, and only the backstop and
/// the winners buy. Then it falls by `further`, which it did not do in the real market.
fn taken_over(further: f64) -> Result<Taken, Broken> {
    let mut policy = Policy { fund_floor: money(1e10), ..Policy::default() };
    policy.liquidation.backstop_budget = money(BUDGET);
    let mut venue = Venue::new(policy, "2025-10-10T20:00:00Z")?;
    let opened = FIRST / (1.0 - BEFORE);
    let btc = venue.underlying("BTC", opened, rules(3, 3), 1e10)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "BTC-PERP", underlying: btc, kind, lot: LOT, tick: 0.5, band: 0.2 })?;
    venue.pass_steps(10 * SECOND, 3)?;
    venue.fund(Pot::MarketFund(btc), FUND)?;
    let pool = (1.0 - TRANCHE) * POOL;
    let market_making = venue.account("market making of the pool", 1, pool)?;
    let backstop = venue.account("backstop", 2, TRANCHE * POOL)?;
    venue.backstop(backstop)?;
    let (mut longs, mut shorts) = (Vec::new(), Vec::new());
    for number in 0..SHORTS {
        shorts.push(venue.account(&format!("short {number}"), 10 + number, 2e7)?);
    }
    for number in 0..LONGS {
        let notional = INHERITED * POOL / f64::from(LONGS);
        let long = venue.account(&format!("long {number}"), 100 + number, notional * 0.165)?;
        let short = shorts[usize::try_from(number % SHORTS).unwrap_or_default()];
        venue.fill_most(perpetual, opened, whole(notional / (opened * LOT)), (long, short));
        longs.push(long);
    }
    for step in 1..=30 {
        venue.say(FeedId::Index(btc), opened * (1.0 - BEFORE * f64::from(step) / 30.0));
        venue.pass(MINUTE)?;
    }
    venue.deep(FeedId::Index(btc), 0.001);
    let mut run = Run { venue, perpetual, backstop, found: Taken::new(), known: BTreeSet::new() };
    // The fall takes twelve minutes; then the price stays at the bottom for the length of an auction.
    for step in 1..=312 {
        let fallen = FALL * f64::from(step.min(72)) / 72.0;
        let more = further * f64::from((step.max(72) - 72).min(72)) / 72.0;
        run.venue.say(FeedId::Index(btc), FIRST * (1.0 - fallen - more));
        run.venue.pass(10 * SECOND)?;
        for account in longs.iter().copied().chain([backstop]) {
            run.close(account)?;
        }
    }
    let Run { venue, mut found, .. } = run;
    found.lost = POOL - venue.has(market_making, USD) - venue.judge(backstop)?.equity.to_f64();
    found.funds = FUND - venue.fund_has(Pot::MarketFund(btc));
    found.held = venue.funds_held();
    found.status = venue.status(backstop).to_string();
    found.left = venue.lots(backstop, perpetual);
    let fine =
        |account: &AccountId| venue.status(*account) > Status::Liquidation || venue.lots(*account, perpetual) == 0;
    found.done = longs.iter().chain([&backstop]).all(fine);
    Ok(found)
}

impl Taken {
    fn new() -> Self {
        let (lost, fallen, inherited, paid, to_winners) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (funds, given, lacking) = (0.0, 0.0, 0.0);
        let (refused, done, held, left, status) = (false, false, false, 0, String::new());
        Self { lost, fallen, inherited, paid, to_winners, funds, given, lacking, refused, done, held, left, status }
    }
}

struct Run {
    venue: Venue,
    perpetual: InstrumentId,
    backstop: AccountId,
    found: Taken,
    known: BTreeSet<AccountId>,
}

impl Run {
    /// Requests steps of an account in liquidation as long as they have an effect. While the account is in auction, the
    /// backstop bids as much as it may.
    fn close(&mut self, account: AccountId) -> Result<(), Broken> {
        let lots = self.venue.lots(account, self.perpetual);
        let begun = self.venue.state().liquidations.cases.contains_key(&account);
        if !begun && (lots <= 0 || self.venue.status(account) > Status::Liquidation) {
            return Ok(());
        }
        if account != self.backstop && self.known.insert(account) {
            self.found.fallen += usd(lots, self.venue.mark(self.perpetual));
        }
        for _ in 0..64 {
            let equity = self.venue.judge(account)?.equity.to_f64();
            // A step is refused while the price is held back, and while an auction waits for bids.
            let Ok(events) = self.venue.step(account) else { break };
            self.count(equity, &events);
            let moves = |event: &Event| matches!(event, Event::Transferred { .. } | Event::Moved { .. });
            if !events.iter().any(moves) {
                break;
            }
        }
        self.bid(account)
    }

    /// The backstop bids for shares of a portfolio in auction, at the premium that the clock pays.
    fn bid(&mut self, account: AccountId) -> Result<(), Broken> {
        let mut wanted = Ratio::ONE;
        while account != self.backstop && wanted > ratio(0.01) {
            let case = self.venue.state().liquidations.cases.get(&account);
            let Some(began) = case.and_then(|case| case.auction) else { return Ok(()) };
            let judged = self.venue.judge(account)?;
            let rules = &self.venue.state().policy.liquidation;
            let elapsed = self.venue.state().clock.micros() - began.micros();
            let broken = |why: Overflow| Broken(why.to_string());
            let target = judged.maintenance_margin.scaled(rules.beta, Round::Up).map_err(broken)?;
            let excess = judged.equity.minus(target).map_err(broken)?;
            let Some(sale) = auction::sale(wanted, excess, judged.equity, Money::ZERO, elapsed, rules) else { break };
            let price = sale.premium.negated().map_err(broken)?;
            match self.venue.bid(self.backstop, account, sale.share, price) {
                Ok(events) => self.count(judged.equity.to_f64(), &events),
                Err(reject) => {
                    self.found.refused |= matches!(reject, Reject::InitialMargin { .. } | Reject::Restricted { .. });
                    wanted = Ratio::from_raw(sale.share.raw() / 2);
                }
            }
        }
        Ok(())
    }

    /// Adds up the lots that each side took and the amounts that each paid.
    fn count(&mut self, equity: f64, events: &[Event]) {
        let mark = self.venue.mark(self.perpetual);
        let (mut funds, mut winners) = (0.0, false);
        for event in events {
            match event {
                Event::Transferred { to, lots, .. } if *to == self.backstop => {
                    self.found.inherited += usd(-lots, mark);
                }
                Event::Transferred { lots, price, .. } => {
                    winners = true;
                    self.found.to_winners += usd(-lots, mark);
                    self.found.given += usd(-lots, price.to_f64() - mark);
                }
                Event::Moved { from: Holder::Account(from, _), amount, cause: Cause::Takeover, .. }
                    if *from == self.backstop =>
                {
                    self.found.paid = self.found.paid.max(amount.to_f64());
                }
                Event::Moved { amount, cause: Cause::Cover, .. } => funds += amount.to_f64(),
                _ => {}
            }
        }
        if winners {
            self.found.lacking += (-equity).max(0.0) - funds;
        }
    }
}

/// The notional of lots, in USD.
fn usd(lots: i64, mark: f64) -> f64 {
    count(lots) * LOT * mark
}

/// A non-negative number, rounded down to a whole one.
fn whole(number: f64) -> i64 {
    let amount = Quantity::from_f64(number, Round::Down).unwrap_or_default();
    i64::try_from(amount.raw() / Quantity::ONE.raw()).unwrap_or(i64::MAX)
}
