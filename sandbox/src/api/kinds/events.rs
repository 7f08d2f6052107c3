//! The rules of events, and the conversion between their two API versions.

use serde_json::Value;

use super::core_rules::default;
use super::names::is_qualified;
use crate::api::cause::Cause;
use crate::api::object::{meta, text};

/// The fields by which core events can be selected.
pub(crate) const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

/// The same for events.k8s.io/v1.
pub(crate) const VIEW_FIELDS: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.resourceVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
];

/// The stored field for a field selector of events.k8s.io/v1.
pub(crate) fn stored_field(field: &str) -> String {
    match field.strip_prefix("regarding.") {
        Some(of) => format!("involvedObject.{of}"),
        None if field == "reportingController" => "reportingComponent".into(),
        None => field.into(),
    }
}

/// An event always has these three fields, even if they are empty.
pub(crate) fn prepare_event(event: &mut Value, _old: Option<&Value>) {
    if let Value::Object(event) = event {
        default(event, "eventTime", Value::Null);
        default(event, "reportingComponent", "".into());
        default(event, "reportingInstance", "".into());
    }
}

/// The maximum length in bytes of some fields of an event that has an event time.
const LONGEST: [(&str, usize); 4] =
    [("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)];

/// An event is in the namespace of its object; for a cluster-scoped object it is in `default`. An event that has an
/// event time must also say who reports it.
pub(crate) fn check_event(event: &Value) -> Vec<Cause> {
    let (of, at) = (text(event, "/involvedObject/namespace"), meta(event, "namespace"));
    let timed = !text(event, "/eventTime").is_empty();
    let fits = match (timed, of) {
        (false, "") => at == "default",
        (false, _) => of == at,
        (true, "") => matches!(at, "default" | "kube-system"),
        (true, _) => true,
    };
    let mut causes = Vec::new();
    if !fits {
        causes.push(Cause::invalid("involvedObject.namespace", "does not match event.namespace"));
    }
    if !timed {
        return causes;
    }
    let word = |field: &str| text(event, &format!("/{field}")).to_owned();
    for field in ["reportingComponent", "reportingInstance", "action", "reason"] {
        causes.extend(word(field).is_empty().then(|| Cause::required(field)));
    }
    let reporter = word("reportingComponent");
    if !reporter.is_empty() && !is_qualified(&reporter) {
        causes.push(Cause::invalid("reportingComponent", "is not a qualified name"));
    }
    for (field, most) in LONGEST {
        let why = || Cause::invalid(field, format!("can have at most {most} characters"));
        causes.extend((word(field).len() > most).then(why));
    }
    causes
}

/// In events.k8s.io/v1 a new event must have an event time and no deprecated field, and later only its series and its
/// metadata can change.
pub(crate) fn check_view_change(event: &Value, old: Option<&Value>) -> Vec<Cause> {
    let set = |field: &str| {
        let value = event.get(field);
        value.is_some_and(|value| !value.is_null() && value != "" && value != 0)
    };
    if let Some(old) = old {
        let fixed = [
            "action",
            "count",
            "eventTime",
            "firstTimestamp",
            "involvedObject",
            "lastTimestamp",
            "message",
            "reason",
            "related",
            "reportingComponent",
            "reportingInstance",
            "source",
            "type",
        ];
        let changed = fixed.into_iter().filter(|field| event.get(*field) != old.get(*field));
        return changed.map(|field| Cause::invalid(field, "field is immutable")).collect();
    }
    let mut causes = Vec::new();
    causes.extend((!set("eventTime")).then(|| Cause::required("eventTime")));
    let kind = text(event, "/type");
    if !matches!(kind, "Normal" | "Warning") {
        causes.push(Cause::invalid("type", format!("has invalid value: {kind}")));
    }
    let unset = ["firstTimestamp", "lastTimestamp", "count", "source"].into_iter().filter(|field| {
        if *field == "source" {
            !text(event, "/source/component").is_empty() || !text(event, "/source/host").is_empty()
        } else {
            set(field)
        }
    });
    causes.extend(unset.map(|field| Cause::invalid(field, "needs to be unset")));
    causes
}

/// The fields whose names differ, each with its core name and its events.k8s.io name.
const EVENT_NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Converts a core event to events.k8s.io/v1.
pub(crate) fn event_to_view(event: &mut Value) {
    rename(event, |(core, view)| (core, view));
    if let Value::Object(event) = event {
        event.retain(|_, value| value != "");
        event.insert("apiVersion".into(), "events.k8s.io/v1".into());
    }
}

/// Converts an event of events.k8s.io/v1 to a core event.
pub(crate) fn event_from_view(event: &mut Value) {
    rename(event, |(core, view)| (view, core));
    if let Value::Object(event) = event {
        event.insert("apiVersion".into(), "v1".into());
    }
}

fn rename(
    event: &mut Value,
    direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) {
    let Value::Object(event) = event else { return };
    for (from, to) in EVENT_NAMES.map(direction) {
        if let Some(value) = event.remove(from) {
            event.insert(to.into(), value);
        }
    }
}
