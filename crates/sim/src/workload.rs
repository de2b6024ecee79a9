//! The commands that are sent to the engine: every kind, plausible and implausible, also to reach states that chance
//! alone would not reach.

use dice::Dice;
use engine::state::{Change, Mode, Pot, State};
use engine::{AccountId, Command, Envelope, FeedId, LocationId, OrderId, Party, Principal, Status};
use model::{AssetId, CounterPrice, InstrumentId, InstrumentKind, Payoff, Side, UnderlyingId};
use operator::{Batch, Duty, Ordered, Taken, Trade};
use units::{Money, Price, Quantity, Ratio, Round};

use crate::faults::{Struck, reports, transported};
use crate::scene;
use crate::swarm::{Action, Corner};
use crate::world::{ONE, SECOND, World};

/// The commands of one tick, in the order in which they arrive.
pub fn tick(world: &mut World, state: &State, number: u64, struck: &mut Struck) -> Vec<Envelope> {
    let mut batch = world.batch(state);
    reports(world, state, struck, &mut batch);
    if number.is_multiple_of(2) && (!world.faulty || world.dice.chance(900)) {
        surface(world, state, &mut batch);
    }
    batch.duty(Duty::Tick);
    batch.watch();
    if number < 2 {
        endowment(world, state, number, &mut batch);
    }
    let mut made = batch.done();
    if number >= 2 {
        // Nobody knows of the actions of the others: two that choose the same number collide.
        let actions = world.dice.below(world.swarm.busy) + 1;
        for _ in 0..actions {
            made.extend(action(world, state));
        }
        made.extend(world.written(state, Batch::watch));
    }
    let arrived = transported(world, made, struck);
    let kept = arrived.iter().filter(|envelope| !matches!(envelope.command, Command::Report { .. })).take(3).cloned();
    world.sent.extend(kept);
    let surplus = world.sent.len().saturating_sub(60);
    world.sent.drain(..surplus);
    arrived
}

/// Writes the first deposits of accounts and funds.
fn endowment(world: &mut World, state: &State, number: u64, batch: &mut Batch) {
    for account in accounts(state) {
        let dollars = if account.0 < 2 {
            60_000_000
        } else {
            i128::from(world.dice.pick(&[500_i64, 20_000, 400_000, 3_000_000]))
        };
        let dollars = if world.swarm.seeks(Corner::Depeg) && account.0 >= 2 { dollars / 100 + 2 } else { dollars };
        let amount = Quantity::from_raw(dollars / 2 * ONE);
        batch.deposit(account, AssetId(0), None, amount);
    }
    for fund in [Pot::SharedFund, Pot::MarketFund(UnderlyingId(0))] {
        let amount = Quantity::from_raw(if world.swarm.seeks(Corner::PoorFunds) { 300 } else { 200_000 } * ONE);
        batch.fund(fund, AssetId(0), amount);
    }
    if number == 1 {
        world.now += 20 * 60 * SECOND;
    }
}

fn accounts(state: &State) -> impl Iterator<Item = AccountId> + use<> {
    (0..u32::try_from(state.accounts.len()).expect("ids are u32")).map(AccountId)
}

/// Writes a surface that gives every option a volatility near its present one.
pub fn surface(world: &mut World, state: &State, batch: &mut Batch) {
    let mut vols = Vec::new();
    for (place, contract) in state.contracts.iter().enumerate() {
        if !contract.terms.is_option() || contract.mode == Mode::Settled {
            continue;
        }
        let before = state.market.iv(InstrumentId(place)).map_or(ONE * 6 / 10, Ratio::raw);
        let moved = before + before / 1000 * i128::from(world.dice.between(-40, 40));
        vols.push((InstrumentId(place), Ratio::from_raw(moved.clamp(ONE / 5, 3 * ONE))));
    }
    batch.surface(vols);
}

/// The next action of the world: one command, or a few that belong together.
fn action(world: &mut World, state: &State) -> Vec<Envelope> {
    if state.accounts.len() < 2 || state.contracts.is_empty() {
        return Vec::new();
    }
    let stormy = world.swarm.seeks(Corner::Parameters) && world.crash.0 > 0 && world.dice.chance(300);
    let weights = world.swarm.weights.clone();
    let action = if stormy { Action::Govern } else { world.dice.weighted(&weights) };
    let mut batch = world.batch(state);
    match action {
        Action::Deposit => deposit(world, state, &mut batch),
        Action::Withdraw => {
            let (account, asset, location, amount) = balance(world, state);
            batch.withdraw(account, asset, location, amount);
        }
        Action::Transfer => {
            let (from, asset, location, amount) = balance(world, state);
            let to = account(world, state);
            batch.transfer((from, to), asset, location, amount);
        }
        Action::Place => place(world, state, &mut batch),
        Action::Amend | Action::Cancel => {
            let account = account(world, state);
            let orders = &state.accounts[account.place()].orders;
            if orders.is_empty() {
                return Vec::new();
            }
            let order = orders[world.dice.place(orders.len())];
            if action == Action::Cancel {
                batch.cancel(account, order.id);
            } else {
                let lots = (order.lots + world.dice.between(-3, 5)).max(1);
                let limit = world.near_mark(state, order.instrument, 80);
                batch.amend(account, order.id, lots, limit);
            }
        }
        Action::Fill => fill(world, state, &mut batch),
        Action::FillOrder => fill_order(world, state, &mut batch),
        Action::Liquidate => liquidate(world, state, &mut batch),
        Action::Funding => {
            let perpetuals = instruments(state, |kind| *kind == InstrumentKind::Perpetual);
            let Some(instrument) = one_of(world, &perpetuals) else { return Vec::new() };
            let contract = &state.contracts[instrument.0];
            let elapsed = world.now.saturating_sub(contract.funded.micros()).max(0);
            let most = state.policy.funding_cap.raw() * i128::from(elapsed) / i128::from(8 * 3600 * SECOND);
            let rate = Ratio::from_raw(most * i128::from(world.dice.between(-105, 105)) / 100);
            batch.funding(instrument, rate);
        }
        Action::Interest => batch.duty(Duty::Interest),
        Action::Settle => batch.duty(Duty::Settle(instrument(world, state))),
        Action::Expire => {
            let now = world.now;
            let due = instruments(state, |kind| match kind {
                InstrumentKind::Future { expiry } | InstrumentKind::Option { expiry, .. } => expiry.micros() <= now,
                InstrumentKind::Spot | InstrumentKind::Perpetual => false,
            });
            let open: Vec<InstrumentId> =
                due.into_iter().filter(|id| state.contracts[id.0].mode != Mode::Settled).collect();
            let chosen = one_of(world, &open).unwrap_or_else(|| instrument(world, state));
            batch.duty(Duty::Expire(chosen));
        }
        Action::Fund => fund(world, state, &mut batch),
        Action::Govern => govern(world, state, &mut batch),
        Action::Mode => {
            let mode = world.dice.pick(&[
                Mode::Open,
                Mode::Open,
                Mode::Open,
                Mode::Open,
                Mode::Open,
                Mode::ReduceOnly,
                Mode::Halted,
                Mode::Settled,
            ]);
            batch.set_mode(instrument(world, state), mode);
        }
        Action::Open => {
            let name = format!("account {}", state.accounts.len() + usize::from(world.dice.chance(300)));
            let owner = u32::try_from(world.dice.below(8)).expect("small");
            if state.accounts.len() <= 24 {
                batch.open_account(&name, owner);
            }
        }
        Action::List => list(world, state, &mut batch),
        Action::Bid => {
            let (account, auctioned) = (account(world, state), account(world, state));
            let (share, price) = (Ratio::from_raw(ONE / 2), Money::from_raw(1000 * ONE));
            batch.bid(account, auctioned, share, price);
        }
        Action::Nonsense => nonsense(world, state, &mut batch),
    }
    let mut made = batch.done();
    // Now and then somebody else sends it.
    if world.dice.chance(15)
        && let Some(first) = made.first_mut()
    {
        first.principal =
            world.dice.pick(&[Principal::Owner(0), Principal::Owner(5), Principal::Matching, Principal::Governance]);
    }
    made
}

/// Any account, seldom one on stage, so that scenes are not spoiled.
fn account(world: &mut World, state: &State) -> AccountId {
    let account = AccountId(u32::try_from(world.dice.place(state.accounts.len())).expect("ids are u32"));
    if scene::plays(world, account) && world.dice.chance(970) { AccountId(account.0 % 2) } else { account }
}

fn instruments(state: &State, wanted: impl Fn(&InstrumentKind) -> bool) -> Vec<InstrumentId> {
    let all = state.contracts.iter().enumerate();
    all.filter(|(_, contract)| wanted(&contract.terms.kind)).map(|(place, _)| InstrumentId(place)).collect()
}

fn one_of(world: &mut World, list: &[InstrumentId]) -> Option<InstrumentId> {
    if list.is_empty() { None } else { Some(world.dice.pick(list)) }
}

fn instrument(world: &mut World, state: &State) -> InstrumentId {
    if world.swarm.seeks(Corner::WholeInterest) && world.dice.chance(400) {
        return InstrumentId(3.min(state.contracts.len() - 1));
    }
    if world.swarm.seeks(Corner::NegativeOil) && world.dice.chance(300) {
        return InstrumentId(10.min(state.contracts.len() - 1));
    }
    InstrumentId(world.dice.place(state.contracts.len()))
}

fn location(world: &mut World) -> Option<LocationId> {
    world.dice.pick(&[None, None, None, Some(LocationId(0)), Some(LocationId(1))])
}

/// A deposit, now and then with the number of the one before it.
fn deposit(world: &mut World, state: &State, batch: &mut Batch) {
    let asset = AssetId(world.dice.place(state.collateral.len()));
    let dust = world.swarm.seeks(Corner::Dust) && world.dice.chance(500);
    let dollars = world.dice.pick(&[1_i64, 300, 20_000, 500_000, 8_000_000]);
    let price = state.market.price(asset).usd().raw().max(1);
    let worth = i128::from(dollars) * ONE / (price / ONE).max(1);
    let amount = Quantity::from_raw(if dust { i128::from(world.dice.between(1, 9)) } else { worth });
    let repeated = !world.dice.chance(970);
    let (account, location) = (account(world, state), location(world));
    if repeated {
        let reference = state.collateral[asset.0].reference;
        batch.ask(Principal::Custody, Command::Deposit { account, asset, location, amount, reference });
    } else {
        batch.deposit(account, asset, location, amount);
    }
}

/// An account, one of its balances, and the amount that it tries to send away.
fn balance(world: &mut World, state: &State) -> (AccountId, AssetId, Option<LocationId>, Quantity) {
    let account = account(world, state);
    let balances = &state.accounts[account.place()].balances;
    if balances.is_empty() {
        return (account, AssetId(0), None, Quantity::from_raw(ONE));
    }
    let held = balances[world.dice.place(balances.len())];
    let amount = held.amount.raw();
    let part = match world.dice.below(6) {
        0 => amount,
        1 => amount - 1,
        2 => amount + 1,
        3 => held.profit.raw(),
        4 => 1,
        _ => amount / 100 * i128::from(world.dice.between(1, 100)),
    };
    (account, held.asset, held.location, Quantity::from_raw(part.max(1)))
}

/// A number of lots that the account may or may not be able to bear.
fn lots(world: &mut World, state: &State, account: AccountId, instrument: InstrumentId) -> i64 {
    if world.swarm.seeks(Corner::Dust) && world.dice.chance(400) {
        return 1;
    }
    let balances = state.accounts[account.place()].balances.iter();
    let worth: f64 = balances.map(|held| held.amount.to_f64() * state.market.price(held.asset).usd().to_f64()).sum();
    let terms = &state.contracts[instrument.0].terms;
    let index = state.market.index(terms.underlying).usd().to_f64();
    let inverse = terms.payoff == Payoff::Inverse && !terms.is_option();
    let per_lot = terms.unit().to_f64() * if inverse { 1.0 } else { index.max(1.0) };
    let brink = world.swarm.seeks(Corner::Brink);
    let leverage =
        if brink { world.dice.pick(&[1.0, 4.0, 6.0, 8.0]) } else { world.dice.pick(&[0.02, 0.2, 0.6, 1.5, 4.0, 9.0]) };
    let lots = Quantity::from_f64(worth.max(100.0) * leverage / per_lot, Round::Down).unwrap_or_default().raw() / ONE;
    let capped = if world.dice.chance(10) { lots } else { lots.min(i128::from(terms.max_order)) };
    i64::try_from(capped).unwrap_or(1).max(1)
}

/// The buyer and the seller: a market maker is on one side more often than not.
fn sides(world: &mut World, state: &State) -> (AccountId, AccountId) {
    let maker = AccountId(u32::from(world.dice.chance(500)));
    let other = account(world, state);
    if world.swarm.seeks(Corner::OneSide) {
        return (other, maker);
    }
    if world.swarm.seeks(Corner::WholeInterest) && world.dice.chance(500) {
        return (AccountId(0), account(world, state));
    }
    match world.dice.below(5) {
        0 => (account(world, state), other),
        1 | 2 => (maker, other),
        _ => (other, maker),
    }
}

fn fee(world: &mut World, state: &State, instrument: InstrumentId, price: Price, lots: i64) -> Quantity {
    let terms = &state.contracts[instrument.0].terms;
    let value = terms.unit().raw() / 1_000_000 * (price.raw() / 1_000_000) / 1_000_000 * i128::from(lots);
    let inverse = terms.payoff == Payoff::Inverse;
    let value = if inverse { 0 } else { value.abs() };
    let share = world.dice.pick(&[0_i64, 0, 2, 5, 7, 120]);
    Quantity::from_raw(value / 10_000 * i128::from(share) + i128::from(world.dice.between(0, 1)))
}

fn fill(world: &mut World, state: &State, batch: &mut Batch) {
    let instrument = instrument(world, state);
    let (buys, sells) = sides(world, state);
    let smaller = if buys.0 < 2 { sells } else { buys };
    let held = state.accounts[smaller.place()].position(instrument).lots;
    // Sometimes exactly the position, to close it, or twice the position, to turn it around.
    let lots = match world.dice.below(5) {
        0 if held != 0 => held.abs(),
        1 if held != 0 => held.abs() * 2,
        _ => lots(world, state, smaller, instrument),
    };
    let price =
        world.near_mark(state, instrument, if state.contracts[instrument.0].terms.is_option() { 700 } else { 60 });
    let party = |account, fee| Party { account, order: None, fee };
    let (buyer, seller) = (
        party(buys, fee(world, state, instrument, price, lots)),
        party(sells, fee(world, state, instrument, price, lots)),
    );
    batch.fill(&Trade { instrument, price, lots, buyer, seller });
}

fn place(world: &mut World, state: &State, batch: &mut Batch) {
    let account = account(world, state);
    let instrument = instrument(world, state);
    let held = state.accounts[account.place()].position(instrument).lots;
    let reduce_only = held != 0 && world.dice.chance(300);
    let side = match (reduce_only, held > 0) {
        (true, true) => Side::Sell,
        (true, false) => Side::Buy,
        _ if world.swarm.seeks(Corner::OneSide) && account.0 >= 2 => Side::Buy,
        _ => world.dice.pick(&[Side::Buy, Side::Sell]),
    };
    let lots = if reduce_only { held.abs() } else { lots(world, state, account, instrument) };
    let limit = world.near_mark(state, instrument, 120);
    batch.place(account, &Ordered { instrument, side, lots, limit, reduce_only });
}

/// A partial or whole fill of a resting order.
fn fill_order(world: &mut World, state: &State, batch: &mut Batch) {
    let start = world.dice.place(state.accounts.len());
    let mut resting = (0..state.accounts.len()).map(|step| (start + step) % state.accounts.len());
    let Some((place, order)) = resting.find_map(|place| Some((place, *state.accounts[place].orders.first()?))) else {
        return;
    };
    let owner = AccountId(u32::try_from(place).expect("ids are u32"));
    let taker = AccountId(u32::from(owner.0 == 0 || world.dice.chance(300)));
    let lots = if world.dice.chance(400) { order.lots } else { (order.lots / 2).max(1) };
    let resting = Party { account: owner, order: Some(order.id), fee: Quantity::ZERO };
    let taking = Party { account: taker, order: None, fee: fee(world, state, order.instrument, order.limit, lots) };
    let (buyer, seller) = if order.side == Side::Buy { (resting, taking) } else { (taking, resting) };
    batch.fill(&Trade { instrument: order.instrument, price: order.limit, lots, buyer, seller });
}

fn liquidate(world: &mut World, state: &State, batch: &mut Batch) {
    let ill: Vec<usize> = state
        .accounts
        .iter()
        .enumerate()
        .filter(|(_, account)| account.status <= Status::Liquidation && !account.positions.is_empty())
        .map(|(place, _)| place)
        .collect();
    let any = world.dice.place(state.accounts.len());
    let place = match ill.is_empty() {
        true if world.dice.chance(900) => return,
        false if world.dice.chance(950) => ill[world.dice.place(ill.len())],
        _ => any,
    };
    let positions = &state.accounts[place].positions;
    if positions.is_empty() {
        return;
    }
    let position = positions[world.dice.place(positions.len())];
    let part = world.dice.pick(&[1_i64, 2, 4]);
    let lots = -(position.lots / part);
    let lots = if lots == 0 { -position.lots } else { lots };
    let instrument = position.instrument;
    let price = world.near_mark(state, instrument, 20);
    let account = AccountId(u32::try_from(place).expect("ids are u32"));
    let counterparty = AccountId(u32::from(place == 0));
    let share = world.dice.pick(&[0_i128, 0, 5]);
    let terms = &state.contracts[instrument.0].terms;
    let value = terms.unit().raw() / 1_000_000 * (price.raw() / 1_000_000) / 1_000_000 * i128::from(lots.abs());
    let fee = Quantity::from_raw(if terms.payoff == Payoff::Inverse { 0 } else { value / 1000 * share });
    batch.liquidation_fill(&Taken { account, counterparty, instrument, price, lots, fee });
}

/// Money into a fund, now and then with the number of the deposit before it, or out of a fund.
fn fund(world: &mut World, state: &State, batch: &mut Batch) {
    let fund = world.dice.pick(&[
        Pot::SharedFund,
        Pot::MarketFund(UnderlyingId(0)),
        Pot::MarketFund(UnderlyingId(1)),
        Pot::Fees,
    ]);
    let asset = AssetId(world.dice.place(2));
    let amount = Quantity::from_raw(i128::from(world.dice.between(1, 30_000)) * ONE);
    if !world.dice.chance(500) {
        batch.fund_withdraw(fund, asset, amount);
    } else if world.dice.chance(950) {
        batch.fund(fund, asset, amount);
    } else {
        let reference = state.fund_reference;
        batch.ask(Principal::Custody, Command::FundDeposit { fund, asset, amount, reference });
    }
}

/// A parameter file in which one number differs a little from the file in force.
fn other_method(world: &mut World, text: &str) -> String {
    let (key, values): (&str, &[&str]) = world.dice.pick(&[
        ("im_factor = { value = \"", &["1.2", "1.3", "1.4", "1.5", "1.6", "9"]),
        ("quantile = { value = \"", &["2.9", "3.2556", "3.6", "4.0"]),
        ("warn = { value = \"", &["1.05", "1.1", "1.2"]),
        ("vol_up = { value = \"", &["0.42", "0.5", "0.59"]),
    ]);
    if world.dice.chance(100) {
        return text.replacen("im_factor", "imfactor", 1);
    }
    let Some(start) = text.find(key).map(|start| start + key.len()) else { return text.to_owned() };
    let end = text[start..].find('"').map_or(start, |length| start + length);
    format!("{}{}{}", &text[..start], world.dice.pick(values), &text[end..])
}

fn govern(world: &mut World, state: &State, batch: &mut Batch) {
    let waiting: Vec<u64> = state.proposals.keys().copied().collect();
    if !waiting.is_empty() && world.dice.chance(600) {
        let proposal = waiting[world.dice.place(waiting.len())];
        let due = state.proposals[&proposal].from.micros() <= world.now;
        if world.dice.chance(60) {
            return batch.revoke(proposal);
        }
        if due || world.dice.chance(200) {
            return batch.duty(Duty::Activate(proposal));
        }
    }
    let step = |dice: &mut Dice, raw: i128| raw / 100 * i128::from(dice.between(78, 122));
    let change = match world.dice.below(9) {
        0 | 1 => Change::Method { text: other_method(world, &state.method.text) },
        2 => {
            let asset = AssetId(world.dice.place(state.collateral.len()));
            let cap = step(&mut world.dice, state.collateral[asset.0].cap.raw());
            Change::Cap { asset, cap: Quantity::from_raw(cap.max(1)) }
        }
        3 => {
            let feeds: Vec<FeedId> = state.feeds.keys().copied().collect();
            if feeds.is_empty() {
                return;
            }
            let feed = world.dice.pick(&feeds);
            let mut rules = state.feeds[&feed].rules.clone();
            rules.band = Ratio::from_raw(step(&mut world.dice, rules.band.raw()));
            Change::Feed { feed, rules }
        }
        4 => {
            let instrument = instrument(world, state);
            let terms = &state.contracts[instrument.0].terms;
            let (max_order, max_open) = (terms.max_order / 100 * world.dice.between(78, 122), terms.max_open);
            let band = Ratio::from_raw(step(&mut world.dice, terms.band.raw()));
            Change::Limits { instrument, max_order, max_open, band }
        }
        5 => {
            let underlying = UnderlyingId(world.dice.place(state.open_interest_usd.len()));
            let usd = Money::from_raw(step(&mut world.dice, state.open_interest_usd[underlying.0].raw()));
            Change::OpenInterest { underlying, usd }
        }
        6 => Change::Outflow {
            window: state.policy.outflow_window / 100 * world.dice.between(85, 122),
            share: state.policy.outflow_share,
            floor: Money::from_raw(step(&mut world.dice, state.policy.outflow_floor.raw())),
        },
        7 => {
            let fund = world.dice.pick(&[Pot::SharedFund, Pot::MarketFund(UnderlyingId(0))]);
            let amount = Quantity::from_raw(i128::from(world.dice.between(1, 20_000)) * ONE);
            Change::FundOut { fund, asset: AssetId(0), amount }
        }
        _ => {
            let instrument = instrument(world, state);
            let terms = &state.contracts[instrument.0].terms;
            let counter = state.market.price(terms.counter_asset());
            let index = state.market.index(terms.underlying).to_counter(counter, Round::Down);
            let index = index.unwrap_or_default().in_counter().raw();
            let price = CounterPrice::new(Price::from_raw(step(&mut world.dice, index)));
            Change::SettlementPrice { instrument, price }
        }
    };
    batch.propose(change);
}

fn list(world: &mut World, state: &State, batch: &mut Batch) {
    match world.dice.below(4) {
        0 => {
            batch.list_location(world.dice.pick(&["solana", "arbitrum"]));
        }
        1 => {
            batch.list_instrument(state.contracts[world.dice.place(state.contracts.len())].terms.clone());
        }
        _ if state.contracts.len() < 18 => {
            for terms in world.next_series() {
                batch.list_instrument(terms);
            }
        }
        _ => {}
    }
}

/// Commands that nobody should send.
fn nonsense(world: &mut World, state: &State, batch: &mut Batch) {
    let account = AccountId(u32::try_from(world.dice.pick(&[0_usize, 1, 999, state.accounts.len()])).expect("small"));
    let instrument = InstrumentId(world.dice.pick(&[0_usize, 1, 99]));
    let amount = Quantity::from_raw(world.dice.pick(&[0_i128, -ONE, 1, i128::MAX, ONE << 60]));
    let price = Price::from_raw(world.dice.pick(&[0_i128, -ONE, 1, i128::MAX, 12_345 * ONE]));
    let lots = world.dice.pick(&[0_i64, -1, i64::MIN, i64::MAX, 1]);
    let owner = Principal::Owner(state.accounts.get(account.place()).map_or(0, |account| account.owner));
    let order = OrderId(world.dice.pick(&[0_u64, 1, u64::MAX]));
    let party = |account| Party { account, order: Some(order), fee: amount };
    let (buyer, seller) = (party(account), party(AccountId(1)));
    let side = Side::Buy;
    let (principal, command) = match world.dice.below(9) {
        0 => {
            (Principal::Custody, Command::Deposit { account, asset: AssetId(99), location: None, amount, reference: 0 })
        }
        1 => (owner, Command::Withdraw { account, asset: AssetId(0), location: Some(LocationId(77)), amount }),
        2 => (owner, Command::Place { account, order, instrument, side, lots, limit: price, reduce_only: true }),
        3 => (Principal::Matching, Command::Fill { instrument, match_id: u64::MAX - 1, price, lots, buyer, seller }),
        4 => (Principal::System, Command::Funding { instrument, rate: Ratio::from_raw(ONE), period: 0 }),
        5 => (Principal::Governance, Command::FundWithdraw { fund: Pot::Rounding, asset: AssetId(0), amount }),
        6 => (Principal::System, Command::Activate { proposal: 12_345 }),
        7 => {
            let command = Command::LiquidationFill {
                account,
                counterparty: account,
                instrument,
                match_id: 1,
                price,
                lots,
                fee: amount,
            };
            (Principal::System, command)
        }
        _ => (Principal::System, Command::Expire { instrument }),
    };
    batch.ask(principal, command);
}
