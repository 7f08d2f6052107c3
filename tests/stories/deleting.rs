//! Snapshots deleted, kept, and given up; the storage tells what leaked.

use sandbox::driver::{Capabilities, Fault, Method, Options, Times};
use serde_json::json;
use tonic::Code;

use crate::common::stage::{DELETION_SECRET, DELETION_SECRET_NAMESPACE, FINALIZER, MARKER, RELEASED};
use crate::common::{Stage, story};

#[test]
fn a_deleted_content_takes_its_snapshot_along() {
    story(async {
        let stage = Stage::set().await;
        let sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        let handle = content.ready().await["status"]["snapshotHandle"].as_str().unwrap().to_owned();
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
        assert_eq!(stage.calls(Method::DeleteSnapshot), 1);
        for what in ["handle recorded", "deleted in the storage"] {
            let words = [what, "kind=\"VolumeSnapshotContent\"", &content.name, &handle];
            sidecar.says_in_one_line(&words).await;
            assert_eq!(sidecar.log().matches(what).count(), 1, "{}", sidecar.log());
        }
        if let Some(requests) = content.requests() {
            assert_eq!(requests[3..], ["PATCH status", "PATCH"], "status cleared, finalizer dropped");
        }
    });
}

#[test]
fn retain_never_sends_a_deletion() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({"spec": {"deletionPolicy": "Retain"}})).await;
        content.ready().await;
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
        stage.only_snapshot();
    });
}

#[test]
fn a_content_waits_until_the_controller_releases_it() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.ready().await;
        content.delete_only().await;
        // Another content's whole life shows that the sidecar has had its turn.
        let other = stage.content(json!({})).await;
        other.ready().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
        content.patch(&json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 1);
    });
}

#[test]
fn finalizers_of_others_stay() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let others =
            json!({"metadata": {"finalizers": ["example.com/first", FINALIZER, "example.com/last"]}});
        let content = stage.content(others).await;
        content.ready().await;
        content.delete().await;
        let left = json!(["example.com/first", "example.com/last"]);
        let object =
            content.until("lost our finalizer", |object| object["metadata"]["finalizers"] == left).await;
        assert!(object["status"]["snapshotHandle"].is_null());
        stage.storage_is_empty();
        content.patch(&json!({"metadata": {"finalizers": null}})).await;
        content.gone().await;
    });
}

#[test]
fn a_deletion_that_fails_keeps_the_finalizer_tells_why_and_tries_again() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.content(json!({})).await;
        content.ready().await;
        stage.driver.script().fail(
            Method::DeleteSnapshot,
            Fault::before(Code::Internal),
            Times::UntilCleared,
        );
        content.delete().await;
        let event = content.event("SnapshotDeleteError").await;
        assert!(event["message"].as_str().unwrap().contains("scripted failure"));
        stage.calls_reach(Method::DeleteSnapshot, 4).await;
        assert_eq!(content.get().await.unwrap()["metadata"]["finalizers"], json!([FINALIZER]));
        content.event_counted("SnapshotDeleteError", 3).await;
        stage.driver.script().clear();
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_deletion_during_a_creation_follows_it_at_once() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        let _sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({})).await;
        stage.calls_reach(Method::CreateSnapshot, 1).await;
        content.delete().await;
        stage.driver.script().let_go(Method::CreateSnapshot);
        content.gone().await;
        stage.storage_is_empty();
        assert_eq!(stage.calls(Method::DeleteSnapshot), 1);
    });
}

#[test]
fn a_creation_in_doubt_is_learnt_of_before_it_is_deleted() {
    story(async {
        let stage = Stage::set().await;
        let script = stage.driver.script();
        // It was cut although the call failed; then a code by which the reference believes that it was not.
        script.fail(Method::CreateSnapshot, Fault::after(Code::DeadlineExceeded), Times::Next(1));
        script.fail(Method::CreateSnapshot, Fault::before(Code::Internal), Times::Next(1));
        script.fail(Method::CreateSnapshot, Fault::before(Code::InvalidArgument), Times::Next(1));
        let _sidecar = stage.sidecar(&["--retry-interval-start=300ms", "--retry-interval-max=300ms"]);
        let content = stage.content(json!({})).await;
        let marked = content.error("InvalidArgument").await;
        assert_eq!(marked["metadata"]["annotations"][MARKER], "yes", "still in doubt");
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
        let names: std::collections::BTreeSet<_> = stage
            .driver
            .calls()
            .into_iter()
            .map(|call| call.asked.name)
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(names.len(), 1, "one name for ever: {names:?}");
    });
}

#[test]
fn a_definite_refusal_of_the_first_call_clears_the_marker_and_a_deletion_needs_no_call() {
    story(async {
        let stage = Stage::set().await;
        let refused = Fault::before(Code::InvalidArgument);
        stage.driver.script().fail(Method::CreateSnapshot, refused, Times::UntilCleared);
        let _sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({})).await;
        content
            .until("is refused and unmarked", |object| {
                object["status"]["error"].is_object() && object["metadata"]["annotations"][MARKER].is_null()
            })
            .await;
        content.delete().await;
        content.gone().await;
        assert_eq!((stage.calls(Method::CreateSnapshot), stage.calls(Method::DeleteSnapshot)), (1, 0));
    });
}

#[test]
fn a_marker_found_at_the_start_counts_as_a_creation_in_doubt() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::after(Code::Unavailable), Times::Next(1));
        let sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({})).await;
        content.error("Unavailable").await;
        drop(sidecar);
        content.delete().await;
        let _sidecar = stage.sidecar(&[]);
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_given_handle_is_deleted_by_the_spec_before_any_status_was_written() {
    story(async {
        let stage = Stage::set().await;
        let handle = stage.snapshot_of_another("pre").await;
        let content = stage.given(&handle, json!({})).await;
        content.delete().await;
        let _sidecar = stage.sidecar(&[]);
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_given_handle_that_nobody_was_bound_to_is_deleted_without_a_release() {
    story(async {
        let stage = Stage::set().await;
        let handle = stage.snapshot_of_another("pre").await;
        let _sidecar = stage.sidecar(&[]);
        let unbound = json!({"spec": {"volumeSnapshotRef": {"uid": null}}});
        let content = stage.given(&handle, unbound).await;
        content.ready().await;
        content.delete_only().await;
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_deletion_goes_on_without_a_secret_that_is_gone() {
    story(async {
        let stage = Stage::set().await;
        let secret = stage.secret(&json!({"key": "dmFsdWU="})).await;
        let _sidecar = stage.sidecar(&[]);
        let annotations = json!({DELETION_SECRET: secret, DELETION_SECRET_NAMESPACE: "default"});
        let content = stage.content(json!({"metadata": {"annotations": annotations}})).await;
        content.ready().await;
        stage.secrets().delete(&secret, &kube::api::DeleteParams::default()).await.unwrap();
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
        assert!(stage.call(Method::DeleteSnapshot).asked.secret_keys.is_empty());
    });
}

#[test]
fn a_deletion_in_doubt_goes_on_without_a_class_that_is_gone() {
    story(async {
        let stage = Stage::set().await;
        stage.driver.script().fail(Method::CreateSnapshot, Fault::after(Code::Unavailable), Times::Next(1));
        let _sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let content = stage.content(json!({})).await;
        content.error("Unavailable").await;
        stage.classes().delete(&stage.name, &kube::api::DeleteParams::default()).await.unwrap();
        content.delete().await;
        content.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_member_of_a_group_is_neither_created_nor_deleted_on_its_own() {
    story(async {
        let stage = Stage::set().await;
        let _sidecar = stage.sidecar(&[]);
        let group = json!({"groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle": "group-1"});
        let announced = stage.content(json!({"metadata": {"annotations": group}})).await;
        let recorded = stage.content(json!({"metadata": {"annotations": group}})).await;
        let status =
            json!({"volumeGroupSnapshotHandle": "group-1", "snapshotHandle": "member", "readyToUse": true});
        recorded.patch_status(&status).await;
        stage.content(json!({})).await.ready().await;
        assert_eq!(stage.calls(Method::CreateSnapshot), 1, "only the one of its own");
        for content in [&announced, &recorded] {
            content.delete().await;
            content.gone().await;
        }
        assert_eq!(stage.calls(Method::DeleteSnapshot), 0);
    });
}

#[test]
fn a_handle_that_the_driver_no_longer_knows_counts_as_deleted() {
    story(async {
        let capabilities =
            Capabilities { get_snapshot: false, list_snapshots: false, ..Capabilities::default() };
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let _sidecar = stage.sidecar(&[]);
        let content = stage.given("snap-nobody", json!({})).await;
        content.ready().await;
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.calls(Method::DeleteSnapshot), 1);
    });
}

#[test]
fn a_handle_with_characters_that_json_encoders_escape_is_recorded_and_forgotten() {
    story(async {
        let capabilities =
            Capabilities { get_snapshot: false, list_snapshots: false, ..Capabilities::default() };
        let stage = Stage::with(Options { capabilities, ..Options::default() }).await;
        let _sidecar = stage.sidecar(&[]);
        let handle = "bi://backing?type=<qcow2>&image=\u{e9}\u{2028}\"\\";
        let content = stage.given(handle, json!({})).await;
        assert_eq!(content.ready().await["status"]["snapshotHandle"], handle);
        content.delete().await;
        content.gone().await;
        assert_eq!(stage.call(Method::DeleteSnapshot).asked.ids, [handle]);
    });
}
