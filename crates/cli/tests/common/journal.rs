//! A journal for tests: a perpetual, a call, three accounts, and a crash after which one of them is judged.

use engine::state::{InstrumentTerms, UnderlyingTerms};
use engine::{AccountId, FeedId, Party};
use journal::{Identity, Journal, Store};
use marks::{FeedRules, Source};
use model::{InstrumentId, InstrumentKind, Payoff, Right, Side, USD, UnderlyingId};
use operator::{Duty, Operator, Ordered, Said, Schedule, Trade};
use sequencer::{Answer, Genesis, Sequencer};
use units::Timestamp;

use super::path;

const SECOND: i64 = 1_000_000;
const ALICE: AccountId = AccountId(0);
const BOB: AccountId = AccountId(1);
const PERPETUAL: InstrumentId = InstrumentId(0);
const CALL: InstrumentId = InstrumentId(1);

/// A day while its journal is being written.
pub struct Day {
    operator: Operator<Sequencer<Store>>,
}

impl Day {
    /// Opens a journal in a file of that name, unique to a test, and lists, opens and deposits.
    pub fn begin(name: &str) -> Self {
        let file = path(name);
        let _ = std::fs::remove_file(&file);
        let identity = Identity { shard: 0, genesis: Genesis::new(of("2026-04-22T00:00:00Z")).text() };
        let (sequencer, _) =
            Sequencer::open(Store::create(&file, &identity).expect("nothing fails here")).expect("nothing fails here");
        let mut day = Self { operator: Operator::new(sequencer, Schedule::default()) };
        day.later().list_underlying(underlying()).expect("nothing fails here");
        let expiry = of("2026-06-26T08:00:00Z");
        let call = InstrumentKind::Option { expiry, strike: "80000".parse().expect("a strike"), right: Right::Call };
        for (name, kind) in [("BTC-PERP", InstrumentKind::Perpetual), ("BTC-CALL", call)] {
            day.later().list_instrument(instrument(name, kind)).expect("nothing fails here");
        }
        for (account, owner) in [("alice", 1), ("bob", 2), ("carol", 3)] {
            day.later().open_account(account, owner).expect("nothing fails here");
        }
        day.prices("80000");
        day.later().surface(vec![(CALL, of("0.5"))]).expect("nothing fails here");
        day.prices("80000");
        for (account, amount) in [(ALICE, "30000"), (BOB, "500000")] {
            day.later().deposit(account, USD, None, of(amount)).expect("nothing fails here");
        }
        day
    }

    /// The whole day: trades, an order, a crash. Alice is long and is judged; bob is short.
    pub fn whole(name: &str) -> Self {
        let mut day = Self::begin(name);
        day.fill(PERPETUAL, "80000", 1000);
        day.fill(CALL, &day.mark(CALL), 100);
        day.prices("80010");
        let ordered =
            Ordered { instrument: PERPETUAL, side: Side::Buy, lots: 10, limit: of("79000"), reduce_only: true };
        day.later().place(BOB, &ordered).expect("nothing fails here");
        for price in ["78000", "74000", "70000", "66000", "62000", "58000", "57000", "56800"] {
            day.prices(price);
        }
        day
    }

    /// Stores a snapshot, so that recovery begins here.
    pub fn snapshot(&mut self) {
        self.operator.door_mut().snapshot().expect("nothing fails here");
    }

    /// Stores a snapshot and drops the records before it.
    pub fn compact(&mut self) -> u64 {
        self.snapshot();
        let place = self.operator.door().head().sequence;
        self.operator.door_mut().journal_mut().compact(place).expect("nothing fails here");
        place
    }

    /// Appends one more price.
    pub fn one_more(&mut self, price: &str) {
        self.prices(price);
    }

    fn mark(&self, instrument: InstrumentId) -> String {
        let mark = self.operator.state().market.mark(instrument);
        mark.in_quote().to_decimals(0, units::Round::Down).expect("nothing fails here").to_string()
    }

    /// The operator, a tenth of a second after the last command.
    fn later(&mut self) -> &mut Operator<Sequencer<Store>> {
        self.wait(SECOND / 10);
        &mut self.operator
    }

    fn wait(&mut self, micros: i64) {
        self.operator.at(Timestamp::from_micros(self.operator.now().micros() + micros));
    }

    /// Three sources report a price, and again five seconds later, so that the price has settled. Nothing but a tick is
    /// done: the tests look at accounts that nobody has liquidated.
    fn prices(&mut self, price: &str) {
        for _ in 0..2 {
            self.wait(5 * SECOND);
            for source in 1..=3 {
                let said = Said { source, price: of(price), confidence: of("1"), depth: of("1000000") };
                self.later().report(FeedId::Index(UnderlyingId(0)), &said).expect("nothing fails here");
            }
            let done = self.later().perform(&[Duty::Tick]).expect("nothing fails here");
            assert!(matches!(done[0].answer, Answer::Accepted { .. }), "{done:?}");
        }
    }

    fn fill(&mut self, instrument: InstrumentId, price: &str, lots: i64) {
        let party = |account| Party { account, order: None, fee: of("1") };
        let (price, buyer, seller) = (of(price), party(ALICE), party(BOB));
        self.later().fill(&Trade { instrument, price, lots, buyer, seller }).expect("nothing fails here");
    }
}

/// A number or a time.
fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("it is written in this file")
}

fn rules() -> FeedRules {
    let source = |source| Source { source, max_age_micros: 60 * SECOND, bounds: None };
    FeedRules {
        sources: (1..=3).map(source).collect(),
        quorum: 2,
        band: of("0.05"),
        dispersion: of("0.02"),
        scale: of("1"),
        max_confidence: of("0.02"),
        max_future_micros: SECOND,
        collar: of("10"),
        handover: of("0.5"),
        fast_micros: 10 * SECOND,
        slow_micros: 60 * SECOND,
        signed: false,
    }
}

fn underlying() -> UnderlyingTerms {
    UnderlyingTerms {
        name: "BTC".to_owned(),
        reference: of("80000"),
        feed: rules(),
        adv_usd: Some(of("20000000000")),
        depth: Vec::new(),
        open_interest_usd: of("1000000000"),
    }
}

fn instrument(name: &str, kind: InstrumentKind) -> InstrumentTerms {
    InstrumentTerms {
        name: name.to_owned(),
        kind,
        underlying: UnderlyingId(0),
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
        feed: None,
    }
}
