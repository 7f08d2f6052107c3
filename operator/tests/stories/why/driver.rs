//! What the driver is waited for, and that its answer then does what was said.

use serde_json::{Value, json};
use tonic::Code;

use sandbox::driver::{Fault, Method, Readiness, Times};

use super::finds;
use crate::common::{CLASS, CONTENT, DRIVER, SNAPSHOT, Stage, story};

/// The content of a snapshot, once it is there.
async fn content_of(stage: &Stage, name: &str) -> String {
    let bound = "/status/boundVolumeSnapshotContentName";
    let snapshot = stage.until(SNAPSHOT, name, |it| it.pointer(bound).is_some()).await;
    snapshot.pointer(bound).and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn a_snapshot_that_the_storage_still_works_on_waits_for_the_driver_to_finish() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().readiness(Readiness::Held);
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "driver-finishes").await;
        assert_eq!(seen["turn"], "driver");
        let content = content_of(&stage, "s").await;
        finds(&stage, &format!("vsc/{content}"), "driver-finishes").await;
        stage.driver.script().release();
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_deletion_that_the_driver_works_on_ends_with_its_answer() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
        let content = content_of(&stage, "s").await;
        stage.driver.script().hold(Method::DeleteSnapshot);
        stage.delete(SNAPSHOT, "s").await;
        let seen = finds(&stage, "s", "driver-deletes").await;
        assert_eq!(seen["turn"], "driver");
        finds(&stage, &format!("vsc/{content}"), "driver-deletes").await;
        stage.driver.script().let_go(Method::DeleteSnapshot);
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.until(CONTENT, &content, Value::is_null).await;
        assert_eq!(stage.driver.snapshots().len(), 0);
    });
}

#[test]
fn a_deletion_after_a_creation_without_an_answer_asks_for_the_handle_first() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let lost = Fault::after(Code::DeadlineExceeded);
        stage.driver.script().fail(Method::CreateSnapshot, lost, Times::UntilCleared);
        stage.snapshot("s").await;
        let content = content_of(&stage, "s").await;
        stage.until(CONTENT, &content, |it| it["status"]["error"].is_object()).await;
        stage.delete(SNAPSHOT, "s").await;
        let seen = finds(&stage, "s", "deletion-in-doubt").await;
        assert!(seen["remedy"].as_str().unwrap().contains("do not take the finalizer off"), "{seen:#}");
        finds(&stage, &format!("vsc/{content}"), "deletion-in-doubt").await;
        assert_eq!(stage.driver.snapshots().len(), 1, "the storage has what nobody knows");
        stage.driver.script().clear();
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        assert_eq!(stage.driver.snapshots().len(), 0);
    });
}

#[test]
fn a_class_whose_secret_cannot_be_used_is_named_and_a_corrected_one_is_used() {
    story(async {
        let stage = Stage::bare().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.make_claim("data").await;
        let class = |parameters: Value| json!({"driver": DRIVER, "deletionPolicy": "Delete", "parameters": parameters});
        let half = json!({"csi.storage.k8s.io/snapshotter-secret-name": "keys"});
        stage.make(CLASS, "fast", &class(half)).await;
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "class-secret-invalid").await;
        assert_eq!(seen["turn"], "user");
        assert!(seen["waits"].as_str().unwrap().contains("secret"), "{seen:#}");
        stage.delete(CLASS, "fast").await;
        stage.make(CLASS, "fast", &class(json!({}))).await;
        finds(&stage, "s", "ready").await;
    });
}
