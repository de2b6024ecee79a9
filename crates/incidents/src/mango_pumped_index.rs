//! S-10, Mango: a position against oneself, a pushed index, and a profit that no loser had paid.

use engine::FeedId;
use engine::state::Policy;
use model::{InstrumentId, InstrumentKind, USD};
use operator::Duty;
use pricing::math::{exp, ln};

use crate::report::{Bound, Facts, Figure, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, SECOND, Venue, money, rules};
use crate::{Broken, Rows};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-10",
    title: "Mango",
    date: "11 October 2022",
    what: "One person with two accounts of $5 M each crossed 483 M MNGO perpetuals with themselves at $0.0382, \
           bought spot for about $4 M on the venues of the index until it stood at $0.91, and borrowed against the \
           unrealised profit",
    loss: "about $110 M to $116 M, most of what the venue held; $67 M was returned",
    sources: &["Solidus Labs", "CertiK", "CFTC complaint as reported by the press"],
};

const FIRST: f64 = 0.0382;
const LAST: f64 = 0.91;
const UNITS: f64 = 483e6;
/// The money that each of the two accounts brought, in USD.
const OWN: f64 = 5e6;
/// USD that the attacker spent on spot.
const SPENT: f64 = 4e6;
/// The money of other users that could be borrowed, in USD; the upper published figure.
const POOL: f64 = 116e6;
/// Units in a lot.
const LOT: f64 = 1000.0;
/// Open interest is at most this many times the USD that move the price by one part in a hundred.
const DEPTHS: f64 = 5.0;

/// The USD that move the logarithm of the price by one hundredth: the amount spent, divided by the move.
fn depth() -> f64 {
    SPENT / (100.0 * ln(LAST / FIRST))
}

/// The cost of a push from `FIRST` by a part `far` of it when the price falls back afterwards: the amount spent, less the
/// value of the tokens then. Impact is linear in the logarithm of the price: `100·depth·(ln(1+m) − m/(1+m))`.
fn cost(far: f64) -> f64 {
    100.0 * depth() * (ln(1.0 + far) - far / (1.0 + far))
}

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let claim = UNITS * (LAST - FIRST);
    let taken = claim.min(POOL);
    let selves = [
        ("limits as listed", alone(DEPTHS * depth(), Policy::default())?),
        ("without limits of open interest", alone(1e12, unlimited())?),
    ];
    let mut found = Rows::default();
    for (name, crossed) in &selves {
        found.add(name, crossed.extracted, cost(LAST / FIRST - 1.0));
    }
    for far in [0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0, LAST / FIRST - 1.0] {
        for held in [1.05, 1.5, 3.0] {
            let others = against_others(far, held)?;
            found.add(
                &format!("others hold {held} of initial margin, push of {:.0} %", far * 100.0),
                others,
                cost(far),
            );
        }
    }
    let worst = found.worst()?;
    let [listed, open] = [&selves[0].1, &selves[1].1];
    let words = format!(
        "open interest is limited to {}: {} of it could be crossed; with that limit off {} was crossed, the claim \
         was {} and {} left beyond what was brought in. Of {} attacks, also on the collateral of others, the best \
         for the attacker ({}) took {} and cost {}",
        dollars(DEPTHS * depth()),
        dollars(listed.opened),
        dollars(open.opened),
        dollars(open.claim),
        dollars(open.extracted.max(0.0)),
        found.count(),
        worst.name,
        dollars(worst.found),
        dollars(worst.limit),
    );
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "the index is the mean of its venues and unrealised profit is collateral: a claim of {} takes all \
                 that can be borrowed, {}",
                dollars(claim),
                dollars(taken)
            ),
            figures: vec![figure("claim", claim, "USD"), figure("taken", taken, "USD")],
        },
        with: Told { words, figures: figures(listed, open) },
        near: Near {
            what: "taken out of the venue",
            published: 113e6,
            modelled: taken,
            unit: "USD",
            chosen: "what the venue held",
        },
        assertion: "what the attacker extracts is at most what moving the price costs",
        unit: "USD",
        bound_without: Bound { found: taken - 2.0 * OWN, limit: SPENT },
        bound_with: Bound { found: worst.found, limit: worst.limit },
        checks: vec![
            check("self-crossed profit is not withdrawable beyond what its loser has paid", open.unpaid <= 0.0),
            check("every attack of the search takes at most its cost", found.all_hold()),
        ],
    }
    .judged())
}

fn figures(listed: &Crossed, open: &Crossed) -> Vec<Figure> {
    vec![
        figure("crossed within the limits", listed.opened, "USD"),
        figure("extracted within the limits", listed.extracted, "USD"),
        figure("crossed without limits of open interest", open.opened, "USD"),
        figure("claim without limits of open interest", open.claim, "USD"),
        figure("extracted without limits of open interest", open.extracted, "USD"),
        figure("withdrawn beyond what the loser had paid", open.unpaid, "USD"),
    ]
}

/// A policy in which funds and shares of open interest are no limit.
fn unlimited() -> Policy {
    Policy { fund_floor: money(1e12), share_floor: money(1e12), ..Policy::default() }
}

fn listed(open_interest_usd: f64, policy: Policy) -> Result<(Venue, FeedId, InstrumentId), Broken> {
    let mut venue = Venue::new(policy, "2022-10-11T21:00:00Z")?;
    let mngo = venue.underlying("MNGO", FIRST, rules(3, 3), open_interest_usd)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual = Listing { name: "MNGO-PERP", underlying: mngo, kind, lot: LOT, tick: 0.0001, band: 0.05 };
    let perpetual = venue.instrument(&perpetual)?;
    venue.account("everybody else", 1, POOL)?;
    venue.pass_steps(10 * SECOND, 2)?;
    Ok((venue, FeedId::Index(mngo), perpetual))
}

/// Moves the index from its first price to `far` above it in ten minutes.
fn push(venue: &mut Venue, index: FeedId, far: f64) -> Result<(), Broken> {
    for step in 1..=20 {
        venue.say(index, FIRST * exp(ln(1.0 + far) * f64::from(step) / 20.0));
        venue.pass(30 * SECOND)?;
    }
    Ok(())
}

struct Crossed {
    /// Notional of the position, in USD.
    opened: f64,
    /// Profit of the long at the last mark, in USD.
    claim: f64,
    /// Withdrawals from both accounts, less the deposits to both, in USD.
    extracted: f64,
    /// Withdrawals of the winner beyond its own deposit and the loser's, in USD.
    unpaid: f64,
}

/// Both sides of the position belong to the attacker.
fn alone(open_interest_usd: f64, policy: Policy) -> Result<Crossed, Broken> {
    let (mut venue, index, perpetual) = listed(open_interest_usd, policy)?;
    let (long, short) = (venue.account("long", 2, OWN)?, venue.account("short", 3, OWN)?);
    let lots = venue.fill_most(perpetual, FIRST, 483_000, (long, short));
    let mut taken = [0.0, 0.0];
    push(&mut venue, index, LAST / FIRST - 1.0)?;
    taken[0] += venue.withdraw_most(long, USD);
    // The price is held until the averages have followed: nothing is suspect any more.
    venue.pass_steps(MINUTE, 8 * 60)?;
    let units = lots_of(lots) * LOT;
    let claim = units * (venue.mark(perpetual) - FIRST);
    taken[0] += venue.withdraw_most(long, USD);
    // The long closes against the short, at the mark and at the edges of the band, as many lots as the engine accepts.
    for far in [1.0, 1.04, 0.96] {
        let mark = venue.mark(perpetual) * far;
        let left = venue.lots(long, perpetual);
        venue.fill_most(perpetual, mark, left, (short, long));
    }
    let _ = venue.duty(Duty::Settle(perpetual));
    venue.pass(MINUTE)?;
    for hour in 0..24 {
        taken[0] += venue.withdraw_most(long, USD);
        taken[1] += venue.withdraw_most(short, USD);
        if hour < 23 {
            venue.pass_steps(MINUTE, 2)?;
        }
    }
    let extracted = taken[0] + taken[1] - 2.0 * OWN;
    Ok(Crossed { opened: units * FIRST, claim, extracted, unpaid: (taken[0] - 2.0 * OWN).max(0.0) })
}

/// Initial margin of a short, as a share of its notional.
fn initial_rate() -> Result<f64, Broken> {
    let (mut venue, _, perpetual) = listed(DEPTHS * depth(), Policy::default())?;
    let (long, short) = (venue.account("long", 2, OWN)?, venue.account("short", 3, OWN)?);
    let lots = venue.fill_most(perpetual, FIRST, 100_000, (long, short));
    let held = lots_of(lots) * LOT * FIRST;

    Ok(venue.judge(short)?.initial_margin.to_f64() / held)
}

fn lots_of(lots: i64) -> f64 {
    i32::try_from(lots).map_or(f64::INFINITY, f64::from)
}

/// The shorts belong to other people, who hold `held` times their initial margin. Positions that liquidations take from
/// them go to the attacker. Returns the attacker's withdrawals less its deposits, in USD.
fn against_others(far: f64, held: f64) -> Result<f64, Broken> {
    let each = DEPTHS * depth() / 4.0;
    let rate = initial_rate()?;
    let (mut venue, index, perpetual) = listed(DEPTHS * depth(), Policy::default())?;
    let long = venue.account("attacker", 2, OWN)?;
    let mut shorts = Vec::new();
    for number in 0..4_u32 {
        let short = venue.account(&format!("short {number}"), 10 + number, held * rate * each)?;
        if venue.fill_most(perpetual, FIRST, 400, (long, short)) == 0 {
            return Err(Broken(format!("nobody could sell: {rate} of {each} held {held} times")));
        }
        shorts.push(short);
    }
    push(&mut venue, index, far)?;
    for _ in 0..12 * 60 {
        venue.pass(MINUTE)?;
        for short in shorts.iter().copied().filter(|short| venue.lots(*short, perpetual) != 0).collect::<Vec<_>>() {
            let lots = -venue.lots(short, perpetual);
            let mark = venue.mark(perpetual);
            // Refused while no account is below maintenance or the price is not valid.
            let _ = venue.liquidate(perpetual, mark, lots, (short, long));
        }
        if shorts.iter().all(|short| venue.lots(*short, perpetual) == 0) {
            break;
        }
    }
    venue.pass(MINUTE)?;
    let mut taken = 0.0;
    for _ in 0..4 {
        taken += venue.withdraw_most(long, USD);
        venue.pass_steps(MINUTE, 60)?;
    }
    // Money that stays in the account belongs to the attacker too, at the price without the push.
    let own = venue.has(long, USD).min((OWN - taken).max(0.0));
    Ok(taken + own - OWN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::cases()))]

        /// I-28, I-30: for every push, and for every margin that others hold, the attacker takes at most what the push
        /// costs.
        #[test]
        fn no_push_pays(far in 0.05..40.0_f64, held in 1.05..5.0_f64) {
            let taken = against_others(far, held).unwrap();
            prop_assert!(taken <= cost(far), "pushed by {far}, held {held}: {taken} above {}", cost(far));
        }

        /// The same with both sides in one hand and no limit of open interest: the attacker gains nothing.
        #[test]
        fn crossing_oneself_pays_nothing(open_interest_usd in 1e4..1e9_f64) {
            let crossed = alone(open_interest_usd, unlimited()).unwrap();
            prop_assert!(crossed.extracted <= 0.0 && crossed.unpaid <= 0.0, "{}", crossed.extracted);
        }
    }
}
