//! Contents that cannot serve their snapshot.

use serde_json::{Value, json};

use super::finds;
use crate::common::{CLASS, CONTENT, DRIVER, NAMESPACE, SNAPSHOT, Stage, story};

const CRD: crate::common::Kind =
    crate::common::Kind("apiextensions.k8s.io", "CustomResourceDefinition", false);

/// A content of the claim `data`, bound to the snapshot `s`.
fn content_of(snapshot: &Value, volume: &str) -> Value {
    json!({"spec": {"driver": DRIVER, "deletionPolicy": "Retain", "source": {"volumeHandle": volume},
        "volumeSnapshotClassName": "fast", "volumeSnapshotRef": {
            "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "namespace": NAMESPACE, "name": "s",
            "uid": snapshot["metadata"]["uid"]}}})
}

fn name_of_content(snapshot: &Value) -> String {
    format!("snapcontent-{}", snapshot["metadata"]["uid"].as_str().unwrap())
}

#[test]
fn a_snapshot_without_one_source_is_invalid() {
    story(async {
        let stage = Stage::set().await;
        // The kinds of the first releases had no such rule.
        for plural in ["volumesnapshots", "volumesnapshotcontents"] {
            let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            let name = format!("{plural}.snapshot.storage.k8s.io");
            let crd = stage.until(CRD, &name, |it| !it.is_null()).await;
            let mut versions = crd["spec"]["versions"].clone();
            for version in versions.as_array_mut().unwrap() {
                version["schema"]["openAPIV3Schema"] = open.clone();
            }
            stage.change(CRD, &name, &json!({"spec": {"versions": versions}})).await;
        }
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let sources = json!({"persistentVolumeClaimName": "data", "volumeSnapshotContentName": "c"});
        stage
            .make(SNAPSHOT, "both", &json!({"spec": {"source": sources, "volumeSnapshotClassName": "fast"}}))
            .await;
        let seen = finds(&stage, "both", "source-invalid").await;
        assert_eq!(seen["turn"], "user");
        stage.until(SNAPSHOT, "both", |it| it["status"]["error"].is_object()).await;
        let bare = json!({"spec": {"driver": DRIVER, "deletionPolicy": "Retain", "source": {},
            "volumeSnapshotRef": {"namespace": NAMESPACE, "name": "x"}}});
        stage.make(CONTENT, "bare", &bare).await;
        finds(&stage, "vsc/bare", "source-invalid").await;
    });
}

#[test]
fn a_content_of_another_volume_is_not_taken_for_the_snapshots_own() {
    story(async {
        let stage = Stage::set().await;
        let snapshot = stage.snapshot("s").await;
        let name = name_of_content(&snapshot);
        stage.make(CONTENT, &name, &content_of(&snapshot, "handle-of-another")).await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let seen = finds(&stage, "s", "content-of-another-volume").await;
        assert_eq!(seen["turn"], "user");
        assert!(seen["waits"].as_str().unwrap().contains("handle-of-another"), "{seen:#}");
    });
}

#[test]
fn a_content_that_is_to_be_taken_cannot_be_imported() {
    story(async {
        let stage = Stage::set().await;
        let given = json!({"spec": {"source": {"volumeSnapshotContentName": "c"}}});
        let snapshot = stage.make(SNAPSHOT, "s", &given).await;
        let _controller = stage.controller();
        stage.make(CONTENT, "c", &content_of(&snapshot, "handle-of-data")).await;
        let seen = finds(&stage, "s", "content-of-another-kind").await;
        assert_eq!(seen["turn"], "user");
        stage.until(SNAPSHOT, "s", |it| it["status"]["error"].is_object()).await;
    });
}

#[test]
fn a_content_that_was_deleted_before_anything_was_taken_is_named() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller();
        let snapshot = stage.snapshot("s").await;
        let name = name_of_content(&snapshot);
        stage.until(SNAPSHOT, "s", |it| it["status"]["boundVolumeSnapshotContentName"].is_string()).await;
        stage.delete(CONTENT, &name).await;
        let seen = finds(&stage, "s", "content-deleted").await;
        assert_eq!(seen["turn"], "user");
        // What the remedy says.
        let _sidecar = stage.sidecar();
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.until(CONTENT, &name, Value::is_null).await;
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_content_that_the_sidecar_refuses_says_why_and_goes_on_when_the_class_is_there() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller();
        let snapshot = stage.snapshot("s").await;
        let name = name_of_content(&snapshot);
        stage.until(CONTENT, &name, |it| !it.is_null()).await;
        stage.delete(CLASS, "fast").await;
        let _sidecar = stage.sidecar();
        let seen = finds(&stage, &format!("vsc/{name}"), "content-refused").await;
        assert_eq!(seen["turn"], "user");
        assert!(seen["waits"].as_str().unwrap().contains("fast"), "{seen:#}");
        stage.make(CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_class_that_may_not_be_read_is_not_taken_for_a_missing_one() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller();
        let snapshot = stage.snapshot("s").await;
        let content = format!("vsc/{}", name_of_content(&snapshot));
        finds(&stage, "s", "sidecar-acts").await;
        finds(&stage, &content, "sidecar-acts").await;
        stage.let_read("jane", &["volumesnapshots", "volumesnapshotcontents"]);
        for name in ["s", &content] {
            let answer = stage.ask(&["why", name, "-n", NAMESPACE, "--as", "jane", "-o", "json"]).await;
            let seen: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
            assert_eq!(seen["finding"], "cannot-tell", "{seen:#}");
            assert!(answer.out.contains("grant `get` on `volumesnapshotclasses"), "{answer:?}");
        }
        let _sidecar = stage.sidecar();
        finds(&stage, "s", "ready").await;
        let answer = stage.ask(&["why", "s", "-n", NAMESPACE, "--as", "jane"]).await;
        assert_eq!(answer.code, 0, "what is ready needs no class: {answer:?}");
    });
}
