//! The world at one moment, validated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Price, Quantity, Ratio, Round, Timestamp};

use crate::document::{
    AssetDocument, ExpiryDocument, InstrumentDocument, KindDocument, MarketDocument, UnderlyingDocument,
};
use crate::{DepthLevel, Instrument, InstrumentKind, Invalid, MARKET_FORMAT, Payoff, invalid::read_json};

/// The valuation currency. It is listed in every market, first, at exactly 1.
pub const USD: AssetId = AssetId(0);

/// Above this an implied volatility is a mistake in units: venues quote at most 500 % (5), and 20 leaves room.
const IV_MAX: Ratio = Ratio::from_raw(20 * Ratio::ONE.raw());

/// The most that a rate may add up to until its expiry, either way: beyond it discount factors leave the range of numbers.
const GROWTH_MAX: f64 = 100.0;

/// Everything the world says at one moment. Ids index the vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// The moment.
    pub time: Timestamp,
    /// What can be a balance, a quote or a settlement currency; [`USD`] first.
    pub assets: Vec<Asset>,
    /// What instruments depend on.
    pub underlyings: Vec<Underlying>,
    /// What can be traded.
    pub instruments: Vec<Instrument>,
    /// BLAKE3 of the document this was read from, in hexadecimal.
    pub hash: String,
    asset_names: BTreeMap<String, AssetId>,
    underlying_names: BTreeMap<String, UnderlyingId>,
    instrument_names: BTreeMap<String, InstrumentId>,
}

/// Which asset of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssetId(pub usize);

/// Which underlying of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnderlyingId(pub usize);

/// Which instrument of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstrumentId(pub usize);

/// Something that can be a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// USD per unit.
    pub price: Price,
    /// The underlying whose moves it shares; none for USD and stablecoins.
    pub follows: Option<UnderlyingId>,
    /// Value in its order book, nearest level first; empty when unknown.
    pub depth: Vec<DepthLevel>,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
}

/// What instruments depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underlying {
    /// Its name.
    pub name: String,
    /// USD per unit; above 0 unless it has a scale.
    pub index: Price,
    /// What moves of an index that may be zero or negative are parts of, where the index itself is smaller.
    pub scale: Option<Price>,
    /// How far the index can be trusted, 0 to 1.
    pub confidence: Ratio,
    /// In order of time.
    pub expiries: Vec<Expiry>,
    /// Value in its order books, nearest level first; empty when unknown.
    pub depth: Vec<DepthLevel>,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
}

/// One expiry of an underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// When.
    pub time: Timestamp,
    /// The price the market expects, USD per unit, settled part included. A contract on it that is written in another
    /// asset sees it divided by the price of that asset ([`Market::price_unit`]).
    pub forward: Price,
    /// The part of the forward that the settlement average has already fixed, USD per unit.
    pub forward_settled: Price,
    /// Continuously compounded, per year.
    pub rate: Ratio,
    /// How far the forward can be trusted, 0 to 1.
    pub forward_confidence: Ratio,
    /// How far the rate can be trusted, 0 to 1.
    pub rate_confidence: Ratio,
    /// How far the volatilities can be trusted, 0 to 1.
    pub vol_confidence: Ratio,
}

impl Underlying {
    /// What moves are parts of: the index, or the size of it and at least the scale where it may be zero or negative.
    pub fn size(&self) -> f64 {
        self.size_of(self.index)
    }

    /// The same of another price of it: a mark, a forward.
    pub fn size_of(&self, price: Price) -> f64 {
        self.scale.map_or(price.to_f64(), |scale| price.to_f64().abs().max(scale.to_f64()))
    }
}

impl Market {
    /// Reads and validates a `upm.market/1` document.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let document = read_json(text)?;
        Self::build(&document, blake3::hash(text.as_bytes()).to_string())
    }

    /// Validates a document built in memory; its hash is that of its compact JSON.
    pub fn new(document: &MarketDocument) -> Result<Self, Invalid> {
        let text = serde_json::to_string(document).expect("a document of text and lists is JSON");
        Self::build(document, blake3::hash(text.as_bytes()).to_string())
    }

    fn build(document: &MarketDocument, hash: String) -> Result<Self, Invalid> {
        if document.format != MARKET_FORMAT {
            return Err(Invalid::new("format", &document.format, MARKET_FORMAT));
        }
        let mut market = Self { hash, ..Self::empty(document.time) };
        for (index, entry) in document.underlyings.iter().enumerate() {
            market.list_underlying(entry, &format!("underlyings[{index}]"))?;
        }
        for (index, entry) in document.assets.iter().enumerate() {
            market.list_asset(entry, &format!("assets[{index}]"))?;
        }
        for (index, entry) in document.instruments.iter().enumerate() {
            market.list_instrument(entry, &format!("instruments[{index}]"))?;
        }
        Ok(market)
    }

    /// A market with nothing in it but [`USD`]. Its hash is empty: no document was read.
    pub fn empty(time: Timestamp) -> Self {
        let usd = Asset { name: "USD".into(), price: Price::ONE, follows: None, depth: Vec::new(), adv_usd: None };
        Self {
            time,
            assets: vec![usd],
            underlyings: Vec::new(),
            instruments: Vec::new(),
            hash: String::new(),
            asset_names: BTreeMap::from([("USD".to_owned(), USD)]),
            underlying_names: BTreeMap::new(),
            instrument_names: BTreeMap::new(),
        }
    }

    /// Lists one more underlying, validated like one of a document.
    pub fn add_underlying(&mut self, entry: &UnderlyingDocument) -> Result<UnderlyingId, Invalid> {
        self.list_underlying(entry, "underlying")?;
        Ok(UnderlyingId(self.underlyings.len() - 1))
    }

    /// Gives an underlying one more expiry, validated like one of a document.
    pub fn add_expiry(&mut self, underlying: UnderlyingId, entry: &ExpiryDocument) -> Result<(), Invalid> {
        let signed = self.underlyings[underlying.0].scale.is_some();
        let expiry = self.expiry_of(entry, signed, "expiry")?;
        let expiries = &mut self.underlyings[underlying.0].expiries;
        match expiries.binary_search_by_key(&expiry.time, |known| known.time) {
            Ok(_) => Err(Invalid::new("expiry.expiry", format_args!("{} twice", expiry.time), "each expiry once")),
            Err(place) => {
                expiries.insert(place, expiry);
                Ok(())
            }
        }
    }

    /// Lists one more asset, validated like one of a document. USD is listed in every market.
    pub fn add_asset(&mut self, entry: &AssetDocument) -> Result<AssetId, Invalid> {
        if entry.asset == "USD" {
            return Err(Invalid::new("asset.asset", "\"USD\" again", "each asset once"));
        }
        self.list_asset(entry, "asset")?;
        Ok(AssetId(self.assets.len() - 1))
    }

    /// Lists one more instrument, validated like one of a document.
    pub fn add_instrument(&mut self, entry: &InstrumentDocument) -> Result<InstrumentId, Invalid> {
        self.list_instrument(entry, "instrument")?;
        Ok(InstrumentId(self.instruments.len() - 1))
    }

    /// The asset of that name.
    pub fn asset(&self, name: &str) -> Option<AssetId> {
        self.asset_names.get(name).copied()
    }

    /// The underlying of that name.
    pub fn underlying(&self, name: &str) -> Option<UnderlyingId> {
        self.underlying_names.get(name).copied()
    }

    /// The instrument of that name.
    pub fn instrument(&self, name: &str) -> Option<InstrumentId> {
        self.instrument_names.get(name).copied()
    }

    /// The listing behind an id of this market.
    pub fn listing(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.0]
    }

    /// The forward and rate an option or future of `underlying` expiring at `time` depends on.
    pub fn expiry(&self, underlying: UnderlyingId, time: Timestamp) -> Option<&Expiry> {
        let expiries = &self.underlyings[underlying.0].expiries;
        expiries.binary_search_by_key(&time, |expiry| expiry.time).ok().map(|index| &expiries[index])
    }

    /// USD per unit of the asset that a contract writes the price of its underlying in ([`Instrument::price_asset`]).
    pub fn price_unit(&self, listing: &Instrument) -> f64 {
        self.assets[listing.price_asset().0].price.to_f64()
    }

    /// The size of a linear contract's mark, in units of its quote: what relative moves, funding and fees are parts of. It is the
    /// mark or, where the index of the underlying may be zero or negative, its absolute value and at least the scale. So it is
    /// never negative, and whoever is long pays a positive funding rate at any mark.
    pub fn mark_size(&self, listing: &Instrument) -> Result<Price, Overflow> {
        let Some(scale) = self.underlyings[listing.underlying.0].scale else { return Ok(listing.mark) };
        let mark = if listing.mark.is_negative() { listing.mark.negated()? } else { listing.mark };
        Ok(mark.max(scale.in_units_of(self.assets[listing.price_asset().0].price, Round::Up)?))
    }

    /// [`Self::mark_size`] as a risk number; infinite, which no requirement can be made of, where it is out of range.
    pub fn moving_price(&self, listing: &Instrument) -> f64 {
        self.mark_size(listing).map_or(f64::INFINITY, Price::to_f64)
    }

    fn list_underlying(&mut self, entry: &UnderlyingDocument, path: &str) -> Result<(), Invalid> {
        let name = named(&entry.underlying, format!("{path}.underlying"))?;
        if self.underlying_names.contains_key(name) {
            return Err(Invalid::new(
                format!("{path}.underlying"),
                format_args!("\"{name}\" again"),
                "each underlying once",
            ));
        }
        let mut expiries = Vec::with_capacity(entry.expiries.len());
        for (index, expiry) in entry.expiries.iter().enumerate() {
            expiries.push(self.expiry_of(expiry, entry.scale.is_some(), &format!("{path}.expiries[{index}]"))?);
        }
        expiries.sort_by_key(|expiry| expiry.time);
        if let Some(pair) = expiries.windows(2).find(|pair| pair[0].time == pair[1].time) {
            return Err(Invalid::new(
                format!("{path}.expiries"),
                format_args!("{} twice", pair[0].time),
                "each expiry once",
            ));
        }
        self.underlying_names.insert(name.to_owned(), UnderlyingId(self.underlyings.len()));
        self.underlyings.push(Underlying {
            name: name.to_owned(),
            index: signed_or_positive(entry.index, entry.scale.is_some(), format!("{path}.index"))?,
            scale: entry.scale.map(|scale| positive(scale, format!("{path}.scale"))).transpose()?,
            confidence: confidence(entry.confidence, format!("{path}.confidence"))?,
            expiries,
            depth: depth(entry.depth.as_deref(), path)?,
            adv_usd: entry.adv_usd.map(|adv| not_negative(adv, format!("{path}.adv_usd"))).transpose()?,
        });
        Ok(())
    }

    fn expiry_of(&self, entry: &ExpiryDocument, signed: bool, path: &str) -> Result<Expiry, Invalid> {
        self.not_past(entry.expiry, format!("{path}.expiry"))?;
        let forward = signed_or_positive(entry.forward, signed, format!("{path}.forward"))?;
        let settled = entry.forward_settled.unwrap_or_default();
        if settled < Price::ZERO || (settled > forward && settled > Price::ZERO) {
            return Err(Invalid::new(
                format!("{path}.forward_settled"),
                settled,
                format_args!("0 to the forward {forward}"),
            ));
        }
        let rate = entry.rate.unwrap_or_default();
        if rate.raw().unsigned_abs() > 10 * Ratio::ONE.raw().unsigned_abs() {
            return Err(Invalid::new(format!("{path}.rate"), rate, "a yearly rate from -10 to 10 (1 = 100 %)"));
        }
        if (rate.to_f64() * entry.expiry.years_since(self.time)).abs() > GROWTH_MAX {
            let expected = format_args!("a rate that grows money by at most e^{GROWTH_MAX} until {}", entry.expiry);
            return Err(Invalid::new(format!("{path}.rate"), rate, expected));
        }
        let trust = entry.confidence.unwrap_or_default();
        Ok(Expiry {
            time: entry.expiry,
            forward,
            forward_settled: settled,
            rate,
            forward_confidence: confidence(trust.forward, format!("{path}.confidence.forward"))?,
            rate_confidence: confidence(trust.rate, format!("{path}.confidence.rate"))?,
            vol_confidence: confidence(trust.vol, format!("{path}.confidence.vol"))?,
        })
    }

    fn list_asset(&mut self, entry: &AssetDocument, path: &str) -> Result<(), Invalid> {
        let name = named(&entry.asset, format!("{path}.asset"))?;
        let price = positive(entry.price, format!("{path}.price"))?;
        if name == "USD" && price == Price::ONE {
            return Ok(());
        }
        if name == "USD" {
            return Err(Invalid::new(format!("{path}.price"), price, "1, the valuation currency in itself"));
        }
        if self.asset_names.contains_key(name) {
            return Err(Invalid::new(format!("{path}.asset"), format_args!("\"{name}\" again"), "each asset once"));
        }
        let follows = match &entry.follows {
            Some(underlying) => Some(self.known_underlying(underlying, format!("{path}.follows"))?),
            None => self.underlying(name),
        };
        if let Some(signed) = follows.map(|id| &self.underlyings[id.0]).filter(|underlying| underlying.scale.is_some())
        {
            let found = format_args!("\"{}\", whose index may be zero or negative", signed.name);
            return Err(Invalid::new(format!("{path}.follows"), found, "an underlying whose index is above 0"));
        }
        self.asset_names.insert(name.to_owned(), AssetId(self.assets.len()));
        self.assets.push(Asset {
            name: name.to_owned(),
            price,
            follows,
            depth: depth(entry.depth.as_deref(), path)?,
            adv_usd: entry.adv_usd.map(|adv| not_negative(adv, format!("{path}.adv_usd"))).transpose()?,
        });
        Ok(())
    }

    fn list_instrument(&mut self, entry: &InstrumentDocument, path: &str) -> Result<(), Invalid> {
        let at = |field: &str| format!("{path}.{field}");
        let name = named(&entry.instrument, at("instrument"))?;
        if self.instrument_names.contains_key(name) {
            return Err(Invalid::new(at("instrument"), format_args!("\"{name}\" again"), "each instrument once"));
        }
        let underlying = self.known_underlying(&entry.underlying, at("underlying"))?;
        let kind = self.kind_of(entry, underlying, path)?;
        let settle = self.known_asset(&entry.settle, at("settle"))?;
        let quote = self.known_asset(&entry.quote, at("quote"))?;
        if entry.payoff == Payoff::Inverse && self.assets[settle.0].follows != Some(underlying) {
            let expected =
                format_args!("an asset that follows {}, for an inverse contract pays in the coin", entry.underlying);
            return Err(Invalid::new(at("settle"), format_args!("\"{}\"", entry.settle), expected));
        }
        let coin_quoted = self.assets[quote.0].follows == Some(underlying);
        let is_option = matches!(kind, InstrumentKind::Option { .. });
        if is_option && entry.payoff == Payoff::Inverse && !coin_quoted {
            let expected =
                format_args!("an asset that follows {}, for the premium is paid in the coin", entry.underlying);
            return Err(Invalid::new(at("quote"), format_args!("\"{}\"", entry.quote), expected));
        }
        if coin_quoted && !(is_option && entry.payoff == Payoff::Inverse) {
            let expected = format_args!(
                "an asset that does not follow {}: only coin-margined options are written in it",
                entry.underlying
            );
            return Err(Invalid::new(at("quote"), format_args!("\"{}\"", entry.quote), expected));
        }
        if is_option && entry.payoff == Payoff::Linear && self.assets[quote.0].follows.is_some() {
            let expected = "an asset that follows no underlying, for a linear option is worth dollars";
            return Err(Invalid::new(at("quote"), format_args!("\"{}\"", entry.quote), expected));
        }
        if is_option && entry.payoff == Payoff::Linear && self.assets[settle.0].follows.is_some() {
            let expected = "an asset that follows no underlying, for a linear option pays what its quote says";
            return Err(Invalid::new(at("settle"), format_args!("\"{}\"", entry.settle), expected));
        }
        let signed = self.underlyings[underlying.0].scale.is_some();
        if signed && (is_option || entry.payoff == Payoff::Inverse) {
            let found = format_args!("a {} on {}, whose index may be zero or negative", word(entry), entry.underlying);
            return Err(Invalid::new(at("underlying"), found, "a linear contract that is no option"));
        }
        if is_option {
            not_negative(entry.mark, at("mark"))?;
        } else {
            signed_or_positive(entry.mark, signed, at("mark"))?;
        }
        if entry.contract_size <= Quantity::ZERO {
            return Err(Invalid::new(at("contract_size"), entry.contract_size, "a size above 0"));
        }
        for (field, price) in [("bid", entry.bid), ("ask", entry.ask)] {
            price.map(|price| not_negative(price, at(field))).transpose()?;
        }
        for (field, size) in [("open_interest", entry.open_interest), ("volume_24h", entry.volume_24h)] {
            size.map(|size| not_negative(size, at(field))).transpose()?;
        }
        self.instrument_names.insert(name.to_owned(), InstrumentId(self.instruments.len()));
        self.instruments.push(Instrument {
            name: name.to_owned(),
            kind,
            underlying,
            payoff: entry.payoff,
            quote,
            settle,
            contract_size: entry.contract_size,
            mark: entry.mark,
            funding_rate_8h: entry.funding_rate_8h,
            bid: entry.bid,
            ask: entry.ask,
            open_interest: entry.open_interest,
            volume_24h: entry.volume_24h,
            fee_rate: entry.fee_rate,
            delta: entry.delta,
        });
        Ok(())
    }

    fn kind_of(
        &self,
        entry: &InstrumentDocument,
        underlying: UnderlyingId,
        path: &str,
    ) -> Result<InstrumentKind, Invalid> {
        let at = |field: &str| format!("{path}.{field}");
        let absent = |field: &str, given: bool, whose: &str| {
            if given {
                Err(Invalid::new(at(field), "a value", format_args!("none: only {whose} have one")))
            } else {
                Ok(())
            }
        };
        if entry.kind != KindDocument::Option {
            absent("strike", entry.strike.is_some(), "options")?;
            absent("right", entry.right.is_some(), "options")?;
            absent("iv", entry.iv.is_some(), "options")?;
        }
        if entry.kind != KindDocument::Perpetual {
            absent("funding_rate_8h", entry.funding_rate_8h.is_some(), "perpetuals")?;
        }
        if matches!(entry.kind, KindDocument::Spot | KindDocument::Perpetual) {
            absent("expiry", entry.expiry.is_some(), "futures and options")?;
        }
        if entry.kind == KindDocument::Spot {
            return Ok(InstrumentKind::Spot);
        }
        if entry.kind == KindDocument::Perpetual {
            return Ok(InstrumentKind::Perpetual);
        }
        let expiry = entry.expiry.ok_or_else(|| Invalid::missing(at("expiry"), "the time of settlement"))?;
        self.not_past(expiry, at("expiry"))?;
        if entry.kind == KindDocument::Future {
            return Ok(InstrumentKind::Future { expiry });
        }
        let strike = entry.strike.ok_or_else(|| Invalid::missing(at("strike"), "a price above 0"))?;
        let right = entry.right.ok_or_else(|| Invalid::missing(at("right"), "\"call\" or \"put\""))?;
        if self.expiry(underlying, expiry).is_none() {
            let expected = format_args!("an expiry of {} with its forward under `underlyings`", entry.underlying);
            return Err(Invalid::new(at("expiry"), expiry, expected));
        }
        if let Some(iv) = entry.iv.filter(|iv| *iv <= Ratio::ZERO || *iv > IV_MAX) {
            return Err(Invalid::new(at("iv"), iv, "a volatility above 0 and at most 20 (1 = 100 %)"));
        }
        Ok(InstrumentKind::Option { expiry, strike: positive(strike, at("strike"))?, right, iv: entry.iv })
    }

    fn not_past(&self, expiry: Timestamp, path: String) -> Result<(), Invalid> {
        if expiry < self.time {
            return Err(Invalid::new(path, expiry, format_args!("a time not before the market's, {}", self.time)));
        }
        Ok(())
    }

    fn known_underlying(&self, name: &str, path: String) -> Result<UnderlyingId, Invalid> {
        self.underlying(name)
            .ok_or_else(|| Invalid::new(path, format_args!("\"{name}\""), "an underlying of this market"))
    }

    fn known_asset(&self, name: &str, path: String) -> Result<AssetId, Invalid> {
        self.asset(name).ok_or_else(|| Invalid::new(path, format_args!("\"{name}\""), "an asset of this market"))
    }
}

fn named(name: &str, path: String) -> Result<&str, Invalid> {
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        return Err(Invalid::new(
            path,
            format_args!("{:?}", name.chars().take(40).collect::<String>()),
            "a name of 1 to 100 printable characters",
        ));
    }
    Ok(name)
}

/// What a refusal calls a contract.
fn word(entry: &InstrumentDocument) -> &'static str {
    if entry.kind == KindDocument::Option { "option" } else { "contract that is not linear" }
}

fn signed_or_positive(price: Price, signed: bool, path: String) -> Result<Price, Invalid> {
    if signed { Ok(price) } else { positive(price, path) }
}

fn positive(price: Price, path: String) -> Result<Price, Invalid> {
    if price <= Price::ZERO {
        return Err(Invalid::new(path, price, "a price above 0"));
    }
    Ok(price)
}

fn not_negative<T: PartialOrd + Default + std::fmt::Display>(value: T, path: String) -> Result<T, Invalid> {
    if value < T::default() {
        return Err(Invalid::new(path, value, "a number not below 0"));
    }
    Ok(value)
}

fn confidence(value: Option<Ratio>, path: String) -> Result<Ratio, Invalid> {
    let value = value.unwrap_or(Ratio::ONE);
    if value < Ratio::ZERO || value > Ratio::ONE {
        return Err(Invalid::new(path, value, "a confidence from 0 to 1"));
    }
    Ok(value)
}

fn depth(levels: Option<&[DepthLevel]>, path: &str) -> Result<Vec<DepthLevel>, Invalid> {
    let mut levels = levels.unwrap_or_default().to_vec();
    for (index, level) in levels.iter().enumerate() {
        not_negative(level.usd, format!("{path}.depth[{index}].usd"))?;
        if level.bps <= Ratio::ZERO {
            return Err(Invalid::new(format!("{path}.depth[{index}].bps"), level.bps, "a distance above 0"));
        }
    }
    levels.sort_by_key(|level| level.bps);
    Ok(levels)
}
