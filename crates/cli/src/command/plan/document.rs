//! `upm.plan/1`: plans as a document, with names, contracts and decimal texts, field by field as described in
//! `formats.md`.

use liquidation::{Plan, Planned, Purpose, Standing, Step, Stop, Why};
use model::{InstrumentId, Market};
use serde::Serialize;
use units::{Money, Overflow, Price, Quantity, Ratio, Round};

use super::Planning;

/// The decimals of a risk number that is written as an amount of USD.
const DECIMALS: u32 = 6;

/// The plans of all accounts, as a document `upm.plan/1`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanDocument {
    pub format: &'static str,
    pub method: &'static str,
    pub params: String,
    pub time: String,
    /// The target, as a multiple of the maintenance margin.
    pub beta: Ratio,
    /// USD that were taken off every account before planning.
    pub less: Quantity,
    pub plans: Vec<AccountPlan>,
}

/// The plan of one account.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AccountPlan {
    account: String,
    before: StandingDocument,
    steps: Vec<StepDocument>,
    after: StandingDocument,
    /// The expected cost of the trades, in USD.
    cost: Money,
    reached: bool,
    /// The equity missing to the target after the trades, in USD.
    missing: Money,
    stopped: Option<&'static str>,
}

/// The figures of an account, in USD.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StandingDocument {
    equity: Money,
    initial_margin: Money,
    maintenance_margin: Money,
    /// Equity over maintenance margin; null when nothing is required.
    health: Option<Ratio>,
}

/// One step: its action, its cost, the figures after it, and the reason.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepDocument {
    #[serde(flatten)]
    action: Action,
    cost: Money,
    why: &'static str,
    /// For a trade that does not reach the target: the USD by which it comes nearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    relief: Option<Money>,
    after: StandingDocument,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "step", rename_all = "snake_case")]
enum Action {
    Cancel {
        orders: String,
    },
    Trade {
        purpose: &'static str,
        #[serde(flatten)]
        order: OrderDocument,
    },
    Repay {
        #[serde(flatten)]
        order: OrderDocument,
        gives: String,
        amount: Quantity,
        repays: String,
    },
    Auction {
        share: Ratio,
    },
    Backstop {
        share: Ratio,
    },
    Deleverage,
}

/// The trade of a step.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrderDocument {
    instrument: String,
    side: &'static str,
    contracts: Quantity,
    /// The smallest size, in contracts; `contracts` is a multiple of it.
    lot: Quantity,
    /// Value of the trade at the mark, in USD.
    value: Money,
    worst_price: Price,
    /// The currency of the price.
    currency: String,
    /// The number of intervals over which the trade is spread, so that none trades more of the depth than liquidations
    /// may.
    intervals: String,
}

impl AccountPlan {
    /// The plan of an account with the names of its market.
    pub fn new(account: &str, plan: &Plan, planning: &Planning<'_>) -> Result<Self, Overflow> {
        let steps = plan.steps.iter().map(|planned| step(planned, planning)).collect::<Result<_, _>>()?;
        let missing = if plan.reached { 0.0 } else { planning.missing(&plan.after) };
        Ok(Self {
            account: account.to_owned(),
            before: standing(&plan.before)?,
            steps,
            after: standing(&plan.after)?,
            cost: usd(plan.cost(), Round::Up)?,
            reached: plan.reached,
            missing: usd(missing, Round::Up)?,
            stopped: plan.stopped.map(stop),
        })
    }
}

fn step(planned: &Planned, planning: &Planning<'_>) -> Result<StepDocument, Overflow> {
    let (why, relief) = match planned.why {
        Why::OrdersFirst => ("orders_first", None),
        Why::Reaches => ("reaches", None),
        Why::Relieves { relief } => ("relieves", Some(relief)),
        Why::EndOfRoom { relief } => ("end_of_room", Some(relief)),
        Why::TradingHurts => ("trading_hurts", None),
        Why::NobodyBids => ("nobody_bids", None),
        Why::BackstopEnds => ("backstop_ends", None),
    };
    Ok(StepDocument {
        action: action(&planned.step, planning)?,
        cost: usd(planned.cost, Round::Up)?,
        why,
        relief: relief.map(|relief| usd(relief, Round::Down)).transpose()?,
        after: standing(&planned.after)?,
    })
}

fn action(step: &Step, planning: &Planning<'_>) -> Result<Action, Overflow> {
    let order = |instrument: &InstrumentId, lots: i64, worst: &Price| {
        Ok(OrderDocument {
            instrument: planning.market.listing(*instrument).name.clone(),
            side: if lots < 0 { "sell" } else { "buy" },
            contracts: planning.contracts(*instrument, lots)?,
            lot: planning.books[instrument.0].lot,
            value: usd(planning.value(*instrument, lots), Round::Down)?,
            worst_price: *worst,
            currency: currency(planning.market, *instrument).to_owned(),
            intervals: planning.intervals(*instrument, lots)?.to_string(),
        })
    };
    let name = |asset: &model::AssetId| planning.market.assets[asset.0].name.clone();
    Ok(match step {
        Step::Cancel { orders } => Action::Cancel { orders: orders.to_string() },
        Step::Trade { instrument, lots, worst, purpose } => {
            let purpose = match purpose {
                Purpose::Hedge => "hedge",
                Purpose::Reduce => "reduce",
            };
            Action::Trade { purpose, order: order(instrument, *lots, worst)? }
        }
        Step::Repay { instrument, lots, sell, amount, buy, worst } => Action::Repay {
            order: order(instrument, *lots, worst)?,
            gives: name(sell),
            amount: *amount,
            repays: name(buy),
        },
        Step::Auction { share } => Action::Auction { share: *share },
        Step::Backstop { share } => Action::Backstop { share: *share },
        Step::Deleverage => Action::Deleverage,
    })
}

/// The currency in which the mark of an instrument is written.
pub fn currency(market: &Market, instrument: InstrumentId) -> &str {
    &market.assets[market.listing(instrument).quote.0].name
}

fn standing(standing: &Standing) -> Result<StandingDocument, Overflow> {
    let health = health(standing).map(|health| health.to_decimals(DECIMALS, Round::Down)).transpose()?;
    Ok(StandingDocument {
        equity: usd(standing.equity, Round::Down)?,
        initial_margin: usd(standing.initial, Round::Up)?,
        maintenance_margin: usd(standing.maintenance, Round::Up)?,
        health,
    })
}

/// Equity over maintenance margin; none when nothing is required.
pub fn health(standing: &Standing) -> Option<Ratio> {
    let positive = standing.maintenance > 0.0;
    positive.then(|| Ratio::from_f64(standing.equity / standing.maintenance, Round::Down).ok()).flatten()
}

/// A risk number as an amount of USD.
fn usd(number: f64, round: Round) -> Result<Money, Overflow> {
    Money::from_f64(number, round)?.to_decimals(DECIMALS, round)
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::Insolvent => "insolvent",
        Stop::Room => "room",
        Stop::NoMarket => "no_market",
        Stop::Frontier => "frontier",
        Stop::Dust => "dust",
        Stop::Unordered => "unordered",
        Stop::CutOff => "cut_off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_current() {
        testdata::schema::is_current::<PlanDocument>("upm.plan/1", testdata::schema::Side::Written);
    }
}
