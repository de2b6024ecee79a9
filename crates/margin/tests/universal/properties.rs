//! P-1 to P-11 (P-12 is in `baskets`), and the identities that every assessment keeps, over generated accounts.

use std::collections::BTreeMap;

use margin::aggregate::expected_shortfall;
use margin::method::universal::{self, Universal};
use margin::risk_array::{self, RiskArray};
use margin::scenario::{Aggregation, Move, Scenario, ScenarioSet, VolMove};
use margin::{Assessment, Judge, ScenarioDocument, Status, status};
use model::{
    Account, AssetId, Balance, InstrumentId, InstrumentKind, Market, Payoff, Position, Right, Side, UnderlyingId,
};
use pricing::kernel::Isa;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use units::{Money, Quantity, Ratio};

use crate::generate::{self, PARAMS, World, assessed, config, price, quantity, world};

fn judge(market: &Market) -> Universal<'_> {
    universal::prepare(market, &PARAMS.rules, &ScenarioSet::default(), Isa::detect()).expect("a market to prepare")
}

fn core(judge: &Universal<'_>, account: &Account) -> f64 {
    judge.workings(account).expect("workings").core().1
}

/// The scale of rounding errors: the worst loss of each line alone, bought and sold.
fn gross(judge: &Universal<'_>, account: &Account) -> f64 {
    let lines = account.positions.iter().map(|position| Account { positions: vec![*position], ..Account::default() });
    let lines = lines.chain(
        account.balances.iter().map(|balance| Account { balances: vec![balance.clone()], ..Account::default() }),
    );
    let largest = |line: Account| {
        let notional: f64 = line.positions.iter().map(|position| notional(judge.market, position)).sum();
        judge
            .array
            .pnl(&judge.array.vector(&line).expect("a vector"))
            .iter()
            .fold(notional, |worst, pnl| worst.max(pnl.abs()))
    };
    lines.map(largest).sum()
}

fn notional(market: &Market, position: &Position) -> f64 {
    let listing = market.listing(position.instrument);
    let size = position.quantity.to_f64().abs() * listing.contract_size.to_f64();
    match (&listing.kind, listing.payoff) {
        (InstrumentKind::Option { strike, .. }, _) => {
            size * (strike.in_counter().to_f64() + market.index(listing.underlying).usd().to_f64())
        }
        (_, Payoff::Linear) => {
            size * (market.mark(listing.id).in_quote().to_f64() + position.entry.in_quote().to_f64())
        }
        (_, Payoff::Inverse) => {
            size * (1.0 + market.mark(listing.id).in_quote().to_f64() / position.entry.in_quote().to_f64())
        }
    }
}

fn sum(parts: impl IntoIterator<Item = Money>) -> Money {
    parts.into_iter().try_fold(Money::ZERO, Money::plus).expect("in range")
}

fn charge<'a>(answer: &'a Assessment, name: &str) -> &'a margin::Charge {
    answer.charges.iter().find(|charge| charge.charge == name).expect("a charge of that name")
}

/// Merges two accounts into one.
fn together(one: &Account, other: &Account) -> Account {
    let mut all = one.clone();
    all.positions.extend(&other.positions);
    for balance in &other.balances {
        match all.balances.iter_mut().find(|held| held.asset == balance.asset && held.location == balance.location) {
            Some(held) => held.amount = held.amount.plus(balance.amount).expect("in range"),
            None => all.balances.push(balance.clone()),
        }
    }
    all
}

fn two_accounts() -> impl Strategy<Value = (Market, Account, Account)> {
    generate::market().prop_flat_map(|market| {
        let (one, other) = (generate::account(&market, 6), generate::account(&market, 6));
        (Just(market), one, other)
    })
}

/// The generator reaches every corner it promises; otherwise the properties below would prove little.
#[test]
fn the_generated_accounts_reach_the_corners() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..400 {
        let World { market, account } = world().new_tree(&mut runner).expect("a world").current();
        let options: Vec<_> =
            account.positions.iter().filter(|position| market.listing(position.instrument).is_option()).collect();
        let any = |test: &dyn Fn(&Position, f64, f64, f64, f64) -> bool| {
            options.iter().any(|position| {
                let listing = market.listing(position.instrument);
                let InstrumentKind::Option { expiry, strike, .. } = &listing.kind else { unreachable!("an option") };
                let terms = market.expiry(listing.underlying, *expiry).expect("listed");
                let (seconds, moneyness) =
                    (expiry.seconds_since(market.time), strike.in_counter().to_f64() / terms.forward.usd().to_f64());
                test(
                    position,
                    seconds,
                    moneyness,
                    market.iv(listing.id).expect("given").to_f64(),
                    terms.forward_settled.usd().to_f64(),
                )
            })
        };
        let short = |position: &Position| position.quantity.is_negative();
        for (corner, reached) in [
            ("expires now", any(&|_, seconds, _, _, _| seconds == 0.0)),
            ("minutes left", any(&|_, seconds, _, _, _| seconds > 0.0 && seconds < 120.0)),
            (
                "in the window, nothing said",
                any(&|_, seconds, _, _, settled| seconds > 0.0 && seconds < 1800.0 && settled == 0.0),
            ),
            (
                "in the window, part settled",
                any(&|_, seconds, _, _, settled| seconds > 0.0 && seconds < 1800.0 && settled > 0.0),
            ),
            ("short gamma in the last day", any(&|position, seconds, _, _, _| short(position) && seconds <= 86_400.0)),
            ("far tail", any(&|_, _, moneyness, _, _| !(0.2..5.0).contains(&moneyness))),
            ("hardly any volatility", any(&|_, _, _, iv, _| iv < 0.01)),
            ("dust", account.positions.iter().any(|position| position.quantity.raw().abs() == 1)),
            ("all short", account.positions.len() > 2 && account.positions.iter().all(short)),
            (
                "coin collateral",
                account.balances.iter().any(|balance| market.assets[balance.asset.0].follows.is_some()),
            ),
            (
                "staked token",
                account.balances.iter().any(|balance| market.assets[balance.asset.0].name.starts_with("st")),
            ),
            ("debt", account.balances.iter().any(|balance| balance.amount.is_negative())),
            (
                "unlisted location",
                account.balances.iter().any(|balance| balance.location.as_deref() == Some("atlantis")),
            ),
            ("orders", account.orders.len() > 3),
            ("nothing", account.positions.is_empty() && account.balances.is_empty()),
            ("four underlyings", market.underlyings.len() >= 4),
            (
                "a basket",
                account.positions.iter().any(|held| market.is_basket(market.listing(held.instrument).underlying)),
            ),
        ] {
            *seen.entry(corner).or_default() += u32::from(reached);
        }
    }
    for (corner, times) in seen {
        assert!(times > 0, "no account of 400 reaches: {corner}");
    }
}

proptest! {
    #![proptest_config(config(200))]

    /// REQ-2, REQ-3, REQ-6, P-3, P-8: the printed numbers add up exactly.
    #[test]
    fn what_is_printed_adds_up(world in world()) {
        let answer = assessed(&world.account, &world.market);
        let charges = |of: fn(&margin::Charge) -> Money| sum(answer.charges.iter().map(of));
        prop_assert_eq!(answer.initial_margin, sum([answer.core.loss, charges(|charge| charge.initial)]));
        prop_assert_eq!(answer.maintenance_margin, sum([answer.core.loss, charges(|charge| charge.maintenance)]));
        prop_assert!(answer.initial_margin >= answer.maintenance_margin && answer.maintenance_margin >= Money::ZERO);
        for charge in &answer.charges {
            let adds = charge.initial >= Money::ZERO && charge.maintenance >= Money::ZERO;
            prop_assert!(adds || charge.charge == margin::BOUNDED, "{charge:?}");
        }
        let largest = answer.families.iter().map(|family| family.loss).max().expect("families");
        prop_assert_eq!(answer.core.loss, largest.max(Money::ZERO));
        let contributions = answer.positions.iter().map(|part| part.contribution).chain(answer.balances.iter().map(|part| part.contribution));
        if !(answer.positions.is_empty() && answer.balances.is_empty()) {
            prop_assert_eq!(sum(contributions), answer.core.loss);
        }
        let values = answer.positions.iter().map(|part| part.value).chain(answer.balances.iter().map(|part| part.value));
        prop_assert_eq!(sum(values), answer.equity);
        let alone = sum(answer.positions.iter().map(|part| part.standalone));
        prop_assert!(alone <= answer.standalone_margin);
        for (position, part) in world.account.positions.iter().zip(&answer.positions) {
            let only = Account { name: "only".to_owned(), positions: vec![*position], ..Account::default() };
            let required = assessed(&only, &world.market).maintenance_margin;
            prop_assert_eq!(part.standalone, required, "REQ-6: {} alone", part.instrument);
        }
        prop_assert_eq!(answer.offset, answer.standalone_margin.minus(answer.maintenance_margin).expect("in range"));
        prop_assert_eq!(answer.excess, Some(answer.equity.minus(answer.maintenance_margin).expect("in range")));
        prop_assert_eq!(answer.health.is_none(), answer.maintenance_margin == Money::ZERO);
        // Each balance has its own haircut, and the line is their sum.
        let held_back = sum(answer.balances.iter().map(|part| part.haircut)).minus(charge(&answer, "haircut").initial).expect("in range");
        prop_assert!(held_back.to_f64().abs() < 1e-11 * (1.0 + charge(&answer, "haircut").initial.to_f64()), "{held_back}");
        for part in &answer.balances {
            prop_assert!(part.haircut.to_f64() <= PARAMS.rules.haircut.cap * part.value.to_f64().max(0.0) * (1.0 + 1e-12) + 2e-12);
        }
    }

    /// P-8, before any rounding: the parts sum to the core, not only because a difference is hidden in one of them.
    #[test]
    fn contributions_sum_to_the_core(world in world()) {
        let judge = judge(&world.market);
        let workings = judge.workings(&world.account).expect("workings");
        let parts: f64 = workings.position_contributions.iter().chain(&workings.balance_contributions).sum();
        prop_assert!((parts - workings.core().1).abs() <= 1e-13 * gross(&judge, &world.account), "{parts} {}", workings.core().1);
    }

    /// P-1. Cash is USD in any amount, or a stablecoin while its total is below ten times the amount that sells within
    /// one per cent: beyond a hundred times that amount, the CHG-6 haircut on the last dollar added exceeds a dollar.
    #[test]
    fn adding_cash_never_lowers_excess(world in world(), usd in 0.0..4e8_f64, of in 0..3_usize, place in 0..3_usize) {
        let location = [None, Some("ethereum"), Some("atlantis")][place].map(str::to_owned);
        let cash = Balance { asset: AssetId(of), amount: quantity(usd), location };
        let richer = together(&world.account, &Account { balances: vec![cash], ..Account::default() });
        let excess = |account| assessed(account, &world.market).excess.expect("everything is known");
        let (before, after) = (excess(&world.account), excess(&richer));
        prop_assert!(after.to_f64() >= before.to_f64() - 1e-10 - 1e-14 * before.to_f64().abs(), "{before} {after}");
    }

    /// P-2.
    #[test]
    fn a_position_and_its_opposite_change_nothing_but_fees_and_spreads(world in world(), which in any::<prop::sample::Index>(), size in -1e4..1e4_f64) {
        let listed: Vec<InstrumentId> = (0..world.market.instruments.len()).map(InstrumentId).collect();
        let instrument = *which.get(&listed);
        let entry = price(world.market.mark(instrument).in_quote().to_f64() * 1.25);
        let size = quantity(size);
        let pair = [size, size.negated().expect("in range")].map(|quantity| Position { instrument, quantity, entry });
        let more = together(&world.account, &Account { positions: pair.to_vec(), ..Account::default() });
        let judge = judge(&world.market);
        let slack = 1e-12 * gross(&judge, &more) + 1e-11;
        let (before, after) = (assessed(&world.account, &world.market), assessed(&more, &world.market));
        let same = |one: Money, other: Money| (one.to_f64() - other.to_f64()).abs() <= slack;
        prop_assert!(same(before.equity, after.equity) && after.equity <= before.equity, "{} {}", before.equity, after.equity);
        prop_assert!(same(before.core.loss, after.core.loss));
        for (one, other) in before.charges.iter().zip(&after.charges) {
            // The largest loss is taken from lines with more fees, and there is none beside a perpetual.
            let varies = ["liquidity", "funding and fees", margin::BOUNDED].iter().any(|line| one.charge == *line);
            prop_assert!(varies || same(one.initial, other.initial), "{one:?} {other:?}");
        }
        for closing in ["liquidity", "funding and fees"] {
            let [before, after] = [&before, &after].map(|answer| charge(answer, closing).initial.to_f64());
            prop_assert!(after >= before - slack, "{closing}: {before} {after}");
        }
        prop_assert_eq!(before.greeks.len() <= after.greeks.len(), true);
    }

    /// P-4: the core, and every family of it, is sub-additive.
    #[test]
    fn splitting_an_account_never_lowers_the_sum((market, one, other) in two_accounts()) {
        let judge = judge(&market);
        let all = together(&one, &other);
        let slack = 1e-12 * gross(&judge, &all);
        let of = |account: &Account| judge.workings(account).expect("workings");
        let (one, other, all) = (of(&one), of(&other), of(&all));
        prop_assert!(all.core().1 <= one.core().1 + other.core().1 + slack);
        for ((all, one), other) in all.families.iter().zip(&one.families).zip(&other.families) {
            prop_assert!(all.loss <= one.loss.max(0.0) + other.loss.max(0.0) + slack, "{all:?} {one:?} {other:?}");
        }
    }

    /// P-13, REQ-7: whoever holds options and coins and owes nothing is healthy.
    #[test]
    fn a_buyer_who_owes_nothing_is_healthy(world in world()) {
        let World { market, mut account } = world;
        account.orders.clear();
        account.positions.retain(|held| market.listing(held.instrument).expiry().is_some_and(|expiry| expiry > market.time));
        account.positions.retain(|held| market.listing(held.instrument).is_option());
        for held in &mut account.positions {
            held.quantity = Quantity::from_raw(held.quantity.raw().abs());
        }
        for balance in &mut account.balances {
            balance.amount = Quantity::from_raw(balance.amount.raw().abs());
        }
        let scaled = |held: &Position| market.underlyings[market.listing(held.instrument).underlying.0].scale.is_some();
        if account.positions.is_empty() || account.positions.iter().any(scaled) {
            return Ok(());
        }
        let answer = assessed(&account, &market);
        let pays_elsewhere = account.positions.iter().any(|held| {
            let listing = market.listing(held.instrument);
            listing.payoff == Payoff::Linear && market.assets[listing.settle.0].follows.is_some()
        });
        let healthy = answer.status == margin::Standing::Known(Status::Healthy);
        prop_assert!(pays_elsewhere || healthy, "{} of {}", answer.equity, answer.initial_margin);
    }

    /// P-4, P-13: two accounts together are asked no more than the sum of their lines, whatever bounds either of them.
    #[test]
    fn together_no_more_is_asked_than_the_lines_of_both((market, one, other) in two_accounts()) {
        let judge = judge(&market);
        let all = together(&one, &other);
        let lines = |account: &Account| {
            let workings = judge.workings(account).expect("workings");
            workings.core().1 + workings.charges.iter().map(|line| line.maintenance).sum::<f64>()
        };
        let growing = |account: &Account| {
            let workings = judge.workings(account).expect("workings");
            let of = |name: &str| workings.charges.iter().find(|line| line.charge == name).expect("a line").maintenance;
            of("liquidity") + of("borrow") + of("haircut")
        };
        // The three charges whose rates rise with the size may be more together (CELL-11).
        let rises = (growing(&all) - growing(&one) - growing(&other)).max(0.0);
        let asked = judge.maintenance(&all).expect("a margin").to_f64();
        let slack = 1e-12 * gross(&judge, &all) + 1e-10;
        prop_assert!(asked <= lines(&one) + lines(&other) + rises + slack, "{asked}");
    }

    /// REQ-3: the margins without explanations equal the sums of the workings' lines, to the last digit.
    #[test]
    fn margins_are_the_sums_of_their_lines(world in world()) {
        let judge = judge(&world.market);
        let margins = judge.margins(&world.account).expect("margins");
        let (_, charges, initial, maintenance) =
            judge.workings(&world.account).expect("workings").requirement().expect("in range");
        let closing = charges.iter().filter(|charge| ["liquidity", "funding and fees"].contains(&charge.charge.as_str()));
        let closing = closing.fold(Money::ZERO, |sum, charge| sum.plus(charge.maintenance).expect("in range"));
        let closing = closing.min(maintenance);
        prop_assert_eq!((margins.initial, margins.maintenance, margins.closing), (initial, maintenance, closing));
        prop_assert_eq!(judge.maintenance(&world.account).expect("a margin"), maintenance);
    }

    /// P-5: bit for bit, because doubling causes no rounding.
    #[test]
    fn twice_the_account_is_twice_the_core(world in world()) {
        let judge = judge(&world.market);
        let double = |quantity: Quantity| quantity.plus(quantity).expect("in range");
        let mut twice = world.account.clone();
        twice.positions.iter_mut().for_each(|position| position.quantity = double(position.quantity));
        twice.balances.iter_mut().for_each(|balance| balance.amount = double(balance.amount));
        twice.orders.iter_mut().for_each(|order| order.quantity = double(order.quantity));
        prop_assert_eq!(core(&judge, &twice), 2.0 * core(&judge, &world.account));
    }

    /// P-11: a coin and a short inverse perpetual of the same size, marked anywhere near the index.
    #[test]
    fn a_coin_and_its_short_inverse_perpetual_move_only_with_the_basis(index in 1.0..1e5_f64, premium in -0.02..0.02_f64, contracts in 1.0..1e6_f64) {
        let market = one_coin(index, premium);
        let entry = market.mark(InstrumentId(1));
        let mark = entry.in_quote().to_f64();
        let short = Position { instrument: InstrumentId(1), quantity: quantity(-contracts), entry };
        let (asset, amount) = (market.asset("BTC").expect("listed"), quantity(10.0 * contracts / mark));
        let coins = Balance { asset, amount, location: None };
        let account = Account { positions: vec![short], balances: vec![coins], ..Account::default() };
        let judge = judge(&market);
        let pnl = judge.array.pnl(&judge.array.vector(&account).expect("a vector"));
        // The coins gain N/m·P·s, the short −N·(f − 1)/(m·f)·P·(1 + s) with f = (1 + s)(1 + b): together −N·P/m·b/(1 + b).
        let worth = 10.0 * contracts / mark * market.index(UnderlyingId(0)).usd().to_f64();
        for (pnl, scenario) in pnl.iter().zip(&judge.array.set.scenarios) {
            let basis = scenario.moves[0].basis;
            let expected = -scenario.weight * worth * basis / (1.0 + basis);
            prop_assert!((pnl - expected).abs() <= 1e-12 * worth, "{}: {pnl} {expected}", scenario.name);
        }
    }
}

/// BTC with its linear (0) and inverse (1) perpetual.
fn one_coin(index: f64, premium: f64) -> Market {
    let mut document = generate::empty_market();
    document.assets.extend([generate::asset("USDC", 0.9999, None), generate::asset("BTC", index, None)]);
    document.underlyings.push(generate::underlying("BTC", index));
    for payoff in [Payoff::Linear, Payoff::Inverse] {
        document.instruments.push(generate::perpetual(&format!("{payoff:?}"), "BTC", payoff, index * (1.0 + premium)));
    }
    Market::new(&document).expect("valid")
}

proptest! {
    #![proptest_config(config(60))]

    /// P-10: the answer as text, from every instruction set and from several threads at once.
    #[test]
    fn the_same_answer_everywhere(world in world()) {
        let World { market, account } = &world;
        let text = |isa: Isa| {
            let judge = universal::prepare(market, &PARAMS.rules, &ScenarioSet::default(), isa).expect("a market to prepare");
            serde_json::to_string(&margin::assess(account, &judge).expect("an account to assess")).expect("JSON")
        };
        let reference = text(Isa::BASELINE);
        for isa in Isa::available() {
            prop_assert_eq!(&text(isa), &reference, "{}", isa);
        }
        let threads = std::thread::scope(|scope| {
            let started: Vec<_> = (0..3).map(|_| scope.spawn(|| text(Isa::detect()))).collect();
            started.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
        });
        prop_assert!(threads.iter().all(|text| *text == reference));
    }

    /// REQ-4: every subset of up to eight orders is filled, as positions at the limit, with the premium paid out of the
    /// balance. The change of the account's value in each scenario, at its worst, equals the amount that the rule requires.
    #[test]
    fn orders_add_the_worst_of_every_subset(world in world()) {
        let judge = judge(&world.market);
        let bare = Account { orders: Vec::new(), ..world.account.clone() };
        let before = judge.array.pnl(&judge.array.vector(&bare).expect("a vector"));
        let weights: Vec<f64> = judge.array.set.scenarios.iter().map(|scenario| scenario.weight).collect();
        let mut worst = before;
        for subset in 1..1_usize << world.account.orders.len() {
            let chosen = world.account.orders.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1);
            let (filled, gained) = chosen.fold((bare.clone(), 0.0), |(mut account, mut gained), (_, order)| {
                gained += fill(&mut account, order, &world.market);
                (account, gained)
            });
            let pnl = judge.array.pnl(&judge.array.vector(&filled).expect("a vector"));
            for ((worst, pnl), weight) in worst.iter_mut().zip(pnl).zip(&weights) {
                *worst = worst.min(pnl + gained * weight);
            }
        }
        let core = core(&judge, &bare);
        let expected = judge.array.set.families.iter().map(|family| family.loss(&worst).loss).fold(0.0, f64::max) - core;
        let orders = charge(&assessed(&world.account, &world.market), "orders").initial.to_f64();
        let ordered = world.account.orders.iter().map(|order| Position { instrument: order.instrument, quantity: order.quantity, entry: order.limit });
        let slack = 1e-12 * (gross(&judge, &bare) + ordered.map(|order| notional(&world.market, &order)).sum::<f64>()) + 1e-11;
        prop_assert!((orders - expected).abs() <= slack, "{orders} {expected}");
    }

    /// A fill on a cached vector gives the same bits as building the vector again, for whole quantities or not, because
    /// both add row by row in the same order. In any other order the results are the same up to rounding.
    #[test]
    fn a_fill_is_the_vector_built_again(world in world(), whole in any::<bool>()) {
        let judge = judge(&world.market);
        let mut account = Account { orders: Vec::new(), ..world.account.clone() };
        if whole {
            account.positions.iter_mut().for_each(|position| position.quantity = Quantity::from_raw(Quantity::ONE.raw() * 4));
        }
        let bits = |pnl: &[f64]| pnl.iter().map(|pnl| pnl.to_bits()).collect::<Vec<_>>();
        let built = judge.array.pnl(&judge.array.vector(&account).expect("a vector"));
        let mut vector = judge.array.vector(&Account { positions: Vec::new(), ..account.clone() }).expect("a vector");
        for position in &account.positions {
            let (quantity, entry) = (position.quantity.to_f64(), position.entry.in_quote().to_f64());
            judge.array.add_fill(&mut vector, position.instrument, quantity, entry).expect("a fill");
        }
        prop_assert_eq!(bits(&judge.array.pnl(&vector)), bits(&built));
        let slack = 1e-12 * gross(&judge, &account);
        account.positions.reverse();
        let backwards = judge.array.pnl(&judge.array.vector(&account).expect("a vector"));
        if account.positions.len() < 2 {
            prop_assert_eq!(bits(&backwards), bits(&built));
        }
        for (one, other) in backwards.iter().zip(&built) {
            prop_assert!((one - other).abs() <= slack, "{one} {other}");
        }
    }

    /// CHG-2: a position is charged on the slope of its profit in a move of the basis alone, settled parts included.
    #[test]
    fn the_basis_charge_is_taken_on_what_a_basis_move_costs(world in world()) {
        let World { market, account } = &world;
        let h = 1e-4;
        for position in &account.positions {
            let listing = market.listing(position.instrument);
            let years = listing.expiry().map_or(0.0, |expiry| expiry.years_since(market.time));
            let smooth = !listing.is_option() || years * 365.0 > 5.0 && market.iv(listing.id).is_some_and(|iv| iv.to_f64() > 0.2);
            // A basket has no basis of its own in a scenario, and a price that may be negative has a size beside.
            let UnderlyingId(place) = listing.underlying;
            if !smooth || market.is_basket(listing.underlying) || market.underlyings[place].scale.is_some() {
                continue;
            }
            let held = Position { entry: market.mark(listing.id), ..*position };
            let alone = Account { positions: vec![held], ..Account::default() };
            let moved = |basis: f64| {
                let mut scenario = Scenario::still("moved", market);
                scenario.moves[place] = Move { basis, ..Move::NONE };
                scenario
            };
            let array = array(market, [moved(-h), moved(h)]);
            let pnl = array.pnl(&array.vector(&alone).expect("a vector"));
            let slope = ((pnl[1] - pnl[0]) / (2.0 * h)).abs();
            let rules = &PARAMS.rules.basis;
            let name = &market.underlyings[place].name;
            let between = if listing.venue.is_some() { rules.venue.get(name) } else { 0.0 };
            let expected = slope * rules.floor.max(rules.least.get(name)).max(between).max(libm::exp(rules.rate * years) - 1.0);
            let found = charge(&assessed(&alone, market), "basis").initial.to_f64();
            let slack = 1e-5 * gross(&judge(market), &alone) + 1e-11;
            prop_assert!((found - expected).abs() <= slack, "{listing:?}: charged {found}, the slope says {expected}");
        }
    }

    /// The printed delta and gamma are the slopes of the profits that scenarios show, settled parts included.
    #[test]
    fn greeks_are_the_slopes_of_scenario_profit(world in world()) {
        let World { market, account } = &world;
        // A basket does not move alone in a scenario.
        prop_assume!(market.baskets().next().is_none());
        let calm = |position: &Position| {
            let listing = market.listing(position.instrument);
            let smooth = match &listing.kind {
                InstrumentKind::Option { expiry, .. } => expiry.days_since(market.time) > 5.0 && market.iv(listing.id).is_some_and(|iv| iv.to_f64() > 0.2),
                _ => true,
            };
            smooth.then_some(Position { entry: market.mark(listing.id), ..*position })
        };
        let account = Account { positions: account.positions.iter().filter_map(calm).collect(), orders: Vec::new(), ..account.clone() };
        let h = 1e-4;
        for (place, underlying) in market.underlyings.iter().enumerate() {
            let moved = |price: f64| {
                let mut scenario = Scenario::still("moved", market);
                scenario.moves[place] = Move { price, ..Move::NONE };
                scenario
            };
            let array = array(market, [moved(-h), moved(h)]);
            let pnl = array.pnl(&array.vector(&account).expect("a vector"));
            let greeks = margin::greeks::of_account(&account, market, 1800.0).expect("greeks");
            let Some(greeks) = greeks.iter().find(|greeks| greeks.underlying == underlying.name) else { continue };
            let judge = judge(market);
            let scale = gross(&judge, &account);
            let delta = (pnl[1] - pnl[0]) / (2.0 * h);
            prop_assert!((delta - greeks.delta_usd).abs() <= 1e-5 * scale, "delta {delta} {}", greeks.delta_usd);
            let gamma = (pnl[1] + pnl[0]) / (h * h) / 100.0;
            prop_assert!((gamma - greeks.gamma_1pct_usd).abs() <= 1e-5 * scale, "gamma {gamma} {}", greeks.gamma_1pct_usd);
        }
    }
}

/// Fills an order at its limit: adds a position, and for an option takes the premium out of the balance. Returns the
/// immediate profit.
fn fill(account: &mut Account, order: &model::Order, market: &Market) -> f64 {
    let listing = market.listing(order.instrument);
    let quantity = if order.side == Side::Buy { order.quantity } else { order.quantity.negated().expect("in range") };
    account.positions.push(Position { instrument: order.instrument, quantity, entry: order.limit });
    let (size, limit, mark) = (
        quantity.to_f64() * listing.contract_size.to_f64(),
        order.limit.in_quote().to_f64(),
        market.mark(listing.id).in_quote().to_f64(),
    );
    let settle = market.price(listing.settle).usd().to_f64();
    if listing.is_option() {
        let paid = generate::quantity(-size * limit);
        account.balances.push(Balance { asset: listing.settle, amount: paid, location: None });
        return size * (mark - limit) * market.price(listing.settle).usd().to_f64();
    }
    match listing.payoff {
        Payoff::Linear => size * (mark - limit) * settle,
        Payoff::Inverse => size * (1.0 / limit - 1.0 / mark) * settle,
    }
}

/// A market under given scenarios.
fn array(market: &Market, scenarios: impl IntoIterator<Item = Scenario>) -> RiskArray {
    let mut set = ScenarioSet::default();
    set.add("ours", Aggregation::Worst, scenarios);
    risk_array::prepare(market, set, &PARAMS.rules.vol_rules(), 1800.0, Isa::detect()).expect("a market to prepare")
}

/// REQ-5, each status at its exact threshold.
#[test]
fn the_bands_of_health_begin_where_the_rule_says() {
    let money = |text: &str| -> Money { text.parse().expect("money") };
    let warn: Ratio = "1.1".parse().expect("a ratio");
    for (equity, initial, maintenance, expected) in [
        ("-0.000000000000000001", "0", "0", Status::Bankrupt),
        ("0", "0", "0", Status::Healthy),
        ("0", "130", "100", Status::Liquidation),
        ("99.999999999999999999", "130", "100", Status::Liquidation),
        ("100", "130", "100", Status::Warning),
        ("109.999999999999999999", "130", "100", Status::Warning),
        ("110", "130", "100", Status::Restricted),
        ("129.999999999999999999", "130", "100", Status::Restricted),
        ("130", "130", "100", Status::Healthy),
        // Whoever holds the initial margin is not warned.
        ("105", "101", "100", Status::Healthy),
    ] {
        assert_eq!(status(money(equity), money(initial), money(maintenance), warn), Ok(expected), "{equity}");
    }
}

proptest! {
    #![proptest_config(config(500))]

    /// FAM-4, FAM-5: the expected shortfall is coherent (monotone, homogeneous, sub-additive, and cash reduces it in
    /// full), and lies between the mean and the worst.
    #[test]
    fn the_expected_shortfall_is_coherent(pairs in vec((-1e3..1e3_f64, -1e3..1e3_f64), 1..200), level in 0.5..0.999_f64) {
        let (one, other): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let both: Vec<f64> = one.iter().zip(&other).map(|(one, other)| one + other).collect();
        let shortfall = |pnls: &[f64]| expected_shortfall(pnls, level).0;
        let slack = 1e-9;
        prop_assert!(shortfall(&both) <= shortfall(&one) + shortfall(&other) + slack);
        let worse: Vec<f64> = one.iter().zip(&other).map(|(one, other)| one - other.abs()).collect();
        prop_assert!(shortfall(&worse) >= shortfall(&one) - slack);
        let twice: Vec<f64> = one.iter().map(|pnl| 2.0 * pnl).collect();
        prop_assert_eq!(shortfall(&twice), 2.0 * shortfall(&one));
        let richer: Vec<f64> = one.iter().map(|pnl| pnl + 100.0).collect();
        prop_assert!((shortfall(&richer) - shortfall(&one) + 100.0).abs() <= slack);
        let least = one.iter().copied().fold(f64::INFINITY, f64::min);
        let count = f64::from(u32::try_from(one.len()).expect("few"));
        prop_assert!(shortfall(&one) <= slack - least && shortfall(&one) >= -one.iter().sum::<f64>() / count - slack);
    }

    /// P-9: with correlation one, FAM-5 of a long-only delta-one account is the sum of its positions' own.
    #[test]
    fn correlation_one_adds_up(factors in vec(-0.4..0.4_f64, 3..60), sizes in (0.01..100.0_f64, 0.01..1000.0_f64, 0.01..10.0_f64)) {
        let (market, document) = comonotone(&factors);
        let set = document.scenarios_for(&market).expect("the market's underlyings");
        let judge = universal::prepare(&market, &PARAMS.rules, &set, Isa::detect()).expect("a market to prepare");
        let entry = |id: usize| market.mark(InstrumentId(id));
        let position = |id: usize, size: f64| Position { instrument: InstrumentId(id), quantity: quantity(size), entry: entry(id) };
        let coin = Balance { asset: market.asset("BTC").expect("listed"), amount: quantity(sizes.2), location: None };
        let parts = [
            Account { positions: vec![position(0, sizes.0)], ..Account::default() },
            Account { positions: vec![position(1, sizes.1)], ..Account::default() },
            Account { balances: vec![coin], ..Account::default() },
        ];
        let simulated = |account: &Account| {
            let workings = judge.workings(account).expect("workings");
            workings.families.iter().find(|line| line.family == "simulated").expect("the family of the document").loss
        };
        let whole = parts.iter().fold(Account::default(), |all, part| together(&all, part));
        let apart: f64 = parts.iter().map(simulated).sum();
        prop_assert!((simulated(&whole) - apart).abs() <= 1e-12 * apart.abs().max(1.0) * 100.0, "{} {apart}", simulated(&whole));
    }
}

/// FAM-5: one BTC at 80,000 dollars loses 40 % in the worst of ten days, 32,000 USDC, multiplied by the weight of the
/// family. Where that is the largest loss, it is the core.
#[test]
fn a_document_joins_the_maximum_by_its_weight() {
    let (market, mut document) = comonotone(&[-0.4, 0.1, -0.2, 0.3, -0.1, 0.0, 0.2, 0.1, -0.3, 0.05]);
    let mark = market.mark(InstrumentId(0));
    let long = Account {
        positions: vec![Position { instrument: InstrumentId(0), quantity: Quantity::ONE, entry: mark }],
        ..Account::default()
    };
    let dollar = market.price(market.asset("USDC").expect("listed")).usd().to_f64();
    for (weight, expected) in [(None, 32_000.0 * dollar), (Some("0.1"), 3200.0 * dollar)] {
        document.families[0].weight = weight.map(|weight| weight.parse().expect("a ratio"));
        let set = document.scenarios_for(&market).expect("the market's underlyings");
        let judge = universal::prepare(&market, &PARAMS.rules, &set, Isa::detect()).expect("a market to prepare");
        let workings = judge.workings(&long).expect("workings");
        let simulated = workings.families.iter().find(|line| line.family == "simulated").expect("the family").loss;
        assert!((simulated - expected).abs() < 1e-6, "{simulated} against {expected}");
        assert_eq!(workings.core().1 == simulated, weight.is_none(), "the largest family is the core");
    }
}

/// BTC and ETH with a perpetual each, and a scenario document that moves ETH by one and a half times BTC, always.
fn comonotone(factors: &[f64]) -> (Market, ScenarioDocument) {
    let mut document = generate::empty_market();
    document.assets.extend([generate::asset("USDC", 0.9999, None), generate::asset("BTC", 80_000.0, None)]);
    for (name, index) in [("BTC", 80_000.0), ("ETH", 3000.0)] {
        document.underlyings.push(generate::underlying(name, index));
        document.instruments.push(generate::perpetual(name, name, Payoff::Linear, index));
    }
    let scenarios = factors.iter().enumerate().map(|(number, factor)| margin::MoveDocument {
        name: format!("s-{number}"),
        price: vec![generate::ratio(*factor), generate::ratio(1.5 * factor)],
        vol: vec![Ratio::ZERO; 2],
        residual: None,
    });
    let family = margin::FamilyDocument {
        family: "simulated".to_owned(),
        aggregation: margin::AggregationDocument::ExpectedShortfall,
        level: Some("0.9".parse().expect("a ratio")),
        weight: None,
        scenarios: scenarios.collect(),
    };
    let scenarios = ScenarioDocument {
        format: margin::SCENARIOS_FORMAT.to_owned(),
        name: "correlation one".to_owned(),
        about: "ETH always moves by one and a half times BTC".to_owned(),
        underlyings: vec!["BTC".to_owned(), "ETH".to_owned()],
        assets: Vec::new(),
        families: vec![family],
        hash: None,
    };
    (Market::new(&document).expect("valid"), scenarios)
}

/// The market for P-6 and P-7: BTC at 80,000, calls (even) and puts (odd) at these strikes, one expiry; last, a perpetual.
fn strip(days: f64, iv: f64, strikes: &[f64]) -> Market {
    let mut document = generate::empty_market();
    document.assets.push(generate::asset("USDC", 1.0, None));
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a few million seconds")]
    let terms = generate::expiry((days * 86_400.0) as i64, 80_000.0, 0.0, None);
    for strike in strikes {
        for right in [Right::Call, Right::Put] {
            let contract = (*strike, right, Payoff::Linear);
            document.instruments.push(generate::option(
                &format!("{strike}-{right:?}"),
                "BTC",
                &terms,
                contract,
                (iv, 0.0),
            ));
        }
    }
    document.instruments.push(generate::perpetual("PERP", "BTC", Payoff::Linear, 80_000.0));
    document
        .underlyings
        .push(model::UnderlyingDocument { expiries: vec![terms], ..generate::underlying("BTC", 80_000.0) });
    Market::new(&document).expect("valid")
}

fn holding(market: &Market, lines: &[(usize, f64)]) -> Account {
    let position = |(id, size): &(usize, f64)| Position {
        instrument: InstrumentId(*id),
        quantity: quantity(*size),
        entry: market.mark(InstrumentId(*id)),
    };
    Account { name: "held".to_owned(), positions: lines.iter().map(position).collect(), ..Account::default() }
}

/// P-6, in the range in which it holds: at the money or in it, from a week to ninety days, for volatilities from 30 % to 100 %.
///
/// Elsewhere it cannot hold. A long call out of the money can lose no more than its small premium, and any hedge that
/// can lose anything exceeds that (at 7 days and 60 %, a strike 10 % above the forward has a ratio of cores of 1.28).
/// In the last days a day that passes takes most of what a call at the money is worth, hedged or not. From about 180 days CHG-2
/// takes `exp(0.075·T) − 1` of the call's delta besides the 1 % of the perpetual's, which is more than the scan gives back.
#[test]
fn a_call_and_its_hedge_cost_less_than_either() {
    let strikes: Vec<f64> = (0..9).map(|step| 80_000.0 * (0.6 + 0.05 * f64::from(step))).collect();
    for days in [7.0, 14.0, 30.0, 60.0, 90.0] {
        for iv in [0.3, 0.6, 1.0] {
            let market = strip(days, iv, &strikes);
            let judge = judge(&market);
            // What the lines add up to: the premium bounds what the call alone is asked (REQ-7).
            let margin = |lines: &[(usize, f64)]| {
                let answer = margin::assess(&holding(&market, lines), &judge).expect("an answer");
                let lines = answer.charges.iter().filter(|line| line.charge != margin::BOUNDED);
                sum(lines.map(|line| line.maintenance).chain([answer.core.loss]))
            };
            for place in 0..strikes.len() {
                let delta =
                    margin::greeks::of_contract(InstrumentId(2 * place), &market, 1800.0).expect("greeks").delta;
                let (call, hedge) = ((2 * place, 10.0), (2 * strikes.len(), -10.0 * delta));
                let (both, call, hedge) = (margin(&[call, hedge]), margin(&[call]), margin(&[hedge]));
                assert!(both < call && both < hedge, "{days} days, {iv}, {}: {both} {call} {hedge}", strikes[place]);
            }
        }
    }
}

/// Moves inside the scan range that are not on its grid: every underlying by the same part of its range, volatility
/// anywhere between down and up, at once, within half of the period and at its end.
fn off_grid(market: &Market, parts: u32) -> RiskArray {
    let scan = &PARAMS.rules.scan;
    let mut scenarios = Vec::new();
    for step in 0..=parts {
        let part = 2.0 * f64::from(step) / f64::from(parts) - 1.0;
        for vol in [scan.vol_up, 0.5 * scan.vol_up, 0.2 * scan.vol_up, 0.0, -0.5 * scan.vol_down, -scan.vol_down] {
            for passed in [0.0, 0.5, 1.0] {
                let mut scenario = Scenario::still("off grid", market);
                let (vol, years) = (VolMove::Level(vol), passed * scan.days / 365.0);
                for (shift, underlying) in scenario.moves.iter_mut().zip(&market.underlyings) {
                    *shift = Move { price: part * scan.range(&underlying.name), vol, years, ..Move::NONE };
                }
                scenarios.push(scenario);
            }
        }
    }
    array(market, scenarios)
}

/// The loss of an account off the grid beyond its core, as a part of the gross scan loss: the sum over its lines of the
/// worst loss of each alone in the scan.
fn beyond_the_grid(judge: &Universal<'_>, dense: &RiskArray, account: &Account) -> f64 {
    let worst = |pnls: &[f64]| pnls.iter().fold(0.0_f64, |worst, pnl| worst.max(-pnl));
    let lines = account.positions.iter().map(|position| Account { positions: vec![*position], ..Account::default() });
    let lines = lines.chain(
        account.balances.iter().map(|balance| Account { balances: vec![balance.clone()], ..Account::default() }),
    );
    let scan = judge.array.set.families[0].range();
    let alone = |line: Account| worst(&judge.array.pnl(&judge.array.vector(&line).expect("a vector"))[scan.clone()]);
    let gross: f64 = lines.map(alone).sum();
    let lost = worst(&dense.pnl(&dense.vector(account).expect("a vector")));
    if gross > 0.0 { (lost - core(judge, account)) / gross } else { 0.0 }
}

/// The worst ratio spread `1 × −n` or butterfly of one strip, whose strikes are so many to half the range, found by trying
/// all of them.
fn worst_spread(days: f64, iv: f64, cut: f64) -> (f64, String) {
    let range = PARAMS.rules.scan.range("BTC");
    let strikes: Vec<f64> = (-24..=24).map(|step| 80_000.0 * (1.0 + range * f64::from(step) / cut)).collect();
    let market = strip(days, iv, &strikes);
    let (judge, dense) = (judge(&market), off_grid(&market, 192));
    let rows = |array: &RiskArray| -> Vec<Vec<f64>> {
        (0..2 * strikes.len())
            .map(|id| array.pnl(&array.vector(&holding(&market, &[(id, 1.0)])).expect("a vector")))
            .collect()
    };
    let (on, off) = (rows(&judge.array), rows(&dense));
    let scan = judge.array.set.families[0].range();
    let loss = |pnls: &[f64]| pnls.iter().fold(0.0_f64, |worst, pnl| worst.max(-pnl));
    let bought: Vec<f64> = on.iter().map(|row| loss(&row[scan.clone()])).collect();
    let sold: Vec<f64> =
        on.iter().map(|row| row[scan.clone()].iter().fold(0.0, |worst, pnl| f64::max(worst, *pnl))).collect();
    let mut worst = (0.0, String::new());
    for right in 0..2 {
        for short in 0..strikes.len() {
            for long in 0..strikes.len() {
                for ratio in [0.5, 1.0, 2.0, 4.0, 8.0, 24.0] {
                    for wing in [None, Some(2 * long)] {
                        let (first, second) = (2 * short + right, 2 * long + right);
                        let third = wing
                            .and_then(|twice| twice.checked_sub(short))
                            .filter(|third| *third < strikes.len() && *third != short);
                        if wing.is_some() && third.is_none() {
                            continue;
                        }
                        let third = third.map(|third| 2 * third + right);
                        let sum = |rows: &[Vec<f64>]| -> Vec<f64> {
                            (0..rows[0].len())
                                .map(|at| {
                                    ratio * rows[second][at]
                                        - rows[first][at]
                                        - third.map_or(0.0, |third| rows[third][at])
                                })
                                .collect()
                        };
                        let pnl = sum(&on);
                        let core =
                            judge.array.set.families.iter().map(|family| family.loss(&pnl).loss).fold(0.0, f64::max);
                        let gross = sold[first] + ratio * bought[second] + third.map_or(0.0, |third| sold[third]);
                        let beyond = (loss(&sum(&off)) - core) / gross;
                        if beyond > worst.0 {
                            worst = (
                                beyond,
                                format!(
                                    "short {} long {ratio} × {} {third:?} right {right}",
                                    strikes[short], strikes[long]
                                ),
                            );
                        }
                    }
                }
            }
        }
    }
    worst
}

/// P-7: the published tolerance, as a part of the gross scan loss, by `s = σ√T` of the nearest options relative to the
/// range `R` of their underlying.
///
/// | nearest options | tolerance |
/// |---|---|
/// | none, or `s ≥ R` (BTC: 14 days at 60 %) | 0.15 % |
/// | `s ≥ R/2` | 1.5 % |
/// | `s ≥ R/4` | 4 % |
/// | less: hours left | 14.5 %; no bound but 100 % is known |
///
/// Measured by trying, on 49 strikes across the range, twice, every ratio spread `−1 × n` and butterfly of calls or puts,
/// against 193 steps of the index, six of volatility and three of the time that passes. The worst cases all have the same form: a short option on one
/// step of the grid, covered at the next step by many cheap options bought just before it, with nothing between the two
/// steps. With quarters of the range alone, without the finer moves of FAM-2, they were 1.3, 9, 28 and 77 %. The test bounds each row from both sides, so that the table stays equal to the measurement.
#[test]
fn off_the_grid_no_spread_loses_more_than_published() {
    let mut wrong = Vec::new();
    for (days, iv, tolerance) in
        [(0.05, 0.3, 0.145), (3.0, 0.3, 0.04), (3.0, 0.6, 0.0145), (14.0, 0.6, 0.0015), (90.0, 0.6, 0.00011)]
    {
        // Strikes at the moves of the scan, and off them: a kink at one of those hides nothing.
        let [on, off] = [24.0, 24.7].map(|cut| worst_spread(days, iv, cut));
        let (beyond, spread) = if on.0 > off.0 { on } else { off };
        if beyond > tolerance || beyond <= 0.8 * tolerance {
            wrong.push(format!("{days} days at {iv}: {beyond}, published {tolerance}, by {spread}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// P-7: ordinary accounts stay far below the worst spreads (a fixed sample: its worst is a measurement too).
#[test]
fn off_the_grid_no_generated_account_loses_more_than_published() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..500 {
        let world = world().new_tree(&mut runner).expect("a world").current();
        let World { market, account } = &world;
        let beyond = beyond_the_grid(&judge(market), &off_grid(market, 40), account);
        let plain = account.positions.iter().all(|position| !market.listing(position.instrument).is_option());
        assert!(beyond <= if plain { 0.013 } else { 0.15 }, "{beyond}: {world:?}");
    }
}
