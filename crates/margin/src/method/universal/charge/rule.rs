//! What every charge has to say: its value for an account, its largest value over a certified cell, and what a fill can
//! add to it.

use model::{Invalid, Market, UnderlyingId};
use units::Timestamp;

use crate::method::universal::by_name::ByName;
use crate::method::universal::exposure::{self, Exposures, Totals};
use crate::method::universal::listed::Buckets;
use crate::method::universal::scan::ScanRules;

/// A charge of the universal method, prepared for one market or for every market of a cell. A charge that gives no bound
/// over a cell does not compile. It is the sum of its parts: on totals, on each underlying and on each balance.
pub(crate) trait Rule: Sized {
    /// The parameters of the charge.
    type Rules;

    /// The rule of the methodology, such as `CHG-1`.
    const ID: &'static str;

    /// The name of its line in an answer.
    const NAME: &'static str;

    /// Whether it is a part of the cost of closing all positions.
    const CLOSES: bool;

    /// Refuses parameters out of range.
    fn check(rules: &Self::Rules) -> Result<(), Invalid>;

    /// The charge with all that it looks up.
    fn new(scope: &Scope<'_>, rules: &Self::Rules) -> Self;

    /// The charge of an account, in USD, at least 0.
    fn exact(&self, exposures: &Exposures) -> f64;

    /// The part of [`Self::exact`] that depends on the sums over all positions.
    fn on_totals(&self, _: &Totals) -> f64 {
        0.0
    }

    /// The part of [`Self::exact`] that depends on the exposure to one underlying, which has this number in the market.
    fn on_underlying(&self, _: usize, _: &exposure::Exposure) -> f64 {
        0.0
    }

    /// The part of [`Self::exact`] that depends on a balance of this value in USD; the first number is that of its asset
    /// in the market.
    fn on_balance(&self, _: usize, _: f64) -> f64 {
        0.0
    }

    /// The largest charge on one part of an account anywhere in the cell, in USD; none on parts that it does not charge.
    /// The sum over all parts is never below [`Self::exact`] in a market of the cell (CELL-8).
    fn most(&self, part: &Part) -> Option<f64>;

    /// The most in USD that a fill adds to the charge beyond what the fill is charged alone, anywhere in the cell. None
    /// where two accounts are together charged no more than both alone: then there is nothing beyond (CELL-11).
    fn beyond(&self, fill: &Fill) -> Option<f64>;
}

/// Where charges are taken: in one market, or in every market of a cell around it.
pub(crate) struct Scope<'a> {
    /// The market, or the anchor of the cell.
    pub market: &'a Market,
    /// The contracts that are charged together.
    pub buckets: &'a Buckets,
    /// The last moment: the time of the market, or the end of the cell.
    pub until: Timestamp,
    /// The highest index, relative to that of the market: 1, or more in a cell.
    pub rise: f64,
    /// The scan range.
    pub scan: &'a ScanRules,
    /// The value that trades in a day in USD, where the market does not say it.
    pub daily_volume: &'a ByName,
}

impl Scope<'_> {
    /// The highest index of an underlying, in USD.
    pub fn highest_index(&self, underlying: UnderlyingId) -> f64 {
        self.market.size(underlying) * self.rise
    }

    /// The value that trades in a day in USD: `given` by the market, or that of the parameters.
    pub fn daily_volume(&self, name: &str, given: Option<units::Money>) -> f64 {
        given.map_or_else(|| self.daily_volume.get(name), units::Money::to_f64)
    }
}

/// A part of an account over a cell, with the largest exposures that it has anywhere there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The positions in the contracts of one bucket.
    Bucket(Bucket),
    /// Everything in one underlying.
    Underlying {
        /// The number of the underlying in the market.
        underlying: usize,
        /// The largest absolute net delta, in USD.
        delta: f64,
    },
    /// A balance, or a debt.
    Balance {
        /// The number of the asset in the market.
        asset: usize,
        /// Its value at the highest price, in USD; negative for a debt.
        value: f64,
    },
    /// The most funding that all positions together pay in a period, in USD; negative when they receive.
    Funding(f64),
    /// The largest fees to close all positions, in USD.
    Fees(f64),
    /// The largest half spreads of all positions, each closed by itself, in USD.
    Spread(f64),
}

/// The positions in the contracts of one bucket, over a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// The number of the underlying in the market.
    pub underlying: usize,
    /// The number of the bucket among those of its underlying.
    pub place: usize,
    /// The largest absolute forward delta, in USD.
    pub forward_delta: f64,
    /// The largest absolute vega, in USD per 1.00 of volatility.
    pub vega: f64,
    /// The least gamma times the square of the index, in USD.
    pub gamma: f64,
    /// Short options that no long option covers, in coins.
    pub naked: f64,
    /// The most options that are long at one strike, calls and puts together, in coins.
    pub at_a_strike: f64,
}

/// The effect of a fill on an account that is known only by bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    /// The number of the underlying of the contract.
    pub underlying: usize,
    /// The largest absolute delta of the contracts that were traded, in USD.
    pub traded_delta: f64,
    /// The largest absolute vega of the contracts that were traded, in USD per 1.00 of volatility.
    pub traded_vega: f64,
    /// The number of the underlying that the paying asset follows.
    pub paid_underlying: Option<usize>,
    /// The largest absolute delta of what was paid, in USD.
    pub paid_delta: f64,
    /// No less than the absolute delta of the account after the fill, in any underlying, in USD.
    pub delta: f64,
    /// No less than the absolute vega of the account after the fill, of any expiry, in USD per 1.00 of volatility.
    pub vega: f64,
    /// The number of the asset that was paid or received.
    pub asset: usize,
    /// The highest price of that asset, in USD.
    pub price: f64,
    /// The increase of its balance; negative for a decrease.
    pub gained: f64,
    /// The debt in that asset after the fill, in USD; 0 when there is none.
    pub owed: f64,
}
