//! Findings, each from the step that leads to it. Stories bring them about; here they are side by side.

use model::class::Class;
use model::content::VolumeSnapshotContent;
use model::facts::{Content, Kind};
use model::snapshot::VolumeSnapshot;
use model::user::UserObject;
use serde_json::{Value, json};
use snapshot_controller::decide::content;
use snapshot_controller::decide::problem::{ClaimProblem, ClassProblem, Problem};
use snapshot_controller::decide::step::Step;

use super::finding::Finding;
use super::judge;

/// The name of what is found of a snapshot whose next step this is.
fn id(step: &Step) -> &'static str {
    let snapshot = json!({"metadata": {"name": "s", "namespace": "ns", "uid": "u"}});
    let snapshot: VolumeSnapshot = serde_json::from_value(snapshot).unwrap();
    judge::user(step, &snapshot.user(), None).finding.meaning().id
}

#[test]
fn problems_that_need_much_to_come_about_are_found() {
    let text = || "x".to_owned();
    for (problem, expected) in [
        (Problem::Sources, "source-invalid"),
        (ClassProblem::Drivers { drivers: vec![text(), text()] }.into(), "drivers-differ"),
        (ClassProblem::Secret { class: text(), why: text() }.into(), "class-secret-invalid"),
        (ClaimProblem::NoNode { volume: text(), affinity: text() }.into(), "no-node-fits"),
        (ClaimProblem::SelectorEmpty.into(), "selector-invalid"),
        (
            ClaimProblem::NoneSelected { selector: text(), namespace: text() }.into(),
            "selector-matches-nothing",
        ),
        (Problem::ContentDeleted { content: text() }, "content-deleted"),
        (Problem::ContentMismatch { content: text(), dynamic: true }, "content-of-another-kind"),
        (
            Problem::ContentOfOtherVolume { content: text(), expected: text(), found: text() },
            "content-of-another-volume",
        ),
        (Problem::GroupGone { group: text() }, "group-gone"),
        (Problem::VolumeNotTaken { driver: text(), volume_handle: text() }, "group-incomplete"),
    ] {
        assert_eq!(id(&Step::Report(problem.clone())), expected, "{problem:?}");
    }
}

#[test]
fn a_member_waits_for_its_group_and_a_controller_that_may_not_see_groups_is_told_so() {
    assert_eq!(id(&Step::AwaitGroup { group: "g".to_owned() }), "belongs-to-group");
    assert_eq!(id(&Step::AwaitRight { group: "g".to_owned() }), "group-hidden");
    assert_eq!(id(&Step::AwaitGroups), "cannot-tell");
    let member = json!({"metadata": {"name": "s", "namespace": "ns", "uid": "u", "ownerReferences": [{"apiVersion":
        "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot", "name": "g", "uid": "g"}]}});
    let member: VolumeSnapshot = serde_json::from_value(member).unwrap();
    let found = judge::user(&Step::Rest, &member.user(), None);
    assert_eq!(found.finding.meaning().id, "waits-for-group");
}

/// The name of what is found of a content, for the sidecar's part.
fn content_id(change: impl FnOnce(&mut Value)) -> &'static str {
    let mut content = json!({
        "metadata": {"name": "c", "uid": "u", "annotations": {},
            "finalizers": ["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"]},
        "spec": {"driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": "v"},
            "volumeSnapshotClassName": "class", "volumeSnapshotRef": {"namespace": "n", "name": "s", "uid": "s-uid"}},
    });
    change(&mut content);
    let content: VolumeSnapshotContent = serde_json::from_value(content).unwrap();
    let class = json!({"metadata": {"name": "class"}, "driver": "d", "deletionPolicy": "Delete"});
    let class = Class::of(&serde_json::from_value::<model::class::VolumeSnapshotClass>(class).unwrap());
    judge::of_content(&content.facts(), Some(&class), false).finding.meaning().id
}

#[test]
fn a_content_says_what_the_sidecar_and_the_driver_do() {
    const CREATING: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
    const DELETED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
    let error = json!({"message": "full", "time": "2026-12-01T00:00:00Z"});
    let delete = |content: &mut Value| {
        content["metadata"]["annotations"][DELETED] = "yes".into();
        content["metadata"]["deletionTimestamp"] = "2026-12-01T00:00:00Z".into();
    };
    let taken = json!({"snapshotHandle": "h", "readyToUse": true});
    assert_eq!(content_id(|_| {}), "sidecar-acts");
    let marked = |content: &mut Value| content["metadata"]["annotations"][CREATING] = "yes".into();
    assert_eq!(content_id(marked), "driver-takes");
    let failed = |content: &mut Value| {
        marked(content);
        content["status"]["error"] = error.clone();
    };
    assert_eq!(content_id(failed), "driver-fails");
    let unready = |content: &mut Value| {
        content["status"] = json!({"snapshotHandle": "h", "readyToUse": false, "creationTime": 1});
    };
    assert_eq!(content_id(unready), "driver-finishes");
    let deleting = |content: &mut Value| {
        delete(content);
        content["status"] = taken.clone();
    };
    assert_eq!(content_id(deleting), "driver-deletes");
    let refused = |content: &mut Value| {
        deleting(content);
        content["status"]["error"] = error.clone();
    };
    assert_eq!(content_id(refused), "deletion-fails");
    let in_doubt = |content: &mut Value| {
        delete(content);
        marked(content);
    };
    assert_eq!(content_id(in_doubt), "deletion-in-doubt");
    let unknown = |content: &mut Value| content["spec"]["source"] = json!({});
    assert_eq!(content_id(unknown), "content-refused");
}

#[test]
fn a_content_that_needs_the_controller_says_so_and_one_that_does_not_is_left_to_the_sidecar() {
    let found = |step| judge::of_controller(&step, Kind::Single).map(|found| found.finding);
    assert_eq!(found(content::Step::Hold), Some(Finding::ControllerActs));
    assert_eq!(found(content::Step::Release), Some(Finding::ControllerActs));
    assert_eq!(found(content::Step::Invalid), Some(Finding::SourceInvalid));
    assert_eq!(found(content::Step::Rest), None);
}
