//! Tests that the CRDs match contract.txt, which lists the names, fields and limits of every kind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Write;

use serde_json::Value;

const CONTRACT: &str = include_str!("contract.txt");

/// The versions that are served, and the one that is stored.
const SINGLE: (&[&str], &str) = (&["v1"], "v1");
const GROUP: (&[&str], &str) = (&["v1", "v1beta2", "v1beta1"], "v1beta2");

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// The lines of contract.txt for a kind, without comments.
fn expected(kind: &str) -> String {
    let blocks = CONTRACT.split("\n\n").map(str::trim_end);
    let found = blocks.into_iter().find(|block| block.starts_with(&format!("kind {kind} ")));
    format!("{}\n", found.unwrap())
}

/// One version of a CRD in the format of contract.txt.
fn rendered(crd: &Value, version: &Value) -> String {
    let spec = &crd["spec"];
    let short: Vec<_> = list(spec, "/names/shortNames").filter_map(Value::as_str).collect();
    let scope = if spec["scope"] == "Cluster" { "cluster" } else { "namespaced" };
    let mut lines = format!(
        "kind {} {} {scope} {}\n",
        text(spec, "/names/kind"),
        text(crd, "/metadata/name"),
        short.join(",")
    );
    let status = version.pointer("/subresources/status").map_or("no", |_| "yes");
    writeln!(lines, "status subresource: {status}").unwrap();
    for column in list(version, "/additionalPrinterColumns") {
        let (name, kind, path) = (text(column, "/name"), text(column, "/type"), text(column, "/jsonPath"));
        writeln!(lines, "column {name} {kind} {path}").unwrap();
    }
    fields(&version["schema"]["openAPIV3Schema"], "", &mut lines);
    lines
}

fn fields(schema: &Value, path: &str, lines: &mut String) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
            continue;
        }
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let required = if list(schema, "/required").any(|other| other == name) { "*" } else { "" };
        writeln!(lines, "field {here}{required} {}", shape(field)).unwrap();
        fields(field, &here, lines);
        if let Some(items) = field.get("items") {
            writeln!(lines, "field {here}[] {}", shape(items)).unwrap();
            fields(items, &format!("{here}[]"), lines);
        }
    }
}

/// Type and limits of a field.
fn shape(field: &Value) -> String {
    if field["x-kubernetes-int-or-string"] == true {
        return "int-or-string quantity".to_owned();
    }
    if field["additionalProperties"]["type"] == "string" {
        return "map".to_owned();
    }
    let mut words = vec![text(field, "/type").to_owned()];
    let allowed: Vec<_> = list(field, "/enum").filter_map(Value::as_str).collect();
    if !allowed.is_empty() {
        words.push(format!("={}", allowed.join("|")));
    }
    if let Some(minimum) = field.get("minimum") {
        words.push(format!(">={minimum}"));
    }
    words.extend(field.get("format").and_then(Value::as_str).map(str::to_owned));
    if field["x-kubernetes-map-type"] == "atomic" {
        words.push("(atomic)".to_owned());
    }
    if field["x-kubernetes-list-type"] == "atomic" {
        words.push("(atomic list)".to_owned());
    }
    words.join(" ")
}

fn is_group(crd: &Value) -> bool {
    crd["spec"]["group"] == "groupsnapshot.storage.k8s.io"
}

#[test]
fn names_scopes_columns_fields_and_limits_match_the_contract() {
    for crd in crds::all().unwrap() {
        let kind = text(&crd, "/spec/names/kind").to_owned();
        for version in list(&crd, "/spec/versions").filter(|version| version["name"] != "v1beta1") {
            assert_eq!(rendered(&crd, version), expected(&kind), "{kind} {}", version["name"]);
        }
    }
    assert_eq!(CONTRACT.matches("\nkind ").count(), crds::all().unwrap().len());
}

#[test]
fn v1beta1_differs_from_v1_only_in_the_list_of_members() {
    for crd in crds::all().unwrap().iter().filter(|crd| is_group(crd)) {
        let version = list(crd, "/spec/versions").find(|version| version["name"] == "v1beta1").unwrap();
        let is_ours = |line: &&str| !line.contains("volumeSnapshotInfoList");
        let expected = expected(text(crd, "/spec/names/kind"));
        let mut wanted: Vec<_> = expected.lines().filter(is_ours).map(str::to_owned).collect();
        if crd["spec"]["names"]["kind"] == "VolumeGroupSnapshotContent" {
            let list = "field status.volumeSnapshotHandlePairList";
            wanted.push(format!("{list} array"));
            wanted.push(format!("{list}[] object"));
            wanted.push(format!("{list}[].snapshotHandle* string"));
            wanted.push(format!("{list}[].volumeHandle* string"));
        }
        assert_eq!(rendered(crd, version).lines().collect::<Vec<_>>(), wanted);
        assert_eq!(version["deprecated"], true);
    }
}

#[test]
fn served_and_stored_versions_are_those_of_the_reference() {
    for crd in crds::all().unwrap() {
        let (served, stored) = if is_group(&crd) { GROUP } else { SINGLE };
        let is = |field: &'static str| {
            let versions = list(&crd, "/spec/versions").filter(move |version| version[field] == true);
            versions.map(|version| text(version, "/name")).collect::<Vec<_>>()
        };
        assert_eq!((is("served").as_slice(), is("storage").as_slice()), (served, [stored].as_slice()));
        assert!(crd["spec"].get("conversion").is_none());
    }
}

#[test]
fn contents_can_be_selected_by_driver_except_in_v1beta1() {
    for crd in crds::all().unwrap() {
        let is_content = text(&crd, "/spec/names/kind").ends_with("Content");
        for version in list(&crd, "/spec/versions") {
            let selectable: Vec<_> =
                list(version, "/selectableFields").map(|field| text(field, "/jsonPath")).collect();
            let is_wanted = is_content && version["name"] != "v1beta1";
            let wanted: &[&str] = if is_wanted { &[".spec.driver"] } else { &[] };
            assert_eq!(selectable, wanted, "{}", crd["metadata"]["name"]);
        }
    }
}

#[test]
fn every_field_has_a_description_and_every_rule_a_message() {
    fn look(schema: &Value, path: &str) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let described = !text(field, "/description").is_empty();
            assert!(described || name == "metadata", "{path}.{name} has no description");
            look(field, &format!("{path}.{name}"));
            look(&field["items"], &format!("{path}.{name}[]"));
        }
        for rule in list(schema, "/x-kubernetes-validations") {
            assert!(!text(rule, "/message").is_empty(), "a rule of {path} has no message");
        }
    }
    for crd in crds::all().unwrap() {
        assert!(text(&crd, "/metadata/annotations/api-approved.kubernetes.io").starts_with("https://"));
        for version in list(&crd, "/spec/versions") {
            look(&version["schema"]["openAPIV3Schema"], text(&crd, "/spec/names/kind"));
        }
    }
}
