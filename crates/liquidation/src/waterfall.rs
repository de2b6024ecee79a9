//! Who pays a loss, in one transition (I-47).
//!
//! The order is total and fixed: the collateral of the account, the fund of the market, the shared fund up to its cap,
//! and then the winners ([`crate::deleverage`]). A later layer pays nothing while an earlier one has something, nothing
//! falls below zero on the way, and the parts add up to the loss to the last unit.
//!
//! dYdX stopped for hours in October 2025 because a transfer was computed before the fund had paid. Here all parts are
//! computed before any of them moves.

use serde::{Deserialize, Serialize};
use units::{Money, Ratio, Round};

/// What each layer has, in USD. An amount below zero is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Collateral left of the account that made the loss.
    pub account: Money,
    /// The fund of the market in which it was made.
    pub market_fund: Money,
    /// The fund that all markets share.
    pub shared_fund: Money,
    /// Of the shared fund, at most this share for one event: what is below 0 is 0, what is above 1 is 1.
    pub shared_share: Ratio,
}

/// What each layer pays, in USD, none below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The collateral of the account.
    pub account: Money,
    /// The fund of the market.
    pub market_fund: Money,
    /// The shared fund.
    pub shared_fund: Money,
    /// Those who have won what was lost.
    pub winners: Money,
}

impl Layers {
    /// What the shared fund may pay in one event, rounded down.
    fn shared_cap(&self) -> Money {
        let share = self.shared_share.clamp(Ratio::ZERO, Ratio::ONE);
        let fund = self.shared_fund.max(Money::ZERO);
        // A share of at most 1 of an amount that fits fits.
        let cap = fund.scaled(share, Round::Down).unwrap_or(fund).min(fund);
        assert!(!cap.is_negative(), "I-47: nothing falls below zero: {cap}");
        cap
    }

    /// What is left after `split` was paid; none is below zero when `split` is of these layers and they were not.
    #[must_use]
    pub fn after(&self, split: &Split) -> Self {
        let less = |has: Money, paid: Money| Money::from_raw(has.raw().saturating_sub(paid.raw()));
        Self {
            account: less(self.account, split.account),
            market_fund: less(self.market_fund, split.market_fund),
            shared_fund: less(self.shared_fund, split.shared_fund),
            shared_share: self.shared_share,
        }
    }
}

/// Who pays `loss`, in USD. A loss of zero or less is no loss, and nobody pays.
pub fn waterfall(loss: Money, layers: &Layers) -> Split {
    let mut rest = loss.max(Money::ZERO).raw();
    let mut pay = |limit: Money| {
        let part = rest.min(limit.raw().max(0));
        rest -= part;
        Money::from_raw(part)
    };
    let split = Split {
        account: pay(layers.account),
        market_fund: pay(layers.market_fund),
        shared_fund: pay(layers.shared_cap()),
        winners: pay(loss),
    };
    assert_eq!(rest, 0, "I-47: the parts add up to the loss");
    let parts = [split.account, split.market_fund, split.shared_fund, split.winners];
    assert!(parts.iter().all(|part| !part.is_negative()), "I-47: nobody pays less than nothing: {split:?}");
    assert!(split.winners == Money::ZERO || split.account.raw() == layers.account.raw().max(0), "I-47: {split:?}");
    split
}
