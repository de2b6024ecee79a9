//! What instruments trade at and stand for, and what the books of a market bear.

use engine::FeedId;
use engine::state::State;
use marks::Report;
use model::{AssetId, InstrumentKind, Payoff};
use units::Money;

use super::Auditor;

impl Auditor {
    /// What the live sources of an index see, none of them more than the middle one says.
    pub(super) fn depth(&self, state: &State, underlying: usize) -> f64 {
        let feed = FeedId::Index(model::UnderlyingId(underlying));
        let (Some(quote), Some(known)) = (state.quote(feed), self.reports.get(&feed)) else { return 0.0 };
        let live = quote.live.iter().filter_map(|source| known.get(source));
        let mut claims: Vec<Money> = live.map(|report: &Report| report.depth).collect();
        claims.sort_unstable();
        let Some(middle) = claims.get(claims.len().saturating_sub(1) / 2).copied() else { return 0.0 };
        claims.iter().map(|claim| middle.min(*claim).to_f64()).sum()
    }
}

/// USD traded with one lot: the premium of options, the size at the mark of everything else.
pub(super) fn lot_usd(state: &State, instrument: usize) -> f64 {
    let (terms, listing) = (&state.contracts[instrument].terms, &state.market.instruments[instrument]);
    let (unit, price) = (terms.unit().to_f64(), |asset: AssetId| state.market.assets[asset.0].price.usd().to_f64());
    match (&terms.kind, terms.payoff) {
        (InstrumentKind::Option { .. } | InstrumentKind::Spot, _) => {
            unit * listing.mark.in_quote().to_f64() * price(terms.cash())
        }
        (_, Payoff::Linear) => unit * moving(state, instrument) * price(terms.settle),
        (_, Payoff::Inverse) => unit * price(terms.quote),
    }
}

/// What a relative move of the mark is a part of.
pub(super) fn moving(state: &State, instrument: usize) -> f64 {
    let listing = &state.market.instruments[instrument];
    let scale = state.market.underlyings[listing.underlying.0].scale;
    let mark = listing.mark.in_quote().to_f64();
    let unit = state.market.assets[listing.quote.0].price.usd().to_f64();
    scale.map_or(mark, |scale| mark.abs().max(scale.usd().to_f64() / unit))
}

/// The mark of an instrument, in units of 10⁻¹⁸.
pub(super) fn listing_mark(state: &State, instrument: usize) -> i128 {
    state.market.instruments[instrument].mark.in_quote().raw()
}
