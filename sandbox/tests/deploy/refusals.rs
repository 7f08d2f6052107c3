//! The rows of the table, tried on a server: each wrong object is refused by the intended rule, and its
//! neighbour is accepted.

use http::Method;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::table::{Kind, Row, When, plain, rows};

/// The path of a kind in a version.
fn place(kind: Kind, version: &str) -> (String, &'static str) {
    let (group, name, plural) = match kind {
        Kind::Class => ("snapshot", "VolumeSnapshotClass", "volumesnapshotclasses"),
        Kind::Content => ("snapshot", "VolumeSnapshotContent", "volumesnapshotcontents"),
        Kind::Snapshot => ("snapshot", "VolumeSnapshot", "namespaces/default/volumesnapshots"),
        Kind::GroupClass => ("groupsnapshot", "VolumeGroupSnapshotClass", "volumegroupsnapshotclasses"),
        Kind::GroupContent => ("groupsnapshot", "VolumeGroupSnapshotContent", "volumegroupsnapshotcontents"),
        Kind::GroupSnapshot => {
            ("groupsnapshot", "VolumeGroupSnapshot", "namespaces/default/volumegroupsnapshots")
        }
    };
    (format!("/apis/{group}.storage.k8s.io/{version}/{plural}"), name)
}

fn versions(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Class | Kind::Content | Kind::Snapshot => &["v1"],
        Kind::GroupClass | Kind::GroupContent | Kind::GroupSnapshot => &["v1", "v1beta2", "v1beta1"],
    }
}

/// Applies a JSON merge patch (RFC 7386) as the API server does.
fn merged(mut object: Value, patch: &Value) -> Value {
    json_patch::merge(&mut object, patch);
    object
}

/// Writes the status through its subresource, and everything else through the object.
async fn write(cluster: &Cluster, path: &str, wanted: &Value) -> (u16, Value) {
    let mut wanted = wanted.clone();
    let status = wanted.as_object_mut().and_then(|fields| fields.remove("status"));
    let mut answer = cluster.client.merge(path, &wanted).await;
    if let Some(status) = status {
        answer = cluster.client.merge(&format!("{path}/status"), &json!({"status": status})).await;
    }
    answer
}

async fn tried(cluster: &Cluster, row: &Row, version: &str, number: usize) -> Result<(), String> {
    let (path, kind) = place(row.kind, version);
    let named = |sort: &str, patch: &Value| {
        let mut object = merged(plain(row.kind), patch);
        let group = path.split('/').nth(2).expect("a group");
        object["apiVersion"] = format!("{group}/{version}").into();
        object["kind"] = kind.into();
        object["metadata"]["name"] = format!("{sort}-{number}-{version}").into();
        object
    };
    let (refused, accepted) = match row.when {
        When::Creation => {
            let refused = cluster.client.create(&path, &named("refused", &row.refused)).await;
            (refused, cluster.client.create(&path, &named("accepted", &row.accepted)).await)
        }
        When::Change => {
            let object = named("changed", &row.from);
            let (status, body) = cluster.client.create(&path, &object).await;
            if status != 201 {
                return Err(format!("cannot begin: {body}"));
            }
            let path = format!("{path}/changed-{number}-{version}");
            let begun = write(cluster, &path, &row.from).await;
            if begun.0 != 200 {
                return Err(format!("cannot begin: {}", begun.1));
            }
            (write(cluster, &path, &row.refused).await, write(cluster, &path, &row.accepted).await)
        }
    };
    if refused.0 != 422 || !refused.1["message"].as_str().unwrap_or_default().contains(row.says) {
        return Err(format!("is answered {}: {}", refused.0, refused.1["message"]));
    }
    if !matches!(accepted.0, 200 | 201) {
        return Err(format!("and {} is refused: {}", row.accepted, accepted.1["message"]));
    }
    Ok(())
}

#[tokio::test]
async fn every_refusal_is_one_and_its_nearest_neighbour_is_none() {
    let cluster = Cluster::new().await;
    let mut wrong = Vec::new();
    for (number, row) in rows().iter().enumerate() {
        for version in versions(row.kind) {
            if let Err(why) = tried(&cluster, row, version, number).await {
                wrong.push(format!("{:?} {version} {:?} {} {why}", row.kind, row.when, row.refused));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_of_every_definition_has_a_row() {
    fn collect(schema: &Value, messages: &mut Vec<String>) {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            messages.push(rule["message"].as_str().expect("a message").to_owned());
        }
        for field in schema["properties"].as_object().into_iter().flatten() {
            collect(field.1, messages);
        }
        if let Some(items) = schema.get("items") {
            collect(items, messages);
        }
    }
    let mut messages = Vec::new();
    for crd in sandbox::crds::all().expect("the definitions") {
        for version in crd["spec"]["versions"].as_array().expect("versions") {
            collect(&version["schema"]["openAPIV3Schema"], &mut messages);
        }
    }
    assert!(messages.len() > 60, "rules are found: {}", messages.len());
    let rows = rows();
    for message in messages {
        assert!(rows.iter().any(|row| row.says == message), "no row for {message:?}");
    }
}

#[tokio::test]
async fn the_fields_of_a_single_class_may_change() {
    let cluster = Cluster::new().await;
    let mut class = plain(Kind::Class);
    class["apiVersion"] = "snapshot.storage.k8s.io/v1".into();
    class["kind"] = "VolumeSnapshotClass".into();
    class["metadata"]["name"] = "c".into();
    let (path, _) = place(Kind::Class, "v1");
    assert_eq!(cluster.client.create(&path, &class).await.0, 201);
    let changed = json!({"driver": "e", "deletionPolicy": "Retain", "parameters": {"a": "c"}});
    let (status, body) = cluster.client.merge(&format!("{path}/c"), &changed).await;
    assert_eq!((status, &body["driver"]), (200, &json!("e")));
    let (_, read) = cluster.client.json(Method::GET, &format!("{path}/c"), "", &Value::Null).await;
    assert_eq!(read["parameters"], json!({"a": "c"}));
}
