//! SCN-7: an index moves with its parts, and its future hedges them.

use margin::method::universal::{self, Universal};
use margin::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove};
use margin::{Assessment, Refusal, ScenarioDocument};
use model::{
    Account, AssetId, Balance, BasketDocument, Expiry, InstrumentDocument, KindDocument, Market, MarketDocument,
    PartDocument, Payoff, Position, QuotePrice, Right, UnderlyingDocument, UnderlyingId,
};
use pricing::kernel::Isa;
use proptest::collection::vec;
use proptest::prelude::*;
use units::{Decimal, Quantity, Ratio};

use crate::generate::{self, PARAMS, assessed, config, price, quantity};

const DAY: i64 = 86_400;

/// Underlyings of these names and indices, and `INDEX`, a basket that has the given units of each.
fn indexed(parts: &[(&str, f64, f64)]) -> MarketDocument {
    let mut document = generate::empty_market();
    document.assets.push(generate::asset("USDC", 1.0, None));
    for (name, index, _) in parts {
        document.underlyings.push(generate::underlying(name, *index));
    }
    let part = |(name, _, units): &(&str, f64, f64)| PartDocument {
        underlying: (*name).to_owned(),
        units: Some(Quantity::shortest(*units).expect("in range")),
        weight: None,
        price: None,
    };
    let parts = parts.iter().map(part).collect();
    let basket = Some(BasketDocument { parts, divisor: None, rebalanced: generate::now() });
    document.underlyings.push(UnderlyingDocument { index: None, basket, ..generate::underlying("INDEX", 1.0) });
    document
}

/// Lists a linear perpetual on every underlying, marked at its index.
fn with_perpetuals(mut document: MarketDocument) -> Market {
    let listed = Market::new(&document).expect("valid");
    for (underlying, index) in listed.underlyings.iter().zip(&listed.quotes.indices) {
        let mark = QuotePrice::new(index.usd());
        let perpetual = generate::perpetual(&underlying.name, &underlying.name, Payoff::Linear, 1.0);
        document.instruments.push(InstrumentDocument { mark, ..perpetual });
    }
    Market::new(&document).expect("valid")
}

fn judge<'a>(market: &'a Market, extra: &ScenarioSet) -> Universal<'a> {
    universal::prepare(market, &PARAMS.rules, extra, Isa::detect()).expect("a market to prepare")
}

fn holding(market: &Market, lines: &[(&str, f64)]) -> Account {
    let position = |(name, contracts): &(&str, f64)| {
        let instrument = market.instrument(name).expect("listed");
        Position { instrument, quantity: quantity(*contracts), entry: market.mark(instrument) }
    };
    Account { positions: lines.iter().map(position).collect(), ..Account::default() }
}

fn profits(judge: &Universal<'_>, account: &Account) -> Vec<f64> {
    judge.array.pnl(&judge.array.vector(account).expect("a vector"))
}

fn loss(answer: &Assessment, family: &str) -> f64 {
    answer.families.iter().find(|of| of.family == family).expect("a family of that name").loss.to_f64()
}

fn charge(answer: &Assessment, name: &str) -> f64 {
    answer.charges.iter().find(|charge| charge.charge == name).expect("a charge").maintenance.to_f64()
}

/// Scenarios with these price moves of the first underlyings, the others still.
fn drawn(market: &Market, moves: &[Vec<f64>]) -> ScenarioSet {
    let mut set = ScenarioSet::default();
    let scenario = |prices: &Vec<f64>| {
        let mut scenario = Scenario::still("drawn", market);
        for (shift, price) in scenario.moves.iter_mut().zip(prices) {
            *shift = Move { price: *price, basis: 0.5 * price, vol: VolMove::Level(*price), ..Move::NONE };
        }
        scenario
    };
    set.add("drawn", Aggregation::Worst, moves.iter().map(scenario));
    set
}

proptest! {
    #![proptest_config(config(200))]

    /// P-12: an index perpetual against its parts has no profit in any scenario, where all are marked at their index.
    #[test]
    fn an_index_against_its_parts_has_no_profit(
        sizes in vec((0.01..1e5_f64, 1e-3..1e3_f64), 1..5), contracts in 0.01..1e4_f64, moves in vec(vec(-0.9..3.0_f64, 4), 1..6),
    ) {
        let names = ["BTC", "ETH", "XRP", "ABC"];
        let parts: Vec<(&str, f64, f64)> = names.into_iter().zip(&sizes).map(|(name, (price, units))| (name, *price, *units)).collect();
        let market = with_perpetuals(indexed(&parts));
        let basket = market.baskets().next().expect("listed").1;
        let units = basket.parts.iter().map(|part| part.units.to_f64());
        let mut lines: Vec<(&str, f64)> = names.into_iter().zip(units).map(|(name, units)| (name, -contracts * units)).collect();
        lines.push(("INDEX", contracts));
        let judge = judge(&market, &drawn(&market, &moves));
        let gross = 2.0 * contracts * market.index(UnderlyingId(parts.len())).usd().to_f64();
        for (pnl, scenario) in profits(&judge, &holding(&market, &lines)).iter().zip(&judge.array.set.scenarios) {
            prop_assert!(pnl.abs() <= 1e-9 * gross, "{}: {pnl} of {gross}", scenario.name);
        }
    }

    /// P-12 for dated futures: what is left is the basis of the index less that of its parts, times the move.
    #[test]
    fn an_index_future_against_its_parts_has_the_profit_of_their_basis(
        bases in vec(0.9..1.1_f64, 3), moves in vec(vec(-0.9..3.0_f64, 2), 1..6),
    ) {
        let mut document = indexed(&[("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)]);
        for (entry, basis) in document.underlyings.iter_mut().zip(&bases) {
            let index = entry.index.map_or(1_000.0, |index| index.usd().to_f64());
            entry.expiries.push(generate::expiry(60 * DAY, index * basis, 0.0, None));
            let future = generate::perpetual(&entry.underlying, &entry.underlying, Payoff::Linear, index * basis);
            let expiry = Some(generate::after(60 * DAY));
            document.instruments.push(InstrumentDocument { kind: KindDocument::Future, expiry, ..future });
        }
        let market = Market::new(&document).expect("valid");
        let judge = judge(&market, &drawn(&market, &moves));
        let account = holding(&market, &[("INDEX", 10.0), ("BTC", -0.1), ("ETH", -0.5)]);
        for (pnl, scenario) in profits(&judge, &account).iter().zip(&judge.array.set.scenarios) {
            // What a contract in USDC gains in USD: its mark in USD moves, and its entry with the price of USDC.
            let gain = |place: usize| {
                let shift = scenario.moves[place];
                (1.0 + shift.price) * (1.0 + shift.basis) - (1.0 + scenario.residuals[1])
            };
            let of_index = bases[2] * 10_000.0 * gain(2);
            let of_parts = bases[0] * 8_000.0 * gain(0) + bases[1] * 2_000.0 * gain(1);
            let expected = scenario.weight * (of_index - of_parts);
            let shares = 10_000.0 * gain(2) - 8_000.0 * gain(0) - 2_000.0 * gain(1);
            prop_assert!(shares.abs() <= 1e-6, "the same basis of all leaves nothing: {shares}");
            prop_assert!((pnl - expected).abs() <= 1e-6, "{}: {pnl} {expected}", scenario.name);
        }
    }

    /// Units and divisor may be scaled together.
    #[test]
    fn a_basket_is_its_units_over_its_divisor(factor in 0.01..100.0_f64, contracts in -100.0..100.0_f64) {
        let document = indexed(&[("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)]);
        let mut scaled = document.clone();
        let basket = scaled.underlyings[2].basket.as_mut().expect("a basket");
        basket.divisor = Some(Ratio::shortest(factor).expect("in range"));
        for part in &mut basket.parts {
            part.units = part.units.map(|units| quantity(units.to_f64() * factor));
        }
        let [one, other] = [document, scaled].map(with_perpetuals);
        let of = |market: &Market| profits(&judge(market, &ScenarioSet::default()), &holding(market, &[("INDEX", contracts)]));
        for (one, other) in of(&one).iter().zip(of(&other)) {
            prop_assert!((one - other).abs() <= 1e-6, "{one} {other}");
        }
    }
}

/// SCN-7: a basket of one unit of one part is the part: every number of every assessment, bit for bit.
#[test]
fn a_basket_of_one_part_is_the_part() {
    let mut document = indexed(&[("BTC", 80_000.0, 1.0), ("ETH", 4_000.0, 1.0)]);
    document.underlyings[2].basket.as_mut().expect("a basket").parts.truncate(1);
    for days in [7, 60] {
        let terms = generate::expiry(days * DAY, 81_234.5, 0.037, None);
        for name in ["BTC", "INDEX"] {
            let contract = (85_000.0, Right::Call, Payoff::Linear);
            document.instruments.push(generate::option(&format!("{name}-{days}"), name, &terms, contract, (0.6, 0.01)));
        }
        document.underlyings[0].expiries.push(terms);
    }
    // The expiries of the index follow from those of its part.
    assert!(document.underlyings[2].expiries.is_empty());
    let market = with_perpetuals(document);
    let of_part = market.expiries(UnderlyingId(0)).iter();
    let expected: Vec<Expiry> = of_part.map(|expiry| Expiry { underlying: UnderlyingId(2), ..*expiry }).collect();
    assert_eq!(market.expiries(UnderlyingId(2)), expected);
    for lines in [vec![("", 3.0)], vec![("-7", -2.0), ("", 1.0)], vec![("-60", 5.0), ("-7", -5.0)]] {
        let held = |underlying: &str| {
            let names: Vec<(String, f64)> =
                lines.iter().map(|(name, size)| (format!("{underlying}{name}"), *size)).collect();
            let lines: Vec<(&str, f64)> = names.iter().map(|(name, size)| (name.as_str(), *size)).collect();
            let account = holding(&market, &lines);
            (profits(&judge(&market, &ScenarioSet::default()), &account), assessed(&account, &market))
        };
        let ((part, of_part), (index, of_index)) = (held("BTC"), held("INDEX"));
        let bits = |profits: &[f64]| profits.iter().map(|pnl| (pnl + 0.0).to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&part), bits(&index));
        assert_eq!(of_part.initial_margin, of_index.initial_margin);
        assert_eq!(of_part.charges, of_index.charges);
    }
}

/// SCN-7, SCN-4, FAM-1, FAM-2, FAM-3, FAM-6, FAM-7, REQ-6: an index of 80 % BTC and 20 % ETH, by hand.
#[test]
fn the_moves_of_an_index_are_the_means_of_its_parts() {
    let market = with_perpetuals(indexed(&[("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)]));
    assert_eq!(market.index(UnderlyingId(2)), price(1_000.0));
    let account = holding(&market, &[("INDEX", 10.0)]);
    let answer = assessed(&account, &market);
    let near = |what: &str, found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-6, "{what}: {found} {expected}");
    };
    let rules = &PARAMS.rules;
    let [btc, eth] = ["BTC", "ETH"].map(|name| rules.scan.range(name));
    near("together", loss(&answer, "scan together"), 8_000.0 * btc + 2_000.0 * eth);
    near("alone", loss(&answer, "scan alone"), (8_000.0 * btc).hypot(2_000.0 * eth));
    let part = rules.apart.part;
    near("apart", loss(&answer, "scan apart"), part * (8_000.0 * btc - 2_000.0 * eth));
    let day = |day: &universal::rules::StressRules| {
        let moved = 0.8 * day.price.get("BTC") + 0.2 * day.price.get("ETH");
        let dollar = 1.0 + day.residual.get("USDC").copied().unwrap_or_default();
        -day.weight * 10_000.0 * ((1.0 + moved) * (1.0 + day.basis) - dollar)
    };
    near("stress", loss(&answer, "named stress"), rules.stress.values().map(day).fold(f64::MIN, f64::max));
    // Of each part −3 of its ranges at a weight of 0.33, and so on.
    let tails = rules.tails.multiple.iter().zip(&rules.tails.multiple_weight);
    let tails = tails.map(|(multiple, weight)| -multiple * weight * (8_000.0 * btc + 2_000.0 * eth));
    near("tails", loss(&answer, "tails"), tails.fold(f64::MIN, f64::max));
    assert_eq!(answer.core.loss, answer.positions[0].contribution);
    // The scenarios name what moves on its own, and the answer says what the index follows.
    let judge = judge(&market, &ScenarioSet::default());
    assert!(judge.array.set.scenarios.iter().all(|scenario| !scenario.name.contains("INDEX")));
    let said = "INDEX: a basket that moves with BTC, ETH; its volatility, half spread, daily volume, daily vega, \
                least basis move for charges follow from theirs (CHG-1, CHG-2) (SCN-7)";
    assert!(answer.notes.iter().any(|note| note == said), "{:?}", answer.notes);
}

/// CHG-1, CHG-2: the index and its hedge are two markets, and both pay; a daily volume of the index's own decides where it
/// is given, else the part that bears least does.
#[test]
fn an_index_pays_liquidity_in_its_own_market() {
    let parts = [("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)];
    let market = with_perpetuals(indexed(&parts));
    let hedged = assessed(&holding(&market, &[("INDEX", 1e5), ("BTC", -1e3), ("ETH", -5e3)]), &market);
    let alone = |name: &str, size: f64| assessed(&holding(&market, &[(name, size)]), &market);
    let legs = [alone("INDEX", 1e5), alone("BTC", 1e3), alone("ETH", 5e3)];
    for name in ["liquidity", "basis"] {
        let sum: f64 = legs.iter().map(|leg| charge(leg, name)).sum();
        assert!((charge(&hedged, name) - sum).abs() < 1e-6 * sum && sum > 0.0, "{name}: {sum}");
    }
    let volume = |usd: f64| {
        let mut document = indexed(&parts);
        document.underlyings[2].adv_usd = Some(generate::money(usd));
        let market = with_perpetuals(document);
        charge(&assessed(&holding(&market, &[("INDEX", 1e7)]), &market), "liquidity")
    };
    let rules = &PARAMS.rules.liquidity;
    let borne = (rules.adv_usd.get("BTC") / 0.8).min(rules.adv_usd.get("ETH") / 0.2);
    let derived = charge(&alone("INDEX", 1e7), "liquidity");
    assert!((derived - volume(borne)).abs() < 1e-6 * derived && volume(borne / 10.0) > derived && derived > 0.0);
}

/// FAM-4, FAM-5: a scenario document moves the parts; one that also moves the index is refused.
#[test]
fn a_scenario_document_moves_the_parts_alone() {
    let market = with_perpetuals(indexed(&[("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)]));
    let document = |names: &[&str], moves: &[&str]| ScenarioDocument {
        format: "upm.scenarios/1".to_owned(),
        name: "drawn".to_owned(),
        about: "by hand".to_owned(),
        underlyings: names.iter().map(|name| (*name).to_owned()).collect(),
        assets: Vec::new(),
        families: vec![margin::FamilyDocument {
            family: "one day".to_owned(),
            aggregation: margin::AggregationDocument::Worst,
            level: None,
            weight: None,
            scenarios: vec![margin::MoveDocument {
                name: "the day".to_owned(),
                price: moves.iter().map(|text| text.parse().expect("a number")).collect(),
                vol: vec![Ratio::ZERO; names.len()],
                residual: None,
            }],
        }],
        hash: None,
    };
    let extra = document(&["ETH", "BTC"], &["0.05", "-0.5"]).scenarios_for(&market).expect("it names every part");
    let judge = judge(&market, &extra);
    let answer = margin::assess(&holding(&market, &[("INDEX", 10.0)]), &judge).expect("an answer");
    assert!((loss(&answer, "one day") - 10_000.0 * (0.8 * 0.5 - 0.2 * 0.05)).abs() < 1e-6);
    let refused = document(&["BTC", "INDEX", "ETH"], &["0", "0", "0"]).scenarios_for(&market).expect_err("a basket");
    let expected = "underlyings[1]: found \"INDEX\", a basket in the market, expected its parts alone, for a basket moves \
                    with them (SCN-7)";
    assert_eq!(refused.to_string(), expected);
    assert!(document(&["BTC", "INDEX"], &["0", "0"]).scenarios_for(&market).is_err());
}

/// A set that turns the volatilities of one part and moves the level of another says nothing of their basket, and is refused.
#[test]
fn volatilities_that_move_in_different_ways_are_refused() {
    let market = with_perpetuals(indexed(&[("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)]));
    let mut scenario = Scenario::still("turned", &market);
    scenario.moves[0].vol = VolMove::Turn { twist: 0.1, skew: 0.0 };
    let prepared = |scenario: &Scenario| {
        let mut set = ScenarioSet::default();
        set.add("turned", Aggregation::Worst, [scenario.clone()]);
        universal::prepare(&market, &PARAMS.rules, &set, Isa::detect())
            .map(|judge| judge.array.set.scenarios.last().map(|last| last.moves[2].vol))
    };
    assert_eq!(prepared(&scenario).expect("one way"), Some(VolMove::Turn { twist: 0.8 * 0.1, skew: 0.0 }));
    scenario.moves[1].vol = VolMove::Turn { twist: 0.0, skew: 0.1 };
    assert_eq!(prepared(&scenario).expect("both turn"), Some(VolMove::Turn { twist: 0.8 * 0.1, skew: 0.2 * 0.1 }));
    scenario.moves[1].vol = VolMove::Level(0.1);
    assert!(matches!(prepared(&scenario), Err(Refusal::NotSupported { .. })));
}

/// SCN-1, SCN-7, P-11: what follows an index moves with it, and an inverse contract on the index pays in that coin.
#[test]
fn a_token_of_an_index_is_hedged_by_its_inverse_perpetual() {
    let mut document = indexed(&[("BTC", 80_000.0, 0.01), ("ETH", 4_000.0, 0.05)]);
    document.assets.push(generate::asset("INDEX", 1_000.0, None));
    document.instruments.push(generate::perpetual("INVERSE", "INDEX", Payoff::Inverse, 1_000.0));
    let market = with_perpetuals(document);
    let mut account = holding(&market, &[("INVERSE", -1_000.0)]);
    account.balances.push(Balance { asset: AssetId(2), amount: quantity(10.0), location: None });
    let judge = judge(&market, &ScenarioSet::default());
    for (pnl, scenario) in profits(&judge, &account).iter().zip(&judge.array.set.scenarios) {
        let basis = scenario.moves[2].basis;
        let expected = -scenario.weight * 10_000.0 * basis / (1.0 + basis);
        assert!((pnl - expected).abs() < 1e-6, "{}: {pnl} {expected}", scenario.name);
    }
}
