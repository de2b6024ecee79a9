//! S-32, Euler: one operation had no health check, and an attacker liquidated their own account.

use dice::Dice;
use engine::state::{Policy, Pot};
use engine::{AccountId, FeedId, Reject, Status};
use model::{AssetId, InstrumentId, InstrumentKind, USD};

use crate::Broken;
use crate::report::{Bound, Facts, Near, Parts, Replayed, Told, check, dollars, figure};
use crate::venue::{DAY, Listing, MINUTE, SECOND, Venue, rules};

/// The event, its cost, and the sources of both.
pub static FACTS: Facts = Facts {
    id: "S-32",
    title: "Euler",
    date: "13 March 2023",
    what: "With $30 M of a flash loan: $20 M deposited, ten times as much minted twice, $10 M repaid, then 100 M of \
           the deposit receipts given away, an operation without a check of health; a second account of the same \
           person liquidated the first at a discount of a fifth and withdrew",
    loss: "$8.9 M in the first transaction on DAI, about $200 M in all",
    sources: &[
        "SunWeb3Sec/DeFiHackLabs, 2023-03 Euler",
        "Euler's whitepaper",
        "survivalistbriefing.com (figures of the first run)",
    ],
};

/// The steps of the first run, in millions of DAI.
struct AsItWas {
    collateral: f64,
    debt: f64,
    /// Debt that the liquidator takes on with all collateral.
    taken: f64,
    /// The money that the pool held and could pay.
    paid: f64,
    /// The flash loan, of which two thirds were deposited and one third repaid.
    loan: f64,
}

/// Deposit, mint, repay, mint, donate; then the liquidator takes everything at the largest discount.
fn as_it_was() -> AsItWas {
    // A receipt was worth a little more than a DAI.
    let receipt = 20.0 / 19.568;
    let (mut collateral, mut debt) = (20.0, 0.0);
    for repaid in [10.0, 0.0] {
        collateral += 195.68 * receipt;
        debt += 200.0 - repaid;
    }
    collateral -= 100.0 * receipt;
    // A discount of a fifth, and a fiftieth of the taken amount in addition, for the reserves.
    let taken = collateral * 0.8 * 1.02;
    AsItWas { collateral, debt, taken, paid: 38.9, loan: 30.0 }
}

/// Runs the incident without and with our controls. Fails when a command of its script is refused.
pub fn replay() -> Result<Replayed, Broken> {
    let was = as_it_was();
    let made = (was.collateral - was.taken).min(was.paid) - was.loan;
    let ours = operations(0x5eed_0320, 3_000)?;
    let own = liquidator()?;
    Ok(Parts {
        facts: &FACTS,
        without: Told {
            words: format!(
                "giving away leaves {:.0} M of collateral against {:.0} M of debt; the second account gets {:.0} M \
                 for taking on {:.0} M, draws the {:.1} M that were there and is left with {}",
                was.collateral,
                was.debt,
                was.collateral,
                was.taken,
                was.paid,
                dollars(made * 1e6)
            ),
            figures: vec![figure("healthy accounts made unhealthy by their own operation", 1.0, "accounts")],
        },
        with: Told {
            words: format!(
                "{} random operations of 6 accounts (transfers, withdrawals, trades, orders, gifts to strangers): {} \
                 were taken, {} refused, and none of them, without a price moving, left an account below initial \
                 margin that had held it. The same owner may not liquidate: {}",
                ours.tried, ours.taken, ours.refused, own.said
            ),
            figures: vec![
                figure("operations taken", ours.taken, "count"),
                figure("operations refused", ours.refused, "count"),
                figure("healthy accounts made unhealthy by an operation", ours.made_unhealthy, "accounts"),
                figure("lowest excess over initial margin after an operation, of the margin", ours.closest, "share"),
            ],
        },
        near: Near {
            what: "profit of the first transaction",
            published: 8.9e6,
            modelled: made * 1e6,
            unit: "USD",
            chosen: "",
        },
        assertion: "no operation but a price leaves a healthy account unhealthy",
        unit: "accounts",
        bound_without: Bound { found: 1.0, limit: 0.0 },
        bound_with: Bound { found: ours.made_unhealthy, limit: 0.0 },
        checks: vec![
            check("both answers were met often", ours.taken > 300.0 && ours.refused > 300.0),
            check("accounts came within a twentieth of their initial margin", ours.closest < 0.05),
            check("the owner of an account cannot liquidate it (7)", own.refused),
            check("a stranger can, and at no price worse than was offered (403)", own.others && own.discount),
        ],
    }
    .judged())
}

struct Operations {
    tried: u32,
    taken: f64,
    refused: f64,
    made_unhealthy: f64,
    closest: f64,
}

fn listed() -> Result<(Venue, [InstrumentId; 2], AssetId), Broken> {
    let mut venue = Venue::new(Policy::default(), "2023-03-01T00:00:00Z")?;
    let btc = venue.underlying("BTC", 25_000.0, rules(3, 3), 1e9)?;
    let eth = venue.underlying("ETH", 1600.0, rules(3, 3), 1e9)?;
    let coin = venue.coin("ETH", Some(eth), (1600.0, 1.0), None, 1e6)?;
    let kind = InstrumentKind::Perpetual;
    let first = Listing { name: "BTC-PERP", underlying: btc, kind: kind.clone(), lot: 0.01, tick: 0.5, band: 0.2 };
    let second = Listing { name: "ETH-PERP", underlying: eth, kind, lot: 0.1, tick: 0.1, band: 0.2 };
    let perpetuals = [venue.instrument(&first)?, venue.instrument(&second)?];
    venue.pass(MINUTE)?;
    venue.pass(8 * DAY)?;
    Ok((venue, perpetuals, coin))
}

/// Random operations while every price stands still.
fn operations(seed: u64, count: u32) -> Result<Operations, Broken> {
    let (mut venue, perpetuals, coin) = listed()?;
    let mut accounts = Vec::new();
    for number in 0..6_u32 {
        // Two accounts of each owner.
        let account = venue.account(&format!("account {number}"), number / 2, 20_000.0)?;
        venue.deposit(account, coin, 10.0).map_err(|reject| Broken(reject.to_string()))?;
        accounts.push(account);
    }
    let mut dice = Dice::new(seed);
    let mut found = Operations { tried: count, taken: 0.0, refused: 0.0, made_unhealthy: 0.0, closest: f64::INFINITY };
    for number in 0..count {
        if number % 50 == 49 {
            venue.pass(5 * SECOND)?;
        }
        let before = healthy(&venue, &accounts)?;
        let [one, other] = [dice.pick(&accounts), dice.pick(&accounts)];
        let (size, instrument) = (dice.between(0, 999), dice.pick(&perpetuals));
        let amount = units::count(size * dice.between(1, 20));
        let lots = 1 + size / 4;
        let answer = match dice.below(8) {
            0 => venue.transfer(one, other, USD, amount),
            1 => venue.transfer(one, other, coin, amount / 1000.0),
            2 => venue.withdraw(one, USD, amount / 4.0),
            3 => venue.withdraw(one, coin, amount / 4000.0),
            4 => {
                let side = dice.pick(&[model::Side::Buy, model::Side::Sell]);
                let limit = venue.on_tick(instrument, venue.mark(instrument));
                venue.place(one, instrument, side, lots, limit)
            }
            5 => venue.deposit(one, USD, amount / 40.0),
            _ => {
                // Trades away from the mark give to one account what they take from the other.
                let off = 1.0 + units::count(dice.between(-100, 99)) / 1000.0;
                venue.fill(instrument, venue.mark(instrument) * off, lots, (one, other))
            }
        };
        match answer {
            Ok(_) => found.taken += 1.0,
            Err(_) => found.refused += 1.0,
        }
        let after = healthy(&venue, &accounts)?;
        for (before, after) in before.iter().zip(&after) {
            if *before >= 0.0 && *after < 0.0 {
                found.made_unhealthy += 1.0;
            }
            if *after >= 0.0 {
                found.closest = found.closest.min(*after);
            }
        }
    }
    Ok(found)
}

/// For each account, equity above initial margin as a share of the margin.
fn healthy(venue: &Venue, accounts: &[AccountId]) -> Result<Vec<f64>, Broken> {
    let of = |account: &AccountId| {
        let judged = venue.judge(*account)?;
        let margin = judged.initial_margin.to_f64();
        let excess = judged.equity.minus(judged.initial_margin).map_err(|why| Broken(why.to_string()))?;
        // The sign is exact; the share only tells how near the account is.
        Ok(if margin > 0.0 { excess.to_f64() / margin } else { excess.to_f64() })
    };
    accounts.iter().map(of).collect()
}

struct Liquidator {
    refused: bool,
    others: bool,
    discount: bool,
    said: String,
}

/// A price makes an account unhealthy; its owner and a stranger try to take it over.
fn liquidator() -> Result<Liquidator, Broken> {
    let (mut venue, [perpetual, _], _) = listed()?;
    venue.fund(Pot::SharedFund, 1e6)?;
    let victim = venue.account("victim", 1, 3000.0)?;
    let own = venue.account("second account", 1, 1e6)?;
    let stranger = venue.account("stranger", 2, 1e6)?;
    let lots = venue.fill_most(perpetual, 25_000.0, 100, (victim, stranger));
    for step in 1..=8 {
        venue.say(FeedId::Index(model::UnderlyingId(0)), 25_000.0 * (1.0 - 0.015 * f64::from(step)));
        venue.pass_steps(MINUTE, 5)?;
        if venue.status(victim) <= Status::Liquidation {
            break;
        }
    }
    let mark = venue.mark(perpetual);
    let half = -(lots / 2).max(1);
    let answer = venue.liquidate(perpetual, mark, half, (victim, own));
    let refused = matches!(answer, Err(Reject::SelfTrade { .. }));
    let said = answer.err().map_or_else(|| "it was taken".to_owned(), |reject| reject.to_string());
    let lots = venue.offer(victim).map_or(half, |offer| half.max(offer.lots));
    let dumped = venue.take(perpetual, mark * 0.82, lots, (victim, stranger));
    let discount = matches!(dumped, Err(Reject::NoOffer { .. }));
    let others = venue.liquidate(perpetual, mark, half, (victim, stranger)).is_ok();

    Ok(Liquidator { refused, others, discount, said })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::cases()))]

        /// I-26, for any sequence of operations.
        #[test]
        fn no_operation_makes_a_healthy_account_unhealthy(seed in 1_u64..) {
            let found = operations(seed, 400).unwrap();
            prop_assert_eq!(found.made_unhealthy, 0.0);
        }
    }

    /// The count can be other than zero: a price does what no operation can do.
    #[test]
    fn a_price_makes_a_healthy_account_unhealthy() {
        let (mut venue, [perpetual, _], _) = listed().unwrap();
        let (long, short) = (venue.account("long", 1, 3000.0).unwrap(), venue.account("short", 2, 1e6).unwrap());
        venue.fill_most(perpetual, 25_000.0, 100, (long, short));
        assert!(healthy(&venue, &[long]).unwrap()[0] >= 0.0);
        venue.say(FeedId::Index(model::UnderlyingId(0)), 24_000.0);
        venue.pass_steps(MINUTE, 5).unwrap();
        assert!(healthy(&venue, &[long]).unwrap()[0] < 0.0);
    }
}
