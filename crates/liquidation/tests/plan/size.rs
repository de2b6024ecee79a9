//! The size of trades.

use liquidation::{Gauge, LiquidationRules, OrderBook, Plan, Standing, Step, Stop, Why};
use model::{Account, Market, Payoff, Position};
use proptest::prelude::*;
use units::Quantity;

use crate::common::cases;
use crate::world::*;

const BETA: f64 = 1.1;
/// The least part of the missing USD that a step gives when the target is out of reach.
const DUST: f64 = 0.01;

/// Only the perpetual trades.
fn only_perpetual(market: &Market, traded: OrderBook) -> Vec<OrderBook> {
    let mut books = closed(market);
    books[PERPETUAL.0] = traded;
    books
}

/// `f* = (β·m·N − E) / (N·(β·m − φ))`, of which whole lots are sold: within a lot.
#[test]
fn a_perpetual_is_closed_by_the_closed_form() {
    let market = market();
    // N = 800,000, m = 5 %, E = 30,000 < 40,000, φ = 0.1 %: f* = 14,000 / (800,000 · 0.054) = 0.32407, 3.2407
    // contracts.
    let plan = planned(
        &account(30_000.0, &[(PERPETUAL, 10.0)], &market),
        &market,
        &OfNotional { market: &market, rate: 0.05 },
        &only_perpetual(&market, book(0.001, 0.001, f64::INFINITY)),
    );
    assert_eq!(trades(&plan), [(PERPETUAL, -3241)]);
    assert!(plan.reached);
    assert!(matches!(plan.steps[0].why, Why::Reaches));
    assert!((plan.cost() - 3.241 * INDEX * 0.001).abs() < 1e-6);
}

/// Standing after `lots` of the perpetual are closed, counted without the crate.
fn closed_by_hand(contracts: f64, usd: f64, rate: f64, book: &OrderBook, lots: f64) -> Standing {
    let lot = book.lot.to_f64();
    let traded = lots * lot * INDEX;
    let cost = traded * (book.half_spread + book.fee + 0.005 * traded / book.depth_usd);
    let maintenance = rate * (contracts - lots * lot) * INDEX;
    Standing { equity: usd - cost, initial: 1.3 * maintenance, maintenance }
}

fn sold(plan: &Plan) -> i64 {
    trades(plan).iter().map(|(_, lots)| lots.abs()).sum()
}

proptest! {
    #![proptest_config(cases(64))]

    /// The closed form again, for any size, rate, cost, health and side.
    #[test]
    fn any_linear_contract_is_closed_by_the_closed_form(
        contracts in 0.5..500.0_f64,
        rate in 0.01..0.2_f64,
        part in 0.0..0.8_f64,
        health in 0.2..0.999_f64,
        short: bool,
    ) {
        let market = market();
        let notional = quantity(contracts).to_f64() * INDEX;
        // Below the frontier: φ < E/N.
        let equity = health * rate * notional;
        let cost = part * health * rate;
        let lot = 0.001;
        let signed = if short { -contracts } else { contracts };
        let plan = planned(
            &account(equity, &[(PERPETUAL, signed)], &market),
            &market,
            &OfNotional { market: &market, rate },
            &only_perpetual(&market, book(lot, cost, f64::INFINITY)),
        );
        let target = BETA * rate;
        let part = (target * notional - equity) / (notional * (target - cost));
        prop_assert!(part < 1.0);
        let lots = (part * contracts / lot).ceil();
        // A part of less than a lot cannot be closed.
        if lots <= (contracts / lot).floor() {
            prop_assert!(plan.reached, "{}", shown(&plan));
            let sold = f64::from(i32::try_from(sold(&plan)).unwrap());
            prop_assert!((sold - lots).abs() <= 1.0, "{lots} {}", shown(&plan));
        }
    }

    /// I-38: closed at most one lot more than the least that reaches the target, found by trying every number of lots;
    /// I-37: and when no number reaches it, health is the greatest of all, but for dust.
    #[test]
    fn no_smaller_trade_reaches_the_target(
        contracts in 1_u32..400,
        rate in 0.02..0.2_f64,
        cost in 0.0..0.05_f64,
        health in 0.1..0.999_f64,
        depth in 9.0..20.0_f64,
    ) {
        let market = market();
        let contracts = f64::from(contracts) / 10.0;
        let usd = quantity(health * rate * contracts * INDEX).to_f64();
        let book = book(0.1, cost, pricing::math::exp(depth));
        let gauge = OfNotional { market: &market, rate };
        let account = account(usd, &[(PERPETUAL, contracts)], &market);
        let plan = planned(&account, &market, &gauge, &only_perpetual(&market, book));
        let all = i32::try_from(whole((contracts / 0.1).round())).unwrap();
        let tried: Vec<Standing> = (0..=all)
            .map(|lots| closed_by_hand(contracts, usd, rate, &book, f64::from(lots)))
            .collect();
        let least = tried.iter().position(|standing| standing.excess(BETA) >= 1e-6);
        prop_assert_eq!(least.is_some(), plan.reached, "{}", shown(&plan));
        let sold = usize::try_from(sold(&plan)).unwrap();
        if let Some(least) = least {
            prop_assert!(sold <= least + 1 && sold + 1 >= least, "{} for {}\n{}", sold, least, shown(&plan));
        } else {
            // Where nothing is required, health is not defined, and here equity is 0 too.
            let health = |standing: &Standing| standing.equity / standing.maintenance;
            let with_risk = tried.iter().filter(|standing| standing.maintenance > 1e-6);
            let healthiest = with_risk.max_by(|one, other| health(one).total_cmp(&health(other))).unwrap();
            // The remaining gain is next to nothing: in health, or as a part of the missing amount.
            let left = healthiest.excess(BETA) - plan.after.excess(BETA);
            let (reached, greatest) = (health(&plan.after), health(healthiest));
            prop_assert!(
                reached >= greatest * (1.0 - 2e-3) || left < -DUST * plan.before.excess(BETA),
                "{} of {}\n{}", reached, greatest, shown(&plan)
            );
        }
    }
}

/// A long and a short position of equal size, with the cost and depth of their books.
#[derive(Clone, Copy, Debug)]
struct Pair {
    rate: f64,
    health: f64,
    costs: (f64, f64),
    /// As the logarithm of USD.
    depths: (f64, f64),
}

fn pairs() -> impl Strategy<Value = Pair> {
    let of_two = |range: std::ops::Range<f64>| (range.clone(), range);
    (0.02..0.2_f64, 0.3..0.98_f64, of_two(0.0001..0.01), of_two(11.0..20.0))
        .prop_map(|(rate, health, costs, depths)| Pair { rate, health, costs, depths })
}

impl Pair {
    /// The cost of the plan is near the least cost of any pair of lots, found by trying every pair.
    fn check(self) -> Result<(), TestCaseError> {
        let Self { rate, health, costs, depths } = self;
        let market = market();
        let gauge = OfNotional { market: &market, rate };
        let held = [(PERPETUAL, 4.0), (FUTURE, -4.0)];
        let account = account(health * rate * 8.0 * INDEX, &held, &market);
        let mut books = only_perpetual(&market, book(0.1, costs.0, pricing::math::exp(depths.0)));
        books[FUTURE.0] = book(0.1, costs.1, pricing::math::exp(depths.1));
        let plan = planned(&account, &market, &gauge, &books);
        let equity = plan.before.equity;
        let traded = |lots: i32| f64::from(lots) * 0.1 * INDEX;
        let pairs = (0..=40).flat_map(|one| (0..=40).map(move |two| (one, two)));
        let costs = pairs.filter_map(|(one, two)| {
            let cost = books[PERPETUAL.0].cost(traded(one)) + books[FUTURE.0].cost(traded(two));
            let maintenance = rate * (traded(40 - one) + traded(40 - two));
            (equity - cost >= BETA * maintenance).then_some(cost)
        });
        let least = costs.fold(f64::INFINITY, f64::min);
        prop_assert_eq!(plan.reached, least.is_finite(), "{} {}", least, shown(&plan));
        if plan.reached {
            // A tenth for saving a step, and the part that balancing two books leaves.
            let tolerance = (0.1 * least).max(1e-4 * plan.before.maintenance);
            prop_assert!(plan.cost() <= 1.02 * (least + tolerance), "{} {}", least, shown(&plan));
            prop_assert!(plan.cost() >= least - 1e-6, "{} {}", least, shown(&plan));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_plan_is_near_the_cheapest_pair(pair in pairs()) {
        pair.check()?;
    }
}

/// One book would do, but both together are cheaper by more than a step is worth. An exchange of all of the smaller
/// trade saves too, and must not end the search for the better size between.
#[test]
fn two_books_share_a_trade_that_is_dear_for_one() {
    let thin_and_deep = Pair {
        rate: 0.085_763_232_538_149_8,
        health: 0.621_574_633_326_742,
        costs: (0.005_017_173_409_669_993, 0.002_673_135_955_301_402_7),
        depths: (11.680_298_023_838_883, 12.612_156_080_514_568),
    };
    let a_first_size_beyond_the_best = Pair {
        rate: 0.026_842_765_597_951_64,
        health: 0.803_613_837_915_819_9,
        costs: (0.003_502_441_697_969_143, 0.003_102_288_649_314_82),
        depths: (11.045_176_860_175_046, 12.703_670_847_171_448),
    };
    let coarse_lots = Pair {
        rate: 0.046_341_805_164_154_364,
        health: 0.871_116_548_837_624_5,
        costs: (0.007_548_473_962_043_316, 0.003_651_722_209_325_432_5),
        depths: (17.345_616_841_418_46, 12.425_229_055_990_513),
    };
    for pair in [thin_and_deep, a_first_size_beyond_the_best, coarse_lots] {
        pair.check().unwrap();
    }
}

/// A book with room for less than is needed is used up, and another instrument takes the rest.
#[test]
fn room_ends_a_trade_and_another_instrument_goes_on() {
    let market = market();
    let gauge = OfNotional { market: &market, rate: 0.05 };
    let account = account(30_000.0, &[(PERPETUAL, 5.0), (FUTURE, 5.0)], &market);
    let mut books = only_perpetual(&market, OrderBook { room: 1006, ..book(0.001, 0.001, 1e9) });
    books[FUTURE.0] = book(0.001, 0.002, 1e9);
    let plan = planned(&account, &market, &gauge, &books);
    let [(first, perpetual), (second, future)] = trades(&plan)[..] else { panic!("{}", shown(&plan)) };
    assert_eq!((first, perpetual, second), (PERPETUAL, -1006, FUTURE));
    assert!((-2300..-2200).contains(&future), "{}", shown(&plan));
    assert!(matches!(plan.steps[0].why, Why::EndOfRoom { .. }));
    assert!(plan.reached);

    books[FUTURE.0].room = 999;
    let plan = planned(&account, &market, &gauge, &books);
    assert_eq!(trades(&plan), [(PERPETUAL, -1006), (FUTURE, -999)]);
    assert_eq!((plan.reached, plan.stopped), (false, Some(Stop::Room)));
    assert!(plan.steps.iter().all(|planned| !planned.step.escalates()), "room comes back: nothing is auctioned");
}

/// The frontier `φ < E/N`: just inside it is sold, just outside it is auctioned and nothing is sold.
#[test]
fn beyond_the_frontier_nothing_is_sold() {
    let market = market();
    // E/N = 30,000 / 800,000 = 3.75 %.
    let at = |cost: f64| {
        planned(
            &account(30_000.0, &[(PERPETUAL, 10.0)], &market),
            &market,
            &OfNotional { market: &market, rate: 0.05 },
            &only_perpetual(&market, book(0.001, cost, f64::INFINITY)),
        )
    };
    let inside = at(0.0374);
    assert!(inside.reached && sold(&inside) > 7000, "{}", shown(&inside));
    let outside = at(0.0376);
    assert_eq!((sold(&outside), outside.stopped), (0, Some(Stop::Frontier)));
    // p = (44,000 − 30,000) / (44,000 − 2 % · 30,000) = 0.322581; the discount is 2 % of p times 30,000.
    let [auction, backstop, deleverage] = &outside.steps[..] else { panic!("{}", shown(&outside)) };
    assert_eq!(auction.step, Step::Auction { share: "0.322581".parse().unwrap() });
    assert!((auction.cost - 0.02 * 30_000.0 * 14_000.0 / 43_400.0).abs() < 1e-9);
    assert!((auction.after.excess(BETA)).abs() < 1e-6, "the share restores the target");
    assert_eq!(backstop.step, Step::Backstop { share: units::Ratio::ONE });
    assert_eq!(deleverage.step, Step::Deleverage);
}

/// A trade that stops at the greatest health leaves an account that holds its maintenance margin: the account is not
/// auctioned (I-35).
#[test]
fn an_account_that_holds_maintenance_margin_again_is_not_auctioned() {
    let market = market();
    let plan = planned(
        &account(39_000.0, &[(PERPETUAL, 10.0)], &market),
        &market,
        &OfNotional { market: &market, rate: 0.05 },
        &only_perpetual(&market, book(0.001, 0.0, 25_000.0)),
    );
    assert!(plan.after.equity >= plan.after.maintenance && !plan.reached, "{}", shown(&plan));
    assert_eq!(plan.stopped, Some(Stop::Frontier));
    assert!(plan.steps.iter().all(|planned| !planned.step.escalates()));
}

/// Contracts that pay in the coin are sized in the coin: closing them pays its cost from the coin balance.
#[test]
fn an_inverse_contract_is_closed_by_the_closed_form() {
    let market = market();
    let mut books = closed(&market);
    books[INVERSE.0] = book(1.0, 0.001, f64::INFINITY);
    // Entered a tenth lower: a profit of 800,000 · (1/0.9 − 1) / 80,000 coins is unsettled.
    let mut account = account(0.0, &[(INVERSE, 80_000.0)], &market);
    account.positions[0] = Position { entry: price(0.99 * INDEX), ..account.positions[0] };
    account.balances.push(model::Balance { asset: BTC, amount: quantity(0.3), location: None });
    let equity = 0.3 * INDEX + 800_000.0 * (1.0 / 0.99 - 1.0);
    assert_eq!(market.listing(INVERSE).payoff, Payoff::Inverse);
    let plan = planned(&account, &market, &OfNotional { market: &market, rate: 0.05 }, &books);
    let part = (0.055 * 800_000.0 - equity) / (800_000.0 * (0.055 - 0.001));
    let lots = (part * 80_000.0).ceil();
    assert!((f64::from(i32::try_from(sold(&plan)).unwrap()) - lots).abs() <= 1.0, "{lots} {}", shown(&plan));
    assert!((plan.before.equity - equity).abs() < 1e-3);
    assert!(
        (plan.before.equity - plan.after.equity - plan.cost()).abs() < 1e-6,
        "a trade at the mark loses its cost alone"
    );
}

/// The worst price is on the losing side of the mark, at the distance that the book gives (I-42).
#[test]
fn every_trade_has_a_worst_price() {
    let market = market();
    let traded = book(0.001, 0.001, 1e7);
    for (contracts, sign) in [(10.0, -1.0), (-10.0, 1.0)] {
        let plan = planned(
            &account(30_000.0, &[(PERPETUAL, contracts)], &market),
            &market,
            &OfNotional { market: &market, rate: 0.05 },
            &only_perpetual(&market, traded),
        );
        let Step::Trade { lots, worst, .. } = &plan.steps[0].step else { panic!("{}", shown(&plan)) };
        let value = f64::from(i32::try_from(lots.abs()).unwrap()) * 0.001 * INDEX;
        let expected = INDEX * (1.0 + sign * 2.0 * (0.0005 + 0.01 * value / 1e7));
        assert!((worst.to_f64() - expected).abs() < 1e-6, "{worst} {expected}");
    }
}

/// A position below one lot is not traded, and a refusal of the gauge is passed on.
#[test]
fn dust_is_left_and_refusals_pass() {
    let market = market();
    let books = only_perpetual(&market, book(1.0, 0.001, 1e9));
    let gauge = OfNotional { market: &market, rate: 0.05 };
    let mut dust = account(1000.0, &[(PERPETUAL, 0.5)], &market);
    dust.positions[0].quantity = Quantity::from_raw(dust.positions[0].quantity.raw() - 1);
    let plan = planned(&dust, &market, &gauge, &books);
    assert_eq!((sold(&plan), plan.reached), (0, false));

    struct Refuses;
    impl Gauge for Refuses {
        fn stands(&self, account: &Account) -> Result<Standing, margin::Refusal> {
            Err(margin::Refusal::NotSupported { method: "test", why: account.name.clone() })
        }
    }
    let refused = liquidation::plan(&dust, &market, &Refuses, &books, &LiquidationRules::default());
    assert_eq!(refused.unwrap_err().to_string(), "test: test");
}

/// An instrument is traded once: the trade in a thin book, beside a deep book without room, is one step, sized to the
/// greatest health.
#[test]
fn a_thin_book_takes_what_a_deep_one_has_no_room_for_in_one_step() {
    let market = market();
    let account = account(18_000.0, &[(PERPETUAL, 5.0), (FUTURE, 5.0)], &market);
    let mut books = only_perpetual(&market, book(0.001, 0.0001, 200_000.0));
    books[FUTURE.0] = OrderBook { room: 1000, ..book(0.001, 0.001, 1e9) };
    let plan = planned(&account, &market, &OfNotional { market: &market, rate: 0.05 }, &books);
    let [(FUTURE, -1000), (PERPETUAL, thin)] = trades(&plan)[..] else { panic!("{}", shown(&plan)) };
    assert_eq!(plan.stopped, Some(Stop::Room));
    let health = |lots: i32| {
        let notional = 720_000.0 - f64::from(lots) * 0.001 * INDEX;
        let cost = books[PERPETUAL.0].cost(720_000.0 - notional) + books[FUTURE.0].cost(80_000.0);
        (18_000.0 - cost) / (0.05 * notional)
    };
    let greatest = (0..=5000).map(health).fold(0.0, f64::max);
    assert!(health(-i32::try_from(thin).unwrap()) > 0.999 * greatest, "{}", shown(&plan));
}
