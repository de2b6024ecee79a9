//! One trade at any size, on top of an account that stays as it is: the accounts along it differ in one position.
//!
//! Scenario margins are convex along a trade and costs are too, so health along it rises to one peak and falls: steps
//! that double find the peak's sides, the golden section the peak, and chords the fewest lots that reach the target.
//! Where a method is not convex a size is still only taken when it improves health.

use std::borrow::Cow;

use margin::Refusal;
use model::Account;
use units::count;

use super::candidates::floor;
use super::search::Search;
use super::trade::{self, Trade};
use crate::Standing;

/// A peak is known to this part of its size.
const PEAK: i64 = 256;
/// Every so many chords the rest is halved: a line that bends is no trap.
const HALVES: u32 = 4;

/// A trade on top of an account.
#[derive(Clone)]
pub(super) struct Line<'a> {
    pub search: &'a Search<'a>,
    pub base: Cow<'a, Account>,
    pub trade: Trade,
}

/// A place on a line: so many lots traded and how the account stands then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub lots: i64,
    pub standing: Standing,
}

/// Whether one account stands healthier than another: equity per maintenance margin, compared without dividing.
pub(super) fn healthier(one: &Standing, other: &Standing) -> bool {
    one.equity * other.maintenance > other.equity * one.maintenance
}

impl Line<'_> {
    /// The account after so many lots, at the mark and their expected cost; none where nothing trades or no number
    /// holds it.
    pub fn account(&self, lots: i64) -> Option<Account> {
        let Search { market, books, .. } = self.search;
        let cost = self.search.cost(&self.trade, lots);
        if !cost.is_finite() {
            return None;
        }
        trade::after(&self.base, market, &books[self.trade.instrument.0], (&self.trade, lots), cost).ok()
    }

    /// How the account stands after so many lots; none where it is not assessed any more.
    pub fn at(&self, lots: i64) -> Result<Option<Place>, Refusal> {
        let Some(account) = self.account(lots) else { return Ok(None) };
        Ok(self.search.stands(&account)?.map(|standing| Place { lots, standing }))
    }

    /// A place beyond `from` where the account is healthier: as many USD farther as are missing or, where that is too
    /// far, one lot; none when neither improves health.
    pub fn probe(&self, from: &Place) -> Result<Option<Place>, Refusal> {
        let Search { market, books, .. } = self.search;
        let value = books[self.trade.instrument.0].lot_usd(market.listing(self.trade.instrument), market);
        let left = self.trade.most - from.lots;
        let missing = self.search.missing(&from.standing);
        let lots = if value > 0.0 { floor(missing / value).max(1).min(left) } else { left.min(1) };
        for lots in [lots, 1.min(lots.saturating_sub(1))] {
            if lots > 0 {
                let place = self.at(from.lots + lots)?;
                if let Some(place) = place.filter(|place| healthier(&place.standing, &from.standing)) {
                    return Ok(Some(place));
                }
            }
        }
        Ok(None)
    }

    /// The fewest lots beyond `from` that reach the target, else those at which health is greatest. `probe` lies beyond
    /// `from` and is healthier.
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

    /// Where the target should be, by the last two places, and a little farther; at most eight times as far.
    fn farther(&self, below: &Place, best: &Place) -> i64 {
        let (step, gained) =
            (best.lots - below.lots, self.search.missing(&below.standing) - self.search.missing(&best.standing));
        let needed = if gained > 0.0 { self.search.missing(&best.standing) / gained } else { 1.0 };
        let lots = floor(count(step) * needed * 17.0 / 16.0).saturating_add(1);
        best.lots.saturating_add(lots.min(best.lots.saturating_mul(7).max(1))).min(self.trade.most)
    }

    /// The number of lots between two at which health is greatest, or one that reaches the target.
    fn peak(&self, mut best: Place, (mut low, mut high): (i64, i64)) -> Result<Place, Refusal> {
        while high - low > (best.lots / PEAK).max(1) && !self.search.reached(&best.standing) {
            // Between the best and the farther end, at the golden part of it: the nearer end moves up to the loser.
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

    /// The smallest number of lots beyond `below` that reaches the target, as `enough` does (I-38).
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
            // Two on the same side in a row: the other end counts for half, and the chord comes over (Illinois).
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
