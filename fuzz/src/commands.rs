//! Commands for a running venue, as an input describes them.

use std::sync::LazyLock;

use audit::Auditor;
use engine::state::{Change, InstrumentTerms, Mode, Pot, State};
use engine::{AccountId, Command, Engine, Envelope, LocationId, OrderId, Party, Principal, SURFACE_SOURCE};
use marks::Report;
use model::{AssetId, InstrumentId, Side, UnderlyingId};
use sim::faults::Struck;
use sim::workload;
use sim::world::{World, genesis};
use units::{Money, Price, Quantity, Ratio, Round, Timestamp};

use crate::input::Input;

const ONE: i128 = Quantity::ONE.raw();

/// Amounts from the smallest to one that no sum may reach, and two that no command may name.
const AMOUNTS: [i128; 10] =
    [1, ONE / 1_000, ONE, 7 * ONE, 1_000 * ONE, 60_000 * ONE, 1_000_000_000_000 * ONE, i128::MAX, 0, -ONE];

/// Lots, most of them in the size of a trade.
const LOTS: [i64; 8] = [1, 3, 40, 500, 20_000, i64::MAX, 0, -5];

/// Microseconds between two commands.
const STEPS: [i64; 6] = [0, 1, 1_000_000, 10_000_000, 61_000_000, 3_600_000_000];

/// A venue with listings, accounts, prices and trades, and an auditor that has followed it.
pub static VENUE: LazyLock<(State, Auditor)> = LazyLock::new(|| {
    let mut engine = Engine::new(genesis().state()).expect("a genesis");
    let mut auditor = Auditor::new(engine.state());
    let (mut world, mut struck) = (World::new(7), Struck::new());
    let founding = world.founding(engine.state());
    take(&mut engine, &mut auditor, &founding);
    for number in 0..40 {
        world.advance(engine.state());
        let batch = workload::tick(&mut world, engine.state(), number, &mut struck);
        take(&mut engine, &mut auditor, &batch);
    }
    (engine.into_state(), auditor)
});

/// Sends commands to an engine, and its watch where one is owed. The auditor follows.
pub fn take(engine: &mut Engine, auditor: &mut Auditor, batch: &[Envelope]) {
    for envelope in batch {
        one(engine, auditor, envelope);
    }
    if engine.desk().is_owed(engine.state()) {
        let time = engine.state().clock;
        one(engine, auditor, &Envelope { time, principal: Principal::System, command: Command::Watch });
    }
}

fn one(engine: &mut Engine, auditor: &mut Auditor, envelope: &Envelope) {
    let told = |found: Result<(), audit::Finding>| found.unwrap_or_else(|found| panic!("{envelope:?}: {found}"));
    match engine.decide(envelope) {
        Ok(events) => {
            told(auditor.accepted(engine.state(), envelope, &events));
            engine.commit(&events);
            told(auditor.committed(engine.state(), envelope));
        }
        Err(reject) => told(auditor.refused(engine.state(), envelope, &reject)),
    }
}

/// The next batch that the input describes; none at its end.
pub fn next(input: &mut Input<'_>, state: &State) -> Option<Vec<Envelope>> {
    let kind = input.byte()?;
    let time = Timestamp::from_micros(state.clock.micros().saturating_add(input.one_of(&STEPS)));
    let commands = if kind % 4 == 0 { round(input, state, time) } else { vec![command(kind / 4, input, state)] };
    Some(commands.into_iter().map(|(principal, command)| Envelope { time, principal, command }).collect())
}

/// A report of every source of every feed, all moved by the same part, and a tick.
fn round(input: &mut Input<'_>, state: &State, time: Timestamp) -> Vec<(Principal, Command)> {
    let part = Ratio::from_raw(ONE * i128::from(192 + u16::from(input.byte().unwrap_or(64)) / 2) / 224);
    let mut commands = Vec::new();
    for (feed, known) in &state.feeds {
        let Some(last) = known.feed.last() else { continue };
        let scaled = last.index.scaled(part, Round::Down).unwrap_or(last.index);
        let price = if matches!(feed, engine::FeedId::Index(_)) { scaled } else { last.index };
        for source in &known.rules.sources {
            let before = known.feed.reports().iter().find(|report| report.source == source.source);
            let report = Report {
                source: source.source,
                sequence: before.map_or(0, |report| report.sequence) + 1,
                published: time,
                price,
                confidence: Price::ZERO,
                depth: Money::from_raw(2_000_000 * ONE),
            };
            commands.push((Principal::Source(source.source), Command::Report { feed: *feed, report }));
        }
    }
    let vols: Vec<(InstrumentId, Ratio)> = (0..state.contracts.len())
        .filter(|place| state.contracts[*place].terms.is_option() && state.contracts[*place].mode != Mode::Settled)
        .map(|place| (InstrumentId(place), Ratio::from_raw(ONE / 2)))
        .collect();
    let surface = Command::Surface { version: state.surface.version + 1, published: time, vols };
    commands.push((Principal::Source(SURFACE_SOURCE), surface));
    commands.push((Principal::System, Command::Tick));
    commands
}

fn account(input: &mut Input<'_>, state: &State) -> AccountId {
    AccountId(u32::try_from(input.below(state.accounts.len() + 1)).expect("a byte"))
}

fn owner(state: &State, id: AccountId) -> Principal {
    Principal::Owner(state.account(id).map_or(0, |account| account.owner))
}

fn asset(input: &mut Input<'_>, state: &State) -> AssetId {
    AssetId(input.below(state.collateral.len() + 1))
}

fn instrument(input: &mut Input<'_>, state: &State) -> InstrumentId {
    InstrumentId(input.below(state.contracts.len() + 1))
}

fn location(input: &mut Input<'_>) -> Option<LocationId> {
    input.one_of(&[None, None, None, Some(LocationId(0)), Some(LocationId(9))])
}

fn amount(input: &mut Input<'_>) -> Quantity {
    Quantity::from_raw(input.one_of(&AMOUNTS))
}

fn fund(input: &mut Input<'_>) -> Pot {
    input.one_of(&[Pot::SharedFund, Pot::MarketFund(UnderlyingId(0)), Pot::MarketFund(UnderlyingId(9)), Pot::Fees])
}

/// A price near the mark of an instrument, on one of its ticks; or any.
fn price(input: &mut Input<'_>, state: &State, id: InstrumentId) -> Price {
    let part = i128::from(input.byte().unwrap_or(128));
    let Some(contract) = state.contract(id).filter(|_| part < 240) else {
        return Price::from_raw(input.one_of(&AMOUNTS));
    };
    let mark = state.market.mark(id).in_quote().raw();
    let moved = mark / 1_024 * (1_024 - 60 + part / 2);
    Price::from_raw(moved - moved.rem_euclid(contract.terms.tick.raw()))
}

fn party(input: &mut Input<'_>, state: &State) -> Party {
    let account = account(input, state);
    let order = state.account(account).and_then(|whose| whose.orders.first()).map(|order| order.id);
    let fee = Quantity::from_raw(input.one_of(&[0, 0, 1, ONE / 100, i128::MAX, -1]));
    Party { account, order: order.filter(|_| input.below(2) == 0), fee }
}

/// A command of this kind, from the principal that may send it most of the time.
fn command(kind: u8, input: &mut Input<'_>, state: &State) -> (Principal, Command) {
    let whose = account(input, state);
    let (owns, system, govern) = (owner(state, whose), Principal::System, Principal::Governance);
    let (principal, command) = match kind % 28 {
        0 => (system, Command::OpenAccount { name: format!("fuzz {}", input.below(9)), owner: 1 }),
        1 | 2 => {
            let (asset, location, amount) = (asset(input, state), location(input), amount(input));
            let last = state.collateral.get(asset.0).map_or(0, |known| known.reference);
            let reference = last + u64::from(input.byte().unwrap_or(1) % 3);
            (Principal::Custody, Command::Deposit { account: whose, asset, location, amount, reference })
        }
        3 => {
            let (asset, location, amount) = (asset(input, state), location(input), amount(input));
            (owns, Command::Withdraw { account: whose, asset, location, amount })
        }
        4 => {
            let (to, asset) = (account(input, state), asset(input, state));
            let (location, amount) = (location(input), amount(input));
            (owns, Command::Transfer { from: whose, to, asset, location, amount })
        }
        5 | 6 => {
            let instrument = instrument(input, state);
            let last = state.account(whose).map_or(0, |account| account.last_order.0);
            let (order, side) = (OrderId(last + 1), input.one_of(&[Side::Buy, Side::Sell]));
            let (lots, limit) = (input.one_of(&LOTS), price(input, state, instrument));
            let reduce_only = input.below(3) == 0;
            (owns, Command::Place { account: whose, order, instrument, side, lots, limit, reduce_only })
        }
        7 | 8 => {
            let open = state.account(whose).and_then(|account| account.orders.first()).copied();
            let (order, of) = open.map_or((OrderId(1), InstrumentId(0)), |open| (open.id, open.instrument));
            let (lots, limit) = (input.one_of(&LOTS), price(input, state, of));
            let amend = Command::Amend { account: whose, order, lots, limit };
            (owns, if kind % 28 == 7 { amend } else { Command::Cancel { account: whose, order } })
        }
        9..=12 => {
            let instrument = instrument(input, state);
            let match_id = state.contract(instrument).map_or(0, |contract| contract.last_match) + 1;
            let (price, lots) = (price(input, state, instrument), input.one_of(&LOTS));
            let (buyer, seller) = (party(input, state), party(input, state));
            (Principal::Matching, Command::Fill { instrument, match_id, price, lots, buyer, seller })
        }
        13 => {
            let instrument = instrument(input, state);
            let rate = Ratio::from_raw(input.one_of(&[0, ONE / 10_000, -ONE / 10_000, ONE]));
            let period = state.contract(instrument).map_or(0, |contract| contract.last_period) + 1;
            (system, Command::Funding { instrument, rate, period })
        }
        14 => (system, Command::Interest),
        15 => (system, Command::Settle { instrument: instrument(input, state) }),
        16 => (system, Command::Expire { instrument: instrument(input, state) }),
        17 | 18 => (system, Command::Liquidate { account: liquidated(input, state) }),
        19 => (system, taken(input, state)),
        20 => {
            let auctioned = liquidated(input, state);
            let share = Ratio::from_raw(input.one_of(&[ONE, ONE / 2, ONE / 50, 1, 0, 2 * ONE]));
            let price = Money::from_raw(input.one_of(&AMOUNTS));
            (owns, Command::AuctionBid { account: whose, auctioned, share, price })
        }
        21 => (system, Command::Measure),
        22 => (govern, Command::SetBackstop { account: whose, on: input.below(2) == 0 }),
        23 => {
            let (fund, asset, amount) = (fund(input), asset(input, state), amount(input));
            let reference = state.fund_reference + u64::from(input.byte().unwrap_or(1) % 3);
            (Principal::Custody, Command::FundDeposit { fund, asset, amount, reference })
        }
        24 => (govern, Command::FundWithdraw { fund: fund(input), asset: asset(input, state), amount: amount(input) }),
        25 => (govern, Command::Propose { change: change(input, state) }),
        26 => {
            let proposal = state.proposals.keys().next().copied().unwrap_or(1);
            let revoked = input.below(4) == 0;
            let (revoke, activate) = (Command::Revoke { proposal }, Command::Activate { proposal });
            if revoked { (govern, revoke) } else { (system, activate) }
        }
        _ => rare(input, state),
    };
    // Now and then somebody else sends it.
    let sender = input.one_of(&[principal, principal, principal, principal, principal, Principal::Guardian]);
    (sender, command)
}

fn rare(input: &mut Input<'_>, state: &State) -> (Principal, Command) {
    match input.below(4) {
        0 => {
            let mode = input.one_of(&[Mode::Open, Mode::ReduceOnly, Mode::Halted, Mode::Settled]);
            (Principal::Guardian, Command::SetMode { instrument: instrument(input, state), mode })
        }
        1 => (Principal::Governance, Command::ListLocation { name: format!("place {}", input.below(5)) }),
        2 => (Principal::Governance, Command::Resume),
        _ => {
            let of = input.below(state.contracts.len());
            let terms = InstrumentTerms {
                name: format!("fuzz {}", input.below(9)),
                lot: amount(input),
                feed: None,
                ..state.contracts[of].terms.clone()
            };
            (Principal::Governance, Command::ListInstrument(Box::new(terms)))
        }
    }
}

/// An account with a case, where there is one.
fn liquidated(input: &mut Input<'_>, state: &State) -> AccountId {
    let cases: Vec<AccountId> = state.liquidations.cases.keys().copied().collect();
    if cases.is_empty() { account(input, state) } else { input.one_of(&cases) }
}

/// The market takes an offer, or asks for more than is offered.
fn taken(input: &mut Input<'_>, state: &State) -> Command {
    let (account, counterparty) = (liquidated(input, state), account(input, state));
    let offer = state.liquidations.cases.get(&account).and_then(|case| case.offer);
    let instrument = offer.map_or_else(|| instrument(input, state), |offer| offer.instrument);
    let match_id = state.contract(instrument).map_or(0, |contract| contract.last_match) + 1;
    let price =
        offer.filter(|_| input.below(2) == 0).map_or_else(|| price(input, state, instrument), |offer| offer.worst);
    let lots = offer.map_or(input.one_of(&LOTS), |offer| offer.lots / i64::try_from(1 + input.below(3)).unwrap_or(1));
    let fee = Quantity::from_raw(input.one_of(&[0, 0, ONE / 100, i128::MAX]));
    Command::LiquidationFill { account, counterparty, instrument, match_id, price, lots, fee }
}

fn change(input: &mut Input<'_>, state: &State) -> Change {
    let percent = |raw: i128, by: usize| raw / 100 * (80 + i128::try_from(by).unwrap_or(0));
    let by = input.below(42);
    match input.below(4) {
        0 => {
            let asset = asset(input, state);
            let cap = state.collateral.get(asset.0).map_or(ONE, |known| known.cap.raw());
            Change::Cap { asset, cap: Quantity::from_raw(percent(cap, by)) }
        }
        1 => {
            let policy = &state.policy;
            let share = Ratio::from_raw(percent(policy.outflow_share.raw(), by));
            Change::Outflow { window: policy.outflow_window, share, floor: policy.outflow_floor }
        }
        2 => Change::FundOut { fund: fund(input), asset: asset(input, state), amount: amount(input) },
        _ => {
            let underlying = UnderlyingId(input.below(state.open_interest_usd.len() + 1));
            let usd = state.open_interest_usd.get(underlying.0).copied().unwrap_or(Money::ONE);
            Change::OpenInterest { underlying, usd: Money::from_raw(percent(usd.raw(), by)) }
        }
    }
}
