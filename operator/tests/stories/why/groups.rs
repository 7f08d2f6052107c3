//! What a group snapshot and its members wait for.

use serde_json::{Value, json};

use sandbox::driver::Method;

use super::finds;
use crate::common::{
    CLAIM, CLASS, DRIVER, GROUP, GROUP_CLASS, GROUP_CONTENT, SNAPSHOT, Stage, VOLUME, story,
};

/// A cluster with a class of groups and the claims `a` and `b` of the application `db`.
pub async fn set() -> Stage {
    let stage = Stage::bare().await;
    stage.make(GROUP_CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
    for claim in ["a", "b"] {
        stage.make_claim(claim).await;
        label(&stage, claim, "db").await;
    }
    stage
}

async fn label(stage: &Stage, claim: &str, app: &str) {
    stage.change(CLAIM, claim, &json!({"metadata": {"labels": {"app": app}}})).await;
}

/// A group snapshot of what a selector selects.
pub async fn take(stage: &Stage, name: &str, selector: Value, class: Option<&str>) -> Value {
    let mut spec = json!({"source": {"selector": selector}});
    if let Some(class) = class {
        spec["volumeGroupSnapshotClassName"] = class.into();
    }
    stage.make(GROUP, name, &json!({ "spec": spec })).await
}

pub fn app(app: &str) -> Value {
    json!({"matchLabels": {"app": app}})
}

/// The names of the members of a group, once there are so many.
pub async fn members(stage: &Stage, count: usize) -> Vec<String> {
    let end = std::time::Instant::now() + crate::common::PATIENCE;
    loop {
        let all = stage.api(SNAPSHOT).list(&kube::api::ListParams::default()).await.unwrap();
        let names = all.items.iter().filter_map(|member| member.metadata.name.clone());
        let names: Vec<String> = names.filter(|name| name.starts_with("snapshot-")).collect();
        if names.len() == count {
            return names;
        }
        assert!(std::time::Instant::now() < end, "{names:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[test]
fn a_group_is_ready_with_its_members_which_go_with_it_alone() {
    story(async {
        let stage = set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().hold(Method::CreateVolumeGroupSnapshot);
        take(&stage, "g", app("db"), Some("fast")).await;
        finds(&stage, "vgs/g", "driver-takes").await;
        finds(&stage, "pvc/a", "claim-protected").await;
        stage.driver.script().let_go(Method::CreateVolumeGroupSnapshot);
        finds(&stage, "vgs/g", "ready").await;
        let group = stage.until(GROUP, "g", |it| it["status"]["readyToUse"] == true).await;
        let content = group["status"]["boundVolumeGroupSnapshotContentName"].as_str().unwrap().to_owned();
        finds(&stage, &format!("vgsc/{content}"), "at-rest").await;
        let members = members(&stage, 2).await;
        finds(&stage, &members[0], "ready").await;
        stage.delete(SNAPSHOT, &members[0]).await;
        let seen = finds(&stage, &members[0], "belongs-to-group").await;
        assert!(seen["waits"].as_str().unwrap().contains("the group snapshot g"), "{seen:#}");
        // What the remedy says.
        stage.driver.script().hold(Method::DeleteVolumeGroupSnapshot);
        stage.delete(GROUP, "g").await;
        finds(&stage, &format!("vgsc/{content}"), "driver-deletes").await;
        stage.driver.script().let_go(Method::DeleteVolumeGroupSnapshot);
        stage.until(GROUP, "g", Value::is_null).await;
        stage.until(GROUP_CONTENT, &content, Value::is_null).await;
        for member in &members {
            stage.until(SNAPSHOT, member, Value::is_null).await;
        }
        assert_eq!(stage.driver.snapshots().len(), 0);
    });
}

#[test]
fn a_selector_that_matches_nothing_waits_for_a_label_and_an_empty_one_for_another_group() {
    story(async {
        let stage = set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        take(&stage, "all", json!({}), Some("fast")).await;
        let seen = finds(&stage, "vgs/all", "selector-invalid").await;
        assert_eq!(seen["turn"], "user");
        take(&stage, "early", app("web"), Some("fast")).await;
        let seen = finds(&stage, "vgs/early", "selector-matches-nothing").await;
        assert!(seen["waits"].as_str().unwrap().contains("app=web"), "{seen:#}");
        label(&stage, "a", "web").await;
        finds(&stage, "vgs/early", "ready").await;
        finds(&stage, "vgs/all", "selector-invalid").await;
    });
}

#[test]
fn claims_of_several_drivers_make_no_group() {
    story(async {
        let stage = set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.change(VOLUME, "volume-of-b", &json!({"spec": {"csi": {"driver": "b.csi.test"}}})).await;
        take(&stage, "g", app("db"), None).await;
        let seen = finds(&stage, "vgs/g", "drivers-differ").await;
        let waits = seen["waits"].as_str().unwrap();
        assert!(waits.contains(DRIVER) && waits.contains("b.csi.test"), "{seen:#}");
    });
}

#[test]
fn a_volume_that_has_no_claim_any_more_leaves_the_group_incomplete() {
    story(async {
        let stage = set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().hold(Method::CreateVolumeGroupSnapshot);
        take(&stage, "g", app("db"), Some("fast")).await;
        finds(&stage, "vgs/g", "driver-takes").await;
        stage.delete(VOLUME, "volume-of-a").await;
        stage.driver.script().let_go(Method::CreateVolumeGroupSnapshot);
        let seen = finds(&stage, "vgs/g", "group-incomplete").await;
        assert!(seen["waits"].as_str().unwrap().contains("handle-of-a"), "{seen:#}");
        members(&stage, 1).await;
    });
}

#[test]
fn a_member_waits_for_its_group_and_says_when_that_is_gone() {
    story(async {
        let stage = set().await;
        stage.make(CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        let group = take(&stage, "g", app("db"), Some("fast")).await;
        let owner = |uid: &Value| {
            json!([{"apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot", "name": "g",
                "uid": uid}])
        };
        let member = |uid: &Value| {
            json!({"metadata": {"ownerReferences": owner(uid)},
                "spec": {"source": {"persistentVolumeClaimName": "a"}}})
        };
        stage.make(SNAPSHOT, "snapshot-of-a", &member(&group["metadata"]["uid"])).await;
        stage.make(SNAPSHOT, "orphan", &member(&"of-another".into())).await;
        let seen = finds(&stage, "snapshot-of-a", "waits-for-group").await;
        assert!(seen["remedy"].as_str().unwrap().contains("kubectl snapshots why vgs/"), "{seen:#}");
        let seen = finds(&stage, "orphan", "group-gone").await;
        assert_eq!(seen["turn"], "user");
        let _controller = stage.controller();
        stage.delete(SNAPSHOT, "orphan").await;
        stage.until(SNAPSHOT, "orphan", Value::is_null).await;
    });
}
