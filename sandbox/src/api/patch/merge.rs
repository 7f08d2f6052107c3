//! Two patch formats: strategic merge patch, and the overlay of server-side apply.

use serde_json::{Map, Value};

use super::shape::{ListKind, Shape, same_item};

/// Applies a strategic merge patch: maps are merged, lists are merged as their [`Shape`] says, and the directives
/// `$patch`, `$retainKeys` and `$deleteFromPrimitiveList/…` are followed.
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
            // The other directives are about the order of lists, which is not kept here, and `$retainKeys`, which is done above.
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

/// Merges `over` into `base` as server-side apply does: the fields of `over` replace those of `base`, and all others are
/// kept.
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
