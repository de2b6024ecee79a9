//! Liquidations: begun on valid prices, offered, crossed, auctioned, taken over, deleveraged, covered, and over.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::checked::{conserved, consistent};
use common::*;
use engine::explain::{What, step};
use engine::state::{Case, Holder, Offer, Policy, Pot};
use engine::{AccountId, Cause, Command, Envelope, Event, FeedId, Principal, Reject, Status};
use model::InstrumentId;
use units::{Money, Quantity};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// Alice is long a tenth of a bitcoin with 2,500 dollars, against Bob.
fn alice_and_bob() -> (World, AccountId, AccountId) {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "2500"), world.rich("bob", 2, "1000000"));
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    (world, alice, bob)
}

fn case(world: &World, account: AccountId) -> Option<Case> {
    world.state().liquidations.cases.get(&account).cloned()
}

fn offer(world: &World, account: AccountId) -> Offer {
    case(world, account).unwrap().offer.unwrap()
}

fn status(world: &World, account: AccountId) -> Status {
    let account = world.state().account(account).unwrap();
    world.engine().desk().judge(world.state(), account).unwrap().status
}

fn liquidate(world: &mut World, account: AccountId) -> Result<Vec<Event>, Reject> {
    world.system(Command::Liquidate { account })
}

/// Trades lots that were offered, at the worst price of the offer.
fn trade(
    world: &mut World,
    account: AccountId,
    counterparty: AccountId,
    instrument: InstrumentId,
    lots: i64,
) -> Result<Vec<Event>, Reject> {
    let match_id = world.state().contracts[instrument.0].last_match + 1;
    let mark = world.state().market.mark(instrument).in_quote();
    let tick = world.state().contracts[instrument.0].terms.tick;
    let price = units::Price::from_raw(mark.raw() - mark.raw().rem_euclid(tick.raw()));
    let fee = Quantity::ZERO;
    world.system(Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee })
}

fn lots(world: &World, account: AccountId, instrument: InstrumentId) -> i64 {
    world.state().account(account).unwrap().position(instrument).lots
}

fn bankrupt(world: &World, account: AccountId) -> Money {
    let whose = world.state().account(account).unwrap();
    world.engine().desk().judge(world.state(), whose).unwrap().equity
}

/// I-35, I-38, I-39, I-42: an account that is not below maintenance is not liquidated. No trade is made that was not
/// offered, none larger, none at a worse price and none by the same owner. The offered trade restores the account, and
/// the case is closed.
#[test]
fn an_account_is_restored_by_what_was_offered_and_by_no_more() {
    let (mut world, alice, bob) = alice_and_bob();
    let own = world.rich("alice's other", 1, "1000000");
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 401);
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, -10).unwrap_err().code(), 403);
    world.jump(FeedId::Index(BTC), "85000");
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, -10).unwrap_err().code(), 403);
    let events = liquidate(&mut world, alice).unwrap();
    let Event::Judged { account, status: found, equity, maintenance_margin, .. } = events[0] else {
        panic!("{events:?}")
    };
    assert_eq!((account, equity), (alice, money("1000")));
    assert!(found == Status::Liquidation && equity < maintenance_margin, "{found} {maintenance_margin}");
    let Offer { instrument, lots: offered, version, worst } = offer(&world, alice);
    assert_eq!((instrument, version), (PERPETUAL, world.state().version));
    assert!(offered < 0 && offered > -100, "a part is enough: {offered}");
    assert!(worst < price("85000") && worst > price("84000"), "{worst}");
    assert_eq!(trade(&mut world, alice, own, PERPETUAL, offered).unwrap_err().code(), 7);
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, offered - 1).unwrap_err().code(), 403);
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, 1).unwrap_err().code(), 403);
    trade(&mut world, alice, bob, PERPETUAL, offered / 2).unwrap();
    assert_eq!(offer(&world, alice).lots, offered - offered / 2);
    trade(&mut world, alice, bob, PERPETUAL, offered - offered / 2).unwrap();
    assert_eq!(case(&world, alice).unwrap().offer, None);
    assert!(status(&world, alice) > Status::Warning);
    // Two lots fewer would not have been enough: the least quantity and one lot (I-38).
    assert_eq!(lots(&world, alice, PERPETUAL), 100 + offered);
    let events = liquidate(&mut world, alice).unwrap();
    assert!(events.contains(&Event::CaseClosed { account: alice }));
    assert_eq!(case(&world, alice), None);
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 401);
    conserved(world.state());
    consistent(world.state());
}

/// I-43: a case ends when the account has recovered, and the account trades as before.
#[test]
fn who_is_cured_is_free_again() {
    let (mut world, alice, bob) = alice_and_bob();
    world.jump(FeedId::Index(BTC), "85000");
    liquidate(&mut world, alice).unwrap();
    let offered = offer(&world, alice).lots;
    // The deposit comes first: the offer is withdrawn, because a smaller trade may be enough.
    world.deposit(alice, USDC, "2000").unwrap();
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, offered).unwrap_err().code(), 403);
    liquidate(&mut world, alice).unwrap();
    assert_eq!((case(&world, alice), lots(&world, alice, PERPETUAL)), (None, 100));
    world.pass(SECOND);
    world.move_to(FeedId::Index(BTC), "85000");
    world.fill(PERPETUAL, "85000", 1, alice, bob).unwrap();
}

/// An offer belongs to the prices it was made on.
#[test]
fn an_offer_ends_with_its_prices() {
    let (mut world, alice, bob) = alice_and_bob();
    world.jump(FeedId::Index(BTC), "85000");
    liquidate(&mut world, alice).unwrap();
    let offered = offer(&world, alice).lots;
    world.jump(FeedId::Index(BTC), "84900");
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, offered).unwrap_err().code(), 403);
    liquidate(&mut world, alice).unwrap();
    assert!(offer(&world, alice).lots < offered, "it fell further");
}

/// Orders hold margin and may add risk: they are cancelled first, and where that is enough nothing is traded.
#[test]
fn orders_go_first() {
    let (mut world, alice, bob) = alice_and_bob();
    world.place(alice, 1, PERPETUAL, model::Side::Sell, 10, "120000").unwrap();
    world.jump(FeedId::Index(BTC), "85000");
    let events = liquidate(&mut world, alice).unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::OrderClosed { account, .. } if *account == alice)));
    assert!(world.state().account(alice).unwrap().orders.is_empty());
    let _ = bob;
}

/// Opposite liquidations trade with each other at the mark before either touches the market.
#[test]
fn opposite_liquidations_cross_at_the_mark() {
    let mut world = World::new();
    let market = world.rich("market", 9, "10000000");
    let (long, short) = (world.rich("long", 1, "2500"), world.rich("short", 2, "10000"));
    world.fill(PERPETUAL, "100000", 100, long, market).unwrap();
    world.fill(PERPETUAL, "100000", 100, market, short).unwrap();
    world.fill(ETH_PERPETUAL, "4000", 1000, market, short).unwrap();
    // One loses on bitcoin; the other on ether, in a market that is halted.
    world.prices.insert(FeedId::Index(ETH), price("4600"));
    world.jump(FeedId::Index(BTC), "85000");
    let halt = Command::SetMode { instrument: ETH_PERPETUAL, mode: engine::state::Mode::Halted };
    world.run(Principal::Guardian, halt).unwrap();
    let statuses = [long, short].map(|account| status(&world, account));
    assert_eq!(statuses, [Status::Liquidation; 2]);
    liquidate(&mut world, long).unwrap();
    let selling = offer(&world, long);
    let before = world.state().clone();
    let events = liquidate(&mut world, short).unwrap();
    // The explanation of either account calls it by its name.
    let command = Command::Liquidate { account: short };
    let envelope = Envelope { time: before.clock, principal: Principal::System, command };
    for account in [short, long] {
        let step = step(&before, account, &envelope, &events).unwrap().unwrap();
        assert_eq!(step.what, What::Crossed, "account {account}");
    }
    let crossed = events.iter().find_map(|event| match event {
        Event::Transferred { instrument, from, to, lots, price, .. } => Some((*instrument, *from, *to, *lots, *price)),
        _ => None,
    });
    let (instrument, from, to, lots, at) = crossed.expect("they meet");
    assert_eq!((instrument, from, to), (PERPETUAL, short, long));
    assert!(lots > 0 && lots <= -selling.lots && at == price("85000"), "{lots} at {at}");
    conserved(world.state());
    consistent(world.state());
}

/// I-44: after an outage there is time to cure, and no account is liquidated before it is over.
#[test]
fn after_an_outage_there_is_time_to_cure() {
    let (mut world, alice, _) = alice_and_bob();
    world.prices.insert(FeedId::Index(BTC), price("85000"));
    world.pass(45 * SECOND);
    assert_eq!(status(&world, alice), Status::Liquidation);
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 404);
    for _ in 0..59 {
        world.pass(SECOND);
    }
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 404);
    world.pass(SECOND);
    liquidate(&mut world, alice).unwrap();
}

/// No account is liquidated during an outage either: an offer from before is not traded in it.
#[test]
fn in_an_outage_nobody_is_liquidated() {
    let (mut world, alice, bob) = alice_and_bob();
    world.jump(FeedId::Index(BTC), "85000");
    liquidate(&mut world, alice).unwrap();
    let offered = offer(&world, alice).lots;
    let later = units::Timestamp::from_micros(world.state().clock.micros() + 45 * SECOND);
    let (match_id, price) = (900, price("85000"));
    let fill = Command::LiquidationFill {
        account: alice,
        counterparty: bob,
        instrument: PERPETUAL,
        match_id,
        price,
        lots: offered,
        fee: Quantity::ZERO,
    };
    let refused = world.at(later, Principal::System, fill).unwrap_err();
    assert_eq!(refused.code(), 404, "{refused}");
}

/// I-35: prices that are not valid stop every liquidation, even one that is under way.
#[test]
fn prices_that_go_bad_stop_it() {
    let (mut world, alice, bob) = alice_and_bob();
    world.jump(FeedId::Index(BTC), "85000");
    liquidate(&mut world, alice).unwrap();
    world.silent.push(FeedId::Index(BTC));
    for _ in 0..5 {
        world.pass(20 * SECOND);
    }
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 400);
    assert_eq!(trade(&mut world, alice, bob, PERPETUAL, -10).unwrap_err().code(), 403);
}

/// In an interval no more than a share of the observed depth is traded, for whatever account.
#[test]
fn liquidations_keep_to_the_depth() {
    let mut policy = Policy::default();
    policy.liquidation.participation = ratio("0.001");
    let mut world = World::with(policy);
    let (alice, bob) = (world.rich("alice", 1, "25000"), world.rich("bob", 2, "10000000"));
    world.fill(PERPETUAL, "100000", 1000, alice, bob).unwrap();
    world.jump(FeedId::Index(BTC), "85000");
    liquidate(&mut world, alice).unwrap();
    // Three million deep: three thousand dollars in ten seconds.
    let first = offer(&world, alice).lots;
    assert_eq!(first, -35, "35 lots of 85 dollars");
    trade(&mut world, alice, bob, PERPETUAL, first).unwrap();
    liquidate(&mut world, alice).unwrap();
    assert_eq!(case(&world, alice).unwrap().offer, None);
    for _ in 0..5 {
        world.pass(SECOND);
    }
    liquidate(&mut world, alice).unwrap();
    assert!((-18..=-16).contains(&offer(&world, alice).lots), "half of it has drained: {:?}", offer(&world, alice));
}

/// A short option that cannot be bought back with the money that is left is auctioned. The premium rises with the
/// clock, and the first bidder that asks for no more than it has a share. A bidder that vanishes costs nothing: the
/// backstop takes the rest.
fn in_auction() -> (World, AccountId, AccountId, AccountId) {
    let mut policy = Policy::default();
    policy.liquidation.half_spread = ratio("0.2");
    policy.liquidation.option_half_spread = ratio("0.5");
    let mut world = World::with(policy);
    let (alice, bob) = (world.rich("alice", 1, "2500"), world.rich("bob", 2, "1000000"));
    let bidder = world.rich("bidder", 3, "1000000");
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.govern(Command::SetBackstop { account: bidder, on: true }).unwrap();
    world.jump(FeedId::Index(BTC), "85000");
    (world, alice, bob, bidder)
}

fn bid(
    world: &mut World,
    bidder: AccountId,
    owner: u32,
    auctioned: AccountId,
    share: &str,
    at: &str,
) -> Result<Vec<Event>, Reject> {
    let command = Command::AuctionBid { account: bidder, auctioned, share: ratio(share), price: money(at) };
    world.run(Principal::Owner(owner), command)
}

#[test]
fn what_the_market_would_make_worse_is_auctioned() {
    let (mut world, alice, bob, bidder) = in_auction();
    assert_eq!(bid(&mut world, bidder, 3, alice, "1", "0").unwrap_err().code(), 402);
    liquidate(&mut world, alice).unwrap();
    assert!(case(&world, alice).unwrap().auction.is_some(), "{:?}", case(&world, alice));
    assert_eq!(bid(&mut world, bob, 2, alice, "0.1", "0").unwrap_err().code(), 6, "not registered");
    // At the start two per cent of what the share is worth, 1,000 dollars: asking for all of it is too much.
    let greedy = bid(&mut world, bidder, 3, alice, "0.1", "-50").unwrap_err();
    assert!(greedy.code() == 6 && greedy.to_string().contains("clock"), "{greedy}");
    let before = world.has(bidder, USDC);
    bid(&mut world, bidder, 3, alice, "0.1", "-1").unwrap();
    assert_eq!((lots(&world, alice, PERPETUAL), lots(&world, bidder, PERPETUAL)), (90, 10));
    assert_eq!(world.has(bidder, USDC).minus(before).unwrap(), quantity("1"));
    // The payment may come out of profit whose loser has not paid, so it is no more than profit to the bidder (I-28).
    assert_eq!(world.state().account(bidder).unwrap().balance(USDC, None).profit, quantity("1"));
    conserved(world.state());
    consistent(world.state());
}

#[test]
fn a_bidder_that_vanishes_leaves_it_to_the_backstop() {
    let (mut world, alice, _, bidder) = in_auction();
    liquidate(&mut world, alice).unwrap();
    world.pass(20 * SECOND);
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 405);
    for _ in 0..94 {
        world.pass(20 * SECOND);
    }
    let worth = bankrupt(&world, alice);
    let before = world.has(bidder, USDC);
    liquidate(&mut world, alice).unwrap();
    assert_eq!((lots(&world, alice, PERPETUAL), lots(&world, bidder, PERPETUAL)), (0, 100));
    // It has what the account was worth beside the position, which it took at the mark: 1,000, and the loss of 1,500 was paid.
    assert_eq!(worth, money("1000"));
    assert_eq!(world.has(bidder, USDC).minus(before).unwrap(), quantity("1000"));
    let events = liquidate(&mut world, alice).unwrap();
    assert!(events.contains(&Event::CaseClosed { account: alice }));
    conserved(world.state());
    consistent(world.state());
}

/// I-47…I-50: a loss is paid by the account, the fund of the market, a share of the shared fund, and the winners, in
/// that order; winners are closed at one price, in whole lots, and keep their principal.
#[test]
fn a_loss_goes_through_the_waterfall_once() {
    let (mut world, alice, bob) = alice_and_bob();
    let carol = world.rich("carol", 3, "1000000");
    world.fill(PERPETUAL, "100000", 50, bob, carol).unwrap();
    let fund = |world: &mut World, fund, amount: &str, reference| {
        let command = Command::FundDeposit { fund, asset: USDC, amount: quantity(amount), reference };
        world.run(Principal::Custody, command).unwrap();
    };
    fund(&mut world, Pot::MarketFund(BTC), "300", 1);
    fund(&mut world, Pot::SharedFund, "400", 2);
    world.jump(FeedId::Index(BTC), "70000");
    // 2,500 dollars less 3,000: 500 are missing. The market fund has 300, of the shared fund 100 may be used, winners give 100.
    assert_eq!(bankrupt(&world, alice), money("-500"));
    let events = liquidate(&mut world, alice).unwrap();
    let drawn = |pot: Pot| {
        let of = |event: &Event| match event {
            Event::Moved { from: Holder::Pot(from), amount, cause: Cause::Cover, .. } if *from == pot => Some(*amount),
            _ => None,
        };
        events.iter().find_map(of).unwrap()
    };
    assert_eq!((drawn(Pot::MarketFund(BTC)), drawn(Pot::SharedFund)), (quantity("300"), quantity("100")));
    let closed: Vec<(AccountId, i64, String)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Transferred { to, lots, price, .. } => Some((*to, *lots, price.to_string())),
            _ => None,
        })
        .collect();
    // 100 dollars over a tenth of a bitcoin: 1,000 dollars a bitcoin above the mark, which they buy back at, and a last decimal so
    // that no dust is left. Bob and Carol have won the same.
    assert_eq!(closed.len(), 2, "{closed:?}");
    assert!(closed.iter().all(|(_, lots, at)| *lots == -50 && at == "71000.000000000000000001"), "{closed:?}");
    assert!((Money::ZERO..Money::from_raw(10)).contains(&bankrupt(&world, alice)), "{}", bankrupt(&world, alice));
    assert_eq!(
        (lots(&world, alice, PERPETUAL), lots(&world, bob, PERPETUAL), lots(&world, carol, PERPETUAL)),
        (0, 0, 0)
    );
    liquidate(&mut world, alice).unwrap();
    assert_eq!(case(&world, alice), None);
    conserved(world.state());
    consistent(world.state());
}

/// A loss beyond the last cent of the funds stays a debt, and while it does nobody leaves at the expense of others (I-51).
#[test]
fn a_debt_without_funds_is_nobody_elses_way_out() {
    let (mut world, alice, bob) = alice_and_bob();
    world.withdraw(bob, USDC, "1").unwrap();
    world.jump(FeedId::Index(BTC), "70000");
    world.system(Command::Settle { instrument: PERPETUAL }).unwrap();
    // The profit of the winner is settled: no account has an unsettled profit to give back.
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 603);
    assert_eq!(world.withdraw(bob, USDC, "1").unwrap_err().code(), 603);
    let command =
        Command::FundDeposit { fund: Pot::MarketFund(BTC), asset: USDC, amount: quantity("1000"), reference: 1 };
    world.run(Principal::Custody, command).unwrap();
    liquidate(&mut world, alice).unwrap();
    assert_eq!(bankrupt(&world, alice), Money::ZERO);
}

/// R counts the accounts within reach and no others; as it nears one, new risk is dearer and liquidations are slower.
#[test]
fn near_a_cascade_new_risk_is_dearer_and_liquidations_slower() {
    let (mut world, alice, bob) = alice_and_bob();
    world.deposit(bob, USDC, "9000000").unwrap();
    let fresh = world.rich("fresh", 40, "18500");
    let crowd: Vec<AccountId> = (100..160).map(|owner| world.rich(&format!("crowd-{owner}"), owner, "25000")).collect();
    let measured = |world: &mut World| {
        world.system(Command::Measure).unwrap();
        world.state().liquidations.cascades.get(&BTC).copied().unwrap_or_default()
    };
    assert_eq!(measured(&mut world).worst(), 0.0);
    for account in &crowd {
        world.fill(PERPETUAL, "100000", 1000, *account, bob).unwrap();
    }
    // Each stands some thousand dollars above maintenance with a bitcoin: not within two per cent yet.
    assert_eq!(measured(&mut world).worst(), 0.0);
    world.jump(FeedId::Index(BTC), "86500");
    let near = measured(&mut world);
    let within = crowd.iter().map(|account| {
        let whose = world.state().account(*account).unwrap();
        let judged = world.engine().desk().judge(world.state(), whose).unwrap();
        f64::from(judged.equity.minus(judged.maintenance_margin).unwrap().to_f64() <= 0.02 * 86_500.0)
    });
    let within: f64 = within.sum();
    // The whole delta of each, over two per cent, at a per cent for three million.
    let expected = (within + 0.1) * 86_500.0 / 0.02 * 0.01 / 3e6;
    assert!(expected > 0.0 && (near.down.to_f64() / expected - 1.0).abs() < 0.01, "{near:?} {expected}");
    assert_eq!(near.up, units::Ratio::ZERO, "shorts are far");
    // R is well above a half: money that covered the initial margin is no longer enough.
    assert!(near.down.to_f64() > 0.7, "{near:?}");
    let dearer = world.fill(PERPETUAL, "86500", 1000, fresh, bob).unwrap_err();
    assert!(matches!(dearer, Reject::InitialMargin { account, .. } if account == fresh), "{dearer}");
    let room = |world: &World| world.engine().desk().books(world.state(), world.state().clock)[PERPETUAL.0].room;
    let slowed = 300_000.0 * (1.0 - near.down.to_f64()) / 86.5;
    assert_eq!(room(&world), format!("{:.0}", slowed.floor()).parse::<i64>().unwrap(), "{slowed}");
    world.jump(FeedId::Index(BTC), "100000");
    assert_eq!(measured(&mut world).worst(), 0.0);
    world.move_to(FeedId::Index(BTC), "86500");
    assert_eq!(room(&world), 3468, "300,000 dollars in lots of 86.5");
    world.fill(PERPETUAL, "86500", 1000, fresh, bob).unwrap();
    let _ = alice;
}

/// A market that is halted stays as it is, and stops no other.
#[test]
fn a_halted_market_stops_no_other() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "8000"), world.rich("bob", 2, "1000000"));
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.fill(ETH_PERPETUAL, "4000", 500, alice, bob).unwrap();
    let halt = Command::SetMode { instrument: ETH_PERPETUAL, mode: engine::state::Mode::Halted };
    world.run(Principal::Guardian, halt).unwrap();
    world.prices.insert(FeedId::Index(ETH), price("2900"));
    world.jump(FeedId::Index(BTC), "65000");
    assert!(bankrupt(&world, alice) < Money::ZERO);
    liquidate(&mut world, alice).unwrap();
    assert_eq!((lots(&world, alice, PERPETUAL), lots(&world, alice, ETH_PERPETUAL)), (0, 500));
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 100, "what is left waits for its market");
    let open = Command::SetMode { instrument: ETH_PERPETUAL, mode: engine::state::Mode::Open };
    world.run(Principal::Guardian, open).unwrap();
    liquidate(&mut world, alice).unwrap();
    assert_eq!(lots(&world, alice, ETH_PERPETUAL), 0);
    conserved(world.state());
    consistent(world.state());
}

/// A debt is repaid on spot out of what is owned.
#[test]
fn a_debt_is_repaid_out_of_collateral() {
    let mut world = World::new();
    let (alice, bob) = (world.open("alice", 1), world.rich("bob", 2, "1000000"));
    world.deposit(alice, BTC_COIN, "0.05").unwrap();
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.jump(FeedId::Index(BTC), "76000");
    world.system(Command::Settle { instrument: PERPETUAL }).unwrap();
    assert_eq!((world.has(alice, USDC), status(&world, alice)), (quantity("-2400"), Status::Liquidation));
    // Only spot trades.
    for instrument in [PERPETUAL, INVERSE, FUTURE, INVERSE_FUTURE] {
        world.run(Principal::Guardian, Command::SetMode { instrument, mode: engine::state::Mode::Halted }).unwrap();
    }
    liquidate(&mut world, alice).unwrap();
    let Offer { instrument, lots, .. } = offer(&world, alice);
    assert!(instrument == SPOT && lots < 0, "{instrument:?} {lots}");
    assert_eq!(trade(&mut world, alice, bob, SPOT, -lots).unwrap_err().code(), 403);
    trade(&mut world, alice, bob, SPOT, lots).unwrap();
    // It is above its maintenance margin: nothing more is done, and the case stays open until it is clear of the warning.
    assert_eq!(status(&world, alice), Status::Warning);
    let events = liquidate(&mut world, alice).unwrap();
    assert!(matches!(events[..], [Event::Judged { .. }, Event::Offered { offer: None, .. }]), "{events:?}");
    assert!(case(&world, alice).is_some());
    assert!(world.has(alice, USDC) > quantity("-2400") && world.has(alice, BTC_COIN) < quantity("0.05"));
    conserved(world.state());
    consistent(world.state());
}
