//! A Dutch auction of an account that cannot be sold in the market: it gets cheaper until somebody takes it.
//!
//! After the auctions of Derive v2 and Maker's Liquidations 2.0. A bidder takes a share of the whole portfolio at its
//! mark and is paid a premium for it: the discount times the value of the share. The discount grows fast to a moderate
//! one, then slowly towards the whole value, and there the auction ends: nobody gets a portfolio for nothing because
//! nobody else came (S-43). Without a bid nothing is sold; whoever runs the auction starts it again or goes on to the
//! backstop.
//!
//! ```text
//! discount   1 ┤                              ╭─ ended
//!              │                    ╭─────────╯
//!        fast  ┤        ╭───────────╯
//!       first  ┼────────╯
//!              0       fast                fast + slow
//! ```
//!
//! A portfolio that is worth less than nothing has no discount: there the funds pay whoever takes it, from 0 up to what
//! lacks to its maintenance margin ([`subsidy`]).

use crate::Rules;
use units::{Money, Ratio, Round};

/// The discount `elapsed` microseconds after the start, rounded up; `None` when the auction has ended and must be
/// started again. Always below 1 and never falling. Before the start it is that of the start.
pub fn discount(elapsed: i64, rules: &Rules) -> Option<Ratio> {
    let elapsed = i128::from(elapsed.max(0));
    let (fast, slow) = (i128::from(rules.fast.max(0)), i128::from(rules.slow.max(0)));
    let one = Ratio::ONE.raw();
    let first = rules.first_discount.raw().clamp(0, one);
    let second = rules.fast_discount.raw().clamp(first, one);
    // At most 10¹⁸ times 2⁶³, which fits.
    let line = |from: i128, to: i128, part: i128, whole: i128| from + ((to - from) * part + whole - 1) / whole;
    let raw = if elapsed < fast {
        line(first, second, elapsed, fast)
    } else if elapsed < fast + slow {
        line(second, one, elapsed - fast, slow)
    } else {
        return None;
    };
    assert!(raw >= first, "a discount never falls below that of the start: {raw} < {first}");
    Some(Ratio::from_raw(raw.min(one - 1)))
}

/// The largest share of the portfolio that may be sold at `discount`: the one after which the rest reaches its target.
/// Rounded up, above 0 and at most 1; 0 when `excess` is not below zero.
///
/// `excess` is equity less the target (β times the maintenance margin), `value` the equity, `reserved` what earlier
/// bids have left as cash, which is not sold again; all in USD. With the share p sold at δ = 1 − discount of its value,
/// the excess of what was not sold shrinks to (1 − p)(BM − R), the cash R stays, and the sale brings p·δ·(MtM − R). The
/// sum is 0 at p = BM / (BM − MtM·δ − R·(1 − δ)): the formula of Derive v2. Where nothing below the whole will do, it
/// is the whole.
pub fn share(excess: Money, value: Money, reserved: Money, discount: Ratio) -> Ratio {
    if !excess.is_negative() {
        return Ratio::ZERO;
    }
    let kept = Ratio::from_raw(Ratio::ONE.raw() - discount.clamp(Ratio::ZERO, Ratio::ONE).raw());
    // What the sale brings rounds down, and the share up: the rest reaches the target or is not there.
    let exact = || {
        let brought = value.minus(reserved).ok()?.scaled(kept, Round::Down).ok()?;
        let lacks = excess.negated().ok()?;
        let whole = lacks.plus(brought).ok()?.plus(reserved).ok()?;
        if whole <= lacks {
            return None;
        }
        lacks.per(whole, Round::Up)
    };
    let share = exact().unwrap_or(Ratio::ONE).min(Ratio::ONE);
    assert!(share > Ratio::ZERO, "I-38: a share that restores an account that lacks {excess} is above 0");
    share
}

/// What a bidder receives for taking `value` USD of the portfolio at its mark, in USD: the discount of it, rounded up,
/// which is against the account that is liquidated. Never more than the value; nothing for what is worth nothing.
pub fn premium(value: Money, discount: Ratio) -> Money {
    let value = value.max(Money::ZERO);
    let premium = value.scaled(discount.clamp(Ratio::ZERO, Ratio::ONE), Round::Up).unwrap_or(value).min(value);
    assert!(!premium.is_negative(), "I-45: a bidder pays no premium: {premium}");
    premium
}

/// What the funds pay for taking a portfolio that is worth less than nothing, `elapsed` microseconds after this phase
/// began, in USD: from 0 to `shortfall`, the maintenance margin less the equity, in a straight line over the slow
/// phase, rounded down. `None` when the phase has ended.
pub fn subsidy(elapsed: i64, shortfall: Money, rules: &Rules) -> Option<Money> {
    let elapsed = elapsed.max(0);
    if elapsed >= rules.slow {
        return None;
    }
    let part = Money::from_raw(elapsed.into()).per(Money::from_raw(rules.slow.into()), Round::Down)?;
    assert!(part < Ratio::ONE, "the phase has not ended: {part}");
    shortfall.max(Money::ZERO).scaled(part, Round::Down).ok()
}

/// What one bid gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The share of the portfolio that the bidder takes at its mark.
    pub share: Ratio,
    /// What the account pays for that, in USD.
    pub premium: Money,
}

/// What a bid for the share `wanted` gets `elapsed` microseconds after the start, of a portfolio as in [`share`];
/// `None` when the auction has ended, nothing is wanted, nothing need be sold, or what is left is worth nothing.
pub fn sale(wanted: Ratio, excess: Money, value: Money, reserved: Money, elapsed: i64, rules: &Rules) -> Option<Sale> {
    let discount = discount(elapsed, rules)?;
    let share = share(excess, value, reserved, discount).min(wanted);
    let sold = value.minus(reserved).ok()?;
    if share <= Ratio::ZERO || sold <= Money::ZERO {
        return None;
    }
    let premium = premium(sold.scaled(share, Round::Up).ok()?, discount);
    assert!(share <= wanted, "I-38: {share} is sold, {wanted} is wanted");
    assert!(premium <= sold.max(value), "I-40: {premium} is paid for what is worth {sold}");
    Some(Sale { share, premium })
}
