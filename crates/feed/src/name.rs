//! Reads instrument names as Deribit writes them.
//!
//! ```text
//! BTC-PERPETUAL  BTC_USDC-PERPETUAL    perpetuals, inverse and linear
//! BTC-8MAY26     BTC_USDC-8MAY26       dated futures
//! BTC-8MAY26-78000-C  XRP_USDC-8MAY26-0d45-P    options; `d` stands for the decimal point of a strike
//! BTC_USDC                             spot
//! ```
//!
//! A pair without `_` is inverse and quoted in USD. The day of the month is written without a leading zero and read
//! with or without. Everything settles at 08:00 UTC.

use std::fmt;
use std::str::FromStr;

use model::{CounterPrice, Right};
use time::{Date, Month};
use units::{Quantity, Timestamp};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// The longest currency code read.
const CODE_LENGTH_MAX: usize = 20;
const UNIX_EPOCH_JULIAN_DAY: i64 = 2_440_588;
const HOUR_MICROS: i64 = 3_600_000_000;

/// The parts of an instrument's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The currency that is priced.
    pub base: String,
    /// The quote currency of a linear contract or of spot; none for an inverse contract.
    pub quote: Option<String>,
    /// The contract that is traded.
    pub contract: Contract,
}

/// The part of a name after its currencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// An exchange of base for quote.
    Spot,
    /// A future without expiry.
    Perpetual,
    /// A future with a day of settlement.
    Future {
        /// The day of settlement, in this century.
        day: Date,
    },
    /// An option that can be exercised only at its settlement.
    Option {
        /// The day of settlement, in this century.
        day: Date,
        /// The strike, in the quote; in USD for an inverse option.
        strike: CounterPrice,
        /// Whether it is a call or a put.
        right: Right,
    },
}

/// The error for a text that names no single instrument: a combination, or something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an instrument name such as \"BTC-8MAY26-78000-C\", \"BTC-8MAY26\", \"BTC_USDC-PERPETUAL\" or \"BTC_USDC\"")]
pub struct NotName;

impl Name {
    /// The moment of settlement: 08:00 UTC on the day in the name.
    pub fn expiry(&self) -> Option<Timestamp> {
        match self.contract {
            Contract::Future { day } | Contract::Option { day, .. } => {
                let days = i64::from(day.to_julian_day()) - UNIX_EPOCH_JULIAN_DAY;
                Some(Timestamp::from_micros((days * 24 + 8) * HOUR_MICROS))
            }
            Contract::Spot | Contract::Perpetual => None,
        }
    }

    /// The venue's contract size where it is public knowledge: for inverse contracts on BTC and ETH. A future or
    /// perpetual counts 10 USD (BTC) or 1 USD (ETH), an option one coin.
    pub fn contract_size(&self) -> Option<Quantity> {
        let ten = Quantity::from_raw(10 * Quantity::ONE.raw());
        match (self.base.as_str(), &self.quote, self.contract) {
            ("BTC", None, Contract::Future { .. } | Contract::Perpetual) => Some(ten),
            ("BTC" | "ETH", None, contract) if contract != Contract::Spot => Some(Quantity::ONE),
            _ => None,
        }
    }
}

impl FromStr for Name {
    type Err = NotName;

    fn from_str(text: &str) -> Result<Self, NotName> {
        let parts: Vec<&str> = text.split('-').collect();
        let (pair, contract) = match parts[..] {
            [pair] => (pair, Contract::Spot),
            [pair, "PERPETUAL"] => (pair, Contract::Perpetual),
            [pair, day] => (pair, Contract::Future { day: read_day(day)? }),
            [pair, day, strike, right] => {
                let right = match right {
                    "C" => Right::Call,
                    "P" => Right::Put,
                    _ => return Err(NotName),
                };
                (pair, Contract::Option { day: read_day(day)?, strike: read_strike(strike)?, right })
            }
            _ => return Err(NotName),
        };
        let (base, quote) = match pair.split_once('_') {
            Some((base, quote)) => (read_code(base)?, Some(read_code(quote)?)),
            None => (read_code(pair)?, None),
        };
        if contract == Contract::Spot && quote.is_none() {
            return Err(NotName);
        }
        Ok(Self { base, quote, contract })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.base)?;
        if let Some(quote) = &self.quote {
            write!(formatter, "_{quote}")?;
        }
        match self.contract {
            Contract::Spot => Ok(()),
            Contract::Perpetual => formatter.write_str("-PERPETUAL"),
            Contract::Future { day } => write!(formatter, "-{}", day_text(day)),
            Contract::Option { day, strike, right } => {
                let letter = if right == Right::Call { 'C' } else { 'P' };
                write!(formatter, "-{}-{}-{letter}", day_text(day), strike.to_string().replace('.', "d"))
            }
        }
    }
}

fn read_code(text: &str) -> Result<String, NotName> {
    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if text.is_empty() || text.len() > CODE_LENGTH_MAX || !text.bytes().all(known) {
        return Err(NotName);
    }
    Ok(text.to_owned())
}

fn read_day(text: &str) -> Result<Date, NotName> {
    if !text.is_ascii() || !(6..=7).contains(&text.len()) {
        return Err(NotName);
    }
    let (day, rest) = text.split_at(text.len() - 5);
    let (month, year) = rest.split_at(3);
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u8>().ok()).flatten().ok_or(NotName)
    };
    let months = (1..).zip(MONTHS);
    let month = months.into_iter().find(|(_, name)| *name == month).ok_or(NotName)?.0;
    let month = Month::try_from(month).map_err(|_| NotName)?;
    Date::from_calendar_date(2000 + i32::from(number(year)?), month, number(day)?).map_err(|_| NotName)
}

fn day_text(day: Date) -> String {
    let month = MONTHS[usize::from(u8::from(day.month()) - 1)];
    format!("{}{month}{:02}", day.day(), day.year().rem_euclid(100))
}

fn read_strike(text: &str) -> Result<CounterPrice, NotName> {
    if text.contains('.') {
        return Err(NotName);
    }
    let strike = text.replacen('d', ".", 1).parse().map_err(|_| NotName)?;
    if strike <= CounterPrice::ZERO {
        return Err(NotName);
    }
    Ok(strike)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use units::Price;

    #[test]
    fn names_of_the_venue() {
        let cases = [
            ("BTC-PERPETUAL", None, Some("10")),
            ("ETH-PERPETUAL", None, Some("1")),
            ("BTC_USDC-PERPETUAL", None, None),
            ("BTC_USDC", None, None),
            ("BTC-8MAY26", Some("2026-05-08T08:00:00Z"), Some("10")),
            ("BTC_USDC-25DEC26", Some("2026-12-25T08:00:00Z"), None),
            ("ETH-29FEB24-3000-P", Some("2024-02-29T08:00:00Z"), Some("1")),
            ("MATIC_USDC-9MAR24-1d02-C", Some("2024-03-09T08:00:00Z"), None),
            ("XRP_USDC-8MAY26-0d45-P", Some("2026-05-08T08:00:00Z"), None),
        ];
        for (text, expiry, size) in cases {
            let name: Name = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(name.expiry().map(|time| time.to_string()).as_deref(), expiry, "{text}");
            assert_eq!(name.contract_size().map(|size| size.to_string()).as_deref(), size, "{text}");
        }
    }

    #[test]
    fn a_leading_zero_of_the_day_is_read_and_not_written() {
        assert_eq!("BTC-08MAY26-78000-C".parse::<Name>().unwrap().to_string(), "BTC-8MAY26-78000-C");
    }

    #[test]
    fn what_names_no_single_instrument_is_refused() {
        let others = [
            "",
            "BTC",
            "BTC-",
            "-PERPETUAL",
            "BTC-perpetual",
            "btc-8MAY26",
            "BTC-8MAI26",
            "BTC-31FEB26",
            "BTC-0MAY26",
            "BTC-+8MAY26",
            "BTC-8MAY2026",
            "BTC-8MAY26-78000",
            "BTC-8MAY26-78000-X",
            "BTC-8MAY26-0-C",
            "BTC-8MAY26--5-C",
            "BTC-8MAY26-1.5-C",
            "BTC-8MAY26-1d2d3-C",
            "BTC_-8MAY26",
            "BTC_USDC_X",
            "BTC-COMBO-1",
            "BTC-FS-30SEP22_PERP",
            "BTC-STRD-30SEP22-20000",
            "BTC-CSR12-16SEP22-21000_23000",
            "BTC-ÄMAY2",
            "ß-8MAY26",
        ];
        for text in others {
            assert_eq!(text.parse::<Name>(), Err(NotName), "{text}");
        }
    }

    fn any_name() -> impl Strategy<Value = Name> {
        let day = (2000..2100_i32, 1..=366_u16)
            .prop_map(|(year, ordinal)| Date::from_ordinal_date(year, ordinal.min(365)).unwrap());
        let strike = (1..i128::from(u64::MAX)).prop_map(|raw| CounterPrice::new(Price::from_raw(raw)));
        let contract = (0..4, day, strike, any::<bool>()).prop_map(|(kind, day, strike, call)| match kind {
            0 => Contract::Spot,
            1 => Contract::Perpetual,
            2 => Contract::Future { day },
            _ => Contract::Option { day, strike, right: if call { Right::Call } else { Right::Put } },
        });
        ("[A-Z0-9]{1,8}", proptest::option::of("[A-Z0-9]{1,8}"), contract).prop_map(|(base, quote, contract)| {
            let quote = quote.or((contract == Contract::Spot).then(|| "USDC".into()));
            Name { base, quote, contract }
        })
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(name in any_name()) {
            prop_assert_eq!(name.to_string().parse::<Name>(), Ok(name));
        }

        #[test]
        fn never_panics(text in "\\PC{0,30}") {
            let _ = text.parse::<Name>();
        }
    }
}
