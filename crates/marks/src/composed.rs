//! Composes a price from two: a base price times a ratio, for a staked token, a premium, a dated forward.
//!
//! Each leg is a quote of its own feed, judged by its own rules: its own ages, quorum, bounds (I-11). The product is as
//! valid as the worse leg. Both legs must be of one tick (I-22), so both are of one vector of prices (I-12). A stable
//! coin is a leg like any other: no leg is a constant (I-21).

use units::{Overflow, Price, Ratio, Round, Timestamp};

use crate::quote::Quote;
use crate::rules::size;

/// The reasons why two quotes cannot be composed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotComposed {
    /// The legs belong to different ticks.
    #[error("base of {} microseconds, ratio of {}: expected legs of one tick", base.micros(), ratio.micros())]
    OtherTick {
        /// The tick of the base.
        base: Timestamp,
        /// The tick of the ratio.
        ratio: Timestamp,
    },
    /// The product left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// `base` times `ratio`, rounded down, with the half-width rounded up.
///
/// The averages are products of the averages. The sources are those of both legs, and the time of publication is that
/// of the older leg.
pub fn composed(base: &Quote, ratio: &Quote) -> Result<Quote, NotComposed> {
    if base.at != ratio.at {
        return Err(NotComposed::OtherTick { base: base.at, ratio: ratio.at });
    }
    let worse = if ratio.validity() > base.validity() { ratio } else { base };
    let mut live: Vec<u32> = base.live.iter().chain(&ratio.live).copied().collect();
    live.sort_unstable();
    live.dedup();
    Ok(Quote {
        price: product(base.price, ratio.price, Round::Down)?,
        index: product(base.index, ratio.index, Round::Down)?,
        confidence: confidence(base, ratio)?,
        fast: product(base.fast, ratio.fast, Round::Down)?,
        slow: product(base.slow, ratio.slow, Round::Down)?,
        cause: worse.cause,
        handover: base.handover || ratio.handover,
        live,
        published: base.published.min(ratio.published),
        at: base.at,
    })
}

/// The largest distance of the product from the product of the prices when each leg is within its half-width: `|b|·r' +
/// b'·|r| + b'·r'`, where `'` marks half-widths.
fn confidence(base: &Quote, ratio: &Quote) -> Result<Price, Overflow> {
    let of_ratio = product(size(base.price)?, ratio.confidence, Round::Up)?;
    let of_base = product(base.confidence, size(ratio.price)?, Round::Up)?;
    let of_both = product(base.confidence, ratio.confidence, Round::Up)?;
    of_ratio.plus(of_base)?.plus(of_both)
}

fn product(base: Price, ratio: Price, round: Round) -> Result<Price, Overflow> {
    base.scaled(Ratio::from_raw(ratio.raw()), round)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validity::{Cause, Validity};

    fn quote(price: &str, cause: Cause) -> Quote {
        let price: Price = price.parse().unwrap();
        Quote {
            price,
            index: price,
            confidence: "0.1".parse().unwrap(),
            fast: price,
            slow: price,
            cause,
            handover: false,
            live: vec![1, 3],
            published: Timestamp::from_micros(7),
            at: Timestamp::from_micros(10),
        }
    }

    /// I-22, I-12: legs of two ticks make no price.
    #[test]
    fn legs_of_two_ticks_make_no_price() {
        let late = Quote { at: Timestamp::from_micros(11), ..quote("1", Cause::Agreed) };
        let refusal = composed(&quote("1", Cause::Agreed), &late).unwrap_err();
        assert_eq!(refusal.to_string(), "base of 10 microseconds, ratio of 11: expected legs of one tick");
    }

    /// I-11, I-22: the product is as valid as the worse leg and as old as the older leg.
    #[test]
    fn a_product_is_as_good_as_its_worse_leg_and_as_old_as_the_older() {
        let causes = [Cause::Agreed, Cause::Dispersed, Cause::Collared, Cause::Stale, Cause::Clamped];
        for base in causes {
            for ratio in causes {
                let older = Quote { published: Timestamp::from_micros(3), live: vec![2, 3], ..quote("1.05", ratio) };
                let product = composed(&quote("3800", base), &older).unwrap();
                assert_eq!(product.validity(), base.validity().max(ratio.validity()));
                assert_eq!(product.published, Timestamp::from_micros(3));
                assert_eq!(product.live, [1, 2, 3]);
                assert_eq!(product.price.to_string(), "3990");
            }
        }
    }

    /// I-21: when a stable leg leaves its peg, the product moves with it.
    #[test]
    fn a_stable_leg_is_priced_like_any_other() {
        let product = composed(&quote("0.87", Cause::Agreed), &quote("1", Cause::Agreed)).unwrap();
        assert_eq!((product.price.to_string(), product.validity()), ("0.87".into(), Validity::Valid));
    }

    /// I-18, I-14: the half-width covers every pair within the half-widths of the legs, for prices of any sign.
    #[test]
    fn the_half_width_covers_the_corners() {
        for (base, ratio) in [("100", "2"), ("-100", "2"), ("-100", "-2"), ("0", "-2"), ("0.05", "0.05")] {
            let (base, ratio) = (quote(base, Cause::Agreed), quote(ratio, Cause::Agreed));
            let whole = composed(&base, &ratio).unwrap();
            for b in [base.low(), base.high()] {
                for r in [ratio.low(), ratio.high()] {
                    let corner = product(b.unwrap(), r.unwrap(), Round::Down).unwrap();
                    assert!(whole.low().unwrap() <= corner && corner <= whole.high().unwrap());
                }
            }
        }
    }

    #[test]
    fn a_product_out_of_range_is_refused() {
        let huge = quote("170000000000000000000", Cause::Agreed);
        assert!(matches!(composed(&huge, &huge), Err(NotComposed::Overflow(_))));
    }
}
