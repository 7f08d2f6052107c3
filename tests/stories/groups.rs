//! Stories about group snapshots.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use sandbox::driver::{Capabilities, Fault, Method, Readiness, Times};
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::common::cluster::Kind;
use crate::common::stage::{merge, without_groups};
use crate::common::{Stage, story, until};

const GROUP: &str = "groupsnapshot.storage.k8s.io";
const CLASSES: Kind = Kind { group: GROUP, name: "VolumeGroupSnapshotClass", namespace: None };
pub const CONTENTS: Kind = Kind { group: GROUP, name: "VolumeGroupSnapshotContent", namespace: None };
const FINALIZER: &str = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection";
const MARKER: &str = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-created";
const RELEASED: &str = "groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted";

/// A group content on the stage.
pub struct Group {
    contents: Api<DynamicObject>,
    name: String,
    uid: String,
}

impl Stage {
    pub async fn group_class(&self) {
        let class = json!({
            "metadata": {"name": self.name}, "driver": self.name, "deletionPolicy": "Delete",
            "parameters": {"tier": "gold", "csi.storage.k8s.io/group-snapshotter-secret-name": "s"},
        });
        self.cluster.create(&CLASSES, &class).await;
    }

    /// The source of a content for a group that exists in the storage and has no other content under Delete.
    async fn source_given(&self) -> Value {
        let _sidecar = self.sidecar(&[]);
        let made = self.group(json!({"spec": {"deletionPolicy": "Retain"}})).await.ready().await;
        let status = &made["status"];
        let members = status["volumeSnapshotInfoList"].as_array().unwrap();
        let handles: Vec<_> = members.iter().map(|member| member["snapshotHandle"].clone()).collect();
        json!({"spec": {"source": {"volumeHandles": null, "groupSnapshotHandles": {
            "volumeGroupSnapshotHandle": status["volumeGroupSnapshotHandle"], "volumeSnapshotHandles": handles,
        }}}})
    }

    pub async fn group(&self, change: Value) -> Group {
        let uid = Uuid::new_v4().to_string();
        let name = format!("groupsnapcontent-{uid}");
        let mut object = json!({
            "metadata": {"name": name, "finalizers": [FINALIZER]},
            "spec": {
                "driver": self.name, "deletionPolicy": "Delete", "volumeGroupSnapshotClassName": self.name,
                "source": {"volumeHandles": [format!("a-{uid}"), format!("b-{uid}")]},
                "volumeGroupSnapshotRef": {
                    "apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot",
                    "namespace": "default", "name": "group", "uid": uid,
                },
            },
        });
        merge(&mut object, change);
        self.cluster.create(&CONTENTS, &object).await;
        Group { contents: self.cluster.api(&CONTENTS), name, uid }
    }
}

impl Group {
    async fn get(&self) -> Option<Value> {
        let found = self.contents.get_opt(&self.name).await.unwrap()?;
        Some(serde_json::to_value(found).unwrap())
    }

    async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(&format!("the group {what}"), || async { self.get().await.filter(|object| fits(object)) }).await
    }

    pub async fn ready(&self) -> Value {
        self.until("is ready", |object| {
            object["status"]["readyToUse"] == true && object["metadata"]["annotations"][MARKER].is_null()
        })
        .await
    }

    async fn delete(&self) {
        let released = json!({"metadata": {"annotations": {RELEASED: "yes"}}});
        self.contents.patch(&self.name, &PatchParams::default(), &Patch::Merge(released)).await.unwrap();
        self.contents.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    async fn gone(&self) {
        until("the group is gone", || async { self.get().await.is_none().then_some(()) }).await;
    }
}

#[test]
fn a_group_is_taken_recorded_and_deleted_with_its_members() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let _sidecar = stage.sidecar(&["--extra-create-metadata"]);
        let group = stage.group(json!({})).await;
        let ready = group.ready().await;
        let status = &ready["status"];
        assert!(status["volumeGroupSnapshotHandle"].is_string());
        let time = status["creationTime"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-01-01T00:00:00Z".len(), "RFC 3339 here: {time}");
        let members = status["volumeSnapshotInfoList"].as_array().unwrap();
        assert_eq!(members.len(), 2);
        for member in members {
            assert!(member["volumeHandle"].as_str().unwrap().ends_with(&group.uid));
            assert!(member["snapshotHandle"].is_string() && member["creationTime"].is_i64());
            assert_eq!(member["readyToUse"], true);
        }
        let call = stage.call(Method::CreateVolumeGroupSnapshot);
        assert_eq!(call.asked.name, format!("groupsnapshot-{}", group.uid));
        let parameters = serde_json::to_value(&call.asked.parameters).unwrap();
        let sent = json!({
            "tier": "gold",
            "csi.storage.k8s.io/volumegroupsnapshot/name": "group",
            "csi.storage.k8s.io/volumegroupsnapshot/namespace": "default",
            "csi.storage.k8s.io/volumegroupsnapshotcontent/name": group.name,
        });
        assert_eq!(parameters, sent);
        group.delete().await;
        group.gone().await;
        let call = stage.call(Method::DeleteVolumeGroupSnapshot);
        assert_eq!(call.asked.ids.len(), 3, "the group's handle and its members'");
        stage.storage_is_empty();
    });
}

#[test]
fn groups_are_counted_separately_from_single_snapshots() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        stage.driver.script().readiness(Readiness::Held);
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        let group = stage.group(json!({})).await;
        group.until("is taken", |object| object["status"]["readyToUse"] == false).await;
        for line in [
            "csi_snapshotter_contents{kind=\"VolumeGroupSnapshotContent\",state=\"uploading\"} 1",
            "csi_snapshotter_contents{kind=\"VolumeSnapshotContent\",state=\"uploading\"} 0",
            "csi_snapshotter_backlog_age_seconds{kind=\"VolumeSnapshotContent\"} 0",
        ] {
            sidecar.measures(line).await;
        }
        let (_, metrics) = sidecar.page("/metrics").await;
        let age =
            metrics.split_once("csi_snapshotter_backlog_age_seconds{kind=\"VolumeGroupSnapshotContent\"} ");
        let age: f64 = age.unwrap().1.lines().next().unwrap().parse().unwrap();
        assert!(age > 0.0, "{metrics}");
        stage.driver.script().release();
        group.ready().await;
        let took = "csi_snapshotter_time_to_ready_seconds_count{kind=\"VolumeGroupSnapshotContent\"} 1";
        sidecar.measures(took).await;
    });
}

#[test]
fn the_handle_of_a_group_in_doubt_is_learnt_before_the_deletion() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let doubt = Fault::after(Code::Unavailable);
        stage.driver.script().fail(Method::CreateVolumeGroupSnapshot, doubt, Times::Next(1));
        let _sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let group = stage.group(json!({})).await;
        group.until("has an error", |object| object["status"]["error"]["message"].is_string()).await;
        group.delete().await;
        group.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_suspected_orphan_is_counted_by_kind() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let script = stage.driver.script();
        script.fail(Method::CreateVolumeGroupSnapshot, Fault::after(Code::Internal), Times::Next(1));
        script.fail(Method::CreateVolumeGroupSnapshot, Fault::before(Code::NotFound), Times::UntilCleared);
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        let group = stage.group(json!({})).await;
        group.until("has an error", |object| object["status"]["error"]["message"].is_string()).await;
        group.delete().await;
        group.gone().await;
        let given_up = "csi_snapshotter_suspected_orphans_total{kind=\"VolumeGroupSnapshotContent\"} 1";
        sidecar.measures(given_up).await;
        assert_eq!(stage.calls(Method::DeleteVolumeGroupSnapshot), 0);
    });
}

#[test]
fn a_given_group_is_deleted_even_before_the_first_status() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let given = stage.source_given().await;
        let group = stage.group(given).await;
        group.delete().await;
        let _sidecar = stage.sidecar(&[]);
        group.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn a_given_group_that_is_not_ready_is_polled_without_a_write() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let given = stage.source_given().await;
        let handle = &given["spec"]["source"]["groupSnapshotHandles"]["volumeGroupSnapshotHandle"];
        stage.driver.script().withhold(true);
        let group = stage.group(given.clone()).await;
        let _sidecar = stage.sidecar(&[]);
        let unready = group.until("is found", |object| object["status"]["readyToUse"] == false).await;
        stage.calls_reach(Method::GetVolumeGroupSnapshot, 3).await;
        let later = group.get().await.unwrap();
        assert_eq!(later["metadata"]["resourceVersion"], unready["metadata"]["resourceVersion"]);
        stage.driver.script().withhold(false);
        assert_eq!(&group.ready().await["status"]["volumeGroupSnapshotHandle"], handle);
    });
}

#[test]
fn single_snapshots_work_without_the_gate_or_the_capability_for_groups() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let sidecar = stage.sidecar(&["--feature-gates=CSIVolumeGroupSnapshot=false"]);
        let group = stage.group(json!({})).await;
        stage.content(json!({})).await.ready().await;
        assert!(group.get().await.unwrap()["status"].is_null());
        assert_eq!(stage.calls(Method::GroupControllerGetCapabilities), 0);
        drop(sidecar);

        let stage = Stage::with(without_groups()).await;
        let _sidecar = stage.sidecar(&[]);
        stage.content(json!({})).await.ready().await;
    });
}

#[test]
fn groups_are_served_after_an_upgrade_adds_the_capability() {
    story(async {
        let mut stage = Stage::with(without_groups()).await;
        stage.group_class().await;
        let sidecar = stage.sidecar(&[]);
        let group = stage.group(json!({})).await;
        let single = stage.content(json!({})).await;
        single.ready().await;
        single.delete().await;
        single.gone().await;
        assert!(group.get().await.unwrap()["status"].is_null());
        stage.driver.kill().await;
        stage.driver.script().capabilities(Capabilities::default());
        stage.driver.restart().await.unwrap();
        group.ready().await;
        sidecar.says("the driver takes group snapshots now").await;
        group.delete().await;
        group.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn groups_wait_while_the_driver_lacks_the_capability() {
    story(async {
        let mut stage = Stage::set().await;
        stage.group_class().await;
        let doubt = Fault::after(Code::Unavailable);
        stage.driver.script().fail(Method::CreateVolumeGroupSnapshot, doubt, Times::UntilCleared);
        // With this retry interval the workers are idle when the driver loses the capability.
        let sidecar = stage.sidecar(&["--retry-interval-start=1h", "--retry-interval-max=1h"]);
        let in_doubt = stage.group(json!({})).await;
        in_doubt.until("has an error", |object| object["status"]["error"]["message"].is_string()).await;

        stage.driver.kill().await;
        stage.driver.script().clear();
        stage.driver.script().capabilities(without_groups().capabilities);
        stage.driver.clear_calls();
        stage.driver.restart().await.unwrap();
        sidecar.says("the driver takes no group snapshots any more").await;
        let new = stage.group(json!({})).await;
        in_doubt.delete().await;
        // A single snapshot lives and dies meanwhile, so there was time for passes over the groups.
        let single = stage.content(json!({})).await;
        single.ready().await;
        single.delete().await;
        single.gone().await;
        assert_eq!(stage.calls(Method::CreateVolumeGroupSnapshot), 0);
        let waiting = new.get().await.unwrap();
        assert!(waiting["status"].is_null() && waiting["metadata"]["annotations"].is_null(), "{waiting}");
        if let Some(requests) = stage.requests_about(&new.name) {
            assert_eq!(requests, [""; 0]);
        }
        assert!(in_doubt.get().await.is_some(), "a group that may exist is not forgotten");

        stage.driver.kill().await;
        stage.driver.script().capabilities(Capabilities::default());
        stage.driver.restart().await.unwrap();
        in_doubt.gone().await;
        new.ready().await;
        new.delete().await;
        new.gone().await;
        stage.storage_is_empty();
    });
}

#[test]
fn groups_start_by_themselves_when_their_crds_are_installed() {
    story(async {
        let Some(stage) = Stage::set_bare().await else {
            eprintln!("skipped: a real cluster's CRDs are not removed for a test");
            return;
        };
        stage.install_crds(&["snapshot.storage.k8s.io"]);
        stage.make_class(&stage.name, &json!({})).await;
        let sidecar = stage.sidecar(&["--http-endpoint=127.0.0.1:0"]);
        stage.content(json!({})).await.ready().await;
        sidecar.says("volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io").await;
        sidecar.page_is("/readyz", 200).await;
        stage.install_crds(&[GROUP]);
        stage.group_class().await;
        stage.group(json!({})).await.ready().await;
        sidecar.says("groupsnapshot.storage.k8s.io: all kinds can be watched now").await;
        let log = sidecar.log();
        assert_eq!(log.lines().filter(|line| line.contains("not installed")).count(), 1, "{log}");
    });
}

#[test]
fn rights_that_are_lost_and_restored_are_logged_once_each() {
    story(async {
        let stage = Stage::set_apart().await;
        let Some(server) = &stage.cluster.sandbox else {
            eprintln!("skipped: a real cluster's rights are not taken for a test");
            return;
        };
        stage.group_class().await;
        let sidecar = stage.sidecar(&[]);
        stage.group(json!({})).await.ready().await;
        let roles = stage.cluster.api(&Kind {
            group: "rbac.authorization.k8s.io",
            name: "ClusterRole",
            namespace: None,
        });
        let granted = roles.get("csi-snapshotter").await.unwrap();
        let all = granted.data["rules"].as_array().unwrap();
        let of_others: Vec<_> = all.iter().filter(|rule| rule["apiGroups"] != json!([GROUP])).collect();
        let set = async |rules: Value| {
            let merge = Patch::Merge(json!({ "rules": rules }));
            roles.patch("csi-snapshotter", &PatchParams::default(), &merge).await.unwrap();
        };
        set(json!(of_others)).await;
        server.drop_watches();
        server.compact();
        sidecar.says("no right to list and watch").await;
        stage.content(json!({})).await.ready().await;
        set(json!(all)).await;
        sidecar.says("all kinds can be watched now").await;
        stage.group(json!({})).await.ready().await;
        let log = sidecar.log();
        assert_eq!(log.lines().filter(|line| line.contains("no right to list")).count(), 1, "{log}");
    });
}

#[test]
fn a_member_that_a_backup_tool_imports_to_delete_it_is_told_of_because_it_stays() {
    story(async {
        let stage = Stage::set().await;
        stage.group_class().await;
        let source = stage.source_given().await;
        let member =
            source["spec"]["source"]["groupSnapshotHandles"]["volumeSnapshotHandles"][0].as_str().unwrap();
        let _sidecar = stage.sidecar(&[]);
        let content = stage.given(member, json!({"spec": {"volumeSnapshotRef": {"uid": null}}})).await;
        let known = content.ready().await;
        assert!(known["status"]["volumeGroupSnapshotHandle"].is_string(), "the driver says so");
        content.delete_only().await;
        content.gone().await;
        let event = content.event("SnapshotMayBeOrphaned").await;
        assert!(event["message"].as_str().unwrap().contains(member), "{event}");
        assert!(stage.driver.snapshots().iter().any(|stored| stored.id == member));
    });
}
