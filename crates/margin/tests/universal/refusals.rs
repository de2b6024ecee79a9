//! Inputs that must be refused, and the message of each refusal: path, value, expectation.

use margin::method::universal::{self};
use margin::scenario::ScenarioSet;
use margin::{AggregationDocument, FamilyDocument, MoveDocument, Refusal, SCENARIOS_FORMAT, ScenarioDocument};
use model::{Account, Balance, InstrumentDocument, InstrumentId, Market, Payoff, Position, Right};
use pricing::kernel::Isa;
use units::Money;

use crate::generate::{self, PARAMS};

/// The message for the bundled parameters with one text replaced by another.
fn refused(from: &str, to: &str) -> String {
    assert_eq!(universal::PARAMS.matches(from).count(), 1, "{from} stands once in the bundled parameters");
    universal::parse(&universal::PARAMS.replace(from, to)).expect_err(to).to_string()
}

#[test]
fn a_parameter_out_of_its_range_is_refused() {
    for (from, to, message) in [
        (
            "im_factor = { value = \"1.3\"",
            "im_factor = { value = \"0.99\"",
            "margin.im_factor: found 0.99, expected a number from 1 to 10",
        ),
        ("warn = { value = \"1.1\"", "warn = { value = \"0\"", "margin.warn: found 0, expected a number from 1 to 10"),
        (
            "vol_down = { value = \"0.25\"",
            "vol_down = { value = \"-0.25\"",
            "scan.vol_down: found -0.25, expected a number from 0 to 1",
        ),
        (
            "price = { value = { BTC = \"-0.470\"",
            "price = { value = { BTC = \"-1\"",
            "stress.2020-03-12.price.BTC: found -1, expected a number from -0.99 to 10",
        ),
        (
            "stablecoin = { value = \"-0.10\"",
            "stablecoin = { value = \"0.1\"",
            "depeg.stablecoin: found 0.1, expected a number from -0.99 to 0",
        ),
        (
            "USDe = { value = \"-0.20\"",
            "UST = { value = \"-0.20\"",
            "depeg.fall.UST: found \"UST\", expected one of depeg.stablecoins",
        ),
        (
            "value = [\"DAI\",",
            "value = [\"USD\",",
            "depeg.stablecoins: found USD, expected any other asset: USD is what the others are measured in",
        ),
        (
            "other = { value = \"-0.72\"",
            "other = { value = \"0.72\"",
            "depeg.token.down.other: found 0.72, expected a number from -0.99 to 0",
        ),
        (
            "0.85\", reason = \"of no",
            "1.01\", reason = \"of no",
            "haircut.cap: found 1.01, expected a number from 0 to 1",
        ),
        (
            "arbitrum = { value = \"0.10\"",
            "arbitrum = { value = \"2\"",
            "depeg.location_loss.arbitrum: found 2, expected a number from 0 to 1",
        ),
        (
            "value = [\"-3\", \"-2\", \"-1.5\", \"-1.25\",",
            "value = [\"-3\", \"-2\",",
            "tails.multiple_weight: found 8 weights, expected one for each of 6 multiples",
        ),
        (
            "value = [\"-3\", \"-2\",",
            "value = [\"-3\", \"-0.5\",",
            "tails.multiple, without its sign: found 0.5, expected a number from 1 to 1000",
        ),
    ] {
        assert_eq!(refused(from, to), message);
    }
}

/// SCN-4: a range of a whole price or more would push prices below zero, which no scenario may.
#[test]
fn a_scan_range_that_takes_the_whole_price_is_refused() {
    let message = refused("other = { value = \"0.0610\"", "other = { value = \"0.31\"");
    assert_eq!(
        message,
        "scan range of other (quantile · sigma · √days): found 1.009236, expected a number from 0 to 0.99"
    );
}

/// FAM-3: a pair in the wrong order would never be found, and its correlation would silently be that of `other`.
#[test]
fn a_pair_out_of_alphabetical_order_is_refused() {
    let message = refused("\"BTC/ETH\" = ", "\"ETH/BTC\" = ");
    assert_eq!(
        message,
        "apart.correlation.ETH/BTC: found \"ETH/BTC\", expected a pair in alphabetical order, such as BTC/ETH"
    );
}

#[test]
fn a_residual_of_the_valuation_currency_is_refused() {
    let message = refused("residual = { USDT = { value = \"-0.05\"", "residual = { USD = { value = \"-0.05\"");
    assert!(message.starts_with("stress.2022-05-12.residual.USD: found USD, expected any other asset"), "{message}");
}

#[test]
fn a_parameter_that_is_unknown_missing_or_no_text_is_refused() {
    for (from, to, path, parts) in [
        ("pin_days = ", "pin_hours = \"2\"\npin_days = ", "options.pin_hours", vec!["pin_hours", "short_rate"]),
        ("\npin_days = ", "\n# ", "options", vec!["missing field", "pin_days"]),
        ("cap = { value = \"0.85\"", "cap = { value = 0.85", "haircut.cap", vec!["0.85", "a decimal number as text"]),
        ("0.85\", reason = \"of no", "NaN\", reason = \"of no", "haircut.cap", vec!["NaN", "a decimal number"]),
        (
            "pin_days = { value = \"1\",",
            "pin_days = { value = \"1\", because = \"x\",",
            "options.pin_days.because",
            vec!["value, reason, as_of or source"],
        ),
        ("as_of = \"2026-11-30\"", "", "about.as_of", vec!["missing", "text"]),
        ("[about]\nmethod", "[about\nmethod", "line 4", vec![]),
    ] {
        let message = refused(from, to);
        assert!(message.starts_with(&format!("{path}: ")), "{message} starts with {path}");
        for part in parts {
            assert!(message.contains(part), "{message} says {part}");
        }
    }
}

/// FAM-9: a file that was written before tokens were told from stablecoins, and coins were tried together.
#[test]
fn an_older_file_knows_tokens() {
    let mut older = String::new();
    let mut newer = false;
    for line in universal::PARAMS.lines() {
        if line.starts_with('[') {
            newer = ["[depeg.correlation]", "[depeg.fall]", "[depeg.token.down]", "[depeg.token.up]"].contains(&line);
        }
        let newer =
            newer || ["stablecoins = ", "par_within = ", "crash_weight = "].iter().any(|name| line.starts_with(name));
        if !newer {
            older.extend([line, "\n"]);
        }
    }
    let depeg = universal::parse(&older).expect("an older file").rules.depeg;
    assert!(
        depeg.is_stablecoin("USDC", 0.81) && !depeg.is_stablecoin("USDC", 0.79) && !depeg.is_stablecoin("FTT", 1.0)
    );
    assert_eq!([depeg.fall("USDC"), depeg.token.down.get("FTT"), depeg.token.up.get("FTT")], [-0.10, -0.72, 1.44]);
    assert_eq!([depeg.correlation.wrapped, depeg.correlation.stablecoin, depeg.crash_weight], [0.40, 0.47, 0.95]);
}

/// A name that is not listed takes the number of `other`; a table without it could not answer.
#[test]
fn a_table_without_other_is_refused() {
    let message = refused("other = { value = \"0.8\"", "\"SOL/XRP\" = { value = \"0.8\"");
    assert_eq!(message, "apart.correlation.other: missing, expected the number of every name that is not listed");
}

/// BTC and ETH moved twice; USDC on its own the second time.
fn document() -> ScenarioDocument {
    let moved = |name: &str, price: [&str; 2], residual: Option<&str>| MoveDocument {
        name: name.to_owned(),
        price: price.map(|number| number.parse().expect("a number")).to_vec(),
        vol: vec!["0.1".parse().expect("a number"), "-0.1".parse().expect("a number")],
        residual: residual.map(|number| vec![number.parse().expect("a number")]),
    };
    ScenarioDocument {
        format: SCENARIOS_FORMAT.to_owned(),
        name: "two".to_owned(),
        about: "written by hand".to_owned(),
        underlyings: vec!["ETH".to_owned(), "BTC".to_owned()],
        assets: vec!["USDC".to_owned()],
        families: vec![FamilyDocument {
            family: "hand".to_owned(),
            aggregation: AggregationDocument::ExpectedShortfall,
            level: Some("0.5".parse().expect("a number")),
            weight: None,
            scenarios: vec![moved("one", ["-0.3", "-0.2"], None), moved("two", ["0.3", "0.1"], Some("-0.05"))],
        }],
        hash: None,
    }
}

fn market(names: &[&str]) -> Market {
    let mut document = generate::empty_market();
    document.assets.push(generate::asset("USDC", 1.0, None));
    for name in names {
        document.underlyings.push(generate::underlying(name, 1000.0));
        document.instruments.push(generate::perpetual(name, name, Payoff::Linear, 1000.0));
    }
    Market::new(&document).expect("valid")
}

/// The message for a document that was changed before its scenarios for BTC and ETH were requested.
fn unusable(change: impl Fn(&mut ScenarioDocument)) -> String {
    let mut document = document();
    change(&mut document);
    document.scenarios_for(&market(&["BTC", "ETH"])).expect_err("a document that cannot be used").to_string()
}

#[test]
fn a_scenario_document_that_was_touched_is_refused() {
    let mut sealed = document();
    sealed.hash = Some(sealed.computed_hash());
    let text = serde_json::to_string(&sealed).expect("JSON");
    assert_eq!(ScenarioDocument::parse(&text), Ok(sealed.clone()));
    let touched = text.replace("\"-0.3\"", "\"-0.1\"");
    let message = ScenarioDocument::parse(&touched).expect_err("touched").to_string();
    assert!(message.starts_with(&format!("hash: found {}, expected ", sealed.computed_hash())), "{message}");
    let bare = serde_json::to_string(&document()).expect("JSON");
    assert!(ScenarioDocument::parse(&bare).expect_err("no hash").to_string().starts_with("hash: missing, expected "));
    let other = text.replace("upm.scenarios/1", "upm.scenarios/2");
    assert_eq!(
        ScenarioDocument::parse(&other).expect_err("format").to_string(),
        "format: found upm.scenarios/2, expected upm.scenarios/1"
    );
    let float = text.replace("\"-0.3\"", "-0.3");
    assert!(
        ScenarioDocument::parse(&float)
            .expect_err("a float")
            .to_string()
            .starts_with("families[0].scenarios[0].price[0]: ")
    );
}

#[test]
fn a_scenario_document_that_does_not_fit_is_refused() {
    let of = |change: fn(&mut ScenarioDocument)| unusable(change);
    assert_eq!(
        of(|document| document.underlyings[0] = "SOL".to_owned()),
        "underlyings: missing, expected \"ETH\", an underlying of the market"
    );
    assert_eq!(
        of(|document| document.underlyings[0] = "BTC".to_owned()),
        "underlyings: found \"BTC\" again, expected each name once"
    );
    assert_eq!(
        of(|document| document.assets[0] = "USD".to_owned()),
        "assets: found \"USD\", expected any other asset: USD is what the others are measured in"
    );
    assert_eq!(
        of(|document| document.families[0].scenarios[1].price.truncate(1)),
        "families[0].scenarios[1].price: found 1 numbers, expected 2, one for each name"
    );
    assert_eq!(
        of(|document| document.families[0].scenarios[0].vol.truncate(1)),
        "families[0].scenarios[0].vol: found 1 numbers, expected 2, one for each name"
    );
    assert_eq!(
        of(|document| document.families[0].scenarios[0].residual = Some(Vec::new())),
        "families[0].scenarios[0].residual: found 0 numbers, expected 1, one for each name"
    );
    assert_eq!(
        of(|document| document.families[0].scenarios[0].price[1] = "-1".parse().expect("a number")),
        "families[0].scenarios[0].price[1]: found -1, expected a number from -0.999 to 1000"
    );
    assert_eq!(
        of(|document| document.families[0].level = Some("1".parse().expect("a number"))),
        "families[0].level: found 1, expected a number from 0.5 to 0.9999"
    );
    assert_eq!(
        of(|document| document.families[0].level = None),
        "families[0].level: missing, expected a level such as \"0.975\""
    );
    assert_eq!(
        of(|document| document.families[0].aggregation = AggregationDocument::Worst),
        "families[0].level: found 0.5, expected none: the worst has no level"
    );
    assert_eq!(
        of(|document| document.families[0].weight = Some("1.5".parse().expect("a number"))),
        "families[0].weight: found 1.5, expected a number from 0 to 1"
    );
    assert_eq!(
        of(|document| document.families[0].scenarios.clear()),
        "families[0].scenarios: missing, expected at least one scenario that counts"
    );
}

/// FAM-4, FAM-5: a document's family joins the maximum; its columns are in the order of its own names.
#[test]
fn the_families_of_a_document_join_the_maximum() {
    let market = market(&["BTC", "ETH"]);
    let set = document().scenarios_for(&market).expect("it fits");
    let judge = universal::prepare(&market, &PARAMS.rules, &set, Isa::detect()).expect("a market");
    let position = Position {
        instrument: InstrumentId(1),
        quantity: "10".parse().expect("a number"),
        entry: market.mark(InstrumentId(1)),
    };
    let cash = Balance {
        asset: market.asset("USDC").expect("listed"),
        amount: "100".parse().expect("a number"),
        location: None,
    };
    let account =
        Account { name: "a".to_owned(), positions: vec![position], balances: vec![cash], ..Account::default() };
    let answer = margin::assess(&account, &judge).expect("an answer");
    // ETH −30 % of 10 × 1000; the mean of the worst half of two is the worst. Digits below 10⁻¹² round up.
    assert_eq!((answer.core.family.as_str(), answer.core.scenario.as_str()), ("hand", "one"));
    assert!((answer.core.loss.to_f64() - 3000.0).abs() < 1e-11, "{}", answer.core.loss);
    // ETH +30 %, and USDC −5 %: a long perpetual in USDC is ten coins less a debt of 10,000 USDC.
    let up = answer.scenarios.iter().find(|scenario| scenario.scenario == "two").expect("listed").pnl;
    assert!((up - (3000.0 + 0.05 * 10_000.0 - 5.0)).abs() < 1e-9, "{up}");
    assert_ne!(
        judge.array.set.hash(),
        universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect())
            .expect("a market")
            .array
            .set
            .hash()
    );
}

/// SCN-6: the hash covers everything in a scenario, the failing location included.
#[test]
fn the_hash_of_a_set_sees_the_place_that_fails() {
    let market = market(&["BTC"]);
    let failing = |place: &str| {
        let mut scenario = margin::scenario::Scenario::still("a place fails", &market);
        scenario.failure = Some((place.to_owned(), 0.5));
        let mut set = ScenarioSet::default();
        set.add("places", margin::scenario::Aggregation::Worst, [scenario]);
        set.hash()
    };
    assert_eq!(failing("ethereum"), failing("ethereum"));
    assert_ne!(failing("ethereum"), failing("solana"));
}

#[test]
fn a_forward_that_is_not_positive_is_refused() {
    for forward in ["0", "-1"] {
        let mut document = generate::empty_market();
        let forward = forward.parse().expect("a price");
        let terms = model::ExpiryDocument { forward, ..generate::expiry(86_400, 1.0, 0.0, None) };
        document
            .underlyings
            .push(model::UnderlyingDocument { expiries: vec![terms], ..generate::underlying("BTC", 1000.0) });
        let message = Market::new(&document).expect_err("no forward").to_string();
        assert_eq!(message, format!("underlyings[0].expiries[0].forward: found {forward}, expected a price above 0"));
    }
}

/// An option without a volatility in the market is refused when held, alone or ordered, and does not affect other accounts.
#[test]
fn an_option_without_volatility_is_refused_only_where_it_is_held() {
    let mut document = generate::empty_market();
    document.assets.push(generate::asset("USDC", 1.0, None));
    let terms = generate::expiry(86_400, 1000.0, 0.0, None);
    let option = generate::option("C", "BTC", &terms, (1000.0, Right::Call, Payoff::Linear), (0.5, 0.0));
    document.instruments.push(InstrumentDocument { iv: None, ..option });
    document
        .underlyings
        .push(model::UnderlyingDocument { expiries: vec![terms], ..generate::underlying("BTC", 1000.0) });
    let market = Market::new(&document).expect("valid");
    let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market");
    let position = Position {
        instrument: InstrumentId(0),
        quantity: "1".parse().expect("a number"),
        entry: market.mark(InstrumentId(0)),
    };
    let order = model::Order {
        instrument: InstrumentId(0),
        side: model::Side::Buy,
        quantity: "1".parse().expect("a number"),
        limit: "1".parse().expect("a price"),
    };
    for account in [
        Account { positions: vec![position], ..Account::default() },
        Account { orders: vec![order], ..Account::default() },
    ] {
        assert_eq!(margin::assess(&account, &judge), Err(Refusal::NoVolatility { instrument: "C".to_owned() }));
    }
    assert!(margin::assess(&Account::default(), &judge).is_ok());
}

/// CHG-1, CHG-5: where nothing trades, leaving a position costs everything; the account is refused, never let off.
#[test]
fn a_market_without_any_volume_is_refused_where_it_matters() {
    let mut document = generate::empty_market();
    document.assets.push(generate::asset("USDC", 1.0, None));
    document
        .underlyings
        .push(model::UnderlyingDocument { adv_usd: Some(Money::ZERO), ..generate::underlying("BTC", 1000.0) });
    document.instruments.push(generate::perpetual("P", "BTC", Payoff::Linear, 1000.0));
    let market = Market::new(&document).expect("valid");
    let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market");
    let position = Position {
        instrument: InstrumentId(0),
        quantity: "1".parse().expect("a number"),
        entry: market.mark(InstrumentId(0)),
    };
    let account = Account { name: "stuck".to_owned(), positions: vec![position], ..Account::default() };
    let refusal = margin::assess(&account, &judge).expect_err("no way out");
    assert!(matches!(refusal, Refusal::OutOfRange { .. }), "{refusal}");
}

/// CHG-7, FAM-9: notes name a missing funding rate and a token about which nothing is known.
#[test]
fn what_is_not_known_is_noted() {
    let mut document = generate::empty_market();
    document.assets.extend([generate::asset("USDC", 1.0, None), generate::asset("MEME", 1.0, None)]);
    document.underlyings.push(generate::underlying("BTC", 1000.0));
    document.instruments.push(generate::perpetual("P", "BTC", Payoff::Linear, 1000.0));
    let market = Market::new(&document).expect("valid");
    let judge = universal::prepare(&market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market");
    let quantity = "1".parse().expect("a number");
    let balance = |name: &str| Balance {
        asset: market.asset(name).expect("listed"),
        amount: "1".parse().expect("a number"),
        location: None,
    };
    let account = Account {
        balances: vec![balance("USD"), balance("USDC"), balance("MEME")],
        positions: vec![Position { instrument: InstrumentId(0), quantity, entry: market.mark(InstrumentId(0)) }],
        ..Account::default()
    };
    let notes = margin::assess(&account, &judge).expect("an answer").notes;
    let said = |words: &str| notes.iter().any(|note| note.contains(words));
    assert!(said("P: the market gives no funding_rate_8h") && said("MEME: follows no underlying"), "{notes:?}");
    assert!(notes.iter().all(|note| !note.starts_with("USD:")), "{notes:?}");
}

/// A NaN loss is out of range in any family; no other family stands in for it.
#[test]
fn a_loss_that_is_no_number_is_refused() {
    let family = |loss: f64| margin::FamilyLine::new("family", loss, "");
    for families in [[family(f64::NAN), family(1.0)], [family(1.0), family(f64::NAN)]] {
        let workings = margin::Workings { families: families.to_vec(), ..margin::Workings::default() };
        assert!(workings.requirement().is_err());
    }
}

/// Every value has a reason, except the names of days.
#[test]
fn every_parameter_has_its_reason() {
    for leaf in PARAMS.evidence.iter().filter(|leaf| leaf.path.rsplit('.').next() != Some("name")) {
        assert!(!leaf.reason.is_empty() && !leaf.source.is_empty() && !leaf.as_of.is_empty(), "{leaf:?}");
    }
}
