//! A plan as a person reads it.

use std::fmt::{Display, Formatter, Result};

use model::Market;

use super::{Plan, Purpose, Step, Stop, Why};
use crate::Standing;

/// A plan with the names of its market, a step a line.
pub(super) struct Table<'a> {
    plan: &'a Plan,
    market: &'a Market,
}

impl Plan {
    /// The plan as text: a line for every step with its cost and how the account stands then, in USD, and a line of
    /// why.
    pub fn table(&self, market: &Market) -> impl Display {
        Table { plan: self, market }.to_string()
    }
}

impl Display for Table<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let plan = self.plan;
        writeln!(formatter, "{:<52}{:>12}{:>16}{:>16}{:>8}", "", "cost", "equity", "maintenance", "health")?;
        line(formatter, "before", None, &plan.before)?;
        for (place, planned) in plan.steps.iter().enumerate() {
            let words = format!("{:>2}  {}", place + 1, self.words(&planned.step));
            line(formatter, &words, Some(planned.cost), &planned.after)?;
            writeln!(formatter, "      {}", planned.why)?;
        }
        match plan.stopped {
            Some(stop) => writeln!(formatter, "target not reached by trades: {stop}"),
            None if plan.steps.is_empty() => writeln!(formatter, "nothing to do: it holds its maintenance margin"),
            None => writeln!(formatter, "target reached"),
        }
    }
}

fn line(formatter: &mut Formatter<'_>, words: &str, cost: Option<f64>, after: &Standing) -> Result {
    let cost = cost.map(|cost| format!("{cost:.2}")).unwrap_or_default();
    let health =
        if after.maintenance > 0.0 { format!("{:.3}", after.equity / after.maintenance) } else { "-".to_owned() };
    let (equity, maintenance) = (after.equity, after.maintenance);
    // Words that are too long take a line of their own, so that numbers stay in their columns.
    if words.chars().count() > 52 {
        writeln!(formatter, "{words}")?;
        return writeln!(formatter, "{:<52}{cost:>12}{equity:>16.2}{maintenance:>16.2}{health:>8}", "");
    }
    writeln!(formatter, "{words:<52}{cost:>12}{equity:>16.2}{maintenance:>16.2}{health:>8}")
}

/// A price with the decimals its size asks for.
fn price_text(price: f64) -> String {
    match price.abs() {
        100.0.. => format!("{price:.2}"),
        1.0.. => format!("{price:.4}"),
        _ => format!("{price:.8}"),
    }
}

impl Table<'_> {
    fn words(&self, step: &Step) -> String {
        let worst = |price: &units::Price| price_text(price.to_f64());
        let side = |lots: i64| if lots < 0 { "sell" } else { "buy" };
        let percent = |share: units::Ratio| format!("{:.2} %", share.to_f64() * 100.0);
        match step {
            Step::Cancel { orders } => format!("cancel {orders} orders"),
            Step::Trade { instrument, lots, worst: at, purpose } => {
                let name = &self.market.listing(*instrument).name;
                let purpose = match purpose {
                    Purpose::Hedge => "hedge",
                    Purpose::Reduce => "reduce",
                };
                format!("{purpose}: {} {} {name} at {} or better", side(*lots), lots.unsigned_abs(), worst(at))
            }
            Step::Repay { instrument, lots, sell, buy, worst: at, .. } => {
                let name = |asset: &model::AssetId| &self.market.assets[asset.0].name;
                let (sell, buy, spot) = (name(sell), name(buy), &self.market.listing(*instrument).name);
                let (side, lots) = (side(*lots), lots.unsigned_abs());
                format!("repay {buy} with {sell}: {side} {lots} {spot} at {} or better", worst(at))
            }
            Step::Auction { share } => format!("auction {} of everything", percent(*share)),
            Step::Backstop { share } => format!("backstop takes over {}", percent(*share)),
            Step::Deleverage => "deleverage winners".to_owned(),
        }
    }
}

impl Display for Why {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Self::OrdersFirst => formatter.write_str("orders hold margin and could add risk"),
            Self::Reaches => formatter.write_str("reaches the target at the least expected cost"),
            Self::Relieves { relief } => {
                write!(formatter, "most relief for its cost: {relief:.2} USD nearer to the target")
            }
            Self::EndOfRoom { relief } => {
                write!(formatter, "as much as the book has room for: {relief:.2} USD nearer to the target")
            }
            Self::TradingHurts => formatter.write_str("no trade improves health: risk and hedge are sold together"),
            Self::NobodyBids => formatter.write_str("if nobody bids"),
            Self::BackstopEnds => formatter.write_str("if the backstop has no budget left"),
        }
    }
}

impl Display for Stop {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter.write_str(match self {
            Self::Insolvent => "it owes more than it has",
            Self::Room => "books have no more room in this interval",
            Self::NoMarket => "nothing that could help is traded now",
            Self::Frontier => "every trade that is left costs more health than it gives",
            Self::Length => "the plan is as long as a plan may be",
        })
    }
}
