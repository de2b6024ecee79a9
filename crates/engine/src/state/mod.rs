//! The state: everything that the engine must not lose, and nothing that it can recompute.

mod account;
mod accounts;
mod governance;
mod hash;
mod ledger;
mod liquidation;
mod listing;
mod policy;

use std::collections::BTreeMap;

use marks::{Feed, FeedRules, Quote, Validity};
use model::{AssetId, InstrumentId, Market, Payoff, UnderlyingId};
use serde::{Deserialize, Serialize};
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

pub use account::{AccountState, Balance, Order, Position, contracts_in, times};
pub use accounts::AccountSet;
pub use governance::{Change, Method, Proposal};
pub use hash::StateHash;
pub(crate) use hash::{Hashes, Part};
pub(crate) use ledger::is_own;
pub use ledger::{Holder, LARGEST_AMOUNT, Pot};
pub use liquidation::{Cascade, Case, Liquidations, Offer};
pub use listing::{AssetTerms, Collateral, Contract, InstrumentTerms, Mode, Samples, UnderlyingTerms};
pub use policy::Policy;
pub(crate) use policy::check_outflow;

use crate::{AccountId, FeedId};

/// A feed with the rules by which it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedState {
    /// The rules that make a price of the reports.
    pub rules: FeedRules,
    /// The reports of the sources, and the last quote.
    pub feed: Feed,
}

/// The last volatility surface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurfaceState {
    /// The version of the surface; 0 before the first.
    pub version: u64,
    /// The time the surface was fitted at.
    pub published: Timestamp,
    /// Volatilities of the surface that are not in the market yet: the next tick brings them in (I-12).
    pub staged: BTreeMap<InstrumentId, Ratio>,
}

/// Everything that the engine must not lose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The time of the last command.
    pub clock: Timestamp,
    /// The market at the last version: listings, prices, marks.
    pub market: Market,
    /// The version of the market.
    pub version: u64,
    /// The version of the market in which all accounts were last judged.
    pub watched: u64,
    /// Accounts that commands have changed since all were last judged.
    pub touched: AccountSet,
    /// The last volatility surface.
    pub surface: SurfaceState,
    /// Names of locations.
    pub locations: Vec<String>,
    /// The largest open interest of each underlying over its instruments, in USD.
    pub open_interest_usd: Vec<Money>,
    /// Cap and sums of each asset, by its number.
    pub collateral: Vec<Collateral>,
    /// Terms and state of each instrument, by its number.
    pub contracts: Vec<Contract>,
    /// Rules, reports and last quote of every feed.
    pub feeds: BTreeMap<FeedId, FeedState>,
    /// All accounts, in the order of opening.
    pub accounts: Vec<AccountState>,
    /// Amounts that belong to no account, by pot and asset.
    pub pots: BTreeMap<(Pot, AssetId), Quantity>,
    /// Accounts that are being liquidated.
    pub liquidations: Liquidations,
    /// The last reference of a deposit into a fund.
    pub fund_reference: u64,
    /// The margin method's parameters.
    pub method: Method,
    /// The engine's own parameters.
    pub policy: Policy,
    /// Proposals that have not come into force, by number.
    pub proposals: BTreeMap<u64, Proposal>,
    /// The number of the next proposal.
    pub next_proposal: u64,
    /// The amount that the outflow limiter holds, in USD, and the time since which it has been draining.
    pub outflow: (Money, Timestamp),
    /// The time at which interest was last charged.
    pub accrued: Timestamp,
    /// The time at which collateral was last listed or its cap raised.
    pub collateral_changed: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) hashes: Hashes,
}

impl State {
    /// An empty engine at `clock`, with these parameters.
    pub fn new(clock: Timestamp, method: String, policy: Policy) -> Self {
        Self {
            clock,
            market: Market::empty(clock),
            version: 0,
            watched: 0,
            touched: AccountSet::default(),
            surface: SurfaceState { version: 0, published: clock, staged: BTreeMap::new() },
            locations: Vec::new(),
            open_interest_usd: Vec::new(),
            collateral: vec![Collateral {
                since: clock,
                base: LARGEST_AMOUNT,
                cap: LARGEST_AMOUNT,
                held: Quantity::ZERO,
                settled: Quantity::ZERO,
                reference: 0,
            }],
            contracts: Vec::new(),
            feeds: BTreeMap::new(),
            accounts: Vec::new(),
            pots: BTreeMap::new(),
            liquidations: Liquidations::none(clock),
            fund_reference: 0,
            method: Method { text: method, previous: None },
            policy,
            proposals: BTreeMap::new(),
            next_proposal: 1,
            outflow: (Money::ZERO, clock),
            accrued: clock,
            collateral_changed: None,
            hashes: Hashes::default(),
        }
    }

    /// The account with this number.
    pub fn account(&self, id: AccountId) -> Option<&AccountState> {
        self.accounts.get(id.place())
    }

    /// The number of the account with this name.
    pub fn account_named(&self, name: &str) -> Option<AccountId> {
        let place = self.accounts.iter().position(|account| account.name == name)?;
        u32::try_from(place).ok().map(AccountId)
    }

    /// The instrument with this number.
    pub fn contract(&self, id: InstrumentId) -> Option<&Contract> {
        self.contracts.get(id.0)
    }

    /// The instruments on an underlying.
    pub fn instruments_of(&self, underlying: UnderlyingId) -> impl Iterator<Item = InstrumentId> {
        let all = self.contracts.iter().enumerate();
        all.filter(move |(_, contract)| contract.terms.underlying == underlying).map(|(place, _)| InstrumentId(place))
    }

    /// The notional of this many lots, in USD at the index, rounded up.
    pub fn lots_usd(&self, terms: &InstrumentTerms, lots: i64) -> Result<Money, Overflow> {
        let units = times(terms.unit(), lots.saturating_abs())?;
        let price = if terms.payoff == Payoff::Inverse && !terms.is_option() {
            self.market.price(terms.quote).usd()
        } else {
            self.market.index(terms.underlying).usd()
        };
        units.at(if price.is_negative() { price.negated()? } else { price }, Round::Up)
    }

    /// The amount of an asset in a pot.
    pub fn pot(&self, pot: Pot, asset: AssetId) -> Quantity {
        self.pots.get(&(pot, asset)).copied().unwrap_or_default()
    }

    /// The last quote of a feed.
    pub fn quote(&self, id: FeedId) -> Option<&Quote> {
        self.feeds.get(&id).and_then(|feed| feed.feed.last())
    }

    /// The validity of a feed's last quote; invalid when the feed never spoke.
    pub fn validity(&self, id: FeedId) -> Validity {
        self.quote(id).map_or(Validity::Invalid, Quote::validity)
    }

    /// The hash of the whole state: equal contents give equal hashes, however they came about.
    pub fn hash(&mut self) -> StateHash {
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.refresh(self);
        let hash = hashes.root();
        self.hashes = hashes;
        hash
    }
}
