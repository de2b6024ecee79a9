//! S-03, the deleveraging of 10 October 2025: a queue closed whole positions from the top.

use dice::Dice;
use liquidation::deleverage::{Candidate, Deleveraging, deleverage, give_back, queue};
use units::{Money, count};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::money;

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-03",
    title: "Hyperliquid, deleveraging",
    date: "10 October 2025, from 21:16 UTC",
    what: "63,637 liquidations of $5.51 B were followed by 34,983 forced closings of $2.10 B on 162 instruments, at \
           once and by rank: whole positions from the top of a queue, 99.4 % of them in profit, 302 accounts being \
           $23.19 M below zero",
    loss: "winners gave up $45.0 M to $51.7 M more than the deficit (revised paper; the headline was $650 M)",
    sources: &[
        "ConejoCapital/HyperReplay and HyperMultiAssetedADL (figures only)",
        "arXiv 2512.01112, abstract, revised",
    ],
};

/// The number of accounts with negative equity; `DEFICIT` is the sum they lacked, in USD.
const BANKRUPT: u32 = 302;
const DEFICIT: f64 = 23.19e6;
/// Notional closed against winners, in USD.
const CLOSED: f64 = 2.103e9;
const MARKETS: u32 = 162;
/// The notional of one lot, in USD.
const LOT: f64 = 100.0;
/// Winners on the other side of each market.
const WINNERS: u32 = 400;
/// The mean position of winners as a multiple of the mean bankrupt position. It is the one number that is not published,
/// chosen so that the queue overshoots by about the published amount.
const SIZE: f64 = 1.6;
/// The most that the overshoot may be, in USD.
const MOST: f64 = 3e6;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let bankrupt = accounts();
    let (mut theirs, mut ours) = (Sum::default(), Sum::default());
    let mut markets: Vec<Vec<Candidate>> = (0..MARKETS).map(candidates).collect();
    let mut same = markets.clone();
    for one in &bankrupt {
        let market = usize::try_from(one.market).unwrap_or_default();
        close(one, &mut markets[market], &mut theirs, queue)?;
        close(one, &mut same[market], &mut ours, deleverage)?;
    }
    let published = f64::midpoint(45.0e6, 51.7e6);
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "{BANKRUPT} accounts in {MARKETS} markets lack {}; a queue closes {} where {} was to be closed and \
                 takes {} too much from {} winners, {} of them lose a leg of a hedge",
                dollars(theirs.deficit),
                dollars(theirs.lots * LOT),
                dollars(theirs.asked * LOT),
                dollars(theirs.overshoot()),
                theirs.people,
                theirs.hedges
            ),
            figures: theirs.figures(),
        },
        with: Told {
            words: format!(
                "in proportion to profit and leverage, in whole lots: {} closed of {} asked for, {} given back of {} \
                 lacking, from {} winners; {} hedged legs are taken",
                dollars(ours.lots * LOT),
                dollars(ours.asked * LOT),
                dollars(ours.given),
                dollars(ours.deficit),
                ours.people,
                ours.hedges
            ),
            figures: ours.figures(),
        },
        near: Near {
            what: "overshoot of the queue",
            published,
            modelled: theirs.overshoot(),
            unit: "USD",
            chosen: "the size of winners",
        },
        assertion: "winners give back at most $3 M more than was lacking",
        unit: "USD",
        bound_without: Bound { found: theirs.overshoot(), limit: MOST },
        bound_with: Bound { found: ours.overshoot(), limit: MOST },
        checks: vec![
            check("never more lots than asked for: the overshoot of every market is 0 lots", ours.most_over <= 0),
            check("every lot that was to be closed is closed", ours.left <= 0),
            check("no hedged leg is taken while there are free lots", ours.hedges == 0),
            check("nobody gives back more than their profit", ours.principal_whole),
        ],
    }
    .judged())
}

/// An account with negative equity.
struct Bankrupt {
    market: u32,
    lots: i64,
    deficit: f64,
}

fn accounts() -> Vec<Bankrupt> {
    let mut dice = Dice::new(20_251_010);
    let drawn: Vec<(u32, f64, f64)> = (0..BANKRUPT)
        .map(|_| {
            // A few markets have most of the accounts: the number of the market is proportional to the square of a
            // uniform number.
            let part = dice.uniform();
            let market = f64::from(MARKETS) * part * part;
            (floor(market), dice.pareto(1.3), dice.exponential())
        })
        .collect();
    let size = drawn.iter().fold(0.0, |sum, (_, size, _)| sum + size);
    let lack = drawn.iter().fold(0.0, |sum, (_, size, lack)| sum + size * lack);
    let sized = |(market, size_of, lack_of): &(u32, f64, f64)| Bankrupt {
        market: *market,
        lots: i64::from(floor(CLOSED / LOT * size_of / size)).max(1),
        deficit: DEFICIT * size_of * lack_of / lack,
    };
    drawn.iter().map(sized).collect()
}

/// A non-negative number, rounded down to a whole one.
fn floor(number: f64) -> u32 {
    let amount = units::Quantity::from_f64(number, units::Round::Down).unwrap_or_default();
    u32::try_from(amount.raw() / units::Quantity::ONE.raw()).unwrap_or(u32::MAX)
}

/// The winners of a market: heavy-tailed sizes, a mean leverage of a fifth, and one in five hedged for half of the
/// position.
fn candidates(market: u32) -> Vec<Candidate> {
    let mut dice = Dice::new(u64::from(market) * 7919 + 17);
    let mean = CLOSED / f64::from(BANKRUPT) * SIZE;
    let each = |number: u32| {
        let lots = i64::from(floor(mean / LOT * dice.pareto(1.3) * 0.3 / 1.3)).max(1);
        let notional = count(lots) * LOT;
        let hedged = if dice.below(5) == 0 { lots / 2 } else { 0 };
        Candidate {
            key: u64::from(market) * 1_000_000 + u64::from(number),
            lots,
            hedged,
            // A short that was opened some per cent higher: its profit is about a fifth of its notional.
            profit: money(notional * 0.2 * dice.exponential().max(0.05)),
            equity: money(notional / (0.2 * dice.exponential().max(0.01))),
            notional: money(notional),
        }
    };
    (0..WINNERS).map(each).collect()
}

#[derive(Default)]
struct Sum {
    asked: f64,
    lots: f64,
    deficit: f64,
    given: f64,
    people: u32,
    hedges: u32,
    left: i64,
    most_over: i64,
    principal_whole: bool,
    begun: bool,
}

impl Sum {
    /// The money given back beyond the deficit, in USD.
    fn overshoot(&self) -> f64 {
        self.given - self.deficit
    }

    fn figures(&self) -> Vec<crate::report::Figure> {
        vec![
            figure("lacking", self.deficit, "USD"),
            figure("given back by winners", self.given, "USD"),
            figure("overshoot", self.overshoot(), "USD"),
            figure("closings", f64::from(self.people), "count"),
            figure("hedged legs taken", f64::from(self.hedges), "count"),
        ]
    }
}

/// Closes one account against the winners of its market, whose positions shrink.
fn close(
    one: &Bankrupt,
    winners: &mut Vec<Candidate>,
    sum: &mut Sum,
    rule: fn(i64, Money, &[Candidate]) -> Deleveraging,
) -> Result<(), Broken> {
    if !sum.begun {
        (sum.begun, sum.principal_whole) = (true, true);
    }
    let each = give_back(money(one.deficit), one.lots);
    let outcome = rule(one.lots, each, winners);
    sum.asked += count(one.lots);
    sum.deficit += one.deficit;
    sum.given += outcome.give_back().map_err(|why| Broken(why.to_string()))?.to_f64();
    sum.left = sum.left.max(outcome.left);
    sum.most_over = sum.most_over.max(-outcome.left);
    for closed in &outcome.closed {
        let Some(winner) = winners.iter_mut().find(|winner| winner.key == closed.key) else { continue };
        sum.people += 1;
        sum.lots += count(closed.lots);
        let free = winner.lots - winner.hedged;
        if closed.lots > free {
            sum.hedges += 1;
        }
        sum.principal_whole &= closed.give_back <= winner.profit;
        let share = count(closed.lots) / count(winner.lots);
        winner.lots -= closed.lots;
        winner.hedged = winner.hedged.min(winner.lots);
        winner.profit = money(winner.profit.to_f64() * (1.0 - share));
        winner.notional = money(winner.notional.to_f64() * (1.0 - share));
    }
    winners.retain(|winner| winner.lots > 0);
    Ok(())
}
