//! What has changed a moment ago, before the watch has shown it.

use machinery::queue::Then;
use machinery::queue::worker::PassEnd;
use model::content::SingleContent;
use model::snapshot::{AS_SOURCE_FINALIZER, Snapshot};
use serde_json::{Value, json};

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CONTENT, DRIVER, GROUP, GROUP_CONTENT, HELD, RELEASED, SNAPSHOT, Stage,
    content_name, has_finalizer, story,
};
use crate::groups::{GROUP_RELEASED, app, group, ready, set};
use crate::lagging::Lagging;

const KEPT: &str = "example.com/kept";

/// Nothing was said of an object: no warning, and no error in its status.
async fn is_silent(stage: &Stage, name: &str) {
    let object = stage.get(SNAPSHOT, name).await.unwrap();
    assert!(object["status"]["error"].is_null(), "{object}");
    assert!(stage.events(name).await.iter().all(|event| event["type"] != "Warning"));
}

#[test]
fn a_group_takes_the_claims_that_bear_the_labels_at_the_cut_whatever_the_watch_has_shown() {
    story(async {
        let stage = set("Delete").await;
        stage.make_claim("c", DRIVER).await;
        for claim in ["a", "b", "c"] {
            // No write of ours shows how they are now.
            stage.change(CLAIM, claim, &json!({"metadata": {"finalizers": [CLAIM_FINALIZER]}})).await;
        }
        let (_, content) = group(&stage, app()).await;
        let controller = Lagging::on(&stage).await;
        stage.change(CLAIM, "a", &json!({"metadata": {"labels": {"app": null}}})).await;
        stage.change(CLAIM, "c", &json!({"metadata": {"labels": {"app": "db"}}})).await;
        let end = controller.group_pass("g").await;
        assert_eq!(end.problem, None);
        let content = stage.get(GROUP_CONTENT, &content).await.unwrap();
        assert_eq!(content["spec"]["source"]["volumeHandles"], json!(["handle-of-b", "handle-of-c"]));
    });
}

#[test]
fn a_group_is_not_cut_while_a_claim_that_is_gone_still_seems_to_be_there() {
    story(async {
        let stage = set("Delete").await;
        let (_, content) = group(&stage, app()).await;
        for claim in ["a", "b"] {
            stage.change(CLAIM, claim, &json!({"metadata": {"finalizers": [CLAIM_FINALIZER]}})).await;
        }
        let controller = Lagging::on(&stage).await;
        stage.change(CLAIM, "a", &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(CLAIM, "a").await;
        assert_eq!(controller.group_pass("g").await, PassEnd::well(Then::Retry));
        assert!(stage.get(GROUP_CONTENT, &content).await.is_none());
    });
}

#[test]
fn a_deletion_that_comes_before_our_finalizer_is_a_race_and_no_warning() {
    story(async {
        let stage = Stage::set().await;
        let snapshot = json!({
            "metadata": {"finalizers": [KEPT]},
            "spec": {"source": {"persistentVolumeClaimName": "data"}, "volumeSnapshotClassName": "fast"},
        });
        stage.make(SNAPSHOT, "s", &snapshot).await;
        let controller = Lagging::on(&stage).await;
        stage.delete(SNAPSHOT, "s").await;
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Again));
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Done), "none of ours is on it");
        let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
        assert_eq!(snapshot["metadata"]["finalizers"], json!([KEPT]));
        is_silent(&stage, "s").await;
        assert!(stage.get(CONTENT, &content_name(&snapshot)).await.is_none());
    });
}

#[test]
fn a_claim_that_is_deleted_before_our_finalizer_is_told_in_our_words() {
    story(async {
        let stage = Stage::set().await;
        stage.change(CLAIM, "data", &json!({"metadata": {"finalizers": [KEPT]}})).await;
        stage.snapshot("s", "data").await;
        let controller = Lagging::on(&stage).await;
        stage.delete(CLAIM, "data").await;
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Retry));
        let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
        let message = snapshot["status"]["error"]["message"].as_str().unwrap();
        assert!(message.contains("team/data is being deleted"), "{message}");
    });
}

/// A snapshot that is bound to its content and being deleted; its content's name.
async fn going(stage: &Stage) -> String {
    let controller = stage.controller(&[]);
    let content = stage.ready("s").await;
    drop(controller);
    stage.delete(SNAPSHOT, "s").await;
    content
}

#[test]
fn a_policy_that_was_changed_to_retain_a_moment_ago_keeps_the_content() {
    story(async {
        let stage = Stage::set().await;
        let content = going(&stage).await;
        // Marked already, so that the deletion comes first.
        stage.change(CONTENT, &content, &json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        let controller = Lagging::on(&stage).await;
        stage.change(CONTENT, &content, &json!({"spec": {"deletionPolicy": "Retain"}})).await;
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Again));
        let _ = controller.snapshot_pass("s").await;
        assert!(stage.get(SNAPSHOT, "s").await.is_none());
        let content = stage.get(CONTENT, &content).await.unwrap();
        assert!(content["metadata"]["deletionTimestamp"].is_null(), "{content}");
    });
}

#[test]
fn a_content_that_was_made_anew_under_its_name_is_not_deleted_for_the_one_before() {
    story(async {
        let stage = Stage::set().await;
        let name = going(&stage).await;
        stage.change(CONTENT, &name, &json!({"metadata": {"annotations": {RELEASED: "yes"}}})).await;
        let controller = Lagging::on(&stage).await;
        let mut content = stage.get(CONTENT, &name).await.unwrap();
        stage.delete(CONTENT, &name).await;
        stage.let_go(&name).await;
        content["metadata"] = json!({});
        content["spec"]["volumeSnapshotRef"]["uid"] = "another".into();
        stage.make(CONTENT, &name, &content).await;
        let _ = controller.snapshot_pass("s").await;
        let content = stage.get(CONTENT, &name).await.unwrap();
        assert!(content["metadata"]["deletionTimestamp"].is_null(), "{content}");
    });
}

#[test]
fn a_list_that_is_older_than_a_content_of_ours_does_not_take_it_from_its_snapshot() {
    story(async {
        let stage = Stage::set().await;
        let snapshot = stage.snapshot("s", "data").await;
        let controller = Lagging::on(&stage).await;
        let before = controller.list(CONTENT).await;
        let _ = controller.snapshot_pass("s").await;
        controller.listed::<SingleContent>(&before);
        stage.delete(SNAPSHOT, "s").await;
        controller.show::<Snapshot>(SNAPSHOT).await;
        let _ = controller.snapshot_pass("s").await;
        let content = stage.get(CONTENT, &content_name(&snapshot)).await.unwrap();
        assert!(content["metadata"]["deletionTimestamp"].is_string(), "{content}");
        assert!(stage.get(SNAPSHOT, "s").await.is_some(), "it waits for its content");
    });
}

#[test]
fn a_content_that_another_process_has_asked_for_is_found_before_its_snapshot_goes() {
    story(async {
        let stage = Stage::set().await;
        let snapshot = stage.snapshot("s", "data").await;
        stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": [AS_SOURCE_FINALIZER]}})).await;
        let controller = Lagging::on(&stage).await;
        let content = json!({
            "metadata": {"finalizers": [HELD]},
            "spec": {
                "driver": DRIVER, "deletionPolicy": "Delete", "source": {"volumeHandle": "handle-of-data"},
                "volumeSnapshotRef": {"namespace": "team", "name": "s", "uid": snapshot["metadata"]["uid"]},
            },
        });
        stage.make(CONTENT, &content_name(&snapshot), &content).await;
        stage.delete(SNAPSHOT, "s").await;
        controller.show::<Snapshot>(SNAPSHOT).await;
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Again));
        let _ = controller.snapshot_pass("s").await;
        let content = stage.get(CONTENT, &content_name(&snapshot)).await.unwrap();
        assert!(content["metadata"]["deletionTimestamp"].is_string(), "{content}");
        assert!(stage.get(SNAPSHOT, "s").await.is_some(), "it waits for its content");
    });
}

#[test]
fn an_object_that_was_made_anew_under_its_name_is_waited_for_in_peace() {
    story(async {
        let stage = Stage::set().await;
        stage.snapshot("s", "data").await;
        let controller = Lagging::on(&stage).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.snapshot("s", "data").await;
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Done), "the watch shows it");
    });
}

#[test]
fn a_content_that_was_made_anew_under_its_name_is_not_asked_for_again_and_again() {
    story(async {
        let stage = Stage::set().await;
        let name = going(&stage).await;
        let controller = Lagging::on(&stage).await;
        let mut content = stage.get(CONTENT, &name).await.unwrap();
        stage.change(CONTENT, &name, &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(CONTENT, &name).await;
        content["metadata"] = json!({});
        stage.make(CONTENT, &name, &content).await;
        assert_eq!(controller.snapshot_pass("s").await, PassEnd::well(Then::Retry));
    });
}

#[test]
fn a_group_whose_claim_was_made_anew_waits_until_that_is_shown() {
    story(async {
        let stage = set("Delete").await;
        let (_, content) = group(&stage, app()).await;
        for claim in ["a", "b"] {
            stage.change(CLAIM, claim, &json!({"metadata": {"finalizers": [CLAIM_FINALIZER]}})).await;
        }
        let controller = Lagging::on(&stage).await;
        let mut claim = stage.get(CLAIM, "a").await.unwrap();
        stage.delete(CLAIM, "a").await;
        stage.change(CLAIM, "a", &json!({"metadata": {"finalizers": null}})).await;
        claim["metadata"] = json!({"labels": {"app": "db"}});
        stage.make(CLAIM, "a", &claim).await;
        assert_eq!(controller.group_pass("g").await, PassEnd::well(Then::Retry));
        assert!(stage.get(GROUP_CONTENT, &content).await.is_none());
    });
}

/// Makes a content of the name that the snapshot `s` is going to need, with this change, which the controller has not seen;
/// the error of the snapshot after a pass.
async fn meets(change: Value) -> (Stage, Value) {
    let stage = Stage::set().await;
    let snapshot = stage.snapshot("s", "data").await;
    let mut content = json!({
        "metadata": {"finalizers": [HELD]},
        "spec": {
            "driver": DRIVER, "deletionPolicy": "Delete", "source": {"volumeHandle": "handle-of-data"},
            "volumeSnapshotClassName": "fast",
            "volumeSnapshotRef": {"namespace": "team", "name": "s", "uid": snapshot["metadata"]["uid"]},
        },
    });
    let controller = Lagging::on(&stage).await;
    for (field, value) in change.as_object().unwrap() {
        content["spec"][field] = value.clone();
    }
    stage.make(CONTENT, &content_name(&snapshot), &content).await;
    let end = controller.snapshot_pass("s").await;
    assert_eq!(end.problem, None);
    drop(controller);
    let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
    (stage, snapshot)
}

#[test]
fn a_content_that_is_there_already_is_read_and_taken_over_only_if_it_is_ours() {
    story(async {
        let (_stage, ours) = meets(json!({})).await;
        assert_eq!(ours["status"]["boundVolumeSnapshotContentName"], content_name(&ours));
        let reference = json!({"volumeSnapshotRef": {"namespace": "team", "name": "other", "uid": "u"}});
        let (stage, theirs) = meets(reference).await;
        let message = theirs["status"]["error"]["message"].as_str().unwrap();
        assert!(message.contains("points to team/other (uid \"u\")"), "{message}");
        assert!(theirs["status"]["boundVolumeSnapshotContentName"].is_null());
        stage.event("s", "SnapshotContentMisbound").await;
        let (stage, another) = meets(json!({"source": {"volumeHandle": "another"}})).await;
        let message = another["status"]["error"]["message"].as_str().unwrap();
        assert!(message.contains("\"handle-of-data\"") && message.contains("\"another\""), "{message}");
        stage.event("s", "SnapshotContentMismatch").await;
    });
}

#[test]
fn a_content_that_is_deleted_before_our_finalizer_gets_none() {
    story(async {
        let stage = Stage::bare().await;
        let content = json!({
            "metadata": {"finalizers": [KEPT]},
            "spec": {
                "driver": DRIVER, "deletionPolicy": "Delete", "source": {"snapshotHandle": "h"},
                "volumeSnapshotRef": {"namespace": "team", "name": "s", "uid": "u"},
            },
        });
        stage.make(CONTENT, "by-hand", &content).await;
        let controller = Lagging::on(&stage).await;
        stage.delete(CONTENT, "by-hand").await;
        let end = controller.work.content_pass(&"by-hand".into()).await;
        assert_eq!(end, PassEnd::well(Then::Done));
        assert!(!has_finalizer(&stage.get(CONTENT, "by-hand").await.unwrap(), HELD));
    });
}

#[test]
fn a_group_content_that_is_gone_already_is_no_error() {
    story(async {
        let stage = set("Delete").await;
        let controller = stage.controller(&[]);
        let content = ready(&stage).await;
        drop(controller);
        stage.delete(GROUP, "g").await;
        stage
            .change(GROUP_CONTENT, &content, &json!({"metadata": {"annotations": {GROUP_RELEASED: "yes"}}}))
            .await;
        let controller = Lagging::on(&stage).await;
        stage.change(GROUP_CONTENT, &content, &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(GROUP_CONTENT, &content).await;
        assert_eq!(controller.group_pass("g").await, PassEnd::well(Then::Done));
        assert!(stage.events("g").await.iter().all(|event| event["type"] != "Warning"));
    });
}
