//! Nothing that others, or its owner, put into an account may keep it from being liquidated: dust without a price, a
//! position in a silent market, a little money now and then.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod common;

use common::checked::{conserved, consistent};
use common::*;
use engine::state::{Offer, Policy};
use engine::{AccountId, Command, Event, FeedId, Principal, Reject, Status};
use model::{AssetId, InstrumentId, Side};
use units::Quantity;

/// Alice is long a tenth of a bitcoin with 2,500 dollars, against Bob.
fn alice_and_bob() -> (World, AccountId, AccountId) {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "2500"), world.rich("bob", 2, "1000000"));
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    (world, alice, bob)
}

/// A feed falls silent, and its last price grows old.
fn silence(world: &mut World, feed: FeedId) {
    world.silent.push(feed);
    for _ in 0..5 {
        world.pass(20 * SECOND);
    }
}

fn offer(world: &World, account: AccountId) -> Option<Offer> {
    world.state().liquidations.cases.get(&account).and_then(|case| case.offer)
}

fn told(world: &World, account: AccountId) -> Status {
    world.state().account(account).unwrap().status
}

fn liquidate(world: &mut World, account: AccountId) -> Result<Vec<Event>, Reject> {
    world.system(Command::Liquidate { account })
}

/// Trades the whole offer, at the mark.
fn trade(world: &mut World, account: AccountId, counterparty: AccountId) -> Result<Vec<Event>, Reject> {
    let Offer { instrument, lots, .. } = offer(world, account).expect("something is offered");
    let match_id = world.state().contracts[instrument.0].last_match + 1;
    let price = price(&world.mark(instrument));
    let fee = Quantity::ZERO;
    world.system(Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee })
}

fn arrives(world: &mut World, account: AccountId, asset: AssetId, bridge: bool, amount: &str) {
    let reference = world.state().collateral[asset.0].reference + 1;
    let (location, amount) = (bridge.then_some(BRIDGE), quantity(amount));
    world.run(Principal::Custody, Command::Deposit { account, asset, location, amount, reference }).unwrap();
}

/// I-73: whatever lies in the account without a price, it has a case as soon as it is below maintenance, its trade is
/// offered and made, and its case is closed; and no other account is kept from its money.
#[test]
fn what_has_no_price_stops_no_liquidation() {
    type Arrange = fn(&mut World, AccountId, AccountId);
    let kinds: [(&str, FeedId, Arrange); 6] = [
        ("dust", FeedId::Asset(STETH), |world, alice, _| arrives(world, alice, STETH, false, "0.000000000000000001")),
        ("dust elsewhere", FeedId::Asset(STETH), |world, alice, _| arrives(world, alice, STETH, true, "0.0001")),
        ("some of a coin", FeedId::Index(ETH), |world, alice, _| arrives(world, alice, ETH_COIN, false, "0.001")),
        ("a position of one lot", FeedId::Index(ETH), |world, alice, bob| {
            world.fill(ETH_PERPETUAL, "4000", 1, alice, bob).unwrap();
        }),
        ("a position with a feed of its own", FeedId::Forward(BTC, expiry()), |world, alice, bob| {
            world.fill(FUTURE, "100000", 1, alice, bob).unwrap();
        }),
        ("an order", FeedId::Index(ETH), |world, alice, _| {
            world.place(alice, 1, ETH_PERPETUAL, Side::Buy, 1, "3900").unwrap();
        }),
    ];
    for (kind, feed, arrange) in kinds {
        let (mut world, alice, bob) = alice_and_bob();
        let honest = world.rich("honest", 3, "1000");
        arrange(&mut world, alice, bob);
        silence(&mut world, feed);
        world.jump(FeedId::Index(BTC), "84500");
        assert!(told(&world, alice) <= Status::Liquidation, "{kind}: {}", told(&world, alice));
        assert!(world.state().liquidations.cases.contains_key(&alice), "{kind}");
        liquidate(&mut world, alice).unwrap_or_else(|reject| panic!("{kind}: {reject}"));
        assert_eq!(offer(&world, alice).expect(kind).instrument, PERPETUAL, "{kind}");
        trade(&mut world, alice, bob).unwrap_or_else(|reject| panic!("{kind}: {reject}"));
        world.pass(SECOND);
        let done = liquidate(&mut world, alice);
        let closed = |events: Vec<Event>| events.contains(&Event::CaseClosed { account: alice });
        let blind = kind.starts_with("a position");
        assert!(done.map_or_else(|reject| blind && reject.code() == 400, closed), "{kind}");
        world.withdraw(honest, USDC, "1000").unwrap_or_else(|reject| panic!("{kind}: {reject}"));
    }
}

/// Dust from a stranger keeps no account from trading, from taking an offer, or from recovering.
#[test]
fn dust_without_a_price_restricts_nobody() {
    let (mut world, alice, bob) = alice_and_bob();
    for account in [alice, bob] {
        arrives(&mut world, account, STETH, false, "0.000001");
    }
    silence(&mut world, FeedId::Asset(STETH));
    world.fill(PERPETUAL, "100000", 1, bob, alice).unwrap();
    world.jump(FeedId::Index(BTC), "84500");
    liquidate(&mut world, alice).unwrap();
    trade(&mut world, alice, bob).unwrap();
    world.deposit(alice, USDC, "50000").unwrap();
    world.pass(SECOND);
    assert_eq!(told(&world, alice), Status::Healthy);
    // The account may trade on, and an asset without a price counts for nothing in that.
    world.move_to(FeedId::Index(BTC), "84500");
    world.fill(PERPETUAL, "84500", 100, alice, bob).unwrap();
    let all = world.fill(PERPETUAL, "84500", 100_000, alice, bob).unwrap_err();
    assert!(matches!(all, Reject::InitialMargin { .. }), "{all}");
}

/// An asset that could be enough at its last price holds a liquidation off while that price is recent, and no longer;
/// funds and winners pay nothing for the value it may still have.
#[test]
fn a_last_price_counts_for_ten_minutes() {
    let (mut world, alice, bob) = alice_and_bob();
    arrives(&mut world, alice, STETH, false, "10");
    silence(&mut world, FeedId::Asset(STETH));
    world.jump(FeedId::Index(BTC), "84500");
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 400);
    assert!(told(&world, alice) > Status::Liquidation);
    let mut waited = 0;
    while told(&world, alice) > Status::Liquidation {
        world.pass(20 * SECOND);
        waited += 20;
        assert!(waited < 600, "it is told at the latest ten minutes after the last price");
    }
    assert!(waited > 400, "{waited}");
    liquidate(&mut world, alice).unwrap();
    trade(&mut world, alice, bob).unwrap();
    // When the feed speaks again, the asset counts again.
    world.silent.clear();
    world.pass(SECOND);
    let events = liquidate(&mut world, alice).unwrap();
    assert!(events.contains(&Event::CaseClosed { account: alice }), "{events:?}");
}

/// I-35: a loss that only last prices show liquidates no account.
#[test]
fn a_loss_on_a_price_that_is_not_valid_liquidates_nobody() {
    let (mut world, alice, bob) = alice_and_bob();
    world.fill(ETH_PERPETUAL, "4000", 40, alice, bob).unwrap();
    world.prices.insert(FeedId::Index(ETH), price("2500"));
    world.silent.push(FeedId::Premium(PERPETUAL));
    for _ in 0..5 {
        world.pass(20 * SECOND);
    }
    world.silent = vec![FeedId::Index(ETH)];
    for _ in 0..5 {
        world.pass(20 * SECOND);
    }
    assert!(told(&world, alice) > Status::Liquidation, "{}", told(&world, alice));
    assert_eq!(liquidate(&mut world, alice).unwrap_err().code(), 400);
}

/// I-74: an offer stands, whatever the owner, friends and strangers do, until it is no longer right.
#[test]
fn an_offer_stands_while_it_is_right() {
    type Interfere = fn(&mut World, AccountId, AccountId) -> Result<Vec<Event>, Reject>;
    let attacks: [(&str, Interfere); 6] = [
        ("a deposit of dust", |world, alice, _| world.deposit(alice, USDC, "0.000000000000000001")),
        ("a deposit", |world, alice, _| world.deposit(alice, USDC, "10")),
        ("a deposit of something else", |world, alice, _| world.deposit(alice, STETH, "0.001")),
        ("a transfer", |world, alice, bob| world.transfer(bob, alice, USDC, "1")),
        ("a sale of its own to a friend", |world, alice, bob| world.fill(PERPETUAL, "80500", 1, bob, alice)),
        ("an order", |world, alice, _| {
            let command = Command::Place {
                account: alice,
                order: engine::OrderId(1),
                instrument: PERPETUAL,
                side: Side::Sell,
                lots: 1,
                limit: price("81000"),
                reduce_only: true,
            };
            world.run(Principal::Owner(1), command)
        }),
    ];
    for (attack, interfere) in attacks {
        let (mut world, alice, bob) = alice_and_bob();
        world.jump(FeedId::Index(BTC), "80500");
        liquidate(&mut world, alice).unwrap();
        let before = offer(&world, alice);
        for _ in 0..3 {
            let done = interfere(&mut world, alice, bob);
            assert!(done.is_ok() || attack == "an order", "{attack}: {done:?}");
        }
        assert_eq!(offer(&world, alice), before, "{attack}");
        trade(&mut world, alice, bob).unwrap_or_else(|reject| panic!("{attack}: {reject}"));
    }
    // Half of the offer would be enough now, though the account has not recovered.
    let (mut world, alice, _) = alice_and_bob();
    world.jump(FeedId::Index(BTC), "80500");
    liquidate(&mut world, alice).unwrap();
    world.deposit(alice, USDC, "500").unwrap();
    assert_eq!(offer(&world, alice), None);
    world.pass(SECOND);
    assert_eq!(told(&world, alice), Status::Liquidation);
}

/// I-75: no owner sends dust to another owner; to their own accounts they may.
#[test]
fn nobody_sends_dust_to_another_owner() {
    let mut world = World::new();
    let (alice, bob) = (world.rich("alice", 1, "1000"), world.rich("bob", 2, "1000"));
    let own = world.open("alice's other", 1);
    for dust in ["0.000000000000000001", "0.99"] {
        let refused = world.transfer(alice, bob, USDC, dust).unwrap_err();
        assert!(refused.code() == 6 && refused.to_string().contains("at least 1 USD"), "{refused}");
        world.transfer(alice, own, USDC, dust).unwrap();
    }
    world.transfer(alice, bob, USDC, "1").unwrap();
}

/// A bankruptcy of a few cents keeps no account from its money.
#[test]
fn a_trifling_loss_stops_no_withdrawal() {
    for (fall, held) in [("74990", false), ("74960", true)] {
        let (mut world, alice, bob) = alice_and_bob();
        world.jump(FeedId::Index(BTC), fall);
        world.system(Command::Settle { instrument: PERPETUAL }).unwrap();
        world.pass(SECOND);
        assert_eq!(told(&world, alice), Status::Bankrupt);
        assert_eq!(world.withdraw(bob, USDC, "1").is_err_and(|reject| reject.code() == 603), held, "{fall}");
    }
}

/// Money on a bridge pays the backstop that takes over, and stays on the bridge.
#[test]
fn collateral_elsewhere_pays_a_backstop() {
    let mut policy = Policy::default();
    policy.liquidation.half_spread = ratio("0.2");
    policy.liquidation.option_half_spread = ratio("0.5");
    (policy.liquidation.fast, policy.liquidation.slow) = (SECOND, SECOND);
    let mut world = World::with(policy);
    let (alice, bob) = (world.open("alice", 1), world.rich("bob", 2, "1000000"));
    let backstop = world.rich("backstop", 3, "1000000");
    arrives(&mut world, alice, USDC, true, "2600");
    world.fill(PERPETUAL, "100000", 100, alice, bob).unwrap();
    world.govern(Command::SetBackstop { account: backstop, on: true }).unwrap();
    world.jump(FeedId::Index(BTC), "85000");
    liquidate(&mut world, alice).unwrap();
    world.pass(5 * SECOND);
    liquidate(&mut world, alice).unwrap();
    let lots = |world: &World, account: AccountId, instrument: InstrumentId| {
        world.state().account(account).unwrap().position(instrument).lots
    };
    assert_eq!((lots(&world, alice, PERPETUAL), lots(&world, backstop, PERPETUAL)), (0, 100));
    assert!(world.state().account(backstop).unwrap().balance(USDC, Some(BRIDGE)).amount > Quantity::ZERO);
    conserved(world.state());
    consistent(world.state());
}

/// I-73: an account that is recorded below maintenance has a case from the same moment on; it waits for the time to
/// cure, and no longer.
#[test]
fn who_is_below_maintenance_has_a_case_at_once() {
    let (mut world, alice, _) = alice_and_bob();
    world.jump(FeedId::Index(BTC), "85000");
    assert!(world.state().liquidations.cases.contains_key(&alice));
    let (mut world, alice, _) = alice_and_bob();
    world.prices.insert(FeedId::Index(BTC), price("85000"));
    world.pass(45 * SECOND);
    assert_eq!(told(&world, alice), Status::Liquidation);
    assert!(!world.state().liquidations.cases.contains_key(&alice), "it may be cured first");
    for _ in 0..60 {
        world.pass(SECOND);
    }
    assert!(world.state().liquidations.cases.contains_key(&alice));
}
