//! Those on the other side of a position, as deleveraging sees them.

use liquidation::deleverage::{Candidate, Outcome};
use units::{Money, Round};

use crate::books::{Who, World, money, plus, times};

/// Everyone with a profit on the other side of `side` (1 for longs, -1 for shorts) in one coin.
pub fn candidates(world: &World, coin: usize, side: i32) -> Vec<Candidate> {
    let prices = world.market.prices();
    let price = prices[coin];
    let opposite = |trader: &crate::books::Account| trader.perp[coin] * side < 0 && trader.profit(coin, price) > 0.0;
    let candidate = |(number, trader): (usize, &crate::books::Account)| {
        let lots = trader.perp[coin];
        let other = 1 - coin;
        // What its own coins or a position in the other coin against it hedge.
        let coins = if lots < 0 { trader.spot[coin].min(-lots) } else { 0 };
        let against = trader.perp[other];
        let across = if (lots < 0) == (against > 0) && against != 0 {
            crate::books::whole((f64::from(against) * prices[other]).abs() / price)
        } else {
            0
        };
        Candidate {
            key: u64::try_from(number).expect("thousands of traders"),
            lots: i64::from(lots.abs()),
            hedged: i64::from((coins.saturating_add(across)).min(lots.abs())),
            profit: money(trader.profit(coin, price), Round::Down),
            equity: money(trader.equity(prices, 0.0), Round::Down),
            notional: money(trader.notional(0, prices[0]) + trader.notional(1, prices[1]), Round::Up),
        }
    };
    world.traders.iter().enumerate().filter(|(_, trader)| opposite(trader)).map(candidate).collect()
}

/// Lots that somebody must be rid of in one coin.
#[derive(Clone, Copy, Debug)]
pub struct Loser {
    /// The trader or the backstop that must be rid of them.
    pub who: Who,
    /// Lots to hand over, without sign.
    pub lots: i32,
    /// What of its debts winners must make good, in USD.
    pub deficit: Money,
}

/// Hands the lots of `losers`, all on `side` of one coin, to the winners of an outcome at the mark, and their
/// give-back to the losers who need it. What winners give back beyond that goes to the fund.
pub fn settle(world: &mut World, coin: usize, side: i32, losers: &[Loser], outcome: &Outcome) {
    let mark = world.mark(coin);
    let mut queue = losers.iter().copied().filter(|loser| loser.lots > 0);
    let mut loser = queue.next();
    let mut pot = Money::ZERO;
    let mut moved: i64 = 0;
    for closed in &outcome.closed {
        let winner = Who::Trader(usize::try_from(closed.key).expect("a key is a number of a trader"));
        let mut lots = i32::try_from(closed.lots).expect("a position fits");
        moved += closed.lots;
        while lots > 0 {
            let Some(one) = loser.as_mut() else { break };
            let part = lots.min(one.lots);
            world.hand_over(one.who, winner, coin, side * part, mark);
            one.lots -= part;
            lots -= part;
            if one.lots == 0 {
                loser = queue.next();
            }
        }
        let account = world.account(winner);
        account.leg[coin] = crate::books::less(account.leg[coin], closed.give_back);
        account.refresh();
        pot = plus(pot, closed.give_back);
    }
    world.tally.taken += pot.to_f64();
    world.tally.deleveraged += times(mark, i32::try_from(moved).expect("open interest fits")).to_f64();
    for loser in losers {
        let part = loser.deficit.min(pot);
        let account = world.account(loser.who);
        account.leg[coin] = plus(account.leg[coin], part);
        account.refresh();
        pot = crate::books::less(pot, part);
    }
    world.fund = plus(world.fund, pot);
}
