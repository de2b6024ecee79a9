//! Turns the rows of one moment into a market.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{
    AssetDocument, CounterPrice, ExpiryDocument, InstrumentDocument, KindDocument, LARGEST_VOL, MARKET_FORMAT, Market,
    MarketDocument, Payoff, QuotePrice, Right, UnderlyingDocument, UsdPrice,
};
use pricing::black76::{Black76, Inputs};
use pricing::{implied, payoff::coin_quoted};
use units::{Decimal as _, Quantity, Ratio, Timestamp};

use super::futures::FuturePrice;
use super::{ChainError, ChainReport, Distribution, FuturesFile};
use crate::moment::{apart, distance};
use crate::{Contract, LeftOut, Name, Reason};

/// Futures prices further than this from the snapshot count as another moment.
const FUTURES_WINDOW: Duration = Duration::from_mins(10);

/// A row of the snapshot.
pub struct OptionRow {
    pub currency: String,
    pub name: String,
    pub expiry: Timestamp,
    pub strike: CounterPrice,
    pub right: Right,
    pub mark: Option<QuotePrice>,
    pub vol: Option<Ratio>,
    pub underlying_price: Option<UsdPrice>,
    pub index_price: Option<UsdPrice>,
    pub bid: Option<QuotePrice>,
    pub ask: Option<QuotePrice>,
    pub delta: Option<Ratio>,
    pub open_interest: Option<Quantity>,
    pub volume: Option<Quantity>,
}

/// The prices and expiries of one currency.
#[derive(Default)]
pub struct Currency {
    index_prices: Vec<f64>,
    expiries: BTreeMap<Timestamp, Expiry>,
}

/// The data from which the forward of an expiry is computed.
#[derive(Default)]
struct Expiry {
    /// The marks of call and put in coin, by strike.
    marks: BTreeMap<CounterPrice, [Option<f64>; 2]>,
    underlying_prices: Vec<f64>,
    future: Option<UsdPrice>,
}

impl Expiry {
    /// The forward that put-call parity of the marks implies: the median over all strikes.
    fn parity_forward(&self) -> Option<f64> {
        let implied = self.marks.iter().filter_map(|(strike, marks)| {
            let [Some(call), Some(put)] = *marks else { return None };
            Some(strike.in_counter().to_f64() / (1.0 - (call - put)))
                .filter(|forward| forward.is_finite() && *forward > 0.0)
        });
        median(implied.collect())
    }
}

/// The median; for an even number of values the mean of the middle two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(0.5 * (values[middle - 1] + upper)) }
}

/// A market under construction.
pub struct Snapshot<'a> {
    file: &'a str,
    time: Timestamp,
    rows: usize,
    names: BTreeSet<String>,
    pub currencies: BTreeMap<String, Currency>,
    options: Vec<(OptionRow, QuotePrice)>,
    futures: Vec<InstrumentDocument>,
    left_out: LeftOut,
    notes: Vec<String>,
}

impl<'a> Snapshot<'a> {
    pub fn new(file: &'a str, time: Timestamp) -> Self {
        Self {
            file,
            time,
            rows: 0,
            names: BTreeSet::new(),
            currencies: BTreeMap::new(),
            options: Vec::new(),
            futures: Vec::new(),
            left_out: LeftOut::default(),
            notes: Vec::new(),
        }
    }

    /// Adds a row, or counts the reason why it is left out.
    pub fn read(&mut self, row: OptionRow) {
        self.rows += 1;
        let currency = self.currencies.entry(row.currency.clone()).or_default();
        if row.expiry > self.time {
            let index = row.index_price.filter(|price| *price > UsdPrice::ZERO);
            currency.index_prices.extend(index.map(|price| price.usd().to_f64()));
        }
        let kept = if !self.names.insert(row.name.clone()) {
            Err(Reason::Duplicate)
        } else if row.expiry <= self.time {
            Err(Reason::Expired)
        } else {
            row.mark.ok_or(Reason::NoMark)
        };
        match kept {
            Err(reason) => self.left_out.add(reason, &row.name),
            Ok(mark) => {
                let expiry = currency.expiries.entry(row.expiry).or_default();
                let side = usize::from(row.right == Right::Put);
                expiry.marks.entry(row.strike).or_default()[side] = Some(mark.in_quote().to_f64());
                let underlying_price = row.underlying_price.filter(|price| *price > UsdPrice::ZERO);
                expiry.underlying_prices.extend(underlying_price.map(|price| price.usd().to_f64()));
                self.options.push((row, mark));
            }
        }
    }

    /// Adds the futures rows nearest to the snapshot, unless they are too far away.
    pub fn read_futures(&mut self, futures: &FuturesFile) {
        let asked = |row: &&FuturePrice| self.currencies.contains_key(&row.currency);
        let times = futures.rows.iter().filter(asked).map(|row| row.time);
        let nearest = times.min_by_key(|time| (distance(*time, self.time), *time));
        let Some(time) = nearest else {
            self.notes.push(format!("{}: no row of the currencies asked for", futures.file));
            return;
        };
        if distance(time, self.time) > FUTURES_WINDOW {
            let apart = apart(time, self.time);
            self.notes.push(format!("{}: left out, the nearest prices are {apart} from the snapshot", futures.file));
            return;
        }
        let rows: Vec<FuturePrice> =
            futures.rows.iter().filter(asked).filter(|row| row.time == time).cloned().collect();
        for row in rows {
            self.rows += 1;
            match self.future(&row) {
                Ok(future) => self.futures.push(future),
                Err(reason) => self.left_out.add(reason, &row.instrument),
            }
        }
    }

    fn future(&mut self, row: &FuturePrice) -> Result<InstrumentDocument, Reason> {
        let name: Name = row.instrument.parse().map_err(|_| Reason::UnknownName)?;
        let kind = match name.contract {
            Contract::Perpetual if name.quote.is_none() => KindDocument::Perpetual,
            Contract::Future { .. } if name.quote.is_none() => KindDocument::Future,
            _ => return Err(Reason::UnknownName),
        };
        if !self.names.insert(row.instrument.clone()) {
            return Err(Reason::Duplicate);
        }
        if name.expiry().is_some_and(|expiry| expiry <= self.time) {
            return Err(Reason::Expired);
        }
        let price = row.price.filter(|price| *price > UsdPrice::ZERO).ok_or(Reason::NoMark)?;
        let contract_size = name.contract_size().ok_or(Reason::NoContractSize)?;
        let currency = self.currencies.get_mut(&name.base).ok_or(Reason::UnknownName)?;
        if let Some(expiry) = name.expiry() {
            currency.expiries.entry(expiry).or_default().future = Some(price);
        }
        Ok(InstrumentDocument {
            expiry: name.expiry(),
            ..instrument(row.instrument.clone(), kind, &name.base, "USD", contract_size, QuotePrice::new(price.usd()))
        })
    }

    /// The document and the report of all rows read. `at` is the requested moment.
    pub fn market(mut self, at: Timestamp) -> Result<(MarketDocument, ChainReport), ChainError> {
        let mut underlyings = Vec::new();
        for (currency, found) in std::mem::take(&mut self.currencies) {
            underlyings.push(self.underlying(currency, found)?);
        }
        let mut instruments = std::mem::take(&mut self.futures);
        let futures = instruments.len();
        let mut errors: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
        let mut implied_vols = 0;
        for (row, mark) in std::mem::take(&mut self.options) {
            let Some(forward) = forward_of(&underlyings, &row) else {
                self.left_out.add(Reason::NoForward, &row.name);
                continue;
            };
            let years = row.expiry.years_since(self.time);
            if let Some(model) = row.vol.and_then(|vol| model_mark(&row, forward, years, vol)) {
                errors
                    .entry(row.currency.clone())
                    .or_default()
                    .push((row.name.clone(), model - mark.in_quote().to_f64()));
            }
            let iv = row.vol.or_else(|| implied_vol(&row, forward, years, mark));
            implied_vols += usize::from(row.vol.is_none() && iv.is_some());
            instruments.push(option_document(row, mark, iv));
        }
        if implied_vols > 0 {
            self.notes.push(format!("{implied_vols} options without a volatility carry the one their mark implies"));
        }
        instruments.sort_by(|one, other| one.instrument.cmp(&other.instrument));

        let of_currency =
            |(currency, errors): (&String, &Vec<_>)| Some((currency.clone(), Distribution::of(errors.iter())?));
        let report = ChainReport {
            at,
            snapshot: self.time,
            rows: self.rows,
            options: instruments.len() - futures,
            futures,
            left_out: self.left_out,
            by_currency: errors.iter().filter_map(of_currency).collect(),
            all: Distribution::of(errors.values().flatten()),
            notes: self.notes,
        };
        let document = MarketDocument {
            format: MARKET_FORMAT.into(),
            time: self.time,
            assets: underlyings.iter().filter_map(coin).collect(),
            underlyings,
            instruments,
        };
        let (file, snapshot) = (self.file.to_owned(), self.time);
        Market::new(&document).map_err(|invalid| ChainError::Refused { file, snapshot, invalid })?;
        Ok((document, report))
    }

    fn underlying(&mut self, currency: String, found: Currency) -> Result<UnderlyingDocument, ChainError> {
        let Some(index) = median(found.index_prices).and_then(|index| UsdPrice::shortest(index).ok()) else {
            return Err(ChainError::NoIndex { file: self.file.into(), currency, snapshot: self.time });
        };
        let mut expiries = Vec::new();
        for (expiry, found) in found.expiries {
            if let Some(forward) = self.forward(&currency, expiry, &found) {
                expiries.push(ExpiryDocument { expiry, forward, rate: None, forward_settled: None, confidence: None });
            }
        }
        Ok(UnderlyingDocument {
            underlying: currency,
            index: Some(index),
            basket: None,
            scale: None,
            confidence: None,
            expiries,
            depth: None,
            adv_usd: None,
        })
    }

    /// The forward of an expiry: by put-call parity, else the underlying price of the options, else the price of the
    /// future.
    fn forward(&mut self, currency: &str, expiry: Timestamp, found: &Expiry) -> Option<UsdPrice> {
        if let Some(forward) = found.parity_forward().and_then(|forward| UsdPrice::shortest(forward).ok()) {
            return Some(forward);
        }
        if let Some(forward) = median(found.underlying_prices.clone()) {
            let note =
                format!("{currency} {expiry}: no strike has both marks, the forward is the median underlying_price");
            self.notes.push(note);
            return UsdPrice::shortest(forward).ok();
        }
        found.future
    }
}

fn forward_of(underlyings: &[UnderlyingDocument], row: &OptionRow) -> Option<f64> {
    let underlying = underlyings.iter().find(|entry| entry.underlying == row.currency)?;
    let expiry = underlying.expiries.iter().find(|entry| entry.expiry == row.expiry)?;
    Some(expiry.forward.usd().to_f64())
}

/// The coin as an asset, priced at its index; none without an index.
fn coin(underlying: &UnderlyingDocument) -> Option<AssetDocument> {
    Some(AssetDocument {
        asset: underlying.underlying.clone(),
        price: underlying.index?,
        follows: None,
        depth: None,
        adv_usd: None,
    })
}

/// The mark according to the model, in coin.
fn model_mark(row: &OptionRow, forward: f64, years: f64, vol: Ratio) -> Option<f64> {
    let inputs = Inputs {
        right: row.right,
        forward,
        strike: row.strike.in_counter().to_f64(),
        vol: vol.to_f64(),
        years,
        discount: 1.0,
    };
    Some(coin_quoted(Black76::new(inputs).ok()?.price(), forward))
}

/// The volatility at which the model gives the mark; none when no volatility up to [`LARGEST_VOL`] does.
fn implied_vol(row: &OptionRow, forward: f64, years: f64, mark: QuotePrice) -> Option<Ratio> {
    let price = mark.in_quote().to_f64() * forward;
    let vol = implied::vol(row.right, forward, row.strike.in_counter().to_f64(), years, price).ok()?;
    Ratio::shortest(vol).ok().filter(|vol| *vol > Ratio::ZERO && *vol <= LARGEST_VOL)
}

fn option_document(row: OptionRow, mark: QuotePrice, iv: Option<Ratio>) -> InstrumentDocument {
    InstrumentDocument {
        expiry: Some(row.expiry),
        strike: Some(row.strike),
        right: Some(row.right),
        iv,
        bid: row.bid,
        ask: row.ask,
        open_interest: row.open_interest,
        volume_24h: row.volume,
        delta: row.delta,
        ..instrument(row.name, KindDocument::Option, &row.currency, &row.currency, Quantity::ONE, mark)
    }
}

/// An inverse contract of `currency` with its mark and no other data.
fn instrument(
    name: String,
    kind: KindDocument,
    currency: &str,
    quote: &str,
    contract_size: Quantity,
    mark: QuotePrice,
) -> InstrumentDocument {
    InstrumentDocument {
        instrument: name,
        kind,
        underlying: currency.into(),
        payoff: Payoff::Inverse,
        quote: quote.into(),
        settle: currency.into(),
        contract_size,
        expiry: None,
        strike: None,
        right: None,
        mark,
        iv: None,
        funding_rate_8h: None,
        bid: None,
        ask: None,
        open_interest: None,
        volume_24h: None,
        fee_rate: None,
        delta: None,
        venue: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A row with the model's mark on a forward of 100, but with another underlying price.
    fn row(strike: &str, right: Right) -> OptionRow {
        let letter = if right == Right::Call { 'C' } else { 'P' };
        let mut row = OptionRow {
            currency: "BTC".into(),
            name: format!("BTC-8MAY26-{strike}-{letter}"),
            expiry: time("2026-05-08T08:00:00Z"),
            strike: strike.parse().unwrap(),
            right,
            mark: None,
            vol: Some("0.5".parse().unwrap()),
            underlying_price: Some("101".parse().unwrap()),
            index_price: Some("99.5".parse().unwrap()),
            bid: None,
            ask: None,
            delta: None,
            open_interest: None,
            volume: None,
        };
        let years = row.expiry.years_since(noon());
        row.mark =
            model_mark(&row, 100.0, years, "0.5".parse().unwrap()).map(|mark| QuotePrice::shortest(mark).unwrap());
        row
    }

    fn noon() -> Timestamp {
        time("2026-04-22T12:00:00Z")
    }

    fn market(rows: Vec<OptionRow>) -> Result<(MarketDocument, ChainReport), ChainError> {
        let mut snapshot = Snapshot::new("chain", noon());
        for row in rows {
            snapshot.read(row);
        }
        snapshot.market(noon())
    }

    #[test]
    fn the_forward_is_that_of_the_marks_and_not_of_the_column() {
        let rows = vec![row("90", Right::Call), row("90", Right::Put), row("110", Right::Call), row("110", Right::Put)];
        let (document, report) = market(rows).unwrap();
        let forward = document.underlyings[0].expiries[0].forward.usd().to_f64();
        assert!((forward - 100.0).abs() < 1e-9, "{forward}");
        assert!(report.all.unwrap().worst.abs() < 1e-12);
        assert_eq!(report.notes, [""; 0]);
    }

    #[test]
    fn without_pairs_the_forward_is_the_median_of_the_column_and_the_report_says_so() {
        let (document, report) = market(vec![row("90", Right::Call), row("110", Right::Put)]).unwrap();
        assert_eq!(document.underlyings[0].expiries[0].forward.to_string(), "101");
        assert!(report.notes[0].contains("no strike has both marks"), "{report}");
    }

    #[test]
    fn a_volatility_that_is_missing_is_implied_by_the_mark() {
        let mut call = row("90", Right::Call);
        call.vol = None;
        let (document, report) = market(vec![call, row("90", Right::Put)]).unwrap();
        let iv = document.instruments[0].iv.unwrap().to_f64();
        assert!((iv - 0.5).abs() < 1e-9, "{iv}");
        assert_eq!(report.all.as_ref().unwrap().count, 1, "the implied one proves nothing");
        assert_eq!(report.notes, ["1 options without a volatility carry the one their mark implies"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let unpriced = OptionRow { mark: None, ..row("110", Right::Put) };
        let expired = OptionRow { expiry: noon(), name: "BTC-22APR26-90-C".into(), ..row("90", Right::Call) };
        let unforwarded = OptionRow {
            expiry: time("2026-06-26T08:00:00Z"),
            name: "BTC-26JUN26-90-C".into(),
            underlying_price: None,
            ..row("90", Right::Call)
        };
        let rows =
            vec![row("90", Right::Call), row("90", Right::Put), row("90", Right::Put), unpriced, expired, unforwarded];
        let (document, report) = market(rows).unwrap();
        assert_eq!((document.instruments.len(), report.rows), (2, 6));
        for reason in [Reason::Duplicate, Reason::NoMark, Reason::Expired, Reason::NoForward] {
            assert_eq!(report.left_out.count(reason), 1, "{reason}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let no_index = OptionRow { index_price: None, ..row("90", Right::Call) };
        assert!(matches!(market(vec![no_index]), Err(ChainError::NoIndex { .. })));
        let negative = OptionRow { mark: Some("-0.1".parse().unwrap()), ..row("90", Right::Call) };
        let refused = market(vec![negative]).unwrap_err().to_string();
        assert!(refused.contains("instruments[0].mark: found -0.1"), "{refused}");
    }
}
