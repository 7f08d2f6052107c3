//! Compares the recorded answer with that of the sandbox.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::discovery;

/// The recorded values that have occurred so far, each with the sandbox's value in its place.
#[derive(Debug, Default)]
pub struct Learned {
    /// Versions of objects.
    versions: BTreeMap<u64, u64>,
    /// Everything else that a later request may contain.
    quotes: HashMap<String, String>,
}

/// Metadata that differs between any two runs.
const TIMES: [&str; 2] = ["creationTimestamp", "deletionTimestamp"];

impl Learned {
    /// The text of a request, with the recorded values replaced by the sandbox's.
    pub fn quote(&self, text: &str) -> String {
        let mut quoted = text.to_owned();
        for (name, end) in [("resourceVersion=", '&'), ("continue=", '&')] {
            if let Some((before, rest)) = text.split_once(name) {
                let (value, after) = rest.split_at(rest.find(end).unwrap_or(rest.len()));
                if let Some(ours) = self.quotes.get(value) {
                    quoted = format!("{before}{name}{}{after}", ours.replace('+', "%2B").replace('=', "%3D"));
                }
            }
        }
        quoted
    }

    /// The same for a body: its versions and uids.
    pub fn quote_body(&self, body: &mut Value) {
        match body {
            Value::Object(map) => {
                for (key, value) in map {
                    let known = value.as_str().and_then(|text| self.quotes.get(text));
                    match (key.as_str(), known) {
                        ("resourceVersion" | "uid", Some(ours)) => *value = ours.clone().into(),
                        _ => self.quote_body(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.quote_body(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Compares two answers, and adds every difference to `out`.
    pub fn compare(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        match recorded["kind"].as_str().unwrap_or_default() {
            "Status" => equal("", &status(recorded), &status(ours), out),
            "Table" => self.table(recorded, ours, out),
            "APIVersions" => equal(".versions", &recorded["versions"], &ours["versions"], out),
            "APIGroupList" => discovery::groups(recorded, ours, out),
            "APIResourceList" => discovery::resources(recorded, ours, out),
            "APIGroupDiscoveryList" => discovery::aggregated(recorded, ours, out),
            kind if kind.ends_with("List") => self.list(recorded, ours, out),
            "" if recorded.get("gitVersion").is_some() => discovery::version(recorded, ours, out),
            _ => self.object(recorded, ours, out),
        }
    }

    /// Compares two events of a watch.
    pub fn event(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        equal(".type", &recorded["type"], &ours["type"], out);
        if recorded["type"] == "BOOKMARK" {
            let marks = |event: &Value| event.pointer("/object/metadata/annotations").cloned();
            equal(".annotations", &json!(marks(recorded)), &json!(marks(ours)), out);
            self.list_version(&recorded["object"], &ours["object"], out);
        } else {
            self.compare(&recorded["object"], &ours["object"], out);
        }
    }

    fn object(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        let at = |object: &Value| {
            object.pointer("/metadata/resourceVersion").and_then(Value::as_str).and_then(|v| v.parse().ok())
        };
        match (at(recorded), at(ours)) {
            (Some(theirs), Some(mine)) => self.object_version(theirs, mine, out),
            (None, None) => {}
            (theirs, mine) => out.push(format!("resourceVersion: recorded {theirs:?}, here {mine:?}")),
        }
        if let (Some(theirs), Some(mine)) = (text(recorded, "/metadata/uid"), text(ours, "/metadata/uid")) {
            self.quotes.insert(theirs.into(), mine.into());
        }
        equal("", &plain(recorded), &plain(ours), out);
    }

    /// Checks that the versions of objects are in the same order as the recorded ones.
    fn object_version(&mut self, recorded: u64, ours: u64, out: &mut Vec<String>) {
        let expected = if let Some(known) = self.versions.get(&recorded) {
            ours == *known
        } else {
            let before = self.versions.range(..recorded).next_back();
            let after = self.versions.range(recorded..).next();
            before.is_none_or(|(_, known)| *known < ours) && after.is_none_or(|(_, known)| ours < *known)
        };
        if !expected {
            out.push(format!("resourceVersion {ours} does not stand where the recorded {recorded} stood"));
        }
        self.versions.insert(recorded, ours);
        self.quotes.insert(recorded.to_string(), ours.to_string());
    }

    fn list_version(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        let at = |list: &Value| text(list, "/metadata/resourceVersion").and_then(|v| v.parse::<u64>().ok());
        let (Some(recorded), Some(ours)) = (at(recorded), at(ours)) else {
            out.push("a list without a resourceVersion".into());
            return;
        };
        if let Some((_, known)) =
            self.versions.range(..=recorded).next_back().filter(|(_, known)| **known > ours)
        {
            out.push(format!("the list's version {ours} is before {known}, which it ought to know"));
        }
        self.quotes.entry(recorded.to_string()).or_insert_with(|| ours.to_string());
    }

    fn list(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        self.list_version(recorded, ours, out);
        self.paging(recorded, ours, out);
        equal(
            ".kind",
            &json!([recorded["kind"], recorded["apiVersion"]]),
            &json!([ours["kind"], ours["apiVersion"]]),
            out,
        );
        let (theirs, mine) = (items(recorded), items(ours));
        if theirs.len() != mine.len() {
            out.push(format!("recorded {} items, here {}", theirs.len(), mine.len()));
        }
        theirs.iter().zip(mine).for_each(|(theirs, mine)| self.object(theirs, mine, out));
    }

    fn paging(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        let (theirs, mine) = (text(recorded, "/metadata/continue"), text(ours, "/metadata/continue"));
        let shape = |token: Option<&str>| token.map(str::is_empty);
        if shape(theirs) != shape(mine) {
            out.push(format!("continue: recorded {theirs:?}, here {mine:?}"));
        }
        self.quotes.insert(theirs.unwrap_or_default().into(), mine.unwrap_or_default().into());
        let remaining = "/metadata/remainingItemCount";
        equal(
            ".remainingItemCount",
            &json!(recorded.pointer(remaining)),
            &json!(ours.pointer(remaining)),
            out,
        );
    }

    fn table(&mut self, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
        self.list_version(recorded, ours, out);
        let columns = |table: &Value| -> Value {
            let all = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
            all.iter().map(|c| json!([c["name"], c["type"], c["format"], c["priority"]])).collect()
        };
        equal(".columnDefinitions", &columns(recorded), &columns(ours), out);
        let rows = |table: &Value| table["rows"].as_array().cloned().unwrap_or_default();
        if rows(recorded).len() != rows(ours).len() {
            out.push(format!("recorded {} rows, here {}", rows(recorded).len(), rows(ours).len()));
        }
        for (theirs, mine) in rows(recorded).iter().zip(rows(ours)) {
            equal(".cells", &cells(recorded, theirs), &cells(recorded, &mine), out);
            self.object(&theirs["object"], &mine["object"], out);
        }
    }
}

pub fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

pub fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

/// The cells of a row without ages.
fn cells(table: &Value, row: &Value) -> Value {
    let ages = ["Age", "Last Seen", "First Seen"];
    let columns = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
    let cells = row["cells"].as_array().cloned().unwrap_or_default();
    let shown = cells.into_iter().enumerate().map(|(index, cell)| {
        let name = columns.get(index).and_then(|c| c["name"].as_str()).unwrap_or_default();
        if ages.contains(&name) { json!(cell.is_string()) } else { cell }
    });
    shown.collect()
}

/// The part of a Status that is compared.
fn status(status: &Value) -> Value {
    let causes: BTreeSet<String> = status["details"]["causes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|cause| format!("{} {}", cause["reason"], cause["field"]))
        .collect();
    json!({
        "kind": status["kind"], "status": status["status"], "reason": status["reason"], "code": status["code"],
        "details.kind": status["details"]["kind"], "causes": causes,
    })
}

/// The managed fields of a custom resource, without their order and times. Those of core kinds are not compared.
fn managers(object: &Value) -> BTreeSet<String> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let custom = entries
        .into_iter()
        .flatten()
        .filter(|entry| text(entry, "/apiVersion").is_some_and(|version| version.contains("snapshot")));
    let entries = custom.map(|entry| {
        let fields = ["manager", "operation", "subresource", "fieldsType", "fieldsV1"];
        json!(fields.map(|field| &entry[field])).to_string()
    });
    entries.collect()
}

/// An object without the fields that differ between any two runs.
fn plain(object: &Value) -> Value {
    let mut object = object.clone();
    let managers = managers(&object);
    if let Some(time) = object.pointer_mut("/status/lastPhaseTransitionTime") {
        *time = "a time".into();
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        for gone in ["resourceVersion", "selfLink"] {
            metadata.remove(gone);
        }
        metadata.insert("managedFields".into(), json!(managers));
        for time in TIMES {
            metadata.entry(time).and_modify(|value| *value = "a time".into());
        }
        metadata.entry("uid").and_modify(|value| *value = "a uid".into());
        if let (Some(Value::String(prefix)), Some(Value::String(name))) =
            (metadata.get("generateName").cloned(), metadata.get_mut("name"))
            && name.len() == prefix.len() + 5
            && name.starts_with(&prefix)
        {
            *name = prefix;
        }
    }
    object
}

/// Adds every path at which two values differ.
pub fn equal(path: &str, recorded: &Value, ours: &Value, out: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(theirs), Value::Object(mine)) => {
            for key in theirs.keys().chain(mine.keys().filter(|key| !theirs.contains_key(*key))) {
                let here = format!("{path}.{key}");
                match (theirs.get(key), mine.get(key)) {
                    (Some(theirs), Some(mine)) => equal(&here, theirs, mine, out),
                    (Some(theirs), None) => out.push(format!("{here}: recorded {theirs}, here nothing")),
                    (None, mine) => out.push(format!("{here}: recorded nothing, here {}", json!(mine))),
                }
            }
        }
        (Value::Array(theirs), Value::Array(mine)) if theirs.len() == mine.len() => {
            let pairs = theirs.iter().zip(mine).enumerate();
            pairs.for_each(|(index, (theirs, mine))| equal(&format!("{path}[{index}]"), theirs, mine, out));
        }
        _ if recorded == ours => {}
        _ => out.push(format!("{path}: recorded {recorded}, here {ours}")),
    }
}
