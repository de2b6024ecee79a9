//! Words for what the engine says in numbers: names, the validity of a price, an age.

use engine::state::{Holder, Pot};
use engine::{AccountId, Cause, FeedId, LocationId, Principal, State};
use marks::Validity;
use model::Market;
use shell::printer::{Tone, toned};

use crate::amount::exact;

/// The name of the source of volatilities.
pub const SURFACE: &str = "volatility surface";

/// The name of the thing that a feed prices.
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

/// The name of a pot.
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

/// The name of an account.
pub fn account(state: &State, id: AccountId) -> &str {
    &state.accounts[id.place()].name
}

/// The name of a holder of an amount: an account or a pot.
pub fn holder(state: &State, holder: Holder) -> String {
    match holder {
        Holder::Account(id, None) => account(state, id).to_owned(),
        Holder::Account(id, Some(location)) => format!("{} at {}", account(state, id), place(state, location)),
        Holder::Pot(of) => pot(state, of),
    }
}

/// The name of the principal of a command.
pub fn principal(principal: Principal) -> String {
    match principal {
        Principal::Owner(owner) => format!("owner {owner}"),
        Principal::Source(source) => format!("source {source}"),
        Principal::Matching => "matching".to_owned(),
        Principal::Custody => "custody".to_owned(),
        Principal::Governance => "governance".to_owned(),
        Principal::Guardian => "guardian".to_owned(),
        Principal::System => "engine".to_owned(),
    }
}

/// The reason why an amount moved.
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Deposit => "deposit",
        Cause::Withdrawal => "withdrawal",
        Cause::Transfer => "transfer",
        Cause::Exchange => "exchange",
        Cause::Profit => "profit or loss",
        Cause::Premium => "option premium",
        Cause::Exercise => "option exercise",
        Cause::Funding => "funding",
        Cause::Fee => "trading fee",
        Cause::Interest => "interest",
        Cause::LiquidationFee => "liquidation fee",
        Cause::Takeover => "take-over",
        Cause::Cover => "cover of a loss",
        Cause::Fund => "fund",
        Cause::Rounding => "rounding",
    }
}

/// The name of a chain, bridge or custodian.
pub fn place(state: &State, location: LocationId) -> &str {
    &state.locations[usize::from(location.0)]
}

/// The validity of a price, in its colour.
pub fn validity(validity: Validity) -> String {
    match validity {
        Validity::Valid => toned(Tone::Green, "valid"),
        Validity::Suspect => toned(Tone::Yellow, "suspect"),
        Validity::Invalid => toned(Tone::Red, "invalid"),
    }
}

/// A length of time that has passed.
pub fn age(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    match seconds {
        ..1 => format!("{} ms", exact(micros.div_euclid(1000))),
        1..600 => format!("{seconds} s"),
        600..36_000 => format!("{} min", seconds / 60),
        _ => format!("{} h", exact(seconds / 3600)),
    }
}
