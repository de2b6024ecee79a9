//! Classifies a currency: as money, as a token that wraps a coin, or as an asset with its own risk.
//!
//! Neither venues nor recordings give this class, and it decides how an asset is stressed, so it is derived from the
//! code and the price together. An asset about which nothing is known has its own risk.

use std::collections::BTreeMap;

use model::{AssetDocument, UsdPrice};
use units::{Ratio, Round};

/// Tokens worth about a dollar whose code does not contain USD.
const DOLLARS: [&str; 8] = ["BUIDL", "DAI", "FRAX", "GHO", "SDAI", "USTB", "USYC", "XDAI"];

/// Codes of money, in the form that codes of tokens contain: EURR, EURC, XSGD, GBPT.
const MONEY: [&str; 21] = [
    "AED", "AUD", "BRL", "CAD", "CHF", "CNH", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "JPY", "KRW", "MXN", "NOK",
    "NZD", "SEK", "SGD", "TRY", "ZAR",
];
/// The most letters that the code of a token adds to that of the money.
const ADDED_MAX: usize = 2;

/// The largest ratio, either way, between the prices of a wrapping token and its coin: staked coins have grown by less
/// than half.
const WRAPPED: Ratio = Ratio::from_raw(2 * Ratio::ONE.raw());

/// Whether `code` is money, or a token for money. A dollar token that has lost half its price is not money.
pub fn is_money(code: &str, price: Option<UsdPrice>) -> bool {
    if code.contains("USD") || DOLLARS.contains(&code) {
        return price.is_none_or(|price| is_near(price, UsdPrice::ONE));
    }
    let short = code.len() <= 3 + ADDED_MAX;
    short && MONEY.iter().any(|money| code.starts_with(money) || code.ends_with(money))
}

/// The coin that `asset` wraps or stakes: the code of the asset begins or ends with the code of the coin, and the
/// prices are near each other. STETH is worth about an ETH; BABYDOGE is not worth a DOGE.
pub fn wrapped<'a>(asset: &str, price: UsdPrice, coins: &BTreeMap<&'a str, UsdPrice>) -> Option<&'a str> {
    let ends = |coin: &str| asset.len() > coin.len() && (asset.ends_with(coin) || asset.starts_with(coin));
    let near = coins.iter().filter(|(coin, index)| ends(coin) && is_near(price, **index));
    near.map(|(coin, _)| *coin).max_by_key(|coin| coin.len()).filter(|_| !is_money(asset, Some(price)))
}

/// An asset at its price; it follows the coin in `coins` that it wraps, if any.
pub fn asset(asset: &str, price: UsdPrice, coins: &BTreeMap<&str, UsdPrice>) -> AssetDocument {
    let follows = if coins.contains_key(asset) { None } else { wrapped(asset, price, coins) };
    AssetDocument { asset: asset.into(), price, follows: follows.map(Into::into), depth: None, adv_usd: None }
}

/// Whether neither price is more than [`WRAPPED`] times the other.
fn is_near(one: UsdPrice, other: UsdPrice) -> bool {
    let within =
        |low: UsdPrice, high: UsdPrice| low.usd().scaled(WRAPPED, Round::Up).is_ok_and(|limit| high.usd() <= limit);
    within(one, other) && within(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> UsdPrice {
        text.parse().unwrap()
    }

    #[test]
    fn money_is_told_from_coins() {
        let money = [
            ("USDC", "0.9999"),
            ("USDT", "1"),
            ("USDE", "0.998"),
            ("SUSDE", "1.2"),
            ("PYUSD", "1"),
            ("FDUSD", "0.88"),
            ("USYC", "1.11"),
            ("BUIDL", "1"),
            ("DAI", "1"),
            ("EURR", "1.16"),
            ("EURC", "1.16"),
            ("GBPT", "1.3"),
            ("XSGD", "0.77"),
            ("JPYC", "0.0067"),
        ];
        for (code, worth) in money {
            assert!(is_money(code, Some(price(worth))) && is_money(code, None), "{code}");
        }
        let others =
            [("BTC", "115000"), ("ADA", "1"), ("XRP", "1.01"), ("USTC", "0.01"), ("USDX", "0.03"), ("PAXG", "4000")];
        for (code, worth) in others {
            assert!(!is_money(code, Some(price(worth))), "{code}");
        }
    }

    #[test]
    fn wrappers_follow_what_they_wrap() {
        let coins = [("BTC", "115000"), ("ETH", "4100"), ("SOL", "200"), ("DOGE", "0.2"), ("C", "1")];
        let coins: BTreeMap<&str, UsdPrice> = coins.into_iter().map(|(coin, index)| (coin, price(index))).collect();
        let cases = [
            ("STETH", "4095", Some("ETH")),
            ("WSTETH", "4980", Some("ETH")),
            ("CBBTC", "114900", Some("BTC")),
            ("BTCB", "115000", Some("BTC")),
            ("JITOSOL", "248", Some("SOL")),
            ("BABYDOGE", "0.000000001", None),
            ("ETHFI", "1.1", None),
            ("USDC", "1", None),
            ("ETH", "4100", None),
        ];
        for (code, worth, follows) in cases {
            assert_eq!(asset(code, price(worth), &coins).follows.as_deref(), follows, "{code}");
        }
    }
}
