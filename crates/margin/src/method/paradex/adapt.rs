//! The inputs of the venue's engine: the account per underlying, in contracts that pay one unit of the collateral token
//! for a dollar, and the charges on balances.

use std::collections::BTreeMap;

use model::{Account, Market, USD};

use crate::book::{
    Contract, Conversions, Leg, Listed, PricedBalance, Settlement, UnderlyingAccount, Venue, VenueAccount,
};
use crate::{ChargeLine, NotAccepted, Refusal, RequirementState, Workings};

/// The venue's name, as notes write it.
const VENUE: &str = "Paradex";

/// An account as the engine sees it.
pub struct Adapted {
    /// The positions and orders on each underlying.
    pub underlyings: Vec<UnderlyingAccount>,
    /// USD per unit of the token in which everything is paid.
    usd: f64,
    state: RequirementState,
    /// The charge on each balance, in USD, in the order of the account.
    haircuts: Vec<f64>,
    /// The part of the charges that is for debts, in USD.
    owed: f64,
    notes: Vec<String>,
}

impl Adapted {
    /// Workings without any sums yet; amounts added to them are in the venue's token, not USD.
    pub fn workings(&mut self, account: &Account) -> Workings {
        Workings::empty(account, std::mem::take(&mut self.state), std::mem::take(&mut self.notes))
    }

    /// Converts workings from the venue's token to USD, and adds the charges on balances.
    pub fn finish(self, workings: Workings) -> Workings {
        let mut workings = workings.scaled(self.usd);
        workings.charges.push(ChargeLine::new("spot balances owed", self.owed, self.owed));
        workings.haircuts = self.haircuts;
        workings
    }
}

/// The account as the engine sees it, with `collateral` as the token in which everything is paid.
pub fn adapt(
    account: &Account,
    market: &Market,
    (listed, collateral): (&Listed, &str),
    strict: bool,
) -> Result<Adapted, Refusal> {
    let venue = Venue { name: VENUE, listed, settlement: Settlement::Only(collateral), strict };
    let VenueAccount { underlyings, cash, mut conversions } = VenueAccount::of(account, market, &venue)?;
    let mut state = RequirementState::default();
    let (mut haircuts, mut owed) = (vec![0.0; account.balances.len()], 0.0);
    let coins = underlyings.iter().flat_map(|underlying| &underlying.coins);
    for PricedBalance { place, asset, name, amount, price } in cash.iter().chain(coins) {
        // USD, the valuation currency, is counted as the collateral: every market lists it, but no venue holds it.
        if *asset == USD {
            conversions.counted_as(name, collateral)?;
        }
        if *asset == USD || name == collateral {
            if *amount < 0.0 {
                let why = "it is owed, and the documents held say nothing of debts";
                state.unknown_at(VENUE, name, why, strict)?;
            }
            continue;
        }
        haircuts[*place] = (amount * price).abs();
        if *amount < 0.0 {
            owed += haircuts[*place];
        } else if *amount > 0.0 {
            state.not_accept(NotAccepted::balance(account, *place, market)?);
        }
    }
    let usd = price_of(collateral, market, &mut conversions, strict)?;
    let underlyings: Vec<_> = underlyings.into_iter().map(|underlying| underlying.paid_in(usd)).collect();
    for leg in underlyings.iter().flat_map(UnderlyingAccount::all_legs).filter(|leg| leg.fee_rate.is_none()) {
        conversions.note(format!("{}: the market gives no fee_rate, no fee is provided for", leg.name));
    }
    Ok(Adapted { underlyings, usd, state, haircuts, owed, notes: conversions.into_notes() })
}

/// The price of the collateral token, in USD; 1, with a note, where the market has none.
fn price_of(collateral: &str, market: &Market, conversions: &mut Conversions, strict: bool) -> Result<f64, Refusal> {
    match market.asset(collateral) {
        Some(asset) => Ok(market.price(asset).usd().to_f64()),
        None if strict => {
            let why = "the market has no price of it".to_owned();
            Err(Refusal::NotKnown { what: collateral.to_owned(), venue: VENUE, why })
        }
        None => {
            conversions.note(format!("{collateral}: counted at 1 USD, for the market has no price of it"));
            Ok(1.0)
        }
    }
}

/// The fee of trading a leg: a share of the mark for a perpetual; a share of the spot for an option, at most
/// `option_cap` of its mark. A rebate counts as 0: it is not earned before it is paid, so it backs nothing.
pub fn fee(leg: &Leg, spot: f64, option_cap: f64) -> f64 {
    let rate = leg.fee_rate.unwrap_or_default().max(0.0);
    match leg.contract {
        Contract::Future { .. } => rate * leg.size.abs() * leg.mark,
        Contract::Option(_) => (rate * spot).min(option_cap * leg.mark) * leg.size.abs(),
    }
}

/// The class that has an underlying among its members, or the fallback class.
pub fn class_of<'a, C: AsRef<[String]>>(
    underlying: &str,
    classes: &'a BTreeMap<String, C>,
    fallback: &str,
    strict: bool,
    workings: &mut Workings,
) -> Result<&'a C, Refusal> {
    let own = classes.values().find(|class| class.as_ref().iter().any(|member| member == underlying));
    if let Some(own) = own {
        return Ok(own);
    }
    let lender = format!("the class `{fallback}`");
    let Some(parameters) = classes.get(fallback) else {
        let why = format!("the parameters have nothing for it, and no fallback {lender}");
        return Err(Refusal::NotKnown { what: underlying.to_owned(), venue: VENUE, why });
    };
    workings.state.estimated_with(&lender, (VENUE, strict), underlying)?;
    Ok(parameters)
}
