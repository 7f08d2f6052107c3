//! Rows of the protocol: what is owed on which Lease.

use super::*;

const WALL: &str = "2026-11-23T00:00:00.5Z";
const WRITTEN: &str = "2026-11-23T00:00:00.500000Z";

fn wall() -> Timestamp {
    WALL.parse().unwrap()
}

fn candidate() -> Candidate {
    Candidate {
        identity: "me".into(),
        lease_duration: Duration::from_secs(15),
        namespace: "ns".into(),
        name: "lease".into(),
        labels: BTreeMap::new(),
    }
}

/// A Lease as client-go leaves it, held by `holder` for seven seconds.
fn held_by(holder: &str) -> Value {
    json!({
        "metadata": {"name": "lease", "resourceVersion": "5", "labels": {"theirs": "kept"}},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 7, "leaseTransitions": 3,
            "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z",
            "strategy": "OldestEmulationVersion"},
    })
}

/// What is owed on a Lease, `seconds` after it was first seen.
fn owed_after(seconds: u64, lease: Value) -> Owed {
    let seen = Instant::now();
    let sight = Sight::new(lease, seen);
    candidate().owed(&sight, seen + Duration::from_secs(seconds), wall())
}

fn put(owed: Owed) -> Value {
    match owed {
        Owed::Put(lease) => lease,
        Owed::Respect { holder, .. } => panic!("{holder} is respected"),
    }
}

#[test]
fn the_first_lease_has_every_field_that_client_go_reads() {
    let lease = candidate().first(wall());
    assert_eq!(
        lease["spec"],
        json!({"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": WRITTEN, "renewTime": WRITTEN})
    );
    assert_eq!(lease["metadata"], json!({"name": "lease", "namespace": "ns"}));
}

#[test]
fn a_lease_duration_is_never_written_shorter_than_it_is() {
    for (millis, written) in [(1, 1), (999, 1), (1_000, 1), (10_001, 11), (15_000, 15), (15_500, 16)] {
        let candidate = Candidate { lease_duration: Duration::from_millis(millis), ..candidate() };
        assert_eq!(candidate.first(wall())["spec"]["leaseDurationSeconds"], written, "{millis} ms");
    }
}

#[test]
fn a_holder_is_respected_for_its_own_duration_from_when_we_saw_it_however_old_its_times_are() {
    assert!(matches!(owed_after(6, held_by("go")), Owed::Respect { holder, .. } if holder == "go"));
    let taken = put(owed_after(7, held_by("go")));
    assert_eq!(taken["spec"]["holderIdentity"], "me");
    assert_eq!(taken["spec"]["leaseTransitions"], 4);
    assert_eq!(taken["spec"]["acquireTime"], WRITTEN);
}

#[test]
fn a_record_that_changes_restarts_the_holders_time_and_one_that_does_not_goes_on() {
    let seen = Instant::now();
    let later = seen + Duration::from_secs(5);
    let mut renewed = held_by("go");
    renewed["spec"]["renewTime"] = "2020-01-01T00:00:05.000000Z".into();
    let sight = Sight::new(held_by("go"), seen).next(renewed, later);
    assert!(matches!(candidate().owed(&sight, later + Duration::from_secs(6), wall()), Owed::Respect { .. }));
    let mut relabelled = held_by("go");
    relabelled["metadata"]["resourceVersion"] = "6".into();
    let sight = Sight::new(held_by("go"), seen).next(relabelled, later);
    put(candidate().owed(&sight, seen + Duration::from_secs(7), wall()));
    assert_eq!(sight.version(), "6");
}

#[test]
fn a_deletion_restarts_the_holders_time_once() {
    let seen = Instant::now();
    let at = |seconds| seen + Duration::from_secs(seconds);
    let mut sight = Sight::new(held_by("go"), seen);
    sight.vanish(at(5));
    sight.vanish(at(9));
    assert!(matches!(candidate().owed(&sight, at(11), wall()), Owed::Respect { .. }));
    put(candidate().owed(&sight, at(12), wall()));
    let again = sight.next(held_by("go"), at(10));
    put(candidate().owed(&again, at(12), wall()));
}

#[test]
fn a_renewal_keeps_the_time_of_acquisition_the_transitions_and_the_fields_of_others() {
    let renewed = put(owed_after(0, held_by("me")));
    let mut expected = held_by("me");
    expected["spec"]["renewTime"] = WRITTEN.into();
    expected["spec"]["leaseDurationSeconds"] = 15.into();
    assert_eq!(renewed, expected);
}

#[test]
fn a_renewal_changes_the_record_even_under_a_clock_that_stands_still() {
    let mut lease = held_by("me");
    for _ in 0..3 {
        let renewed = put(owed_after(0, lease.clone()));
        assert_ne!(renewed["spec"], lease["spec"]);
        lease = renewed;
    }
}

#[test]
fn a_released_lease_is_taken_at_once_and_counts_as_a_transition() {
    let taken = put(owed_after(0, held_by("")));
    assert_eq!(taken["spec"]["leaseTransitions"], 4);
}

#[test]
fn a_release_leaves_no_holder_and_keeps_the_transitions() {
    let lease = candidate().release(&Sight::new(held_by("me"), Instant::now()), wall()).unwrap();
    assert_eq!(
        lease["spec"],
        json!({"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 3, "acquireTime": WRITTEN,
            "renewTime": WRITTEN, "strategy": "OldestEmulationVersion"})
    );
    let theirs = Sight::new(held_by("go"), Instant::now());
    assert_eq!(candidate().release(&theirs, wall()), None);
}

#[test]
fn our_labels_join_those_of_others() {
    let mut candidate = candidate();
    candidate.labels.insert("ours".into(), "too".into());
    let seen = Instant::now();
    let renewed = put(candidate.owed(&Sight::new(held_by("me"), seen), seen, wall()));
    assert_eq!(renewed["metadata"]["labels"], json!({"theirs": "kept", "ours": "too"}));
    assert_eq!(renewed["metadata"]["resourceVersion"], "5");
    assert_eq!(candidate.first(wall())["metadata"]["labels"], json!({"ours": "too"}));
}

#[test]
fn a_lease_of_nonsense_is_taken_and_put_right() {
    for spec in [
        Value::Null,
        json!("text"),
        json!([]),
        json!({}),
        json!({"holderIdentity": 7, "leaseTransitions": -4}),
        json!({"holderIdentity": null, "leaseDurationSeconds": "x", "acquireTime": null}),
    ] {
        let lease = json!({"metadata": {"name": "lease", "resourceVersion": "5"}, "spec": spec});
        let taken = put(owed_after(0, lease));
        assert_eq!(taken["spec"]["holderIdentity"], "me");
        assert_eq!(taken["spec"]["leaseTransitions"], 1);
        assert_eq!(taken["spec"]["acquireTime"], WRITTEN);
    }
    put(owed_after(0, json!({"metadata": {"name": "lease"}})));
}

#[test]
fn a_holder_without_a_usable_duration_is_believed_for_as_long_as_one_of_us() {
    for duration in [Value::Null, json!(-5), json!(0), json!(i64::MAX), json!("7"), json!(7.5), json!({})] {
        let mut lease = held_by("go");
        lease["spec"]["leaseDurationSeconds"] = duration;
        assert!(matches!(owed_after(14, lease.clone()), Owed::Respect { .. }));
        put(owed_after(15, lease));
    }
}

#[test]
fn the_longest_duration_that_the_api_can_hold_is_respected() {
    let mut lease = held_by("go");
    lease["spec"]["leaseDurationSeconds"] = i32::MAX.into();
    assert!(matches!(owed_after(1_000_000, lease), Owed::Respect { .. }));
}

#[test]
fn a_holder_without_times_or_transitions_is_respected_then_taken() {
    for odd in [Value::Null, json!(7), json!("yesterday")] {
        let mut lease = held_by("go");
        for field in ["acquireTime", "renewTime", "leaseTransitions"] {
            lease["spec"][field] = odd.clone();
        }
        assert!(matches!(owed_after(6, lease.clone()), Owed::Respect { .. }));
        let taken = put(owed_after(7, lease));
        assert_eq!(taken["spec"]["acquireTime"], WRITTEN);
        assert_eq!(taken["spec"]["renewTime"], WRITTEN);
        assert!(taken["spec"]["leaseTransitions"].is_i64() || taken["spec"]["leaseTransitions"].is_u64());
    }
}

#[test]
fn transitions_stop_at_what_the_api_can_hold() {
    let mut lease = held_by("");
    lease["spec"]["leaseTransitions"] = i32::MAX.into();
    assert_eq!(put(owed_after(0, lease))["spec"]["leaseTransitions"], i32::MAX);
}
