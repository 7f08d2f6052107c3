//! The controller killed at any moment: everything ends ready or gone, and nothing stays behind.

use std::time::Duration;

use kube::api::ListParams;
use serde_json::Value;

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CONTENT, GROUP, GROUP_CONTENT, RELEASED, SNAPSHOT, Stage, has_finalizer, story,
};
use crate::groups::{app, group, members, set, take, warnings};

/// How often the controller is killed.
const KILLS: u64 = 12;
const SNAPSHOTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Plays the sidecar once: takes what is to be taken, lets go what is to go.
async fn sidecar(stage: &Stage) {
    let contents = stage.api(CONTENT).list(&ListParams::default()).await.unwrap();
    for content in contents {
        let name = content.metadata.name.clone().unwrap();
        let content: Value = serde_json::to_value(content).unwrap();
        let released = content["metadata"]["annotations"][RELEASED] == "yes";
        if released && !content["metadata"]["deletionTimestamp"].is_null() {
            stage.let_go(&name).await;
        } else if content["status"]["readyToUse"] != true {
            stage.take(&name).await;
        }
    }
}

/// Lets time pass, with a sidecar at work.
async fn pass(stage: &Stage, milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    sidecar(stage).await;
}

#[test]
fn killed_at_any_moment_it_leaves_neither_content_nor_claim_behind() {
    story(async {
        let stage = Stage::set().await;
        for name in SNAPSHOTS {
            stage.snapshot(name, "data").await;
        }
        for kill in 0..KILLS {
            let controller = stage.controller(&[]);
            // From before its first list to well into its work.
            pass(&stage, 10 + 15 * kill).await;
            if kill == KILLS / 2 {
                for name in &SNAPSHOTS[..3] {
                    stage.delete(SNAPSHOT, name).await;
                }
            }
            drop(controller);
        }
        let _controller = stage.controller(&[]);
        for _ in 0..300 {
            pass(&stage, 50).await;
            let gone = deleted_are_gone(&stage).await;
            let ready = ready(&stage).await;
            if gone && ready {
                break;
            }
        }
        assert!(deleted_are_gone(&stage).await && ready(&stage).await, "{}", stage.log());
        let contents = stage.api(CONTENT).list(&ListParams::default()).await.unwrap();
        assert_eq!(contents.items.len(), 3, "one for each that is left");
        let claim = stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        assert!(claim["metadata"]["deletionTimestamp"].is_null());
    });
}

/// Whether the deleted snapshots are gone.
async fn deleted_are_gone(stage: &Stage) -> bool {
    let mut gone = true;
    for name in &SNAPSHOTS[..3] {
        gone &= stage.get(SNAPSHOT, name).await.is_none();
    }
    gone
}

/// Whether the others are ready.
async fn ready(stage: &Stage) -> bool {
    let mut ready = true;
    for name in &SNAPSHOTS[3..] {
        let snapshot = stage.get(SNAPSHOT, name).await;
        ready &= snapshot.is_some_and(|snapshot| snapshot["status"]["readyToUse"] == true);
    }
    ready
}

#[test]
fn a_group_whose_controller_is_killed_at_any_moment_becomes_ready_with_its_members() {
    story(async {
        let stage = set("Delete").await;
        let (_, name) = group(&stage, app()).await;
        for kill in 0..KILLS {
            let controller = stage.controller(&[]);
            tokio::time::sleep(Duration::from_millis(20 + 12 * kill)).await;
            if kill >= KILLS / 3
                && let Some(content) = stage.get(GROUP_CONTENT, &name).await
            {
                take(&stage, &content, true).await;
                tokio::time::sleep(Duration::from_millis(4 * kill)).await;
            }
            drop(controller);
        }
        let _controller = stage.controller(&[]);
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        take(&stage, &content, true).await;
        stage.until(GROUP, "g", |group| group["status"]["readyToUse"] == true).await;
        members(&stage, |member| member["status"]["readyToUse"] == true).await;
        for claim in ["a", "b"] {
            stage.until(CLAIM, claim, |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        }
        let contents = stage.api(CONTENT).list(&ListParams::default()).await.unwrap();
        assert_eq!(contents.items.len(), 2, "one for each member");
        assert!(warnings(&stage, "g").await.is_empty());
    });
}
