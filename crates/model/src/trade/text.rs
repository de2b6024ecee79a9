//! Reads a trade as a person writes it: `BTC-PERPETUAL -10 @78000`, `BTC-PERPETUAL -1000 USD`.

use units::Quantity;

use super::{NotTrade, Trade, named, some};
use crate::{InstrumentId, Market};

/// Two trades as a user writes them.
const EXAMPLES: &str = "\"BTC-PERPETUAL -10 @78000\" or \"BTC-PERPETUAL -100 USD\"";

/// The error for a text that is not a trade.
fn refused(text: &str, problem: impl std::fmt::Display) -> NotTrade {
    NotTrade(format!("\"{text}\": {problem}"))
}

impl Trade {
    /// Reads a trade from text: an instrument, a signed number of contracts or of units of its size, and a price after
    /// an `@`; without a price, the mark.
    ///
    /// | text | trade |
    /// |---|---|
    /// | `BTC-PERPETUAL -10` | sells ten contracts at the mark |
    /// | `BTC-PERPETUAL +10 contracts @78000` | buys ten contracts at 78,000 of the quote |
    /// | `BTC-PERPETUAL -1000 USD` | sells as many contracts as have a size of 1,000 USD |
    pub fn parse(text: &str, market: &Market) -> Result<Self, NotTrade> {
        let (name, size, price) = split(text).ok_or_else(|| {
            NotTrade(format!("found \"{text}\", expected INSTRUMENT ±CONTRACTS [@PRICE], such as {EXAMPLES}"))
        })?;
        let instrument = named(&name, market).map_err(|why| refused(text, why))?;
        let quantity = contracts(&size, instrument, market).map_err(|problem| refused(text, problem))?;
        let price = match price {
            None => market.mark(instrument),
            Some(price) => price[1..]
                .parse()
                .map_err(|why| refused(text, format_args!("found price \"{price}\", expected @ and {why}")))?,
        };
        Self::new(instrument, quantity, price, market).map_err(|why| refused(text, why))
    }
}
/// The size of a trade as written: a number, and its unit where one is given.
struct Size<'a> {
    number: &'a str,
    unit: Option<&'a str>,
}

/// Splits a trade into name, size and price. Names may contain spaces; the size is the last word that looks like a
/// number, or the last word but one when a unit follows it.
fn split(text: &str) -> Option<(String, Size<'_>, Option<&str>)> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let price = words.pop_if(|word| word.starts_with('@'));
    let is_number = |word: &str| word.trim_start_matches(['+', '-']).starts_with(|first: char| first.is_ascii_digit());
    let last_two = words.last_chunk::<2>();
    let unit =
        if last_two.is_some_and(|[number, unit]| is_number(number) && !is_number(unit)) { words.pop() } else { None };
    let number = words.pop()?;
    let name = words.join(" ");
    (!name.is_empty()).then_some((name, Size { number, unit }, price))
}

/// The contracts of a trade whose size is given in contracts, in the coin or in the quote.
fn contracts(size: &Size, instrument: InstrumentId, market: &Market) -> Result<Quantity, NotTrade> {
    let number = size
        .number
        .strip_prefix('+')
        .unwrap_or(size.number)
        .parse()
        .map_err(|why| NotTrade(format!("found contracts \"{}\", expected {why}", size.number)))
        .and_then(some)?;
    let listed = market.size_unit(instrument);
    match size.unit {
        None | Some("contract" | "contracts") => Ok(number),
        Some(unit) if unit.eq_ignore_ascii_case(listed) => market
            .listing(instrument)
            .contracts_of(number)
            .ok_or_else(|| NotTrade(format!("found {number} {unit}, expected {}", market.size_words(instrument)))),
        Some(unit) => Err(NotTrade(format!("found {number} {unit}, expected contracts or an amount in {listed}"))),
    }
}
