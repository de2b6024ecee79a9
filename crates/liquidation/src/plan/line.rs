//! One trade at any size on top of a fixed account: the accounts along the line differ in one position only.
//!
//! Scenario margins are convex in the size of a trade, and so are costs. So health along the line rises to one peak and
//! then falls: doubling steps bracket the peak, the golden section finds it, and chords find the fewest lots that reach
//! the target. Where a method is not convex, a size is still only taken when it improves health.

use std::rc::Rc;

use margin::{Holdings, Refusal};
use units::count;

use super::candidates::floor;
use super::search::Search;
use super::trade::{self, Trade};
use crate::Standing;

/// A peak is located to within its size divided by this.
const PEAK: i64 = 256;
/// Every time this many chords are drawn, the interval is halved instead, so that a curved line cannot stall the search.
const HALVES: u32 = 4;

/// The sizes at which a hedge is tried for an account with a bounded loss, in parts of the missing USD.
const FARTHER: [i64; 4] = [2, 4, 16, 64];

/// A trade on top of an account.
#[derive(Clone)]
pub(super) struct Line<'a> {
    pub search: &'a Search<'a>,
    pub base: Rc<Holdings>,
    pub trade: Trade,
}

/// A point on a line: the number of lots traded, and how the account stands after them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub lots: i64,
    pub standing: Standing,
}

/// Whether one account is healthier than another: equity per maintenance margin, compared without dividing.
pub(super) fn healthier(one: &Standing, other: &Standing) -> bool {
    one.equity * other.maintenance > other.equity * one.maintenance
}

impl Line<'_> {
    /// What the account holds after `lots` lots, traded at the mark less their expected cost. None where nothing trades
    /// or a number overflows.
    pub fn held(&self, lots: i64) -> Option<Holdings> {
        let mut held = Holdings::clone(&self.base);
        self.trade(&mut held, lots).then_some(held)
    }

    /// Trades `lots` lots; false where nothing trades or a number overflows.
    fn trade(&self, held: &mut Holdings, lots: i64) -> bool {
        let Search { market, books, account, .. } = self.search;
        let cost = self.search.cost(&self.trade, lots);
        let book = &books[self.trade.instrument.0];
        cost.is_finite() && trade::after((account, held), market, book, &self.trade, lots, cost).is_ok()
    }

    /// How the account stands after `lots` lots; none when no assessments are left.
    pub fn at(&self, lots: i64) -> Result<Option<Place>, Refusal> {
        let mut held = self.search.spare.borrow_mut();
        held.copy(&self.base);
        if !self.trade(&mut held, lots) {
            return Ok(None);
        }
        Ok(self.search.stands(&held)?.map(|standing| Place { lots, standing }))
    }

    /// A point beyond `from` at which the account is healthier: farther by the missing USD or, where that is too far,
    /// by one lot. None when neither improves health.
    ///
    /// An account that is asked the most that it can lose (REQ-7) is asked more with a small hedge, which ends the bound,
    /// and less with a larger one: several sizes are tried for it.
    pub fn probe(&self, from: &Place) -> Result<Option<Place>, Refusal> {
        let value = self.search.value(&self.trade, 1);
        let left = self.trade.most - from.lots;
        let missing = self.search.missing(&from.standing);
        let lots = if value > 0.0 { floor(missing / value).max(1).min(left) } else { left.min(1) };
        let bounded = from.standing.initial == from.standing.maintenance;
        let larger = FARTHER.iter().filter(|_| bounded).map(|times| lots.saturating_mul(*times).min(left));
        for lots in [lots, 1.min(lots.saturating_sub(1))].into_iter().chain(larger) {
            if lots > 0 {
                let place = self.at(from.lots + lots)?;
                if let Some(place) = place.filter(|place| healthier(&place.standing, &from.standing)) {
                    return Ok(Some(place));
                }
            }
        }
        Ok(None)
    }

    /// The fewest lots beyond `from` that reach the target, else the number at which health is greatest. `probe` lies
    /// beyond `from` and is healthier.
    pub fn size(&self, from: &Place, probe: &Place) -> Result<Place, Refusal> {
        let (mut below, mut best) = (*from, *probe);
        while !self.search.reached(&best.standing) && best.lots < self.trade.most {
            let lots = self.farther(&below, &best);
            let wider = self.at(lots)?.filter(|wider| healthier(&wider.standing, &best.standing));
            let Some(wider) = wider else {
                best = self.peak(best, (below.lots, lots))?;
                break;
            };
            (below, best) = (best, wider);
        }
        debug_assert!(best.lots > from.lots && best.lots <= self.trade.most, "a size lies on its line: {best:?}");
        if self.search.reached(&best.standing) { self.least(&below, best) } else { Ok(best) }
    }

    /// An estimate of where the target lies, extrapolated from the last two points and a little farther; at most eight
    /// times as far.
    fn farther(&self, below: &Place, best: &Place) -> i64 {
        let (step, gained) =
            (best.lots - below.lots, self.search.missing(&below.standing) - self.search.missing(&best.standing));
        let needed = if gained > 0.0 { self.search.missing(&best.standing) / gained } else { 1.0 };
        let lots = floor(count(step) * needed * 17.0 / 16.0).saturating_add(1);
        best.lots.saturating_add(lots.min(best.lots.saturating_mul(7).max(1))).min(self.trade.most)
    }

    /// The number of lots between the two bounds at which health is greatest, or one that reaches the target.
    fn peak(&self, mut best: Place, (mut low, mut high): (i64, i64)) -> Result<Place, Refusal> {
        while high - low > (best.lots / PEAK).max(1) && !self.search.reached(&best.standing) {
            // Tries a point between the best one and the farther bound, at the golden section; the worse point becomes
            // a bound.
            let (upper, lower) = (high - best.lots, best.lots - low);
            let lots = if upper >= lower { best.lots + golden(upper) } else { best.lots - golden(lower) };
            if lots <= low || lots >= high || lots == best.lots {
                break;
            }
            match self.at(lots)?.filter(|tried| healthier(&tried.standing, &best.standing)) {
                Some(tried) if lots > best.lots => (low, best) = (best.lots, tried),
                Some(tried) => (high, best) = (best.lots, tried),
                None if lots > best.lots => high = lots,
                None => low = lots,
            }
        }
        Ok(best)
    }

    /// The fewest lots beyond `below` that reach the target, which `enough` reaches (I-38).
    pub fn least(&self, below: &Place, mut enough: Place) -> Result<Place, Refusal> {
        let (mut short, mut lacking) = (below.lots, self.search.missing(&below.standing));
        let mut over = -self.search.missing(&enough.standing);
        let (mut tries, mut last) = (0_u32, None);
        debug_assert!(short < enough.lots, "what is enough lies beyond {short} lots: {enough:?}");
        while enough.lots - short > 1 {
            tries += 1;
            let span = enough.lots - short;
            let chord = floor(count(span) * lacking / (lacking + over)).saturating_add(1).clamp(1, span - 1);
            let lots = short + if tries.is_multiple_of(HALVES) { span / 2 } else { chord };
            let tried = self.at(lots)?;
            let reaches = tried.is_some_and(|tried| self.search.reached(&tried.standing));
            // After two points in a row on the same side, the value at the other end is halved, so that the chord
            // crosses (Illinois).
            let again = last == Some(reaches);
            last = Some(reaches);
            match tried {
                Some(tried) if reaches => {
                    (enough, over) = (tried, -self.search.missing(&tried.standing));
                    lacking *= if again { 0.5 } else { 1.0 };
                }
                tried => {
                    debug_assert!(lots < enough.lots, "what is too little lies below what is enough");
                    short = lots;
                    lacking = tried.map_or(lacking, |tried| self.search.missing(&tried.standing));
                    over *= if again { 0.5 } else { 1.0 };
                }
            }
        }
        Ok(enough)
    }
}

/// 0.382 of a span, at least 1: the golden section.
fn golden(span: i64) -> i64 {
    (span.saturating_mul(382) / 1000).max(1)
}
