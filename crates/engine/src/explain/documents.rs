//! Writes the market and the accounts of a state as the documents that margin methods read: names instead of numbers,
//! contracts instead of lots.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Account, AccountDocument, AssetDocument, AssetId, BalanceDocument, ConfidenceDocument, DepthLevel, Expiry,
    ExpiryDocument, Instrument, InstrumentDocument, InstrumentId, InstrumentKind, KindDocument, MARKET_FORMAT, Market,
    MarketDocument, OrderDocument, PORTFOLIO_FORMAT, PortfolioDocument, PositionDocument, Underlying,
    UnderlyingDocument, UnderlyingId,
};
use units::{Overflow, Timestamp};

use crate::state::Mode;
use crate::{AccountId, State};

/// The reason why a state cannot be written as documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A market document lists no expiry before its own time. One past expiry per underlying can be written as the time
    /// of the market; this instrument has another one.
    #[error(
        "account \"{account}\": instruments: found \"{instrument}\", which expired at {expiry} and is not settled, beside \
         others of its underlying that expired at another time; expected another moment, or one account"
    )]
    Expired {
        /// The name of the account that holds the instrument.
        account: String,
        /// The name of the instrument.
        instrument: String,
        /// The time of its expiry.
        expiry: Timestamp,
    },
    /// An amount of the account is out of range.
    #[error("account \"{account}\": {overflow}")]
    OutOfRange {
        /// The name of the account.
        account: String,
        /// The quantity that does not fit.
        overflow: Overflow,
    },
}

/// A state written as documents.
#[derive(Clone, Debug)]
pub struct Documents {
    /// The market as it was last marked. It leaves out settled instruments, and instruments that expired before its
    /// time and that no account holds.
    pub market: MarketDocument,
    /// The accounts as the margin methods see them: orders that may only reduce are left out, because no margin is
    /// held for them.
    pub portfolio: PortfolioDocument,
    /// Held instruments that expired before the time of the market and are not settled, with their real expiry. The
    /// market lists them as expiring at its own time, which is the same for a margin.
    pub expired: Vec<(String, Timestamp)>,
}

/// Writes the market and some accounts of a state as documents. From them the method of the engine computes the figures
/// of the engine.
pub fn documents(state: &State, accounts: &[AccountId]) -> Result<Documents, Unwritable> {
    let views = accounts.iter().map(|id| {
        let account = &state.accounts[id.place()];
        let view = account.view(&state.contracts, &state.locations);
        view.map_err(|overflow| Unwritable::OutOfRange { account: account.name.clone(), overflow })
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let market = Listed { state, market: &state.market, expired: expired(&state.market, &views)? };
    let (format, accounts) = (PORTFOLIO_FORMAT.to_owned(), views.iter().map(|view| market.account(view)).collect());
    let held: BTreeSet<InstrumentId> = views.iter().flat_map(instruments).collect();
    let past = held.iter().map(|id| state.market.listing(*id)).filter_map(|listing| {
        let expiry = listing.expiry().filter(|expiry| *expiry < state.market.time)?;
        Some((listing.name.clone(), expiry))
    });
    Ok(Documents {
        market: market.document(),
        portfolio: PortfolioDocument { format, accounts },
        expired: past.collect(),
    })
}

/// The instruments that an account holds or has orders in.
fn instruments(view: &Account) -> impl Iterator<Item = InstrumentId> {
    view.positions.iter().map(|held| held.instrument).chain(view.orders.iter().map(|order| order.instrument))
}

/// The past expiry that is still held, for each underlying that has one.
fn expired(market: &Market, views: &[Account]) -> Result<BTreeMap<UnderlyingId, Timestamp>, Unwritable> {
    let mut expired: BTreeMap<UnderlyingId, Timestamp> = BTreeMap::new();
    for view in views {
        for listing in instruments(view).map(|id| market.listing(id)) {
            let Some(expiry) = listing.expiry().filter(|expiry| *expiry < market.time) else { continue };
            let known = *expired.entry(listing.underlying).or_insert(expiry);
            if known != expiry || market.expiry(listing.underlying, market.time).is_some() {
                let (account, instrument) = (view.name.clone(), listing.name.clone());
                return Err(Unwritable::Expired { account, instrument, expiry });
            }
        }
    }
    Ok(expired)
}

/// A market with the past expiries that are still held, and without settled instruments.
struct Listed<'a> {
    state: &'a State,
    market: &'a Market,
    expired: BTreeMap<UnderlyingId, Timestamp>,
}

impl Listed<'_> {
    fn document(&self) -> MarketDocument {
        let market = self.market;
        let underlyings = market.underlyings.iter().enumerate();
        let contracts = market.instruments.iter().zip(&self.state.contracts);
        let open = contracts.filter(|(_, contract)| contract.mode != Mode::Settled);
        MarketDocument {
            format: MARKET_FORMAT.to_owned(),
            time: market.time,
            assets: (0..market.assets.len()).map(|place| asset_document(market, AssetId(place))).collect(),
            underlyings: underlyings.map(|(place, listed)| self.underlying(UnderlyingId(place), listed)).collect(),
            instruments: open.filter_map(|(listing, _)| self.instrument(listing)).collect(),
        }
    }

    /// The expiry as the document writes it; none when the document leaves it out.
    fn written(&self, underlying: UnderlyingId, expiry: Timestamp) -> Option<Timestamp> {
        let held = || self.expired.get(&underlying).filter(|known| **known == expiry).map(|_| self.market.time);
        if expiry >= self.market.time { Some(expiry) } else { held() }
    }

    fn account(&self, view: &Account) -> AccountDocument {
        let market = self.market;
        let named = |id: InstrumentId| market.listing(id).name.clone();
        let balances = view.balances.iter().map(|held| BalanceDocument {
            asset: market.assets[held.asset.0].name.clone(),
            amount: held.amount,
            location: held.location.clone(),
        });
        let positions = view.positions.iter().map(|held| PositionDocument {
            instrument: named(held.instrument),
            quantity: Some(held.quantity),
            amount: None,
            entry: Some(held.entry),
        });
        let orders = view.orders.iter().map(|order| OrderDocument {
            instrument: named(order.instrument),
            side: order.side,
            quantity: Some(order.quantity),
            amount: None,
            limit: order.limit,
        });
        AccountDocument {
            account: view.name.clone(),
            balances: balances.collect(),
            positions: positions.collect(),
            orders: orders.collect(),
        }
    }

    fn underlying(&self, id: UnderlyingId, listed: &Underlying) -> UnderlyingDocument {
        let expiries = self.market.expiries(id).iter().filter_map(|expiry| {
            let written = self.written(id, expiry.time)?;
            Some(ExpiryDocument { expiry: written, ..expiry_document(expiry) })
        });
        let liquidity = self.market.underlying_liquidity(id);
        UnderlyingDocument {
            underlying: listed.name.clone(),
            index: Some(self.market.index(id)),
            // The engine lists no basket.
            basket: None,
            scale: listed.scale,
            confidence: Some(self.market.confidence(id)),
            expiries: expiries.collect(),
            depth: levels(&liquidity.depth),
            adv_usd: liquidity.adv_usd,
        }
    }

    fn instrument(&self, listing: &Instrument) -> Option<InstrumentDocument> {
        let document = instrument_document(self.market, listing);
        let Some(expiry) = document.expiry else { return Some(document) };
        let written = self.written(listing.underlying, expiry)?;
        Some(InstrumentDocument { expiry: Some(written), ..document })
    }
}

fn asset_document(market: &Market, id: AssetId) -> AssetDocument {
    let (asset, liquidity) = (&market.assets[id.0], market.asset_liquidity(id));
    AssetDocument {
        asset: asset.name.clone(),
        price: market.price(id),
        follows: asset.follows.map(|underlying| market.underlyings[underlying.0].name.clone()),
        depth: levels(&liquidity.depth),
        adv_usd: liquidity.adv_usd,
    }
}

fn expiry_document(expiry: &Expiry) -> ExpiryDocument {
    ExpiryDocument {
        expiry: expiry.time,
        forward: expiry.forward,
        rate: Some(expiry.rate),
        forward_settled: Some(expiry.forward_settled),
        confidence: Some(ConfidenceDocument {
            forward: Some(expiry.forward_confidence),
            rate: Some(expiry.rate_confidence),
            vol: Some(expiry.vol_confidence),
        }),
    }
}

fn instrument_document(market: &Market, listing: &Instrument) -> InstrumentDocument {
    let (kind, strike, right) = match listing.kind {
        InstrumentKind::Spot => (KindDocument::Spot, None, None),
        InstrumentKind::Perpetual => (KindDocument::Perpetual, None, None),
        InstrumentKind::Future { .. } => (KindDocument::Future, None, None),
        InstrumentKind::Option { strike, right, .. } => (KindDocument::Option, Some(strike), Some(right)),
    };
    let (quote, activity) = (market.quote(listing.id), market.activity(listing.id));
    InstrumentDocument {
        instrument: listing.name.clone(),
        kind,
        underlying: market.underlyings[listing.underlying.0].name.clone(),
        payoff: listing.payoff,
        quote: market.assets[listing.quote.0].name.clone(),
        settle: market.assets[listing.settle.0].name.clone(),
        contract_size: listing.contract_size,
        expiry: listing.expiry(),
        strike,
        right,
        mark: quote.mark,
        iv: quote.iv,
        funding_rate_8h: quote.funding_rate_8h,
        bid: quote.bid,
        ask: quote.ask,
        open_interest: activity.open_interest,
        volume_24h: activity.volume_24h,
        fee_rate: listing.fee_rate,
        delta: quote.delta,
        venue: listing.venue.clone(),
    }
}

fn levels(depth: &[DepthLevel]) -> Option<Vec<DepthLevel>> {
    (!depth.is_empty()).then(|| depth.to_vec())
}
