//! The defaults of what a cluster's administrator sets up: webhooks, policies, drivers and storage classes.

use serde_json::{Value, json};

use super::core_rules::default;
use crate::api::object::child_mut;

/// What the real server fills in for each webhook of a configuration.
pub(crate) fn prepare_webhooks(configuration: &mut Value, _old: Option<&Value>) {
    let webhooks = configuration.get_mut("webhooks").and_then(Value::as_array_mut);
    for webhook in webhooks.into_iter().flatten().filter_map(Value::as_object_mut) {
        default(webhook, "failurePolicy", "Fail".into());
        default(webhook, "matchPolicy", "Equivalent".into());
        default(webhook, "namespaceSelector", json!({}));
        default(webhook, "objectSelector", json!({}));
        default(webhook, "timeoutSeconds", 10.into());
        for rule in webhook.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(rule) = rule.as_object_mut() {
                default(rule, "scope", "*".into());
            }
        }
        let service = webhook.get_mut("clientConfig").and_then(|config| config.get_mut("service"));
        if let Some(service) = service.and_then(Value::as_object_mut) {
            default(service, "port", 443.into());
        }
    }
}

/// What it fills in for a policy.
pub(crate) fn prepare_policy(policy: &mut Value, _old: Option<&Value>) {
    let spec = child_mut(policy, "spec");
    default(spec, "failurePolicy", "Fail".into());
    let Some(constraints) = spec.get_mut("matchConstraints").and_then(Value::as_object_mut) else { return };
    default(constraints, "matchPolicy", "Equivalent".into());
    default(constraints, "namespaceSelector", json!({}));
    default(constraints, "objectSelector", json!({}));
    for rule in constraints.get_mut("resourceRules").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(rule) = rule.as_object_mut() {
            default(rule, "scope", "*".into());
        }
    }
}

/// What it fills in for a driver.
pub(crate) fn prepare_driver(driver: &mut Value, _old: Option<&Value>) {
    let spec = child_mut(driver, "spec");
    for (field, value) in [
        ("attachRequired", json!(true)),
        ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
        ("podInfoOnMount", json!(false)),
        ("requiresRepublish", json!(false)),
        ("seLinuxMount", json!(false)),
        ("storageCapacity", json!(false)),
        ("volumeLifecycleModes", json!(["Persistent"])),
    ] {
        default(spec, field, value);
    }
}

/// What it fills in for a storage class.
pub(crate) fn prepare_storage_class(class: &mut Value, _old: Option<&Value>) {
    if let Value::Object(class) = class {
        default(class, "reclaimPolicy", "Delete".into());
        default(class, "volumeBindingMode", "Immediate".into());
    }
}
