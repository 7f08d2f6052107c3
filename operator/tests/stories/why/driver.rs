//! What the driver is asked for, from the first call to the last, and what becomes of each answer.

use sandbox::driver::{Fault, Method, Readiness, Times};
use tonic::Code;

use super::{finds, says};
use crate::common::{CLASS, CONTENT, DRIVER, SNAPSHOT, Stage, story};
use serde_json::{Value, json};

/// The name of the content of a snapshot.
pub async fn content_of(stage: &Stage, snapshot: &str) -> String {
    let bound = |it: &Value| it["status"]["boundVolumeSnapshotContentName"].is_string();
    let seen = stage.until(SNAPSHOT, snapshot, bound).await;
    seen["status"]["boundVolumeSnapshotContentName"].as_str().unwrap().to_owned()
}

#[test]
fn a_storage_that_is_not_done_is_asked_again_until_it_is() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().readiness(Readiness::Held);
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "driver-finishes").await;
        says(&seen, "asked whether the snapshot is ready", "asks again, within a minute", "hours");
        let content = content_of(&stage, "s").await;
        finds(&stage, &format!("vsc/{content}"), "driver-finishes").await;
        let asked = stage.driver.count(Method::CreateSnapshot);
        stage.driver.script().release();
        finds(&stage, "s", "ready").await;
        assert!(stage.driver.count(Method::CreateSnapshot) > asked, "it was asked again");
        assert_eq!(stage.driver.snapshots().len(), 1);
    });
}

#[test]
fn a_deletion_that_hangs_in_the_driver_goes_on_with_its_answer() {
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
        says(&seen, "asked to delete the snapshot", "with the driver's answer", "log of the driver");
        finds(&stage, &format!("vsc/{content}"), "driver-deletes").await;
        assert_eq!(stage.driver.snapshots().len(), 1);
        stage.driver.script().let_go(Method::DeleteSnapshot);
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        assert!(stage.driver.snapshots().is_empty());
    });
}

#[test]
fn a_deletion_in_doubt_asks_for_the_handle_first_and_leaves_nothing_in_the_storage() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let lost = || Fault::after(Code::Internal);
        stage.driver.script().fail(Method::CreateSnapshot, lost(), Times::Next(1));
        stage.driver.script().fail(
            Method::CreateSnapshot,
            Fault::before(Code::Internal),
            Times::UntilCleared,
        );
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "driver-fails").await;
        says(&seen, "in doubt: a snapshot may exist", "tried again by itself, within ", "read the message");
        assert!(seen["next"].as_str().unwrap().contains("since attempt 1"), "{seen:#}");
        stage.delete(SNAPSHOT, "s").await;
        let seen = finds(&stage, "s", "deletion-in-doubt").await;
        says(&seen, "asked for the handle", "", "do not take the finalizer off");
        assert_eq!(stage.driver.snapshots().len(), 1, "the storage has what nobody knows");
        stage.driver.script().clear();
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        assert!(stage.driver.snapshots().is_empty(), "the handle was found before the deletion");
    });
}

#[test]
fn a_deletion_that_the_driver_refuses_says_when_it_is_tried_again() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
        let refused = Fault::before(Code::FailedPrecondition);
        stage.driver.script().fail(Method::DeleteSnapshot, refused, Times::UntilCleared);
        stage.delete(SNAPSHOT, "s").await;
        let seen = finds(&stage, "s", "deletion-fails").await;
        says(
            &seen,
            "definite: nothing was deleted",
            "tried again by itself, within 300s",
            "depends on the snapshot",
        );
        assert!(!seen["waits"].as_str().unwrap().contains("tried again"), "it is said once: {seen:#}");
        let asked = stage.driver.count(Method::DeleteSnapshot);
        stage.driver.wait_for_calls(|calls| calls.len() > asked + 2).await;
        stage.driver.script().clear();
        stage.until(SNAPSHOT, "s", Value::is_null).await;
    });
}

#[test]
fn a_content_whose_class_is_gone_is_refused_until_the_class_is_back() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller();
        stage.snapshot("s").await;
        let content = content_of(&stage, "s").await;
        stage.delete(CLASS, "fast").await;
        let _sidecar = stage.sidecar();
        stage.until_led().await;
        for target in ["s", &format!("vsc/{content}")] {
            let seen = finds(&stage, target, "content-refused").await;
            says(&seen, "class \"fast\"", "as soon as", "do what the message says");
        }
        stage.make(CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        finds(&stage, "s", "ready").await;
        stage.until(CONTENT, &content, |it| it["status"]["readyToUse"] == true).await;
    });
}
