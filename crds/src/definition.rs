//! Turns the Rust types into the CRDs that an API server accepts.

use anyhow::Context;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::group_class::VolumeGroupSnapshotClass;
use crate::group_content::VolumeGroupSnapshotContent;
use crate::group_snapshot::VolumeGroupSnapshot;
use crate::snapshot::VolumeSnapshot;
use crate::snapshot_class::VolumeSnapshotClass;
use crate::snapshot_content::VolumeSnapshotContent;

/// An API server refuses CRDs of a `*.k8s.io` group without this annotation. The values are those of the reference.
const APPROVED: &str = "api-approved.kubernetes.io";
const APPROVED_SINGLE: &str = "https://github.com/kubernetes-csi/external-snapshotter/pull/814";
const APPROVED_GROUP: &str = "https://github.com/kubernetes-csi/external-snapshotter/pull/1150";

/// The six CRDs, single kinds first.
///
/// # Errors
/// A type does not make a CRD, a bug in this package.
pub fn all() -> anyhow::Result<Vec<Value>> {
    let single = |crd| finished(crd, APPROVED_SINGLE, false);
    let group = |crd| finished(crd, APPROVED_GROUP, true);
    Ok(vec![
        at_the_top(single(serde_json::to_value(VolumeSnapshotClass::crd())?)?)?,
        single(serde_json::to_value(VolumeSnapshotContent::crd())?)?,
        single(serde_json::to_value(VolumeSnapshot::crd())?)?,
        at_the_top(group(serde_json::to_value(VolumeGroupSnapshotClass::crd())?)?)?,
        group(serde_json::to_value(VolumeGroupSnapshotContent::crd())?)?,
        group(serde_json::to_value(VolumeGroupSnapshot::crd())?)?,
    ])
}

/// The file name of a CRD.
#[must_use]
pub fn file_name(crd: &Value) -> String {
    format!("{}.yaml", crd["metadata"]["name"].as_str().unwrap_or_default())
}

/// The text of a CRD's file.
///
/// # Errors
/// The CRD cannot be written as YAML.
pub fn yaml(crd: &Value) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(crd).context("cannot write YAML")?;
    Ok(format!("# Made from the types in crds/ by `cargo run -p crds`; do not edit.\n{text}"))
}

fn finished(mut crd: Value, approved: &str, group: bool) -> anyhow::Result<Value> {
    crd["metadata"]["annotations"] = json!({ APPROVED: approved });
    let names = &mut crd["spec"]["names"];
    names["listKind"] = json!(format!("{}List", names["kind"].as_str().context("a CRD without a kind")?));
    if let Some(names) = names.as_object_mut() {
        names.remove("categories");
    }
    let mut v1 = crd["spec"]["versions"][0].take();
    let schema = &mut v1["schema"]["openAPIV3Schema"];
    clean(schema);
    schema["description"] = schema["properties"]["spec"]["description"].clone();
    for (name, description) in
        [("apiVersion", "Version of this representation of the object."), ("kind", "Kind of the object.")]
    {
        schema["properties"][name] = json!({"type": "string", "description": description});
    }
    schema["properties"]["metadata"] = json!({"type": "object"});
    crd["spec"]["versions"] = if group { group_versions(&v1) } else { json!([v1]) };
    Ok(crd)
}

/// The versions of the group kinds: v1, v1beta2 (stored) and v1beta1 (deprecated).
fn group_versions(v1: &Value) -> Value {
    let named = |name: &str, stored: bool| {
        let mut version = v1.clone();
        version["name"] = json!(name);
        version["storage"] = json!(stored);
        version
    };
    let mut old = named("v1beta1", false);
    old["deprecated"] = json!(true);
    old["deprecationWarning"] = json!("groupsnapshot.storage.k8s.io/v1beta1 is deprecated; use v1");
    let status = old.pointer_mut("/schema/openAPIV3Schema/properties/status/properties");
    if let Some(status) = status.and_then(Value::as_object_mut)
        && status.remove("volumeSnapshotInfoList").is_some()
    {
        status.insert("volumeSnapshotHandlePairList".to_owned(), pair_list());
    }
    // An API server moves what all versions share to the top, and refuses shared selectable fields without a shared
    // schema. So the version with another schema must have other selectable fields too.
    if let Some(old) = old.as_object_mut() {
        old.remove("selectableFields");
    }
    json!([named("v1", false), named("v1beta2", true), old])
}

/// The member list of v1beta1.
fn pair_list() -> Value {
    let handle = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "array",
        "description": "The members, one for each volume.",
        "items": {
            "type": "object",
            "description": "One member of a group.",
            "required": ["snapshotHandle", "volumeHandle"],
            "properties": {
                "snapshotHandle": handle("The driver's handle of the snapshot."),
                "volumeHandle": handle("The driver's handle of the volume it was taken of."),
            },
        },
    })
}

/// Moves the fields of a class beside the metadata, because classes have no spec.
fn at_the_top(mut crd: Value) -> anyhow::Result<Value> {
    let versions = crd["spec"]["versions"].as_array_mut().context("a CRD without versions")?;
    for version in versions {
        let schema = &mut version["schema"]["openAPIV3Schema"];
        let spec = schema["properties"].as_object_mut().and_then(|fields| fields.remove("spec"));
        let spec = spec.context("a class without fields")?;
        schema["required"] = spec["required"].clone();
        schema["description"] = spec["description"].clone();
        if let (Some(fields), Some(more)) =
            (schema["properties"].as_object_mut(), spec["properties"].as_object())
        {
            fields.extend(more.clone());
        }
        // The derive makes paths below spec.
        if let Some(version) = version.as_object_mut() {
            version.remove("subresources");
        }
    }
    Ok(crd)
}

/// Removes what the derives add and no API server needs: titles, nulls, and integer formats other than int64.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for noise in ["nullable", "title", "default"] {
                if fields.get(noise).is_some_and(|value| !value.is_object()) {
                    fields.remove(noise);
                }
            }
            simplify_enum(fields);
            plain_bounds(fields);
            fields.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Makes integer bounds whole, and lists both types of an int-or-string.
fn plain_bounds(fields: &mut Map<String, Value>) {
    if fields.get("minimum").and_then(Value::as_f64) == Some(0.0) {
        fields.insert("minimum".to_owned(), json!(0));
    }
    if fields.contains_key("x-kubernetes-int-or-string") {
        fields.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
    }
}

/// Removes null from the values of an optional enum.
fn simplify_enum(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}
