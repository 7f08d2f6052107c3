//! Fuzzes all input from outside: none causes a panic or an endless loop, or puts a secret into an error.
//!
//! Cases that failed once are kept in `proptest-regressions/` and run first. `PROPTEST_CASES` sets the number of cases.

use std::time::Duration;

use jiff::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};
use tokio::time::Instant;

use crate::decide::fixtures::{StepEnd, around, clocks, follow_up};
use crate::decide::{DriverCall, Naming, Observed, Presence, SecretSent, Step, decide};
use machinery::cluster::client::config;
use machinery::cluster::error::in_one_line;
use machinery::lead::protocol::{Candidate, ObservedLease};
use model::class::{VolumeGroupSnapshotClass, VolumeSnapshotClass};
use model::content::VolumeSnapshotContent;
use model::facts::Content;
use model::group_content::VolumeGroupSnapshotContent;

/// The number of cases of a property unless PROPTEST_CASES is set. The usual numbers take about 15 seconds each.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), ..ProptestConfig::default() }
}

fn any_number() -> impl Strategy<Value = Number> {
    let float = any::<f64>().prop_filter_map("no JSON", Number::from_f64);
    prop_oneof![any::<i64>().prop_map(Number::from), any::<u64>().prop_map(Number::from), float]
}

/// Any JSON, with the field names of our objects and others.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        "[a-zA-Z.-]{0,12}",
        "\\PC{0,8}",
        Just("2026-11-27T00:00:00Z".to_owned()),
        Just(String::new())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any_number().prop_map(Value::Number),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![
            Just("metadata".to_owned()),
            Just("spec".to_owned()),
            Just("status".to_owned()),
            "[a-z]{1,8}"
        ];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(key, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                pointers(inner, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(all) => {
            for (index, inner) in all.iter().enumerate() {
                pointers(inner, &format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A valid value in which some parts are replaced by any JSON.
fn spoiled(valid: Value) -> impl Strategy<Value = Value> {
    vec((any::<prop::sample::Index>(), any_json()), 0..4).prop_map(move |changes| {
        let mut value = valid.clone();
        for (place, with) in changes {
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            if let Some(part) = value.pointer_mut(&all[place.index(all.len())]) {
                *part = with;
            }
        }
        value
    })
}

fn content() -> Value {
    json!({
        "metadata": {"name": "c", "uid": "u", "resourceVersion": "5", "generation": 1,
            "creationTimestamp": "2026-11-27T00:00:00Z", "deletionTimestamp": "2026-11-27T00:00:00Z",
            "finalizers": ["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"],
            "annotations": {"snapshot.storage.kubernetes.io/volumesnapshot-being-created": "yes",
                "snapshot.storage.kubernetes.io/deletion-secret-name": "s",
                "snapshot.storage.kubernetes.io/deletion-secret-namespace": "n"}},
        "spec": {"driver": "lab.csi.example.com", "deletionPolicy": "Delete", "volumeSnapshotClassName": "fast",
            "source": {"volumeHandle": "v"},
            "volumeSnapshotRef": {"name": "s", "namespace": "n", "uid": "u"}},
        "status": {"snapshotHandle": "h", "readyToUse": false, "creationTime": 5, "restoreSize": 7,
            "volumeGroupSnapshotHandle": "g", "error": {"message": "m", "time": "2026-11-27T00:00:00Z"}},
    })
}

fn group_content() -> Value {
    json!({
        "metadata": {"name": "c", "uid": "u"},
        "spec": {"driver": "lab.csi.example.com", "deletionPolicy": "Delete",
            "source": {"volumeHandles": ["v", "w"],
                "groupSnapshotHandles": {"volumeGroupSnapshotHandle": "g", "volumeSnapshotHandles": ["a", "b"]}},
            "volumeGroupSnapshotRef": {"name": "s", "namespace": "n", "uid": "u"}},
        "status": {"volumeGroupSnapshotHandle": "g", "readyToUse": false, "creationTime": "2026-11-27T00:00:00Z",
            "volumeSnapshotInfoList": [{"volumeHandle": "v", "snapshotHandle": "a", "creationTime": 1,
                "readyToUse": true, "restoreSize": 3}]},
    })
}

/// Decides on an object, and concludes several outcomes.
fn judged(object: &impl Content) {
    let around = around();
    let naming = Naming { uuid_length: Some(7), ..around.naming.clone() };
    for presence in [Presence::Here, Presence::Deleted, Presence::Missing] {
        let facts = object.facts();
        let class = around.class(facts.class_name.filter(|name| *name == "fast").map(|_| "fast"));
        let seen = Observed {
            facts,
            presence,
            named_elsewhere: false,
            class,
            driver: &around.driver,
            naming: &naming,
            memory: &around.memory,
        };
        let answered = match decide(&seen) {
            Step::Call(DriverCall::Poll(_)) => StepEnd::Unknown,
            Step::Call(DriverCall::Delete(_)) => StepEnd::Deleted,
            Step::Call(DriverCall::Create(_))
            | Step::Rest(_)
            | Step::Report(_)
            | Step::Record(_)
            | Step::Write(_) => StepEnd::NotBegun,
        };
        for ended in [answered, StepEnd::NoSecret("no".into())] {
            let _ = follow_up(&seen, ended, SecretSent::Unnamed, clocks());
        }
    }
}

proptest! {
    #![proptest_config(cases(6_000))]

    #[test]
    fn any_json_is_read_as_an_object_of_each_kind(object in prop_oneof![any_json(), spoiled(content()), spoiled(group_content())]) {
        let text = object.to_string();
        judged(&serde_json::from_str::<VolumeSnapshotContent>(&text).unwrap());
        judged(&serde_json::from_str::<VolumeGroupSnapshotContent>(&text).unwrap());
        serde_json::from_str::<VolumeSnapshotClass>(&text).unwrap();
        serde_json::from_str::<VolumeGroupSnapshotClass>(&text).unwrap();
    }
}

fn lease() -> Value {
    json!({"metadata": {"resourceVersion": "5", "labels": {"a": "b"}},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": "2026-11-27T00:00:00.000000Z", "renewTime": "2026-11-27T00:00:00.000000Z"}})
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn any_json_is_read_as_a_lease(first in spoiled(lease()), then in prop_oneof![any_json(), spoiled(lease())]) {
        let candidate = Candidate {
            identity: "us".into(),
            lease_duration: Duration::from_secs(15),
            namespace: "n".into(),
            name: "l".into(),
            labels: [("k".to_owned(), "v".to_owned())].into(),
        };
        let (now, wall) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let observed = ObservedLease::new(first, now).next(then, now);
        let _ = (candidate.next_action(&observed, now, wall), candidate.release(&observed, wall), observed.holder(), observed.version());
    }
}

const SECRET: &str = "hunter2";

fn kubeconfig() -> Value {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1", "proxy-url": "http://u:hunter2@proxy",
            "certificate-authority-data": "hunter2=", "tls-server-name": "a"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "users": [{"name": "u", "user": {"token": "hunter2", "password": "hunter2", "username": "u",
            "client-key-data": "hunter2=", "client-certificate-data": "hunter2="}}]})
}

proptest! {
    #![proptest_config(cases(6_000))]

    #[test]
    fn any_text_is_read_as_a_kubeconfig_or_refused_without_its_secrets(
        text in prop_oneof![
            spoiled(kubeconfig()).prop_map(|value| value.to_string()),
            "(clusters|users|contexts|token|[:{}\\[\\]\n -]|hunter2){0,12}",
            "\\PC{0,64}",
        ],
    ) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("config");
        std::fs::write(&path, text).unwrap();
        if let Err(error) = config(&Some(path).into(), "fuzz") {
            let said = format!("{error:?} {}", in_one_line(&error));
            prop_assert!(!said.contains(SECRET), "{said}");
        }
    }
}
