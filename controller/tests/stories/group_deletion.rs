//! From the deletion of a group snapshot to its end, and what holds it up.

use serde_json::{Value, json};

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CONTENT, DRIVER, GROUP, GROUP_CONTENT, RELEASED, SNAPSHOT, Stage, has_finalizer,
    in_sandbox, story,
};
use crate::groups::{GROUP_RELEASED, PATIENT, app, group, members, ready, set, take, warnings};

const BOUND: &str = "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection";

#[test]
fn a_deleted_group_takes_its_content_and_its_members_with_it_and_warns_of_nothing() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let content = ready(&stage).await;
        let all = members(&stage, |_| true).await;
        stage.delete(GROUP, "g").await;
        let going =
            stage.until(GROUP_CONTENT, &content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        assert_eq!(going["metadata"]["annotations"][GROUP_RELEASED], "yes");
        for member in &all {
            let content = member["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
            stage.until(CONTENT, content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
            stage.let_go(content).await;
            let name = member["metadata"]["name"].as_str().unwrap();
            stage.until_gone(SNAPSHOT, name).await;
            assert_eq!(warnings(&stage, name).await, [Value::Null; 0]);
        }
        assert!(stage.get(GROUP, "g").await.is_some(), "it stays until the storage is cleaned up");
        stage.change(GROUP_CONTENT, &content, &json!({"metadata": {"finalizers": null}})).await;
        stage.until_gone(GROUP, "g").await;
    });
}

#[test]
fn the_contents_of_a_retained_group_stay_and_are_marked() {
    story(async {
        let stage = set("Retain").await;
        let _controller = stage.controller(&PATIENT);
        let content = ready(&stage).await;
        let all = members(&stage, |_| true).await;
        stage.delete(GROUP, "g").await;
        stage.until_gone(GROUP, "g").await;
        let content = stage.get(GROUP_CONTENT, &content).await.unwrap();
        assert_eq!(content["metadata"]["annotations"][GROUP_RELEASED], "yes");
        assert!(content["metadata"]["deletionTimestamp"].is_null());
        for member in &all {
            stage.until_gone(SNAPSHOT, member["metadata"]["name"].as_str().unwrap()).await;
            let name = member["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
            let content = stage.get(CONTENT, name).await.unwrap();
            assert_eq!(content["metadata"]["annotations"][RELEASED], "yes");
            assert!(content["metadata"]["deletionTimestamp"].is_null());
        }
    });
}

#[test]
fn a_member_is_not_deleted_alone() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let content = ready(&stage).await;
        let all = members(&stage, |_| true).await;
        let name = all[0]["metadata"]["name"].as_str().unwrap();
        stage.delete(SNAPSHOT, name).await;
        stage.event(name, "SnapshotDeletePending").await;
        let own = all[0]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        assert!(stage.get(CONTENT, own).await.unwrap()["metadata"]["deletionTimestamp"].is_null());
        // The deletion of its group is what it waits for.
        stage.delete(GROUP, "g").await;
        stage.until(GROUP_CONTENT, &content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.until(CONTENT, own, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(own).await;
        stage.until_gone(SNAPSHOT, name).await;
    });
}

#[test]
fn a_member_that_was_taken_from_its_group_goes_with_it_because_its_storage_does() {
    story(async {
        let stage = set("Delete").await;
        let controller = stage.controller(&PATIENT);
        ready(&stage).await;
        let all = members(&stage, |member| member["status"]["readyToUse"] == true).await;
        let name = all[0]["metadata"]["name"].as_str().unwrap();
        let own = all[0]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        drop(controller);
        // The garbage collector does the same with --cascade=orphan.
        stage.change(SNAPSHOT, name, &json!({"metadata": {"ownerReferences": null}})).await;
        stage.delete(GROUP, "g").await;
        let _controller = stage.controller(&PATIENT);
        stage.until(CONTENT, own, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(own).await;
        stage.until_gone(SNAPSHOT, name).await;
    });
}

#[test]
fn members_that_a_backup_tool_takes_from_their_group_outlive_it_if_their_storage_does() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let content = ready(&stage).await;
        let all = members(&stage, |member| member["status"]["readyToUse"] == true).await;
        let names: Vec<_> = all.iter().map(|member| member["metadata"]["name"].as_str().unwrap()).collect();
        for name in &names {
            stage
                .change(SNAPSHOT, name, &json!({"metadata": {"ownerReferences": null, "finalizers": null}}))
                .await;
            stage.until(SNAPSHOT, name, |member| has_finalizer(member, BOUND)).await;
        }
        stage.change(GROUP_CONTENT, &content, &json!({"spec": {"deletionPolicy": "Retain"}})).await;
        stage.delete(GROUP_CONTENT, &content).await;
        stage.delete(GROUP, "g").await;
        stage
            .until(GROUP_CONTENT, &content, |it| !it["metadata"]["annotations"][GROUP_RELEASED].is_null())
            .await;
        stage.change(GROUP_CONTENT, &content, &json!({"metadata": {"finalizers": null}})).await;
        stage.until_gone(GROUP, "g").await;
        for name in &names {
            let member = stage.get(SNAPSHOT, name).await.unwrap();
            assert!(member["metadata"]["deletionTimestamp"].is_null(), "{member}");
            assert!(member["metadata"]["ownerReferences"].is_null(), "the garbage collector would delete it");
            assert_eq!(member["status"]["readyToUse"], true);
        }
        // From now on it goes as any other does.
        let own = all[0]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        stage.delete(SNAPSHOT, names[0]).await;
        stage.until(CONTENT, own, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(own).await;
        stage.until_gone(SNAPSHOT, names[0]).await;
        // But its storage stays, since that of its group was to.
        stage.event_saying(names[0], "SnapshotMayBeOrphaned", "\"group-handle\"").await;
    });
}

#[test]
fn a_member_that_is_restored_from_holds_its_group_until_that_is_done() {
    in_sandbox("the claims of a real cluster are bound by that cluster alone", async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let content = ready(&stage).await;
        let all = members(&stage, |_| true).await;
        let clone = json!({
            "metadata": {"annotations": {"volume.kubernetes.io/storage-provisioner": DRIVER}},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "dataSource": {
                    "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": all[0]["metadata"]["name"],
                },
            },
        });
        stage.make(CLAIM, "clone", &clone).await;
        stage.change_status(CLAIM, "clone", &json!({"phase": "Pending"})).await;
        // The controller has seen the claim as soon as it has seen what was made after it.
        stage.snapshot("later", "clone").await;
        stage.event("later", "GetSnapshotClassFailed").await;
        stage.delete(GROUP, "g").await;
        stage.event("g", "SnapshotDeletePending").await;
        assert!(stage.get(GROUP_CONTENT, &content).await.unwrap()["metadata"]["deletionTimestamp"].is_null());
        stage.change_status(CLAIM, "clone", &json!({"phase": "Bound"})).await;
        stage.until(GROUP_CONTENT, &content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        assert_eq!(warnings(&stage, "g").await.len(), 1);
    });
}

#[test]
fn a_group_that_is_made_anew_under_its_name_does_not_hold_the_members_of_the_one_before() {
    in_sandbox("a real cluster collects the members whose group is gone", async {
        let stage = set("Retain").await;
        let controller = stage.controller(&PATIENT);
        ready(&stage).await;
        let old = members(&stage, |_| true).await;
        drop(controller);
        stage.change(GROUP, "g", &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(GROUP, "g").await;
        stage.until_gone(GROUP, "g").await;
        group(&stage, json!({})).await;
        let _controller = stage.controller(&PATIENT);
        stage.event("g", "GroupSnapshotContentCreationFailed").await;
        for member in &old {
            let name = member["metadata"]["name"].as_str().unwrap();
            stage.delete(SNAPSHOT, name).await;
            stage.until_gone(SNAPSHOT, name).await;
        }
    });
}

#[test]
fn a_group_that_is_deleted_right_after_its_content_was_posted_leaves_nothing_behind() {
    story(async {
        let stage = set("Delete").await;
        let controller = stage.controller(&PATIENT);
        let (_, name) = group(&stage, app()).await;
        stage.until(GROUP_CONTENT, &name, |_| true).await;
        drop(controller);
        // As if the status had not been written yet: the content is found by its name.
        stage.change_status(GROUP, "g", &Value::Null).await;
        stage.delete(GROUP, "g").await;
        let _controller = stage.controller(&PATIENT);
        stage.until(GROUP_CONTENT, &name, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.change(GROUP_CONTENT, &name, &json!({"metadata": {"finalizers": null}})).await;
        stage.until_gone(GROUP, "g").await;
        for claim in ["a", "b"] {
            stage.until(CLAIM, claim, |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        }
    });
}

#[test]
fn a_content_that_a_user_deletes_after_its_group_is_gone_is_marked_so_that_it_can_go() {
    story(async {
        let stage = set("Delete").await;
        let controller = stage.controller(&[]);
        let (_, name) = group(&stage, app()).await;
        stage.until(GROUP_CONTENT, &name, |_| true).await;
        drop(controller);
        stage.change(GROUP, "g", &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(GROUP, "g").await;
        stage.until_gone(GROUP, "g").await;
        let _controller = stage.controller(&[]);
        stage.delete(GROUP_CONTENT, &name).await;
        stage.until(GROUP_CONTENT, &name, |it| it["metadata"]["annotations"][GROUP_RELEASED] == "yes").await;
    });
}

#[test]
fn a_member_that_an_older_version_has_made_goes_with_its_group() {
    story(async {
        let stage = set("Delete").await;
        let controller = stage.controller(&PATIENT);
        ready(&stage).await;
        let all = members(&stage, |_| true).await;
        drop(controller);
        for member in &all {
            let mut owners = member["metadata"]["ownerReferences"].clone();
            owners[0]["apiVersion"] = "groupsnapshot.storage.k8s.io/v1beta1".into();
            let name = member["metadata"]["name"].as_str().unwrap();
            stage.change(SNAPSHOT, name, &json!({"metadata": {"ownerReferences": owners}})).await;
        }
        let _controller = stage.controller(&PATIENT);
        stage.delete(GROUP, "g").await;
        for member in &all {
            let content = member["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
            stage.until(CONTENT, content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
            stage.let_go(content).await;
            let name = member["metadata"]["name"].as_str().unwrap();
            stage.until_gone(SNAPSHOT, name).await;
            assert_eq!(warnings(&stage, name).await, [Value::Null; 0]);
        }
    });
}

#[test]
fn a_member_that_is_deleted_by_force_while_its_group_is_unready_is_made_anew_and_keeps_its_content() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let (_, name) = group(&stage, app()).await;
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        take(&stage, &content, false).await;
        let all = members(&stage, |member| member["status"]["readyToUse"] == false).await;
        let member = all[0]["metadata"]["name"].as_str().unwrap();
        let own = all[0]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        stage.delete(SNAPSHOT, member).await;
        stage.change(SNAPSHOT, member, &json!({"metadata": {"finalizers": null}})).await;
        let uid = all[0]["metadata"]["uid"].clone();
        let is_bound_anew = |it: &Value| it["spec"]["volumeSnapshotRef"]["uid"] != uid;
        stage.until(CONTENT, own, is_bound_anew).await;
        assert_eq!(warnings(&stage, "g").await, [Value::Null; 0]);
        stage.change_status(CONTENT, own, &json!({"readyToUse": true})).await;
        // The content of the other member is the sidecar's.
        let other = all[1]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        stage.change_status(CONTENT, other, &json!({"readyToUse": true})).await;
        take(&stage, &content, true).await;
        stage.until(GROUP, "g", |group| group["status"]["readyToUse"] == true).await;
        members(&stage, |member| member["status"]["readyToUse"] == true).await;
    });
}

#[test]
fn a_group_that_is_deleted_at_any_moment_leaves_nothing_behind() {
    story(async {
        let stage = set("Delete").await;
        for pause in 0..10 {
            let controller = stage.controller(&[]);
            let (_, name) = group(&stage, app()).await;
            tokio::time::sleep(std::time::Duration::from_millis(30 * pause)).await;
            if let Some(content) = stage.get(GROUP_CONTENT, &name).await {
                take(&stage, &content, pause % 2 == 0).await;
                tokio::time::sleep(std::time::Duration::from_millis(4 * pause)).await;
            }
            stage.delete(GROUP, "g").await;
            if pause % 3 == 0 {
                // And the controller goes with it.
                drop(controller);
                let _another = stage.controller(&[]);
                clean_up(&stage, &name).await;
            } else {
                clean_up(&stage, &name).await;
            }
        }
    });
}

/// Plays the sidecar until the group, its members and all their contents are gone.
async fn clean_up(stage: &Stage, group_content: &str) {
    let is_left = |found: Option<Value>| found.is_some();
    for _ in 0..600 {
        for (kind, released) in [(CONTENT, RELEASED), (GROUP_CONTENT, GROUP_RELEASED)] {
            let all = stage.api(kind).list(&kube::api::ListParams::default()).await.unwrap();
            for content in all {
                let marks = content.metadata.annotations.clone().unwrap_or_default();
                if content.metadata.deletion_timestamp.is_some() && marks.contains_key(released) {
                    let name = content.metadata.name.unwrap();
                    stage.change(kind, &name, &json!({"metadata": {"finalizers": null}})).await;
                }
            }
        }
        let snapshots = stage.api(SNAPSHOT).list(&kube::api::ListParams::default()).await.unwrap().items;
        let contents = stage.api(CONTENT).list(&kube::api::ListParams::default()).await.unwrap().items;
        let groups =
            is_left(stage.get(GROUP, "g").await) || is_left(stage.get(GROUP_CONTENT, group_content).await);
        if !groups && snapshots.is_empty() && contents.is_empty() {
            for claim in ["a", "b"] {
                stage.until(CLAIM, claim, |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
            }
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("something is left:\n{}", stage.log());
}
