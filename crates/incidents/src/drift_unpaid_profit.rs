//! S-31, Drift v1: winners were paid before the losers had paid.

use engine::state::Policy;
use engine::{AccountId, FeedId};
use model::{InstrumentKind, USD};
use operator::Duty;
use units::count;

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{DAY, Listing, MINUTE, Venue, money, ratio, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-31",
    title: "Drift v1",
    date: "11 May 2022",
    what: "While LUNA fell, winners withdrew profits that no loser had paid yet: $19.5 M were settled in full out of \
           the collateral of everybody, of which $14.55 M had to be financed afterwards",
    loss: "a gap of $14.55 M; $8.72 M left in twelve hours, the pool fell from $13.66 M to $4.94 M",
    sources: &["Drift, technical incident report of 11 May 2022"],
};

const SETTLED: f64 = 19.5e6;
const FINANCED: f64 = 14.55e6;
/// The money of other users in the pool, in USD.
const POOL: f64 = 13.66e6;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    // The losers' money: the settled profit less the part that others financed.
    let losers = SETTLED - FINANCED;
    let (gap, owed) = (fall(losers, &GAP)?, fall(losers, &OWED)?);
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "profit is withdrawable at once: {} of it against {} that losers have, a gap of {} in everybody's \
                 collateral",
                dollars(SETTLED),
                dollars(losers),
                dollars(SETTLED - losers)
            ),
            figures: vec![figure("withdrawable", SETTLED, "USD"), figure("paid by losers", losers, "USD")],
        },
        with: Told {
            words: format!(
                "with {} the losers may hold {} of longs. LUNA at $1: winners hold {} of profit, losers have paid \
                 {}, and while the rest is not covered {} of profit leaves. LUNA at $19, losers owe their dollars \
                 against coins: of {} of profit {} is paid and {} leaves; when they have paid the rest, {} in all",
                dollars(losers),
                dollars(gap.opened),
                dollars(gap.profit),
                dollars(gap.paid),
                dollars(gap.withdrawn),
                dollars(owed.profit),
                dollars(owed.paid),
                dollars(owed.withdrawn),
                dollars(owed.withdrawn_later),
            ),
            figures: vec![
                figure("profit at $1", gap.profit, "USD"),
                figure("paid by losers at $1", gap.paid, "USD"),
                figure("withdrawn at $1", gap.withdrawn, "USD"),
                figure("profit at $19", owed.profit, "USD"),
                figure("paid by losers at $19", owed.paid, "USD"),
                figure("withdrawn at $19", owed.withdrawn, "USD"),
                figure("withdrawn at $19 once all is paid", owed.withdrawn_later, "USD"),
            ],
        },
        near: Near {
            what: "gap",
            published: FINANCED,
            modelled: SETTLED - losers,
            unit: "USD",
            chosen: "what losers had, from the published gap",
        },
        assertion: "profit withdrawn is at most what losers have paid and the fund",
        unit: "USD",
        bound_without: Bound { found: SETTLED, limit: losers },
        bound_with: Bound { found: owed.withdrawn, limit: owed.paid },
        checks: vec![
            check("with losers gone, profit withdrawn is at most what they have paid", gap.withdrawn <= gap.paid),
            check("the rule is what binds: there was more profit than was paid", owed.profit > owed.paid + 1.0),
            check("what losers have paid can be taken out", owed.withdrawn > 0.99 * owed.paid),
            check("what they pay later can be taken out then", owed.withdrawn_later > 0.99 * owed.profit),
            check("nothing of the others' money is gone", gap.pool >= POOL && owed.pool >= POOL),
        ],
    }
    .judged())
}

/// The losers' money, and the price to which LUNA falls from $30.
struct Fall {
    /// The part of the losers' money in USD; `coins` is the value of their coins as a multiple of their money.
    dollars: f64,
    coins: f64,
    last: f64,
}

/// Losers lose more than they have.
const GAP: Fall = Fall { dollars: 1.0, coins: 0.0, last: 1.0 };
/// Losers have enough, but not in dollars.
const OWED: Fall = Fall { dollars: 0.2, coins: 2.0, last: 19.0 };

struct Fell {
    /// Notional of the longs, in USD.
    opened: f64,
    /// Realised profit of the winner, in USD.
    profit: f64,
    /// The part of the profit that losers have paid out of their own money, in USD.
    paid: f64,
    /// The profit that could be withdrawn at that time, in USD.
    withdrawn: f64,
    /// The total profit that could be withdrawn after losers had paid their debts in dollars.
    withdrawn_later: f64,
    /// The money of other users at the end, in USD.
    pool: f64,
}

fn fall(losers: f64, how: &Fall) -> Result<Fell, Broken> {
    // The outflow limiter and the limit of open interest are switched off: they are not the subject of this replay.
    let open = Policy { fund_floor: money(1e9), share_floor: money(1e9), ..Policy::default() };
    let mut venue = Venue::new(Policy { outflow_share: ratio(1.0), ..open }, "2022-05-01T00:00:00Z")?;
    let wide = marks::FeedRules { collar: ratio(10.0), ..rules(3, 3) };
    let luna = venue.underlying("LUNA", 30.0, wide, 1e9)?;
    let btc = venue.underlying("BTC", 30_000.0, rules(3, 3), 1e9)?;
    let coin = venue.coin("BTC", Some(btc), (30_000.0, 1.0), None, 1e6)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "LUNA-PERP", underlying: luna, kind, lot: 10.0, tick: 0.01, band: 1.0 })?;
    venue.pass(MINUTE)?;
    venue.pass(8 * DAY)?;
    let pool = venue.account("everybody else", 1, POOL)?;
    let brought = 40e6;
    let winner = venue.account("winner", 2, brought)?;
    let mut longs = Vec::new();
    let mut opened = 0.0;
    for number in 0..3_u32 {
        let each = losers / 3.0;
        let account = venue.account(&format!("loser {number}"), 10 + number, each * how.dollars)?;
        if how.coins > 0.0 {
            let coins = each * how.coins / 30_000.0;
            venue.deposit(account, coin, coins).map_err(|reject| Broken(reject.to_string()))?;
        }
        let lots = venue.fill_most(perpetual, 30.0, 1_000_000, (account, winner));
        opened += count(lots) * 10.0 * 30.0;
        longs.push(account);
    }
    venue.say(FeedId::Index(luna), how.last);
    venue.pass_steps(MINUTE, 90)?;
    // Variation settlement turns the profit and loss of open positions into balances.
    venue.done(Duty::Settle(perpetual))?;
    venue.pass(MINUTE)?;
    let profit = venue.state().accounts[winner.place()].balance(USD, None).profit.to_f64();
    let paid = venue.state().collateral[USD.0].settled.to_f64();
    let mut taken = withdraw(&mut venue, winner)?;
    let withdrawn = (taken - brought).max(0.0);
    for account in longs.iter().copied().filter(|_| how.coins > 0.0) {
        let debt = -venue.has(account, USD);
        if debt > 0.0 {
            venue.deposit(account, USD, debt + 1.0).map_err(|reject| Broken(reject.to_string()))?;
        }
        // With no open position, margin no longer holds profit back.
        let lots = venue.lots(account, perpetual);
        venue.fill(perpetual, how.last, lots, (winner, account)).map_err(|reject| Broken(reject.to_string()))?;
    }
    taken += withdraw(&mut venue, winner)?;
    Ok(Fell {
        opened,
        profit,
        paid,
        withdrawn,
        withdrawn_later: (taken - brought).max(0.0),
        pool: venue.has(pool, USD),
    })
}

/// Withdraws as much as the engine allows within six hours.
fn withdraw(venue: &mut Venue, winner: AccountId) -> Result<f64, Broken> {
    let mut taken = 0.0;
    for _ in 0..6 {
        taken += venue.withdraw_most(winner, USD);
        venue.pass_steps(MINUTE, 60)?;
    }
    Ok(taken)
}
