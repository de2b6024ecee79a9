//! S-01, the path of 10 October 2025: leverage, and order books that were empty when they were needed.

use dice::Dice;
use engine::state::{Policy, Pot};
use engine::{AccountId, FeedId, Status};
use liquidation::OrderBook;
use marks::Validity;
use model::{InstrumentId, InstrumentKind, UnderlyingId};
use units::{Quantity, count};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{Listing, MINUTE, SECOND, Venue, money, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-01",
    title: "The market path of 10 October 2025",
    date: "10 October 2025, 20:50 to 22:30 UTC",
    what: "After a post about tariffs BTC fell from about $117 k to $101.4 k on one venue, on another from $112 k to \
           $97 k within twelve minutes, SOL from $185 to $137; order books lost up to 98 % of their depth and $19.1 \
           B to $19.3 B of positions, nine in ten of them long, were liquidated, $3.21 B of it within a minute",
    loss: "1.62 M to 1.66 M accounts; on the venue with public books 302 accounts ended $23.19 M below zero, 0.42 % \
           of the $5.51 B that it liquidated",
    sources: &[
        "followin.io",
        "binance.bh square posts",
        "tektonic.company and ConejoCapital/HyperReplay (figures only)",
    ],
};

/// Minutes after 20:50 UTC; BTC, ETH and SOL in USD, to three digits; the part of the books' depth that is left. The
/// points are published; between them are the extremes of quarters of an hour of a large venue.
const PATH: [(u32, [f64; 3], f64); 13] = [
    (0, [117_000.0, 4010.0, 207.0], 1.0),
    (5, [115_000.0, 3950.0, 204.0], 0.6),
    (10, [114_000.0, 3860.0, 197.0], 0.5),
    (20, [114_000.0, 3870.0, 197.0], 0.5),
    (24, [112_000.0, 3720.0, 185.0], 0.2),
    (26, [110_000.0, 3630.0, 170.0], 0.1),
    (28, [106_000.0, 3540.0, 155.0], 0.04),
    (30, [103_000.0, 3430.0, 143.0], 0.02),
    (31, [101_500.0, 3400.0, 141.0], 0.02),
    (34, [106_000.0, 3520.0, 168.0], 0.05),
    (40, [109_000.0, 3620.0, 174.0], 0.1),
    (55, [111_000.0, 3820.0, 178.0], 0.3),
    (100, [112_000.0, 3870.0, 184.0], 0.5),
];

/// USD that move each price by one part in a hundred on a quiet day: assumptions of the order of one large venue.
const DEPTH: [f64; 3] = [100e6, 60e6, 15e6];
/// The number of accounts of each coin.
const ACCOUNTS: u32 = 40;
/// Open interest of each coin, in USD.
const OPEN: [f64; 3] = [4e9, 2.5e9, 1e9];
/// The largest ratio of the margin at the worst minute to the margin before: the buffer of a quarter that Article 28 of
/// Regulation 153/2013 names.
const RISE: f64 = 1.25;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let was = as_it_was()?;
    let ours = crash()?;
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "isolated longs at five to fifty times, half of that as maintenance, each sold at once into what is \
                 left of the books: {} of {} accounts are liquidated for {}, {} of them end below zero, {} of bad \
                 debt ({:.2} % of what was liquidated)",
                was.liquidated,
                3 * ACCOUNTS,
                dollars(was.notional),
                was.below_zero,
                dollars(was.bad_debt),
                100.0 * was.bad_debt / was.notional
            ),
            figures: was.figures(),
        },
        with: Told {
            words: format!(
                "the same path, longs as large as our initial margin lets them be, in slices of a tenth of the depth \
                 that is left every ten seconds: {} of {} accounts are liquidated for {}, {} end below zero, {} of \
                 bad debt against {} in the fund; margin a dollar of position rises by {:.1} %",
                ours.liquidated,
                3 * ACCOUNTS,
                dollars(ours.notional),
                ours.below_zero,
                dollars(ours.bad_debt),
                dollars(ours.fund),
                100.0 * (ours.rise - 1.0)
            ),
            figures: ours.figures(),
        },
        near: Near {
            what: "bad debt as a share of what was liquidated",
            published: 23.19e6 / 5.511e9,
            modelled: was.bad_debt / was.notional,
            unit: "share",
            chosen: "when longs were opened, and their leverage",
        },
        assertion: "bad debt is at most what the insurance fund holds",
        unit: "USD",
        bound_without: Bound { found: was.bad_debt, limit: was.fund },
        bound_with: Bound { found: ours.bad_debt, limit: ours.fund },
        checks: vec![
            check("accounts were liquidated with ours too, or nothing was tried", ours.liquidated > 0),
            check("margin rises within the window by at most a quarter", ours.rise <= RISE),
            check("everyone found below maintenance has been closed or restored in the end", ours.done),
        ],
    }
    .judged())
}

#[derive(Default)]
struct Crash {
    liquidated: u32,
    below_zero: u32,
    notional: f64,
    bad_debt: f64,
    fund: f64,
    rise: f64,
    done: bool,
    /// Ticks in which the price of a coin was held back by its collar, so that no account was liquidated on it.
    held_back: u32,
    /// The largest sum of negative equity at any time, also if it is gone at the end, in USD.
    deepest: f64,
}

impl Crash {
    fn figures(&self) -> Vec<crate::report::Figure> {
        vec![
            figure("accounts liquidated", f64::from(self.liquidated), "count"),
            figure("notional liquidated", self.notional, "USD"),
            figure("accounts below zero", f64::from(self.below_zero), "count"),
            figure("bad debt", self.bad_debt, "USD"),
            figure("insurance fund", self.fund, "USD"),
            figure("ticks with a price held back", f64::from(self.held_back), "count"),
            figure("below zero at the worst moment", self.deepest, "USD"),
        ]
    }
}

/// Prices and the part of depth that is left `seconds` after 20:50 UTC: straight lines between the points.
fn at(seconds: u32) -> ([f64; 3], f64) {
    let minutes = f64::from(seconds) / 60.0;
    let after = PATH.iter().position(|(minute, ..)| f64::from(*minute) >= minutes).unwrap_or(PATH.len() - 1).max(1);
    let ((from, first, left), (until, second, later)) = (PATH[after - 1], PATH[after]);
    let part = ((minutes - f64::from(from)) / f64::from(until - from)).clamp(0.0, 1.0);
    let line = |from: f64, until: f64| from + (until - from) * part;
    ([0, 1, 2].map(|coin| line(first[coin], second[coin])), line(left, later))
}

/// The books of one coin, with `left` of their depth.
fn book(coin: usize, left: f64) -> OrderBook {
    OrderBook {
        lot: Quantity::ONE,
        open: true,
        reduces_only: false,
        half_spread: 0.0001 / left.max(0.01),
        depth_usd: DEPTH[coin] * left,
        fee: 0.0005,
        room: OrderBook::UNLIMITED,
        whole_room: OrderBook::UNLIMITED,
    }
}

/// The sizes of the accounts as shares of all: heavy-tailed.
fn sizes(coin: u64) -> Vec<f64> {
    let mut dice = Dice::new(10 + coin);
    let drawn: Vec<f64> = (0..ACCOUNTS).map(|_| dice.pareto(1.5).min(20.0)).collect();
    let sum = drawn.iter().fold(0.0, |sum, size| sum + size);
    drawn.iter().map(|size| size / sum).collect()
}

/// A venue with isolated margin: a long at leverage L holds 1/L and is sold at once when half of that is left.
fn as_it_was() -> Result<Crash, Broken> {
    let mut found = Crash { fund: OPEN.iter().fold(0.0, |sum, open| sum + open) * FUND, ..Crash::default() };
    for coin in 0..3_usize {
        let number = u64::try_from(coin).map_err(|why| Broken(why.to_string()))?;
        let mut dice = Dice::new(100 + number);
        for size in sizes(number) {
            // The position was opened, or opened again, at some moment before the worst minutes.
            let entered = u32::try_from(dice.below(BOUGHT)).map_err(|why| Broken(why.to_string()))?;
            let first = at(entered).0[coin];
            let leverage = dice.pick(&[5.0, 10.0, 20.0, 30.0, 50.0]);
            let (margin, units) = (1.0 / leverage, size * OPEN[coin] * LEVERED / first);
            let below = |step: &u32| at(step * 10).0[coin] < first * (1.0 - margin / 2.0);
            let Some(hit) = (entered / 10..100 * 6).find(below) else { continue };
            let (prices, left) = at(hit * 10 + DELAY);
            let notional = units * prices[coin];
            // Others sell too, so each position can use only a part of the books.
            let cost = book(coin, left).cost(notional).min(notional * WORST);
            let equity = units * (prices[coin] - first) + units * first * margin - cost;
            found.liquidated += 1;
            found.notional += notional;
            if equity < 0.0 {
                found.below_zero += 1;
                found.bad_debt -= equity;
            }
        }
    }
    found.done = true;
    Ok(found)
}

/// Seconds from the price that triggers a liquidation to its trade: on the venue with public books the first forced
/// closing came 61.7 s after the first liquidation.
const DELAY: u32 = 60;
/// Positions of the model are opened within this many seconds after 20:50 UTC, the last at 21:17.
const BOUGHT: u64 = 27 * 60;
/// The part of the open interest that is long with leverage; the rest is hedged or without leverage.
const LEVERED: f64 = 0.35;
/// The largest discount of a sale to the mark, as a part of the mark: $97 k on one venue, $101.4 k on another.
const WORST: f64 = 0.043;
/// The insurance fund, as a share of the open interest.
const FUND: f64 = 0.001;

/// Runs the real engine on the same path.
fn crash() -> Result<Crash, Broken> {
    let policy = Policy { fund_floor: money(1e12), ..Policy::default() };
    let mut venue = Venue::new(policy, "2025-10-10T20:40:00Z")?;
    let listed = [("BTC", 0.01, 0.1), ("ETH", 0.1, 0.01), ("SOL", 1.0, 0.001)];
    let mut perpetuals = Vec::new();
    for (coin, (name, lot, tick)) in listed.into_iter().enumerate() {
        let underlying = venue.underlying(name, PATH[0].1[coin], rules(3, 3), 1e11)?;
        let (name, kind) = (format!("{name}-PERP"), InstrumentKind::Perpetual);
        perpetuals.push(venue.instrument(&Listing { name: &name, underlying, kind, lot, tick, band: 0.2 })?);
    }
    venue.pass_steps(MINUTE, 10)?;
    let mut found = Crash { fund: OPEN.iter().fold(0.0, |sum, open| sum + open) * FUND, ..Crash::default() };
    venue.fund(Pot::SharedFund, found.fund)?;
    // The other side: as many makers as longs, so that none is a concentration, and one account that buys.
    let buyer = venue.account("buyers of liquidations", 1, 5e9)?;
    let mut longs = Vec::new();
    for (coin, perpetual) in perpetuals.iter().copied().enumerate() {
        let number = u64::try_from(coin).map_err(|why| Broken(why.to_string()))?;
        for (place, size) in (0_u32..).zip(sizes(number)) {
            let notional = size * OPEN[coin] * LEVERED;
            let owner = 1000 * u32::try_from(coin + 1).unwrap_or_default() + place;
            // Positions from the largest that initial margin allows to two thirds of it.
            let rate = [0.17, 0.2, 0.32][coin] * (1.0 + f64::from(place % 5) / 8.0);
            let long = venue.account(&format!("{coin} long {place}"), owner, notional * rate)?;
            let maker = venue.account(&format!("{coin} maker {place}"), 100_000 + owner, notional)?;
            let lot = listed[coin].1 * PATH[0].1[coin];
            let lots = whole(notional / lot);
            if venue.fill_most(perpetual, PATH[0].1[coin], lots, (long, maker)) > 0 {
                longs.push((long, coin, perpetual));
            }
        }
    }
    let before = rates(&venue, &longs)?;
    let mut fallen = std::collections::BTreeSet::new();
    found.rise = 1.0;
    for step in 1..=100 * 6 {
        let (prices, left) = at(step * 10);
        for (coin, usd) in prices.into_iter().enumerate() {
            venue.say(FeedId::Index(UnderlyingId(coin)), usd);
        }
        venue.pass(10 * SECOND)?;
        let valid = |coin| venue.state().validity(FeedId::Index(UnderlyingId(coin))) == Validity::Valid;
        found.held_back += u32::from(!(0..3).all(valid));
        slices(&mut venue, &longs, buyer, left, &mut fallen, &mut found);
        if step % 6 == 0 {
            found.deepest = found.deepest.max(below_zero(&venue, &longs)?.1);
        }
        if step % 30 == 0 {
            for (now, before) in rates(&venue, &longs)?.iter().zip(&before).filter(|(now, _)| **now > 0.0) {
                found.rise = found.rise.max(now / before);
            }
        }
    }
    found.liquidated = u32::try_from(fallen.len()).unwrap_or(u32::MAX);
    (found.below_zero, found.bad_debt) = below_zero(&venue, &longs)?;
    found.done = longs.iter().all(|(long, ..)| venue.status(*long) > Status::Liquidation);
    Ok(found)
}

/// Sells a tenth of the remaining depth of each coin, shared by the accounts that must be sold, at the mark less the cost
/// of selling.
fn slices(
    venue: &mut Venue,
    longs: &[(AccountId, usize, InstrumentId)],
    buyer: AccountId,
    left: f64,
    fallen: &mut std::collections::BTreeSet<AccountId>,
    found: &mut Crash,
) {
    let mut room = DEPTH.map(|depth| 0.1 * depth * left);
    for (long, coin, perpetual) in longs.iter().copied() {
        let lots = venue.lots(long, perpetual);
        if lots == 0 || venue.status(long) > Status::Liquidation {
            continue;
        }
        fallen.insert(long);
        let mark = venue.mark(perpetual);
        let unit = venue.state().contracts[perpetual.0].terms.unit().to_f64();
        let most = whole(room[coin] / (unit * mark)).max(1).min(lots);
        let notional = count(most) * unit * mark;
        let concession = book(coin, left).cost(notional) / notional;
        // Refused while the price is not valid, or where the sale would leave the account worse.
        if venue.liquidate(perpetual, mark * (1.0 - concession), -most, (long, buyer)).is_ok() {
            room[coin] = (room[coin] - notional).max(0.0);
            found.notional += notional;
        }
    }
}

/// Initial margin of each account over its notional; 0 for accounts without a position.
fn rates(venue: &Venue, longs: &[(AccountId, usize, InstrumentId)]) -> Result<Vec<f64>, Broken> {
    let of = |(long, _, perpetual): &(AccountId, usize, InstrumentId)| {
        let lots = venue.lots(*long, *perpetual);
        let unit = venue.state().contracts[perpetual.0].terms.unit().to_f64();
        let notional = count(lots) * unit * venue.mark(*perpetual);
        Ok(if lots > 0 { venue.judge(*long)?.initial_margin.to_f64() / notional } else { 0.0 })
    };
    longs.iter().map(of).collect()
}

/// The number of accounts with negative equity, and the sum of it in USD.
fn below_zero(venue: &Venue, longs: &[(AccountId, usize, InstrumentId)]) -> Result<(u32, f64), Broken> {
    let (mut count, mut lacking) = (0, 0.0);
    for (long, ..) in longs {
        let equity = venue.judge(*long)?.equity.to_f64();
        if equity < 0.0 {
            count += 1;
            lacking -= equity;
        }
    }
    Ok((count, lacking))
}

/// A non-negative number, rounded down to a whole one.
fn whole(number: f64) -> i64 {
    let amount = Quantity::from_f64(number, units::Round::Down).unwrap_or_default();
    i64::try_from(amount.raw() / Quantity::ONE.raw()).unwrap_or(i64::MAX)
}
