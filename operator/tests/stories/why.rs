//! `kubectl snapshots why`, in states that both programs and the driver really brought about.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tonic::Code;

use sandbox::driver::{Fault, Method, Times};

use crate::common::{
    CLAIM, CLASS, CONTENT, DRIVER, LEASE, NAMESPACE, SIDECAR_LEASE, SNAPSHOT, Stage, VOLUME, story,
};

mod bound;
mod deleting;
mod driver;
mod groups;
mod members;
mod reads;
mod reference;
mod rights;
mod told;

/// The answer as data, with its exit code.
async fn why(stage: &Stage, name: &str) -> (i32, Value) {
    let answer = stage.ask(&["why", name, "-n", NAMESPACE, "-o", "json"]).await;
    let data = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{name}: {answer:?}"));
    (answer.code, data)
}

/// Asks until something is found: the programs may be on their way.
async fn finds(stage: &Stage, name: &str, expected: &str) -> Value {
    let end = Instant::now() + crate::common::PATIENCE;
    loop {
        let (code, data) = why(stage, name).await;
        if data["finding"] == expected {
            let is_well = ["ready", "at-rest", "stale-error"].contains(&expected);
            let exit = if expected == "cannot-tell" { 2 } else { i32::from(!is_well) };
            assert_eq!(code, exit, "{data:#}");
            return data;
        }
        assert!(Instant::now() < end, "{name} is not {expected}: {data:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Holds what an answer says: words of the sentence, of what happens next, and of what one can do.
fn says(seen: &Value, waits: &str, next: &str, remedy: &str) {
    for (field, words) in [("waits", waits), ("next", next), ("remedy", remedy)] {
        let said = seen[field].as_str().unwrap_or_default();
        assert!(said.contains(words), "{field} has not {words:?}: {seen:#}");
    }
}

async fn take(stage: &Stage, name: &str, claim: &str, class: Option<&str>) {
    let mut spec = json!({"source": {"persistentVolumeClaimName": claim}});
    if let Some(class) = class {
        spec["volumeSnapshotClassName"] = class.into();
    }
    stage.make(SNAPSHOT, name, &json!({ "spec": spec })).await;
}

#[test]
fn a_ready_snapshot_is_ready_and_an_old_error_is_called_old() {
    story(async {
        let stage = Stage::set().await;
        let both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.snapshot("s").await;
        let seen = finds(&stage, "s", "ready").await;
        assert_eq!(seen["turn"], "nobody");
        let bound = stage.until(SNAPSHOT, "s", |it| it["status"]["readyToUse"] == true).await;
        let content = bound["status"]["boundVolumeSnapshotContentName"].as_str().unwrap();
        finds(&stage, &format!("vsc/{content}"), "at-rest").await;
        finds(&stage, "pvc/data", "at-rest").await;
        let begun = Instant::now();
        let answer = stage.ask(&["why", "s", "-n", NAMESPACE]).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        for words in ["VolumeSnapshot team/s: ready", "├─ VolumeSnapshotClass fast", "Turn:     nobody"] {
            assert!(answer.out.contains(words), "{}", answer.out);
        }
        let reader = stage.ask_as_reader(&["why", "s", "-n", NAMESPACE]).await;
        assert!(reader.code == 0 && !reader.out.contains("grant"), "{reader:?}");
        drop(both);
        let error = json!({"error": {"message": "an old one", "time": "2026-01-01T00:00:00Z"}});
        stage.change_status(CONTENT, content, &error).await;
        finds(&stage, &format!("vsc/{content}"), "stale-error").await;
    });
}

#[test]
fn what_a_snapshot_lacks_is_found() {
    story(async {
        let stage = Stage::set().await;
        let both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        take(&stage, "classless", "data", Some("gone")).await;
        take(&stage, "claimless", "gone", Some("fast")).await;
        take(&stage, "defaultless", "data", None).await;
        stage.make(CLASS, "other", &json!({"driver": "b.csi.test", "deletionPolicy": "Delete"})).await;
        take(&stage, "foreign", "data", Some("other")).await;
        let pending = json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        stage.make(CLAIM, "pending", &pending).await;
        take(&stage, "early", "pending", Some("fast")).await;
        let mut nowhere = pending.clone();
        nowhere["spec"]["volumeName"] = "nowhere".into();
        stage.make(CLAIM, "nowhere", &nowhere).await;
        stage.change_status(CLAIM, "nowhere", &json!({"phase": "Bound"})).await;
        take(&stage, "volumeless", "nowhere", Some("fast")).await;
        stage.make_claim("local").await;
        stage
            .change(VOLUME, "volume-of-local", &json!({"spec": {"csi": null, "hostPath": {"path": "/x"}}}))
            .await;
        take(&stage, "plain", "local", Some("fast")).await;
        stage.make_claim("twice").await;
        let other = json!({"spec": {"claimRef": {"namespace": "else", "name": "x", "uid": "other"}}});
        stage.change(VOLUME, "volume-of-twice", &other).await;
        take(&stage, "elsewhere", "twice", Some("fast")).await;
        for (name, finding) in [
            ("classless", "class-missing"),
            ("claimless", "claim-missing"),
            ("defaultless", "no-default-class"),
            ("foreign", "class-of-another-driver"),
            ("early", "claim-unbound"),
            ("volumeless", "volume-missing"),
            ("plain", "volume-not-csi"),
            ("elsewhere", "volume-of-another-claim"),
        ] {
            let seen = finds(&stage, name, finding).await;
            assert_eq!(seen["turn"], "user", "{seen:#}");
            assert!(seen["remedy"].is_string(), "{seen:#}");
        }
        let default = json!({"metadata": {"annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"}},
            "driver": DRIVER, "deletionPolicy": "Delete"});
        // At once, so that neither is the only one.
        drop(both);
        for name in ["one", "two"] {
            stage.make(CLASS, name, &default).await;
        }
        finds(&stage, "defaultless", "two-default-classes").await;
    });
}

#[test]
fn contents_that_are_given_must_be_there_and_point_back() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let given = |content: &str| json!({"spec": {"source": {"volumeSnapshotContentName": content}}});
        stage.make(SNAPSHOT, "lost", &given("gone")).await;
        finds(&stage, "lost", "content-missing").await;
        let content = json!({"spec": {"driver": DRIVER, "deletionPolicy": "Retain",
            "source": {"snapshotHandle": "h"}, "volumeSnapshotRef": {"namespace": NAMESPACE, "name": "other"}}});
        stage.make(CONTENT, "import", &content).await;
        stage.make(SNAPSHOT, "s", &given("import")).await;
        finds(&stage, "s", "content-misbound").await;
        let mut waiting = content.clone();
        waiting["spec"]["source"] = json!({"volumeHandle": "v"});
        waiting["spec"]["volumeSnapshotClassName"] = "fast".into();
        stage.make(CONTENT, "waiting", &waiting).await;
        finds(&stage, "vsc/waiting", "content-unbound").await;
    });
}

#[test]
fn a_program_that_is_not_there_is_the_users_turn() {
    story(async {
        let stage = Stage::set().await;
        stage.snapshot("s").await;
        finds(&stage, "s", "controller-acts").await;
        let expired = json!({"spec": {"holderIdentity": "gone", "leaseDurationSeconds": 15,
            "renewTime": "2020-01-01T00:00:00.000000Z"}});
        stage.make_in(LEASE, "kube-system", "snapshot-controller-leader", &expired).await;
        let seen = finds(&stage, "s", "no-controller").await;
        assert_eq!(seen["turn"], "user");
        assert!(seen["waits"].as_str().unwrap().contains("gone held the Lease"), "{seen:#}");
        let _controller = stage.controller();
        finds(&stage, "s", "sidecar-acts").await;
        stage.make_in(LEASE, SIDECAR_LEASE.0, SIDECAR_LEASE.1, &expired).await;
        finds(&stage, "s", "no-sidecar").await;
    });
}

#[test]
fn a_driver_that_fails_is_named_with_its_answer() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        stage.driver.script().fail(
            Method::CreateSnapshot,
            Fault::before(Code::ResourceExhausted),
            Times::UntilCleared,
        );
        stage.snapshot("full").await;
        let seen = finds(&stage, "full", "driver-fails").await;
        assert!(seen["waits"].as_str().unwrap().contains("scripted failure"), "{seen:#}");
        assert_eq!(seen["turn"], "driver");
        stage.driver.script().clear();
        finds(&stage, "full", "ready").await;
    });
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_of_the_tree_stands() {
    story(async {
        let stage = Stage::set().await;
        stage.snapshot("s").await;
        stage.allow("jane", "volumesnapshots", "get");
        let answer = stage.ask(&["why", "s", "-n", NAMESPACE, "--as", "jane", "-o", "json"]).await;
        let seen: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:?}"));
        assert_eq!((answer.code, seen["finding"].as_str().unwrap()), (2, "cannot-tell"), "{seen:#}");
        assert!(
            answer.out.contains("grant `get` on `volumesnapshotcontents.snapshot.storage.k8s.io`"),
            "{answer:?}"
        );
        let missing = stage.ask(&["why", "nothing", "-n", NAMESPACE]).await;
        assert_eq!((missing.code, &*missing.out), (2, ""), "{missing:?}");
    });
}
