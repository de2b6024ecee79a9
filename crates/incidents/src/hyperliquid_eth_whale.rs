//! S-30, the ETH whale: margin was withdrawn to the limit, so that the liquidation engine was the best buyer of the
//! position.

use engine::state::Policy;
use engine::{AccountId, FeedId, Reject, Status};
use liquidation::OrderBook;
use model::{InstrumentId, InstrumentKind, USD};
use units::{Quantity, count};

use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, Venue, money, ratio, rules};
use crate::{Broken, Rows};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-30",
    title: "Hyperliquid, the ETH whale",
    date: "12 March 2025",
    what: "A long of up to 175 k ETH ($340 M) at fifty times; 17.09 M USDC were withdrawn while about 160 k ETH \
           ($306 M) stayed open, so that the next dip liquidated it: the vault of the venue took it over near $1,915",
    loss: "the vault lost $4 M, the trader kept $1.8 M; leverage was cut to forty and twenty-five times",
    sources: &["followin.io", "cryptonews.trade", "ainvest.com", "dapp.expert"],
};

const ETH: f64 = 160_234.0;
/// The USDC that the trader withdrew.
const DRAWN: f64 = 17.09e6;
/// The price at which the vault took over, in USD.
const TAKEN: f64 = 1915.0;
/// The price at which the position was bought, and the price at the withdrawal; both approximate.
const BOUGHT: f64 = 1884.0;
const DRAWN_AT: f64 = 1938.0;
/// USD that move ETH by one part in a hundred, chosen so that selling $306 M costs the vault's loss.
const DEPTH: f64 = 117e6;
/// Units in a lot.
const LOT: f64 = 1.0;

/// The market that the trader, or the account that takes over, must sell into. Fees are left out on both sides.
fn book() -> OrderBook {
    OrderBook {
        lot: Quantity::ONE,
        open: true,
        reduces_only: false,
        half_spread: 0.0,
        depth_usd: DEPTH,
        fee: 0.0,
        room: OrderBook::UNLIMITED,
        whole_room: OrderBook::UNLIMITED,
    }
}

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let impact = book().cost(ETH * TAKEN);
    let gained = ETH * (TAKEN - BOUGHT);
    let at_once = ETH * (DRAWN_AT - BOUGHT) - book().cost(ETH * DRAWN_AT);
    // At the price of the liquidation both sell the same lots; they differ only in the account that pays the impact.
    let (liquidated, sold) = (gained, gained - impact);
    let mut tried = Rows::default();
    let mut runs = Vec::new();
    for over in [0.45, 0.9, 1.0, 1.2] {
        let run = whale(over)?;
        tried.add(&format!("margin of {over} times the position's initial margin"), run.liquidated, run.sold);
        runs.push(run);
    }
    let worst = tried.worst()?;
    let first = runs.first().ok_or_else(|| Broken("nothing was tried".to_owned()))?;
    let vault = runs.iter().map(|run| run.vault_loss).fold(0.0, f64::max);
    let figures = vec![
        figure("drawn out", first.drawn, "USD"),
        figure("left behind", first.left, "USD"),
        figure("needed: initial margin and cost of closing", first.needed, "USD"),
        figure("equity when it was taken over", first.equity, "USD"),
        figure("profit of the trader by liquidation", worst.found, "USD"),
        figure("profit of the trader by selling", worst.limit, "USD"),
        figure("loss of whoever took over", vault, "USD"),
    ];
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "{} may be drawn out against unrealised profit, a fiftieth stays; the vault takes {} at the mark and \
                 pays the impact of {}: the trader ends {} better than by selling at that price (selling before \
                 would have made {})",
                dollars(DRAWN),
                dollars(ETH * TAKEN),
                dollars(impact),
                dollars(liquidated - sold),
                dollars(at_once)
            ),
            figures: vec![
                figure("loss of the vault", impact, "USD"),
                figure("gain over selling", liquidated - sold, "USD"),
            ],
        },
        with: Told {
            words: format!(
                "{} of money carries {:.0} ETH. Of {} asked for, {} can be drawn out, and {} stays against {} of \
                 initial margin and cost of closing. Its liquidation begins with {} of equity left, which pays the \
                 impact of the {:.0} ETH that are sold: whoever takes them loses {}, and the trader has {} by \
                 liquidation, {} by selling the same",
                dollars(first.brought),
                first.units,
                dollars(DRAWN),
                dollars(first.drawn),
                dollars(first.left),
                dollars(first.needed),
                dollars(first.equity),
                first.lots,
                dollars(vault),
                dollars(first.liquidated),
                dollars(first.sold)
            ),
            figures,
        },
        near: Near {
            what: "loss of the vault",
            published: 4e6,
            modelled: impact,
            unit: "USD",
            chosen: "the depth of the market",
        },
        assertion: "profit of the trader by liquidation is at most that by selling",
        unit: "USD",
        bound_without: Bound { found: liquidated, limit: sold },
        bound_with: Bound { found: worst.found, limit: worst.limit },
        checks: vec![
            check(
                "after every withdrawal equity holds initial margin and the cost of closing",
                runs.iter().all(|run| run.held),
            ),
            check(
                "with the money of the real case the $17.09 M could not be drawn out (502)",
                first.drawn < DRAWN && first.refused,
            ),
            check("the position was liquidated in every case", runs.iter().all(|run| run.fell)),
            check("it had the equity to pay for its liquidation", vault <= 0.0),
            check("in every case it pays no better than selling", tried.all_hold()),
        ],
    }
    .judged())
}

struct Whale {
    drawn: f64,
    left: f64,
    needed: f64,
    held: bool,
    fell: bool,
    equity: f64,
    vault_loss: f64,
    /// Units sold by liquidation, the discount to the mark that they were sold at, and the cost of selling them, in USD.
    lots: f64,
    given: f64,
    impact: f64,
    liquidated: f64,
    sold: f64,
    /// Whether the withdrawal of the real trader was refused for want of margin.
    refused: bool,
    brought: f64,
    units: f64,
}

/// The trader brings `over` times the initial margin of the whole position, buys as many lots as that allows, withdraws
/// as much as the engine allows while in profit, and is liquidated as ETH falls.
fn whale(over: f64) -> Result<Whale, Broken> {
    let policy = Policy { fund_floor: money(1e11), outflow_share: ratio(1.0), ..Policy::default() };
    let mut venue = Venue::new(policy, "2025-03-12T00:00:00Z")?;
    let eth = venue.underlying("ETH", BOUGHT, rules(3, 3), 1e11)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "ETH-PERP", underlying: eth, kind, lot: LOT, tick: 0.01, band: 0.1 })?;
    venue.pass_steps(MINUTE, 2)?;
    crowd(&mut venue, perpetual)?;
    let maker = venue.account("maker", 1, 2e9)?;

    let brought = over * 0.17 * ETH * BOUGHT;
    let trader = venue.account("trader", 2, brought)?;
    let lots = venue.fill_most(perpetual, BOUGHT, 160_234, (trader, maker));
    let units = count(lots) * LOT;
    for step in 1..=10 {
        venue.say(FeedId::Index(eth), BOUGHT + (DRAWN_AT - BOUGHT) * f64::from(step) / 10.0);
        venue.pass_steps(MINUTE, 6)?;
    }
    let whole = venue.withdraw(trader, USD, DRAWN);
    let refused = matches!(whole, Err(Reject::Withdrawal { .. }));
    let drawn = if whole.is_ok() { DRAWN } else { 0.0 } + venue.withdraw_most(trader, USD);
    let judged = venue.judge(trader)?;
    let (left, needed) = (judged.equity.to_f64(), judged.initial_margin.to_f64() + judged.closing.to_f64());
    let mut run = Whale {
        drawn,
        left,
        needed,
        held: left >= needed,
        fell: false,
        equity: 0.0,
        vault_loss: 0.0,
        lots: 0.0,
        given: 0.0,
        impact: 0.0,
        liquidated: 0.0,
        sold: 0.0,
        refused,
        brought,
        units,
    };
    venue.deep(FeedId::Index(eth), DEPTH / 3.0);
    for step in 1..=240 {
        venue.say(FeedId::Index(eth), DRAWN_AT * (1.0 - 0.003 * f64::from(step.min(120))));
        venue.pass(MINUTE)?;
        if venue.status(trader) <= Status::Liquidation {
            if !run.fell {
                run.equity = venue.judge(trader)?.equity.to_f64();
            }
            slice(&mut venue, perpetual, (trader, maker), &mut run)?;
        }
    }
    // The trader's final equity plus withdrawals less deposits; then the same result if the trader had sold the same lots
    // at the same time, into the same market.
    let worth = venue.judge(trader)?.equity.to_f64();
    run.vault_loss = (-worth).max(0.0);
    run.liquidated = worth.max(0.0) + run.drawn - brought;
    run.sold = worth + run.given - run.impact + run.drawn - brought;
    Ok(run)
}

/// One part of the position is sold as the engine offers it, at the mark less the cost of selling it: the account that
/// takes it over can sell it for that.
fn slice(
    venue: &mut Venue,
    perpetual: InstrumentId,
    (trader, maker): (AccountId, AccountId),
    run: &mut Whale,
) -> Result<(), Broken> {
    match venue.step(trader) {
        // The next tick tries again.
        Err(Reject::NoPrice { .. }) => return Ok(()),
        answer => answer.map_err(|reject| Broken(reject.to_string()))?,
    };
    let Some(offer) = venue.offer(trader) else { return Ok(()) };
    let mark = venue.mark(perpetual);
    let units = count(-offer.lots) * LOT;
    let impact = book().cost(units * mark);
    // Half a tick lower, so that the price is rounded against the account.
    let price = mark - impact / units - 0.005;
    let at = venue.on_tick(perpetual, price).to_f64();
    let answer = venue.take(perpetual, price, offer.lots, (trader, maker));
    answer.map_err(|reject| Broken(reject.to_string()))?;
    run.fell = true;
    run.lots += units;
    run.given += units * (mark - at);
    run.impact += impact;
    Ok(())
}

/// Creates ten pairs of other traders with enough open interest that the trader is not a concentration.
fn crowd(venue: &mut Venue, perpetual: InstrumentId) -> Result<(), Broken> {
    let mut many = Vec::new();
    for number in 0..20_u32 {
        many.push(venue.account(&format!("trader {number}"), 100 + number, 5e8)?);
    }
    for round in 0..900_usize {
        let (long, short) = (many[round % 10], many[10 + (round + round / 10) % 10]);
        venue.fill(perpetual, BOUGHT, 1000, (long, short)).map_err(|reject| Broken(reject.to_string()))?;
    }
    Ok(())
}
