//! FAM-1 to FAM-9: the scenarios of the universal method for one market.
//!
//! The set depends on the market and the parameters, never on the positions of an account: that keeps every family
//! coherent (splitting an account never lowers the sum).

use model::{Market, USD, UnderlyingId};

use super::rules::Rules;
use crate::risk_array::OTHER;
use crate::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove, percent};

/// The parts of the scan range that are scanned, in the order in which ties are decided.
const STEPS: [(f64, &str); 9] = [
    (0.0, "unchanged"),
    (-1.0, "−1"),
    (-0.75, "−¾"),
    (-0.5, "−½"),
    (-0.25, "−¼"),
    (0.25, "+¼"),
    (0.5, "+½"),
    (0.75, "+¾"),
    (1.0, "+1"),
];

/// With more underlyings than this, a scenario's name does not list their moves.
const SPELLED_OUT: usize = 3;

/// All built-in families, in the order of the methodology; the caller adds the families of a scenario document. Baskets
/// stay still in them: they follow their parts where the market is revalued (SCN-7).
pub fn build(market: &Market, rules: &Rules) -> ScenarioSet {
    let mut set = ScenarioSet::default();
    set.add("scan together", Aggregation::Worst, together(market, rules));
    set.add_groups("scan alone", Aggregation::RootSumSquare, axes(market).map(|one| alone(market, rules, one.0)));
    set.add("scan apart", Aggregation::Worst, apart(market, rules));
    set.add("named stress", Aggregation::Worst, stress(market, rules));
    set.add("tails", Aggregation::Worst, tails(market, rules));
    set.add("term and skew", Aggregation::Worst, term_and_skew(market, rules));
    set.add("depeg and location", Aggregation::Worst, depeg(market, rules));
    set
}

/// The underlyings that move on their own: all but baskets.
fn axes(market: &Market) -> impl Iterator<Item = UnderlyingId> {
    (0..market.underlyings.len()).map(UnderlyingId).filter(|id| !market.is_basket(*id))
}

/// Sets the move of every underlying that moves on its own, by its name.
fn move_each(scenario: &mut Scenario, market: &Market, of: impl Fn(&str) -> Move) {
    for id in axes(market) {
        scenario.moves[id.0] = of(&market.underlyings[id.0].name);
    }
}

/// The three moves of volatility that are combined with every scan step.
fn vol_moves(rules: &Rules) -> [(f64, &'static str); 3] {
    [(rules.scan.vol_up, "vol up"), (0.0, "vol same"), (-rules.scan.vol_down, "vol down")]
}

/// FAM-1: every underlying moves by the same part of its own range.
fn together(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (part, words) in STEPS {
        for (vol, vol_words) in vol_moves(rules) {
            let mut scenario = Scenario::still("", market);
            let vol = VolMove::Level(vol);
            move_each(&mut scenario, market, |name| Move { price: part * rules.scan.range(name), basis: 0.0, vol });
            scenario.name = format!("{}, {vol_words}", all_words(market, &scenario.moves, words)).into();
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// FAM-2: one underlying moves, the others stay.
fn alone(market: &Market, rules: &Rules, one: usize) -> Vec<Scenario> {
    let name = &market.underlyings[one].name;
    let range = rules.scan.range(name);
    let mut scenarios = Vec::new();
    for (part, _) in STEPS {
        for (vol, vol_words) in vol_moves(rules) {
            let mut scenario = Scenario::still(format!("{name} {} alone, {vol_words}", percent(part * range)), market);
            scenario.moves[one] = Move { price: part * range, basis: 0.0, vol: VolMove::Level(vol) };
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// FAM-3: two underlyings that usually move together move apart: one falls, the other rises.
fn apart(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for UnderlyingId(down) in axes(market) {
        for UnderlyingId(up) in axes(market) {
            let [falling, rising] = [down, up].map(|place| &market.underlyings[place]);
            let (first, second) = if falling.name < rising.name { (falling, rising) } else { (rising, falling) };
            if down == up || rules.apart.correlation.get(&format!("{}/{}", first.name, second.name)) <= rules.apart.from
            {
                continue;
            }
            let fall = -rules.apart.part * rules.scan.range(&falling.name);
            let rise = rules.apart.part * rules.scan.range(&rising.name);
            let words = format!("{} {}, {} {}", falling.name, percent(fall), rising.name, percent(rise));
            let mut scenario = Scenario::still(words, market);
            scenario.moves[down] = Move { price: fall, ..Move::NONE };
            scenario.moves[up] = Move { price: rise, ..Move::NONE };
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// FAM-6: historical days.
fn stress(market: &Market, rules: &Rules) -> Vec<Scenario> {
    rules
        .stress
        .values()
        .map(|day| {
            let names = axes(market).map(|id| market.underlyings[id.0].name.as_str());
            let classed: Vec<&str> = names.filter(|name| !day.price.names(name)).collect();
            let note = if classed.is_empty() { String::new() } else { format!(" ({} by class)", classed.join(", ")) };
            let mut scenario = Scenario::still(format!("{}{note}", day.name), market);
            let vol = VolMove::Level(day.vol);
            move_each(&mut scenario, market, |name| Move { price: day.price.get(name), basis: day.basis, vol });
            for (residual, asset) in scenario.residuals.iter_mut().zip(&market.assets) {
                *residual = day.residual.get(&asset.name).copied().unwrap_or_default();
            }
            scenario.weight = day.weight;
            scenario
        })
        .collect()
}

/// FAM-7: far moves of all prices, volatility up, dampened by their weights.
fn tails(market: &Market, rules: &Rules) -> Vec<Scenario> {
    rules
        .tails
        .price
        .iter()
        .zip(&rules.tails.weight)
        .map(|(price, weight)| {
            let mut scenario = Scenario::still(format!("all {}, vol up, weight {weight}", percent(*price)), market);
            let vol = VolMove::Level(rules.scan.vol_up);
            move_each(&mut scenario, market, |_| Move { price: *price, basis: 0.0, vol });
            scenario.weight = *weight;
            scenario
        })
        .collect()
}

/// FAM-8: the volatility surface turns, or only time passes.
fn term_and_skew(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let turned = [
        ("short vol up, long vol down", VolMove::Twist(rules.vol.twist)),
        ("short vol down, long vol up", VolMove::Twist(-rules.vol.twist)),
        ("high strikes up, low strikes down", VolMove::Skew(rules.vol.skew)),
        ("high strikes down, low strikes up", VolMove::Skew(-rules.vol.skew)),
    ];
    let mut scenarios: Vec<Scenario> = turned
        .into_iter()
        .map(|(words, vol)| {
            let mut scenario = Scenario::still(words, market);
            move_each(&mut scenario, market, |_| Move { vol, ..Move::NONE });
            scenario
        })
        .collect();
    let words =
        if rules.scan.days == 1.0 { "1 day passes".to_owned() } else { format!("{} days pass", rules.scan.days) };
    let mut theta = Scenario::still(words, market);
    theta.years = rules.scan.days / 365.0;
    scenarios.push(theta);
    scenarios
}

/// FAM-9: a token loses its peg, or the location that holds it fails.
fn depeg(market: &Market, rules: &Rules) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (index, asset) in market.assets.iter().enumerate().skip(USD.0 + 1) {
        let residual = match asset.follows {
            None => rules.depeg.stablecoin,
            Some(underlying) if market.underlyings[underlying.0].name != asset.name => rules.depeg.wrapped,
            Some(_) => continue,
        };
        let mut scenario = Scenario::still(format!("{} {}", asset.name, percent(residual)), market);
        scenario.residuals[index] = residual;
        scenario.weight = rules.depeg.weight;
        scenarios.push(scenario);
    }
    for (location, lost) in rules.depeg.location_loss.iter() {
        let whose = if location == OTHER { "every unlisted location" } else { location };
        let mut scenario = Scenario::still(format!("{whose} fails, {} of what it holds", percent(-lost)), market);
        scenario.weight = rules.depeg.location_weight;
        scenario.failure = Some((location.to_owned(), lost));
        scenarios.push(scenario);
    }
    scenarios
}

fn all_words(market: &Market, moves: &[Move], part: &str) -> String {
    if moves.iter().all(|shift| shift.price == 0.0) {
        return "prices unchanged".to_owned();
    }
    if axes(market).count() > SPELLED_OUT {
        return format!("all {part} scan range");
    }
    let each = axes(market)
        .map(|UnderlyingId(place)| format!("{} {}", market.underlyings[place].name, percent(moves[place].price)));
    each.collect::<Vec<_>>().join(" ")
}
