//! The patch formats: JSON patch, merge patch, strategic merge patch, and the overlay of server-side apply.

use json_patch::PatchOperation;
use serde_json::{Map, Value};

use super::shape::{ListKind, Shape, same_item};
use super::status::Failure;

/// Applies a JSON patch (RFC 6902) as the real server does: `replace` of a member that is not there adds it,
/// and `test` for null passes where there is nothing.
///
/// # Errors
/// 400 where the body is no patch, 422 where it does not fit the object.
pub(crate) fn json_patch(object: &mut Value, body: &[u8]) -> Result<(), Failure> {
    let mut operations: Vec<Value> =
        serde_json::from_slice(body).map_err(|e| Failure::bad_request(format!("not a JSON patch: {e}")))?;
    for operation in &mut operations {
        if let Value::Object(members) = operation
            && matches!(members.get("op").and_then(Value::as_str), Some("test" | "add" | "replace"))
        {
            members.entry("value").or_insert(Value::Null);
        }
        let path = operation.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
        let absent = is_absent_member(object, &path);
        match operation.get("op").and_then(Value::as_str) {
            Some("test") if absent && operation["value"].is_null() => continue,
            Some("replace") if absent => operation["op"] = "add".into(),
            Some(_) | None => {}
        }
        let parsed: PatchOperation = serde_json::from_value(operation.clone())
            .map_err(|e| Failure::bad_request(format!("not a JSON patch operation: {e}")))?;
        json_patch::patch_unsafe(object, &[parsed]).map_err(|e| Failure::patch_misfit(&e.to_string()))?;
    }
    Ok(())
}

/// Whether the path leads to a member that its object does not have.
fn is_absent_member(object: &Value, path: &str) -> bool {
    let Some((parent, member)) = path.rsplit_once('/') else {
        return false;
    };
    let member = member.replace("~1", "/").replace("~0", "~");
    object.pointer(parent).and_then(Value::as_object).is_some_and(|map| !map.contains_key(&member))
}

/// Applies a strategic merge patch: maps merge, the lists of [`Shape`] merge item by item, and the directives
/// `$patch`, `$retainKeys` and `$deleteFromPrimitiveList/…` are obeyed.
pub(crate) fn strategic(object: &mut Value, patch: &Value, shape: Shape<'_>) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        *object = Value::Object(
            patch.iter().filter(|(k, _)| *k != "$patch").map(|(k, v)| (k.clone(), v.clone())).collect(),
        );
        return;
    }
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(map) = object else { return };
    if let Some(Value::Array(retained)) = patch.get("$retainKeys") {
        map.retain(|key, _| retained.iter().any(|r| r == key));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().map_or(&[][..], Vec::as_slice);
            if let Some(Value::Array(items)) = map.get_mut(list) {
                items.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            // Order and retention are the other directives; order is not kept here.
        } else if value.is_null() {
            map.remove(key);
        } else {
            member(map, key, value, shape.member(key));
        }
    }
}

fn member(map: &mut Map<String, Value>, key: &str, value: &Value, shape: Shape<'_>) {
    let is_deletion = value.get("$patch").and_then(Value::as_str) == Some("delete");
    if is_deletion {
        map.remove(key);
        return;
    }
    match (map.get_mut(key), value) {
        (Some(Value::Array(items)), Value::Array(patches)) => match shape.list_kind() {
            ListKind::Atomic => items.clone_from(patches),
            ListKind::Set => union(items, patches),
            ListKind::Map(keys) => strategic_items(items, patches, &keys, shape),
        },
        (Some(old), Value::Object(_)) => strategic(old, value, shape),
        (None, Value::Object(_)) => {
            let mut fresh = Value::Object(Map::new());
            strategic(&mut fresh, value, shape);
            map.insert(key.into(), fresh);
        }
        (Some(_) | None, _) => {
            map.insert(key.into(), value.clone());
        }
    }
}

fn strategic_items(items: &mut Vec<Value>, patches: &[Value], keys: &[String], shape: Shape<'_>) {
    let directive = |patch: &Value, what: &str| patch.get("$patch").and_then(Value::as_str) == Some(what);
    if patches
        .iter()
        .any(|patch| directive(patch, "replace") && patch.as_object().is_some_and(|p| p.len() == 1))
    {
        *items = patches.iter().filter(|patch| !directive(patch, "replace")).cloned().collect();
        return;
    }
    for patch in patches {
        if directive(patch, "delete") {
            items.retain(|item| !same_item(keys, item, patch));
        } else if let Some(item) = items.iter_mut().find(|item| same_item(keys, item, patch)) {
            strategic(item, patch, shape.item());
        } else {
            items.push(patch.clone());
        }
    }
}

fn union(items: &mut Vec<Value>, more: &[Value]) {
    for item in more {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
}

/// Lays `over` upon `base` as server-side apply does: what `over` names is as it says, the rest stays.
pub(crate) fn overlay(base: &Value, over: &Value, shape: Shape<'_>) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) if !shape.is_atomic_map() => {
            let mut merged = base.clone();
            for (key, value) in over {
                let below = match base.get(key) {
                    Some(old) => overlay(old, value, shape.member(key)),
                    None => value.clone(),
                };
                merged.insert(key.clone(), below);
            }
            Value::Object(merged)
        }
        (Value::Array(base), Value::Array(over)) => match shape.list_kind() {
            ListKind::Atomic => Value::Array(over.clone()),
            ListKind::Set => {
                let mut merged = base.clone();
                union(&mut merged, over);
                Value::Array(merged)
            }
            ListKind::Map(keys) => {
                let mut merged = base.clone();
                for item in over {
                    match merged.iter_mut().find(|old| same_item(&keys, old, item)) {
                        Some(old) => *old = overlay(old, item, shape.item()),
                        None => merged.push(item.clone()),
                    }
                }
                Value::Array(merged)
            }
        },
        (_, over) => over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(object: &Value, patch: &Value) -> Result<Value, Failure> {
        let mut object = object.clone();
        json_patch(&mut object, patch.to_string().as_bytes()).map(|()| object)
    }

    #[test]
    fn a_test_for_null_passes_where_there_is_nothing() {
        let object = json!({"a": {}});
        assert!(patched(&object, &json!([{"op": "test", "path": "/a/b", "value": null}])).is_ok());
        assert!(patched(&object, &json!([{"op": "test", "path": "/a/b", "value": 1}])).is_err());
        assert!(
            patched(&json!({"a": {"b": 1}}), &json!([{"op": "test", "path": "/a/b", "value": null}]))
                .is_err()
        );
    }

    #[test]
    fn replace_adds_a_member_and_remove_of_nothing_fails() {
        let replaced =
            patched(&json!({}), &json!([{"op": "replace", "path": "/a", "value": 1}])).expect("fits");
        assert_eq!(replaced, json!({"a": 1}));
        let refused =
            patched(&json!({}), &json!([{"op": "remove", "path": "/a"}])).expect_err("does not fit");
        assert_eq!((refused.code, refused.details), (422, json!({})));
    }

    #[test]
    fn a_strategic_merge_merges_named_items_and_finalizers() {
        let mut object =
            json!({"metadata": {"finalizers": ["a"]}, "containers": [{"name": "x", "image": "1"}]});
        let patch = json!({
            "metadata": {"finalizers": ["b"], "$deleteFromPrimitiveList/finalizers": ["a"]},
            "containers": [{"name": "x", "image": "2"}, {"name": "y"}],
        });
        strategic(&mut object, &patch, Shape::root(None));
        let expected = json!({
            "metadata": {"finalizers": ["b"]}, "containers": [{"name": "x", "image": "2"}, {"name": "y"}],
        });
        assert_eq!(object, expected);
    }
}
