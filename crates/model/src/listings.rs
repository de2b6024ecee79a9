//! What is listed: the names and terms that no price changes.

use serde::{Deserialize, Serialize};

use crate::basket::{self, Basket};
use crate::by_name::ByName;
use crate::{Instrument, UsdPrice};

/// USD, the valuation currency: the first asset of every market, at exactly 1.
pub const USD: AssetId = AssetId(0);

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

/// The assets, underlyings and instruments of a market, without any price. An id is an index into the list of its kind.
/// Markets share their listings; only a new listing makes a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listings {
    /// The assets: everything that can be a balance, a quote or a settlement currency; [`USD`] first.
    pub assets: Vec<Asset>,
    /// The underlyings that instruments depend on.
    pub underlyings: Vec<Underlying>,
    /// The instruments that can be traded.
    pub instruments: Vec<Instrument>,
    asset_names: ByName<AssetId>,
    underlying_names: ByName<UnderlyingId>,
    instrument_names: ByName<InstrumentId>,
}

/// An asset: something that can be a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// The asset's unique name.
    pub name: String,
    /// The underlying whose moves the asset shares; none for USD and stablecoins.
    pub follows: Option<UnderlyingId>,
}

/// An underlying: the index and the forwards that instruments depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underlying {
    /// The underlying's unique name.
    pub name: String,
    /// For an index that may be zero or negative: the least size, in USD, that relative moves are taken of.
    pub scale: Option<UsdPrice>,
    /// The parts of an underlying that is a basket of others. It is written in documents alone: a market that lists a
    /// basket cannot be serialized.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none", serialize_with = "basket::not_serialized")]
    pub basket: Option<Basket>,
}

impl Underlying {
    /// The size of a price of this underlying, such as its index, a mark or a forward, in USD: relative moves are taken
    /// of it. It is the price. With a scale: the absolute price, and at least the scale.
    pub fn size_of(&self, price: UsdPrice) -> f64 {
        let price = price.usd().to_f64();
        self.scale.map_or(price, |scale| price.abs().max(scale.usd().to_f64()))
    }
}

impl Listings {
    /// The listings of a market with nothing in it but [`USD`].
    pub(crate) fn empty() -> Self {
        let usd = Asset { name: "USD".into(), follows: None };
        Self {
            assets: vec![usd],
            underlyings: Vec::new(),
            instruments: Vec::new(),
            asset_names: ByName::from_iter([("USD".to_owned(), USD)]),
            underlying_names: ByName::default(),
            instrument_names: ByName::default(),
        }
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

    /// The contract with this id, which must be of these listings.
    pub fn listing(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.0]
    }

    /// The parts of an underlying that is a basket; none for any other.
    pub fn basket(&self, id: UnderlyingId) -> Option<&Basket> {
        self.underlyings[id.0].basket.as_ref()
    }

    /// Whether an underlying is a basket: it has no moves of its own.
    pub fn is_basket(&self, id: UnderlyingId) -> bool {
        self.basket(id).is_some()
    }

    /// Every basket that is listed, in the order of the underlyings.
    pub fn baskets(&self) -> impl Iterator<Item = (UnderlyingId, &Basket)> {
        let listed = self.underlyings.iter().enumerate();
        listed.filter_map(|(place, underlying)| Some((UnderlyingId(place), underlying.basket.as_ref()?)))
    }

    /// The names of all assets.
    pub(crate) fn asset_names(&self) -> impl Iterator<Item = &str> {
        self.asset_names.names()
    }

    /// The names of all underlyings.
    pub(crate) fn underlying_names(&self) -> impl Iterator<Item = &str> {
        self.underlying_names.names()
    }

    /// Adds an asset that was checked.
    pub(crate) fn push_asset(&mut self, asset: Asset) -> AssetId {
        let id = AssetId(self.assets.len());
        self.asset_names.insert(asset.name.clone(), id);
        self.assets.push(asset);
        id
    }

    /// Adds an underlying that was checked.
    pub(crate) fn push_underlying(&mut self, underlying: Underlying) -> UnderlyingId {
        let id = UnderlyingId(self.underlyings.len());
        self.underlying_names.insert(underlying.name.clone(), id);
        self.underlyings.push(underlying);
        id
    }

    /// Adds an instrument that was checked, under the next number.
    pub(crate) fn push_instrument(&mut self, instrument: Instrument) -> InstrumentId {
        let id = InstrumentId(self.instruments.len());
        self.instrument_names.insert(instrument.name.clone(), id);
        self.instruments.push(Instrument { id, ..instrument });
        id
    }
}
