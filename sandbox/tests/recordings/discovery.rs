//! Compares discovery entry by entry, because the sandbox has fewer kinds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::compare::{equal, items, text};

/// The groups that have to be complete.
const SNAPSHOT_GROUPS: [&str; 2] = ["snapshot.storage.k8s.io", "groupsnapshot.storage.k8s.io"];

pub fn groups(recorded: &Value, ours: &Value, out: &mut Vec<String>) {
    listed(".groups", &recorded["groups"], &ours["groups"], "/name", &SNAPSHOT_GROUPS, out);
}

/// Compares the entries of the sandbox with the recorded ones of the same name. Those that are named in `complete` must
/// exist.
fn listed(path: &str, recorded: &Value, ours: &Value, name: &str, complete: &[&str], out: &mut Vec<String>) {
    let index = |list: &Value| -> BTreeMap<String, Value> {
        let entries = list.as_array().into_iter().flatten();
        entries.map(|entry| (text(entry, name).unwrap_or_default().to_owned(), entry.clone())).collect()
    };
    let (theirs, mine) = (index(recorded), index(ours));
    if mine.is_empty() {
        out.push(format!("{path}: nothing is listed here"));
    }
    for (name, entry) in &mine {
        match theirs.get(name) {
            Some(recorded) => equal(&format!("{path}.{name}"), recorded, entry, out),
            None => out.push(format!("{path}.{name}: recorded nothing")),
        }
    }
    for name in complete.iter().filter(|name| !mine.contains_key(**name)) {
        out.push(format!("{path}.{name}: here nothing"));
    }
}

pub fn resources(recorded: &Value, ours: &Value, out: &mut Vec<String>) {
    let mut recorded = recorded.clone();
    for entry in recorded["resources"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.remove("storageVersionHash");
    }
    let group =
        recorded["groupVersion"].as_str().and_then(|g| g.split_once('/')).map_or("", |(group, _)| group);
    let all: Vec<&str> =
        recorded["resources"].as_array().into_iter().flatten().filter_map(|r| text(r, "/name")).collect();
    let complete: &[&str] = if SNAPSHOT_GROUPS.contains(&group) { &all } else { &[] };
    listed(".resources", &recorded["resources"], &ours["resources"], "/name", complete, out);
    equal(".groupVersion", &recorded["groupVersion"], &ours["groupVersion"], out);
}

pub fn aggregated(recorded: &Value, ours: &Value, out: &mut Vec<String>) {
    let group = |entry: &Value| text(entry, "/metadata/name").unwrap_or_default().to_owned();
    for mine in items(ours) {
        let name = group(mine);
        let Some(theirs) = items(recorded).iter().find(|entry| group(entry) == name) else {
            out.push(format!("{name}: recorded nothing"));
            continue;
        };
        let versions = |entry: &Value| entry["versions"].as_array().cloned().unwrap_or_default();
        for (theirs, mine) in versions(theirs).iter().zip(versions(mine)) {
            let path = format!("{name}/{}", mine["version"]);
            equal(
                &path,
                &json!([theirs["version"], theirs["freshness"]]),
                &json!([mine["version"], mine["freshness"]]),
                out,
            );
            let (theirs, mine) =
                (without_foreign_subs(&theirs["resources"], &mine["resources"]), &mine["resources"]);
            listed(&path, &theirs, mine, "/resource", &[], out);
        }
    }
    let complete = SNAPSHOT_GROUPS.iter().all(|g| items(ours).iter().any(|entry| group(entry) == *g));
    if !complete && items(recorded).len() > 1 {
        out.push("a snapshot group is missing here".into());
    }
}

/// The recorded resources without the subresources that the sandbox does not serve, such as pods/exec.
fn without_foreign_subs(recorded: &Value, ours: &Value) -> Value {
    let mut recorded = recorded.clone();
    for theirs in recorded.as_array_mut().into_iter().flatten() {
        let mine = ours.as_array().into_iter().flatten().find(|mine| mine["resource"] == theirs["resource"]);
        let Some(mine) = mine else { continue };
        let served: Vec<&str> = mine["subresources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|s| text(s, "/subresource"))
            .collect();
        if let Some(Value::Array(subs)) = theirs.get_mut("subresources") {
            subs.retain(|sub| text(sub, "/subresource").is_some_and(|name| served.contains(&name)));
            if subs.is_empty() {
                theirs.as_object_mut().map(|entry| entry.remove("subresources"));
            }
        }
    }
    recorded
}

pub fn version(recorded: &Value, ours: &Value, out: &mut Vec<String>) {
    let names = |version: &Value| -> Vec<String> {
        version.as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect()
    };
    equal("", &json!(names(recorded)), &json!(names(ours)), out);
    equal("", &json!([recorded["major"], recorded["minor"]]), &json!([ours["major"], ours["minor"]]), out);
}
