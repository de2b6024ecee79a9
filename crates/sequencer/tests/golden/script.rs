//! The records of the golden journal: every command and every event once or more, in an order in which they can be
//! applied. They are written by hand, so that no change of a decision changes them.

use engine::state::{
    AssetTerms, Cascade, Change, Holder, InstrumentTerms, Mode, Offer, Order, Position, Pot, Samples, State,
    UnderlyingTerms,
};
use engine::{
    AccountId, Cause, Command, Envelope, Event, FeedId, LocationId, Marked, OrderId, Party, Principal, Status,
    apply_read,
};
use journal::{Draft, Hash, Journal};
use liquidation::pace::Flow;
use margin::method::universal;
use marks::{Bounds, FeedRules, Quote, Report, Source};
use model::{AssetId, DepthLevel, InstrumentId, InstrumentKind, Payoff, Right, Side, USD, UnderlyingId};
use sequencer::Genesis;
use units::{Decimal, Money, Quantity, Ratio, Timestamp};

const SECOND: i64 = 1_000_000;

const BTC: UnderlyingId = UnderlyingId(0);
const OIL: UnderlyingId = UnderlyingId(1);
const USDC: AssetId = AssetId(1);
const COIN: AssetId = AssetId(2);
const BRIDGE: LocationId = LocationId(0);

const PERPETUAL: InstrumentId = InstrumentId(0);
const INVERSE: InstrumentId = InstrumentId(1);
const FUTURE: InstrumentId = InstrumentId(2);
const CALL: InstrumentId = InstrumentId(3);
const PUT: InstrumentId = InstrumentId(4);
const SPOT: InstrumentId = InstrumentId(5);

const ALICE: AccountId = AccountId(0);
const BOB: AccountId = AccountId(1);
const CAROL: AccountId = AccountId(2);

/// The genesis of the golden journal.
pub fn genesis() -> Genesis {
    Genesis::new(start())
}

/// Writes all records, and a snapshot before the last two of them.
pub fn write(journal: &mut impl Journal, genesis: Genesis) {
    let mut state = genesis.state();
    let script = records();
    let snapshot = script.len() - 2;
    for (place, (principal, command, mut events)) in script.into_iter().enumerate() {
        let time = Timestamp::from_micros(state.clock.micros() + SECOND);
        events.insert(0, Event::Clock { time });
        for event in &events {
            apply_read(&mut state, event).unwrap_or_else(|why| panic!("record {place}: {event:?}: {why}"));
        }
        let hash = Some(Hash(state.hash().0));
        let draft: Draft = sequencer::draft(&Envelope { time, principal, command }, &events, hash);
        journal.append(&[draft]).unwrap();
        if place + 1 == snapshot {
            take_snapshot(journal, &mut state);
        }
    }
}

fn take_snapshot(journal: &mut impl Journal, state: &mut State) {
    engine::whole(state).unwrap();
    let hash = Hash(state.hash().0);
    journal.snapshot(journal.head(), hash, &sequencer::encode_state(state)).unwrap();
}

/// A record to be: who sends which command, and the events after the movement of the clock.
type Written = (Principal, Command, Vec<Event>);

fn records() -> Vec<Written> {
    [listings(), accounts(), prices(), cash(), trades(), governance(), liquidations(), expiry(), last()].concat()
}

fn start() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

fn put_expiry() -> Timestamp {
    "2026-11-27T08:00:00Z".parse().unwrap()
}

fn late_expiry() -> Timestamp {
    "2026-12-25T08:00:00Z".parse().unwrap()
}

fn price<T: Decimal>(text: &str) -> T {
    T::cut(text, 0).unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

fn rules(quorum: u32) -> FeedRules {
    let source = |source| Source { source, max_age_micros: 60 * SECOND, bounds: None };
    let bounded = Source { bounds: Some(Bounds { low: price("-5"), high: price("1000000") }), ..source(3) };
    FeedRules {
        sources: vec![source(1), source(2), bounded],
        quorum,
        band: ratio("0.05"),
        dispersion: ratio("0.02"),
        scale: price("0.01"),
        max_confidence: ratio("0.02"),
        max_future_micros: SECOND,
        collar: ratio("0.1"),
        handover: ratio("0.01"),
        fast_micros: 10 * SECOND,
        slow_micros: 60 * SECOND,
        signed: false,
    }
}

fn listings() -> Vec<Written> {
    let depth = vec![DepthLevel { bps: ratio("10"), usd: money("5000000") }];
    let underlying = |name: &str, feed| UnderlyingTerms {
        name: name.to_owned(),
        reference: price("100"),
        feed,
        adv_usd: Some(money("20000000000")),
        depth: depth.clone(),
        open_interest_usd: money("1000000000"),
    };
    let asset = |name: &str, follows, feed| AssetTerms {
        name: name.to_owned(),
        reference: price("1"),
        follows,
        feed,
        adv_usd: None,
        depth: depth.clone(),
        cap: quantity("1000000000"),
    };
    let governance = |command: Command, event: Event| (Principal::Governance, command, vec![event]);
    let of_underlying = |terms: UnderlyingTerms| {
        let terms = Box::new(terms);
        governance(Command::ListUnderlying(terms.clone()), Event::UnderlyingListed(terms))
    };
    let of_asset = |terms: AssetTerms| {
        let terms = Box::new(terms);
        governance(Command::ListAsset(terms.clone()), Event::AssetListed(terms))
    };
    let name = "bridge".to_owned();
    let mut written = vec![
        governance(Command::ListLocation { name: name.clone() }, Event::LocationListed { name }),
        of_underlying(underlying("BTC", rules(2))),
        of_underlying(underlying("OIL", FeedRules { signed: true, ..rules(2) })),
        of_asset(asset("USDC", None, Some(rules(2)))),
        of_asset(asset("BTC", Some(BTC), None)),
    ];
    written.extend(instruments().into_iter().map(|terms| {
        let terms = Box::new(terms);
        governance(Command::ListInstrument(terms.clone()), Event::InstrumentListed(terms))
    }));
    written
}

fn instruments() -> [InstrumentTerms; 6] {
    let listed = |name: &str, kind, payoff, quote, settle, feed| InstrumentTerms {
        name: name.to_owned(),
        kind,
        underlying: BTC,
        payoff,
        quote,
        settle,
        contract_size: quantity("1"),
        lot: quantity("0.001"),
        tick: price("0.1"),
        max_order: 1_000_000,
        max_open: 100_000_000,
        band: ratio("0.2"),
        fee_rate: Some(ratio("0.0005")),
        feed,
    };
    let (linear, inverse) = (Payoff::Linear, Payoff::Inverse);
    let option = |expiry, right| InstrumentKind::Option { expiry, strike: price("100"), right };
    let (call, put) = (option(late_expiry(), Right::Call), option(put_expiry(), Right::Put));
    let future = InstrumentKind::Future { expiry: late_expiry() };
    [
        listed("BTC-PERP", InstrumentKind::Perpetual, linear, USDC, USDC, Some(rules(2))),
        listed("BTC-INVERSE", InstrumentKind::Perpetual, inverse, USD, COIN, None),
        listed("BTC-25DEC26", future, linear, USDC, USDC, Some(rules(2))),
        listed("BTC-25DEC26-C", call, linear, USDC, USDC, None),
        listed("BTC-27NOV26-P", put, inverse, COIN, COIN, None),
        listed("BTC_USDC", InstrumentKind::Spot, linear, USDC, USDC, None),
    ]
}

fn accounts() -> Vec<Written> {
    let open = |name: &str, owner| {
        let name = name.to_owned();
        (Principal::System, Command::OpenAccount { name: name.clone(), owner }, vec![Event::Opened { name, owner }])
    };
    vec![open("alice", 1), open("bob", 2), open("carol", 3)]
}

fn quote(at: &str, cause: marks::Cause, live: &[u32]) -> Quote {
    let quoted = Quote::reference(price(at), start());
    Quote { cause, live: live.to_vec(), confidence: price("0.01"), handover: live.len() == 1, ..quoted }
}

fn prices() -> Vec<Written> {
    let feeds =
        [FeedId::Index(BTC), FeedId::Asset(USDC), FeedId::Premium(PERPETUAL), FeedId::Forward(BTC, late_expiry())];
    let mut written: Vec<Written> = feeds
        .into_iter()
        .map(|feed| {
            let (published, price, confidence) = (start(), price("101.5"), price("0.25"));
            let report = Report { source: 1, sequence: 7, published, price, confidence, depth: money("1000000") };
            (Principal::Source(1), Command::Report { feed, report }, vec![Event::Reported { feed, report }])
        })
        .collect();
    let (published, vols) = (start(), vec![(CALL, ratio("0.6")), (PUT, ratio("0.65"))]);
    let surface = Command::Surface { version: 1, published, vols: vols.clone() };
    let source = Principal::Source(engine::SURFACE_SOURCE);
    written.push((source, surface, vec![Event::Surfaced { version: 1, published, vols: vols.clone() }]));
    let marked = Marked {
        version: 1,
        indices: vec![(BTC, price("101.5")), (OIL, price("-3.25"))],
        assets: vec![(USDC, price("0.9998")), (COIN, price("101.5"))],
        forwards: vec![(BTC, late_expiry(), price("102"))],
        vols,
        marks: vec![(PERPETUAL, price("101.6")), (CALL, price("4.25"))],
    };
    let quoted = |(feed, cause, live): (FeedId, marks::Cause, &[u32])| Event::Quoted {
        feed,
        quote: Box::new(quote("101.5", cause, live)),
    };
    let causes: [(FeedId, marks::Cause, &[u32]); 9] = [
        (FeedId::Index(BTC), marks::Cause::Dispersed, &[1, 2, 3]),
        (FeedId::Index(OIL), marks::Cause::Quorum, &[]),
        (FeedId::Asset(USDC), marks::Cause::Handover, &[1]),
        (FeedId::Premium(PERPETUAL), marks::Cause::Collared, &[1, 2]),
        (FeedId::Forward(BTC, late_expiry()), marks::Cause::Disagreed, &[1, 3]),
        (FeedId::Index(OIL), marks::Cause::Stale, &[2]),
        (FeedId::Index(OIL), marks::Cause::Imprecise, &[2]),
        (FeedId::Index(OIL), marks::Cause::Clamped, &[2, 3]),
        (FeedId::Index(BTC), marks::Cause::Agreed, &[1, 2, 3]),
    ];
    let mut events: Vec<Event> = causes.into_iter().map(quoted).collect();
    let samples = Samples { sum: price("203"), count: 2 };
    events.extend([Event::Marked(Box::new(marked)), Event::Sampled { instrument: PUT, samples }]);
    let until = Timestamp::from_micros(start().micros() + 60 * SECOND);
    events.push(Event::Calmed { until });
    written.push((Principal::System, Command::Tick, events));
    written
}

fn at_venue(account: AccountId) -> Holder {
    Holder::Account(account, None)
}

fn moved(from: Holder, to: Holder, asset: AssetId, amount: &str, cause: Cause) -> Event {
    Event::Moved { from, to, asset, amount: quantity(amount), cause }
}

fn cash() -> Vec<Written> {
    let deposit = |account, asset, location, text: &str, reference| {
        let command = Command::Deposit { account, asset, location, amount: quantity(text), reference };
        let (from, to) = (Holder::Pot(Pot::Custody(location)), Holder::Account(account, location));
        let arrived = moved(from, to, asset, text, Cause::Deposit);
        (Principal::Custody, command, vec![Event::Referenced { asset, reference }, arrived])
    };
    let fund_deposit = |fund, text: &str, reference| {
        let command = Command::FundDeposit { fund, asset: USDC, amount: quantity(text), reference };
        let arrived = moved(Holder::Pot(Pot::Custody(None)), Holder::Pot(fund), USDC, text, Cause::Fund);
        (Principal::Custody, command, vec![Event::FundReferenced { reference }, arrived])
    };
    let withdraw = Command::Withdraw { account: ALICE, asset: USDC, location: None, amount: quantity("10") };
    let left = moved(at_venue(ALICE), Holder::Pot(Pot::Custody(None)), USDC, "10", Cause::Withdrawal);
    let transfer = Command::Transfer { from: ALICE, to: BOB, asset: USDC, location: None, amount: quantity("5") };
    let given = moved(at_venue(ALICE), at_venue(BOB), USDC, "5", Cause::Transfer);
    vec![
        deposit(ALICE, USDC, None, "100000", 1),
        deposit(BOB, USDC, None, "100000.000000000000000001", 2),
        deposit(ALICE, COIN, Some(BRIDGE), "2", 1),
        deposit(BOB, COIN, None, "3", 2),
        fund_deposit(Pot::SharedFund, "5000", 1),
        fund_deposit(Pot::MarketFund(BTC), "3000", 2),
        (Principal::Owner(1), withdraw, vec![left, Event::Flowed { spent: money("9.998") }]),
        (Principal::Owner(1), transfer, vec![given]),
    ]
}

fn order(id: u64, side: Side, lots: i64, reduce_only: bool) -> Order {
    Order { id: OrderId(id), instrument: PERPETUAL, side, lots, limit: price("99.5"), reduce_only }
}

fn trades() -> Vec<Written> {
    let place = |account, owner, order: Order| {
        let Order { id, instrument, side, lots, limit, reduce_only } = order;
        let command = Command::Place { account, order: id, instrument, side, lots, limit, reduce_only };
        (Principal::Owner(owner), command, vec![Event::Ordered { account, order }])
    };
    let amended = order(1, Side::Buy, 12, false);
    let amend = Command::Amend { account: ALICE, order: amended.id, lots: amended.lots, limit: amended.limit };
    let cancel = Command::Cancel { account: ALICE, order: amended.id };
    let closed = Event::OrderClosed { account: ALICE, order: amended.id };
    let side = |account, order, fee: &str| Party { account, order, fee: quantity(fee) };
    let (buyer, seller) = (side(ALICE, None, "0.5"), side(BOB, Some(OrderId(1)), "0"));
    let fill = Command::Fill { instrument: PERPETUAL, match_id: 1, price: price("101"), lots: 10, buyer, seller };
    let position = |account, lots, cost: &str| {
        let position = Position { instrument: PERPETUAL, lots, cost: quantity(cost) };
        Event::Positioned { account, position }
    };
    let fee = moved(at_venue(ALICE), Holder::Pot(Pot::Fees), USDC, "0.5", Cause::Fee);
    let matched = Event::Matched { instrument: PERPETUAL, match_id: 1, price: price("101"), lots: 10, open: 10 };
    let filled = vec![position(ALICE, 10, "1.01"), position(BOB, -10, "-1.01"), fee, matched];
    let exchanged = vec![
        moved(at_venue(ALICE), at_venue(BOB), USDC, "101", Cause::Exchange),
        moved(at_venue(BOB), at_venue(ALICE), COIN, "1", Cause::Exchange),
        Event::Matched { instrument: SPOT, match_id: 1, price: price("101"), lots: 1_000, open: 0 },
    ];
    let spot = Command::Fill { instrument: SPOT, match_id: 1, price: price("101"), lots: 1_000, buyer, seller };
    let premium = moved(at_venue(ALICE), at_venue(BOB), USDC, "4.2", Cause::Premium);
    let option = Command::Fill { instrument: CALL, match_id: 1, price: price("4.2"), lots: 1_000, buyer, seller };
    let funding = Command::Funding { instrument: PERPETUAL, rate: ratio("0.0001"), period: 3 };
    let paid = moved(at_venue(ALICE), at_venue(BOB), USDC, "0.0001", Cause::Funding);
    let funded = Event::Funded { instrument: PERPETUAL, period: 3, rate: ratio("0.0001") };
    let interest = moved(at_venue(CAROL), Holder::Pot(Pot::SharedFund), USDC, "0.25", Cause::Interest);
    let rounding = moved(at_venue(ALICE), Holder::Pot(Pot::Rounding), USDC, "0.000000000000000001", Cause::Rounding);
    let profit = moved(Holder::Pot(Pot::Clearing(FUTURE)), at_venue(ALICE), USDC, "12.5", Cause::Profit);
    vec![
        place(ALICE, 1, order(1, Side::Buy, 10, false)),
        (Principal::Owner(1), amend, vec![Event::Ordered { account: ALICE, order: amended }]),
        (Principal::Owner(1), cancel, vec![closed]),
        place(BOB, 2, order(1, Side::Sell, 10, true)),
        place(BOB, 2, order(2, Side::Sell, 20, false)),
        (Principal::Matching, fill, filled),
        (Principal::Matching, spot, exchanged),
        (Principal::Matching, option, vec![premium]),
        (Principal::System, funding, vec![paid, funded]),
        (Principal::System, Command::Interest, vec![interest, Event::Accrued]),
        (Principal::System, Command::Settle { instrument: FUTURE }, vec![profit, rounding]),
    ]
}

fn changes() -> Vec<Change> {
    let (window, share, floor) = (3_000 * SECOND, ratio("0.12"), money("90000"));
    vec![
        Change::Method { text: universal::PARAMS.to_owned() },
        Change::Cap { asset: USDC, cap: quantity("1100000000") },
        Change::Feed { feed: FeedId::Index(BTC), rules: rules(3) },
        Change::Limits { instrument: INVERSE, max_order: 900_000, max_open: 90_000_000, band: ratio("0.18") },
        Change::OpenInterest { underlying: BTC, usd: money("1100000000") },
        Change::Outflow { window, share, floor },
        Change::FundOut { fund: Pot::MarketFund(BTC), asset: USDC, amount: quantity("10") },
        Change::SettlementPrice { instrument: PUT, price: price("98.5") },
    ]
}

fn governance() -> Vec<Written> {
    let from = Timestamp::from_micros(start().micros() + 24 * 3_600 * SECOND);
    let announced = |change: Change| {
        let command = if let Change::FundOut { fund, asset, amount } = change {
            Command::FundWithdraw { fund, asset, amount }
        } else {
            Command::Propose { change: change.clone() }
        };
        (Principal::Governance, command, vec![Event::Proposed { change: Box::new(change), from }])
    };
    let mut written: Vec<Written> = changes().into_iter().map(announced).collect();
    let revoke = Command::Revoke { proposal: 5 };
    written.push((Principal::Governance, revoke, vec![Event::Revoked { proposal: 5 }]));
    written.extend(
        [1, 2, 3, 4, 6]
            .map(|proposal| (Principal::System, Command::Activate { proposal }, vec![Event::Activated { proposal }])),
    );
    let fund = Holder::Pot(Pot::MarketFund(BTC));
    let paid = moved(fund, Holder::Pot(Pot::Custody(None)), USDC, "10", Cause::Fund);
    written.push((Principal::System, Command::Activate { proposal: 7 }, vec![paid, Event::Activated { proposal: 7 }]));
    written.extend([Mode::Halted, Mode::ReduceOnly, Mode::Open].map(|mode| {
        let (command, event) = (Command::SetMode { instrument: CALL, mode }, Event::ModeSet { instrument: CALL, mode });
        (Principal::Guardian, command, vec![event])
    }));
    written.extend([(BOB, true), (CAROL, true), (BOB, false)].map(|(account, on)| {
        (Principal::Governance, Command::SetBackstop { account, on }, vec![Event::BackstopSet { account, on }])
    }));
    // A change of what was revoked may be proposed again.
    written.push(announced(Change::OpenInterest { underlying: OIL, usd: money("2000000") }));
    written
}

fn judged(account: AccountId, status: Status) -> Event {
    let (equity, initial_margin, maintenance_margin) = (money("-3.5"), money("10"), money("5.25"));
    Event::Judged { account, status, equity, initial_margin, maintenance_margin, version: 1 }
}

fn liquidations() -> Vec<Written> {
    let opened = |account, epoch| Event::CaseOpened { account, epoch, markets: vec![BTC, OIL] };
    let offered = |lots| {
        let offer = Offer { instrument: PERPETUAL, lots, worst: price("95.5"), version: 1 };
        Event::Offered { account: ALICE, offer: Some(offer) }
    };
    let liquidate = |account, events| (Principal::System, Command::Liquidate { account }, events);
    let position = |account, lots, cost: &str| {
        let position = Position { instrument: PERPETUAL, lots, cost: quantity(cost) };
        Event::Positioned { account, position }
    };
    let fill = Command::LiquidationFill {
        account: ALICE,
        counterparty: CAROL,
        instrument: PERPETUAL,
        match_id: 2,
        price: price("100"),
        lots: -4,
        fee: quantity("0.01"),
    };
    let fee = moved(at_venue(ALICE), Holder::Pot(Pot::MarketFund(BTC)), USDC, "0.01", Cause::LiquidationFee);
    let flow = Flow { spent: money("0.4"), since: start() };
    let filled = vec![
        position(ALICE, 6, "0.606"),
        position(CAROL, 4, "0.404"),
        fee,
        Event::Matched { instrument: PERPETUAL, match_id: 2, price: price("100"), lots: 4, open: 10 },
        offered(-2),
        Event::Paced { underlying: BTC, flow },
    ];
    let bid = Command::AuctionBid { account: CAROL, auctioned: ALICE, share: ratio("0.5"), price: money("-1.5") };
    let (from, to) = (ALICE, CAROL);
    let taken = vec![
        position(ALICE, 3, "0.303"),
        position(CAROL, 7, "0.707"),
        Event::Transferred { instrument: PERPETUAL, from, to, lots: -3, price: price("101"), open: 10 },
        moved(at_venue(ALICE), at_venue(CAROL), USDC, "1.5", Cause::Takeover),
    ];
    let covered = vec![
        moved(Holder::Pot(Pot::SharedFund), at_venue(ALICE), USDC, "2", Cause::Cover),
        Event::Shared { account: ALICE, usd: money("1.9996") },
    ];
    let cascade = Cascade { down: ratio("0.25"), up: ratio("0.125") };
    let watched = vec![
        judged(ALICE, Status::Bankrupt),
        judged(BOB, Status::Liquidation),
        judged(CAROL, Status::Warning),
        opened(ALICE, 1),
        opened(BOB, 2),
        Event::Watched { version: 1 },
    ];
    vec![
        (Principal::System, Command::Watch, watched),
        liquidate(ALICE, vec![judged(ALICE, Status::Liquidation), offered(-6)]),
        (Principal::System, fill, filled),
        liquidate(ALICE, vec![Event::Offered { account: ALICE, offer: None }, Event::Auctioned { account: ALICE }]),
        (Principal::Owner(3), bid, taken),
        liquidate(ALICE, covered),
        liquidate(ALICE, vec![offered(-1)]),
        liquidate(BOB, vec![judged(BOB, Status::Healthy), Event::CaseClosed { account: BOB }]),
        (Principal::System, Command::Measure, vec![Event::Measured { underlying: BTC, cascade }]),
        (Principal::System, Command::Watch, vec![judged(CAROL, Status::Restricted)]),
    ]
}

fn expiry() -> Vec<Written> {
    let price = price("98.5");
    let events = vec![
        moved(Holder::Pot(Pot::Clearing(PUT)), at_venue(ALICE), COIN, "0.0152", Cause::Exercise),
        Event::Expired { instrument: PUT, price },
        Event::Retired { instrument: PUT, last: true },
    ];
    vec![(Principal::System, Command::Expire { instrument: PUT }, events)]
}

/// The last records: a surface that no tick has brought in, a pause that ends, and an account after the snapshot.
fn last() -> Vec<Written> {
    let (published, vols) = (start(), vec![(CALL, ratio("0.7"))]);
    let surface = Command::Surface { version: 2, published, vols: vols.clone() };
    let surfaced = Event::Surfaced { version: 2, published, vols };
    let (name, owner) = ("dave".to_owned(), 4);
    let opened = Event::Opened { name: name.clone(), owner };
    vec![
        (Principal::Source(engine::SURFACE_SOURCE), surface, vec![surfaced]),
        (Principal::Governance, Command::Resume, Vec::new()),
        (Principal::System, Command::OpenAccount { name, owner }, vec![opened]),
    ]
}
