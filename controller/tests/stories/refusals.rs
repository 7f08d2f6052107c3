//! Writes that the API server refuses, for want of a right or by a webhook: said once, and done as soon as they may be.

use serde_json::{Value, json};

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CONTENT, DRIVER, GROUP, GROUP_CONTENT, RELEASED, SNAPSHOT, Stage, content_name,
    in_sandbox,
};
use crate::groups::warnings;

/// A retry that comes soon and often.
const SOON: [&str; 2] = ["--retry-interval-start=50ms", "--retry-interval-max=100ms"];

/// The warnings about the snapshot `s`, each of which was said once.
async fn once(stage: &Stage) -> Vec<String> {
    let warnings = warnings(stage, "s").await;
    for warning in &warnings {
        assert_eq!(warning["count"], 1, "{warning}");
    }
    let mut reasons: Vec<_> =
        warnings.iter().map(|warning| warning["reason"].as_str().unwrap().to_owned()).collect();
    reasons.sort_unstable();
    reasons
}

#[test]
fn a_content_that_is_refused_is_told_once_and_made_once_it_is_allowed() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::set().await;
        let rules = stage.refuse("volumesnapshotcontents", &["create"]).await;
        let _controller = stage.controller(&SOON);
        let snapshot = stage.snapshot("s", "data").await;
        stage.until_tried("POST", "/volumesnapshotcontents", 5).await;
        assert_eq!(once(&stage).await, ["CreateSnapshotContentFailed", "SnapshotContentCreationFailed"]);
        let refused = stage.get(SNAPSHOT, "s").await.unwrap();
        let message = refused["status"]["error"]["message"].as_str().unwrap();
        assert!(message.contains("grant `create` on `volumesnapshotcontents`"), "{message}");
        stage.grant(&rules).await;
        stage.content_of(&snapshot).await;
        stage.take(&content_name(&snapshot)).await;
        let ready = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        assert!(ready["status"]["error"].is_null(), "{ready}");
    });
}

#[test]
fn a_refusal_that_cannot_even_be_written_into_the_status_is_told_once_in_an_event() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::set().await;
        stage.refuse("volumesnapshots", &["patch", "update"]).await;
        stage.refuse("volumesnapshots/status", &["patch", "update"]).await;
        let _controller = stage.controller(&SOON);
        stage.snapshot("s", "data").await;
        stage.until_tried("PATCH", "/volumesnapshots/s", 5).await;
        assert_eq!(once(&stage).await, ["SnapshotFinalizerError"]);
    });
}

#[test]
fn a_refusal_that_nothing_in_the_cluster_may_tell_is_in_the_log_once() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::set().await;
        stage
            .grant(&json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]))
            .await;
        let controller = stage.controller(&[&SOON[..], &["-v=0"]].concat());
        stage.snapshot("s", "data").await;
        stage.until_tried("PATCH", "/volumesnapshots/s", 5).await;
        let told =
            |line: &&str| line.contains("a write is refused, which its status does not tell: forbidden");
        assert_eq!(controller.log().lines().filter(told).count(), 1, "{}", controller.log());
    });
}

#[test]
fn a_mark_that_was_refused_is_set_as_soon_as_it_may_be() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&SOON);
        let content = stage.ready("s").await;
        let rules = stage.refuse("volumesnapshotcontents", &["patch", "update"]).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until_tried("PATCH", &format!("/volumesnapshotcontents/{content}"), 5).await;
        assert_eq!(once(&stage).await, ["SnapshotContentObjectDeleteError"]);
        let unmarked = stage.get(CONTENT, &content).await.unwrap();
        assert!(unmarked["metadata"]["deletionTimestamp"].is_null(), "not before it is marked: {unmarked}");
        stage.grant(&rules).await;
        let going = stage.until(CONTENT, &content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        assert_eq!(going["metadata"]["annotations"][RELEASED], "yes");
    });
}

#[test]
fn a_member_that_may_not_join_its_group_is_ready_all_the_same_and_its_status_does_not_flicker() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::bare().await;
        let member = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Retain", "source": {"snapshotHandle": "h"},
            "volumeSnapshotRef": {"namespace": "team", "name": "s"},
        }});
        stage.make(CONTENT, "m", &member).await;
        let content = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Retain",
            "source": {"groupSnapshotHandles": {
                "volumeGroupSnapshotHandle": "group-handle", "volumeSnapshotHandles": ["h"],
            }},
            "volumeGroupSnapshotRef": {"namespace": "team", "name": "g"},
        }});
        stage.make(GROUP_CONTENT, "by-hand", &content).await;
        let spec = json!({"source": {"volumeGroupSnapshotContentName": "by-hand"}});
        stage.make(GROUP, "g", &json!({ "spec": spec })).await;
        let _controller = stage.controller(&SOON);
        let spec = json!({"source": {"volumeSnapshotContentName": "m"}});
        stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        stage.take("m").await;
        stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        let rules = stage.refuse("volumesnapshots", &["patch", "update"]).await;
        stage.change_status(CONTENT, "m", &json!({"volumeGroupSnapshotHandle": "group-handle"})).await;
        stage.until_tried("PATCH", "/volumesnapshots/s", 5).await;
        assert_eq!(once(&stage).await, ["SnapshotBindFailed"]);
        let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
        assert_eq!(
            (&snapshot["status"]["error"], &snapshot["status"]["readyToUse"]),
            (&Value::Null, &json!(true))
        );
        stage.grant(&rules).await;
        stage.until(SNAPSHOT, "s", |it| it["metadata"]["ownerReferences"].is_array()).await;
    });
}

#[test]
fn a_claim_whose_finalizer_cannot_be_taken_off_is_told_once_and_freed_once_that_is_allowed() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&SOON);
        let snapshot = stage.snapshot("s", "data").await;
        stage.content_of(&snapshot).await;
        let rules = stage.refuse("persistentvolumeclaims", &["update"]).await;
        stage.take(&content_name(&snapshot)).await;
        stage.until_tried("PUT", "/persistentvolumeclaims/data", 5).await;
        assert_eq!(once(&stage).await, ["ErrorPVCFinalizer"]);
        let event = stage.event("data", "ErrorPVCFinalizer").await;
        assert!(event["message"].as_str().unwrap().contains("grant `update`"), "{event}");
        assert_eq!(event["count"], 1);
        stage.grant(&rules).await;
        let is_free = |claim: &Value| {
            claim["metadata"]["finalizers"]
                .as_array()
                .is_none_or(|all| !all.contains(&CLAIM_FINALIZER.into()))
        };
        stage.until(CLAIM, "data", is_free).await;
    });
}
