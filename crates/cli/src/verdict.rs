//! Describes whether the engine would accept trades that have not happened, and warns of unusual prices.

use margin::{Assessment, Verdict};
use model::{Market, Trade};
use units::Overflow;

use crate::amount::{Unit, exact, number};
use crate::sheet::largest;

/// The engine's verdict on trades, as documents write it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VerdictDocument {
    /// Whether the trades would be accepted.
    pub accepted: bool,
    /// The rule that decided, as a sentence.
    pub why: String,
}

/// The engine's verdict on an account before and after trades.
pub fn verdict([before, after]: [&Assessment; 2]) -> VerdictDocument {
    let verdict = Verdict::of(before, after);
    let why = match &verdict {
        Verdict::Short { equity, initial_margin } => {
            let unit = Unit::fitting(largest(before).max(largest(after)));
            let (equity, needed) = (unit.owned(*equity), unit.needed(*initial_margin));
            let short = needed.minus(equity);
            format!("equity {equity} {0} is below the initial margin {needed} {0}: {short} are missing", unit.name)
        }
        said => said.to_string(),
    };
    VerdictDocument { accepted: verdict.accepts(), why }
}

/// A trade in words: contracts, size and price.
pub fn words(trade: &Trade, market: &Market) -> Result<String, Overflow> {
    let (listing, quantity) = (market.listing(trade.instrument()), trade.quantity());
    let sign = if quantity.is_negative() { "" } else { "+" };
    let (contracts, unit) = (exact(quantity), market.size_unit(trade.instrument()));
    let (amount, quote) = (exact(listing.amount_of(quantity)?), &market.assets[listing.quote.0].name);
    let price = exact(trade.price());
    Ok(format!("{} {sign}{contracts} contracts, {sign}{amount} {unit}, at {price} {quote}", listing.name))
}

/// A warning when the price of a trade is far from the mark.
pub fn far(trade: &Trade, market: &Market) -> Option<String> {
    let listing = market.listing(trade.instrument());
    let [price, mark] = [trade.price(), market.mark(listing.id)].map(|price| price.in_quote().to_f64());
    let side = if price > mark { "above" } else { "below" };
    let apart = 100.0 * (price - mark).abs() / mark.abs();
    let part = if mark == 0.0 { String::new() } else { format!("{} % ", number(apart, 1)) };
    trade.is_far_from_mark(market).then(|| {
        format!(
            "{}: price {} is {part}{side} the mark {}; margin counts at the mark, and a venue may refuse an order so far from it",
            listing.name,
            exact(trade.price()),
            exact(market.mark(listing.id))
        )
    })
}

#[cfg(test)]
mod tests {
    use super::words;
    use model::{Market, Trade};

    #[test]
    fn a_trade_is_told_in_contracts_and_as_a_size() {
        let market = Market::parse(include_str!("../samples/market.json")).unwrap();
        let words = |text: &str| words(&Trade::parse(text, &market).unwrap(), &market).unwrap();
        let inverse = "BTC-PERPETUAL +100 contracts, +1,000 USD, at 86,255.44 USD";
        assert_eq!(words("BTC-PERPETUAL 1000 USD"), inverse);
        let linear = "BTC_USDC-PERPETUAL -3 contracts, -3 BTC, at 0.06 USDC";
        assert_eq!(words("BTC_USDC-PERPETUAL -3 @0.06"), linear);
    }
}
