//! Objects as the reference's programs leave them: its words have no form, and none of ours is at work.

use serde_json::{Value, json};

use super::{finds, says};
use crate::common::{
    CONTENT, CONTROLLER_LEASE, DRIVER, GROUP, GROUP_CLASS, GROUP_CONTENT, Kind, LEASE, NAMESPACE,
    SIDECAR_LEASE, SNAPSHOT, Stage, story,
};

const EVENT: Kind = Kind("", "Event", true);
const AS_SOURCE: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
const BOUND: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";
const IN_GROUP: &str = "snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection";
const HELD: &str = "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection";
const MARKED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";
const RELEASED: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-deleted";
const FULL: &str = "failed to take snapshot of the volume handle-of-data: \"rpc error: code = ResourceExhausted desc = full\"";

/// A cluster in which the reference's programs hold their Leases.
async fn set() -> Stage {
    let stage = Stage::set().await;
    for (namespace, name) in [CONTROLLER_LEASE, SIDECAR_LEASE] {
        let held = json!({"spec": {"holderIdentity": "reference", "leaseDurationSeconds": 15,
            "renewTime": "2100-01-01T00:00:00.000000Z"}});
        stage.make_in(LEASE, namespace, name, &held).await;
    }
    stage
}

/// A snapshot of the claim `data` with its content, whose names it returns with its uid.
async fn bound(stage: &Stage, name: &str, annotations: Value, status: &Value) -> String {
    let snapshot = json!({"metadata": {"finalizers": [AS_SOURCE, BOUND]}, "spec": {"volumeSnapshotClassName": "fast",
        "source": {"persistentVolumeClaimName": "data"}}});
    let made = stage.make(SNAPSHOT, name, &snapshot).await;
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let content = json!({"metadata": {"finalizers": [HELD], "annotations": annotations}, "spec": {
        "deletionPolicy": "Delete", "driver": DRIVER, "source": {"volumeHandle": "handle-of-data"},
        "volumeSnapshotClassName": "fast", "volumeSnapshotRef": {"apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshot", "namespace": NAMESPACE, "name": name, "uid": uid}}});
    let content_name = format!("snapcontent-{uid}");
    stage.make(CONTENT, &content_name, &content).await;
    stage.change_status(CONTENT, &content_name, status).await;
    let mut shown =
        json!({"boundVolumeSnapshotContentName": content_name, "readyToUse": status["readyToUse"]});
    if status["readyToUse"] == true {
        shown["creationTime"] = "2026-01-01T00:00:00Z".into();
        shown["restoreSize"] = "1".into();
    }
    if status["error"].is_object() {
        shown["error"] = status["error"].clone();
    }
    stage.change_status(SNAPSHOT, name, &shown).await;
    content_name
}

fn taken() -> Value {
    json!({"snapshotHandle": "h", "creationTime": 1_767_225_600_000_000_000_i64, "readyToUse": true, "restoreSize": 1})
}

#[test]
fn a_snapshot_of_the_reference_is_read_like_ours_in_every_state() {
    story(async {
        let stage = set().await;
        let failed = json!({"readyToUse": false, "error": {"time": "2026-01-01T00:00:00Z",
            "message": format!("Failed to check and update snapshot content: {FULL}")}});
        // Its marker goes with a final error, and stays with the others.
        for (name, marks) in [("doubtful", json!({MARKED: "yes"})), ("refused", json!({}))] {
            let content = bound(&stage, name, marks, &failed).await;
            for target in [name, &format!("vsc/{content}")] {
                let seen = finds(&stage, target, "driver-fails").await;
                says(
                    &seen,
                    "code = ResourceExhausted desc = full",
                    "with a growing pause",
                    "read the message",
                );
            }
        }
        let fresh = bound(&stage, "fresh", json!({}), &json!({"readyToUse": false})).await;
        finds(&stage, "fresh", "sidecar-acts").await;
        finds(&stage, &format!("vsc/{fresh}"), "sidecar-acts").await;
        finds(&stage, "pvc/data", "at-rest").await;

        super::take(&stage, "claimless", "gone", Some("fast")).await;
        let error = json!({"readyToUse": false, "error": {"time": "2026-01-01T00:00:00Z", "message":
            "Failed to create snapshot content with error cannot get claim from snapshot"}});
        stage.change_status(SNAPSHOT, "claimless", &error).await;
        let seen = finds(&stage, "claimless", "claim-missing").await;
        says(&seen, "team/gone does not exist", "as soon as a claim comes", "create the claim");

        let content = bound(&stage, "done", json!({}), &taken()).await;
        finds(&stage, "done", "ready").await;
        finds(&stage, &format!("vsc/{content}"), "at-rest").await;
    });
}

#[test]
fn a_deletion_that_fails_with_the_reference_is_known_by_its_event() {
    story(async {
        let stage = set().await;
        let content = bound(&stage, "s", json!({RELEASED: "yes"}), &taken()).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.delete(CONTENT, &content).await;
        finds(&stage, "s", "driver-deletes").await;
        let uid = stage.until(CONTENT, &content, |_| true).await["metadata"]["uid"].clone();
        let event = json!({"type": "Warning", "reason": "SnapshotDeleteError", "message": "Failed to delete snapshot",
            "lastTimestamp": "2026-01-01T00:00:00Z",
            "involvedObject": {"kind": "VolumeSnapshotContent", "name": content, "uid": uid}});
        stage.make_in(EVENT, "default", "deletion", &event).await;
        for target in ["s", &format!("vsc/{content}")] {
            let seen = finds(&stage, target, "deletion-fails").await;
            says(&seen, "Failed to delete snapshot", "with a growing pause", "depends on the snapshot");
        }
    });
}

/// The one member of a group of the reference, with its content; the name of the member.
async fn member(stage: &Stage, group_uid: &Value) -> String {
    let name = model::names::member(group_uid.as_str().unwrap(), "handle-of-data");
    let owner = json!({"apiVersion": "groupsnapshot.storage.k8s.io/v1beta1", "kind": "VolumeGroupSnapshot", "name": "g",
        "uid": group_uid});
    let snapshot = json!({"metadata": {"finalizers": [IN_GROUP, AS_SOURCE], "ownerReferences": [owner]},
        "spec": {"source": {"persistentVolumeClaimName": "data"}}});
    let made = stage.make(SNAPSHOT, &name, &snapshot).await;
    let content = model::names::content_of_member(&name);
    let of_group = json!({"groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle": "group-handle"});
    let object = json!({"metadata": {"finalizers": [HELD], "annotations": of_group}, "spec": {
        "deletionPolicy": "Delete", "driver": DRIVER, "source": {"volumeHandle": "handle-of-data"},
        "volumeSnapshotRef": {"namespace": NAMESPACE, "name": name, "uid": made["metadata"]["uid"]}}});
    stage.make(CONTENT, &content, &object).await;
    let mut status = taken();
    status["volumeGroupSnapshotHandle"] = "group-handle".into();
    stage.change_status(CONTENT, &content, &status).await;
    let ready = json!({"boundVolumeSnapshotContentName": content, "readyToUse": true, "restoreSize": "1",
        "creationTime": "2026-01-01T00:00:00Z", "volumeGroupSnapshotName": "g"});
    stage.change_status(SNAPSHOT, &name, &ready).await;
    name
}

#[test]
fn a_group_of_the_reference_and_its_members_are_read_like_ours() {
    story(async {
        let stage = set().await;
        stage.make(GROUP_CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        let group = json!({"metadata": {"finalizers":
            ["groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection"]},
            "spec": {"source": {"selector": {"matchLabels": {"app": "db"}}}, "volumeGroupSnapshotClassName": "fast"}});
        let uid = stage.make(GROUP, "g", &group).await["metadata"]["uid"].clone();
        let content = format!("groupsnapcontent-{}", uid.as_str().unwrap());
        let object = json!({"metadata": {"finalizers":
            ["groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection"]},
            "spec": {"deletionPolicy": "Delete", "driver": DRIVER, "source": {"volumeHandles": ["handle-of-data"]},
            "volumeGroupSnapshotClassName": "fast",
            "volumeGroupSnapshotRef": {"namespace": NAMESPACE, "name": "g", "uid": uid}}});
        stage.make(GROUP_CONTENT, &content, &object).await;
        let error = json!({"readyToUse": false, "error": {"time": "2026-01-01T00:00:00Z", "message": format!(
            "Failed to create group snapshot: {}", FULL.replace("snapshot of the volume", "group snapshot of"))}});
        stage.change_status(GROUP_CONTENT, &content, &error).await;
        let mut shown = error.clone();
        shown["boundVolumeGroupSnapshotContentName"] = content.as_str().into();
        stage.change_status(GROUP, "g", &shown).await;
        let seen = finds(&stage, "vgs/g", "driver-fails").await;
        says(&seen, "ResourceExhausted", "with a growing pause", "read the message");

        let listed = json!([{"volumeHandle": "handle-of-data", "snapshotHandle": "h", "readyToUse": true,
            "creationTime": 1_767_225_600_000_000_000_i64, "restoreSize": 1}]);
        let done = json!({"readyToUse": true, "error": null, "creationTime": "2026-01-01T00:00:00Z",
            "volumeGroupSnapshotHandle": "group-handle", "volumeSnapshotInfoList": listed});
        stage.change_status(GROUP_CONTENT, &content, &done).await;
        let member = member(&stage, &uid).await;
        let ready = json!({"boundVolumeGroupSnapshotContentName": content, "readyToUse": true,
            "creationTime": "2026-01-01T00:00:00Z", "error": null});
        stage.change_status(GROUP, "g", &ready).await;
        finds(&stage, "vgs/g", "ready").await;
        finds(&stage, &member, "ready").await;
        finds(&stage, "pvc/data", "at-rest").await;
        stage.delete(SNAPSHOT, &member).await;
        finds(&stage, &member, "belongs-to-group").await;
    });
}
