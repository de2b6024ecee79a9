//! Groups the legs of an account into what the venue margins together: one account for each pair and settlement currency.

use model::{Account, AssetId, Market, Payoff};

use super::pair::{Currencies, Currency, PairAccount, VENUE};
use super::segregated::debts;
use crate::book::{Leg, Listed, Settlement, UnderlyingAccount, Venue, VenueAccount};
use crate::{Refusal, RequirementState};

/// An account as the venue sees it.
pub struct Adapted {
    /// An account for each pair and settlement currency.
    pub pairs: Vec<PairAccount>,
    /// The state of the requirement before any rule is applied.
    pub state: RequirementState,
    /// Every conversion made.
    pub notes: Vec<String>,
}

/// The account as the venue sees it. With `strict`, conversions and debts are refused.
pub fn adapt(
    account: &Account,
    market: &Market,
    (listed, currencies): (&Listed, &Currencies),
    strict: bool,
) -> Result<Adapted, Refusal> {
    let settlement = Settlement::Each(&currencies.settlement);
    let there = VenueAccount::of(account, market, &Venue { name: VENUE, listed, settlement, strict })?;
    let pair = |underlying: &UnderlyingAccount, kind: (Payoff, AssetId)| {
        let currency = currency(kind, market, currencies);
        PairAccount { account: underlying.priced_in(kind, currency.usd), payoff: kind.0, currency }
    };
    let pairs = there.underlyings.iter().flat_map(|held| kinds(held).into_iter().map(move |kind| pair(held, kind)));
    Ok(Adapted {
        pairs: pairs.collect(),
        state: debts(account, market, strict)?,
        notes: there.conversions.into_notes(),
    })
}

/// All payoffs and settlement currencies of contracts on an underlying: inverse first, then by currency.
fn kinds(underlying: &UnderlyingAccount) -> Vec<(Payoff, AssetId)> {
    let mut kinds: Vec<_> = underlying.all_legs().map(|leg: &Leg| (leg.payoff, leg.settle)).collect();
    kinds.sort_by_key(|(payoff, settle)| (*payoff == Payoff::Linear, *settle));
    kinds.dedup();
    kinds
}

fn currency((payoff, settle): (Payoff, AssetId), market: &Market, currencies: &Currencies) -> Currency {
    let name = &market.assets[settle.0].name;
    let usd = market.price(settle).usd().to_f64();
    let counts_as_usd = payoff == Payoff::Inverse || currencies.dollars.contains(name);
    Currency { name: name.clone(), usd, dollar: if counts_as_usd { 1.0 } else { 1.0 / usd } }
}
