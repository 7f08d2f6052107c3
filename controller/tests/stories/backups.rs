//! What backup tools and cautious users do: retain, delete, copy, restore; and what starts over.

use serde_json::{Value, json};

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CLASS, CONTENT, DRIVER, HELD, RELEASED, SNAPSHOT, Stage, class, has_finalizer,
    in_sandbox, story,
};

const BOUND: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";
const AS_SOURCE: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";

/// An object as a backup has it: without what belongs to this cluster, and without a status.
fn backed_up(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata
        .retain(|field, _| ["annotations", "finalizers", "labels", "namespace"].contains(&field.as_str()));
    object["status"].take();
    object
}

#[test]
fn a_backup_tool_retains_deletes_and_restores_a_snapshot_with_what_was_left_on_it() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        let copies = (stage.get(SNAPSHOT, "s").await.unwrap(), stage.get(CONTENT, &content).await.unwrap());
        // The backup: the storage is to outlive the objects.
        stage.change(CONTENT, &content, &json!({"spec": {"deletionPolicy": "Retain"}})).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until_gone(SNAPSHOT, "s").await;
        let left = stage.get(CONTENT, &content).await.unwrap();
        assert!(left["metadata"]["deletionTimestamp"].is_null(), "it is retained");
        assert_eq!(left["metadata"]["annotations"][RELEASED], "yes", "so that its own deletion can end");
        stage.delete(CONTENT, &content).await;
        stage.let_go(&content).await;
        // The restore: finalizers and annotations are those of the backup, and the content is a given one.
        let (mut snapshot, mut restored) = (backed_up(copies.0), backed_up(copies.1));
        snapshot["spec"] = json!({"source": {"volumeSnapshotContentName": content}});
        assert!(has_finalizer(&snapshot, BOUND) && has_finalizer(&restored, HELD));
        restored["metadata"]["annotations"] = json!({RELEASED: "yes", "example.com/note": "kept"});
        restored["spec"]["source"] = json!({"snapshotHandle": "handle"});
        restored["spec"]["volumeSnapshotRef"] = json!({"namespace": "team", "name": "s"});
        stage.make(CONTENT, &content, &restored).await;
        let snapshot = stage.make(SNAPSHOT, "s", &snapshot).await;
        stage.take(&content).await;
        stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        let bound = stage.get(CONTENT, &content).await.unwrap();
        assert_eq!(bound["spec"]["volumeSnapshotRef"]["uid"], snapshot["metadata"]["uid"]);
        assert_eq!(bound["metadata"]["annotations"]["example.com/note"], "kept");
        // Its deletion ends as any other does.
        stage.delete(SNAPSHOT, "s").await;
        stage.until(CONTENT, &content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_content_that_is_bound_anew_outlives_its_deletion_until_its_new_snapshot_is_deleted() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        stage.change(CONTENT, &content, &json!({"spec": {"deletionPolicy": "Retain"}})).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until_gone(SNAPSHOT, "s").await;
        // It moves: an import of the same handle that still has the mark of the snapshot before.
        let left = stage.get(CONTENT, &content).await.unwrap();
        assert_eq!(left["metadata"]["annotations"][RELEASED], "yes");
        let mut moved = backed_up(left);
        moved["spec"]["deletionPolicy"] = "Delete".into();
        moved["spec"]["source"] = json!({"snapshotHandle": "handle"});
        moved["spec"]["volumeSnapshotRef"] = json!({"namespace": "team", "name": "moved"});
        stage.make(CONTENT, "moved", &moved).await;
        let spec = json!({"source": {"volumeSnapshotContentName": "moved"}});
        stage.make(SNAPSHOT, "moved", &json!({ "spec": spec })).await;
        stage.take("moved").await;
        stage.until(SNAPSHOT, "moved", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        stage.delete(CONTENT, "moved").await;
        let going = stage.get(CONTENT, "moved").await.unwrap();
        assert!(going["metadata"]["annotations"][RELEASED].is_null(), "its snapshot needs it: {going}");
        stage.delete(SNAPSHOT, "moved").await;
        stage.until(CONTENT, "moved", |it| it["metadata"]["annotations"][RELEASED] == "yes").await;
        stage.let_go("moved").await;
        stage.until_gone(SNAPSHOT, "moved").await;
    });
}

#[test]
fn a_restored_snapshot_without_class_and_claim_can_be_deleted() {
    story(async {
        let stage = Stage::bare().await;
        let snapshot = json!({
            "metadata": {"finalizers": [AS_SOURCE, BOUND]},
            "spec": {"source": {"persistentVolumeClaimName": "gone"}},
        });
        stage.make(SNAPSHOT, "s", &snapshot).await;
        let _controller = stage.controller(&["--retry-interval-start=30m", "--retry-interval-max=30m"]);
        stage.event("s", "SnapshotContentCreationFailed").await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_content_that_was_copied_without_its_snapshot_is_left_alone_for_as_long_as_nobody_deletes_it() {
    story(async {
        let stage = Stage::set().await;
        let copied = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Delete", "source": {"snapshotHandle": "h"},
            "volumeSnapshotRef": {"namespace": "team", "name": "s", "uid": "of-another-cluster"},
        }});
        stage.make(CONTENT, "copied", &copied).await;
        let _controller = stage.controller(&[]);
        stage.ready("later").await;
        let left = stage.get(CONTENT, "copied").await.unwrap();
        assert!(left["metadata"]["deletionTimestamp"].is_null());
        assert!(left["metadata"]["annotations"][RELEASED].is_null());
        stage.delete(CONTENT, "copied").await;
        stage.until(CONTENT, "copied", |it| it["metadata"]["annotations"][RELEASED] == "yes").await;
    });
}

#[test]
fn a_given_content_is_found_by_the_spec_where_the_deletion_came_before_the_status() {
    story(async {
        let stage = Stage::bare().await;
        let spec = json!({"source": {"volumeSnapshotContentName": "by-hand"}});
        let finalizers = json!([AS_SOURCE, BOUND]);
        let snapshot =
            stage.make(SNAPSHOT, "s", &json!({"metadata": {"finalizers": finalizers}, "spec": spec})).await;
        let content = json!({
            "metadata": {"finalizers": [HELD]},
            "spec": {
                "driver": DRIVER, "deletionPolicy": "Delete", "source": {"snapshotHandle": "h"},
                "volumeSnapshotRef": {"namespace": "team", "name": "s", "uid": snapshot["metadata"]["uid"]},
            },
        });
        stage.make(CONTENT, "by-hand", &content).await;
        stage.delete(SNAPSHOT, "s").await;
        let _controller = stage.controller(&[]);
        let going =
            stage.until(CONTENT, "by-hand", |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        assert_eq!(going["metadata"]["annotations"][RELEASED], "yes");
        stage.let_go("by-hand").await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}

#[test]
fn a_ready_snapshot_whose_class_is_gone_stays_ready_and_is_left_alone() {
    story(async {
        let stage = Stage::set().await;
        let controller = stage.controller(&[]);
        stage.ready("s").await;
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        drop(controller);
        stage.delete(CLASS, "fast").await;
        // What another controller has left there goes, too.
        let error = json!({"error": {"message": "the class is gone", "time": "2026-01-01T00:00:00Z"}});
        stage.change_status(SNAPSHOT, "s", &error).await;
        let _controller = stage.controller(&[]);
        let snapshot = stage.until(SNAPSHOT, "s", |it| it["status"]["error"].is_null()).await;
        assert_eq!(snapshot["status"]["readyToUse"], true);
        assert!(stage.events("s").await.iter().all(|event| event["type"] != "Warning"));
    });
}

#[test]
fn a_controller_that_starts_over_writes_nothing_and_says_nothing_where_all_is_well() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let stage = Stage::set().await;
        let controller = stage.controller(&[]);
        stage.ready("s").await;
        stage.snapshot("waiting", "missing").await;
        stage.event("waiting", "SnapshotContentCreationFailed").await;
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        for reason in ["CreatingSnapshot", "SnapshotCreated", "SnapshotReady"] {
            stage.event("s", reason).await;
        }
        drop(controller);
        let before = (stage.events("s").await, stage.events("waiting").await);
        stage.server().clear_requests();
        let _controller = stage.controller(&[]);
        // Whatever was to be done about the others is done once a later one is ready.
        stage.make_claim("other", DRIVER).await;
        let later = stage.snapshot("later", "other").await;
        let content = stage.content_of(&later).await;
        stage.take(content["metadata"]["name"].as_str().unwrap()).await;
        stage.until(SNAPSHOT, "later", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        let writes = stage.writes();
        let about = |write: &&String| {
            write.contains("/volumesnapshots/s")
                || write.contains("/volumesnapshots/waiting")
                || write.contains("/data")
        };
        assert_eq!(writes.iter().filter(about).count(), 0, "{writes:#?}");
        assert_eq!((stage.events("s").await, stage.events("waiting").await), before);
    });
}

#[test]
fn a_status_that_a_user_has_cleared_is_shown_again_and_nothing_is_taken_anew() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        let before = stage.get(SNAPSHOT, "s").await.unwrap()["status"].clone();
        stage.change_status(SNAPSHOT, "s", &Value::Null).await;
        let after = stage.until(SNAPSHOT, "s", |it| it["status"]["readyToUse"] == true).await;
        assert_eq!(after["status"], before);
        let all = stage.until_some(CONTENT, |all| !all.is_empty()).await;
        assert_eq!((all.len(), &all[0]["metadata"]["name"]), (1, &json!(content)));
    });
}

#[test]
fn a_manifest_that_is_applied_over_a_snapshot_takes_neither_its_finalizers_nor_its_class_for_long() {
    story(async {
        let stage = Stage::bare().await;
        let mut marked = class(DRIVER);
        marked["metadata"]["annotations"] =
            json!({"snapshot.storage.kubernetes.io/is-default-class": "true"});
        stage.make(CLASS, "fast", &marked).await;
        stage.make_claim("data", DRIVER).await;
        let _controller = stage.controller(&[]);
        let spec = json!({"source": {"persistentVolumeClaimName": "data"}});
        let snapshot = stage.make(SNAPSHOT, "s", &json!({ "spec": spec })).await;
        let content = stage.content_of(&snapshot).await;
        stage.take(content["metadata"]["name"].as_str().unwrap()).await;
        stage.until(SNAPSHOT, "s", |it| it["status"]["readyToUse"] == true).await;
        // As `kubectl replace` does with a manifest that has neither.
        let replaced = json!({
            "metadata": {"finalizers": null}, "spec": {"volumeSnapshotClassName": null},
        });
        stage.change(SNAPSHOT, "s", &replaced).await;
        let held =
            stage.until(SNAPSHOT, "s", |it| has_finalizer(it, AS_SOURCE) && has_finalizer(it, BOUND)).await;
        assert_eq!(held["status"]["readyToUse"], true, "it needs no class any more");
    });
}
