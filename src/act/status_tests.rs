//! Each write, operation by operation.

use serde_json::{Value, json};

use super::*;
use model::content::VolumeSnapshotContent;
use model::group_content::VolumeGroupSnapshotContent;

const MARKER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
const MARKER_PATH: &str =
    "/metadata/annotations/snapshot.storage.kubernetes.io~1volumesnapshot-being-created";
const FINALIZER: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";

fn content(change: &Value) -> VolumeSnapshotContent {
    let mut object =
        json!({"metadata": {"name": "c", "uid": "u", "resourceVersion": "7"}, "spec": {"driver": "d"}});
    json_patch::merge(&mut object, change);
    serde_json::from_value(object).unwrap()
}

fn ops(write: &Write) -> Value {
    serde_json::to_value(write.patch()).unwrap()
}

fn of_metadata(object: &VolumeSnapshotContent, what: MetadataWrite) -> Option<Value> {
    metadata_write(object, Kind::Single, what).map(|write| ops(&write))
}

fn of_status(object: &VolumeSnapshotContent, change: &StatusChange) -> Value {
    ops(&status_write(object, change, "2026-01-02T03:04:05.678Z".parse().unwrap()))
}

fn uid() -> Value {
    json!({"op": "test", "path": "/metadata/uid", "value": "u"})
}

#[test]
fn a_marker_is_set_where_there_is_none_with_the_map_or_in_it() {
    let bare = of_metadata(&content(&json!({})), MetadataWrite::Mark).unwrap();
    let map = json!([
        uid(),
        {"op": "test", "path": "/metadata/annotations", "value": null},
        {"op": "add", "path": "/metadata/annotations", "value": {MARKER: "yes"}},
    ]);
    assert_eq!(bare, map);
    let others = content(&json!({"metadata": {"annotations": {"example.com/a": "b"}}}));
    let key = json!([
        uid(),
        {"op": "test", "path": MARKER_PATH, "value": null},
        {"op": "add", "path": MARKER_PATH, "value": "yes"},
    ]);
    assert_eq!(of_metadata(&others, MetadataWrite::Mark).unwrap(), key);
}

#[test]
fn a_marker_is_removed_as_it_was_found_and_not_where_there_is_none() {
    let marked = content(&json!({"metadata": {"annotations": {MARKER: "odd"}}}));
    let removal = |guard: &Value| {
        json!([
            uid(),
            guard,
            {"op": "test", "path": MARKER_PATH, "value": "odd"},
            {"op": "remove", "path": MARKER_PATH},
        ])
    };
    let version = json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"});
    assert_eq!(of_metadata(&marked, MetadataWrite::Unmark).unwrap(), removal(&version));
    let recorded = content(&json!({
        "metadata": {"annotations": {MARKER: "odd"}},
        "status": {"snapshotHandle": "h"},
    }));
    let handle = json!({"op": "test", "path": "/status/snapshotHandle", "value": "h"});
    assert_eq!(of_metadata(&recorded, MetadataWrite::Unmark).unwrap(), removal(&handle));
    assert_eq!(of_metadata(&content(&json!({})), MetadataWrite::Unmark), None);
}

#[test]
fn only_our_finalizer_goes_and_only_from_where_it_is() {
    let held = content(&json!({"metadata": {"finalizers": ["other", FINALIZER]}}));
    let removal = json!([
        uid(),
        {"op": "test", "path": "/metadata/finalizers/1", "value": FINALIZER},
        {"op": "remove", "path": "/metadata/finalizers/1"},
    ]);
    assert_eq!(of_metadata(&held, MetadataWrite::DropFinalizer).unwrap(), removal);
    let others = content(&json!({"metadata": {"finalizers": ["other"]}}));
    assert_eq!(of_metadata(&others, MetadataWrite::DropFinalizer), None);
}

#[test]
fn a_first_status_is_written_whole_where_there_is_none() {
    let change = StatusChange {
        handle: Some("h".into()),
        creation_time: Some(5),
        size: Some(6),
        ready: Some(true),
        ..StatusChange::default()
    };
    let status = json!({"snapshotHandle": "h", "creationTime": 5, "restoreSize": 6, "readyToUse": true});
    let write = json!([
        uid(),
        {"op": "test", "path": "/status", "value": null},
        {"op": "add", "path": "/status", "value": status},
    ]);
    assert_eq!(of_status(&content(&json!({})), &change), write);
}

#[test]
fn a_later_status_tests_each_field_that_it_sets() {
    let object = content(&json!({"status": {"readyToUse": false, "error": {"message": "old"}}}));
    let change = StatusChange {
        handle: Some("h".into()),
        ready: Some(true),
        error: ErrorChange::Clear,
        ..StatusChange::default()
    };
    let write = json!([
        uid(),
        {"op": "test", "path": "/status/snapshotHandle", "value": null},
        {"op": "add", "path": "/status/snapshotHandle", "value": "h"},
        {"op": "test", "path": "/status/readyToUse", "value": false},
        {"op": "add", "path": "/status/readyToUse", "value": true},
        {"op": "remove", "path": "/status/error"},
    ]);
    assert_eq!(of_status(&object, &change), write);
}

#[test]
fn an_error_has_its_message_and_a_time_in_whole_seconds() {
    let object = content(&json!({"status": {"readyToUse": false}}));
    let change = StatusChange { error: ErrorChange::Set("no".into()), ..StatusChange::default() };
    let error = json!({"message": "no", "time": "2026-01-02T03:04:05Z"});
    assert_eq!(of_status(&object, &change)[2], json!({"op": "add", "path": "/status/error", "value": error}));
}

#[test]
fn a_deletion_removes_what_is_there_and_tests_it() {
    let object = content(&json!({"status": {"snapshotHandle": "h", "readyToUse": true, "error": {}}}));
    let change = StatusChange { forget: true, ..StatusChange::default() };
    let write = json!([
        uid(),
        {"op": "test", "path": "/status/snapshotHandle", "value": "h"},
        {"op": "remove", "path": "/status/snapshotHandle"},
        {"op": "test", "path": "/status/readyToUse", "value": true},
        {"op": "remove", "path": "/status/readyToUse"},
    ]);
    assert_eq!(of_status(&object, &change), write, "the error of a single content stays");
}

#[test]
fn a_status_with_nonsense_in_it_is_written_whole_under_its_version() {
    let object = content(&json!({"status": {"snapshotHandle": "h", "readyToUse": "odd"}}));
    let change = StatusChange { ready: Some(false), ..StatusChange::default() };
    let write = json!([
        uid(),
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/status", "value": {"snapshotHandle": "h", "readyToUse": false}},
    ]);
    assert_eq!(of_status(&object, &change), write);
}

#[test]
fn a_group_writes_its_time_as_text_its_members_as_objects_and_forgets_its_error_too() {
    let object: VolumeGroupSnapshotContent =
        serde_json::from_value(json!({"metadata": {"name": "g", "uid": "u"}})).unwrap();
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let member = Member {
        volume: "v".into(),
        handle: "a".into(),
        creation_time: Some(5),
        ready: Some(true),
        size: None,
    };
    let change = StatusChange {
        handle: Some("gh".into()),
        creation_time: Some(1_767_225_600_000_000_000),
        ready: Some(true),
        members: Some(vec![member]),
        ..StatusChange::default()
    };
    let written = ops(&status_write(&object, &change, now));
    let status = json!({
        "volumeGroupSnapshotHandle": "gh", "creationTime": "2026-01-01T00:00:00Z", "readyToUse": true,
        "volumeSnapshotInfoList": [
            {"volumeHandle": "v", "snapshotHandle": "a", "creationTime": 5, "readyToUse": true},
        ],
    });
    assert_eq!(written[2]["value"], status);
    let object: VolumeGroupSnapshotContent = serde_json::from_value(json!({
        "metadata": {"name": "g", "uid": "u"},
        "status": {"volumeGroupSnapshotHandle": "gh", "error": {"message": "x"}},
    }))
    .unwrap();
    let forget = StatusChange { forget: true, ..StatusChange::default() };
    let written = ops(&status_write(&object, &forget, now));
    assert_eq!(written[3], json!({"op": "remove", "path": "/status/error"}));
}
