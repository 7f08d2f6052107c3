//! Stories about calls in doubt and objects that vanish: no snapshot is left in the storage without an event.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use sandbox::driver::{Fault, Method, Readiness, Times};
use serde_json::json;
use tonic::Code;

use crate::common::cluster::Kind;
use crate::common::stage::{MARKER, RELEASED};
use crate::common::{Stage, story};

const ORPHANS: &str = "csi_snapshotter_suspected_orphans_total{kind=\"VolumeSnapshotContent\"}";

#[test]
fn a_refusal_after_a_creation_in_doubt_does_not_end_the_deletion() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        script.fail(Method::CreateSnapshot, Fault::after(Code::DeadlineExceeded), Times::Next(1));
        script.fail(Method::CreateSnapshot, Fault::before(Code::AlreadyExists), Times::UntilCleared);
        let _sidecar = stage.sidecar(&["--retry-interval-max=100ms"]);
        let content = stage.content(json!({})).await;
        content.error("AlreadyExists").await;
        content.delete().await;
        let before = stage.calls(Method::CreateSnapshot);
        stage.calls_reach(Method::CreateSnapshot, before + 15).await;
        assert!(content.get().await.is_some(), "fifteen refusals prove nothing");
        script.clear();
        content.gone().await;
        stage.storage_is_empty();
        assert!(content.events().await.iter().all(|event| event["reason"] != "SnapshotMayBeOrphaned"));
    });
}

#[test]
fn a_deletion_waits_for_a_creation_as_long_as_the_driver_answers_aborted() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        script.fail(Method::CreateSnapshot, Fault::after(Code::DeadlineExceeded), Times::Next(1));
        script.fail(Method::CreateSnapshot, Fault::before(Code::Aborted), Times::Next(30));
        let _sidecar = stage.sidecar(&["--retry-interval-max=50ms"]);
        let content = stage.content(json!({})).await;
        content.error("DeadlineExceeded").await;
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
        assert_eq!(stage.calls(Method::CreateSnapshot), 32);
    });
}

#[test]
fn a_deletion_in_doubt_whose_volume_is_gone_ends_with_an_event() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        script.fail(Method::CreateSnapshot, Fault::after(Code::DeadlineExceeded), Times::Next(1));
        script.fail(Method::CreateSnapshot, Fault::before(Code::NotFound), Times::UntilCleared);
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        let content = stage.content(json!({})).await;
        content.error("NotFound").await;
        content.delete().await;
        content.gone().await;
        let event = content.event("SnapshotMayBeOrphaned").await;
        let message = event["message"].as_str().unwrap();
        assert!(message.contains(&format!("snapshot-{}", content.uid)), "{message}");
        sidecar.measures(&format!("{ORPHANS} 1")).await;
    });
}

#[test]
fn after_a_refusal_without_doubt_the_deletion_ends_without_an_event() {
    story(async {
        let stage = Stage::set().await;
        let bad = Fault::before(Code::InvalidArgument);
        stage.driver.script().fail(Method::CreateSnapshot, bad, Times::UntilCleared);
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.error("InvalidArgument").await;
        content.until("lost its marker", |object| object["metadata"]["annotations"][MARKER].is_null()).await;
        content.delete().await;
        content.gone().await;
        assert!(content.events().await.iter().all(|event| event["reason"] != "SnapshotMayBeOrphaned"));
    });
}

#[test]
fn the_snapshot_of_a_content_that_vanishes_during_its_creation_is_deleted_at_once() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.delete_only().await;
        content.gone().await;
        stage.driver.script().let_go(Method::CreateSnapshot);
        sidecar.says("deleted in the storage").await;
        stage.storage_is_empty();
        assert!(content.events().await.iter().all(|event| event["reason"] != "SnapshotMayBeOrphaned"));
    });
}

#[test]
fn the_snapshot_of_a_ready_content_is_deleted_even_if_the_finalizer_was_removed() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.ready().await;
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.delete_only().await;
        sidecar.says("deleted in the storage").await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_snapshot_that_another_content_names_is_kept_when_its_content_vanishes() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let handle = content.ready().await["status"]["snapshotHandle"].as_str().unwrap().to_owned();
        stage.given(&handle, json!({})).await.ready().await;
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.delete_only().await;
        content.gone().await;
        // Another content becomes ready meanwhile, so the sidecar had time for this one.
        stage.content(json!({})).await.ready().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
    });
}

#[test]
fn a_content_that_vanishes_in_doubt_is_reported_by_an_event() {
    story(async {
        let stage = Stage::set().await;
        let lost = Fault::after(Code::Unavailable);
        stage.driver.script().fail(Method::CreateSnapshot, lost, Times::UntilCleared);
        let sidecar = stage.sidecar(&[
            "--http-endpoint=127.0.0.1:0",
            "--retry-interval-start=1h",
            "--retry-interval-max=1h",
        ]);
        let content = stage.content(json!({})).await;
        content.error("Unavailable").await;
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.delete_only().await;
        let event = content.event("SnapshotMayBeOrphaned").await;
        assert!(event["message"].as_str().unwrap().contains(&format!("snapshot-{}", content.uid)));
        sidecar.measures(&format!("{ORPHANS} 1")).await;
    });
}

#[test]
fn no_snapshot_is_taken_for_a_content_that_was_deleted_before_its_creation_began() {
    story(async {
        let stage = Stage::set().await;
        let content = stage.content(json!({})).await;
        content.delete_only().await;
        let _sidecar = stage.sidecar(&[]);
        stage.content(json!({})).await.ready().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 1, "for the other content");
        content.patch(&json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
    });
}

#[test]
fn three_answers_not_found_in_a_row_count_as_deleted() {
    story(async {
        let stage = Stage::set().await;
        let gone = Fault::before(Code::NotFound);
        stage.driver.script().fail(Method::DeleteSnapshot, gone, Times::UntilCleared);
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        let content = stage.content(json!({})).await;
        let handle = content.ready().await["status"]["snapshotHandle"].as_str().unwrap().to_owned();
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 3);
        let event = content.event("SnapshotMayBeOrphaned").await;
        assert!(event["message"].as_str().unwrap().contains(&handle));
        sidecar.measures(&format!("{ORPHANS} 1")).await;
    });
}

#[test]
fn an_empty_given_handle_is_an_error_and_its_deletion_needs_no_call() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.given("", json!({})).await;
        content.error("names neither a volume nor an existing snapshot").await;
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
    });
}

#[test]
fn an_answer_whose_status_write_lost_a_race_is_recorded_without_another_call() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().latency(Method::CreateSnapshot, Duration::from_millis(300));
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        // A stale write of another controller removes the marker, and makes our own write lose its race.
        content.patch(&json!({"metadata": {"annotations": {MARKER: null}}})).await;
        content.patch_status(&json!({"error": {"message": "stale"}})).await;
        content.ready().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 1);
    });
}

#[test]
fn if_the_driver_lost_its_first_snapshot_the_second_is_recorded_and_an_event_names_both() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().readiness(Readiness::Held);
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        let content = stage.content(json!({})).await;
        let recorded =
            |object: &serde_json::Value| object["status"]["snapshotHandle"].as_str().map(str::to_owned);
        let first = content.until("has a handle", |object| recorded(object).is_some()).await;
        let first = recorded(&first).unwrap();
        stage.driver.script().lose_unready(1);
        stage.driver.script().readiness(Readiness::AtOnce);
        let second = recorded(&content.ready().await).unwrap();
        assert_ne!(first, second);
        let event = content.event("SnapshotMayBeOrphaned").await;
        let message = event["message"].as_str().unwrap();
        assert!(message.contains(&first) && message.contains(&second), "{message}");
        sidecar.measures(&format!("{ORPHANS} 1")).await;
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_write_that_the_api_server_refuses_is_reported_in_status_and_event_until_it_succeeds() {
    story(async {
        let stage = Stage::set_apart().await;
        if stage.cluster.sandbox.is_none() {
            eprintln!("skipped: a real cluster's rights are not taken for a test");
            return;
        }
        let (group, name) = ("rbac.authorization.k8s.io", "ClusterRole");
        let roles = stage.cluster.api(&Kind { group, name, namespace: None });
        let all = roles.get("csi-snapshotter").await.unwrap().data["rules"].clone();
        let mut fewer = all.clone();
        for rule in fewer.as_array_mut().unwrap() {
            if rule["resources"] == json!(["volumesnapshotcontents"]) {
                rule["verbs"] = json!(["get", "list", "watch"]);
            }
        }
        let set = async |rules: &serde_json::Value| {
            let merge = Patch::Merge(json!({ "rules": rules }));
            roles.patch("csi-snapshotter", &PatchParams::default(), &merge).await.unwrap();
        };
        set(&fewer).await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.error("grant `patch` on `volumesnapshotcontents`").await;
        content.event("SnapshotCreationFailed").await;
        set(&all).await;
        let ready = content.ready().await;
        assert!(ready["status"]["error"].is_null());
    });
}
