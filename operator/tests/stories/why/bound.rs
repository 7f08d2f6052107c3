//! Contents that do not fit, objects that cannot be right, and what their owners can do about them.

use serde_json::{Value, json};

use super::driver::content_of;
use super::{finds, says};
use crate::common::{CLASS, CONTENT, DRIVER, Kind, NAMESPACE, SNAPSHOT, Stage, story};

const DEFINITION: Kind = Kind("apiextensions.k8s.io", "CustomResourceDefinition", false);
/// The key of the definition of a kind.
const SNAPSHOTS: &str = "volumesnapshots.snapshot.storage.k8s.io";

/// A snapshot of a content that was made by hand.
fn given(content: &str) -> Value {
    json!({"spec": {"source": {"volumeSnapshotContentName": content}}})
}

#[test]
fn a_content_that_is_deleted_before_anything_was_taken_is_the_end_of_its_snapshot() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller();
        stage.snapshot("s").await;
        let content = content_of(&stage, "s").await;
        stage.delete(CONTENT, &content).await;
        let seen = finds(&stage, "s", "content-deleted").await;
        says(&seen, "was deleted before anything was taken", "nothing, until its owner", "create it again");
        let _sidecar = stage.sidecar();
        stage.until_led().await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.until(CONTENT, &content, Value::is_null).await;
        assert!(stage.driver.snapshots().is_empty());
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_content_with_another_kind_of_source_is_replaced_by_making_the_snapshot_again() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let of_volume = json!({"spec": {"driver": DRIVER, "deletionPolicy": "Retain", "volumeSnapshotClassName": "fast",
            "source": {"volumeHandle": "v"}, "volumeSnapshotRef": {"namespace": NAMESPACE, "name": "s"}}});
        stage.make(CONTENT, "wrong", &of_volume).await;
        stage.make(SNAPSHOT, "s", &given("wrong")).await;
        let seen = finds(&stage, "s", "content-of-another-kind").await;
        says(&seen, "has no source.snapshotHandle", "", "delete it, and create it with a content");
        // What the API server refuses can be no advice.
        let other = json!({"spec": {"source": {"volumeSnapshotContentName": "right"}}});
        assert!(stage.is_refused(SNAPSHOT, "s", &other).await);
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        import(&stage, "right", "s").await;
        stage.make(SNAPSHOT, "s", &given("right")).await;
        finds(&stage, "s", "ready").await;
    });
}

/// A content, made by hand, of a snapshot that is in the storage.
async fn import(stage: &Stage, name: &str, owner: &str) {
    stage.snapshot("original").await;
    finds(stage, "original", "ready").await;
    let content = content_of(stage, "original").await;
    let handle = stage.until(CONTENT, &content, |_| true).await["status"]["snapshotHandle"].clone();
    let content = json!({"spec": {"driver": DRIVER, "deletionPolicy": "Retain", "source": {"snapshotHandle": handle},
        "volumeSnapshotRef": {"namespace": NAMESPACE, "name": owner}}});
    stage.make(CONTENT, name, &content).await;
}

#[test]
fn a_content_that_points_elsewhere_fits_once_its_reference_is_corrected() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        import(&stage, "import", "other").await;
        stage.make(SNAPSHOT, "s", &given("import")).await;
        let seen = finds(&stage, "s", "content-misbound").await;
        says(
            &seen,
            "and points to team/other",
            "as soon as the content comes, goes or changes",
            "correct the reference",
        );
        let corrected = json!({"spec": {"volumeSnapshotRef": {"name": "s"}}});
        stage.change(CONTENT, "import", &corrected).await;
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_content_of_another_volume_under_the_name_of_ours_is_not_taken_for_it() {
    story(async {
        let stage = Stage::set().await;
        let made = stage.snapshot("s").await;
        let uid = made["metadata"]["uid"].as_str().unwrap();
        let content = json!({"spec": {"driver": DRIVER, "deletionPolicy": "Delete", "source": {"volumeHandle": "other"},
            "volumeSnapshotClassName": "fast",
            "volumeSnapshotRef": {"namespace": NAMESPACE, "name": "s", "uid": uid}}});
        stage.make(CONTENT, &format!("snapcontent-{uid}"), &content).await;
        let _controller = stage.controller();
        let seen = finds(&stage, "s", "content-of-another-volume").await;
        says(&seen, "and is of the volume \"other\"", "nothing, until its owner", "delete the snapshot");
        let _sidecar = stage.sidecar();
        stage.until_led().await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_snapshot_without_a_source_that_an_older_definition_let_in_is_told_to_be_made_again() {
    story(async {
        let stage = Stage::set().await;
        let mut newer = stage.until(DEFINITION, SNAPSHOTS, |_| true).await["spec"]["versions"].clone();
        let strict = newer.clone();
        for version in newer.as_array_mut().unwrap() {
            let source =
                &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["source"];
            source["x-kubernetes-validations"] = json!([]);
        }
        stage.change(DEFINITION, SNAPSHOTS, &json!({"spec": {"versions": newer}})).await;
        stage.make(SNAPSHOT, "s", &json!({"spec": {"source": {}}})).await;
        stage.change(DEFINITION, SNAPSHOTS, &json!({"spec": {"versions": strict}})).await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let seen = finds(&stage, "s", "source-invalid").await;
        says(&seen, "must have exactly one source", "nothing, until its owner", "delete it");
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn parameters_about_a_secret_that_cannot_be_used_are_mended_in_the_class() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let half = json!({"driver": DRIVER, "deletionPolicy": "Delete",
            "parameters": {"csi.storage.k8s.io/snapshotter-secret-name": "s"}});
        stage.make(CLASS, "half", &half).await;
        super::take(&stage, "s", "data", Some("half")).await;
        let seen = finds(&stage, "s", "class-secret-invalid").await;
        says(
            &seen,
            "without csi.storage.k8s.io/snapshotter-secret-namespace",
            "as soon as a class",
            "the class",
        );
        stage.delete(CLASS, "half").await;
        stage.make(CLASS, "half", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        finds(&stage, "s", "ready").await;
    });
}
