//! `upm plan`: the steps that a liquidation of an account would take.

mod document;
mod table;

use liquidation::{LiquidationRules, OrderBook, Planner, Standing};
use margin::exposure;
use model::{Account, InstrumentId, Market, Position};
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::Answer;
use units::{Overflow, Quantity, Ratio, Round};

use crate::input::{BookArgs, MethodArgs};
use document::{AccountPlan, PlanDocument};

/// Show the steps that a liquidation would take: each with its cost, its result and its reason
///
/// Orders are cancelled, then few trades restore the target; where trading hurts: an auction, the backstop, winners.
///
/// Of two plans the one with fewer steps is shown, unless it costs a tenth more. An account above its margin gets none.
///
/// A trade is shown whole, with the intervals that it is spread over to keep to its share of the depth within 1 % of the mid.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  upm plan --market samples/market.json --portfolio samples/portfolio.json --account \"short strangle\"
  upm plan --market samples/market.json --portfolio samples/portfolio.json --account \"delta-hedged book\" \\
      --less 750000 --lot 0.01 --output json")]
pub struct Args {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    method: MethodArgs,
    /// USD to take off the account first: a loss that has not happened yet
    #[arg(long, value_name = "USD", default_value = "0")]
    less: Quantity,
    /// USD within one per cent of the mid, for underlyings whose depth the market does not give
    #[arg(long, value_name = "USD")]
    depth: Option<Quantity>,
    /// Contracts per lot
    #[arg(long, value_name = "CONTRACTS", default_value = "0.001")]
    lot: Quantity,
    /// Target, as a multiple of the maintenance margin
    #[arg(long, value_name = "RATIO", default_value = "1.1")]
    beta: Ratio,
    /// table for people, or json (upm.plan/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// The inputs from which plans are made and shown.
pub struct Planning<'a> {
    market: &'a Market,
    books: &'a [OrderBook],
    /// USD of each underlying that liquidations may trade in an interval.
    rooms: Vec<f64>,
    /// The length of an interval in seconds.
    interval: i64,
    beta: Ratio,
}

impl Planning<'_> {
    /// The contracts in `lots` lots, without a sign.
    fn contracts(&self, instrument: InstrumentId, lots: i64) -> Result<Quantity, Overflow> {
        let lot = self.books[instrument.0].lot.raw();
        let contracts = lot.checked_mul(i128::from(lots.unsigned_abs())).map(Quantity::from_raw);
        contracts.ok_or(Overflow { quantity: "quantity" })
    }

    /// The value of `lots` lots, in USD.
    fn value(&self, instrument: InstrumentId, lots: i64) -> f64 {
        let book = &self.books[instrument.0];
        units::count(lots).abs() * book.lot_usd(self.market.listing(instrument), self.market)
    }

    /// The number of intervals over which a trade is spread, so that each trades no more than liquidations may. Options
    /// count toward their underlying, as in the engine.
    fn intervals(&self, instrument: InstrumentId, lots: i64) -> Result<u64, Overflow> {
        let listing = self.market.listing(instrument);
        let traded =
            Position { instrument, quantity: self.contracts(instrument, lots)?, entry: self.market.mark(instrument) };
        let notional = exposure::notional(&traded, self.market)?.to_f64();
        let room = self.rooms[listing.underlying.0];
        let intervals = Quantity::from_f64((notional / room).ceil().max(1.0), Round::Up)?;
        Ok(u64::try_from(intervals.raw() / Quantity::ONE.raw()).unwrap_or(u64::MAX))
    }

    /// The equity missing to the target, in USD.
    fn missing(&self, standing: &Standing) -> f64 {
        (self.beta.to_f64() * standing.maintenance - standing.equity).max(0.0)
    }
}

/// Plans for every requested account.
pub fn run(args: &Args) -> Result<Answer, Failure> {
    let mut reader = Reader::default();
    let book = args.book.read(&mut reader)?;
    let rules = args.method.read(&mut reader, &book)?;
    if args.lot <= Quantity::ZERO {
        return Err(Failure::wrong("--lot", format_args!("found {}, expected above 0", args.lot)));
    }
    if let Some(depth) = args.depth.filter(|depth| *depth <= Quantity::ZERO) {
        return Err(Failure::wrong("--depth", format_args!("found {depth}, expected above 0")));
    }
    if args.beta <= Ratio::ONE {
        return Err(Failure::wrong("--beta", format_args!("found {}, expected above 1", args.beta)));
    }
    let judge = rules.judge(&book)?;
    let aims = LiquidationRules { beta: args.beta, ..LiquidationRules::default() };
    let (participation, interval) = (aims.participation.to_f64(), aims.interval / 1_000_000);
    let no_depth = |invalid| Failure::wrong(&book.market_file, format_args!("{invalid} or --depth"));
    let planner = Planner::new(&*judge, aims, args.lot, args.depth).map_err(no_depth)?;
    let planning = Planning {
        market: &book.market,
        books: planner.books(),
        rooms: planner.depths().iter().map(|depth| depth * participation).collect(),
        interval,
        beta: args.beta,
    };
    let mut plans = Vec::new();
    for account in &book.accounts {
        let account = poorer(account, args.less).map_err(|why| book.refused(account, &why))?;
        let plan = planner.plan(&account).map_err(|why| book.refused(&account, &why))?;
        plans.push((account, plan));
    }
    if args.output == Output::Json {
        let plan = |(account, plan)| {
            let account: &Account = account;
            AccountPlan::new(&account.name, plan, &planning).map_err(|why| book.refused(account, &why))
        };
        return Ok(Answer::json(&PlanDocument {
            format: "upm.plan/1",
            method: rules.method.about.name,
            params: rules.rulebook.name(),
            time: book.market.time.to_string(),
            beta: args.beta,
            less: args.less,
            plans: plans.iter().map(|(account, found)| plan((account, found))).collect::<Result<_, _>>()?,
        }));
    }
    let table = |(account, plan): &(Account, liquidation::Plan)| {
        let table = table::table(&account.name, &rules.title(&book), plan, &planning);
        table.map_err(|why| book.refused(account, &why))
    };
    Ok(Answer::out(plans.iter().map(table).collect::<Result<Vec<_>, _>>()?.join("\n")))
}

/// The account with `less` USD taken off.
fn poorer(account: &Account, less: Quantity) -> Result<Account, Overflow> {
    let mut account = account.clone();
    let owed = less.negated()?;
    match account.balances.iter_mut().find(|held| held.asset == model::USD && held.location.is_none()) {
        Some(held) => held.amount = held.amount.plus(owed)?,
        None => account.balances.push(model::Balance { asset: model::USD, amount: owed, location: None }),
    }
    account.balances.retain(|held| held.amount != Quantity::ZERO);
    Ok(account)
}
