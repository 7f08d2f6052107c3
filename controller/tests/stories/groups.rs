//! Group snapshots: from a selector to members that are ready, and back.

use sandbox::api::Options;
use serde_json::{Value, json};

use crate::common::{
    CLAIM, CLAIM_FINALIZER, CONTENT, DRIVER, GROUP, GROUP_CLASS, GROUP_CONTENT, SNAPSHOT, Stage,
    has_finalizer, in_sandbox, story,
};

const GROUP_BOUND: &str = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection";
const GROUP_HELD: &str = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection";
pub const GROUP_RELEASED: &str = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted";
const IN_GROUP: &str = "snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection";
const AS_SOURCE: &str = "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection";
pub const PATIENT: [&str; 2] = ["--retry-interval-start=30m", "--retry-interval-max=30m"];

/// A cluster with a class of this policy and the claims `a` and `b` of the application `db`.
pub async fn set(policy: &str) -> Stage {
    let stage = Stage::bare().await;
    stage
        .make(
            GROUP_CLASS,
            "fast",
            &json!({"driver": DRIVER, "deletionPolicy": policy, "parameters": {
                "csi.storage.k8s.io/group-snapshotter-secret-name": "${volumegroupsnapshot.name}",
                "csi.storage.k8s.io/group-snapshotter-secret-namespace": "${volumegroupsnapshot.namespace}",
            }}),
        )
        .await;
    for (claim, tier) in [("a", "hot"), ("b", "cold")] {
        stage.make_claim(claim, DRIVER).await;
        stage.change(CLAIM, claim, &json!({"metadata": {"labels": {"app": "db", "tier": tier}}})).await;
    }
    stage
}

/// A group snapshot with this selector; itself, and the name that its content has.
pub async fn group(stage: &Stage, selector: Value) -> (Value, String) {
    let spec = json!({"source": {"selector": selector}, "volumeGroupSnapshotClassName": "fast"});
    let group = stage.make(GROUP, "g", &json!({ "spec": spec })).await;
    let content = format!("groupsnapcontent-{}", group["metadata"]["uid"].as_str().unwrap());
    (group, content)
}

pub fn app() -> Value {
    json!({"matchLabels": {"app": "db"}})
}

/// What a sidecar does: says that the group of a content is taken.
pub async fn take(stage: &Stage, content: &Value, ready: bool) {
    let handles = content["spec"]["source"]["volumeHandles"].as_array().unwrap();
    let members: Vec<Value> = handles
        .iter()
        .map(|handle| {
            json!({
                "volumeHandle": handle, "snapshotHandle": format!("snapshot-of-{}", handle.as_str().unwrap()),
                "creationTime": 1_767_225_600_000_000_000_i64, "readyToUse": ready, "restoreSize": 1 << 30,
            })
        })
        .collect();
    let status = json!({
        "volumeGroupSnapshotHandle": "group-handle", "readyToUse": ready, "creationTime": "2026-01-01T00:00:00Z",
        "volumeSnapshotInfoList": members,
    });
    stage.change_status(GROUP_CONTENT, content["metadata"]["name"].as_str().unwrap(), &status).await;
}

/// The members of a group, once there are two that are as wanted, in order of their claims.
pub async fn members(stage: &Stage, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut members =
        stage.until_some(SNAPSHOT, |all| all.iter().filter(|member| wanted(member)).count() == 2).await;
    members.sort_by_key(|member| member["spec"]["source"]["persistentVolumeClaimName"].to_string());
    members
}

/// A group of two that is ready, with its members; the name of its content.
pub async fn ready(stage: &Stage) -> String {
    let (_, name) = group(stage, app()).await;
    let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
    take(stage, &content, true).await;
    stage.until(GROUP, "g", |group| group["status"]["readyToUse"] == true).await;
    members(stage, |member| member["status"]["readyToUse"] == true).await;
    name
}

/// The warnings about an object.
pub async fn warnings(stage: &Stage, name: &str) -> Vec<Value> {
    stage.events(name).await.into_iter().filter(|event| event["type"] == "Warning").collect()
}

#[test]
fn a_group_of_two_claims_and_its_members_become_ready_within_sixteen_writes() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let (group, name) = group(&stage, app()).await;
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        let held = stage.get(GROUP, "g").await.unwrap();
        assert!(has_finalizer(&held, GROUP_BOUND), "before its content exists");
        for claim in ["a", "b"] {
            assert!(has_finalizer(&stage.get(CLAIM, claim).await.unwrap(), CLAIM_FINALIZER), "{claim}");
        }
        assert!(has_finalizer(&content, GROUP_HELD), "in the first request");
        assert_eq!(content["spec"]["source"]["volumeHandles"], json!(["handle-of-a", "handle-of-b"]));
        assert_eq!(content["spec"]["volumeGroupSnapshotRef"]["uid"], group["metadata"]["uid"]);
        let annotations = &content["metadata"]["annotations"];
        assert_eq!(annotations["groupsnapshot.storage.kubernetes.io/deletion-secret-name"], "g");
        assert_eq!(annotations["groupsnapshot.storage.kubernetes.io/deletion-secret-namespace"], "team");
        stage.event("g", "CreatingGroupSnapshot").await;
        take(&stage, &content, true).await;
        let ready = stage.until(GROUP, "g", |group| group["status"]["readyToUse"] == true).await;
        assert_eq!(ready["status"]["boundVolumeGroupSnapshotContentName"], name);
        assert_eq!(ready["status"]["creationTime"], "2026-01-01T00:00:00Z");
        for reason in ["GroupSnapshotCreated", "GroupSnapshotReady"] {
            stage.event("g", reason).await;
        }
        let members = members(&stage, |member| member["status"]["volumeGroupSnapshotName"] == "g").await;
        for (member, claim) in members.iter().zip(["a", "b"]) {
            check_member(&stage, &group, member, claim).await;
            stage.until(CLAIM, claim, |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        }
        assert!(warnings(&stage, "g").await.is_empty());
        let writes = stage.writes();
        assert!(writes.len() <= 16, "four for each member, two for each claim: {writes:#?}");
    });
}

async fn check_member(stage: &Stage, group: &Value, member: &Value, claim: &str) {
    let metadata = &member["metadata"];
    let suffix = metadata["name"].as_str().unwrap().strip_prefix("snapshot-").unwrap();
    assert!(suffix.len() == 64 && suffix.chars().all(|c| c.is_ascii_hexdigit()), "{suffix}");
    assert_eq!(member["spec"]["source"]["persistentVolumeClaimName"], claim);
    assert_eq!(metadata["ownerReferences"][0]["uid"], group["metadata"]["uid"]);
    assert_eq!(metadata["finalizers"], json!([IN_GROUP, AS_SOURCE]));
    assert_eq!(member["status"]["readyToUse"], true);
    assert_eq!(member["status"]["restoreSize"], "1Gi");
    let content = stage.get(CONTENT, &format!("snapcontent-{suffix}")).await.unwrap();
    assert_eq!(member["status"]["boundVolumeSnapshotContentName"], content["metadata"]["name"]);
    assert_eq!(content["spec"]["volumeSnapshotRef"]["uid"], metadata["uid"]);
    assert_eq!(content["spec"]["source"]["volumeHandle"], format!("handle-of-{claim}"));
    assert_eq!(content["spec"]["sourceVolumeMode"], "Filesystem");
    assert_eq!(content["status"]["snapshotHandle"], format!("snapshot-of-handle-of-{claim}"));
    assert_eq!(content["status"]["volumeGroupSnapshotHandle"], "group-handle");
    let annotations = &content["metadata"]["annotations"];
    assert_eq!(annotations["groupsnapshot.storage.k8s.io/volumeGroupSnapshotHandle"], "group-handle");
    assert_eq!(annotations["snapshot.storage.kubernetes.io/deletion-secret-name"], "g");
}

#[test]
fn members_that_have_become_ready_stay_so_while_their_group_is_looked_at() {
    in_sandbox("a real API server does not tell which requests were made", async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&[]);
        let (_, name) = group(&stage, app()).await;
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        take(&stage, &content, false).await;
        let all = members(&stage, |member| member["status"]["readyToUse"] == false).await;
        let first = all[0]["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        stage.change_status(CONTENT, first, &json!({"readyToUse": true})).await;
        let member = all[0]["metadata"]["name"].as_str().unwrap();
        stage.until(SNAPSHOT, member, |member| member["status"]["readyToUse"] == true).await;
        stage.server().clear_requests();
        for number in 0..5 {
            let note = json!({"metadata": {"labels": {"note": number.to_string()}}});
            stage.change(CLAIM, "a", &note).await;
        }
        take(&stage, &content, true).await;
        stage.until(GROUP, "g", |group| group["status"]["readyToUse"] == true).await;
        let writes = stage.writes();
        let written = writes.iter().filter(|write| write.contains(first));
        assert_eq!(written.count(), 0, "its content is the sidecar's by now");
    });
}

#[test]
fn groups_that_are_switched_off_are_left_alone_and_so_is_a_content_with_a_group_handle() {
    story(async {
        let stage = set("Delete").await;
        stage.make(crate::common::CLASS, "fast", &crate::common::class(DRIVER)).await;
        stage.make_claim("data", DRIVER).await;
        let _controller = stage.controller(&["--feature-gates=CSIVolumeGroupSnapshot=false"]);
        group(&stage, app()).await;
        let snapshot = stage.snapshot("s", "data").await;
        let content = stage.content_of(&snapshot).await;
        let content = content["metadata"]["name"].as_str().unwrap();
        stage.change_status(CONTENT, content, &json!({"volumeGroupSnapshotHandle": "group-handle"})).await;
        stage.take(content).await;
        let ready = stage.until(SNAPSHOT, "s", |snapshot| snapshot["status"]["readyToUse"] == true).await;
        assert!(ready["status"]["volumeGroupSnapshotName"].is_null());
        let group = stage.get(GROUP, "g").await.unwrap();
        assert!(group["status"].is_null() && group["metadata"]["finalizers"].is_null(), "{group}");
    });
}

#[test]
fn an_empty_selector_takes_nothing_and_says_so() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let (_, content) = group(&stage, json!({})).await;
        let event = stage.event("g", "GroupSnapshotContentCreationFailed").await;
        assert!(event["message"].as_str().unwrap().contains("the selector is empty"), "{event}");
        let group = stage.until(GROUP, "g", |group| group["status"]["error"].is_object()).await;
        assert_eq!(group["status"]["error"]["message"], event["message"]);
        assert!(stage.get(GROUP_CONTENT, &content).await.is_none());
        stage.delete(GROUP, "g").await;
        stage.until_gone(GROUP, "g").await;
    });
}

#[test]
fn the_whole_selector_counts_and_a_claim_that_comes_to_fit_wakes_the_group() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let selector = json!({
            "matchLabels": {"app": "db"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["warm"]}],
        });
        let (_, name) = group(&stage, selector).await;
        let event = stage.event("g", "GroupSnapshotContentCreationFailed").await;
        assert!(event["message"].as_str().unwrap().contains("app=db,tier in (warm)"), "{event}");
        stage.change(CLAIM, "b", &json!({"metadata": {"labels": {"tier": "warm"}}})).await;
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        assert_eq!(content["spec"]["source"]["volumeHandles"], json!(["handle-of-b"]));
    });
}

#[test]
fn members_are_made_although_the_class_has_gone_after_the_cut() {
    story(async {
        let stage = set("Delete").await;
        let _controller = stage.controller(&PATIENT);
        let (_, name) = group(&stage, app()).await;
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        stage.delete(GROUP_CLASS, "fast").await;
        take(&stage, &content, true).await;
        stage.until(GROUP, "g", |group| group["status"]["readyToUse"] == true).await;
        members(&stage, |member| member["status"]["readyToUse"] == true).await;
        assert!(warnings(&stage, "g").await.is_empty());
    });
}

#[test]
fn a_member_whose_claim_is_not_there_is_told_and_made_once_it_is() {
    story(async {
        let stage = set("Delete").await;
        let controller = stage.controller(&PATIENT);
        let (_, name) = group(&stage, app()).await;
        let content = stage.until(GROUP_CONTENT, &name, |_| true).await;
        drop(controller);
        let holder = json!({"spec": {"claimRef": null}});
        stage.change(crate::common::VOLUME, "volume-of-b", &holder).await;
        take(&stage, &content, true).await;
        let _controller = stage.controller(&PATIENT);
        let event = stage.event("g", "GroupSnapshotContentCreationFailed").await;
        assert!(event["message"].as_str().unwrap().contains("handle-of-b"), "{event}");
        let group = stage.until(GROUP, "g", |group| group["status"]["error"].is_object()).await;
        assert_eq!(group["status"]["readyToUse"], true, "the data is there");
        let holder = json!({"spec": {"claimRef": {"namespace": "team", "name": "b"}}});
        stage.change(crate::common::VOLUME, "volume-of-b", &holder).await;
        members(&stage, |member| member["status"]["readyToUse"] == true).await;
        stage.until(GROUP, "g", |group| group["status"]["error"].is_null()).await;
    });
}

#[test]
fn an_imported_group_is_bound_and_its_members_learn_to_whom_they_belong() {
    story(async {
        let stage = Stage::bare().await;
        let _controller = stage.controller(&PATIENT);
        let member = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Retain", "source": {"snapshotHandle": "h"},
            "volumeSnapshotRef": {"namespace": "team", "name": "m"},
        }});
        stage.make(CONTENT, "m", &member).await;
        let spec = json!({"source": {"volumeSnapshotContentName": "m"}});
        stage.make(SNAPSHOT, "m", &json!({ "spec": spec })).await;
        stage.take("m").await;
        stage.change_status(CONTENT, "m", &json!({"volumeGroupSnapshotHandle": "group-handle"})).await;
        let alone = stage.until(SNAPSHOT, "m", |member| member["status"]["readyToUse"] == true).await;
        assert!(alone["status"]["volumeGroupSnapshotName"].is_null(), "it needs no group");
        let content = json!({"spec": {
            "driver": DRIVER, "deletionPolicy": "Retain",
            "source": {"groupSnapshotHandles": {
                "volumeGroupSnapshotHandle": "group-handle", "volumeSnapshotHandles": ["h"],
            }},
            "volumeGroupSnapshotRef": {"namespace": "team", "name": "g"},
        }});
        stage.make(GROUP_CONTENT, "by-hand", &content).await;
        let spec = json!({"source": {"volumeGroupSnapshotContentName": "by-hand"}});
        let group = stage.make(GROUP, "g", &json!({ "spec": spec })).await;
        let content =
            stage.until(GROUP_CONTENT, "by-hand", |content| has_finalizer(content, GROUP_HELD)).await;
        assert_eq!(content["spec"]["volumeGroupSnapshotRef"]["uid"], group["metadata"]["uid"]);
        let joined =
            stage.until(SNAPSHOT, "m", |member| member["metadata"]["ownerReferences"].is_array()).await;
        assert_eq!(joined["status"]["volumeGroupSnapshotName"], "g");
        assert_eq!(joined["metadata"]["ownerReferences"][0]["uid"], group["metadata"]["uid"]);
    });
}

#[test]
fn group_kinds_that_are_not_installed_leave_lone_snapshots_alone_and_come_on_by_themselves() {
    in_sandbox("a real cluster's CRDs are not removed for a test", async {
        let stage = Stage::on(Options { install_crds: false, ..Options::default() }).await;
        stage.install("snapshot.storage.k8s.io");
        stage.make(crate::common::CLASS, "fast", &crate::common::class(DRIVER)).await;
        stage.make_claim("data", DRIVER).await;
        let _controller = stage.controller(&[]);
        let content = stage.ready("s").await;
        // One that belonged to a group elsewhere is imported, and one is deleted.
        stage.change_status(CONTENT, &content, &json!({"volumeGroupSnapshotHandle": "gone"})).await;
        stage.until(CLAIM, "data", |claim| !has_finalizer(claim, CLAIM_FINALIZER)).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until(CONTENT, &content, |it| !it["metadata"]["deletionTimestamp"].is_null()).await;
        stage.let_go(&content).await;
        stage.until_gone(SNAPSHOT, "s").await;
        stage.install("groupsnapshot.storage.k8s.io");
        stage.make(GROUP_CLASS, "fast", &crate::common::class(DRIVER)).await;
        stage.change(CLAIM, "data", &json!({"metadata": {"labels": {"app": "db"}}})).await;
        let (_, name) = group(&stage, app()).await;
        stage.until(GROUP_CONTENT, &name, |_| true).await;
    });
}

#[test]
fn a_group_and_an_older_snapshot_of_one_name_are_both_taken() {
    story(async {
        let stage = set("Delete").await;
        stage.make(crate::common::CLASS, "fast", &crate::common::class(DRIVER)).await;
        stage.make_claim("data", DRIVER).await;
        let snapshot = stage.snapshot("g", "data").await;
        let (_, name) = group(&stage, app()).await;
        let _controller = stage.controller(&PATIENT);
        stage.content_of(&snapshot).await;
        stage.until(GROUP_CONTENT, &name, |_| true).await;
    });
}
