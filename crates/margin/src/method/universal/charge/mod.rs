//! CHG-1 to CHG-7: the charges for risks that scanning cannot see, one file each.
//!
//! `charges!` lists them once, in the order of the methodology. From that list come the names of the lines, the parameters
//! that are checked, the exact charges, their bounds over a cell and the cost of a fill. [`rule::Rule`] says what each has
//! to give. Calls are resolved when the code is compiled: no account pays for the list.

mod basis;
mod borrow;
#[cfg(test)]
mod example;
mod expiry;
mod funding_and_fees;
mod haircut;
mod liquidity;
mod options;
pub(crate) mod rule;
mod short_options;

use model::Invalid;

use super::exposure::{Exposure, Exposures, Totals};
use rule::{Fill, Part, Rule, Scope};

pub use basis::BasisRules;
pub use borrow::BorrowRules;
pub use funding_and_fees::FeeRules;
pub(crate) use funding_and_fees::funding_rate;
pub use haircut::HaircutRules;
pub use liquidity::LiquidityRules;
pub use options::OptionRules;

/// Makes everything that exists once for each charge from one list of `Name = file::Type`.
macro_rules! charges {
    ($($(#[$doc:meta])* $name:ident = $file:ident::$rule:ident),+ $(,)?) => {
        /// A charge of the universal method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Charge {
            $($(#[$doc])* $name,)+
        }

        impl Charge {
            /// Every charge, in the order of the methodology and of the lines of an answer.
            pub const ORDER: &[Self] = &[$(Self::$name),+];

            /// The rule of the methodology, such as `CHG-1`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $file::$rule::ID,)+ }
            }

            /// The name of its line in an answer.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $file::$rule::NAME,)+ }
            }

            /// Whether it is a part of the cost of closing all positions.
            pub const fn closes(self) -> bool {
                match self { $(Self::$name => $file::$rule::CLOSES,)+ }
            }
        }

        /// The parameters of every charge.
        pub(crate) struct ChargeRules<'a> {
            $(pub $file: &'a <$file::$rule as Rule>::Rules,)+
        }

        impl ChargeRules<'_> {
            /// Refuses parameters out of range.
            pub fn check(&self) -> Result<(), Invalid> {
                $($file::$rule::check(self.$file)?;)+
                Ok(())
            }
        }

        /// Every charge, prepared for one market or for every market of a cell.
        #[derive(Clone, Debug)]
        pub(crate) struct Charges {
            $($file: $file::$rule,)+
        }

        impl Charges {
            /// All charges where `scope` says.
            pub fn new(scope: &Scope<'_>, rules: &ChargeRules<'_>) -> Self {
                Self { $($file: $file::$rule::new(scope, rules.$file),)+ }
            }

            /// The charges of an account, in USD, each at least 0, in the order of the methodology.
            #[inline]
            pub fn exact(&self, exposures: &Exposures) -> [(Charge, f64); Charge::ORDER.len()] {
                [$((Charge::$name, at_least_0(Charge::$name, self.$file.exact(exposures))),)+]
            }

            /// The parts of all charges that depend on the sums over all positions, in USD.
            #[inline]
            pub fn on_totals(&self, totals: &Totals) -> f64 {
                let mut sum = 0.0;
                $(sum += self.$file.on_totals(totals);)+
                sum
            }

            /// The parts of all charges that depend on the exposure to one underlying, in USD.
            #[inline]
            pub fn on_underlying(&self, underlying: usize, exposure: &Exposure) -> f64 {
                let mut sum = 0.0;
                $(sum += self.$file.on_underlying(underlying, exposure);)+
                sum
            }

            /// The parts of all charges that depend on a balance of this value, in USD.
            #[inline]
            pub fn on_balance(&self, asset: usize, value: f64) -> f64 {
                let mut sum = 0.0;
                $(sum += self.$file.on_balance(asset, value);)+
                sum
            }

            /// The largest sum of all charges on one part of an account anywhere in the cell, in USD.
            #[inline]
            pub fn most(&self, part: &Part) -> f64 {
                let mut sum = 0.0;
                $(if let Some(charge) = self.$file.most(part) {
                    sum += charge;
                })+
                sum
            }

            /// The most in USD that a fill adds to all charges beyond what it is charged alone, anywhere in the cell.
            #[inline]
            pub fn beyond(&self, fill: &Fill) -> f64 {
                let mut sum = 0.0;
                $(if let Some(charge) = self.$file.beyond(fill) {
                    sum += charge;
                })+
                sum
            }
        }
    };
}

charges! {
    /// The cost of leaving large positions.
    Liquidity = liquidity::Liquidity,
    /// Forwards that do not move together.
    Basis = basis::Basis,
    /// Short options that nothing covers.
    ShortOptions = short_options::ShortOptions,
    /// Options about to expire: short gamma, and long options at one strike.
    Expiry = expiry::Expiry,
    /// The cost of buying back what is owed.
    Borrow = borrow::Borrow,
    /// The price concession and the volatility of balances.
    Haircut = haircut::Haircut,
    /// A period of funding, and the fees to close.
    FundingAndFees = funding_and_fees::FundingAndFees,
}

impl Charges {
    /// CHG-6: the haircut of each balance, in USD, in the order of the account.
    pub fn haircuts(&self, exposures: &Exposures) -> impl Iterator<Item = f64> {
        self.haircut.each(exposures)
    }
}

/// The charge, after a check in debug builds. NaN is refused where the charge is rounded.
#[inline]
fn at_least_0(charge: Charge, usd: f64) -> f64 {
    debug_assert!(usd.is_nan() || usd >= 0.0, "{} is at least 0: {usd}", charge.id());
    usd
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHG-1 to CHG-7: the lines are those of the methodology, in its order, and each has a name of its own.
    #[test]
    fn charges_are_in_the_order_of_the_methodology() {
        for (number, charge) in (1..).zip(Charge::ORDER) {
            assert_eq!(charge.id(), format!("CHG-{number}"));
            assert_eq!(Charge::ORDER.iter().filter(|other| other.name() == charge.name()).count(), 1);
        }
        let closing: Vec<&str> =
            Charge::ORDER.iter().filter(|charge| charge.closes()).map(|charge| charge.name()).collect();
        assert_eq!(closing, ["liquidity", "funding and fees"]);
    }
}
