//! S-12, JELLY: a short was opened to be liquidated, so that the vault of the venue had to own it.

use dice::Dice;
use engine::state::{Change, Holder, Policy};
use engine::{AccountId, Cause, Command, Event, FeedId, Principal, Status};
use liquidation::deleverage::{Candidate, deleverage, give_back, price as bankruptcy};
use model::{InstrumentKind, USD};
use pricing::math::{exp, ln};
use units::count;

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, SECOND, Venue, money, price, quantity, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-12",
    title: "Hyperliquid, JELLY",
    date: "26 March 2025",
    what: "With about $7.17 M in three accounts, longs of $4 M and a short of $4.1 M were opened on a token near \
           $0.01; the margin of the short was drawn out, the token was bought up to about $0.043, and the vault \
           inherited 398 M of it short; the validators delisted it and settled at $0.0095",
    loss: "$12 M to $13.5 M unrealised in the vault; by the settlement it gained $703 k",
    sources: &["aicoin.com (Arkham)", "blockflow.news", "followin.io", "thebittimes.com"],
};

const UNITS: f64 = 398e6;
const FIRST: f64 = 0.0103;
const LAST: f64 = 0.043;
const OWN: f64 = 7.17e6;
/// USD that move the price by two parts in a hundred: an assumption, for a token worth ten million dollars.
const DEPTH: f64 = 60_000.0;
/// Open interest is at most this many times the USD that move the price by one part in a hundred, half of `DEPTH`.
const DEPTHS: f64 = 5.0;
/// The backstop inherits at most this many times `DEPTH`. This follows from the limit of open interest, and from the
/// price at which a short falls below maintenance, which is less than 1.6 times its first price.
const TIMES: f64 = 4.0;

/// Other prices to which the token may be pushed.
const HEIGHTS: [f64; 9] = [0.0125, 0.014, 0.0155, 0.016, 0.0165, 0.017, 0.018, 0.02, 0.03];

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let inherited = UNITS * LAST;
    let lost = UNITS * (LAST - FIRST);
    let ours = liquidated(LAST)?;
    let mut most = ours.inherited;
    let mut others = Vec::new();
    for last in HEIGHTS {
        let run = liquidated(last)?;
        most = most.max(run.inherited);
        others.push(run);
    }
    let (one, other) = (settled(false)?, settled(true)?);
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "the vault takes over whatever is liquidated: {} of a token of which {} can be sold within 2 %, {} \
                 below water; then a price is chosen",
                dollars(inherited),
                dollars(DEPTH),
                dollars(lost)
            ),
            figures: vec![figure("inherited", inherited, "USD"), figure("loss of the vault", lost, "USD")],
        },
        with: Told {
            words: format!(
                "of {} wanted, {} could be opened; of {} asked back from the short {} was let go; it was liquidated \
                 from {:.4} on, and the backstop inherited {} with {} of equity behind it, {} at most wherever the \
                 price is held; the rest closed against the long. A settlement at $0.0095 is not among the \
                 commands: refused",
                dollars(UNITS * FIRST),
                dollars(ours.opened),
                dollars(OWN / 2.0),
                dollars(ours.drawn),
                ours.at,
                dollars(ours.inherited),
                dollars(ours.equity),
                dollars(most)
            ),
            figures: vec![
                figure("open at most", ours.opened, "USD"),
                figure("inherited", ours.inherited, "USD"),
                figure("loss of whoever took over", ours.lost, "USD"),
                figure("lots left", count(ours.left), "lots"),
                figure("gain of the attacker beyond what was brought", ours.gained, "USD"),
            ],
        },
        near: Near { what: "loss of the vault", published: 12.75e6, modelled: lost, unit: "USD", chosen: "" },
        assertion: "the backstop inherits at most four times what can be sold within 2 %",
        unit: "USD",
        bound_without: Bound { found: inherited, limit: TIMES * DEPTH },
        bound_with: Bound { found: most, limit: TIMES * DEPTH },
        checks: vec![
            check("the short was liquidated", ours.inherited > 0.0),
            check("its own money, and what the long had won, paid for it: the backstop nothing", ours.lost <= 0.0),
            check(
                "the attacker has not gained by it, wherever the price is held",
                others.iter().chain([&ours]).all(|run| run.gained <= 0.0),
            ),
            check("nobody can name a price of a perpetual: neither governance nor the guardian", ours.no_price),
            check(
                "the price at which winners close is a function of its inputs, in whatever order they come",
                one == other,
            ),
        ],
    }
    .judged())
}

struct Liquidated {
    opened: f64,
    drawn: f64,
    at: f64,
    inherited: f64,
    equity: f64,
    /// Lots that the short still holds.
    left: i64,
    lost: f64,
    gained: f64,
    no_price: bool,
}

/// Runs the attack: the token rises to `last`.
fn liquidated(last: f64) -> Result<Liquidated, Broken> {
    let mut venue = Venue::new(Policy::default(), "2025-03-26T12:00:00Z")?;
    let jelly = venue.underlying("JELLY", FIRST, rules(3, 3), DEPTHS * DEPTH / 2.0)?;
    let kind = InstrumentKind::Perpetual;
    let listing = Listing { name: "JELLY-PERP", underlying: jelly, kind, lot: 1000.0, tick: 0.00001, band: 0.1 };
    let perpetual = venue.instrument(&listing)?;
    venue.deep(FeedId::Index(jelly), DEPTH / 6.0);
    venue.pass_steps(10 * SECOND, 2)?;
    venue.account("everybody else", 1, 1e8)?;
    let backstop = venue.account("backstop", 9, 1e7)?;
    venue.backstop(backstop)?;
    let (long, short) = (venue.account("long", 2, OWN / 2.0)?, venue.account("short", 3, OWN / 2.0)?);
    let lots = venue.fill_most(perpetual, FIRST, 398_000, (long, short));
    let units = count(lots) * 1000.0;
    let drawn = venue.withdraw_most(short, USD);
    let mut found = Liquidated {
        opened: units * FIRST,
        drawn,
        at: 0.0,
        inherited: 0.0,
        equity: 0.0,
        left: 0,
        lost: 0.0,
        gained: 0.0,
        no_price: no_price(&mut venue, perpetual),
    };
    for step in 1..=3 * 360 {
        // The price rises within an hour and is held there.
        let far = f64::from(step.min(360)) / 360.0;
        venue.say(FeedId::Index(jelly), FIRST * exp(ln(last / FIRST) * far));
        venue.pass(10 * SECOND)?;
        let mark = venue.mark(perpetual);
        if venue.status(short) <= Status::Liquidation {
            if found.inherited == 0.0 {
                (found.at, found.equity) = (mark, venue.judge(short)?.equity.to_f64());
            }
            // Nobody else buys: the backstop takes the offers and the lots that the engine hands to it. A step is refused
            // while the price is held back; the next tick tries again.
            let before = venue.lots(backstop, perpetual);
            let paid = venue.step(short).map(|events| paid(&events, backstop)).unwrap_or_default();
            if let Some(offer) = venue.offer(short) {
                let taken = venue.take(perpetual, mark, offer.lots, (short, backstop));
                taken.map_err(|reject| Broken(reject.to_string()))?;
            }
            found.lost += paid;
            let lots = i32::try_from(before - venue.lots(backstop, perpetual)).unwrap_or(i32::MAX);
            found.inherited += f64::from(lots) * 1000.0 * mark;
        }
    }
    found.left = venue.lots(short, perpetual);
    found.lost += (-venue.has(short, USD)).max(0.0);
    let mut taken = drawn;
    for _ in 0..3 {
        taken += venue.withdraw_most(long, USD) + venue.withdraw_most(short, USD);
        venue.pass_steps(MINUTE, 60)?;
    }
    found.gained = taken - OWN;
    Ok(found)
}

/// The amount that the backstop has paid for an account with negative equity, in USD.
fn paid(events: &[Event], backstop: AccountId) -> f64 {
    let of = |event: &Event| match event {
        Event::Moved { from: Holder::Account(from, _), amount, cause: Cause::Takeover, .. } if *from == backstop => {
            amount.to_f64()
        }
        _ => 0.0,
    };
    events.iter().map(of).sum()
}

/// Whether no principal can settle a perpetual at a price of its choice.
fn no_price(venue: &mut Venue, instrument: model::InstrumentId) -> bool {
    let change = Change::SettlementPrice { instrument, price: model::CounterPrice::new(price(0.0095)) };
    let proposed = venue.propose(change).is_err();
    let expired = [Principal::Governance, Principal::Guardian, Principal::System]
        .into_iter()
        .all(|who| venue.ask(who, Command::Expire { instrument }).is_err());
    proposed && expired
}

/// The result of the waterfall's rule for the short of the real incident: the price, and the lots that each winner
/// closes. With `reversed` the winners are passed in reverse order.
fn settled(reversed: bool) -> Result<(units::Price, Vec<(u64, i64)>), Broken> {
    let mut dice = Dice::new(398);
    let lots = 398_000;
    let deficit = money(UNITS * (LAST - FIRST) - OWN / 2.0);
    let each = |key: u64| {
        let held = dice.between(20_000, 29_999);
        let notional = count(held) * 1000.0 * LAST;
        let profit = money(notional * (1.0 - FIRST / LAST));
        Candidate { key, lots: held, hedged: 0, profit, equity: money(notional), notional: money(notional) }
    };
    let mut winners: Vec<Candidate> = (0..30).map(each).collect();
    if reversed {
        winners.reverse();
    }
    let outcome = deleverage(lots, give_back(deficit, lots), &winners);
    let at = bankruptcy(price(LAST), deficit, quantity(-UNITS)).map_err(|why| Broken(why.to_string()))?;
    Ok((at, outcome.closed.iter().map(|closed| (closed.key, closed.lots)).collect()))
}
