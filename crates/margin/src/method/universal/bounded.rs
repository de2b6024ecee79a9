//! REQ-7, bounded loss: the least that an account can be left with when all that it holds has expired, over every price.
//!
//! A European payoff is a piecewise linear function of one settlement price. The contracts of one underlying and expiry
//! that are written and paid alike form one such function; its least is at zero, at a strike, or nowhere when it falls for
//! ever. Sums of leasts over expiries, underlyings and assets are no more than the least of the sum, so what is left is
//! never overstated. Amounts are fixed point and round against the account.
//!
//! An account with a perpetual or a short position that nothing covers has no such amount, nor has one without positions.

use std::collections::BTreeMap;

use model::{
    Account, AssetId, CounterPrice, Instrument, InstrumentKind, Market, Payoff, Position, Right, USD, UnderlyingId,
};
use units::{Money, Overflow, Quantity, Ratio, Round, Timestamp};

use super::exposure::Exposures;
use super::rules::Rules;
use crate::valuation;

/// How far prices may be from those of the market, for every market of a cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// The move of the price of an asset that follows nothing, as a part of it.
    pub peg: f64,
    /// The move of the price of an asset against the underlying that it follows, as a part of it.
    pub basis: f64,
}

/// The largest possible loss of an account in USD, at least 0: its equity less [`left`]. `exposures` are the account's.
pub(crate) fn largest_loss(
    account: &Account,
    exposures: &Exposures,
    market: &Market,
    rules: &Rules,
) -> Result<Option<Money>, Overflow> {
    // Most accounts hold a perpetual or have written a call: they are told from the others before anything is added up.
    if exposures.is_endless() {
        let has_least = || matches!(left(account, market, rules, Room::default()), Ok(Some(_)));
        debug_assert!(!has_least(), "REQ-7: {} cannot lose without end", account.name);
        return Ok(None);
    }
    most(account, market, rules)
}

/// [`largest_loss`] of an account that may have one.
pub(crate) fn most(account: &Account, market: &Market, rules: &Rules) -> Result<Option<Money>, Overflow> {
    let Some(left) = left(account, market, rules, Room::default())? else { return Ok(None) };
    Ok(Some(valuation::equity(account, market)?.minus(left)?.max(Money::ZERO)))
}

/// The least in USD that an account can be left with; none where it can lose without end or holds what never expires.
pub(crate) fn left(account: &Account, market: &Market, rules: &Rules, room: Room) -> Result<Option<Money>, Overflow> {
    if account.positions.is_empty() {
        return Ok(None);
    }
    if let ([position], []) = (account.positions.as_slice(), account.balances.as_slice()) {
        let listing = market.listing(position.instrument);
        if listing.is_option() && !position.quantity.is_negative() {
            return Ok(Group::of(listing, market).map(|_| Money::ZERO));
        }
    }
    let mut groups: BTreeMap<Group<'_>, Payout> = BTreeMap::new();
    for position in &account.positions {
        let listing = market.listing(position.instrument);
        let Some(group) = Group::of(listing, market) else { return Ok(None) };
        groups.entry(group).or_default().add(position, listing)?;
    }
    // Coins are worth a part of a settlement price: of the last expiry that pays in them, else of the last that pays in USD.
    let mut coins: BTreeMap<UnderlyingId, Quantity> = BTreeMap::new();
    let mut cash: BTreeMap<AssetId, Money> = BTreeMap::new();
    for balance in &account.balances {
        let lost = match &balance.location {
            Some(location) if !balance.amount.is_negative() => rules.depeg.location_loss.get(location),
            _ => 0.0,
        };
        let kept = balance.amount.scaled(Ratio::from_f64(1.0 - lost, Round::Down)?, Round::Down)?;
        let Some(followed) = market.assets[balance.asset.0].follows else {
            let held = cash.entry(balance.asset).or_default();
            *held = held.plus(Money::from_raw(kept.raw()))?;
            continue;
        };
        let units = of_underlying(kept, balance.asset, followed, market, rules, room)?;
        let held = coins.entry(followed).or_default();
        *held = held.plus(units)?;
    }
    for (followed, units) in coins {
        let of = |group: &&Group<'_>| group.underlying == followed && group.written == USD && group.paid == USD;
        match groups.keys().filter(of).max_by_key(|group| (group.in_coin, group.expiry)).copied() {
            Some(group) => groups.entry(group).or_default().own(units)?,
            None if units.is_negative() => return Ok(None),
            None => {}
        }
    }
    for (group, payout) in &groups {
        let Some(least) = payout.least()? else { return Ok(None) };
        let least = least.minus(group.basis(least, payout, market, rules)?)?;
        let held = cash.entry(group.paid).or_default();
        *held = held.plus(least)?;
    }
    let mut left = Money::ZERO;
    for (asset, amount) in cash {
        let Some(worth) = worth(amount, asset, market, rules, room)? else { return Ok(None) };
        left = left.plus(worth)?;
    }
    Ok(Some(left))
}

/// Units of the underlying that an amount of an asset which follows it is worth at least.
fn of_underlying(
    amount: Quantity,
    asset: AssetId,
    followed: UnderlyingId,
    market: &Market,
    rules: &Rules,
    room: Room,
) -> Result<Quantity, Overflow> {
    let (price, index) = (market.price(asset).usd(), market.index(followed).usd());
    let owed = amount.is_negative();
    let ratio = price.in_units_of(index, if owed { Round::Up } else { Round::Down })?;
    let units = amount.at(ratio, Round::Down)?.scaled(worse(room.basis, owed)?, Round::Down)?;
    let wraps = market.underlyings[followed.0].name != market.assets[asset.0].name;
    let units = if wraps && !owed { units.scaled(factor(rules.depeg.wrapped)?, Round::Down)? } else { units };
    Ok(Quantity::from_raw(units.raw()))
}

/// The least that an amount of an asset which follows nothing is worth, in USD. A stablecoin is held after its fall, and owed
/// after a rise of the same size. A token that is held is worth nothing; one that is owed may rise without end.
fn worth(amount: Money, asset: AssetId, market: &Market, rules: &Rules, room: Room) -> Result<Option<Money>, Overflow> {
    if asset == USD {
        return Ok(Some(amount));
    }
    let (owed, price, name) = (amount.is_negative(), market.price(asset).usd(), &market.assets[asset.0].name);
    if !rules.depeg.is_stablecoin(name, price.to_f64()) {
        return Ok((!owed).then_some(Money::ZERO));
    }
    let fall = rules.depeg.fall(name);
    let now = amount.converted(price, Round::Down)?;
    let moved = now.scaled(worse(room.peg, owed)?, Round::Down)?;
    moved.scaled(factor(if owed { -fall } else { fall })?, Round::Down).map(Some)
}

/// The factor on a price within `part` of its anchor that is worse for what is held or owed.
fn worse(part: f64, owed: bool) -> Result<Ratio, Overflow> {
    factor(if owed { part } else { -part })
}

/// `1 + moved`.
fn factor(moved: f64) -> Result<Ratio, Overflow> {
    Ratio::from_f64(1.0 + moved, if moved < 0.0 { Round::Down } else { Round::Up })
}

/// Whether an account that holds this contract may have a largest possible loss: the contract pays a function of one
/// settlement price, later than now and never below zero.
pub(crate) fn ends(listing: &Instrument, market: &Market) -> bool {
    Group::of(listing, market).is_some()
}

/// Contracts whose payoff is a function of one settlement price, in units of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'m> {
    underlying: UnderlyingId,
    expiry: Timestamp,
    /// The venue that lists them: another venue settles at a price of its own.
    venue: Option<&'m str>,
    /// The asset in which the settlement price is written.
    written: AssetId,
    /// The asset in which the payoff is counted. A payoff in the coin of the underlying is counted in USD: the coin is
    /// worth the settlement price then.
    paid: AssetId,
    /// Whether it pays in the coin of the underlying.
    in_coin: bool,
}

impl<'m> Group<'m> {
    /// The group of a contract that will expire; none when its settlement price may be below zero, when it pays in a coin
    /// of another underlying, or when it is written in a coin.
    fn of(listing: &'m Instrument, market: &Market) -> Option<Self> {
        let (underlying, written) = (listing.underlying, listing.counter_asset());
        let expiry = listing.expiry().filter(|expiry| *expiry > market.time)?;
        if market.underlyings[underlying.0].scale.is_some() {
            return None;
        }
        let venue = listing.venue.as_deref();
        let paid = match (listing.payoff, market.assets[listing.settle.0].follows) {
            (Payoff::Linear, None) => listing.settle,
            (Payoff::Inverse, Some(followed)) if followed == underlying && written == USD => USD,
            _ => return None,
        };
        let in_coin = listing.payoff == Payoff::Inverse;
        let group = Self { underlying, expiry, venue, written, paid, in_coin };
        market.assets[written.0].follows.is_none().then_some(group)
    }

    /// What a move of the basis (CHG-2) takes from the least payoff before the expiry, in USD at least 0: a claim in coins
    /// is worth less when its forward rises against the index, and so are coins that cover a claim in dollars.
    fn basis(&self, least: Money, payout: &Payout, market: &Market, rules: &Rules) -> Result<Money, Overflow> {
        let exposed = match (self.in_coin, least.is_negative()) {
            (true, false) => least,
            (true, true) => Money::ZERO.minus(least)?,
            (false, _) => payout.coins.max(Quantity::ZERO).at(market.index(self.underlying).usd(), Round::Up)?,
        };
        let part =
            rules.basis.of((market, self.underlying), self.venue.is_some(), self.expiry.years_since(market.time));
        exposed.scaled(Ratio::from_f64(part, Round::Up)?, Round::Up)
    }
}

/// A piecewise linear function of a settlement price from zero on: an amount, units of the underlying, calls and puts.
#[derive(Clone, Debug, Default)]
struct Payout {
    amount: Money,
    units: Quantity,
    /// The part of the units that is coins, not contracts.
    coins: Quantity,
    strikes: BTreeMap<CounterPrice, Struck>,
}

/// The options at one strike, in units of the underlying.
#[derive(Clone, Copy, Debug, Default)]
struct Struck {
    calls: Quantity,
    puts: Quantity,
}

impl Payout {
    /// Adds the payoff of a position.
    fn add(&mut self, position: &Position, listing: &Instrument) -> Result<(), Overflow> {
        let units = position.quantity.times(listing.contract_size, Round::Down)?;
        match (&listing.kind, listing.payoff) {
            (InstrumentKind::Option { strike, right, .. }, _) => {
                let struck = self.strikes.entry(*strike).or_default();
                let side = if *right == Right::Call { &mut struck.calls } else { &mut struck.puts };
                *side = side.plus(units)?;
            }
            (_, Payoff::Linear) => {
                self.amount = self.amount.minus(units.at(position.entry.in_quote(), Round::Up)?)?;
                self.rise(units)?;
            }
            // Coins of `units/entry − units/price`, each worth the price.
            (_, Payoff::Inverse) => {
                self.amount = self.amount.minus(Money::from_raw(units.raw()))?;
                self.rise(units.over(position.entry.in_quote(), Round::Down)?)?;
            }
        }
        Ok(())
    }

    /// Adds coins of the account, in units of the underlying.
    fn own(&mut self, coins: Quantity) -> Result<(), Overflow> {
        self.coins = self.coins.plus(coins)?;
        self.rise(coins)
    }

    /// Adds units of the underlying.
    fn rise(&mut self, units: Quantity) -> Result<(), Overflow> {
        self.units = self.units.plus(units)?;
        Ok(())
    }

    /// Its least value; none when it falls for ever. Calls and units are added up from zero, puts from the highest strike,
    /// so that what is only held is never rounded below nothing.
    fn least(&self) -> Result<Option<Money>, Overflow> {
        let (mut rising, mut slope, mut from) = (self.amount, self.units, CounterPrice::ZERO);
        let mut above = vec![rising];
        for (strike, struck) in &self.strikes {
            rising = rising.plus(slope.at(strike.minus(from)?.in_counter(), Round::Down)?)?;
            above.push(rising);
            (slope, from) = (slope.plus(struck.calls)?, *strike);
        }
        if slope.is_negative() {
            return Ok(None);
        }
        let (mut falling, mut slope) = (Money::ZERO, Quantity::ZERO);
        let mut least = above[above.len() - 1];
        let prices = self.strikes.iter().rev();
        let below = self.strikes.keys().rev().skip(1).copied().chain([CounterPrice::ZERO]);
        for (((strike, struck), next), risen) in prices.zip(below).zip(above.iter().rev().skip(1)) {
            slope = slope.plus(struck.puts)?;
            falling = falling.plus(slope.at(strike.minus(next)?.in_counter(), Round::Down)?)?;
            least = least.min(falling.plus(*risen)?);
        }
        Ok(Some(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payout(units: &str, options: &[(&str, &str, &str)]) -> Payout {
        let number = |text: &str| -> Quantity { text.parse().unwrap() };
        let strikes = options.iter().map(|(strike, calls, puts)| {
            (strike.parse().unwrap(), Struck { calls: number(calls), puts: number(puts) })
        });
        Payout { units: number(units), strikes: strikes.collect(), ..Payout::default() }
    }

    /// REQ-7: the least of some well-known payoffs, by hand.
    #[test]
    fn a_payoff_is_least_at_a_strike_or_at_zero() {
        let least = |payout: Payout| payout.least().unwrap().map(|least| least.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(least(payout("0", &[("100", "1", "1")])), some("0"), "a straddle");
        assert_eq!(least(payout("0", &[("100", "-1", "0")])), None, "a naked call");
        assert_eq!(least(payout("0", &[("100", "0", "-2")])), some("-200"), "two naked puts");
        assert_eq!(least(payout("1", &[("100", "-1", "0")])), some("0"), "a covered call");
        assert_eq!(least(payout("0", &[("100", "-1", "0"), ("110", "1", "0")])), some("-10"), "a written spread");
        assert_eq!(least(payout("0", &[("90", "1", "0"), ("100", "-2", "0"), ("110", "1", "0")])), some("0"), "a fly");
        assert_eq!(
            least(payout("0", &[("80", "0", "1"), ("90", "0", "-1"), ("110", "-1", "0"), ("125", "1", "0")])),
            some("-15"),
            "a condor that is wider above"
        );
        assert_eq!(least(payout("0", &[("90", "1", "-1"), ("110", "-1", "1")])), some("20"), "a box");
        assert_eq!(least(payout("-1", &[("100", "1", "0")])), some("-100"), "a sold coin with a call");
        // A unit of 10⁻¹⁸ is rounded against the account, and never below nothing where nothing is owed.
        let dust = "0.000000000000000001";
        assert_eq!(least(payout("0", &[("1.49", "0", dust), ("1.5", dust, "0")])), some("0"));
    }
}
