//! Prices and notional of instruments, and the depth of their order books.

use engine::FeedId;
use engine::state::State;
use marks::Report;
use model::{AssetId, InstrumentId, InstrumentKind, Payoff};
use units::Money;

use super::Auditor;

impl Auditor {
    /// The depth that the live sources of an index report, in USD. Each counts for at most the median report.
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

/// The USD that a trade of one lot moves: the premium of options, the notional at the mark of everything else.
pub(super) fn lot_usd(state: &State, instrument: usize) -> f64 {
    let (terms, listing) = (&state.contracts[instrument].terms, &state.market.instruments[instrument]);
    let (unit, price) = (terms.unit().to_f64(), |asset: AssetId| state.market.price(asset).usd().to_f64());
    match (&terms.kind, terms.payoff) {
        (InstrumentKind::Option { .. } | InstrumentKind::Spot, _) => {
            unit * state.market.mark(listing.id).in_quote().to_f64() * price(terms.cash())
        }
        (_, Payoff::Linear) => unit * moving(state, instrument) * price(terms.settle),
        (_, Payoff::Inverse) => unit * price(terms.quote),
    }
}

/// The base of a relative move of the mark: the mark, or at least the scale where prices may be negative.
pub(super) fn moving(state: &State, instrument: usize) -> f64 {
    let listing = &state.market.instruments[instrument];
    let scale = state.market.underlyings[listing.underlying.0].scale;
    let mark = state.market.mark(listing.id).in_quote().to_f64();
    let unit = state.market.price(listing.quote).usd().to_f64();
    scale.map_or(mark, |scale| mark.abs().max(scale.usd().to_f64() / unit))
}

/// The mark of an instrument, in units of 10⁻¹⁸.
pub(super) fn listing_mark(state: &State, instrument: usize) -> i128 {
    state.market.mark(InstrumentId(instrument)).in_quote().raw()
}
