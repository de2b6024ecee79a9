//! Golden accounts: every file of `tests/cases` is one; its name is the sentence it proves, and it contains the arithmetic.
//!
//! ```text
//! asset NAME PRICE [follows UNDERLYING]            underlying NAME INDEX
//! expiry UNDERLYING AFTER forward PRICE            AFTER is 7d, 6h or 15m from now
//! perpetual NAME UNDERLYING linear|inverse MARK [funding RATE]         an inverse contract is 1 USD, a linear one 1 coin
//! future NAME UNDERLYING linear|inverse AFTER MARK
//! option NAME UNDERLYING linear|inverse AFTER STRIKE call|put iv VOLATILITY mark MARK
//! balance ASSET AMOUNT [at LOCATION]               hold INSTRUMENT QUANTITY [entry PRICE]
//! order INSTRUMENT buy|sell QUANTITY limit PRICE
//! expect WHAT = EXPRESSION      equal                  expect WHAT ≈ EXPRESSION      to the cent
//! expect WHAT is WORDS
//! ```
//!
//! WHAT is `equity`, `core`, `initial`, `maintenance`, `offset`, `family NAME`, `charge NAME` (added to both margins),
//! `initial charge NAME`, `pnl SCENARIO`, `contribution NAME`, `delta UNDERLYING`, `gamma UNDERLYING`; or for words `status`,
//! `binding family`, `binding scenario`. EXPRESSION knows + − × / and parentheses. `#` begins a comment.

use margin::Assessment;
use model::{
    Account, AssetDocument, Balance, ExpiryDocument, InstrumentDocument, KindDocument, Market, Order, Payoff, Position,
    Right, Side,
};
use units::Money;

use crate::generate;

#[test]
fn every_case_holds() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).expect("the directory").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(paths.len() >= 20, "only {} cases", paths.len());
    let failures: Vec<String> = paths
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("a readable file");
            let name = path.file_stem().expect("a name").to_string_lossy().replace('_', " ");
            assert!(path.extension().is_some_and(|extension| extension == "case"), "{name}: not a .case");
            check(&text).into_iter().map(move |failure| format!("{name}\n    {failure}"))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// A wrong case must fail: this tests the checker itself.
#[test]
fn a_wrong_case_fails() {
    let given = "underlying BTC 100\nasset USDC 1\nperpetual P BTC linear 100\nhold P 1\n";
    assert_eq!(check(&format!("{given}expect equity = 0")), Vec::<String>::new());
    assert_eq!(check(&format!("{given}expect equity = 1")), ["equity = 1: found 0, expected 1"]);
    assert_eq!(check(&format!("{given}expect status is healthy")), ["status is healthy: found liquidation"]);
    assert_eq!(check(given), ["nothing is expected"]);
}

/// Returns every expectation that does not hold.
fn check(text: &str) -> Vec<String> {
    let (mut document, mut account) =
        (generate::empty_market(), Account { name: "case".to_owned(), ..Account::default() });
    let lines: Vec<Vec<&str>> =
        text.lines().map(|line| line.split('#').next().expect("a first part").split_whitespace().collect()).collect();
    for words in &lines {
        match words[..] {
            ["asset", name, price, ref rest @ ..] => {
                let follows = if let ["follows", underlying] = rest { Some(*underlying) } else { None };
                document.assets.push(AssetDocument { price: decimal(price), ..generate::asset(name, 1.0, follows) });
            }
            ["underlying", name, index] => {
                let mut entry = generate::underlying(name, 1.0);
                entry.index = Some(decimal(index));
                document.underlyings.push(entry);
            }
            ["expiry", underlying, after, "forward", forward] => {
                let entry = document
                    .underlyings
                    .iter_mut()
                    .find(|entry| entry.underlying == underlying)
                    .expect("listed before");
                entry.expiries.push(ExpiryDocument {
                    forward: decimal(forward),
                    ..generate::expiry(seconds(after), 1.0, 0.0, None)
                });
            }
            ["perpetual", name, underlying, payoff, mark, "at", venue] => {
                let listed = contract(name, underlying, payoff, mark);
                document.instruments.push(InstrumentDocument { venue: Some(venue.to_owned()), ..listed });
            }
            ["perpetual", name, underlying, payoff, mark, ref rest @ ..] => {
                let funding_rate_8h = if let ["funding", rate] = rest { Some(decimal(rate)) } else { None };
                document
                    .instruments
                    .push(InstrumentDocument { funding_rate_8h, ..contract(name, underlying, payoff, mark) });
            }
            ["future", name, underlying, payoff, after, mark] => {
                let expiry = Some(generate::after(seconds(after)));
                let entry = contract(name, underlying, payoff, mark);
                document.instruments.push(InstrumentDocument { kind: KindDocument::Future, expiry, ..entry });
            }
            ["option", name, underlying, payoff, after, strike, right, "iv", iv, "mark", mark] => {
                let entry = contract(name, underlying, payoff, mark);
                document.instruments.push(InstrumentDocument {
                    kind: KindDocument::Option,
                    quote: entry.settle.clone(),
                    expiry: Some(generate::after(seconds(after))),
                    strike: Some(decimal(strike)),
                    right: Some(if right == "call" { Right::Call } else { Right::Put }),
                    iv: Some(decimal(iv)),
                    ..entry
                });
            }
            ["balance" | "hold" | "order" | "expect", ..] | [] => {}
            _ => panic!("not a line of a case: {}", words.join(" ")),
        }
    }
    let market = Market::new(&document).expect("a valid market");
    for words in &lines {
        match words[..] {
            ["balance", asset, amount, ref rest @ ..] => {
                let location = if let ["at", location] = rest { Some((*location).to_owned()) } else { None };
                account.balances.push(Balance {
                    asset: market.asset(asset).expect("an asset"),
                    amount: decimal(amount),
                    location,
                });
            }
            ["hold", instrument, quantity, ref rest @ ..] => {
                let instrument = market.instrument(instrument).expect("an instrument");
                let entry = if let ["entry", entry] = rest { decimal(entry) } else { market.mark(instrument) };
                account.positions.push(Position { instrument, quantity: decimal(quantity), entry });
            }
            ["order", instrument, side, quantity, "limit", limit] => account.orders.push(Order {
                instrument: market.instrument(instrument).expect("an instrument"),
                side: if side == "buy" { Side::Buy } else { Side::Sell },
                quantity: decimal(quantity),
                limit: decimal(limit),
            }),
            _ => {}
        }
    }
    let answer = generate::assessed(&account, &market);
    let expected = lines.iter().filter(|words| words.first() == Some(&"expect"));
    let mut failures: Vec<String> =
        expected.clone().filter_map(|words| unmet(&words[1..].join(" "), &answer)).collect();
    if expected.count() == 0 {
        failures.push("nothing is expected".to_owned());
    }
    failures
}

/// The problem with one expectation, if there is one.
fn unmet(line: &str, answer: &Assessment) -> Option<String> {
    if let Some((what, words)) = line.split_once(" is ") {
        let found = match what {
            "status" => serde_json::to_string(&answer.status).expect("JSON").trim_matches('"').to_owned(),
            "binding family" => answer.core.family.to_string(),
            "binding scenario" => answer.core.scenario.to_string(),
            _ => panic!("no words for {what}"),
        };
        return (found != words).then(|| format!("{line}: found {found}"));
    }
    let (what, expression, tolerance) = if let Some((what, expression)) = line.split_once(" ≈ ") {
        (what, expression, 0.005)
    } else {
        let (what, expression) = line.split_once(" = ").unwrap_or_else(|| panic!("no = or ≈ in {line}"));
        (what, expression, 0.0)
    };
    let (found, expected) = (number(what, answer), value(expression));
    let allowed = tolerance + 1e-11 + 1e-12 * expected.abs();
    ((found - expected).abs() > allowed).then(|| format!("{line}: found {found}, expected {expected}"))
}

fn number(what: &str, answer: &Assessment) -> f64 {
    let charge = |name: &str| {
        answer.charges.iter().find(|charge| charge.charge == name).unwrap_or_else(|| panic!("no charge {name}"))
    };
    let greeks = |name: &str| {
        answer.greeks.iter().find(|greeks| greeks.underlying == name).unwrap_or_else(|| panic!("no {name}"))
    };
    if let Some(name) = what.strip_prefix("family ") {
        return answer
            .families
            .iter()
            .find(|family| family.family == name)
            .unwrap_or_else(|| panic!("no family {name}"))
            .loss
            .to_f64();
    }
    if let Some(name) = what.strip_prefix("charge ") {
        assert_eq!(charge(name).initial, charge(name).maintenance, "{name}");
        return charge(name).maintenance.to_f64();
    }
    if let Some(name) = what.strip_prefix("initial charge ") {
        assert_eq!(charge(name).maintenance, Money::ZERO, "{name}");
        return charge(name).initial.to_f64();
    }
    if let Some(name) = what.strip_prefix("pnl ") {
        return answer
            .scenarios
            .iter()
            .find(|scenario| scenario.scenario == name)
            .unwrap_or_else(|| panic!("no scenario {name}"))
            .pnl;
    }
    if let Some(name) = what.strip_prefix("contribution ") {
        let positions = answer.positions.iter().map(|part| (&part.instrument, part.contribution));
        let mut parts = positions.chain(answer.balances.iter().map(|part| (&part.asset, part.contribution)));
        return parts.find(|part| part.0 == name).unwrap_or_else(|| panic!("no part {name}")).1.to_f64();
    }
    if let Some(name) = what.strip_prefix("delta ") {
        return greeks(name).delta;
    }
    if let Some(name) = what.strip_prefix("gamma ") {
        return greeks(name).gamma_1pct_usd;
    }
    match what {
        "equity" => answer.equity,
        "core" => answer.core.loss,
        "initial" => answer.initial_margin,
        "maintenance" => answer.maintenance_margin,
        "offset" => answer.offset,
        _ => panic!("nothing is called {what}"),
    }
    .to_f64()
}

fn contract(name: &str, underlying: &str, payoff: &str, mark: &str) -> InstrumentDocument {
    let payoff = if payoff == "linear" { Payoff::Linear } else { Payoff::Inverse };
    InstrumentDocument {
        contract_size: decimal("1"),
        mark: decimal(mark),
        ..generate::perpetual(name, underlying, payoff, 1.0)
    }
}

fn decimal<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// `7d`, `6h`, `15m` in seconds.
fn seconds(after: &str) -> i64 {
    let (number, unit) = after.split_at(after.len() - 1);
    let number: i64 = decimal(number);
    number
        * match unit {
            "d" => 86_400,
            "h" => 3600,
            "m" => 60,
            _ => panic!("{after}: d, h or m"),
        }
}

/// Evaluates sums of products of numbers and parentheses.
fn value(expression: &str) -> f64 {
    let spaced: String = expression
        .chars()
        .map(|letter| match letter {
            '(' | ')' | '+' | '×' | '*' | '/' => format!(" {letter} "),
            other => other.to_string(),
        })
        .collect();
    let mut tokens = spaced.split_whitespace().peekable();
    let value = sum(&mut tokens);
    assert_eq!(tokens.next(), None, "{expression}");
    value
}

type Tokens<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn sum(tokens: &mut Tokens<'_>) -> f64 {
    let mut total = product(tokens);
    while let Some(sign) = tokens.next_if(|token| ["+", "-", "−"].contains(token)) {
        let term = product(tokens);
        total += if sign == "+" { term } else { -term };
    }
    total
}

fn product(tokens: &mut Tokens<'_>) -> f64 {
    let mut total = factor(tokens);
    while let Some(sign) = tokens.next_if(|token| ["×", "*", "/"].contains(token)) {
        let term = factor(tokens);
        total = if sign == "/" { total / term } else { total * term };
    }
    total
}

fn factor(tokens: &mut Tokens<'_>) -> f64 {
    match tokens.next() {
        Some("(") => {
            let inner = sum(tokens);
            assert_eq!(tokens.next(), Some(")"));
            inner
        }
        Some(number) => number.replace('−', "-").parse().unwrap_or_else(|_| panic!("{number}: not a number")),
        None => panic!("the expression ends too early"),
    }
}
