//! Creates, updates and patches an object or its status.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::next::{new_object, next_state, schema_of, typed_metadata, writer};
use crate::api::cause::Cause;
use crate::api::failure::ApiFailure;
use crate::api::http::answer::{ApiAnswer, shown};
use crate::api::http::request::Call;
use crate::api::http::target::Target;
use crate::api::kinds::kind::{Kind, KindRules};
use crate::api::object::{is_deleting, is_held, meta, meta_mut, same, text};
use crate::api::patch::json::json_patch;
use crate::api::patch::managed;
use crate::api::patch::merge;
use crate::api::patch::shape::Shape;
use crate::api::store::objects::ObjectKey;
use crate::api::store::state::State;

/// How often a write is tried again after another one was faster, before the client has to try again.
pub(crate) const ATTEMPTS: usize = 100;

/// POST to a collection.
pub(crate) fn create(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
) -> Result<ApiAnswer, ApiFailure> {
    call.form()?;
    let mut body = call.decode(&kind.kind)?;
    check_body(kind, &body, target)?;
    if kind.namespaced {
        check_namespace(state, kind, &target.namespace, meta(&body, "name"))?;
    }
    if kind.status
        && let Value::Object(body) = &mut body
    {
        body.remove("status");
    }
    let mut warnings = Vec::new();
    for _ in 0..ATTEMPTS {
        let generated = meta(&body, "name").is_empty() && !meta(&body, "generateName").is_empty();
        let fresh = new_object(call, kind, target, &body, &mut warnings)?;
        let key = (target.namespace.clone(), meta(&fresh, "name").to_owned());
        if state.store.get(&kind.resource, &key).is_some() {
            if generated {
                continue;
            }
            return Err(ApiFailure::already_exists(kind, &key.1));
        }
        if let Some(stored) = store_new(state, call, kind, &key, fresh) {
            let mut answer = ApiAnswer::object(call, kind, 201, &stored)?;
            answer.warnings = warnings;
            return Ok(answer);
        }
    }
    Err(ApiFailure::contended())
}

/// Stores a new object, unless this is a dry run. None if another client has just taken the name.
fn store_new(state: &State, call: &Call, kind: &Kind, key: &ObjectKey, fresh: Value) -> Option<Arc<Value>> {
    if call.is_dry_run() {
        return Some(Arc::new(fresh));
    }
    let stored = state.store.put(&kind.resource, key, None, fresh).ok()?;
    state.wrote(kind, &stored);
    Some(stored)
}

/// Checks that the kind and the namespace in a body are those of the path.
fn check_body(kind: &Kind, body: &Value, target: &Target) -> Result<(), ApiFailure> {
    let (claimed, version) = (text(body, "/kind"), text(body, "/apiVersion"));
    let custom = matches!(kind.rules, KindRules::Custom(_));
    if custom && (claimed.is_empty() || version.is_empty()) {
        let missing = if claimed.is_empty() { "Kind" } else { "apiVersion" };
        let message = format!(
            "the object provided is unrecognized (must be of type {}): Object '{missing}' is missing",
            kind.kind
        );
        return Err(ApiFailure::bad_request(message));
    }
    if !version.is_empty() && version != kind.api_version() {
        let message = format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            kind.api_version()
        );
        return Err(ApiFailure::bad_request(message));
    }
    if !claimed.is_empty() && claimed != kind.kind {
        let cause = Cause::invalid("kind", format!("must be {}", kind.kind));
        return Err(ApiFailure::invalid_as(&kind.group, claimed, meta(body, "name"), &[cause]));
    }
    let namespace = meta(body, "namespace");
    if !namespace.is_empty() && namespace != target.namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiFailure::bad_request(message));
    }
    Ok(())
}

fn check_namespace(state: &State, kind: &Kind, namespace: &str, name: &str) -> Result<(), ApiFailure> {
    let Some(found) = state.store.get("namespaces", &(String::new(), namespace.to_owned())) else {
        let message = format!("namespaces \"{namespace}\" not found");
        let details = json!({"name": namespace, "kind": "namespaces"});
        return Err(ApiFailure { code: 404, reason: "NotFound", message, details });
    };
    if is_deleting(&found) {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal = ApiFailure::forbidden(&kind.group, &kind.plural, name, &why);
        refusal.details["causes"] =
            json!([{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]);
        return Err(refusal);
    }
    Ok(())
}

/// PUT of an object or its status.
pub(crate) fn update(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
) -> Result<ApiAnswer, ApiFailure> {
    call.form()?;
    let body = call.decode(&kind.kind)?;
    check_body(kind, &body, target)?;
    rewrite(state, call, kind, target, |_| {
        if meta(&body, "resourceVersion").is_empty() && !kind.unconditional {
            let cause = Cause::invalid("metadata.resourceVersion", "must be specified for an update");
            return Err(ApiFailure::invalid_as(&kind.group, &kind.plural, &target.name, &[cause]));
        }
        Ok(body.clone())
    })
}

/// PATCH of an object or its status.
pub(crate) fn patch(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
) -> Result<ApiAnswer, ApiFailure> {
    call.form()?;
    let custom = matches!(kind.rules, KindRules::Custom(_));
    let json = |bytes: &[u8]| -> Result<Value, ApiFailure> {
        let body = serde_json::from_slice(bytes).map(Value::Object);
        body.map_err(|e| ApiFailure::bad_request(format!("the patch is no JSON object: {e}")))
    };
    match call.content_type() {
        "application/json-patch+json" => rewrite(state, call, kind, target, |live| {
            let mut object = live.clone();
            json_patch(&mut object, &call.body)?;
            Ok(object)
        }),
        "application/merge-patch+json" => {
            let body = json(&call.body)?;
            rewrite(state, call, kind, target, |live| {
                let mut object = live.clone();
                ::json_patch::merge(&mut object, &body);
                Ok(object)
            })
        }
        "application/strategic-merge-patch+json" if !custom => {
            let body = json(&call.body)?;
            rewrite(state, call, kind, target, |live| {
                let mut object = live.clone();
                merge::strategic(&mut object, &body, Shape::root(None));
                Ok(object)
            })
        }
        "application/apply-patch+yaml" => apply(state, call, kind, target),
        _ => {
            let mut accepted = vec!["application/json-patch+json", "application/merge-patch+json"];
            accepted.extend((!custom).then_some("application/strategic-merge-patch+json"));
            accepted.push("application/apply-patch+yaml");
            Err(ApiFailure::unsupported_media(&accepted.join(", ")))
        }
    }
}

/// Server-side apply, which creates a missing object.
fn apply(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<ApiAnswer, ApiFailure> {
    let bad = |why: String| ApiFailure::bad_request(format!("error decoding YAML: {why}"));
    let config = serde_saphyr::from_slice(&call.body).map_err(|e| bad(e.to_string()))?;
    let config = Value::Object(appliable(kind, target, config));
    let (claimed, version) = (text(&config, "/kind"), text(&config, "/apiVersion"));
    if !claimed.is_empty() && claimed != kind.kind {
        return Err(ApiFailure::bad_request(format!("invalid object type: {version}, Kind={claimed}")));
    }
    check_body(kind, &config, target)?;
    typed_metadata(call, kind, &config)?;
    let force = call.query.is_true("force");
    let version = kind.api_version();
    let writer = writer(call, &version, &target.sub);
    let key = (target.namespace.clone(), target.name.clone());
    if state.store.get(&kind.resource, &key).is_none() && target.sub.is_empty() {
        if !meta(&config, "uid").is_empty() {
            return Err(ApiFailure::nobody_has_uid(kind, &target.name, meta(&config, "uid")));
        }
        if kind.namespaced {
            check_namespace(state, kind, &target.namespace, &target.name)?;
        }
        let mut warnings = Vec::new();
        let mut first = config.clone();
        // There is no object yet, so its version cannot differ.
        meta_mut(&mut first).remove("resourceVersion");
        let mut fresh = new_object(call, kind, target, &first, &mut warnings)?;
        let applied = managed::apply(None, &config, schema_of(kind), &writer, force)?;
        match applied.pointer("/metadata/managedFields") {
            Some(managers) => meta_mut(&mut fresh).insert("managedFields".into(), managers.clone()),
            None => meta_mut(&mut fresh).remove("managedFields"),
        };
        if let Some(stored) = store_new(state, call, kind, &key, fresh) {
            let mut answer = ApiAnswer::object(call, kind, 201, &stored)?;
            answer.warnings = warnings;
            return Ok(answer);
        }
    }
    rewrite(state, call, kind, target, |live| {
        managed::apply(Some(live), &config, schema_of(kind), &writer, force)
    })
}

/// The part of a configuration that the endpoint can change: everything except status, or only status.
fn appliable(kind: &Kind, target: &Target, mut config: Map<String, Value>) -> Map<String, Value> {
    if target.sub.is_empty() {
        config.retain(|field, _| !(kind.status && field == "status"));
        return config;
    }
    config.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    if let Some(Value::Object(metadata)) = config.get_mut("metadata") {
        metadata.retain(|field, _| ["name", "namespace", "uid", "resourceVersion"].contains(&field.as_str()));
    }
    config
}

/// Replaces the live object by what `change` returns for it, and tries again while other writers are faster.
fn rewrite(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
    change: impl Fn(&Value) -> Result<Value, ApiFailure>,
) -> Result<ApiAnswer, ApiFailure> {
    let key = (target.namespace.clone(), target.name.clone());
    for _ in 0..ATTEMPTS {
        let old =
            state.store.get(&kind.resource, &key).ok_or_else(|| ApiFailure::not_found(kind, &target.name))?;
        let wanted = change(&shown(kind, &old))?;
        if !wanted.is_object() {
            return Err(ApiFailure::bad_request("the patch makes something else than an object"));
        }
        let mut warnings = Vec::new();
        let new = next_state(call, kind, target, &old, wanted, &mut warnings)?;
        let Some(stored) = store_next(state, call, kind, &key, &old, new) else {
            continue;
        };
        let mut answer = ApiAnswer::object(call, kind, 200, &stored)?;
        answer.warnings = warnings;
        return Ok(answer);
    }
    Err(ApiFailure::contended())
}

/// Stores the next state, or removes the object if its last finalizer was removed. None if another writer was faster.
fn store_next(
    state: &State,
    call: &Call,
    kind: &Kind,
    key: &ObjectKey,
    old: &Arc<Value>,
    new: Value,
) -> Option<Arc<Value>> {
    let managed = |object: &Value| object.pointer("/metadata/managedFields").cloned();
    if same(old, &new) && managed(old) == managed(&new) {
        return Some(Arc::clone(old));
    }
    if call.is_dry_run() {
        return Some(Arc::new(new));
    }
    let released = is_deleting(old) && is_held(old) && !is_held(&new);
    if released && kind.plural != "namespaces" {
        state.store.remove(&kind.resource, key, old).ok()?;
        state.removed(kind, key);
        return Some(Arc::new(new));
    }
    let stored = state.store.put(&kind.resource, key, Some(old), new).ok()?;
    state.wrote(kind, &stored);
    Some(stored)
}
