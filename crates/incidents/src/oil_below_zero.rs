//! S-50, WTI: a price below zero, which a broker's screens and its margin model could not represent.

use engine::state::Policy;
use engine::{AccountId, Event, FeedId, Status};
use marks::FeedRules;
use model::{InstrumentId, InstrumentKind, Side, USD};
use operator::Duty;
use units::{Timestamp, count};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, Venue, price, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-50",
    title: "WTI below zero",
    date: "20 April 2020",
    what: "The May contract of crude settled at −$37.63; screens and margin model of a broker ended at zero, so \
           customers went on buying at $0.01 while the market stood at −$3.70, and an account of $77 k ended at −$9 \
           M",
    loss: "$88 M to $113 M of the broker; $82.57 M restitution and a fine of $1.75 M",
    sources: &["BNN Bloomberg", "fxnewsgroup.com (CFTC order)"],
};

const OWN: f64 = 77_000.0;
/// Barrels in a contract.
const BARRELS: f64 = 1000.0;
const SETTLED: f64 = -37.63;
/// The average price at which the account bought; it is not published. The size of the position follows from it.
const BOUGHT: f64 = 0.32;
/// Moves of the index are measured against at least this price, the one of a month before.
const SCALE: f64 = 20.0;
/// The last hours, in steps of ten minutes.
const PATH: [f64; 16] =
    [10.0, 8.0, 6.0, 4.5, 3.0, 2.0, 1.0, 0.5, 0.01, -3.7, -8.0, -14.0, -21.0, -29.0, -37.63, -37.63];

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    // The model assumes that a barrel can lose its price and no more: the account buys as many contracts as its money
    // covers.
    let contracts = (OWN / (BOUGHT * BARRELS)).floor();
    let lost = contracts * BARRELS * (BOUGHT - SETTLED);
    let runs = [10.0, 1.0, 0.01, -3.7].map(bought_at);
    let mut worst = 0.0_f64;
    let mut checks = Vec::new();
    let mut figures = Vec::new();
    let mut exact = 0.0_f64;
    let mut bought = Vec::new();
    for run in runs {
        let run = run?;
        worst = worst.max(run.missing);
        exact = exact.max(run.off);
        bought.push(run.contracts);
        figures.push(figure("contracts that the account could buy", run.contracts, "count"));
        figures.push(figure("missing at settlement", run.missing, "USD"));
        checks.push(check(
            format!("bought at {}: margin is asked for at every price of the path, above and below zero", run.at),
            run.least_margin > 0.0,
        ));
        checks.push(check(format!("bought at {}: it was liquidated before its money was gone", run.at), run.cured));
        checks.push(check(format!("bought at {}: settled at {SETTLED}", run.at), run.settled_at == price(SETTLED)));
    }
    let most = bought.iter().copied().fold(0.0, f64::max);
    let fewest = bought.iter().copied().fold(f64::INFINITY, f64::min);
    let gap = most * BARRELS * (-3.7 - SETTLED) - OWN;
    figures.push(figure("missing if −$3.70 were followed by −$37.63 without a price between", gap.max(0.0), "USD"));
    checks.push(check("equity is money plus lots times the move, at every price, to the cent", exact < 0.01));
    checks.push(check("an order at a negative price is taken, and one in zero's place on a coin is not", orders()?));
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "zero is the worst price there is: {contracts:.0} contracts on {}, and {} missing at settlement",
                dollars(OWN),
                dollars(lost - OWN)
            ),
            figures: vec![figure("contracts", contracts, "count"), figure("missing at settlement", lost - OWN, "USD")],
        },
        with: Told {
            words: format!(
                "the price is signed from the source to the settlement and margin is a part of at least ${SCALE:.0}: \
                 the account buys {} to {} contracts at $10, $1, $0.01 and −$3.70, is sold out on the way, and {} is \
                 missing in the worst case. Without a price between −$3.70 and −$37.63, {} would be",
                fewest,
                most,
                dollars(worst),
                dollars(gap.max(0.0))
            ),
            figures,
        },
        near: Near {
            what: "loss of the account",
            published: 9e6,
            modelled: lost - OWN,
            unit: "USD",
            chosen: "the price at which it bought, which is not published",
        },
        assertion: "an account of $77 k owes nothing after −$37.63",
        unit: "USD",
        bound_without: Bound { found: lost - OWN, limit: 0.0 },
        bound_with: Bound { found: worst, limit: 0.0 },
        checks,
    }
    .judged())
}

struct Run {
    at: f64,
    contracts: f64,
    missing: f64,
    /// The largest difference between equity and money plus lots times the move, in USD.
    off: f64,
    least_margin: f64,
    cured: bool,
    settled_at: units::Price,
}

fn listed() -> Result<(Venue, FeedId, InstrumentId), Broken> {
    // The contract settles on the prices of its last two minutes.
    let policy = Policy { settlement_window: 2 * MINUTE, settlement_samples: 2, ..Policy::default() };
    let mut venue = Venue::new(policy, "2020-04-20T15:49:00Z")?;
    let oil = FeedRules { signed: true, scale: price(SCALE), collar: crate::venue::ratio(1.0), ..rules(3, 3) };
    let oil = venue.underlying("WTI", 11.0, oil, 1e9)?;
    let expiry: Timestamp = "2020-04-20T18:30:00Z".parse().map_err(|_| Broken("a moment".to_owned()))?;
    let kind = InstrumentKind::Future { expiry };
    let future = Listing { name: "WTI-MAY", underlying: oil, kind, lot: BARRELS / 10.0, tick: 0.01, band: 0.5 };
    let future = venue.instrument(&future)?;
    venue.pass(MINUTE)?;
    Ok((venue, FeedId::Index(oil), future))
}

/// The account buys as much as it may when the price first reaches `at`. It is judged at every step of the path, and sold
/// out when it is below maintenance.
fn bought_at(at: f64) -> Result<Run, Broken> {
    let (mut venue, index, future) = listed()?;
    let maker = venue.account("maker", 1, 1e8)?;
    let account = venue.account("customer", 2, OWN)?;
    let mut run = Run {
        at,
        contracts: 0.0,
        missing: 0.0,
        off: 0.0,
        least_margin: f64::INFINITY,
        cured: true,
        settled_at: units::Price::ZERO,
    };
    let mut paid = None;
    for usd in PATH {
        for step in 1..=10 {
            // In small steps, as a market trades: a third of the remaining way each minute.
            let from = venue.mark(future);
            venue.say(index, if step == 10 { usd } else { from + (usd - from) / 3.0 });
            venue.pass(MINUTE)?;
            if paid.is_some() {
                watched(&mut venue, future, (account, maker), &mut run, paid)?;
            }
        }
        if paid.is_none() && usd <= at {
            let mark = venue.mark(future);
            let lots = venue.fill_most(future, mark, 100_000, (account, maker));
            run.contracts = count(lots) / 10.0;
            paid = Some(mark);
        }
    }
    for event in venue.done(Duty::Expire(future))? {
        if let Event::Expired { price, .. } = event {
            run.settled_at = price.in_counter();
        }
    }
    venue.pass(MINUTE)?;
    run.missing = (-venue.has(account, USD)).max(0.0);
    Ok(run)
}

/// Compares the equity of an account with its money and lots, and sells it out when it is below maintenance.
fn watched(
    venue: &mut Venue,
    future: InstrumentId,
    (account, maker): (AccountId, AccountId),
    run: &mut Run,
    paid: Option<f64>,
) -> Result<(), Broken> {
    let lots = venue.lots(account, future);
    if lots == 0 {
        return Ok(());
    }
    let judged = venue.judge(account)?;
    run.least_margin = run.least_margin.min(judged.maintenance_margin.to_f64());
    let units = count(lots) * BARRELS / 10.0;
    let cost = venue.state().accounts[account.place()].position(future).cost.to_f64();
    let worth = venue.has(account, USD) + units * venue.mark(future) - cost;
    run.off = run.off.max((worth - judged.equity.to_f64()).abs());
    if venue.status(account) <= Status::Liquidation {
        let mark = venue.mark(future);
        let sold = venue.liquidate(future, mark, -lots, (account, maker));
        run.cured &= sold.is_ok() && judged.equity.to_f64() > 0.0 && paid.is_some();
    }
    Ok(())
}

/// Whether a limit below zero is accepted where the index may be negative, and refused where it may not.
fn orders() -> Result<bool, Broken> {
    let (mut venue, index, future) = listed()?;
    let btc = venue.underlying("BTC", 7000.0, rules(3, 3), 1e9)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "BTC-PERP", underlying: btc, kind, lot: 0.01, tick: 0.5, band: 0.1 })?;
    venue.say(index, -3.7);
    venue.pass_steps(MINUTE, 100)?;
    let account = venue.account("customer", 2, OWN)?;
    let mut takes = |instrument, limit: f64| venue.place(account, instrument, Side::Buy, 1, price(limit)).is_ok();
    Ok(takes(future, -3.75) && takes(future, 0.0) && !takes(perpetual, -3.5))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::cases()))]

        /// I-14: at any price above, at and below zero, a position is worth its money plus lots times the move, needs
        /// margin, and pays exactly that when it is closed.
        #[test]
        fn signed_prices_are_prices(at in -4_000_i32..20_000, then in -4_000_i32..20_000, lots in 1_i64..80) {
            let (mut venue, index, future) = listed().unwrap();
            let (long, short) = (venue.account("long", 1, 1e9).unwrap(), venue.account("short", 2, 1e9).unwrap());
            let (at, then) = (f64::from(at) / 100.0, f64::from(then) / 100.0);
            venue.say(index, at);
            venue.pass_steps(MINUTE, 60).unwrap();
            venue.fill(future, at, lots, (long, short)).unwrap();
            venue.say(index, then);
            venue.pass_steps(MINUTE, 60).unwrap();
            let judged = venue.judge(long).unwrap();
            let gain = count(lots) * BARRELS / 10.0 * (venue.mark(future) - at);
            let off = judged.equity.to_f64() - 1e9 - gain;
            prop_assert!(off.abs() < 1e-4, "{at} to {then}: {off}");
            prop_assert!(judged.maintenance_margin.to_f64() > 0.0);
            venue.fill(future, venue.mark(future), lots, (short, long)).unwrap();
            prop_assert!((venue.has(long, USD) - 1e9 - gain).abs() < 1e-4);
        }
    }
}
