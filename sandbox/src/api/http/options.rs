//! Checks the options of a request before anything is done, and refuses those that the real server refuses.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::json;

use super::request::Call;
use crate::api::cause::Cause;
use crate::api::failure::ApiFailure;

/// The maximum length of the name of a field manager.
const LONGEST_MANAGER: usize = 128;

/// Refuses options in the query that the verb does not take.
///
/// # Errors
/// 422, which names the options.
pub(crate) fn check(call: &Call, verb: &str) -> Result<(), ApiFailure> {
    let (options, causes) = match verb {
        "create" => ("CreateOptions", writing(call)),
        "update" => ("UpdateOptions", writing(call)),
        "patch" => ("PatchOptions", patching(call)),
        "list" | "deletecollection" => ("ListOptions", listing(call)),
        "watch" => ("ListOptions", watching(call)),
        _ => return Ok(()),
    };
    refuse(options, &causes)
}

fn refuse(options: &str, causes: &[Cause]) -> Result<(), ApiFailure> {
    if causes.is_empty() { Ok(()) } else { Err(ApiFailure::invalid_as("meta.k8s.io", options, "", causes)) }
}

/// The options of a deletion, from the body if there is one, otherwise from the query.
///
/// # Errors
/// 400 if the body cannot be decoded, 422 for values that are not valid.
pub(crate) fn deletion(call: &Call) -> Result<DeleteOptions, ApiFailure> {
    let options = if call.body.is_empty() {
        json!({"dryRun": call.query.all("dryRun"), "propagationPolicy": call.query.find("propagationPolicy")})
    } else {
        call.decode("DeleteOptions")?
    };
    let options: DeleteOptions = serde_json::from_value(options)
        .map_err(|e| ApiFailure::bad_request(format!("DeleteOptions cannot be read: {e}")))?;
    let mut causes = dry_run(options.dry_run.iter().flatten().map(String::as_str));
    if let Some(policy) = options.propagation_policy.as_deref() {
        causes.extend(one_of("propagationPolicy", policy, &["Foreground", "Background", "Orphan"]));
        if options.orphan_dependents.is_some() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid("propagationPolicy", why));
        }
    }
    refuse("DeleteOptions", &causes)?;
    Ok(options)
}

fn one_of(field: &str, value: &str, known: &[&str]) -> Option<Cause> {
    let why = || format!("supported values: {}", known.join(", "));
    (!known.contains(&value)).then(|| Cause::new("FieldValueNotSupported", field, why()))
}

fn forbidden(field: &str, why: &str) -> Cause {
    Cause::new("FieldValueForbidden", field, why)
}

fn dry_run<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Cause> {
    values.into_iter().filter_map(|value| one_of("dryRun", value, &["All"])).collect()
}

fn writing(call: &Call) -> Vec<Cause> {
    let mut causes = dry_run(call.query.all("dryRun"));
    let validation = call.query.get("fieldValidation");
    causes.extend(one_of("fieldValidation", validation, &["", "Ignore", "Strict", "Warn"]));
    if call.query.get("fieldManager").len() > LONGEST_MANAGER {
        let why = format!("may not be more than {LONGEST_MANAGER} bytes");
        causes.push(Cause::new("FieldValueTooLong", "fieldManager", why));
    }
    causes
}

fn patching(call: &Call) -> Vec<Cause> {
    let mut causes = writing(call);
    if call.applies() {
        causes.extend(call.query.get("fieldManager").is_empty().then(|| Cause::required("fieldManager")));
    } else if call.query.find("force").is_some() {
        causes.push(forbidden("force", "may not be specified for non-apply patch"));
    }
    causes
}

fn listing(call: &Call) -> Vec<Cause> {
    const RULE: &str = "resourceVersionMatch";
    let mut causes = Vec::new();
    let (rule, at) = (call.query.get(RULE), call.query.get("resourceVersion"));
    if !rule.is_empty() {
        if at.is_empty() {
            causes.push(forbidden(RULE, "is forbidden unless resourceVersion is provided"));
        }
        if !call.query.get("continue").is_empty() {
            causes.push(forbidden(RULE, "is forbidden when continue is provided"));
        }
        causes.extend(one_of(RULE, rule, &["Exact", "NotOlderThan"]));
        if rule == "Exact" && at == "0" {
            causes.push(forbidden(RULE, "\"exact\" is forbidden for resourceVersion \"0\""));
        }
    }
    if call.query.find("sendInitialEvents").is_some() {
        causes.push(forbidden("sendInitialEvents", "is forbidden for list"));
    }
    causes
}

fn watching(call: &Call) -> Vec<Cause> {
    const RULE: &str = "resourceVersionMatch";
    let mut causes = Vec::new();
    let rule = call.query.get(RULE);
    let initial = call.query.find("sendInitialEvents").is_some();
    if initial && rule != "NotOlderThan" {
        causes.push(forbidden(RULE, "sendInitialEvents requires setting it to NotOlderThan"));
    }
    if !rule.is_empty() {
        if !initial {
            causes.push(forbidden(RULE, "is forbidden for watch unless sendInitialEvents is provided"));
        }
        causes.extend(one_of(RULE, rule, &["NotOlderThan"]));
        if !call.query.get("continue").is_empty() {
            causes.push(forbidden(RULE, "is forbidden when continue is provided"));
        }
    }
    causes
}
