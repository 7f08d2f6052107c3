//! Removes the fields that a schema does not know from an object, and fills in the schema's defaults.

use serde_json::Value;

use super::node::{child, is_set, join};

/// Removes the members that the schema does not know, and adds their paths to `found`. A `resource` keeps the members
/// that every object has.
pub(crate) fn unknown(
    schema: &Value,
    value: &mut Value,
    path: &str,
    resource: bool,
    found: &mut Vec<String>,
) {
    match value {
        Value::Object(map) => {
            let keep = is_set(schema, "x-kubernetes-preserve-unknown-fields")
                || is_set(schema, "additionalProperties");
            map.retain(|name, value| {
                if resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                let here = join(path, name);
                match child(schema, name) {
                    Some(child) => {
                        unknown(child, value, &here, is_set(child, "x-kubernetes-embedded-resource"), found);
                        true
                    }
                    None if keep => true,
                    None => {
                        found.push(here);
                        false
                    }
                }
            });
        }
        Value::Array(items) => {
            let Some(child) = schema.get("items") else { return };
            for (index, item) in items.iter_mut().enumerate() {
                unknown(child, item, &format!("{path}[{index}]"), false, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fills in the schema's defaults, also in place of a null that the schema does not allow.
pub(crate) fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, child) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let Some(default) = child.get("default") else {
                    continue;
                };
                let replaceable = match map.get(name) {
                    None => true,
                    Some(value) => value.is_null() && !is_set(child, "nullable"),
                };
                if replaceable {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in map.iter_mut() {
                if let Some(child) = child(schema, name) {
                    fill(child, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(child) = schema.get("items") {
                for item in items {
                    fill(child, item);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
