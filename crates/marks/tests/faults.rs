//! Faults in the sources of a price, and the incidents in which they happened (`docs/incidents.md`), one test each.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is written with")]

mod support;

use marks::{Bounds, Cause, Feed, FeedRules, NoQuote, Refusal, Validity, composed};
use support::{Bench, UNIT, at, price, report, rules};
use units::Price;

const FIVE: [(u32, &str); 5] = [(1, "99.9"), (2, "100"), (3, "100"), (4, "100.1"), (5, "100.2")];

/// Five sources that agree on about 100, quorum 3, first quoted at second 0.
fn five() -> Bench {
    let mut bench = Bench::new(rules(5, 3));
    let quote = bench.tick(0, &FIVE);
    assert_eq!((quote.price, quote.cause), (price("100"), Cause::Agreed));
    bench
}

/// I-15, I-05: a source that loses its decimal point does not move the price beyond the others.
#[test]
fn a_decimal_shift_of_one_source_stays_within_the_others() {
    for exponent in 1..=15 {
        let factor = 10_i128.pow(exponent);
        for shifted in [100 * UNIT * factor, 100 * UNIT / factor] {
            let mut bench = five();
            bench.say(report(3, 1, Price::from_raw(shifted)), 1).unwrap();
            let quote = bench.tick(1, &[(1, "99.9"), (2, "100"), (4, "100.1"), (5, "100.2")]);
            assert!(price("99.9") <= quote.price && quote.price <= price("100.2"), "{quote:?}");
            assert_eq!((quote.cause, quote.live), (Cause::Agreed, vec![1, 2, 4, 5]));
        }
    }
}

/// I-15, S-16, S-17: a source that is a thousand times too high is left out, also for a moment only.
#[test]
fn a_source_a_thousand_times_too_high_is_left_out() {
    let mut bench = five();
    for second in 1..20 {
        let wild = if second % 2 == 0 { "100000" } else { "100" };
        let quote = bench.tick(second, &[(1, "99.9"), (2, "100"), (3, wild), (4, "100.1"), (5, "100.2")]);
        assert!(price("99.9") <= quote.price && quote.price <= price("100.2"));
        assert_eq!(quote.cause, Cause::Agreed);
    }
}

/// I-15, S-16: two live sources that disagree make an invalid price, not an average.
#[test]
fn two_sources_that_disagree_are_not_averaged() {
    let mut bench = Bench::new(rules(5, 2));
    bench.tick(0, &FIVE);
    let quote = bench.tick(20, &[(1, "100"), (2, "100000")]);
    assert_eq!((quote.price, quote.cause, quote.validity()), (price("100"), Cause::Disagreed, Validity::Invalid));
}

/// I-14: zero is refused where prices are above zero; where zero is legal, a single zero is an outlier.
#[test]
fn a_zero_is_refused_or_left_out() {
    let mut bench = five();
    let refusal = bench.say(report(1, 1, Price::ZERO), 1).unwrap_err();
    assert_eq!(refusal, Refusal::NotPositive { source_number: 1, price: Price::ZERO });
    let mut bench = Bench::new(FeedRules { signed: true, ..rules(5, 3) });
    let quote = bench.tick(0, &[(1, "0"), (2, "100"), (3, "100"), (4, "100.1"), (5, "100.2")]);
    assert_eq!((quote.price, quote.live), (price("100.05"), vec![2, 3, 4, 5]));
}

/// I-14: a market that falls through zero is priced all the way down and back.
#[test]
fn a_market_below_zero_is_priced() {
    let wide = "10".parse().unwrap();
    let mut bench = Bench::new(FeedRules { signed: true, scale: price("10"), collar: wide, ..rules(3, 3) });
    for (second, text) in (0..).zip(["18.27", "5", "0.01", "0", "-0.01", "-37.63", "-1", "0", "10.01"]) {
        let quote = bench.tick(second, &[(1, text), (2, text), (3, text)]);
        assert_eq!((quote.price, quote.cause), (price(text), Cause::Agreed));
    }
}

/// I-13, S-20: sources at their floor or ceiling are not fresh, however often they repeat it.
#[test]
fn a_price_at_a_bound_is_never_fresh() {
    for stuck in ["0.107", "0.05", "1000", "1001"] {
        let mut rules = rules(3, 2);
        for source in &mut rules.sources[..2] {
            source.bounds = Some(Bounds { low: price("0.107"), high: price("1000") });
        }
        let mut bench = Bench::new(rules);
        bench.tick(0, &[(1, "0.2"), (2, "0.2"), (3, "0.2")]);
        for second in 1..30 {
            let quote = bench.tick(second, &[(1, stuck), (2, stuck), (3, "0.01")]);
            assert_eq!((quote.price, quote.cause), (price("0.2"), Cause::Clamped));
            assert_eq!((quote.validity(), quote.live), (Validity::Invalid, vec![3]));
        }
    }
}

/// I-15, I-17: when one source dies, the others go on and the price does not jump.
#[test]
fn one_dead_source_changes_nothing_but_the_list() {
    let mut bench = five();
    for second in 1..30 {
        let quote = bench.tick(second, &[(1, "99.9"), (2, "100"), (4, "100.1"), (5, "100.2")]);
        assert_eq!(quote.cause, Cause::Agreed);
        assert_eq!(quote.live.contains(&3), second <= 10);
        assert!(price("100") <= quote.price && quote.price <= price("100.1"));
    }
}

/// I-15: when two of five fail together, the price stays within the other three, valid.
#[test]
fn a_correlated_failure_of_a_minority_is_left_out() {
    let mut bench = five();
    let quote = bench.tick(1, &[(1, "50"), (2, "50"), (3, "100"), (4, "100.1"), (5, "100.2")]);
    assert_eq!((quote.price, quote.cause, quote.live), (price("100.1"), Cause::Agreed, vec![3, 4, 5]));
}

/// I-20, S-01: when three of five fail together, they set the median, and only the collar limits the price.
#[test]
fn a_correlated_failure_of_the_majority_is_held_by_the_collar() {
    let mut bench = five();
    let quote = bench.tick(1, &[(1, "50"), (2, "50"), (3, "50"), (4, "100.1"), (5, "100.2")]);
    assert_eq!((quote.price, quote.index, quote.cause), (price("90"), price("50"), Cause::Collared));
    assert!(!quote.validity().may_liquidate());
    assert!(price("99.9") < quote.slow && quote.slow < price("100"));
}

/// I-11, I-16, I-17, S-04: after an outage old reports are refused, the price walks to the market, and no account is
/// liquidated before it arrives.
#[test]
fn a_late_burst_after_an_outage_does_not_jump() {
    let mut bench = five();
    let silent = bench.quote(60);
    assert_eq!((silent.price, silent.cause, silent.published), (price("100"), Cause::Stale, at(0)));
    assert_eq!((silent.fast, silent.slow), (price("100"), price("100")));
    for source in 1..=3 {
        for second in 41..=60 {
            let result = bench.say(report(source, second, price("95")), 60);
            assert_eq!(result.is_ok(), second >= 50, "{result:?}");
        }
        let again = bench.say(report(source, 55, price("80")), 60).unwrap_err();
        assert_eq!(again, Refusal::Sequence { source_number: source, sequence: 56, last: 61 });
    }
    let (mut last, mut walked) = (silent, 0);
    for second in 61..80 {
        let quote = bench.tick(second, &[(1, "95"), (2, "95"), (3, "95")]);
        let step = last.price.raw() / 100;
        assert!((last.price.raw() - quote.price.raw()).abs() <= step);
        assert!(last.fast.raw() - quote.fast.raw() <= (last.fast.raw() - quote.price.raw()) / 60 + 1);
        walked += i32::from(quote.cause == Cause::Handover);
        last = quote;
    }
    assert_eq!((last.price, last.cause, walked), (price("95"), Cause::Agreed, 5));
}

/// I-17: a whole set of sources is replaced by one that reports 5 % more: the price walks there and is never missing.
#[test]
fn a_new_set_of_sources_takes_over_in_steps() {
    let mut bench = Bench::new(rules(6, 3));
    bench.tick(0, &[(1, "100"), (2, "100"), (3, "100")]);
    let prices: Vec<(String, Cause)> = (20..27)
        .map(|second| bench.tick(second, &[(4, "105"), (5, "105"), (6, "105")]))
        .map(|quote| (quote.price.to_string(), quote.cause))
        .collect();
    let expected = [
        ("101", Cause::Handover),
        ("102.01", Cause::Handover),
        ("103.0301", Cause::Handover),
        ("104.060401", Cause::Handover),
        ("105", Cause::Agreed),
        ("105", Cause::Agreed),
        ("105", Cause::Agreed),
    ];
    assert_eq!(prices, expected.map(|(price, cause)| (price.to_owned(), cause)));
}

/// I-17, S-16: after a disagreement the price walks to the new index, as after an outage.
#[test]
fn a_price_that_comes_back_after_a_disagreement_does_not_jump() {
    let mut bench = Bench::new(rules(5, 4));
    bench.tick(0, &FIVE);
    let split = bench.tick(1, &[(1, "92"), (2, "92"), (3, "108"), (4, "108"), (5, "108")]);
    assert_eq!((split.price, split.cause, split.live.len()), (price("100"), Cause::Disagreed, 5));
    let back = bench.tick(2, &[(1, "108"), (2, "108"), (3, "108"), (4, "108"), (5, "108")]);
    assert_eq!((back.price, back.cause), (price("101"), Cause::Handover));
}

/// I-17: when new rules require more sources than the last price had, the walk begins at the last price.
#[test]
fn rules_that_ask_for_more_sources_do_not_make_the_price_jump() {
    let mut bench = Bench::new(rules(5, 3));
    bench.tick(0, &[(1, "100"), (2, "100"), (3, "100")]);
    bench.rules.quorum = 5;
    let quote = bench.tick(1, &[(1, "105"), (2, "105"), (3, "105"), (4, "105"), (5, "105")]);
    assert_eq!((quote.price, quote.cause), (price("101"), Cause::Handover));
}

/// I-17: when dead sources shift the median of the others by 3 %, that is a handover too, though no source moved.
#[test]
fn sources_that_die_hand_over_to_those_left() {
    let mut bench = Bench::new(rules(5, 3));
    bench.tick(0, &[(1, "100"), (2, "100"), (3, "100"), (4, "103"), (5, "103")]);
    let left = [(3, "100"), (4, "103"), (5, "103")];
    let early = bench.tick(10, &left);
    assert_eq!((early.price, early.live.len()), (price("100"), 5));
    let (first, second) = (bench.tick(11, &left), bench.tick(12, &left));
    assert_eq!((first.price, first.cause), (price("101"), Cause::Handover));
    assert_eq!((second.price, second.cause), (price("102.01"), Cause::Handover));
    assert_eq!(bench.tick(13, &left).price, price("103"));
}

/// I-17: the market itself may move at any speed inside the collar; that is no handover.
#[test]
fn a_market_that_moves_is_not_a_handover() {
    let mut bench = five();
    let quote = bench.tick(1, &[(1, "92"), (2, "92"), (3, "92.1"), (4, "92"), (5, "92")]);
    assert_eq!((quote.price, quote.cause), (price("92"), Cause::Agreed));
}

/// I-18: a source with too wide a half-width is not used, and new risk is valued at the worse edge of the other
/// sources.
#[test]
fn an_unsure_source_is_not_used_and_new_risk_pays_the_half_width() {
    let mut bench = Bench::new(rules(3, 2));
    for (source, confidence) in [(1, "0.5"), (2, "0.7"), (3, "2.1")] {
        let mut report = report(source, 0, price("100"));
        report.confidence = price(confidence);
        bench.say(report, 0).unwrap();
    }
    let quote = bench.quote(0);
    assert_eq!((quote.live.as_slice(), quote.price), ([1, 2].as_slice(), price("100")));
    assert_eq!((quote.low().unwrap(), quote.high().unwrap()), (price("99.3"), price("100.7")));
    bench.rules.max_confidence = "0.001".parse().unwrap();
    assert_eq!(bench.quote(1).cause, Cause::Imprecise);
}

/// I-12: a tick has one price, whatever is reported after it was quoted.
#[test]
fn a_tick_has_one_price() {
    let mut bench = five();
    let quote = bench.quote(1);
    for source in 1..=5 {
        bench.say(report(source, 1, price("95")), 1).unwrap();
    }
    assert_eq!(bench.quote(1), quote);
    assert_eq!(bench.quote(0), quote);
    assert_eq!(bench.quote(2).price, price("95"));
}

/// I-11, I-22, S-02: each leg of a product is as old as its own sources; one dead leg is enough.
#[test]
fn one_stale_leg_is_enough() {
    let mut ratio_rules = rules(3, 3);
    for source in &mut ratio_rules.sources {
        source.max_age_micros = 60_000_000;
    }
    let (mut base, mut ratio) = (Bench::new(rules(3, 3)), Bench::new(ratio_rules));
    base.tick(0, &[(1, "3800"), (2, "3800"), (3, "3800")]);
    ratio.tick(0, &[(1, "1.05"), (2, "1.05"), (3, "1.05")]);
    let early = composed(&base.tick(30, &[(1, "3800"), (2, "3800"), (3, "3800")]), &ratio.quote(30)).unwrap();
    assert_eq!((early.price, early.cause, early.published), (price("3990"), Cause::Agreed, at(0)));
    let late = composed(&base.tick(61, &[(1, "3800"), (2, "3800"), (3, "3800")]), &ratio.quote(61)).unwrap();
    assert_eq!((late.price, late.cause, late.validity()), (price("3990"), Cause::Stale, Validity::Invalid));
}

/// I-21: before the first quorum there is no price, and none is invented.
#[test]
fn before_the_first_quorum_there_is_no_price() {
    let mut bench = Bench::new(rules(3, 2));
    bench.say(report(1, 0, price("1")), 0).unwrap();
    let missing = bench.feed.quote(&bench.rules, at(0)).unwrap_err();
    assert_eq!(missing, NoQuote::NoPrice { cause: Cause::Quorum, live: 1, quorum: 2 });
    assert_eq!(missing.to_string(), "no price yet: 1 sources live, expected 2 that agree");
}

/// I-70: a feed that is serialized and read again decides the same.
#[test]
fn a_feed_written_down_and_read_again_decides_the_same() {
    let bench = five();
    let text = serde_json::to_string(&bench.feed).unwrap();
    let again: Feed = serde_json::from_str(&text).unwrap();
    assert_eq!(again, bench.feed);
    let rules: FeedRules = serde_json::from_str(&serde_json::to_string(&bench.rules).unwrap()).unwrap();
    assert_eq!(again.quote(&rules, at(3)), bench.feed.quote(&bench.rules, at(3)));
    assert_eq!(again.reports().len(), 5);
    assert_eq!(again.last().map(|quote| quote.price), Some(price("100")));
}
