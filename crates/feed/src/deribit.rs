//! Imports Deribit's own answers as one market.
//!
//! It reads any number of texts in any order: `public/get_instruments`, `public/get_book_summary_by_currency`,
//! `public/ticker`, `public/get_order_book`, and the frames of `ticker.*`, `incremental_ticker.*` and
//! `deribit_price_index.*` subscriptions. Each may be bare or in its JSON-RPC envelope, alone or in arrays; as sent by
//! the venue, as recorded line by line, or as dumped by other programs, with numbers in quotes and the venue's own
//! answer under `info`. Other answers, such as positions and trades, are counted, and the instruments that they name
//! are accounted for.
//!
//! # Rules
//!
//! - The order of texts, and of answers within them, changes nothing.
//! - The market's time is [`Options::at`], else the newest timestamp of a mark or an index.
//! - Of several marks of an instrument the one nearest to the market's time is taken, whole: fields of two moments are
//!   never mixed. At the same distance a ticker is preferred to a book summary, then the earlier mark, then the larger
//!   mark; the report names instruments with two marks of one moment. Marks further away than [`Options::window`] are
//!   left out.
//! - A change of an `incremental_ticker` is merged into the newest snapshot before it and the changes since, and is a mark
//!   of its own moment. A change without such a snapshot is ignored; the report names its instrument.
//! - Of several listings of an instrument each field comes from the newest answer that has it (`usOut` of the envelope).
//!   Where answers do not say when they were given, a closed listing and larger numbers win, and the report says so.
//! - The fields of a listing take precedence over the name; the name supplies fields that old recordings lack.
//! - The forward of an expiry is the `underlying_price` of its options, else the mark of its future. Prices in USD are
//!   preferred to prices in another quote; among equals the nearest to the market's time is taken.
//! - The index is an `index_price` or an index frame, else `estimated_delivery_price` while that still equals the index.
//! - A price in USDC becomes USD at the price of USDC: from [`Options::prices`], its own index (`usdc_usd`), or the index
//!   of one of its pairs in a currency priced that way. No currency is assumed to be worth exactly 1 USD.
//! - A spot pair is listed when its base is a coin. Money (USDC, EURR, USYC) and tokens that wrap a coin (STETH) are
//!   assets: their pairs give their prices, are not listed, and are counted in the report.
//! - Open interest and volume are counted in contracts: the venue's amounts (USD for inverse futures, coins otherwise)
//!   divided by the contract size.

mod definition;
mod error;
mod frames;
mod indices;
mod json;
mod listing;
mod market;
mod notes;
mod pairs;
mod quote;
mod records;
mod report;
mod states;

use std::collections::BTreeMap;
use std::time::Duration;

use model::{KindDocument, Market, MarketDocument, UsdPrice};
use units::Timestamp;

use crate::report::{LeftOut, Reason};
use indices::Indices;
use listing::{Kind, Listing, Moment};
use market::{assemble, forwards};
use pairs::Currencies;
use records::Records;

pub use error::ImportError;
pub use report::ImportReport;

const USD: &str = "USD";

/// A text with the name that messages call it by.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The name, usually the path of the file.
    pub name: &'a str,
    /// The whole content of the file.
    pub text: &'a str,
}

/// Settings that the texts do not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The market's time; when none, the newest timestamp in the texts.
    pub at: Option<Timestamp>,
    /// USD per unit of currencies, such as USDC. Each becomes an asset of the market. They take precedence over indices
    /// in the texts.
    pub prices: BTreeMap<String, UsdPrice>,
    /// The largest distance of a mark or an index from the market's time.
    pub window: Duration,
}

impl Default for Options {
    /// The defaults: newest timestamp, no prices, a window of one hour.
    fn default() -> Self {
        Self { at: None, prices: BTreeMap::new(), window: Duration::from_hours(1) }
    }
}

/// Imports the market that `sources` describe.
pub fn import(sources: &[Source<'_>], options: &Options) -> Result<(MarketDocument, ImportReport), ImportError> {
    let mut records = Records::default();
    for source in sources {
        for (raw, place) in frames::frames(source)? {
            records.read(raw, &place)?;
        }
    }
    records.close()?;
    let newest = || {
        let quotes = records.instruments.values().flat_map(|instrument| &instrument.quotes).map(|quote| quote.time);
        quotes.chain(records.indices.iter().map(|index| index.time)).max()
    };
    let time = options.at.or_else(newest).ok_or(ImportError::NoTime { texts: sources.len() })?;
    let moment = Moment { time, window: options.window };

    let mut left_out = LeftOut::default();
    let mut listings = Vec::new();
    for (text, instrument) in &records.instruments {
        match Listing::of(text, instrument, moment) {
            Ok(listing) => listings.push(listing),
            Err(reason) => left_out.add(reason, text),
        }
    }
    let mut indices = Indices::of(&listings, &records, moment);
    indices.given.clone_from(&options.prices);
    let currencies = Currencies::of(&mut listings, &indices, &mut left_out);
    let forwards = forwards(&listings, &indices, moment)?;
    listings.retain(|listing| {
        let priced = !matches!(listing.kind, Kind::Option { .. }) || forwards.contains_key(&listing.expiry_key());
        if !priced {
            left_out.add(Reason::NoForward, listing.name);
        }
        priced
    });
    if listings.is_empty() {
        return Err(ImportError::NoInstrument { time, left_out });
    }

    let document = assemble(&listings, &indices, &forwards, &currencies, moment)?;
    Market::new(&document)?;
    let count = |kind: KindDocument| document.instruments.iter().filter(|entry| entry.kind == kind).count();
    let mut notes = records.errors.clone();
    notes.extend(indices.notes(&document));
    notes.extend(notes::of_records(&records, moment));
    notes.extend(notes::of_assets(&document, &currencies));
    let without_vol =
        document.instruments.iter().filter(|entry| entry.kind == KindDocument::Option && entry.iv.is_none());
    match without_vol.count() {
        0 => {}
        count => notes.push(format!("{count} options carry no implied volatility and cannot be margined")),
    }
    let report = ImportReport {
        time,
        texts: sources.len(),
        definitions: records.definitions,
        quotes: records.quotes,
        indices: records.indices.len(),
        other: records.other.as_ref().map_or(0, |other| other.count),
        first_other: records.other.map(|other| other.first),
        options: count(KindDocument::Option),
        futures: count(KindDocument::Future),
        perpetuals: count(KindDocument::Perpetual),
        spot: count(KindDocument::Spot),
        left_out,
        notes,
    };
    Ok((document, report))
}
