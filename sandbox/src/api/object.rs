//! Reads and changes the common fields of an object, whatever its kind.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

/// The fields of `metadata` that a real server knows; all others are unknown fields.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The text at a JSON pointer, or "" if there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata.<field>` as text, or "".
pub(crate) fn meta<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|m| m.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata` for writing. It is created if it is missing or not an object.
pub(crate) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    child_mut(object, "metadata")
}

/// The object at `field` for writing. It is created if it is missing or not an object.
pub(crate) fn child_mut<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    as_map(as_map(object).entry(field).or_insert(Value::Null))
}

fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("made an object above")
        }
    }
}

/// The resourceVersion as a number; 0 if it is not a number.
pub(crate) fn version(object: &Value) -> u64 {
    meta(object, "resourceVersion").parse().unwrap_or(0)
}

/// In a real cluster, controllers remove these finalizers from objects that are not in use. Here nothing is ever in
/// use.
const PROTECTIONS: [&str; 2] = ["kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"];

/// Whether a finalizer keeps the object from being removed.
pub(crate) fn is_held(object: &Value) -> bool {
    let protects = |finalizer: &Value| PROTECTIONS.iter().any(|name| finalizer == name);
    list(object, "/metadata/finalizers").iter().any(|finalizer| !protects(finalizer))
}

/// Whether the object is being deleted.
pub(crate) fn is_deleting(object: &Value) -> bool {
    !meta(object, "deletionTimestamp").is_empty()
}

/// The items of a list; none if there is no list at the pointer.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Removes what a real server never stores in metadata: nulls, empty maps and lists, and unknown fields. The names of
/// the unknown fields are added to `unknown`.
pub(crate) fn tidy_metadata(object: &mut Value, unknown: &mut Vec<String>) {
    meta_mut(object).retain(|key, value| {
        if !METADATA.contains(&key.as_str()) {
            unknown.push(format!("metadata.{key}"));
            return false;
        }
        let empty = match value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::String(text) => text.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        !empty && key != "selfLink"
    });
}

/// Whether two states of an object are equal in everything that a client can write.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return a == b;
    };
    without(a, "metadata").eq(without(b, "metadata")) && same_metadata(a.get("metadata"), b.get("metadata"))
}

fn same_metadata(a: Option<&Value>, b: Option<&Value>) -> bool {
    let (Some(a), Some(b)) = (a.and_then(Value::as_object), b.and_then(Value::as_object)) else {
        return a == b;
    };
    without(a, "managedFields").eq(without(b, "managedFields"))
}

fn without<'a>(map: &'a Map<String, Value>, field: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    map.iter().filter(move |(key, _)| *key != field)
}

/// Whether two states differ in a way that increases the generation: in anything except metadata, and except status if
/// that is a subresource.
pub(crate) fn spec_differs(a: &Value, b: &Value, status_apart: bool) -> bool {
    let counts = |(key, _): &(&String, &Value)| match key.as_str() {
        "metadata" | "apiVersion" | "kind" => false,
        "status" => !status_apart,
        _ => true,
    };
    let empty = Map::new();
    let (a, b) = (a.as_object().unwrap_or(&empty), b.as_object().unwrap_or(&empty));
    !a.iter().filter(counts).eq(b.iter().filter(counts))
}

/// Locks a mutex even if another thread has panicked: each change under these locks is made completely or not at all.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new uid. It is as random as [`fastrand`] of this thread, so that a simulation can repeat it.
pub(crate) fn new_uid() -> String {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid().to_string()
}
