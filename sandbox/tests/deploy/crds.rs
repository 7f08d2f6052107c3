//! A cluster changes from the reference's definitions to ours and back, and its objects are kept.

use http::Method;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::table::{Kind, plain};

/// The definitions as the reference has them: with the same fields, rules and versions, but with other descriptions and
/// without selectable fields.
fn reference() -> Vec<Value> {
    fn reword(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("description");
                if fields.contains_key("rule") {
                    fields.insert("message".to_owned(), "refused".into());
                }
                fields.values_mut().for_each(reword);
            }
            Value::Array(items) => items.iter_mut().for_each(reword),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut crds = ours();
    for crd in &mut crds {
        reword(crd);
        for version in crd["spec"]["versions"].as_array_mut().expect("versions") {
            version.as_object_mut().expect("a version").remove("selectableFields");
        }
    }
    crds
}

fn ours() -> Vec<Value> {
    sandbox::crds::all().expect("the definitions")
}

async fn get(cluster: &Cluster, path: &str) -> (u16, Value) {
    cluster.client.json(Method::GET, path, "", &Value::Null).await
}

const CONTENTS: &str = "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents";
const GROUPS: &str = "/apis/groupsnapshot.storage.k8s.io/v1/volumegroupsnapshotcontents";

async fn make_objects(cluster: &Cluster) {
    for (path, kind, name, group) in [
        (CONTENTS, Kind::Content, "VolumeSnapshotContent", "snapshot"),
        (GROUPS, Kind::GroupContent, "VolumeGroupSnapshotContent", "groupsnapshot"),
    ] {
        let mut object = plain(kind);
        object["apiVersion"] = format!("{group}.storage.k8s.io/v1").into();
        object["kind"] = name.into();
        object["metadata"]["name"] = "a".into();
        let (status, body) = cluster.client.create(path, &object).await;
        assert_eq!(status, 201, "{body}");
        let written = json!({"status": {"readyToUse": true}});
        assert_eq!(cluster.client.merge(&format!("{path}/a/status"), &written).await.0, 200);
    }
}

/// The current objects.
async fn objects(cluster: &Cluster) -> [Value; 2] {
    [get(cluster, &format!("{CONTENTS}/a")).await.1, get(cluster, &format!("{GROUPS}/a")).await.1]
}

#[tokio::test]
async fn objects_stay_as_they_are_from_the_reference_s_definitions_to_ours_and_back() {
    let cluster = Cluster::bare().await;
    for crd in reference() {
        cluster.apply_well(&crd).await;
    }
    make_objects(&cluster).await;
    let before = objects(&cluster).await;
    for definitions in [ours(), reference(), ours()] {
        for crd in definitions {
            let applied = cluster.apply_well(&crd).await;
            let stored: Vec<_> = applied["status"]["storedVersions"].as_array().expect("versions").clone();
            assert_eq!(stored.len(), 1, "{} is stored in one version only", crd["metadata"]["name"]);
        }
        assert_eq!(objects(&cluster).await, before);
        let written = json!({"metadata": {"labels": {"a": "b"}}});
        assert_eq!(cluster.client.merge(&format!("{CONTENTS}/a?dryRun=All"), &written).await.0, 200);
    }
}

#[tokio::test]
async fn definitions_that_are_there_already_are_no_conflict() {
    let cluster = Cluster::new().await;
    for crd in ours() {
        cluster.apply_well(&crd).await;
    }
}

#[tokio::test]
async fn contents_are_selected_by_driver_with_our_definitions_only() {
    let cluster = Cluster::bare().await;
    let selected = format!("{CONTENTS}?fieldSelector=spec.driver%3Dd");
    for (definitions, status) in [(reference(), 400), (ours(), 200)] {
        for crd in definitions {
            cluster.apply_well(&crd).await;
        }
        assert_eq!(get(&cluster, &selected).await.0, status);
    }
}

#[tokio::test]
async fn the_group_definitions_can_be_left_out() {
    let cluster = Cluster::bare().await;
    for crd in ours().iter().filter(|crd| crd["spec"]["group"] == "snapshot.storage.k8s.io") {
        cluster.apply_well(crd).await;
    }
    assert_eq!(get(&cluster, CONTENTS).await.0, 200);
    assert_eq!(get(&cluster, GROUPS).await.0, 404);
}

#[tokio::test]
async fn a_cluster_that_stores_a_version_which_ours_lack_keeps_its_definition() {
    let cluster = Cluster::bare().await;
    let mut old = ours().remove(3);
    let name = old["metadata"]["name"].as_str().expect("a name").to_owned();
    old["spec"]["versions"].as_array_mut().expect("versions").truncate(1);
    old["spec"]["versions"][0]["name"] = "v1alpha1".into();
    old["spec"]["versions"][0]["storage"] = true.into();
    cluster.apply_well(&old).await;
    let ours = ours().into_iter().find(|crd| crd["metadata"]["name"] == name.as_str()).expect("ours");
    let refused = cluster.apply(&ours).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body["message"].as_str().is_some_and(|text| text.contains("status.storedVersions")));
}

#[tokio::test]
async fn selectable_fields_that_all_versions_share_want_a_schema_that_they_share() {
    let cluster = Cluster::bare().await;
    let is_group_content = |crd: &Value| crd["spec"]["names"]["kind"] == "VolumeGroupSnapshotContent";
    let mut crd = ours().into_iter().find(is_group_content).expect("the group contents");
    cluster.apply_well(&crd).await;
    for version in crd["spec"]["versions"].as_array_mut().expect("versions") {
        version["selectableFields"] = json!([{"jsonPath": ".spec.driver"}]);
    }
    let refused = cluster.apply(&crd).await;
    assert_eq!(
        (refused.status, &refused.body["details"]["causes"][0]["field"]),
        (422, &json!("spec.selectableFields"))
    );
    let schema = crd["spec"]["versions"][0]["schema"].clone();
    for version in crd["spec"]["versions"].as_array_mut().expect("versions") {
        version["schema"] = schema.clone();
    }
    cluster.apply_well(&crd).await;
}
