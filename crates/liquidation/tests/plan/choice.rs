//! The choice of trades: which instruments are traded, and which are not.

use std::collections::BTreeMap;

use liquidation::{Gauge, LiquidationRules, OrderBook, Plan, Planned, Purpose, Standing, Step, Stop, Why};
use margin::Refusal;
use model::{Account, Balance, InstrumentDocument, InstrumentId, Market};
use units::{Quantity, Ratio};

use crate::world::*;

/// A tenth of the net delta and a hundredth of every delta: the perpetual and the future 1, the call 0.55,
/// the put −0.1.
fn of_delta(market: &Market) -> OfDelta<'_> {
    let deltas = vec![1.0, 10.0 / INDEX, 1.0, 0.0, 0.55, -0.1];
    OfDelta { market, deltas, net: 0.1, gross: 0.01, order: 500.0, debt: 0.0 }
}

/// Everything trades, options at fifty times the cost of the rest.
fn open(market: &Market) -> Vec<OrderBook> {
    let book = |place: usize| if place >= CALL.0 { book(0.1, 0.05, 1e8) } else { book(0.001, 0.001, 1e8) };
    let mut books: Vec<OrderBook> = (0..market.instruments.len()).map(book).collect();
    books[INVERSE.0].open = false;
    books
}

/// The USD balance that gives an account of these positions the equity `equity`.
fn with_equity(equity: f64, positions: &[(InstrumentId, f64)], market: &Market) -> Account {
    let account = account(0.0, positions, market);
    let value = margin::valuation::equity(&account, market).unwrap().to_f64();
    let cash = Balance { asset: USD, amount: quantity(equity - value), location: None };
    Account { balances: vec![cash], ..account }
}

fn escalation(plan: &Plan) -> Vec<&Step> {
    plan.steps.iter().map(|planned| &planned.step).filter(|step| step.escalates()).collect()
}

#[test]
fn a_healthy_account_gets_nothing_done() {
    let market = market();
    let mut account = with_equity(9000.0, &[(PERPETUAL, 1.0)], &market);
    account.orders = vec![order(CALL)];
    // 8,000 + 800 for the position and 500 for the order: one more than is held.
    account.balances[0].amount = quantity(9300.0);
    let plan = planned(&account, &market, &of_delta(&market), &open(&market));
    assert_eq!((plan.steps.len(), plan.reached, plan.before), (0, true, plan.after));
}

/// I-35: once its orders are cancelled the account holds its margin, and nothing is traded.
#[test]
fn cancelled_orders_can_be_enough() {
    let market = market();
    let mut account = with_equity(9000.0, &[(PERPETUAL, 1.0)], &market);
    account.orders = vec![order(CALL), order(PUT)];
    let plan = planned(&account, &market, &of_delta(&market), &open(&market));
    let [Planned { step, why, .. }] = &plan.steps[..] else { panic!("{}", shown(&plan)) };
    assert_eq!((step, why), (&Step::Cancel { orders: 2 }, &Why::OrdersFirst));
    assert!(plan.reached && plan.before.maintenance - plan.after.maintenance == 1000.0);
}

/// Short perpetuals hedge long calls. What is missing is found in more of the hedge; the hedge is not bought back.
#[test]
fn a_hedge_is_not_closed() {
    let market = market();
    let account = with_equity(11_000.0, &[(CALL, 10.0), (PERPETUAL, -5.0)], &market);
    let plan = planned(&account, &market, &of_delta(&market), &open(&market));
    assert!(plan.reached && !plan.steps.is_empty(), "{}", shown(&plan));
    assert!(trades(&plan).iter().all(|(_, lots)| *lots < 0), "{}", shown(&plan));
}

/// Where both legs offset each other in full, either alone raises maintenance margin: they are sold together or
/// not at all.
#[test]
fn a_balanced_book_is_not_dismantled() {
    let market = market();
    let account = with_equity(8000.0, &[(CALL, 10.0), (PERPETUAL, -5.5)], &market);
    let plan = planned(&account, &market, &of_delta(&market), &open(&market));
    assert_eq!(trades(&plan), []);
    assert_eq!(plan.stopped, Some(Stop::Frontier));
    assert!(matches!(escalation(&plan)[..], [Step::Auction { .. }, Step::Backstop { .. }, Step::Deleverage]));
}

/// A short strangle is hedged with the perpetual where options trade dearly or not at all, and bought back where they
/// are cheap.
#[test]
fn a_strangle_is_hedged_where_that_is_cheaper() {
    let market = market();
    let account = with_equity(35_000.0, &[(CALL, -10.0), (PUT, -10.0)], &market);
    let gauge = of_delta(&market);
    let mut without_options = open(&market);
    for option in [CALL, PUT] {
        without_options[option.0].open = false;
    }
    for books in [without_options, open(&market)] {
        let plan = planned(&account, &market, &gauge, &books);
        let [Planned { step: Step::Trade { instrument: PERPETUAL, lots: 1.., purpose: Purpose::Hedge, .. }, .. }] =
            &plan.steps[..]
        else {
            panic!("{}", shown(&plan))
        };
        assert!(plan.reached);
    }
    let mut dear_hedges = open(&market);
    for (place, book) in dear_hedges.iter_mut().enumerate() {
        (book.half_spread, book.fee) = if place >= CALL.0 { (0.001, 0.0) } else { (0.01, 0.0) };
    }
    let plan = planned(&account, &market, &gauge, &dear_hedges);
    let [Planned { step: Step::Trade { instrument: CALL, lots: 1.., purpose: Purpose::Reduce, .. }, .. }] =
        &plan.steps[..]
    else {
        panic!("{}", shown(&plan))
    };
}

/// Of equals the first instrument is taken (I-41).
#[test]
fn equals_are_chosen_by_instrument() {
    let market = market();
    let mut books = open(&market);
    let account = with_equity(35_000.0, &[(CALL, -10.0), (PUT, -10.0)], &market);
    let plan = planned(&account, &market, &of_delta(&market), &books);
    assert_eq!(trades(&plan)[0].0, PERPETUAL);
    books[PERPETUAL.0].open = false;
    assert_eq!(trades(&planned(&account, &market, &of_delta(&market), &books))[0].0, FUTURE);
}

/// A debt is repaid from owned assets, on spot, in either direction, and no further than the target.
#[test]
fn debts_are_repaid_on_spot() {
    let market = market();
    let gauge = OfDelta { debt: 0.3, ..of_delta(&market) };
    let held = |usd: f64, coins: f64| Account {
        balances: [(USD, usd), (BTC, coins)]
            .map(|(asset, amount)| Balance { asset, amount: quantity(amount), location: None })
            .to_vec(),
        ..account(0.0, &[], &market)
    };
    // x − 0.1 % of it: 4,000 − 0.001 x ≥ 1.1 · 0.3 · (20,000 − x), so x ≥ 7,902.7 USD, which are 98.8 lots.
    let mut books = open(&market);
    books[SPOT.0].depth_usd = f64::INFINITY;
    let plan = planned(&held(-20_000.0, 0.3), &market, &gauge, &books);
    let [Planned { step, after, .. }] = &plan.steps[..] else { panic!("{}", shown(&plan)) };
    let worst = price(INDEX * (1.0 - 0.001));
    let expected = |amount: Quantity| Step::Repay { instrument: SPOT, lots: -99, sell: BTC, amount, buy: USD, worst };
    assert_eq!(*step, expected("0.099".parse().unwrap()));
    assert!((after.equity - (4000.0 - 7.92)).abs() < 1e-9 && plan.reached);
    // In the other direction the cost is paid from the asset sold, so the trade repays as much.
    let plan = planned(&held(24_000.0, -0.25), &market, &gauge, &books);
    assert_eq!(trades(&plan), [(SPOT, 99)]);
    assert!(matches!(plan.steps[0].step, Step::Repay { sell: USD, buy: BTC, .. }) && plan.reached);
}

/// An account that owes more than it has trades nothing: somebody else would pay for it.
#[test]
fn an_insolvent_account_only_escalates() {
    let market = market();
    let account = with_equity(-1_500_000.0, &[(PERPETUAL, 10.0)], &market);
    let plan = planned(&account, &market, &of_delta(&market), &open(&market));
    assert_eq!((plan.stopped, plan.reached, trades(&plan)), (Some(Stop::Insolvent), false, Vec::new()));
    let [auction, backstop, deleverage] = &plan.steps[..] else { panic!("{}", shown(&plan)) };
    assert_eq!(auction.step, Step::Auction { share: Ratio::ONE });
    // The backstop takes on at most a million of the loss of one and a half, so two thirds of the account.
    assert_eq!(backstop.step, Step::Backstop { share: "0.666666".parse().unwrap() });
    assert_eq!((auction.cost, backstop.cost), (1_500_000.0, 1_000_000.0));
    assert!((deleverage.cost - 500_000.0).abs() < 1e-6 && deleverage.after.equity == 0.0);
}

/// Where nothing trades the whole is auctioned.
#[test]
fn without_a_market_everything_is_auctioned() {
    let market = market();
    let account = with_equity(8000.0, &[(PERPETUAL, 1.0)], &market);
    for books in [closed(&market), Vec::new()] {
        let plan = planned(&account, &market, &of_delta(&market), &books);
        assert_eq!((plan.stopped, trades(&plan)), (Some(Stop::NoMarket), Vec::new()));
        assert_eq!(escalation(&plan).len(), 3);
    }
}

#[test]
fn rules_are_json() {
    let rules: LiquidationRules =
        serde_json::from_str(&serde_json::to_string(&LiquidationRules::default()).unwrap()).unwrap();
    assert_eq!(rules, LiquidationRules::default());
}

/// The order in which positions and balances are given changes nothing (I-41).
#[test]
fn order_of_positions_changes_nothing() {
    let market = market();
    let account = with_equity(35_000.0, &[(CALL, -10.0), (PUT, -10.0), (PERPETUAL, 0.5)], &market);
    let mut turned = account.clone();
    turned.positions.reverse();
    let gauge = of_delta(&market);
    let books = open(&market);
    assert_eq!(planned(&account, &market, &gauge, &books), planned(&turned, &market, &gauge, &books));
}

/// A position that grows keeps its unrealised profit: a trade at the mark costs the cost of its book and no more.
#[test]
fn a_gain_is_kept_when_a_position_grows() {
    let market = market();
    let mut account = with_equity(35_000.0, &[(CALL, -10.0), (PUT, -10.0), (PERPETUAL, 0.5)], &market);
    account.positions[2].entry = price(0.9 * INDEX);
    account.balances[0].amount = account.balances[0].amount.minus(quantity(0.05 * INDEX)).unwrap();
    let plan = planned(&account, &market, &of_delta(&market), &open(&market));
    assert!(matches!(trades(&plan)[..], [(PERPETUAL, 1..)]), "{}", shown(&plan));
    assert!((plan.before.equity - 35_000.0).abs() < 1e-6);
    assert!((plan.before.equity - plan.after.equity - plan.cost()).abs() < 1e-6, "{}", shown(&plan));
}

/// An asset bought to repay a debt goes to the place with the largest debt, though some is owed at another place.
#[test]
fn a_debt_is_repaid_where_it_is_owed() {
    let market = market();
    let gauge = OfDelta { debt: 0.3, ..of_delta(&market) };
    let balance = |asset, amount, location: Option<&str>| Balance {
        asset,
        amount: quantity(amount),
        location: location.map(str::to_owned),
    };
    let elsewhere = balance(USD, 5000.0, Some("elsewhere"));
    let balances = vec![elsewhere, balance(BTC, 0.3, None), balance(USD, -25_000.0, Some("here"))];
    let plan = planned(&Account { balances, ..account(0.0, &[], &market) }, &market, &gauge, &open(&market));
    // 4,000 ≥ 0.33 · (25,000 − x) at x = 12,879 USD and a little for the cost: 161 or 162 lots.
    assert!(plan.reached && matches!(trades(&plan)[..], [(SPOT, -162..=-161)]), "{}", shown(&plan));
}

/// A gauge that requires a hundredth of the net exposure in each currency: dollars offset dollars, and USDT offsets USDT.
struct ByCurrency<'a>(&'a Market);

impl Gauge for ByCurrency<'_> {
    fn stands(&self, account: &Account) -> Result<Standing, Refusal> {
        let mut net = BTreeMap::new();
        for position in &account.positions {
            let listing = self.0.listing(position.instrument);
            *net.entry(listing.quote).or_insert(0.0) +=
                position.quantity.to_f64() * self.0.mark(listing.id).in_quote().to_f64();
        }
        standing(account, self.0, 0.1 * net.values().map(|notional: &f64| notional.abs()).sum::<f64>())
    }
}

/// Three perpetuals in USD are cheaper, but none of them offsets a position written in USDT.
#[test]
fn what_is_written_in_a_stablecoin_is_hedged_in_it() {
    let mut document = empty();
    document.assets = vec![asset("BTC", INDEX), asset("USDT", 1.0)];
    document.underlyings.push(underlying("BTC", INDEX, &[30]));
    let in_usdt = |listed: InstrumentDocument| InstrumentDocument {
        quote: "USDT".to_owned(),
        settle: "USDT".to_owned(),
        ..listed
    };
    document.instruments = ["A", "B", "C"].map(|name| perpetual(name, "BTC", INDEX)).to_vec();
    document.instruments.push(in_usdt(perpetual("USDT-PERPETUAL", "BTC", INDEX)));
    document.instruments.push(in_usdt(future("USDT-30", "BTC", INDEX, 30)));
    let market = Market::new(&document).unwrap();
    let (hedge, held) = (InstrumentId(3), InstrumentId(4));
    let mut books = vec![book(0.001, 0.0001, 1e9); 5];
    books[hedge.0] = book(0.001, 0.001, 1e9);
    books[held.0].open = false;
    let account = with_equity(7000.0, &[(held, 1.0)], &market);
    let plan = planned(&account, &market, &ByCurrency(&market), &books);
    let [(traded, lots)] = trades(&plan)[..] else { panic!("{}", shown(&plan)) };
    assert!(plan.reached && traded == hedge && lots < 0, "{}", shown(&plan));
}
