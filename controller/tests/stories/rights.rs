//! Rights on group snapshots that are missing: lone snapshots go on, and what may belong to a group is kept.

use serde_json::json;

use crate::common::{CLAIM, CLAIM_FINALIZER, CONTENT, GROUP, SNAPSHOT, Stage, has_finalizer, in_sandbox};
use crate::groups::{PATIENT, members, ready, set};

#[test]
fn a_member_is_not_deleted_while_nobody_may_see_its_group_and_goes_on_once_somebody_may() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = set("Delete").await;
        let controller = stage.controller(&PATIENT);
        ready(&stage).await;
        let all = members(&stage, |_| true).await;
        drop(controller);
        let rules = stage.refuse("volumegroupsnapshots", &["get", "list", "watch"]).await;
        let _controller = stage.controller(&PATIENT);
        let name = all[0]["metadata"]["name"].as_str().unwrap();
        let own = all[0]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        stage.delete(SNAPSHOT, name).await;
        let event = stage.event(name, "SnapshotDeletePending").await;
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("group snapshot g") && message.contains("grant"), "{message}");
        assert!(stage.get(CONTENT, own).await.unwrap()["metadata"]["deletionTimestamp"].is_null());
        // The group goes while nobody may see it; rights are what the member waits for.
        stage.change(GROUP, "g", &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(GROUP, "g").await;
        stage.grant(&rules).await;
        stage.until(CONTENT, own, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(own).await;
        stage.until_gone(SNAPSHOT, name).await;
    });
}

#[test]
fn a_lone_snapshot_and_its_claim_need_no_rights_on_groups() {
    in_sandbox("a real cluster's rights are not taken for a test", async {
        let stage = Stage::set().await;
        for kind in ["volumegroupsnapshots", "volumegroupsnapshotcontents", "volumegroupsnapshotclasses"] {
            stage.refuse(kind, &["get", "list", "watch"]).await;
        }
        let _controller = stage.controller(&[]);
        stage.ready("s").await;
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
    });
}
