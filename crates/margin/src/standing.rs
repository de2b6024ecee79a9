//! Whether a method knows the requirement of an account, and the status of the account under it.

use model::{Account, Market};
use serde::{Serialize, Serializer};
use units::{Money, Overflow};

use crate::{Refusal, Status, valuation};

/// Whether a method knows the requirement: fully, fully but without accepting every asset, or not fully.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RequirementState {
    /// The method has a rule for everything in the account.
    #[default]
    Known,
    /// The method has a rule for everything, but a part of the account's assets counts for nothing: the margins cover
    /// the risk alone.
    NotAccepted {
        /// The assets that count for nothing.
        not_accepted: Vec<NotAccepted>,
    },
    /// The method has no rule for a part of the account. The margins cover only the rest, so they are not a requirement.
    Unknown {
        /// The parts without a rule, in words.
        reasons: Vec<String>,
        /// The assets that count for nothing, in addition.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_accepted: Vec<NotAccepted>,
    },
}

/// A part of an account's assets that counts for nothing under a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotAccepted {
    /// The name of the asset, or a surplus in words.
    pub what: String,
    /// The chain, bridge or custodian that holds it; none is the venue itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its value, in USD.
    pub value: Money,
}

impl NotAccepted {
    /// The balance with index `place` in an account.
    pub fn balance(account: &Account, place: usize, market: &Market) -> Result<Self, Refusal> {
        let balance = &account.balances[place];
        let value = valuation::balance_value(balance, market)
            .map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?;
        let what = market.assets[balance.asset.0].name.clone();
        Ok(Self { what, location: balance.location.clone(), value })
    }
}

impl RequirementState {
    /// Adds an asset that counts for nothing.
    pub fn not_accept(&mut self, part: NotAccepted) {
        match self {
            Self::Known => *self = Self::NotAccepted { not_accepted: vec![part] },
            Self::NotAccepted { not_accepted } | Self::Unknown { not_accepted, .. } => not_accepted.push(part),
        }
    }

    /// Adds a part of the account for which the method has no rule.
    pub fn not_know(&mut self, reason: String) {
        match self {
            Self::Known => *self = Self::Unknown { reasons: vec![reason], not_accepted: Vec::new() },
            Self::NotAccepted { not_accepted } => {
                *self = Self::Unknown { reasons: vec![reason], not_accepted: std::mem::take(not_accepted) };
            }
            Self::Unknown { reasons, .. } => {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
    }

    /// Adds a part of the account for which the venue has a rule that we do not know. With `strict`, refuses instead.
    pub(crate) fn unknown_at(
        &mut self,
        venue: &'static str,
        what: &str,
        why: &str,
        strict: bool,
    ) -> Result<(), Refusal> {
        if strict {
            return Err(Refusal::NotKnown { what: what.to_owned(), venue, why: why.to_owned() });
        }
        self.not_know(format!("{what}: what {venue} requires is not known, for {why}"));
        Ok(())
    }

    /// Adds an underlying whose parameters at a venue we do not hold, so that the figures are an estimate with those of
    /// `lender`. Only parameters that are shares of a notional may be borrowed, never amounts per coin. With `strict`,
    /// refuses instead.
    pub(crate) fn estimated_with(
        &mut self,
        lender: &str,
        (venue, strict): (&'static str, bool),
        underlying: &str,
    ) -> Result<(), Refusal> {
        let why = format!("no parameters of it are held; the figures are an estimate with those of {lender}");
        self.unknown_at(venue, underlying, &why, strict)
    }

    /// Whether the margins are the whole requirement.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    /// The parts of the account for which the method has no rule, in words.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Unknown { reasons, .. } => reasons,
            Self::Known | Self::NotAccepted { .. } => &[],
        }
    }

    /// The assets that count for nothing.
    pub fn not_accepted(&self) -> &[NotAccepted] {
        match self {
            Self::Known => &[],
            Self::NotAccepted { not_accepted } | Self::Unknown { not_accepted, .. } => not_accepted,
        }
    }

    /// The total value of all assets that count for nothing, in USD.
    pub fn value_not_accepted(&self) -> Result<Money, Overflow> {
        self.not_accepted().iter().try_fold(Money::ZERO, |sum, part| sum.plus(part.value))
    }
}

/// The status of an account under a method; in order, the worst first and what is not known last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum Standing {
    /// The status under a known requirement.
    Known(Status),
    /// The requirement is not known, so there is no status.
    #[cfg_attr(feature = "schema", schemars(with = "Unknown"))]
    Unknown,
}

/// The word in place of a status.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Unknown {
    Unknown,
}

/// Serialized like a status, or as `unknown`.
impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(status) => status.serialize(serializer),
            Self::Unknown => serializer.serialize_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stays_so_and_keeps_what_is_not_accepted() {
        let part = || NotAccepted { what: "BTC".to_owned(), location: None, value: Money::ONE };
        let mut requirement = RequirementState::default();
        requirement.not_accept(part());
        assert!(requirement.is_known());
        requirement.not_know("a debt".to_owned());
        requirement.not_know("a debt".to_owned());
        requirement.not_accept(part());
        assert!(!requirement.is_known());
        assert_eq!(requirement.reasons(), ["a debt"]);
        assert_eq!(requirement.value_not_accepted(), Money::ONE.plus(Money::ONE));
    }

    #[test]
    fn a_requirement_is_written_with_its_state() {
        let mut requirement = RequirementState::default();
        assert_eq!(serde_json::to_string(&requirement).unwrap(), r#"{"state":"known"}"#);
        requirement.not_know("a debt".to_owned());
        assert_eq!(serde_json::to_string(&requirement).unwrap(), r#"{"state":"unknown","reasons":["a debt"]}"#);
        assert_eq!(serde_json::to_string(&Standing::Unknown).unwrap(), r#""unknown""#);
        assert_eq!(serde_json::to_string(&Standing::Known(Status::Healthy)).unwrap(), r#""healthy""#);
    }
}
