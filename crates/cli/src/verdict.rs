//! Whether the engine would take trades that have not happened, and what is strange about them.

use margin::{Assessment, Standing, Status};
use model::{InstrumentKind, Market};

use crate::amount::{Unit, exact, number};
use crate::sheet::largest;
use crate::trade::Trade;

/// A price further than this from the mark, as a part of it, is most likely a mistake.
const FAR: f64 = 0.05;
/// An option's mark may be nearly nothing: its price is far when it is so many times its mark away, and so large a part
/// of the index.
const FAR_OPTION: f64 = 0.5;
const FAR_INDEX: f64 = 0.001;

/// What the engine would say of an account before and after trades.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Whether the trades would be taken.
    pub accepted: bool,
    /// The rule that decided, as a sentence.
    pub why: String,
}

/// The rules of new risk: after a trade the account holds its initial margin, or is nearer to it than before and needs
/// less. What the method does not accept counts for nothing; where it does not know what it asks for, nothing is taken.
pub fn verdict([before, after]: [&Assessment; 2]) -> Verdict {
    let is_less =
        before.requirement.is_known() && after.initial_margin <= before.initial_margin && slack(after) >= slack(before);
    let unit = Unit::fitting(largest(before).max(largest(after)));
    let (equity, needed) = (unit.owned(after.counted_equity), unit.needed(after.initial_margin));
    let (accepted, why) = match after.status {
        Standing::Unknown => {
            let reasons = after.requirement.reasons().join("; ");
            (false, format!("what the account needs is not known: {reasons}"))
        }
        Standing::Known(Status::Healthy) => (true, "the account holds its initial margin after it".to_owned()),
        Standing::Known(_) if is_less => {
            (true, "the account is below its initial margin, and the trade brings it nearer".to_owned())
        }
        Standing::Known(_) => {
            let short = needed.minus(equity);
            (
                false,
                format!("equity {equity} {0} is below the initial margin {needed} {0}: {short} are missing", unit.name),
            )
        }
    };
    Verdict { accepted, why }
}

/// Equity that counts less initial margin, in raw units.
fn slack(assessment: &Assessment) -> i128 {
    assessment.counted_equity.raw().saturating_sub(assessment.initial_margin.raw())
}

/// What is strange about the price of a trade: that it is far from the mark.
pub fn far(trade: &Trade, market: &Market) -> Option<String> {
    let listing = market.listing(trade.instrument());
    let [price, mark] = [trade.price(), listing.mark].map(|price| price.in_quote().to_f64());
    let apart = (price - mark).abs();
    let underlying = &market.underlyings[listing.underlying.0];
    let is_far = match listing.kind {
        InstrumentKind::Option { .. } => {
            // What the index is in the quote: 1 where the premium is paid in the coin.
            let index = underlying.index.in_units_of(market.usd_per_quote(listing));
            apart > FAR_OPTION * mark.abs() && apart > FAR_INDEX * index
        }
        _ => apart > FAR * market.moving_price(listing),
    };
    let side = if price > mark { "above" } else { "below" };
    let part = if mark == 0.0 { String::new() } else { format!("{} % ", number(100.0 * apart / mark.abs(), 1)) };
    is_far.then(|| {
        format!(
            "{}: price {} is {part}{side} the mark {}; margin counts at the mark, and a venue may refuse an order so far from it",
            listing.name,
            exact(trade.price()),
            exact(listing.mark)
        )
    })
}
