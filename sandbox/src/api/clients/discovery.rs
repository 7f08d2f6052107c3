//! Answers discovery requests, in the plain and in the aggregated form.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::access::reviews::REVIEWS;
use crate::api::failure::ApiFailure;
use crate::api::http::answer::ApiAnswer;
use crate::api::http::request::Call;
use crate::api::kinds::crd;
use crate::api::kinds::kind::{Kind, KindRules};
use crate::api::store::state::State;

/// The versions of aggregated discovery, which all have the same form.
const AGGREGATED: [&str; 2] = ["v2", "v2beta1"];

/// The version of Kubernetes that the server imitates.
pub(crate) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35", "gitVersion": "v1.36.2-sandbox",
        "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none",
        "compiler": "rustc", "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// A group with its versions, the preferred one first.
struct Group {
    name: String,
    versions: Vec<String>,
}

fn groups(kinds: &[Arc<Kind>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for kind in kinds.iter().filter(|kind| !kind.group.is_empty()) {
        let known = groups.iter().position(|g| g.name == kind.group);
        let at = known.unwrap_or_else(|| {
            groups.push(Group { name: kind.group.clone(), versions: Vec::new() });
            groups.len() - 1
        });
        let versions = &mut groups[at].versions;
        if !versions.contains(&kind.version) {
            versions.push(kind.version.clone());
        }
    }
    for review in &REVIEWS {
        if groups.iter().all(|group| group.name != review.group) {
            groups.push(Group { name: review.group.into(), versions: vec!["v1".into()] });
        }
    }
    for group in &mut groups {
        group.versions.sort_by_key(|version| std::cmp::Reverse(crd::priority(version)));
    }
    groups
}

/// A resource or a subresource, for both forms of discovery.
struct Entry {
    resource: String,
    sub: &'static str,
    singular: String,
    namespaced: bool,
    kind: String,
    /// The group and version of the kind, if it belongs to another group.
    foreign: Option<(&'static str, &'static str)>,
    verbs: Vec<&'static str>,
    short_names: Vec<String>,
    categories: Vec<String>,
    custom: bool,
}

fn entries(kinds: &[Arc<Kind>], group: &str, version: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let reviews = REVIEWS.iter().filter(|review| review.group == group && version == "v1");
    entries.extend(reviews.map(|review| Entry {
        resource: review.plural.into(),
        sub: "",
        singular: review.kind.to_lowercase(),
        namespaced: false,
        kind: review.kind.into(),
        foreign: None,
        verbs: vec!["create"],
        short_names: Vec::new(),
        categories: Vec::new(),
        custom: false,
    }));
    for kind in kinds.iter().filter(|k| k.group == group && k.version == version) {
        let entry = |sub: &'static str, verbs: &[&'static str], served: &str, foreign| Entry {
            resource: kind.plural.clone(),
            sub,
            singular: if sub.is_empty() { kind.singular.clone() } else { String::new() },
            namespaced: kind.namespaced,
            kind: served.into(),
            foreign,
            verbs: verbs.to_vec(),
            short_names: if sub.is_empty() { kind.short_names.clone() } else { Vec::new() },
            categories: if sub.is_empty() { kind.categories.clone() } else { Vec::new() },
            custom: matches!(kind.rules, KindRules::Custom(_)),
        };
        entries.push(entry("", kind.verbs, &kind.kind, None));
        if kind.status {
            entries.push(entry("status", &["get", "patch", "update"], &kind.kind, None));
        }
        if kind.kind == "ServiceAccount" {
            entries.push(entry("token", &["create"], "TokenRequest", Some(("authentication.k8s.io", "v1"))));
        }
    }
    entries.sort_by(|a, b| (&a.resource, a.sub).cmp(&(&b.resource, b.sub)));
    entries
}

fn plain(entry: &Entry) -> Value {
    let name = if entry.sub.is_empty() {
        entry.resource.clone()
    } else {
        format!("{}/{}", entry.resource, entry.sub)
    };
    let mut out = json!({
        "name": name, "singularName": entry.singular, "namespaced": entry.namespaced, "kind": entry.kind,
        "verbs": entry.verbs,
    });
    if let Some((group, version)) = entry.foreign {
        out["group"] = group.into();
        out["version"] = version.into();
    }
    extras(entry, &mut out);
    out
}

fn extras(entry: &Entry, out: &mut Value) {
    if !entry.short_names.is_empty() {
        out["shortNames"] = json!(entry.short_names);
    }
    if !entry.categories.is_empty() {
        out["categories"] = json!(entry.categories);
    }
}

/// Aggregated discovery names the group of a custom resource's kind and leaves that of a built-in one empty.
fn response_kind(entry: &Entry, group: &str, version: &str) -> Value {
    let (group, version) = match entry.foreign {
        Some(foreign) => foreign,
        None if entry.custom => (group, version),
        None => ("", ""),
    };
    json!({"group": group, "version": version, "kind": entry.kind})
}

fn aggregated(kinds: &[Arc<Kind>], group: &str, version: &str) -> Value {
    let mut resources: Vec<Value> = Vec::new();
    for entry in entries(kinds, group, version) {
        if entry.sub.is_empty() {
            let mut out = json!({
                "resource": entry.resource, "responseKind": response_kind(&entry, group, version),
                "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
                "singularResource": entry.singular, "verbs": entry.verbs,
            });
            extras(&entry, &mut out);
            resources.push(out);
        } else if let Some(parent) = resources.last_mut() {
            let sub = json!({
                "subresource": entry.sub, "responseKind": response_kind(&entry, group, version),
                "verbs": entry.verbs,
            });
            match parent.get_mut("subresources").and_then(Value::as_array_mut) {
                Some(subs) => subs.push(sub),
                None => parent["subresources"] = json!([sub]),
            }
        }
    }
    json!({"version": version, "resources": resources, "freshness": "Current"})
}

fn group_json(group: &Group) -> Value {
    let version = |v: &String| json!({"groupVersion": format!("{}/{v}", group.name), "version": v});
    let versions: Vec<Value> = group.versions.iter().map(version).collect();
    json!({"name": group.name, "versions": versions, "preferredVersion": versions.first()})
}

/// Answers requests below `/api` and `/apis`.
///
/// # Errors
/// 404 for a group or version that is not served.
pub(crate) fn answer(state: &State, call: &Call) -> Result<ApiAnswer, ApiFailure> {
    let kinds = state.kinds.all();
    let aggregated_as = aggregated_version(call);
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api"] if aggregated_as.is_some() => {
            let item = json!({"metadata": {}, "versions": [aggregated(&kinds, "", "v1")]});
            Ok(all_groups(aggregated_as, &json!([item])))
        }
        ["apis"] if aggregated_as.is_some() => {
            let item = |group: &Group| {
                let versions: Vec<Value> =
                    group.versions.iter().map(|version| aggregated(&kinds, &group.name, version)).collect();
                json!({"metadata": {"name": group.name}, "versions": versions})
            };
            Ok(all_groups(aggregated_as, &groups(&kinds).iter().map(item).collect()))
        }
        ["api"] => {
            let host = call.headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or_default();
            let address = json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]);
            Ok(ApiAnswer::json(
                200,
                &json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": address}),
            ))
        }
        ["apis"] => {
            let groups: Vec<Value> = groups(&kinds).iter().map(group_json).collect();
            Ok(ApiAnswer::json(200, &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
        }
        ["api", version] => resources(&kinds, "", version),
        ["apis", group, version] => resources(&kinds, group, version),
        ["apis", name] => {
            let group =
                groups(&kinds).into_iter().find(|g| g.name == *name).ok_or_else(ApiFailure::no_page)?;
            let mut out = group_json(&group);
            out["kind"] = "APIGroup".into();
            out["apiVersion"] = "v1".into();
            Ok(ApiAnswer::json(200, &out))
        }
        _ => Err(ApiFailure::no_page()),
    }
}

/// The version of aggregated discovery in the first accepted media type, if any.
fn aggregated_version(call: &Call) -> Option<&'static str> {
    let first = call.accepts().into_iter().next()?;
    let parts: Vec<&str> = first.split(';').collect();
    let asked = AGGREGATED.into_iter().find(|version| parts.contains(&format!("v={version}").as_str()));
    asked.filter(|_| parts.contains(&"as=APIGroupDiscoveryList"))
}

fn all_groups(version: Option<&str>, items: &Value) -> ApiAnswer {
    let version = version.unwrap_or(AGGREGATED[0]);
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": items,
    });
    let mut answer = ApiAnswer::json(200, &list);
    answer.content_type =
        format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    answer
}

fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Result<ApiAnswer, ApiFailure> {
    let resources: Vec<Value> = entries(kinds, group, version).iter().map(plain).collect();
    if resources.is_empty() {
        return Err(ApiFailure::no_page());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": resources});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Ok(ApiAnswer::json(200, &list))
}
