//! Validates metadata, which has the same rules for every kind.

use serde_json::{Map, Value};

use super::kind::Kind;
use super::names::{is_dns_label, is_label, is_qualified, is_subdomain};
use crate::api::cause::Cause;
use crate::api::object::{is_deleting, list, meta, text};

/// The maximum size of all annotations together in bytes.
const MOST_ANNOTATIONS: usize = 256 * 1024;

/// Everything that is wrong with the metadata of an object that is about to be stored.
pub(crate) fn check(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = meta(object, "name");
    if name.is_empty() {
        causes.push(Cause::required("metadata.name"));
    } else if !is_name(kind, name) {
        causes.push(Cause::invalid("metadata.name", "must be a lowercase RFC 1123 name"));
    }
    let map = |field: &str| object.get("metadata").and_then(|m| m.get(field)).and_then(Value::as_object);
    if let Some(labels) = map("labels") {
        for (key, value) in labels {
            if !is_qualified(key) || !value.as_str().is_some_and(is_label) {
                causes.push(Cause::invalid("metadata.labels", format!("{key}: not a label")));
            }
        }
    }
    if let Some(annotations) = map("annotations") {
        check_annotations(annotations, &mut causes);
    }
    for finalizer in list(object, "/metadata/finalizers") {
        if !finalizer.as_str().is_some_and(is_qualified) {
            causes.push(Cause::invalid("metadata.finalizers", format!("{finalizer}: not a qualified name")));
        }
    }
    check_owners(list(object, "/metadata/ownerReferences"), &mut causes);
    if let Some(old) = old.filter(|old| is_deleting(old)) {
        let had = list(old, "/metadata/finalizers");
        for new in list(object, "/metadata/finalizers").iter().filter(|f| !had.contains(f)) {
            let why = format!("{new}: no finalizer can be added while the object is being deleted");
            causes.push(Cause::new("FieldValueForbidden", "metadata.finalizers", why));
        }
    }
    causes
}

fn check_annotations(annotations: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for (key, value) in annotations {
        size += key.len() + value.as_str().map_or(0, str::len);
        if !is_qualified(&key.to_lowercase()) || !value.is_string() {
            causes.push(Cause::invalid("metadata.annotations", format!("{key}: not an annotation")));
        }
    }
    if size > MOST_ANNOTATIONS {
        let why = format!("{size} bytes where at most {MOST_ANNOTATIONS} are allowed");
        causes.push(Cause::new("FieldValueTooLong", "metadata.annotations", why));
    }
}

fn check_owners(owners: &[Value], causes: &mut Vec<Cause>) {
    for owner in owners {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &format!("/{field}")).is_empty() {
                let field = format!("metadata.ownerReferences.{field}");
                causes.push(Cause::invalid(field, "must not be empty"));
            }
        }
    }
    if owners.iter().filter(|owner| owner.get("controller") == Some(&Value::Bool(true))).count() > 1 {
        let why = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", why));
    }
}

fn is_name(kind: &Kind, name: &str) -> bool {
    if kind.group == "rbac.authorization.k8s.io" {
        return !matches!(name, "." | "..") && !name.contains(['/', '%']);
    }
    if kind.plural == "namespaces" {
        return name.len() <= 63 && is_dns_label(name);
    }
    is_subdomain(name)
}
