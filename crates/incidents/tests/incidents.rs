//! Every incident holds with our controls and is broken without; the models come near the published figures; every run is
//! the same.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use std::collections::BTreeSet;

use incidents::{Bound, INCIDENTS, Incident, Replayed};

fn replayed() -> Vec<(&'static Incident, Replayed)> {
    INCIDENTS.iter().map(|incident| (incident, (incident.replay)().unwrap())).collect()
}

/// Every incident that is replayed, ordered by number.
const IDS: [&str; 15] = [
    "S-01", "S-02", "S-03", "S-04", "S-05", "S-10", "S-12", "S-16", "S-20", "S-30", "S-31", "S-32", "S-39", "S-42",
    "S-50",
];

#[test]
fn every_assertion_holds_with_ours_and_is_broken_without() {
    for (_, found) in replayed() {
        let id = found.facts.id;
        assert!(found.holds, "{id}: {:?} {:?}", found.bound_with, found.checks);
        assert!(found.bound_with.holds(), "{id}: {:?}", found.bound_with);
        assert!(!found.bound_without.holds(), "{id}: with controls off nothing is broken: {:?}", found.bound_without);
        assert!(found.checks.iter().all(|check| check.holds) && !found.checks.is_empty(), "{id}: {:?}", found.checks);
        for bound in [found.bound_with, found.bound_without] {
            assert!(bound.found.is_finite() && bound.limit.is_finite(), "{id}: {bound:?}");
        }
    }
}

/// The model of the venue gives the published order of magnitude: within a factor of three.
#[test]
fn models_come_near_what_was_published() {
    for (_, found) in replayed() {
        let ratio = found.near.ratio();
        assert!(
            (1.0 / 3.0..=3.0).contains(&ratio),
            "{}: {} is {ratio} of what was published",
            found.facts.id,
            found.near.what
        );
    }
}

#[test]
fn every_incident_of_the_list_is_there_once_with_its_facts() {
    let ids: Vec<&str> = INCIDENTS.iter().map(|incident| incident.facts.id).collect();
    assert_eq!(ids, IDS);
    for incident in INCIDENTS {
        let facts = incident.facts;
        assert!(!facts.sources.is_empty() && !facts.what.is_empty() && !facts.loss.is_empty(), "{}", facts.id);
        assert_eq!(incidents::incident(&facts.id.to_lowercase()).unwrap().facts.id, facts.id);
    }
    let titles: BTreeSet<&str> = INCIDENTS.iter().map(|incident| incident.facts.title).collect();
    assert_eq!(titles.len(), INCIDENTS.len());
    assert!(incidents::incident("S-99").is_none());
}

#[test]
fn a_replay_says_the_same_twice() {
    for incident in INCIDENTS {
        let [one, other] = [(incident.replay)().unwrap(), (incident.replay)().unwrap()];
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "{}", incident.facts.id);
    }
}

/// The judgement can fail: one figure above its limit, or one condition that is not met, is enough.
#[test]
fn a_bound_is_at_most_its_limit() {
    assert!(Bound { found: 0.0, limit: 0.0 }.holds());
    assert!(!Bound { found: 0.1, limit: 0.0 }.holds());
}
