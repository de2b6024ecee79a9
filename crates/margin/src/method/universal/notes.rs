//! Notes of an answer: which data the market does not give, and what was assumed in their place.

use std::collections::{BTreeMap, BTreeSet};

use model::{Account, Asset, AssetId, Basket, InstrumentKind, Market, Payoff, USD, UnderlyingId};

use super::by_name::ByName;
use super::rules::{Rules, TokenRules};
use crate::scenario::percent;

/// A note about more contracts than this gives only their number.
const NAMED: usize = 3;

/// Notes on data that the market lacks for the account's positions and balances, and on the default used instead.
pub(super) fn of(account: &Account, market: &Market, rules: &Rules) -> Vec<String> {
    let unfunded = account.positions.iter().map(|position| market.listing(position.instrument));
    let unfunded = unfunded
        .filter(|listing| {
            listing.kind == InstrumentKind::Perpetual && market.quote(listing.id).funding_rate_8h.is_none()
        })
        .map(|listing| format!("{}: the market gives no funding_rate_8h, no funding is charged", listing.name));
    let tokens = account.balances.iter().filter_map(|balance| token(balance.asset, market, rules));
    let assumed = written(account, market).into_iter().chain(baskets(account, market, rules));
    let mut notes: Vec<String> = unfunded.chain(tokens).chain(assumed).collect();
    notes.sort();
    notes.dedup();
    notes
}

/// A note on an asset that follows no underlying and is no stablecoin, where the rules give it no range of its own.
fn token(id: AssetId, market: &Market, rules: &Rules) -> Option<String> {
    let (Asset { name, follows }, depeg) = (&market.assets[id.0], &rules.depeg);
    let price = market.price(id).usd();
    if id == USD || follows.is_some() || depeg.is_stablecoin(name, price.to_f64()) {
        return None;
    }
    let TokenRules { down, up } = &depeg.token;
    let why = if depeg.stablecoins.contains(name) {
        format!("no stablecoin at {price} USD")
    } else if down.names(name) && up.names(name) {
        return None;
    } else {
        "follows no underlying and is no stablecoin that the parameters know".to_owned()
    };
    let [down, up] = [down, up].map(|range| percent(range.get(name)));
    Some(format!("{name}: {why}, shocked by {down} and {up} (FAM-9)"))
}

/// A note on each basket that a position, order or balance depends on: what it moves with, and which numbers of CHG-1 and CHG-2
/// it takes from its parts.
fn baskets(account: &Account, market: &Market, rules: &Rules) -> Vec<String> {
    let held = account.positions.iter().map(|held| held.instrument);
    let listed = held.chain(account.orders.iter().map(|order| order.instrument));
    let listed = listed.map(|id| market.listing(id).underlying);
    let followed = account.balances.iter().filter_map(|balance| market.assets[balance.asset.0].follows);
    let ids: BTreeSet<UnderlyingId> = listed.chain(followed).collect();
    let baskets = ids.into_iter().filter_map(|id| Some((id, market.basket(id)?)));
    let note = |(id, listed): (UnderlyingId, &Basket)| {
        let name = |id: UnderlyingId| market.underlyings[id.0].name.as_str();
        let parts: Vec<&str> = listed.underlyings().into_iter().map(name).collect();
        let from_parts = numbers_of_parts(rules, market, id);
        let charged = if from_parts.is_empty() {
            String::new()
        } else {
            format!("; its {} for charges follow from theirs (CHG-1, CHG-2)", from_parts.join(", "))
        };
        format!("{}: a basket that moves with {}{charged} (SCN-7)", name(id), parts.join(", "))
    };
    baskets.map(note).collect()
}

/// Notes on contracts that are written or paid in an asset that is not worth exactly one USD (SCN-1): one sentence
/// for each such asset.
fn written(account: &Account, market: &Market) -> Vec<String> {
    let held = account.positions.iter().map(|held| held.instrument);
    let (mut written, mut paid) = (BTreeMap::new(), BTreeMap::new());
    for id in held.chain(account.orders.iter().map(|order| order.instrument)) {
        let listing = market.listing(id);
        let (asset, names) = match (listing.counter_asset(), listing.payoff) {
            (USD, Payoff::Inverse) => continue,
            (USD, Payoff::Linear) => (listing.settle, &mut paid),
            (asset, _) => (asset, &mut written),
        };
        names.entry(asset).or_insert_with(BTreeSet::new).insert(listing.name.as_str());
    }
    paid.remove(&USD);
    let asset = |id: &AssetId| &market.assets[id.0].name;
    let rise = written.iter().map(|(id, names)| {
        format!("{0}: {1} written in {0}, so that they rise when {0} falls (SCN-1)", asset(id), prices(names))
    });
    let stay = paid.iter().map(|(id, names)| {
        format!("{0}: {1} in USD, and {0} pays for them one for one (SCN-1)", asset(id), prices(names))
    });
    rise.chain(stay).collect()
}

/// "prices of A, B and 27 more are".
fn prices(contracts: &BTreeSet<&str>) -> String {
    let mut named: Vec<&str> = contracts.iter().copied().take(NAMED).collect();
    let more = contracts.len() - named.len();
    let last = if more > 0 { format!("{more} more") } else { named.pop().unwrap_or_default().to_owned() };
    match named.as_slice() {
        [] => format!("prices of {last} are"),
        named => format!("prices of {} and {last} are", named.join(", ")),
    }
}

/// The numbers of CHG-1 and CHG-2 that a basket takes from its parts, because neither the market nor the rules give them for it.
fn numbers_of_parts(rules: &Rules, market: &Market, basket: UnderlyingId) -> Vec<&'static str> {
    let named = |numbers: &ByName| numbers.names(&market.underlyings[basket.0].name);
    let traded = market.underlying_liquidity(basket).adv_usd;
    let numbers = [
        ("volatility", named(&rules.scan.sigma)),
        ("half spread", named(&rules.liquidity.half_spread)),
        ("daily volume", traded.is_some() || named(&rules.liquidity.adv_usd)),
        ("daily vega", named(&rules.liquidity.vega_adv_usd)),
        ("least basis move", named(&rules.basis.least)),
    ];
    numbers.into_iter().filter_map(|(number, own)| (!own).then_some(number)).collect()
}
