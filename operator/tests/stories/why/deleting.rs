//! What a deletion waits for.

use serde_json::{Value, json};
use tonic::Code;

use sandbox::driver::{Fault, Method, Times};

use super::driver::content_of;
use super::{finds, says};
use crate::common::{CLAIM, CONTENT, NAMESPACE, SNAPSHOT, Stage, story};

#[test]
fn a_deletion_waits_for_a_restore_for_the_finalizers_of_others_and_for_the_driver() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        for name in ["source", "held", "stuck"] {
            stage.snapshot(name).await;
            stage.until(SNAPSHOT, name, |it| it["status"]["readyToUse"] == true).await;
        }
        let mut restore = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
            "dataSource": {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "source"}}});
        restore["metadata"]["annotations"] =
            json!({"volume.kubernetes.io/storage-provisioner": "a.csi.test"});
        stage.make(CLAIM, "restored", &restore).await;
        stage.change_status(CLAIM, "restored", &json!({"phase": "Pending"})).await;
        stage.delete(SNAPSHOT, "source").await;
        let seen = finds(&stage, "source", "waits-for-restore").await;
        assert!(seen["waits"].as_str().unwrap().contains("restored"), "{seen:#}");

        stage.driver.script().fail(
            Method::DeleteSnapshot,
            Fault::before(Code::FailedPrecondition),
            Times::UntilCleared,
        );
        stage.delete(SNAPSHOT, "stuck").await;
        finds(&stage, "stuck", "deletion-fails").await;
        stage.driver.script().clear();
        stage.until(SNAPSHOT, "stuck", Value::is_null).await;
        // The restore ends.
        stage.change_status(CLAIM, "restored", &json!({"phase": "Bound"})).await;
        stage.until(SNAPSHOT, "source", Value::is_null).await;

        let held = stage.until(SNAPSHOT, "held", |_| true).await;
        let mut finalizers = held["metadata"]["finalizers"].as_array().unwrap().clone();
        finalizers.push("example.com/backup".into());
        stage.change(SNAPSHOT, "held", &json!({"metadata": {"finalizers": finalizers}})).await;
        stage.delete(SNAPSHOT, "held").await;
        let seen = finds(&stage, "held", "foreign-finalizer").await;
        says(&seen, "the finalizers example.com/backup", "as soon as they are taken off", "whose finalizer");
        stage.change(SNAPSHOT, "held", &json!({"metadata": {"finalizers": null}})).await;
        stage.until(SNAPSHOT, "held", Value::is_null).await;
    });
}

#[test]
fn a_content_and_a_claim_that_others_keep_name_them() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.snapshot("s").await;
        let content = content_of(&stage, "s").await;
        finds(&stage, "s", "ready").await;
        let held = stage.until(CONTENT, &content, |_| true).await["metadata"]["finalizers"].clone();
        let finalizers = [held.as_array().unwrap().clone(), vec!["example.com/backup".into()]].concat();
        stage.change(CONTENT, &content, &json!({"metadata": {"finalizers": finalizers}})).await;
        stage.delete(SNAPSHOT, "s").await;
        for target in ["s", &format!("vsc/{content}")] {
            let seen = finds(&stage, target, "foreign-finalizer").await;
            says(
                &seen,
                "the finalizers example.com/backup",
                "as soon as they are taken off",
                "whose finalizer",
            );
        }
        assert!(stage.driver.snapshots().is_empty());
        stage.change(CONTENT, &content, &json!({"metadata": {"finalizers": null}})).await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.change(CLAIM, "data", &json!({"metadata": {"finalizers": ["example.com/backup"]}})).await;
        stage.delete(CLAIM, "data").await;
        let seen = finds(&stage, "pvc/data", "foreign-finalizer").await;
        says(&seen, "the finalizers example.com/backup", "as soon as they are taken off", "whose finalizer");
    });
}

#[test]
fn a_claim_is_kept_while_a_snapshot_of_it_is_taken() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().hold(Method::CreateSnapshot);
        stage.snapshot("s").await;
        let seen = finds(&stage, "pvc/data", "claim-protected").await;
        assert!(seen["waits"].as_str().unwrap().contains("team/s"), "{seen:#}");
        finds(&stage, "s", "driver-takes").await;
        stage.driver.script().let_go(Method::CreateSnapshot);
        finds(&stage, "s", "ready").await;
    });
}

#[test]
fn a_snapshot_of_a_claim_that_is_being_deleted_cannot_be_taken() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let held = json!({"metadata": {"finalizers": ["example.com/backup"]}});
        stage.change(CLAIM, "data", &held).await;
        stage.delete(CLAIM, "data").await;
        stage.snapshot("late").await;
        let seen = finds(&stage, "late", "claim-deleting").await;
        says(&seen, "team/data", "nothing, until its owner", "delete the snapshot");
        stage.delete(SNAPSHOT, "late").await;
        stage.until(SNAPSHOT, "late", Value::is_null).await;
    });
}

#[test]
fn a_content_whose_snapshot_is_gone_says_so() {
    story(async {
        let stage = Stage::set().await;
        let controller = stage.controller();
        let _sidecar = stage.sidecar();
        stage.until_led().await;
        stage.snapshot("s").await;
        let seen = stage.until(SNAPSHOT, "s", |it| it["status"]["readyToUse"] == true).await;
        let content = seen["status"]["boundVolumeSnapshotContentName"].as_str().unwrap().to_owned();
        drop(controller);
        stage.change(SNAPSHOT, "s", &json!({"metadata": {"finalizers": null}})).await;
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", serde_json::Value::is_null).await;
        stage.change(CONTENT, &content, &json!({"spec": {"deletionPolicy": "Retain"}})).await;
        let seen = finds(&stage, &format!("vsc/{content}"), "content-without-owner").await;
        says(&seen, "team/s", "", "delete the content if nobody needs it");
        let _controller = stage.controller();
        stage.delete(CONTENT, &content).await;
        stage.until(CONTENT, &content, Value::is_null).await;
        assert_eq!(stage.driver.snapshots().len(), 1, "the policy is Retain");
    });
}

#[test]
fn a_group_that_may_not_be_read_is_not_taken_for_one_that_is_gone() {
    story(async {
        let stage = Stage::set().await;
        let both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.snapshot("member").await;
        stage.until(SNAPSHOT, "member", |it| it["status"]["readyToUse"] == true).await;
        drop(both);
        let owner = json!({"apiVersion": "groupsnapshot.storage.k8s.io/v1", "kind": "VolumeGroupSnapshot", "name": "group",
            "uid": "of-group"});
        stage.change(SNAPSHOT, "member", &json!({"metadata": {"ownerReferences": [owner]}})).await;
        stage.delete(SNAPSHOT, "member").await;
        let metadata = json!({"name": "jane"});
        let rules = json!([
            {"apiGroups": ["snapshot.storage.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
            {"apiGroups": ["", "coordination.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
        ]);
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata,
            "rules": rules});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "jane"},
            "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]});
        for object in [role, binding] {
            stage.server.create(&object).unwrap();
        }
        let answer = stage.ask(&["why", "member", "-n", NAMESPACE, "--as", "jane", "-o", "json"]).await;
        let seen: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
        assert_eq!(seen["finding"], "cannot-tell", "{seen:#}");
        assert!(answer.out.contains("grant `get` on `volumegroupsnapshots"), "{answer:?}");
    });
}
