//! Sizes many trades at once, for accounts that no sequence of added trades brings to the target.
//!
//! Adding one trade after another ends where each trade by itself lowers health, though two together would raise it:
//! two worst cases bind at once, or the loss is in two currencies. Equity falls by costs that grow faster than size,
//! and margins are worst cases. So the excess is concave, or nearly so, in the sizes of all trades together, and has
//! one maximum. [`Cuts`] climbs to it. Then trades are left out as long as the others still reach the target.

use margin::Refusal;
use units::count;

use super::candidates::floor;
use super::cuts::{Cuts, Range};
use super::search::{Leg, Search, State, WORTH};
use super::trade::Trade;

/// The most steps of a climb to the maximum; each step takes one assessment for every trade.
const CLIMBS: usize = 60;
/// The most steps of a climb after some trades were left out of a set that reached the target.
const CLIMBS_OF_FEWER: usize = 8;
/// One unit of a hedge is worth this many times the missing USD.
const UNIT: f64 = 4.0;
/// The part of a unit by which a size is changed to measure its slope.
const NUDGE: f64 = 1e-3;
/// A new point must give this part of the rise that the cuts promise.
const GIVEN: f64 = 0.1;
/// The largest reach that is tried.
const FARTHEST: f64 = 128.0;

/// All trades of an account, each measured in its own unit.
struct Climb<'a> {
    search: &'a Search<'a>,
    trades: Vec<Trade>,
    /// Lots in one unit of each trade.
    units: Vec<f64>,
}

/// The sizes of all trades in their units, and the account after them.
#[derive(Clone)]
struct Place {
    sizes: Vec<f64>,
    /// The most units that each trade may have: 0 when the trade is left out.
    most: Vec<f64>,
    state: State,
    /// Excess as a part of the USD that were missing at first: −1 before any trade, 0 at the target.
    height: f64,
}

impl Search<'_> {
    /// Sets of trades that reach the target together, the fewest trades first; or the set that comes nearest.
    pub fn joint(&self) -> Result<Vec<State>, Refusal> {
        let climb = Climb::new(self);
        let most: Vec<f64> =
            climb.trades.iter().zip(&climb.units).map(|(trade, unit)| count(trade.most) / unit).collect();
        let Some(start) = climb.place(vec![0.0; most.len()], &most)? else { return Ok(Vec::new()) };
        let mut cuts = Cuts::default();
        let mut place = climb.summit(&mut cuts, start, CLIMBS)?;
        let mut found = vec![place.state.clone()];
        while place.height >= 0.0 {
            let Some(fewer) = climb.with_fewer(&cuts, &place)? else { break };
            place = fewer;
            found.push(place.state.clone());
        }
        found.reverse();
        Ok(found)
    }
}

impl<'a> Climb<'a> {
    fn new(search: &'a Search<'a>) -> Self {
        let missing = search.missing(&search.standing);
        let mut climb = Self { search, trades: Vec::new(), units: Vec::new() };
        for trade in search.all(&search.start()) {
            if !search.cost(&trade, 1).is_finite() {
                continue;
            }
            let hedge = floor(UNIT * missing / search.value(&trade, 1));
            let lots = if trade.most > trade.held { hedge.max(trade.held) } else { trade.held };
            climb.trades.push(trade);
            climb.units.push(count(lots.clamp(1, trade.most)));
        }
        climb
    }

    /// The highest point found from a point in at most `climbs` steps; stops at the first point that reaches the target.
    fn summit(&self, cuts: &mut Cuts, from: Place, climbs: usize) -> Result<Place, Refusal> {
        let (mut centre, mut reach) = (from, 1.0);
        if centre.height >= 0.0 || !self.cut(cuts, &centre)? {
            return Ok(centre);
        }
        for _ in 0..climbs {
            let range = Range { centre: &centre.sizes, most: &centre.most, reach };
            let Some((sizes, top)) = cuts.highest(range) else { break };
            let promised = top - centre.height;
            if promised < WORTH {
                if reach >= FARTHEST {
                    break;
                }
                reach *= 4.0;
                continue;
            }
            let Some(place) = self.place(sizes, &centre.most)? else { break };
            let rises = place.height - centre.height >= GIVEN * promised;
            if rises && place.height >= 0.0 {
                return Ok(place);
            }
            if !self.cut(cuts, &place)? {
                break;
            }
            if rises {
                (centre, reach) = (place, 2.0 * reach);
            } else {
                reach *= 0.7;
            }
        }
        Ok(centre)
    }

    /// A point that reaches the target without some of the trades of another point: without the half, the quarter or
    /// the one of its trades that give least.
    fn with_fewer(&self, cuts: &Cuts, place: &Place) -> Result<Option<Place>, Refusal> {
        let least_first = self.least_first(place)?;
        let all = least_first.len();
        let mut parts: Vec<usize> = [all / 2, all / 4, 1].into_iter().filter(|part| (1..all).contains(part)).collect();
        parts.dedup();
        for left_out in parts {
            let mut fewer = place.clone();
            for (size, most) in fewer.sizes.iter_mut().zip(&mut fewer.most) {
                // A trade without size now is not tried again.
                *most = if *size > 0.0 { *most } else { 0.0 };
            }
            for which in &least_first[..left_out] {
                (fewer.sizes[*which], fewer.most[*which]) = (0.0, 0.0);
            }
            let Some(from) = self.place(fewer.sizes, &fewer.most)? else { return Ok(None) };
            let fewer = self.summit(&mut cuts.clone(), from, CLIMBS_OF_FEWER)?;
            if fewer.height >= 0.0 {
                return Ok(Some(fewer));
            }
        }
        Ok(None)
    }

    /// The trades of a point, sorted so that the one comes first without which the account is healthiest.
    fn least_first(&self, place: &Place) -> Result<Vec<usize>, Refusal> {
        let mut heights = Vec::new();
        for which in (0..place.sizes.len()).filter(|which| place.sizes[*which] > 0.0) {
            let mut sizes = place.sizes.clone();
            sizes[which] = 0.0;
            let Some((_, without)) = self.height(&sizes)? else { break };
            heights.push((without, which));
        }
        heights.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        Ok(heights.into_iter().map(|(_, which)| which).collect())
    }

    /// The point with these sizes, each limited to `most`; none when no assessments are left.
    fn place(&self, sizes: Vec<f64>, most: &[f64]) -> Result<Option<Place>, Refusal> {
        let found = self.height(&sizes)?;
        Ok(found.map(|(state, height)| Place { sizes, most: most.to_vec(), state, height }))
    }

    /// The account after trades of these sizes, and its height ([`Place::height`]); none when no assessments are left.
    fn height(&self, sizes: &[f64]) -> Result<Option<(State, f64)>, Refusal> {
        let state = self.search.after(&self.legs(sizes))?;
        let first = self.search.missing(&self.search.standing);
        Ok(state.map(|state| {
            let height = -self.search.missing(&state.standing) / first;
            (state, height)
        }))
    }

    /// The trades of these sizes in whole lots; a purchase and a sale of one instrument offset each other.
    fn legs(&self, sizes: &[f64]) -> Vec<Leg> {
        let mut legs: Vec<Leg> = Vec::new();
        for (which, size) in sizes.iter().enumerate() {
            let leg = Leg { trade: self.trades[which], lots: self.lots(which, *size) };
            match legs.iter_mut().find(|other| other.trade.instrument == leg.trade.instrument) {
                Some(other) if other.lots < leg.lots => *other = Leg { lots: leg.lots - other.lots, ..leg },
                Some(other) => other.lots -= leg.lots,
                None => legs.push(leg),
            }
        }
        legs.retain(|leg| leg.lots > 0);
        legs
    }

    fn lots(&self, which: usize, size: f64) -> i64 {
        floor(size * self.units[which]).min(self.trades[which].most)
    }

    /// Adds the cut at a point; false when no assessments are left.
    fn cut(&self, cuts: &mut Cuts, place: &Place) -> Result<bool, Refusal> {
        let mut slopes = vec![0.0; self.trades.len()];
        for (which, most) in place.most.iter().enumerate().filter(|(_, most)| **most > 0.0) {
            let nudge = NUDGE.max(1.5 / self.units[which]);
            let mut sizes = place.sizes.clone();
            sizes[which] += if sizes[which] + nudge <= *most { nudge } else { -nudge };
            let moved = self.lots(which, sizes[which]) - self.lots(which, place.sizes[which]);
            if moved == 0 {
                continue;
            }
            let Some((_, nudged)) = self.height(&sizes)? else { return Ok(false) };
            slopes[which] = (nudged - place.height) / (count(moved) / self.units[which]);
        }
        cuts.add(place.height, place.sizes.clone(), slopes);
        Ok(true)
    }
}
