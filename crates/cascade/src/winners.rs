//! The winners on the other side of a position, in the form that deleveraging uses.

use liquidation::deleverage::{Candidate, Deleveraging};
use units::{Money, Round};

use crate::books::{World, money, plus, times};

/// All traders with a profit on the other side of `side` (1 for longs, -1 for shorts) in one coin.
pub fn candidates(world: &World, coin: usize, side: i32) -> Vec<Candidate> {
    let prices = world.market.prices();
    let price = prices[coin];
    let opposite = |trader: &crate::books::Account| trader.perp[coin] * side < 0 && trader.profit(coin, price) > 0.0;
    let candidate = |(number, trader): (usize, &crate::books::Account)| {
        let lots = trader.perp[coin];
        let other = 1 - coin;
        // The part of the position that is hedged by the trader's own coins or by an opposite position in the other coin.
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

/// Lots of one coin that an account must hand over.
#[derive(Clone, Copy, Debug)]
pub struct Loser {
    /// The number of the trader that must be rid of them.
    pub trader: usize,
    /// Lots to hand over, without sign.
    pub lots: i32,
    /// The part of its debts that winners must make good, in USD.
    pub deficit: Money,
}

/// Hands the lots of `losers`, all on `side` of one coin, to the winners of an outcome at the mark, and the money that
/// winners give back to the losers with a deficit. Any remainder of that money goes to the fund.
pub fn settle(world: &mut World, coin: usize, side: i32, losers: &[Loser], outcome: &Deleveraging) {
    let mark = world.mark(coin);
    let mut queue = losers.iter().copied().filter(|loser| loser.lots > 0);
    let mut loser = queue.next();
    let mut pot = Money::ZERO;
    let mut moved: i64 = 0;
    for closed in &outcome.closed {
        let winner = usize::try_from(closed.key).expect("a key is a number of a trader");
        let mut lots = i32::try_from(closed.lots).expect("a position fits");
        moved += closed.lots;
        while lots > 0 {
            let Some(one) = loser.as_mut() else { break };
            let part = lots.min(one.lots);
            world.hand_over(one.trader, winner, coin, side * part, mark);
            one.lots -= part;
            lots -= part;
            if one.lots == 0 {
                loser = queue.next();
            }
        }
        let account = &mut world.traders[winner];
        account.leg[coin] = crate::books::less(account.leg[coin], closed.give_back);
        account.refresh();
        pot = plus(pot, closed.give_back);
    }
    world.tally.taken += pot.to_f64();
    world.tally.deleveraged += times(mark, i32::try_from(moved).expect("open interest fits")).to_f64();
    for loser in losers {
        let part = loser.deficit.min(pot);
        let account = &mut world.traders[loser.trader];
        account.leg[coin] = plus(account.leg[coin], part);
        account.refresh();
        pot = crate::books::less(pot, part);
    }
    world.fund = plus(world.fund, pot);
}
