//! The verbs that write: create, update and patch, of an object or of its status.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Answer, shown};
use super::builtin;
use super::clock;
use super::kinds::{Kind, Rules, View};
use super::managed::{self, Writer};
use super::object::{self, is_deleting, is_held, meta, meta_mut, same, spec_differs, text};
use super::patch;
use super::request::Call;
use super::route::Target;
use super::schema::Schema;
use super::shape::Shape;
use super::state::State;
use super::status::{Cause, Failure};
use super::store::Key;
use super::validate;

/// How often a write is tried again after it lost a race, before the client is told to do so.
pub(crate) const ATTEMPTS: usize = 100;

/// Metadata that a client cannot change.
const FIXED: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "namespace",
    "selfLink",
    "uid",
];

/// POST to a collection.
pub(crate) fn create(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<Answer, Failure> {
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
        if state.store.get(&kind.shelf, &key).is_some() {
            if generated {
                continue;
            }
            return Err(Failure::already_exists(kind, &key.1));
        }
        if let Some(stored) = store_new(state, call, kind, &key, fresh) {
            let mut answer = Answer::object(call, kind, 201, &stored)?;
            answer.warnings = warnings;
            return Ok(answer);
        }
    }
    Err(Failure::contended())
}

/// Stores a new object, unless this is a dry run; None if another has taken the name meanwhile.
fn store_new(state: &State, call: &Call, kind: &Kind, key: &Key, fresh: Value) -> Option<Arc<Value>> {
    if call.is_dry_run() {
        return Some(Arc::new(fresh));
    }
    let stored = state.store.put(&kind.shelf, key, None, fresh).ok()?;
    state.wrote(kind, &stored);
    Some(stored)
}

/// What is stored when `body` is created: named, stamped, normalised, checked.
fn new_object(
    call: &Call,
    kind: &Kind,
    target: &Target,
    body: &Value,
    warnings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let mut fresh = body.clone();
    let metadata = meta_mut(&mut fresh);
    for field in [
        "resourceVersion",
        "uid",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
    ] {
        metadata.remove(field);
    }
    if metadata
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .is_empty()
        && let Some(Value::String(prefix)) = metadata.get("generateName")
        && !prefix.is_empty()
    {
        let suffix: String = (0..5)
            .map(|_| fastrand::choice(b"bcdfghjklmnpqrstvwxz2456789").map_or('x', |b| char::from(*b)))
            .collect();
        let name = format!("{prefix}{suffix}");
        metadata.insert("name".into(), name.into());
    }
    if kind.namespaced {
        metadata.insert("namespace".into(), target.namespace.as_str().into());
    } else {
        metadata.remove("namespace");
    }
    metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
    metadata.insert("creationTimestamp".into(), clock::stamp().into());
    if kind.generation {
        metadata.insert("generation".into(), 1.into());
    }
    to_stored(kind, &mut fresh);
    normalise(call, kind, &mut fresh, None, warnings)?;
    check(kind, &fresh, None)?;
    managed::track(
        None,
        &mut fresh,
        schema_of(kind),
        &writer(call, &kind.api_version(), ""),
    );
    Ok(fresh)
}

/// The kind and place that a body claims must be those of the URL.
fn check_body(kind: &Kind, body: &Value, target: &Target) -> Result<(), Failure> {
    let (claimed, version) = (text(body, "/kind"), text(body, "/apiVersion"));
    let custom = matches!(kind.rules, Rules::Custom(_));
    if custom && (claimed.is_empty() || version.is_empty()) {
        let missing = if claimed.is_empty() { "Kind" } else { "apiVersion" };
        let message = format!(
            "the object provided is unrecognized (must be of type {}): Object '{missing}' is missing",
            kind.kind
        );
        return Err(Failure::bad_request(message));
    }
    if !version.is_empty() && version != kind.api_version() {
        let message = format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            kind.api_version()
        );
        return Err(Failure::bad_request(message));
    }
    if !claimed.is_empty() && claimed != kind.kind {
        let cause = Cause::invalid("kind", format!("must be {}", kind.kind));
        return Err(Failure::invalid_as(
            &kind.group,
            claimed,
            meta(body, "name"),
            &[cause],
        ));
    }
    let namespace = meta(body, "namespace");
    if !namespace.is_empty() && namespace != target.namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(message));
    }
    Ok(())
}

fn check_namespace(state: &State, kind: &Kind, namespace: &str, name: &str) -> Result<(), Failure> {
    let Some(found) = state
        .store
        .get("namespaces", &(String::new(), namespace.to_owned()))
    else {
        let message = format!("namespaces \"{namespace}\" not found");
        let details = json!({"name": namespace, "kind": "namespaces"});
        return Err(Failure {
            code: 404,
            reason: "NotFound",
            message,
            details,
        });
    };
    if is_deleting(&found) {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal = Failure::forbidden(&kind.group, &kind.plural, name, &why);
        refusal.details["causes"] =
            json!([{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]);
        return Err(refusal);
    }
    Ok(())
}

/// PUT of an object or its status.
pub(crate) fn update(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<Answer, Failure> {
    call.form()?;
    let body = call.decode(&kind.kind)?;
    check_body(kind, &body, target)?;
    if meta(&body, "resourceVersion").is_empty() && !kind.unconditional {
        let cause = Cause::invalid("metadata.resourceVersion", "must be specified for an update");
        return Err(Failure::invalid_as(
            &kind.group,
            &kind.plural,
            &target.name,
            &[cause],
        ));
    }
    rewrite(state, call, kind, target, |_| Ok(body.clone()))
}

/// PATCH of an object or its status.
pub(crate) fn patch(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<Answer, Failure> {
    call.form()?;
    let custom = matches!(kind.rules, Rules::Custom(_));
    let json = |bytes: &[u8]| -> Result<Value, Failure> {
        serde_json::from_slice(bytes).map_err(|e| Failure::bad_request(format!("the patch is not JSON: {e}")))
    };
    match call.content_type() {
        "application/json-patch+json" => rewrite(state, call, kind, target, |live| {
            let mut object = live.clone();
            patch::json_patch(&mut object, &call.body)?;
            Ok(object)
        }),
        "application/merge-patch+json" => {
            let body = json(&call.body)?;
            rewrite(state, call, kind, target, |live| {
                let mut object = live.clone();
                json_patch::merge(&mut object, &body);
                Ok(object)
            })
        }
        "application/strategic-merge-patch+json" if !custom => {
            let body = json(&call.body)?;
            rewrite(state, call, kind, target, |live| {
                let mut object = live.clone();
                patch::strategic(&mut object, &body, Shape::root(None));
                Ok(object)
            })
        }
        "application/apply-patch+yaml" => apply(state, call, kind, target),
        _ => {
            let mut accepted = vec!["application/json-patch+json", "application/merge-patch+json"];
            accepted.extend((!custom).then_some("application/strategic-merge-patch+json"));
            accepted.push("application/apply-patch+yaml");
            Err(Failure::unsupported_media(&accepted.join(", ")))
        }
    }
}

/// Server-side apply, which creates what is not there.
fn apply(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<Answer, Failure> {
    let bad = |why: String| Failure::bad_request(format!("error decoding YAML: {why}"));
    let config: Value = serde_saphyr::from_slice(&call.body).map_err(|e| bad(e.to_string()))?;
    if call.query.get("fieldManager").is_empty() {
        let cause = Cause::required("fieldManager");
        return Err(Failure::invalid_as("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    check_body(kind, &config, target)?;
    let force = call.query.is_true("force");
    let version = kind.api_version();
    let writer = writer(call, &version, &target.sub);
    let key = (target.namespace.clone(), target.name.clone());
    if state.store.get(&kind.shelf, &key).is_none() && target.sub.is_empty() {
        if kind.namespaced {
            check_namespace(state, kind, &target.namespace, &target.name)?;
        }
        let mut warnings = Vec::new();
        let mut fresh = new_object(call, kind, target, &config, &mut warnings)?;
        let applied = managed::apply(None, &config, schema_of(kind), &writer, force)?;
        meta_mut(&mut fresh).insert(
            "managedFields".into(),
            applied["metadata"]["managedFields"].clone(),
        );
        if let Some(stored) = store_new(state, call, kind, &key, fresh) {
            let mut answer = Answer::object(call, kind, 201, &stored)?;
            answer.warnings = warnings;
            return Ok(answer);
        }
    }
    rewrite(state, call, kind, target, |live| {
        managed::apply(Some(live), &config, schema_of(kind), &writer, force)
    })
}

/// Turns the live object into what `change` makes of it, again and again until nobody else came between.
fn rewrite(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
    change: impl Fn(&Value) -> Result<Value, Failure>,
) -> Result<Answer, Failure> {
    let key = (target.namespace.clone(), target.name.clone());
    for _ in 0..ATTEMPTS {
        let old = state
            .store
            .get(&kind.shelf, &key)
            .ok_or_else(|| Failure::not_found(kind, &target.name))?;
        let wanted = change(&shown(kind, &old))?;
        let mut warnings = Vec::new();
        let new = next_state(call, kind, target, &old, wanted, &mut warnings)?;
        let Some(stored) = store_next(state, call, kind, &key, &old, new) else {
            continue;
        };
        let mut answer = Answer::object(call, kind, 200, &stored)?;
        answer.warnings = warnings;
        return Ok(answer);
    }
    Err(Failure::contended())
}

/// Stores the next state, or removes the object whose last finalizer went; None if somebody else came between.
fn store_next(
    state: &State,
    call: &Call,
    kind: &Kind,
    key: &Key,
    old: &Arc<Value>,
    new: Value,
) -> Option<Arc<Value>> {
    let managed = |object: &Value| object.pointer("/metadata/managedFields").cloned();
    let applied = call.content_type() == "application/apply-patch+yaml";
    if same(old, &new) && !(applied && managed(old) != managed(&new)) {
        return Some(Arc::clone(old));
    }
    if call.is_dry_run() {
        return Some(Arc::new(new));
    }
    let released = is_deleting(old) && is_held(old) && !is_held(&new);
    if released && kind.plural != "namespaces" {
        state.store.remove(&kind.shelf, key, old).ok()?;
        state.removed(kind, key);
        return Some(Arc::new(new));
    }
    let stored = state.store.put(&kind.shelf, key, Some(old), new).ok()?;
    state.wrote(kind, &stored);
    Some(stored)
}

/// What `wanted` may change of `old`: normalised, checked, with its generation and managers.
fn next_state(
    call: &Call,
    kind: &Kind,
    target: &Target,
    old: &Value,
    wanted: Value,
    warnings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let claims = |field: &str| Some(meta(&wanted, field)).filter(|claimed| !claimed.is_empty());
    if claims("resourceVersion").is_some_and(|at| at != meta(old, "resourceVersion")) {
        return Err(Failure::modified(kind, &target.name));
    }
    if let Some(uid) = claims("uid").filter(|uid| *uid != meta(old, "uid")) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            meta(old, "uid")
        );
        return Err(Failure::precondition(kind, &target.name, &why));
    }
    if let Some(name) = claims("name").filter(|name| *name != target.name) {
        let why = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name
        );
        return Err(Failure::bad_request(why));
    }
    let applied = call.content_type() == "application/apply-patch+yaml";
    let managers = wanted.pointer("/metadata/managedFields").cloned();
    let mut new = limited(kind, target, old, wanted);
    normalise(call, kind, &mut new, Some(old), warnings)?;
    check(kind, &new, Some(old))?;
    if kind.generation && spec_differs(old, &new, kind.status) {
        let generation = old
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        meta_mut(&mut new).insert("generation".into(), (generation + 1).into());
    }
    match managers.filter(|_| applied) {
        Some(managers) => {
            meta_mut(&mut new).insert("managedFields".into(), managers);
        }
        None => {
            managed::track(
                Some(old),
                &mut new,
                schema_of(kind),
                &writer(call, &kind.api_version(), &target.sub),
            );
        }
    }
    Ok(new)
}

/// `wanted` without what this endpoint cannot change: a status write changes nothing but status, another write
/// everything but status and the server's own metadata.
fn limited(kind: &Kind, target: &Target, old: &Value, mut wanted: Value) -> Value {
    to_stored(kind, &mut wanted);
    let status = if target.sub == "status" {
        wanted.get_mut("status").map(Value::take)
    } else {
        None
    };
    if target.sub == "status" {
        wanted = old.clone();
    }
    if (target.sub == "status" || kind.status)
        && let Value::Object(map) = &mut wanted
    {
        match status.or_else(|| old.get("status").filter(|_| target.sub.is_empty()).cloned()) {
            Some(status) => map.insert("status".into(), status),
            None => map.remove("status"),
        };
    }
    let metadata = meta_mut(&mut wanted);
    metadata.insert("name".into(), target.name.as_str().into());
    for field in FIXED {
        match old.get("metadata").and_then(|m| m.get(field)) {
            Some(value) => metadata.insert(field.into(), value.clone()),
            None => metadata.remove(field),
        };
    }
    metadata.insert("resourceVersion".into(), meta(old, "resourceVersion").into());
    wanted
}

/// The form in which the kind is stored.
fn to_stored(kind: &Kind, object: &mut Value) {
    if kind.view == View::EventsV1 {
        builtin::event_from_view(object);
    }
    object["apiVersion"] = kind.stored_as.as_str().into();
    object["kind"] = kind.kind.as_str().into();
}

fn schema_of(kind: &Kind) -> Option<&Value> {
    kind.schema().map(Schema::root)
}

fn writer<'a>(call: &'a Call, api_version: &'a str, subresource: &'a str) -> Writer<'a> {
    Writer {
        manager: call.manager(),
        api_version,
        subresource,
    }
}

/// Drops unknown fields, fills in defaults, and refuses what cannot be read as the kind.
fn normalise(
    call: &Call,
    kind: &Kind,
    object: &mut Value,
    old: Option<&Value>,
    warnings: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut unknown = Vec::new();
    object::tidy_metadata(object, &mut unknown);
    match &kind.rules {
        Rules::Custom(schema) => schema.normalise(object, &mut unknown),
        Rules::BuiltIn(rules) => {
            let unreadable = |why: String| {
                let (kind, version) = (&kind.kind, &kind.version);
                Failure::bad_request(format!(
                    "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
                ))
            };
            if let Some(time) = builtin::bad_micro_time(object) {
                return Err(unreadable(format!(
                    "the time \"{time}\" has no fraction of a second"
                )));
            }
            let typed = (rules.typed)(object.clone()).map_err(|e| unreadable(e.to_string()))?;
            lost("", object, &typed, &mut unknown);
            *object = typed;
            (rules.prepare)(object, old);
        }
    }
    if unknown.is_empty() || call.query.get("fieldValidation") == "Ignore" {
        return Ok(());
    }
    let list: Vec<String> = unknown
        .iter()
        .map(|field| format!("unknown field \"{field}\""))
        .collect();
    if call.query.get("fieldValidation") == "Strict" {
        let (kind, version) = (&kind.kind, &kind.version);
        let message = format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {}",
            list.join(", ")
        );
        return Err(Failure::bad_request(message));
    }
    *warnings = list;
    Ok(())
}

/// The fields of `before` that reading it as a type has dropped.
fn lost(path: &str, before: &Value, after: &Value, unknown: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before.iter().filter(|(_, value)| !value.is_null()) {
                let here = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match after.get(name) {
                    Some(kept) => lost(&here, value, kept, unknown),
                    None => unknown.push(here),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                lost(&format!("{path}[{index}]"), before, after, unknown);
            }
        }
        (_, _) => {}
    }
}

fn check(kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), Failure> {
    let mut causes = validate::metadata(kind, object, old);
    causes = match &kind.rules {
        Rules::Custom(schema) => schema.check(object, old, causes),
        Rules::BuiltIn(rules) => {
            causes.extend((rules.check)(object));
            causes
        }
    };
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid(kind, meta(object, "name"), &causes))
    }
}
