//! A market at one moment, validated: what is listed, what it is worth, and how much of it can be traded.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

use crate::basket;
use crate::document::{
    AssetDocument, ExpiryDocument, InstrumentDocument, KindDocument, MarketDocument, UnderlyingDocument,
};
use crate::problems::Problems;
use crate::read::{A_NUMBER, read_document};
use crate::{
    Activity, Asset, AssetId, CounterPrice, DepthLevel, Expiry, Instrument, InstrumentId, InstrumentKind,
    InstrumentQuote, Invalid, Liquidity, Listings, MARKET_FORMAT, Payoff, QuotePrice, Quotes, Turnover, Underlying,
    UnderlyingId, UsdPrice, is_name,
};

/// A volatility above this is a mistake in units, wherever it is read: venues quote at most 500 % (5), and 20 leaves room.
pub const LARGEST_VOL: Ratio = Ratio::from_raw(20 * Ratio::ONE.raw());

/// The largest absolute value of rate × years until expiry: beyond it discount factors leave the range of numbers.
const GROWTH_MAX: f64 = 100.0;

/// Assets, underlyings and instruments with their prices at one moment.
///
/// A market reads like its [`Listings`], to which it dereferences. A copy shares everything but the [`Quotes`]: it
/// allocates no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// The moment of all prices.
    pub time: Timestamp,
    /// BLAKE3 of the document this was read from, in hexadecimal.
    pub hash: Arc<str>,
    /// What is listed.
    pub listings: Arc<Listings>,
    /// What it is worth.
    pub quotes: Quotes,
    /// How much of it can be traded and is open.
    pub turnover: Arc<Turnover>,
}

impl Deref for Market {
    type Target = Listings;

    fn deref(&self) -> &Listings {
        &self.listings
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
        let mut market = Self { hash: hash.into(), ..Self::empty(document.time) };
        // An invalid underlying is listed all the same, so that instruments that refer to it are not reported as
        // unknown.
        for (index, entry) in document.underlyings.iter().enumerate() {
            market.read_underlying(entry, &format!("underlyings[{index}]"), &mut problems);
        }
        // A basket may stand before its parts.
        let is_basket = |id: UnderlyingId| document.underlyings[id.0].basket.is_some();
        for (index, document) in document.underlyings.iter().enumerate() {
            let entry = basket::Entry { document, path: &format!("underlyings[{index}]"), is_basket: &is_basket };
            market.read_basket(UnderlyingId(index), entry, &mut problems);
        }
        for (index, entry) in document.assets.iter().enumerate() {
            market.read_asset(entry, &format!("assets[{index}]"), &mut problems);
        }
        for (index, entry) in document.instruments.iter().enumerate() {
            market.read_instrument(entry, &format!("instruments[{index}]"), &mut problems);
        }
        problems.done().map(|()| market)
    }

    /// A market with nothing in it but [`crate::USD`]. Its hash is empty: no document was read.
    pub fn empty(time: Timestamp) -> Self {
        Self {
            time,
            hash: Arc::default(),
            listings: Arc::new(Listings::empty()),
            quotes: Quotes::empty(),
            turnover: Arc::new(Turnover::empty()),
        }
    }

    /// Lists an underlying at this index, validated like one in a document. A basket is refused: it is listed by a
    /// document alone, which says of what its index and forwards are made.
    pub fn list_underlying(
        &mut self,
        underlying: Underlying,
        index: UsdPrice,
        liquidity: &Liquidity,
    ) -> Result<UnderlyingId, Invalid> {
        let mut problems = Problems::default();
        self.check_underlying_name(&underlying.name, "underlying", &mut problems);
        if underlying.basket.is_some() {
            problems.add(Invalid::new("underlying.basket", "a basket", "none: a basket is listed by a document alone"));
        }
        problems.check(signed_or_positive(index, underlying.scale.is_some(), "underlying.index".to_owned()));
        check_scale(underlying.scale, "underlying", &mut problems);
        let liquidity = checked_liquidity(liquidity, "underlying", &mut problems);
        problems.done()?;
        Ok(self.push_underlying(underlying, (index, Ratio::ONE), liquidity))
    }

    /// Adds an expiry to an underlying, at this forward and without a rate, validated like one in a document.
    pub fn list_expiry(&mut self, underlying: UnderlyingId, time: Timestamp, forward: UsdPrice) -> Result<(), Invalid> {
        let signed = self.underlyings[underlying.0].scale.is_some();
        let mut problems = Problems::default();
        problems.check(self.not_past(time, "expiry.expiry".to_owned()));
        problems.check(signed_or_positive(forward, signed, "expiry.forward".to_owned()));
        problems.done()?;
        let Err(place) = self.quotes.place_of(underlying, time) else {
            return Err(Invalid::new("expiry.expiry", format_args!("{time} twice"), "each expiry once"));
        };
        let [forward_confidence, rate_confidence, vol_confidence] = [Ratio::ONE; 3];
        let (forward_settled, rate) = (UsdPrice::ZERO, Ratio::ZERO);
        let expiry = Expiry {
            underlying,
            time,
            forward,
            forward_settled,
            rate,
            forward_confidence,
            rate_confidence,
            vol_confidence,
        };
        self.quotes.expiries.insert(place, expiry);
        Ok(())
    }

    /// Lists an asset at this price, validated like one in a document. Every market already lists USD.
    pub fn list_asset(&mut self, asset: Asset, price: UsdPrice, liquidity: &Liquidity) -> Result<AssetId, Invalid> {
        if asset.name == "USD" {
            return Err(Invalid::new("asset.asset", "\"USD\" again", "each asset once"));
        }
        let mut problems = Problems::default();
        self.check_asset_name(&asset.name, price, "asset", &mut problems);
        self.check_followed(asset.follows, "asset", &mut problems);
        let liquidity = checked_liquidity(liquidity, "asset", &mut problems);
        problems.done()?;
        Ok(self.push_asset(asset, price, liquidity))
    }

    /// Lists a contract at this mark, validated like one in a document. It gets the next number, whatever its own says.
    pub fn list_instrument(&mut self, contract: Instrument, mark: QuotePrice) -> Result<InstrumentId, Invalid> {
        let (path, mut problems) = ("instrument", Problems::default());
        self.check_instrument_name(&contract.name, path, &mut problems);
        check_size(contract.contract_size, path, &mut problems);
        for (field, asset) in [("settle", contract.settle), ("quote", contract.quote)] {
            if asset.0 >= self.assets.len() {
                problems.add(Invalid::new(format!("{path}.{field}"), asset.0, "the number of an asset of this market"));
            }
        }
        if contract.underlying.0 >= self.underlyings.len() {
            let found = contract.underlying.0;
            problems.add(Invalid::new(
                format!("{path}.underlying"),
                found,
                "the number of an underlying of this market",
            ));
        }
        if problems.is_empty() {
            self.check_kind(&contract, path, &mut problems);
            self.check_contract(&contract, mark, path, &mut problems);
        }
        problems.done()?;
        Ok(self.push_instrument(contract, InstrumentQuote { mark, ..InstrumentQuote::default() }, Activity::default()))
    }

    /// The price of a unit of an asset, in USD.
    pub fn price(&self, id: AssetId) -> UsdPrice {
        self.quotes.prices[id.0]
    }

    /// The index of an underlying: the price of one unit, in USD.
    pub fn index(&self, id: UnderlyingId) -> UsdPrice {
        self.quotes.indices[id.0]
    }

    /// Confidence in the index of an underlying, 0 to 1.
    pub fn confidence(&self, id: UnderlyingId) -> Ratio {
        self.quotes.confidences[id.0]
    }

    /// The prices of an instrument.
    pub fn quote(&self, id: InstrumentId) -> &InstrumentQuote {
        &self.quotes.instruments[id.0]
    }

    /// The mark of an instrument, in its quote.
    pub fn mark(&self, id: InstrumentId) -> QuotePrice {
        self.quote(id).mark
    }

    /// The implied volatility of an option; none for every other instrument, and when the venue published none.
    pub fn iv(&self, id: InstrumentId) -> Option<Ratio> {
        self.quote(id).iv
    }

    /// The mark as a price of the underlying, in the counter currency. None for an option: the mark of an option is the
    /// price of the option itself.
    pub fn underlying_mark(&self, id: InstrumentId) -> Option<CounterPrice> {
        (!self.listing(id).is_option()).then(|| CounterPrice::new(self.mark(id).in_quote()))
    }

    /// The size that relative moves of an underlying are taken of, in USD: the index. With a scale: the absolute index,
    /// and at least the scale.
    pub fn size(&self, id: UnderlyingId) -> f64 {
        self.underlyings[id.0].size_of(self.index(id))
    }

    /// The order books and volume of an asset.
    pub fn asset_liquidity(&self, id: AssetId) -> &Liquidity {
        &self.turnover.assets[id.0]
    }

    /// The order books and volume of an underlying.
    pub fn underlying_liquidity(&self, id: UnderlyingId) -> &Liquidity {
        &self.turnover.underlyings[id.0]
    }

    /// What is open and traded of an instrument.
    pub fn activity(&self, id: InstrumentId) -> &Activity {
        &self.turnover.instruments[id.0]
    }

    /// The expiries of an underlying, in order of their time.
    pub fn expiries(&self, underlying: UnderlyingId) -> &[Expiry] {
        self.quotes.expiries_of(underlying)
    }

    /// The forward and rate for an option or future of `underlying` that expires at `time`.
    pub fn expiry(&self, underlying: UnderlyingId, time: Timestamp) -> Option<&Expiry> {
        self.quotes.place_of(underlying, time).ok().map(|place| &self.quotes.expiries[place])
    }

    /// The price of a contract's counter currency ([`Instrument::counter_asset`]), in USD.
    pub fn usd_per_counter(&self, listing: &Instrument) -> UsdPrice {
        self.price(listing.counter_asset())
    }

    /// The price of a contract's quote ([`Instrument::quote`]), in USD.
    pub fn usd_per_quote(&self, listing: &Instrument) -> UsdPrice {
        self.price(listing.quote)
    }

    /// The price, in USD, of the asset that a contract pays premium and profit in ([`Instrument::settle`]).
    pub fn usd_per_settle(&self, listing: &Instrument) -> UsdPrice {
        self.price(listing.settle)
    }

    /// The size of a linear contract's mark, that relative moves, funding and fees are taken of. It is the mark itself,
    /// unless the underlying has a scale because its index may be zero or negative: then it is the absolute mark, and
    /// at least the scale. So it is never negative, and a long position pays a positive funding rate at any mark.
    pub fn mark_size(&self, listing: &Instrument) -> Result<QuotePrice, Overflow> {
        let Some(scale) = self.underlyings[listing.underlying.0].scale else { return Ok(self.mark(listing.id)) };
        Ok(self.mark(listing.id).magnitude()?.max(scale.to_quote(self.usd_per_quote(listing), Round::Up)?))
    }

    /// [`Self::mark_size`] as a risk number, in units of the quote. Infinite where it is out of range; no requirement
    /// can be made of an infinite size.
    pub fn moving_price(&self, listing: &Instrument) -> f64 {
        self.mark_size(listing).map_or(f64::INFINITY, |mark| mark.in_quote().to_f64())
    }

    fn push_underlying(
        &mut self,
        underlying: Underlying,
        (index, confidence): (UsdPrice, Ratio),
        liquidity: Liquidity,
    ) -> UnderlyingId {
        self.quotes.indices.push(index);
        self.quotes.confidences.push(confidence);
        Arc::make_mut(&mut self.turnover).underlyings.push(liquidity);
        Arc::make_mut(&mut self.listings).push_underlying(underlying)
    }

    fn push_asset(&mut self, asset: Asset, price: UsdPrice, liquidity: Liquidity) -> AssetId {
        self.quotes.prices.push(price);
        Arc::make_mut(&mut self.turnover).assets.push(liquidity);
        Arc::make_mut(&mut self.listings).push_asset(asset)
    }

    fn push_instrument(&mut self, contract: Instrument, quote: InstrumentQuote, activity: Activity) -> InstrumentId {
        self.quotes.instruments.push(quote);
        Arc::make_mut(&mut self.turnover).instruments.push(activity);
        Arc::make_mut(&mut self.listings).push_instrument(contract)
    }

    /// Reads an underlying, and lists it even when it has problems.
    fn read_underlying(&mut self, entry: &UnderlyingDocument, path: &str, problems: &mut Problems) {
        let at = |field: &str| format!("{path}.{field}");
        self.check_underlying_name(&entry.underlying, path, problems);
        let id = UnderlyingId(self.underlyings.len());
        let signed = entry.scale.is_some();
        let expiries = entry.expiries.iter().enumerate();
        let expiry =
            |(index, expiry)| self.expiry_of((id, signed), expiry, &format!("{path}.expiries[{index}]"), problems);
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
        check_scale(entry.scale, path, problems);
        problems.check(checked_volume(entry.adv_usd, path));
        let underlying = Underlying { name: entry.underlying.clone(), scale: entry.scale, basket: None };
        let confidence = confidence(entry.confidence, at("confidence"), problems);
        let liquidity = Liquidity { depth: depth(entry.depth.as_deref(), path, problems), adv_usd: entry.adv_usd };
        self.quotes.expiries.extend(expiries);
        self.push_underlying(underlying, (index.unwrap_or(UsdPrice::ONE), confidence), liquidity);
    }

    fn check_underlying_name(&self, name: &str, path: &str, problems: &mut Problems) {
        let at = || format!("{path}.underlying");
        problems.check(named(name, at()));
        if self.underlying(name).is_some() {
            problems.add(Invalid::new(at(), format_args!("\"{name}\" again"), "each underlying once"));
        }
    }

    fn expiry_of(
        &self,
        (underlying, signed): (UnderlyingId, bool),
        entry: &ExpiryDocument,
        path: &str,
        problems: &mut Problems,
    ) -> Expiry {
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
            underlying,
            time: entry.expiry,
            forward,
            forward_settled: settled,
            rate,
            forward_confidence: confidence(trust.forward, at("confidence.forward"), problems),
            rate_confidence: confidence(trust.rate, at("confidence.rate"), problems),
            vol_confidence: confidence(trust.vol, at("confidence.vol"), problems),
        }
    }

    /// Reads and lists an asset; USD is listed in every market.
    fn read_asset(&mut self, entry: &AssetDocument, path: &str, problems: &mut Problems) {
        let (name, price) = (&entry.asset, entry.price);
        self.check_asset_name(name, price, path, problems);
        if name == "USD" {
            if price != UsdPrice::ONE {
                problems.add(Invalid::new(format!("{path}.price"), price, "1, the valuation currency in itself"));
            }
            return;
        }
        let follows = match &entry.follows {
            Some(underlying) => self.known_underlying(underlying, format!("{path}.follows"), problems),
            None => self.underlying(name),
        };
        self.check_followed(follows, path, problems);
        problems.check(checked_volume(entry.adv_usd, path));
        let liquidity = Liquidity { depth: depth(entry.depth.as_deref(), path, problems), adv_usd: entry.adv_usd };
        self.push_asset(Asset { name: name.clone(), follows }, price, liquidity);
    }

    fn check_asset_name(&self, name: &str, price: UsdPrice, path: &str, problems: &mut Problems) {
        problems.check(named(name, format!("{path}.asset")));
        problems.check(positive(price, format!("{path}.price")));
        if name != "USD" && self.asset(name).is_some() {
            let found = format_args!("\"{name}\" again");
            problems.add(Invalid::new(format!("{path}.asset"), found, "each asset once"));
        }
    }

    /// Checks the underlying that an asset follows.
    fn check_followed(&self, follows: Option<UnderlyingId>, path: &str, problems: &mut Problems) {
        let Some(id) = follows else { return };
        let at = || format!("{path}.follows");
        match self.underlyings.get(id.0) {
            None => problems.add(Invalid::new(at(), id.0, "the number of an underlying of this market")),
            Some(signed) if signed.scale.is_some() => {
                let found = format_args!("\"{}\", whose index may be zero or negative", signed.name);
                problems.add(Invalid::new(at(), found, "an underlying whose index is above 0"));
            }
            Some(_) => {}
        }
    }

    /// Reads and lists an instrument, unless a field that it needs is missing or unknown.
    fn read_instrument(&mut self, entry: &InstrumentDocument, path: &str, problems: &mut Problems) {
        let at = |field: &str| format!("{path}.{field}");
        self.check_instrument_name(&entry.instrument, path, problems);
        check_size(entry.contract_size, path, problems);
        problems.check(entry.venue.as_ref().map_or(Ok(()), |venue| named(venue, at("venue"))));
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
        let (Some(underlying), Some(kind), Some(settle), Some(quote)) = (underlying, kind, settle, quote) else {
            return;
        };
        let contract = Instrument {
            id: InstrumentId(self.instruments.len()),
            name: entry.instrument.clone(),
            kind,
            underlying,
            payoff: entry.payoff,
            quote,
            settle,
            contract_size: entry.contract_size,
            fee_rate: entry.fee_rate,
            venue: entry.venue.clone(),
        };
        self.check_contract(&contract, entry.mark, path, problems);
        let quote = InstrumentQuote {
            mark: entry.mark,
            iv: entry.iv,
            funding_rate_8h: entry.funding_rate_8h,
            bid: entry.bid,
            ask: entry.ask,
            delta: entry.delta,
        };
        let activity = Activity { open_interest: entry.open_interest, volume_24h: entry.volume_24h };
        self.push_instrument(contract, quote, activity);
    }

    fn check_instrument_name(&self, name: &str, path: &str, problems: &mut Problems) {
        let at = || format!("{path}.instrument");
        problems.check(named(name, at()));
        if self.instrument(name).is_some() {
            problems.add(Invalid::new(at(), format_args!("\"{name}\" again"), "each instrument once"));
        }
    }

    /// Checks that the currencies, the underlying and the mark of a contract fit its kind.
    fn check_contract(&self, contract: &Instrument, mark: QuotePrice, path: &str, problems: &mut Problems) {
        let at = |field: &str| format!("{path}.{field}");
        problems.check(self.currencies(contract, path));
        let is_option = contract.is_option();
        let underlying = &self.underlyings[contract.underlying.0];
        let signed = underlying.scale.is_some();
        if signed && (is_option || contract.payoff == Payoff::Inverse) {
            let word = if is_option { "option" } else { "contract that is not linear" };
            let found = format_args!("a {word} on {}, whose index may be zero or negative", underlying.name);
            problems.add(Invalid::new(at("underlying"), found, "a linear contract that is no option"));
        }
        problems.check(if is_option {
            not_negative(mark, at("mark"))
        } else {
            signed_or_positive(mark, signed, at("mark"))
        });
    }

    /// Whether a contract may be quoted and settled in these assets.
    fn currencies(&self, contract: &Instrument, path: &str) -> Result<(), Invalid> {
        let Instrument { underlying, settle, quote, payoff, .. } = *contract;
        let is_option = contract.is_option();
        let wrong = |field: &str, asset: AssetId, expected: &dyn Display| {
            let found = format_args!("\"{}\"", self.assets[asset.0].name);
            Err(Invalid::new(format!("{path}.{field}"), found, expected))
        };
        let whose = &self.underlyings[underlying.0].name;
        if payoff == Payoff::Inverse && self.assets[settle.0].follows != Some(underlying) {
            let expected = format_args!("an asset that follows {whose}, for an inverse contract pays in the coin");
            return wrong("settle", settle, &expected);
        }
        let coin_quoted = self.assets[quote.0].follows == Some(underlying);
        if is_option && payoff == Payoff::Inverse && !coin_quoted {
            let expected = format_args!("an asset that follows {whose}, for the premium is paid in the coin");
            return wrong("quote", quote, &expected);
        }
        if coin_quoted && !(is_option && payoff == Payoff::Inverse) {
            let expected =
                format_args!("an asset that does not follow {whose}: only coin-margined options are written in it");
            return wrong("quote", quote, &expected);
        }
        if is_option && payoff == Payoff::Linear && self.assets[quote.0].follows.is_some() {
            let expected = "an asset that follows no underlying, for a linear option is worth dollars";
            return wrong("quote", quote, &expected);
        }
        if is_option && payoff == Payoff::Linear && self.assets[settle.0].follows.is_some() {
            let expected = "an asset that follows no underlying, for a linear option pays what its quote says";
            return wrong("settle", settle, &expected);
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
        if let (Some(()), Some(underlying), Some(expiry)) = (is_coming, underlying, expiry) {
            problems.check(self.with_forward(underlying, expiry, path));
        }
        if let Some(iv) = entry.iv.filter(|iv| *iv <= Ratio::ZERO || *iv > LARGEST_VOL) {
            let expected = format_args!("a volatility above 0 and at most {LARGEST_VOL} (1 = 100 %)");
            problems.add(Invalid::new(at("iv"), iv, expected));
        }
        let strike = strike.and_then(|strike| problems.check(positive(strike, at("strike"))));
        Some(InstrumentKind::Option { expiry: expiry?, strike: strike?, right: right? })
    }

    /// Checks the expiry and strike of a contract.
    fn check_kind(&self, contract: &Instrument, path: &str, problems: &mut Problems) {
        let at = |field: &str| format!("{path}.{field}");
        let coming = contract.expiry().map_or(Ok(()), |expiry| self.not_past(expiry, at("expiry")));
        let is_coming = problems.check(coming).is_some();
        if let InstrumentKind::Option { expiry, strike, .. } = contract.kind {
            if is_coming {
                problems.check(self.with_forward(contract.underlying, expiry, path));
            }
            problems.check(positive(strike, at("strike")));
        }
    }

    /// Checks that an option's expiry has a forward.
    fn with_forward(&self, underlying: UnderlyingId, expiry: Timestamp, path: &str) -> Result<(), Invalid> {
        if self.expiry(underlying, expiry).is_some() {
            return Ok(());
        }
        let name = &self.underlyings[underlying.0].name;
        let expected = format_args!("an expiry of {name} with its forward under `underlyings`");
        Err(Invalid::new(format!("{path}.expiry"), expiry, expected))
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
            problems.unknown(path, name, "an underlying of this market", self.underlying_names());
        }
        known
    }

    fn known_asset(&self, name: &str, path: String, problems: &mut Problems) -> Option<AssetId> {
        let known = self.asset(name);
        if known.is_none() {
            problems.unknown(path, name, "an asset of this market", self.asset_names());
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

fn check_scale(scale: Option<UsdPrice>, path: &str, problems: &mut Problems) {
    problems.check(scale.map_or(Ok(UsdPrice::ONE), |scale| positive(scale, format!("{path}.scale"))));
}

fn check_size(size: Quantity, path: &str, problems: &mut Problems) {
    if size <= Quantity::ZERO {
        problems.add(Invalid::new(format!("{path}.contract_size"), size, "a size above 0"));
    }
}

fn checked_volume(adv_usd: Option<Money>, path: &str) -> Result<Money, Invalid> {
    adv_usd.map_or(Ok(Money::ZERO), |adv| not_negative(adv, format!("{path}.adv_usd")))
}

/// The liquidity with its levels in order of distance.
fn checked_liquidity(liquidity: &Liquidity, path: &str, problems: &mut Problems) -> Liquidity {
    problems.check(checked_volume(liquidity.adv_usd, path));
    Liquidity { depth: depth(Some(&liquidity.depth), path, problems), adv_usd: liquidity.adv_usd }
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
