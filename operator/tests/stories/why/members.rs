//! Members of groups: what they wait for, and what becomes of them when their group is not there.

use kube::api::ListParams;
use sandbox::driver::Method;
use serde_json::{Value, json};

use super::groups::{app, group, members, ready, set};
use super::{finds, says};
use crate::common::{CONTENT, GROUP, ROLE, SNAPSHOT, Stage, VOLUME, story};

/// Lets the snapshot-controller do these things with a resource, and no others.
pub async fn let_controller(stage: &Stage, resource: &str, verbs: &[&str]) {
    for role in stage.api(ROLE).list(&ListParams::default()).await.unwrap() {
        let mut rules = role.data["rules"].clone();
        let named = json!([resource]);
        let name = role.metadata.name.unwrap();
        if !name.contains("snapshot-controller") {
            continue;
        }
        for rule in rules.as_array_mut().unwrap().iter_mut().filter(|rule| rule["resources"] == named) {
            rule["verbs"] = json!(verbs);
        }
        stage.change(ROLE, &name, &json!({ "rules": rules })).await;
    }
}

pub const ALL: [&str; 7] = ["create", "get", "list", "watch", "update", "delete", "patch"];

#[test]
fn a_member_waits_for_its_group_which_says_what_is_missing() {
    story(async {
        let (stage, _both) = set().await;
        let_controller(&stage, "volumesnapshotcontents", &["get", "list", "watch", "update", "patch"]).await;
        group(&stage, "g", app("db"), Some("fast")).await;
        let first = members(&stage, 1).await.remove(0);
        let seen = finds(&stage, &first, "waits-for-group").await;
        says(&seen, "what its group makes for it", "with the next step of its group", "vgs/NAME");
        let_controller(&stage, "volumesnapshotcontents", &ALL).await;
        finds(&stage, &first, "ready").await;
        finds(&stage, "vgs/g", "ready").await;
        members(&stage, 2).await;
    });
}

#[test]
fn a_member_whose_group_is_gone_before_it_was_made_is_to_be_deleted() {
    story(async {
        let (stage, _both) = set().await;
        let_controller(&stage, "volumesnapshotcontents", &["get", "list", "watch", "update", "patch"]).await;
        group(&stage, "g", app("db"), Some("fast")).await;
        let first = members(&stage, 1).await.remove(0);
        // By force, so that nothing is cleaned up.
        stage.change(GROUP, "g", &json!({"metadata": {"finalizers": null}})).await;
        stage.server.overtake("volumegroupsnapshots.groupsnapshot.storage.k8s.io", "team", "g").unwrap();
        let seen = finds(&stage, &first, "group-gone").await;
        says(&seen, "team/g", "nothing, until its owner", "delete the snapshot");
        stage.delete(SNAPSHOT, &first).await;
        stage.until(SNAPSHOT, &first, Value::is_null).await;
    });
}

#[test]
fn a_member_goes_with_its_group_alone() {
    story(async {
        let (stage, _both) = set().await;
        let (_, members) = ready(&stage).await;
        stage.delete(SNAPSHOT, &members[0]).await;
        let seen = finds(&stage, &members[0], "belongs-to-group").await;
        says(&seen, "the group snapshot g", "deleted with its group", "delete the VolumeGroupSnapshot");
        assert_eq!(stage.driver.count(Method::DeleteVolumeGroupSnapshot), 0);
        stage.delete(GROUP, "g").await;
        for member in &members {
            stage.until(SNAPSHOT, member, Value::is_null).await;
        }
        stage.until(GROUP, "g", Value::is_null).await;
        assert!(stage.driver.snapshots().is_empty());
    });
}

#[test]
fn a_group_is_ready_without_a_member_that_cannot_be_shown_and_shows_it_later() {
    story(async {
        let (stage, _both) = set().await;
        stage.driver.script().hold(Method::CreateVolumeGroupSnapshot);
        group(&stage, "g", app("db"), Some("fast")).await;
        finds(&stage, "vgs/g", "driver-takes").await;
        stage.change(VOLUME, "volume-of-b", &json!({"spec": {"claimRef": null}})).await;
        stage.driver.script().let_go(Method::CreateVolumeGroupSnapshot);
        let seen = finds(&stage, "vgs/g", "group-incomplete").await;
        says(&seen, "handle-of-b", "as soon as a claim comes, goes or changes", "do what the message says");
        stage.until(GROUP, "g", |it| it["status"]["readyToUse"] == true).await;
        members(&stage, 1).await;
        let holder = json!({"spec": {"claimRef": {"namespace": "team", "name": "b"}}});
        stage.change(VOLUME, "volume-of-b", &holder).await;
        for member in members(&stage, 2).await {
            finds(&stage, &member, "ready").await;
        }
        finds(&stage, "vgs/g", "ready").await;
    });
}

#[test]
fn a_controller_that_may_not_see_groups_holds_the_deletion_until_it_may() {
    story(async {
        let (stage, both) = set().await;
        let (_, members) = ready(&stage).await;
        drop(both);
        let_controller(&stage, "volumegroupsnapshots", &[]).await;
        stage.change(GROUP, "g", &json!({"metadata": {"finalizers": null}})).await;
        stage.server.overtake("volumegroupsnapshots.groupsnapshot.storage.k8s.io", "team", "g").unwrap();
        stage.delete(SNAPSHOT, &members[0]).await;
        let _both = (stage.controller(), stage.sidecar());
        let seen = finds(&stage, &members[0], "group-hidden").await;
        says(&seen, "the group snapshot g", "as soon as the snapshot-controller may", "get, list and watch");
        let content = stage.until(SNAPSHOT, &members[0], |_| true).await;
        let content = content["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        stage.until(CONTENT, content, |it| it["metadata"]["deletionTimestamp"].is_null()).await;
        let_controller(&stage, "volumegroupsnapshots", &ALL).await;
        stage.until(SNAPSHOT, &members[0], Value::is_null).await;
    });
}
