//! A snapshot that is deleted while claims are restored from it.

use serde_json::{Value, json};

use crate::common::{CLAIM, CONTENT, DRIVER, SNAPSHOT, Stage, in_sandbox, story};
use crate::groups::PATIENT;

const RESTORING: &str = "provisioner.storage.kubernetes.io/volumesnapshot-as-source-protection";

/// A claim that is to be restored from the snapshot `s`; `asked`: its provisioner has been asked for the volume.
async fn clone(stage: &Stage, name: &str, asked: bool) {
    let source = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
    let mut claim = json!({"metadata": {}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        "dataSource": source, "dataSourceRef": source,
    }});
    if asked {
        claim["metadata"]["annotations"] = json!({"volume.kubernetes.io/storage-provisioner": DRIVER});
    }
    stage.make(CLAIM, name, &claim).await;
    stage.change_status(CLAIM, name, &json!({"phase": "Pending"})).await;
    // The controller has seen the claim as soon as it has seen what was made after it.
    let later = format!("later-than-{name}");
    stage.snapshot(&later, name).await;
    stage.event(&later, "SnapshotContentCreationFailed").await;
}

fn is_going(content: &Value) -> bool {
    !content["metadata"]["deletionTimestamp"].is_null()
}

#[test]
fn a_claim_that_waits_for_its_first_consumer_holds_a_deletion_for_seconds_at_most() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&PATIENT);
        let content = stage.ready("s").await;
        clone(&stage, "unasked", false).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until(CONTENT, &content, is_going).await;
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_claim_that_is_made_after_the_deletion_holds_nothing() {
    in_sandbox("the claims of a real cluster are bound by that cluster alone", async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&PATIENT);
        let content = stage.ready("s").await;
        clone(&stage, "before", true).await;
        stage.delete(SNAPSHOT, "s").await;
        let event = stage.event("s", "SnapshotDeletePending").await;
        assert!(event["message"].as_str().unwrap().contains("before"), "{event}");
        clone(&stage, "after", true).await;
        stage.change_status(CLAIM, "before", &json!({"phase": "Bound"})).await;
        stage.until(CONTENT, &content, is_going).await;
    });
}

#[test]
fn a_claim_that_is_deleted_before_it_was_restored_lets_the_snapshot_go() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&PATIENT);
        let content = stage.ready("s").await;
        clone(&stage, "clone", true).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.event("s", "SnapshotDeletePending").await;
        assert!(!is_going(&stage.get(CONTENT, &content).await.unwrap()));
        stage.delete(CLAIM, "clone").await;
        stage.until_gone(CLAIM, "clone").await;
        stage.until(CONTENT, &content, is_going).await;
    });
}

#[test]
fn the_finalizer_of_a_provisioner_holds_the_content_although_its_claim_is_gone_and_is_told() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&PATIENT);
        let content = stage.ready("s").await;
        let mut finalizers = stage.get(SNAPSHOT, "s").await.unwrap()["metadata"]["finalizers"].clone();
        finalizers.as_array_mut().unwrap().push(RESTORING.into());
        stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": finalizers}})).await;
        stage.delete(SNAPSHOT, "s").await;
        let event = stage.event("s", "SnapshotDeletePending").await;
        assert!(event["message"].as_str().unwrap().contains(RESTORING), "{event}");
        assert!(!is_going(&stage.get(CONTENT, &content).await.unwrap()));
        finalizers.as_array_mut().unwrap().pop();
        stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": finalizers}})).await;
        stage.until(CONTENT, &content, is_going).await;
    });
}
