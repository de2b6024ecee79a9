//! A target that can be reached is reached: a slow search of its own, which knows nothing of plans, looks for trades
//! where a plan found none.

use liquidation::{Gauge, OrderBook, Stop};
use model::{Account, InstrumentId};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::few;
use crate::universal::{ByUniversal, MARKET, below, gauge, replayed, world};
use crate::world::{planned, shown, trades};

const BETA: f64 = 1.1;
/// Accounts that the search tries before it gives up.
const TRIES: u32 = 20_000;
/// Parts of a range that a size is moved by: a half, a quarter, ...
const HALVINGS: i32 = 12;

/// The search's state: lots of every instrument that may be traded, negative when sold, with their limits.
struct Climb<'a> {
    account: &'a Account,
    books: &'a [OrderBook],
    gauge: ByUniversal<'static>,
    ranges: Vec<(InstrumentId, i64, i64)>,
    tries: u32,
}

impl<'a> Climb<'a> {
    fn new(account: &'a Account, books: &'a [OrderBook]) -> Self {
        let held = |instrument: InstrumentId| {
            let position = account.positions.iter().find(|position| position.instrument == instrument);
            position.map_or(0, |held| i64::try_from(held.quantity.raw() / books[instrument.0].lot.raw()).unwrap())
        };
        let places = (0..MARKET.instruments.len()).map(InstrumentId);
        let widest = 2 * places.clone().map(|place| held(place).abs()).max().unwrap();
        let range = |place: InstrumentId| {
            let (held, book) = (held(place), &books[place.0]);
            // An option is only brought nearer to zero; anything else also hedges.
            let hedges = if MARKET.listing(place).is_option() { 0 } else { widest };
            let (low, high) = (-held.max(0) - hedges, -held.min(0) + hedges);
            book.open.then_some((place, low.max(-book.room), high.min(book.room)))
        };
        let ranges = places.filter_map(range).filter(|(_, low, high)| low < high).collect();
        Self { account, books, gauge: gauge(), ranges, tries: 0 }
    }

    /// USD above the target after some trades.
    fn excess(&mut self, lots: &[i64]) -> f64 {
        self.tries += 1;
        let trade = |((place, ..), lots): (&(InstrumentId, i64, i64), &i64)| (*lots != 0).then_some((*place, *lots));
        let trades: Vec<(InstrumentId, i64)> = self.ranges.iter().zip(lots).filter_map(trade).collect();
        self.gauge.stands(&replayed((self.account, self.books), &trades)).unwrap().excess(BETA)
    }

    /// Changes one size, or two at once, by ever smaller parts of their ranges, as long as that helps; true when the
    /// target is reached.
    fn reaches(mut self) -> bool {
        let mut lots = vec![0; self.ranges.len()];
        let mut best = self.excess(&lots);
        let mut halvings = 1;
        while best < 0.0 && halvings <= HALVINGS && self.tries < TRIES {
            let moves = self.moves(&lots, halvings);
            let singles = moves.iter().map(|one| vec![*one]);
            let pairs = moves.iter().enumerate().flat_map(|(place, one)| {
                moves[place + 1..].iter().filter(|other| other.0 != one.0).map(|other| vec![*one, *other])
            });
            let better = singles.chain(pairs).find_map(|moved| {
                let mut tried = lots.clone();
                for (place, to) in moved {
                    tried[place] = to;
                }
                let excess = if self.tries < TRIES { self.excess(&tried) } else { f64::NEG_INFINITY };
                (excess > best + 1e-6 * best.abs()).then_some((excess, tried))
            });
            match better {
                Some(better) => (best, lots) = better,
                None => halvings += 1,
            }
        }
        best >= 0.0
    }

    /// Every size moved by a part of its range, either way.
    fn moves(&self, lots: &[i64], halvings: i32) -> Vec<(usize, i64)> {
        let mut moves = Vec::new();
        for (place, (_, low, high)) in self.ranges.iter().enumerate() {
            let step = ((high - low) >> halvings).max(1);
            let both = [lots[place] + step, lots[place] - step].map(|to| to.clamp(*low, *high));
            moves.extend(both.into_iter().filter(|to| *to != lots[place]).map(|to| (place, to)));
        }
        moves
    }
}

/// Of accounts with many positions, in books with enough room, every one reaches the target.
#[test]
fn accounts_of_many_positions_reach_the_target() {
    let (books, gauge) = (few::books(), gauge());
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let account = few::accounts(40).new_tree(&mut runner).unwrap().current();
        let plan = planned(&account, &MARKET, &gauge, &books);
        assert!(plan.reached, "{account:#?} {}", shown(&plan));
    }
}

/// Where a plan stops because nothing that is traded helps any more, the slow search finds nothing either, in books of
/// every kind: closed, thin and without room.
#[test]
fn a_plan_stops_only_where_a_slow_search_stops() {
    let gauge = gauge();
    let mut runner = TestRunner::deterministic();
    let mut searched = 0;
    for _ in 0..60 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let plan = planned(&world.account, &MARKET, &gauge, &world.books);
        if plan.stopped.is_some_and(|stop| stop != Stop::Unordered) {
            searched += 1;
            let reaches = Climb::new(&world.account, &world.books).reaches();
            assert!(!reaches, "{world:?} {}", shown(&plan));
        }
    }
    assert!(searched > 0, "no plan stopped: the test says nothing");
}

/// Accounts that reach the target only when all trades are sized at once: adding one trade after another ends too
/// early, in a state where every single trade lowers health.
#[test]
fn trades_sized_together_reach_what_trades_one_by_one_do_not() {
    for (seed, most) in [(868, 2), (1444, 4), (2098, 3), (2268, 3), (2807, 4)] {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&u16::to_le_bytes(seed));
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let world = world().new_tree(&mut runner).unwrap().current();
        let plan = planned(&world.account, &MARKET, &gauge(), &world.books);
        assert!(plan.reached && plan.steps.len() <= most, "{seed}: {}", shown(&plan));
    }
}

/// A short option can be closed at a price that a hedge, at first, seems to spare: once it is hedged nothing helps, so
/// it is closed instead.
#[test]
fn a_cheap_hedge_does_not_keep_an_account_from_its_target() {
    let find = |name: &str| MARKET.instrument(name).unwrap();
    let option = find("BTC-60-80000-Call");
    let account = below(&[(option, -0.769)], 0.52);
    let plan = planned(&account, &MARKET, &gauge(), &few::books());
    let lots = trades(&plan);
    assert!(plan.reached && lots.iter().any(|(instrument, _)| *instrument == option), "{}", shown(&plan));
}

/// Closing all positions reaches the target, and so do three of these trades; the trade that gives most at first leads to
/// a state in which nothing helps.
#[test]
fn what_closing_reaches_is_reached() {
    let held = [
        ("BTC-7-56000-Put", -5.87),
        ("BTC-7-64000-Call", 9.05),
        ("BTC-7-72000-Call", -0.03),
        ("BTC-7-80000-Put", 7.01),
        ("BTC-7-96000-Put", -7.28),
        ("BTC-7-104000-Put", -4.77),
        ("BTC-60-80000-Call", -7.54),
        ("BTC-60-104000-Put", 5.29),
        ("ETH-7", -198.47),
        ("ETH-7-3600-Put", -133.59),
        ("ETH-60-2100-Call", 78.15),
    ];
    let millions = |(name, contracts): (&str, f64)| {
        let listing = MARKET.instruments.iter().find(|listing| listing.name == name).unwrap();
        (MARKET.instrument(name).unwrap(), contracts * MARKET.index(listing.underlying).usd().to_f64() / 1e6)
    };
    let account = below(&held.map(millions), 0.5123);
    let plan = planned(&account, &MARKET, &gauge(), &few::books());
    assert!(plan.reached && trades(&plan).len() <= 3, "{}", shown(&plan));
}
