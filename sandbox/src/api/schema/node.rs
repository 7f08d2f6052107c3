//! Reads one node of a schema, and names its place for messages.

use serde_json::Value;

/// The schema of a member, if it has one.
pub(crate) fn child<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let declared = schema.get("properties").and_then(|p| p.get(name));
    declared.or_else(|| schema.get("additionalProperties").filter(|a| a.is_object()))
}

/// Whether a flag of the schema is true.
pub(crate) fn is_set(schema: &Value, flag: &str) -> bool {
    schema.get(flag) == Some(&Value::Bool(true))
}

/// How messages name a path.
pub(crate) fn path_name(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
}

/// The path of a member.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}
