//! Explains the status of an account: recomputes everything that the decision was made from.

mod documents;
mod figures;
mod step;
mod wait;

use margin::{Assessment, Refusal};
use marks::Quote;
use serde::Serialize;
use units::{Price, Timestamp};

pub use documents::{Documents, Unwritable, documents};
pub use figures::Figures;
pub use step::{Payment, Step, Trade, What, step};
pub use wait::{Wait, halted, wait};

use crate::feeds;
use crate::layers::l4;
use crate::{AccountId, Desk, FeedId, State, Status};

/// The status of an account, with all the figures it was computed from.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The account's name.
    pub account: String,
    /// The time of the engine.
    pub time: Timestamp,
    /// The version of the market.
    pub version: u64,
    /// The status that was last recorded for the account.
    pub recorded: Status,
    /// The BLAKE3 hash of the parameter file in force.
    pub parameters: String,
    /// The share of the requirement that comes from a new file while it replaces another, 0 to 1.
    pub progress: units::Ratio,
    /// The assessment at the marks, where maintenance margin is judged.
    pub at_mark: Assessment,
    /// The assessment at slow averages, where new risk is judged as well.
    pub at_slow_average: Assessment,
    /// Every price that the account depends on.
    pub prices: Vec<PriceUsed>,
    /// The first price among them that is not valid, and why: on such a price an account may be spared although its
    /// margin is too low.
    pub untrusted: Option<String>,
}

/// A price with its origin.
#[derive(Clone, Debug, Serialize)]
pub struct PriceUsed {
    /// The feed in words, such as `index of underlying 0`.
    pub feed: String,
    /// Validity of the price, and the reason when there is one.
    pub validity: String,
    /// The last quote of the feed; none before its first, and none for a surface.
    pub quote: Option<Quote>,
    /// The last report of each source: source, price, publish time.
    pub sources: Vec<(u32, Price, Timestamp)>,
}

/// Explains the status of an account; none when there is no such account. Refuses an account that cannot be assessed.
pub fn explain(state: &State, desk: &Desk, id: AccountId) -> Result<Option<Explanation>, Refusal> {
    let Some(account) = state.account(id) else { return Ok(None) };
    let mut feeds = feeds::feeds_of(state, account);
    feeds.sort_unstable();
    feeds.dedup();
    Ok(Some(Explanation {
        account: account.name.clone(),
        time: state.clock,
        version: state.version,
        recorded: account.status,
        parameters: desk.parameters().to_owned(),
        progress: state.method.progress(state.clock),
        at_mark: desk.assess(state, account)?,
        at_slow_average: desk.assess_slow(state, account)?,
        prices: feeds.into_iter().map(|feed| price_used(state, feed)).collect(),
        untrusted: l4::trusted(state, desk, state.clock, account).err().map(|reject| reject.to_string()),
    }))
}

fn price_used(state: &State, feed: FeedId) -> PriceUsed {
    let (validity, why) = feeds::validity(state, state.clock, feed);
    let reports = state.feeds.get(&feed).map(|known| known.feed.reports()).unwrap_or_default();
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    PriceUsed {
        feed: feed.to_string(),
        validity: format!("{validity:?}{why}").to_lowercase(),
        quote: state.quote(feed).cloned(),
        sources: reports.iter().map(|report| (report.source, report.price, report.published)).collect(),
    }
}
