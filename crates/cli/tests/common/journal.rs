//! A journal for tests: a perpetual, a call, three accounts, and a crash after which one of them is judged.

use engine::state::{InstrumentTerms, UnderlyingTerms};
use engine::{AccountId, Command, Envelope, FeedId, OrderId, Party, Principal, SURFACE_SOURCE};
use journal::{Identity, Journal, Store};
use marks::{Report, Rules, Source};
use model::{InstrumentId, InstrumentKind, Payoff, Right, Side, USD, UnderlyingId};
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
    sequencer: Sequencer<Store>,
    now: i64,
    reports: u64,
}

impl Day {
    /// Opens a journal in a file of that name, unique to a test, and lists, opens and deposits.
    pub fn begin(name: &str) -> Self {
        let file = path(name);
        let _ = std::fs::remove_file(&file);
        let start: Timestamp = of("2026-04-22T00:00:00Z");
        let identity = Identity { shard: 0, genesis: Genesis::new(start).text() };
        let (sequencer, _) =
            Sequencer::open(Store::create(&file, &identity).expect("nothing fails here")).expect("nothing fails here");
        let mut day = Self { sequencer, now: start.micros(), reports: 0 };
        day.take(Principal::Governance, Command::ListUnderlying(Box::new(underlying())));
        let expiry = of("2026-06-26T08:00:00Z");
        let call = InstrumentKind::Option { expiry, strike: "80000".parse().expect("a strike"), right: Right::Call };
        for (name, kind) in [("BTC-PERP", InstrumentKind::Perpetual), ("BTC-CALL", call)] {
            day.take(Principal::Governance, Command::ListInstrument(Box::new(instrument(name, kind))));
        }
        for (account, owner) in [("alice", 1), ("bob", 2), ("carol", 3)] {
            day.take(Principal::System, Command::OpenAccount { name: account.to_owned(), owner });
        }
        day.prices("80000");
        day.surface(1, "0.5");
        day.prices("80000");
        for (account, amount, reference) in [(ALICE, "30000", 1), (BOB, "500000", 2)] {
            let (asset, location, amount) = (USD, None, of(amount));
            day.take(Principal::Custody, Command::Deposit { account, asset, location, amount, reference });
        }
        day
    }

    /// The whole day: trades, an order, a crash. Alice is long and is judged; bob is short.
    pub fn whole(name: &str) -> Self {
        let mut day = Self::begin(name);
        day.fill(PERPETUAL, 1, "80000", 1000);
        day.fill(CALL, 1, &day.mark(CALL), 100);
        day.prices("80010");
        day.take(
            Principal::Owner(2),
            Command::Place {
                account: BOB,
                order: OrderId(1),
                instrument: PERPETUAL,
                side: Side::Buy,
                lots: 10,
                limit: of("79000"),
                reduce_only: true,
            },
        );
        for price in ["78000", "74000", "70000", "66000", "62000", "58000", "57000", "56800"] {
            day.prices(price);
        }
        day
    }

    /// Stores a snapshot, so that recovery begins here.
    pub fn snapshot(&mut self) {
        self.sequencer.snapshot().expect("nothing fails here");
    }

    /// Stores a snapshot and drops the records before it.
    pub fn compact(&mut self) -> u64 {
        self.snapshot();
        let place = self.sequencer.head().sequence;
        self.sequencer.journal_mut().compact(place).expect("nothing fails here");
        place
    }

    /// Appends one more price.
    pub fn one_more(&mut self, price: &str) {
        self.prices(price);
    }

    fn mark(&self, instrument: InstrumentId) -> String {
        let mark = self.sequencer.engine().state().market.mark(instrument);
        mark.in_quote().to_decimals(0, units::Round::Down).expect("nothing fails here").to_string()
    }

    fn take(&mut self, principal: Principal, command: Command) {
        self.now += SECOND / 10;
        let envelope = Envelope { time: Timestamp::from_micros(self.now), principal, command };
        let answers = self.sequencer.submit(std::slice::from_ref(&envelope)).expect("nothing fails here");
        assert!(matches!(answers.as_slice(), [Answer::Accepted { .. }]), "{envelope:?}: {answers:?}");
    }

    /// Three sources report a price, and again ten seconds later, so that the price has settled.
    fn prices(&mut self, price: &str) {
        for _ in 0..2 {
            self.now += 5 * SECOND;
            self.reports += 1;
            for source in 1..=3 {
                let published = Timestamp::from_micros(self.now);
                let (price, confidence, depth) = (of(price), of("1"), of("1000000"));
                let report = Report { source, sequence: self.reports, published, price, confidence, depth };
                let feed = FeedId::Index(UnderlyingId(0));
                self.take(Principal::Source(source), Command::Report { feed, report });
            }
            self.take(Principal::System, Command::Tick);
        }
    }

    fn surface(&mut self, version: u64, vol: &str) {
        let published = Timestamp::from_micros(self.now);
        let vols = vec![(CALL, of(vol))];
        self.take(Principal::Source(SURFACE_SOURCE), Command::Surface { version, published, vols });
    }

    fn fill(&mut self, instrument: InstrumentId, match_id: u64, price: &str, lots: i64) {
        let party = |account| Party { account, order: None, fee: of("1") };
        let (price, buyer, seller) = (of(price), party(ALICE), party(BOB));
        self.take(Principal::Matching, Command::Fill { instrument, match_id, price, lots, buyer, seller });
    }
}

/// A number or a time.
fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("it is written in this file")
}

fn rules() -> Rules {
    let source = |source| Source { source, max_age_micros: 60 * SECOND, bounds: None };
    Rules {
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
