//! Finds the contracts of reference books in a market.

use audit::margin::black76;
use model::{Account, Balance, InstrumentId, InstrumentKind, Market, Position, Right, USD, UnderlyingId};
use units::{Overflow, Quantity, Round, Timestamp};

use crate::books::{Coin, Part, Rule, Strike, Term, Wanted};
use crate::legs::contracts_in_a_coin;
use crate::revalue::{OptionTerms, option_terms};

/// Collateral in USD, so large that no margin depends on it.
const COLLATERAL: f64 = 1e8;

/// A strike may be so far from the part of the forward that is asked for.
const NEAR: f64 = 0.08;

/// An expiry may be nearer or farther than asked for by this factor.
const FACTOR: f64 = 2.5;

/// A relative move of the forward by which a delta is measured.
const BUMP: f64 = 1e-4;

/// A reference book in one market.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// The account: its positions at their marks, and collateral from which their price was paid.
    pub account: Account,
    /// The value of all legs' underlyings, in USD.
    pub notional: f64,
    /// What the options of the book cost, in USD; negative where they brought money.
    pub price: f64,
}

/// A leg that was found.
struct Placed {
    id: InstrumentId,
    /// Coins of notional, negative when short.
    coins: f64,
}

/// Builds a reference book for a coin from what a market lists; none where a contract is not listed, or two legs would be
/// the same contract.
pub fn build(rule: &Rule, coin: UnderlyingId, market: &Market) -> Option<Book> {
    let mut placed: Vec<Placed> = Vec::new();
    for part in rule.parts {
        let underlying = match part.coin {
            Coin::One => coin,
            Coin::Btc => market.underlying("BTC")?,
            Coin::Eth => market.underlying("ETH")?,
        };
        let found = Shelf { market, underlying }.find(part, &placed)?;
        if placed.iter().any(|other| other.id == found.id) {
            return None;
        }
        placed.push(found);
    }
    filled(rule.name, &placed, market).ok()
}

/// The account that holds these legs and what its options cost.
fn filled(name: &str, placed: &[Placed], market: &Market) -> Result<Book, Overflow> {
    let (mut notional, mut price) = (0.0, 0.0);
    let mut account = Account { name: name.into(), ..Account::default() };
    for Placed { id, coins } in placed {
        let listing = market.listing(*id);
        let quantity = coins * contracts_in_a_coin(listing, market);
        notional += coins.abs() * market.size(listing.underlying);
        if listing.is_option() {
            let paid = market.usd_per_settle(listing).usd().to_f64();
            price += quantity * listing.contract_size.to_f64() * market.mark(*id).in_quote().to_f64() * paid;
        }
        let quantity = Quantity::from_f64(quantity, Round::Down)?;
        account.positions.push(Position { instrument: *id, quantity, entry: market.mark(*id) });
    }
    let amount = Quantity::from_f64(COLLATERAL - price, Round::Down)?;
    account.balances.push(Balance { asset: USD, amount, location: None });
    Ok(Book { account, notional, price })
}

impl Book {
    /// The same positions held by who paid for them and has nothing else.
    pub fn fully_paid(&self) -> Account {
        Account { balances: Vec::new(), ..self.account.clone() }
    }

    /// Whether options that all expire together owe something at some settlement price. A fly whose strikes are not
    /// equally far apart may.
    pub fn can_owe(&self, market: &Market) -> bool {
        let legs: Vec<(f64, f64, Right)> = self
            .account
            .positions
            .iter()
            .filter_map(|held| {
                let listing = market.listing(held.instrument);
                let coins = held.quantity.to_f64() * listing.contract_size.to_f64();
                let InstrumentKind::Option { strike, right, .. } = &listing.kind else { return None };
                Some((coins, strike.in_counter().to_f64(), *right))
            })
            .collect();
        let pays = |price: f64| {
            legs.iter()
                .fold(0.0, |sum, (coins, strike, right)| sum + coins * (right.sign() * (price - strike)).max(0.0))
        };
        // Between strikes the payoff is a straight line, and beyond the last one too.
        let last = legs.iter().fold(0.0, |last: f64, (_, strike, _)| last.max(*strike));
        let gross: f64 = legs.iter().map(|(coins, strike, _)| coins.abs() * strike).sum();
        let ends = [0.0, 1e3 * last];
        legs.iter().map(|(_, strike, _)| *strike).chain(ends).any(|price| pays(price) < -1e-6 * gross)
    }
}

/// The contracts of one underlying.
struct Shelf<'a> {
    market: &'a Market,
    underlying: UnderlyingId,
}

impl Shelf<'_> {
    fn find(&self, part: &Part, placed: &[Placed]) -> Option<Placed> {
        let (id, coins) = match part.wanted {
            Wanted::Perpetual => (self.perpetual()?, part.coins),
            Wanted::Future(days) => (self.future(days)?, part.coins),
            Wanted::Call(term, strike) => (self.option(Right::Call, term, strike)?, part.coins),
            Wanted::Put(term, strike) => (self.option(Right::Put, term, strike)?, part.coins),
            Wanted::Hedge => (self.perpetual()?, -placed.iter().map(|leg| self.delta_of(leg)).sum::<f64>()),
        };
        Some(Placed { id, coins })
    }

    fn listed(&self) -> impl Iterator<Item = &model::Instrument> {
        self.market.instruments.iter().filter(|listing| listing.underlying == self.underlying)
    }

    fn perpetual(&self) -> Option<InstrumentId> {
        self.listed().find(|listing| listing.kind == InstrumentKind::Perpetual).map(|listing| listing.id)
    }

    fn future(&self, days: f64) -> Option<InstrumentId> {
        let dated = self.listed().filter_map(|listing| match listing.kind {
            InstrumentKind::Future { expiry } => Some((listing.id, expiry.days_since(self.market.time))),
            InstrumentKind::Spot | InstrumentKind::Perpetual | InstrumentKind::Option { .. } => None,
        });
        nearest(dated, |(_, found)| away(*found, days)).filter(|(_, found)| fits(*found, days)).map(|(id, _)| id)
    }

    /// The options of one right, with a mark and a volatility.
    fn options(&self, right: Right) -> impl Iterator<Item = (InstrumentId, OptionTerms)> {
        let priced = self.listed().filter(|listing| self.market.iv(listing.id).is_some());
        let terms = priced.filter_map(|listing| Some((listing.id, option_terms(listing)?)));
        terms.filter(move |(_, terms)| terms.right == right)
    }

    fn expiry(&self, right: Right, term: Term) -> Option<Timestamp> {
        let all = self.options(right).map(|(_, terms)| terms.expiry);
        match term {
            Term::Next => all.min(),
            Term::Days(days) => {
                let of = |expiry: &Timestamp| expiry.days_since(self.market.time);
                nearest(all, |expiry| away(of(expiry), days)).filter(|expiry| fits(of(expiry), days))
            }
        }
    }

    fn option(&self, right: Right, term: Term, strike: Strike) -> Option<InstrumentId> {
        let expiry = self.expiry(right, term)?;
        let forward = self.market.expiry(self.underlying, expiry)?.forward.usd().to_f64();
        let chain = self.options(right).filter(|(_, terms)| terms.expiry == expiry);
        match strike {
            Strike::Money => nearest(chain, |(_, terms)| (terms.strike - forward).abs()).map(|(id, _)| id),
            Strike::Delta(delta) => nearest(chain, |(id, _)| (self.delta(*id).abs() - delta).abs()).map(|(id, _)| id),
            Strike::Part(part) => {
                let off = |terms: &OptionTerms| (terms.strike / forward - part).abs();
                nearest(chain, |(_, terms)| off(terms)).filter(|(_, terms)| off(terms) <= NEAR).map(|(id, _)| id)
            }
        }
    }

    /// The delta of an option by its model, in coins; 1 for every other contract.
    fn delta(&self, id: InstrumentId) -> f64 {
        let listing = self.market.listing(id);
        let (Some(terms), Some(vol)) = (option_terms(listing), self.market.iv(id)) else { return 1.0 };
        let Some(known) = self.market.expiry(listing.underlying, terms.expiry) else { return 1.0 };
        let forward = known.forward.usd().to_f64();
        let years = terms.expiry.years_since(self.market.time);
        let value = |forward: f64| black76(terms.right, forward, terms.strike, vol.to_f64(), years, 1.0);
        (value(forward * (1.0 + BUMP)) - value(forward * (1.0 - BUMP))) / (2.0 * BUMP * forward)
    }

    fn delta_of(&self, leg: &Placed) -> f64 {
        leg.coins * self.delta(leg.id)
    }
}

/// How far apart two times are, as a factor of at least 1.
fn away(one: f64, other: f64) -> f64 {
    (one / other).max(other / one)
}

fn fits(found: f64, wanted: f64) -> bool {
    away(found, wanted) <= FACTOR
}

/// The item with the least distance, the first of equals.
fn nearest<T>(items: impl Iterator<Item = T>, distance: impl Fn(&T) -> f64) -> Option<T> {
    items
        .fold(None, |best: Option<(T, f64)>, item| {
            let far = distance(&item);
            match best {
                Some(best) if best.1 <= far => Some(best),
                _ => Some((item, far)),
            }
        })
        .map(|(item, _)| item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::BOOKS;

    fn book(name: &str) -> (Market, Option<Book>) {
        let market = Market::parse(&testdata::sample("market.json")).unwrap();
        let rule = BOOKS.iter().find(|rule| rule.name == name).unwrap();
        let built = build(rule, market.underlying("BTC").unwrap(), &market);
        (market, built)
    }

    #[test]
    fn only_a_spread_that_is_paid_for_owes_nothing() {
        let owes = |name: &str| {
            let (market, built) = book(name);
            built.unwrap().can_owe(&market)
        };
        for paid in ["long call, money, 7 d", "long straddle, 30 d", "debit call vertical", "debit put vertical"] {
            assert!(!owes(paid), "{paid}");
        }
        for owing in ["short call, money, 7 d", "credit call vertical", "short condor", "ratio spread"] {
            assert!(owes(owing), "{owing}");
        }
    }

    fn names(name: &str) -> Vec<(String, f64)> {
        let (market, built) = book(name);
        let positions = built.unwrap().account.positions;
        let of = |position: &Position| (market.listing(position.instrument).name.clone(), position.quantity.to_f64());
        positions.iter().map(of).collect()
    }

    #[test]
    fn contracts_are_the_nearest_to_what_is_asked_for() {
        let straddle = names("short straddle, 30 d");
        assert_eq!(straddle.len(), 2);
        assert!(
            straddle.iter().all(|(name, contracts)| name.contains("25DEC26-85000") && *contracts == -1.0),
            "{straddle:?}"
        );
        let next = names("perpetual, next put");
        assert!(next[1].0.contains("21NOV26-86000-P"), "{next:?}");
    }

    #[test]
    fn a_hedge_leaves_no_delta() {
        let (market, built) = book("hedged short straddle");
        let shelf = Shelf { market: &market, underlying: market.underlying("BTC").unwrap() };
        let positions = built.unwrap().account.positions;
        let coins = |position: &Position| {
            let unit = contracts_in_a_coin(market.listing(position.instrument), &market);
            position.quantity.to_f64() / unit * shelf.delta(position.instrument)
        };
        let delta: f64 = positions.iter().map(coins).sum();
        assert!(delta.abs() < 1e-9 && positions.len() == 3, "{delta}");
    }

    #[test]
    fn who_paid_for_an_option_has_its_price_and_nothing_else() {
        let (market, built) = book("long call, money, 30 d");
        let built = built.unwrap();
        let held = audit::margin::equity(&built.fully_paid(), &market);
        assert!((held - built.price).abs() < 1e-6 && built.price > 0.0, "{held} {}", built.price);
        let index = market.size(market.underlying("BTC").unwrap());
        assert_eq!(built.notional, index);
    }

    #[test]
    fn what_is_not_listed_makes_no_book() {
        let market = Market::parse(testdata::MARKET).unwrap();
        let rule = BOOKS.iter().find(|rule| rule.name == "long future").unwrap();
        assert_eq!(build(rule, UnderlyingId(0), &market), None);
    }
}
