//! Tests of reading objects with unused fields, fields of the wrong type, and missing parts.

use machinery::object::Pairs;
use serde_json::{Value, json};

use super::content::VolumeSnapshotContent;
use super::facts::{Content, Membership, Policy, Source};
use super::group_content::VolumeGroupSnapshotContent;
use super::names::MEMBER_OF_GROUP;

const MARKER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";

fn content(change: &Value) -> VolumeSnapshotContent {
    let mut object = json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent",
        "metadata": {"name": "c", "uid": "u", "resourceVersion": "7"},
        "spec": {
            "driver": "d", "deletionPolicy": "Delete", "source": {"volumeHandle": "v"},
            "volumeSnapshotClassName": "fast",
            "volumeSnapshotRef": {"namespace": "ns", "name": "snap", "uid": "owner"},
        },
    });
    json_patch::merge(&mut object, change);
    serde_json::from_value(object).unwrap()
}

#[test]
fn reading_keeps_the_fields_that_decisions_use_and_drops_the_rest() {
    let bulk = "x".repeat(1 << 20);
    let object = content(&json!({"metadata": {
        "managedFields": [{"manager": "m"}], "labels": {"a": "b"}, "ownerReferences": [{"name": "o"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": bulk, MARKER: "yes"},
        "finalizers": ["f"],
    }}));
    let metadata = &object.metadata;
    assert!(metadata.owner_references.is_none());
    assert_eq!(metadata.labels, Some(Pairs::default()), "one may be added");
    assert_eq!(metadata.annotations, Some([(MARKER, "yes")].into_iter().collect()));
    assert_eq!(metadata.finalizers, Some(["f"].into_iter().collect()));
    assert!(object.facts().meta.marked);
}

#[test]
fn annotations_of_others_are_read_as_an_empty_map_and_no_annotations_as_none() {
    let others = content(&json!({"metadata": {"annotations": {"example.com/a": "b"}}}));
    assert_eq!(others.metadata.annotations, Some(Pairs::default()));
    assert!(content(&json!({})).metadata.annotations.is_none());
}

#[test]
fn a_status_with_an_invalid_field_keeps_the_others_and_is_flagged() {
    for nonsense in [
        json!({"readyToUse": "yes", "snapshotHandle": "h"}),
        json!({"creationTime": "yesterday", "snapshotHandle": "h"}),
        json!({"restoreSize": {}, "snapshotHandle": "h"}),
        json!({"error": 5, "snapshotHandle": "h"}),
    ] {
        let object = content(&json!({ "status": nonsense }));
        let status = object.body.status.as_ref().unwrap();
        assert_eq!(object.facts().handle(), Some("h"));
        assert!(status.nonsense || status.error.is_some(), "{nonsense}");
    }
    let object = content(&json!({"status": "odd"}));
    assert!(object.body.status.as_ref().unwrap().nonsense);
    assert!(!object.facts().is_ready());
}

#[test]
fn no_shape_of_an_object_is_an_error() {
    for odd in [json!({}), json!([]), json!(null), json!({"metadata": 5, "spec": [], "status": true})] {
        let object: VolumeSnapshotContent = serde_json::from_value(odd.clone()).unwrap();
        assert_eq!(object.facts().source, Source::None, "{odd}");
        let group: VolumeGroupSnapshotContent = serde_json::from_value(odd.clone()).unwrap();
        assert_eq!(group.facts().source, Source::None, "{odd}");
    }
    let odd = content(&json!({"metadata": {"annotations": {MARKER: 5}, "finalizers": "f"}}));
    assert_eq!(odd.facts().driver, "d");
}

#[test]
fn empty_text_counts_as_none() {
    let object = content(&json!({
        "spec": {"volumeSnapshotClassName": "", "volumeSnapshotRef": {"uid": ""}, "source": {"snapshotHandle": ""}},
        "status": {"snapshotHandle": "", "readyToUse": true},
    }));
    let facts = object.facts();
    assert_eq!((facts.class_name, facts.owner.uid, facts.handle()), (None, None, None));
    assert!(matches!(facts.source, Source::Volumes(_)));
    assert!(!facts.is_ready());
}

#[test]
fn two_sources_are_both_noticed() {
    let object = content(&json!({"spec": {"source": {"snapshotHandle": "h"}}}));
    assert_eq!(object.facts().source, Source::Both);
}

#[test]
fn an_unknown_deletion_policy_counts_as_retain() {
    assert_eq!(content(&json!({"spec": {"deletionPolicy": "Shred"}})).facts().policy, Policy::Retain);
}

#[test]
fn a_member_is_announced_by_its_annotation_and_recorded_by_its_status() {
    let announced = json!({"metadata": {"annotations": {MEMBER_OF_GROUP: "g"}}});
    assert_eq!(content(&announced).facts().member, Membership::Announced);
    let recorded = json!({"status": {"volumeGroupSnapshotHandle": "g"}});
    assert_eq!(content(&recorded).facts().member, Membership::Recorded);
}

#[test]
fn a_group_keeps_its_members_even_if_one_is_invalid() {
    let object: VolumeGroupSnapshotContent = serde_json::from_value(json!({
        "metadata": {"name": "g", "uid": "u"},
        "spec": {"driver": "d", "deletionPolicy": "Delete", "source": {"groupSnapshotHandles": {
            "volumeGroupSnapshotHandle": "gh", "volumeSnapshotHandles": ["a", "b"],
        }}},
        "status": {
            "creationTime": "2026-01-01T00:00:00Z",
            "volumeSnapshotInfoList": [{"volumeHandle": "v", "snapshotHandle": "a", "restoreSize": "odd"}, 5],
        },
    }))
    .unwrap();
    let facts = object.facts();
    assert_eq!(facts.source, Source::Given("gh", &["a".to_owned(), "b".to_owned()]));
    let status = facts.status.unwrap();
    assert_eq!(status.creation_time, Some(1_767_225_600_000_000_000));
    assert_eq!(status.members.len(), 2);
    assert_eq!((status.members[0].handle.as_str(), status.members[0].size), ("a", None));
}
