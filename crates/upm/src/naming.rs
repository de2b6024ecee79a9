//! Names for what the engine numbers.

use engine::state::Pot;
use engine::{FeedId, LocationId, State};
use model::Market;

/// What volatilities come from.
pub const SURFACE: &str = "volatility surface";

/// What the price of a feed is of.
pub fn feed(market: &Market, id: FeedId) -> String {
    match id {
        FeedId::Index(underlying) => format!("{} index", market.underlyings[underlying.0].name),
        FeedId::Asset(asset) => match market.assets[asset.0].follows {
            Some(underlying) => {
                format!("{} in {}", market.assets[asset.0].name, market.underlyings[underlying.0].name)
            }
            None => format!("{} price", market.assets[asset.0].name),
        },
        FeedId::Premium(instrument) => format!("{} over index", market.instruments[instrument.0].name),
        FeedId::Forward(underlying, expiry) => {
            let (name, expiry) = (&market.underlyings[underlying.0].name, expiry.to_string());
            format!("{name} forward {}", expiry.replace(":00Z", "Z"))
        }
        FeedId::Surface => SURFACE.to_owned(),
    }
}

/// Who holds a pot.
pub fn pot(state: &State, pot: Pot) -> String {
    let market = &state.market;
    match pot {
        Pot::Custody(None) => "custody".to_owned(),
        Pot::Custody(Some(location)) => format!("custody at {}", place(state, location)),
        Pot::Clearing(instrument) => format!("clearing of {}", market.instruments[instrument.0].name),
        Pot::Fees => "fees".to_owned(),
        Pot::Rounding => "rounding".to_owned(),
        Pot::MarketFund(underlying) => format!("fund of {}", market.underlyings[underlying.0].name),
        Pot::SharedFund => "shared fund".to_owned(),
    }
}

/// A chain, bridge or custodian.
pub fn place(state: &State, location: LocationId) -> &str {
    &state.locations[usize::from(location.0)]
}
