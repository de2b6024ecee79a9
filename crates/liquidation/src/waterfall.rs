//! The layers that pay a loss, and the amount of each, in one transition (I-47).
//!
//! The order is total and fixed: the collateral of the account, the fund of the market, the shared fund up to its cap,
//! and then the winners ([`crate::deleverage`]). A later layer pays nothing while an earlier one still has money, no
//! layer falls below zero on the way, and the parts add up to the loss to the last unit.
//!
//! dYdX stopped for hours in October 2025 because a transfer was computed before the fund had paid. Here all parts are
//! computed before any money moves.

use serde::{Deserialize, Serialize};
use units::{Money, Ratio, Round};

/// The money in each layer, in USD. An amount below zero counts as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Remaining collateral of the account that made the loss.
    pub account: Money,
    /// The fund of the market in which the loss was made.
    pub market_fund: Money,
    /// The fund that all markets share.
    pub shared_fund: Money,
    /// The largest share of the shared fund that one event may take; clamped to 0 … 1.
    pub shared_share: Ratio,
}

/// The payment of each layer, in USD, none below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Paid by the collateral of the account.
    pub account: Money,
    /// Paid by the fund of the market.
    pub market_fund: Money,
    /// Paid by the shared fund.
    pub shared_fund: Money,
    /// Paid by the winners: the accounts that gained on the other side.
    pub winners: Money,
}

impl Layers {
    /// The most that the shared fund may pay in one event, rounded down.
    fn shared_cap(&self) -> Money {
        let share = self.shared_share.clamp(Ratio::ZERO, Ratio::ONE);
        let fund = self.shared_fund.max(Money::ZERO);
        // An amount that fits, times a share of at most 1, fits too.
        let cap = fund.scaled(share, Round::Down).unwrap_or(fund).min(fund);
        assert!(!cap.is_negative(), "I-47: nothing falls below zero: {cap}");
        cap
    }

    /// The money left in each layer after `split` was paid. No layer is below zero when `split` was computed from these
    /// layers and none was below zero before.
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

/// Splits `loss`, in USD, among the layers. A loss of zero or less is no loss, and no layer pays.
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
