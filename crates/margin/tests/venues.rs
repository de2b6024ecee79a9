//! Every venue's method where a stablecoin is away from a dollar, where the venue has no rule, and where it accepts no
//! collateral.
//!
//! `venues/*.json` are small cases computed by hand: a stablecoin at 0.88, two settlement stablecoins, a coin of
//! another size, an index below zero.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

use margin::method::{METHODS, Options};
use margin::{Assessment, ChargeLine, Judge, Refusal, RequirementState, Standing, Status, Workings, assess};
use model::{Account, Market, Portfolio};
use units::{Money, Ratio};

const VENUES: [&str; 7] =
    ["deribit", "deribit-standard", "paradex", "paradex-cross", "derive", "derive-pmrm", "derive-standard"];

const PEG: (&str, &str) = (include_str!("venues/peg-0.88.market.json"), include_str!("venues/peg.portfolio.json"));
const STABLES: (&str, &str) =
    (include_str!("venues/two-stables.market.json"), include_str!("venues/two-stables.portfolio.json"));
const COIN: (&str, &str) =
    (include_str!("venues/small-coin.market.json"), include_str!("venues/small-coin.portfolio.json"));
const NEGATIVE: (&str, &str) =
    (include_str!("venues/negative-index.market.json"), include_str!("venues/negative-index.portfolio.json"));

/// The answer of a method for every account of two documents.
fn answers(method: &str, (market, portfolio): (&str, &str), strict: bool) -> Vec<Result<Assessment, Refusal>> {
    let market = Market::parse(market).unwrap();
    let accounts = Portfolio::parse(portfolio, &market).unwrap().accounts;
    let method = METHODS.iter().find(|one| one.about.name == method).unwrap();
    let rulebook = method.rulebook(method.params).unwrap();
    let judge = rulebook.judge(&market, &Options { strict, ..Options::default() }).unwrap();
    accounts.iter().map(|account| assess(account, &*judge)).collect()
}

/// The answer of a method for an account of the samples.
fn of_sample(method: &str, account: &str) -> Assessment {
    answer(method, (&testdata::sample("market.json"), &testdata::sample("portfolio.json")), account)
}

fn answer(method: &str, documents: (&str, &str), account: &str) -> Assessment {
    let all = answers(method, documents, false).into_iter().map(Result::unwrap);
    all.into_iter().find(|one| one.account == account).unwrap()
}

#[track_caller]
fn near(found: Money, expected: f64, what: &str) {
    let found = found.to_f64();
    assert!((found - expected).abs() <= 1e-6 + 1e-9 * expected.abs(), "{what}: {found} instead of {expected}");
}

/// The market of the same day with the stablecoin at par: prices in it unchanged, the coin at 23,000 USD.
fn at_par() -> String {
    PEG.0.replace("\"0.88\"", "\"1\"").replace("\"20240\"", "\"23000\"")
}

/// Margins of contracts written and paid in a stablecoin scale with its price. (Derive additionally charges a
/// stablecoin below its peg in the initial margin.)
#[test]
fn margins_at_088_are_those_at_par_times_088() {
    let par = at_par();
    for method in VENUES {
        let both = answers(method, PEG, false).into_iter().zip(answers(method, (&par, PEG.1), false));
        for (low, par) in both.map(|(low, par)| (low.unwrap(), par.unwrap())) {
            let what = format!("{method}: {}", low.account);
            near(low.maintenance_margin, 0.88 * par.maintenance_margin.to_f64(), &what);
            if !method.starts_with("derive") {
                near(low.initial_margin, 0.88 * par.initial_margin.to_f64(), &what);
            }
        }
    }
}

/// Amounts that the venue publishes in USD scale too: 3,000 coins are beyond the threshold of the delta shock.
#[test]
fn large_positions_scale_too() {
    let (par, large) = (at_par(), PEG.1.replace("\"quantity\": \"1\"", "\"quantity\": \"3000\""));
    for method in ["deribit", "deribit-standard"] {
        let (low, par) = (answer(method, (PEG.0, &large), "perp"), answer(method, (&par, &large), "perp"));
        near(low.initial_margin, 0.88 * par.initial_margin.to_f64(), method);
    }
}

#[test]
fn a_call_at_a_strike_of_a_cent_is_the_coin() {
    near(answer("deribit", PEG, "perp").initial_margin, 3_440.8, "16 % and 1 % of 23,000 USDC at 0.88");
    for method in ["deribit", "paradex"] {
        let hedged = answer(method, PEG, "call less perp: no risk");
        // The minimum requirement from delta at Paradex is not a scenario.
        let delta = ["net portfolio requirement", "BTC minimum delta"];
        for family in hedged.families.iter().filter(|family| !delta.contains(&family.family.as_str())) {
            // Paradex prices with a normal distribution that is off by 7e-8.
            assert!(family.loss.to_f64() <= 0.01, "{method}: {} {}", family.family, family.loss);
        }
    }
}

/// A contract on a USD index that only pays in USDC: 0.88 of a coin.
#[test]
fn a_usd_contract_that_pays_in_a_cheap_stablecoin_requires_less() {
    let market = PEG.0.replace("\"quote\": \"USDC\"", "\"quote\": \"USD\"").replace("\"23000\"", "\"20240\"");
    let perpetual = |method| answer(method, (&market, PEG.1), "perp");
    near(perpetual("deribit").initial_margin, 0.17 * 20_240.0 * 0.88, "deribit");
    near(perpetual("paradex-cross").initial_margin, 0.02 * 20_240.0 * 0.88, "paradex-cross");
    near(perpetual("derive-standard").maintenance_margin, 0.065 * 20_240.0 * 0.88, "derive-standard");
}

/// Long and short in two settlement currencies do not offset, and each is labelled with its own name.
#[test]
fn every_settlement_currency_is_margined_by_itself() {
    let both = answers("deribit", STABLES, true).pop().unwrap().unwrap();
    near(both.initial_margin, 34_000.0, "initial");
    near(both.maintenance_margin, 27_200.0, "maintenance");
    for currency in ["USDC", "USDT"] {
        let said = format!("{currency}: initial margin 17000 {currency}, maintenance margin 13600 {currency}");
        assert!(both.notes.contains(&said), "{:?}", both.notes);
    }
    near(answer("deribit-standard", STABLES, "both").initial_margin, 2.0 * 2_005.0, "standard");
    for other in ["EURR", "USYC", "FDUSD"] {
        let (market, portfolio) = (STABLES.0.replace("USDT", other), STABLES.1.replace("USDT", other));
        let documents = (market.as_str(), portfolio.as_str());
        near(answer("deribit", documents, "both").initial_margin, 34_000.0, other);
        for method in VENUES {
            let refusal = answers(method, documents, true).pop().unwrap();
            assert!(matches!(refusal, Err(Refusal::NotListed { .. })), "{method}, {other}: {refusal:?}");
        }
    }
}

/// A rule per coin is never taken from a coin of another size; an unpublished requirement is not known.
#[test]
fn a_coin_without_parameters_is_not_known() {
    for method in VENUES {
        let doge = answers(method, COIN, false).remove(0).unwrap();
        assert_eq!((doge.status, doge.excess, doge.health), (Standing::Unknown, None, None), "{method}");
        assert!(doge.requirement.reasons()[0].contains("DOGE"), "{:?}", doge.requirement);
        // The figure is 0, or an estimate by shares of the notional.
        assert!(doge.initial_margin.to_f64() <= 170_000.0, "{method}: {}", doge.initial_margin);
        if method.starts_with("deribit") {
            assert_eq!(doge.initial_margin, Money::ZERO, "{method}");
        }
        assert!(matches!(answers(method, COIN, true).remove(0), Err(Refusal::NotKnown { .. })), "{method}");
    }
}

/// No venue has a rule for an index or a mark of zero or less; the universal method has.
#[test]
fn a_negative_index_or_mark_is_refused() {
    let above = NEGATIVE.0.replace("\"index\":\"-100\"", "\"index\":\"100\"");
    for method in VENUES {
        for (market, what) in [(NEGATIVE.0, "OIL: the index is -100"), (&above, "the mark is -")] {
            for answer in answers(method, (market, NEGATIVE.1), false) {
                let refusal = answer.unwrap_err().to_string();
                assert!(refusal.contains(what), "{method}: {refusal}");
            }
        }
    }
    for answer in answers("universal", NEGATIVE, false) {
        let answer = answer.unwrap();
        assert!(answer.initial_margin >= answer.maintenance_margin && answer.maintenance_margin >= Money::ZERO);
    }
}

/// 753,000 USDC borrowed against coin.
#[test]
fn a_debt_without_a_rule_is_not_known() {
    for method in ["deribit", "deribit-standard", "paradex", "paradex-cross"] {
        let credit = of_sample(method, "coin on credit");
        assert_eq!((credit.status, credit.excess), (Standing::Unknown, None), "{method}");
        assert!(credit.requirement.reasons()[0].starts_with("USDC: "), "{method}: {:?}", credit.requirement);
    }
    for method in ["universal", "derive", "derive-pmrm", "derive-standard"] {
        assert_eq!(of_sample(method, "coin on credit").requirement, RequirementState::Known, "{method}");
    }
}

/// Collateral that a venue does not accept counts for nothing there, and the margin is that of the risk alone.
#[test]
fn what_is_not_accepted_counts_for_nothing() {
    let covered = of_sample("paradex", "covered call");
    let [part] = covered.requirement.not_accepted() else { panic!("{:?}", covered.requirement) };
    assert_eq!((part.what.as_str(), part.value), ("BTC", "2156209.25".parse().unwrap()));
    assert_eq!(covered.counted_equity, covered.equity.minus(part.value).unwrap());
    assert!(covered.counted_equity.is_negative());
    assert_eq!(covered.status, Standing::Known(Status::Bankrupt));
    assert!(covered.initial_margin < part.value, "{}", covered.initial_margin);
    let at_home = of_sample("deribit", "covered call");
    assert_eq!(at_home.requirement, RequirementState::Known);
    // Staked ether and dollars back nothing that settles in ether there.
    let staked = of_sample("deribit", "staked collateral");
    assert_eq!(staked.requirement.not_accepted().len(), 3);
    let others = of_sample("deribit", "resting orders");
    assert_eq!(others.requirement.not_accepted().iter().map(|part| part.what.as_str()).collect::<Vec<_>>(), ["SOL"]);
}

/// A method with given charges.
struct Given(Market, f64, f64);

impl Judge for Given {
    fn workings(&self, _: &Account) -> Result<Workings, Refusal> {
        let &Self(_, initial, maintenance) = self;
        Ok(Workings { charges: vec![ChargeLine::new("a line", initial, maintenance)], ..Workings::default() })
    }

    fn market(&self) -> &Market {
        &self.0
    }

    fn warn(&self) -> Ratio {
        Ratio::ONE
    }

    fn settlement_window(&self) -> f64 {
        1800.0
    }

    fn scenarios(&self) -> String {
        String::new()
    }
}

/// The maintenance margin is never below 0, nor the initial margin below it.
#[test]
fn margins_are_in_order_or_refused() {
    let market = Market::parse(COIN.0).unwrap();
    let given =
        |initial: f64, maintenance: f64| assess(&Account::default(), &Given(market.clone(), initial, maintenance));
    for (initial, maintenance) in [(-2000.0, 0.0), (-2.0, -1.0), (1.0, -1.0), (-1.0, 1.0)] {
        let refusal = given(initial, maintenance);
        assert!(matches!(refusal, Err(Refusal::OutOfOrder { .. })), "{initial} {maintenance}: {refusal:?}");
    }
    let lifted = given(1.0, 2.0).unwrap();
    near(lifted.initial_margin, 2.0, "lifted");
    let lines = lifted.charges.iter().fold(Money::ZERO, |sum, line| sum.plus(line.initial).unwrap());
    assert_eq!(lines, lifted.initial_margin);
}

/// Its contracts count the dollars of a coin's margin as USDC; the answer notes it where the two differ.
#[test]
fn derive_says_that_it_counts_the_dollars_of_a_coin_as_usdc() {
    let portfolio = r#"{"format": "upm.portfolio/1", "accounts": [
        {"account": "coins", "balances": [{"asset": "BTC", "amount": "10"}]}]}"#;
    for method in ["derive-standard", "derive-pmrm"] {
        for (market, says) in [(PEG.0.to_owned(), true), (at_par(), false)] {
            let answer = answer(method, (&market, portfolio), "coins");
            let said = answer.notes.iter().any(|note| note.contains("counts the dollars of a coin's margin"));
            assert_eq!(said, says, "{method}: {:?}", answer.notes);
        }
    }
}

/// A rebate is not earned before it is paid.
#[test]
fn a_negative_fee_rate_asks_what_no_fee_asks() {
    for method in ["paradex", "paradex-cross", "universal"] {
        let [rebate, free] = ["-0.01", "0"].map(|rate| {
            let market = PEG.0.replace("\"contract_size\":", &format!("\"fee_rate\": \"{rate}\", \"contract_size\":"));
            answers(method, (&market, PEG.1), false)
                .into_iter()
                .map(|one| one.unwrap().maintenance_margin)
                .collect::<Vec<_>>()
        });
        assert_eq!(rebate, free, "{method}");
    }
}

/// Floating-point sums may be below zero by their error, and by no more.
#[test]
fn the_error_of_doubles_is_taken_back_in_a_line_of_its_own() {
    let lines = |last: f64| Workings {
        charges: vec![ChargeLine::new("one", 1000.0, 1000.0), ChargeLine::new("other", last, -1000.0)],
        ..Workings::default()
    };
    let (_, charges, initial, maintenance) = lines(-1_000.000_000_000_2).requirement().unwrap();
    assert_eq!((initial, maintenance), (Money::ZERO, Money::ZERO));
    assert_eq!(charges.iter().map(|line| line.charge.as_str()).collect::<Vec<_>>(), ["one", "other", "rounding"]);
    let (_, charges, initial, _) = lines(-1_000.000_001).requirement().unwrap();
    assert!(initial.is_negative() && charges.len() == 2, "{initial}: {charges:?}");
}
