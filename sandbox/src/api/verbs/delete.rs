//! Deletes an object or a collection, in two phases if there are finalizers.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::{Value, json};

use super::selector::Selector;
use super::write::ATTEMPTS;
use crate::api::clock;
use crate::api::failure::ApiFailure;
use crate::api::http::answer::ApiAnswer;
use crate::api::http::options;
use crate::api::http::request::Call;
use crate::api::http::target::Target;
use crate::api::kinds::kind::Kind;
use crate::api::object::{is_deleting, is_held, meta, meta_mut, version};
use crate::api::store::objects::ObjectKey;
use crate::api::store::state::{State, key_of};

/// The namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// The result of a deletion.
enum Ended {
    /// The object has been removed; this was its last state.
    Gone(Arc<Value>),
    /// A finalizer keeps it from being removed; this is its current state.
    Held(Arc<Value>),
}

/// DELETE of one object.
pub(crate) fn one(state: &State, call: &Call, kind: &Kind, target: &Target) -> Result<ApiAnswer, ApiFailure> {
    let key = (target.namespace.clone(), target.name.clone());
    let options = options::deletion(call)?;
    if kind.plural == "namespaces" && IMMORTAL.contains(&target.name.as_str()) {
        let why = "this namespace may not be deleted";
        return Err(ApiFailure::forbidden(&kind.group, &kind.plural, &target.name, why));
    }
    match remove(state, kind, &key, &options)? {
        Ended::Held(object) => ApiAnswer::object(call, kind, 200, &object),
        Ended::Gone(object) if kind.returns_deleted => ApiAnswer::object(call, kind, 200, &object),
        Ended::Gone(object) => {
            let mut details = json!({"name": target.name, "kind": kind.plural, "uid": meta(&object, "uid")});
            if !kind.group.is_empty() {
                details["group"] = kind.group.as_str().into();
            }
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                                "details": details});
            Ok(ApiAnswer::json(200, &status))
        }
    }
}

/// DELETE of a collection. The answer is the list of what was selected.
pub(crate) fn collection(
    state: &State,
    call: &Call,
    kind: &Kind,
    target: &Target,
) -> Result<ApiAnswer, ApiFailure> {
    let selector = Selector::parse(kind, call.query.get("labelSelector"), call.query.get("fieldSelector"))?;
    let options = options::deletion(call)?;
    let (objects, at) = state
        .store
        .list(&kind.resource, &target.namespace, None, None)
        .map_err(|_| ApiFailure::contended())?;
    let mut deleted = Vec::new();
    for object in objects.into_iter().filter(|object| selector.matches(object)) {
        match remove(state, kind, &key_of(&object), &options) {
            Ok(Ended::Held(object) | Ended::Gone(object)) => deleted.push(object),
            // Another client has deleted it already.
            Err(gone) if gone.code == 404 => {}
            Err(other) => return Err(other),
        }
    }
    ApiAnswer::list(call, kind, &deleted, json!({"resourceVersion": at.to_string()}))
}

fn remove(state: &State, kind: &Kind, key: &ObjectKey, options: &DeleteOptions) -> Result<Ended, ApiFailure> {
    let dry = options.dry_run.as_ref().is_some_and(|values| !values.is_empty());
    for _ in 0..ATTEMPTS {
        let object =
            state.store.get(&kind.resource, key).ok_or_else(|| ApiFailure::not_found(kind, &key.1))?;
        check_preconditions(kind, &object, options)?;
        let holds = is_held(&object) || (kind.plural == "namespaces" && state.store.is_used(&key.1));
        if !holds {
            if dry || state.store.remove(&kind.resource, key, &object).is_ok() {
                if !dry {
                    state.removed(kind, key);
                }
                return Ok(Ended::Gone(object));
            }
        } else if dry || is_deleting(&object) {
            return Ok(Ended::Held(object));
        } else if let Ok(held) =
            state.store.put(&kind.resource, key, Some(&object), asked_to_go(kind, &object))
        {
            if kind.plural == "namespaces" {
                empty_namespace(state, &key.1)?;
            }
            return Ok(Ended::Held(held));
        }
    }
    Err(ApiFailure::contended())
}

fn check_preconditions(kind: &Kind, object: &Value, options: &DeleteOptions) -> Result<(), ApiFailure> {
    let wanted = options.preconditions.as_ref();
    let uid = wanted.and_then(|p| p.uid.as_deref()).unwrap_or_default();
    let at = wanted.and_then(|p| p.resource_version.as_deref()).unwrap_or_default();
    let fails = if !uid.is_empty() && uid != meta(object, "uid") {
        let have = meta(object, "uid");
        format!("the UID in the precondition ({uid}) does not match the UID in record ({have})")
    } else if !at.is_empty() && at != meta(object, "resourceVersion") {
        let have = version(object);
        format!("the ResourceVersion in the precondition ({at}) does not match the one in record ({have})")
    } else {
        return Ok(());
    };
    Err(ApiFailure::precondition(kind, meta(object, "name"), &fails))
}

/// The object, marked as being deleted.
fn asked_to_go(kind: &Kind, object: &Value) -> Value {
    let mut object = object.clone();
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
    let metadata = meta_mut(&mut object);
    metadata.insert("deletionTimestamp".into(), clock::stamp().into());
    metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
    if kind.generation {
        metadata.insert("generation".into(), (generation + 1).into());
    }
    if kind.plural == "namespaces" {
        object["status"] = json!({"phase": "Terminating"});
    }
    object
}

/// Deletes everything in a namespace that is being deleted, as the namespace controller would.
fn empty_namespace(state: &State, namespace: &str) -> Result<(), ApiFailure> {
    for kind in state.kinds.all().iter().filter(|kind| kind.namespaced) {
        let (objects, _) =
            state.store.list(&kind.resource, namespace, None, None).map_err(|_| ApiFailure::contended())?;
        for object in objects {
            match remove(state, kind, &key_of(&object), &DeleteOptions::default()) {
                Ok(_) => {}
                // Versions of one kind share their objects, so there may be none left for the second version.
                Err(gone) if gone.code == 404 => {}
                Err(other) => return Err(other),
            }
        }
    }
    state.end_namespace(namespace);
    Ok(())
}
