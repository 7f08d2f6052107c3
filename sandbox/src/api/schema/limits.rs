//! Checks single values by the types, ranges, sizes and formats of their schema.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Number, Value};

use super::node::{is_set, path_name};
use crate::api::cause::Cause;

pub(crate) fn has_type(schema: &Value, value: &Value) -> bool {
    if value.is_null() {
        return is_set(schema, "nullable") || schema.get("type").is_none();
    }
    if is_set(schema, "x-kubernetes-int-or-string") {
        return value.is_string() || value.is_i64() || value.is_u64();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        Some("number") => value.is_number(),
        Some(_) | None => true,
    }
}

/// Checks ranges, multiples and the formats of integers.
pub(crate) fn number(schema: &Value, number: &Number, path: &str, causes: &mut Vec<Cause>) {
    let value = number.as_f64().unwrap_or_default();
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let mut refuse = |why: String| causes.push(Cause::invalid(path_name(path), why));
    if let Some(least) = limit("minimum") {
        let exclusive = is_set(schema, "exclusiveMinimum");
        if value < least || (exclusive && value <= least) {
            refuse(format!("should be greater than {}{least}", if exclusive { "" } else { "or equal to " }));
        }
    }
    if let Some(most) = limit("maximum") {
        let exclusive = is_set(schema, "exclusiveMaximum");
        if value > most || (exclusive && value >= most) {
            refuse(format!("should be less than {}{most}", if exclusive { "" } else { "or equal to " }));
        }
    }
    if let Some(of) = limit("multipleOf").filter(|of| *of != 0.0 && (value / of).fract() != 0.0) {
        refuse(format!("should be a multiple of {of}"));
    }
    let fits = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => number.is_f64() || number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Some("int64") => number.is_f64() || number.is_i64(),
        Some(_) | None => true,
    };
    if !fits {
        refuse("is out of the range of its format".into());
    }
}

/// Checks those formats of texts that the real server checks.
pub(crate) fn format(schema: &Value, text: &str, path: &str, causes: &mut Vec<Cause>) {
    let why = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") if text.parse::<jiff::Timestamp>().is_err() => "is not a date and time of RFC 3339",
        Some("byte") if BASE64_STANDARD.decode(text).is_err() => "is not base64",
        Some(_) | None => return,
    };
    causes.push(Cause::invalid(path_name(path), why));
}

/// Checks a length or a number of items against its minimum and its maximum.
pub(crate) fn count(
    schema: &Value,
    [least, most]: [&str; 2],
    have: usize,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
    let have = have as u64;
    if let Some(least) = limit(least).filter(|least| have < *least) {
        causes.push(Cause::invalid(path_name(path), format!("has {have} where at least {least} are needed")));
    }
    if let Some(limit) = limit(most).filter(|limit| have > *limit) {
        let reason = if most == "maxLength" { "FieldValueTooLong" } else { "FieldValueTooMany" };
        causes.push(Cause::new(
            reason,
            path_name(path),
            format!("has {have} where at most {limit} are allowed"),
        ));
    }
}
