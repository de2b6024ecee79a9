//! Builds the inputs of Derive's managers from an account and a market.
//!
//! A portfolio manager judges one underlying, so an account over several is several subaccounts, each judged alone; the
//! standard manager judges them together. A requirement does not depend on cash, so the subaccounts hold no cash.
//!
//! A contract that Derive does not list is converted and noted, in addition to the conversions of [`VenueAccount`]:
//!
//! - a contract becomes the number of Derive's contracts with the same price sensitivity: those have prices in USD and
//!   pay a unit of cash for a dollar;
//! - every perpetual and future of an underlying becomes its one perpetual, at the perpetual's mark;
//! - an owed coin becomes a short perpetual, because only cash can be owed there;
//! - other owed dollars become owed cash, and USD becomes cash.
//!
//! Coins and dollars that a manager does not accept count for nothing.
//!
//! A market gives a confidence for an index but not for a perpetual: the perpetual has the confidence of its index.

use model::{Account, Instrument, InstrumentKind, Market, Payoff, USD};
use units::{Ratio, Timestamp};

use super::manager::{CollateralRules, Haircut, Manager};
use super::portfolio::{Cash, CollateralHolding, ExpiryHolding, Holdings, OptionHolding, Perp};
use crate::book::{
    Contract, Conversions, Listed, OptionTerms, PricedBalance, Settlement, UnderlyingAccount, Venue, VenueAccount,
};
use crate::{NotAccepted, Refusal, RequirementState};

/// The venue's name, as notes write it.
const VENUE: &str = "Derive";

/// An account as the managers see it.
#[derive(Debug)]
pub struct Adapted<'a> {
    /// Cash: an amount of 0, and its price.
    pub cash: Cash,
    /// One subaccount for each underlying.
    pub subaccounts: Vec<Subaccount>,
    /// Dollars that are not the venue's cash.
    pub dollars: Vec<PricedBalance>,
    /// Whether the requirement is known.
    pub state: RequirementState,
    /// Every conversion made.
    pub conversions: Conversions,
    manager: &'a Manager,
    strict: bool,
}

/// All positions and coins of an account in one underlying, and the position or balance from which each part comes.
#[derive(Debug, Default)]
pub struct Subaccount {
    /// The name of the underlying; empty for collateral that belongs to none.
    pub underlying: String,
    /// The underlying whose parameters apply.
    pub rules: String,
    /// The inputs of the manager. The manager fills in base or collaterals from `coins`.
    pub held: Holdings,
    /// The coins that the account owns; owed coins are in `perps`.
    pub coins: Vec<PricedBalance>,
    /// The origins of the perpetual position: position or balance, and signed size.
    pub perps: Vec<(Origin, f64)>,
    /// The origins of the collaterals: index of the balance, index of the collateral, and share of it.
    pub backing: Vec<(usize, usize, f64)>,
    /// The indices, in the account, of the option positions of each expiry.
    pub options: Vec<Vec<usize>>,
    /// The day of each expiry.
    pub days: Vec<String>,
}

/// The index of a position or balance in an account.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// An index among its positions.
    Position(usize),
    /// An index among its balances.
    Balance(usize),
}

impl<'a> Adapted<'a> {
    /// The account as Derive would hold it. With `strict`, a conversion is refused.
    pub fn of(
        account: &Account,
        market: &Market,
        (listed, manager): (&Listed, &'a Manager),
        strict: bool,
    ) -> Result<Self, Refusal> {
        let venue = Venue { name: VENUE, listed, settlement: Settlement::Only(&manager.cash), strict };
        let there = VenueAccount::of(account, market, &venue)?;
        let market_price = market.asset(&manager.cash).map(|id| market.price(id).usd().to_f64());
        let mut adapted = Self {
            cash: Cash { amount: 0.0, price: market_price.unwrap_or(manager.cash_price) },
            subaccounts: Vec::new(),
            dollars: there.cash.into_iter().filter(|held| held.name != manager.cash).collect(),
            state: RequirementState::default(),
            conversions: there.conversions,
            manager,
            strict,
        };
        if market_price.is_none() {
            let how = format!("at {} dollars, for the market has no price of it", manager.cash_price);
            adapted.conversions.margined(&manager.cash, &how)?;
        }
        for underlying in &there.underlyings {
            if underlying.legs.is_empty()
                && !adapted.knows(&underlying.name)
                && underlying.coins.iter().all(|coin| coin.amount >= 0.0)
            {
                for coin in &underlying.coins {
                    adapted.not_accepted(coin, account, market)?;
                }
                continue;
            }
            let rules = adapted.rules_of(&underlying.name)?;
            let held = underlying.clone().paid_in(adapted.cash.price);
            let subaccount = adapted.subaccount(&held, rules, market)?;
            adapted.subaccounts.push(subaccount);
        }
        if !account.orders.is_empty() {
            let note = "open orders: not margined, for Derive judges what is held after each trade";
            adapted.conversions.note(note.to_owned());
        }
        Ok(adapted)
    }

    /// Counts USD and all owed dollars as cash; other dollars are not accepted.
    pub fn dollars_as_cash(&mut self, account: &Account, market: &Market) -> Result<(), Refusal> {
        for holding in std::mem::take(&mut self.dollars) {
            if holding.asset == USD || holding.amount < 0.0 {
                self.conversions.margined(&holding.name, &format!("as {} of the same value", self.manager.cash))?;
            } else if holding.amount > 0.0 {
                self.not_accepted(&holding, account, market)?;
            }
        }
        Ok(())
    }

    /// Counts the coin of each underlying as the manager's base asset; assets that follow the coin are not accepted.
    pub fn coins_as_base(&mut self, account: &Account, market: &Market) -> Result<(), Refusal> {
        let mut subaccounts = std::mem::take(&mut self.subaccounts);
        for subaccount in &mut subaccounts {
            let (base, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut subaccount.coins).into_iter().partition(|coin| coin.name == subaccount.underlying);
            for coin in &others {
                self.not_accepted(coin, account, market)?;
            }
            let spot = subaccount.held.spot;
            let units = |coin: &PricedBalance| coin.amount * coin.price / spot;
            subaccount.held.base = base.iter().map(units).sum();
            for coin in &base {
                subaccount.backing.push((coin.place, 0, units(coin) / subaccount.held.base));
            }
        }
        self.subaccounts = subaccounts;
        Ok(())
    }

    /// Counts coins and dollars that have a haircut as collateral; others are not accepted.
    pub fn as_collateral(
        &mut self,
        CollateralRules { haircuts }: &CollateralRules,
        account: &Account,
        market: &Market,
    ) -> Result<(), Refusal> {
        let of = |holding: &PricedBalance| haircuts.get(&holding.name.to_uppercase()).copied();
        let mut subaccounts = std::mem::take(&mut self.subaccounts);
        for subaccount in &mut subaccounts {
            for coin in std::mem::take(&mut subaccount.coins) {
                match of(&coin) {
                    Some(haircut) => subaccount.back(&coin, haircut),
                    None => self.not_accepted(&coin, account, market)?,
                }
            }
        }
        // Dollars move with no underlying, so their haircut is the same in any subaccount.
        let mut apart = Subaccount::default();
        apart.held.spot_confidence = Ratio::ONE;
        self.dollars.retain(|dollars| match of(dollars).filter(|_| dollars.amount > 0.0) {
            Some(haircut) => {
                apart.back(dollars, Haircut { risk_cancelling: false, ..haircut });
                false
            }
            None => true,
        });
        self.subaccounts = subaccounts;
        if !apart.backing.is_empty() {
            self.subaccounts.push(apart);
        }
        self.dollars_as_cash(account, market)
    }

    fn not_accepted(&mut self, holding: &PricedBalance, account: &Account, market: &Market) -> Result<(), Refusal> {
        if self.strict {
            let why = "as collateral it would count for nothing".to_owned();
            return Err(Refusal::NotListed { instrument: holding.name.clone(), venue: VENUE, why });
        }
        self.state.not_accept(NotAccepted::balance(account, holding.place, market)?);
        Ok(())
    }

    fn knows(&self, underlying: &str) -> bool {
        self.manager.underlyings.iter().any(|known| known == underlying)
    }

    fn rules_of(&mut self, underlying: &str) -> Result<String, Refusal> {
        if self.knows(underlying) {
            return Ok(underlying.to_owned());
        }
        let fallback = &self.manager.fallback;
        self.state.estimated_with(fallback, (VENUE, self.strict), underlying)?;
        Ok(fallback.clone())
    }

    fn subaccount(&mut self, book: &UnderlyingAccount, rules: String, market: &Market) -> Result<Subaccount, Refusal> {
        let trusted = market.confidence(book.id);
        let cash = self.cash.price;
        let futures = || book.legs.iter().filter(|leg| !leg.contract.is_option());
        let mut subaccount = Subaccount {
            underlying: book.name.clone(),
            rules,
            held: Holdings { spot: book.index, spot_confidence: trusted, ..Holdings::default() },
            perps: futures().map(|future| (Origin::Position(future.place), future.size)).collect(),
            ..Subaccount::default()
        };
        for coin in &book.coins {
            if coin.amount < 0.0 {
                self.conversions.margined(&coin.name, "as a short perpetual, for coins are not lent")?;
                subaccount.perps.push((Origin::Balance(coin.place), coin.amount * coin.price / book.index / cash));
            } else if coin.amount > 0.0 {
                subaccount.coins.push(coin.clone());
            }
        }
        subaccount.held.perp = Perp {
            amount: subaccount.perps.iter().map(|(_, size)| size).sum(),
            price: perpetual_mark(book, market),
            confidence: trusted,
            value: futures().map(|future| future.profit).sum(),
        };
        subaccount.hold_options(book, market);
        Ok(subaccount)
    }

    /// Notes that the contract counts the dollars of a coin's margin as units of its stablecoin, where the two differ.
    pub fn note_base_in_cash(&mut self) {
        let Cash { price, .. } = self.cash;
        if price != 1.0 && self.subaccounts.iter().any(|subaccount| subaccount.held.base != 0.0) {
            self.conversions.note(format!(
                "{0} is at {price} dollars, and the contract counts the dollars of a coin's margin as so many {0}",
                self.manager.cash
            ));
        }
    }
}

impl Subaccount {
    /// Adds a collateral. Its confidence is that of its underlying, because a market gives none for coins themselves.
    fn back(&mut self, holding: &PricedBalance, haircut: Haircut) {
        self.backing.push((holding.place, self.held.collaterals.len(), 1.0));
        self.held.collaterals.push(CollateralHolding {
            amount: holding.amount,
            price: holding.price,
            confidence: self.held.spot_confidence,
            risk_cancelling: haircut.risk_cancelling,
            mm_haircut: haircut.mm_haircut,
            im_haircut: haircut.im_haircut,
        });
    }

    fn hold_options(&mut self, book: &UnderlyingAccount, market: &Market) {
        let mut times: Vec<Timestamp> = Vec::new();
        for leg in &book.legs {
            let Contract::Option(terms) = &leg.contract else { continue };
            let slot = times.iter().position(|time| *time == terms.expiry).unwrap_or_else(|| {
                times.push(terms.expiry);
                self.days.push(terms.expiry.to_string().chars().take_while(|letter| *letter != 'T').collect());
                self.options.push(Vec::new());
                self.held.expiries.push(expiry_of(terms, book, market));
                times.len() - 1
            });
            self.options[slot].push(leg.place);
            let OptionTerms { strike, right, vol, .. } = *terms;
            self.held.expiries[slot].options.push(OptionHolding { strike, right, amount: leg.size, vol });
        }
    }
}

/// The expiry of an option, without options yet.
fn expiry_of(terms: &OptionTerms, book: &UnderlyingAccount, market: &Market) -> ExpiryHolding {
    let listed = market.expiry(book.id, terms.expiry).expect("the account has read it");
    ExpiryHolding {
        seconds: terms.seconds,
        forward_variable: terms.forward - terms.forward_settled,
        forward_fixed: terms.forward_settled,
        rate: terms.rate,
        forward_confidence: listed.forward_confidence,
        rate_confidence: listed.rate_confidence,
        vol_confidence: listed.vol_confidence,
        options: Vec::new(),
    }
}

/// The mark of the underlying's perpetual in USD: the linear one if the market lists it, else the inverse one, else the index.
fn perpetual_mark(book: &UnderlyingAccount, market: &Market) -> f64 {
    let of = |payoff: Payoff| {
        let wanted = |listing: &&Instrument| {
            listing.underlying == book.id
                && listing.payoff == payoff
                && matches!(listing.kind, InstrumentKind::Perpetual)
        };
        let usd = |listing: &Instrument| market.mark(listing.id).to_usd(market.usd_per_quote(listing));
        market.instruments.iter().find(wanted).map(usd)
    };
    of(Payoff::Linear).or_else(|| of(Payoff::Inverse)).unwrap_or(book.index)
}
