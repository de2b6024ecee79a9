//! All prices at one moment, validated.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

use crate::basket::{self, Basket};
use crate::by_name::ByName;
use crate::document::{
    AssetDocument, ExpiryDocument, InstrumentDocument, KindDocument, MarketDocument, UnderlyingDocument,
};
use crate::problems::Problems;
use crate::read::{A_NUMBER, read_document};
use crate::{DepthLevel, Instrument, InstrumentKind, Invalid, MARKET_FORMAT, Payoff, QuotePrice, UsdPrice, is_name};

/// USD, the valuation currency: the first asset of every market, at exactly 1.
pub const USD: AssetId = AssetId(0);

/// A volatility above this is a mistake in units, wherever it is read: venues quote at most 500 % (5), and 20 leaves room.
pub const LARGEST_VOL: Ratio = Ratio::from_raw(20 * Ratio::ONE.raw());

/// The largest absolute value of rate × years until expiry: beyond it discount factors leave the range of numbers.
const GROWTH_MAX: f64 = 100.0;

/// Assets, underlyings and instruments with their prices at one moment. An id is an index into the list of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// The moment of all prices.
    pub time: Timestamp,
    /// The assets: everything that can be a balance, a quote or a settlement currency; [`USD`] first.
    pub assets: Vec<Asset>,
    /// The underlyings, with their indices and forwards.
    pub underlyings: Vec<Underlying>,
    /// The instruments that can be traded.
    pub instruments: Vec<Instrument>,
    /// BLAKE3 of the document this was read from, in hexadecimal.
    pub hash: String,
    asset_names: ByName<AssetId>,
    underlying_names: ByName<UnderlyingId>,
    instrument_names: ByName<InstrumentId>,
}

/// The number of an asset in its market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssetId(pub usize);

/// The number of an underlying in its market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnderlyingId(pub usize);

/// The number of an instrument in its market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InstrumentId(pub usize);

/// An asset: something that can be a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// The asset's unique name.
    pub name: String,
    /// Price of a unit, in USD.
    pub price: UsdPrice,
    /// The underlying whose moves the asset shares; none for USD and stablecoins.
    pub follows: Option<UnderlyingId>,
    /// Levels of its order book, nearest first; empty when unknown.
    pub depth: Vec<DepthLevel>,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
}

/// An underlying: the index and the forwards that instruments depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underlying {
    /// The underlying's unique name.
    pub name: String,
    /// The index: the price of one unit, in USD; above 0 unless the underlying has a scale.
    pub index: UsdPrice,
    /// For an index that may be zero or negative: the least size, in USD, that relative moves are taken of.
    pub scale: Option<UsdPrice>,
    /// Confidence in the index, 0 to 1.
    pub confidence: Ratio,
    /// Forwards and rates, ordered by time of expiry.
    pub expiries: Vec<Expiry>,
    /// Levels of its order books, nearest first; empty when unknown.
    pub depth: Vec<DepthLevel>,
    /// Average daily volume, in USD.
    pub adv_usd: Option<Money>,
    /// The parts of an underlying that is a basket of others. It is written in documents alone: a market that lists a
    /// basket cannot be serialized.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none", serialize_with = "basket::not_serialized")]
    pub basket: Option<Basket>,
}

/// One expiry of an underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// The moment of settlement.
    pub time: Timestamp,
    /// The price that the market expects at expiry, including the part that is settled. For a contract that is written
    /// in another asset, the forward is divided by the price of that asset ([`Market::usd_per_counter`]).
    pub forward: UsdPrice,
    /// The part of the forward that the settlement average has already fixed.
    pub forward_settled: UsdPrice,
    /// The interest rate, continuously compounded, per year.
    pub rate: Ratio,
    /// Confidence in the forward, 0 to 1.
    pub forward_confidence: Ratio,
    /// Confidence in the rate, 0 to 1.
    pub rate_confidence: Ratio,
    /// Confidence in the volatilities, 0 to 1.
    pub vol_confidence: Ratio,
}

impl Underlying {
    /// The size that relative moves are taken of, in USD: the index. With a scale: the absolute index, and at least the
    /// scale.
    pub fn size(&self) -> f64 {
        self.size_of(self.index)
    }

    /// The size of another price of this underlying, such as a mark or a forward, by the same rule as [`Self::size`].
    pub fn size_of(&self, price: UsdPrice) -> f64 {
        let price = price.usd().to_f64();
        self.scale.map_or(price, |scale| price.abs().max(scale.usd().to_f64()))
    }
}

impl Market {
    /// Reads and validates a `upm.market/1` document.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (document, problems) = read_document(text, MARKET_FORMAT)?;
        Self::build(&document, blake3::hash(text.as_bytes()).to_string(), problems)
    }

    /// Validates a document that was built in memory; the hash is that of its compact JSON.
    pub fn new(document: &MarketDocument) -> Result<Self, Invalid> {
        Self::checked(document, Problems::default())
    }

    /// Validates a document that was built in memory and already has these problems.
    pub(crate) fn checked(document: &MarketDocument, problems: Problems) -> Result<Self, Invalid> {
        let text = serde_json::to_string(document).expect("a document of text and lists is JSON");
        Self::build(document, blake3::hash(text.as_bytes()).to_string(), problems)
    }

    /// The market of a document; an error when the document has these or other problems.
    fn build(document: &MarketDocument, hash: String, mut problems: Problems) -> Result<Self, Invalid> {
        if document.format != MARKET_FORMAT && problems.is_empty() {
            return Err(Invalid::new("format", &document.format, MARKET_FORMAT));
        }
        let mut market = Self { hash, ..Self::empty(document.time) };
        // An invalid underlying is listed all the same, so that instruments that refer to it are not reported as
        // unknown.
        for (index, entry) in document.underlyings.iter().enumerate() {
            let underlying = market.underlying_of(entry, &format!("underlyings[{index}]"), &mut problems);
            market.list_underlying(underlying);
        }
        // A basket may stand before its parts.
        let is_basket = |id: UnderlyingId| document.underlyings[id.0].basket.is_some();
        for (index, document) in document.underlyings.iter().enumerate() {
            let entry = basket::Entry { document, path: &format!("underlyings[{index}]"), is_basket: &is_basket };
            let mut underlying = market.underlyings[index].clone();
            market.with_parts(&mut underlying, entry, &mut problems);
            market.underlyings[index] = underlying;
        }
        for (index, entry) in document.assets.iter().enumerate() {
            if let Some(asset) = market.asset_of(entry, &format!("assets[{index}]"), &mut problems) {
                market.list_asset(asset);
            }
        }
        for (index, entry) in document.instruments.iter().enumerate() {
            if let Some(instrument) = market.instrument_of(entry, &format!("instruments[{index}]"), &mut problems) {
                market.list_instrument(instrument);
            }
        }
        problems.done().map(|()| market)
    }

    /// A market with nothing in it but [`USD`]. Its hash is empty: no document was read.
    pub fn empty(time: Timestamp) -> Self {
        let usd = Asset { name: "USD".into(), price: UsdPrice::ONE, follows: None, depth: Vec::new(), adv_usd: None };
        Self {
            time,
            assets: vec![usd],
            underlyings: Vec::new(),
            instruments: Vec::new(),
            hash: String::new(),
            asset_names: ByName::from_iter([("USD".to_owned(), USD)]),
            underlying_names: ByName::default(),
            instrument_names: ByName::default(),
        }
    }

    /// Adds an underlying, validated like one in a document. The parts of a basket must be listed before it.
    pub fn add_underlying(&mut self, entry: &UnderlyingDocument) -> Result<UnderlyingId, Invalid> {
        let mut problems = Problems::default();
        let mut underlying = self.underlying_of(entry, "underlying", &mut problems);
        let is_basket = |id: UnderlyingId| self.is_basket(id);
        let entry = basket::Entry { document: entry, path: "underlying", is_basket: &is_basket };
        self.with_parts(&mut underlying, entry, &mut problems);
        problems.done()?;
        self.list_underlying(underlying);
        Ok(UnderlyingId(self.underlyings.len() - 1))
    }

    /// Adds an expiry to an underlying, validated like one in a document.
    pub fn add_expiry(&mut self, underlying: UnderlyingId, entry: &ExpiryDocument) -> Result<(), Invalid> {
        let signed = self.underlyings[underlying.0].scale.is_some();
        let mut problems = Problems::default();
        let expiry = self.expiry_of(entry, signed, "expiry", &mut problems);
        problems.done()?;
        let expiries = &mut self.underlyings[underlying.0].expiries;
        match expiries.binary_search_by_key(&expiry.time, |known| known.time) {
            Ok(_) => Err(Invalid::new("expiry.expiry", format_args!("{} twice", expiry.time), "each expiry once")),
            Err(place) => {
                expiries.insert(place, expiry);
                Ok(())
            }
        }
    }

    /// Adds an asset, validated like one in a document. Every market already lists USD.
    pub fn add_asset(&mut self, entry: &AssetDocument) -> Result<AssetId, Invalid> {
        if entry.asset == "USD" {
            return Err(Invalid::new("asset.asset", "\"USD\" again", "each asset once"));
        }
        let mut problems = Problems::default();
        let asset = self.asset_of(entry, "asset", &mut problems);
        problems.done()?;
        self.list_asset(asset.expect("an asset that is not USD and has no problem"));
        Ok(AssetId(self.assets.len() - 1))
    }

    /// Adds an instrument, validated like one in a document.
    pub fn add_instrument(&mut self, entry: &InstrumentDocument) -> Result<InstrumentId, Invalid> {
        let mut problems = Problems::default();
        let instrument = self.instrument_of(entry, "instrument", &mut problems);
        problems.done()?;
        self.list_instrument(instrument.expect("an instrument without a problem"));
        Ok(InstrumentId(self.instruments.len() - 1))
    }

    /// The id of the asset with this name.
    pub fn asset(&self, name: &str) -> Option<AssetId> {
        self.asset_names.get(name)
    }

    /// The id of the underlying with this name.
    pub fn underlying(&self, name: &str) -> Option<UnderlyingId> {
        self.underlying_names.get(name)
    }

    /// The id of the instrument with this name.
    pub fn instrument(&self, name: &str) -> Option<InstrumentId> {
        self.instrument_names.get(name)
    }

    /// The instrument with this id, which must be of this market.
    pub fn listing(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.0]
    }

    /// The forward and rate for an option or future of `underlying` that expires at `time`.
    pub fn expiry(&self, underlying: UnderlyingId, time: Timestamp) -> Option<&Expiry> {
        let expiries = &self.underlyings[underlying.0].expiries;
        expiries.binary_search_by_key(&time, |expiry| expiry.time).ok().map(|index| &expiries[index])
    }

    /// The price of a contract's counter currency ([`Instrument::counter_asset`]), in USD.
    pub fn usd_per_counter(&self, listing: &Instrument) -> UsdPrice {
        self.assets[listing.counter_asset().0].price
    }

    /// The price of a contract's quote ([`Instrument::quote`]), in USD.
    pub fn usd_per_quote(&self, listing: &Instrument) -> UsdPrice {
        self.assets[listing.quote.0].price
    }

    /// The price, in USD, of the asset that a contract pays premium and profit in ([`Instrument::settle`]).
    pub fn usd_per_settle(&self, listing: &Instrument) -> UsdPrice {
        self.assets[listing.settle.0].price
    }

    /// The size of a linear contract's mark, that relative moves, funding and fees are taken of. It is the mark itself,
    /// unless the underlying has a scale because its index may be zero or negative: then it is the absolute mark, and
    /// at least the scale. So it is never negative, and a long position pays a positive funding rate at any mark.
    pub fn mark_size(&self, listing: &Instrument) -> Result<QuotePrice, Overflow> {
        let Some(scale) = self.underlyings[listing.underlying.0].scale else { return Ok(listing.mark) };
        Ok(listing.mark.magnitude()?.max(scale.to_quote(self.usd_per_quote(listing), Round::Up)?))
    }

    /// [`Self::mark_size`] as a risk number, in units of the quote. Infinite where it is out of range; no requirement
    /// can be made of an infinite size.
    pub fn moving_price(&self, listing: &Instrument) -> f64 {
        self.mark_size(listing).map_or(f64::INFINITY, |mark| mark.in_quote().to_f64())
    }

    fn list_underlying(&mut self, underlying: Underlying) {
        self.underlying_names.insert(underlying.name.clone(), UnderlyingId(self.underlyings.len()));
        self.underlyings.push(underlying);
    }

    fn list_asset(&mut self, asset: Asset) {
        self.asset_names.insert(asset.name.clone(), AssetId(self.assets.len()));
        self.assets.push(asset);
    }

    fn list_instrument(&mut self, instrument: Instrument) {
        self.instrument_names.insert(instrument.name.clone(), InstrumentId(self.instruments.len()));
        self.instruments.push(instrument);
    }

    fn underlying_of(&self, entry: &UnderlyingDocument, path: &str, problems: &mut Problems) -> Underlying {
        let at = |field: &str| format!("{path}.{field}");
        let name = &entry.underlying;
        problems.check(named(name, at("underlying")));
        if self.underlying_names.get(name).is_some() {
            problems.add(Invalid::new(at("underlying"), format_args!("\"{name}\" again"), "each underlying once"));
        }
        let signed = entry.scale.is_some();
        let expiries = entry.expiries.iter().enumerate();
        let expiry = |(index, expiry)| self.expiry_of(expiry, signed, &format!("{path}.expiries[{index}]"), problems);
        let mut expiries: Vec<Expiry> = expiries.map(expiry).collect();
        expiries.sort_by_key(|expiry| expiry.time);
        if let Some(pair) = expiries.windows(2).find(|pair| pair[0].time == pair[1].time) {
            problems.add(Invalid::new(at("expiries"), format_args!("{} twice", pair[0].time), "each expiry once"));
        }
        let index = match (entry.index, &entry.basket) {
            (Some(index), _) => problems.check(signed_or_positive(index, signed, at("index"))),
            (None, Some(_)) => None,
            (None, None) => problems.check(Err(Invalid::missing(at("index"), A_NUMBER.0))),
        };
        problems.check(entry.scale.map_or(Ok(UsdPrice::ONE), |scale| positive(scale, at("scale"))));
        problems.check(entry.adv_usd.map_or(Ok(Money::ZERO), |adv| not_negative(adv, at("adv_usd"))));
        Underlying {
            name: name.clone(),
            index: index.unwrap_or(UsdPrice::ONE),
            scale: entry.scale,
            confidence: confidence(entry.confidence, at("confidence"), problems),
            expiries,
            depth: depth(entry.depth.as_deref(), path, problems),
            adv_usd: entry.adv_usd,
            basket: None,
        }
    }

    fn expiry_of(&self, entry: &ExpiryDocument, signed: bool, path: &str, problems: &mut Problems) -> Expiry {
        let at = |field: &str| format!("{path}.{field}");
        let forward = entry.forward;
        problems.check(self.not_past(entry.expiry, at("expiry")));
        problems.check(signed_or_positive(forward, signed, at("forward")));
        let settled = entry.forward_settled.unwrap_or_default();
        if settled < UsdPrice::ZERO || (settled > forward && settled > UsdPrice::ZERO) {
            let expected = format_args!("0 to the forward {forward}");
            problems.add(Invalid::new(at("forward_settled"), settled, expected));
        }
        let rate = entry.rate.unwrap_or_default();
        if rate.raw().unsigned_abs() > 10 * Ratio::ONE.raw().unsigned_abs() {
            problems.add(Invalid::new(at("rate"), rate, "a yearly rate from -10 to 10 (1 = 100 %)"));
        } else if (rate.to_f64() * entry.expiry.years_since(self.time)).abs() > GROWTH_MAX {
            let expected = format_args!("a rate that grows money by at most e^{GROWTH_MAX} until {}", entry.expiry);
            problems.add(Invalid::new(at("rate"), rate, expected));
        }
        let trust = entry.confidence.unwrap_or_default();
        Expiry {
            time: entry.expiry,
            forward,
            forward_settled: settled,
            rate,
            forward_confidence: confidence(trust.forward, at("confidence.forward"), problems),
            rate_confidence: confidence(trust.rate, at("confidence.rate"), problems),
            vol_confidence: confidence(trust.vol, at("confidence.vol"), problems),
        }
    }

    /// The asset of an entry; none for USD, which is listed in every market.
    fn asset_of(&self, entry: &AssetDocument, path: &str, problems: &mut Problems) -> Option<Asset> {
        let at = |field: &str| format!("{path}.{field}");
        let (name, price) = (&entry.asset, entry.price);
        problems.check(named(name, at("asset")));
        problems.check(positive(price, at("price")));
        if name == "USD" {
            if price != UsdPrice::ONE {
                problems.add(Invalid::new(at("price"), price, "1, the valuation currency in itself"));
            }
            return None;
        }
        if self.asset_names.get(name).is_some() {
            problems.add(Invalid::new(at("asset"), format_args!("\"{name}\" again"), "each asset once"));
        }
        let follows = match &entry.follows {
            Some(underlying) => self.known_underlying(underlying, at("follows"), problems),
            None => self.underlying(name),
        };
        if let Some(signed) = follows.map(|id| &self.underlyings[id.0]).filter(|underlying| underlying.scale.is_some())
        {
            let found = format_args!("\"{}\", whose index may be zero or negative", signed.name);
            problems.add(Invalid::new(at("follows"), found, "an underlying whose index is above 0"));
        }
        problems.check(entry.adv_usd.map_or(Ok(Money::ZERO), |adv| not_negative(adv, at("adv_usd"))));
        let depth = depth(entry.depth.as_deref(), path, problems);
        Some(Asset { name: name.clone(), price, follows, depth, adv_usd: entry.adv_usd })
    }

    /// The instrument of an entry; none when a field that it needs is missing or unknown.
    fn instrument_of(&self, entry: &InstrumentDocument, path: &str, problems: &mut Problems) -> Option<Instrument> {
        let at = |field: &str| format!("{path}.{field}");
        let name = &entry.instrument;
        problems.check(named(name, at("instrument")));
        if self.instrument_names.get(name).is_some() {
            problems.add(Invalid::new(at("instrument"), format_args!("\"{name}\" again"), "each instrument once"));
        }
        if entry.contract_size <= Quantity::ZERO {
            problems.add(Invalid::new(at("contract_size"), entry.contract_size, "a size above 0"));
        }
        for (field, price) in [("bid", entry.bid), ("ask", entry.ask)] {
            problems.check(price.map_or(Ok(QuotePrice::ZERO), |price| not_negative(price, at(field))));
        }
        for (field, size) in [("open_interest", entry.open_interest), ("volume_24h", entry.volume_24h)] {
            problems.check(size.map_or(Ok(Quantity::ZERO), |size| not_negative(size, at(field))));
        }
        let underlying = self.known_underlying(&entry.underlying, at("underlying"), problems);
        let kind = self.kind_of(entry, underlying, path, problems);
        let settle = self.known_asset(&entry.settle, at("settle"), problems);
        let quote = self.known_asset(&entry.quote, at("quote"), problems);
        let (underlying, kind, settle, quote) = (underlying?, kind?, settle?, quote?);
        problems.check(self.currencies(entry, (underlying, settle, quote), path));
        let is_option = matches!(kind, InstrumentKind::Option { .. });
        let signed = self.underlyings[underlying.0].scale.is_some();
        if signed && (is_option || entry.payoff == Payoff::Inverse) {
            let found = format_args!("a {} on {}, whose index may be zero or negative", word(entry), entry.underlying);
            problems.add(Invalid::new(at("underlying"), found, "a linear contract that is no option"));
        }
        problems.check(if is_option {
            not_negative(entry.mark, at("mark"))
        } else {
            signed_or_positive(entry.mark, signed, at("mark"))
        });
        Some(Instrument {
            name: name.clone(),
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
        })
    }

    /// Whether a contract may be quoted and settled in these assets.
    fn currencies(
        &self,
        entry: &InstrumentDocument,
        (underlying, settle, quote): (UnderlyingId, AssetId, AssetId),
        path: &str,
    ) -> Result<(), Invalid> {
        let is_option = entry.kind == KindDocument::Option;
        let wrong = |field: &str, name: &str, expected: &dyn Display| {
            Err(Invalid::new(format!("{path}.{field}"), format_args!("\"{name}\""), expected))
        };
        let whose = &entry.underlying;
        if entry.payoff == Payoff::Inverse && self.assets[settle.0].follows != Some(underlying) {
            let expected = format_args!("an asset that follows {whose}, for an inverse contract pays in the coin");
            return wrong("settle", &entry.settle, &expected);
        }
        let coin_quoted = self.assets[quote.0].follows == Some(underlying);
        if is_option && entry.payoff == Payoff::Inverse && !coin_quoted {
            let expected = format_args!("an asset that follows {whose}, for the premium is paid in the coin");
            return wrong("quote", &entry.quote, &expected);
        }
        if coin_quoted && !(is_option && entry.payoff == Payoff::Inverse) {
            let expected =
                format_args!("an asset that does not follow {whose}: only coin-margined options are written in it");
            return wrong("quote", &entry.quote, &expected);
        }
        if is_option && entry.payoff == Payoff::Linear && self.assets[quote.0].follows.is_some() {
            let expected = "an asset that follows no underlying, for a linear option is worth dollars";
            return wrong("quote", &entry.quote, &expected);
        }
        if is_option && entry.payoff == Payoff::Linear && self.assets[settle.0].follows.is_some() {
            let expected = "an asset that follows no underlying, for a linear option pays what its quote says";
            return wrong("settle", &entry.settle, &expected);
        }
        Ok(())
    }

    /// The kind of the contract in an entry; none when a field is missing.
    fn kind_of(
        &self,
        entry: &InstrumentDocument,
        underlying: Option<UnderlyingId>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<InstrumentKind> {
        use KindDocument::{Future, Option as OfOption, Perpetual, Spot};
        let at = |field: &str| format!("{path}.{field}");
        for (field, given, kinds, whose) in [
            ("strike", entry.strike.is_some(), &[OfOption][..], "options"),
            ("right", entry.right.is_some(), &[OfOption], "options"),
            ("iv", entry.iv.is_some(), &[OfOption], "options"),
            ("funding_rate_8h", entry.funding_rate_8h.is_some(), &[Perpetual], "perpetuals"),
            ("expiry", entry.expiry.is_some(), &[Future, OfOption], "futures and options"),
        ] {
            if given && !kinds.contains(&entry.kind) {
                problems.add(Invalid::new(at(field), "a value", format_args!("none: only {whose} have one")));
            }
        }
        let wanted = |field: &str, expected| Invalid::missing(at(field), expected);
        let expiry = match entry.kind {
            Spot => return Some(InstrumentKind::Spot),
            Perpetual => return Some(InstrumentKind::Perpetual),
            Future | OfOption => problems.check(entry.expiry.ok_or_else(|| wanted("expiry", "the time of settlement"))),
        };
        let is_coming = expiry.and_then(|expiry| problems.check(self.not_past(expiry, at("expiry"))));
        if entry.kind == Future {
            return Some(InstrumentKind::Future { expiry: expiry? });
        }
        let strike = problems.check(entry.strike.ok_or_else(|| wanted("strike", "a price above 0")));
        let right = problems.check(entry.right.ok_or_else(|| wanted("right", "\"call\" or \"put\"")));
        if let (Some(()), Some(underlying), Some(expiry)) = (is_coming, underlying, expiry)
            && self.expiry(underlying, expiry).is_none()
        {
            let expected = format_args!("an expiry of {} with its forward under `underlyings`", entry.underlying);
            problems.add(Invalid::new(at("expiry"), expiry, expected));
        }
        if let Some(iv) = entry.iv.filter(|iv| *iv <= Ratio::ZERO || *iv > LARGEST_VOL) {
            let expected = format_args!("a volatility above 0 and at most {LARGEST_VOL} (1 = 100 %)");
            problems.add(Invalid::new(at("iv"), iv, expected));
        }
        let strike = strike.and_then(|strike| problems.check(positive(strike, at("strike"))));
        Some(InstrumentKind::Option { expiry: expiry?, strike: strike?, right: right?, iv: entry.iv })
    }

    fn not_past(&self, expiry: Timestamp, path: String) -> Result<(), Invalid> {
        if expiry < self.time {
            return Err(Invalid::new(path, expiry, format_args!("a time not before the market's, {}", self.time)));
        }
        Ok(())
    }

    fn known_underlying(&self, name: &str, path: String, problems: &mut Problems) -> Option<UnderlyingId> {
        let known = self.underlying(name);
        if known.is_none() {
            problems.unknown(path, name, "an underlying of this market", self.underlying_names.names());
        }
        known
    }

    fn known_asset(&self, name: &str, path: String, problems: &mut Problems) -> Option<AssetId> {
        let known = self.asset(name);
        if known.is_none() {
            problems.unknown(path, name, "an asset of this market", self.asset_names.names());
        }
        known
    }
}

fn named(name: &str, path: String) -> Result<(), Invalid> {
    if !is_name(name) {
        return Err(Invalid::new(
            path,
            format_args!("{:?}", name.chars().take(40).collect::<String>()),
            "a name of 1 to 100 visible characters",
        ));
    }
    Ok(())
}

/// The word for a contract in an error message.
fn word(entry: &InstrumentDocument) -> &'static str {
    if entry.kind == KindDocument::Option { "option" } else { "contract that is not linear" }
}

fn signed_or_positive<T: PartialOrd + Default + Display>(price: T, signed: bool, path: String) -> Result<T, Invalid> {
    if signed { Ok(price) } else { positive(price, path) }
}

fn positive<T: PartialOrd + Default + Display>(price: T, path: String) -> Result<T, Invalid> {
    if price <= T::default() {
        return Err(Invalid::new(path, price, "a price above 0"));
    }
    Ok(price)
}

fn not_negative<T: PartialOrd + Default + Display>(value: T, path: String) -> Result<T, Invalid> {
    if value < T::default() {
        return Err(Invalid::new(path, value, "a number not below 0"));
    }
    Ok(value)
}

fn confidence(value: Option<Ratio>, path: String, problems: &mut Problems) -> Ratio {
    let value = value.unwrap_or(Ratio::ONE);
    if value < Ratio::ZERO || value > Ratio::ONE {
        problems.add(Invalid::new(path, value, "a confidence from 0 to 1"));
    }
    value
}

fn depth(levels: Option<&[DepthLevel]>, path: &str, problems: &mut Problems) -> Vec<DepthLevel> {
    let mut levels = levels.unwrap_or_default().to_vec();
    for (index, level) in levels.iter().enumerate() {
        problems.check(not_negative(level.usd, format!("{path}.depth[{index}].usd")));
        if level.bps <= Ratio::ZERO {
            problems.add(Invalid::new(format!("{path}.depth[{index}].bps"), level.bps, "a distance above 0"));
        }
    }
    levels.sort_by_key(|level| level.bps);
    levels
}
