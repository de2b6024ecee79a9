//! The invariants of prices as properties of arbitrary histories.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

mod support;

use std::collections::BTreeMap;

use marks::{Bounds, Cause, Feed, FeedRules, LARGEST, NoQuote, Quote, Report, Validity, composed};
use proptest::prelude::*;
use support::{Bench, UNIT, at, report, rules};
use units::{Money, Price, Ratio, Timestamp};

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any report that a feed allowing every sign accepts at second 0.
fn arbitrary_word() -> impl Strategy<Value = (i128, i128, i128)> {
    let around = 95 * UNIT..125 * UNIT;
    let price = prop_oneof![around, -LARGEST.raw()..=LARGEST.raw(), Just(0)];
    let confidence = prop_oneof![Just(0), 0..3 * UNIT, 0..=LARGEST.raw()];
    let depth = prop_oneof![Just(0), 0..2_000_000 * UNIT, 0..=i128::MAX];
    (price, confidence, depth)
}

fn word(source: u32, (price, confidence, depth): (i128, i128, i128)) -> Report {
    Report {
        confidence: Price::from_raw(confidence),
        depth: Money::from_raw(depth),
        ..report(source, 0, Price::from_raw(price))
    }
}

/// Sources with honest reports around 100, and as many liars among them as the quorum tolerates.
#[derive(Clone, Debug)]
struct Parliament {
    rules: FeedRules,
    honest: Vec<Report>,
    liars: Vec<Report>,
}

/// `width` is the largest distance between honest prices, as a raw price. With `full`, the honest sources alone are a
/// quorum.
fn parliament(width: i128, full: bool) -> impl Strategy<Value = Parliament> {
    (1_u32..=7, 0_u32..=5).prop_flat_map(move |(quorum, more)| {
        let liars = (quorum - 1) / 2;
        let all = quorum + more + if full { liars } else { 0 };
        let honest_word = (100 * UNIT..=100 * UNIT + width, 0..=UNIT, 0..=10_000_000 * UNIT);
        let honest = prop::collection::vec(honest_word, usize::try_from(all - liars).unwrap());
        let lies = prop::collection::vec(arbitrary_word(), usize::try_from(liars).unwrap());
        (honest, lies, any::<prop::sample::Index>()).prop_map(move |(honest, lies, shift)| {
            // Numbers are assigned from a random start, so that liars are not always the last.
            let shift = u32::try_from(shift.index(usize::try_from(all).unwrap())).unwrap();
            let number = |place: u32| (place + shift) % all + 1;
            let honest: Vec<Report> = (0..).zip(honest).map(|(place, said)| word(number(place), said)).collect();
            let liars = (all - liars..).zip(lies).map(|(place, said)| word(number(place), said)).collect();
            let rules = FeedRules { signed: true, ..rules(all, quorum) };
            Parliament { rules, honest, liars }
        })
    })
}

fn quote_of(rules: &FeedRules, reports: &[Report]) -> Result<Quote, NoQuote> {
    let mut feed = Feed::default();
    for report in reports {
        feed.accept(rules, report, at(0)).unwrap();
        feed.record(*report);
    }
    feed.quote(rules, at(0))
}

fn range(reports: &[Report]) -> (Price, Price) {
    let prices = || reports.iter().map(|report| report.price);
    (prices().min().unwrap(), prices().max().unwrap())
}

/// The events of one tick of a long history.
#[derive(Clone, Debug)]
struct Tick {
    seconds: i64,
    said: Vec<(u32, i64, i128, i128)>,
}

/// Histories of five sources that lag, die, return, go wild and stand at bounds.
fn history(prices: impl Strategy<Value = i128> + Clone + 'static) -> impl Strategy<Value = Vec<Tick>> {
    let said = prop::collection::vec((1_u32..=6, -1_i64..15, prices, 0..=3 * UNIT), 0..8);
    let tick = (0_i64..20, said).prop_map(|(seconds, said)| Tick { seconds, said });
    prop::collection::vec(tick, 1..25)
}

/// Plays a history; returns every quote with the feed it was made from.
fn play(rules: &FeedRules, history: &[Tick]) -> Vec<(Feed, Quote)> {
    let (mut feed, mut now, mut sequence, mut quotes) = (Feed::default(), 1_000, 0, Vec::new());
    for tick in history {
        now += tick.seconds;
        for (source, lag, price, confidence) in &tick.said {
            sequence += 1;
            let report = Report {
                sequence,
                published: at(now - lag),
                confidence: Price::from_raw(*confidence),
                ..report(*source, 0, Price::from_raw(*price))
            };
            if feed.accept(rules, &report, at(now)).is_ok() {
                feed.record(report);
            }
        }
        match feed.quote(rules, at(now)) {
            Ok(quote) => {
                quotes.push((feed.clone(), quote.clone()));
                feed.publish(quote);
            }
            Err(NoQuote::NoPrice { .. }) => assert_eq!(feed.last(), None),
            Err(NoQuote::Overflow(overflow)) => panic!("{overflow}"),
        }
    }
    quotes
}

fn bounded(sources: u32, quorum: u32) -> FeedRules {
    let mut rules = FeedRules { signed: true, ..rules(sources, quorum) };
    for source in &mut rules.sources {
        source.bounds = Some(Bounds { low: Price::from_raw(95 * UNIT), high: Price::from_raw(105 * UNIT) });
    }
    rules
}

proptest! {
    #![proptest_config(settings())]

    /// I-15: whatever price, confidence and depth a minority reports, the index is within the range of the honest
    /// sources, so the minority moves it by at most that range. A valid price is within the dispersion of an honest
    /// source.
    #[test]
    fn a_minority_cannot_move_the_index_out_of_the_honest_range(parliament in parliament(20 * UNIT, false)) {
        let Parliament { rules, honest, liars } = parliament;
        let (low, high) = range(&honest);
        let all: Vec<Report> = honest.iter().chain(&liars).copied().collect();
        if let Ok(quote) = quote_of(&rules, &all) {
            prop_assert!(low <= quote.index && quote.index <= high, "{} not in {low}..{high}", quote.index);
            prop_assert!(quote.confidence <= Price::ONE, "the half-width is that of an honest source at most");
            if let Ok(without) = quote_of(&rules, &honest) {
                let moved = (quote.index.raw() - without.index.raw()).abs();
                prop_assert!(moved <= high.raw() - low.raw());
            }
            if quote.validity() == Validity::Valid {
                let distance = |report: &Report| (report.price.raw() - quote.index.raw()).abs();
                let nearest = honest.iter().map(distance).min().unwrap();
                prop_assert!(nearest <= quote.index.scaled(rules.dispersion, units::Round::Down).unwrap().raw());
            }
        }
    }

    /// I-15, I-17: while a quorum of honest sources agrees, no minority can make the price missing or suspect.
    #[test]
    fn a_minority_cannot_silence_honest_sources_that_agree(parliament in parliament(UNIT / 2, true)) {
        let Parliament { rules, honest, liars } = parliament;
        let all: Vec<Report> = honest.iter().chain(&liars).copied().collect();
        let quote = quote_of(&rules, &all);
        prop_assert_eq!(quote.map(|quote| quote.cause), Ok(Cause::Agreed));
    }

    /// I-12: neither the order of the reports nor a second quote of the tick changes the price.
    #[test]
    fn the_order_of_reports_does_not_matter(parliament in parliament(20 * UNIT, false), turn: prop::sample::Index) {
        let Parliament { rules, honest, liars } = parliament;
        let mut all: Vec<Report> = honest.into_iter().chain(liars).collect();
        let straight = quote_of(&rules, &all);
        prop_assert_eq!(&quote_of(&rules, &all), &straight);
        let turn = turn.index(all.len());
        all.rotate_left(turn);
        all.reverse();
        prop_assert_eq!(quote_of(&rules, &all), straight);
    }

    /// I-16: per source, the sequence and the time of accepted reports only increase.
    #[test]
    fn time_only_goes_forward(said in prop::collection::vec((1_u32..=3, 0_u64..6, 0_i64..12), 0..60)) {
        let mut bench = Bench::new(rules(3, 2));
        let mut last: BTreeMap<u32, (u64, Timestamp)> = BTreeMap::new();
        for (source, sequence, second) in said {
            let report = Report { sequence, ..report(source, second, Price::ONE) };
            let forward = last.get(&source).is_none_or(|(before, then)| *before < sequence && *then < at(second));
            prop_assert_eq!(bench.say(report, 10).is_ok(), forward && second <= 11);
            if forward && second <= 11 {
                last.insert(source, (sequence, at(second)));
            }
        }
    }

    /// I-11, I-13, I-18: a quote that is not invalid uses a quorum of reports that are young, away from bounds and
    /// sure.
    #[test]
    fn what_is_used_may_be_used(history in history(94 * UNIT..106 * UNIT)) {
        let rules = bounded(5, 3);
        for (feed, quote) in play(&rules, &history) {
            if quote.validity() == Validity::Invalid {
                prop_assert_eq!(feed.last().map(|last| last.price), Some(quote.price), "never a default");
                prop_assert_eq!(feed.last().map(|last| (last.fast, last.slow)), Some((quote.fast, quote.slow)));
                continue;
            }
            if feed.last().is_some_and(|last| last.at == quote.at) {
                prop_assert_eq!(feed.last(), Some(&quote), "one price a tick (I-12)");
                continue;
            }
            prop_assert!(quote.live.len() >= 3);
            for source in &quote.live {
                let report = feed.reports().iter().find(|report| report.source == *source).unwrap();
                let age = quote.at.micros() - report.published.micros();
                prop_assert!((-1_000_000..=10_000_000).contains(&age));
                prop_assert!(report.price.raw() > 95 * UNIT && report.price.raw() < 105 * UNIT);
                prop_assert!(report.confidence.raw() * 50 <= report.price.raw());
                prop_assert!(quote.published <= report.published);
            }
        }
    }

    /// I-14, I-04: after any accepted reports, of any sign and size, nothing overflows, and after a first price there
    /// is always a price.
    #[test]
    fn quoting_is_total_over_signed_prices(
        history in history(prop_oneof![
            -LARGEST.raw()..=LARGEST.raw(),
            -3 * UNIT..3 * UNIT,
            Just(0),
            Just(LARGEST.raw()),
            Just(-LARGEST.raw()),
        ]),
        quorum in 1_u32..=5,
        widest: bool,
    ) {
        let mut rules = FeedRules { signed: true, ..rules(5, quorum) };
        if widest {
            let ten: Ratio = "10".parse().unwrap();
            rules = FeedRules { scale: LARGEST, band: ten, dispersion: ten, collar: ten, handover: ten, ..rules };
            rules.max_confidence = ten;
        }
        rules.check().unwrap();
        play(&rules, &history);
    }

    /// I-14: where prices are above zero, so is every quote and every average.
    #[test]
    fn a_positive_feed_never_quotes_zero_or_less(
        history in history(prop_oneof![1..=LARGEST.raw(), 1..100 * UNIT, Just(1)]),
        quorum in 1_u32..=5,
    ) {
        let rules = rules(5, quorum);
        for (_, quote) in play(&rules, &history) {
            prop_assert!(quote.price > Price::ZERO && quote.fast > Price::ZERO && quote.slow > Price::ZERO);
        }
    }

    /// I-17: while sources repeat their prices, sources that die and return move the price by at most one step a quote,
    /// and once they stay the price arrives.
    #[test]
    fn a_changing_set_of_sources_moves_the_price_in_steps(
        prices in prop::collection::vec(98 * UNIT..102 * UNIT, 7),
        alive in prop::collection::vec(prop::collection::vec(any::<bool>(), 7), 1..30),
    ) {
        let mut bench = Bench::new(rules(7, 3));
        for source in &mut bench.rules.sources {
            source.max_age_micros = 1;
        }
        let everyone = vec![true; 7];
        let calm = std::iter::repeat_n(&everyone, 8);
        for (second, alive) in (0..).zip(alive.iter().chain(calm)) {
            for (source, (price, _)) in (1..).zip(prices.iter().zip(alive)).filter(|(_, (_, alive))| **alive) {
                bench.say(report(source, second, Price::from_raw(*price)), second).unwrap();
            }
            let before = bench.feed.last().cloned();
            let Ok(quote) = bench.feed.quote(&bench.rules, at(second)) else { continue };
            if let Some(before) = before {
                let moved = (quote.price.raw() - before.price.raw()).abs();
                prop_assert!(moved <= before.price.raw() / 100, "{before:?} to {quote:?}");
            }
            bench.feed.publish(quote);
        }
        let arrived = bench.feed.last().unwrap();
        prop_assert_eq!((arrived.price, arrived.handover), (arrived.index, false));
    }

    /// I-17: liars that come, go and report extremes cannot start a handover among honest sources that agree.
    #[test]
    fn a_minority_that_comes_and_goes_starts_no_handover(
        honest in prop::collection::vec(100 * UNIT..100 * UNIT + UNIT / 2, 3),
        lies in prop::collection::vec(prop::collection::vec(prop::option::of(arbitrary_word()), 2), 1..20),
    ) {
        let mut bench = Bench::new(FeedRules { signed: true, ..rules(7, 5) });
        for (second, lies) in (0..).zip(lies) {
            for (source, price) in (1..).zip(honest.iter().chain(&honest[..2])) {
                bench.say(report(source, second, Price::from_raw(*price)), second).unwrap();
            }
            for (source, said) in (6..).zip(lies) {
                if let Some((price, confidence, depth)) = said {
                    let words = word(source, (price, confidence, depth));
                    let heard = Report { sequence: u64::try_from(second).unwrap(), published: at(second), ..words };
                    let _ = bench.say(heard, second);
                }
            }
            prop_assert_eq!(bench.quote(second).cause, Cause::Agreed);
        }
    }

    /// I-20: with every source in hostile hands for a time `T`, the price stays within the bound of the collar.
    #[test]
    fn hostile_sources_move_the_price_by_the_collar_at_most(
        lies in prop::collection::vec((1_i64..=10, 1..=10_000 * UNIT), 1..40),
    ) {
        let mut bench = Bench::new(rules(3, 3));
        bench.tick(0, &[(1, "100"), (2, "100"), (3, "100")]);
        let (start, mut second) = (100 * UNIT, 0);
        for (seconds, lie) in lies {
            second += seconds;
            for source in 1..=3 {
                bench.say(report(source, second, Price::from_raw(lie)), second).unwrap();
            }
            let before = bench.feed.last().unwrap().slow.raw();
            let quote = bench.quote(second);
            prop_assert!((quote.price.raw() - before).abs() <= before / 10);
            prop_assert!(!(quote.cause == Cause::Agreed && quote.price != quote.index));
            // S = 0.1 · second / 600, so 6000 · S = second and 6000 · collar = 600.
            let (moved, time) = ((quote.slow.raw() - start).abs(), i128::from(second));
            prop_assert!(moved * (6_000 - time) <= start * time + 6_000 * 40);
            prop_assert!((quote.price.raw() - start).abs() * (6_000 - time) <= start * (time + 600) + 6_000 * 40);
        }
    }

    /// I-20: the averages stay within the prices that were published.
    #[test]
    fn averages_stay_within_the_prices_they_saw(history in history(90 * UNIT..110 * UNIT)) {
        let quotes = play(&bounded(5, 2), &history);
        let mut seen: Option<(Price, Price)> = None;
        for (_, quote) in quotes {
            let (low, high) = seen.unwrap_or((quote.price, quote.price));
            let (low, high) = (low.min(quote.price), high.max(quote.price));
            prop_assert!((low..=high).contains(&quote.fast) && (low..=high).contains(&quote.slow));
            seen = Some((low, high));
        }
    }

    /// I-11, I-12, I-22: a product exists exactly when both legs are of one tick, and is as valid as the worse leg.
    #[test]
    fn a_product_is_of_one_tick_and_as_valid_as_the_worse(
        base in history(94 * UNIT..106 * UNIT),
        ratio in history(94 * UNIT..106 * UNIT),
    ) {
        let rules = bounded(5, 3);
        let (base, ratio) = (play(&rules, &base), play(&rules, &ratio));
        for (_, base) in &base {
            for (_, ratio) in &ratio {
                let product = composed(base, ratio);
                prop_assert_eq!(product.is_ok(), base.at == ratio.at);
                if let Ok(product) = product {
                    prop_assert_eq!(product.validity(), base.validity().max(ratio.validity()));
                    prop_assert!(product.low().unwrap() <= product.price && product.price <= product.high().unwrap());
                }
            }
        }
    }
}
