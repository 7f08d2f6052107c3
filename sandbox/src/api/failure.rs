//! The failures that the API server answers with, in the form of `metav1.Status`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cause::Cause;
use super::object::meta;
use crate::api::kinds::kind::Kind;

/// A failure that is ready to be sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code} {reason}: {message}")]
pub(crate) struct ApiFailure {
    /// HTTP status code.
    pub(crate) code: u16,
    /// `Status.reason`. It is empty for a 404 about a path that no kind serves, since that is answered in plain text.
    pub(crate) reason: &'static str,
    /// A sentence for a person.
    pub(crate) message: String,
    /// `Status.details`, or null if there are none.
    pub(crate) details: Value,
}

/// The `details` that name an object. `kind` is the plural or the kind, because the real server uses either.
fn named(group: &str, kind: &str, name: &str) -> Value {
    let mut details = serde_json::Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(key.into(), value.into());
        }
    }
    Value::Object(details)
}

impl ApiFailure {
    fn new(code: u16, reason: &'static str, message: String, details: Value) -> Self {
        Self { code, reason, message, details }
    }

    /// Nothing is served at the path.
    pub(crate) fn no_page() -> Self {
        Self::new(404, "", "404 page not found\n".into(), Value::Null)
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let details = named(&kind.group, &kind.plural, name);
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.full_name()), details)
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let details = named(&kind.group, &kind.plural, name);
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.full_name()), details)
    }

    /// Another client wrote the object after it was read.
    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(&kind.group, &kind.plural, &kind.full_name(), name, why)
    }

    /// The applied configuration names the uid of an object that no longer exists.
    pub(crate) fn nobody_has_uid(kind: &Kind, name: &str, uid: &str) -> Self {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        Self::conflict(&kind.group, &kind.plural, &kind.full_name(), name, &why)
    }

    /// The body of a PUT names the uid of another object.
    pub(crate) fn another_uid(kind: &Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}");
        Self::conflict(&kind.group, &kind.plural, &kind.full_name(), name, &why)
    }

    /// The applied configuration has a field that its type does not have. The real server gives no reason.
    pub(crate) fn undeclared(kind: &Kind, object: &Value, field: &str) -> Self {
        let (namespace, name) = (meta(object, "namespace"), meta(object, "name"));
        let of = format!("{namespace}/{name}; {}/{}, Kind={}", kind.group, kind.version, kind.kind);
        let why =
            format!("failed to create typed patch object ({of}): .{field}: field not declared in schema");
        Self::new(500, "", why, Value::Null)
    }

    /// A precondition of a deletion does not hold.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let full = format!("{}.{}", kind.kind, kind.group);
        Self::conflict(&kind.group, &kind.kind, full.trim_end_matches('.'), name, why)
    }

    fn conflict(group: &str, kind: &str, full: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {full} \"{name}\": {why}");
        Self::new(409, "Conflict", message, named(group, kind, name))
    }

    /// Server-side apply would change fields that other managers own. Each conflict is a manager and a path.
    pub(crate) fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let cause = |(who, path): &(String, String)| {
            Cause::new("FieldManagerConflict", path, format!("conflict with {who}")).to_json()
        };
        let causes: Vec<Value> = conflicts.iter().map(cause).collect();
        let message = if let [(who, path)] = conflicts {
            format!("Apply failed with 1 conflict: conflict with {who}: {path}")
        } else {
            let mut of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (who, path) in conflicts {
                of.entry(who).or_default().push(path);
            }
            let listed =
                |(who, paths): (&str, Vec<&str>)| format!("conflicts with {who}:\n- {}", paths.join("\n- "));
            let list: Vec<String> = of.into_iter().map(listed).collect();
            format!("Apply failed with {} conflicts: {}", conflicts.len(), list.join("\n"))
        };
        Self::new(409, "Conflict", message, json!({"causes": causes}))
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_as(&kind.group, &kind.kind, name, causes)
    }

    pub(crate) fn invalid_as(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut list: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        list.dedup();
        let list = if list.len() == 1 { list.concat() } else { format!("[{}]", list.join(", ")) };
        let full = format!("{kind}.{group}");
        let mut details = named(group, kind, name);
        details["causes"] = causes.iter().map(Cause::to_json).collect();
        let message = format!("{} \"{name}\" is invalid: {list}", full.trim_end_matches('.'));
        Self::new(422, "Invalid", message, details)
    }

    /// A JSON patch that does not fit the object.
    pub(crate) fn patch_misfit(why: &str) -> Self {
        Self::new(422, "Invalid", format!("the patch cannot be applied: {why}"), json!({}))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into(), Value::Null)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".into(), Value::Null)
    }

    pub(crate) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let full = format!("{plural}.{group}");
        let quoted = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!("{}{quoted} is forbidden: {why}", full.trim_end_matches('.'));
        Self::new(403, "Forbidden", message, named(group, plural, name))
    }

    pub(crate) fn forbidden_path(user: &str, verb: &str, path: &str) -> Self {
        let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
        Self::new(403, "Forbidden", message, json!({}))
    }

    pub(crate) fn unsupported_media(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(415, "UnsupportedMediaType", message, Value::Null)
    }

    pub(crate) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json, application/yaml";
        Self::new(406, "NotAcceptable", message.into(), Value::Null)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message.into(), json!({}))
    }

    /// The requested version is older than the history that is kept.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message.into(), Value::Null)
    }

    /// The requested version has not been reached yet.
    pub(crate) fn version_too_large(asked: u64, current: u64) -> Self {
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self::new(504, "Timeout", message, json!({"causes": [cause], "retryAfterSeconds": 1}))
    }

    /// The object to be created already has a version. The real server gives no reason.
    pub(crate) fn version_at_creation() -> Self {
        let message = "resourceVersion should not be set on objects to be created";
        Self::new(500, "", message.into(), Value::Null)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message, json!({}))
    }

    /// The server itself failed.
    pub(crate) fn internal(message: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"), Value::Null)
    }

    /// Other writers were faster each time; the client may try again.
    pub(crate) fn contended() -> Self {
        let message = "too many writers of one object at a time, try again";
        Self::new(500, "InternalError", message.into(), Value::Null)
    }

    /// The body of the answer, a `Status` that says Failure.
    pub(crate) fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}
