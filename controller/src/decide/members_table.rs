//! The rules for members of a group, which are VolumeSnapshots, row by row.

use model::facts::Kind;
use model::snapshot::{AS_SOURCE_FINALIZER, IN_GROUP_FINALIZER};
use serde_json::json;

use super::fixtures::{Stage, dynamic};
use super::problem::Problem;
use super::snapshot::Group;
use super::step::{StatusChange, Step};

fn status(stage: &Stage) -> StatusChange {
    let step = stage.next();
    let Step::WriteStatus(change) = step else { panic!("{step:?}") };
    change
}

#[test]
fn a_member_waits_for_its_group_and_goes_with_the_in_group_finalizer_alone() {
    let deleted = |owner| Stage { owner, ..member().deleting() };
    assert_eq!(deleted(Group::Living("g")).next(), Step::AwaitGroup { group: "g".to_owned() });
    for owner in [Group::None, Group::Leaving] {
        let step = deleted(owner).next();
        assert!(matches!(step, Step::SetFinalizers { remove, .. } if remove == [IN_GROUP_FINALIZER]));
    }
}

fn member() -> Stage {
    let owner = json!([{
        "apiVersion": "groupsnapshot.storage.k8s.io/v1beta1", "kind": "VolumeGroupSnapshot", "name": "g", "uid": "gu",
    }]);
    let snapshot = json!({
        "metadata": {"name": "snapshot-x", "ownerReferences": owner, "finalizers": [IN_GROUP_FINALIZER]},
        "spec": {"volumeSnapshotClassName": null},
    });
    let owner = Group::Living("g");
    Stage { class: None, claim: None, volume: None, owner, ..dynamic().snapshot(&snapshot) }
}

fn member_content() -> serde_json::Value {
    json!({"metadata": {"name": "snapcontent-x"}, "spec": {
        "volumeSnapshotRef": {"name": "snapshot-x"}, "volumeSnapshotClassName": null,
    }})
}

#[test]
fn a_member_made_by_any_version_waits_for_its_content_and_never_gets_the_bound_finalizer() {
    assert_eq!(member().next(), Step::Rest, "its group makes its content; it needs no class");
    let bound = member().content(&member_content());
    assert!(matches!(bound.next(), Step::SetFinalizers { add, .. } if add == [AS_SOURCE_FINALIZER]));
    let held = json!({"metadata": {"finalizers": [IN_GROUP_FINALIZER, AS_SOURCE_FINALIZER]}});
    let shown = status(&member().snapshot(&held).content(&member_content()));
    assert_eq!(shown.content.as_deref(), Some("snapcontent-x"));
    let annotation = json!({"metadata": {"annotations": {
        "groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle": "gh"}}});
    let announced = member().snapshot(&held).content(&member_content()).content_with(&annotation);
    assert_eq!(announced.next(), Step::Rest, "its group has yet to write what was taken");
    let recorded =
        json!({"status": {"snapshotHandle": "h", "volumeGroupSnapshotHandle": "gh", "readyToUse": true}});
    assert_eq!(status(&announced.content_with(&recorded)).ready, Some(true), "in one write");
}

#[test]
fn a_member_s_content_is_found_for_a_deletion_before_any_status_was_written() {
    let deleted = Stage { owner: Group::Leaving, ..member().deleting() };
    assert_eq!(deleted.content(&member_content()).next(), Step::ReleaseContent);
}

#[test]
fn a_member_waits_as_long_as_nobody_knows_which_groups_there_are() {
    let unknown = Stage { owner: Group::Unknown, ..member().deleting().content(&member_content()) };
    assert_eq!(unknown.next(), Step::AwaitGroups);
}

#[test]
fn a_member_is_kept_and_says_why_where_groups_may_not_be_read() {
    let hidden = |stage| Stage { owner: Group::Unreadable("g"), ..stage };
    let step = hidden(member().deleting().content(&member_content())).next();
    assert_eq!(step, Step::AwaitRight { group: "g".to_owned() });
    assert_eq!(hidden(member()).next(), Step::Rest);
}

#[test]
fn a_member_whose_group_is_gone_says_so_where_that_has_left_it_half_made() {
    let alone = |stage: Stage| {
        let step = Stage { owner: Group::None, ..stage }.next();
        let Step::Report(problem) = step else { panic!("{step:?}") };
        assert_eq!(problem.reason(Kind::Single), "SnapshotContentMissing");
        let said = problem.text(Kind::Single);
        assert!(said.contains("ns/g (uid \"gu\")"), "{said}");
    };
    let held = json!({"metadata": {"finalizers": [IN_GROUP_FINALIZER, AS_SOURCE_FINALIZER]}});
    let announced = json!({"metadata": {"annotations": {
        "groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle": "gh"}}});
    alone(member());
    alone(member().snapshot(&held).content(&member_content()).content_with(&announced));
    assert_eq!(Stage { owner: Group::Leaving, ..member() }.next(), Step::Rest, "it goes with its group");
    let made = Stage { owner: Group::None, ..member().snapshot(&held).content(&member_content()) };
    let change = status(&made.content_with(&json!({"status": {
        "snapshotHandle": "h", "volumeGroupSnapshotHandle": "gh", "readyToUse": true}})));
    assert_eq!(change.ready, Some(true), "what was made needs no group");
}

#[test]
fn a_member_whose_content_vanished_is_not_made_anew() {
    let taken = json!({"status": {"boundVolumeSnapshotContentName": "snapcontent-x", "creationTime": "2026-01-01T00:00:00Z",
        "readyToUse": true}});
    let step = member().snapshot(&taken).next();
    let missing = Problem::ContentMissing { content: "snapcontent-x".to_owned() };
    assert_eq!(step, Step::Report(missing));
}
