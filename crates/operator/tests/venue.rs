//! A small venue from its first listing on, run by its operator alone.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use engine::state::{Change, InstrumentTerms, Mode, Policy, Pot, State, UnderlyingTerms};
use engine::{AccountId, FeedId, Party, Status};
use journal::{Identity, Store};
use marks::{FeedRules, Source};
use model::{InstrumentId, InstrumentKind, Payoff, Side, USD, UnderlyingId};
use operator::{Beat, Door, Duty, Failed, Memory, Operator, Ordered, Said, Schedule, Taken, Trade};
use sequencer::{Answer, Genesis, Sequencer};
use units::{Quantity, Timestamp};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const BTC: UnderlyingId = UnderlyingId(0);
const PERPETUAL: InstrumentId = InstrumentId(0);
const FUTURE: InstrumentId = InstrumentId(1);
const START: &str = "2026-11-29T00:00:00Z";

/// Reads a number or a time that this file contains.
fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn rules() -> FeedRules {
    let source = |source| Source { source, max_age_micros: 60 * SECOND, bounds: None };
    FeedRules {
        sources: (1..=3).map(source).collect(),
        quorum: 2,
        band: of("0.05"),
        dispersion: of("0.02"),
        scale: of("0.01"),
        max_confidence: of("0.02"),
        max_future_micros: SECOND,
        collar: of("10"),
        handover: of("0.5"),
        fast_micros: 10 * SECOND,
        slow_micros: 60 * SECOND,
        signed: false,
    }
}

fn listed(name: &str, kind: InstrumentKind) -> InstrumentTerms {
    InstrumentTerms {
        name: name.to_owned(),
        kind,
        underlying: BTC,
        payoff: Payoff::Linear,
        quote: USD,
        settle: USD,
        contract_size: of("1"),
        lot: of("0.001"),
        tick: of("1"),
        max_order: 1_000_000,
        max_open: 10_000_000,
        band: of("0.2"),
        fee_rate: Some(of("0.0005")),
        feed: Some(rules()),
    }
}

/// Three sources of an index, of the premium of a perpetual and of a forward; a maker and a long.
struct Venue<D> {
    operator: Operator<D>,
    index: &'static str,
    premium: &'static str,
    /// Duties that were done, by kind of command.
    done: BTreeSet<String>,
}

impl<D: Door> Venue<D> {
    fn open(door: D) -> Self {
        let schedule = Schedule { tick: 10 * SECOND, ..Schedule::default() };
        let operator = Operator::new(door, schedule);
        let mut venue = Self { operator, index: "80000", premium: "1.0004", done: BTreeSet::new() };
        let terms = UnderlyingTerms {
            name: "BTC".to_owned(),
            reference: of("80000"),
            feed: rules(),
            adv_usd: Some(of("20000000000")),
            depth: Vec::new(),
            open_interest_usd: of("1000000000"),
        };
        assert_eq!(venue.operator.list_underlying(terms).unwrap(), BTC);
        let expiry = of("2026-11-30T08:00:00Z");
        for (id, name, kind) in [
            (PERPETUAL, "BTC-PERP", InstrumentKind::Perpetual),
            (FUTURE, "BTC-30NOV26", InstrumentKind::Future { expiry }),
        ] {
            assert_eq!(venue.operator.list_instrument(listed(name, kind)).unwrap(), id);
        }
        venue
    }

    /// Two customers come in, and one buys 1 BTC of the perpetual and of the future from the other.
    fn trade(&mut self) -> [AccountId; 2] {
        self.pass(10 * SECOND);
        let people = [("long", 1, "20000"), ("maker", 2, "1000000")].map(|(name, owner, usd)| {
            let account = self.operator.open_account(name, owner).unwrap();
            self.operator.deposit(account, USD, None, of(usd)).unwrap();
            account
        });
        let party = |account| Party { account, order: None, fee: Quantity::ZERO };
        for instrument in [PERPETUAL, FUTURE] {
            let price = self.mark(instrument);
            let (buyer, seller) = (party(people[0]), party(people[1]));
            self.operator.fill(&Trade { instrument, price, lots: 500, buyer, seller }).unwrap();
        }
        people
    }

    fn mark(&self, instrument: InstrumentId) -> units::Price {
        let mark = self.operator.state().market.mark(instrument).in_quote();
        mark.to_decimals(0, units::Round::Down).unwrap()
    }

    /// Lets time pass: every source reports, and every duty that is due is done.
    fn pass(&mut self, micros: i64) -> Beat {
        let now = Timestamp::from_micros(self.operator.now().micros() + micros);
        self.operator.at(now);
        let forward = FeedId::Forward(BTC, of("2026-11-30T08:00:00Z"));
        for (feed, price) in
            [(FeedId::Index(BTC), self.index), (FeedId::Premium(PERPETUAL), self.premium), (forward, "1")]
        {
            for source in 1..=3 {
                let said = Said { source, price: of(price), confidence: of("0"), depth: of("1000000") };
                let known = self.operator.state().feeds.contains_key(&feed);
                assert_eq!(self.operator.report(feed, &said).is_ok(), known, "{feed:?}");
            }
        }
        let beat = self.operator.beat(now).unwrap();
        for done in &beat.done {
            let kind = format!("{:?}", done.duty).split('(').next().unwrap().to_owned();
            if matches!(done.answer, Answer::Accepted { .. }) {
                self.done.insert(kind);
            }
        }
        beat
    }

    fn usd(&self, account: AccountId) -> Quantity {
        self.operator.state().accounts[account.place()].balance(USD, None).amount
    }
}

fn memory() -> Memory {
    Memory::new(State::new(of(START), margin::method::universal::PARAMS.to_owned(), Policy::default())).unwrap()
}

#[test]
fn a_day_of_a_venue_is_nothing_but_its_duties() {
    let mut venue = Venue::open(memory());
    let [long, maker] = venue.trade();
    let before = [long, maker].map(|account| venue.usd(account));
    // From 00:00 until after 08:00 of the next day, half an hour at a time and every minute before the expiry.
    for _ in 0..63 {
        venue.pass(HOUR / 2);
    }
    for _ in 0..65 {
        venue.pass(30 * SECOND);
    }
    let state = venue.operator.state();
    assert_eq!(state.contracts[FUTURE.0].mode, Mode::Settled, "the future expired at 08:00");
    assert!(state.accounts.iter().all(|account| account.position(FUTURE).lots == 0));
    assert!(state.contracts[PERPETUAL.0].last_period >= 3, "funding at 08:00, 16:00, 00:00, 08:00");
    // Four parts in ten thousand of 40,000 USD every eight hours.
    let paid = before[0].minus(venue.usd(long)).unwrap().to_f64();
    assert!((48.0..80.0).contains(&paid), "{paid}");
    for duty in ["Tick", "Fund", "Interest", "Settle", "Measure", "Expire"] {
        assert!(venue.done.contains(duty), "{duty} was never done: {:?}", venue.done);
    }
    assert_eq!(state.sum(USD), Quantity::ZERO);
}

#[test]
fn an_account_below_maintenance_is_offered_and_taken() {
    let mut venue = Venue::open(memory());
    let [long, maker] = venue.trade();
    venue.operator.fund(Pot::SharedFund, USD, of("100000")).unwrap();
    for index in ["79000", "74000", "68000", "62000", "56000", "50000"] {
        venue.index = index;
        for _ in 0..4 {
            venue.pass(10 * SECOND);
            // The maker takes every offer, at its worst price.
            let offers: Vec<_> = venue.operator.offers().collect();
            for (account, offer) in offers {
                let (instrument, lots, price) = (offer.instrument, offer.lots, offer.worst);
                let taken = Taken { account, counterparty: maker, instrument, price, lots, fee: Quantity::ZERO };
                venue.operator.liquidation_fill(&taken).unwrap();
            }
        }
    }
    assert!(venue.done.contains("Liquidate"));
    let state = venue.operator.state();
    let account = &state.accounts[long.place()];
    assert!(account.positions.iter().map(|held| held.lots).sum::<i64>() < 1000, "{:?}", account.positions);
    assert!(account.status >= Status::Warning || state.liquidations.cases.contains_key(&long), "{:?}", account.status);
    assert_eq!(state.sum(USD), Quantity::ZERO);
}

#[test]
fn what_is_refused_waits_and_a_long_pause_is_resumed() {
    let mut venue = Venue::open(memory());
    venue.trade();
    // Two days of silence: the engine is resumed, and nothing is settled without a price.
    let now = Timestamp::from_micros(venue.operator.now().micros() + 48 * HOUR);
    let beat = venue.operator.beat(now).unwrap();
    assert_eq!(beat.done[0].duty, Duty::Resume);
    let expired = beat.done.iter().find(|done| done.duty == Duty::Expire(FUTURE)).unwrap();
    assert!(matches!(expired.answer, Answer::Refused(_)), "{expired:?}");
    let again = |beat: &Beat| beat.done.iter().any(|done| done.duty == Duty::Expire(FUTURE));
    let soon = Timestamp::from_micros(now.micros() + 30 * SECOND);
    assert!(!again(&venue.operator.beat(soon).unwrap()), "it is tried again after a minute");
    let later = Timestamp::from_micros(now.micros() + 61 * SECOND);
    assert!(again(&venue.operator.beat(later).unwrap()));
    // A command for an account that does not exist is refused.
    let refused = venue.operator.withdraw(AccountId(99), USD, None, of("1"));
    assert!(matches!(refused, Err(Failed::Refused(_))));
}

/// Numbers that must rise go on from command to command of one batch, and from the batch to the next command.
#[test]
fn a_batch_goes_on_with_every_number() {
    let mut venue = Venue::open(memory());
    let [long, maker] = venue.trade();
    let price = venue.mark(PERPETUAL);
    let party = |account| Party { account, order: None, fee: Quantity::ZERO };
    let trade = Trade { instrument: PERPETUAL, price, lots: 1, buyer: party(long), seller: party(maker) };
    let ordered = Ordered { instrument: PERPETUAL, side: Side::Sell, lots: 1, limit: price, reduce_only: true };
    let later = Timestamp::from_micros(venue.operator.now().micros() + SECOND);
    let mut batch = venue.operator.batch();
    batch.at(later);
    let third = batch.open_account("third", 3);
    for source in 1..=2 {
        batch.deposit(third, USD, None, of("5000"));
        batch.fund(Pot::SharedFund, USD, of("1"));
        batch.fill(&trade);
        batch.report(FeedId::Index(BTC), &Said { source, price, confidence: of("0"), depth: of("1000000") });
        batch.surface(Vec::new());
    }
    let orders = [batch.place(long, &ordered), batch.place(long, &ordered)];
    let batch = batch.done();
    let answers = venue.operator.submit(&batch).unwrap();
    let taken = |answer: &Answer| matches!(answer, Answer::Accepted { .. });
    assert!(answers.len() == 13 && answers.iter().all(taken), "{answers:?}");
    assert_eq!(orders[1].0, orders[0].0 + 1);
    assert_eq!(venue.operator.state().account_named("third"), Some(third));
    venue.operator.fill(&trade).unwrap();
    assert_eq!(venue.operator.state().contracts[PERPETUAL.0].last_match, 4);
}

/// The numbers that the engine counts are known before it has taken the batch.
#[test]
fn a_batch_knows_what_its_listings_and_proposals_are_called() {
    let mut venue = Venue::open(memory());
    let proposal = venue.operator.state().next_proposal;
    let mut batch = venue.operator.batch();
    let futures = [FUTURE.0 + 1, FUTURE.0 + 2].map(|number| {
        let kind = InstrumentKind::Future { expiry: of("2026-12-25T08:00:00Z") };
        assert_eq!(batch.list_instrument(listed(&format!("BTC-{number}"), kind)), InstrumentId(number));
        InstrumentId(number)
    });
    let places = ["one", "two"].map(|name| batch.list_location(name));
    let usd = of("900000000");
    assert_eq!(batch.propose(Change::OpenInterest { underlying: BTC, usd }), proposal);
    let limits = Change::Limits { instrument: PERPETUAL, max_order: 900_000, max_open: 10_000_000, band: of("0.2") };
    assert_eq!(batch.propose(limits), proposal + 1);
    batch.revoke(proposal);
    batch.set_mode(futures[1], Mode::ReduceOnly);
    let batch = batch.done();
    let answers = venue.operator.submit(&batch).unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Accepted { .. })), "{answers:?}");
    let state = venue.operator.state();
    assert_eq!(state.contracts[futures[1].0].terms.name, format!("BTC-{}", futures[1].0));
    assert_eq!(state.contracts[futures[1].0].mode, Mode::ReduceOnly);
    assert_eq!(state.locations.len(), usize::from(places[1].0) + 1);
    assert_eq!(state.proposals.keys().copied().collect::<Vec<_>>(), [proposal + 1]);
}

/// Funding that a caller writes with a rate of its own has the next period, as the funding of the operator has.
#[test]
fn the_periods_of_funding_go_on() {
    let mut venue = Venue::open(memory());
    venue.trade();
    venue.pass(8 * HOUR);
    let last = venue.operator.state().contracts[PERPETUAL.0].last_period;
    venue.pass(10 * SECOND);
    venue.operator.send(|batch| batch.funding(PERPETUAL, of("0"))).unwrap();
    venue.operator.duty(Duty::Fund(PERPETUAL)).unwrap();
    assert_eq!(venue.operator.state().contracts[PERPETUAL.0].last_period, last + 2);
    let seen = Timestamp::from_micros(venue.operator.now().micros() - SECOND);
    let said = Said { source: 1, price: of("80000"), confidence: of("0"), depth: of("1000000") };
    let feed = FeedId::Index(BTC);
    let refused = venue.operator.send(|batch| batch.report_seen(feed, &said, seen));
    assert!(refused.is_err(), "the source has seen a newer price");
}

#[test]
fn what_is_held_back_stays_due() {
    let mut venue = Venue::open(memory());
    venue.trade();
    let now = Timestamp::from_micros(venue.operator.now().micros() + 10 * SECOND);
    let ticked = |beat: &Beat| beat.done.iter().any(|done| done.duty == Duty::Tick);
    assert!(!ticked(&venue.operator.beat_without(now, |duty| duty == Duty::Tick).unwrap()));
    assert!(ticked(&venue.operator.beat(now).unwrap()));
    assert!(!ticked(&venue.operator.beat(now).unwrap()));
    // A single duty is done when it is asked for, due or not.
    let done = venue.operator.perform(&[Duty::Tick, Duty::Measure]).unwrap();
    assert_eq!(done.iter().map(|done| done.duty).collect::<Vec<_>>(), [Duty::Tick, Duty::Measure]);
    assert!(done.iter().all(|done| matches!(done.answer, Answer::Accepted { .. })), "{done:?}");
}

#[test]
fn a_restart_goes_on_where_the_journal_ends() {
    let file = std::env::temp_dir().join(format!("upm-operator-{}.journal", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let identity = Identity { shard: 0, genesis: Genesis::new(of(START)).text() };
    let (sequencer, _) = Sequencer::open(Store::create(&file, &identity).unwrap()).unwrap();
    let mut venue = Venue::open(sequencer);
    let [long, _] = venue.trade();
    let mut alone = Venue::open(memory());
    alone.trade();
    let Venue { operator, index, premium, done } = venue;
    drop(operator.into_door());
    let (sequencer, recovery) = Sequencer::open(Store::open(&file, &identity).unwrap()).unwrap();
    assert!(recovery.records > 0);
    let schedule = Schedule { tick: 10 * SECOND, ..Schedule::default() };
    let mut venue = Venue { operator: Operator::new(sequencer, schedule), index, premium, done };
    for _ in 0..3 {
        venue.pass(20 * SECOND);
        alone.pass(20 * SECOND);
    }
    // The numbers of deposits, matches and reports went on, and the journal makes no difference.
    venue.operator.deposit(long, USD, None, of("1")).unwrap();
    alone.operator.deposit(long, USD, None, of("1")).unwrap();
    assert_eq!(venue.operator.state(), alone.operator.state());
    std::fs::remove_file(&file).unwrap();
}
