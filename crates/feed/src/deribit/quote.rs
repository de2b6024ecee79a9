//! Reads the prices of an instrument at one moment.

use model::{CounterPrice, QuotePrice};
use units::{Price, Quantity, Ratio, Timestamp};

use super::ImportError;
use super::json::Object;

/// Inner objects of a ticker; their fields are read as fields of the ticker.
pub const INNER: [&str; 2] = ["stats", "greeks"];

/// Prices of one instrument at one moment (`public/ticker`, `public/get_order_book`,
/// `public/get_book_summary_by_currency`, `ticker` and `incremental_ticker` frames).
///
/// They are ordered, mark first: of two different quotes of the same moment the larger wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quote {
    pub mark: Option<QuotePrice>,
    pub time: Timestamp,
    /// Whether it comes from a ticker, which has more fields than a book summary.
    pub ticker: bool,
    pub closed: bool,
    pub iv: Option<Ratio>,
    pub index: Option<Price>,
    pub delivery: Option<Price>,
    pub forward: Option<CounterPrice>,
    pub rate: Option<Ratio>,
    pub delta: Option<Ratio>,
    pub funding_rate_8h: Option<Ratio>,
    pub bid: Option<QuotePrice>,
    pub ask: Option<QuotePrice>,
    pub open_interest: Option<Quantity>,
    pub volume: Option<Quantity>,
    pub volume_usd: Option<Quantity>,
}

impl Quote {
    /// Whether an object has a mark at one moment. Trades, positions and settlements have a mark as well, but no book
    /// prices and no open interest.
    pub fn is_in(object: &Object<'_>) -> bool {
        let book = ["open_interest", "best_bid_price", "best_ask_price", "bid_price", "ask_price"];
        let is_deal = object.has("direction") || object.has("trade_id");
        object.has("mark_price") && !is_deal && book.iter().any(|field| object.has(field))
    }

    /// Reads the quote in `object`; fields that are absent are none.
    pub fn read(object: &Object<'_>) -> Result<Self, ImportError> {
        let mut object = object.clone();
        object.flatten(&INNER)?;
        let ticker = object.has("timestamp");
        // Null and zero both mean that there is no price.
        let price = |key: &str| Ok::<_, ImportError>(object.amount(key)?.filter(|price| *price != Price::ZERO));
        let (bid, ask) = if ticker { ("best_bid_price", "best_ask_price") } else { ("bid_price", "ask_price") };
        let count = |inner: &str, key: &str| match object.amount(inner)? {
            Some(count) => Ok(Some(count)),
            None => object.amount::<Quantity>(key),
        };
        Ok(Self {
            mark: object.amount("mark_price")?,
            time: object.moment(if ticker { "timestamp" } else { "creation_timestamp" })?,
            ticker,
            closed: object.text("state")?.as_deref() == Some("closed"),
            iv: object.percent("mark_iv")?.filter(|iv| *iv != Ratio::ZERO),
            index: price("index_price")?,
            // The field is the word "expired" when there is no delivery to estimate.
            delivery: object.decimal("estimated_delivery_price").unwrap_or(None).filter(|price| *price > Price::ZERO),
            forward: price("underlying_price")?.map(CounterPrice::new),
            rate: object.decimal("interest_rate")?,
            delta: object.decimal("greeks.delta")?,
            funding_rate_8h: object.decimal("funding_8h")?,
            bid: price(bid)?.map(QuotePrice::new),
            ask: price(ask)?.map(QuotePrice::new),
            open_interest: object.amount("open_interest")?,
            volume: count("stats.volume", "volume")?,
            volume_usd: count("stats.volume_usd", "volume_usd")?,
        })
    }
}
