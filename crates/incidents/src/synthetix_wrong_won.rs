//! S-16, Synthetix sKRW: two sources were left, one of them was wrong by a factor of a thousand, and the price was the
//! average of both.

use engine::state::Policy;
use engine::{FeedId, Reject};
use marks::{Cause, Validity};
use model::InstrumentKind;

use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, figure};
use crate::venue::{Listing, MINUTE, SECOND, Venue, rules};
use crate::{Broken, Rows};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-16",
    title: "Synthetix sKRW",
    date: "24 to 25 June 2019",
    what: "One source of the Korean won said a thousand times the rate, now and then; two of the sources were left \
           alive after an outage nobody had noticed, so the removal of outliers averaged the two, and a bot traded \
           back and forth",
    loss: "more than $1 B in name, 37 M sETH; reversed with the bot's owner",
    sources: &["Synthetix, response to the oracle incident"],
};

/// USD for a won, approximately.
const TRUE: f64 = 0.00086;
const WRONG: f64 = 1000.0;

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let averaged = f64::midpoint(TRUE, WRONG * TRUE);
    let factor = averaged / TRUE;
    // Every round trip between a good and a bad price multiplies the stake by the factor.
    let round_trips = 2_u32;
    let stake = 4000.0;
    let made = stake * factor * factor;
    let mut moved = Rows::default();
    let mut checks = Vec::new();
    for (quorum, wrong) in [(2, WRONG), (2, 0.001), (2, 1.12), (3, WRONG)] {
        let found = two_left(quorum, wrong)?;
        moved.add(&format!("quorum {quorum}, wrong by {wrong}"), found.moved, 0.0);
        let says = format!("with a quorum of {quorum}, two live sources {wrong} times apart make no valid price");
        checks.push(check(says, found.invalid));
        let says = format!("with a quorum of {quorum} and {wrong}, new risk is refused for want of a price (400)");
        checks.push(check(says, found.refused));
    }
    let worst = moved.worst()?;
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "the mean of what is alive: the price goes up by a factor of {factor:.0}, and {round_trips} round \
                 trips make ${made:.0} of ${stake:.0}"
            ),
            figures: vec![figure("factor of the averaged price", factor, "times"), figure("made", made, "USD")],
        },
        with: Told {
            words: "two camps further apart than the band are no price: the last one stands, marked invalid, nobody \
                    may add risk or be liquidated on it, and the mark has not moved"
                .to_owned(),
            figures: vec![figure("move of the mark", worst.found, "share")],
        },
        // The bot's first stake is not published, so only the order of magnitude of its profit can be compared.
        near: Near {
            what: "profit in name",
            published: 1e9,
            modelled: made,
            unit: "USD",
            chosen: "the stake, which is not published",
        },
        assertion: "two live sources that disagree move the mark by nothing",
        unit: "share",
        bound_without: Bound { found: factor - 1.0, limit: 0.0 },
        bound_with: Bound { found: worst.found, limit: worst.limit },
        checks,
    }
    .judged())
}

struct TwoLeft {
    moved: f64,
    invalid: bool,
    refused: bool,
}

/// Three sources, one of which falls silent; then one of the other two reports `wrong` times the true price.
fn two_left(quorum: u32, wrong: f64) -> Result<TwoLeft, Broken> {
    let mut venue = Venue::new(Policy::default(), "2019-06-24T12:00:00Z")?;
    // A unit is a million won, so that ticks have enough decimals.
    let true_usd = TRUE * 1e6;
    let won = venue.underlying("KRW", true_usd, rules(3, quorum), 1e8)?;
    let kind = InstrumentKind::Perpetual;
    let perpetual =
        venue.instrument(&Listing { name: "KRW-PERP", underlying: won, kind, lot: 1.0, tick: 0.01, band: 0.1 })?;
    let (bot, other) = (venue.account("bot", 1, 1e6)?, venue.account("maker", 2, 1e6)?);
    let index = FeedId::Index(won);
    venue.pass_steps(10 * SECOND, 6)?;
    let before = venue.mark(perpetual);
    venue.silence(index, 3);
    venue.pass_steps(10 * SECOND, 12)?;
    let (mut moved, mut invalid, mut refused) = (0.0_f64, true, true);
    for round in 0..10 {
        // The wrong price comes and goes.
        venue.one_says(index, 2, if round % 2 == 0 { true_usd * wrong } else { true_usd });
        venue.pass(MINUTE / 2)?;
        moved = moved.max((venue.mark(perpetual) / before - 1.0).abs());
        if round % 2 == 0 {
            let quote = venue.state().quote(index);
            invalid &= quote.is_some_and(|quote| {
                quote.validity() == Validity::Invalid
                    && matches!(quote.cause, Cause::Disagreed | Cause::Stale | Cause::Quorum)
            });
            let answer = venue.fill(perpetual, venue.mark(perpetual), 10, (bot, other));
            refused &= matches!(answer, Err(Reject::NoPrice { .. }));
        }
    }
    Ok(TwoLeft { moved, invalid, refused })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::cases()))]

        /// I-11, I-15: two sources further apart than the band give no valid price, whichever of them is wrong, and by
        /// any factor.
        #[test]
        fn two_that_disagree_are_no_price(apart in 1.12..2000.0_f64, below: bool, quorum in 2_u32..=3) {
            let found = two_left(quorum, if below { 1.0 / apart } else { apart }).unwrap();
            prop_assert!(found.invalid && found.refused && found.moved == 0.0, "{apart} {below} {}", found.moved);
        }
    }

    /// Two sources within the band give a valid price: the check does not refuse everything.
    #[test]
    fn two_that_agree_are_a_price() {
        let found = two_left(2, 1.001).unwrap();
        assert!(!found.invalid && !found.refused && found.moved > 0.0);
    }
}
