//! Builds the tables that `kubectl get` asks for.

use serde_json::{Value, json};

use crate::api::clock;
use crate::api::object::{list, meta, text};

/// A column of a table, and how its cells are computed from a stored object.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `string`, `integer`, `boolean`, `date`, `number`.
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    /// A column with priority 0 is always shown, any other only with `-o wide`.
    pub(crate) priority: i64,
    pub(crate) cell: Cell,
}

/// How a cell is computed.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// From the value at a path like `.status.conditions[?(@.type=="Ready")].status`.
    Path(String),
    /// By code.
    Code(fn(&Value) -> Value),
}

fn column(name: &str, priority: i64, cell: fn(&Value) -> Value) -> Column {
    let (kind, format) = ("string".into(), if name == "Name" { "name".into() } else { String::new() });
    Column { name: name.into(), kind, format, description: String::new(), priority, cell: Cell::Code(cell) }
}

fn name() -> Column {
    column("Name", 0, |o| meta(o, "name").into())
}

fn age() -> Column {
    column("Age", 0, |o| clock::age(meta(o, "creationTimestamp")).into())
}

fn at(object: &Value, pointer: &str) -> Value {
    text(object, pointer).into()
}

/// The columns of a kind that defines none.
pub(crate) fn plain_columns() -> Vec<Column> {
    vec![name(), age()]
}

/// The columns of a version of a CRD: the name, and then those of `additionalPrinterColumns`, or the age.
pub(crate) fn custom_columns(version: &Value) -> Vec<Column> {
    let mut columns = vec![name()];
    for spec in list(version, "/additionalPrinterColumns") {
        columns.push(Column {
            name: text(spec, "/name").into(),
            kind: text(spec, "/type").into(),
            format: text(spec, "/format").into(),
            description: text(spec, "/description").into(),
            priority: spec.get("priority").and_then(Value::as_i64).unwrap_or(0),
            cell: Cell::Path(text(spec, "/jsonPath").into()),
        });
    }
    if columns.len() == 1 {
        let age =
            Column { kind: "date".into(), cell: Cell::Path(".metadata.creationTimestamp".into()), ..age() };
        columns.push(age);
    }
    columns
}

pub(crate) fn event_columns() -> Vec<Column> {
    vec![
        column("Last Seen", 0, |o| event_age(o, &["/series/lastObservedTime", "/lastTimestamp"])),
        column("Type", 0, |o| at(o, "/type")),
        column("Reason", 0, |o| at(o, "/reason")),
        column("Object", 0, |o| {
            let (kind, name) = (text(o, "/involvedObject/kind"), text(o, "/involvedObject/name"));
            format!("{}/{name}", kind.to_lowercase()).into()
        }),
        column("Subobject", 1, |o| at(o, "/involvedObject/fieldPath")),
        column("Source", 1, |o| {
            let either = |a, b| if text(o, a).is_empty() { text(o, b) } else { text(o, a) };
            let component = either("/source/component", "/reportingComponent");
            let host = either("/source/host", "/reportingInstance");
            if host.is_empty() { component.into() } else { format!("{component}, {host}").into() }
        }),
        column("Message", 0, |o| text(o, "/message").trim().into()),
        column("First Seen", 1, |o| event_age(o, &[])),
        column("Count", 1, |o| {
            let counts = [o.pointer("/series/count"), o.get("count")].into_iter().flatten();
            counts.filter_map(Value::as_i64).find(|count| *count > 0).unwrap_or(1).into()
        }),
        Column { priority: 1, ..name() },
    ]
}

fn event_age(event: &Value, times: &[&str]) -> Value {
    let times = times.iter().chain(&["/firstTimestamp", "/eventTime"]);
    let time = times.map(|time| text(event, time)).find(|time| !time.is_empty());
    clock::age(time.unwrap_or_default()).into()
}

pub(crate) fn configmap_columns() -> Vec<Column> {
    let count = |o: &Value| o.get("data").and_then(Value::as_object).map_or(0, serde_json::Map::len).into();
    vec![name(), column("Data", 0, count), age()]
}

pub(crate) fn secret_columns() -> Vec<Column> {
    let count = |o: &Value| o.get("data").and_then(Value::as_object).map_or(0, serde_json::Map::len).into();
    vec![name(), column("Type", 0, |o| at(o, "/type")), column("Data", 0, count), age()]
}

pub(crate) fn namespace_columns() -> Vec<Column> {
    vec![name(), column("Status", 0, |o| at(o, "/status/phase")), age()]
}

pub(crate) fn lease_columns() -> Vec<Column> {
    vec![name(), column("Holder", 0, |o| at(o, "/spec/holderIdentity")), age()]
}

pub(crate) fn binding_columns() -> Vec<Column> {
    let role = |o: &Value| format!("{}/{}", text(o, "/roleRef/kind"), text(o, "/roleRef/name")).into();
    vec![name(), column("Role", 0, role), age()]
}

pub(crate) fn creation_columns() -> Vec<Column> {
    vec![name(), column("Created At", 0, |o| meta(o, "creationTimestamp").into())]
}

pub(crate) fn pod_columns() -> Vec<Column> {
    let ready = |o: &Value| {
        let up = list(o, "/status/containerStatuses").iter().filter(|c| c["ready"] == true).count();
        format!("{up}/{}", list(o, "/spec/containers").len()).into()
    };
    vec![name(), column("Ready", 0, ready), column("Status", 0, |o| at(o, "/status/phase")), age()]
}

fn modes(list: &[Value]) -> Value {
    let short = |mode: &str| match mode {
        "ReadWriteOnce" => "RWO".to_owned(),
        "ReadOnlyMany" => "ROX".to_owned(),
        "ReadWriteMany" => "RWX".to_owned(),
        "ReadWriteOncePod" => "RWOP".to_owned(),
        other => other.to_owned(),
    };
    list.iter().filter_map(Value::as_str).map(short).collect::<Vec<_>>().join(",").into()
}

pub(crate) fn claim_columns() -> Vec<Column> {
    vec![
        name(),
        column("Status", 0, |o| {
            if meta(o, "deletionTimestamp").is_empty() {
                at(o, "/status/phase")
            } else {
                "Terminating".into()
            }
        }),
        column("Volume", 0, |o| at(o, "/spec/volumeName")),
        column("Capacity", 0, |o| at(o, "/status/capacity/storage")),
        column("Access Modes", 0, |o| modes(list(o, "/status/accessModes"))),
        column("StorageClass", 0, |o| at(o, "/spec/storageClassName")),
        age(),
        column("VolumeMode", 1, |o| at(o, "/spec/volumeMode")),
    ]
}

pub(crate) fn volume_columns() -> Vec<Column> {
    vec![
        name(),
        column("Capacity", 0, |o| at(o, "/spec/capacity/storage")),
        column("Access Modes", 0, |o| modes(list(o, "/spec/accessModes"))),
        column("Reclaim Policy", 0, |o| at(o, "/spec/persistentVolumeReclaimPolicy")),
        column("Status", 0, |o| at(o, "/status/phase")),
        column("Claim", 0, |o| {
            let (ns, name) = (text(o, "/spec/claimRef/namespace"), text(o, "/spec/claimRef/name"));
            if name.is_empty() { "".into() } else { format!("{ns}/{name}").into() }
        }),
        column("StorageClass", 0, |o| at(o, "/spec/storageClassName")),
        age(),
    ]
}

/// Builds a table. Each row in `shown` is the stored object, from which the cells are computed, and the `object` of the
/// row. A watch leaves out the headers after its first event.
pub(crate) fn table(columns: &[Column], headers: bool, shown: &[(&Value, Value)], metadata: &Value) -> Value {
    let definitions: Vec<Value> = columns
        .iter()
        .map(|c| {
            json!({"name": c.name, "type": c.kind, "format": c.format, "description": c.description,
                   "priority": c.priority})
        })
        .collect();
    let rows: Vec<Value> = shown
        .iter()
        .map(|(stored, object)| {
            let cells: Vec<Value> = columns.iter().map(|column| cell(column, stored)).collect();
            json!({"cells": cells, "object": object})
        })
        .collect();
    let mut table =
        json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "rows": rows});
    table["columnDefinitions"] = if headers { definitions.into() } else { Value::Null };
    table
}

fn cell(column: &Column, object: &Value) -> Value {
    match &column.cell {
        Cell::Code(code) => code(object),
        Cell::Path(path) => {
            let Some(value) = find(object, path) else {
                return Value::Null;
            };
            match (column.kind.as_str(), value) {
                ("date", Value::String(time)) => clock::age(time).into(),
                ("string", Value::String(_)) | ("integer" | "number" | "boolean", _) => value.clone(),
                (_, Value::String(text)) => text.as_str().into(),
                (_, other) => other.to_string().into(),
            }
        }
    }
}

/// The value at the path of a printer column, which can have members, `['quoted members']`, indexes and one-field filters.
pub(crate) fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut here = object;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, next) = after.split_once(']')?;
            here = bracket(here, inside)?;
            rest = next;
        } else {
            let plain = rest.trim_start_matches('.');
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (member, next) = plain.split_at(end);
            here = here.get(member)?;
            rest = next;
        }
    }
    Some(here)
}

fn bracket<'a>(here: &'a Value, inside: &str) -> Option<&'a Value> {
    if let Some(filter) = inside.strip_prefix("?(@.").and_then(|f| f.strip_suffix(')')) {
        let (field, wanted) = filter.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        return here
            .as_array()?
            .iter()
            .find(|item| item.get(field.trim()).and_then(Value::as_str) == Some(wanted));
    }
    match inside.parse::<usize>() {
        Ok(index) => here.get(index),
        Err(_) => here.get(inside.trim_matches(['"', '\''])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reaches_members_quoted_members_indexes_and_filtered_items() {
        let object = json!({"a": {"b.c/d": [{"type": "X", "v": 1}, {"type": "Y", "v": 2}]}});
        assert_eq!(find(&object, ".a['b.c/d'][0].v"), Some(&json!(1)));
        assert_eq!(find(&object, r#".a["b.c/d"][?(@.type=="Y")].v"#), Some(&json!(2)));
        assert_eq!(find(&object, ".a.nope"), None);
    }

    #[test]
    fn an_event_shows_its_series_and_who_reports_it_where_the_older_fields_are_empty() {
        let cells = |event: &Value| -> Value {
            let all = table(&event_columns(), true, &[(event, Value::Null)], &Value::Null);
            ["Last Seen", "Source", "First Seen", "Count"]
                .map(|wanted| {
                    let headers = all["columnDefinitions"].as_array().into_iter().flatten();
                    let at = headers.clone().position(|header| header["name"] == wanted).expect("a column");
                    all["rows"][0]["cells"][at].clone()
                })
                .into()
        };
        let ago = |seconds| (clock::now() - jiff::SignedDuration::from_secs(seconds)).to_string();
        let older = json!({"source": {"component": "c", "host": "h"}, "reportingComponent": "r", "count": 3,
                           "firstTimestamp": ago(7200), "lastTimestamp": ago(3600)});
        assert_eq!(cells(&older), json!(["60m", "c, h", "120m", 3]));
        let mut newer = json!({"reportingComponent": "r", "reportingInstance": "i", "eventTime": ago(7200)});
        assert_eq!(cells(&newer), json!(["120m", "r, i", "120m", 1]));
        newer["series"] = json!({"count": 2, "lastObservedTime": ago(3600)});
        assert_eq!(cells(&newer), json!(["60m", "r, i", "120m", 2]));
    }
}
