//! Custom resource definitions: their defaults, their validation, and the kinds that they add.

use serde_json::{Value, json};

use super::kind::{CUSTOM_VERBS, Kind, KindRules, View, full_name};
use crate::api::cause::Cause;
use crate::api::clients::table;
use crate::api::clock;
use crate::api::object::{list, meta, text};
use crate::api::schema::compiled::Schema;

fn words(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_true(value: &Value, field: &str) -> bool {
    value.get(field) == Some(&Value::Bool(true))
}

/// Fills in the names that are derived from others, and the status that a controller would write: every definition
/// that is accepted is established at once.
pub(crate) fn prepare(crd: &mut Value, old: Option<&Value>) {
    let kind = text(crd, "/spec/names/kind").to_owned();
    if let Some(names) = crd.pointer_mut("/spec/names").and_then(Value::as_object_mut) {
        names.entry("singular").or_insert_with(|| kind.to_lowercase().into());
        names.entry("listKind").or_insert_with(|| format!("{kind}List").into());
    }
    if let Some(spec) = crd.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
    }
    // Objects may still be stored in any version that has ever been the storage version, so it stays on the list.
    let mut stored = old.map(|old| words(old, "/status/storedVersions")).unwrap_or_default();
    if !stored.iter().any(|version| version == stored_version(crd)) {
        stored.push(stored_version(crd).to_owned());
    }
    let since = old.map_or_else(clock::stamp, |old| {
        let known = table::find(old, ".status.conditions[?(@.type==\"Established\")].lastTransitionTime");
        known.and_then(Value::as_str).map_or_else(clock::stamp, str::to_owned)
    });
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": since});
    crd["status"] = json!({
        "acceptedNames": crd.pointer("/spec/names").cloned().unwrap_or_default(),
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": stored,
    });
}

fn stored_version(crd: &Value) -> &str {
    list(crd, "/spec/versions").iter().find(|v| is_true(v, "storage")).map_or("", |v| text(v, "/name"))
}

/// Everything that is wrong with a definition, its schemas and their rules included.
pub(crate) fn check(crd: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (group, plural) = (text(crd, "/spec/group"), text(crd, "/spec/names/plural"));
    for field in ["group", "names/plural", "names/kind", "scope"] {
        if text(crd, &format!("/spec/{field}")).is_empty() {
            causes.push(Cause::required(format!("spec.{}", field.replace('/', "."))));
        }
    }
    if meta(crd, "name") != full_name(plural, group) {
        causes.push(Cause::invalid("metadata.name", "must be spec.names.plural+\".\"+spec.group"));
    }
    let versions = list(crd, "/spec/versions");
    if versions.iter().filter(|v| is_true(v, "storage")).count() != 1 {
        causes
            .push(Cause::invalid("spec.versions", "must have exactly one version marked as storage version"));
    }
    for stored in words(crd, "/status/storedVersions") {
        if !versions.iter().any(|version| text(version, "/name") == stored) {
            let why = format!("{stored}: must appear in spec.versions");
            causes.push(Cause::invalid("status.storedVersions", why));
        }
    }
    for (index, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{index}].schema.openAPIV3Schema");
        match version.pointer("/schema/openAPIV3Schema") {
            None => causes.push(Cause::required(at)),
            Some(schema) => {
                if let Err(why) = Schema::compile(schema.clone()) {
                    causes.push(Cause::invalid(at, why));
                }
            }
        }
    }
    if has_fields_without_a_schema(versions) {
        causes.push(Cause::invalid(
            "spec.selectableFields",
            "may only be set when validations.schema is included",
        ));
    }
    causes
}

/// Whether all versions have the same selectable fields but not the same schema. A real server moves what all versions
/// share to the top level before it validates, and there it finds selectable fields without a schema.
fn has_fields_without_a_schema(versions: &[Value]) -> bool {
    let is_common = |field: &str| versions.windows(2).all(|pair| pair[0].get(field) == pair[1].get(field));
    versions.first().is_some_and(|version| version.get("selectableFields").is_some())
        && is_common("selectableFields")
        && !is_common("schema")
}

/// The kinds that a stored definition adds, one for each served version.
///
/// # Errors
/// If a schema does not compile. [`check`] refuses such a definition, so a stored one has none.
pub(crate) fn kinds(crd: &Value) -> Result<Vec<Kind>, String> {
    let group = text(crd, "/spec/group");
    let mut served: Vec<&Value> =
        list(crd, "/spec/versions").iter().filter(|v| is_true(v, "served")).collect();
    served.sort_by_key(|version| std::cmp::Reverse(priority(text(version, "/name"))));
    served
        .into_iter()
        .map(|version| {
            let schema = version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default();
            Ok(Kind {
                group: group.into(),
                version: text(version, "/name").into(),
                kind: text(crd, "/spec/names/kind").into(),
                plural: text(crd, "/spec/names/plural").into(),
                singular: text(crd, "/spec/names/singular").into(),
                short_names: words(crd, "/spec/names/shortNames"),
                categories: words(crd, "/spec/names/categories"),
                namespaced: text(crd, "/spec/scope") == "Namespaced",
                verbs: CUSTOM_VERBS,
                status: version.pointer("/subresources/status").is_some(),
                resource: meta(crd, "name").into(),
                stored_as: format!("{group}/{}", stored_version(crd)),
                view: View::Stored,
                generation: true,
                unconditional: false,
                returns_deleted: false,
                selectable: list(version, "/selectableFields")
                    .iter()
                    .map(|field| text(field, "/jsonPath").trim_start_matches('.').to_owned())
                    .collect(),
                columns: table::custom_columns(version),
                deprecated: deprecation(crd, version),
                rules: KindRules::Custom(Box::new(Schema::compile(schema)?)),
            })
        })
        .collect()
}

/// The warning of a deprecated version.
fn deprecation(crd: &Value, version: &Value) -> Option<String> {
    if !is_true(version, "deprecated") {
        return None;
    }
    if let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) {
        return Some(warning.into());
    }
    let (group, kind, name) =
        (text(crd, "/spec/group"), text(crd, "/spec/names/kind"), text(version, "/name"));
    let newer = list(crd, "/spec/versions")
        .iter()
        .filter(|v| is_true(v, "served") && !is_true(v, "deprecated"))
        .map(|v| text(v, "/name"))
        .filter(|other| priority(other) > priority(name))
        .max_by_key(|other| priority(other));
    let advice = newer.map(|newer| format!("; use {group}/{newer} {kind}")).unwrap_or_default();
    Some(format!("{group}/{name} {kind} is deprecated{advice}"))
}

/// The rank of a version: v2 comes before v1, then v1beta2, then v1alpha1, then anything else.
pub(crate) fn priority(version: &str) -> (u8, u32, u32) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (major, stage) = rest.split_at(end);
        let major = major.parse().ok()?;
        if stage.is_empty() {
            return Some((3, major, 0));
        }
        let (rank, minor) = stage
            .strip_prefix("beta")
            .map(|n| (2, n))
            .or_else(|| stage.strip_prefix("alpha").map(|n| (1, n)))?;
        Some((rank, major, minor.parse().ok()?))
    };
    parse().unwrap_or((0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widgets() -> Value {
        let schema = json!({"openAPIV3Schema": {"type": "object"}});
        json!({"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {"name": "v1beta1", "served": true, "storage": false, "schema": schema},
            {"name": "v1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}},
        ]}})
    }

    #[test]
    fn a_definition_is_established_when_it_is_prepared() {
        let mut crd = widgets();
        prepare(&mut crd, None);
        let established = table::find(&crd, ".status.conditions[?(@.type==\"Established\")].status");
        assert_eq!(established, Some(&json!("True")));
        assert_eq!(text(&crd, "/status/acceptedNames/listKind"), "WidgetList");
        assert_eq!(crd["status"]["storedVersions"], json!(["v1"]));
    }

    #[test]
    fn a_version_that_objects_are_stored_in_cannot_go() {
        let mut before = widgets();
        prepare(&mut before, None);
        let mut after = widgets();
        after["spec"]["versions"].as_array_mut().expect("versions").pop();
        after["spec"]["versions"][0]["storage"] = true.into();
        prepare(&mut after, Some(&before));
        assert_eq!(after["status"]["storedVersions"], json!(["v1", "v1beta1"]));
        let fields: Vec<String> = check(&after).into_iter().map(|c| c.field).collect();
        assert_eq!(fields, ["status.storedVersions"]);
    }

    #[test]
    fn versions_are_served_in_order_of_maturity_and_stored_as_one() {
        let kinds = kinds(&widgets()).expect("compiles");
        let served: Vec<_> =
            kinds.iter().map(|k| (k.version.as_str(), k.status, k.stored_as.as_str())).collect();
        assert_eq!(served, [("v1", true, "example.com/v1"), ("v1beta1", false, "example.com/v1")]);
    }

    #[test]
    fn a_deprecated_version_warns_in_its_own_words_or_in_the_usual_ones() {
        let mut crd = widgets();
        let warning = |crd: &Value| kinds(crd).expect("compiles")[1].deprecated.clone();
        assert_eq!(warning(&crd), None);
        crd["spec"]["versions"][0]["deprecated"] = true.into();
        let usual = "example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget";
        assert_eq!(warning(&crd).as_deref(), Some(usual));
        crd["spec"]["versions"][0]["deprecationWarning"] = "go".into();
        assert_eq!(warning(&crd).as_deref(), Some("go"));
    }

    #[test]
    fn a_name_that_is_not_plural_and_group_is_refused() {
        let mut crd = widgets();
        crd["metadata"]["name"] = "other".into();
        let fields: Vec<String> = check(&crd).into_iter().map(|c| c.field).collect();
        assert_eq!(fields, ["metadata.name"]);
    }
}
