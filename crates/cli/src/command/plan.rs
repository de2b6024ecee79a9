//! `upm plan`: what a liquidation of an account would do, before it does it.

mod document;
mod table;

use liquidation::{Book as Trading, Gauge, Rules as Aims, Standing};
use margin::{Judge, Refusal, exposure, valuation};
use model::{Account, InstrumentId, InstrumentKind, Market, Payoff, Position, Underlying};
use shell::failure::Failure;
use shell::input::{Output, Reader};
use shell::printer::Answer;
use units::{Money, Overflow, Quantity, Ratio, Round};

use crate::input::{Book, BookArgs, MethodArgs};
use document::{AccountPlan, PlanDocument};

/// Show what a liquidation would do: each step with its cost, what it leaves and why
///
/// Orders go, then the few trades that restore the target; where selling hurts, an auction, the backstop, winners.
///
/// Of two plans the one with fewer steps is shown, unless it costs a tenth more. An account that holds its margin gets none.
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
    /// As if so many USD of the account were gone: a loss that has not happened yet
    #[arg(long, value_name = "USD", default_value = "0")]
    less: Quantity,
    /// USD within one per cent of the mid, for underlyings whose depth the market does not give
    #[arg(long, value_name = "USD")]
    depth: Option<Quantity>,
    /// Contracts a lot
    #[arg(long, value_name = "CONTRACTS", default_value = "0.001")]
    lot: Quantity,
    /// Target, as a multiple of the maintenance margin
    #[arg(long, value_name = "RATIO", default_value = "1.1")]
    beta: Ratio,
    /// table for people, or json (upm.plan/1) for programs
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    output: Output,
}

/// What plans are made of and shown by.
pub struct Planning<'a> {
    market: &'a Market,
    books: &'a [Trading],
    /// USD that liquidations may trade of each underlying in an interval.
    rooms: Vec<f64>,
    /// Seconds of an interval.
    interval: i64,
    beta: Ratio,
}

impl Planning<'_> {
    /// Contracts in so many lots, whatever the side.
    fn contracts(&self, instrument: InstrumentId, lots: i64) -> Result<Quantity, Overflow> {
        let lot = self.books[instrument.0].lot.raw();
        let contracts = lot.checked_mul(i128::from(lots.unsigned_abs())).map(Quantity::from_raw);
        contracts.ok_or(Overflow { quantity: "quantity" })
    }

    /// USD traded with so many lots.
    fn value(&self, instrument: InstrumentId, lots: i64) -> f64 {
        let book = &self.books[instrument.0];
        units::count(lots).abs() * book.lot_usd(self.market.listing(instrument), self.market)
    }

    /// Intervals that a trade is spread over, so that each trades no more than liquidations may. Options count with what
    /// they are on, as in the engine.
    fn intervals(&self, instrument: InstrumentId, lots: i64) -> Result<u64, Overflow> {
        let listing = self.market.listing(instrument);
        let traded = Position { instrument, quantity: self.contracts(instrument, lots)?, entry: listing.mark };
        let notional = exposure::notional(&traded, self.market)?.to_f64();
        let room = self.rooms[listing.underlying.0];
        let intervals = Quantity::from_f64((notional / room).ceil().max(1.0), Round::Up)?;
        Ok(u64::try_from(intervals.raw() / Quantity::ONE.raw()).unwrap_or(u64::MAX))
    }

    /// USD of equity that are missing to the target.
    fn missing(&self, standing: &Standing) -> f64 {
        (self.beta.to_f64() * standing.maintenance - standing.equity).max(0.0)
    }
}

/// A method as a plan asks it.
struct ByMethod<'a>(&'a dyn Judge);

impl Gauge for ByMethod<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        let out_of_range = |overflow| Refusal::OutOfRange { account: account.name.clone(), overflow };
        let workings = self.0.workings(account)?;
        if let [reason, ..] = workings.state.reasons() {
            return Err(Refusal::NotSupported { method: "plan", why: reason.clone() });
        }
        let (_, _, initial, maintenance) = workings.requirement().map_err(out_of_range)?;
        let equity = valuation::equity(account, self.0.market()).map_err(out_of_range)?;
        let not_accepted = workings.state.value_not_accepted().map_err(out_of_range)?;
        let equity = equity.minus(not_accepted).map_err(out_of_range)?;
        Ok(Standing { equity: equity.to_f64(), initial: initial.to_f64(), maintenance: maintenance.to_f64() })
    }
}

/// The plan of every account asked for.
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
    let aims = Aims { beta: args.beta, ..Aims::default() };
    let depths = depths(args, &book)?;
    let books = trading(args, &book, &aims, &depths);
    let planning = Planning {
        market: &book.market,
        books: &books,
        rooms: depths.iter().map(|depth| depth * aims.participation.to_f64()).collect(),
        interval: aims.interval / 1_000_000,
        beta: args.beta,
    };
    let mut plans = Vec::new();
    for account in &book.accounts {
        let account = poorer(account, args.less).map_err(|why| book.refused(account, &why))?;
        let budget = budget(&account, &book.market, &depths, &aims);
        let aims = Aims { backstop_budget: budget.map_err(|why| book.refused(&account, &why))?, ..aims.clone() };
        let plan = liquidation::plan(&account, &book.market, &ByMethod(&*judge), &books, &aims);
        plans.push((account.clone(), plan.map_err(|why| book.refused(&account, &why))?));
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

/// The account with so many USD less.
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

/// USD within one per cent of the mid of every underlying.
fn depths(args: &Args, book: &Book) -> Result<Vec<f64>, Failure> {
    let underlyings = book.market.underlyings.iter();
    let depth = |underlying: &Underlying| {
        let given = args.depth.map(Quantity::to_f64);
        let depth = depth_of(underlying, &book.market).or(given).filter(|depth| *depth > 0.0);
        depth.ok_or_else(|| {
            let problem = format_args!("underlyings: {} has no depth, expected one or --depth", underlying.name);
            Failure::wrong(&book.market_file, problem)
        })
    };
    underlyings.map(depth).collect()
}

/// What a backstop may lose by taking over an account, by what it has in each underlying at the index.
fn budget(account: &Account, market: &Market, depths: &[f64], aims: &Aims) -> Result<Money, Overflow> {
    let mut markets = vec![0.0; market.underlyings.len()];
    for held in &account.positions {
        let listing = market.listing(held.instrument);
        let price = match listing.payoff {
            Payoff::Inverse if !listing.is_option() => 1.0,
            _ => market.underlyings[listing.underlying.0].index.usd().to_f64(),
        };
        markets[listing.underlying.0] += (held.quantity.to_f64() * listing.contract_size.to_f64() * price).abs();
    }
    let money = |usd: f64| Money::from_f64(usd, Round::Down);
    let pairs = markets.into_iter().zip(depths).filter(|(notional, _)| *notional > 0.0);
    let markets = pairs.map(|(notional, depth)| Ok((money(notional)?, money(*depth)?)));
    aims.budget(&markets.collect::<Result<Vec<_>, Overflow>>()?)
}

/// What trading each instrument costs, by what the market says of depth and quotes.
fn trading(args: &Args, book: &Book, aims: &Aims, depths: &[f64]) -> Vec<Trading> {
    let market = &book.market;
    let of = |listing: &model::Instrument| {
        let option = matches!(listing.kind, InstrumentKind::Option { .. });
        let (spread, share) =
            if option { (aims.option_half_spread, aims.option_depth.to_f64()) } else { (aims.half_spread, 1.0) };
        let mark = listing.mark.in_quote().to_f64();
        let quoted = listing
            .bid
            .zip(listing.ask)
            .map(|(bid, ask)| (ask.in_quote().to_f64() - bid.in_quote().to_f64()) / (2.0 * mark));
        let depth = depths[listing.underlying.0];
        Trading {
            lot: args.lot,
            open: mark > 0.0,
            reduces_only: false,
            half_spread: quoted.filter(|spread| *spread >= 0.0).unwrap_or(spread.to_f64()),
            depth_usd: depth * share,
            fee: listing.fee_rate.map_or(0.0, Ratio::to_f64),
            // A plan is shown whole; what one interval bears is said beside each trade.
            room: Trading::UNLIMITED,
            whole_room: Trading::UNLIMITED,
        }
    };
    market.instruments.iter().map(of).collect()
}

/// USD within one per cent of the mid of an underlying, or of the asset that bears its name.
fn depth_of(underlying: &Underlying, market: &Market) -> Option<f64> {
    let named = market.assets.iter().find(|asset| asset.name == underlying.name);
    let levels = [Some(&underlying.depth), named.map(|asset| &asset.depth)];
    let levels = levels.into_iter().flatten().find(|levels| !levels.is_empty())?;
    let level = levels.iter().find(|level| level.bps.to_f64() >= 100.0).or(levels.last())?;
    Some(level.usd.to_f64() * 100.0 / level.bps.to_f64())
}
