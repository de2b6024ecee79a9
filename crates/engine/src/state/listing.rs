//! Listings: the terms of underlyings, assets and instruments, and the engine's data on each besides its price.

use marks::FeedRules;
use model::{AssetId, CounterPrice, DepthLevel, InstrumentKind, Payoff, USD, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::{Money, Price, Quantity, Ratio, Timestamp};

/// The terms of an underlying. The engine lists no basket of others, so terms that name one are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnderlyingTerms {
    /// The underlying's unique name.
    pub name: String,
    /// The price in the market until the feed has spoken, in USD per unit; never a valid price.
    pub reference: Price,
    /// The rules that make an index of the reports of its sources.
    pub feed: FeedRules,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
    /// Value in its order books.
    pub depth: Vec<DepthLevel>,
    /// The largest open interest over all its instruments, in USD of notional.
    pub open_interest_usd: Money,
}

/// The terms of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssetTerms {
    /// The asset's unique name.
    pub name: String,
    /// The price in the market until the feed has spoken, in USD per unit.
    pub reference: Price,
    /// The underlying that the price of the asset follows, if any.
    pub follows: Option<UnderlyingId>,
    /// The rules of its own price feed: USD per unit when it follows no underlying, else units of the underlying per
    /// unit. None: one unit is worth one unit of the underlying that it follows.
    pub feed: Option<FeedRules>,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
    /// Value in its order book.
    pub depth: Vec<DepthLevel>,
    /// The most that all accounts may hold as collateral, in units, once its ramp is complete.
    pub cap: Quantity,
}

/// The terms of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InstrumentTerms {
    /// The instrument's unique name.
    pub name: String,
    /// Spot, perpetual, future or option.
    pub kind: InstrumentKind,
    /// The underlying that its value depends on.
    pub underlying: UnderlyingId,
    /// Linear or inverse.
    pub payoff: Payoff,
    /// The asset that its price is written in.
    pub quote: AssetId,
    /// The asset that profit is paid in.
    pub settle: AssetId,
    /// Units of the underlying per contract (inverse perpetuals and futures: units of the quote).
    pub contract_size: Quantity,
    /// Contracts per lot.
    pub lot: Quantity,
    /// Smallest step of a price.
    pub tick: Price,
    /// Largest order, in lots.
    pub max_order: i64,
    /// The most lots that may be open.
    pub max_open: i64,
    /// The price band, as a share of the mark: a trade further from the mark is refused.
    pub band: Ratio,
    /// The trading fee that the margin reckons with.
    pub fee_rate: Option<Ratio>,
    /// The rules of the feed of its price relative to the index (perpetuals, futures, the forward of options): a ratio
    /// around 1. None: its price is the index itself.
    pub feed: Option<FeedRules>,
}

/// The engine's data on an asset besides its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collateral {
    /// The time at which its cap began to grow: at its listing, or when the cap was last changed.
    pub since: Timestamp,
    /// The cap that the growth starts from; 0 at its listing.
    pub base: Quantity,
    /// The most that all accounts may hold, in units, once the ramp is complete.
    pub cap: Quantity,
    /// Units held over all accounts: the sum of positive balances.
    pub held: Quantity,
    /// Units that losers have paid out of their own money and winners have not withdrawn.
    pub settled: Quantity,
    /// The custodian's reference of the last deposit.
    pub reference: u64,
}

impl Collateral {
    /// The amount that may be held at `time`: on the way from the base to the cap.
    pub fn cap_at(&self, time: Timestamp, ramp: i64) -> Quantity {
        if self.cap <= self.base {
            return self.cap;
        }
        let passed = i128::from(time.micros().saturating_sub(self.since.micros()).clamp(0, ramp.max(1)));
        let share = Ratio::from_raw(Ratio::ONE.raw() * passed / i128::from(ramp.max(1)));
        let grown = self.cap.minus(self.base).and_then(|span| span.scaled(share, units::Round::Down));
        let cap = grown.and_then(|grown| self.base.plus(grown)).unwrap_or(self.base);
        debug_assert!(
            (self.base..=self.cap).contains(&cap),
            "I-67: a cap of {cap} between {} and {}",
            self.base,
            self.cap
        );
        cap
    }
}

/// The orders that a market takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Mode {
    /// Every order is taken.
    Open,
    /// Only orders that reduce a position are taken.
    ReduceOnly,
    /// No order is taken; positions are still judged.
    Halted,
    /// Settled at expiry: no position is left.
    Settled,
}

impl Mode {
    /// Whether trades are made in this mode.
    pub fn trades(self) -> bool {
        match self {
            Self::Open | Self::ReduceOnly => true,
            Self::Halted | Self::Settled => false,
        }
    }
}

/// The engine's data on an instrument besides its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The terms it was listed with.
    pub terms: InstrumentTerms,
    /// The orders that its market takes.
    pub mode: Mode,
    /// Lots open: the sum of long positions.
    pub open: i64,
    /// The number of the last match that was applied.
    pub last_match: u64,
    /// The number of the last funding period that was applied.
    pub last_period: u64,
    /// The time at which funding was last paid; at first the time of the listing.
    pub funded: Timestamp,
    /// The settlement average so far: sum and count of the samples of the window.
    pub samples: Samples,
}

/// Samples of an index in a settlement window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Samples {
    /// Sum of the sampled index prices, as the contract writes them.
    pub sum: CounterPrice,
    /// Number of samples in the sum.
    pub count: u32,
}

impl InstrumentTerms {
    /// Units in one lot: contracts per lot times contract size. Exact: a listing whose product is not exact is refused.
    pub fn unit(&self) -> Quantity {
        self.lot.times(self.contract_size, units::Round::Down).expect("the listing was checked")
    }

    /// The asset that cash of a trade is paid in: the quote for spot, otherwise the settlement asset.
    pub fn cash(&self) -> AssetId {
        match self.kind {
            InstrumentKind::Spot => self.quote,
            InstrumentKind::Option { .. } | InstrumentKind::Perpetual | InstrumentKind::Future { .. } => self.settle,
        }
    }

    /// The counter currency, in which the price of the underlying is written: marks of perpetuals and futures, strikes,
    /// settlement prices.
    pub fn counter_asset(&self) -> AssetId {
        if self.is_option() && self.payoff == Payoff::Inverse { USD } else { self.quote }
    }

    /// Whether the instrument is an option.
    pub fn is_option(&self) -> bool {
        matches!(self.kind, InstrumentKind::Option { .. })
    }

    /// The time at which it expires; none for spot and perpetuals.
    pub fn expiry(&self) -> Option<Timestamp> {
        match self.kind {
            InstrumentKind::Future { expiry } | InstrumentKind::Option { expiry, .. } => Some(expiry),
            InstrumentKind::Spot | InstrumentKind::Perpetual => None,
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::ReduceOnly => "reduce-only",
            Self::Halted => "halted",
            Self::Settled => "settled",
        })
    }
}
