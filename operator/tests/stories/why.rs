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
fn what_a_snapshot_lacks_is_found_and_each_goes_on_when_it_gets_that() {
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
        for (name, finding, next) in [
            ("classless", "class-missing", "as soon as a class"),
            ("claimless", "claim-missing", "as soon as a claim"),
            ("defaultless", "no-default-class", "as soon as a class"),
            ("foreign", "class-of-another-driver", "nothing, until its owner"),
            ("early", "claim-unbound", "as soon as a claim"),
            ("volumeless", "volume-missing", "as soon as a volume"),
            ("plain", "volume-not-csi", "nothing, until its owner"),
            ("elsewhere", "volume-of-another-claim", "as soon as a volume"),
        ] {
            let seen = finds(&stage, name, finding).await;
            assert_eq!(seen["turn"], "user", "{seen:#}");
            says(&seen, "", next, " ");
        }
        let default = json!({"metadata": {"annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"}},
            "driver": DRIVER, "deletionPolicy": "Delete"});
        // At once, so that neither is the only one.
        drop(both);
        for name in ["one", "two"] {
            stage.make(CLASS, name, &default).await;
        }
        let seen = finds(&stage, "defaultless", "two-default-classes").await;
        says(&seen, "one", "as soon as a class comes, goes or changes", "take the annotation off");
        mend(&stage).await;
        let _both = (stage.controller(), stage.sidecar());
        for name in ["classless", "claimless", "defaultless", "early", "volumeless", "elsewhere"] {
            finds(&stage, name, "ready").await;
        }
        for name in ["foreign", "plain"] {
            stage.delete(SNAPSHOT, name).await;
            stage.until(SNAPSHOT, name, Value::is_null).await;
        }
    });
}

/// Gives the snapshots of the story before what they lack.
async fn mend(stage: &Stage) {
    stage.make(CLASS, "gone", &json!({"driver": DRIVER, "deletionPolicy": "Delete"})).await;
    stage.make_claim("gone").await;
    let annotations = json!({"snapshot.storage.kubernetes.io/is-default-class": null});
    stage.change(CLASS, "two", &json!({"metadata": {"annotations": annotations}})).await;
    for (claim, volume) in [("pending", "new"), ("nowhere", "nowhere")] {
        let spec = json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
            "csi": {"driver": DRIVER, "volumeHandle": format!("handle-of-{claim}")},
            "claimRef": {"namespace": NAMESPACE, "name": claim}});
        stage.make(VOLUME, volume, &json!({ "spec": spec })).await;
        stage.change(CLAIM, claim, &json!({"spec": {"volumeName": volume}})).await;
        stage.change_status(CLAIM, claim, &json!({"phase": "Bound"})).await;
    }
    let held = json!({"spec": {"claimRef": {"namespace": NAMESPACE, "name": "twice", "uid": null}}});
    stage.change(VOLUME, "volume-of-twice", &held).await;
}

#[test]
fn contents_that_are_given_must_be_there_and_point_back() {
    story(async {
        let stage = Stage::set().await;
        let _both = (stage.controller(), stage.sidecar());
        stage.until_led().await;
        let given = |content: &str| json!({"spec": {"source": {"volumeSnapshotContentName": content}}});
        stage.make(SNAPSHOT, "lost", &given("gone")).await;
        let seen = finds(&stage, "lost", "content-missing").await;
        says(&seen, "\"gone\" does not exist", "as soon as the content comes", "create the content again");
        let content = json!({"spec": {"driver": DRIVER, "deletionPolicy": "Retain",
            "source": {"snapshotHandle": "h"}, "volumeSnapshotRef": {"namespace": NAMESPACE, "name": "other"}}});
        stage.make(CONTENT, "import", &content).await;
        stage.make(SNAPSHOT, "s", &given("import")).await;
        finds(&stage, "s", "content-misbound").await;
        let mut waiting = content.clone();
        waiting["spec"]["source"] = json!({"volumeHandle": "v"});
        waiting["spec"]["volumeSnapshotClassName"] = "fast".into();
        stage.make(CONTENT, "waiting", &waiting).await;
        let seen = finds(&stage, "vsc/waiting", "content-unbound").await;
        says(&seen, "not bound to a snapshot", "as soon as it is bound", "with the content as its source");
        for (content, snapshot) in [("gone", "lost"), ("import", "other")] {
            let handle = taken(&stage, snapshot).await;
            let spec = json!({"source": {"snapshotHandle": handle}, "driver": DRIVER, "deletionPolicy": "Retain",
                "volumeSnapshotRef": {"namespace": NAMESPACE, "name": snapshot}});
            if content == "import" {
                stage.delete(CONTENT, content).await;
                stage.until(CONTENT, content, Value::is_null).await;
            }
            stage.make(CONTENT, content, &json!({ "spec": spec })).await;
            finds(
                &stage,
                &format!("vsc/{content}"),
                if content == "gone" { "at-rest" } else { "content-unbound" },
            )
            .await;
        }
        finds(&stage, "lost", "ready").await;
        stage.until(CONTENT, "import", |it| it["status"]["readyToUse"] == true).await;
        let seen = finds(&stage, "vsc/import", "content-unbound").await;
        says(&seen, "team/other that it names", "has the content as its source", "create the VolumeSnapshot");
        stage.make(SNAPSHOT, "other", &given("import")).await;
        finds(&stage, "other", "ready").await;
        finds(&stage, "vsc/import", "at-rest").await;
    });
}

/// The handle of a snapshot that is in the storage, for a content that is made by hand.
async fn taken(stage: &Stage, name: &str) -> Value {
    let original = format!("original-of-{name}");
    stage.snapshot(&original).await;
    finds(stage, &original, "ready").await;
    let content = driver::content_of(stage, &original).await;
    stage.until(CONTENT, &content, |_| true).await["status"]["snapshotHandle"].clone()
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
        let seen = finds(&stage, "s", "no-sidecar").await;
        says(&seen, "gone held the Lease", "as soon as it is at work", "csi-snapshotter");
        let _sidecar = stage.sidecar();
        finds(&stage, "s", "ready").await;
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
