//! Computes the state that a write stores: limited to what the endpoint may change, normalised and checked.

use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::api::cause::Cause;
use crate::api::clock;
use crate::api::failure::ApiFailure;
use crate::api::http::request::Call;
use crate::api::http::target::Target;
use crate::api::kinds::core_rules;
use crate::api::kinds::events;
use crate::api::kinds::kind::{Kind, KindRules, View};
use crate::api::kinds::metadata;
use crate::api::object::{self, meta, meta_mut, new_uid, spec_differs};
use crate::api::patch::managed::{self, Writer};
use crate::api::schema::compiled::Schema;
use crate::api::schema::duplicates;

/// The metadata that a client cannot change.
const FIXED: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "namespace",
    "selfLink",
    "uid",
];

/// The number of characters of `generateName` that a name keeps.
const LONGEST_BASE: usize = 58;

/// The object that is stored when `body` is created, with its name, its timestamp and its defaults.
pub(crate) fn new_object(
    call: &Call,
    kind: &Kind,
    target: &Target,
    body: &Value,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiFailure> {
    typed_metadata(call, kind, body)?;
    if meta(body, "resourceVersion").parse::<u64>().is_ok_and(|version| version > 0) {
        return Err(ApiFailure::version_at_creation());
    }
    let mut fresh = body.clone();
    let metadata = meta_mut(&mut fresh);
    for field in
        ["resourceVersion", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"]
    {
        metadata.remove(field);
    }
    if metadata.get("name").and_then(Value::as_str).unwrap_or_default().is_empty()
        && let Some(Value::String(prefix)) = metadata.get("generateName")
        && !prefix.is_empty()
    {
        let suffix: String = (0..5)
            .map(|_| fastrand::choice(b"bcdfghjklmnpqrstvwxz2456789").map_or('x', |b| char::from(*b)))
            .collect();
        let base: String = prefix.chars().take(LONGEST_BASE).collect();
        let name = format!("{base}{suffix}");
        metadata.insert("name".into(), name.into());
    }
    if kind.namespaced {
        metadata.insert("namespace".into(), target.namespace.as_str().into());
    } else {
        metadata.remove("namespace");
    }
    metadata.insert("uid".into(), new_uid().into());
    metadata.insert("creationTimestamp".into(), clock::stamp().into());
    if kind.generation {
        metadata.insert("generation".into(), 1.into());
    }
    to_stored(kind, &mut fresh);
    normalise(call, kind, &mut fresh, None, warnings)?;
    check(kind, &fresh, None)?;
    managed::track(None, &mut fresh, None, schema_of(kind), &writer(call, &kind.api_version(), ""));
    Ok(fresh)
}

/// The state that is stored when `wanted` replaces `old`, with its generation and its field managers.
pub(crate) fn next_state(
    call: &Call,
    kind: &Kind,
    target: &Target,
    old: &Value,
    wanted: Value,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiFailure> {
    typed_metadata(call, kind, &wanted)?;
    let claims = |field: &str| Some(meta(&wanted, field)).filter(|claimed| !claimed.is_empty());
    if claims("resourceVersion").is_some_and(|at| at != meta(old, "resourceVersion")) {
        return Err(ApiFailure::modified(kind, &target.name));
    }
    if let Some(uid) = claims("uid").filter(|uid| *uid != meta(old, "uid")) {
        return Err(match call.method {
            Method::PATCH => {
                let cause = Cause::invalid("metadata.uid", "field is immutable");
                ApiFailure::invalid(kind, &target.name, &[cause.clone(), cause])
            }
            _ => ApiFailure::another_uid(kind, &target.name, uid, meta(old, "uid")),
        });
    }
    if let Some(name) = claims("name").filter(|name| *name != target.name) {
        let why =
            format!("the name of the object ({name}) does not match the name on the URL ({})", target.name);
        return Err(ApiFailure::bad_request(why));
    }
    if claims("namespace").is_some_and(|namespace| namespace != target.namespace) {
        let why = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiFailure::bad_request(why));
    }
    let managers = wanted.pointer("/metadata/managedFields").cloned();
    let mut new = limited(kind, target, old, wanted);
    normalise(call, kind, &mut new, Some(old), warnings)?;
    check(kind, &new, Some(old))?;
    if kind.generation && spec_differs(old, &new, kind.status) {
        let generation = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
        meta_mut(&mut new).insert("generation".into(), (generation + 1).into());
    }
    match managers {
        Some(managers) if call.applies() => {
            meta_mut(&mut new).insert("managedFields".into(), managers);
        }
        managers => {
            let (version, schema) = (kind.api_version(), schema_of(kind));
            let writer = writer(call, &version, &target.sub);
            managed::track(Some(old), &mut new, managers.as_ref(), schema, &writer);
        }
    }
    Ok(new)
}

/// `wanted` without what this endpoint cannot change: a write to status changes only status, and any other write changes
/// everything except status and the metadata that the server owns.
fn limited(kind: &Kind, target: &Target, old: &Value, mut wanted: Value) -> Value {
    to_stored(kind, &mut wanted);
    let status = if target.sub == "status" { wanted.get_mut("status").map(Value::take) } else { None };
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

/// The object in the form in which its kind is stored.
fn to_stored(kind: &Kind, object: &mut Value) {
    if kind.view == View::EventsV1 {
        events::event_from_view(object);
    }
    object["apiVersion"] = kind.stored_as.as_str().into();
    object["kind"] = kind.kind.as_str().into();
}

/// The schema of a custom resource; None for built-in kinds.
pub(crate) fn schema_of(kind: &Kind) -> Option<&Value> {
    kind.schema().map(Schema::root)
}

/// The field manager that writes.
pub(crate) fn writer<'a>(call: &'a Call, api_version: &'a str, subresource: &'a str) -> Writer<'a> {
    Writer { manager: call.manager(), api_version, subresource }
}

/// Removes unknown fields, fills in defaults, and refuses an object that cannot be decoded as its kind.
fn normalise(
    call: &Call,
    kind: &Kind,
    object: &mut Value,
    old: Option<&Value>,
    warnings: &mut Vec<String>,
) -> Result<(), ApiFailure> {
    let mut unknown = Vec::new();
    object::tidy_metadata(object, &mut unknown);
    match &kind.rules {
        KindRules::Custom(schema) => schema.normalise(object, &mut unknown),
        KindRules::BuiltIn(rules) => {
            if let Some(time) = core_rules::bad_micro_time(object) {
                let why = format!("the time \"{time}\" has no fraction of a second");
                return Err(unreadable(call, kind, &why));
            }
            let typed = (rules.typed)(object.clone()).map_err(|e| unreadable(call, kind, &e.to_string()))?;
            lost("", object, &typed, &mut unknown);
            *object = typed;
            (rules.prepare)(object, old);
        }
    }
    if let Some(field) = unknown.first().filter(|_| call.applies()) {
        return Err(ApiFailure::undeclared(kind, object, field));
    }
    if call.query.get("fieldValidation") == "Ignore" {
        return Ok(());
    }
    let mut list: Vec<String> = unknown.iter().map(|field| format!("unknown field \"{field}\"")).collect();
    if call.method != Method::PATCH && matches!(call.content_type(), "" | "application/json") {
        let twice = duplicates::find(&call.body);
        list.extend(twice.iter().map(|field| format!("duplicate field \"{field}\"")));
    }
    if list.is_empty() {
        return Ok(());
    }
    if call.query.get("fieldValidation") == "Strict" {
        return Err(unreadable(call, kind, &format!("strict decoding error: {}", list.join(", "))));
    }
    *warnings = list;
    Ok(())
}

/// The failure if a body, or the result of a patch, cannot be decoded as its kind.
fn unreadable(call: &Call, kind: &Kind, why: &str) -> ApiFailure {
    if call.method == Method::PATCH && !call.applies() {
        return ApiFailure::invalid_as("", "", "", &[Cause::invalid("patch", why)]);
    }
    let (kind, version) = (&kind.kind, &kind.version);
    ApiFailure::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
}

/// Checks metadata against its type, which is the same for every kind.
pub(crate) fn typed_metadata(call: &Call, kind: &Kind, object: &Value) -> Result<(), ApiFailure> {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    let typed = serde_json::from_value::<Option<ObjectMeta>>(metadata);
    typed.map(|_| ()).map_err(|e| unreadable(call, kind, &format!("metadata: {e}")))
}

/// The fields of `before` that were lost when it was decoded as its type.
fn lost(path: &str, before: &Value, after: &Value, unknown: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before.iter().filter(|(_, value)| !value.is_null()) {
                let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
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

fn check(kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), ApiFailure> {
    let mut causes = metadata::check(kind, object, old);
    causes = match &kind.rules {
        KindRules::Custom(schema) => schema.check(object, old, causes),
        KindRules::BuiltIn(rules) => {
            causes.extend((rules.check)(object));
            causes.extend((rules.check_change)(object, old));
            causes
        }
    };
    if causes.is_empty() { Ok(()) } else { Err(ApiFailure::invalid(kind, meta(object, "name"), &causes)) }
}
