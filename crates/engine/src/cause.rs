//! The reasons why amounts move.

use serde::{Deserialize, Serialize};

/// The reason why an amount moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Cause {
    /// The amount arrived in custody.
    Deposit,
    /// The amount left custody.
    Withdrawal,
    /// The owner moved the amount to another account.
    Transfer,
    /// Spot: one asset was exchanged for another.
    Exchange,
    /// Profit or loss of a position that was closed or settled.
    Profit,
    /// The premium of an option.
    Premium,
    /// The cash value of an option at expiry.
    Exercise,
    /// Funding of a perpetual.
    Funding,
    /// The fee of a trade, into the pot of fees.
    Fee,
    /// Interest on a negative balance.
    Interest,
    /// The fee of a liquidation, into a fund.
    LiquidationFee,
    /// Payment to or from a bidder or a backstop for taking over a portfolio.
    Takeover,
    /// A loss that a fund covers.
    Cover,
    /// Deposit into a fund, or withdrawal from it.
    Fund,
    /// Remainder of rounding, into the pot of rounding.
    Rounding,
}

impl Cause {
    /// Whether an amount received for this cause is profit, which can be withdrawn only once its loser has paid (I-28).
    /// A payment for a take-over counts as profit too: it may be paid out of such profit, which must not become the
    /// taker's own money.
    pub fn is_profit(self) -> bool {
        match self {
            Self::Profit | Self::Premium | Self::Exercise | Self::Funding | Self::Takeover => true,
            Self::Deposit
            | Self::Withdrawal
            | Self::Transfer
            | Self::Exchange
            | Self::Fee
            | Self::Interest
            | Self::LiquidationFee
            | Self::Cover
            | Self::Fund
            | Self::Rounding => false,
        }
    }

    /// Whether the amount leaves by its owner's wish. It is then taken from money that is not profit first; a loss or a
    /// charge is taken from profit first (I-28).
    pub fn is_by_wish(self) -> bool {
        match self {
            Self::Withdrawal | Self::Transfer | Self::Exchange => true,
            Self::Deposit
            | Self::Profit
            | Self::Premium
            | Self::Exercise
            | Self::Funding
            | Self::Fee
            | Self::Interest
            | Self::LiquidationFee
            | Self::Takeover
            | Self::Cover
            | Self::Fund
            | Self::Rounding => false,
        }
    }
}
