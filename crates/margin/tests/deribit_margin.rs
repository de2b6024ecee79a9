//! Deribit against its own recorded answers, published tables and an independent computation.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

use margin::book::{Contract, Leg, OptionTerms, UnderlyingAccount};
use margin::method::deribit::pair::{Currency, PairAccount};
use margin::method::deribit::portfolio::{
    self, Additions, MatrixCell, PairRequirement, PmGeneral, PmParameters, UnderlyingParameters, VolState,
};
use margin::method::deribit::standard::{self, Margin, SmParameters};
use margin::params::Params;
use margin::{ChargeLine, FamilyLine, Refusal, RequirementState, Workings};
use model::{Account, AssetId, Market, Payoff, Right, UnderlyingId};
use serde_json::Value;
use units::YEAR_SECONDS;

fn rules() -> PmParameters {
    Params::parse(portfolio::PARAMS).unwrap().rules
}

fn standard_rules() -> SmParameters {
    Params::parse(standard::PARAMS).unwrap().rules
}

/// A future in an inverse pair.
fn future(name: &str, years: f64, mark: f64, size: f64) -> Leg {
    Leg {
        place: 0,
        name: name.into(),
        contract: Contract::Future { years, funding_rate_8h: None },
        payoff: Payoff::Inverse,
        settle: AssetId(0),
        mark,
        delta: None,
        fee_rate: None,
        profit: 0.0,
        size,
    }
}

fn pair(underlying: &str, index: f64, legs: Vec<Leg>, currency: Currency, payoff: Payoff) -> PairAccount {
    let legs = legs.into_iter().map(|leg| Leg { payoff, ..leg }).collect();
    let account = UnderlyingAccount { legs, ..UnderlyingAccount::empty(UnderlyingId(0), underlying.into(), index) };
    PairAccount { account, payoff, currency }
}

fn inverse(underlying: &str, index: f64, legs: Vec<Leg>) -> PairAccount {
    pair(underlying, index, legs, Currency { name: underlying.into(), usd: index, dollar: 1.0 }, Payoff::Inverse)
}

fn linear(underlying: &str, index: f64, legs: Vec<Leg>) -> PairAccount {
    pair(underlying, index, legs, Currency { name: "USDC".into(), usd: 1.0, dollar: 1.0 }, Payoff::Linear)
}

/// JSON with its numbers as text, because `serde_json` reads the last digit of some numbers wrong.
fn read(text: &str) -> Value {
    let mut quoted = String::with_capacity(2 * text.len());
    let (mut in_string, mut in_number) = (false, false);
    for character in text.chars() {
        in_string ^= character == '"';
        let numeric = !in_string
            && (character.is_ascii_digit() || "+-.eE".contains(character) && (in_number || character == '-'));
        if numeric != in_number {
            quoted.push('"');
        }
        in_number = numeric;
        quoted.push(character);
    }
    serde_json::from_str(&quoted).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// An answer of the venue that is kept in `vectors`.
fn recorded(file: &str) -> Value {
    read(&testdata::vectors::text(&format!("venue_margin/{file}")))
}

fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}, {:e} off", (found - expected).abs());
}

/// DERIBIT-ERM-BTC: the example of the API reference, of 2024-06-17, to every printed digit.
#[test]
fn the_risk_matrix_of_btc() {
    let document = recorded("deribit_pme_simulate_btc_2024-06-17.json");
    let answer = &document["response"]["result"];
    let size = |name: &str| number(&answer["portfolio"]["position"][name]);
    let mark = |name: &str| number(&answer["ticker"][name]["mark_price"]);
    let names = ["BTC-PERPETUAL", "BTC-28JUN24"];
    // 10 days and 15 hours to the future's expiry.
    let years = [0.0, 10.6 / 365.0];
    let positions = names.iter().zip(years).map(|(name, years)| future(name, years, mark(name), size(name))).collect();
    let book = inverse("BTC", number(&answer["index_price"]["btc_usd"]), positions);
    let rules = rules();
    let column = &rules.underlying["BTC"];
    assert_parameters(
        column,
        &answer["model_params"]["currency_pair"]["btc_usd"],
        &answer["model_params"]["currency"]["btc"],
    );
    let requirement = portfolio::requirement(&book, &rules.general, column).unwrap();

    for (name, vectors) in names.iter().zip(&requirement.initial_risk_vectors) {
        let expected = &answer["initial_risk_vectors"][name];
        assert_eq!(vectors.standard, numbers(&expected["standard"]), "{name}: the same bits");
        for (found, expected) in vectors.extended.iter().zip(numbers(&expected["extended"])) {
            assert_close(*found, expected, 1e-16);
        }
    }
    let aggregated = &answer["aggregated_risk_vectors"]["btc_btc"];
    assert_eq!(requirement.aggregated_risk_vectors.standard, numbers(&aggregated["standard"]));
    assert_eq!(requirement.aggregated_risk_vectors.extended, numbers(&aggregated["extended"]));

    let margins = &answer["margins"]["btc"];
    let details = &margins["initial_margin_details"];
    let matrix = &details["risk_matrix_margin_details"];
    assert_eq!(requirement.worst_case, number(&matrix["worst_case"]));
    assert_eq!(index_of(&requirement), matrix["worst_case_bucket"]["index"].as_str().unwrap());
    assert_close(requirement.roll_shock, number(&matrix["roll_shock"]), 1e-17);
    assert_eq!(requirement.delta_shock, 0.0);
    let risk_matrix_margin = requirement.risk_matrix_margin(&rules.general);
    assert_close(risk_matrix_margin, number(&details["risk_matrix_margin"]), 1e-16);

    let additions = Additions {
        spot_margin: 0.0,
        mmp_margin: number(&details["mmp_margin"]),
        open_orders_margin: number(&details["open_orders_margin"]),
    };
    assert_eq!(
        portfolio::initial_margin(risk_matrix_margin, additions, &rules.general),
        number(&margins["initial_margin"])
    );
    let maintenance = rules.general.maintenance_factor * risk_matrix_margin;
    assert_close(maintenance, number(&margins["maintenance_margin"]), 1e-16);
}

/// The parameters that come with the program are the published ones.
fn assert_parameters(column: &UnderlyingParameters, pair: &Value, currency: &Value) {
    let held = [
        (column.price_range, &pair["price_range"]),
        (column.volatility_range_up, &pair["volatility_range_up"]),
        (column.volatility_range_down, &pair["volatility_range_down"]),
        (column.min_volatility_for_shock_up, &pair["min_volatility_for_shock_up"]),
        (column.short_term_vega_power, &pair["short_term_vega_power"]),
        (column.long_term_vega_power, &pair["long_term_vega_power"]),
        (column.extended_table_factor, &pair["extended_table_factor"]),
        (column.delta_total_liq_shock_threshold, &pair["delta_total_liq_shock_threshold"]),
        (column.m_inc, &pair["m_inc"]),
        (column.max_delta_shock, &pair["max_delta_shock"]),
        (column.extended_dampener, &currency["extended_dampener"]),
        (column.pnl_offset, &currency["pnl_offset"]),
        (column.min_annualised_move, &currency["min_annualised_move"]),
        (column.annualised_move_risk, &currency["annualised_move_risk"]),
    ];
    for (found, expected) in held {
        assert_eq!(found, number(expected));
    }
}

/// The venue's `worst_case_bucket.index`, which counts from 1.
fn index_of(requirement: &PairRequirement) -> String {
    (requirement.worst_case_place + 1).to_string()
}

/// A recorded answer of 2026, with a pnl offset: gains count for 0.6 in the standard table and for nothing in the
/// extended one.
#[test]
fn the_risk_matrix_of_eth() {
    let answer: Value = read(include_str!("deribit/pme_simulate_eth_2026-02-15.json"));
    let size = number(&answer["position"]);
    let perpetual = future("ETH-PERPETUAL", 0.0, number(&answer["mark_price"]), size);
    let book = inverse("ETH", number(&answer["index_price"]), vec![perpetual]);
    let rules = rules();
    let requirement = portfolio::requirement(&book, &rules.general, &rules.underlying["ETH"]).unwrap();
    let each_state = |value: &Value| -> Vec<f64> { numbers(value).iter().flat_map(|pnl| [*pnl; 3]).collect() };
    let vectors = &requirement.initial_risk_vectors[0];
    assert_eq!(vectors.standard, each_state(&answer["standard"]), "the same bits");
    for (found, expected) in vectors.extended.iter().zip(numbers(&answer["extended"])) {
        assert_close(*found, expected, 1e-16);
    }
    assert_eq!(requirement.pre_aggregated_risk_vectors, *vectors);
    assert_eq!(requirement.aggregated_risk_vectors.standard, each_state(&answer["aggregated_standard"]));
    assert_eq!(requirement.aggregated_risk_vectors.extended, numbers(&answer["aggregated_extended"]));
    assert_eq!(requirement.worst_case, number(&answer["worst_case"]));
    assert_eq!(index_of(&requirement), answer["worst_case_bucket"]["index"].as_str().unwrap());
    assert_close(requirement.roll_shock, number(&answer["roll_shock"]), 1e-17);
    let risk_matrix_margin = requirement.risk_matrix_margin(&rules.general);
    assert_close(risk_matrix_margin, number(&answer["risk_matrix_margin"]), 1e-15);
    let initial = portfolio::initial_margin(risk_matrix_margin, Additions::default(), &rules.general);
    assert_eq!(initial, number(&answer["initial_margin"]));
    assert_close(0.8 * risk_matrix_margin, number(&answer["maintenance_margin"]), 1e-15);
}

/// The recorded cross account, and the evidence it gives about the segregated rules.
///
/// Its risk matrix margin in USD is `MM / 0.8`. It equals the sum of two underlyings, each at its own worst: BTC held
/// as collateral falls by its range, ETH rises by its own; the gain of the inverse leg counts in full against the loss
/// of the linear one; and both legs roll at the rate of the ETH column, not of the USD one (0.01, which would be 0.0098
/// USD off). Balances are printed to 1e-6 ETH and 1e-8 BTC, which leaves 3e-4 USD open.
#[test]
fn a_cross_account_adds_up_by_underlying() {
    let document = recorded("deribit_cross_pm_account_2025_2026.json");
    let data = |currency: &str| {
        let frames = document["frames"].as_array().unwrap();
        frames.iter().map(|frame| &frame["params"]["data"]).find(|data| data["currency"] == currency).unwrap().clone()
    };
    let of = |currency: &str, field: &str| number(&data(currency)[field]);
    let total = of("ETH", "total_maintenance_margin_usd") / 0.8;
    let rules = rules();
    let (btc, eth) = (&rules.underlying["BTC"], &rules.underlying["ETH"]);

    let btc_usd = of("BTC", "total_margin_balance_usd") / of("BTC", "margin_balance");
    let btc_loss = btc.price_range * of("BTC", "equity") * btc_usd;
    let index = of("USDC", "delta_total") / -0.001;
    let perpetual = future("ETH_USDC-PERPETUAL", 0.0, index, -0.001);
    let coins = number(&data("ETH")["delta_total_map"]["eth_usd"]);
    let linear = portfolio::requirement(&linear("ETH", index, vec![perpetual]), &rules.general, eth).unwrap();
    let book = inverse("ETH", index, vec![future("ETH-PERPETUAL", 0.0, 1.0 / coins, coins)]);
    let perpetual = portfolio::requirement(&book, &rules.general, eth).unwrap();

    assert_eq!(linear.worst_case_place, 24, "ETH +18 %, vol up");
    let edge = 1.0 + eth.price_range;
    let eth_loss = linear.worst_case - perpetual.pre_aggregated_risk_vectors.standard[24] * index * edge;
    let roll = linear.roll_shock + perpetual.roll_shock * index;
    assert_close(btc_loss + eth_loss + roll, total, 3e-4);
}

/// DERIBIT-SM-LINEAR: the venue's table for `BTC_USDC` at 100,000 and `SOL_USDC` at 200.
#[test]
fn standard_margin_of_linear_futures() {
    let rules = standard_rules();
    let rows = [
        ("BTC", 100_000.0, 25.0, 53_125.0, 28_125.0),
        ("BTC", 100_000.0, 350.0, 1_312_500.0, 962_500.0),
        ("SOL", 200.0, 25.0, 200.625, 100.625),
        ("SOL", 200.0, 6_000.0, 84_000.0, 60_000.0),
    ];
    for (underlying, index, size, initial, maintenance) in rows {
        for side in [1.0, -1.0] {
            let book = linear(underlying, index, vec![]);
            let leg = future("perpetual", 0.0, index, side * size);
            let row = rules.future.get(underlying);
            let margin = standard::margin(&leg, leg.size, &book, row, &rules.option).unwrap();
            assert_close(margin.initial, initial, 1e-9 * initial);
            assert_close(margin.maintenance, maintenance, 1e-9 * maintenance);
        }
    }
}

/// DERIBIT-SM-ETHPERP: a recorded position of one dollar, printed to nine decimals.
#[test]
fn standard_margin_of_a_recorded_perpetual() {
    let document = recorded("deribit_cross_pm_account_2025_2026.json");
    let position = &document["position_from_private_get_subaccounts_details"];
    let size = number(&position["size_currency"]);
    let margin = standard_rules().future["ETH"].margin(size);
    assert_close(margin.initial, number(&position["initial_margin"]), 1e-9);
    assert_close(margin.maintenance, number(&position["maintenance_margin"]), 1e-9);
}

/// BITCOM-PUT: fifty puts sold at 1,850 on 2,098, marked at 2.4.
#[test]
fn standard_margin_of_a_linear_put() {
    let shares = standard_rules().option;
    let Margin { initial, maintenance } = shares.short(Right::Put, 1_850.0, 2_098.0, 2_098.0, 2.4);
    assert_close(initial, 212.2, 1e-12);
    assert_close(maintenance, 159.75, 1e-12);
    assert_close(50.0 * initial, 10_610.0, 1e-9);
    assert_close(50.0 * maintenance, 7_987.5, 1e-9);
}

/// The formulas of inverse options (venues.md 1.9), in coins.
#[test]
fn standard_margin_of_inverse_options() {
    let shares = standard_rules().option;
    let rows = [
        // At the money, a little out, far out, in the money.
        (Right::Call, 50_000.0, 0.04, 0.15 + 0.04, 0.075 + 0.04),
        (Right::Call, 51_000.0, 0.03, 0.13 + 0.03, 0.075 + 0.03),
        (Right::Call, 80_000.0, 0.001, 0.10 + 0.001, 0.075 + 0.001),
        (Right::Put, 49_000.0, 0.03, 0.13 + 0.03, 0.075 + 0.03),
        (Right::Put, 60_000.0, 0.21, 0.15 + 0.21, 0.075 + 0.21),
        // A mark above the coin: 7.5 % of the mark is the larger, and carries the initial margin with it.
        (Right::Put, 200_000.0, 3.0, 3.0 + 0.225, 3.0 + 0.225),
    ];
    for (right, strike, mark, initial, maintenance) in rows {
        let margin = shares.short(right, strike, 50_000.0, 1.0, mark);
        assert_close(margin.initial, initial, 1e-15 + 1e-15 * initial);
        assert_close(margin.maintenance, maintenance, 1e-15 + 1e-15 * maintenance);
    }
}

const MARKET: &str = include_str!("deribit/market.json");
const PORTFOLIO: &str = include_str!("deribit/portfolio.json");

fn market() -> Market {
    Market::parse(MARKET).unwrap()
}

fn accounts() -> Vec<Account> {
    model::Portfolio::parse(PORTFOLIO, &market()).unwrap().accounts
}

fn margins(workings: &Workings) -> (f64, f64) {
    let core = workings.core().1;
    let sums = |(initial, maintenance), line: &ChargeLine| (initial + line.initial, maintenance + line.maintenance);
    workings.charges.iter().fold((core, core), sums)
}

/// Books with options, inverse and linear, dated futures and orders, against a second computation in another language with
/// another normal distribution (`deribit/second.json`: Python, `math.erfc`).
#[test]
fn books_with_options_agree_with_a_second_computation() {
    let expected: Value = read(include_str!("deribit/second.json"));
    let market = market();
    for account in accounts() {
        let workings = portfolio::workings(&account, &market, &rules(), true).unwrap();
        let (initial, maintenance) = margins(&workings);
        let expected = &expected[&account.name]["portfolio"];
        let relative = |found: f64, field: &str| {
            let expected = number(&expected[field]);
            assert!(
                (found - expected).abs() <= 1e-11 * expected.abs().max(1.0),
                "{}: {field} {found}, not {expected}",
                account.name
            );
        };
        relative(workings.core().1, "worst_case_usd");
        relative(initial, "initial_usd");
        relative(maintenance, "maintenance_usd");
        for FamilyLine { family, loss, scenario } in workings.families.iter().skip(1) {
            let pair = &expected["pairs"][family.strip_suffix(" risk matrix").unwrap()];
            assert!((loss - number(&pair["worst_case_usd"])).abs() <= 1e-4, "{}: {family}", account.name);
            assert_eq!(scenario.as_str(), pair["words"].as_str().unwrap(), "{}: {family}", account.name);
        }
    }
}

#[test]
fn standard_margin_agrees_with_a_second_computation() {
    let expected: Value = read(include_str!("deribit/second.json"));
    for account in accounts() {
        let workings = standard::workings(&account, &market(), &standard_rules(), true).unwrap();
        let (initial, maintenance) = margins(&workings);
        let expected = &expected[&account.name]["standard"];
        assert_close(initial, number(&expected["initial_usd"]), 1e-7);
        assert_close(maintenance, number(&expected["maintenance_usd"]), 1e-7);
    }
}

#[test]
fn contributions_are_the_core() {
    for account in accounts() {
        let both = [
            portfolio::workings(&account, &market(), &rules(), true).unwrap(),
            standard::workings(&account, &market(), &standard_rules(), true).unwrap(),
        ];
        for workings in both {
            let parts: f64 = workings.position_contributions.iter().chain(&workings.balance_contributions).sum();
            assert_close(parts, workings.core().1, 1e-12 * parts.abs());
            assert_eq!(workings.haircuts, vec![0.0; account.balances.len()]);
        }
    }
}

/// The dampener stops at 0 from either side.
#[test]
fn only_losses_beyond_the_dampener_count_in_the_extended_table() {
    let rules = rules();
    let column = UnderlyingParameters { extended_dampener: 1_000.0, ..rules.underlying["BTC"] };
    let general = PmGeneral { buckets: vec![0.0], ..rules.general.clone() };
    let book = |size: f64| linear("BTC", 100_000.0, vec![future("BTC_USDC-PERPETUAL", 0.0, 100_000.0, size)]);
    let long = portfolio::requirement(&book(1.0), &general, &column).unwrap();
    // −66 %: 16,000 less 3.125 ranges beyond the first; −33 %: less 1.0625 ranges.
    assert_close(long.aggregated_risk_vectors.extended[0], -16_000.0 + 3_125.0, 1e-9);
    assert_close(long.aggregated_risk_vectors.extended[1], -16_000.0 + 1_062.5, 1e-9);
    assert_close(long.worst_case, 14_937.5, 1e-9);
    let small = portfolio::requirement(&book(0.01), &general, &column).unwrap();
    assert_eq!(small.aggregated_risk_vectors.extended, [0.0; 8]);
}

#[test]
fn delta_shock_grows_with_what_is_beyond_the_threshold() {
    let rules = rules();
    let column = &rules.underlying["BTC"];
    let shock = |positions: Vec<Leg>| {
        portfolio::requirement(&inverse("BTC", 50_000.0, positions), &rules.general, column).unwrap().delta_shock
    };
    let perpetual = |size: f64| future("BTC-PERPETUAL", 0.0, 50_000.0, size);
    // 20 million dollars are 400 coins here.
    assert_eq!(shock(vec![perpetual(400.0)]), 0.0);
    assert_close(shock(vec![perpetual(1_400.0)]), 1_000.0 * 0.00005 * 1_400.0, 1e-9);
    assert_close(shock(vec![perpetual(-1_400.0)]), 70.0, 1e-9);
    assert_close(shock(vec![perpetual(10_000.0)]), 0.1 * 10_000.0, 1e-9);
    // A long option reduces the shock, and never turns its sign.
    let option = |size: f64, delta: f64| {
        let contract = Contract::Option(OptionTerms {
            right: Right::Put,
            strike: 50_000.0,
            expiry: "2026-05-08T08:00:00Z".parse().unwrap(),
            years: 0.1,
            seconds: 0.1 * YEAR_SECONDS,
            forward: 50_000.0,
            forward_settled: 0.0,
            rate: 0.0,
            vol: 0.5,
        });
        Leg { contract, delta: Some(delta), ..future("put", 0.1, 0.05, size) }
    };
    assert_close(shock(vec![perpetual(1_400.0), option(1_000.0, -0.5)]), 500.0 * 0.00005 * 900.0, 1e-9);
    assert_eq!(shock(vec![perpetual(1_400.0), option(10_000.0, -0.5)]), 0.0);
    assert_close(shock(vec![perpetual(-1_400.0), option(1_000.0, -0.5)]), 70.0, 1e-9);
}

#[test]
fn cells_are_those_of_the_venue() {
    let rules = rules();
    let cells = portfolio::cells(&rules.general, &rules.underlying["BTC"]);
    assert_eq!(cells.len(), 27 + 8);
    assert_eq!(cells[0], MatrixCell { price_move: -0.16, vol: VolState::Up, extended: false });
    assert_eq!(cells[0].words("BTC"), "BTC −16 % vol up");
    assert_eq!(cells[13].words("BTC"), "BTC +0 % vol same");
    assert_eq!(cells[34].words("BTC"), "BTC +500 % vol up, extended");
}

/// A column and a row are rules per coin, so they apply to no other coin; an option uses the shares that apply to all coins.
#[test]
fn what_has_no_column_is_not_known() {
    let market = Market::parse(
        r#"{"format": "upm.market/1", "time": "2026-02-16T00:00:00Z", "assets": [{"asset": "USDC", "price": "1"}],
            "underlyings": [{"underlying": "XRP", "index": "2",
              "expiries": [{"expiry": "2026-03-16T00:00:00Z", "forward": "2"}]}],
            "instruments": [{"instrument": "XRP_USDC-PERPETUAL", "kind": "perpetual", "underlying": "XRP", "payoff": "linear",
              "quote": "USDC", "settle": "USDC", "contract_size": "1", "mark": "2"},
              {"instrument": "XRP-CALL", "kind": "option", "underlying": "XRP", "payoff": "linear", "quote": "USDC",
              "settle": "USDC", "contract_size": "1", "expiry": "2026-03-16T00:00:00Z", "strike": "2", "right": "call",
              "mark": "0.1", "iv": "0.5"}]}"#,
    )
    .unwrap();
    let account = |instrument: &str| {
        let portfolio = format!(
            r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a",
                "positions": [{{"instrument": "{instrument}", "quantity": "-1000"}}]}}]}}"#
        );
        model::Portfolio::parse(&portfolio, &market).unwrap().accounts.remove(0)
    };
    let both = |account: &Account, strict: bool| {
        [
            portfolio::workings(account, &market, &rules(), strict),
            standard::workings(account, &market, &standard_rules(), strict),
        ]
    };
    let perpetual = account("XRP_USDC-PERPETUAL");
    for workings in both(&perpetual, false).map(Result::unwrap) {
        assert!(workings.state.reasons()[0].starts_with("XRP: what Deribit requires is not known"));
        assert_eq!(margins(&workings), (0.0, 0.0));
    }
    for refusal in both(&perpetual, true) {
        assert!(matches!(refusal, Err(Refusal::NotKnown { venue: "Deribit", .. })), "{refusal:?}");
    }
    let [matrix, shares] = both(&account("XRP-CALL"), false).map(Result::unwrap);
    assert!(!matrix.state.is_known() && shares.state.is_known());
    assert_close(margins(&shares).0, 1_000.0 * (0.15 * 2.0 + 0.1), 1e-9);
}

/// A spot order in a pair of coins: one ETH at 0.05 BTC, with a limit of twice that. Its limit and its mark are in dollars.
#[test]
fn what_is_quoted_in_a_coin_is_converted_at_the_index() {
    let market = Market::parse(
        r#"{"format": "upm.market/1", "time": "2026-02-16T00:00:00Z",
            "assets": [{"asset": "BTC", "price": "100000"}, {"asset": "ETH", "price": "5000"}],
            "underlyings": [{"underlying": "BTC", "index": "100000"}, {"underlying": "ETH", "index": "5000"}],
            "instruments": [
              {"instrument": "ETH_BTC", "kind": "spot", "underlying": "ETH", "payoff": "linear",
               "quote": "BTC", "settle": "BTC", "contract_size": "1", "mark": "0.05"},
              {"instrument": "ETH-IN-COINS", "kind": "perpetual", "underlying": "ETH", "payoff": "linear",
               "quote": "USD", "settle": "BTC", "contract_size": "0.00001", "mark": "5000"}]}"#,
    )
    .unwrap();
    let account = |held: &str| {
        let text = format!(r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a", {held}}}]}}"#);
        model::Portfolio::parse(&text, &market).unwrap().accounts.remove(0)
    };
    let order = account(r#""orders": [{"instrument": "ETH_BTC", "side": "buy", "quantity": "1", "limit": "0.1"}]"#);
    let workings = portfolio::workings(&order, &market, &rules(), false).unwrap();
    assert_close(margins(&workings).0, 10_000.0 - 5_000.0 * 0.82, 1e-6);
    assert!(workings.notes.iter().any(|note| note.starts_with("ETH_BTC: ") && note.contains("contract on dollars")));

    // A dollar of move pays 0.00001 BTC, which is worth a dollar: the delta of one ETH.
    let quanto = account(r#""positions": [{"instrument": "ETH-IN-COINS", "quantity": "1", "entry": "4000"}]"#);
    let workings = portfolio::workings(&quanto, &market, &rules(), false).unwrap();
    assert_close(workings.core().1, 5_000.0 * 0.18, 1e-6);
    for account in [order, quanto] {
        let refusal = portfolio::workings(&account, &market, &rules(), true);
        assert!(matches!(refusal, Err(Refusal::NotListed { venue: "Deribit", .. })));
    }
}

/// The requirement of a debt is not known, and a balance in one currency is no margin for another: the answer notes both.
#[test]
fn debts_are_not_known_and_other_currencies_do_not_count() {
    let market = market();
    let hold = |balance: &str, amount: &str| {
        let text = format!(
            r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a",
                "balances": [{{"asset": "{balance}", "amount": "{amount}"}}],
                "positions": [{{"instrument": "BTC-PERPETUAL", "quantity": "10"}}]}}]}}"#
        );
        model::Portfolio::parse(&text, &market).unwrap().accounts.remove(0)
    };
    let states = |account: &Account| {
        [
            portfolio::workings(account, &market, &rules(), false).unwrap().state,
            standard::workings(account, &market, &standard_rules(), false).unwrap().state,
        ]
    };
    for state in states(&hold("BTC", "1")) {
        assert_eq!(state, RequirementState::Known);
    }
    for state in states(&hold("USDC", "1000")) {
        let parts: Vec<_> = state.not_accepted().iter().map(|part| (part.what.as_str(), part.value)).collect();
        assert_eq!(parts, [("USDC", "999.9".parse().unwrap())]);
        assert!(state.is_known());
    }
    for state in states(&hold("BTC", "-1")) {
        assert_eq!(state.reasons().len(), 1);
        assert!(state.reasons()[0].contains("owed"), "{state:?}");
    }
    let strict = portfolio::workings(&hold("BTC", "-1"), &market, &rules(), true);
    assert!(matches!(strict, Err(Refusal::NotKnown { .. })));
}

/// Two currencies of one account: while one is short, the surplus of the other over its own margin counts for nothing.
#[test]
fn a_surplus_in_one_currency_does_not_pay_for_another() {
    let market = market();
    let state = |usdc: &str| {
        let text = format!(
            r#"{{"format": "upm.portfolio/1", "accounts": [{{"account": "a",
                "balances": [{{"asset": "BTC", "amount": "1"}}, {{"asset": "USDC", "amount": "{usdc}"}}],
                "positions": [{{"instrument": "BTC-PERPETUAL", "quantity": "10"}},
                              {{"instrument": "BTC_USDC-PERPETUAL", "quantity": "1000"}}]}}]}}"#
        );
        let account = model::Portfolio::parse(&text, &market).unwrap().accounts.remove(0);
        portfolio::workings(&account, &market, &rules(), false).unwrap().state
    };
    assert_eq!(state("20000"), RequirementState::Known);
    let short = state("1000");
    let [part] = short.not_accepted() else { panic!("{short:?}") };
    assert_eq!(part.what, "BTC beyond its own margin, for USDC is short");
    // One coin, less 80 % of 16 % and the roll of 1 % of 100 USD in the perpetual.
    assert!(part.value.to_f64() > 68_500.0 && part.value.to_f64() < 68_567.0, "{}", part.value);
}
