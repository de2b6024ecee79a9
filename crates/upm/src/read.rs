//! Documents from anything that can be read: a file, a socket, bytes in memory.

use std::io::Read;

use margin::ScenarioDocument;
use margin::scenario::ScenarioSet;
use model::{Market, Portfolio};

use crate::Error;

/// Reads a `upm.market/1` document.
///
/// ```
/// let document = br#"{"format": "upm.market/1", "time": "2026-05-01T00:00:00Z", "assets": [],
///     "underlyings": [{"underlying": "BTC", "index": "80000"}], "instruments": []}"#;
/// let market = upm::read_market(document.as_slice())?;
/// assert_eq!(market.underlyings[0].name, "BTC");
/// # Ok::<(), upm::Error>(())
/// ```
pub fn read_market(reader: impl Read) -> Result<Market, Error> {
    Ok(Market::parse(&text("market", reader)?)?)
}

/// Reads a `upm.portfolio/1` document whose names are those of `market`.
pub fn read_portfolio(reader: impl Read, market: &Market) -> Result<Portfolio, Error> {
    Ok(Portfolio::parse(&text("portfolio", reader)?, market)?)
}

/// Reads a `upm.scenarios/1` document (FAM-4, FAM-5) for the underlyings of `market`.
pub fn read_scenarios(reader: impl Read, market: &Market) -> Result<ScenarioSet, Error> {
    let document = ScenarioDocument::parse(&text("scenarios", reader)?)?;
    Ok(document.scenarios_for(market)?)
}

/// The whole text of a reader.
fn text(document: &'static str, mut reader: impl Read) -> Result<String, Error> {
    let mut text = String::new();
    reader.read_to_string(&mut text).map_err(|why| Error::Unreadable { document, why })?;
    Ok(text)
}
