//! S-42, the quarterly future of a venue: one account held more than half of the open interest.

use engine::Reject;
use engine::state::Policy;
use model::{InstrumentId, InstrumentKind};
use units::count;

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, Venue, money, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-42",
    title: "OKEx quarterly future",
    date: "31 July 2018, 20:17:14 Hong Kong time",
    what: "One account held 4,168,515 long contracts of $100, more than half of the open interest; it was \
           liquidated, its order at about $8,020 stayed unfilled, and at settlement near $7,483 the fund of 10 BTC \
           was gone at once",
    loss: "2,500 BTC from the company and about 1,200 BTC ($8.8 M), 17 % to 18 % of what winners had won",
    sources: &["CoinDesk, 3 August 2018", "The $415 Million Elephant", "omgaltcoin.com (both prices)"],
};

const CONTRACTS: f64 = 4_168_515.0;
const BANKRUPT: f64 = 8020.0;
const SETTLED: f64 = 7483.0;
/// The lots of about $1 M notional.
const MILLION: i64 = 1220;
/// Open interest of the contract in USD, approximately.
const OPEN: f64 = 800e6;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let notional = CONTRACTS * 100.0;
    // Inverse contracts: coins per dollar at both prices.
    let short_of = notional * (1.0 / SETTLED - 1.0 / BANKRUPT);
    let ours = built()?;
    let limit = Policy::default().account_share.to_f64();
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "{} of {} in one account: {short_of:.0} BTC are missing at settlement, of which the fund has 10",
                dollars(notional),
                dollars(OPEN)
            ),
            figures: vec![
                figure("share of the open interest", notional / OPEN, "share"),
                figure("missing", short_of, "BTC"),
            ],
        },
        with: Told {
            words: format!(
                "of {} open one account gets to {:.1} % ({}), the accounts of one owner together to {:.1} %; more is \
                 refused: {}",
                dollars(ours.open),
                ours.account * 100.0,
                dollars(ours.account * ours.open),
                ours.owner * 100.0,
                ours.said
            ),
            figures: vec![
                figure("largest share of one account", ours.account, "share"),
                figure("largest share of one owner", ours.owner, "share"),
            ],
        },
        near: Near { what: "missing at settlement", published: 3710.0, modelled: short_of, unit: "BTC", chosen: "" },
        assertion: "one account has at most a fifth of the open interest",
        unit: "share",
        bound_without: Bound { found: notional / OPEN, limit },
        bound_with: Bound { found: ours.account, limit },
        checks: vec![
            check("money was not what stopped it", ours.margin_left),
            check("the answer was the limit of concentration (601)", ours.concentration),
            check(
                "the accounts of one owner together have at most their share",
                ours.owner <= Policy::default().owner_share.to_f64(),
            ),
            check("both limits were reached to a hundredth", ours.account > limit - 0.01 && ours.owner > ours.account),
        ],
    }
    .judged())
}

struct Built {
    open: f64,
    account: f64,
    owner: f64,
    said: String,
    concentration: bool,
    margin_left: bool,
}

/// Many accounts hold an open interest of eight hundred million; then one account buys from all of them as much as it
/// may.
fn built() -> Result<Built, Broken> {
    let mut venue = Venue::new(Policy { fund_floor: money(1e10), ..Policy::default() }, "2018-07-30T00:00:00Z")?;
    let btc = venue.underlying("BTC", 8200.0, rules(3, 3), 2e9)?;
    let kind =
        InstrumentKind::Future { expiry: "2018-09-28T08:00:00Z".parse().map_err(|_| Broken("a date".to_owned()))? };
    let future =
        venue.instrument(&Listing { name: "BTC0928", underlying: btc, kind, lot: 0.1, tick: 0.5, band: 0.1 })?;
    venue.pass_steps(MINUTE, 2)?;
    let mut many = Vec::new();
    for number in 0..20_u32 {
        many.push(venue.account(&format!("trader {number}"), 100 + number, 60e6)?);
    }
    // Ten accounts are long against the other ten. All grow together, so that none is a concentration on the way.
    for round in 0..800_usize {
        let (long, short) = (many[round % 10], many[10 + (round + round / 10) % 10]);
        venue.fill(future, 8200.0, MILLION, (long, short)).map_err(|reject| Broken(reject.to_string()))?;
    }
    let whale = venue.account("whale", 1, 400e6)?;
    let second = venue.account("whale's second account", 1, 400e6)?;
    let most = 500_000;
    let (mut said, mut shares) = (String::new(), Vec::new());
    let mut concentration = false;
    for account in [whale, second] {
        for _ in 0..4 {
            for other in many.iter().copied() {
                venue.fill_most(future, 8200.0, most, (account, other));
            }
        }
        let open = count(venue.state().contracts[future.0].open);
        shares.push(count(venue.lots(account, future)) / open);
        let answer = venue.fill(future, 8200.0, 10_000, (account, many[0]));
        if let Err(reject) = answer {
            concentration = matches!(reject, Reject::Concentration { .. });
            said = reject.to_string();
        }
    }
    let judged = venue.judge(whale)?;
    let margin_left = judged.equity.to_f64() > 2.0 * judged.initial_margin.to_f64();
    let open = venue.state().contracts[future.0].open;
    let share = |lots: i64| count(lots) / count(open);
    let both = venue.lots(whale, future) + venue.lots(second, future);
    Ok(Built {
        open: count(open) * lot_usd(&venue, future),
        account: shares.iter().copied().fold(0.0, f64::max),
        owner: share(both),
        said,
        concentration,
        margin_left,
    })
}

fn lot_usd(venue: &Venue, future: InstrumentId) -> f64 {
    0.1 * venue.mark(future)
}
