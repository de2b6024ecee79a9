//! Margins around an account are those of whole assessments but for the last bits, over generated accounts.

use margin::method::universal;
use margin::scenario::ScenarioSet;
use margin::{Held, Holdings};
use model::{Account, Market, Position};
use pricing::kernel::Isa;
use proptest::prelude::*;
use units::Quantity;

use crate::generate::{self, PARAMS, config};

/// A market, an account, and another from which it takes positions and balances.
fn changed() -> impl Strategy<Value = (Market, Account, Account, usize)> {
    generate::market().prop_flat_map(|market| {
        let (one, other) = (generate::account(&market, 8), generate::account(&market, 4));
        (Just(market), one, other, 0..4_usize)
    })
}

/// An account without orders, in the order that trades keep.
fn in_order(mut account: Account) -> Account {
    account.orders.clear();
    account.positions.sort_by_key(|position| position.instrument);
    account.balances.sort_by(|one, other| (one.asset, &one.location).cmp(&(other.asset, &other.location)));
    account
}

/// The holdings of `account` after it closed its first `closed` positions and took the positions and balances of `other`.
fn after(account: &Account, other: &Account, closed: usize) -> Holdings {
    let mut held = Holdings::of(account);
    for position in account.positions.iter().take(closed) {
        held.set(Position { quantity: Quantity::ZERO, ..*position });
    }
    for position in &other.positions {
        held.set(*position);
    }
    for balance in &other.balances {
        if let Some(known) = held.balances.iter_mut().find(|held| held.asset == balance.asset) {
            known.amount = balance.amount;
        } else {
            let place = held.balances.partition_point(|held| held.asset < balance.asset);
            let opened = Held { asset: balance.asset, amount: balance.amount, place: None, is_elsewhere: false };
            held.balances.insert(place, opened);
        }
    }
    held
}

proptest! {
    #![proptest_config(config(400))]

    /// What differs in a few positions and balances has the margins and the equity of the whole.
    #[test]
    fn an_account_is_judged_by_its_changes((market, one, other, closed) in changed()) {
        let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market");
        let (one, other) = (in_order(one), in_order(other));
        let near = judge.near(&one).expect("an account that can be judged");
        for held in [Holdings::of(&one), after(&one, &other, closed), after(&one, &Account::default(), one.positions.len())] {
            let whole = held.account(&one);
            let margins = judge.margins(&whole).expect("margins");
            let equity = margin::valuation::equity(&whole, &market).expect("in range").to_f64();
            let Some(found) = near.judge(&held) else {
                prop_assert!(margins.initial.to_f64().abs() > 1e14 || equity.abs() > 1e14, "{margins:?}");
                continue;
            };
            // Rounding errors are parts of all that is added up, which may cancel out.
            let worth = |account: &Account| -> f64 {
                let alone = |position: &Position| {
                    let account = Account { positions: vec![*position], ..Account::default() };
                    judge.margins(&account).expect("margins").initial.to_f64()
                        + margin::valuation::equity(&account, &market).expect("in range").to_f64().abs()
                };
                let balances = account.balances.iter().map(|held| {
                    (held.amount.to_f64() * market.price(held.asset).usd().to_f64()).abs()
                });
                account.positions.iter().map(alone).sum::<f64>() + balances.sum::<f64>()
            };
            let slack = 1e-9 * (1.0 + worth(&one) + worth(&whole));
            for (name, found, exact) in [
                ("equity", found.equity, equity),
                ("initial", found.initial, margins.initial.to_f64()),
                ("maintenance", found.maintenance, margins.maintenance.to_f64()),
            ] {
                prop_assert!((found - exact).abs() <= slack, "{name}: {found} and {exact} of {whole:?}");
            }
        }
    }
}
