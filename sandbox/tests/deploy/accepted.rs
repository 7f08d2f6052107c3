//! An object of each kind with every field of the contract is accepted by strict validation, in every version.

use http::Method;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::common::Ask;

const SINGLE: &str = "snapshot.storage.k8s.io";
const GROUP: &str = "groupsnapshot.storage.k8s.io";

fn reference() -> Value {
    json!({
        "apiVersion": "v1", "kind": "k", "name": "n", "namespace": "default", "uid": "u", "fieldPath": "f",
        "resourceVersion": "1",
    })
}

fn class(group: &str, kind: &str) -> Value {
    json!({
        "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": "full"},
        "driver": "d", "deletionPolicy": "Retain", "parameters": {"a": "b", "c": ""},
    })
}

const TIME: &str = "2026-01-01T00:00:00Z";

fn error() -> Value {
    json!({"message": "m", "time": TIME})
}

fn object(group: &str, kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": "full"}, "spec": spec})
}

/// The objects, each with its status if it has one.
fn objects() -> Vec<(Value, Value)> {
    let classes = [class(SINGLE, "VolumeSnapshotClass"), class(GROUP, "VolumeGroupSnapshotClass")];
    let classes = classes.into_iter().map(|class| (class, Value::Null));
    classes.chain(singles()).chain(groups()).collect()
}

fn singles() -> Vec<(Value, Value)> {
    let (time, error) = (TIME, error());
    vec![
        (
            object(
                SINGLE,
                "VolumeSnapshotContent",
                &json!({
                    "deletionPolicy": "Retain", "driver": "d", "source": {"snapshotHandle": "s"},
                    "sourceVolumeMode": "Block", "volumeSnapshotClassName": "c", "volumeSnapshotRef": reference(),
                }),
            ),
            json!({
                "creationTime": i64::MAX, "error": error, "readyToUse": true, "restoreSize": 0,
                "snapshotHandle": "s", "volumeGroupSnapshotHandle": "g",
            }),
        ),
        (
            object(
                SINGLE,
                "VolumeSnapshot",
                &json!({
                    "source": {"persistentVolumeClaimName": "c"}, "volumeSnapshotClassName": "c",
                }),
            ),
            json!({
                "boundVolumeSnapshotContentName": "c", "creationTime": time, "error": error, "readyToUse": false,
                "restoreSize": "1Gi", "volumeGroupSnapshotName": "g",
            }),
        ),
    ]
}

fn groups() -> Vec<(Value, Value)> {
    let (time, error) = (TIME, error());
    let member = json!({"volumeHandle": "v", "snapshotHandle": "s", "creationTime": 1, "readyToUse": true, "restoreSize": 1});
    let requirement = json!({"key": "k", "operator": "In", "values": ["v"]});
    vec![
        (
            object(
                GROUP,
                "VolumeGroupSnapshotContent",
                &json!({
                    "deletionPolicy": "Delete", "driver": "d", "volumeGroupSnapshotClassName": "c",
                    "source": {"groupSnapshotHandles": {"volumeGroupSnapshotHandle": "g", "volumeSnapshotHandles": ["s"]}},
                    "volumeGroupSnapshotRef": reference(),
                }),
            ),
            json!({
                "creationTime": time, "error": error, "readyToUse": true, "volumeGroupSnapshotHandle": "g",
                "volumeSnapshotInfoList": [member],
            }),
        ),
        (
            object(
                GROUP,
                "VolumeGroupSnapshot",
                &json!({
                    "source": {"selector": {"matchLabels": {"a": "b"}, "matchExpressions": [requirement]}},
                    "volumeGroupSnapshotClassName": "c",
                }),
            ),
            json!({"boundVolumeGroupSnapshotContentName": "c", "creationTime": time, "error": error, "readyToUse": true}),
        ),
    ]
}

/// Converts the object to another version, in which the members of a group are listed differently.
fn in_version(mut object: Value, status: &Value, version: &str) -> (Value, Value) {
    let group =
        object["apiVersion"].as_str().and_then(|text| text.split_once('/')).expect("a group").0.to_owned();
    object["apiVersion"] = format!("{group}/{version}").into();
    object["metadata"]["name"] = format!("full-{version}").into();
    let mut status = status.clone();
    if version == "v1beta1"
        && let Some(fields) = status.as_object_mut()
        && fields.remove("volumeSnapshotInfoList").is_some()
    {
        let pairs = json!([{"volumeHandle": "v", "snapshotHandle": "s"}]);
        fields.insert("volumeSnapshotHandlePairList".to_owned(), pairs);
    }
    (object, status)
}

#[tokio::test]
async fn every_field_is_known_in_every_version_and_comes_back_as_it_was() {
    let cluster = Cluster::new().await;
    for (object, status) in objects() {
        let is_group = object["apiVersion"].as_str().is_some_and(|text| text.starts_with(GROUP));
        let versions: &[&str] = if is_group { &["v1", "v1beta2", "v1beta1"] } else { &["v1"] };
        for version in versions {
            let (object, status) = in_version(object.clone(), &status, version);
            let made = cluster.apply_well(&object).await;
            for field in ["spec", "driver", "parameters"] {
                assert_eq!(made.get(field), object.get(field), "{} {version}", object["kind"]);
            }
            if status.is_null() {
                continue;
            }
            let name = object["metadata"]["name"].as_str().expect("a name");
            let ask = Ask {
                method: Method::PATCH,
                path: format!("{}/{name}/status?fieldValidation=Strict", cluster.path(&object).await),
                content_type: Some("application/merge-patch+json".to_owned()),
                body: json!({"status": status}).to_string().into(),
                ..Ask::default()
            };
            let reply = cluster.client.send(&ask).await;
            assert_eq!(reply.status, 200, "{} {version}: {}", object["kind"], reply.json());
            assert_eq!(reply.json()["status"], status, "{} {version}", object["kind"]);
        }
    }
}
