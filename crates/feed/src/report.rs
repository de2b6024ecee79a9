//! Counts the instruments that an import left out, by reason.

use std::collections::BTreeMap;
use std::fmt;

/// The reason why an instrument is not in the document. When several apply, the first in this order is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The venue lists it as a combination of several instruments.
    Combination,
    /// [`crate::Name`] cannot read its name.
    UnknownName,
    /// Its name occurred before in the same snapshot.
    Duplicate,
    /// It settled at or before the market's time.
    Expired,
    /// The venue says it is closed or not active.
    Closed,
    /// It has no mark price, or it is a future with a mark of zero.
    NoMark,
    /// Its mark is further from the market's time than the window allows.
    Stale,
    /// There are changes of its ticker, but no snapshot that they change.
    NoSnapshot,
    /// No answer lists it, and its contract size is not public knowledge.
    NoContractSize,
    /// It is a contract on a currency in which other contracts are paid.
    OnCurrency,
    /// It is a linear option that is paid in a coin on which there are contracts.
    PaidInCoin,
    /// It is a spot pair of currencies without their own risk: both are assets of the market.
    AssetPair,
    /// It is a spot pair, and one of its currencies has no price in USD.
    NoPrice,
    /// It is an option, and its expiry has no forward.
    NoForward,
}

/// The number of instruments left out, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The instruments left out, by reason in order of precedence.
    pub by_reason: BTreeMap<Reason, Left>,
}

/// The instruments left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The number of instruments left out.
    pub count: usize,
    /// The first of them.
    pub first: String,
}

impl LeftOut {
    /// The number of instruments left out, for all reasons.
    pub fn total(&self) -> usize {
        self.by_reason.values().map(|left| left.count).sum()
    }

    /// The number of instruments left out for `reason`.
    pub fn count(&self, reason: Reason) -> usize {
        self.by_reason.get(&reason).map_or(0, |left| left.count)
    }

    pub(crate) fn add(&mut self, reason: Reason, instrument: &str) {
        let left = self.by_reason.entry(reason).or_insert_with(|| Left { count: 0, first: shortened(instrument) });
        left.count += 1;
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Combination => "combination",
            Self::UnknownName => "unknown kind of name",
            Self::Duplicate => "listed twice",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::NoMark => "no mark price",
            Self::Stale => "mark of another time",
            Self::NoSnapshot => "change, no snapshot",
            Self::NoContractSize => "contract size unknown",
            Self::OnCurrency => "contract on a currency",
            Self::PaidInCoin => "linear, paid in a coin",
            Self::AssetPair => "spot pair of assets",
            Self::NoPrice => "no price in USD",
            Self::NoForward => "no forward",
        })
    }
}

/// Written with one line per reason, under a total; no line break at the end.
impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "left out          {}", self.total())?;
        for (reason, left) in &self.by_reason {
            write!(formatter, "\n  {reason:<22}{left}")?;
        }
        Ok(())
    }
}

/// Written as `      2  BTC-8MAY26-78000-C, …`
impl fmt::Display for Left {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.count > 1 { ", …" } else { "" };
        write!(formatter, "{:>7}  {}{more}", self.count, self.first)
    }
}

/// The first forty characters of `text` at most: enough to recognise it in a message.
pub fn shortened(text: &str) -> String {
    let mut characters = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let head: String = characters.by_ref().take(40).collect();
    if characters.next().is_some() { head + "…" } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_with_their_first_instrument() {
        let mut left_out = LeftOut::default();
        left_out.add(Reason::NoMark, "BTC-8MAY26-78000-C");
        left_out.add(Reason::NoMark, "BTC-8MAY26-79000-C");
        left_out.add(Reason::Expired, "BTC-1MAY26");
        let expected = "\
left out          3
  expired                     1  BTC-1MAY26
  no mark price               2  BTC-8MAY26-78000-C, …";
        assert_eq!(left_out.to_string(), expected);
        assert_eq!((left_out.total(), left_out.count(Reason::NoMark), left_out.count(Reason::Stale)), (3, 2, 0));
    }
}
