//! S-20, Venus and Blizz: a feed stopped at its floor and looked fresh.

use engine::state::Policy;
use engine::{FeedId, Reject};
use marks::{Bounds, Cause, FeedRules};
use model::{InstrumentKind, USD};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{DAY, Listing, MINUTE, SECOND, Venue, price, ratio, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-20",
    title: "Venus and Blizz, LUNA",
    date: "12 to 13 May 2022",
    what: "The feed of LUNA stopped at $0.107, its floor, while the market went to $0.01; tokens bought for a cent \
           were pledged for ten, and everything was borrowed against them",
    loss: "Venus $11.2 M (another count says $13.5 M), Blizz $8.3 M",
    sources: &["cryptonews.com.au", "Arbitrary Execution", "rekt.news", "Halborn"],
};

const FLOOR: f64 = 0.107;
const MARKET: f64 = 0.01;
/// The amount that may be borrowed against a dollar of collateral.
const FACTOR: f64 = 0.55;
/// The tokens that were pledged. The number is not published exactly; this one makes the loss of Venus plausible.
const TOKENS: f64 = 230e6;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let borrowed = TOKENS * FLOOR * FACTOR;
    let lost = borrowed - TOKENS * MARKET;
    let ours = frozen()?;
    let words = format!(
        "at the floor the feed is {}: the coin counts for nothing. Of 230 M tokens bought for {} the attacker could \
         deposit {} and take out {} beyond what was brought",
        ours.cause.map_or_else(|| "silent".to_owned(), |cause| format!("{cause:?}").to_lowercase()),
        dollars(TOKENS * MARKET),
        dollars(ours.deposited * FLOOR),
        dollars(ours.extracted.max(0.0)),
    );
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "a price at its floor is a price: {} is borrowed on tokens worth {}, {} is lost",
                dollars(borrowed),
                dollars(TOKENS * MARKET),
                dollars(lost)
            ),
            figures: vec![figure("borrowed", borrowed, "USD"), figure("lost", lost, "USD")],
        },
        with: Told {
            words,
            figures: vec![
                figure("risk added while the price stood at its floor", ours.added, "lots"),
                figure("extracted", ours.extracted, "USD"),
            ],
        },
        near: Near {
            what: "loss of Venus",
            published: 11.2e6,
            modelled: lost,
            unit: "USD",
            chosen: "the tokens pledged, of the order that was reported",
        },
        assertion: "at the floor no risk is added and nothing is extracted",
        unit: "USD",
        bound_without: Bound { found: lost, limit: 0.0 },
        bound_with: Bound { found: ours.extracted.max(ours.added), limit: 0.0 },
        checks: vec![
            check("the price at its floor is invalid, for it is clamped", ours.cause == Some(Cause::Clamped)),
            check(
                "a trade on the coin as collateral is refused: without a price it holds no margin (200)",
                ours.refused,
            ),
            check("the same trade was taken while the price was free", ours.taken_before),
            check(
                "a price within a thousandth above its floor, from one source of three, does not move the mark",
                ours.near,
            ),
        ],
    }
    .judged())
}

struct Frozen {
    cause: Option<Cause>,
    deposited: f64,
    extracted: f64,
    added: f64,
    refused: bool,
    taken_before: bool,
    near: bool,
}

/// Every source of LUNA stops at its floor. Attackers pledge tokens, and one account loses money to the other.
fn frozen() -> Result<Frozen, Broken> {
    let mut venue = Venue::new(Policy::default(), "2022-05-01T00:00:00Z")?;
    let clamped = |mut rules: FeedRules| {
        for source in &mut rules.sources {
            source.bounds = Some(Bounds { low: price(FLOOR), high: price(10_000.0) });
        }
        // The wide collar lets the price collapse within days, because this script takes few steps.
        FeedRules { collar: ratio(10.0), ..rules }
    };
    let luna = venue.underlying("LUNA", 80.0, clamped(rules(3, 3)), 1e9)?;
    let btc = venue.underlying("BTC", 30_000.0, rules(3, 3), 1e9)?;
    let coin = venue.coin("LUNA", Some(luna), (80.0, 1.0), None, TOKENS)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "BTC-PERP", underlying: btc, kind, lot: 0.01, tick: 0.5, band: 0.1 })?;
    venue.pass(MINUTE)?;
    venue.pass(8 * DAY)?;
    venue.account("everybody else", 1, 2e7)?;
    let (pledger, winner) = (venue.account("pledger", 2, 0.0)?, venue.account("winner", 3, 1e6)?);
    let index = FeedId::Index(luna);
    // While the price is free, the coin can back risk.
    deposit(&mut venue, pledger, coin, 10_000.0)?;
    let taken_before = venue.fill(perpetual, 30_000.0, 10, (pledger, winner)).is_ok();
    venue.fill(perpetual, 30_000.0, 10, (winner, pledger)).map_err(|reject| Broken(reject.to_string()))?;
    for usd in [60.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.15, FLOOR] {
        venue.say(index, usd);
        venue.pass_steps(MINUTE, 20)?;
    }
    let cause = venue.state().quote(index).map(|quote| quote.cause);
    let deposited = TOKENS - 10_000.0;
    deposit(&mut venue, pledger, coin, deposited)?;
    let answer = venue.fill(perpetual, 30_000.0, 10, (pledger, winner));
    let refused = matches!(answer, Err(Reject::InitialMargin { .. }));
    let mut added = 0;
    for (lots, parties) in [(100_000, (pledger, winner)), (100_000, (winner, pledger))] {
        added += venue.fill_most(perpetual, 30_000.0, lots, parties);
    }
    let taken = venue.withdraw_most(winner, USD) + venue.withdraw_most(pledger, USD);
    Ok(Frozen {
        cause,
        deposited: deposited + 10_000.0,
        extracted: taken - 1e6,
        added: if added == 0 { 0.0 } else { f64::INFINITY },
        refused,
        taken_before,
        near: near_the_floor()?,
    })
}

fn deposit(venue: &mut Venue, whose: engine::AccountId, coin: model::AssetId, units: f64) -> Result<(), Broken> {
    venue.deposit(whose, coin, units).map(|_| ()).map_err(|reject| Broken(reject.to_string()))
}

/// One source stands just above its floor, the others follow the market. Returns whether the mark stays with the others.
fn near_the_floor() -> Result<bool, Broken> {
    let mut venue = Venue::new(Policy::default(), "2022-05-01T00:00:00Z")?;
    let luna = venue.underlying("LUNA", 0.2, FeedRules { collar: ratio(10.0), ..rules(3, 2) }, 1e9)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "LUNA-PERP", underlying: luna, kind, lot: 1.0, tick: 0.001, band: 0.1 })?;
    let index = FeedId::Index(luna);
    venue.pass_steps(10 * SECOND, 2)?;
    for usd in [0.15, 0.1, 0.05, MARKET] {
        venue.say(index, usd);
        venue.one_says(index, 3, f64::max(usd, FLOOR * 1.001));
        venue.pass_steps(MINUTE / 2, 4)?;
    }
    Ok((venue.mark(perpetual) - MARKET).abs() < 1e-9)
}
