//! Computes index and mark prices from the reports of sources.
//!
//! This crate asks no source and reads no clock. Reports and moments are arguments, so anyone with the journal can
//! compute every index again, to the last digit.
//!
//! ```text
//!   decide                                  apply
//!   ──────                                  ─────
//!   Feed::accept(rules, report, now)   ──▶  Feed::record(report)
//!   Feed::quote(rules, now)            ──▶  Feed::publish(quote)
//! ```
//!
//! Inside [`Feed::quote`], from left to right:
//!
//! ```text
//!   reports ──▶ live ──▶ median ──▶ index ──▶ handover ──▶ collar ──▶ price ──▶ averages
//!               age      depth      band      a changed    against              fast
//!               bounds   width      spread    set of       the slow             slow
//!               width    cap                  sources      average
//! ```
//!
//! Where to find an answer:
//!
//! | question | file |
//! |---|---|
//! | the reports a source may give, and when a report counts | `report.rs` |
//! | the numbers an operator chooses | `rules.rs` |
//! | why a minority of liars cannot move the index (I-15, with proof) | `median.rs` |
//! | which sources agree, and what follows when none do | `index.rs` |
//! | how an average follows a price without `exp` | `average.rs` |
//! | the order of all steps, and what holds a price back | `feed.rs` |
//! | the uses a price may be put to | `validity.rs`, `quote.rs` |
//! | a token priced by another token | `composed.rs` |
//!
//! Three rules hold throughout. A price is signed, and zero is a price. A missing price is never replaced by a default:
//! before the first quorum there is none, and after an outage the last one stays, marked invalid. There is no constant
//! price either: this crate makes quotes from reports only (I-21).
//!
//! ```
//! use marks::{Feed, Report, FeedRules, Validity};
//! use units::Timestamp;
//!
//! # let rules: FeedRules = serde_json::from_str(r#"{
//! #     "sources": [
//! #         {"source": 1, "max_age_micros": 10000000},
//! #         {"source": 2, "max_age_micros": 10000000},
//! #         {"source": 3, "max_age_micros": 10000000, "bounds": {"low": "0.1", "high": "1000000"}}
//! #     ],
//! #     "quorum": 3, "band": "0.05", "dispersion": "0.02", "scale": "1", "max_confidence": "0.02",
//! #     "max_future_micros": 1000000, "collar": "0.1", "handover": "0.01",
//! #     "fast_micros": 60000000, "slow_micros": 600000000, "signed": false
//! # }"#)?;
//! rules.check()?;
//! let now: Timestamp = "2026-05-08T08:00:00Z".parse()?;
//! let mut feed = Feed::default();
//! for (source, price) in [(1, "100"), (2, "100.1"), (3, "100.2")] {
//!     let (price, confidence, depth) = (price.parse()?, "0.01".parse()?, "2500000".parse()?);
//!     let report = Report { source, sequence: 1, published: now, price, confidence, depth };
//!     feed.accept(&rules, &report, now)?;
//!     feed.record(report);
//! }
//! let quote = feed.quote(&rules, now)?;
//! assert_eq!((quote.price, quote.validity()), ("100.1".parse()?, Validity::Valid));
//! feed.publish(quote);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

mod average;
mod composed;
mod feed;
mod index;
mod median;
mod quote;
mod report;
mod rules;
mod validity;

pub use composed::{NotComposed, composed};
pub use feed::{Feed, NoQuote};
pub use quote::Quote;
pub use report::{LARGEST, Refusal, Report};
pub use rules::{BadRule, Bounds, FeedRules, Source};
pub use validity::{Cause, Validity};
