//! The rules for a VolumeSnapshot, row by row.

use std::time::Duration;

use model::claim::CLAIM_FINALIZER;
use model::facts::{Kind, Policy};
use model::snapshot::{AS_SOURCE_FINALIZER, BOUND_FINALIZER};
use serde_json::{Value, json};

use super::deletion;
use super::fixtures::{Stage, class, dynamic};
use super::problem::{ClaimProblem, ClassProblem, Problem};
use super::restore::Restore;
use super::step::{ErrorChange, StatusChange, Step};

fn problem(stage: &Stage) -> Problem {
    let step = stage.next();
    let Step::Report(problem) = step else { panic!("{step:?}") };
    problem
}

fn status(stage: &Stage) -> StatusChange {
    let step = stage.next();
    let Step::WriteStatus(change) = step else { panic!("{step:?}") };
    change
}

fn protected(stage: Stage) -> Stage {
    stage.with(|stage| stage.claim.as_mut().unwrap(), &json!({"metadata": {"finalizers": [CLAIM_FINALIZER]}}))
}

#[test]
fn a_snapshot_is_validated_then_held_then_its_claim_protected_then_its_content_created() {
    let Step::SetFinalizers { add, remove } = dynamic().next() else { panic!("finalizers come first") };
    assert_eq!((add, remove.len()), (vec![AS_SOURCE_FINALIZER, BOUND_FINALIZER], 0), "both in one write");
    assert_eq!(dynamic().held().next(), Step::ProtectClaim { claim: "ns/c".to_owned() });
    let Step::CreateContent(draft) = protected(dynamic().held()).next() else { panic!("then its content") };
    assert_eq!((draft.name.as_str(), draft.driver.as_str()), ("snapcontent-u", "d"));
    assert_eq!((draft.policy, draft.volume_handles), (Policy::Delete, vec!["vh".to_owned()]));
    assert_eq!((draft.volume_mode.as_deref(), draft.secret), (Some("Filesystem"), None));
}

#[test]
fn a_claim_that_is_being_freed_is_protected_anew_before_anything_is_taken_of_it() {
    let freed = Stage { is_being_freed: true, ..protected(dynamic().held()) };
    assert_eq!(freed.next(), Step::ProtectClaim { claim: "ns/c".to_owned() });
}

#[test]
fn nothing_is_written_while_something_that_it_needs_is_wrong() {
    let changed = |what: fn(&mut Stage)| {
        let mut stage = dynamic();
        what(&mut stage);
        problem(&stage).reason(Kind::Single)
    };
    assert_eq!(changed(|stage| stage.class = None), "GetSnapshotClassFailed");
    assert_eq!(changed(|stage| stage.claim = None), "SnapshotContentCreationFailed");
    assert_eq!(changed(|stage| stage.volume = None), "SnapshotContentCreationFailed");
    let unbound =
        dynamic().with(|stage| stage.claim.as_mut().unwrap(), &json!({"status": {"phase": "Pending"}}));
    assert!(
        matches!(problem(&unbound), Problem::Claims(ClaimProblem::Unbound { phase, .. }) if phase == "Pending")
    );
    let elsewhere = dynamic()
        .with(|stage| stage.volume.as_mut().unwrap(), &json!({"spec": {"claimRef": {"uid": "other"}}}));
    assert!(matches!(problem(&elsewhere), Problem::Claims(ClaimProblem::BoundElsewhere { .. })));
    let not_csi = dynamic().with(|stage| stage.volume.as_mut().unwrap(), &json!({"spec": {"csi": null}}));
    assert!(matches!(problem(&not_csi), Problem::Claims(ClaimProblem::NotCsi { .. })));
}

#[test]
fn a_class_of_another_driver_is_refused_and_both_drivers_are_named() {
    let stage = Stage { class: Some(class("fast", "other")), ..dynamic() };
    let said = problem(&stage).text(Kind::Single);
    assert!(said.contains("\"other\"") && said.contains("\"d\"") && said.contains("\"v\""), "{said}");
}

#[test]
fn a_volume_that_not_every_node_reaches_needs_a_node_that_fits_before_anything_is_written() {
    let required = json!({"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]},
    ]});
    let local = |nodes: Option<&[&str]>| {
        let change = json!({"spec": {"nodeAffinity": {"required": required}}});
        let nodes = nodes.map(|nodes| nodes.iter().map(|&node| node.to_owned()).collect());
        Stage { nodes, ..dynamic().with(|stage| stage.volume.as_mut().unwrap(), &change) }
    };
    let node = |stage: Stage| {
        let Step::CreateContent(draft) = protected(stage.held()).next() else { panic!("all is right") };
        draft.node
    };
    let said = problem(&local(Some(&[]))).text(Kind::Single);
    assert!(said.contains("\"v\"") && said.contains("zone in (a)"), "{said}");
    assert_eq!(node(local(Some(&["n"]))).as_deref(), Some("n"));
    assert_eq!(node(local(None)), None, "nobody asks for nodes");
    let everywhere = Stage { nodes: Some(vec![]), ..dynamic() };
    assert_eq!(node(everywhere), None, "every node reaches it");
}

#[test]
fn a_claim_that_is_being_deleted_is_taken_only_if_it_is_protected_already() {
    let deleting = |stage: Stage| {
        let change = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        stage.with(|stage| stage.claim.as_mut().unwrap(), &change)
    };
    assert!(matches!(problem(&deleting(dynamic())), Problem::Claims(ClaimProblem::Deleting { .. })));
    assert!(matches!(deleting(protected(dynamic().held())).next(), Step::CreateContent(_)));
}

#[test]
fn without_a_class_the_only_default_of_the_driver_is_put_into_the_spec() {
    let unnamed = || dynamic().snapshot(&json!({"spec": {"volumeSnapshotClassName": null}}));
    let with = |defaults| Stage { defaults, ..unnamed() };
    assert_eq!(with(vec![class("a", "d"), class("b", "other")]).next(), Step::SetClass("a".to_owned()));
    assert!(matches!(
        problem(&with(vec![class("b", "other")])),
        Problem::Class(ClassProblem::NoDefault { .. })
    ));
    let said = problem(&with(vec![class("a", "d"), class("b", "d")])).text(Kind::Single);
    assert!(said.contains("a, b"), "{said}");
}

#[test]
fn with_the_policy_retain_nothing_keeps_the_snapshot_until_its_content_is_gone() {
    let retained =
        dynamic().with(|stage| stage.class.as_mut().unwrap(), &json!({"deletionPolicy": "Retain"}));
    assert!(matches!(retained.next(), Step::SetFinalizers { add, .. } if add == [AS_SOURCE_FINALIZER]));
}

#[test]
fn the_status_takes_over_what_the_content_says_and_keeps_times_and_sizes() {
    let bound = dynamic().held().content(&json!({}));
    let change = status(&bound);
    assert_eq!((change.content.as_deref(), change.ready), (Some("snapcontent-u"), Some(false)));
    let taken = json!({"status": {
        "creationTime": 1_767_225_600_123_456_789_i64, "restoreSize": 5, "readyToUse": true, "snapshotHandle": "h",
    }});
    let change = status(&dynamic().held().content(&taken));
    assert_eq!(change.creation_time.unwrap().to_string(), "2026-01-01T00:00:00Z");
    assert_eq!((change.ready, change.size), (Some(true), Some(5)));
    let shown = json!({"status": {
        "boundVolumeSnapshotContentName": "snapcontent-u", "creationTime": "2025-01-01T00:00:00Z",
        "readyToUse": true, "restoreSize": "1Gi",
    }});
    assert_eq!(dynamic().held().snapshot(&shown).content(&taken).next(), Step::Rest, "without any write");
    let zero =
        dynamic().held().snapshot(&shown).snapshot(&json!({"status": {"restoreSize": "0"}})).content(&taken);
    assert_eq!(status(&zero).size, Some(5), "0 is replaced");
}

#[test]
fn the_content_s_error_is_the_snapshot_s_until_it_is_ready() {
    let failing = json!({"status": {"error": {"message": "no space"}, "readyToUse": false}});
    assert_eq!(status(&dynamic().held().content(&failing)).error, ErrorChange::Set("no space".to_owned()));
    let old = json!({"status": {"boundVolumeSnapshotContentName": "snapcontent-u", "readyToUse": false,
        "error": {"message": "no space"}}});
    assert_eq!(dynamic().held().snapshot(&old).content(&failing).next(), Step::Rest);
    let ready = json!({"status": {"error": {"message": "no space"}, "readyToUse": true}});
    assert_eq!(status(&dynamic().held().snapshot(&old).content(&ready)).error, ErrorChange::Clear);
}

fn ready() -> Stage {
    dynamic().held().snapshot(&json!({"status": {
        "boundVolumeSnapshotContentName": "snapcontent-u", "creationTime": "2026-01-01T00:00:00Z", "readyToUse": true,
    }}))
}

#[test]
fn a_ready_snapshot_needs_no_class_no_claim_and_no_volume() {
    let alone = Stage { class: None, claim: None, volume: None, ..ready().content(&json!({})) };
    assert_eq!(alone.next(), Step::Rest);
}

#[test]
fn a_snapshot_that_was_taken_is_never_taken_again_because_its_content_vanished() {
    assert_eq!(problem(&ready()), Problem::ContentMissing { content: "snapcontent-u".to_owned() });
    let unready = ready().snapshot(&json!({"status": {"readyToUse": false}}));
    assert_eq!(problem(&unready).reason(Kind::Single), "SnapshotContentMissing", "and it stays so");
}

#[test]
fn a_snapshot_whose_content_was_deleted_before_anything_was_taken_says_so() {
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let stage = dynamic().held().content(&deleted);
    assert_eq!(problem(&stage), Problem::ContentDeleted { content: "snapcontent-u".to_owned() });
    let marker = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
    let begun = stage.content_with(&json!({"metadata": {"annotations": {marker: "yes"}}}));
    assert!(matches!(begun.next(), Step::WriteStatus(_)), "it may yet be taken");
    let lost = ready().content(&deleted).content_with(&json!({"status": null}));
    assert_eq!(lost.next(), Step::Rest, "what was ready stays so");
}

#[test]
fn a_content_that_points_elsewhere_is_named_with_what_was_expected_and_found() {
    let other = json!({"spec": {"volumeSnapshotRef": {"uid": "another"}}});
    let said = problem(&dynamic().held().content(&other)).text(Kind::Single);
    assert!(said.contains("ns/s (uid \"u\")") && said.contains("ns/s (uid \"another\")"), "{said}");
    assert_eq!(problem(&ready().content(&other)).reason(Kind::Single), "SnapshotMisbound");
}

fn given() -> Stage {
    let snapshot = json!({"spec": {"source": {
        "persistentVolumeClaimName": null, "volumeSnapshotContentName": "by-hand"}, "volumeSnapshotClassName": null}});
    Stage { class: None, claim: None, volume: None, ..dynamic().snapshot(&snapshot) }
}

#[test]
fn a_content_made_by_hand_is_bound_to_the_snapshot_that_names_it() {
    let by_hand = json!({
        "metadata": {"name": "by-hand"},
        "spec": {
            "source": {"volumeHandle": null, "snapshotHandle": "h"}, "volumeSnapshotClassName": null,
            "volumeSnapshotRef": {"uid": null},
        },
    });
    assert_eq!(problem(&given()).reason(Kind::Single), "SnapshotContentMissing");
    let mut stage = given().content(&by_hand);
    assert!(matches!(stage.next(), Step::SetFinalizers { .. }));
    stage = stage.held();
    assert_eq!(stage.next(), Step::BindContent { class_name: None });
    stage = stage
        .with(|stage| stage.content.as_mut().unwrap(), &json!({"spec": {"volumeSnapshotRef": {"uid": "u"}}}));
    assert_eq!(status(&stage).content.as_deref(), Some("by-hand"));
    let classy = stage.snapshot(&json!({"spec": {"volumeSnapshotClassName": "fast"}}));
    assert_eq!(classy.next(), Step::BindContent { class_name: Some("fast".to_owned()) });
    let dynamic_one = given().content(&json!({"metadata": {"name": "by-hand"}}));
    assert_eq!(problem(&dynamic_one).reason(Kind::Single), "SnapshotContentMismatch");
}

#[test]
fn a_deletion_releases_the_content_deletes_it_and_then_lets_the_snapshot_go() {
    let released = json!({"metadata": {"annotations": {
        "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted": "yes"}}});
    let stage = || ready().deleting();
    assert_eq!(stage().content(&json!({})).next(), Step::ReleaseContent);
    assert_eq!(stage().content(&released).next(), Step::DeleteContent);
    let going = stage().content(&released);
    let going = going.with(
        |stage| stage.content.as_mut().unwrap(),
        &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    );
    assert_eq!(going.next(), Step::Rest, "it is asked for once");
    let Step::SetFinalizers { add, remove } = stage().next() else { panic!("its content is gone") };
    assert_eq!((add.len(), remove), (0, vec![AS_SOURCE_FINALIZER, BOUND_FINALIZER]));
    let retained = stage().content(&released);
    let retained = retained
        .with(|stage| stage.content.as_mut().unwrap(), &json!({"spec": {"deletionPolicy": "Retain"}}));
    assert!(matches!(retained.next(), Step::SetFinalizers { .. }), "its content stays");
}

#[test]
fn a_deletion_needs_no_class_and_a_content_that_points_elsewhere_is_left_alone() {
    let bare = Stage { class: None, claim: None, volume: None, ..dynamic().held().deleting() };
    assert!(matches!(bare.next(), Step::SetFinalizers { .. }));
    let other =
        dynamic().held().deleting().content(&json!({"spec": {"volumeSnapshotRef": {"uid": "another"}}}));
    assert!(matches!(other.next(), Step::SetFinalizers { .. }));
    assert_eq!(
        dynamic().deleting().content(&json!({})).next(),
        Step::Rest,
        "none of our finalizers: not ours to clean up"
    );
}

#[test]
fn a_given_content_is_found_for_a_deletion_before_any_status_was_written() {
    let bound = json!({"metadata": {"name": "by-hand"}, "spec": {"source": {"volumeHandle": null, "snapshotHandle": "h"}}});
    assert_eq!(given().held().deleting().content(&bound).next(), Step::ReleaseContent);
}

#[test]
fn a_content_stays_while_a_claim_is_restored_from_it() {
    let restore = Restore { claim: "clone".to_owned(), at_most: None };
    let stage = || Stage { restoring: Some(restore.clone()), ..ready().deleting().content(&json!({})) };
    assert_eq!(stage().next(), Step::AwaitRestore(restore.clone()));
    let lost = Stage { content: None, ..stage() };
    assert!(matches!(lost.next(), Step::SetFinalizers { .. }), "nothing is left to protect");
}

#[test]
fn a_content_is_deleted_once_its_sidecar_has_recorded_what_it_has_begun_or_after_a_while() {
    let (left, marker) = (Duration::from_secs(3), Kind::Single.names().marker);
    let released = json!({"metadata": {"annotations": {Kind::Single.names().released: "yes"}}});
    let begun = json!({"metadata": {"annotations": {Kind::Single.names().released: "yes", marker: "yes"}}});
    let next = |patience, content: &Value| Stage { patience, ..ready().deleting().content(content) }.next();
    assert_eq!(next(Some(left), &begun), Step::AwaitAnswer(left));
    assert_eq!(next(None, &begun), Step::DeleteContent);
    assert_eq!(next(Some(left), &released), Step::DeleteContent);
    assert_eq!(
        next(Some(left), &json!({"metadata": {"annotations": {marker: "yes"}}})),
        Step::ReleaseContent
    );
    assert_eq!(deletion::patience(Duration::from_secs(4)), Some(Duration::from_secs(1)));
    assert_eq!(deletion::patience(Duration::from_secs(5)), None);
}

#[test]
fn one_snapshot_of_a_storage_group_needs_no_group_and_joins_one_that_comes() {
    let content =
        json!({"status": {"readyToUse": true, "snapshotHandle": "h", "volumeGroupSnapshotHandle": "gh"}});
    let alone = status(&dynamic().held().content(&content));
    assert_eq!((alone.ready, alone.group), (Some(true), None));
    let shown = json!({"status": {"boundVolumeSnapshotContentName": "snapcontent-u", "readyToUse": true}});
    let grouped =
        Stage { group_of_content: Some(("g", "gu")), ..dynamic().held().snapshot(&shown).content(&content) };
    assert_eq!(status(&grouped).group.as_deref(), Some("g"));
    let named = grouped.snapshot(&json!({"status": {"volumeGroupSnapshotName": "g"}}));
    assert_eq!(named.next(), Step::Rest, "its group was taken from it");
    let imported = named
        .snapshot(&json!({
            "spec": {"source": {"persistentVolumeClaimName": null, "volumeSnapshotContentName": "by-hand"}},
            "status": {"boundVolumeSnapshotContentName": "by-hand"},
        }))
        .content_with(&json!({
            "metadata": {"name": "by-hand"}, "spec": {"source": {"volumeHandle": null, "snapshotHandle": "h"}},
        }));
    assert_eq!(imported.next(), Step::JoinGroup { name: "g".to_owned(), uid: "gu".to_owned() });
}

#[test]
fn a_content_of_the_right_name_and_another_volume_is_refused_until_it_is_bound() {
    let other = json!({"spec": {"source": {"volumeHandle": "another"}}});
    let refused = problem(&dynamic().held().content(&other));
    assert_eq!(refused.reason(Kind::Single), "SnapshotContentMismatch");
    let said = refused.text(Kind::Single);
    assert!(said.contains("\"vh\" of the driver \"d\"") && said.contains("\"another\""), "{said}");
    let foreign = json!({"spec": {"driver": "another.csi"}});
    assert!(problem(&dynamic().held().content(&foreign)).text(Kind::Single).contains("\"another.csi\""));
    let bound = json!({"status": {"boundVolumeSnapshotContentName": "snapcontent-u", "readyToUse": false}});
    let anew = dynamic().held().snapshot(&bound).content(&other);
    assert_eq!(anew.next(), Step::Rest, "its claim was made anew, and holds another volume since");
    let gone = Stage { claim: None, ..dynamic().held().content(&other) };
    assert!(matches!(gone.next(), Step::WriteStatus(_)), "nobody can tell");
}

#[test]
fn a_status_that_names_another_content_is_no_reason_to_make_one() {
    let named = json!({"status": {"boundVolumeSnapshotContentName": "another", "readyToUse": false}});
    let missing = Problem::ContentMissing { content: "another".to_owned() };
    assert_eq!(problem(&protected(dynamic().held().snapshot(&named))), missing);
}

#[test]
fn a_status_that_a_user_has_cleared_is_written_again_and_nothing_is_taken() {
    let taken = json!({"status": {"creationTime": 1_767_225_600_000_000_000_i64, "readyToUse": true, "snapshotHandle": "h"}});
    let change = status(&dynamic().held().content(&taken));
    assert_eq!((change.content.as_deref(), change.ready), (Some("snapcontent-u"), Some(true)));
    assert!(change.creation_time.is_some());
}

#[test]
fn what_was_ready_stays_so_although_its_content_takes_it_back() {
    let back = json!({"status": {"creationTime": 1_767_225_600_000_000_000_i64, "readyToUse": false}});
    assert_eq!(ready().content(&back).next(), Step::Rest);
    let failing = json!({"status": {"readyToUse": false, "error": {"message": "lost"}}});
    assert_eq!(ready().content(&failing).next(), Step::Rest, "nor is it told of errors");
}

#[test]
fn a_lost_content_that_is_back_makes_the_snapshot_ready_again() {
    let lost = ready().snapshot(&json!({"status": {"readyToUse": false, "error": {"message": "missing"}}}));
    let back = json!({"status": {"readyToUse": true, "snapshotHandle": "h"}});
    let change = status(&lost.content(&back));
    assert_eq!((change.ready, change.error), (Some(true), ErrorChange::Clear));
}

#[test]
fn a_policy_that_changes_during_a_deletion_counts_from_then_on() {
    let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "annotations": {
        "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted": "yes"}}});
    let stage = || ready().deleting().content(&going);
    assert_eq!(stage().next(), Step::Rest);
    let retained = stage().content_with(&json!({"spec": {"deletionPolicy": "Retain"}}));
    assert!(matches!(retained.next(), Step::SetFinalizers { .. }), "its content goes without it");
    let unheld = |stage: Stage| stage.snapshot(&json!({"metadata": {"finalizers": [AS_SOURCE_FINALIZER]}}));
    assert_eq!(unheld(stage()).next(), Step::Rest, "from Retain to Delete: any finalizer of ours waits");
}
