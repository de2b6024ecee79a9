//! Deposits, withdrawals, funding, interest, expiry and governance, from the first deposit to the last settlement. After every
//! event of every test every asset adds up to 0, and after every command the books agree (`common::at`).

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

mod common;

use common::*;
use engine::preview::preview;
use engine::state::{Change, InstrumentTerms, Mode, Policy, Pot};
use engine::{AccountId, Cause, Command, Envelope, Event, FeedId, Noun, OrderId, Party, Principal, Reject, Status};
use margin::method::universal;
use model::{CounterPrice, InstrumentId, InstrumentKind, Payoff, Side, UnderlyingId};
use proptest::prelude::*;
use units::{Money, Price, Quantity, Timestamp};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// A policy under which money and open interest are no obstacle, so that other rules are seen.
fn generous() -> Policy {
    let much = money("1000000000000");
    Policy { outflow_floor: much, share_floor: much, fund_floor: much, ..Policy::default() }
}

/// The parameter file with another factor of initial margin.
fn factor(text: &str) -> Change {
    let from = "im_factor = { value = \"1.3\"";
    assert!(universal::PARAMS.contains(from));
    Change::Method { text: universal::PARAMS.replace(from, &format!("im_factor = {{ value = \"{text}\"")) }
}

fn propose(world: &mut World, change: Change) -> Result<u64, Reject> {
    let number = world.state().next_proposal;
    world.govern(Command::Propose { change }).map(|_| number)
}

fn activate(world: &mut World, proposal: u64) -> Result<Vec<Event>, Reject> {
    world.system(Command::Activate { proposal })
}

/// The price that an instrument was settled at.
fn settlement(events: &[Event]) -> CounterPrice {
    let price =
        events.iter().find_map(|event| if let Event::Expired { price, .. } = event { Some(*price) } else { None });
    price.unwrap_or_else(|| panic!("{events:?}"))
}

/// Walks through the settlement window, a minute a step, at these prices; ends a minute after expiry.
fn through_the_window(world: &mut World, prices: &[&str]) {
    through_the_window_of(world, FeedId::Index(BTC), prices);
}

fn through_the_window_of(world: &mut World, feed: FeedId, prices: &[&str]) {
    let before = expiry().micros() - 31 * 60 * SECOND - world.state().clock.micros();
    world.pass(before);
    for minute in 0..32 {
        world.jump(feed, prices[minute % prices.len()]);
        world.pass(59 * SECOND);
    }
    assert!(world.state().clock > expiry());
}

// Cash.

#[test]
fn a_deposit_is_credited_once_i09() {
    let mut world = World::new();
    let account = world.open("alice", 1);
    let deposit =
        |reference| Command::Deposit { account, asset: USDC, location: None, amount: quantity("5"), reference };
    world.run(Principal::Custody, deposit(7)).unwrap();
    let again = world.run(Principal::Custody, deposit(7)).unwrap_err();
    assert_eq!(again, Reject::Repeated { what: Noun::Reference, id: 7, last: 7 });
    assert!(world.run(Principal::Owner(1), deposit(8)).unwrap_err().code() == 1);
    assert_eq!(world.has(account, USDC), quantity("5"));
}

#[test]
fn what_may_be_collateral_grows_from_nothing_i67_i30() {
    let mut world = World::young(Policy::default());
    let (alice, bob) = (world.open("alice", 1), world.open("bob", 2));
    world.deposit(alice, USD, "1000000").unwrap();
    world.pass(7 * DAY / 10);
    // A tenth of the ramp, and a second that has passed before: a little above a tenth of 10⁹.
    world.deposit(alice, USDC, "100000000").unwrap();
    let refused = world.deposit(bob, USDC, "1000000").unwrap_err();
    assert!(matches!(refused, Reject::CollateralCap { .. }), "the cap is over all accounts: {refused}");
    world.pass(7 * DAY);
    world.deposit(bob, USDC, "900000000").unwrap();
    assert_eq!(world.deposit(bob, USDC, "1").unwrap_err().code(), 105);
}

#[test]
fn what_stays_holds_initial_margin_and_the_cost_of_closing_i29() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.rich("alice", 1, "50000"), world.rich("bob", 2, "50000"));
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    let refused = world.withdraw(alice, USDC, "45000").unwrap_err();
    let Reject::Withdrawal { equity, needed, initial_margin, closing, .. } = refused else { panic!("{refused}") };
    assert!(equity < needed && closing > Money::ZERO && needed == initial_margin.plus(closing).unwrap());
    world.withdraw(alice, USDC, "10000").unwrap();
    assert_eq!(world.withdraw(alice, USDC, "50000").unwrap_err().code(), 500);
    let carol = world.open("carol", 1);
    assert_eq!(world.transfer(alice, carol, USDC, "35000").unwrap_err().code(), 502, "a transfer is no way around");
    world.transfer(alice, carol, USDC, "1000").unwrap();
    assert_eq!(world.run(Principal::Owner(2), transfer_of(alice, bob)).unwrap_err().code(), 1);
}

fn transfer_of(from: AccountId, to: AccountId) -> Command {
    Command::Transfer { from, to, asset: USDC, location: None, amount: quantity("1") }
}

#[test]
fn a_price_pushed_for_a_minute_frees_nothing_i18_s10() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.rich("alice", 1, "50000"), world.rich("bob", 2, "5000000"));
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    world.jump(FeedId::Index(BTC), "130000");
    // At the mark there are 30,000 more; on the slow side there are not.
    assert_eq!(world.withdraw(alice, USDC, "40000").unwrap_err().code(), 502);
}

#[test]
fn self_crossed_profit_is_withdrawn_only_as_far_as_the_loser_paid_s10_i28() {
    let mut world = World::with(generous());
    let (winner, loser) = (world.rich("winner", 1, "6000000"), world.rich("loser", 1, "6000000"));
    let honest = world.rich("honest", 2, "50000000");
    world.fill(PERPETUAL, "100000", 200_000, winner, loser).unwrap();
    world.move_to(FeedId::Index(BTC), "190000");
    world.system(Command::Settle { instrument: PERPETUAL }).unwrap();
    assert_eq!(world.has(winner, USDC), quantity("24000000"));
    assert_eq!(world.has(loser, USDC), quantity("-12000000"));
    // The money of the loser is all that backs the profit.
    assert_eq!(world.state().collateral[USDC.0].settled, quantity("6000000"));
    let refused = world.withdraw(winner, USDC, "12000000.000001").unwrap_err();
    let settled = quantity("6000000");
    assert_eq!(refused, Reject::Unsettled { profit: quantity("6000000.000001"), settled });
    // The profit cannot leave by way of another account either.
    assert_eq!(world.transfer(winner, honest, USDC, "12000000.000001").unwrap_err().code(), 501);
    world.pass(SECOND);
    assert_eq!(world.state().accounts[loser.place()].status, Status::Bankrupt);
    // While the loss is open nobody leaves first, neither the winner nor an account without a part in it (I-51).
    for account in [winner, honest] {
        let refused = world.withdraw(account, USDC, "1000").unwrap_err();
        assert!(matches!(refused, Reject::Deficit { .. } | Reject::Withdrawal { .. }), "{refused}");
    }
    assert_eq!(world.withdraw(honest, USDC, "1000").unwrap_err(), Reject::Deficit { deficit: money("12000000") });
    world.deposit(loser, USDC, "12000000").unwrap();
    world.pass(SECOND);
    world.withdraw(honest, USDC, "1000").unwrap();
    // The debt is paid: what backs the profit is what the loser has paid in all.
    assert_eq!(world.state().collateral[USDC.0].settled, quantity("18000000"));
}

#[test]
fn a_deficit_does_not_vanish_with_the_price_that_shows_it_i51() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.rich("alice", 1, "5000"), world.rich("bob", 2, "100000"));
    let honest = world.rich("honest", 3, "100000");
    world.fill(ETH_PERPETUAL, "4000", 400, alice, bob).unwrap();
    world.move_to(FeedId::Index(ETH), "2000");
    assert_eq!(world.state().accounts[alice.place()].status, Status::Bankrupt);
    assert_eq!(world.withdraw(honest, USDC, "1").unwrap_err().code(), 603);
    world.silent = vec![FeedId::Index(ETH)];
    world.pass(120 * SECOND);
    assert_eq!(world.withdraw(honest, USDC, "1").unwrap_err().code(), 603);
}

#[test]
fn an_asset_without_a_valid_price_binds_only_itself_i32() {
    let mut world = World::with(generous());
    let carol = world.rich("carol", 3, "1000");
    world.deposit(carol, STETH, "1").unwrap();
    world.silent = vec![FeedId::Asset(STETH)];
    world.pass(120 * SECOND);
    let refused = world.withdraw(carol, STETH, "0.1").unwrap_err();
    assert!(matches!(refused, Reject::NoPrice { feed: FeedId::Asset(STETH), .. }), "{refused}");
    world.deposit(carol, STETH, "1").unwrap();
    world.withdraw(carol, USDC, "999").unwrap();
    world.withdraw(carol, USDC, "1").unwrap();
    // An account with a position that depends on the price cannot be judged, and fails closed.
    let (dora, bob) = (world.rich("dora", 4, "10000"), world.rich("bob", 2, "10000"));
    world.fill(ETH_PERPETUAL, "4000", 1, dora, bob).unwrap();
    world.silent = vec![FeedId::Index(ETH)];
    world.pass(120 * SECOND);
    assert_eq!(world.withdraw(dora, USDC, "1").unwrap_err().code(), 400);
    world.deposit(dora, USDC, "1").unwrap();
}

#[test]
fn a_price_grows_old_without_a_tick_i11() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "100000"), world.rich("bob", 2, "100000"));
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    let later = Timestamp::from_micros(world.state().clock.micros() + 10 * 60 * SECOND);
    let owner = Principal::Owner(1);
    let out = Command::Withdraw { account: alice, asset: USDC, location: None, amount: quantity("1") };
    let refused = world.at(later, owner, out).unwrap_err();
    assert!(matches!(refused, Reject::NoPrice { .. }) && refused.to_string().contains("Stale"), "{refused}");
    let pay = Command::Funding { instrument: PERPETUAL, rate: ratio("0.0001"), period: 1 };
    assert_eq!(world.at(later, Principal::System, pay).unwrap_err().code(), 400);
}

#[test]
fn what_is_at_a_location_leaves_from_there_i30() {
    let mut world = World::new();
    let alice = world.open("alice", 1);
    let (asset, amount) = (STETH, quantity("5"));
    let deposit = |location| Command::Deposit { account: alice, asset, location, amount, reference: 1 };
    let nowhere = Some(engine::LocationId(9));
    assert_eq!(world.run(Principal::Custody, deposit(nowhere)).unwrap_err().code(), 3);
    world.run(Principal::Custody, deposit(Some(BRIDGE))).unwrap();
    assert_eq!(world.withdraw(alice, STETH, "1").unwrap_err().code(), 500);
    let out = Command::Withdraw { account: alice, asset, location: Some(BRIDGE), amount: quantity("2") };
    world.run(Principal::Owner(1), out).unwrap();
    assert_eq!(world.pot(Pot::Custody(Some(BRIDGE)), STETH), quantity("-3"));
    assert_eq!(world.state().collateral[STETH.0].held, quantity("3"));
}

#[test]
fn outflow_stays_within_its_budget_even_for_a_hostile_administrator_s39_i67() {
    let mut world = World::new();
    let honest = world.rich("honest", 1, "10000000");
    let thief = world.rich("thief", 2, "5000000");
    // An unknown token, at a made-up price.
    let token = asset("CVT", "1000000", None, true);
    world.govern(Command::ListAsset(Box::new(token))).unwrap();
    let id = world.state().market.asset("CVT").unwrap();
    world.prices.insert(FeedId::Asset(id), price("1000000"));
    world.pass(SECOND);
    let policy = world.state().policy.clone();
    let wider = Change::Outflow { window: policy.outflow_window, share: ratio("0.12"), floor: policy.outflow_floor };
    let locked = propose(&mut world, wider).unwrap_err();
    assert!(matches!(locked, Reject::LimiterLocked { .. }), "{locked}");
    let (capacity, mut out, minutes) = (quantity("1500000"), Quantity::ZERO, 180_u32);
    for _ in 0..minutes {
        let _ = world.deposit(thief, id, "100");
        for account in [thief, honest] {
            while world.withdraw(account, USDC, "20000").is_ok() {
                out = out.plus(quantity("20000")).unwrap();
            }
        }
        world.pass(60 * SECOND);
    }
    // One capacity at once and one per window: three hours are three windows.
    let budget = quantity("6000000");
    assert!(out <= budget && out > capacity, "{out} left, {budget} may");
}

#[test]
fn what_is_refused_by_the_limiter_may_leave_later_i67() {
    let mut world = World::new();
    let alice = world.rich("alice", 1, "10000000");
    world.withdraw(alice, USDC, "1000000").unwrap();
    let refused = world.withdraw(alice, USDC, "500000").unwrap_err();
    assert!(matches!(refused, Reject::Outflow { .. }), "{refused}");
    world.pass(HOUR / 2);
    world.withdraw(alice, USDC, "499999").unwrap();
    assert_eq!(world.withdraw(alice, USDC, "2").unwrap_err().code(), 600);
}

// Funding and interest.

#[test]
fn funding_adds_up_to_nothing_and_clearing_stays_where_it_was_i54() {
    let mut world = World::new();
    let people: Vec<_> = (1..=4).map(|n| world.rich(&format!("p{n}"), n, "1000000")).collect();
    for account in &people {
        world.deposit(*account, BTC_COIN, "10").unwrap();
    }
    for instrument in [PERPETUAL, INVERSE] {
        world.fill(instrument, "100000", 7, people[0], people[1]).unwrap();
        world.fill(instrument, "100003", 13, people[2], people[1]).unwrap();
        world.fill(instrument, "99999", 3, people[3], people[0]).unwrap();
    }
    world.pass(8 * HOUR);
    for (instrument, cash) in [(PERPETUAL, USDC), (INVERSE, BTC_COIN)] {
        let before = world.pot(Pot::Clearing(instrument), cash);
        let dust = world.pot(Pot::Rounding, cash);
        let rate = ratio("0.000123456789012345");
        let events = world.system(Command::Funding { instrument, rate, period: 1 }).unwrap();
        assert_eq!(world.pot(Pot::Clearing(instrument), cash), before);
        let rounded = world.pot(Pot::Rounding, cash).minus(dust).unwrap();
        assert!(rounded >= Quantity::ZERO && rounded.raw() <= 8, "{rounded}");
        assert!(received(&events, people[2], Cause::Funding) < Quantity::ZERO, "longs pay");
        assert!(received(&events, people[1], Cause::Funding) > Quantity::ZERO, "shorts receive");
        let again = world.system(Command::Funding { instrument, rate, period: 1 }).unwrap_err();
        assert_eq!(again, Reject::Repeated { what: Noun::Period, id: 1, last: 1 });
    }
}

#[test]
fn funding_is_bounded_by_its_cap_and_the_time_since_the_last_i54_i55_s34() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "100000"), world.rich("bob", 2, "100000"));
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    let pay = |rate: &str, period| Command::Funding { instrument: PERPETUAL, rate: ratio(rate), period };
    // Eight days since the listing count as one: three times one per cent.
    assert!(world.system(pay("0.0301", 1)).unwrap_err().to_string().contains("rate is 0.0301, expected -0.03 to 0.03"));
    world.system(pay("-0.03", 1)).unwrap();
    assert_eq!(world.has(alice, USDC), quantity("100300"));
    assert_eq!(world.system(pay("0.0001", 2)).unwrap_err().code(), 6, "no time has passed");
    world.pass(4 * HOUR);
    assert_eq!(world.system(pay("0.0051", 2)).unwrap_err().code(), 6);
    world.silent = vec![FeedId::Index(BTC)];
    world.pass(120 * SECOND);
    assert_eq!(world.system(pay("0.005", 2)).unwrap_err().code(), 400);
    world.silent.clear();
    world.pass(SECOND);
    world.system(pay("0.005", 2)).unwrap();
    let perpetual = Command::Funding { instrument: FUTURE, rate: ratio("0"), period: 1 };
    assert_eq!(world.system(perpetual).unwrap_err().code(), 6);
    assert_eq!(world.run(Principal::Owner(1), pay("0.001", 3)).unwrap_err().code(), 1);
}

#[test]
fn interest_is_charged_for_a_day_at_most_and_in_the_asset_owed_i55_i57() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.open("alice", 1), world.rich("bob", 2, "1000000"));
    world.deposit(alice, BTC_COIN, "5").unwrap();
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    world.move_to(FeedId::Index(BTC), "90000");
    world.system(Command::Settle { instrument: PERPETUAL }).unwrap();
    assert_eq!(world.has(alice, USDC), quantity("-10000"));
    world.system(Command::Interest).unwrap();
    let (owed, fund) = (world.has(alice, USDC), world.pot(Pot::SharedFund, USDC));
    world.pass(10 * DAY);
    world.system(Command::Interest).unwrap();
    let charged = owed.minus(world.has(alice, USDC)).unwrap();
    // A tenth of ten thousand a year, one day of 365, on what the first charge left: between 2.739 and 2.741.
    assert!(charged > quantity("2.739") && charged < quantity("2.742"), "{charged}");
    assert_eq!(world.pot(Pot::SharedFund, USDC).minus(fund).unwrap(), charged);
    assert_eq!(world.has(alice, BTC_COIN), quantity("5"));
    let at_once = world.system(Command::Interest).unwrap();
    assert_eq!(received(&at_once, alice, Cause::Interest), Quantity::ZERO);
}

// Expiry.

#[test]
fn settlement_is_the_average_of_the_window_however_late_it_is_asked_for_i58() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "1000000"), world.rich("bob", 2, "1000000"));
    world.fill(FUTURE, "100000", 1000, alice, bob).unwrap();
    let early = world.system(Command::Expire { instrument: FUTURE }).unwrap_err();
    assert!(matches!(early, Reject::Expiry { .. }), "{early}");
    through_the_window(&mut world, &["101000", "103000"]);
    let samples = world.state().contracts[FUTURE.0].samples;
    assert!(samples.count >= 50, "{samples:?}");
    // A crash after the window is no part of it.
    world.move_to(FeedId::Index(BTC), "60000");
    let events = world.system(Command::Expire { instrument: FUTURE }).unwrap();
    let settled = settlement(&events).in_counter();
    assert!(settled > price("101900") && settled < price("102100"), "{settled}");
    assert_eq!(settled.raw(), samples.sum.in_counter().raw() / i128::from(samples.count));
    let profit = settled.minus(price("100000")).unwrap();
    assert_eq!(received(&events, alice, Cause::Profit).raw(), profit.raw());
    assert_eq!(world.pot(Pot::Clearing(FUTURE), USDC), Quantity::ZERO);
    assert_eq!(world.system(Command::Expire { instrument: FUTURE }).unwrap_err().code(), 100);
}

#[test]
fn a_holder_is_paid_whatever_the_writer_has_i59_i60() {
    let mut world = World::with(generous());
    let (holder, other) = (world.rich("holder", 1, "1000000"), world.rich("other", 2, "1000000"));
    let writer = world.rich("writer", 3, "100000");
    for account in [holder, other, writer] {
        world.deposit(account, BTC_COIN, "1").unwrap();
    }
    for (instrument, lots) in [(CALL, 5), (COIN_CALL, 5), (PUT, 3), (COIN_PUT, 3)] {
        let mark = world.mark(instrument);
        world.fill(instrument, &mark, lots, holder, writer).unwrap();
        world.fill(instrument, &mark, lots, other, writer).unwrap();
        assert_eq!(world.pot(Pot::Clearing(instrument), USDC), Quantity::ZERO, "the premium went through");
    }
    world.place(holder, 1, CALL, Side::Sell, 1, &world.mark(CALL)).unwrap();
    through_the_window(&mut world, &["400000"]);
    let mut paid = Vec::new();
    for (instrument, cash) in [(CALL, USDC), (COIN_CALL, BTC_COIN), (PUT, USDC), (COIN_PUT, BTC_COIN)] {
        let events = world.system(Command::Expire { instrument }).unwrap();
        let [first, second] = [holder, other].map(|account| received(&events, account, Cause::Exercise));
        assert_eq!(first, second, "the same lots, the same money");
        paid.push(first);
        assert_eq!(world.pot(Pot::Clearing(instrument), cash), Quantity::ZERO);
        assert!(world.state().accounts.iter().all(|account| account.position(instrument).lots == 0));
    }
    // Half a bitcoin of calls struck at 100,000: 150,000 dollars, or three quarters of half a coin.
    assert_eq!(paid, [quantity("150000"), quantity("0.375"), Quantity::ZERO, Quantity::ZERO]);
    assert!(world.state().accounts[holder.place()].orders.is_empty());
    assert!(world.has(writer, USDC).is_negative(), "the shortfall is the writer's debt");
    world.pass(SECOND);
    assert!(world.state().accounts[writer.place()].status <= Status::Liquidation);
}

#[test]
fn too_few_samples_make_no_price_until_governance_names_one_i58() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.rich("alice", 1, "1000000"), world.rich("bob", 2, "1000000"));
    world.fill(FUTURE, "100000", 1000, alice, bob).unwrap();
    let named = |text: &str| Change::SettlementPrice { instrument: FUTURE, price: price(text) };
    assert_eq!(propose(&mut world, named("100000")).unwrap_err().code(), 101, "not before expiry");
    world.silent = vec![FeedId::Index(BTC)];
    world.pass(expiry().micros() - 31 * 60 * SECOND - world.state().clock.micros());
    for _ in 0..32 {
        world.pass(60 * SECOND);
    }
    let refused = world.system(Command::Expire { instrument: FUTURE }).unwrap_err();
    assert!(refused.to_string().contains("0 samples in the settlement window, at least 10 make a price"), "{refused}");
    assert_eq!(propose(&mut world, named("150000")).unwrap_err().code(), 701, "further than a step from the index");
    let proposal = propose(&mut world, named("101000")).unwrap();
    assert_eq!(activate(&mut world, proposal).unwrap_err().code(), 700);
    world.pass(DAY);
    let events = activate(&mut world, proposal).unwrap();
    assert_eq!(received(&events, alice, Cause::Profit), quantity("1000"));
    assert_eq!(world.state().contracts[FUTURE.0].mode, Mode::Settled);
}

#[test]
fn settling_pays_the_profit_at_the_mark_and_leaves_nothing_to_pay_i01() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "1000000"), world.rich("bob", 2, "1000000"));
    for account in [alice, bob] {
        world.deposit(account, BTC_COIN, "5").unwrap();
    }
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    world.fill(INVERSE, "100000", 1000, alice, bob).unwrap();
    world.move_to(FeedId::Index(BTC), "110000");
    let events = world.system(Command::Settle { instrument: PERPETUAL }).unwrap();
    assert_eq!(received(&events, alice, Cause::Profit), quantity("10000"));
    assert_eq!(received(&events, bob, Cause::Profit), quantity("-10000"));
    assert_eq!(world.system(Command::Settle { instrument: PERPETUAL }).map(|events| events.len()), Ok(0));
    let events = world.system(Command::Settle { instrument: INVERSE }).unwrap();
    let (won, lost) = (received(&events, alice, Cause::Profit), received(&events, bob, Cause::Profit));
    // 10,000 dollars were a tenth of a coin and are one eleventh.
    assert_eq!(won, quantity("0.009090909090909090"));
    assert_eq!(won.plus(lost).unwrap().raw(), -1, "each side rounds against itself");
    assert_eq!(world.system(Command::Settle { instrument: CALL }).unwrap_err().code(), 6);
}

#[test]
fn a_future_settles_below_zero_and_still_adds_up_s50_i14() {
    let mut world = World::with(generous());
    let mut oil = underlying("OIL", "20");
    oil.feed.signed = true;
    world.govern(Command::ListUnderlying(Box::new(oil))).unwrap();
    let barrels = |kind| InstrumentTerms {
        underlying: UnderlyingId(2),
        lot: quantity("1"),
        tick: price("0.01"),
        max_open: 1_000_000,
        ..instrument("OIL", kind, Payoff::Linear, USDC, USDC)
    };
    let future = barrels(InstrumentKind::Future { expiry: expiry() });
    world.govern(Command::ListInstrument(Box::new(future))).unwrap();
    let inverse = InstrumentTerms {
        name: "X".to_owned(),
        settle: ETH_COIN,
        payoff: Payoff::Inverse,
        ..barrels(InstrumentKind::Perpetual)
    };
    assert_eq!(world.govern(Command::ListInstrument(Box::new(inverse))).unwrap_err().code(), 6, "no coin costs that");
    let (id, index) = (world.state().market.instrument("OIL").unwrap(), FeedId::Index(UnderlyingId(2)));
    world.prices.insert(index, price("20"));
    world.pass(SECOND);
    let (alice, bob) = (world.rich("alice", 1, "3000"), world.rich("bob", 2, "100000"));
    world.fill(id, "20", 100, alice, bob).unwrap();
    world.move_to(index, "-37.63");
    world.system(Command::Settle { instrument: id }).unwrap();
    assert_eq!(world.has(alice, USDC), quantity("-2763"), "the loss is larger than what was paid");
    assert_eq!(world.state().accounts[alice.place()].status, Status::Bankrupt);
    through_the_window_of(&mut world, index, &["-37.63", "-40.01"]);
    let events = world.system(Command::Expire { instrument: id }).unwrap();
    let settled = settlement(&events);
    assert!(settled < price("-37.63") && settled > price("-40.01"), "{settled}");
    assert_eq!(world.pot(Pot::Clearing(id), USDC), Quantity::ZERO);
    assert!(world.has(bob, USDC) > quantity("105763"));
}

// Funds.

#[test]
fn a_fund_shrinks_only_by_what_was_announced_and_it_can_spare_i53() {
    let mut world = World::new();
    let (fund, asset) = (Pot::SharedFund, USDC);
    let deposit = |reference| Command::FundDeposit { fund, asset, amount: quantity("2000000"), reference };
    world.run(Principal::Custody, deposit(3)).unwrap();
    assert_eq!(world.run(Principal::Custody, deposit(3)).unwrap_err().code(), 5);
    assert_eq!(world.state().fund_reference, 3);
    let into_fees = Command::FundDeposit { fund: Pot::Fees, asset, amount: quantity("1"), reference: 4 };
    assert_eq!(world.run(Principal::Custody, into_fees).unwrap_err().code(), 6);
    let out = |amount: &str| Command::FundWithdraw { fund, asset, amount: quantity(amount) };
    assert_eq!(world.govern(out("2000001")).unwrap_err().code(), 500);
    let number = world.state().next_proposal;
    world.govern(out("1000000")).unwrap();
    assert_eq!(world.govern(out("1")).unwrap_err(), Reject::UnderWay { proposal: number });
    assert_eq!(activate(&mut world, number).unwrap_err().code(), 700);
    world.pass(DAY);
    assert_eq!(activate(&mut world, number).unwrap_err().code(), 600, "the limiter is for everybody");
    world.govern(Command::Revoke { proposal: number }).unwrap();
    let number = world.state().next_proposal;
    world.govern(out("150000")).unwrap();
    world.pass(DAY);
    activate(&mut world, number).unwrap();
    assert_eq!(world.pot(fund, asset), quantity("1850000"));
    assert_eq!(world.state().outflow.0, money("150000"));
}

/// A fee that was taken out of profit whose loser has not paid is in the books of a fund and not in custody.
#[test]
fn a_fund_pays_out_only_what_is_in_custody_i28() {
    let mut world = World::with(generous());
    let (fund, asset) = (Pot::SharedFund, USDC);
    world.run(Principal::Custody, Command::FundDeposit { fund, asset, amount: quantity("100"), reference: 1 }).unwrap();
    let mut state = world.state().clone();
    state.collateral[asset.0].settled = quantity("-30");
    let mut world = World::over(state);
    let mut out = |amount: &str| world.govern(Command::FundWithdraw { fund, asset, amount: quantity(amount) });
    let unsettled = Reject::Unsettled { profit: quantity("70.5"), settled: quantity("-30") };
    assert_eq!(out("70.5").unwrap_err(), unsettled);
    out("70").unwrap();
}

#[test]
fn open_interest_is_what_the_funds_can_stand_behind_s10_i53() {
    let policy = Policy { fund_floor: money("1000000"), fund_multiple: ratio("10"), ..generous() };
    let mut world = World::with(policy);
    let (alice, bob) = (world.rich("alice", 1, "5000000"), world.rich("bob", 2, "5000000"));
    let refused = world.fill(PERPETUAL, "100000", 10_001, alice, bob).unwrap_err();
    assert!(matches!(refused, Reject::Fund { .. }), "{refused}");
    let command =
        Command::FundDeposit { fund: Pot::MarketFund(BTC), asset: USDC, amount: quantity("200000"), reference: 1 };
    world.run(Principal::Custody, command).unwrap();
    world.fill(PERPETUAL, "100000", 19_000, alice, bob).unwrap();
    // The fund that stands behind open interest cannot be taken away.
    let number = world.state().next_proposal;
    let out = Command::FundWithdraw { fund: Pot::MarketFund(BTC), asset: USDC, amount: quantity("20000") };
    world.govern(out).unwrap();
    world.pass(DAY);
    assert_eq!(activate(&mut world, number).unwrap_err().code(), 602);
}

#[test]
fn one_owner_does_not_hold_too_much_of_a_market_s42_i30() {
    let mut world = World::with(Policy { share_floor: money("1000000"), ..generous() });
    let people: Vec<_> = (1..=8).map(|n| world.rich(&format!("p{n}"), n, "2000000")).collect();
    let second = world.rich("second account of p1", 1, "2000000");
    // A small market is not limited.
    world.fill(PERPETUAL, "100000", 9000, people[0], people[1]).unwrap();
    let refused = world.fill(PERPETUAL, "100000", 2000, people[0], people[1]).unwrap_err();
    assert!(matches!(refused, Reject::Concentration { whose: Noun::Account, .. }), "{refused}");
    let refused = world.fill(PERPETUAL, "100000", 2000, second, people[2]).unwrap_err();
    assert!(matches!(refused, Reject::Concentration { whose: Noun::Owner, .. }), "{refused}");
    // An account that reduces is not refused.
    world.fill(PERPETUAL, "100000", 1000, people[1], people[0]).unwrap();
}

// Governance.

#[test]
fn a_parameter_moves_by_one_step_after_a_delay_i67() {
    let mut world = World::new();
    let cap = |text: &str| Change::Cap { asset: USDC, cap: quantity(text) };
    let refused = propose(&mut world, cap("1200000001")).unwrap_err();
    assert!(
        refused.to_string().contains("cap would change from 1000000000 to 1200000001, at most by 0.2"),
        "{refused}"
    );
    let proposal = propose(&mut world, cap("1200000000")).unwrap();
    assert_eq!(propose(&mut world, cap("900000000")).unwrap_err(), Reject::UnderWay { proposal });
    assert!(propose(&mut world, Change::Cap { asset: STETH, cap: quantity("1100000000") }).is_ok());
    let from = Timestamp::from_micros(world.state().clock.micros() + DAY);
    assert_eq!(activate(&mut world, proposal).unwrap_err(), Reject::TooSoon { from });
    world.pass(DAY);
    assert_eq!(world.run(Principal::Governance, Command::Activate { proposal }).unwrap_err().code(), 1);
    activate(&mut world, proposal).unwrap();
    let collateral = &world.state().collateral[USDC.0];
    assert_eq!(
        (collateral.base, collateral.cap),
        (quantity("1000000000"), quantity("1200000000")),
        "and then it ramps"
    );
    assert_eq!(activate(&mut world, proposal).unwrap_err().code(), 3);
    assert_eq!(propose(&mut world, Change::Cap { asset: USD, cap: quantity("1") }).unwrap_err().code(), 6);
}

#[test]
fn a_proposal_is_checked_again_when_it_comes_into_force_i67() {
    let mut world = World::new();
    let limits = |max_order, max_open, band: &str| Change::Limits {
        instrument: PERPETUAL,
        max_order,
        max_open,
        band: ratio(band),
    };
    assert_eq!(propose(&mut world, limits(1_000_000, 100_000_000, "0.25")).unwrap_err().code(), 701);
    assert_eq!(propose(&mut world, limits(0, 100_000_000, "0.2")).unwrap_err().code(), 6);
    let proposal = propose(&mut world, limits(1_200_000, 80_000_000, "0.24")).unwrap();
    let step = world.state().policy.step;
    assert_eq!(step, ratio("0.2"));
    world.pass(DAY);
    activate(&mut world, proposal).unwrap();
    assert_eq!(world.state().contracts[PERPETUAL.0].terms.max_open, 80_000_000);
    // From the new value it is another step.
    assert_eq!(propose(&mut world, limits(1_200_000, 100_000_000, "0.24")).unwrap_err().code(), 701);
    let usd = |text: &str| Change::OpenInterest { underlying: BTC, usd: money(text) };
    assert_eq!(propose(&mut world, usd("1300000000")).unwrap_err().code(), 701);
    propose(&mut world, usd("800000000")).unwrap();
}

#[test]
fn the_rules_of_a_feed_move_by_steps_and_source_by_source_i67_i15() {
    let mut world = World::new();
    let feed = FeedId::Index(BTC);
    let mut try_rules = |change: &dyn Fn(&mut marks::FeedRules)| {
        let mut rules = rules();
        change(&mut rules);
        propose(&mut world, Change::Feed { feed, rules })
    };
    let field = |refused: Reject| match refused {
        Reject::Step { field, .. } | Reject::Malformed { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field(try_rules(&|rules| rules.collar = ratio("5")).unwrap_err()), "collar");
    assert_eq!(field(try_rules(&|rules| rules.band = ratio("0")).unwrap_err()), "rules.band");
    assert_eq!(field(try_rules(&|rules| rules.quorum = 1).unwrap_err()), "quorum");
    assert_eq!(field(try_rules(&|rules| rules.signed = true).unwrap_err()), "signed");
    let renumber = |rules: &mut marks::FeedRules| rules.sources.iter_mut().for_each(|source| source.source += 2);
    assert_eq!(field(try_rules(&renumber).unwrap_err()), "sources");
    let age = |rules: &mut marks::FeedRules| rules.sources[1].max_age_micros *= 2;
    assert_eq!(field(try_rules(&age).unwrap_err()), "sources.2.max_age_micros");
    let sound = |rules: &mut marks::FeedRules| {
        rules.band = ratio("0.06");
        rules.sources.remove(0);
        rules.sources.push(marks::Source { source: 9, max_age_micros: 1, bounds: None });
    };
    try_rules(&sound).unwrap();
}

#[test]
fn a_parameter_file_may_differ_by_one_step_in_every_number_i67() {
    let mut world = World::new();
    let field = |refused: Reject| match refused {
        Reject::Step { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field(propose(&mut world, factor("1.57")).unwrap_err()), "margin.im_factor");
    let text = universal::PARAMS.replace("multiple = { value = [\"-3\",", "multiple = { value = [\"-2.2\",");
    assert_ne!(text, universal::PARAMS);
    assert_eq!(field(propose(&mut world, Change::Method { text }).unwrap_err()), "tails.multiple");
    let text = universal::PARAMS.replace("[scan.sigma]\n", "[scan.sigma]\nCVT = \"0.01\"\n");
    assert_ne!(text, universal::PARAMS);
    assert_eq!(field(propose(&mut world, Change::Method { text }).unwrap_err()), "scan.sigma.CVT");
    assert_eq!(propose(&mut world, Change::Method { text: "nonsense".to_owned() }).unwrap_err().code(), 8);
    propose(&mut world, factor("1.5")).unwrap();
}

#[test]
fn a_new_requirement_replaces_the_old_one_along_its_ramp_i31_i67() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.rich("alice", 1, "100000"), world.rich("bob", 2, "100000"));
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    let required_of = |world: &World, account: AccountId| {
        let account = &world.state().accounts[account.place()];
        world.engine().desk().judge(world.state(), account).unwrap().initial_margin
    };
    let required = |world: &World| required_of(world, alice);
    let first = propose(&mut world, factor("1.5")).unwrap();
    world.pass(DAY);
    let (before, short_before) = (required(&world), required_of(&world, bob));
    let what_if = preview(world.state(), world.engine().desk(), &factor("1.5")).unwrap();
    activate(&mut world, first).unwrap();
    assert_eq!(required(&world), before, "nothing changes at once");
    let second = propose(&mut world, factor("1.6")).unwrap();
    world.pass(HOUR / 2);
    let half = required(&world);
    world.pass(HOUR / 2);
    let after = required(&world);
    assert!(before < half && half < after, "{before} {half} {after}");
    let (rise, half_rise) = (after.minus(before).unwrap(), half.minus(before).unwrap());
    let twice = half_rise.plus(half_rise).unwrap();
    assert!(twice.minus(rise).unwrap().raw().abs() < money("1").raw(), "{twice} {rise}");
    // The preview said so, up to the effect of an hour of time. An account that is short a contract in USDC, and holds
    // USDC, loses most in a depeg.
    let said = what_if.initial_margin.largest_rise;
    let rise = required_of(&world, bob).minus(short_before).unwrap();
    assert!(
        rise > after.minus(before).unwrap() && said.minus(rise).unwrap().raw().abs() < money("10").raw(),
        "{said} {rise}"
    );
    world.pass(DAY);
    activate(&mut world, second).unwrap();
    let third = propose(&mut world, factor("1.7")).unwrap();
    assert_eq!(activate(&mut world, third).unwrap_err().code(), 700);
}

#[test]
fn two_ramps_do_not_run_at_once_i31() {
    let mut world = World::with(Policy { delay: HOUR / 4, ..generous() });
    let first = propose(&mut world, factor("1.5")).unwrap();
    world.pass(HOUR / 4);
    activate(&mut world, first).unwrap();
    let second = propose(&mut world, factor("1.6")).unwrap();
    world.pass(HOUR / 4);
    assert_eq!(activate(&mut world, second).unwrap_err(), Reject::UnderWay { proposal: second });
    world.pass(HOUR);
    activate(&mut world, second).unwrap();
}

#[test]
fn the_limiter_and_the_collateral_do_not_change_together_i67_s39() {
    let mut world = World::new();
    let policy = world.state().policy.clone();
    let wider = || Change::Outflow { window: policy.outflow_window, share: ratio("0.12"), floor: policy.outflow_floor };
    let proposal = propose(&mut world, wider()).unwrap();
    let cap = || Change::Cap { asset: USDC, cap: quantity("1100000000") };
    assert_eq!(propose(&mut world, cap()).unwrap_err(), Reject::UnderWay { proposal });
    let listing = Command::ListAsset(Box::new(asset("CVT", "1", None, true)));
    assert_eq!(world.govern(listing.clone()).unwrap_err(), Reject::UnderWay { proposal });
    world.pass(DAY);
    activate(&mut world, proposal).unwrap();
    assert_eq!(world.state().policy.outflow_share, ratio("0.12"));
    let raised = propose(&mut world, cap()).unwrap();
    let again = || Change::Outflow { window: policy.outflow_window, share: ratio("0.14"), floor: policy.outflow_floor };
    assert_eq!(propose(&mut world, again()).unwrap_err().code(), 702);
    world.pass(DAY);
    activate(&mut world, raised).unwrap();
    world.pass(DAY);
    assert_eq!(propose(&mut world, again()).unwrap_err().code(), 702);
    world.pass(2 * HOUR);
    propose(&mut world, again()).unwrap();
}

#[test]
fn a_preview_names_whom_a_requirement_would_hit_i31() {
    let mut world = World::with(generous());
    let (alice, bob) = (world.rich("alice", 1, "21000"), world.rich("bob", 2, "1000000"));
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    let desk = world.engine().desk();
    let mild = preview(world.state(), desk, &factor("1.3")).unwrap();
    assert_eq!((mild.judged, mild.restricted, mild.initial_margin.largest_rise), (2, 0, Money::ZERO));
    assert!(mild.worst.is_empty() && mild.refused.is_none());
    let hard = preview(world.state(), desk, &factor("3")).unwrap();
    assert!(hard.refused.is_some_and(|why| why.contains("margin.im_factor")));
    assert_eq!((hard.restricted, hard.liquidated), (1, 0), "only initial margin rises");
    assert_eq!(hard.worst[0].account, alice);
    assert_eq!((hard.worst[0].now, hard.worst[0].then), (Status::Healthy, Status::Restricted));
    let cap = Change::Cap { asset: USDC, cap: quantity("1100000000") };
    let other = preview(world.state(), desk, &cap).unwrap();
    assert_eq!((other.judged, other.notes.len()), (0, 1));
}

// Markets.

#[test]
fn a_market_that_stops_taking_risk_cancels_what_would_add_it_i68() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "100000"), world.rich("bob", 2, "100000"));
    world.fill(PERPETUAL, "100000", 10, alice, bob).unwrap();
    world.place(alice, 1, PERPETUAL, Side::Buy, 5, "99000").unwrap();
    world.place(alice, 2, FUTURE, Side::Buy, 5, "99000").unwrap();
    let reduce = Command::Place {
        account: alice,
        order: OrderId(3),
        instrument: PERPETUAL,
        side: Side::Sell,
        lots: 5,
        limit: price("101000"),
        reduce_only: true,
    };
    world.run(Principal::Owner(1), reduce).unwrap();
    let mode = |instrument, mode| Command::SetMode { instrument, mode };
    assert_eq!(world.govern(mode(PERPETUAL, Mode::Halted)).unwrap_err().code(), 1);
    world.run(Principal::Guardian, mode(PERPETUAL, Mode::ReduceOnly)).unwrap();
    let left: Vec<u64> = world.state().accounts[alice.place()].orders.iter().map(|order| order.id.0).collect();
    assert_eq!(left, [2, 3]);
    assert_eq!(world.fill(PERPETUAL, "100000", 1, alice, bob).unwrap_err().code(), 100);
    world.run(Principal::Guardian, mode(PERPETUAL, Mode::Open)).unwrap();
    world.fill(PERPETUAL, "100000", 1, alice, bob).unwrap();
    assert_eq!(world.run(Principal::Guardian, mode(PERPETUAL, Mode::Settled)).unwrap_err().code(), 100);
}

#[test]
fn a_listing_that_cannot_be_reckoned_with_exactly_is_refused_i01_i06_i21() {
    let mut world = World::new();
    let base = || instrument("X", InstrumentKind::Perpetual, Payoff::Linear, USDC, USDC);
    let field = |refused: Reject| match refused {
        Reject::Malformed { field, .. } => field,
        Reject::Invalid { path, .. } => path,
        other => format!("{}", other.code()),
    };
    let mut refused = |change: &dyn Fn(&mut InstrumentTerms)| {
        let mut terms = base();
        change(&mut terms);
        field(world.govern(Command::ListInstrument(Box::new(terms))).unwrap_err())
    };
    assert_eq!(refused(&|terms| terms.name = "BTC-PERP".to_owned()), "4");
    assert_eq!(refused(&|terms| terms.name = String::new()), "name");
    assert_eq!(refused(&|terms| terms.contract_size = quantity("0.0000000000000001")), "lot");
    assert_eq!(refused(&|terms| terms.tick = price("0.0000000000000001")), "tick");
    assert_eq!(refused(&|terms| terms.tick = price("0")), "tick");
    assert_eq!(refused(&|terms| terms.lot = quantity("-1")), "lot");
    assert_eq!(refused(&|terms| terms.max_order = 0), "max_order");
    assert_eq!(refused(&|terms| terms.max_open = 0), "max_open");
    assert_eq!(refused(&|terms| terms.max_open = i64::MAX), "max_open");
    assert_eq!(refused(&|terms| terms.band = ratio("1.1")), "band");
    assert_eq!(refused(&|terms| terms.fee_rate = Some(ratio("0.2"))), "fee_rate");
    assert_eq!(refused(&|terms| terms.settle = model::AssetId(99)), "3");
    assert_eq!(refused(&|terms| terms.underlying = UnderlyingId(99)), "3");
    let past: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
    assert_eq!(refused(&|terms| terms.kind = InstrumentKind::Future { expiry: past }), "101");
    assert_eq!(refused(&|terms| terms.payoff = Payoff::Inverse), "settle");
    let bad = || marks::FeedRules { quorum: 0, ..rules() };
    assert_eq!(refused(&|terms| terms.feed = Some(bad())), "feed.quorum");
    let other = || marks::FeedRules { collar: ratio("1"), ..rules() };
    let dated = |terms: &mut InstrumentTerms, feed: Option<marks::FeedRules>| {
        terms.kind = InstrumentKind::Future { expiry: expiry() };
        terms.feed = feed;
    };
    assert_eq!(refused(&|terms| dated(terms, Some(other()))), "feed", "one forward has one feed");
    let mut same = base();
    dated(&mut same, Some(rules()));
    world.govern(Command::ListInstrument(Box::new(same))).unwrap();
    let pegged = world.govern(Command::ListAsset(Box::new(asset("PEG", "1", None, false)))).unwrap_err();
    assert_eq!(field(pegged), "feed", "no price is constant");
    assert_eq!(world.govern(Command::ListAsset(Box::new(asset("USD", "1", None, true)))).unwrap_err().code(), 4);
    assert_eq!(world.govern(Command::ListUnderlying(Box::new(underlying("BTC", "1")))).unwrap_err().code(), 4);
    assert_eq!(field(world.govern(Command::ListUnderlying(Box::new(underlying("X", "0")))).unwrap_err()), "reference");
    assert_eq!(world.govern(Command::ListLocation { name: "bridge".to_owned() }).unwrap_err().code(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// I-01, I-07, I-08, I-33: whatever is traded and settled, no money is made or lost, and when everything has
    /// expired and every perpetual is closed the clearing pots are empty, to the last digit.
    #[test]
    fn whatever_happens_nothing_is_made_or_lost(
        trades in prop::collection::vec((0_usize..7, 1_i64..50, -50_i64..50, 0_usize..4, 1_usize..4, 0_u8..8), 1..40),
    ) {
        let mut world = World::with(generous());
        let people: Vec<_> = (1..=4).map(|n| world.rich(&format!("p{n}"), n, "100000000")).collect();
        for account in &people {
            world.deposit(*account, BTC_COIN, "1000").unwrap();
        }
        let traded = [PERPETUAL, INVERSE, FUTURE, CALL, PUT, COIN_CALL, COIN_PUT];
        for (period, (which, lots, ticks, buyer, apart, then)) in trades.into_iter().enumerate() {
            let instrument = traded[which];
            let (buyer, seller) = (people[buyer], people[(buyer + apart) % 4]);
            let tick = world.state().contracts[instrument.0].terms.tick;
            let mark: Price = price(&world.mark(instrument));
            let at = Price::from_raw(mark.raw() + tick.raw() * i128::from(ticks));
            world.fill(instrument, &at.to_string(), lots, buyer, seller).unwrap();
            let period = u64::try_from(period).unwrap() + 1;
            match then {
                0 => world.jump(FeedId::Index(BTC), "99876.54321"),
                1 => world.jump(FeedId::Index(BTC), "100123.456789"),
                2 | 3 => {
                    world.pass(HOUR);
                    let instrument = if then == 2 { PERPETUAL } else { INVERSE };
                    let rate = ratio("0.000123456789012345");
                    world.system(Command::Funding { instrument, rate, period }).unwrap();
                }
                4 | 5 => {
                    let instrument = [PERPETUAL, INVERSE][usize::from(then - 4)];
                    world.system(Command::Settle { instrument }).unwrap();
                }
                _ => {}
            }
        }
        through_the_window(&mut world, &["98765.4321", "101234.56789"]);
        for instrument in [FUTURE, CALL, PUT, COIN_CALL, COIN_PUT] {
            world.system(Command::Expire { instrument }).unwrap();
        }
        for instrument in [PERPETUAL, INVERSE] {
            close(&mut world, instrument, &people);
        }
        let clearing = world.state().pots.keys().filter(|(pot, _)| matches!(pot, Pot::Clearing(_)));
        prop_assert_eq!(clearing.count(), 0);
    }
}

/// Closes every position of an instrument at its mark, the longs against the shorts.
fn close(world: &mut World, instrument: InstrumentId, people: &[AccountId]) {
    let lots = |world: &World, account: AccountId| world.state().accounts[account.place()].position(instrument).lots;
    while let Some(long) = people.iter().copied().find(|account| lots(world, *account) > 0) {
        let short = people.iter().copied().find(|account| lots(world, *account) < 0).unwrap();
        let size = lots(world, long).min(-lots(world, short));
        let mark = world.mark(instrument);
        world.fill(instrument, &mark, size, short, long).unwrap();
    }
}

/// A future on oil that falls through zero: it is marked, margined, refused where it must be, and closed at a price below
/// zero, to the cent.
#[test]
fn a_price_below_zero_is_margined_and_closed_s50_i14() {
    let mut world = World::new();
    let (index, id) = world.list_oil();
    world.prices.insert(index, price("20"));
    world.pass(SECOND);
    let (alice, bob) = (world.rich("alice", 1, "20000"), world.rich("bob", 2, "20000"));
    world.fill(id, "20", 100, alice, bob).unwrap();
    world.move_to(index, "-37.63");
    let judged = |world: &World, account: AccountId| {
        let state = world.state();
        world.engine().desk().judge(state, &state.accounts[account.place()]).unwrap()
    };
    // 100 barrels lost 57.63 each; what may still move is a part of the size of the price, not of nothing.
    assert_eq!(judged(&world, alice).equity, "14237".parse().unwrap());
    assert!(judged(&world, alice).maintenance_margin > "900".parse().unwrap(), "{:?}", judged(&world, alice));
    // At zero, where a relative move is nothing, the scale keeps the margin.
    world.move_to(index, "0");
    assert!(judged(&world, alice).maintenance_margin > "500".parse().unwrap(), "{:?}", judged(&world, alice));
    world.move_to(index, "-37.63");
    // CHG-7: a long position pays a positive rate on the size of the mark, in the engine as in the margin.
    let rate = ratio("0.0001");
    let events = world.system(Command::Funding { instrument: id, rate, period: 1 }).unwrap();
    assert_eq!(received(&events, alice, Cause::Funding), quantity("-0.3763"));
    assert_eq!(received(&events, bob, Cause::Funding), quantity("0.3763"));
    world.pass(HOUR);
    let back = Command::Funding { instrument: id, rate: rate.negated().unwrap(), period: 2 };
    let events = world.system(back).unwrap();
    assert_eq!(received(&events, alice, Cause::Funding), quantity("0.3763"));
    assert_eq!(world.fill(id, "-60", 1, bob, alice).unwrap_err().code(), 102);
    world.fill(id, "-37.5", 100, bob, alice).unwrap();
    assert_eq!(world.state().accounts[alice.place()].balance(USDC, None).amount, quantity("14250"));
    assert_eq!(world.state().accounts[bob.place()].balance(USDC, None).amount, quantity("25750"));
}

/// A date that is wrong by years stops nothing: no command moves the clock by more than a day, and after a longer pause governance,
/// and nobody else, resumes.
#[test]
fn the_clock_goes_forward_by_steps_i16() {
    let mut world = World::new();
    let clock = world.state().clock;
    let after = |micros: i64| Timestamp::from_micros(clock.micros() + micros);
    let ask = |world: &mut World, time, principal, command| {
        world.engine_mut().handle(&Envelope { time, principal, command }).map_err(|reject| reject.code())
    };
    let year_9999: Timestamp = "9999-12-31T00:00:00Z".parse().unwrap();
    for (principal, command) in [
        (Principal::System, Command::Tick),
        (Principal::System, Command::Watch),
        (Principal::Governance, Command::ListLocation { name: "solana".to_owned() }),
        (Principal::Governance, Command::Resume),
    ] {
        assert_eq!(ask(&mut world, year_9999, principal, command), Err(10));
        assert_eq!(world.state().clock, clock, "a refused command changes nothing");
    }
    assert_eq!(ask(&mut world, after(DAY + 1), Principal::System, Command::Tick), Err(10));
    assert_eq!(ask(&mut world, after(30 * DAY), Principal::System, Command::Resume), Err(1));
    assert_eq!(ask(&mut world, clock, Principal::Governance, Command::Resume), Err(6), "there was no pause");
    // A month of downtime: governance resumes, prices are formed, and everything goes on.
    let resumed = ask(&mut world, after(30 * DAY), Principal::Governance, Command::Resume);
    assert_eq!(resumed, Ok(vec![Event::Clock { time: after(30 * DAY) }]));
    world.pass(SECOND);
    let alice = world.rich("alice", 1, "1000");
    world
        .run(
            Principal::Owner(1),
            Command::Withdraw { account: alice, asset: USDC, location: None, amount: quantity("1") },
        )
        .unwrap();
}

/// A contract written in USDC is marked and settled in USDC: with USDC at 0.88 at bitcoin's index divided by 0.88. One written in USD
/// that USDC pays for is marked and settled at the index.
#[test]
fn what_is_written_in_a_stablecoin_is_marked_and_settled_in_it() {
    let mut world = World::with(generous());
    let terms = |name: &str, quote| InstrumentTerms {
        tick: price("0.01"),
        ..instrument(name, InstrumentKind::Future { expiry: expiry() }, Payoff::Linear, quote, USDC)
    };
    let list = |world: &mut World, terms: InstrumentTerms| {
        world.govern(Command::ListInstrument(Box::new(terms))).unwrap();
        InstrumentId(world.state().contracts.len() - 1)
    };
    let (in_usdc, in_usd) = (list(&mut world, terms("IN-USDC", USDC)), list(&mut world, terms("IN-USD", USD)));
    world.move_to(FeedId::Asset(USDC), "0.88");
    let mark = |world: &World, id| world.state().market.mark(id);
    let forward = world.state().market.expiry(BTC, expiry()).unwrap().forward;
    assert_eq!(mark(&world, in_usd).in_quote(), forward.usd());
    assert_eq!(mark(&world, in_usdc), forward.to_quote(price("0.88"), units::Round::Down).unwrap());
    through_the_window(&mut world, &["100000"]);
    for (id, at) in [(in_usd, "100000"), (in_usdc, "113636.363636363636363636")] {
        let events = world.system(Command::Expire { instrument: id }).unwrap();
        let settled = settlement(&events);
        assert_eq!(settled, price(at));
    }
}

/// When several rejects would apply, the one with the smallest number is given.
#[test]
fn the_smallest_number_is_given() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "1000"), world.rich("bob", 2, "1000000"));
    world.fill(PERPETUAL, "100000", 1, alice, bob).unwrap();
    let party = |account| Party { account, order: None, fee: quantity("0") };
    let fill = |match_id: u64, at: &str, lots: i64, one, other| Command::Fill {
        instrument: PERPETUAL,
        match_id,
        price: price(at),
        lots,
        buyer: party(one),
        seller: party(other),
    };
    // Each command has every fault of the commands after it, and one more.
    let none = AccountId(99);
    let cases = [
        (Principal::Custody, fill(0, "0.05", 0, none, none), 1),
        (Principal::Matching, fill(0, "0.05", 0, none, none), 3),
        (Principal::Matching, fill(0, "0.05", 0, alice, alice), 5),
        (Principal::Matching, fill(900, "0.05", 0, alice, alice), 6),
        (Principal::Matching, fill(900, "900000", 1_000_000, alice, alice), 7),
        (Principal::Matching, fill(900, "900000", 1_000_000_000, alice, bob), 102),
        (Principal::Matching, fill(900, "100000", 1_000_000_000, alice, bob), 103),
        (Principal::Matching, fill(900, "100000", 1_000_000, alice, bob), 200),
    ];
    for (principal, command, code) in cases {
        let reject = world.run(principal, command.clone()).unwrap_err();
        assert_eq!(reject.code(), code, "{command:?}: {reject}");
    }
}
