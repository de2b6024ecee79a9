//! Retires a settled instrument: what is taken out of the state, and what stays.

use model::InstrumentId;

use crate::FeedId;
use crate::state::{Part, State};

/// Takes out of the state the data that only an unsettled instrument needs: its feed with the rules, its volatility
/// and, where it is the `last` of its expiry, the expiry and its forward.
///
/// Its number, its name and its other terms stay: earlier records name the instrument by its number, and their readers
/// want to know what that was.
pub fn retire(state: &mut State, id: InstrumentId, last: bool) {
    let terms = &mut state.contracts[id.0].terms;
    terms.feed = None;
    let (underlying, expiry) = (terms.underlying, terms.expiry());
    let mut gone = vec![FeedId::Premium(id)];
    if let Some(expiry) = expiry.filter(|_| last) {
        let quotes = &mut state.market.quotes;
        if let Ok(place) = quotes.place_of(underlying, expiry) {
            quotes.expiries.remove(place);
        }
        gone.push(FeedId::Forward(underlying, expiry));
    }
    for feed in gone {
        state.feeds.remove(&feed);
        state.hashes.touch(Part::Feed(feed));
    }
    state.surface.staged.remove(&id);
    state.market.quotes.instruments[id.0].iv = None;
    for part in [Part::Head, Part::Market, Part::Contract(id.0)] {
        state.hashes.touch(part);
    }
}
