//! What is in doubt, and what vanishes: nothing is left in the storage in silence.

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
fn a_refusal_after_a_creation_in_doubt_does_not_let_a_deleted_content_go() {
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
fn a_creation_that_is_on_its_way_is_waited_for_however_often_the_driver_says_so() {
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
fn a_deletion_whose_volume_is_gone_ends_with_a_word() {
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
fn a_refusal_with_nothing_in_doubt_lets_a_deleted_content_go_in_silence() {
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
fn a_content_that_vanishes_while_it_is_created_has_its_snapshot_deleted_at_once() {
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
fn a_ready_content_whose_finalizer_is_stripped_and_that_is_deleted_takes_its_snapshot_along() {
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
fn a_snapshot_that_was_imported_under_another_name_before_its_content_vanished_stays() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let handle = content.ready().await["status"]["snapshotHandle"].as_str().unwrap().to_owned();
        stage.given(&handle, json!({})).await.ready().await;
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.delete_only().await;
        content.gone().await;
        // Another content's whole life shows that the sidecar has had its turn.
        stage.content(json!({})).await.ready().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
    });
}

#[test]
fn a_content_that_vanishes_in_doubt_is_told_of() {
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
fn a_content_that_is_deleted_before_it_was_begun_has_no_snapshot_taken() {
    story(async {
        let stage = Stage::set().await;
        let content = stage.content(json!({})).await;
        content.delete_only().await;
        let _sidecar = stage.sidecar(&[]);
        stage.content(json!({})).await.ready().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 1, "the other's");
        content.patch(&json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
    });
}

#[test]
fn a_driver_that_answers_not_found_to_each_deletion_is_believed_the_third_time() {
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
fn an_empty_handle_is_a_complaint_and_its_deletion_goes_on() {
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
fn the_answer_of_a_call_whose_status_could_not_be_written_is_recorded_later_without_another_call() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().latency(Method::CreateSnapshot, Duration::from_millis(300));
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        // A stale write of another controller takes the marker away, and makes our own write lose its race.
        content.patch(&json!({"metadata": {"annotations": {MARKER: null}}})).await;
        content.patch_status(&json!({"error": {"message": "stale"}})).await;
        content.ready().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 1);
    });
}

#[test]
fn a_driver_that_lost_its_first_try_has_its_second_recorded_and_both_are_named() {
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
fn a_write_that_the_api_server_refuses_is_told_in_status_and_event_and_goes_on_once_it_may() {
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
