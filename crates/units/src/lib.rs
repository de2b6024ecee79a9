//! Types for amounts, prices, quantities and ratios, so that the compiler refuses to mix them up.
//!
//! [`Money`], [`Price`], [`Quantity`] and [`Ratio`] are fixed point with 18 decimals (the field's WAD, so that on-chain
//! amounts are exact) over `i128`. There is no `Mul` and no `Div`: an operation that may lose a digit takes a
//! [`Round`]. The rule of the house is *against the account*: an amount that the account owns rounds [`Round::Down`],
//! an amount that it owes rounds [`Round::Up`]. Intermediates are 256 bits wide; a result that does not fit is an
//! [`Overflow`] that names the quantity.
//!
//! ```
//! use units::{Money, Price, Quantity, Round};
//!
//! let price: Price = "0.333333333333333333".parse()?;
//! let quantity: Quantity = "0.1".parse()?;
//! assert_eq!(quantity.at(price, Round::Down)?.to_string(), "0.033333333333333333");
//! assert_eq!(quantity.at(price, Round::Up)?.to_string(), "0.033333333333333334");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A price cannot be added to a quantity:
//!
//! ```compile_fail
//! let price: units::Price = "1".parse().unwrap();
//! let quantity: units::Quantity = "1".parse().unwrap();
//! let nonsense = price.plus(quantity);
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

mod fixed;
pub mod grouped;
mod quantities;
#[cfg(feature = "schema")]
mod schema;
mod shortest;
mod text;
mod time;
mod wide;

pub use fixed::count;
pub use quantities::{Decimal, Money, Overflow, Price, Quantity, Ratio};
pub use text::NotDecimal;
pub use time::{NotTime, Timestamp, YEAR_SECONDS};

/// The direction to round in when the exact result lies between two representable values.
///
/// The rule of the house is *against the account*: an amount that the account owns rounds down, an amount that it owes
/// rounds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Toward negative infinity.
    Down,
    /// Toward positive infinity.
    Up,
}
