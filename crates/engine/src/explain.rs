//! Why an account stands as it does: everything a decision was made from, recomputed.

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

use crate::layers::l4;
use crate::{AccountId, Desk, FeedId, State, Status};

/// An account as it stands, with all that this was computed from.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The account's name.
    pub account: String,
    /// The time of the engine.
    pub time: Timestamp,
    /// The version of the market.
    pub version: u64,
    /// How it was last said to stand.
    pub recorded: Status,
    /// The parameters in force: BLAKE3 of their file.
    pub parameters: String,
    /// How much of a new file is in force, when it is replacing another.
    pub progress: units::Ratio,
    /// At the marks, where maintenance is judged.
    pub at_mark: Assessment,
    /// At slow averages, where new risk is judged as well.
    pub at_slow_average: Assessment,
    /// Every price it depends on.
    pub prices: Vec<PriceUsed>,
    /// Why it cannot be liquidated although its margin says so: a price that is not valid.
    pub untrusted: Option<String>,
}

/// A price with where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct PriceUsed {
    /// The feed in words, such as `index of underlying 0`.
    pub feed: String,
    /// How far it can be trusted.
    pub validity: String,
    /// The quote, when it has spoken; a surface has none.
    pub quote: Option<Quote>,
    /// What each source last said: source, price, publish time.
    pub sources: Vec<(u32, Price, Timestamp)>,
}

/// Explains how an account stands. Refuses one that cannot be assessed.
pub fn explain(state: &State, desk: &Desk, id: AccountId) -> Result<Option<Explanation>, Refusal> {
    let Some(account) = state.account(id) else { return Ok(None) };
    let mut feeds = l4::feeds_of(state, account);
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
    let (validity, why) = l4::validity(state, state.clock, feed);
    let reports = state.feeds.get(&feed).map(|known| known.feed.reports()).unwrap_or_default();
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    PriceUsed {
        feed: feed.to_string(),
        validity: format!("{validity:?}{why}").to_lowercase(),
        quote: state.quote(feed).cloned(),
        sources: reports.iter().map(|report| (report.source, report.price, report.published)).collect(),
    }
}
