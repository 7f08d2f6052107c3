//! From the deletion of a snapshot to its end, and what holds it up.

use std::collections::HashSet;
use std::time::Duration;

use machinery::queue::Key;
use model::snapshot::Snapshot;
use serde_json::{Value, json};
use snapshot_controller::caches::UserMemory;

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CLASS, CONTENT, NAMESPACE, RELEASED, SNAPSHOT, Stage, content_name, in_sandbox,
    story,
};
use crate::lagging::Lagging;

/// What a sidecar puts on a content before it asks the driver for a snapshot.
const MARKER: &str = "snapshot.storage.kubernetes.io/volumesnapshot-being-created";

#[test]
fn a_deleted_snapshot_releases_and_deletes_its_content_and_goes_when_that_is_gone() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        stage.server().clear_requests();
        stage.delete(SNAPSHOT, "s").await;
        let going = stage
            .until(CONTENT, &content, |content| !content["metadata"]["deletionTimestamp"].is_null())
            .await;
        assert_eq!(going["metadata"]["annotations"][RELEASED], "yes");
        assert!(stage.get(SNAPSHOT, "s").await.is_some(), "it stays until the storage is cleaned up");
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
        let requests = stage.server().requests();
        let ours: Vec<_> = requests
            .iter()
            .filter(|request| {
                request.user.contains("snapshot-controller")
                    && request.path.contains("snapshot.storage.k8s.io")
            })
            .map(|request| format!("{} {}", request.method, request.path))
            .collect();
        assert!(ours.len() <= 4, "{ours:#?}");
    });
}

#[test]
fn a_retained_content_stays_and_is_marked() {
    story(async {
        let stage = Stage::set().await;
        stage.delete(CLASS, "fast").await;
        stage
            .make(CLASS, "fast", &json!({"driver": crate::common::DRIVER, "deletionPolicy": "Retain"}))
            .await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until_gone(SNAPSHOT, "s").await;
        let content = stage.get(CONTENT, &content).await.unwrap();
        assert_eq!(content["metadata"]["annotations"][RELEASED], "yes");
        assert!(content["metadata"]["deletionTimestamp"].is_null());
    });
}

#[test]
fn a_deletion_needs_no_class_no_claim_and_no_volume() {
    story(async {
        let stage = Stage::set().await;
        let controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        drop(controller);
        stage.delete(CLASS, "fast").await;
        stage.change(CLAIM, "data", &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(CLAIM, "data").await;
        stage.delete(SNAPSHOT, "s").await;
        let _controller = stage.controller(&[]);
        stage.until(CONTENT, &content, |content| !content["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_content_that_a_user_deletes_after_its_snapshot_is_gone_is_marked_so_that_it_can_go() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": null}})).await;
        let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
        // Whatever puts them back meanwhile: a user takes them off until it is gone.
        if snapshot["metadata"]["finalizers"].is_array() {
            stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": null}})).await;
        }
        stage.delete(SNAPSHOT, "s").await;
        if stage.get(SNAPSHOT, "s").await.is_some() {
            stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": null}})).await;
        }
        stage.until_gone(SNAPSHOT, "s").await;
        stage.delete(CONTENT, &content).await;
        stage.until(CONTENT, &content, |content| content["metadata"]["annotations"][RELEASED] == "yes").await;
    });
}

#[test]
fn a_content_stays_while_a_claim_is_restored_from_it_and_the_end_of_the_restore_lets_it_go() {
    in_sandbox("the claims of a real cluster are bound by that cluster alone", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&["--retry-interval-start=30m", "--retry-interval-max=30m"]);
        let content = stage.ready("s").await;
        let clone = json!({
            "metadata": {"annotations": {"volume.kubernetes.io/storage-provisioner": crate::common::DRIVER}},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"},
            },
        });
        stage.make(CLAIM, "clone", &clone).await;
        stage.change_status(CLAIM, "clone", &json!({"phase": "Pending"})).await;
        // The controller has seen the claim as soon as it has seen what was made after it.
        stage.snapshot("later", "clone").await;
        stage.event("later", "SnapshotContentCreationFailed").await;
        stage.delete(SNAPSHOT, "s").await;
        stage.event("s", "SnapshotDeletePending").await;
        let held = stage.get(CONTENT, &content).await.unwrap();
        assert!(held["metadata"]["deletionTimestamp"].is_null());
        stage.change_status(CLAIM, "clone", &json!({"phase": "Bound"})).await;
        stage.until(CONTENT, &content, |content| !content["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_content_is_deleted_only_after_its_sidecar_has_recorded_what_it_has_begun() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = content_name(
            &stage.content_of(&stage.snapshot("s", "data").await).await["spec"]["volumeSnapshotRef"],
        );
        let marked = |value: Value| json!({"metadata": {"annotations": {MARKER: value}}});
        stage.change(CONTENT, &content, &marked("yes".into())).await;
        stage.delete(SNAPSHOT, "s").await;
        let is_released = |content: &Value| content["metadata"]["annotations"][RELEASED] == "yes";
        stage.until(CONTENT, &content, is_released).await;
        // Had it gone on, it would have deleted the content before that of the next one is made.
        stage.content_of(&stage.snapshot("later", "data").await).await;
        let is_going = |content: &Value| !content["metadata"]["deletionTimestamp"].is_null();
        assert!(!is_going(&stage.get(CONTENT, &content).await.unwrap()));
        stage.take(&content).await;
        stage.change(CONTENT, &content, &marked(Value::Null)).await;
        stage.until(CONTENT, &content, is_going).await;
    });
}

#[test]
fn a_content_whose_sidecar_never_comes_back_is_deleted_all_the_same() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = content_name(
            &stage.content_of(&stage.snapshot("s", "data").await).await["spec"]["volumeSnapshotRef"],
        );
        stage.change(CONTENT, &content, &json!({"metadata": {"annotations": {MARKER: "yes"}}})).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until(CONTENT, &content, |content| !content["metadata"]["deletionTimestamp"].is_null()).await;
    });
}

#[test]
fn a_deletion_that_overtakes_the_finalizers_of_a_snapshot_leaves_nothing_behind() {
    in_sandbox("a real API server lets nobody overtake on demand", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let snapshot = stage.snapshot("s", "data").await;
        let content = stage.content_of(&snapshot).await["metadata"]["name"].as_str().unwrap().to_owned();
        stage.until(SNAPSHOT, "s", |snapshot| !snapshot["status"]["readyToUse"].is_null()).await;
        stage.server().overtake("volumesnapshots.snapshot.storage.k8s.io", NAMESPACE, "s").unwrap();
        let going = |content: &Value| !content["metadata"]["deletionTimestamp"].is_null();
        let content_then = stage.until(CONTENT, &content, going).await;
        assert_eq!(content_then["metadata"]["annotations"][RELEASED], "yes");
        stage.let_go(&content).await;
        let is_free = |claim: &Value| {
            claim["metadata"]["finalizers"]
                .as_array()
                .is_none_or(|all| !all.contains(&CLAIM_FINALIZER.into()))
        };
        stage.until(CLAIM, "data", is_free).await;
    });
}

#[test]
fn a_request_without_an_answer_long_ago_does_not_cost_a_snapshot_that_vanishes_its_content() {
    story(async {
        let stage = Stage::set().await;
        let process = stage.controller(&[]);
        let content = stage.ready("s").await;
        drop(process);
        let controller = Lagging::on(&stage).await;
        let key = Key::from(format!("{NAMESPACE}/s"));
        let users = &controller.work.caches.singles.users;
        let uid = users.get(&key).unwrap().uid().to_owned();
        // The request that made its content had no answer; the watch has shown what came of it.
        let memory = UserMemory { creating_until: Some(Duration::ZERO), ..UserMemory::default() };
        users.remember(&key, &uid, &memory);
        let (_, version) = controller.list(SNAPSHOT).await;
        controller.listed::<Snapshot>(&(HashSet::new(), version));
        let _ = controller.snapshot_pass("s").await;
        let content = stage.get(CONTENT, &content).await.unwrap();
        assert!(content["metadata"]["annotations"][RELEASED].is_null(), "{content}");
        assert!(content["metadata"]["deletionTimestamp"].is_null(), "{content}");
    });
}

#[test]
fn a_deletion_that_waits_for_others_alone_is_no_operation_of_ours() {
    story(async {
        let stage = Stage::set().await;
        let snapshot = json!({
            "metadata": {"finalizers": ["example.com/kept"]},
            "spec": {"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"},
        });
        stage.make(SNAPSHOT, "s", &snapshot).await;
        stage.delete(SNAPSHOT, "s").await;
        let controller = Lagging::on(&stage).await;
        let _ = controller.snapshot_pass("s").await;
        let text = String::from_utf8(controller.metrics.text().unwrap()).unwrap();
        assert!(text.contains("snapshot_controller_operations_in_flight 0"), "{text}");
    });
}
