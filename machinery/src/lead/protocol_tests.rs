//! Rows of the protocol: what to do with which Lease.

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

/// A Lease as client-go writes it, held by `holder` for seven seconds.
fn held_by(holder: &str) -> Value {
    json!({
        "metadata": {"name": "lease", "resourceVersion": "5", "labels": {"theirs": "kept"}},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 7, "leaseTransitions": 3,
            "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z",
            "strategy": "OldestEmulationVersion"},
    })
}

/// What to do with a Lease, `seconds` after it was first observed.
fn action_after(seconds: u64, lease: Value) -> LeaseAction {
    let seen = Instant::now();
    let observed = ObservedLease::new(lease, seen);
    candidate().next_action(&observed, seen + Duration::from_secs(seconds), wall())
}

fn put(action: LeaseAction) -> Value {
    match action {
        LeaseAction::Put(lease) => lease,
        LeaseAction::Respect { holder, .. } => panic!("{holder} is respected"),
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
fn a_lease_duration_is_rounded_up() {
    for (millis, written) in [(1, 1), (999, 1), (1_000, 1), (10_001, 11), (15_000, 15), (15_500, 16)] {
        let candidate = Candidate { lease_duration: Duration::from_millis(millis), ..candidate() };
        assert_eq!(candidate.first(wall())["spec"]["leaseDurationSeconds"], written, "{millis} ms");
    }
}

#[test]
fn a_holder_is_respected_for_its_duration_from_our_observation_however_old_its_times_are() {
    assert!(matches!(action_after(6, held_by("go")), LeaseAction::Respect { holder, .. } if holder == "go"));
    let taken = put(action_after(7, held_by("go")));
    assert_eq!(taken["spec"]["holderIdentity"], "me");
    assert_eq!(taken["spec"]["leaseTransitions"], 4);
    assert_eq!(taken["spec"]["acquireTime"], WRITTEN);
}

#[test]
fn only_a_changed_spec_restarts_the_lease_duration() {
    let seen = Instant::now();
    let later = seen + Duration::from_secs(5);
    let mut renewed = held_by("go");
    renewed["spec"]["renewTime"] = "2020-01-01T00:00:05.000000Z".into();
    let observed = ObservedLease::new(held_by("go"), seen).next(renewed, later);
    assert!(matches!(
        candidate().next_action(&observed, later + Duration::from_secs(6), wall()),
        LeaseAction::Respect { .. }
    ));
    let mut relabelled = held_by("go");
    relabelled["metadata"]["resourceVersion"] = "6".into();
    let observed = ObservedLease::new(held_by("go"), seen).next(relabelled, later);
    put(candidate().next_action(&observed, seen + Duration::from_secs(7), wall()));
    assert_eq!(observed.version(), "6");
}

#[test]
fn a_deletion_restarts_the_lease_duration_once() {
    let seen = Instant::now();
    let at = |seconds| seen + Duration::from_secs(seconds);
    let mut observed = ObservedLease::new(held_by("go"), seen);
    observed.mark_deleted(at(5));
    observed.mark_deleted(at(9));
    assert!(matches!(candidate().next_action(&observed, at(11), wall()), LeaseAction::Respect { .. }));
    put(candidate().next_action(&observed, at(12), wall()));
    let again = observed.next(held_by("go"), at(10));
    put(candidate().next_action(&again, at(12), wall()));
}

#[test]
fn a_renewal_keeps_acquire_time_transitions_and_unknown_fields() {
    let renewed = put(action_after(0, held_by("me")));
    let mut expected = held_by("me");
    expected["spec"]["renewTime"] = WRITTEN.into();
    expected["spec"]["leaseDurationSeconds"] = 15.into();
    assert_eq!(renewed, expected);
}

#[test]
fn a_renewal_changes_the_spec_even_if_the_clock_stands_still() {
    let mut lease = held_by("me");
    for _ in 0..3 {
        let renewed = put(action_after(0, lease.clone()));
        assert_ne!(renewed["spec"], lease["spec"]);
        lease = renewed;
    }
}

#[test]
fn taking_a_released_lease_counts_as_a_transition() {
    let taken = put(action_after(0, held_by("")));
    assert_eq!(taken["spec"]["leaseTransitions"], 4);
}

#[test]
fn a_release_leaves_no_holder_and_keeps_the_transitions() {
    let lease = candidate().release(&ObservedLease::new(held_by("me"), Instant::now()), wall()).unwrap();
    assert_eq!(
        lease["spec"],
        json!({"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 3, "acquireTime": WRITTEN,
            "renewTime": WRITTEN, "strategy": "OldestEmulationVersion"})
    );
    let theirs = ObservedLease::new(held_by("go"), Instant::now());
    assert_eq!(candidate().release(&theirs, wall()), None);
}

#[test]
fn our_labels_are_added_to_the_existing_ones() {
    let mut candidate = candidate();
    candidate.labels.insert("ours".into(), "too".into());
    let seen = Instant::now();
    let renewed = put(candidate.next_action(&ObservedLease::new(held_by("me"), seen), seen, wall()));
    assert_eq!(renewed["metadata"]["labels"], json!({"theirs": "kept", "ours": "too"}));
    assert_eq!(renewed["metadata"]["resourceVersion"], "5");
    assert_eq!(candidate.first(wall())["metadata"]["labels"], json!({"ours": "too"}));
}

#[test]
fn an_invalid_lease_is_taken_and_repaired() {
    for spec in [
        Value::Null,
        json!("text"),
        json!([]),
        json!({}),
        json!({"holderIdentity": 7, "leaseTransitions": -4}),
        json!({"holderIdentity": null, "leaseDurationSeconds": "x", "acquireTime": null}),
    ] {
        let lease = json!({"metadata": {"name": "lease", "resourceVersion": "5"}, "spec": spec});
        let taken = put(action_after(0, lease));
        assert_eq!(taken["spec"]["holderIdentity"], "me");
        assert_eq!(taken["spec"]["leaseTransitions"], 1);
        assert_eq!(taken["spec"]["acquireTime"], WRITTEN);
    }
    put(action_after(0, json!({"metadata": {"name": "lease"}})));
}

#[test]
fn a_holder_without_a_usable_duration_is_respected_for_our_own() {
    for duration in [Value::Null, json!(-5), json!(0), json!(i64::MAX), json!("7"), json!(7.5), json!({})] {
        let mut lease = held_by("go");
        lease["spec"]["leaseDurationSeconds"] = duration;
        assert!(matches!(action_after(14, lease.clone()), LeaseAction::Respect { .. }));
        put(action_after(15, lease));
    }
}

#[test]
fn the_longest_duration_that_the_api_can_hold_is_respected() {
    let mut lease = held_by("go");
    lease["spec"]["leaseDurationSeconds"] = i32::MAX.into();
    assert!(matches!(action_after(1_000_000, lease), LeaseAction::Respect { .. }));
}

#[test]
fn a_holder_without_times_or_transitions_is_respected_then_taken() {
    for odd in [Value::Null, json!(7), json!("yesterday")] {
        let mut lease = held_by("go");
        for field in ["acquireTime", "renewTime", "leaseTransitions"] {
            lease["spec"][field] = odd.clone();
        }
        assert!(matches!(action_after(6, lease.clone()), LeaseAction::Respect { .. }));
        let taken = put(action_after(7, lease));
        assert_eq!(taken["spec"]["acquireTime"], WRITTEN);
        assert_eq!(taken["spec"]["renewTime"], WRITTEN);
        assert!(taken["spec"]["leaseTransitions"].is_i64() || taken["spec"]["leaseTransitions"].is_u64());
    }
}

#[test]
fn transitions_stop_at_what_the_api_can_hold() {
    let mut lease = held_by("");
    lease["spec"]["leaseTransitions"] = i32::MAX.into();
    assert_eq!(put(action_after(0, lease))["spec"]["leaseTransitions"], i32::MAX);
}
