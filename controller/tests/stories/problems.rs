//! What is wrong with what users gave: each problem stands in status and event, and heals by itself when its cause goes.

use serde_json::{Value, json};

use crate::common::{
    CLAIM, CLASS, CONTENT, DRIVER, NAMESPACE, SNAPSHOT, Stage, VOLUME, class, content_name, in_sandbox, story,
};
use crate::groups::PATIENT;

/// Waits until the status of the snapshot `s` says these words, and an event of the reason says the same.
async fn told(stage: &Stage, reason: &str, words: &str) {
    let snapshot = stage.until(SNAPSHOT, "s", |snapshot| error(snapshot).contains(words)).await;
    assert_eq!(snapshot["status"]["readyToUse"], false);
    stage.event_saying("s", reason, error(&snapshot)).await;
}

fn error(snapshot: &Value) -> &str {
    snapshot["status"]["error"]["message"].as_str().unwrap_or_default()
}

/// A volume for the claim `data`, with this change.
async fn volume(stage: &Stage, change: Value) {
    let claim = stage.get(CLAIM, "data").await.unwrap();
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "volumeMode": "Filesystem",
        "csi": {"driver": DRIVER, "volumeHandle": "handle"},
        "claimRef": {"namespace": NAMESPACE, "name": "data", "uid": claim["metadata"]["uid"]},
    });
    json_patch::merge(&mut spec, &change);
    stage.make(VOLUME, "v", &json!({ "spec": spec })).await;
}

/// Removes the volume, whatever protects it.
async fn no_volume(stage: &Stage) {
    stage.change(VOLUME, "v", &json!({"metadata": {"finalizers": null}})).await;
    stage.delete(VOLUME, "v").await;
    if stage.get(VOLUME, "v").await.is_some() {
        stage.change(VOLUME, "v", &json!({"metadata": {"finalizers": null}})).await;
    }
    stage.until_gone(VOLUME, "v").await;
}

#[test]
fn each_problem_on_the_way_to_a_content_is_told_and_the_end_of_each_wakes_the_snapshot_at_once() {
    in_sandbox("the claims of a real cluster are bound by that cluster alone", async {
        let stage = Stage::bare().await;
        // No backoff ends within the story.
        let _controller = stage.controller(&PATIENT);
        let snapshot = stage.snapshot("s", "data").await;
        told(&stage, "GetSnapshotClassFailed", "the VolumeSnapshotClass \"fast\" does not exist").await;
        stage.make(CLASS, "fast", &class("b.csi.test")).await;
        let reason = "SnapshotContentCreationFailed";
        told(&stage, reason, "team/data does not exist").await;
        let claim = json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "v",
        }});
        stage.make(CLAIM, "data", &claim).await;
        stage.change_status(CLAIM, "data", &json!({"phase": "Pending"})).await;
        told(&stage, reason, "has the phase \"Pending\"").await;
        stage.change_status(CLAIM, "data", &json!({"phase": "Bound"})).await;
        told(
            &stage,
            reason,
            "the PersistentVolume \"v\" of the PersistentVolumeClaim team/data does not exist",
        )
        .await;
        volume(&stage, json!({"claimRef": {"name": "other", "uid": "u"}})).await;
        told(&stage, reason, "is held by team/other (uid \"u\")").await;
        no_volume(&stage).await;
        volume(&stage, json!({"csi": null, "hostPath": {"path": "/"}})).await;
        told(&stage, reason, "\"v\" is no CSI volume").await;
        no_volume(&stage).await;
        volume(&stage, json!({})).await;
        told(&stage, reason, "is for the driver \"b.csi.test\", and the volume \"v\" is of the driver").await;
        stage.delete(CLASS, "fast").await;
        told(&stage, "GetSnapshotClassFailed", "does not exist").await;
        let mut templates = class(DRIVER);
        templates["parameters"] = json!({"csi.storage.k8s.io/snapshotter-secret-name": "${pvc.name}",
            "csi.storage.k8s.io/snapshotter-secret-namespace": "team"});
        stage.make(CLASS, "fast", &templates).await;
        told(&stage, reason, "${pvc.name}").await;
        stage.delete(CLASS, "fast").await;
        told(&stage, "GetSnapshotClassFailed", "does not exist").await;
        stage.make(CLASS, "fast", &class(DRIVER)).await;
        let content = stage.content_of(&snapshot).await;
        stage.take(content["metadata"]["name"].as_str().unwrap()).await;
        let ready = stage.until(SNAPSHOT, "s", |it| it["status"]["readyToUse"] == true).await;
        assert!(ready["status"]["error"].is_null(), "{ready}");
    });
}

#[test]
fn a_given_content_that_is_late_wrong_or_somebody_else_s_is_told_and_wakes_the_snapshot_once_it_is_right() {
    story(async {
        let stage = Stage::bare().await;
        let _controller = stage.controller(&PATIENT);
        let spec = json!({"source": {"volumeSnapshotContentName": "by-hand"}});
        stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        told(&stage, "SnapshotContentMissing", "\"by-hand\" does not exist").await;
        let given = |source: Value, name: &str| {
            json!({"spec": {
                "driver": DRIVER, "deletionPolicy": "Retain", "source": source,
                "volumeSnapshotRef": {"namespace": NAMESPACE, "name": name},
            }})
        };
        stage.make(CONTENT, "by-hand", &given(json!({"volumeHandle": "v"}), "s")).await;
        told(&stage, "SnapshotContentMismatch", "has no source.snapshotHandle").await;
        stage.delete(CONTENT, "by-hand").await;
        told(&stage, "SnapshotContentMissing", "\"by-hand\" does not exist").await;
        stage.make(CONTENT, "by-hand", &given(json!({"snapshotHandle": "h"}), "another")).await;
        told(&stage, "SnapshotContentMisbound", "points to team/another").await;
        stage.change(CONTENT, "by-hand", &json!({"spec": {"volumeSnapshotRef": {"name": "s"}}})).await;
        stage.take("by-hand").await;
        let ready = stage.until(SNAPSHOT, "s", |it| it["status"]["readyToUse"] == true).await;
        assert!(ready["status"]["error"].is_null(), "{ready}");
    });
}

#[test]
fn names_of_the_longest_kind_are_no_problem() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let name = "s".repeat(253);
        let spec =
            json!({"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"});
        let snapshot = stage.make(SNAPSHOT, &name, &json!({ "spec": spec })).await;
        stage.content_of(&snapshot).await;
        stage.take(&content_name(&snapshot)).await;
        stage.until(SNAPSHOT, &name, |it| it["status"]["readyToUse"] == true).await;
        stage.event(&name, "SnapshotReady").await;
        let given = "c".repeat(253);
        let content = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Retain", "source": {"snapshotHandle": "h"},
            "volumeSnapshotRef": {"namespace": NAMESPACE, "name": "g"},
        }});
        stage.make(CONTENT, &given, &content).await;
        let spec = json!({"source": {"volumeSnapshotContentName": given}});
        stage.make(SNAPSHOT, "g", &json!({ "spec": spec })).await;
        stage.take(&given).await;
        stage.until(SNAPSHOT, "g", |it| it["status"]["readyToUse"] == true).await;
    });
}
