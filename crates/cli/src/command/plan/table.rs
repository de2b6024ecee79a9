//! A plan as a table: a row for every step, then the way each is traded and the reason.

use liquidation::{Plan, Planned, Purpose, Standing, Step, Stop, Why};
use model::InstrumentId;
use shell::printer::{Tone, toned};
use shell::table::{Side, Table, cut, paragraph};
use units::{Money, Overflow, Price, Round};

use super::Planning;
use super::document::{currency, health};
use crate::amount::{Unit, exact, number};
use crate::sheet::ratio;

/// The plan of an account under a line with its name.
pub fn table(account: &str, title: &str, plan: &Plan, planning: &Planning<'_>) -> Result<String, Overflow> {
    let mut text = format!("{} {}\n\n", toned(Tone::Bold, &cut(account, 40)), toned(Tone::Dim, &cut(title, 58)));
    let largest = [plan.before.equity, plan.before.maintenance].into_iter().fold(0.0, |most, usd| usd.abs().max(most));
    let unit = Unit::fitting(Money::from_f64(largest, Round::Up)?);
    let columns = ["", unit.name, "contracts", "cost", "equity", "maintenance", "health"];
    let sides = [Side::Right, Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right];
    let mut rows = Table::new(&columns.into_iter().zip(sides).collect::<Vec<_>>());
    let numbers = |standing: &Standing, cost: Option<f64>| -> Result<[String; 4], Overflow> {
        let needed = |usd: f64| Ok(unit.needed(Money::from_f64(usd, Round::Up)?).to_string());
        Ok([
            cost.map(needed).transpose()?.unwrap_or_default(),
            unit.owned(Money::from_f64(standing.equity, Round::Down)?).to_string(),
            needed(standing.maintenance)?,
            ratio(health(standing)),
        ])
    };
    let head = [String::new(), "before".to_owned(), String::new()];
    rows.row(head.into_iter().chain(numbers(&plan.before, None)?));
    let mut reasons = String::new();
    for (place, planned) in plan.steps.iter().enumerate() {
        let step = (place + 1).to_string();
        let cells = [step.clone(), what(&planned.step, planning), contracts(&planned.step, planning)?];
        rows.row(cells.into_iter().chain(numbers(&planned.after, Some(planned.cost))?));
        reasons += &paragraph(&format!("  {step}"), 6, &why(planned, planning)?);
    }
    text += &rows.text();
    text.push('\n');
    if !reasons.is_empty() {
        text += &reasons;
        text.push('\n');
    }
    Ok(text + &paragraph("  target", 10, &end(plan, planning)))
}

/// The action of a step in words.
fn what(step: &Step, planning: &Planning<'_>) -> String {
    let traded = |instrument: &InstrumentId, lots: i64| {
        let side = if lots < 0 { "sell" } else { "buy" };
        format!("{side} {}", planning.market.listing(*instrument).name)
    };
    let percent = |share: units::Ratio| format!("{} %", number(share.to_f64() * 100.0, 2));
    match step {
        Step::Cancel { orders: 1 } => "cancel 1 order".to_owned(),
        Step::Cancel { orders } => format!("cancel {} orders", exact(orders)),
        Step::Trade { instrument, lots, .. } | Step::Repay { instrument, lots, .. } => traded(instrument, *lots),
        Step::Auction { share } => format!("auction {} of everything", percent(*share)),
        Step::Backstop { share } => format!("backstop takes over {}", percent(*share)),
        Step::Deleverage => "deleverage winners".to_owned(),
    }
}

fn contracts(step: &Step, planning: &Planning<'_>) -> Result<String, Overflow> {
    match step {
        Step::Trade { instrument, lots, .. } | Step::Repay { instrument, lots, .. } => {
            Ok(exact(planning.contracts(*instrument, *lots)?))
        }
        _ => Ok(String::new()),
    }
}

/// How a step is traded, and why.
fn why(planned: &Planned, planning: &Planning<'_>) -> Result<String, Overflow> {
    let name = |asset: &model::AssetId| &planning.market.assets[asset.0].name;
    let usd = |usd: f64| number(usd, 2);
    let reason = match planned.why {
        Why::OrdersFirst => "orders hold margin and could add risk".to_owned(),
        Why::Reaches => "reaches the target: no plan of so few steps was found that costs less".to_owned(),
        Why::Relieves { relief } => format!("{} USD nearer to the target", usd(relief)),
        Why::EndOfRoom { relief } => {
            format!("as much as the book has room for; {} USD nearer to the target", usd(relief))
        }
        Why::TradingHurts => "no trade improves health: risk and hedge are sold together".to_owned(),
        Why::NobodyBids => "if nobody bids".to_owned(),
        Why::BackstopEnds => "if the backstop has no budget left".to_owned(),
    };
    let (purpose, instrument, lots, worst) = match &planned.step {
        Step::Trade { instrument, lots, worst, purpose } => {
            let purpose = match purpose {
                Purpose::Hedge => "hedges".to_owned(),
                Purpose::Reduce => "reduces the position".to_owned(),
            };
            (purpose, *instrument, *lots, worst)
        }
        Step::Repay { instrument, lots, sell, buy, worst, amount } => {
            (format!("repays {} with {} {}", name(buy), exact(amount), name(sell)), *instrument, *lots, worst)
        }
        _ => return Ok(reason),
    };
    let price = price(worst, currency(planning.market, instrument));
    let value = usd(planning.value(instrument, lots));
    let slices = match planning.intervals(instrument, lots)? {
        1 => String::new(),
        intervals => format!(", over {} intervals of {} s", exact(intervals), planning.interval),
    };
    Ok(format!("{purpose}: {value} USD at {price} or better{slices}; {reason}"))
}

/// A price with its currency, and with the number of decimals that suits its size.
fn price(price: &Price, currency: &str) -> String {
    let decimals = match price.to_f64().abs() {
        100.0.. => 2,
        1.0.. => 4,
        _ => 8,
    };
    format!("{} {currency}", number(price.to_f64(), decimals))
}

/// The result of the plan in words.
fn end(plan: &Plan, planning: &Planning<'_>) -> String {
    let reached = ratio(health(&plan.after));
    let Some(stop) = plan.stopped else {
        let nothing = plan.before.equity >= plan.before.maintenance;
        let enough = plan.steps.iter().all(|planned| matches!(planned.step, Step::Cancel { .. }));
        return if nothing {
            "nothing to do: it holds its maintenance margin".to_owned()
        } else if enough {
            format!("nothing to trade: without its orders it holds its maintenance margin, health {reached}")
        } else {
            format!("reached: health {reached} of {}", planning.beta)
        };
    };
    let why = match stop {
        Stop::Insolvent => "it owes more than it has",
        Stop::Room => "books have no more room in this interval",
        Stop::NoMarket => "nothing that could help is traded now",
        Stop::Frontier => "every trade that is left costs more health than it gives",
        Stop::Dust => "nothing meaningful is left: every trade that still helps gives next to nothing",
        Stop::CutOff => "the search ended before it had tried everything; plan again after these steps",
        Stop::Unordered => "the trades that are left help only together: each of them alone makes it worse",
    };
    let missing = number(planning.missing(&plan.after), 2);
    format!("not reached by trades: health {reached} of {}, {missing} USD short; {why}", planning.beta)
}
