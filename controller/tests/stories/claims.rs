//! The finalizer of a claim: there while a snapshot is being taken, gone afterwards.

use serde_json::json;

use crate::common::{CLAIM, CLAIM_FINALIZER, CLASS, SNAPSHOT, Stage, content_name, has_finalizer, story};

#[test]
fn a_claim_that_is_deleted_while_its_snapshot_is_taken_stays_until_that_is_done() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let snapshot = stage.snapshot("s", "data").await;
        let content = stage.content_of(&snapshot).await;
        let claim = stage.get(CLAIM, "data").await.unwrap();
        assert!(has_finalizer(&claim, CLAIM_FINALIZER), "before its content exists");
        stage.delete(CLAIM, "data").await;
        assert!(stage.get(CLAIM, "data").await.is_some());
        stage.take(content["metadata"]["name"].as_str().unwrap()).await;
        stage.until_gone(CLAIM, "data").await;
        let ready = stage.get(SNAPSHOT, "s").await.unwrap();
        assert_eq!(ready["status"]["readyToUse"], true);
    });
}

#[test]
fn other_finalizers_and_the_labels_of_a_claim_stay_whoever_writes_it_meanwhile() {
    story(async {
        let stage = Stage::set().await;
        let change = json!({"metadata": {"finalizers": ["example.com/a"], "labels": {"team": "x"}}});
        stage.change(CLAIM, "data", &change).await;
        let _controller = stage.controller(&[]);
        let snapshot = stage.snapshot("s", "data").await;
        stage.content_of(&snapshot).await;
        for number in 0..20 {
            let note = json!({"metadata": {"annotations": {"example.com/note": number.to_string()}}});
            stage.change(CLAIM, "data", &note).await;
        }
        stage.take(&content_name(&snapshot)).await;
        let claim = stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        assert!(has_finalizer(&claim, "example.com/a"), "{claim}");
        assert_eq!(claim["metadata"]["labels"]["team"], "x");
        let snapshot = stage.get(SNAPSHOT, "s").await.unwrap();
        assert!(snapshot["status"]["error"].is_null(), "{snapshot}");
        let warnings = stage.events("s").await.into_iter().filter(|event| event["type"] == "Warning").count();
        assert_eq!(warnings, 0);
    });
}

#[test]
fn snapshots_of_one_claim_that_are_deleted_together_do_not_hold_it() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller(&[]);
        let mut contents = Vec::new();
        for name in ["a", "b", "c"] {
            contents.push(content_name(&stage.snapshot(name, "data").await));
        }
        for content in &contents {
            stage.until(crate::common::CONTENT, content, |_| true).await;
        }
        for name in ["a", "b", "c"] {
            stage.delete(SNAPSHOT, name).await;
        }
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
    });
}

#[test]
fn a_claim_is_not_held_by_a_snapshot_that_cannot_be_taken() {
    story(async {
        let stage = Stage::set().await;
        stage.delete(CLASS, "fast").await;
        let _controller = stage.controller(&[]);
        stage.snapshot("s", "data").await;
        stage.event("s", "GetSnapshotClassFailed").await;
        let claim = stage.get(CLAIM, "data").await.unwrap();
        assert!(!has_finalizer(&claim, CLAIM_FINALIZER));
        stage.delete(CLAIM, "data").await;
        stage.until_gone(CLAIM, "data").await;
    });
}

#[test]
fn a_claim_that_was_left_with_our_finalizer_is_freed_although_a_snapshot_of_it_waits() {
    story(async {
        let stage = Stage::set().await;
        stage.delete(CLASS, "fast").await;
        stage.change(CLAIM, "data", &json!({"metadata": {"finalizers": [CLAIM_FINALIZER]}})).await;
        let _controller = stage.controller(&[]);
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        stage.snapshot("s", "data").await;
        stage.event("s", "GetSnapshotClassFailed").await;
        // As if another controller had put it back for a snapshot that never came to be taken.
        stage.change(CLAIM, "data", &json!({"metadata": {"finalizers": [CLAIM_FINALIZER]}})).await;
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until_gone(SNAPSHOT, "s").await;
    });
}
