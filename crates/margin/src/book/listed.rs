//! What a venue lists, in which currencies it settles, and for how long its settlement average runs.

use serde::Deserialize;

use crate::params::decimal;

/// A venue, as far as an account must be converted for it.
#[derive(Clone, Copy, Debug)]
pub struct Venue<'a> {
    /// The venue's name, as notes write it.
    pub name: &'static str,
    /// The kinds of contract that it lists.
    pub listed: &'a Listed,
    /// The currencies in which it settles.
    pub settlement: Settlement<'a>,
    /// Whether a conversion is refused.
    pub strict: bool,
}

/// The kinds of contract that a venue lists, and how they settle; other kinds are converted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "five independent answers of a venue, each to its own question")]
pub struct Listed {
    /// Spot. Only orders are on spot, because a bought asset is a balance.
    pub spot: bool,
    /// Perpetuals and futures settled in the coin.
    pub inverse_futures: bool,
    /// Futures with an expiry.
    pub dated_futures: bool,
    /// Options settled in the coin.
    pub inverse_options: bool,
    /// Options settled in dollars.
    pub linear_options: bool,
    /// Length of the average on which contracts with an expiry settle, in seconds; above 0.
    #[serde(deserialize_with = "decimal::above_zero")]
    pub settlement_seconds: f64,
}

/// The currencies in which a venue settles. A contract that settles in another asset is converted.
#[derive(Clone, Copy, Debug)]
pub enum Settlement<'a> {
    /// The venue settles in any of these currencies, each margined by itself.
    Each(&'a [String]),
    /// The venue settles in this currency only; every contract counts as settled in it.
    Only(&'a str),
}

/// The parameters of a venue's method. Whatever else they hold, they say what the venue lists.
pub trait VenueParameters {
    /// The kinds of contract that the venue lists, and how they settle.
    fn listed(&self) -> &Listed;
}
