//! A Dutch auction of an account that cannot be sold in the market: its price falls until a bidder takes it.
//!
//! The design follows the auctions of Derive v2 and Maker's Liquidations 2.0. A bidder takes a share of the whole
//! portfolio at its mark and is paid a premium for it: the discount times the value of the share. The discount grows
//! fast to a moderate one, then slowly towards the whole value. There the auction ends, so nobody gets a portfolio for
//! nothing because no other bidder came (S-43). Without a bid nothing is sold; the caller starts the auction again or
//! goes on to the backstop.
//!
//! ```text
//! discount   1 ┤                              ╭─ ended
//!              │                    ╭─────────╯
//!        fast  ┤        ╭───────────╯
//!       first  ┼────────╯
//!              0       fast                fast + slow
//! ```
//!
//! A portfolio that is worth less than nothing has no discount: the funds pay the bidder who takes it, from 0 up to the
//! amount that the portfolio lacks to its maintenance margin ([`subsidy`]).

use crate::LiquidationRules;
use units::{Money, Ratio, Round};

/// The discount `elapsed` microseconds after the start, rounded up; `None` when the auction has ended and must be
/// started again. The discount is always below 1 and never falls. Before the start it equals the discount at the start.
pub fn discount(elapsed: i64, rules: &LiquidationRules) -> Option<Ratio> {
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

/// The largest share of the portfolio that may be sold at `discount`: the share after which the rest reaches its
/// target. Rounded up, above 0 and at most 1; 0 when `excess` is not below zero.
///
/// `excess` (BM) is equity less the target (β times the maintenance margin), `value` (`MtM`) is the equity, and
/// `reserved` (R) is the cash that earlier bids have left and that is not sold again; all in USD. When the share p is
/// sold at δ = 1 − discount of its value, the excess of the unsold part shrinks to (1 − p)(BM − R), the cash R stays,
/// and the sale brings p·δ·(MtM − R). The sum is 0 at p = BM / (BM − MtM·δ − R·(1 − δ)): the formula of Derive v2. The
/// result is 1 where no share below the whole reaches the target.
pub fn share(excess: Money, value: Money, reserved: Money, discount: Ratio) -> Ratio {
    if !excess.is_negative() {
        return Ratio::ZERO;
    }
    let kept = Ratio::from_raw(Ratio::ONE.raw() - discount.clamp(Ratio::ZERO, Ratio::ONE).raw());
    // The proceeds of the sale round down and the share rounds up, so that the rest reaches the target.
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

/// The premium that a bidder receives for taking `value` USD of the portfolio at its mark, in USD: the discount times
/// the value, rounded up, which is against the account that is liquidated. Never more than the value; 0 when the value
/// is not above 0.
pub fn premium(value: Money, discount: Ratio) -> Money {
    let value = value.max(Money::ZERO);
    let premium = value.scaled(discount.clamp(Ratio::ZERO, Ratio::ONE), Round::Up).unwrap_or(value).min(value);
    assert!(!premium.is_negative(), "I-45: a bidder pays no premium: {premium}");
    premium
}

/// The amount that the funds pay a bidder for taking a portfolio worth less than nothing, `elapsed` microseconds after
/// this phase began, in USD. It rises in a straight line over the slow phase from 0 to `shortfall`, the maintenance
/// margin less the equity, and is rounded down. `None` when the phase has ended.
pub fn subsidy(elapsed: i64, shortfall: Money, rules: &LiquidationRules) -> Option<Money> {
    let elapsed = elapsed.max(0);
    if elapsed >= rules.slow {
        return None;
    }
    let part = Money::from_raw(elapsed.into()).per(Money::from_raw(rules.slow.into()), Round::Down)?;
    assert!(part < Ratio::ONE, "the phase has not ended: {part}");
    shortfall.max(Money::ZERO).scaled(part, Round::Down).ok()
}

/// The result of one bid: the share sold and the premium paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sale {
    /// The share of the portfolio that the bidder takes at its mark.
    pub share: Ratio,
    /// The premium that the account pays the bidder for that, in USD.
    pub premium: Money,
}

/// The sale to a bid for the share `wanted`, `elapsed` microseconds after the start, of a portfolio as in [`share`].
/// `None` when the auction has ended, nothing is wanted, nothing needs to be sold, or the part not yet sold is worth nothing.
pub fn sale(
    wanted: Ratio,
    excess: Money,
    value: Money,
    reserved: Money,
    elapsed: i64,
    rules: &LiquidationRules,
) -> Option<Sale> {
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
