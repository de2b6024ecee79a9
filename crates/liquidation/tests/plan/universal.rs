//! Random portfolios under the universal method: properties of every plan.

use std::rc::Rc;
use std::sync::LazyLock;

use liquidation::{Gauge, Near, OrderBook, Plan, Purpose, Standing, Step, Stop};
use margin::method::universal::{self, Universal, rules::Rules};
use margin::params::Params;
use margin::scenario::ScenarioSet;
use margin::{Holdings, Refusal};
use model::{Account, InstrumentId, Market, Position, Right};
use pricing::kernel::Isa;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::cases;
use crate::world::{
    account, asset, book, empty, future, option, perpetual, planned, quantity, shown, trades, underlying, whole,
};

const BETA: f64 = 1.1;

static PARAMS: LazyLock<Params<Rules>> = LazyLock::new(|| universal::parse(universal::PARAMS).unwrap());
pub static MARKET: LazyLock<Market> = LazyLock::new(market);

/// The universal method in one market.
pub struct ByUniversal<'a>(Universal<'a>);

impl Gauge for ByUniversal<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        let margins = self.0.margins(account)?;
        let equity = margin::valuation::equity(account, self.0.market)
            .map_err(|overflow| Refusal::OutOfRange { account: account.name.clone(), overflow })?;
        Ok(Standing {
            equity: equity.to_f64(),
            initial: margins.initial.to_f64(),
            maintenance: margins.maintenance.to_f64(),
        })
    }
}

/// The universal method around one account.
struct Around<'a>(universal::Near<'a>);

impl Near for Around<'_> {
    fn stands(&self, held: &Holdings) -> Option<Standing> {
        let universal::Nearly { equity, initial, maintenance } = self.0.judge(held)?;
        Some(Standing { equity, initial, maintenance })
    }
}

/// [`ByUniversal`], also around one account.
pub struct Incremental(ByUniversal<'static>);

impl Gauge for Incremental {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        self.0.stands(account)
    }

    fn near<'a>(&'a self, account: &'a Account) -> Option<Rc<dyn Near + 'a>> {
        Some(Rc::new(Around(self.0.0.near(account).ok()?)))
    }
}

pub fn gauge() -> ByUniversal<'static> {
    ByUniversal(universal::prepare(&MARKET, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).unwrap())
}

/// Two coins, each with a perpetual, two futures, and calls and puts of seven strikes at both expiries.
fn market() -> Market {
    let mut document = empty();
    for (name, index) in [("BTC", 80_000.0), ("ETH", 3000.0)] {
        document.assets.push(asset(name, index));
        document.underlyings.push(underlying(name, index, &[7, 60]));
        document.instruments.push(perpetual(&format!("{name}-PERPETUAL"), name, index));
        for days in [7, 60] {
            document.instruments.push(future(&format!("{name}-{days}"), name, index, days));
            for strike in [0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3] {
                for right in [Right::Call, Right::Put] {
                    document.instruments.push(option(name, index, days, (strike * index, right, 0.6)));
                }
            }
        }
    }
    Market::new(&document).unwrap()
}

/// An account below its maintenance margin, and books.
#[derive(Clone)]
pub struct World {
    pub account: Account,
    pub books: Vec<OrderBook>,
}

/// Shows the account, one position or balance a line.
impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Position { instrument, quantity, .. } in &self.account.positions {
            let book = &self.books[instrument.0];
            writeln!(formatter, "{quantity} {} {book:?}", MARKET.listing(*instrument).name)?;
        }
        Ok(())
    }
}

/// An account with these positions, in millions of USD of the underlying, and equity of `health` times its maintenance margin.
pub fn below(positions: &[(InstrumentId, f64)], health: f64) -> Account {
    let contracts = |(instrument, millions): &(InstrumentId, f64)| {
        let listing = MARKET.listing(*instrument);
        let lots = (millions * 1e8 / MARKET.index(listing.underlying).usd().to_f64()).round();
        (*instrument, lots / 100.0)
    };
    let positions: Vec<(InstrumentId, f64)> = positions.iter().map(contracts).collect();
    let mut account = account(0.0, &positions, &MARKET);
    let standing = gauge().stands(&account).unwrap();
    account.balances[0].amount = quantity(health * standing.maintenance - standing.equity);
    account
}

fn books() -> impl Strategy<Value = Vec<OrderBook>> {
    let book = (0..10_u32, 0.0001..0.01_f64, 11.0..20.0_f64, 0..4_u32).prop_map(|(open, cost, depth, room)| {
        let (half_spread, depth_usd) = (cost, pricing::math::exp(depth));
        let book = OrderBook { open: open > 0, half_spread, depth_usd, fee: 0.0003, ..book(0.01, 0.0, 0.0) };
        (book, room == 0)
    });
    let with_room = |(place, (book, short)): (usize, (OrderBook, bool))| {
        let lots = 300_000.0 / (0.01 * MARKET.mark(InstrumentId(place)).in_quote().to_f64());
        OrderBook { room: if short { whole(lots) } else { OrderBook::UNLIMITED }, ..book }
    };
    vec(book, MARKET.instruments.len()).prop_map(move |books| books.into_iter().enumerate().map(with_room).collect())
}

pub fn world() -> impl Strategy<Value = World> {
    let positions = vec((0..MARKET.instruments.len(), -1.0..1.0_f64), 1..12);
    (positions, 0.05..0.999_f64, books()).prop_map(|(positions, health, books)| {
        let once: std::collections::BTreeMap<usize, f64> = positions.into_iter().collect();
        let positions: Vec<(InstrumentId, f64)> =
            once.into_iter().map(|(place, millions)| (InstrumentId(place), millions)).collect();
        World { account: below(&positions, health), books }
    })
}

/// The account after trades, computed independently of the crate: positions move at the mark, options are paid for,
/// trading costs are deducted.
pub fn replayed((account, books): (&Account, &[OrderBook]), trades: &[(InstrumentId, i64)]) -> Account {
    let mut account = account.clone();
    let mut used = std::collections::BTreeMap::<InstrumentId, f64>::new();
    for (instrument, lots) in trades {
        let (listing, book) = (MARKET.listing(*instrument), &books[instrument.0]);
        let contracts = f64::from(i32::try_from(*lots).unwrap()) * book.lot.to_f64();
        let traded = contracts * MARKET.mark(*instrument).in_quote().to_f64();
        // Earlier trades in the instrument have moved the price, so the next trade costs more.
        let used = used.entry(*instrument).or_default();
        let paid = if listing.is_option() { traded } else { 0.0 } + book.cost(*used + traded.abs()) - book.cost(*used);
        *used += traded.abs();
        account.balances[0].amount = account.balances[0].amount.minus(quantity(paid)).unwrap();
        match account.positions.iter_mut().find(|position| position.instrument == *instrument) {
            Some(position) => position.quantity = position.quantity.plus(quantity(contracts)).unwrap(),
            None => account.positions.push(Position {
                instrument: *instrument,
                quantity: quantity(contracts),
                entry: MARKET.mark(*instrument),
            }),
        }
    }
    account.positions.retain(|position| position.quantity != units::Quantity::ZERO);
    account.positions.sort_by_key(|position| position.instrument);
    account
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * (1.0 + one.abs().max(other.abs()))
}

fn check(world: &World, plan: &Plan) -> Result<(), TestCaseError> {
    let gauge = gauge();
    let text = || shown(plan);
    prop_assert!(plan.before.equity < plan.before.maintenance);
    prop_assert_eq!(plan.reached, plan.after.excess(BETA) >= 0.0, "{}", text());
    prop_assert_eq!(plan.reached, plan.stopped.is_none());
    let (mut standing, mut done) = (plan.before, Vec::new());
    for planned in plan.steps.iter().filter(|planned| !planned.step.escalates()) {
        let Step::Trade { instrument, lots, purpose, worst } = &planned.step else { continue };
        // A reduction never crosses zero.
        if *purpose == Purpose::Reduce {
            let held = |account: &Account| {
                let position = account.positions.iter().find(|position| position.instrument == *instrument);
                position.map_or(0, |position| position.quantity.raw())
            };
            let was = held(&replayed((&world.account, &world.books), &done));
            done.push((*instrument, *lots));
            let is = held(&replayed((&world.account, &world.books), &done));
            prop_assert!(is.abs() < was.abs() && is.signum() * was.signum() >= 0, "{} {}\n{}", was, is, text());
        } else {
            done.push((*instrument, *lots));
        }
        // A second, independent computation of the result.
        let after = gauge.stands(&replayed((&world.account, &world.books), &done)).unwrap();
        prop_assert!(
            near(after.equity, planned.after.equity) && near(after.maintenance, planned.after.maintenance),
            "{}",
            text()
        );
        // I-37: healthier, nearer to the target, and never at a higher maintenance margin.
        prop_assert!(
            planned.after.equity * standing.maintenance > standing.equity * planned.after.maintenance,
            "{}",
            text()
        );
        prop_assert!(planned.after.excess(BETA) > standing.excess(BETA), "{}", text());
        prop_assert!(planned.after.maintenance <= standing.maintenance, "{}", text());
        // No trade is undone.
        prop_assert!(
            done.iter().all(|(other, there)| other != instrument || there.signum() == lots.signum()),
            "{}",
            text()
        );
        let mark = MARKET.mark(*instrument).in_quote();
        prop_assert!((*lots > 0) == (*worst >= mark) || *worst == mark, "{}", text());
        standing = planned.after;
    }
    for (place, book) in world.books.iter().enumerate() {
        let lots = done.iter().filter(|(instrument, _)| instrument.0 == place).map(|(_, lots)| lots.abs()).sum::<i64>();
        prop_assert!(lots <= book.room && (book.open || lots == 0), "{}", text());
    }
    // I-38: without the last lot the target is not reached.
    if plan.reached {
        let (_, lots) = done.last_mut().unwrap();
        *lots -= lots.signum();
        let without = gauge.stands(&replayed((&world.account, &world.books), &done)).unwrap();
        prop_assert!(without.excess(BETA) < 1e-6 * without.maintenance, "{}", text());
    }
    let escalated = plan.steps.iter().filter(|planned| planned.step.escalates()).count();
    let over = plan.stopped.is_some_and(|stop| stop != Stop::Room);
    prop_assert_eq!(escalated, if over && plan.after.equity < plan.after.maintenance { 3 } else { 0 }, "{}", text());
    Ok(())
}

proptest! {
    #![proptest_config(cases(48))]

    /// I-37, I-38, I-42, room and escalation of every plan; turned round, the positions give the same plan (I-41).
    #[test]
    fn plans_of_random_portfolios_keep_the_rules(world in world()) {
        let plan = planned(&world.account, &MARKET, &gauge(), &world.books);
        check(&world, &plan)?;
        let mut turned = world.account.clone();
        turned.positions.reverse();
        prop_assert_eq!(planned(&turned, &MARKET, &gauge(), &world.books), plan);
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// A search that judges only what a trade changes finds the plan of a search that judges the whole account.
    #[test]
    fn a_plan_around_an_account_is_that_of_whole_assessments(world in world()) {
        let whole = planned(&world.account, &MARKET, &gauge(), &world.books);
        let near = planned(&world.account, &MARKET, &Incremental(gauge()), &world.books);
        prop_assert_eq!(near, whole);
    }
}

/// The generator reaches plans of every kind; otherwise the property above would prove little.
#[test]
fn random_portfolios_reach_every_kind_of_plan() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..60 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let plan = planned(&world.account, &MARKET, &gauge(), &world.books);
        let purposes: Vec<Purpose> = plan
            .steps
            .iter()
            .filter_map(|planned| match planned.step {
                Step::Trade { purpose, .. } => Some(purpose),
                _ => None,
            })
            .collect();
        for (kind, is) in [
            ("reached", plan.reached),
            ("hedge", purposes.contains(&Purpose::Hedge)),
            ("reduce", purposes.contains(&Purpose::Reduce)),
            ("several trades", purposes.len() > 1),
            ("escalated", plan.steps.iter().any(|planned| planned.step.escalates())),
        ] {
            *seen.entry(kind).or_default() += u32::from(is);
        }
    }
    assert!(seen.values().all(|times| *times > 0), "{seen:?}");
}

/// Long calls that cannot be sold, and the short perpetual that hedges them: the perpetual is not bought back.
#[test]
fn the_hedge_of_long_calls_is_kept() {
    let find = |name: &str| MARKET.instrument(name).unwrap();
    let perpetual = find("BTC-PERPETUAL");
    let calls = find("BTC-60-80000-Call");
    let account = below(&[(calls, 2.0), (perpetual, -0.8)], 0.9);
    let mut books = vec![book(0.01, 0.001, 1e8); MARKET.instruments.len()];
    for place in [calls, find("BTC-7"), find("BTC-60")] {
        books[place.0].open = false;
    }
    let plan = planned(&account, &MARKET, &gauge(), &books);
    assert!(!trades(&plan).is_empty(), "{}", shown(&plan));
    assert!(trades(&plan).iter().all(|(instrument, lots)| *instrument != perpetual || *lots < 0), "{}", shown(&plan));
}
