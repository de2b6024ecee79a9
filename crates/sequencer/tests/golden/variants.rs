//! The variants of the types that a journal holds, by name: each is in the golden journal.

use std::collections::BTreeSet;

use engine::state::{Change, Mode, Pot};
use engine::{Cause, Command, Event, FeedId, Principal, Status};

/// A type whose variants are known by name.
pub trait Variants {
    /// The name of the type.
    const TYPE: &'static str;
    /// The names of all variants.
    const NAMES: &'static [&'static str];

    /// The name of the variant of a value.
    fn name(&self) -> &'static str;
}

/// Lists the variants of a type. The match has no wildcard: a variant that is missing here does not compile.
macro_rules! variants {
    ($($type:ident { $($variant:ident)* })*) => {
        $(impl Variants for $type {
            const TYPE: &'static str = stringify!($type);
            const NAMES: &'static [&'static str] = &[$(stringify!($variant)),*];

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => stringify!($variant),)*
                }
            }
        })*
    };
}

variants! {
    Command {
        OpenAccount Deposit Withdraw Transfer ListLocation ListUnderlying ListAsset ListInstrument Place Amend Cancel
        Fill Report Surface Funding Interest Settle Expire LiquidationFill Liquidate Measure SetBackstop AuctionBid
        FundDeposit FundWithdraw Propose Activate Revoke SetMode Tick Watch Resume
    }
    Event {
        Clock Opened LocationListed UnderlyingListed AssetListed InstrumentListed Moved Referenced FundReferenced Ordered
        OrderClosed Matched Positioned Reported Quoted Marked Surfaced Sampled Funded Accrued ModeSet Expired Judged
        Watched Flowed Proposed Activated CaseOpened Shared Offered Auctioned CaseClosed Transferred Paced Measured
        Calmed BackstopSet Revoked Retired
    }
    Principal { Owner Matching Source Custody Governance Guardian System }
    Cause {
        Deposit Withdrawal Transfer Exchange Profit Premium Exercise Funding Fee Interest LiquidationFee Takeover Cover
        Fund Rounding
    }
    Change { Method Cap Feed Limits OpenInterest Outflow FundOut SettlementPrice }
    Pot { Custody Clearing Fees Rounding MarketFund SharedFund }
    Status { Bankrupt Liquidation Warning Restricted Healthy }
    FeedId { Index Asset Premium Forward Surface }
    Mode { Open ReduceOnly Halted Settled }
}

/// The quality of a price is another type of the same name as the cause of a movement.
type Quality = marks::Cause;

variants! { Quality { Agreed Dispersed Handover Collared Disagreed Quorum Stale Imprecise Clamped } }

/// Variants that no record has: a surface is reported by a command of its own, and no command settles an instrument.
const IN_NO_RECORD: [(&str, &str); 2] = [("FeedId", "Surface"), ("Mode", "Settled")];

/// The variants of `T` that are not among `values`, as `Type::Variant`.
pub fn missing<'a, T: Variants + 'a>(values: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    let found: BTreeSet<&str> = values.into_iter().map(Variants::name).collect();
    let lacks = |name: &&&str| !found.contains(**name) && !IN_NO_RECORD.contains(&(T::TYPE, **name));
    T::NAMES.iter().filter(lacks).map(|name| format!("{}::{name}", T::TYPE)).collect()
}
