//! The rules of core kinds that their types do not express: defaults, checks, and fields that cannot change.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use crate::api::cause::Cause;
use crate::api::clock;
use crate::api::object::{child_mut, list, meta, meta_mut, text};

/// Sets a field that is missing.
pub(crate) fn default(map: &mut Map<String, Value>, field: &str, value: Value) {
    map.entry(field).or_insert(value);
}

fn add_finalizer(object: &mut Value, name: &str) {
    if list(object, "/metadata/finalizers").iter().any(|f| f == name) {
        return;
    }
    let finalizers = meta_mut(object).entry("finalizers").or_insert_with(|| json!([]));
    if let Value::Array(finalizers) = finalizers {
        finalizers.push(name.into());
    }
}

/// Moves `stringData` into `data`, and sets the type to Opaque if none is given.
pub(crate) fn prepare_secret(secret: &mut Value, _old: Option<&Value>) {
    let plain = secret.as_object_mut().and_then(|s| s.remove("stringData"));
    if let Some(Value::Object(plain)) = plain {
        let data = child_mut(secret, "data");
        for (key, value) in plain {
            data.insert(key, BASE64_STANDARD.encode(value.as_str().unwrap_or_default()).into());
        }
    }
    if let Value::Object(secret) = secret {
        default(secret, "type", "Opaque".into());
    }
}

/// A new claim gets its protection finalizer, a volume mode and a phase.
pub(crate) fn prepare_claim(claim: &mut Value, old: Option<&Value>) {
    default(child_mut(claim, "spec"), "volumeMode", "Filesystem".into());
    if old.is_none() {
        add_finalizer(claim, "kubernetes.io/pvc-protection");
        claim["status"] = json!({"phase": "Pending"});
    }
}

/// A new volume gets its protection finalizer, a volume mode, a reclaim policy and a phase.
pub(crate) fn prepare_volume(volume: &mut Value, old: Option<&Value>) {
    let spec = child_mut(volume, "spec");
    default(spec, "volumeMode", "Filesystem".into());
    default(spec, "persistentVolumeReclaimPolicy", "Retain".into());
    if old.is_none() {
        add_finalizer(volume, "kubernetes.io/pv-protection");
        volume["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": clock::stamp()});
    }
}

/// A service is reached within the cluster unless it says otherwise. It gets no address here: nothing routes to it.
pub(crate) fn prepare_service(service: &mut Value, old: Option<&Value>) {
    let spec = child_mut(service, "spec");
    for (field, value) in [("type", json!("ClusterIP")), ("sessionAffinity", json!("None"))] {
        default(spec, field, value);
    }
    if old.is_none() {
        service["status"] = json!({"loadBalancer": {}});
    }
}

/// A namespace has its name as a label, and it is active until it is deleted.
pub(crate) fn prepare_namespace(namespace: &mut Value, old: Option<&Value>) {
    let name = meta(namespace, "name").to_owned();
    child_mut_of(namespace, "metadata", "labels").insert("kubernetes.io/metadata.name".into(), name.into());
    if old.is_none() {
        namespace["spec"] = json!({"finalizers": ["kubernetes"]});
        namespace["status"] = json!({"phase": "Active"});
    }
}

fn child_mut_of<'a>(object: &'a mut Value, outer: &str, inner: &str) -> &'a mut Map<String, Value> {
    child_mut(object, outer);
    child_mut(&mut object[outer], inner)
}

/// A pod stays pending, because there is no kubelet.
pub(crate) fn prepare_pod(pod: &mut Value, old: Option<&Value>) {
    if old.is_none() {
        pod["status"] = json!({"phase": "Pending"});
    }
}

/// The duration of a lease must be positive, and its number of transitions must not be negative.
pub(crate) fn check_lease(lease: &Value) -> Vec<Cause> {
    let number = |field: &str| lease.get("spec").and_then(|s| s.get(field)).and_then(Value::as_i64);
    let mut causes = Vec::new();
    if number("leaseDurationSeconds").is_some_and(|n| n <= 0) {
        causes.push(Cause::invalid("spec.leaseDurationSeconds", "must be greater than 0"));
    }
    if number("leaseTransitions").is_some_and(|n| n < 0) {
        causes.push(Cause::invalid("spec.leaseTransitions", "must be greater than or equal to 0"));
    }
    causes
}

/// The first `metav1.MicroTime` of the object that has no fraction, which the real server cannot read.
pub(crate) fn bad_micro_time(object: &Value) -> Option<&str> {
    ["/spec/acquireTime", "/spec/renewTime", "/eventTime"]
        .into_iter()
        .map(|pointer| text(object, pointer))
        .find(|time| !time.is_empty() && !time.contains('.'))
}

/// The fields that differ from the old state.
fn changed<'a>(object: &Value, old: &Value, fields: &[&'a str]) -> Vec<&'a str> {
    fields.iter().copied().filter(|field| object.get(*field) != old.get(*field)).collect()
}

/// The role of a binding cannot change.
pub(crate) fn check_binding_change(binding: &Value, old: Option<&Value>) -> Vec<Cause> {
    let changed = old.map(|old| changed(binding, old, &["roleRef"])).unwrap_or_default();
    changed.into_iter().map(|field| Cause::invalid(field, "cannot change roleRef")).collect()
}

/// Data that was declared immutable cannot change, and neither can the declaration.
pub(crate) fn check_data_change(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let Some(old) = old.filter(|old| old.get("immutable") == Some(&Value::Bool(true))) else {
        return Vec::new();
    };
    let why = "field is immutable when `immutable` is set";
    let changed = changed(object, old, &["immutable", "data", "binaryData"]);
    changed.into_iter().map(|field| Cause::new("FieldValueForbidden", field, why)).collect()
}

/// The same for a Secret. Its type cannot change either.
pub(crate) fn check_secret_change(secret: &Value, old: Option<&Value>) -> Vec<Cause> {
    let changed = old.map(|old| changed(secret, old, &["type"])).unwrap_or_default();
    let mut causes: Vec<Cause> =
        changed.into_iter().map(|field| Cause::invalid(field, "field is immutable")).collect();
    causes.extend(check_data_change(secret, old));
    causes
}
