//! S-39, Drift v2: an attacker who held the keys of governance made a worthless token into collateral.

use engine::state::{AssetTerms, Change, Policy, Pot};
use engine::{AccountId, Command, FeedId, Principal};
use model::{AssetId, InstrumentId, InstrumentKind, USD};
use operator::Duty;

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{DAY, HOUR, Listing, MINUTE, Venue, money, price, quantity, ratio, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-39",
    title: "Drift v2",
    date: "1 April 2026, 16:05 UTC",
    what: "With stolen keys of a multisignature without a delay, a worthless token was listed as collateral at a \
           price of the attackers' making, limits were lifted, and the vaults were borrowed empty within minutes",
    loss: "about $285 M ($280 M to $295 M by source); $309 M or more in the vaults became $24 M",
    sources: &["4pillars.io", "0x-keep.xyz", "Blockaid", "IT Audit Consulting", "cube.exchange"],
};

const VAULTS: f64 = 309e6;
const LEFT: f64 = 24e6;
/// The attackers' tokens: an unlimited number, worth a dollar each by the attackers' sources.
const TOKENS: f64 = 500e6;
/// The amount that is lent on a dollar of collateral.
const WEIGHT: f64 = 0.9;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    // All money that was not lent out could be borrowed at once.
    let taken = (TOKENS * WEIGHT).min(VAULTS);
    let (minutes, day) = (hostile(12, MINUTE, true)?, hostile(60, HOUR, false)?);
    let outflow = |run: &Hostile| format!("{} of at most {}", dollars(run.outflow), dollars(run.budget));
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "a listing counts at once and nothing limits what leaves: {} of fake collateral draws {} of {}",
                dollars(TOKENS),
                dollars(taken),
                dollars(VAULTS)
            ),
            figures: vec![figure("outflow", taken, "USD")],
        },
        with: Told {
            words: format!(
                "in twelve minutes the same keys, with the keys of every account besides, let {} leave. In sixty \
                 hours the keys of governance alone, asking {} times for wider limits, caps and feeds and for the \
                 funds, bring {} changes into force and take {}; by the token {} are gained",
                outflow(&minutes),
                day.asked,
                day.in_force,
                outflow(&day),
                dollars(minutes.by_token.max(day.by_token)),
            ),
            figures: vec![
                figure("outflow in twelve minutes", minutes.outflow, "USD"),
                figure("budget of twelve minutes", minutes.budget, "USD"),
                figure("outflow in sixty hours", day.outflow, "USD"),
                figure("budget of sixty hours", day.budget, "USD"),
                figure("taken out by accounts that only had the token", minutes.by_token.max(day.by_token), "USD"),
                figure("changes in force", day.in_force, "count"),
            ],
        },
        near: Near {
            what: "outflow",
            published: VAULTS - LEFT,
            modelled: taken,
            unit: "USD",
            chosen: "the tokens, more than enough",
        },
        assertion: "with hostile keys what leaves in twelve minutes is at most the budget of the outflow limiter",
        unit: "USD",
        bound_without: Bound { found: taken, limit: minutes.budget },
        bound_with: Bound { found: minutes.outflow, limit: minutes.budget },
        checks: vec![
            check(
                "in sixty hours as well, and then nothing of any account is gone",
                day.outflow <= day.budget && day.accounts_whole,
            ),
            check("the budget was tried: nine tenths of one capacity left", minutes.outflow > 0.9 * minutes.capacity),
            check("who only had the token took nothing out", minutes.by_token <= 0.0),
            check("nothing the keys asked for came into force within twelve minutes", minutes.in_force == 0.0),
        ],
    }
    .judged())
}

struct Hostile {
    outflow: f64,
    capacity: f64,
    /// `capacity · (1 + T/window)` by the policy at the beginning.
    budget: f64,
    by_token: f64,
    asked: f64,
    in_force: f64,
    /// Whether every account still has the money that it brought.
    accounts_whole: bool,
}

/// The keys of governance and of the token's sources are hostile for `steps` steps; with `owners` the keys of every
/// account are too.
fn hostile(steps: u32, step: i64, owners: bool) -> Result<Hostile, Broken> {
    let mut venue = Venue::new(Policy::default(), "2026-03-20T00:00:00Z")?;
    let btc = venue.underlying("BTC", 90_000.0, rules(3, 3), 1e9)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "BTC-PERP", underlying: btc, kind, lot: 0.01, tick: 0.5, band: 0.1 })?;
    venue.pass(MINUTE)?;
    venue.pass(8 * DAY)?;
    venue.fund(Pot::SharedFund, 9e6)?;
    let mut honest = Vec::new();
    for number in 0..10_u32 {
        honest.push(venue.account(&format!("vault {number}"), 100 + number, (VAULTS - 9e6) / 10.0)?);
    }
    venue.pass(MINUTE)?;
    let (policy, began) = (venue.state().policy.clone(), venue.state().clock.micros());
    let capacity = VAULTS * policy.outflow_share.to_f64();
    let token = list_token(&mut venue)?;
    // The attackers' accounts bring only the token.
    let (pledger, friend) = (venue.account("pledger", 1, 0.0)?, venue.account("friend", 2, 0.0)?);
    let mut found =
        Hostile { outflow: 0.0, capacity, budget: 0.0, by_token: 0.0, asked: 0.0, in_force: 0.0, accounts_whole: true };
    for _ in 0..steps {
        venue.pass(step)?;
        pledge(&mut venue, (pledger, friend), token, perpetual);
        found.by_token += venue.withdraw_most(pledger, USD) + venue.withdraw_most(friend, USD);
        demands(&mut venue, token, perpetual, &mut found);
        for account in honest.iter().copied().filter(|_| owners) {
            found.outflow += venue.withdraw_most(account, USD);
        }
    }
    found.outflow += found.by_token + (9e6 - venue.state().pot(Pot::SharedFund, USD).to_f64());
    let elapsed = venue.state().clock.micros() - began;
    let share = units::Money::from_raw(i128::from(elapsed))
        .per(units::Money::from_raw(i128::from(policy.outflow_window)), units::Round::Up);
    let windows = share.map_or(f64::NAN, units::Ratio::to_f64);
    found.budget = capacity * (1.0 + windows);
    let each = (VAULTS - 9e6) / 10.0;
    found.accounts_whole = honest.iter().all(|account| venue.has(*account, USD) >= each);
    Ok(found)
}

/// Lists the token at a dollar; its only sources are the attackers'.
fn list_token(venue: &mut Venue) -> Result<AssetId, Broken> {
    venue.coin("CVT", None, (1.0, 1.0), Some(rules(1, 1)), 1e9)
}

/// Deposits the token; the pledger loses the money that it backs to a friend.
fn pledge(venue: &mut Venue, (pledger, friend): (AccountId, AccountId), token: AssetId, perpetual: InstrumentId) {
    let mut step = TOKENS;
    while step > 1.0 {
        if venue.deposit(pledger, token, step).is_err() {
            step /= 4.0;
        } else {
            break;
        }
    }
    let mark = venue.mark(perpetual);
    // The pledger buys high and sells low; the friend does the opposite.
    let lots = venue.fill_most(perpetual, mark * 1.09, 100_000, (pledger, friend));
    venue.fill_most(perpetual, mark * 0.91, lots, (friend, pledger));
}

/// Sends every kind of request that governance can make.
fn demands(venue: &mut Venue, token: AssetId, perpetual: InstrumentId, found: &mut Hostile) {
    let policy = venue.state().policy.clone();
    let wider = ratio(policy.outflow_share.to_f64() * 1.2);
    let everything = [
        Change::Outflow { window: policy.outflow_window, share: ratio(1.0), floor: money(1e12) },
        Change::Outflow { window: policy.outflow_window, share: wider, floor: policy.outflow_floor },
        Change::Cap { asset: token, cap: quantity(1e11) },
        Change::Cap { asset: token, cap: quantity(venue.state().collateral[token.0].cap.to_f64() * 1.2) },
        Change::Feed { feed: FeedId::Asset(token), rules: marks::FeedRules { collar: ratio(10.0), ..rules(1, 1) } },
        Change::Limits { instrument: perpetual, max_order: 1_000_000_000, max_open: 1_000_000_000, band: ratio(1.0) },
        Change::FundOut { fund: Pot::SharedFund, asset: USD, amount: quantity(9e6) },
        Change::FundOut { fund: Pot::SharedFund, asset: token, amount: quantity(1e6) },
    ];
    for change in everything {
        found.asked += 1.0;
        let _ = venue.propose(change);
    }
    let again = AssetTerms {
        name: "CVT2".to_owned(),
        reference: price(1000.0),
        follows: None,
        feed: Some(rules(1, 1)),
        adv_usd: None,
        depth: Vec::new(),
        cap: quantity(1e9),
    };
    let _ = venue.ask(Principal::Governance, Command::ListAsset(Box::new(again)));
    let waiting: Vec<u64> = venue.state().proposals.keys().copied().collect();
    for proposal in waiting {
        if venue.duty(Duty::Activate(proposal)).is_ok() {
            found.in_force += 1.0;
        }
    }
}
