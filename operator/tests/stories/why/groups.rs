//! Groups on their way: what they lack, what the driver does for them, and how they go.

use sandbox::driver::{Fault, Method, Readiness, Times};
use serde_json::{Value, json};
use tonic::Code;

use super::{finds, says};
use crate::common::{
    CLAIM, DRIVER, GROUP, GROUP_CLASS, GROUP_CONTENT, Program, SNAPSHOT, Stage, VOLUME, story,
};

/// A cluster with a class and the claims `a` and `b` of the application `db`, and both programs.
pub async fn set() -> (Stage, (Program, Program)) {
    let stage = Stage::bare().await;
    stage.make(GROUP_CLASS, "fast", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
    for claim in ["a", "b"] {
        stage.make_claim(claim).await;
        label(&stage, claim, "db").await;
    }
    let both = (stage.controller(), stage.sidecar());
    stage.until_led().await;
    (stage, both)
}

async fn label(stage: &Stage, claim: &str, app: &str) {
    stage.change(CLAIM, claim, &json!({"metadata": {"labels": {"app": app}}})).await;
}

/// Makes a group of the claims of an application.
pub async fn group(stage: &Stage, name: &str, selector: Value, class: Option<&str>) -> Value {
    let mut spec = json!({"source": {"selector": selector}});
    if let Some(class) = class {
        spec["volumeGroupSnapshotClassName"] = class.into();
    }
    stage.make(GROUP, name, &json!({ "spec": spec })).await
}

pub fn app(name: &str) -> Value {
    json!({"matchLabels": {"app": name}})
}

/// The group `g` of two that is ready, with the names of its content and of its members.
pub async fn ready(stage: &Stage) -> (String, Vec<String>) {
    group(stage, "g", app("db"), Some("fast")).await;
    finds(stage, "vgs/g", "ready").await;
    let seen = stage.until(GROUP, "g", |it| it["status"]["readyToUse"] == true).await;
    let content = seen["status"]["boundVolumeGroupSnapshotContentName"].as_str().unwrap().to_owned();
    let members = members(stage, 2).await;
    for member in &members {
        finds(stage, member, "ready").await;
    }
    (content, members)
}

/// The names of the members, once there are this many.
pub async fn members(stage: &Stage, count: usize) -> Vec<String> {
    let end = std::time::Instant::now() + crate::common::PATIENCE;
    loop {
        let all = stage.api(SNAPSHOT).list(&kube::api::ListParams::default()).await.unwrap().items;
        if all.len() == count {
            return all.into_iter().filter_map(|member| member.metadata.name).collect();
        }
        assert!(std::time::Instant::now() < end, "there are {} members", all.len());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[test]
fn what_a_group_lacks_is_found_and_each_goes_on_as_its_answer_says() {
    story(async {
        let (stage, _both) = set().await;
        group(&stage, "empty", json!({}), Some("fast")).await;
        let seen = finds(&stage, "vgs/empty", "selector-invalid").await;
        says(&seen, "the selector is empty", "nothing, until its owner", "create it with a selector");
        stage.delete(GROUP, "empty").await;
        stage.until(GROUP, "empty", Value::is_null).await;

        group(&stage, "nobody", app("web"), Some("fast")).await;
        let seen = finds(&stage, "vgs/nobody", "selector-matches-nothing").await;
        says(&seen, "app=web", "as soon as a claim comes", "label the claims");
        stage.make_claim("c").await;
        label(&stage, "c", "web").await;
        finds(&stage, "vgs/nobody", "ready").await;

        group(&stage, "classless", app("db"), Some("gone")).await;
        let seen = finds(&stage, "vgs/classless", "class-missing").await;
        says(&seen, "gone", "as soon as a class comes", "create the class");
        stage.make(GROUP_CLASS, "gone", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
        finds(&stage, "vgs/classless", "ready").await;
    });
}

#[test]
fn claims_of_two_drivers_become_a_group_once_it_selects_those_of_one() {
    story(async {
        let (stage, _both) = set().await;
        let default = json!({"metadata": {"annotations":
            {"groupsnapshot.storage.kubernetes.io/is-default-class": "true"}},
            "driver": DRIVER, "deletionPolicy": "Delete"});
        stage.make(GROUP_CLASS, "default", &default).await;
        let other = json!({"spec": {"csi": {"driver": "b.csi.test"}}});
        stage.change(VOLUME, "volume-of-b", &other).await;
        group(&stage, "g", app("db"), None).await;
        let seen = finds(&stage, "vgs/g", "drivers-differ").await;
        says(&seen, "b.csi.test", "as soon as a claim comes, goes or changes", "those of one driver alone");
        label(&stage, "b", "web").await;
        finds(&stage, "vgs/g", "ready").await;
    });
}

#[test]
fn a_group_is_followed_from_the_first_call_to_the_last() {
    story(async {
        let (stage, _both) = set().await;
        let script = stage.driver.script();
        script.fail(
            Method::CreateVolumeGroupSnapshot,
            Fault::before(Code::ResourceExhausted),
            Times::UntilCleared,
        );
        group(&stage, "g", app("db"), Some("fast")).await;
        let seen = finds(&stage, "vgs/g", "driver-fails").await;
        says(&seen, "scripted failure", "tried again by itself, within ", "read the message");
        finds(&stage, "pvc/a", "claim-protected").await;
        script.clear();
        script.hold(Method::CreateVolumeGroupSnapshot);
        script.readiness(Readiness::Held);
        finds(&stage, "vgs/g", "driver-fails").await;
        script.let_go(Method::CreateVolumeGroupSnapshot);
        let seen = finds(&stage, "vgs/g", "driver-finishes").await;
        says(&seen, "whether the snapshot is ready", "within a minute", "hours");
        script.release();
        finds(&stage, "vgs/g", "ready").await;
        finds(&stage, "pvc/a", "at-rest").await;
        let content = stage.until(GROUP, "g", |it| it["status"]["readyToUse"] == true).await;
        let content = content["status"]["boundVolumeGroupSnapshotContentName"].as_str().unwrap().to_owned();
        finds(&stage, &format!("vgsc/{content}"), "at-rest").await;
        script.hold(Method::DeleteVolumeGroupSnapshot);
        stage.delete(GROUP, "g").await;
        finds(&stage, "vgs/g", "driver-deletes").await;
        finds(&stage, &format!("vgsc/{content}"), "driver-deletes").await;
        script.let_go(Method::DeleteVolumeGroupSnapshot);
        stage.until(GROUP, "g", Value::is_null).await;
        stage.until(GROUP_CONTENT, &content, Value::is_null).await;
        members(&stage, 0).await;
        assert!(stage.driver.snapshots().is_empty());
    });
}
