//! What is said to users who may not read everything.

use serde_json::{Value, json};

use super::finds;
use crate::common::{CONTENT, NAMESPACE, SNAPSHOT, Stage, story};

/// Lets a user read these kinds of the snapshot group, and all that is not of that group.
fn let_read(stage: &Stage, user: &str, resources: &[&str]) {
    let rules = json!([
        {"apiGroups": ["snapshot.storage.k8s.io"], "resources": resources, "verbs": ["get", "list"]},
        {"apiGroups": ["", "coordination.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
    ]);
    let group = "rbac.authorization.k8s.io";
    let metadata = json!({ "name": user });
    let version = format!("{group}/v1");
    let role = json!({"apiVersion": version, "kind": "ClusterRole", "metadata": metadata, "rules": rules});
    let binding = json!({"apiVersion": version, "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"kind": "User", "name": user, "apiGroup": group}]});
    for object in [role, binding] {
        stage.server.create(&object).unwrap();
    }
}

#[test]
fn a_class_that_may_not_be_read_is_not_taken_for_a_missing_one() {
    story(async {
        let stage = Stage::set().await;
        let _controller = stage.controller();
        let snapshot = stage.snapshot("s").await;
        let content = format!("vsc/snapcontent-{}", snapshot["metadata"]["uid"].as_str().unwrap());
        finds(&stage, "s", "sidecar-acts").await;
        finds(&stage, &content, "sidecar-acts").await;
        let_read(&stage, "jane", &["volumesnapshots", "volumesnapshotcontents"]);
        for name in ["s", &content] {
            let answer = stage.ask(&["why", name, "-n", NAMESPACE, "--as", "jane", "-o", "json"]).await;
            let seen: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
            assert_eq!(seen["finding"], "cannot-tell", "{seen:#}");
            assert!(answer.out.contains("grant `get` on `volumesnapshotclasses"), "{answer:?}");
        }
        let _sidecar = stage.sidecar();
        finds(&stage, "s", "ready").await;
        let answer = stage.ask(&["why", "s", "-n", NAMESPACE, "--as", "jane"]).await;
        assert_eq!(answer.code, 0, "what is ready needs no class: {answer:?}");
    });
}

#[test]
fn a_user_who_may_not_read_contents_is_told_by_the_status_alone() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
        stage.allow("jane", "volumesnapshots", "get");
        let answer = stage.ask(&["why", "s", "-n", NAMESPACE, "--as", "jane"]).await;
        assert_eq!(answer.code, 0, "{answer:?}");
        for part in ["its status says that it is ready to use", "grant `get` on `volumesnapshotcontents"] {
            assert!(answer.out.contains(part), "{answer:?}");
        }
        stage.allow("joe", "volumesnapshots", "list");
        let listed = stage.ask(&["list", "-n", NAMESPACE, "--as", "joe"]).await;
        let row = listed.out.lines().nth(1).unwrap();
        assert!(row.contains("true") && row.contains(" - "), "{listed:?}");
    });
}

#[test]
fn a_content_that_is_deleted_beneath_its_snapshot_waits_for_that() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        let snapshot = stage.snapshot("s").await;
        finds(&stage, "s", "ready").await;
        let content = format!("snapcontent-{}", snapshot["metadata"]["uid"].as_str().unwrap());
        stage.delete(CONTENT, &content).await;
        let seen = finds(&stage, &format!("vsc/{content}"), "content-kept").await;
        assert!(seen["waits"].as_str().unwrap().contains("team/s"), "{seen:#}");
        // What the remedy says.
        stage.delete(SNAPSHOT, "s").await;
        stage.until(SNAPSHOT, "s", Value::is_null).await;
        stage.until(CONTENT, &content, Value::is_null).await;
    });
}
